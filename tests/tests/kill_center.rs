//! Proof 3, center: killed without warning at random instants under load, it loses no acknowledged reading and no alarm, doubles
//! none, and a kill by itself raises none. Checked from outside: what the gateway believes acknowledged against what the
//! data folder holds afterwards, and the alarm log against what the script did.
//!
//! `ANLAN_KILLS` sets the number of kills (24 by default; `make chaos` takes thousands), `ANLAN_SEED` repeats a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anlan_domain::alarm::AlarmChange;
use anlan_domain::log::RecordKind;
use anlan_domain::uplink::{self, Lane};
use anlan_store::history::{EmbeddedHistory, History, HistoryOptions};
use anlan_store::journal::segments::{Options as JournalOptions, SegmentJournal};
use anlan_store::journal::{Journal, Offset};
use anlan_store::state::fjall::{FjallState, Options as StateOptions};
use anlan_store::state::{AlarmSeq, StateStore};
use anlan_tests::plant;
use anlan_tests::process::{Center, binary, free_address, run};
use anlan_tests::scripted_gateway::ScriptedGateway;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const POINTS: usize = 20;

/// What the script did to one alarm: when it was raised, when it cleared.
type Expected = BTreeMap<(String, u32), (i64, i64)>;

struct Script {
    random: StdRng,
    gateway: ScriptedGateway,
    /// Steps for which a point stays above its limit.
    high: Vec<u32>,
    occurrences: Vec<u32>,
    expected: Expected,
    step: u32,
    /// Source time of each readings frame.
    taken: BTreeMap<(Lane, u64), i64>,
}

impl Script {
    fn new(seed: u64) -> Self {
        let wall =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        Self {
            random: StdRng::seed_from_u64(seed),
            gateway: ScriptedGateway::new(7, POINTS, i64::try_from(wall).unwrap()),
            high: vec![0; POINTS],
            occurrences: vec![0; POINTS],
            expected: Expected::new(),
            step: 0,
            taken: BTreeMap::new(),
        }
    }

    /// One scan: some points cross their limit, some return.
    fn scan(&mut self, calm: bool) -> (Lane, u64) {
        self.step += 1;
        self.gateway.mono += 1_000;
        self.gateway.wall += 1_000;
        let now = self.gateway.wall;
        let mut values = Vec::with_capacity(POINTS);
        for point in 0..POINTS {
            let tag = plant::tag(point);
            let was = self.high[point];
            if was > 0 {
                self.high[point] -= 1;
                if self.high[point] == 0 {
                    self.expected
                        .get_mut(&(tag, self.occurrences[point]))
                        .expect("it was raised")
                        .1 = now;
                }
            } else if !calm && self.random.random_bool(0.03) {
                self.high[point] = self.random.random_range(2..6);
                self.occurrences[point] += 1;
                self.expected.insert((tag, self.occurrences[point]), (now, 0));
            }
            // Never twice the same value: a frozen signal would be an alarm of its own.
            let wiggle = f64::from(self.step % 7) * 0.3 + f64::from(self.step % 3) * 0.05;
            values.push(
                if self.high[point] > 0 { plant::HIGH + 10.0 } else { plant::HIGH / 2.0 } + wiggle,
            );
        }
        let place = self.gateway.readings(Lane::Live, &values);
        self.taken.insert(place, now);
        place
    }

    async fn connect(&mut self, center: &Center) {
        for _ in 0..200 {
            if self.gateway.connect(center.uplink).await.is_ok()
                && self.gateway.send_table().await.is_ok()
            {
                self.gateway.status();
                if self.gateway.send_all(Lane::Live).await.is_ok() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the gateway cannot sign in");
    }

    async fn settle(&mut self, center: &Center) {
        let until = tokio::time::Instant::now() + Duration::from_secs(30);
        while self.gateway.unacknowledged() > 0 {
            assert!(
                tokio::time::Instant::now() < until,
                "{} frames are never acknowledged",
                self.gateway.unacknowledged()
            );
            if self.gateway.listen(Duration::from_millis(500)).await.is_err() {
                self.connect(center).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chaos_killing_the_center_loses_and_doubles_nothing() {
    let Some(binary) = binary() else {
        println!("SKIPPED: the binary is not built; run `cargo build` first or set ANLAN_BIN");
        return;
    };
    let kills: u32 = std::env::var("ANLAN_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(if std::env::var_os("ANLAN_CHAOS").is_some() { 2_000 } else { 24 });
    let seed: u64 =
        std::env::var("ANLAN_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(fresh_seed);
    println!("seed {seed}: repeat with ANLAN_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let (data, import) = (folder.path().join("center"), folder.path().join("import"));
    plant::write(&import, POINTS);
    run(&binary, &["admin", "import", import.to_str().unwrap(), "--data", data.to_str().unwrap()]);

    let (http, uplink) = (free_address(), free_address());
    let mut script = Script::new(seed);
    let mut center = Center::start(&binary, &data, http, uplink);
    script.connect(&center).await;
    for kill in 0..kills {
        let scans = script.random.random_range(5..60);
        for _ in 0..scans {
            let place = script.scan(false);
            let pause = Duration::from_millis(script.random.random_range(0..12));
            if script.gateway.send(place).await.is_err()
                || script.gateway.listen(pause).await.is_err()
            {
                script.connect(&center).await;
            }
        }
        center.kill();
        center = Center::start(&binary, &data, http, uplink);
        script.connect(&center).await;
        if kill % 8 == 7 {
            println!(
                "{} kills, {} frames acknowledged",
                kill + 1,
                script.gateway.acknowledged.len()
            );
        }
    }
    // Everything returns to normal, so that every alarm has an end.
    for _ in 0..8 {
        let place = script.scan(true);
        if script.gateway.send(place).await.is_err() {
            script.connect(&center).await;
        }
    }
    script.settle(&center).await;
    center.stop();
    check(&data, &script).await;
    println!(
        "{kills} kills: {} frames acknowledged, {} alarms, none lost or doubled",
        script.gateway.acknowledged.len(),
        script.expected.len()
    );
}

/// The clock's nanoseconds: another run every time, repeatable by what is printed.
fn fresh_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::from(since.subsec_nanos())
}

async fn check(data: &Path, script: &Script) {
    let (journalled, in_history) = readings_of(data);
    for place in script.gateway.acknowledged.keys() {
        if let Some(taken) = script.taken.get(place) {
            assert!(
                journalled.contains(place) || in_history.contains(taken),
                "{place:?} was acknowledged and is neither in the journal nor in history"
            );
        }
    }
    let state = FjallState::open(&data.join("state"), StateOptions::default()).unwrap();
    let mut found: BTreeMap<(String, u32), Vec<(&'static str, i64)>> = BTreeMap::new();
    let mut after = AlarmSeq(0);
    loop {
        let records = state.alarms_after(after, 1_000).unwrap();
        let Some(last) = records.last() else { break };
        assert_eq!(records[0].seq.0, after.0 + 1, "the alarm log has a hole");
        after = last.seq;
        for record in &records {
            let alarm = &record.entry.alarm;
            let subject =
                alarm.subject.0.strip_prefix("410205001.").unwrap_or(&alarm.subject.0).to_owned();
            assert_eq!(alarm.condition.code(), "H", "an alarm that nobody caused: {alarm}");
            let what = match &record.entry.change {
                AlarmChange::Raised { .. } => "raised",
                AlarmChange::Cleared { .. } => "cleared",
                other => panic!("{alarm}: nobody did {other:?}"),
            };
            found
                .entry((subject, alarm.occurrence))
                .or_default()
                .push((what, record.entry.source_time.0));
        }
    }
    for (alarm, (raised, cleared)) in &script.expected {
        let log = found.remove(alarm).unwrap_or_else(|| panic!("{alarm:?} is lost"));
        assert_eq!(log, [("raised", *raised), ("cleared", *cleared)], "{alarm:?}");
    }
    assert!(found.is_empty(), "alarms that nobody caused: {found:?}");
}

/// Places of the frames that the journal holds, each once; source times of the first point that history holds, each once.
fn readings_of(data: &Path) -> (BTreeSet<(Lane, u64)>, BTreeSet<i64>) {
    let journal = SegmentJournal::open(
        &data.join("journal"),
        JournalOptions { reserved_bytes: 0, ..Default::default() },
    );
    let journal = journal.unwrap();
    let (mut from, next) = journal.bounds();
    let mut places = BTreeSet::new();
    while from < next {
        let records = journal.read(from, 10_000, 16 << 20).unwrap();
        for (_, record) in &records {
            if record.kind == RecordKind::Frame {
                let (header, _) = uplink::open(&record.payload).unwrap();
                assert!(
                    places.insert((header.lane, header.seq)),
                    "{:?} {} stands twice",
                    header.lane,
                    header.seq
                );
            }
        }
        from = Offset(records.last().expect("before the end there is a record").0.0 + 1);
    }
    let history = EmbeddedHistory::open(&data.join("history"), HistoryOptions::default()).unwrap();
    let mut times = BTreeSet::new();
    for reading in history.raw(1, i64::MIN / 2, i64::MAX / 2, usize::MAX).unwrap() {
        assert!(times.insert(reading.source_ms), "history holds {} twice", reading.source_ms);
    }
    (places, times)
}
