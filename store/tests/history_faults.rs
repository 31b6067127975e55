//! The history under crashes and damage: at whatever write the disk fails, what was there stays, and the same call again
//! brings the rest; whatever byte is cut or flipped, the answer is right or an error, never something else.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anlan_store::history::disk::{Disk, RealDisk};
use anlan_store::history::{
    EmbeddedHistory, History, HistoryOptions, RawReading, ReadingRow, TrendSource,
};

const START: i64 = 1_767_225_600_000;
const HOUR: i64 = 3_600_000;

/// Fails every call once so many have succeeded, like a disk that died or a process that was killed.
struct DyingDisk {
    left: AtomicI64,
}

impl DyingDisk {
    fn step(&self) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            Ok(())
        } else {
            Err(io::Error::other("the disk died"))
        }
    }
}

impl Disk for DyingDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        RealDisk.create(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.step() {
            // Half of it arrives.
            RealDisk.write(file, &bytes[..bytes.len() / 2])?;
            return Err(e);
        }
        RealDisk.write(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step()?;
        RealDisk.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove(path)
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(folder)
    }
}

/// Three points of one group, one of another, over two hours at thirty seconds.
fn rows() -> Vec<ReadingRow> {
    let mut rows = Vec::new();
    for i in 0..240i64 {
        for point in 0..4u32 {
            rows.push(ReadingRow {
                point_no: point,
                group: point / 3,
                source_ms: START + i * 30_000,
                recv_ms: START + i * 30_000 + 50 + i % 7,
                value: ((i * i * (i64::from(point) + 3)) % 97) as f64 * 0.25,
                quality: if i % 40 == 5 { 24 } else { 192 },
                late: i > 200,
            });
        }
    }
    rows
}

fn expected(point: u32) -> Vec<RawReading> {
    rows().iter().filter(|r| r.point_no == point).map(ReadingRow::reading).collect()
}

/// Everything that the engine is asked to do; each step again must be harmless.
fn work(h: &EmbeddedHistory) -> Result<(), anlan_store::history::HistoryError> {
    let rows = rows();
    for (segment, part) in rows.chunks(160).enumerate() {
        h.append_segment(segment as u64, &mut part.iter().copied())?;
    }
    h.maintain(START + HOUR + HOUR / 2)?;
    h.append_segment(100, &mut rows[100..400].iter().copied())?;
    h.maintain(START + 30 * HOUR)?;
    Ok(())
}

#[test]
fn a_disk_that_dies_at_any_call_loses_nothing_that_was_taken_over() {
    let mut calls = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(DyingDisk { left: AtomicI64::new(calls) });
        let done = EmbeddedHistory::open_on(disk, folder.path(), HistoryOptions::default())
            .and_then(|h| work(&h).map(|()| h.view().manifest.clone()));
        // The process is gone; another opens the folder on a disk that works.
        let h = EmbeddedHistory::open(folder.path(), HistoryOptions::default()).unwrap();
        let known = (0..6).filter(|s| h.has_segment(*s)).count();
        for point in 0..4 {
            let rows = h.raw(point, i64::MIN, i64::MAX, usize::MAX).unwrap();
            let expected: Vec<_> = expected(point);
            let covered = expected.len().min(known * 40);
            assert!(
                rows == expected[..covered],
                "after call {calls}: what was taken over, and only that"
            );
        }
        work(&h).unwrap();
        for point in 0..4 {
            let rows = h.raw(point, i64::MIN, i64::MAX, usize::MAX).unwrap();
            assert!(
                rows == expected(point),
                "after call {calls} and another try: everything, once"
            );
        }
        if done.is_ok() {
            assert!(calls > 40, "the work takes more calls than that");
            return;
        }
        calls += 1;
    }
}

/// What the engine answers about everything, or that it could not.
fn answers(folder: &Path) -> Result<Vec<Vec<RawReading>>, String> {
    let h = EmbeddedHistory::open(folder, HistoryOptions::default()).map_err(|e| e.to_string())?;
    (0..4)
        .map(|point| {
            let count: u64 = h
                .trend(point, START, START + 2 * HOUR, 30)
                .map_err(|e| e.to_string())?
                .buckets
                .iter()
                .map(|b| b.count)
                .sum();
            let rows = h.raw(point, i64::MIN, i64::MAX, usize::MAX).map_err(|e| e.to_string())?;
            assert_eq!(count, rows.len() as u64, "a trend that is drawn is right");
            Ok(rows)
        })
        .collect()
}

fn damage_every_byte(merged: bool) {
    let folder = tempfile::tempdir().unwrap();
    let h = EmbeddedHistory::open(folder.path(), HistoryOptions::default()).unwrap();
    for (segment, part) in rows().chunks(500).enumerate() {
        h.append_segment(segment as u64, &mut part.iter().copied()).unwrap();
    }
    if merged {
        h.maintain(START + 30 * HOUR).unwrap();
    }
    drop(h);
    let right: Vec<_> = (0..4).map(expected).collect();
    assert!(answers(folder.path()).unwrap() == right);
    let mut noticed = 0u32;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        // Every byte of small files; of larger ones every thirteenth and all near the ends.
        let wanted = |i: &usize| {
            bytes.len() < 1500 || i.is_multiple_of(13) || *i < 100 || i + 100 > bytes.len()
        };
        for i in (0..bytes.len()).filter(wanted) {
            let mut flipped = bytes.clone();
            flipped[i] ^= 1 << (i % 8);
            for damaged in [&flipped[..], &bytes[..i]] {
                fs::write(&path, damaged).unwrap();
                match answers(folder.path()) {
                    Ok(rows) => assert!(rows == right, "{} byte {i}: wrong data", path.display()),
                    Err(_) => noticed += 1,
                }
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(answers(folder.path()).unwrap() == right, "put back, everything is well again");
    assert!(noticed > 500, "most damage is noticed; the rest lay where nothing asked");
}

#[test]
fn no_cut_or_flipped_byte_of_blocks_gives_wrong_data() {
    damage_every_byte(false);
}

#[test]
fn no_cut_or_flipped_byte_of_hours_and_roll_ups_gives_wrong_data() {
    damage_every_byte(true);
}

#[test]
fn a_lost_manifest_is_said_and_not_taken_for_an_empty_history() {
    let folder = tempfile::tempdir().unwrap();
    let h = EmbeddedHistory::open(folder.path(), HistoryOptions::default()).unwrap();
    h.append_segment(1, &mut rows().into_iter()).unwrap();
    drop(h);
    fs::remove_file(folder.path().join("MANIFEST")).unwrap();
    let Err(error) = EmbeddedHistory::open(folder.path(), HistoryOptions::default()) else {
        panic!("a history without its manifest opened");
    };
    assert!(error.to_string().contains("no manifest"), "{error}");
}

#[test]
fn retention_gives_up_raw_then_minutes_and_keeps_hours() {
    let folder = tempfile::tempdir().unwrap();
    let day = 24 * HOUR;
    let options = HistoryOptions {
        raw_keep_ms: 2 * day,
        minutes_keep_ms: 4 * day,
        ..HistoryOptions::default()
    };
    let h = EmbeddedHistory::open(folder.path(), options).unwrap();
    h.append_segment(1, &mut rows().into_iter()).unwrap();
    h.maintain(START + day).unwrap();
    assert_eq!(h.raw(1, START, START + 2 * HOUR, 9999).unwrap().len(), 240);
    h.maintain(START + 3 * day).unwrap();
    assert!(
        h.raw(1, START, START + 2 * HOUR, 9999).unwrap().is_empty(),
        "raw readings are given up"
    );
    let count = |pixels| -> u64 {
        let trend = h.trend(1, START, START + 2 * HOUR, pixels).unwrap();
        trend.buckets.iter().map(|b| b.count).sum()
    };
    assert_eq!((count(30), count(2)), (240, 240), "minutes and hours stand");
    // What comes later than that is not kept, and is counted.
    h.append_segment(2, &mut rows().into_iter().take(40)).unwrap();
    let done = h.maintain(START + 3 * day).unwrap();
    assert_eq!((done.too_late, done.readings_merged), (40, 0));
    assert_eq!((count(30), count(2)), (240, 240), "and is not drawn twice before that");
    h.maintain(START + 5 * day).unwrap();
    assert_eq!((count(30), count(2)), (240, 240), "hours stand for ever, also for narrow columns");
}

/// Four days of a reading in thirty seconds, one of each day at three in the morning far out.
fn four_days() -> Vec<ReadingRow> {
    let mut rows = Vec::new();
    for i in 0..4 * 2880i64 {
        let source_ms = START + i * 30_000;
        let spike = if i % 2880 == 360 { 1_000.0 } else { 0.0 };
        rows.push(ReadingRow {
            point_no: 1,
            group: 0,
            source_ms,
            recv_ms: source_ms + 50,
            value: if spike > 0.0 { spike } else { (i % 7) as f64 },
            quality: 192,
            late: false,
        });
    }
    rows
}

#[test]
fn a_trend_over_what_is_past_its_retention_is_drawn_from_the_finest_copy_left() {
    let day = 24 * HOUR;
    for (raw_days, minute_days, sources) in [
        // Columns of a second, of five minutes, of an hour; by the age of what they show.
        (2, 4, [TrendSource::Minutes, TrendSource::Minutes, TrendSource::Hours]),
        (2, 3, [TrendSource::Hours, TrendSource::Hours, TrendSource::Hours]),
        // Minutes kept shorter than readings: then readings are the finest copy.
        (4, 2, [TrendSource::Raw, TrendSource::Minutes, TrendSource::Hours]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = HistoryOptions {
            raw_keep_ms: raw_days * day,
            minutes_keep_ms: minute_days * day,
            ..HistoryOptions::default()
        };
        let h = EmbeddedHistory::open(folder.path(), options).unwrap();
        for (segment, part) in four_days().chunks(2880).enumerate() {
            h.append_segment(segment as u64, &mut part.iter().copied()).unwrap();
            h.maintain(part[part.len() - 1].source_ms).unwrap();
        }
        h.maintain(START + 4 * day).unwrap();
        let drawn = |from: i64, to: i64, width: i64| {
            let pixels = usize::try_from((to - from) / width).unwrap();
            let trend = h.trend(1, from, to, pixels).unwrap();
            assert!(trend.buckets.len() <= pixels + 1);
            let count: u64 = trend.buckets.iter().map(|b| b.count).sum();
            let max = trend.buckets.iter().map(|b| b.max).fold(f64::MIN, f64::max);
            (count, max, trend.source)
        };
        for (width, source) in [1_000, 300_000, HOUR].into_iter().zip(sources) {
            let kept = format!("{raw_days} days raw, {minute_days} minutes, columns of {width} ms");
            // Three to five in the morning of the first day, which is the oldest.
            let (from, to) = (START + 3 * HOUR, START + 5 * HOUR);
            assert_eq!(drawn(from, to, width), (240, 1_000.0, source), "{kept}");
            // Across the floors: every day's spike and every reading once.
            let (count, max, _) = drawn(START, START + 4 * day, width);
            assert_eq!((count, max), (4 * 2880, 1_000.0), "{kept}, everything");
        }
        // What is kept is drawn as finely as ever.
        let newest = START + 3 * day + 3 * HOUR;
        assert_eq!(drawn(newest, newest + HOUR, 1_000), (120, 1_000.0, TrendSource::Raw));
    }
}
