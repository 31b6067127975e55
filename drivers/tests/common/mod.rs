//! Starts other people's servers and runs a driver against them.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anlan_drivers::driver::{DeviceNo, DeviceState, Driver, Report, Sample};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The interpreter that has the peers' packages, or `None` with a visible word.
pub fn peer_python(test: &str) -> Option<String> {
    match std::env::var("ANLAN_PEER_PYTHON") {
        Ok(python) => Some(python),
        Err(_) => {
            // Straight to the stream: what eprintln! says in a passing test is swallowed.
            let word = format!(
                "SKIPPED: {test}: ANLAN_PEER_PYTHON names no interpreter with tests/peers/requirements.txt\n"
            );
            std::io::stderr().write_all(word.as_bytes()).unwrap();
            None
        }
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server in a process of its own, ended with it.
pub struct Peer(Child);

impl Peer {
    /// Starts a peer and waits until its port answers.
    pub fn start(python: &str, script: &str, port: u16, more: &[&str]) -> Self {
        let path = format!("{}/../drivers/tests/peers/{script}", env!("CARGO_MANIFEST_DIR"));
        let child = Command::new(python)
            .arg(path)
            .arg(port.to_string())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peer = Self(child);
        let start = Instant::now();
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "{script} does not answer");
            assert!(peer.0.try_wait().unwrap().is_none(), "{script} ended");
            std::thread::sleep(Duration::from_millis(50));
        }
        peer
    }

    /// Waits for the first line that the peer prints.
    pub fn ready(mut self) -> Self {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        self
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Already gone is fine.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running driver and what it said last.
pub struct Bench {
    reports: mpsc::Receiver<Report>,
    pub states: BTreeMap<DeviceNo, DeviceState>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Bench {
    pub fn start(driver: impl Driver) -> Self {
        let (sender, reports) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let task = tokio::spawn(Box::new(driver).run(sender, stop.clone()));
        Self { reports, states: BTreeMap::new(), stop, task }
    }

    /// The next scan of any device.
    pub async fn scan(&mut self) -> (DeviceNo, Vec<Sample>) {
        loop {
            let report = tokio::time::timeout(Duration::from_secs(60), self.reports.recv()).await;
            match report.expect("a report within a minute").expect("the driver runs") {
                Report::Device { device, state } => drop(self.states.insert(device, state)),
                Report::Scan { device, mut samples } => {
                    samples.sort_by_key(|s| s.point);
                    return (device, samples);
                }
            }
        }
    }

    /// Scans until one fits; gives it back.
    pub async fn scan_where(
        &mut self,
        what: &str,
        fits: impl Fn(DeviceNo, &[Sample]) -> bool,
    ) -> Vec<Sample> {
        let start = Instant::now();
        loop {
            let (device, samples) = self.scan().await;
            if fits(device, &samples) {
                return samples;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "no scan with {what}; last: {samples:#?} {:?}",
                self.states
            );
        }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        drop(self.reports);
        self.task.await.unwrap();
    }
}
