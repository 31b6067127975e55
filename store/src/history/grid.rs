//! Finding the grid that values were read on.
//!
//! An instrument counts: a 12-bit converter over a range, a display of so many digits, a register scaled by ten. The
//! double that reaches us is one of few, and which one is a whole number. A grid is accepted only when it gives back
//! every value of the column bit for bit; so a wrong guess costs size, never truth.

use super::bytes::{Read, Reader, corrupt, put_f64, put_signed, put_varint};
use super::line::{Line, fold_decades, fold32, fold64, unfold_decades};

/// Powers of ten that a double holds exactly.
const TENS: [f64; 18] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17,
];
/// Whole numbers up to here are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Full scales that converters and analog modules count to.
const FULL_SCALES: [u32; 16] = [
    4095, 4096, 1023, 1024, 65535, 65536, 32767, 32768, 27648, 16383, 16384, 32000, 4000, 16000,
    255, 20000,
];

/// How whole numbers become values.
#[derive(Clone, Debug, PartialEq)]
pub enum Grid {
    /// Any double, by its order.
    Double,
    /// Any single, by its order.
    Single,
    /// `(base + step·k) / 10^digits`, rounded to a single where `single`.
    Decimal {
        /// Decimal places.
        digits: u8,
        /// Rounded to a single.
        single: bool,
        /// Of `k` zero, in the last place.
        base: i64,
        /// Between neighbours, in the last place.
        step: u64,
    },
    /// Decimals of `significant` digits, `10^-digits` the finest step.
    Significant {
        /// Decimal places of the finest step.
        digits: u8,
        /// Rounded to a single.
        single: bool,
        /// Significant digits.
        significant: u8,
    },
    /// `low + k·step`, the step by one of several formulas, with a correction in units of the last place for each `k`
    /// where the formula was another one.
    Scaled(Scaled),
}

/// A converter's counts scaled to a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// Value of count zero.
    pub low: f64,
    /// Range; with `counts` it gives the step.
    pub span: f64,
    /// Counts of the full range.
    pub counts: u32,
    /// Which formula, see [`Scaled::formula`].
    pub form: u8,
    /// The result is rounded to a single.
    pub single: bool,
    /// Count of the first correction.
    pub first: i64,
    /// Corrections in last places by count; empty where the formula is exact.
    pub corrections: Vec<i8>,
}

impl Scaled {
    fn formula(&self, k: i64) -> f64 {
        let (k, counts) = (k as f64, f64::from(self.counts));
        let v = match self.form {
            0 => self.low + k * (self.span / counts),
            1 => self.low + k * self.span / counts,
            _ => self.low + k / counts * self.span,
        };
        if self.single { f64::from(v as f32) } else { v }
    }

    fn value(&self, k: i64) -> f64 {
        let v = self.formula(k);
        let at = k.wrapping_sub(self.first);
        match self.corrections.get(usize::try_from(at).unwrap_or(usize::MAX)) {
            None | Some(0) => v,
            Some(c) if self.single => {
                let k = fold32((v as f32).to_bits() as i32).wrapping_add(i32::from(*c));
                f64::from(f32::from_bits(fold32(k) as u32))
            }
            Some(c) => {
                f64::from_bits(fold64(fold64(v.to_bits() as i64).wrapping_add(i64::from(*c))) as u64)
            }
        }
    }

    /// Last places between the formula and `v`.
    fn correction(&self, k: i64, v: f64) -> Option<i8> {
        let f = self.formula(k);
        let d = if self.single {
            i64::from(fold32((v as f32).to_bits() as i32))
                - i64::from(fold32((f as f32).to_bits() as i32))
        } else {
            fold64(v.to_bits() as i64).wrapping_sub(fold64(f.to_bits() as i64))
        };
        i8::try_from(d).ok()
    }
}

fn round_if(single: bool, v: f64) -> f64 {
    if single { f64::from(v as f32) } else { v }
}

impl Grid {
    /// The line its whole numbers stand on.
    #[must_use]
    pub const fn line(&self) -> Line {
        match self {
            Self::Double => Line::Doubles,
            Self::Single => Line::Singles,
            Self::Decimal { .. } | Self::Scaled(_) => Line::Even,
            Self::Significant { significant, .. } => Line::Decades(*significant as u32),
        }
    }

    /// The value of a whole number.
    #[inline]
    #[must_use]
    pub fn value(&self, k: i64) -> f64 {
        match self {
            Self::Double => f64::from_bits(fold64(k) as u64),
            Self::Single => f64::from(f32::from_bits(fold32(k as i32) as u32)),
            Self::Decimal { digits, single, base, step } => {
                let n = base.wrapping_add(k.wrapping_mul(*step as i64));
                round_if(*single, n as f64 / TENS[usize::from(*digits)])
            }
            Self::Significant { digits, single, significant } => {
                let n = unfold_decades(u32::from(*significant), k);
                round_if(*single, n as f64 / TENS[usize::from(*digits)])
            }
            Self::Scaled(s) => s.value(k),
        }
    }

    /// The whole number of a value, if it lies on the grid bit for bit.
    #[inline]
    #[must_use]
    pub fn count(&self, v: f64) -> Option<i64> {
        let k = match self {
            Self::Double => fold64(v.to_bits() as i64),
            Self::Single => i64::from(fold32((v as f32).to_bits() as i32)),
            Self::Decimal { digits, base, step, .. } => {
                let n = whole(v * TENS[usize::from(*digits)])?.wrapping_sub(*base);
                if *step == 1 { n } else { n.div_euclid(*step as i64) }
            }
            Self::Significant { digits, significant, .. } => {
                fold_decades(u32::from(*significant), whole(v * TENS[usize::from(*digits)])?)
            }
            Self::Scaled(s) => whole((v - s.low) / (s.span / f64::from(s.counts)))?,
        };
        (self.value(k).to_bits() == v.to_bits()).then_some(k)
    }

    /// Whole numbers of a column, if every value lies on the grid.
    #[must_use]
    pub fn counts(&self, values: &[f64]) -> Option<Vec<i64>> {
        values.iter().map(|v| self.count(*v)).collect()
    }

    /// Appends the description.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Double => out.push(0),
            Self::Single => out.push(1),
            Self::Decimal { digits, single, base, step } => {
                let plain = *base == 0 && *step == 1;
                out.push(if plain { 2 } else { 3 } | u8::from(*single) << 7);
                out.push(*digits);
                if !plain {
                    put_signed(out, *base);
                    put_varint(out, *step);
                }
            }
            Self::Significant { digits, single, significant } => {
                out.push(4 | u8::from(*single) << 7);
                out.push(*digits);
                out.push(*significant);
            }
            Self::Scaled(s) => {
                out.push(5 | u8::from(s.single) << 7);
                out.push(s.form);
                put_varint(out, u64::from(s.counts));
                put_short_f64(out, s.low);
                put_short_f64(out, s.span);
                put_varint(out, s.corrections.len() as u64);
                if !s.corrections.is_empty() {
                    put_signed(out, s.first);
                    put_corrections(out, &s.corrections);
                }
            }
        }
    }

    /// Reads a description.
    pub fn read(bytes: &mut Reader) -> Read<Self> {
        let tag = bytes.u8()?;
        let single = tag & 0x80 != 0;
        let digits = |bytes: &mut Reader| {
            let d = bytes.u8()?;
            if usize::from(d) < TENS.len() { Ok(d) } else { corrupt("decimal digits") }
        };
        Ok(match tag & 0x7F {
            0 => Self::Double,
            1 => Self::Single,
            2 => Self::Decimal { digits: digits(bytes)?, single, base: 0, step: 1 },
            3 => Self::Decimal {
                digits: digits(bytes)?,
                single,
                base: bytes.signed()?,
                step: bytes.varint()?.max(1),
            },
            4 => {
                let digits = digits(bytes)?;
                let significant = bytes.u8()?;
                if !(1..=15).contains(&significant) {
                    return corrupt("significant digits");
                }
                Self::Significant { digits, single, significant }
            }
            5 => {
                let form = bytes.u8()?;
                let counts = u32::try_from(bytes.varint()?).unwrap_or(0).max(1);
                let low = read_short_f64(bytes)?;
                let span = read_short_f64(bytes)?;
                let n = bytes.count(1 << 20)?;
                let (mut first, mut corrections) = (0, Vec::new());
                if n > 0 {
                    first = bytes.signed()?;
                    corrections = read_corrections(bytes, n)?;
                }
                Self::Scaled(Scaled { low, span, counts, form, single, first, corrections })
            }
            other => return corrupt(format!("grid {other}")),
        })
    }
}

/// Corrections in {−1, 0, 1} go four to a byte, others a byte each.
fn put_corrections(out: &mut Vec<u8>, corrections: &[i8]) {
    if corrections.iter().all(|c| (-1..=1).contains(c)) {
        out.push(0);
        for four in corrections.chunks(4) {
            out.push(four.iter().enumerate().map(|(i, c)| ((c + 1) as u8) << (2 * i)).sum());
        }
    } else {
        out.push(1);
        out.extend(corrections.iter().map(|c| *c as u8));
    }
}

fn read_corrections(bytes: &mut Reader, n: usize) -> Read<Vec<i8>> {
    if bytes.u8()? == 0 {
        let packed = bytes.take(n.div_ceil(4))?;
        Ok((0..n).map(|i| (packed[i / 4] >> (2 * (i % 4)) & 3) as i8 - 1).collect())
    } else {
        Ok(bytes.take(n)?.iter().map(|b| *b as i8).collect())
    }
}

/// A double that is a short decimal takes two or three bytes, any other nine.
fn put_short_f64(out: &mut Vec<u8>, v: f64) {
    for digits in 0..8u8 {
        let n = (v * TENS[usize::from(digits)]).round();
        if n.abs() < 1e9 && (n / TENS[usize::from(digits)]).to_bits() == v.to_bits() {
            out.push(digits);
            put_signed(out, n as i64);
            return;
        }
    }
    out.push(255);
    put_f64(out, v);
}

fn read_short_f64(bytes: &mut Reader) -> Read<f64> {
    match bytes.u8()? {
        255 => bytes.f64(),
        digits if digits < 8 => Ok(bytes.signed()? as f64 / TENS[usize::from(digits)]),
        other => corrupt(format!("short double {other}")),
    }
}

#[inline]
fn whole(v: f64) -> Option<i64> {
    let r = v.round();
    (r.abs() <= EXACT).then_some(r as i64)
}

/// The grid of a column of finite values, none of them −0.0, and the column's whole numbers on it.
#[must_use]
pub fn find(values: &[f64]) -> (Grid, Vec<i64>) {
    if let Some(found) = decimal(values, false) {
        return found;
    }
    let single = values.iter().all(|v| f64::from(*v as f32).to_bits() == v.to_bits());
    if single && let Some(found) = decimal(values, true) {
        return found;
    }
    if let Some(found) = scaled(values, single) {
        return found;
    }
    let grid = if single { Grid::Single } else { Grid::Double };
    let counts =
        values.iter().map(|v| grid.count(*v).expect("every double has an order")).collect();
    (grid, counts)
}

fn decimal(values: &[f64], single: bool) -> Option<(Grid, Vec<i64>)> {
    let mut digits = 0u8;
    let most = if single { 8 } else { 15 };
    for v in values {
        let grid = |digits| Grid::Decimal { digits, single, base: 0, step: 1 };
        while grid(digits).count(*v).is_none() {
            digits += 1;
            if digits > most {
                return None;
            }
        }
    }
    let fine = Grid::Decimal { digits, single, base: 0, step: 1 }.counts(values)?;
    if single && fine.iter().any(|n| n.abs() >= 1 << 24) {
        return None;
    }
    // Everything a multiple of one step?
    let base = fine[0];
    let step = fine.iter().fold(0u64, |g, n| gcd(g, n.abs_diff(base))).max(1);
    if step > 1 {
        let base = base.rem_euclid(step as i64);
        let grid = Grid::Decimal { digits, single, base, step };
        if let Some(counts) = grid.counts(values) {
            return Some((grid, counts));
        }
    }
    // Digits that run out as the value grows?
    let significant = fine.iter().map(|n| significant_digits(*n)).max().unwrap_or(1).max(1);
    let full = 10i64.checked_pow(u32::from(significant)).unwrap_or(i64::MAX);
    if significant <= 15 && fine.iter().any(|n| n.abs() >= full) {
        let grid = Grid::Significant { digits, single, significant };
        if let Some(counts) = grid.counts(values) {
            return Some((grid, counts));
        }
    }
    Some((Grid::Decimal { digits, single, base: 0, step: 1 }, fine))
}

fn significant_digits(n: i64) -> u8 {
    let mut n = n.unsigned_abs();
    if n == 0 {
        return 1;
    }
    while n.is_multiple_of(10) {
        n /= 10;
    }
    n.ilog10() as u8 + 1
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Looks for counts scaled to a range.
fn scaled(values: &[f64], single: bool) -> Option<(Grid, Vec<i64>)> {
    let mut distinct = values.to_vec();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    let (lowest, highest) = (*distinct.first()?, *distinct.last()?);
    // A converter repeats itself; values that never do are measurements of another kind.
    if distinct.len() < 3 || (distinct.len() > 16 && distinct.len() * 10 > values.len() * 9) {
        return None;
    }
    let noise = lowest.abs().max(highest.abs()) * if single { 1e-6 } else { 1e-12 };
    let mut step = 0.0f64;
    for w in distinct.windows(2) {
        step = common_step(step, w[1] - w[0], noise * 4.0);
        if step < noise * 64.0 {
            return None;
        }
    }
    let across = ((highest - lowest) / step).round();
    if across > 2_000_000.0 {
        return None;
    }
    let step = (highest - lowest) / across;
    let mut best: Option<Scaled> = None;
    for (low, span, counts) in candidates(lowest, step, noise) {
        for form in 0..3 {
            let s = Scaled { low, span, counts, form, single, first: 0, corrections: Vec::new() };
            let Some(s) = with_corrections(s, &distinct) else { continue };
            if best.as_ref().is_none_or(|b| s.corrections.len() < b.corrections.len()) {
                best = Some(s);
            }
        }
        if best.as_ref().is_some_and(|b| b.corrections.is_empty()) {
            break;
        }
    }
    let grid = Grid::Scaled(best?);
    let counts = grid.counts(values)?;
    Some((grid, counts))
}

/// Greatest step that both are near multiples of (Euclid with a tolerance).
fn common_step(a: f64, b: f64, tolerance: f64) -> f64 {
    let (mut a, mut b) = (a.max(b), a.min(b));
    while b > tolerance {
        let r = a - (a / b).round() * b;
        (a, b) = (b, r.abs());
    }
    a
}

/// Ranges that would give such a step: round ones over usual full scales first, the bare step last.
fn candidates(lowest: f64, step: f64, noise: f64) -> Vec<(f64, f64, u32)> {
    let mut found = Vec::new();
    for counts in FULL_SCALES {
        let Some(span) = round_decimal(step * f64::from(counts), 1e-9) else { continue };
        let offset = lowest - (lowest / step).round() * step;
        if offset.abs() < noise.max(step * 1e-7) * 64.0 {
            found.push((0.0, span, counts));
        }
        // The range's low end lies a whole number of steps below the lowest value, within one full scale.
        for low in round_lows(span) {
            let k = (lowest - low) / step;
            if (k - k.round()).abs() < 1e-4 && k > -1.0 && k < f64::from(counts) * 2.0 {
                found.push((low, span, counts));
            }
        }
    }
    if (lowest - (lowest / step).round() * step).abs() < noise * 64.0 {
        found.push((0.0, step, 1));
    }
    found.push((lowest, step, 1));
    found
}

fn round_lows(span: f64) -> impl Iterator<Item = f64> {
    let tenths = (1..=20).map(move |i| -span * f64::from(i) / 20.0);
    [1.0, 4.0, 0.2, -20.0, -50.0, -100.0, -200.0, -40.0, -0.1, 10.0, 20.0, 50.0]
        .into_iter()
        .chain(tenths)
        .filter_map(|v| round_decimal(v, 1e-9))
}

/// The short decimal next to `v`, if it is that near.
fn round_decimal(v: f64, tolerance: f64) -> Option<f64> {
    for ten in &TENS[..7] {
        let n = (v * ten).round();
        if n != 0.0 && n.abs() < 1e7 && (v * ten - n).abs() <= n.abs() * tolerance {
            return Some(n / ten);
        }
    }
    None
}

/// The grid with whatever corrections the distinct values need; `None` when it does not fit.
fn with_corrections(mut s: Scaled, distinct: &[f64]) -> Option<Scaled> {
    let step = s.span / f64::from(s.counts);
    let mut ks = Vec::with_capacity(distinct.len());
    let mut exact = true;
    for v in distinct {
        let k = whole((v - s.low) / step)?;
        let c = s.correction(k, *v)?;
        exact &= c == 0;
        ks.push((k, c));
    }
    if exact {
        return Some(s);
    }
    let (first, last) = (ks.first()?.0, ks.last()?.0);
    s.first = first;
    s.corrections = vec![0; usize::try_from(last - first).ok()? + 1];
    for (k, c) in ks {
        s.corrections[(k - first) as usize] = c;
    }
    Some(s)
}
