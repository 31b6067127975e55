//! A gateway with its field devices: what is registered of it, and what the center sees of it now.

use anlan_actors::api::{DeviceView, GatewayView};
use anlan_store::registry::records as rec;
use serde::Serialize;
use utoipa::ToSchema;

/// A field device as its gateway tells it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Device {
    /// Name in the gateway's configuration.
    pub device: String,
    /// Whether it answers.
    pub connected: bool,
    /// Since when.
    pub since: i64,
    /// Last error.
    pub error: String,
}

impl From<&DeviceView> for Device {
    fn from(d: &DeviceView) -> Self {
        Self {
            device: d.device.clone(),
            connected: d.connected,
            since: d.since.0,
            error: d.error.clone(),
        }
    }
}

/// A gateway.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Gateway {
    /// Identity.
    pub id: String,
    /// Enterprise.
    pub enterprise: String,
    /// Name.
    pub name: String,
    /// Whether a session is open.
    pub connected: bool,
    /// Since when it is as it is; `null` where it was never seen.
    pub since: Option<i64>,
    /// Last reading received.
    pub last_reading: Option<i64>,
    /// Back-fill frames that it still holds.
    pub backlog_frames: u64,
    /// Its wall clock minus the center's.
    pub skew_ms: Option<i64>,
    /// Its field devices.
    pub devices: Vec<Device>,
    /// Software.
    pub software: String,
    /// Network address.
    pub address: String,
    /// Points bound to it.
    pub points: u32,
    /// Frames since the center started.
    pub frames: u64,
    /// Readings since the center started.
    pub readings: u64,
    /// Duplicates since the center started.
    pub duplicates: u64,
    /// Refused frames since the center started.
    pub refused: u64,
    /// Clock epoch.
    pub clock_epoch: u32,
    /// Steps of its clock.
    pub clock_steps: u32,
    /// Rows of its tables that are bound to no point of it.
    pub refused_rows: u32,
    /// The first of those rows.
    pub refused_tags: Vec<String>,
    /// Version.
    pub version: u32,
    /// The secret, once, when the gateway is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Gateway {
    /// From the record and what the center sees of it.
    pub fn of(g: rec::Gateway, points: u32, seen: Option<&GatewayView>) -> Self {
        Self {
            id: g.id.to_string(),
            enterprise: g.enterprise.to_string(),
            name: g.name,
            connected: seen.is_some_and(|s| s.connected),
            since: seen.map(|s| s.since.0),
            last_reading: seen.and_then(|s| s.last_reading).map(|t| t.0),
            backlog_frames: seen.map_or(0, |s| s.backlog_frames),
            skew_ms: seen.and_then(|s| s.skew_ms),
            devices: seen.map(|s| s.devices.iter().map(Into::into).collect()).unwrap_or_default(),
            software: seen.map(|s| s.software.clone()).unwrap_or_default(),
            address: seen.map(|s| s.address.clone()).unwrap_or_default(),
            points,
            frames: seen.map_or(0, |s| s.frames),
            readings: seen.map_or(0, |s| s.readings),
            duplicates: seen.map_or(0, |s| s.duplicates),
            refused: seen.map_or(0, |s| s.refused),
            clock_epoch: seen.map_or(0, |s| s.clock_epoch),
            clock_steps: seen.map_or(0, |s| s.clock_steps),
            refused_rows: seen.map_or(0, |s| s.refused_rows),
            refused_tags: seen.map(|s| s.refused_tags.clone()).unwrap_or_default(),
            version: g.meta.version,
            secret: None,
        }
    }
}
