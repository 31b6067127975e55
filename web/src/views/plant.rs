//! What stands in the field, from the region down to a piece of equipment, with its state; and the cameras that look at it.

use std::collections::BTreeMap;

use anlan_domain::equipment_state::EquipmentState;
use anlan_store::alarm_index::EquipmentStateRow;
use anlan_store::registry::records as rec;
use anlan_store::registry::scoped::Holdings;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Names, Point, Rollup};

/// A region.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Region {
    /// Code.
    pub code: String,
    /// `province`, `city`, `county`, `park`.
    #[schema(value_type = String)]
    pub level: anlan_domain::region::RegionLevel,
    /// Name.
    pub name: Names,
    /// Code of the region above.
    pub parent: Option<String>,
    /// State; `null` above the person's scope.
    pub rollup: Option<Rollup>,
    /// Middle of its enterprises.
    pub longitude: Option<f64>,
    /// Middle of its enterprises.
    pub latitude: Option<f64>,
}

/// An enterprise.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Enterprise {
    /// Code.
    pub code: String,
    /// Unified social credit code.
    pub credit_code: String,
    /// Name.
    pub name: Names,
    /// Region.
    pub region: String,
    /// GB/T 4754 class.
    pub industry_code: String,
    /// Address.
    pub address: String,
    /// Responsible person.
    pub principal: String,
    /// Their telephone.
    pub phone: String,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Gravest level of its hazard sources.
    pub hazard_level: Option<u8>,
    /// Hazard sources.
    pub hazards: u32,
    /// Pieces of equipment.
    pub equipment: u32,
    /// Points.
    pub points: u32,
    /// Cameras.
    pub cameras: u32,
    /// Equipment by kind, gas detectors as `detector`.
    pub counts_by_kind: BTreeMap<String, u32>,
    /// State.
    pub rollup: Option<Rollup>,
    /// Its gateway.
    pub gateway: Option<String>,
    /// Version.
    pub version: u32,
}

impl Enterprise {
    /// From the record and what belongs to it.
    pub fn of(e: rec::Enterprise, has: Holdings, rollup: Option<Rollup>) -> Self {
        Self {
            code: e.code.to_string(),
            credit_code: e.credit_code,
            name: Names { zh: e.name_zh, en: e.name_en },
            region: e.region.to_string(),
            industry_code: e.industry_code,
            address: e.address,
            principal: e.principal,
            phone: e.phone,
            longitude: e.longitude,
            latitude: e.latitude,
            hazard_level: has.hazard_level,
            hazards: has.hazards,
            equipment: has.equipment,
            points: has.points,
            cameras: has.cameras,
            counts_by_kind: has.by_kind.into_iter().collect(),
            rollup,
            gateway: has.gateway.map(|g| g.to_string()),
            version: e.meta.version,
        }
    }
}

/// A hazard source.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HazardSource {
    /// Code.
    pub code: String,
    /// Enterprise.
    pub enterprise: String,
    /// Name.
    pub name: Names,
    /// 1 (gravest) to 4.
    pub level: u8,
    /// Kind.
    pub kind: String,
    /// State.
    pub rollup: Option<Rollup>,
    /// Version.
    pub version: u32,
}

impl HazardSource {
    /// From the record.
    pub fn of(h: rec::HazardSource, rollup: Option<Rollup>) -> Self {
        Self {
            code: h.code.to_string(),
            enterprise: h.enterprise.to_string(),
            name: Names { zh: h.name_zh, en: h.name_en },
            level: h.level,
            kind: h.kind,
            rollup,
            version: h.meta.version,
        }
    }
}

/// A piece of equipment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Equipment {
    /// Identity.
    pub id: String,
    /// Tag.
    pub tag: String,
    /// Enterprise.
    pub enterprise: String,
    /// Hazard source.
    pub hazard: Option<String>,
    /// `tank`, `sphere`, `htank`, `unit`, `warehouse`, `area`.
    pub kind: String,
    /// Name.
    pub name: Names,
    /// Medium.
    pub medium: String,
    /// CAS number of the medium.
    pub cas: String,
    /// Volume.
    pub volume_m3: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// State.
    pub rollup: Option<Rollup>,
    /// Whether it runs, and if not, who said so.
    pub operation: Operation,
    /// Its points; only where one piece is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<Point>>,
    /// Version.
    pub version: u32,
}

impl Equipment {
    /// From the record.
    pub fn of(
        e: rec::Equipment,
        rollup: Option<Rollup>,
        operation: Operation,
        points: Option<Vec<Point>>,
    ) -> Self {
        Self {
            tag: e.id.tag().to_owned(),
            id: e.id.to_string(),
            enterprise: e.enterprise.to_string(),
            hazard: e.hazard.map(|h| h.to_string()),
            kind: e.kind,
            name: Names { zh: e.name_zh, en: e.name_en },
            medium: e.medium,
            cas: e.cas,
            volume_m3: e.volume_m3,
            longitude: e.longitude,
            latitude: e.latitude,
            rollup,
            operation,
            points,
            version: e.meta.version,
        }
    }
}

/// Whether a piece of equipment runs, as people declared it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Operation {
    /// `running`, `stopped`, `maintenance`, `starting`.
    pub state: &'static str,
    /// Who declared it, by user name.
    pub by: Option<String>,
    /// 姓名
    pub by_name: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when; not told of what runs.
    pub since: Option<i64>,
    /// When it runs by itself.
    pub until: Option<i64>,
}

impl Operation {
    /// From the index, with the name of who declared it.
    pub fn of(row: Option<EquipmentStateRow>, by_name: Option<String>) -> Self {
        let Some(row) = row else {
            let state = EquipmentState::Running.code();
            let reason = String::new();
            return Self { state, by: None, by_name: None, reason, since: None, until: None };
        };
        Self {
            state: row.state.code(),
            by: Some(row.by),
            by_name,
            reason: row.reason,
            since: Some(row.since.0),
            until: row.until.map(|until| until.0),
        }
    }
}

/// A camera.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Camera {
    /// Identity.
    pub id: String,
    /// Enterprise.
    pub enterprise: String,
    /// Equipment that it looks at.
    pub equipment: Option<String>,
    /// Name.
    pub name: Names,
    /// Stream; for managers and administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Version.
    pub version: u32,
}

impl Camera {
    /// From the record, with or without its address.
    pub fn of(c: rec::Camera, with_url: bool) -> Self {
        Self {
            id: c.id.to_string(),
            enterprise: c.enterprise.to_string(),
            equipment: c.equipment.map(|e| e.to_string()),
            name: Names { zh: c.name_zh, en: c.name_en },
            url: with_url.then_some(c.url),
            longitude: c.longitude,
            latitude: c.latitude,
            version: c.meta.version,
        }
    }
}
