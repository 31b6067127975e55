//! A gateway that follows a script: seals frames as a real one does, keeps what is not acknowledged, and sends it again,
//! byte for byte, after every cut. What it believes acknowledged is what the proofs are about.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    Acks, Boot, DeviceStatus, FLAG_GAP, GroupBuilder, Header, Hello, Kind, Lane, NeedTable, Refuse,
    Status, Table, TableRow, Welcome, encode_readings, open, read_payload, seal, write_payload,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::plant;

/// The gateway.
pub struct ScriptedGateway {
    /// Its boot.
    pub boot: Boot,
    table: Table,
    seq: BTreeMap<Lane, u64>,
    waiting: BTreeMap<(Lane, u64), Vec<u8>>,
    /// Highest sequence acknowledged without a gap, per lane, and how many frames in all.
    pub acknowledged: BTreeMap<(Lane, u64), ()>,
    gap: bool,
    /// Milliseconds on its monotonic clock; advanced by the script.
    pub mono: u64,
    /// Its wall clock.
    pub wall: i64,
    /// Its clock epoch.
    pub epoch: u32,
    socket: Option<WebSocketStream<TcpStream>>,
}

impl ScriptedGateway {
    /// A gateway of the test plant with `points` points.
    #[must_use]
    pub fn new(boot: u8, points: usize, wall: i64) -> Self {
        let rows =
            (0..points).map(|i| TableRow { tag: plant::tag(i), device: "plc".into() }).collect();
        Self {
            boot: Boot([boot; 16]),
            table: Table { rows },
            seq: BTreeMap::new(),
            waiting: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            gap: true,
            mono: 1_000,
            wall,
            epoch: 0,
            socket: None,
        }
    }

    fn header(&self, kind: Kind, lane: Lane, flags: u8, seq: u64) -> Header {
        Header {
            kind,
            lane,
            flags,
            boot: self.boot,
            seq,
            wall: UtcMillis(self.wall),
            mono: MonoMillis(self.mono),
            epoch: self.epoch,
        }
    }

    fn seal(&mut self, kind: Kind, lane: Lane, payload: &[u8]) -> (Lane, u64) {
        let seq = self.seq.entry(lane).or_default();
        *seq += 1;
        let seq = *seq;
        let flags = if lane == Lane::Live && std::mem::take(&mut self.gap) { FLAG_GAP } else { 0 };
        let frame = seal(&self.header(kind, lane, flags, seq), payload);
        self.waiting.insert((lane, seq), frame);
        (lane, seq)
    }

    /// Seals one reading of every point. Returns its place.
    pub fn readings(&mut self, lane: Lane, values: &[f64]) -> (Lane, u64) {
        let group = GroupBuilder {
            age_ms: 0,
            handles: (0u32..).take(values.len()).collect(),
            qualities: vec![Quality::GOOD; values.len()],
            values: values.to_vec(),
            source_walls: Vec::new(),
        };
        let payload = encode_readings(self.table.hash(), &[group]);
        self.seal(Kind::Readings, lane, &payload)
    }

    /// Seals a status that says that its only device answers.
    pub fn status(&mut self) {
        let backlog_frames =
            self.waiting.keys().filter(|(lane, _)| *lane == Lane::Backfill).count() as u64;
        let device = DeviceStatus {
            device: "plc".into(),
            connected: true,
            since: UtcMillis(self.wall),
            last_error: String::new(),
        };
        let status = Status { devices: vec![device], backlog_frames, ..Status::default() };
        self.seal(Kind::Status, Lane::Live, &write_payload(&status));
    }

    /// Connects and says hello. What waited in the live lane is sent at once, again.
    ///
    /// # Errors
    /// When nobody answers or the answer is no welcome; to be tried again.
    pub async fn connect(&mut self, uplink: SocketAddr) -> Result<(), String> {
        self.socket = None;
        let within = Duration::from_secs(5);
        let stream = tokio::time::timeout(within, TcpStream::connect(uplink))
            .await
            .map_err(|_| "late".to_owned())?
            .map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let (mut socket, _) =
            tokio::time::timeout(within, client_async(format!("ws://{uplink}/uplink/v1"), stream))
                .await
                .map_err(|_| "late".to_owned())?
                .map_err(|e| e.to_string())?;
        let mut pending: BTreeMap<Lane, u64> = BTreeMap::new();
        for (lane, seq) in self.waiting.keys() {
            pending.entry(*lane).or_insert(*seq);
        }
        let hello = Hello {
            gateway: plant::GATEWAY.into(),
            secret: plant::SECRET.into(),
            software: "script".into(),
            pending: pending.into_iter().map(|(lane, seq)| (self.boot, lane, seq)).collect(),
        };
        let frame = seal(&self.header(Kind::Hello, Lane::Live, 0, 0), &write_payload(&hello));
        socket.send(Message::binary(frame)).await.map_err(|e| e.to_string())?;
        let answer = tokio::time::timeout(within, socket.next())
            .await
            .map_err(|_| "no welcome".to_owned())?
            .ok_or("closed before the welcome")?
            .map_err(|e| e.to_string())?;
        let bytes = answer.into_data();
        let (header, payload) = open(&bytes).map_err(|e| e.to_string())?;
        match header.kind {
            Kind::Welcome => {
                let welcome: Welcome = read_payload(payload).map_err(|e| e.to_string())?;
                self.take_acks(&welcome.acks);
            }
            Kind::Refuse => {
                let refuse: Refuse = read_payload(payload).map_err(|e| e.to_string())?;
                return Err(format!("refused: {} {}", refuse.code, refuse.message));
            }
            other => return Err(format!("{other:?} in place of a welcome")),
        }
        self.socket = Some(socket);
        self.gap = true;
        let again: Vec<_> = self
            .waiting
            .iter()
            .filter(|((lane, _), _)| *lane == Lane::Live)
            .map(|(k, _)| *k)
            .collect();
        for place in again {
            self.send(place).await?;
        }
        Ok(())
    }

    /// Cuts the link.
    pub fn cut(&mut self) {
        self.socket = None;
    }

    /// Sends a sealed frame that still waits.
    ///
    /// # Errors
    /// When the link is lost.
    pub async fn send(&mut self, place: (Lane, u64)) -> Result<(), String> {
        let Some(frame) = self.waiting.get(&place).cloned() else { return Ok(()) };
        let socket = self.socket.as_mut().ok_or("no link")?;
        let sent = socket.send(Message::binary(frame)).await.map_err(|e| e.to_string());
        if sent.is_err() {
            self.socket = None;
        }
        sent
    }

    /// Sends every waiting frame of a lane, in order.
    ///
    /// # Errors
    /// When the link is lost.
    pub async fn send_all(&mut self, lane: Lane) -> Result<(), String> {
        let places: Vec<_> = self.waiting.keys().filter(|(l, _)| *l == lane).copied().collect();
        for place in places {
            self.send(place).await?;
        }
        Ok(())
    }

    /// Takes what the center says for at most `period`. `Ok` when the time is over, an error when the link is lost.
    ///
    /// # Errors
    /// When the link is lost or the center refuses.
    pub async fn listen(&mut self, period: Duration) -> Result<(), String> {
        let until = tokio::time::Instant::now() + period;
        while !self.waiting.is_empty() {
            let socket = self.socket.as_mut().ok_or("no link")?;
            let Ok(message) = tokio::time::timeout_at(until, socket.next()).await else {
                return Ok(());
            };
            let bytes = match message {
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(_)) => continue,
                Some(Err(e)) => {
                    self.socket = None;
                    return Err(e.to_string());
                }
                None => {
                    self.socket = None;
                    return Err("closed".into());
                }
            };
            let (header, payload) = open(&bytes).map_err(|e| e.to_string())?;
            match header.kind {
                Kind::Ack => {
                    self.take_acks(&read_payload::<Acks>(payload).map_err(|e| e.to_string())?)
                }
                Kind::NeedTable => {
                    let need: NeedTable = read_payload(payload).map_err(|e| e.to_string())?;
                    assert_eq!(
                        need.hash,
                        self.table.hash(),
                        "the center asks for a table that nobody named"
                    );
                    let payload = write_payload(&self.table);
                    let place = self.seal(Kind::Table, Lane::Live, &payload);
                    self.send(place).await?;
                }
                Kind::Refuse => {
                    let refuse: Refuse = read_payload(payload).map_err(|e| e.to_string())?;
                    self.socket = None;
                    return Err(format!("refused: {} {}", refuse.code, refuse.message));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Seals the point table and sends it; a real gateway does so after every hello.
    ///
    /// # Errors
    /// When the link is lost.
    pub async fn send_table(&mut self) -> Result<(), String> {
        let payload = write_payload(&self.table);
        let place = self.seal(Kind::Table, Lane::Live, &payload);
        self.send(place).await
    }

    /// Frames that are not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.waiting.len()
    }

    fn take_acks(&mut self, acks: &Acks) {
        for (boot, lane, ranges) in &acks.ranges {
            if *boot != self.boot {
                continue;
            }
            for &(from, to) in ranges {
                let done: Vec<_> = self
                    .waiting
                    .range((*lane, from)..=(*lane, to))
                    .map(|(place, _)| *place)
                    .collect();
                for place in done {
                    self.waiting.remove(&place);
                    self.acknowledged.insert(place, ());
                }
            }
        }
    }
}
