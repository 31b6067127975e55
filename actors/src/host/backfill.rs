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
//! How the second evaluator goes on over the end of the gap stands in `seam.rs`; the same for the devices, whose states the
//! backlog tells as well, in `late_device.rs`. A gap is settled when the gateway says that
//! nothing is left of its backlog, or when frames of the next gap begin.

use std::collections::VecDeque;

use anlan_domain::sensor::{Finding, Moment, Reading, Rules, Sensor, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};
use anlan_domain::uplink::Header;
use serde::{Deserialize, Serialize};

use super::entry::{Effects, Readings};
use super::late_device::LateDevice;
use super::line::Line;
use super::names::Names;
use super::seam::{Late, tells_of_a_loss};
use super::state::{DeviceState, State};
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
    /// By device, ascending.
    devices: Vec<(u16, LateDevice)>,
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

    /// A device in the newest gap.
    pub(super) fn newest_device(&mut self, device: usize) -> Option<&mut LateDevice> {
        self.gaps.back_mut().map(|gap| gap.device_mut(device))
    }

    /// A device in the oldest gap.
    pub(super) fn oldest_device(&mut self, device: usize) -> Option<&mut LateDevice> {
        self.gaps.front_mut().map(|gap| gap.device_mut(device))
    }

    /// A device in every gap.
    pub(super) fn all_of_device(&mut self, device: usize) -> impl Iterator<Item = &mut LateDevice> {
        self.gaps.iter_mut().map(move |gap| gap.device_mut(device))
    }

    /// The devices of the oldest gap.
    pub(super) fn devices(&self) -> impl Iterator<Item = (usize, &LateDevice)> {
        let devices = self.gaps.front().into_iter().flat_map(|gap| &gap.devices);
        devices.map(|(device, late)| (usize::from(*device), late))
    }

    /// Whether the backlog has said anything about a device that is not settled.
    pub(super) fn tells_of(&self, device: usize) -> bool {
        let mut devices = self.gaps.iter().flat_map(|gap| &gap.devices);
        devices.any(|(at, late)| usize::from(*at) == device && late.touched)
    }

    /// Follows the devices to their places in a new configuration.
    pub(super) fn move_devices(&mut self, moved: &[(usize, usize)]) {
        for gap in &mut self.gaps {
            let devices = std::mem::take(&mut gap.devices);
            for (device, late) in devices {
                let to = moved.iter().find(|(from, _)| *from == usize::from(device));
                if let Some(&(_, to)) = to {
                    *gap.device_mut(to) = late;
                }
            }
        }
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

    /// One of which nothing was known when the gap began comes in here.
    fn device_mut(&mut self, device: usize) -> &mut LateDevice {
        let device = u16::try_from(device).expect("a host has few devices");
        let at = self.devices.binary_search_by_key(&device, |(device, _)| *device);
        let at = at.unwrap_or_else(|at| {
            self.devices.insert(at, (device, LateDevice::default()));
            at
        });
        &mut self.devices[at].1
    }

    /// How the device of a point stood, as far as the backlog has said.
    fn stood(&self, device: u16) -> DeviceState {
        let at = self.devices.binary_search_by_key(&device, |(device, _)| *device);
        at.map_or(DeviceState::Unknown, |at| self.devices[at].1.told())
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
        let devices = (0..)
            .zip(&self.state.devices)
            .filter(|(_, device)| usize::from(device.gateway) == gateway)
            .map(|(at, device)| (at, LateDevice::of(device)))
            .collect();
        let backfill = self.state.gateways[gateway].backfill.get_or_insert_default();
        backfill.gaps.push_back(Gap { ends, line, heard: None, late, devices });
    }

    /// Finds the gap that a frame of the backlog belongs to, settles those before it, and says where the frame was sealed.
    pub(super) fn advance_backfill(
        &mut self,
        now: Now,
        gateway: usize,
        header: &Header,
        effects: &mut Effects,
    ) -> LineMillis {
        if self.state.gateways[gateway].backfill.is_none() {
            let line = self.state.gateways[gateway].line.clone();
            self.open_gap(gateway, None, line);
        }
        let live = &self.state.gateways[gateway].line;
        let (placed, live_now) = (live.place(header.boot, header.mono), live.now(now.clock));
        loop {
            let node = &mut self.state.gateways[gateway];
            let gaps = &mut node.backfill.as_mut().expect("made above").gaps;
            let several = 1 < gaps.len();
            let gap = gaps.front_mut().expect("a back-fill has a gap");
            if !gap.line.is_of(header.boot) {
                gap.devices.iter_mut().for_each(|(_, late)| late.begin_boot());
            }
            // With several gaps, a boot that never spoke live may belong to any of them.
            let end = gap.ends.filter(|_| !several).unwrap_or(live_now);
            let sealed = gap.line.advance_late(header, placed, end);
            if several && gap.ends.is_some_and(|ends| ends <= sealed) {
                self.settle_gap(now, gateway, effects);
            } else {
                return sealed;
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
        let sealed = self.advance_backfill(now, gateway, header, effects);
        self.pass_device_time(now, gateway, sealed, effects);
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
    pub(super) fn pass_late_time(
        &mut self,
        now: Now,
        gateway: usize,
        frame: Moment,
        effects: &mut Effects,
    ) {
        let State { gateways, cells, rules, .. } = &mut self.state;
        let Some(backfill) = &mut gateways[gateway].backfill else { return };
        let Some(gap) = backfill.gaps.front_mut() else { return };
        let silent = gap.heard.replace(frame.at).map(|heard| frame.at.since(heard));
        let mut due = Vec::new();
        let mut late = std::mem::take(&mut gap.late);
        for (slot, late) in &mut late {
            let cell = &cells[*slot as usize];
            let device = gap.stood(cell.device);
            if late.is_due(&rules[cell.rules as usize], device, frame, silent) {
                due.push((*slot as usize, device));
            }
        }
        gap.late = late;
        for (slot, device) in due {
            let Some(mut late) = self.state.take_late(gateway, slot) else { continue };
            self.change(now, slot, effects, |host, out| {
                let mut found = Vec::new();
                let cell = &host.state.cells[slot];
                let rules = late.rules.as_deref().unwrap_or(&host.state.rules[cell.rules as usize]);
                let mut copy = late.sensor.clone();
                let (evaluator, watch) = (&host.evaluator, late.watch(device));
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
        let watch = match self.state.stood_late(gateway, slot) {
            DeviceState::Lost { .. } => Watch::ParentLost,
            DeviceState::Unknown if tells_of_a_loss(reading.quality) => Watch::ParentLost,
            DeviceState::Connected(_) | DeviceState::Unknown => Watch::Waiting,
        };
        self.change(now, slot, effects, |host, out| {
            let mut found = Vec::new();
            let rules = host.state.rules_at(slot, reading.at);
            late.follow_rules(&host.state, slot, rules, reading, &mut found);
            let step = host.late_step(slot, &mut late, reading, watch, &mut found);
            if !step && !host.late_step(slot, &mut late, reading, watch, &mut found) {
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
        watch: Watch,
        found: &mut Vec<Finding>,
    ) -> bool {
        let cell = &self.state.cells[slot];
        let current = &self.state.rules[cell.rules as usize];
        let rules = late.rules.as_deref().unwrap_or(current);
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
        for (device, late) in gap.devices {
            self.settle_device(now, gateway, usize::from(device), late, effects);
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
    pub(super) fn take_late(&mut self, gateway: usize, slot: usize) -> Option<Late> {
        let late = self.gateways[gateway].backfill.as_mut()?.oldest(slot)?;
        let place = Late::of(&Sensor::default());
        Some(std::mem::replace(late, place))
    }

    pub(super) fn put_late(&mut self, gateway: usize, slot: usize, late: Late) {
        let backfill = self.gateways[gateway].backfill.as_mut();
        if let Some(place) = backfill.and_then(|backfill| backfill.oldest(slot)) {
            *place = late;
        }
    }

    /// How the device of a point stood in the oldest gap.
    fn stood_late(&self, gateway: usize, slot: usize) -> DeviceState {
        let backfill = self.gateways[gateway].backfill.as_ref();
        let gap = backfill.and_then(|backfill| backfill.gaps.front());
        gap.map_or(DeviceState::Unknown, |gap| gap.stood(self.cells[slot].device))
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
