//! Notes the instant at which a shown value crossed a limit.
//!
//! "Within a second" is counted from the moment that condition and delay are fulfilled, so somebody must know that moment
//! from the plant's side, without asking the center. Crossing follows the written rule of the domain: reached at the limit
//! itself, left beyond the deadband, and either must last without a break for its delay. A crossing is noted once it has,
//! under the instant at which it began; one that does not last is none.

use std::collections::VecDeque;

use anlan_domain::limits::LimitKind;
use serde::Serialize;

use crate::plant::Plant;

/// Crossings kept.
const KEPT: usize = 4_096;

/// A shown value entered or left an alarm condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crossing {
    /// Number of the crossing since the start, from 1.
    pub number: u64,
    /// Identity of the point.
    pub point: String,
    /// Code of the condition: `HH`, `H`, `L`, `LL`, `STATE`.
    pub condition: &'static str,
    /// True where the condition began, false where it ended.
    pub began: bool,
    /// The value that crossed.
    pub value: f64,
    /// Milliseconds since 1970 UTC at which the value could first be read in the field.
    pub at: i64,
    /// How long the condition must last before the alarm is raised, or cleared.
    pub delay_ms: u32,
}

/// Watches every limited point.
pub struct Recorder {
    slots: Vec<[Slot; 5]>,
    crossings: VecDeque<Crossing>,
    count: u64,
}

/// How one condition of one point stands.
#[derive(Clone, Copy, Default)]
struct Slot {
    standing: bool,
    /// Since when, and with what value, the opposite has held without a break.
    turning: Option<(i64, f64)>,
}

const STATE: usize = 4;

impl Recorder {
    /// A recorder for all points of the plant.
    #[must_use]
    pub fn new(plant: &Plant) -> Self {
        Self {
            slots: vec![[Slot::default(); 5]; plant.points.len()],
            crossings: VecDeque::new(),
            count: 0,
        }
    }

    /// Compares a value that has just been shown.
    pub fn observe(&mut self, plant: &Plant, point: usize, value: f64, at: i64) {
        let what = &plant.points[point];
        for (slot, kind) in LimitKind::ALL.into_iter().enumerate() {
            let Some(limit) = what.limits.get(kind) else { continue };
            let standing = self.slots[point][slot].standing;
            let high = matches!(kind, LimitKind::High | LimitKind::HighHigh);
            let now = match (high, standing) {
                (true, false) => value >= limit.value,
                (true, true) => value >= limit.value - limit.deadband,
                (false, false) => value <= limit.value,
                (false, true) => value <= limit.value + limit.deadband,
            };
            let delay_ms = if standing { limit.off_delay_ms } else { limit.on_delay_ms };
            self.note(plant, point, slot, kind.abbreviation(), now, value, at, delay_ms);
        }
        #[allow(clippy::float_cmp, reason = "states are small whole numbers")]
        let alarm = what.states.iter().any(|s| s.alarm && f64::from(s.value) == value);
        self.note(plant, point, STATE, "STATE", alarm, value, at, 0);
    }

    #[allow(clippy::too_many_arguments, reason = "each is one column of the note")]
    fn note(
        &mut self,
        plant: &Plant,
        point: usize,
        slot: usize,
        condition: &'static str,
        now: bool,
        value: f64,
        at: i64,
        delay_ms: u32,
    ) {
        let Slot { standing, turning } = &mut self.slots[point][slot];
        if *standing == now {
            *turning = None;
            return;
        }
        let (began_at, crossed_with) = *turning.get_or_insert((at, value));
        if at - began_at < i64::from(delay_ms) {
            return;
        }
        (*standing, *turning) = (now, None);
        self.count += 1;
        if self.crossings.len() == KEPT {
            self.crossings.pop_front();
        }
        self.crossings.push_back(Crossing {
            number: self.count,
            point: plant.points[point].id.to_string(),
            condition,
            began: now,
            value: crossed_with,
            at: began_at,
            delay_ms,
        });
    }

    /// Crossings after the one numbered `after`, oldest first.
    pub fn since(&self, after: u64) -> impl Iterator<Item = &Crossing> {
        self.crossings.iter().filter(move |c| c.number > after)
    }

    /// Number of the newest crossing.
    #[must_use]
    pub const fn last_number(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_noted_once_its_delay_has_passed_without_a_break_under_its_first_instant() {
        let plant = Plant::kaifeng();
        let level = plant.point("410205001.LT-1203A").expect("it is there");
        let limit = plant.points[level].limits.h.expect("it has H");
        assert_eq!((limit.on_delay_ms, limit.off_delay_ms), (0, 3_000));
        let mut recorder = Recorder::new(plant);
        let (above, within) = (limit.value, limit.value - limit.deadband);
        for (at, value) in [
            (0, above),
            // Inside the deadband it has not come back; a break begins the delay anew.
            (1_000, within),
            (2_000, within - 0.1),
            (3_000, within),
            (4_000, within - 0.1),
            (6_800, within - 0.1),
        ] {
            recorder.observe(plant, level, value, at);
        }
        let noted = |recorder: &Recorder| -> Vec<(bool, i64, u32)> {
            recorder.since(0).map(|c| (c.began, c.at, c.delay_ms)).collect()
        };
        assert_eq!(noted(&recorder), [(true, 0, 0)]);
        recorder.observe(plant, level, within - 0.1, 7_000);
        assert_eq!(noted(&recorder), [(true, 0, 0), (false, 4_000, 3_000)]);
    }
}
