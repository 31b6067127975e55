//! What a failure means, by the step at which it came (RFC 5321) and by the enhanced status code (RFC 3463) where the
//! server gives one.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;

use crate::channel::{Refusal, SendError, shortened};
use crate::message::Mailbox;

/// Step of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connection, TLS from the first byte, greeting and EHLO.
    Greeting,
    /// STARTTLS and what follows from it.
    StartTls,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before any of the message is sent.
    Data,
    /// The message itself.
    Letter,
}

impl Stage {
    const fn doing(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::StartTls => "STARTTLS",
            Self::SignIn => "signing in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "DATA",
            Self::Letter => "the message",
        }
    }
}

/// The server refused, answered rubbish or broke off.
pub(super) fn failed(stage: Stage, place: &str, error: &SmtpError) -> SendError {
    let Some(code) = error.status().map(u16::from) else {
        let what = shortened(&format!("{place}, at {}: {error}", stage.doing()));
        return without_answer(stage, what);
    };
    let said = error.source().map_or_else(String::new, ToString::to_string);
    let what = shortened(&format!("{place}, at {}: {code} {said}", stage.doing()));
    if code / 100 == 5 {
        SendError::refused(refusal(stage, code, &said), what)
    } else {
        SendError::later(what)
    }
}

/// The server said nothing for too long.
pub(super) fn silent(stage: Stage, place: &str, timeout: Duration) -> SendError {
    without_answer(stage, format!("{place}, at {}: no answer within {timeout:?}", stage.doing()))
}

/// The same error without the recipient's address, which servers like to repeat: errors end in logs.
pub(super) fn without_address(error: SendError, to: &Mailbox) -> SendError {
    let hidden = |what: String| what.replace(to.as_str(), &format!("{to:?}"));
    match error {
        SendError::Refused { reason, what } => SendError::Refused { reason, what: hidden(what) },
        SendError::Later { what, retry_after } => {
            SendError::Later { what: hidden(what), retry_after }
        }
        SendError::Unknown { what } => SendError::Unknown { what: hidden(what) },
    }
}

fn without_answer(stage: Stage, what: String) -> SendError {
    if stage == Stage::Letter { SendError::unknown(what) } else { SendError::later(what) }
}

fn refusal(stage: Stage, code: u16, said: &str) -> Refusal {
    // 530: authentication required; 538: only under TLS (RFC 4954, 6).
    if code == 530 {
        return Refusal::Credentials;
    }
    match (stage, enhanced(said)) {
        (Stage::SignIn, _) if code == 538 => Refusal::Configuration,
        (Stage::SignIn, _) => Refusal::Credentials,
        (Stage::Greeting | Stage::StartTls | Stage::Sender, _) => Refusal::Configuration,
        // Not meant to carry mail to there for us: "relaying denied".
        (Stage::Recipient, Some((7, _))) => Refusal::Configuration,
        (Stage::Recipient, _) => Refusal::Recipient,
        // Some servers say only now that the mailbox is wrong or full.
        (Stage::Data | Stage::Letter, Some((1 | 2, _))) => Refusal::Recipient,
        (Stage::Data | Stage::Letter, _) => Refusal::Content,
    }
}

/// Subject and detail of a code such as `5.7.1`.
fn enhanced(said: &str) -> Option<(u16, u16)> {
    let mut numbers = said.split_whitespace().next()?.split('.').map(str::parse::<u16>);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(2..=5)), Some(Ok(subject)), Some(Ok(detail)), None) => Some((subject, detail)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_about_whom_it_is_about() {
        for (stage, code, said, expected) in [
            (Stage::Greeting, 554, "no service for you", Refusal::Configuration),
            (Stage::SignIn, 535, "5.7.8 bad credentials", Refusal::Credentials),
            (Stage::SignIn, 538, "5.7.11 encryption needed", Refusal::Configuration),
            (Stage::Sender, 530, "5.7.0 authenticate first", Refusal::Credentials),
            (Stage::Sender, 553, "sender not owned by you", Refusal::Configuration),
            (Stage::Recipient, 550, "5.1.1 no such user", Refusal::Recipient),
            (Stage::Recipient, 550, "no such user", Refusal::Recipient),
            (Stage::Recipient, 554, "5.7.1 relay access denied", Refusal::Configuration),
            (Stage::Letter, 552, "5.2.2 mailbox full", Refusal::Recipient),
            (Stage::Letter, 554, "5.7.1 looks like spam", Refusal::Content),
            (Stage::Letter, 552, "1.2 MB is too much", Refusal::Content),
        ] {
            assert_eq!(refusal(stage, code, said), expected, "{stage:?} {code} {said}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_the_address() {
        let to = Mailbox::new("zhang@example.cn").unwrap();
        let error = SendError::later("450 <zhang@example.cn> is busy");
        assert_eq!(without_address(error, &to), SendError::later("450 <z***@example.cn> is busy"));
    }
}
