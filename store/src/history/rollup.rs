//! Roll-ups: what a minute or an hour of readings comes to.
//!
//! Minimum, maximum, first and last are values that were really read, bit for bit. The mean carries 24 bits and the moments
//! of the extremes whole seconds: enough to draw and to report, and a fraction of the size. Readings of bad quality are
//! counted and otherwise left out.

use anlan_domain::quality::Quality;

use super::port::RawReading;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// One minute or hour of a point. The values are NaN where no reading was usable.
#[derive(Clone, Copy, Debug)]
pub struct Rollup {
    /// Start, UTC milliseconds.
    pub t: i64,
    /// First usable value.
    pub first: f64,
    /// Last usable value.
    pub last: f64,
    /// Lowest usable value.
    pub min: f64,
    /// Highest usable value.
    pub max: f64,
    /// Mean of the usable values.
    pub mean: f64,
    /// Readings of any quality.
    pub count: i64,
    /// Of good quality.
    pub good: i64,
    /// Of bad quality.
    pub bad: i64,
    /// By the backfill lane.
    pub late: i64,
    /// Usable ones: these are in the mean.
    pub usable: i64,
    /// Minutes with a reading.
    pub minutes: i64,
    /// Seconds from the start to the lowest value.
    pub min_s: i64,
    /// Seconds from the start to the highest value.
    pub max_s: i64,
}

impl Rollup {
    /// The doubles that lie on the readings' grid, in stored order; the mean follows them.
    pub const DOUBLES: [fn(&Self) -> f64; 4] = [|r| r.first, |r| r.last, |r| r.min, |r| r.max];
    /// The whole numbers, in stored order. Counts are stored as differences from each other: mostly zero.
    pub const WHOLES: [fn(&Self) -> i64; 8] = [
        |r| r.count,
        |r| r.count - r.good,
        |r| r.bad,
        |r| r.late,
        |r| r.count - r.bad - r.usable,
        |r| r.minutes,
        |r| r.min_s,
        |r| r.max_s,
    ];

    /// From the stored order.
    #[must_use]
    pub fn from_fields(t: i64, doubles: [f64; 5], wholes: [i64; 8]) -> Self {
        let [first, last, min, max, mean] = doubles;
        let [count, not_good, bad, late, unusable, minutes, min_s, max_s] = wholes;
        Self {
            t,
            first,
            last,
            min,
            max,
            mean,
            count,
            good: count.wrapping_sub(not_good),
            bad,
            late,
            usable: count.wrapping_sub(bad).wrapping_sub(unusable),
            minutes,
            min_s,
            max_s,
        }
    }
}

/// Rolls ascending readings up by `width_ms`.
#[must_use]
pub fn roll_up(rows: &[RawReading], width_ms: i64) -> Vec<Rollup> {
    rows.chunk_by(|a, b| a.source_ms.div_euclid(width_ms) == b.source_ms.div_euclid(width_ms))
        .map(|rows| roll_up_one(rows, width_ms))
        .collect()
}

fn roll_up_one(rows: &[RawReading], width_ms: i64) -> Rollup {
    let t = rows[0].source_ms.div_euclid(width_ms) * width_ms;
    let mut r = Rollup {
        t,
        first: f64::NAN,
        last: f64::NAN,
        min: f64::NAN,
        max: f64::NAN,
        mean: f64::NAN,
        count: rows.len() as i64,
        good: 0,
        bad: 0,
        late: 0,
        usable: 0,
        minutes: 0,
        min_s: 0,
        max_s: 0,
    };
    let mut minute = i64::MIN;
    let mut sum = 0.0;
    for row in rows {
        let quality = Quality(row.quality);
        r.good += i64::from(quality.is_good());
        r.bad += i64::from(quality.is_bad());
        r.late += i64::from(row.late);
        if row.source_ms.div_euclid(MINUTE_MS) != minute {
            minute = row.source_ms.div_euclid(MINUTE_MS);
            r.minutes += 1;
        }
        if !row.is_usable() {
            continue;
        }
        let second = (row.source_ms - t) / 1000;
        if r.usable == 0 {
            r.first = row.value;
        }
        if r.usable == 0 || row.value < r.min {
            (r.min, r.min_s) = (row.value, second);
        }
        if r.usable == 0 || row.value > r.max {
            (r.max, r.max_s) = (row.value, second);
        }
        r.last = row.value;
        r.usable += 1;
        sum += row.value;
    }
    if r.usable > 0 {
        r.mean = f64::from((sum / r.usable as f64) as f32);
    }
    r
}
