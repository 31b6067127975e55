//! The alarms of one subject: which stand, which wait for a person, and how many there have been.
//!
//! The occurrence number is half of an alarm's identity (design, point 2), so the book travels in the host's checkpoint
//! and is never shortened. What waits for acknowledgement is kept as ranges of occurrence numbers: a flapping sensor that
//! nobody looks at costs one range, not a list.
//!
//! What keeps an alarm quiet (shelved, suppressed by design, out of service: `life_cycle.rs`) is in the book as well, because it
//! decides whether an occurrence waits for a person. Who did it and why is in the alarm log alone.

use serde::{Deserialize, Serialize};

use crate::alarm::{Condition, Level};
use crate::conditions::Conditions;
use crate::life_cycle::{Quiet, ResumeReason, Until};
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
    /// When the one that stands calls again.
    repeat_at: Option<UtcMillis>,
    /// The one that has returned to normal and waits for a reset.
    latched: Option<u32>,
}

/// Why an acknowledgement has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAcknowledged {
    /// There never was such an alarm, or it is over.
    NotOpen,
    /// It stands and somebody was faster.
    Already,
    /// It stands and is kept quiet: nobody was called.
    Quiet(Quiet),
}

/// What a graver alarm does to the lesser one of an exclusive pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairChange {
    /// The lesser is suppressed.
    Excluded,
    /// It no longer is.
    Ended(ResumeReason),
}

/// Alarms of one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmBook {
    pages: Vec<Page>,
    /// Alarms on the shelf, each once.
    shelves: Vec<(Condition, Until)>,
    suppressed: Conditions,
    /// Excluded by a graver alarm that stands: HH of H, LL of L.
    outranked: Conditions,
    out_of_service: Conditions,
    /// Alarms that stay until somebody resets them, as the settings in force have it.
    latching: Conditions,
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
                repeat_at: None,
                latched: None,
            });
            self.pages.len() - 1
        });
        &mut self.pages[at]
    }

    /// Writes a new occurrence that stands, and gives its number, and what keeps it quiet.
    ///
    /// # Panics
    /// When the condition stands already: the caller's mistake.
    pub fn raise(
        &mut self,
        condition: Condition,
        level: Level,
        raised_at: UtcMillis,
    ) -> (u32, Option<Quiet>) {
        let quiet = self.quiet(condition);
        let page = self.page_mut(condition);
        assert!(page.standing.is_none(), "{condition:?} is raised while it stands");
        let occurrence = page.number_next(quiet.is_none());
        page.standing = Some((occurrence, Standing { raised_at, level }));
        (occurrence, quiet)
    }

    /// Writes an occurrence that came and went before it was known, and gives its number, and what keeps it quiet now. A standing
    /// one keeps its number.
    pub fn note_past(&mut self, condition: Condition) -> (u32, Option<Quiet>) {
        let quiet = self.quiet(condition);
        (self.page_mut(condition).number_next(quiet.is_none()), quiet)
    }

    /// What keeps an alarm quiet; of several the one that is shown.
    #[must_use]
    pub fn quiet(&self, condition: Condition) -> Option<Quiet> {
        if self.out_of_service.has(condition) {
            Some(Quiet::OutOfService)
        } else if self.suppressed.has(condition) || self.outranked.has(condition) {
            Some(Quiet::Suppressed)
        } else {
            self.shelf(condition).map(|_| Quiet::Shelved)
        }
    }

    /// How long an alarm stays on the shelf; `None` where it is not on it.
    #[must_use]
    pub fn shelf(&self, condition: Condition) -> Option<Until> {
        self.shelves.iter().find(|(of, _)| *of == condition).map(|&(_, until)| until)
    }

    /// When the first alarm leaves the shelf because its time is over.
    #[must_use]
    pub fn next_shelf_end(&self) -> Option<UtcMillis> {
        self.shelves.iter().map(|(_, until)| until.latest()).min()
    }

    /// Alarms whose time on the shelf is over, in the order of display.
    pub fn shelves_over(&self, now: UtcMillis) -> impl Iterator<Item = Condition> + '_ {
        let over = move |condition: &Condition| {
            self.shelf(*condition).is_some_and(|until| until.latest() <= now)
        };
        Condition::ALL.into_iter().filter(over)
    }

    /// Puts an alarm on the shelf, or changes how long it stays there. What stands no longer waits for a person.
    pub fn shelve(&mut self, condition: Condition, until: Until) {
        self.shelves.retain(|(of, _)| *of != condition);
        self.shelves.push((condition, until));
        self.hush(condition);
    }

    /// Takes an alarm from the shelf; `false` where it is not on it.
    pub fn unshelve(&mut self, condition: Condition) -> bool {
        let before = self.shelves.len();
        self.shelves.retain(|(of, _)| *of != condition);
        let was = self.shelves.len() < before;
        self.resume(condition, was)
    }

    /// Takes an alarm from a shelf on which it was to stay until it returned to normal; `false` where it is on none such.
    pub fn end_one_shot(&mut self, condition: Condition) -> bool {
        let one_shot = matches!(self.shelf(condition), Some(Until::Returned { .. }));
        one_shot && self.unshelve(condition)
    }

    /// Takes an alarm out of service; `false` where it is already.
    pub fn remove_from_service(&mut self, condition: Condition) -> bool {
        let was = self.out_of_service.has(condition);
        self.out_of_service.insert(condition);
        self.hush(condition);
        !was
    }

    /// Returns an alarm to service; `false` where it is in service.
    pub fn return_to_service(&mut self, condition: Condition) -> bool {
        let was = self.out_of_service.has(condition);
        self.out_of_service.remove(condition);
        self.resume(condition, was)
    }

    /// Suppresses these alarms because of the state of the equipment and no others, and says for which that makes a difference:
    /// one that a graver alarm excludes is suppressed anyhow.
    pub fn suppress(&mut self, wanted: Conditions) -> Conditions {
        let mut changed = Conditions::NONE;
        for condition in Condition::ALL {
            match (self.suppressed.has(condition), wanted.has(condition)) {
                (false, true) => {
                    self.suppressed.insert(condition);
                    self.hush(condition);
                    if !self.outranked.has(condition) {
                        changed.insert(condition);
                    }
                }
                (true, false) => {
                    self.suppressed.remove(condition);
                    self.resume(condition, true);
                    if !self.outranked.has(condition) {
                        changed.insert(condition);
                    }
                }
                _ => {}
            }
        }
        changed
    }

    /// Lets a graver alarm exclude `lesser` for as long as that one stands and calls people, and says what that changes: the lesser
    /// alarm is quiet from here on, or why it is not any more. `exclusive`: the two are a pair.
    pub fn settle_pair(
        &mut self,
        graver: Condition,
        lesser: Condition,
        exclusive: bool,
    ) -> Option<PairChange> {
        let stands = self.standing(graver).is_some();
        let wanted = exclusive && stands && self.quiet(graver).is_none();
        match (self.outranked.has(lesser), wanted) {
            (false, true) => {
                self.outranked.insert(lesser);
                self.hush(lesser);
                // The rule of the equipment's state has told it already.
                (!self.suppressed.has(lesser)).then_some(PairChange::Excluded)
            }
            (true, false) => {
                self.outranked.remove(lesser);
                if self.suppressed.has(lesser) {
                    return None;
                }
                if exclusive && !stands {
                    // It stands on without calling: whoever was called for the graver alarm knows.
                    return Some(PairChange::Ended(ResumeReason::GraverOver));
                }
                self.resume(lesser, true);
                Some(PairChange::Ended(ResumeReason::NotExcluded))
            }
            _ => None,
        }
    }

    /// Alarms that something keeps quiet, whether they stand or not, in the order of display.
    pub fn all_quiet(&self) -> impl Iterator<Item = (Condition, Quiet)> + '_ {
        Condition::ALL.into_iter().filter_map(|c| self.quiet(c).map(|quiet| (c, quiet)))
    }

    /// What stands does not wait for a person any more.
    fn hush(&mut self, condition: Condition) {
        let Some(page) = self.pages.iter_mut().find(|page| page.condition == condition) else {
            return;
        };
        if let Some((occurrence, _)) = page.standing {
            page.answered(occurrence);
        }
        page.repeat_at = None;
    }

    /// Where nothing keeps the alarm quiet any more, what stands waits for a person.
    fn resume(&mut self, condition: Condition, was_quiet: bool) -> bool {
        if was_quiet
            && self.quiet(condition).is_none()
            && let Some(page) = self.pages.iter_mut().find(|page| page.condition == condition)
            && let Some((occurrence, _)) = page.standing
        {
            page.wait(occurrence);
        }
        was_quiet
    }

    /// Ends the standing occurrence and gives its number; `None` when none stands.
    pub fn clear(&mut self, condition: Condition) -> Option<u32> {
        let page = self.pages.iter_mut().find(|page| page.condition == condition)?;
        page.repeat_at = None;
        page.standing.take().map(|(occurrence, _)| occurrence)
    }

    /// The same because the condition is gone, and whether that leaves it latched. One that is quiet does not latch: nobody was called.
    pub fn clear_returned(&mut self, condition: Condition) -> Option<(u32, bool)> {
        let latches = self.latching.has(condition) && self.quiet(condition).is_none();
        let occurrence = self.clear(condition)?;
        if latches {
            self.page_mut(condition).latched = Some(occurrence);
        }
        Some((occurrence, latches))
    }

    /// Which alarms latch from here on. One that is latched stays so.
    pub fn set_latching(&mut self, latching: Conditions) {
        self.latching = latching;
    }

    /// The occurrence that waits for a reset.
    #[must_use]
    pub fn latched(&self, condition: Condition) -> Option<u32> {
        self.page(condition)?.latched
    }

    /// Releases a latch, because somebody resets it or because the alarm comes again, and gives the occurrence that it held.
    pub fn release(&mut self, condition: Condition) -> Option<u32> {
        let page = self.pages.iter_mut().find(|page| page.condition == condition)?;
        page.latched.take()
    }

    /// Whether an occurrence waits for a person.
    #[must_use]
    pub fn awaits(&self, condition: Condition, occurrence: u32) -> bool {
        self.page(condition).is_some_and(|page| page.awaits(occurrence))
    }

    /// Lets the alarm that stands call again at a moment, unless it ends or is kept quiet before.
    pub fn repeat_at(&mut self, condition: Condition, at: UtcMillis) {
        let page = self.page_mut(condition);
        page.repeat_at = page.standing.is_some().then_some(at);
    }

    /// Lets an alarm that stands and that somebody has acknowledged wait again, and gives its number; `None` where it waits anyhow, or
    /// is quiet.
    pub fn call_again(&mut self, condition: Condition) -> Option<u32> {
        if self.quiet(condition).is_some() {
            return None;
        }
        let page = self.page_mut(condition);
        let (occurrence, _) = page.standing?;
        if page.awaits(occurrence) {
            return None;
        }
        page.repeat_at = None;
        page.wait(occurrence);
        Some(occurrence)
    }

    /// When the first alarm calls again.
    #[must_use]
    pub fn next_repeat(&self) -> Option<UtcMillis> {
        self.pages.iter().filter_map(|page| page.repeat_at).min()
    }

    /// Lets alarms wait for a person again whose time is over, in the order of display, and says which and when that was.
    pub fn repeat(&mut self, now: UtcMillis) -> Vec<(Condition, u32, UtcMillis)> {
        let mut repeated = Vec::new();
        for page in &mut self.pages {
            if let (Some(at), Some((occurrence, _))) = (page.repeat_at, page.standing)
                && at <= now
            {
                page.repeat_at = None;
                page.wait(occurrence);
                repeated.push((page.condition, occurrence, at));
            }
        }
        repeated.sort_unstable_by_key(|&(condition, ..)| condition);
        repeated
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
        let quiet = self.quiet(condition);
        let page = self
            .pages
            .iter_mut()
            .find(|page| page.condition == condition)
            .ok_or(NotAcknowledged::NotOpen)?;
        if page.answered(occurrence) {
            return Ok(());
        }
        let stands = page.standing.is_some_and(|(number, _)| number == occurrence);
        Err(match quiet {
            _ if !stands => NotAcknowledged::NotOpen,
            Some(quiet) => NotAcknowledged::Quiet(quiet),
            None => NotAcknowledged::Already,
        })
    }

    /// Moves the start of a standing alarm.
    pub fn amend_start(&mut self, condition: Condition, raised_at: UtcMillis) {
        if let Some((_, standing)) = &mut self.page_mut(condition).standing {
            standing.raised_at = raised_at;
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

impl Page {
    fn number_next(&mut self, waits: bool) -> u32 {
        self.last += 1;
        if waits {
            self.wait(self.last);
        }
        self.last
    }

    /// Lets an occurrence wait for a person.
    fn wait(&mut self, occurrence: u32) {
        let at = self.unacknowledged.partition_point(|&(_, last)| last < occurrence);
        if self.unacknowledged.get(at).is_some_and(|&(first, _)| first <= occurrence) {
            return;
        }
        let joins_before = 0 < at && self.unacknowledged[at - 1].1 + 1 == occurrence;
        let joins_after =
            self.unacknowledged.get(at).is_some_and(|&(first, _)| occurrence + 1 == first);
        match (joins_before, joins_after) {
            (true, true) => {
                self.unacknowledged[at - 1].1 = self.unacknowledged[at].1;
                self.unacknowledged.remove(at);
            }
            (true, false) => self.unacknowledged[at - 1].1 = occurrence,
            (false, true) => self.unacknowledged[at].0 = occurrence,
            (false, false) => self.unacknowledged.insert(at, (occurrence, occurrence)),
        }
    }

    /// An occurrence waits no longer; `false` where it did not.
    fn answered(&mut self, occurrence: u32) -> bool {
        let at = self.unacknowledged.partition_point(|&(_, last)| last < occurrence);
        let Some(&(first, last)) = self.unacknowledged.get(at) else { return false };
        if occurrence < first {
            return false;
        }
        self.unacknowledged.remove(at);
        if occurrence < last {
            self.unacknowledged.insert(at, (occurrence + 1, last));
        }
        if first < occurrence {
            self.unacknowledged.insert(at, (first, occurrence - 1));
        }
        true
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
            assert_eq!(book.raise(C, Level::THREE, at(0)), (n, None));
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

    /// What a graver alarm does to the lesser one, by what else keeps the two quiet.
    #[test]
    fn a_graver_alarm_that_calls_nobody_excludes_none() {
        let (hh, h) = (Condition::HighHigh, Condition::High);
        let both = || {
            let mut book = AlarmBook::default();
            book.raise(h, Level::THREE, at(0));
            book.raise(hh, Level::ONE, at(0));
            book
        };
        let waits = |book: &AlarmBook| {
            book.all_standing().any(|(condition, _, _, waits)| condition == h && waits)
        };
        let mut book = both();
        assert_eq!(book.settle_pair(hh, h, false), None);
        assert_eq!(book.settle_pair(hh, h, true), Some(PairChange::Excluded));
        assert_eq!((book.quiet(h), waits(&book)), (Some(Quiet::Suppressed), false));
        assert_eq!(book.settle_pair(hh, h, true), None);
        // HH is over: H stands on and calls nobody anew.
        book.clear(hh);
        let over = Some(PairChange::Ended(ResumeReason::GraverOver));
        assert_eq!(book.settle_pair(hh, h, true), over);
        assert_eq!((book.quiet(h), waits(&book)), (None, false));
        // HH is shelved: then H has to call.
        let mut book = both();
        book.settle_pair(hh, h, true);
        book.shelve(hh, Until::Time(at(9)));
        let quiet = Some(PairChange::Ended(ResumeReason::NotExcluded));
        assert_eq!(book.settle_pair(hh, h, true), quiet);
        assert_eq!((book.quiet(h), waits(&book)), (None, true));
        // They are no pair any more.
        let mut book = both();
        book.settle_pair(hh, h, true);
        assert_eq!(book.settle_pair(hh, h, false), quiet);
        assert!(waits(&book));
        // The equipment's state suppresses H as well: neither tells what the other has told.
        let mut book = both();
        let mut set = Conditions::NONE;
        set.insert(h);
        assert_eq!(book.suppress(set), set);
        assert_eq!(book.settle_pair(hh, h, true), None);
        assert_eq!(book.suppress(Conditions::NONE), Conditions::NONE);
        assert_eq!((book.quiet(h), waits(&book)), (Some(Quiet::Suppressed), false));
        book.clear(hh);
        assert_eq!(book.settle_pair(hh, h, true), over);
    }

    #[test]
    fn an_alarm_that_stands_calls_again_once_unless_it_ends_or_is_kept_quiet() {
        let answered = || {
            let mut book = AlarmBook::default();
            book.raise(C, Level::ONE, at(0));
            book.acknowledge(C, 1).unwrap();
            book.repeat_at(C, at(10));
            book
        };
        let mut book = answered();
        assert_eq!(book.next_repeat(), Some(at(10)));
        assert_eq!(book.repeat(at(9)), []);
        assert_eq!(book.repeat(at(12)), [(C, 1, at(10))]);
        assert!(book.awaits(C, 1));
        assert_eq!((book.repeat(at(99)), book.next_repeat()), (Vec::new(), None));
        assert_eq!(book.acknowledge(C, 1), Ok(()));
        let mut book = answered();
        book.clear(C);
        assert_eq!(book.next_repeat(), None);
        book.repeat_at(C, at(10));
        assert_eq!(book.next_repeat(), None, "it does not stand");
        let mut book = answered();
        book.remove_from_service(C);
        assert_eq!(book.next_repeat(), None);
    }

    #[test]
    fn a_latch_holds_one_occurrence_and_none_that_was_quiet() {
        let mut book = AlarmBook::default();
        let mut latching = Conditions::NONE;
        latching.insert(C);
        book.raise(C, Level::ONE, at(0));
        assert_eq!(book.clear_returned(C), Some((1, false)));
        book.set_latching(latching);
        book.raise(C, Level::ONE, at(0));
        assert_eq!(book.clear_returned(C), Some((2, true)));
        assert_eq!((book.latched(C), book.latched(Condition::Low)), (Some(2), None));
        assert_eq!((book.release(C), book.release(C)), (Some(2), None));
        book.raise(C, Level::ONE, at(0));
        assert_eq!((book.clear(C), book.latched(C)), (Some(3), None), "not because it returned");
        book.raise(C, Level::ONE, at(0));
        book.shelve(C, Until::Time(at(9)));
        assert_eq!((book.clear_returned(C), book.latched(C)), (Some((4, false)), None));
        assert_eq!(book.clear_returned(C), None);
    }

    #[test]
    fn a_past_alarm_takes_a_number_and_leaves_the_standing_one_its_own() {
        let mut book = AlarmBook::default();
        assert_eq!(book.raise(C, Level::ONE, at(9)).0, 1);
        assert_eq!(book.note_past(C).0, 2);
        assert_eq!(book.standing(C).map(|(n, s)| (n, s.raised_at)), Some((1, at(9))));
        assert_eq!(book.returned_unacknowledged(), 1);
        book.amend_start(C, at(5));
        assert_eq!(book.standing(C).map(|(_, s)| s.raised_at), Some(at(5)));
        assert_eq!(book.clear(C), Some(1));
        assert_eq!(book.raise(C, Level::ONE, at(20)).0, 3);
    }

    #[test]
    fn what_is_shelved_is_numbered_and_calls_nobody() {
        let mut book = AlarmBook::default();
        let until = Until::Time(at(100));
        assert_eq!(book.raise(C, Level::ONE, at(0)), (1, None));
        book.shelve(C, until);
        assert_eq!(book.acknowledge(C, 1), Err(NotAcknowledged::Quiet(Quiet::Shelved)));
        assert_eq!(book.clear(C), Some(1));
        assert_eq!(book.returned_unacknowledged(), 0);
        assert_eq!(book.raise(C, Level::ONE, at(1)), (2, Some(Quiet::Shelved)));
        assert!(!book.end_one_shot(C), "it stays for its time");
        assert_eq!(book.shelves_over(at(99)).count(), 0);
        assert_eq!(book.shelves_over(at(100)).collect::<Vec<_>>(), [C]);
        assert_eq!(book.next_shelf_end(), Some(at(100)));
        assert!(book.unshelve(C) && !book.unshelve(C));
        // It stands: people are called now.
        assert_eq!(book.acknowledge(C, 2), Ok(()));
        assert_eq!(book.quiet(C), None);
    }

    #[test]
    fn what_was_announced_before_it_was_shelved_goes_on_waiting() {
        let mut book = AlarmBook::default();
        book.raise(C, Level::ONE, at(0));
        book.clear(C);
        book.shelve(C, Until::Returned { at_most: at(9) });
        assert_eq!(book.returned_unacknowledged(), 1);
        book.raise(C, Level::ONE, at(1));
        assert_eq!(book.clear(C), Some(2));
        assert!(book.end_one_shot(C) && !book.end_one_shot(C));
        assert_eq!(book.raise(C, Level::ONE, at(2)), (3, None));
        assert_eq!(book.pages[0].unacknowledged, [(1, 1), (3, 3)]);
    }

    #[test]
    fn an_alarm_calls_again_when_the_last_thing_that_kept_it_quiet_is_over() {
        let mut book = AlarmBook::default();
        book.raise(C, Level::ONE, at(0));
        book.acknowledge(C, 1).unwrap();
        book.shelve(C, Until::Time(at(9)));
        let mut stopped = Conditions::NONE;
        stopped.insert(C);
        stopped.insert(Condition::Low);
        assert_eq!(book.suppress(stopped), stopped);
        assert_eq!(book.suppress(stopped), Conditions::NONE);
        assert!(book.remove_from_service(C) && !book.remove_from_service(C));
        assert_eq!(book.quiet(C), Some(Quiet::OutOfService));
        assert!(book.return_to_service(C));
        assert_eq!(book.quiet(C), Some(Quiet::Suppressed));
        assert!(book.unshelve(C));
        assert_eq!(book.all_quiet().count(), 2);
        assert_eq!(book.pages[0].unacknowledged, []);
        assert_eq!(book.suppress(Conditions::NONE), stopped);
        assert_eq!(book.pages[0].unacknowledged, [(1, 1)], "it stands and waits anew");
        assert_eq!(book.pages.len(), 1, "what never came has no page");
    }
}
