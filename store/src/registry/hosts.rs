//! What the registry wishes the supervision tree to run: hosts with their points, and who may write them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anlan_domain::detect::detector::DetectorSettings;
use anlan_domain::ids::{EnterpriseCode, GatewayId, HazardCode};
use anlan_domain::limits::Limits;
use anlan_domain::log::{GatewayNo, HostConfig, HostKey, HostNo};
use anlan_domain::point::{Chatter, PointConfig, PointKind, PointNo, PointSettings};
use anlan_domain::suppression;

use super::column::{Column, damaged};
use super::record::{self, next_number};
use super::records::{Enterprise, Equipment, Gateway, Point, Region};
use super::{Registry, RegistryError, detectors, execute, limits, number, rows};
use crate::sql::{Connection, Row, Statement};

/// A lost gateway is alarmed after this long where nothing else is set: ten scans of the usual second (a proposal).
pub const GATEWAY_GRACE_MS: u32 = 10_000;

/// Gives a host a number if it has none.
pub(crate) async fn ensure(
    on: &mut dyn Connection,
    key: &str,
    enterprise: &EnterpriseCode,
) -> Result<(), RegistryError> {
    let known = Statement::new("SELECT no FROM hosts WHERE host_key = $1").bind(key);
    if number(&mut *on, known, "no").await?.is_some() {
        return Ok(());
    }
    let no = next_number(&mut *on, "hosts").await?;
    let host = Statement::new("INSERT INTO hosts (no, host_key, enterprise) VALUES ($1, $2, $3)");
    execute(on, host.bind(i64::from(no)).bind(key).bind(enterprise.as_str())).await
}

fn parse_key(text: &str) -> Result<HostKey, RegistryError> {
    match text.split_once(':') {
        Some(("hazard", code)) => {
            HazardCode::new(code).map(HostKey::Hazard).map_err(|e| damaged("host_key", e))
        }
        Some(("general", code)) => {
            EnterpriseCode::new(code).map(HostKey::General).map_err(|e| damaged("host_key", e))
        }
        _ => Err(damaged("host_key", format!("{text:?} is no host"))),
    }
}

/// Desired configuration of every host, of one enterprise or of all; in the order of their numbers. Points stand in the
/// order of their equipment, then number.
pub(crate) async fn configs(
    on: &mut dyn Connection,
    enterprise: Option<&EnterpriseCode>,
) -> Result<Vec<HostConfig>, RegistryError> {
    let mut shared = SharedSettings::default();
    if let Some(enterprise) = enterprise {
        return configs_of(on, enterprise, &mut shared).await;
    }
    // One enterprise after the other: what is read on the way is many times as large as what comes of it.
    let mut configs = Vec::new();
    for enterprise in record::all::<Enterprise>(on).await? {
        configs.extend(configs_of(on, &enterprise.code, &mut shared).await?);
    }
    configs.sort_by_key(|config| config.host);
    Ok(configs)
}

async fn configs_of(
    on: &mut dyn Connection,
    enterprise: &EnterpriseCode,
    shared: &mut SharedSettings,
) -> Result<Vec<HostConfig>, RegistryError> {
    let hosts = hosts(on, enterprise).await?;
    let newest = limits::newest_of_all(on, Some(enterprise)).await?;
    let mut detectors = detectors::of_enterprise(on, enterprise).await?;
    let gateways: Vec<Gateway> = record::fetch(on, narrowed::<Gateway>(enterprise, "no")).await?;
    let equipment: HashMap<_, _> =
        record::fetch::<Equipment>(on, narrowed::<Equipment>(enterprise, "id"))
            .await?
            .into_iter()
            .map(|e| (e.id, e.hazard))
            .collect();
    let points: Vec<Point> =
        record::fetch(on, narrowed::<Point>(enterprise, "equipment, no")).await?;

    let mut by_host: HashMap<HostKey, Vec<PointConfig>> = HashMap::new();
    for point in points {
        let hazard = equipment.get(&point.equipment).cloned().flatten();
        let limits = newest.get(&point.meta.no).map(|v| v.limits.clone()).unwrap_or_default();
        let detectors = detectors.remove(&point.id).unwrap_or_default();
        let settings = shared.share(settings_of(&point, limits, detectors, hazard.is_some()));
        let key = hazard.map_or(HostKey::General(point.enterprise.clone()), HostKey::Hazard);
        by_host.entry(key).or_default().push(PointConfig {
            no: PointNo(point.meta.no),
            id: point.id,
            equipment: point.equipment,
            gateway: point.gateway,
            device: point.device.into(),
            settings,
        });
    }
    Ok(hosts
        .into_iter()
        .map(|HostEntry { host, key, enterprise }| {
            let points = by_host.remove(&key).unwrap_or_default();
            let gateways = gateways
                .iter()
                .filter(|g| g.enterprise == enterprise)
                .filter(|g| {
                    matches!(key, HostKey::General(_)) || points.iter().any(|p| p.gateway == g.id)
                })
                .map(|g| (GatewayNo(g.meta.no), g.id.clone()))
                .collect();
            let enterprise = Some(enterprise);
            HostConfig {
                host,
                key,
                enterprise,
                gateways,
                points,
                gateway_grace_ms: GATEWAY_GRACE_MS,
            }
        })
        .collect())
}

fn narrowed<R: record::Record>(enterprise: &EnterpriseCode, order: &str) -> Statement {
    let mut query = record::select::<R>();
    query.push(" WHERE enterprise = ").push_bind(enterprise.as_str().to_owned());
    query.push(" ORDER BY ").push(order);
    query
}

async fn hosts(
    on: &mut dyn Connection,
    enterprise: &EnterpriseCode,
) -> Result<Vec<HostEntry>, RegistryError> {
    let query = Statement::new("SELECT * FROM hosts WHERE enterprise = $1 ORDER BY no");
    rows(on, query.bind(enterprise.as_str()), entry).await
}

fn entry(row: &Row) -> Result<HostEntry, RegistryError> {
    Ok(HostEntry {
        host: HostNo(u32::read(row, "no")?),
        key: parse_key(&String::read(row, "host_key")?)?,
        enterprise: EnterpriseCode::read(row, "enterprise")?,
    })
}

/// What a point's decision step needs, from its record and limits.
fn settings_of(
    point: &Point,
    limits: Limits,
    detectors: Vec<DetectorSettings>,
    of_hazard_source: bool,
) -> PointSettings {
    let alarm_state = point.states.alarm_state();
    let kind = match point.kind.as_str() {
        "discrete" => PointKind::Discrete {
            alarm_state,
            on_delay_ms: point.on_delay_ms,
            off_delay_ms: point.off_delay_ms,
            realarm_ms: point.realarm_ms,
            latching: point.latching,
        },
        _ => PointKind::Analog,
    };
    let chatter = (point.chatter_transitions > 0).then_some(Chatter {
        transitions: point.chatter_transitions,
        window_ms: point.chatter_window_ms,
    });
    PointSettings {
        kind,
        signal: point.signal.as_str().into(),
        unit: point.unit.as_str().into(),
        range: (point.range_lo, point.range_hi),
        scan_ms: point.scan_ms,
        missing_scans: point.missing_scans,
        frozen_after_ms: (point.frozen_ms > 0).then_some(point.frozen_ms),
        limits,
        of_hazard_source,
        chatter,
        suppression: suppression::proposed(&point.signal, &point.role),
        detectors: detectors.into(),
    }
}

/// Equal settings once in memory. Compared by their text, because they hold floating-point numbers.
#[derive(Default)]
struct SharedSettings(HashMap<String, Arc<PointSettings>>);

impl SharedSettings {
    fn share(&mut self, settings: PointSettings) -> Arc<PointSettings> {
        self.0.entry(format!("{settings:?}")).or_insert_with(|| Arc::new(settings)).clone()
    }
}

/// A gateway with what it may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayBinding {
    /// Number.
    pub no: GatewayNo,
    /// Identity.
    pub id: GatewayId,
    /// Its enterprise.
    pub enterprise: EnterpriseCode,
    /// SHA-256 of its secret.
    pub secret_sha256: [u8; 32],
}

/// Everything that shall run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Regions.
    pub regions: Vec<Region>,
    /// Enterprises.
    pub enterprises: Vec<Enterprise>,
    /// Gateways.
    pub gateways: Vec<GatewayBinding>,
    /// Desired configuration of every host; the center's own is not among them.
    pub hosts: Vec<HostConfig>,
}

/// A host without its points: what the tree needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// Number.
    pub host: HostNo,
    /// What it is the host of.
    pub key: HostKey,
    /// Its enterprise.
    pub enterprise: EnterpriseCode,
}

/// What stands where, without a single point: its size goes with the enterprises of a province, not with its points.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// Regions.
    pub regions: Vec<Region>,
    /// Enterprises.
    pub enterprises: Vec<Enterprise>,
    /// Gateways.
    pub gateways: Vec<GatewayBinding>,
    /// Every host, in the order of their numbers; the center's own is not among them.
    pub hosts: Vec<HostEntry>,
}

/// Where a reading of a gateway goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundPoint {
    /// Which host.
    pub host: HostNo,
    /// Which of its slots.
    pub slot: u32,
    /// The point's number.
    pub no: PointNo,
}

/// Where each tag of each gateway goes, by the desired configurations.
#[must_use]
pub fn bindings(hosts: &[HostConfig]) -> HashMap<(GatewayId, String), BoundPoint> {
    let mut bound = HashMap::new();
    for host in hosts {
        for (slot, point) in (0u32..).zip(&host.points) {
            let key = (point.gateway.clone(), point.id.tag().to_owned());
            bound.insert(key, BoundPoint { host: host.host, slot, no: point.no });
        }
    }
    bound
}

fn binding(gateway: Gateway) -> Result<GatewayBinding, RegistryError> {
    let mut secret_sha256 = [0u8; 32];
    let text = gateway.secret_sha256.as_bytes();
    for (byte, pair) in secret_sha256.iter_mut().zip(text.chunks(2)) {
        let digits = std::str::from_utf8(pair).map_err(|e| damaged("secret_sha256", e))?;
        *byte = u8::from_str_radix(digits, 16).map_err(|e| damaged("secret_sha256", e))?;
    }
    let Gateway { id, enterprise, meta, .. } = gateway;
    Ok(GatewayBinding { no: GatewayNo(meta.no), id, enterprise, secret_sha256 })
}

impl Registry {
    /// Everything that shall run, read in one transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan(&self) -> Result<Plan, RegistryError> {
        let mut on = self.snapshot().await?;
        let gateways = record::all::<Gateway>(&mut *on).await?;
        Ok(Plan {
            regions: record::all(&mut *on).await?,
            enterprises: record::all(&mut *on).await?,
            gateways: gateways.into_iter().map(binding).collect::<Result<_, _>>()?,
            hosts: configs(&mut *on, None).await?,
        })
    }

    /// What stands where, without points, read in one transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outline(&self) -> Result<Outline, RegistryError> {
        let mut on = self.snapshot().await?;
        let gateways = record::all::<Gateway>(&mut *on).await?;
        let hosts = Statement::new("SELECT * FROM hosts ORDER BY no");
        let hosts = rows(&mut *on, hosts, entry).await?;
        Ok(Outline {
            regions: record::all(&mut *on).await?,
            enterprises: record::all(&mut *on).await?,
            gateways: gateways.into_iter().map(binding).collect::<Result<_, _>>()?,
            hosts,
        })
    }

    /// Desired configuration of these hosts as it is now, in the order of their numbers, read in one transaction. A
    /// number that no host has is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_configs_by_no(
        &self,
        hosts: &[HostNo],
    ) -> Result<Vec<HostConfig>, RegistryError> {
        let wanted: BTreeSet<HostNo> = hosts.iter().copied().collect();
        let mut on = self.snapshot().await?;
        let mut enterprises = BTreeSet::new();
        for host in &wanted {
            let of = Statement::new("SELECT enterprise FROM hosts WHERE no = $1");
            let of = of.bind(i64::from(host.0));
            enterprises
                .extend(rows(&mut *on, of, |row| EnterpriseCode::read(row, "enterprise")).await?);
        }
        let mut shared = SharedSettings::default();
        let mut configs = Vec::new();
        for enterprise in &enterprises {
            let all = configs_of(&mut *on, enterprise, &mut shared).await?;
            configs.extend(all.into_iter().filter(|config| wanted.contains(&config.host)));
        }
        configs.sort_by_key(|config| config.host);
        Ok(configs)
    }

    /// Desired configuration of every host.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_configs(&self) -> Result<Vec<HostConfig>, RegistryError> {
        let mut on = self.snapshot().await?;
        configs(&mut *on, None).await
    }

    /// Desired configuration of the hosts of one enterprise.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_configs_of(
        &self,
        enterprise: &EnterpriseCode,
    ) -> Result<Vec<HostConfig>, RegistryError> {
        let mut on = self.snapshot().await?;
        configs(&mut *on, Some(enterprise)).await
    }

    /// A gateway by the identity it states.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway(&self, id: &GatewayId) -> Result<Option<GatewayBinding>, RegistryError> {
        let mut on = self.reading().await?;
        record::get::<Gateway>(&mut *on, id.as_str()).await?.map(binding).transpose()
    }

    /// Numbers of all points, for whoever stores by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn point_numbers(
        &self,
    ) -> Result<BTreeMap<PointNo, anlan_domain::ids::PointId>, RegistryError> {
        let mut on = self.reading().await?;
        let numbers = rows(&mut *on, Statement::new("SELECT no, id FROM points"), |row| {
            Ok((PointNo(u32::read(row, "no")?), anlan_domain::ids::PointId::read(row, "id")?))
        });
        Ok(numbers.await?.into_iter().collect())
    }
}
