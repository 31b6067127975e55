//! 值班: who of an organisation is on duty at a moment, from a printed roster's own parts.
//!
//! A duty unit (值班单位) is a region's office or an enterprise. Its members belong to teams, for each duty role they have; a
//! rotation says which team has which shift on which day; swaps and stand-ins are exceptions to it. The answer is worked out
//! from these parts whenever it is asked, never stored: a roster that was changed is right at once, for the past as well.
//!
//! A moment belongs to every shift that covers it, its beginning included and its end not. A shift belongs to the local
//! day on which it begins, so that a night is one duty and one line of the roster. Whoever is no member (any more) is never on
//! duty, whatever a rotation or an exception says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub mod book;
pub mod contact;
pub mod pattern;

use crate::ids::{BadId, EnterpriseCode, UserName};
use crate::local_date::LocalDate;
use crate::region::RegionCode;
use crate::time::UtcMillis;
use pattern::{DayKind, Place, Rotation, ShiftCode, Shifts, TeamName};

/// China's offset from UTC, which has no summer time.
pub const CHINA_OFFSET_MIN: i32 = 480;
/// Offsets that clocks of this planet have, in minutes.
pub const OFFSETS_MIN: std::ops::RangeInclusive<i32> = -720..=840;
/// How far [`DutyUnit::next_change`] looks: past the longest cycle, so that whoever it finds nothing for stays on duty for good.
pub const HORIZON_DAYS: i64 = 400;

/// 值班单位: an organisation that keeps a roster, `region:410205P01` or `enterprise:410205001`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum UnitId {
    /// The duty office of a park, county, city or province.
    Region(RegionCode),
    /// An enterprise.
    Enterprise(EnterpriseCode),
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(code) => write!(f, "region:{code}"),
            Self::Enterprise(code) => write!(f, "enterprise:{code}"),
        }
    }
}

impl FromStr for UnitId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let id = match text.split_once(':') {
            Some(("region", code)) => RegionCode::new(code).ok().map(Self::Region),
            Some(("enterprise", code)) => EnterpriseCode::new(code).ok().map(Self::Enterprise),
            _ => None,
        };
        let rule = "region:CODE or enterprise:CODE";
        id.ok_or_else(|| BadId { kind: "duty unit", text: text.to_owned(), rule })
    }
}

impl TryFrom<String> for UnitId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<UnitId> for String {
    fn from(id: UnitId) -> Self {
        id.to_string()
    }
}

/// What a person is on duty as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyRole {
    /// 值班员
    DutyOfficer,
    /// 带班领导
    Leader,
    /// 安全员
    SafetyOfficer,
    /// 主要负责人
    Principal,
}

impl DutyRole {
    /// Every role with its code.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::DutyOfficer, "duty_officer"),
        (Self::Leader, "leader"),
        (Self::SafetyOfficer, "safety_officer"),
        (Self::Principal, "principal"),
    ];

    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(role, _)| *role == self).expect("every role is listed").1
    }
}

impl fmt::Display for DutyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for DutyRole {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let found = Self::ALL.iter().find(|(_, code)| *code == text).map(|(role, _)| *role);
        let rule = "duty_officer, leader, safety_officer or principal";
        found.ok_or_else(|| BadId { kind: "duty role", text: text.to_owned(), rule })
    }
}

/// A person in a unit; one line for each duty role that they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub username: UserName,
    /// As what.
    pub role: DutyRole,
    /// In which team; `None` for somebody who is told and takes no shifts.
    pub team: Option<TeamName>,
}

/// One shift of one day, for which two people change places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The local day on which the shift begins.
    pub date: LocalDate,
    /// The shift.
    pub shift: ShiftCode,
}

/// 换班: in one shift somebody serves in place of another, and the other in place of them in a second one where that is agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// As what they serve.
    pub role: DutyRole,
    /// The shift that is given away.
    pub slot: Slot,
    /// Whose it was.
    pub gives: UserName,
    /// Who serves instead.
    pub takes: UserName,
    /// The shift of `takes` that `gives` serves in return.
    pub back: Option<Slot>,
}

impl Swap {
    /// Who serves in place of `person` in a shift by this swap.
    fn instead_of(&self, person: &UserName, slot: &Slot) -> Option<&UserName> {
        if self.gives == *person && self.slot == *slot {
            Some(&self.takes)
        } else if self.takes == *person && self.back.as_ref() == Some(slot) {
            Some(&self.gives)
        } else {
            None
        }
    }
}

/// 代班: for a period somebody is on duty whenever another would be, in every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// Who is away.
    pub absent: UserName,
    /// Who stands in.
    pub deputy: UserName,
    /// First moment.
    pub from: UtcMillis,
    /// Moment at which it ends.
    pub until: UtcMillis,
}

/// A shift of a day with those who serve in it after swaps; stand-ins may change them while it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// As what.
    pub role: DutyRole,
    /// Day and shift.
    pub slot: Slot,
    /// The team whose turn it is.
    pub team: TeamName,
    /// First moment.
    pub from: UtcMillis,
    /// Moment at which it ends.
    pub until: UtcMillis,
    /// Who.
    pub people: Vec<UserName>,
}

/// Part of a duty in which the same people serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First moment.
    pub from: UtcMillis,
    /// Moment at which it ends.
    pub until: UtcMillis,
    /// Who, after stand-ins.
    pub people: Vec<UserName>,
}

/// An organisation with its members and its roster.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyUnit {
    /// Which organisation.
    pub id: UnitId,
    /// How far its clock is ahead of UTC, in minutes.
    pub utc_offset_min: i32,
    /// Its shifts.
    pub shifts: Shifts,
    /// Its people.
    pub members: Vec<Member>,
    /// How teams take turns, at most one for a role.
    pub rotations: Vec<Rotation>,
    /// Days that are not what their weekday says.
    pub calendar: BTreeMap<LocalDate, DayKind>,
    /// 换班
    pub swaps: Vec<Swap>,
    /// 代班
    pub stand_ins: Vec<StandIn>,
}

impl DutyUnit {
    /// An organisation without a roster, by China's clock.
    #[must_use]
    pub fn new(id: UnitId) -> Self {
        Self {
            id,
            utc_offset_min: CHINA_OFFSET_MIN,
            shifts: Shifts::default(),
            members: Vec::new(),
            rotations: Vec::new(),
            calendar: BTreeMap::new(),
            swaps: Vec::new(),
            stand_ins: Vec::new(),
        }
    }

    /// Whether a day is worked only by those on duty: as the calendar says, else Saturday and Sunday.
    #[must_use]
    pub fn is_rest_day(&self, date: LocalDate) -> bool {
        match self.calendar.get(&date) {
            Some(kind) => *kind == DayKind::Rest,
            None => date.weekday() >= 5,
        }
    }

    /// Duties of a role that begin on a local day.
    #[must_use]
    pub fn duties(&self, date: LocalDate, role: DutyRole) -> Vec<Duty> {
        let Some(rotation) = self.rotations.iter().find(|r| r.role == role) else {
            return Vec::new();
        };
        let cycle = match &rotation.rest_days {
            Some(rest) if self.is_rest_day(date) => rest,
            _ => &rotation.days,
        };
        let duty = |place: &Place| {
            let shift = self.shifts.get(&place.shift)?;
            let slot = Slot { date, shift: place.shift.clone() };
            let start = i64::from(shift.start_min);
            let team = self.members.iter().filter(|m| m.role == role);
            let team = team.filter(|m| m.team.as_ref() == Some(&place.team));
            let people = distinct(team.map(|m| self.after_swaps(&m.username, role, &slot)));
            Some(Duty {
                role,
                team: place.team.clone(),
                from: date.at(start, self.utc_offset_min),
                until: date.at(start + i64::from(shift.length_min), self.utc_offset_min),
                slot,
                people,
            })
        };
        cycle.on(rotation.anchor, date).iter().filter_map(duty).collect()
    }

    /// Who is on duty in a role at a moment, in the order of shifts and members. Empty where nobody is.
    #[must_use]
    pub fn on_duty(&self, at: UtcMillis, role: DutyRole) -> Vec<UserName> {
        let today = LocalDate::of(at, self.utc_offset_min);
        // No shift is longer than a day, so what began before yesterday has ended.
        let duties = [today.plus(-1), today].into_iter().flat_map(|date| self.duties(date, role));
        let covering = duties.filter(|duty| duty.from <= at && at < duty.until);
        let people = covering.flat_map(|duty| duty.people);
        distinct(people.map(|person| self.deputy_of(person, at)))
    }

    /// The first moment after `at` from which others are on duty in a role than at `at`; `None` where it is not within
    /// [`HORIZON_DAYS`].
    #[must_use]
    pub fn next_change(&self, at: UtcMillis, role: DutyRole) -> Option<UtcMillis> {
        self.next_change_within(at, role, HORIZON_DAYS)
    }

    /// As [`DutyUnit::next_change`], looking only so many days ahead.
    #[must_use]
    pub fn next_change_within(
        &self,
        at: UtcMillis,
        role: DutyRole,
        days: i64,
    ) -> Option<UtcMillis> {
        let now = self.on_duty(at, role);
        let set: BTreeSet<&UserName> = now.iter().collect();
        let today = LocalDate::of(at, self.utc_offset_min);
        let differs = |moment: UtcMillis| {
            let then = self.on_duty(moment, role);
            then.iter().collect::<BTreeSet<_>>() != set
        };
        // Day by day, so that the usual answer (within a day) costs two days of duties.
        for date in (0..=days).map(|day| today.plus(day)) {
            // What lies past this day is looked at with the next one, together with what may come before it.
            let next = date.plus(1).at(0, self.utc_offset_min);
            let moments = self.moments(date.plus(-1), date, role).into_iter();
            let mut moments = moments.filter(|moment| at < *moment && *moment < next);
            if let Some(moment) = moments.find(|moment| differs(*moment)) {
                return Some(moment);
            }
        }
        None
    }

    /// A duty cut where stand-ins begin and end.
    #[must_use]
    pub fn stretches(&self, duty: &Duty) -> Vec<Stretch> {
        let mut cuts: BTreeSet<UtcMillis> = self.stand_in_moments().collect();
        cuts.retain(|cut| duty.from < *cut && *cut < duty.until);
        cuts.extend([duty.from, duty.until]);
        let cuts: Vec<UtcMillis> = cuts.into_iter().collect();
        let mut stretches: Vec<Stretch> = Vec::new();
        for span in cuts.windows(2) {
            let people = duty.people.iter().cloned();
            let people = distinct(people.map(|person| self.deputy_of(person, span[0])));
            match stretches.last_mut().filter(|last| last.people == people) {
                Some(last) => last.until = span[1],
                None => stretches.push(Stretch { from: span[0], until: span[1], people }),
            }
        }
        stretches
    }

    /// Spans from `from` to `until` in which nobody is on duty in a role, at most `most` of them.
    #[must_use]
    pub fn gaps(
        &self,
        from: UtcMillis,
        until: UtcMillis,
        role: DutyRole,
        most: usize,
    ) -> Vec<(UtcMillis, UtcMillis)> {
        let mut gaps = Vec::new();
        let mut at = from;
        while at < until && gaps.len() < most {
            let next = self.next_change(at, role).unwrap_or(until).min(until);
            if self.on_duty(at, role).is_empty() {
                gaps.push((at, next));
            }
            at = next;
        }
        gaps
    }

    /// What is wrong with the roster as a whole: field and why. Its parts are right by themselves already.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !OFFSETS_MIN.contains(&self.utc_offset_min) {
            let offset = self.utc_offset_min;
            problems.push((
                "utc_offset_min",
                format!("{offset} is no offset from UTC: -720 to 840 minutes, 480 in China"),
            ));
        }
        for rotation in &self.rotations {
            let cycles = std::iter::once(&rotation.days).chain(&rotation.rest_days);
            let unknown = cycles.flat_map(|c| c.places()).map(|place| &place.shift);
            let unknown: BTreeSet<_> = unknown.filter(|s| self.shifts.get(s).is_none()).collect();
            for shift in unknown {
                let role = rotation.role;
                problems.push(("rotations", format!("the rotation of {role} has the shift {shift}, which this unit has not; add it to the shifts first")));
            }
        }
        problems
    }

    /// Teams that a role's rotation names and nobody is in.
    #[must_use]
    pub fn empty_teams(&self, role: DutyRole) -> BTreeSet<TeamName> {
        let rotations = self.rotations.iter().filter(|rotation| rotation.role == role);
        let cycles = rotations.flat_map(|r| std::iter::once(&r.days).chain(&r.rest_days));
        let mut teams: BTreeSet<TeamName> =
            cycles.flat_map(|c| c.places()).map(|place| place.team.clone()).collect();
        for member in self.members.iter().filter(|m| m.role == role) {
            if let Some(team) = &member.team {
                teams.remove(team);
            }
        }
        teams
    }

    /// Whether somebody is of this unit, in whatever role.
    #[must_use]
    pub fn has_member(&self, person: &UserName) -> bool {
        self.members.iter().any(|member| member.username == *person)
    }

    fn after_swaps(&self, person: &UserName, role: DutyRole, slot: &Slot) -> UserName {
        let swaps = self.swaps.iter().filter(|swap| swap.role == role);
        let mut instead = swaps.filter_map(|swap| swap.instead_of(person, slot));
        instead.find(|other| self.has_member(other)).unwrap_or(person).clone()
    }

    /// Who serves for `person` at a moment. A deputy may be away as well and have one; those who stand in for each other in a
    /// circle serve themselves.
    fn deputy_of(&self, person: UserName, at: UtcMillis) -> UserName {
        let mut asked = vec![person];
        loop {
            let last = asked.last().expect("begins with one");
            let away = self.stand_ins.iter().find(|s| {
                s.absent == *last && s.from <= at && at < s.until && self.has_member(&s.deputy)
            });
            match away {
                None => return asked.pop().expect("begins with one"),
                Some(s) if asked.contains(&s.deputy) => return asked.swap_remove(0),
                Some(s) => asked.push(s.deputy.clone()),
            }
        }
    }

    fn stand_in_moments(&self) -> impl Iterator<Item = UtcMillis> {
        self.stand_ins.iter().flat_map(|s| [s.from, s.until])
    }

    /// Moments at which somebody may come or go, of duties that begin from one day to another, and of stand-ins.
    fn moments(&self, from: LocalDate, to: LocalDate, role: DutyRole) -> BTreeSet<UtcMillis> {
        let days = (0..=to.since(from)).map(|day| from.plus(day));
        let duties = days.flat_map(|date| self.duties(date, role));
        duties.flat_map(|duty| [duty.from, duty.until]).chain(self.stand_in_moments()).collect()
    }
}

fn distinct(people: impl Iterator<Item = UserName>) -> Vec<UserName> {
    let mut each: Vec<UserName> = Vec::new();
    for person in people {
        if !each.contains(&person) {
            each.push(person);
        }
    }
    each
}

#[cfg(test)]
mod tests;
