//! Enterprises.

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::region::RegionCode;
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::Enterprise;

use super::{ListQuery, expected, field, page, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views;
use crate::views::input::EnterpriseInput;

/// `GET /enterprises`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.enterprises(&filter).await?, limit);
    Reply::page(&views_of(&call, found).await?, next)
}

async fn views_of(call: &Call, found: Vec<Enterprise>) -> Result<Vec<views::Enterprise>, Problem> {
    let mut holdings = call.registry()?.holdings(&found).await?;
    let mut rollups =
        call.rollups(found.iter().map(|e| format!("enterprise:{}", e.code)).collect()).await;
    Ok(found
        .into_iter()
        .map(|e| {
            let has = holdings.remove(&e.code).unwrap_or_default();
            let rollup = rollups.remove(&format!("enterprise:{}", e.code));
            views::Enterprise::of(e, has, rollup)
        })
        .collect())
}

/// `GET /enterprises/{code}`
pub async fn one(call: Call) -> Answer {
    shown(&call, &call.id("code")?).await
}

async fn shown(call: &Call, code: &EnterpriseCode) -> Answer {
    let found = call.registry()?.enterprise(code).await?.ok_or_else(Problem::not_found)?;
    let view = views_of(call, vec![found]).await?.pop().ok_or_else(Problem::not_found)?;
    Reply::json(&view)
}

/// `POST /enterprises`
pub async fn create(call: Call) -> Answer {
    let input: EnterpriseInput = call.json()?;
    save(&call, input, Expected::New).await
}

/// `PUT /enterprises/{code}`
pub async fn change(call: Call) -> Answer {
    let input: EnterpriseInput = call.json()?;
    same_object(&call, "code", &input.code)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

async fn save(call: &Call, input: EnterpriseInput, expected: Expected) -> Answer {
    let code = field("code", &input.code, EnterpriseCode::new)?;
    let length = call.options().enterprise_code_length;
    if expected == Expected::New && !code.has_length(length) {
        let why = format!("{code} has not the {length} digits that this installation is set to");
        return Err(
            Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "refused", why).field("code")
        );
    }
    let enterprise = Enterprise {
        code: code.clone(),
        credit_code: input.credit_code,
        name_zh: input.name.zh,
        name_en: input.name.en,
        region: field("region", &input.region, RegionCode::new)?,
        industry_code: input.industry_code,
        address: input.address,
        longitude: input.longitude,
        latitude: input.latitude,
        principal: input.principal,
        phone: input.phone,
        meta: Meta::default(),
    };
    call.put(&enterprise, expected).await?;
    shown(call, &code).await
}
