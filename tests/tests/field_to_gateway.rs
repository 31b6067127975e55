//! The real gateway reads the simulated park: every point of every enterprise, with the configuration that the simulator
//! writes, over all four byte orders, holes, unit ids, short reads, and OPC UA with and without security.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anlan_gateway::config::GatewayConfig;
use anlan_gateway::read::read_points;
use anlan_sim::plant::{Addresses, Plant};
use anlan_sim::{Options, serve};
use tokio_util::sync::CancellationToken;

fn clock() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Takes the lines and stops the reading when every point has had a value.
struct UntilAllRead {
    wanted: BTreeSet<String>,
    done: CancellationToken,
    /// A line comes in pieces.
    begun: Vec<u8>,
}

impl UntilAllRead {
    fn read(&mut self, line: &[u8]) {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        if line["quality"] == "good" {
            self.wanted.remove(line["point"].as_str().unwrap());
        }
        if self.wanted.is_empty() {
            self.done.cancel();
        }
    }
}

impl io::Write for UntilAllRead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        while let Some(end) = self.begun.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            self.read(&line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_reads_every_point_of_the_park_with_the_written_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let sim = serve(Options::new(dir.path().join("sim"), clock), stop.clone()).await.unwrap();
    let data = dir.path().join("gateways-data");
    let addresses = Addresses {
        servers: &sim.servers,
        uplink_url: "ws://127.0.0.1:9/uplink/v1",
        gateway_data: &data,
    };
    anlan_sim::plant::write(sim.plant, dir.path(), Some(&addresses)).unwrap();
    let mut readers = tokio::task::JoinSet::new();
    for enterprise in &Plant::kaifeng().enterprises {
        let file = dir.path().join("gateways").join(format!("{}.toml", enterprise.gateway));
        let config = GatewayConfig::load(&file).unwrap_or_else(|e| panic!("{e}"));
        config.for_running().unwrap_or_else(|e| panic!("{e}"));
        let done = stop.child_token();
        let points =
            Plant::kaifeng().points.iter().filter(|p| p.id.enterprise() == enterprise.code);
        let wanted = points.map(|p| p.id.tag().to_owned()).collect();
        readers.spawn(async move {
            let mut sink = UntilAllRead { wanted, done: done.clone(), begun: Vec::new() };
            // Ends when all are read; the time only keeps a broken test from hanging.
            let limit = Duration::from_secs(90);
            let summary = read_points(&config, limit, &mut sink, &done).await.unwrap();
            assert!(
                sink.wanted.is_empty(),
                "never read: {:?}, lost: {:?}",
                sink.wanted,
                summary.lost
            );
        });
    }
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
}
