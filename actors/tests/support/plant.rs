//! A small park: enterprises with a hazard source, a general area and a gateway each; and a center over it.

use std::sync::Arc;
use std::time::Duration;

use anlan_actors::center::RunningCenter;
use anlan_actors::directory::{
    Directory, DirectoryError, EnterpriseEntry, GatewayEntry, Outline, Plan,
};
use anlan_actors::options::{CenterOptions, Ports};
use anlan_domain::alarm::Condition;
use anlan_domain::detect::Delays;
use anlan_domain::detect::detector::{Detector, DetectorSettings};
use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::log::{GatewayNo, HostConfig, HostKey, HostNo};
use anlan_domain::point::{Chatter, PointConfig, PointKind, PointNo, PointSettings};
use anlan_domain::region::RegionCode;
use anlan_domain::suppression::Suppression;
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{Table, TableRow};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::memory::{Disk, Door};

pub const SECRET: &str = "a long random secret";
pub const START: i64 = 1_790_000_000_000;

pub struct TestDirectory(pub std::sync::Mutex<Plan>);

#[async_trait]
impl Directory for TestDirectory {
    async fn plan(&self) -> Result<Plan, DirectoryError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn outline(&self) -> Result<Outline, DirectoryError> {
        Ok(Outline::from(&*self.0.lock().unwrap()))
    }

    async fn host_configs(&self, hosts: &[HostNo]) -> Result<Vec<HostConfig>, DirectoryError> {
        let plan = self.0.lock().unwrap();
        Ok(plan.hosts.iter().filter(|h| hosts.contains(&h.host)).cloned().collect())
    }

    async fn gateway(&self, id: &GatewayId) -> Result<Option<GatewayEntry>, DirectoryError> {
        Ok(self.0.lock().unwrap().gateways.iter().find(|g| g.id == *id).cloned())
    }
}

fn limit(value: f64, on_delay_ms: u32) -> Option<Limit> {
    // What calls again after ten seconds and latches.
    let (realarm_ms, latching) = (10_000, on_delay_ms > 0);
    Some(Limit { value, deadband: 1.0, on_delay_ms, realarm_ms, latching, ..Limit::default() })
}

fn settings() -> Arc<PointSettings> {
    Arc::new(PointSettings {
        kind: PointKind::Analog,
        signal: "level".into(),
        unit: "%".into(),
        range: (0.0, 100.0),
        scan_ms: 1_000,
        missing_scans: 3,
        frozen_after_ms: None,
        limits: Limits {
            version: 1,
            h: limit(80.0, 0),
            hh: limit(90.0, 2_000),
            exclusive_high: true,
            ..Limits::default()
        },
        of_hazard_source: true,
        chatter: None,
        suppression: Suppression {
            stopped: [Condition::High].into_iter().collect(),
            maintenance: [Condition::High, Condition::HighHigh, Condition::Missing]
                .into_iter()
                .collect(),
            starting: [Condition::Missing].into_iter().collect(),
        },
        detectors: Box::default(),
    })
}

/// The same settings with detectors that look at the siblings `LT-1` to `LT-6`; of these only those of the same equipment have a value.
fn watched(settings: &PointSettings) -> Arc<PointSettings> {
    let detector = |condition: &str, text: &str, on_ms| {
        let condition = Condition::from_code(condition).unwrap();
        let detector = Detector::parse(condition, text).unwrap();
        DetectorSettings { detector, delays: Delays { on_ms, off_ms: 0 }, level: None }
    };
    let detectors = [
        detector("DEVIATION", "from=[LT-1]; limit=20; deadband=5", 0),
        detector("SPIKE", "window=5; k=3; least=10", 0),
        detector("DRIFT", "target=50; sigma=20; every_s=1", 0),
        detector("EXPRESSION", "[LT-1] > 80 and [LT-2] > 60 or [LT-5] > [LT-6] + 10", 1_500),
    ];
    Arc::new(PointSettings { detectors: detectors.into(), ..settings.clone() })
}

pub fn enterprise(i: u32) -> EnterpriseCode {
    EnterpriseCode::new(&format!("4102050{i:02}")).unwrap()
}

pub fn gateway_id(i: u32) -> GatewayId {
    GatewayId::new(&format!("{}01", enterprise(i))).unwrap()
}

/// Host numbers: 1 + 2·i the hazard source, 2 + 2·i the general area.
pub fn plan(enterprises: u32, points_each: u32) -> Plan {
    let mut plan = Plan::default();
    let settings = settings();
    plan.hosts.push(HostConfig {
        host: HostNo::CENTER,
        key: HostKey::Center,
        enterprise: None,
        gateways: (0..enterprises).map(|i| (GatewayNo(i + 1), gateway_id(i))).collect(),
        points: vec![],
        gateway_grace_ms: 5_000,
    });
    for i in 0..enterprises {
        let code = enterprise(i);
        plan.enterprises.push(EnterpriseEntry {
            code: code.clone(),
            name: format!("enterprise {i}"),
            region: RegionCode::new("410205P01").unwrap(),
        });
        plan.gateways.push(GatewayEntry {
            no: GatewayNo(i + 1),
            id: gateway_id(i),
            enterprise: code.clone(),
            secret_sha256: Sha256::digest(SECRET.as_bytes()).into(),
        });
        let point = |p: u32| PointConfig {
            no: PointNo(i * 1000 + p + 1),
            id: PointId::of(&code, &format!("LT-{p}")).unwrap(),
            equipment: EquipmentId::new(&format!("{code}.V-{}", p / 4)).unwrap(),
            gateway: gateway_id(i),
            device: "plc".into(),
            settings: settings.clone(),
        };
        let host = |no, key, points| HostConfig {
            host: HostNo(no),
            key,
            enterprise: Some(code.clone()),
            gateways: vec![(GatewayNo(i + 1), gateway_id(i))],
            points,
            gateway_grace_ms: 5_000,
        };
        let half = points_each / 2;
        let hazard = HazardCode::new(&format!("{code}001")).unwrap();
        plan.hosts.push(host(1 + 2 * i, HostKey::Hazard(hazard), (0..half).map(point).collect()));
        let general = HostKey::General(code.clone());
        plan.hosts.push(host(2 + 2 * i, general, (half..points_each).map(point).collect()));
    }
    plan
}

/// The same with the rule of chattering everywhere, and detectors at the first point of each piece of equipment.
pub fn watched_plan(enterprises: u32, points_each: u32) -> Plan {
    let mut plan = plan(enterprises, points_each);
    for host in &mut plan.hosts {
        let Some(first) = host.points.first() else { continue };
        let chatter = Some(Chatter { transitions: 4, window_ms: 5_000 });
        let settings = Arc::new(PointSettings { chatter, ..(*first.settings).clone() });
        let watched = watched(&settings);
        for point in &mut host.points {
            let first = (point.no.0 - 1).is_multiple_of(4);
            point.settings = if first { watched.clone() } else { settings.clone() };
        }
    }
    plan
}

/// The table of a gateway: its points, and one row that is bound to nothing.
pub fn table(points_each: u32) -> Table {
    let row = |tag: String| TableRow { tag, device: "plc".into() };
    let mut rows: Vec<_> = (0..points_each).map(|p| row(format!("LT-{p}"))).collect();
    rows.push(row("NOT-OURS".into()));
    Table { rows }
}

/// A center, its disk, and its registry.
pub struct Park {
    pub disk: Arc<Disk>,
    pub directory: Arc<TestDirectory>,
    pub options: CenterOptions,
    pub begun: tokio::time::Instant,
    pub center: Arc<RunningCenter>,
    door: Door,
    shutdown: CancellationToken,
}

fn clock(begun: tokio::time::Instant) -> anlan_actors::directory::Clock {
    Arc::new(move || UtcMillis(START + begun.elapsed().as_millis() as i64))
}

impl Park {
    pub async fn start(plan: Plan) -> Self {
        Self::start_with(plan, |_| {}).await
    }

    pub async fn start_with(plan: Plan, change: impl FnOnce(&mut CenterOptions)) -> Self {
        let mut options = CenterOptions {
            checkpoint_every: (Duration::from_secs(2), Duration::from_secs(6)),
            ..CenterOptions::default()
        };
        change(&mut options);
        let disk = Arc::<Disk>::default();
        let directory = Arc::new(TestDirectory(std::sync::Mutex::new(plan)));
        let begun = tokio::time::Instant::now();
        let (center, door, shutdown) = life(&disk, &directory, &options, begun).await;
        Self { disk, directory, options, begun, center, door, shutdown }
    }

    pub fn now(&self) -> UtcMillis {
        clock(self.begun)()
    }

    /// Ends this life as a killed process ends: nothing is written from this moment on.
    pub async fn kill_and_restart(&mut self) {
        self.door.kill();
        self.shutdown.cancel();
        let (center, door, shutdown) =
            life(&self.disk, &self.directory, &self.options, self.begun).await;
        (self.center, self.door, self.shutdown) = (center, door, shutdown);
    }

    pub fn stop(&self) {
        self.shutdown.cancel();
    }
}

async fn life(
    disk: &Arc<Disk>,
    directory: &Arc<TestDirectory>,
    options: &CenterOptions,
    begun: tokio::time::Instant,
) -> (Arc<RunningCenter>, Door, CancellationToken) {
    let door = Door::open(disk);
    let ports =
        Ports { journal: Arc::new(door.clone()), state: Arc::new(door.clone()), history: None };
    let shutdown = CancellationToken::new();
    let started = RunningCenter::start(
        options.clone(),
        ports,
        directory.clone(),
        clock(begun),
        shutdown.clone(),
    );
    (started.await.unwrap(), door, shutdown)
}
