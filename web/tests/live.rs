//! The live stream over a real WebSocket.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use anlan_domain::alarm::Condition;
use common::World;
use serde_json::{Value, json};

#[tokio::test]
async fn alarms_come_with_a_snapshot_then_each_change_and_resume_after_a_cut() {
    let world = World::new().await;
    world.center.raise("410205001.LT-1203A", Condition::HighHigh, 1).await;
    let token = world.sign_in("park").await;
    let mut live = world.live(&token).await;
    live.say(json!({ "subscribe": { "alarms": {} }, "id": "a" })).await;
    let snapshot = live.hears().await.unwrap();
    assert_eq!((snapshot["type"].as_str(), snapshot["id"].as_str()), (Some("snapshot"), Some("a")));
    assert_eq!(snapshot["alarms"][0]["id"], "410205001.LT-1203A|HH|1");
    world.center.raise("410205002.PT-201", Condition::High, 1).await;
    let raised = live.hears().await.unwrap();
    assert_eq!(raised["type"], "alarm");
    assert_eq!(raised["change"]["kind"], "raised");
    assert_eq!(raised["alarm"]["name"]["en"], "Pressure");
    let cursor = raised["cursor"].as_str().unwrap().to_owned();
    drop(live);

    world.center.clear("410205002.PT-201", Condition::High, 1).await;
    world.center.raise("410205001.GT-1", Condition::High, 1).await;
    let mut live = world.live(&token).await;
    live.say(json!({ "subscribe": { "alarms": {} }, "resume": cursor, "id": "b" })).await;
    let cleared = live.hears().await.unwrap();
    assert_eq!(
        (cleared["id"].as_str(), cleared["change"]["kind"].as_str()),
        (Some("b"), Some("cleared"))
    );
    assert_eq!(cleared["change"]["reason"], "returned");
    let next = live.hears().await.unwrap();
    assert_eq!(next["alarm"]["id"], "410205001.GT-1|H|1");
    world.stop().await;
}

#[tokio::test]
async fn values_come_for_what_was_subscribed_until_it_is_given_up() {
    let world = World::new().await;
    let token = world.sign_in("manager").await;
    let mut live = world.live(&token).await;
    live.say(json!({ "subscribe": { "points": ["410205001.LT-1203A"] }, "id": "p\"1" })).await;
    assert_eq!(live.hears().await.unwrap()["type"], "snapshot");
    world.center.says("410205001.GT-1", 1.0);
    world.center.says("410205001.LT-1203A", 2.0);
    let values = live.hears().await.unwrap();
    assert_eq!((values["id"].as_str(), &values["values"][0]["v"]), (Some("p\"1"), &json!(2.0)));
    live.say(json!({ "subscribe": { "points": ["410205002.PT-201"] }, "id": "x" })).await;
    let refused = live.hears().await.unwrap();
    assert_eq!(
        (refused["type"].as_str(), refused["code"].as_str()),
        (Some("error"), Some("not_found"))
    );
    live.say(json!({ "unsubscribe": "p\"1" })).await;
    live.say(json!({ "subscribe": { "enterprise": "410205001" }, "id": "e" })).await;
    assert_eq!(live.hears().await.unwrap()["id"], "e");
    world.center.says("410205001.LT-1203A", 3.0);
    assert_eq!(live.hears().await.unwrap()["id"], "e", "the old subscription is gone");
    world.stop().await;
}

async fn ends_with(mut live: common::Live, code: &str) {
    let mut last = Value::Null;
    while let Some(message) = live.hears().await {
        last = message;
    }
    assert_eq!(
        (last["type"].as_str(), last["code"].as_str()),
        (Some("closing"), Some(code)),
        "{last}"
    );
}

#[tokio::test]
async fn a_stream_ends_when_the_session_or_the_scope_ends() {
    let world = World::new().await;
    let token = world.sign_in("park").await;
    let live = world.live(&token).await;
    assert_eq!(world.api(&token, "DELETE", "/session", None).await.status, 204);
    ends_with(live, "session").await;

    let admin = world.sign_in("admin").await;
    let token = world.sign_in("park").await;
    let live = world.live(&token).await;
    let moved = json!({ "username": "park", "name": "x", "role": "officer", "scope": { "region": "410100" }, "version": 1 });
    assert_eq!(world.api(&admin, "PUT", "/users/park", Some(&moved)).await.status, 200);
    ends_with(live, "session").await;

    // An enterprise moves to another park under the eyes of somebody who watches it.
    let token = world.sign_in("tester").await;
    let mut live = world.live(&token).await;
    live.say(json!({ "subscribe": { "enterprise": "410205001" }, "id": "e" })).await;
    assert_eq!(live.hears().await.unwrap()["type"], "snapshot");
    let mut enterprise = json!({ "code": "410205001", "name": { "zh": "迁走", "en": "Moved" }, "region": "410105P01", "version": 1 });
    let answer = world.api(&admin, "PUT", "/enterprises/410205001", Some(&enterprise)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    ends_with(live, "scope").await;
    enterprise["version"] = json!(2);

    let token = world.sign_in("admin").await;
    let live = world.live(&token).await;
    world.stop().await;
    ends_with(live, "shutdown").await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_with_resume_and_loses_nothing() {
    let world = World::with(|o| {
        o.limits.slow_client_ms = 300;
        o.limits.live_streams_per_user = 2;
    })
    .await;
    let token = world.sign_in("park").await;
    world.center.raise("410205001.GT-1", Condition::High, 1).await;
    let mut probe = world.live(&token).await;
    probe.say(json!({ "subscribe": { "alarms": {} }, "id": "a" })).await;
    let start = probe.hears().await.unwrap()["cursor"].as_str().unwrap().to_owned();
    world.center.raise_many("410205001.LT-1203A", 1, 2_000).await;

    let mut live = world.live(&token).await;
    for i in 0..16 {
        live.say(json!({ "subscribe": { "alarms": {} }, "resume": start, "id": format!("s{i}") }))
            .await;
    }
    // Not a byte is read until the server has given up: then its place among the two streams is free.
    let url = format!("{}/api/v1/live?token={token}", world.base.replacen("http", "ws", 1));
    while tokio_tungstenite::connect_async(&url).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (mut last, mut seen) = (Value::Null, 0usize);
    let mut cursor = start;
    while let Some(message) = live.hears().await {
        if message["type"] == "alarm" && message["id"] == "s0" {
            // The snapshot's cursor may lie before the alarm that it shows; then that one comes once more.
            seen += usize::from(message["alarm"]["point"] == "410205001.LT-1203A");
            cursor = message["cursor"].as_str().unwrap().to_owned();
        }
        last = message;
    }
    assert!(
        last["type"] == "closing" && last["code"] == "resume" || seen < 2_000,
        "{last} after {seen}"
    );
    let mut again = world.live(&token).await;
    again.say(json!({ "subscribe": { "alarms": {} }, "resume": cursor, "id": "r" })).await;
    while seen < 2_000 {
        let message = again.hears().await.unwrap();
        if message["alarm"]["point"] != "410205001.LT-1203A" {
            continue;
        }
        assert_eq!(message["alarm"]["id"], format!("410205001.LT-1203A|H|{}", seen + 1));
        seen += 1;
    }
    world.stop().await;
}

#[tokio::test]
async fn limits_of_a_stream_are_told() {
    let world = World::with(|o| {
        o.limits.subscriptions = 2;
        o.limits.live_streams_per_user = 1;
    })
    .await;
    let token = world.sign_in("park").await;
    let mut live = world.live(&token).await;
    for id in ["1", "2", "3"] {
        live.say(json!({ "subscribe": { "region": "410205P01" }, "id": id })).await;
    }
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(live.hears().await.unwrap()["code"].clone());
    }
    assert!(codes.contains(&json!("limit")), "{codes:?}");
    let url = format!("{}/api/v1/live?token={token}", world.base.replacen("http", "ws", 1));
    assert!(tokio_tungstenite::connect_async(url).await.is_err(), "a second stream");
    live.say(json!(["no object"])).await;
    assert_eq!(live.hears().await.unwrap()["code"], "bad_request");
    live.say(json!({ "subscribe": { "alarms": {} }, "resume": "nonsense", "id": "1" })).await;
    assert_eq!(live.hears().await.unwrap()["code"], "bad_request");
    for _ in 0..60 {
        live.say(json!({})).await;
    }
    ends_with(live, "limit").await;
    world.stop().await;
}
