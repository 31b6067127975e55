//! Versions of limits: who made them, when and why; never changed once saved.

use std::collections::HashMap;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::limits::{BadLimits, Limit, Limits};
use anlan_domain::time::UtcMillis;

use super::column::{Column, damaged};
use super::records::Point;
use super::{Problem, RegistryError, execute, rows};
use crate::sql::{Connection, Row, Statement};

/// A version with its making.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitsVersion {
    /// The limits.
    pub limits: Limits,
    /// By whom.
    pub by: String,
    /// When.
    pub at: UtcMillis,
    /// Why; may be empty.
    pub reason: String,
}

/// The field of the interfaces that a limit's name belongs to.
#[must_use]
pub fn field_of(name: &str) -> &'static str {
    match name {
        "HH" => "hh",
        "H" => "h",
        "L" => "l",
        "LL" => "ll",
        "ROC" => "rate_per_min",
        _ => "range",
    }
}

/// What is wrong with limits for a point.
#[must_use]
pub fn problems(limits: &Limits, point: &Point) -> Vec<Problem> {
    let mut problems: Vec<Problem> = match limits.check((point.range_lo, point.range_hi)) {
        Ok(()) => Vec::new(),
        Err(found) => found
            .into_iter()
            .map(|problem| {
                let field = match &problem {
                    BadLimits::Order { lower, upper, .. } => {
                        field_of(if lower.starts_with("range") { upper } else { lower })
                    }
                    BadLimits::NoPair { graver: "HH", .. } => "exclusive_high",
                    BadLimits::NoPair { .. } => "exclusive_low",
                    BadLimits::NotANumber { limit, .. }
                    | BadLimits::NeverClears { limit, .. }
                    | BadLimits::Realarm { limit, .. }
                    | BadLimits::Level { limit, .. } => field_of(limit),
                };
                Problem::new(field, problem.to_string())
            })
            .collect(),
    };
    let empty = named(limits).all(|(_, limit)| limit.is_none());
    if point.kind == "discrete" && !empty {
        problems.push(Problem::new("limits", "a discrete point has states, not limits"));
    }
    if limits.rate_per_min.is_some_and(|l| l.value <= 0.0) {
        problems
            .push(Problem::new("rate_per_min", "the largest rate of change must be above zero"));
    }
    problems
}

fn named(limits: &Limits) -> impl Iterator<Item = (&'static str, Option<Limit>)> + use<> {
    [
        ("HH", limits.hh),
        ("H", limits.h),
        ("L", limits.l),
        ("LL", limits.ll),
        ("ROC", limits.rate_per_min),
    ]
    .into_iter()
}

/// Every limit that is set, with its name, from HH down.
pub fn set(limits: &Limits) -> impl Iterator<Item = (&'static str, Limit)> + use<> {
    named(limits).filter_map(|(name, limit)| limit.map(|limit| (name, limit)))
}

/// Sets a limit by its name.
///
/// # Errors
/// When there is no limit of that name.
pub fn set_by_name(limits: &mut Limits, name: &str, limit: Limit) -> Result<(), String> {
    *(match name {
        "HH" => &mut limits.hh,
        "H" => &mut limits.h,
        "L" => &mut limits.l,
        "LL" => &mut limits.ll,
        "ROC" => &mut limits.rate_per_min,
        other => return Err(format!("{other:?} is no limit: HH, H, L, LL or ROC")),
    }) = Some(limit);
    Ok(())
}

/// `HH 85, H 80` for the audit log, and what is unusual about them: `HH 85 latching`.
#[must_use]
pub fn in_words(limits: &Limits) -> String {
    let one = |(name, limit): (&str, Limit)| {
        let latching = if limit.latching { " latching" } else { "" };
        match limit.realarm_ms {
            0 => format!("{name} {}{latching}", limit.value),
            ms => format!("{name} {}{latching} again after {} s", limit.value, ms / 1_000),
        }
    };
    let mut words: Vec<String> = set(limits).map(one).collect();
    for (pair, exclusive) in [("HH/H", limits.exclusive_high), ("LL/L", limits.exclusive_low)] {
        if exclusive {
            words.push(format!("{pair} exclusive"));
        }
    }
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Saves a version.
pub(crate) async fn insert(
    on: &mut dyn Connection,
    point_no: u32,
    limits: &Limits,
    by: &str,
    at: UtcMillis,
    reason: &str,
) -> Result<(), RegistryError> {
    save(on, &[(point_no, limits.clone())], by, at, reason).await
}

/// Saves a version for each of many points.
pub(crate) async fn insert_many(
    on: &mut dyn Connection,
    versions: &[(u32, Limits)],
    by: &str,
    at: UtcMillis,
) -> Result<(), RegistryError> {
    // Ten values a limit, five limits a version: far below what a statement takes.
    for versions in versions.chunks(500) {
        save(on, versions, by, at, "").await?;
    }
    Ok(())
}

async fn save(
    on: &mut dyn Connection,
    versions: &[(u32, Limits)],
    by: &str,
    at: UtcMillis,
    reason: &str,
) -> Result<(), RegistryError> {
    let mut query = Statement::new(
        "INSERT INTO limit_versions (point_no, version, made_at, made_by, reason, exclusive_high, exclusive_low) ",
    );
    query.push_values(versions, |values, (point_no, limits)| {
        values
            .push_bind(i64::from(*point_no))
            .push_bind(i64::from(limits.version))
            .push_bind(at.0)
            .push_bind(by.to_owned())
            .push_bind(reason.to_owned())
            .push_bind(i64::from(limits.exclusive_high))
            .push_bind(i64::from(limits.exclusive_low));
    });
    execute(&mut *on, query).await?;
    let limits: Vec<_> = versions
        .iter()
        .flat_map(|(no, limits)| {
            set(limits).map(|(name, limit)| (*no, limits.version, name, limit))
        })
        .collect();
    if limits.is_empty() {
        return Ok(());
    }
    let mut query = Statement::new(
        "INSERT INTO limit_values (point_no, version, kind, value, deadband, on_delay_ms, off_delay_ms, level, realarm_ms, latching) ",
    );
    query.push_values(limits, |values, (point_no, version, name, limit)| {
        values
            .push_bind(i64::from(point_no))
            .push_bind(i64::from(version))
            .push_bind(name)
            .push_bind(limit.value)
            .push_bind(limit.deadband)
            .push_bind(i64::from(limit.on_delay_ms))
            .push_bind(i64::from(limit.off_delay_ms))
            .push_bind(limit.level.map(i64::from))
            .push_bind(i64::from(limit.realarm_ms))
            .push_bind(i64::from(limit.latching));
    });
    execute(on, query).await
}

fn version_of(row: &Row) -> Result<LimitsVersion, RegistryError> {
    Ok(LimitsVersion {
        limits: Limits {
            version: u32::read(row, "version")?,
            exclusive_high: bool::read(row, "exclusive_high")?,
            exclusive_low: bool::read(row, "exclusive_low")?,
            ..Limits::default()
        },
        by: String::read(row, "made_by")?,
        at: UtcMillis(i64::read(row, "made_at")?),
        reason: String::read(row, "reason")?,
    })
}

fn value(row: &Row) -> Result<(String, Limit), RegistryError> {
    let level: Option<i64> = row.get("level").map_err(|e| damaged("level", e))?;
    let level = level.map(u8::try_from).transpose().map_err(|e| damaged("level", e))?;
    Ok((
        String::read(row, "kind")?,
        Limit {
            value: f64::read(row, "value")?,
            deadband: f64::read(row, "deadband")?,
            on_delay_ms: u32::read(row, "on_delay_ms")?,
            off_delay_ms: u32::read(row, "off_delay_ms")?,
            level,
            realarm_ms: u32::read(row, "realarm_ms")?,
            latching: bool::read(row, "latching")?,
        },
    ))
}

/// Every version of one point's limits, newest first.
pub(crate) async fn history(
    on: &mut dyn Connection,
    point_no: u32,
) -> Result<Vec<LimitsVersion>, RegistryError> {
    let query =
        Statement::new("SELECT * FROM limit_versions WHERE point_no = $1 ORDER BY version DESC");
    let mut versions = rows(&mut *on, query.bind(i64::from(point_no)), version_of).await?;
    let query = Statement::new("SELECT * FROM limit_values WHERE point_no = $1");
    let values = rows(on, query.bind(i64::from(point_no)), |row| {
        Ok((u32::read(row, "version")?, value(row)?))
    });
    for (version, (name, limit)) in values.await? {
        if let Some(of) = versions.iter_mut().find(|v| v.limits.version == version) {
            set_by_name(&mut of.limits, &name, limit).map_err(|why| damaged("kind", why))?;
        }
    }
    Ok(versions)
}

/// The newest limits of one point; version 0 where none was ever saved.
pub(crate) async fn newest(
    on: &mut dyn Connection,
    point_no: u32,
) -> Result<Limits, RegistryError> {
    Ok(history(on, point_no).await?.into_iter().next().map(|v| v.limits).unwrap_or_default())
}

/// The newest limits of every point, of one enterprise or of all.
pub(crate) async fn newest_of_all(
    on: &mut dyn Connection,
    enterprise: Option<&EnterpriseCode>,
) -> Result<HashMap<u32, LimitsVersion>, RegistryError> {
    newest_where(on, |query| {
        if let Some(enterprise) = enterprise {
            query.push(" AND p.enterprise = ").push_bind(enterprise.as_str().to_owned());
        }
    })
    .await
}

/// The newest limits of points by their numbers, of whatever enterprises they are. One that has none is left out.
pub(crate) async fn newest_of(
    on: &mut dyn Connection,
    points: &[u32],
) -> Result<HashMap<u32, LimitsVersion>, RegistryError> {
    let mut newest = HashMap::with_capacity(points.len());
    // As many as a page has; far below what a statement takes.
    for some in points.chunks(1_000) {
        let found = newest_where(on, |query| {
            query.push(" AND v.point_no IN (");
            let mut list = query.separated(", ");
            for &no in some {
                list.push_bind(i64::from(no));
            }
            query.push(")");
        });
        newest.extend(found.await?);
    }
    Ok(newest)
}

/// Versions, then their limits, of the points to which `narrow` narrows the points `p` and versions `v`.
async fn newest_where(
    on: &mut dyn Connection,
    narrow: impl Fn(&mut Statement),
) -> Result<HashMap<u32, LimitsVersion>, RegistryError> {
    let of = |table: &str| {
        let mut query = Statement::new(format!(
            "SELECT v.* FROM {table} v JOIN points p ON p.no = v.point_no
             WHERE v.version =
                (SELECT MAX(n.version) FROM limit_versions n WHERE n.point_no = v.point_no)"
        ));
        narrow(&mut query);
        query
    };
    let (versions, values) = (of("limit_versions"), of("limit_values"));
    let versions =
        rows(&mut *on, versions, |row| Ok((u32::read(row, "point_no")?, version_of(row)?)));
    let mut newest: HashMap<_, _> = versions.await?.into_iter().collect();
    let values = rows(on, values, |row| {
        let (name, limit) = value(row)?;
        if let Some(of) = newest.get_mut(&u32::read(row, "point_no")?) {
            set_by_name(&mut of.limits, &name, limit).map_err(|why| damaged("kind", why))?;
        }
        Ok(())
    });
    values.await?;
    Ok(newest)
}
