//! What every history must do, whoever keeps it: one suite for the embedded engine and for those to come.
//!
//! Each check opens an empty history of its own and compares its answers with the plain rows, before and after merging.

use super::port::{History, RawReading, ReadingRow, TrendBucket, TrendSource};
use super::rollup::{DAY_MS, HOUR_MS, MINUTE_MS};

const START: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z

/// Runs every check; panics with the sentence that does not hold.
pub fn conformance(engine: impl Fn() -> Box<dyn History>) {
    readings_come_back_bit_for_bit(&*engine());
    a_segment_counts_once(&*engine());
    the_limit_and_the_range_are_kept(&*engine());
    a_trend_keeps_every_extreme_and_shows_gaps(&*engine());
    a_long_trend_agrees_with_the_readings(&*engine());
    late_readings_join_without_duplicates(&*engine());
    the_tail_joins_without_duplicates(&*engine());
    days_are_counted(&*engine());
    days_begin_where_they_are_asked_to(&*engine());
    the_first_reading_is_known(&*engine());
    the_oldest_day_is_shed_first_and_the_newest_never(&*engine());
    nonsense_is_refused(&*engine());
}

/// A small deterministic stream of numbers.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = self.0 ^ self.0 >> 33;
        x.wrapping_mul(0xFF51_AFD7_ED55_8CCD) >> 11
    }
}

fn row(point_no: u32, source_ms: i64, value: f64) -> ReadingRow {
    ReadingRow {
        point_no,
        group: point_no / 10,
        source_ms,
        recv_ms: source_ms + 40,
        value,
        quality: 192,
        late: false,
    }
}

fn append(h: &dyn History, segment: u64, rows: &[ReadingRow]) -> u64 {
    h.append_segment(segment, &mut rows.iter().copied()).expect("a segment is taken over").readings
}

fn maintain(h: &dyn History, now: i64) {
    h.maintain(now).expect("maintenance");
}

fn raw(h: &dyn History, point: u32) -> Vec<RawReading> {
    h.raw(point, i64::MIN, i64::MAX, usize::MAX).expect("readings")
}

fn of(rows: &[ReadingRow], point: u32) -> Vec<RawReading> {
    rows.iter().filter(|r| r.point_no == point).map(ReadingRow::reading).collect()
}

fn readings_come_back_bit_for_bit(h: &dyn History) {
    let payload = f64::from_bits(0x7FF8_0000_DEAD_BEEF);
    let odd =
        [payload, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX, -1.5, 0.1 + 0.2];
    let mut dice = Dice(1);
    let mut rows = Vec::new();
    for i in 0..3 * 3600i64 {
        let t = START + i * 1000 + (dice.next() % 7) as i64;
        for point in 0..12u32 {
            let mut r = row(point, t, (dice.next() % 4096) as f64 * 0.025);
            match point {
                3 => r.value = odd[i as usize % odd.len()],
                4 => r.value = f64::from_bits(dice.next() << 1),
                5 => r.quality = if i % 100 < 3 { 24 } else { 192 },
                6 => r.value = 7.25,
                7 if i % 5 != 0 => continue,
                8 => r.source_ms += 13 * (i % 3),
                9 => r.value = f64::from((i as f32).sin()),
                _ => {}
            }
            r.recv_ms = t + 35 + (dice.next() % 30) as i64;
            r.late = i / 600 == 7;
            rows.push(r);
        }
    }
    for (segment, part) in rows.chunks(rows.len() / 7).enumerate() {
        append(h, segment as u64, part);
    }
    for round in 0..3 {
        for point in 0..12 {
            let expected = of(&rows, point);
            assert!(
                raw(h, point) == expected,
                "point {point} comes back bit for bit, round {round}"
            );
        }
        assert!(raw(h, 99).is_empty(), "an unknown point has no readings");
        // First merge the first hour only, then everything.
        maintain(h, START + HOUR_MS + 10 * MINUTE_MS + i64::from(round) * DAY_MS);
    }
}

fn a_segment_counts_once(h: &dyn History) {
    let rows: Vec<_> = (0..100).map(|i| row(1, START + i * 1000, i as f64)).collect();
    assert!(!h.has_segment(7));
    assert_eq!(append(h, 7, &rows), 100);
    assert!(h.has_segment(7) && !h.has_segment(8));
    let again = h.append_segment(7, &mut rows.iter().copied()).expect("again");
    assert!(again.already_applied && again.readings == 0, "a known segment is a no-op");
    append(h, 8, &[]);
    assert!(h.has_segment(8), "an empty segment is known as well");
    assert_eq!(raw(h, 1).len(), 100);
    maintain(h, START + DAY_MS);
    append(h, 7, &rows);
    assert_eq!(raw(h, 1).len(), 100, "also after merging");
}

fn the_limit_and_the_range_are_kept(h: &dyn History) {
    let rows: Vec<_> = (0..7200).map(|i| row(1, START + i * 1000, i as f64)).collect();
    append(h, 1, &rows);
    for _ in 0..2 {
        let some = h.raw(1, START + 3_500_500, START + 3_700_000, 150).expect("readings");
        assert_eq!(some.len(), 150, "the limit is kept");
        assert_eq!(some[0].source_ms, START + 3_501_000, "oldest first, the start inclusive");
        let all = h.raw(1, START + 3_500_000, START + 3_700_000, 1000).expect("readings");
        assert_eq!(all.len(), 200, "the end is exclusive");
        assert!(h.raw(1, START + 10, START + 20, 5).expect("readings").is_empty());
        maintain(h, START + DAY_MS);
    }
}

/// The column that plain rows come to.
fn plain_bucket(rows: &[RawReading], t: i64) -> TrendBucket {
    let usable: Vec<_> = rows.iter().filter(|r| r.is_usable()).collect();
    let by = |a: &&&RawReading, b: &&&RawReading| a.value.total_cmp(&b.value);
    let min = usable.iter().min_by(by).expect("a usable reading");
    let max = usable.iter().rev().max_by(by).expect("a usable reading");
    TrendBucket {
        t,
        first: usable[0].value,
        last: usable[usable.len() - 1].value,
        min: min.value,
        max: max.value,
        mean: usable.iter().map(|r| r.value).sum::<f64>() / usable.len() as f64,
        t_min: min.source_ms,
        t_max: max.source_ms,
        count: rows.len() as u64,
        bad: rows.iter().filter(|r| r.quality < 64).count() as u64,
        late: rows.iter().filter(|r| r.late).count() as u64,
    }
}

fn a_trend_keeps_every_extreme_and_shows_gaps(h: &dyn History) {
    let mut dice = Dice(3);
    let mut rows = Vec::new();
    for i in (0..1800).chain(2400..3600i64) {
        let mut r = row(1, START + i * 1000, (dice.next() % 100_000) as f64 / 10.0);
        r.late = i % 50 == 0;
        if i % 97 == 0 {
            (r.quality, r.value) = (24, 1e9);
        }
        rows.push(r);
    }
    append(h, 1, &rows);
    let rows = of(&rows, 1);
    for _ in 0..2 {
        let trend = h.trend(1, START, START + HOUR_MS, 360).expect("a trend");
        assert_eq!((trend.width_ms, trend.source), (10_000, TrendSource::Raw));
        assert_eq!(trend.buckets.len(), 300, "a gap of ten minutes is sixty absent columns");
        for bucket in &trend.buckets {
            let inside: Vec<_> = rows
                .iter()
                .filter(|r| (bucket.t..bucket.t + 10_000).contains(&r.source_ms))
                .copied()
                .collect();
            let plain = plain_bucket(&inside, bucket.t);
            assert_eq!((bucket.min, bucket.max), (plain.min, plain.max), "extremes are kept");
            assert_eq!(
                (bucket.t_min, bucket.t_max),
                (plain.t_min, plain.t_max),
                "and their moments"
            );
            assert_eq!((bucket.first, bucket.last), (plain.first, plain.last));
            assert_eq!(
                (bucket.count, bucket.bad, bucket.late),
                (plain.count, plain.bad, plain.late)
            );
            assert!((bucket.mean - plain.mean).abs() <= 1e-9 * plain.mean.abs());
        }
        maintain(h, START + DAY_MS);
    }
}

fn a_long_trend_agrees_with_the_readings(h: &dyn History) {
    let mut dice = Dice(5);
    let mut rows = Vec::new();
    let mut level = 50.0;
    // Thirty days at one reading in 20 s, with a spike now and then.
    for i in 0..30 * 4320i64 {
        level += (dice.next() % 201) as f64 / 1000.0 - 0.1;
        let spike = if dice.next().is_multiple_of(9000) { 500.0 } else { 0.0 };
        rows.push(row(1, START + i * 20_000, ((level + spike) * 10.0).round() / 10.0));
    }
    for (segment, part) in rows.chunks(10_000).enumerate() {
        append(h, segment as u64, part);
        maintain(h, part[part.len() - 1].source_ms);
    }
    let rows = of(&rows, 1);
    for (from, to, pixels, source) in [
        (START + 12_345, START + 29 * DAY_MS + 54_321, 500, TrendSource::Hours),
        (START + 5 * DAY_MS - 777, START + 9 * DAY_MS, 800, TrendSource::Minutes),
        (START + 29 * DAY_MS, START + 30 * DAY_MS, 10, TrendSource::Hours),
    ] {
        let trend = h.trend(1, from, to, pixels).expect("a trend");
        assert_eq!(trend.source, source);
        assert!(
            trend.buckets.len() <= pixels + 1,
            "no more columns than asked for, but one at the start"
        );
        let mut count = 0;
        for bucket in &trend.buckets {
            let end = bucket.t + trend.width_ms;
            let inside: Vec<_> = rows
                .iter()
                .filter(|r| (bucket.t.max(from)..end.min(to)).contains(&r.source_ms))
                .copied()
                .collect();
            let plain = plain_bucket(&inside, bucket.t);
            assert_eq!(
                (bucket.min, bucket.max),
                (plain.min, plain.max),
                "extremes are kept at {}",
                bucket.t
            );
            assert_eq!((bucket.first, bucket.last), (plain.first, plain.last));
            assert_eq!(bucket.count, plain.count);
            assert!((bucket.t_min - plain.t_min).abs() < 1000, "to the second");
            assert!((bucket.mean - plain.mean).abs() < 1e-4 * plain.mean.abs());
            count += bucket.count;
        }
        let expected = rows.iter().filter(|r| (from..to).contains(&r.source_ms)).count() as u64;
        assert_eq!(count, expected, "every reading of the range is in one column");
    }
}

fn late_readings_join_without_duplicates(h: &dyn History) {
    let all: Vec<_> = (0..3 * 3600i64)
        .flat_map(|i| [row(1, START + i * 1000, i as f64), row(2, START + i * 1000, 0.5)])
        .collect();
    let lost =
        |r: &ReadingRow| r.point_no == 1 && (2000..5000).contains(&((r.source_ms - START) / 1000));
    let live: Vec<_> = all.iter().filter(|r| !lost(r)).copied().collect();
    append(h, 1, &live);
    maintain(h, START + DAY_MS);
    // The backfill overlaps what had come live by some minutes on both sides.
    let backfill: Vec<_> = all
        .iter()
        .filter(|r| r.point_no == 1 && (1700..5300).contains(&((r.source_ms - START) / 1000)))
        .map(|r| ReadingRow { recv_ms: START + 5 * DAY_MS, late: true, ..*r })
        .collect();
    append(h, 2, &backfill);
    for round in 0..3 {
        let rows = raw(h, 1);
        assert_eq!(rows.len(), 3 * 3600, "every reading once, round {round}");
        assert!(rows.windows(2).all(|w| w[0].source_ms < w[1].source_ms));
        assert!(
            rows.iter().enumerate().all(|(i, r)| r.late == (2000..5000).contains(&i)),
            "the first received is kept"
        );
        assert_eq!(raw(h, 2).len(), 3 * 3600, "a neighbour that had no part in it is untouched");
        let trend = h.trend(1, START, START + 3 * HOUR_MS, 90).expect("a trend");
        assert_eq!(
            trend
                .buckets
                .iter()
                .map(|b| (b.count, b.late))
                .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
            (10_800, 3000)
        );
        let day = h.day_quality(1, START, START + 1, 0).expect("a day");
        assert_eq!((day[0].count, day[0].late, day[0].minutes_seen), (10_800, 3000, 180));
        maintain(h, START + (6 + round) * DAY_MS);
    }
}

fn the_tail_joins_without_duplicates(h: &dyn History) {
    let rows: Vec<_> = (0..600).map(|i| row(1, START + i * 1000, i as f64)).collect();
    append(h, 1, &rows[..400]);
    let tail: Vec<_> = rows[300..].iter().map(ReadingRow::reading).collect();
    for _ in 0..2 {
        let joined = h.raw_with_tail(1, START, START + 500_000, 1000, &tail).expect("readings");
        assert_eq!(joined.len(), 500, "stored and fresh readings join");
        let trend = h.trend_with_tail(1, START, START + 600_000, 60, &tail).expect("a trend");
        assert_eq!(trend.buckets.iter().map(|b| b.count).sum::<u64>(), 600);
        let long = h
            .trend_with_tail(1, START - 30 * DAY_MS, START + 600_000, 100, &tail)
            .expect("a trend");
        assert_eq!(long.buckets.iter().map(|b| b.count).sum::<u64>(), 600, "also over roll-ups");
        assert_eq!(long.buckets.last().map(|b| b.last), Some(599.0));
        maintain(h, START + DAY_MS);
    }
}

fn days_are_counted(h: &dyn History) {
    let mut rows = Vec::new();
    for i in 0..2 * 1440i64 {
        let mut r = row(1, START + i * MINUTE_MS, 1.0);
        r.quality = match i % 10 {
            0 => 0,
            1 => 64,
            _ => 192,
        };
        if i % 4 != 3 {
            rows.push(r);
        }
    }
    append(h, 1, &rows);
    for _ in 0..3 {
        let days = h.day_quality(1, START + 5, START + DAY_MS + 5, 0).expect("days");
        assert_eq!(days.iter().map(|d| d.day_ms).collect::<Vec<_>>(), [START, START + DAY_MS]);
        for day in days {
            assert_eq!((day.count, day.good, day.bad, day.minutes_seen), (1080, 864, 144, 1080));
        }
        maintain(h, START + 3 * DAY_MS);
    }
}

fn days_begin_where_they_are_asked_to(h: &dyn History) {
    // From 14:00 to 20:00 of UTC is ten in the evening to four in the morning, eight hours ahead of it.
    let rows: Vec<_> = (14 * 60..20 * 60).map(|i| row(1, START + i * MINUTE_MS, 1.0)).collect();
    for (segment, part) in rows.chunks(45).enumerate() {
        append(h, segment as u64, part);
        maintain(h, part[part.len() - 1].source_ms);
        let (seen, offset) = ((segment as u64 + 1) * 45, 8 * HOUR_MS);
        let local = START + DAY_MS - offset;
        for _ in 0..2 {
            let days = h.day_quality(1, START, START + DAY_MS, offset).expect("days");
            let counts: Vec<_> = days.iter().map(|d| (d.day_ms, d.count, d.minutes_seen)).collect();
            let (before, after) = (seen.min(120), seen.saturating_sub(120));
            let expected = [(local - DAY_MS, before, before as u32), (local, after, after as u32)];
            assert!(counts.iter().eq(expected.iter().filter(|day| day.1 > 0)), "{counts:?}");
        }
    }
    // What comes late is counted also where the hour had been counted before.
    append(h, 99, &[ReadingRow { late: true, ..row(1, START + 14 * HOUR_MS + 7, 1.0) }]);
    for _ in 0..3 {
        let before = START - 9 * HOUR_MS;
        assert!(h.day_quality(1, before, before + 1, 8 * HOUR_MS).expect("days").is_empty());
        let days = h.day_quality(1, START, START + 1, 8 * HOUR_MS).expect("days");
        assert_eq!(days.iter().map(|d| (d.count, d.late)).collect::<Vec<_>>(), [(121, 1)]);
        maintain(h, START + DAY_MS);
    }
}

fn the_first_reading_is_known(h: &dyn History) {
    let first = |point| h.first_reading_ms(point).expect("an answer");
    assert_eq!(first(1), None);
    let at = START + 5 * DAY_MS + 1_234_567;
    append(h, 1, &[row(1, at, 1.0), row(1, at + DAY_MS, 1.0), row(2, at + 1, 1.0)]);
    for _ in 0..3 {
        assert_eq!((first(1), first(2), first(3)), (Some(at), Some(at + 1), None));
        maintain(h, at + 3 * DAY_MS);
    }
    // A backlog reaches further back, first within the hour, then by days.
    for (segment, back) in [(2, 1_000), (3, HOUR_MS), (4, 3 * DAY_MS)] {
        append(h, segment, &[row(1, at - back, 1.0)]);
        for _ in 0..2 {
            assert_eq!((first(1), first(2)), (Some(at - back), Some(at + 1)));
            maintain(h, at + 3 * DAY_MS);
        }
    }
}

fn the_oldest_day_is_shed_first_and_the_newest_never(h: &dyn History) {
    assert_eq!(h.shed().expect("an answer"), None, "an empty history has nothing to give up");
    let rows: Vec<_> = (0..3 * 1440).map(|i| row(1, START + i * MINUTE_MS, i as f64)).collect();
    append(h, 1, &rows);
    assert_eq!(h.shed().expect("an answer"), None, "what is not merged is not given up");
    maintain(h, START + 4 * DAY_MS);
    let day = |nth: i64| START + nth * DAY_MS;
    for (source, nth) in [
        (TrendSource::Raw, 0),
        (TrendSource::Raw, 1),
        (TrendSource::Minutes, 0),
        (TrendSource::Minutes, 1),
    ] {
        let shed = h.shed().expect("gives up a day").expect("there is one");
        assert_eq!((shed.source, shed.day_ms), (source, day(nth)));
        assert!(shed.bytes > 0);
    }
    assert_eq!(h.shed().expect("an answer"), None, "the newest day stays");
    assert_eq!(raw(h, 1), of(&rows[2 * 1440..], 1), "and every reading of it");
    for pixels in [3, 3 * 1440] {
        let trend = h.trend(1, START, day(3), pixels).expect("a trend");
        let count: u64 = trend.buckets.iter().map(|b| b.count).sum();
        assert_eq!(count, rows.len() as u64, "hours of every day stand");
    }
    maintain(h, START + 5 * DAY_MS);
    append(h, 2, &rows[..60]);
    let done = h.maintain(START + 5 * DAY_MS).expect("maintenance");
    assert_eq!(done.too_late, 60, "what was given up does not come back in part");
}

fn nonsense_is_refused(h: &dyn History) {
    assert!(h.trend(1, 5, 5, 10).is_err());
    assert!(h.trend(1, 0, 5, 0).is_err());
    assert!(h.trend(1, i64::MIN, i64::MAX, 7).expect("an empty trend").buckets.is_empty());
    assert!(h.raw(1, 5, 0, 10).expect("nothing").is_empty());
    assert!(h.day_quality(1, i64::MIN, i64::MAX, 0).expect("nothing").is_empty());
}
