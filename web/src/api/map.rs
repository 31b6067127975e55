//! The map, as GeoJSON of the project's own.

use std::collections::HashMap;

use anlan_domain::region::RegionCode;
use anlan_store::registry::Scope;
use anlan_store::registry::transfer::{feature_of, geojson_of};
use serde::Deserialize;
use serde_json::json;

use super::parsed;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::input::MapInput;

#[derive(Deserialize)]
struct MapQuery {
    region: Option<String>,
}

/// `GET /map`
pub async fn read(call: Call) -> Answer {
    let query: MapQuery = call.query()?;
    let region = parsed("region", query.region.as_deref(), RegionCode::new)?;
    let registry = call.registry()?;
    // An enterprise that lies in a county knows the ground that it stands on, not that of the parks beside it.
    let home = match registry.scope() {
        Scope::Enterprise(code) => {
            call.places().seen(code, registry.scope()).map(|site| site.region.clone())
        }
        Scope::Everything | Scope::Region(_) => None,
    };
    let mut features = Vec::new();
    for stored in registry.map(region.as_ref()).await? {
        if let (Some(home), Some(ground)) = (&home, &stored.region)
            && !ground.covers(home)
        {
            continue;
        }
        let mut feature = geojson_of(&stored)?;
        feature["properties"]["name"] = json!({ "zh": stored.name_zh, "en": stored.name_en });
        feature["properties"]["enterprise"] = json!(stored.enterprise.map(|e| e.to_string()));
        features.push(feature);
    }
    Reply::json(&json!({ "type": "FeatureCollection", "features": features }))
}

/// Most features in one request.
const FEATURES_MAX: usize = 5_000;

/// `PUT /map/features`
pub async fn put(call: Call) -> Answer {
    let MapInput { features } = call.json()?;
    if features.len() > FEATURES_MAX {
        return Err(Problem::bad_request(
            "features",
            format!("At most {FEATURES_MAX} features at once"),
        ));
    }
    let length = call.options().enterprise_code_length;
    let mut read = Vec::with_capacity(features.len());
    for (place, feature) in features.iter().enumerate() {
        if feature.get("id").is_none() {
            let why = format!("features[{place}] needs an id");
            return Err(Problem::bad_request("features", why));
        }
        let parsed =
            feature_of(feature, None, length, &mut HashMap::new()).map_err(|(field, why)| {
                Problem::bad_request("features", format!("features[{place}]: {field}: {why}"))
            })?;
        read.push(parsed);
    }
    call.put_all(&read).await?;
    Ok(Reply::nothing())
}
