//! A column of whole numbers on a line of values, coded by prediction.
//!
//! Every value codec ends here: it has turned its values into whole numbers `k` that grow with the value, and a [`Line`]
//! says where on the line of values each `k` stands. The model of `density.rs` works on the line; what is coded is `k`.
//! Where the noise is wide, the low bits of `k` carry nothing that could be predicted and are written as they are.

use super::bytes::{Read, Reader, corrupt, put_signed, put_varint};
use super::density::{AtEdge, Density, EXPERTS};
use super::range_coder::{Decoder, Encoder, TOTAL};

/// Symbols on either side of the expected one; what lies beyond is escaped.
const REACH: i64 = 1 << 14;
/// No position beyond this enters the model.
pub const FARTHEST: f64 = 1e300;
/// A column with more distinct values is not coded by dictionary.
pub const DICTIONARY_MAX: usize = 64;

/// Infinity in the order of doubles, and of singles; its opposite is one below the opposite number, because there are two zeros.
const INFINITY_64: i64 = f64::INFINITY.to_bits() as i64;
const INFINITY_32: i64 = f32::INFINITY.to_bits() as i64;

/// Where whole numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// At themselves.
    Even,
    /// Doubles in their order: consecutive `k` are consecutive doubles.
    Doubles,
    /// Singles in their order.
    Singles,
    /// Decimals of so many significant digits: the step grows tenfold where a digit is lost.
    Decades(u32),
}

/// Maps the bits of a double to a whole number of the same order, and back.
#[must_use]
pub const fn fold64(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Maps the bits of a single to a whole number of the same order, and back.
#[must_use]
pub const fn fold32(bits: i32) -> i32 {
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

impl Line {
    /// Position of `k`.
    #[inline]
    #[must_use]
    pub fn position(self, k: i64) -> f64 {
        match self {
            Self::Even => k as f64,
            // Beyond infinity stand the NaNs, which are in no order: edges of a window that reaches there stay at infinity, or
            // reader and writer would not find the same symbol.
            Self::Doubles => f64::from_bits(fold64(k.clamp(-INFINITY_64 - 1, INFINITY_64)) as u64),
            Self::Singles => {
                let k = k.clamp(-INFINITY_32 - 1, INFINITY_32) as i32;
                f64::from(f32::from_bits(fold32(k) as u32))
            }
            Self::Decades(digits) => unfold_decades(digits, k) as f64,
        }
    }

    /// Some `k` near `position`; which one matters only for size.
    fn near(self, position: f64) -> i64 {
        match self {
            Self::Even => position.floor() as i64,
            Self::Doubles => fold64(position.to_bits() as i64),
            Self::Singles => i64::from(fold32((position as f32).to_bits() as i32)),
            Self::Decades(digits) => fold_decades(digits, position.floor() as i64),
        }
    }
}

/// Index of a fine decimal step among the decimals of `digits` significant digits; exact where it is one of them.
#[must_use]
pub fn fold_decades(digits: u32, fine: i64) -> i64 {
    let full = 10i64.pow(digits);
    let magnitude = fine.unsigned_abs().min(i64::MAX as u64) as i64;
    if magnitude < full {
        return fine;
    }
    let (mut m, mut decade) = (magnitude, 0);
    while m >= full {
        m /= 10;
        decade += 1;
    }
    let low = full / 10;
    let index = full + (decade - 1) * (full - low) + (m - low);
    if fine < 0 { -index } else { index }
}

/// The inverse of [`fold_decades`]; saturates beyond what fits.
#[must_use]
pub fn unfold_decades(digits: u32, index: i64) -> i64 {
    let full = 10i64.pow(digits);
    let magnitude = index.unsigned_abs().min(i64::MAX as u64) as i64;
    if magnitude < full {
        return index;
    }
    let low = full / 10;
    let decade = (magnitude - full) / (full - low) + 1;
    let mut fine = low + (magnitude - full) % (full - low);
    for _ in 0..decade.min(20) {
        fine = fine.saturating_mul(10);
    }
    if index < 0 { -fine } else { fine }
}

/// Symbols of a coded column: which value each stands for and where it begins.
struct Alphabet<'a> {
    line: Line,
    raw_bits: u32,
    dictionary: Option<&'a [i64]>,
}

/// The window of symbols around what is expected.
struct Window {
    lowest: i64,
    symbols: usize,
}

impl Alphabet<'_> {
    fn window(&self, model: &Density) -> Window {
        if let Some(dictionary) = self.dictionary {
            return Window { lowest: 0, symbols: dictionary.len() };
        }
        let center = self.line.near(model.center()) >> self.raw_bits;
        Window { lowest: center.saturating_sub(REACH), symbols: 2 * REACH as usize + 3 }
    }

    /// Cumulative probabilities where symbol `s` of the window begins.
    #[inline]
    fn edge(&self, model: &Density, window: &Window, s: usize) -> AtEdge {
        if s == 0 {
            return [0.0; EXPERTS];
        }
        if s >= window.symbols {
            return [1.0; EXPERTS];
        }
        let (below, above) = match self.dictionary {
            Some(d) => (d[s - 1], d[s]),
            None => {
                let above =
                    window.lowest.saturating_add(s as i64 - 1).saturating_mul(1 << self.raw_bits);
                (above.saturating_sub(1), above)
            }
        };
        let edge = 0.5 * (self.line.position(below) + self.line.position(above));
        model.at(edge.clamp(-FARTHEST, FARTHEST), s)
    }

    /// Start of symbol `s` in the coder's total. Two units a symbol, so that rounding can never leave one empty.
    #[inline]
    fn start(model: &Density, window: &Window, s: usize, at: &AtEdge) -> u64 {
        if s >= window.symbols {
            return TOTAL;
        }
        let room = TOTAL - 2 * window.symbols as u64;
        (model.mix(at) * room as f64) as u64 + 2 * s as u64
    }

    fn encode(&self, model: &mut Density, k: i64, coder: &mut Encoder) {
        let window = self.window(model);
        let q = k >> self.raw_bits;
        let s = match self.dictionary {
            Some(d) => d.partition_point(|x| *x < k),
            None => {
                (q.saturating_sub(window.lowest).saturating_add(1)).clamp(0, 2 * REACH + 2) as usize
            }
        };
        let lower = self.edge(model, &window, s);
        let upper = self.edge(model, &window, s + 1);
        let start = Self::start(model, &window, s, &lower);
        let end = Self::start(model, &window, s + 1, &upper);
        coder.put(start, end - start);
        if self.dictionary.is_none() {
            if s == 0 {
                put_gamma(coder, distance(q, window.lowest - 1));
            } else if s == window.symbols - 1 {
                put_gamma(coder, distance(window.lowest + 2 * REACH + 1, q));
            }
            coder.put_bits((k & ((1 << self.raw_bits) - 1)) as u64, self.raw_bits);
        }
        model.learn(self.line.position(k), s, &lower, &upper);
    }

    fn decode(&self, model: &mut Density, coder: &mut Decoder) -> i64 {
        let window = self.window(model);
        let target = coder.peek();
        // Walk out from the middle in doubling steps, then halve.
        let mut low = 0;
        let mut high = window.symbols;
        let mut lower = self.edge(model, &window, 0);
        let mut upper = self.edge(model, &window, high);
        let (mut start, mut end) = (0, TOTAL);
        let mut probe = window.symbols / 2;
        let mut stride = 2;
        let mut bracketed = (false, false);
        while high - low > 1 {
            let at = self.edge(model, &window, probe);
            let here = Self::start(model, &window, probe, &at);
            if here <= target {
                (low, lower, start, bracketed.0) = (probe, at, here, true);
            } else {
                (high, upper, end, bracketed.1) = (probe, at, here, true);
            }
            probe = match bracketed {
                (true, false) if low + stride < high => low + stride,
                (false, true) if low + stride < high => high - stride,
                _ => low + (high - low) / 2,
            };
            stride *= 3;
        }
        coder.take(start, end - start);
        let k = if let Some(d) = self.dictionary {
            d[low]
        } else {
            let q = if low == 0 {
                (window.lowest - 1).wrapping_sub(take_gamma(coder) as i64)
            } else if low == window.symbols - 1 {
                (window.lowest + 2 * REACH + 1).wrapping_add(take_gamma(coder) as i64)
            } else {
                window.lowest + low as i64 - 1
            };
            q.wrapping_shl(self.raw_bits) | coder.take_bits(self.raw_bits) as i64
        };
        model.learn(self.line.position(k).clamp(-FARTHEST, FARTHEST), low, &lower, &upper);
        k
    }
}

fn distance(low: i64, high: i64) -> u64 {
    high.wrapping_sub(low) as u64
}

fn put_gamma(coder: &mut Encoder, d: u64) {
    let bits = 64 - d.leading_zeros();
    coder.put_bits(u64::from(bits), 7);
    coder.put_bits(d, bits);
}

fn take_gamma(coder: &mut Decoder) -> u64 {
    let bits = coder.take_bits(7) as u32;
    coder.take_bits(bits.min(64))
}

/// The power of two nearest below the typical step of the column.
fn typical_step(line: Line, ks: &[i64]) -> i32 {
    let mut steps: Vec<f64> =
        ks.windows(2).map(|w| (line.position(w[1]) - line.position(w[0])).abs()).collect();
    if steps.is_empty() {
        return 0;
    }
    let middle = steps.len() / 2;
    let (_, median, rest) = steps.select_nth_unstable_by(middle, f64::total_cmp);
    let mut step = *median;
    if step == 0.0 {
        // Mostly standing still: what it does when it moves, thinned by how seldom that is.
        step = rest.iter().sum::<f64>() / ks.len() as f64;
    }
    if step > 0.0 { (step.log2().floor() as i32).clamp(-900, 900) } else { 0 }
}

/// Low bits that noise of the given step makes unpredictable.
fn free_bits(line: Line, ks: &[i64], exponent: i32) -> u32 {
    let step = power_of_two(exponent);
    let spacing = match line {
        Line::Even => 1.0,
        _ => {
            // At the value of greatest magnitude, where the spacing of floats and decades is widest.
            let Some(k) = ks
                .iter()
                .max_by(|a, b| line.position(**a).abs().total_cmp(&line.position(**b).abs()))
            else {
                return 0;
            };
            (line.position(*k) - line.position(k - 1)).abs()
        }
    };
    let ratio = step / spacing;
    if ratio.is_finite() && ratio > 256.0 {
        (ratio.log2() as u32).saturating_sub(7).min(54)
    } else {
        0
    }
}

/// 2ⁿ exactly.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((i64::from(exponent) + 1023) as u64) << 52)
}

/// Appends a column of one or more numbers.
pub fn encode(line: Line, ks: &[i64], out: &mut Vec<u8>) {
    let exponent = typical_step(line, ks);
    let raw_bits = free_bits(line, ks, exponent);
    out.push(raw_bits as u8);
    put_signed(out, i64::from(exponent));
    put_signed(out, ks[0]);
    let alphabet = Alphabet { line, raw_bits, dictionary: None };
    let mut model = Density::new(line.position(ks[0]), power_of_two(exponent), None);
    let mut coder = Encoder::new(std::mem::take(out));
    for k in &ks[1..] {
        alphabet.encode(&mut model, *k, &mut coder);
    }
    *out = coder.finish();
}

/// Reads what [`encode`] wrote; `bytes` ends with the column.
pub fn decode(line: Line, n: usize, mut bytes: Reader) -> Read<Vec<i64>> {
    let raw_bits = u32::from(bytes.u8()?);
    let exponent = bytes.signed()?;
    if raw_bits > 54 || exponent.abs() > 900 {
        return corrupt("a predicted column's header");
    }
    let first = bytes.signed()?;
    let alphabet = Alphabet { line, raw_bits, dictionary: None };
    let at = line.position(first).clamp(-FARTHEST, FARTHEST);
    let mut model = Density::new(at, power_of_two(exponent as i32), None);
    let mut coder = Decoder::new(bytes.rest());
    let mut ks = Vec::with_capacity(n);
    ks.push(first);
    for _ in 1..n {
        ks.push(alphabet.decode(&mut model, &mut coder));
    }
    Ok(ks)
}

/// The distinct numbers of a column, sorted, where they are few.
#[must_use]
pub fn dictionary_of(ks: &[i64]) -> Option<Vec<i64>> {
    let mut distinct: Vec<i64> = Vec::with_capacity(DICTIONARY_MAX + 1);
    let mut before = None;
    for k in ks {
        if before == Some(*k) {
            continue;
        }
        before = Some(*k);
        if let Err(at) = distinct.binary_search(k) {
            if distinct.len() == DICTIONARY_MAX {
                return None;
            }
            distinct.insert(at, *k);
        }
    }
    Some(distinct)
}

/// Appends a column of few distinct numbers.
pub fn encode_by_dictionary(line: Line, ks: &[i64], dictionary: &[i64], out: &mut Vec<u8>) {
    put_varint(out, dictionary.len() as u64);
    put_signed(out, dictionary[0]);
    for w in dictionary.windows(2) {
        put_varint(out, w[1].wrapping_sub(w[0]) as u64);
    }
    let exponent = typical_step(line, ks);
    put_signed(out, i64::from(exponent));
    let first = dictionary.partition_point(|x| *x < ks[0]);
    put_varint(out, first as u64);
    let alphabet = Alphabet { line, raw_bits: 0, dictionary: Some(dictionary) };
    let symbols = Some((dictionary.len(), first));
    let mut model = Density::new(line.position(ks[0]), power_of_two(exponent), symbols);
    let mut coder = Encoder::new(std::mem::take(out));
    for k in &ks[1..] {
        alphabet.encode(&mut model, *k, &mut coder);
    }
    *out = coder.finish();
}

/// Reads what [`encode_by_dictionary`] wrote.
pub fn decode_by_dictionary(line: Line, n: usize, mut bytes: Reader) -> Read<Vec<i64>> {
    let size = bytes.count(DICTIONARY_MAX)?;
    if size == 0 {
        return corrupt("an empty dictionary");
    }
    let mut dictionary = vec![bytes.signed()?];
    for i in 1..size {
        let delta = bytes.varint()?;
        dictionary.push(dictionary[i - 1].wrapping_add(delta as i64));
    }
    if !dictionary.windows(2).all(|w| w[0] < w[1]) {
        return corrupt("a dictionary out of order");
    }
    let exponent = bytes.signed()?;
    let first = bytes.varint()? as usize;
    if first >= size || exponent.abs() > 900 {
        return corrupt("a dictionary column's header");
    }
    let alphabet = Alphabet { line, raw_bits: 0, dictionary: Some(&dictionary) };
    let at = line.position(dictionary[first]).clamp(-FARTHEST, FARTHEST);
    let mut model = Density::new(at, power_of_two(exponent as i32), Some((size, first)));
    let mut coder = Decoder::new(bytes.rest());
    let mut ks = Vec::with_capacity(n);
    ks.push(dictionary[first]);
    for _ in 1..n {
        ks.push(alphabet.decode(&mut model, &mut coder));
    }
    Ok(ks)
}
