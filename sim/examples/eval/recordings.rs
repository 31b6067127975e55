//! Reads the recordings: SKAB (one row a second, labelled) and the Tennessee Eastman process (one row in three minutes).
//!
//! What the recordings do not say is settled here by rule, the same for every series: the signal type by what a column
//! measures, and the engineering range as the smallest of 1, 2 or 5 × 10ⁿ, from zero or to both sides of it, that holds every
//! value of the whole set, as an instrument of a catalogue would.

use std::fs;
use std::path::{Path, PathBuf};

use crate::counting::Series;

/// One recording: a series a column, and which rows are free of the fault.
pub struct Recording {
    /// Every column.
    pub series: Vec<Series>,
    /// One flag a row.
    pub fault_free: Vec<bool>,
}

/// Rows of a TEP test run before its fault begins (8 h at 3 min).
const TEP_FAULT_FREE: usize = 160;
const TEP_SCAN_MS: u32 = 180_000;
const SKAB_SCAN_MS: u32 = 1_000;
/// Columns of SKAB, by what they measure.
const SKAB: [(&str, &str); 8] = [
    ("Accelerometer1RMS", "vibration"),
    ("Accelerometer2RMS", "vibration"),
    ("Current", "current"),
    ("Pressure", "pressure"),
    ("Temperature", "temperature"),
    ("Thermocouple", "temperature"),
    ("Voltage", "voltage"),
    ("Volume Flow RateRMS", "flow"),
];

/// What a column of TEP, counted from 1, measures.
fn tep_signal(column: usize) -> &'static str {
    match column {
        1..=6 | 10 | 14 | 17 | 19 => "flow",
        7 | 13 | 16 => "pressure",
        8 | 12 | 15 => "level",
        9 | 11 | 18 | 21 | 22 => "temperature",
        20 => "power",
        23..=41 => "composition",
        _ => "valve",
    }
}

/// Files of a folder with an ending, in the order of their names.
fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|e| e.path()).map_err(|e| format!("{}: {e}", dir.display())))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == ending));
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: no file ends in .{ending}", dir.display()));
    }
    Ok(files)
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Every SKAB recording of a folder.
///
/// # Errors
/// When a file cannot be read or is not of the known form; with file and line.
pub fn skab(dir: &Path) -> Result<Vec<Recording>, String> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        skab_of(&stem(path), &text).map_err(|why| format!("{}: {why}", path.display()))
    };
    let mut all = files(dir, "csv")?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    give_ranges(&mut all);
    Ok(all)
}

fn skab_of(name: &str, text: &str) -> Result<Recording, String> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let (_, header) = lines.next().ok_or("is empty")?;
    let header: Vec<&str> = header.split(';').collect();
    let column = |wanted: &str| {
        header.iter().position(|h| *h == wanted).ok_or(format!("line 1: no column {wanted:?}"))
    };
    let (time, label) = (column("datetime")?, column("anomaly")?);
    let columns =
        SKAB.iter().map(|(column_name, _)| column(column_name)).collect::<Result<Vec<_>, _>>()?;
    let mut series: Vec<Series> = SKAB
        .iter()
        .map(|&(column, signal)| Series {
            name: format!("{name} {column}"),
            signal,
            range: (0.0, 0.0),
            scan_ms: SKAB_SCAN_MS,
            samples: Vec::new(),
        })
        .collect();
    let mut fault_free = Vec::new();
    for (at, line) in lines {
        let cells: Vec<&str> = line.split(';').collect();
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let bad = |index: usize| format!("line {at}: {:?} is no value", cell(index));
        let moment = moment_ms(cell(time)).ok_or_else(|| bad(time))?;
        fault_free.push(cell(label).parse::<f64>().map_err(|_| bad(label))? == 0.0);
        for (series, &index) in series.iter_mut().zip(&columns) {
            series.samples.push((moment, cell(index).parse().map_err(|_| bad(index))?));
        }
    }
    Ok(Recording { series, fault_free })
}

/// `2020-03-09 10:14:33` in milliseconds since the beginning of its month: no recording goes beyond one.
fn moment_ms(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let day: i64 = date.rsplit_once('-')?.1.parse().ok()?;
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some((((day * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000)
}

/// Every TEP recording of a folder.
///
/// # Errors
/// When a file cannot be read or is not of the known form; with file and line.
pub fn tep(dir: &Path) -> Result<Vec<Recording>, String> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        tep_of(&stem(path), &text).map_err(|why| format!("{}: {why}", path.display()))
    };
    let mut all = files(dir, "dat")?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    give_ranges(&mut all);
    Ok(all)
}

fn tep_of(name: &str, text: &str) -> Result<Recording, String> {
    let mut series: Vec<Series> = (1..=52)
        .map(|column| Series {
            name: match column {
                1..=41 => format!("{name} XMEAS({column})"),
                _ => format!("{name} XMV({})", column - 41),
            },
            signal: tep_signal(column),
            range: (0.0, 0.0),
            scan_ms: TEP_SCAN_MS,
            samples: Vec::new(),
        })
        .collect();
    let mut fault_free = Vec::new();
    let calm = name.starts_with("d00");
    for (row, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        if cells.len() != series.len() {
            return Err(format!("line {}: {} values instead of 52", row + 1, cells.len()));
        }
        fault_free.push(calm || row < TEP_FAULT_FREE);
        let at = i64::try_from(row).map_err(|e| e.to_string())? * i64::from(TEP_SCAN_MS);
        for (series, cell) in series.iter_mut().zip(cells) {
            let value =
                cell.parse().map_err(|_| format!("line {}: {cell:?} is no number", row + 1))?;
            series.samples.push((at, value));
        }
    }
    Ok(Recording { series, fault_free })
}

/// Gives every column the range that holds all its values in every recording of the set.
fn give_ranges(all: &mut [Recording]) {
    let columns = all.first().map_or(0, |recording| recording.series.len());
    for column in 0..columns {
        let values = || {
            let of = |recording: &Recording| recording.series[column].samples.clone();
            all.iter().flat_map(of).map(|(_, value)| value)
        };
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let range = range_of(low, high);
        all.iter_mut().for_each(|recording| recording.series[column].range = range);
    }
}

fn range_of(low: f64, high: f64) -> (f64, f64) {
    let top = round_up(low.abs().max(high.abs()));
    match (low < 0.0, high > 0.0) {
        (true, true) => (-top, top),
        (true, false) => (-top, 0.0),
        _ => (0.0, top),
    }
}

/// The smallest of 1, 2 or 5 × 10ⁿ that is not below `value`; 1 for zero.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let decade = 10f64.powf(value.log10().floor());
    // Ten once more: a logarithm may come out a hair too low.
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * decade)
        .find(|step| *step >= value)
        .unwrap_or(20.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_smallest_round_one_that_holds_the_values() {
        assert_eq!(range_of(66.0, 92.3), (0.0, 100.0));
        assert_eq!(range_of(0.0, 200.0), (0.0, 200.0));
        assert_eq!(range_of(-0.93, 1.04), (-2.0, 2.0));
        assert_eq!(range_of(-3.0, -1.0), (-5.0, 0.0));
        assert_eq!(range_of(0.0, 0.0), (0.0, 1.0));
        let (low, high) = range_of(0.02, 0.043);
        assert!(low == 0.0 && (high - 0.05).abs() < 1e-12, "{high}");
    }

    #[test]
    fn a_labelled_recording_is_read_by_the_names_of_its_columns() {
        let names: Vec<&str> = SKAB.iter().map(|(name, _)| *name).collect();
        let text = format!(
            "datetime;{};anomaly;changepoint\n2020-03-09 10:00:01;1;2;3;4;5;6;7;8;0.0;0.0\n2020-03-09 10:00:03;1;2;3;4;5;6;7;9;1.0;1.0\n",
            names.join(";")
        );
        let read = skab_of("f", &text).unwrap();
        assert_eq!(read.fault_free, [true, false]);
        let flow = &read.series[7];
        assert_eq!((flow.name.as_str(), flow.signal), ("f Volume Flow RateRMS", "flow"));
        assert_eq!(flow.samples[1].0 - flow.samples[0].0, 2_000);
        assert_eq!(flow.samples[1].1, 9.0);
        let broken = text.replace(";9;1.0", ";x;1.0");
        assert_eq!(skab_of("f", &broken).err().unwrap(), "line 3: \"x\" is no value");
    }

    #[test]
    fn a_run_without_a_fault_is_free_of_it_to_the_end() {
        let text = format!("{}\n", vec!["1.5"; 52].join("  ")).repeat(161);
        let free = |name| tep_of(name, &text).unwrap().fault_free.iter().filter(|f| **f).count();
        assert_eq!((free("d00_te"), free("d01_te")), (161, 160));
        assert!(tep_of("d01_te", "1 2\n").err().unwrap().starts_with("line 1: 2 values"));
    }
}
