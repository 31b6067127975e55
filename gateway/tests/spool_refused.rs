//! A disk that another program has filled: no waiting frame is thrown away for nothing, and new frames go on to the center.
//!
//! On a disk that only pretends to be small, and on a small file system of its own, which takes root to mount; elsewhere those
//! tests say that they were skipped.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{Boot, GroupBuilder, Header, Kind, Lane, encode_readings, seal};
use anlan_gateway::run::{Hooks, run};
use anlan_gateway::spool::{Place, Refused, Room, Spool};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use common::center::Center;
use common::config;
use common::device::CountingDevice;
use common::until;

const BOOT: Boot = Boot([5; 16]);
const CAPACITY: u64 = 1 << 20;
/// What follows from it: one segment, one reserve.
const SEGMENT: u64 = CAPACITY / 16;
const RESERVE: u64 = CAPACITY / 64;

/// A disk with so much room; while another program is greedy, what is given back is gone.
#[derive(Debug, Default)]
struct Small {
    free: AtomicU64,
    greedy: AtomicBool,
}

impl Small {
    fn with(free: u64) -> Arc<Self> {
        Arc::new(Self { free: AtomicU64::new(free), greedy: AtomicBool::new(false) })
    }

    /// Another program takes all there is, and whatever will be given back.
    fn fill(&self) {
        self.greedy.store(true, Ordering::Relaxed);
        self.free.store(0, Ordering::Relaxed);
    }

    fn relieve(&self, free: u64) {
        self.greedy.store(false, Ordering::Relaxed);
        self.free.store(free, Ordering::Relaxed);
    }
}

impl Room for Small {
    fn take(&self, bytes: u64) -> io::Result<()> {
        let left = |free: u64| free.checked_sub(bytes);
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        taken.map(drop).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn give(&self, bytes: u64) {
        if !self.greedy.load(Ordering::Relaxed) {
            self.free.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

/// A frame of about one kilobyte.
fn frame(lane: Lane, seq: u64) -> Vec<u8> {
    let header = Header {
        kind: Kind::Readings,
        lane,
        flags: 0,
        boot: BOOT,
        seq,
        wall: UtcMillis(1_700_000_000_000 + seq as i64),
        mono: MonoMillis(seq),
        epoch: 0,
    };
    let group = GroupBuilder {
        age_ms: 0,
        handles: (0..100).collect(),
        qualities: vec![Quality::GOOD; 100],
        values: (0..100).map(|i| (seq * 1_000 + i) as f64 / 7.0).collect(),
        source_walls: vec![],
    };
    seal(&header, &encode_readings(77, &[group]))
}

fn append(spool: &mut Spool, lane: Lane, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        spool.append(BOOT, lane, seq, Some(77), &frame(lane, seq)).unwrap();
    }
}

/// Everything that waits, in the order in which it would be sent, read back.
fn seqs(spool: &Spool, lane: Lane) -> Vec<u64> {
    let mut after: Option<Place> = None;
    let mut seqs = Vec::new();
    while let Some(next) = spool.next_waiting(lane, after) {
        assert_eq!(spool.read(next.place).unwrap().unwrap(), frame(lane, next.seq), "as sealed");
        seqs.push(next.seq);
        after = Some(next.place);
    }
    seqs
}

/// The same as runs without a hole.
fn waiting(spool: &Spool, lane: Lane) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for seq in seqs(spool, lane) {
        match runs.last_mut() {
            Some(run) if run.1 + 1 == seq => run.1 = seq,
            _ => runs.push((seq, seq)),
        }
    }
    runs
}

fn open(dir: &TempDir, room: &Arc<Small>) -> Spool {
    Spool::open_in(dir.path(), CAPACITY, Arc::clone(room) as Arc<dyn Room>).unwrap().0
}

#[test]
fn a_disk_that_others_fill_costs_no_frame_of_the_backlog_and_live_frames_go_on() {
    let (dir, room) = (TempDir::new().unwrap(), Small::with(10 * CAPACITY));
    let mut spool = open(&dir, &room);
    append(&mut spool, Lane::Backfill, 1..=400);
    assert_eq!(spool.refused(), Refused::default());
    room.fill();
    // The link is up: what is sent is acknowledged soon after.
    for seq in 1..=5_000 {
        append(&mut spool, Lane::Live, seq..=seq);
        assert_eq!(waiting(&spool, Lane::Live).last().map(|run| run.1), Some(seq));
        if seq > 8 {
            spool.acknowledge(BOOT, Lane::Live, seq - 8, seq - 8);
        }
        if seq % 10 == 0 {
            spool.settle();
        }
    }
    let refused = spool.refused();
    assert!(refused.why.is_some());
    assert!(refused.bytes_in_memory < 600 * 1024, "{refused:?}");
    assert_eq!(waiting(&spool, Lane::Live), [(4_993, 5_000)]);
    assert_eq!(waiting(&spool, Lane::Backfill), [(1, 400)], "all of it is there");
    assert_eq!(spool.dropped(), 0);
    // Room again: all is on the disk, for the next start to find.
    room.relieve(10 * CAPACITY);
    spool.settle();
    assert_eq!(spool.refused(), Refused::default());
    append(&mut spool, Lane::Live, 5_001..=5_010);
    drop(spool);
    let spool = open(&dir, &room);
    assert_eq!(waiting(&spool, Lane::Live).last().map(|run| run.1), Some(5_010));
    assert_eq!(waiting(&spool, Lane::Backfill), [(1, 400)]);
}

#[test]
fn the_reserve_takes_frames_that_a_full_disk_refuses_and_is_put_aside_again() {
    let (dir, room) = (TempDir::new().unwrap(), Small::with(CAPACITY));
    let mut spool = open(&dir, &room);
    append(&mut spool, Lane::Live, 1..=3);
    room.fill();
    append(&mut spool, Lane::Live, 4..=10);
    append(&mut spool, Lane::Backfill, 1..=5);
    assert!(spool.refused().why.is_some());
    assert_eq!(spool.refused().frames_in_memory, 0, "each lane has room of its own");
    drop(spool);
    // A killed process loses nothing of it.
    let mut spool = open(&dir, &room);
    assert_eq!(
        (waiting(&spool, Lane::Live), waiting(&spool, Lane::Backfill)),
        (vec![(1, 10)], vec![(1, 5)])
    );
    append(&mut spool, Lane::Live, 11..=11);
    assert_eq!(spool.refused().frames_in_memory, 1, "the reserves are used up");
    room.relieve(CAPACITY);
    spool.settle();
    assert_eq!(spool.refused(), Refused::default());
    room.fill();
    append(&mut spool, Lane::Live, 12..=20);
    assert_eq!(spool.refused().frames_in_memory, 0, "they are there again");
    assert_eq!(waiting(&spool, Lane::Live), [(1, 20)]);
}

#[test]
fn without_a_link_and_without_room_the_newest_frames_are_kept_and_little_goes_in_vain() {
    let (dir, room) = (TempDir::new().unwrap(), Small::with(10 * CAPACITY));
    let mut spool = open(&dir, &room);
    append(&mut spool, Lane::Backfill, 1..=600);
    room.fill();
    append(&mut spool, Lane::Backfill, 601..=6_000);
    let kept = seqs(&spool, Lane::Backfill);
    assert_eq!(kept.last(), Some(&6_000));
    assert_eq!(kept.len() as u64 + spool.dropped(), 6_000, "every dropped frame is counted");
    let of_the_backlog = kept.iter().filter(|&&seq| seq <= 600).count() as u64;
    let lost = 600 - of_the_backlog;
    let len = frame(Lane::Backfill, 1).len() as u64;
    assert!(lost > 0 && lost * len <= 2 * SEGMENT, "{lost} frames of the backlog");
    assert!(kept.is_sorted(), "in their order");
    let refused = spool.refused();
    assert!((CAPACITY / 2..=CAPACITY).contains(&refused.bytes_in_memory), "{refused:?}");
    // At the end of the process, what found no place is told.
    assert_eq!(spool.leave(), refused.frames_in_memory);
    assert_eq!(seqs(&spool, Lane::Backfill).len() as u64 + spool.dropped(), 6_000);
}

#[test]
fn on_a_disk_smaller_than_the_capacity_the_oldest_frames_make_room_for_the_newest() {
    let (dir, room) = (TempDir::new().unwrap(), Small::with(CAPACITY / 2));
    let mut spool = open(&dir, &room);
    append(&mut spool, Lane::Live, 1..=20);
    for seq in 1..=6_000 {
        append(&mut spool, Lane::Backfill, seq..=seq);
        if seq % 50 == 0 {
            spool.settle();
        }
    }
    // The newest, without a hole, and every other counted.
    assert_eq!(waiting(&spool, Lane::Backfill), [(spool.dropped() + 1, 6_000)]);
    assert_eq!(waiting(&spool, Lane::Live), [(1, 20)], "live frames go last");
    assert!(spool.bytes() > CAPACITY / 4, "the disk is still used: {}", spool.bytes());
    // The end of the process costs the oldest on the disk, not the newest in memory.
    assert_eq!(spool.leave(), 0);
    drop(spool);
    let spool = open(&dir, &room);
    assert_eq!(waiting(&spool, Lane::Backfill), [(spool.dropped() + 1, 6_000)]);
}

#[test]
fn a_frame_that_fits_nowhere_is_refused_counted_and_says_what_to_do() {
    let (dir, room) = (TempDir::new().unwrap(), Small::with(0));
    let mut spool = open(&dir, &room);
    let huge = vec![7; 3 << 20];
    let said = spool.append(BOOT, Lane::Live, 1, None, &huge).unwrap_err().to_string();
    assert!(said.contains("free space") && said.contains(dir.path().to_str().unwrap()), "{said}");
    assert_eq!(spool.dropped(), 1);
    append(&mut spool, Lane::Live, 2..=3);
    assert_eq!(waiting(&spool, Lane::Live), [(2, 3)]);
}

/// A disk that fails otherwise than by being full.
#[derive(Debug, Default)]
struct Broken(AtomicBool);

impl Room for Broken {
    fn take(&self, _: u64) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(())
    }

    fn give(&self, _: u64) {}
}

#[test]
fn a_disk_that_becomes_read_only_is_coped_with_like_a_full_one() {
    let (dir, disk) = (TempDir::new().unwrap(), Arc::<Broken>::default());
    let room = Arc::clone(&disk) as Arc<dyn Room>;
    let (mut spool, _) = Spool::open_in(dir.path(), CAPACITY, room).unwrap();
    append(&mut spool, Lane::Live, 1..=10);
    disk.0.store(true, Ordering::Relaxed);
    append(&mut spool, Lane::Live, 11..=100);
    spool.settle();
    let refused = spool.refused();
    assert!(refused.why.is_some_and(|why| why.contains("read-only")));
    assert!(refused.frames_in_memory > 0);
    assert_eq!(waiting(&spool, Lane::Live), [(1, 100)]);
    disk.0.store(false, Ordering::Relaxed);
    spool.settle();
    assert_eq!((spool.refused(), spool.dropped()), (Refused::default(), 0));
}

/// Counts what is logged as an error and as a warning.
#[derive(Clone, Default)]
struct Counted(Arc<[AtomicU64; 2]>);

impl tracing::Subscriber for Counted {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        match *event.metadata().level() {
            tracing::Level::ERROR => self.0[0].fetch_add(1, Ordering::Relaxed),
            tracing::Level::WARN => self.0[1].fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn beginning_end_and_the_first_loss_are_logged_once_each() {
    let logged = Counted::default();
    let counts = || logged.0.each_ref().map(|count| count.load(Ordering::Relaxed));
    tracing::subscriber::with_default(logged.clone(), || {
        let (dir, room) = (TempDir::new().unwrap(), Small::with(100 * CAPACITY));
        // So large that what memory holds finds room in it.
        let disk = Arc::clone(&room) as Arc<dyn Room>;
        let (mut spool, _) = Spool::open_in(dir.path(), 16 * CAPACITY, disk).unwrap();
        append(&mut spool, Lane::Backfill, 1..=100);
        assert_eq!(counts(), [0, 0]);
        room.fill();
        for seq in 101..=300 {
            append(&mut spool, Lane::Backfill, seq..=seq);
            spool.settle();
        }
        assert_eq!(counts(), [1, 0], "the disk refuses");
        append(&mut spool, Lane::Backfill, 301..=5_000);
        assert_eq!(counts(), [2, 0], "and the oldest are dropped");
        room.relieve(100 * CAPACITY);
        for _ in 0..5 {
            spool.settle();
        }
        assert_eq!(spool.refused(), Refused::default());
        assert_eq!(counts(), [2, 1], "it has ended");
    });
}

/// A file system of its own, unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(at: &Path, mib: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "anlan-test"])
            .arg(at)
            .output()
            .is_ok_and(|done| done.status.success());
        if !mounted {
            // Past the harness, which keeps what a passing test prints to itself.
            let said = writeln!(io::stderr(), "SKIPPED: only root can mount a small file system");
            said.unwrap();
        }
        mounted.then(|| Self(at.to_owned()))
    }

    /// Another program takes all the room there is.
    fn fill(&self) {
        let ballast = File::options().create(true).append(true).open(self.0.join("ballast"));
        let ballast = ballast.unwrap();
        for size in [1 << 20, 4096, 1] {
            let more = vec![7; size];
            loop {
                let at = ballast.metadata().unwrap().len();
                match ballast.write_all_at(&more, at) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    fn relieve(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a file of a failed test may still be open.
        let done = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(std::thread::panicking() || done.is_ok_and(|s| s.success()), "cannot unmount");
    }
}

#[test]
fn on_a_real_full_disk_nothing_that_waits_is_lost_and_the_count_of_dropped_frames_stays() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = Mounted::tmpfs(dir.path(), 8) else { return };
    let home = dir.path().join("spool");
    let (mut spool, _) = Spool::open(&home, CAPACITY).unwrap();
    // More than the capacity, so that something has been dropped before.
    append(&mut spool, Lane::Backfill, 1..=2_000);
    spool.acknowledge(BOOT, Lane::Backfill, 1, 1_600);
    let (backlog, dropped) = (waiting(&spool, Lane::Backfill), spool.dropped());
    assert!(dropped > 0 && backlog.last() == Some(&(1_601, 2_000)));
    disk.fill();
    append(&mut spool, Lane::Live, 1..=300);
    assert!(spool.refused().why.is_some());
    let in_memory = spool.refused().frames_in_memory;
    let in_reserve = 300 - in_memory;
    assert!(in_reserve * 900 > RESERVE / 2, "{in_reserve} frames found room on the full disk");
    assert_eq!(waiting(&spool, Lane::Live), [(1, 300)]);
    assert_eq!((waiting(&spool, Lane::Backfill), spool.dropped()), (backlog.clone(), dropped));
    spool.settle();
    assert!(spool.refused().why.is_some(), "it is still full");

    disk.relieve();
    spool.settle();
    assert_eq!(spool.refused(), Refused::default());
    for segment in spool.unsynced() {
        segment.sync().unwrap();
    }
    drop(spool);
    let (mut spool, recovery) = Spool::open(&home, CAPACITY).unwrap();
    assert_eq!(recovery.damaged_bytes, 0);
    assert_eq!(waiting(&spool, Lane::Live), [(1, 300)]);
    // What was acknowledged of a file that is still there comes back with it.
    assert!(matches!(waiting(&spool, Lane::Backfill)[..], [(first, 2_000)] if first <= 1_601));
    assert_eq!(spool.dropped(), dropped);

    // What is dropped while the disk is full is counted on it all the same.
    disk.fill();
    let lost = spool.drop_table(77);
    assert!(lost > 0);
    drop(spool);
    let (spool, _) = Spool::open(&home, CAPACITY).unwrap();
    assert_eq!(spool.dropped(), dropped + lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_on_a_full_disk_goes_on_sending_and_shows_it() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let Some(disk) = Mounted::tmpfs(&dir.path().join("data"), 4) else { return };
    let mut config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    config.spool_max_bytes = 64 * 1024;
    let hooks = Hooks::default();
    let snapshot = hooks.snapshot.subscribe();
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let stop = stop.clone();
        async move { Box::pin(run(config, hooks, stop)).await.unwrap() }
    });
    until("live frames", || center.seen().of(Lane::Live) > 10).await;
    disk.fill();
    until("the refusal to be shown", || snapshot.borrow().refused.why.is_some()).await;
    let seen = center.seen().of(Lane::Live);
    // Its reserve of one page is spent by then.
    until("live frames past a full disk", || center.seen().of(Lane::Live) > seen + 60).await;
    center.change(|m| m.acknowledge = false);
    until("frames in memory", || snapshot.borrow().refused.frames_in_memory > 5).await;
    center.change(|m| m.acknowledge = true);
    disk.relieve();
    until("the end to be shown", || snapshot.borrow().refused == Refused::default()).await;
    // What was not acknowledged is sent again in the next session.
    center.change(|m| m.up = false);
    until("the loss to be noticed", || !snapshot.borrow().connected).await;
    center.change(|m| m.up = true);
    until("nothing to wait any more", || {
        let shown = snapshot.borrow();
        shown.connected && shown.backlog_frames == 0 && shown.unacknowledged_frames < 3
    })
    .await;
    assert_eq!(snapshot.borrow().dropped_frames, 0);
    stop.cancel();
    task.await.unwrap();
    let mut values = center.seen().values();
    values.dedup();
    assert_eq!(values.len(), device.count() as usize, "every reading has arrived");
}
