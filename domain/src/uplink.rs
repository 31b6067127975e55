//! Frames of the uplink between a gateway and a center, byte for byte as `docs/protocols/uplink.md` describes.
//!
//! A frame is sealed once and sent as often as needed, always byte-identical; the center journals it whole, so the same
//! bytes are read again on replay. The header is of fixed width and the readings are columns of fixed width, because both
//! ends handle them by the million. Rare payloads (hello, status, tables) are postcard, whose wire form is specified.
//! What a reading's numbers mean (units, limits) is not on the wire: the registry knows it.
//!
//! Little-endian throughout.

use serde::{Deserialize, Serialize};

use crate::time::{MonoMillis, UtcMillis};

mod readings;
pub use readings::{Group, GroupBuilder, ReadingsView, encode_readings};

/// Version of the frame layout.
pub const VERSION: u8 = 1;
/// `AL` in little-endian.
pub const MAGIC: u16 = 0x4C41;
/// Bytes before the payload.
pub const HEADER_LEN: usize = 56;
/// Bytes after the payload: CRC-32 (IEEE) over everything before.
pub const TRAILER_LEN: usize = 4;
/// Largest frame that either side accepts, header and trailer included.
pub const MAX_FRAME: usize = 4 * 1024 * 1024;
/// First live frame sealed after a reconnect or a start: readings may be missing before it.
pub const FLAG_GAP: u8 = 1;

/// Random number of one boot of one gateway process.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Boot(pub [u8; 16]);

/// Kinds of frames. Data kinds are journalled and acknowledged, control kinds belong to the session alone.
/// An unknown data kind (below 0x80) is skipped and acknowledged; an unknown control kind is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Readings in columns.
    Readings,
    /// Alarms and acts of the gateway itself (from the collector gateway's issue on).
    Events,
    /// [`Status`].
    Status,
    /// Part of a large object such as a clip (from the video issue on).
    BlobChunk,
    /// [`Table`].
    Table,
    /// [`Hello`], gateway to center.
    Hello,
    /// [`Welcome`], center to gateway.
    Welcome,
    /// [`Refuse`], center to gateway; the connection closes after it.
    Refuse,
    /// [`Acks`], center to gateway.
    Ack,
    /// [`NeedTable`], center to gateway.
    NeedTable,
    /// Anything this version does not know.
    Unknown(u8),
}

impl Kind {
    /// From the byte on the wire.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Readings,
            2 => Self::Events,
            3 => Self::Status,
            4 => Self::BlobChunk,
            5 => Self::Table,
            0x81 => Self::Hello,
            0x82 => Self::Welcome,
            0x83 => Self::Refuse,
            0x84 => Self::Ack,
            0x85 => Self::NeedTable,
            other => Self::Unknown(other),
        }
    }

    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Readings => 1,
            Self::Events => 2,
            Self::Status => 3,
            Self::BlobChunk => 4,
            Self::Table => 5,
            Self::Hello => 0x81,
            Self::Welcome => 0x82,
            Self::Refuse => 0x83,
            Self::Ack => 0x84,
            Self::NeedTable => 0x85,
            Self::Unknown(other) => other,
        }
    }

    /// Whether frames of this kind are journalled and acknowledged.
    #[must_use]
    pub const fn is_data(self) -> bool {
        self.byte() < 0x80
    }
}

/// Which of a gateway's two streams a frame belongs to: stated by the gateway, never inferred from clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Sealed while the link was believed to be up.
    Live,
    /// 补传: sealed while it was down.
    Backfill,
}

impl Lane {
    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Live => 0,
            Self::Backfill => 1,
        }
    }
}

/// The fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the payload is.
    pub kind: Kind,
    /// Which stream; control frames are `Live`.
    pub lane: Lane,
    /// Bit set of `FLAG_*`.
    pub flags: u8,
    /// Boot of the gateway process that sealed the frame.
    pub boot: Boot,
    /// Counted from 1 per boot and lane; 0 in control frames.
    pub seq: u64,
    /// The sealing side's wall clock.
    pub wall: UtcMillis,
    /// The sealing side's monotonic clock.
    pub mono: MonoMillis,
    /// Clock epoch: a step of the wall clock against the monotonic one starts a new one.
    pub epoch: u32,
}

/// Why bytes are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// Shorter than header, stated payload and trailer.
    #[error("frame of {got} bytes, {need} needed")]
    Short {
        /// Bytes there are.
        got: usize,
        /// Bytes it takes.
        need: usize,
    },
    /// Longer than its header states, or than [`MAX_FRAME`].
    #[error("frame of {got} bytes, at most {most} expected")]
    Long {
        /// Bytes there are.
        got: usize,
        /// Bytes at most.
        most: usize,
    },
    /// Not our magic.
    #[error("frame begins with {0:#06x}, not with the magic of the uplink")]
    Magic(u16),
    /// A version that we do not speak.
    #[error("frame version {0}, this side speaks {VERSION}")]
    Version(u8),
    /// A lane that does not exist.
    #[error("lane {0} does not exist")]
    Lane(u8),
    /// The check sum does not fit.
    #[error("check sum {found:#010x}, computed {computed:#010x}")]
    Checksum {
        /// In the frame.
        found: u32,
        /// Over the frame.
        computed: u32,
    },
    /// A payload that cannot be read.
    #[error("payload at byte {at}: {what}")]
    Payload {
        /// Offset into the payload.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Seals a frame: header, payload, check sum.
///
/// # Panics
/// When the payload would make the frame larger than [`MAX_FRAME`]: the caller bounds its batches.
#[must_use]
pub fn seal(header: &Header, payload: &[u8]) -> Vec<u8> {
    let total = HEADER_LEN + payload.len() + TRAILER_LEN;
    assert!(
        total <= MAX_FRAME,
        "a frame of {total} bytes is over the limit; the caller bounds its batches"
    );
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.push(VERSION);
    out.push(header.kind.byte());
    out.push(header.lane.byte());
    out.push(header.flags);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&header.boot.0);
    out.extend_from_slice(&header.seq.to_le_bytes());
    out.extend_from_slice(&header.wall.0.to_le_bytes());
    out.extend_from_slice(&header.mono.0.to_le_bytes());
    out.extend_from_slice(&header.epoch.to_le_bytes());
    out.extend_from_slice(&u32::try_from(payload.len()).expect("bounded above").to_le_bytes());
    out.extend_from_slice(payload);
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Opens a frame: checks magic, version, lengths and check sum, and lends the payload.
///
/// # Errors
/// When the bytes are not exactly one whole frame.
pub fn open(bytes: &[u8]) -> Result<(Header, &[u8]), BadFrame> {
    if bytes.len() < HEADER_LEN + TRAILER_LEN {
        return Err(BadFrame::Short { got: bytes.len(), need: HEADER_LEN + TRAILER_LEN });
    }
    if bytes.len() > MAX_FRAME {
        return Err(BadFrame::Long { got: bytes.len(), most: MAX_FRAME });
    }
    let magic = u16::from_le_bytes(take(bytes, 0));
    if magic != MAGIC {
        return Err(BadFrame::Magic(magic));
    }
    if bytes[2] != VERSION {
        return Err(BadFrame::Version(bytes[2]));
    }
    let payload_len = u32::from_le_bytes(take(bytes, 52)) as usize;
    let need = HEADER_LEN + payload_len + TRAILER_LEN;
    if bytes.len() < need {
        return Err(BadFrame::Short { got: bytes.len(), need });
    }
    if bytes.len() > need {
        return Err(BadFrame::Long { got: bytes.len(), most: need });
    }
    let found = u32::from_le_bytes(take(bytes, need - TRAILER_LEN));
    let computed = crc32fast::hash(&bytes[..need - TRAILER_LEN]);
    if found != computed {
        return Err(BadFrame::Checksum { found, computed });
    }
    let lane = match bytes[4] {
        0 => Lane::Live,
        1 => Lane::Backfill,
        other => return Err(BadFrame::Lane(other)),
    };
    let header = Header {
        kind: Kind::from_byte(bytes[3]),
        lane,
        flags: bytes[5],
        boot: Boot(take(bytes, 8)),
        seq: u64::from_le_bytes(take(bytes, 24)),
        wall: UtcMillis(i64::from_le_bytes(take(bytes, 32))),
        mono: MonoMillis(u64::from_le_bytes(take(bytes, 40))),
        epoch: u32::from_le_bytes(take(bytes, 48)),
    };
    Ok((header, &bytes[HEADER_LEN..need - TRAILER_LEN]))
}

/// `N` bytes at `at`; the caller has checked the length.
fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the caller checked the length")
}

/// Reads a postcard payload (hello, status, table, acknowledgements …).
///
/// # Errors
/// When the payload is not of that type.
pub fn read_payload<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, BadFrame> {
    postcard::from_bytes(payload)
        .map_err(|_| BadFrame::Payload { at: 0, what: "not what this kind of frame carries" })
}

/// Writes a postcard payload.
#[must_use]
pub fn write_payload<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("writing to memory does not fail")
}

/// First frame of a session: who the gateway is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Gateway id.
    pub gateway: String,
    /// Its own secret; travels under TLS outside a test bench.
    pub secret: String,
    /// Version of the software, for people.
    pub software: String,
    /// For each (boot, lane) still in the spool: the first sequence number not yet acknowledged.
    pub pending: Vec<(Boot, Lane, u64)>,
}

/// The center's answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The center's clock, by which the gateway's skew is shown.
    pub center_wall: UtcMillis,
    /// What is durable already of the boots that the gateway named.
    pub acks: Acks,
    /// Frames that may be under way without acknowledgement.
    pub window_frames: u32,
}

/// Why a session is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuse {
    /// `unknown_gateway`, `bad_secret`, `version`, `too_many_connections`, `bad_frame`, `not_durable`, `replaced` …
    pub code: String,
    /// For a person.
    pub message: String,
    /// Wait at least this long before the next try.
    pub retry_after_ms: u32,
}

/// Ranges of sequence numbers, both ends included, in ascending order.
pub type SeqRanges = Vec<(u64, u64)>;

/// What is durable: for each boot and lane, ranges of sequence numbers, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acks {
    /// Boot, lane, ranges in ascending order.
    pub ranges: Vec<(Boot, Lane, SeqRanges)>,
}

/// The center lacks a point table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedTable {
    /// Its hash.
    pub hash: u64,
}

/// Point table: a reading's handle is a row of it. Named by its content, so that old frames stay readable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Tag and device of each row.
    pub rows: Vec<TableRow>,
}

/// One row of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRow {
    /// Tag of the point within the enterprise.
    pub tag: String,
    /// Device that it is read from, as the gateway's configuration names it.
    pub device: String,
}

impl Table {
    /// 64-bit FNV-1a over the postcard form: names the table.
    #[must_use]
    pub fn hash(&self) -> u64 {
        write_payload(self).iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &b| {
            (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// State of a gateway, in the live lane: on every change and every few seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Every device of its configuration.
    pub devices: Vec<DeviceStatus>,
    /// Frames of the back-fill lane not yet acknowledged. 0 only when the last of them has been.
    pub backlog_frames: u64,
    /// Their bytes.
    pub backlog_bytes: u64,
    /// Room for the spool, in bytes.
    pub spool_capacity_bytes: u64,
    /// Frames that the spool had to drop for want of room, ever.
    pub dropped_frames: u64,
}

/// State of one field device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// As the gateway's configuration names it.
    pub device: String,
    /// Whether it answers.
    pub connected: bool,
    /// Since when, on the gateway's wall clock.
    pub since: UtcMillis,
    /// Last error, for a person; empty where there is none.
    pub last_error: String,
}
