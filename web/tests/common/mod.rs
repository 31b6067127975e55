//! A whole web layer on loopback: the sample plant of three enterprises in two parks, people of every role, and a small
//! center in memory that writes a real alarm log.

// Helpers are no tests by themselves, so the exception for tests does not reach them.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anlan_actors::api::{
    Center, CenterError, GatewayView, LiveMessage, PointValue, RollupView, Topic, TreeNode,
};
use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, ClearReason, Condition, Level,
};
use anlan_domain::ids::{
    EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId, Role, UserName,
};
use anlan_domain::log::{Command, CommandRefused, HostConfig, HostNo};
use anlan_domain::quality::Quality;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmIndex;
use anlan_store::history::{DayQuality, Trend, TrendBucket, TrendSource};
use anlan_store::journal::Offset;
use anlan_store::registry::people::User;
use anlan_store::registry::record::Meta;
use anlan_store::registry::{Doer, Expected, Registry, conformance};
use anlan_store::state::fjall::FjallState;
use anlan_store::state::{AlarmRecord, AlarmSeq, HostCommit, StateStore};
use anlan_web::{Limits, Parts, ServeOptions, Server};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub const START: i64 = 1_795_000_000_000;
pub const PASSWORD: &str = "correct horse";
/// Name, role, scope.
pub const PEOPLE: [(&str, Role, &str); 8] = [
    ("admin", Role::Administrator, "everything"),
    ("province", Role::Officer, "region:410000"),
    ("park", Role::Officer, "region:410205P01"),
    ("east", Role::Officer, "region:410105P01"),
    ("manager", Role::EnterpriseManager, "enterprise:410205001"),
    ("responder", Role::EnterpriseResponder, "enterprise:410205001"),
    ("other", Role::EnterpriseManager, "enterprise:410205002"),
    ("tester", Role::Tester, "region:410205P01"),
];

/// The sample plant's points.
pub const POINTS: [&str; 5] = [
    "410205001.LT-1203A",
    "410205001.GT-1",
    "410205001.XV-1",
    "410205002.PT-201",
    "410105001.TT-1",
];

pub struct TestCenter {
    log: Arc<FjallState>,
    wake: Notify,
    pub configured: Mutex<Vec<HostConfig>>,
    registry: Registry,
    /// Added to every value, roll-up and count of enterprises in the set: another world.
    pub foreign: Mutex<(BTreeSet<String>, f64)>,
    hub: broadcast::Sender<(String, f64)>,
    clock: Arc<AtomicI64>,
    pub refuses: Mutex<Option<String>>,
    /// Holds every configuration back while it is taken.
    pub held: tokio::sync::RwLock<()>,
    /// Configurations that have come in, held back or not.
    pub offered: watch::Sender<u32>,
    /// Decided and not durable; `None` where that never happens.
    pub undurable: Mutex<Option<(Vec<AlarmEntry>, watch::Sender<u64>)>>,
}

impl TestCenter {
    fn shift(&self, id: &str) -> f64 {
        let foreign = self.foreign.lock().unwrap();
        if foreign.0.iter().any(|code| id.contains(code.as_str())) { foreign.1 } else { 0.0 }
    }

    fn now(&self) -> UtcMillis {
        UtcMillis(self.clock.load(Ordering::Relaxed))
    }

    /// Its alarm log.
    pub fn log(&self) -> &FjallState {
        &self.log
    }

    /// Sets what is decided and not durable, and tells the streams.
    pub fn cannot_make_durable(&self, entries: Vec<AlarmEntry>) {
        let mut undurable = self.undurable.lock().unwrap();
        let (all, changes) = undurable.get_or_insert_with(|| (Vec::new(), watch::Sender::new(0)));
        *all = entries;
        changes.send_modify(|n| *n += 1);
    }

    /// Tells the hub that a point has a new value.
    pub fn says(&self, point: &str, value: f64) {
        drop(self.hub.send((point.to_owned(), value)));
    }

    pub async fn alarm(
        &self,
        point: &str,
        condition: Condition,
        occurrence: u32,
        change: AlarmChange,
    ) {
        let id = PointId::new(point).unwrap();
        let (hazard, equipment) = match point {
            "410205001.LT-1203A" => (Some("410205001001"), "410205001.V-1203"),
            "410205001.GT-1" => (None, "410205001.A-1"),
            "410205002.PT-201" => (Some("410205002001"), "410205002.V-201"),
            "410105001.TT-1" => (Some("410105001001"), "410105001.W-1"),
            other => panic!("no place for {other}"),
        };
        let entry = AlarmEntry {
            alarm: AlarmId { subject: AlarmSubject(point.into()), condition, occurrence },
            place: AlarmPlace {
                enterprise: Some(id.enterprise()),
                hazard: hazard.map(|h| HazardCode::new(h).unwrap()),
                equipment: Some(EquipmentId::new(equipment).unwrap()),
            },
            change,
            source_time: self.now(),
            received_time: self.now(),
            log_offset: 0,
        };
        self.write(entry).await;
    }

    async fn write(&self, entry: AlarmEntry) {
        let commit = HostCommit {
            host: HostNo(1),
            folded: Offset(self.log.last_alarm().0 + 1),
            checkpoint: Bytes::new(),
            entries: vec![entry],
        };
        self.log.commit(vec![commit], self.now()).await.unwrap();
        self.wake.notify_waiters();
    }

    pub async fn raise(&self, point: &str, condition: Condition, occurrence: u32) {
        let change = AlarmChange::Raised {
            value: Some(85.2 + self.shift(point)),
            limit: Some(85.0),
            limits_version: 1,
            level: Level::ONE,
            late: false,
            quiet: None,
        };
        self.alarm(point, condition, occurrence, change).await;
    }

    /// Many alarms of one point in one commit.
    pub async fn raise_many(&self, point: &str, from: u32, count: u32) {
        self.raise(point, Condition::High, from).await;
        let first = self.log.alarms_after(AlarmSeq(self.log.last_alarm().0 - 1), 1).unwrap();
        let entries = (from + 1..from + count)
            .map(|occurrence| {
                let mut entry = first[0].entry.clone();
                entry.alarm.occurrence = occurrence;
                entry
            })
            .collect();
        let commit = HostCommit {
            host: HostNo(1),
            folded: Offset(self.log.last_alarm().0 + 1),
            checkpoint: Bytes::new(),
            entries,
        };
        self.log.commit(vec![commit], self.now()).await.unwrap();
        self.wake.notify_waiters();
    }

    pub async fn clear(&self, point: &str, condition: Condition, occurrence: u32) {
        let change = AlarmChange::Cleared {
            reason: ClearReason::Returned,
            value: Some(79.0),
            latched: false,
        };
        self.alarm(point, condition, occurrence, change).await;
    }
}

fn value_of(center: &TestCenter, point: &PointId) -> PointValue {
    PointValue {
        point: point.clone(),
        value: Some(42.0 + center.shift(point.as_str())),
        quality: Quality::GOOD,
        source: UtcMillis(START),
        received: UtcMillis(START + 5),
        lost: None,
    }
}

#[async_trait::async_trait]
impl Center for TestCenter {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    async fn command(&self, command: Command) -> Result<(), CenterError> {
        let Command::Acknowledge { alarm, by, comment } = command else {
            return Err(CenterError::NotReady("this center acknowledges only".into()));
        };
        let seen = self.log.alarms_after(AlarmSeq(0), 100_000).unwrap();
        let of: Vec<_> = seen.iter().filter(|r| r.entry.alarm == alarm).collect();
        let Some(raised) = of.iter().find(|r| matches!(r.entry.change, AlarmChange::Raised { .. }))
        else {
            return Err(CommandRefused::NotOpen(alarm).into());
        };
        if of.iter().any(|r| matches!(r.entry.change, AlarmChange::Acknowledged { .. })) {
            return Err(CommandRefused::AlreadyAcknowledged(alarm).into());
        }
        let mut entry = raised.entry.clone();
        entry.change = AlarmChange::Acknowledged { by, comment };
        entry.source_time = self.now();
        self.write(entry).await;
        Ok(())
    }

    async fn configure(&self, hosts: Vec<HostNo>) -> Result<(), CenterError> {
        if let Some(why) = self.refuses.lock().unwrap().clone() {
            return Err(CenterError::NotReady(why));
        }
        let configs = self.registry.host_configs_by_no(&hosts).await.unwrap();
        self.offered.send_modify(|n| *n += 1);
        let _free = self.held.read().await;
        self.configured.lock().unwrap().extend(configs);
        Ok(())
    }

    async fn values(&self, points: Vec<PointId>) -> Vec<PointValue> {
        points.iter().map(|p| value_of(self, p)).collect()
    }

    async fn rollups(&self, nodes: Vec<String>) -> Vec<RollupView> {
        nodes
            .into_iter()
            .map(|node| {
                let points = 10 + self.shift(&node) as u32;
                RollupView { node, points, ..RollupView::default() }
            })
            .collect()
    }

    fn gateways(&self) -> Vec<GatewayView> {
        ["41020500101", "41020500201", "41010500101"]
            .iter()
            .map(|id| GatewayView {
                id: GatewayId::new(id).unwrap(),
                connected: true,
                since: UtcMillis(START),
                last_reading: Some(UtcMillis(START)),
                backlog_frames: self.shift(&id[..9]) as u64,
                skew_ms: Some(3),
                devices: Vec::new(),
                software: "test".to_owned(),
                address: "127.0.0.1:1".to_owned(),
                frames: 1,
                readings: 1,
                duplicates: 0,
                refused: 0,
                clock_epoch: 0,
                clock_steps: 0,
                refused_rows: 0,
                refused_tags: Vec::new(),
            })
            .collect()
    }

    async fn tree(&self) -> TreeNode {
        let node = |id: &str, kind, children: Vec<TreeNode>| TreeNode {
            id: id.to_owned(),
            kind,
            name: format!("node {id}"),
            state: "running",
            restarts: 0,
            queue: self.shift(id) as u64,
            last_activity: None,
            sensors: children.iter().map(|c: &TreeNode| c.sensors).sum::<u32>()
                + 1
                + self.shift(id) as u32,
            faults: 0,
            children,
        };
        let park = |code: &str, enterprises: &[&str]| {
            let below = enterprises
                .iter()
                .map(|e| {
                    let host = node(&format!("general:{e}"), "host", vec![]);
                    let session = node(&format!("gateway:{e}01"), "gateway_session", vec![]);
                    node(&format!("enterprise:{e}"), "enterprise", vec![host, session])
                })
                .collect();
            node(&format!("region:{code}"), "region", below)
        };
        let kaifeng =
            node("region:410200", "region", vec![park("410205P01", &["410205001", "410205002"])]);
        let zhengzhou = node("region:410100", "region", vec![park("410105P01", &["410105001"])]);
        let province = node("region:410000", "region", vec![kaifeng, zhengzhou]);
        node("center", "center", vec![node("journal", "journal", vec![]), province])
    }

    async fn subscribe(&self, topic: Topic) -> Result<mpsc::Receiver<LiveMessage>, CenterError> {
        let (to, from) = mpsc::channel(4);
        let (topic, mut hub) = (Arc::new(topic), self.hub.subscribe());
        let of_topic = topic.clone();
        let message =
            move |body: String| LiveMessage { topic: topic.clone(), body: body[1..].into() };
        let first = message(json!({ "type": "snapshot", "at": START, "values": [] }).to_string());
        to.send(first).await.unwrap();
        tokio::spawn(async move {
            while let Ok((point, value)) = hub.recv().await {
                let fits = match &*of_topic {
                    Topic::Points(points) => points.iter().any(|p| p.as_str() == point),
                    Topic::Enterprise(code) => point.starts_with(code.as_str()),
                    Topic::Equipment(ids) => {
                        ids.iter().any(|id| point.starts_with(id.enterprise().as_str()))
                    }
                    // A region's stream holds roll-ups and gateways, no values.
                    Topic::Region(_) => false,
                };
                let body = json!({ "type": "values", "at": START, "values": [{ "p": point, "v": value }] });
                if fits && to.send(message(body.to_string())).await.is_err() {
                    return;
                }
            }
        });
        Ok(from)
    }

    async fn alarms_after(
        &self,
        after: AlarmSeq,
        limit: usize,
        wait_ms: u64,
    ) -> Vec<Arc<AlarmRecord>> {
        let woken = self.wake.notified();
        let found = self.log.alarms_after(after, limit).unwrap();
        if !found.is_empty() || wait_ms == 0 {
            return found;
        }
        drop(tokio::time::timeout(Duration::from_millis(wait_ms), woken).await);
        self.log.alarms_after(after, limit).unwrap()
    }

    fn last_alarm(&self) -> AlarmSeq {
        self.log.last_alarm()
    }

    fn undurable_alarms(&self) -> Vec<AlarmEntry> {
        self.undurable.lock().unwrap().as_ref().map(|(all, _)| all.clone()).unwrap_or_default()
    }

    fn undurable_changes(&self) -> Option<watch::Receiver<u64>> {
        self.undurable.lock().unwrap().as_ref().map(|(_, changes)| changes.subscribe())
    }

    async fn trend(
        &self,
        point: PointId,
        from: UtcMillis,
        _: UtcMillis,
        _: usize,
    ) -> Result<Trend, CenterError> {
        if let Some(why) = self.refuses.lock().unwrap().clone() {
            return Err(CenterError::NotReady(why));
        }
        let v = 42.0 + self.shift(point.as_str());
        let bucket = TrendBucket {
            t: from.0,
            first: v,
            last: v,
            min: v,
            max: f64::NAN,
            mean: v,
            t_min: from.0,
            t_max: from.0,
            count: 1,
            bad: 0,
            late: 0,
        };
        Ok(Trend { width_ms: 1000, source: TrendSource::Raw, buckets: vec![bucket] })
    }

    async fn day_quality(
        &self,
        point: PointId,
        from: UtcMillis,
        _: UtcMillis,
    ) -> Result<Vec<DayQuality>, CenterError> {
        let count = 1000 + self.shift(point.as_str()) as u64;
        Ok(vec![DayQuality {
            day_ms: from.0,
            due_from_ms: from.0,
            due_to_ms: from.0 + 600_000,
            count,
            good: count,
            bad: 0,
            late: 0,
            minutes_seen: 10,
        }])
    }
}

pub struct World {
    pub server: Option<Server>,
    pub base: String,
    pub center: Arc<TestCenter>,
    pub registry: Registry,
    pub clock: Arc<AtomicI64>,
    pub scratch: TempDir,
    stop: CancellationToken,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The hash of [`PASSWORD`], made once: hashing is slow on purpose.
fn hash() -> String {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| anlan_web::password::hash(PASSWORD).unwrap()).clone()
}

pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    pub headers: http::HeaderMap,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut ServeOptions)) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let registry = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
        let plant = scratch.path().join("plant");
        std::fs::create_dir(&plant).unwrap();
        conformance::sample_plant(&plant);
        registry.import(&plant, conformance::sample_options()).await.unwrap();
        let mut change = registry.change(Doer::command("test"), UtcMillis(START)).await.unwrap();
        for (username, role, scope) in PEOPLE {
            let user = User {
                username: UserName::new(username).unwrap(),
                name: format!("{username} 的姓名"),
                role,
                scope: scope.parse().unwrap(),
                password_hash: hash(),
                meta: Meta::default(),
            };
            change.put_user(&user, Expected::New).await.unwrap();
        }
        change.commit().await.unwrap();

        let log =
            Arc::new(FjallState::open(&scratch.path().join("alarms"), Default::default()).unwrap());
        let clock = Arc::new(AtomicI64::new(START));
        let center = Arc::new(TestCenter {
            log: log.clone(),
            wake: Notify::new(),
            configured: Mutex::default(),
            registry: registry.clone(),
            foreign: Mutex::default(),
            hub: broadcast::Sender::new(1024),
            clock: clock.clone(),
            refuses: Mutex::default(),
            held: Default::default(),
            offered: watch::Sender::new(0),
            undurable: Mutex::default(),
        });
        let alarms =
            Arc::new(AlarmIndex::open(&scratch.path().join("alarm-index.db")).await.unwrap());
        let now = clock.clone();
        let parts = Parts {
            center: center.clone(),
            registry: registry.clone(),
            alarms,
            log,
            clock: Arc::new(move || UtcMillis(now.load(Ordering::Relaxed))),
            metrics: Arc::new(|| "# none\n".to_owned()),
        };
        let mut options = ServeOptions::on(([127, 0, 0, 1], 0).into());
        options.limits = Limits { sign_ins_per_minute: 1_000, ..Limits::default() };
        adjust(&mut options);
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let stop = CancellationToken::new();
        let server = anlan_web::serve(options, parts, stop.clone()).await.unwrap();
        let base = format!("{scheme}://{}", server.address);
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { server: Some(server), base, center, registry, clock, scratch, stop, client }
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, body, headers: parts.headers }
    }

    /// As a person with a token; the path is below `/api/v1`.
    pub async fn api(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let bearer = format!("Bearer {token}");
        self.send(method, &format!("/api/v1{path}"), &[("authorization", &bearer)], body).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Value {
        let answer = self.api(token, "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub async fn sign_in(&self, username: &str) -> String {
        let answer = self.try_sign_in(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub async fn try_sign_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password }).to_string();
        self.send("POST", "/api/v1/session", &[], body.into_bytes()).await
    }

    pub fn passes(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        self.server.take().unwrap().finished().await;
    }

    pub async fn live(&self, token: &str) -> Live {
        let url = format!("{}/api/v1/live?token={token}", self.base.replacen("http", "ws", 1));
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Live { socket }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub struct Live {
    pub socket: tokio_tungstenite::WebSocketStream<
        tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>,
    >,
}

impl Live {
    pub async fn say(&mut self, message: Value) {
        use futures_util::SinkExt;
        let text = tokio_tungstenite::tungstenite::Message::text(message.to_string());
        self.socket.send(text).await.unwrap();
    }

    /// The next message that is no heartbeat; `None` when the stream has ended.
    pub async fn hears(&mut self) -> Option<Value> {
        use futures_util::StreamExt;
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.socket.next());
            let message = next.await.expect("the stream says something within 20 s")?.ok()?;
            if message.is_close() {
                return None;
            }
            let value: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            if value["type"] != "heartbeat" {
                return Some(value);
            }
        }
    }
}

/// An enterprise's code for the sets of [`TestCenter::foreign`].
pub fn code(text: &str) -> String {
    EnterpriseCode::new(text).unwrap().to_string()
}
