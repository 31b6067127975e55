//! What happens to a sensor's alarms from outside its readings: new limits, a lost parent, removal, a fault of its own.

use super::rules::{Verdict, against, limit_kind};
use super::{Finding, Moment, Rules, Sensor};
use crate::alarm::{ClearReason, Condition};
use crate::time::UtcMillis;

impl Sensor {
    /// New settings are in force from `now` on. An alarm that they make moot ends with the reason 限值变更 (design, point 7);
    /// one that they would raise is raised by the next reading.
    pub fn reconfigure(
        &mut self,
        old: &Rules,
        new: &Rules,
        now: Moment,
        findings: &mut Vec<Finding>,
    ) {
        if new.settings.chatter.is_none() {
            self.forget_chatter(now.wall, findings);
        }
        for condition in Condition::ALL {
            if self.standing.has(condition) && self.is_moot(condition, old, new, now) {
                let value = self.value();
                self.clear(condition, ClearReason::LimitsChanged, value, now.wall, findings);
            } else if self.armed.has(condition) && self.delay_is_moot(condition, new) {
                self.disarm(condition);
            }
        }
    }

    fn is_moot(&self, condition: Condition, old: &Rules, new: &Rules, now: Moment) -> bool {
        match condition {
            Condition::RateOfChange => new.settings.limits.rate_per_min.is_none(),
            // NaN, where no state is an alarm any more, equals nothing.
            Condition::State => self.value != new.alarm_value,
            Condition::OutOfRange => {
                new.range.0 <= self.value && self.value <= new.range.1 && old.range != new.range
            }
            Condition::Frozen => {
                now.at.since(self.changed_at) < new.frozen_ms && old.frozen_ms != new.frozen_ms
            }
            Condition::Missing => {
                old.window_ms != new.window_ms && now.at.since(self.at) < new.window_ms
            }
            other => limit_kind(other).is_some_and(|kind| {
                let before = old.settings.limits.get(kind).map(|limit| limit.value);
                new.settings.limits.get(kind).is_none_or(|limit| {
                    // An unchanged limit is left to the deadband; a changed one was never crossed unless it is now.
                    before != Some(limit.value)
                        && against(kind, limit, self.value) != Verdict::Holds
                })
            }),
        }
    }

    /// Whether a running delay has lost its ground.
    fn delay_is_moot(&self, condition: Condition, new: &Rules) -> bool {
        let stands = self.standing.has(condition);
        match condition {
            Condition::RateOfChange => new.settings.limits.rate_per_min.is_none(),
            Condition::State => (self.value == new.alarm_value) == stands,
            Condition::OutOfRange => {
                let out = self.value < new.range.0 || new.range.1 < self.value;
                out == stands
            }
            other => limit_kind(other).is_some_and(|kind| {
                let wanted = if stands { Verdict::Gone } else { Verdict::Holds };
                new.settings
                    .limits
                    .get(kind)
                    .is_none_or(|limit| against(kind, limit, self.value) != wanted)
            }),
        }
    }

    /// A node above is lost and carries the alarm: what silence and bad quality had raised here ends.
    pub fn parent_lost(&mut self, at: UtcMillis, findings: &mut Vec<Finding>) {
        for condition in [Condition::BadQuality, Condition::Missing] {
            self.clear(condition, ClearReason::ParentLost, None, at, findings);
        }
    }

    /// The point is taken out of the configuration.
    pub fn remove(&mut self, at: UtcMillis, findings: &mut Vec<Finding>) {
        for condition in Condition::ALL {
            self.clear(condition, ClearReason::PointRemoved, None, at, findings);
        }
    }

    /// The sensor's own actor crashes on its readings.
    pub fn raise_fault(&mut self, rules: &Rules, at: UtcMillis, findings: &mut Vec<Finding>) {
        if !self.standing.has(Condition::Fault) {
            self.raise(rules, Condition::Fault, None, at, findings);
        }
    }

    /// The sensor's actor has lived without a crash for a while.
    pub fn clear_fault(&mut self, at: UtcMillis, findings: &mut Vec<Finding>) {
        self.clear(Condition::Fault, ClearReason::Returned, None, at, findings);
    }

    /// Stops every delay: after a crash in one of them.
    pub fn drop_timers(&mut self) {
        for condition in Condition::ALL {
            self.disarm(condition);
        }
    }
}
