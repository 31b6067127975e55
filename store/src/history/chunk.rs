//! A chunk: what the points of one scan group read in one span (an hour, or the minutes of a block), or the roll-ups of it.
//!
//! Head first, with its own checksum, then the columns, each with one, so that one point is read without touching its
//! neighbours. Times are stored once for all points that share them; a point that misses some scans of the list says
//! which, and only a point that keeps its own time pays for it.

use std::collections::HashMap;

use super::bytes::{Read, Reader, corrupt, put_signed, put_varint};
use super::grid::Grid;
use super::port::RawReading;
use super::rollup::Rollup;
use super::times::{Times, put_part, put_runs, read_part, read_runs};
use super::values::{Effort, ROWS_MAX, put_doubles, put_whole, read_doubles, read_whole};

/// Version of the chunk format.
pub const CHUNK_VERSION: u8 = 1;
const KIND_READINGS: u8 = 0;
const KIND_ROLLUPS: u8 = 1;

/// The grids that points were last seen on; saves looking for them again.
pub type GridHints = HashMap<u32, Option<Grid>>;

/// Which scan group, from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkKey {
    /// Scan group.
    pub group: u32,
    /// Start of the span, UTC milliseconds.
    pub start_ms: i64,
}

/// Where a stored part lies, from the front of its chunk; the checksum follows it.
#[derive(Clone, Copy, Debug)]
struct Part {
    rows: usize,
    at: usize,
    size: usize,
}

/// What the front of a chunk says.
#[derive(Clone, Debug)]
pub struct ChunkHead {
    /// Group and span.
    pub key: ChunkKey,
    rollups: bool,
    times: Vec<Part>,
    /// Point and part, ascending by point.
    columns: Vec<(u32, Part)>,
}

/// Where a chunk's bytes come from: memory, or a file read piece by piece.
pub trait ChunkBytes {
    /// `size` bytes from `at`.
    fn bytes(&self, at: usize, size: usize) -> Read<Vec<u8>>;
}

impl ChunkBytes for &[u8] {
    fn bytes(&self, at: usize, size: usize) -> Read<Vec<u8>> {
        match self.get(at..at.saturating_add(size)) {
            Some(part) => Ok(part.to_vec()),
            None => corrupt("a part beyond the end of its chunk"),
        }
    }
}

impl ChunkBytes for Vec<u8> {
    fn bytes(&self, at: usize, size: usize) -> Read<Vec<u8>> {
        self.as_slice().bytes(at, size)
    }
}

/// Appends bytes and their checksum.
fn put_checked(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(part);
    out.extend_from_slice(&crc32fast::hash(part).to_le_bytes());
}

/// Checks and strips the checksum at the end.
pub fn checked(mut bytes: Vec<u8>) -> Read<Vec<u8>> {
    let Some(end) = bytes.len().checked_sub(4) else { return corrupt("no room for a checksum") };
    let stored = Reader::new(&bytes[end..]).u32()?;
    bytes.truncate(end);
    if crc32fast::hash(&bytes) == stored { Ok(bytes) } else { corrupt("checksum differs") }
}

/// Time columns being collected: each distinct one once.
struct TimeTable {
    columns: Vec<(Times, u32)>,
    by_hash: HashMap<u64, Vec<usize>>,
    last: usize,
}

impl TimeTable {
    fn new() -> Self {
        Self { columns: Vec::new(), by_hash: HashMap::new(), last: 0 }
    }

    fn index_of(&mut self, rows: &[RawReading]) -> usize {
        // Neighbours share their scans: try the forerunner's first.
        if let Some((times, uses)) = self.columns.get_mut(self.last)
            && same_times(times, rows)
        {
            *uses += 1;
            return self.last;
        }
        let hash = rows.iter().fold(rows.len() as u64, |h, r| {
            (h ^ r.source_ms as u64 ^ (r.recv_ms as u64).rotate_left(32) ^ u64::from(r.late))
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(29)
        });
        let found = self.by_hash.get(&hash).and_then(|candidates| {
            candidates.iter().copied().find(|i| same_times(&self.columns[*i].0, rows))
        });
        self.last = found.unwrap_or_else(|| {
            self.columns.push((Times::of(rows), 0));
            self.by_hash.entry(hash).or_default().push(self.columns.len() - 1);
            self.columns.len() - 1
        });
        self.columns[self.last].1 += 1;
        self.last
    }

    /// Decides which columns are stored and how the others refer to the most used one.
    fn settle(self) -> (Vec<Times>, Vec<TimeRef>) {
        let Some(base) = (0..self.columns.len()).max_by_key(|i| {
            // Longest wins, then the most used, so that subsets can refer to it.
            (self.columns[*i].0.len(), self.columns[*i].1)
        }) else {
            return (Vec::new(), Vec::new());
        };
        let mut stored = vec![self.columns[base].0.clone()];
        let mut refs = Vec::new();
        for (i, (times, _)) in self.columns.into_iter().enumerate() {
            if i == base {
                refs.push(TimeRef { column: 0, mask: None });
            } else if let Some(mask) = mask_of(&stored[0], &times) {
                refs.push(TimeRef { column: 0, mask: Some(mask) });
            } else {
                stored.push(times);
                refs.push(TimeRef { column: stored.len() - 1, mask: None });
            }
        }
        (stored, refs)
    }
}

/// Which stored times a point has: all of a column, or those under a mask.
struct TimeRef {
    column: usize,
    mask: Option<Vec<bool>>,
}

fn same_times(times: &Times, rows: &[RawReading]) -> bool {
    times.len() == rows.len()
        && rows.iter().enumerate().all(|(i, r)| {
            times.source[i] == r.source_ms
                && times.delay[i] == r.recv_ms.wrapping_sub(r.source_ms)
                && times.late[i] == r.late
        })
}

/// Which of `all` the times `part` are, if they are a subset that is cheaper to mark than to store.
fn mask_of(all: &Times, part: &Times) -> Option<Vec<bool>> {
    let mut mask = vec![false; all.len()];
    let (mut at, mut runs) = (0, 1);
    for i in 0..part.len() {
        let from = at;
        while at < all.len()
            && (all.source[at], all.delay[at], all.late[at])
                != (part.source[i], part.delay[i], part.late[i])
        {
            at += 1;
        }
        if at == all.len() {
            return None;
        }
        runs += usize::from(at > from) * 2;
        mask[at] = true;
        at += 1;
    }
    (runs * 3 < part.len() + 24).then_some(mask)
}

/// Encodes the readings of a group. Every point's rows are ascending by source time and not empty; points ascend.
#[must_use]
pub fn encode_readings(
    key: ChunkKey,
    points: &[(u32, Vec<RawReading>)],
    effort: Effort,
    hints: &mut GridHints,
) -> Vec<u8> {
    let mut table = TimeTable::new();
    let indices: Vec<usize> = points.iter().map(|(_, rows)| table.index_of(rows)).collect();
    let (times, refs) = table.settle();
    let mut values = Vec::new();
    let columns = points.iter().zip(indices).map(|((point, rows), index)| {
        let mut body = Vec::new();
        put_time_ref(&refs[index], rows.len(), &mut body);
        put_part(&mut body, |out| put_runs(rows.iter().map(|r| u64::from(r.quality)), out));
        values.clear();
        values.extend(rows.iter().map(|r| r.value));
        put_doubles(&values, effort, hints.entry(*point).or_insert(None), &mut body);
        (*point, rows.len(), body)
    });
    assemble(KIND_READINGS, key, &times, effort, columns.collect())
}

fn put_time_ref(time: &TimeRef, rows: usize, out: &mut Vec<u8>) {
    put_varint(out, (time.column as u64) << 1 | u64::from(time.mask.is_some()));
    if let Some(mask) = &time.mask {
        put_varint(out, rows as u64);
        put_part(out, |out| put_runs(mask.iter().map(|m| u64::from(*m)), out));
    }
}

/// Encodes the roll-ups of a group; points and their roll-ups ascend.
#[must_use]
pub fn encode_rollups(key: ChunkKey, points: &[(u32, Vec<Rollup>)], effort: Effort) -> Vec<u8> {
    let as_rows = |rollups: &[Rollup]| -> Vec<RawReading> {
        rollups
            .iter()
            .map(|r| RawReading {
                source_ms: r.t,
                recv_ms: r.t,
                value: 0.0,
                quality: 0,
                late: false,
            })
            .collect()
    };
    let mut table = TimeTable::new();
    let indices: Vec<usize> =
        points.iter().map(|(_, rollups)| table.index_of(&as_rows(rollups))).collect();
    let (times, refs) = table.settle();
    let mut hint;
    let mut columns = Vec::new();
    for ((point, rollups), index) in points.iter().zip(indices) {
        let mut body = Vec::new();
        put_time_ref(&refs[index], rollups.len(), &mut body);
        hint = None;
        for field in Rollup::DOUBLES {
            let values: Vec<f64> = rollups.iter().map(field).collect();
            put_part(&mut body, |out| put_doubles(&values, effort, &mut hint, out));
        }
        hint = None;
        let means: Vec<f64> = rollups.iter().map(|r| r.mean).collect();
        put_part(&mut body, |out| put_doubles(&means, effort, &mut hint, out));
        for field in Rollup::WHOLES {
            let values: Vec<i64> = rollups.iter().map(field).collect();
            put_part(&mut body, |out| put_whole(&values, effort, out));
        }
        columns.push((*point, rollups.len(), body));
    }
    assemble(KIND_ROLLUPS, key, &times, effort, columns)
}

fn assemble(
    kind: u8,
    key: ChunkKey,
    times: &[Times],
    effort: Effort,
    columns: Vec<(u32, usize, Vec<u8>)>,
) -> Vec<u8> {
    let time_bodies: Vec<Vec<u8>> = times
        .iter()
        .map(|t| {
            let mut body = Vec::new();
            t.put(key.start_ms, effort, &mut body);
            body
        })
        .collect();
    let mut head = vec![CHUNK_VERSION, kind];
    put_varint(&mut head, u64::from(key.group));
    put_signed(&mut head, key.start_ms);
    put_varint(&mut head, times.len() as u64);
    for (t, body) in times.iter().zip(&time_bodies) {
        put_varint(&mut head, t.len() as u64);
        put_varint(&mut head, body.len() as u64);
    }
    put_varint(&mut head, columns.len() as u64);
    let mut before = 0;
    for (point, _, body) in &columns {
        put_varint(&mut head, u64::from(point - before));
        put_varint(&mut head, body.len() as u64);
        before = *point;
    }
    let mut out = Vec::new();
    put_varint(&mut out, head.len() as u64);
    put_checked(&mut out, &head);
    for body in time_bodies.iter().chain(columns.iter().map(|c| &c.2)) {
        put_checked(&mut out, body);
    }
    out
}

impl ChunkHead {
    /// Reads the head of a chunk.
    pub fn read(from: &impl ChunkBytes, chunk_size: usize) -> Read<Self> {
        let front = from.bytes(0, chunk_size.min(10))?;
        let mut reader = Reader::new(&front);
        let head_size = reader.count(chunk_size)?;
        let prefix = front.len() - reader.rest().len();
        let head = checked(from.bytes(prefix, head_size.saturating_add(4))?)?;
        let mut reader = Reader::new(&head);
        let version = reader.u8()?;
        if version != CHUNK_VERSION {
            return corrupt(format!("chunk version {version}, this program reads {CHUNK_VERSION}"));
        }
        let rollups = match reader.u8()? {
            KIND_READINGS => false,
            KIND_ROLLUPS => true,
            other => return corrupt(format!("chunk kind {other}")),
        };
        let group = u32::try_from(reader.varint()?).unwrap_or(u32::MAX);
        let key = ChunkKey { group, start_ms: reader.signed()? };
        let mut at = prefix + head_size + 4;
        let mut part = |reader: &mut Reader, rows| {
            let size = reader.count(chunk_size)?;
            let part = Part { rows, at, size };
            at += size + 4;
            if at > chunk_size { corrupt("a part beyond the end of its chunk") } else { Ok(part) }
        };
        let mut times = Vec::new();
        for _ in 0..reader.count(chunk_size)? {
            let rows = reader.count(ROWS_MAX)?;
            times.push(part(&mut reader, rows)?);
        }
        let mut columns = Vec::new();
        let mut point = 0u32;
        for _ in 0..reader.count(chunk_size)? {
            point = point.wrapping_add(u32::try_from(reader.varint()?).unwrap_or(0));
            columns.push((point, part(&mut reader, 0)?));
        }
        Ok(Self { key, rollups, times, columns })
    }

    /// The points it holds, ascending.
    pub fn points(&self) -> impl Iterator<Item = u32> + '_ {
        self.columns.iter().map(|c| c.0)
    }

    /// Bytes the chunk takes, by its head.
    #[must_use]
    pub fn end(&self) -> usize {
        let last = self.columns.last().map(|c| c.1).or(self.times.last().copied());
        last.map_or(0, |p| p.at + p.size + 4)
    }
}

/// An open chunk: its head, and the time columns read so far.
pub struct Chunk<B> {
    /// The head.
    pub head: ChunkHead,
    from: B,
    times: HashMap<usize, std::sync::Arc<Times>>,
}

impl<B: ChunkBytes> Chunk<B> {
    /// Reads the head.
    pub fn open(from: B, chunk_size: usize) -> Read<Self> {
        let head = ChunkHead::read(&from, chunk_size)?;
        Ok(Self { head, from, times: HashMap::new() })
    }

    fn part(&self, part: Part) -> Read<Vec<u8>> {
        checked(self.from.bytes(part.at, part.size + 4)?)
    }

    fn times(&mut self, index: usize) -> Read<std::sync::Arc<Times>> {
        if let Some(times) = self.times.get(&index) {
            return Ok(times.clone());
        }
        let Some(part) = self.head.times.get(index).copied() else {
            return corrupt(format!("time column {index} of {}", self.head.times.len()));
        };
        let body = self.part(part)?;
        let times = std::sync::Arc::new(Times::read(
            part.rows,
            self.head.key.start_ms,
            Reader::new(&body),
        )?);
        self.times.insert(index, times.clone());
        Ok(times)
    }

    fn column(&self, point: u32) -> Read<Option<Vec<u8>>> {
        match self.head.columns.binary_search_by_key(&point, |c| c.0) {
            Ok(i) => Ok(Some(self.part(self.head.columns[i].1)?)),
            Err(_) => Ok(None),
        }
    }

    /// The times of a column, all or those under its mask.
    fn column_times(&mut self, body: &mut Reader) -> Read<std::sync::Arc<Times>> {
        let reference = body.varint()?;
        let times = self.times(usize::try_from(reference >> 1).unwrap_or(usize::MAX))?;
        if reference & 1 == 0 {
            return Ok(times);
        }
        let rows = body.count(times.len())?;
        let mask = read_runs(times.len(), &mut read_part(body)?)?;
        let mut chosen = Times::default();
        for (i, _) in mask.iter().enumerate().filter(|(_, m)| **m != 0) {
            chosen.source.push(times.source[i]);
            chosen.delay.push(times.delay[i]);
            chosen.late.push(times.late[i]);
        }
        if chosen.len() != rows {
            return corrupt("a mask that does not fit its rows");
        }
        Ok(chosen.into())
    }

    /// The readings of a point, none where the chunk has none of it.
    pub fn readings(&mut self, point: u32) -> Read<Vec<RawReading>> {
        let Some(body) = self.column(point)? else { return Ok(Vec::new()) };
        if self.head.rollups {
            return corrupt("a chunk of roll-ups where readings belong");
        }
        let mut body = Reader::new(&body);
        let times = self.column_times(&mut body)?;
        let qualities = read_runs(times.len(), &mut read_part(&mut body)?)?;
        let values = read_doubles(times.len(), body)?;
        Ok((0..times.len())
            .map(|i| RawReading {
                source_ms: times.source[i],
                recv_ms: times.source[i].wrapping_add(times.delay[i]),
                value: values[i],
                quality: qualities[i] as u16,
                late: times.late[i],
            })
            .collect())
    }

    /// The roll-ups of a point.
    pub fn rollups(&mut self, point: u32) -> Read<Vec<Rollup>> {
        let Some(body) = self.column(point)? else { return Ok(Vec::new()) };
        if !self.head.rollups {
            return corrupt("a chunk of readings where roll-ups belong");
        }
        let mut body = Reader::new(&body);
        let times = self.column_times(&mut body)?;
        let n = times.len();
        let mut doubles = Vec::new();
        for _ in 0..=Rollup::DOUBLES.len() {
            doubles.push(read_doubles(n, read_part(&mut body)?)?);
        }
        let mut wholes = Vec::new();
        for _ in Rollup::WHOLES {
            wholes.push(read_whole(n, read_part(&mut body)?)?);
        }
        Ok((0..n)
            .map(|i| {
                Rollup::from_fields(
                    times.source[i],
                    std::array::from_fn(|f| doubles[f][i]),
                    std::array::from_fn(|f| wholes[f][i]),
                )
            })
            .collect())
    }
}
