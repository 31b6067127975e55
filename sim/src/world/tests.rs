//! Every scenario does in the models what it says, and says all that it does.

use super::*;
use crate::plant::Plant;
use crate::scenario::ALL;

/// Runs a scenario to its end at 5 Hz and gives the world back.
fn run(name: &str, seed: u64, after_s: u32) -> World {
    let mut world = World::new(Park::kaifeng(seed));
    let mut now = 0;
    for _ in 0..25 {
        tick(&mut world, &mut now);
    }
    world.start(name, BTreeMap::new(), now).unwrap();
    while world.runs()[0].ended_at.is_none() {
        tick(&mut world, &mut now);
    }
    for _ in 0..after_s * 5 {
        tick(&mut world, &mut now);
    }
    world
}

fn tick(world: &mut World, now: &mut i64) {
    *now += 200;
    world.tick(0.2, *now);
    for point in 0..world.park.plant().points.len() {
        world.published(point, *now);
    }
}

/// Every expectation that counts from a crossing has its crossing, and back; nothing is left standing.
fn crossings_are_as_expected(world: &World) {
    let run = &world.runs()[0];
    for expected in &run.expectations {
        let of: Vec<_> = world
            .recorder
            .since(run.crossings_after)
            .filter(|c| c.point == expected.subject && c.condition == expected.condition)
            .collect();
        if !matches!(expected.raised, Some(Moment::Crossing { .. })) {
            continue;
        }
        assert!(
            of.iter().any(|c| c.began),
            "{} {} never crossed",
            expected.subject,
            expected.condition
        );
        assert!(
            !of.last().unwrap().began,
            "{} {} never came back",
            expected.subject,
            expected.condition
        );
    }
}

/// No crossing but those that are expected.
fn nothing_else_crossed(world: &World) {
    let run = &world.runs()[0];
    for crossing in world.recorder.since(0) {
        assert!(
            run.expectations
                .iter()
                .any(|e| e.subject == crossing.point && e.condition == crossing.condition),
            "{crossing:?} was not announced"
        );
    }
}

#[test]
fn an_overfill_passes_h_then_hh_within_twenty_five_seconds_and_is_over_in_about_a_minute() {
    for seed in 1..4 {
        let world = run("tank-overfill", seed, 5);
        crossings_are_as_expected(&world);
        nothing_else_crossed(&world);
        let start = world.runs()[0].started_at;
        let at = |condition: &str, began: bool| {
            let found = world.recorder.since(0).find(|c| {
                c.point == "410205001.LT-1203A" && c.condition == condition && c.began == began
            });
            found.unwrap().at - start
        };
        assert!(at("H", true) + 1_000 < at("HH", true), "H comes first, readable one scan apart");
        assert!(at("HH", true) < 25_000, "{}", at("HH", true));
        assert!(at("HH", true) + 15_000 < at("HH", false), "time to acknowledge");
        assert!(at("H", false) < 60_000, "{}", at("H", false));
    }
}

#[test]
fn a_leak_crosses_what_was_foreseen() {
    for seed in 1..3 {
        let world = run("gas-leak", seed, 30);
        assert!(!world.runs()[0].expectations.is_empty(), "somebody must see it");
        crossings_are_as_expected(&world);
    }
}

#[test]
fn a_runaway_crosses_temperature_and_pressure_and_comes_back() {
    let world = run("runaway-reaction", 2, 600);
    assert_eq!(world.runs()[0].expectations.len(), 4);
    crossings_are_as_expected(&world);
    nothing_else_crossed(&world);
}

#[test]
fn a_flapping_sensor_crosses_again_and_again() {
    let world = run("flapping-sensor", 1, 5);
    crossings_are_as_expected(&world);
    nothing_else_crossed(&world);
    assert!(world.recorder.since(0).filter(|c| c.began).count() >= 4);
}

#[test]
fn a_flood_brings_over_a_hundred_alarms_and_none_that_was_not_announced() {
    let world = run("alarm-flood", 1, 30);
    crossings_are_as_expected(&world);
    nothing_else_crossed(&world);
    assert!(world.recorder.since(0).filter(|c| c.began).count() > 100);
}

#[test]
fn a_blackout_touches_servers_and_no_value_and_is_taken_back_when_stopped() {
    let mut world = World::new(Park::kaifeng(1));
    world.start("park-blackout", BTreeMap::new(), 0).unwrap();
    let servers = world.park.plant().servers.len();
    let effects = world.tick(0.2, 200);
    assert_eq!(effects.len(), servers);
    assert!(effects.iter().all(|e| matches!(e, Effect::Server(_, Some(ServerFault::Refuse)))));
    assert!(world.stop("park-blackout", 400));
    let effects = world.tick(0.2, 600);
    assert_eq!(effects.len(), servers);
    assert!(effects.iter().all(|e| matches!(e, Effect::Server(_, None))));
    assert!(!world.stop("park-blackout", 800), "it does not run any more");
}

#[test]
fn a_gateway_is_cut_and_joined_and_its_clock_set_back() {
    let mut world = World::new(Park::kaifeng(1));
    let parameters = BTreeMap::from([("clock_offset_s".to_owned(), serde_json::json!(-600))]);
    world.start("gateway-offline", parameters, 0).unwrap();
    let mut effects = Vec::new();
    for k in 0..300 {
        effects.extend(world.tick(0.2, k * 200));
    }
    assert_eq!(
        effects,
        [
            Effect::GatewayLink(9, false),
            Effect::ClockOffset(9, -600_000),
            Effect::GatewayLink(9, true),
            Effect::ClockOffset(9, 0),
            // Ending takes everything back once more: harmless, and right when stopped half-way.
            Effect::GatewayLink(9, true),
            Effect::ClockOffset(9, 0),
            Effect::GatewayLink(9, true),
            Effect::ClockOffset(9, 0),
        ]
    );
}

#[test]
fn a_frozen_sensor_shows_one_value() {
    let mut world = World::new(Park::kaifeng(1));
    world.start("sensor-frozen", BTreeMap::new(), 0).unwrap();
    let point = world.park.plant().point("410205009.LT-9202").unwrap();
    world.tick(0.2, 0);
    let frozen = world.park.shown(point);
    for k in 0..500 {
        world.tick(0.2, k);
        assert_eq!(world.park.shown(point).to_bits(), frozen.to_bits());
    }
}

#[test]
fn parameters_are_checked_by_name_and_bounds_and_a_scenario_runs_once() {
    let mut world = World::new(Park::kaifeng(1));
    let with = |name: &str, value| BTreeMap::from([(name.to_owned(), value)]);
    for (name, value) in [
        ("colour", serde_json::json!(1)),
        ("high_after_s", serde_json::json!(1_000_000)),
        ("high_after_s", serde_json::json!("soon")),
        ("equipment", serde_json::json!("410205001.V-9999")),
    ] {
        let refused = world.start("tank-overfill", with(name, value), 0).unwrap_err();
        assert!(matches!(&refused, StartError::Parameter(bad) if bad.field == name), "{refused}");
    }
    world.start("tank-overfill", BTreeMap::new(), 0).unwrap();
    assert_eq!(
        world.start("tank-overfill", BTreeMap::new(), 0).unwrap_err(),
        StartError::Running("tank-overfill")
    );
    assert!(matches!(world.start("nothing", BTreeMap::new(), 0), Err(StartError::Unknown(_))));
}

#[test]
fn calm_ends_all_others_begins_anew_when_asked_again_and_is_ended_by_any_other() {
    let mut world = World::new(Park::kaifeng(1));
    let running = |world: &World| -> Vec<(u64, &str)> {
        let runs = world.runs().iter().filter(|run| run.ended_at.is_none());
        runs.map(|run| (run.number, run.scenario)).collect()
    };
    let start = |world: &mut World, name: &str| {
        world.start(name, BTreeMap::new(), 0).unwrap();
    };
    start(&mut world, "tank-overfill");
    start(&mut world, "flapping-sensor");
    start(&mut world, "calm");
    assert_eq!(running(&world), [(3, "calm")]);
    start(&mut world, "calm");
    assert_eq!(running(&world), [(4, "calm")]);
    // A start that is refused ends nothing.
    let bad = BTreeMap::from([("colour".to_owned(), serde_json::json!(1))]);
    world.start("gas-leak", bad, 0).unwrap_err();
    assert_eq!(running(&world), [(4, "calm")]);
    start(&mut world, "gateway-offline");
    assert_eq!(running(&world), [(5, "gateway-offline")]);
}

#[test]
fn what_one_scenario_has_in_hands_no_other_takes_until_it_has_ended() {
    let mut world = World::new(Park::kaifeng(1));
    world.start("gas-leak", BTreeMap::new(), 0).unwrap();
    world.start("flapping-sensor", BTreeMap::new(), 0).unwrap();
    // The flood fills V-2102 as well: the end of the leak would end that.
    let refused = world.start("alarm-flood", BTreeMap::new(), 0).unwrap_err();
    let what = "410205002.V-2102".to_owned();
    assert_eq!(refused, StartError::Busy { what, scenario: "gas-leak" });
    assert!(world.stop("gas-leak", 0));
    // Through an instrument that jumps nobody sees how full B-7202 is.
    let refused = world.start("alarm-flood", BTreeMap::new(), 0).unwrap_err();
    let what = "410205007.B-7202".to_owned();
    assert_eq!(refused, StartError::Busy { what, scenario: "flapping-sensor" });
    assert!(world.stop("flapping-sensor", 0));
    world.start("alarm-flood", BTreeMap::new(), 0).unwrap();
}

#[test]
fn the_blackout_waits_for_all_others_and_they_for_it() {
    let others = [
        "tank-overfill",
        "gas-leak",
        "runaway-reaction",
        "gateway-offline",
        "sensor-frozen",
        "flapping-sensor",
        "alarm-flood",
    ];
    for other in others {
        let mut world = World::new(Park::kaifeng(1));
        let mut refused_after = |first: &str, second: &str| {
            world.start(first, BTreeMap::new(), 0).unwrap();
            let refused = world.start(second, BTreeMap::new(), 0).unwrap_err();
            assert!(
                matches!(&refused, StartError::Busy { scenario, .. } if *scenario == first),
                "{second} during {first}: {refused}"
            );
            assert!(world.stop(first, 0));
        };
        refused_after(other, "park-blackout");
        refused_after("park-blackout", other);
    }
}

#[test]
fn moments_of_a_time_line_are_told_on_the_clock_at_any_speed() {
    let mut world = World::new(Park::kaifeng(1));
    world.set_speed(4.0);
    world.start("gateway-offline", BTreeMap::new(), 1_000).unwrap();
    for k in 0..100 {
        world.tick(0.2, 1_000 + k * 200);
    }
    let at: Vec<(f64, i64)> = world.runs()[0].moments.iter().map(|m| (m.at_s, m.at)).collect();
    // Thirty simulated seconds take seven and a half, and are met by the tick that follows them.
    assert_eq!(at, [(0.0, 1_000), (30.0, 8_600)]);
}

#[test]
fn a_duration_that_the_delays_of_a_point_do_not_allow_is_refused() {
    let mut world = World::new(Park::kaifeng(1));
    for (name, field, value) in [
        ("flapping-sensor", "period_s", 10.0),
        ("sensor-frozen", "seconds", f64::from(crate::plant::FROZEN_S)),
        ("gateway-offline", "seconds", 10.0),
        ("park-blackout", "seconds", 10.0),
    ] {
        let with = BTreeMap::from([(field.to_owned(), serde_json::json!(value))]);
        let refused = world.start(name, with, 0).unwrap_err();
        assert!(matches!(&refused, StartError::Parameter(bad) if bad.field == field), "{refused}");
    }
}

#[test]
fn no_sound_instrument_stands_still_for_as_long_as_is_reported_as_frozen() {
    let plant = Plant::kaifeng();
    for seed in 1..3 {
        let mut park = Park::kaifeng(seed);
        let mut still = vec![(f64::NAN, 0u32); plant.points.len()];
        for _ in 0..1_800 {
            park.step(1.0, &Inputs::default());
            for (index, point) in plant.points.iter().enumerate().filter(|(_, p)| p.frozen_s > 0) {
                let (last, seconds) = &mut still[index];
                *seconds =
                    if last.to_bits() == park.shown(index).to_bits() { *seconds + 1 } else { 0 };
                *last = park.shown(index);
                assert!(*seconds < point.frozen_s, "{} with seed {seed}", point.id);
            }
        }
    }
}

#[test]
fn a_smaller_park_offers_only_the_scenarios_whose_targets_stand_in_it() {
    for enterprises in 1..=10 {
        let plant = Plant::kaifeng_first(enterprises);
        let park = Park::new(plant, 1);
        assert_eq!(plant.enterprises.len(), enterprises);
        for scenario in ALL {
            let mut world = World::new(park.clone());
            let offered = scenario.is_offered(plant);
            let started = world.start(scenario.name, BTreeMap::new(), 0).is_ok();
            assert_eq!(offered, started, "{} with {enterprises}", scenario.name);
        }
    }
    let offered = |n| ALL.iter().filter(|s| s.is_offered(Plant::kaifeng_first(n))).count();
    assert_eq!((offered(1), offered(10)), (4, ALL.len()));
}

#[test]
fn every_scenario_plans_with_its_defaults() {
    let park = Park::kaifeng(1);
    for scenario in ALL {
        let timeline = scenario.plan(&park, BTreeMap::new()).unwrap();
        assert!(!timeline.expectations.is_empty(), "{} states nothing", scenario.name);
    }
}
