//! Hazard sources.

use anlan_domain::ids::HazardCode;
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::HazardSource;

use super::{ListQuery, expected, field, page, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views;
use crate::views::input::HazardInput;

/// `GET /hazard-sources`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.hazards(&filter).await?, limit);
    Reply::page(&views_of(&call, found).await, next)
}

async fn views_of(call: &Call, found: Vec<HazardSource>) -> Vec<views::HazardSource> {
    let mut rollups =
        call.rollups(found.iter().map(|h| format!("hazard:{}", h.code)).collect()).await;
    found
        .into_iter()
        .map(|h| {
            let rollup = rollups.remove(&format!("hazard:{}", h.code));
            views::HazardSource::of(h, rollup)
        })
        .collect()
}

/// `GET /hazard-sources/{code}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &call.id("code")?).await
}

async fn shown(call: &Call, code: &HazardCode) -> Answer {
    let found = call.registry()?.hazard(code).await?.ok_or_else(Problem::not_found)?;
    let view = views_of(call, vec![found]).await.pop().ok_or_else(Problem::not_found)?;
    Reply::json(&view)
}

/// `POST /hazard-sources`
pub async fn create(call: Call) -> Answer {
    let input: HazardInput = call.json()?;
    save(&call, input, Expected::New).await
}

/// `PUT /hazard-sources/{code}`
pub async fn change(call: Call) -> Answer {
    let input: HazardInput = call.json()?;
    same_object(&call, "code", &input.code)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

async fn save(call: &Call, input: HazardInput, expected: Expected) -> Answer {
    let code = field("code", &input.code, HazardCode::new)?;
    let hazard = HazardSource {
        enterprise: code.enterprise(),
        code: code.clone(),
        name_zh: input.name.zh,
        name_en: input.name.en,
        level: input.level,
        kind: input.kind,
        meta: Meta::default(),
    };
    call.put(&hazard, expected).await?;
    shown(call, &code).await
}
