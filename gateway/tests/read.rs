//! `anlan gateway read`: what it prints, and that one device in trouble hides nothing of another.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use anlan_gateway::config::GatewayConfig;
use anlan_gateway::read::{ReadSummary, read_points};
use common::device::CountingDevice;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

async fn read(config: &str, for_ms: u64) -> (Vec<Value>, ReadSummary) {
    let dir = tempfile::TempDir::new().unwrap();
    let config = GatewayConfig::from_toml(config, &dir.path().join("test.toml")).unwrap();
    let mut out = Vec::new();
    let period = Duration::from_millis(for_ms);
    let summary = read_points(&config, period, &mut out, &CancellationToken::new()).await.unwrap();
    let lines = String::from_utf8(out).unwrap();
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), summary)
}

#[tokio::test]
async fn a_line_a_point_and_scan_with_the_keys_of_the_contract() {
    let device = CountingDevice::start().await;
    let dead = {
        // A port where nobody listens any more.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let config = format!(
        "[[device]]\nid = \"a\"\nprotocol = \"modbus-tcp\"\naddress = \"{}\"\nscan = \"100ms\"\n\
         [[device]]\nid = \"b\"\nprotocol = \"modbus-tcp\"\naddress = \"{dead}\"\nscan = \"100ms\"\n\
         [[point]]\nid = \"TI-1\"\ndevice = \"a\"\nregister = \"holding:0\"\ntype = \"u32\"\nscale = 0.5\noffset = 10.0\n\
         unit = \"℃\"\nrange = [0.0, 11.6]\n\
         [[point]]\nid = \"TI-2\"\ndevice = \"b\"\nregister = \"holding:0\"\ntype = \"u16\"\n",
        device.address
    );
    let (lines, summary) = read(&config, 1_500).await;
    let of =
        |point: &str| lines.iter().filter(|l| l["point"] == point).cloned().collect::<Vec<_>>();
    let good = of("TI-1");
    assert!(good.len() >= 5, "{} lines in 15 scans", good.len());
    for (line, n) in good.iter().zip(1u32..) {
        let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 5, "{line}");
        assert_eq!(line["value"], 10.0 + 0.5 * f64::from(n), "raw × scale + offset, scan by scan");
        assert_eq!(line["unit"], "℃");
        // Above the engineering range the value is kept and marked.
        assert_eq!(line["quality"], if n <= 3 { "good" } else { "uncertain" });
        let time = line["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
        chrono::DateTime::parse_from_rfc3339(time).unwrap();
    }
    assert!(good.windows(2).all(|w| w[0]["time"].as_str() < w[1]["time"].as_str()));
    let bad = of("TI-2");
    assert!(bad.len() >= 5, "a point that cannot be read is said every scan too");
    assert!(bad.iter().all(|line| line["value"].is_null() && line["quality"] == "bad"));
    assert_eq!((summary.points_read, summary.exit_code()), (1, 0));
    assert_eq!(summary.never_read, ["TI-2"]);
    assert_eq!(summary.lost[0].0, "b");
    assert_eq!(summary.lines as usize, lines.len());
}

#[tokio::test]
async fn nothing_ever_read_is_exit_code_one() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        "[[device]]\nid = \"a\"\nprotocol = \"modbus-tcp\"\naddress = \"{address}\"\nscan = \"100ms\"\n\
         [[device]]\nid = \"b\"\nprotocol = \"opcua\"\nendpoint = \"opc.tcp://{address}\"\nscan = \"100ms\"\n\
         [[point]]\nid = \"p\"\ndevice = \"a\"\nregister = \"holding:0\"\ntype = \"u16\"\n\
         [[point]]\nid = \"q\"\ndevice = \"b\"\nnode_id = \"ns=2;s=Q\"\n"
    );
    let (lines, summary) = read(&config, 800).await;
    assert!(lines.iter().any(|l| l["point"] == "p") && lines.iter().any(|l| l["point"] == "q"));
    assert!(lines.iter().all(|line| line["value"].is_null()));
    assert_eq!((summary.points_read, summary.exit_code()), (0, 1));
}
