//! Recorded data in place of a model, for the enterprise that has only a DCS.
//!
//! A table of numbers: columns separated by comma, semicolon, tab or blanks, with a header or without. A column named like a
//! tag drives that point as it is. Other numeric columns drive the remaining analog points in order, stretched so that the
//! recording's own lowest and highest value lie inside the point's limits: a public data set of another plant then moves ours
//! in a believable way. One row is one second; at the end it begins again.

use std::io;
use std::path::{Path, PathBuf};

use crate::plant::Plant;

/// A recording, fitted to points.
#[derive(Clone)]
pub struct Replay {
    /// Values by column, one a second.
    columns: Vec<Vec<f64>>,
    /// Column, scale and offset of a point.
    drives: Vec<Option<(usize, f64, f64)>>,
}

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read the recording {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line is not as the lines before it.
    #[error("{path}:{line}: {why}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// There is nothing in it.
    #[error("{path}:1: no column of numbers: at least two rows of them are needed")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

impl Replay {
    /// Reads a recording for the points of `enterprise`.
    ///
    /// # Errors
    /// When the file cannot be read, a line has other columns than the first or words among numbers, or there are no numbers.
    pub fn read(path: &Path, plant: &Plant, enterprise: usize) -> Result<Self, ReplayError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ReplayError::Read { path: path.to_owned(), source })?;
        let bad = |line, why| ReplayError::Line { path: path.to_owned(), line, why };
        let mut rows = rows(&text).map_err(|(line, why)| bad(line, why))?.into_iter().peekable();
        let first = rows.peek().map_or_else(Vec::new, |(_, cells)| cells.clone());
        let has_header = first.iter().any(|cell| number(cell).is_none());
        let header: Vec<String> = if has_header {
            rows.next();
            first
        } else {
            (1..=first.len()).map(|n| n.to_string()).collect()
        };
        let mut columns = vec![Column::default(); header.len()];
        for (line, cells) in rows {
            if cells.len() != header.len() {
                let why =
                    format!("{} columns where the first line has {}", cells.len(), header.len());
                return Err(bad(line, why));
            }
            for ((column, cell), name) in columns.iter_mut().zip(&cells).zip(&header) {
                column.push(cell).map_err(|why| bad(line, format!("column {name:?}: {why}")))?;
            }
        }
        let columns: Vec<Vec<f64>> = columns.into_iter().map(Column::values).collect();
        let usable: Vec<usize> = (0..columns.len()).filter(|&c| columns[c].len() > 1).collect();
        if usable.is_empty() {
            return Err(ReplayError::Empty { path: path.to_owned() });
        }
        let drives = fit(plant, enterprise, &header, &columns, &usable);
        Ok(Self { columns, drives })
    }

    /// The recorded value of a point, `None` where the recording does not drive it.
    pub(super) fn value(&self, point: usize, elapsed_s: f64) -> Option<f64> {
        let (column, scale, offset) = (*self.drives.get(point)?)?;
        let values = &self.columns[column];
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a simulation"
        )]
        let row = elapsed_s.max(0.0) as usize % values.len();
        Some(values[row] * scale + offset)
    }
}

/// Line, from 1, and its cells.
type Row = (u64, Vec<String>);

/// Lines that are not blank, with their numbers, cut into cells.
fn rows(text: &str) -> Result<Vec<Row>, (u64, String)> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = [b';', b',', b'\t']
        .into_iter()
        .map(|s| (first.bytes().filter(|b| *b == s).count(), s))
        .max_by_key(|(count, _)| *count)
        .filter(|(count, _)| *count > 0);
    let Some((_, separator)) = separator else {
        let lines = (1..).zip(text.lines());
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        let rows = lines.map(|(number, line): (u64, &str)| (number, cells(line)));
        return Ok(rows.filter(|(_, cells): &Row| !cells.is_empty()).collect());
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            (error.position().map_or(1, csv::Position::line), error.to_string())
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        rows.push((line, record.iter().map(str::to_owned).collect()));
    }
    Ok(rows)
}

fn number(cell: &str) -> Option<f64> {
    cell.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// A column while it is read. Its first cell that is not blank says whether it holds numbers.
#[derive(Clone, Default)]
struct Column {
    numeric: Option<bool>,
    values: Vec<f64>,
    /// Blank cells before the first value.
    leading: usize,
}

impl Column {
    fn push(&mut self, cell: &str) -> Result<(), String> {
        let gap = cell.is_empty() || cell.eq_ignore_ascii_case("nan");
        if gap {
            // A gap holds the last value, as the recorder's screen did.
            match self.values.last().copied() {
                Some(last) => self.values.push(last),
                None => self.leading += 1,
            }
            return Ok(());
        }
        let value = number(cell);
        match (*self.numeric.get_or_insert(value.is_some()), value) {
            (true, Some(value)) => self.values.push(value),
            (true, None) => return Err(format!("{cell:?} is no number")),
            // A column of words or times is left alone.
            (false, _) => {}
        }
        Ok(())
    }

    fn values(self) -> Vec<f64> {
        let Some(first) = self.values.first().copied() else { return Vec::new() };
        let mut values = vec![first; self.leading];
        values.extend(self.values);
        values
    }
}

fn fit(
    plant: &Plant,
    enterprise: usize,
    header: &[String],
    columns: &[Vec<f64>],
    usable: &[usize],
) -> Vec<Option<(usize, f64, f64)>> {
    let mut free =
        usable.iter().copied().filter(|&c| !plant.points.iter().any(|p| p.id.tag() == header[c]));
    plant
        .points
        .iter()
        .enumerate()
        .map(|(index, point)| {
            if plant.enterprise_of(index) != enterprise {
                return None;
            }
            if let Some(named) = usable.iter().copied().find(|&c| header[c] == point.id.tag()) {
                return Some((named, 1.0, 0.0));
            }
            if point.is_discrete() {
                return None;
            }
            let column = free.next()?;
            let low = columns[column].iter().copied().fold(f64::INFINITY, f64::min);
            let high = columns[column].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let span = point.range.1 - point.range.0;
            let bottom =
                point.limits.l.map_or(point.range.0 + 0.1 * span, |l| l.value + 0.05 * span);
            let top = point.limits.h.map_or(point.range.1 - 0.1 * span, |h| h.value - 0.05 * span);
            let scale = if high > low { (top - bottom) / (high - low) } else { 0.0 };
            Some((column, scale, bottom - low * scale))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Replay, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("recording");
        std::fs::write(&file, text).unwrap();
        let plant = Plant::kaifeng();
        let enterprise = plant.enterprise(crate::REPLAYED).unwrap();
        let shown = format!("{}", dir.path().display());
        Replay::read(&file, plant, enterprise).map_err(|e| e.to_string().replace(&shown, "DIR"))
    }

    /// The tag of an analog point, and the values of the driven points in the first two seconds.
    fn driven(text: &str) -> Vec<(f64, f64)> {
        let replay = read(text).unwrap();
        let of = |point| Some((replay.value(point, 0.0)?, replay.value(point, 1.5)?));
        (0..Plant::kaifeng().points.len()).filter_map(of).collect()
    }

    #[test]
    fn a_column_named_like_a_tag_is_played_as_it_is_and_others_are_stretched() {
        let plant = Plant::kaifeng();
        let point = plant
            .points
            .iter()
            .find(|p| p.id.enterprise().as_str() == crate::REPLAYED && !p.is_discrete())
            .unwrap();
        let text = format!(
            "datetime;{};Other\n2020-03-09 10:14:33;1.5;7\n2020-03-09 10:14:34;2.5;9\n",
            point.id.tag()
        );
        let driven = driven(&text);
        assert_eq!((driven.len(), driven[0]), (2, (1.5, 2.5)));
        assert!(driven[1].0 < driven[1].1, "the other one moves as well: {driven:?}");
    }

    #[test]
    fn blanks_separate_too_a_header_may_be_missing_and_gaps_hold_the_last_value() {
        assert_eq!(driven("   1.0e+00   3.7e+03\n   2.0e+00   3.8e+03\n").len(), 2);
        let held = driven("a,b\n,1\n5,2\n,3\n");
        assert_eq!(held.len(), 2);
        assert!(
            (held[0].0 - held[0].1).abs() < 1e-9,
            "a gap at the beginning takes the first value"
        );
    }

    #[test]
    fn a_bad_recording_is_named_by_file_and_line() {
        for (text, why) in [
            ("a,b\n1,2\n3\n", "DIR/recording:3: 1 columns where the first line has 2"),
            ("a,b\n1,2\n3,many\n", "DIR/recording:3: column \"b\": \"many\" is no number"),
            ("1 2\n\n3 x\n", "DIR/recording:3: column \"2\": \"x\" is no number"),
            (
                "a;b\nx;y\n",
                "DIR/recording:1: no column of numbers: at least two rows of them are needed",
            ),
            ("", "DIR/recording:1: no column of numbers: at least two rows of them are needed"),
        ] {
            assert_eq!(read(text).err().as_deref(), Some(why), "{text:?}");
        }
    }
}
