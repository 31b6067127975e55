//! The back-fill lane (补传): readings that were taken while the link was down, judged late and in their own order.
//!
//! At the first live frame after a gap each sensor of the gateway is copied as it was before that frame: its second
//! evaluator. Back-filled readings go through the same step in it, under the limits that were in force when they were taken.
//! What it finds is gathered in episodes and settled against what the live lane has come to (`domain`'s `sensor/late.rs`):
//!
//! | an alarm that … | becomes |
//! | --- | --- |
//! | came and went inside the gap | an alarm of its own, marked late, raised and cleared |
//! | began in the gap, and live readings go on with it | that live alarm, its start amended |
//! | began in the gap and ended after it, and live readings alone raised nothing | an alarm of its own, marked late, raised and cleared |
//! | began in the gap and nothing has ended it since | a live alarm, marked late |
//! | stood before the gap, ended inside it, and is over | its end amended |
//! | stood before the gap and stands after it | itself: a dip between is in the history, not in the alarm log |
//!
//! How the second evaluator goes on over the end of the gap stands in `seam.rs`. A gap is settled when the gateway says that
//! nothing is left of its backlog, or when frames of the next gap begin.

use std::collections::VecDeque;

use anlan_domain::quality::Quality;
use anlan_domain::sensor::{Finding, Moment, Reading, Rules, Sensor, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};
use serde::{Deserialize, Serialize};

use super::entry::{Effects, Readings};
use super::line::Line;
use super::names::Names;
use super::seam::Late;
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
    /// Where the newest frame of its backlog was sealed.
    heard: Option<LineMillis>,
    /// By slot, ascending.
    late: Vec<(u32, Late)>,
}

impl Backfill {
    /// Gaps that wait for their backlog.
    pub(super) fn waiting(&self) -> usize {
        self.gaps.len()
    }

    /// Of the newest gap: the one that live readings come after.
    pub(super) fn newest(&mut self, slot: usize) -> Option<&mut Late> {
        self.gaps.back_mut()?.late_mut(slot)
    }

    /// Of the oldest gap: the one whose backlog comes.
    pub(super) fn oldest(&mut self, slot: usize) -> Option<&mut Late> {
        self.gaps.front_mut()?.late_mut(slot)
    }

    /// Of every gap.
    pub(super) fn all(&mut self, slot: usize) -> impl Iterator<Item = &mut Late> {
        self.gaps.iter_mut().filter_map(move |gap| gap.late_mut(slot))
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

impl Gap {
    fn late_mut(&mut self, slot: usize) -> Option<&mut Late> {
        let slot = u32::try_from(slot).ok()?;
        let at = self.late.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&mut self.late[at].1)
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
        backfill.gaps.push_back(Gap { ends, line, heard: None, late });
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
        let live = &self.state.gateways[gateway].line;
        let (placed, live_now) = (live.place(header.boot, header.mono), live.now(now.clock));
        let sealed = loop {
            let node = &mut self.state.gateways[gateway];
            let gaps = &mut node.backfill.as_mut().expect("made above").gaps;
            let several = 1 < gaps.len();
            let gap = gaps.front_mut().expect("a back-fill has a gap");
            // With several gaps, a boot that never spoke live may belong to any of them.
            let end = gap.ends.filter(|_| !several).unwrap_or(live_now);
            let sealed = gap.line.advance_late(header, placed, end);
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
        self.pass_late_time(now, gateway, Moment { at: sealed, wall: header.wall }, effects);
    }

    /// Time passes for the second evaluators up to a frame of the backlog: what is not in it is missing.
    fn pass_late_time(&mut self, now: Now, gateway: usize, frame: Moment, effects: &mut Effects) {
        let State { gateways, cells, rules, .. } = &mut self.state;
        let Some(backfill) = &mut gateways[gateway].backfill else { return };
        let Some(gap) = backfill.gaps.front_mut() else { return };
        let silent = gap.heard.replace(frame.at).map(|heard| frame.at.since(heard));
        let mut due = Vec::new();
        for (slot, late) in &mut gap.late {
            let current = &rules[cells[*slot as usize].rules as usize];
            if late.is_due(current, frame, silent) {
                due.push(*slot as usize);
            }
        }
        for slot in due {
            let Some(mut late) = self.state.take_late(gateway, slot) else { continue };
            self.change(now, slot, effects, |host, out| {
                let mut found = Vec::new();
                let cell = &host.state.cells[slot];
                let rules = late.rules.as_deref().unwrap_or(&host.state.rules[cell.rules as usize]);
                let mut copy = late.sensor.clone();
                let (evaluator, watch) = (&host.evaluator, late.watch());
                if isolated(|| evaluator.tick(&mut copy, rules, frame.at, watch, &mut found)) {
                    late.sensor = copy;
                    late.touched = true;
                    late.gather(&found, &mut host.state.cells[slot].sensor, out);
                } else {
                    // As in the live lane: what crashed is a delay, so delays are dropped.
                    late.sensor.drop_timers();
                    host.state.counters.crashes += 1;
                    host.set_aside(now, slot, None, out);
                }
            });
            self.state.put_late(gateway, slot, late);
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
        late.touched = true;
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

    pub(super) fn late_step(
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
        for (slot, late) in gap.late {
            let slot = slot as usize;
            if !late.touched {
                // The live sensor has seen everything that there is.
                continue;
            }
            self.change(now, slot, effects, |host, out| {
                host.settle_late(gateway, slot, late, out);
            });
            self.state.sweep_for(slot);
        }
    }
}

impl Late {
    /// Goes over to the settings that were in force when the reading was taken.
    pub(super) fn follow_rules(
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
        let late = self.gateways[gateway].backfill.as_mut()?.oldest(slot)?;
        let place = Late::of(&Sensor::default());
        Some(std::mem::replace(late, place))
    }

    fn put_late(&mut self, gateway: usize, slot: usize, late: Late) {
        let backfill = self.gateways[gateway].backfill.as_mut();
        if let Some(place) = backfill.and_then(|backfill| backfill.oldest(slot)) {
            *place = late;
        }
    }

    /// Settings that were in force at a moment of the line, where they are no longer.
    pub(super) fn rules_at(&self, slot: usize, at: LineMillis) -> Option<Box<Rules>> {
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
