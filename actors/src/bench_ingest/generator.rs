//! The generator of the bench: as many gateways as are ordered, each on a connection of its own, each sending a frame of all
//! its sensors every scan, at a moment of its own.
//!
//! Values are calm; now and then a sensor crosses its limit for one scan. With no rate given every gateway sends its next
//! frame as soon as a few are under way: the center's acknowledgements set the pace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    self, Acks, Boot, FLAG_GAP, GroupBuilder, Header, Hello, Kind, Lane, Table, TableRow, Welcome,
    encode_readings, read_payload, write_payload,
};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::measure::{Usage, wall_ms};
use super::plant::{SENSORS_EACH, tag};
use crate::ingest::listener::PATH;

/// What the generator shall do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Where the center listens.
    pub uplink: SocketAddr,
    /// The gateways.
    pub gateways: Vec<GatewayOrder>,
    /// Readings a second of each sensor; `None` sends as fast as frames are acknowledged.
    pub rate: Option<f64>,
    /// How long.
    pub seconds: f64,
    /// Part of the sensors that cross their limit each minute.
    pub crossings_per_minute: f64,
    /// Distinguishes the boots of several runs.
    pub boot: u8,
}

/// One gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GatewayOrder {
    /// Its identity.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// What was generated.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generated {
    /// Readings sent.
    pub sent_readings: u64,
    /// Readings acknowledged by the end.
    pub acked_readings: u64,
    /// Limits crossed.
    pub crossings: u64,
    /// Gateways that failed.
    pub failed: u64,
    /// From the first frame to the last acknowledgement.
    pub seconds: f64,
    /// CPU of this process.
    pub cpu_s: f64,
}

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    acked: AtomicU64,
    crossings: AtomicU64,
}

/// Frames under way of one gateway without a rate.
const UNDER_WAY: u64 = 8;
/// How long the last acknowledgements are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Generates as ordered.
///
/// # Errors
/// When not a single gateway could send, or `/proc` cannot be read.
pub async fn run(order: Order) -> Result<Generated, Failure> {
    let order = Arc::new(order);
    let counters = Arc::new(Counters::default());
    let mut sockets = Vec::new();
    for i in 0..order.gateways.len() {
        sockets.push(sign_in(&order, i).await?);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(i, socket)| tokio::spawn(gateway(order.clone(), i, socket, counters.clone(), begun)))
        .collect();
    let mut failed = 0;
    for task in tasks {
        if let Err(why) = task.await? {
            tracing::error!(%why, "a gateway of the bench failed");
            failed += 1;
        }
    }
    Ok(Generated {
        sent_readings: counters.sent.load(Ordering::Relaxed),
        acked_readings: counters.acked.load(Ordering::Relaxed),
        crossings: counters.crossings.load(Ordering::Relaxed),
        failed,
        seconds: begun.elapsed().as_secs_f64(),
        cpu_s: Usage::now()?.cpu_s,
    })
}

fn boot(order: &Order, i: usize) -> Boot {
    let mut bytes = [order.boot; 16];
    bytes[..8].copy_from_slice(&(i as u64).to_le_bytes());
    Boot(bytes)
}

fn header(order: &Order, i: usize, kind: Kind, seq: u64, mono_ms: u64) -> Header {
    Header {
        kind,
        lane: Lane::Live,
        flags: 0,
        boot: boot(order, i),
        seq,
        wall: UtcMillis(wall_ms()),
        mono: MonoMillis(mono_ms),
        epoch: 0,
    }
}

async fn sign_in(order: &Order, i: usize) -> Result<WebSocketStream<TcpStream>, Failure> {
    let stream = TcpStream::connect(order.uplink).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{}{PATH}", order.uplink);
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    let GatewayOrder { id, secret } = &order.gateways[i];
    let hello = Hello {
        gateway: id.clone(),
        secret: secret.clone(),
        software: "bench".into(),
        pending: vec![],
    };
    let frame = uplink::seal(&header(order, i, Kind::Hello, 0, 0), &write_payload(&hello));
    socket.send(Message::Binary(frame.into())).await?;
    loop {
        let Some(message) = socket.next().await else { return Err("closed at once".into()) };
        if let Message::Binary(bytes) = message? {
            let (header, payload) = uplink::open(&bytes)?;
            if header.kind == Kind::Welcome {
                let _: Welcome = read_payload(payload)?;
                return Ok(socket);
            }
            return Err(format!("refused: {}", String::from_utf8_lossy(payload)).into());
        }
    }
}

/// The table that every gateway of the bench has.
#[must_use]
pub fn table() -> Table {
    let rows = (0..SENSORS_EACH).map(|row| TableRow { tag: tag(row), device: "plc".into() });
    Table { rows: rows.collect() }
}

/// A small random number generator: the bench needs speed and a seed, not quality.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

async fn gateway(
    order: Arc<Order>,
    i: usize,
    socket: WebSocketStream<TcpStream>,
    counters: Arc<Counters>,
    begun: Instant,
) -> Result<(), Failure> {
    let (mut sink, mut stream) = socket.split();
    let (acked_tx, mut acked) = tokio::sync::watch::channel(0u64);
    let reading = tokio::spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            let Message::Binary(bytes) = message else { continue };
            let Ok((header, payload)) = uplink::open(&bytes) else { break };
            if header.kind != Kind::Ack {
                continue;
            }
            let Ok(acks) = read_payload::<Acks>(payload) else { break };
            let frames: u64 =
                acks.ranges.iter().flat_map(|(_, _, r)| r).map(|(a, b)| b - a + 1).sum();
            acked_tx.send_modify(|count| *count += frames);
        }
    });
    let table = table();
    let hash = table.hash();
    let sealed = uplink::seal(&header(&order, i, Kind::Table, 1, 0), &write_payload(&table));
    sink.send(Message::Binary(sealed.into())).await?;
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ ((i as u64 + 1) * 0x1234_5677));
    let mut values: Vec<f64> = (0..SENSORS_EACH).map(|_| 30.0 + 40.0 * random.unit()).collect();
    let period = order.rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
    // Phases are spread evenly: gateways do not scan in step.
    let phase = period.unwrap_or_default().mul_f64(i as f64 / order.gateways.len() as f64);
    let end = begun + Duration::from_secs_f64(order.seconds);
    let per_frame = period.map_or(0.0, |p| order.crossings_per_minute / 60.0 * p.as_secs_f64());
    let mut due = begun + phase;
    let mut seq = 1;
    let mut crossed: Vec<usize> = Vec::new();
    while Instant::now() < end {
        match period {
            Some(period) => {
                tokio::time::sleep_until(due.into()).await;
                due += period;
            }
            None => drop(acked.wait_for(|&acked| seq - acked < UNDER_WAY).await?),
        }
        seq += 1;
        for row in crossed.drain(..) {
            values[row] = 50.0;
        }
        for (row, value) in values.iter_mut().enumerate() {
            // Twelve bits over the range, with noise of a few steps.
            *value = ((*value + (random.unit() - 0.5) * 0.2) * 40.95).round() / 40.95;
            *value = value.clamp(20.0, 75.0);
            if seq > 3 && random.unit() < per_frame {
                crossed.push(row);
            }
        }
        for &row in &crossed {
            values[row] = 95.0;
        }
        let group = GroupBuilder {
            age_ms: 0,
            handles: (0..SENSORS_EACH).collect(),
            qualities: vec![Quality::GOOD; values.len()],
            values: values.clone(),
            source_walls: vec![],
        };
        let mono = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut head = header(&order, i, Kind::Readings, seq, mono);
        if seq == 2 {
            head.flags = FLAG_GAP;
        }
        let frame = uplink::seal(&head, &encode_readings(hash, &[group]));
        sink.send(Message::Binary(frame.into())).await?;
        counters.sent.fetch_add(u64::from(SENSORS_EACH), Ordering::Relaxed);
        counters.crossings.fetch_add(crossed.len() as u64, Ordering::Relaxed);
    }
    let all = tokio::time::timeout(PATIENCE, acked.wait_for(|&acked| acked >= seq)).await;
    let all_acked = matches!(all, Ok(Ok(_)));
    drop(all);
    let frames = acked.borrow().saturating_sub(1);
    counters.acked.fetch_add(frames * u64::from(SENSORS_EACH), Ordering::Relaxed);
    drop(sink.close().await);
    reading.abort();
    if all_acked {
        return Ok(());
    }
    Err(format!("{} frames were not acknowledged", seq - 1 - frames).into())
}
