//! Rebuildable SQL projection of the alarm log: one row an alarm, for lists, search and statistics.
//!
//! The alarm log is the truth. This follows it by cursor, and the cursor is written in the same transaction as the rows, so
//! a crash neither loses nor repeats an entry. The file can be deleted at any time: following from the start makes the
//! same rows, and a file that cannot be read or was written by another version is begun anew.
//!
//! Left out: names of enterprises and points, which change and belong to the registry; and who may see what, which the web
//! layer passes as the list of enterprises in scope.

mod apply;
mod schema;
mod search;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anlan_domain::alarm::{AlarmId, AlarmKey, ClearReason, Condition, Level};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::life_cycle::{AlarmState, Quiet, Until};
use anlan_domain::time::UtcMillis;
use sqlx::SqlitePool;
use tokio::sync::Mutex;

use crate::state::{AlarmRecord, AlarmSeq, StateError, StateStore};

pub use search::BadPageCursor;

/// Records taken from the log at a time: one transaction.
const RECORDS_AT_A_TIME: usize = 2_000;

/// An alarm as it stands now, with what its life has left in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmRow {
    /// Identity.
    pub id: AlarmId,
    /// The enterprise; `None` for the center's own link alone.
    pub enterprise: Option<EnterpriseCode>,
    /// The hazard source, where there is one.
    pub hazard: Option<HazardCode>,
    /// The equipment, where the alarm is about a point.
    pub equipment: Option<EquipmentId>,
    /// Severity.
    pub level: Level,
    /// State.
    pub state: AlarmState,
    /// 补传: found in back-filled data.
    pub late: bool,
    /// When it began at the source, as it is known now.
    pub raised_at: UtcMillis,
    /// When the center received what completed it.
    pub received_at: UtcMillis,
    /// When the center decided.
    pub decided_at: UtcMillis,
    /// When it ended at the source, as it is known now.
    pub cleared_at: Option<UtcMillis>,
    /// Why it ended.
    pub clear_reason: Option<ClearReason>,
    /// The value that completed it.
    pub value: Option<f64>,
    /// The limit that it broke.
    pub limit: Option<f64>,
    /// Version of the limits in force.
    pub limits_version: u32,
    /// Who acknowledged it, by user name.
    pub acked_by: Option<String>,
    /// When.
    pub acked_at: Option<UtcMillis>,
    /// What they said.
    pub comment: Option<String>,
    /// 接手: who answers for it, by user name, and since when.
    pub owner: Option<(String, UtcMillis)>,
    /// 处置
    pub disposition: Option<Disposition>,
    /// 振荡: how often it has crossed, where it was ever held up as chattering.
    pub crossings: Option<u32>,
    /// It chatters at the moment.
    pub chattering: bool,
    /// The entry that raised it.
    pub first_seq: AlarmSeq,
    /// The newest entry about it.
    pub last_seq: AlarmSeq,
}

/// What an alarm was and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// Code of the cause.
    pub cause: String,
    /// Code of the measure.
    pub measure: String,
    /// In words; may be empty.
    pub comment: String,
    /// Who, by user name.
    pub by: String,
    /// When.
    pub at: UtcMillis,
}

/// An alarm that something keeps quiet, whether it stands or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietRow {
    /// Which.
    pub alarm: AlarmKey,
    /// What keeps it quiet. An alarm can be in the list once for each.
    pub quiet: Quiet,
    /// The enterprise.
    pub enterprise: Option<EnterpriseCode>,
    /// The hazard source, where there is one.
    pub hazard: Option<HazardCode>,
    /// The equipment, where the alarm is about a point.
    pub equipment: Option<EquipmentId>,
    /// Who, by user name; `None` for a rule.
    pub by: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: UtcMillis,
    /// How long, where it ends by itself.
    pub until: Option<Until>,
}

/// A piece of equipment that does not simply run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EquipmentStateRow {
    /// Which.
    pub equipment: EquipmentId,
    /// How it stands.
    pub state: EquipmentState,
    /// Who declared it, by user name.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: UtcMillis,
    /// When it runs by itself.
    pub until: Option<UtcMillis>,
}

/// Which alarms. What is empty or `None` asks for nothing; everything that is stated must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlarmFilter {
    /// Of these enterprises. `None`: of all, and the center's own; an empty list: of none.
    pub enterprises: Option<Vec<EnterpriseCode>>,
    /// Of this hazard source.
    pub hazard: Option<HazardCode>,
    /// Of this equipment.
    pub equipment: Option<EquipmentId>,
    /// About this point or node, as in `AlarmSubject`.
    pub subject: Option<String>,
    /// Of these levels.
    pub levels: Vec<Level>,
    /// In these states.
    pub states: Vec<AlarmState>,
    /// Of these conditions.
    pub conditions: Vec<Condition>,
    /// Back-filled ones only, or live ones only.
    pub late: Option<bool>,
    /// Raised at or after.
    pub from: Option<UtcMillis>,
    /// Raised before.
    pub to: Option<UtcMillis>,
    /// Text within identity, place, what was said, or the user name of who acknowledged, answers for it or disposed of it.
    pub text: Option<String>,
    /// This person answers for it, by user name.
    pub owner: Option<String>,
    /// Disposed of, or not yet.
    pub disposed: Option<bool>,
}

impl AlarmFilter {
    /// Alarms that are annunciated and stand, or wait for acknowledgement or a reset.
    #[must_use]
    pub fn open() -> Self {
        use AlarmState::{
            Acknowledged, LatchedAcknowledged, LatchedUnacknowledged, ReturnedUnacknowledged,
            Unacknowledged,
        };
        Self {
            states: vec![
                Unacknowledged,
                Acknowledged,
                ReturnedUnacknowledged,
                LatchedUnacknowledged,
                LatchedAcknowledged,
            ],
            ..Self::default()
        }
    }
}

/// One page of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmPage {
    /// Newest first.
    pub items: Vec<AlarmRow>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
}

/// One page of what is kept quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietPage {
    /// Newest first.
    pub items: Vec<QuietRow>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<String>,
}

/// How many alarms of one enterprise have a level and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmCount {
    /// The enterprise; `None` for the center's own.
    pub enterprise: Option<EnterpriseCode>,
    /// Severity.
    pub level: Level,
    /// State.
    pub state: AlarmState,
    /// How many.
    pub count: u64,
}

/// From when to when an alarm was, and when somebody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmSpan {
    /// Which alarm as such.
    pub alarm: AlarmKey,
    /// Severity.
    pub level: Level,
    /// When it began at the source.
    pub raised_at: UtcMillis,
    /// When it was acknowledged.
    pub acked_at: Option<UtcMillis>,
    /// When it ended at the source.
    pub cleared_at: Option<UtcMillis>,
}

/// How many alarms were raised within one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourCount {
    /// Beginning of the hour (of UTC; zones of whole hours fall on the same ones).
    pub hour: UtcMillis,
    /// By level 1 to 4.
    pub by_level: [u64; 4],
}

/// Why the index could not do as asked. Nothing is lost: it can be rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// SQLite failed.
    #[error("cannot {doing} the alarm index")]
    Sql {
        /// What we were doing.
        doing: &'static str,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The file could not be removed to begin anew.
    #[error("cannot begin the alarm index {path} anew")]
    File {
        /// Which file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The alarm log could not be read.
    #[error(transparent)]
    Log(#[from] StateError),
    /// A row holds what cannot be.
    #[error("the alarm index is damaged at {0}; delete it, it is rebuilt")]
    Damaged(String),
    /// Records do not follow the last one that was taken.
    #[error("alarm records from {given} on were given to the index, which expects {expected}")]
    Gap {
        /// What it needs next.
        expected: u64,
        /// What it got.
        given: u64,
    },
    /// The page cursor of a search was not given out by one.
    #[error(transparent)]
    Cursor(#[from] BadPageCursor),
}

/// The index.
pub struct AlarmIndex {
    pool: SqlitePool,
    /// One follower at a time; holds the cursor.
    cursor: Mutex<AlarmSeq>,
    raised_again: AtomicU64,
}

impl AlarmIndex {
    /// Opens the index at `path` (`alarm-index.db`), or begins it.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn open(path: &Path) -> Result<Self, IndexError> {
        let (pool, cursor) = schema::open(path).await?;
        Ok(Self { pool, cursor: Mutex::new(cursor), raised_again: AtomicU64::new(0) })
    }

    /// Closes the file in order. Not needed for safety: dropping it loses nothing.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The last record of the log that is in the index.
    pub async fn cursor(&self) -> AlarmSeq {
        *self.cursor.lock().await
    }

    /// Alarms raised under an identity that an earlier one had, since the index was opened. Must be zero.
    #[must_use]
    pub fn raised_again(&self) -> u64 {
        self.raised_again.load(Ordering::Relaxed)
    }

    /// Takes everything that the log has beyond the cursor, and returns the new cursor. To be called on every wake-up
    /// and on a slow period.
    ///
    /// # Errors
    /// When the log cannot be read or the index not be written; the next call goes on where this one stopped.
    pub async fn follow<S: StateStore + ?Sized>(
        &self,
        log: &Arc<S>,
    ) -> Result<AlarmSeq, IndexError> {
        let mut cursor = self.cursor.lock().await;
        if log.last_alarm() < *cursor {
            tracing::warn!(
                "the alarm index is ahead of the alarm log, of which it must be a copy; rebuilding"
            );
            schema::clear(&self.pool).await?;
            *cursor = AlarmSeq(0);
        }
        loop {
            let (after, source) = (*cursor, Arc::clone(log));
            let records = blocking(move || source.alarms_after(after, RECORDS_AT_A_TIME)).await?;
            let Some(last) = records.last() else { return Ok(*cursor) };
            let again = apply::apply(&self.pool, *cursor, &records).await?;
            self.raised_again.fetch_add(again, Ordering::Relaxed);
            *cursor = last.seq;
        }
    }

    /// Forgets everything and follows from the start.
    ///
    /// # Errors
    /// As [`Self::follow`].
    pub async fn rebuild<S: StateStore + ?Sized>(
        &self,
        log: &Arc<S>,
    ) -> Result<AlarmSeq, IndexError> {
        {
            let mut cursor = self.cursor.lock().await;
            schema::clear(&self.pool).await?;
            *cursor = AlarmSeq(0);
        }
        self.follow(log).await
    }

    /// One alarm.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn get(&self, id: &AlarmId) -> Result<Option<AlarmRow>, IndexError> {
        search::get(&self.pool, id).await
    }

    /// Several alarms, in no order; those unknown are left out.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn get_many(&self, ids: &[AlarmId]) -> Result<Vec<AlarmRow>, IndexError> {
        search::get_many(&self.pool, ids).await
    }

    /// Every entry of the log about one alarm, oldest first.
    ///
    /// # Errors
    /// When index or log cannot be read.
    pub async fn entries<S: StateStore + ?Sized>(
        &self,
        id: &AlarmId,
        log: &Arc<S>,
    ) -> Result<Vec<Arc<AlarmRecord>>, IndexError> {
        let seqs = search::entries(&self.pool, id).await?;
        let log = Arc::clone(log);
        let read = move || {
            let mut out = Vec::with_capacity(seqs.len());
            for seq in seqs {
                out.extend(log.alarms_after(AlarmSeq(seq.0 - 1), 1)?);
            }
            Ok(out)
        };
        Ok(blocking(read).await?)
    }

    /// Alarms that fit, newest first: by the time of raising as it was first known, which no later entry changes, so that
    /// paging neither skips nor repeats. `cursor` is the `next_cursor` of the page before.
    ///
    /// # Errors
    /// When the cursor is none, or the index cannot be read.
    pub async fn search(
        &self,
        filter: &AlarmFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<AlarmPage, IndexError> {
        search::search(&self.pool, filter, cursor, limit).await
    }

    /// A page of the alarms that something keeps quiet, of these enterprises (`None`: of all), the newest first, at most `limit`.
    /// `cursor` is the `next_cursor` of the page before.
    ///
    /// # Errors
    /// When the cursor is none, or the index cannot be read.
    pub async fn quiet(
        &self,
        enterprises: Option<&[EnterpriseCode]>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<QuietPage, IndexError> {
        search::quiet(&self.pool, enterprises, cursor, limit).await
    }

    /// How these pieces of equipment stand; one that runs is left out.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn equipment_states(
        &self,
        equipment: &[&str],
    ) -> Result<Vec<EquipmentStateRow>, IndexError> {
        search::equipment_states(&self.pool, equipment).await
    }

    /// How many alarms fit, per enterprise, level and state.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn counts(&self, filter: &AlarmFilter) -> Result<Vec<AlarmCount>, IndexError> {
        search::counts(&self.pool, filter).await
    }

    /// What statistics need of the alarms that fit and were annunciated, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn spans(
        &self,
        filter: &AlarmFilter,
        limit: usize,
    ) -> Result<Vec<AlarmSpan>, IndexError> {
        search::spans(&self.pool, filter, limit).await
    }

    /// How many alarms that fit were raised in each hour, oldest first. Hours without any are left out.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn hours(&self, filter: &AlarmFilter) -> Result<Vec<HourCount>, IndexError> {
        search::hours(&self.pool, filter).await
    }
}

/// Reads the log on a thread that may block.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|e| StateError::Read { what: "the alarm log".to_owned(), source: Box::new(e) })?
}

/// Code of a state in the index; stable, since a list of them is a column.
const fn state_code(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Unacknowledged => "unacknowledged",
        AlarmState::Acknowledged => "acknowledged",
        AlarmState::ReturnedUnacknowledged => "returned_unacknowledged",
        AlarmState::LatchedUnacknowledged => "latched_unacknowledged",
        AlarmState::LatchedAcknowledged => "latched_acknowledged",
        AlarmState::Shelved => "shelved",
        AlarmState::Suppressed => "suppressed",
        AlarmState::OutOfService => "out_of_service",
        AlarmState::Closed => "closed",
    }
}

const fn reason_code(reason: ClearReason) -> &'static str {
    match reason {
        ClearReason::Returned => "returned",
        ClearReason::LimitsChanged => "limits_changed",
        ClearReason::PointRemoved => "point_removed",
        ClearReason::ParentLost => "parent_lost",
    }
}
