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
    /// Bytes that a program like us may still write to the file system of `folder`.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
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

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let fs = rustix::fs::statvfs(folder)?;
        Ok(fs.f_bavail.saturating_mul(fs.f_frsize))
    }
}

/// Names what failed. A full disk is a kind of its own, but where a rename failed: whether that happened is in doubt, and
/// what it may have made valid must not be taken away.
pub fn at<T>(doing: &'static str, path: &Path, result: io::Result<T>) -> Result<T, HistoryError> {
    result.map_err(|source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded if doing != "rename" => {
            HistoryError::NoRoom { free: 0, least: 0 }
        }
        _ => HistoryError::Io { doing, path: path.display().to_string(), source },
    })
}

/// Refuses where fewer than `least` bytes would be free after another `more` were written.
pub fn check_room(
    disk: &dyn Disk,
    folder: &Path,
    least: u64,
    more: u64,
) -> Result<(), HistoryError> {
    if least == 0 {
        return Ok(());
    }
    let free = at("ask for the free space of", folder, disk.free_bytes(folder))?;
    if free < least.saturating_add(more) {
        Err(HistoryError::NoRoom { free, least })
    } else {
        Ok(())
    }
}

/// Writes a whole small file under its final name, durably, or leaves what was there.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), HistoryError> {
    let new = path.with_extension("new");
    let mut file = at("create", &new, disk.create(&new))?;
    let written = at("write", &new, disk.write(&mut file, bytes))
        .and_then(|()| at("sync", &new, disk.sync(&file)));
    if matches!(written, Err(HistoryError::NoRoom { .. })) {
        // On a full disk nothing half-written is left in the way.
        at("remove", &new, disk.remove(&new))?;
    }
    written?;
    at("rename", &new, disk.rename(&new, path))
}
