//! Sealed segments of the journal are handed to the history, each whole or not at all; the oldest history goes where there is
//! no room for the newest.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anlan_store::history::{History, HistoryError, ReadingRow};
use anlan_store::journal::{Journal, JournalError, Offset, Segment};

use super::decoder::Decoder;
use super::{chain, first_unconsumed};
use crate::shared::Shared;

/// Records read at a time.
const READ_RECORDS: usize = 256;
/// Bytes read at a time.
const READ_BYTES: usize = 2 * 1024 * 1024;

/// The rows of one sealed segment, read as they are asked for.
struct SegmentRows<'a> {
    journal: &'a dyn Journal,
    decoder: &'a mut Decoder,
    at: Offset,
    end: Offset,
    waiting: std::vec::IntoIter<ReadingRow>,
    failed: Option<JournalError>,
}

impl Iterator for SegmentRows<'_> {
    type Item = ReadingRow;

    fn next(&mut self) -> Option<ReadingRow> {
        loop {
            if let Some(row) = self.waiting.next() {
                return Some(row);
            }
            if self.at >= self.end {
                return None;
            }
            let records = match self.journal.read(self.at, READ_RECORDS, READ_BYTES) {
                Ok(records) => records,
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            };
            let (last, _) = records.last()?;
            let next = Offset(last.0 + 1);
            let mut rows = Vec::new();
            for (_, record) in records.iter().filter(|(offset, _)| *offset < self.end) {
                self.decoder.rows(record, None, &mut rows);
            }
            self.at = next;
            self.waiting = rows.into_iter();
        }
    }
}

/// Why a segment could not be handed over.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error("the history does not take segment {0}")]
    History(u64, #[source] HistoryError),
    #[error("segment {0} cannot be read")]
    Journal(u64, #[source] JournalError),
    #[error("the history cannot be maintained")]
    Maintain(#[source] HistoryError),
    #[error("old history cannot be given up for new")]
    Shed(#[source] HistoryError),
}

impl FeedError {
    fn is_no_room(&self) -> bool {
        matches!(
            self,
            Self::History(_, HistoryError::NoRoom { .. })
                | Self::Maintain(HistoryError::NoRoom { .. })
        )
    }
}

/// Hands a segment over. A segment that cannot be read whole is not handed over at all: the history takes what the
/// iterator gives, so its readability is checked first.
fn hand_over(
    journal: &dyn Journal,
    history: &dyn History,
    decoder: &mut Decoder,
    segment: &Segment,
) -> Result<u64, FeedError> {
    let mut at = segment.first;
    while at < segment.next {
        let records = journal
            .read(at, READ_RECORDS, READ_BYTES)
            .map_err(|error| FeedError::Journal(segment.id, error))?;
        let Some((last, _)) = records.last() else { break };
        at = Offset(last.0 + 1);
    }
    let mut rows = SegmentRows {
        journal,
        decoder,
        at: segment.first,
        end: segment.next,
        waiting: Vec::new().into_iter(),
        failed: None,
    };
    let appended = history
        .append_segment(segment.id, &mut rows)
        .map_err(|error| FeedError::History(segment.id, error))?;
    if let Some(error) = rows.failed {
        return Err(FeedError::Journal(segment.id, error));
    }
    Ok(appended.readings)
}

/// Does what needs room on the disk. Where there is none, the oldest history is given up first, day by day: journal and
/// alarm log must never want for room that old readings take. What the error was stands where nothing is left to give up;
/// the journal keeps what was not taken, and refuses when it comes to its own reserve.
pub(super) fn with_room<T>(
    history: &dyn History,
    mut attempt: impl FnMut() -> Result<T, FeedError>,
) -> Result<T, FeedError> {
    loop {
        let error = match attempt() {
            Err(error) if error.is_no_room() => error,
            other => return other,
        };
        let Some(shed) = history.shed().map_err(FeedError::Shed)? else {
            metrics::counter!("anlan_history_no_room_total").increment(1);
            return Err(error);
        };
        metrics::counter!("anlan_history_shed_bytes_total").increment(shed.bytes);
        tracing::error!(
            why = %chain(&error),
            day = shed.day_ms,
            bytes = shed.bytes,
            what = ?shed.source,
            "the disk is nearly full: the oldest day of history was given up; make room or keep history for less time"
        );
    }
}

/// Hands over what is sealed and not yet in the history, and says how many readings there were in all since the start.
/// What fails is tried again at the next seal.
pub(crate) async fn feed_sealed(shared: &Arc<Shared>) -> u64 {
    let Some(history) = shared.ports.history.clone() else {
        shared.index.forget_before(shared.ports.journal.bounds().1);
        return 0;
    };
    let with = shared.clone();
    let fed = tokio::task::spawn_blocking(move || {
        let journal = with.ports.journal.clone();
        let mut decoder = Decoder::new(&with);
        for segment in journal.segments() {
            if !segment.sealed || history.has_segment(segment.id) || segment.first == segment.next {
                continue;
            }
            let taken =
                with_room(&*history, || hand_over(&*journal, &*history, &mut decoder, &segment));
            match taken {
                Ok(readings) => {
                    metrics::counter!("anlan_history_readings_total").increment(readings);
                    with.index.fed.fetch_add(readings, Ordering::Relaxed);
                }
                Err(error) => {
                    metrics::counter!("anlan_history_feed_failures_total").increment(1);
                    tracing::error!(segment = segment.id, error = %chain(&error), "a segment did not enter the history; it is kept and tried again");
                    break;
                }
            }
        }
        with.index.forget_before(first_unconsumed(&*journal, Some(&*history)));
    });
    if fed.await.is_err() {
        metrics::counter!("anlan_history_feed_failures_total").increment(1);
        tracing::error!("the history crashed while it took a segment; it is tried again");
    }
    shared.index.fed.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::AtomicU64;

    use anlan_store::history::disk::{Disk, RealDisk};
    use anlan_store::history::{EmbeddedHistory, HistoryOptions};

    use super::*;

    const START: i64 = 1_767_225_600_000;
    const DAY_MS: i64 = 86_400_000;

    /// A disk whose free space is what is left of `room` beside the files of the folder.
    struct SmallDisk {
        room: AtomicU64,
    }

    impl Disk for SmallDisk {
        fn create(&self, path: &Path) -> io::Result<File> {
            RealDisk.create(path)
        }
        fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
            RealDisk.write(file, bytes)
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            RealDisk.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            RealDisk.remove(path)
        }
        fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
            let mut used = 0;
            for entry in std::fs::read_dir(folder)? {
                used += entry?.metadata()?.len();
            }
            Ok(self.room.load(Ordering::Relaxed).saturating_sub(used))
        }
    }

    fn rows_of(day: i64) -> impl Iterator<Item = ReadingRow> {
        (0..86_400 / 30).map(move |i| {
            let source_ms = START + day * DAY_MS + i * 30_000;
            let bits = (source_ms as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12;
            ReadingRow {
                point_no: 1,
                group: 0,
                source_ms,
                recv_ms: source_ms + 40,
                // Digits that no codec makes small.
                value: f64::from_bits(0x3FF0_0000_0000_0000 | bits),
                quality: 192,
                late: false,
            }
        })
    }

    #[test]
    fn history_gives_up_its_oldest_days_for_new_ones_and_stops_where_none_is_left() {
        const LEAST: u64 = 1 << 20;
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(SmallDisk { room: AtomicU64::new(LEAST + 700_000) });
        let options = HistoryOptions { least_free_bytes: LEAST, ..HistoryOptions::default() };
        let history = EmbeddedHistory::open_on(disk.clone(), folder.path(), options).unwrap();
        let take = |day: i64| {
            let segment = u64::try_from(day).unwrap();
            with_room(&history, || {
                history
                    .append_segment(segment, &mut rows_of(day))
                    .map_err(|error| FeedError::History(segment, error))
            })?;
            let now = START + (day + 1) * DAY_MS + 7_200_000;
            with_room(&history, || history.maintain(now).map_err(FeedError::Maintain))
        };
        for day in 0..40 {
            take(day).unwrap();
            assert!(disk.free_bytes(folder.path()).unwrap() >= LEAST, "day {day}");
        }
        let read = |day: i64| {
            let from = START + day * DAY_MS;
            history.raw(1, from, from + DAY_MS, usize::MAX).unwrap().len()
        };
        assert_eq!((read(0), read(39)), (0, 2880), "the oldest went, the newest stayed");
        let trend = history.trend(1, START, START + 40 * DAY_MS, 40).unwrap();
        let counted: u64 = trend.buckets.iter().map(|b| b.count).sum();
        assert_eq!(counted, 40 * 2880, "hours of all of it stand");

        disk.room.store(LEAST, Ordering::Relaxed);
        let refused = take(40).unwrap_err();
        assert!(refused.is_no_room(), "{refused}");
        assert!(!history.has_segment(40));
        assert_eq!(read(39), 2880, "the newest day is not given up");
        disk.room.store(LEAST + 700_000, Ordering::Relaxed);
        take(40).unwrap();
        assert_eq!(read(40), 2880, "what was refused comes in once there is room");
    }
}
