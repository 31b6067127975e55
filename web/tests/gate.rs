//! The gate against those who do not keep to the rules: tries at once, pages of other sites, clients that go away, bodies too large.

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anlan_domain::alarm::Condition;
use anlan_store::state::{AlarmSeq, StateStore};
use common::{PASSWORD, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn address(world: &World) -> SocketAddr {
    world.base.strip_prefix("http://").unwrap().parse().unwrap()
}

/// One request over a connection of its own; gives the status line once the other side has closed.
async fn alone(to: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A refused connection may be reset; what came before counts.
    let _ended = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_saved_change_comes_into_force_though_its_client_went_away() {
    // Two connections: the client's own, kept open, and the one that goes away.
    let world = World::with(|o| o.limits.connections = 2).await;
    let token = world.sign_in("manager").await;
    let held = world.center.held.write().await;
    let mut offered = world.center.offered.subscribe();
    let body = json!({ "hh": { "value": 90.0 }, "version": 1 }).to_string();
    let request = format!(
        "PUT /api/v1/points/410205001.LT-1203A/limits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut gone = TcpStream::connect(address(&world)).await.unwrap();
    gone.write_all(request.as_bytes()).await.unwrap();
    offered.wait_for(|n| *n > 0).await.unwrap();
    assert_eq!(world.center.configured.lock().unwrap().len(), 0, "saved, and not yet in force");
    drop(gone);
    // The server has noticed once there is room for another connection.
    while !alone(address(&world), "/healthz").await.contains("200") {
        tokio::task::yield_now().await;
    }
    drop(held);
    let in_force = || {
        let configured = world.center.configured.lock().unwrap();
        configured.iter().flat_map(|h| &h.points).any(|p| p.settings.limits.version == 2)
    };
    let waited = async {
        while !in_force() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let soon = std::time::Duration::from_secs(10);
    tokio::time::timeout(soon, waited).await.expect("version 2 is saved and judged by");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_tries_at_once_get_no_more_than_five() {
    let world = World::new().await;
    let tries = (0..60).map(|n| {
        let (world, guess) = (&world, if n == 59 { PASSWORD } else { "wrong" });
        async move { world.try_sign_in("park", guess).await }
    });
    let answers = futures_util::future::join_all(tries).await;
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in &answers {
        *by_status.entry(answer.status.as_u16()).or_default() += 1;
    }
    let judged =
        by_status.get(&401).copied().unwrap_or(0) + by_status.get(&200).copied().unwrap_or(0);
    assert!(judged <= 5, "{by_status:?}");
    let audit = async |admin: &str| world.get(admin, "/audit?who=park&limit=500").await;
    let entries = audit(&world.sign_in("admin").await).await;
    let failed =
        entries["items"].as_array().unwrap().iter().filter(|e| e["action"] == "sign_in_failed");
    assert!(failed.count() <= 5, "{entries:#}");
    world.stop().await;
}

#[tokio::test]
async fn the_fifth_try_may_still_be_the_right_one() {
    let world = World::new().await;
    for _ in 0..4 {
        assert_eq!(world.try_sign_in("park", "wrong").await.status, 401);
    }
    assert_eq!(world.try_sign_in("park", PASSWORD).await.status, 200);
    assert_eq!(world.try_sign_in("park", "wrong").await.json()["remaining"], 4, "forgotten");
    world.stop().await;
}

#[tokio::test]
async fn the_cookie_lives_as_long_as_the_session_that_is_used() {
    let world = World::with(|o| o.limits.session_ms = 100_000).await;
    let signed_in = world.try_sign_in("park", PASSWORD).await;
    let set = signed_in.headers["set-cookie"].to_str().unwrap().to_owned();
    let cookie = set.split(';').next().unwrap().to_owned();
    let asked = async |path: &str| {
        world
            .send("GET", path, &[("cookie", &cookie)], vec![])
            .await
            .headers
            .get("set-cookie")
            .cloned()
    };
    assert_eq!(asked("/api/v1/session").await, None, "it is as new as the session");
    world.passes(20_000);
    let again = asked("/api/v1/points/410105001.TT-1").await.expect("a 404 extends as well");
    assert_eq!(again.to_str().unwrap(), set);
    assert_eq!(asked("/api/v1/session").await, None);
    world.passes(20_000);
    let token = cookie.split_once('=').unwrap().1;
    let by_header = world.api(token, "GET", "/session", None).await;
    assert!(!by_header.headers.contains_key("set-cookie"), "who brings the token needs no cookie");
    world.passes(20_000);
    let headers = [("cookie", cookie.as_str()), ("x-anlan", "1")];
    let out = world.send("DELETE", "/api/v1/session", &headers, vec![]).await;
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"), "{:?}", out.headers);
    world.stop().await;
}

#[tokio::test]
async fn another_sites_page_signs_nobody_in_and_an_old_cookie_hinders_nobody() {
    let world = World::new().await;
    let body = json!({ "username": "park", "password": PASSWORD }).to_string();
    let own = world.base.clone();
    let old = format!("anlan_session={}", world.sign_in("other").await);
    for (headers, status) in [
        (vec![], 200),
        (vec![("cookie", old.as_str())], 200),
        (vec![("origin", own.as_str()), ("sec-fetch-site", "same-origin")], 200),
        (vec![("content-type", "application/json; charset=utf-8")], 200),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("content-type", "text/plain")], 415),
        (vec![("content-type", "application/x-www-form-urlencoded")], 415),
        (vec![("content-type", "multipart/form-data; boundary=x")], 415),
    ] {
        let answer =
            world.send("POST", "/api/v1/session", &headers, body.clone().into_bytes()).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.headers.contains_key("set-cookie"), status == 200, "{headers:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_body_is_read_of_whoever_may_send_it() {
    let world = World::with(|o| o.limits.bodies = 0).await;
    let token = world.sign_in("manager").await;
    let bearer = format!("Bearer {token}");
    let large = vec![b' '; 20 * 1024];
    let signed_in = [("authorization", bearer.as_str())];
    for (path, headers, status) in [
        ("/api/v1/session", &[][..], 413),
        ("/api/v1/points", &[][..], 401),
        ("/api/v1/users", &signed_in, 403),
        // There is no room for a large body here; a small one needs none.
        ("/api/v1/points", &signed_in, 503),
    ] {
        let answer = world.send("POST", path, headers, large.clone()).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(
        world.send("POST", "/api/v1/points", &signed_in, vec![b' '; 10_000]).await.status,
        400
    );
    world.stop().await;
}

#[tokio::test]
async fn a_message_too_large_ends_a_stream_with_a_reason() {
    let world = World::new().await;
    let token = world.sign_in("park").await;
    for length in [64 * 1024 + 1, 300 * 1024] {
        let mut live = world.live(&token).await;
        live.say(json!({ "x": "x".repeat(length) })).await;
        let mut last = Value::Null;
        while let Some(message) = live.hears().await {
            last = message;
        }
        assert_eq!(
            (last["type"].as_str(), last["code"].as_str()),
            (Some("closing"), Some("limit"))
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn causes_and_secrets_are_sent_to_nobody() {
    let world = World::new().await;
    let manager = world.sign_in("manager").await;
    *world.center.refuses.lock().unwrap() =
        Some("cannot open /var/lib/anlan/history/7.chunk".to_owned());
    let trend =
        world.api(&manager, "GET", "/points/410205001.LT-1203A/trend?from=0&to=1000", None).await;
    assert_eq!((trend.status.as_u16(), trend.json()["code"].clone()), (503, json!("not_ready")));
    assert!(!String::from_utf8_lossy(&trend.body).contains("/var"), "{:?}", trend.json());

    let camera = json!({
        "id": "410205001.CAM-1", "equipment": "410205001.V-1203", "name": { "zh": "球罐东" },
        "url": "rtsp://root:geheim@10.0.0.9/2", "version": 1,
    });
    let saved = world.api(&manager, "PUT", "/cameras/410205001.CAM-1", Some(&camera)).await;
    assert_eq!(saved.status, 200, "{:?}", saved.json());
    let admin = world.sign_in("admin").await;
    let audit = world.get(&admin, "/audit?q=CAM-1").await;
    let detail = audit["items"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("url: changed") && !audit.to_string().contains("geheim"), "{detail}");
    assert!(!audit.to_string().contains("user:pw"), "{audit}");
    world.stop().await;
}

#[tokio::test]
async fn an_administrators_scope_is_everything_and_the_last_one_stays() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    for scope in [json!({ "region": "410205P01" }), json!({ "enterprise": "410205001" })] {
        let new = json!({ "username": "second", "name": "二", "role": "administrator", "scope": scope, "password": "long enough" });
        let refused = world.api(&admin, "POST", "/users", Some(&new)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["field"].clone()),
            (422, json!("scope"))
        );
    }
    let tester = json!({ "username": "t2", "name": "测", "role": "tester", "scope": { "enterprise": "410205001" }, "password": "long enough" });
    assert_eq!(world.api(&admin, "POST", "/users", Some(&tester)).await.json()["field"], "scope");
    let last = world.api(&admin, "DELETE", "/users/admin?version=1", None).await;
    assert_eq!((last.status.as_u16(), last.json()["field"].clone()), (422, json!("role")));
    assert_eq!(world.api(&admin, "GET", "/session", None).await.status, 200, "nothing was done");
    world.stop().await;
}

#[tokio::test]
async fn an_officer_sees_the_gateway_sessions_of_the_park_and_no_others() {
    let world = World::new().await;
    let park = world.sign_in("park").await;
    let tree = world.get(&park, "/tree").await.to_string();
    assert!(tree.contains("gateway:41020500101") && tree.contains("gateway:41020500201"), "{tree}");
    assert!(!tree.contains("410105001"), "{tree}");
    world.stop().await;
}

#[tokio::test]
async fn gateways_come_page_by_page_with_their_counts_of_points() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let first = world.get(&admin, "/gateways?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.get(&admin, &format!("/gateways?limit=2&cursor={cursor}")).await;
    let points: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|g| (g["id"].as_str().unwrap(), g["points"].as_u64().unwrap()))
        .collect();
    assert_eq!(points, [("41010500101", 1), ("41020500101", 3), ("41020500201", 1)]);
    let deleted = world.api(&admin, "DELETE", "/points/410205001.GT-1?version=1", None).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(world.get(&admin, "/gateways/41020500101").await["points"], 2, "counted anew");
    let new = json!({ "id": "41020500102", "name": "GW-9" });
    assert_eq!(world.api(&admin, "POST", "/gateways", Some(&new)).await.status, 200);
    let status = world.send("GET", "/api/v1/status", &[], vec![]).await.json();
    assert_eq!(status["gateways"]["total"], 4);
    world.stop().await;
}

#[tokio::test]
async fn whoever_resumes_is_told_what_is_not_durable_also_when_that_is_nothing() {
    let world = World::new().await;
    world.center.raise("410205001.GT-1", Condition::High, 1).await;
    let entry = world.center.log().alarms_after(AlarmSeq(0), 1).unwrap()[0].entry.clone();
    let mut undurable = entry.clone();
    undurable.alarm.occurrence = 2;
    world.center.cannot_make_durable(vec![undurable]);
    let token = world.sign_in("park").await;
    let mut live = world.live(&token).await;
    live.say(json!({ "subscribe": { "alarms": {} }, "id": "a" })).await;
    let cursor = live.hears().await.unwrap()["cursor"].clone();
    let told = live.hears().await.unwrap();
    assert_eq!(
        (told["type"].as_str(), &told["alarms"][0]["durable"]),
        (Some("undurable"), &json!(false))
    );
    assert_eq!(told["alarms"][0]["id"], "410205001.GT-1|H|2");
    let path = "/alarms/410205001.GT-1%7CH%7C2";
    assert_eq!(world.get(&token, path).await["durable"], false, "what is listed is found");
    let east = world.sign_in("east").await;
    assert_eq!(world.api(&east, "GET", path, None).await.status, 404);
    let mut foreign = world.live(&east).await;
    foreign.say(json!({ "subscribe": { "alarms": {} }, "id": "e" })).await;
    assert_eq!(foreign.hears().await.unwrap()["alarms"], json!([]));
    drop(live);
    // There is room again while nobody listens: what was shown as not durable must go.
    world.center.cannot_make_durable(vec![]);
    let told = foreign.hears().await.unwrap();
    assert_eq!((told["type"].as_str(), &told["alarms"]), (Some("undurable"), &json!([])));
    let mut live = world.live(&token).await;
    live.say(json!({ "subscribe": { "alarms": {} }, "resume": cursor, "id": "a" })).await;
    let told = live.hears().await.unwrap();
    assert_eq!((told["type"].as_str(), &told["alarms"]), (Some("undurable"), &json!([])));
    world.stop().await;
}
