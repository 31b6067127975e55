//! What a host's actor tells of its host: at once, and of what is there.

use std::time::Duration;

use anlan_actors::api::{Center, RollupView};
use anlan_actors::tree::host::HostMsg;
use anlan_domain::alarm::AlarmId;
use anlan_domain::log::{Command, HostConfig, HostNo};
use anlan_domain::uplink::{DeviceStatus, Kind, Lane, Status, write_payload};
use anlan_store::state::AlarmSeq;

use crate::support::gateway::Gateway;
use crate::support::plant::{Park, enterprise, gateway_id, plan, table};

const POINTS: u32 = 16;

/// A park whose hosts write a checkpoint once a minute: what is told sooner is told for its own sake.
async fn park() -> Park {
    let minute = Duration::from_secs(60);
    Park::start_with(plan(1, POINTS), |options| options.checkpoint_every = (minute, minute)).await
}

async fn connected(park: &Park) -> Gateway {
    let mut gateway = Gateway::new(gateway_id(0).as_str(), 1, table(POINTS), park.begun);
    gateway.connect(&park.center).await.unwrap();
    for _ in 0..2 {
        let seq = gateway.seal_readings(Lane::Live, 0, &[50.0; POINTS as usize]);
        assert!(gateway.send(Lane::Live, seq).await);
        gateway.listen(Duration::from_millis(200), |g| g.unacked.is_empty()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    gateway
}

async fn roll(park: &Park, node: &str) -> RollupView {
    park.center.rollups(vec![node.to_owned()]).await.pop().unwrap_or_default()
}

/// Waits until it holds, for seconds at most.
async fn within(park: &Park, node: &str, holds: impl Fn(&RollupView) -> bool) -> RollupView {
    for _ in 0..100 {
        let shown = roll(park, node).await;
        if holds(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{node} still shows {:?}", roll(park, node).await);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_no_reading_brings_and_an_acknowledgement_are_told_at_once() {
    let park = park().await;
    let mut gateway = connected(&park).await;
    let device = DeviceStatus {
        device: "plc".into(),
        connected: false,
        since: park.now(),
        last_error: "no answer".into(),
    };
    let status = Status { devices: vec![device], ..Status::default() };
    let seq = gateway.seal(Kind::Status, Lane::Live, &write_payload(&status));
    assert!(gateway.send(Lane::Live, seq).await);
    gateway.listen(Duration::from_millis(200), |g| g.unacked.is_empty()).await;
    let enterprise = "enterprise:410205000";
    assert_eq!(within(&park, enterprise, |roll| roll.bad == POINTS).await.open, [0; 4]);
    // Nothing comes any more but ticks, until its grace is over.
    let mut alarms = Vec::new();
    while alarms.is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        alarms = park.center.alarms_after(AlarmSeq(0), 10, 0).await;
    }
    within(&park, enterprise, |roll| roll.open[2] == 1 && roll.unacked[2] == 1).await;
    let alarm: AlarmId = alarms[0].entry.alarm.clone();
    let command = Command::Acknowledge { alarm, by: "wang.li".into(), comment: String::new() };
    park.center.command(command).await.unwrap();
    within(&park, enterprise, |roll| roll.open[2] == 1 && roll.unacked[2] == 0).await;
    park.stop();
}

#[tokio::test(start_paused = true)]
async fn equipment_that_left_a_host_shows_nothing_and_equipment_that_came_is_shown() {
    let park = park().await;
    let _gateway = connected(&park).await;
    let [first, second, third] =
        ["V-0", "V-1", "V-2"].map(|tag| format!("equipment:410205000.{tag}"));
    within(&park, &first, |roll| roll.points == 4).await;
    let hosts = plan(1, POINTS).hosts;
    let host = |no: u32| hosts.iter().find(|config| config.host == HostNo(no)).unwrap().clone();
    let (mut hazard, mut general) = (host(1), host(2));
    let moved: Vec<_> = hazard.points.drain(..4).collect();
    let wish = |config: &HostConfig| {
        let mut plan = park.directory.0.lock().unwrap();
        let at = plan.hosts.iter().position(|known| known.host == config.host).unwrap();
        plan.hosts[at] = config.clone();
    };
    wish(&hazard);
    park.center.configure(vec![hazard.host]).await.unwrap();
    within(&park, &first, |roll| roll.points == 0).await;
    within(&park, &second, |roll| roll.points == 4).await;
    // In front of what is there: every other piece has another place now.
    general.points.splice(0..0, moved);
    wish(&general);
    park.center.configure(vec![hazard.host, general.host]).await.unwrap();
    within(&park, &first, |roll| roll.points == 4).await;
    within(&park, &third, |roll| roll.points == 4).await;
    park.stop();
}

#[tokio::test(start_paused = true)]
async fn what_kept_failing_and_now_runs_is_shown_as_well_though_nothing_else_happens() {
    let park = park().await;
    let host = HostNo(1);
    for life in 0..3 {
        // The delay before the next life doubles from 100 ms.
        if life > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let actor = park.center.shared().host_refs.get(host).unwrap();
        actor.send_message(HostMsg::Crash).unwrap();
    }
    let node = format!("enterprise:{}", enterprise(0));
    within(&park, &node, |roll| roll.faulty).await;
    tokio::time::sleep(Duration::from_secs(55)).await;
    assert!(roll(&park, &node).await.faulty, "it has not run for a minute");
    tokio::time::sleep(Duration::from_secs(10)).await;
    for node in [node.as_str(), "region:410205P01", "center"] {
        assert!(!roll(&park, node).await.faulty, "{node}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_were_taken_out_of_the_plan_are_forgotten() {
    let park = Park::start(plan(2, POINTS)).await;
    let of = |i: u32| {
        let code = enterprise(i);
        let nodes = [
            format!("enterprise:{code}"),
            format!("hazard:{code}001"),
            format!("general:{code}"),
            format!("equipment:{code}.V-0"),
            format!("equipment:{code}.V-2"),
        ];
        nodes.to_vec()
    };
    let shown = async |i| park.center.rollups(of(i)).await.len();
    while shown(0).await + shown(1).await < 10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    {
        let mut plan = park.directory.0.lock().unwrap();
        plan.enterprises.retain(|entry| entry.code != enterprise(1));
        plan.gateways.retain(|gateway| gateway.enterprise != enterprise(1));
        plan.hosts.retain(|host| host.enterprise != Some(enterprise(1)));
    }
    park.center.configure(vec![]).await.unwrap();
    assert_eq!((shown(0).await, shown(1).await), (5, 0));
    // And they do not come back by themselves.
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((shown(0).await, shown(1).await), (5, 0));
}
