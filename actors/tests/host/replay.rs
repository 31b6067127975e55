//! A host is a fold: whatever the log and wherever the crash, a replay comes to the same state and the same entries.
//!
//! A failure prints the smallest log that shows it and keeps its seed beside this file.

use std::collections::{BTreeMap, HashMap};

use anlan_domain::alarm::{AlarmChange, AlarmEntry, AlarmId, AlarmKey, Condition};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::life_cycle::{AlarmState, Quiet, ResumeReason, Until};
use anlan_domain::limits::Limit;
use anlan_domain::log::{Command, HostConfig, Note};
use anlan_domain::point::Chatter;
use anlan_domain::quality::Quality;
use anlan_domain::rollup::RollUp;
use anlan_domain::suppression::Suppression;
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::Lane;
use proptest::prelude::*;

use crate::isolation::{Crashing, quiet};
use crate::plant::{Logged, Plant, START, Uplink, config, detector, limit};

const POINTS: u32 = 6;

#[derive(Clone, Debug)]
enum Act {
    Live { first: u32, readings: Vec<(f64, bool)> },
    Late { back_ms: i64, first: u32, values: Vec<f64> },
    Pass { ms: i64 },
    Link { up: bool },
    Gap,
    Status { one: bool, two: Option<bool>, backlog: u64 },
    LateStatus { back_ms: i64, one: bool, two: Option<bool> },
    CenterReady,
    CenterLink { up: bool },
    Configure { h: f64, drop_first: bool },
    Acknowledge { tag: u32, hh: bool, number: u32 },
    Shelve { tag: u32, hh: bool, ms: i64, one_shot: bool },
    Service { tag: u32, hh: bool, out: bool },
    Unshelve { tag: u32, hh: bool },
    Reset { tag: u32, hh: bool, number: u32 },
    Operate { tag: u32, state: EquipmentState, ms: i64 },
    Remark { tag: u32, number: u32 },
    Reboot { boot: u8 },
    Skew { ms: i64 },
}

fn value() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![5.0, 15.0, 50.0, 51.0, 66.6, 75.0, 80.0, 85.0, 95.0])
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..POINTS, prop::collection::vec((value(), prop::bool::weighted(0.9)), 1..6))
            .prop_map(|(first, readings)| Act::Live { first, readings }),
        2 => (0..60_000_i64, 0..POINTS, prop::collection::vec(value(), 1..4))
            .prop_map(|(back_ms, first, values)| Act::Late { back_ms, first, values }),
        6 => prop_oneof![Just(300_i64), Just(1_000), Just(4_000), Just(12_000), Just(70_000)]
            .prop_map(|ms| Act::Pass { ms }),
        1 => any::<bool>().prop_map(|up| Act::Link { up }),
        1 => Just(Act::Gap),
        2 => (any::<bool>(), prop::option::weighted(0.9, prop::bool::weighted(0.8)), 0..3_u64)
            .prop_map(|(one, two, backlog)| Act::Status { one, two, backlog }),
        2 => (0..60_000_i64, any::<bool>(), prop::option::weighted(0.9, any::<bool>()))
            .prop_map(|(back_ms, one, two)| Act::LateStatus { back_ms, one, two }),
        1 => Just(Act::CenterReady),
        1 => any::<bool>().prop_map(|up| Act::CenterLink { up }),
        1 => (prop::sample::select(vec![70.0, 80.0, 88.0]), any::<bool>())
            .prop_map(|(h, drop_first)| Act::Configure { h, drop_first }),
        2 => (0..POINTS, any::<bool>(), 1..4_u32)
            .prop_map(|(tag, hh, number)| Act::Acknowledge { tag, hh, number }),
        2 => (0..POINTS, any::<bool>(), 1..90_000_i64, any::<bool>())
            .prop_map(|(tag, hh, ms, one_shot)| Act::Shelve { tag, hh, ms, one_shot }),
        1 => (0..POINTS, any::<bool>(), any::<bool>())
            .prop_map(|(tag, hh, out)| Act::Service { tag, hh, out }),
        2 => (0..POINTS, any::<bool>(), 1..4_u32)
            .prop_map(|(tag, hh, number)| Act::Reset { tag, hh, number }),
        2 => (0..POINTS, prop::sample::select(&EquipmentState::ALL[..]), 1..90_000_i64)
            .prop_map(|(tag, state, ms)| Act::Operate { tag, state, ms }),
        1 => (0..POINTS, any::<bool>()).prop_map(|(tag, hh)| Act::Unshelve { tag, hh }),
        1 => (0..POINTS, 1..4_u32).prop_map(|(tag, number)| Act::Remark { tag, number }),
        1 => (2..5_u8).prop_map(|boot| Act::Reboot { boot }),
        1 => (-3_600_000..3_600_000_i64).prop_map(|ms| Act::Skew { ms }),
    ]
}

fn play(plant: &mut Plant<Crashing>, acts: &[Act]) {
    for act in acts {
        match act {
            Act::Live { first, readings } => {
                let readings: Vec<_> = readings
                    .iter()
                    .map(|&(v, good)| (v, if good { Quality::GOOD } else { Quality::COMM_FAILURE }))
                    .collect();
                plant.readings(Lane::Live, plant.now, plant.now, *first, &readings);
            }
            Act::Late { back_ms, first, values } => plant.late(plant.now - back_ms, *first, values),
            Act::Pass { ms } => plant.tick(plant.now + ms),
            Act::Link { up } => plant.link(*up),
            Act::Gap => plant.uplink.gap = true,
            Act::Status { one, two, backlog } => {
                // One of its devices may be out of its configuration.
                let two = two.map(|two| ("plc-2", two));
                let devices: Vec<_> = [("plc-1", *one)].into_iter().chain(two).collect();
                plant.device_status(&devices, *backlog);
            }
            Act::LateStatus { back_ms, one, two } => {
                let at = plant.now - back_ms;
                let two = two.map(|two| ("plc-2", two, at));
                let devices: Vec<_> = [("plc-1", *one, at)].into_iter().chain(two).collect();
                plant.late_status(at, &devices);
            }
            Act::CenterReady => {
                let received = plant.received();
                plant.put(Logged::CenterReady { received }).unwrap();
            }
            Act::CenterLink { up } => {
                let received = plant.received();
                plant.put(Logged::CenterLink { up: *up, received }).unwrap();
            }
            Act::Configure { h, drop_first } => {
                let mut config = delayed();
                let mut settings = (*config.points[1].settings).clone();
                settings.limits.h.as_mut().unwrap().value = *h;
                config.points[1].settings = settings.into();
                if *drop_first {
                    config.points.remove(0);
                }
                let received = plant.received();
                plant.put(Logged::Configured { config, received }).unwrap();
            }
            Act::Acknowledge { tag, hh, number } => {
                let condition = if *hh { "HH" } else { "H" };
                let _ = plant.acknowledge(&format!("410205001.LT-{tag}|{condition}|{number}"));
            }
            Act::Shelve { tag, hh, ms, one_shot } => {
                let end = UtcMillis(START + plant.now + ms);
                let until =
                    if *one_shot { Until::Returned { at_most: end } } else { Until::Time(end) };
                let command = Command::Shelve { alarm: key(*tag, *hh), until, note: note() };
                // What is refused leaves no trace, which the check of the log shows.
                let _ = plant.command(command);
            }
            Act::Service { tag, hh, out } => {
                let (alarm, note) = (key(*tag, *hh), note());
                let _ = plant.command(if *out {
                    Command::RemoveFromService { alarm, note }
                } else {
                    Command::ReturnToService { alarm, note }
                });
            }
            Act::Unshelve { tag, hh } => {
                let _ = plant.command(Command::Unshelve { alarm: key(*tag, *hh), note: note() });
            }
            Act::Reset { tag, hh, number } => {
                let alarm = key(*tag, *hh).occurrence(*number);
                let _ = plant.command(Command::Reset { alarm, note: note() });
            }
            Act::Operate { tag, state, ms } => {
                let until = Some(UtcMillis(START + plant.now + ms));
                let equipment = format!("410205001.V-{}", tag / 4).parse().unwrap();
                let (state, note) = (*state, note());
                let _ = plant.command(Command::Operate { equipment, state, until, note });
            }
            Act::Remark { tag, number } => {
                let alarm = key(*tag, false).occurrence(*number);
                let _ = plant.command(Command::Comment { alarm, note: note() });
            }
            Act::Reboot { boot } => {
                let now = u64::try_from(plant.now).unwrap();
                let mono_base = Uplink::booted(*boot).mono_base.wrapping_sub(now);
                let skew = plant.uplink.skew;
                // A boot is random: the same number is the same boot here, so its sequences go on.
                if plant.uplink.boot != Uplink::booted(*boot).boot {
                    plant.uplink =
                        Uplink { mono_base, skew, live: now, late: now, ..Uplink::booted(*boot) };
                }
            }
            Act::Skew { ms } => plant.uplink.skew = *ms,
        }
    }
}

fn key(tag: u32, hh: bool) -> AlarmKey {
    let condition = if hh { "HH" } else { "H" };
    AlarmKey::try_from(format!("410205001.LT-{tag}|{condition}")).unwrap()
}

fn note() -> Note {
    Note { by: "wang.li".into(), text: "calibration".into() }
}

fn plant() -> Plant<Crashing> {
    quiet();
    Plant::of(Crashing::default(), delayed())
}

/// Some of its points have delays, a deadband, a rate, detectors, or can freeze.
fn delayed() -> HostConfig {
    let mut config = config(POINTS);
    let mut slow = (*config.points[2].settings).clone();
    let h = slow.limits.h.as_mut().unwrap();
    (h.deadband, h.on_delay_ms, h.off_delay_ms) = (6.0, 3_000, 5_000);
    slow.limits.hh.as_mut().unwrap().on_delay_ms = 20_000;
    slow.limits.rate_per_min = Some(Limit { deadband: 50.0, ..limit(600.0) });
    slow.limits.exclusive_high = true;
    slow.limits.h.as_mut().unwrap().realarm_ms = 15_000;
    slow.limits.hh.as_mut().unwrap().latching = true;
    slow.frozen_after_ms = Some(10_000);
    slow.chatter = Some(Chatter { transitions: 3, window_ms: 9_000 });
    slow.suppression = Suppression {
        stopped: [Condition::High, Condition::Frozen].into_iter().collect(),
        maintenance: Condition::ALL[..12].iter().copied().collect(),
        starting: [Condition::RateOfChange, Condition::High].into_iter().collect(),
    };
    slow.detectors = [
        detector("DEVIATION", "from=[LT-0]; limit=20; deadband=5", 2_000),
        detector("SPIKE", "window=5; k=3; least=10", 0),
        detector("DRIFT", "target=50; sigma=20; every_s=1", 0),
        detector("EXPRESSION", "[LT-1] > 70 and [LT-2] > 60 or [LT-3] / ([LT-0] - 50) > 4", 0),
    ]
    .into();
    let slow = std::sync::Arc::new(slow);
    for point in &mut config.points[2..4] {
        point.settings = slow.clone();
    }
    config
}

/// Follows every alarm through the log: numbers dense, changes in their order, quiet while something keeps it quiet and not longer,
/// what stands as the host says.
fn check_log(entries: &[AlarmEntry]) -> HashMap<AlarmId, AlarmState> {
    let mut states: HashMap<AlarmId, AlarmState> = HashMap::new();
    let mut hushed: HashMap<AlarmKey, BTreeMap<Quiet, Option<Until>>> = HashMap::new();
    let mut numbers: HashMap<(String, String), u32> = HashMap::new();
    let mut offset = 0;
    for entry in entries {
        assert!(offset <= entry.log_offset, "{entry:?}");
        offset = entry.log_offset;
        let id = entry.alarm.clone();
        let kept = hushed.entry(id.key()).or_default();
        match entry.change {
            AlarmChange::Quieted { quiet, until, .. } => _ = kept.insert(quiet, until),
            AlarmChange::Resumed { quiet, why, still, .. } => {
                let until = kept.remove(&quiet).unwrap_or_else(|| panic!("was not: {entry:?}"));
                assert_eq!(still, kept.keys().max().copied(), "{entry:?}");
                match (why, until) {
                    (ResumeReason::Expired, Some(until)) => {
                        assert!(until.latest() <= entry.received_time, "too early: {entry:?}");
                    }
                    (ResumeReason::Returned, Some(Until::Returned { .. }))
                    | (ResumeReason::Person, _) => {}
                    (ResumeReason::EquipmentState, _) => assert_eq!(quiet, Quiet::Suppressed),
                    (ResumeReason::GraverOver | ResumeReason::NotExcluded, _) => {
                        assert_eq!((quiet, id.condition.code()), (Quiet::Suppressed, "H"));
                    }
                    _ => panic!("{until:?} does not end so: {entry:?}"),
                }
            }
            _ => {}
        }
        if id.occurrence == 0 {
            let stands = states.iter().any(|(other, s)| other.key() == id.key() && s.stands());
            assert!(!stands, "it stands and has a number: {entry:?}");
            continue;
        }
        if let AlarmChange::Raised { quiet, .. } = entry.change {
            assert_eq!(quiet, kept.keys().max().copied(), "{entry:?}");
            let key = (id.subject.0.to_string(), id.condition.code().to_owned());
            let number = numbers.entry(key).or_default();
            *number += 1;
            assert_eq!(id.occurrence, *number, "{entry:?}");
            assert!(states.insert(id, AlarmState::raised(quiet)).is_none(), "doubled: {entry:?}");
        } else {
            let state = states.get(&id).unwrap_or_else(|| panic!("never raised: {entry:?}"));
            let next = state.after(&entry.change);
            let next = next.unwrap_or_else(|| panic!("{state:?} takes no {entry:?}"));
            states.insert(id, next);
        }
    }
    states
}

proptest! {
    #[test]
    fn a_crash_anywhere_changes_nothing(acts in prop::collection::vec(act(), 1..60), at in any::<prop::sample::Index>()) {
        let mut plant = plant();
        play(&mut plant, &acts);
        let k = 1 + at.index(plant.log.len());
        let (entries, checkpoint) = plant.replayed(Crashing::default(), Crashing::default(), k);
        let (again, whole) = plant.replayed(Crashing::default(), Crashing::default(), plant.log.len());
        prop_assert_eq!(&entries, &again);
        prop_assert_eq!(checkpoint, whole);
        prop_assert_eq!(&entries, &plant.effects.entries);
    }

    #[test]
    fn every_alarm_lives_in_order_and_the_roll_up_counts_what_stands(acts in prop::collection::vec(act(), 1..60)) {
        let mut plant = plant();
        play(&mut plant, &acts);
        let states = check_log(&plant.effects.entries);
        let stands = states.values().filter(|s| s.stands() && s.quiet().is_none()).count();
        let roll_up = plant.host.roll_up();
        let hushed = states.values().filter(|s| s.quiet().is_some()).count();
        prop_assert_eq!(roll_up.quiet as usize, hushed);
        prop_assert_eq!(roll_up.standing.iter().sum::<u32>() as usize, stands);
        let unseen = states.values().filter(|s| **s == AlarmState::Unacknowledged).count();
        prop_assert_eq!(roll_up.unacknowledged.iter().sum::<u32>() as usize, unseen);
        prop_assert_eq!(roll_up.points() as usize, plant.host.slots());
        let parts = RollUp::merged(plant.host.equipment().map(|(_, r)| r));
        let mut counted = RollUp::default();
        for slot in 0..plant.host.slots() {
            let value = plant.host.value(slot);
            let bad = value.parent_lost || value.missing || value.quality.is_bad();
            counted.bad += u32::from(bad);
            counted.good += u32::from(!bad);
        }
        prop_assert_eq!((parts.good, parts.bad), (counted.good, counted.bad));
    }

    #[test]
    fn a_frame_that_comes_again_has_no_effect(acts in prop::collection::vec(act(), 1..40)) {
        let mut once = plant();
        play(&mut once, &acts);
        let mut twice = plant();
        let acts: Vec<_> = acts.into_iter().collect();
        play(&mut twice, &acts);
        let frames: Vec<_> = twice
            .log
            .iter()
            .filter(|l| matches!(l, Logged::Frame { .. } | Logged::Status { .. }))
            .cloned()
            .collect();
        let before = twice.effects.entries.len();
        for frame in frames {
            twice.put(frame).unwrap();
        }
        prop_assert_eq!(twice.effects.entries.len(), before);
        prop_assert_eq!(&once.effects.entries, &twice.effects.entries);
    }

    #[test]
    fn how_readings_are_cut_into_frames_changes_nothing(
        rounds in prop::collection::vec(prop::collection::vec(value(), POINTS as usize), 1..30),
        cuts in prop::collection::vec(1..POINTS, 30),
    ) {
        let (mut whole, mut parts) = (Plant::new(POINTS), Plant::new(POINTS));
        for (n, (round, cut)) in rounds.iter().zip(&cuts).enumerate() {
            let at = 1_000 * (n as i64 + 1);
            whole.live(at, 0, round);
            whole.tick(at + 500);
            let (left, right) = round.split_at(*cut as usize);
            parts.live(at, 0, left);
            parts.live(at, *cut, right);
            parts.tick(at + 500);
        }
        prop_assert_eq!(whole.story(), parts.story());
    }

    #[test]
    fn the_gateways_wall_clock_decides_nothing(
        rounds in prop::collection::vec(prop::collection::vec(value(), POINTS as usize), 1..30),
        skew in -3_600_000_000_i64..3_600_000_000,
        step in -3_600_000_i64..3_600_000,
    ) {
        let story = |skew: i64, step: i64| {
            let mut plant = Plant::new(POINTS);
            plant.uplink.skew = skew;
            for (n, round) in rounds.iter().enumerate() {
                if n == rounds.len() / 2 {
                    plant.uplink.skew += step;
                    plant.uplink.epoch += 1;
                }
                let at = 1_000 * (n as i64 + 1);
                plant.live(at, 0, round);
                plant.tick(at + 500);
            }
            plant.tick(60_000);
            plant
                .effects
                .entries
                .iter()
                .map(|e| (e.alarm.to_string(), e.change.clone(), e.log_offset))
                .collect::<Vec<_>>()
        };
        prop_assert_eq!(story(0, 0), story(skew, step));
    }
}
