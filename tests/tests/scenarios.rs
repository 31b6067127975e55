//! Every scenario against the real demo: what it states is what the center shows, by the verdicts that the tester's page shows too.
//!
//! One demo, the public interface, the tester's account. Scenarios that do not touch each other run at once; the simulator lets
//! the alarm flood wait for those whose tanks it fills, and the blackout waits for all. Durations are the shortest that leave
//! every statement whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anlan_sim::scenario;
use anlan_tests::demo::{Api, Demo};
use anlan_tests::process::binary;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// One after the other; within each all at once. `calm` must have lasted for `CALM_S` before the next begins and ends it.
fn waves() -> Vec<Vec<(&'static str, Value)>> {
    vec![
        vec![("calm", json!({}))],
        vec![
            ("tank-overfill", json!({})),
            ("gas-leak", json!({ "seconds": 20 })),
            ("runaway-reaction", json!({})),
            ("gateway-offline", json!({ "seconds": 15 })),
            ("sensor-frozen", json!({ "seconds": 70 })),
            ("flapping-sensor", json!({ "seconds": 48 })),
            ("alarm-flood", json!({})),
        ],
        vec![("park-blackout", json!({ "seconds": 15 }))],
    ]
}

const CALM_S: f64 = 10.0;
/// Only keeps a broken test from hanging: a heated reactor takes its time.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn the_simulator_states_the_delays_that_the_center_and_the_gateways_have() {
    assert_eq!(scenario::GRACE_MS, anlan_store::registry::hosts::GATEWAY_GRACE_MS);
    let cap = anlan_drivers::backoff::Backoff::DEVICE.cap;
    assert_eq!(u128::from(scenario::DEVICE_RETRY_MS), cap.as_millis());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_is_shown_by_the_center_as_it_states() {
    let Some(binary) = binary() else {
        println!("SKIPPED: the binary is not built; run `cargo build` first or set ANLAN_BIN");
        return;
    };
    let planned: BTreeSet<&str> = waves().into_iter().flatten().map(|(name, _)| name).collect();
    let known: BTreeSet<&str> = scenario::ALL.iter().map(|s| s.name).collect();
    assert_eq!(planned, known, "a scenario that is not judged here is judged nowhere");

    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(&binary, &dir.path().join("demo"), &[]);
    let api = demo.sign_in("tester").await;
    let mut numbers = BTreeMap::new();
    for wave in waves() {
        for (name, parameters) in wave {
            numbers.insert(name, start(&api, name, parameters).await);
        }
        until_judged(&api, &numbers, &demo).await;
    }
}

/// Starts a scenario as soon as nothing that it acts on is in the hands of another, and gives the number of its run.
async fn start(api: &Api, name: &str, parameters: Value) -> u64 {
    let (path, body) = (format!("/scenarios/{name}/start"), json!({ "parameters": parameters }));
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (status, run) = api.try_ask(Method::POST, &path, Some(&body)).await;
        if status.is_success() {
            assert!(!run["expectations"].as_array().unwrap().is_empty(), "{name} states nothing");
            return run["number"].as_u64().unwrap();
        }
        assert_eq!(status, StatusCode::CONFLICT, "{name}: {run}");
        assert!(tokio::time::Instant::now() < until, "{name}: {run}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until every statement of every run is as it must be. One that is not fails at once.
async fn until_judged(api: &Api, numbers: &BTreeMap<&str, u64>, demo: &Demo) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = api.ask(Method::GET, "/scenarios/runs?limit=20", None).await;
        let runs = answer["items"].as_array().unwrap();
        let mut open = Vec::new();
        for (name, number) in numbers {
            let open_before = open.len();
            let run = runs.iter().find(|run| run["number"] == *number).expect("the run is told");
            if *name == "calm" && run["ended_at"].is_null() {
                // Nothing ends it but the next one; until then nothing may have come.
                assert!(found(run, "wrong").is_empty(), "calm: {:#?}", found(run, "wrong"));
                if run["elapsed_s"].as_f64().unwrap() < CALM_S {
                    open.push(format!("calm for {CALM_S} s"));
                }
                continue;
            }
            for expectation in run["expectations"].as_array().unwrap() {
                let state = expectation["verdict"]["state"].as_str().unwrap();
                match state {
                    "met" | "absent" => {}
                    // The wind of the run may turn away from a detector that was foreseen in the plume. Nothing else may leave out
                    // what it states.
                    "void" if *name == "gas-leak" => {
                        let reason = &expectation["verdict"]["reason"];
                        assert_eq!(reason, "never_crossed", "{expectation:#}\nof {run:#}");
                    }
                    "waiting" | "raised" => {
                        open.push(format!("{name}: {} is {state}", expectation["en"]))
                    }
                    _ => panic!("{name}: {expectation:#}\nof {run:#}\n{}", demo.log()),
                }
            }
            // A run of which everything is void has shown nothing.
            let demands = run["expectations"].as_array().unwrap().iter().any(|e| e["must"] == true);
            if demands && open.len() == open_before {
                assert!(!found(run, "met").is_empty(), "{name}: nothing was met in {run:#}");
            }
        }
        if open.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{open:#?}\n{}", demo.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn found<'a>(run: &'a Value, state: &str) -> Vec<&'a Value> {
    let expectations = run["expectations"].as_array().unwrap();
    expectations.iter().filter(|e| e["verdict"]["state"] == state).collect()
}
