//! The way of a frame: sign-in, acknowledgement, duplicates, foreign points, unknown tables and kinds.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use anlan_actors::api::{Center, Topic};
use anlan_actors::ingest::doorstep::BEFORE_SIGN_IN_MAX;
use anlan_actors::ingest::listener::{PATH, handshake};
use anlan_domain::alarm::{AlarmChange, Condition};
use anlan_domain::log::{Command, RecordKind};
use anlan_domain::uplink::{self, Kind, Lane};
use anlan_store::state::AlarmSeq;
use futures_util::{SinkExt, StreamExt};
use support::gateway::{Gateway, Said};
use support::plant::{Park, enterprise, gateway_id, plan, table};
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(5);

async fn park_with_gateway() -> (Park, Gateway) {
    let park = Park::start(plan(2, 8)).await;
    let mut gateway = Gateway::new(gateway_id(0).as_str(), 1, table(8), park.begun);
    gateway.connect(&park.center).await.unwrap();
    (park, gateway)
}

/// Frames of the journal, opened.
fn journalled(park: &Park) -> Vec<(u32, uplink::Header)> {
    let records = park.disk.records.lock().unwrap();
    records
        .iter()
        .filter(|record| record.kind == RecordKind::Frame)
        .map(|record| (record.source, uplink::open(&record.payload).unwrap().0))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_reading_over_the_limit_becomes_one_alarm_in_the_log() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[50.0, 85.0, 50.0]);
    let said = gateway.settle().await;
    assert_eq!(said[0], Said::NeedTable(gateway.table.hash()));
    assert!(gateway.unacked.is_empty(), "{said:?}");
    let alarms = park.center.alarms_after(AlarmSeq(0), 10, 5_000).await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    let entry = &alarms[0].entry;
    assert_eq!(&*entry.alarm.subject.0, "410205000.LT-1");
    assert_eq!(entry.alarm.condition, Condition::High);
    assert!(matches!(entry.change, AlarmChange::Raised { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_acknowledged_only_once_it_is_in_the_journal() {
    let (park, mut gateway) = park_with_gateway().await;
    for _ in 0..20 {
        gateway.seal_readings(Lane::Live, 0, &[1.0; 8]);
        gateway.send_all().await;
        gateway.listen(Duration::from_millis(3), |_| false).await;
        let there = journalled(&park);
        for &(_, lane, seq) in &gateway.acked {
            assert!(there.iter().any(|(_, h)| (h.lane, h.seq) == (lane, seq)), "{lane:?} {seq}");
        }
    }
    gateway.settle().await;
    assert!(gateway.unacked.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_resent_frame_is_acknowledged_again_and_journalled_once() {
    let (mut park, mut gateway) = park_with_gateway().await;
    let seq = gateway.seal_readings(Lane::Live, 0, &[1.0]);
    let frame = gateway.unacked[&(Lane::Live, seq)].clone();
    gateway.settle().await;
    for restart in [false, true] {
        if restart {
            park.kill_and_restart().await;
            gateway.connect(&park.center).await.unwrap();
        }
        gateway.unacked.insert((Lane::Live, seq), frame.clone());
        gateway.acked.clear();
        gateway.settle().await;
        assert!(gateway.acked.contains(&(gateway.boot, Lane::Live, seq)), "restart {restart}");
        let copies = journalled(&park).iter().filter(|(_, h)| h.seq == seq).count();
        assert_eq!(copies, 1, "restart {restart}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_not_bound_are_ignored_and_listed() {
    let (park, mut gateway) = park_with_gateway().await;
    // Row 8 is bound to nothing: its value would be far over every limit.
    gateway.seal_readings(Lane::Live, 7, &[10.0, 99.0]);
    gateway.settle().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    gateway.seal_readings(Lane::Live, 7, &[10.0, 99.0]);
    gateway.settle().await;
    assert_eq!(park.center.last_alarm(), AlarmSeq(0));
    let view = park.center.gateways().into_iter().find(|g| g.id == gateway_id(0)).unwrap();
    assert_eq!((view.refused_rows, view.refused_tags), (1, vec!["NOT-OURS".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_cannot_write_the_points_of_another() {
    let (park, mut gateway) = park_with_gateway().await;
    let mut other = Gateway::new(gateway_id(1).as_str(), 2, table(8), park.begun);
    other.connect(&park.center).await.unwrap();
    // The same tags, but of its own enterprise.
    other.seal_readings(Lane::Live, 0, &[85.0]);
    other.settle().await;
    gateway.seal_readings(Lane::Live, 0, &[1.0]);
    gateway.settle().await;
    let alarms = park.center.alarms_after(AlarmSeq(0), 10, 5_000).await;
    let subjects: Vec<_> = alarms.iter().map(|a| a.entry.alarm.subject.0.to_string()).collect();
    assert_eq!(subjects, ["410205001.LT-0"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_data_kind_is_skipped_and_acknowledged_and_an_unknown_control_kind_ignored() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal(Kind::Unknown(0x42), Lane::Live, b"from the future");
    gateway.settle().await;
    assert!(gateway.unacked.is_empty());
    assert!(journalled(&park).is_empty());
    let control = gateway.seal(Kind::Unknown(0xF0), Lane::Live, b"");
    gateway.send(Lane::Live, control).await;
    gateway.unacked.clear();
    gateway.seal_readings(Lane::Live, 0, &[1.0]);
    gateway.settle().await;
    assert!(gateway.unacked.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_is_unknown_or_has_another_secret_is_refused() {
    let park = Park::start(plan(1, 4)).await;
    let mut gateway = Gateway::new("41020509901", 1, table(4), park.begun);
    let refused = gateway.connect(&park.center).await;
    assert_eq!(refused.unwrap_err(), Said::Refused("unknown_gateway".into()));
    let mut gateway = Gateway::new(gateway_id(0).as_str(), 1, table(4), park.begun);
    gateway.secret = "a guess".into();
    let refused = gateway.connect(&park.center).await;
    assert_eq!(refused.unwrap_err(), Said::Refused("bad_secret".into()));
}

/// A client that says what a gateway would not, and what it is answered: the code of the refusal.
async fn says_before_sign_in(park: &Park, bytes: Vec<u8>) -> String {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let peer = "127.0.0.1:9".parse().unwrap();
    tokio::spawn(handshake(theirs, peer, park.center.shared().clone()));
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("ws://center{PATH}"), ours).await.unwrap();
    socket.send(Message::Binary(bytes.into())).await.unwrap();
    let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("no refusal") };
    let (_, payload) = uplink::open(&answer).unwrap();
    let refuse: uplink::Refuse = uplink::read_payload(payload).unwrap();
    format!("{}: {}", refuse.code, refuse.message)
}

#[tokio::test(start_paused = true)]
async fn before_sign_in_no_more_than_64_kib_are_read_and_after_it_a_frame_may_be_large() {
    let (park, mut gateway) = park_with_gateway().await;
    let large = says_before_sign_in(&park, vec![0; 65 * 1024]).await;
    assert_eq!(large, "bad_frame: no hello within the first 65536 bytes");
    // Nearly as large, it is read, and found to be no frame.
    let small = says_before_sign_in(&park, vec![0; 60 * 1024]).await;
    assert!(small.starts_with("bad_frame: ") && !small.contains("65536"), "{small}");
    // The gateway that has signed in sends more than that in one frame, and goes on.
    let seq = gateway.seal_readings(Lane::Live, 0, &[1.0; 40_000]);
    assert!(gateway.unacked[&(Lane::Live, seq)].len() > 2 * BEFORE_SIGN_IN_MAX);
    gateway.seal_readings(Lane::Live, 0, &[1.0; 8]);
    gateway.settle().await;
    assert!(gateway.unacked.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_damaged_frame_closes_the_connection_and_costs_nothing_that_was_acknowledged() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[1.0]);
    gateway.settle().await;
    let seq = gateway.seal_readings(Lane::Live, 0, &[2.0]);
    let mut bad = gateway.unacked[&(Lane::Live, seq)].clone();
    *bad.last_mut().unwrap() ^= 1;
    gateway.send_bytes(bad).await;
    let said = gateway.listen(PATIENCE, |_| false).await;
    assert!(said.contains(&Said::Refused("bad_frame".into())), "{said:?}");
    gateway.connect(&park.center).await.unwrap();
    gateway.settle().await;
    assert!(gateway.unacked.is_empty());
    let view = park.center.gateways().into_iter().find(|g| g.id == gateway_id(0)).unwrap();
    assert_eq!(view.refused, 1);
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_replaces_an_older_one() {
    let (park, mut gateway) = park_with_gateway().await;
    let mut newer = Gateway::new(gateway_id(0).as_str(), 2, table(8), park.begun);
    newer.connect(&park.center).await.unwrap();
    let said = gateway.listen(PATIENCE, |_| false).await;
    assert_eq!(said[0], Said::Refused("replaced".into()));
    newer.seal_readings(Lane::Live, 0, &[1.0]);
    newer.settle().await;
    assert!(newer.unacked.is_empty());
    assert!(park.center.gateways()[0].connected, "the end of the older one does not count");
}

#[tokio::test(start_paused = true)]
async fn the_skew_and_the_steps_of_a_clock_are_measured() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.skew_ms = 600_000;
    for _ in 0..3 {
        gateway.seal_readings(Lane::Live, 0, &[1.0]);
        gateway.settle().await;
    }
    gateway.skew_ms = -3_600_000;
    gateway.epoch = 1;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..3 {
        gateway.seal_readings(Lane::Live, 0, &[85.0]);
        gateway.settle().await;
    }
    gateway.seal_status();
    gateway.settle().await;
    let view = park.center.gateways().into_iter().find(|g| g.id == gateway_id(0)).unwrap();
    assert_eq!((view.clock_steps, view.clock_epoch), (1, 1));
    let skew = view.skew_ms.unwrap();
    assert!((skew + 3_600_000).abs() < 100, "{skew}");
    assert_eq!(park.center.alarms_after(AlarmSeq(0), 10, 5_000).await.len(), 1, "not silenced");
}

#[tokio::test(start_paused = true)]
async fn what_a_backlog_says_of_a_device_is_not_shown_as_how_it_stands() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.socket = None;
    gateway.set_device(false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    gateway.set_device(true);
    gateway.connect(&park.center).await.unwrap();
    let seq = gateway.tell();
    assert!(gateway.send(Lane::Live, seq).await);
    gateway.listen(Duration::from_secs(1), |g| !g.unacked.contains_key(&(Lane::Live, seq))).await;
    // The first status of the backlog says that it is lost.
    assert!(gateway.send(Lane::Backfill, 1).await);
    gateway.listen(Duration::from_secs(1), |g| g.acked.len() > 1 && g.unacked.len() == 1).await;
    assert!(!gateway.unacked.contains_key(&(Lane::Backfill, 1)), "acknowledged like any other");
    let view = park.center.gateways().into_iter().find(|g| g.id == gateway_id(0)).unwrap();
    assert!(view.devices[0].connected);
    assert_eq!(view.backlog_frames, 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_acknowledgement_and_alarms_are_shown_as_not_durable() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[1.0; 8]);
    gateway.settle().await;
    park.disk.full.store(true, std::sync::atomic::Ordering::SeqCst);
    gateway.seal_readings(Lane::Live, 0, &[85.0]);
    gateway.send_all().await;
    // It is told to connect anew at once, with room for all that will not be acknowledged.
    let said = gateway.listen(Duration::from_secs(2), |_| false).await;
    assert!(said.contains(&Said::Refused("not_durable".into())), "{said:?}");
    gateway.connect(&park.center).await.unwrap();
    gateway.send_all().await;
    gateway.listen(Duration::from_secs(2), |_| false).await;
    assert_eq!(gateway.unacked.len(), 1);
    assert!(park.center.ready().unwrap_err().contains("未落盘"));
    let shown = park.center.undurable_alarms();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(park.center.last_alarm(), AlarmSeq(0));
    park.disk.full.store(false, std::sync::atomic::Ordering::SeqCst);
    let said = gateway.listen(PATIENCE, |_| false).await;
    assert!(said.contains(&Said::Refused("not_durable".into())), "{said:?}");
    gateway.connect(&park.center).await.unwrap();
    gateway.settle().await;
    assert_eq!(park.center.alarms_after(AlarmSeq(0), 10, 5_000).await.len(), 1);
    assert!(park.center.undurable_alarms().is_empty());
    assert!(park.center.ready().is_ok());
}

#[tokio::test(start_paused = true)]
async fn frames_behind_one_that_found_no_room_do_not_overtake_it() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[1.0; 8]);
    gateway.settle().await;
    park.disk.full.store(true, std::sync::atomic::Ordering::SeqCst);
    let lost = gateway.seal_readings(Lane::Live, 0, &[85.0]);
    gateway.send(Lane::Live, lost).await;
    // Room again, while the gateway has not heard of anything yet and goes on.
    tokio::time::sleep(Duration::from_millis(1)).await;
    park.disk.full.store(false, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..5 {
        let seq = gateway.seal_readings(Lane::Live, 1, &[1.0]);
        gateway.send(Lane::Live, seq).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..3 {
        gateway.listen(PATIENCE, |g| g.unacked.is_empty()).await;
        if gateway.unacked.is_empty() {
            break;
        }
        gateway.connect(&park.center).await.unwrap();
        gateway.send_all().await;
    }
    assert!(gateway.unacked.is_empty());
    support::reference::in_order(&park.disk).unwrap();
    let alarms = park.center.alarms_after(AlarmSeq(0), 10, 5_000).await;
    assert_eq!(
        alarms.len(),
        1,
        "the reading that found no room raises its alarm once it is sent again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_lost_while_the_disk_is_full_is_alarmed() {
    let (park, mut gateway) = park_with_gateway().await;
    let mut other = Gateway::new(gateway_id(1).as_str(), 2, table(8), park.begun);
    other.connect(&park.center).await.unwrap();
    for g in [&mut gateway, &mut other] {
        g.seal_readings(Lane::Live, 0, &[1.0; 8]);
        g.settle().await;
    }
    park.disk.full.store(true, std::sync::atomic::Ordering::SeqCst);
    gateway.socket = None;
    tokio::time::sleep(Duration::from_secs(2)).await;
    park.disk.full.store(false, std::sync::atomic::Ordering::SeqCst);
    let mut lost = false;
    for _ in 0..40 {
        // The other one stays, so it is not the center's link.
        if other.socket.is_none() {
            drop(other.connect(&park.center).await);
        }
        other.seal_readings(Lane::Live, 0, &[1.0; 8]);
        other.settle().await;
        let log = park.center.alarms_after(AlarmSeq(0), 100, 500).await;
        lost = log.iter().any(|record| {
            record.entry.alarm.condition == Condition::GatewayLost
                && record.entry.alarm.subject.0.contains(gateway_id(0).as_str())
        });
        if lost {
            break;
        }
    }
    assert!(lost, "the loss was kept until it could be logged");
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_new_readings_are_evaluated_however_many_wait_for_room() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[1.0; 8]);
    gateway.settle().await;
    let window = park.options.window_frames;
    park.disk.full.store(true, std::sync::atomic::Ordering::SeqCst);
    gateway.seal_readings(Lane::Live, 0, &[1.0]);
    gateway.send_all().await;
    // The center says that it is so; from the next welcome on a gateway may have far more under way.
    gateway.listen(PATIENCE, |_| false).await;
    let welcome = gateway.connect(&park.center).await.unwrap();
    assert!(welcome.window_frames > 100 * window, "{}", welcome.window_frames);
    for _ in 0..2 * window {
        gateway.seal_readings(Lane::Live, 0, &[1.0]);
    }
    gateway.seal_readings(Lane::Live, 0, &[85.0]);
    gateway.send_all().await;
    let mut changes = park.center.undurable_changes().unwrap();
    while park.center.undurable_alarms().is_empty() {
        tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    }
    assert_eq!(park.center.undurable_alarms().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_enterprise_that_moves_to_another_region_is_counted_there_alone() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[85.0; 8]);
    gateway.settle().await;
    park.center.alarms_after(AlarmSeq(0), 1, 5_000).await;
    let hosts = {
        let mut plan = park.directory.0.lock().unwrap();
        plan.enterprises[0].region = "410205".parse().unwrap();
        vec![]
    };
    park.center.configure(hosts).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let open = async |node: &str| {
        let views = park.center.rollups(vec![node.to_owned()]).await;
        views.first().map(|view| (view.open, view.points))
    };
    assert_eq!(open("region:410205P01").await, Some(([0, 0, 0, 0], 8)), "the other one stays");
    assert_eq!(open("region:410205").await, Some(([0, 0, 8, 0], 16)));
    assert_eq!(open("region:410000").await, Some(([0, 0, 8, 0], 16)), "counted once");
    // Its gateway connects anew and is judged in the new place, with nothing doubled.
    gateway.listen(PATIENCE, |_| false).await;
    gateway.connect(&park.center).await.unwrap();
    gateway.seal_readings(Lane::Live, 0, &[50.0; 8]);
    gateway.settle().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(park.disk.alarms.lock().unwrap().len(), 16, "eight raised and eight cleared");
    assert_eq!(open("region:410000").await, Some(([0, 0, 0, 0], 16)));
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_is_in_the_log_when_it_returns_and_the_second_is_refused() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[85.0]);
    gateway.settle().await;
    let alarm = park.center.alarms_after(AlarmSeq(0), 1, 5_000).await[0].entry.alarm.clone();
    park.center
        .command(Command::Acknowledge {
            alarm: alarm.clone(),
            by: "wang".into(),
            comment: "seen".into(),
        })
        .await
        .unwrap();
    let log = park.center.alarms_after(AlarmSeq(1), 10, 0).await;
    assert!(matches!(&log[0].entry.change, AlarmChange::Acknowledged { by, .. } if by == "wang"));
    let second = park
        .center
        .command(Command::Acknowledge { alarm, by: "li".into(), comment: String::new() })
        .await;
    assert!(second.unwrap_err().to_string().contains("already"));
}

#[tokio::test(start_paused = true)]
async fn the_alarm_of_a_point_that_was_removed_can_still_be_acknowledged() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[85.0]);
    gateway.settle().await;
    let alarm = park.center.alarms_after(AlarmSeq(0), 1, 5_000).await[0].entry.alarm.clone();
    let hosts = {
        let mut plan = park.directory.0.lock().unwrap();
        let host = plan.hosts.iter_mut().find(|host| host.host.0 == 1).unwrap();
        host.points.retain(|point| !point.id.as_str().ends_with("LT-0"));
        vec![host.host]
    };
    park.center.configure(hosts).await.unwrap();
    park.center
        .command(Command::Acknowledge {
            alarm: alarm.clone(),
            by: "wang".into(),
            comment: "gone".into(),
        })
        .await
        .unwrap();
    let second = park
        .center
        .command(Command::Acknowledge { alarm, by: "li".into(), comment: String::new() })
        .await;
    assert!(second.is_err());
    let log = park.center.alarms_after(AlarmSeq(0), 10, 0).await;
    let acknowledged = log.iter().filter(|record| {
        matches!(&record.entry.change, AlarmChange::Acknowledged { by, .. } if by == "wang")
    });
    assert_eq!(acknowledged.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn live_subscribers_get_a_snapshot_then_changes_and_roll_ups_reach_the_region() {
    let (park, mut gateway) = park_with_gateway().await;
    let park_code = "410205P01".parse().unwrap();
    let mut region = park.center.subscribe(Topic::Region(park_code)).await.unwrap();
    let mut values = park.center.subscribe(Topic::Enterprise(enterprise(0))).await.unwrap();
    assert!(region.recv().await.unwrap().body.contains("\"type\":\"snapshot\""));
    assert!(values.recv().await.unwrap().body.contains("410205000.LT-7"));
    gateway.seal_readings(Lane::Live, 0, &[85.0, 3.25]);
    gateway.settle().await;
    let wait_for = async |receiver: &mut tokio::sync::mpsc::Receiver<_>, text: &str| {
        loop {
            let message: anlan_actors::api::LiveMessage = receiver.recv().await.unwrap();
            if message.body.contains(text) {
                return message;
            }
        }
    };
    wait_for(&mut values, "\"v\":3.25").await;
    let rollup = wait_for(&mut region, "\"n\":\"region:410205P01\",\"worst\":3").await;
    assert!(rollup.body.starts_with("\"type\":\"rollup\""));
    let province = park.center.rollups(vec!["region:410000".into()]).await;
    assert_eq!(province[0].open, [0, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_tree_describes_itself_and_a_crashed_host_comes_back_with_its_alarms() {
    let (park, mut gateway) = park_with_gateway().await;
    gateway.seal_readings(Lane::Live, 0, &[85.0]);
    gateway.settle().await;
    park.center.alarms_after(AlarmSeq(0), 1, 5_000).await;
    let host = anlan_domain::log::HostNo(1);
    let before = park.center.shared().host_refs.get(host).unwrap();
    before.send_message(anlan_actors::tree::host::HostMsg::Crash).unwrap();
    // A reading that arrives while the host is down is not lost.
    gateway.seal_readings(Lane::Live, 1, &[86.0]);
    gateway.settle().await;
    let alarms = loop {
        let alarms = park.center.alarms_after(AlarmSeq(1), 10, 1_000).await;
        if !alarms.is_empty() {
            break alarms;
        }
    };
    assert_eq!(&*alarms[0].entry.alarm.subject.0, "410205000.LT-1");
    assert_eq!(park.center.rollups(vec!["hazard:410205000001".into()]).await[0].open, [0, 0, 2, 0]);
    let tree = park.center.tree().await;
    let mut found = None;
    let mut stack = vec![tree];
    while let Some(node) = stack.pop() {
        if node.id == "hazard:410205000001" {
            found = Some((node.state, node.restarts, node.children.len(), node.sensors));
        }
        stack.extend(node.children);
    }
    assert_eq!(found, Some(("running", 1, 1, 4)));
}

#[tokio::test]
async fn a_connection_beyond_the_bound_is_told_so() {
    let park = Park::start_with(plan(1, 4), |options| {
        options.uplink_listen = Some("127.0.0.1:0".parse().unwrap());
        options.connections_max = 1;
    })
    .await;
    let url = format!(
        "ws://{}{}",
        park.center.uplink_address().unwrap(),
        anlan_actors::ingest::listener::PATH
    );
    let first = tokio_tungstenite::connect_async(&url).await.unwrap();
    let second = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    let tokio_tungstenite::tungstenite::Error::Http(response) = second else {
        panic!("{second}");
    };
    assert_eq!(response.status(), 503);
    assert_eq!(response.body().as_deref(), Some(&b"too many gateways are connected"[..]));
    drop(first);
    park.stop();
}

#[tokio::test(start_paused = true)]
async fn a_gateway_whose_secret_was_changed_is_cut_off_at_once_and_a_removed_one_too() {
    let (park, mut gateway) = park_with_gateway().await;
    let mut other = Gateway::new(gateway_id(1).as_str(), 2, table(8), park.begun);
    other.connect(&park.center).await.unwrap();
    park.directory.0.lock().unwrap().gateways[0].secret_sha256 = [9; 32];
    park.center.configure(vec![]).await.unwrap();
    let said = gateway.listen(PATIENCE, |_| false).await;
    assert!(said.contains(&Said::Refused("bad_secret".into())), "{said:?}");
    assert_eq!(
        gateway.connect(&park.center).await,
        Err(Said::Refused("bad_secret".into())),
        "and cannot come back with the old one"
    );
    park.directory.0.lock().unwrap().gateways.remove(1);
    park.center.configure(vec![]).await.unwrap();
    let said = other.listen(PATIENCE, |_| false).await;
    assert!(said.contains(&Said::Refused("unknown_gateway".into())), "{said:?}");
    assert!(park.center.gateways().iter().all(|view| view.id != gateway_id(1)));
}

#[tokio::test(start_paused = true)]
async fn the_gateway_of_an_enterprise_that_was_removed_is_cut_off_and_shown_no_longer() {
    let (park, mut gateway) = park_with_gateway().await;
    let gone = gateway_id(0);
    assert!(park.center.gateways().iter().any(|view| view.id == gone));
    {
        let mut plan = park.directory.0.lock().unwrap();
        let code = plan.enterprises.remove(0).code;
        plan.gateways.retain(|gateway| gateway.enterprise != code);
        plan.hosts.retain(|host| host.enterprise.as_ref() != Some(&code));
    }
    park.center.configure(vec![]).await.unwrap();
    let said = gateway.listen(PATIENCE, |_| false).await;
    assert!(said.contains(&Said::Refused("unknown_gateway".into())), "{said:?}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(park.center.gateways().iter().all(|view| view.id != gone));
}
