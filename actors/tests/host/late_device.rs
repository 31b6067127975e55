//! Devices in the back-fill lane: one that was lost during a cut is in the alarm log as late, once, and carries its points.

use anlan_actors::host::Rulebook;
use anlan_domain::log::HostConfig;
use anlan_domain::quality::Quality;
use anlan_domain::uplink::{Boot, Lane};
use proptest::prelude::*;

use crate::backfill::{intervals, tells_the_same};
use crate::plant::{Plant, START, Uplink, config, hazard_config};

const PLC_1: (&str, bool, i64) = ("plc-1", true, 0);

/// Lost, or answering, since a second.
fn plc_2(connected: bool, since: i64) -> [(&'static str, bool, i64); 2] {
    [PLC_1, ("plc-2", connected, since * 1_000)]
}

/// `LT-0` hangs on plc-1, `LT-4` on plc-2. The link is up and everything works.
fn plant() -> Plant {
    of(config(8))
}

fn of(config: HostConfig) -> Plant {
    let mut plant = Plant::configured(config);
    plant.live_status(&plc_2(true, 0), 0);
    plant
}

/// The link is down from one second on, and up again at another, with a backlog to come.
fn cut(plant: &mut Plant, from: i64, to: i64, then: &[(&str, bool, i64)]) {
    plant.now = from * 1_000;
    plant.link(false);
    for second in from + 1..to {
        plant.tick(second * 1_000);
    }
    plant.now = to * 1_000;
    plant.link(true);
    plant.uplink.gap = true;
    plant.live_status(then, 90);
}

/// A status of the backlog, sealed at a second.
fn late(plant: &mut Plant, at: i64, connected: bool, since: i64) {
    plant.late_status(at * 1_000, &plc_2(connected, since));
}

/// A live status at a second, with ticks up to it.
fn live(plant: &mut Plant, at: i64, connected: bool, since: i64) {
    pass(plant, at);
    plant.live_status(&plc_2(connected, since), 90);
}

fn pass(plant: &mut Plant, to: i64) {
    while plant.now < to * 1_000 {
        plant.tick(plant.now + 500);
    }
}

/// Nothing is left of the backlog: the alarms of the device so far. A replay with a crash in the middle comes to the same.
fn done(plant: &mut Plant, connected: bool, since: i64) -> Vec<String> {
    plant.live_status(&plc_2(connected, since), 0);
    assert_eq!(plant.host.describe().gateways[0].backfills, 0);
    device_story(plant)
}

fn device_story(plant: &Plant) -> Vec<String> {
    for k in [plant.log.len() / 3, plant.log.len() / 2, plant.log.len() - 1] {
        let (again, checkpoint) = plant.replayed(Rulebook, Rulebook, k.max(1));
        assert_eq!(again, plant.effects.entries, "with a crash after entry {k}");
        assert_eq!(checkpoint, plant.host.checkpoint());
    }
    let story = plant.story().into_iter();
    story.filter_map(|line| Some(line.split_once("plc-2|DEVICE|")?.1.to_owned())).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_device_that_was_lost_and_came_back_in_a_cut_is_in_the_log_as_late() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(true, 50));
    late(&mut plant, 11, true, 0);
    late(&mut plant, 30, false, 30);
    assert_eq!(device_story(&plant), NONE);
    late(&mut plant, 50, true, 50);
    assert_eq!(device_story(&plant), ["1 raised late @40000", "1 cleared Returned @50000"]);
    assert_eq!(done(&mut plant, true, 50).len(), 2, "nothing is said twice");
    plant.acknowledge("device:41020500101/plc-2|DEVICE|1").unwrap();
    // The next live one has the next number.
    live(&mut plant, 120, false, 120);
    pass(&mut plant, 135);
    assert_eq!(device_story(&plant)[3..], ["2 raised @130000"]);
}

#[test]
fn a_loss_in_a_cut_that_is_shorter_than_the_grace_is_no_alarm() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(true, 58));
    late(&mut plant, 11, true, 0);
    for second in [30, 40, 50] {
        late(&mut plant, second, false, second);
        late(&mut plant, second + 8, true, second + 8);
    }
    assert_eq!(done(&mut plant, true, 58), NONE);
}

#[test]
fn a_live_alarm_that_goes_on_with_a_loss_of_the_cut_began_there() {
    let mut plant = plant();
    // The gateway was started again: the live lane knows of no time before that.
    let old = plant.uplink.clone();
    plant.uplink = Uplink { mono_base: 77, ..Uplink::booted(9) };
    cut(&mut plant, 10, 100, &plc_2(false, 95));
    live(&mut plant, 120, false, 95);
    assert_eq!(device_story(&plant), ["1 raised @105000"]);
    let new = std::mem::replace(&mut plant.uplink, old);
    late(&mut plant, 30, false, 30);
    late(&mut plant, 60, false, 30);
    plant.uplink = new;
    assert_eq!(done(&mut plant, false, 95)[1..], ["1 amended since 40000"]);
    live(&mut plant, 130, true, 130);
    assert_eq!(device_story(&plant)[2..], ["1 cleared Returned @130000"]);
}

#[test]
fn a_live_alarm_whose_start_the_gateway_has_told_is_left_as_it_is() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(false, 30));
    live(&mut plant, 120, false, 30);
    late(&mut plant, 30, false, 30);
    late(&mut plant, 60, false, 30);
    assert_eq!(done(&mut plant, false, 30), ["1 raised @40000"]);
}

#[test]
fn a_loss_that_ended_after_the_cut_before_the_live_lane_made_an_alarm_of_it_is_one_of_its_own() {
    // Its grace was over in the cut, or only after it: the live lane began to count at 100 s.
    for (lost, raised) in [(30, 40_000), (95, 105_000)] {
        let mut plant = plant();
        cut(&mut plant, 10, 100, &plc_2(false, lost));
        live(&mut plant, 108, true, 107);
        late(&mut plant, lost, false, lost);
        late(&mut plant, 99, false, lost);
        let story = [format!("1 raised late @{raised}"), "1 cleared Returned @107000".to_owned()];
        assert_eq!(done(&mut plant, true, 107), story);
    }
    // Here it is not over at all.
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(false, 99));
    live(&mut plant, 108, true, 107);
    late(&mut plant, 99, false, 99);
    assert_eq!(done(&mut plant, true, 107), NONE);
}

#[test]
fn a_loss_that_nothing_has_ended_since_is_a_live_alarm_marked_late() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(false, 30));
    late(&mut plant, 30, false, 30);
    late(&mut plant, 60, false, 30);
    assert_eq!(done(&mut plant, false, 30), ["1 raised late @40000"]);
    // One of level 2 for the device; that of the gateway is over.
    assert_eq!(plant.host.roll_up().standing.iter().sum::<u32>(), 1);
    live(&mut plant, 120, false, 30);
    live(&mut plant, 130, true, 130);
    assert_eq!(device_story(&plant)[1..], ["1 cleared Returned @130000"]);
}

#[test]
fn a_loss_whose_grace_runs_over_the_end_of_the_cut_counts_from_where_it_began() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(false, 95));
    late(&mut plant, 95, false, 95);
    assert_eq!(done(&mut plant, false, 95), NONE);
    pass(&mut plant, 104);
    assert_eq!(device_story(&plant), NONE);
    pass(&mut plant, 106);
    assert_eq!(device_story(&plant), ["1 raised @105000"]);
}

#[test]
fn a_loss_that_began_before_the_cut_and_whose_grace_was_over_in_it_is_late() {
    let mut plant = plant();
    live(&mut plant, 7, false, 7);
    cut(&mut plant, 10, 100, &plc_2(true, 40));
    late(&mut plant, 11, false, 7);
    late(&mut plant, 40, true, 40);
    assert_eq!(done(&mut plant, true, 40), ["1 raised late @17000", "1 cleared Returned @40000"]);
}

/// Lost at 5 s, an alarm at 15 s, and the link down from 20 s.
fn standing() -> Plant {
    let mut plant = plant();
    live(&mut plant, 5, false, 5);
    pass(&mut plant, 20);
    assert_eq!(device_story(&plant), ["1 raised @15000"]);
    plant
}

#[test]
fn an_alarm_that_stood_before_the_cut_ended_when_the_device_first_answered_in_it() {
    let mut plant = standing();
    // Shorter than the gateway's grace: the alarm stands through. The device came, went and came.
    cut(&mut plant, 20, 28, &plc_2(true, 27));
    assert_eq!(device_story(&plant)[1..], ["1 cleared Returned @27000"]);
    late(&mut plant, 21, false, 5);
    late(&mut plant, 23, true, 23);
    late(&mut plant, 25, false, 25);
    late(&mut plant, 27, true, 27);
    assert_eq!(done(&mut plant, true, 27)[2..], ["1 amended until 23000"]);
}

#[test]
fn an_alarm_that_stood_before_the_cut_and_after_it_is_one_alarm() {
    let mut plant = standing();
    cut(&mut plant, 20, 28, &plc_2(false, 25));
    late(&mut plant, 21, false, 5);
    late(&mut plant, 23, true, 23);
    late(&mut plant, 25, false, 25);
    assert_eq!(done(&mut plant, false, 25), ["1 raised @15000"]);
    live(&mut plant, 40, true, 40);
    assert_eq!(device_story(&plant)[1..], ["1 cleared Returned @40000"]);
}

#[test]
fn an_alarm_that_the_gateways_alarm_carried_ends_when_the_device_answered() {
    let carried = ["1 raised @15000", "1 cleared ParentLost @30000"];
    for in_backlog in [true, false] {
        let mut plant = standing();
        cut(&mut plant, 20, 100, &plc_2(true, 60));
        late(&mut plant, 21, false, 5);
        if in_backlog {
            late(&mut plant, 60, true, 60);
        }
        let story = done(&mut plant, true, 60);
        assert_eq!(story[..2], carried);
        assert_eq!(story[2..], ["1 amended until 60000"]);
    }
    // It came and went a second time: that is another alarm.
    let mut plant = standing();
    cut(&mut plant, 20, 100, &plc_2(true, 90));
    late(&mut plant, 21, false, 5);
    late(&mut plant, 60, true, 60);
    late(&mut plant, 70, false, 70);
    late(&mut plant, 90, true, 90);
    let story = ["2 raised late @80000", "2 cleared Returned @90000", "1 amended until 60000"];
    assert_eq!(done(&mut plant, true, 90)[2..], story);
}

#[test]
fn an_alarm_that_the_gateways_alarm_carried_and_that_stands_after_the_cut_goes_on_live() {
    let mut plant = standing();
    cut(&mut plant, 20, 100, &plc_2(false, 5));
    late(&mut plant, 21, false, 5);
    late(&mut plant, 60, false, 5);
    assert_eq!(done(&mut plant, false, 5).len(), 2, "the backlog adds nothing");
    pass(&mut plant, 111);
    assert_eq!(device_story(&plant)[2..], ["2 raised @15000"]);
}

#[test]
fn a_loss_goes_on_from_one_cut_into_the_next() {
    let mut plant = plant();
    cut(&mut plant, 10, 50, &plc_2(false, 30));
    cut(&mut plant, 53, 100, &plc_2(true, 70));
    late(&mut plant, 30, false, 30);
    late(&mut plant, 49, false, 30);
    // The second cut's backlog.
    late(&mut plant, 60, false, 30);
    assert_eq!(device_story(&plant), NONE);
    late(&mut plant, 70, true, 70);
    assert_eq!(device_story(&plant), ["1 raised late @40000", "1 cleared Returned @70000"]);
    assert_eq!(done(&mut plant, true, 70).len(), 2);
    // A grace that runs from the first cut into the second counts from where it began.
    let mut plant = self::plant();
    cut(&mut plant, 10, 50, &plc_2(false, 48));
    cut(&mut plant, 53, 100, &plc_2(true, 60));
    late(&mut plant, 48, false, 48);
    late(&mut plant, 54, false, 48);
    late(&mut plant, 60, true, 60);
    assert_eq!(done(&mut plant, true, 60), ["1 raised late @58000", "1 cleared Returned @60000"]);
}

#[test]
fn what_is_lost_when_the_link_is_back_may_be_another_loss_than_before_the_cut() {
    let mut plant = plant();
    live(&mut plant, 7, false, 7);
    // Its session never ended for the center, and no tick came.
    plant.now = 20_000;
    plant.uplink.gap = true;
    plant.live_status(&plc_2(false, 15), 90);
    live(&mut plant, 22, true, 22);
    late(&mut plant, 8, false, 7);
    late(&mut plant, 12, true, 12);
    late(&mut plant, 15, false, 15);
    assert_eq!(done(&mut plant, true, 22), NONE, "neither was longer than the grace");
}

#[test]
fn between_two_boots_nobody_was_told_so_a_loss_begins_anew_and_an_alarm_stays() {
    for (long, expected) in [(false, vec![]), (true, vec!["1 raised late @30000"])] {
        let mut plant = plant();
        let old = plant.uplink.clone();
        plant.uplink = Uplink { mono_base: 77, ..Uplink::booted(9) };
        cut(&mut plant, 10, 200, &plc_2(true, 122));
        let live = std::mem::replace(&mut plant.uplink, old);
        late(&mut plant, 20, false, 20);
        if long {
            plant.readings(Lane::Backfill, 35_000, plant.now, 0, &[(50.0, Quality::GOOD)]);
        }
        plant.uplink = Uplink { boot: Boot([4; 16]), gap: false, ..Uplink::booted(4) };
        late(&mut plant, 120, false, 119);
        late(&mut plant, 122, true, 122);
        plant.uplink = live;
        let mut story = expected;
        if long {
            story.push("1 cleared Returned @122000");
        }
        assert_eq!(done(&mut plant, true, 122), story, "long: {long}");
    }
}

#[test]
fn a_device_that_the_backlog_names_no_more_keeps_no_alarm() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &[PLC_1]);
    late(&mut plant, 20, false, 20);
    plant.late_status(50_000, &[PLC_1]);
    plant.live_status(&[PLC_1], 0);
    assert_eq!(device_story(&plant), ["1 raised late @30000", "1 cleared PointRemoved @50000"]);
}

#[test]
fn a_status_of_the_backlog_never_ends_it() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(true, 0));
    let header = plant.uplink.header(anlan_domain::uplink::Kind::Status, Lane::Backfill, 20_000);
    let status = anlan_domain::uplink::Status::default();
    let received = plant.received();
    plant.put(crate::plant::Logged::Status { header, status, received }).unwrap();
    assert_eq!(plant.host.describe().gateways[0].backfills, 1);
}

/// One frame of all points a second, some of them bad.
fn backlog(plant: &mut Plant, from: i64, to: i64, plc_2: Option<Quality>) {
    for second in from..to {
        let value = |n: i64| 50.0 + n as f64 / 10.0 + second as f64 / 1e3;
        let mut readings: Vec<_> = (0..4).map(|n| (value(n), Quality::GOOD)).collect();
        if let Some(quality) = plc_2 {
            readings.extend((4..8).map(|n| (value(n), quality)));
        }
        plant.readings(Lane::Backfill, second * 1_000, plant.now, 0, &readings);
    }
}

#[test]
fn the_points_of_a_lost_device_have_no_alarm_of_their_own() {
    // Bad readings of any kind, or none at all.
    for quality in [Some(Quality::COMM_FAILURE), Some(Quality::SENSOR_FAILURE), None] {
        let mut plant = plant();
        cut(&mut plant, 10, 100, &plc_2(true, 50));
        late(&mut plant, 11, true, 0);
        backlog(&mut plant, 11, 30, Some(Quality::GOOD));
        late(&mut plant, 30, false, 30);
        backlog(&mut plant, 30, 50, quality);
        late(&mut plant, 50, true, 50);
        backlog(&mut plant, 50, 100, Some(Quality::GOOD));
        done(&mut plant, true, 50);
        let points: Vec<_> = plant.story().into_iter().filter(|l| l.starts_with("LT-")).collect();
        assert_eq!(points, NONE);
    }
}

#[test]
fn a_point_that_does_not_answer_while_its_device_does_is_bad_in_the_backlog_too() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(true, 0));
    late(&mut plant, 11, true, 0);
    backlog(&mut plant, 11, 30, Some(Quality::GOOD));
    backlog(&mut plant, 30, 50, Some(Quality::COMM_FAILURE));
    backlog(&mut plant, 50, 100, Some(Quality::GOOD));
    done(&mut plant, true, 0);
    let story = plant.story();
    let of = |line: &str| story.iter().filter(|l| *l == line).count();
    for n in 4..8 {
        assert_eq!(of(&format!("LT-{n}|BAD|1 raised late @33000")), 1, "{story:#?}");
        assert_eq!(of(&format!("LT-{n}|BAD|1 cleared Returned @50000")), 1, "{story:#?}");
    }
}

#[test]
fn a_point_that_goes_on_not_answering_after_the_cut_is_one_alarm() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(true, 0));
    for second in 100..110 {
        plant.readings(
            Lane::Live,
            second * 1_000,
            second * 1_000,
            4,
            &[(0.0, Quality::COMM_FAILURE)],
        );
        plant.tick(second * 1_000 + 500);
    }
    late(&mut plant, 11, true, 0);
    backlog(&mut plant, 11, 30, Some(Quality::GOOD));
    backlog(&mut plant, 30, 100, Some(Quality::COMM_FAILURE));
    done(&mut plant, true, 0);
    let story = plant.story().into_iter().filter(|l| l.starts_with("LT-4|BAD"));
    assert_eq!(
        story.collect::<Vec<_>>(),
        ["LT-4|BAD|1 raised @103000", "LT-4|BAD|1 amended since 33000"]
    );
}

#[test]
fn what_a_point_had_raised_for_silence_ends_when_its_device_carries_it() {
    // Also in a host that keeps no alarms of devices.
    for config in [config(8), hazard_config(8)] {
        let general = matches!(config.key, anlan_domain::log::HostKey::General(_));
        let mut plant = of(config);
        cut(&mut plant, 10, 100, &plc_2(true, 60));
        late(&mut plant, 11, true, 0);
        backlog(&mut plant, 11, 30, None);
        late(&mut plant, 30, false, 30);
        backlog(&mut plant, 30, 60, None);
        late(&mut plant, 60, true, 60);
        backlog(&mut plant, 60, 100, Some(Quality::GOOD));
        done(&mut plant, true, 60);
        let story = plant.story();
        let of = |line: &str| story.iter().filter(|l| *l == line).count();
        for n in 4..8 {
            assert_eq!(of(&format!("LT-{n}|MISSING|1 raised late @14000")), 1, "{story:#?}");
            assert_eq!(of(&format!("LT-{n}|MISSING|1 cleared ParentLost @40000")), 1);
        }
        let devices = story.iter().filter(|l| l.contains("|DEVICE|")).count();
        assert_eq!(devices, if general { 2 } else { 0 });
    }
}

#[test]
fn a_new_configuration_during_a_backlog_loses_no_alarm_of_a_device() {
    let mut plant = plant();
    cut(&mut plant, 10, 100, &plc_2(true, 60));
    late(&mut plant, 30, false, 30);
    backlog(&mut plant, 30, 50, None);
    // plc-1 has no points any more, and plc-2 comes first.
    let mut changed = config(8);
    changed.points.drain(..4);
    let received = anlan_domain::time::UtcMillis(START + plant.now);
    plant.put(crate::plant::Logged::Configured { config: changed, received }).unwrap();
    late(&mut plant, 60, true, 60);
    let story = ["1 raised late @40000", "1 cleared Returned @60000"];
    assert_eq!(done(&mut plant, true, 60), story);
}

proptest! {
    /// The property behind all of the above: with and without cuts, the log tells the same of a device in the end.
    #[test]
    fn a_cut_changes_no_alarm_of_a_device(
        stretches in prop::collection::vec(1..30_usize, 2..12),
        cuts in prop::collection::vec((1..25_usize, 1..40_usize), 1..4),
        when in 0..40_usize,
    ) {
        // Connected, lost, connected … a second each; in the end it answers.
        let mut states = vec![(true, 0); 5];
        for (n, length) in stretches.into_iter().enumerate() {
            let since = states.len() as i64 + 1;
            states.extend(vec![(n % 2 == 1, since); length]);
        }
        let since = states.len() as i64 + 1;
        let mut end = 5;
        let cuts: Vec<_> = cuts.into_iter().map(|(live, length)| {
            let start = end + live;
            end = start + length;
            (start, end)
        }).collect();
        let through = end + when + 1;
        states.resize(states.len().max(through) + 20, (true, since));
        let (mut whole, mut parts) = (plant(), plant());
        let mut backlog = Vec::new();
        for (n, &(connected, since)) in states.iter().enumerate() {
            let at = n as i64 + 1;
            let changed = n > 0 && states[n - 1].1 != since;
            whole.now = at * 1_000;
            if changed {
                whole.live_status(&plc_2(connected, since), 0);
            }
            whole.tick(at * 1_000 + 500);
            if cuts.iter().any(|cut| cut.0 == n) {
                parts.link(false);
            }
            if cuts.iter().any(|cut| cut.1 == n) {
                // The gateway's own loss is no matter here: no tick came while it was down.
                parts.now = at * 1_000 - 100;
                parts.link(true);
                parts.uplink.gap = true;
                let before = states[n - 1];
                parts.live_status(&plc_2(before.0, before.1), 90);
            }
            if cuts.iter().any(|cut| (cut.0..cut.1).contains(&n)) {
                if changed || cuts.iter().any(|cut| cut.0 == n) {
                    backlog.push((at, connected, since));
                }
            } else {
                parts.now = at * 1_000;
                if changed {
                    parts.live_status(&plc_2(connected, since), 90);
                }
                parts.tick(at * 1_000 + 500);
            }
            if n == through {
                for (at, connected, since) in std::mem::take(&mut backlog) {
                    late(&mut parts, at, connected, since);
                }
                parts.live_status(&plc_2(connected, since), 0);
            }
        }
        let told = intervals(&parts.effects.entries, "plc-2|DEVICE");
        let whole = intervals(&whole.effects.entries, "plc-2|DEVICE");
        prop_assert!(
            tells_the_same(&whole, &told, &cuts),
            "{:?}\n{:?}\ncuts {:?}, through {}, {:#?} of {:?}",
            whole, told, &cuts, through, parts.story(), &states
        );
        device_story(&parts);
    }
}
