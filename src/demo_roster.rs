//! Who is on duty in the demo: a unit for each rung of government and for each enterprise, with people, rosters and contacts.
//!
//! The people are invented and cannot sign in until an administrator gives them a password; those whose accounts the demo
//! prints are among them. Their numbers begin with 000, which no telephone does, and their mailboxes lie in example.cn.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anlan_domain::local_date::LocalDate;
use anlan_domain::region::RegionLevel;
use anlan_domain::roster::CHINA_OFFSET_MIN;
use anlan_domain::time::UtcMillis;
use anlan_sim::plant::Plant;

use crate::process::Failure;

/// Somebody who is in a unit and has no account that is printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Staff {
    /// To sign in with, once they have a password that somebody knows.
    pub username: String,
    /// Invented.
    pub name: String,
    /// Role code.
    pub role: &'static str,
    /// As in users.csv.
    pub scope: String,
}

/// A person's place in a unit.
struct Place {
    username: String,
    role: &'static str,
    team: &'static str,
}

struct Unit {
    id: String,
    places: Vec<Place>,
    government: bool,
}

const SURNAMES: [&str; 16] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭",
];
const GIVEN: [&str; 11] =
    ["志强", "丽娟", "建军", "晓梅", "国庆", "海燕", "永刚", "素芬", "卫东", "春霞", "新民"];

/// Day on which every cycle of the demo begins.
const ANCHOR: &str = "2026-11-23";
const CONTACTS: &str = "contacts.csv";
const FILES: [&str; 7] = [
    CONTACTS,
    "duty_units.csv",
    "duty_members.csv",
    "duty_rotations.csv",
    "duty_days.csv",
    "duty_swaps.csv",
    "duty_stand_ins.csv",
];

fn units(plant: &Plant) -> (Vec<Unit>, Vec<Staff>) {
    let mut staff: Vec<Staff> = Vec::new();
    let mut person = |username: String, role: &'static str, scope: &str| {
        let n = staff.len();
        let name = format!("{}{}", SURNAMES[n % SURNAMES.len()], GIVEN[n % GIVEN.len()]);
        staff.push(Staff { username: username.clone(), name, role, scope: scope.to_owned() });
        username
    };
    let place = |username: String, role, team| Place { username, role, team };
    let mut units = Vec::new();
    for region in &plant.regions {
        // The same word as the account of this rung that is printed.
        let word = match region.code.level() {
            RegionLevel::Province => "province",
            RegionLevel::City => "city",
            RegionLevel::County => "county",
            RegionLevel::Park => "park",
        };
        let id = format!("region:{}", region.code);
        let mut officer = |suffix: &str| person(format!("{word}{suffix}"), "officer", &id);
        let places = vec![
            place(word.to_owned(), "duty_officer", "甲"),
            place(officer("2"), "duty_officer", "乙"),
            place(officer("3"), "duty_officer", "丙"),
            place(officer("-lead1"), "leader", "甲"),
            place(officer("-lead2"), "leader", "乙"),
        ];
        units.push(Unit { id, places, government: true });
    }
    for (n, enterprise) in plant.enterprises.iter().enumerate() {
        let code = enterprise.code.as_str();
        let id = format!("enterprise:{code}");
        let mut own = |printed: &str, short: &str, role| {
            if n == 0 && !printed.is_empty() {
                printed.to_owned()
            } else {
                person(format!("{short}{code}"), role, &id)
            }
        };
        let manager = own("manager", "m", "enterprise_manager");
        let responder = "enterprise_responder";
        let safety = own("", "s", responder);
        let places = vec![
            place(manager.clone(), "principal", ""),
            place(manager, "leader", "甲"),
            place(safety.clone(), "leader", "乙"),
            place(safety, "safety_officer", ""),
            place(own("responder", "a", responder), "duty_officer", "甲"),
            place(own("", "b", responder), "duty_officer", "乙"),
            place(own("", "c", responder), "duty_officer", "丙"),
        ];
        units.push(Unit { id, places, government: false });
    }
    (units, staff)
}

/// Everybody who is on duty and whose account is not printed.
pub fn staff(plant: &Plant) -> Vec<Staff> {
    units(plant).1
}

/// Lines of `users.csv` for them, all with one password, which nobody is told.
pub fn users(staff: &[Staff], password: &str) -> String {
    staff.iter().fold(String::new(), |mut text, Staff { username, name, role, scope }| {
        writeln!(text, "{username},{name},{role},{scope},{password}")
            .expect("writing to a string does not fail");
        text
    })
}

/// Writes the tables of duty into the folder of the plant.
pub fn write(plant: &Plant, dir: &Path, now: UtcMillis) -> Result<(), Failure> {
    for (name, text) in FILES.iter().zip(tables(plant, now)) {
        let file = dir.join(name);
        fs::write(&file, text).map_err(|error| {
            Failure::Failed(format!("cannot write {}: {error}", file.display()))
        })?;
    }
    Ok(())
}

/// Takes the tables away: what is imported once is changed on the pages then.
pub fn remove(dir: &Path) -> Result<(), Failure> {
    for name in FILES {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let file = dir.join(name);
                return Err(Failure::Failed(format!("cannot remove {}: {error}", file.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// In the order of [`FILES`].
fn tables(plant: &Plant, now: UtcMillis) -> [String; 7] {
    let (units, _) = units(plant);
    let mut contacts = "username,phones,email,language,quiet,channels\n".to_owned();
    let mut duty_units = "id,utc_offset_min,shifts\n".to_owned();
    let mut members = "unit,username,role,team\n".to_owned();
    let mut rotations = "unit,role,anchor,days,rest_days\n".to_owned();
    let mut people: Vec<&str> = Vec::new();
    for Unit { id, places, government } in &units {
        for Place { username, role, team } in places {
            members.push_str(&format!("{id},{username},{role},{team}\n"));
            if people.contains(&username.as_str()) {
                continue;
            }
            people.push(username);
            // Leaders are not woken by what can wait.
            let quiet = if *role == "duty_officer" { "" } else { "22:30-06:30" };
            let phone = format!("0000000{:04}", 100 + people.len());
            contacts.push_str(&format!("{username},{phone},{username}@example.cn,zh,{quiet},\n"));
        }
        let (shifts, officers) = if *government {
            ("all=全天/24 h@08:30-08:30", "all:甲|all:乙|all:丙")
        } else {
            (
                "all=全天/24 h@08:30-08:30;day=白班/Day@08:00-20:00;night=夜班/Night@20:00-08:00",
                r#""day:甲,night:丙|day:甲,night:丙|day:乙,night:甲|day:乙,night:甲|day:丙,night:乙|day:丙,night:乙""#,
            )
        };
        duty_units.push_str(&format!("{id},{CHINA_OFFSET_MIN},{shifts}\n"));
        rotations.push_str(&format!("{id},duty_officer,{ANCHOR},{officers},\n"));
        rotations.push_str(&format!("{id},leader,{ANCHOR},all:甲|all:乙,\n"));
    }
    let days = "unit,date,kind,name\n,2027-01-01,rest,元旦\n".to_owned();
    let (swaps, stand_ins) = exceptions(&units, now);
    [contacts, duty_units, members, rotations, days, swaps, stand_ins]
}

/// One of each in every government office: the day after tomorrow two officers change shifts, next week a leader is away.
fn exceptions(units: &[Unit], now: UtcMillis) -> (String, String) {
    let mut swaps = "unit,role,date,shift,gives,takes,back_date,back_shift,note\n".to_owned();
    let mut stand_ins = "unit,absent,deputy,from,until,note\n".to_owned();
    let anchor: LocalDate = ANCHOR.parse().expect("a date");
    let today = LocalDate::of(now, CHINA_OFFSET_MIN);
    let date = today.plus(2);
    let turn =
        |date: LocalDate| usize::try_from(date.since(anchor).rem_euclid(3)).expect("0, 1 or 2");
    for Unit { id, places, .. } in units.iter().filter(|unit| unit.government) {
        let (gives, takes) = (&places[turn(date)].username, &places[turn(date.plus(1))].username);
        let back = date.plus(1);
        swaps.push_str(&format!(
            "{id},duty_officer,{date},all,{gives},{takes},{back},all,家中有事\n"
        ));
        let (absent, deputy) = (&places[3].username, &places[4].username);
        let (from, until) = (today.plus(5), today.plus(8));
        stand_ins.push_str(&format!("{id},{absent},{deputy},{from} 08:30,{until} 08:30,出差\n"));
    }
    (swaps, stand_ins)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everybody_is_named_once_and_no_number_is_anybodys() {
        let plant = Plant::kaifeng_first(10);
        let everybody = staff(plant);
        let names: HashSet<&str> = everybody.iter().map(|s| s.username.as_str()).collect();
        assert_eq!(names.len(), everybody.len());
        let [contacts, ..] = tables(plant, UtcMillis(1_795_536_000_000));
        for line in contacts.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            assert!(cells[1].starts_with("000") && cells[2].ends_with("@example.cn"), "{line}");
        }
    }
}
