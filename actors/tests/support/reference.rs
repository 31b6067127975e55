//! What the alarm log must be: each host folded over the whole journal in one go, with no crash, no batch, no concurrency.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anlan_actors::dispatch::routes::{routes, split};
use anlan_actors::host::{Effects, Entry, Host, Readings};
use anlan_domain::alarm::{AlarmChange, AlarmEntry};
use anlan_domain::life_cycle::AlarmState;
use anlan_domain::log::{Command, GatewayNo, HostConfig, HostNo, RecordKind, configured};
use anlan_domain::uplink::{self, Kind, ReadingsView, Status, Table};
use anlan_store::journal::Record;

use super::memory::Disk;

struct Fold {
    config: HostConfig,
    host: Host,
}

/// Entries per host, in order.
pub fn fold(disk: &Disk) -> BTreeMap<HostNo, Vec<AlarmEntry>> {
    let records = disk.records.lock().unwrap();
    let tables = tables(disk);
    let mut folds: BTreeMap<HostNo, Fold> = BTreeMap::new();
    let mut entries: BTreeMap<HostNo, Vec<AlarmEntry>> = BTreeMap::new();
    for (offset, record) in (1u64..).zip(&*records) {
        if record.kind == RecordKind::ConfiguredV2 {
            let config = configured::read(record.kind, &record.payload).unwrap();
            let mut effects = Effects::default();
            let received = record.received;
            match folds.get_mut(&config.host) {
                None => {
                    let host = Host::new(&config, offset, received, &mut effects);
                    folds.insert(config.host, Fold { config: config.clone(), host });
                }
                Some(fold) => {
                    let entry = Entry::Configured { config: &config, received };
                    fold.host.apply(offset, &entry, &mut effects).unwrap();
                    fold.config = config.clone();
                }
            }
            entries.entry(config.host).or_default().extend(effects.entries);
            continue;
        }
        for (host, fold) in &mut folds {
            let mut effects = Effects::default();
            apply(fold, *host, offset, record, &tables, &mut effects);
            entries.entry(*host).or_default().extend(effects.entries);
        }
    }
    entries
}

fn tables(disk: &Disk) -> HashMap<(u32, u64), Table> {
    let documents = disk.documents.lock().unwrap();
    let tables = documents.iter().filter_map(|(key, bytes)| {
        let (gateway, hash) = key.strip_prefix("table/")?.split_once('/')?;
        let table = uplink::read_payload(bytes).unwrap();
        Some(((gateway.parse().unwrap(), u64::from_str_radix(hash, 16).unwrap()), table))
    });
    tables.collect()
}

fn apply(
    fold: &mut Fold,
    host: HostNo,
    offset: u64,
    record: &Record,
    tables: &HashMap<(u32, u64), Table>,
    effects: &mut Effects,
) {
    let received = record.received;
    let gateway = GatewayNo(record.source);
    let of_gateway = fold.config.gateways.iter().find(|(no, _)| *no == gateway);
    let up = record.payload.first() == Some(&1);
    let command: Command;
    let entry = match record.kind {
        RecordKind::Tick => Entry::Tick { received },
        RecordKind::CenterReady => Entry::CenterReady { received },
        RecordKind::CenterLink => Entry::CenterLink { up, received },
        RecordKind::Link if of_gateway.is_some() => Entry::Link { gateway, up, received },
        RecordKind::Command if record.source == host.0 => {
            command = postcard::from_bytes(&record.payload).unwrap();
            Entry::Command { command: &command, received }
        }
        RecordKind::Frame if of_gateway.is_some() => {
            let (header, payload) = uplink::open(&record.payload).unwrap();
            match header.kind {
                Kind::Status => {
                    let status: Status = uplink::read_payload(payload).unwrap();
                    let entry =
                        Entry::Status { gateway, header: &header, received, status: &status };
                    fold.host.apply(offset, &entry, effects).unwrap();
                }
                Kind::Readings => {
                    let view = ReadingsView::new(payload).unwrap();
                    let id = &of_gateway.unwrap().1;
                    let table = &tables[&(gateway.0, view.table)];
                    let mut runs = Vec::new();
                    split(&view, &routes(table, id.as_str(), &fold.config), &mut runs);
                    let readings = Readings { gateway, header: &header, received, runs: &runs };
                    fold.host.apply(offset, &Entry::Readings(readings), effects).unwrap();
                }
                _ => {}
            }
            return;
        }
        _ => return,
    };
    // A refused command has no effect; every other entry is taken.
    drop(fold.host.apply(offset, &entry, effects));
}

/// The alarm log equals the reference as far as it is durable, each alarm lives a life that an alarm can live, and the
/// journal holds every frame once, in the order of time. `Err` says what does not hold.
pub fn check(disk: &Disk) -> Result<(), String> {
    let expected = fold(disk);
    let alarms = disk.alarms.lock().unwrap();
    for (host, (folded, _)) in disk.checkpoints.lock().unwrap().iter() {
        let log: Vec<_> = alarms.iter().filter(|a| a.host == *host).map(|a| &a.entry).collect();
        let all = expected.get(host).map(Vec::as_slice).unwrap_or_default();
        let durable: Vec<_> = all.iter().filter(|entry| entry.log_offset <= folded.0).collect();
        if log != durable {
            let at = log.iter().zip(&durable).position(|(a, b)| a != b);
            let at = at.unwrap_or(log.len().min(durable.len()));
            return Err(format!(
                "{host:?} at entry {at} of {} (reference {}):\n  log       {:?}\n  reference {:?}",
                log.len(),
                durable.len(),
                log.get(at),
                durable.get(at)
            ));
        }
    }
    let mut states: BTreeMap<String, AlarmState> = BTreeMap::new();
    for alarm in alarms.iter() {
        let id = alarm.entry.alarm.to_string();
        if alarm.entry.alarm.occurrence == 0 {
            // Something keeps an alarm quiet that does not stand, or no longer does.
            continue;
        }
        let next = match (&alarm.entry.change, states.get(&id)) {
            (AlarmChange::Raised { quiet, .. }, None) => Some(AlarmState::raised(*quiet)),
            (AlarmChange::Raised { .. }, Some(_)) | (_, None) => None,
            (change, Some(state)) => state.after(change),
        };
        let Some(next) = next else {
            return Err(format!(
                "{id} cannot do {:?} after {:?}",
                alarm.entry.change,
                states.get(&id)
            ));
        };
        states.insert(id, next);
    }
    // A timer fires once: between two calls of one alarm somebody has acknowledged it.
    let mut called = BTreeSet::new();
    for alarm in alarms.iter() {
        let id = alarm.entry.alarm.to_string();
        match alarm.entry.change {
            AlarmChange::Repeated if !called.insert(id.clone()) => {
                return Err(format!("{id} calls again twice for one acknowledgement"));
            }
            AlarmChange::Acknowledged { .. } => _ = called.remove(&id),
            _ => {}
        }
    }
    let records = disk.records.lock().unwrap();
    if !records.is_sorted_by_key(|record| record.received) {
        return Err("the log's time goes back".into());
    }
    let mut seen = BTreeSet::new();
    for record in records.iter().filter(|record| record.kind == RecordKind::Frame) {
        let (header, _) = uplink::open(&record.payload).unwrap();
        if !seen.insert((record.source, header.boot, header.lane, header.seq)) {
            return Err(format!("frame {} of gateway {} twice", header.seq, record.source));
        }
    }
    Ok(())
}

/// Every frame of the journal.
pub fn journalled(disk: &Disk) -> BTreeSet<(u32, uplink::Boot, uplink::Lane, u64)> {
    let records = disk.records.lock().unwrap();
    records
        .iter()
        .filter(|record| record.kind == RecordKind::Frame)
        .map(|record| {
            let (header, _) = uplink::open(&record.payload).unwrap();
            (record.source, header.boot, header.lane, header.seq)
        })
        .collect()
}

/// Hosts take a lane in ascending order and hold what comes behind a higher number for a duplicate: so a journal in which a
/// lower number stands behind a higher one has lost a reading that was acknowledged.
pub fn in_order(disk: &Disk) -> Result<(), String> {
    let mut newest = HashMap::new();
    for record in disk.records.lock().unwrap().iter().filter(|r| r.kind == RecordKind::Frame) {
        let (header, _) = uplink::open(&record.payload).unwrap();
        if header.kind != Kind::Readings {
            continue;
        }
        let lane = (record.source, header.boot, header.lane);
        let before = newest.insert(lane, header.seq).unwrap_or(0);
        if header.seq <= before {
            return Err(format!("frame {} of {lane:?} stands behind {before}", header.seq));
        }
    }
    Ok(())
}
