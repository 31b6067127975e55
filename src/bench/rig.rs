//! A center to be measured: the product's own, in a process of its own, with a registry that came in through the import; and the
//! load on it, from a process of its own too. What a bench asks of the center it asks as anybody would: by HTTP, by WebSocket, by
//! `/proc`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anlan_sim::loadgen::{Fleet, LoadReport};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::process::Failure;

/// The secret of every gateway of a bench; it guards nothing.
const SECRET: &str = "bench-bench-bench";
const PASSWORD: &str = "bench-bench-bench";

/// A WebSocket of the bench.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Says what could not be done.
pub fn cannot<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Failure {
    move |error| Failure::Failed(format!("the bench cannot {what}: {error}"))
}

/// A folder on the disk of the working directory, removed at the end: benchmarks measure a disk, not memory.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Made anew.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(cannot("find the working directory"))?;
        let dir = here.join(format!(".anlan-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).map_err(cannot("make its folder"))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// CPU and memory of a process so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time.
    pub cpu_s: f64,
    /// Resident memory now.
    pub rss_mb: f64,
    /// Highest resident memory.
    pub peak_rss_mb: f64,
}

impl Usage {
    /// Of a process that lives, from `/proc`.
    pub fn of(pid: u32) -> Result<Self, Failure> {
        let read = |name: &str| {
            std::fs::read_to_string(format!("/proc/{pid}/{name}")).map_err(cannot("read /proc"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        // The name in brackets may hold blanks; fields are counted after it. 100 ticks a second on every Linux.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok());
        let mb = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
        };
        let found = (|| {
            let cpu_s = (ticks(11)? + ticks(12)?) / 100.0;
            Some(Self { cpu_s, rss_mb: mb("VmRSS:")?, peak_rss_mb: mb("VmHWM:")? })
        })();
        found.ok_or_else(|| Failure::Failed(format!("the bench cannot understand /proc/{pid}")))
    }
}

/// A center under measurement.
pub struct Rig {
    /// `127.0.0.1:PORT` of the web interface.
    pub web: String,
    /// Where gateways go.
    pub uplink: String,
    /// What sends.
    pub fleet: Fleet,
    /// From the start of the process to ready.
    pub start: Duration,
    token: String,
    center: Child,
    client: Client<HttpConnector, Full<Bytes>>,
    dir: Scratch,
}

impl Rig {
    /// Imports the plant of about `sensors` and starts a center over it.
    pub async fn new(name: &str, sensors: u32) -> Result<Self, Failure> {
        let dir = Scratch::new(name)?;
        let fleet = Fleet::of_sensors(sensors, SECRET.to_owned());
        let plant = dir.0.join("plant");
        fleet.write_plant(&plant).map_err(cannot("write its plant"))?;
        let users = format!(
            "username,name,role,scope,password\nbench,Bench,administrator,everything,{PASSWORD}\n"
        );
        std::fs::write(plant.join("users.csv"), users).map_err(cannot("write its user"))?;
        Self::over(dir, fleet).await
    }

    async fn over(dir: Scratch, fleet: Fleet) -> Result<Self, Failure> {
        let data = dir.0.join("center");
        let plant = dir.0.join("plant");
        eprintln!("importing {} points", fleet.points());
        crate::admin::bring_in(&plant, &data, true, 9).await?;
        let (center, web, uplink, start) = start(&dir).await?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut rig = Self { web, uplink, fleet, start, token: String::new(), center, client, dir };
        rig.sign_in().await?;
        Ok(rig)
    }

    async fn sign_in(&mut self) -> Result<(), Failure> {
        let body = serde_json::json!({ "username": "bench", "password": PASSWORD }).to_string();
        let request = http::Request::post(format!("http://{}/api/v1/session", self.web))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(cannot("ask"))?;
        let text = self.ask(request).await?;
        let session: serde_json::Value = serde_json::from_str(&text).map_err(cannot("sign in"))?;
        match session["token"].as_str() {
            Some(token) => self.token = token.to_owned(),
            None => return Err(Failure::Failed(format!("the bench cannot sign in: {text}"))),
        }
        Ok(())
    }

    async fn ask(&self, request: http::Request<Full<Bytes>>) -> Result<String, Failure> {
        let response = self.client.request(request).await.map_err(cannot("reach its center"))?;
        let body = response.into_body().collect().await.map_err(cannot("hear its center"))?;
        String::from_utf8(body.to_bytes().to_vec()).map_err(cannot("understand its center"))
    }

    /// Reads a path of the API.
    pub async fn get(&self, path: &str) -> Result<String, Failure> {
        let request = http::Request::get(format!("http://{}{path}", self.web))
            .header(http::header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Full::default())
            .map_err(cannot("ask"))?;
        self.ask(request).await
    }

    /// A counter of `/metrics`; zero where it has not counted yet.
    pub async fn counter(&self, name: &str) -> Result<u64, Failure> {
        let text = self.get("/metrics").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        match value {
            None => Ok(0),
            Some(value) => value.trim().parse().map_err(cannot("understand a counter")),
        }
    }

    /// A live stream with one subscription.
    pub async fn live(&self, subscribe: serde_json::Value) -> Result<Socket, Failure> {
        let url = format!("ws://{}/api/v1/live?token={}", self.web, self.token);
        let (mut socket, _) =
            tokio_tungstenite::connect_async(url).await.map_err(cannot("open a live stream"))?;
        let message = serde_json::json!({ "subscribe": subscribe, "id": "bench" }).to_string();
        socket.send(Message::Text(message.into())).await.map_err(cannot("subscribe"))?;
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message.map_err(cannot("subscribe"))? else { continue };
            if text.contains("\"type\":\"snapshot\"") {
                return Ok(socket);
            }
            if text.contains("\"type\":\"error\"") {
                return Err(Failure::Failed(format!("the bench cannot subscribe: {text}")));
            }
        }
        Err(Failure::Failed("the bench cannot subscribe: the stream ended".to_owned()))
    }

    /// What the center has used.
    pub fn usage(&self) -> Result<Usage, Failure> {
        let ended = || Failure::Failed("the center has ended; its log says why".to_owned());
        Usage::of(self.center.id().ok_or_else(ended)?)
    }

    /// Loads the center for some time; `rate` is readings a second of each sensor, `None` as fast as it goes.
    pub async fn load(&self, rate: Option<f64>, period: Duration) -> Result<LoadReport, Failure> {
        let mut command = Command::new(me()?);
        command.args(["sim", "load", "--json", "--uplink", &self.uplink]);
        command.args(["--sensors", &self.fleet.points().to_string()]);
        command.args(["--for", &format!("{}ms", period.as_millis())]);
        if let Some(rate) = rate {
            command.args(["--rate", &rate.to_string()]);
        }
        command.env(crate::sim::LOAD_SECRET, SECRET).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = command.output().await.map_err(cannot("start its load"))?;
        serde_json::from_slice(&output.stdout).map_err(cannot("understand its load"))
    }

    /// Ends the center as an operator would, and says whether it ended well.
    pub async fn stop(mut self) -> Result<(), Failure> {
        if let Some(pid) = self.center.id() {
            let asked = Command::new("kill").arg(pid.to_string()).status().await;
            asked.map_err(cannot("end its center"))?;
        }
        let ended = self.center.wait().await.map_err(cannot("await its center"))?;
        drop(self.dir);
        if ended.success() {
            return Ok(());
        }
        Err(Failure::Failed(format!("the center ended with {ended}")))
    }
}

fn me() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(cannot("find this program"))
}

/// Starts a center on `dir/center` and waits until it is ready.
pub async fn start(dir: &Scratch) -> Result<(Child, String, String, Duration), Failure> {
    let config = dir.0.join("center.toml");
    let data = dir.0.join("center").display().to_string();
    let text = format!(
        "data_dir = {data:?}\nlisten = \"127.0.0.1:0\"\nuplink_listen = \"127.0.0.1:0\"\n\
         [limits]\nreserved_disk_mb = 0\ngateways = 20000\nlive_streams_per_user = 2000\n"
    );
    std::fs::write(&config, text).map_err(cannot("write its configuration"))?;
    let begun = Instant::now();
    let mut center = Command::new(me()?)
        .args(["center", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot("start a center"))?;
    let out = center.stdout.take().expect("it is piped");
    let mut lines = tokio::io::BufReader::new(out).lines();
    let (mut web, mut ready) = (None, Duration::ZERO);
    while let Some(line) = lines.next_line().await.map_err(cannot("hear its center"))? {
        if let Some(address) = line.strip_prefix("Anlan is ready: http://") {
            web = Some(address.to_owned());
            ready = begun.elapsed();
        }
        if let (Some(uplink), Some(web)) = (line.strip_prefix("gateways connect to: "), &web) {
            return Ok((center, web.clone(), uplink.to_owned(), ready));
        }
    }
    Err(Failure::Failed("the center ended before it was ready".to_owned()))
}
