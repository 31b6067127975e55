//! Running delays of a sensor. They end by a reading (`judge.rs`) or, within the scan that a reading speaks for, by time.

use serde::{Deserialize, Serialize};

use super::{Finding, Rules, Sensor};
use crate::alarm::Condition;
use crate::time::{LineMillis, UtcMillis};

/// A condition that began to hold (or, where its alarm stands, to be gone) and whose delay is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timer {
    condition: Condition,
    since: LineMillis,
    since_source: UtcMillis,
}

impl Sensor {
    /// Starts the delay of a condition unless it runs, and says since when it has.
    pub(super) fn arm(
        &mut self,
        condition: Condition,
        at: LineMillis,
        source: UtcMillis,
    ) -> LineMillis {
        if self.armed.has(condition) {
            let timers = &self.notes_mut().timers;
            return timers
                .iter()
                .find(|timer| timer.condition == condition)
                .expect("what is armed has a timer: both change together")
                .since;
        }
        self.armed.insert(condition);
        self.notes_mut().timers.push(Timer { condition, since: at, since_source: source });
        at
    }

    /// Since when the delay of a condition runs, on the line and at the source.
    pub(super) fn delay_since(&self, condition: Condition) -> Option<(LineMillis, UtcMillis)> {
        let timers = &self.notes.as_ref()?.timers;
        let timer = timers.iter().find(|timer| timer.condition == condition)?;
        Some((timer.since, timer.since_source))
    }

    /// Stops the delay of a condition.
    pub(super) fn disarm(&mut self, condition: Condition) {
        if !self.armed.has(condition) {
            return;
        }
        self.armed.remove(condition);
        self.notes_mut().timers.retain(|timer| timer.condition != condition);
    }

    /// The first delay that time alone will complete: when, which, and when that is at the source.
    pub(super) fn next_timer(&self, rules: &Rules) -> Option<(LineMillis, Condition, UtcMillis)> {
        if self.armed.is_empty() {
            return None;
        }
        let spoken_for = self.at.plus(rules.scan_ms);
        self.notes
            .iter()
            .flat_map(|notes| &notes.timers)
            .filter(|timer| self.quality.is_bad() == (timer.condition == Condition::BadQuality))
            .map(|timer| {
                let (on, off) = self.delays_now(rules, timer.condition);
                let delay = if self.standing.has(timer.condition) { off } else { on };
                (timer.since.plus(delay), timer.condition, timer.since_source.plus(delay))
            })
            .filter(|&(due, ..)| due < spoken_for)
            .min_by_key(|&(due, condition, _)| (due, condition))
    }

    /// Completes, in their order, the delays that end at `now` or before and that the last reading speaks for.
    pub(super) fn complete_timers(
        &mut self,
        rules: &Rules,
        now: LineMillis,
        findings: &mut Vec<Finding>,
    ) {
        while let Some((due, condition, source)) = self.next_timer(rules)
            && due <= now
        {
            let value = (condition != Condition::BadQuality).then_some(self.value);
            if self.standing.has(condition) {
                self.transition_down(rules, condition, value, (due, source), findings);
            } else {
                self.disarm(condition);
                self.raise(rules, condition, value, source, findings);
                self.transition_up(rules, condition, due, source, findings);
            }
            self.settle_pairs(rules, source, findings);
        }
    }
}
