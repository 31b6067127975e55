//! Drift (漂移): a small shift that lasts, found by the two-sided cumulative sum (CUSUM).
//!
//! Source: Page 1954; NIST/SEMATECH e-Handbook 6.3.2.3; ISO 7870-4 (all recalled). With z the sample in σ from its target,
//!
//! ```text
//! S⁺ ← max(0, S⁺ + z − k)      S⁻ ← max(0, S⁻ − z − k)      alarm where S⁺ ≥ h or S⁻ ≥ h
//! ```
//!
//! The reference value k is half of the shift that shall be found, in σ; the threshold h is usually 4 to 5: with k = 0.5 and h = 5
//! a shift of one σ is found after ten samples or so, and a false alarm comes once in 465 independent ones (recalled). Samples that
//! follow one another faster than the process moves are not independent, so one is taken every `every_ms`.
//! Two additions of ours: a sum goes no higher than 2 h, so that a long drift does not take as long to be over; and the condition is gone
//! when both sums are back at zero.

use serde::{Deserialize, Serialize};

use super::{BadSettings, Verdict, checked, finite, positive, within};
use crate::time::LineMillis;

/// A day.
const EVERY_MS_MAX: u32 = 86_400_000;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Where the value belongs, in the unit of the point.
    pub target: f64,
    /// Its usual spread, in the unit of the point; above zero.
    pub sigma: f64,
    /// Reference value, in σ; above zero.
    pub k: f64,
    /// Threshold, in σ; above zero.
    pub h: f64,
    /// One sample is taken every so many milliseconds; 0 takes all, a day is the most.
    pub every_ms: u32,
}

/// Both sums, and when the last sample was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    up: f64,
    down: f64,
    taken_at: Option<LineMillis>,
}

impl Drift {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<(), Vec<BadSettings>> {
        checked([
            finite("target", self.target),
            positive("sigma", self.sigma),
            positive("k", self.k),
            positive("h", self.h),
            within("every_ms", self.every_ms, 0, EVERY_MS_MAX),
        ])
    }

    /// Takes a sample. One that comes before its time says what the last one said.
    pub fn step(&self, sums: &mut Sums, value: f64, at: LineMillis) -> Verdict {
        let due = sums.taken_at.is_none_or(|taken| at.since(taken) >= i64::from(self.every_ms));
        if due {
            let z = (value - self.target) / self.sigma;
            let most = 2.0 * self.h;
            sums.up = (sums.up + z - self.k).clamp(0.0, most);
            sums.down = (sums.down - z - self.k).clamp(0.0, most);
            sums.taken_at = Some(at);
        }
        if sums.up.max(sums.down) >= self.h {
            Verdict::Holds
        } else if sums.up == 0.0 && sums.down == 0.0 {
            Verdict::Gone
        } else {
            Verdict::Between
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DRIFT: Drift = Drift { target: 100.0, sigma: 2.0, k: 0.5, h: 5.0, every_ms: 0 };

    fn first_hold(drift: &Drift, values: impl Iterator<Item = f64>) -> Option<usize> {
        let mut sums = Sums::default();
        let holds = |(n, value): (usize, f64)| {
            let at = LineMillis(i64::try_from(n).unwrap() * 1_000);
            (drift.step(&mut sums, value, at) == Verdict::Holds).then_some(n + 1)
        };
        values.enumerate().find_map(holds)
    }

    #[test]
    fn a_shift_of_one_sigma_is_found_after_ten_samples_in_either_direction() {
        assert_eq!(first_hold(&DRIFT, std::iter::repeat_n(102.0, 50)), Some(10));
        assert_eq!(first_hold(&DRIFT, std::iter::repeat_n(98.0, 50)), Some(10));
        assert_eq!(first_hold(&DRIFT, std::iter::repeat_n(101.0, 500)), None, "half of it is k");
        assert_eq!(first_hold(&DRIFT, [104.0, 96.0].into_iter().cycle().take(500)), None);
    }

    #[test]
    fn a_slow_creep_is_found_long_before_three_sigma() {
        let creep = (0..).map(|n| 100.0 + f64::from(n) * 0.05).take(200);
        let found = first_hold(&DRIFT, creep).unwrap();
        assert!(100.0 + f64::from(u32::try_from(found).unwrap()) * 0.05 < 103.0, "{found}");
    }

    #[test]
    fn it_is_gone_when_both_sums_are_back_at_zero_and_a_long_drift_goes_no_slower() {
        let mut sums = Sums::default();
        let mut at = 0;
        let mut step = |value| {
            at += 1_000;
            DRIFT.step(&mut sums, value, LineMillis(at))
        };
        for _ in 0..1_000 {
            step(104.0);
        }
        // From 2 h = 10 down by k a sample: twenty on target.
        let back: Vec<_> = (0..20).map(|_| step(100.0)).collect();
        assert_eq!(back.iter().filter(|v| **v == Verdict::Holds).count(), 10);
        assert_eq!(back[18], Verdict::Between);
        assert_eq!(back[19], Verdict::Gone);
    }

    #[test]
    fn only_samples_that_are_due_are_counted() {
        let slow = Drift { every_ms: 60_000, ..DRIFT };
        let values = std::iter::repeat_n(102.0, 2_000);
        assert_eq!(first_hold(&slow, values), Some(9 * 60 + 1));
    }

    #[test]
    fn bad_settings_are_named() {
        let bad =
            Drift { target: f64::INFINITY, sigma: 0.0, k: -1.0, h: f64::NAN, every_ms: 86_400_001 };
        assert_eq!(bad.check().unwrap_err().len(), 5);
        assert!(DRIFT.check().is_ok());
    }

    proptest! {
        #[test]
        fn up_and_down_are_mirrors(values in prop::collection::vec(-50i32..50, 0..100)) {
            let mirror = Drift { target: 0.0, ..DRIFT };
            let (mut one, mut other) = (Sums::default(), Sums::default());
            for (n, value) in (0i64..).zip(values) {
                let at = LineMillis(n * 1_000);
                let up = mirror.step(&mut one, f64::from(value), at);
                prop_assert_eq!(up, mirror.step(&mut other, f64::from(-value), at));
                prop_assert_eq!((one.up, one.down), (other.down, other.up));
            }
        }
    }
}
