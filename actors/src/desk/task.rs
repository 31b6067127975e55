//! The one task that decides: alarms, people and time in, one transaction out.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anlan_domain::alarm::{AlarmChange, AlarmEntry};
use anlan_domain::warning::book::{Book, Settings};
use anlan_domain::warning::{Warning, WarningChange, WarningEntry, WarningNo, WarningRefused};
use anlan_store::desk::{Batch, DeskError, DeskStore, NewMessage};
use anlan_store::state::{AlarmSeq, StateError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::letters::{Step, Writer};
use super::people::{DeskDirectory, Names, PeopleBook};
use super::source::AlarmSource;
use super::{Ask, DeskFault, DeskHealth, with_causes};
use crate::directory::{Clock, DirectoryError};

/// Entries of the alarm log taken into one transaction.
const RECORDS_AT_ONCE: usize = 1_000;
/// Asks taken into one transaction.
const ASKS_AT_ONCE: usize = 256;
/// Rosters are asked for again after this long.
const PEOPLE_FRESH: Duration = Duration::from_secs(10);
/// Longest sleep: the wall clock may step while it sleeps.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Waits after a failure, doubling.
const AGAIN_AFTER: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What the task works with.
pub struct Parts {
    pub store: DeskStore,
    pub alarms: Arc<dyn AlarmSource>,
    pub directory: Arc<dyn DeskDirectory>,
    pub writer: Writer,
    pub clock: Clock,
    pub stop: CancellationToken,
}

/// The task.
pub struct Task {
    parts: Parts,
    asks: mpsc::Receiver<Ask>,
    health: Arc<Mutex<DeskHealth>>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] DeskError),
    #[error(transparent)]
    Log(#[from] StateError),
    #[error("people and rosters cannot be read")]
    People(#[from] DirectoryError),
}

/// One run from what is durable.
struct Life {
    book: Book,
    settings: Settings,
    cursor: AlarmSeq,
    people: Arc<PeopleBook>,
    people_at: Instant,
    /// Until here the log is older than the desk: nobody is woken for what is over.
    older_than_desk: AlarmSeq,
}

type Reply = (oneshot::Sender<Result<WarningNo, DeskFault>>, Result<WarningNo, WarningRefused>);

impl Task {
    pub fn new(parts: Parts, asks: mpsc::Receiver<Ask>, health: Arc<Mutex<DeskHealth>>) -> Self {
        Self { parts, asks, health }
    }

    /// Runs until it is stopped; after a failure it begins anew from what is durable.
    pub async fn run(mut self) {
        let (first, longest) = AGAIN_AFTER;
        let mut wait = first;
        loop {
            let begun = Instant::now();
            match self.live().await {
                Ok(()) => return,
                Err(failure) => {
                    if begun.elapsed() > longest {
                        wait = first;
                    }
                    let why = with_causes(&failure);
                    tracing::error!(
                        why,
                        "the alarm desk fails and begins anew from what is durable"
                    );
                    metrics::counter!("anlan_desk_failures_total").increment(1);
                    let mut health =
                        self.health.lock().expect("no code panics while it holds the health");
                    health.failing = Some(why);
                    health.restarts = health.restarts.saturating_add(1);
                }
            }
            tokio::select! {
                () = self.parts.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(longest),
            }
        }
    }

    async fn live(&mut self) -> Result<(), Failure> {
        let mut life = self.begin().await?;
        let mut ends = self.parts.alarms.ends();
        let mut asked: Vec<Ask> = Vec::new();
        loop {
            let more = self.round(&mut life, std::mem::take(&mut asked)).await?;
            self.health.lock().expect("no code panics while it holds the health").failing = None;
            if more {
                continue;
            }
            let now = (self.parts.clock)();
            let until_due = life
                .book
                .next_due()
                .map(|due| Duration::from_millis(u64::try_from(due.since(now)).unwrap_or(0)));
            let sleep = until_due.unwrap_or(SLEEP_MAX).clamp(Duration::from_millis(1), SLEEP_MAX);
            tokio::select! {
                () = self.parts.stop.cancelled() => return Ok(()),
                Some(ask) = self.asks.recv() => {
                    asked.push(ask);
                    while asked.len() < ASKS_AT_ONCE && let Ok(ask) = self.asks.try_recv() {
                        asked.push(ask);
                    }
                }
                Ok(()) = ends.changed() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn begin(&self) -> Result<Life, Failure> {
        let Parts { store, alarms, directory, .. } = &self.parts;
        let settings = super::settings(store).await?;
        let kept = store.load().await?;
        let older_than_desk = match kept.cursor {
            Some(_) => AlarmSeq(0),
            None => *alarms.ends().borrow(),
        };
        Ok(Life {
            book: Book::restored(kept.last_no, kept.warnings, kept.alarms, &settings),
            settings,
            cursor: kept.cursor.unwrap_or_default(),
            people: Arc::new(directory.people().await?),
            people_at: Instant::now(),
            older_than_desk,
        })
    }

    /// Takes what there is, decides, and makes it durable. Says whether there is more.
    async fn round(&self, life: &mut Life, asked: Vec<Ask>) -> Result<bool, Failure> {
        if life.people_at.elapsed() > PEOPLE_FRESH {
            life.people = Arc::new(self.parts.directory.people().await?);
            life.people_at = Instant::now();
        }
        let now = (self.parts.clock)();
        let records = self.parts.alarms.after(life.cursor, RECORDS_AT_ONCE).await?;
        let people = life.people.clone();
        let staffed = |place: &_| people.staffed(place);
        let mut entries = Vec::new();
        for record in &records {
            let old = record.seq <= life.older_than_desk;
            let entry = if old { as_late(&record.entry) } else { Cow::Borrowed(&record.entry) };
            let signal = || self.parts.alarms.signal(&entry.alarm.subject);
            life.book.alarm_entry(&entry, signal, &life.settings, &staffed, now, &mut entries);
        }
        let more = records.len() == RECORDS_AT_ONCE;
        let mut replies: Vec<Reply> = Vec::new();
        let mut heard: Vec<oneshot::Sender<()>> = Vec::new();
        for ask in asked {
            match ask {
                Ask::Command(command, reply) => {
                    let done =
                        life.book.command(&command, &life.settings, &staffed, now, &mut entries);
                    replies.push((reply, done));
                }
                Ask::Settings(reply) => {
                    life.settings = super::settings(&self.parts.store).await?;
                    life.book.settings_changed(&life.settings);
                    heard.push(reply);
                }
            }
        }
        // What is over by the end of the log must not wake anybody, so time passes only where all of it is read.
        if !more {
            life.book.tick(&life.settings, &staffed, now, &mut entries);
        }
        let cursor = records.last().map(|record| record.seq);
        self.keep(life, entries, cursor).await?;
        life.cursor = cursor.unwrap_or(life.cursor);
        for (reply, done) in replies {
            // Who asked may have gone; it is durable all the same.
            drop(reply.send(done.map_err(DeskFault::Refused)));
        }
        for reply in heard {
            // As above.
            let _gone = reply.send(());
        }
        Ok(more)
    }

    async fn keep(
        &self,
        life: &mut Life,
        entries: Vec<WarningEntry>,
        cursor: Option<AlarmSeq>,
    ) -> Result<(), Failure> {
        let touched = life.book.take_touched();
        let mut warnings: Vec<Warning> =
            touched.warnings.iter().filter_map(|no| life.book.get(*no).cloned()).collect();
        warnings.extend(touched.closed);
        let alarms: Vec<_> = touched
            .alarms
            .into_iter()
            .map(|id| (id.clone(), life.book.alarm(&id).cloned()))
            .collect();
        let messages = self.messages(life, &entries, &warnings).await?;
        let answered = entries.iter().filter(|entry| {
            matches!(entry.change, WarningChange::Answered { .. } | WarningChange::Closed { .. })
        });
        let hushed: BTreeSet<WarningNo> = answered.map(|entry| entry.warning).collect();
        let batch = Batch {
            cursor,
            last_no: life.book.last_no(),
            warnings,
            entries,
            alarms,
            messages,
            hushed: hushed.into_iter().collect(),
        };
        if batch.is_empty() {
            return Ok(());
        }
        self.parts.store.commit(&batch).await?;
        metrics::counter!("anlan_desk_entries_total").increment(batch.entries.len() as u64);
        #[allow(clippy::cast_precision_loss)]
        metrics::gauge!("anlan_desk_open_warnings").set(life.book.open().count() as f64);
        Ok(())
    }

    async fn messages(
        &self,
        life: &Life,
        entries: &[WarningEntry],
        warnings: &[Warning],
    ) -> Result<Vec<NewMessage>, Failure> {
        let mut names: BTreeMap<WarningNo, Names> = BTreeMap::new();
        let mut out = Vec::new();
        let calls = entries.iter().filter(|entry| {
            matches!(entry.change, WarningChange::Called { .. } | WarningChange::Reminded { .. })
        });
        for entry in calls {
            let Some(warning) = warnings.iter().find(|warning| warning.no == entry.warning) else {
                continue;
            };
            // Of a warning that was called twice in one round of the desk, the later round is what people hear.
            let stale = matches!(entry.change, WarningChange::Called { round, .. } if round != warning.climb.round);
            if stale {
                continue;
            }
            let names = match names.entry(warning.no) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let directory = &self.parts.directory;
                    free.insert(directory.names(&warning.place, warning.lead.as_ref()).await?)
                }
            };
            let lead = warning.lead.as_ref().and_then(|alarm| life.book.alarm(alarm));
            let step = Step { warning, entry, lead, names };
            out.extend(self.parts.writer.write(&step, &life.settings.ladder, &life.people));
        }
        Ok(out)
    }
}

/// An entry from before the desk: what it raises is taken for late.
fn as_late(entry: &AlarmEntry) -> Cow<'static, AlarmEntry> {
    let mut entry = entry.clone();
    if let AlarmChange::Raised { late, .. } = &mut entry.change {
        *late = true;
    }
    Cow::Owned(entry)
}
