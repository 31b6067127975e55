//! One column of numbers: several ways to write it, the smallest wins.
//!
//! Doubles go through a grid to whole numbers (`grid.rs`), whole numbers through prediction (`line.rs`). pco is always
//! among the candidates of a thorough pass, so that what our model does not foresee costs no more than pco's price. The
//! fast pass, for blocks of minutes that live an hour, only packs bits. Values that no grid can hold (NaN and its
//! payloads, infinities, −0.0) are exceptions beside the column.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};

use super::bytes::{
    Corrupt, Read, Reader, corrupt, put_f64, put_signed, put_varint, unzigzag, zigzag,
};
use super::grid::{self, Grid};
use super::line::{self, FARTHEST, Line};
use super::times::{put_part, read_part};

/// pco's highest level.
pub const PCO_LEVEL: usize = 12;
/// Numbers in one column at most; guards against damaged counts.
pub const ROWS_MAX: usize = 1 << 24;

/// How much work a column is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Minutes that will be merged within the hour.
    Fast,
    /// Hours that stay.
    Thorough,
}

const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const PREDICTED: u8 = 2;
const DICTIONARY: u8 = 3;
const PCO: u8 = 4;
const PACKED: u8 = 5;
const TRIMMED: u8 = 6;
const HELD: u8 = 7;

/// Appends a column of doubles, at least one. `hint` is the grid that the point's last column lay on, and is renewed.
pub fn put_doubles(values: &[f64], effort: Effort, hint: &mut Option<Grid>, out: &mut Vec<u8>) {
    let bits = values[0].to_bits();
    if values.iter().all(|v| v.to_bits() == bits) {
        out.push(CONSTANT);
        put_f64(out, values[0]);
        return;
    }
    let (exceptions, clean) = split_exceptions(values);
    let clean = clean.as_deref().unwrap_or(values);
    match effort {
        Effort::Fast => put_fast(values, clean, &exceptions, hint, out),
        Effort::Thorough => put_thorough(values, clean, &exceptions, hint, out),
    }
}

fn put_fast(
    values: &[f64],
    clean: &[f64],
    exceptions: &[u8],
    hint: &mut Option<Grid>,
    out: &mut Vec<u8>,
) {
    let known = hint.as_ref().and_then(|grid| Some((grid.clone(), grid.counts(clean)?)));
    let (grid, counts) = match known {
        Some(found) => found,
        // A grid that failed once is looked for again; one of free doubles is believed.
        None if matches!(hint, Some(Grid::Double | Grid::Single)) => (Grid::Double, Vec::new()),
        None => grid::find(clean),
    };
    *hint = Some(grid.clone());
    if !matches!(grid, Grid::Double | Grid::Single) {
        out.push(PACKED);
        out.extend_from_slice(exceptions);
        grid.put(out);
        put_packed(&counts, out);
        return;
    }
    out.push(TRIMMED);
    put_trimmed(values, out);
}

fn put_thorough(
    values: &[f64],
    clean: &[f64],
    exceptions: &[u8],
    hint: &mut Option<Grid>,
    out: &mut Vec<u8>,
) {
    let known = hint.as_ref().filter(|g| !matches!(g, Grid::Double | Grid::Single));
    let known = known.and_then(|grid| Some((grid.clone(), grid.counts(clean)?)));
    let (grid, counts) = known.unwrap_or_else(|| grid::find(clean));
    let mut best = vec![PREDICTED];
    best.extend_from_slice(exceptions);
    grid.put(&mut best);
    line::encode(grid.line(), &counts, &mut best);
    if let Some(dictionary) = line::dictionary_of(&counts) {
        let mut other = vec![DICTIONARY];
        other.extend_from_slice(exceptions);
        grid.put(&mut other);
        line::encode_by_dictionary(grid.line(), &counts, &dictionary, &mut other);
        keep_smaller(&mut best, other);
    }
    if let Some(other) = held(values, hint) {
        keep_smaller(&mut best, other);
    }
    let mut other = vec![PCO];
    if put_pco(values, &mut other).is_ok() {
        keep_smaller(&mut best, other);
    }
    if best.len() > 1 + 8 * values.len() {
        best = vec![PLAIN];
        values.iter().for_each(|v| put_f64(&mut best, *v));
    }
    *hint = Some(grid);
    out.extend_from_slice(&best);
}

/// An instrument slower than its scan stands still for several readings: how long, and what, are columns of their own.
fn held(values: &[f64], hint: &Option<Grid>) -> Option<Vec<u8>> {
    let mut lengths: Vec<i64> = Vec::new();
    let mut levels: Vec<f64> = Vec::new();
    for v in values {
        match (levels.last(), lengths.last_mut()) {
            (Some(level), Some(length)) if level.to_bits() == v.to_bits() => *length += 1,
            _ => {
                levels.push(*v);
                lengths.push(1);
            }
        }
    }
    if levels.len() * 10 > values.len() * 7 {
        return None;
    }
    let mut out = vec![HELD];
    put_varint(&mut out, levels.len() as u64);
    put_part(&mut out, |out| put_whole(&lengths, Effort::Thorough, out));
    put_doubles(&levels, Effort::Thorough, &mut hint.clone(), &mut out);
    Some(out)
}

fn read_held(n: usize, bytes: &mut Reader) -> Read<Vec<f64>> {
    let runs = bytes.count(n)?;
    let lengths = read_whole(runs, read_part(bytes)?)?;
    let levels = read_doubles(runs, *bytes)?;
    let mut values = Vec::with_capacity(n);
    for (level, length) in levels.into_iter().zip(lengths) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length == 0 || length > n - values.len() {
            return corrupt("a held value longer than its column");
        }
        values.resize(values.len() + length, level);
    }
    if values.len() == n {
        Ok(values)
    } else {
        corrupt("held values that do not fill their column")
    }
}

fn keep_smaller(best: &mut Vec<u8>, other: Vec<u8>) {
    if other.len() < best.len() {
        *best = other;
    }
}

/// Reads a column of `n` doubles that fills `bytes`.
pub fn read_doubles(n: usize, mut bytes: Reader) -> Read<Vec<f64>> {
    check_rows(n)?;
    let tag = bytes.u8()?;
    match tag {
        CONSTANT => Ok(vec![bytes.f64()?; n]),
        PLAIN => (0..n).map(|_| bytes.f64()).collect(),
        PCO => read_pco(n, bytes.rest()),
        TRIMMED => read_trimmed(n, &mut bytes),
        HELD => read_held(n, &mut bytes),
        PREDICTED | DICTIONARY | PACKED => {
            let exceptions = read_exceptions(n, &mut bytes)?;
            let grid = Grid::read(&mut bytes)?;
            let counts = match tag {
                PREDICTED => line::decode(grid.line(), n, bytes)?,
                DICTIONARY => line::decode_by_dictionary(grid.line(), n, bytes)?,
                _ => read_packed(n, &mut bytes)?,
            };
            let mut values: Vec<f64> = counts.iter().map(|k| grid.value(*k)).collect();
            for (start, length, bits) in exceptions {
                values[start..start + length].fill(f64::from_bits(bits));
            }
            Ok(values)
        }
        other => corrupt(format!("value column of kind {other}")),
    }
}

/// Appends a column of whole numbers, at least one.
pub fn put_whole(values: &[i64], effort: Effort, out: &mut Vec<u8>) {
    if values.iter().all(|v| *v == values[0]) {
        out.push(CONSTANT);
        put_signed(out, values[0]);
        return;
    }
    let mut best = vec![PACKED];
    put_packed(values, &mut best);
    // Beyond 2⁵³ positions on the line would lose precision; prediction is not for such numbers.
    if effort == Effort::Thorough && values.iter().all(|v| v.unsigned_abs() < 1 << 52) {
        let mut other = vec![PREDICTED];
        line::encode(Line::Even, values, &mut other);
        keep_smaller(&mut best, other);
        if let Some(dictionary) = line::dictionary_of(values) {
            let mut other = vec![DICTIONARY];
            line::encode_by_dictionary(Line::Even, values, &dictionary, &mut other);
            keep_smaller(&mut best, other);
        }
    }
    if effort == Effort::Thorough {
        let mut other = vec![PCO];
        if put_pco(values, &mut other).is_ok() {
            keep_smaller(&mut best, other);
        }
    }
    out.extend_from_slice(&best);
}

/// Reads a column of `n` whole numbers that fills `bytes`.
pub fn read_whole(n: usize, mut bytes: Reader) -> Read<Vec<i64>> {
    check_rows(n)?;
    match bytes.u8()? {
        CONSTANT => Ok(vec![bytes.signed()?; n]),
        PREDICTED => line::decode(Line::Even, n, bytes),
        DICTIONARY => line::decode_by_dictionary(Line::Even, n, bytes),
        PCO => read_pco(n, bytes.rest()),
        PACKED => read_packed(n, &mut bytes),
        other => corrupt(format!("whole-number column of kind {other}")),
    }
}

fn check_rows(n: usize) -> Read<()> {
    if n == 0 || n > ROWS_MAX { corrupt(format!("a column of {n} rows")) } else { Ok(()) }
}

/// Whether a grid can hold it.
fn is_exception(v: f64) -> bool {
    v.to_bits() == (-0.0f64).to_bits() || v.is_nan() || v.abs() >= FARTHEST
}

/// The exceptions written down, and the column with each replaced by its forerunner (`None` where there are none).
fn split_exceptions(values: &[f64]) -> (Vec<u8>, Option<Vec<f64>>) {
    if !values.iter().any(|v| is_exception(*v)) {
        return (vec![0], None);
    }
    let mut stand_in = values.iter().copied().find(|v| !is_exception(*v)).unwrap_or(0.0);
    let mut clean = Vec::with_capacity(values.len());
    let mut runs: Vec<(usize, usize, u64)> = Vec::new();
    for (i, v) in values.iter().enumerate() {
        if is_exception(*v) {
            match runs.last_mut() {
                Some((start, length, bits)) if *start + *length == i && *bits == v.to_bits() => {
                    *length += 1;
                }
                _ => runs.push((i, 1, v.to_bits())),
            }
        } else {
            stand_in = *v;
        }
        clean.push(stand_in);
    }
    let mut out = Vec::new();
    put_varint(&mut out, runs.len() as u64);
    let mut end = 0;
    for (start, length, bits) in runs {
        put_varint(&mut out, (start - end) as u64);
        put_varint(&mut out, length as u64);
        out.extend_from_slice(&bits.to_le_bytes());
        end = start + length;
    }
    (out, Some(clean))
}

fn read_exceptions(n: usize, bytes: &mut Reader) -> Read<Vec<(usize, usize, u64)>> {
    let count = bytes.count(n)?;
    let mut runs = Vec::new();
    let mut end = 0usize;
    for _ in 0..count {
        let start = end + bytes.count(n - end)?;
        let length = bytes.count(n - start)?;
        runs.push((start, length, bytes.u64()?));
        end = start + length;
    }
    Ok(runs)
}

/// First number, then zigzag steps in as many bits as the widest needs.
fn put_packed(ks: &[i64], out: &mut Vec<u8>) {
    put_signed(out, ks[0]);
    let all = ks.windows(2).fold(0, |all, w| all | zigzag(w[1].wrapping_sub(w[0])));
    let width = 64 - all.leading_zeros();
    out.push(width as u8);
    let (mut held, mut bits) = (0u128, 0);
    for w in ks.windows(2) {
        held |= u128::from(zigzag(w[1].wrapping_sub(w[0]))) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

fn read_packed(n: usize, bytes: &mut Reader) -> Read<Vec<i64>> {
    let mut k = bytes.signed()?;
    let width = u32::from(bytes.u8()?);
    if width > 64 {
        return corrupt("a packed width above 64 bits");
    }
    let mut packed = bytes.take(((n - 1) * width as usize).div_ceil(8))?.iter();
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let mut ks = Vec::with_capacity(n);
    ks.push(k);
    let (mut held, mut bits) = (0u128, 0);
    for _ in 1..n {
        while bits < width {
            held |= u128::from(packed.next().copied().unwrap_or(0)) << bits;
            bits += 8;
        }
        k = k.wrapping_add(unzigzag(held as u64 & mask));
        held >>= width;
        bits -= width;
        ks.push(k);
    }
    Ok(ks)
}

/// Exclusive-or with the forerunner, without the leading and trailing zero bytes that all of them share.
fn put_trimmed(values: &[f64], out: &mut Vec<u8>) {
    let all = values.windows(2).fold(0, |all, w| all | (w[0].to_bits() ^ w[1].to_bits()));
    let low = all.trailing_zeros().min(63) / 8;
    let size = 8 - low - all.leading_zeros() / 8;
    out.push((low << 4 | size) as u8);
    put_f64(out, values[0]);
    for w in values.windows(2) {
        let bits = (w[0].to_bits() ^ w[1].to_bits()) >> (8 * low);
        out.extend_from_slice(&bits.to_le_bytes()[..size as usize]);
    }
}

fn read_trimmed(n: usize, bytes: &mut Reader) -> Read<Vec<f64>> {
    let shape = bytes.u8()?;
    let (low, size) = (usize::from(shape >> 4), usize::from(shape & 15));
    if low + size > 8 || size == 0 {
        return corrupt("a trimmed column's shape");
    }
    let mut at = bytes.u64()?;
    let mut values = Vec::with_capacity(n);
    values.push(f64::from_bits(at));
    for part in bytes.take((n - 1) * size)?.chunks_exact(size) {
        let mut eight = [0u8; 8];
        eight[low..low + size].copy_from_slice(part);
        at ^= u64::from_le_bytes(eight);
        values.push(f64::from_bits(at));
    }
    Ok(values)
}

fn put_pco<T: Number>(values: &[T], out: &mut Vec<u8>) -> pco::errors::PcoResult<()> {
    let config = ChunkConfig::default().with_compression_level(PCO_LEVEL);
    let file = FileCompressor::default();
    file.write_header(&mut *out)?;
    let mut chunk = file.chunk_compressor(values, &config)?;
    chunk.write_meta(&mut *out)?;
    // More than 2^18 numbers make several pages; their sizes follow from the count by pco's own rule.
    for page in 0..chunk.n_per_page().len() {
        chunk.write_page(page, &mut *out)?;
    }
    Ok(())
}

fn read_pco<T: Number + Default>(n: usize, bytes: &[u8]) -> Read<Vec<T>> {
    let fail = |e: pco::errors::PcoError| Corrupt(format!("pco: {e}"));
    let (file, rest) = FileDecompressor::new(bytes).map_err(fail)?;
    let (mut chunk, mut rest) = file.chunk_decompressor::<T, _>(rest).map_err(fail)?;
    let mut values = vec![T::default(); n];
    let mut at = 0;
    for page in pco::PagingSpec::default().n_per_page(n).map_err(fail)? {
        let mut decoder = chunk.page_decompressor(rest, page).map_err(fail)?;
        let progress = decoder.read(&mut values[at..at + page]).map_err(fail)?;
        if progress.n_processed != page {
            return corrupt("pco: a page ends early");
        }
        at += page;
        rest = decoder.into_src();
    }
    Ok(values)
}
