//! The one task that writes alarm log, checkpoints and offsets: group commit over hosts, then visibility.
//!
//! Hosts hand in what they have come to; what waits goes out as one atomic batch. Checkpoints that nothing hangs on go when no alarm
//! waits, a few a batch, so that an alarm never waits for thousands of them. Several commits of one host in a batch
//! become one: all entries in order, the last checkpoint. Only what is written is shown: the tail of the alarm log wakes
//! its readers after the write. A failed write ends the process, because nobody can know what is on disk.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, RwLock};

use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::Offset;
use anlan_store::state::{AlarmRecord, AlarmSeq, HostCommit, StateError, StateStore};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::directory::Clock;
use crate::fatal::Fatal;

/// Entries kept in memory for those who follow the end of the log.
const TAIL_MAX: usize = 50_000;
/// Most commits with entries in one batch.
const BATCH_MAX: usize = 512;
/// Most checkpoints without entries in one batch. An alarm that comes while one is written waits for it, and a checkpoint has
/// some ten thousand bytes: of 64, one in a hundred alarms waited ten milliseconds.
const CHECKPOINTS_MAX: usize = 8;
/// After so many batches of alarms in a row the next one takes checkpoints along: the journal is kept from the oldest of them on.
const ALARMS_IN_A_ROW_MAX: u32 = 16;

/// The alarm log as its readers see it: the newest entries in memory, the rest in the store.
pub struct AlarmTail {
    state: Arc<dyn StateStore>,
    newest: RwLock<VecDeque<Arc<AlarmRecord>>>,
    last: watch::Sender<AlarmSeq>,
}

impl AlarmTail {
    /// A tail over what is in the store.
    #[must_use]
    pub fn new(state: Arc<dyn StateStore>) -> Self {
        let (last, _) = watch::channel(state.last_alarm());
        Self { state, newest: RwLock::default(), last }
    }

    fn append(&self, records: Vec<Arc<AlarmRecord>>) {
        let Some(last) = records.last().map(|record| record.seq) else { return };
        let mut newest = self.newest.write().expect("no code panics while it holds the tail");
        newest.extend(records);
        let over = newest.len().saturating_sub(TAIL_MAX);
        newest.drain(..over);
        drop(newest);
        self.last.send_replace(last);
    }

    /// The end of the log.
    #[must_use]
    pub fn last(&self) -> AlarmSeq {
        *self.last.borrow()
    }

    /// Is told of every new end.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<AlarmSeq> {
        self.last.subscribe()
    }

    /// Entries after `after`, at most `limit`. Reads the store when they are older than what is in memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError> {
        if after >= self.last() {
            return Ok(Vec::new());
        }
        {
            let newest = self.newest.read().expect("no code panics while it holds the tail");
            if newest.front().is_some_and(|first| first.seq.0 <= after.0 + 1) {
                let from = newest.partition_point(|record| record.seq <= after);
                return Ok(newest.range(from..).take(limit).cloned().collect());
            }
        }
        let state = self.state.clone();
        let read = tokio::task::spawn_blocking(move || state.alarms_after(after, limit)).await;
        read.expect("reading the alarm log does not panic")
    }
}

/// What one life of a host hands in.
pub struct HandIn {
    /// Which life. What an earlier one hands in after a later one has begun is refused: both would have decided it.
    pub life: u64,
    /// What to write.
    pub commit: HostCommit,
    /// The place in front of the host that what led to this took: given back once it is durable, so that a slow disk holds
    /// the host back before memory fills.
    pub place: Option<OwnedSemaphorePermit>,
}

/// What the committer is asked for.
pub enum CommitOrder {
    /// Write this, as soon as can be: it has entries of the alarm log, or a new configuration.
    Commit(HandIn),
    /// Write this when there is time: a checkpoint alone. A newer one of the same host takes its place.
    Checkpoint(HandIn),
    /// A life of a host begins: say when everything that earlier ones handed in is durable, and take nothing more of them.
    Begin {
        /// Which host.
        host: HostNo,
        /// Its new life.
        life: u64,
        /// Told when everything before is durable.
        flushed: oneshot::Sender<()>,
    },
}

/// The door to the committer. Unbounded, because what waits is bounded by the hosts: a transition holds its place in front
/// of its host until it is written, and of checkpoints only the newest of a host waits.
pub type CommitQueue = mpsc::UnboundedSender<CommitOrder>;

/// Offsets folded into what is durable, per host: the journal is needed from the smallest of them on.
pub struct Committed {
    folded: RwLock<HashMap<HostNo, Offset>>,
    changed: watch::Sender<u64>,
}

impl Default for Committed {
    fn default() -> Self {
        Self { folded: RwLock::default(), changed: watch::channel(0).0 }
    }
}

impl Committed {
    /// Notes a host's durable offset.
    pub fn note(&self, host: HostNo, folded: Offset) {
        self.folded
            .write()
            .expect("no code panics while it holds the offsets")
            .insert(host, folded);
        self.changed.send_modify(|count| *count += 1);
    }

    /// A host's durable offset.
    #[must_use]
    pub fn get(&self, host: HostNo) -> Option<Offset> {
        let folded = self.folded.read().expect("no code panics while it holds the offsets");
        folded.get(&host).copied()
    }

    /// Waits until everything up to `offset` is durable in a host's checkpoint and in the alarm log.
    pub async fn wait(&self, host: HostNo, offset: Offset) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if self.get(host).is_some_and(|folded| offset <= folded) {
                return;
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Up to where all of these hosts are durable; `None` where one of them has nothing durable yet or could not be read.
    #[must_use]
    pub fn oldest_of(&self, mut hosts: impl Iterator<Item = HostNo>) -> Option<Offset> {
        let folded = self.folded.read().expect("no code panics while it holds the offsets");
        hosts.try_fold(Offset(u64::MAX), |oldest, host| Some(oldest.min(*folded.get(&host)?)))
    }
}

/// Writes commits until every door is closed.
pub async fn run(
    mut orders: mpsc::UnboundedReceiver<CommitOrder>,
    state: Arc<dyn StateStore>,
    tail: Arc<AlarmTail>,
    committed: Arc<Committed>,
    clock: Clock,
    fatal: Fatal,
) {
    let mut checkpoints: BTreeMap<HostNo, HostCommit> = BTreeMap::new();
    let mut lives: HashMap<HostNo, u64> = HashMap::new();
    let mut alarms_in_a_row = 0;
    loop {
        let mut batch = Vec::new();
        let mut flushed = Vec::new();
        let mut places = Vec::new();
        let mut next =
            if checkpoints.is_empty() { orders.recv().await } else { orders.try_recv().ok() };
        if next.is_none() && checkpoints.is_empty() {
            return;
        }
        while let Some(order) = next {
            match order {
                CommitOrder::Commit(hand_in) => {
                    places.extend(hand_in.place);
                    if is_of_this_life(&lives, hand_in.commit.host, hand_in.life) {
                        batch.push(hand_in.commit);
                    }
                }
                CommitOrder::Checkpoint(HandIn { life, commit, place: _ }) => {
                    if is_of_this_life(&lives, commit.host, life) {
                        checkpoints.insert(commit.host, commit);
                    }
                }
                CommitOrder::Begin { host, life, flushed: tell } => {
                    let newest = lives.entry(host).or_insert(life);
                    *newest = life.max(*newest);
                    flushed.push(tell);
                }
            }
            next = if batch.len() < BATCH_MAX { orders.try_recv().ok() } else { None };
        }
        for commit in &batch {
            checkpoints.remove(&commit.host);
        }
        alarms_in_a_row = if batch.is_empty() { 0 } else { alarms_in_a_row + 1 };
        if alarms_in_a_row % ALARMS_IN_A_ROW_MAX == 0 {
            let full = batch.len() + CHECKPOINTS_MAX;
            while batch.len() < full
                && let Some((_, commit)) = checkpoints.pop_first()
            {
                // An earlier life of the host may have left one that is older than what is written.
                if committed.get(commit.host).is_none_or(|folded| folded < commit.folded) {
                    batch.push(commit);
                }
            }
        }
        if batch.is_empty() {
            // Who asked may have stopped waiting.
            flushed.into_iter().for_each(|tell| _ = tell.send(()));
            continue;
        }
        let batch = join(batch);
        let decided_time = clock();
        let entries: usize = batch.iter().map(|commit| commit.entries.len()).sum();
        let begun = std::time::Instant::now();
        let (from, next) = match state.commit(batch.clone(), decided_time).await {
            Ok(range) => range,
            Err(error) => return fatal.end("alarm log and checkpoints cannot be written", &error),
        };
        metrics::histogram!("anlan_commit_seconds").record(begun.elapsed());
        metrics::counter!("anlan_commit_hosts_total").increment(batch.len() as u64);
        metrics::counter!("anlan_alarm_entries_total").increment(entries as u64);
        debug_assert_eq!(next.0 - from.0, entries as u64);
        let folded: Vec<_> = batch.iter().map(|commit| (commit.host, commit.folded)).collect();
        tail.append(records(batch, from, decided_time));
        // After the tail, so that who waits for an offset finds its entries.
        folded.into_iter().for_each(|(host, folded)| committed.note(host, folded));
        drop(places);
        flushed.into_iter().for_each(|tell| _ = tell.send(()));
    }
}

/// Whether what is handed in is of the newest life of its host. A life that began here is fenced off by the next one.
fn is_of_this_life(lives: &HashMap<HostNo, u64>, host: HostNo, life: u64) -> bool {
    let is = lives.get(&host).is_none_or(|&newest| newest <= life);
    if !is {
        metrics::counter!("anlan_commit_fenced_total").increment(1);
        tracing::warn!(
            host = host.0,
            life,
            "an ended life of a host handed something in; its next life decides it"
        );
    }
    is
}

/// One commit per host: entries in order, the last checkpoint.
fn join(batch: Vec<HostCommit>) -> Vec<HostCommit> {
    let mut joined: Vec<HostCommit> = Vec::with_capacity(batch.len());
    let mut at: HashMap<HostNo, usize> = HashMap::new();
    for commit in batch {
        match at.get(&commit.host) {
            Some(&i) => {
                let earlier = &mut joined[i];
                earlier.folded = commit.folded;
                earlier.checkpoint = commit.checkpoint;
                earlier.entries.extend(commit.entries);
            }
            None => {
                at.insert(commit.host, joined.len());
                joined.push(commit);
            }
        }
    }
    joined
}

fn records(
    batch: Vec<HostCommit>,
    from: AlarmSeq,
    decided_time: UtcMillis,
) -> Vec<Arc<AlarmRecord>> {
    let entries = batch.into_iter().flat_map(|commit| {
        let host = commit.host;
        commit.entries.into_iter().map(move |entry| (host, entry))
    });
    (from.0..)
        .zip(entries)
        .map(|(seq, (host, entry))| {
            Arc::new(AlarmRecord { seq: AlarmSeq(seq), host, decided_time, entry })
        })
        .collect()
}
