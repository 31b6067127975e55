//! 红橙黄蓝: the four colours of a risk warning.
//!
//! Red 重大, orange 较大, yellow 一般, blue 低 (`monitoring.md` §3.5, Jilin's mechanism of 2020). The colours of emergency plans are
//! another scale and are not meant here.

use serde::{Deserialize, Serialize};

/// Colour of a warning. The order is that of gravity: red is the least and comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// 红色, the gravest
    Red,
    /// 橙色
    Orange,
    /// 黄色
    Yellow,
    /// 蓝色
    Blue,
}

impl Colour {
    /// Every colour, the gravest first.
    pub const ALL: [Self; 4] = [Self::Red, Self::Orange, Self::Yellow, Self::Blue];

    /// Stable code, as in configuration and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
        }
    }

    /// The colour of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colour| colour.code() == code)
    }

    /// Place in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}
