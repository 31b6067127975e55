//! Short messages against a provider that is not ours: Python takes the request apart, and answers as providers at their
//! worst do. It needs nothing but Python's own library.
#![allow(clippy::unwrap_used)]

mod peers;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, SendError};
use anlan_notify::message::{
    Address, Colour, Language, Mailbox, Message, MessageId, Phone, WebhookUrl,
};
use anlan_notify::secret::SecretSource;
use anlan_notify::sms::answer::Rules;
use anlan_notify::sms::http::{Body, HttpSms, HttpSmsConfig, Json, Number, template};
use anlan_notify::template::Template;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::json;

use peers::Peer;

/// The provider of `peers/sms_provider.py`.
struct Provider {
    peer: Peer,
    port: u16,
    folder: tempfile::TempDir,
}

impl Provider {
    fn start(with_tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "k3y/&=").unwrap();
        let [certificate, key] = peers::certificate(folder.path());
        let arguments: &[&dyn AsRef<OsStr>] = if with_tls { &[&certificate, &key] } else { &[] };
        let mut peer = Peer::start_plain("sms_provider.py", arguments);
        let port = peer.line().parse().unwrap();
        Self { peer, port, folder }
    }
}

fn words(text: &str) -> Template {
    template(text).unwrap()
}

fn config(url: String, folder: &Path) -> HttpSmsConfig {
    let list = |codes: &[&str]| codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    HttpSmsConfig {
        name: "sms".into(),
        method: Method::POST,
        url: WebhookUrl::new(url).unwrap(),
        query: Vec::new(),
        headers: vec![(AUTHORIZATION, words("Bearer {secret}"))],
        body: Body::Form(vec![
            ("mobile".into(), words("{phone}")),
            ("content".into(), words("【安澜】{text}")),
        ]),
        number: Number::National,
        parts_max: 1,
        secret: Some(SecretSource::File(folder.join("secret"))),
        rules: Rules {
            code: Some("/code".into()),
            success: list(&["OK"]),
            throttled: list(&["LIMIT"]),
            bad_number: list(&["BAD"]),
            account: list(&["MONEY"]),
            id: Some("/data/0/id".into()),
            ..Rules::default()
        },
        ca_file: None,
        timeout: Duration::from_secs(2),
    }
}

fn channel(config: &HttpSmsConfig) -> HttpSms {
    HttpSms::new(config, Arc::new(|| UtcMillis(1_800_000_000_000))).unwrap()
}

fn message(text: &str) -> Message {
    Message {
        id: MessageId::new("alarm-17-rung-2").unwrap(),
        to: Address::Phone(Phone::new("+8613800138000").unwrap()),
        language: Language::Zh,
        colour: Colour::Red,
        subject: String::new(),
        text: text.into(),
        facts: serde_json::Map::new(),
    }
}

#[tokio::test]
async fn the_provider_gets_every_value_unharmed_wherever_it_stands() {
    let mut provider = Provider::start(false);
    let text = "储罐\"T-101\" 压力 1.25 MPa & {x}=50%+\n";
    let base =
        config(format!("http://127.0.0.1:{}/OK?fixed=1", provider.port), provider.folder.path());
    let pairs = vec![("m".to_owned(), words("{phone}")), ("t&".to_owned(), words("{{}}{text}"))];
    let object = Json::Object(BTreeMap::from([
        ("mobiles".to_owned(), Json::List(vec![Json::Text(words("{phone}"))])),
        ("text".to_owned(), Json::Text(words("{text}"))),
        ("key".to_owned(), Json::Text(words("{secret}"))),
        ("id".to_owned(), Json::Text(words("{message_id}/{colour}/{language}"))),
        ("type".to_owned(), Json::Fixed(json!(3))),
    ]));
    for (method, query, number, body, expected_query, expected_body) in [
        (
            Method::GET,
            pairs.clone(),
            Number::International,
            Body::None,
            json!({"fixed": "1", "m": "+8613800138000", "t&": format!("{{}}{text}")}),
            json!({}),
        ),
        (
            Method::POST,
            Vec::new(),
            Number::National,
            Body::Form(pairs),
            json!({"fixed": "1"}),
            json!({"m": "13800138000", "t&": format!("{{}}{text}")}),
        ),
        (
            Method::PUT,
            Vec::new(),
            Number::Digits,
            Body::Json(object),
            json!({"fixed": "1"}),
            json!({"mobiles": ["8613800138000"], "text": text, "key": "k3y/&=", "id": "alarm-17-rung-2/red/zh", "type": 3}),
        ),
    ] {
        let config = HttpSmsConfig { method: method.clone(), query, number, body, ..base.clone() };
        let receipt = channel(&config).send(&message(text)).await.unwrap();
        assert_eq!(receipt.provider_id.as_deref(), Some("bz-17"));
        // The provider repeats all that it got.
        assert!(!receipt.said.contains("k3y") && !receipt.said.contains("138000"), "{receipt:?}");
        let saw = provider.peer.saw();
        assert_eq!(saw["method"], method.as_str());
        assert_eq!(saw["query"], expected_query);
        assert_eq!(saw["body"], expected_body, "{method}");
        assert_eq!(saw["authorization"], "Bearer k3y/&=");
    }
}

#[tokio::test]
async fn a_long_text_is_cut_to_the_parts_that_are_paid_for() {
    let mut provider = Provider::start(false);
    let config = config(format!("http://127.0.0.1:{}/OK", provider.port), provider.folder.path());
    channel(&config).send(&message(&"超".repeat(71))).await.unwrap();
    let saw = provider.peer.saw();
    assert_eq!(saw["body"]["content"], format!("【安澜】{}…", "超".repeat(65)));
}

#[tokio::test]
async fn every_bad_answer_is_told_for_what_it_is() {
    let provider = Provider::start(false);
    for (how, expected) in [
        ("OK", "sent"),
        ("LIMIT", "not sent for now"),
        ("BAD", "refused (recipient)"),
        ("MONEY", "refused (account)"),
        ("NEW", "not sent for now"),
        ("403", "refused (credentials)"),
        ("429", "not sent for now"),
        ("503", "not sent for now"),
        // The provider has the message and we have no answer that says so.
        ("silent", "may have arrived"),
        ("cut", "may have arrived"),
        ("garbage", "may have arrived"),
        ("half", "may have arrived"),
    ] {
        let config =
            config(format!("http://127.0.0.1:{}/{how}", provider.port), provider.folder.path());
        let result = channel(&config).send(&message("压力高")).await;
        if let Err(SendError::Later { retry_after, .. }) = &result {
            assert_eq!(*retry_after, (how == "429").then_some(Duration::from_secs(17)), "{how}");
        }
        let told = result.map_or_else(|e| e.to_string(), |_| "sent".to_owned());
        assert!(told.starts_with(expected), "{how}: {told}");
        assert!(!told.contains("k3y") && !told.contains("138000"), "{told}");
    }
}

#[tokio::test]
async fn tls_is_checked_against_the_named_authority_and_nobody_else() {
    let provider = Provider::start(true);
    let url = format!("https://localhost:{}/OK", provider.port);
    let mut config = config(url, provider.folder.path());
    config.ca_file = Some(provider.folder.path().join("crt"));
    assert!(channel(&config).probe().await.unwrap().saw.contains("can be reached"));
    assert!(channel(&config).send(&message("压力高")).await.is_ok());
    config.ca_file = None::<PathBuf>;
    let channel = channel(&config);
    for error in
        [channel.probe().await.unwrap_err(), channel.send(&message("压力高")).await.unwrap_err()]
    {
        assert!(matches!(error, SendError::Later { .. }), "{error}");
        assert!(error.to_string().contains("TLS with https://localhost"), "{error}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "钥匙").unwrap();
    let channel = channel(&config("http://127.0.0.1:9/OK".into(), folder.path()));
    let error = channel.send(&message("压力高")).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "refused (configuration): the header authorization takes printable ASCII only"
    );
    let mailbox = Address::Email(Mailbox::new("a@b.cc").unwrap());
    let error =
        channel.send(&Message { to: mailbox, ..message("x") }).await.unwrap_err().to_string();
    assert_eq!(error, "refused (recipient): this SMS channel was given a e-mail address");
}
