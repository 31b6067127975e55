//! The spool survives what disks and kills do to it: cut at every byte, with any bit flipped, full.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{Boot, GroupBuilder, Header, Kind, Lane, encode_readings, seal};
use anlan_gateway::spool::{Place, Recovery, Spool};
use tempfile::TempDir;

const BOOT: Boot = Boot([5; 16]);

fn frame(boot: Boot, lane: Lane, seq: u64) -> Vec<u8> {
    let header = Header {
        kind: Kind::Readings,
        lane,
        flags: 0,
        boot,
        seq,
        wall: UtcMillis(1_700_000_000_000 + seq as i64),
        mono: MonoMillis(seq),
        epoch: 0,
    };
    let group = GroupBuilder {
        age_ms: 0,
        handles: vec![0, 1],
        qualities: vec![Quality::GOOD; 2],
        values: vec![seq as f64, 0.5],
        source_walls: vec![],
    };
    seal(&header, &encode_readings(77, &[group]))
}

fn append(spool: &mut Spool, boot: Boot, lane: Lane, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        spool.append(boot, lane, seq, Some(77), &frame(boot, lane, seq)).unwrap();
    }
}

fn waiting(spool: &Spool, lane: Lane) -> Vec<u64> {
    let mut after: Option<Place> = None;
    let mut seqs = Vec::new();
    while let Some(next) = spool.next_waiting(lane, after) {
        let bytes = spool.read(next.place).unwrap().unwrap();
        assert_eq!(bytes, frame(next.boot, lane, next.seq), "read back byte-identical");
        assert_eq!(bytes.len(), next.len as usize);
        seqs.push(next.seq);
        after = Some(next.place);
    }
    seqs
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "frames"))
        .collect();
    files.sort();
    files
}

#[test]
fn frames_come_back_after_a_restart_and_leave_when_acknowledged() {
    let dir = TempDir::new().unwrap();
    {
        let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
        append(&mut spool, BOOT, Lane::Live, 1..=5);
        append(&mut spool, BOOT, Lane::Backfill, 1..=3);
    }
    let (mut spool, recovery) = Spool::open(dir.path(), 1 << 20).unwrap();
    assert_eq!(recovery, Recovery { frames: 8, damaged_bytes: 0 });
    assert_eq!(spool.tables().into_iter().collect::<Vec<_>>(), [77]);
    assert_eq!(spool.pending(), [(BOOT, Lane::Live, 1), (BOOT, Lane::Backfill, 1)]);
    spool.acknowledge(BOOT, Lane::Live, 2, 4);
    assert_eq!(waiting(&spool, Lane::Live), [1, 5]);
    assert_eq!(spool.waiting(Lane::Backfill).0, 3);
    append(&mut spool, Boot([6; 16]), Lane::Live, 1..=2);
    assert_eq!(waiting(&spool, Lane::Live), [1, 5, 1, 2], "the older boot first");
    spool.acknowledge(BOOT, Lane::Live, 1, 9);
    spool.acknowledge(BOOT, Lane::Backfill, 1, 3);
    assert_eq!(
        segments(dir.path()).len(),
        1,
        "files of older boots are gone with their last frame"
    );
    spool.acknowledge(Boot([6; 16]), Lane::Live, 1, 2);
    spool.tidy();
    assert!(segments(dir.path()).is_empty() && spool.bytes() == 0);
}

#[test]
fn cut_at_every_byte_the_whole_frames_before_the_cut_survive() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
    append(&mut spool, BOOT, Lane::Backfill, 1..=4);
    drop(spool);
    let file = segments(dir.path()).remove(0);
    let bytes = fs::read(&file).unwrap();
    let len = frame(BOOT, Lane::Backfill, 1).len();
    for cut in 0..=bytes.len() {
        fs::write(&file, &bytes[..cut]).unwrap();
        let (mut spool, recovery) = Spool::open(dir.path(), 1 << 20).unwrap();
        let whole = (cut / len) as u64;
        assert_eq!(
            waiting(&spool, Lane::Backfill),
            (1..=whole).collect::<Vec<_>>(),
            "cut at {cut}"
        );
        assert_eq!(recovery.damaged_bytes, (cut % len) as u64, "cut at {cut}");
        // And it goes on: the next boot writes into a file of its own.
        append(&mut spool, Boot([9; 16]), Lane::Backfill, 1..=1);
        assert_eq!(waiting(&spool, Lane::Backfill).len() as u64, whole + 1);
        drop(spool);
        for other in segments(dir.path()).iter().filter(|p| **p != file) {
            fs::remove_file(other).unwrap();
        }
    }
}

#[test]
fn a_flipped_bit_costs_one_frame_and_no_other() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
    append(&mut spool, BOOT, Lane::Live, 1..=3);
    drop(spool);
    let file = segments(dir.path()).remove(0);
    let bytes = fs::read(&file).unwrap();
    let len = bytes.len() / 3;
    for bit in len * 8..2 * len * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &flipped).unwrap();
        let (spool, recovery) = Spool::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(waiting(&spool, Lane::Live), [1, 3], "bit {bit}");
        assert_eq!(recovery.damaged_bytes, len as u64, "bit {bit}");
    }
}

#[test]
fn a_full_spool_drops_the_oldest_backfill_and_counts_it() {
    let dir = TempDir::new().unwrap();
    let capacity = 64 * 1024;
    let (mut spool, _) = Spool::open(dir.path(), capacity).unwrap();
    append(&mut spool, BOOT, Lane::Live, 1..=10);
    append(&mut spool, BOOT, Lane::Backfill, 1..=2_000);
    let on_disk: u64 = segments(dir.path()).iter().map(|p| fs::metadata(p).unwrap().len()).sum();
    assert!(on_disk <= capacity, "{on_disk} bytes");
    assert_eq!(on_disk, spool.bytes());
    assert_eq!(
        waiting(&spool, Lane::Live),
        (1..=10).collect::<Vec<_>>(),
        "live frames are not dropped while backfill is there"
    );
    let kept = waiting(&spool, Lane::Backfill);
    assert_eq!(*kept.last().unwrap(), 2_000, "the newest stay");
    assert_eq!(kept.len() as u64 + spool.dropped(), 2_000, "every dropped frame is counted");
    drop(spool);
    let (spool, _) = Spool::open(dir.path(), capacity).unwrap();
    assert_eq!(spool.dropped(), 2_000 - kept.len() as u64, "the count survives a restart");
}

#[test]
fn live_frames_that_nobody_acknowledges_are_bounded_too() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), 64 * 1024).unwrap();
    append(&mut spool, BOOT, Lane::Live, 1..=2_000);
    assert!(spool.bytes() <= 64 * 1024);
    assert!(spool.dropped() > 0);
    assert_eq!(*waiting(&spool, Lane::Live).last().unwrap(), 2_000);
}

#[test]
fn a_long_acknowledged_life_leaves_little_on_disk() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), 64 << 20).unwrap();
    for seq in 1..=10_000 {
        append(&mut spool, BOOT, Lane::Live, seq..=seq);
        spool.acknowledge(BOOT, Lane::Live, seq, seq);
    }
    assert!(spool.bytes() < 300 * 1024, "{} bytes", spool.bytes());
    assert_eq!(spool.dropped(), 0);
}

/// Files in `dir` that this process has open.
fn open_files(dir: &Path) -> usize {
    let dir = dir.canonicalize().unwrap();
    let links = fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.starts_with(&dir))
        .count()
}

#[test]
fn a_spool_of_many_segments_keeps_few_files_open() {
    let dir = TempDir::new().unwrap();
    // 64 KiB make segments of 4 KiB, and every boot adds its own.
    for boot in 1..=20 {
        let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
        spool
            .append(
                Boot([boot; 16]),
                Lane::Live,
                1,
                Some(77),
                &frame(Boot([boot; 16]), Lane::Live, 1),
            )
            .unwrap();
    }
    let (mut spool, _) = Spool::open(dir.path(), 64 * 1024).unwrap();
    assert_eq!(open_files(dir.path()), 0);
    append(&mut spool, BOOT, Lane::Live, 1..=100);
    append(&mut spool, BOOT, Lane::Backfill, 1..=100);
    assert!(segments(dir.path()).len() > 22, "{}", segments(dir.path()).len());
    assert_eq!(open_files(dir.path()), 2, "the one that grows, of each lane");
    assert_eq!(waiting(&spool, Lane::Live).len(), 120);
    assert_eq!(waiting(&spool, Lane::Backfill).len(), 100);
    assert_eq!(open_files(dir.path()), 2);
}

#[test]
fn a_segment_whose_sync_failed_is_synced_again() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
    append(&mut spool, BOOT, Lane::Live, 1..=3);
    let written = spool.unsynced();
    assert_eq!((written.len(), spool.unsynced().len()), (1, 0), "each is given once");
    // A link to itself cannot be opened: as good as a disk that fails.
    let (file, aside) = (segments(dir.path()).remove(0), dir.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    assert!(written[0].sync().is_err());
    spool.sync_failed(&written[0]);
    fs::rename(&aside, &file).unwrap();
    let again = spool.unsynced();
    assert_eq!(again, written);
    again[0].sync().unwrap();
    // One that is gone by then is no failure.
    spool.acknowledge(BOOT, Lane::Live, 1, 3);
    spool.tidy();
    again[0].sync().unwrap();
}

#[test]
fn frames_of_a_lost_table_are_dropped_and_counted_and_others_stay() {
    let dir = TempDir::new().unwrap();
    let status = |seq| {
        let header = Header {
            kind: Kind::Status,
            lane: Lane::Live,
            flags: 0,
            boot: BOOT,
            seq,
            wall: UtcMillis(0),
            mono: MonoMillis(0),
            epoch: 0,
        };
        seal(&header, b"status")
    };
    {
        let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
        append(&mut spool, BOOT, Lane::Live, 1..=3);
        spool.append(BOOT, Lane::Live, 4, None, &status(4)).unwrap();
        append(&mut spool, BOOT, Lane::Backfill, 1..=2);
    }
    let (mut spool, _) = Spool::open(dir.path(), 1 << 20).unwrap();
    spool.acknowledge(BOOT, Lane::Live, 1, 1);
    assert_eq!(spool.drop_table(78), 0);
    assert_eq!(spool.drop_table(77), 4);
    assert_eq!((spool.dropped(), spool.tables().len()), (4, 0));
    assert_eq!(spool.pending(), [(BOOT, Lane::Live, 4)]);
    assert_eq!(segments(dir.path()).len(), 1, "what is empty is deleted");
}
