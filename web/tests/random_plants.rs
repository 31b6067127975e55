//! Proof 6 over random plants and people, on the real center: nobody sees or changes what is another's, through any endpoint or stream.
//!
//! A plant is drawn (regions at every level in two provinces; enterprises with all that they may have), real alarms are raised
//! through real uplink frames, and people of every role are given scopes at every level. Then each person sends to every endpoint
//! of the route table a request that is valid: about what is another's the answer is 403 or 404, and no byte of any answer or live
//! message names a thing out of scope. That the requests are valid is shown at the end: whoever may, sends the same ones and they are
//! done. An endpoint without a case here fails the test.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "../../src/directory.rs"]
mod directory;
#[allow(dead_code)]
#[path = "../../actors/tests/support/gateway.rs"]
mod gateway;
#[allow(dead_code)]
#[path = "../../actors/tests/support/losses.rs"]
mod losses;
#[allow(dead_code)]
#[path = "../../actors/tests/support/memory.rs"]
mod memory;
#[allow(dead_code)]
#[path = "../../actors/tests/support/plant.rs"]
mod plant;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anlan_actors::api::Center;
use anlan_actors::center::RunningCenter;
use anlan_actors::options::{CenterOptions, Ports};
use anlan_domain::ids::{
    CameraId, EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId, Role, UserName,
};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{Lane, Table, TableRow};
use anlan_store::alarm_index::AlarmIndex;
use anlan_store::history::{EmbeddedHistory, HistoryOptions};
use anlan_store::registry::people::{Counted, User};
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::{
    Camera, Enterprise, Equipment, Gateway, HazardSource, MapFeature, Point, Region, States,
    path_of,
};
use anlan_store::registry::{Doer, Expected, Registry, Scope};
use anlan_web::routes::{self, Access};
use anlan_web::{Limits as WebLimits, Parts, ServeOptions, Server};
use common::{Answer, Live};
use gateway::Gateway as UplinkGateway;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use memory::{Disk, Door};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plant::{SECRET, START};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Where enterprises may lie: counties and parks of two provinces.
const PLACES: [&str; 8] =
    ["410105", "410105P01", "410205P01", "410205P02", "410205", "410206P01", "420106", "420106P01"];

/// An enterprise as it is drawn: where, and what it has beside a gateway, equipment and a point.
#[derive(Clone, Debug)]
struct Drawn {
    place: usize,
    hazard: bool,
    more_points: u32,
    placed: bool,
}

/// A person as they are drawn: role, the enterprise that their scope covers, and how many rungs above it.
#[derive(Clone, Debug)]
struct Person {
    role: Role,
    of: usize,
    rungs: usize,
}

#[derive(Clone, Debug)]
struct World {
    plant: Vec<Drawn>,
    people: Vec<Person>,
}

fn worlds() -> impl Strategy<Value = World> {
    let drawn = |places: std::ops::Range<usize>| {
        (places, any::<bool>(), 0..3u32, any::<bool>()).prop_map(
            |(place, hazard, more_points, placed)| Drawn { place, hazard, more_points, placed },
        )
    };
    // One in each province, so that everybody but the administrator has something that is another's.
    let plant = (drawn(0..6), drawn(6..8), prop::collection::vec(drawn(0..8), 1..4))
        .prop_map(|(one, other, more)| [vec![one, other], more].concat());
    let person =
        |role| (0..100usize, 0..4usize).prop_map(move |(of, rungs)| Person { role, of, rungs });
    // Officers at every level, the other roles wherever they are drawn.
    let officers = (0..4usize).map(|rungs| {
        (0..100usize).prop_map(move |of| Person { role: Role::Officer, of, rungs }).boxed()
    });
    let others =
        [Role::EnterpriseManager, Role::EnterpriseManager, Role::EnterpriseResponder, Role::Tester];
    let others = others.into_iter().map(move |role| person(role).boxed());
    let people: Vec<BoxedStrategy<Person>> = officers.chain(others).collect();
    (plant, people).prop_map(|(plant, people)| World { plant, people })
}

/// An enterprise with the identities of what it has.
#[derive(Debug)]
struct Site {
    code: String,
    region: RegionCode,
    hazard: Option<String>,
    points: u32,
    /// Stands in every name, address and number of it and nowhere else.
    mark: String,
}

impl Site {
    fn id(&self, tag: &str) -> String {
        format!("{}.{tag}", self.code)
    }
    fn gateway(&self) -> String {
        format!("{}01", self.code)
    }
    fn alarm(&self) -> String {
        format!("{}|H|1", self.id("LT-0"))
    }
}

fn region_mark(code: &RegionCode) -> String {
    format!("区{code}区")
}

fn rungs(code: &RegionCode) -> Vec<RegionCode> {
    std::iter::successors(Some(code.clone()), RegionCode::parent).collect()
}

/// A person with their session.
struct Somebody {
    username: String,
    role: Role,
    scope: Scope,
    token: String,
}

impl Somebody {
    fn covers(&self, site: &Site) -> bool {
        let code = EnterpriseCode::new(&site.code).unwrap();
        self.scope.covers(&code, &site.region)
    }
}

struct Running {
    sites: Vec<Site>,
    people: Vec<Somebody>,
    regions: BTreeSet<RegionCode>,
    registry: Registry,
    center: Arc<RunningCenter>,
    gateways: Vec<UplinkGateway>,
    base: String,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    simulator: Arc<AtomicUsize>,
    stop: CancellationToken,
    server: Server,
    _scratch: TempDir,
}

fn sites(plant: &[Drawn]) -> Vec<Site> {
    plant
        .iter()
        .enumerate()
        .map(|(n, drawn)| {
            let region = RegionCode::new(PLACES[drawn.place]).unwrap();
            let code = format!("{}{:03}", &region.as_str()[..6], n + 1);
            Site {
                hazard: drawn.hazard.then(|| format!("{code}001")),
                points: 1 + drawn.more_points,
                mark: format!("q{n}z"),
                code,
                region,
            }
        })
        .collect()
}

async fn fill(registry: &Registry, world: &World, sites: &[Site], regions: &BTreeSet<RegionCode>) {
    let meta = Meta::default();
    let mut change = registry.change(Doer::command("test"), UtcMillis(START)).await.unwrap();
    for code in regions {
        let (name_zh, name_en, path) = (region_mark(code), region_mark(code), path_of(code));
        let region = Region { code: code.clone(), name_zh, name_en, path, meta };
        change.put(&region, Expected::New).await.unwrap();
        let ground = MapFeature {
            id: format!("ground/{code}"),
            enterprise: None,
            region: Some(code.clone()),
            kind: "boundary".to_owned(),
            refers_to: code.to_string(),
            name_zh: region_mark(code),
            name_en: String::new(),
            geometry: json!({ "type": "Point", "coordinates": [114.0, 34.0] }).to_string(),
            properties: "{}".to_owned(),
            meta,
        };
        change.put(&ground, Expected::New).await.unwrap();
    }
    for (site, drawn) in sites.iter().zip(&world.plant) {
        let enterprise = EnterpriseCode::new(&site.code).unwrap();
        let mark = || site.mark.clone();
        let place = drawn.placed.then_some(114.0);
        change
            .put(
                &Enterprise {
                    code: enterprise.clone(),
                    credit_code: String::new(),
                    name_zh: mark(),
                    name_en: mark(),
                    region: site.region.clone(),
                    industry_code: mark(),
                    address: mark(),
                    longitude: Some(114.0),
                    latitude: Some(34.0),
                    principal: mark(),
                    phone: mark(),
                    meta,
                },
                Expected::New,
            )
            .await
            .unwrap();
        let hazard = site.hazard.as_ref().map(|code| HazardCode::new(code).unwrap());
        if let Some(code) = &hazard {
            let (enterprise, code) = (enterprise.clone(), code.clone());
            let (name_zh, name_en, kind) = (mark(), mark(), mark());
            let hazard = HazardSource { code, enterprise, name_zh, name_en, level: 1, kind, meta };
            change.put(&hazard, Expected::New).await.unwrap();
        }
        let gateway = Gateway {
            id: GatewayId::new(&site.gateway()).unwrap(),
            enterprise: enterprise.clone(),
            name: mark(),
            secret_sha256: hex(&Sha256::digest(SECRET.as_bytes())),
            meta,
        };
        change.put(&gateway, Expected::New).await.unwrap();
        let equipment = Equipment {
            id: EquipmentId::new(&site.id("V-1")).unwrap(),
            enterprise: enterprise.clone(),
            hazard,
            kind: "tank".to_owned(),
            name_zh: mark(),
            name_en: mark(),
            medium: mark(),
            cas: mark(),
            volume_m3: Some(5.0),
            longitude: place,
            latitude: place.map(|_| 34.0),
            meta,
        };
        change.put(&equipment, Expected::New).await.unwrap();
        for n in 0..site.points {
            let point = Point {
                id: PointId::new(&site.id(&format!("LT-{n}"))).unwrap(),
                enterprise: enterprise.clone(),
                equipment: equipment.id.clone(),
                gateway: gateway.id.clone(),
                device: "plc".to_owned(),
                name_zh: mark(),
                name_en: mark(),
                kind: "analog".to_owned(),
                signal: "level".to_owned(),
                unit: "%".to_owned(),
                range_lo: 0.0,
                range_hi: 100.0,
                decimals: 1,
                scan_ms: 1_000,
                missing_scans: 100,
                frozen_ms: 0,
                longitude: place,
                latitude: place.map(|_| 34.0),
                role: mark(),
                states: States::default(),
                on_delay_ms: 0,
                off_delay_ms: 0,
                realarm_ms: 0,
                latching: false,
                chatter_transitions: 0,
                chatter_window_ms: 60_000,
                meta,
            };
            change.put(&point, Expected::New).await.unwrap();
            let h = Limit { value: 80.0, deadband: 1.0, ..Limit::default() };
            let limits = Limits { h: Some(h), ..Limits::default() };
            change.put_limits(&point.id, &limits, Expected::New, &mark()).await.unwrap();
        }
        let camera = Camera {
            id: CameraId::new(&site.id("CAM-1")).unwrap(),
            enterprise: enterprise.clone(),
            equipment: Some(equipment.id.clone()),
            name_zh: mark(),
            name_en: mark(),
            url: format!("rtsp://user:pw@{}/1", site.mark),
            longitude: None,
            latitude: None,
            meta,
        };
        change.put(&camera, Expected::New).await.unwrap();
        let plot = MapFeature {
            id: format!("plot/{}", site.code),
            enterprise: Some(enterprise),
            region: None,
            kind: "plot".to_owned(),
            refers_to: site.code.clone(),
            name_zh: mark(),
            name_en: mark(),
            geometry: json!({ "type": "Point", "coordinates": [114.0, 34.0] }).to_string(),
            properties: "{}".to_owned(),
            meta,
        };
        change.put(&plot, Expected::New).await.unwrap();
    }
    change.commit().await.unwrap();
}

/// People with open sessions; the first is the administrator.
async fn people(registry: &Registry, world: &World, sites: &[Site]) -> Vec<Somebody> {
    let admin = Person { role: Role::Administrator, of: 0, rungs: 0 };
    let mut all = Vec::new();
    for (n, person) in std::iter::once(&admin).chain(&world.people).enumerate() {
        let site = &sites[person.of % sites.len()];
        let scope = match person.role {
            Role::Administrator => Scope::Everything,
            Role::Officer | Role::Tester => {
                let rungs = rungs(&site.region);
                Scope::Region(rungs[person.rungs.min(rungs.len() - 1)].clone())
            }
            _ => Scope::Enterprise(EnterpriseCode::new(&site.code).unwrap()),
        };
        let user = User {
            username: UserName::new(&format!("user{n}")).unwrap(),
            name: format!("person {n}"),
            role: person.role,
            scope: scope.clone(),
            password_hash: "$argon2id$none".to_owned(),
            meta: Meta::default(),
        };
        let now = UtcMillis(START);
        let mut change = registry.change(Doer::command("test"), now).await.unwrap();
        change.put_user(&user, Expected::New).await.unwrap();
        change.commit().await.unwrap();
        let token = format!("token-of-{n}");
        let hash = hex(&Sha256::digest(token.as_bytes()));
        let until = now.plus(12 * 3_600_000);
        registry.sign_in(&user, Counted::Remaining(4), &hash, "test", now, until).await.unwrap();
        all.push(Somebody { username: user.username.to_string(), role: person.role, scope, token });
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A simulator that takes everything, counts what it is asked, and speaks of every enterprise in its one run.
async fn simulator(sites: &[Site]) -> (String, Arc<AtomicUsize>) {
    let expectations: Vec<Value> = sites
        .iter()
        .map(|s| json!({ "subject": s.id("LT-0"), "condition": "H", "must": true }))
        .collect();
    let body =
        json!({ "items": [{ "started_at": 0, "ended_at": null, "expectations": expectations }] });
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // Its requests are small and come in one piece.
                if stream.read(&mut request).await.is_ok() {
                    drop(stream.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    (address, asked)
}

impl Running {
    async fn start(world: &World) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let registry = Registry::open(&scratch.path().join("registry.db")).await.unwrap();
        let sites = sites(&world.plant);
        let regions: BTreeSet<RegionCode> =
            PLACES.iter().flat_map(|code| rungs(&RegionCode::new(code).unwrap())).collect();
        fill(&registry, world, &sites, &regions).await;
        let people = people(&registry, world, &sites).await;
        let door = Door::open(&Arc::<Disk>::default());
        let history =
            EmbeddedHistory::open(&scratch.path().join("history"), HistoryOptions::default());
        let ports = Ports {
            journal: Arc::new(door.clone()),
            state: Arc::new(door.clone()),
            history: Some(Arc::new(history.unwrap())),
        };
        let begun = tokio::time::Instant::now();
        let clock: anlan_web::Clock = Arc::new(move || {
            UtcMillis(START + i64::try_from(begun.elapsed().as_millis()).unwrap())
        });
        let stop = CancellationToken::new();
        let center = RunningCenter::start(
            // The machine that runs this may be busy; a gateway that waits for its turn is not lost.
            CenterOptions { idle_after: Duration::from_secs(600), ..CenterOptions::default() },
            ports,
            Arc::new(directory::RegistryDirectory(registry.clone())),
            clock.clone(),
            stop.clone(),
        )
        .await
        .unwrap();
        let (address, simulator) = simulator(&sites).await;
        let alarms = AlarmIndex::open(&scratch.path().join("alarm-index.db")).await.unwrap();
        let parts = Parts {
            center: center.clone(),
            registry: registry.clone(),
            alarms: Arc::new(alarms),
            log: Arc::new(door),
            clock,
            metrics: Arc::new(String::new),
        };
        let mut options = ServeOptions::on(([127, 0, 0, 1], 0).into());
        options.simulator = Some(address);
        options.limits = WebLimits { sign_ins_per_minute: 10_000, ..WebLimits::default() };
        let server = anlan_web::serve(options, parts, stop.clone()).await.unwrap();
        let mut running = Self {
            base: format!("http://{}", server.address),
            client: Client::builder(TokioExecutor::new()).build_http(),
            gateways: Vec::new(),
            _scratch: scratch,
            sites,
            people,
            regions,
            registry,
            center,
            simulator,
            stop,
            server,
        };
        for site in &running.sites {
            let row = |n| TableRow { tag: format!("LT-{n}"), device: "plc".into() };
            let table = Table { rows: (0..site.points).map(row).collect() };
            let mut gateway = UplinkGateway::new(&site.gateway(), 1, table, begun);
            gateway.connect(&running.center).await.unwrap();
            running.gateways.push(gateway);
        }
        running
    }

    /// Every gateway of the given sites sends a value for each point.
    async fn read(&mut self, which: impl Fn(&Site) -> bool, value: f64) {
        for (site, gateway) in self.sites.iter().zip(&mut self.gateways) {
            if which(site) {
                let values = vec![value; site.points as usize];
                gateway.seal_readings(Lane::Live, 0, &values);
                gateway.settle().await;
            }
        }
    }

    async fn send(
        &self,
        who: &Somebody,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.base))
            .header("authorization", format!("Bearer {}", who.token))
            .body(Full::new(body.into()))
            .unwrap();
        let (parts, body) = self.client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, body, headers: parts.headers }
    }

    async fn live(&self, who: &Somebody) -> Live {
        let base = self.base.replacen("http", "ws", 1);
        let url = format!("{base}/api/v1/live?token={}", who.token);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Live { socket }
    }

    /// Whether a text names what the person may not know of.
    fn leak(&self, who: &Somebody, text: &str) -> Option<String> {
        let foreign = self.sites.iter().filter(|site| !who.covers(site));
        let things = foreign.flat_map(|site| [site.code.clone(), site.mark.clone()]);
        let own: Option<RegionCode> = match &who.scope {
            Scope::Everything => return None,
            Scope::Region(code) => Some(code.clone()),
            Scope::Enterprise(code) => {
                self.sites.iter().find(|s| s.code == code.as_str()).map(|s| s.region.clone())
            }
        };
        let known = |region: &RegionCode| {
            who.scope.covers_region(region) || own.as_ref().is_some_and(|own| region.covers(own))
        };
        let regions = self.regions.iter().filter(|region| !known(region));
        let names = regions.flat_map(|code| [region_mark(code), format!("region:{code}")]);
        things.chain(names).find(|name| text.contains(name.as_str()))
    }

    /// The registry as the administrator reads it, to see that nothing was changed.
    async fn everything(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for path in ["/enterprises", "/hazard-sources", "/equipment", "/cameras", "/map", "/users"]
        {
            let answer = self.send(&self.people[0], &Method::GET, path, None).await;
            assert_eq!(answer.status, 200, "{path}");
            seen.push(without_state(answer.json()));
        }
        for path in ["/points", "/gateways", "/alarms?open=false"] {
            let answer = self.send(&self.people[0], &Method::GET, path, None).await;
            seen.push(without_state(answer.json()));
        }
        seen
    }
}

/// Values, roll-ups and what a gateway does go on by themselves.
fn without_state(mut value: Value) -> Value {
    fn clean(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for live in
                    ["value", "rollup", "frames", "readings", "last_reading", "skew_ms", "since"]
                {
                    object.remove(live);
                }
                object.values_mut().for_each(clean);
            }
            Value::Array(items) => items.iter_mut().for_each(clean),
            _ => {}
        }
    }
    clean(&mut value);
    value
}

/// A valid request.
struct Valid {
    path: String,
    body: Option<Value>,
    /// Whether it is about one thing of the site: then 404 is the answer to whoever's it is not.
    about: bool,
}

/// Valid requests to one endpoint about one enterprise. `made` are the things that requests before this one have made, for deleting.
fn requests(method: &Method, template: &str, site: &Site, made: bool) -> Vec<Valid> {
    let list = |paths: &[String]| -> Vec<Valid> {
        paths.iter().map(|path| Valid { path: path.clone(), body: None, about: false }).collect()
    };
    let thing = |id: &str, body: Option<Value>| {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        let path = template
            .replace("{id}", &id)
            .replace("{code}", &id)
            .replace("{name}", &id)
            .replace("{signal}", &id)
            .replace("{username}", &id);
        vec![Valid { path, body, about: true }]
    };
    let delete = |old: &str, new: &str| {
        let mut valid = thing(&site.id(if made { new } else { old }), None);
        valid[0].path.push_str("?version=1");
        valid
    };
    let (code, mark, region) = (&site.code, &site.mark, &site.region);
    let name = json!({ "zh": mark, "en": mark });
    let filters = |path: &str| {
        list(&[
            path.to_owned(),
            format!("{path}?region={region}"),
            format!("{path}?enterprise={code}"),
            format!("{path}?q={mark}"),
            format!("{path}?q={code}"),
            format!("{path}?limit=1"),
        ])
    };
    let equipment = |id: String| json!({ "id": id, "kind": "tank", "name": name, "version": 1 });
    let point = |id: String| {
        json!({
            "id": id, "equipment": site.id("V-1"), "gateway": site.gateway(), "device": "plc", "name": name, "kind": "analog",
            "signal": "level", "unit": "%", "range": [0, 100], "scan_ms": 1000, "version": 1,
        })
    };
    let camera =
        |id: String| json!({ "id": id, "name": name, "equipment": site.id("V-1"), "version": 1 });
    let hazard = |code: String| json!({ "code": code, "name": name, "level": 2, "version": 1 });
    let enterprise =
        |code: &str| json!({ "code": code, "name": name, "region": region, "version": 1 });
    let user = |version: u32| {
        json!({
            "username": format!("new{mark}"), "name": mark, "role": "enterprise_manager", "scope": { "enterprise": code },
            "password": "long enough", "version": version,
        })
    };
    let known_hazard = site.hazard.clone().unwrap_or_else(|| format!("{code}009"));
    match (method.as_str(), template) {
        ("GET", "/session" | "/status" | "/regions") => list(&[template.to_owned()]),
        ("POST", "/session") => vec![Valid {
            path: template.to_owned(),
            body: Some(json!({ "username": format!("nobody{mark}"), "password": "x" })),
            about: false,
        }],
        // Ends the session that all else needs: see the end.
        ("DELETE", "/session") => Vec::new(),
        (
            "GET",
            "/enterprises" | "/hazard-sources" | "/equipment" | "/points" | "/cameras"
            | "/gateways" | "/quality",
        ) => {
            let mut all = filters(template);
            all.extend(list(&[
                format!("{template}?hazard={known_hazard}"),
                format!("{template}?equipment={}", site.id("V-1")),
            ]));
            all
        }
        ("GET", "/alarm-health") => filters(template),
        ("GET", "/alarm-defaults") => list(&[template.to_owned()]),
        ("PUT" | "DELETE", "/alarm-defaults/{signal}") => {
            // One of its own for each enterprise, without its code: everybody reads the list.
            let letter =
                |c: char| char::from(b'a' + u8::try_from(c.to_digit(10).unwrap()).unwrap());
            let signal: String = code.chars().map(letter).collect();
            let body = json!({
                "signal": signal, "deadband_percent": 1.0, "on_delay_ms": 0, "urgent_on_delay_ms": 0,
                "off_delay_ms": 0, "reason": "r", "version": 0,
            });
            let mut valid = thing(&signal, Some(body));
            if *method == Method::DELETE {
                valid[0].body = None;
                valid[0].path.push_str("?version=1");
            }
            valid
        }
        ("GET", "/alarms" | "/alarm-moments") => {
            let mut all = filters(template);
            all.extend(list(&[
                format!("{template}?open=false"),
                format!("{template}?open=false&point={}", site.id("LT-0")),
                format!("{template}?equipment={}", site.id("V-1")),
                format!("{template}?hazard={known_hazard}"),
            ]));
            all
        }
        ("GET", "/map") => list(&[template.to_owned(), format!("/map?region={region}")]),
        ("GET", "/search") => list(&[
            format!("/search?q={mark}"),
            format!("/search?q={code}"),
            format!("/search?q=区{region}"),
        ]),
        ("GET", "/tree" | "/users" | "/audit") => list(&[template.to_owned()]),
        ("GET", "/enterprises/{code}") => thing(code, None),
        ("GET", "/hazard-sources/{code}") => match &site.hazard {
            Some(hazard) => thing(hazard, None),
            None => Vec::new(),
        },
        ("GET", "/equipment/{id}") => thing(&site.id("V-1"), None),
        ("GET", "/points/{id}" | "/points/{id}/limits") => thing(&site.id("LT-0"), None),
        ("GET", "/points/{id}/trend") => {
            let mut valid = thing(&site.id("LT-0"), None);
            valid[0].path.push_str(&format!(
                "?from={}&to={}&pixels=10",
                START - 1_000,
                START + 60_000
            ));
            valid
        }
        ("GET", "/cameras/{id}") => thing(&site.id("CAM-1"), None),
        ("GET", "/gateways/{id}") => thing(&site.gateway(), None),
        ("GET", "/alarms/{id}") => thing(&site.alarm(), None),
        (
            "POST",
            "/alarms/{id}/acknowledge"
            | "/alarms/{id}/comment"
            | "/alarms/{id}/take"
            | "/alarms/{id}/reset",
        ) => thing(&site.alarm(), Some(json!({ "comment": "seen" }))),
        ("POST", "/alarms/{id}/dispose") => {
            thing(&site.alarm(), Some(json!({ "cause": "process", "measure": "adjusted" })))
        }
        ("GET", "/quiet-alarms" | "/dispositions") => list(&[template.to_owned()]),
        ("POST", "/quiet-alarms") => {
            let key = site.alarm();
            let key = key.rsplit_once('|').unwrap().0;
            let body = json!({ "alarm": key, "quiet": "shelved", "minutes": 10, "reason": "r" });
            thing("", Some(body))
        }
        ("POST", "/quiet-alarms/{id}/resume") => {
            let key = site.alarm();
            let key = key.rsplit_once('|').unwrap().0;
            thing(key, Some(json!({ "quiet": "shelved" })))
        }
        ("POST", "/enterprises") => {
            thing("", Some(enterprise(&format!("{}9{}", &code[..6], &code[7..]))))
        }
        ("PUT", "/enterprises/{code}") => thing(code, Some(enterprise(code))),
        ("POST", "/hazard-sources") => thing("", Some(hazard(format!("{code}008")))),
        ("PUT", "/hazard-sources/{code}") => match &site.hazard {
            Some(known) => thing(known, Some(hazard(known.clone()))),
            None => Vec::new(),
        },
        ("POST", "/equipment") => thing("", Some(equipment(site.id("N-1")))),
        ("PUT", "/equipment/{id}") => {
            // It keeps its hazard source: its points stay with the host that numbers their alarms.
            let mut body = equipment(site.id("V-1"));
            body["hazard"] = json!(site.hazard);
            thing(&site.id("V-1"), Some(body))
        }
        ("POST", "/equipment/{id}/state") => {
            let body = json!({ "state": "starting", "minutes": 10, "reason": mark });
            thing(&site.id("V-1"), Some(body))
        }
        ("DELETE", "/equipment/{id}") => delete("V-1", "N-1"),
        ("POST", "/points") => thing("", Some(point(site.id("NP-1")))),
        ("PUT", "/points/{id}") => thing(&site.id("LT-0"), Some(point(site.id("LT-0")))),
        ("DELETE", "/points/{id}") => delete("LT-0", "NP-1"),
        ("PUT", "/points/{id}/limits") => thing(
            &site.id("LT-0"),
            Some(json!({ "h": { "value": 70.0 }, "reason": mark, "version": 1 })),
        ),
        ("GET", "/points/{id}/detectors") => thing(&site.id("LT-0"), None),
        ("PUT" | "DELETE", "/points/{id}/detectors/{condition}") => {
            let body = json!({
                "condition": "SPIKE", "settings": "window=9; k=4; least=1", "on_delay_ms": 0, "off_delay_ms": 0,
                "level": null, "reason": mark, "version": 0,
            });
            let mut valid = thing(&site.id("LT-0"), Some(body));
            valid[0].path = valid[0].path.replace("{condition}", "SPIKE");
            if *method == Method::DELETE {
                valid[0].body = None;
                valid[0].path.push_str("?version=1");
            }
            valid
        }
        ("POST", "/cameras") => thing("", Some(camera(site.id("NC-1")))),
        ("PUT", "/cameras/{id}") => thing(&site.id("CAM-1"), Some(camera(site.id("CAM-1")))),
        ("DELETE", "/cameras/{id}") => delete("CAM-1", "NC-1"),
        ("POST", "/gateways") => {
            thing("", Some(json!({ "id": format!("{code}02"), "name": mark })))
        }
        ("PUT", "/gateways/{id}") => thing(
            &site.gateway(),
            Some(json!({ "id": site.gateway(), "name": "renamed", "version": 1 })),
        ),
        ("PUT", "/map/features") => thing(
            "",
            Some(json!({ "features": [{
            "type": "Feature", "id": format!("plot/{code}"), "geometry": { "type": "Point", "coordinates": [114.5, 34.5] },
            "properties": { "kind": "plot", "ref": code, "name_zh": mark, "name_en": mark },
        }] })),
        ),
        ("POST", "/users") => thing("", Some(user(1))),
        ("PUT", "/users/{username}") => thing(&format!("new{mark}"), Some(user(1))),
        ("DELETE", "/users/{username}") => {
            let mut valid = thing(&format!("new{mark}"), None);
            valid[0].path.push_str("?version=2");
            valid
        }
        ("GET", "/scenarios" | "/scenarios/runs" | "/simulator" | "/faults")
        | ("DELETE", "/faults") => list(&[template.to_owned()]),
        ("POST", "/scenarios/{name}/start" | "/scenarios/{name}/stop") => {
            list(&[template.replace("{name}", "calm")])
        }
        ("POST", "/faults") => vec![Valid {
            path: template.to_owned(),
            body: Some(json!({ "point": site.id("LT-0"), "fault": { "kind": "frozen" } })),
            about: false,
        }],
        (method, path) => panic!("teach this test a valid request to {method} {path}"),
    }
}

fn may(access: Access, role: Role) -> bool {
    match access {
        Access::Open | Access::SignedIn => true,
        Access::Roles(roles) => roles.contains(&role),
    }
}

/// Every endpoint, by everybody, about everything: reads of all, changes of what is another's.
async fn nobody_gets_at_what_is_anothers(running: &Running) -> Result<usize, TestCaseError> {
    let mut sent = 0;
    for who in &running.people {
        for route in routes::all() {
            let reads = route.method == Method::GET;
            let of_simulator =
                ["/scenarios", "/faults", "/simulator"].iter().any(|p| route.path.starts_with(p));
            for site in &running.sites {
                let own = who.covers(site);
                for Valid { path, body, about } in requests(&route.method, route.path, site, false)
                {
                    let allowed = may(route.access, who.role);
                    // What somebody may change is changed at the end.
                    if !reads && own && allowed && about {
                        continue;
                    }
                    let asked = running.simulator.load(Ordering::SeqCst);
                    let answer = running.send(who, &route.method, &path, body.as_ref()).await;
                    sent += 1;
                    let at = format!(
                        "{} ({:?}, {}): {} {path} gave {}",
                        who.username, who.role, who.scope, route.method, answer.status
                    );
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    let locked = route.path == "/session" && answer.status == 423;
                    let expected = match (allowed, about && !own, route.path) {
                        (false, _, _) => 403,
                        (true, true, _) => 404,
                        // The same wrong name by everybody is locked in the end.
                        (true, false, "/session") if !reads => 401 + 22 * u16::from(locked),
                        (true, false, _) => 200,
                    };
                    prop_assert_eq!(answer.status.as_u16(), expected, "{}: {}", at, text);
                    if of_simulator && allowed {
                        // Whoever drives the simulator sees what it says; what the center adds is of their scope.
                        let runs: Value = answer.json();
                        for run in runs["items"][0]["expectations"].as_array().into_iter().flatten()
                        {
                            let of = running
                                .sites
                                .iter()
                                .find(|s| run["subject"] == s.id("LT-0"))
                                .unwrap();
                            let known = !run["seen"].is_null();
                            let is_runs = route.path == "/scenarios/runs";
                            prop_assert_eq!(known, is_runs && who.covers(of), "{}: {}", at, run);
                        }
                        continue;
                    }
                    prop_assert_eq!(
                        running.simulator.load(Ordering::SeqCst),
                        asked,
                        "{} reached the simulator",
                        at
                    );
                    prop_assert_eq!(running.leak(who, &text), None, "{}: {}", at, text);
                    let sees_urls =
                        matches!(who.role, Role::Administrator | Role::EnterpriseManager);
                    prop_assert!(sees_urls || !text.contains("rtsp://"), "{}: {}", at, text);
                }
            }
        }
        // A reference to another's thing tells not whether it exists.
        for site in running
            .sites
            .iter()
            .filter(|site| who.role == Role::EnterpriseManager && !who.covers(site))
        {
            let own = running.sites.iter().find(|site| who.covers(site)).unwrap();
            let refused = async |tag: &str| {
                let body = json!({ "id": own.id("NC-2"), "name": { "zh": "x" }, "equipment": site.id(tag) });
                let answer = running.send(who, &Method::POST, "/cameras", Some(&body)).await;
                (answer.status.as_u16(), answer.json()["problems"].as_array().map(Vec::len))
            };
            prop_assert_eq!(refused("V-1").await, refused("NONE-1").await);
        }
    }
    Ok(sent)
}

/// Live: everything is asked for, everybody's alarms are raised, and only the person's own come.
async fn no_stream_carries_what_is_anothers(running: &mut Running) -> Result<(), TestCaseError> {
    let mut streams = Vec::new();
    for who in &running.people {
        let mut live = running.live(who).await;
        let mut wishes: Vec<(Value, bool)> = running
            .regions
            .iter()
            .map(|code| (json!({ "region": code }), who.scope.covers_region(code)))
            .collect();
        for site in &running.sites {
            let own = who.covers(site);
            wishes.push((json!({ "enterprise": site.code }), own));
            wishes.push((json!({ "equipment": [site.id("V-1")] }), own));
            wishes.push((json!({ "points": [site.id("LT-0")] }), own));
        }
        wishes.push((json!({ "alarms": {} }), true));
        for (n, (wish, own)) in wishes.iter().enumerate() {
            let id = format!("s{n}");
            live.say(json!({ "subscribe": wish, "id": id })).await;
            loop {
                let message = live.hears().await.unwrap();
                prop_assert_eq!(
                    running.leak(who, &message.to_string()),
                    None,
                    "{}: {}",
                    who.username,
                    message
                );
                if message["id"] == id {
                    let kind = message["type"].as_str();
                    prop_assert_eq!(
                        kind,
                        Some(if *own { "snapshot" } else { "error" }),
                        "{}: {} {}",
                        who.username,
                        wish,
                        message
                    );
                    break;
                }
            }
            // Within the limits of a stream: messages a second, and subscriptions. The last one stays.
            if n + 1 < wishes.len() {
                live = running.live(who).await;
            }
        }
        streams.push(live);
    }
    // Back to normal, and high again: the second occurrence of everybody's alarm.
    running.read(|_| true, 10.0).await;
    running.read(|_| true, 95.0).await;
    let running = &*running;
    for (who, live) in running.people.iter().zip(&mut streams) {
        let mut wanted: BTreeSet<String> = running
            .sites
            .iter()
            .filter(|site| who.covers(site))
            .map(|site| format!("{}|H|2", site.id("LT-0")))
            .collect();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while !wanted.is_empty() {
            let heard = tokio::time::timeout_at(deadline, live.hears()).await;
            let message =
                heard.unwrap_or_else(|_| panic!("{} waits for {wanted:?}", who.username)).unwrap();
            prop_assert_eq!(
                running.leak(who, &message.to_string()),
                None,
                "{}: {}",
                who.username,
                message
            );
            if let Some(id) = message["alarm"]["id"].as_str() {
                wanted.remove(id);
            }
        }
    }
    Ok(())
}

/// The same requests by whoever may: each is done, so none of the refusals above was of a body that nobody could send.
async fn whoever_may_does_it(running: &Running) -> Result<(), TestCaseError> {
    let methods = [Method::POST, Method::PUT, Method::DELETE];
    let changes = methods.iter().flat_map(|m| routes::all().iter().filter(move |r| r.method == *m));
    for route in changes {
        for site in &running.sites {
            let manager =
                running.people.iter().find(|p| p.role == Role::EnterpriseManager && p.covers(site));
            let who = manager.filter(|p| may(route.access, p.role)).unwrap_or(&running.people[0]);
            for Valid { path, body, about } in requests(&route.method, route.path, site, true) {
                if about {
                    let answer = running.send(who, &route.method, &path, body.as_ref()).await;
                    let text = String::from_utf8_lossy(&answer.body);
                    // No alarm of these plants latches: the host itself says so, which nobody else's command reaches.
                    let refused_by_host =
                        route.path == "/alarms/{id}/reset" && text.contains("\"not_latched\"");
                    prop_assert!(
                        answer.status.is_success() || refused_by_host,
                        "{}: {} {path} gave {}: {text}",
                        who.username,
                        route.method,
                        answer.status
                    );
                }
            }
        }
    }
    for who in &running.people {
        prop_assert_eq!(
            running.send(who, &Method::DELETE, "/session", None).await.status.as_u16(),
            204
        );
    }
    Ok(())
}

async fn proven(world: World) -> Result<(), TestCaseError> {
    let mut running = Running::start(&world).await;
    running.read(|_| true, 95.0).await;
    let alarms = running.sites.iter().map(|site| site.points as u64).sum::<u64>();
    while running.center.last_alarm().0 < alarms {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = running.everything().await;
    let sent = nobody_gets_at_what_is_anothers(&running).await?;
    prop_assert!(sent > 1_000, "{sent} requests are too few to prove anything");
    let after = running.everything().await;
    for (before, after) in before.iter().zip(&after) {
        prop_assert_eq!(before, after, "something was changed");
    }
    no_stream_carries_what_is_anothers(&mut running).await?;
    whoever_may_does_it(&running).await?;
    let Running { stop, server, registry, .. } = running;
    stop.cancel();
    server.finished().await;
    registry.close().await;
    Ok(())
}

#[test]
fn nobody_sees_or_changes_what_is_anothers_in_any_plant() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = if std::env::var_os("ANLAN_CHAOS").is_some() { 200 } else { 3 };
    let config =
        Config { cases, max_shrink_iters: 8, failure_persistence: None, ..Config::default() };
    // A failure prints the world that it was drawn from.
    TestRunner::new(config).run(&worlds(), |world| runtime.block_on(proven(world))).unwrap();
}
