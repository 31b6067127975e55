//! Instants and spans as values.
//!
//! Two clocks meet here. Wall time ([`UtcMillis`]) is what people and standards speak of; it can be wrong and can step.
//! Monotonic time ([`MonoMillis`]) belongs to one boot of one gateway, never steps, and is what delays and rates count on.
//! Milliseconds are the precision of the store: a value read back equals the value written.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UtcMillis(pub i64);

/// Milliseconds of a monotonic clock since the boot of the gateway process that counts them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MonoMillis(pub u64);

/// Milliseconds on the line of time of one gateway as the center keeps it: monotonic time within one boot, carried on by
/// the logged receive time across boots. Delays and rates are differences on it; it is near the center's clock when a boot
/// begins, may drift from it by the error of the gateway's oscillator, and never steps back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LineMillis(pub i64);

impl LineMillis {
    /// Before everything: "never".
    pub const NEVER: Self = Self(i64::MIN);

    /// Milliseconds from `earlier` to `self`; negative when `self` is the earlier one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved by `ms`.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl UtcMillis {
    /// Milliseconds from `earlier` to `self`; negative when `self` is the earlier one.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved by `ms`.
    #[must_use]
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl MonoMillis {
    /// Milliseconds from `earlier` to `self`; zero when `self` is the earlier one.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
