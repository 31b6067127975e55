//! One segment as readers see it: where its records are, how far they are durable, and a sparse index into them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use bytes::Bytes;

use crate::journal::format::{
    Decoded, HEADER_BYTES, RECORD_HEAD_BYTES, TRAILER_BYTES, decode_record,
};
use crate::journal::{JournalError, Offset, Record, Segment};

/// Distance in bytes between two entries of the sparse index: what a reader skips at most.
pub const INDEX_STEP_BYTES: u64 = 32 << 10;
/// Bytes read at a time where the records allow it.
const READ_BYTES: usize = 256 << 10;

/// A place in a segment: a record's offset and the byte at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The record.
    pub offset: u64,
    /// Its first byte in the file.
    pub at: u64,
}

/// How far a segment is durable. Readers never look beyond.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// One past the last durable record.
    pub next: u64,
    /// One past its last byte.
    pub data_end: u64,
    /// Nothing is appended any more.
    pub sealed: bool,
}

/// One segment.
#[derive(Debug)]
pub struct SegmentFile {
    /// Its number.
    pub id: u64,
    /// Its first offset.
    pub first: u64,
    /// Where it lies.
    pub path: PathBuf,
    extent: RwLock<Extent>,
    /// Marks about [`INDEX_STEP_BYTES`] apart; `None` until the first reader of a segment found at start asks.
    index: Mutex<Option<Vec<Mark>>>,
}

impl SegmentFile {
    /// A segment with its extent, and its index if that is known already.
    pub fn new(
        id: u64,
        first: u64,
        path: PathBuf,
        extent: Extent,
        index: Option<Vec<Mark>>,
    ) -> Self {
        Self { id, first, path, extent: RwLock::new(extent), index: Mutex::new(index) }
    }

    /// How far it is durable.
    pub fn extent(&self) -> Extent {
        *self.extent.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that more is durable, with the marks of what was added.
    pub fn extend(&self, next: u64, data_end: u64, marks: &[Mark]) {
        if let Some(index) = self.index.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            for mark in marks {
                push_mark(index, *mark);
            }
        }
        let mut extent = self.extent.write().unwrap_or_else(PoisonError::into_inner);
        extent.next = next;
        extent.data_end = data_end;
    }

    /// Says that nothing more will come.
    pub fn seal(&self) {
        self.extent.write().unwrap_or_else(PoisonError::into_inner).sealed = true;
    }

    /// What the port shows of it.
    pub fn describe(&self) -> Segment {
        let extent = self.extent();
        Segment {
            id: self.id,
            first: Offset(self.first),
            next: Offset(extent.next),
            sealed: extent.sealed,
            bytes: extent.data_end + if extent.sealed { TRAILER_BYTES as u64 } else { 0 },
        }
    }

    /// Reads records from `from` on into `out` until the segment's durable end or a limit. Returns whether a limit was
    /// reached.
    pub fn read(
        &self,
        from: u64,
        out: &mut Vec<(Offset, Record)>,
        max_records: usize,
        bytes_left: &mut usize,
    ) -> Result<bool, JournalError> {
        let extent = self.extent();
        if from >= extent.next {
            return Ok(false);
        }
        let file = File::open(&self.path).map_err(|e| self.io("open", e))?;
        let mark = self.mark_before(&file, from, extent)?;
        let mut reader = Reader::new(self, &file, mark, extent);
        while reader.next_offset() < extent.next {
            let offset = reader.next_offset();
            let size_hint = if offset >= from { *bytes_left } else { INDEX_STEP_BYTES as usize };
            let record = reader.record(size_hint)?;
            if offset < from {
                continue;
            }
            let size = RECORD_HEAD_BYTES + record.payload.len();
            if out.len() >= max_records || (!out.is_empty() && size > *bytes_left) {
                return Ok(true);
            }
            *bytes_left = bytes_left.saturating_sub(size);
            out.push((Offset(offset), record));
            if out.len() >= max_records || *bytes_left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The last mark at or before `from`, building the index first where there is none.
    fn mark_before(&self, file: &File, from: u64, extent: Extent) -> Result<Mark, JournalError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = match index.as_mut() {
            Some(marks) => marks,
            None => index.insert(self.build_index(file, extent)?),
        };
        let begin = Mark { offset: self.first, at: HEADER_BYTES as u64 };
        let after = marks.partition_point(|mark| mark.offset <= from);
        Ok(if after == 0 { begin } else { marks[after - 1] })
    }

    /// Marks up to the end, or up to the first damage: whoever reads there is told of it.
    fn build_index(&self, file: &File, extent: Extent) -> Result<Vec<Mark>, JournalError> {
        let mut marks = Vec::new();
        let begin = Mark { offset: self.first, at: HEADER_BYTES as u64 };
        let mut reader = Reader::new(self, file, begin, extent);
        while reader.next_offset() < extent.next {
            let mark = reader.place();
            match reader.record(READ_BYTES) {
                Ok(_) => push_mark(&mut marks, mark),
                Err(JournalError::Damaged { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(marks)
    }

    fn io(&self, doing: &'static str, source: std::io::Error) -> JournalError {
        JournalError::Io { doing, place: self.path.display().to_string(), source }
    }
}

/// Adds a mark if the last one is far enough away.
pub fn push_mark(marks: &mut Vec<Mark>, mark: Mark) {
    if marks.last().is_none_or(|last| last.at + INDEX_STEP_BYTES <= mark.at) {
        marks.push(mark);
    }
}

/// Walks the records of a segment from a mark on.
struct Reader<'a> {
    segment: &'a SegmentFile,
    file: &'a File,
    extent: Extent,
    /// Bytes of the file from `base` on.
    window: Bytes,
    base: u64,
    /// Next record within the window.
    at: usize,
    next: u64,
}

impl<'a> Reader<'a> {
    fn new(segment: &'a SegmentFile, file: &'a File, mark: Mark, extent: Extent) -> Self {
        let (base, next) = (mark.at, mark.offset);
        Self { segment, file, extent, window: Bytes::new(), base, at: 0, next }
    }

    fn next_offset(&self) -> u64 {
        self.next
    }

    fn place(&self) -> Mark {
        Mark { offset: self.next, at: self.base + self.at as u64 }
    }

    /// The next record; there must be one. `wanted` is about how much the caller will read on.
    fn record(&mut self, wanted: usize) -> Result<Record, JournalError> {
        loop {
            let needed = match decode_record(&self.window, self.at, self.next) {
                Decoded::Record(record, size) => {
                    self.at += size;
                    self.next += 1;
                    return Ok(record);
                }
                Decoded::Bad(what) => return Err(self.damaged(what)),
                Decoded::Short(needed) => needed,
            };
            let begin = self.base + self.at as u64;
            let left =
                usize::try_from(self.extent.data_end.saturating_sub(begin)).unwrap_or(usize::MAX);
            if left < needed {
                return Err(self.damaged("the records end before they should"));
            }
            let size = needed.max(wanted.min(READ_BYTES)).min(left);
            let mut window = vec![0; size];
            self.file.read_exact_at(&mut window, begin).map_err(|e| {
                if e.kind() == std::io::ErrorKind::UnexpectedEof {
                    self.damaged("the file ends before its records do")
                } else {
                    self.segment.io("read", e)
                }
            })?;
            (self.window, self.base, self.at) = (window.into(), begin, 0);
        }
    }

    fn damaged(&self, what: &'static str) -> JournalError {
        JournalError::Damaged {
            place: self.segment.path.display().to_string(),
            at: self.base + self.at as u64,
            what,
        }
    }
}
