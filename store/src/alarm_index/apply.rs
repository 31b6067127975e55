//! Folds records of the alarm log into rows.

use std::sync::Arc;

use anlan_domain::alarm::{AlarmChange, AlarmState};
use sqlx::{Sqlite, SqlitePool, Transaction};

use crate::alarm_index::search::state_of_code;
use crate::alarm_index::{IndexError, reason_code, state_code};
use crate::state::{AlarmRecord, AlarmSeq};

/// Writes what `records` change, and the cursor, in one transaction. Says how many alarms were raised under an identity
/// that another one had before.
pub async fn apply(
    pool: &SqlitePool,
    cursor: AlarmSeq,
    records: &[Arc<AlarmRecord>],
) -> Result<u64, IndexError> {
    let mut transaction = pool.begin_with("begin immediate").await.map_err(sql)?;
    let mut expected = cursor.0 + 1;
    let mut raised_again = 0;
    for record in records {
        if record.seq.0 != expected {
            return Err(IndexError::Gap { expected, given: record.seq.0 });
        }
        raised_again += u64::from(apply_one(&mut transaction, record).await? == Fit::RaisedAgain);
        expected += 1;
    }
    sqlx::query("update cursor set seq = ?")
        .bind((expected - 1).cast_signed())
        .execute(&mut *transaction)
        .await
        .map_err(sql)?;
    transaction.commit().await.map_err(sql)?;
    Ok(raised_again)
}

/// How a record fits what the index holds.
#[derive(PartialEq, Eq)]
enum Fit {
    Well,
    /// An alarm was raised under an identity that another one had before.
    RaisedAgain,
    /// It was left out of the alarm's row.
    Not,
}

fn sql(source: sqlx::Error) -> IndexError {
    IndexError::Sql { doing: "write", source }
}

async fn apply_one(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &AlarmRecord,
) -> Result<Fit, IndexError> {
    let id = record.entry.alarm.to_string();
    let seq = record.seq.0.cast_signed();
    sqlx::query("insert into entry (alarm, seq) values (?, ?)")
        .bind(&id)
        .bind(seq)
        .execute(&mut **transaction)
        .await
        .map_err(sql)?;
    if let AlarmChange::Raised { .. } = record.entry.change {
        return raise(transaction, record, &id).await;
    }
    let known: Option<String> = sqlx::query_scalar("select state from alarm where id = ?")
        .bind(&id)
        .fetch_optional(&mut **transaction)
        .await
        .map_err(sql)?;
    let Some(known) = known else {
        // The fold never does that; the entry itself is kept and can be looked at.
        tracing::warn!(
            alarm.id = id,
            alarm.seq = seq,
            "an entry about an alarm that was never raised"
        );
        return Ok(Fit::Not);
    };
    let before = state_of_code(&known).ok_or_else(|| IndexError::Damaged(id.clone()))?;
    let Some(state) = before.after(&record.entry.change) else {
        tracing::warn!(
            alarm.id = id,
            alarm.seq = seq,
            alarm.state = known,
            "an entry that does not fit the state of its alarm"
        );
        return Ok(Fit::Not);
    };
    change(transaction, record, &id, state).await?;
    Ok(Fit::Well)
}

/// A raise makes a row. Identities never come twice; should one all the same, then an alarm that stands and that nobody
/// sees would be the worst of all outcomes. So the row becomes that of the newer alarm, whatever state the older is in,
/// and it is said loudly. The older one's entries stay in the log.
async fn raise(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &AlarmRecord,
    id: &str,
) -> Result<Fit, IndexError> {
    let AlarmRecord { seq, decided_time, entry, .. } = record;
    let AlarmChange::Raised { value, limit, limits_version, level, late } = &entry.change else {
        return Ok(Fit::Not);
    };
    let before: Option<(String, i64)> =
        sqlx::query_as("select state, first_seq from alarm where id = ?")
            .bind(id)
            .fetch_optional(&mut **transaction)
            .await
            .map_err(sql)?;
    sqlx::query(
        "insert into alarm (id, subject, condition, enterprise, hazard, equipment, level, state, late, sort_at,
             raised_at, received_at, decided_at, value, limit_value, limits_version, first_seq, last_seq)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16)
         on conflict (id) do update set
             enterprise = excluded.enterprise, hazard = excluded.hazard, equipment = excluded.equipment,
             level = excluded.level, state = excluded.state, late = excluded.late, sort_at = excluded.sort_at,
             raised_at = excluded.raised_at, received_at = excluded.received_at, decided_at = excluded.decided_at,
             cleared_at = null, clear_reason = null, value = excluded.value, limit_value = excluded.limit_value,
             limits_version = excluded.limits_version, acked_by = null, acked_at = null, comment = null,
             first_seq = excluded.first_seq, last_seq = excluded.last_seq",
    )
    .bind(id)
    .bind(&*entry.alarm.subject.0)
    .bind(entry.alarm.condition.code())
    .bind(entry.place.enterprise.as_ref().map(|e| e.as_str()))
    .bind(entry.place.hazard.as_ref().map(|h| h.as_str()))
    .bind(entry.place.equipment.as_ref().map(|e| e.as_str()))
    .bind(i64::from(level.get()))
    .bind(state_code(AlarmState::Unacknowledged))
    .bind(late)
    .bind(entry.source_time.0)
    .bind(entry.received_time.0)
    .bind(decided_time.0)
    .bind(value)
    .bind(limit)
    .bind(i64::from(*limits_version))
    .bind(seq.0.cast_signed())
    .execute(&mut **transaction)
    .await
    .map_err(sql)?;
    let Some((state, first_seq)) = before else { return Ok(Fit::Well) };
    tracing::error!(
        alarm.id = id,
        alarm.seq = seq.0,
        alarm.state = state,
        first_seq,
        "an alarm is raised under an identity that an earlier one had; the list shows the newer one, the log keeps both"
    );
    Ok(Fit::RaisedAgain)
}

async fn change(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &AlarmRecord,
    id: &str,
    state: AlarmState,
) -> Result<(), IndexError> {
    let at = record.entry.source_time.0;
    let (mut raised, mut cleared, mut reason, mut acked_at) = (None, None, None, None);
    let (mut by, mut said) = (None, None);
    match &record.entry.change {
        AlarmChange::Raised { .. } => {}
        AlarmChange::Cleared { reason: why, .. } => {
            (cleared, reason) = (Some(at), Some(reason_code(*why)));
        }
        AlarmChange::Acknowledged { by: who, comment } => {
            (by, said, acked_at) = (Some(who), Some(comment), Some(at));
        }
        AlarmChange::Amended { raised_at, cleared_at } => {
            (raised, cleared) = (raised_at.map(|t| t.0), cleared_at.map(|t| t.0));
        }
    }
    sqlx::query(
        "update alarm set state = ?2, last_seq = ?3, raised_at = coalesce(?4, raised_at),
             cleared_at = coalesce(?5, cleared_at), clear_reason = coalesce(?6, clear_reason),
             acked_by = coalesce(?7, acked_by), acked_at = coalesce(?8, acked_at), comment = coalesce(?9, comment)
         where id = ?1",
    )
    .bind(id)
    .bind(state_code(state))
    .bind(record.seq.0.cast_signed())
    .bind(raised)
    .bind(cleared)
    .bind(reason)
    .bind(by)
    .bind(acked_at)
    .bind(said)
    .execute(&mut **transaction)
    .await
    .map_err(sql)?;
    Ok(())
}
