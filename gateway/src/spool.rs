//! The gateway's disk: every frame is here from its sealing until the center has made it durable.
//!
//! Frames lie one after the other in segment files, exactly as they go over the wire; a frame's own length and check sum
//! are the record format. One file belongs to one (boot, lane) and is deleted whole when its last frame is acknowledged.
//! Nothing is ever rewritten: after a crash the torn tail of the newest file is cut off by the check sum, and whatever lies
//! behind a damaged spot is found again by searching for the next frame.
//!
//! Durability: a frame is handed to the operating system before it is sent, so a killed process loses nothing. `fdatasync`
//! runs once a second and at shutdown ([`Spool::unsynced`]); a segment for which it failed is synced again. So a power cut loses at most the last second of frames, and of
//! those only what the center has not acknowledged.
//!
//! The space is bounded. When it is spent, the oldest segment of the back-fill lane goes, and its frames are counted; live
//! frames go only when there is no back-fill left, which takes a center that acknowledges nothing for the whole capacity.
//!
//! A disk that refuses, because another program has filled it or because it is broken, costs no waiting frame and does not
//! blind the center: what it refuses goes into room put aside for that, then into memory (`spool/refused.rs`).

mod refused;
mod room;
mod segment;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anlan_domain::uplink::{Boot, Lane, MAX_FRAME};

pub use refused::Refused;
pub use room::{AsTheDiskSays, Room};

use refused::Trouble;
use room::Dropped;
use segment::Segment;

/// A wholly acknowledged active segment is replaced when it has grown to this, so that a restart finds little to resend.
const WORN_OUT: u64 = 256 * 1024;

/// Where a frame lies: segments are numbered by age, frames within one by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    segment: u64,
    index: usize,
}

/// A frame that waits for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Where it lies.
    pub place: Place,
    /// Boot that sealed it.
    pub boot: Boot,
    /// Its sequence number.
    pub seq: u64,
    /// Its length.
    pub len: u32,
}

/// What opening found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Frames that wait for their acknowledgement.
    pub frames: u64,
    /// Bytes that belong to no whole frame: a torn tail, or damage.
    pub damaged_bytes: u64,
}

/// A segment that was written to and may not have reached the disk itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsynced {
    segment: u64,
    path: PathBuf,
}

impl Unsynced {
    /// Brings it to the disk; may block.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> io::Result<()> {
        match File::open(&self.path) {
            Ok(file) => file.sync_data(),
            // Acknowledged and deleted meanwhile: there is nothing left to keep.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The frames on disk.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    capacity: u64,
    segment_size: u64,
    segments: BTreeMap<u64, Segment>,
    /// The segment that grows, per lane of this boot.
    active: BTreeMap<(Boot, Lane), u64>,
    bytes: u64,
    next_segment: u64,
    dropped: Dropped,
    room: Arc<dyn Room>,
    trouble: Trouble,
}

impl Spool {
    /// Opens the spool in `dir`, which is made where missing.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read.
    pub fn open(dir: &Path, capacity: u64) -> io::Result<(Self, Recovery)> {
        Self::open_in(dir, capacity, Arc::new(AsTheDiskSays))
    }

    /// Opens the spool in `dir` on a disk that has no more than this room.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read.
    pub fn open_in(dir: &Path, capacity: u64, room: Arc<dyn Room>) -> io::Result<(Self, Recovery)> {
        fs::create_dir_all(dir)?;
        let mut spool = Self {
            dir: dir.to_owned(),
            capacity,
            segment_size: (capacity / 16).clamp(4 * 1024, 8 * 1024 * 1024),
            segments: BTreeMap::new(),
            active: BTreeMap::new(),
            bytes: 0,
            next_segment: 1,
            dropped: Dropped::open(dir),
            room,
            trouble: Trouble::of(capacity),
        };
        let mut recovery = Recovery::default();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let Some(number) = segment::number_of(&path) else { continue };
            let (segment, damaged) = Segment::recover(&path)?;
            spool.next_segment = spool.next_segment.max(number + 1);
            recovery.damaged_bytes += damaged;
            match segment {
                Some(segment) => {
                    recovery.frames += segment.waiting as u64;
                    spool.bytes += segment.len;
                    spool.segments.insert(number, segment);
                }
                None => fs::remove_file(&path)?,
            }
        }
        spool.put_aside();
        Ok((spool, recovery))
    }

    /// Keeps a sealed frame: on the disk, making room where the capacity is spent, or where the disk refuses it, in memory.
    ///
    /// # Errors
    /// When there is no place for it at all; the frame is then counted as dropped.
    pub fn append(
        &mut self,
        boot: Boot,
        lane: Lane,
        seq: u64,
        table: Option<u64>,
        frame: &[u8],
    ) -> io::Result<()> {
        assert!(frame.len() <= MAX_FRAME, "sealed frames are bounded");
        // In memory once, in memory until that is on the disk: so the order within a lane stays.
        let last = self.active.get(&(boot, lane)).and_then(|n| self.segments.get(n));
        if !last.is_some_and(Segment::is_in_memory) {
            match self.try_append(boot, lane, seq, table, frame) {
                Ok(()) => return Ok(()),
                Err(error) => self.is_refused(&error),
            }
            if self.append_to_reserve(boot, lane, seq, table, frame) {
                return Ok(());
            }
        }
        self.append_in_memory(boot, lane, seq, table, frame)
    }

    fn try_append(
        &mut self,
        boot: Boot,
        lane: Lane,
        seq: u64,
        table: Option<u64>,
        frame: &[u8],
    ) -> io::Result<()> {
        let key = (boot, lane);
        let fits = |s: &Segment| s.len == 0 || s.len + frame.len() as u64 <= self.segment_size;
        let number = match self.active.get(&key) {
            Some(&number) if self.segments.get(&number).is_some_and(fits) => number,
            _ => {
                let segment = Segment::create(&self.dir, self.next_segment, boot, lane)?;
                self.begin(segment)
            }
        };
        self.grow(number, seq, table, frame)
    }

    /// Makes a segment the one that grows.
    fn begin(&mut self, segment: Segment) -> u64 {
        let key = (segment.boot, segment.lane);
        let number = self.next_segment;
        self.next_segment += 1;
        self.segments.insert(number, segment);
        if let Some(before) = self.active.insert(key, number) {
            let full = self.segments.get_mut(&before);
            if full.as_ref().is_some_and(|segment| segment.len == 0) {
                self.remove(before);
            } else if let Some(full) = full {
                self.room.give(full.close());
            }
        }
        number
    }

    /// Writes to the end of a segment on the disk.
    fn grow(&mut self, number: u64, seq: u64, table: Option<u64>, frame: &[u8]) -> io::Result<()> {
        let segment = self.segments.get_mut(&number).expect("just found or made");
        let more = (segment.len + frame.len() as u64).saturating_sub(segment.allocated);
        self.room.take(more)?;
        if let Err(error) = segment.append(seq, table, frame) {
            self.room.give(more);
            return Err(error);
        }
        self.bytes += frame.len() as u64;
        self.trouble.written(more);
        // What went into room that was put aside took none of the others'.
        if more > 0 {
            self.trim(number);
        }
        Ok(())
    }

    /// Gives up the oldest frames where the capacity is spent, but not the segment that was just written to. It comes after the
    /// writing: what the disk refuses shall cost nothing that is on it.
    fn trim(&mut self, written: u64) {
        while self.bytes > self.trouble.capacity_for_frames(self.capacity) {
            let oldest = self.oldest(|number, s| number != written && !s.is_in_memory());
            let Some(number) = oldest else { return };
            let frames = self.drop_segment(number);
            tracing::warn!(
                frames, folder = %self.dir.display(),
                "the spool is full: the oldest waiting frames are dropped; raise gateway.spool_max_mb"
            );
        }
    }

    /// The oldest back-fill segment with frames for which `which` holds, or where there is none the oldest live one.
    fn oldest(&self, which: impl Fn(u64, &Segment) -> bool) -> Option<u64> {
        let oldest = |lane| {
            let with_frames = |n, s: &Segment| s.lane == lane && s.len > 0 && which(n, s);
            self.segments.iter().find(|&(&n, s)| with_frames(n, s)).map(|(&n, _)| n)
        };
        oldest(Lane::Backfill).or_else(|| oldest(Lane::Live))
    }

    /// Gives up a segment and counts its waiting frames.
    fn drop_segment(&mut self, number: u64) -> u64 {
        let lost = self.segments[&number].waiting as u64;
        self.remove(number);
        self.count_dropped(lost);
        lost
    }

    fn remove(&mut self, number: u64) {
        let Some(segment) = self.segments.remove(&number) else { return };
        self.active.retain(|_, &mut active| active != number);
        if segment.is_in_memory() {
            self.trouble.bytes -= segment.len;
            return;
        }
        self.bytes -= segment.len;
        match fs::remove_file(&segment.path) {
            Ok(()) => self.room.give(segment.allocated),
            // The frames are found again at the next start and sent once more, which the center recognises.
            Err(error) => {
                tracing::warn!(
                    "cannot delete the spool segment {}: {error}",
                    segment.path.display()
                );
            }
        }
        // While the disk refuses, what it gives back is put aside again before another takes it.
        if segment.from_reserve && self.trouble.is_on() {
            self.put_aside();
        }
    }

    fn count_dropped(&mut self, frames: u64) {
        if frames == 0 {
            return;
        }
        metrics::counter!("anlan_gateway_frames_dropped_total").increment(frames);
        if let Err(error) = self.dropped.add(frames) {
            self.is_refused(&error);
        }
    }

    /// Takes note that the center has made frames durable; both ends of the range are included.
    pub fn acknowledge(&mut self, boot: Boot, lane: Lane, from: u64, to: u64) {
        let mut finished = Vec::new();
        for (&number, segment) in
            self.segments.iter_mut().filter(|(_, s)| s.boot == boot && s.lane == lane)
        {
            segment.acknowledge(from, to);
            let active = self.active.get(&(boot, lane)) == Some(&number);
            if segment.waiting == 0 && (!active || segment.len >= WORN_OUT) {
                finished.push(number);
            }
        }
        finished.into_iter().for_each(|number| self.remove(number));
    }

    /// The oldest waiting frame of a lane that lies after `place`.
    #[must_use]
    pub fn next_waiting(&self, lane: Lane, after: Option<Place>) -> Option<Waiting> {
        let start = after.map_or(0, |place| place.segment);
        self.segments.range(start..).filter(|(_, s)| s.lane == lane).find_map(
            |(&number, segment)| {
                let from = after
                    .filter(|place| place.segment == number)
                    .map_or(0, |place| place.index + 1);
                let (index, frame) = segment.next_waiting(from)?;
                let place = Place { segment: number, index };
                Some(Waiting { place, boot: segment.boot, seq: frame.seq, len: frame.len })
            },
        )
    }

    /// The newest frame of a boot and lane.
    #[must_use]
    pub fn newest(&self, boot: Boot, lane: Lane) -> Option<Waiting> {
        let number = *self.active.get(&(boot, lane))?;
        let (index, frame) = self.segments.get(&number)?.last()?;
        let place = Place { segment: number, index };
        Some(Waiting { place, boot, seq: frame.seq, len: frame.len })
    }

    /// The bytes of a frame, as they were sealed. `None` where it has been acknowledged or dropped meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, place: Place) -> io::Result<Option<Vec<u8>>> {
        match self.segments.get(&place.segment) {
            Some(segment) => segment.read(place.index).map(Some),
            None => Ok(None),
        }
    }

    /// For each boot and lane with waiting frames: the first of them.
    #[must_use]
    pub fn pending(&self) -> Vec<(Boot, Lane, u64)> {
        let mut first: BTreeMap<(Boot, Lane), u64> = BTreeMap::new();
        for segment in self.segments.values() {
            if let Some((_, frame)) = segment.next_waiting(0) {
                let seq = first.entry((segment.boot, segment.lane)).or_insert(frame.seq);
                *seq = frame.seq.min(*seq);
            }
        }
        first.into_iter().map(|((boot, lane), seq)| (boot, lane, seq)).collect()
    }

    /// Point tables that waiting frames refer to.
    #[must_use]
    pub fn tables(&self) -> BTreeSet<u64> {
        self.segments
            .values()
            .filter(|s| s.waiting > 0)
            .flat_map(|s| s.tables.iter().copied())
            .collect()
    }

    /// Frames of a lane that wait, and their bytes.
    #[must_use]
    pub fn waiting(&self, lane: Lane) -> (u64, u64) {
        let of_lane = self.segments.values().filter(|s| s.lane == lane);
        of_lane
            .fold((0, 0), |(frames, bytes), s| (frames + s.waiting as u64, bytes + s.waiting_bytes))
    }

    /// Bytes on disk.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that may be on disk.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Frames that were dropped, ever: for want of room, on a failing disk, or because their point table is lost.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped.frames
    }

    /// Segments written to since the last call: the caller syncs each on a thread that may block.
    #[must_use]
    pub fn unsynced(&mut self) -> Vec<Unsynced> {
        let mut written = Vec::new();
        for (&segment, s) in &mut self.segments {
            if std::mem::take(&mut s.unsynced) {
                written.push(Unsynced { segment, path: s.path.clone() });
            }
        }
        written
    }

    /// Syncing a segment failed: it comes again with the next [`Self::unsynced`].
    pub fn sync_failed(&mut self, unsynced: &Unsynced) {
        if let Some(segment) = self.segments.get_mut(&unsynced.segment) {
            segment.unsynced = true;
        }
    }

    /// Drops the waiting frames that refer to a point table which is lost; says how many.
    pub fn drop_table(&mut self, table: u64) -> u64 {
        let lost = self.segments.values_mut().map(|segment| segment.drop_table(table)).sum();
        if lost > 0 {
            self.count_dropped(lost);
        }
        let growing: BTreeSet<u64> = self.active.values().copied().collect();
        let done = self.segments.iter().filter(|(n, s)| s.waiting == 0 && !growing.contains(n));
        let done: Vec<u64> = done.map(|(&n, _)| n).collect();
        done.into_iter().for_each(|number| self.remove(number));
        lost
    }

    /// Deletes what is wholly acknowledged, the growing segments included: after this only waiting frames are on disk.
    pub fn tidy(&mut self) {
        let done: Vec<u64> =
            self.segments.iter().filter(|(_, s)| s.waiting == 0).map(|(&n, _)| n).collect();
        done.into_iter().for_each(|number| self.remove(number));
    }
}
