//! The one task that appends to the journal: group commit, then acknowledge, then dispatch in the order of offsets.
//!
//! While an append is under way the next records collect in the queue; when it returns they go out as one batch. So the
//! cost of an fsync is shared by all who wait for it and nobody waits for more than two. The queue is bounded in bytes:
//! who submits waits for room, a session that waits does not read its socket, and TCP tells the gateway.
//!
//! A failed append may or may not have written, so it ends the process. The one failure that is known to have written
//! nothing is "no room left beside what is reserved for the alarm log": then nothing is acknowledged, the records go to the
//! hosts marked as volatile, and the gateways send them again once there is room. What no gateway can send again, that a
//! link was lost or came back, is kept here and goes in front of the first append that succeeds.
//!
//! The order within a lane survives this: a frame that was given up takes with it every later one of its lane until its
//! gateway has signed in anew (`given_up.rs`). Else a later frame that was already queued would become durable first, and
//! the resent one would be taken for a duplicate by the hosts, acknowledged and never evaluated.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anlan_domain::log::{GatewayNo, RecordKind};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{Acks, Boot, Lane};
use anlan_store::journal::{Journal, JournalError, Offset, Record};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::fatal::Fatal;
use crate::given_up::GivenUp;
use crate::ingest::ledger::Ledger;
use crate::ingest::tables::Pin;
use crate::log_clock::LogClock;

/// What is to happen once a record is durable.
pub enum Afterwards {
    /// Nothing.
    Nothing,
    /// The frame is entered into the ledger and acknowledged to its gateway.
    Acknowledge {
        /// Boot of the frame.
        boot: Boot,
        /// Lane of the frame.
        lane: Lane,
        /// Number of the frame.
        seq: u64,
        /// Holds the point table that the frame refers to.
        table: Option<Pin>,
    },
    /// Somebody waits for the offset. The sender is dropped where it could not be made durable.
    Tell(oneshot::Sender<Offset>),
}

/// A record on its way to the journal.
struct Submission {
    record: Record,
    then: Afterwards,
    /// `None` for what is kept over a full disk: it has left the queue.
    _room: Option<OwnedSemaphorePermit>,
}

/// Records that the dispatcher gets, in the order of the log.
#[derive(Debug)]
pub enum Logged {
    /// Durable records with consecutive offsets.
    Durable {
        /// Offset of the first.
        first: Offset,
        /// The records.
        records: Vec<Record>,
    },
    /// Records that could not be made durable: for evaluation in memory only.
    Volatile(Vec<Record>),
    /// There is room again: what was volatile is forgotten, and will be sent again.
    DurableAgain,
}

/// Who is told that frames are durable.
pub trait AckSink: Send + Sync + 'static {
    /// Frames of a gateway are durable.
    fn durable(&self, gateway: GatewayNo, acks: Acks);
    /// Every gateway shall connect anew and send what is not acknowledged: because a full disk begins, during which the welcome
    /// allows more frames under way than will be acknowledged, or because it has ended.
    fn connect_anew(&self, why: &str);
}

/// The door to the journal.
#[derive(Clone)]
pub struct LogQueue {
    submissions: mpsc::Sender<Submission>,
    room: Arc<Semaphore>,
    room_bytes: usize,
    clock: Arc<LogClock>,
    undurable: Arc<AtomicBool>,
}

/// The log takes nothing more: the center is stopping or has failed.
#[derive(Debug, thiserror::Error)]
#[error("the log takes nothing more")]
pub struct LogClosed;

impl LogQueue {
    /// Submits a record; waits while the queue is full.
    ///
    /// # Errors
    /// When the writer has ended.
    pub async fn submit(
        &self,
        kind: RecordKind,
        source: u32,
        payload: Bytes,
        then: Afterwards,
    ) -> Result<(), LogClosed> {
        self.submit_at(self.clock.now(), kind, source, payload, then).await
    }

    /// Submits a record that was received at `received`, by the log's clock.
    ///
    /// # Errors
    /// When the writer has ended.
    pub async fn submit_at(
        &self,
        received: UtcMillis,
        kind: RecordKind,
        source: u32,
        payload: Bytes,
        then: Afterwards,
    ) -> Result<(), LogClosed> {
        let size = u32::try_from((payload.len() + 64).min(self.room_bytes))
            .expect("bounded by the queue, which is below 4 GiB");
        let room = self.room.clone().acquire_many_owned(size).await.map_err(|_| LogClosed)?;
        let record = Record { received, kind, source, payload };
        self.submissions
            .send(Submission { record, then, _room: Some(room) })
            .await
            .map_err(|_| LogClosed)
    }

    /// Submits a record and waits until it is durable.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn append(
        &self,
        kind: RecordKind,
        source: u32,
        payload: Bytes,
    ) -> Result<Offset, LogClosed> {
        let (tell, told) = oneshot::channel();
        self.submit(kind, source, payload, Afterwards::Tell(tell)).await?;
        told.await.map_err(|_| LogClosed)
    }

    /// Whether the newest records could not be made durable.
    #[must_use]
    pub fn is_undurable(&self) -> bool {
        self.undurable.load(Ordering::Relaxed)
    }

    /// Records that wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        (self.submissions.max_capacity() - self.submissions.capacity()) as u64
    }

    /// The clock of the log.
    #[must_use]
    pub fn clock(&self) -> &Arc<LogClock> {
        &self.clock
    }
}

/// The writer's side.
pub struct LogWriter {
    submissions: mpsc::Receiver<Submission>,
    journal: Arc<dyn Journal>,
    ledger: Arc<Ledger>,
    acks: Arc<dyn AckSink>,
    dispatch: mpsc::Sender<Logged>,
    fatal: Fatal,
    undurable: Arc<AtomicBool>,
    append_bytes: usize,
    given_up: GivenUp,
    /// Links that changed while nothing could be made durable; the last of each, in their order.
    kept: Vec<Record>,
}

/// Bounds of the queue in front of the journal.
#[derive(Clone, Copy, Debug)]
pub struct QueueBounds {
    /// Bytes that may wait, over all.
    pub queue_bytes: usize,
    /// Most bytes of one append.
    pub append_bytes: usize,
}

impl LogWriter {
    /// A writer and the door to it.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        ledger: Arc<Ledger>,
        acks: Arc<dyn AckSink>,
        dispatch: mpsc::Sender<Logged>,
        clock: Arc<LogClock>,
        bounds: QueueBounds,
        fatal: Fatal,
    ) -> (Self, LogQueue) {
        let (tx, submissions) = mpsc::channel(4096);
        let undurable = Arc::new(AtomicBool::new(false));
        let room_bytes = bounds.queue_bytes.clamp(1, Semaphore::MAX_PERMITS.min(1 << 31));
        let queue = LogQueue {
            submissions: tx,
            room: Arc::new(Semaphore::new(room_bytes)),
            room_bytes,
            clock,
            undurable: undurable.clone(),
        };
        let append_bytes = bounds.append_bytes;
        let writer = Self {
            submissions,
            journal,
            ledger,
            acks,
            dispatch,
            fatal,
            undurable,
            append_bytes,
            given_up: GivenUp::default(),
            kept: Vec::new(),
        };
        (writer, queue)
    }

    /// Runs until every door to it is closed, or the journal or the dispatcher has failed.
    pub async fn run(mut self) {
        let mut newest = UtcMillis(i64::MIN);
        while let Some(first) = self.submissions.recv().await {
            let mut bytes = first.record.payload.len();
            let mut batch = vec![first];
            while bytes < self.append_bytes {
                let Ok(next) = self.submissions.try_recv() else { break };
                bytes += next.record.payload.len();
                batch.push(next);
            }
            // Two tasks may have read the clock in one order and entered the queue in the other.
            for submission in &mut batch {
                newest = newest.max(submission.record.received);
                submission.record.received = newest;
            }
            metrics::counter!("anlan_journal_records_total").increment(batch.len() as u64);
            metrics::counter!("anlan_journal_bytes_total").increment(bytes as u64);
            if !self.append(batch).await {
                return;
            }
        }
    }

    /// Appends one batch and does what follows from it; `false` ends the writer.
    async fn append(&mut self, batch: Vec<Submission>) -> bool {
        let kept = self.kept.len();
        let batch: Vec<Submission> = std::mem::take(&mut self.kept)
            .into_iter()
            .map(|record| Submission { record, then: Afterwards::Nothing, _room: None })
            .chain(batch.into_iter().filter(|submission| self.is_in_turn(submission)))
            .collect();
        if batch.is_empty() {
            return true;
        }
        let records: Vec<Record> = batch.iter().map(|s| s.record.clone()).collect();
        let begun = std::time::Instant::now();
        match self.journal.append(records).await {
            Ok(first) => {
                metrics::histogram!("anlan_journal_append_seconds").record(begun.elapsed());
                if self.undurable.swap(false, Ordering::Relaxed) {
                    tracing::warn!(
                        "the journal takes records again; gateways are asked to send anew"
                    );
                    if self.dispatch.send(Logged::DurableAgain).await.is_err() {
                        return false;
                    }
                    self.acks.connect_anew(
                        "the center had no room to keep what you sent; please send it again",
                    );
                }
                let records = self.acknowledge(first, batch);
                self.dispatch.send(Logged::Durable { first, records }).await.is_ok()
            }
            Err(error @ JournalError::NoRoom { .. }) => {
                if !self.undurable.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "frames are no longer acknowledged; alarms are evaluated in memory only");
                    self.acks.connect_anew(
                        "the center has no room to keep what you send; it evaluates it and does not acknowledge",
                    );
                }
                metrics::counter!("anlan_journal_no_room_total").increment(batch.len() as u64);
                let records = self.give_up(batch, kept);
                self.dispatch.send(Logged::Volatile(records)).await.is_ok()
            }
            Err(error) => {
                self.fatal.end("the journal failed", &error);
                false
            }
        }
    }

    /// Whether a record may go to the journal now. A frame behind one of its lane that was given up may not: it is given up too.
    fn is_in_turn(&mut self, submission: &Submission) -> bool {
        let gateway = GatewayNo(submission.record.source);
        match submission.then {
            Afterwards::Acknowledge { boot, lane, seq, .. } => {
                let in_turn = self.given_up.is_in_turn(gateway, boot, lane, seq);
                if !in_turn {
                    metrics::counter!("anlan_journal_out_of_turn_total").increment(1);
                    self.ledger.given_up(gateway, boot, lane, seq);
                }
                in_turn
            }
            _ => {
                if submission.record.kind == RecordKind::Link
                    && submission.record.payload[..] == [1]
                {
                    // Signed in anew: what was given up comes again, in order, behind this record.
                    self.given_up.signed_in(gateway);
                }
                true
            }
        }
    }

    /// Nothing of the batch is durable. Gives what is to be evaluated in memory; the first `again` have been before.
    fn give_up(&mut self, batch: Vec<Submission>, again: usize) -> Vec<Record> {
        for submission in &batch {
            let record = &submission.record;
            let gateway = GatewayNo(record.source);
            match submission.then {
                Afterwards::Acknowledge { boot, lane, seq, .. } => {
                    self.given_up.give_up(gateway, boot, lane, seq);
                    self.ledger.given_up(gateway, boot, lane, seq);
                }
                _ if matches!(
                    record.kind,
                    RecordKind::Link | RecordKind::CenterLink | RecordKind::CenterReady
                ) =>
                {
                    self.kept.retain(|k| (k.kind, k.source) != (record.kind, record.source));
                    self.kept.push(record.clone());
                }
                // A tick says nothing that the next one does not; who waits is told by the dropped sender.
                _ => {}
            }
        }
        batch.into_iter().skip(again).map(|submission| submission.record).collect()
    }

    /// Everything in the batch is durable: enter it, tell who waits, and hand the records on.
    fn acknowledge(&self, first: Offset, batch: Vec<Submission>) -> Vec<Record> {
        let mut frames = Vec::new();
        let mut ranges: HashMap<GatewayNo, Vec<(Boot, Lane, u64)>> = HashMap::new();
        let mut records = Vec::with_capacity(batch.len());
        for (i, submission) in batch.into_iter().enumerate() {
            match submission.then {
                Afterwards::Nothing => {}
                Afterwards::Acknowledge { boot, lane, seq, table } => {
                    if let Some(table) = table {
                        table.journalled(Offset(first.0 + i as u64));
                    }
                    let gateway = GatewayNo(submission.record.source);
                    frames.push((gateway, boot, lane, seq));
                    ranges.entry(gateway).or_default().push((boot, lane, seq));
                }
                // Who asked may have stopped waiting.
                Afterwards::Tell(tell) => drop(tell.send(Offset(first.0 + i as u64))),
            }
            records.push(submission.record);
        }
        self.ledger.durable(frames, Offset(first.0 + records.len() as u64));
        for (gateway, frames) in ranges {
            self.acks.durable(gateway, join_ranges(frames));
        }
        records
    }
}

/// Single frames as ranges per boot and lane.
#[must_use]
pub fn join_ranges(mut frames: Vec<(Boot, Lane, u64)>) -> Acks {
    frames.sort_unstable();
    let mut acks = Acks::default();
    for (boot, lane, seq) in frames {
        match acks.ranges.last_mut() {
            Some((b, l, ranges)) if (*b, *l) == (boot, lane) => match ranges.last_mut() {
                Some(range) if seq <= range.1 + 1 => range.1 = seq,
                _ => ranges.push((seq, seq)),
            },
            _ => acks.ranges.push((boot, lane, vec![(seq, seq)])),
        }
    }
    acks
}
