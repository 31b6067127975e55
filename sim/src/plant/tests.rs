//! The plant description holds together: every identity parses, limits stand in order, addresses do not overlap.

use std::collections::{HashMap, HashSet};

use super::*;

#[test]
fn there_are_ten_enterprises_nine_with_hazard_sources_and_more_than_a_thousand_points() {
    let plant = Plant::kaifeng();
    assert_eq!(plant.enterprises.len(), 10);
    let with_hazard: HashSet<_> = plant.hazards.iter().map(|h| h.code.enterprise()).collect();
    assert_eq!(with_hazard.len(), 9);
    assert!(!with_hazard.contains(&plant.enterprises[9].code), "启澄精细 has only a DCS");
    assert!(plant.hazards.iter().all(|h| (1..=4).contains(&h.level)));
    assert_eq!(plant.points.len(), 1_128);
}

#[test]
fn identities_are_unique() {
    let plant = Plant::kaifeng();
    let points: HashSet<_> = plant.points.iter().map(|p| &p.id).collect();
    assert_eq!(points.len(), plant.points.len());
    let equipment: HashSet<_> = plant.equipment.iter().map(|e| &e.id).collect();
    assert_eq!(equipment.len(), plant.equipment.len());
    let cameras: HashSet<_> = plant.cameras.iter().map(|c| &c.id).collect();
    assert_eq!(cameras.len(), plant.cameras.len());
    let names: HashSet<_> = plant.servers.iter().map(|s| &s.name).collect();
    assert_eq!(names.len(), plant.servers.len());
}

#[test]
fn limits_stand_in_order_and_leave_room_for_their_deadband() {
    for point in &Plant::kaifeng().points {
        assert_eq!(point.limits.check(point.range), Ok(()), "{}", point.id);
        if let (Some(h), Some(l)) = (point.limits.h, point.limits.l) {
            assert!(l.value + l.deadband < h.value - h.deadband, "{}", point.id);
        }
    }
}

#[test]
fn the_points_of_a_modbus_device_do_not_overlap_and_leave_holes() {
    let plant = Plant::kaifeng();
    let mut taken: HashMap<(usize, Table), Vec<(u16, u16)>> = HashMap::new();
    for point in &plant.points {
        if let Address::Modbus { table, number, .. } = point.address {
            taken
                .entry((point.device, table))
                .or_default()
                .push((number, number + point.register_count()));
        }
    }
    let mut holes = 0;
    for ranges in taken.values_mut() {
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{pair:?}");
            holes += usize::from(pair[0].1 < pair[1].0);
        }
    }
    assert!(holes > 50, "{holes} holes");
}

#[test]
fn at_least_five_enterprises_speak_modbus_and_three_opc_ua_and_all_byte_orders_occur() {
    let plant = Plant::kaifeng();
    let speaks = |modbus: bool| {
        let of: HashSet<_> = plant
            .servers
            .iter()
            .filter(|s| matches!(s.protocol, Protocol::Modbus { .. }) == modbus)
            .map(|s| s.enterprise)
            .collect();
        of.len()
    };
    assert!(speaks(true) >= 5 && speaks(false) >= 3);
    for order in [WordOrder::ABCD, WordOrder::CDAB, WordOrder::BADC, WordOrder::DCBA] {
        assert!(
            plant.points.iter().any(
                |p| matches!(p.address, Address::Modbus { form: Form::F32(o), .. } if o == order)
            ),
            "{order:?}"
        );
    }
    let short = |s: &Server| matches!(s.protocol, Protocol::Modbus { reads_up_to: Some(16) });
    assert!(plant.servers.iter().any(short));
    let unit_ids: HashSet<_> = plant.devices.iter().map(|d| (d.server, d.unit_id)).collect();
    assert!(plant.devices.iter().any(|d| d.unit_id == 2), "one device has two unit ids");
    assert_eq!(unit_ids.len(), plant.devices.len());
}

#[test]
fn everything_stands_on_the_plot_of_its_enterprise_in_henan() {
    let plant = Plant::kaifeng();
    let sites = description::kaifeng().enterprise;
    for equipment in &plant.equipment {
        let [x, y, w, h] = sites[equipment.enterprise].plot;
        let Local { x: px, y: py } = equipment.place;
        let (half_w, half_h) = (equipment.size.0 / 2.0, equipment.size.1 / 2.0);
        let inside = match equipment.kind {
            EquipmentKind::Area => (x..=x + w).contains(&px) && (y..=y + h).contains(&py),
            _ => {
                px - half_w >= x && px + half_w <= x + w && py - half_h >= y && py + half_h <= y + h
            }
        };
        assert!(inside, "{} at {px} {py}", equipment.id);
        let (lon, lat) = equipment.at;
        assert!(
            (114.35..114.40).contains(&lon) && (34.74..34.77).contains(&lat),
            "{} {lon} {lat}",
            equipment.id
        );
    }
}

#[test]
fn no_two_pieces_of_equipment_stand_in_the_same_place() {
    let solid: Vec<_> =
        Plant::kaifeng().equipment.iter().filter(|e| e.kind != EquipmentKind::Area).collect();
    for (i, a) in solid.iter().enumerate() {
        for b in &solid[i + 1..] {
            let apart = (a.place.x - b.place.x).abs() >= (a.size.0 + b.size.0) / 2.0
                || (a.place.y - b.place.y).abs() >= (a.size.1 + b.size.1) / 2.0;
            assert!(apart, "{} and {}", a.id, b.id);
        }
    }
}

#[test]
fn the_written_directory_names_only_what_it_defines() {
    let dir = tempfile::tempdir().unwrap();
    let plant = Plant::kaifeng();
    let servers: Vec<_> = plant
        .servers
        .iter()
        .map(|s| ServerAddress {
            server: s.name.clone(),
            address: ([127, 0, 0, 1], 5_000).into(),
            certificate: None,
        })
        .collect();
    let data = dir.path().join("data");
    let addresses =
        Addresses { servers: &servers, uplink_url: "ws://127.0.0.1:1/uplink", gateway_data: &data };
    write(plant, dir.path(), Some(&addresses)).unwrap();
    let column = |file: &str, name: &str| -> Vec<String> {
        let mut reader = csv::Reader::from_path(dir.path().join(file)).unwrap();
        let at = reader.headers().unwrap().iter().position(|h| h == name).unwrap();
        reader.records().map(|r| r.unwrap()[at].to_owned()).collect()
    };
    let points: HashSet<_> = column("points.csv", "id").into_iter().collect();
    assert_eq!(points.len(), plant.points.len());
    assert!(column("limits.csv", "point").iter().all(|p| points.contains(p)));
    let equipment: HashSet<_> = column("equipment.csv", "id").into_iter().collect();
    assert!(column("points.csv", "equipment").iter().all(|e| equipment.contains(e)));
    let map: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(dir.path().join("map.geojson")).unwrap())
            .unwrap();
    let drawn = map["features"].as_array().unwrap();
    for kind in [
        "boundary",
        "road",
        "plot",
        "building",
        "tank",
        "sphere",
        "unit",
        "warehouse",
        "green",
        "water",
        "region",
        "detector",
    ] {
        assert!(drawn.iter().any(|f| f["properties"]["kind"] == kind), "{kind}");
    }
    for detector in drawn.iter().filter(|f| f["properties"]["kind"] == "detector") {
        assert_eq!(detector["geometry"]["type"], "Point");
        assert!(points.contains(detector["properties"]["ref"].as_str().unwrap()), "{detector}");
    }
    for enterprise in &plant.enterprises {
        let path = dir.path().join("gateways").join(format!("{}.toml", enterprise.gateway));
        let text = std::fs::read_to_string(&path).unwrap();
        let config: toml::Table =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let devices: HashSet<_> = config["device"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["id"].as_str().unwrap().to_owned())
            .collect();
        for point in config["point"].as_array().unwrap() {
            assert!(devices.contains(point["device"].as_str().unwrap()));
        }
    }
}

#[test]
fn a_smaller_park_is_written_without_the_enterprises_that_are_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let plant = Plant::kaifeng_first(2);
    write(plant, dir.path(), None).unwrap();
    for file in [
        "enterprises.csv",
        "hazard_sources.csv",
        "equipment.csv",
        "gateways.csv",
        "points.csv",
        "limits.csv",
        "cameras.csv",
        "map.geojson",
    ] {
        let text = std::fs::read_to_string(dir.path().join(file)).unwrap();
        assert!(text.contains("410205001") && text.contains("410205002"), "{file}");
        for absent in 3..=10 {
            assert!(!text.contains(&format!("4102050{absent:02}")), "{file} has {absent}");
        }
    }
    let secrets = std::fs::read_dir(dir.path().join("gateways")).unwrap().count();
    assert_eq!(secrets, 2);
}

#[test]
fn gateway_secrets_are_kept_when_the_directory_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    write(Plant::kaifeng(), dir.path(), None).unwrap();
    let first = std::fs::read(dir.path().join("gateways.csv")).unwrap();
    write(Plant::kaifeng(), dir.path(), None).unwrap();
    assert_eq!(first, std::fs::read(dir.path().join("gateways.csv")).unwrap());
}
