//! The pattern of a roster: which shifts there are, and which team has which shift on which day of a cycle.
//!
//! A cycle is counted in calendar days from its anchor, over rest days too: declaring a day a holiday changes that day and
//! moves nobody else's. Each part has a text form, which is what tables of the import and columns of the registry hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::DutyRole;
use crate::ids::{BadId, id_type};
use crate::local_date::LocalDate;

/// Shifts of one unit at most.
pub const SHIFTS_MAX: usize = 12;
/// Days of a cycle at most: a year, the longest roster that is printed.
pub const CYCLE_DAYS_MAX: usize = 366;
/// Teams on one day of a cycle at most.
pub const DAY_PLACES_MAX: usize = 24;

id_type!(
    /// Short name of a shift within its unit: `day`, `n2`.
    ShiftCode, "shift", "1 to 16 lower-case letters, digits and -",
    |t| (1..=16).contains(&t.len())
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

id_type!(
    /// 班组: name of a team within its unit, as people say it: `甲班`, `A`.
    TeamName, "team", "1 to 24 letters, digits, - and _",
    |t| (1..=24).contains(&t.chars().count())
        && t.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
);

/// Time of day as people write it: `08:00`.
#[must_use]
pub fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Minute of the day of `HH:MM`; `None` where that is no time of day.
#[must_use]
pub fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str, below: u16| {
        let good = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u16>().ok().filter(|n| good && *n < below)
    };
    Some(two(hour, 24)? * 60 + two(minute, 60)?)
}

/// 班次: a span of the day that somebody is on duty for. It belongs to the day on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Short name.
    pub code: ShiftCode,
    /// 名称
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Minute of the local day at which it begins.
    pub start_min: u16,
    /// How long, 1 to 1440 minutes; it may cross midnight.
    pub length_min: u16,
}

impl Shift {
    /// A shift from one time of day to another; the same time is 24 hours.
    #[must_use]
    pub fn between(code: ShiftCode, names: (&str, &str), from_min: u16, to_min: u16) -> Self {
        let length = (i32::from(to_min) - i32::from(from_min)).rem_euclid(1_440);
        let length_min = if length == 0 { 1_440 } else { u16::try_from(length).expect("a day") };
        let (name_zh, name_en) = (names.0.to_owned(), names.1.to_owned());
        Self { code, name_zh, name_en, start_min: from_min % 1_440, length_min }
    }

    /// Minute of the day at which it ends.
    #[must_use]
    pub fn end_min(&self) -> u16 {
        (self.start_min + self.length_min) % 1_440
    }
}

fn bad(kind: &'static str, text: &str, rule: &'static str) -> BadId {
    BadId { kind, text: text.to_owned(), rule }
}

/// Shifts of a unit: `day=白班/Day@08:00-20:00;night=夜班/Night@20:00-08:00`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Shifts(pub Vec<Shift>);

impl Shifts {
    /// The shift of a name.
    #[must_use]
    pub fn get(&self, code: &ShiftCode) -> Option<&Shift> {
        self.0.iter().find(|shift| shift.code == *code)
    }
}

impl fmt::Display for Shifts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, shift) in self.0.iter().enumerate() {
            let Shift { code, name_zh, name_en, .. } = shift;
            let (from, to) = (clock(shift.start_min), clock(shift.end_min()));
            let separator = if i == 0 { "" } else { ";" };
            write!(f, "{separator}{code}={name_zh}/{name_en}@{from}-{to}")?;
        }
        Ok(())
    }
}

// As people write it: what changed stands in the audit log.
impl fmt::Debug for Shifts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl FromStr for Shifts {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        const RULE: &str = "CODE=中文/English@HH:MM-HH:MM; each code once, at most 12, the names without ; / and @";
        let mut shifts: Vec<Shift> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let read = || {
                let (code, rest) = part.split_once('=')?;
                let (names, times) = rest.rsplit_once('@')?;
                let (from, to) = times.split_once('-')?;
                let (zh, en) = names.split_once('/').unwrap_or((names, names));
                let (zh, en) = (zh.trim(), en.trim());
                let plain = |name: &str| name.chars().count() <= 32 && !name.contains(['/', '@']);
                let good = !zh.is_empty() && plain(zh) && plain(en);
                let code = ShiftCode::new(code.trim()).ok()?;
                let span = (minute_of(from.trim())?, minute_of(to.trim())?);
                good.then(|| Shift::between(code, (zh, en), span.0, span.1))
            };
            let shift = read().ok_or_else(|| bad("shift", part, RULE))?;
            if shifts.iter().any(|s| s.code == shift.code) || shifts.len() == SHIFTS_MAX {
                return Err(bad("shift", part, RULE));
            }
            shifts.push(shift);
        }
        Ok(Self(shifts))
    }
}

/// Who is on duty on one day of a cycle: a team in a shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The shift.
    pub shift: ShiftCode,
    /// The team that has it.
    pub team: TeamName,
}

/// Days that come again and again: `day:甲,night:乙|day:丙,night:甲|-`. `-` is a day on which nobody is on duty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cycle(pub Vec<Vec<Place>>);

impl Cycle {
    /// What the cycle says for a day, counted from its anchor. Nothing where it has no days.
    #[must_use]
    pub fn on(&self, anchor: LocalDate, date: LocalDate) -> &[Place] {
        let Ok(length) = i64::try_from(self.0.len()) else { return &[] };
        if length == 0 {
            return &[];
        }
        let day = usize::try_from(date.since(anchor).rem_euclid(length)).expect("below its length");
        &self.0[day]
    }

    /// Every place of it.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().flatten()
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, day) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "|" })?;
            for (n, Place { shift, team }) in day.iter().enumerate() {
                write!(f, "{}{shift}:{team}", if n == 0 { "" } else { "," })?;
            }
            if day.is_empty() {
                f.write_str("-")?;
            }
        }
        Ok(())
    }
}

// As people write it: what changed stands in the audit log.
impl fmt::Debug for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl FromStr for Cycle {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        const RULE: &str = "the days of the cycle with | between them, each SHIFT:TEAM,SHIFT:TEAM or - for a day without duty; at most 366 days of 24 teams";
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut days = Vec::new();
        for day in text.split('|').map(str::trim) {
            let mut places: Vec<Place> = Vec::new();
            for place in day.split(',').map(str::trim).filter(|_| day != "-") {
                let read = place.split_once(':').and_then(|(shift, team)| {
                    let shift = ShiftCode::new(shift.trim()).ok()?;
                    Some(Place { shift, team: TeamName::new(team.trim()).ok()? })
                });
                let read = read.ok_or_else(|| bad("cycle", text, RULE))?;
                if places.contains(&read) || places.len() == DAY_PLACES_MAX {
                    return Err(bad("cycle", text, RULE));
                }
                places.push(read);
            }
            days.push(places);
        }
        if days.len() > CYCLE_DAYS_MAX {
            return Err(bad("cycle", text, RULE));
        }
        Ok(Self(days))
    }
}

/// 轮班: how the teams of one duty role take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Whose.
    pub role: DutyRole,
    /// The day on which both cycles are at their first day.
    pub anchor: LocalDate,
    /// Every day, or working days where rest days have a cycle of their own.
    pub days: Cycle,
    /// Weekends and holidays; `None` where the rotation runs through them, as shift work does.
    pub rest_days: Option<Cycle>,
}

/// 节假日与调休: what a day is in spite of its weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// A holiday, or a weekday off in exchange.
    Rest,
    /// A weekend day that is worked in exchange (调休上班).
    Work,
}

impl DayKind {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Work => "work",
        }
    }
}

impl fmt::Display for DayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for DayKind {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        match text {
            "rest" => Ok(Self::Rest),
            "work" => Ok(Self::Work),
            _ => Err(bad("kind of day", text, "rest or work")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_read_as_they_are_written() {
        let text =
            "day=白班/Day@08:00-20:00;night=夜班/Night@20:00-08:00;all=全天/All day@08:30-08:30";
        let shifts: Shifts = text.parse().unwrap();
        let lengths: Vec<_> = shifts.0.iter().map(|s| (s.start_min, s.length_min)).collect();
        assert_eq!(lengths, [(480, 720), (1_200, 720), (510, 1_440)]);
        assert_eq!(shifts.to_string(), text);
        assert_eq!("".parse(), Ok(Shifts::default()));
        for wrong in [
            "day",
            "day=白班",
            "day=白班/Day@8:00-20:00",
            "day=白班/Day@08:00-24:00",
            "Day=白班/Day@08:00-20:00",
            "day=/Day@08:00-20:00",
            "day=白@班/Day@08:00-20:00",
            "day=白班/D/ay@08:00-20:00",
            "day=白班/Day@08:00-20:00;day=夜班/Night@20:00-08:00",
        ] {
            let error = wrong.parse::<Shifts>().unwrap_err().to_string();
            assert!(error.contains("HH:MM"), "{wrong}: {error}");
        }
        let many = |n: usize| {
            (0..n).map(|i| format!("s{i}=班/S@08:00-20:00")).collect::<Vec<_>>().join(";")
        };
        assert!(many(SHIFTS_MAX).parse::<Shifts>().is_ok());
        assert!(many(SHIFTS_MAX + 1).parse::<Shifts>().is_err());
    }

    #[test]
    fn a_cycle_comes_again_before_and_after_its_anchor() {
        let text = "day:甲,night:乙|-|day:丙";
        let cycle: Cycle = text.parse().unwrap();
        assert_eq!(cycle.to_string(), text);
        let anchor = LocalDate::new(2028, 2, 28).unwrap();
        let teams = |days: i64| {
            let on = cycle.on(anchor, anchor.plus(days)).iter();
            on.map(|place| place.team.to_string()).collect::<String>()
        };
        for (days, expected) in
            [(0, "甲乙"), (1, ""), (2, "丙"), (3, "甲乙"), (-1, "丙"), (-3, "甲乙"), (300, "甲乙")]
        {
            assert_eq!(teams(days), expected, "{days}");
        }
        assert!(Cycle::default().on(anchor, anchor).is_empty());
        for wrong in ["|", "day", "day:", ":甲", "day:甲,", "day:甲,day:甲", "day:甲 乙"] {
            assert!(wrong.parse::<Cycle>().is_err(), "{wrong}");
        }
        let long = |n: usize| vec!["-"; n].join("|");
        assert!(long(CYCLE_DAYS_MAX).parse::<Cycle>().is_ok());
        assert!(long(CYCLE_DAYS_MAX + 1).parse::<Cycle>().is_err());
    }
}
