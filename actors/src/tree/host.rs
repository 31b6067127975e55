//! The actor around a host: takes entries in the order of the log, hands in what they brought about, answers questions.
//!
//! It decides nothing. First start and restart are one path: wait until what an earlier life handed in is durable, read
//! the checkpoint, ask the dispatcher for the log from there on. The host's checkpoint holds the configuration in force, which
//! routing needs before the first record is replayed.

use std::sync::Arc;
use std::time::Duration;

use anlan_domain::alarm::AlarmEntry;
use anlan_domain::ids::EquipmentId;
use anlan_domain::log::{HostConfig, HostNo};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::ReadingsView;
use anlan_store::journal::Offset;
use anlan_store::state::HostCommit;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::boards::{NodeRoll, Pulse};
use super::branch::{BranchMsg, BranchRef};
use super::plan::NodeKey;
use crate::api::{LostNode, PointValue, TreeNode};
use crate::committer::{CommitOrder, HandIn};
use crate::dispatch::Control;
use crate::dispatch::feed::Feed;
use crate::dispatch::input::{Input, What};
use crate::dispatch::routes::split;
use crate::host::{Counters, Effects, Entry, Host, Readings, Run};
use crate::shared::Shared;

/// Tracking for the live hub ends when it has not asked for this long, in logged time.
const UNWATCHED_AFTER_MS: i64 = 10_000;

/// What a host actor is told and asked.
pub enum HostMsg {
    /// Durable entries of the log, in order.
    Entries {
        /// The entries.
        inputs: Vec<Input>,
        /// Room in front of the host, given back when they are handled.
        room: OwnedSemaphorePermit,
    },
    /// Entries that could not be made durable: judged on a copy, shown, and forgotten later.
    Volatile {
        /// The entries.
        inputs: Vec<Input>,
        /// As above.
        _room: OwnedSemaphorePermit,
    },
    /// There is room on disk again.
    DurableAgain,
    /// Newest values of some slots, or of all.
    Values(Option<Vec<u32>>, RpcReplyPort<Vec<(u32, PointValue)>>),
    /// Values that changed since the last time this was asked; everything the first time.
    Changes(RpcReplyPort<Vec<(u32, PointValue)>>),
    /// What it says of itself.
    Describe(RpcReplyPort<TreeNode>),
    /// Crash now: for tests of supervision.
    Crash,
}

/// Address of one life of a host.
pub type HostRef = ActorRef<HostMsg>;

/// What never changes about a host actor.
pub struct HostActor {
    /// Which host.
    pub host: HostNo,
    /// Its node name in roll-ups.
    pub node: String,
    /// Everything around it.
    pub shared: Arc<Shared>,
    /// Its parent.
    pub parent: BranchRef,
}

/// The state of a host actor.
pub struct HostState {
    life: u64,
    host: Option<Host>,
    config: Option<Arc<HostConfig>>,
    effects: Effects,
    pulse: Arc<Pulse>,
    commit_due: UtcMillis,
    commit_every_ms: i64,
    told: NodeRoll,
    /// What was told of equipment, in the host's order as it was then.
    told_equipment: Vec<(EquipmentId, NodeRoll)>,
    shadow: Option<(Host, u64)>,
    watched: Option<Watched>,
}

/// Which slots changed since the live hub last asked.
struct Watched {
    changed: Vec<bool>,
    all: bool,
    asked: UtcMillis,
}

impl Actor for HostActor {
    type Msg = HostMsg;
    type State = HostState;
    type Arguments = ();

    async fn pre_start(&self, myself: HostRef, (): ()) -> Result<HostState, ActorProcessingErr> {
        let life = self.shared.next_life();
        let (tell, flushed) = oneshot::channel();
        self.shared.commits.send(CommitOrder::Begin { host: self.host, life, flushed: tell })?;
        flushed.await?;
        let (state, host) = (self.shared.ports.state.clone(), self.host);
        let stored = tokio::task::spawn_blocking(move || state.checkpoint(host)).await??;
        let (folded, config, host) = match stored {
            None => (None, None, None),
            Some((folded, bytes)) => {
                // Noted before anything can fail: the journal is kept from here on, also while the host cannot start.
                self.shared.committed.note(self.host, folded);
                let host = Host::restore(&bytes)?;
                (Some(folded), Some(Arc::new(host.config())), Some(host))
            }
        };
        let pulse = self.shared.new_pulse(self.host);
        self.shared.host_refs.set(self.host, myself.clone());
        let next = folded.map_or(Offset(0), |folded| Offset(folded.0 + 1));
        let feed = Feed::new(self.host, life, next, config.clone(), myself, pulse.room.clone());
        self.shared
            .dispatch
            .send(Control::Attach(Box::new(feed)))
            .map_err(|_| "the dispatcher has ended")?;
        let commit_every_ms = self.shared.checkpoint_pace(self.host);
        let mut state = HostState {
            life,
            host,
            config,
            effects: Effects::default(),
            pulse,
            commit_due: UtcMillis(0),
            commit_every_ms,
            told: NodeRoll::default(),
            told_equipment: Vec::new(),
            shadow: None,
            watched: None,
        };
        self.tell(&mut state);
        Ok(state)
    }

    async fn handle(
        &self,
        _: HostRef,
        message: HostMsg,
        state: &mut HostState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            HostMsg::Entries { inputs, room } => self.take(state, inputs, room),
            HostMsg::Volatile { inputs, _room } => self.take_volatile(state, &inputs)?,
            HostMsg::DurableAgain => {
                state.shadow = None;
                self.shared.undurable.forget(self.host);
            }
            // Who asked may have stopped waiting.
            HostMsg::Values(slots, reply) => drop(reply.send(state.values(slots))),
            HostMsg::Changes(reply) => drop(reply.send(state.changes())),
            HostMsg::Describe(reply) => drop(reply.send(self.describe(state))),
            HostMsg::Crash => return Err("asked to crash".into()),
        }
        Ok(())
    }
}

impl HostActor {
    fn take(&self, state: &mut HostState, inputs: Vec<Input>, place: OwnedSemaphorePermit) {
        state.effects.clear();
        let mut now = UtcMillis(0);
        let mut configured = false;
        let before = state.counters();
        for input in inputs {
            now = input.received;
            configured |= matches!(input.what, What::Configured(_));
            self.apply(state, &input);
        }
        count(&before, &state.counters());
        state.pulse.beat(now);
        state.note_changes(now);
        let entries = std::mem::take(&mut state.effects.entries);
        let due = state.commit_due <= now;
        // Also what changes no value changes what a node shows: a grace that is over, an acknowledgement.
        let alarmed = !entries.is_empty();
        if alarmed || configured || due {
            self.commit(state, entries, configured, now, place);
        }
        let changed = !state.effects.changed.is_empty() || state.effects.all_changed;
        if changed || alarmed || configured || due {
            self.tell(state);
        }
    }

    fn apply(&self, state: &mut HostState, input: &Input) {
        if let What::Configured(config) = &input.what {
            state.config = Some(config.clone());
            if state.host.is_none() {
                state.host =
                    Some(Host::new(config, input.offset.0, input.received, &mut state.effects));
                state.effects.all_changed = true;
                return;
            }
        }
        // Before its first configuration a host has nothing that an entry could be about.
        let Some(host) = &mut state.host else { return };
        let outcome = apply(host, input.offset.0, input, &mut state.effects);
        if matches!(input.what, What::Command(_)) {
            self.shared.outcomes.post(input.offset.0, outcome);
        }
    }

    fn commit(
        &self,
        state: &mut HostState,
        entries: Vec<AlarmEntry>,
        configured: bool,
        now: UtcMillis,
        place: OwnedSemaphorePermit,
    ) {
        let Some(host) = &state.host else { return };
        state.commit_due = now.plus(state.commit_every_ms);
        let commit = HostCommit {
            host: self.host,
            folded: Offset(host.folded()),
            checkpoint: host.checkpoint().into(),
            entries,
        };
        let urgent = configured || !commit.entries.is_empty();
        let place = urgent.then_some(place);
        let hand_in = HandIn { life: state.life, commit, place };
        let order =
            if urgent { CommitOrder::Commit(hand_in) } else { CommitOrder::Checkpoint(hand_in) };
        if self.shared.commits.send(order).is_err() {
            // It ends only when the center does, and then what was decided here is decided again after the start.
            tracing::debug!(host = self.host.0, "the committer has ended");
        }
    }

    fn take_volatile(
        &self,
        state: &mut HostState,
        inputs: &[Input],
    ) -> Result<(), ActorProcessingErr> {
        let Some(host) = &state.host else { return Ok(()) };
        if state.shadow.is_none() {
            let copy = Host::restore(&host.checkpoint())?;
            let folded = copy.folded();
            state.shadow = Some((copy, folded));
        }
        let Some((shadow, offset)) = &mut state.shadow else { return Ok(()) };
        let mut effects = Effects::default();
        for input in inputs {
            *offset += 1;
            // A refused command tells nobody here: nothing volatile is a command.
            drop(apply(shadow, *offset, input, &mut effects));
        }
        if !effects.entries.is_empty() {
            metrics::counter!("anlan_alarm_undurable_total")
                .increment(effects.entries.len() as u64);
            self.shared.undurable.add(self.host, effects.entries);
        }
        Ok(())
    }

    /// Publishes roll-ups that changed and tells the parent.
    fn tell(&self, state: &mut HostState) {
        let Some(host) = &state.host else { return };
        self.tell_equipment(host, &mut state.told_equipment);
        let lost = u32::try_from(host.lost_gateways()).unwrap_or(u32::MAX);
        let faulty = u32::try_from(host.faulty_sensors()).unwrap_or(u32::MAX);
        let roll = NodeRoll { roll: host.roll_up(), lost, faulty };
        if roll != state.told {
            state.told = roll;
            self.shared.rolls.publish(roll.view(&self.node));
            let key = NodeKey::Host(self.host);
            if self.parent.send_message(BranchMsg::RollChanged { child: key, roll }).is_err() {
                tracing::debug!(host = self.host.0, "the parent of a host has ended");
            }
        }
    }

    fn tell_equipment(&self, host: &Host, told: &mut Vec<(EquipmentId, NodeRoll)>) {
        let rolls = &self.shared.rolls;
        let mut displaced = Vec::new();
        for (at, (equipment, roll)) in host.equipment().enumerate() {
            let node = NodeRoll { roll: *roll, lost: 0, faulty: 0 };
            match told.get_mut(at) {
                Some((known, said)) if known == equipment && *said == node => continue,
                Some((known, said)) if known == equipment => *said = node,
                Some(other) => {
                    displaced.push(std::mem::replace(other, (equipment.clone(), node)));
                }
                None => told.push((equipment.clone(), node)),
            }
            rolls.publish(node.view(&format!("equipment:{equipment}")));
        }
        displaced.extend(told.drain(host.equipment().count()..));
        for (equipment, said) in displaced {
            let name = format!("equipment:{equipment}");
            let gone = host.equipment().all(|(here, _)| *here != equipment);
            // It has no points here any more. Where it moved to another host, that one may have published it already.
            if gone && rolls.get(&name) == Some(said.view(&name)) {
                rolls.publish(NodeRoll::default().view(&name));
            }
        }
    }

    fn describe(&self, state: &HostState) -> TreeNode {
        let mut node = TreeNode {
            id: self.node.clone(),
            kind: "host",
            name: self.node.clone(),
            state: "running",
            restarts: 0,
            queue: state.pulse.waiting(),
            last_activity: state.pulse.last_activity(),
            sensors: 0,
            faults: 0,
            children: Vec::new(),
        };
        let Some(host) = &state.host else { return node };
        let described = host.describe();
        node.sensors = u32::try_from(described.sensors).unwrap_or(u32::MAX);
        node.faults = u32::try_from(described.faults.len()).unwrap_or(u32::MAX);
        node.children = host
            .equipment()
            .map(|(equipment, roll)| TreeNode {
                id: format!("equipment:{equipment}"),
                kind: "equipment",
                name: equipment.tag().to_owned(),
                state: "running",
                restarts: 0,
                queue: 0,
                last_activity: node.last_activity,
                sensors: roll.points(),
                faults: 0,
                children: Vec::new(),
            })
            .collect();
        for fault in &described.faults {
            let equipment = format!("equipment:{}", host.equipment_of(fault.slot as usize));
            if let Some(child) = node.children.iter_mut().find(|child| child.id == equipment) {
                child.faults += 1;
                child.restarts += fault.failures;
                child.state = "faulty";
            }
        }
        node
    }
}

/// Adds what a host has counted meanwhile to the metrics of the process.
fn count(before: &Counters, after: &Counters) {
    let readings = |counters: &Counters| counters.live_readings + counters.late_readings;
    let more = [
        ("anlan_host_readings_total", readings(before), readings(after)),
        ("anlan_host_refused_devices_total", before.refused_devices, after.refused_devices),
    ];
    for (name, before, after) in more {
        let more = after.saturating_sub(before);
        if more > 0 {
            metrics::counter!(name).increment(more);
        }
    }
}

/// Gives a host one entry.
fn apply(
    host: &mut Host,
    offset: u64,
    input: &Input,
    effects: &mut Effects,
) -> Result<(), anlan_domain::log::CommandRefused> {
    let received = input.received;
    let entry = match &input.what {
        What::Readings { gateway, header, payload, routes } => {
            let Ok(view) = ReadingsView::new(payload) else {
                // It was checked when it was decoded.
                metrics::counter!("anlan_dispatch_unreadable_total").increment(1);
                return Ok(());
            };
            let mut runs: Vec<Run<'_>> = Vec::new();
            split(&view, routes, &mut runs);
            let readings = Readings { gateway: *gateway, header, received, runs: &runs };
            return host.apply(offset, &Entry::Readings(readings), effects);
        }
        What::Status { gateway, header, status } => {
            Entry::Status { gateway: *gateway, header, received, status }
        }
        What::Link { gateway, up } => Entry::Link { gateway: *gateway, up: *up, received },
        What::CenterReady => Entry::CenterReady { received },
        What::CenterLink { up } => Entry::CenterLink { up: *up, received },
        What::Configured(config) => Entry::Configured { config, received },
        What::Command(command) => Entry::Command { command, received },
        What::Tick => Entry::Tick { received },
    };
    host.apply(offset, &entry, effects)
}

impl HostState {
    /// Readings of both lanes that reached a sensor.
    fn counters(&self) -> Counters {
        self.host.as_ref().map(Host::counters).unwrap_or_default()
    }

    fn note_changes(&mut self, now: UtcMillis) {
        let Some(watched) = &mut self.watched else { return };
        if now.since(watched.asked) > UNWATCHED_AFTER_MS {
            self.watched = None;
            return;
        }
        watched.all |= self.effects.all_changed;
        for &slot in &self.effects.changed {
            if let Some(changed) = watched.changed.get_mut(slot as usize) {
                *changed = true;
            }
        }
    }

    fn values(&self, slots: Option<Vec<u32>>) -> Vec<(u32, PointValue)> {
        let Some(host) = &self.host else { return Vec::new() };
        let slots = slots.unwrap_or_else(|| (0..).take(host.slots()).collect());
        let mut lost = LostNodes::default();
        slots.into_iter().filter_map(|slot| self.value(slot, &mut lost)).collect()
    }

    fn changes(&mut self) -> Vec<(u32, PointValue)> {
        let Some(host) = &self.host else { return Vec::new() };
        let asked = self.pulse.last_activity().unwrap_or(UtcMillis(0));
        let fresh = Watched { changed: vec![false; host.slots()], all: false, asked };
        let before = self.watched.replace(fresh);
        let slots = match before {
            Some(watched) if !watched.all && watched.changed.len() == host.slots() => (0..)
                .zip(watched.changed)
                .filter_map(|(slot, changed)| changed.then_some(slot))
                .collect(),
            _ => (0..).take(host.slots()).collect(),
        };
        self.values(Some(slots))
    }

    fn value(&self, slot: u32, lost: &mut LostNodes) -> Option<(u32, PointValue)> {
        let (host, config) = (self.host.as_ref()?, self.config.as_ref()?);
        if host.slots() <= slot as usize {
            return None;
        }
        let value = host.value(slot as usize);
        let point = config.points.get(slot as usize)?;
        let usable = !value.quality.is_bad();
        let shown = PointValue {
            point: point.id.clone(),
            value: value.value.filter(|_| usable),
            quality: value.quality,
            source: value.source.unwrap_or(UtcMillis(0)),
            received: value.received.unwrap_or(UtcMillis(0)),
            lost: value.parent_lost.then(|| lost.above(host, point)),
        };
        Some((slot, shown))
    }
}

/// Which nodes above points are lost: found out once for an answer, and only where a point needs it.
#[derive(Default)]
struct LostNodes(Option<Vec<crate::host::GatewayDescription>>);

impl LostNodes {
    fn above(&mut self, host: &Host, point: &anlan_domain::point::PointConfig) -> LostNode {
        let gateways = self.0.get_or_insert_with(|| host.describe().gateways);
        let Some(gateway) = gateways.iter().find(|g| g.id == point.gateway) else {
            return LostNode::Gateway;
        };
        let device = gateway.devices.iter().find(|(name, _)| **name == *point.device);
        if gateway.down_since.is_some() {
            LostNode::Gateway
        } else if device.is_some_and(|(_, connected)| *connected == Some(false)) {
            LostNode::Device
        } else {
            LostNode::Center
        }
    }
}

/// How often a host commits when it has nothing to tell: spread over the range by its number, so that hosts do not write
/// all at once.
#[must_use]
pub fn pace(host: HostNo, (least, most): (Duration, Duration)) -> i64 {
    let span = most.saturating_sub(least).as_millis().max(1);
    let part = u128::from(host.0.wrapping_mul(0x9E37_79B9)) % span;
    i64::try_from(least.as_millis() + part).unwrap_or(i64::MAX)
}
