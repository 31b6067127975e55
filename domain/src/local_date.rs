//! Days of a local calendar: what a roster is written in.
//!
//! The only rule that is needed is that of the Gregorian calendar; where a day begins is the caller's offset from UTC. China has
//! one offset (UTC+8) and no summer time, so a day always has 24 hours here. Instants stay [`UtcMillis`] everywhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::UtcMillis;

/// Minutes of a day.
pub const DAY_MIN: i64 = 24 * 60;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = DAY_MIN * MINUTE_MS;

/// Years that can be written: what is read from a form or a table must lie in them.
pub const YEARS: std::ops::RangeInclusive<i64> = 1970..=2999;

/// A day of the Gregorian calendar, counted from 1970-01-01. Written `2026-11-25`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalDate(i64);

/// Why a text is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date: YYYY-MM-DD, from 1970 to 2999")]
pub struct BadDate(pub String);

impl LocalDate {
    /// The day of this year, month (1 to 12) and day of the month; `None` where there is none, such as 29 February 2027.
    #[must_use]
    pub fn new(year: i64, month: u32, day: u32) -> Option<Self> {
        let good = YEARS.contains(&year) && (1..=12).contains(&month);
        if !good || day < 1 || day > days_in(year, month) {
            return None;
        }
        // Years counted from March, so that the leap day is the last one (H. Hinnant, “days from civil”).
        let (month, day) = (i64::from(month), i64::from(day));
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        Some(Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468))
    }

    /// The local day of an instant, by a clock that is `utc_offset_min` minutes ahead of UTC.
    #[must_use]
    pub fn of(at: UtcMillis, utc_offset_min: i32) -> Self {
        Self(at.plus(i64::from(utc_offset_min) * MINUTE_MS).0.div_euclid(DAY_MS))
    }

    /// The instant at which `minute` of this day comes, by that clock. The minute may lie past the day's end.
    #[must_use]
    pub fn at(self, minute: i64, utc_offset_min: i32) -> UtcMillis {
        let minutes = minute - i64::from(utc_offset_min);
        UtcMillis(self.0.saturating_mul(DAY_MS)).plus(minutes.saturating_mul(MINUTE_MS))
    }

    /// The day `days` later; earlier where that is negative.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Days from `earlier` to this one; negative when this is the earlier one.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Day of the week: 0 is Monday, 6 Sunday.
    #[must_use]
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.0.rem_euclid(7) + 3) % 7).expect("below 7")
    }

    /// Year, month and day of the month.
    #[must_use]
    pub fn parts(self) -> (i64, u32, u32) {
        // Far outside of YEARS only where an instant is; kept from overflowing there.
        let days = self.0.clamp(-1 << 48, 1 << 48) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = (from_march + 2) % 12 + 1;
        let year = era * 400 + year + i64::from(month <= 2);
        let small = |n: i64| u32::try_from(n).expect("months and days are small");
        (year, small(month), small(day))
    }
}

fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for LocalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

// Logs and the audit of changes speak of days, not of counts.
impl fmt::Debug for LocalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LocalDate {
    type Err = BadDate;
    fn from_str(text: &str) -> Result<Self, BadDate> {
        let digits = |part: &str, count: usize| {
            (part.len() == count && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())
                .flatten()
        };
        let mut parts = text.split('-');
        let date = (|| {
            let year = digits(parts.next()?, 4)?;
            let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
            if parts.next().is_some() { None } else { Self::new(year.into(), month, day) }
        })();
        date.ok_or_else(|| BadDate(text.to_owned()))
    }
}

impl TryFrom<String> for LocalDate {
    type Error = BadDate;
    fn try_from(text: String) -> Result<Self, BadDate> {
        text.parse()
    }
}

impl From<LocalDate> for String {
    fn from(date: LocalDate) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_from_1970_to_2999_follows_the_one_before() {
        let mut expected = LocalDate::new(1970, 1, 1).unwrap();
        let mut weekday = 3;
        for year in YEARS {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    let date = LocalDate::new(year, month, day).unwrap();
                    assert_eq!(date, expected);
                    assert_eq!(date.parts(), (year, month, day));
                    assert_eq!(date.weekday(), weekday, "{date}");
                    (expected, weekday) = (expected.plus(1), (weekday + 1) % 7);
                }
            }
        }
    }

    #[test]
    fn leap_years_have_their_day_and_others_do_not() {
        for (text, good) in [
            ("2028-02-29", true),
            ("2000-02-29", true),
            ("2027-02-29", false),
            ("2100-02-29", false),
            ("2026-04-31", false),
            ("2026-13-01", false),
            ("2026-00-01", false),
            ("2026-1-1", false),
            ("26-01-01", false),
            ("2026-01-01-", false),
            ("+026-01-01", false),
            ("1969-12-31", false),
            ("3000-01-01", false),
            ("", false),
        ] {
            let read: Result<LocalDate, _> = text.parse();
            assert_eq!(read.is_ok(), good, "{text}");
            assert_eq!(read.map_or(text.to_owned(), |date| date.to_string()), text);
        }
    }

    #[test]
    fn a_day_begins_by_its_own_clock() {
        let midnight_in_china = LocalDate::new(2026, 11, 25).unwrap().at(0, 480);
        assert_eq!(midnight_in_china, UtcMillis(1_795_536_000_000));
        assert_eq!(LocalDate::of(midnight_in_china, 480).to_string(), "2026-11-25");
        assert_eq!(LocalDate::of(midnight_in_china.plus(-1), 480).to_string(), "2026-11-24");
        assert_eq!(LocalDate::of(midnight_in_china, 0).to_string(), "2026-11-24");
    }

    #[test]
    fn the_ends_of_time_are_days_too() {
        for at in [UtcMillis(i64::MIN), UtcMillis(i64::MAX)] {
            for offset in [-1439, 0, 1439] {
                let date = LocalDate::of(at, offset);
                assert!(!date.to_string().is_empty() && date.weekday() < 7);
                assert!(!date.at(1_439, offset).0.to_string().is_empty());
            }
        }
    }
}
