//! Duty over real HTTP: who keeps which roster, what is on duty then, exceptions, and everybody's own contact.

#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use serde_json::{Value, json};

const ENTERPRISE: &str = "/duty-units/enterprise%3A410205001";
const PARK: &str = "/duty-units/region%3A410205P01";

fn plan(version: u32, staff: &[(&str, &str)]) -> Value {
    let member = |(who, team): &(&str, &str)| json!({ "username": who, "role": "duty_officer", "team": team });
    let shift = |code: &str, zh: &str, from: &str, to: &str| json!({ "code": code, "name": { "zh": zh, "en": code }, "from": from, "to": to });
    let day = |day: &str, night: &str| json!([{ "shift": "day", "team": day }, { "shift": "night", "team": night }]);
    json!({
        "version": version,
        "shifts": [shift("day", "白班", "08:00", "20:00"), shift("night", "夜班", "20:00", "08:00")],
        "staff": staff.iter().map(member).collect::<Vec<_>>(),
        // The clock of this world stands at 2026-11-18 19:06 in China.
        "rotations": [{ "role": "duty_officer", "anchor": "2026-11-18", "days": [day("甲", "乙"), day("乙", "甲")] }],
        "days": [{ "date": "2026-11-21", "kind": "work", "name": "调休" }],
    })
}

#[tokio::test]
async fn an_organisation_keeps_its_own_roster_and_whoever_sees_it_sees_who_is_on_duty() {
    let world = World::new().await;
    let manager = world.sign_in("manager").await;
    let empty = world.get(&manager, ENTERPRISE).await;
    assert_eq!((empty["version"].clone(), empty["editable"].clone()), (json!(0), json!(true)));
    let staff = [("manager", "甲"), ("responder", "乙")];
    let saved = world.api(&manager, "PUT", ENTERPRISE, Some(&plan(0, &staff))).await;
    assert_eq!(saved.status, 200, "{}", String::from_utf8_lossy(&saved.body));
    let saved = saved.json();
    assert_eq!(saved["version"], 1);
    assert_eq!(saved["now"][0]["people"][0]["username"], "manager");
    assert_eq!(saved["candidates"].as_array().unwrap().len(), 2);
    // At eight in the evening.
    let until = saved["now"][0]["until"].as_i64().unwrap();
    assert_eq!(until % 86_400_000, 12 * 3_600_000);
    world.passes(until - common::START);
    let now = world.get(&manager, ENTERPRISE).await;
    assert_eq!(now["now"][0]["people"][0]["username"], "responder");

    for (who, sees, keeps) in [
        ("admin", true, true),
        ("park", true, false),
        ("responder", true, false),
        ("tester", true, false),
        ("east", false, false),
        ("other", false, false),
    ] {
        let token = world.sign_in(who).await;
        let read = world.api(&token, "GET", ENTERPRISE, None).await;
        assert_eq!(read.status.as_u16(), if sees { 200 } else { 404 }, "{who}");
        let list = world.get(&token, "/duty-units").await;
        assert_eq!(list["items"].as_array().unwrap().len(), usize::from(sees), "{who}");
        let mut wish = plan(1, &staff);
        wish["utc_offset_min"] = json!(480);
        let put = world.api(&token, "PUT", ENTERPRISE, Some(&wish)).await;
        let refused = if sees { 403 } else { 404 };
        // A role that keeps no roster anywhere is told so before it is looked at what it asks for.
        assert_eq!(put.status.as_u16(), if keeps { 200 } else { refused }, "{who}");
        if sees {
            assert_eq!(read.json()["editable"], keeps, "{who}");
            assert_eq!(read.json()["candidates"].as_array().unwrap().is_empty(), !keeps, "{who}");
        }
    }
    let park = world.sign_in("park").await;
    let own = world.api(&park, "PUT", PARK, Some(&plan(0, &[("park", "甲")]))).await;
    assert_eq!(own.status, 200);
    assert_eq!(own.json()["empty_teams"], json!(["乙"]));
    let gap = &own.json()["gaps"][0];
    assert_eq!(gap["role"], "duty_officer");
    let above = "/duty-units/region%3A410205";
    assert_eq!(world.api(&park, "GET", above, None).await.status, 404, "is above their scope");
    let province = world.sign_in("province").await;
    let put = world.api(&province, "PUT", PARK, Some(&plan(1, &[("park", "甲")]))).await;
    assert_eq!(put.status, 403, "sees the park, and keeps the province's roster only");
    world.stop().await;
}

#[tokio::test]
async fn who_is_not_of_the_organisation_cannot_be_put_on_duty_and_nobody_learns_who_exists() {
    let world = World::new().await;
    let manager = world.sign_in("manager").await;
    let mut answers = Vec::new();
    for who in ["other", "nobody", "admin", "park"] {
        let wish = plan(0, &[("manager", "甲"), (who, "乙")]);
        let answer = world.api(&manager, "PUT", ENTERPRISE, Some(&wish)).await;
        assert_eq!(answer.status, 422);
        answers.push(answer.json()["message"].as_str().unwrap().replace(who, "X"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // An administrator may put one of their own there, and then the manager may leave them there.
    let admin = world.sign_in("admin").await;
    let wish = plan(0, &[("manager", "甲"), ("admin", "乙")]);
    assert_eq!(world.api(&admin, "PUT", ENTERPRISE, Some(&wish)).await.status, 200);
    let mut wish = plan(1, &[("manager", "乙"), ("admin", "甲")]);
    assert_eq!(world.api(&manager, "PUT", ENTERPRISE, Some(&wish.clone())).await.status, 200);
    let late = world.api(&manager, "PUT", ENTERPRISE, Some(&wish.clone())).await;
    assert_eq!((late.status.as_u16(), late.json()["version"].clone()), (409, json!(2)));
    for (field, wrong) in [
        (
            "shifts",
            json!([{ "code": "day", "name": { "zh": "白;班" }, "from": "08:00", "to": "20:00" }]),
        ),
        (
            "shifts",
            json!([{ "code": "day", "name": { "zh": "白班" }, "from": "8", "to": "20:00" }]),
        ),
        ("rotations", json!([{ "role": "duty_officer", "anchor": "2026-02-30", "days": [[]] }])),
        ("rotations", json!([{ "role": "boss", "anchor": "2026-02-28", "days": [[]] }])),
        (
            "rotations",
            json!([{ "role": "duty_officer", "anchor": "2026-02-28", "days": [[{ "shift": "late", "team": "甲" }]] }]),
        ),
        ("days", json!([{ "date": "2026-11-21", "kind": "half" }])),
    ] {
        let present = std::mem::replace(&mut wish[field], wrong.clone());
        wish["version"] = json!(2);
        let answer = world.api(&manager, "PUT", ENTERPRISE, Some(&wish.clone())).await;
        let told = (answer.status.as_u16(), answer.json()["field"].clone());
        assert_eq!(told, (422, json!(field)), "{wrong}: {}", answer.json());
        wish[field] = present;
    }
    world.stop().await;
}

#[tokio::test]
async fn swaps_and_stand_ins_show_in_the_shifts_and_can_be_taken_back() {
    let world = World::new().await;
    let manager = world.sign_in("manager").await;
    let staff = [("manager", "甲"), ("responder", "乙")];
    world.api(&manager, "PUT", ENTERPRISE, Some(&plan(0, &staff))).await;
    let day = 86_400_000;
    // 2026-11-18 00:00 in China.
    let midnight = 1_794_931_200_000_i64;
    let shifts = async |from: i64, to: i64| {
        let path = format!("{ENTERPRISE}/shifts?from={from}&to={to}");
        let items = world.get(&manager, &path).await["items"].clone();
        let line = |duty: &Value| {
            let stretches = duty["stretches"].as_array().unwrap().iter();
            let who: Vec<_> = stretches
                .map(|s| s["people"][0]["username"].as_str().unwrap().to_owned())
                .collect();
            let changed = if duty["changed"] == true { "*" } else { "" };
            format!(
                "{} {}{changed} {}",
                duty["date"].as_str().unwrap(),
                duty["shift"].as_str().unwrap(),
                who.join(">")
            )
        };
        items.as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    let planned = shifts(midnight, midnight + 2 * day).await;
    assert_eq!(
        planned,
        [
            "2026-11-18 day manager",
            "2026-11-18 night responder",
            "2026-11-19 day responder",
            "2026-11-19 night manager"
        ]
    );
    let swap = json!({ "role": "duty_officer", "date": "2026-11-19", "shift": "day", "gives": "responder", "takes": "manager", "note": "看病" });
    let swapped =
        world.api(&manager, "POST", &format!("{ENTERPRISE}/swaps"), Some(&swap.clone())).await;
    assert_eq!(swapped.status, 200);
    let again = world.api(&manager, "POST", &format!("{ENTERPRISE}/swaps"), Some(&swap)).await;
    assert_eq!(again.status, 409, "a shift is given away once");
    let stand_in = json!({ "absent": "responder", "deputy": "manager", "from": midnight + 22 * 3_600_000, "until": midnight + day });
    let stands_in =
        world.api(&manager, "POST", &format!("{ENTERPRISE}/stand-ins"), Some(&stand_in)).await;
    assert_eq!(stands_in.status, 200);
    assert_eq!(
        shifts(midnight, midnight + 2 * day).await,
        [
            "2026-11-18 day manager",
            "2026-11-18 night* responder>manager>responder",
            "2026-11-19 day* manager",
            "2026-11-19 night manager"
        ]
    );
    let stands_in = stands_in.json();
    for (list, path) in [("swaps", "duty-swaps"), ("stand_ins", "duty-stand-ins")] {
        let id = stands_in[list][0]["id"].as_str().unwrap().replace(':', "%3A").replace('/', "%2F");
        let other = world.sign_in("other").await;
        let path = format!("/{path}/{id}?version=1");
        assert_eq!(world.api(&other, "DELETE", &path, None).await.status, 404);
        assert_eq!(world.api(&manager, "DELETE", &path, None).await.status, 204);
        assert_eq!(world.api(&manager, "DELETE", &path, None).await.status, 404);
    }
    assert_eq!(shifts(midnight, midnight + 2 * day).await, planned);
    for (from, to) in [(0, 63 * day), (5, 5), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
        let path = format!("{ENTERPRISE}/shifts?from={from}&to={to}");
        let answer = world.api(&manager, "GET", &path, None).await;
        let one_day = from == to;
        assert_eq!(answer.status.as_u16(), if one_day { 200 } else { 400 }, "{from} {to}");
    }
    assert_eq!(
        world.api(&manager, "DELETE", &format!("{ENTERPRISE}?version=1"), None).await.status,
        204
    );
    assert_eq!(world.get(&manager, ENTERPRISE).await["version"], 0);
    world.stop().await;
}

#[tokio::test]
async fn everybody_says_themselves_how_they_are_reached() {
    let world = World::new().await;
    let responder = world.sign_in("responder").await;
    let nothing = world.get(&responder, "/contact").await;
    assert_eq!(
        nothing,
        json!({ "phones": [], "email": null, "language": "zh", "quiet": null, "channels": [], "version": 0 })
    );
    let wish = json!({
        "phones": ["139 0000 0001", ""], "email": "li@example.cn", "language": "en", "quiet": "22:00-07:00", "channels": ["email"], "version": 0,
    });
    let saved = world.api(&responder, "PUT", "/contact", Some(&wish.clone())).await.json();
    assert_eq!(
        (saved["phones"].clone(), saved["version"].clone()),
        (json!(["13900000001"]), json!(1))
    );
    assert_eq!(world.api(&responder, "PUT", "/contact", Some(&wish.clone())).await.status, 409);
    for (field, wrong) in [
        ("phones", json!(["12"])),
        ("phones", json!(["13900000001", "13900000001"])),
        ("email", json!("li")),
        ("language", json!("fr")),
        ("quiet", json!("22:00-22:00")),
        ("channels", json!(["fax"])),
    ] {
        let mut wish = wish.clone();
        wish["version"] = json!(1);
        wish[field] = wrong;
        let answer = world.api(&responder, "PUT", "/contact", Some(&wish)).await;
        assert_eq!((answer.status.as_u16(), answer.json()["field"].clone()), (422, json!(field)));
    }
    let manager = world.sign_in("manager").await;
    assert_eq!(world.get(&manager, "/contact").await["version"], 0, "is their own");
    let staff = [("responder", "甲"), ("manager", "乙")];
    let unit = world.api(&manager, "PUT", ENTERPRISE, Some(&plan(0, &staff))).await.json();
    assert_eq!(unit["now"][0]["people"][0]["phones"], json!(["13900000001"]));
    // Numbers are shortened in the audit log, which more people read.
    let admin = world.sign_in("admin").await;
    let audit = world.api(&admin, "GET", "/audit?limit=100", None).await;
    let audit = String::from_utf8_lossy(&audit.body).into_owned();
    assert!(audit.contains("contact responder") && !audit.contains("13900000001"), "{audit}");
    assert_eq!(
        world
            .api(
                &admin,
                "PUT",
                "/duty-calendar",
                Some(
                    &json!({ "days": [{ "date": "2027-01-01", "kind": "rest", "name": "元旦" }] })
                )
            )
            .await
            .status,
        204
    );
    let days = world.get(&responder, "/duty-calendar").await;
    assert_eq!(days["items"], json!([{ "date": "2027-01-01", "kind": "rest", "name": "元旦" }]));
    assert_eq!(
        world.api(&manager, "PUT", "/duty-calendar", Some(&json!({ "days": [] }))).await.status,
        403
    );
    world.stop().await;
}
