//! Where the desk has its alarms from.

use std::sync::Arc;

use anlan_domain::alarm::AlarmSubject;
use anlan_domain::ids::PointId;
use anlan_store::state::{AlarmRecord, AlarmSeq, StateError};
use async_trait::async_trait;
use tokio::sync::watch;

use crate::shared::Shared;

/// The alarm log by cursor, and what it does not say of its points.
#[async_trait]
pub trait AlarmSource: Send + Sync + 'static {
    /// Is told of every new end of the log.
    fn ends(&self) -> watch::Receiver<AlarmSeq>;

    /// Entries after a place, at most `limit`.
    ///
    /// # Errors
    /// When the log cannot be read.
    async fn after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError>;

    /// Signal type of a point; `None` for what is no point, or none any more.
    fn signal(&self, subject: &AlarmSubject) -> Option<Box<str>>;
}

#[async_trait]
impl AlarmSource for Arc<Shared> {
    fn ends(&self) -> watch::Receiver<AlarmSeq> {
        self.tail.watch()
    }

    async fn after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError> {
        self.tail.after(after, limit).await
    }

    fn signal(&self, subject: &AlarmSubject) -> Option<Box<str>> {
        let point = PointId::new(&subject.0).ok()?;
        let place = self.catalog.point(&point)?;
        let config = self.catalog.host(place.host)?;
        let point = config.points.get(place.slot as usize)?;
        Some(point.settings.signal.clone())
    }
}
