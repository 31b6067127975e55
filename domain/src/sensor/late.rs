//! What back-filled readings change in the alarms that live readings have come to.
//!
//! The second evaluator of a sensor is a copy of it as of before a gap; its findings are gathered as episodes, and settled
//! here against the live state: an episode that came and went is an alarm of its own (补传); one that a live alarm continues
//! amends that alarm's start; one that still stands becomes live.

use serde::{Deserialize, Serialize};

use super::{Finding, Reading, Rules, Sensor};
use crate::alarm::{AlarmChange, ClearReason, Condition, Level};
use crate::life_cycle::Quiet;
use crate::time::{LineMillis, UtcMillis};

/// A stretch of back-filled time in which a condition's alarm stood.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Which condition.
    pub condition: Condition,
    /// When it began.
    pub raised_at: UtcMillis,
    /// The value that completed it, where there is one.
    pub value: Option<f64>,
    /// The limit that it broke, where there is one.
    pub limit: Option<f64>,
    /// The version of the limits that was in force.
    pub limits_version: u32,
    /// Its level.
    pub level: Level,
}

impl Episode {
    /// The episode that a finding of a second evaluator begins.
    #[must_use]
    pub fn begun_by(finding: &Finding) -> Option<Self> {
        let AlarmChange::Raised { value, limit, limits_version, level, .. } = finding.change else {
            return None;
        };
        Some(Self {
            condition: finding.condition,
            raised_at: finding.source_time,
            value,
            limit,
            limits_version,
            level,
        })
    }

    fn raised(&self, quiet: Option<Quiet>) -> AlarmChange {
        AlarmChange::Raised {
            value: self.value,
            limit: self.limit,
            limits_version: self.limits_version,
            level: self.level,
            late: true,
            quiet,
        }
    }
}

impl Sensor {
    /// An episode that came and went: a late alarm, raised and cleared.
    pub fn note_episode(
        &mut self,
        episode: &Episode,
        reason: ClearReason,
        value: Option<f64>,
        cleared_at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let condition = episode.condition;
        let (occurrence, quiet) = self.notes_mut().book.note_past(condition);
        findings.push(Finding {
            condition,
            occurrence,
            change: episode.raised(quiet),
            source_time: episode.raised_at,
        });
        findings.push(Finding {
            condition,
            occurrence,
            // Nobody stands before a plant that latches because of what was hours ago.
            change: AlarmChange::Cleared { reason, value, latched: false },
            source_time: cleared_at,
        });
    }

    /// An episode that still stands and that no live alarm continues: it becomes a live alarm, with its own start.
    /// Where a live alarm does stand, that alarm's start is amended instead.
    pub fn adopt_episode(&mut self, episode: &Episode, findings: &mut Vec<Finding>) {
        let condition = episode.condition;
        if let Some((occurrence, standing)) = self.book().and_then(|book| book.standing(condition))
        {
            let known = standing.raised_at;
            self.amend_start(condition, occurrence, known, episode.raised_at, findings);
            return;
        }
        self.disarm(condition);
        self.standing.insert(condition);
        self.release_latch(condition, episode.raised_at, findings);
        let (occurrence, quiet) =
            self.notes_mut().book.raise(condition, episode.level, episode.raised_at);
        findings.push(Finding {
            condition,
            occurrence,
            change: episode.raised(quiet),
            source_time: episode.raised_at,
        });
    }

    /// An alarm that live readings raised began earlier than they showed. It may be over by now.
    pub fn amend_start(
        &mut self,
        condition: Condition,
        occurrence: u32,
        known: UtcMillis,
        raised_at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        if known <= raised_at {
            return;
        }
        let book = &mut self.notes_mut().book;
        if book.standing(condition).is_some_and(|(standing, _)| standing == occurrence) {
            book.amend_start(condition, raised_at);
        }
        findings.push(amended(condition, occurrence, Some(raised_at), None));
    }

    /// An alarm that stands only because live readings did not see its end: it ended at `cleared_at`, in the gap.
    pub fn end_unseen(
        &mut self,
        condition: Condition,
        reason: ClearReason,
        cleared_at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        self.clear(condition, reason, None, cleared_at, findings);
    }

    /// This sensor as it would be if every watched condition stood: the most that a gap can have left behind. While it takes
    /// the same readings, its first clear of a condition is when an alarm that stood at the end of the gap ended, and what it
    /// never clears stands. `first` is the first reading after the gap; a signal that froze in the gap froze at it.
    #[must_use]
    pub fn with_all_standing(&self, rules: &Rules, first: &Reading) -> Self {
        let mut all = self.clone();
        if !first.quality.is_bad() && first.value.is_finite() {
            all.value = first.value;
        }
        for condition in Condition::ALL {
            if rules.watches(condition) && !all.standing.has(condition) {
                all.disarm(condition);
                all.standing.insert(condition);
                let level = rules.level(condition);
                all.notes_mut().book.raise(condition, level, first.source);
            }
        }
        all
    }

    /// This sensor as it would be if no condition stood: the least that a gap can have left behind.
    #[must_use]
    pub fn with_none_standing(&self) -> Self {
        let mut none = self.clone();
        for condition in self.standing.iter().filter(|&condition| condition != Condition::Fault) {
            // Nobody is told what becomes of a supposition.
            none.clear(condition, ClearReason::Returned, None, self.source, &mut Vec::new());
        }
        none
    }

    /// Whether the same readings will bring about the same from here on, as far as alarms of the data go.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let data = |sensor: &Self| {
            let mut standing = sensor.standing;
            standing.remove(Condition::Fault);
            standing
        };
        data(self) == data(other) && self.armed == other.armed
    }

    /// Takes over which delays run and since when, from a sensor that knows it better. `ahead_ms` is how far the line of that
    /// one is ahead of ours.
    pub fn carry_delays(&mut self, from: &Self, ahead_ms: i64) {
        for condition in Condition::ALL {
            self.carry_delay(from, condition, ahead_ms);
        }
    }

    /// The same for one condition. Where its alarm stands for one of the two only, their delays mean different things.
    pub fn carry_delay(&mut self, from: &Self, condition: Condition, ahead_ms: i64) {
        if self.standing.has(condition) != from.standing.has(condition) {
            return;
        }
        self.disarm(condition);
        if let Some((since, source)) = from.delay_since(condition) {
            self.arm(condition, since.plus(-ahead_ms), source);
        }
    }

    /// Takes over since when the value has not changed, from a sensor that knows it better: one that read the same value before
    /// `first`, where our readings of it begin.
    pub fn carry_unchanged(&mut self, from: &Self, first: LineMillis, ahead_ms: i64) {
        let since = from.changed_at.plus(-ahead_ms);
        if from.value == self.value
            && from.changed_at != LineMillis::NEVER
            && self.changed_at <= first
            && since < self.changed_at
        {
            self.changed_at = since;
        }
    }
}

/// An alarm that is over already (or stands) is known better now.
pub fn amended(
    condition: Condition,
    occurrence: u32,
    raised_at: Option<UtcMillis>,
    cleared_at: Option<UtcMillis>,
) -> Finding {
    let source_time = cleared_at.or(raised_at).unwrap_or_default();
    Finding {
        condition,
        occurrence,
        change: AlarmChange::Amended { raised_at, cleared_at },
        source_time,
    }
}
