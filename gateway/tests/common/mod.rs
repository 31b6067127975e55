//! A field device and a center for tests of the gateway: both small, both ours, both able to misbehave on demand.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

pub mod center;
pub mod device;
pub mod relay;
pub mod tls;

use std::path::Path;
use std::time::{Duration, Instant};

use anlan_gateway::config::GatewayConfig;

/// A gateway with one Modbus device of one point, `counter`, that counts its own scans.
pub fn config(dir: &Path, device: &str, center: &str, scan: &str, extra: &str) -> GatewayConfig {
    std::fs::write(dir.join("secret"), "s3cret\n").unwrap();
    let text = format!(
        "[gateway]\nid = \"41020500101\"\nsecret_file = \"secret\"\ndata_dir = \"data\"\n\
         [uplink]\nurl = \"ws://{center}/uplink/v1\"\nsilence_max = \"2s\"\n{extra}\n\
         [[device]]\nid = \"plc\"\nprotocol = \"modbus-tcp\"\naddress = \"{device}\"\nscan = \"{scan}\"\n\
         [[point]]\nid = \"counter\"\ndevice = \"plc\"\nregister = \"holding:0\"\ntype = \"u32\"\n"
    );
    GatewayConfig::from_toml(&text, &dir.join("gateway.toml")).unwrap()
}

/// Waits for a condition; says which when it does not come.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
