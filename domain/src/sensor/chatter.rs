//! 振荡: an alarm that is raised and returns again and again is held up as one occurrence, so that it is quiet without being hidden.
//!
//! It counts as chattering at the N-th transition (raise or return) within the window that the settings give (ISA-18.2: three within a
//! minute, recalled). From then on the occurrence that stands does not return until it has been calm for a whole window; every
//! crossing meanwhile is counted, and the count is told when it begins, once a window while it goes on, and when it is over.
//!
//! **Nothing of this delays a raise.** The rule acts on returning alone. And where a signal that chattered stays beyond its limit for a
//! whole window, it chatters no longer: an acknowledgement of the chattering does not answer for that, and the alarm calls again.

use serde::{Deserialize, Serialize};

use super::{Finding, Rules, Sensor};
use crate::alarm::{AlarmChange, ClearReason, Condition};
use crate::point::Chatter;
use crate::time::{LineMillis, UtcMillis};

/// What is known of the transitions of one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Crossings {
    condition: Condition,
    /// The newest transitions, oldest first; no more than it takes to call it chattering.
    newest: Vec<LineMillis>,
    held: Option<Held>,
}

/// An occurrence that stands because it chatters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Held {
    /// Crossings so far, those that made it chattering included.
    crossings: u32,
    /// Whether the condition holds at the moment, and since when.
    beyond: bool,
    since: LineMillis,
    /// When the count was told last.
    told_at: LineMillis,
}

impl Sensor {
    fn crossings_mut(&mut self, condition: Condition) -> Option<&mut Crossings> {
        self.notes.as_mut()?.crossings.iter_mut().find(|known| known.condition == condition)
    }

    fn held(&self, condition: Condition) -> Option<Held> {
        let known = &self.notes.as_ref()?.crossings;
        known.iter().find(|known| known.condition == condition)?.held
    }

    /// On-delay and off-delay of a condition as things are: what chatters must be calm for a whole window.
    pub(super) fn delays_now(&self, rules: &Rules, condition: Condition) -> (i64, i64) {
        let (on, off) = rules.delays(condition);
        match rules.settings.chatter {
            Some(chatter) if self.held(condition).is_some() => {
                (on, off.max(i64::from(chatter.window_ms)))
            }
            _ => (on, off),
        }
    }

    /// Notes a transition and says whether it makes the condition chattering.
    fn note_transition(&mut self, chatter: Chatter, condition: Condition, at: LineMillis) -> bool {
        let known = &mut self.notes_mut().crossings;
        let found = known.iter().position(|known| known.condition == condition);
        let place = found.unwrap_or_else(|| {
            known.push(Crossings { condition, newest: Vec::new(), held: None });
            known.len() - 1
        });
        let newest = &mut known[place].newest;
        let needed = usize::from(chatter.transitions);
        newest.retain(|&before| at.since(before) <= i64::from(chatter.window_ms));
        newest.push(at);
        let surplus = newest.len().saturating_sub(needed);
        newest.drain(..surplus);
        newest.len() == needed
    }

    /// An alarm was raised by a reading or a delay.
    pub(super) fn transition_up(
        &mut self,
        rules: &Rules,
        condition: Condition,
        at: LineMillis,
        source: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let Some(chatter) = rules.settings.chatter else { return };
        if self.note_transition(chatter, condition, at) {
            self.hold(chatter, condition, true, (at, source), findings);
        }
    }

    /// An alarm returns to normal, unless that makes it chattering: then it stands on.
    pub(super) fn transition_down(
        &mut self,
        rules: &Rules,
        condition: Condition,
        value: Option<f64>,
        (at, source): (LineMillis, UtcMillis),
        findings: &mut Vec<Finding>,
    ) {
        if let Some(chatter) = rules.settings.chatter
            && self.held(condition).is_none()
            && self.note_transition(chatter, condition, at)
        {
            self.hold(chatter, condition, false, (at, source), findings);
            return;
        }
        self.clear(condition, ClearReason::Returned, value, source, findings);
    }

    fn hold(
        &mut self,
        chatter: Chatter,
        condition: Condition,
        beyond: bool,
        (at, source): (LineMillis, UtcMillis),
        findings: &mut Vec<Finding>,
    ) {
        let crossings = u32::from(chatter.transitions);
        let known = self.crossings_mut(condition).expect("its transition was noted just now");
        known.held = Some(Held { crossings, beyond, since: at, told_at: at });
        self.tell(condition, crossings, false, source, findings);
    }

    /// Follows a condition that chatters: whether it holds now. Counts a crossing, and says where it stays beyond.
    pub(super) fn follow_chatter(
        &mut self,
        rules: &Rules,
        condition: Condition,
        beyond: bool,
        (at, source): (LineMillis, UtcMillis),
        findings: &mut Vec<Finding>,
    ) {
        let Some(chatter) = rules.settings.chatter else { return };
        let window = i64::from(chatter.window_ms);
        let Some(Crossings { held: Some(held), .. }) = self.crossings_mut(condition) else {
            return;
        };
        if held.beyond == beyond {
            if beyond && window <= at.since(held.since) {
                self.stands_steadily(condition, source, findings);
            }
            return;
        }
        held.crossings = held.crossings.saturating_add(1);
        (held.beyond, held.since) = (beyond, at);
        if window <= at.since(held.told_at) {
            held.told_at = at;
            let crossings = held.crossings;
            self.tell(condition, crossings, false, source, findings);
        }
    }

    /// What chattered stays beyond: a true excursion, for which people are called even if they answered for the chattering.
    fn stands_steadily(
        &mut self,
        condition: Condition,
        source: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        self.chatter_over(condition, source, findings);
        let book = &mut self.notes_mut().book;
        if let Some(occurrence) = book.call_again(condition) {
            let change = AlarmChange::Repeated;
            findings.push(Finding { condition, occurrence, change, source_time: source });
        }
    }

    /// The occurrence ends, or chatters no longer: what was counted is told. Its transitions are forgotten.
    pub(super) fn chatter_over(
        &mut self,
        condition: Condition,
        source: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let Some(known) = self.crossings_mut(condition) else { return };
        let Some(held) = known.held.take() else { return };
        known.newest.clear();
        self.tell(condition, held.crossings, true, source, findings);
    }

    /// New settings know no chattering: what is held up by it stands as any other from here on.
    pub(super) fn forget_chatter(&mut self, source: UtcMillis, findings: &mut Vec<Finding>) {
        for condition in Condition::ALL {
            self.chatter_over(condition, source, findings);
        }
        if let Some(notes) = &mut self.notes {
            notes.crossings.clear();
        }
    }

    fn tell(
        &mut self,
        condition: Condition,
        crossings: u32,
        over: bool,
        source_time: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let standing = self.book().and_then(|book| book.standing(condition));
        let (occurrence, _) = standing.expect("what chatters stands: both change together");
        let change = AlarmChange::Chattering { crossings, over };
        findings.push(Finding { condition, occurrence, change, source_time });
    }
}
