//! A readings frame that is made once and then only written over: values, numbers, times and check sum.
//!
//! Offsets are those of `docs/protocols/uplink.md`; a test opens what comes out with the domain's own reader, so a change of
//! the layout cannot pass unseen.

use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    Boot, GroupBuilder, HEADER_LEN, Header, Kind, Lane, TRAILER_LEN, encode_readings, seal,
};

use crate::plant::ADC_STEPS;

use super::fleet::HIGH_LIMIT;

const SEQ_AT: usize = 24;
const WALL_AT: usize = 32;
const MONO_AT: usize = 40;
/// Counts between which the base of a point wanders: 40 to 60 of 100.
const BASE: std::ops::Range<u16> = 1_638..2_457;
/// Seconds that a point stays over its limit.
const OVER_S: f64 = 5.0;

/// A frame of one gateway, with the state of its points.
pub struct Template {
    bytes: Vec<u8>,
    values_at: usize,
    base: Vec<u16>,
    rng: u64,
    /// Rows over their limit and frames left there.
    over: Vec<(u32, u32)>,
    /// Crossings owed, in parts of one.
    owed: f64,
    crossings_per_frame: f64,
    frames_over: u32,
}

impl Template {
    /// A frame of `points` readings at `rate_hz`.
    pub fn new(
        boot: Boot,
        table: u64,
        points: u32,
        rate_hz: f64,
        crossings_per_minute: f64,
        seed: u64,
    ) -> Self {
        let count = points as usize;
        let group = GroupBuilder {
            age_ms: 0,
            handles: (0..points).collect(),
            qualities: vec![Quality::GOOD; count],
            values: vec![0.0; count],
            source_walls: Vec::new(),
        };
        let header = Header {
            kind: Kind::Readings,
            lane: Lane::Live,
            flags: 0,
            boot,
            seq: 0,
            wall: UtcMillis(0),
            mono: MonoMillis(0),
            epoch: 0,
        };
        let bytes = seal(&header, &encode_readings(table, &[group]));
        let values_at = bytes.len() - TRAILER_LEN - count * 8;
        debug_assert!(values_at > HEADER_LEN);
        let mut template = Self {
            bytes,
            values_at,
            base: Vec::new(),
            rng: seed | 1,
            over: Vec::new(),
            owed: 0.0,
            crossings_per_frame: f64::from(points) * crossings_per_minute / 60.0 / rate_hz,
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a few frames"
            )]
            frames_over: (OVER_S * rate_hz).ceil().max(1.0) as u32,
        };
        // Gateways do not cross all at once.
        template.owed = (template.next() % 1_000) as f64 / 1_000.0;
        let width = u64::from(BASE.end - BASE.start);
        template.base =
            (0..points).map(|_| BASE.start + (template.next() % width) as u16).collect();
        template
    }

    /// xorshift64*: one multiplication for seven noisy values.
    fn next(&mut self) -> u64 {
        self.rng ^= self.rng >> 12;
        self.rng ^= self.rng << 25;
        self.rng ^= self.rng >> 27;
        self.rng.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// The next frame. Rows that cross their limit in it are pushed to `crossed`, true where they go over.
    pub fn next_frame(
        &mut self,
        seq: u64,
        wall_ms: i64,
        mono_ms: u64,
        crossed: &mut Vec<(u32, bool)>,
    ) -> Vec<u8> {
        self.cross(crossed);
        self.write_values();
        self.bytes[SEQ_AT..SEQ_AT + 8].copy_from_slice(&seq.to_le_bytes());
        self.bytes[WALL_AT..WALL_AT + 8].copy_from_slice(&wall_ms.to_le_bytes());
        self.bytes[MONO_AT..MONO_AT + 8].copy_from_slice(&mono_ms.to_le_bytes());
        let end = self.bytes.len() - TRAILER_LEN;
        let crc = crc32fast::hash(&self.bytes[..end]);
        self.bytes[end..].copy_from_slice(&crc.to_le_bytes());
        self.bytes.clone()
    }

    fn cross(&mut self, crossed: &mut Vec<(u32, bool)>) {
        self.over.retain_mut(|(row, left)| {
            *left -= 1;
            if *left == 0 {
                crossed.push((*row, false));
            }
            *left > 0
        });
        self.owed += self.crossings_per_frame;
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            #[allow(clippy::cast_possible_truncation, reason = "a remainder by a 32-bit length")]
            let row = (self.next() % self.base.len() as u64) as u32;
            let free =
                self.over.iter().all(|(at, _)| *at != row) && !crossed.contains(&(row, false));
            if free {
                self.over.push((row, self.frames_over));
                crossed.push((row, true));
            }
        }
    }

    fn write_values(&mut self) {
        let step = 100.0 / f64::from(ADC_STEPS);
        let mut bits = 0u64;
        for row in 0..self.base.len() {
            if row % 5 == 0 {
                bits = self.next();
            }
            // Nine coins have a standard deviation of exactly 1.5.
            let noise = (bits & 0x1FF).count_ones();
            // Now and then the base itself moves by one.
            let walk = (bits >> 9) & 7;
            bits >>= 12;
            let base = &mut self.base[row];
            *base = match walk {
                0 => (*base + 1).min(BASE.end),
                1 => (*base - 1).max(BASE.start),
                _ => *base,
            };
            let count = f64::from(u32::from(*base) + noise);
            self.put(row, count * step);
        }
        let over = (HIGH_LIMIT + 5.0) / step;
        for k in 0..self.over.len() {
            let row = self.over[k].0 as usize;
            let noise = f64::from((self.next() & 0x1FF).count_ones());
            self.put(row, (over.round() + noise) * step);
        }
    }

    fn put(&mut self, row: usize, value: f64) {
        let at = self.values_at + row * 8;
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}
