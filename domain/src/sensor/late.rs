//! What back-filled readings change in the alarms that live readings have come to.
//!
//! The second evaluator of a sensor is a copy of it as of before a gap; its findings are gathered as episodes, and settled
//! here against the live state: an episode that came and went is an alarm of its own (补传); one that a live alarm continues
//! amends that alarm's start; one that still stands becomes live.

use serde::{Deserialize, Serialize};

use super::{Finding, Sensor};
use crate::alarm::{AlarmChange, ClearReason, Condition, Level};
use crate::alarm_book::Standing;
use crate::time::UtcMillis;

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

    fn raised(&self) -> AlarmChange {
        AlarmChange::Raised {
            value: self.value,
            limit: self.limit,
            limits_version: self.limits_version,
            level: self.level,
            late: true,
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
        let occurrence = self.notes_mut().book.note_past(condition);
        findings.push(Finding {
            condition,
            occurrence,
            change: episode.raised(),
            source_time: episode.raised_at,
        });
        findings.push(Finding {
            condition,
            occurrence,
            change: AlarmChange::Cleared { reason, value },
            source_time: cleared_at,
        });
    }

    /// An episode that still stands and that no live alarm continues: it becomes a live alarm, with its own start.
    /// Where a live alarm does stand, that alarm's start is amended instead.
    pub fn adopt_episode(&mut self, episode: &Episode, findings: &mut Vec<Finding>) {
        let condition = episode.condition;
        if self.standing.has(condition) {
            self.amend_start(condition, episode.raised_at, findings);
            return;
        }
        self.disarm(condition);
        self.standing.insert(condition);
        let occurrence = self.notes_mut().book.raise(condition, episode.level, episode.raised_at);
        findings.push(Finding {
            condition,
            occurrence,
            change: episode.raised(),
            source_time: episode.raised_at,
        });
    }

    /// The standing alarm began earlier than live readings showed.
    pub fn amend_start(
        &mut self,
        condition: Condition,
        raised_at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let book = &mut self.notes_mut().book;
        let Some((occurrence, Standing { raised_at: known, .. })) = book.standing(condition) else {
            return;
        };
        if known <= raised_at {
            return;
        }
        book.amend_start(condition, raised_at);
        findings.push(amended(condition, occurrence, Some(raised_at), None));
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
