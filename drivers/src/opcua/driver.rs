//! The OPC UA driver: sessions one after the other on one side, a report every scan on the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::quality::Quality;
use async_trait::async_trait;
use opcua::client::{Client, ClientBuilder};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::{quiet, session};
use crate::backoff::Backoff;
use crate::driver::{DeviceNo, DeviceState, Driver, PointNo, Report, Sample, next_tick};

/// How the secure channel is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    None,
    /// Signed and encrypted.
    Basic256Sha256,
}

/// A node to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpcUaPoint {
    /// The number to report it under.
    pub no: PointNo,
    /// The node, as text.
    pub node_id: String,
}

/// A server and what to subscribe to.
#[derive(Clone)]
pub struct OpcUaServer {
    /// The number to report it under.
    pub no: DeviceNo,
    /// `opc.tcp://HOST:PORT/…`.
    pub endpoint: String,
    /// How the channel is protected.
    pub security: Security,
    /// Folder with `own/`, `private/`, `trusted/` and `rejected/`; own certificate and key are made there where missing.
    pub pki_dir: PathBuf,
    /// User name and password; anonymous without.
    pub user: Option<(String, String)>,
    /// Time between two reports. The server is asked to sample and publish four times as often.
    pub scan: Duration,
    /// Time limit of one request.
    pub timeout: Duration,
    /// The nodes.
    pub points: Vec<OpcUaPoint>,
}

/// A driver for one server.
pub struct OpcUa {
    server: OpcUaServer,
}

impl OpcUa {
    /// A driver for `server`.
    #[must_use]
    pub fn new(server: OpcUaServer) -> Self {
        Self { server }
    }
}

#[async_trait]
impl Driver for OpcUa {
    fn name(&self) -> String {
        format!("opcua {}", self.server.endpoint)
    }

    async fn run(self: Box<Self>, reports: mpsc::Sender<Report>, stop: CancellationToken) {
        let server = Arc::new(self.server);
        let board = Arc::new(Board::new(server.points.len()));
        let ended = CancellationToken::new();
        // Dropped without a goodbye where the reader of the reports has gone.
        let sessions = {
            let (server, board, stop, ended) =
                (Arc::clone(&server), Arc::clone(&board), stop.clone(), ended.clone());
            tokio::spawn(async move {
                Box::pin(ended.run_until_cancelled(keep_session(&server, &board, &stop))).await
            })
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = report(&server, &board, reports) => ended.cancel(),
        }
        if let Err(error) = sessions.await {
            tracing::error!(driver.name = "opcua", peer = %server.endpoint, "the session task failed: {error}");
        }
    }
}

/// Each reason of an outage is told once, and so many of them at most: one that comes later may be the one to act upon.
const REASONS_TOLD: usize = 4;

/// Sessions one after the other until `stop`.
async fn keep_session(server: &Arc<OpcUaServer>, board: &Arc<Board>, stop: &CancellationToken) {
    let mut failures = 0u32;
    let mut told: Vec<String> = Vec::new();
    let mut client = None;
    while !stop.is_cancelled() {
        let outcome = match &mut client {
            Some(client) => try_session(client, server, board, stop).await,
            none => {
                let built = tokio::select! {
                    () = stop.cancelled() => return,
                    built = build_client(Arc::clone(server)) => built,
                };
                match built {
                    Ok(built) => try_session(none.insert(built), server, board, stop).await,
                    Err(why) => Err(why),
                }
            }
        };
        let Err(why) = outcome else { return };
        let was_connected = {
            let mut facts = board.facts();
            std::mem::replace(&mut facts.state, DeviceState::Lost { why: why.clone() })
                .is_connected()
        };
        board.forget();
        board.changed.notify_waiters();
        if was_connected {
            failures = 0;
            told.clear();
        }
        failures = failures.saturating_add(1);
        if told.len() < REASONS_TOLD && !told.contains(&why) {
            tracing::warn!(driver.name = "opcua", peer = %server.endpoint, "{why}");
            told.push(why);
        }
        let spread = server.endpoint.len() as u64 * 37;
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(Backoff::DEVICE.delay(failures, spread)) => {}
        }
    }
}

/// One session; what the library says of a loss that is told already stays out of the log.
async fn try_session(
    client: &mut Client,
    server: &OpcUaServer,
    board: &Arc<Board>,
    stop: &CancellationToken,
) -> Result<(), String> {
    let session = Box::pin(session::run(client, server, board, stop));
    quiet::about_known_loss(board, session).await
}

/// Own certificate and key are made on the first secure start, which takes seconds of computing.
async fn build_client(server: Arc<OpcUaServer>) -> Result<Client, String> {
    let security = server.security;
    let build = move || {
        let secure = server.security != Security::None;
        ClientBuilder::new()
            .application_name("Anlan gateway")
            .application_uri("urn:anlan:gateway")
            .product_uri("urn:anlan:gateway")
            .create_sample_keypair(secure)
            .trust_server_certs(!secure)
            .verify_server_certs(true)
            .pki_dir(&server.pki_dir)
            .request_timeout(server.timeout)
            // Longer than any silence that is allowed: an answer to a request that was given up would be lost.
            .publish_timeout(session::SILENCE_CAP * 2)
            .keep_alive_interval(server.timeout.max(Duration::from_secs(1)))
            .max_failed_keep_alive_count(0)
            .session_retry_limit(0)
            .recreate_subscriptions(false)
            .session_name("anlan-gateway")
            .client()
            .map_err(|problems| format!("cannot set up the OPC UA client: {}", problems.join("; ")))
    };
    tokio::task::spawn_blocking(move || quiet::about_no_certificate_in(security, build))
        .await
        .map_err(|e| format!("cannot set up the OPC UA client: {e}"))?
}

/// A report every scan, from the first outcome on. Ends when nobody listens any more.
async fn report(server: &OpcUaServer, board: &Board, reports: mpsc::Sender<Report>) {
    first_outcome(board).await;
    let origin = Instant::now();
    let mut reported = DeviceState::Connecting;
    let device = server.no;
    loop {
        let (state, samples) = scan(server, board);
        if state != reported {
            reported = state.clone();
            if reports.send(Report::Device { device, state }).await.is_err() {
                return;
            }
        }
        if reports.send(Report::Scan { device, samples }).await.is_err() {
            return;
        }
        sleep_until(next_tick(origin, server.scan, Instant::now())).await;
    }
}

async fn first_outcome(board: &Board) {
    loop {
        let changed = board.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if board.facts().state != DeviceState::Connecting {
            return;
        }
        changed.await;
    }
}

fn scan(server: &OpcUaServer, board: &Board) -> (DeviceState, Vec<Sample>) {
    let now = Instant::now();
    let facts = board.facts();
    let connected = facts.state.is_connected();
    let samples = server.points.iter().zip(&facts.latest).map(|(point, latest)| {
        if connected {
            let super::board::Latest { value, quality, source_time } = *latest;
            Sample { point: point.no, value, quality, source_time, taken: now }
        } else {
            Sample::bad(point.no, Quality::NOT_CONNECTED, now)
        }
    });
    (facts.state.clone(), samples.collect())
}
