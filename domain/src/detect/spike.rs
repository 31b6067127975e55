//! Spike (尖峰): a sample far from what the signal has just been.
//!
//! Source: the Hampel identifier (Hampel 1974; Pearson 2002 on outliers in process data; recalled): a sample is an outlier where
//! it lies more than `k` scaled median absolute deviations from the median of the samples before it, 1.4826 being the scale
//! at which that deviation estimates σ of a normal signal. Median and deviation are not moved by the spike itself, as mean and
//! standard deviation would be. `least` keeps a signal that hardly moves from having spikes of one step of its converter. When a value
//! stays where it jumped to, the median follows within half a window: that was a step, and the spike is gone.

use serde::{Deserialize, Serialize};

use super::{BadSettings, Verdict, checked, positive, within};

/// σ of a normal signal in units of its median absolute deviation.
const SIGMA_PER_MAD: f64 = 1.4826;
/// Samples that a window may hold.
const WINDOW: std::ops::RangeInclusive<u32> = 5..=61;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spike {
    /// Samples before this one that it is compared with, 5 to 61.
    pub window: u8,
    /// How many σ away is a spike; above zero, usually 3 to 6.
    pub k: f64,
    /// And at least so far, in the unit of the point; above zero.
    pub least: f64,
}

/// The samples before, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recent(Vec<f64>);

impl Spike {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<(), Vec<BadSettings>> {
        checked([
            within("window", u32::from(self.window), *WINDOW.start(), *WINDOW.end()),
            positive("k", self.k),
            positive("least", self.least),
        ])
    }

    /// Takes a sample. Before the window is full nothing can be said.
    pub fn step(&self, recent: &mut Recent, value: f64) -> Verdict {
        let full = recent.0.len() >= usize::from(self.window);
        let verdict = if full {
            let middle = median(recent.0.clone());
            let mad = median(recent.0.iter().map(|v| (v - middle).abs()).collect());
            let far = (self.k * SIGMA_PER_MAD * mad).max(self.least);
            if (value - middle).abs() >= far { Verdict::Holds } else { Verdict::Gone }
        } else {
            Verdict::Between
        };
        if full {
            let beyond = recent.0.len() + 1 - usize::from(self.window);
            recent.0.drain(..beyond);
        }
        recent.0.push(value);
        verdict
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPIKE: Spike = Spike { window: 5, k: 4.0, least: 2.0 };

    fn verdicts(spike: &Spike, values: &[f64]) -> String {
        let mut recent = Recent::default();
        let sign = |value: &f64| match spike.step(&mut recent, *value) {
            Verdict::Holds => '#',
            Verdict::Between => '-',
            Verdict::Gone => '.',
        };
        values.iter().map(sign).collect()
    }

    #[test]
    fn one_sample_far_away_is_a_spike_and_the_next_is_none() {
        let values = [10.0, 10.1, 9.9, 10.0, 10.1, 30.0, 10.0, 9.9, -5.0, 10.0];
        assert_eq!(verdicts(&SPIKE, &values), "-----#..#.");
    }

    #[test]
    fn a_step_is_no_spike_once_half_the_window_has_followed() {
        let mut values = vec![10.0; 5];
        values.extend([20.0; 5]);
        assert_eq!(verdicts(&SPIKE, &values), "-----###..");
    }

    #[test]
    fn a_signal_that_hardly_moves_has_no_spikes_of_one_step() {
        let values = [10.0, 10.0, 10.0, 10.0, 10.0, 11.9, 10.0, 12.0];
        assert_eq!(verdicts(&SPIKE, &values), "-----..#");
    }

    #[test]
    fn bad_settings_are_named() {
        let bad = Spike { window: 4, k: 0.0, least: f64::NAN };
        let fields: Vec<_> = bad.check().unwrap_err().iter().map(|p| p.field).collect();
        assert_eq!(fields, ["window", "k", "least"]);
    }

    proptest! {
        #[test]
        fn a_level_added_to_all_samples_changes_nothing_and_the_memory_is_bounded(
            values in prop::collection::vec(-100i32..100, 0..80), level in -1000i32..1000,
        ) {
            let spike = Spike { window: 7, k: 3.0, least: 0.5 };
            let (mut one, mut other) = (Recent::default(), Recent::default());
            for value in values {
                // Whole numbers: their sums are exact.
                let plain = spike.step(&mut one, f64::from(value));
                prop_assert_eq!(plain, spike.step(&mut other, f64::from(value + level)));
                prop_assert!(one.0.len() <= 7);
            }
        }
    }
}
