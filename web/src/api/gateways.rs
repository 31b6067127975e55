//! Gateways: what the registry knows joined with what the center sees.

use anlan_domain::ids::GatewayId;
use anlan_store::registry::Expected;
use anlan_store::registry::record::Meta;
use anlan_store::registry::records::Gateway;
use sha2::{Digest, Sha256};

use super::{ListQuery, expected, field, page, same_object};
use crate::gate::{Answer, Call, Reply, hex};
use crate::problem::Problem;
use crate::views;
use crate::views::input::GatewayInput;

/// `GET /gateways`
pub async fn list(call: Call) -> Answer {
    let (filter, limit) = call.query::<ListQuery>()?.filter()?;
    let (found, next) = page(call.registry()?.gateways(&filter).await?, limit);
    Reply::page(&views_of(&call, found).await?, next)
}

async fn views_of(call: &Call, found: Vec<Gateway>) -> Result<Vec<views::Gateway>, Problem> {
    let points = call.points_per_gateway().await?;
    let seen = call.gateways_seen();
    Ok(found
        .into_iter()
        .map(|g| {
            let id = g.id.to_string();
            views::Gateway::of(g, points.get(&id).copied().unwrap_or(0), seen.get(&id))
        })
        .collect())
}

/// `GET /gateways/{id}`
pub async fn one(call: Call) -> Answer {
    Reply::json(&shown(&call, &call.id("id")?).await?)
}

async fn shown(call: &Call, id: &GatewayId) -> Result<views::Gateway, Problem> {
    let found = call.registry()?.gateway(id).await?.ok_or_else(Problem::not_found)?;
    views_of(call, vec![found]).await?.pop().ok_or_else(Problem::not_found)
}

/// `POST /gateways`
pub async fn create(call: Call) -> Answer {
    let input: GatewayInput = call.json()?;
    save(&call, GatewayInput { new_secret: true, ..input }, Expected::New).await
}

/// `PUT /gateways/{id}`
pub async fn change(call: Call) -> Answer {
    let input: GatewayInput = call.json()?;
    same_object(&call, "id", &input.id)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

async fn save(call: &Call, input: GatewayInput, expected: Expected) -> Answer {
    let id = field("id", &input.id, GatewayId::new)?;
    let (secret, secret_sha256) = if input.new_secret {
        let mut random = [0u8; 32];
        getrandom::fill(&mut random)
            .map_err(|error| Problem::internal(&std::io::Error::other(error.to_string())))?;
        let secret = hex(&random);
        let hash = hex(&Sha256::digest(secret.as_bytes()));
        (Some(secret), hash)
    } else {
        let present = call.registry()?.gateway(&id).await?.ok_or_else(Problem::not_found)?;
        (None, present.secret_sha256)
    };
    let gateway = Gateway {
        enterprise: id.enterprise(),
        id: id.clone(),
        name: input.name,
        secret_sha256,
        meta: Meta::default(),
    };
    call.put(&gateway, expected).await?;
    let view = views::Gateway { secret, ..shown(call, &id).await? };
    Reply::json(&view)
}
