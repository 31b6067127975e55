//! Counts (计次): a state was entered too often within a window, for instance a pump that starts again and again.
//!
//! Source: the list of conditions; ISA-18.2 names repeated transitions as a sign of its own (recalled). Counted are entries into the
//! state, not samples in it. The condition is gone when fewer than that many lie within the window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{BadSettings, Verdict, checked, within};
use crate::time::LineMillis;

/// A week.
const WINDOW_MS_MAX: u32 = 604_800_000;
/// Entries that are remembered at most.
const AT_LEAST_MAX: u32 = 1_000;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The state whose entries are counted.
    pub state: i32,
    /// So many are too many; 2 to 1000.
    pub at_least: u16,
    /// Within so long, in milliseconds; a second to a week.
    pub window_ms: u32,
}

/// When the state was entered, oldest first; no more than are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    entered: VecDeque<LineMillis>,
    /// Whether the last sample was in the state; unknown before the first.
    inside: Option<bool>,
}

impl Counts {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<(), Vec<BadSettings>> {
        checked([
            within("at_least", u32::from(self.at_least), 2, AT_LEAST_MAX),
            within("window_ms", self.window_ms, 1_000, WINDOW_MS_MAX),
        ])
    }

    /// Takes a sample.
    pub fn step(&self, entries: &mut Entries, value: f64, at: LineMillis) -> Verdict {
        let inside = value == f64::from(self.state);
        // Whether it was inside before the first sample nobody knows: that is no entry.
        if inside && entries.inside == Some(false) {
            if entries.entered.len() >= usize::from(self.at_least) {
                entries.entered.pop_front();
            }
            entries.entered.push_back(at);
        }
        entries.inside = Some(inside);
        let window_ms = i64::from(self.window_ms);
        while entries.entered.front().is_some_and(|first| at.since(*first) >= window_ms) {
            entries.entered.pop_front();
        }
        if entries.entered.len() >= usize::from(self.at_least) {
            Verdict::Holds
        } else {
            Verdict::Gone
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STARTS: Counts = Counts { state: 1, at_least: 3, window_ms: 10_000 };

    fn verdicts(states: &str) -> String {
        let mut entries = Entries::default();
        let sign = |(second, state): (i64, char)| {
            let value = f64::from(state.to_digit(10).unwrap());
            let at = LineMillis(second * 1_000);
            if STARTS.step(&mut entries, value, at) == Verdict::Holds { '#' } else { '.' }
        };
        (0..).zip(states.chars()).map(sign).collect()
    }

    #[test]
    fn entries_are_counted_and_not_samples() {
        assert_eq!(verdicts("0111111111111"), ".............");
        assert_eq!(verdicts("01010100000000"), ".....######...");
        assert_eq!(verdicts("1010100"), ".......", "the first sample is no entry");
        assert_eq!(verdicts("02120212"), "........", "two within the window");
    }

    #[test]
    fn bad_settings_are_named() {
        let bad = Counts { state: 1, at_least: 1, window_ms: 999 };
        let fields: Vec<_> = bad.check().unwrap_err().iter().map(|p| p.field).collect();
        assert_eq!(fields, ["at_least", "window_ms"]);
    }

    proptest! {
        #[test]
        fn it_is_what_counting_everything_comes_to(
            samples in prop::collection::vec((any::<bool>(), 1i64..6_000), 0..100),
        ) {
            let mut entries = Entries::default();
            let (mut at, mut before, mut all) = (0, None, Vec::new());
            for (inside, gap) in samples {
                at += gap;
                if inside && before == Some(false) {
                    all.push(at);
                }
                before = Some(inside);
                let many = all.iter().filter(|t| at - **t < 10_000).count() >= 3;
                let verdict = STARTS.step(&mut entries, f64::from(u8::from(inside)), LineMillis(at));
                prop_assert_eq!(verdict == Verdict::Holds, many);
                prop_assert!(entries.entered.len() <= 3);
            }
        }
    }
}
