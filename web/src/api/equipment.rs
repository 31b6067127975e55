//! Equipment.

use anlan_domain::ids::{EquipmentId, HazardCode};
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::Equipment;
use anlan_store::registry::scoped::Filter;

use super::{ListQuery, VersionQuery, expected, field, page, parsed, points, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views;
use crate::views::input::EquipmentInput;

/// `GET /equipment`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.equipment(&filter).await?, limit);
    let mut rollups =
        call.rollups(found.iter().map(|e| format!("equipment:{}", e.id)).collect()).await;
    let items: Vec<_> = found
        .into_iter()
        .map(|e| {
            let rollup = rollups.remove(&format!("equipment:{}", e.id));
            views::Equipment::of(e, rollup, None)
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
    Reply::json(&views::Equipment::of(found, rollup, Some(points)))
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
