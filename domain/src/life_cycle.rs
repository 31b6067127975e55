//! The life cycle of an alarm: its states, and what leads from one to the next.
//!
//! After IEC 62682 and ISA-18.2-2016 (`monitoring.md` §4: names of A to D verified, letters recalled; shelved, suppressed and out
//! of service as in OPC UA Part 9 §4.8). The state machine is that of one *occurrence*: an alarm that comes again is a new
//! occurrence and is answered for itself. What keeps an alarm quiet belongs to the alarm (subject and condition) and holds for every
//! occurrence while it lasts. Evaluation and recording go on meanwhile; only annunciation stops.
//!
//! | from | by | to |
//! | --- | --- | --- |
//! | A normal | raised | B; quiet: G, H or I |
//! | B unacknowledged | acknowledged | C |
//! | B | returned to normal | D |
//! | C acknowledged | returned to normal | A |
//! | D returned, unacknowledged | acknowledged | A |
//! | C | re-alarm timer | B |
//! | B, C, the alarm latches | returned to normal | E, F |
//! | E latched, unacknowledged | acknowledged | F |
//! | F latched, acknowledged | reset | A |
//! | E, F | raised again: the newer occurrence latches | D, A |
//! | B, C | shelved, suppressed, out of service | G, H, I |
//! | G, H, I | the last of them ends, condition holds | B |
//! | H of an exclusive pair | the graver alarm ends, condition holds | C |
//! | G, H, I | returned to normal | A: nobody was called |
//!
//! One difference from the reference: an occurrence that has returned unacknowledged (D) stays in D when its alarm is shelved. It has been
//! announced, and still waits for somebody to say that they have seen it.

use serde::{Deserialize, Serialize};

use crate::alarm::AlarmChange;
use crate::time::UtcMillis;

/// What keeps an alarm from being annunciated. Where there are several, the greatest is shown: in this order who decides gets
/// further away from the person at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// 搁置 (G): by a person, for a time or until the condition returns to normal.
    Shelved,
    /// 设计抑制 (H): by a rule, because of the state of the equipment.
    Suppressed,
    /// 停用 (I): by a person, for maintenance, until they end it.
    OutOfService,
}

impl Quiet {
    /// Every kind, the least first.
    pub const ALL: [Self; 3] = [Self::Shelved, Self::Suppressed, Self::OutOfService];

    /// Stable code, as in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Shelved => "shelved",
            Self::Suppressed => "suppressed",
            Self::OutOfService => "out_of_service",
        }
    }
}

/// How long a shelved alarm stays on the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Timed shelving: until then, whatever the condition does.
    Time(UtcMillis),
    /// One-shot shelving: until the condition returns to normal, and not longer than that.
    Returned {
        /// A shelf that nobody empties is an alarm that nobody gets.
        at_most: UtcMillis,
    },
}

impl Until {
    /// When it is over at the latest.
    #[must_use]
    pub const fn latest(self) -> UtcMillis {
        match self {
            Self::Time(at) | Self::Returned { at_most: at } => at,
        }
    }
}

/// Why an alarm is annunciated again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeReason {
    /// A person ended it.
    Person,
    /// Its time is over.
    Expired,
    /// One-shot: the condition has returned to normal.
    Returned,
    /// The equipment is in a state again in which its alarms mean something.
    EquipmentState,
    /// The graver alarm that excluded it (HH of H, LL of L) is over.
    GraverOver,
    /// Nothing excludes it any more although the graver alarm stands: that one is kept quiet itself, or they are no pair now.
    NotExcluded,
}

/// State of an occurrence as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// B: stands, nobody has acknowledged it.
    Unacknowledged,
    /// C: stands, acknowledged.
    Acknowledged,
    /// D: returned to normal, not acknowledged.
    ReturnedUnacknowledged,
    /// E: returned to normal, latched, not acknowledged.
    LatchedUnacknowledged,
    /// F: returned to normal, acknowledged, latched until somebody resets it.
    LatchedAcknowledged,
    /// G: stands, shelved.
    Shelved,
    /// H: stands, suppressed by design.
    Suppressed,
    /// I: stands, out of service.
    OutOfService,
    /// A: normal, and nobody has to answer.
    Closed,
}

impl AlarmState {
    /// Every state, in the order of the standard's letters, A last.
    pub const ALL: [Self; 9] = [
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Shelved,
        Self::Suppressed,
        Self::OutOfService,
        Self::Closed,
    ];

    /// The state in which an occurrence begins.
    #[must_use]
    pub const fn raised(quiet: Option<Quiet>) -> Self {
        match quiet {
            None => Self::Unacknowledged,
            Some(Quiet::Shelved) => Self::Shelved,
            Some(Quiet::Suppressed) => Self::Suppressed,
            Some(Quiet::OutOfService) => Self::OutOfService,
        }
    }

    /// What keeps it quiet.
    #[must_use]
    pub const fn quiet(self) -> Option<Quiet> {
        match self {
            Self::Shelved => Some(Quiet::Shelved),
            Self::Suppressed => Some(Quiet::Suppressed),
            Self::OutOfService => Some(Quiet::OutOfService),
            Self::Unacknowledged
            | Self::Acknowledged
            | Self::ReturnedUnacknowledged
            | Self::LatchedUnacknowledged
            | Self::LatchedAcknowledged
            | Self::Closed => None,
        }
    }

    /// Next state after a change; `None` where the change does not apply.
    #[must_use]
    pub fn after(self, change: &AlarmChange) -> Option<Self> {
        match (self, change) {
            // What is said about an alarm, or known better later, changes no state.
            (
                state,
                AlarmChange::Amended { .. }
                | AlarmChange::Chattering { .. }
                | AlarmChange::Commented { .. }
                | AlarmChange::Taken { .. }
                | AlarmChange::Disposed { .. },
            ) => Some(state),
            // B → C, D → A: acknowledge.
            (Self::Unacknowledged, AlarmChange::Acknowledged { .. }) => Some(Self::Acknowledged),
            (Self::ReturnedUnacknowledged, AlarmChange::Acknowledged { .. }) => Some(Self::Closed),
            // E → F: acknowledge.
            (Self::LatchedUnacknowledged, AlarmChange::Acknowledged { .. }) => {
                Some(Self::LatchedAcknowledged)
            }
            // C → B: re-alarm timer.
            (Self::Acknowledged, AlarmChange::Repeated) => Some(Self::Unacknowledged),
            // F → A: reset. E → D: it came again, and the newer occurrence is latched in its stead; this one still waits.
            (Self::LatchedAcknowledged, AlarmChange::Reset { .. }) => Some(Self::Closed),
            (Self::LatchedUnacknowledged, AlarmChange::Reset { .. }) => {
                Some(Self::ReturnedUnacknowledged)
            }
            // B → E, C → F: return to normal of an alarm that latches.
            (Self::Unacknowledged, AlarmChange::Cleared { latched: true, .. }) => {
                Some(Self::LatchedUnacknowledged)
            }
            (Self::Acknowledged, AlarmChange::Cleared { latched: true, .. }) => {
                Some(Self::LatchedAcknowledged)
            }
            // B → D, C → A: return to normal.
            (Self::Unacknowledged, AlarmChange::Cleared { .. }) => {
                Some(Self::ReturnedUnacknowledged)
            }
            (Self::Acknowledged, AlarmChange::Cleared { .. }) => Some(Self::Closed),
            // G, H, I → A: it came and went while nobody was to be called.
            (
                Self::Shelved | Self::Suppressed | Self::OutOfService,
                AlarmChange::Cleared { latched: false, .. },
            ) => Some(Self::Closed),
            // B, C → G: shelve; any that stands → H: suppress; → I: remove from service.
            (Self::Unacknowledged | Self::Acknowledged, AlarmChange::Quieted { quiet, .. }) => {
                Some(Self::raised(Some(*quiet)))
            }
            (
                Self::Shelved | Self::Suppressed | Self::OutOfService,
                AlarmChange::Quieted { quiet, .. },
            ) => Some(Self::raised(self.quiet().max(Some(*quiet)))),
            // H → C: whoever answered for the graver alarm answers for what is left of it. Only a new and higher limit calls anew.
            (
                Self::Shelved | Self::Suppressed | Self::OutOfService,
                AlarmChange::Resumed { why: ResumeReason::GraverOver, still: None, .. },
            ) => Some(Self::Acknowledged),
            // G, H, I → B: unshelve or time out, unsuppress, return to service, when nothing else keeps it quiet.
            (
                Self::Shelved | Self::Suppressed | Self::OutOfService,
                AlarmChange::Resumed { still, .. },
            ) => Some(Self::raised(*still)),
            _ => None,
        }
    }

    /// Whether the condition stands.
    #[must_use]
    pub const fn stands(self) -> bool {
        !matches!(
            self,
            Self::ReturnedUnacknowledged
                | Self::LatchedUnacknowledged
                | Self::LatchedAcknowledged
                | Self::Closed
        )
    }

    /// Whether it waits for a person.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(
            self,
            Self::Unacknowledged | Self::ReturnedUnacknowledged | Self::LatchedUnacknowledged
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{ClearReason, Level};

    fn quieted(quiet: Quiet) -> AlarmChange {
        AlarmChange::Quieted { quiet, by: Some("li".into()), reason: "r".into(), until: None }
    }

    fn resumed(quiet: Quiet, still: Option<Quiet>) -> AlarmChange {
        AlarmChange::Resumed { quiet, why: ResumeReason::Person, by: None, still }
    }

    fn graver_over(still: Option<Quiet>) -> AlarmChange {
        let (quiet, why) = (Quiet::Suppressed, ResumeReason::GraverOver);
        AlarmChange::Resumed { quiet, why, by: None, still }
    }

    /// Every state against every change: what is not listed does not apply.
    #[test]
    fn every_transition_is_that_of_the_table() {
        use AlarmState as S;
        let raised = AlarmChange::Raised {
            value: None,
            limit: None,
            limits_version: 0,
            level: Level::ONE,
            late: false,
            quiet: None,
        };
        let acknowledged = AlarmChange::Acknowledged { by: "li".into(), comment: String::new() };
        let returned =
            |latched| AlarmChange::Cleared { reason: ClearReason::Returned, value: None, latched };
        let changes = [
            ("raised", raised),
            ("acknowledged", acknowledged),
            ("cleared", returned(false)),
            ("latched", returned(true)),
            ("repeated", AlarmChange::Repeated),
            ("reset", AlarmChange::Reset { by: None, comment: String::new() }),
            ("amended", AlarmChange::Amended { raised_at: None, cleared_at: None }),
            ("chattering", AlarmChange::Chattering { crossings: 3, over: false }),
            ("commented", AlarmChange::Commented { by: "li".into(), comment: "c".into() }),
            ("taken", AlarmChange::Taken { by: "li".into(), comment: String::new() }),
            (
                "disposed",
                AlarmChange::Disposed {
                    by: "li".into(),
                    cause: "c".into(),
                    measure: "m".into(),
                    comment: String::new(),
                },
            ),
            ("shelve", quieted(Quiet::Shelved)),
            ("suppress", quieted(Quiet::Suppressed)),
            ("remove", quieted(Quiet::OutOfService)),
            ("resume", resumed(Quiet::Shelved, None)),
            ("resume, suppressed", resumed(Quiet::Shelved, Some(Quiet::Suppressed))),
            ("graver over", graver_over(None)),
            ("graver over, shelved", graver_over(Some(Quiet::Shelved))),
        ];
        let goes = |state, change: &str| match (state, change) {
            (state, "amended" | "chattering" | "commented" | "taken" | "disposed") => Some(state),
            (S::Unacknowledged, "acknowledged") => Some(S::Acknowledged),
            (S::ReturnedUnacknowledged, "acknowledged") => Some(S::Closed),
            (S::LatchedUnacknowledged, "acknowledged") => Some(S::LatchedAcknowledged),
            (S::Unacknowledged, "latched") => Some(S::LatchedUnacknowledged),
            (S::Acknowledged, "latched") => Some(S::LatchedAcknowledged),
            (S::Acknowledged, "repeated") => Some(S::Unacknowledged),
            (S::LatchedAcknowledged, "reset") => Some(S::Closed),
            (S::LatchedUnacknowledged, "reset") => Some(S::ReturnedUnacknowledged),
            (S::Unacknowledged, "cleared") => Some(S::ReturnedUnacknowledged),
            (S::Acknowledged | S::Shelved | S::Suppressed | S::OutOfService, "cleared") => {
                Some(S::Closed)
            }
            (S::Unacknowledged | S::Acknowledged | S::Shelved, "shelve") => Some(S::Shelved),
            (S::Suppressed, "shelve") => Some(S::Suppressed),
            (S::Unacknowledged | S::Acknowledged | S::Shelved | S::Suppressed, "suppress") => {
                Some(S::Suppressed)
            }
            (S::OutOfService, "shelve" | "suppress" | "remove") => Some(S::OutOfService),
            (S::Unacknowledged | S::Acknowledged | S::Shelved | S::Suppressed, "remove") => {
                Some(S::OutOfService)
            }
            (S::Shelved | S::Suppressed | S::OutOfService, "resume") => Some(S::Unacknowledged),
            (S::Shelved | S::Suppressed | S::OutOfService, "graver over") => Some(S::Acknowledged),
            (S::Shelved | S::Suppressed | S::OutOfService, "graver over, shelved") => {
                Some(S::Shelved)
            }
            (S::Shelved | S::Suppressed | S::OutOfService, "resume, suppressed") => {
                Some(S::Suppressed)
            }
            _ => None,
        };
        for state in S::ALL {
            for (name, change) in &changes {
                assert_eq!(state.after(change), goes(state, name), "{state:?} {name}");
            }
        }
    }

    #[test]
    fn an_occurrence_begins_unacknowledged_unless_something_keeps_it_quiet() {
        assert_eq!(AlarmState::raised(None), AlarmState::Unacknowledged);
        for quiet in Quiet::ALL {
            let state = AlarmState::raised(Some(quiet));
            assert_eq!(state.quiet(), Some(quiet));
            assert!(state.stands() && !state.waits());
        }
    }
}
