//! The back-fill lane: what came and went during a cut is in the alarm log as late; nothing is doubled.

use std::collections::BTreeMap;

use anlan_actors::host::Rulebook;
use anlan_domain::alarm::{AlarmChange, AlarmEntry};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::log::HostConfig;
use anlan_domain::point::PointSettings;
use anlan_domain::quality::Quality;
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{Boot, Lane};
use proptest::prelude::*;

use crate::plant::{Logged, Plant, START, Uplink, config, limit, settings};

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

/// One point, LT-0, with these settings.
fn one_point(settings: PointSettings) -> HostConfig {
    let mut config = config(1);
    config.points[0].settings = settings.into();
    config
}

fn high(deadband: f64, on_delay_ms: u32, off_delay_ms: u32) -> PointSettings {
    let h = Limit { deadband, on_delay_ms, off_delay_ms, ..limit(80.0) };
    settings(Limits { version: 1, h: Some(h), ..Limits::default() })
}

/// Reads one point every second while the link is up. What it reads while it is down comes at the end, when the backlog does.
struct Cut {
    plant: Plant,
    backlog: Vec<(i64, f64, Quality)>,
}

impl Cut {
    fn of(settings: PointSettings) -> Self {
        Self { plant: Plant::configured(one_point(settings)), backlog: Vec::new() }
    }

    /// One reading a second; `at` is the second of the first.
    fn live(&mut self, at: i64, values: &[f64]) {
        for (at, value) in (at..).zip(values) {
            self.one(at, *value, Quality::GOOD);
        }
    }

    fn one(&mut self, at: i64, value: f64, quality: Quality) {
        let at = at * 1_000;
        self.plant.readings(Lane::Live, at, at, 0, &[(value, quality)]);
        self.plant.tick(at + 500);
    }

    fn down(&mut self) {
        self.plant.link(false);
    }

    fn read(&mut self, at: i64, values: &[f64]) {
        self.backlog.extend((at..).zip(values).map(|(at, value)| (at, *value, Quality::GOOD)));
    }

    /// The link is back at a second.
    fn up(&mut self, at: i64) {
        self.plant.now = at * 1_000 - 100;
        self.plant.tick(self.plant.now);
        self.plant.link(true);
        self.plant.uplink.gap = true;
        self.plant.status(true, 90);
        self.plant.take_story();
    }

    fn backlog(&mut self) {
        for (at, value, quality) in std::mem::take(&mut self.backlog) {
            let now = self.plant.now;
            self.plant.readings(Lane::Backfill, at * 1_000, now, 0, &[(value, quality)]);
        }
    }

    /// The backlog comes, and nothing is left of it.
    fn done(&mut self) -> Vec<String> {
        self.backlog();
        done(&mut self.plant)
    }
}

#[test]
fn a_delay_that_began_in_the_cut_and_ended_after_it_raises_its_alarm() {
    let mut cut = Cut::of(high(0.0, 60_000, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(3, &[50.0; 57]);
    // 40 s at the end of the cut, 40 s after it: neither part is as long as the delay.
    cut.read(60, &[85.0; 40]);
    cut.up(100);
    cut.live(100, &[85.0; 40]);
    cut.live(140, &[50.0; 30]);
    assert_eq!(cut.plant.take_story(), [] as [&str; 0]);
    assert_eq!(
        cut.done(),
        ["LT-0|H|1 raised late at 85 @120000", "LT-0|H|1 cleared Returned @140000"]
    );
    cut.live(180, &[50.0; 70]);
    assert_eq!(cut.plant.take_story(), [] as [&str; 0]);
}

#[test]
fn a_delay_that_began_in_the_cut_goes_on_in_the_live_lane() {
    let mut cut = Cut::of(high(0.0, 60_000, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(60, &[85.0; 40]);
    cut.up(100);
    cut.live(100, &[85.0; 5]);
    // The backlog is through while it runs: the next readings complete it.
    assert_eq!(cut.done(), [] as [&str; 0]);
    cut.live(105, &[85.0; 20]);
    assert_eq!(cut.plant.take_story(), ["LT-0|H|1 raised at 85 @120000"]);
}

#[test]
fn a_delay_that_the_first_live_reading_completes_raises_its_alarm() {
    let mut cut = Cut::of(high(0.0, 40_000, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(60, &[85.0; 40]);
    cut.up(100);
    cut.live(100, &[85.0, 50.0, 50.0]);
    assert_eq!(
        cut.done(),
        ["LT-0|H|1 raised late at 85 @100000", "LT-0|H|1 cleared Returned @101000"]
    );
}

#[test]
fn a_live_alarm_whose_delay_began_in_the_cut_has_its_start_amended() {
    let mut cut = Cut::of(high(0.0, 20_000, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(90, &[85.0; 10]);
    cut.up(100);
    cut.live(100, &[85.0; 50]);
    assert_eq!(cut.plant.take_story(), ["LT-0|H|1 raised at 85 @120000"]);
    assert_eq!(cut.done(), ["LT-0|H|1 amended since 110000"]);
}

#[test]
fn an_alarm_that_ended_while_the_backlog_came_is_not_made_a_live_one() {
    for (deadband, off_delay_ms, after, ended) in [
        // The off-delay is over ten seconds after the first live reading.
        (0.0, 10_000, vec![50.0; 60], 110_000),
        // It began to run within the cut.
        (0.0, 40_000, vec![50.0; 60], 138_000),
        // The first live readings are within the deadband, for longer than any delay.
        (5.0, 0, [vec![78.0; 300], vec![50.0; 3]].concat(), 400_000),
    ] {
        let mut cut = Cut::of(high(deadband, 0, off_delay_ms));
        cut.live(1, &[50.0, 51.0]);
        cut.down();
        cut.read(90, &[85.0; 8]);
        if ended == 138_000 {
            cut.read(98, &[50.0; 2]);
        } else {
            cut.read(98, &[85.0; 2]);
        }
        cut.up(100);
        cut.live(100, &after);
        assert_eq!(cut.plant.take_story(), [] as [&str; 0]);
        // Half an hour later the backlog is through.
        cut.live(2_000, &[50.0, 50.0]);
        cut.plant.take_story();
        let story = cut.done();
        let cleared = format!("LT-0|H|1 cleared Returned @{ended}");
        assert_eq!(story, ["LT-0|H|1 raised late at 85 @90000".to_owned(), cleared]);
        assert!(cut.plant.host.value(0).standing.is_empty());
    }
}

#[test]
fn an_alarm_that_the_first_live_readings_could_not_judge_ends_with_the_one_that_could() {
    let mut cut = Cut::of(high(0.0, 0, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(95, &[85.0; 5]);
    cut.up(100);
    cut.one(100, 0.0, Quality::SENSOR_FAILURE);
    cut.one(101, 0.0, Quality::SENSOR_FAILURE);
    cut.live(102, &[50.0; 500]);
    assert_eq!(
        cut.done(),
        ["LT-0|H|1 raised late at 85 @95000", "LT-0|H|1 cleared Returned @102000"]
    );
}

#[test]
fn an_alarm_whose_value_stays_within_the_deadband_stands_and_its_off_delay_goes_on() {
    let mut cut = Cut::of(high(5.0, 0, 10_000));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(95, &[85.0; 5]);
    cut.up(100);
    cut.live(100, &[78.0; 200]);
    cut.live(300, &[50.0; 4]);
    assert_eq!(cut.done(), ["LT-0|H|1 raised late at 85 @95000"]);
    cut.live(304, &[50.0; 10]);
    assert_eq!(cut.plant.take_story(), ["LT-0|H|1 cleared Returned @310000"]);
}

#[test]
fn what_began_in_the_cut_amends_the_alarm_that_went_on_with_it_and_no_later_one() {
    let mut cut = Cut::of(high(0.0, 0, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(95, &[85.0; 5]);
    cut.up(100);
    // #1 goes on with it; #2 is another.
    cut.live(100, &[85.0, 50.0, 50.0, 85.0]);
    cut.plant.take_story();
    assert_eq!(cut.done(), ["LT-0|H|1 amended since 95000"]);
    assert!(!cut.plant.host.value(0).standing.is_empty());
}

#[test]
fn an_alarm_open_between_two_cuts_goes_on_in_the_second() {
    let mut cut = Cut::of(high(5.0, 0, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(95, &[85.0; 5]);
    cut.up(100);
    cut.live(100, &[78.0; 5]);
    cut.down();
    cut.read(105, &[78.0; 45]);
    cut.read(150, &[50.0; 50]);
    cut.up(200);
    cut.live(200, &[50.0; 5]);
    assert_eq!(
        cut.done(),
        ["LT-0|H|1 raised late at 85 @95000", "LT-0|H|1 cleared Returned @150000"]
    );
}

#[test]
fn a_rate_over_the_end_of_the_cut_is_seen() {
    let rate = Limit { ..limit(600.0) };
    let mut cut =
        Cut::of(settings(Limits { version: 1, rate_per_min: Some(rate), ..Limits::default() }));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(95, &[50.0; 5]);
    cut.up(100);
    cut.live(100, &[70.0, 70.0, 70.0]);
    assert_eq!(
        cut.done(),
        ["LT-0|ROC|1 raised late at 70 @100000", "LT-0|ROC|1 cleared Returned @101000"]
    );
}

#[test]
fn a_signal_that_froze_in_the_cut_is_frozen_as_long_as_it_has_been() {
    let mut frozen = high(0.0, 0, 0);
    frozen.frozen_after_ms = Some(60_000);
    let mut cut = Cut::of(frozen);
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(70, &[55.0; 30]);
    cut.up(100);
    cut.live(100, &[55.0; 10]);
    assert_eq!(cut.done(), [] as [&str; 0]);
    cut.live(110, &[55.0; 25]);
    assert_eq!(cut.plant.take_story(), ["LT-0|FROZEN|1 raised at 55 @130000"]);
}

/// From when to when each alarm of a subject stood, as the log says in the end.
pub fn intervals(entries: &[AlarmEntry], subject: &str) -> Vec<Interval> {
    let mut alarms: BTreeMap<String, (i64, Option<i64>)> = BTreeMap::new();
    for entry in entries {
        let id = entry.alarm.to_string();
        let at = entry.source_time.0 - START;
        match entry.change {
            _ if !id.contains(subject) => {}
            AlarmChange::Raised { .. } => assert!(alarms.insert(id, (at, None)).is_none()),
            AlarmChange::Cleared { .. } => alarms.get_mut(&id).unwrap().1 = Some(at),
            AlarmChange::Amended { raised_at, cleared_at } => {
                let alarm = alarms.get_mut(&id).unwrap();
                if let Some(raised_at) = raised_at {
                    alarm.0 = raised_at.0 - START;
                }
                if let Some(cleared_at) = cleared_at {
                    alarm.1 = Some(cleared_at.0 - START);
                }
            }
            _ => {}
        }
    }
    let condition = |id: &str| id.split('|').nth(1).unwrap().to_owned();
    let mut all: Vec<_> =
        alarms.into_iter().map(|(id, (from, to))| (condition(&id), from, to)).collect();
    all.sort();
    all
}

/// H with deadband and both delays, HH with a long on-delay, L without any.
fn busy((deadband, on_delay_ms, off_delay_ms): (f64, u32, u32)) -> PointSettings {
    let h = Limit { deadband, on_delay_ms, off_delay_ms, ..limit(80.0) };
    let hh = Limit { on_delay_ms: 9_500, ..limit(90.0) };
    settings(Limits {
        version: 1,
        h: Some(h),
        hh: Some(hh),
        l: Some(limit(20.0)),
        ..Limits::default()
    })
}

pub type Interval = (String, i64, Option<i64>);

/// Whether the log of a plant with cuts tells what that of one without does. Where an alarm stood when a cut began, ended in it and
/// came again, the log keeps one alarm: the dip is in the history. Nothing else differs.
pub fn tells_the_same(whole: &[Interval], parts: &[Interval], cuts: &[(usize, usize)]) -> bool {
    if whole == parts {
        return true;
    }
    let covers = |interval: &Interval, condition: &str, at: i64| {
        interval.0 == condition && (interval.1..interval.2.unwrap_or(i64::MAX)).contains(&at)
    };
    let at_cuts = || cuts.iter().map(|cut| cut.0 as i64 * 1_000 + 999);
    let spans_cut = |i: &Interval| at_cuts().any(|at| covers(i, &i.0, at));
    let conditions = ["HH", "H", "L", "BAD", "DEVICE"];
    (0..200_000).step_by(500).all(|at| {
        conditions.iter().all(|condition| {
            let stood = whole.iter().any(|interval| covers(interval, condition, at));
            let mut told = parts.iter().filter(|interval| covers(interval, condition, at));
            if stood { told.next().is_some() } else { told.all(spans_cut) }
        })
    }) && parts.iter().all(|part| whole.contains(part) || spans_cut(part))
}

proptest! {
    /// The property behind all of the above: with and without cuts, the alarm log tells the same in the end.
    #[test]
    fn a_cut_changes_no_alarm(
        steps in prop::collection::vec(
            (prop::sample::select(vec![50.0, 50.5, 78.0, 85.0, 95.0, 15.0, -1.0]), 1..8_usize),
            4..40,
        ),
        cuts in prop::collection::vec((1..20_usize, 1..30_usize), 1..4),
        when in 0..30_usize,
        h in (
            prop::sample::select(vec![0.0, 5.0]),
            prop::sample::select(vec![0, 1_500, 3_000, 7_000]),
            prop::sample::select(vec![0, 2_500, 4_000, 9_000]),
        ),
    ) {
        let mut values: Vec<f64> = vec![50.0; 4];
        for (value, times) in steps {
            values.extend(vec![value; times]);
        }
        let mut end = 4;
        let cuts: Vec<_> = cuts.into_iter().map(|(live, length)| {
            let start = end + live;
            end = start + length;
            (start, end)
        }).collect();
        let through = end + when + 1;
        // In the end it is calm, for longer than any delay.
        values.resize(values.len().max(through) + 20, 50.0);
        let reading = |value: f64| if value < 0.0 { (0.0, Quality::SENSOR_FAILURE) } else { (value, Quality::GOOD) };
        let mut whole = Cut::of(busy(h));
        let mut parts = Cut::of(busy(h));
        for (n, &value) in values.iter().enumerate() {
            let at = n as i64 + 1;
            let (value, quality) = reading(value);
            whole.one(at, value, quality);
            if cuts.iter().any(|cut| cut.0 == n) {
                parts.down();
            }
            if cuts.iter().any(|cut| cut.1 == n) {
                parts.plant.now = at * 1_000 - 100;
                parts.plant.link(true);
                parts.plant.uplink.gap = true;
                parts.plant.status(true, 90);
            }
            if cuts.iter().any(|cut| (cut.0..cut.1).contains(&n)) {
                parts.backlog.push((at, value, quality));
            } else {
                parts.one(at, value, quality);
            }
            if n == through {
                parts.backlog();
                parts.plant.status(true, 0);
            }
        }
        let told = intervals(&parts.plant.effects.entries, "LT-0|");
        let whole = intervals(&whole.plant.effects.entries, "LT-0|");
        prop_assert!(
            tells_the_same(&whole, &told, &cuts),
            "{:?}\n{:?}\ncuts {:?}, through {}, {:#?} of {:?}",
            whole, told, &cuts, through, parts.plant.story(), &values
        );
        let (again, _) = parts.plant.replayed(Rulebook, Rulebook, parts.plant.log.len() / 2);
        prop_assert_eq!(&again, &parts.plant.effects.entries);
    }
}

#[test]
fn a_wrong_wall_clock_in_a_boot_between_stops_no_time_for_what_comes_after() {
    let mut cut = Cut::of(high(0.0, 5_000, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    let boot = |n: u8, at: i64, skew: i64| Uplink {
        mono_base: 5_000_u64.wrapping_sub(u64::try_from(at).unwrap()),
        skew,
        gap: false,
        ..Uplink::booted(n)
    };
    let first = cut.plant.uplink.clone();
    cut.plant.uplink = boot(4, 80_000, 0);
    cut.up(100);
    cut.live(100, &[50.0, 50.0]);
    let live = std::mem::replace(&mut cut.plant.uplink, first);
    cut.read(3, &[50.0; 5]);
    cut.backlog();
    // Two boots that never spoke live: the first believes in 1970, the second is right. In each, a delay is over.
    for (n, at, skew) in [(2, 20_000, -START), (3, 40_000, 0)] {
        cut.plant.uplink = boot(n, at, skew);
        cut.read(at / 1_000, &[85.0, 85.0, 85.0, 85.0, 85.0, 85.0, 50.0]);
        cut.backlog();
        assert_eq!(cut.plant.take_story().len(), 2, "boot {n}");
    }
    // The live boot's own backlog goes on where it was.
    cut.plant.uplink = live;
    cut.read(85, &[85.0, 85.0, 85.0, 85.0, 85.0, 85.0, 50.0, 50.0]);
    assert_eq!(
        cut.done(),
        ["LT-0|H|3 raised late at 85 @90000", "LT-0|H|3 cleared Returned @91000"]
    );
}

#[test]
fn a_wrong_wall_clock_in_a_boot_between_settles_no_gap_early() {
    let mut cut = Cut::of(high(0.0, 0, 0));
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.up(100);
    cut.live(100, &[50.0, 50.0]);
    cut.down();
    cut.up(200);
    cut.live(200, &[50.0, 50.0]);
    // Its wall clock is a year ahead.
    let live = cut.plant.uplink.clone();
    cut.plant.uplink = Uplink { skew: 31_536_000_000, gap: false, ..Uplink::booted(9) };
    cut.read(50, &[50.0, 85.0, 85.0]);
    cut.backlog();
    assert_eq!(cut.plant.host.describe().gateways[0].backfills, 2);
    cut.plant.uplink = live;
    assert_eq!(cut.done().len(), 2);
}

#[test]
fn a_point_that_was_missing_in_a_cut_is_in_the_log_as_late() {
    let mut plant = cut(50.0);
    back(&mut plant, 50.0);
    for second in 11..100 {
        let at = second * 1_000;
        let moving = 50.0 + second as f64 / 1e3;
        let both = [moving, moving];
        plant.late(at, 0, if (30..41).contains(&second) { &both[..1] } else { &both });
    }
    assert_eq!(
        plant.take_story(),
        ["LT-1|MISSING|1 raised late @32000", "LT-1|MISSING|1 cleared Returned @41000"]
    );
    assert_eq!(done(&mut plant), [] as [&str; 0]);
}

#[test]
fn a_point_that_is_missing_since_a_cut_has_been_missing_since_then() {
    let mut plant = cut(50.0);
    plant.status(true, 90);
    for second in 101..110 {
        plant.live(second * 1_000, 0, &[50.0]);
        plant.tick(second * 1_000 + 100);
    }
    let story = plant.take_story();
    assert_eq!(story.last().unwrap(), "LT-1|MISSING|1 raised @103000", "{story:?}");
    for second in 11..100 {
        let both = [50.0 + second as f64 / 1e3; 2];
        plant.late(second * 1_000, 0, if second < 60 { &both } else { &both[..1] });
    }
    assert_eq!(done(&mut plant), ["LT-1|MISSING|1 amended since 62000"]);
}

#[test]
fn a_gateway_that_was_silent_in_a_cut_makes_no_point_missing() {
    let mut plant = cut(50.0);
    back(&mut plant, 50.0);
    for second in (11..30).chain(60..100) {
        // One frame a point: the other comes a moment later.
        plant.late(second * 1_000, 0, &[50.0 + second as f64 / 1e3]);
        plant.late(second * 1_000 + 100, 1, &[50.0 + second as f64 / 1e3]);
    }
    assert_eq!(done(&mut plant), [] as [&str; 0]);
}

#[test]
fn a_signal_that_was_frozen_in_a_cut_is_in_the_log_as_late() {
    let mut frozen = high(0.0, 0, 0);
    frozen.frozen_after_ms = Some(20_000);
    let mut cut = Cut::of(frozen);
    cut.live(1, &[50.0, 51.0]);
    cut.down();
    cut.read(3, &[55.0; 30]);
    cut.read(33, &[56.0]);
    cut.up(100);
    cut.live(100, &[50.0, 50.0]);
    assert_eq!(
        cut.done(),
        ["LT-0|FROZEN|1 raised late at 55 @23000", "LT-0|FROZEN|1 cleared Returned @33000"]
    );
}
