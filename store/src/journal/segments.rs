//! The embedded journal: a directory of segment files, one writer thread, readers that go to the files.
//!
//! The writer takes everything that waits, encodes it into one buffer, writes it with one call, syncs once, and only
//! then answers and lets readers see it. Blocking calls live on that thread alone. Any failure of a write or sync ends
//! the journal: after a failed `fsync` nobody knows what is on the disk, so only a restart may look. A second process
//! is kept out by a lock on the directory.
//!
//! Left out: compression (frames are compact already) and encryption at rest (the file system's business).

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::journal::disk::{Disk, OsDisk};
use crate::journal::format::{HEADER_BYTES, PAYLOAD_BYTES_MAX};
use crate::journal::recovery::recover;
use crate::journal::segment::SegmentFile;
use crate::journal::writer::{Order, Writer};
use crate::journal::{Journal, JournalError, Offset, Record, Segment};

/// Orders that may wait for the writer before `append` itself waits.
const ORDERS_WAITING_MAX: usize = 256;

/// How a [`SegmentJournal`] behaves.
#[derive(Clone)]
pub struct Options {
    /// A segment that would grow beyond this is sealed first. It may still be larger by one batch.
    pub segment_bytes: u64,
    /// Room is taken from the file system in steps of this size, so that an append seldom has to.
    pub allocate_bytes: u64,
    /// Free room below which nothing more is appended: it belongs to the alarm log.
    pub reserved_bytes: u64,
    /// The file system; tests give one that fails.
    pub disk: Arc<dyn Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            allocate_bytes: 8 << 20,
            reserved_bytes: 512 << 20,
            disk: Arc::new(OsDisk),
        }
    }
}

/// What writer and readers share.
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    /// Oldest first; the last one is open.
    pub(super) segments: RwLock<Vec<Arc<SegmentFile>>>,
    /// Held as long as anybody may write.
    _lock: JournalLock,
}

impl Shared {
    fn list(&self) -> Vec<Arc<SegmentFile>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Keeps every other process from a journal, and from what belongs to it, as long as it lives.
#[derive(Debug)]
pub struct JournalLock(#[allow(dead_code, reason = "held, never looked at")] File);

/// Takes the lock of the journal in `dir` without opening it: for commands that change what a center has open. The
/// directory is made where it is missing.
///
/// # Errors
/// [`JournalError::InUse`] where another process has it.
pub fn lock(dir: &Path) -> Result<JournalLock, JournalError> {
    let io = |doing, place: &Path, source| JournalError::Io {
        doing,
        place: place.display().to_string(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(|e| io("create", dir, e))?;
    let path = dir.join("lock");
    let file = File::create(&path).map_err(|e| io("create", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(JournalLock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(JournalError::InUse { place: dir.display().to_string() })
        }
        Err(TryLockError::Error(error)) => Err(io("lock", &path, error)),
    }
}

/// The embedded journal.
pub struct SegmentJournal {
    shared: Arc<Shared>,
    orders: Option<mpsc::Sender<Order>>,
    writer: Option<JoinHandle<()>>,
}

impl SegmentJournal {
    /// Opens the journal in `dir`, creating it if there is none, and recovers it from any end it came to.
    /// Blocks while it looks at the segments.
    ///
    /// # Errors
    /// When the disk fails, when another process has the journal open, or when what is there is damaged.
    pub fn open(dir: &Path, options: Options) -> Result<Self, JournalError> {
        let io = |doing, place: &Path, source| JournalError::Io {
            doing,
            place: place.display().to_string(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(|e| io("create", dir, e))?;
        if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
            options.disk.sync_dir(parent).map_err(|e| io("sync", parent, e))?;
        }
        let lock = lock(dir)?;
        let recovered = recover(dir, &*options.disk)?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            segments: RwLock::new(recovered.segments),
            _lock: lock,
        });
        let mut writer = Writer::new(Arc::clone(&shared), options);
        match recovered.open {
            Some(file) => writer.resume(file),
            None => writer.begin_segment()?,
        }
        let (orders, waiting) = mpsc::channel(ORDERS_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("journal-writer".into())
            .spawn(move || writer.run(waiting))
            .map_err(|e| io("start the writer of", dir, e))?;
        Ok(Self { shared, orders: Some(orders), writer: Some(thread) })
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Order + Send,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let orders = self.orders.as_ref().expect("taken only when dropped");
        // A writer that is gone has panicked, which counts as having failed.
        orders.send(order(reply)).await.map_err(|_| JournalError::Failed)?;
        answer.await.map_err(|_| JournalError::Failed)?
    }
}

impl Drop for SegmentJournal {
    /// Waits until what was taken is written, so that the journal can be opened again at once.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the journal had panicked");
        }
    }
}

#[async_trait]
impl Journal for SegmentJournal {
    async fn append(&self, batch: Vec<Record>) -> Result<Offset, JournalError> {
        if batch.is_empty() {
            return Ok(self.bounds().1);
        }
        if let Some(record) = batch.iter().find(|r| r.payload.len() > PAYLOAD_BYTES_MAX) {
            let bytes = record.payload.len();
            return Err(JournalError::TooLarge { bytes, most: PAYLOAD_BYTES_MAX });
        }
        self.ask(|reply| Order::Append { batch, reply }).await
    }

    fn read(
        &self,
        from: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<(Offset, Record)>, JournalError> {
        let segments = self.shared.list();
        // Nothing has number 0: who has read nothing yet may say so.
        let asked = from.0.max(1);
        let first = segments.first().expect("there is always one").first;
        if asked < first {
            return Err(JournalError::Trimmed { first: Offset(first), asked: from });
        }
        let mut out = Vec::new();
        let mut bytes_left = max_bytes;
        let begin = segments.partition_point(|segment| segment.first <= asked) - 1;
        for segment in &segments[begin..] {
            let read =
                segment.read(asked.max(segment.first), &mut out, max_records, &mut bytes_left);
            match read {
                Ok(true) => break,
                Ok(false) => {}
                // Trimmed between the look at the list and the look at the file.
                Err(JournalError::Io { source, .. })
                    if out.is_empty() && source.kind() == std::io::ErrorKind::NotFound =>
                {
                    return Err(JournalError::Trimmed { first: self.bounds().0, asked: from });
                }
                // What comes before the damage is good; the next read meets the damage first.
                Err(JournalError::Damaged { .. }) if !out.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    fn bounds(&self) -> (Offset, Offset) {
        let segments = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner);
        let first = segments.first().expect("there is always one").first;
        let next = segments.last().expect("there is always one").extent().next;
        (Offset(first), Offset(next))
    }

    fn segments(&self) -> Vec<Segment> {
        self.shared.list().iter().map(|segment| segment.describe()).collect()
    }

    async fn seal(&self) -> Result<(), JournalError> {
        self.ask(|reply| Order::Seal { reply }).await
    }

    async fn trim(&self, keep_from: Offset) -> Result<(), JournalError> {
        self.ask(|reply| Order::Trim { keep_from, reply }).await
    }
}

/// Bytes of a segment that holds nothing yet.
pub(super) const EMPTY_BYTES: u64 = HEADER_BYTES as u64;
