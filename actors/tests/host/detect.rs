//! Detectors inside a host: siblings of the same equipment, replays, new settings, and what they leave alone.

use std::sync::Arc;

use anlan_actors::host::Rulebook;
use anlan_domain::limits::Limits;
use anlan_domain::log::HostConfig;

use crate::plant::{Logged, Plant, config, detector, limits, settings};

/// `LT-0` and `LT-1` on V-0, `LT-4` on V-1; the first one has detectors.
fn watched(detectors: &[(&str, &str)]) -> HostConfig {
    let mut config = config(5);
    let mut of_first = settings(Limits { h: None, ..limits() });
    of_first.detectors = detectors.iter().map(|(c, text)| detector(c, text, 0)).collect();
    config.points[0].settings = Arc::new(of_first);
    config
}

#[test]
fn a_deviation_from_a_sibling_is_an_alarm_of_the_point_and_is_acknowledged_like_one() {
    let mut plant =
        Plant::configured(watched(&[("DEVIATION", "from=[LT-1]; limit=10; deadband=2")]));
    plant.live(1_000, 0, &[50.0, 50.0]);
    plant.live(2_000, 0, &[61.0, 50.0]);
    // The reading of the point itself decides, with the newest of its sibling.
    plant.live(3_000, 1, &[52.5]);
    assert_eq!(plant.host.roll_up().standing.iter().sum::<u32>(), 1);
    plant.live(4_000, 0, &[60.0]);
    assert_eq!(plant.host.roll_up().standing.iter().sum::<u32>(), 0);
    plant.acknowledge("410205001.LT-0|DEVIATION|1").unwrap();
    assert_eq!(
        plant.take_story(),
        [
            "LT-0|DEVIATION|1 raised at 61 @2000",
            "LT-0|DEVIATION|1 cleared Returned @4000",
            "LT-0|DEVIATION|1 acknowledged by wang.li @4000",
        ]
    );
}

#[test]
fn a_point_of_other_equipment_and_one_without_a_value_decide_nothing() {
    let mut plant = Plant::configured(watched(&[("EXPRESSION", "[LT-4] > 1 or [LT-9] > 1")]));
    plant.live(1_000, 0, &[50.0, 50.0, 50.0, 50.0, 50.0]);
    plant.live(2_000, 0, &[51.0, 50.0, 50.0, 50.0, 50.0]);
    assert!(plant.story().is_empty(), "{:?}", plant.story());
    let mut plant = Plant::configured(watched(&[("EXPRESSION", "[LT-1] > 1")]));
    plant.live(1_000, 0, &[50.0, 50.0]);
    assert!(plant.story().is_empty(), "its sibling was read after it");
    plant.live(2_000, 0, &[51.0, 50.0]);
    assert_eq!(plant.take_story(), ["LT-0|EXPRESSION|1 raised at 51 @2000"]);
    plant.live_bad(3_000, 1, 1);
    plant.live(4_000, 0, &[50.0]);
    assert!(plant.story().is_empty(), "neither cleared nor raised by a bad sibling");
}

#[test]
fn a_changed_detector_ends_its_alarm_and_the_point_taken_out_ends_all() {
    let deviation = ("DEVIATION", "from=40; limit=5");
    let mut plant = Plant::configured(watched(&[deviation, ("EXPRESSION", "[LT-1] > 1")]));
    plant.live(1_000, 0, &[50.0, 50.0]);
    plant.live(2_000, 0, &[51.0, 50.0]);
    assert_eq!(plant.take_story().len(), 2);
    let received = plant.received();
    let config = watched(&[deviation]);
    plant.put(Logged::Configured { config: config.clone(), received }).unwrap();
    let story = plant.take_story();
    assert_eq!(story.len(), 1, "{story:?}");
    assert!(story[0].starts_with("LT-0|EXPRESSION|1 cleared LimitsChanged"), "{story:?}");
    let received = plant.received();
    let config = HostConfig { points: config.points[1..].to_vec(), ..config };
    plant.put(Logged::Configured { config, received }).unwrap();
    let story = plant.take_story();
    assert!(story[0].starts_with("LT-0|DEVIATION|1 cleared PointRemoved"), "{story:?}");
    assert_eq!(plant.host.roll_up().standing.iter().sum::<u32>(), 0);
}

#[test]
fn a_back_filled_reading_is_not_given_to_detectors() {
    let mut plant = Plant::configured(watched(&[("DEVIATION", "from=50; limit=10")]));
    plant.live(1_000, 0, &[50.0]);
    plant.late(500, 0, &[75.0]);
    plant.live(2_000, 0, &[50.5]);
    assert!(plant.story().is_empty(), "{:?}", plant.story());
}

#[test]
fn a_crash_between_any_two_entries_keeps_what_a_detector_remembers() {
    let spike = ("SPIKE", "window=5; k=3; least=2");
    let drift = ("DRIFT", "target=50; sigma=2; k=0.5; h=4");
    let mut plant =
        Plant::configured(watched(&[spike, drift, ("DEVIATION", "from=[LT-1]; limit=4")]));
    for n in 0..40_i64 {
        let value =
            50.0 + (n % 3) as f64 * 0.5 + if n % 11 == 10 { 20.0 } else { 0.0 } + n as f64 * 0.1;
        plant.live(1_000 * (n + 1), 0, &[value, 50.0]);
    }
    let codes = ["SPIKE|2 raised", "DRIFT|1 raised", "DEVIATION|2 raised"];
    for code in codes {
        assert!(
            plant.story().iter().any(|line| line.contains(code)),
            "{code}: {:?}",
            plant.story()
        );
    }
    for k in 1..=plant.log.len() {
        let (entries, _) = plant.replayed(Rulebook, Rulebook, k);
        assert_eq!(entries, plant.effects.entries, "killed after {k}");
    }
}
