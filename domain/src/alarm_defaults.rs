//! Deadband and delays that a limit gets where nobody gave it its own, by signal type.
//!
//! Sources: start values of ISA-18.2 and EEMUA 191 for flow, level, pressure and temperature (recalled, `monitoring.md` §4:
//! deadband 5, 5, 2 and 1 % of span; delay 15, 60, 15 and 60 s); everything else is a proposal of ours. What is shipped is a
//! start: the registry keeps the table as data that an administrator edits, and this file only says what it begins with and
//! how a row becomes a limit. Four rules are ours, and proposals:
//!
//! - HH and LL ask for action each time they are reached, so their on-delay is a short one of its own; the long one is for H
//!   and L, where a brief excursion is harmless (`monitoring.md` §4, off-delay against on-delay).
//! - A deadband is at most a quarter of the way to the opposite limit, however small the share of the span: a deadband as
//!   wide as normal operation would let an alarm stand for ever, which is no quieter, only staler.
//! - A delay that is shorter than the scan is one scan, except that of HH and LL and where there is none: a delay asks that
//!   a later sample says the same, and within a scan there is no later sample.
//! - A rate of change has no span: its deadband is a tenth of the limit.

use serde::{Deserialize, Serialize};

use crate::limits::{Limit, LimitKind, Limits};

/// Largest share of the way to the opposite limit that a default deadband takes.
const SHARE_OF_BAND: f64 = 0.25;
/// Default deadband of a rate of change, as a share of the limit.
const SHARE_OF_RATE: f64 = 0.1;

/// Where a row of the shipped table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Recalled from ISA-18.2 and EEMUA 191; to be checked against the text.
    Recalled,
    /// A proposal of this project.
    Proposal,
    /// Set by an administrator of this installation.
    Edited,
}

/// Defaults for the limits of points of one signal type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalDefaults {
    /// Signal type as `PointSettings::signal` has it; `*` stands for every type without a row of its own.
    pub signal: Box<str>,
    /// In percent of the span, zero or more.
    pub deadband_percent: f64,
    /// How long H, L and the rate of change must hold, in milliseconds.
    pub on_delay_ms: u32,
    /// How long HH and LL must hold, in milliseconds.
    pub urgent_on_delay_ms: u32,
    /// How long any of them must be gone, in milliseconds.
    pub off_delay_ms: u32,
    /// Where the row comes from.
    pub origin: Origin,
}

/// Why a row is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadDefaults {
    /// No name, or one that no point can have.
    #[error(
        "{0:?} is no signal type: lower-case letters, digits and underscores, at most 40, or *"
    )]
    Signal(String),
    /// A deadband that leaves no room.
    #[error("deadband is {0} % of the span: 0 to 50")]
    Deadband(f64),
    /// A delay beyond a day is a mistake.
    #[error("{field} is {value} ms: 0 to {DELAY_MS_MAX} (a day)")]
    Delay {
        /// Which one.
        field: &'static str,
        /// What was given.
        value: u32,
    },
    /// A gas detector that is told late is told too late.
    #[error(
        "{field} of {signal} is {value} ms: a gas detector waits {GAS_ON_DELAY_MS_MAX} at most (monitoring of gas, proposal)"
    )]
    GasDelay {
        /// Which signal type.
        signal: Box<str>,
        /// Which one.
        field: &'static str,
        /// What was given.
        value: u32,
    },
}

/// Longest delay that a row may have: a day.
pub const DELAY_MS_MAX: u32 = 86_400_000;
/// Longest default on-delay of a gas detector (`monitoring.md` §4: 0 to 3 s, proposal).
pub const GAS_ON_DELAY_MS_MAX: u32 = 3_000;

impl SignalDefaults {
    /// What an installation begins with. The last row, `*`, is for types that have none.
    #[must_use]
    pub fn shipped() -> Vec<Self> {
        use Origin::{Proposal, Recalled};
        [
            ("flow", 5.0, 15, 3, 15, Recalled),
            ("level", 5.0, 60, 3, 60, Recalled),
            ("pressure", 2.0, 15, 3, 15, Recalled),
            ("temperature", 1.0, 60, 3, 60, Recalled),
            ("gas_combustible", 2.0, 0, 0, 10, Proposal),
            ("gas_toxic", 2.0, 0, 0, 10, Proposal),
            ("oxygen", 1.0, 3, 0, 10, Proposal),
            ("humidity", 5.0, 60, 15, 60, Proposal),
            ("*", 2.0, 15, 3, 15, Proposal),
        ]
        .into_iter()
        .map(|(signal, deadband_percent, on_s, urgent_s, off_s, origin)| Self {
            signal: signal.into(),
            deadband_percent,
            on_delay_ms: on_s * 1_000,
            urgent_on_delay_ms: urgent_s * 1_000,
            off_delay_ms: off_s * 1_000,
            origin,
        })
        .collect()
    }

    /// The row of a signal type: its own, or else that of `*`. `None` where the table has neither.
    #[must_use]
    pub fn of<'a>(table: &'a [Self], signal: &str) -> Option<&'a Self> {
        let row = |name: &str| table.iter().find(|row| &*row.signal == name);
        row(signal).or_else(|| row("*"))
    }

    /// Checks a row before it is kept.
    ///
    /// # Errors
    /// Every problem found, not just the first.
    pub fn check(&self) -> Result<(), Vec<BadDefaults>> {
        let mut problems = Vec::new();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let named = (1..=40).contains(&self.signal.len()) && self.signal.chars().all(plain);
        if !named && &*self.signal != "*" {
            problems.push(BadDefaults::Signal(self.signal.to_string()));
        }
        if !(0.0..=50.0).contains(&self.deadband_percent) {
            problems.push(BadDefaults::Deadband(self.deadband_percent));
        }
        for (field, value) in [
            ("on_delay_ms", self.on_delay_ms),
            ("urgent_on_delay_ms", self.urgent_on_delay_ms),
            ("off_delay_ms", self.off_delay_ms),
        ] {
            if value > DELAY_MS_MAX {
                problems.push(BadDefaults::Delay { field, value });
            } else if self.signal.starts_with("gas_")
                && field != "off_delay_ms"
                && value > GAS_ON_DELAY_MS_MAX
            {
                let signal = self.signal.clone();
                problems.push(BadDefaults::GasDelay { signal, field, value });
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// A limit at `value` with the defaults of this type, for a point that is scanned every `scan_ms`. `band` is the way to
    /// the opposite limit, or to the opposite end of the range where there is none, in the unit of the point; see [`band`].
    #[must_use]
    pub fn limit(
        &self,
        kind: LimitKind,
        value: f64,
        range: (f64, f64),
        band: f64,
        scan_ms: u32,
    ) -> Limit {
        let share = (range.1 - range.0) * self.deadband_percent / 100.0;
        let on_delay_ms = match kind {
            LimitKind::HighHigh | LimitKind::LowLow => self.urgent_on_delay_ms,
            LimitKind::High | LimitKind::Low => scans(self.on_delay_ms, scan_ms),
        };
        Limit {
            value,
            deadband: share.min(band * SHARE_OF_BAND).max(0.0),
            on_delay_ms,
            off_delay_ms: scans(self.off_delay_ms, scan_ms),
            ..Limit::default()
        }
    }

    /// A limit of the rate of change, `value` in units a minute, with the defaults of this type.
    #[must_use]
    pub fn rate_limit(&self, value: f64, scan_ms: u32) -> Limit {
        Limit {
            value,
            deadband: (value * SHARE_OF_RATE).max(0.0),
            on_delay_ms: scans(self.on_delay_ms, scan_ms),
            off_delay_ms: scans(self.off_delay_ms, scan_ms),
            ..Limit::default()
        }
    }
}

/// A delay that a later sample can end.
fn scans(delay_ms: u32, scan_ms: u32) -> u32 {
    if delay_ms == 0 { 0 } else { delay_ms.max(scan_ms) }
}

/// The way from a limit of `kind` at `value` to the nearest limit on the other side, or to that end of the range.
#[must_use]
pub fn band(kind: LimitKind, value: f64, limits: &Limits, range: (f64, f64)) -> f64 {
    let at = |limit: Option<Limit>| limit.map(|limit| limit.value);
    match kind {
        LimitKind::HighHigh | LimitKind::High => {
            value - at(limits.l).or(at(limits.ll)).unwrap_or(range.0)
        }
        LimitKind::LowLow | LimitKind::Low => {
            at(limits.h).or(at(limits.hh)).unwrap_or(range.1) - value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(signal: &str) -> SignalDefaults {
        SignalDefaults::of(&SignalDefaults::shipped(), signal).unwrap().clone()
    }

    #[test]
    fn every_shipped_row_is_good_and_every_type_finds_one() {
        let table = SignalDefaults::shipped();
        for row in &table {
            assert_eq!(row.check(), Ok(()), "{}", row.signal);
        }
        assert_eq!(&*row("level").signal, "level");
        assert_eq!(&*row("vibration").signal, "*");
        assert!(SignalDefaults::of(&table[..3], "vibration").is_none());
    }

    #[test]
    fn a_limit_takes_the_values_of_its_type_and_urgent_ones_wait_less() {
        let band = 60.0;
        let limit = |signal: &str, kind| {
            let limit = row(signal).limit(kind, 80.0, (0.0, 100.0), band, 1_000);
            (limit.deadband, limit.on_delay_ms, limit.off_delay_ms)
        };
        assert_eq!(limit("level", LimitKind::High), (5.0, 60_000, 60_000));
        assert_eq!(limit("level", LimitKind::HighHigh), (5.0, 3_000, 60_000));
        assert_eq!(limit("temperature", LimitKind::LowLow), (1.0, 3_000, 60_000));
        assert_eq!(limit("flow", LimitKind::Low), (5.0, 15_000, 15_000));
        assert_eq!(limit("gas_toxic", LimitKind::High), (2.0, 0, 10_000));
        assert_eq!(row("level").rate_limit(4.0, 1_000).deadband, 0.4);
    }

    #[test]
    fn a_delay_is_at_least_a_scan_where_there_is_one_and_it_is_not_urgent() {
        let limit = |signal: &str, kind| {
            let limit = row(signal).limit(kind, 80.0, (0.0, 100.0), 60.0, 180_000);
            (limit.on_delay_ms, limit.off_delay_ms)
        };
        assert_eq!(limit("level", LimitKind::High), (180_000, 180_000));
        assert_eq!(limit("level", LimitKind::HighHigh), (3_000, 180_000));
        assert_eq!(limit("gas_toxic", LimitKind::High), (0, 180_000));
        assert_eq!(row("flow").rate_limit(4.0, 180_000).on_delay_ms, 180_000);
    }

    #[test]
    fn a_deadband_never_fills_the_band_of_normal_operation() {
        let at = |value| Some(Limit { value, ..Limit::default() });
        let limits = Limits { h: at(51.0), l: at(49.0), ..Limits::default() };
        let range = (0.0, 100.0);
        for (kind, value) in [(LimitKind::High, 51.0), (LimitKind::Low, 49.0)] {
            let band = band(kind, value, &limits, range);
            assert_eq!(band, 2.0);
            assert_eq!(row("level").limit(kind, value, range, band, 1_000).deadband, 0.5);
        }
        let alone = Limits { hh: at(90.0), ..Limits::default() };
        assert_eq!(band(LimitKind::HighHigh, 90.0, &alone, range), 90.0);
        assert_eq!(band(LimitKind::LowLow, 10.0, &alone, range), 80.0);
    }

    #[test]
    fn a_default_limit_can_always_clear() {
        for row in SignalDefaults::shipped() {
            for range in [(0.0, 100.0), (-20.0, 1.0), (0.0, 0.001)] {
                let span: f64 = range.1 - range.0;
                for share in [0.01, 0.3, 0.99] {
                    let value = range.0 + span * share;
                    for kind in LimitKind::ALL {
                        let mut limits = Limits::default();
                        let band = band(kind, value, &limits, range);
                        let limit = Some(row.limit(kind, value, range, band, 1_000));
                        match kind {
                            LimitKind::LowLow => limits.ll = limit,
                            LimitKind::Low => limits.l = limit,
                            LimitKind::High => limits.h = limit,
                            LimitKind::HighHigh => limits.hh = limit,
                        }
                        assert_eq!(limits.check(range), Ok(()), "{kind:?} {value} in {range:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_bad_row_is_refused_with_every_reason() {
        let bad = SignalDefaults {
            signal: "gas_Toxic".into(),
            deadband_percent: f64::NAN,
            on_delay_ms: 3_001,
            urgent_on_delay_ms: 0,
            off_delay_ms: DELAY_MS_MAX + 1,
            origin: Origin::Edited,
        };
        let found = bad.check().unwrap_err();
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[2].to_string().contains("on_delay_ms of gas_Toxic is 3001 ms"));
    }
}
