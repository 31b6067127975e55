//! The manifest: which files are the history, and which journal segments are in it.
//!
//! Rewritten whole and renamed at every change, so that a change of many files is seen wholly or not at all. A file that it
//! does not list is not part of the history and is removed when the folder is opened.

use std::collections::BTreeMap;
use std::path::Path;

use super::bytes::{Read, Reader, corrupt, put_signed, put_varint};
use super::chunk::checked;
use super::disk::{Disk, at, replace};
use super::file::{FileKind, FileMeta};
use super::port::HistoryError;

const NAME: &str = "MANIFEST";
const MAGIC: &[u8; 4] = b"ANLM";
const VERSION: u8 = 1;

/// Numbers known, as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    /// First of each range to last of it.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// Whether `n` is in it.
    #[must_use]
    pub fn contains(&self, n: u64) -> bool {
        self.ranges.range(..=n).next_back().is_some_and(|(_, last)| n <= *last)
    }

    /// Adds `n`.
    pub fn insert(&mut self, n: u64) {
        if self.contains(n) {
            return;
        }
        let mut first = n;
        let mut last = n;
        if let Some((before, end)) = self.ranges.range(..n).next_back().map(|(a, b)| (*a, *b))
            && end + 1 == n
        {
            first = before;
        }
        if let Some(next) = n.checked_add(1)
            && let Some(end) = self.ranges.remove(&next)
        {
            last = end;
        }
        self.ranges.insert(first, last);
    }
}

/// The state of a history folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The next file's number.
    pub next_number: u64,
    /// The list of points and their groups, by its file number; zero for none yet.
    pub points_number: u64,
    /// Raw readings before this have been given up.
    pub raw_floor_ms: i64,
    /// Journal segments taken over.
    pub segments: RangeSet,
    /// The files.
    pub files: Vec<FileMeta>,
}

impl Manifest {
    /// Reads the manifest of a folder; a folder without one is a new history.
    pub fn load(folder: &Path) -> Result<Self, HistoryError> {
        let path = folder.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let lost = at("list", folder, std::fs::read_dir(folder))?
                    .flatten()
                    .any(|entry| entry.path().extension().is_some_and(|x| x == "anh"));
                if lost {
                    return Err(HistoryError::Damaged {
                        path: path.display().to_string(),
                        offset: 0,
                        what: "there are history files but no manifest; restore it or move the files away".into(),
                    });
                }
                return Ok(Self { next_number: 1, raw_floor_ms: i64::MIN, ..Self::default() });
            }
            Err(e) => return at("read", &path, Err(e)),
        };
        Self::decode(bytes).map_err(|e| HistoryError::Damaged {
            path: path.display().to_string(),
            offset: 0,
            what: e.0,
        })
    }

    /// Makes this the folder's manifest.
    pub fn store(&self, disk: &dyn Disk, folder: &Path) -> Result<(), HistoryError> {
        replace(disk, &folder.join(NAME), &self.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        put_varint(&mut out, self.next_number);
        put_varint(&mut out, self.points_number);
        put_signed(&mut out, self.raw_floor_ms);
        put_varint(&mut out, self.segments.ranges.len() as u64);
        for (first, last) in &self.segments.ranges {
            put_varint(&mut out, *first);
            put_varint(&mut out, last - first);
        }
        put_varint(&mut out, self.files.len() as u64);
        for file in &self.files {
            out.push(file.kind as u8);
            put_varint(&mut out, file.number);
            put_signed(&mut out, file.from_ms);
            put_signed(&mut out, file.to_ms);
            put_varint(&mut out, file.size);
        }
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: Vec<u8>) -> Read<Self> {
        let bytes = checked(bytes)?;
        let mut reader = Reader::new(&bytes);
        if reader.take(4)? != MAGIC {
            return corrupt("not a manifest");
        }
        let version = reader.u8()?;
        if version != VERSION {
            return corrupt(format!("manifest version {version}, this program reads {VERSION}"));
        }
        let mut this = Self {
            next_number: reader.varint()?,
            points_number: reader.varint()?,
            raw_floor_ms: reader.signed()?,
            ..Self::default()
        };
        for _ in 0..reader.count(bytes.len())? {
            let first = reader.varint()?;
            this.segments.ranges.insert(first, first.saturating_add(reader.varint()?));
        }
        for _ in 0..reader.count(bytes.len())? {
            let Some(kind) = FileKind::from_number(reader.u8()?) else {
                return corrupt("file kind");
            };
            this.files.push(FileMeta {
                kind,
                number: reader.varint()?,
                from_ms: reader.signed()?,
                to_ms: reader.signed()?,
                size: reader.varint()?,
            });
        }
        if reader.rest().is_empty() { Ok(this) } else { corrupt("bytes after the end") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_in_any_order() {
        let mut set = RangeSet::default();
        for n in [5, 1, 3, 2, 9, u64::MAX, 0, 4] {
            set.insert(n);
        }
        assert_eq!(set.ranges, BTreeMap::from([(0, 5), (9, 9), (u64::MAX, u64::MAX)]));
        assert!(set.contains(3) && set.contains(9) && !set.contains(6) && set.contains(u64::MAX));
    }

    #[test]
    fn a_manifest_is_read_as_written_and_no_changed_byte_passes() {
        let mut manifest =
            Manifest { next_number: 7, points_number: 3, raw_floor_ms: -5, ..Manifest::default() };
        manifest.segments.insert(4);
        manifest.files.push(FileMeta {
            kind: FileKind::Raw,
            number: 6,
            from_ms: 0,
            to_ms: 3_600_000,
            size: 99,
        });
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(bytes.clone()).unwrap(), manifest);
        for i in 0..bytes.len() {
            assert!(Manifest::decode(bytes[..i].to_vec()).is_err());
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[i] ^= 1 << bit;
                assert!(Manifest::decode(flipped).is_err());
            }
        }
    }
}
