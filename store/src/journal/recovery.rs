//! Finds out what a journal directory holds after any kind of end.
//!
//! Every segment but the last must be whole. The last may end in a write that a crash tore: it is cut off there, and
//! only there. Anything else is damage, and opening fails with the file and the byte: a person decides, nothing is
//! skipped.
//!
//! What is found may be no more than what a killed process left in the page cache: it is synced, names included, before
//! anybody reads it or anything is built on it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::journal::JournalError;
use crate::journal::disk::Disk;
use crate::journal::format::{
    Decoded, HEADER_BYTES, Header, TRAILER_BYTES, Trailer, decode_record, was_durable_once,
};
use crate::journal::segment::{Extent, Mark, SegmentFile, push_mark};

/// What recovery found.
pub struct Recovered {
    /// Every segment, oldest first.
    pub segments: Vec<Arc<SegmentFile>>,
    /// The file of the last one, for writing, where it is not sealed.
    pub open: Option<File>,
}

/// Name of a segment's file.
#[must_use]
pub fn segment_path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:012}.journal"))
}

/// Reads a directory and makes what it found durable.
pub fn recover(dir: &Path, disk: &dyn Disk) -> Result<Recovered, JournalError> {
    let mut ids = list(dir, disk)?;
    ids.sort_unstable();
    let mut segments: Vec<Arc<SegmentFile>> = Vec::with_capacity(ids.len());
    let mut open = None;
    for (nth, &id) in ids.iter().enumerate() {
        let path = segment_path(dir, id);
        let damaged = |at, what| damaged(&path, at, what);
        let last = nth + 1 == ids.len();
        let file = OpenOptions::new()
            .read(true)
            .write(last)
            .open(&path)
            .map_err(|e| io("open", &path, e))?;
        let bytes = file.metadata().map_err(|e| io("examine", &path, e))?.len();
        let header = read_header(&file, bytes, &path)?;
        if header.id != id {
            return Err(damaged(16, "the header carries another segment's number"));
        }
        if let Some(before) = segments.last() {
            if before.id + 1 != id {
                return Err(damaged(0, "a segment before this one is missing"));
            }
            if before.extent().next != header.first {
                return Err(damaged(24, "the segment does not continue the one before it"));
            }
        }
        let segment = match read_trailer(&file, bytes, &path)? {
            Some(Trailer { data_end, next }) if next >= header.first => {
                if last {
                    disk.sync_all(&file).map_err(|e| io("sync", &path, e))?;
                }
                let extent = Extent { next, data_end, sealed: true };
                SegmentFile::new(id, header.first, path, extent, None)
            }
            _ if !last => {
                let end = bytes.saturating_sub(TRAILER_BYTES as u64);
                return Err(damaged(end, "a sealed segment does not end in its trailer"));
            }
            _ => {
                let segment = recover_tail(&file, bytes, header, path, disk)?;
                open = Some(file);
                segment
            }
        };
        segments.push(Arc::new(segment));
    }
    disk.sync_dir(dir).map_err(|e| io("sync", dir, e))?;
    Ok(Recovered { segments, open })
}

/// Numbers of the segments in a directory. Files that were never finished are removed.
fn list(dir: &Path, disk: &dyn Disk) -> Result<Vec<u64>, JournalError> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| io("list", dir, e))? {
        let path = entry.map_err(|e| io("list", dir, e))?.path();
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        match path.extension().and_then(|e| e.to_str()) {
            Some("journal") => ids.push(
                stem.parse()
                    .map_err(|_| damaged(&path, 0, "the name of the file is no segment's"))?,
            ),
            Some("new") => {
                disk.remove(&path).map_err(|e| io("remove", &path, e))?;
            }
            _ => {}
        }
    }
    Ok(ids)
}

fn read_header(file: &File, bytes: u64, path: &Path) -> Result<Header, JournalError> {
    let mut head = [0; HEADER_BYTES];
    if bytes < HEADER_BYTES as u64 {
        return Err(damaged(path, bytes, "the file ends within its header"));
    }
    file.read_exact_at(&mut head, 0).map_err(|e| io("read", path, e))?;
    Header::decode(&head).map_err(|(at, what)| damaged(path, at, what))
}

fn read_trailer(file: &File, bytes: u64, path: &Path) -> Result<Option<Trailer>, JournalError> {
    if bytes < (HEADER_BYTES + TRAILER_BYTES) as u64 {
        return Ok(None);
    }
    let mut tail = [0; TRAILER_BYTES];
    file.read_exact_at(&mut tail, bytes - TRAILER_BYTES as u64).map_err(|e| io("read", path, e))?;
    Ok(Trailer::decode(&tail, bytes))
}

/// Walks the open segment, cuts a torn write off, and makes the rest durable.
fn recover_tail(
    file: &File,
    bytes: u64,
    header: Header,
    path: PathBuf,
    disk: &dyn Disk,
) -> Result<SegmentFile, JournalError> {
    let mut contents = vec![0; usize::try_from(bytes).expect("a segment fits into memory")];
    file.read_exact_at(&mut contents, 0).map_err(|e| io("read", &path, e))?;
    let contents = Bytes::from(contents);
    let (mut at, mut next) = (HEADER_BYTES, header.first);
    let mut marks = Vec::new();
    while let Decoded::Record(_, size) = decode_record(&contents, at, next) {
        push_mark(&mut marks, Mark { offset: next, at: at as u64 });
        at += size;
        next += 1;
    }
    let rest = &contents[at..];
    let torn = rest.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    if torn > 0 {
        if was_durable_once(rest, next) {
            return Err(damaged(&path, at as u64, "a record that was durable is not whole"));
        }
        tracing::warn!(
            journal.segment = header.id,
            journal.offset = next,
            bytes = torn,
            "the last write to the journal was not finished; it is cut off"
        );
    }
    disk.set_len(file, at as u64).map_err(|e| io("cut", &path, e))?;
    disk.sync_all(file).map_err(|e| io("sync", &path, e))?;
    let extent = Extent { next, data_end: at as u64, sealed: false };
    Ok(SegmentFile::new(header.id, header.first, path, extent, Some(marks)))
}

fn io(doing: &'static str, place: &Path, source: std::io::Error) -> JournalError {
    JournalError::Io { doing, place: place.display().to_string(), source }
}

fn damaged(place: &Path, at: u64, what: &'static str) -> JournalError {
    JournalError::Damaged { place: place.display().to_string(), at, what }
}
