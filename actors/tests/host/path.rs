//! Missing data is alarmed at the highest lost node; a restart of the center adds no alarm.

use anlan_domain::log::{HostConfig, HostKey, HostNo};

use crate::plant::{GRACE_MS, Logged, Plant, config, hazard_config};

/// Eight points read once a second from `from` to `to`, with ticks between.
fn read(plant: &mut Plant, from: i64, to: i64) {
    for at in (from..to).step_by(1_000) {
        let v = 50.0 + (at % 7) as f64 / 10.0;
        plant.live(at, 0, &[v, v + 1.0, v, v + 1.0, v, v, v, v]);
        plant.tick(at + 500);
    }
}

fn ticks(plant: &mut Plant, from: i64, to: i64) {
    for at in (from..to).step_by(250) {
        plant.tick(at);
    }
}

#[test]
fn a_lost_gateway_is_one_alarm_at_loss_plus_grace_and_its_points_are_bad_without_any() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    plant.now = 5_300;
    plant.link(false);
    assert_eq!(plant.host.roll_up().bad, 8);
    assert!(plant.host.value(3).parent_lost);
    ticks(&mut plant, 5_500, 15_300);
    assert_eq!(plant.take_story(), [] as [&str; 0], "within its grace");
    ticks(&mut plant, 15_300, 40_000);
    assert_eq!(plant.take_story(), ["gateway:41020500101|GATEWAY|1 raised @15300"]);
    assert_eq!(plant.host.roll_up().standing, [0, 1, 0, 0]);
    plant.now = 41_000;
    plant.link(true);
    plant.status(true, 0);
    read(&mut plant, 42_000, 46_000);
    assert_eq!(plant.take_story(), ["gateway:41020500101|GATEWAY|1 cleared Returned @41000"]);
    assert_eq!(plant.host.roll_up().good, 8);
    plant.acknowledge("gateway:41020500101|GATEWAY|1").unwrap();
}

#[test]
fn a_host_that_is_not_the_general_area_only_notes_that_a_gateway_is_lost() {
    let mut plant = Plant::configured(hazard_config(8));
    read(&mut plant, 1_000, 5_000);
    plant.link(false);
    ticks(&mut plant, 5_500, 40_000);
    assert_eq!(plant.story(), [] as [&str; 0]);
    assert!(plant.host.value(0).parent_lost);
    assert_eq!(plant.host.roll_up().bad, 8);
}

#[test]
fn a_short_cut_is_no_alarm() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    for _ in 0..5 {
        plant.link(false);
        let now = plant.now;
        ticks(&mut plant, now, now + GRACE_MS - 100);
        plant.link(true);
        plant.status(true, 0);
        let now = plant.now;
        read(&mut plant, now + 100, now + 3_000);
    }
    assert_eq!(plant.story(), [] as [&str; 0]);
}

#[test]
fn a_lost_device_is_one_alarm_after_its_grace_and_carries_its_points() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    plant.now = 5_000;
    plant.device_status(&[("plc-1", true), ("plc-2", false)], 0);
    assert_eq!(plant.host.roll_up().bad, 4);
    for at in (6_000..20_000).step_by(1_000) {
        plant.live(at, 0, &[50.0, 51.0, 50.0 + at as f64 / 1e6, 51.0]);
        plant.live_bad(at, 4, 4);
        plant.tick(at + 100);
    }
    assert_eq!(plant.take_story(), ["device:41020500101/plc-2|DEVICE|1 raised @15000"]);
    plant.now = 20_000;
    plant.device_status(&[("plc-1", true), ("plc-2", true)], 0);
    read(&mut plant, 20_100, 24_000);
    assert_eq!(plant.take_story(), ["device:41020500101/plc-2|DEVICE|1 cleared Returned @20000"]);
}

#[test]
fn a_loss_that_comes_whole_between_two_ticks_is_an_alarm_all_the_same() {
    // What a gateway could not send for a while comes at once.
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    for (at, connected) in [(6_000, false), (17_000, true), (20_000, false), (29_000, true)] {
        let at_once = plant.uplink.clone();
        plant.uplink.mono_base = at_once.mono_base.wrapping_add_signed(at - 30_000);
        plant.uplink.skew = at - 30_000;
        plant.now = 30_000;
        plant.device_status(&[("plc-1", true), ("plc-2", connected)], 0);
        (plant.uplink.mono_base, plant.uplink.skew) = (at_once.mono_base, at_once.skew);
    }
    assert_eq!(
        plant.take_story(),
        [
            "device:41020500101/plc-2|DEVICE|1 raised @16000",
            "device:41020500101/plc-2|DEVICE|1 cleared Returned @17000",
        ]
    );
}

#[test]
fn what_a_point_had_raised_for_silence_ends_when_the_node_above_carries_it() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 3_000);
    for at in (3_000..8_000).step_by(1_000) {
        plant.live(at, 1, &[50.0 + at as f64 / 1e6; 7]);
        plant.tick(at + 100);
    }
    assert_eq!(plant.take_story(), ["LT-0|MISSING|1 raised @5000"]);
    plant.link(false);
    let lost = plant.now;
    ticks(&mut plant, lost, lost + 12_000);
    assert_eq!(
        plant.take_story(),
        [
            format!("gateway:41020500101|GATEWAY|1 raised @{}", lost + GRACE_MS),
            format!("LT-0|MISSING|1 cleared ParentLost @{}", lost + GRACE_MS),
        ]
    );
}

#[test]
fn a_gateway_that_takes_over_carries_the_alarms_of_its_devices() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 3_000);
    plant.status(false, 0);
    ticks(&mut plant, 3_000, 14_000);
    assert_eq!(plant.take_story().len(), 2);
    plant.link(false);
    ticks(&mut plant, 14_000, 26_000);
    let story = plant.take_story();
    assert_eq!(story.len(), 3, "{story:?}");
    assert!(story[0].starts_with("gateway:41020500101|GATEWAY|1 raised"), "{story:?}");
    assert!(story[1].contains("plc-1|DEVICE|1 cleared ParentLost"), "{story:?}");
    assert!(story[2].contains("plc-2|DEVICE|1 cleared ParentLost"), "{story:?}");
}

#[test]
fn a_restart_of_the_center_adds_no_alarm_and_ends_none() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    plant.live(5_000, 0, &[85.0]);
    plant.take_story();
    for _ in 0..3 {
        // Down for an hour, which the log does not see.
        plant.now += 3_600_000;
        let received = plant.received();
        plant.put(Logged::CenterReady { received }).unwrap();
        let now = plant.now;
        ticks(&mut plant, now, now + 4_000);
        plant.link(true);
        plant.uplink.gap = true;
        plant.status(true, 0);
        let now = plant.now;
        for at in (now + 500..now + 5_000).step_by(1_000) {
            plant.live(at, 0, &[85.0 + at as f64 / 1e12, 50.0, 51.0, 50.0, 51.0, 50.0, 51.0, 50.0]);
            plant.tick(at + 100);
        }
    }
    assert_eq!(plant.story(), [] as [&str; 0]);
    assert_eq!(plant.host.roll_up().standing, [0, 0, 1, 0]);
}

#[test]
fn after_a_restart_of_the_center_a_gateway_that_does_not_come_is_alarmed_and_a_standing_alarm_stays()
 {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    plant.now = 100_000;
    let received = plant.received();
    plant.put(Logged::CenterReady { received }).unwrap();
    ticks(&mut plant, 100_000, 125_000);
    assert_eq!(plant.take_story(), ["gateway:41020500101|GATEWAY|1 raised @110000"]);
    plant.now = 200_000;
    let received = plant.received();
    plant.put(Logged::CenterReady { received }).unwrap();
    ticks(&mut plant, 200_000, 225_000);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
}

#[test]
fn the_centers_own_link_covers_the_gateways_below() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    plant.link(false);
    let received = plant.received();
    plant.put(Logged::CenterLink { up: false, received }).unwrap();
    ticks(&mut plant, 5_000, 60_000);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    let received = plant.received();
    plant.put(Logged::CenterLink { up: true, received }).unwrap();
    let back = plant.now;
    ticks(&mut plant, back, back + 20_000);
    let raised = format!("gateway:41020500101|GATEWAY|1 raised @{}", back + GRACE_MS);
    assert_eq!(plant.take_story(), [raised], "its grace begins anew");
}

#[test]
fn the_centers_host_raises_the_alarm_of_the_centers_link() {
    let config = HostConfig {
        host: HostNo::CENTER,
        key: HostKey::Center,
        enterprise: None,
        gateways: Vec::new(),
        ..config(0)
    };
    let mut plant = Plant::configured(config);
    for (at, up) in [(7_000, false), (8_000, false), (9_000, true), (10_000, true), (11_000, false)]
    {
        plant.now = at;
        let received = plant.received();
        plant.put(Logged::CenterLink { up, received }).unwrap();
    }
    plant.acknowledge("center|CENTER|1").unwrap();
    assert_eq!(
        plant.take_story(),
        [
            "center|CENTER|1 raised @7000",
            "center|CENTER|1 cleared Returned @9000",
            "center|CENTER|2 raised @11000",
            "center|CENTER|1 acknowledged by wang.li @11000",
        ]
    );
    assert_eq!(plant.host.roll_up().standing, [1, 0, 0, 0]);
}

#[test]
fn a_point_is_not_missing_before_everything_above_it_works() {
    let mut plant = Plant::new(8);
    plant.status(false, 0);
    ticks(&mut plant, 100, 9_000);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    plant.now = 9_000;
    plant.status(true, 0);
    ticks(&mut plant, 9_000, 12_000);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    // A gateway that says nothing at all is itself silent: its points are missing only once it is heard again.
    ticks(&mut plant, 12_000, 14_000);
    assert_eq!(plant.take_story(), [] as [&str; 0]);
    plant.now = 14_000;
    plant.status(true, 0);
    ticks(&mut plant, 14_000, 15_000);
    let story = plant.take_story();
    assert_eq!(story.len(), 8);
    assert_eq!(story[0], "LT-0|MISSING|1 raised @12000");
}

#[test]
fn a_removed_point_ends_its_alarms_and_keeps_its_numbers() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 3_000);
    plant.live(3_000, 0, &[85.0, 50.0, 95.0]);
    plant.take_story();
    // Slots move as well: LT-0 is gone and LT-2 is first.
    let mut fewer = config(8);
    fewer.points.remove(0);
    fewer.points.swap(0, 1);
    let received = plant.received();
    plant.put(Logged::Configured { config: fewer, received }).unwrap();
    assert_eq!(plant.take_story(), ["LT-0|H|1 cleared PointRemoved @3000"]);
    assert_eq!(plant.host.slot_of("LT-2"), Some(0));
    assert_eq!(plant.host.value(0).value, Some(95.0));
    plant.acknowledge("410205001.LT-0|H|1").unwrap();
    plant.acknowledge("410205001.LT-2|HH|1").unwrap();
    plant.take_story();
    let received = plant.received();
    plant.put(Logged::Configured { config: config(8), received }).unwrap();
    plant.live(4_000, 0, &[85.0, 50.0, 50.0]);
    assert_eq!(
        plant.take_story(),
        [
            "LT-0|H|2 raised at 85 @4000",
            "LT-2|HH|1 cleared Returned @4000",
            "LT-2|H|1 cleared Returned @4000",
        ]
    );
    assert_eq!(plant.host.roll_up().points(), 8);
}

#[test]
fn a_new_limit_is_in_force_from_its_entry_on() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 3_000);
    plant.live(3_000, 0, &[85.0, 75.0]);
    plant.take_story();
    let mut changed = config(8);
    for (point, value) in [(0, 88.0), (1, 70.0)] {
        let mut settings = (*changed.points[point].settings).clone();
        settings.limits.h.as_mut().unwrap().value = value;
        settings.limits.version = 2;
        changed.points[point].settings = settings.into();
    }
    let received = plant.received();
    plant.put(Logged::Configured { config: changed, received }).unwrap();
    assert_eq!(plant.take_story(), ["LT-0|H|1 cleared LimitsChanged @3000"]);
    plant.live(4_000, 0, &[85.0, 75.0]);
    assert_eq!(plant.take_story(), ["LT-1|H|1 raised at 75 @4000"]);
}

#[test]
fn a_gateway_that_leaves_and_comes_back_goes_on_with_its_numbers() {
    let mut plant = Plant::new(0);
    plant.link(false);
    ticks(&mut plant, 0, 12_000);
    let without = HostConfig { gateways: Vec::new(), ..config(0) };
    let received = plant.received();
    plant.put(Logged::Configured { config: without, received }).unwrap();
    plant.acknowledge("gateway:41020500101|GATEWAY|1").unwrap();
    plant.put(Logged::Configured { config: config(0), received }).unwrap();
    ticks(&mut plant, 12_000, 25_000);
    assert_eq!(
        plant.take_story(),
        [
            "gateway:41020500101|GATEWAY|1 raised @10000",
            "gateway:41020500101|GATEWAY|1 cleared PointRemoved @11750",
            "gateway:41020500101|GATEWAY|1 acknowledged by wang.li @11750",
            "gateway:41020500101|GATEWAY|2 raised @21750",
        ]
    );
}

#[test]
fn a_device_that_its_gateway_names_no_more_keeps_no_alarm() {
    let mut plant = Plant::new(8);
    read(&mut plant, 1_000, 5_000);
    plant.device_status(&[("plc-1", true), ("plc-2", true), ("plc-9", false)], 0);
    ticks(&mut plant, 5_000, 16_000);
    let story = plant.take_story();
    assert!(story[0].starts_with("device:41020500101/plc-9|DEVICE|1 raised"), "{story:?}");
    plant.now = 16_000;
    plant.status(true, 0);
    let story = plant.take_story();
    assert_eq!(story[0], "device:41020500101/plc-9|DEVICE|1 cleared PointRemoved @16000");
    // Its number is never used again, also where its name was dropped with a new configuration.
    let received = plant.received();
    plant.put(Logged::Configured { config: config(8), received }).unwrap();
    assert_eq!(plant.host.describe().gateways[0].devices.len(), 2);
    plant.acknowledge("device:41020500101/plc-9|DEVICE|1").unwrap();
    plant.device_status(&[("plc-1", true), ("plc-2", true), ("plc-9", false)], 0);
    ticks(&mut plant, 16_000, 30_000);
    let story = plant.take_story();
    let again = story.iter().any(|line| line.contains("plc-9|DEVICE|2 raised"));
    assert!(again, "{story:?}");
}

#[test]
fn what_a_gateway_calls_its_devices_is_bounded_and_counted() {
    let mut plant = Plant::new(8);
    let names: Vec<String> = (0..400).map(|n| format!("made-up-{n}")).collect();
    let long = "x".repeat(129);
    let mut devices: Vec<(&str, bool)> = vec![("plc-1", true), ("plc-2", true), (&long, true)];
    devices.extend(names.iter().map(|name| (name.as_str(), true)));
    plant.device_status(&devices, 0);
    let described = plant.host.describe();
    assert_eq!(described.gateways[0].devices.len(), 256);
    assert_eq!(described.counters.refused_devices, 1 + 400 - 254);
    // Other names take no room of those that are gone for longer than to the next configuration.
    plant.status(true, 0);
    let received = plant.received();
    plant.put(Logged::Configured { config: config(8), received }).unwrap();
    plant.device_status(&[("plc-1", true), ("plc-2", true), ("another", true)], 0);
    assert_eq!(plant.host.describe().gateways[0].devices.len(), 3);
}
