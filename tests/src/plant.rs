//! A small plant for tests that need to know every point: one enterprise, one hazard source, one tank.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The enterprise.
pub const ENTERPRISE: &str = "410205001";
/// Its gateway.
pub const GATEWAY: &str = "41020500101";
/// The gateway's secret.
pub const SECRET: &str = "a secret that only this test knows";
/// H of every point; readings rest at half of it.
pub const HIGH: f64 = 80.0;

/// Tag of point `i`.
#[must_use]
pub fn tag(i: usize) -> String {
    format!("LT-{:04}", i + 1)
}

/// Writes the import folder: `points` level points with H = [`HIGH`], no delays, a scan of one second.
///
/// # Panics
/// When a file cannot be written.
pub fn write(dir: &Path, points: usize) {
    let digest: String =
        Sha256::digest(SECRET.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let put = |name: &str, header: &str, rows: String| {
        fs::write(dir.join(name), format!("{header}\n{rows}")).expect("the folder can be written");
    };
    fs::create_dir_all(dir).expect("the folder can be made");
    put(
        "regions.csv",
        "code,name_zh,name_en",
        "410000,河南省,Henan\n410200,开封市,Kaifeng\n410205,禹王台区,Yuwangtai\n410205P01,精细化工园区,Fine-chemical park\n".into(),
    );
    put(
        "enterprises.csv",
        "code,credit_code,name_zh,name_en,region,industry_code,address,longitude,latitude,principal,phone",
        format!(
            "{ENTERPRISE},91410205MA4000004D,试验企业,Test enterprise,410205P01,2614,,114.37,34.75,,\n"
        ),
    );
    put(
        "hazard_sources.csv",
        "code,name_zh,name_en,level,kind",
        format!("{ENTERPRISE}001,罐区,Tank farm,1,tank_farm\n"),
    );
    put(
        "equipment.csv",
        "id,enterprise,hazard,kind,name_zh,name_en,medium,cas,volume_m3,longitude,latitude",
        format!(
            "{ENTERPRISE}.V-1,{ENTERPRISE},{ENTERPRISE}001,tank,储罐,Tank,,,100,114.37,34.75\n"
        ),
    );
    put("gateways.csv", "id,name,secret_sha256", format!("{GATEWAY},试验主机,{digest}\n"));
    let (mut rows, mut limits) = (String::new(), String::new());
    for i in 0..points {
        let tag = tag(i);
        rows.push_str(&format!(
            "{ENTERPRISE}.{tag},{ENTERPRISE}.V-1,{GATEWAY},plc,液位,Level,analog,level,%,0,100,1,1000,114.37,34.75,level,\n"
        ));
        limits.push_str(&format!("{ENTERPRISE}.{tag},H,{HIGH},1,0,0\n"));
    }
    put(
        "points.csv",
        "id,equipment,gateway,device,name_zh,name_en,kind,signal,unit,range_lo,range_hi,decimals,scan_ms,longitude,latitude,role,states",
        rows,
    );
    put("limits.csv", "point,limit,value,deadband,on_delay_ms,off_delay_ms", limits);
    put("cameras.csv", "id,equipment,name_zh,name_en,url,longitude,latitude", String::new());
    fs::write(dir.join("map.geojson"), "{\"type\":\"FeatureCollection\",\"features\":[]}\n")
        .expect("the folder can be written");
}
