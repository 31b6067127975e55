//! What the spool does when the disk refuses a frame: another program has filled it, or it is broken.
//!
//! Deleting what waits would not help then: whoever filled the disk takes what a deletion frees, and after some frames the
//! whole backlog would be gone for nothing. So a refused frame goes, in this order,
//!
//! 1. into the **reserve** of its lane: blocks that this spool has allocated beforehand and nobody else can take;
//! 2. into **memory**, up to a bound. Frames in memory are sent and acknowledged like the others, so the center sees the plant
//!    for as long as the link is up. They are lost only when the process ends before the disk takes them or the center
//!    has them;
//! 3. and only when memory is full too, the oldest frames are dropped and counted. First the oldest segment on the disk, to
//!    write there what memory holds; but more than one (or 256 KiB of small ones) only once half of what they freed has
//!    indeed been written. Else the room goes to somebody else, and the oldest frames in memory are dropped instead. So a disk
//!    that others keep filling costs one segment of the backlog, and one whose room is ours costs the oldest frames, as a spent
//!    capacity does.
//!
//! Once a second it is tried to bring memory to the disk and to put the reserves aside again; the refusal has ended when both
//! have succeeded and there is room beyond them. Beginning and end are logged once each.

use std::io;

use anlan_domain::uplink::{Boot, Lane};

use super::Spool;
use super::room;
use super::segment::Segment;

/// Most that is put aside on the disk, per lane.
const RESERVE_MAX: u64 = 2 << 20;
/// What may be kept in memory: an eighth of the capacity, within these.
const MEMORY_MIN: u64 = 1 << 20;
const MEMORY_MAX: u64 = 16 << 20;
/// A segment in memory at most; what is tried in vain to be written, once a second, is no more than that.
const MEMORY_SEGMENT_MAX: u64 = 256 << 10;

/// What is brought from memory to the disk at once: nothing else is sealed or sent meanwhile.
const UNLOAD_AT_ONCE: u64 = 2 << 20;

const LANES: [Lane; 2] = [Lane::Live, Lane::Backfill];

/// What is to be shown of a disk that refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// What the disk said; `None` where it takes what it is given.
    pub why: Option<String>,
    /// Frames that are kept in memory because of it.
    pub frames_in_memory: u64,
    /// Their bytes.
    pub bytes_in_memory: u64,
}

#[derive(Debug)]
pub(super) struct Trouble {
    /// What the disk said when it began; `None` while all is well.
    why: Option<String>,
    /// Bytes in memory.
    pub bytes: u64,
    most: u64,
    /// Bytes of one segment in memory.
    segment: u64,
    /// Bytes of each lane's reserve, and whether it is there.
    reserve: u64,
    reserved: [bool; 2],
    /// Whether the file system knows how to put room aside, as far as has been seen.
    can_reserve: bool,
    /// Bytes on the disk that were given up for new frames, and those that have been written since.
    freed: u64,
    written: u64,
    /// Frames that were dropped before it began.
    dropped_before: u64,
    /// It has been said that frames are dropped.
    drops_told: bool,
    /// Bytes in memory as the metric knows them.
    bytes_told: u64,
}

impl Trouble {
    pub fn of(capacity: u64) -> Self {
        Self {
            why: None,
            bytes: 0,
            most: (capacity / 8).clamp(MEMORY_MIN, MEMORY_MAX),
            segment: (capacity / 16).min(MEMORY_SEGMENT_MAX),
            reserve: (capacity / 64).min(RESERVE_MAX),
            reserved: [false; 2],
            can_reserve: true,
            freed: 0,
            written: 0,
            dropped_before: 0,
            drops_told: false,
            bytes_told: 0,
        }
    }

    /// What is left of the capacity beside the reserves: those that lie there, and as much that has become segments.
    pub const fn capacity_for_frames(&self, capacity: u64) -> u64 {
        capacity - 4 * self.reserve
    }

    pub const fn is_on(&self) -> bool {
        self.why.is_some()
    }

    pub const fn written(&mut self, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
    }
}

const fn index(lane: Lane) -> usize {
    match lane {
        Lane::Live => 0,
        Lane::Backfill => 1,
    }
}

impl Spool {
    /// What is to be shown of a disk that refuses.
    #[must_use]
    pub fn refused(&self) -> Refused {
        let in_memory = self.segments.values().filter(|segment| segment.is_in_memory());
        Refused {
            why: self.trouble.why.clone(),
            frames_in_memory: in_memory.map(|segment| segment.waiting as u64).sum(),
            bytes_in_memory: self.trouble.bytes,
        }
    }

    /// Takes note that the disk refuses.
    pub(super) fn is_refused(&mut self, error: &io::Error) {
        if self.trouble.is_on() {
            return;
        }
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space on it",
            _ => "check it",
        };
        tracing::error!(
            "the disk of the spool {} refuses frames: {error}; {remedy}. What it refuses is kept in its reserve ({} KiB a lane) and \
             then in memory (up to {} KiB), and sent from there; what is only in memory is lost if the gateway is ended",
            self.dir.display(),
            self.trouble.reserve / 1024,
            self.trouble.most / 1024
        );
        self.trouble.why = Some(error.to_string());
        self.trouble.dropped_before = self.dropped.frames;
        metrics::gauge!("anlan_gateway_spool_refused").increment(1.0);
    }

    /// Puts room aside for each lane that has none. It may fail: it is tried again.
    pub(super) fn put_aside(&mut self) {
        for lane in LANES {
            if self.trouble.reserved[index(lane)] || !self.trouble.can_reserve {
                continue;
            }
            let bytes = self.trouble.reserve;
            if self.room.take(bytes).is_err() {
                continue;
            }
            let made = room::reserve(&room::reserve_path(&self.dir, lane), bytes);
            let there = matches!(made, Ok(true));
            self.trouble.reserved[index(lane)] = there;
            if !there {
                self.room.give(bytes);
            }
            match made {
                Ok(true) => {}
                Ok(false) => {
                    self.trouble.can_reserve = false;
                    tracing::info!(
                        folder = %self.dir.display(),
                        "this file system can put no room aside: what a full disk refuses is kept in memory alone"
                    );
                }
                Err(error) => {
                    tracing::debug!("no room can be put aside in {}: {error}", self.dir.display());
                }
            }
        }
    }

    /// Begins a segment in the lane's reserve with a frame; `false` where that is used up or cannot take it.
    pub(super) fn append_to_reserve(
        &mut self,
        boot: Boot,
        lane: Lane,
        seq: u64,
        table: Option<u64>,
        frame: &[u8],
    ) -> bool {
        let bytes = self.trouble.reserve;
        if frame.len() as u64 > bytes || !std::mem::take(&mut self.trouble.reserved[index(lane)]) {
            return false;
        }
        let path = room::reserve_path(&self.dir, lane);
        match Segment::adopt(&path, bytes, &self.dir, self.next_segment, boot, lane) {
            Ok(segment) => {
                let number = self.begin(segment);
                self.grow(number, seq, table, frame).is_ok()
            }
            // It is gone, or even renaming is refused: memory is left.
            Err(_) => false,
        }
    }

    /// Keeps a frame in memory, making room there where it is spent.
    pub(super) fn append_in_memory(
        &mut self,
        boot: Boot,
        lane: Lane,
        seq: u64,
        table: Option<u64>,
        frame: &[u8],
    ) -> io::Result<()> {
        let len = frame.len() as u64;
        while self.trouble.bytes + len > self.trouble.most {
            if self.give_way() {
                continue;
            }
            self.count_dropped(1);
            let why = self.trouble.why.as_deref().unwrap_or("the disk refuses");
            return Err(io::Error::other(format!(
                "{}: {why}, and a frame of {len} bytes has no place in memory; free space on the disk",
                self.dir.display()
            )));
        }
        let key = (boot, lane);
        let most = self.trouble.segment;
        let grows = |s: &Segment| s.is_in_memory() && s.len + len <= most;
        let number = match self.active.get(&key) {
            Some(&number) if self.segments.get(&number).is_some_and(grows) => number,
            _ => self.begin(Segment::in_memory(&self.dir, self.next_segment, boot, lane)),
        };
        let segment = self.segments.get_mut(&number).expect("just found or made");
        segment.append(seq, table, frame)?;
        self.trouble.bytes += len;
        Ok(())
    }

    /// Makes room in memory at the cost of the oldest frames; `false` where there are none.
    fn give_way(&mut self) -> bool {
        let Some(in_memory) = self.oldest(|_, segment| segment.is_in_memory()) else {
            return false;
        };
        let frames = match self.to_give_up() {
            // Back-fill goes before live frames, wherever it lies.
            Some(number) if self.segments[&number].lane >= self.segments[&in_memory].lane => {
                self.give_up(number)
            }
            _ => self.drop_segment(in_memory),
        };
        if frames > 0 && !std::mem::replace(&mut self.trouble.drops_told, true) {
            tracing::error!(
                frames, folder = %self.dir.display(),
                "the disk refuses frames and memory is full: from now on the oldest waiting frames are dropped; free space on the disk"
            );
        }
        self.unload(UNLOAD_AT_ONCE);
        true
    }

    /// The oldest segment on the disk, where its room would be ours.
    fn to_give_up(&self) -> Option<u64> {
        let Trouble { freed, written, segment, .. } = self.trouble;
        let helps = written >= freed / 2 || freed < segment;
        self.oldest(|_, segment| !segment.is_in_memory()).filter(|_| helps)
    }

    /// Gives up a segment on the disk, so that its room can be written anew.
    fn give_up(&mut self, number: u64) -> u64 {
        if self.trouble.written >= self.trouble.freed / 2 {
            (self.trouble.freed, self.trouble.written) = (0, 0);
        }
        self.trouble.freed += self.segments[&number].allocated;
        self.drop_segment(number)
    }

    /// Brings to the disk what is in memory, the oldest first, until `most` bytes are written; `false` where some is left.
    fn unload(&mut self, most: u64) -> bool {
        let mut written = 0;
        let in_memory = self.segments.iter().filter(|(_, segment)| segment.is_in_memory());
        let numbers: Vec<u64> = in_memory.map(|(&number, _)| number).collect();
        for number in numbers {
            let segment = self.segments.get_mut(&number).expect("just listed");
            let len = segment.len;
            if written >= most || self.room.take(len).is_err() {
                return false;
            }
            if segment.unload().is_err() {
                self.room.give(len);
                return false;
            }
            if !self.active.values().any(|&active| active == number) {
                segment.close();
            }
            self.trouble.bytes -= len;
            self.bytes += len;
            written += len;
            self.trouble.written(len);
            self.trim(number);
        }
        true
    }

    /// Looks whether the disk takes again what it refused: to be called every second.
    pub fn settle(&mut self) {
        self.forget_memory(|segment| segment.waiting == 0);
        // Before the reserves: what is in memory would be lost if the process ended.
        let unloaded = self.trouble.bytes == 0 || self.unload(UNLOAD_AT_ONCE);
        if unloaded {
            self.put_aside();
        }
        self.tell_bytes();
        let Some(why) = self.trouble.why.clone() else { return };
        let aside = self.trouble.reserved == [true; 2] || !self.trouble.can_reserve;
        if !unloaded || !aside || !room::is_there(&self.dir, &*self.room, self.trouble.reserve) {
            return;
        }
        let dropped = self.dropped.frames - self.trouble.dropped_before;
        tracing::warn!(
            dropped, folder = %self.dir.display(),
            "the disk of the spool, which had refused frames ({why}), takes them again; what was in memory is on it"
        );
        self.trouble.why = None;
        self.trouble.drops_told = false;
        metrics::gauge!("anlan_gateway_spool_refused").decrement(1.0);
    }

    /// Before the process ends: brings to the disk what is in memory, if need be in the place of the oldest frames there.
    /// Says how many frames have found no place: they are lost, and counted.
    pub fn leave(&mut self) -> u64 {
        while !self.unload(u64::MAX) {
            let Some(number) = self.to_give_up() else { break };
            self.give_up(number);
        }
        let lost = self.refused().frames_in_memory;
        if lost > 0 {
            self.count_dropped(lost);
        }
        self.forget_memory(|_| true);
        if self.trouble.why.take().is_some() {
            metrics::gauge!("anlan_gateway_spool_refused").decrement(1.0);
        }
        self.tell_bytes();
        lost
    }

    fn forget_memory(&mut self, which: impl Fn(&Segment) -> bool) {
        let in_memory = self.segments.iter().filter(|(_, s)| s.is_in_memory() && which(s));
        let numbers: Vec<u64> = in_memory.map(|(&number, _)| number).collect();
        numbers.into_iter().for_each(|number| self.remove(number));
    }

    /// Several gateways may run in one process: the metric is the sum.
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    fn tell_bytes(&mut self) {
        let told = std::mem::replace(&mut self.trouble.bytes_told, self.trouble.bytes);
        metrics::gauge!("anlan_gateway_spool_memory_bytes")
            .increment(self.trouble.bytes as f64 - told as f64);
    }
}
