//! Alibaba Cloud's short messages against its own Python SDK: what we send is what the SDK sends, byte by byte, and a server
//! that signs with the SDK's code finds our signature genuine.
#![allow(clippy::unwrap_used)]

mod peers;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, SendError};
use anlan_notify::message::{Address, Colour, Language, Message, MessageId, Phone, WebhookUrl};
use anlan_notify::secret::{Secret, SecretSource};
use anlan_notify::sms::aliyun::{Aliyun, AliyunConfig, query, template};
use serde_json::{Value, json};

use peers::Peer;

/// The SDK of `peers/aliyun_sms.py` and the port of its server.
fn sdk() -> Option<(Peer, u16)> {
    let mut peer = Peer::start("aliyun_sms.py", &[])?;
    let port = peer.line().parse().unwrap();
    Some((peer, port))
}

fn config(port: u16, folder: &tempfile::TempDir) -> AliyunConfig {
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cret").unwrap();
    AliyunConfig {
        name: "aliyun".into(),
        endpoint: WebhookUrl::new(format!("http://127.0.0.1:{port}")).unwrap(),
        region: "cn-hangzhou".into(),
        access_key_id: "LTAI-test".into(),
        secret: SecretSource::File(file),
        sign_name: "安澜监管".into(),
        template_code: "SMS_OK".into(),
        params: vec![
            ("text".into(), template("{text}").unwrap()),
            ("colour".into(), template("{colour}").unwrap()),
        ],
        param_characters_max: 35,
        ca_file: None,
        timeout: Duration::from_secs(2),
    }
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

#[test]
fn a_request_equals_that_of_the_providers_own_sdk_byte_by_byte() {
    let Some((mut peer, port)) = sdk() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = config(port, &folder);
    let phone = Phone::new("+8613800138000").unwrap();
    for (text, shown, at, time, nonce) in [
        (
            "储罐 T-101 压力高",
            "储罐 T-101 压力高",
            1_800_000_000_999,
            "2027-01-15T08:00:00Z",
            "0011",
        ),
        (
            "a+b*c~d/e&f=\"%20\" 𠮷",
            "a+b*c~d/e&f=\"%20\" 𠮷",
            1_709_164_800_000,
            "2024-02-29T00:00:00Z",
            "f f",
        ),
        ("", "", 0, "1970-01-01T00:00:00Z", "x"),
    ] {
        let order = json!({"nonce": nonce, "time": time, "phone": "13800138000", "sign_name": "安澜监管",
            "template_code": "SMS_OK", "params": json!({"colour": "红色", "text": shown}).to_string(), "id": "alarm-17-rung-2"});
        writeln!(peer.orders, "{order}").unwrap();
        let saw = peer.saw();
        let ours =
            query(&config, &Secret::new("s3cret"), &message(text), &phone, UtcMillis(at), nonce);
        assert_eq!(saw["target"].as_str().unwrap(), format!("/?{ours}"));
        assert_eq!(
            (&saw["method"], &saw["body"], &saw["genuine"]),
            (&json!("POST"), &json!(""), &json!(true))
        );
    }
}

#[tokio::test]
async fn what_the_channel_sends_is_genuine_and_every_answer_is_told_for_what_it_is() {
    let Some((mut peer, port)) = sdk() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut nonces = Vec::new();
    for (template_code, expected) in [
        ("SMS_OK", "sent"),
        ("SMS_isv.BUSINESS_LIMIT_CONTROL", "not sent for now"),
        ("SMS_isv.MOBILE_NUMBER_ILLEGAL", "refused (recipient)"),
        ("SMS_isv.SMS_TEMPLATE_ILLEGAL", "refused (content)"),
        ("SMS_isv.AMOUNT_NOT_ENOUGH", "refused (account)"),
        ("SMS_InvalidAccessKeyId.NotFound", "refused (credentials)"),
        ("SMS_isv.NEW_CODE", "not sent for now"),
    ] {
        let config = AliyunConfig { template_code: template_code.into(), ..config(port, &folder) };
        let aliyun = Aliyun::new(&config, Arc::new(|| UtcMillis(1_800_000_000_000))).unwrap();
        let result = aliyun.send(&message(&"超".repeat(36))).await;
        if let Ok(receipt) = &result {
            assert_eq!(receipt.provider_id.as_deref(), Some("9006196^0"));
            assert!(!receipt.said.contains("13800138000"), "{}", receipt.said);
        }
        let told = result.map_or_else(|e| e.to_string(), |_| "sent".to_owned());
        assert!(told.starts_with(expected), "{template_code}: {told}");
        assert!(!told.contains("13800138000"), "{told}");
        let saw = peer.saw();
        assert_eq!(
            (&saw["method"], &saw["body"], &saw["genuine"]),
            (&json!("POST"), &json!(""), &json!(true))
        );
        let params: Value =
            serde_json::from_str(saw["values"]["TemplateParam"].as_str().unwrap()).unwrap();
        assert_eq!(params, json!({"text": format!("{}…", "超".repeat(34)), "colour": "红色"}));
        nonces.push(saw["values"]["SignatureNonce"].to_string());
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 7);
}

#[tokio::test]
async fn a_wrong_secret_is_told_and_what_cannot_be_reached_was_not_sent() {
    let Some((peer, port)) = sdk() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = config(port, &folder);
    std::fs::write(folder.path().join("secret"), "other").unwrap();
    let aliyun = Aliyun::new(&config, Arc::new(|| UtcMillis(1_800_000_000_000))).unwrap();
    let error = aliyun.send(&message("压力高")).await.unwrap_err().to_string();
    assert!(error.starts_with("refused (credentials)"), "{error}");
    assert!(aliyun.probe().await.unwrap().saw.contains("can be reached"));
    drop(peer);
    let error = aliyun.send(&message("压力高")).await.unwrap_err();
    assert!(matches!(error, SendError::Later { .. }), "{error}");
}
