//! Alarms: lists, one with its log, acknowledging, and the moments under the map.

use anlan_domain::alarm::{AlarmId, Condition, Level};
use anlan_domain::disposition::{CAUSES, MEASURES};
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::life_cycle::AlarmState;
use anlan_domain::log::{Command, Note};
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmFilter;
use anlan_store::registry::scoped::Filter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parsed;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::input::{AcknowledgeInput, CommentInput, DisposeInput};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AlarmQuery {
    open: Option<bool>,
    region: Option<String>,
    enterprise: Option<String>,
    hazard: Option<String>,
    equipment: Option<String>,
    point: Option<String>,
    level: Option<String>,
    state: Option<String>,
    condition: Option<String>,
    late: Option<bool>,
    from: Option<i64>,
    to: Option<i64>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Reads a list separated by commas.
fn several<T>(
    field: &str,
    text: Option<&str>,
    one: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            one(part)
                .ok_or_else(|| Problem::bad_request(field, format!("{part:?} is not known here")))
        })
        .collect()
}

fn state_of(code: &str) -> Option<AlarmState> {
    serde_json::from_value(Value::String(code.to_owned())).ok()
}

impl AlarmQuery {
    fn filter(&self) -> Result<(AlarmFilter, Filter), Problem> {
        let states = several("state", self.state.as_deref(), state_of)?;
        let open = self.open.unwrap_or(states.is_empty());
        let filter = AlarmFilter {
            hazard: parsed("hazard", self.hazard.as_deref(), HazardCode::new)?,
            equipment: parsed("equipment", self.equipment.as_deref(), EquipmentId::new)?,
            subject: self.point.clone().filter(|p| !p.is_empty()),
            levels: several("level", self.level.as_deref(), |t| Level::new(t.parse().ok()?))?,
            states: if open && states.is_empty() { AlarmFilter::open().states } else { states },
            conditions: several("condition", self.condition.as_deref(), Condition::from_code)?,
            late: self.late,
            from: self.from.map(UtcMillis),
            to: self.to.map(UtcMillis),
            text: self
                .q
                .as_deref()
                .map(|q| q.trim().chars().take(100).collect())
                .filter(|q: &String| !q.is_empty()),
            enterprises: None,
        };
        let within = Filter {
            region: parsed("region", self.region.as_deref(), RegionCode::new)?,
            enterprise: parsed("enterprise", self.enterprise.as_deref(), EnterpriseCode::new)?,
            ..Filter::default()
        };
        Ok((filter, within))
    }
}

/// `GET /alarms`
pub async fn list(call: Call) -> Answer {
    let query: AlarmQuery = call.query()?;
    let (filter, within) = query.filter()?;
    let cursor = query.cursor.as_deref().filter(|c| !c.is_empty());
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let first_of_open = cursor.is_none() && query.open.unwrap_or(true);
    let mut page = call.alarms(filter, &within, cursor, limit).await?;
    if first_of_open {
        // They have no place in the index: they stand before all that is durable, whatever else is asked for.
        page.items.splice(0..0, call.undurable()?);
    }
    let next = page.next_cursor;
    Reply::page(&call.with_names(page.items).await?, next)
}

/// `GET /alarms/{id}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &id(&call)?).await
}

fn id(call: &Call) -> Result<AlarmId, Problem> {
    AlarmId::try_from(call.param("id").to_owned()).map_err(|_| Problem::not_found())
}

async fn shown(call: &Call, id: &AlarmId) -> Answer {
    let row = call.alarm(id).await?;
    let log = call.alarm_log(&row).await?;
    let mut alarm = call.with_names(vec![row]).await?.pop().ok_or_else(Problem::not_found)?;
    alarm.log = Some(log);
    Reply::json(&alarm)
}

/// Longest comment that is taken.
const COMMENT_CHARS_MAX: usize = 500;

/// `POST /alarms/{id}/acknowledge`
pub async fn acknowledge(call: Call) -> Answer {
    let AcknowledgeInput { comment } = call.json()?;
    let comment = words("comment", &comment, false)?;
    let alarm = call.alarm(&id(&call)?).await?.id;
    let said = comment.clone();
    call.command("acknowledge", &said, |by| Command::Acknowledge { alarm, by, comment }).await?;
    shown(&call, &id(&call)?).await
}

/// `POST /alarms/{id}/comment`
pub async fn comment(call: Call) -> Answer {
    let CommentInput { comment } = call.json()?;
    let text = words("comment", &comment, true)?;
    let alarm = call.alarm(&id(&call)?).await?.id;
    call.command("comment", &text.clone(), |by| Command::Comment {
        alarm,
        note: Note { by, text },
    })
    .await?;
    shown(&call, &id(&call)?).await
}

/// `POST /alarms/{id}/take`
pub async fn take(call: Call) -> Answer {
    let AcknowledgeInput { comment } = call.json()?;
    let text = words("comment", &comment, false)?;
    let alarm = call.alarm(&id(&call)?).await?.id;
    call.command("take", &text.clone(), |by| Command::Take { alarm, note: Note { by, text } })
        .await?;
    shown(&call, &id(&call)?).await
}

/// `POST /alarms/{id}/reset`
pub async fn reset(call: Call) -> Answer {
    let AcknowledgeInput { comment } = call.json()?;
    let text = words("comment", &comment, false)?;
    let alarm = call.alarm(&id(&call)?).await?.id;
    call.command("reset", &text.clone(), |by| Command::Reset { alarm, note: Note { by, text } })
        .await?;
    shown(&call, &id(&call)?).await
}

/// `POST /alarms/{id}/dispose`
pub async fn dispose(call: Call) -> Answer {
    let DisposeInput { cause, measure, comment } = call.json()?;
    let text = words("comment", &comment, false)?;
    for (field, code, list) in [("cause", &cause, CAUSES), ("measure", &measure, MEASURES)] {
        if list.iter().all(|choice| choice.code != code) {
            let why = format!("{code:?} is none of /dispositions");
            return Err(Problem::bad_request(field, why));
        }
    }
    let alarm = call.alarm(&id(&call)?).await?.id;
    call.command("dispose", &text.clone(), |by| {
        let note = Note { by, text };
        Command::Dispose { alarm, cause, measure, note }
    })
    .await?;
    shown(&call, &id(&call)?).await
}

/// What a person writes, without blanks around it.
pub(super) fn words(field: &str, text: &str, needed: bool) -> Result<String, Problem> {
    let text = text.trim();
    if needed && text.is_empty() {
        return Err(Problem::bad_request(field, "Say why, in words"));
    }
    if COMMENT_CHARS_MAX < text.chars().count() {
        let why = format!("At most {COMMENT_CHARS_MAX} characters");
        return Err(Problem::bad_request(field, why));
    }
    Ok(text.to_owned())
}

/// Most moments that are drawn.
const MOMENTS_MAX: usize = 2_000;

/// `GET /alarm-moments`
pub async fn moments(call: Call) -> Answer {
    let query: AlarmQuery = call.query()?;
    let (mut filter, within) = query.filter()?;
    filter.states = Vec::new();
    let mut moments: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = call.alarms(filter.clone(), &within, cursor.as_deref(), 500).await?;
        moments.extend(page.items.iter().map(
            |a| json!({ "id": a.id.to_string(), "at": a.raised_at.0, "level": a.level.get() }),
        ));
        cursor = page.next_cursor;
        if cursor.is_none() || moments.len() >= MOMENTS_MAX {
            return Reply::json(&moments);
        }
    }
}
