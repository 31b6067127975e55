//! Reading for one person: every query here carries the person's scope, so a caller cannot forget it.
//!
//! What is out of scope is not there: `None`, or missing from a list, exactly as if it did not exist.

use std::collections::HashMap;

use anlan_domain::ids::{CameraId, EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId};
use anlan_domain::region::RegionCode;

use super::column::Column;
use super::detectors::{self, Detector};
use super::limits::{self, LimitsVersion};
use super::record::{self, Record};
use super::records::{
    Camera, Enterprise, Equipment, Gateway, HazardSource, MapFeature, Point, Region,
};
use super::scope::{Scope, below};
use super::{Registry, RegistryError, rows};
use crate::sql::Statement;

/// What a list is narrowed by. Everything is optional; `after` is the key of the last object of the page before.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// At or below this region.
    pub region: Option<RegionCode>,
    /// Of this enterprise.
    pub enterprise: Option<EnterpriseCode>,
    /// Of this hazard source.
    pub hazard: Option<HazardCode>,
    /// Of this equipment.
    pub equipment: Option<EquipmentId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Text in key or names.
    pub text: Option<String>,
    /// Keys after this one.
    pub after: Option<String>,
    /// At most so many; 0 for all.
    pub limit: u32,
}

/// What an enterprise has, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
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
    /// Equipment by kind, and gas detectors as `detector`.
    pub by_kind: Vec<(String, u32)>,
    /// Its first gateway.
    pub gateway: Option<GatewayId>,
}

/// The registry as one person sees it.
#[derive(Clone, Debug)]
pub struct Scoped {
    registry: Registry,
    scope: Scope,
}

/// `%text%` with the signs of LIKE taken as letters; use with `ESCAPE '!'`.
pub(crate) fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars().take(100) {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl Scoped {
    pub(crate) fn new(registry: Registry, scope: Scope) -> Self {
        Self { registry, scope }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    async fn one<R: Record>(&self, key: &str, owner: &str) -> Result<Option<R>, RegistryError> {
        let mut query = record::select::<R>();
        query
            .push(" WHERE ")
            .push(R::COLUMNS[0])
            .push(" = ")
            .push_bind(key.to_owned())
            .push(" AND ");
        self.scope.restrict(&mut query, owner);
        let mut on = self.registry.reading().await?;
        Ok(record::fetch(&mut *on, query).await?.pop())
    }

    async fn list<R: Record>(
        &self,
        filter: &Filter,
        owner: &str,
        text_columns: &[&str],
    ) -> Result<Vec<R>, RegistryError> {
        let mut query = record::select::<R>();
        query.push(" WHERE ");
        self.scope.restrict(&mut query, owner);
        if let Some(region) = &filter.region {
            query.push(" AND ");
            Scope::Region(region.clone()).restrict(&mut query, owner);
        }
        let has = |column: &str| R::COLUMNS.contains(&column);
        for (column, value) in [
            (owner, filter.enterprise.as_ref().map(EnterpriseCode::as_str)),
            ("hazard", filter.hazard.as_ref().map(HazardCode::as_str).filter(|_| has("hazard"))),
            (
                "equipment",
                filter.equipment.as_ref().map(EquipmentId::as_str).filter(|_| has("equipment")),
            ),
            ("kind", filter.kind.as_deref().filter(|_| has("kind"))),
        ] {
            if let Some(value) = value {
                query.push(" AND ").push(column).push(" = ").push_bind(value.to_owned());
            }
        }
        if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            query.push(" AND (1 = 0");
            for column in text_columns {
                query
                    .push(" OR ")
                    .push(column)
                    .push(" LIKE ")
                    .push_bind(like(text))
                    .push(" ESCAPE '!'");
            }
            query.push(")");
        }
        if let Some(after) = &filter.after {
            query.push(" AND ").push(R::COLUMNS[0]).push(" > ").push_bind(after.clone());
        }
        query.push(" ORDER BY ").push(R::COLUMNS[0]);
        if filter.limit > 0 {
            query.push(" LIMIT ").push_bind(i64::from(filter.limit));
        }
        let mut on = self.registry.reading().await?;
        record::fetch(&mut *on, query).await
    }

    /// Regions that the person may know of: those in scope, and the names of those above.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn regions(&self) -> Result<Vec<Region>, RegistryError> {
        let mut query = record::select::<Region>();
        match &self.scope {
            Scope::Everything => {}
            Scope::Region(code) => {
                query.push(" WHERE ");
                below(&mut query, "path", code);
                above(&mut query, code);
            }
            Scope::Enterprise(code) => match self.enterprise(code).await? {
                Some(own) => {
                    query.push(" WHERE 1 = 0");
                    above(&mut query, &own.region);
                }
                None => return Ok(Vec::new()),
            },
        }
        query.push(" ORDER BY path");
        let mut on = self.registry.reading().await?;
        record::fetch(&mut *on, query).await
    }

    /// One enterprise.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enterprise(
        &self,
        code: &EnterpriseCode,
    ) -> Result<Option<Enterprise>, RegistryError> {
        self.one(code.as_str(), "code").await
    }

    /// Enterprises.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enterprises(&self, filter: &Filter) -> Result<Vec<Enterprise>, RegistryError> {
        self.list(filter, "code", &["code", "name_zh", "name_en"]).await
    }

    /// One hazard source.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hazard(&self, code: &HazardCode) -> Result<Option<HazardSource>, RegistryError> {
        self.one(code.as_str(), "enterprise").await
    }

    /// Hazard sources.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hazards(&self, filter: &Filter) -> Result<Vec<HazardSource>, RegistryError> {
        self.list(filter, "enterprise", &["code", "name_zh", "name_en"]).await
    }

    /// One piece of equipment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn equipment_of(&self, id: &EquipmentId) -> Result<Option<Equipment>, RegistryError> {
        self.one(id.as_str(), "enterprise").await
    }

    /// Equipment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn equipment(&self, filter: &Filter) -> Result<Vec<Equipment>, RegistryError> {
        self.list(filter, "enterprise", &["id", "name_zh", "name_en", "medium"]).await
    }

    /// One point.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn point(&self, id: &PointId) -> Result<Option<Point>, RegistryError> {
        self.one(id.as_str(), "enterprise").await
    }

    /// Points.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn points(&self, filter: &Filter) -> Result<Vec<Point>, RegistryError> {
        self.list(filter, "enterprise", &["id", "name_zh", "name_en"]).await
    }

    /// Points by their identities; what is out of scope is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn points_by_id(&self, ids: &[PointId]) -> Result<Vec<Point>, RegistryError> {
        let ids: Vec<&str> = ids.iter().map(PointId::as_str).collect();
        self.some("enterprise", &ids).await
    }

    /// Equipment by its identities; what is out of scope is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn equipment_by_id(
        &self,
        ids: &[&EquipmentId],
    ) -> Result<Vec<Equipment>, RegistryError> {
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        self.some("enterprise", &ids).await
    }

    async fn some<R: Record>(&self, owner: &str, keys: &[&str]) -> Result<Vec<R>, RegistryError> {
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(500) {
            let mut query = record::select::<R>();
            query.push(" WHERE ");
            self.scope.restrict(&mut query, owner);
            query.push(" AND ").push(R::COLUMNS[0]).push(" IN (");
            let mut list = query.separated(", ");
            for &key in some {
                list.push_bind(key);
            }
            query.push(")");
            let mut on = self.registry.reading().await?;
            found.extend(record::fetch::<R>(&mut *on, query).await?);
        }
        Ok(found)
    }

    /// The newest limits of points, by their numbers. The points come from a scoped read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn limits(
        &self,
        points: &[Point],
    ) -> Result<HashMap<u32, LimitsVersion>, RegistryError> {
        let numbers: Vec<u32> = points.iter().map(|point| point.meta.no).collect();
        let mut on = self.registry.reading().await?;
        limits::newest_of(&mut *on, &numbers).await
    }

    /// Every version of a point's limits, newest first; `None` where the point is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn limit_versions(
        &self,
        point: &PointId,
    ) -> Result<Option<(Point, Vec<LimitsVersion>)>, RegistryError> {
        let Some(point) = self.point(point).await? else { return Ok(None) };
        let mut on = self.registry.reading().await?;
        let versions = limits::history(&mut *on, point.meta.no).await?;
        Ok(Some((point, versions)))
    }

    /// A point with its detectors, by condition; `None` where the point is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn detectors(
        &self,
        point: &PointId,
    ) -> Result<Option<(Point, Vec<Detector>)>, RegistryError> {
        let Some(point) = self.point(point).await? else { return Ok(None) };
        let mut on = self.registry.reading().await?;
        let found = detectors::of_point(&mut *on, &point.id).await?;
        Ok(Some((point, found)))
    }

    /// One camera.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn camera(&self, id: &CameraId) -> Result<Option<Camera>, RegistryError> {
        self.one(id.as_str(), "enterprise").await
    }

    /// Cameras.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cameras(&self, filter: &Filter) -> Result<Vec<Camera>, RegistryError> {
        self.list(filter, "enterprise", &["id", "name_zh", "name_en"]).await
    }

    /// One gateway.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway(&self, id: &GatewayId) -> Result<Option<Gateway>, RegistryError> {
        self.one(id.as_str(), "enterprise").await
    }

    /// Gateways.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateways(&self, filter: &Filter) -> Result<Vec<Gateway>, RegistryError> {
        self.list(filter, "enterprise", &["id", "name"]).await
    }

    /// Points bound to each gateway in scope.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn points_per_gateway(&self) -> Result<HashMap<String, u32>, RegistryError> {
        let mut query = Statement::new("SELECT gateway, COUNT(*) AS n FROM points WHERE ");
        self.scope.restrict(&mut query, "enterprise");
        query.push(" GROUP BY gateway");
        let mut on = self.registry.reading().await?;
        let counts =
            rows(&mut *on, query, |row| Ok((String::read(row, "gateway")?, u32::read(row, "n")?)));
        Ok(counts.await?.into_iter().collect())
    }

    /// Features of the map: those of enterprises in scope, and the common ground of the regions that the person may know.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn map(&self, region: Option<&RegionCode>) -> Result<Vec<MapFeature>, RegistryError> {
        let own_region = match &self.scope {
            Scope::Enterprise(code) => match self.enterprise(code).await? {
                Some(own) => Some(own.region),
                None => return Ok(Vec::new()),
            },
            Scope::Region(code) => Some(code.clone()),
            Scope::Everything => None,
        };
        let mut query = record::select::<MapFeature>();
        query.push(" WHERE ((enterprise IS NOT NULL AND ");
        self.scope.restrict(&mut query, "enterprise");
        query.push(") OR (enterprise IS NULL");
        if let Some(own) = &own_region {
            query.push(" AND region IN (SELECT code FROM regions WHERE ");
            below(&mut query, "path", own);
            above(&mut query, own);
            query.push(")");
        }
        query.push("))");
        if let Some(region) = region {
            query.push(" AND (region IN (SELECT code FROM regions WHERE ");
            below(&mut query, "path", region);
            query.push(") OR ");
            Scope::Region(region.clone()).restrict(&mut query, "enterprise");
            query.push(")");
        }
        query.push(" ORDER BY id");
        let mut on = self.registry.reading().await?;
        record::fetch(&mut *on, query).await
    }

    /// What the given enterprises have. They come from a scoped read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn holdings(
        &self,
        of: &[Enterprise],
    ) -> Result<HashMap<EnterpriseCode, Holdings>, RegistryError> {
        let mut all: HashMap<EnterpriseCode, Holdings> =
            of.iter().map(|e| (e.code.clone(), Holdings::default())).collect();
        for some in of.chunks(400) {
            for (sql, add) in HOLDINGS {
                let mut query = Statement::new(sql);
                query.push(" WHERE enterprise IN (");
                let mut list = query.separated(", ");
                for enterprise in some {
                    list.push_bind(enterprise.code.as_str().to_owned());
                }
                query.push(") GROUP BY enterprise, k");
                let mut on = self.registry.reading().await?;
                let counted = rows(&mut *on, query, |row| {
                    let enterprise = EnterpriseCode::read(row, "enterprise")?;
                    let group = Group {
                        key: String::read(row, "k")?,
                        first: String::read(row, "first_key")?,
                        n: u32::read(row, "n")?,
                    };
                    Ok((enterprise, group))
                });
                for (enterprise, group) in counted.await? {
                    if let Some(holdings) = all.get_mut(&enterprise) {
                        add(holdings, group)?;
                    }
                }
            }
        }
        Ok(all)
    }
}

/// What is counted together of one enterprise.
struct Group {
    /// What it has in common.
    key: String,
    /// Key of its first row, to name where something is wrong.
    first: String,
    /// How many there are.
    n: u32,
}

type Add = fn(&mut Holdings, Group) -> Result<(), RegistryError>;

const HOLDINGS: [(&str, Add); 5] = [
    (HAZARDS_BY_LEVEL, |holdings, Group { key, first, n }| {
        let level = key
            .parse::<u8>()
            .map_err(|_| damaged_row("hazard_sources", &first, format!("{key:?} is no level")))?;
        holdings.hazards += n;
        holdings.hazard_level = Some(holdings.hazard_level.map_or(level, |l| l.min(level)));
        Ok(())
    }),
    (EQUIPMENT_BY_KIND, |holdings, Group { key, n, .. }| {
        holdings.equipment += n;
        holdings.by_kind.push((key, n));
        Ok(())
    }),
    (POINTS_BY_KIND, |holdings, Group { key, n, .. }| {
        holdings.points += n;
        if !key.is_empty() {
            holdings.by_kind.push((key, n));
        }
        Ok(())
    }),
    (CAMERAS, |holdings, Group { n, .. }| {
        holdings.cameras += n;
        Ok(())
    }),
    (GATEWAYS, |holdings, Group { key, .. }| {
        let id = GatewayId::new(&key).map_err(|why| damaged_row("gateways", &key, why))?;
        holdings.gateway = Some(match holdings.gateway.take() {
            Some(other) => other.min(id),
            None => id,
        });
        Ok(())
    }),
];

const HAZARDS_BY_LEVEL: &str = "
    SELECT enterprise, CAST(level AS TEXT) AS k, MIN(code) AS first_key, COUNT(*) AS n
    FROM hazard_sources";
const EQUIPMENT_BY_KIND: &str = "
    SELECT enterprise, kind AS k, MIN(id) AS first_key, COUNT(*) AS n FROM equipment";
const POINTS_BY_KIND: &str = "
    SELECT enterprise,
        CASE WHEN signal LIKE 'gas!_%' ESCAPE '!' OR signal = 'oxygen' THEN 'detector' ELSE '' END AS k,
        MIN(id) AS first_key, COUNT(*) AS n
    FROM points";
const CAMERAS: &str = "
    SELECT enterprise, '' AS k, MIN(id) AS first_key, COUNT(*) AS n FROM cameras";
const GATEWAYS: &str = "
    SELECT enterprise, id AS k, MIN(id) AS first_key, COUNT(*) AS n FROM gateways";

fn damaged_row(table: &str, key: &str, why: impl ToString) -> RegistryError {
    RegistryError::Damaged { what: format!("row {key:?} of {table}"), why: why.to_string() }
}

/// Adds `OR` the regions above (and the region itself) to a condition on regions.
fn above(query: &mut Statement, region: &RegionCode) {
    for rung in std::iter::successors(Some(region.clone()), RegionCode::parent) {
        query.push(" OR code = ").push_bind(rung.as_str().to_owned());
    }
}
