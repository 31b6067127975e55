//! The way to the center: one WebSocket, frames up, acknowledgements down.
//!
//! Live frames go first, always, and are not held back by anything but the center's window. Back-fill goes when no live
//! frame waits, a few at a time and no faster than its rate, so that a live frame never finds more than a little back-fill
//! before it in the buffers of the network. What is not acknowledged when a session ends is sent again in the next one, the
//! same bytes from the same file.
//!
//! Described byte by byte in `docs/protocols/uplink.md`.

mod in_flight;
mod session;

use std::sync::Arc;
use std::time::Duration;

use anlan_drivers::backoff::Backoff;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::config::RunSettings;
use crate::outbox::Outbox;

/// What the uplink says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether the center has welcomed us and the link is believed up.
    pub up: bool,
    /// Why it is not, for a person.
    pub trouble: String,
    /// The center's clock minus ours at the last welcome, in milliseconds.
    pub skew_ms: Option<i64>,
}

/// Everything an uplink needs.
pub(crate) struct Uplink {
    pub settings: RunSettings,
    pub tls: Option<Arc<rustls::ClientConfig>>,
    pub outbox: Arc<Outbox>,
    pub state: watch::Sender<LinkState>,
    /// While true, the link is kept cut: a switch for tests and the simulator.
    pub cut: watch::Receiver<bool>,
    /// No more frames will be sealed: leave when the live ones are acknowledged.
    pub closing: CancellationToken,
}

/// How a session ended without being asked to.
struct Ended {
    why: String,
    welcomed: bool,
    retry_after: Duration,
}

impl Uplink {
    /// Keeps sessions with the center until closing.
    pub async fn run(mut self) {
        let mut failures = 0u32;
        let spread = u64::from(self.outbox.boot().0[0]);
        while !self.closing.is_cancelled() {
            if !self.wait_while_cut().await {
                return;
            }
            let Err(ended) = self.one_session().await else { return };
            self.outbox.link_is_down();
            failures = if ended.welcomed { 1 } else { failures.saturating_add(1) };
            if failures == 1 {
                tracing::warn!(gateway.id = %self.settings.id, "the link to the center is down: {}", ended.why);
            }
            self.state.send_modify(|state| {
                state.up = false;
                state.trouble.clone_from(&ended.why);
            });
            metrics::counter!("anlan_gateway_uplink_losses_total").increment(1);
            let delay = Backoff::UPLINK.delay(failures, spread).max(ended.retry_after);
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = sleep(delay) => {}
            }
        }
    }

    /// `false` when closing came first.
    async fn wait_while_cut(&mut self) -> bool {
        let uncut = async {
            // A switch that was dropped while cut stays cut.
            if self.cut.wait_for(|cut| !*cut).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.closing.cancelled() => false,
            () = uncut => true,
        }
    }

    async fn one_session(&mut self) -> Result<(), Ended> {
        let mut cut = self.cut.clone();
        let is_cut = async move {
            if cut.wait_for(|cut| *cut).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let session = Box::pin(session::run(self));
        tokio::select! {
            result = session => result,
            () = is_cut => {
                Err(Ended { why: "cut by its switch".into(), welcomed: true, retry_after: Duration::ZERO })
            }
        }
    }
}
