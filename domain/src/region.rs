//! Administrative regions (GB/T 2260) and chemical parks, and who is above whom.
//!
//! A park is not a division: it has a code of its own that begins with its county's. Levels without a place
//! in the chain (a county directly under the province, such as 济源 419001, whose "city" digits are 90) are skipped.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Rung of government that a region stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionLevel {
    /// 省
    Province,
    /// 市
    City,
    /// 区县
    County,
    /// 化工园区
    Park,
}

/// Six digits of GB/T 2260 for a division; for a park its county's six digits, `P` and two digits (`410205P01`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegionCode(Box<str>);

/// Why a text is no region code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no region code: six digits of GB/T 2260, or a county's six digits, P and two digits for a park"
)]
pub struct BadRegionCode(pub String);

impl RegionCode {
    /// Checks and wraps a code.
    ///
    /// # Errors
    /// When the text has neither of the two forms.
    pub fn new(text: &str) -> Result<Self, BadRegionCode> {
        let bytes = text.as_bytes();
        let digits = |range: &[u8]| range.iter().all(u8::is_ascii_digit);
        let good = match bytes.len() {
            6 => {
                digits(bytes)
                    && bytes[0] != b'0'
                    && !(&bytes[2..4] == b"00" && &bytes[4..6] != b"00")
            }
            9 => {
                digits(&bytes[..6])
                    && bytes[0] != b'0'
                    && &bytes[4..6] != b"00"
                    && bytes[6] == b'P'
                    && digits(&bytes[7..])
            }
            _ => false,
        };
        if good { Ok(Self(text.into())) } else { Err(BadRegionCode(text.to_owned())) }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rung this region stands on.
    #[must_use]
    pub fn level(&self) -> RegionLevel {
        match &*self.0 {
            code if code.len() == 9 => RegionLevel::Park,
            code if code.ends_with("0000") => RegionLevel::Province,
            code if code.ends_with("00") => RegionLevel::City,
            _ => RegionLevel::County,
        }
    }

    /// The region above, `None` above a province. A county whose city digits are `90` is directly under its province.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let code = &*self.0;
        let text = match self.level() {
            RegionLevel::Province => return None,
            RegionLevel::City => format!("{}0000", &code[..2]),
            RegionLevel::County if &code[2..4] == "90" => format!("{}0000", &code[..2]),
            RegionLevel::County => format!("{}00", &code[..4]),
            RegionLevel::Park => code[..6].to_owned(),
        };
        Some(Self(text.into()))
    }

    /// Whether `other` is this region or lies below it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let mut at = Some(other.clone());
        while let Some(region) = at {
            if region == *self {
                return true;
            }
            at = region.parent();
        }
        false
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegionCode {
    type Err = BadRegionCode;
    fn from_str(text: &str) -> Result<Self, BadRegionCode> {
        Self::new(text)
    }
}

impl TryFrom<String> for RegionCode {
    type Error = BadRegionCode;
    fn try_from(text: String) -> Result<Self, BadRegionCode> {
        Self::new(&text)
    }
}

impl From<RegionCode> for String {
    fn from(code: RegionCode) -> Self {
        code.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_knows_its_level_and_what_is_above_it() {
        let park = RegionCode::new("410205P01").unwrap();
        let chain: Vec<_> = std::iter::successors(Some(park.clone()), RegionCode::parent)
            .map(|r| (r.to_string(), r.level()))
            .collect();
        assert_eq!(
            chain,
            [
                ("410205P01".to_owned(), RegionLevel::Park),
                ("410205".to_owned(), RegionLevel::County),
                ("410200".to_owned(), RegionLevel::City),
                ("410000".to_owned(), RegionLevel::Province),
            ]
        );
        assert!(RegionCode::new("410200").unwrap().covers(&park));
        assert!(!RegionCode::new("410100").unwrap().covers(&park));
    }

    #[test]
    fn a_county_directly_under_the_province_skips_the_city() {
        let jiyuan = RegionCode::new("419001").unwrap();
        assert_eq!(jiyuan.parent().unwrap().as_str(), "410000");
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for bad in [
            "",
            "41020",
            "4102055",
            "41020a",
            "010205",
            "410005",
            "410200P01",
            "410205Q01",
            "410205P1",
            "四一〇二〇五",
        ] {
            assert!(RegionCode::new(bad).is_err(), "{bad}");
        }
    }
}
