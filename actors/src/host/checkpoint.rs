//! The checkpoint of a host: magic, version, the whole state in postcard, check sum.
//!
//! ```text
//! "ANLH" · version u16 · postcard(State) · CRC-32 (IEEE) over everything before, u32      little-endian
//! ```
//!
//! Settings are written once and named by index, tags without their enterprise. A checkpoint of another version is refused:
//! reading it as if it were ours could raise alarms that never were. Whoever changes the layout raises the version and says
//! in the change log how an upgrade replays instead.

use super::state::State;

const MAGIC: [u8; 4] = *b"ANLH";
/// Version of the layout. Raise it with every change of a type that is reachable from the host's state.
pub const CHECKPOINT_VERSION: u16 = 5;
const HEAD: usize = 6;
const TAIL: usize = 4;

/// Why a checkpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Too short, or it begins with something else.
    #[error("these {bytes} bytes are no checkpoint of a host")]
    NotOne {
        /// How many bytes there are.
        bytes: usize,
    },
    /// Written by a version with another layout.
    #[error(
        "the checkpoint has version {found}, this program reads version {CHECKPOINT_VERSION}: start it with the program that wrote it, or replay the journal from its beginning"
    )]
    Version {
        /// Version in the checkpoint.
        found: u16,
    },
    /// The bytes are not those that were written.
    #[error("the checkpoint is damaged: {what}")]
    Damaged {
        /// How.
        what: String,
    },
}

pub(super) fn write(state: &State) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + TAIL + 64 * state.cells.len() + 512);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&CHECKPOINT_VERSION.to_le_bytes());
    let mut bytes = postcard::to_extend(state, bytes).expect("writing to memory does not fail");
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<State, CheckpointError> {
    if bytes.len() < HEAD + TAIL || bytes[..4] != MAGIC {
        return Err(CheckpointError::NotOne { bytes: bytes.len() });
    }
    let (body, tail) = bytes.split_at(bytes.len() - TAIL);
    let found = u32::from_le_bytes(tail.try_into().expect("four bytes were split off"));
    let computed = crc32fast::hash(body);
    if found != computed {
        let what = format!("check sum {found:#010x}, computed {computed:#010x}");
        return Err(CheckpointError::Damaged { what });
    }
    let version = u16::from_le_bytes([body[4], body[5]]);
    if version != CHECKPOINT_VERSION {
        return Err(CheckpointError::Version { found: version });
    }
    let (state, rest) = postcard::take_from_bytes(&body[HEAD..])
        .map_err(|error| CheckpointError::Damaged { what: error.to_string() })?;
    if rest.is_empty() {
        Ok(state)
    } else {
        Err(CheckpointError::Damaged { what: format!("{} bytes too many", rest.len()) })
    }
}
