//! Works the description out: tags, places, hazard sources, points with their addresses.
//!
//! Tags are `LETTERS-NUMBER`, the number made of enterprise, area and a serial (`V-1203`: enterprise 1, area 2, third). An
//! instrument carries the number of its equipment, so that `LT-1203A` is found on `V-1203` without a table.

use anlan_domain::ids::{
    CameraId, CreditCode, EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId,
};
use anlan_domain::region::RegionCode;

use super::description::{Area, Description, Detectors, Group, Link, Rect, Servers, Site};
use super::frame::Local;
use super::registers::RegisterMap;
use super::template::{self, Blueprint};
use super::{
    Address, Camera, DEVICE_SCAN_MS, Device, Enterprise, Equipment, EquipmentKind, FROZEN_S,
    Hazard, Medium, Plant, Protocol, Region, Server, Table,
};

const GOOD: &str = "the description compiled in is checked by a test";

/// Everything that the description says.
pub fn plant(description: &Description) -> Plant {
    let mut builder = Builder {
        plant: Plant {
            frame: description.frame,
            regions: regions(),
            enterprises: Vec::new(),
            hazards: Vec::new(),
            equipment: Vec::new(),
            servers: Vec::new(),
            devices: Vec::new(),
            points: Vec::new(),
            cameras: Vec::new(),
        },
    };
    for (serial, site) in (1..).zip(&description.enterprise) {
        builder.enterprise(serial, site);
    }
    builder.plant
}

fn regions() -> Vec<Region> {
    [
        ("410000", "河南省", "Henan Province"),
        ("410200", "开封市", "Kaifeng City"),
        ("410205", "禹王台区", "Yuwangtai District"),
        ("410205P01", "开封精细化工产业集聚区", "Kaifeng Fine Chemical Park"),
    ]
    .into_iter()
    .map(|(code, name_zh, name_en)| Region {
        code: RegionCode::new(code).expect(GOOD),
        name_zh,
        name_en,
    })
    .collect()
}

struct Builder {
    plant: Plant,
}

/// One enterprise while it is being built.
struct Wiring {
    serial: u32,
    enterprise: usize,
    code: EnterpriseCode,
    origin: Local,
    /// Control system and gas detection system.
    devices: [usize; 2],
    maps: Option<[RegisterMap; 2]>,
}

const CONTROL: usize = 0;
const GAS: usize = 1;

impl Builder {
    fn enterprise(&mut self, serial: u32, site: &Site) {
        let code = EnterpriseCode::new(&site.code).expect(GOOD);
        let [x, y, w, h] = site.plot;
        let enterprise = self.plant.enterprises.len();
        self.plant.enterprises.push(Enterprise {
            code: code.clone(),
            credit_code: CreditCode::new(&site.credit_code).expect(GOOD),
            name_zh: site.name[0].clone(),
            name_en: site.name[1].clone(),
            industry: site.industry.clone(),
            address: site.address.clone(),
            principal: site.principal.clone(),
            phone: site.phone.clone(),
            gateway: GatewayId::new(&format!("{code}01")).expect(GOOD),
            at: self.plant.frame.lon_lat(Local { x: x + w / 2.0, y: y + h / 2.0 }),
        });
        let (devices, maps) = self.field_network(enterprise, &site.code, &site.link);
        let mut wiring = Wiring { serial, enterprise, code, origin: Local { x, y }, devices, maps };
        self.general_area(&mut wiring, site);
        for area in &site.area {
            self.area(&mut wiring, area);
        }
    }

    /// Servers and devices of one enterprise.
    fn field_network(
        &mut self,
        enterprise: usize,
        code: &str,
        link: &Link,
    ) -> ([usize; 2], Option<[RegisterMap; 2]>) {
        let mut server = |name: &str, protocol| {
            self.plant.servers.push(Server {
                name: format!("{code}-{name}"),
                enterprise,
                protocol,
            });
            self.plant.servers.len() - 1
        };
        match link {
            Link::OpcUa { security } => {
                let server = server("dcs", Protocol::OpcUa { security: *security });
                self.plant.devices.push(Device { id: "dcs", server, unit_id: 0 });
                let dcs = self.plant.devices.len() - 1;
                ([dcs, dcs], None)
            }
            Link::ModbusTcp { word_order, number, servers, reads_up_to } => {
                let protocol = Protocol::Modbus { reads_up_to: *reads_up_to };
                let plc = server("plc", protocol);
                let (gds, gds_unit) = match servers {
                    Servers::One => (plc, 2),
                    Servers::Two => (server("gds", protocol), 1),
                };
                self.plant.devices.push(Device { id: "plc", server: plc, unit_id: 1 });
                self.plant.devices.push(Device { id: "gds", server: gds, unit_id: gds_unit });
                let last = self.plant.devices.len() - 1;
                let map = |table| RegisterMap::new(*word_order, *number, table);
                ([last - 1, last], Some([map(Table::Holding), map(Table::Input)]))
            }
        }
    }

    /// The ground of the whole enterprise: weather station and the camera at the gate.
    fn general_area(&mut self, wiring: &mut Wiring, site: &Site) {
        let number = wiring.serial * 1_000 + 1;
        let [_, _, w, h] = site.plot;
        let place = wiring.at([w / 2.0, h - 30.0]);
        let names = ["厂区".to_owned(), "Site".to_owned()];
        let equipment = self.push_equipment(
            wiring,
            &format!("AREA-{number}"),
            EquipmentKind::Area,
            &names,
            None,
            place,
            (w, h),
        );
        for blueprint in template::weather() {
            self.push_point(wiring, CONTROL, equipment, blueprint, number, place);
        }
        self.push_camera(
            wiring,
            equipment,
            number,
            ["厂区大门".to_owned(), "Main gate".to_owned()],
            wiring.at([w / 2.0, h - 4.0]),
        );
    }

    fn area(&mut self, wiring: &mut Wiring, area: &Area) {
        let hazard = area.hazard.as_ref().map(|class| {
            let serial = 1 + self
                .plant
                .hazards
                .iter()
                .filter(|h| h.code.enterprise() == wiring.code)
                .count();
            self.plant.hazards.push(Hazard {
                code: HazardCode::new(&format!("{}{serial:03}", wiring.code)).expect(GOOD),
                name_zh: area.name[0].clone(),
                name_en: area.name[1].clone(),
                level: class.level,
                kind: class.kind.clone(),
            });
            self.plant.hazards.len() - 1
        });
        let base = wiring.serial * 1_000 + area.number * 100;
        for group in &area.equipment {
            self.group(wiring, base, hazard, group);
        }
        let [x, y, w, h] = area.at;
        let middle = wiring.at([x + w / 2.0, y + h / 2.0]);
        let ground = self.push_equipment(
            wiring,
            &format!("AREA-{base}"),
            EquipmentKind::Area,
            &area.name,
            hazard,
            middle,
            (w, h),
        );
        let mut serial = 0;
        for (ring, detectors) in area.detectors.iter().enumerate() {
            self.detectors(wiring, ground, base, area.at, ring, detectors, &mut serial);
        }
        let name =
            [format!("{}东北角", area.name[0]), format!("{}, north-east corner", area.name[1])];
        self.push_camera(wiring, ground, base, name, wiring.at([x + w, y]));
    }

    fn group(&mut self, wiring: &mut Wiring, base: u32, hazard: Option<usize>, group: &Group) {
        let medium = Medium::find(&group.medium).expect(GOOD);
        for k in 0..group.count {
            let number = base + group.first + k;
            let (column, row) = (f64::from(k % group.columns), f64::from(k / group.columns));
            let place = wiring
                .at([group.at[0] + column * group.step[0], group.at[1] + row * group.step[1]]);
            let tag = format!("{}-{number}", group.tag);
            let size = (group.size[0], group.size[1]);
            let equipment =
                self.push_equipment(wiring, &tag, group.kind, &group.name, hazard, place, size);
            self.plant.equipment[equipment].medium = Some(medium);
            self.plant.equipment[equipment].volume_m3 = group.volume;
            for blueprint in template::of_equipment(group) {
                self.push_point(wiring, CONTROL, equipment, blueprint, number, place);
            }
        }
    }

    /// Detectors stand around the area, the second kind on a ring further in.
    #[allow(clippy::too_many_arguments, reason = "each is one fact of where and what")]
    fn detectors(
        &mut self,
        wiring: &mut Wiring,
        ground: usize,
        base: u32,
        at: Rect,
        ring: usize,
        detectors: &Detectors,
        serial: &mut u32,
    ) {
        let substance = Medium::find(&detectors.gas).expect(GOOD);
        let inset = if ring == 0 { 1.5 } else { 10.0 };
        for k in 0..detectors.count {
            *serial += 1;
            let share = (f64::from(k) + 0.5) / f64::from(detectors.count);
            let place = wiring.at(on_perimeter(at, inset, share));
            self.push_point(
                wiring,
                GAS,
                ground,
                template::detector(detectors.measure, substance),
                base + *serial,
                place,
            );
        }
    }

    #[allow(clippy::too_many_arguments, reason = "each is one fact of where and what")]
    fn push_equipment(
        &mut self,
        wiring: &Wiring,
        tag: &str,
        kind: EquipmentKind,
        names: &[String; 2],
        hazard: Option<usize>,
        place: Local,
        size: (f64, f64),
    ) -> usize {
        self.plant.equipment.push(Equipment {
            id: EquipmentId::new(&format!("{}.{tag}", wiring.code)).expect(GOOD),
            enterprise: wiring.enterprise,
            hazard,
            kind,
            name_zh: names[0].clone(),
            name_en: names[1].clone(),
            medium: None,
            volume_m3: 0.0,
            place,
            size,
            at: self.plant.frame.lon_lat(place),
        });
        self.plant.equipment.len() - 1
    }

    fn push_point(
        &mut self,
        wiring: &mut Wiring,
        system: usize,
        equipment: usize,
        blueprint: Blueprint,
        number: u32,
        place: Local,
    ) {
        let tag = format!("{}-{number}{}", blueprint.letters, blueprint.suffix);
        let address = match &mut wiring.maps {
            Some(maps) => maps[system].place(blueprint.range, blueprint.states.len()),
            None => Address::OpcUa { node: tag.clone() },
        };
        self.plant.points.push(super::Point {
            id: PointId::of(&wiring.code, &tag).expect(GOOD),
            equipment,
            device: wiring.devices[system],
            name_zh: blueprint.name_zh.to_owned(),
            name_en: blueprint.name_en.to_owned(),
            signal: blueprint.signal,
            unit: blueprint.unit,
            range: blueprint.range,
            decimals: blueprint.decimals,
            scan_ms: DEVICE_SCAN_MS,
            frozen_s: frozen_s(blueprint.signal),
            at: self.plant.frame.lon_lat(place),
            place,
            role: blueprint.role,
            states: blueprint.states,
            limits: blueprint.limits,
            measures: blueprint.measures,
            address,
        });
    }

    fn push_camera(
        &mut self,
        wiring: &Wiring,
        equipment: usize,
        number: u32,
        name: [String; 2],
        place: Local,
    ) {
        let [name_zh, name_en] = name;
        self.plant.cameras.push(Camera {
            id: CameraId::new(&format!("{}.CAM-{number}", wiring.code)).expect(GOOD),
            equipment,
            name_zh,
            name_en,
            at: self.plant.frame.lon_lat(place),
        });
    }
}

/// Process values always move a little. Gas detectors rest at zero for days, and states do not move at all.
fn frozen_s(signal: &str) -> u32 {
    match signal {
        "level" | "pressure" | "temperature" | "flow" => FROZEN_S,
        _ => 0,
    }
}

impl Wiring {
    /// A place given relative to the plot's north-west corner.
    fn at(&self, [x, y]: [f64; 2]) -> Local {
        Local { x: self.origin.x + x, y: self.origin.y + y }
    }
}

/// The place at `share` of the way around a rectangle that is drawn in by `inset`.
fn on_perimeter([x, y, w, h]: Rect, inset: f64, share: f64) -> [f64; 2] {
    let (x, y, w, h) = (x + inset, y + inset, w - 2.0 * inset, h - 2.0 * inset);
    let mut way = share * 2.0 * (w + h);
    for (length, from, step) in [
        (w, [x, y], [1.0, 0.0]),
        (h, [x + w, y], [0.0, 1.0]),
        (w, [x + w, y + h], [-1.0, 0.0]),
        (h, [x, y + h], [0.0, -1.0]),
    ] {
        if way <= length {
            return [from[0] + step[0] * way, from[1] + step[1] * way];
        }
        way -= length;
    }
    [x, y]
}
