//! Everything a host knows, in the shape in which it is checkpointed.

use std::collections::VecDeque;

use anlan_domain::alarm_book::AlarmBook;
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId};
use anlan_domain::log::{GatewayNo, HostKey, HostNo};
use anlan_domain::rollup::RollUp;
use anlan_domain::sensor::{Moment, Reading, Rules, Sensor, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};
use anlan_domain::uplink::{Boot, Lane};
use serde::{Deserialize, Serialize};

use super::backfill::Backfill;
use super::line::Line;
use super::names::Names;

/// State of a host: a function of the entries applied so far, and of nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub host: HostNo,
    pub key: HostKey,
    pub enterprise: Option<EnterpriseCode>,
    pub gateway_grace_ms: u32,
    /// Offset of the last entry applied.
    pub folded: u64,
    /// The latest logged time; never steps back, even where the log's does.
    pub clock: UtcMillis,
    /// Logged time before which no deadline can have passed.
    pub sweep_at: UtcMillis,
    pub names: Names,
    /// Settings in use, shared by cells.
    pub rules: Vec<Rules>,
    /// Settings that were in force before, for back-filled readings: tag, until when (on the line), settings.
    pub past_rules: Vec<PastRules>,
    pub cells: Vec<Cell>,
    pub equipment: Vec<Equipment>,
    pub gateways: Vec<Gateway>,
    pub devices: Vec<Device>,
    /// Equipment that does not simply run.
    pub modes: Vec<Mode>,
    /// Since when the center's own link is lost.
    pub center_lost: Option<UtcMillis>,
    /// Alarms of the center's own link; kept by the center's host alone.
    pub center_book: AlarmBook,
    /// Books of points that were taken out of the configuration: their numbers are never used again.
    pub retired: Vec<(Box<str>, AlarmBook)>,
    /// Readings that crashed their sensor twice, newest last; bounded.
    pub set_aside: VecDeque<SetAside>,
    pub counters: Counters,
}

/// One hosted sensor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cell {
    pub sensor: Sensor,
    /// Logged time of its last reading.
    pub received: UtcMillis,
    pub fault: Option<Box<Fault>>,
    pub rules: u32,
    pub equipment: u16,
    pub gateway: u16,
    pub device: u16,
}

/// One hosted piece of equipment: what it shows is the sum of its sensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Equipment {
    pub id: EquipmentId,
    pub roll_up: RollUp,
}

/// A piece of equipment that does not simply run, as a person declared it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mode {
    pub equipment: EquipmentId,
    pub state: EquipmentState,
    /// When it runs by itself.
    pub until: Option<UtcMillis>,
    pub by: String,
    pub reason: String,
}

/// A gateway that writes to this host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Gateway {
    pub no: GatewayNo,
    pub id: GatewayId,
    pub link: Link,
    pub line: Line,
    /// Last sequence number taken per boot and lane, newest boots last; bounded.
    pub taken: Vec<(Boot, Lane, u64)>,
    /// Alarms of the gateway itself; kept by the general-area host alone.
    pub book: AlarmBook,
    pub backfill: Option<Box<Backfill>>,
}

/// Whether a gateway is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Link {
    Up(Moment),
    /// Since when, in logged time; `told` when its grace is over and it carries the alarm of what is below.
    Down {
        since: UtcMillis,
        told: bool,
    },
}

/// A field device behind a gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Device {
    pub gateway: u16,
    pub name: Box<str>,
    pub state: DeviceState,
    /// Its state when the gateway's link was lost last: what a gap began with, while nothing has been said since.
    pub stood: DeviceState,
    /// Its alarm that ended only because that of the gateway carried it, while it is not known to have answered since.
    pub parted: Option<u32>,
    /// What follows for its points.
    pub watch: Watch,
    /// Alarms of the device itself; kept by the general-area host alone.
    pub book: AlarmBook,
}

/// What its gateway last said about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DeviceState {
    /// Nothing since the gateway's link came up.
    Unknown,
    Connected(Moment),
    /// Since when on the line, and at the source; `told` when its grace is over.
    Lost {
        at: LineMillis,
        since: UtcMillis,
        told: bool,
    },
}

/// Settings of a point that are in force no more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PastRules {
    pub tag: Box<str>,
    pub until: LineMillis,
    pub rules: Rules,
}

/// A hosted sensor that crashed and has not yet lived a while since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fault {
    /// Crashes in a row.
    pub failures: u32,
    pub last_crash: UtcMillis,
    /// It is started again then.
    pub retry_at: UtcMillis,
    /// Readings that wait for it.
    pub waiting: VecDeque<Waiting>,
}

/// A reading that waits for its sensor to be started again.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub reading: Reading,
    pub received: UtcMillis,
}

/// A reading that crashed its sensor twice, kept for whoever repairs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// Tag of the point.
    pub tag: Box<str>,
    /// The reading; `None` when the passing of time crashed it.
    pub reading: Option<Reading>,
    /// Offset of the entry that brought it.
    pub offset: u64,
    /// Logged time.
    pub received: UtcMillis,
}

/// What a host counts. Part of the fold, so that a replay shows the same numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Readings of the live lane that reached a sensor.
    pub live_readings: u64,
    /// Readings of the back-fill lane that reached a second evaluator.
    pub late_readings: u64,
    /// Frames that had been taken before.
    pub duplicate_frames: u64,
    /// Readings for a slot that is not there or that belongs to another gateway.
    pub misrouted_readings: u64,
    /// Crashes of hosted sensors.
    pub crashes: u64,
    /// Readings set aside, ever.
    pub set_aside: u64,
    /// Times that a status named a device beyond what a host takes in.
    pub refused_devices: u64,
}
