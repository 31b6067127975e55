//! The park map as GeoJSON: boundary, roads, plots, buildings, equipment at its true outline, detectors, green, water, and
//! the divisions above.
//!
//! Detectors are points of the registry with coordinates of their own, from which the screen draws them with their values; the
//! map names them for whoever takes it elsewhere. Every feature has `kind`, `ref` (enterprise, equipment, point or region
//! code, else null), `name_zh` and `name_en`; a road also its `width_m`.

use serde_json::{Value, json};

use super::description::{Description, Names, Rect};
use super::frame::{Frame, Local, LonLat};
use super::{EquipmentKind, Plant, Point, outline};

/// Ground of the park in its own frame.
const PARK: Rect = [-40.0, -40.0, 1_800.0, 1_140.0];
const CIRCLE_CORNERS: u32 = 32;

/// The whole map.
pub fn geojson(plant: &Plant, description: &Description) -> Value {
    let frame = &plant.frame;
    let mut features = regions(plant, frame);
    features.extend(ground(frame, description));
    for (site, enterprise) in description.enterprise.iter().zip(&plant.enterprises) {
        let code = Some(enterprise.code.as_str());
        features.push(rect(frame, "plot", code, &site.name, site.plot));
        let [px, py, ..] = site.plot;
        let moved = |[x, y, w, h]: Rect| [px + x, py + y, w, h];
        for (at, name) in site.buildings.iter().zip(&site.building_names) {
            features.push(rect(frame, "building", code, name, moved(*at)));
        }
        for at in &site.greens {
            features.push(rect(frame, "green", code, &blank(), moved(*at)));
        }
    }
    features.extend(plant.equipment.iter().filter_map(|e| equipment(frame, e)));
    features.extend(plant.points.iter().filter(|p| p.role == "detector").map(detector));
    json!({ "type": "FeatureCollection", "features": features })
}

fn blank() -> Names {
    [String::new(), String::new()]
}

fn regions(plant: &Plant, frame: &Frame) -> Vec<Value> {
    let outlines: [&[LonLat]; 3] = [outline::HENAN, outline::KAIFENG, outline::YUWANGTAI];
    let mut features: Vec<Value> = plant
        .regions
        .iter()
        .zip(outlines)
        .map(|(region, corners)| {
            let names = [region.name_zh.to_owned(), region.name_en.to_owned()];
            let mut feature =
                polygon("region", Some(region.code.as_str()), &names, corners.iter().copied());
            feature["properties"]["schematic"] = json!(true);
            feature
        })
        .collect();
    let park = plant.regions.last().expect("the park is the last region");
    let names = [park.name_zh.to_owned(), park.name_en.to_owned()];
    features.push(rect(frame, "boundary", Some(park.code.as_str()), &names, PARK));
    features
}

fn ground(frame: &Frame, description: &Description) -> Vec<Value> {
    let grounds = description.ground.iter().map(|g| rect(frame, &g.kind, None, &g.name, g.at));
    let roads = description.road.iter().map(|road| {
        let line: Vec<_> =
            road.line.iter().map(|[x, y]| pair(frame.lon_lat(Local { x: *x, y: *y }))).collect();
        let mut feature = feature(
            "road",
            None,
            &road.name,
            &json!({ "type": "LineString", "coordinates": line }),
        );
        feature["properties"]["width_m"] = json!(road.width);
        feature
    });
    grounds.chain(roads).collect()
}

fn equipment(frame: &Frame, equipment: &super::Equipment) -> Option<Value> {
    let kind = match equipment.kind {
        EquipmentKind::Area => return None,
        // A bullet is a tank to the map; the registry knows the difference.
        EquipmentKind::Htank => "tank",
        other => other.word(),
    };
    let names = [
        format!("{} {}", equipment.id.tag(), equipment.name_zh),
        format!("{} {}", equipment.id.tag(), equipment.name_en),
    ];
    let code = Some(equipment.id.as_str());
    let (w, h) = equipment.size;
    let Local { x, y } = equipment.place;
    Some(match equipment.kind {
        EquipmentKind::Tank | EquipmentKind::Sphere => polygon(
            kind,
            code,
            &names,
            circle(w / 2.0).map(|(dx, dy)| frame.lon_lat(Local { x: x + dx, y: y + dy })),
        ),
        EquipmentKind::Htank => polygon(
            kind,
            code,
            &names,
            capsule(w, h).map(|(dx, dy)| frame.lon_lat(Local { x: x + dx, y: y + dy })),
        ),
        _ => rect(frame, kind, code, &names, [x - w / 2.0, y - h / 2.0, w, h]),
    })
}

fn detector(point: &Point) -> Value {
    let tag = point.id.tag();
    let names = [format!("{tag} {}", point.name_zh), format!("{tag} {}", point.name_en)];
    let place = json!({ "type": "Point", "coordinates": pair(point.at) });
    feature("detector", Some(point.id.as_str()), &names, &place)
}

fn circle(radius: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..CIRCLE_CORNERS).map(move |k| {
        let angle = f64::from(k) / f64::from(CIRCLE_CORNERS) * std::f64::consts::TAU;
        (radius * angle.cos(), radius * angle.sin())
    })
}

/// A vessel lying north–south: a circle pulled apart.
fn capsule(width: f64, length: f64) -> impl Iterator<Item = (f64, f64)> {
    let shift = (length - width) / 2.0;
    circle(width / 2.0).map(move |(x, y)| (x, if y >= 0.0 { y + shift } else { y - shift }))
}

fn rect(frame: &Frame, kind: &str, code: Option<&str>, names: &Names, [x, y, w, h]: Rect) -> Value {
    let corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
    polygon(kind, code, names, corners.into_iter().map(|(x, y)| frame.lon_lat(Local { x, y })))
}

fn polygon(
    kind: &str,
    code: Option<&str>,
    names: &Names,
    corners: impl Iterator<Item = LonLat>,
) -> Value {
    let mut ring: Vec<LonLat> = corners.collect();
    // Outer rings run counter-clockwise (RFC 7946, 3.1.6).
    if signed_area(&ring) < 0.0 {
        ring.reverse();
    }
    ring.extend(ring.first().copied());
    let ring: Vec<_> = ring.into_iter().map(pair).collect();
    feature(kind, code, names, &json!({ "type": "Polygon", "coordinates": [ring] }))
}

fn signed_area(ring: &[LonLat]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>() / 2.0
}

fn pair((lon, lat): LonLat) -> Value {
    json!([lon, lat])
}

fn feature(kind: &str, code: Option<&str>, names: &Names, geometry: &Value) -> Value {
    json!({
        "type": "Feature",
        "properties": { "kind": kind, "ref": code, "name_zh": names[0], "name_en": names[1] },
        "geometry": geometry,
    })
}
