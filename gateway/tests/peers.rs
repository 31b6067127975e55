//! The gateway against servers that we did not write, one configuration, both protocols at once: what is wrong with one point
//! or one server is seen on that point or server alone, and the whole path delivers it to a center.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

#[path = "../../drivers/tests/common/mod.rs"]
mod peer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anlan_domain::uplink::{Kind, Lane, ReadingsView, Table, open, read_payload};
use anlan_gateway::config::GatewayConfig;
use anlan_gateway::read::read_points;
use anlan_gateway::run::{Hooks, run};
use common::center::Center;
use common::until;
use peer::{Peer, free_port, peer_python};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn config(dir: &Path, modbus: u16, opcua: u16, center: &str) -> GatewayConfig {
    std::fs::write(dir.join("secret"), "s3cret\n").unwrap();
    let text = format!(
        r#"
[gateway]
id = "41020500101"
secret_file = "secret"
data_dir = "data"
[uplink]
url = "ws://{center}/uplink/v1"
[[device]]
id = "plc"
protocol = "modbus-tcp"
address = "127.0.0.1:{modbus}"
scan = "200ms"
[[device]]
id = "plc-2"
protocol = "modbus-tcp"
address = "127.0.0.1:{modbus}"
unit_id = 2
scan = "200ms"
[[device]]
id = "dcs"
protocol = "opcua"
endpoint = "opc.tcp://127.0.0.1:{opcua}/plant/"
scan = "200ms"
[[point]]
id = "FT-1"
device = "plc"
register = "holding:4"
type = "f32"
byte_order = "BADC"
scale = 2.0
offset = -1.0
unit = "t/h"
range = [0.0, 500.0]
[[point]]
id = "ILLEGAL"
device = "plc"
register = "holding:40"
type = "u16"
[[point]]
id = "OTHER-UNIT"
device = "plc-2"
register = "holding:0"
type = "u16"
[[point]]
id = "LT-1"
device = "dcs"
node_id = "ns=2;s=Level"
unit = "m"
[[point]]
id = "COUNT"
device = "dcs"
node_id = "ns=2;s=Count"
[[point]]
id = "NOWHERE"
device = "dcs"
node_id = "ns=2;s=Nowhere"
"#
    );
    GatewayConfig::from_toml(&text, &dir.join("gateway.toml")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_read_shows_both_protocols_and_only_wrong_points_are_bad() {
    let Some(python) = peer_python("gateway_read_shows_both_protocols") else { return };
    let (dir, modbus, opcua) = (TempDir::new().unwrap(), free_port(), free_port());
    let _modbus = Peer::start(&python, "modbus_server.py", modbus, &[]);
    let _opcua = Peer::start(&python, "opcua_server.py", opcua, &[]).ready();
    let config = config(dir.path(), modbus, opcua, "unused:1");
    let mut out = Vec::new();
    let period = Duration::from_secs(6);
    let summary = read_points(&config, period, &mut out, &CancellationToken::new()).await.unwrap();
    assert_eq!(summary.never_read, ["ILLEGAL", "NOWHERE"]);
    assert_eq!((summary.points_read, summary.exit_code(), summary.lost.len()), (4, 0, 0));
    let mut values: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for line in String::from_utf8(out).unwrap().lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        values
            .entry(object["point"].as_str().unwrap().to_owned())
            .or_default()
            .push(object["value"].clone());
    }
    let scaled = f64::from(123.456_f32) * 2.0 - 1.0;
    assert!(values["FT-1"].iter().all(|v| v == scaled), "{:?}", values["FT-1"]);
    assert!(values["OTHER-UNIT"].iter().all(|v| v == 2222.0));
    assert!(values["COUNT"].iter().all(|v| v == 42.0), "unchanged, and said every scan");
    assert!(values["COUNT"].len() > 5);
    assert!(
        values["LT-1"].windows(2).any(|w| w[0].as_f64() < w[1].as_f64()),
        "{:?}",
        values["LT-1"]
    );
    for wrong in ["ILLEGAL", "NOWHERE"] {
        assert!(values[wrong].iter().all(serde_json::Value::is_null));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_path_survives_a_restart_of_either_server() {
    let Some(python) = peer_python("the_whole_path_survives_a_restart") else { return };
    let (dir, modbus, opcua) = (TempDir::new().unwrap(), free_port(), free_port());
    let mut modbus_peer = Some(Peer::start(&python, "modbus_server.py", modbus, &[]));
    let mut opcua_peer = Some(Peer::start(&python, "opcua_server.py", opcua, &[]).ready());
    let center = Center::start().await;
    let config = config(dir.path(), modbus, opcua, &center.address.to_string());
    let stop = CancellationToken::new();
    let gateway = tokio::spawn({
        let stop = stop.clone();
        async move { Box::pin(run(config, Hooks::default(), stop)).await.unwrap() }
    });
    let connected = |device: usize, yes: bool| {
        center.seen().last_status().is_some_and(|s| s.devices[device].connected == yes)
    };
    let all = || (0..3).all(|device| connected(device, true));
    until("all devices connected", all).await;
    modbus_peer.take().unwrap().kill();
    until("both units of the PLC lost", || connected(0, false) && connected(1, false)).await;
    assert!(connected(2, true), "the DCS does not notice");
    modbus_peer = Some(Peer::start(&python, "modbus_server.py", modbus, &[]));
    until("the PLC back", all).await;
    opcua_peer.take().unwrap().kill();
    until("the DCS lost", || connected(2, false)).await;
    assert!(connected(0, true) && connected(1, true));
    opcua_peer = Some(Peer::start(&python, "opcua_server.py", opcua, &[]).ready());
    until("the DCS back", all).await;
    let live = center.seen().of(Lane::Live);
    until("live readings after it", || center.seen().of(Lane::Live) > live + 10).await;
    stop.cancel();
    gateway.await.unwrap();
    drop((modbus_peer, opcua_peer));
    // What the center can make of it with the bytes alone: table, then the points that ever had a value.
    let seen = center.seen();
    let mut table = Table::default();
    let mut read = BTreeSet::new();
    for bytes in seen.journal.values() {
        let (header, payload) = open(bytes).unwrap();
        if header.kind == Kind::Table {
            table = read_payload(payload).unwrap();
        }
    }
    for bytes in seen.journal.values() {
        let (header, payload) = open(bytes).unwrap();
        if header.kind == Kind::Readings {
            let view = ReadingsView::new(payload).unwrap();
            assert_eq!(view.table, table.hash());
            for group in view.groups() {
                for i in (0..group.count).filter(|&i| !group.quality(i).is_bad()) {
                    read.insert(table.rows[group.handle(i) as usize].tag.clone());
                }
            }
        }
    }
    let read: Vec<&str> = read.iter().map(String::as_str).collect();
    assert_eq!(read, ["COUNT", "FT-1", "LT-1", "OTHER-UNIT"]);
}
