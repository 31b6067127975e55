//! A real gateway, reading a real Modbus device, and a real center over memory: what the one promises of its frames is what
//! the other makes of them. No reading is lost and no alarm is lost, doubled or invented, whatever is cut or restarted.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

#[path = "../../gateway/tests/common/device.rs"]
mod device;
#[path = "../../gateway/tests/common/relay.rs"]
mod relay;
#[path = "../../actors/tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anlan_actors::api::Center;
use anlan_actors::center::RunningCenter;
use anlan_domain::alarm::{AlarmChange, AlarmEntry, Condition};
use anlan_domain::log::RecordKind;
use anlan_domain::uplink::{self, Kind, Lane, ReadingsView};
use anlan_gateway::admin::GatewaySnapshot;
use anlan_gateway::config::GatewayConfig;
use anlan_gateway::run::{Hooks, run};
use anlan_store::state::AlarmSeq;
use device::CountingDevice;
use relay::Relay;
use support::plant::{Park, SECRET, gateway_id, plan};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(90), "waited too long for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A park with one point, `LT-0`: H at 80, HH at 90 with two seconds on-delay.
async fn park() -> Park {
    let mut plan = plan(1, 2);
    plan.hosts.iter_mut().for_each(|host| host.points.retain(|point| point.id.tag() == "LT-0"));
    Park::start_with(plan, |options| {
        options.uplink_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    })
    .await
}

fn config(dir: &Path, device: SocketAddr, center: SocketAddr) -> GatewayConfig {
    std::fs::write(dir.join("secret"), SECRET).unwrap();
    let id = gateway_id(0);
    let text = format!(
        "[gateway]\nid = \"{id}\"\nsecret_file = \"secret\"\ndata_dir = \"data\"\n\
         [uplink]\nurl = \"ws://{center}/uplink/v1\"\nsilence_max = \"2s\"\n\
         [[device]]\nid = \"plc\"\nprotocol = \"modbus-tcp\"\naddress = \"{device}\"\nscan = \"100ms\"\n\
         [[point]]\nid = \"LT-0\"\ndevice = \"plc\"\nregister = \"holding:0\"\ntype = \"u32\"\n"
    );
    GatewayConfig::from_toml(&text, &dir.join("gateway.toml")).unwrap()
}

/// One address for the lives of a center that listens on another port in each.
async fn moving_door(to: Arc<Mutex<SocketAddr>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = *to.lock().unwrap();
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(to).await {
                    // Either side may go at any time.
                    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                }
            });
        }
    });
    address
}

struct Gateway {
    snapshot: watch::Receiver<GatewaySnapshot>,
    cut: watch::Sender<bool>,
    clock_offset_ms: Arc<AtomicI64>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Gateway {
    fn start(config: GatewayConfig) -> Self {
        let (cut, link_cut) = watch::channel(false);
        let hooks = Hooks { link_cut, ..Hooks::default() };
        let (snapshot, clock_offset_ms) =
            (hooks.snapshot.subscribe(), Arc::clone(&hooks.clock_offset_ms));
        let stop = CancellationToken::new();
        let token = stop.clone();
        let task = tokio::spawn(async move { Box::pin(run(config, hooks, token)).await.unwrap() });
        Self { snapshot, cut, clock_offset_ms, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    fn is_repaired(&self) -> bool {
        let shown = self.snapshot.borrow();
        shown.connected && shown.backlog_frames == 0
    }
}

async fn alarms(center: &Arc<RunningCenter>) -> Vec<AlarmEntry> {
    center
        .alarms_after(AlarmSeq(0), 1_000, 1_000_000)
        .await
        .into_iter()
        .map(|a| a.entry.clone())
        .collect()
}

fn raised(alarms: &[AlarmEntry]) -> Vec<(Condition, bool)> {
    let mut raised: Vec<_> = alarms
        .iter()
        .filter_map(|entry| match entry.change {
            AlarmChange::Raised { late, .. } => Some((entry.alarm.condition, late)),
            _ => None,
        })
        .collect();
    raised.sort();
    raised
}

/// Every value of the journal; each number of the counting device must be there exactly once.
fn journalled(park: &Park) -> Vec<u32> {
    let mut seen = BTreeSet::new();
    let mut values = Vec::new();
    for record in park.disk.records.lock().unwrap().iter().filter(|r| r.kind == RecordKind::Frame) {
        let (header, payload) = uplink::open(&record.payload).unwrap();
        if header.kind == Kind::Readings {
            assert!(seen.insert((header.boot, header.lane, header.seq)), "journalled once");
            let view = ReadingsView::new(payload).unwrap();
            values.extend(
                view.groups().filter(|g| !g.quality(0).is_bad()).map(|g| g.value(0) as u32),
            );
        }
    }
    values.sort_unstable();
    values
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_crosses_its_limits_is_two_alarms_though_the_clock_is_wrong_and_steps() {
    let (dir, park, device) =
        (TempDir::new().unwrap(), park().await, CountingDevice::start().await);
    let gateway =
        Gateway::start(config(dir.path(), device.address, park.center.uplink_address().unwrap()));
    gateway.clock_offset_ms.store(600_000, Ordering::Relaxed);
    until("the first readings", || device.count() > 20).await;
    // An hour and more back, then two hours forward.
    gateway.clock_offset_ms.store(-3_600_000, Ordering::Relaxed);
    until("readings after the step back", || device.count() > 50).await;
    gateway.clock_offset_ms.store(3_600_000, Ordering::Relaxed);
    until("the value over 90 for two seconds and more", || device.count() > 90 + 30).await;
    until("both alarms", || park.center.last_alarm().0 >= 2).await;
    let alarms = alarms(&park.center).await;
    assert_eq!(
        raised(&alarms),
        [(Condition::HighHigh, false), (Condition::High, false)],
        "{alarms:#?}"
    );
    gateway.stop().await;
    assert_eq!(journalled(&park), (1..=device.count()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_crosses_its_limits_during_a_cut_comes_as_late_alarms_and_nothing_is_missing() {
    let (dir, park, device) =
        (TempDir::new().unwrap(), park().await, CountingDevice::start().await);
    let gateway =
        Gateway::start(config(dir.path(), device.address, park.center.uplink_address().unwrap()));
    until("live readings", || device.count() > 60 && gateway.is_repaired()).await;
    gateway.cut.send_replace(true);
    until("the value over 90 for two seconds and more", || device.count() > 90 + 30).await;
    gateway.cut.send_replace(false);
    until("the backlog to be repaired", || gateway.is_repaired()).await;
    until("both alarms", || park.center.last_alarm().0 >= 2).await;
    let count = device.count();
    until("more live readings", || device.count() > count + 20).await;
    gateway.stop().await;
    // The cut outlasts the gateway's grace, so its loss is an alarm as well.
    // On a slow machine the counting device also counts beyond its range before the test is over.
    let mut found = raised(&alarms(&park.center).await);
    found.retain(|f| f.0 != Condition::OutOfRange);
    let conditions: Vec<Condition> = found.iter().map(|f| f.0).collect();
    assert_eq!(
        conditions,
        [Condition::HighHigh, Condition::High, Condition::GatewayLost],
        "{found:?}"
    );
    assert_eq!(
        found[0],
        (Condition::HighHigh, true),
        "its delay was over before the link was back"
    );
    assert_eq!(journalled(&park), (1..=device.count()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_lost_during_a_cut_is_one_late_alarm_and_its_point_has_none() {
    let (dir, park, device) =
        (TempDir::new().unwrap(), park().await, CountingDevice::start().await);
    let line = Relay::start(device.address).await;
    let gateway =
        Gateway::start(config(dir.path(), line.address, park.center.uplink_address().unwrap()));
    until("live readings", || device.count() > 10 && gateway.is_repaired()).await;
    let told = || gateway.snapshot.borrow().devices[0].clone();
    gateway.cut.send_replace(true);
    until("the cut", || !gateway.snapshot.borrow().connected).await;
    line.freeze(true);
    until("the loss of the device", || !told().connected).await;
    let lost = told().since;
    // Clearly longer than its grace of five seconds.
    tokio::time::sleep(Duration::from_secs(7)).await;
    line.freeze(false);
    until("the device to be back", || told().connected).await;
    let back = told().since;
    gateway.cut.send_replace(false);
    until("the backlog to be repaired", || gateway.is_repaired()).await;
    let count = device.count();
    until("more live readings", || device.count() > count + 10).await;
    gateway.stop().await;
    let found = alarms(&park.center).await;
    let of_device: Vec<_> = (found.iter())
        .filter(|entry| entry.alarm.condition == Condition::DeviceLost)
        .map(|entry| (entry.alarm.to_string(), entry.change.clone(), entry.source_time))
        .collect();
    let id = format!("device:{}/plc|DEVICE|1", gateway_id(0));
    assert!(
        matches!(
            &of_device[..],
            [
                (raised, AlarmChange::Raised { late: true, .. }, from),
                (cleared, AlarmChange::Cleared { .. }, to),
            ] if *raised == id && *cleared == id && *from == lost.plus(5_000) && *to == back
        ),
        "lost at {lost:?}, back at {back:?}: {of_device:#?}"
    );
    let of_point = raised(&found)
        .into_iter()
        .filter(|(condition, _)| matches!(condition, Condition::BadQuality | Condition::Missing));
    assert_eq!(of_point.collect::<Vec<_>>(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_center_that_is_killed_again_and_again_has_every_reading_once_and_no_alarm_of_its_own() {
    let (dir, mut park, device) =
        (TempDir::new().unwrap(), park().await, CountingDevice::start().await);
    let door = Arc::new(Mutex::new(park.center.uplink_address().unwrap()));
    let gateway =
        Gateway::start(config(dir.path(), device.address, moving_door(Arc::clone(&door)).await));
    for _ in 0..6 {
        let count = device.count();
        until("readings", || device.count() > count + 7).await;
        park.kill_and_restart().await;
        *door.lock().unwrap() = park.center.uplink_address().unwrap();
        until("the gateway to be back", || gateway.snapshot.borrow().connected).await;
    }
    until("the value over 90 for two seconds and more", || device.count() > 90 + 30).await;
    until("the backlog to be repaired", || gateway.is_repaired()).await;
    until("both alarms", || park.center.last_alarm().0 >= 2).await;
    gateway.stop().await;
    let found = raised(&alarms(&park.center).await);
    let conditions: Vec<Condition> = found.iter().map(|f| f.0).collect();
    assert_eq!(conditions, [Condition::HighHigh, Condition::High], "{found:?}");
    assert_eq!(journalled(&park), (1..=device.count()).collect::<Vec<_>>());
    let lanes: BTreeSet<Lane> = park
        .disk
        .records
        .lock()
        .unwrap()
        .iter()
        .filter(|r| r.kind == RecordKind::Frame)
        .map(|r| uplink::open(&r.payload).unwrap().0.lane)
        .collect();
    assert_eq!(lanes.len(), 2, "some of it came as back-fill");
}
