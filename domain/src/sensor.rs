//! The decision step of one sensor: what a reading, the passing of time, or new limits mean for its alarms.
//!
//! Pure and in place. Live and back-filled readings go through the same step, each with a state of its own. The rule for
//! equality and deadband stands in `limits.rs`; what we believe about clocks, in `docs/time.md`. In short:
//!
//! - Delays and rates count on the gateway's line of time ([`LineMillis`]); source times are recorded, never compared. A
//!   gateway whose wall clock is wrong or steps raises the same alarms.
//! - **A reading speaks for one scan.** A delay that ends within the scan after the last reading is completed by time, and the
//!   alarm starts at start + delay; otherwise the reading that completes it gives the time. Silence beyond that neither
//!   clears nor confirms: the next reading does.
//! - A bad reading leaves every alarm of the value as it is; that it is bad becomes an alarm after N scans.
//! - HH, H, L and LL are alarms of their own; HH does not clear H. Where the two exclude each other, HH keeps H quiet.
//!
//! Almost all readings change nothing but the value; [`Sensor::calm`] takes those in a few comparisons and does exactly
//! what [`Sensor::step`] would. What is rare (running delays, the book of alarms) is boxed.

use serde::{Deserialize, Serialize};

use crate::alarm::{AlarmChange, Condition};
use crate::alarm_book::{AlarmBook, NotAcknowledged};
use crate::conditions::{Conditions, OwnConditions};
use crate::quality::Quality;
use crate::time::{LineMillis, UtcMillis};

mod changes;
mod chatter;
mod detected;
mod judge;
mod late;
mod rules;
#[cfg(test)]
mod table;
mod timers;

pub use late::{Episode, amended};
pub use rules::Rules;

/// One reading of one point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// In the point's unit. Of a bad reading it is not looked at.
    pub value: f64,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When it was taken, on its gateway's line of time.
    pub at: LineMillis,
    /// When it was taken, on the source's wall clock: recorded, never compared.
    pub source: UtcMillis,
}

/// A moment on both clocks, for what happens without a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// On the gateway's line of time.
    pub at: LineMillis,
    /// Wall time of whoever observed it.
    pub wall: UtcMillis,
}

/// How the data path above a point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// A node above is lost and carries the alarm: silence and bad quality are no alarm of the point.
    ParentLost,
    /// It is not (yet) known whether everything above works: silence is no alarm; a bad reading is one.
    Waiting,
    /// Everything above works, for this point since then.
    Running(Moment),
}

/// Something that happened to an alarm of the sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which condition.
    pub condition: Condition,
    /// Which occurrence of it.
    pub occurrence: u32,
    /// What happened.
    pub change: AlarmChange,
    /// When it was true at the source.
    pub source_time: UtcMillis,
}

/// State of one sensor. Small, because there are hundreds of thousands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// The last value that was not bad.
    value: f64,
    /// Time of the last reading; `NEVER` before the first.
    at: LineMillis,
    /// Source time of the last reading.
    source: UtcMillis,
    /// Since when the value has been exactly this.
    changed_at: LineMillis,
    /// Time of the last reading that was not bad.
    usable_at: LineMillis,
    /// Of the last reading.
    quality: Quality,
    /// Conditions whose alarm stands.
    standing: OwnConditions,
    /// Conditions whose delay runs (on-delay, or off-delay where the alarm stands).
    armed: OwnConditions,
    notes: Option<Box<Notes>>,
}

/// What most sensors never need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Notes {
    timers: Vec<timers::Timer>,
    crossings: Vec<chatter::Crossings>,
    book: AlarmBook,
    detected: Vec<detected::Detected>,
}

impl Default for Sensor {
    fn default() -> Self {
        Self {
            value: f64::NAN,
            at: LineMillis::NEVER,
            source: UtcMillis(0),
            changed_at: LineMillis::NEVER,
            usable_at: LineMillis::NEVER,
            quality: Quality::WAITING,
            standing: OwnConditions::NONE,
            armed: OwnConditions::NONE,
            notes: None,
        }
    }
}

impl Sensor {
    /// Takes a reading that can change nothing but the value, and says whether it was one. The hot path.
    #[inline]
    #[must_use]
    pub fn calm(&mut self, rules: &Rules, value: f64, at: LineMillis, source: UtcMillis) -> bool {
        let quiet = self.standing.is_empty()
            && self.armed.is_empty()
            && self.quality == Quality::GOOD
            && rules.calm_low < value
            && value < rules.calm_high
            && value != rules.alarm_value
            && self.at < at;
        if !quiet {
            return false;
        }
        if value == self.value {
            let silent = at.since(self.at) > rules.window_ms;
            if silent || at.since(self.changed_at) >= rules.frozen_ms {
                return false;
            }
        } else {
            // `usable_at` is `at` here: the last reading was good. Below this the rate is calm whatever its deadband.
            #[allow(clippy::cast_precision_loss)]
            let elapsed = at.since(self.at) as f64;
            if (value - self.value).abs() >= rules.calm_rate_per_ms * elapsed {
                return false;
            }
            self.changed_at = at;
        }
        self.value = value;
        self.at = at;
        self.usable_at = at;
        self.source = source;
        true
    }

    /// Takes any reading.
    pub fn step(
        &mut self,
        rules: &Rules,
        reading: &Reading,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        let mut reading = *reading;
        if !reading.value.is_finite() && !reading.quality.is_bad() {
            // A value that is no number is no value, whatever the device says about it.
            reading.quality = Quality::BAD;
        }
        reading.at = reading.at.max(self.at);
        self.complete_timers(rules, reading.at.plus(-1), findings);
        if self.standing.has(Condition::Missing) {
            let value = (!reading.quality.is_bad()).then_some(reading.value);
            self.clear_returned(Condition::Missing, value, reading.source, findings);
        }
        if reading.quality.is_bad() {
            self.judge_bad(rules, &reading, watch, findings);
        } else {
            self.judge_usable(rules, &reading, findings);
            if reading.value != self.value || reading.at.since(self.at) > rules.window_ms {
                // Whether a signal froze during a silence nobody knows: the count begins anew after one.
                self.changed_at = reading.at;
            }
            self.value = reading.value;
            self.usable_at = reading.at;
        }
        self.at = reading.at;
        self.source = reading.source;
        self.quality = reading.quality;
        self.settle_pairs(rules, reading.source, findings);
    }

    /// Takes note that time has passed: completes delays that the last reading speaks for, and misses data.
    /// `now` must not run ahead of readings that are still to come, else a delay could be completed that they break.
    pub fn tick(
        &mut self,
        rules: &Rules,
        now: LineMillis,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        self.complete_timers(rules, now, findings);
        if let Some((due, raised_at)) = self.missing_due(rules, watch)
            && due <= now
        {
            self.raise(rules, Condition::Missing, None, raised_at, findings);
        }
    }

    /// The moment at which [`Self::tick`] has something to do, unless a reading comes first.
    #[must_use]
    pub fn next_deadline(&self, rules: &Rules, watch: Watch) -> Option<LineMillis> {
        let missing = self.missing_due(rules, watch).map(|(due, _)| due);
        let timer = self.next_timer(rules).map(|(due, ..)| due);
        missing.into_iter().chain(timer).min()
    }

    /// When the point will be missing, if its gateway is heard until then.
    #[must_use]
    pub fn missing_at(&self, rules: &Rules, watch: Watch) -> Option<LineMillis> {
        self.missing_due(rules, watch).map(|(due, _)| due)
    }

    /// When the point will be missing, on the line and at the source: N scans after its last update, or after everything
    /// above it began to work.
    fn missing_due(&self, rules: &Rules, watch: Watch) -> Option<(LineMillis, UtcMillis)> {
        let Watch::Running(since) = watch else { return None };
        if self.standing.has(Condition::Missing) {
            return None;
        }
        let (at, wall) =
            if self.at >= since.at { (self.at, self.source) } else { (since.at, since.wall) };
        Some((at.plus(rules.window_ms), wall.plus(rules.window_ms)))
    }

    /// A person has seen an alarm.
    ///
    /// # Errors
    /// When it does not wait for anybody.
    pub fn acknowledge(
        &mut self,
        condition: Condition,
        occurrence: u32,
    ) -> Result<(), NotAcknowledged> {
        let notes = self.notes.as_mut().ok_or(NotAcknowledged::NotOpen)?;
        notes.book.acknowledge(condition, occurrence)
    }

    /// A sensor that has read nothing yet and goes on with an earlier book: its point was away for a while.
    #[must_use]
    pub fn with_book(book: AlarmBook) -> Self {
        let notes = Notes { book, ..Notes::default() };
        Self { notes: Some(Box::new(notes)), ..Self::default() }
    }

    /// The last value that was not bad; `None` before the first.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.usable_at != LineMillis::NEVER).then_some(self.value)
    }

    /// Quality of the last reading.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// When the last reading was taken; `None` before the first.
    #[must_use]
    pub fn last_reading(&self) -> Option<Moment> {
        (self.at != LineMillis::NEVER).then_some(Moment { at: self.at, wall: self.source })
    }

    /// Conditions whose alarm stands, of the sensor's own; not those of detectors.
    #[must_use]
    pub fn standing(&self) -> Conditions {
        self.standing.into()
    }

    /// Conditions whose delay runs.
    #[must_use]
    pub fn armed(&self) -> Conditions {
        self.armed.into()
    }

    /// Its alarms; `None` while there never was one.
    #[must_use]
    pub fn book(&self) -> Option<&AlarmBook> {
        self.notes.as_ref().map(|notes| &notes.book)
    }

    /// For what people and rules decide about its alarms. Which of them stand is the sensor's own to change.
    #[must_use]
    pub fn book_mut(&mut self) -> &mut AlarmBook {
        &mut self.notes_mut().book
    }

    /// Bytes on the heap that belong to it, nearly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.notes.as_ref().map_or(0, |notes| {
            size_of::<Notes>()
                + notes.timers.capacity() * size_of::<timers::Timer>()
                + notes.crossings.capacity() * size_of::<chatter::Crossings>()
        })
    }
}
