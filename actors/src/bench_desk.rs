//! What a storm does to the alarm desk: 100,000 alarms within ten seconds, and how long the gravest among them takes from the alarm log to
//! a warning whose people are called, beside the same in quiet times. The desk and its store are the real ones, on a real disk;
//! the alarm log is written into memory, because the path up to it is measured by `bench ingest`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, Condition, Level,
};
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode, UserName};
use anlan_domain::log::HostNo;
use anlan_domain::region::RegionCode;
use anlan_domain::roster::UnitId;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::{Place, WarningChange};
use anlan_store::desk::{DeskError, DeskStore};
use anlan_store::state::{AlarmRecord, AlarmSeq, StateError};
use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk::people::{DeskDirectory, Names, PeopleBook};
use crate::desk::source::AlarmSource;
use crate::desk::{Desk, DeskParts};
use crate::directory::{Clock, DirectoryError};

/// Alarms of the storm.
const ALARMS: u32 = 100_000;
/// How long it blows.
const STORM: Duration = Duration::from_secs(10);
/// Alarms at a time: a batch every ten milliseconds.
const STEP: u32 = 100;
/// The gravest come this often, in the storm as in quiet times.
const TOP_EVERY: Duration = Duration::from_millis(100);
/// How many of them in quiet times.
const QUIET_TOPS: u32 = 50;
const ENTERPRISES: u32 = 39;
const SOURCES: u32 = 4;
const EQUIPMENT: u32 = 10;

/// What it came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Alarms of the storm.
    pub alarms: u32,
    /// Seconds in which they came.
    pub storm_s: f64,
    /// From the alarm log to a warning in the store, in quiet times.
    pub quiet_p50_ms: f64,
    /// As above.
    pub quiet_p99_ms: f64,
    /// The same in the storm.
    pub storm_p50_ms: f64,
    /// As above.
    pub storm_p99_ms: f64,
    /// After the storm, until everything was decided.
    pub caught_up_after_s: f64,
    /// Open warnings then.
    pub warnings: u64,
    /// Memory of the process before, at its height, and after.
    pub rss_before_mb: f64,
    /// As above.
    pub rss_peak_mb: f64,
    /// As above.
    pub rss_after_mb: f64,
}

struct Log {
    records: Mutex<Vec<Arc<AlarmRecord>>>,
    end: watch::Sender<AlarmSeq>,
}

impl Log {
    fn add(&self, entries: Vec<AlarmEntry>) {
        let mut records = self.records.lock().expect("no code panics while it holds the log");
        for entry in entries {
            let seq = AlarmSeq(records.len() as u64 + 1);
            let decided_time = entry.received_time;
            records.push(Arc::new(AlarmRecord { seq, host: HostNo(1), decided_time, entry }));
        }
        let end = AlarmSeq(records.len() as u64);
        drop(records);
        self.end.send_replace(end);
    }
}

#[async_trait]
impl AlarmSource for Arc<Log> {
    fn ends(&self) -> watch::Receiver<AlarmSeq> {
        self.end.subscribe()
    }

    async fn after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError> {
        let records = self.records.lock().expect("no code panics while it holds the log");
        let from = usize::try_from(after.0).unwrap_or(usize::MAX).min(records.len());
        Ok(records[from..].iter().take(limit).cloned().collect())
    }

    fn signal(&self, subject: &AlarmSubject) -> Option<Box<str>> {
        Some(if subject.0.contains(".GT-") { "gas_toxic" } else { "level" }.into())
    }
}

/// Two people at each enterprise, one at the park.
struct Town(PeopleBook);

#[async_trait]
impl DeskDirectory for Town {
    async fn people(&self) -> Result<PeopleBook, DirectoryError> {
        Ok(self.0.clone())
    }

    async fn names(&self, _: &Place, _: Option<&AlarmId>) -> Result<Names, DirectoryError> {
        Ok(Names { enterprise: "企业".into(), point: "测点".into(), ..Names::default() })
    }
}

fn town() -> PeopleBook {
    let name = |text: String| UserName::new(&text).expect("letters and digits");
    let park = RegionCode::new("410205P01").expect("a park");
    let mut users = BTreeMap::new();
    let mut regions = BTreeMap::new();
    users.insert(UnitId::Region(park.clone()), vec![name("park".into())]);
    for n in 0..ENTERPRISES {
        let code = enterprise(n);
        users.insert(
            UnitId::Enterprise(code.clone()),
            vec![name(format!("a{code}")), name(format!("b{code}"))],
        );
        regions.insert(code, park.clone());
    }
    PeopleBook { regions, users, ..PeopleBook::default() }
}

fn enterprise(n: u32) -> EnterpriseCode {
    EnterpriseCode::new(&format!("410205{:03}", n + 1)).expect("nine digits")
}

fn entry(
    tag: &str,
    n: u32,
    condition: Condition,
    occurrence: u32,
    level: Level,
    now: UtcMillis,
) -> AlarmEntry {
    let code = enterprise(n % ENTERPRISES);
    let source = n / ENTERPRISES % SOURCES + 1;
    let equipment = n / ENTERPRISES / SOURCES % EQUIPMENT + 1;
    AlarmEntry {
        alarm: AlarmId {
            subject: AlarmSubject(format!("{code}.{tag}-{n}").into()),
            condition,
            occurrence,
        },
        place: AlarmPlace {
            hazard: HazardCode::new(&format!("{code}{source:03}")).ok(),
            equipment: EquipmentId::new(&format!("{code}.V-{source}{equipment:02}")).ok(),
            enterprise: Some(code),
        },
        change: AlarmChange::Raised {
            value: Some(1.0),
            limit: Some(0.5),
            limits_version: 1,
            level,
            late: false,
            quiet: None,
        },
        source_time: now,
        received_time: now,
        log_offset: 0,
    }
}

/// Runs it with the desk's store in `folder`, on real time.
///
/// # Errors
/// When the store fails.
pub async fn run(folder: &Path, clock: Clock) -> Result<Outcome, DeskError> {
    let store = DeskStore::open(&folder.join("desk.db")).await?;
    let log = Arc::new(Log { records: Mutex::default(), end: watch::channel(AlarmSeq(0)).0 });
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let parts = DeskParts {
        store: store.clone(),
        alarms: Arc::new(log.clone()),
        directory: Arc::new(Town(town())),
        channels: Vec::new(),
        hooks: Vec::new(),
        retry: Default::default(),
        flow: Default::default(),
        templates: Default::default(),
        page: None,
        clock: clock.clone(),
        stop: stop.clone(),
    };
    let desk = Desk::start(parts, &tasks);
    desk.settings_changed().await;
    let seen = Arc::<Mutex<BTreeMap<AlarmId, Instant>>>::default();
    let watcher = tokio::spawn(watch_warnings(store.clone(), seen.clone(), stop.clone()));

    let mut quiet = Vec::new();
    let mut top = 0;
    for _ in 0..QUIET_TOPS {
        quiet.push(send_top(&log, &mut top, clock()));
        tokio::time::sleep(TOP_EVERY).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let rss_before_mb = rss_mb();
    let mut rss_peak_mb = rss_before_mb;
    let mut stormy = Vec::new();
    let begun = Instant::now();
    let (mut sent, mut next_top) = (0, Duration::ZERO);
    while sent < ALARMS {
        let due = STORM.mul_f64(f64::from(sent) / f64::from(ALARMS));
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        let at = clock();
        // Each point comes again and again: raised, and cleared before it is raised anew.
        let batch = (sent..sent + STEP).flat_map(|n| storm_alarm(n, at)).collect();
        log.add(batch);
        sent += STEP;
        if begun.elapsed() >= next_top {
            next_top += TOP_EVERY;
            stormy.push(send_top(&log, &mut top, clock()));
            rss_peak_mb = rss_peak_mb.max(rss_mb());
        }
    }
    let storm_s = begun.elapsed().as_secs_f64();
    let ended = Instant::now();
    let end = *log.end.borrow();
    while store.load().await?.cursor != Some(end) {
        rss_peak_mb = rss_peak_mb.max(rss_mb());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let caught_up_after_s = ended.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let warnings = store.load().await?.warnings.len() as u64;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    // The watcher ends with the token; that it was cancelled is no failure.
    drop(watcher.await);
    let seen = seen.lock().expect("no code panics while it holds what was seen");
    let (quiet_p50_ms, quiet_p99_ms) = percentiles(&quiet, &seen);
    let (storm_p50_ms, storm_p99_ms) = percentiles(&stormy, &seen);
    Ok(Outcome {
        alarms: ALARMS,
        storm_s,
        quiet_p50_ms,
        quiet_p99_ms,
        storm_p50_ms,
        storm_p99_ms,
        caught_up_after_s,
        warnings,
        rss_before_mb,
        rss_peak_mb,
        rss_after_mb: rss_mb(),
    })
}

/// One alarm of the storm: every point of ten thousand comes ten times.
fn storm_alarm(n: u32, at: UtcMillis) -> Vec<AlarmEntry> {
    const POINTS: u32 = 10_000;
    let (point, occurrence) = (n % POINTS, n / POINTS + 1);
    let raised = entry("LT", point, Condition::High, occurrence, Level::THREE, at);
    let mut both = Vec::with_capacity(2);
    if occurrence > 1 {
        let mut cleared = entry("LT", point, Condition::High, occurrence - 1, Level::THREE, at);
        cleared.change = AlarmChange::Cleared {
            reason: anlan_domain::alarm::ClearReason::Returned,
            value: None,
            latched: false,
        };
        both.push(cleared);
    }
    both.push(raised);
    both
}

/// A gas alarm of the gravest level: each makes a warning, or joins that of its source.
fn send_top(log: &Log, top: &mut u32, now: UtcMillis) -> (AlarmId, Instant) {
    *top += 1;
    let top = entry("GT", *top, Condition::HighHigh, 1, Level::ONE, now);
    let id = top.alarm.clone();
    log.add(vec![top]);
    (id, Instant::now())
}

async fn watch_warnings(
    store: DeskStore,
    seen: Arc<Mutex<BTreeMap<AlarmId, Instant>>>,
    stop: CancellationToken,
) -> Result<(), DeskError> {
    let mut newest = store.last_entry();
    let mut after = 0;
    loop {
        for row in store.entries_after(after, 10_000).await? {
            after = row.seq;
            let alarm = match row.entry.change {
                WarningChange::Raised { alarm: Some(alarm), .. }
                | WarningChange::Joined { alarm }
                | WarningChange::Upgraded { alarm, .. } => alarm,
                _ => continue,
            };
            let at = Instant::now();
            seen.lock()
                .expect("no code panics while it holds what was seen")
                .entry(alarm)
                .or_insert(at);
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = newest.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Median and 99th percentile in milliseconds; what never came counts as without end.
fn percentiles(sent: &[(AlarmId, Instant)], seen: &BTreeMap<AlarmId, Instant>) -> (f64, f64) {
    let took = |(id, at): &(AlarmId, Instant)| {
        seen.get(id).map_or(f64::INFINITY, |seen| seen.duration_since(*at).as_secs_f64() * 1_000.0)
    };
    let mut took: Vec<f64> = sent.iter().map(took).collect();
    took.sort_by(f64::total_cmp);
    let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1)));
    (at(50).copied().unwrap_or(f64::NAN), at(99).copied().unwrap_or(f64::NAN))
}

/// Resident memory of this process; 0 where the system does not tell.
fn rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb: f64 = line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
    kb / 1_024.0
}
