//! The embedded state store: four key spaces of one fjall database, and one thread that writes.
//!
//! | key space | key | value |
//! | --- | --- | --- |
//! | `alarms` | sequence number, 8 bytes big-endian | one record of the alarm log |
//! | `checkpoints` | host number, 4 bytes big-endian | folded offset and the host's bytes |
//! | `folded` | host number, 4 bytes big-endian | folded offset, 8 bytes big-endian: small enough to read whole at start |
//! | `documents` | the name | the bytes |
//!
//! The writer joins what waits into one batch of the database, in order, with one sync. A batch of fjall is atomic
//! across key spaces: its own log holds it whole, with a checksum, or recovery drops it. The newest records of the alarm
//! log stay in memory, so that those who follow its end touch no tree.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use tokio::sync::{mpsc, oneshot};

use crate::journal::Offset;
use crate::state::on_disk::{decode_alarm, decode_checkpoint};
use crate::state::writer::{Order, Writer};
use crate::state::{AlarmRecord, AlarmSeq, HostCommit, StateError, StateStore};

/// Orders that may wait for the writer before `commit` itself waits.
const ORDERS_WAITING_MAX: usize = 256;

/// A check that runs before each write to disk; tests let it fail.
pub type WriteCheck = Arc<dyn Fn() -> std::io::Result<()> + Send + Sync>;

/// How a [`FjallState`] behaves. The defaults keep the whole store within about 64 MB.
#[derive(Clone)]
pub struct Options {
    /// Blocks of the trees kept in memory.
    pub cache_bytes: u64,
    /// Writes of one key space kept in memory before they become a file.
    pub memtable_bytes: u64,
    /// Newest records of the alarm log kept in memory.
    pub tail_records: usize,
    /// Runs before each write to disk; an error counts as the disk's.
    pub before_write: Option<WriteCheck>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 8 << 20,
            memtable_bytes: 4 << 20,
            tail_records: 50_000,
            before_write: None,
        }
    }
}

/// What writer and readers share.
pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) alarms: Keyspace,
    pub(super) checkpoints: Keyspace,
    pub(super) folded: Keyspace,
    pub(super) documents: Keyspace,
    pub(super) memory: RwLock<Memory>,
}

/// What is known without looking at the disk; changed only after a batch is durable.
pub(super) struct Memory {
    /// Number that the next alarm record gets.
    pub(super) next: u64,
    /// The newest records, without a gap, ending at `next`.
    pub(super) tail: VecDeque<Arc<AlarmRecord>>,
    /// Offset folded into each checkpoint.
    pub(super) folded: HashMap<HostNo, Offset>,
}

/// The embedded state store.
pub struct FjallState {
    shared: Arc<Shared>,
    orders: Option<mpsc::Sender<Order>>,
    writer: Option<JoinHandle<()>>,
}

impl FjallState {
    /// Opens the store in `dir`, creating it if there is none. Blocks.
    ///
    /// # Errors
    /// When the disk fails, another process has it open, or what is there cannot be understood.
    pub fn open(dir: &Path, options: Options) -> Result<Self, StateError> {
        let what = || format!("the alarm log and checkpoints in {}", dir.display());
        let read = |e: fjall::Error| StateError::Read { what: what(), source: Box::new(e) };
        std::fs::create_dir_all(dir)
            .map_err(|e| StateError::Read { what: what(), source: Box::new(e) })?;
        let database = Database::builder(dir)
            .cache_size(options.cache_bytes)
            .worker_threads(1)
            // The least that fjall takes. Its log is replayed at start, so smaller also starts faster.
            .max_journaling_size(64 << 20)
            .open()
            .map_err(read)?;
        let keyspace = |name| {
            database
                .keyspace(name, || {
                    KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes)
                })
                .map_err(read)
        };
        let (alarms, checkpoints) = (keyspace("alarms")?, keyspace("checkpoints")?);
        let (folded, documents) = (keyspace("folded")?, keyspace("documents")?);
        let next = match alarms.last_key_value() {
            Some(guard) => seq_of_key(&guard.key().map_err(read)?)? + 1,
            None => 1,
        };
        let mut memory = Memory { next, tail: VecDeque::new(), folded: HashMap::new() };
        for guard in folded.iter() {
            let (key, value) = guard.into_inner().map_err(read)?;
            let (Ok(host), Ok(offset)) = (<[u8; 4]>::try_from(&*key), <[u8; 8]>::try_from(&*value))
            else {
                return Err(StateError::Damaged {
                    what: "the list of folded offsets".to_owned(),
                    why: format!("{} bytes of key, {} of value", key.len(), value.len()),
                });
            };
            memory
                .folded
                .insert(HostNo(u32::from_be_bytes(host)), Offset(u64::from_be_bytes(offset)));
        }
        let memory = RwLock::new(memory);
        let shared = Arc::new(Shared { database, alarms, checkpoints, folded, documents, memory });
        let writer = Writer::new(Arc::clone(&shared), options);
        let (orders, waiting) = mpsc::channel(ORDERS_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("state-writer".into())
            .spawn(move || writer.run(waiting))
            .map_err(|e| StateError::Write(Box::new(e)))?;
        Ok(Self { shared, orders: Some(orders), writer: Some(thread) })
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, StateError>>) -> Order + Send,
    ) -> Result<T, StateError> {
        let (reply, answer) = oneshot::channel();
        let orders = self.orders.as_ref().expect("taken only when dropped");
        // A writer that is gone has panicked, which counts as having failed.
        orders.send(order(reply)).await.map_err(|_| StateError::Failed)?;
        answer.await.map_err(|_| StateError::Failed)?
    }

    fn memory(&self) -> std::sync::RwLockReadGuard<'_, Memory> {
        self.shared.memory.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FjallState {
    /// Waits until what was taken is written, so that the store can be opened again at once.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the alarm log had panicked");
        }
    }
}

#[async_trait]
impl StateStore for FjallState {
    async fn commit(
        &self,
        batch: Vec<HostCommit>,
        decided_time: UtcMillis,
    ) -> Result<(AlarmSeq, AlarmSeq), StateError> {
        self.ask(|reply| Order::Commit { batch, decided_time, reply }).await
    }

    fn alarms_after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError> {
        let begin = after.0.saturating_add(1);
        let next = {
            let memory = self.memory();
            let in_memory_from = memory.next - memory.tail.len() as u64;
            if begin >= in_memory_from {
                let skip = usize::try_from(begin - in_memory_from).unwrap_or(usize::MAX);
                return Ok(memory.tail.iter().skip(skip).take(limit).cloned().collect());
            }
            memory.next
        };
        let read = |source| StateError::Read {
            what: format!("the alarm log after {}", after.0),
            source: Box::new(source),
        };
        let end = next.min(begin.saturating_add(limit as u64));
        let mut out = Vec::with_capacity(usize::try_from(end - begin).unwrap_or(0));
        for (expected, guard) in
            (begin..).zip(self.shared.alarms.range(begin.to_be_bytes()..end.to_be_bytes()))
        {
            let (key, value) = guard.into_inner().map_err(read)?;
            let seq = seq_of_key(&key)?;
            if seq != expected {
                return Err(gap(expected));
            }
            let record = decode_alarm(AlarmSeq(seq), &value)
                .map_err(|why| StateError::Damaged { what: format!("alarm record {seq}"), why })?;
            out.push(Arc::new(record));
        }
        if begin + (out.len() as u64) < end {
            return Err(gap(begin + out.len() as u64));
        }
        Ok(out)
    }

    fn last_alarm(&self) -> AlarmSeq {
        AlarmSeq(self.memory().next - 1)
    }

    fn checkpoint(&self, host: HostNo) -> Result<Option<(Offset, Bytes)>, StateError> {
        let what = || format!("the checkpoint of host {}", host.0);
        self.shared
            .checkpoints
            .get(host.0.to_be_bytes())
            .map_err(|e| StateError::Read { what: what(), source: Box::new(e) })?
            .map(|bytes| decode_checkpoint(&bytes))
            .transpose()
            .map_err(|why| StateError::Damaged { what: what(), why })
    }

    fn oldest_folded(&self) -> Result<Option<Offset>, StateError> {
        Ok(self.memory().folded.values().min().copied())
    }

    fn newest_folded(&self) -> Result<Option<Offset>, StateError> {
        Ok(self.memory().folded.values().max().copied())
    }

    async fn put(&self, key: &str, value: Bytes) -> Result<(), StateError> {
        let key = key.to_owned();
        self.ask(|reply| Order::Put { key, value, reply }).await
    }

    fn get(&self, key: &str) -> Result<Option<Bytes>, StateError> {
        let found = self.shared.documents.get(key).map_err(|e| StateError::Read {
            what: format!("the document {key:?}"),
            source: Box::new(e),
        })?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StateError> {
        let what = || format!("the documents that begin with {prefix:?}");
        let mut out = Vec::new();
        for guard in self.shared.documents.prefix(prefix) {
            let (key, value) = guard
                .into_inner()
                .map_err(|e| StateError::Read { what: what(), source: Box::new(e) })?;
            let key = std::str::from_utf8(&key)
                .map_err(|e| StateError::Damaged { what: what(), why: e.to_string() })?;
            out.push((key.to_owned(), Bytes::copy_from_slice(&value)));
        }
        Ok(out)
    }

    async fn remove(&self, keys: Vec<String>) -> Result<(), StateError> {
        self.ask(|reply| Order::Remove { keys, reply }).await
    }

    async fn forget(&self, host: HostNo) -> Result<(), StateError> {
        self.ask(|reply| Order::Forget { host, reply }).await
    }
}

fn seq_of_key(key: &[u8]) -> Result<u64, StateError> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| StateError::Damaged {
        what: "the alarm log".to_owned(),
        why: format!("a key of {} bytes is no sequence number", key.len()),
    })
}

fn gap(missing: u64) -> StateError {
    StateError::Damaged {
        what: "the alarm log".to_owned(),
        why: format!("record {missing} is missing"),
    }
}
