//! A small enterprise for tests of the host: one gateway, two devices, points with limits, and a log that is written as
//! it is applied, so that a test can replay any part of it.

#![allow(dead_code)]

use std::sync::Arc;

use anlan_actors::host::{Effects, Entry, Evaluator, Host, Readings, Rulebook, Run};
use anlan_domain::alarm::{AlarmChange, AlarmEntry, AlarmId, Condition};
use anlan_domain::detect::Delays;
use anlan_domain::detect::detector::{Detector, DetectorSettings};
use anlan_domain::ids::{EnterpriseCode, HazardCode};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::log::{Command, CommandRefused, GatewayNo, HostConfig, HostKey, HostNo};
use anlan_domain::point::{PointConfig, PointKind, PointNo, PointSettings};
use anlan_domain::quality::Quality;
use anlan_domain::suppression::Suppression;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    Boot, DeviceStatus, FLAG_GAP, GroupBuilder, Header, Kind, Lane, ReadingsView, Status,
    encode_readings,
};

/// The gateway of the plant.
pub const GATEWAY: GatewayNo = GatewayNo(1);
/// Logged time and gateway wall time at the beginning.
pub const START: i64 = 1_800_000_000_000;
/// Grace of gateways and devices.
pub const GRACE_MS: i64 = 10_000;

/// A limit without deadband and delays.
pub fn limit(value: f64) -> Limit {
    Limit { value, ..Limit::default() }
}

/// H 80, HH 90, L 20, LL 10 on a range of 0 to 100, scanned once a second.
pub fn limits() -> Limits {
    Limits {
        version: 1,
        ll: Some(limit(10.0)),
        l: Some(limit(20.0)),
        h: Some(limit(80.0)),
        hh: Some(limit(90.0)),
        ..Limits::default()
    }
}

pub fn settings(limits: Limits) -> PointSettings {
    PointSettings {
        kind: PointKind::Analog,
        signal: "level".into(),
        unit: "%".into(),
        range: (0.0, 100.0),
        scan_ms: 1_000,
        missing_scans: 3,
        frozen_after_ms: None,
        limits,
        of_hazard_source: true,
        chatter: None,
        suppression: Suppression::default(),
        detectors: Box::default(),
    }
}

/// A detector that clears at once.
pub fn detector(condition: &str, text: &str, on_ms: u32) -> DetectorSettings {
    let condition = Condition::from_code(condition).unwrap();
    let detector = Detector::parse(condition, text).unwrap();
    DetectorSettings { detector, delays: Delays { on_ms, off_ms: 0 }, level: None }
}

pub fn point(n: u32, settings: &Arc<PointSettings>) -> PointConfig {
    PointConfig {
        no: PointNo(100 + n),
        id: format!("410205001.LT-{n}").parse().unwrap(),
        equipment: format!("410205001.V-{}", n / 4).parse().unwrap(),
        gateway: "41020500101".parse().unwrap(),
        device: if n < 4 { "plc-1" } else { "plc-2" }.into(),
        settings: settings.clone(),
    }
}

pub fn config(points: u32) -> HostConfig {
    let settings = Arc::new(settings(limits()));
    HostConfig {
        host: HostNo(7),
        key: HostKey::General(EnterpriseCode::new("410205001").unwrap()),
        enterprise: Some(EnterpriseCode::new("410205001").unwrap()),
        gateways: vec![(GATEWAY, "41020500101".parse().unwrap())],
        points: (0..points).map(|n| point(n, &settings)).collect(),
        gateway_grace_ms: u32::try_from(GRACE_MS).unwrap(),
    }
}

pub fn hazard_config(points: u32) -> HostConfig {
    HostConfig { key: HostKey::Hazard(HazardCode::new("410205001001").unwrap()), ..config(points) }
}

/// A recorded entry of the log.
#[derive(Clone, Debug)]
pub enum Logged {
    Frame { header: Header, payload: Vec<u8>, received: UtcMillis },
    Status { header: Header, status: Status, received: UtcMillis },
    Link { up: bool, received: UtcMillis },
    CenterReady { received: UtcMillis },
    CenterLink { up: bool, received: UtcMillis },
    Configured { config: HostConfig, received: UtcMillis },
    Command { command: Command, received: UtcMillis },
    Tick { received: UtcMillis },
}

impl Logged {
    /// Applies it, routing a gateway's handle to the slot of the same number.
    pub fn apply<E: Evaluator>(
        &self,
        host: &mut Host<E>,
        offset: u64,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        match self {
            Self::Frame { header, payload, received } => {
                let view = ReadingsView::new(payload).unwrap();
                let mut runs = Vec::new();
                for group in view.groups() {
                    match group.contiguous_from() {
                        Some(slot) => {
                            runs.push(Run { group, start: 0, len: group.count, slot });
                        }
                        None => runs.extend((0..group.count).map(|i| Run {
                            group,
                            start: i,
                            len: 1,
                            slot: group.handle(i),
                        })),
                    }
                }
                let readings =
                    Readings { gateway: GATEWAY, header, received: *received, runs: &runs };
                host.apply(offset, &Entry::Readings(readings), effects)
            }
            Self::Status { header, status, received } => host.apply(
                offset,
                &Entry::Status { gateway: GATEWAY, header, received: *received, status },
                effects,
            ),
            Self::Link { up, received } => host.apply(
                offset,
                &Entry::Link { gateway: GATEWAY, up: *up, received: *received },
                effects,
            ),
            Self::CenterReady { received } => {
                host.apply(offset, &Entry::CenterReady { received: *received }, effects)
            }
            Self::CenterLink { up, received } => {
                host.apply(offset, &Entry::CenterLink { up: *up, received: *received }, effects)
            }
            Self::Configured { config, received } => {
                host.apply(offset, &Entry::Configured { config, received: *received }, effects)
            }
            Self::Command { command, received } => {
                host.apply(offset, &Entry::Command { command, received: *received }, effects)
            }
            Self::Tick { received } => {
                host.apply(offset, &Entry::Tick { received: *received }, effects)
            }
        }
    }
}

/// A gateway's side of the uplink: clocks and sequences.
#[derive(Clone, Debug)]
pub struct Uplink {
    pub boot: Boot,
    pub live: u64,
    pub late: u64,
    /// Monotonic clock at `START`.
    pub mono_base: u64,
    /// Error of the wall clock.
    pub skew: i64,
    pub epoch: u32,
    pub gap: bool,
}

impl Uplink {
    pub fn booted(n: u8) -> Self {
        Self {
            boot: Boot([n; 16]),
            live: 0,
            late: 0,
            mono_base: 5_000,
            skew: 0,
            epoch: 0,
            gap: true,
        }
    }

    pub fn header(&mut self, kind: Kind, lane: Lane, at: i64) -> Header {
        let seq = match lane {
            Lane::Live => &mut self.live,
            Lane::Backfill => &mut self.late,
        };
        *seq += 1;
        let seq = *seq;
        let gap = lane == Lane::Live && std::mem::take(&mut self.gap);
        Header {
            kind,
            lane,
            flags: if gap { FLAG_GAP } else { 0 },
            boot: self.boot,
            seq,
            wall: UtcMillis(START + at + self.skew),
            mono: MonoMillis(self.mono_base.wrapping_add_signed(at)),
            epoch: self.epoch,
        }
    }
}

/// A host with its gateway and everything that was logged.
pub struct Plant<E: Evaluator = Rulebook> {
    pub host: Host<E>,
    pub uplink: Uplink,
    pub log: Vec<Logged>,
    pub effects: Effects,
    /// Milliseconds since `START`.
    pub now: i64,
}

impl Plant<Rulebook> {
    /// Connected, devices connected, nothing read yet.
    pub fn new(points: u32) -> Self {
        Self::of(Rulebook, config(points))
    }

    pub fn configured(config: HostConfig) -> Self {
        Self::of(Rulebook, config)
    }
}

impl<E: Evaluator> Plant<E> {
    pub fn of(evaluator: E, config: HostConfig) -> Self {
        let mut effects = Effects::default();
        let host = Host::with(evaluator, &config, 1, UtcMillis(START), &mut effects);
        let mut plant = Self {
            host,
            uplink: Uplink::booted(1),
            log: vec![Logged::Configured { config, received: UtcMillis(START) }],
            effects,
            now: 0,
        };
        plant.link(true);
        plant.status(true, 0);
        plant
    }

    pub fn received(&self) -> UtcMillis {
        UtcMillis(START + self.now)
    }

    pub fn put(&mut self, logged: Logged) -> Result<(), CommandRefused> {
        self.log.push(logged.clone());
        logged.apply(&mut self.host, self.log.len() as u64, &mut self.effects)
    }

    pub fn link(&mut self, up: bool) {
        let received = self.received();
        self.put(Logged::Link { up, received }).unwrap();
    }

    pub fn status(&mut self, connected: bool, backlog: u64) {
        self.device_status(&[("plc-1", connected), ("plc-2", connected)], backlog);
    }

    pub fn device_status(&mut self, devices: &[(&str, bool)], backlog: u64) {
        let header = self.uplink.header(Kind::Status, Lane::Live, self.now);
        let devices = devices
            .iter()
            .map(|&(device, connected)| DeviceStatus {
                device: device.to_owned(),
                connected,
                since: header.wall,
                last_error: String::new(),
            })
            .collect();
        let status = Status { devices, backlog_frames: backlog, ..Status::default() };
        let received = self.received();
        self.put(Logged::Status { header, status, received }).unwrap();
    }

    /// A status of the backlog, sealed at `at`, that says since when each device is (not) connected.
    pub fn late_status(&mut self, at: i64, devices: &[(&str, bool, i64)]) {
        let header = self.uplink.header(Kind::Status, Lane::Backfill, at);
        self.said(header, devices, 90);
    }

    /// A live status, sealed now, that says since when each device is (not) connected.
    pub fn live_status(&mut self, devices: &[(&str, bool, i64)], backlog: u64) {
        let header = self.uplink.header(Kind::Status, Lane::Live, self.now);
        self.said(header, devices, backlog);
    }

    fn said(&mut self, header: Header, devices: &[(&str, bool, i64)], backlog_frames: u64) {
        let devices = devices
            .iter()
            .map(|&(device, connected, since)| DeviceStatus {
                device: device.to_owned(),
                connected,
                since: UtcMillis(START + since + self.uplink.skew),
                last_error: String::new(),
            })
            .collect();
        let status = Status { devices, backlog_frames, ..Status::default() };
        let received = self.received();
        self.put(Logged::Status { header, status, received }).unwrap();
    }

    /// Live readings of consecutive slots, taken and received at `at`.
    pub fn live(&mut self, at: i64, first: u32, values: &[f64]) {
        let readings: Vec<_> = values.iter().map(|&v| (v, Quality::GOOD)).collect();
        self.readings(Lane::Live, at, at, first, &readings);
    }

    pub fn live_bad(&mut self, at: i64, first: u32, count: usize) {
        self.readings(Lane::Live, at, at, first, &vec![(0.0, Quality::COMM_FAILURE); count]);
    }

    /// Back-filled readings taken at `at`, received now.
    pub fn late(&mut self, at: i64, first: u32, values: &[f64]) {
        let readings: Vec<_> = values.iter().map(|&v| (v, Quality::GOOD)).collect();
        self.readings(Lane::Backfill, at, self.now, first, &readings);
    }

    pub fn readings(
        &mut self,
        lane: Lane,
        at: i64,
        received: i64,
        first: u32,
        readings: &[(f64, Quality)],
    ) {
        let group = GroupBuilder {
            age_ms: 0,
            handles: (first..).take(readings.len()).collect(),
            qualities: readings.iter().map(|r| r.1).collect(),
            values: readings.iter().map(|r| r.0).collect(),
            source_walls: Vec::new(),
        };
        self.now = self.now.max(received);
        let header = self.uplink.header(Kind::Readings, lane, at);
        let payload = encode_readings(0, &[group]);
        self.put(Logged::Frame { header, payload, received: UtcMillis(START + received) }).unwrap();
    }

    pub fn tick(&mut self, at: i64) {
        self.now = self.now.max(at);
        self.put(Logged::Tick { received: UtcMillis(START + at) }).unwrap();
    }

    pub fn acknowledge(&mut self, alarm: &str) -> Result<(), CommandRefused> {
        let alarm = AlarmId::try_from(alarm.to_owned()).unwrap();
        let command =
            Command::Acknowledge { alarm, by: "wang.li".to_owned(), comment: "seen".to_owned() };
        self.command(command)
    }

    pub fn command(&mut self, command: Command) -> Result<(), CommandRefused> {
        let received = self.received();
        self.put(Logged::Command { command, received })
    }

    /// The alarm log as lines: what, which, when at the source.
    pub fn story(&self) -> Vec<String> {
        self.effects.entries.iter().map(line).collect()
    }

    /// Takes the alarm log so far.
    pub fn take_story(&mut self) -> Vec<String> {
        let story = self.story();
        self.effects.entries.clear();
        story
    }

    /// What a host comes to that takes the whole log anew, with a crash after entry `k`.
    pub fn replayed(&self, evaluator: E, again: E, k: usize) -> (Vec<AlarmEntry>, Vec<u8>) {
        let Logged::Configured { config, received } = &self.log[0] else { unreachable!() };
        let mut effects = Effects::default();
        let mut host = Host::with(evaluator, config, 1, *received, &mut effects);
        for (offset, logged) in (2..).zip(&self.log[1..k]) {
            let _ = logged.apply(&mut host, offset, &mut effects);
        }
        let checkpoint = host.checkpoint();
        drop(host);
        let mut host = Host::restore_with(again, &checkpoint).unwrap();
        assert_eq!(host.checkpoint(), checkpoint, "a checkpoint that is restored writes itself");
        // The replay may begin too early: what is folded already has no effect.
        for (offset, logged) in (1..).zip(&self.log) {
            let _ = logged.apply(&mut host, offset, &mut effects);
        }
        (effects.entries, host.checkpoint())
    }
}

/// One entry of the alarm log as a line.
pub fn line(entry: &AlarmEntry) -> String {
    let id = entry.alarm.to_string();
    let id = id.strip_prefix("410205001.").unwrap_or(&id).to_owned();
    let at = entry.source_time.0 - START;
    match &entry.change {
        AlarmChange::Raised { value, late, quiet, .. } => {
            let late = if *late { " late" } else { "" };
            let value = value.map_or(String::new(), |v| format!(" at {v}"));
            let quiet = quiet.map_or(String::new(), |quiet| format!(" {}", quiet.code()));
            format!("{id} raised{late}{quiet}{value} @{at}")
        }
        AlarmChange::Cleared { latched: true, .. } => format!("{id} latched @{at}"),
        AlarmChange::Chattering { crossings, over } => {
            let what = if *over { "calm" } else { "chatters" };
            format!("{id} {what} {crossings} @{at}")
        }
        AlarmChange::Repeated => format!("{id} again @{at}"),
        AlarmChange::Reset { by, .. } => {
            format!("{id} reset by {} @{at}", by.as_deref().unwrap_or("itself"))
        }
        AlarmChange::Cleared { reason, .. } => format!("{id} cleared {reason:?} @{at}"),
        AlarmChange::Acknowledged { by, .. } => format!("{id} acknowledged by {by} @{at}"),
        AlarmChange::Amended { raised_at, cleared_at } => {
            let since = raised_at.map_or(String::new(), |t| format!(" since {}", t.0 - START));
            let until = cleared_at.map_or(String::new(), |t| format!(" until {}", t.0 - START));
            format!("{id} amended{since}{until}")
        }
        AlarmChange::Quieted { quiet, .. } => format!("{id} {} @{at}", quiet.code()),
        AlarmChange::Resumed { quiet, why, still, .. } => {
            let still = still.map_or(String::new(), |still| format!(", still {}", still.code()));
            format!("{id} no longer {} {why:?}{still} @{at}", quiet.code())
        }
        AlarmChange::EquipmentState { state, by, reason, .. } => {
            let (of, by) = (&entry.alarm.subject.0, by.as_deref().unwrap_or_default());
            format!("{of} {} {by} {reason} @{at}", state.code())
        }
        AlarmChange::Commented { by, comment } => format!("{id} {by}: {comment} @{at}"),
        AlarmChange::Taken { by, .. } => format!("{id} taken by {by} @{at}"),
        AlarmChange::Disposed { by, cause, measure, .. } => {
            format!("{id} disposed by {by} as {cause}, {measure} @{at}")
        }
    }
}
