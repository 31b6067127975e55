//! Data quality: online rate, completeness and share of bad data per point and enterprise, fed back to the enterprise.
//!
//! Expected is what the scan interval promises within the part of the time asked for that has passed. History counts by
//! UTC day, so days that are asked for in part are counted whole.

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::time::UtcMillis;
use anlan_store::registry::records::Point;
use anlan_store::registry::scoped::Filter;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{page, parsed};
use crate::cursor;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::{Names, Quality};

const DAY_MS: i64 = 86_400_000;

/// Quality of an enterprise's data and of each of its points.
#[derive(Serialize, ToSchema)]
pub struct EnterpriseQuality {
    /// Code.
    enterprise: String,
    /// Name.
    name: Names,
    /// All points together.
    #[serde(flatten)]
    total: Quality,
    /// Each point.
    points: Vec<PointQuality>,
}

/// Quality of a point's data.
#[derive(Serialize, ToSchema)]
pub struct PointQuality {
    /// Identity.
    id: String,
    /// Name.
    name: Names,
    /// Quality.
    #[serde(flatten)]
    quality: Quality,
}

#[derive(Deserialize)]
struct QualityQuery {
    enterprise: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// `GET /quality`
pub async fn list(call: Call) -> Answer {
    let query: QualityQuery = call.query()?;
    let now = call.now().0;
    let to = query.to.unwrap_or(now).min(now);
    let from = query.from.unwrap_or(to.div_euclid(DAY_MS) * DAY_MS);
    if from < 0 || from > to || to - from > 366 * DAY_MS {
        return Err(Problem::bad_request(
            "from",
            "from must be before to, and not more than a year",
        ));
    }
    let limit = query.limit.unwrap_or(10).clamp(1, 50);
    let filter = Filter {
        enterprise: parsed("enterprise", query.enterprise.as_deref(), EnterpriseCode::new)?,
        after: query.cursor.as_deref().filter(|c| !c.is_empty()).map(cursor::text).transpose()?,
        limit: limit + 1,
        ..Filter::default()
    };
    let registry = call.registry()?;
    let (enterprises, next) = page(registry.enterprises(&filter).await?, limit as usize);
    let mut items = Vec::with_capacity(enterprises.len());
    for enterprise in enterprises {
        let of = Filter { enterprise: Some(enterprise.code.clone()), ..Filter::default() };
        let points = registry.points(&of).await?;
        let counted: Vec<Result<PointQuality, Problem>> = stream::iter(points)
            .map(|point| of_point(&call, point, from, to))
            .buffered(16)
            .collect()
            .await;
        let points = counted.into_iter().collect::<Result<Vec<_>, _>>()?;
        items.push(EnterpriseQuality {
            enterprise: enterprise.code.to_string(),
            name: Names { zh: enterprise.name_zh, en: enterprise.name_en },
            total: together(points.iter().map(|p| p.quality)),
            points,
        });
    }
    Reply::page(&items, next)
}

async fn of_point(call: &Call, point: Point, from: i64, to: i64) -> Result<PointQuality, Problem> {
    let days = call.day_quality(&point, UtcMillis(from), UtcMillis(to)).await?;
    let received: u64 = days.iter().map(|d| d.count).sum();
    let bad = days.iter().map(|d| d.bad).sum();
    let minutes: u64 = days.iter().map(|d| u64::from(d.minutes_seen)).sum();
    let first_day = from.div_euclid(DAY_MS) * DAY_MS;
    let last_day_end = (to.div_euclid(DAY_MS) + 1) * DAY_MS;
    let due_ms = last_day_end.min(call.now().0).saturating_sub(first_day).max(0).unsigned_abs();
    let expected = due_ms / u64::from(point.scan_ms.max(1));
    // A point that is scanned less than once a minute cannot be seen in every one.
    let minutes_due = (due_ms / 60_000).min(expected).max(1);
    let quality = Quality { online: share(minutes, minutes_due), ..rates(expected, received, bad) };
    Ok(PointQuality {
        id: point.id.to_string(),
        name: Names { zh: point.name_zh, en: point.name_en },
        quality,
    })
}

fn rates(expected: u64, received: u64, bad: u64) -> Quality {
    Quality {
        online: 0.0,
        completeness: share(received, expected),
        bad_share: share(bad, received),
        expected,
        received,
        bad,
    }
}

#[allow(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

#[allow(clippy::cast_precision_loss)]
fn together(of: impl Iterator<Item = Quality>) -> Quality {
    let (mut sum, mut online, mut points) = ((0, 0, 0), 0.0, 0u32);
    for q in of {
        sum = (sum.0 + q.expected, sum.1 + q.received, sum.2 + q.bad);
        online += q.online;
        points += 1;
    }
    Quality { online: online / f64::from(points.max(1)), ..rates(sum.0, sum.1, sum.2) }
}
