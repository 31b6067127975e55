//! Port of the durable state: alarm log, host checkpoints and log offsets, written together or not at all.
//!
//! "No alarm lost, doubled or reordered" rests on this one atomic batch: after a crash a host starts from its checkpoint,
//! replays the journal from the offset that was written with it, and comes to the entries that it had not yet written.

pub mod fjall;
mod on_disk;
mod writer;

use std::sync::Arc;

use anlan_domain::alarm::AlarmEntry;
use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use bytes::Bytes;

use crate::journal::{Journal, Offset};

/// Place of an entry in the alarm log: dense, from 1. Clients see it as an opaque cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmSeq(pub u64);

/// What one host has come to: written atomically.
#[derive(Clone, Debug)]
pub struct HostCommit {
    /// Which host.
    pub host: HostNo,
    /// Journal offset of the last entry that is folded into the checkpoint.
    pub folded: Offset,
    /// Its whole state.
    pub checkpoint: Bytes,
    /// What happened to alarms since its last commit, in order.
    pub entries: Vec<AlarmEntry>,
}

/// An entry of the alarm log as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmRecord {
    /// Place in the log.
    pub seq: AlarmSeq,
    /// Which host came to it.
    pub host: HostNo,
    /// 判定: the center's clock when it was decided and written. Not part of the fold.
    pub decided_time: UtcMillis,
    /// The entry.
    pub entry: AlarmEntry,
}

/// Why the state could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The engine failed while writing: nothing more is accepted, the process must end.
    #[error("cannot write the alarm log and checkpoints")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine failed while reading.
    #[error("cannot read {what}")]
    Read {
        /// What we were reading.
        what: String,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An earlier failure ended the store; only a restart helps.
    #[error("the alarm log failed earlier and takes nothing more")]
    Failed,
    /// What is stored cannot be understood.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What.
        what: String,
        /// How.
        why: String,
    },
}

/// Alarm log, checkpoints, and small documents.
#[async_trait]
pub trait StateStore: Send + Sync + 'static {
    /// Writes the commits of several hosts in one atomic, durable batch and returns the sequence numbers that their entries
    /// got: first and one past the last. A host that is named twice keeps its last checkpoint.
    async fn commit(
        &self,
        batch: Vec<HostCommit>,
        decided_time: UtcMillis,
    ) -> Result<(AlarmSeq, AlarmSeq), StateError>;

    /// Entries after `after`, in order, at most `limit`. Cheap at the end of the log, where records are shared rather than
    /// copied: hub, desk and projections all read there. Blocks.
    fn alarms_after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError>;

    /// The sequence number of the last entry; 0 when there is none.
    fn last_alarm(&self) -> AlarmSeq;

    /// The last checkpoint of a host, with the offset folded into it. Blocks.
    fn checkpoint(&self, host: HostNo) -> Result<Option<(Offset, Bytes)>, StateError>;

    /// Smallest offset folded into any checkpoint: the journal is needed from the one after it. `None` when there is none.
    fn oldest_folded(&self) -> Result<Option<Offset>, StateError>;

    /// Largest offset folded into any checkpoint. `None` when there is none.
    fn newest_folded(&self) -> Result<Option<Offset>, StateError>;

    /// Writes a small document (point tables, what is acknowledged per gateway, cursors of projections), durably.
    async fn put(&self, key: &str, value: Bytes) -> Result<(), StateError>;

    /// Reads a small document. Blocks.
    fn get(&self, key: &str) -> Result<Option<Bytes>, StateError>;

    /// Keys that begin with `prefix`, with their documents, in order. Blocks.
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StateError>;

    /// Removes small documents, durably and in one batch. One that is not there is fine.
    async fn remove(&self, keys: Vec<String>) -> Result<(), StateError>;

    /// Forgets the checkpoint of a host that exists no more.
    async fn forget(&self, host: HostNo) -> Result<(), StateError>;
}

/// Refuses a journal that ends before what the checkpoints have folded in: its newest records are gone (their bytes have
/// rotted, the folder was emptied or comes from an older copy), and its next ones would get offsets that hosts take for
/// long done. To be asked once, before anything is replayed.
///
/// # Errors
/// Says where each of the two ends, or why that cannot be read.
pub fn check_agreement(journal: &dyn Journal, state: &dyn StateStore) -> Result<(), StateError> {
    let (_, next) = journal.bounds();
    match state.newest_folded()? {
        Some(folded) if next <= folded => Err(StateError::Damaged {
            what: "the journal".to_owned(),
            why: format!(
                "it ends before offset {}, but a checkpoint has offset {} folded in: journal and state belong to \
                 different moments, restore both from one copy",
                next.0, folded.0
            ),
        }),
        _ => Ok(()),
    }
}
