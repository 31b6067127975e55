//! `anlan bench live`: updates of one enterprise of 480 sensors, delivered to many WebSockets of `anlan center`, with one client
//! among them that has stopped reading. What it costs the others shows in their longest gap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::Serialize;
use tokio_tungstenite::tungstenite::Message;

use super::rig::{Rig, Socket, cannot};
use crate::process::Failure;

/// Subscribers that read.
const SUBSCRIBERS: u32 = 200;
const PERIOD: Duration = Duration::from_secs(20);
/// Scans a second of every sensor: each flush has all of them.
const RATE: f64 = 4.0;

#[derive(Clone, Debug, Serialize)]
struct Report {
    subscribers: u32,
    values_per_s: f64,
    messages_per_s: f64,
    bytes_per_s: f64,
    /// Longest time that any reading subscriber waited for its next values.
    longest_gap_ms: f64,
    /// CPU of the center's process for each value that was delivered.
    cpu_ns_per_value: f64,
    rss_mb: f64,
}

#[derive(Default)]
struct Counted {
    messages: AtomicU64,
    values: AtomicU64,
    bytes: AtomicU64,
    longest_gap_us: AtomicU64,
}

/// Gives what is to be printed.
pub async fn run(json: bool) -> Result<String, Failure> {
    let rig = Rig::new("live", 480).await?;
    let enterprise = serde_json::json!({ "enterprise": rig.fleet.enterprise(0) });
    // Holds its socket and never reads it.
    let stalled = rig.live(enterprise.clone()).await?;
    let counted = Arc::new(Counted::default());
    let mut readers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let socket = rig.live(enterprise.clone()).await?;
        readers.push(tokio::spawn(read(socket, counted.clone())));
    }
    let before = rig.usage()?;
    let begun = Instant::now();
    rig.load(Some(RATE), PERIOD).await?;
    let elapsed = begun.elapsed().as_secs_f64();
    let after = rig.usage()?;
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    drop(stalled);
    rig.stop().await?;
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let report = Report {
        subscribers: SUBSCRIBERS,
        values_per_s: get(&counted.values) / elapsed,
        messages_per_s: get(&counted.messages) / elapsed,
        bytes_per_s: get(&counted.bytes) / elapsed,
        longest_gap_ms: get(&counted.longest_gap_us) / 1_000.0,
        cpu_ns_per_value: (after.cpu_s - before.cpu_s) * 1e9 / get(&counted.values).max(1.0),
        rss_mb: after.peak_rss_mb,
    };
    if json {
        return serde_json::to_string(&report).map_err(cannot("report"));
    }
    Ok(super::table(&[
        ("subscribers, and one stalled", report.subscribers.to_string()),
        ("values/s", format!("{:.0}", report.values_per_s)),
        ("messages/s", format!("{:.0}", report.messages_per_s)),
        ("bytes/s", format!("{:.0}", report.bytes_per_s)),
        ("longest gap of any, ms", format!("{:.0}", report.longest_gap_ms)),
        ("center CPU a delivered value, ns", format!("{:.0}", report.cpu_ns_per_value)),
        ("center peak memory, MB", format!("{:.0}", report.rss_mb)),
    ]))
}

async fn read(mut socket: Socket, counted: Arc<Counted>) {
    let mut last: Option<Instant> = None;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if !text.contains("\"type\":\"values\"") {
            continue;
        }
        let now = Instant::now();
        if let Some(last) = last {
            let gap = u64::try_from((now - last).as_micros()).unwrap_or(u64::MAX);
            counted.longest_gap_us.fetch_max(gap, Ordering::Relaxed);
        }
        last = Some(now);
        counted.messages.fetch_add(1, Ordering::Relaxed);
        counted.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        // Each value is an object that names its point; to parse 200 streams would measure this process.
        let values = text.matches("\"p\":").count() as u64;
        counted.values.fetch_add(values, Ordering::Relaxed);
    }
}
