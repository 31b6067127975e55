//! What the web layer is given: its limits, its clock, and the handles of what it serves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anlan_actors::api::Center;
use anlan_actors::desk::Desk;
use anlan_domain::quiet_rights::QuietRights;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmIndex;
use anlan_store::registry::Registry;
use anlan_store::state::StateStore;

/// The one clock, handed down from the composition root.
pub type Clock = Arc<dyn Fn() -> UtcMillis + Send + Sync>;

/// Gives the metrics of the process in the text form of Prometheus.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Parts {
    /// The running center.
    pub center: Arc<dyn Center>,
    /// Names, people, limits.
    pub registry: Registry,
    /// Projection of the alarm log for lists and search. The web layer feeds it.
    pub alarms: Arc<AlarmIndex>,
    /// Warnings, and who is called for them.
    pub desk: Arc<Desk>,
    /// The alarm log itself.
    pub log: Arc<dyn StateStore>,
    /// The clock.
    pub clock: Clock,
    /// Where `/metrics` comes from.
    pub metrics: MetricsText,
}

/// How it is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate chain and key in PEM; without them plain HTTP is spoken.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// HTTP control of the simulator (`http://127.0.0.1:PORT`), where the tester's role may drive it.
    pub simulator: Option<String>,
    /// Length of enterprise codes in this installation.
    pub enterprise_code_length: usize,
    /// Who may keep an alarm quiet, and for how long.
    pub quiet_rights: QuietRights,
    /// An unanswered alarm is overdue after this long, by level 1 to 4.
    pub overdue_ms: [i64; 4],
    /// Limits.
    pub limits: Limits,
}

/// Minutes after which an unanswered alarm is overdue, by level 1 to 4. Proposals: no standard states figures.
pub const OVERDUE_MINUTES: [i64; 4] = [2, 5, 15, 60];

/// Limits; each has a counter and a clear refusal.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Requests in work at once.
    pub requests: usize,
    /// Largest body of a request of somebody who is signed in.
    pub body_bytes: usize,
    /// Bodies above 16 KiB that are read at once.
    pub bodies: usize,
    /// Live streams at once.
    pub live_streams: usize,
    /// Live streams of one person.
    pub live_streams_per_user: usize,
    /// Subscriptions of one stream.
    pub subscriptions: usize,
    /// Tries to sign in from one address within a minute.
    pub sign_ins_per_minute: u32,
    /// A session ends after this long without use.
    pub session_ms: i64,
    /// A stream whose client takes nothing for this long is closed with `resume`.
    pub slow_client_ms: u64,
    /// Longest time that an alarm may lie on the shelf. ISA-18.2 asks for a limit and states none; the default is a proposal: a shift.
    pub shelve_max_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            requests: 512,
            body_bytes: 1 << 20,
            bodies: 64,
            live_streams: 2_000,
            live_streams_per_user: 20,
            subscriptions: 16,
            sign_ins_per_minute: 60,
            session_ms: 12 * 3_600_000,
            slow_client_ms: 10_000,
            shelve_max_ms: 12 * 3_600_000,
        }
    }
}

impl ServeOptions {
    /// Plain HTTP on an address, with the default limits.
    #[must_use]
    pub fn on(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            simulator: None,
            enterprise_code_length: 9,
            quiet_rights: QuietRights::default(),
            overdue_ms: OVERDUE_MINUTES.map(|minutes| minutes * 60_000),
            limits: Limits::default(),
        }
    }
}
