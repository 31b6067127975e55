//! Bytes of a journal segment. `docs/protocols/journal.md` describes them; a test reads its example.
//!
//! A segment is a header, records, and, once sealed, a trailer. All numbers are little-endian. A record carries how many
//! records stand before it in the same write (`back`): everything before that write was durable when it was issued. So
//! recovery can tell a write that the crash tore (cut it off) from bytes that rotted later (say so).

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use bytes::Bytes;

use crate::journal::Record;

/// First bytes of a segment.
pub const HEADER_MAGIC: [u8; 8] = *b"ANLANJNL";
/// First bytes of the trailer of a sealed segment.
pub const TRAILER_MAGIC: [u8; 8] = *b"ANLANEND";
/// Version of this layout.
pub const VERSION: u32 = 1;
/// Size of the header.
pub const HEADER_BYTES: usize = 40;
/// Size of the trailer.
pub const TRAILER_BYTES: usize = 32;
/// Size of a record without its payload.
pub const RECORD_HEAD_BYTES: usize = 33;
/// Largest payload that is taken.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// What a segment says of itself at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of the segment, ascending by one.
    pub id: u64,
    /// Offset of its first record.
    pub first: u64,
}

/// What a sealed segment says of itself at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the records end and the trailer begins.
    pub data_end: u64,
    /// One past the last offset.
    pub next: u64,
}

/// What stands at a place where a record is expected.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole record, with its size in bytes.
    Record(Record, usize),
    /// The bytes end before the record does; so many are needed.
    Short(usize),
    /// No record that was written here.
    Bad(&'static str),
}

/// Head of a record.
#[derive(Clone, Copy, Debug)]
struct Head {
    len: usize,
    crc: u32,
    offset: u64,
    received: i64,
    source: u32,
    back: u32,
    kind: u8,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

impl Header {
    /// The bytes on disk.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&HEADER_MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[16..24].copy_from_slice(&self.id.to_le_bytes());
        out[24..32].copy_from_slice(&self.first.to_le_bytes());
        let crc = crc32fast::hash(&out[..32]);
        out[32..36].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the beginning of a segment.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub fn decode(bytes: &[u8]) -> Result<Self, (u64, &'static str)> {
        if bytes.len() < HEADER_BYTES {
            return Err((bytes.len() as u64, "the file ends within its header"));
        }
        if bytes[..8] != HEADER_MAGIC {
            return Err((0, "this is no journal segment"));
        }
        if u32_at(bytes, 32) != crc32fast::hash(&bytes[..32]) || bytes[36..40] != [0; 4] {
            return Err((32, "the checksum of the header does not fit"));
        }
        if u32_at(bytes, 8) != VERSION {
            return Err((8, "the version of the segment is unknown to this program"));
        }
        Ok(Self { id: u64_at(bytes, 16), first: u64_at(bytes, 24) })
    }
}

impl Trailer {
    /// The bytes on disk.
    #[must_use]
    pub fn encode(self) -> [u8; TRAILER_BYTES] {
        let mut out = [0; TRAILER_BYTES];
        out[..8].copy_from_slice(&TRAILER_MAGIC);
        out[8..16].copy_from_slice(&self.data_end.to_le_bytes());
        out[16..24].copy_from_slice(&self.next.to_le_bytes());
        let crc = crc32fast::hash(&out[..24]);
        out[24..28].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the last bytes of a segment of `file_bytes`; `None` where they are no trailer of such a file.
    #[must_use]
    pub fn decode(bytes: &[u8], file_bytes: u64) -> Option<Self> {
        let good = bytes.len() == TRAILER_BYTES
            && bytes[..8] == TRAILER_MAGIC
            && u32_at(bytes, 24) == crc32fast::hash(&bytes[..24])
            && bytes[28..32] == [0; 4];
        let trailer = good.then(|| Self { data_end: u64_at(bytes, 8), next: u64_at(bytes, 16) })?;
        (trailer.data_end + TRAILER_BYTES as u64 == file_bytes).then_some(trailer)
    }
}

/// Appends the bytes of a record to `out`. `back` is the number of records before it in the same write.
pub fn encode_record(out: &mut Vec<u8>, offset: u64, back: u32, record: &Record) {
    let start = out.len();
    let len = u32::try_from(record.payload.len()).expect("checked against PAYLOAD_BYTES_MAX");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&record.received.0.to_le_bytes());
    out.extend_from_slice(&record.source.to_le_bytes());
    out.extend_from_slice(&back.to_le_bytes());
    out.push(record.kind.byte());
    out.extend_from_slice(&record.payload);
    let crc = record_crc(&out[start..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// CRC-32 (IEEE) over the whole record but for the four bytes of the CRC itself.
fn record_crc(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..4]);
    hasher.update(&record[8..]);
    hasher.finalize()
}

fn head(bytes: &[u8]) -> Head {
    Head {
        len: u32_at(bytes, 0) as usize,
        crc: u32_at(bytes, 4),
        offset: u64_at(bytes, 8),
        received: u64_at(bytes, 16).cast_signed(),
        source: u32_at(bytes, 24),
        back: u32_at(bytes, 28),
        kind: bytes[32],
    }
}

/// Reads the record at `at`, which must be number `expected`. The payload shares `bytes`.
#[must_use]
pub fn decode_record(bytes: &Bytes, at: usize, expected: u64) -> Decoded {
    let rest = &bytes[at..];
    if rest.len() < RECORD_HEAD_BYTES {
        return Decoded::Short(RECORD_HEAD_BYTES);
    }
    let head = head(rest);
    // The offset is judged before the length is believed, so that noise does not ask for gigabytes.
    if head.offset != expected {
        return Decoded::Bad("another record is expected here");
    }
    if head.len > PAYLOAD_BYTES_MAX {
        return Decoded::Bad("the length of the record is impossible");
    }
    let size = RECORD_HEAD_BYTES + head.len;
    if rest.len() < size {
        return Decoded::Short(size);
    }
    if record_crc(&rest[..size]) != head.crc {
        return Decoded::Bad("the checksum of the record does not fit");
    }
    let Some(kind) = RecordKind::from_byte(head.kind) else {
        return Decoded::Bad("the kind of the record is unknown to this program");
    };
    let record = Record {
        received: UtcMillis(head.received),
        kind,
        source: head.source,
        payload: bytes.slice(at + RECORD_HEAD_BYTES..at + size),
    };
    Decoded::Record(record, size)
}

/// Whether `rest`, which begins with a bad record number `expected`, holds a whole record of a *later* write: then
/// number `expected` was durable once, and what is wrong with it is damage and no torn write.
#[must_use]
pub fn was_durable_once(rest: &[u8], expected: u64) -> bool {
    let most = expected + (rest.len() / RECORD_HEAD_BYTES) as u64 + 1;
    (1..rest.len().saturating_sub(RECORD_HEAD_BYTES - 1)).any(|at| {
        let here = &rest[at..];
        let offset = u64_at(here, 8);
        if offset <= expected || offset > most {
            return false;
        }
        let head = head(here);
        let size = RECORD_HEAD_BYTES + head.len;
        head.len <= PAYLOAD_BYTES_MAX
            && here.len() >= size
            && offset.checked_sub(u64::from(head.back)).is_some_and(|first| first > expected)
            && record_crc(&here[..size]) == head.crc
    })
}
