//! How well an alarm system treats the people who watch it: rates, floods, bad actors, how fast alarms are answered.
//!
//! After EEMUA 191, ISA-18.2 and IEC 62682 as far as `monitoring.md` §5 has them. Targets are given with each figure where it is shown; those
//! marked *recalled* there are proposals. Only what was annunciated counts: an alarm that came while it was shelved called nobody.

use std::collections::{BTreeMap, VecDeque};

use crate::alarm::Level;
use crate::time::UtcMillis;

/// The interval in which alarms are counted.
pub const TEN_MINUTES_MS: i64 = 600_000;
/// A flood begins with more than so many alarms in ten minutes (verified) …
pub const FLOOD_BEGINS_ABOVE: usize = 10;
/// … and ends when there are fewer than so many (recalled).
pub const FLOOD_ENDS_BELOW: usize = 5;
/// An alarm chatters that is raised so often within a minute (three transitions, verified; counted by raises).
pub const CHATTER_RAISES: usize = 3;
const CHATTER_MS: i64 = 60_000;
/// An alarm that has stood for longer is stale (verified).
pub const STALE_AFTER_MS: i64 = 24 * 3_600_000;
const DAY_MS: f64 = 86_400_000.0;

/// One annunciated occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Which alarm, as the caller numbers them.
    pub alarm: usize,
    /// Severity.
    pub level: Level,
    /// When it began.
    pub raised: UtcMillis,
    /// When it was acknowledged.
    pub acknowledged: Option<UtcMillis>,
    /// When it ended.
    pub cleared: Option<UtcMillis>,
}

/// A time in which nobody can read what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// When it began.
    pub from: UtcMillis,
    /// When it ended, or the end of the period.
    pub to: UtcMillis,
    /// How many alarms came in it.
    pub alarms: usize,
}

/// Median and 95 % quantile, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// Half of them took no longer.
    pub median_ms: i64,
    /// 95 % of them took no longer.
    pub p95_ms: i64,
}

/// The figures of a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Annunciated alarms.
    pub alarms: usize,
    /// On average in ten minutes.
    pub per_ten_minutes: f64,
    /// On average a day.
    pub per_day: f64,
    /// Most in any ten minutes, and when those ended.
    pub peak: Option<(usize, UtcMillis)>,
    /// Floods, oldest first.
    pub floods: Vec<Flood>,
    /// Share of the period in flood, 0 to 1.
    pub flood_share: f64,
    /// How many of each level.
    pub by_level: [usize; 4],
    /// The most frequent alarms with how often each came, at most ten.
    pub top: Vec<(usize, usize)>,
    /// Share of those in all alarms, 0 to 1.
    pub top_share: f64,
    /// Alarms that chattered, with the most raises of each within a minute; the worst first.
    pub chattering: Vec<(usize, usize)>,
    /// Occurrences that nobody has acknowledged.
    pub unanswered: usize,
    /// From the beginning to the acknowledgement.
    pub to_acknowledge: Option<Took>,
    /// From the beginning to the end.
    pub to_clear: Option<Took>,
}

impl Health {
    /// The figures of what was raised in `from..to`. `occurrences` in any order; those outside the period are left out.
    #[must_use]
    pub fn of(occurrences: &[Occurrence], from: UtcMillis, to: UtcMillis) -> Self {
        let mut all: Vec<&Occurrence> =
            occurrences.iter().filter(|o| from <= o.raised && o.raised < to).collect();
        all.sort_by_key(|o| o.raised);
        #[allow(clippy::cast_precision_loss)]
        let (count, length) = (all.len() as f64, (to.0 - from.0).max(1) as f64);
        let (peak, floods) = rates(&all, to);
        let flooded: i64 = floods.iter().map(|flood| flood.to.0 - flood.from.0).sum();
        let mut by_level = [0; 4];
        let mut of_alarm: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        for occurrence in &all {
            by_level[usize::from(occurrence.level.get()) - 1] += 1;
            of_alarm.entry(occurrence.alarm).or_default().push(occurrence.raised.0);
        }
        let mut top: Vec<(usize, usize)> =
            of_alarm.iter().map(|(&alarm, raises)| (alarm, raises.len())).collect();
        top.sort_by_key(|&(alarm, count)| (std::cmp::Reverse(count), alarm));
        top.truncate(10);
        let of_top: usize = top.iter().map(|(_, count)| count).sum();
        let mut chattering: Vec<(usize, usize)> = of_alarm
            .iter()
            .map(|(&alarm, raises)| (alarm, most_within(raises, CHATTER_MS)))
            .filter(|&(_, most)| CHATTER_RAISES <= most)
            .collect();
        chattering.sort_by_key(|&(alarm, most)| (std::cmp::Reverse(most), alarm));
        #[allow(clippy::cast_precision_loss)]
        Self {
            alarms: all.len(),
            per_ten_minutes: count * TEN_MINUTES_MS as f64 / length,
            per_day: count * DAY_MS / length,
            peak,
            floods,
            flood_share: flooded as f64 / length,
            by_level,
            top,
            top_share: of_top as f64 / count.max(1.0),
            chattering,
            unanswered: all.iter().filter(|o| o.acknowledged.is_none()).count(),
            to_acknowledge: took(&all, |o| o.acknowledged),
            to_clear: took(&all, |o| o.cleared),
        }
    }
}

/// The most alarms in any ten minutes, and the floods.
fn rates(all: &[&Occurrence], end: UtcMillis) -> (Option<(usize, UtcMillis)>, Vec<Flood>) {
    let mut peak: Option<(usize, UtcMillis)> = None;
    let mut floods: Vec<Flood> = Vec::new();
    let mut begun: Option<(UtcMillis, usize)> = None;
    let mut window: VecDeque<i64> = VecDeque::new();
    // In a flood: when the last ten minutes hold too few alarms to be one any more, if none comes.
    let dries_up = |window: &VecDeque<i64>| {
        let at = window.len().checked_sub(FLOOD_ENDS_BELOW);
        at.and_then(|at| window.get(at)).map(|first| UtcMillis(first + TEN_MINUTES_MS))
    };
    for (number, occurrence) in all.iter().enumerate() {
        let now = occurrence.raised;
        if let Some((from, first)) = begun
            && let Some(over) = dries_up(&window)
            && over <= now
        {
            floods.push(Flood { from, to: over, alarms: number - first });
            begun = None;
        }
        window.push_back(now.0);
        while window.front().is_some_and(|&first| first <= now.0 - TEN_MINUTES_MS) {
            window.pop_front();
        }
        if peak.is_none_or(|(most, _)| most < window.len()) {
            peak = Some((window.len(), now));
        }
        if begun.is_none() && FLOOD_BEGINS_ABOVE < window.len() {
            // It began with the first of those that made it one, but for what belongs to the flood before.
            let before = floods.last().map_or(i64::MIN, |flood| flood.to.0);
            let own = window.iter().filter(|&&at| before <= at).count();
            let from = window.iter().find(|&&at| before <= at).copied().unwrap_or(now.0);
            begun = Some((UtcMillis(from), number + 1 - own));
        }
    }
    if let Some((from, first)) = begun {
        let to = dries_up(&window).map_or(end, |over| over.min(end));
        floods.push(Flood { from, to, alarms: all.len() - first });
    }
    (peak, floods)
}

/// The most of these ascending moments that lie within a span.
fn most_within(moments: &[i64], span_ms: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, &moment) in moments.iter().enumerate() {
        while moments[first] <= moment - span_ms {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

fn took(all: &[&Occurrence], end: impl Fn(&Occurrence) -> Option<UtcMillis>) -> Option<Took> {
    let mut took: Vec<i64> =
        all.iter().filter_map(|o| Some((end(o)?.0 - o.raised.0).max(0))).collect();
    took.sort_unstable();
    let at = |share: usize| took.get((took.len() * share).div_ceil(100).saturating_sub(1)).copied();
    Some(Took { median_ms: at(50)?, p95_ms: at(95)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;

    fn at(alarm: usize, raised: i64) -> Occurrence {
        Occurrence {
            alarm,
            level: Level::THREE,
            raised: UtcMillis(raised),
            acknowledged: Some(UtcMillis(raised + 1_000)),
            cleared: Some(UtcMillis(raised + 10_000)),
        }
    }

    fn health(occurrences: &[Occurrence], minutes: i64) -> Health {
        Health::of(occurrences, UtcMillis(0), UtcMillis(minutes * MINUTE))
    }

    #[test]
    fn a_quiet_shift_has_no_flood_and_its_average() {
        let all: Vec<_> = (0..48).map(|n| at(n, n as i64 * 10 * MINUTE)).collect();
        let health = health(&all, 480);
        assert_eq!((health.alarms, health.per_ten_minutes, health.per_day), (48, 1.0, 144.0));
        assert_eq!(health.peak, Some((1, UtcMillis(0))));
        assert_eq!((health.floods.len(), health.flood_share), (0, 0.0));
        assert_eq!(health.to_acknowledge, Some(Took { median_ms: 1_000, p95_ms: 1_000 }));
    }

    #[test]
    fn a_flood_begins_with_the_eleventh_alarm_of_ten_minutes_and_ends_with_fewer_than_five() {
        // One every thirty seconds from minute 10 on: eleven are there at minute 15.
        let burst = |n: i64| (0..n).map(|i| at(0, 10 * MINUTE + i * 30_000)).collect::<Vec<_>>();
        assert_eq!(health(&burst(10), 60).floods, []);
        let health = health(&burst(11), 60);
        // When the seventh, that of minute 13, is ten minutes old, four are left.
        let (from, to) = (UtcMillis(10 * MINUTE), UtcMillis(23 * MINUTE));
        assert_eq!(health.floods, [Flood { from, to, alarms: 11 }]);
        assert_eq!(health.peak, Some((11, UtcMillis(15 * MINUTE))));
        assert!((health.flood_share - 13.0 / 60.0).abs() < 1e-9, "{}", health.flood_share);
    }

    #[test]
    fn a_flood_that_goes_on_ends_with_the_period_and_two_are_told_apart() {
        let burst = |from: i64, n: i64| (0..n).map(move |i| at(0, from * MINUTE + i * 1_000));
        let all: Vec<_> = burst(5, 20).chain(burst(60, 30)).collect();
        let health = health(&all, 61);
        assert_eq!(health.floods.len(), 2);
        assert_eq!((health.floods[0].alarms, health.floods[1].alarms), (20, 30));
        assert_eq!(health.floods[1].to, UtcMillis(61 * MINUTE));
    }

    #[test]
    fn bad_actors_are_found() {
        let mut all = vec![at(7, 0), at(7, 20_000), at(7, 59_000), at(7, 200_000)];
        all.extend((0..12).map(|n| at(n + 100, 3_600_000 + n as i64 * 10 * MINUTE)));
        all.push(Occurrence { cleared: None, acknowledged: None, level: Level::ONE, ..at(9, 0) });
        let health = health(&all, 25 * 60);
        assert_eq!(health.chattering, [(7, 3)]);
        assert_eq!((health.top[0], health.top.len()), ((7, 4), 10));
        assert!((health.top_share - 13.0 / 17.0).abs() < 1e-9);
        assert_eq!(health.unanswered, 1);
        assert_eq!(health.by_level, [1, 0, 16, 0]);
    }

    #[test]
    fn nothing_is_nothing() {
        let health = health(&[], 60);
        assert_eq!((health.alarms, health.peak, health.top_share), (0, None, 0.0));
        assert_eq!((health.to_acknowledge, health.to_clear), (None, None));
    }

    proptest! {
        #[test]
        fn floods_lie_apart_within_the_period_and_hold_what_they_say(
            moments in prop::collection::vec(0..7_200_000_i64, 0..200),
        ) {
            let all: Vec<_> = moments.iter().map(|&m| at(0, m)).collect();
            let health = health(&all, 120);
            let mut last = UtcMillis(0);
            for flood in &health.floods {
                prop_assert!(last <= flood.from && flood.from < flood.to);
                prop_assert!(flood.to <= UtcMillis(120 * MINUTE));
                let inside = moments.iter().filter(|&&m| flood.from.0 <= m && m < flood.to.0);
                prop_assert_eq!(inside.count(), flood.alarms);
                // Up to four of those that made it one may belong to the flood before.
                prop_assert!(FLOOD_BEGINS_ABOVE < flood.alarms + FLOOD_ENDS_BELOW - 1);
                last = flood.to;
            }
            prop_assert!(health.flood_share <= 1.0);
            let most = health.peak.map_or(0, |(most, _)| most);
            prop_assert_eq!(most > FLOOD_BEGINS_ABOVE, !health.floods.is_empty());
        }
    }
}
