//! The kinds of objects, their fields, and what is wrong with one by itself or in what it refers to.
//!
//! Whose an object is, its identity says (`domain::ids`); a record that names another enterprise than its own identity is
//! refused here. Positions are WGS 84 degrees; none of them is required, because plants come in before surveyors.

use std::fmt;

use anlan_domain::ids::{
    CameraId, CreditCode, EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId,
};
use anlan_domain::limits::realarm_is_good;
use anlan_domain::region::RegionCode;

use super::column::{Column, damaged};
use super::record::{Reference, record};
use super::{Problem, RegistryError};
use crate::sql::{Row, Separated};

/// Kinds of equipment, as symbols and interfaces name them.
pub const EQUIPMENT_KINDS: [&str; 6] = ["tank", "sphere", "htank", "unit", "warehouse", "area"];
/// Kinds of points.
pub const POINT_KINDS: [&str; 2] = ["analog", "discrete"];
/// Longest delay of a state alarm: a day.
pub const STATE_DELAY_MS_MAX: u32 = 86_400_000;

record! {
    /// Region (GB/T 2260) or chemical park.
    Region in "regions", "region", numbered: false,
    dependents: [("enterprises", "region", "enterprises"), ("map_features", "region", "map features"), ("duty_units", "region", "duty units")],
    {
        /// Code.
        code: RegionCode,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// `/410000/410200/`: derived from the code by [`path_of`].
        path: String,
    }
    enterprise: |_| None,
    check: |r| [name("name_zh", &r.name_zh), (r.path != path_of(&r.code)).then(|| Problem::new("path", "must follow from the code"))].into_iter().flatten().collect(),
    references: |_| Vec::new(),
}

record! {
    /// Enterprise.
    Enterprise in "enterprises", "enterprise", numbered: false,
    dependents: [
        ("hazard_sources", "enterprise", "hazard sources"), ("equipment", "enterprise", "pieces of equipment"),
        ("gateways", "enterprise", "gateways"), ("cameras", "enterprise", "cameras"), ("map_features", "enterprise", "map features"),
        ("duty_units", "enterprise", "duty units"),
    ],
    {
        /// 企业编码
        code: EnterpriseCode,
        /// 统一社会信用代码; may be empty.
        credit_code: String,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// Park if it lies in one, else its county.
        region: RegionCode,
        /// GB/T 4754 class.
        industry_code: String,
        /// 地址
        address: String,
        /// Degrees east.
        longitude: Option<f64>,
        /// Degrees north.
        latitude: Option<f64>,
        /// 主要负责人
        principal: String,
        /// Their telephone.
        phone: String,
    }
    enterprise: |e| Some(e.code.clone()),
    check: |e| {
        let credit = (!e.credit_code.is_empty()).then(|| CreditCode::new(&e.credit_code).err()).flatten();
        [name("name_zh", &e.name_zh), credit.map(|error| Problem::new("credit_code", error.to_string()))]
            .into_iter().flatten().chain(position(e.longitude, e.latitude)).collect()
    },
    references: |e| vec![("region", Region::TABLE, e.region.to_string())],
}

record! {
    /// 重大危险源
    HazardSource in "hazard_sources", "hazard source", numbered: false,
    dependents: [("equipment", "hazard", "pieces of equipment")],
    {
        /// 危险源编码
        code: HazardCode,
        /// Its enterprise.
        enterprise: EnterpriseCode,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// 一级 (gravest) to 四级, GB 18218.
        level: u8,
        /// `tank_farm`, `unit`, `warehouse` …
        kind: String,
    }
    enterprise: |h| Some(h.enterprise.clone()),
    check: |h| [
        name("name_zh", &h.name_zh),
        whose("code", &h.code.enterprise(), &h.enterprise),
        (!(1..=4).contains(&h.level)).then(|| Problem::new("level", format!("{} is no level of a hazard source: 1 (gravest) to 4", h.level))),
    ].into_iter().flatten().collect(),
    references: |h| vec![("enterprise", Enterprise::TABLE, h.enterprise.to_string())],
}

record! {
    /// Tank, unit, warehouse or area.
    Equipment in "equipment", "equipment", numbered: false,
    dependents: [("points", "equipment", "points"), ("cameras", "equipment", "cameras")],
    {
        /// Identity.
        id: EquipmentId,
        /// Its enterprise.
        enterprise: EnterpriseCode,
        /// Its hazard source, if it belongs to one.
        hazard: Option<HazardCode>,
        /// One of [`EQUIPMENT_KINDS`].
        kind: String,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// 介质
        medium: String,
        /// CAS number of the medium.
        cas: String,
        /// Volume in cubic metres.
        volume_m3: Option<f64>,
        /// Degrees east.
        longitude: Option<f64>,
        /// Degrees north.
        latitude: Option<f64>,
    }
    enterprise: |e| Some(e.enterprise.clone()),
    check: |e| [
        name("name_zh", &e.name_zh),
        whose("id", &e.id.enterprise(), &e.enterprise),
        e.hazard.as_ref().and_then(|h| whose("hazard", &h.enterprise(), &e.enterprise)),
        one_of("kind", &e.kind, &EQUIPMENT_KINDS),
        e.volume_m3.filter(|v| !(v.is_finite() && *v > 0.0)).map(|v| Problem::new("volume_m3", format!("{v} is no volume; leave it blank where there is none"))),
    ].into_iter().flatten().chain(position(e.longitude, e.latitude)).collect(),
    references: |e| {
        let mut to: Vec<Reference> = vec![("enterprise", Enterprise::TABLE, e.enterprise.to_string())];
        to.extend(e.hazard.as_ref().map(|h| ("hazard", HazardSource::TABLE, h.to_string())));
        to
    },
}

record! {
    /// 采集主机
    Gateway in "gateways", "gateway", numbered: true,
    dependents: [("points", "gateway", "points")],
    {
        /// 网关编码
        id: GatewayId,
        /// Its enterprise.
        enterprise: EnterpriseCode,
        /// 名称
        name: String,
        /// SHA-256 of its secret, lower-case hexadecimal.
        secret_sha256: String,
    }
    enterprise: |g| Some(g.enterprise.clone()),
    check: |g| [
        whose("id", &g.id.enterprise(), &g.enterprise),
        (g.secret_sha256.len() != 64 || !g.secret_sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
            .then(|| Problem::new("secret_sha256", "must be the SHA-256 of the secret: 64 lower-case hexadecimal digits")),
    ].into_iter().flatten().collect(),
    references: |g| vec![("enterprise", Enterprise::TABLE, g.enterprise.to_string())],
}

record! {
    /// 点位
    Point in "points", "point", numbered: true,
    dependents: [("detectors", "point", "detectors")],
    {
        /// Identity.
        id: PointId,
        /// Its enterprise.
        enterprise: EnterpriseCode,
        /// The equipment that it measures.
        equipment: EquipmentId,
        /// The gateway that may write it.
        gateway: GatewayId,
        /// Field device, as the gateway's configuration names it.
        device: String,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// One of [`POINT_KINDS`].
        kind: String,
        /// Signal type.
        signal: String,
        /// Unit as stored.
        unit: String,
        /// Low end of the engineering range.
        range_lo: f64,
        /// High end of the engineering range.
        range_hi: f64,
        /// Decimals shown.
        decimals: u8,
        /// Scan interval.
        scan_ms: u32,
        /// Scans without a reading after which it is missing.
        missing_scans: u16,
        /// Unchanged for this long is frozen; 0 watches no freezing.
        frozen_ms: u32,
        /// Degrees east.
        longitude: Option<f64>,
        /// Degrees north.
        latitude: Option<f64>,
        /// What the point is to its equipment (`level`, `pressure`, `detector` …); may be empty.
        role: String,
        /// Names of the states of a discrete point.
        states: States,
        /// How long the alarm state of a discrete point must hold before its alarm is raised.
        on_delay_ms: u32,
        /// How long another state must hold before that alarm clears.
        off_delay_ms: u32,
        /// The state alarm calls again this long after it was acknowledged; 0 never.
        realarm_ms: u32,
        /// The state alarm stays until somebody resets it.
        latching: bool,
        /// So many raises and returns of one alarm within the window are chattering; 0 never.
        chatter_transitions: u8,
        /// The window.
        chatter_window_ms: u32,
    }
    enterprise: |p| Some(p.enterprise.clone()),
    check: |p| [
        name("name_zh", &p.name_zh),
        whose("id", &p.id.enterprise(), &p.enterprise),
        whose("equipment", &p.equipment.enterprise(), &p.enterprise),
        whose("gateway", &p.gateway.enterprise(), &p.enterprise),
        name("device", &p.device),
        one_of("kind", &p.kind, &POINT_KINDS),
        name("signal", &p.signal),
        (!p.range_lo.is_finite()).then(|| Problem::new("range_lo", format!("{} is no number", p.range_lo))),
        (!p.range_hi.is_finite()).then(|| Problem::new("range_hi", format!("{} is no number", p.range_hi))),
        (p.range_lo >= p.range_hi).then(|| Problem::new("range_lo", format!("{} must be below range_hi ({})", p.range_lo, p.range_hi))),
        (p.decimals > 6).then(|| Problem::new("decimals", format!("{} is too many: 0 to 6", p.decimals))),
        (!(100..=86_400_000).contains(&p.scan_ms)).then(|| Problem::new("scan_ms", format!("{} is no scan interval: 100 to 86400000 ms", p.scan_ms))),
        (p.missing_scans == 0).then(|| Problem::new("missing_scans", "must be 1 or more")),
        (p.kind == "discrete" && p.states.0.is_empty()).then(|| Problem::new("states", "a discrete point needs the names of its states, for example 0=关/Closed;1=开/Open")),
        (States::parse(&p.states.to_string()).as_ref() != Ok(&p.states)).then(|| Problem::new("states", "names of states must not be blank or hold ; or /, and each number stands once")),
        (p.states.0.iter().filter(|s| s.alarm).count() > 1).then(|| Problem::new("states", "only one state can be the alarm state")),
        state_delay("on_delay_ms", &p.kind, p.on_delay_ms),
        state_delay("off_delay_ms", &p.kind, p.off_delay_ms),
        (!realarm_is_good(p.realarm_ms)).then(|| Problem::new("realarm_ms", format!("{} is no time to repeat an alarm after: 0 (never), or a minute (60000) to a week (604800000)", p.realarm_ms))),
        state_only("realarm_ms", &p.kind, p.realarm_ms > 0),
        state_only("latching", &p.kind, p.latching),
        matches!(p.chatter_transitions, 1..=2).then(|| Problem::new("chatter_transitions", format!("{} are no chattering: 0 (never), or 3 and more", p.chatter_transitions))),
        (!(1_000..=600_000).contains(&p.chatter_window_ms)).then(|| Problem::new("chatter_window_ms", format!("{} is no window: 1000 to 600000 ms (ten minutes)", p.chatter_window_ms))),
    ].into_iter().flatten().chain(position(p.longitude, p.latitude)).collect(),
    references: |p| vec![
        ("equipment", Equipment::TABLE, p.equipment.to_string()),
        ("gateway", Gateway::TABLE, p.gateway.to_string()),
    ],
}

record! {
    /// 摄像机
    Camera in "cameras", "camera", numbered: false,
    dependents: [],
    {
        /// Identity.
        id: CameraId,
        /// Its enterprise.
        enterprise: EnterpriseCode,
        /// The equipment that it looks at, if one.
        equipment: Option<EquipmentId>,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// Where its stream is; may hold a password, so only managers and administrators see it.
        url: String,
        /// Degrees east.
        longitude: Option<f64>,
        /// Degrees north.
        latitude: Option<f64>,
    }
    enterprise: |c| Some(c.enterprise.clone()),
    check: |c| [
        name("name_zh", &c.name_zh),
        whose("id", &c.id.enterprise(), &c.enterprise),
        c.equipment.as_ref().and_then(|e| whose("equipment", &e.enterprise(), &c.enterprise)),
    ].into_iter().flatten().chain(position(c.longitude, c.latitude)).collect(),
    references: |c| {
        let mut to: Vec<Reference> = vec![("enterprise", Enterprise::TABLE, c.enterprise.to_string())];
        to.extend(c.equipment.as_ref().map(|e| ("equipment", Equipment::TABLE, e.to_string())));
        to
    },
}

record! {
    /// One feature of the map.
    MapFeature in "map_features", "map feature", numbered: false,
    dependents: [],
    {
        /// Identity: `id` of the GeoJSON feature.
        id: String,
        /// The enterprise that it belongs to; `None` for common ground.
        enterprise: Option<EnterpriseCode>,
        /// The region whose ground it is, where it belongs to no enterprise.
        region: Option<RegionCode>,
        /// `region`, `boundary`, `road`, `plot`, `building`, `tank` …
        kind: String,
        /// Code or id of what it draws; may be empty.
        refers_to: String,
        /// 名称
        name_zh: String,
        /// English name.
        name_en: String,
        /// GeoJSON geometry.
        geometry: String,
        /// Further properties, a JSON object.
        properties: String,
    }
    enterprise: |f| f.enterprise.clone(),
    check: |f| [
        name("kind", &f.kind),
        (f.enterprise.is_some() == f.region.is_some()).then(|| Problem::new("region", "a feature belongs to an enterprise (by its ref) or to a region, and to one of them only")),
    ].into_iter().flatten().collect(),
    references: |f| {
        let mut to: Vec<Reference> = Vec::new();
        to.extend(f.enterprise.as_ref().map(|e| ("ref", Enterprise::TABLE, e.to_string())));
        to.extend(f.region.as_ref().map(|r| ("region", Region::TABLE, r.to_string())));
        to
    },
}

/// `/410000/410200/410205/410205P01/`: everything below a region has a path that begins with the region's.
#[must_use]
pub fn path_of(code: &RegionCode) -> String {
    let mut rungs: Vec<_> = std::iter::successors(Some(code.clone()), RegionCode::parent).collect();
    rungs.reverse();
    rungs.iter().fold("/".to_owned(), |path, rung| format!("{path}{rung}/"))
}

/// One state of a discrete point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointState {
    /// Its number.
    pub value: i32,
    /// 名称
    pub zh: String,
    /// English name.
    pub en: String,
    /// Being in this state is an alarm.
    pub alarm: bool,
}

/// States of a discrete point: `0=关/Closed;1=开/Open`, the alarm state with `!` before its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States(pub Vec<PointState>);

impl States {
    /// Reads the text form.
    ///
    /// # Errors
    /// With the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut states: Vec<PointState> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || {
                format!(
                    "{part:?} is no state: NUMBER=中文/English, with ! before the number of the alarm state"
                )
            };
            let (number, names) = part.split_once('=').ok_or_else(wrong)?;
            let (alarm, number) = match number.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, number),
            };
            let value: i32 = number.trim().parse().map_err(|_| wrong())?;
            let (zh, en) = names.split_once('/').unwrap_or((names, names));
            if zh.is_empty() {
                return Err(wrong());
            }
            if states.iter().any(|s| s.value == value) {
                return Err(format!("state {value} is named twice"));
            }
            states.push(PointState { value, zh: zh.to_owned(), en: en.to_owned(), alarm });
        }
        Ok(Self(states))
    }

    /// The alarm state, if there is one.
    #[must_use]
    pub fn alarm_state(&self) -> Option<i32> {
        self.0.iter().find(|s| s.alarm).map(|s| s.value)
    }
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, s) in self.0.iter().enumerate() {
            let (separator, mark) = (if i == 0 { "" } else { ";" }, if s.alarm { "!" } else { "" });
            write!(f, "{separator}{mark}{}={}/{}", s.value, s.zh, s.en)?;
        }
        Ok(())
    }
}

impl Column for States {
    fn bind_to(&self, to: &mut Separated<'_>) {
        to.push_bind(self.to_string());
    }
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
        Self::parse(&String::read(row, column)?).map_err(|why| damaged(column, why))
    }
}

/// How long a signal may stay unchanged before it is reported as frozen, where nothing is stated. A proposal: measured
/// process values always move a little; gas detectors rest at zero for days and states do not move at all.
#[must_use]
pub fn default_frozen_ms(kind: &str, signal: &str) -> u32 {
    match signal {
        "level" | "pressure" | "temperature" | "flow" if kind == "analog" => 600_000,
        _ => 0,
    }
}

fn name(field: &'static str, text: &str) -> Option<Problem> {
    if text.trim().is_empty() {
        Some(Problem::new(field, "must not be blank"))
    } else if text.chars().count() > 200 {
        Some(Problem::new(field, "is longer than 200 characters"))
    } else {
        None
    }
}

fn one_of(field: &'static str, text: &str, allowed: &[&str]) -> Option<Problem> {
    (!allowed.contains(&text))
        .then(|| Problem::new(field, format!("{text:?} is not one of {}", allowed.join(", "))))
}

/// Delays of an analog point belong to each of its limits: one here would be kept and never act.
fn state_delay(field: &'static str, kind: &str, ms: u32) -> Option<Problem> {
    if ms > STATE_DELAY_MS_MAX {
        Some(Problem::new(field, format!("{ms} is too long: 0 to {STATE_DELAY_MS_MAX} ms (a day)")))
    } else if ms > 0 && kind != "discrete" {
        let why = format!(
            "{ms} is for discrete points only: set the delays of an analog point with its limits, and 0 here"
        );
        Some(Problem::new(field, why))
    } else {
        None
    }
}

/// What belongs to each limit of an analog point and to the state alarm of a discrete one.
fn state_only(field: &'static str, kind: &str, set: bool) -> Option<Problem> {
    (set && kind != "discrete").then(|| {
        Problem::new(field, "is for discrete points only: an analog point has it with its limits")
    })
}

fn whose(field: &'static str, by_id: &EnterpriseCode, stated: &EnterpriseCode) -> Option<Problem> {
    (by_id != stated)
        .then(|| Problem::new(field, format!("belongs to enterprise {by_id}, not to {stated}")))
}

fn position(longitude: Option<f64>, latitude: Option<f64>) -> impl Iterator<Item = Problem> {
    let east = longitude
        .filter(|v| !(-180.0..=180.0).contains(v))
        .map(|v| Problem::new("longitude", format!("{v} is not between -180 and 180 degrees")));
    let north = latitude
        .filter(|v| !(-90.0..=90.0).contains(v))
        .map(|v| Problem::new("latitude", format!("{v} is not between -90 and 90 degrees")));
    let half = (longitude.is_some() != latitude.is_some())
        .then(|| Problem::new("longitude", "longitude and latitude come together or not at all"));
    east.into_iter().chain(north).chain(half)
}
