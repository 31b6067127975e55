//! The map, as GeoJSON of the project's own.
//!
//! An answer has no pages, since half a map is of little use, but a bound, so that it does not grow with the province of whoever
//! sees all of it. What is left out is counted, and a region narrows it.

use std::collections::HashMap;

use anlan_domain::region::RegionCode;
use anlan_store::registry::records::MapFeature;
use anlan_store::registry::transfer::{feature_of, geojson_of};
use anlan_store::registry::{RegistryError, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parsed;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::input::MapInput;

#[derive(Deserialize)]
struct MapQuery {
    region: Option<String>,
}

/// Most features in one answer.
const DRAWN_MAX: usize = 20_000;

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
    let mut known = registry.map(region.as_ref()).await?;
    known.retain(|stored| match (&home, &stored.region) {
        (Some(home), Some(ground)) => ground.covers(home),
        _ => true,
    });
    Reply::json(&collection(known, DRAWN_MAX)?)
}

/// The features as GeoJSON, at most `max` of them, with how many there are.
fn collection(mut stored: Vec<MapFeature>, max: usize) -> Result<Value, RegistryError> {
    let total = stored.len();
    if total > max {
        // What the rest is found by comes before it: common ground, then the outlines of enterprises.
        stored.sort_by_key(|feature| match (&feature.enterprise, feature.kind.as_str()) {
            (None, _) => 0,
            (Some(_), "plot") => 1,
            (Some(_), _) => 2,
        });
        stored.truncate(max);
    }
    let mut features = Vec::with_capacity(stored.len());
    for stored in stored {
        let mut feature = geojson_of(&stored)?;
        feature["properties"]["name"] = json!({ "zh": stored.name_zh, "en": stored.name_en });
        feature["properties"]["enterprise"] = json!(stored.enterprise.map(|e| e.to_string()));
        features.push(feature);
    }
    Ok(json!({
        "type": "FeatureCollection",
        "features": features,
        "total": total,
        "truncated": total > max,
    }))
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

#[cfg(test)]
mod tests {
    use anlan_domain::ids::EnterpriseCode;
    use anlan_store::registry::record::Meta;

    use super::*;

    fn feature(id: &str, enterprise: Option<&str>, kind: &str) -> MapFeature {
        MapFeature {
            id: id.to_owned(),
            enterprise: enterprise.map(|code| EnterpriseCode::new(code).unwrap()),
            region: None,
            kind: kind.to_owned(),
            refers_to: String::new(),
            name_zh: String::new(),
            name_en: String::new(),
            geometry: json!({ "type": "Point", "coordinates": [114.3, 34.7] }).to_string(),
            properties: "{}".to_owned(),
            meta: Meta::default(),
        }
    }

    fn of_a_park() -> Vec<MapFeature> {
        vec![
            feature("a-tank", Some("410205001"), "tank"),
            feature("b-plot", Some("410205001"), "plot"),
            feature("c-tank", Some("410205001"), "tank"),
            feature("d-road", None, "road"),
        ]
    }

    fn ids(answer: &Value) -> Vec<&str> {
        answer["features"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_map_within_the_limit_is_whole_and_in_its_order() {
        let answer = collection(of_a_park(), 4).unwrap();
        assert_eq!(ids(&answer), ["a-tank", "b-plot", "c-tank", "d-road"]);
        assert_eq!((&answer["total"], &answer["truncated"]), (&json!(4), &json!(false)));
    }

    #[test]
    fn a_map_beyond_the_limit_keeps_the_ground_and_says_how_many_there_are() {
        let answer = collection(of_a_park(), 3).unwrap();
        assert_eq!(ids(&answer), ["d-road", "b-plot", "a-tank"]);
        assert_eq!((&answer["total"], &answer["truncated"]), (&json!(4), &json!(true)));
    }
}
