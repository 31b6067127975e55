//! The one thread that changes the alarm log, the checkpoints and the documents.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use bytes::Bytes;
use fjall::PersistMode;
use tokio::sync::{mpsc, oneshot};

use crate::journal::Offset;
use crate::state::fjall::{Options, Shared};
use crate::state::on_disk::{encode_alarm, encode_checkpoint};
use crate::state::{AlarmRecord, AlarmSeq, HostCommit, StateError};

/// Orders that wait are joined up to this size into one batch and one sync.
const JOINED_BYTES_MAX: usize = 8 << 20;

type Reply<T> = oneshot::Sender<Result<T, StateError>>;

/// What the writer is asked for.
pub enum Order {
    /// Write commits of hosts.
    Commit { batch: Vec<HostCommit>, decided_time: UtcMillis, reply: Reply<(AlarmSeq, AlarmSeq)> },
    /// Write a document.
    Put { key: String, value: Bytes, reply: Reply<()> },
    /// Remove documents.
    Remove { keys: Vec<String>, reply: Reply<()> },
    /// Remove a host's checkpoint.
    Forget { host: HostNo, reply: Reply<()> },
}

impl Order {
    fn size(&self) -> usize {
        match self {
            // An alarm record has some 200 bytes; the limit is no exact one.
            Self::Commit { batch, .. } => {
                batch.iter().map(|c| c.checkpoint.len() + 200 * c.entries.len()).sum()
            }
            Self::Put { value, .. } => value.len(),
            Self::Remove { keys, .. } => keys.iter().map(String::len).sum(),
            Self::Forget { .. } => 0,
        }
    }
}

/// What one joined batch will change. Within a batch of the database a key must stand once: of two writes to it, the
/// order would not be kept.
#[derive(Default)]
struct Changes {
    records: Vec<Arc<AlarmRecord>>,
    checkpoints: BTreeMap<HostNo, Option<(Offset, Bytes)>>,
    documents: BTreeMap<String, Option<Bytes>>,
}

/// What to tell those who asked, once it is durable.
enum Answer {
    Committed(Reply<(AlarmSeq, AlarmSeq)>, (AlarmSeq, AlarmSeq)),
    Done(Reply<()>),
}

/// The writer's own state.
pub struct Writer {
    shared: Arc<Shared>,
    options: Options,
    failed: bool,
}

impl Writer {
    /// A writer for an opened store.
    pub fn new(shared: Arc<Shared>, options: Options) -> Self {
        Self { shared, options, failed: false }
    }

    /// Carries orders out until nobody can give any more.
    pub fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.blocking_recv() {
            let mut changes = Changes::default();
            let mut next = self.shared.memory.read().unwrap_or_else(PoisonError::into_inner).next;
            let mut size = first.size();
            let mut answers = vec![changes.take(first, &mut next)];
            while size < JOINED_BYTES_MAX
                && let Ok(order) = orders.try_recv()
            {
                size += order.size();
                answers.push(changes.take(order, &mut next));
            }
            let mut done = if self.failed { Err(StateError::Failed) } else { self.write(&changes) };
            if let Err(error) = &done
                && !self.failed
            {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "the alarm log has failed"
                );
                self.failed = true;
            }
            if done.is_ok() {
                self.publish(changes, next);
            }
            for answer in answers {
                // The first who waits gets the cause, the others that it failed.
                let result = match &done {
                    Ok(()) => Ok(()),
                    Err(_) => std::mem::replace(&mut done, Err(StateError::Failed)),
                };
                // Whoever asked may have stopped waiting; what was asked for is done all the same.
                match answer {
                    Answer::Committed(reply, range) => drop(reply.send(result.map(|()| range))),
                    Answer::Done(reply) => drop(reply.send(result)),
                }
            }
        }
    }

    fn write(&self, changes: &Changes) -> Result<(), StateError> {
        let Shared { database, alarms, checkpoints, folded, documents, .. } = &*self.shared;
        let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
        for record in &changes.records {
            batch.insert(alarms, record.seq.0.to_be_bytes(), encode_alarm(record));
        }
        for (host, change) in &changes.checkpoints {
            let key = host.0.to_be_bytes();
            match change {
                Some((offset, checkpoint)) => {
                    batch.insert(checkpoints, key, encode_checkpoint(*offset, checkpoint));
                    batch.insert(folded, key, offset.0.to_be_bytes());
                }
                None => {
                    batch.remove(checkpoints, key);
                    batch.remove(folded, key);
                }
            }
        }
        for (key, change) in &changes.documents {
            match change {
                Some(value) => batch.insert(documents, key.as_bytes(), &value[..]),
                None => batch.remove(documents, key.as_bytes()),
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(check) = &self.options.before_write {
            check().map_err(|e| StateError::Write(Box::new(e)))?;
        }
        batch.commit().map_err(|e| StateError::Write(Box::new(e)))
    }

    /// Lets readers see what is durable now.
    fn publish(&self, changes: Changes, next: u64) {
        let mut memory = self.shared.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.next = next;
        memory.tail.extend(changes.records);
        let surplus = memory.tail.len().saturating_sub(self.options.tail_records);
        memory.tail.drain(..surplus);
        for (host, change) in changes.checkpoints {
            match change {
                Some((offset, _)) => memory.folded.insert(host, offset),
                None => memory.folded.remove(&host),
            };
        }
    }
}

impl Changes {
    /// Adds an order; `next` is the number that the next alarm record gets.
    fn take(&mut self, order: Order, next: &mut u64) -> Answer {
        match order {
            Order::Commit { batch, decided_time, reply } => {
                let first = *next;
                for HostCommit { host, folded, checkpoint, entries } in batch {
                    for entry in entries {
                        let seq = AlarmSeq(*next);
                        *next += 1;
                        self.records.push(Arc::new(AlarmRecord { seq, host, decided_time, entry }));
                    }
                    self.checkpoints.insert(host, Some((folded, checkpoint)));
                }
                Answer::Committed(reply, (AlarmSeq(first), AlarmSeq(*next)))
            }
            Order::Put { key, value, reply } => {
                self.documents.insert(key, Some(value));
                Answer::Done(reply)
            }
            Order::Remove { keys, reply } => {
                self.documents.extend(keys.into_iter().map(|key| (key, None)));
                Answer::Done(reply)
            }
            Order::Forget { host, reply } => {
                self.checkpoints.insert(host, None);
                Answer::Done(reply)
            }
        }
    }
}
