//! Cameras. Their addresses may hold passwords: managers and administrators alone see them.

use anlan_domain::ids::{CameraId, EquipmentId, Role};
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::Camera;

use super::{ListQuery, VersionQuery, expected, field, page, parsed, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views;
use crate::views::input::CameraInput;

fn sees_urls(call: &Call) -> Result<bool, Problem> {
    Ok(matches!(call.user()?.role, Role::Administrator | Role::EnterpriseManager))
}

/// `GET /cameras`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.cameras(&filter).await?, limit);
    let with_url = sees_urls(&call)?;
    let items: Vec<_> = found.into_iter().map(|c| views::Camera::of(c, with_url)).collect();
    Reply::page(&items, next)
}

/// `GET /cameras/{id}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &call.id("id")?).await
}

async fn shown(call: &Call, id: &CameraId) -> Answer {
    let found = call.registry()?.camera(id).await?.ok_or_else(Problem::not_found)?;
    Reply::json(&views::Camera::of(found, sees_urls(call)?))
}

/// `POST /cameras`
pub async fn create(call: Call) -> Answer {
    let input: CameraInput = call.json()?;
    save(&call, input, Expected::New).await
}

/// `PUT /cameras/{id}`
pub async fn change(call: Call) -> Answer {
    let input: CameraInput = call.json()?;
    same_object(&call, "id", &input.id)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

async fn save(call: &Call, input: CameraInput, expected: Expected) -> Answer {
    let id = field("id", &input.id, CameraId::new)?;
    let url = match input.url {
        Some(url) => url,
        None => call.registry()?.camera(&id).await?.map(|c| c.url).unwrap_or_default(),
    };
    let camera = Camera {
        enterprise: id.enterprise(),
        id: id.clone(),
        equipment: parsed("equipment", input.equipment.as_deref(), EquipmentId::new)?,
        name_zh: input.name.zh,
        name_en: input.name.en,
        url,
        longitude: input.longitude,
        latitude: input.latitude,
        meta: Meta::default(),
    };
    call.put(&camera, expected).await?;
    shown(call, &id).await
}

/// `DELETE /cameras/{id}`
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    let found = call.registry()?.camera(&call.id("id")?).await?.ok_or_else(Problem::not_found)?;
    call.delete(&found, expected).await?;
    Ok(Reply::nothing())
}
