//! The hosting layer: equipment and sensors as small supervised actors inside one host.
//!
//! A sensor is an actor in all but its mailbox: private state, one message at a time, a failure of its own, a restart with
//! backoff from its last good state, and a description. What it does not have is a task and a queue of its own, because
//! there are hundreds of thousands (`docs/adr/0002-hosting-and-fold.md` has the numbers). The host takes a batch of
//! readings as one message, gives each sensor its own, and isolates a panic to that one.
//!
//! **A host is a fold.** [`Host::apply`] is the only way in: the state is a function of the entries applied so far, and `now`
//! is the logged time of the entry. So a replay from a checkpoint comes to the same alarms, with the same numbers and times:
//!
//! ```text
//! fold(all)  ==  restore(checkpoint after k)  +  fold(rest)
//! ```
//!
//! What is not here: durability (the caller writes entries, checkpoint and offset in one batch), routing, and people.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anlan_domain::alarm::{AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, Condition};
use anlan_domain::ids::{EnterpriseCode, EquipmentId};
use anlan_domain::log::{CommandRefused, HostConfig, HostKey};
use anlan_domain::quality::QualityClass;
use anlan_domain::restart::RestartPolicy;
use anlan_domain::rollup::RollUp;
use anlan_domain::sensor::{Finding, Reading, Rules, Sensor, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};

mod backfill;
mod checkpoint;
mod configure;
mod describe;
mod detect;
mod entry;
mod isolate;
mod late_device;
mod line;
mod names;
mod operate;
mod path;
mod people;
mod readings;
mod seam;
mod state;

pub use checkpoint::{CHECKPOINT_VERSION, CheckpointError};
pub use describe::{FaultDescription, GatewayDescription, HostDescription, Value};
pub use entry::{Effects, Entry, Readings, Run};
pub use state::{Counters, SetAside};

use state::State;

/// Judges readings for a sensor. The product has one, [`Rulebook`]; a test may have another, for instance one that panics.
pub trait Evaluator: Send + 'static {
    /// Takes a good reading that can change nothing but the value, and says whether it was one. Must do what `step` would,
    /// and must not panic: it is not isolated.
    fn calm(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        value: f64,
        at: LineMillis,
        source: UtcMillis,
    ) -> bool;

    /// Takes any reading.
    fn step(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        reading: &Reading,
        watch: Watch,
        findings: &mut Vec<Finding>,
    );

    /// Takes note that time has passed.
    fn tick(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        now: LineMillis,
        watch: Watch,
        findings: &mut Vec<Finding>,
    );
}

/// The decision step of `domain`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rulebook;

impl Evaluator for Rulebook {
    #[inline]
    fn calm(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        value: f64,
        at: LineMillis,
        source: UtcMillis,
    ) -> bool {
        sensor.calm(rules, value, at, source)
    }

    fn step(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        reading: &Reading,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        sensor.step(rules, reading, watch, findings);
    }

    fn tick(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        now: LineMillis,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        sensor.tick(rules, now, watch, findings);
    }
}

/// A host with everything that it hosts.
#[derive(Debug)]
pub struct Host<E: Evaluator = Rulebook> {
    evaluator: E,
    restart: RestartPolicy,
    state: State,
}

/// Where in the log we are while an entry is applied.
#[derive(Clone, Copy, Debug)]
struct Now {
    offset: u64,
    /// Logged time, never stepping back.
    clock: UtcMillis,
}

impl Host<Rulebook> {
    /// A host that has seen nothing yet but its configuration, logged at `offset`.
    #[must_use]
    pub fn new(
        config: &HostConfig,
        offset: u64,
        received: UtcMillis,
        effects: &mut Effects,
    ) -> Self {
        Self::with(Rulebook, config, offset, received, effects)
    }

    /// A host as it was when it wrote `checkpoint`.
    ///
    /// # Errors
    /// When the bytes are damaged, or were written by a version with another layout.
    pub fn restore(checkpoint: &[u8]) -> Result<Self, CheckpointError> {
        Self::restore_with(Rulebook, checkpoint)
    }
}

impl<E: Evaluator> Host<E> {
    /// Like [`Host::new`], with another evaluator.
    #[must_use]
    pub fn with(
        evaluator: E,
        config: &HostConfig,
        offset: u64,
        received: UtcMillis,
        effects: &mut Effects,
    ) -> Self {
        let state = State::empty(config, received);
        let mut host = Self { evaluator, restart: RestartPolicy::default(), state };
        // A new host and a changed one take their configuration by the same path.
        let entry = Entry::Configured { config, received };
        host.apply(offset, &entry, effects).expect("only a command can be refused");
        host
    }

    /// Like [`Host::restore`], with another evaluator.
    ///
    /// # Errors
    /// When the bytes are damaged, or were written by a version with another layout.
    pub fn restore_with(evaluator: E, checkpoint: &[u8]) -> Result<Self, CheckpointError> {
        let state = checkpoint::read(checkpoint)?;
        Ok(Self { evaluator, restart: RestartPolicy::default(), state })
    }

    /// Everything that the host knows: versioned, with a check sum. To be written together with the entries that
    /// [`Self::apply`] gave since the last one, and with [`Self::folded`].
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        checkpoint::write(&self.state)
    }

    /// Offset of the last entry applied: a replay goes on after it.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.state.folded
    }

    /// Applies one entry of the log. An entry at or before [`Self::folded`] has been applied and is skipped.
    ///
    /// # Errors
    /// A command that has no effect says why; every other entry is taken as it is.
    pub fn apply(
        &mut self,
        offset: u64,
        entry: &Entry<'_>,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        if offset <= self.state.folded {
            return Ok(());
        }
        self.state.folded = offset;
        self.state.clock = self.state.clock.max(entry.received());
        let now = Now { offset, clock: self.state.clock };
        match *entry {
            Entry::Readings(ref readings) => self.take_readings(now, readings, effects),
            Entry::Status { gateway, header, status, .. } => {
                self.take_status(now, gateway, header, status, effects);
            }
            Entry::Link { gateway, up, .. } => self.take_link(now, gateway, up, effects),
            Entry::CenterReady { .. } => self.take_center_ready(now, effects),
            Entry::CenterLink { up, .. } => self.take_center_link(now, up, effects),
            Entry::Configured { config, .. } => self.configure(now, config, effects),
            Entry::Command { command, .. } => return self.take_command(now, command, effects),
            Entry::Tick { .. } => self.sweep(now, effects),
        }
        Ok(())
    }

    fn place(&self, slot: Option<usize>) -> AlarmPlace {
        self.state.place(slot.map(|slot| self.state.equipment_of(slot)))
    }

    /// Enters what a sensor found into the alarm log.
    fn emit(&self, now: Now, slot: usize, findings: &[Finding], effects: &mut Effects) {
        if findings.is_empty() {
            return;
        }
        let subject = self.state.subject(self.state.names.tag(slot));
        let place = self.place(Some(slot));
        effects.entries.extend(findings.iter().map(|finding| {
            now.entry(
                (subject.clone(), finding.condition, finding.occurrence),
                place.clone(),
                finding.change.clone(),
                finding.source_time,
            )
        }));
    }

    /// Lets something happen to one sensor, and keeps the alarm log and the roll-up of its equipment true.
    fn change(
        &mut self,
        now: Now,
        slot: usize,
        effects: &mut Effects,
        change: impl FnOnce(&mut Self, &mut Vec<Finding>),
    ) {
        let before = self.state.contribution(slot);
        let mut findings = Vec::new();
        change(self, &mut findings);
        self.state.settle_pairs(now, slot, &mut findings);
        self.state.note_live_findings(slot, &findings);
        self.state.settle_roll_up(slot, &before);
        self.emit(now, slot, &findings, effects);
    }
}

impl Now {
    fn entry(
        self,
        (subject, condition, occurrence): (AlarmSubject, Condition, u32),
        place: AlarmPlace,
        change: AlarmChange,
        source_time: UtcMillis,
    ) -> AlarmEntry {
        AlarmEntry {
            alarm: AlarmId { subject, condition, occurrence },
            place,
            change,
            source_time,
            received_time: self.clock,
            log_offset: self.offset,
        }
    }
}

impl State {
    fn tag_of<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let enterprise = self.enterprise.as_ref()?.as_str();
        subject.strip_prefix(enterprise)?.strip_prefix('.')
    }

    fn subject(&self, tag: &str) -> AlarmSubject {
        let enterprise = self.enterprise.as_ref().map_or("", EnterpriseCode::as_str);
        AlarmSubject(format!("{enterprise}.{tag}").into())
    }

    fn place(&self, equipment: Option<EquipmentId>) -> AlarmPlace {
        let hazard = match &self.key {
            HostKey::Hazard(hazard) => Some(hazard.clone()),
            HostKey::Center | HostKey::General(_) => None,
        };
        AlarmPlace { enterprise: self.enterprise.clone(), hazard, equipment }
    }

    fn equipment_of(&self, slot: usize) -> EquipmentId {
        self.equipment[usize::from(self.cells[slot].equipment)].id.clone()
    }

    fn watch(&self, slot: usize) -> Watch {
        self.devices[usize::from(self.cells[slot].device)].watch
    }

    /// How good the data of a point is, everything above it considered.
    fn class(&self, slot: usize) -> QualityClass {
        let sensor = &self.cells[slot].sensor;
        if self.watch(slot) == Watch::ParentLost || sensor.standing().has(Condition::Missing) {
            QualityClass::Bad
        } else {
            sensor.quality().class()
        }
    }

    /// What one sensor adds to the roll-up of its equipment.
    fn contribution(&self, slot: usize) -> RollUp {
        let mut roll_up = RollUp::default();
        roll_up.count_point(self.class(slot));
        if let Some(book) = self.cells[slot].sensor.book() {
            roll_up.count_alarms(book);
        }
        roll_up
    }

    /// What happened to HH or LL may concern H or L.
    fn settle_pairs(&mut self, now: Now, slot: usize, findings: &mut Vec<Finding>) {
        let cell = &mut self.cells[slot];
        cell.sensor.settle_pairs(&self.rules[cell.rules as usize], now.clock, findings);
    }

    fn settle_roll_up(&mut self, slot: usize, before: &RollUp) {
        let after = self.contribution(slot);
        if after != *before {
            let equipment = usize::from(self.cells[slot].equipment);
            let roll_up = &mut self.equipment[equipment].roll_up;
            roll_up.subtract(before);
            roll_up.add(&after);
        }
    }

    /// Counts every roll-up anew: where much changes at once.
    fn recount(&mut self) {
        for equipment in &mut self.equipment {
            equipment.roll_up = RollUp::default();
        }
        for slot in 0..self.cells.len() {
            let part = self.contribution(slot);
            let equipment = usize::from(self.cells[slot].equipment);
            self.equipment[equipment].roll_up.add(&part);
        }
    }

    /// A deadline is near: the next tick must look.
    fn sweep_by(&mut self, at: UtcMillis) {
        self.sweep_at = self.sweep_at.min(at);
    }
}

/// Runs `work` and says whether it came to its end. What it changed counts only then: the caller gives it a copy.
fn isolated(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_ok()
}
