//! What is counted: excursions of a series, and what the sensor of `domain` makes of the same series.
//!
//! A *spell* is a stretch of time, from its first moment to the first one after it. An excursion begins with the first sample
//! at or beyond the limit and ends with the next one that is not; it is a true one where it stands long enough. An alarm tells
//! an excursion when it stands at any moment of it; one that nothing tells is missed.

use std::sync::Arc;

use anlan_domain::alarm::{AlarmChange, Condition};
use anlan_domain::limits::{Limit, LimitKind, Limits};
use anlan_domain::point::{PointKind, PointSettings};
use anlan_domain::quality::Quality;
use anlan_domain::sensor::{Reading, Rules, Sensor, Watch};
use anlan_domain::suppression::Suppression;
use anlan_domain::time::{LineMillis, UtcMillis};

/// Values of one point over time.
#[derive(Clone, Debug)]
pub struct Series {
    /// Tag or column, for the list of what was missed.
    pub name: String,
    /// Signal type: decides the defaults.
    pub signal: &'static str,
    /// Engineering range.
    pub range: (f64, f64),
    /// Between two samples, in milliseconds.
    pub scan_ms: u32,
    /// Time in milliseconds and value, in order of time.
    pub samples: Vec<(i64, f64)>,
}

/// A stretch of time in which something held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spell {
    /// Which alarm it belongs to.
    pub condition: Condition,
    /// First moment.
    pub begin: i64,
    /// First moment after it.
    pub end: i64,
}

impl Spell {
    /// How long it lasted, in milliseconds.
    pub fn lasted_ms(&self) -> i64 {
        self.end - self.begin
    }

    /// Whether both belong to the same alarm and have a moment in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.condition == other.condition && self.begin < other.end && other.begin < self.end
    }
}

/// The condition of each limit.
pub const CONDITIONS: [(Condition, LimitKind); 4] = [
    (Condition::HighHigh, LimitKind::HighHigh),
    (Condition::High, LimitKind::High),
    (Condition::Low, LimitKind::Low),
    (Condition::LowLow, LimitKind::LowLow),
];

/// A limit with neither deadband nor delay.
pub fn bare(value: f64) -> Limit {
    Limit { value, ..Limit::default() }
}

/// Every excursion beyond every limit that stood for `stands_ms` at least.
pub fn excursions(series: &Series, limits: &Limits, stands_ms: i64) -> Vec<Spell> {
    let mut found = Vec::new();
    for (condition, kind) in CONDITIONS {
        let Some(limit) = limits.get(kind) else { continue };
        let beyond = |value: f64| match kind {
            LimitKind::HighHigh | LimitKind::High => value >= limit.value,
            LimitKind::Low | LimitKind::LowLow => value <= limit.value,
        };
        let mut begun = None;
        for &(at, value) in &series.samples {
            match (begun, beyond(value)) {
                (None, true) => begun = Some(at),
                (Some(begin), false) => {
                    found.push(Spell { condition, begin, end: at });
                    begun = None;
                }
                _ => {}
            }
        }
        found.extend(begun.map(|begin| Spell { condition, begin, end: end_of(series) }));
    }
    found.retain(|spell| spell.lasted_ms() >= stands_ms);
    found
}

/// The moment until which the last sample speaks.
fn end_of(series: &Series) -> i64 {
    series.samples.last().map_or(0, |&(at, _)| at + i64::from(series.scan_ms))
}

/// Every alarm of a limit that the sensor raises when it is fed with the series.
pub fn annunciations(series: &Series, limits: &Limits) -> Vec<Spell> {
    let rules = Rules::new(Arc::new(PointSettings {
        kind: PointKind::Analog,
        signal: series.signal.into(),
        unit: "".into(),
        range: series.range,
        scan_ms: series.scan_ms,
        missing_scans: 3,
        frozen_after_ms: None,
        limits: limits.clone(),
        of_hazard_source: false,
        chatter: None,
        suppression: Suppression::default(),
        detectors: Box::default(),
    }));
    let mut sensor = Sensor::default();
    let mut findings = Vec::new();
    for &(at, value) in &series.samples {
        let (at, source) = (LineMillis(at), UtcMillis(at));
        if !sensor.calm(&rules, value, at, source) {
            let reading = Reading { value, quality: Quality::GOOD, at, source };
            sensor.step(&rules, &reading, Watch::Waiting, &mut findings);
        }
    }
    sensor.tick(&rules, LineMillis(end_of(series) - 1), Watch::Waiting, &mut findings);
    let mut spells: Vec<Spell> = Vec::new();
    for finding in findings {
        let (condition, at) = (finding.condition, finding.source_time.0);
        if !CONDITIONS.iter().any(|(of_limit, _)| *of_limit == condition) {
            continue;
        }
        match finding.change {
            AlarmChange::Raised { .. } => {
                spells.push(Spell { condition, begin: at, end: i64::MAX });
            }
            AlarmChange::Cleared { .. } => {
                let open = |spell: &&mut Spell| spell.condition == condition;
                if let Some(spell) = spells.iter_mut().rev().find(open) {
                    spell.end = at;
                }
            }
            _ => {}
        }
    }
    for spell in spells.iter_mut().filter(|spell| spell.end == i64::MAX) {
        spell.end = end_of(series);
    }
    spells
}

/// Excursions that no alarm told.
pub fn missed(excursions: &[Spell], told: &[Spell]) -> Vec<Spell> {
    excursions.iter().filter(|true_one| !told.iter().any(|t| t.meets(true_one))).copied().collect()
}

/// How many alarms belong to no true excursion.
pub fn needless(excursions: &[Spell], told: &[Spell]) -> usize {
    told.iter().filter(|alarm| !excursions.iter().any(|e| e.meets(alarm))).count()
}

/// How long after its beginning each excursion that was told was told, in milliseconds; 0 where the alarm stood already.
pub fn told_after_ms(excursions: &[Spell], told: &[Spell]) -> Vec<i64> {
    excursions
        .iter()
        .filter_map(|true_one| {
            let first = told.iter().filter(|t| t.meets(true_one)).map(|t| t.begin).min()?;
            Some((first - true_one.begin).max(0))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample a second; `h` a high limit of 10, `l` a low one of 0.
    fn series(values: &[f64]) -> Series {
        Series {
            name: "X".to_owned(),
            signal: "pressure",
            range: (-100.0, 100.0),
            scan_ms: 1_000,
            samples: (0..).map(|n| n * 1_000).zip(values.iter().copied()).collect(),
        }
    }

    fn limits() -> Limits {
        Limits { h: Some(bare(10.0)), l: Some(bare(0.0)), ..Limits::default() }
    }

    fn told(spells: &[Spell]) -> Vec<(&'static str, i64, i64)> {
        spells.iter().map(|s| (s.condition.code(), s.begin / 1_000, s.end / 1_000)).collect()
    }

    #[test]
    fn an_excursion_goes_from_its_first_sample_to_the_first_one_after_it() {
        let series = series(&[5.0, 10.0, 11.0, 9.9, 0.0, 5.0, 12.0]);
        let all = excursions(&series, &limits(), 0);
        assert_eq!(told(&all), [("H", 1, 3), ("H", 6, 7), ("L", 4, 5)]);
    }

    #[test]
    fn only_what_stands_long_enough_is_a_true_one() {
        let mut values = vec![5.0];
        values.extend([11.0; 59]);
        values.push(5.0);
        values.extend([11.0; 60]);
        values.push(5.0);
        let true_ones = excursions(&series(&values), &limits(), 60_000);
        assert_eq!(told(&true_ones), [("H", 61, 121)]);
    }

    #[test]
    fn two_samples_three_minutes_apart_stand_for_six_minutes() {
        let mut slow = series(&[5.0, 11.0, 5.0, 11.0, 11.0, 5.0]);
        slow.scan_ms = 180_000;
        slow.samples.iter_mut().for_each(|(at, _)| *at *= 180);
        let true_ones = excursions(&slow, &limits(), 2 * 180_000);
        assert_eq!(told(&true_ones), [("H", 540, 900)]);
    }

    #[test]
    fn bare_limits_tell_every_excursion_and_nothing_else() {
        let series = series(&[5.0, 11.0, 5.0, 11.0, 11.0, 5.0, -1.0, 5.0, 10.0]);
        let mut of_sensor = told(&annunciations(&series, &limits()));
        let mut of_series = told(&excursions(&series, &limits(), 0));
        of_sensor.sort_unstable();
        of_series.sort_unstable();
        assert_eq!(of_sensor, of_series);
    }

    #[test]
    fn a_deadband_joins_and_an_on_delay_leaves_out() {
        let series = series(&[5.0, 11.0, 9.0, 11.0, 5.0, 11.0, 11.0, 11.0, 5.0]);
        let with = |deadband, on_delay_ms| Limits {
            h: Some(Limit { deadband, on_delay_ms, ..bare(10.0) }),
            ..Limits::default()
        };
        assert_eq!(told(&annunciations(&series, &with(2.0, 0))), [("H", 1, 4), ("H", 5, 8)]);
        assert_eq!(told(&annunciations(&series, &with(0.0, 2_000))), [("H", 7, 8)]);
    }

    #[test]
    fn an_alarm_that_stands_at_the_end_stands_until_the_end() {
        let series = series(&[5.0, 11.0, 11.0]);
        assert_eq!(told(&annunciations(&series, &limits())), [("H", 1, 3)]);
    }

    #[test]
    fn an_excursion_is_missed_unless_its_own_alarm_stands_at_some_moment_of_it() {
        let high = |begin, end| Spell { condition: Condition::High, begin, end };
        let low = |begin, end| Spell { condition: Condition::Low, ..high(begin, end) };
        let true_ones = [high(10, 20), high(30, 40), low(50, 60), high(70, 80)];
        let alarms = [high(5, 12), high(40, 45), high(50, 60), high(79, 90)];
        assert_eq!(missed(&true_ones, &alarms), [high(30, 40), low(50, 60)]);
        assert_eq!(told_after_ms(&true_ones, &alarms), [0, 9]);
        assert_eq!(needless(&true_ones, &alarms), 2);
    }
}
