//! Point tables are kept for as long as a journalled frame may ask for them, and no longer.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anlan_actors::api::Center;
use anlan_actors::ingest::tables::{BYTES_MAX, TABLES_MAX, TableError, Tables};
use anlan_domain::log::{GatewayNo, RecordKind};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{self, Kind, Lane, ReadingsView, Table, TableRow, write_payload};
use anlan_store::journal::{Journal, Offset, Record};
use anlan_store::state::AlarmSeq;
use support::gateway::{Gateway, Said};
use support::memory::{Disk, Door};
use support::plant::{Park, gateway_id, plan, table};

const G: GatewayNo = GatewayNo(1);

/// The table of the park with one more row: another for every number.
fn numbered(number: u32) -> Table {
    let mut table = table(8);
    table.rows.push(TableRow { tag: format!("EXTRA-{number}"), device: "plc".into() });
    table
}

fn open(disk: &Arc<Disk>) -> Tables {
    let door = Door::open(disk);
    Tables::open(Arc::new(door.clone()), Arc::new(door)).unwrap()
}

async fn append(disk: &Arc<Disk>, records: usize) {
    let payload = bytes::Bytes::new();
    let record = Record { received: UtcMillis(0), kind: RecordKind::Tick, source: 0, payload };
    Door::open(disk).append(vec![record; records]).await.unwrap();
}

fn documents(disk: &Disk) -> BTreeSet<String> {
    let documents = disk.documents.lock().unwrap();
    documents.keys().filter(|key| key.starts_with("table/")).cloned().collect()
}

fn key(gateway: u32, table: &Table) -> String {
    format!("table/{gateway}/{:016x}", table.hash())
}

/// A frame that refers to the table gets this offset.
fn use_at(tables: &Tables, table: &Table, offset: u64) {
    tables.pin(G, table.hash()).expect("it is here").journalled(Offset(offset));
}

#[tokio::test]
async fn a_table_goes_two_passes_after_the_last_frame_that_refers_to_it_and_the_newest_stays() {
    let disk = Arc::<Disk>::default();
    let tables = open(&disk);
    append(&disk, 10).await;
    for number in 0..3 {
        tables.put(G, numbered(number)).await.unwrap();
        use_at(&tables, &numbered(number), 11 + u64::from(number) * 10);
    }
    append(&disk, 90).await;
    let forget = async |first| tables.forget_before(Offset(first)).await.unwrap();
    assert_eq!(forget(11).await, 0);
    assert_eq!(forget(12).await, 0, "the journal still held its frame at the last pass");
    assert_eq!(forget(60).await, 1);
    assert!(tables.get(G, numbered(0).hash()).unwrap().is_none());
    assert_eq!(documents(&disk), [key(1, &numbered(1)), key(1, &numbered(2))].into());
    assert_eq!(forget(60).await, 1, "the newest stays, though its frame is gone too");
    assert_eq!(forget(99).await, 0);
    assert_eq!(*tables.get(G, numbered(2).hash()).unwrap().unwrap(), numbered(2));
    assert!(tables.pin(G, numbered(1).hash()).is_none(), "the gateway is asked for it");
    // And may send it again.
    tables.put(G, numbered(1)).await.unwrap();
    use_at(&tables, &numbered(1), 100);
    assert_eq!(*tables.get(G, numbered(1).hash()).unwrap().unwrap(), numbered(1));
}

#[tokio::test]
async fn a_frame_on_its_way_to_the_journal_holds_its_table_and_one_that_is_given_up_does_not() {
    let disk = Arc::<Disk>::default();
    let tables = open(&disk);
    tables.put(G, numbered(0)).await.unwrap();
    let (way, given_up) =
        (tables.pin(G, numbered(0).hash()).unwrap(), tables.pin(G, numbered(0).hash()).unwrap());
    tables.put(G, numbered(1)).await.unwrap();
    append(&disk, 100).await;
    for first in [50, 60, 70] {
        assert_eq!(tables.forget_before(Offset(first)).await.unwrap(), 0);
    }
    drop(given_up);
    way.journalled(Offset(101));
    drop(way);
    assert_eq!(tables.forget_before(Offset(101)).await.unwrap(), 0);
    assert_eq!(tables.forget_before(Offset(102)).await.unwrap(), 0, "the journal holds the frame");
    assert_eq!(tables.forget_before(Offset(102)).await.unwrap(), 1);
}

#[tokio::test]
async fn what_a_start_finds_is_kept_until_the_journal_has_passed_everything_it_held_then() {
    let disk = Arc::<Disk>::default();
    append(&disk, 20).await;
    let before = open(&disk);
    for number in 0..2 {
        before.put(G, numbered(number)).await.unwrap();
    }
    use_at(&before, &numbered(0), 15);
    drop(before);
    let tables = open(&disk);
    append(&disk, 20).await;
    for first in [10, 21, 21] {
        assert_eq!(tables.forget_before(Offset(first)).await.unwrap(), 0, "{first}");
        assert!(tables.get(G, numbered(0).hash()).unwrap().is_some());
    }
    tables.forget_before(Offset(30)).await.unwrap();
    assert_eq!(tables.forget_before(Offset(30)).await.unwrap(), 2);
    assert!(documents(&disk).is_empty());
}

#[tokio::test]
async fn thousands_of_tables_stay_bounded_and_one_that_is_needed_is_never_pushed_out() {
    let disk = Arc::<Disk>::default();
    let tables = open(&disk);
    tables.put(G, numbered(0)).await.unwrap();
    use_at(&tables, &numbered(0), 1);
    append(&disk, 1).await;
    for number in 1..3_000 {
        tables.put(G, numbered(number)).await.unwrap();
        assert!(documents(&disk).len() <= TABLES_MAX);
    }
    assert_eq!(*tables.get(G, numbered(0).hash()).unwrap().unwrap(), numbered(0));
    // With a frame of each in the journal there is no place for one more.
    let mut refused = None;
    for number in 3_000..4_000 {
        match tables.put(G, numbered(number)).await {
            Ok(()) => use_at(&tables, &numbered(number), u64::from(number)),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let said = refused.expect("there is a bound");
    assert!(matches!(said, TableError::TooMany { tables: TABLES_MAX, .. }), "{said}");
    assert!(said.to_string().contains("in a few minutes"), "{said}");
    assert_eq!(documents(&disk).len(), TABLES_MAX);
    assert!(tables.put(G, numbered(0)).await.is_ok(), "one that is here is taken all the same");
    assert!(tables.put(GatewayNo(2), numbered(1)).await.is_ok(), "another gateway has its own");
    // Once the journal has gone on there is place again.
    tables.forget_before(Offset(4_000)).await.unwrap();
    tables.put(G, numbered(4_000)).await.unwrap();
    assert!(tables.get(G, numbered(4_000).hash()).unwrap().is_some());
}

#[tokio::test]
async fn the_bytes_of_a_gateways_tables_are_bounded_too() {
    let disk = Arc::<Disk>::default();
    let tables = open(&disk);
    let large = |number: u32| Table {
        rows: vec![TableRow { tag: format!("{number}"), device: "x".repeat(3 << 20) }],
    };
    let mut taken = 0;
    while tables.put(G, large(taken)).await.is_ok() {
        use_at(&tables, &large(taken), 1);
        taken += 1;
        assert!(taken < 100, "there is no bound");
    }
    assert_eq!(u64::from(taken), BYTES_MAX / (3 << 20));
}

/// Every readings frame that the journal holds finds its table.
fn assert_readable(park: &Park) {
    let records = park.disk.records.lock().unwrap();
    let documents = documents(&park.disk);
    let first = park.disk.trimmed.load(Ordering::SeqCst);
    for record in records.iter().skip(first as usize) {
        if record.kind != RecordKind::Frame {
            continue;
        }
        let (header, payload) = uplink::open(&record.payload).unwrap();
        if header.kind == Kind::Readings {
            let hash = ReadingsView::new(payload).unwrap().table;
            let key = format!("table/{}/{hash:016x}", record.source);
            assert!(documents.contains(&key), "a journalled frame of {key} cannot be replayed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn old_configurations_are_forgotten_replays_find_their_tables_and_a_late_frame_asks_again() {
    let seal_every = Duration::from_secs(10);
    let mut park = Park::start_with(plan(1, 8), |options| options.seal_every = seal_every).await;
    let mut gateway = Gateway::new(gateway_id(0).as_str(), 1, numbered(0), park.begun);
    gateway.connect(&park.center).await.unwrap();
    for number in 0..8 {
        gateway.table = numbered(number);
        for value in [50.0, 85.0, 50.0] {
            gateway.seal_readings(Lane::Live, 0, &[value]);
            gateway.settle().await;
            assert!(gateway.unacked.is_empty());
            assert_readable(&park);
        }
        if number % 3 == 2 {
            // Killed with frames that no checkpoint has yet: they are replayed.
            park.kill_and_restart().await;
            gateway.connect(&park.center).await.unwrap();
            assert_readable(&park);
        }
        for second in 0..45 {
            // Now and then a late frame of another configuration, between those of the newest.
            for table in [100 + number, number] {
                if second < 20 && second % 4 == 0 {
                    gateway.table = numbered(table);
                    gateway.seal_readings(Lane::Backfill, 1, &[50.0]);
                    gateway.settle().await;
                }
            }
            gateway.seal_status();
            gateway.settle().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_readable(&park);
        }
    }
    let kept = documents(&park.disk);
    assert!(kept.len() <= 3 && kept.contains(&key(1, &numbered(7))), "{kept:?}");
    // One alarm raised and cleared for each configuration, those that a kill fell into included, and none twice.
    let alarms = park.center.alarms_after(AlarmSeq(0), 100, 1).await;
    let raised = alarms.iter().filter(|a| a.entry.alarm.subject.0.ends_with("LT-0"));
    let numbers: BTreeSet<u32> = raised.map(|a| a.entry.alarm.occurrence).collect();
    assert_eq!(numbers.len(), 8, "{alarms:?}");
    // A frame of the first one, that had waited at the gateway all the time.
    gateway.table = numbered(0);
    gateway.seal_readings(Lane::Backfill, 0, &[95.0]);
    let said = gateway.settle().await;
    assert!(said.contains(&Said::NeedTable(numbered(0).hash())), "{said:?}");
    assert!(gateway.unacked.is_empty());
    assert_readable(&park);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_sends_thousands_of_tables_is_refused_and_costs_the_others_nothing() {
    let seal_every = Duration::from_secs(10);
    let park = Park::start_with(plan(2, 8), |options| options.seal_every = seal_every).await;
    let mut hostile = Gateway::new(gateway_id(0).as_str(), 1, table(8), park.begun);
    hostile.connect(&park.center).await.unwrap();
    let mut refused = false;
    for number in 0..2_000 {
        hostile.table = numbered(number);
        let document = write_payload(&hostile.table);
        hostile.seal(Kind::Table, Lane::Live, &document);
        hostile.seal_readings(Lane::Live, 0, &[1.0]);
        let said = hostile.settle().await;
        if said.contains(&Said::Refused("bad_frame".into())) {
            refused = true;
            break;
        }
    }
    assert!(refused, "there is a bound");
    let of_it = |gateway: u32| {
        documents(&park.disk).iter().filter(|k| k.starts_with(&format!("table/{gateway}/"))).count()
    };
    assert_eq!(of_it(1), TABLES_MAX);
    assert_readable(&park);
    let mut other = Gateway::new(gateway_id(1).as_str(), 2, table(8), park.begun);
    other.connect(&park.center).await.unwrap();
    other.seal_readings(Lane::Live, 0, &[1.0]);
    other.settle().await;
    assert!(other.unacked.is_empty());
    // Some time later what was refused is taken: nothing of it is lost.
    tokio::time::sleep(Duration::from_secs(60)).await;
    hostile.connect(&park.center).await.unwrap();
    hostile.settle().await;
    assert!(hostile.unacked.is_empty());
    assert!(of_it(1) < TABLES_MAX, "{}", of_it(1));
    assert_readable(&park);
}
