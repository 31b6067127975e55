//! Devices in the back-fill lane: a device that was lost while the link was down, judged late by the rule of the live lane.
//!
//! A device has no readings, only states, and its gateway tells every change of them: in the live lane, or, while the link is down,
//! in the backlog. So its second evaluator is its state, from how it stood when the gap began, and nothing about the end of the gap
//! is in doubt: the first live status says how the device stands there and since when. Lost for as long as the grace is an alarm,
//! raised at loss + grace. What it finds is settled by the table in `backfill.rs`, with what the live lane has said since the gap.
//!
//! The state is kept by every host, because the points follow it (`Late::watch`); its alarms by the general-area host alone.
//! An older gateway tells nothing of its devices in the backlog: then nothing here is touched, and nothing settled.
//!
//! What cannot be known is decided as in the live lane. Of what happened between two boots nobody was told: a loss whose grace was
//! not over begins anew with the next boot, and an alarm that stood, stands until the device answers. Where a full spool dropped a
//! status, the device is taken to have stood as the one before said. A cut in which the gateway read nothing has no backlog, so
//! the grace of a loss that ran when it began starts anew at its end. Where an alarm ended because that of the gateway carried
//! it, and the device is still lost after the cut, the live lane raises another with the same start.

use anlan_domain::alarm::{AlarmChange, ClearReason, Condition, default_level};
use anlan_domain::sensor::{Moment, amended};
use anlan_domain::time::{LineMillis, UtcMillis};
use anlan_domain::uplink::{DeviceStatus, Header, Status};
use serde::{Deserialize, Serialize};

use super::entry::Effects;
use super::path::Node;
use super::state::{Device, DeviceState, State};
use super::{Evaluator, Host, Now};

/// Second evaluator of one device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LateDevice {
    /// What the backlog said last; until it says something, how the device stood when the gap began.
    state: DeviceState,
    /// The backlog has said something about it.
    pub touched: bool,
    before: Option<Before>,
    /// Start of an alarm that began in the gap and has not ended.
    open: Option<UtcMillis>,
    live: After,
}

/// An alarm that stood before the gap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Before {
    number: u32,
    /// It had ended only because the gateway's alarm carried it.
    parted: bool,
    /// When the device answered again, in the gap.
    ended: Option<UtcMillis>,
}

/// What the live lane has said of the device since the gap.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct After {
    /// Since when it was lost, where the first thing said is that it is.
    lost_since: Option<UtcMillis>,
    /// The first alarm raised there, before it ended: it goes on with what stood.
    raised: Option<(u32, UtcMillis)>,
    ended: Option<Ended>,
}

/// The first time that the live lane said that the device answers, or is no more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ended {
    at: LineMillis,
    source: UtcMillis,
    reason: ClearReason,
}

impl Default for LateDevice {
    fn default() -> Self {
        let (state, live) = (DeviceState::Unknown, After::default());
        Self { state, touched: false, before: None, open: None, live }
    }
}

impl LateDevice {
    /// As the device stands before the first live frame after a gap says anything about it.
    pub(super) fn of(device: &Device) -> Self {
        let state = match device.state {
            DeviceState::Unknown => device.stood,
            said => said,
        };
        let standing = device.book.standing(Condition::DeviceLost).map(|(number, _)| number);
        let before = standing.or(device.parted).map(|number| Before {
            number,
            parted: standing.is_none(),
            ended: None,
        });
        Self { state, before, ..Self::default() }
    }

    /// How it stood, as far as the backlog has said.
    pub(super) fn told(&self) -> DeviceState {
        if self.touched { self.state } else { DeviceState::Unknown }
    }

    /// The next frame of the backlog is of another boot.
    pub(super) fn begin_boot(&mut self) {
        if !matches!(self.state, DeviceState::Lost { told: true, .. }) {
            self.state = DeviceState::Unknown;
        }
    }

    /// An alarm from before the gap stands.
    fn stands_from_before(&self) -> bool {
        self.before.is_some_and(|before| before.ended.is_none())
    }

    /// When its loss becomes an alarm, and since when it has been lost at the source.
    fn due(&self, grace: i64) -> Option<(LineMillis, UtcMillis)> {
        match self.state {
            DeviceState::Lost { at, since, told: false } => Some((at.plus(grace), since)),
            _ => None,
        }
    }

    /// The live lane says how the device stands.
    pub(super) fn note_live(&mut self, said: &DeviceStatus, at: LineMillis) {
        if said.connected {
            self.note_live_end(Moment { at, wall: said.since }, ClearReason::Returned);
        } else if self.live.ended.is_none() {
            self.live.lost_since.get_or_insert(said.since);
        }
    }

    pub(super) fn note_live_end(&mut self, moment: Moment, reason: ClearReason) {
        let Moment { at, wall: source } = moment;
        self.live.ended.get_or_insert(Ended { at, source, reason });
    }

    /// The live lane has raised the alarm.
    pub(super) fn note_live_alarm(&mut self, number: u32, raised_at: UtcMillis) {
        if self.live.ended.is_none() {
            self.live.raised.get_or_insert((number, raised_at));
        }
    }
}

impl<E: Evaluator> Host<E> {
    /// A status of the backlog. It never says that nothing is left: it is part of what is left.
    pub(super) fn take_late_status(
        &mut self,
        now: Now,
        gateway: usize,
        header: &Header,
        status: &Status,
        effects: &mut Effects,
    ) {
        let sealed = self.advance_backfill(now, gateway, header, effects);
        let said: Vec<_> = (status.devices.iter())
            .filter_map(|said| Some((self.state.device_index(gateway, &said.device)?, said)))
            .collect();
        for &(device, _) in &said {
            self.late_device(gateway, device).touched = true;
        }
        // Up to here everything stood as it did before.
        let passed = sealed.plus(-1);
        self.pass_device_time(now, gateway, passed, effects);
        self.pass_late_time(now, gateway, Moment { at: passed, wall: header.wall }, effects);
        let moment = Moment { at: sealed, wall: header.wall };
        for &(device, said) in &said {
            self.take_late_device(now, gateway, device, moment, said, effects);
        }
        // As in the live lane: of one that is not named nobody will hear again.
        let backfill = self.state.gateways[gateway].backfill.as_ref();
        let unnamed: Vec<_> = (backfill.into_iter().flat_map(|backfill| backfill.devices()))
            .map(|(device, _)| device)
            .filter(|device| said.iter().all(|(named, _)| named != device))
            .collect();
        for device in unnamed {
            let late = self.late_device(gateway, device);
            late.touched = true;
            late.state = DeviceState::Unknown;
            let reason = ClearReason::PointRemoved;
            self.end_late(now, gateway, device, (header.wall, reason), effects);
        }
    }

    fn take_late_device(
        &mut self,
        now: Now,
        gateway: usize,
        device: usize,
        moment: Moment,
        said: &DeviceStatus,
        effects: &mut Effects,
    ) {
        let late = self.late_device(gateway, device);
        match (said.connected, late.state) {
            (true, DeviceState::Connected(_)) | (false, DeviceState::Lost { told: true, .. }) => {}
            (false, DeviceState::Lost { since, .. }) if since == said.since => {}
            (true, _) => {
                late.state = DeviceState::Connected(moment);
                let end = (said.since, ClearReason::Returned);
                self.end_late(now, gateway, device, end, effects);
            }
            (false, _) => {
                late.state = DeviceState::Lost { at: moment.at, since: said.since, told: false };
            }
        }
    }

    /// What stood in the gap has ended there.
    fn end_late(
        &mut self,
        now: Now,
        gateway: usize,
        device: usize,
        end: (UtcMillis, ClearReason),
        effects: &mut Effects,
    ) {
        let late = self.late_device(gateway, device);
        if let Some(before) = &mut late.before {
            before.ended.get_or_insert(end.0);
        }
        if let Some(raised_at) = late.open.take() {
            self.note_late_alarm(now, device, raised_at, end, effects);
        }
    }

    /// Time passes for the devices of the oldest gap: those that were lost for as long as the grace are alarms.
    pub(super) fn pass_device_time(
        &mut self,
        now: Now,
        gateway: usize,
        passed: LineMillis,
        effects: &mut Effects,
    ) {
        let grace = i64::from(self.state.gateway_grace_ms);
        let Some(backfill) = &self.state.gateways[gateway].backfill else { return };
        let due: Vec<_> = (backfill.devices())
            .filter(|(_, late)| late.touched)
            .filter_map(|(device, late)| Some((device, late.due(grace)?)))
            .filter(|(_, (due, _))| *due <= passed)
            .collect();
        for (device, (due, since)) in due {
            let late = self.late_device(gateway, device);
            late.state = DeviceState::Lost { at: due.plus(-grace), since, told: true };
            let raised_at = since.plus(grace);
            if !late.stands_from_before() {
                late.open = Some(raised_at);
            }
            for slot in 0..self.state.cells.len() {
                if usize::from(self.state.cells[slot].device) == device {
                    self.late_parent_lost(now, gateway, slot, raised_at, effects);
                }
            }
        }
    }

    /// The device carries the alarm: what its point had raised for silence ends in the second evaluator too.
    fn late_parent_lost(
        &mut self,
        now: Now,
        gateway: usize,
        slot: usize,
        at: UtcMillis,
        effects: &mut Effects,
    ) {
        let Some(mut late) = self.state.take_late(gateway, slot) else { return };
        self.change(now, slot, effects, |host, out| {
            let mut found = Vec::new();
            late.sensor.parent_lost(at, &mut found);
            late.touched |= !found.is_empty();
            late.gather(&found, &mut host.state.cells[slot].sensor, out);
        });
        self.state.put_late(gateway, slot, late);
    }

    /// The backlog of a gap is through, and that gap is no longer among those that wait.
    pub(super) fn settle_device(
        &mut self,
        now: Now,
        gateway: usize,
        device: usize,
        late: LateDevice,
        effects: &mut Effects,
    ) {
        if !late.touched {
            return;
        }
        self.settle_before(now, gateway, device, &late, effects);
        let grace = i64::from(self.state.gateway_grace_ms);
        if let Some(raised_at) = late.open {
            match late.live {
                After { raised: Some((number, known)), .. } if raised_at < known => {
                    self.amend(now, device, number, Some(raised_at), None, effects);
                }
                After { raised: Some(_), .. } => {}
                After { ended: Some(Ended { source, reason, .. }), .. } => {
                    self.note_late_alarm(now, device, raised_at, (source, reason), effects);
                }
                After { .. } => self.go_on_lost(now, gateway, device, late.state, effects),
            }
        } else if let Some((due, since)) = late.due(grace)
            && !late.stands_from_before()
            // Another loss, or one of another boot, begins on its own.
            && late.live.lost_since == Some(since)
        {
            match late.live {
                After { raised: Some(_), .. } => {}
                After { ended: Some(Ended { at, source, reason }), .. } => {
                    if due < at {
                        let raised_at = since.plus(grace);
                        self.note_late_alarm(now, device, raised_at, (source, reason), effects);
                    }
                }
                After { .. } => self.carry_loss(now, gateway, device, (due, since), effects),
            }
        }
    }

    /// The alarm from before the gap: gives its end, where the backlog knows it better.
    fn settle_before(
        &mut self,
        now: Now,
        gateway: usize,
        device: usize,
        late: &LateDevice,
        effects: &mut Effects,
    ) {
        let Some(Before { number, parted, ended }) = late.before else { return };
        let stands = |book: Option<u32>| book == Some(number);
        let node = &self.state.devices[device];
        let live = node.book.standing(Condition::DeviceLost).map(|(number, _)| number);
        let backfill = self.state.gateways[gateway].backfill.as_mut();
        let mut later: Vec<_> =
            backfill.into_iter().flat_map(|backfill| backfill.all_of_device(device)).collect();
        let next = later.first().and_then(|next| next.before).map(|before| before.number);
        if stands(live) || (!parted && stands(next)) {
            // A dip: the device was lost again when the gap ended.
            return;
        }
        // The gateway's alarm carried it to the end of the gap; where no live alarm goes on with it, it ended there.
        let known = late.live.ended.map(|ended| ended.source);
        let Some(end) = ended.or(known.filter(|_| late.live.raised.is_none())) else { return };
        for later in &mut later {
            if later.before.is_some_and(|before| before.number == number) {
                later.before = None;
            }
        }
        let node = &mut self.state.devices[device];
        if node.parted == Some(number) {
            node.parted = None;
        }
        if parted || known != Some(end) {
            self.amend(now, device, number, None, Some(end), effects);
        }
    }

    /// An alarm of the gap has not ended: the next gap goes on with it, or the live lane does.
    fn go_on_lost(
        &mut self,
        now: Now,
        gateway: usize,
        device: usize,
        late: DeviceState,
        effects: &mut Effects,
    ) {
        let DeviceState::Lost { at, since, .. } = late else { return };
        let raised_at = since.plus(i64::from(self.state.gateway_grace_ms));
        let backfill = self.state.gateways[gateway].backfill.as_mut();
        if let Some(next) = backfill.and_then(|backfill| backfill.oldest_device(device)) {
            next.touched = true;
            next.state = DeviceState::Lost { at, since, told: true };
            if !next.stands_from_before() {
                next.open = Some(raised_at);
            }
            return;
        }
        self.device_lost(now, device, (at, since), true, effects);
        self.path_changed(now, effects);
    }

    /// A loss of the gap goes on: its grace counts from where it began.
    fn carry_loss(
        &mut self,
        now: Now,
        gateway: usize,
        device: usize,
        (due, since): (LineMillis, UtcMillis),
        effects: &mut Effects,
    ) {
        let from = due.plus(-i64::from(self.state.gateway_grace_ms));
        let node = &mut self.state.gateways[gateway];
        let live_now = node.line.now(now.clock);
        let next = node.backfill.as_mut().and_then(|backfill| backfill.oldest_device(device));
        let goes_on = match next {
            Some(next) => &mut next.state,
            None if due <= live_now => {
                // Not left to the next tick: the device may answer before it.
                let lost = DeviceState::Lost { at: from, since, told: true };
                self.go_on_lost(now, gateway, device, lost, effects);
                return;
            }
            None => &mut self.state.devices[device].state,
        };
        if let DeviceState::Lost { at, told: false, .. } = goes_on {
            *at = from.min(*at);
        }
        self.state.sweep_by(now.clock);
    }

    fn late_device(&mut self, gateway: usize, device: usize) -> &mut LateDevice {
        let backfill = self.state.gateways[gateway].backfill.as_mut();
        let late = backfill.and_then(|backfill| backfill.oldest_device(device));
        late.expect("a frame of the backlog has a gap")
    }

    /// An alarm that came and went.
    fn note_late_alarm(
        &mut self,
        now: Now,
        device: usize,
        raised_at: UtcMillis,
        (cleared_at, reason): (UtcMillis, ClearReason),
        effects: &mut Effects,
    ) {
        let node = Node::Device(device);
        if !self.state.keeps_alarm_of(node) {
            return;
        }
        let condition = Condition::DeviceLost;
        let (number, quiet) = self.state.book_of(node).note_past(condition);
        let level = default_level(condition, "", false);
        let raised = AlarmChange::Raised {
            value: None,
            limit: None,
            limits_version: 0,
            level,
            late: true,
            quiet,
        };
        let cleared = AlarmChange::Cleared { reason, value: None, latched: false };
        for (change, at) in [(raised, raised_at), (cleared, cleared_at)] {
            let alarm = (self.state.subject_of(node), condition, number);
            effects.entries.push(now.entry(alarm, self.place(None), change, at));
        }
    }

    fn amend(
        &mut self,
        now: Now,
        device: usize,
        number: u32,
        raised_at: Option<UtcMillis>,
        cleared_at: Option<UtcMillis>,
        effects: &mut Effects,
    ) {
        let condition = Condition::DeviceLost;
        let State { devices, .. } = &mut self.state;
        let book = &mut devices[device].book;
        let stands = book.standing(condition).is_some_and(|(standing, _)| standing == number);
        if let Some(raised_at) = raised_at.filter(|_| stands) {
            book.amend_start(condition, raised_at);
        }
        let finding = amended(condition, number, raised_at, cleared_at);
        let alarm = (self.state.subject_of(Node::Device(device)), condition, number);
        let entry = now.entry(alarm, self.place(None), finding.change, finding.source_time);
        effects.entries.push(entry);
    }
}
