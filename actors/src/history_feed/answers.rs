//! What is read for a person: a trend with its newest minutes from the journal, and the quality of the data day by day.

use std::sync::Arc;

use anlan_domain::ids::PointId;
use anlan_store::history::{
    DayQuality, History, HistoryError, PLANT_UTC_OFFSET_MS, RawReading, ReadingRow, Trend,
};
use anlan_store::journal::{Journal, JournalError};

use super::decoder::Decoder;
use super::{chain, first_unconsumed};
use crate::api::CenterError;
use crate::catalog::PointPlace;
use crate::shared::Shared;

/// Readings of a point that are not yet in the history, from the journal. Blocks.
fn tail(shared: &Arc<Shared>, place: PointPlace) -> Vec<RawReading> {
    let Some(config) = shared.catalog.host(place.host) else { return Vec::new() };
    let Some(point) = config.points.get(place.slot as usize) else { return Vec::new() };
    let gateway = config.gateways.iter().find(|(_, id)| *id == point.gateway).map(|(no, _)| *no);
    let Some(gateway) = gateway else { return Vec::new() };
    let mut decoder = Decoder::new(shared);
    let mut rows = Vec::new();
    for offset in shared.index.of(gateway) {
        // Trimmed meanwhile means that it is in the history by now.
        let Ok(records) = shared.ports.journal.read(offset, 1, usize::MAX) else { continue };
        for (_, record) in &records {
            decoder.rows(record, Some(place.no.0), &mut rows);
        }
    }
    rows.iter().map(ReadingRow::reading).collect()
}

fn place(shared: &Shared, point: &PointId) -> Result<PointPlace, CenterError> {
    shared.catalog.point(point).ok_or_else(|| CenterError::Unknown(point.to_string()))
}

fn history(shared: &Shared) -> Result<Arc<dyn History>, CenterError> {
    let none = || CenterError::NotReady("this center keeps no history".into());
    shared.ports.history.clone().ok_or_else(none)
}

/// A trend: history and what is not yet in it.
///
/// # Errors
/// When the point is not known or the history cannot be read.
pub async fn trend(
    shared: &Arc<Shared>,
    point: &PointId,
    from: i64,
    to: i64,
    pixels: usize,
) -> Result<Trend, CenterError> {
    let (place, history, shared) = (place(shared, point)?, history(shared)?, shared.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let tail = tail(&shared, place);
        history.trend_with_tail(place.no.0, from, to, pixels, &tail)
    });
    answer(asked.await)
}

/// Counts by the plant's days, for every day that `from..to` touches and that the history reaches, also those in which
/// nothing was read, each with the part in which readings were due: it ends where the history does, and on the day of the
/// point's first reading it begins with that.
///
/// # Errors
/// As [`trend`].
pub async fn day_quality(
    shared: &Arc<Shared>,
    point: &PointId,
    from: i64,
    to: i64,
) -> Result<Vec<DayQuality>, CenterError> {
    let (place, history, shared) = (place(shared, point)?, history(shared)?, shared.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let now = (shared.clock)().0;
        let until = to.min(horizon(&*shared.ports.journal, &*history, now));
        let point = place.no.0;
        let counted = history.day_quality(point, from, until, PLANT_UTC_OFFSET_MS)?;
        let first = history.first_reading_ms(point)?;
        Ok(due_days(&counted, from, until, first))
    });
    answer(asked.await)
}

/// Until when the history has everything that was received: the time of the first record that it has not.
///
/// Not the newest reading: were nothing received any more, that would stand still and hide it. The log goes on, because
/// time itself is logged.
fn horizon(journal: &dyn Journal, history: &dyn History, now: i64) -> i64 {
    // What is handed over and trimmed between the two looks is found further on at the next try.
    for _ in 0..3 {
        match journal.read(first_unconsumed(journal, Some(history)), 1, 1) {
            Ok(records) => return records.first().map_or(now, |(_, record)| record.received.0),
            Err(JournalError::Trimmed { .. }) => {}
            Err(error) => {
                // The journal itself will say so more loudly; a figure of quality is no reason to fail.
                tracing::warn!(error = %chain(&error), "how far the history reaches is not known");
                break;
            }
        }
    }
    now
}

/// A day for each that `from..until` touches, with what was counted in it and the part in which readings were due.
fn due_days(counted: &[DayQuality], from: i64, until: i64, first: Option<i64>) -> Vec<DayQuality> {
    const DAY_MS: i64 = 86_400_000;
    /// Ten years: more is asked by mistake.
    const DAYS_MAX: usize = 3_660;
    if from >= until {
        return Vec::new();
    }
    let start = from.saturating_add(PLANT_UTC_OFFSET_MS).div_euclid(DAY_MS).saturating_mul(DAY_MS);
    let days = std::iter::successors(Some(start.saturating_sub(PLANT_UTC_OFFSET_MS)), |day| {
        day.checked_add(DAY_MS)
    });
    days.take_while(|day| *day < until)
        .take(DAYS_MAX)
        .map(|day_ms| {
            let end = day_ms.saturating_add(DAY_MS);
            let nothing = DayQuality {
                day_ms,
                due_from_ms: day_ms,
                due_to_ms: end,
                count: 0,
                good: 0,
                bad: 0,
                late: 0,
                minutes_seen: 0,
            };
            let day = counted.iter().find(|day| day.day_ms == day_ms).copied().unwrap_or(nothing);
            let begins = first.filter(|first| (day_ms..end).contains(first)).unwrap_or(day_ms);
            DayQuality { due_from_ms: begins, due_to_ms: end.min(until).max(begins), ..day }
        })
        .collect()
}

fn answer<T>(
    asked: Result<Result<T, HistoryError>, tokio::task::JoinError>,
) -> Result<T, CenterError> {
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::error!(error = %chain(&error), "the history could not be read");
            Err(CenterError::NotReady(format!("the history could not be read: {error}")))
        }
        Err(_) => Err(CenterError::NotReady("the history crashed while it was read".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_225_600_000;
    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn a_day_is_due_from_the_first_reading_ever_to_where_the_history_ends() {
        let midnight = START - PLANT_UTC_OFFSET_MS;
        let counted = DayQuality {
            day_ms: midnight,
            due_from_ms: midnight,
            due_to_ms: midnight + DAY_MS,
            count: 7,
            good: 7,
            bad: 0,
            late: 0,
            minutes_seen: 1,
        };
        let due = |from, until, first| -> Vec<(i64, i64, u64)> {
            due_days(&[counted], from, until, first)
                .iter()
                .map(|d| (d.due_from_ms - midnight, d.due_to_ms - midnight, d.count))
                .collect()
        };
        let noon = midnight + DAY_MS / 2;
        let half = DAY_MS / 2;
        assert_eq!(due(noon, noon + 1_000, Some(midnight - 1)), [(0, half + 1_000, 7)]);
        assert_eq!(due(noon, noon + 1_000, Some(noon)), [(half, half + 1_000, 7)]);
        assert_eq!(due(noon, noon + 1_000, Some(noon + 2_000)), [(half + 2_000, half + 2_000, 7)]);
        assert_eq!(
            due(midnight - 1, noon, Some(noon - 60_000)),
            [(-DAY_MS, 0, 0), (half - 60_000, half, 7)],
            "days without a reading are there"
        );
        assert!(due(noon, noon, None).is_empty());
        let many = due_days(&[], i64::MIN, noon, None).len();
        assert_eq!(many, 3_660, "what is asked by mistake ends");
    }
}
