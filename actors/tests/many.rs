//! Many commands at once: order, one outcome each, nothing before it is durable, and how long ten thousand take on a real disk.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Instant;

use anlan_actors::api::{Center, CenterError};
use anlan_actors::center::RunningCenter;
use anlan_actors::options::{CenterOptions, Ports};
use anlan_domain::alarm::{AlarmChange, AlarmId};
use anlan_domain::log::{Command, CommandRefused, Note};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::Lane;
use anlan_store::journal::segments::{Options as JournalOptions, SegmentJournal};
use anlan_store::state::AlarmSeq;
use anlan_store::state::fjall::FjallState;
use support::gateway::Gateway;
use support::plant::{Park, START, TestDirectory, gateway_id, plan, table};
use tokio_util::sync::CancellationToken;

fn id(point: &str, occurrence: u32) -> AlarmId {
    AlarmId::try_from(format!("410205000.{point}|H|{occurrence}")).unwrap()
}

fn acknowledge(alarm: AlarmId) -> Command {
    Command::Acknowledge { alarm, by: "park".into(), comment: String::new() }
}

/// Raises and ends an alarm on two points of two hosts, so many times each.
async fn flap(gateway: &mut Gateway, times: u32) {
    for round in 0..times {
        gateway.seal_readings(Lane::Live, 0, &[85.0, 50.0, 50.0, 50.0, 85.0]);
        gateway.seal_readings(Lane::Live, 0, &[50.0; 5]);
        if round % 500 == 0 {
            gateway.settle().await;
        }
    }
    gateway.settle().await;
}

fn answers(
    center: &Arc<RunningCenter>,
    log: &[Arc<anlan_store::state::AlarmRecord>],
) -> Vec<AlarmId> {
    assert_eq!(log.last().map(|record| record.seq), Some(center.last_alarm()));
    let answered = |change: &AlarmChange| matches!(change, AlarmChange::Acknowledged { .. });
    log.iter().filter(|r| answered(&r.entry.change)).map(|r| r.entry.alarm.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn many_commands_keep_their_order_and_each_has_its_outcome() {
    let park = Park::start(plan(1, 8)).await;
    let mut gateway = Gateway::new(gateway_id(0).as_str(), 1, table(8), park.begun);
    gateway.connect(&park.center).await.unwrap();
    // More than go at once.
    flap(&mut gateway, 700).await;
    let mut commands: Vec<Command> = (1..=700).rev().map(|n| acknowledge(id("LT-0", n))).collect();
    commands.insert(3, acknowledge(id("LT-4", 2)));
    commands.push(acknowledge(id("LT-0", 5)));
    commands.push(acknowledge(id("LT-0", 701)));
    let nowhere = AlarmId::try_from("410205077.LT-0|H|1".to_owned()).unwrap();
    commands.push(acknowledge(nowhere));
    let note = Note { by: "park".into(), text: "all of them".into() };
    commands.push(Command::Comment { alarm: id("LT-4", 1), note });
    let outcomes = park.center.commands(commands).await;
    assert_eq!(outcomes.len(), 705);
    let refused: Vec<String> =
        outcomes.iter().filter_map(|o| o.as_ref().err()).map(|e| format!("{e:?}")).collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    // It has returned and is acknowledged, so it is over.
    let over = |o: &Result<(), CenterError>| {
        matches!(o, Err(CenterError::Refused(CommandRefused::NotOpen(_))))
    };
    assert!(over(&outcomes[701]) && over(&outcomes[702]), "{refused:?}");
    assert!(matches!(outcomes[703], Err(CenterError::Unknown(_))));
    assert!(outcomes[704].is_ok());
    let log = park.center.alarms_after(AlarmSeq(0), 10_000, 0).await;
    let of_first: Vec<u32> = answers(&park.center, &log)
        .iter()
        .filter(|alarm| alarm.subject.0.ends_with("LT-0"))
        .map(|alarm| alarm.occurrence)
        .collect();
    assert_eq!(of_first, (1..=700).rev().collect::<Vec<_>>(), "in the order that was asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_are_acknowledged_on_a_real_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let journal = SegmentJournal::open(&scratch.path().join("journal"), JournalOptions::default());
    let state = FjallState::open(&scratch.path().join("state"), Default::default()).unwrap();
    let ports =
        Ports { journal: Arc::new(journal.unwrap()), state: Arc::new(state), history: None };
    let begun = tokio::time::Instant::now();
    let clock = Arc::new(move || UtcMillis(START + begun.elapsed().as_millis() as i64));
    let directory = Arc::new(TestDirectory(std::sync::Mutex::new(plan(1, 8))));
    let stop = CancellationToken::new();
    let center =
        RunningCenter::start(CenterOptions::default(), ports, directory, clock, stop.clone())
            .await
            .unwrap();
    let mut gateway = Gateway::new(gateway_id(0).as_str(), 1, table(8), begun);
    gateway.connect(&center).await.unwrap();
    flap(&mut gateway, 5_000).await;
    let commands: Vec<Command> = (1..=5_000)
        .flat_map(|n| [acknowledge(id("LT-0", n)), acknowledge(id("LT-4", n))])
        .collect();
    let started = Instant::now();
    let outcomes = center.commands(commands).await;
    // Printed and not asserted: the machine is shared.
    println!("10,000 alarms acknowledged, durable, in {:?}", started.elapsed());
    assert_eq!(outcomes.len(), 10_000);
    assert_eq!(outcomes.iter().filter(|o| o.is_err()).count(), 0);
    let log = center.alarms_after(AlarmSeq(0), 100_000, 0).await;
    assert_eq!(answers(&center, &log).len(), 10_000);
    stop.cancel();
}
