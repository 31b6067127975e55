//! The registry of the bench: as many enterprises as it takes, each with one gateway, four hazard sources of ten pieces of
//! equipment with twelve sensors, and a general area.

use std::sync::Arc;

use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::log::{GatewayNo, HostConfig, HostKey, HostNo};
use anlan_domain::point::{PointConfig, PointKind, PointNo, PointSettings};
use anlan_domain::region::RegionCode;
use async_trait::async_trait;
use ractor::rpc::CallResult;
use sha2::{Digest, Sha256};

use super::generator::GatewayOrder;
use crate::center::RunningCenter;
use crate::directory::{Directory, DirectoryError, EnterpriseEntry, GatewayEntry, Plan};
use crate::tree::host::HostMsg;

/// Sensors of one enterprise: 12 an equipment, 10 equipment a hazard source, 4 sources.
pub const SENSORS_EACH: u32 = 480;
const SOURCES: u32 = 4;
const SECRET: &str = "bench";
/// A value above this is an alarm.
pub const LIMIT: f64 = 80.0;

/// The plant of the bench.
#[derive(Clone)]
pub struct BenchPlant {
    enterprises: u32,
    plan: Arc<Plan>,
}

impl BenchPlant {
    /// A plant with at least `sensors`, rounded up to whole enterprises.
    #[must_use]
    pub fn new(sensors: u32) -> Self {
        let enterprises = sensors.div_ceil(SENSORS_EACH).max(1);
        let mut plan = Plan::default();
        let settings = Arc::new(settings());
        for i in 0..enterprises {
            enterprise(&mut plan, i, &settings);
        }
        plan.hosts.push(HostConfig {
            host: HostNo::CENTER,
            key: HostKey::Center,
            enterprise: None,
            gateways: vec![],
            points: vec![],
            gateway_grace_ms: 5_000,
        });
        Self { enterprises, plan: Arc::new(plan) }
    }

    /// Sensors there are.
    #[must_use]
    pub fn sensors(&self) -> u32 {
        self.enterprises * SENSORS_EACH
    }

    /// What the generator must know of each gateway.
    #[must_use]
    pub fn gateways(&self) -> Vec<GatewayOrder> {
        let tags: Vec<String> = (0..SENSORS_EACH).map(tag).collect();
        let order = |g: &GatewayEntry| GatewayOrder { id: g.id.to_string(), secret: SECRET.into() };
        debug_assert_eq!(tags.len(), SENSORS_EACH as usize);
        self.plan.gateways.iter().map(order).collect()
    }

    /// Code of the first enterprise.
    #[must_use]
    pub fn first_enterprise(&self) -> EnterpriseCode {
        self.plan.enterprises[0].code.clone()
    }

    /// Live readings that reached a sensor, by the hosts' own count.
    pub async fn readings_at_hosts(&self, center: &RunningCenter) -> u64 {
        let limit = Some(std::time::Duration::from_secs(10));
        let asked = self.plan.hosts.iter().map(|config| async move {
            let actor = center.shared().host_refs.get(config.host)?;
            match actor.call(HostMsg::Counters, limit).await {
                Ok(CallResult::Success(counters)) => Some(counters.live_readings),
                _ => None,
            }
        });
        futures_util::future::join_all(asked).await.into_iter().flatten().sum()
    }
}

/// Tag of a sensor, by its row.
#[must_use]
pub fn tag(row: u32) -> String {
    format!("LT-{row:03}")
}

fn settings() -> PointSettings {
    let limit =
        |value| Some(Limit { value, deadband: 1.0, on_delay_ms: 0, off_delay_ms: 0, level: None });
    PointSettings {
        kind: PointKind::Analog,
        signal: "level".into(),
        unit: "%".into(),
        range: (0.0, 100.0),
        scan_ms: 1_000,
        missing_scans: 10,
        frozen_after_ms: None,
        limits: Limits { version: 1, h: limit(LIMIT), ..Limits::default() },
        of_hazard_source: true,
    }
}

fn enterprise(plan: &mut Plan, i: u32, settings: &Arc<PointSettings>) {
    let known = "the bench builds valid identities";
    let code = EnterpriseCode::new(&format!("{:09}", 100_000_000 + i)).expect(known);
    let id = GatewayId::new(&format!("{code}01")).expect(known);
    let no = GatewayNo(i + 1);
    // A thousand enterprises in a hundred counties: regions sum up as many as a province has.
    let region =
        RegionCode::new(&format!("41{:02}{:02}", 1 + i % 10, 1 + i / 10 % 10)).expect(known);
    plan.enterprises.push(EnterpriseEntry { code: code.clone(), name: String::new(), region });
    plan.gateways.push(GatewayEntry {
        no,
        id: id.clone(),
        enterprise: code.clone(),
        secret_sha256: Sha256::digest(SECRET.as_bytes()).into(),
    });
    let host = |n: u32, key, points| HostConfig {
        host: HostNo(1 + i * (SOURCES + 1) + n),
        key,
        enterprise: Some(code.clone()),
        gateways: vec![(no, id.clone())],
        points,
        gateway_grace_ms: 10_000,
    };
    let each = SENSORS_EACH / SOURCES;
    for source in 0..SOURCES {
        let points = (source * each..(source + 1) * each).map(|row| PointConfig {
            no: PointNo(1 + i * SENSORS_EACH + row),
            id: PointId::of(&code, &tag(row)).expect(known),
            equipment: EquipmentId::new(&format!("{code}.V-{:02}", row / 12)).expect(known),
            gateway: id.clone(),
            device: "plc".into(),
            settings: settings.clone(),
        });
        let hazard = HazardCode::new(&format!("{code}{:03}", source + 1)).expect(known);
        plan.hosts.push(host(source, HostKey::Hazard(hazard), points.collect()));
    }
    plan.hosts.push(host(SOURCES, HostKey::General(code.clone()), vec![]));
}

#[async_trait]
impl Directory for BenchPlant {
    async fn plan(&self) -> Result<Plan, DirectoryError> {
        Ok((*self.plan).clone())
    }

    async fn gateway(&self, id: &GatewayId) -> Result<Option<GatewayEntry>, DirectoryError> {
        // By its number: a thousand sign in at once.
        let at =
            id.enterprise().as_str().parse::<u32>().ok().and_then(|n| n.checked_sub(100_000_000));
        let entry = at.and_then(|at| self.plan.gateways.get(at as usize));
        Ok(entry.filter(|entry| entry.id == *id).cloned())
    }
}
