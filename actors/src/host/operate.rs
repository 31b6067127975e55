//! State of equipment, as people declare it, and what it suppresses by design (state H of IEC 62682).
//!
//! The state is the host's; which alarms it suppresses is in the configuration of each point. Evaluation and recording go on. When the state
//! ends, what stands waits for a person anew: that is the book's doing, as with a shelf.

use anlan_domain::alarm::{AlarmChange, Condition};
use anlan_domain::conditions::Conditions;
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::EquipmentId;
use anlan_domain::life_cycle::{Quiet, ResumeReason, Until};
use anlan_domain::log::{CommandRefused, Note, equipment_subject};
use anlan_domain::sensor::{Finding, Sensor};
use anlan_domain::time::UtcMillis;

use super::entry::Effects;
use super::state::{Mode, State};
use super::{Evaluator, Host, Now};

/// Why alarms are suppressed from here on: the state, and who declared it.
type Cause<'a> = (&'a str, &'a str, Option<UtcMillis>);

impl<E: Evaluator> Host<E> {
    /// A person declares the state of a piece of equipment.
    pub(super) fn operate(
        &mut self,
        now: Now,
        equipment: &EquipmentId,
        state: EquipmentState,
        until: Option<UtcMillis>,
        note: &Note,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        if !self.state.equipment.iter().any(|known| known.id == *equipment) {
            return Err(CommandRefused::NoSuchEquipment(equipment.clone()));
        }
        // Only starting up ends by itself, and it must: nobody remembers to end it.
        let until = until.filter(|_| state == EquipmentState::Starting);
        if state == EquipmentState::Starting && until.is_none_or(|until| until <= now.clock) {
            return Err(CommandRefused::StartTimePassed(equipment.clone()));
        }
        let before = self.state.mode(equipment).map(|mode| (mode.state, mode.until));
        if before.unwrap_or_default() == (state, until) {
            return Err(CommandRefused::AlreadyInState { equipment: equipment.clone(), state });
        }
        self.state.modes.retain(|mode| mode.equipment != *equipment);
        if state != EquipmentState::Running {
            self.state.modes.push(Mode {
                equipment: equipment.clone(),
                state,
                until,
                by: note.by.clone(),
                reason: note.text.clone(),
            });
        }
        if let Some(until) = until {
            self.state.sweep_by(until);
        }
        let (by, reason) = (Some(note.by.clone()), note.text.clone());
        let change = AlarmChange::EquipmentState { state, by, reason, until };
        self.log_state(now, equipment, change, effects);
        self.settle_equipment(now, equipment, Some(&note.by), effects);
        Ok(())
    }

    /// Equipment whose time of starting up is over runs. Part of a sweep.
    pub(super) fn sweep_modes(&mut self, now: Now, effects: &mut Effects) {
        let over = |mode: &Mode| mode.until.is_some_and(|until| until <= now.clock);
        while let Some(at) = self.state.modes.iter().position(over) {
            let Mode { equipment, .. } = self.state.modes.remove(at);
            let (state, by, reason) = (EquipmentState::Running, None, String::new());
            let change = AlarmChange::EquipmentState { state, by, reason, until: None };
            self.log_state(now, &equipment, change, effects);
            self.settle_equipment(now, &equipment, None, effects);
        }
        if let Some(next) = self.state.modes.iter().filter_map(|mode| mode.until).min() {
            self.state.sweep_by(next);
        }
    }

    /// A new configuration may bring points to equipment that does not run, or other rules.
    pub(super) fn settle_suppression(&mut self, now: Now, effects: &mut Effects) {
        for slot in 0..self.state.cells.len() {
            self.settle_slot(now, slot, None, effects);
        }
    }

    fn settle_equipment(
        &mut self,
        now: Now,
        equipment: &EquipmentId,
        by: Option<&str>,
        effects: &mut Effects,
    ) {
        for slot in 0..self.state.cells.len() {
            let of = usize::from(self.state.cells[slot].equipment);
            if self.state.equipment[of].id == *equipment {
                self.settle_slot(now, slot, by, effects);
            }
        }
    }

    /// Suppresses what the state of the equipment suppresses, and no more. `by`: who changed the state just now.
    fn settle_slot(&mut self, now: Now, slot: usize, by: Option<&str>, effects: &mut Effects) {
        let cell = &self.state.cells[slot];
        let id = &self.state.equipment[usize::from(cell.equipment)].id;
        let mode = self.state.mode(id).cloned();
        let state = mode.as_ref().map_or(EquipmentState::Running, |mode| mode.state);
        let wanted = self.state.rules[cell.rules as usize].suppressed_during(state);
        if wanted.is_empty() && cell.sensor.book().is_none() {
            return;
        }
        self.change(now, slot, effects, |host, findings| {
            let sensor = &mut host.state.cells[slot].sensor;
            match &mode {
                Some(mode) => {
                    let cause = Some((mode.by.as_str(), mode.reason.as_str(), mode.until));
                    suppress(sensor, wanted, cause, now.clock, findings);
                }
                None => suppress(sensor, wanted, None, now.clock, findings),
            }
            if let Some(by) = by {
                for finding in findings {
                    if let AlarmChange::Resumed { by: who, .. } = &mut finding.change {
                        *who = Some(by.to_owned());
                    }
                }
            }
        });
    }

    fn log_state(
        &self,
        now: Now,
        equipment: &EquipmentId,
        change: AlarmChange,
        effects: &mut Effects,
    ) {
        // Occurrence 0 of its state: no alarm, a line of the one log that lists and streams follow.
        let alarm = (equipment_subject(equipment), Condition::State, 0);
        let place = self.state.place(Some(equipment.clone()));
        effects.entries.push(now.entry(alarm, place, change, now.clock));
    }
}

impl State {
    /// How a piece of equipment stands, where it does not simply run.
    pub(super) fn mode(&self, equipment: &EquipmentId) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.equipment == *equipment)
    }
}

/// Suppresses these alarms of a sensor by design and no others.
pub(super) fn suppress(
    sensor: &mut Sensor,
    wanted: Conditions,
    cause: Option<Cause<'_>>,
    at: UtcMillis,
    findings: &mut Vec<Finding>,
) {
    if wanted.is_empty() && sensor.book().is_none() {
        return;
    }
    let book = sensor.book_mut();
    for condition in book.suppress(wanted).iter() {
        let quiet = Quiet::Suppressed;
        let change = if wanted.has(condition) {
            let (by, reason, until) = cause.unwrap_or_default();
            AlarmChange::Quieted {
                quiet,
                by: (!by.is_empty()).then(|| by.to_owned()),
                reason: reason.to_owned(),
                until: until.map(Until::Time),
            }
        } else {
            let (why, still) = (ResumeReason::EquipmentState, book.quiet(condition));
            AlarmChange::Resumed { quiet, why, by: None, still }
        };
        let occurrence = book.standing(condition).map_or(0, |(number, _)| number);
        findings.push(Finding { condition, occurrence, change, source_time: at });
    }
}
