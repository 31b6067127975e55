//! The way to the center: nothing is lost or altered, live data stays quick, and the lanes say what they promise.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anlan_domain::uplink::{FLAG_GAP, Kind, Lane, Status};
use anlan_gateway::admin::GatewaySnapshot;
use anlan_gateway::config::GatewayConfig;
use anlan_gateway::run::{Hooks, run};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use common::center::{Center, Manners};
use common::device::CountingDevice;
use common::{config, until};

struct Running {
    snapshot: watch::Receiver<GatewaySnapshot>,
    clock_offset_ms: Arc<AtomicI64>,
    cut: watch::Sender<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(config: GatewayConfig) -> Self {
        let (cut, link_cut) = watch::channel(false);
        let hooks = Hooks { link_cut, ..Hooks::default() };
        let (snapshot, clock_offset_ms) =
            (hooks.snapshot.subscribe(), Arc::clone(&hooks.clock_offset_ms));
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move { Box::pin(run(config, hooks, stop)).await.unwrap() }
        });
        Self { snapshot, clock_offset_ms, cut, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// The readings of a counting device without a hole: 1, 2, 3 …
fn assert_complete(center: &Center, at_least: usize) {
    let mut values = center.seen().values();
    values.dedup();
    assert!(values.len() >= at_least, "{} readings", values.len());
    for (value, expected) in values.iter().zip(1u32..) {
        assert_eq!(*value, f64::from(expected), "a reading is missing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_arrive_and_a_clean_stop_leaves_nothing_behind() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    until("twenty live frames", || center.seen().of(Lane::Live) > 20).await;
    until("the snapshot to show it", || gateway.snapshot.borrow().connected).await;
    assert!(gateway.snapshot.borrow().skew_ms.unwrap().abs() < 5_000);
    let data = dir.path().join("data");
    gateway.stop().await;
    assert_complete(&center, 10);
    assert_eq!(
        center.seen().values().len(),
        device.count() as usize,
        "what was read last has arrived too"
    );
    let left = std::fs::read_dir(data.join("spool")).unwrap().count();
    assert_eq!(left, 0, "every frame was acknowledged before the end");
    let seen = center.seen();
    let live: Vec<_> = seen.arrivals.iter().filter(|a| a.header.lane == Lane::Live).collect();
    let first_readings = live.iter().position(|a| a.header.kind == Kind::Readings).unwrap();
    for (i, arrival) in live.iter().enumerate() {
        assert_eq!(arrival.header.flags == FLAG_GAP, i <= first_readings, "frame {i}");
    }
    assert!(seen.last_status().unwrap().devices[0].connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_loses_nothing_and_the_first_live_frame_comes_before_the_backlog() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    until("live frames", || center.seen().of(Lane::Live) > 10).await;
    // The last frames before the loss arrive but are not acknowledged.
    center.change(|m| m.acknowledge = false);
    let before = center.seen().arrivals.len();
    until("frames without acknowledgement", || center.seen().arrivals.len() > before + 3).await;
    center.change(|m| m.up = false);
    let counted = device.count();
    until("readings during the loss", || device.count() > counted + 30).await;
    center.change(|m| *m = Manners::default());
    until("the backlog to be repaired", || {
        let seen = center.seen();
        seen.sessions >= 2
            && seen.last_status().is_some_and(|s| s.backlog_frames == 0)
            && seen.of(Lane::Backfill) > 20
    })
    .await;
    gateway.stop().await;
    assert_complete(&center, 40);
    let seen = center.seen();
    assert!(seen.repeated >= 3, "unacknowledged live frames were sent again");
    let second: Vec<_> = seen.arrivals.iter().filter(|a| a.session == seen.sessions).collect();
    let first_gap = second.iter().position(|a| a.header.flags & FLAG_GAP != 0).unwrap();
    let first_backfill = second.iter().position(|a| a.header.lane == Lane::Backfill).unwrap();
    assert!(
        first_gap < first_backfill,
        "the gap frame {first_gap} comes before any backfill {first_backfill}"
    );
    assert!(
        second[..first_gap].iter().all(|a| a.header.lane == Lane::Live),
        "resent live frames come first"
    );
    let seqs: Vec<u64> =
        second.iter().filter(|a| a.header.lane == Lane::Live).map(|a| a.header.seq).collect();
    assert!(seqs.is_sorted(), "in the order of their sequence: {seqs:?}");
    // A status that says "no backlog" is sealed only after the last backfill frame has been acknowledged.
    let backfill = seen.of(Lane::Backfill);
    let told: Vec<(Status, usize)> =
        second.iter().filter_map(|a| Some((a.status()?, a.backfill_acknowledged))).collect();
    assert!(told[0].0.backlog_frames > 0, "the first status of the session tells the backlog");
    for (status, acknowledged) in told {
        assert!(
            status.backlog_frames > 0 || acknowledged == backfill,
            "{acknowledged} of {backfill}"
        );
    }
}
