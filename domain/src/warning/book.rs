//! Every open warning, as a fold over the alarm log, what people do, and time.
//!
//! Pure: the desk hands in what it read, with the time, and keeps what comes out (entries and what was touched) in one transaction together
//! with its place in the alarm log. So nothing is decided twice and nothing is forgotten, however often the process dies. That each rung
//! fires once rests on the same: firing is an entry and a changed climb in one transaction.
//!
//! Rules:
//! - An alarm that something keeps quiet (shelved, suppressed, out of service) makes no warning and holds none open.
//! - What is found in back-filled data makes a warning only if it stands on: nobody is woken for what is long over.
//! - A warning that is answered is answered for the alarms that join it while it stands. Where it becomes graver, or comes back after all
//!   of it was over, people are called anew.
//! - Acknowledging every alarm of a warning answers it: whoever did that need not do it twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ladder::{Climb, Ladder, Plan, Staffed, Step};
use super::rules::WarningRule;
use super::{
    AlarmFacts, Place, Warning, WarningChange, WarningCommand, WarningEntry, WarningKind,
    WarningNo, WarningRefused, WarningState,
};
use crate::alarm::{AlarmChange, AlarmEntry, AlarmId, AlarmKey};
use crate::colour::Colour;
use crate::life_cycle::Quiet;
use crate::time::UtcMillis;

/// What is found in back-filled data is looked at again after this long: what is over by then was over long ago.
const LATE_STANDING_MS: i64 = 5_000;

/// Rules and ladder in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Version of the rules.
    pub rules_version: u32,
    /// In their order.
    pub rules: Vec<WarningRule>,
    /// Who is called.
    pub ladder: Ladder,
}

/// An alarm as the desk knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// What rules look at.
    pub facts: AlarmFacts,
    /// The value that completed it.
    pub value: Option<f64>,
    /// The limit that it broke.
    pub limit: Option<f64>,
    /// When it began at the source.
    pub raised_at: UtcMillis,
    /// When the desk learned of it, or of its being annunciated again.
    pub heard_at: UtcMillis,
    /// When it ended, as the desk learned it.
    pub over_at: Option<UtcMillis>,
    /// What keeps it quiet.
    pub quiet: Option<Quiet>,
    /// A person has acknowledged it, or answers for it.
    pub acknowledged: bool,
    /// Warnings that it belongs to.
    pub warnings: Vec<WarningNo>,
}

impl Member {
    fn stands(&self) -> bool {
        self.over_at.is_none() && self.quiet.is_none()
    }

    fn waits(&self) -> bool {
        !self.acknowledged && self.quiet.is_none()
    }
}

/// What was changed since it was last asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Touched {
    /// Warnings.
    pub warnings: BTreeSet<WarningNo>,
    /// Alarms, also those that the book does not know any more.
    pub alarms: BTreeSet<AlarmId>,
    /// Warnings that were closed, which the book does not know any more.
    pub closed: Vec<Warning>,
}

/// Who can be called, asked when a rung is due.
pub type StaffedAt<'a> = &'a dyn Fn(&Place) -> Staffed;

/// Every open warning and the alarms that matter to it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    next_no: u64,
    warnings: BTreeMap<WarningNo, Warning>,
    by_key: BTreeMap<(WarningKind, Place), WarningNo>,
    alarms: BTreeMap<AlarmId, Member>,
    /// Alarms by the places that a rule may gather at, in the order in which they were heard of.
    at: BTreeMap<Place, BTreeSet<(UtcMillis, AlarmId)>>,
    /// When to look again at what.
    due: BTreeSet<(UtcMillis, Due)>,
    touched: Touched,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Alarm(AlarmId),
    Warning(WarningNo),
    Forget(AlarmId),
}

/// What a step is done with.
struct With<'a> {
    settings: &'a Settings,
    staffed: StaffedAt<'a>,
    now: UtcMillis,
    out: &'a mut Vec<WarningEntry>,
}

impl With<'_> {
    fn tell(&mut self, warning: WarningNo, change: WarningChange) {
        self.out.push(WarningEntry { warning, at: self.now, change });
    }
}

impl Book {
    /// A book that goes on where one left off: open warnings and remembered alarms as they were kept.
    #[must_use]
    pub fn restored(
        next_no: u64,
        warnings: impl IntoIterator<Item = Warning>,
        alarms: impl IntoIterator<Item = (AlarmId, Member)>,
        settings: &Settings,
    ) -> Self {
        let mut book = Self { next_no, ..Self::default() };
        for warning in warnings {
            if !warning.drill {
                book.by_key.insert((warning.kind, warning.place.clone()), warning.no);
            }
            book.warnings.insert(warning.no, warning);
        }
        for (id, member) in alarms {
            book.alarms.insert(id.clone(), member);
            book.index(&id);
        }
        book.settings_changed(settings);
        book
    }

    /// Number that the next warning gets, less one.
    #[must_use]
    pub const fn last_no(&self) -> u64 {
        self.next_no
    }

    /// Open warnings.
    pub fn open(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.values()
    }

    /// An open warning.
    #[must_use]
    pub fn get(&self, no: WarningNo) -> Option<&Warning> {
        self.warnings.get(&no)
    }

    /// An alarm that is remembered.
    #[must_use]
    pub fn alarm(&self, id: &AlarmId) -> Option<&Member> {
        self.alarms.get(id)
    }

    /// Alarms that are remembered.
    #[must_use]
    pub fn alarms(&self) -> usize {
        self.alarms.len()
    }

    /// What was changed since this was last asked.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMillis> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Rules or ladder are others now: what stands is looked at again at the next tick.
    pub fn settings_changed(&mut self, settings: &Settings) {
        let now = UtcMillis(0);
        self.due.clear();
        self.due.extend(
            self.alarms
                .iter()
                .filter(|(_, m)| m.stands())
                .map(|(id, _)| (now, Due::Alarm(id.clone()))),
        );
        let keep = longest_memory_ms(settings);
        self.due.extend(self.alarms.iter().filter_map(|(id, member)| {
            Some((member.over_at?.plus(keep), Due::Forget(id.clone())))
        }));
        self.due.extend(self.warnings.keys().map(|no| (now, Due::Warning(*no))));
    }

    /// An entry of the alarm log. `facts` are wanted where it raises an alarm.
    pub fn alarm_entry(
        &mut self,
        entry: &AlarmEntry,
        signal: impl FnOnce() -> Option<Box<str>>,
        settings: &Settings,
        staffed: StaffedAt<'_>,
        now: UtcMillis,
        out: &mut Vec<WarningEntry>,
    ) {
        let mut with = With { settings, staffed, now, out };
        let id = &entry.alarm;
        match &entry.change {
            AlarmChange::Raised { level, late, quiet, value, limit, .. } => {
                let facts = AlarmFacts {
                    condition: id.condition,
                    level: *level,
                    signal: signal(),
                    place: entry.place.clone(),
                    late: *late,
                };
                let member = Member {
                    facts,
                    value: *value,
                    limit: *limit,
                    raised_at: entry.source_time,
                    heard_at: now,
                    over_at: None,
                    quiet: *quiet,
                    acknowledged: false,
                    warnings: Vec::new(),
                };
                self.unindex(id);
                self.alarms.insert(id.clone(), member);
                self.index(id);
                self.touched.alarms.insert(id.clone());
                self.judge(id, &mut with);
            }
            AlarmChange::Cleared { .. } => {
                self.change(id, None, &mut with, |member| member.over_at = Some(now));
                let keep = longest_memory_ms(settings);
                self.due.insert((now.plus(keep), Due::Forget(id.clone())));
            }
            AlarmChange::Acknowledged { by, comment } | AlarmChange::Taken { by, comment } => {
                self.change(id, Some((by, comment)), &mut with, |member| {
                    member.acknowledged = true
                });
            }
            AlarmChange::Disposed { by, cause, measure, comment } => {
                let warnings = self.alarms.get(id).map(|m| m.warnings.clone()).unwrap_or_default();
                for no in warnings {
                    self.fed_back(no, by, cause, measure, comment, &mut with);
                }
            }
            AlarmChange::Quieted { quiet, .. } => {
                for id in self.occurrences(id) {
                    self.change(&id, None, &mut with, |member| member.quiet = Some(*quiet));
                }
            }
            AlarmChange::Resumed { still, .. } => {
                for id in self.occurrences(id) {
                    self.unindex(&id);
                    self.change(&id, None, &mut with, |member| {
                        member.quiet = *still;
                        if still.is_none() && member.over_at.is_none() {
                            member.acknowledged = false;
                            member.heard_at = now;
                        }
                    });
                    self.index(&id);
                    self.judge(&id, &mut with);
                }
            }
            AlarmChange::Repeated => {
                self.change(id, None, &mut with, |member| member.acknowledged = false);
            }
            AlarmChange::Amended { .. }
            | AlarmChange::Chattering { .. }
            | AlarmChange::Commented { .. }
            | AlarmChange::EquipmentState { .. }
            | AlarmChange::Reset { .. } => {}
        }
    }

    /// What a person wishes. Returns the warning that it is about.
    ///
    /// # Errors
    /// When it has no effect.
    pub fn command(
        &mut self,
        command: &WarningCommand,
        settings: &Settings,
        staffed: StaffedAt<'_>,
        now: UtcMillis,
        out: &mut Vec<WarningEntry>,
    ) -> Result<WarningNo, WarningRefused> {
        let mut with = With { settings, staffed, now, out };
        match command {
            WarningCommand::Answer { warning, by, comment } => {
                let open = self.warnings.get(warning).ok_or(WarningRefused::NotOpen(*warning))?;
                if let Some(answer) = &open.climb.answered {
                    let by = answer.by.clone();
                    return Err(WarningRefused::AnsweredAlready { warning: *warning, by });
                }
                self.answered(*warning, by, false, comment, &mut with);
                Ok(*warning)
            }
            WarningCommand::FeedBack { warning, by, cause, measure, comment } => {
                if !self.warnings.contains_key(warning) {
                    return Err(WarningRefused::NotOpen(*warning));
                }
                self.fed_back(*warning, by, cause, measure, comment, &mut with);
                Ok(*warning)
            }
            WarningCommand::Close { warning, by, cause, measure, comment } => {
                let open = self.warnings.get(warning).ok_or(WarningRefused::NotOpen(*warning))?;
                if open.standing > 0 {
                    let standing = open.standing;
                    return Err(WarningRefused::Stands { warning: *warning, standing });
                }
                let change = WarningChange::Closed {
                    by: Some(by.clone()),
                    cause: cause.clone(),
                    measure: measure.clone(),
                    comment: comment.clone(),
                };
                self.close(*warning, change, &mut with);
                Ok(*warning)
            }
            WarningCommand::Drill { place, colour, by, pace } => {
                let kind = WarningKind::Process;
                Ok(self.begin(place.clone(), kind, *colour, by, None, Climb::new(*pace), &mut with))
            }
        }
    }

    /// Time has passed: what was due by `now` is done, once each.
    pub fn tick(
        &mut self,
        settings: &Settings,
        staffed: StaffedAt<'_>,
        now: UtcMillis,
        out: &mut Vec<WarningEntry>,
    ) {
        let mut with = With { settings, staffed, now, out };
        // What is done now is due again after now, so this ends; a bound all the same, so that a fault could not turn it into a wheel.
        for _ in 0..self.due.len().saturating_mul(2).saturating_add(1_000) {
            if self.due.first().is_none_or(|(at, _)| *at > now) {
                return;
            }
            match self.due.pop_first() {
                Some((_, Due::Alarm(id))) => self.judge(&id, &mut with),
                Some((_, Due::Warning(no))) => self.look_at(no, &mut with),
                Some((_, Due::Forget(id))) => self.forget(&id, &with),
                None => return,
            }
        }
    }

    /// Looks at rules for an alarm that stands.
    fn judge(&mut self, id: &AlarmId, with: &mut With<'_>) {
        let Some(member) = self.alarms.get(id).filter(|member| member.stands()) else { return };
        let settings = with.settings;
        let mut look_again: Option<UtcMillis> = None;
        // What is counted belongs together: those that came before join with the one that completes the number.
        let mut along: Vec<(AlarmId, &WarningRule, Place)> = Vec::new();
        // One warning for a kind and place, by the gravest rule; of two as grave, the first in the list.
        let mut found: BTreeMap<(WarningKind, Place), &WarningRule> = BTreeMap::new();
        for rule in settings.rules.iter().filter(|rule| rule.fits(&member.facts)) {
            let late_ms = if member.facts.late { LATE_STANDING_MS } else { 0 };
            let stands_ms = (i64::from(rule.standing_s) * 1_000).max(late_ms);
            let due = member.heard_at.plus(stands_ms);
            if stands_ms > 0 && with.now < due {
                look_again = Some(look_again.map_or(due, |at| at.min(due)));
                continue;
            }
            let place = rule.place(&member.facts);
            if rule.counts() {
                let counted = self.counted(rule, &place, with.now);
                if counted.len() < rule.count as usize || !counted.contains(id) {
                    continue;
                }
                along.extend(counted.into_iter().map(|other| (other, rule, place.clone())));
            }
            let gravest = found.entry((rule.kind, place)).or_insert(rule);
            if rule.colour < gravest.colour {
                *gravest = rule;
            }
        }
        if let Some(at) = look_again {
            self.due.insert((at, Due::Alarm(id.clone())));
        }
        for ((kind, place), rule) in found {
            self.fulfilled(id, kind, place, rule, with);
        }
        for (other, rule, place) in along {
            if self.alarms.get(&other).is_some_and(Member::stands) {
                self.fulfilled(&other, rule.kind, place, rule, with);
            }
        }
    }

    /// The newest alarms at a place that fit a rule and came within its time, as many as it counts. No more are looked at: when the
    /// number was first complete they were all, and who comes later joins for itself, so that a flood is not counted over and over.
    fn counted(&self, rule: &WarningRule, place: &Place, now: UtcMillis) -> BTreeSet<AlarmId> {
        let since = now.plus(-i64::from(rule.within_s) * 1_000);
        let fits = |id: &AlarmId| {
            self.alarms.get(id).is_some_and(|member| {
                let stood_ms = member.over_at.unwrap_or(now).since(member.heard_at);
                member.quiet.is_none()
                    && (!member.facts.late || stood_ms >= LATE_STANDING_MS)
                    && rule.fits(&member.facts)
                    && rule.place(&member.facts) == *place
            })
        };
        let newest = self.at.get(place).into_iter().flat_map(|heard| heard.iter().rev());
        newest
            .take_while(|(at, _)| *at > since)
            .filter(|(_, id)| fits(id))
            .take(rule.count as usize)
            .map(|(_, id)| id.clone())
            .collect()
    }

    /// An alarm fulfils a rule: its warning begins, gets it as a member, or becomes graver.
    fn fulfilled(
        &mut self,
        id: &AlarmId,
        kind: WarningKind,
        place: Place,
        rule: &WarningRule,
        with: &mut With<'_>,
    ) {
        let Some(&no) = self.by_key.get(&(kind, place.clone())) else {
            let no = self.begin(place, kind, rule.colour, &rule.id, Some(id), Climb::new(1), with);
            self.join(id, no, with);
            return;
        };
        let was_standing = self.warnings.get(&no).is_some_and(|warning| warning.standing > 0);
        let joined = self.join(id, no, with);
        let Some(warning) = self.warnings.get_mut(&no) else { return };
        if joined {
            with.tell(no, WarningChange::Joined { alarm: id.clone() });
        }
        let from = warning.colour;
        let graver = rule.colour < from;
        if graver {
            warning.colour = rule.colour;
            warning.rule.clone_from(&rule.id);
            warning.lead = Some(id.clone());
            with.tell(
                no,
                WarningChange::Upgraded {
                    from,
                    to: rule.colour,
                    rule: rule.id.clone(),
                    alarm: id.clone(),
                },
            );
        }
        let back = joined && !was_standing && warning.climb.answered.is_some();
        if graver || back {
            self.call_anew(no, with);
        }
    }

    fn begin(
        &mut self,
        place: Place,
        kind: WarningKind,
        colour: Colour,
        rule: &str,
        alarm: Option<&AlarmId>,
        climb: Climb,
        with: &mut With<'_>,
    ) -> WarningNo {
        self.next_no += 1;
        let no = WarningNo(self.next_no);
        let drill = alarm.is_none();
        if !drill {
            self.by_key.insert((kind, place.clone()), no);
        }
        let warning = Warning {
            no,
            place,
            kind,
            colour,
            rule: rule.to_owned(),
            drill,
            raised_at: with.now,
            returned_at: drill.then_some(with.now),
            closed_at: None,
            alarms: 0,
            standing: 0,
            unacknowledged: 0,
            lead: alarm.cloned(),
            climb,
        };
        self.warnings.insert(no, warning);
        with.tell(
            no,
            WarningChange::Raised {
                colour,
                rule: rule.to_owned(),
                rules_version: with.settings.rules_version,
                alarm: alarm.cloned(),
            },
        );
        self.call_anew(no, with);
        no
    }

    fn join(&mut self, id: &AlarmId, no: WarningNo, with: &mut With<'_>) -> bool {
        let (Some(member), Some(warning)) = (self.alarms.get_mut(id), self.warnings.get_mut(&no))
        else {
            return false;
        };
        if member.warnings.contains(&no) {
            return false;
        }
        member.warnings.push(no);
        warning.alarms = warning.alarms.saturating_add(1);
        warning.standing += u32::from(member.stands());
        warning.unacknowledged += u32::from(member.waits());
        self.touched.alarms.insert(id.clone());
        self.touched.warnings.insert(no);
        if warning.returned_at.take().is_some() {
            with.tell(no, WarningChange::StandsAgain { alarm: id.clone() });
        }
        true
    }

    /// Changes an alarm and what it means for its warnings. `by` is who acknowledged.
    fn change(
        &mut self,
        id: &AlarmId,
        by: Option<(&String, &String)>,
        with: &mut With<'_>,
        change: impl FnOnce(&mut Member),
    ) {
        let Some(member) = self.alarms.get_mut(id) else { return };
        let (stood, waited) = (member.stands(), member.waits());
        change(member);
        self.touched.alarms.insert(id.clone());
        let (stands, waits) = (member.stands(), member.waits());
        for no in member.warnings.clone() {
            let Some(warning) = self.warnings.get_mut(&no) else { continue };
            self.touched.warnings.insert(no);
            match (stood, stands) {
                (true, false) => warning.standing = warning.standing.saturating_sub(1),
                (false, true) => warning.standing += 1,
                _ => {}
            }
            match (waited, waits) {
                (true, false) => warning.unacknowledged = warning.unacknowledged.saturating_sub(1),
                (false, true) => warning.unacknowledged += 1,
                _ => {}
            }
            if stood && !stands && warning.standing == 0 {
                warning.returned_at = Some(with.now);
                with.tell(no, WarningChange::Returned);
                self.due.insert((with.now, Due::Warning(no)));
            }
            let again = !stood && stands && warning.returned_at.take().is_some();
            let answered = warning.climb.answered.is_some();
            let all_acknowledged = warning.unacknowledged == 0;
            if again {
                with.tell(no, WarningChange::StandsAgain { alarm: id.clone() });
                if answered {
                    self.call_anew(no, with);
                }
            }
            if let Some((by, comment)) = by.filter(|_| !answered && all_acknowledged) {
                self.answered(no, by, true, comment, with);
            }
        }
    }

    fn answered(
        &mut self,
        no: WarningNo,
        by: &str,
        by_alarm: bool,
        comment: &str,
        with: &mut With<'_>,
    ) {
        let Some(warning) = self.warnings.get_mut(&no) else { return };
        warning.climb.answer(by, with.now);
        let (by, comment) = (by.to_owned(), comment.to_owned());
        with.tell(no, WarningChange::Answered { by, by_alarm, comment });
        self.wake(no, with.settings);
    }

    fn fed_back(
        &mut self,
        no: WarningNo,
        by: &str,
        cause: &str,
        measure: &str,
        comment: &str,
        with: &mut With<'_>,
    ) {
        let Some(warning) = self.warnings.get(&no) else { return };
        if warning.climb.answered.is_none() {
            // Whoever says what was found answers for it as well.
            self.answered(no, by, false, "", with);
        }
        if let Some(warning) = self.warnings.get_mut(&no) {
            warning.climb.feed_back(with.now);
        }
        with.tell(
            no,
            WarningChange::FedBack {
                by: by.to_owned(),
                cause: cause.to_owned(),
                measure: measure.to_owned(),
                comment: comment.to_owned(),
            },
        );
        self.wake(no, with.settings);
    }

    fn call_anew(&mut self, no: WarningNo, with: &mut With<'_>) {
        let Some(warning) = self.warnings.get_mut(&no) else { return };
        let plan = with.settings.ladder.plan(warning.colour);
        let mut steps = Vec::new();
        let staffed = (with.staffed)(&warning.place);
        warning.climb.begin(plan, staffed, with.now, &mut steps);
        self.climbed(no, steps, with);
    }

    /// A warning's time has come: its ladder, or its closing by itself.
    fn look_at(&mut self, no: WarningNo, with: &mut With<'_>) {
        let Some(warning) = self.warnings.get_mut(&no) else { return };
        let plan = with.settings.ladder.plan(warning.colour);
        if closes_at(warning, plan).is_some_and(|at| at <= with.now) {
            let none = String::new;
            let change =
                WarningChange::Closed { by: None, cause: none(), measure: none(), comment: none() };
            self.close(no, change, with);
            return;
        }
        let mut steps = Vec::new();
        let due = warning.climb.due(plan).is_some_and(|due| due <= with.now);
        if due {
            let staffed = (with.staffed)(&warning.place);
            warning.climb.tick(plan, staffed, with.now, &mut steps);
        }
        self.climbed(no, steps, with);
    }

    fn climbed(&mut self, no: WarningNo, steps: Vec<Step>, with: &mut With<'_>) {
        let Some(round) = self.warnings.get(&no).map(|warning| warning.climb.round) else { return };
        for step in steps {
            self.touched.warnings.insert(no);
            with.tell(
                no,
                match step {
                    Step::Call { rung, why, skipped } => {
                        WarningChange::Called { rung, round, why, skipped }
                    }
                    Step::Nobody { rung } => WarningChange::NobodyToCall { rung },
                    Step::Remind { time } => WarningChange::Reminded { time },
                },
            );
        }
        self.wake(no, with.settings);
    }

    /// Sees to it that a warning is looked at when it is next due.
    fn wake(&mut self, no: WarningNo, settings: &Settings) {
        self.touched.warnings.insert(no);
        let Some(warning) = self.warnings.get(&no) else { return };
        let plan = settings.ladder.plan(warning.colour);
        let next = warning.climb.due(plan).into_iter().chain(closes_at(warning, plan)).min();
        self.due.extend(next.map(|at| (at, Due::Warning(no))));
    }

    fn close(&mut self, no: WarningNo, change: WarningChange, with: &mut With<'_>) {
        let Some(mut warning) = self.warnings.remove(&no) else { return };
        warning.closed_at = Some(with.now);
        let key = (warning.kind, warning.place.clone());
        if self.by_key.get(&key) == Some(&no) {
            self.by_key.remove(&key);
        }
        self.touched.warnings.remove(&no);
        self.touched.closed.push(warning);
        with.tell(no, change);
    }

    /// Forgets an alarm that is over, has been acknowledged or has no open warning, and counts for no rule any more.
    fn forget(&mut self, id: &AlarmId, with: &With<'_>) {
        let Some(member) = self.alarms.get(id) else { return };
        let Some(over_at) = member.over_at else { return };
        let keep = longest_memory_ms(with.settings);
        if with.now < over_at.plus(keep) {
            return;
        }
        let open = member.warnings.iter().any(|no| self.warnings.contains_key(no));
        if open && member.waits() {
            // It still waits for a person, and its warning with it.
            self.due.insert((with.now.plus(keep.max(60_000)), Due::Forget(id.clone())));
            return;
        }
        self.unindex(id);
        self.alarms.remove(id);
        self.touched.alarms.insert(id.clone());
    }

    fn index(&mut self, id: &AlarmId) {
        let Some(member) = self.alarms.get(id) else { return };
        for place in places(&member.facts) {
            self.at.entry(place).or_default().insert((member.heard_at, id.clone()));
        }
    }

    fn unindex(&mut self, id: &AlarmId) {
        let Some(member) = self.alarms.get(id) else { return };
        let heard = (member.heard_at, id.clone());
        for place in places(&member.facts) {
            if let Some(ids) = self.at.get_mut(&place) {
                ids.remove(&heard);
                if ids.is_empty() {
                    self.at.remove(&place);
                }
            }
        }
    }

    /// The occurrences that an entry is about: itself, or all that stand of an alarm as such (occurrence 0).
    fn occurrences(&self, id: &AlarmId) -> Vec<AlarmId> {
        if id.occurrence != 0 {
            return vec![id.clone()];
        }
        let AlarmKey { subject, condition } = id.key();
        let of = |occurrence| AlarmId { subject: subject.clone(), condition, occurrence };
        self.alarms
            .range(of(0)..=of(u32::MAX))
            .filter(|(_, member)| member.over_at.is_none())
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// When a warning closes by itself.
fn closes_at(warning: &Warning, plan: &Plan) -> Option<UtcMillis> {
    let ripe = warning.state() == WarningState::Returned && plan.close_after_s > 0;
    let since = warning.returned_at.max(warning.climb.answered.as_ref().map(|answer| answer.at));
    since.filter(|_| ripe).map(|at| at.plus(warning.climb.paced(plan.close_after_s)))
}

/// The places that a rule may gather an alarm at.
fn places(facts: &AlarmFacts) -> BTreeSet<Place> {
    let (enterprise, hazard) = (facts.place.enterprise.clone(), facts.place.hazard.clone());
    BTreeSet::from([
        Place { enterprise: enterprise.clone(), hazard: None, equipment: None },
        Place { enterprise: enterprise.clone(), hazard: hazard.clone(), equipment: None },
        Place { enterprise, hazard, equipment: facts.place.equipment.clone() },
    ])
}

/// How long an alarm that is over still counts for some rule.
fn longest_memory_ms(settings: &Settings) -> i64 {
    let counting = settings.rules.iter().filter(|rule| rule.enabled && rule.counts());
    counting.map(|rule| i64::from(rule.within_s) * 1_000).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
