//! Conditions beyond limits: what else can be wrong with a signal, each a small detector of its own.
//!
//! A detector is a pure step: settings, state and one sample give a [`Verdict`]. It keeps no more than it must and its state
//! is bounded, so that a host can carry thousands in its checkpoint. Whether a verdict becomes an alarm is decided by
//! [`Standing`], the same way for all: as with limits, the condition (or its absence) must hold without a break for its delay.
//! A sample that is missing or bad is not given to a detector: silence neither clears nor confirms.

use serde::{Deserialize, Serialize};

use crate::time::LineMillis;

pub mod counts;
pub mod detector;
pub mod deviation;
pub mod discrepancy;
pub mod drift;
pub mod expression;
pub mod spike;

/// What a sample says about a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not hold, and is not gone: within a deadband, or nothing can be said.
    Between,
    /// It is gone.
    Gone,
}

/// What is wrong with the settings of a detector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadSettings {
    /// Which setting.
    pub field: &'static str,
    /// What is wrong and what would do.
    pub why: String,
}

impl BadSettings {
    fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

/// The problem of a number that must be finite and above zero.
fn positive(field: &'static str, value: f64) -> Option<BadSettings> {
    (!value.is_finite() || value <= 0.0)
        .then(|| BadSettings::new(field, format!("is {value}: a number above zero is needed")))
}

fn finite(field: &'static str, value: f64) -> Option<BadSettings> {
    (!value.is_finite())
        .then(|| BadSettings::new(field, format!("is {value}: a finite number is needed")))
}

fn within(field: &'static str, value: u32, from: u32, to: u32) -> Option<BadSettings> {
    (!(from..=to).contains(&value))
        .then(|| BadSettings::new(field, format!("is {value}: {from} to {to}")))
}

fn checked<const N: usize>(problems: [Option<BadSettings>; N]) -> Result<(), Vec<BadSettings>> {
    let problems: Vec<_> = problems.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// How long a condition must hold before its alarm is raised, and be gone before it clears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// On-delay.
    pub on_ms: u32,
    /// Off-delay.
    pub off_ms: u32,
}

/// Whether the alarm of a condition stands, and the delay that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    stands: bool,
    since: Option<LineMillis>,
}

/// What became of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is raised.
    Raised,
    /// It clears.
    Cleared,
}

impl Standing {
    /// Whether the alarm stands.
    #[must_use]
    pub const fn stands(self) -> bool {
        self.stands
    }

    /// Takes a verdict of a sample at `at`, and says whether the alarm is raised or clears with it.
    pub fn take(&mut self, verdict: Verdict, delays: Delays, at: LineMillis) -> Option<Turn> {
        let (toward, delay_ms) = if self.stands {
            (Verdict::Gone, delays.off_ms)
        } else {
            (Verdict::Holds, delays.on_ms)
        };
        if verdict != toward {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(at);
        if at.since(since) < i64::from(delay_ms) {
            return None;
        }
        *self = Self { stands: !self.stands, since: None };
        Some(if self.stands { Turn::Raised } else { Turn::Cleared })
    }

    /// Ends it without a sample: its rule is gone or has become another. Says whether it stood.
    pub fn end(&mut self) -> bool {
        std::mem::take(self).stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(verdicts: &str, on_s: u32, off_s: u32) -> String {
        let delays = Delays { on_ms: on_s * 1_000, off_ms: off_s * 1_000 };
        let mut standing = Standing::default();
        let turn = |(second, verdict): (i64, char)| {
            let verdict = match verdict {
                '#' => Verdict::Holds,
                '-' => Verdict::Between,
                _ => Verdict::Gone,
            };
            match standing.take(verdict, delays, LineMillis(second * 1_000)) {
                Some(Turn::Raised) => '+',
                Some(Turn::Cleared) => 'x',
                None => '.',
            }
        };
        (0..).zip(verdicts.chars()).map(turn).collect()
    }

    #[test]
    fn an_alarm_comes_and_goes_by_its_delays_without_a_break() {
        assert_eq!(turns("#_#", 0, 0), "+x+");
        assert_eq!(turns("##-###_", 2, 0), ".....+x");
        assert_eq!(turns("#__#___-____", 0, 3), "+..........x");
        assert_eq!(turns("#--_", 0, 0), "+..x");
    }
}
