//! What the center offers to the web layer: one trait, so that neither knows the other's insides.
//!
//! The web layer decides who may ask; every call here takes or returns things that name their enterprise, so that scope can
//! be checked on the way in and out.

use std::sync::Arc;

use anlan_domain::alarm::AlarmEntry;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, PointId};
use anlan_domain::log::{Command, CommandRefused, HostNo};
use anlan_domain::quality::Quality;
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use anlan_store::history::{DayQuality, Trend};
use anlan_store::state::{AlarmRecord, AlarmSeq};
use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::mpsc;

/// Why a call had no effect.
#[derive(Debug, thiserror::Error)]
pub enum CenterError {
    /// The fold refused the command.
    #[error(transparent)]
    Refused(#[from] CommandRefused),
    /// Nothing of that name is running.
    #[error("{0} is not known to the center")]
    Unknown(String),
    /// The center is starting, or has stopped taking commands because they cannot be made durable.
    #[error("the center is not ready: {0}")]
    NotReady(String),
}

/// The newest value of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointValue {
    /// Which point.
    pub point: PointId,
    /// `None` when the quality is bad.
    pub value: Option<f64>,
    /// Quality as the source gave it.
    pub quality: Quality,
    /// When it was true.
    pub source: UtcMillis,
    /// When the center received it.
    pub received: UtcMillis,
    /// A node above that is lost; the value is not current then.
    pub lost: Option<LostNode>,
}

/// Node of the data path that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LostNode {
    /// The field device.
    Device,
    /// The gateway.
    Gateway,
    /// The center's own link.
    Center,
}

/// Worst state and counts below a node, by level 1 to 4.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RollupView {
    /// `region:CODE`, `enterprise:CODE`, `hazard:CODE`, `equipment:ID`.
    #[serde(rename = "n")]
    pub node: String,
    /// Gravest level that stands.
    pub worst: Option<u8>,
    /// Standing alarms.
    pub open: [u32; 4],
    /// Of those: not acknowledged.
    pub unacked: [u32; 4],
    /// Returned to normal and not acknowledged, of all levels.
    pub returned: u32,
    /// Points below.
    pub points: u32,
    /// Points with bad quality or a lost node above.
    pub bad: u32,
    /// Points with uncertain quality.
    pub uncertain: u32,
    /// Its gateway is lost.
    pub lost: bool,
    /// An actor below keeps failing.
    pub faulty: bool,
}

/// State of a gateway as the center sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayView {
    /// Which gateway.
    pub id: GatewayId,
    /// Whether a session is open.
    pub connected: bool,
    /// Since when it is as it is.
    pub since: UtcMillis,
    /// Receive time of the last reading.
    pub last_reading: Option<UtcMillis>,
    /// Back-fill frames that the gateway still holds.
    pub backlog_frames: u64,
    /// Gateway's wall clock minus the center's; `None` before the first frame.
    pub skew_ms: Option<i64>,
    /// Its field devices.
    pub devices: Vec<DeviceView>,
    /// Software version that it told.
    pub software: String,
    /// Peer address of the session.
    pub address: String,
    /// Frames, readings, duplicates and refused frames since the center started.
    pub frames: u64,
    /// See `frames`.
    pub readings: u64,
    /// See `frames`.
    pub duplicates: u64,
    /// See `frames`.
    pub refused: u64,
    /// Clock epoch that the gateway states.
    pub clock_epoch: u32,
    /// Steps of its clock that the center saw.
    pub clock_steps: u32,
    /// Rows of its tables that are bound to no point of this gateway: what they carry is refused.
    pub refused_rows: u32,
    /// The first of those rows, by tag.
    pub refused_tags: Vec<String>,
}

/// State of a field device as its gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceView {
    /// As the gateway's configuration names it.
    pub device: String,
    /// Whether it answers.
    pub connected: bool,
    /// Since when.
    pub since: UtcMillis,
    /// Last error, for a person.
    pub error: String,
}

/// One node of the supervision tree, as it describes itself.
#[derive(Clone, Debug, Serialize)]
pub struct TreeNode {
    /// Unique in the tree.
    pub id: String,
    /// `center`, `region`, `enterprise`, `host`, `equipment`, `gateway_session`, `journal`, `hub` …
    pub kind: &'static str,
    /// For a person.
    pub name: String,
    /// `running`, `restarting`, `faulty`, `stopped`.
    pub state: &'static str,
    /// Restarts since the center started.
    pub restarts: u32,
    /// Messages that wait.
    pub queue: u64,
    /// Last message handled.
    pub last_activity: Option<UtcMillis>,
    /// Hosted sensors.
    pub sensors: u32,
    /// Readings set aside, sensors faulty.
    pub faults: u32,
    /// What it supervises.
    pub children: Vec<TreeNode>,
}

/// What a live subscription is about. The web layer has checked it against the person's scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Roll-ups and gateways of a region.
    Region(RegionCode),
    /// Roll-ups and values of an enterprise.
    Enterprise(EnterpriseCode),
    /// Values of equipment.
    Equipment(Vec<EquipmentId>),
    /// Values of points.
    Points(Vec<PointId>),
}

/// One message of the live hub: encoded once, shared between all who get it. `body` is the JSON object without its
/// leading `{` and without `id`, so that a client's own id can be put in front without encoding again.
#[derive(Clone, Debug)]
pub struct LiveMessage {
    /// Which topic it is of.
    pub topic: Arc<Topic>,
    /// `"type":"values","at":…,"values":[…]}`
    pub body: Arc<str>,
}

/// What the center offers.
#[async_trait]
pub trait Center: Send + Sync + 'static {
    /// Whether everything is replayed and readings are taken; else what it waits for.
    fn ready(&self) -> Result<(), String>;

    /// Makes what a person wants of an alarm durable and applies it. Authorisation is the caller's.
    async fn command(&self, command: Command) -> Result<(), CenterError>;

    /// As [`Self::command`] for many, in their order, each with its own outcome; the waiting is shared.
    async fn commands(&self, commands: Vec<Command>) -> Vec<Result<(), CenterError>> {
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            outcomes.push(self.command(command).await);
        }
        outcomes
    }

    /// The registry has changed: what it says now of these hosts comes into force, each at its own place in the log; what it says
    /// of where things stand is followed; and a gateway that signed in with another secret than it has now signs in anew. Hosts are
    /// named and not described, so that of two changes at once the later one is what stays.
    async fn configure(&self, hosts: Vec<HostNo>) -> Result<(), CenterError>;

    /// Newest values of points; those unknown are left out.
    async fn values(&self, points: Vec<PointId>) -> Vec<PointValue>;

    /// Roll-ups by node name; those unknown are left out.
    async fn rollups(&self, nodes: Vec<String>) -> Vec<RollupView>;

    /// Every gateway.
    fn gateways(&self) -> Vec<GatewayView>;

    /// The supervision tree, each node as it describes itself, asked with a time limit.
    async fn tree(&self) -> TreeNode;

    /// Begins a live subscription: a snapshot first, then changes. The channel is bounded; a reader that is slow misses
    /// intermediate values and next gets a fresh snapshot.
    async fn subscribe(&self, topic: Topic) -> Result<mpsc::Receiver<LiveMessage>, CenterError>;

    /// Entries of the alarm log after `after`, at most `limit`; waits up to `wait_ms` for the first.
    async fn alarms_after(
        &self,
        after: AlarmSeq,
        limit: usize,
        wait_ms: u64,
    ) -> Vec<Arc<AlarmRecord>>;

    /// The end of the alarm log.
    fn last_alarm(&self) -> AlarmSeq;

    /// What the center decided while nothing could be made durable (未落盘): shown, marked, and decided again from the
    /// gateways' resend once there is room. Empty in normal times.
    fn undurable_alarms(&self) -> Vec<AlarmEntry> {
        Vec::new()
    }

    /// Wakes when [`Self::undurable_alarms`] has changed; `None` where that never happens.
    fn undurable_changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        None
    }

    /// Trend of a point over `from..to` in at most `pixels` columns: history joined with what is not yet in it.
    async fn trend(
        &self,
        point: PointId,
        from: UtcMillis,
        to: UtcMillis,
        pixels: usize,
    ) -> Result<Trend, CenterError> {
        let _ = (from, to, pixels);
        Err(CenterError::Unknown(point.to_string()))
    }

    /// Counts of readings by UTC day, as far as they are in the history.
    async fn day_quality(
        &self,
        point: PointId,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<DayQuality>, CenterError> {
        let _ = (from, to);
        Err(CenterError::Unknown(point.to_string()))
    }
}
