//! Whatever comes in, nothing of ours breaks: no request makes an internal error, no text ends the server.

mod common;

use common::World;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[test]
fn garbage_is_refused_and_never_an_internal_error() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let tokens: Vec<String> = ["admin", "park", "manager", "tester"]
        .map(|who| runtime.block_on(world.sign_in(who)))
        .to_vec();
    let templates: Vec<(String, String)> = anlan_web::routes::all()
        .iter()
        .map(|r| (r.method.to_string(), r.path.to_owned()))
        .collect();
    let part = prop_oneof![
        Just("410205001".to_owned()),
        Just("410205001.LT-1203A".to_owned()),
        Just("410205001.LT-1203A%7CHH%7C1".to_owned()),
        "[a-z0-9.%|-]{0,20}".prop_map(|s| s.replace('%', "%25").replace('|', "%7C")),
        Just("%FF%00".to_owned()),
        Just("%F0%9F%92%A5".to_owned()),
    ];
    let number = prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(-1), Just(0), any::<i64>()];
    let query = (
        prop::sample::select(vec![
            "from",
            "to",
            "limit",
            "pixels",
            "cursor",
            "q",
            "region",
            "enterprise",
            "level",
            "state",
            "version",
            "open",
        ]),
        number,
        "[^&#\\p{C}\\s]{0,12}",
    )
        .prop_map(|(name, n, text)| {
            let text: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
            format!("{name}={n}&{name}x={text}&q={text}&to=5&from={n}")
        });
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<f64>().prop_filter("JSON has no NaN", |f| f.is_finite()).prop_map(|f| f.to_string()),
        Just("1e400".to_owned()),
        "[a-z%_!\\\\\"]{0,8}".prop_map(|s| serde_json::to_string(&s).unwrap()),
        Just("\"410205001\"".to_owned()),
        Just("{\"zh\":\"x\"}".to_owned()),
        Just("[]".to_owned()),
        Just("[0,1e308]".to_owned()),
    ];
    let field = prop::sample::select(vec![
        "id",
        "code",
        "name",
        "username",
        "password",
        "role",
        "scope",
        "version",
        "range",
        "scan_ms",
        "hh",
        "value",
        "features",
        "equipment",
        "gateway",
        "device",
        "kind",
        "signal",
        "comment",
        "region",
        "level",
        "states",
        "on_delay_ms",
        "off_delay_ms",
        "realarm_ms",
        "latching",
        "exclusive_high",
        "chatter_transitions",
        "chatter_window_ms",
        "minutes",
        "reason",
        "state",
    ]);
    let body = prop_oneof![
        prop::collection::vec((field, leaf), 0..8).prop_map(|fields| {
            let inner: Vec<String> =
                fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", inner.join(",")).into_bytes()
        }),
        prop::collection::vec(any::<u8>(), 0..64),
        Just(vec![b'['; 10_000]),
    ];
    let cases = (prop::sample::select(templates), part, query, body, 0..tokens.len());
    let mut runner =
        TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&cases, |((method, template), part, query, body, who)| {
        let mut path = template.clone();
        for name in ["{id}", "{code}", "{name}", "{username}"] {
            path = path.replace(name, &part);
        }
        let bearer = format!("Bearer {}", tokens[who]);
        let answer = runtime.block_on(world.send(
            &method,
            &format!("/api/v1{path}?{query}"),
            &[("authorization", &bearer)],
            body,
        ));
        prop_assert!(
            answer.status != 500,
            "{method} {path}?{query}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(runtime.block_on(world.send("GET", "/healthz", &[], vec![])).status, 200);
}
