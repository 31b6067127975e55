//! The tables of the alarm index, and opening the file that holds them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::alarm_index::IndexError;
use crate::state::AlarmSeq;

/// Raised whenever the tables or what is put into them changes: the file is then begun anew.
const VERSION: i64 = 6;

/// `sort_at` is the time of raising as it was first known; `raised_at` may be amended.
const TABLES: &str = "
create table alarm (
    id text primary key,
    subject text not null,
    condition text not null,
    enterprise text,
    hazard text,
    equipment text,
    level integer not null,
    state text not null,
    late integer not null,
    quietly integer not null,
    sort_at integer not null,
    raised_at integer not null,
    received_at integer not null,
    decided_at integer not null,
    cleared_at integer,
    clear_reason text,
    value real,
    limit_value real,
    limits_version integer not null,
    acked_by text,
    acked_at integer,
    comment text,
    owner text,
    taken_at integer,
    cause text,
    measure text,
    disposition text,
    disposed_by text,
    disposed_at integer,
    crossings integer,
    chattering integer not null default 0,
    first_seq integer not null,
    last_seq integer not null
) without rowid;
create index alarm_by_time on alarm (sort_at, first_seq);
create index alarm_by_enterprise on alarm (enterprise, sort_at, first_seq);
create index alarm_by_equipment on alarm (equipment, sort_at, first_seq);
create index alarm_by_subject on alarm (subject, sort_at, first_seq);
create index alarm_by_raised on alarm (raised_at);
create index alarm_owned on alarm (owner, sort_at, first_seq) where owner is not null;
create index alarm_open on alarm (sort_at, first_seq) where state <> 'closed';
create table quiet (
    subject text not null,
    condition text not null,
    quiet text not null,
    enterprise text,
    hazard text,
    equipment text,
    by_user text,
    reason text not null,
    since integer not null,
    until integer,
    one_shot integer not null,
    primary key (subject, condition, quiet)
) without rowid;
create index quiet_by_time on quiet (since);
create table equipment_state (
    equipment text primary key,
    state text not null,
    by_user text not null,
    reason text not null,
    since integer not null,
    until integer
) without rowid;
create table entry (alarm text not null, seq integer not null, primary key (alarm, seq)) without rowid;
create table cursor (only integer primary key check (only = 1), seq integer not null);
insert into cursor values (1, 0);
";

/// Opens the file, or begins it, also where it cannot be read or is of another version.
pub async fn open(path: &Path) -> Result<(SqlitePool, AlarmSeq), IndexError> {
    match connect(path).await {
        Ok(Some(opened)) => return Ok(opened),
        Ok(None) => tracing::info!("the alarm index is of another version; rebuilding"),
        Err(error) if is_damage(&error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the alarm index cannot be read; rebuilding"
            );
        }
        Err(source) => return Err(IndexError::Sql { doing: "open", source }),
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(IndexError::File { path, source });
            }
            _ => {}
        }
    }
    let opened =
        connect(path).await.map_err(|source| IndexError::Sql { doing: "begin", source })?;
    Ok(opened.expect("a new file is of our version"))
}

/// Removes every row, cursor included, at once.
pub async fn clear(pool: &SqlitePool) -> Result<(), IndexError> {
    let sql = |source| IndexError::Sql { doing: "clear", source };
    let mut transaction = pool.begin().await.map_err(sql)?;
    for statement in [
        "delete from alarm",
        "delete from quiet",
        "delete from equipment_state",
        "delete from entry",
        "update cursor set seq = 0",
    ] {
        sqlx::query(statement).execute(&mut *transaction).await.map_err(sql)?;
    }
    transaction.commit().await.map_err(sql)
}

/// `None` where the file is of another version.
async fn connect(path: &Path) -> Result<Option<(SqlitePool, AlarmSeq)>, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What a power cut takes away is read from the alarm log again.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-2048");
    let pool = SqlitePoolOptions::new()
        .max_connections(3)
        .min_connections(0)
        .idle_timeout(Duration::from_secs(60))
        .connect_with(options)
        .await?;
    let version: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&pool).await?;
    let empty: bool =
        sqlx::query_scalar("select count(*) = 0 from sqlite_schema").fetch_one(&pool).await?;
    if version == 0 && empty {
        let mut transaction = pool.begin().await?;
        sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
        let set = format!("pragma user_version = {VERSION}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    } else if version != VERSION {
        pool.close().await;
        return Ok(None);
    }
    let cursor: i64 = sqlx::query_scalar("select seq from cursor").fetch_one(&pool).await?;
    Ok(Some((pool, AlarmSeq(cursor.cast_unsigned()))))
}

/// Whether SQLite says that the file is none of its own (`SQLITE_CORRUPT` 11, `SQLITE_NOTADB` 26) or misses our tables.
fn is_damage(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return matches!(error, sqlx::Error::RowNotFound);
    };
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
    matches!(code & 0xFF, 11 | 26) || error.message().starts_with("no such table")
}
