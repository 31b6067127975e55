//! A hosted sensor's failure is its own, and a reading that crashes it cannot loop.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};

use anlan_actors::host::{Evaluator, Rulebook};
use anlan_domain::sensor::{Finding, Reading, Rules, Sensor, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};

use crate::plant::{Plant, config};

/// A value that always crashes, and one that crashes the first time it is seen.
const POISON: f64 = 66.6;
const FLAKY: f64 = 55.5;

/// The rulebook, but for two values.
#[derive(Clone, Default)]
pub struct Crashing {
    flaky: Arc<AtomicU32>,
}

/// Panics are expected here; what they print would hide real ones.
pub fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let expected = info.payload().downcast_ref::<&str>().is_some_and(|m| *m == "poison");
            if !expected {
                before(info);
            }
        }));
    });
}

impl Evaluator for Crashing {
    fn calm(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        value: f64,
        at: LineMillis,
        source: UtcMillis,
    ) -> bool {
        value != POISON && value != FLAKY && Rulebook.calm(sensor, rules, value, at, source)
    }

    fn step(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        reading: &Reading,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        // Half of the work is done when it crashes: none of it may be seen.
        Rulebook.step(sensor, rules, reading, watch, findings);
        let first = reading.value == FLAKY && self.flaky.fetch_add(1, Ordering::Relaxed) == 0;
        if reading.value == POISON || first {
            std::panic::panic_any("poison");
        }
    }

    fn tick(
        &self,
        sensor: &mut Sensor,
        rules: &Rules,
        now: LineMillis,
        watch: Watch,
        findings: &mut Vec<Finding>,
    ) {
        Rulebook.tick(sensor, rules, now, watch, findings);
    }
}

fn plant() -> Plant<Crashing> {
    quiet();
    Plant::of(Crashing::default(), config(4))
}

#[test]
fn a_reading_that_crashes_its_sensor_twice_is_set_aside_and_the_others_are_untouched() {
    let mut plant = plant();
    plant.live(1_000, 0, &[50.0, 50.0, 50.0, 50.0]);
    plant.live(2_000, 0, &[85.0, POISON, 95.0, 51.0]);
    assert_eq!(
        plant.take_story(),
        [
            "LT-0|H|1 raised at 85 @2000",
            "LT-1|FAULT|1 raised @2000",
            "LT-2|HH|1 raised at 95 @2000",
            "LT-2|H|1 raised at 95 @2000",
        ]
    );
    let description = plant.host.describe();
    assert_eq!((description.counters.crashes, description.counters.set_aside), (2, 1));
    assert_eq!(description.set_aside[0].reading.unwrap().value, POISON);
    assert_eq!(&*description.set_aside[0].tag, "LT-1");
    assert_eq!(description.faults[0].failures, 2);
    assert_eq!(plant.host.value(1).value, Some(50.0), "the last good state");
    assert_eq!(plant.host.value(3).value, Some(51.0));
}

#[test]
fn readings_wait_for_a_sensor_that_is_started_again_and_none_is_lost() {
    let mut plant = plant();
    plant.live(1_000, 1, &[50.0]);
    plant.live(2_000, 1, &[POISON]);
    plant.take_story();
    // It is started again 100 ms later; these arrive before.
    plant.live(2_030, 1, &[95.0]);
    plant.live(2_060, 1, &[50.0]);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    assert_eq!(plant.host.describe().faults[0].waiting, 2);
    plant.tick(2_099);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    plant.tick(2_100);
    assert_eq!(
        plant.take_story(),
        [
            "LT-1|HH|1 raised at 95 @2030",
            "LT-1|H|1 raised at 95 @2030",
            "LT-1|HH|1 cleared Returned @2060",
            "LT-1|H|1 cleared Returned @2060",
        ]
    );
}

#[test]
fn a_sensor_that_keeps_crashing_waits_longer_and_is_shown_until_it_has_lived_a_while() {
    let mut plant = plant();
    let mut at = 1_000;
    let mut delays = Vec::new();
    for _ in 0..4 {
        plant.live(at, 1, &[POISON]);
        let fault = plant.host.describe().faults[0].clone();
        delays.push(fault.retry_at.0 - plant.received().0);
        at += 30_000;
        plant.tick(at);
    }
    assert!(delays.windows(2).all(|d| d[0] < d[1]), "{delays:?}");
    let last = plant.now - 30_000;
    for at in (plant.now + 1_000..last + 62_000).step_by(1_000) {
        plant.live(at, 1, &[50.0 + at as f64 / 1e7]);
        plant.tick(at + 10);
    }
    let faults: Vec<_> = plant.story().into_iter().filter(|l| l.contains("FAULT")).collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(plant.host.describe().faults.is_empty());
}

#[test]
fn a_crash_that_does_not_repeat_costs_nothing_but_a_count() {
    let mut plant = plant();
    plant.live(1_000, 0, &[50.0]);
    plant.live(2_000, 0, &[FLAKY]);
    plant.live(3_000, 0, &[85.0]);
    assert_eq!(plant.take_story(), ["LT-0|H|1 raised at 85 @3000"]);
    let description = plant.host.describe();
    assert_eq!((description.counters.crashes, description.counters.set_aside), (1, 0));
}

#[test]
fn a_replay_sets_the_same_readings_aside() {
    let mut plant = plant();
    for at in (1_000..20_000).step_by(500) {
        let poison = if at % 3_500 == 0 { POISON } else { 85.0 };
        plant.live(at, 0, &[50.0, poison, 40.0 + (at % 9) as f64, 91.0]);
        plant.tick(at + 100);
    }
    let end = plant.host.checkpoint();
    for k in 1..=plant.log.len() {
        let (entries, checkpoint) = plant.replayed(Crashing::default(), Crashing::default(), k);
        assert_eq!(entries, plant.effects.entries, "crash after {k}");
        assert_eq!(checkpoint, end, "crash after {k}");
    }
}
