//! What is sent and taken as JSON. Apart from the records of the registry, so that a column can change without the API.

use anlan_actors::api::RollupView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub mod alarm;
mod gateway;
pub mod input;
mod person;
mod plant;
mod point;

pub use gateway::Gateway;
pub use person::{ScopeBody, User};
pub use plant::{Camera, Enterprise, Equipment, HazardSource, Operation, Region};
pub use point::{LimitBody, LimitsBody, Point, State, Value};

/// A name in both languages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, PartialEq)]
pub struct Names {
    /// 中文
    pub zh: String,
    /// English.
    #[serde(default)]
    pub en: String,
}

impl Names {
    /// Takes both.
    pub fn of(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

/// Worst state and counts below a node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rollup {
    /// `region:CODE`, `enterprise:CODE`, `hazard:CODE`, `equipment:ID`.
    pub n: String,
    /// Gravest level that stands.
    pub worst: Option<u8>,
    /// Standing alarms by level.
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

impl From<RollupView> for Rollup {
    fn from(r: RollupView) -> Self {
        Self {
            n: r.node,
            worst: r.worst,
            open: r.open,
            unacked: r.unacked,
            returned: r.returned,
            points: r.points,
            bad: r.bad,
            uncertain: r.uncertain,
            lost: r.lost,
            faulty: r.faulty,
        }
    }
}

/// How complete and good the data of a point or an enterprise is.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Quality {
    /// Share of the minutes in which there was a reading.
    pub online: f64,
    /// Readings received over readings expected.
    pub completeness: f64,
    /// Share of the received ones that were bad.
    pub bad_share: f64,
    /// Readings expected.
    pub expected: u64,
    /// Readings received.
    pub received: u64,
    /// Of these, bad.
    pub bad: u64,
}
