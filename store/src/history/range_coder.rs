//! A range coder: turns symbols with known probabilities into nearly as few bits as theory allows.
//!
//! Carry-less (Subbotin's scheme) on 64 bits, so that frequencies out of 2²⁸ cost no measurable precision. The end is
//! trimmed: the shortest tail inside the last interval is written, and missing bytes read as zero.

/// Frequencies are given out of this total, as a power of two.
pub const TOTAL_BITS: u32 = 28;
/// Frequencies are given out of this total.
pub const TOTAL: u64 = 1 << TOTAL_BITS;

const TOP: u64 = 1 << 56;
const BOTTOM: u64 = 1 << 48;

/// Writes symbols.
#[derive(Debug)]
pub struct Encoder {
    low: u64,
    range: u64,
    out: Vec<u8>,
}

impl Encoder {
    /// Appends to `out`.
    #[must_use]
    pub const fn new(out: Vec<u8>) -> Self {
        Self { low: 0, range: u64::MAX, out }
    }

    /// Writes the symbol that owns `start..start + size` of [`TOTAL`].
    pub fn put(&mut self, start: u64, size: u64) {
        debug_assert!(size > 0 && start + size <= TOTAL, "an interval inside the total");
        let unit = self.range >> TOTAL_BITS;
        self.low = self.low.wrapping_add(start * unit);
        self.range = size * unit;
        while let Some(()) = narrow(self.low, &mut self.range) {
            self.out.push((self.low >> 56) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    /// Writes `n` bits as they are.
    pub fn put_bits(&mut self, value: u64, n: u32) {
        let mut left = n;
        while left > 0 {
            let step = left.min(TOTAL_BITS);
            left -= step;
            let part = (value >> left) & ((1 << step) - 1);
            let unit = TOTAL >> step;
            self.put(part * unit, unit);
        }
    }

    /// Ends the stream with as few bytes as decide the last interval, and gives the buffer back.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        // The value in [low, low + range) with the most trailing zero bytes; those need not be written.
        let high = self.low.wrapping_add(self.range - 1);
        let mut value = high;
        for zeros in (0..8).rev() {
            let candidate = high & !((1u64 << (8 * zeros)) - 1);
            if candidate.wrapping_sub(self.low) < self.range {
                value = candidate;
                break;
            }
        }
        let mut tail = value.to_be_bytes().to_vec();
        while tail.last() == Some(&0) {
            tail.pop();
        }
        self.out.extend_from_slice(&tail);
        self.out
    }
}

/// `Some` when a byte can be shifted out, cutting the range where low and high straddle a byte border for too long.
fn narrow(low: u64, range: &mut u64) -> Option<()> {
    if (low ^ low.wrapping_add(*range)) < TOP {
        return Some(());
    }
    if *range < BOTTOM {
        *range = low.wrapping_neg() & (BOTTOM - 1);
        return Some(());
    }
    None
}

/// Reads symbols.
#[derive(Debug)]
pub struct Decoder<'a> {
    low: u64,
    range: u64,
    code: u64,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    /// Reads from the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut this = Self { low: 0, range: u64::MAX, code: 0, bytes, at: 0 };
        for _ in 0..8 {
            this.code = this.code << 8 | this.next();
        }
        this
    }

    fn next(&mut self) -> u64 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        u64::from(byte)
    }

    /// Where in [`TOTAL`] the next symbol lies; the caller finds its owner and calls [`Decoder::take`].
    #[must_use]
    pub fn peek(&self) -> u64 {
        (self.code.wrapping_sub(self.low) / (self.range >> TOTAL_BITS)).min(TOTAL - 1)
    }

    /// Consumes the symbol that owns `start..start + size`.
    pub fn take(&mut self, start: u64, size: u64) {
        let unit = self.range >> TOTAL_BITS;
        self.low = self.low.wrapping_add(start * unit);
        self.range = size * unit;
        while let Some(()) = narrow(self.low, &mut self.range) {
            self.code = self.code << 8 | self.next();
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    /// Reads `n` bits as they are.
    pub fn take_bits(&mut self, n: u32) -> u64 {
        let mut value = 0;
        let mut left = n;
        while left > 0 {
            let step = left.min(TOTAL_BITS);
            left -= step;
            let unit = TOTAL >> step;
            let part = self.peek() / unit;
            self.take(part * unit, unit);
            value = value << step | part;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    #[test]
    fn symbols_of_any_probability_come_back() {
        let mut rng = StdRng::seed_from_u64(1);
        for n in [0usize, 1, 2, 7, 1000] {
            let symbols: Vec<(u64, u64)> = (0..n)
                .map(|_| {
                    let size = 1u64 << rng.random_range(0..=TOTAL_BITS);
                    (rng.random_range(0..=TOTAL - size), size)
                })
                .collect();
            let mut e = Encoder::new(Vec::new());
            for (i, (start, size)) in symbols.iter().enumerate() {
                e.put(*start, *size);
                e.put_bits((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15), 61);
            }
            let bytes = e.finish();
            let mut d = Decoder::new(&bytes);
            for (i, (start, size)) in symbols.iter().enumerate() {
                assert!((*start..start + size).contains(&d.peek()));
                d.take(*start, *size);
                assert_eq!(
                    d.take_bits(61),
                    ((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)) & ((1 << 61) - 1)
                );
            }
        }
    }

    #[test]
    fn certain_symbols_cost_almost_nothing() {
        let mut e = Encoder::new(Vec::new());
        for _ in 0..100_000 {
            e.put(1, TOTAL - 2);
        }
        assert!(e.finish().len() <= 4);
    }
}
