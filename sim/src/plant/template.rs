//! Which points a piece of equipment of each kind has.
//!
//! What must be measured on a tank, sphere, unit or warehouse follows `monitoring.md` §1 (AQ 3035/3036, recalled). Gas limits
//! are those of GB/T 50493-2019, 5.5.2: combustible 25 and 50 % LEL, toxic 100 and 200 % of the exposure limit. Start
//! values for deadband are in §4 there (ISA-18.2 / EEMUA 191, recalled); the long start delays of that table are not used for
//! level and pressure of stored hazardous media, because an overfill is told within a second here.

use anlan_domain::limits::{Limit, Limits};

use super::description::{Group, Measure, Scale};
use super::{EquipmentKind, Medium, Quantity, State};

/// A point before it has a tag number, a place and an address.
pub struct Blueprint {
    /// Letters before the number: `LT`.
    pub letters: &'static str,
    /// Letter after it: `A`.
    pub suffix: &'static str,
    pub name_zh: &'static str,
    pub name_en: &'static str,
    pub signal: &'static str,
    pub unit: &'static str,
    pub range: (f64, f64),
    pub decimals: u8,
    pub role: &'static str,
    pub states: &'static [State],
    pub limits: Limits,
    pub measures: Quantity,
}

const fn state(value: i32, zh: &'static str, en: &'static str) -> State {
    State { value, zh, en, alarm: false }
}

const fn alarm(value: i32, zh: &'static str, en: &'static str) -> State {
    State { value, zh, en, alarm: true }
}

static VALVE: [State; 3] =
    [state(0, "关", "Closed"), state(1, "开", "Open"), state(2, "动作中", "Moving")];
static RUNNING: [State; 2] = [state(0, "停止", "Stopped"), state(1, "运行", "Running")];
static INTERLOCK: [State; 2] = [state(0, "未动作", "Ready"), state(1, "已动作", "Tripped")];
static SMOKE: [State; 2] = [state(0, "正常", "Normal"), alarm(1, "烟雾", "Smoke")];
static DOOR: [State; 2] = [state(0, "关", "Closed"), state(1, "开", "Open")];

/// A measured value, without limits yet.
#[allow(clippy::too_many_arguments, reason = "a row of a table")]
fn analog(
    tag: (&'static str, &'static str),
    names: (&'static str, &'static str),
    signal: &'static str,
    unit: &'static str,
    range: (f64, f64),
    decimals: u8,
    role: &'static str,
    measures: Quantity,
) -> Blueprint {
    Blueprint {
        letters: tag.0,
        suffix: tag.1,
        name_zh: names.0,
        name_en: names.1,
        signal,
        unit,
        range,
        decimals,
        role,
        states: &[],
        limits: Limits::default(),
        measures,
    }
}

fn discrete(
    tag: (&'static str, &'static str),
    names: (&'static str, &'static str),
    role: &'static str,
    states: &'static [State],
    measures: Quantity,
) -> Blueprint {
    let top = states.last().map_or(1, |s| s.value);
    Blueprint {
        states,
        ..analog(tag, names, "state", "", (0.0, f64::from(top)), 0, role, measures)
    }
}

impl Blueprint {
    fn limited(mut self, scale: &Scale, deadband_share: f64, off_delay_ms: u32) -> Self {
        let deadband = (self.range.1 - self.range.0) * deadband_share;
        let limit = |value| Limit { value, deadband, off_delay_ms, ..Limit::default() };
        self.limits = Limits {
            version: 1,
            ll: scale.ll.map(limit),
            l: scale.l.map(limit),
            h: scale.h.map(limit),
            hh: scale.hh.map(limit),
            // A rate is watched over seconds: a delay keeps single noisy steps out.
            rate_per_min: scale.roc.map(|value| Limit {
                value,
                deadband: value * 0.1,
                on_delay_ms: 3_000,
                off_delay_ms: 10_000,
                ..Limit::default()
            }),
            ..Limits::default()
        };
        self
    }
}

const LEVEL: Scale = Scale {
    range: [0.0, 100.0],
    ll: Some(10.0),
    l: Some(15.0),
    h: Some(80.0),
    hh: Some(85.0),
    roc: None,
};
/// Nitrogen blanket of an atmospheric tank, kPa.
const BLANKET: Scale = Scale {
    range: [0.0, 5.0],
    ll: Some(0.1),
    l: Some(0.25),
    h: Some(1.8),
    hh: Some(2.1),
    roc: None,
};
const HUMIDITY: Scale =
    Scale { range: [0.0, 100.0], ll: None, l: None, h: Some(80.0), hh: Some(90.0), roc: None };

/// The points of one piece of equipment.
pub fn of_equipment(group: &Group) -> Vec<Blueprint> {
    match group.kind {
        EquipmentKind::Sphere => sphere(group),
        EquipmentKind::Htank => bullet(group),
        EquipmentKind::Tank => atmospheric(group),
        EquipmentKind::Unit => unit(group),
        EquipmentKind::Warehouse => warehouse(group),
        EquipmentKind::Area => weather(),
    }
}

fn level(
    suffix: &'static str,
    names: (&'static str, &'static str),
    measures: Quantity,
) -> Blueprint {
    analog(("LT", suffix), names, "level", "%", (0.0, 100.0), 1, "level", measures)
        .limited(&LEVEL, 0.01, 3_000)
}

fn pressure_mpa(suffix: &'static str, scale: &Scale, decimals: u8) -> Blueprint {
    let range = (scale.range[0], scale.range[1]);
    analog(
        ("PT", suffix),
        ("压力", "Pressure"),
        "pressure",
        "MPa",
        range,
        decimals,
        "pressure",
        Quantity::Pressure,
    )
    .limited(scale, 0.01, 3_000)
}

fn temperature(
    suffix: &'static str,
    names: (&'static str, &'static str),
    scale: &Scale,
    measures: Quantity,
) -> Blueprint {
    let range = (scale.range[0], scale.range[1]);
    analog(("TT", suffix), names, "temperature", "℃", range, 1, "temperature", measures)
        .limited(scale, 0.01, 5_000)
}

/// Without limits: a second thermometer that is watched, not alarmed.
fn unlimited(scale: &Scale) -> Scale {
    Scale { ll: None, l: None, h: None, hh: None, roc: None, ..scale.clone() }
}

/// Flow that fills the vessel in about three quarters of an hour at full scale, rounded to a usual range.
fn flow_range(volume: f64) -> f64 {
    [10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0, 3_200.0, 6_400.0]
        .into_iter()
        .find(|&top| volume / 4.0 <= top)
        .unwrap_or(10_000.0)
}

fn flow(
    suffix: &'static str,
    names: (&'static str, &'static str),
    top: f64,
    measures: Quantity,
) -> Blueprint {
    analog(("FT", suffix), names, "flow", "m³/h", (0.0, top), 1, "flow", measures)
}

const FEED: (&str, &str) = ("进料流量", "Feed flow");
const DISCHARGE: (&str, &str) = ("出料流量", "Discharge flow");
const FEED_VALVE: (&str, &str) = ("进料切断阀", "Feed shut-off valve");
const DISCHARGE_VALVE: (&str, &str) = ("出料切断阀", "Discharge shut-off valve");
const PUMP: (&str, &str) = ("出料泵", "Discharge pump");
const OVERFILL: (&str, &str) = ("高高液位联锁", "High-high level interlock");

fn sphere(group: &Group) -> Vec<Blueprint> {
    let pressure = group.pressure.as_ref().expect("a pressure vessel states its pressure");
    let top = flow_range(group.volume);
    vec![
        level("A", ("液位 A", "Level A"), Quantity::Level),
        level("B", ("液位 B", "Level B"), Quantity::SecondLevel),
        pressure_mpa("", pressure, 3),
        temperature(
            "A",
            ("罐底温度", "Bottom temperature"),
            &unlimited(&group.temperature),
            Quantity::BottomTemperature,
        ),
        temperature(
            "B",
            ("液相温度", "Liquid temperature"),
            &group.temperature,
            Quantity::Temperature,
        ),
        flow("A", FEED, top, Quantity::InletFlow),
        flow("B", DISCHARGE, top, Quantity::OutletFlow),
        discrete(("XV", "A"), FEED_VALVE, "valve", &VALVE, Quantity::InletValve),
        discrete(("XV", "B"), DISCHARGE_VALVE, "valve", &VALVE, Quantity::OutletValve),
        discrete(("XV", "S"), ("喷淋阀", "Deluge valve"), "valve", &VALVE, Quantity::SprayValve),
        discrete(("P", ""), PUMP, "pump", &RUNNING, Quantity::Pump),
        discrete(("LS", ""), OVERFILL, "interlock", &INTERLOCK, Quantity::Interlock),
    ]
}

fn bullet(group: &Group) -> Vec<Blueprint> {
    let pressure = group.pressure.as_ref().expect("a pressure vessel states its pressure");
    let top = flow_range(group.volume);
    // A compressed gas has no level: two pressures instead.
    let gas = group.medium == "hydrogen";
    let decimals = if gas { 2 } else { 3 };
    let mut points = if gas {
        let second = Blueprint {
            name_zh: "压力 B",
            name_en: "Pressure B",
            ..pressure_mpa("B", &unlimited(pressure), decimals)
        };
        vec![
            Blueprint {
                name_zh: "压力 A",
                name_en: "Pressure A",
                ..pressure_mpa("A", pressure, decimals)
            },
            second,
        ]
    } else {
        vec![level("", ("液位", "Level"), Quantity::Level), pressure_mpa("", pressure, decimals)]
    };
    let (trip, trip_role) = if gas {
        (("高高压力联锁", "High-high pressure interlock"), "PS")
    } else {
        (OVERFILL, "LS")
    };
    points.extend([
        temperature("A", ("温度", "Temperature"), &group.temperature, Quantity::Temperature),
        temperature(
            "B",
            ("底部温度", "Bottom temperature"),
            &unlimited(&group.temperature),
            Quantity::BottomTemperature,
        ),
        flow("A", FEED, top, Quantity::InletFlow),
        flow("B", DISCHARGE, top, Quantity::OutletFlow),
        discrete(("XV", "A"), FEED_VALVE, "valve", &VALVE, Quantity::InletValve),
        discrete(("XV", "B"), DISCHARGE_VALVE, "valve", &VALVE, Quantity::OutletValve),
        if gas {
            discrete(
                ("C", ""),
                ("充装压缩机", "Filling compressor"),
                "compressor",
                &RUNNING,
                Quantity::Pump,
            )
        } else {
            discrete(("P", ""), PUMP, "pump", &RUNNING, Quantity::Pump)
        },
        discrete((trip_role, ""), trip, "interlock", &INTERLOCK, Quantity::Interlock),
    ]);
    points
}

fn atmospheric(group: &Group) -> Vec<Blueprint> {
    let top = flow_range(group.volume);
    let mut points = vec![
        level("", ("液位", "Level"), Quantity::Level),
        temperature("", ("温度", "Temperature"), &group.temperature, Quantity::Temperature),
        analog(
            ("PT", ""),
            ("氮封压力", "Blanket pressure"),
            "pressure",
            "kPa",
            (0.0, 5.0),
            2,
            "pressure",
            Quantity::Pressure,
        )
        .limited(&BLANKET, 0.02, 5_000),
        flow("", FEED, top, Quantity::InletFlow),
        discrete(("XV", "A"), FEED_VALVE, "valve", &VALVE, Quantity::InletValve),
        discrete(("XV", "B"), DISCHARGE_VALVE, "valve", &VALVE, Quantity::OutletValve),
        discrete(("P", ""), PUMP, "pump", &RUNNING, Quantity::Pump),
    ];
    if group.interlock {
        points.push(discrete(("LS", ""), OVERFILL, "interlock", &INTERLOCK, Quantity::Interlock));
    }
    points
}

fn unit(group: &Group) -> Vec<Blueprint> {
    let pressure = group.pressure.as_ref().expect("a unit states its pressure");
    let jacket = Scale { range: group.temperature.range, ..unlimited(&group.temperature) };
    vec![
        temperature(
            "A",
            ("反应温度", "Reaction temperature"),
            &group.temperature,
            Quantity::Temperature,
        ),
        temperature("B", ("夹套温度", "Jacket temperature"), &jacket, Quantity::JacketTemperature),
        pressure_mpa("", pressure, 3),
        level("", ("液位", "Level"), Quantity::Level),
        flow("A", FEED, 25.0, Quantity::InletFlow),
        flow("B", ("冷却水流量", "Coolant flow"), 200.0, Quantity::CoolantFlow),
        discrete(("XV", "A"), FEED_VALVE, "valve", &VALVE, Quantity::InletValve),
        discrete(
            ("XV", "C"),
            ("冷却水阀", "Coolant valve"),
            "valve",
            &VALVE,
            Quantity::CoolantValve,
        ),
        discrete(("M", ""), ("搅拌/循环机", "Agitator"), "agitator", &RUNNING, Quantity::Agitator),
        discrete(
            ("TS", ""),
            ("高高温度联锁", "High-high temperature interlock"),
            "interlock",
            &INTERLOCK,
            Quantity::Interlock,
        ),
    ]
}

fn warehouse(group: &Group) -> Vec<Blueprint> {
    vec![
        temperature(
            "",
            ("库内温度", "Room temperature"),
            &group.temperature,
            Quantity::Temperature,
        ),
        analog(
            ("MT", ""),
            ("库内湿度", "Room humidity"),
            "humidity",
            "%RH",
            (0.0, 100.0),
            1,
            "humidity",
            Quantity::Humidity,
        )
        .limited(&HUMIDITY, 0.03, 10_000),
        discrete(("YS", ""), ("烟感", "Smoke detector"), "smoke", &SMOKE, Quantity::Smoke),
        discrete(("ZS", ""), ("库门", "Door"), "door", &DOOR, Quantity::Door),
        discrete(("EF", ""), ("事故排风机", "Emergency fan"), "fan", &RUNNING, Quantity::Fan),
    ]
}

/// Weather station of an enterprise, on its general area.
pub fn weather() -> Vec<Blueprint> {
    vec![
        analog(
            ("WS", ""),
            ("风速", "Wind speed"),
            "wind_speed",
            "m/s",
            (0.0, 30.0),
            1,
            "wind_speed",
            Quantity::WindSpeed,
        ),
        analog(
            ("WD", ""),
            ("风向", "Wind direction"),
            "wind_direction",
            "°",
            (0.0, 360.0),
            0,
            "wind_direction",
            Quantity::WindDirection,
        ),
        analog(
            ("TT", ""),
            ("环境温度", "Ambient temperature"),
            "temperature",
            "℃",
            (-30.0, 60.0),
            1,
            "temperature",
            Quantity::AmbientTemperature,
        ),
    ]
}

/// A gas detector.
pub fn detector(measure: Measure, substance: &'static Medium) -> Blueprint {
    let (letters, signal, unit, range, decimals, scale) = match measure {
        Measure::Combustible => (
            "GT",
            "gas_combustible",
            "%LEL",
            (0.0, 100.0),
            1,
            gas_scale([0.0, 100.0], None, 25.0, 50.0),
        ),
        Measure::Toxic => {
            // 0–300 % of the exposure limit, alarms at 100 and 200 % of it.
            let oel =
                substance.oel.expect("a toxic detector has a substance with an exposure limit");
            let decimals = if oel < 5.0 { 2 } else { 1 };
            (
                "GT",
                "gas_toxic",
                "mg/m³",
                (0.0, 3.0 * oel),
                decimals,
                gas_scale([0.0, 3.0 * oel], None, oel, 2.0 * oel),
            )
        }
        Measure::Oxygen => {
            ("AT", "oxygen", "%VOL", (0.0, 30.0), 1, gas_scale([0.0, 30.0], Some(19.5), 23.5, 0.0))
        }
    };
    let (zh, en) = substance.detected_as;
    let mut blueprint = analog(
        (letters, ""),
        (zh, en),
        signal,
        unit,
        range,
        decimals,
        "detector",
        Quantity::Gas { measure, substance },
    )
    .limited(&scale, 0.02, 5_000);
    // Gas detectors have no long on-delay (`monitoring.md` §4, proposal: 0–3 s).
    for limit in [&mut blueprint.limits.h, &mut blueprint.limits.l].into_iter().flatten() {
        limit.on_delay_ms = 1_000;
        if measure == Measure::Oxygen {
            limit.deadband = 0.2;
        }
    }
    blueprint
}

fn gas_scale(range: [f64; 2], l: Option<f64>, h: f64, hh: f64) -> Scale {
    Scale { range, ll: None, l, h: Some(h), hh: (hh > 0.0).then_some(hh), roc: None }
}
