//! A center's data folder: which engine keeps what, and the lock that keeps two processes from sharing it.
//!
//! The lock is the journal's: a center holds it as long as it runs, and whoever changes the registry beside a center
//! takes it for that time. Else what is imported would be shown and not be in force until the next start.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anlan_actors::options::Ports;
use anlan_store::alarm_index::AlarmIndex;
use anlan_store::desk::DeskStore;
use anlan_store::history::{EmbeddedHistory, HistoryOptions};
use anlan_store::journal::JournalError;
use anlan_store::journal::segments::{
    self, JournalLock, Options as JournalOptions, SegmentJournal,
};
use anlan_store::registry::Registry;
use anlan_store::state::fjall::{FjallState, Options as StateOptions};

use crate::process::Failure;

/// Every engine of one center.
pub struct Engines {
    /// Journal, alarm log, history.
    pub ports: Ports,
    /// Plant, people, audit.
    pub registry: Registry,
    /// Warnings, messages to people, rules and ladder.
    pub desk: DeskStore,
    /// Search projection.
    pub alarms: Arc<AlarmIndex>,
}

impl Engines {
    /// Opens everything below `data`, making what is missing. `retention_days` are those of raw readings and minutes.
    pub async fn open(
        data: &Path,
        reserved_bytes: u64,
        retention_days: [u32; 2],
    ) -> Result<Self, Failure> {
        make(data)?;
        // First, because it takes the lock.
        let journal = SegmentJournal::open(
            &data.join("journal"),
            JournalOptions { reserved_bytes, ..JournalOptions::default() },
        )
        .map_err(|e| refused(data, &e))?;
        let state = FjallState::open(&data.join("state"), StateOptions::default())
            .map_err(|e| Failure::of(&e))?;
        let days = |n: u32| i64::from(n) * 86_400_000;
        let history = EmbeddedHistory::open(
            &data.join("history"),
            HistoryOptions {
                raw_keep_ms: days(retention_days[0]),
                minutes_keep_ms: days(retention_days[1]),
                least_free_bytes: least_free_bytes(reserved_bytes),
                ..HistoryOptions::default()
            },
        )
        .map_err(|e| Failure::of(&e))?;
        let registry = registry(data).await?;
        let desk = DeskStore::open(&data.join("desk.db")).await.map_err(|e| Failure::of(&e))?;
        let alarms =
            AlarmIndex::open(&data.join("alarm-index.db")).await.map_err(|e| Failure::of(&e))?;
        Ok(Self {
            ports: Ports {
                journal: Arc::new(journal),
                state: Arc::new(state),
                history: Some(Arc::new(history)),
            },
            registry,
            desk,
            alarms: Arc::new(alarms),
        })
    }
}

/// Free bytes that history leaves alone: what is reserved for the alarm log, and room for the journal to go on in while
/// history gives up old days, some segments at least.
fn least_free_bytes(reserved_bytes: u64) -> u64 {
    const AHEAD_MIN: u64 = 256 << 20;
    reserved_bytes.saturating_add(AHEAD_MIN.max(reserved_bytes / 2))
}

/// Takes the data folder for a command that changes it. No center runs on it while the lock lives.
pub fn lock(data: &Path) -> Result<JournalLock, Failure> {
    make(data)?;
    segments::lock(&data.join("journal")).map_err(|e| refused(data, &e))
}

fn refused(data: &Path, error: &JournalError) -> Failure {
    match error {
        JournalError::InUse { .. } => Failure::Failed(format!(
            "the data folder {} is in use: a center runs on it, or another command changes it. Stop the center first, \
             and start it again afterwards; single objects, limits and accounts can also be changed on the page of the running center",
            data.display()
        )),
        other => Failure::of(other),
    }
}

/// Opens the registry alone.
pub async fn registry(data: &Path) -> Result<Registry, Failure> {
    make(data)?;
    Registry::open(&data.join("registry.db")).await.map_err(|e| Failure::of(&e))
}

fn make(data: &Path) -> Result<(), Failure> {
    fs::create_dir_all(data).map_err(|error| {
        Failure::Failed(format!("cannot make the data folder {}: {error}", data.display()))
    })
}
