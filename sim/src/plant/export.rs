//! Writes the plant as the directory that `anlan admin import` reads, with a configuration and a secret per gateway beside it.
//!
//! The demo goes through the same door as a real installation. Users are not part of the plant and are written by the
//! demo. Gateway secrets are made once and kept, so that a demo started again on its data folder still fits its registry;
//! the import sees only their SHA-256.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anlan_domain::limits::{Limit, LimitKind};
use sha2::{Digest, Sha256};

use super::gateway_config::{self, Addresses};
use super::{Plant, Point, Protocol, Security, description, map};
use crate::field::identity::{self, IdentityError};

/// The application URI by which every gateway introduces itself to OPC UA servers.
const GATEWAY_URI: &str = "urn:anlan:gateway";

/// Why the plant could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system refused.
    #[error("cannot write {path}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A table could not be written.
    #[error("cannot write table {path}")]
    Table {
        /// Which file.
        path: PathBuf,
        /// What the writer said.
        #[source]
        source: csv::Error,
    },
    /// No key or certificate for a gateway.
    #[error(transparent)]
    Identity(IdentityError),
    /// No randomness for a gateway secret.
    #[error("the system gives no random bytes for a gateway secret: {0}")]
    Random(getrandom::Error),
}

/// Writes tables and map of the plant into `dir` with `gateways/ID.secret`, and, with `addresses`, `gateways/ID.toml` of
/// each enterprise whose servers run.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    plant: &Plant,
    dir: &Path,
    addresses: Option<&Addresses<'_>>,
) -> Result<(), WriteError> {
    let gateways = dir.join("gateways");
    fs::create_dir_all(&gateways)
        .map_err(|source| WriteError::File { path: gateways.clone(), source })?;
    let secrets = plant
        .enterprises
        .iter()
        .map(|e| secret(&gateways, e.gateway.as_str()))
        .collect::<Result<Vec<_>, _>>()?;
    tables(dir, plant, &secrets)?;
    let map = map::geojson(plant, &description::kaifeng());
    put(&dir.join("map.geojson"), &format!("{map}\n"))?;
    if let Some(addresses) = addresses {
        for enterprise in 0..addresses.enterprises(plant) {
            let id = plant.enterprises[enterprise].gateway.as_str();
            put(
                &gateways.join(format!("{id}.toml")),
                &gateway_config::toml(plant, enterprise, addresses),
            )?;
            trust(plant, enterprise, addresses)?;
        }
    }
    Ok(())
}

/// Puts the certificates of the enterprise's servers where its gateway looks for those it trusts.
fn trust(plant: &Plant, enterprise: usize, addresses: &Addresses<'_>) -> Result<(), WriteError> {
    let pki = gateway_config::data_dir(plant, enterprise, addresses).join("pki");
    let trusted = pki.join("trusted");
    for (server, address) in plant.servers.iter().zip(addresses.servers) {
        let Some(certificate) =
            address.certificate.as_ref().filter(|_| server.enterprise == enterprise)
        else {
            continue;
        };
        let to = trusted.join(format!("{}.der", server.name));
        fs::create_dir_all(&trusted)
            .and_then(|()| fs::copy(certificate, &to))
            .map_err(|source| WriteError::File { path: to.clone(), source })?;
        if server.protocol != (Protocol::OpcUa { security: Security::Basic256Sha256 }) {
            continue;
        }
        // A real gateway makes its key at its first start; here all of them start at once on one small machine.
        identity::make(&pki, GATEWAY_URI, "Anlan gateway").map_err(WriteError::Identity)?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), WriteError> {
    fs::write(path, text).map_err(|source| WriteError::File { path: path.to_owned(), source })
}

/// The gateway's secret: the one that is there, else a new one of 256 bits, readable by its owner alone.
fn secret(dir: &Path, gateway: &str) -> Result<String, WriteError> {
    let path = dir.join(format!("{gateway}.secret"));
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(WriteError::File { path, source });
        }
        _ => {}
    }
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(WriteError::Random)?;
    let text = hex(&bytes);
    put(&path, &format!("{text}\n"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(|source| WriteError::File { path, source })?;
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

fn table(
    dir: &Path,
    name: &str,
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<(), WriteError> {
    let path = dir.join(name);
    let fail = |source| WriteError::Table { path: path.clone(), source };
    let mut writer = csv::Writer::from_path(&path).map_err(fail)?;
    writer.write_record(header).map_err(fail)?;
    for row in rows {
        writer.write_record(&row).map_err(fail)?;
    }
    writer.flush().map_err(|source| WriteError::File { path: path.clone(), source })
}

fn row<const N: usize>(cells: [&dyn ToString; N]) -> Vec<String> {
    cells.iter().map(|cell| cell.to_string()).collect()
}

fn tables(dir: &Path, plant: &Plant, secrets: &[String]) -> Result<(), WriteError> {
    table(
        dir,
        "regions.csv",
        &["code", "name_zh", "name_en"],
        plant.regions.iter().map(|r| row([&r.code, &r.name_zh, &r.name_en])),
    )?;
    let park = &plant.regions.last().expect("the park is the last region").code;
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
        plant.enterprises.iter().map(|e| {
            let (lon, lat) = e.at;
            row([
                &e.code,
                &e.credit_code,
                &e.name_zh,
                &e.name_en,
                park,
                &e.industry,
                &e.address,
                &lon,
                &lat,
                &e.principal,
                &e.phone,
            ])
        }),
    )?;
    table(
        dir,
        "hazard_sources.csv",
        &["code", "name_zh", "name_en", "level", "kind"],
        plant.hazards.iter().map(|h| row([&h.code, &h.name_zh, &h.name_en, &h.level, &h.kind])),
    )?;
    table(
        dir,
        "gateways.csv",
        &["id", "name", "secret_sha256"],
        plant.enterprises.iter().zip(secrets).map(|(e, secret)| {
            row([
                &e.gateway,
                &format!("{} 采集主机", e.name_zh),
                &hex(&Sha256::digest(secret.as_bytes())),
            ])
        }),
    )?;
    equipment_table(dir, plant)?;
    points_table(dir, plant)?;
    limits_table(dir, plant)?;
    table(
        dir,
        "cameras.csv",
        &["id", "equipment", "name_zh", "name_en", "url", "longitude", "latitude"],
        plant.cameras.iter().map(|c| {
            let equipment = &plant.equipment[c.equipment].id;
            // Cameras have no stream yet: the address is filled in by the site.
            row([&c.id, equipment, &c.name_zh, &c.name_en, &"", &c.at.0, &c.at.1])
        }),
    )
}

fn equipment_table(dir: &Path, plant: &Plant) -> Result<(), WriteError> {
    let header = [
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
    ];
    table(
        dir,
        "equipment.csv",
        &header,
        plant.equipment.iter().map(|e| {
            let hazard = e.hazard.map_or("", |h| plant.hazards[h].code.as_str());
            let (medium, cas) = e.medium.map_or(("", ""), |m| (m.name_zh, m.cas));
            let volume = if e.volume_m3 > 0.0 { e.volume_m3.to_string() } else { String::new() };
            let ((lon, lat), code) = (e.at, &plant.enterprises[e.enterprise].code);
            row([
                &e.id,
                code,
                &hazard,
                &e.kind.word(),
                &e.name_zh,
                &e.name_en,
                &medium,
                &cas,
                &volume,
                &lon,
                &lat,
            ])
        }),
    )
}

fn points_table(dir: &Path, plant: &Plant) -> Result<(), WriteError> {
    let header = [
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
        "frozen_s",
    ];
    table(
        dir,
        "points.csv",
        &header,
        plant.points.iter().map(|p| {
            let equipment = &plant.equipment[p.equipment];
            let gateway = &plant.enterprises[equipment.enterprise].gateway;
            let kind = if p.is_discrete() { "discrete" } else { "analog" };
            row([
                &p.id,
                &equipment.id,
                gateway,
                &plant.devices[p.device].id,
                &p.name_zh,
                &p.name_en,
                &kind,
                &p.signal,
                &p.unit,
                &p.range.0,
                &p.range.1,
                &p.decimals,
                &p.scan_ms,
                &p.at.0,
                &p.at.1,
                &p.role,
                &states(p),
                &p.frozen_s,
            ])
        }),
    )
}

/// `0=关/Closed;1=开/Open`; a state that is an alarm begins with `!`.
fn states(point: &Point) -> String {
    let words: Vec<String> = point
        .states
        .iter()
        .map(|s| format!("{}{}={}/{}", if s.alarm { "!" } else { "" }, s.value, s.zh, s.en))
        .collect();
    words.join(";")
}

fn limits_table(dir: &Path, plant: &Plant) -> Result<(), WriteError> {
    let rows = plant.points.iter().flat_map(|point| {
        let limits = &point.limits;
        let mut named: Vec<(&str, Limit)> = LimitKind::ALL
            .iter()
            .rev()
            .filter_map(|&k| limits.get(k).map(|l| (k.abbreviation(), *l)))
            .collect();
        named.extend(limits.rate_per_min.map(|limit| ("ROC", limit)));
        named.into_iter().map(move |(name, l)| {
            row([&point.id, &name, &l.value, &l.deadband, &l.on_delay_ms, &l.off_delay_ms])
        })
    });
    table(
        dir,
        "limits.csv",
        &["point", "limit", "value", "deadband", "on_delay_ms", "off_delay_ms"],
        rows,
    )
}
