//! Settings of a point, made ready for the step: the band in which nothing can happen, and delays in milliseconds.
//!
//! Compiled once per version of settings and shared by every sensor that has them. The numbers here repeat what the
//! settings say; none is a decision of its own, except the two margins of the engineering range.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alarm::{Condition, Level, default_level};
use crate::conditions::Conditions;
use crate::equipment_state::EquipmentState;
use crate::limits::{Limit, LimitKind};
use crate::point::{PointKind, PointSettings};

/// A value is out of range only beyond a margin: NAMUR NE 43 (recalled) lets a 4–20 mA signal carry measurements down to
/// 3.8 mA, which is 1.25 % of the span below the range …
const MARGIN_LOW: f64 = 0.0125;
/// … and up to 20.5 mA, 3.125 % of it above. So noise around zero is no fault.
const MARGIN_HIGH: f64 = 0.031_25;

/// Settings, ready for use.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// As they came from the registry.
    pub settings: Arc<PointSettings>,
    /// Strictly between the two no limit is touched.
    pub(super) calm_low: f64,
    pub(super) calm_high: f64,
    /// Changes below this many units a millisecond are no rate of change.
    pub(super) calm_rate_per_ms: f64,
    /// The value of a discrete point that is an alarm; NaN, which equals nothing, where there is none.
    pub(super) alarm_value: f64,
    /// Beyond these, with the margins, the value is out of range.
    pub(super) range: (f64, f64),
    pub(super) frozen_ms: i64,
    pub(super) window_ms: i64,
    pub(super) scan_ms: i64,
    /// Alarms that stay until somebody resets them.
    pub(super) latching: Conditions,
}

impl Rules {
    /// Makes settings ready.
    #[must_use]
    pub fn new(settings: Arc<PointSettings>) -> Self {
        let span = settings.range.1 - settings.range.0;
        let (range, alarm_value) = match settings.kind {
            PointKind::Analog => (
                (settings.range.0 - span * MARGIN_LOW, settings.range.1 + span * MARGIN_HIGH),
                f64::NAN,
            ),
            PointKind::Discrete { .. } => (
                (f64::NEG_INFINITY, f64::INFINITY),
                settings.kind.alarm_state().map_or(f64::NAN, f64::from),
            ),
        };
        let value = |limit: Option<Limit>| limit.map(|limit| limit.value);
        let limits = &settings.limits;
        let scan_ms = i64::from(settings.scan_ms.max(1));
        // A rate limit of zero holds for an unchanged value as well: no reading of such a point is calm.
        // Nor of one that has detectors: they look at every reading.
        let always_rate = limits.rate_per_min.is_some_and(|limit| limit.value <= 0.0);
        let floor =
            if always_rate || !settings.detectors.is_empty() { f64::INFINITY } else { range.0 };
        Self {
            calm_low: [value(limits.ll), value(limits.l)]
                .into_iter()
                .flatten()
                .fold(floor, f64::max),
            calm_high: [value(limits.h), value(limits.hh)]
                .into_iter()
                .flatten()
                .fold(range.1, f64::min),
            calm_rate_per_ms: value(limits.rate_per_min)
                .map_or(f64::INFINITY, |rate| rate / 60_000.0),
            alarm_value,
            range,
            frozen_ms: settings.frozen_after_ms.map_or(i64::MAX, i64::from),
            window_ms: scan_ms * i64::from(settings.missing_scans.max(1)),
            scan_ms,
            latching: latching(&settings),
            settings,
        }
    }

    /// A point without a (usable) reading for this long is missing (or bad): N scans.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// On-delay and off-delay of a condition.
    pub(super) fn delays(&self, condition: Condition) -> (i64, i64) {
        let of = |limit: Option<&Limit>| {
            limit.map_or((0, 0), |l| (i64::from(l.on_delay_ms), i64::from(l.off_delay_ms)))
        };
        match condition {
            Condition::RateOfChange => of(self.settings.limits.rate_per_min.as_ref()),
            Condition::State => {
                let (on, off) = self.settings.kind.state_delays_ms();
                (i64::from(on), i64::from(off))
            }
            // A fault of the signal must last as long as a missing one before it is worth a person's time.
            Condition::OutOfRange | Condition::BadQuality => (self.window_ms, 0),
            other => limit_kind(other).map_or((0, 0), |kind| of(self.settings.limits.get(kind))),
        }
    }

    /// Whether readings (or their absence) can raise a condition of this point.
    pub(super) fn watches(&self, condition: Condition) -> bool {
        match condition {
            Condition::RateOfChange => self.settings.limits.rate_per_min.is_some(),
            Condition::State => !self.alarm_value.is_nan(),
            Condition::Frozen => self.settings.frozen_after_ms.is_some(),
            Condition::OutOfRange | Condition::BadQuality | Condition::Missing => true,
            other => limit_kind(other).is_some_and(|kind| self.settings.limits.get(kind).is_some()),
        }
    }

    /// What the state of the equipment suppresses, of what this point watches.
    #[must_use]
    pub fn suppressed_during(&self, state: EquipmentState) -> Conditions {
        let set = self.settings.suppression.during(state);
        set.iter().filter(|&condition| self.watches(condition)).collect()
    }

    /// How long after it was acknowledged an alarm that stands calls again; `None` never.
    #[must_use]
    pub fn realarm_ms(&self, condition: Condition) -> Option<i64> {
        let realarm_ms = match condition {
            Condition::State => self.settings.kind.state_realarm_ms(),
            other => self.limit_of(other).map_or(0, |limit| limit.realarm_ms),
        };
        (realarm_ms > 0).then_some(i64::from(realarm_ms))
    }

    fn limit_of(&self, condition: Condition) -> Option<&Limit> {
        match condition {
            Condition::RateOfChange => self.settings.limits.rate_per_min.as_ref(),
            other => limit_kind(other).and_then(|kind| self.settings.limits.get(kind)),
        }
    }

    /// The longest delay of any condition: what began before that is decided.
    #[must_use]
    pub fn longest_delay_ms(&self) -> i64 {
        let delays = Condition::ALL.into_iter().map(|condition| self.delays(condition));
        delays.map(|(on, off)| on.max(off)).max().unwrap_or(0)
    }

    /// Level of a condition of this point.
    #[must_use]
    pub fn level(&self, condition: Condition) -> Level {
        self.limit_of(condition).and_then(|limit| limit.level).and_then(Level::new).unwrap_or_else(
            || default_level(condition, &self.settings.signal, self.settings.of_hazard_source),
        )
    }

    /// The limit that a condition breaks, for the alarm log.
    pub(super) fn broken_limit(&self, condition: Condition, value: f64) -> Option<f64> {
        match condition {
            Condition::RateOfChange => self.settings.limits.rate_per_min.map(|limit| limit.value),
            Condition::State => Some(self.alarm_value),
            Condition::OutOfRange if value < self.range.0 => Some(self.settings.range.0),
            Condition::OutOfRange => Some(self.settings.range.1),
            other => limit_kind(other)
                .and_then(|kind| self.settings.limits.get(kind))
                .map(|limit| limit.value),
        }
    }
}

/// Conditions whose alarm latches.
fn latching(settings: &PointSettings) -> Conditions {
    let limits = &settings.limits;
    let latches = |condition: &Condition| match condition {
        Condition::State => settings.kind.state_latches(),
        Condition::RateOfChange => limits.rate_per_min.is_some_and(|limit| limit.latching),
        other => {
            limit_kind(*other).and_then(|kind| limits.get(kind)).is_some_and(|limit| limit.latching)
        }
    };
    Condition::ALL.into_iter().filter(latches).collect()
}

/// Kept as its settings alone: everything else is made from them.
impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.settings.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(Arc::new(PointSettings::deserialize(deserializer)?)))
    }
}

/// The limit behind a limit condition.
pub(super) fn limit_kind(condition: Condition) -> Option<LimitKind> {
    match condition {
        Condition::HighHigh => Some(LimitKind::HighHigh),
        Condition::High => Some(LimitKind::High),
        Condition::Low => Some(LimitKind::Low),
        Condition::LowLow => Some(LimitKind::LowLow),
        _ => None,
    }
}

/// What a value says about a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds.
    Holds,
    /// Within the deadband: it does not hold, and is not gone.
    Between,
    /// It is gone.
    Gone,
}

impl Verdict {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Gone }
    }
}

/// The written rule for equality and deadband, `limits.rs`.
pub(super) fn against(kind: LimitKind, limit: &Limit, value: f64) -> Verdict {
    let (holds, gone) = match kind {
        LimitKind::HighHigh | LimitKind::High => {
            (value >= limit.value, value < limit.value - limit.deadband)
        }
        LimitKind::LowLow | LimitKind::Low => {
            (value <= limit.value, value > limit.value + limit.deadband)
        }
    };
    match (holds, gone) {
        (true, _) => Verdict::Holds,
        (false, true) => Verdict::Gone,
        (false, false) => Verdict::Between,
    }
}
