//! Changes that are saved and not yet in force: offered to the center until it takes them.
//!
//! The registry is the master: what it holds becomes effective, now or when the center is ready again. After a restart
//! the composition root offers everything, so nothing here needs to be durable.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::log::HostConfig;
use tokio::sync::Notify;

use crate::options::Parts;

/// Enterprises whose configuration the center has not taken yet.
#[derive(Default)]
pub(super) struct Pending {
    enterprises: Mutex<BTreeSet<EnterpriseCode>>,
    wake: Notify,
}

impl Pending {
    /// Offers the configurations once, and later again if the center does not take them.
    pub(super) async fn offer(&self, parts: &Parts, hosts: Vec<HostConfig>) {
        if hosts.is_empty() {
            return;
        }
        let enterprises: Vec<_> = hosts.iter().filter_map(|h| h.enterprise.clone()).collect();
        if let Err(error) = parts.center.configure(hosts).await {
            tracing::warn!(%error, "the center has not taken a change yet; it is offered again");
            metrics::counter!("anlan_web_changes_deferred_total").increment(1);
            self.enterprises.lock().expect("no panic while held").extend(enterprises);
            self.wake.notify_one();
        }
    }

    /// Offers what is left over, again and again.
    pub(super) async fn run(&self, parts: &Parts) {
        loop {
            self.wake.notified().await;
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let next = self.enterprises.lock().expect("no panic while held").first().cloned();
                let Some(enterprise) = next else { break };
                match parts.registry.host_configs_of(&enterprise).await {
                    Ok(hosts) => {
                        if parts.center.configure(hosts).await.is_ok() {
                            self.enterprises
                                .lock()
                                .expect("no panic while held")
                                .remove(&enterprise);
                        }
                    }
                    Err(error) => tracing::error!(%error, "cannot read a change that waits"),
                }
            }
        }
    }
}
