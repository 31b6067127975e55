//! What a node of the tree shows of everything below it: how many alarms of each level, and how good its data is.
//!
//! A roll-up is a sum, so it can be kept up incrementally (add the new, subtract the old), and merged from equipment to
//! hazard source, enterprise, park, county, city and province in any order. The worst state is read from the counts and
//! never stored beside them.

use serde::{Deserialize, Serialize};

use crate::alarm::Level;
use crate::alarm_book::AlarmBook;
use crate::quality::QualityClass;

/// Counts over everything below a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RollUp {
    /// Standing alarms of level 1, 2, 3, 4 that are annunciated.
    pub standing: [u32; 4],
    /// Those of them that nobody has acknowledged.
    pub unacknowledged: [u32; 4],
    /// Alarms that have returned to normal and that nobody has acknowledged.
    pub returned_unacknowledged: u32,
    /// Alarms that stand and are kept quiet (shelved, suppressed by design, out of service); in none of the counts above.
    pub quiet: u32,
    /// Points whose last reading is good.
    pub good: u32,
    /// Points whose last reading is uncertain.
    pub uncertain: u32,
    /// Points without a value: bad, missing, or below a lost node.
    pub bad: u32,
}

impl RollUp {
    /// The gravest level that stands.
    #[must_use]
    pub fn worst(&self) -> Option<Level> {
        Self::gravest(&self.standing)
    }

    /// The gravest level that stands and that nobody has acknowledged.
    #[must_use]
    pub fn worst_unacknowledged(&self) -> Option<Level> {
        Self::gravest(&self.unacknowledged)
    }

    fn gravest(counts: &[u32; 4]) -> Option<Level> {
        (1..).zip(counts).find(|&(_, &count)| 0 < count).and_then(|(level, _)| Level::new(level))
    }

    /// Points in all.
    #[must_use]
    pub fn points(&self) -> u32 {
        self.good + self.uncertain + self.bad
    }

    /// Adds what another node shows.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, u32::wrapping_add);
    }

    /// Takes away what another node showed; it must have been added before.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, u32::wrapping_sub);
    }

    fn combine(&mut self, other: &Self, with: fn(u32, u32) -> u32) {
        for i in 0..4 {
            self.standing[i] = with(self.standing[i], other.standing[i]);
            self.unacknowledged[i] = with(self.unacknowledged[i], other.unacknowledged[i]);
        }
        self.returned_unacknowledged =
            with(self.returned_unacknowledged, other.returned_unacknowledged);
        self.quiet = with(self.quiet, other.quiet);
        self.good = with(self.good, other.good);
        self.uncertain = with(self.uncertain, other.uncertain);
        self.bad = with(self.bad, other.bad);
    }

    /// The sum of many.
    #[must_use]
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            sum.add(part);
        }
        sum
    }

    /// Counts one point by its quality.
    pub fn count_point(&mut self, class: QualityClass) {
        match class {
            QualityClass::Good => self.good += 1,
            QualityClass::Uncertain => self.uncertain += 1,
            QualityClass::Bad => self.bad += 1,
        }
    }

    /// Counts the alarms of one subject.
    pub fn count_alarms(&mut self, book: &AlarmBook) {
        for (condition, _, standing, waits) in book.all_standing() {
            if book.quiet(condition).is_some() {
                self.quiet += 1;
                continue;
            }
            let at = usize::from(standing.level.get() - 1);
            self.standing[at] += 1;
            self.unacknowledged[at] += u32::from(waits);
        }
        self.returned_unacknowledged += book.returned_unacknowledged();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn roll_up() -> impl Strategy<Value = RollUp> {
        let count = 0..1_000_u32;
        (
            prop::array::uniform4(count.clone()),
            prop::array::uniform4(count.clone()),
            prop::array::uniform5(count),
        )
            .prop_map(
                |(standing, unacknowledged, [returned, quiet, good, uncertain, bad])| RollUp {
                    standing,
                    unacknowledged,
                    returned_unacknowledged: returned,
                    quiet,
                    good,
                    uncertain,
                    bad,
                },
            )
    }

    proptest! {
        #[test]
        fn the_order_of_merging_does_not_matter(
            parts in prop::collection::vec(roll_up(), 0..12), cut in 0..12_usize, turn in 0..12_usize,
        ) {
            let whole = RollUp::merged(&parts);
            let cut = cut.min(parts.len());
            let halves = [RollUp::merged(&parts[..cut]), RollUp::merged(&parts[cut..])];
            prop_assert_eq!(RollUp::merged(&halves), whole);
            let mut turned = parts.clone();
            turned.rotate_left(if parts.is_empty() { 0 } else { turn % parts.len() });
            turned.reverse();
            prop_assert_eq!(RollUp::merged(&turned), whole);
        }

        #[test]
        fn replacing_a_part_equals_counting_again(
            parts in prop::collection::vec(roll_up(), 1..12), new in roll_up(), at in 0..12_usize,
        ) {
            let at = at % parts.len();
            let mut kept = RollUp::merged(&parts);
            kept.subtract(&parts[at]);
            kept.add(&new);
            let mut again = parts;
            again[at] = new;
            prop_assert_eq!(kept, RollUp::merged(&again));
        }
    }

    #[test]
    fn the_worst_state_is_the_gravest_level_that_stands() {
        for (standing, worst) in [
            ([0, 0, 0, 0], None),
            ([0, 0, 0, 3], Some(4)),
            ([0, 2, 0, 3], Some(2)),
            ([1, 0, 0, 0], Some(1)),
        ] {
            let roll_up = RollUp { standing, ..RollUp::default() };
            assert_eq!(roll_up.worst().map(Level::get), worst, "{standing:?}");
        }
    }
}
