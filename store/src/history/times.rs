//! The times of a scan list: when each scan was true, how long it took to arrive, whether it came late.
//!
//! Stored once for all points that share it. A scan list is a schedule with jitter: the source time is split into which
//! period it belongs to (nearly always the next one) and the phase within it, and each part is coded by itself.

use super::bytes::{Read, Reader, corrupt, put_signed, put_varint};
use super::port::RawReading;
use super::values::{Effort, put_whole, read_whole};

/// A column of times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Times {
    /// Source times, UTC milliseconds, not descending.
    pub source: Vec<i64>,
    /// Receive time minus source time, milliseconds; negative where a clock runs ahead.
    pub delay: Vec<i64>,
    /// Came by the backfill lane.
    pub late: Vec<bool>,
}

impl Times {
    /// The times of a point's readings.
    #[must_use]
    pub fn of(rows: &[RawReading]) -> Self {
        Self {
            source: rows.iter().map(|r| r.source_ms).collect(),
            delay: rows.iter().map(|r| r.recv_ms.wrapping_sub(r.source_ms)).collect(),
            late: rows.iter().map(|r| r.late).collect(),
        }
    }

    /// How many.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // A column of times is never empty.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Appends the column, relative to `base_ms`.
    pub fn put(&self, base_ms: i64, effort: Effort, out: &mut Vec<u8>) {
        put_part(out, |out| put_source(&self.source, base_ms, effort, out));
        put_part(out, |out| put_whole(&self.delay, effort, out));
        put_runs(self.late.iter().map(|l| u64::from(*l)), out);
    }

    /// Reads a column of `n` times.
    pub fn read(n: usize, base_ms: i64, mut bytes: Reader) -> Read<Self> {
        let source = read_source(n, base_ms, read_part(&mut bytes)?)?;
        let delay = read_whole(n, read_part(&mut bytes)?)?;
        let late = read_runs(n, &mut bytes)?.iter().map(|v| *v != 0).collect();
        Ok(Self { source, delay, late })
    }
}

/// Appends what `write` writes, behind its length.
pub fn put_part(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut part = Vec::new();
    write(&mut part);
    put_varint(out, part.len() as u64);
    out.extend_from_slice(&part);
}

/// The part behind a length.
pub fn read_part<'a>(bytes: &mut Reader<'a>) -> Read<Reader<'a>> {
    let n = bytes.count(bytes.rest().len())?;
    Ok(Reader::new(bytes.take(n)?))
}

/// Appends small numbers that seldom change as (value, length) pairs; the last length is left to the row count.
pub fn put_runs(values: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for v in values {
        match runs.last_mut() {
            Some((value, length)) if *value == v => *length += 1,
            _ => runs.push((v, 1)),
        }
    }
    put_varint(out, runs.len() as u64);
    let last = runs.len().saturating_sub(1);
    for (i, (value, length)) in runs.into_iter().enumerate() {
        put_varint(out, value);
        if i != last {
            put_varint(out, length);
        }
    }
}

/// Reads what [`put_runs`] wrote.
pub fn read_runs(n: usize, bytes: &mut Reader) -> Read<Vec<u64>> {
    let runs = bytes.count(n)?;
    let mut values = Vec::with_capacity(n);
    for i in 0..runs {
        let value = bytes.varint()?;
        let left = n - values.len();
        let length = if i + 1 == runs { left } else { bytes.count(left)? };
        values.resize(values.len() + length, value);
    }
    if values.len() == n { Ok(values) } else { corrupt("runs that do not fill their column") }
}

fn put_source(source: &[i64], base: i64, effort: Effort, out: &mut Vec<u8>) {
    put_signed(out, source[0].wrapping_sub(base));
    let mut steps: Vec<i64> = source.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    if steps.is_empty() {
        return;
    }
    if effort == Effort::Fast || steps.iter().all(|s| *s == steps[0]) {
        out.push(0);
        put_whole(&steps, effort, out);
        return;
    }
    let mut by_step = vec![0];
    put_whole(&steps, effort, &mut by_step);
    let middle = steps.len() / 2;
    let period = (*steps.select_nth_unstable(middle).1).max(1);
    // Scans answer at their schedule: periods that are whole seconds or parts of one.
    let period = [1000, 500, 250, 200, 100]
        .into_iter()
        .map(|p| (period + p / 2) / p * p)
        .find(|p| *p > 0 && (p - period).abs() * 50 <= period)
        .unwrap_or(period);
    let mut by_schedule = vec![1];
    put_varint(&mut by_schedule, period as u64);
    let (mut periods, mut phases) = (Vec::new(), Vec::new());
    let mut at = source[0];
    for t in &source[1..] {
        let behind = t.wrapping_sub(at);
        let whole = behind.wrapping_add(period / 2).div_euclid(period);
        at = at.wrapping_add(whole.wrapping_mul(period));
        periods.push(whole);
        phases.push(t.wrapping_sub(at));
    }
    put_part(&mut by_schedule, |out| put_whole(&periods, effort, out));
    put_whole(&phases, effort, &mut by_schedule);
    out.extend_from_slice(if by_schedule.len() < by_step.len() { &by_schedule } else { &by_step });
}

fn read_source(n: usize, base: i64, mut bytes: Reader) -> Read<Vec<i64>> {
    let mut at = base.wrapping_add(bytes.signed()?);
    let mut source = Vec::with_capacity(n.min(1 << 20));
    source.push(at);
    if n < 2 {
        return Ok(source);
    }
    match bytes.u8()? {
        0 => {
            for step in read_whole(n - 1, bytes)? {
                at = at.wrapping_add(step);
                source.push(at);
            }
        }
        1 => {
            let period = bytes.varint()? as i64;
            let periods = read_whole(n - 1, read_part(&mut bytes)?)?;
            let phases = read_whole(n - 1, bytes)?;
            for (whole, phase) in periods.into_iter().zip(phases) {
                at = at.wrapping_add(whole.wrapping_mul(period));
                source.push(at.wrapping_add(phase));
            }
        }
        other => return corrupt(format!("source times of kind {other}")),
    }
    Ok(source)
}
