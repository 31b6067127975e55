//! Configuration of the channels: a TOML file, read into types that cannot be wrong any more, with every problem at once.
//!
//! `examples/notify.toml` shows and explains every key and is read by a test. Secrets are named, never written.

mod entry;
mod sms_aliyun;
mod sms_http;
mod sms_modem;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use self::entry::{Document, Entry};
use crate::channel::{Channel, Clock};
use crate::email::{Email, EmailConfig, Security, SignIn};
use crate::message::{Kind, Language, Mailbox, WebhookUrl};
use crate::policy::flow::FlowLimit;
use crate::policy::retry::RetryPolicy;
use crate::sms::aliyun::{Aliyun, AliyunConfig};
use crate::sms::http::{HttpSms, HttpSmsConfig};
use crate::sms::modem::{Modem, ModemConfig};
use crate::template::{Template, Templates, Texts};
use crate::webhook::{Webhook, WebhookConfig};

const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);

/// Everything about channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NotifyConfig {
    /// Mail servers.
    pub email: Vec<EmailConfig>,
    /// Providers of short messages.
    pub sms_http: Vec<HttpSmsConfig>,
    /// Accounts at Alibaba Cloud.
    pub sms_aliyun: Vec<AliyunConfig>,
    /// Modems on serial ports.
    pub sms_modem: Vec<ModemConfig>,
    /// Programs of third parties.
    pub webhook: Vec<WebhookConfig>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How much one person gets.
    pub flow: FlowLimit,
    /// The texts of alarms.
    pub templates: Templates,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// The key, with its table: `email[0].port`.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Everything that is wrong with a file; its `Display` is one line a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// In the order of lines.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Problem { line, key, message }) in self.problems.iter().enumerate() {
            let separator = if i > 0 { "\n" } else { "" };
            let colon = if key.is_empty() { "" } else { ": " };
            write!(f, "{separator}{}:{line}: {key}{colon}{message}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl NotifyConfig {
    /// Reads `text`, which came from `file`; relative paths in it are relative to the file's folder. Nothing that it names is
    /// opened.
    ///
    /// # Errors
    /// Every problem.
    pub fn from_toml(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let document = Document { text, folder, problems: RefCell::default() };
        let table = DeTable::parse(text);
        let config = match &table {
            Ok(table) => read(Entry::new(&document, String::new(), 0, table.get_ref())),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                document.problem(at, String::new(), error.message());
                Self::default()
            }
        };
        let mut problems = document.problems.into_inner();
        problems.sort_by(|a, b| a.line.cmp(&b.line).then_with(|| a.key.cmp(&b.key)));
        problems.dedup();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { file: file.to_owned(), problems })
        }
    }

    /// Names of the channels, in the order in which they are opened.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let email = self.email.iter().map(|c| &c.name);
        let sms_http = self.sms_http.iter().map(|c| &c.name);
        let sms_aliyun = self.sms_aliyun.iter().map(|c| &c.name);
        let sms_modem = self.sms_modem.iter().map(|c| &c.name);
        let webhook = self.webhook.iter().map(|c| &c.name);
        email.chain(sms_http).chain(sms_aliyun).chain(sms_modem).chain(webhook).cloned().collect()
    }

    /// The configuration with the one channel of this name; `None` where there is none.
    #[must_use]
    pub fn only(mut self, name: &str) -> Option<Self> {
        self.email.retain(|c| c.name == name);
        self.sms_http.retain(|c| c.name == name);
        self.sms_aliyun.retain(|c| c.name == name);
        self.sms_modem.retain(|c| c.name == name);
        self.webhook.retain(|c| c.name == name);
        (self.names().len() == 1).then_some(self)
    }

    /// Opens every channel: reads secrets and authorities; connects to nothing.
    ///
    /// # Errors
    /// A sentence for each channel that cannot be opened, with its name.
    pub fn open(&self, clock: &Clock) -> Result<Vec<Box<dyn Channel>>, Vec<String>> {
        let mut channels: Vec<Box<dyn Channel>> = Vec::new();
        let mut problems = Vec::new();
        let mut take = |name: &str, opened: Result<Box<dyn Channel>, String>| match opened {
            Ok(channel) => channels.push(channel),
            Err(why) => problems.push(format!("channel {name}: {why}")),
        };
        for config in &self.email {
            take(&config.name, Email::new(config, clock.clone()).map(|c| Box::new(c) as _));
        }
        for config in &self.sms_http {
            take(&config.name, HttpSms::new(config, clock.clone()).map(|c| Box::new(c) as _));
        }
        for config in &self.sms_aliyun {
            take(&config.name, Aliyun::new(config, clock.clone()).map(|c| Box::new(c) as _));
        }
        for config in &self.sms_modem {
            take(&config.name, Modem::new(config, clock.clone()).map(|c| Box::new(c) as _));
        }
        for config in &self.webhook {
            take(&config.name, Webhook::new(config, clock.clone()).map(|c| Box::new(c) as _));
        }
        if problems.is_empty() { Ok(channels) } else { Err(problems) }
    }
}

fn read(top: Entry<'_>) -> NotifyConfig {
    let mut names = BTreeSet::new();
    let mut entries = |key| {
        let entries = top.tables(key);
        for entry in &entries {
            if let Some(name) = entry.text("name").filter(|name| !names.insert(name.clone())) {
                entry.problem("name", format!("{name:?} is the name of another channel as well"));
            }
        }
        entries
    };
    let config = NotifyConfig {
        email: entries("email").into_iter().filter_map(email).collect(),
        sms_http: entries("sms_http").into_iter().filter_map(sms_http::read).collect(),
        sms_aliyun: entries("sms_aliyun").into_iter().filter_map(sms_aliyun::read).collect(),
        sms_modem: modems(entries("sms_modem")),
        webhook: entries("webhook").into_iter().filter_map(webhook).collect(),
        retry: top.table("retry").and_then(retry).unwrap_or_default(),
        flow: top.table("flow").and_then(flow).unwrap_or_default(),
        templates: templates(top.tables("template")),
    };
    top.finish();
    config
}

fn modems(entries: Vec<Entry<'_>>) -> Vec<ModemConfig> {
    let mut ports = BTreeSet::new();
    for entry in &entries {
        if let Some(port) = entry.file("port").filter(|port| !ports.insert(port.clone())) {
            let message = format!("{} is the port of another channel as well", port.display());
            entry.problem("port", message);
        }
    }
    entries.into_iter().filter_map(sms_modem::read).collect()
}

fn name(entry: &Entry<'_>) -> Option<String> {
    entry.required("name", "\"a name for logs and pages\"")
}

fn email(entry: Entry<'_>) -> Option<EmailConfig> {
    let name = name(&entry);
    let host = entry.required("host", "\"smtp.example.cn\"");
    let security = entry.one_of(
        "security",
        &[("tls", Security::Tls), ("starttls", Security::StartTls), ("plain", Security::Plain)],
    );
    let usual = match security {
        Some(Security::StartTls) => 587,
        Some(Security::Plain) => 25,
        Some(Security::Tls) | None => 465,
    };
    let port = entry.integer("port", usual, 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let password = entry.secret("password_file", "password_env");
    let user = entry.text("user");
    if user.is_some() != (entry.has("password_file") || entry.has("password_env")) {
        let missing = if user.is_some() { "password_file" } else { "user" };
        entry.problem(missing, "is missing; an account has user and password_file or password_env");
    }
    let from = entry.required("from", "\"anlan@example.cn\"");
    let from = entry.read("from", from, |text| Mailbox::new(text));
    let from_name = entry.text("from_name");
    let hello = entry.read("hello", entry.text("hello"), hello);
    let ca_file = entry.file("ca_file");
    if ca_file.is_some() && security == Some(Security::Plain) {
        entry.problem("ca_file", "is given, and security = \"plain\" has no certificates");
    }
    let timeout = entry.duration("timeout", Duration::from_secs(30), TIMEOUT);
    entry.finish();
    Some(EmailConfig {
        name: name?,
        host: host?,
        port: port?,
        security: security?,
        sign_in: user.zip(password).map(|(user, password)| SignIn { user, password }),
        from: from?,
        from_name,
        hello,
        ca_file,
        timeout: timeout?,
    })
}

/// It becomes part of a command, so nothing else may stand in it.
fn hello(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if text.is_empty() || !text.chars().all(good) {
        return Err(format!("{text:?} is no host name; write hello = \"center.example.cn\""));
    }
    Ok(text.to_owned())
}

fn webhook(entry: Entry<'_>) -> Option<WebhookConfig> {
    let name = name(&entry);
    let url = entry.required("url", "\"https://host/path\"");
    let url = entry.read("url", url, |text| WebhookUrl::new(text));
    let secret = entry.secret("secret_file", "secret_env");
    if !entry.has("secret_file") && !entry.has("secret_env") {
        entry.problem("secret_file", "is missing; write secret_file or secret_env");
    }
    let ca_file = entry.file("ca_file");
    let timeout = entry.duration("timeout", Duration::from_secs(10), TIMEOUT);
    entry.finish();
    Some(WebhookConfig { name: name?, url: url?, secret: secret?, ca_file, timeout: timeout? })
}

fn retry(entry: Entry<'_>) -> Option<RetryPolicy> {
    let usual = RetryPolicy::default();
    let second = Duration::from_secs(1);
    let first = entry.duration("first", usual.first, second..=DAY);
    let longest = entry.duration("longest", usual.longest, second..=DAY);
    let give_up_after = entry.duration("give_up_after", usual.give_up_after, second..=DAY);
    let repeat_unknown = entry.yes_no("repeat_unknown", usual.repeat_unknown);
    if let (Some(first), Some(longest)) = (first, longest)
        && longest < first
    {
        entry.problem("longest", format!("{longest:?} is shorter than first, {first:?}"));
    }
    entry.finish();
    Some(RetryPolicy {
        first: first?,
        longest: longest?,
        give_up_after: give_up_after?,
        repeat_unknown: repeat_unknown?,
    })
}

fn flow(entry: Entry<'_>) -> Option<FlowLimit> {
    let usual = FlowLimit::default();
    let window = entry.duration("window", usual.window, Duration::from_secs(1)..=DAY);
    let messages = entry.integer("messages", usual.messages, 1..=1_000);
    let red_messages = entry.integer("red_messages", usual.red_messages, 1..=1_000);
    entry.finish();
    Some(FlowLimit { window: window?, messages: messages?, red_messages: red_messages? })
}

fn templates(entries: Vec<Entry<'_>>) -> Templates {
    let mut templates = Templates::default();
    let mut given = BTreeSet::new();
    for entry in entries {
        for (key, words) in [("language", "zh or en"), ("kind", "email, sms or webhook")] {
            if !entry.has(key) {
                entry.problem(key, format!("is missing; write {words}"));
            }
        }
        let language = entry.one_of("language", &[("zh", Language::Zh), ("en", Language::En)]);
        let kind = entry.one_of(
            "kind",
            &[("email", Kind::Email), ("sms", Kind::Sms), ("webhook", Kind::Webhook)],
        );
        let template =
            |key| entry.read(key, entry.required(key, "\"{point} {value}\""), Template::parse);
        let texts = template("subject").zip(template("text"));
        let place = language.zip(kind);
        if let Some(place) = place.filter(|place| !given.insert(*place)) {
            entry.problem(
                "kind",
                format!("the texts for {} in {} are given twice", place.1, place.0.code()),
            );
        }
        if let (Some((language, kind)), Some((subject, text))) = (place, texts) {
            templates.set(language, kind, Texts { subject, text });
        }
        entry.finish();
    }
    templates
}
