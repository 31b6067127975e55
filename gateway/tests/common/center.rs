//! A center for tests: journals every frame, checks that what comes twice is the same, and acknowledges as it is told to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    self, Acks, Boot, Header, Hello, Kind, Lane, NeedTable, ReadingsView, Refuse, Status, Welcome,
    read_payload, write_payload,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// How the center behaves; may change at any time.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Take connections, keep the ones there are.
    pub up: bool,
    /// Acknowledge at all.
    pub acknowledge: bool,
    /// Wait this long before each acknowledgement.
    pub delay: Duration,
    /// Keep one acknowledgement in `n` to itself until the next session, and say every other twice. 0: behave.
    pub forget_one_in: u64,
    /// Refuse sessions with this code.
    pub refuse: Option<(&'static str, u32)>,
    /// Window given in the welcome.
    pub window: u32,
    /// Ask for this table.
    pub need_table: Option<u64>,
    /// Go on reading but say nothing.
    pub mute: bool,
    /// Milliseconds by which this center's clock is ahead.
    pub ahead_ms: i64,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            up: true,
            acknowledge: true,
            delay: Duration::ZERO,
            forget_one_in: 0,
            refuse: None,
            window: 64,
            need_table: None,
            mute: false,
            ahead_ms: 0,
        }
    }
}

/// A frame as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub session: u32,
    pub header: Header,
    pub bytes: Vec<u8>,
    /// Milliseconds between sealing and arrival, by the machine's one clock.
    pub delay_ms: i64,
    /// Frames of the back-fill lane that had been acknowledged when this one arrived.
    pub backfill_acknowledged: usize,
}

impl Arrival {
    pub fn status(&self) -> Option<Status> {
        let (header, payload) = uplink::open(&self.bytes).unwrap();
        (header.kind == Kind::Status).then(|| read_payload(payload).unwrap())
    }

    pub fn values(&self) -> Vec<f64> {
        let (header, payload) = uplink::open(&self.bytes).unwrap();
        if header.kind != Kind::Readings {
            return Vec::new();
        }
        let view = ReadingsView::new(payload).unwrap();
        view.groups()
            .flat_map(|g| {
                (0..g.count)
                    .filter(|&i| !g.quality(i).is_bad())
                    .map(|i| g.value(i))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

type Key = (Boot, Lane, u64);

#[derive(Default)]
pub struct Seen {
    pub arrivals: Vec<Arrival>,
    pub journal: BTreeMap<Key, Vec<u8>>,
    pub acknowledged: std::collections::BTreeSet<Key>,
    pub hellos: Vec<Hello>,
    pub sessions: u32,
    pub repeated: u64,
}

impl Seen {
    /// Every value of every journalled reading, each once, sorted.
    pub fn values(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self
            .journal
            .values()
            .flat_map(|bytes| {
                let (header, _) = uplink::open(bytes).unwrap();
                Arrival {
                    session: 0,
                    header,
                    bytes: bytes.clone(),
                    delay_ms: 0,
                    backfill_acknowledged: 0,
                }
                .values()
            })
            .collect();
        values.sort_by(f64::total_cmp);
        values
    }

    pub fn of(&self, lane: Lane) -> usize {
        self.journal.keys().filter(|key| key.1 == lane).count()
    }

    pub fn last_status(&self) -> Option<Status> {
        self.arrivals.iter().rev().find_map(Arrival::status)
    }
}

#[derive(Clone)]
pub struct Center {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    manners: watch::Sender<Manners>,
    _task: Arc<JoinSet<()>>,
}

impl Center {
    pub async fn start() -> Self {
        Self::start_with(Manners::default(), None).await
    }

    pub async fn start_with(manners: Manners, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let manners = watch::Sender::new(manners);
        let mut task = JoinSet::new();
        let (shared, told) = (Arc::clone(&seen), manners.subscribe());
        task.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                if !told.borrow().up {
                    continue;
                }
                let (seen, told, tls) = (Arc::clone(&shared), told.clone(), tls.clone());
                sessions.spawn(async move {
                    let Some(tls) = tls else { return session(stream, seen, told).await };
                    if let Ok(stream) = tls.accept(stream).await {
                        session(stream, seen, told).await;
                    }
                });
            }
        });
        Self { address, seen, manners, _task: Arc::new(task) }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub fn change(&self, change: impl FnOnce(&mut Manners)) {
        self.manners.send_modify(change);
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
}

fn control(kind: Kind, payload: &[u8]) -> Message {
    let header = Header {
        kind,
        lane: Lane::Live,
        flags: 0,
        boot: Boot::default(),
        seq: 0,
        wall: UtcMillis(now_ms()),
        mono: MonoMillis(0),
        epoch: 0,
    };
    Message::Binary(uplink::seal(&header, payload).into())
}

fn acks_of(seqs: impl IntoIterator<Item = Key>) -> Acks {
    let mut by_lane: BTreeMap<(Boot, Lane), Vec<(u64, u64)>> = BTreeMap::new();
    for (boot, lane, seq) in seqs {
        let ranges = by_lane.entry((boot, lane)).or_default();
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == seq => last.1 = seq,
            _ => ranges.push((seq, seq)),
        }
    }
    Acks {
        ranges: by_lane.into_iter().map(|((boot, lane), ranges)| (boot, lane, ranges)).collect(),
    }
}

/// Ends when the gateway goes or the center is told to be down.
async fn session(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    seen: Arc<Mutex<Seen>>,
    mut manners: watch::Receiver<Manners>,
) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (mut sink, mut stream) = socket.split();
    let Some(Ok(Message::Binary(bytes))) = stream.next().await else { return };
    let (header, payload) = uplink::open(&bytes).unwrap();
    assert_eq!((header.kind, header.seq), (Kind::Hello, 0), "the first frame is a hello");
    let hello: Hello = read_payload(payload).unwrap();
    assert_eq!((hello.gateway.as_str(), hello.secret.as_str()), ("41020500101", "s3cret"));
    let told = manners.borrow().clone();
    let (session, durable) = {
        let mut seen = seen.lock().unwrap();
        seen.sessions += 1;
        let durable: Vec<Key> = seen.acknowledged.iter().copied().collect();
        seen.hellos.push(hello);
        (seen.sessions, acks_of(durable))
    };
    if let Some((code, retry_after_ms)) = told.refuse {
        let refuse = Refuse { code: code.into(), message: "not today".into(), retry_after_ms };
        drop(sink.send(control(Kind::Refuse, &write_payload(&refuse))).await);
        return;
    }
    let welcome = Welcome {
        center_wall: UtcMillis(now_ms() + told.ahead_ms),
        acks: durable,
        window_frames: told.window,
    };
    if sink.send(control(Kind::Welcome, &write_payload(&welcome))).await.is_err() {
        return;
    }
    if let Some(hash) = told.need_table {
        drop(sink.send(control(Kind::NeedTable, &write_payload(&NeedTable { hash }))).await);
    }
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            _ = manners.wait_for(|m| !m.up) => return,
        };
        let Some(Ok(message)) = message else { return };
        let Message::Binary(bytes) = message else { continue };
        let (header, _) = uplink::open(&bytes).unwrap();
        let key = (header.boot, header.lane, header.seq);
        {
            let mut seen = seen.lock().unwrap();
            let backfill_acknowledged =
                seen.acknowledged.iter().filter(|k| k.1 == Lane::Backfill).count();
            seen.arrivals.push(Arrival {
                session,
                header,
                bytes: bytes.to_vec(),
                delay_ms: now_ms() - header.wall.0,
                backfill_acknowledged,
            });
            if let Some(first) = seen.journal.insert(key, bytes.to_vec()) {
                assert_eq!(first, bytes, "a resend is byte-identical");
                seen.repeated += 1;
            }
        }
        let told = manners.borrow().clone();
        if told.mute
            || !told.acknowledge
            || (told.forget_one_in > 0 && header.seq % told.forget_one_in == 0)
        {
            continue;
        }
        if !told.delay.is_zero() {
            tokio::time::sleep(told.delay).await;
        }
        let acks = write_payload(&acks_of([key]));
        seen.lock().unwrap().acknowledged.insert(key);
        let times = if told.forget_one_in > 0 { 2 } else { 1 };
        for _ in 0..times {
            if sink.send(control(Kind::Ack, &acks)).await.is_err() {
                return;
            }
        }
    }
}
