//! The scenarios by name.
//!
//! Physics is time-compressed where a shift would be needed to see it (`Disturbance::Hurry`), and each text says so: an
//! overfill that takes half an hour is shown in half a minute, with the same balances.

use crate::field::front::ServerFault;
use crate::model::{Disturbance, Inputs, Park, SensorFault};
use crate::plant::{DEVICE_SCAN_MS, EquipmentKind, FROZEN_S, Plant, Point, Protocol, Quantity};

use super::{
    Action, BadParameter, Chosen, Expectation, Given, Moment, Parameter, Scenario, Step, Timeline,
};

/// How soon the center must show an alarm once condition and delay are fulfilled.
const WITHIN_MS: u32 = 1_000;
/// How long the center bears with a lost gateway or device: `GATEWAY_GRACE_MS` of the registry, which the simulator does
/// not know. `tests/tests/scenarios.rs` holds the two together.
pub const GRACE_MS: u32 = 10_000;
/// Longest that a gateway waits before it tries a lost device again: the cap of its `Backoff::DEVICE`, held together there too.
pub const DEVICE_RETRY_MS: u32 = 10_000;
/// What a gateway may need for a new OPC UA session: its time limit for one answer.
const SESSION_MS: u32 = 3_000;
/// Scans within which a mended instrument shows another count than the one that it froze at. Noise of one and a half steps
/// repeats a count about once in four.
const SCANS_TO_MOVE: u32 = 8;

const fn number(
    name: &'static str,
    unit: &'static str,
    default: f64,
    bounds: (f64, f64),
    zh: &'static str,
    en: &'static str,
) -> Parameter {
    Parameter { name, unit, default: Given::Number(default), min: bounds.0, max: bounds.1, zh, en }
}

const fn id(
    name: &'static str,
    default: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Parameter {
    Parameter { name, unit: "", default: Given::Id(default), min: 0.0, max: 0.0, zh, en }
}

/// Every scenario, in the order of the tester's page.
pub static ALL: &[Scenario] = &[
    Scenario {
        name: "calm",
        title_zh: "平稳运行",
        title_en: "Calm operation",
        about_zh: "结束其他场景，全园平稳运行：不得有任何阈值报警。",
        about_en: "Ends the other scenarios; the park runs calmly: there must be no limit alarm.",
        parameters: &[],
        plan: calm,
    },
    Scenario {
        name: "tank-overfill",
        title_zh: "储罐溢装",
        title_en: "Tank overfill",
        about_zh: "进料不停，液位先越高限再越高高限，联锁关阀，随后倒罐至限值以下。液位变化按倍数加速。",
        about_en: "Feed goes on: level passes H, then HH; the interlock shuts the feed valve; then the tank is drained below both. Level moves at a multiple of true speed.",
        parameters: &[
            id("equipment", "410205001.V-1203", "储罐", "Tank"),
            number("high_after_s", "s", 10.0, (3.0, 600.0), "越过高限的时刻", "Passes H after"),
            number(
                "drain_after_s",
                "s",
                35.0,
                (10.0, 3_600.0),
                "开始倒罐的时刻",
                "Draining begins after",
            ),
        ],
        plan: tank_overfill,
    },
    Scenario {
        name: "gas-leak",
        title_zh: "气体泄漏",
        title_en: "Gas leak",
        about_zh: "设备泄漏，下风向检测仪按距离与风向先后报警，堵漏后恢复。",
        about_en: "Equipment leaks; detectors downwind alarm by distance and wind, and recover when it is stopped.",
        parameters: &[
            id("equipment", "410205002.V-2102", "泄漏设备", "Leaking equipment"),
            number("kg_per_s", "kg/s", 0.004, (0.000_1, 50.0), "泄漏量", "Release"),
            number("seconds", "s", 40.0, (5.0, 3_600.0), "持续时间", "Duration"),
        ],
        plan: gas_leak,
    },
    Scenario {
        name: "runaway-reaction",
        title_zh: "反应失控",
        title_en: "Runaway reaction",
        about_zh: "冷却水中断，放热反应升温升压，越高限、高高限，联锁停料，恢复冷却后回落。反应按 12 倍加速。",
        about_en: "Coolant is lost; the exothermic reaction heats up through H and HH, the interlock stops the feed, restored cooling brings it down. The reaction runs at twelve times true speed.",
        parameters: &[
            id("equipment", "410205004.R-4101", "反应釜", "Reactor"),
            number("seconds", "s", 40.0, (20.0, 600.0), "断水时间", "Coolant lost for"),
        ],
        plan: runaway,
    },
    Scenario {
        name: "gateway-offline",
        title_zh: "采集主机断链",
        title_en: "Gateway offline",
        about_zh: "采集主机与中心断开后恢复：只报主机断链，不逐点报警；断链期间的数据补传。",
        about_en: "A gateway is cut off from the center and comes back: one alarm for the gateway, none for its points; what happened meanwhile is back-filled.",
        parameters: &[
            id("enterprise", "410205010", "企业", "Enterprise"),
            // Longer than the grace, or nothing is to be seen.
            number("seconds", "s", 30.0, (15.0, 86_400.0), "断开时间", "Cut for"),
            number("clock_offset_s", "s", 0.0, (-86_400.0, 86_400.0), "时钟偏差", "Clock wrong by"),
        ],
        plan: gateway_offline,
    },
    Scenario {
        name: "sensor-frozen",
        title_zh: "信号冻结",
        title_en: "Frozen sensor",
        about_zh: "仪表读数不再变化，而通讯正常：报信号冻结。",
        about_en: "An instrument shows the same count for ever while communication is well: reported as frozen.",
        parameters: &[
            id("point", "410205009.LT-9202", "点位", "Point"),
            number(
                "seconds",
                "s",
                FROZEN_S as f64 + 60.0,
                (FROZEN_S as f64 + 10.0, 86_400.0),
                "持续时间",
                "Duration",
            ),
        ],
        plan: sensor_frozen,
    },
    Scenario {
        name: "flapping-sensor",
        title_zh: "信号抖动",
        title_en: "Flapping sensor",
        about_zh: "接线松动，读数反复越过高限：每次都是同一报警的新一次发生，列为抖动报警。",
        about_en: "A loose contact: the reading passes its high limit again and again, each time a new occurrence of the same alarm.",
        parameters: &[
            id("point", "410205007.LT-7202", "点位", "Point"),
            number("period_s", "s", 16.0, (6.0, 600.0), "周期", "Period"),
            number("seconds", "s", 80.0, (10.0, 86_400.0), "持续时间", "Duration"),
        ],
        plan: flapping_sensor,
    },
    Scenario {
        name: "alarm-flood",
        title_zh: "报警泛滥",
        title_en: "Alarm flood",
        about_zh: "多台储罐同时溢装，一分钟内产生上百条报警。液位变化按倍数加速。",
        about_en: "Many tanks overfill at once: over a hundred alarms within a minute. Levels move at a multiple of true speed.",
        parameters: &[number("tanks", "", 50.0, (1.0, 64.0), "储罐数", "Tanks")],
        plan: alarm_flood,
    },
    Scenario {
        name: "park-blackout",
        title_zh: "全园失电",
        title_en: "Park blackout",
        about_zh: "全部现场设备失电而采集主机在线：逐设备报断链，不逐点报警。",
        about_en: "All field devices lose power while the gateways stay connected: one alarm a device, none for the points.",
        parameters: &[number(
            "seconds",
            "s",
            30.0,
            // Longer than the grace, a scan and a second.
            (15.0, 3_600.0),
            "失电时间",
            "Without power for",
        )],
        plan: park_blackout,
    },
];

/// The scenario of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

fn step(at_s: f64, action: Action) -> Step {
    Step { at_s, action }
}

/// An alarm of one of the point's limits, from crossing to crossing.
fn limit_alarm(plant: &Plant, point: &Point, condition: &'static str) -> Option<Expectation> {
    let limit = match condition {
        "HH" => point.limits.hh,
        "H" => point.limits.h,
        "L" => point.limits.l,
        _ => point.limits.ll,
    }?;
    let scan_ms = plant.read_ms(point);
    let crossing = |delay_ms| Some(Moment::Crossing { delay_ms, scan_ms, within_ms: WITHIN_MS });
    let tag = point.id.tag();
    Some(Expectation {
        subject: point.id.to_string(),
        condition: condition.to_owned(),
        must: true,
        raised: crossing(limit.on_delay_ms),
        clears: crossing(limit.off_delay_ms),
        zh: format!("{tag} {}越 {condition} 限后 1 s 内报警，回到限内后解除", point.name_zh),
        en: format!(
            "{tag} {} alarms within 1 s of passing {condition} and clears after it is back",
            point.name_en
        ),
    })
}

fn none_of(subject: &str, condition: &str, zh: &str, en: &str) -> Expectation {
    Expectation {
        subject: subject.to_owned(),
        condition: condition.to_owned(),
        must: false,
        raised: None,
        clears: None,
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

/// The center must have shown it within a second, `delay_ms` and a scan after a moment of the time line.
fn after(at_s: f64, delay_ms: u32, scan_ms: u32) -> Option<Moment> {
    Some(Moment::Step { at_s, delay_ms, scan_ms, within_ms: WITHIN_MS })
}

fn unknown(field: &str, given: &str, what: &str) -> BadParameter {
    BadParameter { field: field.to_owned(), why: format!("{given:?} is no {what} of the park") }
}

fn equipment(park: &Park, chosen: &Chosen) -> Result<usize, BadParameter> {
    let given = chosen.id("equipment");
    park.plant().equipment(given).ok_or_else(|| unknown("equipment", given, "equipment"))
}

fn point(park: &Park, chosen: &Chosen) -> Result<usize, BadParameter> {
    let given = chosen.id("point");
    park.plant().point(given).ok_or_else(|| unknown("point", given, "point"))
}

fn calm(_: &Park, _: &Chosen) -> Result<Timeline, BadParameter> {
    let expectations = ["HH", "H", "L", "LL", "STATE"]
        .map(|condition| none_of("*", condition, "无阈值报警", "No limit alarm"))
        .to_vec();
    Ok(Timeline { steps: Vec::new(), expectations, ends_s: f64::INFINITY })
}

/// Steps that carry one tank from where it is through H and HH and back, and what must be seen on it.
fn overfill(
    park: &Park,
    tank: usize,
    high_after_s: f64,
    drain_after_s: f64,
) -> Option<(Vec<Step>, Vec<Expectation>)> {
    let plant = park.plant();
    if plant.equipment[tank].kind == EquipmentKind::Unit {
        return None;
    }
    let level_point = plant.point_of(tank, Quantity::Level)?;
    let flow_point = plant.point_of(tank, Quantity::InletFlow)?;
    let high = plant.points[level_point].limits.h?.value;
    let flow_top = plant.points[flow_point].range.1;
    let volume = plant.equipment[tank].volume_m3;
    let percent_per_s = |factor: f64| flow_top / 3_600.0 / volume * 100.0 * factor;
    // Near the top the feed slows down, or a fast fill would pass H and HH in one scan. Valve and flow need about two and
    // a half seconds to come up.
    let slow_at = high_after_s - 1.0;
    let rise = (high - 1.5 - park.truth(level_point)).max(1.0) / (slow_at - 2.5).max(0.5);
    let fill = rise / percent_per_s(1.0);
    let slow = 0.9 / percent_per_s(1.0);
    // Down again at 1.2 % a second.
    let drain = 1.2 / percent_per_s(1.0);
    let calm_at = drain_after_s + 30.0;
    let steps = vec![
        step(0.0, Action::Disturb(tank, Disturbance::Feed { share: 1.0 })),
        step(0.0, Action::Disturb(tank, Disturbance::Hurry { factor: fill })),
        step(slow_at, Action::Disturb(tank, Disturbance::Hurry { factor: slow.min(fill) })),
        step(high_after_s + 10.0, Action::Calm(tank)),
        step(high_after_s + 10.0, Action::Disturb(tank, Disturbance::Drain { share: 0.0 })),
        step(drain_after_s, Action::Disturb(tank, Disturbance::Drain { share: 1.0 })),
        step(drain_after_s, Action::Disturb(tank, Disturbance::Hurry { factor: drain })),
        step(calm_at, Action::Calm(tank)),
    ];
    let mut expectations = Vec::new();
    for quantity in [Quantity::Level, Quantity::SecondLevel] {
        if let Some(point) = plant.point_of(tank, quantity) {
            expectations.extend(
                ["H", "HH"].iter().filter_map(|c| limit_alarm(plant, &plant.points[point], c)),
            );
        }
    }
    Some((steps, expectations))
}

fn tank_overfill(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let tank = equipment(park, chosen)?;
    let (high_after_s, drain_after_s) =
        (chosen.number("high_after_s"), chosen.number("drain_after_s"));
    if drain_after_s < high_after_s + 15.0 {
        let why = format!("must be at least 15 s after high_after_s ({high_after_s})");
        return Err(BadParameter { field: "drain_after_s".to_owned(), why });
    }
    let (steps, expectations) = overfill(park, tank, high_after_s, drain_after_s)
        .ok_or_else(|| unknown("equipment", chosen.id("equipment"), "tank with a limited level"))?;
    Ok(Timeline { steps, expectations, ends_s: drain_after_s + 30.0 })
}

fn alarm_flood(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let mut steps = Vec::new();
    let mut expectations = Vec::new();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie between 1 and 64"
    )]
    let wanted = chosen.number("tanks") as usize;
    let tanks = (0..park.plant().equipment.len()).filter_map(|tank| {
        // Spread over ten seconds: a wrong line-up fills one tank after the other.
        let after = 8.0 + (tank % 10) as f64;
        overfill(park, tank, after, 40.0)
    });
    for (of_tank, expected) in tanks.take(wanted) {
        steps.extend(of_tank);
        expectations.extend(expected);
    }
    Ok(Timeline { steps, expectations, ends_s: 70.0 })
}

fn gas_leak(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let source = equipment(park, chosen)?;
    if park.plant().equipment[source].medium.is_none() {
        return Err(unknown("equipment", chosen.id("equipment"), "equipment with a medium"));
    }
    let (kg_per_s, seconds) = (chosen.number("kg_per_s"), chosen.number("seconds"));
    let leak = Disturbance::Leak { kg_per_s, medium: None };
    let steps =
        vec![step(0.0, Action::Disturb(source, leak.clone())), step(seconds, Action::Calm(source))];
    let expectations = foresee(park, source, leak, seconds);
    Ok(Timeline { steps, expectations, ends_s: seconds + 60.0 })
}

/// Which detectors must alarm: the same park is run ahead. Only what stands clearly over its limit for seconds is demanded,
/// because the wind of the real run may turn a little otherwise.
fn foresee(park: &Park, source: usize, leak: Disturbance, seconds: f64) -> Vec<Expectation> {
    let plant = park.plant();
    let mut ahead = park.clone();
    let mut inputs = Inputs::default();
    inputs.disturb(source, leak);
    let mut over = vec![[0u32; 2]; plant.points.len()];
    let mut left = seconds;
    while left > 0.0 {
        ahead.step(0.5, &inputs);
        left -= 0.5;
        for (point, over) in
            plant.points.iter().zip(&mut over).enumerate().map(|(i, (p, o))| ((i, p), o))
        {
            let (index, point) = point;
            if !matches!(point.measures, Quantity::Gas { .. }) {
                continue;
            }
            let clearly = |limit: Option<anlan_domain::limits::Limit>| {
                limit.is_some_and(|l| ahead.truth(index) >= 1.5 * l.value)
            };
            over[0] += u32::from(clearly(point.limits.h));
            over[1] += u32::from(clearly(point.limits.hh));
        }
    }
    let mut expectations = Vec::new();
    for (point, over) in plant.points.iter().zip(over) {
        for (condition, half_seconds) in ["H", "HH"].into_iter().zip(over) {
            // Six seconds: sensor lag, delay and a scan.
            if half_seconds >= 12 {
                expectations.extend(limit_alarm(plant, point, condition));
            }
        }
    }
    expectations
}

fn runaway(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let unit = equipment(park, chosen)?;
    let plant = park.plant();
    let point_of = |quantity| {
        plant
            .point_of(unit, quantity)
            .filter(|_| plant.point_of(unit, Quantity::CoolantFlow).is_some())
            .ok_or_else(|| unknown("equipment", chosen.id("equipment"), "production unit"))
    };
    let (temperature, pressure) = (point_of(Quantity::Temperature)?, point_of(Quantity::Pressure)?);
    let seconds = chosen.number("seconds");
    let hurry = Disturbance::Hurry { factor: 12.0 };
    let steps = vec![
        step(0.0, Action::Disturb(unit, Disturbance::CoolantLost)),
        step(0.0, Action::Disturb(unit, hurry.clone())),
        step(seconds, Action::Calm(unit)),
        step(seconds, Action::Disturb(unit, Disturbance::EmergencyCooling)),
        step(seconds, Action::Disturb(unit, hurry)),
        step(seconds + 50.0, Action::Calm(unit)),
    ];
    let expectations = [temperature, pressure]
        .into_iter()
        .flat_map(|point| {
            ["H", "HH"].into_iter().filter_map(move |c| limit_alarm(plant, &plant.points[point], c))
        })
        .collect();
    Ok(Timeline { steps, expectations, ends_s: seconds + 50.0 })
}

fn gateway_offline(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let given = chosen.id("enterprise");
    let enterprise =
        park.plant().enterprise(given).ok_or_else(|| unknown("enterprise", given, "enterprise"))?;
    let gateway = &park.plant().enterprises[enterprise].gateway;
    let seconds = chosen.number("seconds");
    #[allow(clippy::cast_possible_truncation, reason = "bounded by a day")]
    let offset_ms = (chosen.number("clock_offset_s") * 1_000.0) as i64;
    let mut steps = vec![
        step(0.0, Action::GatewayLink(enterprise, false)),
        step(seconds, Action::GatewayLink(enterprise, true)),
    ];
    if offset_ms != 0 {
        steps.push(step(0.0, Action::ClockOffset(enterprise, offset_ms)));
        steps.push(step(seconds + 10.0, Action::ClockOffset(enterprise, 0)));
    }
    let lost = Expectation {
        subject: format!("gateway:{gateway}"),
        condition: "GATEWAY".to_owned(),
        must: true,
        raised: after(0.0, GRACE_MS, 0),
        // A gateway whose link is joined again knocks at once.
        clears: after(seconds, 0, 0),
        zh: format!(
            "采集主机 {gateway} 断链满 {} s 后 1 s 内报警，恢复后 1 s 内解除",
            GRACE_MS / 1_000
        ),
        en: format!(
            "Gateway {gateway} is reported within 1 s once lost for {} s, and clears within 1 s of being back",
            GRACE_MS / 1_000
        ),
    };
    let quiet = none_of(
        &format!("{given}.*"),
        "MISSING",
        "点位不逐一报数据缺失",
        "No missing-data alarm of its points",
    );
    Ok(Timeline { steps, expectations: vec![lost, quiet], ends_s: seconds + 20.0 })
}

fn sensor_frozen(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let point = point(park, chosen)?;
    let seconds = chosen.number("seconds");
    let what = &park.plant().points[point];
    let read_ms = park.plant().read_ms(what);
    if what.frozen_s == 0 {
        return Err(unknown("point", chosen.id("point"), "point whose freezing is watched"));
    }
    if seconds < f64::from(what.frozen_s) + 10.0 {
        let why =
            format!("must be at least 10 s longer than the point's frozen_s ({})", what.frozen_s);
        return Err(BadParameter { field: "seconds".to_owned(), why });
    }
    let steps = vec![
        step(0.0, Action::Instrument(point, Some(SensorFault::Frozen))),
        step(seconds, Action::Instrument(point, None)),
    ];
    let frozen = Expectation {
        subject: what.id.to_string(),
        condition: "FROZEN".to_owned(),
        must: true,
        raised: after(0.0, what.frozen_s * 1_000, read_ms),
        clears: after(seconds, 0, SCANS_TO_MOVE * what.scan_ms + read_ms),
        zh: format!(
            "{} 静止满 {} s 后 1 s 内报信号冻结，恢复变化后解除",
            what.id.tag(),
            what.frozen_s
        ),
        en: format!(
            "{} is reported frozen within 1 s once still for {} s, and clears when it moves again",
            what.id.tag(),
            what.frozen_s
        ),
    };
    Ok(Timeline { steps, expectations: vec![frozen], ends_s: seconds + 10.0 })
}

fn flapping_sensor(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let point = point(park, chosen)?;
    let what = &park.plant().points[point];
    let high = what
        .limits
        .h
        .ok_or_else(|| unknown("point", chosen.id("point"), "point with a high limit"))?;
    let top = what.limits.hh.map_or(what.range.1, |hh| hh.value);
    // Up to the middle between H and the next thing above it.
    let by = f64::midpoint(high.value, top) - park.truth(point);
    let (seconds, period_s) = (chosen.number("seconds"), chosen.number("period_s"));
    // Each half must outlast the delay, the scans at both its ends, and the instrument's own lag.
    let half_ms = high.on_delay_ms.max(high.off_delay_ms) + 2 * what.scan_ms + 1_000;
    let shortest_s = f64::from(2 * half_ms) / 1_000.0;
    if period_s < shortest_s {
        let why = format!("must be at least {shortest_s}: the delays of this point's H ask for it");
        return Err(BadParameter { field: "period_s".to_owned(), why });
    }
    let fault = SensorFault::Flapping { by, period_s };
    let steps = vec![
        step(0.0, Action::Instrument(point, Some(fault))),
        step(seconds, Action::Instrument(point, None)),
    ];
    let expectations = limit_alarm(park.plant(), what, "H").into_iter().collect();
    Ok(Timeline { steps, expectations, ends_s: seconds + 10.0 })
}

fn park_blackout(park: &Park, chosen: &Chosen) -> Result<Timeline, BadParameter> {
    let plant = park.plant();
    let seconds = chosen.number("seconds");
    let mut steps = Vec::new();
    for server in 0..plant.servers.len() {
        steps.push(step(0.0, Action::Server(server, Some(ServerFault::Refuse))));
        steps.push(step(seconds, Action::Server(server, None)));
    }
    let mut expectations: Vec<Expectation> = plant
        .devices
        .iter()
        .map(|device| {
            let server = &plant.servers[device.server];
            let gateway = &plant.enterprises[server.enterprise].gateway;
            let kind =
                if matches!(server.protocol, Protocol::OpcUa { .. }) { "OPC UA" } else { "Modbus" };
            Expectation {
                subject: format!("device:{gateway}/{}", device.id),
                condition: "DEVICE".to_owned(),
                must: true,
                raised: after(0.0, GRACE_MS, DEVICE_SCAN_MS),
                clears: after(seconds, DEVICE_RETRY_MS + SESSION_MS, DEVICE_SCAN_MS),
                zh: format!(
                    "{gateway} 的 {kind} 设备 {} 断链满 {} s 后 1 s 内报警，供电恢复后解除",
                    device.id,
                    GRACE_MS / 1_000
                ),
                en: format!(
                    "{kind} device {} of {gateway} is reported within 1 s once lost for {} s, and clears when power is back",
                    device.id,
                    GRACE_MS / 1_000
                ),
            }
        })
        .collect();
    expectations.push(none_of(
        "*",
        "MISSING",
        "点位不逐一报数据缺失",
        "No missing-data alarm of points",
    ));
    expectations.push(none_of(
        "gateway:*",
        "GATEWAY",
        "采集主机保持在线",
        "The gateways stay connected",
    ));
    Ok(Timeline { steps, expectations, ends_s: seconds + 20.0 })
}
