//! `anlan bench ingest`: a whole center under the load of the national system, with the generator in a process of its own.
//!
//! The center is the product's: real journal, real alarm log, real history, real tree, uplink over TCP and WebSocket. The
//! latency of an alarm is taken from the moment the center read the frame from its socket to the moment a subscriber has
//! read the alarm from a WebSocket of its own; beside it stands the time from the sealing in the generator, which shares
//! this machine's clock. What the disk and the loopback do by themselves is measured in the same run.
//!
//! The report's figures for CPU and memory are those of the process that runs the center; the subscriber that measures is in
//! it. It leaves out the web layer: HTTP, sign-in and scope are not on this path.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_store::history::{EmbeddedHistory, HistoryOptions};
use anlan_store::journal::segments::SegmentJournal;
use anlan_store::state::fjall::FjallState;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::center::RunningCenter;
use crate::options::{CenterOptions, Ports};

pub mod generator;
pub mod measure;
pub mod plant;
pub mod subscriber;

use generator::{Generated, Order};
use measure::{Floor, Usage};
use plant::BenchPlant;
use subscriber::Latencies;

/// Environment variable by which the bench tells its child what to send.
const ORDER: &str = "ANLAN_BENCH_INGEST_GENERATOR";

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

/// What the bench found; keys as in the contract.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Sensors that sent.
    pub sensors: u32,
    /// Readings a second that the generator offered.
    pub offered_per_s: f64,
    /// Readings a second that were acknowledged, which means durable.
    pub durable_per_s: f64,
    /// Readings that were acknowledged and reached no sensor.
    pub lost: i64,
    /// Alarms raised, by the log.
    pub alarms: u64,
    /// Alarms that were provoked and are not in the log.
    pub alarms_lost: i64,
    /// From the center's socket to the subscriber's.
    pub alarm_p50_ms: f64,
    /// As above.
    pub alarm_p99_ms: f64,
    /// From the sealing in the generator to the subscriber's socket.
    pub alarm_from_gateway_p99_ms: f64,
    /// CPU of the center's process for each reading.
    pub cpu_ns_per_reading: f64,
    /// Peak resident memory of the center's process.
    pub rss_mb: f64,
    /// CPU of the generator's process.
    pub generator_cpu_s: f64,
    /// From the start of the center to ready, with this registry and an empty disk.
    pub start_s: f64,
    /// Readings handed to the history.
    pub history_readings: u64,
    /// What the machine does by itself.
    pub floor: Floor,
    /// With `--max`: readings a second that were durable when nothing held the generator back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_s: Option<f64>,
}

/// Why the bench has no result.
#[derive(Debug, thiserror::Error)]
#[error("the bench cannot {doing}: {why}")]
pub struct BenchError {
    doing: &'static str,
    why: String,
}

pub(crate) fn failed<E: std::fmt::Display>(doing: &'static str) -> impl Fn(E) -> BenchError {
    move |error| BenchError { doing, why: error.to_string() }
}

/// Runs the bench in `dir`, an empty folder on the disk to be measured, or in a child of the bench the generator; gives
/// what is to be printed.
///
/// # Errors
/// When the center does not start or the generator fails.
pub async fn run(asked: Asked, dir: &Path, json: bool) -> Result<String, BenchError> {
    if let Ok(order) = std::env::var(ORDER) {
        let order: Order = serde_json::from_str(&order).map_err(failed("read its order"))?;
        let generated = generator::run(order).await.map_err(failed("generate"))?;
        return serde_json::to_string(&generated).map_err(failed("report"));
    }
    let report = measure(asked, dir).await?;
    if json {
        return serde_json::to_string(&report).map_err(failed("report"));
    }
    Ok(table(&report))
}

async fn measure(asked: Asked, dir: &Path) -> Result<Report, BenchError> {
    let floor = measure::floor(dir).map_err(failed("measure the disk and the loopback"))?;
    let plant = BenchPlant::new(asked.sensors);
    let (center, start_s) = start(&plant, dir).await?;
    let uplink = center.uplink_address().ok_or_else(|| BenchError {
        doing: "start the center",
        why: "it does not listen".into(),
    })?;
    let latencies = subscriber::follow(center.clone()).await.map_err(failed("subscribe"))?;
    let order = Order {
        uplink,
        gateways: plant.gateways(),
        rate: Some(asked.rate),
        seconds: asked.period.as_secs_f64(),
        crossings_per_minute: 0.001,
        boot: 1,
    };
    let before = Usage::now().map_err(failed("read /proc"))?;
    let steady = child(&order).await?;
    let (reached, raised) = settle(&center, &plant, steady.acked_readings, steady.crossings).await;
    let after = Usage::now().map_err(failed("read /proc"))?;
    let found = latencies.summary();
    let mut report = Report {
        sensors: plant.sensors(),
        offered_per_s: steady.sent_readings as f64 / steady.seconds,
        durable_per_s: steady.acked_readings as f64 / steady.seconds,
        lost: steady.sent_readings as i64 - reached as i64,
        alarms: raised,
        alarms_lost: steady.crossings as i64 - raised as i64,
        alarm_p50_ms: found.p50_ms,
        alarm_p99_ms: found.p99_ms,
        alarm_from_gateway_p99_ms: found.from_gateway_p99_ms,
        cpu_ns_per_reading: (after.cpu_s - before.cpu_s) * 1e9 / steady.sent_readings.max(1) as f64,
        rss_mb: after.peak_rss_mb,
        generator_cpu_s: steady.cpu_s,
        start_s,
        history_readings: 0,
        floor,
        max_per_s: None,
    };
    if asked.max {
        let fast = child(&Order { rate: None, boot: 2, ..order }).await?;
        report.max_per_s = Some(fast.acked_readings as f64 / fast.seconds);
    }
    center.shared().ports.journal.seal().await.map_err(failed("seal the journal"))?;
    report.history_readings = crate::history_feed::feed_sealed(center.shared()).await;
    center.shared().stop.cancel();
    center.stopped().await.map_err(failed("stop cleanly"))?;
    Ok(report)
}

/// Starts the product's center over engines in `dir`.
pub(crate) async fn start(
    plant: &BenchPlant,
    dir: &Path,
) -> Result<(Arc<RunningCenter>, f64), BenchError> {
    let begun = std::time::Instant::now();
    let journal = SegmentJournal::open(&dir.join("journal"), Default::default());
    let state = FjallState::open(&dir.join("state"), Default::default());
    let history = EmbeddedHistory::open(&dir.join("history"), HistoryOptions::default());
    let ports = Ports {
        journal: Arc::new(journal.map_err(failed("open a journal"))?),
        state: Arc::new(state.map_err(failed("open a state store"))?),
        history: Some(Arc::new(history.map_err(failed("open a history"))?)),
    };
    let options = CenterOptions {
        uplink_listen: Some(([127, 0, 0, 1], 0).into()),
        // Seldom enough that the steady state of a run of a minute is the product's.
        seal_every: Duration::from_secs(20),
        ..CenterOptions::default()
    };
    let clock = Arc::new(|| UtcMillis(measure::wall_ms()));
    let directory = Arc::new(plant.clone());
    let center =
        RunningCenter::start(options, ports, directory, clock, CancellationToken::new()).await;
    Ok((center.map_err(failed("start the center"))?, begun.elapsed().as_secs_f64()))
}

/// Runs the generator in a process of its own.
async fn child(order: &Order) -> Result<Generated, BenchError> {
    let program = std::env::current_exe().map_err(failed("find this program"))?;
    let order = serde_json::to_string(order).map_err(failed("write the order"))?;
    let output = tokio::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(ORDER, order)
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(failed("start the generator"))?;
    serde_json::from_slice(&output.stdout).map_err(failed("understand the generator"))
}

/// Waits until everything that was acknowledged has reached its sensor and every alarm the log, or nothing moves any more.
async fn settle(
    center: &Arc<RunningCenter>,
    plant: &BenchPlant,
    readings: u64,
    alarms: u64,
) -> (u64, u64) {
    let mut last = (0, 0);
    let mut still = 0;
    loop {
        let now = (plant.readings_at_hosts(center).await, subscriber::raised(center).await);
        still = if now == last { still + 1 } else { 0 };
        if (now.0 >= readings && now.1 >= alarms) || still > 20 {
            return now;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn table(report: &Report) -> String {
    let Report { floor, .. } = report;
    let mut out = String::new();
    let mut row = |name: &str, value: String| out.push_str(&format!("{name:<44}{value:>16}\n"));
    row("sensors", report.sensors.to_string());
    row("offered, readings/s", format!("{:.0}", report.offered_per_s));
    row("durable, readings/s", format!("{:.0}", report.durable_per_s));
    row("lost", report.lost.to_string());
    row("alarms (and lost)", format!("{} ({})", report.alarms, report.alarms_lost));
    row("alarm, socket to socket p50, ms", format!("{:.1}", report.alarm_p50_ms));
    row("alarm, socket to socket p99, ms", format!("{:.1}", report.alarm_p99_ms));
    row("alarm, gateway to socket p99, ms", format!("{:.1}", report.alarm_from_gateway_p99_ms));
    row(
        "bare fdatasync of 4 kB p50 / p99, ms",
        format!("{:.2} / {:.2}", floor.fsync_p50_ms, floor.fsync_p99_ms),
    );
    row(
        "bare loopback echo p50 / p99, ms",
        format!("{:.2} / {:.2}", floor.echo_p50_ms, floor.echo_p99_ms),
    );
    row("center CPU a reading, ns", format!("{:.0}", report.cpu_ns_per_reading));
    row("center peak memory, MB", format!("{:.0}", report.rss_mb));
    row("generator CPU, s", format!("{:.1}", report.generator_cpu_s));
    row("start to ready, s", format!("{:.2}", report.start_s));
    row("readings in the history", report.history_readings.to_string());
    if let Some(max) = report.max_per_s {
        row("highest rate, durable readings/s", format!("{max:.0}"));
    }
    out
}

/// What the subscriber found, for the report.
pub(crate) struct Found {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub from_gateway_p99_ms: f64,
}

impl Latencies {
    pub(crate) fn summary(&self) -> Found {
        let (own, whole) = self.sorted();
        Found {
            p50_ms: measure::quantile(&own, 0.5),
            p99_ms: measure::quantile(&own, 0.99),
            from_gateway_p99_ms: measure::quantile(&whole, 0.99),
        }
    }
}
