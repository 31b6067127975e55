//! Duty as tables: contacts, units, members, rotations, days, swaps and stand-ins, in and out.
//!
//! People themselves never go out, so these tables name users that the other center must have already. Times of a stand-in are
//! written by the clock of its unit, as people write them.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anlan_domain::local_date::LocalDate;
use anlan_domain::roster::UnitId;
use anlan_domain::roster::contact::Language;
use anlan_domain::time::UtcMillis;

use super::export::{table, text};
use super::plant::{Known, META, file_of};
use super::table::{self as csv, Problems, Row};
use super::{ExportError, ImportError, Writer, not_seen_in_files};
use crate::registry::duty::{
    ContactRecord, DayRecord, MemberRecord, RotationRecord, StandInRecord, SwapRecord, UnitRecord,
};
use crate::registry::record::{self, Record};
use crate::registry::{Change, RegistryError};
use crate::sql::Connection;

const CONTACTS: &[&str] = &["username", "phones", "email", "language", "quiet", "channels"];
const UNITS: &[&str] = &["id", "utc_offset_min", "shifts"];
const MEMBERS: &[&str] = &["unit", "username", "role", "team"];
const ROTATIONS: &[&str] = &["unit", "role", "anchor", "days", "rest_days"];
const DAYS: &[&str] = &["unit", "date", "kind", "name"];
const SWAPS: &[&str] =
    &["unit", "role", "date", "shift", "gives", "takes", "back_date", "back_shift", "note"];
const STAND_INS: &[&str] = &["unit", "absent", "deputy", "from", "until", "note"];

/// What the files say about duty.
#[derive(Default)]
pub(super) struct Tables {
    contacts: Vec<ContactRecord>,
    units: Vec<UnitRecord>,
    members: Vec<MemberRecord>,
    rotations: Vec<RotationRecord>,
    days: Vec<DayRecord>,
    swaps: Vec<SwapRecord>,
    stand_ins: Vec<StandInRecord>,
}

impl Tables {
    pub(super) fn len(&self) -> usize {
        self.contacts.len()
            + self.units.len()
            + self.members.len()
            + self.rotations.len()
            + self.days.len()
            + self.swaps.len()
            + self.stand_ins.len()
    }

    /// Units that these rows are about.
    fn touched(&self) -> BTreeSet<&UnitId> {
        let own = self.units.iter().map(|unit| &unit.id);
        own.chain(self.members.iter().map(|row| &row.unit))
            .chain(self.rotations.iter().map(|row| &row.unit))
            .collect()
    }
}

/// A minute by a unit's clock: `2026-11-25 08:00`.
#[derive(Clone, Copy)]
struct LocalMinute {
    date: LocalDate,
    minute: i64,
}

impl LocalMinute {
    fn of(at: UtcMillis, utc_offset_min: i32) -> Self {
        let date = LocalDate::of(at, utc_offset_min);
        Self { date, minute: at.since(date.at(0, utc_offset_min)) / 60_000 }
    }

    fn at(self, utc_offset_min: i32) -> UtcMillis {
        self.date.at(self.minute, utc_offset_min)
    }
}

impl fmt::Display for LocalMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:02}:{:02}", self.date, self.minute / 60, self.minute % 60)
    }
}

impl FromStr for LocalMinute {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let two = |part: &str, below: i64| {
            let good = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<i64>().ok().filter(|n| good && *n < below)
        };
        let read = || {
            let (date, time) = text.split_once(' ')?;
            let (hour, minute) = time.split_once(':')?;
            let minute = two(hour, 24)? * 60 + two(minute, 60)?;
            Some(Self { date: date.parse().ok()?, minute })
        };
        read().ok_or_else(|| {
            format!("{text:?} is no time: YYYY-MM-DD HH:MM, by the clock of the unit")
        })
    }
}

/// Reads the tables that are there and checks each row by itself and in what it refers to.
pub(super) async fn read(
    dir: &Path,
    change: &mut Change<'_>,
    known: &mut Known,
    problems: &mut Problems,
) -> Result<Tables, RegistryError> {
    known.from::<UnitRecord>(change).await?;
    let mut offsets: HashMap<UnitId, i32> = HashMap::new();
    for unit in record::all::<UnitRecord>(change.on()).await? {
        offsets.insert(unit.id, unit.utc_offset_min);
    }
    let units = rows(dir, "duty_units.csv", UNITS, known, problems, |row| {
        let (id, offset, shifts) =
            (row.need("id"), row.need("utc_offset_min"), row.maybe("shifts"));
        Some(UnitRecord::new(id?, offset?, shifts?.unwrap_or_default()))
    });
    for unit in &units {
        known.add(UnitRecord::TABLE, &unit.key());
        offsets.insert(unit.id.clone(), unit.utc_offset_min);
    }
    let contacts = rows(dir, "contacts.csv", CONTACTS, known, problems, |row| {
        let (phones, email, language) =
            (row.maybe("phones"), row.maybe("email"), row.maybe("language"));
        let (quiet, channels) = (row.maybe("quiet"), row.maybe("channels"));
        Some(ContactRecord {
            username: row.need("username")?,
            phones: phones?.unwrap_or_default(),
            email: email?,
            language: language?.unwrap_or(Language::Chinese),
            quiet: quiet?,
            channels: channels?.unwrap_or_default(),
            meta: META,
        })
    });
    let members = rows(dir, "duty_members.csv", MEMBERS, known, problems, |row| {
        let (unit, person, role) = (row.need("unit"), row.need("username"), row.need("role"));
        Some(MemberRecord::new(unit?, person?, role?, row.maybe("team")?))
    });
    let rotations = rows(dir, "duty_rotations.csv", ROTATIONS, known, problems, |row| {
        let (unit, role, anchor) = (row.need("unit"), row.need("role"), row.need("anchor"));
        let (days, rest) = (row.need("days"), row.maybe("rest_days"));
        Some(RotationRecord::new(unit?, role?, anchor?, days?, rest?))
    });
    let days = rows(dir, "duty_days.csv", DAYS, known, problems, |row| {
        let (unit, date, kind) = (row.maybe("unit"), row.need("date"), row.need("kind"));
        Some(DayRecord::new(unit?, date?, kind?, row.text("name")))
    });
    let swaps = rows(dir, "duty_swaps.csv", SWAPS, known, problems, |row| {
        let (unit, role, date) = (row.need("unit"), row.need("role"), row.need("date"));
        let (shift, gives, takes) = (row.need("shift"), row.need("gives"), row.need("takes"));
        let (back_date, back_shift) = (row.maybe("back_date"), row.maybe("back_shift"));
        let swap = SwapRecord {
            id: String::new(),
            unit: unit?,
            role: role?,
            date: date?,
            shift: shift?,
            gives: gives?,
            takes: takes?,
            back_date: back_date?,
            back_shift: back_shift?,
            note: row.text("note"),
            meta: META,
        };
        Some(swap.keyed())
    });
    let stand_ins = rows(dir, "duty_stand_ins.csv", STAND_INS, known, problems, |row| {
        let (unit, absent, deputy) =
            (row.need::<UnitId>("unit"), row.need("absent"), row.need("deputy"));
        let (from, until) = (row.need::<LocalMinute>("from"), row.need::<LocalMinute>("until"));
        let unit = unit?;
        // Of a unit that is not there the reference is refused below.
        let offset = offsets.get(&unit).copied().unwrap_or_default();
        let stand_in = StandInRecord {
            id: String::new(),
            unit,
            absent: absent?,
            deputy: deputy?,
            from_at: from?.at(offset),
            until_at: until?.at(offset),
            note: row.text("note"),
            meta: META,
        };
        Some(stand_in.keyed())
    });
    Ok(Tables { contacts, units, members, rotations, days, swaps, stand_ins })
}

fn rows<R: Record>(
    dir: &Path,
    file: &'static str,
    columns: &[&str],
    known: &Known,
    problems: &mut Problems,
    each: impl FnMut(&mut Row<'_>) -> Option<R>,
) -> Vec<R> {
    let table = csv::read(dir, file, columns, &[], problems);
    let read = table.each(problems, each);
    let mut lines: HashMap<String, u64> = HashMap::new();
    for (line, row) in &read {
        if let Some(first) = lines.insert(row.key(), *line) {
            problems.add(file, *line, columns[0], format!("says what line {first} says already"));
        }
        for problem in row.check() {
            problems.add(file, *line, problem.field, problem.why);
        }
        for (column, table, key) in row.references() {
            if known.has(table, &key) {
                continue;
            }
            let why = if table == "users" {
                format!("there is no user {key}; add the user first, or take the line out")
            } else {
                format!("{key} is neither in {} nor in the registry", file_of(table))
            };
            problems.add(file, *line, column, why);
        }
    }
    read.into_iter().map(|(_, row)| row).collect()
}

/// Writes what was read, and looks at every unit as a whole then.
pub(super) async fn write(
    writer: &mut Writer<'_, '_, '_>,
    tables: &Tables,
) -> Result<(), ImportError> {
    writer.put(&tables.contacts).await?;
    writer.put(&tables.units).await?;
    writer.put(&tables.members).await?;
    writer.put(&tables.rotations).await?;
    writer.put(&tables.days).await?;
    writer.put(&tables.swaps).await?;
    writer.put(&tables.stand_ins).await?;
    for unit in tables.touched() {
        writer.change.check_duty_unit(unit).await.map_err(not_seen_in_files)?;
    }
    Ok(())
}

/// Writes every table.
pub(super) async fn export(dir: &Path, on: &mut dyn Connection) -> Result<(), ExportError> {
    table(dir, "contacts.csv", CONTACTS, record::all::<ContactRecord>(on).await?, |c| {
        vec![
            c.username.to_string(),
            c.phones.to_string(),
            text(c.email),
            c.language.to_string(),
            text(c.quiet),
            c.channels.to_string(),
        ]
    })?;
    let units = record::all::<UnitRecord>(on).await?;
    let offsets: HashMap<UnitId, i32> =
        units.iter().map(|unit| (unit.id.clone(), unit.utc_offset_min)).collect();
    table(dir, "duty_units.csv", UNITS, units, |u| {
        vec![u.id.to_string(), u.utc_offset_min.to_string(), u.shifts.to_string()]
    })?;
    table(dir, "duty_members.csv", MEMBERS, record::all::<MemberRecord>(on).await?, |m| {
        vec![m.unit.to_string(), m.username.to_string(), m.role.to_string(), text(m.team)]
    })?;
    table(dir, "duty_rotations.csv", ROTATIONS, record::all::<RotationRecord>(on).await?, |r| {
        vec![
            r.unit.to_string(),
            r.role.to_string(),
            r.anchor.to_string(),
            r.days.to_string(),
            text(r.rest_days),
        ]
    })?;
    table(dir, "duty_days.csv", DAYS, record::all::<DayRecord>(on).await?, |d| {
        vec![text(d.unit), d.date.to_string(), d.kind.to_string(), d.name]
    })?;
    table(dir, "duty_swaps.csv", SWAPS, record::all::<SwapRecord>(on).await?, |s| {
        vec![
            s.unit.to_string(),
            s.role.to_string(),
            s.date.to_string(),
            s.shift.to_string(),
            s.gives.to_string(),
            s.takes.to_string(),
            text(s.back_date),
            text(s.back_shift),
            s.note,
        ]
    })?;
    table(dir, "duty_stand_ins.csv", STAND_INS, record::all::<StandInRecord>(on).await?, |s| {
        let offset = offsets.get(&s.unit).copied().unwrap_or_default();
        vec![
            s.unit.to_string(),
            s.absent.to_string(),
            s.deputy.to_string(),
            LocalMinute::of(s.from_at, offset).to_string(),
            LocalMinute::of(s.until_at, offset).to_string(),
            s.note,
        ]
    })
}
