//! Discrepancy (不一致): what was commanded has not come about after its travel time, for instance a valve that does not close.
//!
//! Source: OPC UA Part 9, `DiscrepancyAlarmType` (target value, expected time), recalled. The time counts from when the two began to
//! differ, and anew from each new command: a valve that is sent back on its way has its whole travel time again.

use serde::{Deserialize, Serialize};

use super::{BadSettings, Verdict, checked, within};
use crate::time::LineMillis;

/// An hour.
const TRAVEL_MS_MAX: u32 = 3_600_000;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// How long it may take until the fed-back state is the commanded one, in milliseconds; at most an hour.
    pub travel_ms: u32,
    /// Added to the commanded state before both are compared: 0 where both count their states alike.
    pub offset: i32,
}

/// What was commanded last, and since when the fed-back state differs from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Travel {
    commanded: Option<f64>,
    since: Option<LineMillis>,
}

impl Discrepancy {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<(), Vec<BadSettings>> {
        checked([within("travel_ms", self.travel_ms, 0, TRAVEL_MS_MAX)])
    }

    /// Takes the commanded and the fed-back state.
    #[allow(clippy::float_cmp, reason = "states are small whole numbers")]
    pub fn step(
        &self,
        travel: &mut Travel,
        commanded: f64,
        fed_back: f64,
        at: LineMillis,
    ) -> Verdict {
        let again = travel.commanded.is_some_and(|before| before != commanded);
        travel.commanded = Some(commanded);
        if fed_back == commanded + f64::from(self.offset) {
            travel.since = None;
            return Verdict::Gone;
        }
        if again {
            travel.since = None;
        }
        let since = *travel.since.get_or_insert(at);
        if at.since(since) >= i64::from(self.travel_ms) { Verdict::Holds } else { Verdict::Between }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VALVE: Discrepancy = Discrepancy { travel_ms: 3_000, offset: 0 };

    /// A pair of digits a second: commanded, fed back.
    fn verdicts(pairs: &str) -> String {
        let mut travel = Travel::default();
        let sign = |(second, pair): (i64, &str)| {
            let state = |at| f64::from(pair.chars().nth(at).unwrap().to_digit(10).unwrap());
            match VALVE.step(&mut travel, state(0), state(1), LineMillis(second * 1_000)) {
                Verdict::Holds => '#',
                Verdict::Between => '-',
                Verdict::Gone => '.',
            }
        };
        (0..).zip(pairs.split(' ')).map(sign).collect()
    }

    #[test]
    fn a_valve_has_its_travel_time_and_then_must_be_there() {
        assert_eq!(verdicts("00 10 12 12 11 11"), ".---..");
        assert_eq!(verdicts("00 10 10 10 10 11"), ".---#.");
        assert_eq!(verdicts("11 11 10 10 10 10"), "..---#", "it left by itself");
    }

    #[test]
    fn a_new_command_gives_the_travel_time_anew() {
        assert_eq!(verdicts("00 12 12 02 02 02 02 00"), ".-----#.");
    }

    #[test]
    fn states_may_be_counted_otherwise() {
        let shifted = Discrepancy { offset: 1, ..VALVE };
        let mut travel = Travel::default();
        assert_eq!(shifted.step(&mut travel, 0.0, 1.0, LineMillis(0)), Verdict::Gone);
        assert_eq!(shifted.step(&mut travel, 1.0, 1.0, LineMillis(0)), Verdict::Between);
        assert!(Discrepancy { travel_ms: 3_600_001, offset: 0 }.check().is_err());
    }

    proptest! {
        #[test]
        fn it_holds_only_after_an_unbroken_travel_time_under_one_command(
            samples in prop::collection::vec((0u8..3, 0u8..3, 1i64..4_000), 0..100),
        ) {
            let mut travel = Travel::default();
            let (mut at, mut differs, mut last) = (0, None, None);
            for (commanded, fed_back, gap) in samples {
                at += gap;
                if commanded == fed_back || last != Some(commanded) {
                    differs = None;
                }
                last = Some(commanded);
                let expected = if commanded == fed_back {
                    Verdict::Gone
                } else if at - *differs.get_or_insert(at) >= 3_000 {
                    Verdict::Holds
                } else {
                    Verdict::Between
                };
                let step = VALVE.step(&mut travel, f64::from(commanded), f64::from(fed_back), LineMillis(at));
                prop_assert_eq!(step, expected);
            }
        }
    }
}
