//! `map.geojson`: features of enterprises by their `ref`, and common ground of a region.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, HazardCode};
use anlan_domain::region::{RegionCode, RegionLevel};
use serde_json::{Map, Value};

use super::plant::Known;
use super::table::Problems;
use crate::registry::Record;
use crate::registry::record::Meta;
use crate::registry::records::{MapFeature, Region};

const FILE: &str = "map.geojson";

/// Reads the map; a file that is not there is an empty map.
pub(super) fn read(
    dir: &Path,
    known: &Known,
    code_length: usize,
    problems: &mut Problems,
) -> Vec<MapFeature> {
    let text = match std::fs::read_to_string(dir.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.file(FILE, format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    let value: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => {
            problems.0.push(format!("{FILE}:{}: is no JSON: {error}", error.line()));
            return Vec::new();
        }
    };
    let Some(features) = value.get("features").and_then(Value::as_array) else {
        problems.file(FILE, "is no FeatureCollection: it needs an array `features`");
        return Vec::new();
    };
    let park = known.only_park();
    let mut ordinals: HashMap<String, u32> = HashMap::new();
    let mut read: Vec<MapFeature> = Vec::new();
    let mut ids: HashSet<String> = HashSet::new();
    for (place, feature) in features.iter().enumerate() {
        match parse(feature, park.as_ref(), code_length, &mut ordinals) {
            Ok(feature) => {
                for problem in feature.check() {
                    wrong(problems, place, problem.field, &problem.why);
                }
                for (field, table, key) in feature.references() {
                    if !known.has(table, &key) {
                        let why = format!("{key} is neither in {table}.csv nor in the registry");
                        wrong(problems, place, field, &why);
                    }
                }
                if !ids.insert(feature.id.clone()) {
                    wrong(problems, place, "id", &format!("{} stands twice", feature.id));
                }
                read.push(feature);
            }
            Err((field, why)) => wrong(problems, place, field, &why),
        }
    }
    read
}

/// Features have no line of their own in a machine-written file: they are counted from 0, as in `features[12]`.
fn wrong(problems: &mut Problems, place: usize, field: &str, why: &str) {
    problems.0.push(format!("{FILE}: features[{place}]: {field}: {why}"));
}

impl Known {
    /// The park, where there is exactly one: common ground that names no region is its.
    fn only_park(&self) -> Option<RegionCode> {
        let mut parks = self
            .keys_of(Region::TABLE)
            .filter_map(|code| RegionCode::new(code).ok())
            .filter(|code| code.level() == RegionLevel::Park);
        let first = parks.next()?;
        parks.next().is_none().then_some(first)
    }
}

/// Reads one GeoJSON feature of an installation whose enterprise codes have `code_length` digits.
///
/// # Errors
/// With the field at fault and what is wrong.
pub fn parse(
    feature: &Value,
    park: Option<&RegionCode>,
    code_length: usize,
    ordinals: &mut HashMap<String, u32>,
) -> Result<MapFeature, (&'static str, String)> {
    let empty = Map::new();
    let properties = feature.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let text = |name: &str| properties.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, refers_to) = (text("kind"), text("ref"));
    if kind.is_empty() {
        return Err((
            "kind",
            "properties.kind must say what this is (plot, road, tank …)".to_owned(),
        ));
    }
    let geometry = feature.get("geometry").filter(|g| {
        g.get("type").is_some_and(Value::is_string)
            && g.get("coordinates").is_some_and(Value::is_array)
    });
    let Some(geometry) = geometry else {
        return Err((
            "geometry",
            "must be a GeoJSON geometry with type and coordinates".to_owned(),
        ));
    };
    let (enterprise, region) = whose(refers_to, text("region"), park, code_length)?;
    let id = match feature.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => {
            let about = if refers_to.is_empty() {
                region.as_ref().map_or("", RegionCode::as_str)
            } else {
                refers_to
            };
            let ordinal = ordinals.entry(format!("{kind}/{about}")).or_insert(0);
            *ordinal += 1;
            format!("{kind}/{about}/{ordinal}")
        }
    };
    let known = ["kind", "ref", "region", "name_zh", "name_en"];
    let further: Map<String, Value> = properties
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(MapFeature {
        id,
        enterprise,
        region,
        kind: kind.to_owned(),
        refers_to: refers_to.to_owned(),
        name_zh: text("name_zh").to_owned(),
        name_en: text("name_en").to_owned(),
        geometry: geometry.to_string(),
        properties: Value::Object(further).to_string(),
        meta: Meta::default(),
    })
}

type Owner = (Option<EnterpriseCode>, Option<RegionCode>);

/// The enterprise that a `ref` speaks of, else the region whose ground it is.
fn whose(
    refers_to: &str,
    region: &str,
    park: Option<&RegionCode>,
    code_length: usize,
) -> Result<Owner, (&'static str, String)> {
    if !region.is_empty() {
        let region = RegionCode::new(region).map_err(|e| ("region", e.to_string()))?;
        return Ok((None, Some(region)));
    }
    if refers_to.is_empty() {
        return match park {
            Some(park) => Ok((None, Some(park.clone()))),
            None => Err(("region", "properties.region must say whose ground this is; it may be left out only where there is one park".to_owned())),
        };
    }
    if let Ok(region) = RegionCode::new(refers_to) {
        return Ok((None, Some(region)));
    }
    // Eleven digits are an enterprise of the provincial variant, or an enterprise of nine and its gateway: which, the
    // installation's length decides.
    let fits = |code: EnterpriseCode| code.has_length(code_length).then_some(code);
    let enterprise = EnterpriseCode::new(refers_to)
        .ok()
        .and_then(fits)
        .or_else(|| fits(EquipmentId::new(refers_to).ok()?.enterprise()))
        .or_else(|| fits(HazardCode::new(refers_to).ok()?.enterprise()))
        .or_else(|| fits(GatewayId::new(refers_to).ok()?.enterprise()));
    match enterprise {
        Some(enterprise) => Ok((Some(enterprise), None)),
        None => Err((
            "ref",
            format!(
                "{refers_to:?} is no code or id of a region, enterprise, hazard source, gateway, equipment, point or camera"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_digits_are_an_enterprise_or_a_gateway_by_the_length_of_the_installation() {
        let owner = |refers_to: &str, length| {
            let (enterprise, _) = whose(refers_to, "", None, length).ok()?;
            enterprise.map(|code| code.to_string())
        };
        for (refers_to, length, expected) in [
            ("41020500101", 9, Some("410205001")),
            ("41020500101", 11, Some("41020500101")),
            ("410205001", 9, Some("410205001")),
            ("4102050010101", 11, Some("41020500101")),
            ("410205001001", 9, Some("410205001")),
            ("410205001.V-1", 9, Some("410205001")),
            ("41020500101.V-1", 9, None),
        ] {
            assert_eq!(owner(refers_to, length).as_deref(), expected, "{refers_to}");
        }
    }
}
