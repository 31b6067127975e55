//! A link cut for hours, in paused time: the backlog comes without gaps or duplicates, what happened during the cut is in the log once
//! and marked late, and an alarm that comes while the backlog is still under way does not wait for it.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use anlan_actors::api::Center;
use anlan_domain::alarm::{AlarmChange, Condition};
use anlan_domain::log::RecordKind;
use anlan_domain::uplink::{self, Kind, Lane, Status, write_payload};
use anlan_store::state::{AlarmRecord, AlarmSeq};
use support::gateway::Gateway;
use support::plant::{Park, START, gateway_id, plan, table};

const POINTS: u32 = 4;
/// Three hours, a frame a second.
const CUT_S: u64 = 3 * 3_600;
/// Backlog frames between two live ones: the whole of it takes a minute and a half.
const BACKLOG_A_SECOND: usize = 120;
const CALM: f64 = 50.0;
const HIGH: f64 = 85.0;
const SECOND: Duration = Duration::from_secs(1);

/// Every twenty minutes a point is above its limit for ten seconds, another one each time.
fn values(second: u64) -> Vec<f64> {
    let (round, at) = (second / 1_200, second % 1_200);
    (0..u64::from(POINTS))
        .map(|point| {
            let high = (600..610).contains(&at) && round % u64::from(POINTS) == point;
            // Never the same twice.
            (if high { HIGH } else { CALM }) + (second % 7) as f64 * 0.1
        })
        .collect()
}

async fn live(gateway: &mut Gateway, values: &[f64]) {
    let seq = gateway.seal_readings(Lane::Live, 0, values);
    assert!(gateway.send(Lane::Live, seq).await);
}

fn status(gateway: &mut Gateway) -> u64 {
    let backlog_frames =
        gateway.unacked.keys().filter(|(lane, _)| *lane == Lane::Backfill).count() as u64;
    let status = Status { backlog_frames, ..Status::default() };
    gateway.seal(Kind::Status, Lane::Live, &write_payload(&status))
}

async fn log(park: &Park) -> Vec<std::sync::Arc<AlarmRecord>> {
    park.center.alarms_after(AlarmSeq(0), 10_000, 0).await
}

/// Milliseconds from the reading to the decision of every alarm of a gateway's points raised at or after `from`.
async fn delays(park: &Park, enterprise: u32, from: i64) -> Vec<i64> {
    let prefix = format!("{}.", support::plant::enterprise(enterprise));
    log(park)
        .await
        .iter()
        .filter(|r| matches!(r.entry.change, AlarmChange::Raised { late: false, .. }))
        .filter(|r| r.entry.alarm.subject.0.starts_with(&prefix) && r.entry.source_time.0 >= from)
        .map(|r| r.decided_time.0 - r.entry.source_time.0)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_hours_is_repaired_without_gaps_while_live_alarms_stay_quick() {
    let park = Park::start_with(plan(2, POINTS), |options| {
        options.window_frames = 512;
    })
    .await;
    let mut gateways: Vec<Gateway> = (0..2)
        .map(|i| Gateway::new(gateway_id(i).as_str(), i as u8 + 1, table(POINTS), park.begun))
        .collect();
    for gateway in &mut gateways {
        gateway.connect(&park.center).await.unwrap();
    }
    let mut other = gateways.pop().unwrap();
    let mut cut = gateways.pop().unwrap();
    for second in 0..30 {
        for gateway in [&mut cut, &mut other] {
            live(gateway, &values(second)).await;
            gateway.listen(Duration::from_millis(200), |g| g.unacked.is_empty()).await;
        }
        tokio::time::sleep(SECOND).await;
    }
    assert!(log(&park).await.is_empty());

    // Nothing of this gateway arrives for three hours; its neighbour goes on and has an alarm in the middle of it.
    cut.socket = None;
    for second in 0..CUT_S {
        cut.seal_readings(Lane::Backfill, 0, &values(second));
        let value = if (5_000..5_010).contains(&second) { HIGH } else { CALM };
        live(&mut other, &[value + (second % 7) as f64 * 0.1; POINTS as usize]).await;
        other.listen(Duration::from_millis(200), |g| g.unacked.is_empty()).await;
        tokio::time::sleep(SECOND).await;
    }
    let neighbour = delays(&park, 1, 0).await;
    assert_eq!(neighbour.len(), POINTS as usize);
    assert!(neighbour.iter().all(|delay| *delay < 1_000), "{neighbour:?}");

    // Back again. The live lane goes first; an alarm comes while most of the backlog is still to be sent.
    let back = park.now().0;
    cut.connect(&park.center).await.unwrap();
    let mut to_send: Vec<(Lane, u64)> =
        cut.unacked.keys().filter(|(lane, _)| *lane == Lane::Backfill).copied().collect();
    assert_eq!(to_send.len() as u64, CUT_S);
    to_send.reverse();
    let mut second = 0;
    while !to_send.is_empty() {
        let value = if (20..30).contains(&second) { HIGH } else { CALM };
        live(&mut cut, &[value + (second % 7) as f64 * 0.1; POINTS as usize]).await;
        let seq = status(&mut cut);
        assert!(cut.send(Lane::Live, seq).await);
        live(&mut other, &values(0)).await;
        for _ in 0..BACKLOG_A_SECOND {
            let Some((lane, seq)) = to_send.pop() else { break };
            assert!(cut.send(lane, seq).await);
        }
        if second == 22 {
            let quick = delays(&park, 0, back).await;
            assert_eq!(quick.len(), POINTS as usize, "the live alarms wait for the backlog");
            assert!(quick.iter().all(|delay| *delay < 1_000), "{quick:?}");
        }
        for gateway in [&mut cut, &mut other] {
            gateway.listen(Duration::from_millis(200), |g| g.unacked.is_empty()).await;
        }
        tokio::time::sleep(SECOND).await;
        second += 1;
    }
    cut.listen(Duration::from_secs(5), |g| g.unacked.is_empty()).await;
    assert!(cut.unacked.is_empty(), "the center acknowledges everything");
    status(&mut cut);
    cut.settle().await;
    tokio::time::sleep(SECOND).await;

    every_frame_once(&park, &cut);
    late_alarms_once(&log(&park).await);
}

fn every_frame_once(park: &Park, gateway: &Gateway) {
    let mut seqs = BTreeSet::new();
    for record in park.disk.records.lock().unwrap().iter().filter(|r| r.kind == RecordKind::Frame) {
        let (header, _) = uplink::open(&record.payload).unwrap();
        if header.boot == gateway.boot && header.lane == Lane::Backfill {
            assert!(seqs.insert(header.seq), "frame {} is in the journal twice", header.seq);
        }
    }
    assert_eq!(seqs, (1..=CUT_S).collect());
}

/// What came and went during the cut is in the log once: raised and cleared, late, in the order in which it happened.
fn late_alarms_once(log: &[std::sync::Arc<AlarmRecord>]) {
    let cut_at = START + 30_000;
    let mut late = Vec::new();
    for record in log {
        if let AlarmChange::Raised { late: true, .. } = record.entry.change {
            assert_eq!(record.entry.alarm.condition, Condition::High);
            let cleared: Vec<i64> = log
                .iter()
                .filter(|r| r.entry.alarm == record.entry.alarm)
                .filter(|r| matches!(r.entry.change, AlarmChange::Cleared { .. }))
                .map(|r| r.entry.source_time.0)
                .collect();
            let raised = record.entry.source_time.0;
            assert_eq!(cleared.len(), 1, "{}", record.entry.alarm);
            // Ten seconds above the limit; the frames of paused time are a second and a few milliseconds apart.
            assert!((9_000..13_000).contains(&(cleared[0] - raised)), "{}", record.entry.alarm);
            late.push(raised);
        }
    }
    assert_eq!(late.len() as u64, CUT_S / 1_200, "one each twenty minutes");
    assert!(late.is_sorted(), "in the order in which it happened");
    assert!(late.iter().all(|at| *at > cut_at));
    let lost: Vec<_> =
        log.iter().filter(|r| r.entry.alarm.condition == Condition::GatewayLost).collect();
    assert_eq!(lost.len(), 2, "the gateway was lost once and came back once: {lost:#?}");
    let others = log
        .iter()
        .filter(|r| !matches!(r.entry.alarm.condition, Condition::High | Condition::GatewayLost));
    assert_eq!(others.count(), 0, "a cut by itself raises nothing else");
}
