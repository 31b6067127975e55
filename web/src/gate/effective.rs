//! Changes that are saved and not yet in force: offered to the center until it takes them.
//!
//! The registry is the master: what it holds becomes effective, now or when the center is ready again. Only which hosts a change
//! touches is remembered here; what they shall be the center reads itself, so an old change never comes back over a newer one.
//! After a restart the composition root offers everything, so nothing here needs to be durable.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use anlan_domain::log::{HostConfig, HostNo};
use tokio::sync::Notify;

use crate::options::Parts;

/// Hosts whose configuration the center has not taken yet.
#[derive(Default)]
pub(super) struct Pending {
    hosts: Mutex<BTreeSet<HostNo>>,
    wake: Notify,
}

impl Pending {
    /// Offers a change once, and later again if the center does not take it. One that touches no host may still have moved an
    /// enterprise or changed the secret of a gateway.
    pub(super) async fn offer(&self, parts: &Parts, hosts: Vec<HostConfig>) {
        let hosts: Vec<HostNo> = hosts.iter().map(|config| config.host).collect();
        if let Err(error) = parts.center.configure(hosts.clone()).await {
            tracing::warn!(%error, "the center has not taken a change yet; it is offered again");
            metrics::counter!("anlan_web_changes_deferred_total").increment(1);
            self.hosts.lock().expect("no panic while held").extend(hosts);
            self.wake.notify_one();
        }
    }

    /// Offers what is left over, again and again.
    pub(super) async fn run(&self, parts: &Parts) {
        loop {
            self.wake.notified().await;
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let hosts = std::mem::take(&mut *self.hosts.lock().expect("no panic while held"));
                let offered: Vec<HostNo> = hosts.iter().copied().collect();
                if parts.center.configure(offered).await.is_ok() {
                    break;
                }
                self.hosts.lock().expect("no panic while held").extend(hosts);
            }
        }
    }
}
