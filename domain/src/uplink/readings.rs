//! The payload of a readings frame: groups of readings that were taken at one moment.
//!
//! A gateway samples a device's points together, so time and mostly quality are said once a group and the values follow
//! as one column. 440,000 readings a second pass here; nothing is allocated while they are read.
//!
//! ```text
//! payload  table u64 · group count u16 · groups
//! group    age_ms u32 · flags u8 · count u32 · first u32
//!          [handles u32 × count unless CONTIGUOUS] [qualities u16 × count unless ALL_GOOD]
//!          [source wall i64 × count if SOURCE_TIMES] · values f64 × count
//! ```

use super::BadFrame;
use crate::quality::Quality;

/// Handles are `first`, `first + 1`, … and not written out.
const CONTIGUOUS: u8 = 1;
/// Every quality is [`Quality::GOOD`] and not written out.
const ALL_GOOD: u8 = 2;
/// The source gave times of its own (OPC UA): a column of wall-clock milliseconds.
const SOURCE_TIMES: u8 = 4;

const GROUP_HEADER: usize = 13;

/// Collects the readings of one moment before they are encoded.
#[derive(Clone, Debug, Default)]
pub struct GroupBuilder {
    /// Milliseconds on the monotonic clock between the sampling and the sealing of the frame.
    pub age_ms: u32,
    /// Rows of the point table.
    pub handles: Vec<u32>,
    /// One a handle.
    pub qualities: Vec<Quality>,
    /// One a handle; the bits of a NaN are kept. The value of a bad reading is not looked at.
    pub values: Vec<f64>,
    /// Empty, or one a handle: the device's own wall-clock time in milliseconds.
    pub source_walls: Vec<i64>,
}

/// Encodes groups into the payload of a readings frame.
///
/// # Panics
/// When a group's columns differ in length: a mistake of the caller.
#[must_use]
pub fn encode_readings(table: u64, groups: &[GroupBuilder]) -> Vec<u8> {
    let size: usize = groups.iter().map(|g| GROUP_HEADER + g.handles.len() * 22).sum();
    let mut out = Vec::with_capacity(10 + size);
    out.extend_from_slice(&table.to_le_bytes());
    out.extend_from_slice(
        &u16::try_from(groups.len()).expect("a frame has few groups").to_le_bytes(),
    );
    for group in groups {
        let count = group.handles.len();
        assert!(
            group.qualities.len() == count
                && group.values.len() == count
                && (group.source_walls.is_empty() || group.source_walls.len() == count),
            "columns of a group differ in length"
        );
        let first = group.handles.first().copied().unwrap_or(0);
        let contiguous = group.handles.iter().zip(first..).all(|(&h, expected)| h == expected);
        let all_good = group.qualities.iter().all(|&q| q == Quality::GOOD);
        let mut flags = 0;
        if contiguous {
            flags |= CONTIGUOUS;
        }
        if all_good {
            flags |= ALL_GOOD;
        }
        if !group.source_walls.is_empty() {
            flags |= SOURCE_TIMES;
        }
        out.extend_from_slice(&group.age_ms.to_le_bytes());
        out.push(flags);
        out.extend_from_slice(
            &u32::try_from(count).expect("bounded by the frame size").to_le_bytes(),
        );
        out.extend_from_slice(&first.to_le_bytes());
        if !contiguous {
            group.handles.iter().for_each(|h| out.extend_from_slice(&h.to_le_bytes()));
        }
        if !all_good {
            group.qualities.iter().for_each(|q| out.extend_from_slice(&q.0.to_le_bytes()));
        }
        group.source_walls.iter().for_each(|t| out.extend_from_slice(&t.to_le_bytes()));
        group.values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    }
    out
}

/// Readings of one moment, lent from the frame.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Milliseconds on the monotonic clock between the sampling and the sealing of the frame.
    pub age_ms: u32,
    /// How many readings.
    pub count: usize,
    first: u32,
    handles: Option<&'a [u8]>,
    qualities: Option<&'a [u8]>,
    source_walls: Option<&'a [u8]>,
    values: &'a [u8],
}

impl Group<'_> {
    /// Row of the point table of reading `i`.
    ///
    /// # Panics
    /// Like indexing, when `i` is not below `count`; so do the other columns.
    #[inline]
    #[must_use]
    pub fn handle(&self, i: usize) -> u32 {
        match self.handles {
            None => self.first.wrapping_add(u32::try_from(i).expect("count fits 32 bits")),
            Some(column) => u32::from_le_bytes(super::take(column, i * 4)),
        }
    }

    /// The first handle, where handles are consecutive: the whole group can then be routed as one run.
    #[must_use]
    pub fn contiguous_from(&self) -> Option<u32> {
        self.handles.is_none().then_some(self.first)
    }

    /// Quality of reading `i`.
    #[inline]
    #[must_use]
    pub fn quality(&self, i: usize) -> Quality {
        self.qualities
            .map_or(Quality::GOOD, |column| Quality(u16::from_le_bytes(super::take(column, i * 2))))
    }

    /// Whether every quality is good, without looking at each.
    #[must_use]
    pub fn all_good(&self) -> bool {
        self.qualities.is_none()
    }

    /// Value of reading `i`.
    #[inline]
    #[must_use]
    pub fn value(&self, i: usize) -> f64 {
        f64::from_le_bytes(super::take(self.values, i * 8))
    }

    /// The device's own wall-clock time of reading `i`, where it gave one.
    #[inline]
    #[must_use]
    pub fn source_wall(&self, i: usize) -> Option<i64> {
        self.source_walls.map(|column| i64::from_le_bytes(super::take(column, i * 8)))
    }
}

/// The payload of a readings frame, checked once and then read without a copy.
#[derive(Clone, Copy, Debug)]
pub struct ReadingsView<'a> {
    /// Hash of the point table that handles refer to.
    pub table: u64,
    groups: &'a [u8],
    group_count: u16,
}

impl<'a> ReadingsView<'a> {
    /// Checks that every column is there.
    ///
    /// # Errors
    /// Names the byte at which the payload ends too early or goes on too long.
    pub fn new(payload: &'a [u8]) -> Result<Self, BadFrame> {
        if payload.len() < 10 {
            return Err(BadFrame::Payload {
                at: payload.len(),
                what: "ends before the group count",
            });
        }
        let view = Self {
            table: u64::from_le_bytes(super::take(payload, 0)),
            group_count: u16::from_le_bytes(super::take(payload, 8)),
            groups: &payload[10..],
        };
        let mut rest = view.groups;
        for _ in 0..view.group_count {
            let at = payload.len() - rest.len();
            let (_, after) = read_group(rest)
                .ok_or(BadFrame::Payload { at, what: "a group's columns are cut short" })?;
            rest = after;
        }
        if rest.is_empty() {
            Ok(view)
        } else {
            Err(BadFrame::Payload {
                at: payload.len() - rest.len(),
                what: "bytes after the last group",
            })
        }
    }

    /// The groups, in the order of sealing.
    pub fn groups(&self) -> impl Iterator<Item = Group<'a>> + use<'a> {
        let mut rest = self.groups;
        (0..self.group_count).map(move |_| {
            let (group, after) = read_group(rest).expect("checked by new");
            rest = after;
            group
        })
    }

    /// How many readings there are in all.
    #[must_use]
    pub fn count(&self) -> usize {
        self.groups().map(|g| g.count).sum()
    }
}

fn read_group(bytes: &[u8]) -> Option<(Group<'_>, &[u8])> {
    let (head, mut rest) = bytes.split_at_checked(GROUP_HEADER)?;
    let flags = head[4];
    let count = u32::from_le_bytes(super::take(head, 5)) as usize;
    let first = u32::from_le_bytes(super::take(head, 9));
    let mut column = |wanted: bool, width: usize| -> Option<Option<&[u8]>> {
        if !wanted {
            return Some(None);
        }
        let (column, after) = rest.split_at_checked(count.checked_mul(width)?)?;
        rest = after;
        Some(Some(column))
    };
    let handles = column(flags & CONTIGUOUS == 0, 4)?;
    let qualities = column(flags & ALL_GOOD == 0, 2)?;
    let source_walls = column(flags & SOURCE_TIMES != 0, 8)?;
    let values = column(true, 8)??;
    let age_ms = u32::from_le_bytes(super::take(head, 0));
    Some((Group { age_ms, count, first, handles, qualities, source_walls, values }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{MonoMillis, UtcMillis};
    use crate::uplink::{Boot, FLAG_GAP, Header, Kind, Lane, open, seal};

    #[test]
    fn readings_come_back_as_they_were_sealed() {
        let groups = [
            GroupBuilder {
                age_ms: 12,
                handles: vec![3, 4, 5],
                qualities: vec![Quality::GOOD; 3],
                values: vec![1.0, -0.0, f64::NAN],
                source_walls: vec![],
            },
            GroupBuilder {
                age_ms: 0,
                handles: vec![9, 1],
                qualities: vec![Quality::GOOD, Quality::COMM_FAILURE],
                values: vec![2.5, 0.0],
                source_walls: vec![1_700_000_000_000, 5],
            },
            GroupBuilder::default(),
        ];
        let header = Header {
            kind: Kind::Readings,
            lane: Lane::Backfill,
            flags: FLAG_GAP,
            boot: Boot([7; 16]),
            seq: 42,
            wall: UtcMillis(-5),
            mono: MonoMillis(99),
            epoch: 3,
        };
        let frame = seal(&header, &encode_readings(0xDEAD, &groups));
        let (read, payload) = open(&frame).unwrap();
        assert_eq!(read, header);
        let view = ReadingsView::new(payload).unwrap();
        assert_eq!((view.table, view.count()), (0xDEAD, 5));
        for (group, sealed) in view.groups().zip(&groups) {
            assert_eq!((group.age_ms, group.count), (sealed.age_ms, sealed.handles.len()));
            for i in 0..group.count {
                assert_eq!(group.handle(i), sealed.handles[i]);
                assert_eq!(group.quality(i), sealed.qualities[i]);
                assert_eq!(group.value(i).to_bits(), sealed.values[i].to_bits());
                assert_eq!(group.source_wall(i), sealed.source_walls.get(i).copied());
            }
        }
    }

    #[test]
    fn a_frame_cut_anywhere_or_with_any_bit_flipped_is_refused() {
        let group = GroupBuilder {
            age_ms: 1,
            handles: vec![1, 5],
            qualities: vec![Quality::GOOD, Quality::BAD],
            values: vec![1.5, 2.5],
            source_walls: vec![],
        };
        let header = Header {
            kind: Kind::Readings,
            lane: Lane::Live,
            flags: 0,
            boot: Boot([1; 16]),
            seq: 1,
            wall: UtcMillis(0),
            mono: MonoMillis(0),
            epoch: 0,
        };
        let payload = encode_readings(1, &[group]);
        let frame = seal(&header, &payload);
        for cut in 0..frame.len() {
            assert!(open(&frame[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&flipped).is_err(), "bit {bit}");
        }
        for cut in 0..payload.len() {
            assert!(ReadingsView::new(&payload[..cut]).is_err(), "payload cut at {cut}");
        }
    }
}
