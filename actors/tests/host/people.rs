//! What people decide about alarms: shelving, out of service, what they say, and the shelf's clock.

use anlan_domain::alarm::{AlarmChange, AlarmKey};
use anlan_domain::life_cycle::Until;
use anlan_domain::log::{Command, CommandRefused, Note};
use anlan_domain::time::UtcMillis;

use crate::plant::{Logged, Plant, START, config};

fn key(text: &str) -> AlarmKey {
    AlarmKey::try_from(text.to_owned()).unwrap()
}

fn note(text: &str) -> Note {
    Note { by: "wang.li".into(), text: text.into() }
}

/// The level's high alarm.
const H: &str = "410205001.LT-0|H";

fn shelve(plant: &mut Plant, alarm: &str, until: Until) -> Result<(), CommandRefused> {
    plant.command(Command::Shelve { alarm: key(alarm), until, note: note("calibration") })
}

fn time(ms: i64) -> Until {
    Until::Time(UtcMillis(START + ms))
}

fn one_shot(ms: i64) -> Until {
    Until::Returned { at_most: UtcMillis(START + ms) }
}

#[test]
fn a_timed_shelf_keeps_an_alarm_quiet_however_often_it_comes_and_ends_once() {
    let mut plant = Plant::new(1);
    plant.live(1_000, 0, &[85.0]);
    shelve(&mut plant, H, time(60_000)).unwrap();
    assert_eq!(plant.host.roll_up().quiet, 1);
    plant.live(2_000, 0, &[50.0]);
    plant.live(3_000, 0, &[85.0]);
    assert_eq!(plant.host.roll_up().unacknowledged, [0; 4]);
    plant.live(59_000, 0, &[85.0]);
    plant.tick(59_999);
    assert_eq!(
        plant.take_story(),
        [
            "LT-0|H|1 raised at 85 @1000",
            "LT-0|H|1 shelved @1000",
            "LT-0|H|1 cleared Returned @2000",
            "LT-0|H|2 raised shelved at 85 @3000",
        ]
    );
    plant.tick(60_000);
    plant.tick(60_001);
    plant.live(61_000, 0, &[85.0]);
    assert_eq!(plant.take_story(), ["LT-0|H|2 no longer shelved Expired @60000"]);
    assert_eq!(plant.host.roll_up().unacknowledged.iter().sum::<u32>(), 1);
    plant.acknowledge(&format!("{H}|2")).unwrap();
    plant.acknowledge(&format!("{H}|1")).unwrap_err();
}

#[test]
fn a_one_shot_shelf_ends_when_the_alarm_returns_to_normal() {
    let mut plant = Plant::new(1);
    plant.live(1_000, 0, &[85.0]);
    shelve(&mut plant, H, one_shot(60_000)).unwrap();
    plant.live(2_000, 0, &[50.0]);
    plant.live(3_000, 0, &[85.0]);
    assert_eq!(
        plant.take_story()[1..],
        [
            "LT-0|H|1 shelved @1000",
            "LT-0|H|1 cleared Returned @2000",
            "LT-0|H|0 no longer shelved Returned @2000",
            "LT-0|H|2 raised at 85 @3000",
        ]
    );
    // It never returns to normal: the time ends it all the same.
    shelve(&mut plant, H, one_shot(20_000)).unwrap();
    plant.live(19_000, 0, &[85.0]);
    plant.tick(20_000);
    assert_eq!(plant.take_story()[1..], ["LT-0|H|2 no longer shelved Expired @20000"]);
}

#[test]
fn an_alarm_out_of_service_calls_when_it_is_back_and_stands() {
    let mut plant = Plant::new(1);
    let out = |plant: &mut Plant| {
        let (alarm, note) = (key(H), note("recalibrated"));
        plant.command(Command::RemoveFromService { alarm, note })
    };
    out(&mut plant).unwrap();
    assert_eq!(out(&mut plant), Err(CommandRefused::AlreadySo(key(H))));
    plant.live(1_000, 0, &[85.0]);
    shelve(&mut plant, H, time(2_000)).unwrap();
    assert!(matches!(plant.acknowledge(&format!("{H}|1")), Err(CommandRefused::Quiet { .. })));
    plant.live(2_000, 0, &[85.0]);
    plant.tick(2_000);
    let back = Command::ReturnToService { alarm: key(H), note: note("done") };
    plant.command(back.clone()).unwrap();
    assert_eq!(plant.command(back), Err(CommandRefused::AlreadySo(key(H))));
    assert_eq!(
        plant.take_story(),
        [
            "LT-0|H|0 out_of_service @0",
            "LT-0|H|1 raised out_of_service at 85 @1000",
            "LT-0|H|1 shelved @1000",
            "LT-0|H|1 no longer shelved Expired, still out_of_service @2000",
            "LT-0|H|1 no longer out_of_service Person @2000",
            "LT-0|H|1 wang.li: done @2000",
        ]
    );
    plant.acknowledge(&format!("{H}|1")).unwrap();
}

#[test]
fn what_cannot_be_is_refused_and_leaves_no_trace() {
    let mut plant = Plant::new(1);
    plant.live(1_000, 0, &[50.0]);
    assert_eq!(shelve(&mut plant, H, one_shot(9_000)), Err(CommandRefused::NotStanding(key(H))));
    assert_eq!(shelve(&mut plant, H, time(1_000)), Err(CommandRefused::ShelfTimePassed(key(H))));
    let unknown = "410205001.LT-9|H";
    assert_eq!(
        shelve(&mut plant, unknown, time(9_000)),
        Err(CommandRefused::NoSuchAlarm(unknown.into()))
    );
    let unshelve = Command::Unshelve { alarm: key(H), note: note("") };
    assert_eq!(plant.command(unshelve), Err(CommandRefused::AlreadySo(key(H))));
    let alarm = key(H).occurrence(1);
    let comment = Command::Comment { alarm: alarm.clone(), note: note("early") };
    assert_eq!(plant.command(comment), Err(CommandRefused::NoSuchAlarm(alarm.to_string())));
    assert_eq!(plant.take_story(), [] as [&str; 0]);
}

#[test]
fn people_speak_of_an_alarm_also_when_it_is_over() {
    let mut plant = Plant::new(1);
    plant.live(1_000, 0, &[85.0]);
    let alarm = key(H).occurrence(1);
    plant.command(Command::Take { alarm: alarm.clone(), note: note("") }).unwrap();
    plant.acknowledge(&alarm.to_string()).unwrap();
    plant.live(2_000, 0, &[50.0]);
    plant.command(Command::Comment { alarm: alarm.clone(), note: note("valve shut") }).unwrap();
    let (cause, measure) = ("process".to_owned(), "adjusted".to_owned());
    plant.command(Command::Dispose { alarm, cause, measure, note: note("") }).unwrap();
    assert_eq!(
        plant.take_story()[1..],
        [
            "LT-0|H|1 taken by wang.li @1000",
            "LT-0|H|1 acknowledged by wang.li @1000",
            "LT-0|H|1 cleared Returned @2000",
            "LT-0|H|1 wang.li: valve shut @2000",
            "LT-0|H|1 disposed by wang.li as process, adjusted @2000",
        ]
    );
}

#[test]
fn a_shelf_outlives_the_removal_of_its_point_and_a_restart() {
    let mut plant = Plant::new(2);
    plant.live(1_000, 0, &[50.0, 50.0]);
    shelve(&mut plant, H, time(30_000)).unwrap();
    let mut without = config(2);
    without.points.remove(0);
    let received = plant.received();
    plant.put(Logged::Configured { config: without, received }).unwrap();
    plant.take_story();
    plant.tick(30_000);
    assert_eq!(plant.take_story(), ["LT-0|H|0 no longer shelved Expired @30000"]);
}

#[test]
fn a_gateway_can_be_out_of_service() {
    let mut plant = Plant::configured(config(1));
    let alarm = key("gateway:41020500101|GATEWAY");
    plant.link(true);
    plant.command(Command::RemoveFromService { alarm, note: note("moved") }).unwrap();
    plant.link(false);
    plant.tick(600_000);
    let story = plant.take_story();
    assert!(
        story
            .iter()
            .any(|line| line.starts_with("gateway:41020500101|GATEWAY|1 raised out_of_service")),
        "{story:#?}"
    );
}

/// One level whose H calls again every minute and whose HH latches.
fn followed() -> Plant {
    let mut config = config(1);
    let mut settings = (*config.points[0].settings).clone();
    settings.limits.h.as_mut().unwrap().realarm_ms = 60_000;
    settings.limits.hh.as_mut().unwrap().latching = true;
    config.points[0].settings = settings.into();
    Plant::configured(config)
}

fn reset(plant: &mut Plant, alarm: &str) -> Result<(), CommandRefused> {
    let alarm = alarm.to_owned().try_into().unwrap();
    plant.command(Command::Reset { alarm, note: note("valve closed") })
}

#[test]
fn an_alarm_that_stands_calls_again_after_its_time_once_for_each_acknowledgement() {
    let mut plant = followed();
    plant.live(1_000, 0, &[85.0]);
    let stand = |plant: &mut Plant, from: i64, to: i64| {
        for at in (from..to).step_by(1_000) {
            plant.live(at, 0, &[85.0]);
            plant.tick(at);
        }
    };
    // Nobody has acknowledged it: it calls as it is.
    stand(&mut plant, 2_000, 100_000);
    plant.take_story();
    plant.acknowledge(&format!("{H}|1")).unwrap();
    let seen = plant.now;
    stand(&mut plant, 100_000, 300_000);
    let due = seen + 60_000;
    assert_eq!(plant.take_story()[1..], [format!("LT-0|H|1 again @{due}")]);
    assert_eq!(plant.host.roll_up().unacknowledged.iter().sum::<u32>(), 1);
    // Once more, and the alarm ends before its time.
    plant.acknowledge(&format!("{H}|1")).unwrap();
    plant.live(300_000, 0, &[50.0]);
    plant.live(301_000, 0, &[50.0]);
    plant.tick(400_000);
    assert!(plant.take_story().iter().all(|line| !line.contains("again")));
    let (entries, _) = plant.replayed(Default::default(), Default::default(), plant.log.len() / 3);
    let again = entries.iter().filter(|entry| entry.change == AlarmChange::Repeated).count();
    assert_eq!(again, 1);
}

#[test]
fn a_latched_alarm_is_reset_by_a_person_who_has_seen_it() {
    const HH: &str = "410205001.LT-0|HH";
    let mut plant = followed();
    plant.live(1_000, 0, &[95.0]);
    reset(&mut plant, &format!("{HH}|1")).unwrap_err();
    plant.live(2_000, 0, &[50.0]);
    let refused = reset(&mut plant, &format!("{HH}|1")).unwrap_err();
    assert!(matches!(refused, CommandRefused::AcknowledgeFirst(_)));
    plant.acknowledge(&format!("{HH}|1")).unwrap();
    plant.take_story();
    let refused = reset(&mut plant, &format!("{HH}|2")).unwrap_err();
    assert!(matches!(refused, CommandRefused::NotLatched(_)) && refused.is_unknown());
    reset(&mut plant, &format!("{HH}|1")).unwrap();
    assert_eq!(plant.take_story(), ["LT-0|HH|1 reset by wang.li @2000"]);
    reset(&mut plant, &format!("{HH}|1")).unwrap_err();
    // It comes again while latched: the newer one holds the latch, the older one still waits for somebody.
    plant.live(3_000, 0, &[95.0]);
    plant.live(4_000, 0, &[50.0]);
    plant.live(5_000, 0, &[95.0]);
    plant.live(6_000, 0, &[50.0]);
    let story = plant.take_story();
    let of_hh: Vec<&str> =
        story.iter().map(String::as_str).filter(|l| l.contains("|HH|")).collect();
    assert_eq!(
        of_hh,
        [
            "LT-0|HH|2 raised at 95 @3000",
            "LT-0|HH|2 latched @4000",
            "LT-0|HH|2 reset by itself @5000",
            "LT-0|HH|3 raised at 95 @5000",
            "LT-0|HH|3 latched @6000",
        ]
    );
    plant.acknowledge(&format!("{HH}|2")).unwrap();
    plant.acknowledge(&format!("{HH}|3")).unwrap();
    // A point that is taken out leaves its latch behind, and it can be reset.
    let received = plant.received();
    let without = anlan_domain::log::HostConfig { points: Vec::new(), ..config(1) };
    plant.put(Logged::Configured { config: without, received }).unwrap();
    reset(&mut plant, &format!("{HH}|3")).unwrap();
}
