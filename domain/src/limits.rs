//! Limits of a point and the order in which they must stand.
//!
//! **The written rule for equality and deadband** (products differ, `monitoring.md` §4): a high limit is exceeded at
//! `value ≥ limit`, a low one at `value ≤ limit`. The deadband acts on clearing alone: a high condition ends at
//! `value < limit − deadband`, a low one at `value > limit + deadband`. The on-delay asks that the condition holds without
//! a break for that long before the alarm is raised; the off-delay that it is gone for that long before the alarm clears
//! (OPC UA Part 9 B.1.5).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which of the four limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LimitKind {
    /// 低低报
    #[serde(rename = "LL")]
    LowLow,
    /// 低报
    #[serde(rename = "L")]
    Low,
    /// 高报
    #[serde(rename = "H")]
    High,
    /// 高高报
    #[serde(rename = "HH")]
    HighHigh,
}

impl LimitKind {
    /// All four, from the lowest up.
    pub const ALL: [Self; 4] = [Self::LowLow, Self::Low, Self::High, Self::HighHigh];

    /// The field's abbreviation.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::LowLow => "LL",
            Self::Low => "L",
            Self::High => "H",
            Self::HighHigh => "HH",
        }
    }
}

/// One limit with its deadband and delays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// In the unit of the point.
    pub value: f64,
    /// In the unit of the point, zero or more; acts on clearing alone.
    pub deadband: f64,
    /// How long the condition must hold before the alarm is raised.
    pub on_delay_ms: u32,
    /// How long the condition must be gone before the alarm clears.
    pub off_delay_ms: u32,
    /// Level 1 (gravest) to 4; `None` takes the default of `alarm::default_level`.
    pub level: Option<u8>,
    /// 再次报警: an alarm that stands calls again this long after it was acknowledged; 0 never (IEC 62682: re-alarm timer).
    pub realarm_ms: u32,
    /// 闩锁: an alarm that returned to normal stays until somebody resets it.
    pub latching: bool,
}

/// The limits of one point, one version of them. Versions are immutable once saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Version number, counted per point from 1; 0 means that none was ever saved.
    pub version: u32,
    /// 低低报
    pub ll: Option<Limit>,
    /// 低报
    pub l: Option<Limit>,
    /// 高报
    pub h: Option<Limit>,
    /// 高高报
    pub hh: Option<Limit>,
    /// Largest rate of change, in units of the point per minute, either way; `None` watches none.
    pub rate_per_min: Option<Limit>,
    /// HH and H exclude each other: while HH stands and calls people, H is kept quiet (OPC UA Part 9: exclusive limits).
    pub exclusive_high: bool,
    /// The same for LL and L.
    pub exclusive_low: bool,
}

/// Why a set of limits is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadLimits {
    /// Two values stand in the wrong order.
    #[error("limits out of order: {lower} ({lower_value}) must be below {upper} ({upper_value})")]
    Order {
        /// Name of the value that must be the lower one.
        lower: &'static str,
        /// Its value.
        lower_value: f64,
        /// Name of the value that must be the higher one.
        upper: &'static str,
        /// Its value.
        upper_value: f64,
    },
    /// A number that will not do: not finite, or a negative deadband.
    #[error("{what} of {limit} is {value}: {wanted}")]
    NotANumber {
        /// Which limit.
        limit: &'static str,
        /// Which field.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What would do.
        wanted: Wanted,
    },
    /// A deadband so wide that the alarm could never clear.
    #[error("deadband of {limit} is {deadband}: {room}")]
    NeverClears {
        /// Which limit.
        limit: &'static str,
        /// What was given.
        deadband: f64,
        /// What there is room for.
        room: Room,
    },
    /// A time to repeat an alarm after that is so short that it would never be quiet, or longer than anybody remembers.
    #[error(
        "re-alarm time of {limit} is {realarm_ms} ms: 0 (never), or a minute (60000) to a week (604800000)"
    )]
    Realarm {
        /// Which limit.
        limit: &'static str,
        /// What was given.
        realarm_ms: u32,
    },
    /// A pair of which one is not set.
    #[error("{graver} and {lesser} exclude each other only where both are set")]
    NoPair {
        /// The graver limit.
        graver: &'static str,
        /// The one that it would exclude.
        lesser: &'static str,
    },
    /// A level other than 1 to 4.
    #[error("level of {limit} is {level}: 1 (gravest) to 4")]
    Level {
        /// Which limit.
        limit: &'static str,
        /// What was given.
        level: u8,
    },
}

/// What a number of a limit must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// Finite.
    Finite,
    /// Finite and not negative.
    NotNegative,
}

/// How wide a deadband may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Room {
    /// Less than that, so that the alarm clears within the engineering range.
    InRange {
        /// From the limit to the other end of the range.
        below: f64,
    },
    /// Less than that, so that the alarm clears at some rate above zero.
    AtRate {
        /// The limit itself.
        below: f64,
    },
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finite => f.write_str("a finite number is needed"),
            Self::NotNegative => f.write_str("a finite number of zero or more is needed"),
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InRange { below } => {
                write!(f, "with less than {below} the alarm clears within the engineering range")
            }
            Self::AtRate { below } => {
                write!(f, "with less than {below}, the limit itself, the alarm clears")
            }
        }
    }
}

impl Limits {
    /// The limit of one kind.
    #[must_use]
    pub const fn get(&self, kind: LimitKind) -> Option<&Limit> {
        match kind {
            LimitKind::LowLow => self.ll.as_ref(),
            LimitKind::Low => self.l.as_ref(),
            LimitKind::High => self.h.as_ref(),
            LimitKind::HighHigh => self.hh.as_ref(),
        }
    }

    /// Checks `range low ≤ LL < L < H < HH ≤ range high`; absent limits are left out of the chain. A deadband must leave
    /// values of the range (or rates) at which the alarm clears.
    ///
    /// # Errors
    /// Every problem found, not just the first.
    pub fn check(&self, range: (f64, f64)) -> Result<(), Vec<BadLimits>> {
        let mut problems = Vec::new();
        let named = LimitKind::ALL
            .iter()
            .filter_map(|&kind| self.get(kind).map(|limit| (kind.abbreviation(), limit)))
            .chain(self.rate_per_min.as_ref().map(|limit| ("ROC", limit)));
        for (name, limit) in named {
            if !limit.value.is_finite() {
                problems.push(BadLimits::NotANumber {
                    limit: name,
                    what: "value",
                    value: limit.value,
                    wanted: Wanted::Finite,
                });
            }
            if !limit.deadband.is_finite() || limit.deadband < 0.0 {
                problems.push(BadLimits::NotANumber {
                    limit: name,
                    what: "deadband",
                    value: limit.deadband,
                    wanted: Wanted::NotNegative,
                });
            } else if let Some(room) = too_wide(name, limit, range) {
                let deadband = limit.deadband;
                problems.push(BadLimits::NeverClears { limit: name, deadband, room });
            }
            if !realarm_is_good(limit.realarm_ms) {
                let realarm_ms = limit.realarm_ms;
                problems.push(BadLimits::Realarm { limit: name, realarm_ms });
            }
            if let Some(level) = limit.level.filter(|level| !(1..=4).contains(level)) {
                problems.push(BadLimits::Level { limit: name, level });
            }
        }
        for (exclusive, graver, lesser, both) in [
            (self.exclusive_high, "HH", "H", self.hh.is_some() && self.h.is_some()),
            (self.exclusive_low, "LL", "L", self.ll.is_some() && self.l.is_some()),
        ] {
            if exclusive && !both {
                problems.push(BadLimits::NoPair { graver, lesser });
            }
        }
        // `true`: the two may be equal, as a limit at the very end of the range may.
        let mut chain: Vec<(&'static str, f64, bool)> = vec![("range low", range.0, true)];
        chain.extend(
            LimitKind::ALL
                .iter()
                .filter_map(|&k| self.get(k).map(|limit| (k.abbreviation(), limit.value, false))),
        );
        chain.push(("range high", range.1, true));
        for pair in chain.windows(2) {
            let ((lower, low, low_end), (upper, high, high_end)) = (pair[0], pair[1]);
            let good = if low_end != high_end { low <= high } else { low < high };
            if !good {
                problems.push(BadLimits::Order {
                    lower,
                    lower_value: low,
                    upper,
                    upper_value: high,
                });
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Whether an alarm may be repeated after so long: never (0), or after a minute to a week.
#[must_use]
pub const fn realarm_is_good(realarm_ms: u32) -> bool {
    matches!(realarm_ms, 0 | 60_000..=604_800_000)
}

/// What there is room for, where the deadband of a limit is so wide that the alarm never clears.
fn too_wide(name: &str, limit: &Limit, (low, high): (f64, f64)) -> Option<Room> {
    let (below, room) = match name {
        "ROC" => (limit.value, Room::AtRate { below: limit.value }),
        "H" | "HH" => {
            let below = limit.value - low;
            (below, Room::InRange { below })
        }
        _ => {
            let below = high - limit.value;
            (below, Room::InRange { below })
        }
    };
    // A limit without room is outside the range (or a rate of zero) and has a problem of its own.
    (0.0 < below && below <= limit.deadband).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(value: f64) -> Option<Limit> {
        Some(Limit { value, ..Limit::default() })
    }

    fn check(
        ll: Option<f64>,
        l: Option<f64>,
        h: Option<f64>,
        hh: Option<f64>,
        range: (f64, f64),
        good: bool,
    ) {
        let limits = Limits {
            version: 1,
            ll: ll.and_then(limit),
            l: l.and_then(limit),
            h: h.and_then(limit),
            hh: hh.and_then(limit),
            ..Limits::default()
        };
        assert_eq!(
            limits.check(range).is_ok(),
            good,
            "{limits:?} in {range:?}: {:?}",
            limits.check(range)
        );
    }

    #[test]
    fn limits_stand_in_order_within_the_range() {
        let r = (0.0, 100.0);
        check(Some(10.0), Some(15.0), Some(80.0), Some(85.0), r, true);
        check(Some(0.0), None, None, Some(100.0), r, true);
        check(None, None, None, None, r, true);
        check(None, None, Some(85.0), Some(85.0), r, false);
        check(None, None, Some(86.0), Some(85.0), r, false);
        check(Some(-1.0), None, None, None, r, false);
        check(None, None, None, Some(100.1), r, false);
        check(None, Some(80.0), Some(80.0), None, r, false);
        check(None, None, Some(f64::NAN), None, r, false);
        check(None, None, None, None, (100.0, 0.0), false);
        check(None, None, None, None, (5.0, 5.0), false);
    }

    #[test]
    fn a_deadband_leaves_room_for_the_alarm_to_clear() {
        let range = (-20.0, 100.0);
        for (kind, value, deadband, room) in [
            ("H", 80.0, 99.5, None),
            ("H", 80.0, 100.0, Some(Room::InRange { below: 100.0 })),
            ("HH", 100.0, 121.0, Some(Room::InRange { below: 120.0 })),
            ("L", 10.0, 89.5, None),
            ("L", 10.0, 90.0, Some(Room::InRange { below: 90.0 })),
            ("LL", -20.0, 121.0, Some(Room::InRange { below: 120.0 })),
            ("ROC", 5.0, 4.9, None),
            ("ROC", 5.0, 5.0, Some(Room::AtRate { below: 5.0 })),
        ] {
            let limit = Limit { deadband, ..limit(value).unwrap() };
            let mut limits = Limits::default();
            let field = match kind {
                "H" => &mut limits.h,
                "HH" => &mut limits.hh,
                "L" => &mut limits.l,
                "LL" => &mut limits.ll,
                _ => &mut limits.rate_per_min,
            };
            *field = Some(limit);
            let found = limits.check(range).err();
            let expected =
                room.map(|room| vec![BadLimits::NeverClears { limit: kind, deadband, room }]);
            assert_eq!(found, expected, "{kind} {value} {deadband}");
            if let Some(found) = found {
                let words = format!("deadband of {kind} is {deadband}: with less than");
                assert!(found[0].to_string().starts_with(&words), "{}", found[0]);
            }
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let mut limits =
            Limits { version: 1, h: limit(90.0), hh: limit(85.0), ..Limits::default() };
        limits.h.as_mut().unwrap().deadband = -1.0;
        limits.hh.as_mut().unwrap().level = Some(5);
        limits.hh.as_mut().unwrap().realarm_ms = 59_999;
        assert_eq!(limits.check((0.0, 100.0)).unwrap_err().len(), 4);
        limits.exclusive_low = true;
        assert_eq!(limits.check((0.0, 100.0)).unwrap_err().len(), 5);
        (limits.exclusive_high, limits.exclusive_low) = (true, false);
        limits.hh.as_mut().unwrap().realarm_ms = 60_000;
        assert_eq!(limits.check((0.0, 100.0)).unwrap_err().len(), 3);
    }
}
