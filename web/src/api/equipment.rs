//! Equipment.

use std::collections::HashMap;

use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::{EquipmentId, HazardCode};
use anlan_domain::log::{Command, Note};
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::Equipment;
use anlan_store::registry::scoped::Filter;

use super::alarms::words;
use super::{ListQuery, VersionQuery, expected, field, page, parsed, points, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views;
use crate::views::input::{EquipmentInput, OperationInput};

/// Longest time of starting up: a day.
const START_MINUTES_MAX: u32 = 24 * 60;

/// `GET /equipment`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.equipment(&filter).await?, limit);
    let mut rollups =
        call.rollups(found.iter().map(|e| format!("equipment:{}", e.id)).collect()).await;
    let ids: Vec<_> = found.iter().map(|e| e.id.clone()).collect();
    let mut operations = call.operations(&ids).await?;
    let items: Vec<_> = found
        .into_iter()
        .map(|e| {
            let rollup = rollups.remove(&format!("equipment:{}", e.id));
            let operation = operation(&mut operations, &e.id);
            views::Equipment::of(e, rollup, operation, None)
        })
        .collect();
    Reply::page(&items, next)
}

/// `GET /equipment/{id}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &call.id("id")?).await
}

async fn shown(call: &Call, id: &EquipmentId) -> Answer {
    let registry = call.registry()?;
    let found = registry.equipment_of(id).await?.ok_or_else(Problem::not_found)?;
    let of = Filter { equipment: Some(id.clone()), ..Filter::default() };
    let points = points::views_of(call, registry.points(&of).await?).await?;
    let rollup =
        call.rollups(vec![format!("equipment:{id}")]).await.remove(&format!("equipment:{id}"));
    let operation = operation(&mut call.operations(std::slice::from_ref(id)).await?, id);
    Reply::json(&views::Equipment::of(found, rollup, operation, Some(points)))
}

fn operation(
    known: &mut HashMap<EquipmentId, views::Operation>,
    id: &EquipmentId,
) -> views::Operation {
    known.remove(id).unwrap_or_else(|| views::Operation::of(None, None))
}

/// `POST /equipment/{id}/state`
pub async fn operate(call: Call) -> Answer {
    let OperationInput { state, minutes, reason } = call.json()?;
    let state = EquipmentState::from_code(&state).ok_or_else(|| {
        let codes = EquipmentState::ALL.map(EquipmentState::code).join(", ");
        Problem::bad_request("state", format!("One of {codes}"))
    })?;
    let text = words("reason", &reason, state != EquipmentState::Running)?;
    let until = if state == EquipmentState::Starting {
        let minutes = minutes.filter(|minutes| (1..=START_MINUTES_MAX).contains(minutes));
        let minutes = minutes.ok_or_else(|| {
            Problem::bad_request("minutes", format!("From 1 to {START_MINUTES_MAX} minutes"))
        })?;
        Some(call.now().plus(i64::from(minutes) * 60_000))
    } else {
        None
    };
    let id: EquipmentId = call.id("id")?;
    call.registry()?.equipment_of(&id).await?.ok_or_else(Problem::not_found)?;
    let deed = match state {
        EquipmentState::Running => "equipment_running",
        EquipmentState::Stopped => "equipment_stopped",
        EquipmentState::Maintenance => "equipment_maintenance",
        EquipmentState::Starting => "equipment_starting",
    };
    call.command(deed, &text.clone(), |by| Command::Operate {
        equipment: id.clone(),
        state,
        until,
        note: Note { by, text },
    })
    .await?;
    shown(&call, &id).await
}

/// `POST /equipment`
pub async fn create(call: Call) -> Answer {
    let input: EquipmentInput = call.json()?;
    save(&call, input, Expected::New).await
}

/// `PUT /equipment/{id}`
pub async fn change(call: Call) -> Answer {
    let input: EquipmentInput = call.json()?;
    same_object(&call, "id", &input.id)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

async fn save(call: &Call, input: EquipmentInput, expected: Expected) -> Answer {
    let id = field("id", &input.id, EquipmentId::new)?;
    let equipment = Equipment {
        enterprise: id.enterprise(),
        id: id.clone(),
        hazard: parsed("hazard", input.hazard.as_deref(), HazardCode::new)?,
        kind: input.kind,
        name_zh: input.name.zh,
        name_en: input.name.en,
        medium: input.medium,
        cas: input.cas,
        volume_m3: input.volume_m3,
        longitude: input.longitude,
        latitude: input.latitude,
        meta: Meta::default(),
    };
    call.put(&equipment, expected).await?;
    shown(call, &id).await
}

/// `DELETE /equipment/{id}`
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    let found =
        call.registry()?.equipment_of(&call.id("id")?).await?.ok_or_else(Problem::not_found)?;
    call.delete(&found, expected).await?;
    Ok(Reply::nothing())
}
