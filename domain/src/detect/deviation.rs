//! Deviation (偏差): the value is too far from a set-point, or from a sibling that measures the same.
//!
//! Source: OPC UA Part 9, the deviation alarm types (value against a set-point node), recalled. Equality and deadband follow the
//! written rule of `limits.rs`: reached at the limit itself, left beyond the deadband.

use serde::{Deserialize, Serialize};

use super::{BadSettings, Verdict, checked, finite, positive};

/// Which side is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Both.
    Either,
    /// The value above the reference.
    Above,
    /// The value below the reference.
    Below,
}

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// Farther than this from the reference is a deviation, in the unit of the point; above zero.
    pub limit: f64,
    /// Acts on clearing alone; below the limit.
    pub deadband: f64,
    /// Which side.
    pub side: Side,
}

impl Deviation {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<(), Vec<BadSettings>> {
        let wide = !(0.0 <= self.deadband && self.deadband < self.limit);
        checked([
            positive("limit", self.limit),
            finite("deadband", self.deadband).or_else(|| {
                let why = format!("is {}: 0 to below the limit ({})", self.deadband, self.limit);
                wide.then(|| BadSettings::new("deadband", why))
            }),
        ])
    }

    /// Judges a value against its reference.
    #[must_use]
    pub fn judge(&self, value: f64, reference: f64) -> Verdict {
        let by = match self.side {
            Side::Either => (value - reference).abs(),
            Side::Above => value - reference,
            Side::Below => reference - value,
        };
        if by >= self.limit {
            Verdict::Holds
        } else if by < self.limit - self.deadband {
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

    #[test]
    fn both_sides_or_one_with_the_deadband_on_clearing() {
        use Verdict::{Between, Gone, Holds};
        for (side, value, expected) in [
            (Side::Either, 15.0, Holds),
            (Side::Either, 14.9, Between),
            (Side::Either, 13.0, Between),
            (Side::Either, 12.9, Gone),
            (Side::Either, 5.0, Holds),
            (Side::Above, 5.0, Gone),
            (Side::Above, 15.0, Holds),
            (Side::Below, 15.0, Gone),
            (Side::Below, 5.0, Holds),
        ] {
            let deviation = Deviation { limit: 5.0, deadband: 2.0, side };
            assert_eq!(deviation.judge(value, 10.0), expected, "{side:?} {value}");
        }
    }

    #[test]
    fn settings_that_never_clear_are_refused() {
        let check = |limit, deadband| Deviation { limit, deadband, side: Side::Either }.check();
        assert!(check(5.0, 4.9).is_ok());
        assert_eq!(check(5.0, 5.0).unwrap_err()[0].field, "deadband");
        assert_eq!(check(0.0, 0.0).unwrap_err().len(), 2);
        assert_eq!(check(f64::NAN, -1.0).unwrap_err().len(), 2);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_of_two_siblings_is_the_reference(
            a in -1e6..1e6f64, b in -1e6..1e6f64, limit in 0.1..1e5f64, share in 0.0..0.99f64,
        ) {
            let deviation = Deviation { limit, deadband: limit * share, side: Side::Either };
            prop_assert_eq!(deviation.judge(a, b), deviation.judge(b, a));
        }
    }
}
