//! Settings and ports of a center. Every bound has a default that suits one machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anlan_store::history::History;
use anlan_store::journal::Journal;
use anlan_store::state::StateStore;

/// Certificate chain and private key of the uplink, PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate chain.
    pub certificates: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Settings of a center.
#[derive(Clone, Debug)]
pub struct CenterOptions {
    /// Where gateways connect; port 0 picks a free one (see `RunningCenter::uplink_address`). `None` listens nowhere:
    /// for tests that hand in their own streams.
    pub uplink_listen: Option<SocketAddr>,
    /// TLS of the uplink; `None` is for loopback and test benches.
    pub uplink_tls: Option<TlsFiles>,
    /// Most uplink connections at a time, signed in or not.
    pub connections_max: usize,
    /// A connection that has not said hello by then is closed.
    pub hello_within: Duration,
    /// A session that has sent nothing for this long is closed: a dead link is noticed though TCP says nothing.
    pub idle_after: Duration,
    /// Frames that a gateway may have under way without acknowledgement.
    pub window_frames: u32,
    /// Bytes of frames received and not yet durable, over all sessions. When they are used up, sockets are not read.
    pub queue_bytes: usize,
    /// Most bytes of one append.
    pub append_bytes: usize,
    /// Time passes in the log this often.
    pub tick: Duration,
    /// A host with nothing to tell commits its checkpoint within this range, each at its own pace.
    pub checkpoint_every: (Duration, Duration),
    /// What was acknowledged per gateway is written this often.
    pub ledger_every: Duration,
    /// Batches that may wait in front of one host; beyond, it catches up from the journal and delays nobody.
    pub host_in_flight: usize,
    /// The open journal segment is sealed this often and handed to the history.
    pub seal_every: Duration,
    /// History maintenance this often.
    pub maintain_every: Duration,
    /// Live values and roll-ups are sent this often; alarms at once.
    pub flush_every: Duration,
    /// Messages that may wait for one live subscriber; beyond, it gets a fresh snapshot when it has room.
    pub subscriber_queue: usize,
    /// Most live subscriptions at a time.
    pub subscriptions_max: usize,
    /// An actor asked about itself has this long to answer.
    pub ask_within: Duration,
}

impl Default for CenterOptions {
    fn default() -> Self {
        Self {
            uplink_listen: None,
            uplink_tls: None,
            connections_max: 4096,
            hello_within: Duration::from_secs(10),
            idle_after: Duration::from_secs(15),
            window_frames: 512,
            queue_bytes: 64 * 1024 * 1024,
            append_bytes: 8 * 1024 * 1024,
            tick: Duration::from_millis(250),
            checkpoint_every: (Duration::from_secs(5), Duration::from_secs(20)),
            ledger_every: Duration::from_secs(5),
            host_in_flight: 64,
            seal_every: Duration::from_secs(60),
            maintain_every: Duration::from_secs(120),
            flush_every: Duration::from_millis(250),
            subscriber_queue: 32,
            subscriptions_max: 4096,
            ask_within: Duration::from_secs(1),
        }
    }
}

/// The engines below a center.
#[derive(Clone)]
pub struct Ports {
    /// The one ordered log.
    pub journal: Arc<dyn Journal>,
    /// Alarm log, checkpoints, documents.
    pub state: Arc<dyn StateStore>,
    /// Readings for trends; `None` keeps none (tests of the spine alone).
    pub history: Option<Arc<dyn History>>,
}
