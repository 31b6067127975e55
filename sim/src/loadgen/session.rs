//! One gateway of the fleet: connects, says hello, sends frame after frame, keeps each until it is acknowledged.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    Acks, Boot, DeviceStatus, FLAG_GAP, Header, Hello, Kind, Lane, NeedTable, Refuse, Status,
    Table, TableRow, Welcome, open, read_payload, seal, write_payload,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use super::frame::Template;
use super::{Counters, LoadOptions, SentCrossing, Trouble};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Most frames kept for sending again; beyond it the oldest are lost, as in a spool that is full.
const KEPT_MAX: usize = 600;
/// Frames under way of a gateway that sends as fast as it is acknowledged: enough to keep the link busy, and no more than wait
/// for one append each way.
const UNDER_WAY: usize = 4;
/// Longest that a center may take to open a connection and to say welcome.
const WELCOME: Duration = Duration::from_secs(10);

struct Kept {
    seq: u64,
    readings: u64,
    bytes: Bytes,
    sent: bool,
}

/// One gateway.
pub struct Session {
    options: Arc<LoadOptions>,
    gateway: u32,
    counters: Arc<Counters>,
    crossings: mpsc::UnboundedSender<SentCrossing>,
    clock_us: fn() -> i64,
    began: Instant,
    boot: Boot,
    table: Table,
    template: Template,
    seq: u64,
    kept: VecDeque<Kept>,
    window: usize,
    welcomed: bool,
}

/// Why a center did not take a gateway in.
#[derive(Debug, thiserror::Error)]
enum NotWelcome {
    #[error("it says nothing for {} s", WELCOME.as_secs())]
    Silent,
    #[error("{message}")]
    Refused { code: String, message: String },
    #[error("it does not speak the uplink protocol")]
    NoUplink,
    #[error(transparent)]
    Link(#[from] Error),
}

/// How a connection ended.
enum End {
    /// Nothing is left to do.
    Done,
    /// The link broke.
    Broken,
}

impl Session {
    pub fn new(
        options: Arc<LoadOptions>,
        gateway: u32,
        counters: Arc<Counters>,
        crossings: mpsc::UnboundedSender<SentCrossing>,
        clock_us: fn() -> i64,
        began: Instant,
    ) -> Self {
        // The wall clock makes boots of two runs differ; that is all that is asked of them here.
        let mut boot = [0u8; 16];
        boot[..8].copy_from_slice(&clock_us().to_le_bytes());
        boot[8..12].copy_from_slice(&gateway.to_le_bytes());
        let boot = Boot(boot);
        let points = options.fleet.points_each;
        let rows = (0..points)
            .map(|p| TableRow { tag: options.fleet.tag(p), device: "plc".to_owned() })
            .collect();
        let table = Table { rows };
        let seed = options.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(gateway) << 17);
        let template = Template::new(
            boot,
            table.hash(),
            points,
            options.rate_hz.unwrap_or(1.0),
            options.crossings_per_minute,
            seed,
        );
        Self {
            options,
            gateway,
            counters,
            crossings,
            clock_us,
            began,
            boot,
            table,
            template,
            seq: 0,
            kept: VecDeque::new(),
            window: 64,
            welcomed: false,
        }
    }

    /// Runs until `finish`, then until everything is acknowledged or the time for it is over.
    pub async fn run(mut self, finish: CancellationToken) {
        // A thousand gateways do not knock in the same millisecond.
        tokio::time::sleep(Duration::from_millis(u64::from(self.gateway) * 2)).await;
        let mut pause = Duration::from_millis(100);
        let mut give_up = None;
        loop {
            let connected = tokio::time::timeout(WELCOME, self.connect()).await;
            match connected.unwrap_or(Err(NotWelcome::Silent)) {
                Ok(socket) => {
                    pause = Duration::from_millis(100);
                    if matches!(self.converse(socket, &finish, &mut give_up).await, Ok(End::Done)) {
                        break;
                    }
                }
                Err(why) => self.note(&why),
            }
            self.counters.broken.fetch_add(1, Ordering::Relaxed);
            if finish.is_cancelled() {
                let drain = Duration::from_secs_f64(self.options.drain_seconds);
                let until = *give_up.get_or_insert_with(|| Instant::now() + drain);
                if self.kept.is_empty() || Instant::now() >= until {
                    break;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        let lost: u64 = self.kept.iter().map(|kept| kept.readings).sum();
        self.counters.lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// Keeps for whoever waits what kept this gateway out.
    fn note(&self, why: &NotWelcome) {
        let code = match why {
            NotWelcome::Refused { code, .. } => Some(code.clone()),
            _ => None,
        };
        let gateway = self.options.fleet.gateway(self.gateway);
        let trouble = Trouble { gateway, code, words: why.to_string() };
        *self.counters.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }

    /// Hello and welcome; what is durable already is forgotten.
    async fn connect(&mut self) -> Result<Socket, NotWelcome> {
        let (mut socket, _) = connect_async(self.options.url.as_str()).await?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_nodelay(true).map_err(Error::Io)?;
        }
        let pending =
            self.kept.front().map(|kept| (self.boot, Lane::Live, kept.seq)).into_iter().collect();
        let hello = Hello {
            gateway: self.options.fleet.gateway(self.gateway),
            secret: self.options.fleet.secret.clone(),
            software: concat!("anlan load ", env!("CARGO_PKG_VERSION")).to_owned(),
            pending,
        };
        let hello = self.seal(Kind::Hello, 0, 0, &write_payload(&hello));
        socket.send(Message::Binary(hello)).await?;
        loop {
            match socket.next().await {
                None => return Err(Error::ConnectionClosed.into()),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(Message::Binary(bytes))) => {
                    let (header, payload) = open(&bytes).map_err(|_| NotWelcome::NoUplink)?;
                    match header.kind {
                        Kind::Welcome => {
                            let welcome: Welcome =
                                read_payload(payload).map_err(|_| NotWelcome::NoUplink)?;
                            self.window = welcome.window_frames.max(1) as usize;
                            self.acknowledged(&welcome.acks);
                            break;
                        }
                        Kind::Refuse => {
                            let Refuse { code, message, .. } =
                                read_payload(payload).map_err(|_| NotWelcome::NoUplink)?;
                            return Err(NotWelcome::Refused { code, message });
                        }
                        _ => {}
                    }
                }
                Some(Ok(_)) => {}
            }
        }
        if !self.welcomed {
            self.welcomed = true;
            self.counters.welcomed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(socket)
    }

    async fn converse(
        &mut self,
        mut socket: Socket,
        finish: &CancellationToken,
        give_up: &mut Option<Instant>,
    ) -> Result<End, Error> {
        for kept in &mut self.kept {
            if kept.sent {
                self.counters.resent.fetch_add(1, Ordering::Relaxed);
            }
            kept.sent = false;
        }
        self.send_waiting(&mut socket).await?;
        self.introduce(&mut socket).await?;
        let paced = self.options.rate_hz.is_some();
        let period = Duration::from_secs_f64(1.0 / self.options.rate_hz.unwrap_or(1.0).max(0.001));
        // Spread over the period, so that the center sees a stream and not a beat.
        let phase =
            period.mul_f64(f64::from(self.gateway) / f64::from(self.options.fleet.gateways.max(1)));
        let mut next = Instant::now() + phase;
        loop {
            if finish.is_cancelled() {
                let drain = Duration::from_secs_f64(self.options.drain_seconds);
                let until = *give_up.get_or_insert_with(|| Instant::now() + drain);
                if self.kept.is_empty() || Instant::now() >= until {
                    return Ok(End::Done);
                }
            }
            if !paced && !finish.is_cancelled() && self.counters.go.load(Ordering::Relaxed) {
                while self.kept.len() < UNDER_WAY {
                    self.make_frame();
                }
                self.send_waiting(&mut socket).await?;
            }
            tokio::select! {
                biased;
                // Where acknowledgements set the pace this only notices the start.
                () = tokio::time::sleep_until(next), if !finish.is_cancelled() => {
                    next += period;
                    if paced && self.counters.go.load(Ordering::Relaxed) {
                        self.make_frame();
                        self.send_waiting(&mut socket).await?;
                    }
                }
                message = socket.next() => match message {
                    None => return Ok(End::Broken),
                    Some(Err(error)) => return Err(error),
                    Some(Ok(Message::Binary(bytes))) => {
                        self.heard(&mut socket, &bytes).await?;
                        self.send_waiting(&mut socket).await?;
                    }
                    Some(Ok(_)) => {}
                },
                () = finish.cancelled(), if give_up.is_none() => {}
                () = tokio::time::sleep(Duration::from_millis(200)), if finish.is_cancelled() => {}
            }
        }
    }

    /// A status and the point table, as the protocol asks after every welcome.
    async fn introduce(&mut self, socket: &mut Socket) -> Result<(), Error> {
        let status = Status {
            devices: vec![DeviceStatus {
                device: "plc".to_owned(),
                connected: true,
                since: UtcMillis((self.clock_us)() / 1_000),
                last_error: String::new(),
            }],
            ..Status::default()
        };
        self.keep(Kind::Status, FLAG_GAP, &write_payload(&status));
        let table = write_payload(&self.table);
        self.keep(Kind::Table, 0, &table);
        self.send_waiting(socket).await
    }

    async fn heard(&mut self, socket: &mut Socket, bytes: &[u8]) -> Result<(), Error> {
        let Ok((header, payload)) = open(bytes) else { return Err(Error::ConnectionClosed) };
        match header.kind {
            Kind::Ack => {
                let Ok(acks) = read_payload::<Acks>(payload) else {
                    return Err(Error::ConnectionClosed);
                };
                self.acknowledged(&acks);
            }
            Kind::NeedTable => {
                let Ok(NeedTable { hash }) = read_payload(payload) else {
                    return Err(Error::ConnectionClosed);
                };
                if hash == self.table.hash() {
                    let table = write_payload(&self.table);
                    self.keep(Kind::Table, 0, &table);
                    // Out of turn and whatever the window.
                    if let Some(kept) = self.kept.back_mut() {
                        kept.sent = true;
                        socket.send(Message::Binary(kept.bytes.clone())).await?;
                    }
                }
            }
            Kind::Refuse => return Err(Error::ConnectionClosed),
            _ => {}
        }
        Ok(())
    }

    fn acknowledged(&mut self, acks: &Acks) {
        for (boot, lane, ranges) in &acks.ranges {
            if *boot != self.boot || *lane != Lane::Live {
                continue;
            }
            let mut acked = 0;
            self.kept.retain(|kept| {
                let durable = ranges.iter().any(|(from, to)| (*from..=*to).contains(&kept.seq));
                acked += if durable { kept.readings } else { 0 };
                !durable
            });
            self.counters.acked.fetch_add(acked, Ordering::Relaxed);
        }
    }

    fn make_frame(&mut self) {
        self.seq += 1;
        let mut crossed = Vec::new();
        let (wall_ms, mono_ms) = ((self.clock_us)() / 1_000, self.mono_ms());
        let bytes = self.template.next_frame(self.seq, wall_ms, mono_ms, &mut crossed);
        let readings = u64::from(self.options.fleet.points_each);
        self.counters.offered.fetch_add(readings, Ordering::Relaxed);
        let under_way = self.kept.iter().filter(|kept| kept.sent).count();
        if under_way >= self.window {
            self.counters.held.fetch_add(1, Ordering::Relaxed);
        }
        if self.kept.len() == KEPT_MAX
            && let Some(oldest) = self.kept.pop_front()
        {
            self.counters.lost.fetch_add(oldest.readings, Ordering::Relaxed);
        }
        self.kept.push_back(Kept { seq: self.seq, readings, bytes: bytes.into(), sent: false });
        let at_us = (self.clock_us)();
        for (row, began) in crossed {
            let point = self.options.fleet.point(self.gateway, row);
            // The receiver lives until every session has ended.
            let noted = self.crossings.send(SentCrossing { point, began, at_us });
            debug_assert!(noted.is_ok(), "the receiver outlives the sessions");
        }
    }

    async fn send_waiting(&mut self, socket: &mut Socket) -> Result<(), Error> {
        let under_way = self.kept.iter().filter(|kept| kept.sent).count();
        let room = self.window.saturating_sub(under_way);
        let mut fed = false;
        for kept in self.kept.iter_mut().filter(|kept| !kept.sent).take(room) {
            socket.feed(Message::Binary(kept.bytes.clone())).await?;
            kept.sent = true;
            fed = true;
        }
        if fed { socket.flush().await } else { Ok(()) }
    }

    fn keep(&mut self, kind: Kind, flags: u8, payload: &[u8]) {
        self.seq += 1;
        let bytes = self.seal(kind, flags, self.seq, payload);
        self.kept.push_back(Kept { seq: self.seq, readings: 0, bytes, sent: false });
    }

    fn seal(&self, kind: Kind, flags: u8, seq: u64, payload: &[u8]) -> Bytes {
        let header = Header {
            kind,
            lane: Lane::Live,
            flags,
            boot: self.boot,
            seq,
            wall: UtcMillis((self.clock_us)() / 1_000),
            mono: MonoMillis(self.mono_ms()),
            epoch: 0,
        };
        seal(&header, payload).into()
    }

    fn mono_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
