//! What is sent and taken as JSON. Apart from the records of the registry, so that a column can change without the API.

use anlan_actors::api::{DeviceView, GatewayView, LostNode, PointValue, RollupView};
use anlan_domain::limits::{Limit, Limits};
use anlan_store::registry::Scope;
use anlan_store::registry::limits::LimitsVersion;
use anlan_store::registry::people::{User as UserRecord, role_code};
use anlan_store::registry::records as rec;
use anlan_store::registry::scoped::Holdings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub mod alarm;
pub mod input;

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

/// Where a person may act.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeBody {
    /// Region code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Enterprise code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
}

impl From<&Scope> for ScopeBody {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Everything => Self::default(),
            Scope::Region(code) => Self { region: Some(code.to_string()), enterprise: None },
            Scope::Enterprise(code) => Self { region: None, enterprise: Some(code.to_string()) },
        }
    }
}

/// A person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// Name by which they sign in.
    pub username: String,
    /// 姓名
    pub name: String,
    /// `officer`, `enterprise_manager`, `enterprise_responder`, `administrator`, `tester`.
    pub role: &'static str,
    /// Where.
    pub scope: ScopeBody,
    /// Until when the name is locked; for administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<i64>,
    /// Version.
    pub version: u32,
}

impl User {
    /// From the record.
    pub fn of(user: &UserRecord, locked_until: Option<i64>) -> Self {
        Self {
            username: user.username.to_string(),
            name: user.name.clone(),
            role: role_code(user.role),
            scope: (&user.scope).into(),
            locked_until,
            version: user.meta.version,
        }
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

/// A region.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Region {
    /// Code.
    pub code: String,
    /// `province`, `city`, `county`, `park`.
    #[schema(value_type = String)]
    pub level: anlan_domain::region::RegionLevel,
    /// Name.
    pub name: Names,
    /// Code of the region above.
    pub parent: Option<String>,
    /// State; `null` above the person's scope.
    pub rollup: Option<Rollup>,
    /// Middle of its enterprises.
    pub longitude: Option<f64>,
    /// Middle of its enterprises.
    pub latitude: Option<f64>,
}

/// An enterprise.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Enterprise {
    /// Code.
    pub code: String,
    /// Unified social credit code.
    pub credit_code: String,
    /// Name.
    pub name: Names,
    /// Region.
    pub region: String,
    /// GB/T 4754 class.
    pub industry_code: String,
    /// Address.
    pub address: String,
    /// Responsible person.
    pub principal: String,
    /// Their telephone.
    pub phone: String,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Gravest level of its hazard sources.
    pub hazard_level: Option<u8>,
    /// Hazard sources.
    pub hazards: u32,
    /// Pieces of equipment.
    pub equipment: u32,
    /// Points.
    pub points: u32,
    /// Cameras.
    pub cameras: u32,
    /// Equipment by kind, gas detectors as `detector`.
    pub counts_by_kind: BTreeMap<String, u32>,
    /// State.
    pub rollup: Option<Rollup>,
    /// Its gateway.
    pub gateway: Option<String>,
    /// Version.
    pub version: u32,
}

impl Enterprise {
    /// From the record and what belongs to it.
    pub fn of(e: rec::Enterprise, has: Holdings, rollup: Option<Rollup>) -> Self {
        Self {
            code: e.code.to_string(),
            credit_code: e.credit_code,
            name: Names { zh: e.name_zh, en: e.name_en },
            region: e.region.to_string(),
            industry_code: e.industry_code,
            address: e.address,
            principal: e.principal,
            phone: e.phone,
            longitude: e.longitude,
            latitude: e.latitude,
            hazard_level: has.hazard_level,
            hazards: has.hazards,
            equipment: has.equipment,
            points: has.points,
            cameras: has.cameras,
            counts_by_kind: has.by_kind.into_iter().collect(),
            rollup,
            gateway: has.gateway.map(|g| g.to_string()),
            version: e.meta.version,
        }
    }
}

/// A hazard source.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HazardSource {
    /// Code.
    pub code: String,
    /// Enterprise.
    pub enterprise: String,
    /// Name.
    pub name: Names,
    /// 1 (gravest) to 4.
    pub level: u8,
    /// Kind.
    pub kind: String,
    /// State.
    pub rollup: Option<Rollup>,
    /// Version.
    pub version: u32,
}

impl HazardSource {
    /// From the record.
    pub fn of(h: rec::HazardSource, rollup: Option<Rollup>) -> Self {
        Self {
            code: h.code.to_string(),
            enterprise: h.enterprise.to_string(),
            name: Names { zh: h.name_zh, en: h.name_en },
            level: h.level,
            kind: h.kind,
            rollup,
            version: h.meta.version,
        }
    }
}

/// A piece of equipment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Equipment {
    /// Identity.
    pub id: String,
    /// Tag.
    pub tag: String,
    /// Enterprise.
    pub enterprise: String,
    /// Hazard source.
    pub hazard: Option<String>,
    /// `tank`, `sphere`, `htank`, `unit`, `warehouse`, `area`.
    pub kind: String,
    /// Name.
    pub name: Names,
    /// Medium.
    pub medium: String,
    /// CAS number of the medium.
    pub cas: String,
    /// Volume.
    pub volume_m3: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// State.
    pub rollup: Option<Rollup>,
    /// Its points; only where one piece is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<Point>>,
    /// Version.
    pub version: u32,
}

impl Equipment {
    /// From the record.
    pub fn of(e: rec::Equipment, rollup: Option<Rollup>, points: Option<Vec<Point>>) -> Self {
        Self {
            tag: e.id.tag().to_owned(),
            id: e.id.to_string(),
            enterprise: e.enterprise.to_string(),
            hazard: e.hazard.map(|h| h.to_string()),
            kind: e.kind,
            name: Names { zh: e.name_zh, en: e.name_en },
            medium: e.medium,
            cas: e.cas,
            volume_m3: e.volume_m3,
            longitude: e.longitude,
            latitude: e.latitude,
            rollup,
            points,
            version: e.meta.version,
        }
    }
}

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
}

impl From<Limit> for LimitBody {
    fn from(l: Limit) -> Self {
        Self {
            value: l.value,
            deadband: l.deadband,
            on_delay_ms: l.on_delay_ms,
            off_delay_ms: l.off_delay_ms,
            level: l.level,
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
        let Limits { version, ll, l, h, hh, rate_per_min } = v.limits.clone();
        Self {
            version,
            hh: hh.map(Into::into),
            h: h.map(Into::into),
            l: l.map(Into::into),
            ll: ll.map(Into::into),
            rate_per_min: rate_per_min.map(Into::into),
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

/// A camera.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Camera {
    /// Identity.
    pub id: String,
    /// Enterprise.
    pub enterprise: String,
    /// Equipment that it looks at.
    pub equipment: Option<String>,
    /// Name.
    pub name: Names,
    /// Stream; for managers and administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Version.
    pub version: u32,
}

impl Camera {
    /// From the record, with or without its address.
    pub fn of(c: rec::Camera, with_url: bool) -> Self {
        Self {
            id: c.id.to_string(),
            enterprise: c.enterprise.to_string(),
            equipment: c.equipment.map(|e| e.to_string()),
            name: Names { zh: c.name_zh, en: c.name_en },
            url: with_url.then_some(c.url),
            longitude: c.longitude,
            latitude: c.latitude,
            version: c.meta.version,
        }
    }
}

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
