//! From a journal segment to blocks: rows in order of arrival become columns by scan group and hour.
//!
//! A segment may hold more rows than memory should; then the columns are written out whenever so many rows have
//! gathered, and the file simply holds several chunks of one key. What was read twice within a chunk is kept once.

use std::collections::HashMap;

use super::chunk::{ChunkKey, GridHints, encode_readings};
use super::file::FileWriter;
use super::port::{HistoryError, RawReading, ReadingRow};
use super::rollup::HOUR_MS;
use super::values::Effort;

/// One point's rows within a chunk being gathered: sixteen bytes a row.
struct PointRows {
    point: u32,
    rows: Vec<(u32, f64)>,
    /// Row number from which a quality holds.
    qualities: Vec<(u32, u16)>,
}

/// A chunk being gathered.
#[derive(Default)]
struct Gathering {
    /// Source time, receive time, late.
    scans: Vec<(i64, i64, bool)>,
    slots: HashMap<u32, usize>,
    points: Vec<PointRows>,
    /// The point expected next: scans list their points in the same order each time.
    next: usize,
}

impl Gathering {
    fn push(&mut self, row: &ReadingRow) {
        let scan = (row.source_ms, row.recv_ms, row.late);
        if self.scans.last() != Some(&scan) {
            self.scans.push(scan);
        }
        let scan = self.scans.len() as u32 - 1;
        let slot = match self.points.get(self.next) {
            Some(expected) if expected.point == row.point_no => self.next,
            _ => *self.slots.entry(row.point_no).or_insert_with(|| {
                self.points.push(PointRows {
                    point: row.point_no,
                    rows: Vec::new(),
                    qualities: Vec::new(),
                });
                self.points.len() - 1
            }),
        };
        self.next = if slot + 1 == self.points.len() { 0 } else { slot + 1 };
        let point = &mut self.points[slot];
        if point.qualities.last().map(|q| q.1) != Some(row.quality) {
            point.qualities.push((point.rows.len() as u32, row.quality));
        }
        point.rows.push((scan, row.value));
    }

    /// The points ascending, each with its readings ascending.
    fn settle(mut self) -> Vec<(u32, Vec<RawReading>)> {
        self.points.sort_unstable_by_key(|p| p.point);
        let scans = &self.scans;
        self.points
            .iter()
            .map(|p| {
                let mut qualities = p.qualities.iter().peekable();
                let mut quality = 0;
                let mut rows = Vec::with_capacity(p.rows.len());
                for (i, (scan, value)) in p.rows.iter().enumerate() {
                    while let Some((_, q)) = qualities.next_if(|(from, _)| *from as usize <= i) {
                        quality = *q;
                    }
                    let (source_ms, recv_ms, late) = scans[*scan as usize];
                    rows.push(RawReading { source_ms, recv_ms, value: *value, quality, late });
                }
                sort_and_unite(&mut rows);
                (p.point, rows)
            })
            .collect()
    }
}

/// Orders readings by source time and keeps the first received of those that are the same. Says how many fell away.
pub fn sort_and_unite(rows: &mut Vec<RawReading>) -> u64 {
    let before = rows.len();
    let ascending = rows.windows(2).all(|w| w[0].source_ms < w[1].source_ms);
    if ascending {
        return 0;
    }
    let key = |r: &RawReading| (r.source_ms, r.value.to_bits(), r.recv_ms, r.late, r.quality);
    rows.sort_unstable_by_key(key);
    rows.dedup_by(|later, kept| kept.is_same(later));
    // Different values of one instant stand in the order in which they were received.
    rows.sort_by_key(|r| (r.source_ms, r.recv_ms));
    (before - rows.len()) as u64
}

/// Gathers rows and writes chunks.
pub struct BlockBuilder {
    rows_max: usize,
    held: usize,
    /// Rows taken.
    pub taken: u64,
    chunks: HashMap<ChunkKey, Gathering>,
    last: Option<(ChunkKey, Gathering)>,
}

impl BlockBuilder {
    /// Holds no more than `rows_max` rows at a time.
    #[must_use]
    pub fn new(rows_max: usize) -> Self {
        Self { rows_max, held: 0, taken: 0, chunks: HashMap::new(), last: None }
    }

    /// Takes a row, writing out what has gathered when it is much.
    pub fn push(
        &mut self,
        row: &ReadingRow,
        hints: &mut GridHints,
        file: &mut FileWriter,
    ) -> Result<(), HistoryError> {
        let key = ChunkKey {
            group: row.group,
            start_ms: row.source_ms.div_euclid(HOUR_MS).saturating_mul(HOUR_MS),
        };
        match &mut self.last {
            Some((last, gathering)) if *last == key => gathering.push(row),
            _ => {
                if let Some((old, gathering)) = self.last.take() {
                    self.chunks.insert(old, gathering);
                }
                let mut gathering = self.chunks.remove(&key).unwrap_or_default();
                gathering.push(row);
                self.last = Some((key, gathering));
            }
        }
        self.held += 1;
        self.taken += 1;
        if self.held >= self.rows_max { self.write_out(hints, file) } else { Ok(()) }
    }

    /// Writes out what has gathered.
    pub fn write_out(
        &mut self,
        hints: &mut GridHints,
        file: &mut FileWriter,
    ) -> Result<(), HistoryError> {
        let mut chunks: Vec<_> = self.chunks.drain().chain(self.last.take()).collect();
        chunks.sort_unstable_by_key(|c| c.0);
        for (key, gathering) in chunks {
            let points = gathering.settle();
            let range = (points[0].0, points[points.len() - 1].0);
            file.put(key, range, &encode_readings(key, &points, Effort::Fast, hints))?;
        }
        self.held = 0;
        Ok(())
    }
}
