//! What people decide about alarms: acknowledge, shelve, take out of service, and what they say about them. And the shelf's clock.
//!
//! Who may is the caller's to know. Here a command is applied or refused, and what came of it is in the alarm log.

use anlan_domain::alarm::{AlarmChange, AlarmId, AlarmKey, AlarmSubject, Condition};
use anlan_domain::alarm_book::{AlarmBook, NotAcknowledged};
use anlan_domain::life_cycle::{Quiet, ResumeReason, Until};
use anlan_domain::log::{Command, CommandRefused, Note};
use anlan_domain::sensor::Finding;
use anlan_domain::time::UtcMillis;

use super::entry::Effects;
use super::state::State;
use super::{Evaluator, Host, Now};

/// Where the book of a subject is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelfmark {
    /// A node of the data path.
    Path,
    /// The point of a slot.
    Slot(usize),
    /// A point, gateway or device that is gone; its alarms can still wait for a person, and can be kept quiet when it returns.
    Retired(usize),
}

impl<E: Evaluator> Host<E> {
    pub(super) fn take_command(
        &mut self,
        now: Now,
        command: &Command,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        match command {
            Command::Acknowledge { alarm, by, comment } => {
                self.acknowledge(now, alarm, by, comment, effects)
            }
            Command::Shelve { alarm, until, note } => {
                self.shelve(now, alarm, *until, note, effects)
            }
            Command::Unshelve { alarm, note } => {
                self.end_quiet(now, alarm, Quiet::Shelved, note, effects)
            }
            Command::RemoveFromService { alarm, note } => {
                self.remove_from_service(now, alarm, note, effects)
            }
            Command::ReturnToService { alarm, note } => {
                self.end_quiet(now, alarm, Quiet::OutOfService, note, effects)
            }
            Command::Reset { alarm, note } => self.reset(now, alarm, note, effects),
            Command::Operate { equipment, state, until, note } => {
                self.operate(now, equipment, *state, *until, note, effects)
            }
            Command::Comment { alarm, note: Note { by, text } } => {
                let change = AlarmChange::Commented { by: by.clone(), comment: text.clone() };
                self.remark(now, alarm, change, effects)
            }
            Command::Take { alarm, note: Note { by, text } } => {
                let change = AlarmChange::Taken { by: by.clone(), comment: text.clone() };
                self.remark(now, alarm, change, effects)
            }
            Command::Dispose { alarm, cause, measure, note: Note { by, text } } => {
                let change = AlarmChange::Disposed {
                    by: by.clone(),
                    cause: cause.clone(),
                    measure: measure.clone(),
                    comment: text.clone(),
                };
                self.remark(now, alarm, change, effects)
            }
        }
    }

    fn acknowledge(
        &mut self,
        now: Now,
        alarm: &AlarmId,
        by: &str,
        comment: &str,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        let not_open = || CommandRefused::NotOpen(alarm.clone());
        let shelfmark = self.state.shelfmark(&alarm.subject).ok_or_else(not_open)?;
        let outcome = self.with_book(shelfmark, &alarm.subject, |book| {
            book.acknowledge(alarm.condition, alarm.occurrence)
        });
        outcome.map_err(|why| match why {
            NotAcknowledged::NotOpen => not_open(),
            NotAcknowledged::Already => CommandRefused::AlreadyAcknowledged(alarm.clone()),
            NotAcknowledged::Quiet(quiet) => CommandRefused::Quiet { alarm: alarm.clone(), quiet },
        })?;
        let change = AlarmChange::Acknowledged { by: by.to_owned(), comment: comment.to_owned() };
        self.log(now, alarm, shelfmark, change, effects);
        self.repeat_later(now, alarm, shelfmark);
        Ok(())
    }

    /// An alarm that stands and was acknowledged calls again after the time that its settings give.
    fn repeat_later(&mut self, now: Now, alarm: &AlarmId, shelfmark: Shelfmark) {
        let Shelfmark::Slot(slot) = shelfmark else { return };
        let condition = alarm.condition;
        let cell = &mut self.state.cells[slot];
        let Some(after) = self.state.rules[cell.rules as usize].realarm_ms(condition) else {
            return;
        };
        let book = cell.sensor.book_mut();
        if standing(book, condition) == alarm.occurrence {
            let at = now.clock.plus(after);
            book.repeat_at(condition, at);
            self.state.sweep_by(at);
        }
    }

    /// Alarms that stand and whose time since they were acknowledged is over call again. Part of a sweep.
    pub(super) fn sweep_repeats(&mut self, now: Now, effects: &mut Effects) {
        let mut next: Option<UtcMillis> = None;
        for slot in 0..self.state.cells.len() {
            let book = self.state.cells[slot].sensor.book();
            let Some(at) = book.and_then(AlarmBook::next_repeat) else { continue };
            if now.clock < at {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            self.change(now, slot, effects, |host, findings| {
                let repeated = host.state.cells[slot].sensor.book_mut().repeat(now.clock);
                findings.extend(repeated.into_iter().map(|(condition, occurrence, at)| Finding {
                    condition,
                    occurrence,
                    change: AlarmChange::Repeated,
                    source_time: at,
                }));
            });
        }
        if let Some(next) = next {
            self.state.sweep_by(next);
        }
    }

    fn reset(
        &mut self,
        now: Now,
        alarm: &AlarmId,
        note: &Note,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        let not_latched = || CommandRefused::NotLatched(alarm.clone());
        let shelfmark = self.state.shelfmark(&alarm.subject).ok_or_else(not_latched)?;
        let condition = alarm.condition;
        self.with_book(shelfmark, &alarm.subject, |book| {
            if book.latched(condition) != Some(alarm.occurrence) {
                return Err(not_latched());
            }
            if book.awaits(condition, alarm.occurrence) {
                return Err(CommandRefused::AcknowledgeFirst(alarm.clone()));
            }
            book.release(condition);
            Ok(())
        })?;
        let change = AlarmChange::Reset { by: Some(note.by.clone()), comment: note.text.clone() };
        self.log(now, alarm, shelfmark, change, effects);
        Ok(())
    }

    fn shelve(
        &mut self,
        now: Now,
        alarm: &AlarmKey,
        until: Until,
        note: &Note,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        let shelfmark = self.shelfmark_of(alarm)?;
        if until.latest() <= now.clock {
            return Err(CommandRefused::ShelfTimePassed(alarm.clone()));
        }
        let condition = alarm.condition;
        let occurrence = self.with_book(shelfmark, &alarm.subject, |book| {
            if matches!(until, Until::Returned { .. }) && book.standing(condition).is_none() {
                // It has returned to normal, and is to be shelved until it does.
                return None;
            }
            book.shelve(condition, until);
            Some(standing(book, condition))
        });
        let occurrence = occurrence.ok_or_else(|| CommandRefused::NotStanding(alarm.clone()))?;
        self.state.sweep_by(until.latest());
        let change = AlarmChange::Quieted {
            quiet: Quiet::Shelved,
            by: Some(note.by.clone()),
            reason: note.text.clone(),
            until: Some(until),
        };
        self.log(now, &alarm.occurrence(occurrence), shelfmark, change, effects);
        self.settle_pairs(now, shelfmark, effects);
        Ok(())
    }

    fn remove_from_service(
        &mut self,
        now: Now,
        alarm: &AlarmKey,
        note: &Note,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        let shelfmark = self.shelfmark_of(alarm)?;
        let condition = alarm.condition;
        let (changed, occurrence) = self.with_book(shelfmark, &alarm.subject, |book| {
            (book.remove_from_service(condition), standing(book, condition))
        });
        if !changed {
            return Err(CommandRefused::AlreadySo(alarm.clone()));
        }
        let change = AlarmChange::Quieted {
            quiet: Quiet::OutOfService,
            by: Some(note.by.clone()),
            reason: note.text.clone(),
            until: None,
        };
        self.log(now, &alarm.occurrence(occurrence), shelfmark, change, effects);
        self.settle_pairs(now, shelfmark, effects);
        Ok(())
    }

    /// A person ends what a person began.
    fn end_quiet(
        &mut self,
        now: Now,
        alarm: &AlarmKey,
        quiet: Quiet,
        note: &Note,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        let shelfmark = self.shelfmark_of(alarm)?;
        let condition = alarm.condition;
        let (changed, still, occurrence) = self.with_book(shelfmark, &alarm.subject, |book| {
            let changed = match quiet {
                Quiet::Shelved => book.unshelve(condition),
                Quiet::OutOfService => book.return_to_service(condition),
                Quiet::Suppressed => false,
            };
            (changed, book.quiet(condition), standing(book, condition))
        });
        if !changed {
            return Err(CommandRefused::AlreadySo(alarm.clone()));
        }
        let (why, by) = (ResumeReason::Person, Some(note.by.clone()));
        let change = AlarmChange::Resumed { quiet, why, by, still };
        self.log(now, &alarm.occurrence(occurrence), shelfmark, change, effects);
        if !note.text.is_empty() && 0 < occurrence {
            let change = AlarmChange::Commented { by: note.by.clone(), comment: note.text.clone() };
            self.log(now, &alarm.occurrence(occurrence), shelfmark, change, effects);
        }
        self.settle_pairs(now, shelfmark, effects);
        Ok(())
    }

    /// What is said of an occurrence, whatever its state.
    fn remark(
        &mut self,
        now: Now,
        alarm: &AlarmId,
        change: AlarmChange,
        effects: &mut Effects,
    ) -> Result<(), CommandRefused> {
        let unknown = || CommandRefused::NoSuchAlarm(alarm.to_string());
        let shelfmark = self.state.shelfmark(&alarm.subject).ok_or_else(unknown)?;
        let known = self.with_book(shelfmark, &alarm.subject, |book| {
            (1..=book.occurrences(alarm.condition)).contains(&alarm.occurrence)
        });
        if !known {
            return Err(unknown());
        }
        self.log(now, alarm, shelfmark, change, effects);
        Ok(())
    }

    /// Takes alarms whose time is over from the shelf. Part of a sweep.
    pub(super) fn sweep_shelves(&mut self, now: Now, effects: &mut Effects) {
        for (shelfmark, subject) in self.state.shelves_over(now.clock) {
            let over: Vec<Condition> =
                self.with_book(shelfmark, &subject, |book| book.shelves_over(now.clock).collect());
            for condition in over {
                let (still, occurrence) = self.with_book(shelfmark, &subject, |book| {
                    book.unshelve(condition);
                    (book.quiet(condition), standing(book, condition))
                });
                let (quiet, why) = (Quiet::Shelved, ResumeReason::Expired);
                let change = AlarmChange::Resumed { quiet, why, by: None, still };
                let alarm = AlarmKey { subject: subject.clone(), condition };
                self.log(now, &alarm.occurrence(occurrence), shelfmark, change, effects);
            }
            self.settle_pairs(now, shelfmark, effects);
        }
        if let Some(next) = self.state.next_shelf_end() {
            self.state.sweep_by(next);
        }
    }

    fn shelfmark_of(&mut self, alarm: &AlarmKey) -> Result<Shelfmark, CommandRefused> {
        let found = self.state.shelfmark(&alarm.subject);
        found.ok_or_else(|| CommandRefused::NoSuchAlarm(alarm.to_string()))
    }

    /// Does something to a book and keeps the roll-up of its equipment true.
    fn with_book<R>(
        &mut self,
        shelfmark: Shelfmark,
        subject: &AlarmSubject,
        work: impl FnOnce(&mut AlarmBook) -> R,
    ) -> R {
        match shelfmark {
            Shelfmark::Slot(slot) => {
                let before = self.state.contribution(slot);
                let done = work(self.state.cells[slot].sensor.book_mut());
                self.state.settle_roll_up(slot, &before);
                done
            }
            Shelfmark::Path => {
                work(self.state.path_book(&subject.0).expect("it was found there just now"))
            }
            Shelfmark::Retired(at) => work(&mut self.state.retired[at].1),
        }
    }

    /// What keeps HH or LL quiet, or no longer does, concerns the alarm that it excludes.
    fn settle_pairs(&mut self, now: Now, shelfmark: Shelfmark, effects: &mut Effects) {
        if let Shelfmark::Slot(slot) = shelfmark {
            // The hook of every change does it.
            self.change(now, slot, effects, |_, _| {});
        }
    }

    fn log(
        &self,
        now: Now,
        alarm: &AlarmId,
        shelfmark: Shelfmark,
        change: AlarmChange,
        effects: &mut Effects,
    ) {
        let place = match shelfmark {
            Shelfmark::Slot(slot) => self.place(Some(slot)),
            Shelfmark::Path | Shelfmark::Retired(_) => self.place(None),
        };
        let alarm = (alarm.subject.clone(), alarm.condition, alarm.occurrence);
        effects.entries.push(now.entry(alarm, place, change, now.clock));
    }
}

/// Number of the occurrence that stands, 0 where none does.
fn standing(book: &AlarmBook, condition: Condition) -> u32 {
    book.standing(condition).map_or(0, |(occurrence, _)| occurrence)
}

impl State {
    fn shelfmark(&mut self, subject: &AlarmSubject) -> Option<Shelfmark> {
        let subject = &*subject.0;
        if self.path_book(subject).is_some() {
            return Some(Shelfmark::Path);
        }
        let tag = self.tag_of(subject);
        if let Some(slot) = tag.and_then(|tag| self.names.slot_of(tag)) {
            return Some(Shelfmark::Slot(slot));
        }
        let key = tag.unwrap_or(subject);
        self.retired.iter().position(|(retired, _)| **retired == *key).map(Shelfmark::Retired)
    }

    /// Subjects with alarms whose time on the shelf is over.
    fn shelves_over(&self, now: UtcMillis) -> Vec<(Shelfmark, AlarmSubject)> {
        let over = |book: &AlarmBook| book.next_shelf_end().is_some_and(|end| end <= now);
        let mut found = Vec::new();
        for (subject, book) in self.path_books() {
            if over(book) {
                found.push((Shelfmark::Path, subject));
            }
        }
        for (slot, cell) in self.cells.iter().enumerate() {
            if cell.sensor.book().is_some_and(over) {
                found.push((Shelfmark::Slot(slot), self.subject(self.names.tag(slot))));
            }
        }
        for (at, (key, book)) in self.retired.iter().enumerate() {
            if over(book) {
                let node = key.contains(':');
                let subject = if node { AlarmSubject((&**key).into()) } else { self.subject(key) };
                found.push((Shelfmark::Retired(at), subject));
            }
        }
        found
    }

    fn next_shelf_end(&self) -> Option<UtcMillis> {
        let paths = self.path_books().filter_map(|(_, book)| book.next_shelf_end());
        let cells = self.cells.iter().filter_map(|cell| cell.sensor.book()?.next_shelf_end());
        let retired = self.retired.iter().filter_map(|(_, book)| book.next_shelf_end());
        paths.chain(cells).chain(retired).min()
    }
}
