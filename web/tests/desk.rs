//! The desk over real HTTP: who may keep an alarm quiet and for how long, and lists that are paged to their end.

mod common;

use anlan_domain::alarm::Condition;
use common::World;
use serde_json::{Value, json};

async fn quiet(world: &World, who: &str, alarm: &str, kind: &str, minutes: u32) -> common::Answer {
    let token = world.sign_in(who).await;
    let body = json!({ "alarm": alarm, "quiet": kind, "minutes": minutes, "reason": "校验" });
    world.api(&token, "POST", "/quiet-alarms", Some(&body)).await
}

fn path(alarm: &str) -> String {
    format!("/quiet-alarms/{}/rights", alarm.replace('|', "%7C"))
}

#[tokio::test]
async fn who_may_shelve_and_for_how_long_follows_level_and_detector_and_is_told_before() {
    let world = World::new().await;
    // A gas detector's high alarm is of level 2; as its level-1 alarm stands, it is judged by that.
    let gas = "410205001.GT-1|H";
    let responder = world.sign_in("responder").await;
    let rights = world.get(&responder, &path(gas)).await;
    let nothing =
        json!({ "level": 2, "gas_detector": true, "shelve_minutes": 0, "out_of_service": false });
    assert_eq!(rights, nothing);
    let refused = quiet(&world, "responder", gas, "shelved", 5).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (403, &json!("quiet_not_allowed"))
    );
    let words = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        words.contains("企业负责人（最长 60 分钟）") && words.contains("officer (30 min at most)"),
        "{words}"
    );

    let manager = world.sign_in("manager").await;
    assert_eq!(world.get(&manager, &path(gas)).await["shelve_minutes"], 60);
    world.center.raise("410205001.GT-1", Condition::High, 1).await;
    assert_eq!(
        world.get(&manager, &path(gas)).await["shelve_minutes"],
        30,
        "it stands with level 1"
    );
    let long = quiet(&world, "manager", gas, "shelved", 31).await;
    assert_eq!((long.status.as_u16(), &long.json()["field"]), (400, &json!("minutes")));
    assert_eq!(quiet(&world, "manager", gas, "shelved", 30).await.status, 204);

    let level = "410205001.LT-1203A|H";
    assert_eq!(world.get(&responder, &path(level)).await["shelve_minutes"], 240);
    let out = quiet(&world, "park", level, "out_of_service", 0).await;
    assert_eq!((out.status.as_u16(), &out.json()["code"]), (403, &json!("quiet_not_allowed")));
    let words = out.json()["message"].as_str().unwrap().to_owned();
    assert!(
        words.contains("停用") && words.contains("enterprise manager, administrator"),
        "{words}"
    );
    assert_eq!(quiet(&world, "manager", level, "out_of_service", 0).await.status, 204);

    let foreign = path("410205002.PT-201|HH");
    assert_eq!(world.api(&responder, "GET", &foreign, None).await.status, 404);
    let tester = world.sign_in("tester").await;
    let may = world.get(&tester, &path(level)).await;
    assert_eq!((&may["shelve_minutes"], &may["out_of_service"]), (&json!(0), &json!(false)));
    world.stop().await;
}

#[tokio::test]
async fn what_is_quiet_is_listed_to_its_end_page_by_page() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let mut made = Vec::new();
    for point in ["410205001.LT-1203A", "410205002.PT-201", "410105001.TT-1"] {
        for condition in ["H", "HH", "L"] {
            let alarm = format!("{point}|{condition}");
            let answer = quiet(&world, "admin", &alarm, "out_of_service", 0).await;
            assert_eq!(answer.status, 204);
            made.push(alarm);
        }
        world.passes(1_000);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&admin, &format!("/quiet-alarms?limit=2&cursor={cursor}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(!items.is_empty() && items.len() <= 2);
        seen.extend(items.iter().map(|i| i["alarm"].as_str().unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::Null => break,
            next => next.as_str().unwrap().clone_into(&mut cursor),
        }
    }
    assert_eq!(seen[0], "410105001.TT-1|H", "the newest first");
    seen.sort_unstable();
    made.sort_unstable();
    assert_eq!(seen, made);
    let wrong = world.api(&admin, "GET", "/quiet-alarms?cursor=bm8", None).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (400, &json!("cursor")));
    world.stop().await;
}

#[tokio::test]
async fn many_alarms_are_answered_at_once_each_with_its_own_outcome() {
    let world = World::new().await;
    world.center.raise_many("410205001.LT-1203A", 1, 3).await;
    world.center.raise("410205002.PT-201", Condition::High, 1).await;
    let manager = world.sign_in("manager").await;
    let id = |n: u32| format!("410205001.LT-1203A|H|{n}");
    let acknowledge =
        |ids: Vec<String>| json!({ "ids": ids, "answer": "acknowledge", "comment": "一并确认" });
    let first = acknowledge(vec![id(2)]);
    let answer = world.api(&manager, "POST", "/alarm-answers", Some(&first)).await;
    assert_eq!(answer.json(), json!({ "items": [{ "id": id(2), "outcome": "done" }], "done": 1 }));

    let foreign = "410205002.PT-201|H|1".to_owned();
    let all = vec![id(3), foreign.clone(), id(2), "nonsense".to_owned(), id(3), id(1), id(9)];
    let answer = world.api(&manager, "POST", "/alarm-answers", Some(&acknowledge(all))).await;
    let body = answer.json();
    let outcomes: Vec<(&str, &str)> = body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["id"].as_str().unwrap(), i["outcome"].as_str().unwrap()))
        .collect();
    let (id1, id2, id3, id9) = (id(1), id(2), id(3), id(9));
    assert_eq!(
        outcomes,
        [
            (&*id3, "done"),
            (&*foreign, "not_found"),
            (&*id2, "already_acknowledged"),
            ("nonsense", "not_found"),
            (&*id1, "done"),
            (&*id9, "not_found"),
        ]
    );
    assert_eq!(body["done"], 2);
    let one = world.get(&manager, &format!("/alarms/{}", id(3).replace('|', "%7C"))).await;
    assert_eq!(
        (&one["state"], &one["acknowledged"]["by"]),
        (&json!("acknowledged"), &json!("manager"))
    );
    assert_eq!(one["acknowledged"]["comment"], "一并确认");

    let dispose = json!({ "ids": [id(1), id(2)], "answer": "dispose", "cause": "process", "measure": "adjusted" });
    let answer = world.api(&manager, "POST", "/alarm-answers", Some(&dispose)).await;
    assert_eq!(answer.json()["done"], 2);
    for (body, field) in [
        (json!({ "ids": [], "answer": "take" }), "ids"),
        (json!({ "ids": [id(1)], "answer": "shout" }), "answer"),
        (json!({ "ids": [id(1)], "answer": "comment", "comment": " " }), "comment"),
        (
            json!({ "ids": [id(1)], "answer": "dispose", "cause": "x", "measure": "adjusted" }),
            "cause",
        ),
    ] {
        let answer = world.api(&manager, "POST", "/alarm-answers", Some(&body)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["field"]),
            (400, &json!(field)),
            "{body}"
        );
    }
    let foreign = acknowledge(vec![foreign]);
    assert_eq!(world.api(&manager, "POST", "/alarm-answers", Some(&foreign)).await.status, 404);
    let admin = world.sign_in("admin").await;
    let audit = world.get(&admin, "/audit?who=manager").await;
    let deeds: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["object"].as_str().unwrap())
        .filter(|object| object.contains("alarm"))
        .collect();
    assert_eq!(deeds[0], format!("2 alarms from {} on", id(1)));
    world.stop().await;
}

#[tokio::test]
async fn what_is_mine_is_found_until_it_is_disposed_of() {
    let world = World::with(|o| o.overdue_ms = [1, 2, 3, 4]).await;
    world.center.raise_many("410205001.LT-1203A", 1, 3).await;
    let manager = world.sign_in("manager").await;
    assert_eq!(world.get(&manager, "/desk").await, json!({ "overdue_ms": [1, 2, 3, 4] }));
    let ids = ["410205001.LT-1203A|H|1", "410205001.LT-1203A|H|2"];
    let take = json!({ "ids": ids, "answer": "take" });
    assert_eq!(world.api(&manager, "POST", "/alarm-answers", Some(&take)).await.json()["done"], 2);
    let mine = "/alarms?open=false&owner=manager&disposed=false";
    assert_eq!(world.get(&manager, mine).await["items"].as_array().unwrap().len(), 2);
    let dispose = json!({ "ids": [ids[0]], "answer": "dispose", "cause": "process", "measure": "adjusted", "comment": "回落" });
    world.api(&manager, "POST", "/alarm-answers", Some(&dispose)).await;
    let left = world.get(&manager, mine).await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(left["items"][0]["id"], ids[1]);
    // Found by what was said, by whom, and by where it is.
    for text in ["%E5%9B%9E%E8%90%BD", "manager", "410205001001"] {
        let found =
            world.get(&manager, &format!("/alarms?open=false&disposed=true&q={text}")).await;
        assert_eq!(found["items"][0]["id"], ids[0], "{text}");
    }
    // Somebody else's is not found by asking for its owner.
    let other = world.sign_in("other").await;
    assert_eq!(world.get(&other, mine).await["items"], json!([]));
    world.stop().await;
}

#[tokio::test]
async fn a_shift_is_handed_over_only_when_the_other_accepts_and_stands_on_the_time_line() {
    let world = World::new().await;
    world.center.raise_many("410205001.LT-1203A", 1, 4).await;
    let (park, night) = (world.sign_in("park").await, world.sign_in("night").await);
    let id = |n: u32| format!("410205001.LT-1203A|H|{n}");
    let take = json!({ "ids": [id(1), id(2), id(3)], "answer": "take" });
    world.api(&park, "POST", "/alarm-answers", Some(&take)).await;
    let colleagues = world.get(&park, "/hand-overs/colleagues").await;
    let names: Vec<&str> = colleagues["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["username"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["night"], "the same scope, and neither a tester nor oneself");

    for (to, field) in [("east", "to"), ("tester", "to"), ("nobody", "to")] {
        let body = json!({ "to": to, "note": "x" });
        let answer = world.api(&park, "POST", "/hand-overs", Some(&body)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (422, &json!(field)), "{to}");
    }
    let nothing = world.api(&night, "POST", "/hand-overs", Some(&json!({ "to": "park" }))).await;
    assert_eq!((nothing.status.as_u16(), &nothing.json()["field"]), (400, &json!("note")));

    let body = json!({ "to": "night", "note": "1203 液位在处理" });
    let offered = world.api(&park, "POST", "/hand-overs", Some(&body)).await.json();
    assert_eq!((&offered["state"], &offered["count"]), (&json!("offered"), &json!(3)));
    let path = format!("/hand-overs/{}", offered["no"]);
    let owner = async |n: u32| {
        let one = world.get(&park, &format!("/alarms/{}", id(n).replace('|', "%7C"))).await;
        one["owner"]["by"].clone()
    };
    assert_eq!(owner(1).await, "park", "nothing changes hands before the other accepts");

    // Between the two of them: nobody else sees or settles it, and who offered it does not accept it.
    for who in ["province", "admin", "manager"] {
        let token = world.sign_in(who).await;
        assert_eq!(world.api(&token, "GET", &path, None).await.status, 404, "{who}");
        let accept = format!("{path}/accept");
        assert_eq!(world.api(&token, "POST", &accept, None).await.status, 404, "{who}");
        assert_eq!(world.get(&token, "/hand-overs").await["items"], json!([]));
    }
    assert_eq!(world.api(&park, "POST", &format!("{path}/accept"), None).await.status, 404);
    assert_eq!(world.api(&night, "POST", &format!("{path}/withdraw"), None).await.status, 404);

    // Somebody took one of them meanwhile: it stays theirs.
    let manager = world.sign_in("manager").await;
    let take = json!({ "ids": [id(2)], "answer": "take" });
    world.api(&manager, "POST", "/alarm-answers", Some(&take)).await;
    let accepted = world.api(&night, "POST", &format!("{path}/accept"), None).await;
    assert_eq!(accepted.status, 200, "{}", String::from_utf8_lossy(&accepted.body));
    assert_eq!(accepted.json()["state"], "accepted");
    let owners = (owner(1).await, owner(2).await, owner(3).await, owner(4).await);
    assert_eq!(owners, (json!("night"), json!("manager"), json!("night"), Value::Null));
    let one = world.get(&night, &format!("/alarms/{}", id(1).replace('|', "%7C"))).await;
    let last = one["log"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &last["by"]), (&json!("taken"), &json!("night")));
    let words = last["comment"].as_str().unwrap();
    assert!(words.contains("park 的姓名") && words.contains("1203 液位在处理"), "{words}");

    let again = world.api(&night, "POST", &format!("{path}/accept"), None).await;
    assert_eq!((again.status.as_u16(), &again.json()["code"]), (409, &json!("settled")));
    let late = world.api(&park, "POST", &format!("{path}/withdraw"), None).await;
    assert_eq!(late.status, 409);

    // One alarm alone, and declined.
    let body = json!({ "to": "park", "note": "", "ids": [id(3)] });
    let back = world.api(&night, "POST", "/hand-overs", Some(&body)).await.json();
    assert_eq!(back["alarms"][0]["id"], json!(id(3)));
    let decline = format!("/hand-overs/{}/decline", back["no"]);
    let why = json!({ "comment": "还没到岗" });
    let declined = world.api(&park, "POST", &decline, Some(&why)).await.json();
    assert_eq!((&declined["state"], &declined["answer"]), (&json!("declined"), &json!("还没到岗")));
    assert_eq!(owner(3).await, "night");
    let mine = world.get(&park, "/hand-overs").await;
    assert_eq!(mine["items"].as_array().unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn the_list_and_its_figures_go_out_as_files_in_scope_and_harmless() {
    let world = World::new().await;
    world.center.raise_many("410205001.LT-1203A", 1, 700).await;
    world.center.raise("410205002.PT-201", Condition::High, 1).await;
    let manager = world.sign_in("manager").await;
    let id = "410205001.LT-1203A|H|7";
    let formula = json!({ "ids": [id], "answer": "acknowledge", "comment": "=1+1" });
    world.api(&manager, "POST", "/alarm-answers", Some(&formula)).await;

    let file = world.api(&manager, "GET", "/alarm-export?open=false&format=csv", None).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let name = file.headers["content-disposition"].to_str().unwrap();
    assert!(
        name.starts_with("attachment; filename=\"alarms-") && name.ends_with(".csv\""),
        "{name}"
    );
    let text = String::from_utf8(file.body).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark");
    let lines: Vec<&str> = text.lines().collect();
    // More than one page, and nobody else's.
    assert_eq!(lines.len(), 1 + 700);
    assert!(lines[0].starts_with("编号,级别,状态,"), "{}", lines[0]);
    assert!(!text.contains("410205002"));
    let answered = lines.iter().find(|line| line.starts_with(&format!("{id},"))).unwrap();
    assert!(answered.contains(",\"'=1+1\",") && answered.contains("manager 的姓名"), "{answered}");
    let english =
        world.api(&manager, "GET", "/alarm-export?open=false&language=en-US&q=%7C7", None).await;
    let english = String::from_utf8(english.body).unwrap();
    assert!(english.starts_with("\u{feff}Alarm,Level,State,"), "{english}");

    let excel = world.api(&manager, "GET", "/alarm-export?open=false&format=xlsx", None).await;
    assert_eq!((excel.status.as_u16(), &excel.body[..2]), (200, &b"PK"[..]));
    let wrong = world.api(&manager, "GET", "/alarm-export?format=pdf", None).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (400, &json!("format")));

    world.passes(60_000);
    let figures = world.api(&manager, "GET", "/alarm-health/export?format=csv", None).await;
    let figures = String::from_utf8(figures.body).unwrap();
    assert!(
        figures.contains("报警数,700,") && figures.contains("410205001.LT-1203A|H,700,液位"),
        "{figures}"
    );
    for format in ["csv", "xlsx"] {
        let path = format!("/alarm-health/export?format={format}");
        assert_eq!(world.api(&manager, "GET", &path, None).await.status, 200);
    }
    world.stop().await;
}
