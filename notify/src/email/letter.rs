//! One message as the octets of a mail: text and the same as simple HTML, in whatever encoding keeps it ASCII on the wire,
//! so that no server has to know UTF-8.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anlan_domain::time::UtcMillis;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as NamedMailbox, MultiPart};

use super::EmailConfig;
use crate::message::{Colour, ColourWord as _, Language, Mailbox, Message};

/// Sender and octets.
///
/// # Errors
/// A sentence, where the message cannot be written as mail.
pub(super) fn write(
    config: &EmailConfig,
    message: &Message,
    to: &Mailbox,
    now: UtcMillis,
) -> Result<(lettre::Address, Vec<u8>), String> {
    let from = address(&config.from)?;
    let id = format!("<{}@{}>", message.id, config.from.domain());
    let mut letter = lettre::Message::builder()
        .from(NamedMailbox::new(config.from_name.clone(), from.clone()))
        .to(NamedMailbox::new(None, address(to)?))
        .subject(one_line(&message.subject))
        .date(system_time(now))
        .message_id(Some(id))
        .multipart(MultiPart::alternative_plain_html(message.text.clone(), html(message)))
        .map_err(|e| format!("cannot write the mail: {e}"))?;
    let mut header = |name, value: &str| {
        letter
            .headers_mut()
            .insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    };
    // RFC 3834: no holiday notes in answer.
    header("Auto-Submitted", "auto-generated");
    if message.colour <= Colour::Orange {
        header("Importance", "high");
        header("X-Priority", "1");
    }
    Ok((from, letter.formatted()))
}

/// As lettre has it.
///
/// # Errors
/// A sentence; addresses are checked by the same rules where they are built.
pub(super) fn address(mailbox: &Mailbox) -> Result<lettre::Address, String> {
    mailbox.as_str().parse().map_err(|e| format!("{mailbox:?} is no e-mail address: {e}"))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A time before 1970 is a clock that was never set, and is written as 1970.
fn system_time(at: UtcMillis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

fn html(message: &Message) -> String {
    let colour = match message.colour {
        Colour::Red => "#c62828",
        Colour::Orange => "#e65100",
        Colour::Yellow => "#f9a825",
        Colour::Blue => "#1565c0",
    };
    let lang = match message.language {
        Language::Zh => "zh-CN",
        Language::En => "en",
    };
    // The word stands beside the colour for whoever cannot see it.
    format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><meta charset=\"utf-8\"><body>\n\
         <p style=\"border-left:6px solid {colour};padding-left:10px\"><b>{}</b> {}</p>\n\
         <p style=\"white-space:pre-line\">{}</p>\n</body></html>\n",
        message.colour.word(message.language),
        escaped(&one_line(&message.subject)),
        escaped(&message.text),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::Security;
    use crate::message::{Address, MessageId};

    #[test]
    fn a_letter_is_ascii_with_the_same_id_at_every_try_and_no_header_from_a_subject() {
        let to = Mailbox::new("zhang@example.cn").unwrap();
        let config = EmailConfig {
            name: "mail".into(),
            host: "mail.example.cn".into(),
            port: 465,
            security: Security::Tls,
            sign_in: None,
            from: Mailbox::new("anlan@park.example").unwrap(),
            from_name: Some("安澜".into()),
            hello: None,
            ca_file: None,
            timeout: Duration::from_secs(1),
        };
        let message = Message {
            id: MessageId::new("alarm-17-rung-2").unwrap(),
            to: Address::Email(to.clone()),
            language: Language::Zh,
            colour: Colour::Red,
            subject: "储罐压力\r\nBcc: x@y.zz".into(),
            text: "1.25 MPa <限值> & \"1.20\"\n.\n第三行".into(),
            facts: serde_json::Map::new(),
        };
        for now in [UtcMillis(1_800_000_000_000), UtcMillis(-1)] {
            let (from, octets) = write(&config, &message, &to, now).unwrap();
            assert_eq!(from.to_string(), "anlan@park.example");
            let text = String::from_utf8(octets).unwrap();
            assert!(text.is_ascii());
            assert!(text.contains("Message-ID: <alarm-17-rung-2@park.example>\r\n"), "{text}");
            assert!(text.contains("Importance: high\r\n"), "{text}");
            assert!(!text.contains("\nBcc"), "{text}");
        }
        assert!(html(&message).contains("&lt;限值&gt; &amp; &quot;1.20&quot;\n.\n第三行"));
    }
}
