//! The data path above the points: center link, gateway, device. Missing data is alarmed at the highest lost node (design,
//! point 6); what lies below turns bad without an alarm of its own.
//!
//! Every host notes how the path stands, because its points depend on it; the alarm of a gateway or a device is kept by
//! the enterprise's general-area host alone, that of the center's link by the center's host. All of them use the same times,
//! so that a point's own alarms end (上级断链) in the same entry of the log in which the node above begins to carry them.
//!
//! A device's grace runs on while its gateway says nothing and its link counts as up: waiting until the gateway is heard would
//! delay the alarm by the time between two frames. So where the center stood still (its disk was full), the first tick after it
//! may hold a device for lost that answers again; its alarm ends with the next status.

use std::collections::HashSet;

use anlan_domain::alarm::{
    AlarmChange, AlarmSubject, ClearReason, Condition, Level, default_level,
};
use anlan_domain::alarm_book::AlarmBook;
use anlan_domain::ids::GatewayId;
use anlan_domain::life_cycle::{Quiet, ResumeReason};
use anlan_domain::log::{GatewayNo, HostConfig, HostKey};
use anlan_domain::sensor::{Moment, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};
use anlan_domain::uplink::{DeviceStatus, FLAG_GAP, Header, Lane, Status};

use super::entry::Effects;
use super::late_device::LateDevice;
use super::state::{Device, DeviceState, Link, State};
use super::{Evaluator, Host, Now};

/// A sweep comes at least this often: logged time and a gateway's line can drift apart.
const SWEEP_MAX_MS: i64 = 10_000;

/// Devices without points here that the general-area host takes in for one gateway. What a gateway calls its devices is outside
/// input, and each stays in the checkpoint.
const DEVICES_MAX: usize = 256;
/// Longest name of a device that no point has, in bytes.
const DEVICE_NAME_MAX: usize = 128;

/// A node of the data path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Center,
    Gateway(usize),
    Device(usize),
}

impl Node {
    fn condition(self) -> Condition {
        match self {
            Self::Center => Condition::CenterLink,
            Self::Gateway(_) => Condition::GatewayLost,
            Self::Device(_) => Condition::DeviceLost,
        }
    }
}

impl<E: Evaluator> Host<E> {
    pub(super) fn take_link(
        &mut self,
        now: Now,
        gateway: GatewayNo,
        up: bool,
        effects: &mut Effects,
    ) {
        let Some(gateway) = self.state.gateway_index(gateway) else { return };
        if up {
            self.proven_up(now, gateway, effects);
        } else if matches!(self.state.gateways[gateway].link, Link::Up(_)) {
            self.state.gateways[gateway].link = Link::Down { since: now.clock, told: false };
            self.path_changed(now, effects);
        }
    }

    /// The gateway's link is up: its session began, or a live frame of it came.
    pub(super) fn proven_up(&mut self, now: Now, gateway: usize, effects: &mut Effects) {
        if self.state.center_lost.is_some() {
            // Whoever hears a gateway has a link of its own.
            self.take_center_link(now, true, effects);
        }
        let node = &mut self.state.gateways[gateway];
        if matches!(node.link, Link::Up(_)) {
            return;
        }
        node.link = Link::Up(Moment { at: node.line.now(now.clock), wall: now.clock });
        for device in &mut self.state.devices {
            if usize::from(device.gateway) == gateway && device.state != DeviceState::Unknown {
                device.stood = std::mem::replace(&mut device.state, DeviceState::Unknown);
            }
        }
        self.end_alarm(now, Node::Gateway(gateway), ClearReason::Returned, now.clock, effects);
        self.path_changed(now, effects);
    }

    pub(super) fn take_status(
        &mut self,
        now: Now,
        gateway: GatewayNo,
        header: &Header,
        status: &Status,
        effects: &mut Effects,
    ) {
        let Some(gateway) = self.state.gateway_index(gateway) else { return };
        if !self.state.is_new(gateway, header) {
            return;
        }
        if header.lane == Lane::Backfill {
            self.take_late_status(now, gateway, header, status, effects);
            return;
        }
        self.live_frame(now, gateway, header, effects);
        let sealed = self.state.gateways[gateway].line.now(now.clock);
        let moment = Moment { at: sealed, wall: header.wall };
        let mut differs = false;
        let after_gap = header.flags & FLAG_GAP != 0;
        if !after_gap {
            self.pass_live_device_time(now, gateway, sealed, status, effects);
        }
        for said in &status.devices {
            differs |= self.take_device_status(now, gateway, moment, after_gap, said, effects);
        }
        differs |= self.forget_devices(now, gateway, moment, status, effects);
        if differs {
            self.path_changed(now, effects);
        }
        if status.backlog_frames == 0 {
            self.end_backfill(now, gateway, effects);
        }
    }

    /// Frames that could not be sent for a while come at once, with no tick between them: a device that answers again has been lost
    /// for as long as they say. What happened in a gap the backlog tells.
    fn pass_live_device_time(
        &mut self,
        now: Now,
        gateway: usize,
        sealed: LineMillis,
        status: &Status,
        effects: &mut Effects,
    ) {
        let grace = i64::from(self.state.gateway_grace_ms);
        for said in status.devices.iter().filter(|said| said.connected) {
            if let Some(device) = self.state.device_named(gateway, &said.device)
                && let DeviceState::Lost { at, since, told: false } =
                    self.state.devices[device].state
                && at.plus(grace) < sealed
            {
                self.device_lost(now, device, (at, since), false, effects);
            }
        }
    }

    fn take_device_status(
        &mut self,
        now: Now,
        gateway: usize,
        moment: Moment,
        after_gap: bool,
        said: &DeviceStatus,
        effects: &mut Effects,
    ) -> bool {
        let sealed = moment.at;
        let Some(device) = self.state.device_index(gateway, &said.device) else { return false };
        if let Some(late) = self.state.newest_late_device(gateway, device) {
            late.note_live(said, sealed);
        }
        let state = self.state.devices[device].state;
        if said.connected {
            if matches!(state, DeviceState::Connected(_)) {
                return false;
            }
            self.state.devices[device].state = DeviceState::Connected(moment);
            self.state.devices[device].parted = None;
            self.end_alarm(now, Node::Device(device), ClearReason::Returned, said.since, effects);
        } else {
            match state {
                // Another loss: it answered in a gap, and the backlog tells when.
                DeviceState::Lost { since, told: false, .. }
                    if since != said.since && after_gap => {}
                DeviceState::Lost { .. } => return false,
                DeviceState::Connected(_) | DeviceState::Unknown => {}
            }
            self.state.devices[device].state =
                DeviceState::Lost { at: sealed, since: said.since, told: false };
        }
        true
    }

    /// A status names every device of the gateway's configuration. Of one that it does not name nobody will hear again: its alarm
    /// ends, and its points are missing if they are still to be read.
    fn forget_devices(
        &mut self,
        now: Now,
        gateway: usize,
        moment: Moment,
        status: &Status,
        effects: &mut Effects,
    ) -> bool {
        let named: HashSet<&str> = status.devices.iter().map(|said| said.device.as_str()).collect();
        let mut differs = false;
        for device in 0..self.state.devices.len() {
            let Device { gateway: of, ref name, state, .. } = self.state.devices[device];
            if usize::from(of) != gateway || named.contains(&**name) {
                continue;
            }
            if let Some(late) = self.state.newest_late_device(gateway, device) {
                late.note_live_end(moment, ClearReason::PointRemoved);
            }
            let node = &mut self.state.devices[device];
            (node.stood, node.parted) = (DeviceState::Unknown, None);
            if state == DeviceState::Unknown {
                continue;
            }
            node.state = DeviceState::Unknown;
            let reason = ClearReason::PointRemoved;
            self.end_alarm(now, Node::Device(device), reason, moment.wall, effects);
            differs = true;
        }
        differs
    }

    pub(super) fn take_center_ready(&mut self, now: Now, effects: &mut Effects) {
        for gateway in &mut self.state.gateways {
            // Whether it is lost nobody knows yet: its grace begins anew. An alarm that stands, stays.
            let told = matches!(gateway.link, Link::Down { told: true, .. });
            gateway.link = Link::Down { since: now.clock, told };
        }
        self.path_changed(now, effects);
    }

    pub(super) fn take_center_link(&mut self, now: Now, up: bool, effects: &mut Effects) {
        match (up, self.state.center_lost) {
            (false, None) => {
                self.state.center_lost = Some(now.clock);
                self.begin_alarm(now, Node::Center, now.clock, false, effects);
                for slot in 0..self.state.cells.len() {
                    self.parent_lost(now, slot, now.clock, effects);
                }
            }
            (true, Some(_)) => {
                self.state.center_lost = None;
                for gateway in &mut self.state.gateways {
                    if let Link::Down { since, told: false } = &mut gateway.link {
                        *since = now.clock;
                    }
                }
                self.end_alarm(now, Node::Center, ClearReason::Returned, now.clock, effects);
            }
            _ => return,
        }
        self.path_changed(now, effects);
    }

    /// Looks at every deadline that has passed. Cheap while none can have.
    pub(super) fn sweep(&mut self, now: Now, effects: &mut Effects) {
        if now.clock < self.state.sweep_at {
            return;
        }
        self.state.sweep_at = now.clock.plus(SWEEP_MAX_MS);
        for gateway in 0..self.state.gateways.len() {
            self.sweep_gateway(now, gateway, effects);
        }
        for device in 0..self.state.devices.len() {
            self.sweep_device(now, device, effects);
        }
        for slot in 0..self.state.cells.len() {
            if !self.state.is_early(now.clock, slot) {
                self.tick_cell(now, slot, effects);
                self.state.sweep_for(slot);
            }
        }
        self.sweep_shelves(now, effects);
        self.sweep_modes(now, effects);
        self.sweep_repeats(now, effects);
    }

    fn sweep_gateway(&mut self, now: Now, gateway: usize, effects: &mut Effects) {
        let Link::Down { since, told: false } = self.state.gateways[gateway].link else { return };
        let due = since.plus(i64::from(self.state.gateway_grace_ms));
        if self.state.center_lost.is_some() {
            return;
        }
        if now.clock < due {
            self.state.sweep_by(due);
            return;
        }
        self.state.gateways[gateway].link = Link::Down { since, told: true };
        self.begin_alarm(now, Node::Gateway(gateway), due, false, effects);
        for device in 0..self.state.devices.len() {
            if usize::from(self.state.devices[device].gateway) == gateway {
                let reason = ClearReason::ParentLost;
                let parted = self.end_alarm(now, Node::Device(device), reason, due, effects);
                let node = &mut self.state.devices[device];
                node.parted = parted.or(node.parted);
            }
        }
        for slot in 0..self.state.cells.len() {
            if usize::from(self.state.cells[slot].gateway) == gateway {
                self.parent_lost(now, slot, due, effects);
            }
        }
    }

    fn sweep_device(&mut self, now: Now, device: usize, effects: &mut Effects) {
        let DeviceState::Lost { at, since, told: false } = self.state.devices[device].state else {
            return;
        };
        let gateway = &self.state.gateways[usize::from(self.state.devices[device].gateway)];
        if !matches!(gateway.link, Link::Up(_)) || self.state.center_lost.is_some() {
            return;
        }
        let grace = i64::from(self.state.gateway_grace_ms);
        let due = at.plus(grace);
        if gateway.line.now(now.clock) < due {
            let logged = gateway.line.logged_at(due);
            self.state.sweep_by(logged);
            return;
        }
        self.device_lost(now, device, (at, since), false, effects);
    }

    /// The grace of a device is over: it carries the alarm of its points. `late`: that was found in the back-fill lane.
    pub(super) fn device_lost(
        &mut self,
        now: Now,
        device: usize,
        (at, since): (LineMillis, UtcMillis),
        late: bool,
        effects: &mut Effects,
    ) {
        self.state.devices[device].state = DeviceState::Lost { at, since, told: true };
        let raised_at = since.plus(i64::from(self.state.gateway_grace_ms));
        self.begin_alarm(now, Node::Device(device), raised_at, late, effects);
        for slot in 0..self.state.cells.len() {
            if usize::from(self.state.cells[slot].device) == device {
                self.parent_lost(now, slot, raised_at, effects);
            }
        }
    }

    fn parent_lost(&mut self, now: Now, slot: usize, at: UtcMillis, effects: &mut Effects) {
        self.change(now, slot, effects, |host, findings| {
            host.state.cells[slot].sensor.parent_lost(at, findings);
        });
    }

    /// Follows a change of the path down to the points.
    pub(super) fn path_changed(&mut self, now: Now, effects: &mut Effects) {
        for device in 0..self.state.devices.len() {
            self.state.devices[device].watch = self.state.watch_below(device);
        }
        self.state.recount();
        self.state.sweep_by(now.clock);
        effects.all_changed = true;
    }

    /// Gateways that a new configuration does not list any more: their alarms end with them.
    pub(super) fn remove_gateways(&mut self, now: Now, config: &HostConfig, effects: &mut Effects) {
        let gone: Vec<bool> = (self.state.gateways.iter())
            .map(|gateway| config.gateways.iter().all(|(_, id)| *id != gateway.id))
            .collect();
        let devices = (0..self.state.devices.len())
            .filter(|&device| gone[usize::from(self.state.devices[device].gateway)])
            .map(Node::Device);
        let gateways = (0..gone.len()).filter(|&gateway| gone[gateway]).map(Node::Gateway);
        for node in gateways.chain(devices).collect::<Vec<_>>() {
            self.end_alarm(now, node, ClearReason::PointRemoved, now.clock, effects);
        }
    }

    fn begin_alarm(
        &mut self,
        now: Now,
        node: Node,
        at: UtcMillis,
        late: bool,
        effects: &mut Effects,
    ) {
        if !self.state.keeps_alarm_of(node) {
            return;
        }
        let condition = node.condition();
        let level: Level = default_level(condition, "", false);
        let book = self.state.book_of(node);
        if book.standing(condition).is_some() {
            return;
        }
        let (occurrence, quiet) = book.raise(condition, level, at);
        if let Node::Device(device) = node {
            self.state.devices[device].parted = None;
            let gateway = usize::from(self.state.devices[device].gateway);
            if let Some(late) = self.state.newest_late_device(gateway, device) {
                late.note_live_alarm(occurrence, at);
            }
        }
        let change =
            AlarmChange::Raised { value: None, limit: None, limits_version: 0, level, late, quiet };
        let subject = self.state.subject_of(node);
        let place = self.place(None);
        effects.entries.push(now.entry((subject, condition, occurrence), place, change, at));
    }

    /// Gives its number, where it stood.
    fn end_alarm(
        &mut self,
        now: Now,
        node: Node,
        reason: ClearReason,
        at: UtcMillis,
        effects: &mut Effects,
    ) -> Option<u32> {
        let condition = node.condition();
        let book = self.state.book_of(node);
        let occurrence = book.clear(condition)?;
        let shelf_over = book.end_one_shot(condition);
        let still = book.quiet(condition);
        let subject = self.state.subject_of(node);
        let place = self.place(None);
        let mut enter = |occurrence, change| {
            let alarm = (subject.clone(), condition, occurrence);
            effects.entries.push(now.entry(alarm, place.clone(), change, at));
        };
        enter(occurrence, AlarmChange::Cleared { reason, value: None, latched: false });
        if shelf_over {
            let (quiet, why) = (Quiet::Shelved, ResumeReason::Returned);
            enter(0, AlarmChange::Resumed { quiet, why, by: None, still });
        }
        Some(occurrence)
    }
}

impl State {
    /// A device in the newest gap of its gateway, if there is one: what live readings are said after.
    fn newest_late_device(&mut self, gateway: usize, device: usize) -> Option<&mut LateDevice> {
        self.gateways[gateway].backfill.as_mut()?.newest_device(device)
    }

    /// What follows for the points of a device from how the path above them stands.
    fn watch_below(&self, device: usize) -> Watch {
        let Device { gateway, state, .. } = &self.devices[device];
        let Link::Up(up) = self.gateways[usize::from(*gateway)].link else {
            return Watch::ParentLost;
        };
        match *state {
            _ if self.center_lost.is_some() => Watch::ParentLost,
            DeviceState::Lost { .. } => Watch::ParentLost,
            DeviceState::Connected(since) => Watch::Running(since),
            // A gateway that says nothing of its devices is believed after its grace.
            DeviceState::Unknown => {
                let grace = i64::from(self.gateway_grace_ms);
                Watch::Running(Moment { at: up.at.plus(grace), wall: up.wall.plus(grace) })
            }
        }
    }

    /// After a gap of the live lane the timers of missing data begin anew: what lies in the gap comes in the other lane.
    pub(super) fn watch_anew(&mut self, gateway: usize, wall: UtcMillis) {
        let at = self.gateways[gateway].line.sealed();
        for device in &mut self.devices {
            if usize::from(device.gateway) != gateway {
                continue;
            }
            if let DeviceState::Connected(since) = &mut device.state
                && since.at < at
            {
                *since = Moment { at, wall };
            }
            if let Watch::Running(since) = &mut device.watch
                && since.at < at
            {
                *since = Moment { at, wall };
            }
        }
    }

    /// The device of a gateway by its name. The general-area host takes in devices that no point of its own has.
    pub(super) fn device_index(&mut self, gateway: usize, name: &str) -> Option<usize> {
        let found = self.device_named(gateway, name);
        if found.is_some() || !matches!(self.key, HostKey::General(_)) {
            return found;
        }
        let of_gateway = self.devices.iter().filter(|d| usize::from(d.gateway) == gateway).count();
        if DEVICE_NAME_MAX < name.len()
            || DEVICES_MAX <= of_gateway
            || usize::from(u16::MAX) <= self.devices.len()
        {
            self.counters.refused_devices += 1;
            return None;
        }
        let gateway = u16::try_from(gateway).expect("a host has few gateways");
        Some(self.add_device(gateway, name))
    }

    fn device_named(&self, gateway: usize, name: &str) -> Option<usize> {
        self.devices.iter().position(|d| usize::from(d.gateway) == gateway && *d.name == *name)
    }

    pub(super) fn keeps_alarm_of(&self, node: Node) -> bool {
        match node {
            Node::Center => self.key == HostKey::Center,
            Node::Gateway(_) | Node::Device(_) => matches!(self.key, HostKey::General(_)),
        }
    }

    pub(super) fn book_of(&mut self, node: Node) -> &mut AlarmBook {
        match node {
            Node::Center => &mut self.center_book,
            Node::Gateway(gateway) => &mut self.gateways[gateway].book,
            Node::Device(device) => &mut self.devices[device].book,
        }
    }

    pub(super) fn subject_of(&self, node: Node) -> AlarmSubject {
        AlarmSubject(match node {
            Node::Center => "center".into(),
            Node::Gateway(gateway) => gateway_subject(&self.gateways[gateway].id).into(),
            Node::Device(device) => {
                let Device { gateway, name, .. } = &self.devices[device];
                device_subject(&self.gateways[usize::from(*gateway)].id, name).into()
            }
        })
    }

    /// Nodes of the data path whose alarms this host keeps.
    fn kept_nodes(&self) -> impl Iterator<Item = Node> + '_ {
        std::iter::once(Node::Center)
            .chain((0..self.gateways.len()).map(Node::Gateway))
            .chain((0..self.devices.len()).map(Node::Device))
            .filter(|&node| self.keeps_alarm_of(node))
    }

    /// The book of a node of the data path that this host keeps, by the subject of its alarms.
    pub(super) fn path_book(&mut self, subject: &str) -> Option<&mut AlarmBook> {
        let node = self.kept_nodes().find(|&node| *self.subject_of(node).0 == *subject)?;
        Some(self.book_of(node))
    }

    /// The books of all nodes of the data path that this host keeps.
    pub(super) fn path_books(&self) -> impl Iterator<Item = (AlarmSubject, &AlarmBook)> {
        self.kept_nodes().map(|node| {
            let book = match node {
                Node::Center => &self.center_book,
                Node::Gateway(gateway) => &self.gateways[gateway].book,
                Node::Device(device) => &self.devices[device].book,
            };
            (self.subject_of(node), book)
        })
    }
}

/// Subject of the alarms of a gateway. No tag has a colon, so it is no point's.
pub(super) fn gateway_subject(gateway: &GatewayId) -> String {
    format!("gateway:{gateway}")
}

/// Subject of the alarms of a device.
pub(super) fn device_subject(gateway: &GatewayId, name: &str) -> String {
    format!("device:{gateway}/{name}")
}
