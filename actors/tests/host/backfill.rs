//! The back-fill lane: what came and went during a cut is in the alarm log as late; nothing is doubled.

use anlan_domain::uplink::Boot;

use crate::plant::{Logged, Plant, START, Uplink, config};
use anlan_domain::time::UtcMillis;

/// Reads point 0 and 1 live until 10 s, then cuts the link; back at 100 s, with `backlog` frames to come.
fn cut(before: f64) -> Plant {
    let mut plant = Plant::new(2);
    for at in (1_000..=10_000).step_by(1_000) {
        plant.live(at, 0, &[before, 50.0 + at as f64 / 1e6]);
    }
    plant.now = 10_500;
    plant.link(false);
    plant.now = 100_000;
    plant.tick(100_000);
    plant.link(true);
    plant.uplink.gap = true;
    plant
}

fn back(plant: &mut Plant, value: f64) {
    plant.status(true, 90);
    plant.live(100_500, 0, &[value, 50.0]);
    plant.take_story();
}

fn done(plant: &mut Plant) -> Vec<String> {
    plant.now += 100;
    plant.status(true, 0);
    plant.take_story()
}

#[test]
fn an_alarm_that_came_and_went_in_a_cut_is_in_the_log_as_late() {
    let mut plant = cut(50.0);
    back(&mut plant, 50.0);
    plant.late(20_000, 0, &[85.0, 50.0]);
    plant.late(21_000, 0, &[86.0, 50.0]);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    plant.late(22_000, 0, &[50.0, 50.0]);
    assert_eq!(
        plant.take_story(),
        ["LT-0|H|1 raised late at 85 @20000", "LT-0|H|1 cleared Returned @22000"]
    );
    assert_eq!(done(&mut plant), [] as [&str; 0]);
    // This one, and that of the gateway.
    assert_eq!(plant.host.roll_up().returned_unacknowledged, 2);
    plant.acknowledge("410205001.LT-0|H|1").unwrap();
    // The next live one has the next number.
    plant.live(105_000, 0, &[85.0]);
    assert_eq!(plant.take_story()[1..], ["LT-0|H|2 raised at 85 @105000"]);
}

#[test]
fn an_alarm_that_began_in_the_cut_and_stands_live_has_its_start_amended() {
    let mut plant = cut(50.0);
    plant.status(true, 90);
    plant.live(100_500, 0, &[85.0, 50.0]);
    assert_eq!(plant.take_story().last().unwrap(), "LT-0|H|1 raised at 85 @100500");
    for at in [20_000, 21_000, 99_000] {
        plant.late(at, 0, &[86.0, 50.0]);
    }
    assert_eq!(done(&mut plant), ["LT-0|H|1 amended since 20000"]);
    plant.live(110_000, 0, &[50.0]);
    assert_eq!(plant.take_story(), ["LT-0|H|1 cleared Returned @110000"]);
}

#[test]
fn an_amended_alarm_may_be_over_already() {
    let mut plant = cut(50.0);
    plant.status(true, 90);
    plant.live(100_500, 0, &[85.0, 50.0]);
    plant.live(101_500, 0, &[50.0, 50.0]);
    plant.take_story();
    plant.late(20_000, 0, &[86.0, 50.0]);
    assert_eq!(done(&mut plant), ["LT-0|H|1 amended since 20000"]);
    assert!(plant.host.value(0).standing.is_empty());
}

#[test]
fn an_alarm_that_the_first_live_reading_shows_gone_is_cleared_at_that_reading() {
    let mut plant = cut(50.0);
    back(&mut plant, 50.0);
    plant.late(20_000, 0, &[86.0, 50.0]);
    plant.late(21_000, 0, &[86.0, 50.0]);
    assert_eq!(
        done(&mut plant),
        ["LT-0|H|1 raised late at 86 @20000", "LT-0|H|1 cleared Returned @100500"]
    );
}

#[test]
fn an_alarm_that_stands_with_no_live_reading_since_becomes_live() {
    let mut plant = cut(50.0);
    plant.status(true, 90);
    plant.live(100_500, 1, &[50.0]);
    plant.take_story();
    plant.late(20_000, 0, &[86.0]);
    assert_eq!(done(&mut plant), ["LT-0|H|1 raised late at 86 @20000"]);
    assert_eq!(plant.host.roll_up().standing, [0, 0, 1, 0]);
    plant.live(101_000, 0, &[50.0]);
    assert_eq!(plant.take_story(), ["LT-0|H|1 cleared Returned @101000"]);
}

#[test]
fn an_alarm_that_stood_before_the_cut_and_ended_in_it_has_its_end_amended() {
    let mut plant = cut(85.0);
    plant.status(true, 90);
    plant.live(100_500, 0, &[50.0, 50.0]);
    assert_eq!(plant.take_story().last().unwrap(), "LT-0|H|1 cleared Returned @100500");
    plant.late(20_000, 0, &[86.0]);
    plant.late(30_000, 0, &[50.0]);
    assert_eq!(done(&mut plant), ["LT-0|H|1 amended until 30000"]);
}

#[test]
fn an_alarm_that_stood_before_and_after_the_cut_is_one_alarm() {
    let mut plant = cut(85.0);
    back(&mut plant, 86.0);
    plant.late(20_000, 0, &[86.0]);
    plant.late(30_000, 0, &[50.0]);
    plant.late(40_000, 0, &[86.0]);
    assert_eq!(done(&mut plant), [] as [&str; 0]);
    assert!(!plant.host.value(0).standing.is_empty());
}

#[test]
fn live_alarms_go_on_while_the_backlog_comes() {
    let mut plant = cut(50.0);
    back(&mut plant, 50.0);
    for n in 0..20 {
        plant.late(20_000 + n * 1_000, 0, &[if n % 4 == 1 { 86.0 } else { 50.0 }, 50.0]);
        let now = plant.now + 1_000;
        plant.live(now, 0, &[50.0, if n % 5 == 2 { 95.0 } else { 50.0 }]);
    }
    let story = plant.take_story();
    let of = |what: &str| story.iter().filter(|line| line.contains(what)).count();
    assert_eq!(of("LT-0|H|"), 10, "{story:#?}");
    assert_eq!(of("raised late"), 5);
    assert_eq!((of("LT-1|HH|"), of("LT-1|H|")), (8, 8));
    assert_eq!(done(&mut plant), [] as [&str; 0]);
}

#[test]
fn back_filled_readings_are_judged_by_the_limits_that_were_in_force() {
    let mut plant = Plant::new(2);
    plant.live(10_000, 0, &[50.0, 50.0]);
    plant.link(false);
    plant.now = 50_000;
    let mut changed = config(2);
    let mut settings = (*changed.points[0].settings).clone();
    settings.limits.version = 2;
    settings.limits.h.as_mut().unwrap().value = 70.0;
    changed.points[0].settings = settings.into();
    plant.put(Logged::Configured { config: changed, received: UtcMillis(START + 50_000) }).unwrap();
    plant.now = 100_000;
    plant.link(true);
    plant.uplink.gap = true;
    back(&mut plant, 50.0);
    // 75 is below the old limit and above the new one.
    plant.late(20_000, 0, &[75.0]);
    plant.late(30_000, 0, &[50.0]);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    plant.late(60_000, 0, &[75.0]);
    plant.late(70_000, 0, &[50.0]);
    assert_eq!(
        plant.take_story(),
        ["LT-0|H|1 raised late at 75 @60000", "LT-0|H|1 cleared Returned @70000"]
    );
}

#[test]
fn two_cuts_before_the_backlog_is_through_are_two_stories() {
    let mut plant = cut(50.0);
    back(&mut plant, 50.0);
    plant.live(105_000, 0, &[50.0, 50.0]);
    plant.link(false);
    plant.now = 200_000;
    plant.link(true);
    plant.uplink.gap = true;
    plant.status(true, 90);
    plant.live(200_500, 0, &[50.0, 50.0]);
    plant.take_story();
    // An alarm open at the end of the first cut, and another in the second.
    plant.late(99_000, 0, &[85.0]);
    plant.late(150_000, 0, &[50.0]);
    plant.late(151_000, 0, &[85.0]);
    assert_eq!(
        plant.take_story(),
        ["LT-0|H|1 raised late at 85 @99000", "LT-0|H|1 cleared Returned @100500"]
    );
    assert_eq!(
        done(&mut plant),
        ["LT-0|H|2 raised late at 85 @151000", "LT-0|H|2 cleared Returned @200500"]
    );
}

#[test]
fn a_gateway_that_rebooted_in_the_cut_and_whose_backlog_comes_first_is_understood() {
    let mut plant = cut(50.0);
    let mut old = plant.uplink.clone();
    plant.uplink = Uplink { boot: Boot([9; 16]), mono_base: 77, ..Uplink::booted(9) };
    // Backlog of the old boot, then of the new one, before any live frame.
    std::mem::swap(&mut plant.uplink, &mut old);
    plant.late(20_000, 0, &[85.0, 50.0]);
    std::mem::swap(&mut plant.uplink, &mut old);
    plant.late(60_000, 0, &[86.0, 50.0]);
    plant.late(61_000, 0, &[50.0, 50.0]);
    assert_eq!(
        plant.take_story(),
        [
            "gateway:41020500101|GATEWAY|1 raised @20500",
            "gateway:41020500101|GATEWAY|1 cleared Returned @100000",
            "LT-0|H|1 raised late at 85 @20000",
            "LT-0|H|1 cleared Returned @61000",
        ]
    );
    back(&mut plant, 50.0);
    let first = plant.uplink.late;
    assert_eq!(first, 2);
    assert_eq!(done(&mut plant), [] as [&str; 0]);
    // This one, and that of the gateway.
    assert_eq!(plant.host.roll_up().returned_unacknowledged, 2);
}

#[test]
fn a_cut_without_backlog_leaves_nothing_behind() {
    let mut plant = cut(50.0);
    plant.status(true, 0);
    assert_eq!(plant.host.describe().gateways[0].backfills, 0);
    plant.live(100_500, 0, &[50.0, 50.0]);
    assert_eq!(plant.host.describe().counters.late_readings, 0);
}
