//! What a channel is, seen from above: it takes one message, and what it answers can be acted upon.
//!
//! The three ways in which sending can fail are kept apart because the alarm desk does three different things about them:
//! what is refused for good goes to another channel or person at once, what may work later is tried again, and what may
//! already have arrived is tried again as well, because an alarm that comes twice is better than one that never comes, and
//! counted as a possible double.

use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::message::{Kind, Message};

/// The one clock, handed down from the process that owns it.
pub type Clock = Arc<dyn Fn() -> UtcMillis + Send + Sync>;

/// Takes messages to people.
#[async_trait]
pub trait Channel: Send + Sync {
    /// What kind of address it reaches.
    fn kind(&self) -> Kind;

    /// Its name in the configuration, for logs and pages.
    fn name(&self) -> &str;

    /// Tries once. Every channel bounds its own time, so this always comes back; it never tries again by itself.
    ///
    /// # Errors
    /// See [`SendError`].
    async fn send(&self, message: &Message) -> Result<Receipt, SendError>;

    /// Whether a message could be sent now, as far as that can be seen without sending one: connection, TLS, sign-in.
    /// It is the test button and the channel's health.
    ///
    /// # Errors
    /// The error that a message would meet; never [`SendError::Unknown`].
    async fn probe(&self) -> Result<Probe, SendError>;
}

/// What a successful probe has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What was checked and, where something could not be, what.
    pub saw: String,
    /// When, UTC ms.
    pub at: UtcMillis,
}

/// Proof that somebody took over the message. It never means that a person has read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's id of the message, by which its support finds it; `None` where the protocol gives none.
    pub provider_id: Option<String>,
    /// What the other side said, shortened.
    pub said: String,
    /// When it said so, UTC ms.
    pub at: UtcMillis,
    /// What the network told about the handset, where that was asked for and came in time.
    pub delivery: Option<Delivery>,
}

/// What a delivery report says of a message that the network had taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The handset has it.
    Delivered,
    /// The network still tries.
    StillTrying,
    /// The network has given up.
    Failed,
}

/// Why a message was not, or may not have been, sent.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum SendError {
    /// Refused for good: the same message on this channel will be refused again.
    #[error("refused ({reason}): {what}")]
    Refused {
        /// Whose fault it is.
        reason: Refusal,
        /// What was tried, on what, and what came back.
        what: String,
    },
    /// Not sent, and it may work later.
    #[error("not sent for now: {what}")]
    Later {
        /// What was tried, on what, and what came back.
        what: String,
        /// How long the other side asks to wait, where it says.
        retry_after: Option<Duration>,
    },
    /// Sent, or partly sent, and the answer was lost: it may have arrived. Another try may double it.
    #[error("may have arrived: {what}")]
    Unknown {
        /// What was tried, on what, and what came back.
        what: String,
    },
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such mailbox, number or endpoint, or it does not want our messages.
    Recipient,
    /// Text, template or signature name is not accepted.
    Content,
    /// Name, password, key or PIN is wrong.
    Credentials,
    /// The account is stopped or has run out of money.
    Account,
    /// The channel's configuration does not fit the other side.
    Configuration,
}

impl Refusal {
    /// Whether every message on this channel would meet it, so that the channel itself is to be shown and alarmed.
    #[must_use]
    pub const fn is_the_channels_fault(self) -> bool {
        match self {
            Self::Recipient | Self::Content => false,
            Self::Credentials | Self::Account | Self::Configuration => true,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Recipient => "recipient",
            Self::Content => "content",
            Self::Credentials => "credentials",
            Self::Account => "account",
            Self::Configuration => "configuration",
        })
    }
}

impl SendError {
    /// What whoever sees it should do, where the error's own words do not say more.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Refused { reason, .. } => match reason {
                Refusal::Recipient => "look at the address, and whether it takes messages",
                Refusal::Content => {
                    "look at text, template and signature, and at what the other side takes"
                }
                Refusal::Credentials => {
                    "look at user, password, key or PIN, and at the file or variable that holds it"
                }
                Refusal::Account => "ask the provider about the account: stopped, or out of money",
                Refusal::Configuration => "look at the channel's table in the configuration",
            },
            Self::Later { .. } => {
                "it may pass: try again; where it does not, look at network, certificate and the other side"
            }
            Self::Unknown { .. } => {
                "ask the recipient whether it came before you try again: it may come twice"
            }
        }
    }

    pub(crate) fn refused(reason: Refusal, what: impl Into<String>) -> Self {
        Self::Refused { reason, what: what.into() }
    }

    pub(crate) fn later(what: impl Into<String>) -> Self {
        Self::Later { what: what.into(), retry_after: None }
    }

    pub(crate) fn unknown(what: impl Into<String>) -> Self {
        Self::Unknown { what: what.into() }
    }

    /// An address of another kind was given to a channel: a mistake of the caller that must not look like success.
    pub(crate) fn wrong_kind(channel: Kind, message: &Message) -> Self {
        let given = message.to.kind();
        Self::refused(
            Refusal::Recipient,
            format!("this {channel} channel was given a {given} address"),
        )
    }
}

/// What the other side said, on one line and short enough for a list: it comes from outside and may be anything.
pub(crate) fn shortened(said: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    let mut short = String::new();
    for (i, word) in said
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .enumerate()
    {
        if i > 0 {
            short.push(' ');
        }
        short.push_str(word);
        if short.chars().count() > CHARACTERS_MAX {
            return short.chars().take(CHARACTERS_MAX).chain(['…']).collect();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_said_is_one_short_line() {
        assert_eq!(shortened("550 no\r\nsuch\tuser\u{0}here "), "550 no such user here");
        let long = shortened(&"乙 ".repeat(1_000));
        assert_eq!(long.chars().count(), 301);
        assert!(long.ends_with('…'));
        assert_eq!(shortened(&"x".repeat(1_000)).chars().count(), 301);
    }
}
