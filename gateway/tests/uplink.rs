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
    let left = std::fs::read_dir(data.join("spool")).unwrap();
    let left = left.filter(|file| file.as_ref().unwrap().path().extension().is_some()).count();
    assert_eq!(left, 0, "every frame was acknowledged before the end");
    let seen = center.seen();
    let live: Vec<_> = seen.arrivals.iter().filter(|a| a.header.lane == Lane::Live).collect();
    for (i, arrival) in live.iter().enumerate() {
        assert_eq!(
            arrival.header.flags == FLAG_GAP,
            i == 0,
            "the first live frame alone is marked: frame {i}"
        );
    }
    assert_eq!(live[0].header.kind, Kind::Status);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_center_that_forgets_repeats_and_delays_its_acknowledgements_gets_every_frame_once() {
    let (dir, device) = (TempDir::new().unwrap(), CountingDevice::start().await);
    let rude = Manners {
        forget_one_in: 7,
        delay: Duration::from_millis(3),
        window: 8,
        ..Manners::default()
    };
    let center = Center::start_with(rude, None).await;
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    for round in 1..=4 {
        let target = center.seen().arrivals.len() + 25;
        until("frames", || center.seen().arrivals.len() > target).await;
        center.change(|m| m.up = false);
        let counted = device.count();
        until("readings during the loss", || device.count() > counted + 8).await;
        center.change(|m| m.up = true);
        until("the next session", || center.seen().sessions > round).await;
    }
    center.change(|m| *m = Manners::default());
    center.change(|m| m.up = false);
    until("the loss to be noticed", || !gateway.snapshot.borrow().connected).await;
    center.change(|m| m.up = true);
    until("nothing to wait any more", || {
        let shown = gateway.snapshot.borrow();
        shown.connected && shown.backlog_frames == 0 && shown.unacknowledged_frames < 3
    })
    .await;
    gateway.stop().await;
    assert_complete(&center, 100);
    // The center itself asserts that what comes twice is byte-identical.
    assert!(center.seen().repeated > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_frames_are_not_delayed_by_a_backlog() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let extra = "backfill_frames_per_s = 200";
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", extra);
    let gateway = Running::start(config);
    until("a link", || center.seen().of(Lane::Live) > 3).await;
    gateway.cut.send_replace(true);
    let counted = device.count();
    until("a backlog", || device.count() > counted + 150).await;
    // A center with work to do: every acknowledgement takes a while.
    center.change(|m| m.delay = Duration::from_millis(5));
    gateway.cut.send_replace(false);
    until("the backlog to be repaired", || {
        center.seen().last_status().is_some_and(|s| s.backlog_frames == 0)
            && center.seen().of(Lane::Backfill) > 140
    })
    .await;
    gateway.stop().await;
    assert_complete(&center, 150);
    let seen = center.seen();
    let first = seen
        .arrivals
        .iter()
        .position(|a| a.header.lane == Lane::Backfill && a.session == seen.sessions)
        .unwrap();
    let last = seen.arrivals.iter().rposition(|a| a.header.lane == Lane::Backfill).unwrap();
    let during: Vec<i64> = seen.arrivals[first..last]
        .iter()
        .filter(|a| a.header.lane == Lane::Live)
        .map(|a| a.delay_ms)
        .collect();
    assert!(during.len() > 5, "live frames came among the backlog: {}", during.len());
    let mut sorted = during.clone();
    sorted.sort_unstable();
    // At most 16 back-fill frames of 5 ms each lie before a live one; the rest is room for a busy machine.
    assert!(sorted[sorted.len() / 2] < 400, "median {} ms of {during:?}", sorted[sorted.len() / 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mute_center_is_noticed_and_its_frames_become_backfill() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let mut config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    config.uplink.as_mut().unwrap().silence_max = Duration::from_millis(400);
    // The peer's pongs come from its WebSocket library; a center behind a dead network would not even send these.
    let relay = common::relay::Relay::start(center.address).await;
    config.uplink.as_mut().unwrap().url = format!("ws://{}/uplink/v1", relay.address);
    let gateway = Running::start(config);
    until("a link", || gateway.snapshot.borrow().connected).await;
    relay.freeze(true);
    until("the loss to be noticed", || !gateway.snapshot.borrow().connected).await;
    assert!(
        gateway.snapshot.borrow().trouble.contains("not a word"),
        "{}",
        gateway.snapshot.borrow().trouble
    );
    until("a backlog", || gateway.snapshot.borrow().backlog_frames > 5).await;
    relay.freeze(false);
    until("the backlog to be repaired", || {
        let shown = gateway.snapshot.borrow();
        shown.connected && shown.backlog_frames == 0
    })
    .await;
    gateway.stop().await;
    assert_complete(&center, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_gateway_says_why_waits_as_told_and_keeps_collecting() {
    let (dir, device) = (TempDir::new().unwrap(), CountingDevice::start().await);
    let strict = Manners { refuse: Some(("bad_secret", 700)), ..Manners::default() };
    let center = Center::start_with(strict, None).await;
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    let start = std::time::Instant::now();
    until("three tries", || center.seen().sessions >= 3).await;
    assert!(
        start.elapsed() >= Duration::from_millis(1_400),
        "waits as told: {:?}",
        start.elapsed()
    );
    until("the reason to be shown", || gateway.snapshot.borrow().trouble.contains("bad_secret"))
        .await;
    center.change(|m| m.refuse = None);
    until("the backlog to be repaired", || {
        center.seen().of(Lane::Backfill) > 5
            && center.seen().last_status().is_some_and(|s| s.backlog_frames == 0)
    })
    .await;
    gateway.stop().await;
    assert_complete(&center, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_the_clock_begins_an_epoch_and_loses_nothing() {
    let (dir, device) = (TempDir::new().unwrap(), CountingDevice::start().await);
    let center =
        Center::start_with(Manners { ahead_ms: 600_000, ..Manners::default() }, None).await;
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    let live = || center.seen().of(Lane::Live);
    until("live frames", || live() > 5).await;
    let skew = gateway.snapshot.borrow().skew_ms.unwrap();
    assert!((595_000..605_000).contains(&skew), "the center's clock is ten minutes ahead: {skew}");
    for hour in [3_600_000, 0] {
        gateway.clock_offset_ms.store(hour, Ordering::Relaxed);
        let before = live();
        until("more live frames", || live() > before + 5).await;
    }
    gateway.stop().await;
    assert_complete(&center, 10);
    let seen = center.seen();
    let mut headers: Vec<_> =
        seen.arrivals.iter().filter(|a| a.header.lane == Lane::Live).map(|a| a.header).collect();
    headers.sort_by_key(|h| h.seq);
    assert_eq!(headers.last().unwrap().epoch, 2, "an hour forward and an hour back");
    for pair in headers.windows(2) {
        assert!(pair[0].mono <= pair[1].mono, "the monotonic clock never steps");
        let moved = pair[1].wall.since(pair[0].wall) - pair[1].mono.since(pair[0].mono) as i64;
        assert_eq!(moved.abs() > 1_000, pair[0].epoch != pair[1].epoch, "{pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_a_device_is_told_before_the_readings_that_show_it() {
    let (dir, center) = (TempDir::new().unwrap(), Center::start().await);
    let device = CountingDevice::start().await;
    let address = device.address;
    let config = config(dir.path(), &address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    until("live readings", || center.seen().of(Lane::Live) > 8).await;
    drop(device);
    until("the loss to be told", || {
        center.seen().last_status().is_some_and(|s| !s.devices[0].connected)
    })
    .await;
    let seen_when_told = center.seen().arrivals.len();
    until("bad readings", || center.seen().arrivals.len() > seen_when_told + 5).await;
    gateway.stop().await;
    let seen = center.seen();
    let told = seen
        .arrivals
        .iter()
        .rposition(|a| a.status().is_some_and(|s| s.devices[0].connected))
        .unwrap();
    let lost =
        told + 1 + seen.arrivals[told + 1..].iter().position(|a| a.status().is_some()).unwrap();
    assert!(!seen.arrivals[lost].status().unwrap().devices[0].last_error.is_empty());
    let readings = |part: &[common::center::Arrival]| -> Vec<bool> {
        part.iter()
            .filter(|a| a.header.kind == Kind::Readings)
            .map(|a| a.values().is_empty())
            .collect()
    };
    assert!(
        readings(&seen.arrivals[..lost]).iter().all(|bad| !bad),
        "no bad reading before the status"
    );
    assert!(
        readings(&seen.arrivals[lost..]).iter().all(|bad| *bad),
        "every scan is sent, as bad readings"
    );
}

/// Frames of the back-fill lane of one boot, in their order.
fn backlog(center: &Center) -> Vec<common::center::Arrival> {
    let mut arrivals: Vec<_> = (center.seen().arrivals.iter())
        .filter(|a| a.header.lane == Lane::Backfill)
        .cloned()
        .collect();
    arrivals.sort_by_key(|a| a.header.seq);
    arrivals.dedup_by_key(|a| a.header.seq);
    arrivals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backlog_tells_how_the_devices_stood_before_the_readings_that_show_it() {
    let (dir, center) = (TempDir::new().unwrap(), Center::start().await);
    let device = CountingDevice::start().await;
    let relay = common::relay::Relay::start(device.address).await;
    let address = relay.address.to_string();
    let config = config(dir.path(), &address, &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    until("live readings", || center.seen().of(Lane::Live) > 8).await;
    let connected = || gateway.snapshot.borrow().devices[0].connected;
    // Two stretches of backlog; in the first the device is lost and comes back.
    for lost in [true, false] {
        gateway.cut.send_replace(true);
        until("the cut", || !gateway.snapshot.borrow().connected).await;
        let counted = device.count();
        until("a backlog", || device.count() > counted + 5).await;
        if lost {
            relay.freeze(true);
            until("the loss of the device", || !connected()).await;
            relay.freeze(false);
            until("the device to be back", connected).await;
            let counted = device.count();
            until("more of the backlog", || device.count() > counted + 5).await;
        }
        gateway.cut.send_replace(false);
        until("the backlog to be repaired", || {
            let shown = gateway.snapshot.borrow();
            shown.connected && shown.backlog_frames == 0
        })
        .await;
    }
    gateway.stop().await;
    // What was sealed before the first link is a stretch as well.
    let mut frames = backlog(&center);
    let live_from = center.seen().arrivals.iter().find(|a| a.header.lane == Lane::Live).cloned();
    frames.retain(|a| live_from.as_ref().is_some_and(|live| live.header.mono <= a.header.mono));
    assert!(frames.iter().all(|a| a.header.flags & FLAG_GAP == 0), "only a live frame ends a gap");
    let mut told = Vec::new();
    for frame in &frames {
        match frame.status() {
            Some(status) => {
                assert!(status.backlog_frames > 0, "it is part of the backlog itself");
                told.push(status.devices[0].connected);
            }
            None if frame.header.kind == Kind::Readings => {
                let shown = !frame.values().is_empty();
                assert_eq!(told.last(), Some(&shown), "frame {}", frame.header.seq);
            }
            None => {}
        }
    }
    // It answered when the first cut began, was lost, answered again; and answered when the second began.
    assert_eq!(told, [true, false, true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_point_table_is_sent_again_when_the_center_asks() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config);
    let tables = || center.seen().arrivals.iter().filter(|a| a.header.kind == Kind::Table).count();
    until("live readings", || center.seen().of(Lane::Live) > 5).await;
    let hash = {
        let seen = center.seen();
        let table = seen.arrivals.iter().find(|a| a.header.kind == Kind::Table).unwrap();
        let (_, payload) = anlan_domain::uplink::open(&table.bytes).unwrap();
        anlan_domain::uplink::read_payload::<anlan_domain::uplink::Table>(payload).unwrap().hash()
    };
    center.change(|m| m.need_table = Some(hash));
    let before = tables();
    gateway.cut.send_replace(true);
    until("the cut", || !gateway.snapshot.borrow().connected).await;
    gateway.cut.send_replace(false);
    // One for the new session, one because the center asked.
    until("the table twice more", || tables() >= before + 2).await;
    gateway.stop().await;
}

/// Damage on the disk costs the readings that it makes meaningless, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_whose_point_table_is_lost_are_dropped_and_counted_and_the_lane_goes_on() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let first =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    center.change(|m| m.up = false);
    let gateway = Running::start(first.clone());
    until("a backlog", || gateway.snapshot.borrow().backlog_frames > 9).await;
    gateway.stop().await;
    let table = std::fs::read_dir(dir.path().join("data/tables")).unwrap().next().unwrap().unwrap();
    std::fs::write(table.path(), b"damaged").unwrap();
    // Another configuration has another table, so that the old one cannot be made anew.
    let mut second = first;
    second.points[0].id = "renamed".into();
    let gateway = Running::start(second);
    until("a backlog of the second life", || gateway.snapshot.borrow().backlog_frames > 5).await;
    center.change(|m| m.up = true);
    until("both lanes", || {
        let seen = center.seen();
        seen.of(Lane::Live) > 5
            && seen.last_status().is_some_and(|s| s.backlog_frames == 0 && s.dropped_frames > 5)
    })
    .await;
    gateway.stop().await;
    // By the frames, not by what the device has counted: it may answer the last request of the first life after its end.
    let seen = center.seen();
    let readings = seen.arrivals.iter().filter(|a| a.header.kind == Kind::Readings);
    let boots: std::collections::BTreeSet<_> = readings.map(|a| a.header.boot).collect();
    assert_eq!(boots.len(), 1, "only what still has a meaning is sent");
    let values = seen.values();
    for (value, expected) in values.iter().zip(values[0] as u32..) {
        assert_eq!(*value, f64::from(expected), "a reading of the second life is missing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_only_a_center_with_a_trusted_certificate_is_spoken_to() {
    let (dir, device) = (TempDir::new().unwrap(), CountingDevice::start().await);
    let (acceptor, ca_pem) = common::tls::acceptor();
    let (_, other_ca_pem) = common::tls::acceptor();
    let center = Center::start_with(Manners::default(), Some(acceptor)).await;
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, other_ca_pem).unwrap();
    let make = || {
        let mut config = config(dir.path(), &device.address.to_string(), "unused", "50ms", "");
        let uplink = config.uplink.as_mut().unwrap();
        uplink.url = format!("wss://localhost:{}/uplink/v1", center.address.port());
        uplink.ca_file = Some(ca_file.clone());
        config
    };
    let gateway = Running::start(make());
    until("the refusal", || gateway.snapshot.borrow().trouble.contains("certificate")).await;
    assert_eq!(center.seen().sessions, 0);
    gateway.stop().await;
    std::fs::write(&ca_file, ca_pem).unwrap();
    let gateway = Running::start(make());
    // Statuses and tables are live frames as well.
    let five_readings = || {
        let seen = center.seen();
        seen.of(Lane::Live) > 5 && seen.values().len() > 5
    };
    until("live readings", five_readings).await;
    gateway.stop().await;
    assert_complete(&center, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_never_share_a_data_folder() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "50ms", "");
    let gateway = Running::start(config.clone());
    until("a link", || gateway.snapshot.borrow().connected).await;
    let second = Box::pin(run(config, Hooks::default(), CancellationToken::new())).await;
    assert!(second.unwrap_err().to_string().contains("another gateway runs"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_link_is_not_taken_for_a_dead_one() {
    let (dir, device, center) =
        (TempDir::new().unwrap(), CountingDevice::start().await, Center::start().await);
    let mut config =
        config(dir.path(), &device.address.to_string(), &center.address.to_string(), "60s", "");
    config.uplink.as_mut().unwrap().silence_max = Duration::from_millis(600);
    let gateway = Running::start(config);
    until("a link", || gateway.snapshot.borrow().connected).await;
    // Nothing to send or acknowledge but a status every five seconds: pings and pongs alone keep the link.
    until("ten quiet seconds", || {
        let seen = center.seen();
        let mut statuses =
            seen.arrivals.iter().filter(|a| a.header.kind == Kind::Status).map(|a| a.header.mono.0);
        statuses
            .next()
            .is_some_and(|first| statuses.next_back().is_some_and(|last| last > first + 9_000))
    })
    .await;
    assert_eq!(center.seen().sessions, 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_named_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("data"), "a file in its place").unwrap();
    let config = config(dir.path(), "127.0.0.1:9", "127.0.0.1:9", "1s", "");
    let folder = config.data_dir.display().to_string();
    let refused = Box::pin(run(config, Hooks::default(), CancellationToken::new())).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains(&folder) && said.contains("gateway.data_dir"), "{said}");
}
