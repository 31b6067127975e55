//! Identities. Two kinds of identity never share a type, and one that cannot be is refused where it is built.
//!
//! Everything of an enterprise begins with its registration code, so that "whose is this?" is answered by the text
//! itself: a hazard source appends three digits, a gateway two, and what an integrator names by tag (equipment, points,
//! cameras) appends `.TAG`. The national codes of equipment and indicators (17 to 22 characters) are attributes kept
//! in the registry for exchange, not identities here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no identity of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: {rule}")]
pub struct BadId {
    /// What was asked for, in words.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

fn tag_is_good(tag: &str) -> bool {
    !tag.is_empty()
        && tag.chars().count() <= 48
        && tag
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '#' | '.' | '+'))
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Checks and wraps a text.
            ///
            /// # Errors
            /// When the text breaks the rule of this kind of identity.
            pub fn new(text: &str) -> Result<Self, BadId> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadId { kind: $kind, text: text.to_owned(), rule: $rule })
                }
            }

            /// The identity as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

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
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    };
}

pub(crate) use id_type;

fn company_is_good(text: &str) -> bool {
    matches!(text.len(), 9 | 11) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Length of the enterprise part of `text`, where `tail` characters follow it.
fn company_with_tail(text: &str, tail: usize) -> bool {
    text.len() > tail && text.is_ascii() && {
        let (head, rest) = text.split_at(text.len() - tail);
        company_is_good(head) && rest.bytes().all(|b| b.is_ascii_digit())
    }
}

fn company_dot_tag(text: &str) -> bool {
    text.split_once('.').is_some_and(|(company, tag)| company_is_good(company) && tag_is_good(tag))
}

id_type!(
    /// 企业编码 of the chemical registration system: 9 digits, or 11 in the provincial variant (`monitoring.md` §3.1).
    /// Which of the two an installation uses is a setting, checked by [`EnterpriseCode::has_length`].
    EnterpriseCode, "enterprise code", "9 or 11 digits", company_is_good
);

id_type!(
    /// 危险源编码: enterprise code and three digits (`monitoring.md` §3.1; the 12-character form is recalled).
    HazardCode, "hazard source code", "the enterprise code and three digits",
    |t| company_with_tail(t, 3)
);

id_type!(
    /// 网关编码: enterprise code and two digits (`monitoring.md` §3.1, seen in samples).
    GatewayId, "gateway id", "the enterprise code and two digits",
    |t| company_with_tail(t, 2)
);

id_type!(
    /// Equipment: `ENTERPRISE.TAG`, for example `410205001.V-1203`.
    EquipmentId, "equipment id", "the enterprise code, a dot and a tag of at most 48 letters, digits and - _ / # . +",
    company_dot_tag
);

id_type!(
    /// Monitored point (位号): `ENTERPRISE.TAG`, for example `410205001.LT-1203A`.
    PointId, "point id", "the enterprise code, a dot and a tag of at most 48 letters, digits and - _ / # . +",
    company_dot_tag
);

id_type!(
    /// Camera: `ENTERPRISE.TAG`.
    CameraId, "camera id", "the enterprise code, a dot and a tag of at most 48 letters, digits and - _ / # . +",
    company_dot_tag
);

id_type!(
    /// Name by which a person signs in.
    UserName, "user name", "2 to 32 lower-case letters, digits, - _ and .",
    |t| (2..=32).contains(&t.len())
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
);

impl EnterpriseCode {
    /// Whether the code has the length that this installation is set to (9 by default, 11 in the provincial variant).
    #[must_use]
    pub fn has_length(&self, length: usize) -> bool {
        self.0.len() == length
    }
}

/// Reads the enterprise out of an identity that begins with its code.
macro_rules! enterprise_of {
    ($($name:ident: $tail:expr),* $(,)?) => {$(
        impl $name {
            /// The enterprise that this belongs to.
            #[must_use]
            pub fn enterprise(&self) -> EnterpriseCode {
                let end: fn(&str) -> usize = $tail;
                EnterpriseCode(self.0[..end(&self.0)].into())
            }
        }
    )*};
}
enterprise_of!(
    HazardCode: |t| t.len() - 3,
    GatewayId: |t| t.len() - 2,
    EquipmentId: |t| t.find('.').expect("checked when built"),
    PointId: |t| t.find('.').expect("checked when built"),
    CameraId: |t| t.find('.').expect("checked when built"),
);

impl PointId {
    /// Builds the identity of a point from its enterprise and the tag that the gateway knows it by.
    ///
    /// # Errors
    /// When the tag is empty, too long or has a character that a tag cannot have.
    pub fn of(enterprise: &EnterpriseCode, tag: &str) -> Result<Self, BadId> {
        Self::new(&format!("{enterprise}.{tag}"))
    }

    /// The tag, as on the drawing and in the gateway's configuration.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.0.split_once('.').expect("checked when built").1
    }
}

impl EquipmentId {
    /// The tag of the equipment, as on the drawing.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.0.split_once('.').expect("checked when built").1
    }
}

/// 统一社会信用代码, GB 32100-2015: 18 characters of a 31-letter alphabet, the last one a check character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CreditCode(Box<str>);

const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

impl CreditCode {
    /// Checks and wraps a code. Lower case is refused; the inner organisation code's own check character is not judged,
    /// because some codes in force fail it (`exchange-and-codes.md` §1.1).
    ///
    /// # Errors
    /// When the length, a character or the check character is wrong.
    pub fn new(text: &str) -> Result<Self, BadId> {
        let bad = |rule| BadId { kind: "unified social credit code", text: text.to_owned(), rule };
        if text.len() != 18 {
            return Err(bad("18 characters"));
        }
        let mut sum = 0usize;
        let mut weight = 1usize;
        let mut check = 0usize;
        for (i, byte) in text.bytes().enumerate() {
            let value = CREDIT_ALPHABET
                .iter()
                .position(|&b| b == byte)
                .ok_or_else(|| bad("digits and capital letters without I, O, S, V, Z"))?;
            if i < 17 {
                sum += value * weight;
                weight = weight * 3 % 31;
            } else {
                check = value;
            }
        }
        if (31 - sum % 31) % 31 == check {
            Ok(Self(text.into()))
        } else {
            Err(bad("the last character is a check character and does not fit"))
        }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CreditCode {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::new(&text)
    }
}

impl From<CreditCode> for String {
    fn from(code: CreditCode) -> Self {
        code.0.into()
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a person may do. Where a person may do it is their scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 省、市、区县、园区 duty officer: sees and acknowledges within a region.
    Officer,
    /// 企业负责人 / 安全管理员: sees the enterprise, changes its limits and file.
    EnterpriseManager,
    /// 企业处置人员: sees the enterprise, answers alarms.
    EnterpriseResponder,
    /// Installs and configures; manages users; sees everything.
    Administrator,
    /// Drives the simulator where it is configured; sees what is in scope.
    Tester,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_codes_are_judged_by_their_check_character() {
        for (code, good) in [
            ("91350100M000100Y43", true),
            ("91410205MA4000004D", true),
            ("91410205MA40000001", true),
            ("91350100M000100Y44", false),
            ("91350100m000100y43", false),
            ("91350100M000100Y4", false),
            ("91350100M000100Y433", false),
            ("9135O100M000100Y43", false),
        ] {
            assert_eq!(CreditCode::new(code).is_ok(), good, "{code}");
        }
    }

    #[test]
    fn identities_name_their_enterprise_and_refuse_what_cannot_be() {
        assert_eq!(HazardCode::new("410205001003").unwrap().enterprise().as_str(), "410205001");
        assert_eq!(HazardCode::new("41020500001003").unwrap().enterprise().as_str(), "41020500001");
        assert_eq!(GatewayId::new("41020500101").unwrap().enterprise().as_str(), "410205001");
        let point = PointId::new("410205001.LT-1203A").unwrap();
        assert_eq!((point.enterprise().as_str(), point.tag()), ("410205001", "LT-1203A"));
        for bad in [
            "41020500",
            "4102050011",
            "41020500x",
            "410205001.",
            ".LT",
            "LT-1",
            "410205001.a b",
            "410205001.a\n",
        ] {
            assert!(PointId::new(bad).is_err(), "{bad:?}");
        }
        assert!(EnterpriseCode::new("41020500").is_err());
        assert!(HazardCode::new("四一〇二〇五〇〇一").is_err());
        assert!(UserName::new("Wang").is_err());
    }
}
