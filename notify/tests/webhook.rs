//! Webhooks against a receiver that is not ours: Python's `http.server` and `hmac` check what comes, and answer as receivers
//! at their worst do. It needs nothing but Python's own library.
#![allow(clippy::unwrap_used)]

mod peers;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, Refusal, SendError};
use anlan_notify::message::{Address, Colour, Language, Mailbox, Message, MessageId, WebhookUrl};
use anlan_notify::secret::{Secret, SecretSource};
use anlan_notify::webhook::{Webhook, WebhookConfig, signature};
use serde_json::{Map, json};

use peers::Peer;

/// The receiver of `peers/webhook_receiver.py` and its port.
fn receiver(secret: &str) -> (Peer, u16) {
    let mut peer = Peer::start_plain("webhook_receiver.py", &[&secret]);
    let port = peer.line().parse().unwrap();
    (peer, port)
}

fn webhook(port: u16, secret: &str, clock_offset_ms: i64) -> Webhook {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, secret).unwrap();
    let config = WebhookConfig {
        name: "park".into(),
        url: WebhookUrl::new(format!("http://127.0.0.1:{port}/hook")).unwrap(),
        secret: SecretSource::File(file),
        ca_file: None,
        timeout: Duration::from_secs(2),
    };
    let clock = move || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        UtcMillis(i64::try_from(since.as_millis()).unwrap() + clock_offset_ms)
    };
    Webhook::new(&config, Arc::new(clock)).unwrap()
}

fn message(url: &str) -> Message {
    Message {
        id: MessageId::new("alarm-17-rung-2").unwrap(),
        to: Address::Webhook(WebhookUrl::new(url).unwrap()),
        language: Language::Zh,
        colour: Colour::Red,
        subject: "储罐压力高高报".into(),
        text: "1.25 MPa，限值 1.20 MPa".into(),
        facts: Map::from_iter([("value".to_owned(), json!(1.25))]),
    }
}

#[tokio::test]
async fn an_independent_receiver_finds_the_signature_good_and_a_forged_or_old_one_bad() {
    let (mut receiver, port) = receiver("s3cret");
    let url = format!("http://127.0.0.1:{}/hook/zhang", port);
    for (secret, offset_ms, genuine, fresh) in
        [("s3cret", 0, true, true), ("other", 0, false, true), ("s3cret", -400_000, true, false)]
    {
        let result = webhook(port, secret, offset_ms).send(&message(&url)).await;
        let saw = receiver.saw();
        assert_eq!((&saw["genuine"], &saw["fresh"]), (&json!(genuine), &json!(fresh)));
        assert_eq!(saw["id"], "alarm-17-rung-2");
        assert_eq!(
            saw["body"],
            json!({"id": "alarm-17-rung-2", "colour": "red", "language": "zh", "subject": "储罐压力高高报",
                "text": "1.25 MPa，限值 1.20 MPa", "facts": {"value": 1.25}})
        );
        match result {
            Ok(receipt) => {
                assert!(genuine && fresh && receipt.said.starts_with("HTTP 200"), "{receipt:?}")
            }
            Err(SendError::Refused { reason: Refusal::Credentials, .. }) => {
                assert!(!(genuine && fresh))
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn every_bad_answer_is_told_for_what_it_is() {
    let (_receiver, port) = receiver("s3cret");
    let webhook = webhook(port, "s3cret", 0);
    let place = format!("http://127.0.0.1:{port}/hook");
    for (how, expected) in [
        ("200", "sent"),
        // Taken, by its status; that the rest of the answer is lost or endless changes nothing.
        ("half", "sent"),
        ("long", "sent"),
        ("302", "refused (configuration)"),
        ("400", "refused (content)"),
        ("403", "refused (credentials)"),
        ("410", "refused (recipient)"),
        ("429", "not sent for now"),
        ("503", "not sent for now"),
        // The receiver has the message and we have no answer.
        ("silent", "may have arrived"),
        ("cut", "may have arrived"),
        ("garbage", "may have arrived"),
    ] {
        let result = webhook.send(&message(&format!("{place}/{how}"))).await;
        if let Err(SendError::Later { retry_after, .. }) = &result {
            assert_eq!(*retry_after, (how == "429").then_some(Duration::from_secs(17)));
        }
        let told = result.map_or_else(|e| e.to_string(), |_| "sent".to_owned());
        assert!(told.starts_with(expected), "{how}: {told}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_was_not_sent_and_the_probe_says_the_same() {
    let (receiver, port) = receiver("s3cret");
    let webhook = webhook(port, "s3cret", 0);
    assert!(webhook.probe().await.unwrap().saw.contains("can be reached"));
    drop(receiver);
    let url = format!("http://127.0.0.1:{port}/hook");
    for error in
        [webhook.send(&message(&url)).await.unwrap_err(), webhook.probe().await.unwrap_err()]
    {
        assert!(matches!(error, SendError::Later { .. }), "{error}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    }
}

#[tokio::test]
async fn an_address_of_another_place_or_kind_is_refused_before_anything_is_sent() {
    let webhook = webhook(9, "s3cret", 0);
    let mut elsewhere = message("http://127.0.0.1:9/other");
    for to in [elsewhere.to.clone(), Address::Email(Mailbox::new("a@b.cc").unwrap())] {
        elsewhere.to = to;
        let error = webhook.send(&elsewhere).await.unwrap_err();
        assert!(matches!(error, SendError::Refused { reason: Refusal::Recipient, .. }), "{error}");
    }
}

#[test]
fn the_example_of_the_document_is_what_the_code_signs() {
    let document = include_str!("../../docs/protocols/webhook.md");
    let body = document.split("<!-- body -->").nth(1).unwrap();
    let body = body.split("```").nth(1).unwrap().trim_start_matches("json").trim();
    let signed = signature(&Secret::new("s3cret"), UtcMillis(1_800_000_000_000), body.as_bytes());
    assert!(document.contains(&signed), "the document lacks {signed}");
}
