//! Folds records of the alarm log into rows.

use std::sync::Arc;

use anlan_domain::alarm::{AlarmChange, AlarmEntry};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::life_cycle::{AlarmState, Until};
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
    match &record.entry.change {
        AlarmChange::Raised { .. } => return raise(transaction, record, &id).await,
        AlarmChange::EquipmentState { .. } => {
            keep_state(transaction, record).await?;
            return Ok(Fit::Well);
        }
        AlarmChange::Quieted { .. } | AlarmChange::Resumed { .. } => {
            keep_quiet(transaction, record).await?;
            if record.entry.alarm.occurrence == 0 {
                return Ok(Fit::Well);
            }
        }
        _ => {}
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
    let AlarmChange::Raised { value, limit, limits_version, level, late, quiet } = &entry.change
    else {
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
             raised_at, received_at, decided_at, value, limit_value, limits_version, first_seq, last_seq, quietly)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16, ?17)
         on conflict (id) do update set
             enterprise = excluded.enterprise, hazard = excluded.hazard, equipment = excluded.equipment,
             level = excluded.level, state = excluded.state, late = excluded.late, quietly = excluded.quietly,
             sort_at = excluded.sort_at,
             raised_at = excluded.raised_at, received_at = excluded.received_at, decided_at = excluded.decided_at,
             cleared_at = null, clear_reason = null, value = excluded.value, limit_value = excluded.limit_value,
             limits_version = excluded.limits_version, acked_by = null, acked_at = null, comment = null,
             owner = null, taken_at = null, cause = null, measure = null, disposition = null, disposed_by = null,
             disposed_at = null, crossings = null, chattering = 0,
             first_seq = excluded.first_seq, last_seq = excluded.last_seq",
    )
    .bind(id)
    .bind(&*entry.alarm.subject.0)
    .bind(entry.alarm.condition.code())
    .bind(entry.place.enterprise.as_ref().map(|e| e.as_str()))
    .bind(entry.place.hazard.as_ref().map(|h| h.as_str()))
    .bind(entry.place.equipment.as_ref().map(|e| e.as_str()))
    .bind(i64::from(level.get()))
    .bind(state_code(AlarmState::raised(*quiet)))
    .bind(late)
    .bind(entry.source_time.0)
    .bind(entry.received_time.0)
    .bind(decided_time.0)
    .bind(value)
    .bind(limit)
    .bind(i64::from(*limits_version))
    .bind(seq.0.cast_signed())
    .bind(quiet.is_some())
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

/// What keeps an alarm quiet, whether it stands or not.
async fn keep_quiet(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &AlarmRecord,
) -> Result<(), IndexError> {
    let AlarmEntry { alarm, place, change, source_time, .. } = &record.entry;
    match change {
        AlarmChange::Quieted { quiet, by, reason, until } => sqlx::query(
            "insert or replace into quiet (subject, condition, quiet, enterprise, hazard, equipment, by_user, reason,
                 since, until, one_shot)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&*alarm.subject.0)
        .bind(alarm.condition.code())
        .bind(quiet.code())
        .bind(place.enterprise.as_ref().map(|e| e.as_str()))
        .bind(place.hazard.as_ref().map(|h| h.as_str()))
        .bind(place.equipment.as_ref().map(|e| e.as_str()))
        .bind(by)
        .bind(reason)
        .bind(source_time.0)
        .bind(until.map(|until| until.latest().0))
        .bind(matches!(until, Some(Until::Returned { .. }))),
        AlarmChange::Resumed { quiet, .. } => {
            sqlx::query("delete from quiet where subject = ? and condition = ? and quiet = ?")
                .bind(&*alarm.subject.0)
                .bind(alarm.condition.code())
                .bind(quiet.code())
        }
        _ => return Ok(()),
    }
    .execute(&mut **transaction)
    .await
    .map_err(sql)?;
    Ok(())
}

/// How a piece of equipment stands. One that runs has no row.
async fn keep_state(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &AlarmRecord,
) -> Result<(), IndexError> {
    let AlarmEntry { place, change, source_time, .. } = &record.entry;
    let (AlarmChange::EquipmentState { state, by, reason, until }, Some(equipment)) =
        (change, &place.equipment)
    else {
        return Ok(());
    };
    let query = if *state == EquipmentState::Running {
        sqlx::query("delete from equipment_state where equipment = ?").bind(equipment.as_str())
    } else {
        sqlx::query(
            "insert or replace into equipment_state (equipment, state, by_user, reason, since, until)
             values (?, ?, ?, ?, ?, ?)",
        )
        .bind(equipment.as_str())
        .bind(state.code())
        .bind(by.as_deref().unwrap_or_default())
        .bind(reason)
        .bind(source_time.0)
        .bind(until.map(|until| until.0))
    };
    query.execute(&mut **transaction).await.map_err(sql)?;
    Ok(())
}

async fn change(
    transaction: &mut Transaction<'_, Sqlite>,
    record: &AlarmRecord,
    id: &str,
    state: AlarmState,
) -> Result<(), IndexError> {
    let at = record.entry.source_time.0;
    let mut new = New::default();
    match &record.entry.change {
        AlarmChange::Raised { .. }
        | AlarmChange::EquipmentState { .. }
        | AlarmChange::Repeated
        | AlarmChange::Reset { .. }
        | AlarmChange::Quieted { .. }
        | AlarmChange::Resumed { .. }
        | AlarmChange::Commented { .. } => {}
        AlarmChange::Cleared { reason: why, .. } => {
            (new.cleared, new.reason) = (Some(at), Some(reason_code(*why)));
        }
        AlarmChange::Acknowledged { by, comment } => {
            (new.acked_by, new.comment, new.acked_at) = (Some(by), Some(comment), Some(at));
        }
        AlarmChange::Amended { raised_at, cleared_at } => {
            (new.raised, new.cleared) = (raised_at.map(|t| t.0), cleared_at.map(|t| t.0));
        }
        AlarmChange::Chattering { crossings, over } => {
            (new.crossings, new.chattering) = (Some(i64::from(*crossings)), Some(!over));
        }
        AlarmChange::Taken { by, .. } => (new.owner, new.taken_at) = (Some(by), Some(at)),
        AlarmChange::Disposed { by, cause, measure, comment } => {
            (new.cause, new.measure, new.disposition) = (Some(cause), Some(measure), Some(comment));
            (new.disposed_by, new.disposed_at) = (Some(by), Some(at));
        }
    }
    sqlx::query(
        "update alarm set state = ?2, last_seq = ?3, raised_at = coalesce(?4, raised_at),
             cleared_at = coalesce(?5, cleared_at), clear_reason = coalesce(?6, clear_reason),
             acked_by = coalesce(?7, acked_by), acked_at = coalesce(?8, acked_at), comment = coalesce(?9, comment),
             owner = coalesce(?10, owner), taken_at = coalesce(?11, taken_at), cause = coalesce(?12, cause),
             measure = coalesce(?13, measure), disposition = coalesce(?14, disposition),
             disposed_by = coalesce(?15, disposed_by), disposed_at = coalesce(?16, disposed_at),
             crossings = coalesce(?17, crossings), chattering = coalesce(?18, chattering)
         where id = ?1",
    )
    .bind(id)
    .bind(state_code(state))
    .bind(record.seq.0.cast_signed())
    .bind(new.raised)
    .bind(new.cleared)
    .bind(new.reason)
    .bind(new.acked_by)
    .bind(new.acked_at)
    .bind(new.comment)
    .bind(new.owner)
    .bind(new.taken_at)
    .bind(new.cause)
    .bind(new.measure)
    .bind(new.disposition)
    .bind(new.disposed_by)
    .bind(new.disposed_at)
    .bind(new.crossings)
    .bind(new.chattering)
    .execute(&mut **transaction)
    .await
    .map_err(sql)?;
    Ok(())
}

/// What an entry writes anew into an alarm's row.
#[derive(Default)]
struct New<'a> {
    raised: Option<i64>,
    cleared: Option<i64>,
    reason: Option<&'static str>,
    acked_by: Option<&'a String>,
    acked_at: Option<i64>,
    comment: Option<&'a String>,
    owner: Option<&'a String>,
    taken_at: Option<i64>,
    cause: Option<&'a String>,
    measure: Option<&'a String>,
    disposition: Option<&'a String>,
    disposed_by: Option<&'a String>,
    disposed_at: Option<i64>,
    crossings: Option<i64>,
    chattering: Option<bool>,
}
