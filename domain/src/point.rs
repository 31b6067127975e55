//! What a monitored point is: its kind, unit, engineering range, scan, and the limits in force.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::detect::detector::DetectorSettings;
use crate::ids::{EquipmentId, GatewayId, PointId};
use crate::limits::Limits;
use crate::suppression::Suppression;

/// Number of a point in the registry: small, never reused; what stores and hot paths use in place of [`PointId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointNo(pub u32);

/// What the value of a point means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PointKind {
    /// A measured quantity.
    Analog,
    /// A state, carried as a whole number. Where `alarm_state` is given, that state is an alarm.
    Discrete {
        /// The state that raises a state alarm.
        alarm_state: Option<i32>,
        /// How long the state must hold before the alarm is raised.
        on_delay_ms: u32,
        /// How long another state must hold before the alarm clears.
        off_delay_ms: u32,
        /// 再次报警: see `Limit::realarm_ms`.
        realarm_ms: u32,
        /// 闩锁: see `Limit::latching`.
        latching: bool,
    },
}

impl PointKind {
    /// A discrete point that neither repeats its alarm nor latches it.
    #[must_use]
    pub const fn discrete(alarm_state: Option<i32>, on_delay_ms: u32, off_delay_ms: u32) -> Self {
        let (realarm_ms, latching) = (0, false);
        Self::Discrete { alarm_state, on_delay_ms, off_delay_ms, realarm_ms, latching }
    }

    /// The state that is an alarm.
    #[must_use]
    pub const fn alarm_state(&self) -> Option<i32> {
        match *self {
            Self::Analog => None,
            Self::Discrete { alarm_state, .. } => alarm_state,
        }
    }

    /// How long after it was acknowledged the state alarm calls again; 0 never.
    #[must_use]
    pub const fn state_realarm_ms(&self) -> u32 {
        match *self {
            Self::Analog => 0,
            Self::Discrete { realarm_ms, .. } => realarm_ms,
        }
    }

    /// Whether the state alarm stays until somebody resets it.
    #[must_use]
    pub const fn state_latches(&self) -> bool {
        matches!(*self, Self::Discrete { latching: true, .. })
    }

    /// On-delay and off-delay of the state alarm.
    #[must_use]
    pub const fn state_delays_ms(&self) -> (u32, u32) {
        match *self {
            Self::Analog => (0, 0),
            Self::Discrete { on_delay_ms, off_delay_ms, .. } => (on_delay_ms, off_delay_ms),
        }
    }
}

/// Everything about a point that its decision step needs. Equal settings are shared between points, so that hundreds
/// of thousands of sensors of a few kinds cost a pointer each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSettings {
    /// Analog or discrete.
    pub kind: PointKind,
    /// Signal type (`level`, `pressure`, `temperature`, `flow`, `gas_combustible`, `gas_toxic`, `oxygen`, `state` …).
    pub signal: Box<str>,
    /// Unit as stored, never converted silently.
    pub unit: Box<str>,
    /// Engineering range, low and high.
    pub range: (f64, f64),
    /// Scan interval; a point is missing after `missing_scans` of them.
    pub scan_ms: u32,
    /// Number of scans without a reading after which the point is missing. 3 by default (design language §9: stale).
    pub missing_scans: u16,
    /// A signal that has not changed at all for this long is reported as frozen; `None` watches no freezing.
    pub frozen_after_ms: Option<u32>,
    /// The limits in force.
    pub limits: Limits,
    /// Whether the equipment belongs to a hazard source: decides default levels (design, point 7).
    pub of_hazard_source: bool,
    /// 振荡: when an alarm of it counts as chattering; `None` never.
    pub chatter: Option<Chatter>,
    /// Which of its alarms are suppressed in which state of its equipment.
    pub suppression: Suppression,
    /// Conditions beyond limits; at most one of each kind.
    pub detectors: Box<[DetectorSettings]>,
}

/// When an alarm counts as chattering: that many raises and returns within the window (ISA-18.2: 3 within a minute, recalled).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chatter {
    /// Transitions, 3 or more.
    pub transitions: u8,
    /// Width of the window; so long it must then be calm before it clears.
    pub window_ms: u32,
}

/// A point as the host that runs it knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PointConfig {
    /// Number in the registry.
    pub no: PointNo,
    /// Identity.
    pub id: PointId,
    /// The equipment that it measures.
    pub equipment: EquipmentId,
    /// The gateway that may write it.
    pub gateway: GatewayId,
    /// The device, by the name that the gateway's configuration gives it.
    pub device: Box<str>,
    /// Settings, shared between equal points.
    pub settings: Arc<PointSettings>,
}
