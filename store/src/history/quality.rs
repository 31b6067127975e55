//! How complete a point's days were: counts by day, and when the point was first read.
//!
//! A page asks this for every point of an enterprise, once a minute. So what is merged is counted once: a day's roll-ups
//! change only when a file of that day is written, which always has a higher number than those before it, and the counts
//! are kept beside the highest number that they were made from. Anew each time is only what is not merged yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use super::embedded::{View, hold};
use super::file::FileKind;
use super::port::{DayQuality, HistoryError};
use super::query::{Query, floor_to};
use super::rollup::{DAY_MS, HOUR_MS, Rollup, roll_up};

/// Counts kept of days and of first readings, each: some 40 MB. Beyond, all are forgotten and gathered again.
const KEPT_MAX: usize = 500_000;

/// What is remembered between questions. Always right or not there: a wrong number never outlives a new file.
#[derive(Default)]
pub struct QualityCache {
    days: Mutex<HashMap<(u32, i64), Merged>>,
    first: Mutex<HashMap<u32, (u64, i64)>>,
}

/// What the merged hours of a point's day come to.
#[derive(Clone, Copy, Default)]
struct Merged {
    /// The newest file that it was made from; zero for none.
    newest: u64,
    /// The hours of the day that have a roll-up, a bit each.
    hours: u32,
    counts: Counts,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    count: u64,
    good: u64,
    bad: u64,
    late: u64,
    minutes: u32,
}

impl Counts {
    fn add(&mut self, r: &Rollup) {
        self.count += r.count as u64;
        self.good += r.good as u64;
        self.bad += r.bad as u64;
        self.late += r.late as u64;
        self.minutes += r.minutes as u32;
    }
}

/// Start of the day that `t` lies in, where days start `offset_ms` ahead of UTC's.
fn day_of(t: i64, offset_ms: i64) -> i64 {
    floor_to(t.saturating_add(offset_ms), DAY_MS).saturating_sub(offset_ms)
}

fn hour_bit(day: i64, t: i64) -> u32 {
    1u32.checked_shl(((t - day) / HOUR_MS) as u32).unwrap_or(0)
}

/// See [`super::port::History::day_quality`].
pub fn day_quality(
    view: &View,
    cache: &QualityCache,
    point: u32,
    (from, to): (i64, i64),
    offset_ms: i64,
) -> Result<Vec<DayQuality>, HistoryError> {
    if from >= to || view.groups_of(point).is_empty() {
        return Ok(Vec::new());
    }
    let (from, last) = (day_of(from, offset_ms), day_of(to.saturating_sub(1), offset_ms));
    let to = last.saturating_add(DAY_MS);
    let query = Query::new(view);
    let mut unmerged: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for hour in query.hours_in(FileKind::Block, point, from, to)? {
        if hour >= view.manifest.raw_floor_ms {
            unmerged.entry(day_of(hour, offset_ms)).or_default().push(hour);
        }
    }
    // A day of UTC touches two local ones.
    let mut days: BTreeSet<i64> = unmerged.keys().copied().collect();
    for utc in view.rolled_days(from, to) {
        days.insert(day_of(utc, offset_ms));
        days.insert(day_of(utc.saturating_add(DAY_MS - 1), offset_ms));
    }
    let mut out = Vec::new();
    for day in days.into_iter().filter(|day| (from..=last).contains(day)) {
        let mut merged = merged(view, cache, point, day)?;
        let hours = unmerged.remove(&day).unwrap_or_default();
        if hours.iter().any(|hour| merged.hours & hour_bit(day, *hour) != 0) {
            // An hour of which more has come than was merged: its roll-up is not the truth, the readings are.
            merged.counts = Counts::default();
            let rollups = query.rollups(FileKind::Hours, point, day, day.saturating_add(DAY_MS))?;
            rollups.values().filter(|r| !hours.contains(&r.t)).for_each(|r| merged.counts.add(r));
        }
        for hour in hours {
            let rows = query.rows_of_hour(point, hour, &[])?;
            roll_up(&rows, HOUR_MS).iter().for_each(|r| merged.counts.add(r));
        }
        let Counts { count, good, bad, late, minutes } = merged.counts;
        if count > 0 {
            let due_to_ms = day.saturating_add(DAY_MS);
            let minutes_seen = minutes;
            out.push(DayQuality {
                day_ms: day,
                due_from_ms: day,
                due_to_ms,
                count,
                good,
                bad,
                late,
                minutes_seen,
            });
        }
    }
    Ok(out)
}

fn merged(view: &View, cache: &QualityCache, point: u32, day: i64) -> Result<Merged, HistoryError> {
    let end = day.saturating_add(DAY_MS);
    let newest = view.newest_rolled(day, end);
    if let Some(known) = hold(&cache.days).get(&(point, day)).filter(|m| m.newest == newest) {
        return Ok(*known);
    }
    let mut merged = Merged { newest, ..Merged::default() };
    for r in Query::new(view).rollups(FileKind::Hours, point, day, end)?.values() {
        merged.hours |= hour_bit(day, r.t);
        merged.counts.add(r);
    }
    let mut days = hold(&cache.days);
    if days.len() >= KEPT_MAX {
        days.clear();
    }
    days.insert((point, day), merged);
    Ok(merged)
}

/// See [`super::port::History::first_reading_ms`].
pub fn first_reading_ms(
    view: &View,
    cache: &QualityCache,
    point: u32,
) -> Result<Option<i64>, HistoryError> {
    if view.groups_of(point).is_empty() {
        return Ok(None);
    }
    let query = Query::new(view);
    let raw_floor = view.manifest.raw_floor_ms;
    let unmerged = query.hours_in(FileKind::Block, point, i64::MIN, i64::MAX)?;
    let unmerged = unmerged.into_iter().find(|hour| *hour >= raw_floor);
    let known = hold(&cache.first).get(&point).copied();
    if let Some((newest, first)) = known
        && unmerged.is_none_or(|hour| hour > first)
        && newest == view.newest_rolled(i64::MIN, first.saturating_add(1))
    {
        return Ok(Some(first));
    }
    let mut hour = None;
    for utc in view.rolled_days(i64::MIN, i64::MAX) {
        let rollups = query.rollups(FileKind::Hours, point, utc, utc.saturating_add(DAY_MS))?;
        hour = rollups.keys().next().copied();
        if hour.is_some() {
            break;
        }
    }
    let merged = hour;
    let Some(hour) = merged.into_iter().chain(unmerged).min() else { return Ok(None) };
    // To the hour where the readings themselves have been given up.
    let rows = if hour >= raw_floor { query.rows_of_hour(point, hour, &[])? } else { Vec::new() };
    let first = rows.first().map_or(hour, |r| r.source_ms);
    if merged == Some(hour) && unmerged != Some(hour) {
        let mut known = hold(&cache.first);
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(point, (view.newest_rolled(i64::MIN, first.saturating_add(1)), first));
    }
    Ok(Some(first))
}
