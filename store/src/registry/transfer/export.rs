//! Writes the registry as the folder that import takes. Limits go out in their newest version; their history stays here.

use std::path::Path;

use anlan_domain::limits::Limits;
use serde_json::{Map, Value, json};

use super::ExportError;
use super::plant::{Seconds, YesNo};
use crate::registry::detectors::Detector;
use crate::registry::limits::{self, LimitsVersion};
use crate::registry::record;
use crate::registry::records::{
    Camera, Enterprise, Equipment, Gateway, HazardSource, MapFeature, Point, Region,
};
use crate::registry::{Registry, RegistryError};

pub(super) async fn write(registry: &Registry, dir: &Path) -> Result<(), ExportError> {
    let file = |source| ExportError::File { path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(file)?;
    let mut tx = registry.snapshot().await?;
    let on = &mut *tx;
    table(
        dir,
        "regions.csv",
        &["code", "name_zh", "name_en"],
        record::all::<Region>(on).await?,
        |r| vec![r.code.to_string(), r.name_zh, r.name_en],
    )?;
    table(
        dir,
        "enterprises.csv",
        &[
            "code",
            "credit_code",
            "name_zh",
            "name_en",
            "region",
            "industry_code",
            "address",
            "longitude",
            "latitude",
            "principal",
            "phone",
        ],
        record::all::<Enterprise>(on).await?,
        |e| {
            vec![
                e.code.to_string(),
                e.credit_code,
                e.name_zh,
                e.name_en,
                e.region.to_string(),
                e.industry_code,
                e.address,
                text(e.longitude),
                text(e.latitude),
                e.principal,
                e.phone,
            ]
        },
    )?;
    table(
        dir,
        "hazard_sources.csv",
        &["code", "name_zh", "name_en", "level", "kind"],
        record::all::<HazardSource>(on).await?,
        |h| vec![h.code.to_string(), h.name_zh, h.name_en, h.level.to_string(), h.kind],
    )?;
    table(
        dir,
        "equipment.csv",
        &[
            "id",
            "enterprise",
            "hazard",
            "kind",
            "name_zh",
            "name_en",
            "medium",
            "cas",
            "volume_m3",
            "longitude",
            "latitude",
        ],
        record::all::<Equipment>(on).await?,
        |e| {
            vec![
                e.id.to_string(),
                e.enterprise.to_string(),
                text(e.hazard),
                e.kind,
                e.name_zh,
                e.name_en,
                e.medium,
                e.cas,
                text(e.volume_m3),
                text(e.longitude),
                text(e.latitude),
            ]
        },
    )?;
    table(
        dir,
        "gateways.csv",
        &["id", "name", "secret_sha256"],
        record::all::<Gateway>(on).await?,
        |g| vec![g.id.to_string(), g.name, g.secret_sha256],
    )?;
    let points = record::all::<Point>(on).await?;
    let newest = limits::newest_of_all(on, None).await?;
    let limits =
        points.iter().filter_map(|p| newest.get(&p.meta.no).map(|v| (p, v))).flat_map(limit_rows);
    table(
        dir,
        "limits.csv",
        &[
            "point",
            "limit",
            "value",
            "deadband",
            "on_delay_ms",
            "off_delay_ms",
            "level",
            "realarm_ms",
            "latching",
            "exclusive",
        ],
        limits.collect(),
        |row| row,
    )?;
    table(
        dir,
        "points.csv",
        &[
            "id",
            "equipment",
            "gateway",
            "device",
            "name_zh",
            "name_en",
            "kind",
            "signal",
            "unit",
            "range_lo",
            "range_hi",
            "decimals",
            "scan_ms",
            "longitude",
            "latitude",
            "role",
            "states",
            "missing_scans",
            "frozen_s",
            "on_delay_ms",
            "off_delay_ms",
            "realarm_ms",
            "latching",
            "chatter_transitions",
            "chatter_window_ms",
        ],
        points,
        |p| {
            vec![
                p.id.to_string(),
                p.equipment.to_string(),
                p.gateway.to_string(),
                p.device,
                p.name_zh,
                p.name_en,
                p.kind,
                p.signal,
                p.unit,
                p.range_lo.to_string(),
                p.range_hi.to_string(),
                p.decimals.to_string(),
                p.scan_ms.to_string(),
                text(p.longitude),
                text(p.latitude),
                p.role,
                p.states.to_string(),
                p.missing_scans.to_string(),
                Seconds { ms: p.frozen_ms }.to_string(),
                p.on_delay_ms.to_string(),
                p.off_delay_ms.to_string(),
                p.realarm_ms.to_string(),
                YesNo(p.latching).to_string(),
                p.chatter_transitions.to_string(),
                p.chatter_window_ms.to_string(),
            ]
        },
    )?;
    table(
        dir,
        "detectors.csv",
        &["point", "condition", "settings", "on_delay_ms", "off_delay_ms", "level", "reason"],
        record::all::<Detector>(on).await?,
        |d| {
            vec![
                d.point.to_string(),
                d.condition_code,
                d.settings,
                d.on_delay_ms.to_string(),
                d.off_delay_ms.to_string(),
                text((d.level != 0).then_some(d.level)),
                d.reason,
            ]
        },
    )?;
    table(
        dir,
        "cameras.csv",
        &["id", "equipment", "name_zh", "name_en", "url", "longitude", "latitude"],
        record::all::<Camera>(on).await?,
        |c| {
            vec![
                c.id.to_string(),
                text(c.equipment),
                c.name_zh,
                c.name_en,
                c.url,
                text(c.longitude),
                text(c.latitude),
            ]
        },
    )?;
    super::duty::export(dir, on).await?;
    let features = record::all::<MapFeature>(on).await?;
    let features: Vec<Value> = features.iter().map(feature).collect::<Result<_, _>>()?;
    let collection = json!({ "type": "FeatureCollection", "features": features });
    let path = dir.join("map.geojson");
    std::fs::write(&path, format!("{collection:#}\n"))
        .map_err(|source| ExportError::File { path, source })
}

fn limit_rows((point, version): (&Point, &LimitsVersion)) -> Vec<Vec<String>> {
    limits::set(&version.limits)
        .map(|(name, l)| {
            vec![
                point.id.to_string(),
                name.to_owned(),
                l.value.to_string(),
                l.deadband.to_string(),
                l.on_delay_ms.to_string(),
                l.off_delay_ms.to_string(),
                text(l.level),
                l.realarm_ms.to_string(),
                YesNo(l.latching).to_string(),
                YesNo(excludes(name, &version.limits)).to_string(),
            ]
        })
        .collect()
}

/// Whether the limit of this name excludes the one below it.
fn excludes(name: &str, limits: &Limits) -> bool {
    match name {
        "HH" => limits.exclusive_high,
        "LL" => limits.exclusive_low,
        _ => false,
    }
}

pub(super) fn text(value: Option<impl ToString>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

pub(super) fn table<R>(
    dir: &Path,
    name: &str,
    header: &[&str],
    rows: Vec<R>,
    cells: impl Fn(R) -> Vec<String>,
) -> Result<(), ExportError> {
    let path = dir.join(name);
    let written = (|| {
        let mut writer = csv::Writer::from_path(&path)?;
        writer.write_record(header)?;
        for row in rows {
            writer.write_record(cells(row))?;
        }
        writer.flush()?;
        Ok::<(), csv::Error>(())
    })();
    written.map_err(|error| ExportError::File { path, source: std::io::Error::other(error) })
}

/// A stored feature as GeoJSON, with the properties that import reads.
///
/// # Errors
/// When what is stored is no JSON.
pub fn feature(stored: &MapFeature) -> Result<Value, RegistryError> {
    let damaged = |what: &str, error: serde_json::Error| RegistryError::Damaged {
        what: format!("map feature {} {what}", stored.id),
        why: error.to_string(),
    };
    let mut properties: Map<String, Value> =
        serde_json::from_str(&stored.properties).map_err(|e| damaged("properties", e))?;
    let geometry: Value =
        serde_json::from_str(&stored.geometry).map_err(|e| damaged("geometry", e))?;
    let refers_to =
        if stored.refers_to.is_empty() { Value::Null } else { stored.refers_to.clone().into() };
    properties.insert("kind".to_owned(), stored.kind.clone().into());
    properties.insert("ref".to_owned(), refers_to);
    properties.insert("name_zh".to_owned(), stored.name_zh.clone().into());
    properties.insert("name_en".to_owned(), stored.name_en.clone().into());
    if let Some(region) = &stored.region {
        properties.insert("region".to_owned(), region.to_string().into());
    }
    Ok(
        json!({ "type": "Feature", "id": stored.id, "geometry": geometry, "properties": properties }),
    )
}
