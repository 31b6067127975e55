//! `kill -9` of a gateway at random instants under load: what was read and reported is at the center in the end, once.
//!
//! The gateway runs in a process of its own: this test's own program, started again to run the one "test" that is it.
//! `ANLAN_KILLS` sets the number of kills (12 by default; `make chaos` takes hundreds), `ANLAN_SEED` repeats a run.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anlan_domain::uplink::{FLAG_GAP, Lane};
use anlan_gateway::run::{Hooks, run};
use common::center::Center;
use common::device::CountingDevice;
use common::until;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn kills() -> usize {
    let named = std::env::var("ANLAN_KILLS").ok().and_then(|n| n.parse().ok());
    named.unwrap_or(if std::env::var_os("ANLAN_CHAOS").is_some() { 500 } else { 12 })
}

/// Shown by a test that fails; under `make chaos` always.
fn seed() -> u64 {
    let named = std::env::var("ANLAN_SEED").ok().and_then(|s| s.parse().ok());
    let seed = named.unwrap_or_else(rand::random);
    println!("seed {seed}: repeat with ANLAN_SEED={seed}");
    seed
}

/// Not a test of its own: the victim. Without its environment it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Ok(dir) = std::env::var("ANLAN_KILL_TEST_DIR") else { return };
    let (device, center) = (
        std::env::var("ANLAN_KILL_TEST_DEVICE").unwrap(),
        std::env::var("ANLAN_KILL_TEST_CENTER").unwrap(),
    );
    let config = common::config(Path::new(&dir), &device, &center, "50ms", "");
    Box::pin(run(config, Hooks::default(), CancellationToken::new())).await.unwrap();
}

fn start(dir: &Path, device: &CountingDevice, center: &Center) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact"])
        .env("ANLAN_KILL_TEST_DIR", dir)
        .env("ANLAN_KILL_TEST_DEVICE", device.address.to_string())
        .env("ANLAN_KILL_TEST_CENTER", center.address.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_killing_the_gateway_again_and_again_loses_no_sealed_frame() {
    let seed = seed();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let mut asked_at_kill = Vec::new();
    for kill in 0..kills() {
        // Half of the lives end with the center away, so that frames must wait for the next one.
        let mut gateway = start(dir.path(), &device, &center);
        let counted = device.count();
        until("readings", || device.count() > counted + 6).await;
        if kill % 2 == 1 {
            center.change(|m| m.up = false);
            let counted = device.count();
            until("readings without a center", || device.count() > counted + 6).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..120))).await;
        gateway.kill().unwrap();
        gateway.wait().unwrap();
        asked_at_kill.push(device.count());
        center.change(|m| m.up = true);
    }
    let mut gateway = start(dir.path(), &device, &center);
    let last = device.count();
    until("everything to be repaired", || {
        let seen = center.seen();
        device.count() > last + 5 && seen.last_status().is_some_and(|s| s.backlog_frames == 0)
    })
    .await;
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    let seen = center.seen();
    let values = seen.values();
    let mut distinct = values.clone();
    distinct.dedup();
    assert_eq!(values, distinct, "no reading comes twice under two names (seed {seed})");
    // A reading may be lost only where the kill struck between the device's answer and the sealing: the last number asked for.
    let all: Vec<f64> = (1..=*asked_at_kill.last().unwrap()).map(f64::from).collect();
    let missing: Vec<f64> =
        all.into_iter().filter(|v| values.binary_search_by(|x| x.total_cmp(v)).is_err()).collect();
    for lost in &missing {
        assert!(
            asked_at_kill.iter().any(|at| (f64::from(*at) - lost).abs() < 0.5),
            "{lost} is missing (seed {seed}); kills at {asked_at_kill:?}"
        );
    }
    // Each life that reached the center began its live lane with a gap.
    let boots: std::collections::BTreeSet<_> = seen.journal.keys().map(|k| k.0).collect();
    assert_eq!(boots.len(), kills() + 1);
    for boot in boots {
        if let Some(first) =
            seen.arrivals.iter().find(|a| a.header.boot == boot && a.header.lane == Lane::Live)
        {
            assert_eq!(first.header.flags & FLAG_GAP, FLAG_GAP);
        }
    }
}
