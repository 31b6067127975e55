//! What actors publish of themselves, so that a reader need not wait for them: roll-ups, and the pulse of each host.
//!
//! A board holds views, never truth: the truth is in the hosts. An entry is written by its owner alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use anlan_domain::log::{CommandRefused, HostNo};
use anlan_domain::rollup::RollUp;
use anlan_domain::time::UtcMillis;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::api::RollupView;

/// What a node tells its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeRoll {
    /// Alarms and quality of everything below.
    pub roll: RollUp,
    /// Gateways that are lost.
    pub lost: u32,
    /// Actors below that keep failing.
    pub faulty: u32,
}

impl NodeRoll {
    /// Adds another node's.
    pub fn add(&mut self, other: &Self) {
        self.roll.add(&other.roll);
        self.lost += other.lost;
        self.faulty += other.faulty;
    }

    /// As people see it.
    #[must_use]
    pub fn view(&self, node: &str) -> RollupView {
        RollupView {
            node: node.to_owned(),
            worst: self.roll.worst().map(|level| level.get()),
            open: self.roll.standing,
            unacked: self.roll.unacknowledged,
            returned: self.roll.returned_unacknowledged,
            points: self.roll.points(),
            bad: self.roll.bad,
            uncertain: self.roll.uncertain,
            lost: self.lost > 0,
            faulty: self.faulty > 0,
        }
    }
}

/// Roll-ups by node name, each with the version in which it changed last.
#[derive(Default)]
pub struct RollBoard {
    views: RwLock<HashMap<String, (u64, RollupView)>>,
    version: AtomicU64,
}

impl RollBoard {
    /// Publishes a view, if it is another one than before.
    pub fn publish(&self, view: RollupView) {
        let mut views = self.views.write().expect("no code panics while it holds the board");
        if views.get(&view.node).is_some_and(|(_, known)| *known == view) {
            return;
        }
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        views.insert(view.node.clone(), (version, view));
    }

    /// Forgets the views of all nodes but those that `stands` knows.
    pub fn keep(&self, stands: impl Fn(&str) -> bool) {
        let mut views = self.views.write().expect("no code panics while it holds the board");
        views.retain(|node, _| stands(node));
    }

    /// Counts up with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// The view of a node.
    #[must_use]
    pub fn get(&self, node: &str) -> Option<RollupView> {
        let views = self.views.read().expect("no code panics while it holds the board");
        views.get(node).map(|(_, view)| view.clone())
    }

    /// The view of a node if it changed after `version`.
    #[must_use]
    pub fn get_after(&self, node: &str, version: u64) -> Option<RollupView> {
        let views = self.views.read().expect("no code panics while it holds the board");
        views.get(node).filter(|(at, _)| *at > version).map(|(_, view)| view.clone())
    }
}

/// What can be said of a host without asking it.
pub struct Pulse {
    /// Room in front of it: what is taken is what waits.
    pub room: Arc<Semaphore>,
    room_max: usize,
    last_activity: AtomicI64,
}

impl Pulse {
    /// The pulse of a host in front of which `room_max` batches may wait.
    #[must_use]
    pub fn new(room_max: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(room_max)),
            room_max,
            last_activity: AtomicI64::new(i64::MIN),
        }
    }

    /// The host handled something.
    pub fn beat(&self, now: UtcMillis) {
        self.last_activity.store(now.0, Ordering::Relaxed);
    }

    /// When it last handled something.
    #[must_use]
    pub fn last_activity(&self) -> Option<UtcMillis> {
        let at = self.last_activity.load(Ordering::Relaxed);
        (at != i64::MIN).then_some(UtcMillis(at))
    }

    /// Batches that wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        (self.room_max - self.room.available_permits().min(self.room_max)) as u64
    }
}

/// How commands came out, for the people who wait for them. What nobody waits for yet is kept for a short while: a replay posts
/// outcomes as well.
#[derive(Default)]
pub struct Outcomes(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    newest: std::collections::VecDeque<(u64, Result<(), CommandRefused>)>,
    expected: HashMap<u64, oneshot::Sender<Result<(), CommandRefused>>>,
}

/// Outcomes kept that nobody waits for yet.
const OUTCOMES_MAX: usize = 8192;
/// From so many on, those whose waiter has given up are looked for.
const EXPECTED_MANY: usize = 4096;

impl Outcomes {
    /// A host has applied the command at `offset`.
    pub fn post(&self, offset: u64, outcome: Result<(), CommandRefused>) {
        let mut waiting = self.0.lock().expect("no code panics while it holds the outcomes");
        if let Some(waiter) = waiting.expected.remove(&offset) {
            // Who asked may have stopped waiting.
            drop(waiter.send(outcome));
            return;
        }
        waiting.newest.push_back((offset, outcome));
        if waiting.newest.len() > OUTCOMES_MAX {
            waiting.newest.pop_front();
        }
    }

    /// The outcome of the command at `offset`, once there is one.
    pub fn expect(&self, offset: u64) -> oneshot::Receiver<Result<(), CommandRefused>> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.lock().expect("no code panics while it holds the outcomes");
        // The newest is what is asked for, mostly.
        let known = waiting.newest.iter().rposition(|(at, _)| *at == offset);
        if let Some((_, outcome)) = known.and_then(|at| waiting.newest.remove(at)) {
            drop(tell.send(outcome));
            return told;
        }
        if EXPECTED_MANY <= waiting.expected.len() {
            waiting.expected.retain(|_, waiter| !waiter.is_closed());
        }
        waiting.expected.insert(offset, tell);
        told
    }

    /// Waits for the outcome of the command at `offset`.
    pub async fn wait(&self, offset: u64) -> Result<(), CommandRefused> {
        match self.expect(offset).await {
            Ok(outcome) => outcome,
            // The center ends.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Alarms that were decided while nothing could be made durable, by host.
pub struct UndurableBoard {
    entries: Mutex<HashMap<HostNo, Vec<anlan_domain::alarm::AlarmEntry>>>,
    changed: watch::Sender<u64>,
}

impl Default for UndurableBoard {
    fn default() -> Self {
        Self { entries: Mutex::default(), changed: watch::channel(0).0 }
    }
}

/// Entries kept per host: enough to show; all of them are decided again later.
const UNDURABLE_MAX: usize = 1000;

impl UndurableBoard {
    /// Adds what a host decided.
    pub fn add(&self, host: HostNo, entries: Vec<anlan_domain::alarm::AlarmEntry>) {
        let mut board = self.entries.lock().expect("no code panics while it holds the board");
        let of_host = board.entry(host).or_default();
        let room = UNDURABLE_MAX.saturating_sub(of_host.len());
        of_host.extend(entries.into_iter().take(room));
        drop(board);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Forgets what a host decided: it will decide it again, durably.
    pub fn forget(&self, host: HostNo) {
        let had =
            self.entries.lock().expect("no code panics while it holds the board").remove(&host);
        if had.is_some() {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Wakes when something was added or forgotten.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Everything.
    #[must_use]
    pub fn all(&self) -> Vec<anlan_domain::alarm::AlarmEntry> {
        let board = self.entries.lock().expect("no code panics while it holds the board");
        board.values().flatten().cloned().collect()
    }
}
