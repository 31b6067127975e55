//! The API over real HTTP: sign-in, lists, changes, and what is refused.

mod common;

use anlan_domain::alarm::Condition;
use anlan_domain::log::HostKey;
use common::{PASSWORD, START, World};
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_signs_in_by_name_and_password_and_out_again() {
    let world = World::new().await;
    let answer = world.try_sign_in("park", PASSWORD).await;
    assert_eq!(answer.status, 200);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let me = world.get(&token, "/session").await;
    assert_eq!(me["user"]["username"], "park");
    assert_eq!(me["user"]["scope"], json!({ "region": "410205P01" }));
    assert_eq!(world.api(&token, "DELETE", "/session", None).await.status, 204);
    assert_eq!(world.api(&token, "GET", "/session", None).await.status, 401);
    world.stop().await;
}

#[tokio::test]
async fn five_wrong_passwords_lock_a_name_for_fifteen_minutes_whether_it_exists_or_not() {
    let world = World::new().await;
    for name in ["park", "nobody"] {
        for left in (1..5).rev() {
            let answer = world.try_sign_in(name, "wrong").await;
            assert_eq!(
                (answer.status.as_u16(), answer.json()["remaining"].clone()),
                (401, json!(left))
            );
        }
        let answer = world.try_sign_in(name, "wrong").await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].clone()), (423, json!("locked")));
        assert_eq!(answer.json()["until"], json!(START + 15 * 60_000));
    }
    assert_eq!(world.try_sign_in("park", PASSWORD).await.status, 423, "even with the right one");
    world.passes(15 * 60_000);
    assert_eq!(world.try_sign_in("park", PASSWORD).await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_lives_while_it_is() {
    let world = World::with(|o| o.limits.session_ms = 100_000).await;
    let token = world.sign_in("park").await;
    for _ in 0..5 {
        world.passes(60_000);
        assert_eq!(world.api(&token, "GET", "/session", None).await.status, 200);
    }
    world.passes(100_000);
    assert_eq!(world.api(&token, "GET", "/session", None).await.status, 401);
    world.stop().await;
}

#[tokio::test]
async fn a_change_by_cookie_needs_the_header_that_no_form_can_send() {
    let world = World::new().await;
    let token = world.sign_in("park").await;
    let cookie = format!("other=1; anlan_session={token}");
    let without = world.send("DELETE", "/api/v1/session", &[("cookie", &cookie)], vec![]).await;
    assert_eq!((without.status.as_u16(), without.json()["code"].clone()), (403, json!("csrf")));
    assert_eq!(
        world.send("GET", "/api/v1/session", &[("cookie", &cookie)], vec![]).await.status,
        200
    );
    let with = [("cookie", cookie.as_str()), ("x-anlan", "1")];
    assert_eq!(world.send("DELETE", "/api/v1/session", &with, vec![]).await.status, 204);
    world.stop().await;
}

#[tokio::test]
async fn an_address_that_tries_too_often_is_told_to_wait() {
    let world = World::with(|o| o.limits.sign_ins_per_minute = 3).await;
    for _ in 0..3 {
        assert_eq!(world.try_sign_in("park", "wrong").await.status, 401);
    }
    assert_eq!(world.try_sign_in("park", PASSWORD).await.status, 429);
    world.passes(60_000);
    assert_eq!(world.try_sign_in("park", PASSWORD).await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn lists_are_paged_by_cursor_and_hold_names_values_and_rollups() {
    let world = World::new().await;
    let token = world.sign_in("admin").await;
    let mut seen = Vec::new();
    let mut path = "/points?limit=2".to_owned();
    loop {
        let page = world.get(&token, &path).await;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/points?limit=2&cursor={cursor}");
    }
    let mut expected = common::POINTS.map(str::to_owned);
    expected.sort();
    assert_eq!(seen, expected);
    let enterprise = world.get(&token, "/enterprises/410205001").await;
    assert_eq!(enterprise["hazard_level"], 1);
    assert_eq!(enterprise["counts_by_kind"], json!({ "area": 1, "detector": 1, "sphere": 1 }));
    assert_eq!(enterprise["rollup"]["n"], "enterprise:410205001");
    assert_eq!(enterprise["gateway"], "41020500101");
    let equipment = world.get(&token, "/equipment/410205001.V-1203").await;
    let point =
        equipment["points"].as_array().unwrap().iter().find(|p| p["tag"] == "LT-1203A").unwrap();
    assert_eq!(point["value"], json!({ "v": 42.0, "q": 192, "s": START, "r": START + 5 }));
    assert_eq!(point["limits"]["hh"]["value"], 85.0);
    let map = world.get(&token, "/map").await;
    assert_eq!(map["features"].as_array().unwrap().len(), 5);
    assert_eq!((&map["total"], &map["truncated"]), (&json!(5), &json!(false)));
    let hits = world.get(&token, "/search?q=1203").await;
    assert_eq!(hits["items"][0]["kind"], "equipment");
    let regions = world.get(&token, "/regions").await;
    assert_eq!(regions["items"].as_array().unwrap().len(), 7);
    let quality = world.get(&token, "/quality?enterprise=410205001").await;
    assert_eq!(quality["items"][0]["points"][0]["received"], 1000);
    world.stop().await;
}

#[tokio::test]
async fn an_alarm_is_listed_shown_with_its_log_and_acknowledged_once() {
    let world = World::new().await;
    let token = world.sign_in("responder").await;
    world.center.raise("410205001.LT-1203A", Condition::HighHigh, 1).await;
    world.center.raise("410205002.PT-201", Condition::HighHigh, 1).await;
    let list = world.get(&token, "/alarms").await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list:#}");
    assert_eq!(items[0]["id"], "410205001.LT-1203A|HH|1");
    assert_eq!(items[0]["name"], json!({ "zh": "液位", "en": "Level" }));
    assert_eq!(items[0]["enterprise_name"]["en"], "Yulan Nitrogen");
    let path = "/alarms/410205001.LT-1203A%7CHH%7C1";
    let acknowledge = format!("{path}/acknowledge");
    let comment = json!({ "comment": "去现场" });
    let answer = world.api(&token, "POST", &acknowledge, Some(&comment)).await;
    assert_eq!(answer.status, 200);
    let alarm = answer.json();
    assert_eq!(alarm["state"], "acknowledged");
    assert_eq!(alarm["acknowledged"]["by"], "responder");
    assert_eq!(alarm["acknowledged"]["comment"], "去现场");
    let kinds: Vec<_> =
        alarm["log"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds, [json!("raised"), json!("acknowledged")]);
    let again = world.api(&token, "POST", &acknowledge, Some(&comment)).await;
    assert_eq!(
        (again.status.as_u16(), again.json()["code"].clone()),
        (409, json!("already_acknowledged"))
    );
    let foreign = "/alarms/410205002.PT-201%7CHH%7C1";
    assert_eq!(world.api(&token, "GET", foreign, None).await.status, 404);
    assert_eq!(
        world.api(&token, "POST", &format!("{foreign}/acknowledge"), None).await.status,
        404
    );
    world.center.clear("410205001.LT-1203A", Condition::HighHigh, 1).await;
    assert_eq!(world.get(&token, "/alarms").await["items"], json!([]));
    let all = world.get(&token, "/alarms?open=false&q=1203").await;
    assert_eq!(all["items"][0]["state"], "closed");
    let moments = world.get(&token, "/alarm-moments").await;
    assert_eq!(moments, json!([{ "id": "410205001.LT-1203A|HH|1", "at": START, "level": 1 }]));
    let trend = world
        .get(
            &token,
            &format!("/points/410205001.LT-1203A/trend?from={START}&to={}&pixels=10", START + 1000),
        )
        .await;
    assert_eq!(trend["alarms"][0]["condition"], "HH");
    assert_eq!(trend["buckets"][0]["max"], Value::Null, "NaN is no JSON number");
    world.stop().await;
}

#[tokio::test]
async fn new_limits_are_checked_versioned_made_effective_and_audited() {
    let world = World::new().await;
    let token = world.sign_in("manager").await;
    let path = "/points/410205001.LT-1203A/limits";
    let wrong = json!({ "hh": { "value": 70.0 }, "h": { "value": 80.0 }, "version": 1 });
    let answer = world.api(&token, "PUT", path, Some(&wrong)).await;
    assert_eq!((answer.status.as_u16(), answer.json()["field"].clone()), (422, json!("h")));
    let right = json!({ "hh": { "value": 90.0, "level": 2 }, "version": 1, "reason": "trial" });
    let answer = world.api(&token, "PUT", path, Some(&right)).await;
    assert_eq!((answer.status.as_u16(), answer.json()["version"].clone()), (200, json!(2)));
    let configured = world.center.configured.lock().unwrap().clone();
    assert!(
        matches!(&configured[..], [host] if matches!(host.key, HostKey::Hazard(_))),
        "{configured:?}"
    );
    assert!(configured[0].points.iter().any(|p| p.settings.limits.version == 2));
    let answer = world.api(&token, "PUT", path, Some(&right)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].clone()),
        (409, json!("changed_meanwhile"))
    );
    let versions = world.get(&token, path).await;
    assert_eq!(versions["items"][0]["by"], "manager");
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    let admin = world.sign_in("admin").await;
    let audit = world.get(&admin, "/audit?who=manager&q=LT-1203A").await;
    assert_eq!(audit["items"][0]["action"], "limits");
    world.stop().await;
}

#[tokio::test]
async fn a_change_that_the_center_cannot_take_yet_is_offered_again() {
    let world = World::new().await;
    *world.center.refuses.lock().unwrap() = Some("starting".to_owned());
    let token = world.sign_in("manager").await;
    let right = json!({ "hh": { "value": 90.0 }, "version": 1 });
    let path = "/points/410205001.LT-1203A/limits";
    assert_eq!(world.api(&token, "PUT", path, Some(&right)).await.status, 200);
    *world.center.refuses.lock().unwrap() = None;
    let saved = || {
        let configured = world.center.configured.lock().unwrap();
        configured.iter().flat_map(|h| &h.points).any(|p| p.settings.limits.version == 2)
    };
    while !saved() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn objects_are_created_changed_with_their_version_and_deleted() {
    let world = World::new().await;
    let token = world.sign_in("manager").await;
    let point = json!({
        "id": "410205001.PT-9", "equipment": "410205001.V-1203", "gateway": "41020500101", "device": "plc-1",
        "name": { "zh": "压力", "en": "Pressure" }, "kind": "analog", "signal": "pressure", "unit": "MPa",
        "range": [0, 2], "decimals": 2, "scan_ms": 1000,
    });
    let made = world.api(&token, "POST", "/points", Some(&point)).await;
    assert_eq!(
        (made.status.as_u16(), made.json()["version"].clone()),
        (200, json!(1)),
        "{:?}",
        made.json()
    );
    assert_eq!(world.api(&token, "POST", "/points", Some(&point)).await.json()["code"], "taken");
    let mut changed = point.clone();
    changed["name"]["en"] = json!("Head pressure");
    let put = |body: Value| {
        let (world, token) = (&world, &token);
        async move { world.api(token, "PUT", "/points/410205001.PT-9", Some(&body)).await }
    };
    assert_eq!(put(changed.clone()).await.json()["field"], "version", "a version must be stated");
    changed["version"] = json!(7);
    assert_eq!(put(changed.clone()).await.json()["code"], "changed_meanwhile");
    changed["version"] = json!(1);
    assert_eq!(put(changed.clone()).await.json()["version"], 2);
    changed["version"] = json!(2);
    changed["range"] = json!([2, 0]);
    let refused = put(changed.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["field"].clone()),
        (422, json!("range_lo"))
    );
    let delete = |version: u32| {
        let (world, token) = (&world, &token);
        async move {
            world
                .api(token, "DELETE", &format!("/points/410205001.PT-9?version={version}"), None)
                .await
        }
    };
    assert_eq!(delete(1).await.status, 409);
    assert_eq!(delete(2).await.status, 204);
    assert_eq!(delete(2).await.status, 404);
    let foreign = json!({ "id": "410205002.CAM-1", "name": { "zh": "x" } });
    assert_eq!(world.api(&token, "POST", "/cameras", Some(&foreign)).await.status, 404);
    world.stop().await;
}

#[tokio::test]
async fn a_discrete_point_has_delays_of_its_state_alarm_and_an_analog_one_is_refused_them() {
    let world = World::new().await;
    let token = world.sign_in("manager").await;
    let mut point = json!({
        "id": "410205001.XV-9", "equipment": "410205001.V-1203", "gateway": "41020500101", "device": "plc-2",
        "name": { "zh": "阀", "en": "Valve" }, "kind": "discrete", "signal": "state", "range": [0, 2], "scan_ms": 1000,
        "states": [{ "value": 2, "name": { "zh": "故障", "en": "Fault" }, "alarm": true }],
    });
    let delays = |point: &Value| (point["on_delay_ms"].clone(), point["off_delay_ms"].clone());
    let made = world.api(&token, "POST", "/points", Some(&point)).await.json();
    assert_eq!(delays(&made), (json!(0), json!(0)), "none where none is stated: {made}");
    let put = |body: Value| {
        let (world, token) = (&world, &token);
        async move { world.api(token, "PUT", "/points/410205001.XV-9", Some(&body)).await }
    };
    point["version"] = json!(1);
    point["on_delay_ms"] = json!(2000);
    point["off_delay_ms"] = json!(5000);
    let changed = put(point.clone()).await.json();
    assert_eq!((delays(&changed), &changed["version"]), ((json!(2000), json!(5000)), &json!(2)));
    let read = world.get(&token, "/points/410205001.XV-9").await;
    assert_eq!(delays(&read), (json!(2000), json!(5000)));
    point["version"] = json!(2);
    point["off_delay_ms"] = json!(86_400_001);
    let refused = put(point.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (422, &json!("off_delay_ms")));
    point["off_delay_ms"] = json!(0);
    point["kind"] = json!("analog");
    let refused = put(point.clone()).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (422, &json!("on_delay_ms")));
    world.stop().await;
}

#[tokio::test]
async fn an_administrator_makes_users_and_a_new_scope_ends_their_sessions() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let new = json!({ "username": "li", "name": "李强", "role": "officer", "scope": { "region": "410205" }, "password": "a long one" });
    let made = world.api(&admin, "POST", "/users", Some(&new)).await;
    assert_eq!(made.status, 200, "{:?}", made.json());
    assert!(!String::from_utf8_lossy(&made.body).contains("argon2"));
    let short = json!({ "username": "wu", "name": "吴", "role": "officer", "scope": { "region": "410205" }, "password": "short" });
    assert_eq!(world.api(&admin, "POST", "/users", Some(&short)).await.json()["field"], "password");
    let wrong = json!({ "username": "wu", "name": "吴", "role": "officer", "scope": { "enterprise": "410205001" }, "password": "long enough" });
    assert_eq!(world.api(&admin, "POST", "/users", Some(&wrong)).await.json()["field"], "scope");
    let token =
        world.try_sign_in("li", "a long one").await.json()["token"].as_str().unwrap().to_owned();
    let moved = json!({ "username": "li", "name": "李强", "role": "officer", "scope": { "region": "410100" }, "version": 1 });
    assert_eq!(world.api(&admin, "PUT", "/users/li", Some(&moved)).await.status, 200);
    assert_eq!(world.api(&token, "GET", "/session", None).await.status, 401);
    let last = json!({ "username": "admin", "name": "a", "role": "tester", "scope": { "region": "410000" }, "version": 1 });
    assert_eq!(world.api(&admin, "PUT", "/users/admin", Some(&last)).await.json()["field"], "role");
    let park = world.sign_in("park").await;
    assert_eq!(world.api(&park, "GET", "/users", None).await.status, 403);
    world.stop().await;
}

#[tokio::test]
async fn a_new_gateway_gets_a_secret_that_is_shown_once() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let made = world
        .api(&admin, "POST", "/gateways", Some(&json!({ "id": "41020500102", "name": "GW-9" })))
        .await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    assert_eq!(world.get(&admin, "/gateways/41020500102").await.get("secret"), None);
    world.stop().await;
}

#[tokio::test]
async fn the_doors_outside_the_api_answer() {
    let world = World::new().await;
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/metrics", 200),
        ("/api/v1/openapi.json", 200),
        ("/api/v1/live", 426),
        ("/api/v1/nothing", 404),
        ("/api/v2/session", 404),
        ("/api/v1/alarms", 401),
        ("/missing.js", 404),
        ("/", 200),
        ("/alarms/x", 200),
    ] {
        let answer = world.send("GET", path, &[], vec![]).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.headers.contains_key("content-security-policy"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
    let status = world.send("GET", "/api/v1/status", &[], vec![]).await.json();
    assert_eq!(status["gateways"], json!({ "connected": 3, "total": 3 }));
    assert_eq!(world.send("PATCH", "/api/v1/alarms", &[], vec![]).await.headers["allow"], "GET");
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(world.send("POST", "/api/v1/session", &[], large).await.status, 413);
    let tester = world.sign_in("tester").await;
    assert_eq!(world.api(&tester, "GET", "/scenarios", None).await.json()["code"], "no_simulator");
    world.stop().await;
}

#[tokio::test]
async fn a_reference_of_a_map_feature_is_read_by_the_length_of_codes_of_the_installation() {
    let world = World::new().await;
    let token = world.sign_in("admin").await;
    // Eleven digits: here the gateway of an enterprise, elsewhere an enterprise.
    let feature = json!({
        "type": "Feature", "id": "gateway-house", "geometry": { "type": "Point", "coordinates": [114.5, 34.5] },
        "properties": { "kind": "building", "ref": "41020500101", "name_zh": "机房", "name_en": "Gateway house" },
    });
    let body = json!({ "features": [feature] });
    let put = world.api(&token, "PUT", "/map/features", Some(&body)).await;
    assert_eq!(put.status, 204, "{}", String::from_utf8_lossy(&put.body));
    let map = world.get(&token, "/map").await;
    let features = map["features"].as_array().unwrap();
    let placed = features.iter().find(|f| f["id"] == "gateway-house").unwrap();
    assert_eq!(placed["properties"]["enterprise"], "410205001");
    world.stop().await;
}
