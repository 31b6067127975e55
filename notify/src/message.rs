//! One message to one address.
//!
//! An address is checked where it is built, so that a channel never has to guess what a stray character meant, and it is
//! shown in logs only in part: telephone numbers and mailboxes are personal data, and a webhook's path is often its password.

use std::fmt;

pub use anlan_domain::colour::Colour;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Identity of a message: the same at every try, so that a receiver can tell a repetition from a second message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// Most characters of an id: it has to fit into the `OutId` of SMS providers and into a mail header's line.
    pub const CHARACTERS_MAX: usize = 64;

    /// Takes letters, digits, `.`, `_` and `-`: what a mail header, a URL and a provider's field carry unchanged.
    ///
    /// # Errors
    /// [`AddressError::MessageId`].
    pub fn new(id: impl Into<String>) -> Result<Self, AddressError> {
        let id = id.into();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.is_empty() || id.len() > Self::CHARACTERS_MAX || !id.chars().all(plain) {
            return Err(AddressError::MessageId { id });
        }
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MessageId {
    type Error = AddressError;

    fn try_from(id: String) -> Result<Self, AddressError> {
        Self::new(id)
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

/// Language of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 中文
    Zh,
    /// English
    En,
}

impl Language {
    /// Stable code, as in configuration and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }
}

/// The word that people read for a colour.
pub trait ColourWord {
    /// In the reader's language.
    #[must_use]
    fn word(self, language: Language) -> &'static str;
}

impl ColourWord for Colour {
    fn word(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::Zh, Self::Red) => "红色",
            (Language::Zh, Self::Orange) => "橙色",
            (Language::Zh, Self::Yellow) => "黄色",
            (Language::Zh, Self::Blue) => "蓝色",
            (Language::En, Self::Red) => "Red",
            (Language::En, Self::Orange) => "Orange",
            (Language::En, Self::Yellow) => "Yellow",
            (Language::En, Self::Blue) => "Blue",
        }
    }
}

/// How a message reaches its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 邮件
    Email,
    /// 短信, by a provider or a modem
    Sms,
    /// A third party's HTTP endpoint
    Webhook,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Sms => "SMS",
            Self::Webhook => "webhook",
        })
    }
}

/// Where a message goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "to", rename_all = "lowercase")]
pub enum Address {
    /// A mailbox.
    Email(Mailbox),
    /// A telephone that takes SMS.
    Phone(Phone),
    /// An HTTP endpoint.
    Webhook(WebhookUrl),
}

impl Address {
    /// The kind of channel that can reach it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Email(_) => Kind::Email,
            Self::Phone(_) => Kind::Sms,
            Self::Webhook(_) => Kind::Webhook,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(mailbox) => mailbox.fmt(f),
            Self::Phone(phone) => phone.fmt(f),
            Self::Webhook(url) => url.fmt(f),
        }
    }
}

/// An address that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// See [`MessageId::new`].
    #[error("{id:?} is no message id; write 1 to 64 letters, digits, '.', '_' or '-'")]
    MessageId {
        /// What was given.
        id: String,
    },
    /// See [`Mailbox::new`].
    #[error("this is no e-mail address: {why}; write name@domain")]
    Mailbox {
        /// What is wrong with it.
        why: &'static str,
    },
    /// See [`Phone::new`].
    #[error("this is no telephone number: {why}; write 13800138000 or +8613800138000")]
    Phone {
        /// What is wrong with it.
        why: &'static str,
    },
    /// See [`WebhookUrl::new`].
    #[error("this is no webhook URL: {why}; write https://host/path")]
    Webhook {
        /// What is wrong with it.
        why: &'static str,
    },
}

/// An e-mail address without a display name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mailbox(String);

impl Mailbox {
    /// Takes `name@domain`; whether the mailbox exists only its server knows.
    ///
    /// # Errors
    /// [`AddressError::Mailbox`].
    pub fn new(address: impl AsRef<str>) -> Result<Self, AddressError> {
        let address = address.as_ref().trim();
        match address.parse::<lettre::Address>() {
            Ok(_) => Ok(Self(address.to_owned())),
            Err(_) if !address.contains('@') => Err(AddressError::Mailbox { why: "it has no @" }),
            Err(_) => Err(AddressError::Mailbox { why: "the name or the domain is malformed" }),
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the @.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.chars().next().unwrap_or('?');
        write!(f, "{first}***@{}", self.domain())
    }
}

/// A telephone number: digits, with `+` and the country's code in front or without.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// Takes 3 to 15 digits (ITU-T E.164), with `+` in front or not; spaces and hyphens between them are left out.
    ///
    /// # Errors
    /// [`AddressError::Phone`].
    pub fn new(number: impl AsRef<str>) -> Result<Self, AddressError> {
        let number: String =
            number.as_ref().chars().filter(|c| !matches!(c, ' ' | '-' | '\t')).collect();
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if !digits.chars().all(|c| c.is_ascii_digit()) {
            return Err(AddressError::Phone { why: "it has something else than digits" });
        }
        if !(3..=15).contains(&digits.len()) {
            return Err(AddressError::Phone { why: "it has fewer than 3 or more than 15 digits" });
        }
        Ok(Self(number))
    }

    /// The number as it was given, without spaces: `+8613800138000` or `13800138000`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as China's providers want it: without `+86` in front; other countries' numbers keep theirs, without `+`.
    #[must_use]
    pub fn national(&self) -> &str {
        match self.0.strip_prefix("+86") {
            Some(number) => number,
            None => self.digits(),
        }
    }

    /// The digits alone.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }

    /// Whether the number names its country.
    #[must_use]
    pub fn is_international(&self) -> bool {
        self.0.starts_with('+')
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.len().saturating_sub(2);
        write!(f, "***{}", &self.0[shown..])
    }
}

/// An HTTP endpoint.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Takes `http://` and `https://` URLs with a host. Credentials in the URL are refused: they would end in logs.
    ///
    /// # Errors
    /// [`AddressError::Webhook`].
    pub fn new(url: impl AsRef<str>) -> Result<Self, AddressError> {
        let url = url.as_ref().trim();
        let refused = |why| Err(AddressError::Webhook { why });
        let Ok(uri) = url.parse::<http::Uri>() else { return refused("it is malformed") };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return refused("it begins with neither https:// nor http://");
        }
        match uri.authority() {
            None => refused("it has no host"),
            Some(authority) if authority.as_str().contains('@') => {
                refused("it has a name or password before the host")
            }
            Some(_) if uri.path().split('/').any(|step| matches!(step, "." | "..")) => {
                refused("it climbs with . or ..")
            }
            Some(_) => Ok(Self(url.to_owned())),
        }
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL, taken apart.
    #[must_use]
    pub fn uri(&self) -> http::Uri {
        self.0.parse().expect("checked when it was built")
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.uri();
        write!(f, "{}://{}/***", uri.scheme_str().unwrap_or(""), uri.host().unwrap_or(""))
    }
}

macro_rules! text_address {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = AddressError;

            fn try_from(text: String) -> Result<Self, AddressError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(address: $type) -> Self {
                address.0
            }
        }
    };
}
text_address!(Mailbox);
text_address!(Phone);
text_address!(WebhookUrl);

/// What is said, to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same at every try.
    pub id: MessageId,
    /// One address: whoever has several gets several messages.
    pub to: Address,
    /// Language that subject and text are written in.
    pub language: Language,
    /// Colour of the warning.
    pub colour: Colour,
    /// One line. SMS has none and leaves it out.
    pub subject: String,
    /// What people read.
    pub text: String,
    /// The same for programs; only webhooks carry it, as a JSON object.
    pub facts: serde_json::Map<String, serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_where_it_is_built() {
        for good in ["zhang.san@example.cn", " a+b@b.cc "] {
            assert!(Mailbox::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "zhang", "a@", "@b.cc", "a b@c.dd", "a@b.cc\r\nBcc: x@y.zz", "a@b.cc, d@e.ff"]
        {
            assert!(Mailbox::new(bad).is_err(), "{bad:?}");
        }
        for (given, kept) in [
            ("13800138000", "13800138000"),
            ("+86 138-0013-8000", "+8613800138000"),
            ("110", "110"),
        ] {
            assert_eq!(Phone::new(given).unwrap().as_str(), kept);
        }
        for bad in
            ["", "+", "12", "1234567890123456", "138x0013800", "13800138000;110", "１３８００"]
        {
            assert!(Phone::new(bad).is_err(), "{bad:?}");
        }
        for good in ["https://a.example/x?y=1", "http://10.0.0.1:8080/hook"] {
            assert!(WebhookUrl::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ftp://a/",
            "/x",
            "https://",
            "https://u:p@a.example/",
            "https://a/ b",
            "https://a/x/../y",
        ] {
            assert!(WebhookUrl::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "a\r\nb", "a@b", &"x".repeat(65)] {
            assert!(MessageId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn chinese_providers_get_the_number_without_the_countrys_code() {
        for (given, national) in [
            ("+8613800138000", "13800138000"),
            ("13800138000", "13800138000"),
            ("+85298765432", "85298765432"),
        ] {
            assert_eq!(Phone::new(given).unwrap().national(), national);
        }
    }

    #[test]
    fn logs_show_an_address_only_in_part() {
        let addresses = [
            Address::Email(Mailbox::new("zhang.san@example.cn").unwrap()),
            Address::Phone(Phone::new("+8613800138000").unwrap()),
            Address::Webhook(WebhookUrl::new("https://a.example/t0ken?k=s3cret").unwrap()),
        ];
        let shown = format!("{addresses:?}");
        assert_eq!(shown, "[z***@example.cn, ***00, https://a.example/***]");
    }

    #[test]
    fn an_address_survives_json_and_a_bad_one_does_not_come_out_of_it() {
        let address = Address::Phone(Phone::new("13800138000").unwrap());
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(json, r#"{"kind":"phone","to":"13800138000"}"#);
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
        assert!(serde_json::from_str::<Address>(r#"{"kind":"phone","to":"x"}"#).is_err());
    }
}
