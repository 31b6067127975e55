//! From a raw sample to an engineering value.
//!
//! `raw × scale + offset`. What comes out as no number is bad; what lies outside the engineering range keeps its value and is
//! marked uncertain: an over-range instrument says something, and the center judges it (`Quality::OUTSIDE_RANGE`).

use anlan_domain::quality::Quality;

/// Linear scaling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// Factor.
    pub scale: f64,
    /// Added after the factor.
    pub offset: f64,
}

impl Scaling {
    /// The engineering value and its quality.
    #[must_use]
    pub fn apply(self, raw: f64, quality: Quality, range: Option<(f64, f64)>) -> (f64, Quality) {
        if quality.is_bad() {
            return (f64::NAN, quality);
        }
        let value = raw * self.scale + self.offset;
        if !value.is_finite() {
            return (f64::NAN, Quality::SENSOR_FAILURE);
        }
        let outside = range.is_some_and(|(low, high)| value < low || high < value);
        (value, if outside && quality.is_good() { Quality::OUTSIDE_RANGE } else { quality })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_scaled_then_judged_against_the_engineering_range() {
        let scaling = Scaling { scale: 0.01, offset: -20.0 };
        let range = Some((0.0, 100.0));
        for (raw, quality, value, judged) in [
            (4_000.0, Quality::GOOD, 20.0, Quality::GOOD),
            (2_000.0, Quality::GOOD, 0.0, Quality::GOOD),
            (12_000.0, Quality::GOOD, 100.0, Quality::GOOD),
            (12_100.0, Quality::GOOD, 101.0, Quality::OUTSIDE_RANGE),
            (1_000.0, Quality::GOOD, -10.0, Quality::OUTSIDE_RANGE),
            (12_100.0, Quality(68), 101.0, Quality(68)),
        ] {
            assert_eq!(scaling.apply(raw, quality, range), (value, judged), "{raw}");
        }
        for (raw, quality, judged) in [
            (f64::NAN, Quality::GOOD, Quality::SENSOR_FAILURE),
            (f64::INFINITY, Quality::GOOD, Quality::SENSOR_FAILURE),
            (5.0, Quality::COMM_FAILURE, Quality::COMM_FAILURE),
        ] {
            let (value, found) = scaling.apply(raw, quality, range);
            assert!(value.is_nan() && found == judged, "{raw} {found:?}");
        }
    }
}
