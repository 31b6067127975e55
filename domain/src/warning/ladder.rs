//! The escalation ladder: enterprise → park → county → city → province, by colour and by time without an answer.
//!
//! Who is called for which colour, and after how long the next rung is, is nowhere public (`monitoring.md` §3.5: "who receives which colour
//! within how many minutes, and feedback time limits: not found"). So it is data; [`Ladder::shipped`] are the proposals of that sheet.
//!
//! [`Climb`] is one warning's way up: a fold over calls, answers and time. A rung is called once in a round; a round ends when the warning
//! becomes graver or comes back. After an answer nobody is chased, until feedback is due. Nothing here knows people: the desk finds who
//! is on duty at a rung, and says which rungs have anybody.

use serde::{Deserialize, Serialize};

use crate::colour::Colour;
use crate::region::{RegionCode, RegionLevel};
use crate::roster::DutyRole;
use crate::time::UtcMillis;

/// Step of the ladder, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// 企业
    Enterprise,
    /// 化工园区
    Park,
    /// 区县
    County,
    /// 市
    City,
    /// 省
    Province,
}

impl Rung {
    /// Every rung, the lowest first.
    pub const ALL: [Self; 5] =
        [Self::Enterprise, Self::Park, Self::County, Self::City, Self::Province];

    /// Stable code, as in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Park => "park",
            Self::County => "county",
            Self::City => "city",
            Self::Province => "province",
        }
    }

    /// The rung of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.code() == code)
    }

    /// The rung that a region stands on.
    #[must_use]
    pub const fn of(level: RegionLevel) -> Self {
        match level {
            RegionLevel::Park => Self::Park,
            RegionLevel::County => Self::County,
            RegionLevel::City => Self::City,
            RegionLevel::Province => Self::Province,
        }
    }

    /// The region of this rung above an enterprise that lies in `region`; `None` where the place lacks the rung.
    #[must_use]
    pub fn above(self, region: &RegionCode) -> Option<RegionCode> {
        let mut at = Some(region.clone());
        while let Some(code) = at {
            if Self::of(code.level()) == self {
                return Some(code);
            }
            at = code.parent();
        }
        None
    }
}

/// Rungs of one place that can be called: what it lacks, and what has nobody, is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staffed(u8);

impl Staffed {
    /// With one rung more.
    #[must_use]
    pub const fn with(self, rung: Rung) -> Self {
        Self(self.0 | 1 << rung as u8)
    }

    /// Every rung.
    #[must_use]
    pub fn all() -> Self {
        Rung::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// Whether somebody is there.
    #[must_use]
    pub const fn has(self, rung: Rung) -> bool {
        self.0 & (1 << rung as u8) != 0
    }
}

/// One rung that a colour calls at once, or later, with those who are called there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Which rung.
    pub rung: Rung,
    /// Whom.
    pub duties: Vec<DutyRole>,
    /// As soon as the warning has the colour; else when its turn comes.
    pub at_once: bool,
}

/// The ladder of one colour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Rungs, the lowest first. A rung that is not in it is never called.
    pub calls: Vec<Call>,
    /// Without an answer for so many seconds, the next rung is called.
    pub answer_within_s: u32,
    /// Answered and without feedback for so many seconds, the next rung is called; 0 asks for no feedback.
    pub feedback_within_s: u32,
    /// Without an answer, whoever was called is called again every so many seconds; 0 never.
    pub remind_every_s: u32,
    /// Answered and over for so many seconds, the warning closes by itself; 0 never.
    pub close_after_s: u32,
}

/// The ladder: a plan a colour, the gravest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// 红
    pub red: Plan,
    /// 橙
    pub orange: Plan,
    /// 黄
    pub yellow: Plan,
    /// 蓝
    pub blue: Plan,
}

/// Shortest and longest time of a plan, in seconds: half a minute, a week.
pub const SECONDS: std::ops::RangeInclusive<u32> = 30..=604_800;

/// What is wrong with a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlan {
    /// Of which colour.
    pub colour: Colour,
    /// Which field.
    pub field: &'static str,
    /// What, and what would do.
    pub why: String,
}

impl Ladder {
    /// The plan of a colour.
    #[must_use]
    pub const fn plan(&self, colour: Colour) -> &Plan {
        match colour {
            Colour::Red => &self.red,
            Colour::Orange => &self.orange,
            Colour::Yellow => &self.yellow,
            Colour::Blue => &self.blue,
        }
    }

    /// Proposals (`monitoring.md` §3.5, marked [P]): blue → shift and safety officer of the enterprise; yellow → and its principal, park;
    /// orange → and county, city; red → and province; the next rung after 60, 30, 15, 5 minutes. Feedback times, reminders and
    /// closing by itself are this project's own proposals.
    #[must_use]
    pub fn shipped() -> Self {
        let plan = |at_once: &[Rung], answer_min: u32, feedback_min: u32, close_after_s| Plan {
            calls: Rung::ALL
                .into_iter()
                .map(|rung| Call {
                    rung,
                    duties: match rung {
                        Rung::Enterprise if at_once.len() > 1 => {
                            vec![
                                DutyRole::DutyOfficer,
                                DutyRole::SafetyOfficer,
                                DutyRole::Principal,
                            ]
                        }
                        Rung::Enterprise => vec![DutyRole::DutyOfficer, DutyRole::SafetyOfficer],
                        _ => vec![DutyRole::DutyOfficer, DutyRole::Leader],
                    },
                    at_once: at_once.contains(&rung),
                })
                .collect(),
            answer_within_s: answer_min * 60,
            feedback_within_s: feedback_min * 60,
            remind_every_s: answer_min * 60 / 2,
            close_after_s,
        };
        Self {
            red: plan(&Rung::ALL, 5, 30, 0),
            orange: plan(&Rung::ALL[..4], 15, 60, 0),
            yellow: plan(&Rung::ALL[..2], 30, 240, 0),
            blue: plan(&Rung::ALL[..1], 60, 1_440, 86_400),
        }
    }

    /// Every problem.
    ///
    /// # Errors
    /// All of them.
    pub fn check(&self) -> Result<(), Vec<BadPlan>> {
        let mut problems = Vec::new();
        for colour in Colour::ALL {
            let plan = self.plan(colour);
            let mut bad = |field, why: String| problems.push(BadPlan { colour, field, why });
            if !plan.calls.is_sorted_by(|a, b| a.rung < b.rung) {
                bad("calls", "list each rung once, the lowest first".into());
            }
            if !plan.calls.iter().any(|call| call.at_once) {
                bad("calls", "call at least one rung at once: else nobody learns of it".into());
            }
            if plan.calls.iter().any(|call| call.duties.is_empty()) {
                bad("calls", "say of each rung who is called there".into());
            }
            let never = [
                ("answer_within_s", plan.answer_within_s, false),
                ("feedback_within_s", plan.feedback_within_s, true),
                ("remind_every_s", plan.remind_every_s, true),
                ("close_after_s", plan.close_after_s, true),
            ];
            for (field, seconds, may_be_zero) in never {
                if !(SECONDS.contains(&seconds) || may_be_zero && seconds == 0) {
                    let zero = if may_be_zero { ", or 0 for never" } else { "" };
                    let (least, most) = (SECONDS.start(), SECONDS.end());
                    bad(field, format!("write {least} to {most} seconds{zero}"));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Why a rung is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The colour calls it at once.
    AtOnce,
    /// Nobody has answered in time.
    Unanswered,
    /// Nobody has said in time what was found and done.
    NoFeedback,
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// User name.
    pub by: String,
    /// When.
    pub at: UtcMillis,
}

/// A rung that was called in this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// Which.
    pub rung: Rung,
    /// When.
    pub at: UtcMillis,
}

/// One warning's way up the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Climb {
    /// Counted from 1.
    pub round: u32,
    /// Time limits are divided by this: 1, but for a drill.
    pub pace: u32,
    /// Rungs that were called in this round, in order.
    pub called: Vec<Called>,
    /// When the last of them was, which the next time limit counts from.
    pub last_call: UtcMillis,
    /// Times that people were reminded in this round.
    pub reminded: u32,
    /// When last.
    pub last_reminder: UtcMillis,
    /// Who answers for it.
    pub answered: Option<Answer>,
    /// When somebody last said what was found and done.
    pub fed_back: Option<UtcMillis>,
    /// Every rung that there is has been called, or has nobody.
    pub at_the_top: bool,
}

/// What a climb comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call a rung.
    Call {
        /// Which.
        rung: Rung,
        /// Why.
        why: Why,
        /// Rungs that were due and cannot be called.
        skipped: Vec<Rung>,
    },
    /// Nobody is left to call.
    Nobody {
        /// The lowest rung that was due.
        rung: Rung,
    },
    /// Call those again who were called in this round.
    Remind {
        /// Counted from 1.
        time: u32,
    },
}

impl Climb {
    /// A climb that has not begun; [`Self::begin`] does.
    #[must_use]
    pub fn new(pace: u32) -> Self {
        let never = UtcMillis(0);
        Self {
            round: 0,
            pace: pace.max(1),
            called: Vec::new(),
            last_call: never,
            reminded: 0,
            last_reminder: never,
            answered: None,
            fed_back: None,
            at_the_top: false,
        }
    }

    /// A new round: whoever the colour calls at once is called, whether they were called in an earlier round or not.
    pub fn begin(&mut self, plan: &Plan, staffed: Staffed, now: UtcMillis, steps: &mut Vec<Step>) {
        let round = self.round + 1;
        *self = Self { round, last_call: now, last_reminder: now, ..Self::new(self.pace) };
        let mut skipped = Vec::new();
        for call in plan.calls.iter().filter(|call| call.at_once) {
            if staffed.has(call.rung) {
                let skipped = std::mem::take(&mut skipped);
                self.call(call.rung, Why::AtOnce, skipped, now, steps);
            } else {
                skipped.push(call.rung);
            }
        }
        if self.called.is_empty() {
            // Those who should hear of it at once are not there: whoever is next is not made to wait.
            self.next(plan, staffed, Why::AtOnce, now, steps);
        }
    }

    /// A person answers: nobody is chased any more.
    pub fn answer(&mut self, by: &str, now: UtcMillis) {
        self.answered = Some(Answer { by: by.to_owned(), at: now });
        // The time for feedback counts from here, and may lead up to rungs that the time for an answer did not reach.
        self.last_call = now;
    }

    /// A person says what was found and done.
    pub fn feed_back(&mut self, now: UtcMillis) {
        self.fed_back = Some(now);
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn due(&self, plan: &Plan) -> Option<UtcMillis> {
        self.next_call(plan).into_iter().chain(self.next_reminder(plan)).min()
    }

    /// Time has passed. What was missed while nobody looked (the center was down) is made up for one step at a time, so that each rung
    /// has its time to answer.
    pub fn tick(&mut self, plan: &Plan, staffed: Staffed, now: UtcMillis, steps: &mut Vec<Step>) {
        if self.next_call(plan).is_some_and(|due| due <= now) {
            let why = if self.answered.is_some() { Why::NoFeedback } else { Why::Unanswered };
            self.next(plan, staffed, why, now, steps);
        }
        if self.next_reminder(plan).is_some_and(|due| due <= now) {
            self.reminded += 1;
            self.last_reminder = now;
            steps.push(Step::Remind { time: self.reminded });
        }
    }

    fn next_call(&self, plan: &Plan) -> Option<UtcMillis> {
        if self.round == 0 || self.at_the_top {
            return None;
        }
        let within_s = match (&self.answered, self.fed_back) {
            (None, _) => plan.answer_within_s,
            (Some(_), None) if plan.feedback_within_s > 0 => plan.feedback_within_s,
            _ => return None,
        };
        Some(self.last_call.plus(self.paced(within_s)))
    }

    fn next_reminder(&self, plan: &Plan) -> Option<UtcMillis> {
        let wanted = self.answered.is_none() && !self.called.is_empty() && plan.remind_every_s > 0;
        wanted.then(|| self.last_reminder.plus(self.paced(plan.remind_every_s)))
    }

    /// Milliseconds of so many seconds at the pace of this climb.
    #[must_use]
    pub fn paced(&self, seconds: u32) -> i64 {
        (i64::from(seconds) * 1_000 / i64::from(self.pace.max(1))).max(1)
    }

    /// Calls the lowest rung above those that were called.
    fn next(
        &mut self,
        plan: &Plan,
        staffed: Staffed,
        why: Why,
        now: UtcMillis,
        steps: &mut Vec<Step>,
    ) {
        let highest = self.called.iter().map(|called| called.rung).max();
        let above = plan.calls.iter().map(|call| call.rung).filter(|rung| Some(*rung) > highest);
        let above: Vec<Rung> = above.collect();
        match above.iter().position(|rung| staffed.has(*rung)) {
            Some(at) => self.call(above[at], why, above[..at].to_vec(), now, steps),
            None => {
                self.at_the_top = true;
                if let Some(&rung) = above.first() {
                    steps.push(Step::Nobody { rung });
                }
            }
        }
    }

    fn call(
        &mut self,
        rung: Rung,
        why: Why,
        skipped: Vec<Rung>,
        now: UtcMillis,
        steps: &mut Vec<Step>,
    ) {
        self.called.push(Called { rung, at: now });
        self.last_call = now;
        steps.push(Step::Call { rung, why, skipped });
    }
}

#[cfg(test)]
mod tests;
