//! What the journal asks of a file system, so that a test can make any of it fail.
//!
//! Only what changes the disk is here, and the question for free space; reading goes to the file directly.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file system as the journal uses it.
pub trait Disk: Send + Sync + 'static {
    /// Creates a new file, or empties one of that name, open for writing.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Writes all of `bytes` at `at`.
    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Reserves room so that the file has `bytes` bytes, all zero behind what is written.
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()>;
    /// `fdatasync`: contents, and what is needed to find them.
    fn sync_data(&self, file: &File) -> io::Result<()>;
    /// `fsync`: contents and everything about the file.
    fn sync_all(&self, file: &File) -> io::Result<()>;
    /// Renames within one directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and deletions in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes that a program like us may still write to the file system of `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        use rustix::io::Errno;
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(()),
            // The file system cannot reserve: then a full disk shows when a record is written.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(bytes),
            Err(error) => Err(error.into()),
        }
    }

    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let fs = rustix::fs::statvfs(dir)?;
        Ok(fs.f_bavail.saturating_mul(fs.f_frsize))
    }
}
