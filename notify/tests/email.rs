//! E-mail against servers that are not ours (aiosmtpd): what arrives, and what is made of every way in which it does not.
#![allow(clippy::unwrap_used)]

mod peers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, SendError};
use anlan_notify::email::{Email, EmailConfig, Security, SignIn};
use anlan_notify::message::{Address, Colour, Language, Mailbox, Message, MessageId, Phone};
use anlan_notify::secret::SecretSource;
use serde_json::{Value, json};

use peers::Peer;

/// The servers of `peers/smtp_server.py`.
struct Servers {
    peer: Peer,
    ports: Value,
    folder: tempfile::TempDir,
}

impl Servers {
    /// `None`, with a visible word, where there is no Python that has aiosmtpd.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = peers::certificate(folder.path());
        for (name, password) in [("good", "tr0ub4dor"), ("bad", "wr0ng-passw0rd")] {
            std::fs::write(folder.path().join(name), password).unwrap();
        }
        let mut peer = Peer::start("smtp_server.py", &[&certificate, &key])?;
        let ports = peer.saw();
        Some(Self { peer, ports, folder })
    }

    fn config(&self, server: &str) -> EmailConfig {
        let security = match server {
            "plain" => Security::Plain,
            "tls" => Security::Tls,
            _ => Security::StartTls,
        };
        EmailConfig {
            name: "mail".into(),
            host: "localhost".into(),
            port: u16::try_from(self.ports[server].as_u64().unwrap()).unwrap(),
            security,
            sign_in: (server == "starttls").then(|| self.account("good")),
            from: Mailbox::new("anlan@park.example").unwrap(),
            from_name: Some("安澜监管".into()),
            hello: None,
            ca_file: Some(self.folder.path().join("crt")),
            timeout: Duration::from_secs(2),
        }
    }

    fn account(&self, password: &str) -> SignIn {
        let password = SecretSource::File(self.folder.path().join(password));
        SignIn { user: "anlan".into(), password }
    }
}

fn channel(config: &EmailConfig) -> Email {
    Email::new(config, Arc::new(|| UtcMillis(1_800_000_000_000))).unwrap()
}

fn message(to: &str) -> Message {
    Message {
        id: MessageId::new("alarm-17-rung-2").unwrap(),
        to: Address::Email(Mailbox::new(to).unwrap()),
        language: Language::Zh,
        colour: Colour::Red,
        subject: "【红色预警】安澜化工 储罐 T-101 压力高高报，请立即处置并在系统中确认".into(),
        text: "安澜化工 T-101\n.\n压力 1.25 MPa，限值 <1.20> MPa".into(),
        facts: serde_json::Map::new(),
    }
}

fn told(result: Result<anlan_notify::channel::Receipt, SendError>) -> String {
    result.map_or_else(|e| e.to_string(), |receipt| format!("sent: {}", receipt.said))
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written_and_the_receipt_names_the_queue() {
    let Some(mut servers) = Servers::start() else { return };
    for server in ["plain", "starttls", "tls"] {
        let receipt =
            channel(&servers.config(server)).send(&message("zhang@example.cn")).await.unwrap();
        assert_eq!(receipt.provider_id.as_deref(), Some("4F1B22C0A1"));
        assert_eq!(receipt.said, "250 2.0.0 Ok: queued as 4F1B22C0A1");
        let saw = servers.peer.saw();
        assert_eq!(saw["from"], "anlan@park.example");
        assert_eq!(
            (&saw["to"], &saw["header_to"]),
            (&json!(["zhang@example.cn"]), &json!("zhang@example.cn"))
        );
        assert_eq!(saw["header_from"], "安澜监管 <anlan@park.example>");
        assert_eq!(saw["subject"], message("zhang@example.cn").subject);
        assert_eq!(saw["id"], "<alarm-17-rung-2@park.example>");
        assert_eq!(
            saw["plain"].as_str().unwrap().replace("\r\n", "\n").trim_end(),
            message("zhang@example.cn").text
        );
        assert!(saw["html"].as_str().unwrap().contains("限值 &lt;1.20&gt; MPa"), "{saw}");
        assert_eq!(saw["tls"], server != "plain", "{server}");
        assert_eq!(saw["user"], if server == "starttls" { "anlan" } else { "" });
    }
}

#[tokio::test]
async fn every_bad_answer_is_told_for_what_it_is() {
    let Some(servers) = Servers::start() else { return };
    let email = channel(&servers.config("plain"));
    for (how, expected) in [
        ("r550", "refused (recipient)"),
        ("r554", "refused (configuration)"),
        ("r450", "not sent for now"),
        ("d554", "refused (content)"),
        ("d452", "not sent for now"),
        // The server has the message and we have no answer.
        ("cut", "may have arrived"),
        ("silent", "may have arrived"),
    ] {
        let told = told(email.send(&message(&format!("{how}@example.cn"))).await);
        assert!(told.starts_with(expected), "{how}: {told}");
        assert!(!told.contains(&format!("{how}@")), "the address is in {told}");
    }
}

#[tokio::test]
async fn sign_in_and_protection_are_checked_by_the_probe_and_meet_the_message_alike() {
    let Some(servers) = Servers::start() else { return };
    let good = servers.config("starttls");
    let seen = channel(&good).probe().await.unwrap().saw;
    assert!(seen.contains("greets over TLS and takes the password"), "{seen}");
    let wrong_name = EmailConfig { host: "127.0.0.1".into(), ..good.clone() };
    let public_authorities = EmailConfig { ca_file: None, ..good.clone() };
    let no_offer = EmailConfig { port: servers.config("plain").port, ..good.clone() };
    let no_account = EmailConfig { sign_in: None, ..good.clone() };
    let unprotected = EmailConfig { security: Security::Plain, ..good.clone() };
    let wrong_password = EmailConfig { sign_in: Some(servers.account("bad")), ..good.clone() };
    for (case, config, expected) in [
        ("wrong password", wrong_password, "refused (credentials)"),
        ("no STARTTLS offered", no_offer, "refused (configuration)"),
        ("password without TLS", unprotected, "refused (configuration)"),
        ("name not in the certificate", wrong_name, "not sent for now"),
        ("authority not trusted", public_authorities, "not sent for now"),
    ] {
        let email = channel(&config);
        let error = email.probe().await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{case}: {error}");
        assert!(!error.contains("wr0ng-passw0rd") && !error.contains("tr0ub4dor"), "{error}");
        assert_eq!(told(email.send(&message("zhang@example.cn")).await), error, "{case}");
    }
    let error = told(channel(&no_account).send(&message("zhang@example.cn")).await);
    assert!(error.starts_with("refused (credentials)"), "{error}");
}

#[tokio::test]
async fn answers_from_before_tls_are_not_taken_for_the_servers() {
    let Some(servers) = Servers::start() else { return };
    let told = told(channel(&servers.config("injecting")).send(&message("zhang@example.cn")).await);
    assert!(told.starts_with("not sent for now") && told.contains("STARTTLS"), "{told}");
}

#[tokio::test]
async fn what_cannot_be_reached_or_says_nothing_has_not_got_the_message() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = silent.local_addr().unwrap().port();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for security in [Security::Tls, Security::StartTls, Security::Plain] {
        for (port, words) in [(open, "no answer within 300ms"), (closed, "refused")] {
            let config = EmailConfig {
                name: "mail".into(),
                host: "127.0.0.1".into(),
                port,
                security,
                sign_in: None,
                from: Mailbox::new("anlan@park.example").unwrap(),
                from_name: None,
                hello: None,
                ca_file: None,
                timeout: Duration::from_millis(300),
            };
            let error = channel(&config).send(&message("zhang@example.cn")).await.unwrap_err();
            assert!(matches!(error, SendError::Later { .. }), "{error}");
            let error = error.to_string();
            assert!(error.contains(words) && error.contains(&port.to_string()), "{error}");
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let config = EmailConfig {
        name: "mail".into(),
        host: "127.0.0.1".into(),
        port: 9,
        security: Security::Plain,
        sign_in: None,
        from: Mailbox::new("anlan@park.example").unwrap(),
        from_name: None,
        hello: None,
        ca_file: Some(PathBuf::from("not read without TLS")),
        timeout: Duration::from_secs(1),
    };
    let phone =
        Message { to: Address::Phone(Phone::new("110").unwrap()), ..message("zhang@example.cn") };
    let error = channel(&config).send(&phone).await.unwrap_err().to_string();
    assert_eq!(error, "refused (recipient): this e-mail channel was given a SMS address");
    let clock = || UtcMillis(0);
    let missing =
        EmailConfig { security: Security::Tls, ca_file: Some("/no/ca.pem".into()), ..config };
    let error = Email::new(&missing, Arc::new(clock)).err().unwrap();
    assert!(error.contains("/no/ca.pem"), "{error}");
}
