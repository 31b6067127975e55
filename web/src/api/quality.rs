//! Data quality: online rate, completeness and share of bad data per point and enterprise, fed back to the enterprise.
//!
//! Expected is what the scan interval promises while readings were due. When that is, is a rule of its own:
//!
//! - It ends where the history ends: what is sealed into it, a minute ago or so. So nothing is missed that could not be there.
//! - It begins with the point's first configuration in the registry. On the day of the point's first reading ever it begins
//!   with that reading: while a plant is being connected, nothing is due.
//! - A point that is configured and was never read is due all the same: it is what an enterprise has to mend.
//! - Where nothing is expected yet, there is no share; pages show "–" where `expected` is 0.
//!
//! Days are those of the plants (UTC+8); days that are asked for in part are counted whole.

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::time::UtcMillis;
use anlan_store::history::{DayQuality, PLANT_UTC_OFFSET_MS};
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
    let from = query.from.unwrap_or_else(|| day_of(to));
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
        let made_at = registry.points_made_at(&enterprise.code).await?;
        let counted: Vec<Result<PointQuality, Problem>> = stream::iter(points)
            .map(|point| {
                let made_at = made_at.get(&point.meta.no).map_or(i64::MIN, |at| at.0);
                of_point(&call, point, made_at, (from, to))
            })
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

/// Start of the plant's day that `t` lies in.
fn day_of(t: i64) -> i64 {
    (t + PLANT_UTC_OFFSET_MS).div_euclid(DAY_MS) * DAY_MS - PLANT_UTC_OFFSET_MS
}

async fn of_point(
    call: &Call,
    point: Point,
    made_at: i64,
    (from, to): (i64, i64),
) -> Result<PointQuality, Problem> {
    let days = call.day_quality(&point, UtcMillis(from), UtcMillis(to)).await?;
    Ok(PointQuality {
        quality: of_days(&days, made_at, point.scan_ms),
        id: point.id.to_string(),
        name: Names { zh: point.name_zh, en: point.name_en },
    })
}

/// What days come to, for a point that was first configured at `made_at`.
fn of_days(days: &[DayQuality], made_at: i64, scan_ms: u32) -> Quality {
    let scan_ms = i64::from(scan_ms.max(1));
    let (mut expected, mut received, mut bad) = (0, 0, 0);
    let (mut minutes_due, mut minutes) = (0, 0);
    for day in days {
        let due_ms = day.due_to_ms.saturating_sub(day.due_from_ms.max(made_at)).max(0);
        let scans = (due_ms / scan_ms).unsigned_abs();
        expected += scans;
        // A point that is scanned less than once a minute cannot be seen in every one.
        minutes_due += (due_ms / 60_000).unsigned_abs().max(u64::from(scans > 0)).min(scans);
        received += day.count;
        bad += day.bad;
        minutes += u64::from(day.minutes_seen);
    }
    Quality { online: share(minutes, minutes_due), ..rates(expected, received, bad) }
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

/// An enterprise's own: the mean of the online rates of those points from which something is expected.
#[allow(clippy::cast_precision_loss)]
fn together(of: impl Iterator<Item = Quality>) -> Quality {
    let (mut sum, mut online, mut points) = ((0, 0, 0), 0.0, 0u32);
    for q in of {
        sum = (sum.0 + q.expected, sum.1 + q.received, sum.2 + q.bad);
        if q.expected > 0 {
            online += q.online;
            points += 1;
        }
    }
    Quality { online: online / f64::from(points.max(1)), ..rates(sum.0, sum.1, sum.2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const NOON: i64 = 1_790_000_000_000 / DAY_MS * DAY_MS + 4 * 3_600_000;

    /// A day of the plant, in which `count` readings a second apart came.
    fn day(day_ms: i64, due: (i64, i64), count: u64) -> DayQuality {
        DayQuality {
            day_ms,
            due_from_ms: due.0,
            due_to_ms: due.1,
            count,
            good: count,
            bad: 0,
            late: 0,
            minutes_seen: u32::try_from(count.div_ceil(60)).unwrap(),
        }
    }

    #[test]
    fn a_plant_of_twenty_minutes_is_complete_and_online() {
        let today = day_of(NOON);
        assert_eq!(
            (NOON - today) / 3_600_000,
            12,
            "noon of the plant is twelve hours after its midnight"
        );
        let began = NOON + 7_300;
        // Read since it began, until the newest segment was sealed.
        let days = [day(today, (began, began + 19 * MINUTE), 19 * 60)];
        let quality = of_days(&days, NOON, 1_000);
        assert_eq!((quality.expected, quality.received), (19 * 60, 19 * 60));
        assert_eq!((quality.online, quality.completeness), (1.0, 1.0));
    }

    #[test]
    fn what_is_configured_and_never_read_is_due_from_then_on_and_not_before() {
        let today = day_of(NOON);
        let yesterday = today - DAY_MS;
        let days = [day(yesterday, (yesterday, today), 0), day(today, (today, NOON), 0)];
        let quality = of_days(&days, NOON - 10 * MINUTE, 1_000);
        assert_eq!((quality.expected, quality.completeness, quality.online), (600, 0.0, 0.0));
        let quality = of_days(&days, today - 3_600_000, 1_000);
        assert_eq!(quality.expected, 13 * 3_600);
        assert_eq!(of_days(&days, NOON, 1_000).expected, 0, "nothing is expected yet");
        assert_eq!(of_days(&days, NOON - 500, 1_000).expected, 0);
    }

    #[test]
    fn a_slow_point_is_online_where_its_scans_came() {
        let today = day_of(NOON);
        let came = DayQuality { minutes_seen: 6, ..day(today, (NOON, NOON + 60 * MINUTE), 6) };
        let quality = of_days(&[came], NOON, 600_000);
        assert_eq!((quality.expected, quality.online, quality.completeness), (6, 1.0, 1.0));
    }

    #[test]
    fn points_from_which_nothing_is_expected_do_not_pull_an_enterprise_down() {
        let today = day_of(NOON);
        let full = of_days(&[day(today, (NOON, NOON + MINUTE), 60)], NOON, 1_000);
        let new = of_days(&[day(today, (NOON, NOON + MINUTE), 0)], NOON + MINUTE, 1_000);
        let both = together([full, new].into_iter());
        assert_eq!((both.online, both.completeness, both.expected), (1.0, 1.0, 60));
    }
}
