//! The alarms of one subject: which stand, which wait for a person, and how many there have been.
//!
//! The occurrence number is half of an alarm's identity (design, point 2), so the book travels in the host's checkpoint
//! and is never shortened. What waits for acknowledgement is kept as ranges of occurrence numbers: a flapping sensor that
//! nobody looks at costs one range, not a list.

use serde::{Deserialize, Serialize};

use crate::alarm::{Condition, Level};
use crate::time::UtcMillis;

/// An alarm that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When it was raised, as known now.
    pub raised_at: UtcMillis,
    /// Its level when it was raised.
    pub level: Level,
}

/// One condition's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Page {
    condition: Condition,
    /// Occurrences so far; the number of the last one.
    last: u32,
    /// The one that stands, with its number.
    standing: Option<(u32, Standing)>,
    /// Occurrences that nobody has acknowledged: ascending, both ends included.
    unacknowledged: Vec<(u32, u32)>,
}

/// Why an acknowledgement has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAcknowledged {
    /// There never was such an alarm, or it is over.
    NotOpen,
    /// It stands and somebody was faster.
    Already,
}

/// Alarms of one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmBook {
    pages: Vec<Page>,
}

impl AlarmBook {
    fn page(&self, condition: Condition) -> Option<&Page> {
        self.pages.iter().find(|page| page.condition == condition)
    }

    fn page_mut(&mut self, condition: Condition) -> &mut Page {
        let at = self.pages.iter().position(|page| page.condition == condition);
        let at = at.unwrap_or_else(|| {
            self.pages.push(Page {
                condition,
                last: 0,
                standing: None,
                unacknowledged: Vec::new(),
            });
            self.pages.len() - 1
        });
        &mut self.pages[at]
    }

    /// Writes a new occurrence that stands, and gives its number.
    ///
    /// # Panics
    /// When the condition stands already: the caller's mistake.
    pub fn raise(&mut self, condition: Condition, level: Level, raised_at: UtcMillis) -> u32 {
        let page = self.page_mut(condition);
        assert!(page.standing.is_none(), "{condition:?} is raised while it stands");
        let occurrence = page.number_next();
        page.standing = Some((occurrence, Standing { raised_at, level }));
        occurrence
    }

    /// Writes an occurrence that came and went before it was known, and gives its number. A standing one keeps its number.
    pub fn note_past(&mut self, condition: Condition) -> u32 {
        self.page_mut(condition).number_next()
    }

    /// Ends the standing occurrence and gives its number; `None` when none stands.
    pub fn clear(&mut self, condition: Condition) -> Option<u32> {
        let page = self.pages.iter_mut().find(|page| page.condition == condition)?;
        page.standing.take().map(|(occurrence, _)| occurrence)
    }

    /// A person has seen an occurrence.
    ///
    /// # Errors
    /// When it does not wait for anybody.
    pub fn acknowledge(
        &mut self,
        condition: Condition,
        occurrence: u32,
    ) -> Result<(), NotAcknowledged> {
        let page = self
            .pages
            .iter_mut()
            .find(|page| page.condition == condition)
            .ok_or(NotAcknowledged::NotOpen)?;
        let Some(at) = page
            .unacknowledged
            .iter()
            .position(|&(first, last)| (first..=last).contains(&occurrence))
        else {
            let stands = page.standing.is_some_and(|(number, _)| number == occurrence);
            return Err(if stands { NotAcknowledged::Already } else { NotAcknowledged::NotOpen });
        };
        let (first, last) = page.unacknowledged.remove(at);
        if occurrence < last {
            page.unacknowledged.insert(at, (occurrence + 1, last));
        }
        if first < occurrence {
            page.unacknowledged.insert(at, (first, occurrence - 1));
        }
        Ok(())
    }

    /// Moves the start of a standing alarm.
    pub fn amend_start(&mut self, condition: Condition, raised_at: UtcMillis) {
        if let Some((_, standing)) = &mut self.page_mut(condition).standing {
            standing.raised_at = raised_at;
        }
    }

    /// Goes on with a book of the same subject that was kept elsewhere: the next number is after those of both, and an occurrence
    /// waits for a person where nobody has acknowledged it in either. What stands there is not taken over: it ended when the
    /// subject left. In any order and however often, it comes to the same.
    pub fn take_over(&mut self, other: &Self) {
        for theirs in &other.pages {
            let ours = self.page_mut(theirs.condition);
            let last = ours.last.max(theirs.last);
            // A number that one of the two has never given out waits wherever it waits in the other.
            let with_later = |page: &Page| {
                let mut waiting = page.unacknowledged.clone();
                if page.last < last {
                    waiting.push((page.last + 1, last));
                }
                waiting
            };
            ours.unacknowledged = intersection(&with_later(ours), &with_later(theirs));
            ours.last = last;
        }
    }

    /// The standing occurrence of a condition.
    #[must_use]
    pub fn standing(&self, condition: Condition) -> Option<(u32, Standing)> {
        self.page(condition).and_then(|page| page.standing)
    }

    /// Occurrences of a condition so far.
    #[must_use]
    pub fn occurrences(&self, condition: Condition) -> u32 {
        self.page(condition).map_or(0, |page| page.last)
    }

    /// Everything that stands: condition, occurrence, since when and how grave, and whether it waits for a person.
    pub fn all_standing(&self) -> impl Iterator<Item = (Condition, u32, Standing, bool)> + '_ {
        self.pages.iter().filter_map(|page| {
            page.standing.map(|(occurrence, standing)| {
                (page.condition, occurrence, standing, page.awaits(occurrence))
            })
        })
    }

    /// Alarms that have returned to normal and that nobody has acknowledged.
    #[must_use]
    pub fn returned_unacknowledged(&self) -> u32 {
        self.pages
            .iter()
            .map(|page| {
                let waiting: u32 =
                    page.unacknowledged.iter().map(|&(first, last)| last - first + 1).sum();
                let stands = page.standing.is_some_and(|(number, _)| page.awaits(number));
                waiting - u32::from(stands)
            })
            .sum()
    }
}

/// What is in both of two ascending lists of ranges, ends included; ranges that touch are joined.
fn intersection(a: &[(u32, u32)], b: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut both: Vec<(u32, u32)> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(&(a_from, a_to)), Some(&(b_from, b_to))) = (a.get(i), b.get(j)) {
        let (from, to) = (a_from.max(b_from), a_to.min(b_to));
        if from <= to {
            match both.last_mut() {
                Some((_, end)) if *end + 1 == from => *end = to,
                _ => both.push((from, to)),
            }
        }
        if a_to < b_to { i += 1 } else { j += 1 }
    }
    both
}

impl Page {
    fn number_next(&mut self) -> u32 {
        self.last += 1;
        match self.unacknowledged.last_mut() {
            Some((_, last)) if *last + 1 == self.last => *last = self.last,
            _ => self.unacknowledged.push((self.last, self.last)),
        }
        self.last
    }

    fn awaits(&self, occurrence: u32) -> bool {
        self.unacknowledged.iter().any(|&(first, last)| (first..=last).contains(&occurrence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: Condition = Condition::High;

    fn at(ms: i64) -> UtcMillis {
        UtcMillis(ms)
    }

    #[test]
    fn occurrences_are_dense_and_unseen_ones_are_kept_as_ranges() {
        let mut book = AlarmBook::default();
        for n in 1..=1_000 {
            assert_eq!(book.raise(C, Level::THREE, at(0)), n);
            assert_eq!(book.clear(C), Some(n));
        }
        assert_eq!(book.pages[0].unacknowledged, [(1, 1_000)]);
        assert_eq!(book.acknowledge(C, 500), Ok(()));
        assert_eq!(book.acknowledge(C, 1), Ok(()));
        assert_eq!(book.acknowledge(C, 1_000), Ok(()));
        assert_eq!(book.pages[0].unacknowledged, [(2, 499), (501, 999)]);
        assert_eq!(book.returned_unacknowledged(), 997);
        assert_eq!(book.acknowledge(C, 500), Err(NotAcknowledged::NotOpen));
        assert_eq!(book.acknowledge(C, 1_001), Err(NotAcknowledged::NotOpen));
        assert_eq!(book.acknowledge(Condition::Low, 1), Err(NotAcknowledged::NotOpen));
    }

    #[test]
    fn a_book_that_is_taken_over_goes_on_with_its_numbers_and_what_waits() {
        let mut old = AlarmBook::default();
        for _ in 1..=5 {
            old.raise(C, Level::THREE, at(0));
            old.clear(C);
        }
        old.acknowledge(C, 2).unwrap();
        let mut new = AlarmBook::default();
        new.take_over(&old);
        assert_eq!(new, old);
        new.take_over(&old);
        assert_eq!(new, old);
        // It goes on at the new place, and back to the old one.
        new.acknowledge(C, 4).unwrap();
        assert_eq!(new.raise(C, Level::ONE, at(9)), 6);
        new.acknowledge(C, 6).unwrap();
        assert_eq!(new.clear(C), Some(6));
        let before = new.clone();
        new.take_over(&old);
        assert_eq!(new, before, "an older state of it brings nothing");
        old.take_over(&new);
        assert_eq!(old.pages[0].unacknowledged, [(1, 1), (3, 3), (5, 5)]);
        assert_eq!(old.raise(C, Level::ONE, at(10)), 7);
    }

    #[test]
    fn a_standing_alarm_is_acknowledged_once() {
        let mut book = AlarmBook::default();
        book.raise(C, Level::ONE, at(7));
        assert_eq!(book.all_standing().count(), 1);
        assert_eq!(book.returned_unacknowledged(), 0);
        assert_eq!(book.acknowledge(C, 1), Ok(()));
        assert_eq!(book.acknowledge(C, 1), Err(NotAcknowledged::Already));
        assert_eq!(book.clear(C), Some(1));
        assert_eq!(book.clear(C), None);
        assert_eq!(book.acknowledge(C, 1), Err(NotAcknowledged::NotOpen));
    }

    #[test]
    fn a_past_alarm_takes_a_number_and_leaves_the_standing_one_its_own() {
        let mut book = AlarmBook::default();
        assert_eq!(book.raise(C, Level::ONE, at(9)), 1);
        assert_eq!(book.note_past(C), 2);
        assert_eq!(book.standing(C).map(|(n, s)| (n, s.raised_at)), Some((1, at(9))));
        assert_eq!(book.returned_unacknowledged(), 1);
        book.amend_start(C, at(5));
        assert_eq!(book.standing(C).map(|(_, s)| s.raised_at), Some(at(5)));
        assert_eq!(book.clear(C), Some(1));
        assert_eq!(book.raise(C, Level::ONE, at(20)), 3);
    }
}
