//! `anlan bench history`: what a reading costs on disk and in time, beside pco on the same columns.
//!
//! The readings go through the real engine: a journal segment, a block, the merge to hours. What is counted is the size of the
//! files of raw readings, with heads, index, checksums, quality and receive delay. pco gets the same hours, column by column:
//! its highest level for every value column, and for the time column once. Everything is read back and compared bit for bit.
//!
//! CSV: the first column is the time where it is a date and time, or a number that never falls (seconds, or milliseconds
//! when above 10¹¹); else it is a value like the others and the rows are a second apart. A first line without any number
//! is the header. A blank as delimiter means any run of blanks. A cell that is no number is a reading of bad quality.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, NaiveDateTime};
use pco::ChunkConfig;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::history::rollup::{DAY_MS, HOUR_MS};
use crate::history::{
    EmbeddedHistory, FileKind, History, HistoryError, HistoryOptions, PCO_LEVEL, RawReading,
    ReadingRow,
};

const START: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const SEED: u64 = 20_260_101;
/// Points of a simulated scan group.
const GROUP: u32 = 50;
/// The long trend covers a year, or as many whole days, 45 at least (from there on it is drawn from hours, as a year is), as are built in so many seconds.
const TREND_DAYS_MAX: i64 = 365;
const TREND_DAYS_MIN: i64 = 45;
const TREND_BUILD_S: f64 = 60.0;

/// Why a bench could not run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing to measure in it.
    #[error("{path} holds no row with a number; is {delimiter:?} its delimiter?")]
    Empty {
        /// Which.
        path: String,
        /// The delimiter used.
        delimiter: char,
    },
    /// The history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// pco failed.
    #[error("pco: {0}")]
    Pco(#[from] pco::errors::PcoError),
    /// The result could not be written.
    #[error("cannot write the result")]
    Write(#[from] std::io::Error),
}

/// A table to measure: times, and the value columns beside them.
#[derive(Debug)]
pub struct Table {
    /// Source times, ascending, UTC milliseconds.
    pub times: Vec<i64>,
    /// The times came from the file and are counted for pco as well.
    pub has_times: bool,
    /// One reading a row and column: value and quality.
    pub columns: Vec<Vec<(f64, u16)>>,
    /// How long each row took to arrive.
    pub delays: Vec<i64>,
}

/// The delimiter that a command line means: one character, or the word for one that is hard to type.
#[must_use]
pub fn parse_delimiter(text: &str) -> Option<char> {
    match text {
        "\\t" | "tab" => Some('\t'),
        "space" => Some(' '),
        _ => {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none())
        }
    }
}

/// Runs the bench and prints its result to standard output.
///
/// # Errors
/// When the file cannot be read or the temporary folder not be written.
pub fn run(csv: Option<&Path>, delimiter: char, as_json: bool) -> Result<(), BenchError> {
    let result = measure(csv, delimiter)?;
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{result}")?;
    } else if let Value::Object(entries) = &result {
        for (key, value) in entries {
            writeln!(out, "{key:<34} {value}")?;
        }
    }
    Ok(())
}

/// Measures a file, or simulated data and a long trend where there is none.
///
/// # Errors
/// As [`run`].
pub fn measure(csv: Option<&Path>, delimiter: char) -> Result<Value, BenchError> {
    let tables = match csv {
        Some(path) => vec![read_csv(path, delimiter)?],
        None => simulated(4, 2 * 3600),
    };
    let folder = TemporaryFolder::new()?;
    let mut result = measure_tables(&tables, &folder.0.join("columns"))?;
    if csv.is_none()
        && let (Value::Object(all), Value::Object(more)) =
            (&mut result, measure_trend(&folder.0.join("trend"))?)
    {
        all.extend(more);
    }
    Ok(result)
}

fn rows_of(tables: &[Table]) -> impl Iterator<Item = ReadingRow> + '_ {
    tables.iter().enumerate().flat_map(|(group, table)| {
        (0..table.times.len()).flat_map(move |i| {
            table.columns.iter().enumerate().map(move |(c, column)| ReadingRow {
                point_no: group as u32 * 10_000 + c as u32,
                group: group as u32,
                source_ms: table.times[i],
                recv_ms: table.times[i] + table.delays[i],
                value: column[i].0,
                quality: column[i].1,
                late: false,
            })
        })
    })
}

/// Seconds of processor time this thread has had, so that a busy machine does not change the rates; elapsed time where
/// the system does not say.
fn cpu_s(begun: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or_else(|| begun.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

fn measure_tables(tables: &[Table], folder: &Path) -> Result<Value, BenchError> {
    let readings: usize = tables.iter().map(|t| t.times.len() * t.columns.len()).sum();
    let end = tables.iter().filter_map(|t| t.times.last()).max().copied().unwrap_or(START);
    let history = EmbeddedHistory::open(folder, HistoryOptions::default())?;
    let begun = Instant::now();
    // Minutes as they would come: one journal segment a minute of the longest table.
    let rows: Vec<ReadingRow> = rows_of(tables).collect();
    let mut block_s = 0.0;
    let segment_rows = (readings / 120).max(50_000).min(readings.max(1));
    for (segment, rows) in rows.chunks(segment_rows).enumerate() {
        let before = cpu_s(begun);
        history.append_segment(segment as u64, &mut rows.iter().copied())?;
        block_s += cpu_s(begun) - before;
    }
    let block_bytes = history.sizes().get(&FileKind::Block).copied().unwrap_or(0);
    let merging = cpu_s(begun);
    // Just after the last hour, so that a day's roll-ups are not gathered within the measured time.
    let done = history.maintain(end + HOUR_MS + HistoryOptions::default().merge_grace_ms)?;
    let merge_s = cpu_s(begun) - merging;
    let sizes = history.sizes();
    let raw_bytes = sizes.get(&FileKind::Raw).copied().unwrap_or(0);
    let rolled: u64 =
        [FileKind::Minutes, FileKind::Hours].iter().filter_map(|k| sizes.get(k)).sum();
    drop(history);

    // Read back from disk by another instance.
    let history = EmbeddedHistory::open(folder, HistoryOptions::default())?;
    let reading = cpu_s(begun);
    let lossless = is_lossless(tables, &history)?;
    let read_s = cpu_s(begun) - reading;
    let pco_bytes = pco_size(tables, true)?;
    let pco_whole = pco_size(tables, false)?;
    let per = |bytes: f64| bytes / readings as f64;
    let rate = |seconds: f64| readings as f64 / seconds / 1e6;
    Ok(json!({
        "readings": readings,
        "bytes_per_reading": per(raw_bytes as f64),
        "pco_bytes_per_reading": per(pco_bytes as f64),
        "lossless": lossless && done.readings_merged + done.duplicates >= readings as u64,
        "ratio_to_pco": raw_bytes as f64 / pco_bytes as f64,
        "pco_whole_column_bytes_per_reading": per(pco_whole as f64),
        "roll_up_bytes_per_reading_before_day_gathering": per(rolled as f64),
        "block_bytes_per_reading": per(block_bytes as f64),
        "block_encode_million_per_cpu_s": rate(block_s),
        "hour_encode_million_per_cpu_s": rate(merge_s),
        "decode_million_per_cpu_s": rate(read_s),
        "data": if tables.len() == 1 && tables[0].has_times { "csv" } else if tables.len() == 1 { "csv without times" } else { "simulated: 12-bit steps over a range, random walk, noise of 1.5 to 3 steps, 1 Hz" },
        "elapsed_s": begun.elapsed().as_secs_f64(),
    }))
}

fn is_lossless(tables: &[Table], history: &EmbeddedHistory) -> Result<bool, BenchError> {
    for (group, table) in tables.iter().enumerate() {
        for (c, column) in table.columns.iter().enumerate() {
            let point = group as u32 * 10_000 + c as u32;
            let stored = history.raw(point, i64::MIN, i64::MAX, usize::MAX)?;
            let mut expected: Vec<RawReading> = column
                .iter()
                .enumerate()
                .map(|(i, (value, quality))| RawReading {
                    source_ms: table.times[i],
                    recv_ms: table.times[i] + table.delays[i],
                    value: *value,
                    quality: *quality,
                    late: false,
                })
                .collect();
            // The same value twice at one instant is one reading.
            expected.dedup_by(|b, a| a.is_same(b));
            if stored != expected {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// pco at its highest level: every value column, and the time column once; by the hour, or each column whole.
fn pco_size(tables: &[Table], by_hour: bool) -> Result<usize, BenchError> {
    let config = ChunkConfig::default().with_compression_level(PCO_LEVEL);
    let mut size = 0;
    for table in tables {
        let same = |a: &i64, b: &i64| !by_hour || a.div_euclid(HOUR_MS) == b.div_euclid(HOUR_MS);
        let mut at = 0;
        for hour in table.times.chunk_by(same) {
            if table.has_times {
                size += pco::standalone::simple_compress(hour, &config)?.len();
            }
            for column in &table.columns {
                let values: Vec<f64> = column[at..at + hour.len()].iter().map(|v| v.0).collect();
                size += pco::standalone::simple_compress(&values, &config)?.len();
            }
            at += hour.len();
        }
    }
    Ok(size)
}

/// Gauss by Box and Muller.
fn gauss(rng: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random());
    (-2.0 * a.ln()).sqrt() * (b * std::f64::consts::TAU).cos()
}

/// One 12-bit instrument over a range.
struct Instrument {
    low: f64,
    span: f64,
    walk: f64,
    noise: f64,
    level: f64,
}

impl Instrument {
    fn new(rng: &mut StdRng) -> Self {
        const RANGES: [(f64, f64); 8] = [
            (0.0, 1.6),
            (0.0, 100.0),
            (-50.0, 200.0),
            (0.0, 25.0),
            (0.0, 2.5),
            (-20.0, 120.0),
            (0.0, 16.0),
            (4.0, 16.0),
        ];
        let (low, span) = RANGES[rng.random_range(0..RANGES.len())];
        Self {
            low,
            span,
            walk: [0.02, 0.1, 0.3, 1.0][rng.random_range(0..4)],
            noise: rng.random_range(1.5..3.0),
            level: rng.random_range(800.0..3300.0),
        }
    }

    fn read(&mut self, rng: &mut StdRng) -> f64 {
        self.level += self.walk * gauss(rng);
        let count = (self.level + self.noise * gauss(rng)).round().clamp(0.0, 4095.0);
        self.low + count * self.span / 4095.0
    }
}

/// Scan groups at 1 Hz with jitter, lost scans, receive delays and spells of bad quality.
fn simulated(groups: u32, seconds: i64) -> Vec<Table> {
    let mut rng = StdRng::seed_from_u64(SEED);
    (0..groups)
        .map(|_| {
            let rng = &mut rng;
            let mut table = Table {
                times: Vec::new(),
                has_times: true,
                columns: Vec::new(),
                delays: Vec::new(),
            };
            for i in 0..seconds {
                if rng.random_range(0..2000) != 0 {
                    table.times.push(START + i * 1000 + rng.random_range(0..7));
                    table.delays.push(
                        35 + rng.random_range(0..40)
                            + 200 * i64::from(rng.random_range(0..100) == 0),
                    );
                }
            }
            for _ in 0..GROUP {
                let mut instrument = Instrument::new(rng);
                let mut bad_until = 0;
                let column = (0..table.times.len()).map(|i| {
                    let value = instrument.read(rng);
                    if rng.random_range(0..20_000) == 0 {
                        bad_until = i + 30;
                    }
                    if i < bad_until { (f64::NAN, 24) } else { (value, 192) }
                });
                table.columns.push(column.collect());
            }
            table
        })
        .collect()
}

/// A long history of one sensor at 1 Hz, drawn in 1,000 pixels, beside reading it all.
fn measure_trend(folder: &Path) -> Result<Value, BenchError> {
    let history = EmbeddedHistory::open(folder, HistoryOptions::default())?;
    let mut rng = StdRng::seed_from_u64(SEED + 1);
    let mut instrument = Instrument::new(&mut rng);
    let building = Instant::now();
    let mut days = 0;
    while days < TREND_DAYS_MAX
        && (days < TREND_DAYS_MIN || building.elapsed().as_secs_f64() < TREND_BUILD_S)
    {
        let day = days;
        let mut rows = (0..86_400).map(|s| {
            let source_ms = START + day * DAY_MS + s * 1000 + rng.random_range(0..7);
            let value = instrument.read(&mut rng);
            ReadingRow {
                point_no: 1,
                group: 1,
                source_ms,
                recv_ms: source_ms + 50,
                value,
                quality: 192,
                late: false,
            }
        });
        history.append_segment(day as u64, &mut rows)?;
        history.maintain(START + (day + 1) * DAY_MS + HOUR_MS)?;
        days += 1;
    }
    history.maintain(START + (days + 1) * DAY_MS)?;
    let build_s = building.elapsed().as_secs_f64();
    drop(history);
    let (from, to) = (START, START + days * DAY_MS);
    let history = EmbeddedHistory::open(folder, HistoryOptions::default())?;
    let cold = Instant::now();
    let trend = history.trend(1, from, to, 1000)?;
    let cold_ms = cold.elapsed().as_secs_f64() * 1e3;
    let warm = Instant::now();
    let again = history.trend(1, from, to, 1000)?;
    let warm_ms = warm.elapsed().as_secs_f64() * 1e3;
    let scanning = Instant::now();
    let mut extremes = vec![(f64::INFINITY, f64::NEG_INFINITY); trend.buckets.len()];
    let mut scanned = 0;
    for day in 0..days {
        let rows = history.raw(1, from + day * DAY_MS, from + (day + 1) * DAY_MS, usize::MAX)?;
        scanned += rows.len();
        for row in rows {
            let i = trend.buckets.partition_point(|b| b.t <= row.source_ms) - 1;
            extremes[i] = (extremes[i].0.min(row.value), extremes[i].1.max(row.value));
        }
    }
    let scan_ms = scanning.elapsed().as_secs_f64() * 1e3;
    let kept = trend.buckets.iter().zip(&extremes).all(|(b, e)| (b.min, b.max) == *e);
    let sizes = history.sizes();
    let bytes = |kind| sizes.get(&kind).copied().unwrap_or(0) as f64 / scanned as f64;
    Ok(json!({
        "trend_days": days,
        "trend_note": if days == TREND_DAYS_MAX { "a year" } else { "as many days of the year as could be built in 60 s; both times grow with the days" },
        "trend_readings": scanned,
        "trend_pixels": trend.buckets.len(),
        "trend_from": format!("{:?}", trend.source),
        "trend_ms_first": cold_ms,
        "trend_ms": warm_ms,
        "plain_scan_ms": scan_ms,
        "trend_extremes_kept": kept && again.buckets.len() == trend.buckets.len(),
        "trend_build_s": build_s,
        "trend_raw_bytes_per_reading": bytes(FileKind::Raw),
        "trend_minutes_bytes_per_reading": bytes(FileKind::Minutes),
        "trend_hours_bytes_per_reading": bytes(FileKind::Hours),
    }))
}

/// Reads a table of text.
///
/// # Errors
/// When the file cannot be read or holds no number.
pub fn read_csv(path: &Path, delimiter: char) -> Result<Table, BenchError> {
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| BenchError::Read { path: name(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let cells = |line: &str| -> Vec<String> {
        let clean = |c: &str| c.trim().trim_matches('"').to_owned();
        if delimiter == ' ' {
            line.split_whitespace().map(clean).collect()
        } else {
            line.split(delimiter).map(clean).collect()
        }
    };
    let mut rows: Vec<Vec<String>> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(cells)
        .collect();
    let numeric = |row: &[String]| row.iter().any(|c| c.parse::<f64>().is_ok_and(f64::is_finite));
    if rows.first().is_some_and(|r| !numeric(r)) {
        rows.remove(0);
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let empty = || BenchError::Empty { path: name(), delimiter };
    if !rows.iter().any(|r| numeric(r)) {
        return Err(empty());
    }
    let times = if width > 1 { times_of(&rows) } else { None };
    let first = usize::from(times.is_some());
    let has_times = times.is_some();
    let times = times.unwrap_or_else(|| (0..rows.len() as i64).map(|i| START + i * 1000).collect());
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|i| times[*i]);
    let reading = |row: usize, column: usize| match rows[row].get(column).map(|c| c.parse::<f64>())
    {
        Some(Ok(v)) if v.is_finite() => (v, 192),
        _ => (f64::NAN, 0),
    };
    let columns = (first..width).map(|c| order.iter().map(|i| reading(*i, c)).collect()).collect();
    Ok(Table {
        delays: vec![0; rows.len()],
        times: order.iter().map(|i| times[*i]).collect(),
        has_times,
        columns,
    })
}

/// The first column as times, if that is what it is.
fn times_of(rows: &[Vec<String>]) -> Option<Vec<i64>> {
    let numbers: Option<Vec<f64>> =
        rows.iter().map(|r| r.first().and_then(|c| c.parse::<f64>().ok())).collect();
    if let Some(numbers) = numbers {
        let rises = numbers.windows(2).all(|w| w[0] <= w[1]) && numbers.first() < numbers.last();
        let unit = if numbers.iter().all(|n| n.abs() < 1e11) { 1000.0 } else { 1.0 };
        return (rises && numbers.iter().all(|n| n.abs() < 9e15))
            .then(|| numbers.iter().map(|n| (n * unit).round() as i64).collect());
    }
    rows.iter().map(|r| r.first().and_then(|c| parse_moment(c))).collect()
}

fn parse_moment(text: &str) -> Option<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_millis());
    }
    [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y/%m/%d %H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M",
        "%d.%m.%Y %H:%M:%S%.f",
        "%m/%d/%Y %H:%M:%S%.f",
        "%m/%d/%Y %H:%M",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    .map(|moment| moment.and_utc().timestamp_millis())
}

/// A folder of its own that goes when the bench is done.
struct TemporaryFolder(std::path::PathBuf);

impl TemporaryFolder {
    fn new() -> Result<Self, BenchError> {
        let name = format!(
            "anlan-bench-history-{}-{:x}",
            std::process::id(),
            StdRng::from_os_rng().random::<u64>()
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), error = %e, "cannot remove the bench's folder");
        }
    }
}
