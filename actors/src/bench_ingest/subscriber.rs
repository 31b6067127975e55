//! A live subscriber over a WebSocket of its own: reads the alarm log by cursor, as the web layer does, and takes the time
//! at which each alarm has come out of the socket.

use std::sync::{Arc, Mutex};

use anlan_domain::alarm::AlarmChange;
use anlan_store::state::AlarmSeq;
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use super::measure::wall_ms_exact;
use crate::api::Center;
use crate::center::RunningCenter;

/// Latencies found so far, in milliseconds: from the center's socket, and from the generator.
#[derive(Clone, Default)]
pub struct Latencies(Arc<Mutex<Vec<(f64, f64)>>>);

impl Latencies {
    /// Both kinds, ascending.
    #[must_use]
    pub fn sorted(&self) -> (Vec<f64>, Vec<f64>) {
        let found = self.0.lock().expect("no code panics while it holds the latencies");
        let (mut own, mut whole): (Vec<f64>, Vec<f64>) = found.iter().copied().unzip();
        own.sort_by(f64::total_cmp);
        whole.sort_by(f64::total_cmp);
        (own, whole)
    }
}

#[derive(Serialize, Deserialize)]
struct AlarmOut {
    alarm: String,
    source: i64,
    received: i64,
}

/// Serves the alarm log to one WebSocket and reads it there.
///
/// # Errors
/// When the loopback cannot be used.
pub async fn follow(center: Arc<RunningCenter>) -> std::io::Result<Latencies> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let Ok((stream, _)) = listener.accept().await else { return };
        drop(stream.set_nodelay(true));
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let mut after = center.last_alarm();
        while !center.shared().stop.is_cancelled() {
            for record in center.alarms_after(after, 1_000, 1_000).await {
                after = record.seq;
                if !matches!(record.entry.change, AlarmChange::Raised { .. }) {
                    continue;
                }
                let out = AlarmOut {
                    alarm: record.entry.alarm.to_string(),
                    source: record.entry.source_time.0,
                    received: record.entry.received_time.0,
                };
                let text = serde_json::to_string(&out).expect("these types are always JSON");
                if socket.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
        }
    });
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let connecting = tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await;
    let (mut socket, _) = connecting.map_err(std::io::Error::other)?;
    let latencies = Latencies::default();
    let found = latencies.clone();
    tokio::spawn(async move {
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let now = wall_ms_exact();
            let Ok(alarm) = serde_json::from_str::<AlarmOut>(&text) else { continue };
            found
                .0
                .lock()
                .expect("no code panics while it holds the latencies")
                .push((now - alarm.received as f64, now - alarm.source as f64));
        }
    });
    Ok(latencies)
}

/// Alarms raised by limits so far, by the log.
pub async fn raised(center: &RunningCenter) -> u64 {
    let mut after = AlarmSeq(0);
    let mut count = 0;
    loop {
        let records = center.alarms_after(after, 10_000, 0).await;
        let Some(last) = records.last() else { return count };
        after = last.seq;
        let raised = records.iter().filter(|record| {
            matches!(record.entry.change, AlarmChange::Raised { .. })
                && record.entry.alarm.condition == anlan_domain::alarm::Condition::High
        });
        count += raised.count() as u64;
    }
}
