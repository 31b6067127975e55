//! One file of the spool: frames of one (boot, lane), one after the other.
//!
//! The name says which: `NUMBER-BOOT-LANE.frames`, the number in 16 hexadecimal digits so that names sort by age. Reading a
//! file back never trusts a length: a frame counts when its check sum fits, and after a damaged spot the search goes on
//! byte by byte for the next magic that begins a whole frame.
//!
//! A segment that the disk refused lies in memory instead, in the same form, until it can be written.
//!
//! Only the file that grows is kept open. A large spool has thousands of files, and a process may often open no more than
//! 1,024; so the others are opened for each reading, which costs microseconds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anlan_domain::uplink::{
    self, Boot, HEADER_LEN, Header, Kind, Lane, MAGIC, ReadingsView, TRAILER_LEN,
};

const EXTENSION: &str = "frames";

/// A frame within its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameAt {
    pub seq: u64,
    pub len: u32,
    offset: u64,
    acknowledged: bool,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub boot: Boot,
    pub lane: Lane,
    /// Where it lies, or would lie if the disk had taken it.
    pub path: PathBuf,
    pub len: u64,
    /// Bytes that the disk has given to it already, whether written or not.
    pub allocated: u64,
    /// It was the reserve of its lane.
    pub from_reserve: bool,
    /// Frames without acknowledgement, and their bytes.
    pub waiting: usize,
    pub waiting_bytes: u64,
    pub tables: BTreeSet<u64>,
    /// Where it grows.
    file: Option<File>,
    /// Its bytes, where the disk refused them.
    memory: Option<Vec<u8>>,
    pub unsynced: bool,
    frames: Vec<FrameAt>,
    /// No frame before this one waits: acknowledgements come in order, mostly.
    first_waiting: usize,
}

/// The number in a segment's name; `None` for any other file.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    if path.extension()? != EXTENSION {
        return None;
    }
    u64::from_str_radix(path.file_stem()?.to_str()?.split('-').next()?, 16).ok()
}

fn path_of(dir: &Path, number: u64, boot: Boot, lane: Lane) -> PathBuf {
    let mut name = format!("{number:016x}-");
    for byte in boot.0 {
        write!(name, "{byte:02x}").expect("writing to memory does not fail");
    }
    dir.join(format!("{name}-{}.{EXTENSION}", lane.byte()))
}

impl Segment {
    pub fn create(dir: &Path, number: u64, boot: Boot, lane: Lane) -> io::Result<Self> {
        let path = path_of(dir, number, boot, lane);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { file: Some(file), ..Self::empty(boot, lane, path) })
    }

    /// Makes a segment of a file that has `allocated` bytes and is empty.
    pub fn adopt(
        from: &Path,
        allocated: u64,
        dir: &Path,
        number: u64,
        boot: Boot,
        lane: Lane,
    ) -> io::Result<Self> {
        let path = path_of(dir, number, boot, lane);
        let file = OpenOptions::new().read(true).write(true).open(from)?;
        std::fs::rename(from, &path)?;
        let from_reserve = true;
        Ok(Self { file: Some(file), allocated, from_reserve, ..Self::empty(boot, lane, path) })
    }

    /// A segment that the disk refused.
    pub fn in_memory(dir: &Path, number: u64, boot: Boot, lane: Lane) -> Self {
        let path = path_of(dir, number, boot, lane);
        Self { memory: Some(Vec::new()), ..Self::empty(boot, lane, path) }
    }

    pub const fn is_in_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Writes what was kept in memory to the disk after all. Where that fails it stays there.
    pub fn unload(&mut self) -> io::Result<()> {
        let Some(bytes) = &self.memory else { return Ok(()) };
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&self.path);
        let written = open.and_then(|file| file.write_all_at(bytes, 0).map(|()| file));
        match written {
            Ok(file) => self.file = Some(file),
            Err(error) => {
                // Half of it would be in the way of who needs the room. It may not be there at all.
                drop(std::fs::remove_file(&self.path));
                return Err(error);
            }
        }
        self.memory = None;
        self.allocated = self.len;
        self.unsynced = true;
        Ok(())
    }

    fn empty(boot: Boot, lane: Lane, path: PathBuf) -> Self {
        Self {
            boot,
            lane,
            path,
            len: 0,
            allocated: 0,
            from_reserve: false,
            waiting: 0,
            waiting_bytes: 0,
            tables: BTreeSet::new(),
            file: None,
            memory: None,
            unsynced: false,
            frames: Vec::new(),
            first_waiting: 0,
        }
    }

    /// Reads a file back; `None` where no whole frame is in it. Also says how many bytes belong to none.
    pub fn recover(path: &Path) -> io::Result<(Option<Self>, u64)> {
        let bytes = std::fs::read(path)?;
        let mut segment: Option<Self> = None;
        let mut at = 0;
        let mut damaged = 0;
        while at < bytes.len() {
            let Some((header, payload, len)) = frame_at(&bytes[at..]) else {
                damaged += 1;
                at += 1;
                continue;
            };
            // The frames themselves say whose they are; the name is for people.
            let segment = segment
                .get_or_insert_with(|| Self::empty(header.boot, header.lane, path.to_owned()));
            if (header.boot, header.lane) == (segment.boot, segment.lane) {
                let table = match header.kind {
                    Kind::Readings => ReadingsView::new(payload).ok().map(|view| view.table),
                    _ => None,
                };
                segment.note(header.seq, table, at as u64, len);
            }
            at += len;
        }
        if let Some(segment) = &mut segment {
            segment.len = bytes.len() as u64;
            segment.allocated = segment.len;
        }
        Ok((segment, damaged))
    }

    fn note(&mut self, seq: u64, table: Option<u64>, offset: u64, len: usize) {
        let len = u32::try_from(len).expect("a frame is bounded");
        self.frames.push(FrameAt { seq, len, offset, acknowledged: false });
        self.tables.extend(table);
        self.waiting += 1;
        self.waiting_bytes += u64::from(len);
    }

    pub fn append(&mut self, seq: u64, table: Option<u64>, frame: &[u8]) -> io::Result<()> {
        if let Some(memory) = &mut self.memory {
            memory.extend_from_slice(frame);
            self.note(seq, table, self.len, frame.len());
            self.len += frame.len() as u64;
            return Ok(());
        }
        // At the known end, so that what a failed write left behind is written over.
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(OpenOptions::new().write(true).open(&self.path)?),
        };
        file.write_all_at(frame, self.len)?;
        self.note(seq, table, self.len, frame.len());
        self.len += frame.len() as u64;
        self.allocated = self.allocated.max(self.len);
        self.unsynced = true;
        Ok(())
    }

    /// It will not grow any more. Says how many bytes it gives back that it has not used.
    pub fn close(&mut self) -> u64 {
        let Some(file) = self.file.take() else { return 0 };
        // What cannot be given back now goes with the file.
        if self.allocated == self.len || file.set_len(self.len).is_err() {
            return 0;
        }
        std::mem::replace(&mut self.allocated, self.len) - self.len
    }

    pub fn acknowledge(&mut self, from: u64, to: u64) {
        for frame in &mut self.frames[self.first_waiting..] {
            if !frame.acknowledged && (from..=to).contains(&frame.seq) {
                frame.acknowledged = true;
                self.waiting -= 1;
                self.waiting_bytes -= u64::from(frame.len);
            }
            if frame.seq > to {
                break;
            }
        }
        while self.frames.get(self.first_waiting).is_some_and(|frame| frame.acknowledged) {
            self.first_waiting += 1;
        }
    }

    pub fn next_waiting(&self, from: usize) -> Option<(usize, FrameAt)> {
        let start = from.max(self.first_waiting);
        let rest = self.frames.get(start..)?;
        rest.iter().position(|frame| !frame.acknowledged).map(|i| (start + i, rest[i]))
    }

    pub fn last(&self) -> Option<(usize, FrameAt)> {
        self.frames.last().map(|&frame| (self.frames.len() - 1, frame))
    }

    pub fn read(&self, index: usize) -> io::Result<Vec<u8>> {
        let frame = self.frames[index];
        if let Some(memory) = &self.memory {
            let start = usize::try_from(frame.offset).expect("it is in memory");
            return Ok(memory[start..start + frame.len as usize].to_vec());
        }
        let mut bytes = vec![0; frame.len as usize];
        match &self.file {
            Some(file) => file.read_exact_at(&mut bytes, frame.offset)?,
            None => File::open(&self.path)?.read_exact_at(&mut bytes, frame.offset)?,
        }
        Ok(bytes)
    }

    /// Gives up the waiting frames that refer to a point table; says how many there were.
    pub fn drop_table(&mut self, table: u64) -> u64 {
        if !self.tables.remove(&table) {
            return 0;
        }
        let refers = |index| match self.read(index) {
            Ok(bytes) => frame_at(&bytes).is_none_or(|(header, payload, _)| {
                header.kind == Kind::Readings
                    && ReadingsView::new(payload).is_ok_and(|view| view.table == table)
            }),
            // What cannot be read cannot be sent either.
            Err(_) => true,
        };
        let lost: Vec<u64> = (self.first_waiting..self.frames.len())
            .filter(|&index| !self.frames[index].acknowledged && refers(index))
            .map(|index| self.frames[index].seq)
            .collect();
        lost.iter().for_each(|&seq| self.acknowledge(seq, seq));
        lost.len() as u64
    }
}

/// The frame that `bytes` begin with, if they begin with a whole one.
fn frame_at(bytes: &[u8]) -> Option<(Header, &[u8], usize)> {
    let [low, high] = MAGIC.to_le_bytes();
    if bytes.len() < HEADER_LEN + TRAILER_LEN || bytes[0] != low || bytes[1] != high {
        return None;
    }
    let payload =
        u32::from_le_bytes(bytes[HEADER_LEN - 4..HEADER_LEN].try_into().expect("four bytes"))
            as usize;
    let len = HEADER_LEN.checked_add(payload)?.checked_add(TRAILER_LEN)?;
    let (header, payload) = uplink::open(bytes.get(..len)?).ok()?;
    Some((header, payload, len))
}
