//! What holds for every sensor, whatever its settings and whatever arrives. A failure prints the case that shows it, and
//! keeps its seed in `sensor_properties.proptest-regressions`.

// A test that cannot set its scene up has failed.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use anlan_domain::alarm::{AlarmChange, Condition};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::point::{Chatter, PointKind, PointSettings};
use anlan_domain::quality::Quality;
use anlan_domain::sensor::{Finding, Moment, Reading, Rules, Sensor, Watch};
use anlan_domain::suppression::Suppression;
use anlan_domain::time::{LineMillis, UtcMillis};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Reading { after_ms: i64, value: f64, quality: Quality },
    Tick { after_ms: i64 },
}

fn delay() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(0_u32), 1 => Just(500), 2 => 1..6_000_u32]
}

fn some_limit(value: f64) -> impl Strategy<Value = Option<Limit>> {
    prop::option::weighted(
        0.7,
        (0..4_u8, delay(), delay()).prop_map(move |(deadband, on_delay_ms, off_delay_ms)| Limit {
            value,
            deadband: f64::from(deadband) * 2.0,
            on_delay_ms,
            off_delay_ms,
            ..Limit::default()
        }),
    )
}

fn settings() -> impl Strategy<Value = PointSettings> {
    let kind = prop_oneof![
        4 => Just(PointKind::Analog),
        1 => delay().prop_map(|on_delay_ms| PointKind::discrete(Some(50), on_delay_ms, 0)),
    ];
    (
        kind,
        some_limit(10.0),
        some_limit(20.0),
        some_limit(80.0),
        some_limit(90.0),
        some_limit(600.0),
        prop::option::of(2_000..8_000_u32),
        prop::option::of((3..6_u8, 2_000..20_000_u32)),
    )
        .prop_map(|(kind, ll, l, h, hh, rate_per_min, frozen_after_ms, chatter)| {
            PointSettings {
                kind,
                signal: "level".into(),
                unit: "%".into(),
                range: (0.0, 100.0),
                scan_ms: 1_000,
                missing_scans: 3,
                frozen_after_ms,
                limits: Limits { version: 1, ll, l, h, hh, rate_per_min, ..Limits::default() },
                of_hazard_source: true,
                chatter: chatter.map(|(transitions, window_ms)| Chatter { transitions, window_ms }),
                suppression: Suppression::default(),
                detectors: Box::default(),
            }
        })
}

fn event() -> impl Strategy<Value = Event> {
    // Few values, near the limits, so that conditions come, go, and come to rest on a boundary.
    let value = prop_oneof![
        6 => prop::sample::select(vec![
            -5.0, 5.0, 10.0, 12.0, 15.0, 20.0, 22.0, 50.0, 50.5, 51.0, 77.0, 79.9, 80.0, 85.0, 90.0, 95.0, 110.0,
        ]),
        1 => 0.0..100.0_f64,
    ];
    let quality = prop_oneof![
        8 => Just(Quality::GOOD),
        1 => Just(Quality::UNCERTAIN),
        1 => Just(Quality::COMM_FAILURE),
    ];
    let after = prop_oneof![6 => Just(1_000_i64), 2 => 0..2_500_i64, 1 => 2_500..20_000_i64];
    prop_oneof![
        5 => (after.clone(), value, quality)
            .prop_map(|(after_ms, value, quality)| Event::Reading { after_ms, value, quality }),
        1 => after.prop_map(|after_ms| Event::Tick { after_ms }),
    ]
}

/// How a run is made: what may vary without changing what is found.
#[derive(Clone, Copy)]
struct How {
    calm: bool,
    /// Ticks are given as well, at their time, as often as there is room.
    ticks: bool,
    /// Error of the source's wall clock, and a step of it in the middle.
    wall: i64,
    step_at: usize,
    step: i64,
}

const PLAIN: How = How { calm: false, ticks: true, wall: 0, step_at: 0, step: 0 };

/// When, on the line, each finding was completed, beside the finding.
fn run(settings: &PointSettings, events: &[Event], how: How) -> (Vec<Finding>, Sensor) {
    let rules = Rules::new(Arc::new(settings.clone()));
    let watch = Watch::Running(Moment { at: LineMillis(0), wall: UtcMillis(how.wall) });
    let mut sensor = Sensor::default();
    let mut findings = Vec::new();
    let mut now = LineMillis(0);
    let mut wall = how.wall;
    for (n, event) in events.iter().enumerate() {
        if n == how.step_at {
            wall += how.step;
        }
        match *event {
            Event::Reading { after_ms, value, quality } => {
                now = now.plus(after_ms);
                let source = UtcMillis(now.0 + wall);
                let calm =
                    how.calm && quality == Quality::GOOD && sensor.calm(&rules, value, now, source);
                if !calm {
                    let reading = Reading { value, quality, at: now, source };
                    sensor.step(&rules, &reading, watch, &mut findings);
                }
            }
            Event::Tick { after_ms } => {
                now = now.plus(after_ms);
                if how.ticks {
                    sensor.tick(&rules, now, watch, &mut findings);
                }
            }
        }
    }
    (findings, sensor)
}

/// What was decided, without the times.
fn decisions(findings: &[Finding]) -> Vec<(Condition, u32, AlarmChange)> {
    findings.iter().map(|f| (f.condition, f.occurrence, f.change.clone())).collect()
}

proptest! {
    #[test]
    fn raise_and_clear_alternate_and_occurrences_are_dense(
        settings in settings(), events in prop::collection::vec(event(), 0..80),
    ) {
        let (findings, sensor) = run(&settings, &events, PLAIN);
        let mut last: HashMap<Condition, (u32, bool, UtcMillis)> = HashMap::new();
        for finding in &findings {
            let (number, stands, at) =
                last.get(&finding.condition).copied().unwrap_or((0, false, UtcMillis(i64::MIN)));
            match finding.change {
                AlarmChange::Raised { .. } => {
                    prop_assert!(!stands, "{:?} raised while it stands", finding.condition);
                    prop_assert_eq!(finding.occurrence, number + 1);
                    last.insert(finding.condition, (number + 1, true, finding.source_time));
                }
                AlarmChange::Cleared { .. } => {
                    prop_assert!(stands, "{:?} cleared while it does not stand", finding.condition);
                    prop_assert_eq!(finding.occurrence, number);
                    last.insert(finding.condition, (number, false, finding.source_time));
                }
                AlarmChange::Chattering { .. } => {
                    prop_assert!(stands, "{:?} chatters while it does not stand", finding.condition);
                    prop_assert_eq!(finding.occurrence, number);
                }
                ref other => prop_assert!(false, "{:?}", other),
            }
            prop_assert!(at <= finding.source_time, "an alarm's entries are in the order of time");
        }
        for condition in Condition::ALL {
            let stands = last.get(&condition).is_some_and(|&(_, stands, _)| stands);
            prop_assert_eq!(sensor.standing().has(condition), stands);
        }
    }

    #[test]
    fn nothing_is_raised_without_its_condition(
        settings in settings(), events in prop::collection::vec(event(), 0..80),
    ) {
        let (findings, _) = run(&settings, &events, PLAIN);
        for finding in findings {
            let AlarmChange::Raised { value, limit, .. } = finding.change else { continue };
            let value_breaks = |high: bool| {
                let (value, limit) = (value.unwrap(), limit.unwrap());
                if high { value >= limit } else { value <= limit }
            };
            match finding.condition {
                Condition::HighHigh | Condition::High => prop_assert!(value_breaks(true)),
                Condition::LowLow | Condition::Low => prop_assert!(value_breaks(false)),
                Condition::State => prop_assert_eq!(value, Some(50.0)),
                Condition::OutOfRange => {
                    let value = value.unwrap();
                    prop_assert!(!(0.0..=100.0).contains(&value));
                }
                Condition::Frozen => prop_assert!(settings.frozen_after_ms.is_some()),
                Condition::RateOfChange => prop_assert!(settings.limits.rate_per_min.is_some()),
                Condition::BadQuality | Condition::Missing => prop_assert_eq!(value, None),
                other => prop_assert!(false, "{:?} is not the sensor's to raise", other),
            }
        }
    }

    #[test]
    fn the_calm_path_does_what_the_step_does(
        settings in settings(), events in prop::collection::vec(event(), 0..80),
    ) {
        let careful = run(&settings, &events, PLAIN);
        let quick = run(&settings, &events, How { calm: true, ..PLAIN });
        prop_assert_eq!(&quick.0, &careful.0);
        prop_assert_eq!(format!("{:?}", quick.1), format!("{:?}", careful.1));
    }

    #[test]
    fn a_wrong_or_stepping_wall_clock_changes_no_decision(
        settings in settings(),
        events in prop::collection::vec(event(), 0..80),
        wall in -4_000_000_000_i64..4_000_000_000,
        step_at in 0..80_usize,
        step in -3_600_000_i64..3_600_000,
    ) {
        let right = run(&settings, &events, PLAIN);
        let wrong = run(&settings, &events, How { wall, ..PLAIN });
        let shifted: Vec<_> = right
            .0
            .iter()
            .map(|f| Finding { source_time: f.source_time.plus(wall), ..f.clone() })
            .collect();
        prop_assert_eq!(&wrong.0, &shifted);
        let stepped = run(&settings, &events, How { wall, step_at, step, ..PLAIN });
        prop_assert_eq!(decisions(&stepped.0), decisions(&right.0));
    }

    #[test]
    fn ticks_that_do_not_run_ahead_only_find_sooner_what_readings_find(
        settings in settings(), events in prop::collection::vec(event(), 0..80),
    ) {
        // Missing data aside, which only a tick can find.
        let value = |findings: Vec<Finding>| -> Vec<Finding> {
            findings.into_iter().filter(|f| f.condition != Condition::Missing).collect()
        };
        let mut events = events;
        events.push(Event::Reading { after_ms: 60_000, value: 50.0, quality: Quality::GOOD });
        let with = value(run(&settings, &events, PLAIN).0);
        let without = value(run(&settings, &events, How { ticks: false, ..PLAIN }).0);
        prop_assert_eq!(with, without);
    }
}

/// One event for one sensor.
fn take(
    sensor: &mut Sensor,
    rules: &Rules,
    now: LineMillis,
    event: &Event,
    out: &mut Vec<Finding>,
) {
    let watch = Watch::Running(Moment { at: LineMillis(0), wall: UtcMillis(0) });
    match *event {
        Event::Reading { value, quality, .. } => {
            let reading = Reading { value, quality, at: now, source: UtcMillis(now.0) };
            sensor.step(rules, &reading, watch, out);
        }
        Event::Tick { .. } => sensor.tick(rules, now, watch, out),
    }
}

proptest! {
    /// Whatever stands by the bare rule stands when chattering is held up too, at the same moment; and people are called less often.
    #[test]
    fn holding_up_what_chatters_delays_and_hides_no_excursion(
        settings in settings(), events in prop::collection::vec(event(), 0..120),
        transitions in 3..5_u8, window_ms in 2_000..30_000_u32,
    ) {
        let rules = |chatter| Rules::new(Arc::new(PointSettings { chatter, ..settings.clone() }));
        let (bare, held) = (rules(None), rules(Some(Chatter { transitions, window_ms })));
        let (mut by_bare, mut by_held) = (Sensor::default(), Sensor::default());
        let (mut of_bare, mut of_held) = (Vec::new(), Vec::new());
        let mut now = LineMillis(0);
        for event in &events {
            let (Event::Reading { after_ms, .. } | Event::Tick { after_ms }) = *event;
            now = now.plus(after_ms);
            take(&mut by_bare, &bare, now, event, &mut of_bare);
            take(&mut by_held, &held, now, event, &mut of_held);
            for condition in by_bare.standing().iter() {
                prop_assert!(by_held.standing().has(condition), "{condition:?} is hidden at {now:?}");
            }
        }
        let raises = |findings: &[Finding]| {
            findings.iter().filter(|f| matches!(f.change, AlarmChange::Raised { .. })).count()
        };
        prop_assert!(raises(&of_held) <= raises(&of_bare));
        // Every episode that is begun is ended or goes on, and its count only grows.
        let mut counts: HashMap<(Condition, u32), u32> = HashMap::new();
        for finding in &of_held {
            if let AlarmChange::Chattering { crossings, over } = finding.change {
                let key = (finding.condition, finding.occurrence);
                let before = counts.insert(key, crossings).unwrap_or(0);
                prop_assert!(before <= crossings && u32::from(transitions) <= crossings);
                if over {
                    counts.remove(&key);
                }
            }
        }
    }
}
