//! States of equipment: what they suppress by design, when they end, and what a new configuration does to them.

use anlan_domain::alarm::{AlarmChange, Condition};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::life_cycle::Quiet;
use anlan_domain::limits::Limits;
use anlan_domain::log::{Command, CommandRefused, HostConfig, Note};
use anlan_domain::suppression::proposed;
use anlan_domain::time::UtcMillis;

use crate::plant::{Logged, Plant, START, config, limits};

/// Levels with the proposed table; `points` of them, four to a piece of equipment.
fn levels(points: u32) -> HostConfig {
    let mut config = config(points);
    let mut settings = (*config.points[0].settings).clone();
    settings.suppression = proposed("level", "level");
    let settings = std::sync::Arc::new(settings);
    for point in &mut config.points {
        point.settings = settings.clone();
    }
    config
}

fn operate(
    plant: &mut Plant,
    equipment: &str,
    state: EquipmentState,
    until_ms: Option<i64>,
) -> Result<(), CommandRefused> {
    plant.command(Command::Operate {
        equipment: equipment.parse().unwrap(),
        state,
        until: until_ms.map(|ms| UtcMillis(START + ms)),
        note: Note { by: "wang.li".into(), text: "大修".into() },
    })
}

#[test]
fn a_stopped_tank_calls_for_its_high_level_and_not_for_its_low_one() {
    let mut plant = Plant::configured(levels(5));
    plant.live(1_000, 0, &[15.0, 50.0, 50.0, 50.0, 15.0]);
    plant.take_story();
    operate(&mut plant, "410205001.V-0", EquipmentState::Stopped, None).unwrap();
    let story = plant.take_story();
    assert_eq!(story[0], "equipment:410205001.V-0 stopped wang.li 大修 @1000");
    assert!(story.contains(&"LT-0|L|1 suppressed @1000".to_owned()), "{story:?}");
    assert!(story.contains(&"LT-1|LL|0 suppressed @1000".to_owned()), "{story:?}");
    assert!(story.iter().all(|line| !line.contains("|H")), "{story:?}");
    assert!(story.iter().all(|line| !line.contains("LT-4")), "of another tank: {story:?}");
    // L of the other tank still waits; the one of the stopped tank is quiet and stands.
    assert_eq!(plant.host.roll_up().unacknowledged.iter().sum::<u32>(), 1);
    assert_eq!(plant.host.roll_up().quiet, 1);
    plant.live(2_000, 0, &[50.0, 5.0, 95.0, 50.0, 15.0]);
    assert_eq!(
        plant.take_story(),
        [
            "LT-0|L|1 cleared Returned @2000",
            "LT-1|L|1 raised suppressed at 5 @2000",
            "LT-1|LL|1 raised suppressed at 5 @2000",
            "LT-2|HH|1 raised at 95 @2000",
            "LT-2|H|1 raised at 95 @2000",
        ]
    );
    // It runs again: what stands waits anew.
    operate(&mut plant, "410205001.V-0", EquipmentState::Running, None).unwrap();
    let story = plant.take_story();
    assert_eq!(story[0], "equipment:410205001.V-0 running wang.li 大修 @2000");
    assert!(story.contains(&"LT-1|L|1 no longer suppressed EquipmentState @2000".to_owned()));
    assert_eq!(plant.host.roll_up().quiet, 0);
    assert_eq!(plant.host.roll_up().unacknowledged.iter().sum::<u32>(), 5);
    plant.acknowledge("410205001.LT-1|LL|1").unwrap();
}

#[test]
fn starting_up_ends_by_itself_once_and_not_before_its_time() {
    let mut plant = Plant::configured(levels(1));
    operate(&mut plant, "410205001.V-0", EquipmentState::Starting, Some(60_000)).unwrap();
    plant.live(1_000, 0, &[15.0]);
    plant.take_story();
    for at in (3_000..60_000).step_by(1_000) {
        plant.live(at, 0, &[15.0]);
        plant.tick(at);
    }
    plant.tick(59_999);
    assert_eq!(plant.take_story(), Vec::<String>::new());
    plant.live(60_000, 0, &[15.0]);
    plant.tick(60_000);
    let story = plant.take_story();
    assert_eq!(story[0], "equipment:410205001.V-0 running   @60000");
    assert_eq!(story.iter().filter(|line| line.contains("LT-0|L|1 no longer")).count(), 1);
    plant.tick(61_000);
    assert_eq!(plant.take_story(), Vec::<String>::new());
    let (entries, _) = plant.replayed(Default::default(), Default::default(), plant.log.len() / 2);
    let ended = entries.iter().filter(|entry| {
        matches!(entry.change, AlarmChange::EquipmentState { state: EquipmentState::Running, .. })
    });
    assert_eq!(ended.count(), 1);
}

#[test]
fn what_has_no_effect_says_why() {
    let mut plant = Plant::configured(levels(1));
    let refused = operate(&mut plant, "410205001.V-9", EquipmentState::Stopped, None).unwrap_err();
    assert!(matches!(&refused, CommandRefused::NoSuchEquipment(_)) && refused.is_unknown());
    let refused = operate(&mut plant, "410205001.V-0", EquipmentState::Running, None).unwrap_err();
    assert!(matches!(refused, CommandRefused::AlreadyInState { .. }));
    for until in [None, Some(0), Some(-1)] {
        let refused = operate(&mut plant, "410205001.V-0", EquipmentState::Starting, until);
        assert!(matches!(refused, Err(CommandRefused::StartTimePassed(_))), "{until:?}");
    }
    operate(&mut plant, "410205001.V-0", EquipmentState::Starting, Some(9_000)).unwrap();
    operate(&mut plant, "410205001.V-0", EquipmentState::Starting, Some(9_000)).unwrap_err();
    operate(&mut plant, "410205001.V-0", EquipmentState::Starting, Some(19_000)).unwrap();
}

#[test]
fn a_state_outlives_a_new_configuration_and_binds_what_it_brings() {
    let mut plant = Plant::configured(levels(1));
    operate(&mut plant, "410205001.V-0", EquipmentState::Maintenance, None).unwrap();
    plant.take_story();
    let reconfigure = |plant: &mut Plant, config: HostConfig| {
        let received = plant.received();
        plant.put(Logged::Configured { config, received }).unwrap();
        plant.take_story()
    };
    let story = reconfigure(&mut plant, levels(2));
    assert!(story.contains(&"LT-1|L|0 suppressed @0".to_owned()), "{story:?}");
    assert!(story.iter().all(|line| line.starts_with("LT-1|")), "{story:?}");
    // A limit that goes is suppressed no longer, and neither is a point that goes.
    let mut without = levels(2);
    let mut settings = (*without.points[1].settings).clone();
    settings.limits = Limits { l: None, ll: None, ..limits() };
    without.points[1].settings = settings.into();
    let story = reconfigure(&mut plant, without);
    assert_eq!(
        story,
        [
            "LT-1|L|0 no longer suppressed EquipmentState @0",
            "LT-1|LL|0 no longer suppressed EquipmentState @0"
        ]
    );
    let story = reconfigure(&mut plant, levels(1));
    assert!(story.contains(&"LT-1|MISSING|0 no longer suppressed EquipmentState @0".to_owned()));
    let restored = anlan_actors::host::Host::restore(&plant.host.checkpoint()).unwrap();
    assert_eq!(restored.checkpoint(), plant.host.checkpoint());
    plant.live(1_000, 0, &[15.0]);
    let quiet = plant.effects.entries.iter().find_map(|entry| match entry.change {
        AlarmChange::Raised { quiet, .. } => quiet,
        _ => None,
    });
    assert_eq!(quiet, Some(Quiet::Suppressed));
    assert_eq!(plant.host.value(0).standing.iter().next(), Some(Condition::Low));
}
