//! Port of the journal: the one ordered, durable log of everything that changes state in the center.
//!
//! Whoever appends collects while an append is under way and appends again (group commit), so the port takes whole
//! batches. An append that returns is durable. One that fails may or may not have written: the caller ends the
//! process and lets recovery decide. Reading returns durable records only.

pub mod disk;
pub mod format;
mod recovery;
mod segment;
pub mod segments;
mod writer;

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use bytes::Bytes;

/// Place of a record in the journal: dense, from 1, never re-used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The center's clock when it arrived: `now` for everything that is decided from it.
    pub received: UtcMillis,
    /// What the payload is.
    pub kind: RecordKind,
    /// Number of the gateway or host that it is about; see [`RecordKind`].
    pub source: u32,
    /// The bytes as they came.
    pub payload: Bytes,
}

/// A run of records in one file (or partition). History is built from sealed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Ascending, never re-used.
    pub id: u64,
    /// First offset in it.
    pub first: Offset,
    /// One past its last offset.
    pub next: Offset,
    /// Nothing is appended to it any more.
    pub sealed: bool,
    /// Size on disk.
    pub bytes: u64,
}

/// Why the journal could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk (or remote engine) failed; what was being appended may or may not be there.
    #[error("cannot {doing} journal {place}")]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// To what.
        place: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Another process works on it.
    #[error("journal {place} is in use by another process")]
    InUse {
        /// Which.
        place: String,
    },
    /// Less room left than is reserved for the alarm log: nothing was written.
    #[error("journal refuses to append: {free} bytes free, {reserved} reserved for the alarm log")]
    NoRoom {
        /// Free bytes.
        free: u64,
        /// Reserved bytes.
        reserved: u64,
    },
    /// What is on disk in the middle of the journal is not what was written.
    #[error("journal {place} is damaged at byte {at}: {what}")]
    Damaged {
        /// Which file.
        place: String,
        /// Where.
        at: u64,
        /// How.
        what: &'static str,
    },
    /// Asked for records that were trimmed.
    #[error("journal begins at {first:?}, {asked:?} was asked for")]
    Trimmed {
        /// First offset that is still there.
        first: Offset,
        /// What was asked for.
        asked: Offset,
    },
    /// A record that is larger than any engine takes: nothing was written.
    #[error("a record of {bytes} bytes is larger than the journal takes ({most})")]
    TooLarge {
        /// Size of the payload.
        bytes: usize,
        /// The most there may be.
        most: usize,
    },
    /// An earlier failure ended the journal; only a restart helps.
    #[error("journal failed earlier and takes nothing more")]
    Failed,
}

/// The journal.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Appends a batch in order and returns the offset of its first record once all are durable.
    async fn append(&self, batch: Vec<Record>) -> Result<Offset, JournalError>;

    /// Records from `from` on, in order, at most `max_records` and about `max_bytes` (at least one record, if there is one).
    /// Blocks: call it from a thread that may.
    fn read(
        &self,
        from: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<(Offset, Record)>, JournalError>;

    /// First offset that is still there, and the one that the next record will get.
    fn bounds(&self) -> (Offset, Offset);

    /// Every segment, oldest first; the last one is open.
    fn segments(&self) -> Vec<Segment>;

    /// Seals the open segment, if it holds anything, and begins another.
    async fn seal(&self) -> Result<(), JournalError>;

    /// Deletes sealed segments that lie wholly before `keep_from`.
    async fn trim(&self, keep_from: Offset) -> Result<(), JournalError>;
}
