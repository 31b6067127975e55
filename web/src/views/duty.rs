//! Duty as it is sent and taken: units with who is on duty, rosters in the parts they are edited by, shifts of a period, contacts.
//!
//! Days are `YYYY-MM-DD` and times of day `HH:MM`, both by the clock of the unit; moments are UTC ms like everywhere else.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Names;

/// A person who is on duty or may be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DutyPerson {
    /// User name.
    pub username: String,
    /// 姓名
    pub name: String,
    /// Telephones, the first one first.
    pub phones: Vec<String>,
    /// Mailbox.
    pub email: Option<String>,
}

/// Who is on duty in a role.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DutyNow {
    /// `duty_officer`, `leader`, `safety_officer`, `principal`.
    pub role: &'static str,
    /// Who.
    pub people: Vec<DutyPerson>,
    /// When others are, where that is within a week.
    pub until: Option<i64>,
    /// Why nobody is: `no_members`, `no_rotation`, `nobody_now`.
    pub gap: Option<&'static str>,
}

/// A duty unit with who is on duty.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnitBody {
    /// `region:CODE` or `enterprise:CODE`.
    pub id: String,
    /// Name of the organisation.
    pub name: Names,
    /// `province`, `city`, `county`, `park`, `enterprise`.
    pub level: &'static str,
    /// How many people it has.
    pub members: usize,
    /// Roles that it has, and who is on duty in them now.
    pub now: Vec<DutyNow>,
    /// Whether you keep its roster.
    pub editable: bool,
}

/// A shift.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftBody {
    /// Short name: lower-case letters, digits and `-`.
    pub code: String,
    /// Name.
    pub name: Names,
    /// `HH:MM` at which it begins.
    pub from: String,
    /// `HH:MM` at which it ends; the same as `from` for 24 hours.
    pub to: String,
}

/// A member to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberInput {
    /// User name.
    pub username: String,
    /// As what.
    pub role: String,
    /// In which team; none for somebody who is told and takes no shifts.
    #[serde(default)]
    pub team: Option<String>,
}

/// A member.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemberBody {
    /// Who.
    #[serde(flatten)]
    pub person: DutyPerson,
    /// As what.
    pub role: &'static str,
    /// In which team.
    pub team: Option<String>,
}

/// A team in a shift on one day of a cycle.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceBody {
    /// Short name of the shift.
    pub shift: String,
    /// Team.
    pub team: String,
}

/// How the teams of a role take turns.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationBody {
    /// Whose.
    pub role: String,
    /// The day on which the cycles are at their first day.
    pub anchor: String,
    /// Days of the cycle.
    pub days: Vec<Vec<PlaceBody>>,
    /// Those of rest days, where they have their own.
    #[serde(default)]
    pub rest_days: Option<Vec<Vec<PlaceBody>>>,
}

/// A day that is not what its weekday says.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DayBody {
    /// Which day.
    pub date: String,
    /// `rest` or `work`.
    pub kind: String,
    /// Name, for example 春节.
    #[serde(default)]
    pub name: String,
}

/// 换班
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SwapBody {
    /// Identity.
    pub id: String,
    /// Role.
    pub role: &'static str,
    /// The day on which the shift begins that is given away.
    pub date: String,
    /// That shift.
    pub shift: String,
    /// Whose it was: user name.
    pub gives: String,
    /// Who serves instead: user name.
    pub takes: String,
    /// The day of the shift that is served in return.
    pub back_date: Option<String>,
    /// That shift.
    pub back_shift: Option<String>,
    /// 事由
    pub note: String,
    /// Version.
    pub version: u32,
}

/// 代班
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StandInBody {
    /// Identity.
    pub id: String,
    /// Who is away: user name.
    pub absent: String,
    /// Who stands in: user name.
    pub deputy: String,
    /// First moment.
    pub from: i64,
    /// Moment at which it ends.
    pub until: i64,
    /// 事由
    pub note: String,
    /// Version.
    pub version: u32,
}

/// A span in which nobody is on duty.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GapBody {
    /// In which role.
    pub role: &'static str,
    /// First moment.
    pub from: i64,
    /// Moment at which it ends, or at which this list does.
    pub until: i64,
}

/// A person who may be made a member.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Candidate {
    /// User name.
    pub username: String,
    /// 姓名
    pub name: String,
}

/// A duty unit with its roster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnitDetail {
    /// The unit and who is on duty.
    #[serde(flatten)]
    pub unit: UnitBody,
    /// Version of the plan; 0 where there is none yet.
    pub version: u32,
    /// How far its clock is ahead of UTC.
    pub utc_offset_min: i32,
    /// Shifts.
    pub shifts: Vec<ShiftBody>,
    /// Members, one line for each role of a person.
    pub staff: Vec<MemberBody>,
    /// Rotations.
    pub rotations: Vec<RotationBody>,
    /// Days of its own.
    pub days: Vec<DayBody>,
    /// Days of every unit.
    pub common_days: Vec<DayBody>,
    /// 换班
    pub swaps: Vec<SwapBody>,
    /// 代班
    pub stand_ins: Vec<StandInBody>,
    /// Teams that a rotation names and nobody is in.
    pub empty_teams: Vec<String>,
    /// Where nobody is on duty in the next 14 days, the first ones.
    pub gaps: Vec<GapBody>,
    /// Who may be made a member; for whoever keeps the roster.
    pub candidates: Vec<Candidate>,
}

/// A plan to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanInput {
    /// Version that was read; 0 where there was none.
    pub version: u32,
    /// How far the unit's clock is ahead of UTC; 480 in China.
    #[serde(default = "china")]
    pub utc_offset_min: i32,
    /// Shifts.
    pub shifts: Vec<ShiftBody>,
    /// Members.
    pub staff: Vec<MemberInput>,
    /// Rotations.
    pub rotations: Vec<RotationBody>,
    /// Days of its own.
    #[serde(default)]
    pub days: Vec<DayBody>,
}

fn china() -> i32 {
    anlan_domain::roster::CHINA_OFFSET_MIN
}

/// A swap to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapInput {
    /// Role.
    pub role: String,
    /// The day on which the shift begins that is given away.
    pub date: String,
    /// That shift.
    pub shift: String,
    /// Whose it is: user name.
    pub gives: String,
    /// Who serves instead: user name.
    pub takes: String,
    /// The day of the shift that is served in return.
    #[serde(default)]
    pub back_date: Option<String>,
    /// That shift.
    #[serde(default)]
    pub back_shift: Option<String>,
    /// 事由
    #[serde(default)]
    pub note: String,
}

/// A stand-in to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandInInput {
    /// Who is away: user name.
    pub absent: String,
    /// Who stands in: user name.
    pub deputy: String,
    /// First moment, a whole minute.
    pub from: i64,
    /// Moment at which it ends, a whole minute.
    pub until: i64,
    /// 事由
    #[serde(default)]
    pub note: String,
}

/// Days of every unit to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarInput {
    /// All of them.
    pub days: Vec<DayBody>,
}

/// Part of a shift in which the same people serve.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StretchBody {
    /// First moment.
    pub from: i64,
    /// Moment at which it ends.
    pub until: i64,
    /// Who.
    pub people: Vec<Candidate>,
}

/// A shift of a day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DutyBody {
    /// Role.
    pub role: &'static str,
    /// The day on which it begins.
    pub date: String,
    /// Whether that is a rest day.
    pub rest: bool,
    /// Short name of the shift.
    pub shift: String,
    /// The team whose turn it is.
    pub team: String,
    /// First moment.
    pub from: i64,
    /// Moment at which it ends.
    pub until: i64,
    /// Who serves when.
    pub stretches: Vec<StretchBody>,
    /// Whether a swap or a stand-in makes it other than the rotation has it.
    pub changed: bool,
}

/// How a person is reached.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactBody {
    /// Telephones, the first one first; at most three.
    #[serde(default)]
    pub phones: Vec<String>,
    /// Mailbox.
    #[serde(default)]
    pub email: Option<String>,
    /// `zh` or `en`.
    pub language: String,
    /// `HH:MM-HH:MM`: when what can wait waits. Red never waits.
    #[serde(default)]
    pub quiet: Option<String>,
    /// `sms`, `email`, the preferred one first.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Version; 0 where nothing was said yet.
    pub version: u32,
}
