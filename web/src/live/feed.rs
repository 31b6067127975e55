//! Alarms for live streams: follows the alarm log once, gives each entry its names once, and lets every stream read from
//! its own cursor.
//!
//! No alarm is queued per client. The newest entries are kept encoded; a stream that is further behind reads the log
//! itself. The index is fed here too, so that lists and streams agree.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anlan_domain::ids::EnterpriseCode;
use anlan_store::alarm_index::IndexError;
use anlan_store::registry::{RegistryError, Scope};
use anlan_store::state::{AlarmRecord, AlarmSeq};
use serde_json::json;
use tokio::sync::watch;

use crate::cursor;
use crate::gate::Places;
use crate::options::Parts;
use crate::views::alarm::{Change, enrich};

/// Entries that are kept encoded.
const KEPT: usize = 4_096;
/// Entries that are taken from the log at once.
const AT_ONCE: usize = 256;

/// One entry of the alarm log, encoded.
#[derive(Debug)]
pub struct AlarmEvent {
    /// Its place.
    pub seq: AlarmSeq,
    /// Whose.
    pub enterprise: Option<EnterpriseCode>,
    /// `"type":"alarm","cursor":…,"alarm":…,"change":…}`; of an alarm that does not stand and is kept quiet from here on, or no
    /// longer, `"type":"quiet","cursor":…,"quiet":…,"change":…}`.
    pub body: String,
}

/// Why alarms could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// An entry cannot be written as JSON.
    #[error("an alarm cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The feed.
pub struct Feed {
    parts: Parts,
    kept: RwLock<VecDeque<Arc<AlarmEvent>>>,
    newest: watch::Sender<AlarmSeq>,
}

impl Feed {
    /// Begins at the end of the log.
    pub fn new(parts: &Parts) -> Self {
        let newest = watch::Sender::new(parts.center.last_alarm());
        Self { parts: parts.clone(), kept: RwLock::default(), newest }
    }

    /// Wakes when there are new entries; the value is the newest place.
    pub fn newest(&self) -> watch::Receiver<AlarmSeq> {
        self.newest.subscribe()
    }

    /// Brings the index to the end of the log.
    ///
    /// # Errors
    /// When log or index fail.
    pub async fn catch_up(&self) -> Result<(), IndexError> {
        if self.parts.alarms.cursor().await != self.parts.log.last_alarm() {
            self.parts.alarms.follow(&self.parts.log).await?;
            metrics::counter!("anlan_alarm_raised_again_total")
                .absolute(self.parts.alarms.raised_again());
        }
        Ok(())
    }

    /// Follows the log for ever.
    pub(crate) async fn run(&self, places: impl Fn() -> Arc<Places>) {
        loop {
            let after = *self.newest.borrow();
            let records = self.parts.center.alarms_after(after, AT_ONCE, 1_000).await;
            let Some(last) = records.last().map(|r| r.seq) else {
                // The center may have answered at once: it is starting, or stopping.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            match self.encode(&places(), &records).await {
                Ok(events) => {
                    let mut kept = self.kept.write().expect("no panic while held");
                    kept.extend(events);
                    let surplus = kept.len().saturating_sub(KEPT);
                    kept.drain(..surplus);
                    drop(kept);
                    self.newest.send_replace(last);
                }
                Err(error) => {
                    tracing::error!(%error, "cannot prepare alarms for live streams; trying again");
                    metrics::counter!("anlan_live_feed_failures_total").increment(1);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Entries after a place, in order, at most some hundreds. Empty at the end of the log.
    ///
    /// # Errors
    /// When log, index or registry fail.
    pub(crate) async fn after(
        &self,
        after: AlarmSeq,
        places: &Places,
    ) -> Result<Vec<Arc<AlarmEvent>>, FeedError> {
        {
            let kept = self.kept.read().expect("no panic while held");
            if kept.front().is_some_and(|first| first.seq.0 <= after.0 + 1) {
                let from = kept.partition_point(|event| event.seq <= after);
                return Ok(kept.iter().skip(from).take(AT_ONCE).cloned().collect());
            }
        }
        if after >= *self.newest.borrow() {
            return Ok(Vec::new());
        }
        let records = self.parts.center.alarms_after(after, AT_ONCE, 0).await;
        self.encode(places, &records).await
    }

    async fn encode(
        &self,
        places: &Places,
        records: &[Arc<AlarmRecord>],
    ) -> Result<Vec<Arc<AlarmEvent>>, FeedError> {
        self.catch_up().await?;
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            if rows
                .iter()
                .any(|row: &anlan_store::alarm_index::AlarmRow| row.id == record.entry.alarm)
            {
                continue;
            }
            if let Some(row) = self.parts.alarms.get(&record.entry.alarm).await? {
                rows.push(row);
            }
        }
        let everything = self.parts.registry.scoped(Scope::Everything);
        let alarms = enrich(rows, &everything, places, &self.parts.registry).await?;
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            if record.entry.alarm.occurrence == 0 {
                let body = json!({
                    "cursor": cursor::of_alarm(record.seq),
                    "quiet": record.entry.alarm.key(),
                    "change": Change::of(&record.entry),
                });
                events.push(event(record, "quiet", &body)?);
                continue;
            }
            let id = record.entry.alarm.to_string();
            let Some(alarm) = alarms.iter().find(|alarm| alarm.id == id) else {
                tracing::error!(alarm.id = id, "the alarm index lacks an alarm of the log");
                continue;
            };
            let body = json!({
                "cursor": cursor::of_alarm(record.seq),
                "alarm": alarm,
                "change": Change::of(&record.entry),
            });
            events.push(event(record, "alarm", &body)?);
        }
        Ok(events)
    }
}

fn event(
    record: &AlarmRecord,
    kind: &str,
    body: &serde_json::Value,
) -> Result<Arc<AlarmEvent>, serde_json::Error> {
    let body = serde_json::to_string(body)?;
    Ok(Arc::new(AlarmEvent {
        seq: record.seq,
        enterprise: record.entry.place.enterprise.clone(),
        // Without its brace, so that a stream's own fields can stand in front.
        body: format!("\"type\":\"{kind}\",{}", &body[1..]),
    }))
}
