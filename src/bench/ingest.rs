//! `anlan bench ingest`: a whole center under the load of the national system.
//!
//! Nothing is left out: registry, uplink, journal, tree, alarms, live stream, history and roll-ups are those of `anlan center`, and
//! so are sign-in and scope, because the subscriber is a signed-in person on `/api/v1/live`. The latency of an alarm is taken from
//! the moment the center had read the frame from its socket (`received_at` of the alarm, in whole milliseconds) to the moment this
//! process has read the alarm from its own; beside it stands the time from the generator's hand-over to the system.
//!
//! A reading is lost when it was acknowledged and did not reach its sensor or the history, or when it was never acknowledged. Both
//! are counted by the center, after the load, until they agree or nothing moves any more.

use std::collections::HashMap;
use std::time::Duration;

use anlan_sim::loadgen::LoadReport;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use super::floor::{self, Floor, quantile};
use super::rig::{Rig, Scratch, Socket, cannot};
use crate::process::Failure;

/// What is asked of the bench.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Sensors.
    pub sensors: u32,
    /// Readings a second of each.
    pub rate: f64,
    /// How long.
    pub period: Duration,
    /// Then send as fast as the center takes it.
    pub max: bool,
}

/// How long nothing may move before what is missing counts as lost. The history takes a segment at least once a minute.
const STILL: Duration = Duration::from_secs(90);

/// What the bench found; keys as in the contract.
#[derive(Clone, Debug, Serialize)]
struct Report {
    sensors: u64,
    offered_per_s: f64,
    durable_per_s: f64,
    lost: i64,
    alarms: u64,
    alarms_lost: i64,
    #[serde(flatten)]
    latency: Latency,
    cpu_ns_per_reading: f64,
    rss_mb: f64,
    generator_cpu_s: f64,
    start_s: f64,
    history_readings: u64,
    floor: Floor,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_per_s: Option<f64>,
    /// Of the run without a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<AtMost>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    alarm_p50_ms: Option<f64>,
    alarm_p99_ms: Option<f64>,
    alarm_max_ms: Option<f64>,
    alarm_from_gateway_p50_ms: Option<f64>,
    alarm_from_gateway_p99_ms: Option<f64>,
    /// From the socket to the decision: journal, dispatch and sensor. The rest is commit and live stream.
    alarm_decided_p99_ms: Option<f64>,
    alarm_after_decision_p99_ms: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct AtMost {
    judged_per_s: f64,
    lost: i64,
    alarms_lost: i64,
    #[serde(flatten)]
    latency: Latency,
    cpu_ns_per_reading: f64,
    rss_mb: f64,
}

/// What one load brought.
struct Loaded {
    load: LoadReport,
    lost: i64,
    alarms: u64,
    alarms_lost: i64,
    latency: Latency,
    cpu_ns_per_reading: f64,
    /// From the first frame until every reading had reached its sensor.
    judged_s: f64,
    /// And until the history had it too.
    settled_s: f64,
}

/// Gives what is to be printed.
pub async fn run(asked: Asked, json: bool) -> Result<String, Failure> {
    let floor = {
        let dir = Scratch::new("floor")?;
        floor::measure(&dir.0).map_err(cannot("measure disk and loopback"))?
    };
    let rig = Rig::new("ingest", asked.sensors).await?;
    let alarms = Alarms::follow(&rig).await?;
    let mut acked = 0;
    let steady = loaded(&rig, &alarms, Some(asked.rate), asked.period, &mut acked).await?;
    let rss_mb = rig.usage()?.peak_rss_mb;
    let mut report = Report {
        sensors: rig.fleet.points(),
        offered_per_s: steady.load.offered_readings as f64 / steady.load.seconds,
        durable_per_s: steady.load.acked_readings as f64 / steady.load.seconds,
        lost: steady.lost,
        alarms: steady.alarms,
        alarms_lost: steady.alarms_lost,
        latency: steady.latency,
        cpu_ns_per_reading: steady.cpu_ns_per_reading,
        rss_mb,
        generator_cpu_s: steady.load.cpu_seconds,
        start_s: rig.start.as_secs_f64(),
        history_readings: rig.counter(HISTORY).await?,
        floor,
        max_per_s: None,
        max: None,
    };
    if asked.max {
        let fast = loaded(&rig, &alarms, None, asked.period, &mut acked).await?;
        // What waits at the end was not sustained: the highest rate is over the time until the last reading was in the history,
        // which takes a segment at least once a minute. How fast sensors judge, while the history lags, stands beside it.
        let per_s = |seconds: f64| fast.load.acked_readings as f64 / seconds;
        report.max_per_s = Some(per_s(fast.settled_s.max(fast.load.durable_seconds)));
        report.max = Some(AtMost {
            judged_per_s: per_s(fast.judged_s.max(fast.load.durable_seconds)),
            lost: fast.lost,
            alarms_lost: fast.alarms_lost,
            latency: fast.latency,
            cpu_ns_per_reading: fast.cpu_ns_per_reading,
            rss_mb: rig.usage()?.peak_rss_mb,
        });
    }
    rig.stop().await?;
    if json {
        return serde_json::to_string(&report).map_err(cannot("report"));
    }
    Ok(table(&report))
}

const AT_SENSORS: &str = "anlan_host_readings_total";
const HISTORY: &str = "anlan_history_readings_total";

/// Loads the center, waits until everything has arrived, and compares. `acked` counts over all loads.
async fn loaded(
    rig: &Rig,
    alarms: &Alarms,
    rate: Option<f64>,
    period: Duration,
    acked: &mut u64,
) -> Result<Loaded, Failure> {
    let before = rig.usage()?;
    alarms.forget();
    let start = tokio::time::Instant::now();
    let load = rig.load(rate, period).await?;
    *acked += load.acked_readings;
    let began = load.crossings.iter().filter(|c| c.began).count() as u64;
    let (arrived, judged_at, settled_at) = settle(rig, alarms, *acked, began).await?;
    let after = rig.usage()?;
    let (raised, latency) = alarms.summary(&load);
    Ok(Loaded {
        lost: *acked as i64 - arrived as i64 + load.lost_readings as i64,
        alarms: raised,
        alarms_lost: began as i64 - raised as i64,
        latency,
        cpu_ns_per_reading: (after.cpu_s - before.cpu_s) * 1e9 / load.acked_readings.max(1) as f64,
        judged_s: judged_at.duration_since(start).as_secs_f64(),
        settled_s: settled_at.duration_since(start).as_secs_f64(),
        load,
    })
}

/// Waits until every acknowledged reading has reached its sensor and the history, and every alarm this process. Says how many
/// have, when the last had reached its sensor, and when the last had reached the history.
async fn settle(
    rig: &Rig,
    alarms: &Alarms,
    readings: u64,
    raised: u64,
) -> Result<(u64, tokio::time::Instant, tokio::time::Instant), Failure> {
    let mut last = (0, 0, 0);
    let mut since = tokio::time::Instant::now();
    let mut judged_at = since;
    loop {
        let now = (rig.counter(AT_SENSORS).await?, rig.counter(HISTORY).await?, alarms.count());
        if now.0 != last.0 {
            judged_at = tokio::time::Instant::now();
        }
        if now != last {
            (last, since) = (now, tokio::time::Instant::now());
        }
        let arrived = now.0.min(now.1);
        if (arrived >= readings && now.2 >= raised) || since.elapsed() > STILL {
            return Ok((arrived, judged_at, since));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// An alarm that was raised, as it came out of the socket.
struct Raised {
    received_ms: i64,
    decided_ms: i64,
    heard_us: i64,
}

/// Alarms heard on a live stream, by point, in their order.
struct Alarms {
    heard: watch::Sender<HashMap<String, Vec<Raised>>>,
}

#[derive(Deserialize)]
struct Heard {
    alarm: HeardAlarm,
    change: HeardChange,
}

#[derive(Deserialize)]
struct HeardAlarm {
    point: Option<String>,
    condition: String,
    received_at: i64,
    decided_at: i64,
}

#[derive(Deserialize)]
struct HeardChange {
    kind: String,
}

impl Alarms {
    async fn follow(rig: &Rig) -> Result<Self, Failure> {
        let socket = rig.live(serde_json::json!({ "alarms": {} })).await?;
        let heard = watch::Sender::new(HashMap::new());
        tokio::spawn(listen(socket, heard.clone()));
        Ok(Self { heard })
    }

    fn forget(&self) {
        self.heard.send_modify(HashMap::clear);
    }

    fn count(&self) -> u64 {
        self.heard.borrow().values().map(|raised| raised.len() as u64).sum()
    }

    /// How many were raised, and how long they took.
    fn summary(&self, load: &LoadReport) -> (u64, Latency) {
        let mut sent: HashMap<&str, Vec<i64>> = HashMap::new();
        for crossing in load.crossings.iter().filter(|c| c.began) {
            sent.entry(crossing.point.as_str()).or_default().push(crossing.at_us);
        }
        let heard = self.heard.borrow();
        let (mut own, mut whole) = (Vec::new(), Vec::new());
        let (mut decided, mut after) = (Vec::new(), Vec::new());
        for (point, raised) in heard.iter() {
            let sent = sent.get(point.as_str()).map_or(&[][..], Vec::as_slice);
            for (i, raised) in raised.iter().enumerate() {
                own.push(raised.heard_us as f64 / 1_000.0 - raised.received_ms as f64);
                decided.push((raised.decided_ms - raised.received_ms) as f64);
                after.push(raised.heard_us as f64 / 1_000.0 - raised.decided_ms as f64);
                whole.extend(sent.get(i).map(|at| (raised.heard_us - at) as f64 / 1_000.0));
            }
        }
        for times in [&mut own, &mut whole, &mut decided, &mut after] {
            times.sort_by(f64::total_cmp);
        }
        let latency = Latency {
            alarm_p50_ms: quantile(&own, 0.5),
            alarm_p99_ms: quantile(&own, 0.99),
            alarm_max_ms: own.last().copied(),
            alarm_from_gateway_p50_ms: quantile(&whole, 0.5),
            alarm_from_gateway_p99_ms: quantile(&whole, 0.99),
            alarm_decided_p99_ms: quantile(&decided, 0.99),
            alarm_after_decision_p99_ms: quantile(&after, 0.99),
        };
        (own.len() as u64, latency)
    }
}

async fn listen(mut socket: Socket, heard: watch::Sender<HashMap<String, Vec<Raised>>>) {
    while let Some(Ok(message)) = socket.next().await {
        let heard_us = crate::process::now_us();
        let Message::Text(text) = message else { continue };
        if text.contains("\"type\":\"closing\"") {
            tracing::error!(%text, "the bench's live stream was closed; alarms after this are not heard");
        }
        let Ok(Heard { alarm, change }) = serde_json::from_str(&text) else { continue };
        let (Some(point), "H", "raised") =
            (alarm.point, alarm.condition.as_str(), change.kind.as_str())
        else {
            continue;
        };
        let raised =
            Raised { received_ms: alarm.received_at, decided_ms: alarm.decided_at, heard_us };
        heard.send_modify(|heard| heard.entry(point).or_default().push(raised));
    }
}

fn table(report: &Report) -> String {
    let Report { floor, .. } = report;
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.1}"));
    let mut rows = vec![
        ("sensors", report.sensors.to_string()),
        ("offered, readings/s", format!("{:.0}", report.offered_per_s)),
        ("durable, readings/s", format!("{:.0}", report.durable_per_s)),
        ("lost readings", report.lost.to_string()),
        ("alarms (and lost)", format!("{} ({})", report.alarms, report.alarms_lost)),
        ("alarm, socket to socket p50, ms", ms(report.latency.alarm_p50_ms)),
        ("alarm, socket to socket p99, ms", ms(report.latency.alarm_p99_ms)),
        ("  of it to the decision p99, ms", ms(report.latency.alarm_decided_p99_ms)),
        ("  and after it p99, ms", ms(report.latency.alarm_after_decision_p99_ms)),
        ("alarm, gateway to socket p99, ms", ms(report.latency.alarm_from_gateway_p99_ms)),
        (
            "bare fdatasync of 4 kB p50 / p99, ms",
            format!("{:.2} / {:.2}", floor.fsync_p50_ms, floor.fsync_p99_ms),
        ),
        (
            "bare loopback echo p50 / p99, ms",
            format!("{:.2} / {:.2}", floor.echo_p50_ms, floor.echo_p99_ms),
        ),
        ("center CPU a reading, ns", format!("{:.0}", report.cpu_ns_per_reading)),
        ("center peak memory, MB", format!("{:.0}", report.rss_mb)),
        ("generator CPU, s", format!("{:.1}", report.generator_cpu_s)),
        ("start to ready, s", format!("{:.2}", report.start_s)),
        ("readings in the history", report.history_readings.to_string()),
    ];
    if let (Some(rate), Some(max)) = (report.max_per_s, &report.max) {
        rows.push(("highest rate, into the history, readings/s", format!("{rate:.0}")));
        rows.push(("  judged, readings/s", format!("{:.0}", max.judged_per_s)));
        rows.push(("  lost readings, alarms", format!("{}, {}", max.lost, max.alarms_lost)));
        rows.push(("  alarm, socket to socket p99, ms", ms(max.latency.alarm_p99_ms)));
        rows.push(("  center CPU a reading, ns", format!("{:.0}", max.cpu_ns_per_reading)));
        rows.push(("  center peak memory, MB", format!("{:.0}", max.rss_mb)));
    }
    super::table(&rows)
}
