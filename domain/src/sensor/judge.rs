//! What one reading says about each condition, and what follows: arm a delay, raise, clear.

use super::rules::{Rules, Verdict, against};
use super::{Finding, Notes, Reading, Sensor, Watch};
use crate::alarm::{AlarmChange, ClearReason, Condition};
use crate::alarm_book::PairChange;
use crate::life_cycle::{Quiet, ResumeReason};
use crate::limits::LimitKind;
use crate::time::{LineMillis, UtcMillis};

/// In the order of display, which is the order of findings of one reading.
const LIMITS: [(Condition, LimitKind); 4] = [
    (Condition::HighHigh, LimitKind::HighHigh),
    (Condition::High, LimitKind::High),
    (Condition::Low, LimitKind::Low),
    (Condition::LowLow, LimitKind::LowLow),
];

/// Whether a condition is the graver one of a pair.
const fn excludes(condition: Condition) -> bool {
    matches!(condition, Condition::HighHigh | Condition::LowLow)
}

impl Sensor {
    /// The reading has no value: only that is judged.
    pub(super) fn judge_bad(
        &mut self,
        rules: &Rules,
        reading: &Reading,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        let verdict = Verdict::of(watch != Watch::ParentLost);
        self.judge(rules, Condition::BadQuality, verdict, reading, None, findings);
    }

    /// Judges a value, good or uncertain, against everything that is watched.
    pub(super) fn judge_usable(
        &mut self,
        rules: &Rules,
        reading: &Reading,
        findings: &mut Vec<Finding>,
    ) {
        let value = reading.value;
        let mut judge = |condition, verdict| {
            self.judge(rules, condition, verdict, reading, Some(value), findings);
        };
        for (condition, kind) in LIMITS {
            if let Some(limit) = rules.settings.limits.get(kind) {
                judge(condition, against(kind, limit, value));
            }
        }
        if let Some(verdict) = self.rate_verdict(rules, reading.at, value) {
            self.judge(rules, Condition::RateOfChange, verdict, reading, Some(value), findings);
        }
        let mut judge = |condition, verdict| {
            self.judge(rules, condition, verdict, reading, Some(value), findings);
        };
        if rules.settings.kind.alarm_state().is_some() {
            judge(Condition::State, Verdict::of(value == rules.alarm_value));
        }
        let out = value < rules.range.0 || rules.range.1 < value;
        judge(Condition::OutOfRange, Verdict::of(out));
        judge(Condition::BadQuality, Verdict::Gone);
        let unchanged = value == self.value;
        let frozen = if self.standing.has(Condition::Frozen) {
            unchanged
        } else {
            unchanged
                && reading.at.since(self.at) <= rules.window_ms
                && reading.at.since(self.changed_at) >= rules.frozen_ms
        };
        self.judge(rules, Condition::Frozen, Verdict::of(frozen), reading, Some(value), findings);
    }

    /// Rate between this reading and the last usable one; `None` where there is none or no time has passed.
    fn rate_verdict(&self, rules: &Rules, at: LineMillis, value: f64) -> Option<Verdict> {
        let limit = rules.settings.limits.rate_per_min.as_ref()?;
        if self.usable_at == LineMillis::NEVER || at <= self.usable_at {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let minutes = at.since(self.usable_at) as f64 / 60_000.0;
        Some(against(LimitKind::High, limit, (value - self.value).abs() / minutes))
    }

    fn judge(
        &mut self,
        rules: &Rules,
        condition: Condition,
        verdict: Verdict,
        reading: &Reading,
        value: Option<f64>,
        findings: &mut Vec<Finding>,
    ) {
        let stands = self.standing.has(condition);
        let moment = (reading.at, reading.source);
        if stands && verdict != Verdict::Between {
            self.follow_chatter(rules, condition, verdict == Verdict::Holds, moment, findings);
        }
        let (on_delay, off_delay) = self.delays_now(rules, condition);
        let (toward, delay) =
            if stands { (Verdict::Gone, off_delay) } else { (Verdict::Holds, on_delay) };
        if verdict != toward {
            // The condition, or its absence, must hold without a break.
            self.disarm(condition);
            return;
        }
        let since = self.arm(condition, reading.at, reading.source);
        if reading.at.since(since) < delay {
            return;
        }
        if stands {
            self.transition_down(rules, condition, value, moment, findings);
        } else {
            self.disarm(condition);
            self.raise(rules, condition, value, reading.source, findings);
            self.transition_up(rules, condition, reading.at, reading.source, findings);
        }
    }

    /// Enters an alarm into the book.
    pub(super) fn raise(
        &mut self,
        rules: &Rules,
        condition: Condition,
        value: Option<f64>,
        raised_at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let level = rules.level(condition);
        self.standing.insert(condition);
        self.notes_mut().book.set_latching(rules.latching);
        self.release_latch(condition, raised_at, findings);
        let (occurrence, quiet) = self.notes_mut().book.raise(condition, level, raised_at);
        findings.push(Finding {
            condition,
            occurrence,
            change: AlarmChange::Raised {
                value,
                limit: value.and_then(|value| rules.broken_limit(condition, value)),
                limits_version: rules.settings.limits.version,
                level,
                late: false,
                quiet,
            },
            source_time: raised_at,
        });
        if excludes(condition) {
            // At once, so that the lesser alarm of the same reading is quiet when it comes.
            self.settle_pairs(rules, raised_at, findings);
        }
    }

    /// An alarm that comes again takes the latch from the occurrence that held it.
    pub(super) fn release_latch(
        &mut self,
        condition: Condition,
        at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(occurrence) = self.notes_mut().book.release(condition) {
            let change = AlarmChange::Reset { by: None, comment: String::new() };
            findings.push(Finding { condition, occurrence, change, source_time: at });
        }
    }

    /// Ends an alarm because its condition is gone.
    pub(super) fn clear_returned(
        &mut self,
        condition: Condition,
        value: Option<f64>,
        at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        self.clear(condition, ClearReason::Returned, value, at, findings);
    }

    /// Ends an alarm, if it stands.
    pub(super) fn clear(
        &mut self,
        condition: Condition,
        reason: ClearReason,
        value: Option<f64>,
        at: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        self.disarm(condition);
        if !self.standing.has(condition) {
            return;
        }
        self.chatter_over(condition, at, findings);
        self.standing.remove(condition);
        let book = &mut self.notes_mut().book;
        let ended = match reason {
            ClearReason::Returned => book.clear_returned(condition),
            _ => book.clear(condition).map(|occurrence| (occurrence, false)),
        };
        let (occurrence, latched) =
            ended.expect("what stands is in the book: both change together");
        findings.push(Finding {
            condition,
            occurrence,
            change: AlarmChange::Cleared { reason, value, latched },
            source_time: at,
        });
        if book.end_one_shot(condition) {
            let still = book.quiet(condition);
            let (quiet, why) = (Quiet::Shelved, ResumeReason::Returned);
            findings.push(Finding {
                condition,
                occurrence: 0,
                change: AlarmChange::Resumed { quiet, why, by: None, still },
                source_time: at,
            });
        }
    }

    /// Lets HH exclude H and LL exclude L where the settings say so, and notes which alarms latch. Nothing changes while that is settled
    /// already.
    pub fn settle_pairs(&mut self, rules: &Rules, at: UtcMillis, findings: &mut Vec<Finding>) {
        let Some(notes) = &mut self.notes else { return };
        notes.book.set_latching(rules.latching);
        let limits = &rules.settings.limits;
        for (graver, lesser, exclusive) in [
            (Condition::HighHigh, Condition::High, limits.exclusive_high),
            (Condition::LowLow, Condition::Low, limits.exclusive_low),
        ] {
            let Some(change) = notes.book.settle_pair(graver, lesser, exclusive) else { continue };
            let quiet = Quiet::Suppressed;
            let change = match change {
                PairChange::Excluded => AlarmChange::Quieted {
                    quiet,
                    by: None,
                    reason: graver.code().to_owned(),
                    until: None,
                },
                PairChange::Ended(why) => {
                    AlarmChange::Resumed { quiet, why, by: None, still: notes.book.quiet(lesser) }
                }
            };
            let occurrence = notes.book.standing(lesser).map_or(0, |(number, _)| number);
            findings.push(Finding { condition: lesser, occurrence, change, source_time: at });
        }
    }

    pub(super) fn notes_mut(&mut self) -> &mut Notes {
        self.notes.get_or_insert_default()
    }
}
