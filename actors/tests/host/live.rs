//! What a host makes of the live lane: alarms, acknowledgement, silence, checkpoints.

use crate::plant::{Plant, START, config};
use anlan_actors::host::{CHECKPOINT_VERSION, CheckpointError, Host, Rulebook};
use anlan_domain::log::CommandRefused;
use anlan_domain::quality::Quality;

#[test]
fn h_and_hh_are_two_alarms_and_hh_does_not_clear_h() {
    let mut plant = Plant::new(8);
    plant.live(1_000, 0, &[50.0, 50.0]);
    plant.live(2_000, 0, &[85.0, 51.0]);
    plant.live(3_000, 0, &[95.0, 52.0]);
    plant.live(4_000, 0, &[85.0, 51.0]);
    plant.live(5_000, 0, &[50.0, 52.0]);
    assert_eq!(
        plant.story(),
        [
            "LT-0|H|1 raised at 85 @2000",
            "LT-0|HH|1 raised at 95 @3000",
            "LT-0|HH|1 cleared Returned @4000",
            "LT-0|H|1 cleared Returned @5000",
        ]
    );
}

#[test]
fn an_alarm_is_acknowledged_once_and_also_after_it_returned() {
    let mut plant = Plant::new(1);
    plant.live(1_000, 0, &[50.0]);
    plant.live(2_000, 0, &[85.0]);
    plant.acknowledge("410205001.LT-0|H|1").unwrap();
    let again = plant.acknowledge("410205001.LT-0|H|1");
    assert!(matches!(again, Err(CommandRefused::AlreadyAcknowledged(_))), "{again:?}");
    plant.live(3_000, 0, &[50.0]);
    plant.live(4_000, 0, &[85.0]);
    plant.live(5_000, 0, &[50.0]);
    assert_eq!(plant.host.roll_up().returned_unacknowledged, 1);
    plant.acknowledge("410205001.LT-0|H|2").unwrap();
    assert_eq!(plant.host.roll_up().returned_unacknowledged, 0);
    for unknown in ["410205001.LT-0|H|3", "410205001.LT-9|H|1", "410205002.LT-0|H|1", "x|H|1"] {
        let refused = plant.acknowledge(unknown);
        assert!(matches!(refused, Err(CommandRefused::NotOpen(_))), "{unknown}: {refused:?}");
    }
    assert_eq!(plant.story().iter().filter(|l| l.contains("acknowledged")).count(), 2);
}

#[test]
fn a_silent_point_is_missing_since_last_update_plus_n_scans() {
    let mut plant = Plant::new(2);
    plant.live(1_000, 0, &[50.0, 85.0]);
    for at in (2_000..6_000).step_by(1_000) {
        plant.live(at, 0, &[50.0 + at as f64 / 1e6]);
        plant.tick(at + 100);
    }
    assert_eq!(plant.story(), ["LT-1|H|1 raised at 85 @1000", "LT-1|MISSING|1 raised @4000"]);
    let shown = plant.host.value(1);
    assert!(shown.missing);
    assert_eq!((shown.value, shown.quality), (Some(85.0), Quality::LAST_USABLE));
    assert_eq!(plant.host.roll_up().bad, 1);
    plant.live(7_000, 0, &[50.0, 86.0]);
    assert_eq!(plant.story()[2..], ["LT-1|MISSING|1 cleared Returned @7000"]);
    assert_eq!(plant.host.roll_up().good, 2);
}

#[test]
fn a_bad_value_is_an_alarm_after_n_scans_and_leaves_the_limit_alarm_alone() {
    let mut plant = Plant::new(1);
    plant.live(1_000, 0, &[85.0]);
    for at in 2..=6 {
        plant.live_bad(at * 1_000, 0, 1);
    }
    assert_eq!(plant.host.value(0).value, Some(85.0));
    assert_eq!(plant.host.value(0).quality, Quality::COMM_FAILURE);
    plant.live(7_000, 0, &[50.0]);
    assert_eq!(
        plant.story(),
        [
            "LT-0|H|1 raised at 85 @1000",
            "LT-0|BAD|1 raised @5000",
            "LT-0|H|1 cleared Returned @7000",
            "LT-0|BAD|1 cleared Returned @7000",
        ]
    );
}

#[test]
fn a_damaged_or_foreign_checkpoint_is_refused_and_says_why() {
    let mut plant = Plant::new(4);
    plant.live(1_000, 0, &[50.0, 85.0, 5.0, 99.0]);
    let good = plant.host.checkpoint();
    assert!(Host::restore(&good).is_ok());
    for cut in 0..good.len() {
        assert!(Host::restore(&good[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        assert!(Host::restore(&bad).is_err(), "flipped at {at}");
    }
    for version in [0, 1, CHECKPOINT_VERSION - 1, CHECKPOINT_VERSION + 1, 900] {
        let mut other = good[..good.len() - 4].to_vec();
        other[4..6].copy_from_slice(&version.to_le_bytes());
        let crc = crc32fast::hash(&other);
        other.extend_from_slice(&crc.to_le_bytes());
        let refused = Host::restore(&other).unwrap_err();
        assert_eq!(refused, CheckpointError::Version { found: version });
    }
}

#[test]
fn a_replay_from_any_checkpoint_comes_to_the_same_state_and_entries() {
    let mut plant = Plant::new(8);
    for at in 1..40 {
        let v = 50.0 + 45.0 * f64::from(at).sin();
        plant.live(i64::from(at) * 1_000, 0, &[v, 100.0 - v, v / 2.0, 50.0]);
        plant.tick(i64::from(at) * 1_000 + 200);
    }
    plant.acknowledge("410205001.LT-0|H|1").unwrap();
    let end = plant.host.checkpoint();
    for k in 1..=plant.log.len() {
        let (entries, checkpoint) = plant.replayed(Rulebook, Rulebook, k);
        assert_eq!(entries, plant.effects.entries, "crash after {k}");
        assert_eq!(checkpoint, end, "crash after {k}");
    }
    assert!(plant.effects.entries.iter().all(|e| e.received_time.0 >= START));
}

#[test]
fn a_restored_host_knows_its_configuration() {
    let mut config = config(8);
    let mut settings = (*config.points[3].settings).clone();
    settings.limits.h.as_mut().unwrap().value = 70.0;
    config.points[3].settings = settings.into();
    config.points[5].gateway = "41020500109".parse().unwrap();
    config.points.swap(2, 6);
    let plant = Plant::configured(config.clone());
    assert_eq!(plant.host.config(), config);
    let restored = Host::restore(&plant.host.checkpoint()).unwrap();
    assert_eq!(restored.config(), config);
    // A point whose gateway the configuration does not list is there, without data.
    assert!(restored.value(5).parent_lost);
}
