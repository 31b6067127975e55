//! Tables by hand, and properties against an answer worked out another way: minute by minute over every day around.

use proptest::prelude::*;

use super::book::{DutyBook, Gap, Whom};
use super::pattern::Cycle;
use super::*;

const MINUTE_MS: i64 = 60_000;

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn date(text: &str) -> LocalDate {
    text.parse().unwrap()
}

/// `2026-11-25 08:00` by China's clock.
fn at(text: &str) -> UtcMillis {
    let (day, time) = text.split_once(' ').unwrap();
    let minute = pattern::minute_of(time).unwrap();
    date(day).at(minute.into(), CHINA_OFFSET_MIN)
}

fn members(list: &str) -> Vec<Member> {
    let one = |text: &str| {
        let (name, team) = text.split_once(':').unwrap();
        let team = (!team.is_empty()).then(|| TeamName::new(team).unwrap());
        Member { username: user(name), role: DutyRole::DutyOfficer, team }
    };
    list.split(' ').map(one).collect()
}

fn unit(shifts: &str, days: &str, rest_days: Option<&str>, list: &str) -> DutyUnit {
    DutyUnit {
        shifts: shifts.parse().unwrap(),
        members: members(list),
        rotations: vec![Rotation {
            role: DutyRole::DutyOfficer,
            anchor: date("2026-11-23"),
            days: days.parse().unwrap(),
            rest_days: rest_days.map(|text| text.parse().unwrap()),
        }],
        ..DutyUnit::new("enterprise:410205001".parse().unwrap())
    }
}

fn slot(text: &str) -> Slot {
    let (day, shift) = text.split_once(' ').unwrap();
    Slot { date: date(day), shift: ShiftCode::new(shift).unwrap() }
}

fn swap(away: &str, gives: &str, takes: &str, back: Option<&str>) -> Swap {
    let (gives, takes) = (user(gives), user(takes));
    Swap { role: DutyRole::DutyOfficer, slot: slot(away), gives, takes, back: back.map(slot) }
}

fn stand_in(absent: &str, deputy: &str, from: &str, until: &str) -> StandIn {
    StandIn { absent: user(absent), deputy: user(deputy), from: at(from), until: at(until) }
}

fn on_duty(unit: &DutyUnit, moment: &str) -> String {
    let people = unit.on_duty(at(moment), DutyRole::DutyOfficer);
    people.iter().map(UserName::as_str).collect::<Vec<_>>().join(" ")
}

fn check(unit: &DutyUnit, table: &[(&str, &str)]) {
    for (moment, expected) in table {
        assert_eq!(on_duty(unit, moment), *expected, "{moment}");
    }
}

const TWO: &str = "day=白班/Day@08:00-20:00;night=夜班/Night@20:00-08:00";
const THREE: &str = "m=早班/Morning@00:00-08:00;d=白班/Day@08:00-16:00;e=中班/Evening@16:00-00:00";

#[test]
fn a_night_belongs_to_the_day_on_which_it_began() {
    let unit = unit(TWO, "day:A,night:B|day:B,night:A", None, "ann:A bob:B");
    check(
        &unit,
        &[
            ("2026-11-23 07:59", "ann"),
            ("2026-11-23 08:00", "ann"),
            ("2026-11-23 19:59", "ann"),
            ("2026-11-23 20:00", "bob"),
            ("2026-11-24 00:00", "bob"),
            ("2026-11-24 07:59", "bob"),
            ("2026-11-24 08:00", "bob"),
            ("2026-11-24 20:00", "ann"),
            ("2026-11-25 07:59", "ann"),
        ],
    );
    let changes: Vec<_> = std::iter::successors(Some(at("2026-11-23 12:00")), |moment| {
        unit.next_change(*moment, DutyRole::DutyOfficer)
    })
    .take(3)
    .collect();
    // Whoever has the night and the following day is not relieved in between.
    assert_eq!(changes, [at("2026-11-23 12:00"), at("2026-11-23 20:00"), at("2026-11-24 20:00")]);
}

#[test]
fn four_teams_take_three_shifts_in_turn() {
    // 四班三倒: two mornings, two days, two evenings, two free days.
    let cycle = "m:A,d:D,e:C|m:A,d:D,e:C|m:B,d:A,e:D|m:B,d:A,e:D|m:C,d:B,e:A|m:C,d:B,e:A|m:D,d:C,e:B|m:D,d:C,e:B";
    let unit = unit(THREE, cycle, None, "ann:A bob:B cid:C dan:D");
    check(
        &unit,
        &[
            ("2026-11-23 00:00", "ann"),
            ("2026-11-23 08:00", "dan"),
            ("2026-11-23 23:59", "cid"),
            ("2026-11-25 00:00", "bob"),
            ("2026-11-30 16:00", "bob"),
            // The end of the cycle and its next beginning, and the one before the anchor.
            ("2026-11-30 23:59", "bob"),
            ("2026-12-01 00:00", "ann"),
            ("2026-11-22 00:00", "dan"),
            // 2028-02-28 is the 462nd day after the anchor, and 2028 has a 29th of February: 462 = 57 x 8 + 6.
            ("2028-02-28 00:00", "dan"),
            ("2028-02-29 00:00", "dan"),
            ("2028-03-01 00:00", "ann"),
        ],
    );
}

#[test]
fn a_day_of_24_hours_and_a_day_without_duty() {
    let unit = unit("all=全天/All day@08:30-08:30", "all:A|-|all:B", None, "ann:A bob:B");
    check(
        &unit,
        &[
            ("2026-11-23 08:29", "bob"),
            ("2026-11-23 08:30", "ann"),
            ("2026-11-24 08:29", "ann"),
            ("2026-11-24 08:30", ""),
            ("2026-11-25 08:29", ""),
            ("2026-11-25 08:30", "bob"),
        ],
    );
    let gaps = unit.gaps(at("2026-11-23 12:00"), at("2026-11-28 00:00"), DutyRole::DutyOfficer, 10);
    assert_eq!(
        gaps,
        [
            (at("2026-11-24 08:30"), at("2026-11-25 08:30")),
            (at("2026-11-27 08:30"), at("2026-11-28 00:00")),
        ]
    );
}

#[test]
fn rest_days_have_their_own_cycle_and_swapped_days_are_what_the_calendar_says() {
    // Working days: whoever is in the office. Rest days: two who take turns.
    let mut unit = unit(
        "office=白班/Office@08:30-17:30;all=全天/All day@08:30-08:30",
        "office:O",
        Some("all:A|all:B"),
        "ola:O ann:A bob:B",
    );
    unit.calendar.insert(date("2027-01-01"), DayKind::Rest);
    unit.calendar.insert(date("2027-01-02"), DayKind::Work);
    check(
        &unit,
        &[
            ("2026-11-27 12:00", "ola"),
            ("2026-11-27 18:00", ""),
            // Saturday 2026-11-28 is the fifth day after the anchor, Sunday the sixth.
            ("2026-11-28 12:00", "bob"),
            ("2026-11-29 12:00", "ann"),
            ("2026-11-30 08:29", "ann"),
            ("2026-11-30 08:30", "ola"),
            // New Year's Day is a Friday; the Saturday after it is worked in exchange.
            ("2026-12-31 20:00", ""),
            ("2027-01-01 12:00", "bob"),
            ("2027-01-02 08:00", "bob"),
            ("2027-01-02 12:00", "ola"),
            ("2027-01-03 12:00", "bob"),
        ],
    );
}

#[test]
fn a_swap_changes_its_shifts_and_its_way_back_and_no_others() {
    let mut unit = unit(TWO, "day:A,night:B|day:B,night:A", None, "ann:A bob:B cid:");
    unit.swaps = vec![
        swap("2026-11-25 day", "ann", "bob", Some("2026-11-26 day")),
        swap("2026-11-27 night", "bob", "cid", None),
        // Not of this unit (any more): nothing changes.
        swap("2026-11-29 day", "ann", "zoe", None),
    ];
    check(
        &unit,
        &[
            ("2026-11-25 07:59", "ann"),
            ("2026-11-25 08:00", "bob"),
            ("2026-11-25 20:00", "bob"),
            ("2026-11-26 08:00", "ann"),
            ("2026-11-26 19:59", "ann"),
            ("2026-11-26 20:00", "ann"),
            ("2026-11-27 20:00", "cid"),
            ("2026-11-28 07:59", "cid"),
            ("2026-11-28 08:00", "bob"),
            ("2026-11-29 08:00", "ann"),
        ],
    );
}

#[test]
fn a_stand_in_serves_from_moment_to_moment_and_may_be_away_too() {
    let mut unit = unit(TWO, "day:A,night:B", None, "ann:A bob:B cid: dan:");
    unit.stand_ins = vec![
        stand_in("ann", "cid", "2026-11-25 12:00", "2026-11-27 12:00"),
        stand_in("cid", "dan", "2026-11-26 00:00", "2026-11-26 23:00"),
        stand_in("bob", "zoe", "2026-11-25 12:00", "2026-11-27 12:00"),
    ];
    check(
        &unit,
        &[
            ("2026-11-25 11:59", "ann"),
            ("2026-11-25 12:00", "cid"),
            ("2026-11-25 21:00", "bob"),
            ("2026-11-26 08:00", "dan"),
            ("2026-11-27 11:59", "cid"),
            ("2026-11-27 12:00", "ann"),
        ],
    );
    let duty = &unit.duties(date("2026-11-27"), DutyRole::DutyOfficer)[0];
    let stretches: Vec<_> =
        unit.stretches(duty).into_iter().map(|s| (s.from, s.until, s.people)).collect();
    assert_eq!(
        stretches,
        [
            (at("2026-11-27 08:00"), at("2026-11-27 12:00"), vec![user("cid")]),
            (at("2026-11-27 12:00"), at("2026-11-27 20:00"), vec![user("ann")]),
        ]
    );
    // Each for the other: neither is lost.
    unit.stand_ins = vec![
        stand_in("ann", "bob", "2026-11-25 00:00", "2026-11-26 00:00"),
        stand_in("bob", "ann", "2026-11-25 00:00", "2026-11-26 00:00"),
    ];
    check(&unit, &[("2026-11-25 12:00", "ann"), ("2026-11-25 21:00", "bob")]);
}

#[test]
fn another_offset_moves_the_day() {
    let mut unit = unit(TWO, "day:A,night:B", None, "ann:A bob:B");
    unit.utc_offset_min = 0;
    // 08:00 UTC is 16:00 in China.
    check(&unit, &[("2026-11-25 15:59", "bob"), ("2026-11-25 16:00", "ann")]);
}

#[test]
fn who_does_not_change_has_no_next_change() {
    let all_day = unit("all=全天/All@00:00-00:00", "all:A", None, "ann:A");
    assert_eq!(all_day.next_change(at("2026-11-25 12:00"), DutyRole::DutyOfficer), None);
    assert_eq!(all_day.next_change(at("2026-11-25 12:00"), DutyRole::Leader), None);
    for end in [UtcMillis(i64::MIN), UtcMillis(i64::MAX)] {
        assert!(all_day.on_duty(end, DutyRole::DutyOfficer).len() <= 1);
        assert!(all_day.next_change(end, DutyRole::DutyOfficer).is_none_or(|next| next > end));
    }
}

#[test]
fn a_roster_that_names_what_is_not_there_says_so() {
    let mut wrong = unit(TWO, "day:A,late:B", Some("-|late:C"), "ann:A");
    wrong.utc_offset_min = 900;
    let fields = wrong.problems();
    assert_eq!(fields.len(), 2);
    assert_eq!(fields[0].0, "utc_offset_min");
    assert!(fields[1].1.contains("late"), "{fields:?}");
    let empty = wrong.empty_teams(DutyRole::DutyOfficer);
    assert_eq!(empty.iter().map(TeamName::as_str).collect::<Vec<_>>(), ["B", "C"]);
}

#[test]
fn the_book_says_why_nobody_is_on_duty_and_then_names_every_member() {
    let mut unit = unit("day=白班/Day@08:00-20:00", "day:A", None, "ann:A bob:");
    unit.members.push(Member { username: user("bob"), role: DutyRole::Leader, team: None });
    let id = unit.id.clone();
    let book = DutyBook { units: [(id.clone(), unit)].into(), ..DutyBook::default() };
    let (noon, night) = (at("2026-11-25 12:00"), at("2026-11-25 23:00"));
    let all = vec![user("ann"), user("bob")];
    let (officer, leader) = (DutyRole::DutyOfficer, DutyRole::Leader);
    for (roles, moment, expected) in [
        (&[officer][..], noon, Whom::OnDuty(vec![user("ann")])),
        (&[leader, officer], noon, Whom::OnDuty(vec![user("ann")])),
        (&[officer], night, Whom::AllMembers(all.clone(), Gap::NobodyNow)),
        (&[leader], noon, Whom::AllMembers(all.clone(), Gap::NoRotation)),
        (&[], noon, Whom::AllMembers(all.clone(), Gap::NoRotation)),
    ] {
        assert_eq!(book.whom(&id, roles, moment), expected);
    }
    let elsewhere = "region:410205P01".parse().unwrap();
    assert_eq!(book.whom(&elsewhere, &[officer], noon), Whom::Nobody(Gap::NoUnit));
    let empty = DutyUnit::new(elsewhere.clone());
    let book = DutyBook { units: [(elsewhere.clone(), empty)].into(), ..DutyBook::default() };
    assert_eq!(book.whom(&elsewhere, &[officer], noon), Whom::Nobody(Gap::NoMembers));
}

#[test]
fn units_are_written_as_they_are_read() {
    for text in ["region:410205P01", "region:410000", "enterprise:410205001"] {
        assert_eq!(text.parse::<UnitId>().unwrap().to_string(), text);
    }
    for text in ["", "410205001", "region:410205001", "enterprise:410205P01", "everything"] {
        assert!(text.parse::<UnitId>().is_err(), "{text}");
    }
}

// ---- properties

const PEOPLE: [&str; 6] = ["p0", "p1", "p2", "p3", "p4", "p5"];
const TEAMS: [&str; 3] = ["A", "B", "C"];

fn cycles() -> impl Strategy<Value = Cycle> {
    let place = (0..3usize, 0..3usize).prop_map(|(shift, team)| Place {
        shift: ShiftCode::new(&format!("s{shift}")).unwrap(),
        team: TeamName::new(TEAMS[team]).unwrap(),
    });
    let day = prop::collection::vec(place, 0..4).prop_map(|mut places: Vec<Place>| {
        let mut seen: Vec<Place> = Vec::new();
        places.retain(|place| {
            let new = !seen.contains(place);
            seen.push(place.clone());
            new
        });
        places
    });
    prop::collection::vec(day, 1..9).prop_map(Cycle)
}

/// Around the end of February of a leap year, where something can go wrong.
fn day() -> impl Strategy<Value = LocalDate> {
    (-20..20i64).prop_map(|days| date("2028-02-28").plus(days))
}

fn moment() -> impl Strategy<Value = UtcMillis> {
    (-20 * 1_440..20 * 1_440i64)
        .prop_map(|minutes| date("2028-02-28").at(minutes, 0).plus(minutes % 7 * 1_000))
}

fn units() -> impl Strategy<Value = DutyUnit> {
    let shifts = prop::collection::vec((0..1_440u16, 1..=1_440u16), 3).prop_map(|spans| {
        let shift = |(n, (start_min, length_min)): (usize, (u16, u16))| pattern::Shift {
            code: ShiftCode::new(&format!("s{n}")).unwrap(),
            name_zh: "班".to_owned(),
            name_en: "Shift".to_owned(),
            start_min,
            length_min,
        };
        Shifts(spans.into_iter().enumerate().map(shift).collect())
    });
    let teams = prop::collection::vec(prop::option::of(0..3usize), 6);
    let calendar = prop::collection::btree_map(
        day(),
        prop_oneof![Just(DayKind::Rest), Just(DayKind::Work)],
        0..5,
    );
    let rotation = (day(), cycles(), prop::option::of(cycles()));
    let offset = prop_oneof![Just(CHINA_OFFSET_MIN), OFFSETS_MIN];
    (shifts, teams, calendar, rotation, offset).prop_map(
        |(shifts, teams, calendar, (anchor, days, rest_days), utc_offset_min)| DutyUnit {
            shifts,
            calendar,
            utc_offset_min,
            members: PEOPLE
                .iter()
                .zip(teams)
                .map(|(name, team)| Member {
                    username: user(name),
                    role: DutyRole::DutyOfficer,
                    team: team.map(|n| TeamName::new(TEAMS[n]).unwrap()),
                })
                .collect(),
            rotations: vec![Rotation { role: DutyRole::DutyOfficer, anchor, days, rest_days }],
            ..DutyUnit::new("region:410205P01".parse().unwrap())
        },
    )
}

fn swaps() -> impl Strategy<Value = Swap> {
    let slot = || {
        (day(), 0..3usize)
            .prop_map(|(date, n)| Slot { date, shift: ShiftCode::new(&format!("s{n}")).unwrap() })
    };
    (slot(), 0..6usize, 1..6usize, prop::option::of(slot())).prop_map(|(slot, gives, by, back)| {
        let takes = user(PEOPLE[(gives + by) % 6]);
        Swap { role: DutyRole::DutyOfficer, slot, gives: user(PEOPLE[gives]), takes, back }
    })
}

fn stand_ins() -> impl Strategy<Value = StandIn> {
    (moment(), 1..5_000i64, 0..6usize, 1..6usize).prop_map(|(from, minutes, absent, by)| StandIn {
        absent: user(PEOPLE[absent]),
        deputy: user(PEOPLE[(absent + by) % 6]),
        from,
        until: from.plus(minutes * MINUTE_MS),
    })
}

fn set(people: Vec<UserName>) -> BTreeSet<UserName> {
    people.into_iter().collect()
}

/// Who should be on duty without exceptions: every day of the weeks around is asked whether one of its shifts covers the moment,
/// with the cycle counted by stepping through it.
fn expected(unit: &DutyUnit, at: UtcMillis) -> BTreeSet<UserName> {
    let rotation = &unit.rotations[0];
    let local_ms = at.0 + i64::from(unit.utc_offset_min) * MINUTE_MS;
    let epoch = date("1970-01-01");
    let mut found = BTreeSet::new();
    for days in -60..60 {
        let date = date("2028-02-28").plus(days);
        let rest = match unit.calendar.get(&date) {
            Some(kind) => *kind == DayKind::Rest,
            // 2028-02-28 is a Monday.
            None => matches!(days.rem_euclid(7), 5 | 6),
        };
        let cycle = rotation.rest_days.as_ref().filter(|_| rest).unwrap_or(&rotation.days);
        let (mut index, mut step) = (0, rotation.anchor);
        while step < date {
            (step, index) = (step.plus(1), (index + 1) % cycle.0.len());
        }
        while step > date {
            (step, index) = (step.plus(-1), (index + cycle.0.len() - 1) % cycle.0.len());
        }
        for place in &cycle.0[index] {
            let shift = unit.shifts.get(&place.shift).unwrap();
            let begins = date.since(epoch) * 86_400_000 + i64::from(shift.start_min) * MINUTE_MS;
            let ends = begins + i64::from(shift.length_min) * MINUTE_MS;
            if begins <= local_ms && local_ms < ends {
                let team = unit.members.iter().filter(|m| m.team.as_ref() == Some(&place.team));
                found.extend(team.map(|m| m.username.clone()));
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn a_moment_belongs_to_exactly_the_shifts_that_cover_it(unit in units(), at in moment()) {
        prop_assert_eq!(set(unit.on_duty(at, DutyRole::DutyOfficer)), expected(&unit, at));
    }

    #[test]
    fn a_cycle_comes_again_after_its_days(mut unit in units(), at in moment(), times in -50..50i64) {
        unit.calendar.clear();
        unit.rotations[0].rest_days = None;
        let days = times * i64::try_from(unit.rotations[0].days.0.len()).unwrap();
        let later = at.plus(days * 86_400_000);
        let role = DutyRole::DutyOfficer;
        prop_assert_eq!(unit.on_duty(at, role), unit.on_duty(later, role));
    }

    #[test]
    fn a_holiday_changes_what_begins_on_its_day_and_nothing_else(unit in units(), day in day(), at in moment()) {
        let role = DutyRole::DutyOfficer;
        let mut other = unit.clone();
        let kind = if unit.is_rest_day(day) { DayKind::Work } else { DayKind::Rest };
        other.calendar.insert(day, kind);
        let begin = day.at(0, unit.utc_offset_min);
        let near = begin <= at && at < begin.plus(2 * 86_400_000);
        prop_assert!(near || unit.on_duty(at, role) == other.on_duty(at, role));
    }

    #[test]
    fn a_swap_changes_nothing_outside_its_shifts(unit in units(), swap in swaps(), at in moment()) {
        let role = DutyRole::DutyOfficer;
        let mut other = unit.clone();
        other.swaps.push(swap.clone());
        let within = std::iter::once(&swap.slot).chain(&swap.back).any(|slot| {
            let shift = unit.shifts.get(&slot.shift).unwrap();
            let from = slot.date.at(shift.start_min.into(), unit.utc_offset_min);
            from <= at && at < from.plus(i64::from(shift.length_min) * MINUTE_MS)
        });
        let (before, after) = (set(unit.on_duty(at, role)), set(other.on_duty(at, role)));
        prop_assert!(within || before == after);
        // Nobody but the two comes or goes.
        let moved: BTreeSet<_> = before.symmetric_difference(&after).collect();
        prop_assert!(moved.iter().all(|p| **p == swap.gives || **p == swap.takes));
    }

    #[test]
    fn a_stand_in_changes_nothing_outside_their_period(unit in units(), one in stand_ins(), at in moment()) {
        let role = DutyRole::DutyOfficer;
        let mut other = unit.clone();
        other.stand_ins.push(one.clone());
        let before = set(unit.on_duty(at, role));
        let mut after = before.clone();
        if one.from <= at && at < one.until && after.remove(&one.absent) {
            after.insert(one.deputy.clone());
        }
        prop_assert_eq!(set(other.on_duty(at, role)), after);
    }

    #[test]
    fn nothing_changes_before_the_next_change_and_something_does_then(
        mut unit in units(),
        swaps in prop::collection::vec(swaps(), 0..4),
        stand_ins in prop::collection::vec(stand_ins(), 0..4),
        at in moment(),
        between in 0.0..1.0f64,
    ) {
        let role = DutyRole::DutyOfficer;
        (unit.swaps, unit.stand_ins) = (swaps, stand_ins);
        let now = set(unit.on_duty(at, role));
        let next = unit.next_change(at, role);
        if let Some(next) = next {
            prop_assert!(at < next);
            prop_assert_ne!(&set(unit.on_duty(next, role)), &now);
        }
        let span = next.unwrap_or(at.plus(30 * 86_400_000)).since(at);
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let within = at.plus(((span as f64) * between) as i64);
        prop_assert_eq!(set(unit.on_duty(within, role)), now);
    }

    #[test]
    fn the_stretches_of_duties_are_who_is_on_duty(
        mut unit in units(),
        swaps in prop::collection::vec(swaps(), 0..4),
        stand_ins in prop::collection::vec(stand_ins(), 0..4),
        at in moment(),
    ) {
        let role = DutyRole::DutyOfficer;
        (unit.swaps, unit.stand_ins) = (swaps, stand_ins);
        let today = LocalDate::of(at, unit.utc_offset_min);
        let mut people = BTreeSet::new();
        for duty in (-1..=1).flat_map(|day| unit.duties(today.plus(day), role)) {
            let stretches = unit.stretches(&duty);
            prop_assert_eq!((stretches[0].from, stretches.last().unwrap().until), (duty.from, duty.until));
            prop_assert!(stretches.windows(2).all(|pair| pair[0].until == pair[1].from));
            let covering = stretches.into_iter().filter(|s| s.from <= at && at < s.until);
            people.extend(covering.flat_map(|s| s.people));
        }
        prop_assert_eq!(set(unit.on_duty(at, role)), people);
    }

    #[test]
    fn patterns_are_read_as_they_are_written(unit in units()) {
        let text = unit.shifts.to_string();
        prop_assert_eq!(text.parse::<Shifts>(), Ok(unit.shifts.clone()));
        let cycle = &unit.rotations[0].days;
        prop_assert_eq!(cycle.to_string().parse::<Cycle>(), Ok(cycle.clone()));
    }
}
