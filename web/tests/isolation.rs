//! Proof 6, by comparison: nobody sees another's data through any endpoint or stream of one small plant. Random plants and
//! people, changes, and the real center are in `random_plants.rs`.
//!
//! Two worlds that differ only in what lies outside a person's scope must answer that person alike, byte for byte. The
//! endpoints come from the API description, so a new one cannot be forgotten: one with a parameter that this test does not
//! know fails it. Left out of the comparison: cursors, which count entries of the one alarm log and nothing else.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use anlan_domain::alarm::Condition;
use anlan_domain::ids::PointId;
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::time::UtcMillis;
use anlan_store::registry::records::{
    Camera, Enterprise, Equipment, Gateway, HazardSource, MapFeature, Point,
};
use anlan_store::registry::{Doer, Expected};
use common::{POINTS, START, World};
use serde_json::{Value, json};

/// Persons with the enterprises of their scope.
const PERSONS: [(&str, &[&str]); 6] = [
    ("park", &["410205001", "410205002"]),
    ("tester", &["410205001", "410205002"]),
    ("east", &["410105001"]),
    ("manager", &["410205001"]),
    ("responder", &["410205001"]),
    ("other", &["410205002"]),
];
const ENTERPRISES: [&str; 3] = ["410205001", "410205002", "410105001"];

const IDS: [&str; 26] = [
    "410205001",
    "410205002",
    "410105001",
    "410205001001",
    "410205002001",
    "410105001001",
    "410205001.V-1203",
    "410205001.A-1",
    "410205002.V-201",
    "410105001.W-1",
    "410205001.LT-1203A",
    "410205001.GT-1",
    "410205001.XV-1",
    "410205002.PT-201",
    "410105001.TT-1",
    "410205001.CAM-1",
    "41020500101",
    "41020500201",
    "41010500101",
    "410205001.LT-1203A|HH|1",
    "410205002.PT-201|HH|1",
    "410105001.TT-1|HH|1",
    "410105001.TT-1|HH|2",
    "center|CENTER|1",
    "park",
    "nothing",
];
const REGIONS: [&str; 5] = ["410000", "410205P01", "410205", "410105P01", "410100"];

/// Values to try for a parameter.
fn values(name: &str) -> Vec<String> {
    let some = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    match name {
        "code" | "id" | "username" | "name" => some(&IDS),
        "enterprise" => some(&ENTERPRISES),
        "region" => some(&REGIONS),
        "hazard" => some(&IDS[3..6]),
        "equipment" => some(&IDS[6..10]),
        "point" => some(&POINTS),
        "q" => some(&["120", "PT", "TT", "4101", "外", "rtsp", "a"]),
        "kind" => some(&["tank", "warehouse", "analog"]),
        "level" => some(&["1", "2,3"]),
        "state" => some(&["unacknowledged"]),
        "condition" => some(&["HH"]),
        "open" | "late" => some(&["true", "false"]),
        "from" => vec![(START - 1_000).to_string()],
        "to" => vec![(START + 1_000).to_string()],
        "limit" => some(&["1", "2"]),
        "pixels" => some(&["10"]),
        "who" | "cursor" | "version" => some(&["1"]),
        other => panic!("teach this test what the parameter {other:?} may hold"),
    }
}

/// Every GET of the description, with every parameter tried.
fn requests(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(get) = methods.get("get").filter(|_| path != "/live") else { continue };
        let none = Vec::new();
        let parameters = get["parameters"].as_array().unwrap_or(&none);
        let named = |place: &str| -> Vec<&str> {
            parameters
                .iter()
                .filter(|p| p["in"] == place)
                .map(|p| p["name"].as_str().unwrap())
                .collect()
        };
        let mut paths = vec![path.clone()];
        for name in named("path") {
            paths = paths
                .iter()
                .flat_map(|p| {
                    values(name)
                        .into_iter()
                        .map(move |v| p.replace(&format!("{{{name}}}"), &escape(&v)))
                })
                .collect();
        }
        for path in paths {
            let fixed = if path.ends_with("/trend") {
                format!("from={}&to={}", START - 1_000, START + 1_000)
            } else {
                String::new()
            };
            all.push(format!("{path}?{fixed}"));
            for name in named("query").iter().filter(|n| fixed.is_empty() || **n == "pixels") {
                all.extend(
                    values(name).iter().map(|v| format!("{path}?{fixed}&{name}={}", escape(v))),
                );
            }
        }
    }
    all
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b".-_,".contains(&b) {
                (b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// Changes everything that is not of `own`: names, places, limits, values, alarms.
async fn change_the_rest(world: &World, own: &[&str]) {
    let foreign: BTreeSet<String> =
        ENTERPRISES.iter().filter(|e| !own.contains(*e)).map(|e| (*e).to_owned()).collect();
    *world.center.foreign.lock().unwrap() = (foreign.clone(), 7.0);
    let mut change = world.registry.change(Doer::command("test"), UtcMillis(START)).await.unwrap();
    macro_rules! each {
        ($type:ty, [$($key:expr),*], $edit:expr) => {$(
            if foreign.iter().any(|code| $key.starts_with(code.as_str())) {
                let mut object: $type = change.get($key).await.unwrap().unwrap();
                let edit: fn(&mut $type) = $edit;
                edit(&mut object);
                change.put(&object, Expected::Any).await.unwrap();
            }
        )*};
    }
    each!(Enterprise, ["410205001", "410205002", "410105001"], |e| {
        e.name_zh = "外改".to_owned();
        e.longitude = Some(100.0);
        e.phone = "9".to_owned();
    });
    each!(HazardSource, ["410205001001", "410205002001", "410105001001"], |h| h.level = 4);
    each!(Equipment, ["410205001.V-1203", "410205002.V-201", "410105001.W-1"], |e| e.medium =
        "外改 120".to_owned());
    each!(Gateway, ["41020500101", "41020500201", "41010500101"], |g| g.name = "外改".to_owned());
    each!(Point, ["410205001.LT-1203A", "410205002.PT-201", "410105001.TT-1"], |p| p.range_hi +=
        1.0);
    each!(Camera, ["410205001.CAM-1"], |c| c.url = "rtsp://elsewhere".to_owned());
    for code in &foreign {
        let feature: Option<MapFeature> = change.get(&format!("plot/{code}/1")).await.unwrap();
        if let Some(feature) = feature {
            change
                .put(&MapFeature { name_zh: "外改".to_owned(), ..feature }, Expected::Any)
                .await
                .unwrap();
        }
        let point = POINTS.iter().find(|p| p.starts_with(code.as_str())).unwrap();
        let limit = Limit { value: 1.5, ..Limit::default() };
        let limits = Limits { h: Some(limit), ..Limits::default() };
        change.put_limits(&PointId::new(point).unwrap(), &limits, Expected::Any, "").await.unwrap();
    }
    change.commit().await.unwrap();
}

const RAISED: [&str; 3] = ["410205001.LT-1203A", "410205002.PT-201", "410105001.TT-1"];

/// One alarm of everybody; where `more_of_others`, more of those that are not of `own`.
async fn raise_alarms(world: &World, own: &[&str], more_of_others: bool) {
    for point in RAISED {
        let foreign = !own.iter().any(|code| point.starts_with(code));
        world.center.raise(point, Condition::HighHigh, 1).await;
        if foreign && more_of_others {
            world.center.raise(point, Condition::HighHigh, 2).await;
            world.center.clear(point, Condition::HighHigh, 1).await;
        }
    }
}

/// Takes out what counts entries of the one alarm log.
fn without_cursors(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("cursor");
            if let Some(next) = object.get_mut("next_cursor").filter(|n| n.is_string()) {
                *next = json!("some");
            }
            object.values_mut().for_each(without_cursors);
        }
        Value::Array(items) => items.iter_mut().for_each(without_cursors),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_outside_a_persons_scope_changes_nothing_that_they_read() {
    let mut compared = 0;
    let groups: BTreeSet<&[&str]> = PERSONS.iter().map(|(_, own)| *own).collect();
    for own in groups {
        let (one, two) = (World::new().await, World::new().await);
        change_the_rest(&two, own).await;
        raise_alarms(&one, own, false).await;
        raise_alarms(&two, own, true).await;
        let document = one.send("GET", "/api/v1/openapi.json", &[], vec![]).await.json();
        let requests = requests(&document);
        for (person, _) in PERSONS.iter().filter(|(_, theirs)| *theirs == own) {
            let (first, second) = (one.sign_in(person).await, two.sign_in(person).await);
            for request in &requests {
                let a = one.api(&first, "GET", request, None).await;
                let b = two.api(&second, "GET", request, None).await;
                assert_ne!(a.status, 500, "{person}: {request}");
                let (mut left, mut right) = (a.json(), b.json());
                without_cursors(&mut left);
                without_cursors(&mut right);
                assert_eq!(
                    (a.status, left),
                    (b.status, right),
                    "{person} sees another's data: GET {request}"
                );
                compared += 1;
            }
        }
        one.stop().await;
        two.stop().await;
    }
    assert!(compared > 2_000, "{compared} requests are too few to prove anything");
}

#[tokio::test]
async fn the_two_worlds_do_differ_for_who_sees_everything() {
    // The proof above would hold for a server that says nothing; this one shows that the worlds differ.
    let (one, two) = (World::new().await, World::new().await);
    change_the_rest(&two, &["410205001"]).await;
    raise_alarms(&one, &["410205001"], false).await;
    raise_alarms(&two, &["410205001"], true).await;
    let (first, second) = (one.sign_in("admin").await, two.sign_in("admin").await);
    for path in [
        "/enterprises",
        "/equipment",
        "/points",
        "/gateways",
        "/alarms",
        "/map",
        "/hazard-sources",
        "/quality",
        "/tree",
    ] {
        assert_ne!(one.get(&first, path).await, two.get(&second, path).await, "{path}");
    }
}

fn speaks_of_nobody_else(person: &str, own: &[&str], message: &Value) {
    let text = message.to_string();
    for code in ENTERPRISES.iter().filter(|e| !own.contains(*e)) {
        assert!(!text.contains(code), "{person} hears of {code}: {text}");
    }
}

#[tokio::test]
async fn no_stream_carries_anothers_data() {
    let world = World::new().await;
    for (person, own) in PERSONS {
        let token = world.sign_in(person).await;
        let mut live = world.live(&token).await;
        let mut wishes: Vec<Value> = REGIONS.iter().map(|r| json!({ "region": r })).collect();
        wishes.extend(ENTERPRISES.iter().map(|e| json!({ "enterprise": e })));
        wishes.extend(IDS[6..10].iter().map(|e| json!({ "equipment": [e] })));
        wishes.push(json!({ "points": POINTS }));
        wishes.push(json!({ "alarms": {} }));
        let mut answered = 0;
        for wish in &wishes {
            // One after the other, so that the limit of subscriptions does not hide one.
            live.say(json!({ "subscribe": wish, "id": "s" })).await;
            let answer = loop {
                let message = live.hears().await.unwrap();
                speaks_of_nobody_else(person, own, &message);
                if message["type"] == "snapshot" || message["type"] == "error" {
                    break message;
                }
            };
            let named = wish.to_string();
            let foreign = ENTERPRISES.iter().any(|e| named.contains(e) && !own.contains(e));
            if foreign {
                assert_eq!(answer["code"], "not_found", "{person}: {wish}");
            }
            answered += 1;
            for (i, point) in RAISED.iter().enumerate() {
                world.center.says(point, i as f64);
            }
        }
        assert_eq!(answered, wishes.len());
        // The alarm subscription stands last; everybody's alarms are raised, and the person's own comes as a mark.
        let occurrence =
            1 + u32::from(person.as_bytes()[0]) * 100 + u32::try_from(person.len()).unwrap();
        for point in RAISED {
            if !own.iter().any(|code| point.starts_with(code)) {
                world.center.raise(point, Condition::Low, occurrence).await;
            }
        }
        let mark = RAISED.iter().find(|p| own.iter().any(|code| p.starts_with(code))).unwrap();
        world.center.raise(mark, Condition::Low, occurrence).await;
        loop {
            let message = live.hears().await.unwrap();
            speaks_of_nobody_else(person, own, &message);
            if message["alarm"]["id"] == format!("{mark}|L|{occurrence}") {
                break;
            }
        }
    }
    world.stop().await;
}
