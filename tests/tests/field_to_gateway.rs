//! From the field to the gateway and on to the center.
//!
//! The gateway reads the simulated park: every point of every enterprise, with the configuration that the simulator writes,
//! over all four byte orders, holes, unit ids, short reads, and OPC UA with and without security. The real binary reads and
//! says by its exit code what came of it. And the whole path with nothing of ours at its far end: pymodbus and asyncua, the
//! real gateway, the real center, a person's question.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

#[path = "../../drivers/tests/common/mod.rs"]
mod peer;

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anlan_gateway::config::GatewayConfig;
use anlan_gateway::read::read_points;
use anlan_sim::plant::{Addresses, Plant};
use anlan_sim::{Options, serve};
use anlan_tests::plant;
use anlan_tests::process::{Center, binary, free_address, run};
use peer::{Peer, free_port, peer_python};
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

/// The binary, or a visible word that the test is skipped.
fn built() -> Option<PathBuf> {
    let built = binary();
    if built.is_none() {
        println!("SKIPPED: the binary is not built; run `cargo build` first or set ANLAN_BIN");
    }
    built
}

/// A Modbus device that answers every request for holding registers with zeros, as long as the process lives.
fn zeros() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0u8; 12];
                while stream.read_exact(&mut request).is_ok() {
                    let bytes = request[11] * 2;
                    let mut answer = vec![request[0], request[1], 0, 0, 0, bytes + 3];
                    answer.extend([request[6], request[7], bytes]);
                    answer.extend(vec![0; usize::from(bytes)]);
                    if stream.write_all(&answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A configuration with two points of one device.
fn two_points(dir: &Path, device: SocketAddr) -> PathBuf {
    let file = dir.join("site.toml");
    let text = format!(
        "[[device]]\nid = \"plc\"\nprotocol = \"modbus-tcp\"\naddress = \"{device}\"\nscan = \"100ms\"\n\
         [[point]]\nid = \"TI-1\"\ndevice = \"plc\"\nregister = \"holding:0\"\ntype = \"u16\"\noffset = 20.5\nunit = \"K\"\n\
         [[point]]\nid = \"TI-2\"\ndevice = \"plc\"\nregister = \"holding:1\"\ntype = \"u16\"\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn read_command(binary: &Path, config: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(["gateway", "read", "--config"]).arg(config).args(more).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn gateway_read_ends_with_0_where_a_point_was_read_and_shows_the_last_value_of_each() {
    let Some(binary) = built() else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = two_points(dir.path(), zeros());
    let out = read_command(&binary, &config, &["--for", "3s", "--json"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let lines: Vec<serde_json::Value> =
        text(&out.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|l| l["point"] == "TI-1" && l["value"] == 20.5), "{lines:?}");
    let out = read_command(&binary, &config, &["--for", "3s"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let table = text(&out.stdout);
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3, "a head and a row a point, however many scans: {table}");
    assert!(rows[1].starts_with("TI-1 ") && rows[1].contains("20.5 K"), "{table}");
    let progress = text(&out.stderr);
    assert!(progress.contains("2 of 2 points have a value"), "it says how far it is: {progress}");
}

#[test]
fn gateway_read_ends_with_1_where_no_point_was_ever_read() {
    let Some(binary) = built() else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = two_points(dir.path(), free_address());
    let out = read_command(&binary, &config, &["--for", "1s"]).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let errors = text(&out.stderr);
    assert!(errors.contains("TI-1: never had a value"), "{errors}");
    assert!(errors.contains("device plc: cannot connect"), "{errors}");
}

#[test]
fn a_configuration_that_cannot_run_ends_with_2_and_says_every_file_and_line() {
    let Some(binary) = built() else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = two_points(dir.path(), free_address());
    let good = std::fs::read_to_string(&config).unwrap();
    let head = "[gateway]\nid = \"41020500101\"\nsecret_file = \"no-secret\"\n\
                [uplink]\nurl = \"wss://center.example/uplink/v1\"\nca_file = \"no-ca.pem\"\n\
                [[device]]\nid = \"dcs\"\nprotocol = \"opcua\"\nendpoint = \"opc.tcp://127.0.0.1:4840\"\n\
                user = \"anlan\"\npassword_file = \"no-password\"\nscan = \"soon\"\n";
    std::fs::write(&config, format!("{head}{good}")).unwrap();
    let check = |out: Output, lines: &[&str]| {
        let errors = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{errors}");
        let found: Vec<&str> = errors.lines().collect();
        let expected: Vec<String> =
            lines.iter().map(|line| format!("{}:{line}", config.display())).collect();
        assert_eq!(found.len(), expected.len(), "{errors}");
        assert!(found.iter().zip(&expected).all(|(f, e)| f.starts_with(e)), "{errors}");
    };
    let (secret, ca) = ("3: gateway.secret_file: ", "6: uplink.ca_file: ");
    let (password, scan) = ("12: device[0].password_file: ", "13: device[0].scan: ");
    let out = read_command(&binary, &config, &["--for", "1s"]).output().unwrap();
    check(out, &[password, scan]);
    let out = Command::new(&binary).args(["gateway", "--config"]).arg(&config).output().unwrap();
    check(out, &[secret, ca, password, scan]);
    let out = Command::new(&binary).arg("check-config").arg(&config).output().unwrap();
    check(out, &[secret, ca, password, scan]);
}

#[test]
fn ctrl_c_ends_gateway_read_with_0() {
    let Some(binary) = built() else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = two_points(dir.path(), zeros());
    let mut command = read_command(&binary, &config, &["--for", "1h", "--json"]);
    let mut child = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains("\"good\"")).unwrap().unwrap();
    child.interrupt();
    // Its output ends with it.
    lines.for_each(drop);
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// A child that does not outlive the test.
struct Ended(Child);

impl Ended {
    fn interrupt(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Already gone is fine.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// One request to the center; `None` while it cannot be had.
fn ask(center: SocketAddr, request: &str, token: &str, body: &str) -> Option<serde_json::Value> {
    let mut stream = TcpStream::connect(center).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = format!(
        "{request} HTTP/1.0\r\nHost: {center}\r\nAuthorization: Bearer {token}\r\nX-Anlan: 1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

/// Waits until `point` is shown to a person with a value that fits; the value's quality is 0 where it is bad.
fn until_shown(
    center: SocketAddr,
    token: &str,
    point: usize,
    what: &str,
    fits: impl Fn(f64, u64) -> bool,
) {
    let path = format!("GET /api/v1/points/{}.{}", plant::ENTERPRISE, plant::tag(point));
    let start = Instant::now();
    loop {
        let shown = ask(center, &path, token, "");
        let value = shown.as_ref().map(|shown| &shown["value"]);
        if let Some(value) = value
            && let Some(quality) = value["q"].as_u64()
            && fits(value["v"].as_f64().unwrap_or(f64::NAN), quality)
        {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(90), "{what} is not shown: {shown:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_pymodbus_and_asyncua_say_is_shown_by_the_real_center() {
    let Some(python) = peer_python("what_pymodbus_and_asyncua_say") else { return };
    let Some(binary) = built() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (modbus, opcua) = (free_port(), free_port());
    let modbus_peer = Peer::start(&python, "modbus_server.py", modbus, &[]);
    let _opcua = Peer::start(&python, "opcua_server.py", opcua, &[]).ready();
    let (data, import) = (dir.path().join("center"), dir.path().join("import"));
    plant::write(&import, 4);
    run(&binary, &["admin", "import", import.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    let password = "a long enough password";
    let added = Command::new(&binary)
        .args(["admin", "add-user", "park", "--name", "P", "--role", "officer"])
        .args(["--scope", "410205P01", "--data", data.to_str().unwrap()])
        .env("ANLAN_PASSWORD", password)
        .output()
        .unwrap();
    assert!(added.status.success(), "{}", text(&added.stderr));
    let center = Center::start(&binary, &data, free_address(), free_address());
    std::fs::write(dir.path().join("secret"), plant::SECRET).unwrap();
    let config = dir.path().join("gateway.toml");
    let tag = plant::tag;
    std::fs::write(
        &config,
        format!(
            r#"
[gateway]
id = "{gateway}"
secret_file = "secret"
data_dir = "gateway"
[uplink]
url = "ws://{uplink}/uplink/v1"
[[device]]
id = "plc"
protocol = "modbus-tcp"
address = "127.0.0.1:{modbus}"
scan = "200ms"
[[device]]
id = "dcs"
protocol = "opcua"
endpoint = "opc.tcp://127.0.0.1:{opcua}/plant/"
scan = "200ms"
[[point]]
id = "{scaled}"
device = "plc"
register = "holding:4"
type = "f32"
byte_order = "BADC"
scale = 0.5
[[point]]
id = "{illegal}"
device = "plc"
register = "holding:40"
type = "u16"
[[point]]
id = "{constant}"
device = "dcs"
node_id = "ns=2;s=Count"
[[point]]
id = "{nowhere}"
device = "dcs"
node_id = "ns=2;s=Nowhere"
"#,
            gateway = plant::GATEWAY,
            uplink = center.uplink,
            scaled = tag(0),
            illegal = tag(1),
            constant = tag(2),
            nowhere = tag(3),
        ),
    )
    .unwrap();
    let mut gateway = Command::new(&binary);
    gateway.args(["gateway", "--config"]).arg(&config).stdin(Stdio::null());
    let mut gateway = Ended(gateway.spawn().unwrap());
    let body = format!("{{\"username\":\"park\",\"password\":\"{password}\"}}");
    let session = ask(center.http, "POST /api/v1/session", "", &body).unwrap();
    let token = session["token"].as_str().unwrap_or_else(|| panic!("{session}"));
    let shown = |point, what: &str, fits: &dyn Fn(f64, u64) -> bool| {
        until_shown(center.http, token, point, what, fits);
    };
    let is = |expected: f64| {
        move |value: f64, quality: u64| quality >= 64 && (value - expected).abs() < 1e-3
    };
    let bad = |_: f64, quality: u64| quality < 64;
    shown(0, "pymodbus's number, scaled", &is(123.456 / 2.0));
    shown(1, "the illegal register as bad", &bad);
    shown(2, "asyncua's number", &is(42.0));
    shown(3, "the node that is not there as bad", &bad);
    // One server goes: its point alone is bad, until it is back.
    modbus_peer.kill();
    shown(0, "the point of the dead server as bad", &bad);
    shown(2, "asyncua's number still", &is(42.0));
    let _modbus = Peer::start(&python, "modbus_server.py", modbus, &[]);
    shown(0, "pymodbus's number again", &is(123.456 / 2.0));
    gateway.interrupt();
    assert_eq!(gateway.0.wait().unwrap().code(), Some(0), "Ctrl-C ends a gateway well");
    center.stop();
}
