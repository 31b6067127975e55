//! A file of chunks: written once under another name, then renamed; never changed.
//!
//! Chunks follow each other in the order of their keys; an index at the end says where each lies and which points it
//! spans, and a trailer of fixed size says where the index is. Each of the three has a checksum.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::bytes::{Corrupt, Read, Reader, corrupt, put_signed, put_varint};
use super::chunk::{Chunk, ChunkBytes, ChunkKey, checked};
use super::disk::{Disk, at, check_room};
use super::port::HistoryError;

const MAGIC: &[u8; 4] = b"ANLH";
const MAGIC_END: &[u8; 4] = b"HNLA";
const FILE_VERSION: u8 = 1;
const TRAILER: usize = 20;
const BUFFER: usize = 1 << 18;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Readings of some minutes, as journal segments brought them.
    Block = 0,
    /// Readings of an hour.
    Raw = 1,
    /// One-minute roll-ups of an hour or a day.
    Minutes = 2,
    /// One-hour roll-ups of an hour or a day.
    Hours = 3,
}

impl FileKind {
    /// From its number on disk.
    #[must_use]
    pub const fn from_number(n: u8) -> Option<Self> {
        Some(match n {
            0 => Self::Block,
            1 => Self::Raw,
            2 => Self::Minutes,
            3 => Self::Hours,
            _ => return None,
        })
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Raw => "raw",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
        }
    }
}

/// What the manifest knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// What it holds.
    pub kind: FileKind,
    /// Its number; a higher one is newer.
    pub number: u64,
    /// Start of its earliest chunk, UTC milliseconds.
    pub from_ms: i64,
    /// End of its latest span.
    pub to_ms: i64,
    /// Its size.
    pub size: u64,
}

impl FileMeta {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{:010}.anh", self.kind.word(), self.number)
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Group and start.
    pub key: ChunkKey,
    /// Lowest and highest point number in it.
    pub points: (u32, u32),
    /// From the front of the file.
    pub at: u64,
    /// Bytes.
    pub size: usize,
}

/// Writes a file of chunks.
pub struct FileWriter<'a> {
    disk: &'a dyn Disk,
    folder: PathBuf,
    kind: FileKind,
    number: u64,
    span_ms: i64,
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    written: u64,
    index: Vec<IndexEntry>,
    least_free: u64,
    /// Whether it may have its final name, so that it must stay.
    named: bool,
}

impl<'a> FileWriter<'a> {
    /// Begins a file whose chunks span `span_ms` each, and which leaves `least_free` bytes of the disk alone.
    pub fn create(
        disk: &'a dyn Disk,
        folder: &Path,
        kind: FileKind,
        number: u64,
        span_ms: i64,
        least_free: u64,
    ) -> Result<Self, HistoryError> {
        check_room(disk, folder, least_free, BUFFER as u64)?;
        let path = folder.join(format!("{}-{number:010}.new", kind.word()));
        let file = at("create", &path, disk.create(&path))?;
        let mut buffer = MAGIC.to_vec();
        buffer.extend_from_slice(&[FILE_VERSION, kind as u8, 0, 0]);
        let folder = folder.to_path_buf();
        Ok(Self {
            disk,
            folder,
            kind,
            number,
            span_ms,
            path,
            file,
            buffer,
            written: 0,
            index: Vec::new(),
            least_free,
            named: false,
        })
    }

    /// Whether nothing was put into it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Adds a chunk.
    pub fn put(
        &mut self,
        key: ChunkKey,
        points: (u32, u32),
        chunk: &[u8],
    ) -> Result<(), HistoryError> {
        let at = self.written + self.buffer.len() as u64;
        self.index.push(IndexEntry { key, points, at, size: chunk.len() });
        self.buffer.extend_from_slice(chunk);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), HistoryError> {
        check_room(self.disk, &self.folder, self.least_free, self.buffer.len() as u64)?;
        at("write", &self.path, self.disk.write(&mut self.file, &self.buffer))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes index and trailer, makes it durable and gives it its name. Unused until a manifest lists it.
    pub fn finish(mut self) -> Result<FileMeta, HistoryError> {
        let mut order: Vec<usize> = (0..self.index.len()).collect();
        order.sort_by_key(|i| (self.index[*i].key, self.index[*i].points.0));
        let index_at = self.written + self.buffer.len() as u64;
        let mut index = Vec::new();
        put_varint(&mut index, order.len() as u64);
        for i in order {
            let entry = &self.index[i];
            put_varint(&mut index, u64::from(entry.key.group));
            put_signed(&mut index, entry.key.start_ms);
            put_varint(&mut index, u64::from(entry.points.0));
            put_varint(&mut index, u64::from(entry.points.1));
            put_varint(&mut index, entry.at);
            put_varint(&mut index, entry.size as u64);
        }
        let crc = crc32fast::hash(&index);
        index.extend_from_slice(&crc.to_le_bytes());
        let mut trailer = Vec::with_capacity(TRAILER);
        trailer.extend_from_slice(&index_at.to_le_bytes());
        trailer.extend_from_slice(&(index.len() as u32).to_le_bytes());
        let crc = crc32fast::hash(&trailer);
        trailer.extend_from_slice(&crc.to_le_bytes());
        trailer.extend_from_slice(MAGIC_END);
        self.buffer.extend_from_slice(&index);
        self.buffer.extend_from_slice(&trailer);
        self.flush()?;
        at("sync", &self.path, self.disk.sync(&self.file))?;
        let meta = FileMeta {
            kind: self.kind,
            number: self.number,
            from_ms: self.index.iter().map(|e| e.key.start_ms).min().unwrap_or(0),
            to_ms: self
                .index
                .iter()
                .map(|e| e.key.start_ms.saturating_add(self.span_ms))
                .max()
                .unwrap_or(0),
            size: self.written,
        };
        let path = self.folder.join(meta.name());
        self.named = true;
        at("rename", &self.path, self.disk.rename(&self.path, &path))?;
        Ok(meta)
    }
}

impl Drop for FileWriter<'_> {
    /// What was not finished is not left in the way: on a full disk it would be the last straw.
    fn drop(&mut self) {
        if !self.named
            && let Err(e) = self.disk.remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), error = %e, "cannot remove an unfinished history file; it goes when the folder is next opened");
        }
    }
}

/// A file that a manifest lists. Opened when read, so that thousands of them hold no descriptor.
#[derive(Debug)]
pub struct StoredFile {
    /// What the manifest says.
    pub meta: FileMeta,
    path: PathBuf,
    index: OnceLock<Vec<IndexEntry>>,
}

/// Bytes of one chunk in an open file.
pub struct InFile {
    file: Arc<File>,
    at: u64,
    size: usize,
}

impl ChunkBytes for InFile {
    fn bytes(&self, at: usize, size: usize) -> Read<Vec<u8>> {
        if at.saturating_add(size) > self.size {
            return corrupt("a part beyond the end of its chunk");
        }
        let mut bytes = vec![0; size];
        match self.file.read_exact_at(&mut bytes, self.at + at as u64) {
            Ok(()) => Ok(bytes),
            Err(e) => corrupt(format!("cannot read: {e}")),
        }
    }
}

/// A file open for reading.
pub struct OpenFile<'a> {
    stored: &'a StoredFile,
    file: Arc<File>,
}

impl StoredFile {
    /// Refers to a listed file.
    #[must_use]
    pub fn new(folder: &Path, meta: FileMeta) -> Self {
        Self { meta, path: folder.join(meta.name()), index: OnceLock::new() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it.
    pub fn open(&self) -> Result<OpenFile<'_>, HistoryError> {
        let file = Arc::new(at("open", &self.path, File::open(&self.path))?);
        Ok(OpenFile { stored: self, file })
    }

    /// Says where a damage lies.
    pub fn damaged(&self, offset: u64, what: &Corrupt) -> HistoryError {
        HistoryError::Damaged {
            path: self.path.display().to_string(),
            offset,
            what: what.0.clone(),
        }
    }

    /// The index, read once.
    pub fn index(&self) -> Result<&[IndexEntry], HistoryError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let open = self.open()?;
        let index = self.read_index(&open.file).map_err(|e| self.damaged(0, &e))?;
        Ok(self.index.get_or_init(|| index))
    }

    fn read_index(&self, file: &Arc<File>) -> Read<Vec<IndexEntry>> {
        let size = file.metadata().map_err(|e| Corrupt(format!("cannot read: {e}")))?.len();
        if size != self.meta.size {
            return corrupt(format!("{size} bytes long, {} were written", self.meta.size));
        }
        let whole = InFile { file: file.clone(), at: 0, size: size as usize };
        let front = whole.bytes(0, 8)?;
        if &front[..4] != MAGIC || front[5] != self.meta.kind as u8 {
            return corrupt("the front is not that of such a file");
        }
        if front[4] != FILE_VERSION {
            return corrupt(format!(
                "file version {}, this program reads {FILE_VERSION}",
                front[4]
            ));
        }
        if front[6..8] != [0, 0] {
            return corrupt("reserved bytes are set");
        }
        let Some(trailer_at) = (size as usize).checked_sub(TRAILER) else {
            return corrupt("too short");
        };
        let trailer = whole.bytes(trailer_at, TRAILER)?;
        if &trailer[16..] != MAGIC_END {
            return corrupt("the end is not that of such a file");
        }
        let place = checked(trailer[..16].to_vec())?;
        let mut reader = Reader::new(&place);
        let (index_at, index_size) = (reader.u64()?, reader.u32()?);
        let index_at = usize::try_from(index_at).unwrap_or(usize::MAX);
        let bytes = checked(whole.bytes(index_at, index_size as usize)?)?;
        let mut reader = Reader::new(&bytes);
        let count = reader.count(bytes.len())?;
        let mut index = Vec::with_capacity(count);
        for _ in 0..count {
            let small = |v: u64| u32::try_from(v).unwrap_or(u32::MAX);
            let group = small(reader.varint()?);
            let key = ChunkKey { group, start_ms: reader.signed()? };
            let points = (small(reader.varint()?), small(reader.varint()?));
            let (at, size) = (reader.varint()?, reader.count(index_at)?);
            if at.saturating_add(size as u64) > index_at as u64 {
                return corrupt("a chunk beyond the index");
            }
            index.push(IndexEntry { key, points, at, size });
        }
        Ok(index)
    }

    /// Entries of a group that start in `from..to`.
    pub fn entries(&self, group: u32, from: i64, to: i64) -> Result<&[IndexEntry], HistoryError> {
        let index = self.index()?;
        let begin = index.partition_point(|e| e.key < ChunkKey { group, start_ms: from });
        let end = index.partition_point(|e| e.key < ChunkKey { group, start_ms: to });
        Ok(&index[begin..end.max(begin)])
    }
}

impl OpenFile<'_> {
    /// Opens a chunk in place: only what is asked for is read.
    pub fn chunk(&self, entry: &IndexEntry) -> Result<Chunk<InFile>, HistoryError> {
        let bytes = InFile { file: self.file.clone(), at: entry.at, size: entry.size };
        let chunk =
            Chunk::open(bytes, entry.size).map_err(|e| self.stored.damaged(entry.at, &e))?;
        if chunk.head.key != entry.key {
            return Err(self
                .stored
                .damaged(entry.at, &Corrupt("another chunk than the index says".into())));
        }
        Ok(chunk)
    }

    /// A chunk's bytes as they are.
    pub fn bytes(&self, entry: &IndexEntry) -> Result<Vec<u8>, HistoryError> {
        let bytes = InFile { file: self.file.clone(), at: entry.at, size: entry.size };
        bytes.bytes(0, entry.size).map_err(|e| self.stored.damaged(entry.at, &e))
    }
}
