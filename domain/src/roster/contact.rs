//! How a person is reached: telephone, mailbox, language, the hours in which what can wait waits.
//!
//! Everybody keeps their own. That quiet hours never silence red is no setting of a person and stands where messages are
//! sent. Numbers and mailboxes are shown shortened wherever they are logged: they are personal data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::pattern::{clock, minute_of};
use crate::ids::BadId;

/// Telephones of one person at most.
pub const PHONES_MAX: usize = 3;

/// 3 to 15 digits (ITU-T E.164), with `+` and the country's code in front or without.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Box<str>);

/// A mailbox, `name@domain`. Whether it exists only its server knows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(Box<str>);

impl PhoneNumber {
    /// Checks and wraps a number; spaces and hyphens are left out.
    ///
    /// # Errors
    /// When it has other than 3 to 15 digits.
    pub fn new(text: &str) -> Result<Self, BadId> {
        let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(number.into()))
        } else {
            let rule = "3 to 15 digits, with + and the country's code in front or without";
            Err(BadId { kind: "telephone number", text: text.to_owned(), rule })
        }
    }

    /// The number as text, without spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EmailAddress {
    /// Checks and wraps an address: printable ASCII with one @, a name before it and a domain with a dot behind.
    ///
    /// # Errors
    /// When it has not that form.
    pub fn new(text: &str) -> Result<Self, BadId> {
        let printable =
            text.bytes().all(|b| b.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&b));
        let good = text.split_once('@').is_some_and(|(name, domain)| {
            let labels = || domain.split('.');
            (1..=64).contains(&name.len())
                && !name.starts_with('.')
                && !name.ends_with('.')
                && !name.contains("..")
                && labels().count() >= 2
                && labels().all(|label| {
                    !label.is_empty()
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
        });
        if printable && good && text.len() <= 254 {
            Ok(Self(text.into()))
        } else {
            let rule = "name@domain in plain letters, for example wang@example.cn";
            Err(BadId { kind: "e-mail address", text: text.to_owned(), rule })
        }
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Half of the digits are enough to tell two numbers apart.
        let shown = self.0.len() / 4;
        let (head, tail) = (&self.0[..shown], &self.0[self.0.len() - shown..]);
        write!(f, "{head}****{tail}")
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, domain) = self.0.split_once('@').expect("checked when built");
        write!(f, "{}***@{domain}", name.chars().next().unwrap_or('?'))
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(&text)
            }
        }
        impl From<$name> for String {
            fn from(it: $name) -> Self {
                it.0.into()
            }
        }
    )*};
}
as_text!(PhoneNumber, EmailAddress);

/// What a person reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// 中文
    #[default]
    #[serde(rename = "zh")]
    Chinese,
    /// English
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// `zh` or `en`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Language {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        match text {
            "zh" => Ok(Self::Chinese),
            "en" => Ok(Self::English),
            _ => Err(BadId { kind: "language", text: text.to_owned(), rule: "zh or en" }),
        }
    }
}

/// A way to reach a person outside the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// 短信
    Sms,
    /// 邮件
    Email,
}

impl Means {
    /// Every means, in the order in which they are tried where a person prefers none.
    pub const ALL: [Self; 2] = [Self::Sms, Self::Email];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Means {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let found = Self::ALL.into_iter().find(|means| means.code() == text);
        found.ok_or_else(|| BadId { kind: "channel", text: text.to_owned(), rule: "sms or email" })
    }
}

/// Hours of the local day in which what can wait waits, over midnight where the end is the smaller one.
/// Whose clock: that of the unit through which the person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quiet {
    from_min: u16,
    to_min: u16,
}

impl Quiet {
    /// From minute `from_min` of the day until minute `to_min`; `None` when one is not of a day (0 to 1439) or both are the
    /// same, which could mean never as well as always.
    #[must_use]
    pub fn new(from_min: u16, to_min: u16) -> Option<Self> {
        let good = from_min < 1_440 && to_min < 1_440 && from_min != to_min;
        good.then_some(Self { from_min, to_min })
    }

    /// First minute.
    #[must_use]
    #[allow(clippy::wrong_self_convention)] // From a time of day, not from another type.
    pub fn from_min(self) -> u16 {
        self.from_min
    }

    /// Minute at which they end.
    #[must_use]
    pub fn to_min(self) -> u16 {
        self.to_min
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", clock(self.from_min), clock(self.to_min))
    }
}

impl FromStr for Quiet {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let hours = text
            .split_once('-')
            .and_then(|(from, to)| Self::new(minute_of(from.trim())?, minute_of(to.trim())?));
        let rule = "HH:MM-HH:MM with two different times, for example 22:00-07:00";
        hours.ok_or_else(|| BadId { kind: "span of quiet hours", text: text.to_owned(), rule })
    }
}

/// How one person is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// 手机, in the order in which they are tried.
    pub phones: Vec<PhoneNumber>,
    /// 邮箱
    pub email: Option<EmailAddress>,
    /// What they read.
    pub language: Language,
    /// When what can wait waits; never red.
    pub quiet: Option<Quiet>,
    /// Preferred first; empty is [`Means::ALL`].
    pub channels: Vec<Means>,
}

impl Contact {
    /// Means by which this person can be reached at all, the preferred one first. Those not preferred come last rather than
    /// never: a preference is no refusal.
    #[must_use]
    pub fn means(&self) -> Vec<Means> {
        let mut order = self.channels.clone();
        order.extend(Means::ALL);
        let mut means: Vec<Means> = Vec::new();
        for one in order {
            let has = match one {
                Means::Sms => !self.phones.is_empty(),
                Means::Email => self.email.is_some(),
            };
            if has && !means.contains(&one) {
                means.push(one);
            }
        }
        means
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_mailboxes_are_checked_and_never_logged_whole() {
        for (text, good) in [
            ("13800138000", Some("13800138000")),
            ("+86 138-0013-8000", Some("+8613800138000")),
            ("12", None),
            ("1234567890123456", None),
            ("138o0138000", None),
            ("++8613800138000", None),
            ("一三八", None),
        ] {
            let read = PhoneNumber::new(text);
            assert_eq!(read.as_ref().ok().map(PhoneNumber::as_str), good, "{text}");
        }
        assert_eq!(format!("{:?}", PhoneNumber::new("13800138000").unwrap()), "13****00");
        assert_eq!(format!("{:?}", PhoneNumber::new("110").unwrap()), "****");
        for (text, good) in [
            ("wang@example.cn", true),
            ("wang.min+night@mail.example.cn", true),
            ("wang@example", false),
            ("wang", false),
            ("@example.cn", false),
            ("a@b@example.cn", false),
            ("wang@example..cn", false),
            ("wang @example.cn", false),
            ("wang@example.cn,li@example.cn", false),
            ("wang@example.cn\r\nBcc: x@example.cn", false),
            ("王@example.cn", false),
        ] {
            assert_eq!(EmailAddress::new(text).is_ok(), good, "{text}");
        }
        let mail = EmailAddress::new("wang@example.cn").unwrap();
        assert_eq!(format!("{mail:?}"), "w***@example.cn");
    }

    #[test]
    fn quiet_hours_are_two_times_of_day() {
        for (text, good) in [
            ("22:00-07:00", true),
            ("12:00-14:30", true),
            ("00:00-23:59", true),
            ("22:00-22:00", false),
            ("24:00-07:00", false),
            ("22-7", false),
            ("", false),
        ] {
            let read: Result<Quiet, _> = text.parse();
            assert_eq!(read.is_ok(), good, "{text}");
            if let Ok(quiet) = read {
                assert_eq!(quiet.to_string(), text);
            }
        }
    }

    #[test]
    fn a_preference_orders_and_refuses_nothing() {
        let both = Contact {
            phones: vec![PhoneNumber::new("13800138000").unwrap()],
            email: Some(EmailAddress::new("wang@example.cn").unwrap()),
            ..Contact::default()
        };
        assert_eq!(both.means(), [Means::Sms, Means::Email]);
        let by_mail = Contact { channels: vec![Means::Email], ..both.clone() };
        assert_eq!(by_mail.means(), [Means::Email, Means::Sms]);
        let without = Contact { email: None, ..by_mail };
        assert_eq!(without.means(), [Means::Sms]);
        assert_eq!(Contact::default().means(), []);
    }
}
