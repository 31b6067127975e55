//! The example is a configuration with every key, and a bad configuration is told with every key that is bad.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::Clock;
use anlan_notify::config::{ConfigError, NotifyConfig};
use anlan_notify::email::Security;
use anlan_notify::message::Kind;
use anlan_notify::policy::flow::FlowLimit;
use anlan_notify::policy::retry::RetryPolicy;
use anlan_notify::secret::SecretSource;
use anlan_notify::sms;
use anlan_notify::sms::http::Number;
use anlan_notify::template::{Templates, fields_as_table};

const EXAMPLE: &str = include_str!("../../examples/notify.toml");

fn read(text: &str) -> Result<NotifyConfig, ConfigError> {
    NotifyConfig::from_toml(text, Path::new("/etc/anlan/notify.toml"))
}

#[test]
fn the_example_is_read_and_shows_the_defaults() {
    let config = read(EXAMPLE).unwrap_or_else(|e| panic!("{e}"));
    let email = &config.email[0];
    assert_eq!((email.security, email.port), (Security::Tls, 465));
    assert_eq!(email.sign_in.as_ref().unwrap().user, "anlan@example.cn");
    let sms = &config.sms_http[0];
    assert_eq!((sms.number, sms.parts_max), (Number::National, 3));
    assert_eq!(sms.rules.success, ["OK", "0"]);
    assert_eq!(config.webhook[0].secret, SecretSource::File("/etc/anlan/webhook.secret".into()));
    assert_eq!(config.retry, RetryPolicy::default());
    assert_eq!(config.flow, FlowLimit::default());
    assert_eq!(config.templates, Templates::default());

    // What the example calls a default is what comes without the key.
    let mut least = EXAMPLE.to_owned();
    for key in [
        "security",
        "port",
        "timeout",
        "method",
        "number",
        "parts_max",
        "endpoint",
        "region",
        "param_characters_max",
        "baud",
        "flow_control",
        "validity",
        "report_wait",
        "network_timeout",
    ] {
        // The port of a modem is a file and has no default.
        let kept =
            |line: &&str| line.starts_with("port = \"") || !line.starts_with(&format!("{key} = "));
        least = least.lines().filter(kept).collect::<Vec<_>>().join("\n");
    }
    assert_eq!(read(&least).unwrap_or_else(|e| panic!("{e}")), config);
    assert_eq!(read("").unwrap(), NotifyConfig::default());
}

#[test]
fn the_example_shows_every_key() {
    // A key that no table knows makes each table name those that it does.
    let mut text = String::new();
    for line in EXAMPLE.lines() {
        text.push_str(line);
        text.push('\n');
        if line.starts_with('[') {
            text.push_str("nobody = 1\n");
        }
    }
    let problems = read(&text).unwrap_err().problems;
    assert_eq!(problems.len(), 9, "{problems:?}");
    for problem in problems {
        let (_, known) = problem.message.split_once("known are ").unwrap();
        for key in known.split(", ") {
            let shown = EXAMPLE.lines().any(|line| {
                line.trim_start_matches("# ").starts_with(&format!("{key} = "))
                    || line.starts_with(&format!("[sms_http.{key}]"))
            });
            assert!(shown, "{}: {key} is not in the example", problem.key);
        }
    }
}

#[test]
fn every_problem_is_told_at_once_with_line_and_key() {
    let text = r#"
[[email]]
name = "mail"
port = 0
security = "ssl"
user = "anlan"
password = "tr0ub4dor"
from = "anlan"
hello = "x\r\nMAIL"
timeout = "1d"

[[sms_http]]
name = "mail"
method = "GET"
url = "ftp://x"
headers = { Host = "x", "a b" = "c" }
form = { m = "{mobile}", t = 3 }
json = { when = 2026-01-01 }
secret_file = "key"

[sms_http.answer]
code = "code"
throttled = ["A"]
account = ["A"]
success_status = [20]

[[webhook]]
url = "https://a.example/"
secret_file = "a"
secret_env = "B"

[[sms_aliyun]]
name = "aliyun"
endpoint = "https://a.example/x"
params = { text = "{phone}" }

[[sms_modem]]
name = "modem"
pin = "4711"
smsc = "13800371500"
validity = "1m"
flow_control = "xonxoff"
port = "/dev/ttyUSB0"

[[sms_modem]]
name = "spare"
port = "/dev/ttyUSB0"
baud = 50

[retry]
first = "1h"
repeat_unknown = "yes"

[flow]
messages = 0

[[template]]
kind = "fax"
subject = "{pont}"
text = "{"

[unknown]
"#;
    let error = read(text).unwrap_err();
    let told: Vec<String> =
        error.problems.iter().map(|p| format!("{} {}: {}", p.line, p.key, p.message)).collect();
    let expected = [
        "2 email[0].host: is missing",
        "2 email[0].password_file: is missing",
        "4 email[0].port: 0 is not between 1 and 65535",
        "5 email[0].security: \"ssl\" is none of tls, starttls, plain",
        "7 email[0].password: is never written here",
        "8 email[0].from: this is no e-mail address",
        "9 email[0].hello: ",
        "10 email[0].timeout: \"1d\" is no duration",
        "12 sms_http[0].phone: no value",
        "12 sms_http[0].text: no value",
        "13 sms_http[0].name: \"mail\" is the name of another channel as well",
        "15 sms_http[0].url: this is no webhook URL: it begins with neither",
        "16 sms_http[0].headers.Host: is set by this program",
        "16 sms_http[0].headers.a b: is no name of a header",
        "17 sms_http[0].form.m: {mobile} is no placeholder",
        "17 sms_http[0].form.t: is of type integer; write text in quotes",
        "18 sms_http[0].json: is given beside form",
        "18 sms_http[0].json.when: is a date",
        "19 sms_http[0].secret_file: is given, and no value has {secret}",
        "21 sms_http[0].answer.success: is missing",
        "22 sms_http[0].answer.code: \"code\" is no JSON pointer",
        "24 sms_http[0].answer.account: \"A\" stands in throttled as well",
        "25 sms_http[0].answer.success_status: 20 is no HTTP status",
        "27 webhook[0].name: is missing",
        "30 webhook[0].secret_env: is given beside secret_file",
        "32 sms_aliyun[0].access_key_id: is missing",
        "32 sms_aliyun[0].secret_file: is missing",
        "32 sms_aliyun[0].sign_name: is missing",
        "32 sms_aliyun[0].template_code: is missing",
        "34 sms_aliyun[0].endpoint: has a path",
        "35 sms_aliyun[0].params: has no variable",
        "35 sms_aliyun[0].params.text: {phone} is no placeholder",
        "39 sms_modem[0].pin: is never written here",
        "40 sms_modem[0].smsc: has no country's code",
        "41 sms_modem[0].validity: 60s is not between 300s and",
        "42 sms_modem[0].flow_control: \"xonxoff\" is none of none, hardware",
        "47 sms_modem[1].port: /dev/ttyUSB0 is the port of another channel as well",
        "48 sms_modem[1].baud: 50 is not between 300 and 4000000",
        "50 retry.longest: 300s is shorter than first, 3600s",
        "52 retry.repeat_unknown: is of type string; write true or false",
        "55 flow.messages: 0 is not between 1 and 1000",
        "57 template[0].language: is missing",
        "58 template[0].kind: \"fax\" is none of email, sms, webhook",
        "59 template[0].subject: {pont} is no placeholder",
        "60 template[0].text: character 1: '{' has no partner",
        "62 unknown: is no key of this table; known are email, flow, retry, sms_aliyun, sms_http, sms_modem, template, webhook",
    ];
    for (i, expected) in expected.iter().enumerate() {
        let told = told.get(i).map_or("nothing", String::as_str);
        assert!(told.starts_with(expected), "expected {expected}\n     got {told}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for secret in ["tr0ub4dor", "4711"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }

    let error = read("[[email]\n").unwrap_err().to_string();
    assert!(error.starts_with("/etc/anlan/notify.toml:1: "), "{error}");
    let message = read("[retry]\nfirst = \"9m\"\n").unwrap_err().to_string();
    assert_eq!(
        message,
        "/etc/anlan/notify.toml:1: retry.longest: 300s is shorter than first, 540s"
    );
}

#[test]
fn channels_are_opened_or_each_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hook"), "s3cret").unwrap();
    let text = r#"
[[email]]
name = "mail"
host = "127.0.0.1"
security = "plain"
user = "anlan"
password_file = "none"
from = "anlan@park.example"

[[sms_http]]
name = "sms"
url = "http://127.0.0.1:9/"
method = "GET"
query = { m = "{phone}", t = "{text}", k = "{secret}" }
secret_env = "ANLAN_NOT_SET"

[[webhook]]
name = "park"
url = "https://a.example/"
secret_file = "hook"
ca_file = "none.pem"
"#;
    let clock: Clock = Arc::new(|| UtcMillis(0));
    let config = NotifyConfig::from_toml(text, &folder.path().join("notify.toml")).unwrap();
    assert_eq!(config.webhook[0].timeout, Duration::from_secs(10));
    let problems = config.open(&clock).err().unwrap();
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (problem, words) in problems.iter().zip([
        "channel mail: cannot read ",
        "channel sms: environment variable ANLAN_NOT_SET",
        "channel park: ",
    ]) {
        assert!(problem.starts_with(words), "{problem}");
    }
    std::fs::write(folder.path().join("none"), "tr0ub4dor").unwrap();
    let text = text
        .replace("secret_env = \"ANLAN_NOT_SET\"", "secret_file = \"none\"")
        .replace("ca_file = \"none.pem\"", "");
    let config = NotifyConfig::from_toml(&text, &folder.path().join("notify.toml")).unwrap();
    assert!(!format!("{config:?}").contains("tr0ub4dor"));
    let kinds: Vec<Kind> = config.open(&clock).ok().unwrap().iter().map(|c| c.kind()).collect();
    assert_eq!(kinds, [Kind::Email, Kind::Sms, Kind::Webhook]);
}

#[test]
fn the_manual_lists_the_placeholders_that_there_are() {
    let manual = include_str!("../../docs/notify.md");
    assert!(manual.ends_with(&fields_as_table()));
    for (name, _) in sms::http::FIELDS {
        assert!(manual.contains(&format!("`{{{name}}}`")), "{name}");
    }
}
