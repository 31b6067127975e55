//! 预警: what alarms of one place mean for people, in one of four colours, until somebody closes it (销警).
//!
//! An alarm is about one point; a warning is about one place and one kind of danger, and gathers the alarms that belong to it. Which
//! alarms make which colour is said by rules that an administrator edits ([`rules`]); who is called, and who is called next when nobody
//! answers, by the ladder ([`ladder`]). [`book`] folds alarms, answers and the passing of time into warnings.
//!
//! The fields of a warning follow the provincial platform's table 预警 (`monitoring.md` §3.4: level, message, start, 销警 time, end,
//! reason, measure). That alarms are gathered by plant topology, and everything about time limits, is a proposal.

use serde::{Deserialize, Serialize};

use crate::alarm::AlarmId;
use crate::colour::Colour;
use crate::ids::{EnterpriseCode, EquipmentId, HazardCode};
use crate::time::UtcMillis;

pub mod book;
mod facts;
pub mod ladder;
pub mod rules;

pub use facts::{AlarmFacts, Place};
use ladder::{Climb, Rung};

/// Number of a warning, counted from 1 by the center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WarningNo(pub u64);

/// Kind of danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// 气体泄漏
    Gas,
    /// 火灾
    Fire,
    /// 工艺参数
    Process,
    /// 数据中断: nobody sees what happens.
    Data,
}

impl WarningKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Gas, Self::Fire, Self::Process, Self::Data];

    /// Stable code, as in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Gas => "gas",
            Self::Fire => "fire",
            Self::Process => "process",
            Self::Data => "data",
        }
    }

    /// The kind of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// How a warning stands, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningState {
    /// 待响应: nobody has answered.
    Unanswered,
    /// 处置中: somebody answers for it, and an alarm of it stands.
    InHand,
    /// 待销警: answered, and every alarm of it is over.
    Returned,
    /// 已销警
    Closed,
}

impl WarningState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Unanswered, Self::InHand, Self::Returned, Self::Closed];

    /// Stable code, as in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::InHand => "in_hand",
            Self::Returned => "returned",
            Self::Closed => "closed",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Number.
    pub no: WarningNo,
    /// What it is about.
    pub place: Place,
    /// Kind of danger.
    pub kind: WarningKind,
    /// The gravest colour that it came to. It never fades by itself.
    pub colour: Colour,
    /// The rule that gave the colour.
    pub rule: String,
    /// 演练: nobody is in danger; messages say so.
    pub drill: bool,
    /// When it began.
    pub raised_at: UtcMillis,
    /// Since when none of its alarms stands.
    pub returned_at: Option<UtcMillis>,
    /// 销警
    pub closed_at: Option<UtcMillis>,
    /// Alarms that ever belonged to it.
    pub alarms: u32,
    /// Of those: standing and annunciated.
    pub standing: u32,
    /// Of those: not acknowledged.
    pub unacknowledged: u32,
    /// The first alarm of the colour: what messages speak of.
    pub lead: Option<AlarmId>,
    /// Who was called and who will be next.
    pub climb: Climb,
}

impl Warning {
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> WarningState {
        if self.closed_at.is_some() {
            WarningState::Closed
        } else if self.climb.answered.is_none() {
            WarningState::Unanswered
        } else if self.standing > 0 {
            WarningState::InHand
        } else {
            WarningState::Returned
        }
    }

    /// The enterprise; `None` for the center's own.
    #[must_use]
    pub fn enterprise(&self) -> Option<EnterpriseCode> {
        self.place.enterprise()
    }

    /// The hazard source, where it is about one or about equipment of one.
    #[must_use]
    pub fn hazard(&self) -> Option<&HazardCode> {
        self.place.hazard.as_ref()
    }

    /// The equipment, where it is about one.
    #[must_use]
    pub fn equipment(&self) -> Option<&EquipmentId> {
        self.place.equipment.as_ref()
    }
}

/// What happened to a warning: one entry of its time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum WarningChange {
    /// It began.
    Raised {
        /// Its colour.
        colour: Colour,
        /// By which rule; of a drill, who began it.
        rule: String,
        /// Version of the rules.
        rules_version: u32,
        /// The alarm that fulfilled the rule.
        alarm: Option<AlarmId>,
    },
    /// Another alarm belongs to it.
    Joined {
        /// Which.
        alarm: AlarmId,
    },
    /// It became graver.
    Upgraded {
        /// From.
        from: Colour,
        /// To.
        to: Colour,
        /// By which rule.
        rule: String,
        /// The alarm that fulfilled it.
        alarm: AlarmId,
    },
    /// None of its alarms stands any more.
    Returned,
    /// After that, one stands again.
    StandsAgain {
        /// Which.
        alarm: AlarmId,
    },
    /// A rung of the ladder was called.
    Called {
        /// Which.
        rung: Rung,
        /// Counted from 1; a warning that became graver is called anew.
        round: u32,
        /// Why.
        why: ladder::Why,
        /// Rungs that were due before it and have nobody, or that the place lacks.
        skipped: Vec<Rung>,
    },
    /// A rung was due, and there is nobody on it nor above.
    NobodyToCall {
        /// The lowest rung that was due.
        rung: Rung,
    },
    /// Those who were called and have not answered are called again.
    Reminded {
        /// Counted from 1 in this round.
        time: u32,
    },
    /// 响应: a person answers for it.
    Answered {
        /// User name.
        by: String,
        /// Through acknowledging its alarms rather than the warning.
        by_alarm: bool,
        /// What they say; may be empty.
        comment: String,
    },
    /// 反馈: what was found and what is being done.
    FedBack {
        /// User name.
        by: String,
        /// Code of the cause.
        cause: String,
        /// Code of the measure.
        measure: String,
        /// In words; may be empty.
        comment: String,
    },
    /// 销警
    Closed {
        /// User name; `None` by the time limit of its colour.
        by: Option<String>,
        /// Code of the cause.
        cause: String,
        /// Code of the measure.
        measure: String,
        /// In words; may be empty.
        comment: String,
    },
}

/// An entry of the time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarningEntry {
    /// Which warning.
    pub warning: WarningNo,
    /// When.
    pub at: UtcMillis,
    /// What.
    pub change: WarningChange,
}

/// What a person wishes, already authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarningCommand {
    /// 响应
    Answer {
        /// Which.
        warning: WarningNo,
        /// User name.
        by: String,
        /// What they say.
        comment: String,
    },
    /// 反馈
    FeedBack {
        /// Which.
        warning: WarningNo,
        /// User name.
        by: String,
        /// Code of the cause.
        cause: String,
        /// Code of the measure.
        measure: String,
        /// In words.
        comment: String,
    },
    /// 销警
    Close {
        /// Which.
        warning: WarningNo,
        /// User name.
        by: String,
        /// Code of the cause.
        cause: String,
        /// Code of the measure.
        measure: String,
        /// In words.
        comment: String,
    },
    /// 演练: a warning that is none, to prove the ladder.
    Drill {
        /// About what.
        place: Place,
        /// In which colour.
        colour: Colour,
        /// User name.
        by: String,
        /// Time limits are divided by this.
        pace: u32,
    },
}

/// Why a command had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarningRefused {
    /// There is none of that number, or it is closed.
    #[error("warning {} is not open", .0.0)]
    NotOpen(WarningNo),
    /// Somebody was faster.
    #[error("warning {} is answered by {by} already", .warning.0)]
    AnsweredAlready {
        /// Which.
        warning: WarningNo,
        /// By whom.
        by: String,
    },
    /// 销警 before the danger is over.
    #[error(
        "warning {} has {standing} alarms that stand; close it when they are over, shelved or out of service", .warning.0
    )]
    Stands {
        /// Which.
        warning: WarningNo,
        /// How many.
        standing: u32,
    },
}
