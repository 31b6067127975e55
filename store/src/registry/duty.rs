//! Duty: the records of units, members, rotations, days, exceptions and contacts, and what is wrong with one by itself.
//!
//! What a roster means is `anlan_domain::roster`; here it is kept, changed in whole plans ([`plan`]) and read as one snapshot ([`book`]).
//! A record's key is made of what it is about, so that two cannot be about the same: a shift is given away once.

use anlan_domain::ids::{EnterpriseCode, UserName};
use anlan_domain::local_date::LocalDate;
use anlan_domain::region::RegionCode;
use anlan_domain::roster::contact::{
    Contact, EmailAddress, Language, Means, PHONES_MAX, PhoneNumber, Quiet,
};
use anlan_domain::roster::pattern::{Cycle, DayKind, ShiftCode, Shifts, TeamName};
use anlan_domain::roster::{DutyRole, OFFSETS_MIN, UnitId};
use anlan_domain::time::UtcMillis;

use super::record::{Meta, Reference, record};
use super::{Problem, Record as _, Scope};

pub mod book;
mod columns;
pub(super) mod conformance;
pub mod plan;

pub use book::{Duties, UnitParts};
pub use columns::List;
pub use plan::Plan;

/// Longest stand-in: a year and a day.
pub const STAND_IN_MS_MAX: i64 = 367 * 86_400_000;
/// 1970 to 2999: what tables can write.
const TIMES_MS: std::ops::Range<i64> = 0..32_503_680_000_000;
const NOTE_MAX: usize = 200;

record! {
    /// How a person is reached.
    ContactRecord in "contacts", "contact", numbered: false,
    dependents: [],
    {
        /// Whose.
        username: UserName,
        /// 手机, the first one first.
        phones: List<PhoneNumber>,
        /// 邮箱
        email: Option<EmailAddress>,
        /// What they read.
        language: Language,
        /// When what can wait waits.
        quiet: Option<Quiet>,
        /// Preferred first.
        channels: List<Means>,
    }
    enterprise: |_| None,
    check: |c| [
        (c.phones.0.len() > PHONES_MAX).then(|| Problem::new("phones", format!("are more than {PHONES_MAX}"))),
        twice(&c.phones.0).then(|| Problem::new("phones", "hold a number twice")),
        twice(&c.channels.0).then(|| Problem::new("channels", "hold one twice")),
    ].into_iter().flatten().collect(),
    references: |c| vec![("username", "users", c.username.to_string())],
}

record! {
    /// 值班单位
    UnitRecord in "duty_units", "duty unit", numbered: false,
    dependents: [],
    {
        /// `region:CODE` or `enterprise:CODE`.
        id: UnitId,
        /// The region, if it is one's.
        region: Option<RegionCode>,
        /// The enterprise, if it is one's.
        enterprise: Option<EnterpriseCode>,
        /// How far its clock is ahead of UTC.
        utc_offset_min: i32,
        /// Its shifts.
        shifts: Shifts,
    }
    enterprise: |_| None,
    check: |u| [
        (owners_of(&u.id) != (u.region.clone(), u.enterprise.clone())).then(|| Problem::new("id", "names another organisation")),
        (!OFFSETS_MIN.contains(&u.utc_offset_min)).then(|| Problem::new("utc_offset_min", format!("{} is no offset from UTC: -720 to 840 minutes, 480 in China", u.utc_offset_min))),
    ].into_iter().flatten().collect(),
    references: |u| {
        let mut to: Vec<Reference> = Vec::new();
        to.extend(u.region.as_ref().map(|code| ("unit", "regions", code.to_string())));
        to.extend(u.enterprise.as_ref().map(|code| ("unit", "enterprises", code.to_string())));
        to
    },
}

record! {
    /// A person in a unit, as one of their roles.
    MemberRecord in "duty_members", "duty member", numbered: false,
    dependents: [],
    {
        /// `UNIT/USER/ROLE`.
        id: String,
        /// The unit.
        unit: UnitId,
        /// Who.
        username: UserName,
        /// As what.
        role: DutyRole,
        /// In which team, if in one.
        team: Option<TeamName>,
    }
    enterprise: |_| None,
    check: |m| key_problem(&m.id, &Self::key_of(&m.unit, &m.username, m.role)),
    references: |m| vec![("unit", "duty_units", m.unit.to_string()), ("username", "users", m.username.to_string())],
}

record! {
    /// How the teams of a role take turns in a unit.
    RotationRecord in "duty_rotations", "duty rotation", numbered: false,
    dependents: [],
    {
        /// `UNIT/ROLE`.
        id: String,
        /// The unit.
        unit: UnitId,
        /// Whose.
        role: DutyRole,
        /// First day of the cycles.
        anchor: LocalDate,
        /// The cycle.
        days: Cycle,
        /// That of rest days, if they have one of their own.
        rest_days: Option<Cycle>,
    }
    enterprise: |_| None,
    check: |r| {
        let empty = |cycle: &Cycle| cycle.0.is_empty();
        let mut problems = key_problem(&r.id, &Self::key_of(&r.unit, r.role));
        problems.extend(empty(&r.days).then(|| Problem::new("days", "has no day; write - for a day without duty")));
        problems.extend(r.rest_days.as_ref().is_some_and(empty).then(|| Problem::new("rest_days", "has no day; leave it out where rest days are as other days")));
        problems
    },
    references: |r| vec![("unit", "duty_units", r.unit.to_string())],
}

record! {
    /// A day that is not what its weekday says.
    DayRecord in "duty_days", "duty day", numbered: false,
    dependents: [],
    {
        /// `UNIT/DATE`, or `*/DATE`.
        id: String,
        /// The unit; `None` for every unit.
        unit: Option<UnitId>,
        /// Which day.
        date: LocalDate,
        /// What it is.
        kind: DayKind,
        /// 名称, for example 春节.
        name: String,
    }
    enterprise: |_| None,
    check: |d| {
        let mut problems = key_problem(&d.id, &Self::key_of(d.unit.as_ref(), d.date));
        problems.extend(too_long("name", &d.name));
        problems
    },
    references: |d| d.unit.iter().map(|unit| ("unit", "duty_units", unit.to_string())).collect(),
}

record! {
    /// 换班
    SwapRecord in "duty_swaps", "duty swap", numbered: false,
    dependents: [],
    {
        /// `UNIT/ROLE/DATE/SHIFT/GIVES`.
        id: String,
        /// The unit.
        unit: UnitId,
        /// As what they serve.
        role: DutyRole,
        /// The day on which the shift begins that is given away.
        date: LocalDate,
        /// That shift.
        shift: ShiftCode,
        /// Whose it was.
        gives: UserName,
        /// Who serves instead.
        takes: UserName,
        /// The day of the shift that is served in return.
        back_date: Option<LocalDate>,
        /// That shift.
        back_shift: Option<ShiftCode>,
        /// 事由
        note: String,
    }
    enterprise: |_| None,
    check: |s| {
        let mut problems = key_problem(&s.id, &Self::key_of(&s.unit, s.role, s.date, &s.shift, &s.gives));
        problems.extend(too_long("note", &s.note));
        problems.extend((s.gives == s.takes).then(|| Problem::new("takes", "is the same person; name another")));
        problems.extend((s.back_date.is_some() != s.back_shift.is_some()).then(|| Problem::new("back_date", "the day and the shift in return come together or not at all")));
        problems
    },
    references: |s| vec![
        ("unit", "duty_units", s.unit.to_string()), ("gives", "users", s.gives.to_string()), ("takes", "users", s.takes.to_string()),
    ],
}

record! {
    /// 代班
    StandInRecord in "duty_stand_ins", "stand-in", numbered: false,
    dependents: [],
    {
        /// `UNIT/ABSENT/FROM`.
        id: String,
        /// The unit.
        unit: UnitId,
        /// Who is away.
        absent: UserName,
        /// Who stands in.
        deputy: UserName,
        /// First moment.
        from_at: UtcMillis,
        /// Moment at which it ends.
        until_at: UtcMillis,
        /// 事由
        note: String,
    }
    enterprise: |_| None,
    check: |s| {
        let mut problems = key_problem(&s.id, &Self::key_of(&s.unit, &s.absent, s.from_at));
        problems.extend(too_long("note", &s.note));
        problems.extend((s.absent == s.deputy).then(|| Problem::new("deputy", "is the same person; name another")));
        problems.extend((!(1..=STAND_IN_MS_MAX).contains(&s.until_at.since(s.from_at))).then(|| Problem::new("until", "must be after the beginning and within a year of it")));
        problems.extend((!TIMES_MS.contains(&s.from_at.0) || !TIMES_MS.contains(&s.until_at.0)).then(|| Problem::new("from", "and until must lie between 1970 and 2999")));
        problems.extend((s.from_at.0 % 60_000 != 0 || s.until_at.0 % 60_000 != 0).then(|| Problem::new("from", "and until must be whole minutes")));
        problems
    },
    references: |s| vec![
        ("unit", "duty_units", s.unit.to_string()), ("absent", "users", s.absent.to_string()), ("deputy", "users", s.deputy.to_string()),
    ],
}

impl ContactRecord {
    /// The contact of somebody who never said how they are reached.
    #[must_use]
    pub fn none_of(username: UserName) -> Self {
        Self {
            username,
            phones: List::default(),
            email: None,
            language: Language::default(),
            quiet: None,
            channels: List::default(),
            meta: Meta::default(),
        }
    }

    /// As the domain has it.
    #[must_use]
    pub fn contact(&self) -> Contact {
        Contact {
            phones: self.phones.0.clone(),
            email: self.email.clone(),
            language: self.language,
            quiet: self.quiet,
            channels: self.channels.0.clone(),
        }
    }
}

impl UnitRecord {
    /// A unit with these shifts.
    #[must_use]
    pub fn new(id: UnitId, utc_offset_min: i32, shifts: Shifts) -> Self {
        let (region, enterprise) = owners_of(&id);
        Self { id, region, enterprise, utc_offset_min, shifts, meta: Meta::default() }
    }
}

impl MemberRecord {
    fn key_of(unit: &UnitId, username: &UserName, role: DutyRole) -> String {
        format!("{unit}/{username}/{role}")
    }

    /// A member.
    #[must_use]
    pub fn new(unit: UnitId, username: UserName, role: DutyRole, team: Option<TeamName>) -> Self {
        let id = Self::key_of(&unit, &username, role);
        Self { id, unit, username, role, team, meta: Meta::default() }
    }
}

impl RotationRecord {
    fn key_of(unit: &UnitId, role: DutyRole) -> String {
        format!("{unit}/{role}")
    }

    /// A rotation.
    #[must_use]
    pub fn new(
        unit: UnitId,
        role: DutyRole,
        anchor: LocalDate,
        days: Cycle,
        rest_days: Option<Cycle>,
    ) -> Self {
        let id = Self::key_of(&unit, role);
        Self { id, unit, role, anchor, days, rest_days, meta: Meta::default() }
    }
}

impl DayRecord {
    fn key_of(unit: Option<&UnitId>, date: LocalDate) -> String {
        format!("{}/{date}", unit.map_or("*".to_owned(), ToString::to_string))
    }

    /// A day.
    #[must_use]
    pub fn new(unit: Option<UnitId>, date: LocalDate, kind: DayKind, name: String) -> Self {
        let id = Self::key_of(unit.as_ref(), date);
        Self { id, unit, date, kind, name, meta: Meta::default() }
    }
}

impl SwapRecord {
    fn key_of(
        unit: &UnitId,
        role: DutyRole,
        date: LocalDate,
        shift: &ShiftCode,
        gives: &UserName,
    ) -> String {
        format!("{unit}/{role}/{date}/{shift}/{gives}")
    }

    /// Gives the key that follows from what the swap is about.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.id = Self::key_of(&self.unit, self.role, self.date, &self.shift, &self.gives);
        self
    }
}

impl StandInRecord {
    fn key_of(unit: &UnitId, absent: &UserName, from: UtcMillis) -> String {
        format!("{unit}/{absent}/{}", from.0)
    }

    /// Gives the key that follows from what the stand-in is about.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.id = Self::key_of(&self.unit, &self.absent, self.from_at);
        self
    }
}

/// Whether somebody with this scope may be of a unit: it is their own organisation's, or they are the center's.
#[must_use]
pub fn may_be_of(scope: &Scope, unit: &UnitId) -> bool {
    match (scope, unit) {
        (Scope::Everything, _) => true,
        (Scope::Region(own), UnitId::Region(code)) => own == code,
        (Scope::Enterprise(own), UnitId::Enterprise(code)) => own == code,
        _ => false,
    }
}

/// Whether a change of this table may change who is on duty or how they are reached.
pub(super) fn is_of_duty(table: &str) -> bool {
    table == "users" || table == ContactRecord::TABLE || table.starts_with("duty_")
}

fn owners_of(unit: &UnitId) -> (Option<RegionCode>, Option<EnterpriseCode>) {
    match unit {
        UnitId::Region(code) => (Some(code.clone()), None),
        UnitId::Enterprise(code) => (None, Some(code.clone())),
    }
}

fn key_problem(stated: &str, follows: &str) -> Vec<Problem> {
    let wrong = (stated != follows).then(|| Problem::new("id", format!("must be {follows}")));
    wrong.into_iter().collect()
}

fn too_long(field: &'static str, text: &str) -> Option<Problem> {
    (text.chars().count() > NOTE_MAX)
        .then(|| Problem::new(field, format!("is longer than {NOTE_MAX} characters")))
}

fn twice<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(n, part)| list[..n].contains(part))
}
