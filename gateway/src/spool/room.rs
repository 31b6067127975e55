//! Room on the disk: asked for before something grows, and put aside for when there is none.
//!
//! The reserve of a lane is an empty file whose blocks are allocated already. Nobody else can take them, and when the disk
//! is full the file is renamed and grows into them, which needs no new room. Deleting a reserve in order to write elsewhere
//! would give its room to whoever is quicker.

use std::fmt::Debug;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anlan_domain::uplink::Lane;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

/// What the spool asks before it takes room on the disk, and tells when it has given some back: a test makes a small disk of it.
pub trait Room: Debug + Send + Sync {
    /// So many bytes are about to be taken.
    ///
    /// # Errors
    /// What the disk shall say instead.
    fn take(&self, bytes: u64) -> io::Result<()>;

    /// So many bytes were given back.
    fn give(&self, bytes: u64);
}

/// Lets the disk itself decide.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsTheDiskSays;

impl Room for AsTheDiskSays {
    fn take(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn give(&self, _: u64) {}
}

/// Where the reserve of a lane lies.
pub(super) fn reserve_path(dir: &Path, lane: Lane) -> PathBuf {
    dir.join(format!("reserve-{}", lane.byte()))
}

/// Makes an empty file that has its blocks already. `false` where the file system knows no such thing; then no file is left.
pub(super) fn reserve(path: &Path, bytes: u64) -> io::Result<bool> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    // Of a rename that a power cut undid there may be something in it.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    match fallocate(&file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        Ok(()) => Ok(true),
        Err(error) => {
            // What it got of the blocks is of no use, and would be in the way of who needs them.
            fs::remove_file(path)?;
            match error {
                Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL => Ok(false),
                error => Err(error.into()),
            }
        }
    }
}

/// Whether so many bytes could be written now.
pub(super) fn is_there(dir: &Path, room: &dyn Room, bytes: u64) -> bool {
    let probe = dir.join("probe");
    let allocated = room.take(bytes).and_then(|()| {
        let allocated = reserve(&probe, bytes);
        room.give(bytes);
        allocated
    });
    match allocated {
        Ok(true) => fs::remove_file(&probe).is_ok(),
        Ok(false) => statvfs(dir).is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) >= bytes),
        Err(_) => false,
    }
}

/// The number of dropped frames, in a file whose length never changes: it is written in place, so that a full disk can
/// neither refuse nor empty it.
#[derive(Debug)]
pub(super) struct Dropped {
    path: PathBuf,
    pub frames: u64,
}

impl Dropped {
    pub fn open(dir: &Path) -> Self {
        let path = dir.join("dropped");
        let text = fs::read_to_string(&path).unwrap_or_default();
        Self { path, frames: text.trim().parse().unwrap_or(0) }
    }

    pub fn add(&mut self, frames: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        self.frames += frames;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?;
        file.write_all_at(format!("{:020}\n", self.frames).as_bytes(), 0)
    }
}
