//! What the parts of a running center share: ports, doors to the tasks, boards.
//!
//! Every part gets all of it, because a door is cheap to hold; who may write what is said where it is defined.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use anlan_domain::log::HostNo;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::committer::{AlarmTail, CommitQueue, Committed};
use crate::directory::{Clock, Directory};
use crate::dispatch::Control;
use crate::fatal::Fatal;
use crate::history_feed::FrameIndex;
use crate::ingest::book::SessionBook;
use crate::ingest::ledger::Ledger;
use crate::ingest::tables::Tables;
use crate::log_writer::LogQueue;
use crate::options::{CenterOptions, Ports};
use crate::tree::boards::{Outcomes, Pulse, RollBoard, UndurableBoard};
use crate::tree::host::{HostRef, pace};
use crate::tree::plan::TreePlan;

/// Addresses of the present lives of hosts.
#[derive(Default)]
pub struct HostRefs(RwLock<HashMap<HostNo, HostRef>>);

impl HostRefs {
    /// A host lives.
    pub fn set(&self, host: HostNo, actor: HostRef) {
        self.0.write().expect("no code panics while it holds the addresses").insert(host, actor);
    }

    /// Forgets the hosts that `stands` does not know.
    pub fn keep(&self, stands: impl Fn(HostNo) -> bool) {
        let mut refs = self.0.write().expect("no code panics while it holds the addresses");
        refs.retain(|host, _| stands(*host));
    }

    /// The present life of a host.
    #[must_use]
    pub fn get(&self, host: HostNo) -> Option<HostRef> {
        self.0.read().expect("no code panics while it holds the addresses").get(&host).cloned()
    }
}

/// Everything shared.
pub struct Shared {
    /// Settings.
    pub options: CenterOptions,
    /// Engines.
    pub ports: Ports,
    /// The registry.
    pub directory: Arc<dyn Directory>,
    /// The one wall clock.
    pub clock: Clock,
    /// The door to the journal.
    pub log: LogQueue,
    /// The door to alarm log and checkpoints.
    pub commits: CommitQueue,
    /// The door to the dispatcher.
    pub dispatch: mpsc::UnboundedSender<Control>,
    /// Which frames have been received.
    pub ledger: Arc<Ledger>,
    /// Point tables.
    pub tables: Arc<Tables>,
    /// Which point is where.
    pub catalog: Arc<Catalog>,
    /// Who is connected.
    pub sessions: Arc<SessionBook>,
    /// The alarm log as it is shown.
    pub tail: Arc<AlarmTail>,
    /// What is durable per host.
    pub committed: Arc<Committed>,
    /// Frames that are not yet in the history.
    pub index: Arc<FrameIndex>,
    /// Roll-ups.
    pub rolls: RollBoard,
    /// How commands came out.
    pub outcomes: Outcomes,
    /// What was decided and could not be made durable.
    pub undurable: UndurableBoard,
    /// Addresses of hosts.
    pub host_refs: HostRefs,
    /// The way to end the process.
    pub fatal: Fatal,
    /// Cancelled when the center stops.
    pub stop: CancellationToken,
    pub(crate) plan: RwLock<Arc<TreePlan>>,
    pub(crate) pulses: Mutex<HashMap<HostNo, Arc<Pulse>>>,
    pub(crate) lives: AtomicU64,
    pub(crate) ready: AtomicBool,
}

impl Shared {
    /// A number that was never given before.
    pub fn next_life(&self) -> u64 {
        self.lives.fetch_add(1, Ordering::Relaxed)
    }

    /// The nodes that the tree shall have.
    #[must_use]
    pub fn tree_plan(&self) -> Arc<TreePlan> {
        self.plan.read().expect("no code panics while it holds the plan").clone()
    }

    /// A fresh pulse for a new life of a host: what waited in front of the last one is gone with it.
    pub fn new_pulse(&self, host: HostNo) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new(self.options.host_in_flight));
        self.pulses
            .lock()
            .expect("no code panics while it holds the pulses")
            .insert(host, pulse.clone());
        pulse
    }

    /// The pulse of a host.
    #[must_use]
    pub fn pulse(&self, host: HostNo) -> Option<Arc<Pulse>> {
        self.pulses.lock().expect("no code panics while it holds the pulses").get(&host).cloned()
    }

    /// Forgets the pulses of hosts that `stands` does not know.
    pub fn keep_pulses(&self, stands: impl Fn(HostNo) -> bool) {
        let mut pulses = self.pulses.lock().expect("no code panics while it holds the pulses");
        pulses.retain(|host, _| stands(*host));
    }

    /// How often a host commits when it has nothing to tell, in milliseconds.
    #[must_use]
    pub fn checkpoint_pace(&self, host: HostNo) -> i64 {
        pace(host, self.options.checkpoint_every)
    }

    /// Whether gateways may sign in.
    ///
    /// # Errors
    /// Says what the center waits for.
    pub fn ready_for_uplink(&self) -> Result<(), String> {
        if self.stop.is_cancelled() {
            Err("the center stops".into())
        } else if !self.ready.load(Ordering::Acquire) {
            Err("the journal is being replayed".into())
        } else {
            Ok(())
        }
    }
}
