//! Detectors of a point (`domain::detect`) inside a host: with each live reading that its sensor has taken, with the newest values of
//! the other points of the same equipment.
//!
//! They stand beside the evaluator on purpose: a back-filled reading is not given to them, so the seam between live and back-filled
//! data has nothing to settle for what they find.

use anlan_domain::quality::QualityClass;
use anlan_domain::sensor::{Reading, Rules};
use anlan_domain::time::UtcMillis;

use super::entry::Effects;
use super::state::State;
use super::{Evaluator, Host, Now, isolated};

impl<E: Evaluator> Host<E> {
    /// Lets the detectors of a point look at a reading that its sensor has just taken.
    pub(super) fn detect(
        &mut self,
        now: Now,
        slot: usize,
        reading: &Reading,
        effects: &mut Effects,
    ) {
        let cell = &self.state.cells[slot];
        let rules = &self.state.rules[cell.rules as usize];
        if rules.settings.detectors.is_empty() {
            return;
        }
        let rules = rules.clone();
        let others = self.state.values_beside(slot, &rules);
        let of = |tag: &str| others.iter().find(|(of, _)| *of == tag).and_then(|(_, value)| *value);
        let before = self.state.contribution(slot);
        let mut copy = cell.sensor.clone();
        let mut findings = Vec::new();
        if !isolated(|| copy.detect(&rules, reading, &of, &mut findings)) {
            // The sensor itself has taken the reading; what its detectors would have said is lost, and counted.
            self.state.counters.crashes += 1;
            return;
        }
        self.state.cells[slot].sensor = copy;
        self.state.settle_roll_up(slot, &before);
        self.emit(now, slot, &findings, effects);
    }

    /// New settings are in force for a point: detectors that are gone or have changed end what they found.
    pub(super) fn change_detectors(
        &mut self,
        now: Now,
        slot: usize,
        old: &Rules,
        effects: &mut Effects,
    ) {
        let new = self.state.rules[self.state.cells[slot].rules as usize].clone();
        self.end_detected(now, slot, effects, |sensor, at, findings| {
            sensor.reconfigure_detectors(old, &new, at, findings);
        });
    }

    /// A point is taken out: so is all that its detectors found.
    pub(super) fn remove_detectors(&mut self, now: Now, slot: usize, effects: &mut Effects) {
        self.end_detected(now, slot, effects, |sensor, at, findings| {
            sensor.remove_detectors(at, findings);
        });
    }

    fn end_detected(
        &mut self,
        now: Now,
        slot: usize,
        effects: &mut Effects,
        end: impl FnOnce(
            &mut anlan_domain::sensor::Sensor,
            UtcMillis,
            &mut Vec<anlan_domain::sensor::Finding>,
        ),
    ) {
        let before = self.state.contribution(slot);
        let mut findings = Vec::new();
        end(&mut self.state.cells[slot].sensor, now.clock, &mut findings);
        self.state.settle_roll_up(slot, &before);
        self.emit(now, slot, &findings, effects);
    }
}

impl State {
    /// The newest usable value of each point that the detectors of a point name, if it is of the same equipment.
    fn values_beside<'a>(&self, slot: usize, rules: &'a Rules) -> Vec<(&'a str, Option<f64>)> {
        let equipment = self.cells[slot].equipment;
        let value = |tag: &str| {
            let other = self.names.slot_of(tag)?;
            let usable = self.class(other) != QualityClass::Bad;
            let cell = &self.cells[other];
            (usable && cell.equipment == equipment).then(|| cell.sensor.value())?
        };
        let named = rules.settings.detectors.iter().flat_map(|d| d.detector.points());
        named.map(|tag| (tag, value(tag))).collect()
    }
}
