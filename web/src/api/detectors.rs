//! Detectors of a point: conditions beyond its limits.

use anlan_domain::alarm::Condition;
use anlan_domain::detect::detector::Detector as Parsed;
use anlan_store::registry::Expected;
use anlan_store::registry::detectors::Detector;
use anlan_store::registry::record::Meta;
use serde::Serialize;
use utoipa::ToSchema;

use super::{VersionQuery, expected, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::input::DetectorInput;

/// A detector of a point.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DetectorBody {
    /// `DEVIATION`, `SPIKE`, `DRIFT`, `COUNTS`, `DISCREPANCY` or `EXPRESSION`; a point has at most one of each.
    condition: String,
    /// Its settings: `key=value; key=value`, or the text of an expression.
    settings: String,
    /// How long it must hold before its alarm is raised.
    on_delay_ms: u32,
    /// How long it must be gone before the alarm clears.
    off_delay_ms: u32,
    /// Level; `null` takes the default.
    level: Option<u8>,
    /// Why it is there.
    reason: String,
    /// Version.
    version: u32,
}

impl From<Detector> for DetectorBody {
    fn from(d: Detector) -> Self {
        Self {
            condition: d.condition_code,
            settings: d.settings,
            on_delay_ms: d.on_delay_ms,
            off_delay_ms: d.off_delay_ms,
            level: (d.level != 0).then_some(d.level),
            reason: d.reason,
            version: d.meta.version,
        }
    }
}

/// `GET /points/{id}/detectors`
pub async fn list(call: Call) -> Answer {
    let found = call.registry()?.detectors(&call.id("id")?).await?;
    let (_, detectors) = found.ok_or_else(Problem::not_found)?;
    Reply::page(&detectors.into_iter().map(DetectorBody::from).collect::<Vec<_>>(), None)
}

/// `PUT /points/{id}/detectors/{condition}`: version 0 adds it.
pub async fn put(call: Call) -> Answer {
    let input: DetectorInput = call.json()?;
    same_object(&call, "condition", &input.condition)?;
    let found = call.registry()?.detectors(&call.id("id")?).await?;
    let (point, _) = found.ok_or_else(Problem::not_found)?;
    let reason = input.reason.trim();
    if reason.is_empty() {
        return Err(Problem::bad_request("reason", "Say why: it stands in the audit log"));
    }
    let expected =
        if input.version == 0 { Expected::New } else { Expected::Version(input.version) };
    // Kept as it reads back; what cannot be read is refused by the registry with its place.
    let parsed = Condition::from_code(&input.condition)
        .and_then(|condition| Parsed::parse(condition, &input.settings).ok());
    let detector = Detector {
        id: Detector::id_of(&point.id, &input.condition),
        enterprise: point.enterprise.clone(),
        point: point.id.clone(),
        settings: parsed.map_or(input.settings, |parsed| parsed.to_string()),
        on_delay_ms: input.on_delay_ms,
        off_delay_ms: input.off_delay_ms,
        level: match input.level {
            // 0 is how the registry keeps the default, and no level that anybody may state.
            Some(0) => u8::MAX,
            level => level.unwrap_or(0),
        },
        reason: reason.to_owned(),
        condition_code: input.condition,
        meta: Meta::default(),
    };
    call.put_detector(&detector, expected).await?;
    Reply::json(&DetectorBody::from(one(&call, &detector.condition_code).await?))
}

/// `DELETE /points/{id}/detectors/{condition}`
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    let detector = one(&call, call.param("condition")).await?;
    call.delete(&detector, expected).await?;
    Ok(Reply::nothing())
}

async fn one(call: &Call, condition: &str) -> Result<Detector, Problem> {
    let found = call.registry()?.detectors(&call.id("id")?).await?;
    let (_, detectors) = found.ok_or_else(Problem::not_found)?;
    let mut detectors = detectors.into_iter();
    detectors.find(|d| d.condition_code == condition).ok_or_else(Problem::not_found)
}
