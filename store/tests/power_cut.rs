//! The segment journal under power cuts: what was not synced is gone, in part or whole, in any order.
//!
//! A disk that remembers what of each file and of the directory was synced stands between journal and file system. At a
//! random change the process is killed or the power fails. After a power cut the files are put into a state that a disk may
//! have then: every page that was not synced is old or new by chance, and so are lengths and names. The journal is opened
//! again, checked, and goes on, for many lives. A failure prints its seed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::disk::{Disk, OsDisk};
use anlan_store::journal::segments::{Options, SegmentJournal};
use anlan_store::journal::{Journal, JournalError, Offset, Record};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Small, so that a write of a few records spans several.
const PAGE: usize = 64;

#[derive(Clone, Default)]
struct Contents {
    /// As a process sees them.
    now: Vec<u8>,
    /// As they were at the last sync.
    synced: Vec<u8>,
}

#[derive(Default)]
struct Platter {
    /// By inode.
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<PathBuf, u64>,
    synced_names: BTreeMap<PathBuf, u64>,
    /// Changes until the power fails.
    left: u64,
}

/// The disk. Changes go to the real file system as well, which the journal reads from.
struct PowerCutDisk(Mutex<Platter>);

impl PowerCutDisk {
    /// Takes what is in `dir` for synced.
    fn new(dir: &Path) -> Self {
        let mut platter = Platter::default();
        for path in journal_files(dir) {
            let contents = std::fs::read(&path).unwrap();
            let inode = std::fs::metadata(&path).unwrap().ino();
            platter.files.insert(inode, Contents { now: contents.clone(), synced: contents });
            platter.names.insert(path, inode);
        }
        platter.synced_names = platter.names.clone();
        Self(Mutex::new(platter))
    }

    fn begin_life(&self, changes: u64) {
        self.0.lock().unwrap().left = changes;
    }

    /// One change: does it for real and in memory, unless the power is gone or fails now. Of the change in which it fails,
    /// memory keeps what would have been asked of the disk; chance decides later how much of it arrived.
    fn change<T>(
        &self,
        real: impl FnOnce() -> io::Result<T>,
        remember: impl FnOnce(&mut Platter, &T),
    ) -> io::Result<T> {
        let mut platter = self.0.lock().unwrap();
        let cut = || io::Error::other("the power is gone");
        platter.left = platter.left.checked_sub(1).ok_or_else(cut)?;
        let done = real()?;
        remember(&mut platter, &done);
        if platter.left == 0 { Err(cut()) } else { Ok(done) }
    }

    /// A sync: where the power fails in it, it did nothing for sure.
    fn sync(&self, remember: impl FnOnce(&mut Platter)) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        let cut = || io::Error::other("the power is gone");
        platter.left = platter.left.checked_sub(1).ok_or_else(cut)?;
        if platter.left == 0 {
            return Err(cut());
        }
        remember(&mut platter);
        Ok(())
    }

    /// Puts the real directory into a state that the disk may have after the cut.
    fn settle(&self, dir: &Path, random: &mut StdRng) {
        let platter = self.0.lock().unwrap();
        for path in journal_files(dir) {
            std::fs::remove_file(path).unwrap();
        }
        let names = if random.random_bool(0.5) { &platter.names } else { &platter.synced_names };
        for (path, inode) in names {
            let Contents { now, synced } = &platter.files[inode];
            let mut found = if random.random_bool(0.5) { synced.clone() } else { now.clone() };
            for (number, page) in found.chunks_mut(PAGE).enumerate() {
                let from = if random.random_bool(0.5) { now } else { synced };
                for (at, byte) in (number * PAGE..).zip(page) {
                    *byte = from.get(at).copied().unwrap_or(0);
                }
            }
            std::fs::write(path, found).unwrap();
        }
    }
}

fn journal_files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some())
        .collect()
}

fn inode(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

impl Disk for PowerCutDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.change(
            || OsDisk.create(path),
            |platter, file| {
                platter.files.insert(inode(file), Contents::default());
                platter.names.insert(path.to_owned(), inode(file));
            },
        )
    }
    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        self.change(
            || OsDisk.write_at(file, bytes, at),
            |platter, ()| {
                let now = &mut platter.files.get_mut(&inode(file)).unwrap().now;
                let at = at as usize;
                now.resize(now.len().max(at + bytes.len()), 0);
                now[at..at + bytes.len()].copy_from_slice(bytes);
            },
        )
    }
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.set_len(file, bytes)
    }
    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.change(
            || OsDisk.set_len(file, bytes),
            |platter, ()| {
                platter.files.get_mut(&inode(file)).unwrap().now.resize(bytes as usize, 0);
            },
        )
    }
    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.sync(|platter| {
            let contents = platter.files.get_mut(&inode(file)).unwrap();
            contents.synced.clone_from(&contents.now);
        })
    }
    fn sync_all(&self, file: &File) -> io::Result<()> {
        self.sync_data(file)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(
            || OsDisk.rename(from, to),
            |platter, ()| {
                let inode = platter.names.remove(from).unwrap();
                platter.names.insert(to.to_owned(), inode);
            },
        )
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(
            || OsDisk.remove(path),
            |platter, ()| {
                platter.names.remove(path);
            },
        )
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.sync(|platter| {
            // The journal also syncs the directory above its own.
            if platter.names.keys().all(|path| path.parent() == Some(dir)) {
                platter.synced_names.clone_from(&platter.names);
            }
        })
    }
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// Record number `offset` as life number `life` writes it: one that was never acknowledged may be written anew.
fn record(offset: u64, life: u32) -> Record {
    Record {
        received: UtcMillis(offset.cast_signed()),
        kind: RecordKind::Frame,
        source: life,
        payload: vec![(offset % 255) as u8 + 1; (offset * 13 % 90) as usize].into(),
    }
}

/// What was promised: the life that wrote each offset.
#[derive(Default)]
struct Promised {
    lives: BTreeMap<u64, u32>,
    /// Offsets below may be trimmed.
    keep_from: u64,
}

impl Promised {
    fn check(&mut self, journal: &SegmentJournal) {
        let (first, next) = journal.bounds();
        assert!(
            first.0 <= self.keep_from.max(1),
            "{first:?} is trimmed, {} is kept",
            self.keep_from
        );
        let promised = self.lives.last_key_value().map_or(1, |(last, _)| last + 1);
        assert!(next.0 >= promised, "{promised} was promised to come next, {next:?} does");
        let mut at = first.0;
        while at < next.0 {
            for (offset, found) in journal.read(Offset(at), 50, 1 << 20).unwrap() {
                assert_eq!((offset, &found), (Offset(at), &record(at, found.source)));
                // What was not promised but is there counts from now on: somebody may have read it.
                assert_eq!(*self.lives.entry(at).or_insert(found.source), found.source);
                at += 1;
            }
        }
    }
}

async fn live(
    journal: &SegmentJournal,
    life: u32,
    promised: &mut Promised,
    random: &mut StdRng,
) -> Result<(), JournalError> {
    loop {
        let next = journal.bounds().1.0;
        let end = next + random.random_range(1..8);
        journal.append((next..end).map(|offset| record(offset, life)).collect()).await?;
        promised.lives.extend((next..end).map(|offset| (offset, life)));
        if random.random_bool(0.1) {
            journal.seal().await?;
        }
        if random.random_bool(0.05) {
            promised.keep_from = promised.keep_from.max(next.saturating_sub(30));
            journal.trim(Offset(promised.keep_from)).await?;
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_or_read_survives_any_number_of_kills_and_power_cuts() {
    for seed in 0..100 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut promised = Promised::default();
        let mut disk = Arc::new(PowerCutDisk::new(dir.path()));
        for life in 0..12 {
            disk.begin_life(random.random_range(1..60));
            let options = Options {
                segment_bytes: 3000,
                allocate_bytes: 500,
                reserved_bytes: 0,
                disk: Arc::<PowerCutDisk>::clone(&disk),
            };
            match SegmentJournal::open(dir.path(), options) {
                Ok(journal) => {
                    promised.check(&journal);
                    let end = live(&journal, life, &mut promised, &mut random).await;
                    assert!(matches!(end, Err(JournalError::Io { .. } | JournalError::Failed)));
                }
                // The cut came while it was opening.
                Err(JournalError::Io { .. }) => {}
                Err(error) => panic!("life {life}: {error}"),
            }
            // Else the process was killed, and what is not synced is still there: until the next cut.
            if random.random_bool(0.6) {
                disk.settle(dir.path(), &mut random);
                disk = Arc::new(PowerCutDisk::new(dir.path()));
            }
        }
    }
}
