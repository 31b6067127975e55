//! Recorded data in place of a model, for the enterprise that has only a DCS.
//!
//! A CSV with a header. A column named like a tag drives that point as it is. Other numeric columns drive the remaining
//! analog points in order, stretched so that the recording's own lowest and highest value lie inside the point's limits: a
//! public data set of another plant then moves ours in a believable way. One row is one second; at the end it begins again.

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
    /// The file cannot be read as CSV.
    #[error("cannot read the recording {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the reader said.
        #[source]
        source: csv::Error,
    },
    /// There is nothing in it.
    #[error(
        "the recording {path} has no column of numbers: a header and at least two rows are needed"
    )]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

impl Replay {
    /// Reads a recording for the points of `enterprise`. Columns may be separated by comma or semicolon.
    ///
    /// # Errors
    /// When the file cannot be read or holds no numbers.
    pub fn read(path: &Path, plant: &Plant, enterprise: usize) -> Result<Self, ReplayError> {
        let fail = |source| ReplayError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(|e| fail(e.into()))?;
        let first = text.lines().next().unwrap_or_default();
        let delimiter =
            if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(text.as_bytes());
        let header: Vec<String> =
            reader.headers().map_err(fail)?.iter().map(|h| h.trim().to_owned()).collect();
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); header.len()];
        for row in reader.records() {
            let row = row.map_err(fail)?;
            for (column, cell) in columns.iter_mut().zip(row.iter()) {
                // A gap in the recording holds the last value, as the recorder's screen did.
                let value = cell.trim().parse::<f64>().ok().filter(|v| v.is_finite());
                column.extend(value.or_else(|| column.last().copied()));
            }
        }
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
