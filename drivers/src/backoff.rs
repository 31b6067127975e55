//! How long to wait before trying again: a pure function of the failures in a row.
//!
//! Doubling from a start to a cap, with a spread so that a park's gateways do not all knock at the same millisecond after a
//! power cut. The spread is taken from a number that the caller gives (its own name's hash, say), so that the function stays
//! pure and a test can write its table.

use std::time::Duration;

/// Delays between `start` and `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Delay after the first failure.
    pub start: Duration,
    /// Longest delay, before the spread.
    pub cap: Duration,
}

impl Backoff {
    /// For a connection to a field device: quick at first, because most losses are a cable or a restart.
    pub const DEVICE: Self =
        Self { start: Duration::from_millis(250), cap: Duration::from_secs(10) };
    /// For the uplink: a center that restarts should have its gateways back within a second.
    pub const UPLINK: Self =
        Self { start: Duration::from_millis(200), cap: Duration::from_secs(15) };

    /// The delay after `failures` failures in a row; zero after none. Up to a quarter is taken off by `spread`.
    #[must_use]
    pub fn delay(self, failures: u32, spread: u64) -> Duration {
        if failures == 0 {
            return Duration::ZERO;
        }
        let doubled = self.start.saturating_mul(1u32 << (failures - 1).min(20));
        let full = doubled.min(self.cap);
        full - full.mul_f64((spread % 256) as f64 / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_its_cap() {
        let backoff = Backoff { start: Duration::from_millis(250), cap: Duration::from_secs(30) };
        for (failures, ms) in [
            (0, 0),
            (1, 250),
            (2, 500),
            (3, 1_000),
            (7, 16_000),
            (8, 30_000),
            (9, 30_000),
            (u32::MAX, 30_000),
        ] {
            assert_eq!(
                backoff.delay(failures, 0),
                Duration::from_millis(ms),
                "{failures} failures"
            );
        }
    }

    #[test]
    fn the_spread_takes_off_less_than_a_quarter() {
        for spread in [1, 77, 255, 256, u64::MAX] {
            let delay = Backoff::DEVICE.delay(9, spread);
            assert!(
                delay <= Duration::from_secs(10) && delay > Duration::from_millis(7_500),
                "{spread}: {delay:?}"
            );
        }
    }
}
