//! The few things a history does to a disk, behind a trait, so that a test can make any one of them fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::port::HistoryError;

/// Writes to a disk.
pub trait Disk: Send + Sync {
    /// A new empty file; one that is there is emptied.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Appends.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    /// Makes a file's content durable.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Replaces `to` by `from`, durably.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; one that is not there is fine.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        match to.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

/// Names what failed.
pub fn at<T>(doing: &'static str, path: &Path, result: io::Result<T>) -> Result<T, HistoryError> {
    result.map_err(|source| HistoryError::Io { doing, path: path.display().to_string(), source })
}

/// Writes a whole small file under its final name, durably, or leaves what was there.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), HistoryError> {
    let new = path.with_extension("new");
    let mut file = at("create", &new, disk.create(&new))?;
    at("write", &new, disk.write(&mut file, bytes))?;
    at("sync", &new, disk.sync(&file))?;
    at("rename", &new, disk.rename(&new, path))
}
