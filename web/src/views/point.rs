//! A point with its limits and its newest value.

use anlan_actors::api::{LostNode, PointValue};
use anlan_domain::limits::{Limit, Limits};
use anlan_store::registry::limits::LimitsVersion;
use anlan_store::registry::records as rec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Names;

/// A state of a discrete point.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct State {
    /// Number.
    pub value: i32,
    /// Name.
    pub name: Names,
    /// Being in it is an alarm.
    #[serde(default)]
    pub alarm: bool,
}

/// One limit.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitBody {
    /// In the unit of the point.
    pub value: f64,
    /// Acts on clearing alone.
    #[serde(default)]
    pub deadband: f64,
    /// Delay before raising.
    #[serde(default)]
    pub on_delay_ms: u32,
    /// Delay before clearing.
    #[serde(default)]
    pub off_delay_ms: u32,
    /// 1 (gravest) to 4; the default of its condition where absent.
    #[serde(default)]
    pub level: Option<u8>,
    /// An alarm that stands calls again this long after it was acknowledged: 0 never, else a minute to a week.
    #[serde(default)]
    pub realarm_ms: u32,
    /// An alarm that returned to normal stays until somebody resets it.
    #[serde(default)]
    pub latching: bool,
}

impl From<Limit> for LimitBody {
    fn from(l: Limit) -> Self {
        Self {
            value: l.value,
            deadband: l.deadband,
            on_delay_ms: l.on_delay_ms,
            off_delay_ms: l.off_delay_ms,
            level: l.level,
            realarm_ms: l.realarm_ms,
            latching: l.latching,
        }
    }
}

impl From<LimitBody> for Limit {
    fn from(l: LimitBody) -> Self {
        Self {
            value: l.value,
            deadband: l.deadband,
            on_delay_ms: l.on_delay_ms,
            off_delay_ms: l.off_delay_ms,
            level: l.level,
            realarm_ms: l.realarm_ms,
            latching: l.latching,
        }
    }
}

/// The limits of a point, one version of them.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct LimitsBody {
    /// Version; 0 where none was ever saved.
    pub version: u32,
    /// 高高报
    pub hh: Option<LimitBody>,
    /// 高报
    pub h: Option<LimitBody>,
    /// 低报
    pub l: Option<LimitBody>,
    /// 低低报
    pub ll: Option<LimitBody>,
    /// Largest rate of change, per minute.
    pub rate_per_min: Option<LimitBody>,
    /// While HH stands and calls people, H is kept quiet.
    pub exclusive_high: bool,
    /// While LL stands and calls people, L is kept quiet.
    pub exclusive_low: bool,
    /// Who saved it.
    pub by: Option<String>,
    /// When.
    pub at: Option<i64>,
    /// Why.
    pub reason: String,
}

impl LimitsBody {
    /// From the newest version, if there is one.
    pub fn of(version: Option<&LimitsVersion>) -> Self {
        let Some(v) = version else { return Self::default() };
        let Limits { version, ll, l, h, hh, rate_per_min, exclusive_high, exclusive_low } =
            v.limits.clone();
        Self {
            version,
            hh: hh.map(Into::into),
            h: h.map(Into::into),
            l: l.map(Into::into),
            ll: ll.map(Into::into),
            rate_per_min: rate_per_min.map(Into::into),
            exclusive_high,
            exclusive_low,
            by: Some(v.by.clone()),
            at: Some(v.at.0),
            reason: v.reason.clone(),
        }
    }
}

/// The newest value of a point.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Value {
    /// `null` when the quality is bad.
    pub v: Option<f64>,
    /// OPC DA quality.
    pub q: u16,
    /// When it was true.
    pub s: i64,
    /// When the center received it.
    pub r: i64,
    /// The lost node above the point: `gateway`, `device`, `center`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub x: Option<LostNode>,
}

impl From<&PointValue> for Value {
    fn from(v: &PointValue) -> Self {
        Self { v: v.value, q: v.quality.0, s: v.source.0, r: v.received.0, x: v.lost }
    }
}

/// A point.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Point {
    /// Identity.
    pub id: String,
    /// Tag.
    pub tag: String,
    /// Equipment.
    pub equipment: String,
    /// Gateway.
    pub gateway: String,
    /// Field device.
    pub device: String,
    /// Name.
    pub name: Names,
    /// `analog` or `discrete`.
    pub kind: String,
    /// Signal type.
    pub signal: String,
    /// What it is to its equipment.
    pub role: String,
    /// Unit.
    pub unit: String,
    /// Engineering range.
    pub range: [f64; 2],
    /// Decimals shown.
    pub decimals: u8,
    /// Scan interval.
    pub scan_ms: u32,
    /// Scans without a reading after which it is missing.
    pub missing_scans: u16,
    /// Unchanged for this long is frozen; 0 watches none.
    pub frozen_ms: u32,
    /// States of a discrete point.
    pub states: Vec<State>,
    /// How long the alarm state must hold before its alarm is raised; 0 for an analog point.
    pub on_delay_ms: u32,
    /// How long another state must hold before that alarm clears; 0 for an analog point.
    pub off_delay_ms: u32,
    /// The state alarm calls again this long after it was acknowledged; 0 never.
    pub realarm_ms: u32,
    /// The state alarm stays until somebody resets it.
    pub latching: bool,
    /// So many raises and returns of one alarm within the window are chattering; 0 never.
    pub chatter_transitions: u8,
    /// The window.
    pub chatter_window_ms: u32,
    /// Limits in their newest version.
    pub limits: LimitsBody,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Newest value.
    pub value: Option<Value>,
    /// Version.
    pub version: u32,
}

impl Point {
    /// From the record, its limits and its newest value.
    pub fn of(p: rec::Point, limits: Option<&LimitsVersion>, value: Option<Value>) -> Self {
        Self {
            tag: p.id.tag().to_owned(),
            id: p.id.to_string(),
            equipment: p.equipment.to_string(),
            gateway: p.gateway.to_string(),
            device: p.device,
            name: Names { zh: p.name_zh, en: p.name_en },
            kind: p.kind,
            signal: p.signal,
            role: p.role,
            unit: p.unit,
            range: [p.range_lo, p.range_hi],
            decimals: p.decimals,
            scan_ms: p.scan_ms,
            missing_scans: p.missing_scans,
            frozen_ms: p.frozen_ms,
            on_delay_ms: p.on_delay_ms,
            off_delay_ms: p.off_delay_ms,
            realarm_ms: p.realarm_ms,
            latching: p.latching,
            chatter_transitions: p.chatter_transitions,
            chatter_window_ms: p.chatter_window_ms,
            states: p
                .states
                .0
                .into_iter()
                .map(|s| State {
                    value: s.value,
                    name: Names { zh: s.zh, en: s.en },
                    alarm: s.alarm,
                })
                .collect(),
            limits: LimitsBody::of(limits),
            longitude: p.longitude,
            latitude: p.latitude,
            value,
            version: p.meta.version,
        }
    }
}
