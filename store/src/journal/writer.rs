//! The one thread that changes the journal on disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::journal::format::{Header, RECORD_HEAD_BYTES, Trailer, encode_record};
use crate::journal::recovery::segment_path;
use crate::journal::segment::{Extent, Mark, SegmentFile, push_mark};
use crate::journal::segments::{EMPTY_BYTES, Options, Shared};
use crate::journal::{JournalError, Offset, Record};

/// Appends that wait are joined up to this size into one write and one sync.
const JOINED_BYTES_MAX: usize = 8 << 20;
/// A buffer that one large batch has grown beyond this is given back afterwards.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the writer is asked for.
pub enum Order {
    /// Write these and say where they are.
    Append { batch: Vec<Record>, reply: Reply<Offset> },
    /// Begin another segment.
    Seal { reply: Reply<()> },
    /// Delete what lies wholly before.
    Trim { keep_from: Offset, reply: Reply<()> },
}

/// The writer's own state.
pub struct Writer {
    shared: Arc<Shared>,
    options: Options,
    open: Option<OpenSegment>,
    buffer: Vec<u8>,
    failed: bool,
}

struct OpenSegment {
    segment: Arc<SegmentFile>,
    file: File,
    next: u64,
    data_end: u64,
    allocated: u64,
}

impl Writer {
    /// A writer that has no segment yet.
    pub fn new(shared: Arc<Shared>, options: Options) -> Self {
        Self { shared, options, open: None, buffer: Vec::new(), failed: false }
    }

    /// Goes on with the last segment of the list.
    pub fn resume(&mut self, file: File) {
        let segments = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner);
        let segment = Arc::clone(segments.last().expect("recovery found it"));
        let Extent { next, data_end, .. } = segment.extent();
        self.open = Some(OpenSegment { segment, file, next, data_end, allocated: data_end });
    }

    /// Carries orders out until nobody can give any more.
    pub fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut held = None;
        while let Some(order) = held.take().or_else(|| orders.blocking_recv()) {
            match order {
                Order::Append { batch, reply } => {
                    let mut group = vec![(batch, reply)];
                    let mut bytes = size_of_batch(&group[0].0);
                    while bytes < JOINED_BYTES_MAX {
                        match orders.try_recv() {
                            Ok(Order::Append { batch, reply }) => {
                                bytes += size_of_batch(&batch);
                                group.push((batch, reply));
                            }
                            Ok(other) => {
                                held = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.append(group, bytes);
                }
                Order::Seal { reply } => {
                    let done = self.guarded(Self::seal);
                    answer(reply, done);
                }
                Order::Trim { keep_from, reply } => {
                    let done =
                        if self.failed { Err(JournalError::Failed) } else { self.trim(keep_from) };
                    answer(reply, done);
                }
            }
        }
    }

    fn append(&mut self, group: Vec<(Vec<Record>, Reply<Offset>)>, bytes: usize) {
        match self.guarded(|writer| writer.write(&group, bytes)) {
            Ok(mut first) => {
                for (batch, reply) in group {
                    let next = first + batch.len() as u64;
                    answer(reply, Ok(Offset(first)));
                    first = next;
                }
            }
            Err(error) => {
                for (_, reply) in group {
                    answer(reply, Err(same(&error)));
                }
            }
        }
    }

    /// Runs one step; where it fails on the disk, it was the last one.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if self.failed {
            return Err(JournalError::Failed);
        }
        let done = step(self);
        if let Err(error @ JournalError::Io { .. }) = &done {
            tracing::error!(error = error as &dyn std::error::Error, "the journal has failed");
            self.failed = true;
        }
        done
    }

    /// Writes a group of batches with one write and one sync; returns the offset of its first record.
    fn write(
        &mut self,
        group: &[(Vec<Record>, Reply<Offset>)],
        bytes: usize,
    ) -> Result<u64, JournalError> {
        self.check_room(bytes as u64)?;
        let open = self.open.as_ref().expect("there is one unless a step failed");
        let full = open.data_end + bytes as u64 > self.options.segment_bytes;
        if full && open.data_end > EMPTY_BYTES {
            self.seal()?;
        }
        let open = self.open.as_mut().expect("there is one unless a step failed");
        let first = open.next;
        self.buffer.clear();
        self.buffer.reserve(bytes);
        let mut marks = Vec::new();
        for (back, record) in group.iter().flat_map(|(batch, _)| batch).enumerate() {
            let at = open.data_end + self.buffer.len() as u64;
            let offset = first + back as u64;
            push_mark(&mut marks, Mark { offset, at });
            let back = u32::try_from(back).expect("a group is smaller than 4 G records");
            encode_record(&mut self.buffer, offset, back, record);
        }
        let end = open.data_end + self.buffer.len() as u64;
        let next = first + group.iter().map(|(batch, _)| batch.len() as u64).sum::<u64>();
        let (disk, place) = (&self.options.disk, &open.segment.path);
        if end > open.allocated {
            let wanted = end.next_multiple_of(self.options.allocate_bytes.max(1));
            disk.allocate(&open.file, wanted).map_err(|e| io("reserve room for", place, e))?;
            open.allocated = wanted;
        }
        disk.write_at(&open.file, &self.buffer, open.data_end)
            .map_err(|e| io("append to", place, e))?;
        disk.sync_data(&open.file).map_err(|e| io("sync", place, e))?;
        (open.next, open.data_end) = (next, end);
        open.segment.extend(next, end, &marks);
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        Ok(first)
    }

    fn check_room(&self, bytes: u64) -> Result<(), JournalError> {
        let reserved = self.options.reserved_bytes;
        let dir = &self.shared.dir;
        let free =
            self.options.disk.free_bytes(dir).map_err(|e| io("ask for free space of", dir, e))?;
        // What is written, and the room that may be taken ahead for it.
        let needed = reserved.saturating_add(bytes).saturating_add(self.options.allocate_bytes);
        if free < needed { Err(JournalError::NoRoom { free, reserved }) } else { Ok(()) }
    }

    /// Ends the open segment with its trailer, and begins another.
    fn seal(&mut self) -> Result<(), JournalError> {
        let disk = &self.options.disk;
        let Some(open) = self.open.as_ref().filter(|open| open.data_end > EMPTY_BYTES) else {
            return Ok(());
        };
        let place = &open.segment.path;
        let trailer = Trailer { data_end: open.data_end, next: open.next }.encode();
        let end = open.data_end + trailer.len() as u64;
        disk.write_at(&open.file, &trailer, open.data_end).map_err(|e| io("seal", place, e))?;
        disk.set_len(&open.file, end).map_err(|e| io("seal", place, e))?;
        disk.sync_all(&open.file).map_err(|e| io("sync", place, e))?;
        self.begin_segment()
    }

    /// Begins the segment after the last one. It gets its name only when it is whole, so that a header that does not
    /// fit is always damage.
    pub fn begin_segment(&mut self) -> Result<(), JournalError> {
        let disk = &self.options.disk;
        let dir = &self.shared.dir;
        let (id, first) = {
            let segments = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner);
            segments.last().map_or((1, 1), |last| (last.id + 1, last.extent().next))
        };
        let path = segment_path(dir, id);
        let unfinished: PathBuf = path.with_extension("new");
        let file = disk.create(&unfinished).map_err(|e| io("create", &unfinished, e))?;
        let allocated = self.options.allocate_bytes.max(EMPTY_BYTES);
        disk.allocate(&file, allocated).map_err(|e| io("reserve room for", &unfinished, e))?;
        disk.write_at(&file, &Header { id, first }.encode(), 0)
            .map_err(|e| io("begin", &unfinished, e))?;
        disk.sync_all(&file).map_err(|e| io("sync", &unfinished, e))?;
        disk.rename(&unfinished, &path).map_err(|e| io("name", &path, e))?;
        disk.sync_dir(dir).map_err(|e| io("sync", dir, e))?;
        let extent = Extent { next: first, data_end: EMPTY_BYTES, sealed: false };
        let segment = Arc::new(SegmentFile::new(id, first, path, extent, Some(Vec::new())));
        let mut segments = self.shared.segments.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = segments.last() {
            last.seal();
        }
        segments.push(Arc::clone(&segment));
        self.open =
            Some(OpenSegment { segment, file, next: first, data_end: EMPTY_BYTES, allocated });
        Ok(())
    }

    /// Deletes oldest first, so that what a crash leaves is still one run. A deletion that fails harms nothing: it is
    /// reported and the journal goes on.
    fn trim(&mut self, keep_from: Offset) -> Result<(), JournalError> {
        let disk = &self.options.disk;
        let doomed: Vec<Arc<SegmentFile>> = {
            let segments = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner);
            segments
                .iter()
                .take_while(|segment| {
                    let extent = segment.extent();
                    extent.sealed && extent.next <= keep_from.0
                })
                .cloned()
                .collect()
        };
        for segment in doomed {
            // Out of the list first: a reader that comes now is told that it is trimmed.
            self.shared.segments.write().unwrap_or_else(PoisonError::into_inner).remove(0);
            if let Err(error) = disk.remove(&segment.path) {
                let failed = io("delete", &segment.path, error);
                // Back into the list: were a later one deleted before it, a gap would be left.
                let mut list = self.shared.segments.write().unwrap_or_else(PoisonError::into_inner);
                list.insert(0, segment);
                return Err(failed);
            }
            disk.sync_dir(&self.shared.dir).map_err(|e| io("sync", &self.shared.dir, e))?;
        }
        Ok(())
    }
}

fn size_of_batch(batch: &[Record]) -> usize {
    batch.iter().map(|record| RECORD_HEAD_BYTES + record.payload.len()).sum()
}

/// Whoever asked may have stopped waiting; what was asked for is done all the same.
fn answer<T>(reply: Reply<T>, done: Result<T, JournalError>) {
    drop(reply.send(done));
}

fn io(doing: &'static str, place: &Path, source: io::Error) -> JournalError {
    JournalError::Io { doing, place: place.display().to_string(), source }
}

/// The same error for another of those who wait for one write.
fn same(error: &JournalError) -> JournalError {
    match error {
        JournalError::Io { doing, place, source } => JournalError::Io {
            doing,
            place: place.clone(),
            source: io::Error::new(source.kind(), source.to_string()),
        },
        JournalError::NoRoom { free, reserved } => {
            JournalError::NoRoom { free: *free, reserved: *reserved }
        }
        _ => JournalError::Failed,
    }
}
