//! A gateway by hand: seals frames, sends them, and keeps what is not acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anlan_actors::center::RunningCenter;
use anlan_actors::ingest::listener::{PATH, handshake};
use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    self, Acks, Boot, DeviceStatus, GroupBuilder, Header, Hello, Kind, Lane, NeedTable, Refuse,
    Status, Table, Welcome, encode_readings, read_payload, write_payload,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::losses::Losses;
use super::plant::{SECRET, START};

/// What the center said.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Ack,
    NeedTable(u64),
    Refused(String),
    Closed,
}

pub struct Gateway {
    pub id: String,
    pub secret: String,
    pub boot: Boot,
    pub table: Table,
    /// Added to the true time: how wrong its clock is.
    pub skew_ms: i64,
    pub epoch: u32,
    /// Its one device, `plc`: whether it answers, and since when by this gateway's clock. Told by `tell` alone.
    device: (bool, UtcMillis),
    pub losses: Losses,
    /// The backlog says how the device stood when this stretch of it began.
    stretch_told: bool,
    /// The next live frame is the first after a reconnect.
    gap: bool,
    begun: tokio::time::Instant,
    next: BTreeMap<Lane, u64>,
    pub unacked: BTreeMap<(Lane, u64), Vec<u8>>,
    /// Every frame ever acknowledged.
    pub acked: BTreeSet<(Boot, Lane, u64)>,
    pub socket: Option<WebSocketStream<DuplexStream>>,
}

impl Gateway {
    pub fn new(id: &str, boot: u8, table: Table, begun: tokio::time::Instant) -> Self {
        Self {
            id: id.to_owned(),
            secret: SECRET.to_owned(),
            boot: Boot([boot; 16]),
            table,
            skew_ms: 0,
            epoch: 0,
            device: (true, UtcMillis(START)),
            losses: Losses::default(),
            stretch_told: false,
            gap: true,
            begun,
            next: BTreeMap::new(),
            unacked: BTreeMap::new(),
            acked: BTreeSet::new(),
            socket: None,
        }
    }

    fn header(&self, kind: Kind, lane: Lane, seq: u64) -> Header {
        let mono = self.begun.elapsed().as_millis() as u64;
        Header {
            kind,
            lane,
            flags: 0,
            boot: self.boot,
            seq,
            wall: UtcMillis(START + mono as i64 + self.skew_ms),
            mono: MonoMillis(mono),
            epoch: self.epoch,
        }
    }

    /// Connects and signs in.
    pub async fn connect(&mut self, center: &Arc<RunningCenter>) -> Result<Welcome, Said> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let peer = "127.0.0.1:9".parse().unwrap();
        tokio::spawn(handshake(theirs, peer, center.shared().clone()));
        let url = format!("ws://center{PATH}");
        let (mut socket, _) =
            tokio_tungstenite::client_async(url, ours).await.map_err(|_| Said::Closed)?;
        let mut pending: BTreeMap<Lane, u64> = BTreeMap::new();
        for (lane, seq) in self.unacked.keys() {
            pending.entry(*lane).or_insert(*seq);
        }
        let hello = Hello {
            gateway: self.id.clone(),
            secret: self.secret.clone(),
            software: "test".into(),
            pending: pending.into_iter().map(|(lane, seq)| (self.boot, lane, seq)).collect(),
        };
        let frame = uplink::seal(&self.header(Kind::Hello, Lane::Live, 0), &write_payload(&hello));
        socket.send(Message::Binary(frame.into())).await.map_err(|_| Said::Closed)?;
        self.socket = Some(socket);
        let frame = self.next_frame().await.ok_or(Said::Closed)?;
        let (header, payload) = uplink::open(&frame).unwrap();
        match header.kind {
            Kind::Welcome => {
                self.gap = true;
                if !std::mem::take(&mut self.stretch_told) {
                    // No backlog tells what was between.
                    self.losses.begin_anew(self.true_ms());
                }
                let welcome: Welcome = read_payload(payload).unwrap();
                self.take_acks(&welcome.acks);
                Ok(welcome)
            }
            Kind::Refuse => {
                let refuse: Refuse = read_payload(payload).unwrap();
                self.socket = None;
                Err(Said::Refused(refuse.code))
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    async fn next_frame(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.socket.as_mut()?.next().await? {
                Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn take_acks(&mut self, acks: &Acks) {
        for (boot, lane, ranges) in &acks.ranges {
            for &(first, last) in ranges {
                if *boot != self.boot {
                    continue;
                }
                let keys: Vec<_> =
                    self.unacked.range((*lane, first)..=(*lane, last)).map(|(k, _)| *k).collect();
                for (lane, seq) in keys {
                    self.unacked.remove(&(lane, seq));
                    self.acked.insert((self.boot, lane, seq));
                }
            }
        }
    }

    /// The gateway process starts anew; its clock begins at zero again in truth, here it goes on.
    pub fn reboot(&mut self, boot: [u8; 16]) {
        assert!(self.unacked.is_empty(), "this gateway keeps the frames of one boot");
        self.boot = Boot(boot);
        self.next.clear();
        self.epoch = 0;
        self.gap = true;
        self.stretch_told = false;
        // Before it has tried the device it cannot say that it answers.
        self.device = (false, self.wall());
        self.losses.reboots(self.wall().0, self.true_ms());
    }

    fn true_ms(&self) -> i64 {
        self.begun.elapsed().as_millis() as i64
    }

    fn wall(&self) -> UtcMillis {
        UtcMillis(START + self.true_ms() + self.skew_ms)
    }

    /// The lane of what is sealed now.
    pub fn lane(&self) -> Lane {
        if self.socket.is_some() { Lane::Live } else { Lane::Backfill }
    }

    /// The device is lost, or answers again: says so before any reading that shows it.
    pub fn set_device(&mut self, connected: bool) {
        if connected == self.device.0 {
            return;
        }
        self.device = (connected, self.wall());
        if connected {
            self.losses.ends(self.wall().0, self.true_ms());
        } else {
            self.losses.begins(self.wall().0, self.true_ms());
        }
        self.tell();
    }

    /// Says how the device stands and how much of the backlog is left.
    pub fn tell(&mut self) -> u64 {
        let lane = self.lane();
        let (connected, since) = self.device;
        let backlog =
            self.unacked.keys().filter(|(lane, _)| *lane == Lane::Backfill).count() as u64;
        let status = Status {
            devices: vec![DeviceStatus {
                device: "plc".into(),
                connected,
                since,
                last_error: String::new(),
            }],
            backlog_frames: backlog + u64::from(lane == Lane::Backfill),
            ..Status::default()
        };
        self.stretch_told = lane == Lane::Backfill;
        self.seal(Kind::Status, lane, &write_payload(&status))
    }

    /// The backlog says how the device stood before it says anything else.
    pub fn tell_stretch(&mut self) {
        if self.lane() == Lane::Backfill && !self.stretch_told {
            self.tell();
        }
    }

    /// Seals readings of consecutive rows, and keeps them until they are acknowledged.
    pub fn seal_readings(&mut self, lane: Lane, first: u32, values: &[f64]) -> u64 {
        let quality = if self.device.0 { Quality::GOOD } else { Quality::COMM_FAILURE };
        let group = GroupBuilder {
            age_ms: 0,
            handles: (first..).take(values.len()).collect(),
            qualities: vec![quality; values.len()],
            values: values.to_vec(),
            source_walls: vec![],
        };
        self.seal(Kind::Readings, lane, &encode_readings(self.table.hash(), &[group]))
    }

    pub fn seal_status(&mut self) -> u64 {
        self.seal(Kind::Status, Lane::Live, &write_payload(&Status::default()))
    }

    pub fn seal(&mut self, kind: Kind, lane: Lane, payload: &[u8]) -> u64 {
        let seq = self.next.entry(lane).or_insert(1);
        let number = *seq;
        *seq += 1;
        let mut header = self.header(kind, lane, number);
        if lane == Lane::Live && kind != Kind::Table && std::mem::take(&mut self.gap) {
            header.flags |= uplink::FLAG_GAP;
        }
        let frame = uplink::seal(&header, payload);
        self.unacked.insert((lane, number), frame);
        number
    }

    /// Sends a sealed frame again or for the first time; `false` when the link is cut.
    pub async fn send(&mut self, lane: Lane, seq: u64) -> bool {
        let Some(frame) = self.unacked.get(&(lane, seq)).cloned() else { return true };
        self.send_bytes(frame).await
    }

    pub async fn send_bytes(&mut self, frame: Vec<u8>) -> bool {
        let Some(socket) = self.socket.as_mut() else { return false };
        let sent = socket.send(Message::Binary(frame.into())).await.is_ok();
        if !sent {
            self.socket = None;
        }
        sent
    }

    /// Sends everything that is not acknowledged, in order, as after a reconnect.
    pub async fn send_all(&mut self) -> bool {
        let keys: Vec<_> = self.unacked.keys().copied().collect();
        for (lane, seq) in keys {
            if !self.send(lane, seq).await {
                return false;
            }
        }
        true
    }

    /// Takes what the center says until `until` holds or nothing comes for `patience`.
    pub async fn listen(&mut self, patience: Duration, until: impl Fn(&Self) -> bool) -> Vec<Said> {
        let mut said = Vec::new();
        while !until(self) {
            let next = tokio::time::timeout(patience, self.next_frame()).await;
            let Ok(frame) = next else { break };
            let Some(frame) = frame else {
                self.socket = None;
                said.push(Said::Closed);
                break;
            };
            let (header, payload) = uplink::open(&frame).unwrap();
            match header.kind {
                Kind::Ack => {
                    self.take_acks(&read_payload(payload).unwrap());
                    said.push(Said::Ack);
                }
                Kind::NeedTable => {
                    let need: NeedTable = read_payload(payload).unwrap();
                    said.push(Said::NeedTable(need.hash));
                    let table = write_payload(&self.table);
                    let seq = self.seal(Kind::Table, Lane::Live, &table);
                    self.send(Lane::Live, seq).await;
                }
                Kind::Refuse => {
                    let refuse: Refuse = read_payload(payload).unwrap();
                    said.push(Said::Refused(refuse.code));
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        said
    }

    /// Sends everything and waits until it is acknowledged.
    pub async fn settle(&mut self) -> Vec<Said> {
        self.send_all().await;
        self.listen(Duration::from_secs(20), |gateway| gateway.unacked.is_empty()).await
    }
}
