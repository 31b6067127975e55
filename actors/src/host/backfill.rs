//! The back-fill lane (补传): readings that were taken while the link was down, judged late and in their own order.
//!
//! At the first live frame after a gap each sensor of the gateway is copied as it was before that frame: its second
//! evaluator. Back-filled readings go through the same step in it, under the limits that were in force when they were taken.
//! What it finds is gathered in episodes and settled against what the live lane has come to (`domain`'s `sensor/late.rs`):
//!
//! | an alarm that … | becomes |
//! | --- | --- |
//! | came and went inside the gap | an alarm of its own, marked late, raised and cleared |
//! | began in the gap and stands live too | that live alarm, its start amended |
//! | began in the gap, and no live reading has come since | a live alarm, marked late |
//! | began in the gap, and the first live reading shows it gone | late, and cleared at that reading |
//! | stood before the gap, ended inside it, and is over | its end amended |
//! | stood before the gap and stands after it | itself: a dip between is in the history, not in the alarm log |
//!
//! A gap is settled when the gateway says that nothing is left of its backlog, or when frames of the next gap begin.

use std::collections::VecDeque;

use anlan_domain::alarm::{AlarmChange, ClearReason, Condition};
use anlan_domain::quality::Quality;
use anlan_domain::sensor::{Episode, Finding, Moment, Reading, Rules, Sensor, Watch, amended};
use anlan_domain::time::{LineMillis, UtcMillis};
use serde::{Deserialize, Serialize};

use super::entry::{Effects, Readings};
use super::line::Line;
use super::names::Names;
use super::state::State;
use super::{Evaluator, Host, Now, isolated};

/// Gaps that may wait for their backlog at once; a further one is joined to the last.
const GAPS_MAX: usize = 8;

/// Second evaluators of the sensors of one gateway.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Backfill {
    gaps: VecDeque<Gap>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gap {
    /// Where the first live frame after it was sealed; `None` while that frame has not come.
    ends: Option<LineMillis>,
    line: Line,
    /// By slot, ascending.
    late: Vec<(u32, Late)>,
}

/// Second evaluator of one sensor.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Late {
    sensor: Sensor,
    /// The settings that it judged by last; `None` for those in force now.
    rules: Option<Box<Rules>>,
    /// Alarms that stood before the gap, with the end that the backlog shows.
    before: Vec<(Condition, u32, Option<UtcMillis>)>,
    /// Alarms that began in the gap and have not ended.
    open: Vec<Episode>,
    first_live: Option<Reading>,
    /// First alarm of each condition that the live lane has raised since the gap.
    live_raised: Vec<(Condition, u32)>,
}

impl Backfill {
    /// Gaps that wait for their backlog.
    pub(super) fn waiting(&self) -> usize {
        self.gaps.len()
    }

    fn late_mut(&mut self, slot: usize) -> Option<&mut Late> {
        let gap = self.gaps.back_mut()?;
        let slot = u32::try_from(slot).ok()?;
        let at = gap.late.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&mut gap.late[at].1)
    }

    /// Follows the sensors to the slots of a new configuration.
    pub(super) fn move_slots(
        &mut self,
        old: &Names,
        new_slot: impl Fn(&str) -> Option<u32>,
        changed: impl Fn(u32) -> Option<Rules>,
    ) {
        for gap in &mut self.gaps {
            let late = std::mem::take(&mut gap.late);
            gap.late = late
                .into_iter()
                .filter_map(|(slot, mut late)| {
                    let slot = new_slot(old.tag(slot as usize))?;
                    if late.rules.is_none() {
                        late.rules = changed(slot).map(Box::new);
                    }
                    Some((slot, late))
                })
                .collect();
            gap.late.sort_by_key(|(slot, _)| *slot);
        }
    }
}

impl Late {
    fn of(sensor: &Sensor) -> Self {
        let before = sensor.book().map_or_else(Vec::new, |book| {
            book.all_standing().map(|(condition, number, ..)| (condition, number, None)).collect()
        });
        Self {
            sensor: sensor.clone(),
            rules: None,
            before,
            open: Vec::new(),
            first_live: None,
            live_raised: Vec::new(),
        }
    }

    /// Gathers what the evaluator found. What is complete goes into the live sensor's book.
    fn gather(&mut self, found: &[Finding], live: &mut Sensor, out: &mut Vec<Finding>) {
        for finding in found {
            if let Some(episode) = Episode::begun_by(finding) {
                self.open.push(episode);
            } else if let AlarmChange::Cleared { reason, value } = finding.change {
                self.close(finding, reason, value, live, out);
            }
        }
    }

    fn close(
        &mut self,
        finding: &Finding,
        reason: ClearReason,
        value: Option<f64>,
        live: &mut Sensor,
        out: &mut Vec<Finding>,
    ) {
        if let Some(at) = self.open.iter().position(|e| e.condition == finding.condition) {
            let episode = self.open.remove(at);
            live.note_episode(&episode, reason, value, finding.source_time, out);
        } else if let Some((_, _, ended @ None)) =
            self.before.iter_mut().find(|(condition, ..)| *condition == finding.condition)
        {
            *ended = Some(finding.source_time);
        }
    }

    /// The backlog is complete: settles what is open against the live state.
    fn settle(mut self, live: &mut Sensor, out: &mut Vec<Finding>) {
        for (condition, number, ended) in std::mem::take(&mut self.before) {
            let stands = live
                .book()
                .and_then(|book| book.standing(condition))
                .is_some_and(|(standing, _)| standing == number);
            if let Some(ended) = ended
                && !stands
            {
                out.push(amended(condition, number, None, Some(ended)));
            }
        }
        for episode in std::mem::take(&mut self.open) {
            let condition = episode.condition;
            let over = self.live_raised.iter().find(|(raised, _)| *raised == condition);
            match over {
                Some(&(_, number)) if !live.standing().has(condition) => {
                    out.push(amended(condition, number, Some(episode.raised_at), None));
                }
                _ => live.adopt_episode(&episode, out),
            }
        }
    }
}

impl<E: Evaluator> Host<E> {
    /// A live frame says that readings may be missing before it. `before` is the line as it was before that frame.
    pub(super) fn begin_backfill(&mut self, gateway: usize, before: Line) {
        let ends = Some(self.state.gateways[gateway].line.sealed());
        let backfill = self.state.gateways[gateway].backfill.get_or_insert_default();
        let full = GAPS_MAX <= backfill.gaps.len();
        if let Some(gap) = backfill.gaps.back_mut()
            && (gap.ends.is_none() || full)
        {
            // Its backlog came before the first live frame did, or there are too many to tell apart.
            gap.ends = ends;
            return;
        }
        self.open_gap(gateway, ends, before);
    }

    fn open_gap(&mut self, gateway: usize, ends: Option<LineMillis>, line: Line) {
        let late = (0..)
            .zip(&self.state.cells)
            .filter(|(_, cell)| usize::from(cell.gateway) == gateway)
            .map(|(slot, cell)| (slot, Late::of(&cell.sensor)))
            .collect();
        let backfill = self.state.gateways[gateway].backfill.get_or_insert_default();
        backfill.gaps.push_back(Gap { ends, line, late });
    }

    /// Remembers what the live lane has seen of a sensor since the gap.
    pub(super) fn note_first_live(&mut self, gateway: usize, slot: usize, reading: &Reading) {
        let Some(backfill) = &mut self.state.gateways[gateway].backfill else { return };
        let Some(late) = backfill.late_mut(slot) else { return };
        late.first_live.get_or_insert(*reading);
        let Some(book) = self.state.cells[slot].sensor.book() else { return };
        for (condition, number, ..) in book.all_standing() {
            let known = late.before.iter().any(|&(c, n, _)| (c, n) == (condition, number))
                || late.live_raised.iter().any(|&(c, _)| c == condition);
            if !known {
                late.live_raised.push((condition, number));
            }
        }
    }

    pub(super) fn take_backfill(
        &mut self,
        now: Now,
        gateway: usize,
        readings: &Readings<'_>,
        effects: &mut Effects,
    ) {
        let header = readings.header;
        if self.state.gateways[gateway].backfill.is_none() {
            let line = self.state.gateways[gateway].line.clone();
            self.open_gap(gateway, None, line);
        }
        let placed = self.state.gateways[gateway].line.place(header.boot, header.mono);
        let sealed = loop {
            let node = &mut self.state.gateways[gateway];
            let gaps = &mut node.backfill.as_mut().expect("made above").gaps;
            let several = 1 < gaps.len();
            let gap = gaps.front_mut().expect("a back-fill has a gap");
            let sealed = gap.line.advance_late(header, placed);
            if several && gap.ends.is_some_and(|ends| ends <= sealed) {
                self.settle_gap(now, gateway, effects);
            } else {
                break sealed;
            }
        };
        for run in readings.runs {
            let age = i64::from(run.group.age_ms);
            let wall = header.wall.plus(-age);
            for i in run.start..(run.start + run.len).min(run.group.count) {
                let reading = Reading {
                    value: run.group.value(i),
                    quality: run.group.quality(i),
                    at: sealed.plus(-age),
                    source: run.group.source_wall(i).map_or(wall, UtcMillis),
                };
                let slot = run.slot as usize + (i - run.start);
                self.take_late_reading(now, gateway, slot, &reading, effects);
            }
        }
    }

    fn take_late_reading(
        &mut self,
        now: Now,
        gateway: usize,
        slot: usize,
        reading: &Reading,
        effects: &mut Effects,
    ) {
        let Some(mut late) = self.state.take_late(gateway, slot) else {
            self.state.counters.misrouted_readings += 1;
            return;
        };
        self.state.counters.late_readings += 1;
        self.change(now, slot, effects, |host, out| {
            let mut found = Vec::new();
            let rules = host.state.rules_at(slot, reading.at);
            late.follow_rules(&host.state, slot, rules, reading, &mut found);
            let step = host.late_step(slot, &mut late, reading, &mut found);
            if !step && !host.late_step(slot, &mut late, reading, &mut found) {
                host.set_aside(now, slot, Some(*reading), out);
            }
            late.gather(&found, &mut host.state.cells[slot].sensor, out);
        });
        self.state.put_late(gateway, slot, late);
    }

    fn late_step(
        &mut self,
        slot: usize,
        late: &mut Late,
        reading: &Reading,
        found: &mut Vec<Finding>,
    ) -> bool {
        let cell = &self.state.cells[slot];
        let current = &self.state.rules[cell.rules as usize];
        let rules = late.rules.as_deref().unwrap_or(current);
        // The backlog does not say how the devices stood. Where a reading says that its device did not answer, the
        // device is what was lost, and the point has no alarm of its own for it.
        let watch = match reading.quality {
            Quality::COMM_FAILURE | Quality::NOT_CONNECTED => Watch::ParentLost,
            _ => Watch::Waiting,
        };
        let mut copy = late.sensor.clone();
        let before = found.len();
        let evaluator = &self.evaluator;
        if isolated(|| evaluator.step(&mut copy, rules, reading, watch, found)) {
            late.sensor = copy;
            return true;
        }
        found.truncate(before);
        self.state.counters.crashes += 1;
        false
    }

    /// The gateway says that nothing is left of its backlog.
    pub(super) fn end_backfill(&mut self, now: Now, gateway: usize, effects: &mut Effects) {
        while self.state.gateways[gateway].backfill.is_some() {
            self.settle_gap(now, gateway, effects);
        }
    }

    /// Settles the oldest gap of a gateway.
    fn settle_gap(&mut self, now: Now, gateway: usize, effects: &mut Effects) {
        let Some(backfill) = &mut self.state.gateways[gateway].backfill else { return };
        let gap = backfill.gaps.pop_front();
        if backfill.gaps.is_empty() {
            self.state.gateways[gateway].backfill = None;
        }
        let Some(gap) = gap else { return };
        for (slot, mut late) in gap.late {
            let slot = slot as usize;
            if late.open.is_empty() && late.before.is_empty() {
                continue;
            }
            self.change(now, slot, effects, |host, out| {
                if let Some(first) = late.first_live {
                    let mut found = Vec::new();
                    let rules = host.state.rules_at(slot, first.at);
                    late.follow_rules(&host.state, slot, rules, &first, &mut found);
                    // That it crashes the evaluator was dealt with when it came live.
                    if host.late_step(slot, &mut late, &first, &mut found) {
                        // What it raises, the live lane has raised itself.
                        found.retain(|finding| Episode::begun_by(finding).is_none());
                        late.gather(&found, &mut host.state.cells[slot].sensor, out);
                    }
                }
                late.settle(&mut host.state.cells[slot].sensor, out);
            });
            self.state.sweep_for(slot);
        }
    }
}

impl Late {
    /// Goes over to the settings that were in force when the reading was taken.
    fn follow_rules(
        &mut self,
        state: &State,
        slot: usize,
        rules: Option<Box<Rules>>,
        reading: &Reading,
        found: &mut Vec<Finding>,
    ) {
        if self.rules == rules {
            return;
        }
        let current = &state.rules[state.cells[slot].rules as usize];
        let old = self.rules.as_deref().unwrap_or(current);
        let new = rules.as_deref().unwrap_or(current);
        let moment = Moment { at: reading.at, wall: reading.source };
        self.sensor.reconfigure(old, new, moment, found);
        self.rules = rules;
    }
}

impl State {
    /// Takes the second evaluator of a sensor out of the oldest gap; its place is kept by an untouched one.
    fn take_late(&mut self, gateway: usize, slot: usize) -> Option<Late> {
        let late = self.late_place(gateway, slot)?;
        let place = Late::of(&Sensor::default());
        Some(std::mem::replace(late, place))
    }

    fn put_late(&mut self, gateway: usize, slot: usize, late: Late) {
        if let Some(place) = self.late_place(gateway, slot) {
            *place = late;
        }
    }

    fn late_place(&mut self, gateway: usize, slot: usize) -> Option<&mut Late> {
        let gap = self.gateways[gateway].backfill.as_mut()?.gaps.front_mut()?;
        let slot = u32::try_from(slot).ok()?;
        let at = gap.late.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&mut gap.late[at].1)
    }

    /// Settings that were in force at a moment of the line, where they are no longer.
    fn rules_at(&self, slot: usize, at: LineMillis) -> Option<Box<Rules>> {
        if self.past_rules.is_empty() {
            return None;
        }
        let tag = self.names.tag(slot);
        self.past_rules
            .iter()
            .find(|past| *past.tag == *tag && at < past.until)
            .map(|past| Box::new(past.rules.clone()))
    }
}
