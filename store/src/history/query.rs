//! Answers: readings and trends, from whichever copy of the data is coarse enough to be quick and fine enough to be right.

use std::collections::{BTreeMap, BTreeSet};

use anlan_domain::quality::Quality;

use super::block::sort_and_unite;
use super::chunk::ChunkKey;
use super::embedded::View;
use super::file::FileKind;
use super::merge::newest_raw;
use super::port::{HistoryError, RawReading, Trend, TrendBucket, TrendSource};
use super::rollup::{DAY_MS, HOUR_MS, MINUTE_MS, Rollup};

/// Columns this wide or wider are drawn from one-minute roll-ups.
const MINUTES_FROM_MS: i64 = 2 * MINUTE_MS;

/// A query on one view.
pub struct Query<'a> {
    view: &'a View,
}

/// Start of the unit that `t` lies in.
pub fn floor_to(t: i64, unit: i64) -> i64 {
    t.div_euclid(unit).saturating_mul(unit)
}

impl<'a> Query<'a> {
    /// On this view.
    #[must_use]
    pub const fn new(view: &'a View) -> Self {
        Self { view }
    }

    fn groups(&self, point: u32) -> &'a [u32] {
        self.view.groups_of(point)
    }

    /// Hours of `from..to` of which the kind of file holds something of the point's groups.
    pub fn hours_in(
        &self,
        kind: FileKind,
        point: u32,
        from: i64,
        to: i64,
    ) -> Result<BTreeSet<i64>, HistoryError> {
        let mut hours = BTreeSet::new();
        let first = floor_to(from, HOUR_MS);
        for file in self.view.files_of(kind, from, to) {
            for group in self.groups(point) {
                for entry in file.entries(*group, first, to)? {
                    if (entry.points.0..=entry.points.1).contains(&point) {
                        hours.insert(entry.key.start_ms);
                    }
                }
            }
        }
        Ok(hours)
    }

    /// All readings of a point in one hour, united, with those of the tail.
    pub fn rows_of_hour(
        &self,
        point: u32,
        hour: i64,
        tail: &[RawReading],
    ) -> Result<Vec<RawReading>, HistoryError> {
        let mut rows = Vec::new();
        for group in self.groups(point) {
            let key = ChunkKey { group: *group, start_ms: hour };
            let mut places = newest_raw(self.view, key)?;
            for file in self.view.files_of(FileKind::Block, hour, hour.saturating_add(1)) {
                let entries = file.entries(*group, hour, hour.saturating_add(1))?;
                places.extend(entries.iter().map(|e| (file.clone(), *e)));
            }
            for (file, entry) in places {
                if (entry.points.0..=entry.points.1).contains(&point) {
                    let mut chunk = file.open()?.chunk(&entry)?;
                    rows.extend(chunk.readings(point).map_err(|e| file.damaged(entry.at, &e))?);
                }
            }
        }
        rows.extend(tail.iter().filter(|r| floor_to(r.source_ms, HOUR_MS) == hour));
        sort_and_unite(&mut rows);
        Ok(rows)
    }

    /// See [`super::port::History::raw_with_tail`].
    pub fn raw(
        &self,
        point: u32,
        from: i64,
        to: i64,
        limit: usize,
        tail: &[RawReading],
    ) -> Result<Vec<RawReading>, HistoryError> {
        let inside = |r: &RawReading| (from..to).contains(&r.source_ms);
        let mut hours = self.hours_in(FileKind::Raw, point, from, to)?;
        hours.append(&mut self.hours_in(FileKind::Block, point, from, to)?);
        hours.extend(tail.iter().filter(|r| inside(r)).map(|r| floor_to(r.source_ms, HOUR_MS)));
        let mut rows = Vec::new();
        for hour in hours {
            if rows.len() >= limit {
                break;
            }
            rows.extend(self.rows_of_hour(point, hour, tail)?.into_iter().filter(inside));
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// Roll-ups of a point that start in `from..to`, the newest of each moment.
    pub fn rollups(
        &self,
        kind: FileKind,
        point: u32,
        from: i64,
        to: i64,
    ) -> Result<BTreeMap<i64, Rollup>, HistoryError> {
        let mut found = BTreeMap::new();
        // A chunk of roll-ups spans a day at most and starts at its first hour or day.
        let first = floor_to(from, DAY_MS);
        for file in self.view.files_of(kind, from, to) {
            let mut open = None;
            for group in self.groups(point) {
                for entry in file.entries(*group, first, to)? {
                    if !(entry.points.0..=entry.points.1).contains(&point) {
                        continue;
                    }
                    if open.is_none() {
                        open = Some(file.open()?);
                    }
                    let Some(open) = &open else { continue };
                    let mut chunk = open.chunk(entry)?;
                    let rollups = chunk.rollups(point).map_err(|e| file.damaged(entry.at, &e))?;
                    for r in rollups.into_iter().filter(|r| (from..to).contains(&r.t)) {
                        found.insert(r.t, r);
                    }
                }
            }
        }
        Ok(found)
    }

    /// See [`super::port::History::trend_with_tail`].
    pub fn trend(
        &self,
        point: u32,
        from: i64,
        to: i64,
        pixels: usize,
        tail: &[RawReading],
    ) -> Result<Trend, HistoryError> {
        if from >= to {
            return Err(HistoryError::BadRequest("a trend over an empty range"));
        }
        if pixels == 0 {
            return Err(HistoryError::BadRequest("a trend of no pixels"));
        }
        let span = to.saturating_sub(from) as u64;
        let least = i64::try_from(span.div_ceil(pixels as u64)).unwrap_or(i64::MAX);
        let by_width = match least {
            w if w >= HOUR_MS => TrendSource::Hours,
            w if w >= MINUTES_FROM_MS => TrendSource::Minutes,
            _ => TrendSource::Raw,
        };
        // What is past its retention is drawn from the finest copy that is still there, in columns that this copy fills:
        // narrower ones would look like gaps.
        let old = self.given_up(point, from, to, by_width)?;
        let source = match (old.minutes.is_empty(), old.hours.is_empty()) {
            (_, false) => TrendSource::Hours,
            (false, true) => by_width.max(TrendSource::Minutes),
            (true, true) => by_width,
        };
        let unit = match source {
            TrendSource::Raw => 1,
            TrendSource::Minutes => MINUTE_MS,
            TrendSource::Hours => HOUR_MS,
        };
        let width = (least + unit - 1) / unit * unit;
        let mut drawing = Drawing { width, buckets: BTreeMap::new() };
        for rollup in old.minutes.values().chain(old.hours.values()) {
            drawing.add_rollup(rollup);
        }
        let from_kept = from.max(self.view.manifest.raw_floor_ms);
        match by_width {
            TrendSource::Raw => {
                for row in self.raw(point, from_kept, to, usize::MAX, tail)? {
                    drawing.add_reading(&row);
                }
            }
            TrendSource::Minutes => {
                self.draw_rolled(point, (from, to), FileKind::Minutes, tail, &mut drawing)?;
            }
            TrendSource::Hours => {
                self.draw_rolled(point, (from, to), FileKind::Hours, tail, &mut drawing)?;
            }
        }
        Ok(Trend { width_ms: width, source, buckets: drawing.finish() })
    }

    /// Where one-minute roll-ups begin. Every day has them until its retention gives up the whole day, so the oldest file
    /// says it.
    fn minutes_from(&self) -> i64 {
        let minutes = self.view.files.iter().filter(|f| f.meta.kind == FileKind::Minutes);
        minutes.map(|f| f.meta.from_ms).min().unwrap_or(i64::MAX)
    }

    /// Roll-ups for the part of a range of which what `wanted` would be drawn from has been given up.
    fn given_up(
        &self,
        point: u32,
        from: i64,
        to: i64,
        wanted: TrendSource,
    ) -> Result<GivenUp, HistoryError> {
        let mut old = GivenUp::default();
        let raw_until = self.view.manifest.raw_floor_ms.min(to);
        if wanted == TrendSource::Raw && from < raw_until {
            let first = floor_to(from, MINUTE_MS);
            old.minutes = self.rollups(FileKind::Minutes, point, first, raw_until)?;
        }
        let minutes_until = self.minutes_from().min(raw_until);
        if wanted < TrendSource::Hours && from < minutes_until {
            let first = floor_to(from, HOUR_MS);
            old.hours = self.rollups(FileKind::Hours, point, first, minutes_until)?;
        }
        Ok(old)
    }

    /// Whole units from roll-ups; what is cut by the range's ends or not merged yet from readings, and so is what has
    /// readings and no roll-ups any more.
    fn draw_rolled(
        &self,
        point: u32,
        (from, to): (i64, i64),
        kind: FileKind,
        tail: &[RawReading],
        drawing: &mut Drawing,
    ) -> Result<(), HistoryError> {
        let unit = if kind == FileKind::Hours { HOUR_MS } else { MINUTE_MS };
        let raw_floor = self.view.manifest.raw_floor_ms;
        let mut from_readings = self.hours_in(FileKind::Block, point, from, to)?;
        let inside = |t: i64| (from..to).contains(&t);
        from_readings.extend(
            tail.iter().filter(|r| inside(r.source_ms)).map(|r| floor_to(r.source_ms, HOUR_MS)),
        );
        for end in [from, to] {
            if end.rem_euclid(unit) != 0 {
                from_readings.insert(floor_to(end, HOUR_MS));
            }
        }
        if kind == FileKind::Minutes {
            let (first, until) = (from.max(raw_floor), to.min(self.minutes_from()));
            if first < until {
                from_readings.append(&mut self.hours_in(FileKind::Raw, point, first, until)?);
            }
        }
        // Readings that came after their hour's had been given up go when blocks are merged: they are not shown before.
        from_readings.retain(|hour| *hour >= raw_floor);
        for hour in &from_readings {
            let rows = self.rows_of_hour(point, *hour, tail)?;
            for row in rows.iter().filter(|r| inside(r.source_ms)) {
                drawing.add_reading(row);
            }
        }
        for (t, rollup) in self.rollups(kind, point, floor_to(from, unit), to)? {
            if !from_readings.contains(&floor_to(t, HOUR_MS)) {
                drawing.add_rollup(&rollup);
            }
        }
        Ok(())
    }
}

/// Roll-ups that stand for what is past its retention.
#[derive(Default)]
struct GivenUp {
    minutes: BTreeMap<i64, Rollup>,
    hours: BTreeMap<i64, Rollup>,
}

/// A column of a trend being drawn.
struct Column {
    bucket: TrendBucket,
    first_t: i64,
    last_t: i64,
    usable: u64,
    sum: f64,
}

/// A trend being drawn; takes readings and roll-ups in any order.
struct Drawing {
    width: i64,
    buckets: BTreeMap<i64, Column>,
}

/// Part of a column, from one reading or one roll-up.
struct Piece {
    first: (i64, f64),
    last: (i64, f64),
    min: (i64, f64),
    max: (i64, f64),
    usable: u64,
    sum: f64,
}

impl Drawing {
    fn column(&mut self, t: i64) -> &mut Column {
        let start = floor_to(t, self.width);
        self.buckets.entry(start).or_insert_with(|| Column {
            bucket: TrendBucket {
                t: start,
                first: f64::NAN,
                last: f64::NAN,
                min: f64::NAN,
                max: f64::NAN,
                mean: f64::NAN,
                t_min: start,
                t_max: start,
                count: 0,
                bad: 0,
                late: 0,
            },
            first_t: i64::MAX,
            last_t: i64::MIN,
            usable: 0,
            sum: 0.0,
        })
    }

    fn add_reading(&mut self, r: &RawReading) {
        let column = self.column(r.source_ms);
        column.bucket.count += 1;
        column.bucket.bad += u64::from(Quality(r.quality).is_bad());
        column.bucket.late += u64::from(r.late);
        if r.is_usable() {
            let here = (r.source_ms, r.value);
            column.add(&Piece {
                first: here,
                last: here,
                min: here,
                max: here,
                usable: 1,
                sum: r.value,
            });
        }
    }

    fn add_rollup(&mut self, r: &Rollup) {
        let column = self.column(r.t);
        column.bucket.count += r.count as u64;
        column.bucket.bad += r.bad as u64;
        column.bucket.late += r.late as u64;
        if r.usable > 0 {
            column.add(&Piece {
                first: (r.t, r.first),
                last: (r.t, r.last),
                min: (r.t + r.min_s * 1000, r.min),
                max: (r.t + r.max_s * 1000, r.max),
                usable: r.usable as u64,
                sum: r.mean * r.usable as f64,
            });
        }
    }

    fn finish(self) -> Vec<TrendBucket> {
        self.buckets
            .into_values()
            .map(|c| TrendBucket {
                mean: if c.usable > 0 { c.sum / c.usable as f64 } else { f64::NAN },
                ..c.bucket
            })
            .collect()
    }
}

impl Column {
    fn add(&mut self, piece: &Piece) {
        let b = &mut self.bucket;
        if piece.first.0 < self.first_t {
            (self.first_t, b.first) = piece.first;
        }
        if piece.last.0 >= self.last_t {
            (self.last_t, b.last) = piece.last;
        }
        if self.usable == 0
            || piece.min.1 < b.min
            || (piece.min.1 == b.min && piece.min.0 < b.t_min)
        {
            (b.t_min, b.min) = piece.min;
        }
        if self.usable == 0
            || piece.max.1 > b.max
            || (piece.max.1 == b.max && piece.max.0 < b.t_max)
        {
            (b.t_max, b.max) = piece.max;
        }
        self.usable += piece.usable;
        self.sum += piece.sum;
    }
}
