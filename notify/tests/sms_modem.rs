//! Short messages by a modem on the other side of a pseudo-terminal: a program in Python that decodes what it is handed with
//! another implementation of the protocol, and behaves as modems at their worst do.
#![allow(clippy::unwrap_used)]

mod peers;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, Delivery, Receipt, Refusal, SendError};
use anlan_notify::message::{Address, Colour, Language, Message, MessageId, Phone};
use anlan_notify::secret::SecretSource;
use anlan_notify::sms::modem::{Modem, ModemConfig};
use proptest::prelude::*;
use serde_json::{Value, json};

use peers::Peer;

const TIMEOUT: Duration = Duration::from_millis(800);

/// The modem, its cable and the folder with both.
struct Bench {
    peer: Peer,
    folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut peer = Peer::start("modem.py", &[&folder.path().join("port")])?;
        assert_eq!(peer.saw(), json!("plugged"));
        Some(Self { peer, folder })
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.peer.orders, "{order}").unwrap();
        assert_eq!(self.peer.saw(), json!("done"));
    }

    /// How often a command was heard.
    fn count(&mut self, command: &str) -> u64 {
        writeln!(self.peer.orders, "{}", json!({"do": "counts"})).unwrap();
        self.peer.saw()[command].as_u64().unwrap_or_default()
    }

    fn port(&self) -> PathBuf {
        self.folder.path().join("port")
    }

    fn config(&self) -> ModemConfig {
        ModemConfig {
            name: "modem".into(),
            port: self.port(),
            baud: 115_200,
            hardware_flow: false,
            pin: None,
            smsc: None,
            parts_max: 10,
            validity: Duration::from_secs(3_600),
            report_wait: Duration::ZERO,
            timeout: TIMEOUT,
            network_timeout: TIMEOUT,
        }
    }

    fn modem(&self) -> Modem {
        modem(&self.config())
    }

    fn with_pin(&self, pin: &str) -> Modem {
        modem(&ModemConfig { pin: Some(secret(self.folder.path(), pin)), ..self.config() })
    }
}

fn secret(folder: &Path, pin: &str) -> SecretSource {
    let file = folder.join("pin");
    std::fs::write(&file, pin).unwrap();
    SecretSource::File(file)
}

fn modem(config: &ModemConfig) -> Modem {
    Modem::new(config, Arc::new(|| UtcMillis(1_800_000_000_000))).unwrap()
}

fn message(to: &str, text: &str) -> Message {
    Message {
        id: MessageId::new("alarm-17-rung-2").unwrap(),
        to: Address::Phone(Phone::new(to).unwrap()),
        language: Language::Zh,
        colour: Colour::Red,
        subject: String::new(),
        text: text.into(),
        facts: serde_json::Map::new(),
    }
}

async fn send(modem: &Modem) -> Result<Receipt, SendError> {
    modem.send(&message("+8613800138000", "压力高")).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[tokio::test]
async fn a_message_goes_out_whatever_state_the_modem_was_in() {
    let Some(mut bench) = Bench::start() else { return };
    let modem = bench.modem();
    bench.order(&json!({"noise": "\r\nRING\r\n\u{0}\u{ff}", "creg": ["0,2", "0,5"]}));
    let receipt = modem.send(&message("13800138000", "储罐 T-101 {压力} 高 𠮷")).await.unwrap();
    assert_eq!(receipt.provider_id.as_deref(), Some("41"));
    assert_eq!(receipt.said, "+CMGS: 41; roaming, signal -73 dBm");
    assert_eq!((receipt.at, receipt.delivery), (UtcMillis(1_800_000_000_000), None));
    assert_eq!(
        bench.peer.saw(),
        json!({"number": "13800138000", "text": "储罐 T-101 {压力} 高 𠮷", "smsc": null, "octets": true, "report": false, "part": null})
    );
    // Everything that was set is gone, and nobody is told.
    bench.order(&json!({"do": "reset"}));
    bench.order(&json!({"cmgs": ["latewords", "ok"]}));
    assert_eq!(send(&modem).await.unwrap().provider_id.as_deref(), Some("42"));
    assert_eq!(bench.peer.saw()["text"], json!("压力高"));
    // Words that nobody waits for, and a modem left waiting for a message by whoever had it before.
    bench.order(&json!({"do": "say", "text": "\r\n+CMTI: \"SM\",1\r\n\r\n+CMGS: 9\r\n\r\nOK\r\n"}));
    assert_eq!(send(&modem).await.unwrap().provider_id.as_deref(), Some("43"));
    assert_eq!(bench.peer.saw()["text"], json!("压力高"));
    let saw = modem.probe().await.unwrap().saw;
    assert!(saw.contains("SIM ready, in its own network, signal -73 dBm"), "{saw}");
}

#[tokio::test]
async fn a_long_message_comes_in_parts_by_the_service_centre_that_is_configured() {
    let Some(mut bench) = Bench::start() else { return };
    let smsc = Some(Phone::new("+8613800371500").unwrap());
    let modem = modem(&ModemConfig { smsc, parts_max: 2, ..bench.config() });
    for (text, sent) in [
        ("超".repeat(100), ["超".repeat(67), "超".repeat(33)]),
        ("a€".repeat(120), ["a€".repeat(51), format!("{}...", "a€".repeat(50))]),
    ] {
        let receipt = modem.send(&message("+8613800138000", &text)).await.unwrap();
        assert_eq!(receipt.provider_id.unwrap().split(',').count(), 2);
        let parts = [bench.peer.saw(), bench.peer.saw()];
        for (number, (part, text)) in parts.iter().zip(sent).enumerate() {
            assert_eq!(part["text"], json!(text));
            assert_eq!(part["smsc"], json!("+8613800371500"));
            assert_eq!(part["part"], json!([parts[0]["part"][0], 2, number + 1]));
        }
    }
}

#[tokio::test]
async fn what_the_telephone_got_stands_in_the_receipt() {
    let Some(mut bench) = Bench::start() else { return };
    let modem = modem(&ModemConfig { report_wait: TIMEOUT, ..bench.config() });
    for (status, expected) in [
        (json!("00"), Some(Delivery::Delivered)),
        (json!("30"), Some(Delivery::StillTrying)),
        (json!("46"), Some(Delivery::Failed)),
        (json!(null), None),
    ] {
        bench.order(&json!({"report": status}));
        let receipt = modem.send(&message("13800138000", &"超".repeat(100))).await.unwrap();
        assert_eq!(receipt.delivery, expected, "{status}");
        assert_eq!(
            (bench.peer.saw()["report"].clone(), bench.peer.saw()["report"].clone()),
            (json!(true), json!(true))
        );
    }
    // A modem that hands over no reports is not asked for them.
    bench.order(&json!({"refuse": {"+CNMI": "ERROR"}, "report": "00"}));
    assert_eq!(send(&modem).await.unwrap().delivery, None);
    assert_eq!(bench.peer.saw()["report"], json!(false));
}

#[tokio::test]
async fn every_refusal_is_told_for_what_it_is() {
    let Some(mut bench) = Bench::start() else { return };
    let modem = bench.modem();
    for (order, expected) in [
        (json!({"cmgs": ["+CMS ERROR: 1"]}), "refused (recipient)"),
        (json!({"cmgs": ["+CMS ERROR: 50"]}), "refused (account)"),
        (json!({"cmgs": ["+CMS ERROR: 38"]}), "not sent for now"),
        (json!({"cmgs": ["+CMS ERROR: 330"]}), "refused (configuration)"),
        (json!({"cmgs": ["+CMS ERROR: 332"]}), "may have arrived"),
        (json!({"cmgs": ["ERROR"]}), "not sent for now"),
        (json!({"refuse": {"+CPIN?": "+CME ERROR: 10"}}), "refused (configuration)"),
        (json!({"refuse": {"+CPIN?": "+CME ERROR: SIM busy"}}), "not sent for now"),
        (json!({"refuse": {"+CMGF": "ERROR"}}), "not sent for now"),
        (json!({"creg": ["0,3"]}), "not sent for now: "),
        (json!({"pin": "1234"}), "refused (credentials)"),
    ] {
        bench.order(&order);
        let told = send(&modem).await.unwrap_err().to_string();
        assert!(told.starts_with(expected), "{order}: {told}");
        assert!(told.contains("modem at ") && !told.contains("138001"), "{told}");
        if order["cmgs"].is_array() {
            assert_eq!(bench.peer.saw()["text"], json!("压力高"));
        }
    }
    bench.order(&json!({}));
    send(&modem).await.unwrap();
}

#[tokio::test]
async fn the_second_half_of_a_message_that_fails_is_no_refusal() {
    let Some(mut bench) = Bench::start() else { return };
    bench.order(&json!({"cmgs": ["ok", "+CMS ERROR: 50"]}));
    let error = bench.modem().send(&message("10086", &"超".repeat(100))).await.unwrap_err();
    let SendError::Unknown { what } = &error else { panic!("{error}") };
    assert!(
        what.contains("1 of 2 parts were taken, then: AT+CMGS=") && what.contains("CMS ERROR: 50"),
        "{what}"
    );
}

#[tokio::test]
async fn a_pin_is_entered_once_and_a_wrong_one_never_again() {
    let Some(mut bench) = Bench::start() else { return };
    for no_cpinr in [false, true] {
        bench.order(&json!({"do": "reset"}));
        bench.order(&json!({"pin": "1234", "no_cpinr": no_cpinr}));
        let modem = bench.with_pin("1234");
        send(&modem).await.unwrap();
        bench.peer.saw();
        // It forgets the PIN and is given it anew.
        bench.order(&json!({"do": "reset"}));
        send(&modem).await.unwrap();
        bench.peer.saw();
    }
    assert_eq!(bench.count("+CPIN"), 4);
    bench.order(&json!({"do": "reset"}));
    bench.order(&json!({"pin": "5678", "no_cpinr": true}));
    let modem = bench.with_pin("1234");
    for words in
        ["+CME ERROR: 16 (the PIN is wrong)", "it is not entered again", "it is not entered again"]
    {
        let error = send(&modem).await.unwrap_err();
        assert!(
            matches!(error, SendError::Refused { reason: Refusal::Credentials, .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains(words) && !error.to_string().contains("1234"),
            "{error}"
        );
    }
    assert_eq!(bench.count("+CPIN"), 5);
    // A program that starts anew does not know; the SIM does.
    drop(modem);
    bench.order(&json!({"pin": "5678"}));
    let error = send(&bench.with_pin("1234")).await.unwrap_err().to_string();
    assert!(error.contains("a wrong PIN was entered before"), "{error}");
    assert_eq!(bench.count("+CPIN"), 5);
}

#[tokio::test]
async fn silence_before_the_message_is_later_and_after_it_unknown() {
    let Some(mut bench) = Bench::start() else { return };
    let modem = bench.modem();
    for (order, later, handed_over) in [
        (json!({"mute": [""]}), true, 0),
        (json!({"mute": ["+CPIN?"]}), true, 0),
        (json!({"mute": ["+CREG?"]}), true, 0),
        (json!({"mute": ["+CSQ"]}), true, 0),
        (json!({"cmgs": ["noprompt", "noprompt", "ok"]}), true, 0),
        (json!({"cmgs": ["silent"]}), false, 1),
        (json!({"cmgs": ["half"]}), false, 1),
        (json!({"cmgs": ["reset"]}), false, 1),
    ] {
        bench.order(&order);
        let error = send(&modem).await.unwrap_err();
        assert_eq!(matches!(error, SendError::Later { .. }), later, "{order}: {error}");
        assert_eq!(matches!(error, SendError::Unknown { .. }), !later, "{order}: {error}");
        for _ in 0..handed_over {
            assert_eq!(bench.peer.saw()["text"], json!("压力高"));
        }
    }
    // The line is taken up again, and what was late belongs to nobody.
    bench.order(&json!({}));
    send(&modem).await.unwrap();
    assert_eq!(bench.peer.saw()["text"], json!("压力高"));
    // Once is no failure: nothing was handed over, so it is tried anew at once.
    bench.order(&json!({"cmgs": ["noprompt", "ok"]}));
    send(&modem).await.unwrap();
    assert_eq!(bench.peer.saw()["text"], json!("压力高"));
}

#[tokio::test]
async fn a_modem_that_is_unplugged_and_comes_back_is_taken_up_again() {
    let Some(mut bench) = Bench::start() else { return };
    let modem = bench.modem();
    send(&modem).await.unwrap();
    bench.peer.saw();
    bench.order(&json!({"do": "unplug"}));
    let error = send(&modem).await.unwrap_err();
    assert!(matches!(error, SendError::Later { .. }), "{error}");
    assert!(error.to_string().contains("is the modem plugged in?"), "{error}");
    bench.order(&json!({"do": "plug"}));
    send(&modem).await.unwrap();
    bench.peer.saw();
    // Out and in again between two messages: the first that is sent meets it.
    bench.order(&json!({"do": "unplug"}));
    bench.order(&json!({"do": "plug"}));
    send(&modem).await.unwrap();
    bench.peer.saw();
    bench.order(&json!({"cmgs": ["unplug"]}));
    let error = send(&modem).await.unwrap_err();
    assert!(matches!(error, SendError::Unknown { .. }), "{error}");
    bench.peer.saw();
    bench.order(&json!({"do": "plug"}));
    bench.order(&json!({}));
    send(&modem).await.unwrap();
}

#[tokio::test]
async fn one_at_a_time_has_the_port_and_one_message_goes_at_a_time() {
    let Some(mut bench) = Bench::start() else { return };
    let (modem, other) = (bench.modem(), bench.modem());
    let texts = ["一", "二", "三", "四"].map(|text| message("10086", text));
    let sent = tokio::join!(
        modem.send(&texts[0]),
        modem.send(&texts[1]),
        modem.send(&texts[2]),
        modem.send(&texts[3])
    );
    for receipt in [sent.0, sent.1, sent.2, sent.3] {
        receipt.unwrap();
    }
    let mut saw: Vec<_> = (0..4).map(|_| bench.peer.saw()["text"].to_string()).collect();
    saw.sort();
    saw.dedup();
    assert_eq!(saw.len(), 4);
    let error = send(&other).await.unwrap_err().to_string();
    assert!(
        error.starts_with("not sent for now") && error.contains("another program has it"),
        "{error}"
    );
    drop(modem);
    send(&other).await.unwrap();
}

/// No text is lost or cut inside a character, whatever it is made of: another implementation reads back what was sent.
#[test]
fn another_implementation_reads_back_every_text() {
    let Some(bench) = Bench::start() else { return };
    let modem = bench.modem();
    let bench = std::cell::RefCell::new(bench);
    let runtime = runtime();
    // The alphabet's own characters, its extension, UCS-2, and pairs of UTF-16.
    let seven = "[ -_a-z@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n€^{}~|\\[\\]\\\\]{0,700}";
    let any = "[a-z€{}超限壓力³𠮷😀é\r\n]{0,300}";
    let text = prop_oneof![seven, any];
    let config =
        ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(text in text)| {
        let receipt = runtime.block_on(modem.send(&message("+8613800138000", &text))).unwrap();
        let parts = receipt.provider_id.unwrap().split(',').count();
        let peer = &mut bench.borrow_mut().peer;
        let read: String = (0..parts).map(|_| peer.saw()["text"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!(read, text);
    });
}
