//! Deadband and delays that a limit gets where it was given none, by signal type.

use anlan_store::registry::Expected;
use anlan_store::registry::alarm_defaults::AlarmDefaults;
use anlan_store::registry::record::Meta;
use serde::Serialize;
use utoipa::ToSchema;

use super::{VersionQuery, expected, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::input::AlarmDefaultsInput;

/// The defaults of one signal type.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlarmDefaultsBody {
    /// Signal type; `*` for every type without a row.
    signal: String,
    /// Deadband in percent of the span; of a rate of change it is a tenth of the limit.
    deadband_percent: f64,
    /// How long H, L and the rate of change must hold.
    on_delay_ms: u32,
    /// How long HH and LL must hold.
    urgent_on_delay_ms: u32,
    /// How long any of them must be gone.
    off_delay_ms: u32,
    /// `recalled` (ISA-18.2, EEMUA 191, not checked against the text), `proposal` or `edited`.
    origin: String,
    /// Why, in the words of who edited it.
    reason: String,
    /// Version.
    version: u32,
}

impl From<AlarmDefaults> for AlarmDefaultsBody {
    fn from(row: AlarmDefaults) -> Self {
        Self {
            signal: row.signal,
            deadband_percent: row.deadband_percent,
            on_delay_ms: row.on_delay_ms,
            urgent_on_delay_ms: row.urgent_on_delay_ms,
            off_delay_ms: row.off_delay_ms,
            origin: row.origin,
            reason: row.reason,
            version: row.meta.version,
        }
    }
}

/// `GET /alarm-defaults`
pub async fn list(call: Call) -> Answer {
    let rows = call.alarm_defaults().await?;
    Reply::page(&rows.into_iter().map(AlarmDefaultsBody::from).collect::<Vec<_>>(), None)
}

/// `PUT /alarm-defaults/{signal}`: version 0 adds a row.
pub async fn put(call: Call) -> Answer {
    let input: AlarmDefaultsInput = call.json()?;
    same_object(&call, "signal", &input.signal)?;
    let reason = input.reason.trim();
    if reason.is_empty() {
        return Err(Problem::bad_request("reason", "Say why: it stands in the audit log"));
    }
    let expected =
        if input.version == 0 { Expected::New } else { Expected::Version(input.version) };
    let row = AlarmDefaults {
        signal: input.signal.clone(),
        deadband_percent: input.deadband_percent,
        on_delay_ms: input.on_delay_ms,
        urgent_on_delay_ms: input.urgent_on_delay_ms,
        off_delay_ms: input.off_delay_ms,
        origin: "edited".to_owned(),
        reason: reason.to_owned(),
        meta: Meta::default(),
    };
    call.put(&row, expected).await?;
    Reply::json(&AlarmDefaultsBody::from(found(&call, &input.signal).await?))
}

/// `DELETE /alarm-defaults/{signal}`: the type falls back to `*`, which cannot go.
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    let signal = call.param("signal");
    if signal == "*" {
        return Err(Problem::bad_request("signal", "The row of all other types cannot go"));
    }
    let row = found(&call, signal).await?;
    call.delete(&row, expected).await?;
    Ok(Reply::nothing())
}

async fn found(call: &Call, signal: &str) -> Result<AlarmDefaults, Problem> {
    let rows = call.alarm_defaults().await?;
    rows.into_iter().find(|row| row.signal == signal).ok_or_else(Problem::not_found)
}
