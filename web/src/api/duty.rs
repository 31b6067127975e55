//! Duty: who is on duty at the units in scope, their rosters, and how one is reached oneself.

use std::collections::BTreeMap;
use std::fmt::Display;

use anlan_domain::ids::{BadId, UserName};
use anlan_domain::local_date::LocalDate;
use anlan_domain::region::RegionLevel;
use anlan_domain::roster::book::{Gap, Person};
use anlan_domain::roster::pattern::{
    Cycle, DayKind, Place, Shift, ShiftCode, Shifts, TeamName, clock, minute_of,
};
use anlan_domain::roster::{CHINA_OFFSET_MIN, DutyRole, DutyUnit, UnitId};
use anlan_domain::time::UtcMillis;
use anlan_store::registry::Expected;
use anlan_store::registry::duty::{
    ContactRecord, DayRecord, Duties, List, MemberRecord, Plan, RotationRecord, StandInRecord,
    SwapRecord, UnitParts, UnitRecord,
};
use anlan_store::registry::record::Meta;
use http::StatusCode;
use serde::Deserialize;

use super::{VersionQuery, expected, field};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::Names;
use crate::views::duty::{
    CalendarInput, Candidate, ContactBody, DayBody, DutyBody, DutyNow, DutyPerson, GapBody,
    MemberBody, PlaceBody, PlanInput, RotationBody, ShiftBody, StandInBody, StandInInput,
    StretchBody, SwapBody, SwapInput, UnitBody, UnitDetail,
};

/// How far the list looks for who comes next.
const NEXT_DAYS: i64 = 7;
/// How far ahead gaps are told.
const GAPS_MS: i64 = 14 * 86_400_000;
const GAPS_MAX: usize = 5;
/// Longest period whose shifts are read at once: a month with the weeks around it.
const PERIOD_DAYS_MAX: i64 = 62;

type People = BTreeMap<UserName, Person>;

/// `GET /duty-units`
pub async fn list(call: Call) -> Answer {
    let duties = call.duties().await?;
    let mut items = Vec::with_capacity(duties.units.len());
    let enterprises = call.registry()?.enterprises(&Default::default()).await?;
    let regions = call.registry()?.regions().await?;
    let mut names: BTreeMap<String, Names> = BTreeMap::new();
    names.extend(enterprises.iter().map(|e| {
        (UnitId::Enterprise(e.code.clone()).to_string(), Names::of(&e.name_zh, &e.name_en))
    }));
    names.extend(
        regions.iter().map(|r| {
            (UnitId::Region(r.code.clone()).to_string(), Names::of(&r.name_zh, &r.name_en))
        }),
    );
    for (id, parts) in &duties.units {
        let name = names.get(&id.to_string()).cloned().unwrap_or_default();
        items.push(unit_body(&call, &parts.unit(&duties.days), name, &duties.people));
    }
    Reply::page(&items, None)
}

/// `GET /duty-units/{id}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &call.id("id")?).await
}

async fn shown(call: &Call, id: &UnitId) -> Answer {
    let (duties, name) = call.duties_of(id).await?;
    let parts = duties.units.get(id);
    let unit = parts.map_or_else(|| DutyUnit::new(id.clone()), |p| p.unit(&duties.days));
    let mut detail = UnitDetail {
        unit: unit_body(call, &unit, name, &duties.people),
        version: 0,
        utc_offset_min: CHINA_OFFSET_MIN,
        shifts: Vec::new(),
        staff: Vec::new(),
        rotations: Vec::new(),
        days: Vec::new(),
        common_days: duties.days.iter().map(day_body).collect(),
        swaps: Vec::new(),
        stand_ins: Vec::new(),
        empty_teams: Vec::new(),
        gaps: Vec::new(),
        candidates: Vec::new(),
    };
    if let Some(parts) = parts {
        fill(&mut detail, parts, &duties);
    }
    for rotation in &unit.rotations {
        let role = rotation.role;
        detail.empty_teams.extend(unit.empty_teams(role).iter().map(ToString::to_string));
        let now = call.now();
        let gaps = unit.gaps(now, now.plus(GAPS_MS), role, GAPS_MAX);
        detail.gaps.extend(gaps.into_iter().map(|(from, until)| GapBody {
            role: role.code(),
            from: from.0,
            until: until.0,
        }));
    }
    if call.keeps_duty(id) {
        let candidates = call.duty_candidates(id).await?.into_iter();
        detail.candidates = candidates
            .map(|(username, name)| Candidate { username: username.to_string(), name })
            .collect();
    }
    Reply::json(&detail)
}

fn fill(detail: &mut UnitDetail, parts: &UnitParts, duties: &Duties) {
    let UnitParts { record, members, rotations, days, swaps, stand_ins } = parts;
    detail.version = record.meta.version;
    detail.utc_offset_min = record.utc_offset_min;
    let shift = |s: &Shift| ShiftBody {
        code: s.code.to_string(),
        name: Names::of(&s.name_zh, &s.name_en),
        from: clock(s.start_min),
        to: clock(s.end_min()),
    };
    detail.shifts = record.shifts.0.iter().map(shift).collect();
    let member = |m: &MemberRecord| MemberBody {
        person: person(&duties.people, &m.username),
        role: m.role.code(),
        team: m.team.as_ref().map(ToString::to_string),
    };
    detail.staff = members.iter().map(member).collect();
    let rotation = |r: &RotationRecord| RotationBody {
        role: r.role.to_string(),
        anchor: r.anchor.to_string(),
        days: cycle_body(&r.days),
        rest_days: r.rest_days.as_ref().map(cycle_body),
    };
    detail.rotations = rotations.iter().map(rotation).collect();
    detail.days = days.iter().map(day_body).collect();
    let swap = |s: &SwapRecord| SwapBody {
        id: s.id.clone(),
        role: s.role.code(),
        date: s.date.to_string(),
        shift: s.shift.to_string(),
        gives: s.gives.to_string(),
        takes: s.takes.to_string(),
        back_date: s.back_date.map(|date| date.to_string()),
        back_shift: s.back_shift.as_ref().map(ToString::to_string),
        note: s.note.clone(),
        version: s.meta.version,
    };
    detail.swaps = swaps.iter().map(swap).collect();
    let stand_in = |s: &StandInRecord| StandInBody {
        id: s.id.clone(),
        absent: s.absent.to_string(),
        deputy: s.deputy.to_string(),
        from: s.from_at.0,
        until: s.until_at.0,
        note: s.note.clone(),
        version: s.meta.version,
    };
    detail.stand_ins = stand_ins.iter().map(stand_in).collect();
}

fn unit_body(call: &Call, unit: &DutyUnit, name: Names, people: &People) -> UnitBody {
    let at = call.now();
    let mut members: Vec<&UserName> = unit.members.iter().map(|m| &m.username).collect();
    members.sort();
    members.dedup();
    let has = |role: DutyRole| {
        unit.members.iter().any(|m| m.role == role) || unit.rotations.iter().any(|r| r.role == role)
    };
    let now = |role: DutyRole| {
        let on_duty = unit.on_duty(at, role);
        let gap = if !on_duty.is_empty() {
            None
        } else if members.is_empty() {
            Some(Gap::NoMembers)
        } else if unit.rotations.iter().any(|r| r.role == role) {
            Some(Gap::NobodyNow)
        } else {
            Some(Gap::NoRotation)
        };
        DutyNow {
            role: role.code(),
            people: on_duty.iter().map(|who| person(people, who)).collect(),
            until: unit.next_change_within(at, role, NEXT_DAYS).map(|next| next.0),
            gap: gap.map(Gap::code),
        }
    };
    UnitBody {
        id: unit.id.to_string(),
        name,
        level: level_of(&unit.id),
        members: members.len(),
        now: DutyRole::ALL
            .iter()
            .map(|(role, _)| *role)
            .filter(|role| has(*role))
            .map(now)
            .collect(),
        editable: call.keeps_duty(&unit.id),
    }
}

fn level_of(id: &UnitId) -> &'static str {
    match id {
        UnitId::Enterprise(_) => "enterprise",
        UnitId::Region(code) => match code.level() {
            RegionLevel::Province => "province",
            RegionLevel::City => "city",
            RegionLevel::County => "county",
            RegionLevel::Park => "park",
        },
    }
}

fn person(people: &People, who: &UserName) -> DutyPerson {
    let known = people.get(who);
    let contact = known.map(|person| &person.contact);
    DutyPerson {
        username: who.to_string(),
        name: known.map_or_else(|| who.to_string(), |person| person.name.clone()),
        phones: contact
            .map(|c| c.phones.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        email: contact.and_then(|c| c.email.as_ref()).map(ToString::to_string),
    }
}

fn day_body(day: &DayRecord) -> DayBody {
    DayBody { date: day.date.to_string(), kind: day.kind.to_string(), name: day.name.clone() }
}

fn cycle_body(cycle: &Cycle) -> Vec<Vec<PlaceBody>> {
    let place = |p: &Place| PlaceBody { shift: p.shift.to_string(), team: p.team.to_string() };
    cycle.0.iter().map(|day| day.iter().map(place).collect()).collect()
}

#[derive(Deserialize)]
struct Period {
    from: i64,
    to: i64,
}

/// `GET /duty-units/{id}/shifts`
pub async fn shifts(call: Call) -> Answer {
    let id: UnitId = call.id("id")?;
    let (duties, _) = call.duties_of(&id).await?;
    let Period { from, to } = call.query()?;
    let unit = duties.units.get(&id);
    let unit = unit.map_or_else(|| DutyUnit::new(id.clone()), |parts| parts.unit(&duties.days));
    let first = LocalDate::of(UtcMillis(from), unit.utc_offset_min);
    let end = LocalDate::of(UtcMillis(to.saturating_sub(1)), unit.utc_offset_min);
    let days = end.since(first).saturating_add(1);
    if !(1..=PERIOD_DAYS_MAX).contains(&days) {
        let words = format!("From 1 to {PERIOD_DAYS_MAX} days, and the end after the beginning");
        return Err(Problem::bad_request("to", words));
    }
    let by_rotation = DutyUnit { swaps: Vec::new(), stand_ins: Vec::new(), ..unit.clone() };
    let mut items = Vec::new();
    for date in (0..days).map(|day| first.plus(day)) {
        for (role, _) in DutyRole::ALL {
            let planned = by_rotation.duties(date, role);
            for (duty, planned) in unit.duties(date, role).into_iter().zip(planned) {
                let stretches = unit.stretches(&duty);
                let changed = stretches.iter().any(|s| s.people != planned.people);
                let named = |who: &UserName| {
                    let DutyPerson { username, name, .. } = person(&duties.people, who);
                    Candidate { username, name }
                };
                items.push(DutyBody {
                    role: role.code(),
                    date: date.to_string(),
                    rest: unit.is_rest_day(date),
                    shift: duty.slot.shift.to_string(),
                    team: duty.team.to_string(),
                    from: duty.from.0,
                    until: duty.until.0,
                    stretches: stretches
                        .iter()
                        .map(|s| StretchBody {
                            from: s.from.0,
                            until: s.until.0,
                            people: s.people.iter().map(named).collect(),
                        })
                        .collect(),
                    changed,
                });
            }
        }
    }
    Reply::page(&items, None)
}

fn refused(name: &'static str, why: impl Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", why.to_string()).field(name)
}

fn read<T: std::str::FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, Problem> {
    field(name, text.trim(), str::parse)
}

fn read_maybe<T: std::str::FromStr<Err: Display>>(
    name: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(|text| read(name, text)).transpose()
}

fn shift_of(body: &ShiftBody) -> Result<Shift, Problem> {
    let time = |text: &str| {
        minute_of(text)
            .ok_or_else(|| refused("shifts", format!("{text:?} is no time of day: HH:MM")))
    };
    let (zh, en) = (body.name.zh.trim(), body.name.en.trim());
    let en = if en.is_empty() { zh } else { en };
    let code = read::<ShiftCode>("shifts", &body.code)?;
    Ok(Shift::between(code, (zh, en), time(&body.from)?, time(&body.to)?))
}

/// What can be written must be what is read again: so the limits of the text form hold for what comes as JSON.
fn as_written<T>(name: &'static str, value: T) -> Result<T, Problem>
where
    T: Display + PartialEq + std::str::FromStr<Err = BadId>,
{
    let again: T = field(name, &value.to_string(), str::parse)?;
    if again == value { Ok(value) } else { Err(refused(name, "a name holds one of ; / @ =")) }
}

fn cycle_of(body: &[Vec<PlaceBody>]) -> Result<Cycle, Problem> {
    let place = |p: &PlaceBody| {
        let shift = read("rotations", &p.shift)?;
        Ok(Place { shift, team: read::<TeamName>("rotations", &p.team)? })
    };
    let day = |day: &Vec<PlaceBody>| day.iter().map(place).collect::<Result<Vec<_>, Problem>>();
    as_written("rotations", Cycle(body.iter().map(day).collect::<Result<_, _>>()?))
}

fn day_of(unit: Option<&UnitId>, body: &DayBody) -> Result<DayRecord, Problem> {
    let kind: DayKind = read("days", &body.kind)?;
    Ok(DayRecord::new(unit.cloned(), read("days", &body.date)?, kind, body.name.trim().to_owned()))
}

/// Version 0 is what was read where there was nothing.
fn since(version: u32) -> Expected {
    if version == 0 { Expected::New } else { Expected::Version(version) }
}

/// `PUT /duty-units/{id}`
pub async fn put(call: Call) -> Answer {
    let id: UnitId = call.id("id")?;
    let input: PlanInput = call.json()?;
    let shifts = input.shifts.iter().map(shift_of).collect::<Result<_, _>>()?;
    let shifts = as_written("shifts", Shifts(shifts))?;
    let mut plan = Plan {
        unit: UnitRecord::new(id.clone(), input.utc_offset_min, shifts),
        members: Vec::new(),
        rotations: Vec::new(),
        days: Vec::new(),
    };
    for member in &input.staff {
        let role: DutyRole = read("staff", &member.role)?;
        let team = read_maybe("staff", member.team.as_deref())?;
        let username = read("staff", &member.username)?;
        plan.members.push(MemberRecord::new(id.clone(), username, role, team));
    }
    for rotation in &input.rotations {
        let rest = rotation.rest_days.as_deref().map(cycle_of).transpose()?;
        let (role, anchor) =
            (read("rotations", &rotation.role)?, read("rotations", &rotation.anchor)?);
        let days = cycle_of(&rotation.days)?;
        plan.rotations.push(RotationRecord::new(id.clone(), role, anchor, days, rest));
    }
    for day in &input.days {
        plan.days.push(day_of(Some(&id), day)?);
    }
    call.put_duty_plan(&plan, since(input.version)).await?;
    shown(&call, &id).await
}

/// `DELETE /duty-units/{id}`
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    call.delete_duty_unit(&call.id("id")?, expected).await?;
    Ok(Reply::nothing())
}

/// `POST /duty-units/{id}/swaps`
pub async fn swap(call: Call) -> Answer {
    let unit: UnitId = call.id("id")?;
    let input: SwapInput = call.json()?;
    let swap = SwapRecord {
        id: String::new(),
        unit: unit.clone(),
        role: read("role", &input.role)?,
        date: read("date", &input.date)?,
        shift: read("shift", &input.shift)?,
        gives: read("gives", &input.gives)?,
        takes: read("takes", &input.takes)?,
        back_date: read_maybe("back_date", input.back_date.as_deref())?,
        back_shift: read_maybe("back_shift", input.back_shift.as_deref())?,
        note: input.note.trim().to_owned(),
        meta: Meta::default(),
    };
    call.put_swap(&swap.keyed()).await?;
    shown(&call, &unit).await
}

/// `POST /duty-units/{id}/stand-ins`
pub async fn stand_in(call: Call) -> Answer {
    let unit: UnitId = call.id("id")?;
    let input: StandInInput = call.json()?;
    let stand_in = StandInRecord {
        id: String::new(),
        unit: unit.clone(),
        absent: read("absent", &input.absent)?,
        deputy: read("deputy", &input.deputy)?,
        from_at: UtcMillis(input.from),
        until_at: UtcMillis(input.until),
        note: input.note.trim().to_owned(),
        meta: Meta::default(),
    };
    call.put_stand_in(&stand_in.keyed()).await?;
    shown(&call, &unit).await
}

/// `DELETE /duty-swaps/{id}`
pub async fn delete_swap(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    call.delete_exception::<SwapRecord>(call.param("id"), expected).await?;
    Ok(Reply::nothing())
}

/// `DELETE /duty-stand-ins/{id}`
pub async fn delete_stand_in(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    call.delete_exception::<StandInRecord>(call.param("id"), expected).await?;
    Ok(Reply::nothing())
}

/// `GET /duty-calendar`
pub async fn calendar(call: Call) -> Answer {
    let days: Vec<DayBody> = call.common_duty_days().await?.iter().map(day_body).collect();
    Reply::page(&days, None)
}

/// `PUT /duty-calendar`
pub async fn put_calendar(call: Call) -> Answer {
    let input: CalendarInput = call.json()?;
    let days = input.days.iter().map(|day| day_of(None, day)).collect::<Result<Vec<_>, _>>()?;
    call.put_common_days(&days).await?;
    Ok(Reply::nothing())
}

fn contact_body(contact: &ContactRecord) -> ContactBody {
    ContactBody {
        phones: contact.phones.0.iter().map(ToString::to_string).collect(),
        email: contact.email.as_ref().map(ToString::to_string),
        language: contact.language.to_string(),
        quiet: contact.quiet.map(|quiet| quiet.to_string()),
        channels: contact.channels.0.iter().map(ToString::to_string).collect(),
        version: contact.meta.version,
    }
}

/// `GET /contact`
pub async fn contact(call: Call) -> Answer {
    Reply::json(&contact_body(&call.contact().await?))
}

/// `PUT /contact`
pub async fn put_contact(call: Call) -> Answer {
    let input: ContactBody = call.json()?;
    let phones = input.phones.iter().filter(|text| !text.trim().is_empty());
    let contact = ContactRecord {
        phones: List(phones.map(|text| read("phones", text)).collect::<Result<_, _>>()?),
        email: read_maybe("email", input.email.as_deref())?,
        language: read("language", &input.language)?,
        quiet: read_maybe("quiet", input.quiet.as_deref())?,
        channels: List(
            input.channels.iter().map(|text| read("channels", text)).collect::<Result<_, _>>()?,
        ),
        ..ContactRecord::none_of(call.user()?.username.clone())
    };
    call.put_contact(contact, since(input.version)).await?;
    Reply::json(&contact_body(&call.contact().await?))
}
