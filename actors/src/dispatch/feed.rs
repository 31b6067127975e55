//! The feed of one host: what of the log is for it, and how much of that may wait in front of it.

use std::collections::HashMap;
use std::sync::Arc;

use anlan_domain::log::{GatewayNo, HostConfig, HostNo};
use anlan_domain::time::UtcMillis;
use anlan_store::journal::Offset;
use ractor::ActorRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::input::{Decoded, Input, What};
use super::routes::{RouteRun, routes};
use crate::catalog::Catalog;
use crate::ingest::tables::Tables;
use crate::tree::host::HostMsg;

/// Routes kept per feed; a gateway that keeps changing its table costs a re-computation, not memory.
const ROUTES_MAX: usize = 256;

/// What a feed looks things up in.
#[derive(Clone)]
pub struct Lookup {
    /// Point tables.
    pub tables: Arc<Tables>,
    /// Which point is where.
    pub catalog: Arc<Catalog>,
}

/// The feed of one life of a host actor.
pub struct Feed {
    /// Which host.
    pub host: HostNo,
    /// Which life of it: an answer for an earlier life is ignored.
    pub life: u64,
    /// Everything before is in the host already.
    pub next: Offset,
    /// The configuration in force at `next`.
    pub config: Option<Arc<HostConfig>>,
    /// The same as it was after the last batch that was sent.
    config_sent: Option<Arc<HostConfig>>,
    to: ActorRef<HostMsg>,
    room: Arc<Semaphore>,
    routes: HashMap<(GatewayNo, u64), Arc<[RouteRun]>>,
}

impl Feed {
    /// A feed to `to`, from `next` on.
    #[must_use]
    pub fn new(
        host: HostNo,
        life: u64,
        next: Offset,
        config: Option<Arc<HostConfig>>,
        to: ActorRef<HostMsg>,
        room: Arc<Semaphore>,
    ) -> Self {
        let config_sent = config.clone();
        Self { host, life, next, config, config_sent, to, room, routes: HashMap::new() }
    }

    /// Goes back to `next`, where a batch could not be sent: it will be read again from the journal.
    pub fn rewind(&mut self, next: Offset) {
        self.next = next;
        self.config = self.config_sent.clone();
        self.routes.clear();
    }

    /// Whether a batch could be sent at once.
    #[must_use]
    pub fn has_place(&self) -> bool {
        self.room.available_permits() > 0
    }

    /// Whether a few batches could be sent at once.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room.available_permits() >= 4
    }

    /// Whether frames of a gateway are for this host.
    #[must_use]
    pub fn is_of(&self, gateway: GatewayNo) -> bool {
        self.config
            .as_ref()
            .is_some_and(|config| config.gateways.iter().any(|(no, _)| *no == gateway))
    }

    /// What a record means for this host, if anything. `offset` may lie before [`Self::next`]: then it is in already.
    pub fn input(
        &mut self,
        lookup: &Lookup,
        offset: Offset,
        received: UtcMillis,
        decoded: &Decoded,
    ) -> Option<Input> {
        if offset < self.next {
            return None;
        }
        let what = match decoded {
            Decoded::Nothing => return None,
            Decoded::OfHost(host, what) => {
                if *host != self.host {
                    return None;
                }
                if let What::Configured(config) = what {
                    self.config = Some(config.clone());
                    self.routes.clear();
                    lookup.catalog.configured(config.clone());
                }
                what.clone()
            }
            Decoded::OfAll(what) => what.clone(),
            Decoded::OfGateway(gateway, what) => {
                if !self.is_of(*gateway) {
                    return None;
                }
                what.clone()
            }
            Decoded::Readings { gateway, header, table, payload, .. } => {
                if !self.is_of(*gateway) {
                    return None;
                }
                let routes = self.routes(lookup, *gateway, *table)?;
                let (header, payload) = (header.clone(), payload.clone());
                What::Readings { gateway: *gateway, header, payload, routes }
            }
        };
        Some(Input { offset, received, what })
    }

    fn routes(
        &mut self,
        lookup: &Lookup,
        gateway: GatewayNo,
        hash: u64,
    ) -> Option<Arc<[RouteRun]>> {
        if let Some(routes) = self.routes.get(&(gateway, hash)) {
            return Some(routes.clone());
        }
        let table = match lookup.tables.get(gateway, hash) {
            Ok(Some(table)) => table,
            Ok(None) => {
                // A frame is journalled only once its table is durable.
                metrics::counter!("anlan_dispatch_unreadable_total").increment(1);
                tracing::error!(
                    gateway = gateway.0,
                    hash,
                    "the table of a journalled frame is missing"
                );
                return None;
            }
            Err(error) => {
                tracing::error!(gateway = gateway.0, hash, %error, "the table of a journalled frame cannot be read");
                return None;
            }
        };
        let config = self.config.as_ref()?;
        let (_, id) = config.gateways.iter().find(|(no, _)| *no == gateway)?;
        let routes: Arc<[RouteRun]> = routes(&table, id.as_str(), config).into();
        if self.routes.len() >= ROUTES_MAX {
            self.routes.clear();
        }
        self.routes.insert((gateway, hash), routes.clone());
        Some(routes)
    }

    /// Room for one batch, `None` when as much waits as may.
    #[must_use]
    pub fn try_room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }

    /// Waits for room; `None` when the host has ended.
    pub async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().acquire_owned().await.ok()
    }

    /// Sends a batch that reaches up to `next`; `false` when this life of the host has ended.
    #[must_use]
    pub fn send(&mut self, inputs: Vec<Input>, next: Offset, room: OwnedSemaphorePermit) -> bool {
        self.next = self.next.max(next);
        self.config_sent.clone_from(&self.config);
        self.to.send_message(HostMsg::Entries { inputs, room }).is_ok()
    }

    /// Sends what could not be made durable.
    pub fn send_volatile(&self, inputs: Vec<Input>) {
        let sent = self.try_room().is_some_and(|room| {
            self.to.send_message(HostMsg::Volatile { inputs, _room: room }).is_ok()
        });
        // Where as much waits as may, it is left out: it will come again once there is room on disk.
        if !sent {
            metrics::counter!("anlan_dispatch_volatile_dropped_total").increment(1);
        }
    }

    /// Tells the host to forget what could not be made durable.
    pub fn forget_volatile(&self) {
        if self.to.send_message(HostMsg::DurableAgain).is_err() {
            tracing::debug!(
                host = self.host.0,
                "a host ended before it could forget volatile entries"
            );
        }
    }
}
