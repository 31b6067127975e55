//! A hosted sensor's failure is its own: isolation, restart with backoff, and what is done with a reading that crashes it.
//!
//! A step works on a copy of the sensor, so a panic leaves the last good state. The reading is tried once more at once; if it
//! crashes the sensor again it is set aside (recorded, counted, shown as a sensor fault), and the sensor is started again
//! after a delay that doubles with each failure in a row. Readings that arrive meanwhile wait; none is dropped. All of it runs
//! on logged time, so a replay sets the same reading aside and cannot loop.

use std::collections::VecDeque;

use anlan_domain::sensor::{Reading, Watch};
use anlan_domain::time::UtcMillis;

use super::entry::Effects;
use super::state::{Fault, SetAside, State, Waiting};
use super::{Evaluator, Host, Now, isolated};

/// Readings set aside that are kept for description; older ones are only counted.
const SET_ASIDE_MAX: usize = 32;
/// Readings that may wait for a sensor. At the cap of the delay that is more than eight a second; beyond it the sensor is
/// started again early, because dropping readings would lose alarms.
const WAITING_MAX: usize = 256;

impl<E: Evaluator> Host<E> {
    /// Gives a sensor a reading, or lets it wait until the sensor is started again.
    pub(super) fn take_reading(
        &mut self,
        now: Now,
        slot: usize,
        reading: Reading,
        received: UtcMillis,
        effects: &mut Effects,
    ) {
        if self.state.cells[slot].fault.is_some() {
            self.start_again_if_due(now, slot, effects);
        }
        if let Some(fault) = &mut self.state.cells[slot].fault
            && now.clock < fault.retry_at
        {
            fault.waiting.push_back(Waiting { reading, received });
            if WAITING_MAX < fault.waiting.len() {
                fault.retry_at = now.clock;
                self.start_again_if_due(now, slot, effects);
            }
            return;
        }
        self.take_or_set_aside(now, slot, reading, received, effects);
        self.state.sweep_for(slot);
    }

    fn take_or_set_aside(
        &mut self,
        now: Now,
        slot: usize,
        reading: Reading,
        received: UtcMillis,
        effects: &mut Effects,
    ) {
        let mut taken = true;
        self.change(now, slot, effects, |host, findings| {
            let step = host.try_step(slot, &reading, findings);
            if !step && !host.try_again(now, slot, &reading, findings) {
                host.set_aside(now, slot, Some(reading), findings);
                taken = false;
            }
            host.state.cells[slot].received = received;
        });
        if taken {
            self.detect(now, slot, &reading, effects);
        }
    }

    fn try_step(
        &mut self,
        slot: usize,
        reading: &Reading,
        findings: &mut Vec<anlan_domain::sensor::Finding>,
    ) -> bool {
        let watch = self.state.watch(slot);
        let cell = &mut self.state.cells[slot];
        let rules = &self.state.rules[cell.rules as usize];
        let mut copy = cell.sensor.clone();
        let found = findings.len();
        let evaluator = &self.evaluator;
        if isolated(|| evaluator.step(&mut copy, rules, reading, watch, findings)) {
            cell.sensor = copy;
            return true;
        }
        findings.truncate(found);
        self.state.counters.crashes += 1;
        false
    }

    fn try_again(
        &mut self,
        now: Now,
        slot: usize,
        reading: &Reading,
        findings: &mut Vec<anlan_domain::sensor::Finding>,
    ) -> bool {
        self.note_crash(now, slot, now.clock);
        self.try_step(slot, reading, findings)
    }

    /// Counts a crash; the sensor is started again after `retry_at` at the earliest.
    fn note_crash(&mut self, now: Now, slot: usize, retry_at: UtcMillis) {
        let fault = self.state.cells[slot].fault.get_or_insert_with(|| {
            Box::new(Fault {
                failures: 0,
                last_crash: now.clock,
                retry_at,
                waiting: VecDeque::new(),
            })
        });
        let lived = u64::try_from(now.clock.since(fault.last_crash)).unwrap_or(0);
        fault.failures = self.restart.failures_after(fault.failures, lived);
        fault.last_crash = now.clock;
        fault.retry_at = retry_at;
    }

    pub(super) fn set_aside(
        &mut self,
        now: Now,
        slot: usize,
        reading: Option<Reading>,
        findings: &mut Vec<anlan_domain::sensor::Finding>,
    ) {
        let failures = self.state.cells[slot].fault.as_ref().map_or(1, |fault| fault.failures);
        let delay = i64::try_from(self.restart.delay_ms(failures)).unwrap_or(i64::MAX);
        self.note_crash(now, slot, now.clock.plus(delay));
        self.state.counters.set_aside += 1;
        let record = SetAside {
            tag: self.state.names.tag(slot).into(),
            reading,
            offset: now.offset,
            received: now.clock,
        };
        if self.state.set_aside.len() == SET_ASIDE_MAX {
            self.state.set_aside.pop_front();
        }
        self.state.set_aside.push_back(record);
        let cell = &mut self.state.cells[slot];
        let rules = &self.state.rules[cell.rules as usize];
        cell.sensor.raise_fault(rules, now.clock, findings);
    }

    /// Time passes for one sensor: it is started again, found healthy, or ticks.
    pub(super) fn tick_cell(&mut self, now: Now, slot: usize, effects: &mut Effects) {
        if self.state.cells[slot].fault.is_some() {
            self.start_again_if_due(now, slot, effects);
            self.forget_fault_if_healthy(now, slot, effects);
        }
        let cell = &self.state.cells[slot];
        if cell.fault.as_ref().is_some_and(|fault| now.clock < fault.retry_at) {
            return;
        }
        let rules = &self.state.rules[cell.rules as usize];
        let line = &self.state.gateways[usize::from(cell.gateway)].line;
        let line_now = line.now(now.clock);
        // That a point is missing takes a gateway that was heard after it was due: while the gateway says nothing at all, or the
        // center itself stood still, it is the gateway that is silent, and its session or its grace tells of that.
        let watch = match self.state.watch(slot) {
            running @ Watch::Running(_)
                if cell
                    .sensor
                    .missing_at(rules, running)
                    .is_some_and(|due| line.sealed() < due) =>
            {
                Watch::Waiting
            }
            other => other,
        };
        if cell.sensor.next_deadline(rules, watch).is_none_or(|due| line_now < due) {
            return;
        }
        effects.changed.push(u32::try_from(slot).expect("slots are 32 bits"));
        self.change(now, slot, effects, |host, findings| {
            let cell = &mut host.state.cells[slot];
            let rules = &host.state.rules[cell.rules as usize];
            let mut copy = cell.sensor.clone();
            let evaluator = &host.evaluator;
            if isolated(|| evaluator.tick(&mut copy, rules, line_now, watch, findings)) {
                cell.sensor = copy;
                return;
            }
            // There is no reading to set aside: what crashed is a delay, so delays are dropped.
            findings.clear();
            cell.sensor.drop_timers();
            host.state.counters.crashes += 1;
            host.note_crash(now, slot, now.clock);
            host.set_aside(now, slot, None, findings);
        });
    }

    fn start_again_if_due(&mut self, now: Now, slot: usize, effects: &mut Effects) {
        while let Some(fault) = &mut self.state.cells[slot].fault
            && fault.retry_at <= now.clock
            && let Some(Waiting { reading, received }) = fault.waiting.pop_front()
        {
            self.take_or_set_aside(now, slot, reading, received, effects);
            effects.changed.push(u32::try_from(slot).expect("slots are 32 bits"));
        }
        self.state.sweep_for(slot);
    }

    fn forget_fault_if_healthy(&mut self, now: Now, slot: usize, effects: &mut Effects) {
        let Some(fault) = &self.state.cells[slot].fault else { return };
        let lived = u64::try_from(now.clock.since(fault.last_crash)).unwrap_or(0);
        if !fault.waiting.is_empty() || !self.restart.is_healthy(lived) {
            return;
        }
        self.state.cells[slot].fault = None;
        self.change(now, slot, effects, |host, findings| {
            host.state.cells[slot].sensor.clear_fault(now.clock, findings);
        });
    }
}

impl State {
    /// Makes sure that the sweep does not come later than what a sensor waits for.
    pub(super) fn sweep_for(&mut self, slot: usize) {
        let retry = self.cells[slot].fault.as_ref().map(|fault| fault.retry_at);
        for at in [self.due(slot), retry].into_iter().flatten() {
            self.sweep_by(at);
        }
    }

    /// Whether nothing is due for a sensor yet; if so, the next sweep comes in time for it.
    pub(super) fn is_early(&mut self, clock: UtcMillis, slot: usize) -> bool {
        if self.cells[slot].fault.is_some() {
            return false;
        }
        match self.due(slot) {
            None => true,
            Some(due) if clock < due => {
                self.sweep_by(due);
                true
            }
            Some(_) => false,
        }
    }

    /// The logged time at which a sensor's next deadline passes, unless a reading comes first.
    fn due(&self, slot: usize) -> Option<UtcMillis> {
        let cell = &self.cells[slot];
        let due = cell.sensor.next_deadline(&self.rules[cell.rules as usize], self.watch(slot))?;
        Some(self.gateways[usize::from(cell.gateway)].line.logged_at(due))
    }
}
