//! Who sends: enterprises, gateways and points that exist only to be many.
//!
//! Twelve points an equipment, ten equipment a hazard source, as many hazard sources an enterprise as its points ask for: the
//! shape that the benchmarks state. Every point is a level of 0 to 100 with one high limit. Identities are made from numbers, so
//! the generator and whoever fills the registry need exchange nothing but this value.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use anlan_domain::ids::CreditCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Points on each piece of equipment.
pub const POINTS_PER_EQUIPMENT: u32 = 12;
/// Equipment in each hazard source.
const EQUIPMENT_PER_HAZARD: u32 = 10;
/// The high limit of every point; range 0 to 100, deadband 1, no delay.
pub const HIGH_LIMIT: f64 = 80.0;

/// A fleet of gateways, one an enterprise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// How many gateways.
    pub gateways: u32,
    /// Points of each.
    pub points_each: u32,
    /// The secret of all of them.
    pub secret: String,
}

impl Fleet {
    /// A fleet of about `sensors` points, 480 an enterprise; never fewer than asked for.
    #[must_use]
    pub fn of_sensors(sensors: u32, secret: String) -> Self {
        let points_each = sensors.clamp(1, 4 * EQUIPMENT_PER_HAZARD * POINTS_PER_EQUIPMENT);
        Self { gateways: sensors.max(1).div_ceil(points_each), points_each, secret }
    }

    /// All points.
    #[must_use]
    pub fn points(&self) -> u64 {
        u64::from(self.gateways) * u64::from(self.points_each)
    }

    /// Code of the enterprise of a gateway.
    #[must_use]
    pub fn enterprise(&self, gateway: u32) -> String {
        format!("{:09}", 410_900_000 + gateway)
    }

    /// Identity of a gateway.
    #[must_use]
    pub fn gateway(&self, gateway: u32) -> String {
        format!("{}01", self.enterprise(gateway))
    }

    /// Tag of a point within its enterprise.
    #[must_use]
    pub fn tag(&self, point: u32) -> String {
        format!("LT-{}-{}", point / POINTS_PER_EQUIPMENT, point % POINTS_PER_EQUIPMENT)
    }

    /// Identity of a point.
    #[must_use]
    pub fn point(&self, gateway: u32, point: u32) -> String {
        format!("{}.{}", self.enterprise(gateway), self.tag(point))
    }

    fn equipment_each(&self) -> u32 {
        self.points_each.div_ceil(POINTS_PER_EQUIPMENT)
    }

    /// Writes the fleet as the directory that `anlan admin import` reads.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_plant(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let put = |name: &str, text: String| fs::write(dir.join(name), text);
        put(
            "regions.csv",
            "code,name_zh,name_en\n410000,河南省,Henan\n410200,开封市,Kaifeng\n410205,禹王台区,Yuwangtai\n410205P01,压测园区,Load park\n".to_owned(),
        )?;
        put("cameras.csv", "id,equipment,name_zh,name_en,url,longitude,latitude\n".to_owned())?;
        put("map.geojson", "{\"type\":\"FeatureCollection\",\"features\":[]}\n".to_owned())?;
        put("enterprises.csv", self.enterprises())?;
        put("hazard_sources.csv", self.hazards())?;
        put("equipment.csv", self.equipment())?;
        put("gateways.csv", self.gateway_rows())?;
        let (points, limits) = self.point_rows();
        put("points.csv", points)?;
        put("limits.csv", limits)
    }

    fn enterprises(&self) -> String {
        let mut text = "code,credit_code,name_zh,name_en,region,industry_code,address,longitude,latitude,principal,phone\n".to_owned();
        for g in 0..self.gateways {
            let (code, credit) = (self.enterprise(g), credit_code(g));
            let _infallible = writeln!(
                text,
                "{code},{credit},压测企业{g},Load {g},410205P01,2614,,114.37,34.75,,"
            );
        }
        text
    }

    fn hazards(&self) -> String {
        let mut text = "code,name_zh,name_en,level,kind\n".to_owned();
        for g in 0..self.gateways {
            for h in 0..self.equipment_each().div_ceil(EQUIPMENT_PER_HAZARD) {
                let _infallible = writeln!(
                    text,
                    "{}{:03},罐区{h},Farm {h},2,tank_farm",
                    self.enterprise(g),
                    h + 1
                );
            }
        }
        text
    }

    fn equipment(&self) -> String {
        let mut text =
            "id,enterprise,hazard,kind,name_zh,name_en,medium,cas,volume_m3,longitude,latitude\n"
                .to_owned();
        for g in 0..self.gateways {
            let code = self.enterprise(g);
            for e in 0..self.equipment_each() {
                let hazard = e / EQUIPMENT_PER_HAZARD + 1;
                let _infallible = writeln!(
                    text,
                    "{code}.T-{e},{code},{code}{hazard:03},tank,储罐{e},Tank {e},甲醇,67-56-1,1000,114.37,34.75"
                );
            }
        }
        text
    }

    fn gateway_rows(&self) -> String {
        let mut text = "id,name,secret_sha256\n".to_owned();
        let hash =
            Sha256::digest(self.secret.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
                let _infallible = write!(hex, "{byte:02x}");
                hex
            });
        for g in 0..self.gateways {
            let _infallible = writeln!(text, "{},压测主机{g},{hash}", self.gateway(g));
        }
        text
    }

    fn point_rows(&self) -> (String, String) {
        let mut points = "id,equipment,gateway,device,name_zh,name_en,kind,signal,unit,range_lo,range_hi,decimals,scan_ms,longitude,latitude,role,states\n".to_owned();
        let mut limits = "point,limit,value,deadband,on_delay_ms,off_delay_ms\n".to_owned();
        for g in 0..self.gateways {
            let (code, gateway) = (self.enterprise(g), self.gateway(g));
            for p in 0..self.points_each {
                let (tag, equipment) = (self.tag(p), p / POINTS_PER_EQUIPMENT);
                let _infallible = writeln!(
                    points,
                    "{code}.{tag},{code}.T-{equipment},{gateway},plc,液位,Level,analog,level,%,0,100,1,1000,114.37,34.75,level,"
                );
                let _infallible = writeln!(limits, "{code}.{tag},H,{HIGH_LIMIT},1,0,0");
            }
        }
        (points, limits)
    }
}

/// A code that is well formed and nobody's: the check character is found by trying.
fn credit_code(number: u32) -> String {
    let body = format!("91410205MB{number:07}");
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .map(|check| format!("{body}{check}"))
        .find(|code| CreditCode::new(code).is_ok())
        .expect("one of all characters fits")
}
