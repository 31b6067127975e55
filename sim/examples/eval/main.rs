//! `make eval`: how many alarms deadband and delays take away, and which true excursions they would miss.
//!
//! Recorded data (`ANLAN_PROCESS_DATA`, by default `../shared/process-data` beside the checkout; never part of it) and the
//! simulator's `flapping-sensor` and `alarm-flood`. Limits of recorded series stand at mean ± 3 σ of the part without a fault;
//! an excursion is a true one where it stands for 60 s (TEP: two samples of three minutes). What is told is what
//! the sensor of `anlan_domain` raises when it is fed with the values, nothing re-made here. The figures are reported as
//! they come: no setting was chosen by looking at them.

mod counting;
mod park;
mod recordings;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anlan_domain::alarm_defaults::{SignalDefaults, band};
use anlan_domain::limits::{Limit, LimitKind, Limits};

use counting::{Series, Spell, annunciations, bare, excursions, missed, needless, told_after_ms};

/// A true excursion of what is sampled once a second.
const STANDS_MS: i64 = 60_000;
/// Of TEP: two samples.
const TEP_STANDS_MS: i64 = 360_000;
/// Seed of the simulated park.
const SEED: u64 = 1;
/// Reads every recording of a folder, or says which file and line it cannot read.
type Read = fn(&Path) -> Result<Vec<recordings::Recording>, String>;
/// Missed excursions that are listed.
const LISTED: usize = 8;

fn main() -> ExitCode {
    let dir = env::var_os("ANLAN_PROCESS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/process-data")),
        PathBuf::from,
    );
    println!(
        "| data | settings | annunciations | fewer | needless | true excursions | missed | told after (median, longest) | time in alarm |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut notes = Vec::new();
    let mut failed = false;
    let sets: [(&str, Read, i64); 2] =
        [("skab", recordings::skab, STANDS_MS), ("tep", recordings::tep, TEP_STANDS_MS)];
    for (name, read, stands_ms) in sets {
        let dir = dir.join(name);
        if !dir.is_dir() {
            println!(
                "| {name} | SKIPPED: {} is not there (ANLAN_PROCESS_DATA) | | | | | | | |",
                dir.display()
            );
            continue;
        }
        match read(&dir) {
            Ok(recordings) => notes.extend(recorded(name, &recordings, stands_ms)),
            Err(why) => {
                failed = true;
                println!("| {name} | FAILED: {why} | | | | | | | |");
            }
        }
    }
    for scenario in ["flapping-sensor", "alarm-flood"] {
        match park::record(scenario, SEED) {
            Ok(watched) => notes.extend(simulated(scenario, &watched)),
            Err(why) => {
                failed = true;
                println!("| {scenario} | FAILED: {why} | | | | | | | |");
            }
        }
    }
    println!();
    notes.iter().for_each(|note| println!("{note}"));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Which of the defaults a row of the table uses.
#[derive(Clone, Copy, PartialEq)]
enum Settings {
    Bare,
    Deadband,
    Delays,
    Ours,
}

impl Settings {
    const ALL: [Self; 4] = [Self::Bare, Self::Deadband, Self::Delays, Self::Ours];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare limits",
            Self::Deadband => "default deadband alone",
            Self::Delays => "default delays alone",
            Self::Ours => "ours: both",
        }
    }

    /// The same limits with these settings.
    fn on(self, limits: &Limits, series: &Series, table: &[SignalDefaults]) -> Limits {
        let defaults = SignalDefaults::of(table, series.signal).expect("the shipped table has *");
        let set = |kind| {
            let value = limits.get(kind)?.value;
            let way = band(kind, value, limits, series.range);
            let full = defaults.limit(kind, value, series.range, way, series.scan_ms);
            Some(match self {
                Self::Bare => bare(value),
                Self::Deadband => Limit { deadband: full.deadband, ..bare(value) },
                Self::Delays => Limit { deadband: 0.0, ..full },
                Self::Ours => full,
            })
        };
        Limits {
            version: 1,
            ll: set(LimitKind::LowLow),
            l: set(LimitKind::Low),
            h: set(LimitKind::High),
            hh: set(LimitKind::HighHigh),
            ..Limits::default()
        }
    }
}

/// What one row of the table adds up.
#[derive(Default)]
struct Tally {
    told: usize,
    /// Alarms that belong to no true excursion.
    needless: usize,
    true_ones: usize,
    missed: Vec<(String, Spell)>,
    after_ms: Vec<i64>,
    in_alarm_ms: i64,
    watched_ms: i64,
}

impl Tally {
    fn add(&mut self, series: &Series, limits: &Limits, true_ones: &[Spell]) {
        let told = annunciations(series, limits);
        self.told += told.len();
        self.needless += needless(true_ones, &told);
        self.true_ones += true_ones.len();
        let missed = missed(true_ones, &told);
        self.missed.extend(missed.into_iter().map(|spell| (series.name.clone(), spell)));
        self.after_ms.extend(told_after_ms(true_ones, &told));
        self.in_alarm_ms += told.iter().map(Spell::lasted_ms).sum::<i64>();
        let (first, last) = (series.samples.first(), series.samples.last());
        let lasted = first.zip(last).map_or(0, |(first, last)| last.0 - first.0);
        let limits = LimitKind::ALL.into_iter().filter(|kind| limits.get(*kind).is_some()).count();
        self.watched_ms += lasted * i64::try_from(limits).expect("at most four");
    }

    #[allow(clippy::cast_precision_loss, reason = "a share for people")]
    fn print(&mut self, data: &str, settings: &str, bare_told: usize) {
        let fewer = match bare_told {
            0 => "–".to_owned(),
            bare => format!("{:.1} %", 100.0 - 100.0 * self.told as f64 / bare as f64),
        };
        self.after_ms.sort_unstable();
        let middle = self.after_ms.get(self.after_ms.len() / 2).copied();
        let after = middle.zip(self.after_ms.last()).map_or_else(
            || "–".to_owned(),
            |(middle, last)| format!("{} s, {} s", middle / 1_000, last / 1_000),
        );
        let share = 100.0 * self.in_alarm_ms as f64 / (self.watched_ms.max(1)) as f64;
        println!(
            "| {data} | {settings} | {} | {fewer} | {} | {} | {} | {after} | {share:.2} % |",
            self.told,
            self.needless,
            self.true_ones,
            self.missed.len()
        );
    }

    /// The first few that were missed, in words.
    fn list(&self, data: &str, settings: &str) -> Vec<String> {
        let one = |(name, spell): &(String, Spell)| {
            let (code, lasted) = (spell.condition.code(), spell.lasted_ms() / 1_000);
            format!("  - {name} {code}: stood {lasted} s")
        };
        let mut lines: Vec<String> = self.missed.iter().take(LISTED).map(one).collect();
        if !lines.is_empty() {
            let (shown, all) = (lines.len(), self.missed.len());
            lines.insert(0, format!("{data}, {settings}: {shown} of {all} missed"));
        }
        lines
    }
}

/// Prints the rows of a recorded set and gives back what is to be said of it.
fn recorded(name: &str, recordings: &[recordings::Recording], stands_ms: i64) -> Vec<String> {
    let table = SignalDefaults::shipped();
    let mut tallies = Settings::ALL.map(|settings| (settings, Tally::default()));
    let (mut judged, mut still) = (0, 0);
    for recording in recordings {
        for series in &recording.series {
            let Some(limits) = three_sigma(series, &recording.fault_free) else {
                still += 1;
                continue;
            };
            judged += 1;
            let true_ones = excursions(series, &limits, stands_ms);
            for (settings, tally) in &mut tallies {
                tally.add(series, &settings.on(&limits, series, &table), &true_ones);
            }
        }
    }
    let bare_told = tallies[0].1.told;
    let mut notes = vec![format!(
        "{name}: {} recordings, {judged} series judged, {still} that never move left out",
        recordings.len()
    )];
    for (settings, tally) in &mut tallies {
        tally.print(name, settings.name(), bare_told);
        notes.extend(tally.list(name, settings.name()));
    }
    notes
}

/// H and L at mean ± 3 σ of the rows without a fault; `None` where the value never moves there.
#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn three_sigma(series: &Series, fault_free: &[bool]) -> Option<Limits> {
    let values: Vec<f64> = series
        .samples
        .iter()
        .zip(fault_free)
        .filter(|(_, free)| **free)
        .map(|(&(_, value), _)| value)
        .collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let sigma = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    // A value that never moves has rounding errors for a spread.
    (sigma > mean.abs() * 1e-9).then(|| Limits {
        h: Some(bare(mean + 3.0 * sigma)),
        l: Some(bare(mean - 3.0 * sigma)),
        ..Limits::default()
    })
}

/// Prints the rows of a scenario and gives back what is to be said of it.
fn simulated(name: &str, watched: &[park::Watched]) -> Vec<String> {
    let table = SignalDefaults::shipped();
    let mut notes = Vec::new();
    let mut row = |settings: &str,
                   bare_told: Option<usize>,
                   limits: &dyn Fn(&park::Watched) -> Limits| {
        let (mut tally, mut truly) = (Tally::default(), Tally::default());
        for point in watched {
            let limits = limits(point);
            tally.add(&point.shown, &limits, &excursions(&point.shown, &limits, STANDS_MS));
            truly.add(&point.shown, &limits, &excursions(&point.truth, &limits, 0));
        }
        tally.print(name, settings, bare_told.unwrap_or(tally.told));
        notes.extend(tally.list(name, settings));
        notes.push(format!(
            "{name}, {settings}: of {} excursions of what was really so, however short, {} were not told",
            truly.true_ones,
            truly.missed.len()
        ));
        tally.told
    };
    let with = |settings: Settings| {
        let table = &table;
        move |point: &park::Watched| settings.on(&point.limits, &point.shown, table)
    };
    let bare_told = row(Settings::Bare.name(), None, &with(Settings::Bare));
    row("as the park has them", Some(bare_told), &|point| point.limits.clone());
    row(Settings::Ours.name(), Some(bare_told), &with(Settings::Ours));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stand_three_sigma_around_the_rows_without_a_fault() {
        let series = Series {
            name: "X".to_owned(),
            signal: "pressure",
            range: (0.0, 100.0),
            scan_ms: 1_000,
            samples: vec![(0, 9.0), (1, 11.0), (2, 90.0)],
        };
        let limits = three_sigma(&series, &[true, true, false]).unwrap();
        assert_eq!((limits.h.unwrap().value, limits.l.unwrap().value), (13.0, 7.0));
        assert!(three_sigma(&series, &[true, false, false]).is_none(), "one value never moves");
    }
}
