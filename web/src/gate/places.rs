//! Where every enterprise lies and what it is called: kept in memory for checks that cannot wait for a query, and read once for all
//! live streams when rights change rather than by each of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::region::RegionCode;
use anlan_store::registry::scoped::Filter;
use anlan_store::registry::{Registry, RegistryError, Scope};
use tokio::sync::{Mutex, watch};

/// An enterprise, in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Where it lies.
    pub region: RegionCode,
    /// 名称
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Degrees east and north.
    pub position: Option<(f64, f64)>,
}

/// Every enterprise.
#[derive(Debug, Default, PartialEq)]
pub struct Places(HashMap<EnterpriseCode, Site>);

impl Places {
    /// An enterprise, where the scope covers it. What does not exist is in nobody's scope.
    pub fn seen(&self, code: &EnterpriseCode, scope: &Scope) -> Option<&Site> {
        self.0.get(code).filter(|site| scope.covers(code, &site.region))
    }

    /// Every enterprise that the scope covers, in no order.
    pub fn within<'a>(
        &'a self,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a EnterpriseCode, &'a Site)> {
        self.0.iter().filter(move |(code, site)| scope.covers(code, &site.region))
    }
}

/// Another process (`anlan admin import`) tells nobody of its changes: they are looked for this often.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(30);

/// What is known.
#[derive(Clone, Default)]
struct Known {
    places: Arc<Places>,
    /// Up to which change of rights.
    rights: Option<u64>,
    /// They could not be read: whoever relies on them must not go on.
    failed: bool,
}

/// Reads places when rights change and tells whoever waits.
pub(super) struct Keeper {
    registry: Registry,
    known: watch::Sender<Known>,
    /// One reading at a time; whoever comes second finds it done.
    reading: Mutex<()>,
}

/// Rights may have changed; the places are read already.
pub(crate) struct Changes(watch::Receiver<Known>);

impl Changes {
    /// Waits for the next change. `false` when there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

impl Keeper {
    pub(super) fn new(registry: Registry) -> Self {
        Self { registry, known: watch::Sender::default(), reading: Mutex::default() }
    }

    /// As they were read last.
    pub(super) fn places(&self) -> Arc<Places> {
        self.known.borrow().places.clone()
    }

    /// Whether what [`Self::places`] gives may be relied on.
    pub(super) fn is_known(&self) -> bool {
        !self.known.borrow().failed
    }

    pub(super) fn changes(&self) -> Changes {
        let mut changes = self.known.subscribe();
        changes.mark_unchanged();
        Changes(changes)
    }

    /// Reads them anew where rights have changed since the last time.
    pub(super) async fn refresh(&self) -> Result<(), RegistryError> {
        let _alone = self.reading.lock().await;
        // Taken before reading: what changes meanwhile counts as not yet read.
        let rights = Some(*self.registry.rights_changes().borrow());
        if self.known.borrow().rights == rights && self.is_known() {
            return Ok(());
        }
        let places = self.read().await?;
        self.known.send_replace(Known { places: Arc::new(places), rights, failed: false });
        Ok(())
    }

    async fn read(&self) -> Result<Places, RegistryError> {
        let all = self.registry.scoped(Scope::Everything).enterprises(&Filter::default()).await?;
        let site = |e: anlan_store::registry::records::Enterprise| {
            let position = e.longitude.zip(e.latitude);
            let site = Site { region: e.region, name_zh: e.name_zh, name_en: e.name_en, position };
            (e.code, site)
        };
        Ok(Places(all.into_iter().map(site).collect()))
    }

    async fn look(&self) -> Result<(), RegistryError> {
        let _alone = self.reading.lock().await;
        let places = self.read().await?;
        self.known.send_if_modified(|known| {
            let changed = *known.places != places;
            if changed {
                known.places = Arc::new(places);
            }
            changed
        });
        Ok(())
    }

    /// Follows for ever.
    pub(super) async fn run(&self) {
        let mut rights = self.registry.rights_changes();
        loop {
            let done = tokio::select! {
                changed = rights.changed() => match changed {
                    Ok(()) => self.refresh().await,
                    Err(_) => return,
                },
                () = tokio::time::sleep(LOOKED_FOR_EVERY) => self.look().await,
            };
            if let Err(error) = done {
                tracing::error!(%error, "cannot read where enterprises lie; live streams are closed");
                metrics::counter!("anlan_web_internal_errors_total").increment(1);
                self.known.send_modify(|known| known.failed = true);
                tokio::time::sleep(Duration::from_millis(500)).await;
                // Whatever the reason was, the next round reads anew.
                rights.mark_changed();
            }
        }
    }
}
