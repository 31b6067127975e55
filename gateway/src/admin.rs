//! What a running gateway shows of itself, through a watch channel: for the program that embeds it (`anlan demo` runs ten
//! gateways in one process) and, later, for the gateway's own page.

use anlan_domain::uplink::DeviceStatus;

use crate::spool::Refused;

/// A gateway at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewaySnapshot {
    /// Whether the center has welcomed it and the link is believed up.
    pub connected: bool,
    /// Why it is not connected, for a person; empty where it is.
    pub trouble: String,
    /// Back-fill frames not yet acknowledged.
    pub backlog_frames: u64,
    /// Their bytes.
    pub backlog_bytes: u64,
    /// Live frames not yet acknowledged.
    pub unacknowledged_frames: u64,
    /// Frames that were dropped for want of room, ever.
    pub dropped_frames: u64,
    /// Whether the disk refuses frames, and what is kept in memory because of it.
    pub refused: Refused,
    /// Device states.
    pub devices: Vec<DeviceStatus>,
    /// The center's clock minus ours at the last welcome, in milliseconds.
    pub skew_ms: Option<i64>,
}
