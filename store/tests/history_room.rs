//! A disk that fills up: history stops and gives up its oldest days before it takes the room of journal and alarm log.
//!
//! On a small file system of its own, which takes root to mount; elsewhere the test says that it was skipped. The same
//! rules on a disk that only pretends to be small: `actors/src/history_feed/hand_over.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, Condition, Level,
};
use anlan_domain::log::{HostNo, RecordKind};
use anlan_domain::time::UtcMillis;
use anlan_store::history::{EmbeddedHistory, History, HistoryError, HistoryOptions, ReadingRow};
use anlan_store::journal::segments::{Options as JournalOptions, SegmentJournal};
use anlan_store::journal::{Journal, JournalError, Offset, Record};
use anlan_store::state::fjall::{FjallState, Options as StateOptions};
use anlan_store::state::{HostCommit, StateStore};

const START: i64 = 1_767_225_600_000;
const DAY: i64 = 86_400_000;
const MIB: u64 = 1 << 20;
/// What the journal leaves to the alarm log, and what history leaves to both.
const RESERVED: u64 = 6 * MIB;
const LEAST_FREE: u64 = 10 * MIB;

/// A file system of its own, unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(at: &Path, mib: u64) -> Option<Self> {
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "anlan-test"])
            .arg(at)
            .output()
            .is_ok_and(|done| done.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn free(&self) -> u64 {
        let fs = rustix::fs::statvfs(&self.0).unwrap();
        fs.f_bavail * fs.f_frsize
    }

    /// Takes room until so much is left.
    fn leave(&self, bytes: u64) {
        let ballast = File::options().create(true).append(true).open(self.0.join("ballast"));
        let ballast = ballast.unwrap();
        while self.free() > bytes {
            let at = ballast.metadata().unwrap().len();
            let more = usize::try_from((self.free() - bytes).min(MIB)).unwrap();
            ballast.write_all_at(&vec![7; more], at).unwrap();
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a file of a failed test may still be open.
        let done = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(std::thread::panicking() || done.is_ok_and(|s| s.success()), "cannot unmount");
    }
}

/// Readings of a day whose digits no codec makes small.
fn rows_of(day: i64) -> impl Iterator<Item = ReadingRow> {
    (0..DAY / 10_000).map(move |i| {
        let source_ms = START + day * DAY + i * 10_000;
        let bits = source_ms.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12;
        ReadingRow {
            point_no: 1,
            group: 0,
            source_ms,
            recv_ms: source_ms + 40,
            value: f64::from_bits(0x3FF0_0000_0000_0000 | bits),
            quality: 192,
            late: false,
        }
    })
}

/// A day enters the history as the feed lets it: where there is no room, the oldest day is given up, and again.
fn take(h: &EmbeddedHistory, day: i64) -> Result<u32, HistoryError> {
    let mut shed = 0;
    let now = START + (day + 1) * DAY + 3 * 3_600_000;
    loop {
        let done =
            h.append_segment(day.unsigned_abs(), &mut rows_of(day)).and_then(|_| h.maintain(now));
        match done {
            Ok(_) => return Ok(shed),
            Err(error @ HistoryError::NoRoom { .. }) => match h.shed()? {
                Some(_) => shed += 1,
                None => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

fn commit(nth: u32) -> HostCommit {
    let subject = AlarmSubject("410205001.LT-1".into());
    let alarm = AlarmId { subject, condition: Condition::High, occurrence: nth };
    let change = AlarmChange::Raised {
        value: Some(85.5),
        limit: Some(85.0),
        limits_version: 1,
        level: Level::ONE,
        late: false,
        quiet: None,
    };
    let place = AlarmPlace { enterprise: None, hazard: None, equipment: None };
    let (source_time, received_time) = (UtcMillis(START), UtcMillis(START));
    let entry = AlarmEntry { alarm, place, change, source_time, received_time, log_offset: 1 };
    let checkpoint = vec![nth as u8; 4_000].into();
    HostCommit { host: HostNo(1), folded: Offset(1), checkpoint, entries: vec![entry] }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn on_a_full_disk_history_is_given_up_first_and_the_alarm_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::tmpfs(folder.path(), 192) else {
        // Past the harness, which keeps what a passing test prints to itself.
        let said = writeln!(std::io::stderr(), "SKIPPED: only root can mount a small file system");
        return said.unwrap();
    };
    let journal = SegmentJournal::open(
        &folder.path().join("journal"),
        JournalOptions {
            segment_bytes: MIB,
            allocate_bytes: MIB / 4,
            reserved_bytes: RESERVED,
            ..JournalOptions::default()
        },
    )
    .unwrap();
    let state = FjallState::open(&folder.path().join("state"), StateOptions::default()).unwrap();
    let options = HistoryOptions { least_free_bytes: LEAST_FREE, ..HistoryOptions::default() };
    let home = folder.path().join("history");
    let history = EmbeddedHistory::open(&home, options).unwrap();
    state.commit(vec![commit(0)], UtcMillis(START)).await.unwrap();
    disk.leave(LEAST_FREE + MIB);

    // Days of some 70 KB each, many more than there is room for.
    let mut shed = 0;
    for day in 0..40 {
        shed += take(&history, day).unwrap();
        assert!(disk.free() >= LEAST_FREE - 16 * 1024, "history took what is not its own");
        state.commit(vec![commit(1 + day as u32)], UtcMillis(START)).await.unwrap();
    }
    assert!(shed > 10, "{shed} days were given up");
    let read = |day: i64| {
        history.raw(1, START + day * DAY, START + (day + 1) * DAY, usize::MAX).unwrap().len()
    };
    assert_eq!((read(0), read(39)), (0, 8_640), "the oldest went, the newest stayed");
    let trend = history.trend(1, START, START + 40 * DAY, 40).unwrap();
    assert_eq!(trend.buckets.iter().map(|b| b.count).sum::<u64>(), 40 * 8_640, "hours stand");

    // Others fill the disk: what can be given up is, then history refuses and leaves nothing behind.
    disk.leave(LEAST_FREE - MIB);
    let refused = take(&history, 40).unwrap_err();
    assert!(matches!(refused, HistoryError::NoRoom { .. }), "{refused}");
    assert!(!history.has_segment(40), "the journal must keep it");
    assert_eq!(read(39), 8_640, "the newest day is not given up");
    let listed = history.view().files.len();
    let files = names(&home).iter().filter(|name| name.ends_with(".anh")).count();
    assert_eq!(files, listed, "no half-written file is in the way");
    assert!(!names(&home).iter().any(|name| name.ends_with(".new")));

    // The journal goes on down to its own reserve, and the alarm log on that.
    let record = Record {
        received: UtcMillis(START),
        kind: RecordKind::Frame,
        source: 1,
        payload: vec![1; 100_000].into(),
    };
    let appended = loop {
        match journal.append(vec![record.clone()]).await {
            Ok(offset) => assert!(offset.0 < 100, "the disk is never full"),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(appended, JournalError::NoRoom { .. }), "{appended}");
    assert!(disk.free() >= RESERVED);
    let (_, next) = journal.bounds();
    assert!(next > Offset(10), "the journal had room of its own beyond history's");
    for nth in 0..200 {
        state.commit(vec![commit(100 + nth)], UtcMillis(START)).await.unwrap();
    }
    assert_eq!(state.last_alarm().0, 241);

    // Room again: what was refused comes in.
    fs::remove_file(folder.path().join("ballast")).unwrap();
    take(&history, 40).unwrap();
    assert_eq!(read(40), 8_640);
}

#[test]
fn a_bound_beyond_the_disk_refuses_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = HistoryOptions { least_free_bytes: u64::MAX / 2, ..HistoryOptions::default() };
    let history = EmbeddedHistory::open(folder.path(), options).unwrap();
    let before = names(folder.path());
    let refused = history.append_segment(1, &mut rows_of(0)).unwrap_err();
    assert!(matches!(refused, HistoryError::NoRoom { least, .. } if least == u64::MAX / 2));
    assert_eq!(names(folder.path()), before);
    assert_eq!(history.shed().unwrap(), None);
}
