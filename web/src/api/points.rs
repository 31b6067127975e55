//! Points, their limits and their trends.

use anlan_domain::ids::{EquipmentId, GatewayId, PointId};
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmFilter;
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::{Point, PointState, States, default_frozen_ms};
use anlan_store::registry::scoped::Filter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ListQuery, VersionQuery, expected, field, page, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views;
use crate::views::alarm::Alarm;
use crate::views::input::{LimitsInput, PointInput};

/// `GET /points`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.points(&filter).await?, limit);
    Reply::page(&views_of(&call, found).await?, next)
}

/// Points with their limits and newest values.
pub(super) async fn views_of(call: &Call, found: Vec<Point>) -> Result<Vec<views::Point>, Problem> {
    let limits = call.registry()?.limits(&found).await?;
    let mut values = call.values(&found).await;
    Ok(found
        .into_iter()
        .map(|p| {
            let (limits, value) = (limits.get(&p.meta.no), values.remove(&p.id));
            views::Point::of(p, limits, value)
        })
        .collect())
}

/// `GET /points/{id}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &call.id("id")?).await
}

async fn found(call: &Call) -> Result<Point, Problem> {
    call.registry()?.point(&call.id("id")?).await?.ok_or_else(Problem::not_found)
}

async fn shown(call: &Call, id: &PointId) -> Answer {
    let found = call.registry()?.point(id).await?.ok_or_else(Problem::not_found)?;
    let view = views_of(call, vec![found]).await?.pop().ok_or_else(Problem::not_found)?;
    Reply::json(&view)
}

/// `POST /points`
pub async fn create(call: Call) -> Answer {
    let input: PointInput = call.json()?;
    save(&call, input, Expected::New).await
}

/// `PUT /points/{id}`
pub async fn change(call: Call) -> Answer {
    let input: PointInput = call.json()?;
    same_object(&call, "id", &input.id)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

async fn save(call: &Call, input: PointInput, expected: Expected) -> Answer {
    let id = field("id", &input.id, PointId::new)?;
    let states = input
        .states
        .into_iter()
        .map(|s| PointState { value: s.value, zh: s.name.zh, en: s.name.en, alarm: s.alarm })
        .collect();
    let point = Point {
        enterprise: id.enterprise(),
        id: id.clone(),
        equipment: field("equipment", &input.equipment, EquipmentId::new)?,
        gateway: field("gateway", &input.gateway, GatewayId::new)?,
        device: input.device,
        name_zh: input.name.zh,
        name_en: input.name.en,
        unit: input.unit,
        range_lo: input.range[0],
        range_hi: input.range[1],
        decimals: input.decimals,
        scan_ms: input.scan_ms,
        missing_scans: input.missing_scans.unwrap_or(3),
        frozen_ms: input.frozen_ms.unwrap_or_else(|| default_frozen_ms(&input.kind, &input.signal)),
        kind: input.kind,
        signal: input.signal,
        longitude: input.longitude,
        latitude: input.latitude,
        role: input.role,
        states: States(states),
        on_delay_ms: input.on_delay_ms,
        off_delay_ms: input.off_delay_ms,
        realarm_ms: input.realarm_ms,
        latching: input.latching,
        chatter_transitions: input.chatter_transitions,
        chatter_window_ms: input.chatter_window_ms.unwrap_or(60_000),
        meta: Meta::default(),
    };
    call.put(&point, expected).await?;
    shown(call, &id).await
}

/// `DELETE /points/{id}`
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    let found = found(&call).await?;
    call.delete(&found, expected).await?;
    Ok(Reply::nothing())
}

/// `GET /points/{id}/limits`
pub async fn limits(call: Call) -> Answer {
    let versions = call.registry()?.limit_versions(&call.id("id")?).await?;
    let (_, versions) = versions.ok_or_else(Problem::not_found)?;
    let items: Vec<_> = versions.iter().map(|v| views::LimitsBody::of(Some(v))).collect();
    Reply::page(&items, None)
}

/// `PUT /points/{id}/limits`
pub async fn put_limits(call: Call) -> Answer {
    let input: LimitsInput = call.json()?;
    let point = found(&call).await?;
    let expected = Expected::Version(input.version);
    call.put_limits(&point, &input.limits(), expected, input.reason.trim()).await?;
    let versions = call.registry()?.limit_versions(&point.id).await?;
    let newest = versions.and_then(|(_, versions)| versions.into_iter().next());
    Reply::json(&views::LimitsBody::of(newest.as_ref()))
}

#[derive(Deserialize)]
struct TrendQuery {
    from: i64,
    to: i64,
    #[serde(default = "usual_pixels")]
    pixels: usize,
}

fn usual_pixels() -> usize {
    800
}

/// A column of a trend; the values are `null` where it holds only bad readings.
#[derive(Serialize, ToSchema)]
pub struct Bucket {
    /// Its start.
    t: i64,
    /// Lowest value.
    min: f64,
    /// Highest value.
    max: f64,
    /// First value.
    first: f64,
    /// Last value.
    last: f64,
    /// When the lowest was read.
    t_min: i64,
    /// When the highest was read.
    t_max: i64,
    /// Readings of any quality.
    count: u64,
    /// Of these, bad.
    bad: u64,
    /// Of these, back-filled.
    late: u64,
}

/// A trend.
#[derive(Serialize, ToSchema)]
pub struct TrendBody {
    /// From.
    from: i64,
    /// To.
    to: i64,
    /// Width of a column.
    width_ms: i64,
    /// The columns that hold readings.
    buckets: Vec<Bucket>,
    /// Alarms of the point that began within.
    alarms: Vec<Alarm>,
}

/// `GET /points/{id}/trend`
pub async fn trend(call: Call) -> Answer {
    let TrendQuery { from, to, pixels } = call.query()?;
    // Ten years is more than history keeps; the end of the calendar would overflow what counts in it.
    if from >= to || to.checked_sub(from).is_none_or(|span| span > 3_660 * 86_400_000) || from < 0 {
        return Err(Problem::bad_request(
            "from",
            "from must be before to, and not more than ten years",
        ));
    }
    let point = found(&call).await?;
    let pixels = pixels.clamp(1, 4_000);
    let (start, end) = (UtcMillis(from), UtcMillis(to));
    let trend = call.trend(&point, start, end, pixels).await?;
    let of_point = AlarmFilter {
        subject: Some(point.id.to_string()),
        from: Some(start),
        to: Some(end),
        ..AlarmFilter::default()
    };
    let within = Filter { enterprise: Some(point.enterprise.clone()), ..Filter::default() };
    let alarms = call.alarms(of_point, &within, None, 200).await?;
    let buckets = trend
        .buckets
        .into_iter()
        .map(|b| Bucket {
            t: b.t,
            min: b.min,
            max: b.max,
            first: b.first,
            last: b.last,
            t_min: b.t_min,
            t_max: b.t_max,
            count: b.count,
            bad: b.bad,
            late: b.late,
        })
        .collect();
    let alarms = call.with_names(alarms.items).await?;
    Reply::json(&TrendBody { from, to, width_ms: trend.width_ms, buckets, alarms })
}
