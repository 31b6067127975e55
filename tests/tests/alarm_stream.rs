//! The example client of the alarm stream against a real center: its connection is cut, it is killed without warning, the center is
//! killed as well, and in the end its file holds the alarm log, entry by entry.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anlan_domain::uplink::Lane;
use anlan_store::state::fjall::{FjallState, Options as StateOptions};
use anlan_store::state::{AlarmSeq, StateStore};
use anlan_tests::plant;
use anlan_tests::process::{Center, binary, free_address, run};
use anlan_tests::scripted_gateway::ScriptedGateway;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const POINTS: usize = 10;
const PASSWORD: &str = "a password of this test";

struct Client {
    child: Child,
}

impl Client {
    fn start(python: &str, url: SocketAddr, out: &Path, password: &str) -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/alarm-stream/alarm_stream.py");
        let child = Command::new(python)
            .arg(script)
            .args(["--url", &format!("http://{url}"), "--user", "park", "--out"])
            .arg(out)
            .env("ANLAN_PASSWORD", password)
            .stdout(Stdio::null())
            .spawn()
            .expect("the client starts");
        Self { child }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Stands between client and center; every turn of `cut` ends all connections.
async fn proxy(listener: TcpListener, center: SocketAddr, cut: watch::Receiver<u32>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut cut = cut.clone();
        cut.mark_unchanged();
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(center).await else { return };
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

/// One scan in which every point is high or normal: as many alarms raised or cleared as there are points.
async fn scan(gateway: &mut ScriptedGateway, center: &Center, step: u32) {
    gateway.mono += 1_000;
    gateway.wall += 1_000;
    let rest = if step % 2 == 1 { plant::HIGH + 10.0 } else { plant::HIGH / 2.0 };
    let values: Vec<f64> =
        (0..POINTS).map(|point| rest + f64::from(step % 7) * 0.3 + point as f64 * 0.01).collect();
    let place = gateway.readings(Lane::Live, &values);
    let until = Instant::now() + Duration::from_secs(60);
    let mut sent = gateway.send(place).await.is_ok();
    while !sent || gateway.unacknowledged() > 0 {
        assert!(Instant::now() < until, "the center acknowledges nothing");
        if !sent || gateway.listen(Duration::from_millis(100)).await.is_err() {
            connect(gateway, center).await;
            sent = true;
        }
    }
}

async fn connect(gateway: &mut ScriptedGateway, center: &Center) {
    for _ in 0..200 {
        if gateway.connect(center.uplink).await.is_ok() && gateway.send_table().await.is_ok() {
            gateway.status();
            if gateway.send_all(Lane::Live).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the gateway cannot sign in");
}

fn lines(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

async fn until_lines(out: &Path, count: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    while lines(out).len() < count {
        assert!(Instant::now() < until, "{} of {count} lines came", lines(out).len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn prepared(binary: &Path, folder: &Path) -> PathBuf {
    let (data, import) = (folder.join("center"), folder.join("import"));
    plant::write(&import, POINTS);
    let text = |path: &Path| path.to_str().expect("paths are UTF-8").to_owned();
    run(binary, &["admin", "import", &text(&import), "--data", &text(&data)]);
    let added = Command::new(binary)
        .args(["admin", "add-user", "park", "--name", "Park", "--role", "officer", "--scope"])
        .args(["410205P01", "--data", &text(&data)])
        .env("ANLAN_PASSWORD", PASSWORD)
        .status()
        .expect("the binary starts");
    assert!(added.success());
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_client_loses_and_doubles_nothing() {
    let (Some(binary), Ok(python)) = (binary(), std::env::var("ANLAN_PEER_PYTHON")) else {
        // Straight to the stream: what eprintln! says in a passing test is swallowed.
        let word = b"SKIPPED: alarm_stream: build the binary and name in ANLAN_PEER_PYTHON an interpreter with drivers/tests/peers/requirements.txt\n";
        std::io::stderr().write_all(word).unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data = prepared(&binary, folder.path());
    let out = folder.path().join("alarms.jsonl");
    let (http, uplink) = (free_address(), free_address());
    let mut center = Center::start(&binary, &data, http, uplink);

    // A wrong password is not tried again.
    let mut wrong = Client::start(&python, http, &out, "wrong");
    assert_eq!(wrong.child.wait().unwrap().code(), Some(2));
    assert!(lines(&out).is_empty());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap();
    let (cut, seen) = watch::channel(0);
    let proxy = tokio::spawn(proxy(listener, http, seen));
    let mut client = Client::start(&python, door, &out, PASSWORD);
    until_lines(&out, 1).await;
    assert_eq!(lines(&out)[0]["snapshot"], json!([]));

    let wall =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let mut gateway = ScriptedGateway::new(7, POINTS, i64::try_from(wall).unwrap());
    connect(&mut gateway, &center).await;
    let mut step = 0;
    for round in 0..6 {
        for _ in 0..4 {
            step += 1;
            scan(&mut gateway, &center, step).await;
        }
        match round {
            // In the middle of what just happened.
            0 | 3 => {
                cut.send_modify(|turn| *turn += 1);
            }
            // Killed, and things go on meanwhile; a line that it could not finish is left behind.
            1 | 4 => {
                drop(client);
                let mut file = std::fs::OpenOptions::new().append(true).open(&out).unwrap();
                file.write_all(b"{\"cursor\": \"YT").unwrap();
                for _ in 0..2 {
                    step += 1;
                    scan(&mut gateway, &center, step).await;
                }
                client = Client::start(&python, door, &out, PASSWORD);
            }
            2 => {
                center.kill();
                center = Center::start(&binary, &data, http, uplink);
                connect(&mut gateway, &center).await;
            }
            _ => {}
        }
        // Whoever was cut or started anew gets all of it before the next blow falls.
        for _ in 0..2 {
            step += 1;
            scan(&mut gateway, &center, step).await;
        }
        until_lines(&out, 1 + POINTS * step as usize).await;
    }
    // The log can be opened by one process at a time, so the center ends first.
    drop(client);
    proxy.abort();
    center.stop();

    let state = FjallState::open(&data.join("state"), StateOptions::default()).unwrap();
    let (mut log, mut after) = (Vec::new(), AlarmSeq(0));
    loop {
        let records = state.alarms_after(after, 1_000).unwrap();
        let Some(last) = records.last() else { break };
        after = last.seq;
        log.extend(records.iter().map(|r| (r.entry.alarm.to_string(), r.entry.source_time.0)));
    }
    let told: Vec<(String, i64)> = lines(&out)[1..]
        .iter()
        .map(|line| {
            let id = line["alarm"]["id"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned();
            (id, line["change"]["at"].as_i64().unwrap_or_else(|| panic!("{line}")))
        })
        .collect();
    assert_eq!(log.len(), POINTS * step as usize);
    assert_eq!(told, log);
}
