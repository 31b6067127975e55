//! The embedded history: the conformance suite, crashes at any write, and damaged bytes.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};

use anlan_store::history::{EmbeddedHistory, History, HistoryOptions, ReadingRow, conformance};

#[test]
fn the_embedded_engine_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU64::new(0);
    conformance(|| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let path = folder.path().join(n.to_string());
        Box::new(EmbeddedHistory::open(&path, HistoryOptions::default()).unwrap())
    });
}

#[test]
fn the_embedded_engine_conforms_with_hardly_any_memory() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU64::new(0);
    let options =
        HistoryOptions { block_rows_max: 700, merge_points_max: 3, ..HistoryOptions::default() };
    conformance(|| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let path = folder.path().join(n.to_string());
        Box::new(EmbeddedHistory::open(&path, options).unwrap())
    });
}

#[test]
fn readers_and_maintenance_and_new_segments_never_disturb_each_other() {
    const START: i64 = 1_767_225_600_000;
    const SEGMENTS: u64 = 90;
    let folder = tempfile::tempdir().unwrap();
    let history = EmbeddedHistory::open(folder.path(), HistoryOptions::default()).unwrap();
    let done = AtomicU64::new(0);
    let rows = |segment: u64| {
        (0..60u32).flat_map(move |i| {
            (0..3u32).map(move |point_no| {
                let source_ms = START + (segment as i64 * 60 + i64::from(i)) * 4000;
                let value = f64::from((i * i + point_no) % 23) / 4.0;
                ReadingRow {
                    point_no,
                    group: 0,
                    source_ms,
                    recv_ms: source_ms + 9,
                    value,
                    quality: 192,
                    late: false,
                }
            })
        })
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for segment in 0..SEGMENTS {
                history.append_segment(segment, &mut rows(segment)).unwrap();
                done.store(segment + 1, Ordering::SeqCst);
            }
        });
        scope.spawn(|| {
            while done.load(Ordering::SeqCst) < SEGMENTS {
                let now = START + done.load(Ordering::SeqCst) as i64 * 240_000;
                history.maintain(now).unwrap();
            }
        });
        scope.spawn(|| {
            while done.load(Ordering::SeqCst) < SEGMENTS {
                let least = done.load(Ordering::SeqCst) * 60;
                let read = history.raw(1, i64::MIN, i64::MAX, usize::MAX).unwrap();
                assert!(read.len() as u64 >= least, "what was taken over is seen from then on");
                assert!(
                    read.windows(2).all(|w| w[0].source_ms + 4000 == w[1].source_ms),
                    "once, without a gap"
                );
            }
        });
    });
    drop(history);
    let history = EmbeddedHistory::open(folder.path(), HistoryOptions::default()).unwrap();
    for point in 0..3 {
        let expected: Vec<_> = (0..SEGMENTS)
            .flat_map(rows)
            .filter(|r| r.point_no == point)
            .map(|r| r.reading())
            .collect();
        assert!(history.raw(point, i64::MIN, i64::MAX, usize::MAX).unwrap() == expected);
    }
}
