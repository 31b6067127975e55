//! The segment journal under torn files, rotten bits, a failing disk and a full one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::disk::{Disk, OsDisk};
use anlan_store::journal::format::HEADER_BYTES;
use anlan_store::journal::segments::{Options, SegmentJournal};
use anlan_store::journal::{Journal, JournalError, Offset, Record};

fn record(offset: u64) -> Record {
    Record {
        received: UtcMillis(1_700_000_000_000 + offset.cast_signed()),
        kind: if offset.is_multiple_of(3) { RecordKind::Command } else { RecordKind::Frame },
        source: 7,
        payload: vec![offset as u8; offset as usize % 23].into(),
    }
}

/// A disk that counts what it is asked to change, fails the n-th of it, and does not sync: these tests look at what the
/// journal makes of bytes, and there are thousands of journals to look at.
#[derive(Default)]
struct TestDisk {
    done: AtomicU64,
    /// Number of the change that fails; 0 for none.
    fail: AtomicU64,
    /// Whether a write that fails leaves half of its bytes behind.
    tear: AtomicBool,
    /// Free bytes that it tells; 0 for plenty.
    free: AtomicU64,
}

impl TestDisk {
    fn failing(nth: u64, tear: bool) -> Arc<Self> {
        Arc::new(Self { fail: nth.into(), tear: tear.into(), ..Self::default() })
    }

    fn step(&self) -> io::Result<()> {
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.fail.load(Ordering::Relaxed) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn has_failed(&self) -> bool {
        self.fail.load(Ordering::Relaxed) <= self.done.load(Ordering::Relaxed)
    }
}

impl Disk for TestDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        OsDisk.create(path)
    }
    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let step = self.step();
        match step {
            Err(_) if self.tear.load(Ordering::Relaxed) => {
                OsDisk.write_at(file, &bytes[..bytes.len() / 2], at)?;
            }
            Err(_) => {}
            Ok(()) => OsDisk.write_at(file, bytes, at)?,
        }
        step
    }
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.step()?;
        file.set_len(bytes)
    }
    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.step()?;
        OsDisk.set_len(file, bytes)
    }
    fn sync_data(&self, _: &File) -> io::Result<()> {
        self.step()
    }
    fn sync_all(&self, _: &File) -> io::Result<()> {
        self.step()
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        OsDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        OsDisk.remove(path)
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.step()
    }
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        let free = self.free.load(Ordering::Relaxed);
        Ok(if free == 0 { u64::MAX } else { free })
    }
}

fn open(dir: &Path, disk: Arc<TestDisk>) -> Result<SegmentJournal, JournalError> {
    let options = Options { segment_bytes: 1 << 20, allocate_bytes: 64, reserved_bytes: 0, disk };
    SegmentJournal::open(dir, options)
}

/// Appends `count` records as one write.
async fn append(journal: &SegmentJournal, count: u64) -> Result<Offset, JournalError> {
    let next = journal.bounds().1.0;
    journal.append((next..next + count).map(record).collect()).await
}

/// A journal of two sealed segments and an open one; the last write holds records 16 to 18.
const WRITES: [&[u64]; 3] = [&[1, 2], &[3, 1], &[4, 4, 3]];
const RECORDS: u64 = 18;
const LAST_WRITE: u64 = 16;

async fn build(dir: &Path) {
    let journal = open(dir, Arc::default()).unwrap();
    for (nth, writes) in WRITES.iter().enumerate() {
        if nth > 0 {
            journal.seal().await.unwrap();
        }
        for &count in *writes {
            append(&journal, count).await.unwrap();
        }
    }
    assert_eq!(journal.bounds().1, Offset(RECORDS + 1));
}

/// Overwrites a file in place. Emptying it first, as `fs::write` does, makes ext4 write it out at once, which is slow.
fn put(path: &Path, bytes: &[u8]) {
    let file = File::options().write(true).open(path).unwrap();
    OsDisk.write_at(&file, bytes, 0).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

fn segment_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "journal"))
        .collect();
    files.sort();
    files
}

/// Reads on until the end or an error. Whatever comes must be what was written there.
fn read_true(journal: &SegmentJournal) -> Result<u64, JournalError> {
    let mut next = journal.bounds().0;
    loop {
        let part = journal.read(next, 4, 1 << 20)?;
        if part.is_empty() {
            assert_eq!(next, journal.bounds().1);
            return Ok(next.0);
        }
        for (offset, found) in part {
            assert_eq!((offset, found), (next, record(next.0)));
            next.0 += 1;
        }
    }
}

#[tokio::test]
async fn a_last_segment_cut_at_any_byte_gives_a_prefix_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    build(dir.path()).await;
    let last = segment_files(dir.path()).pop().unwrap();
    let whole = std::fs::read(&last).unwrap();
    let sealed = 1 + WRITES[..2].iter().flat_map(|w| *w).sum::<u64>();
    let mut before = sealed;
    for cut in 0..=whole.len() {
        put(&last, &whole[..cut]);
        let opened = open(dir.path(), Arc::default());
        if cut < HEADER_BYTES {
            // A segment gets its name only when its header is whole: this is no torn write.
            assert!(matches!(opened, Err(JournalError::Damaged { .. })), "cut at {cut}");
            continue;
        }
        let journal = opened.unwrap();
        let next = read_true(&journal).unwrap();
        assert!(next >= before && next <= before + 1, "cut at {cut}: {before} and then {next}");
        before = next;
        if cut % 7 == 0 {
            assert_eq!(append(&journal, 3).await.unwrap(), Offset(next));
            drop(journal);
            let journal = open(dir.path(), Arc::default()).unwrap();
            assert_eq!(read_true(&journal).unwrap(), next + 3);
        }
    }
    assert_eq!(before, RECORDS + 1);
}

#[tokio::test]
async fn a_flipped_bit_anywhere_costs_at_most_the_last_write_or_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    build(dir.path()).await;
    let files = segment_files(dir.path());
    assert_eq!(files.len(), 3);
    let (mut reported, mut cut_off, mut harmless) = (0, 0, 0);
    for path in &files {
        let whole = std::fs::read(path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            put(path, &flipped);
            let read = open(dir.path(), Arc::default()).and_then(|journal| read_true(&journal));
            match read {
                Err(JournalError::Damaged { place, at, .. }) => {
                    assert_eq!(Path::new(&place), path);
                    // What is named is the record, header or trailer that holds the bit.
                    assert!(at as usize <= whole.len() && bit / 8 + 64 > at as usize, "{bit} {at}");
                    reported += 1;
                }
                Err(error) => panic!("bit {bit} of {}: {error:?}", path.display()),
                Ok(next) => {
                    assert!(next >= LAST_WRITE, "bit {bit} of {}: {next}", path.display());
                    *(if next <= RECORDS { &mut cut_off } else { &mut harmless }) += 1;
                }
            }
            // Recovery may have cut the file; the other two are never touched.
            put(path, &whole);
        }
    }
    // Harmless are only bits of the zeros that are allocated ahead.
    assert!(
        reported > 3_000 && cut_off > 500 && harmless < 64 * 8,
        "{reported} {cut_off} {harmless}"
    );
}

#[tokio::test]
async fn pages_of_the_last_write_may_reach_the_disk_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let big = |offset: u64| Record { payload: vec![9; 5000].into(), ..record(offset) };
    let journal = open(dir.path(), Arc::default()).unwrap();
    journal.append((1..4).map(big).collect()).await.unwrap();
    journal.append((4..8).map(big).collect()).await.unwrap();
    drop(journal);
    let path = segment_files(dir.path()).pop().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut verdicts = Vec::new();
    for page in 0..whole.len() / 4096 {
        let mut holed = whole.clone();
        let from = (page * 4096).max(HEADER_BYTES);
        holed[from..(page + 1) * 4096].fill(0);
        std::fs::write(&path, holed).unwrap();
        verdicts.push(match open(dir.path(), Arc::default()) {
            Ok(journal) => {
                let next = journal.bounds().1.0;
                let found = journal.read(Offset(1), 100, 1 << 20).unwrap();
                let written = (1..next).map(|offset| (Offset(offset), big(offset)));
                assert!(found.into_iter().eq(written));
                (page, Some(next))
            }
            Err(JournalError::Damaged { .. }) => (page, None),
            Err(error) => panic!("{error:?}"),
        });
    }
    // Records of 5033 bytes: pages 0 to 3 touch the first write, which was durable before the second was issued.
    let expected = [None, None, None, None, Some(4), Some(5), Some(5), Some(6)];
    assert_eq!(verdicts, (0..).zip(expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failed_write_or_sync_ends_the_journal_and_loses_nothing_that_was_promised() {
    for tear in [false, true] {
        for nth in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let disk = TestDisk::failing(nth, tear);
            let promised = work_until_failure(dir.path(), &disk).await;
            let journal = open(dir.path(), Arc::default()).unwrap();
            let next = read_true(&journal).unwrap();
            assert!(next >= promised, "change {nth} failed: {next} of {promised}");
            // At most the write that failed is there beyond what was promised.
            assert!(next <= promised + 5, "change {nth} failed: {next} of {promised}");
            append(&journal, 5).await.unwrap();
            assert_eq!(read_true(&journal).unwrap(), next + 5);
            if !disk.has_failed() {
                assert!(nth > 40, "the work has only {nth} changes");
                break;
            }
        }
    }
}

/// Appends, seals and trims until the disk fails; returns the next offset after what was said to be durable.
async fn work_until_failure(dir: &Path, disk: &Arc<TestDisk>) -> u64 {
    let Ok(journal) = open(dir, Arc::clone(disk)) else { return 1 };
    let mut promised = 1;
    for round in 0..9 {
        match append(&journal, 5).await {
            Ok(first) => promised = first.0 + 5,
            Err(error) => {
                assert!(matches!(error, JournalError::Io { .. }), "{error:?}");
                assert!(matches!(append(&journal, 1).await, Err(JournalError::Failed)));
                assert!(matches!(journal.seal().await, Err(JournalError::Failed)));
                // What is durable can still be read.
                assert_eq!(read_true(&journal).unwrap(), promised);
                return promised;
            }
        }
        if round % 3 == 2
            && let Err(error) = journal.seal().await
        {
            assert!(matches!(error, JournalError::Io { .. }), "{error:?}");
            assert!(matches!(append(&journal, 1).await, Err(JournalError::Failed)));
            return promised;
        }
        if round == 6 {
            // A deletion that fails harms nothing: the journal goes on.
            drop(journal.trim(Offset(promised)).await);
        }
    }
    promised
}

#[tokio::test]
async fn room_reserved_for_the_alarm_log_is_left_alone_and_appending_goes_on_when_there_is_more() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::<TestDisk>::default();
    let options = Options {
        segment_bytes: 1 << 20,
        allocate_bytes: 1000,
        reserved_bytes: 10_000,
        disk: Arc::<TestDisk>::clone(&disk),
    };
    let journal = SegmentJournal::open(dir.path(), options).unwrap();
    append(&journal, 3).await.unwrap();
    disk.free.store(10_900, Ordering::Relaxed);
    let changes = disk.done.load(Ordering::Relaxed);
    match append(&journal, 3).await {
        Err(JournalError::NoRoom { free, reserved }) => {
            assert_eq!((free, reserved), (10_900, 10_000));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(disk.done.load(Ordering::Relaxed), changes, "nothing was touched");
    disk.free.store(20_000, Ordering::Relaxed);
    assert_eq!(append(&journal, 3).await.unwrap(), Offset(4));
    assert_eq!(read_true(&journal).unwrap(), 7);
}

#[tokio::test]
async fn a_journal_is_open_once_and_misses_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    build(dir.path()).await;
    let journal = open(dir.path(), Arc::default()).unwrap();
    let second = open(dir.path(), Arc::default());
    assert!(matches!(second, Err(JournalError::InUse { .. })));
    drop(journal);
    let files = segment_files(dir.path());
    let middle = std::fs::read(&files[1]).unwrap();
    std::fs::remove_file(&files[1]).unwrap();
    let gap = open(dir.path(), Arc::default());
    assert!(matches!(gap, Err(JournalError::Damaged { .. })));
    std::fs::write(&files[1], &middle[..middle.len() - 1]).unwrap();
    let short = open(dir.path(), Arc::default());
    assert!(matches!(short, Err(JournalError::Damaged { .. })));
    std::fs::write(&files[1], &middle).unwrap();
    assert_eq!(read_true(&open(dir.path(), Arc::default()).unwrap()).unwrap(), RECORDS + 1);
}
