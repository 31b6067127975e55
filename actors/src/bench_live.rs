//! `anlan bench live`: updates delivered to many subscribers of one enterprise, with one stalled client among them.
//!
//! The center is the product's, over engines in a folder; a gateway of 480 sensors sends over the uplink. The stalled
//! subscriber never reads: what it costs the others shows in their longest gap. Left out are sockets and TLS of the
//! subscribers, which belong to the web layer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::api::{Center, Topic};
use crate::bench_ingest::generator::{self, Order};
use crate::bench_ingest::plant::BenchPlant;
use crate::bench_ingest::{BenchError, failed, start};

/// What is asked of the bench.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Subscribers that read.
    pub subscribers: u32,
    /// How long.
    pub period: Duration,
}

/// What the bench found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Subscribers that read.
    pub subscribers: u32,
    /// Values delivered a second, over all of them.
    pub values_per_s: f64,
    /// Messages delivered a second, over all of them.
    pub messages_per_s: f64,
    /// Bytes of JSON delivered a second, over all of them; each message is encoded once.
    pub bytes_per_s: f64,
    /// Longest time that any reading subscriber waited for its next message.
    pub longest_gap_ms: f64,
    /// Messages that the stalled subscriber was left with: its bound.
    pub stalled_got: u64,
}

#[derive(Default)]
struct Counted {
    messages: AtomicU64,
    values: AtomicU64,
    bytes: AtomicU64,
    longest_gap_us: AtomicU64,
}

/// Runs the bench in `dir`, an empty folder, and gives what is to be printed.
///
/// # Errors
/// When the center does not start or nothing can be sent.
pub async fn run(asked: Asked, dir: &Path, json: bool) -> Result<String, BenchError> {
    let report = measure(asked, dir).await?;
    if json {
        return serde_json::to_string(&report).map_err(failed("report"));
    }
    Ok(format!(
        "subscribers              {:>14}\nvalues/s                 {:>14.0}\nmessages/s               {:>14.0}\nbytes/s                  {:>14.0}\nlongest gap, ms          {:>14.0}\nstalled subscriber got   {:>14}\n",
        report.subscribers,
        report.values_per_s,
        report.messages_per_s,
        report.bytes_per_s,
        report.longest_gap_ms,
        report.stalled_got
    ))
}

async fn measure(asked: Asked, dir: &Path) -> Result<Report, BenchError> {
    let plant = BenchPlant::new(1);
    let (center, _) = start(&plant, dir).await?;
    let uplink = center.uplink_address().expect("the bench's center listens");
    let topic = Topic::Enterprise(plant.first_enterprise());
    let mut stalled = center.subscribe(topic.clone()).await.map_err(failed("subscribe"))?;
    let counted = Arc::new(Counted::default());
    let mut readers = Vec::new();
    for _ in 0..asked.subscribers {
        let receiver = center.subscribe(topic.clone()).await.map_err(failed("subscribe"))?;
        readers.push(tokio::spawn(read(receiver, counted.clone())));
    }
    let begun = Instant::now();
    let seconds = asked.period.as_secs_f64();
    let gateways = plant.gateways();
    let order =
        Order { uplink, gateways, rate: Some(4.0), seconds, crossings_per_minute: 0.0, boot: 1 };
    generator::run(order).await.map_err(failed("generate"))?;
    let elapsed = begun.elapsed().as_secs_f64();
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    let mut stalled_got = 0;
    while stalled.try_recv().is_ok() {
        stalled_got += 1;
    }
    center.shared().stop.cancel();
    center.stopped().await.map_err(failed("stop cleanly"))?;
    let rate = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / elapsed;
    Ok(Report {
        subscribers: asked.subscribers,
        values_per_s: rate(&counted.values),
        messages_per_s: rate(&counted.messages),
        bytes_per_s: rate(&counted.bytes),
        longest_gap_ms: counted.longest_gap_us.load(Ordering::Relaxed) as f64 / 1_000.0,
        stalled_got,
    })
}

async fn read(
    mut messages: tokio::sync::mpsc::Receiver<crate::api::LiveMessage>,
    counted: Arc<Counted>,
) {
    let mut last: Option<Instant> = None;
    while let Some(message) = messages.recv().await {
        let now = Instant::now();
        if let Some(last) = last {
            let gap = u64::try_from((now - last).as_micros()).unwrap_or(u64::MAX);
            counted.longest_gap_us.fetch_max(gap, Ordering::Relaxed);
        }
        last = Some(now);
        counted.messages.fetch_add(1, Ordering::Relaxed);
        counted.bytes.fetch_add(message.body.len() as u64, Ordering::Relaxed);
        // Snapshots are counted as messages, not as changes.
        if message.body.starts_with("\"type\":\"values\"") {
            let values = message.body.matches("{\"p\":").count() as u64;
            counted.values.fetch_add(values, Ordering::Relaxed);
        }
    }
}
