//! What every SQL engine must do with duty; part of [`crate::registry::conformance::check`], on its sample plant.

use std::fs;
use std::path::Path;

use anlan_domain::ids::{Role, UserName};
use anlan_domain::roster::book::{Gap, Whom};
use anlan_domain::roster::pattern::DayKind;
use anlan_domain::roster::{DutyRole, UnitId};
use anlan_domain::time::UtcMillis;

use super::{
    ContactRecord, DayRecord, List, MemberRecord, Plan, RotationRecord, StandInRecord, SwapRecord,
    UnitRecord,
};
use crate::registry::audit::AuditFilter;
use crate::registry::conformance::{AT, doer, sample_options};
use crate::registry::people::User;
use crate::registry::record::Meta;
use crate::registry::transfer::ImportError;
use crate::registry::{Expected, Outcome, Registry, RegistryError, Scope};

const ENTERPRISE: &str = "enterprise:410205001";
const PARK: &str = "region:410205P01";

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("right as it stands")
}

fn name(text: &str) -> UserName {
    UserName::new(text).expect("a name")
}

/// Local noon of a day in China.
fn noon(date: &str) -> UtcMillis {
    parsed::<anlan_domain::local_date::LocalDate>(date).at(720, 480)
}

fn user(username: &str, role: Role, scope: &str) -> User {
    User {
        username: name(username),
        name: format!("{username} 某"),
        role,
        scope: parsed(scope),
        password_hash: "$argon2id$v=19$test".to_owned(),
        meta: Meta::default(),
    }
}

fn plan(unit: &str, members: &[(&str, &str)]) -> Plan {
    let unit: UnitId = parsed(unit);
    let role = DutyRole::DutyOfficer;
    let member = |(person, team): &(&str, &str)| {
        let team = (!team.is_empty()).then(|| parsed(team));
        MemberRecord::new(unit.clone(), name(person), role, team)
    };
    Plan {
        members: members.iter().map(member).collect(),
        rotations: vec![RotationRecord::new(
            unit.clone(),
            role,
            parsed("2026-11-23"),
            parsed("day:甲,night:乙|day:乙,night:甲"),
            None,
        )],
        days: vec![DayRecord::new(
            Some(unit.clone()),
            parsed("2027-01-04"),
            DayKind::Rest,
            "厂庆".to_owned(),
        )],
        unit: UnitRecord::new(
            unit,
            480,
            parsed("day=白班/Day@08:00-20:00;night=夜班/Night@20:00-08:00"),
        ),
    }
}

/// Saves and refuses as the registry does: all or nothing.
async fn save(registry: &Registry, plan: &Plan, expected: Expected) -> Result<Outcome, String> {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let saved = change.put_duty_plan(plan, expected).await;
    if saved.is_ok() {
        change.commit().await.expect("commits");
    }
    saved.map_err(|error| error.to_string())
}

pub(in crate::registry) async fn check(registry: &Registry, scratch: &Path) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    for (username, role, scope) in [
        ("duty-ann", Role::EnterpriseResponder, ENTERPRISE),
        ("duty-bob", Role::EnterpriseManager, ENTERPRISE),
        ("duty-cid", Role::EnterpriseResponder, "enterprise:410205002"),
        ("duty-dan", Role::Officer, PARK),
        ("duty-eve", Role::Officer, "region:410205"),
    ] {
        change.put_user(&user(username, role, scope), Expected::New).await.expect("writes");
    }
    change.commit().await.expect("commits");
    a_plan_is_saved_whole_and_has_one_version(registry).await;
    only_people_of_the_organisation_are_members(registry).await;
    the_book_tells_who_is_on_duty_and_when_it_is_out_of_date(registry).await;
    exceptions_are_of_members_and_of_shifts_that_are(registry).await;
    every_scope_sees_its_own_units(registry).await;
    what_is_exported_imports_to_the_same(registry, scratch).await;
    wrong_tables_change_nothing(registry, scratch).await;
    who_moves_or_goes_leaves_duty(registry).await;
}

async fn a_plan_is_saved_whole_and_has_one_version(registry: &Registry) {
    let first = plan(ENTERPRISE, &[("duty-ann", "甲"), ("duty-bob", "乙")]);
    assert_eq!(save(registry, &first, Expected::New).await, Ok(Outcome::Created));
    assert_eq!(save(registry, &first, Expected::Version(1)).await, Ok(Outcome::Same));
    let second = plan(ENTERPRISE, &[("duty-ann", "甲")]);
    assert_eq!(save(registry, &second, Expected::Version(1)).await, Ok(Outcome::Changed));
    let late = save(registry, &first, Expected::Version(1)).await.expect_err("is old");
    assert!(late.contains("its version is 2 now"), "{late}");
    assert_eq!(save(registry, &first, Expected::Version(2)).await, Ok(Outcome::Changed));
    let mut wrong = first.clone();
    wrong.rotations[0].days = parsed("late:甲");
    wrong.members.pop();
    let why = save(registry, &wrong, Expected::Version(3)).await.expect_err("has no such shift");
    assert!(why.contains("late"), "{why}");
    let all = registry.scoped(Scope::Everything);
    let id = parsed(ENTERPRISE);
    let duties = all.duties_of(&id).await.expect("reads");
    assert_eq!((duties.units[&id].members.len(), duties.units[&id].record.meta.version), (2, 3));
    let filter =
        AuditFilter { text: Some("duty member".to_owned()), limit: 100, ..AuditFilter::default() };
    let audited = registry.audit(&filter).await.expect("reads");
    assert_eq!(audited.len(), 4, "two made, one deleted, one made again: {audited:?}");
}

async fn only_people_of_the_organisation_are_members(registry: &Registry) {
    for stranger in ["duty-cid", "duty-dan", "duty-nobody"] {
        let wrong = plan(ENTERPRISE, &[("duty-ann", "甲"), (stranger, "乙")]);
        let why = save(registry, &wrong, Expected::Any).await.expect_err("is no member");
        let told = format!(
            "staff: {stranger} is not among the people of {ENTERPRISE}; add the user first"
        );
        assert_eq!(why, told, "and which names exist elsewhere is no answer");
    }
    let park = plan(PARK, &[("duty-dan", "甲")]);
    assert_eq!(save(registry, &park, Expected::New).await, Ok(Outcome::Created));
    let county = plan(PARK, &[("duty-dan", "甲"), ("duty-eve", "乙")]);
    assert!(save(registry, &county, Expected::Any).await.is_err(), "is of the county");
}

async fn the_book_tells_who_is_on_duty_and_when_it_is_out_of_date(registry: &Registry) {
    let mut changes = registry.duty_changes();
    changes.mark_unchanged();
    let before = registry.duty_book().await.expect("reads");
    assert_eq!(before.version, *changes.borrow());
    let contact = ContactRecord {
        phones: List(vec![parsed("13900000001"), parsed("+8613900000002")]),
        email: Some(parsed("ann@example.cn")),
        quiet: Some(parsed("22:00-07:00")),
        channels: List(vec![parsed("email")]),
        ..ContactRecord::none_of(name("duty-ann"))
    };
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.put(&contact, Expected::Any).await.expect("writes");
    assert!(!changes.has_changed().expect("the registry lives"), "not before it is committed");
    change.commit().await.expect("commits");
    assert!(changes.has_changed().expect("the registry lives"));
    let book = registry.duty_book().await.expect("reads");
    assert!(book.version > before.version);
    assert_eq!(book.people[&name("duty-ann")].contact, contact.contact());
    assert_eq!(book.people[&name("duty-bob")].contact, Default::default());
    assert!(!book.people.contains_key(&name("duty-eve")), "is in no unit");
    let ask = |unit: &str, role, at| book.whom(&parsed(unit), &[role], at);
    let (officer, leader) = (DutyRole::DutyOfficer, DutyRole::Leader);
    let on_duty = |who: &str| Whom::OnDuty(vec![name(who)]);
    assert_eq!(ask(ENTERPRISE, officer, noon("2026-11-23")), on_duty("duty-ann"));
    assert_eq!(ask(ENTERPRISE, officer, noon("2026-11-24")), on_duty("duty-bob"));
    let dan = vec![name("duty-dan")];
    assert_eq!(
        ask(PARK, officer, noon("2026-11-24")),
        Whom::AllMembers(dan.clone(), Gap::NobodyNow)
    );
    assert_eq!(ask(PARK, leader, noon("2026-11-24")), Whom::AllMembers(dan, Gap::NoRotation));
    assert_eq!(ask("region:410100", officer, noon("2026-11-24")), Whom::Nobody(Gap::NoUnit));
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let days = [
        DayRecord::new(None, parsed("2027-01-01"), DayKind::Rest, "元旦".to_owned()),
        DayRecord::new(None, parsed("2027-01-04"), DayKind::Work, String::new()),
    ];
    change.put_common_days(&days).await.expect("writes");
    change.commit().await.expect("commits");
    let book = registry.duty_book().await.expect("reads");
    let rests = |date: &str| book.units[&parsed(ENTERPRISE)].is_rest_day(parsed(date));
    assert!(rests("2027-01-01"), "a Friday, and a holiday of all");
    assert!(rests("2027-01-04"), "a Monday, worked by all but of this unit a holiday");
}

fn swap(gives: &str, takes: &str, shift: &str) -> SwapRecord {
    let swap = SwapRecord {
        id: String::new(),
        unit: parsed(ENTERPRISE),
        role: DutyRole::DutyOfficer,
        date: parsed("2026-11-25"),
        shift: parsed(shift),
        gives: name(gives),
        takes: name(takes),
        back_date: None,
        back_shift: None,
        note: "换班".to_owned(),
        meta: Meta::default(),
    };
    swap.keyed()
}

fn stand_in(absent: &str, deputy: &str, from: &str, until: &str) -> StandInRecord {
    let stand_in = StandInRecord {
        id: String::new(),
        unit: parsed(ENTERPRISE),
        absent: name(absent),
        deputy: name(deputy),
        from_at: noon(from),
        until_at: noon(until),
        note: String::new(),
        meta: Meta::default(),
    };
    stand_in.keyed()
}

async fn exceptions_are_of_members_and_of_shifts_that_are(registry: &Registry) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    for (wrong, field) in [
        (swap("duty-ann", "duty-cid", "day"), "takes"),
        (swap("duty-nobody", "duty-bob", "day"), "gives"),
        (swap("duty-ann", "duty-bob", "late"), "shift"),
        (swap("duty-ann", "duty-ann", "day"), "takes"),
    ] {
        match change.put_duty_swap(&wrong).await {
            Err(RegistryError::Refused(problems)) => assert_eq!(problems[0].field, field),
            other => panic!("{wrong:?}: {other:?}"),
        }
    }
    change.put_duty_swap(&swap("duty-ann", "duty-bob", "day")).await.expect("writes");
    let again = change.put_duty_swap(&swap("duty-ann", "duty-bob", "day")).await;
    assert!(matches!(again, Err(RegistryError::Taken { .. })), "given away once: {again:?}");
    let first = stand_in("duty-bob", "duty-ann", "2026-12-01", "2026-12-08");
    change.put_stand_in(&first).await.expect("writes");
    for (wrong, field) in [
        (stand_in("duty-bob", "duty-ann", "2026-12-07", "2026-12-09"), "absent"),
        (stand_in("duty-cid", "duty-ann", "2026-12-01", "2026-12-02"), "absent"),
        (stand_in("duty-ann", "duty-bob", "2026-12-02", "2026-12-02"), "until"),
    ] {
        match change.put_stand_in(&wrong).await {
            Err(RegistryError::Refused(problems)) => assert_eq!(problems[0].field, field),
            other => panic!("{wrong:?}: {other:?}"),
        }
    }
    // The one ends as the other begins.
    let next = stand_in("duty-bob", "duty-ann", "2026-12-08", "2026-12-09");
    change.put_stand_in(&next).await.expect("writes");
    change.commit().await.expect("commits");
    let book = registry.duty_book().await.expect("reads");
    let unit = &book.units[&parsed(ENTERPRISE)];
    let on_duty = |date: &str| unit.on_duty(noon(date), DutyRole::DutyOfficer);
    assert_eq!(on_duty("2026-11-25"), [name("duty-bob")], "by swap");
    assert_eq!(on_duty("2026-12-02"), [name("duty-ann")], "stands in");
    assert_eq!(on_duty("2026-12-10"), [name("duty-bob")]);
}

async fn every_scope_sees_its_own_units(registry: &Registry) {
    let both = vec![parsed::<UnitId>(PARK), parsed(ENTERPRISE)];
    for (scope, seen) in [
        ("everything", both.clone()),
        ("region:410000", both.clone()),
        (PARK, both.clone()),
        ("region:410105", Vec::new()),
        (ENTERPRISE, vec![parsed(ENTERPRISE)]),
        ("enterprise:410205002", Vec::new()),
    ] {
        let scoped = registry.scoped(parsed(scope));
        let duties = scoped.duties().await.expect("reads");
        assert_eq!(duties.units.keys().cloned().collect::<Vec<_>>(), seen, "{scope}");
        let known = duties.people.len();
        assert_eq!(known, if seen.len() == 2 { 3 } else { seen.len() * 2 }, "{scope}");
        for id in &both {
            let one = scoped.duties_of(id).await.expect("reads");
            assert_eq!(one.units.contains_key(id), seen.contains(id), "{scope} {id}");
            let people = scoped.duty_candidates(id, false).await.expect("reads");
            let of_it = if *id == both[0] { 1 } else { 2 };
            assert_eq!(people.len() >= of_it, seen.contains(id), "{scope} {id} {people:?}");
        }
    }
}

async fn what_is_exported_imports_to_the_same(registry: &Registry, scratch: &Path) {
    let out = scratch.join("duty-out");
    registry.export(&out).await.expect("exports");
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert!(!report.changed_anything(), "{report}");
    for (table, count) in [
        ("contacts", 1),
        ("duty_units", 2),
        ("duty_members", 3),
        ("duty_rotations", 2),
        ("duty_days", 4),
        ("duty_swaps", 1),
        ("duty_stand_ins", 2),
    ] {
        assert_eq!(report.tables[table], (0, 0, count), "{table}");
    }
    let version = *registry.duty_changes().borrow();
    let stand_ins = "unit,absent,deputy,from,until,note\n\
                     enterprise:410205001,duty-ann,duty-bob,2026-12-20 08:00,2026-12-21 08:00,\n";
    let more = scratch.join("duty-more");
    fs::create_dir_all(&more).expect("a scratch folder");
    fs::write(more.join("duty_stand_ins.csv"), stand_ins).expect("writes");
    registry.import(&more, sample_options()).await.expect("is right");
    assert!(*registry.duty_changes().borrow() > version, "the book is out of date");
    let book = registry.duty_book().await.expect("reads");
    let unit = &book.units[&parsed(ENTERPRISE)];
    assert_eq!(unit.on_duty(noon("2026-12-20"), DutyRole::DutyOfficer), [name("duty-bob")]);
}

async fn wrong_tables_change_nothing(registry: &Registry, scratch: &Path) {
    let dir = scratch.join("duty-wrong");
    fs::create_dir_all(&dir).expect("a scratch folder");
    for (file, text) in [
        (
            "contacts.csv",
            "username,phones,email,language,quiet,channels\nduty-bob,12,bob,fr,22:00,fax\nduty-nobody,,,,,\n",
        ),
        ("duty_units.csv", "id,utc_offset_min,shifts\nregion:410205,480,day\nregion:410206,480,\n"),
        (
            "duty_members.csv",
            "unit,username,role,team\nenterprise:410205001,duty-nobody,duty_officer,甲\nenterprise:410105001,duty-ann,boss,甲\n",
        ),
        ("duty_days.csv", "unit,date,kind,name\n,2027-02-29,rest,\n"),
        (
            "duty_stand_ins.csv",
            "unit,absent,deputy,from,until,note\nenterprise:410205001,duty-ann,duty-bob,2026-12-20,2026-12-21 08:00,\n",
        ),
    ] {
        fs::write(dir.join(file), text).expect("writes");
    }
    let problems = match registry.import(&dir, sample_options()).await {
        Err(ImportError::Problems(problems)) => problems,
        other => panic!("{other:?}"),
    };
    for wanted in [
        "contacts.csv:2: phones: ",
        "contacts.csv:2: email: ",
        "contacts.csv:2: language: ",
        "contacts.csv:2: quiet: ",
        "contacts.csv:2: channels: ",
        "contacts.csv:3: username: there is no user duty-nobody",
        "duty_units.csv:2: shifts: ",
        "duty_units.csv:3: unit: 410206 is neither in regions.csv nor in the registry",
        "duty_members.csv:2: username: there is no user duty-nobody",
        "duty_members.csv:3: role: ",
        "duty_days.csv:2: date: ",
        "duty_stand_ins.csv:2: from: ",
    ] {
        assert!(problems.iter().any(|p| p.starts_with(wanted)), "{wanted}: {problems:#?}");
    }
    // Right by themselves, wrong together.
    let dir = scratch.join("duty-unfit");
    fs::create_dir_all(&dir).expect("a scratch folder");
    let members = "unit,username,role,team\nregion:410205P01,duty-ann,leader,\n";
    fs::write(dir.join("duty_members.csv"), members).expect("writes");
    match registry.import(&dir, sample_options()).await {
        Err(ImportError::Problems(problems)) => {
            assert!(problems[0].contains("duty-ann is not among the people"), "{problems:?}");
        }
        other => panic!("{other:?}"),
    }
    let book = registry.duty_book().await.expect("reads");
    assert_eq!(book.units[&parsed(PARK)].members.len(), 1);
}

async fn who_moves_or_goes_leaves_duty(registry: &Registry) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let moved = user("duty-bob", Role::EnterpriseManager, "enterprise:410205002");
    change.put_user(&moved, Expected::Any).await.expect("writes");
    change.delete_user(&name("duty-ann"), Expected::Any).await.expect("deletes");
    change.commit().await.expect("commits");
    let book = registry.duty_book().await.expect("reads");
    let unit = &book.units[&parsed(ENTERPRISE)];
    assert!(unit.members.is_empty() && unit.swaps.is_empty() && unit.stand_ins.is_empty());
    let contact = registry.contact(&name("duty-ann")).await.expect("reads");
    assert_eq!(contact, ContactRecord::none_of(name("duty-ann")));
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let unit = parsed(ENTERPRISE);
    change.delete_duty_unit(&unit, Expected::Any).await.expect("deletes");
    change.commit().await.expect("commits");
    let book = registry.duty_book().await.expect("reads");
    assert_eq!(book.units.keys().collect::<Vec<_>>(), [&parsed::<UnitId>(PARK)]);
}
