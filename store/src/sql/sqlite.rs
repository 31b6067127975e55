//! The embedded engine: SQLite by sqlx, in WAL mode with full fsync, one connection that writes and four that read.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Decode, Row as _, Sqlite, SqliteConnection,
    SqlitePool, Transaction, TypeInfo as _, ValueRef as _,
};

use super::{Connection, Database, Each, Row, SqlError, Statement, Value};

/// Connections that read.
const READERS: u32 = 4;

/// A database in one file.
#[derive(Clone, Debug)]
pub struct SqliteDatabase {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl SqliteDatabase {
    /// Opens a file, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, or its schema is newer than this program.
    pub async fn open(path: &Path, schema: &Migrator) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone()).await.map_err(OpenError::open)?;
        schema.run(&writer).await.map_err(|e| OpenError::Schema(SqlError::new(e)))?;
        let readers = pool(READERS).connect_with(options.read_only(true));
        Ok(Self { readers: readers.await.map_err(OpenError::open)?, writer })
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    sqlx::pool::PoolOptions::<Sqlite>::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(15))
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file.
    #[error("cannot open the database")]
    File(#[source] SqlError),
    /// The schema.
    #[error("cannot bring the schema up to date")]
    Schema(#[source] SqlError),
}

impl OpenError {
    fn open(error: sqlx::Error) -> Self {
        Self::File(SqlError::new(error))
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn read(&self) -> Result<Box<dyn Connection>, SqlError> {
        let held = self.readers.acquire().await.map_err(SqlError::new)?;
        Ok(Box::new(Held::Plain(held)))
    }

    async fn snapshot(&self) -> Result<Box<dyn Connection>, SqlError> {
        let held = self.readers.begin().await.map_err(SqlError::new)?;
        Ok(Box::new(Held::Transaction(held)))
    }

    async fn change(&self) -> Result<Box<dyn Connection>, SqlError> {
        // At once, not with the first write: what was read before it might have changed meanwhile.
        let held = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(SqlError::new)?;
        Ok(Box::new(Held::Transaction(held)))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

enum Held {
    Plain(PoolConnection<Sqlite>),
    Transaction(Transaction<'static, Sqlite>),
}

impl Held {
    fn on(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Plain(held) => held,
            Self::Transaction(held) => held,
        }
    }
}

fn prepared(
    text: String,
    values: Vec<Value>,
) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    let text = positional(&text).unwrap_or(text);
    // Texts are the program's own: whatever comes from outside is bound.
    values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(value) => query.bind(value),
        Value::Real(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
    })
}

/// The text with `?` for its parameters, where each stands once and in order. SQLite takes `$1` for a name and looks for it among all
/// names before it: tens of thousands of them in one statement took seconds.
fn positional(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('$');
    out.push_str(parts.next()?);
    for (n, part) in parts.enumerate() {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if part[..digits].parse() != Ok(n + 1) {
            return None;
        }
        out.push('?');
        out.push_str(&part[digits..]);
    }
    Some(out)
}

/// A statement that takes longer than this is told of.
const SLOW: Duration = Duration::from_secs(1);

/// Tells of a slow statement by its beginning: whole, one of an import would fill a page of the log.
struct Stopwatch {
    begun: Instant,
    beginning: String,
}

impl Stopwatch {
    fn start(text: &str) -> Self {
        Self { begun: Instant::now(), beginning: text.chars().take(120).collect() }
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let elapsed = self.begun.elapsed();
        if elapsed > SLOW {
            let (elapsed_ms, statement) = (elapsed.as_millis() as u64, &self.beginning);
            tracing::warn!(elapsed_ms, statement, "a statement was slow");
        }
    }
}

#[async_trait]
impl Connection for Held {
    async fn query(&mut self, statement: Statement, each: &mut Each<'_>) -> Result<(), SqlError> {
        let (text, values) = statement.into_parts();
        let _stopwatch = Stopwatch::start(&text);
        let mut rows = prepared(text, values).fetch(self.on());
        let mut names: Option<Arc<[String]>> = None;
        while let Some(row) = rows.try_next().await.map_err(SqlError::new)? {
            let names = names.get_or_insert_with(|| {
                row.columns().iter().map(|column| column.name().to_owned()).collect()
            });
            let values = (0..names.len()).map(|at| value(&row, at)).collect::<Result<_, _>>()?;
            if each(Row::new(names.clone(), values)) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    async fn execute(&mut self, statement: Statement) -> Result<(), SqlError> {
        let (text, values) = statement.into_parts();
        let _stopwatch = Stopwatch::start(&text);
        prepared(text, values).execute(self.on()).await.map_err(SqlError::new).map(drop)
    }

    async fn commit(self: Box<Self>) -> Result<(), SqlError> {
        match *self {
            Self::Plain(_) => Ok(()),
            Self::Transaction(held) => held.commit().await.map_err(SqlError::new),
        }
    }
}

fn value(row: &SqliteRow, at: usize) -> Result<Value, SqlError> {
    let raw = row.try_get_raw(at).map_err(SqlError::new)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    // The shape of the value itself: a column of SQLite can hold any.
    let kind = raw.type_info().into_owned();
    Ok(match kind.name() {
        "INTEGER" => Value::Int(Decode::<Sqlite>::decode(raw).map_err(SqlError::new)?),
        "REAL" => Value::Real(Decode::<Sqlite>::decode(raw).map_err(SqlError::new)?),
        "TEXT" => Value::Text(Decode::<Sqlite>::decode(raw).map_err(SqlError::new)?),
        other => return Err(unknown(other, row.columns()[at].name())),
    })
}

fn unknown(kind: impl Display, column: impl Display) -> SqlError {
    SqlError::new(format!("column {column} holds {kind}, which nothing here writes"))
}

#[cfg(test)]
mod tests {
    use super::positional;

    #[test]
    fn only_parameters_that_stand_once_and_in_order_lose_their_numbers() {
        assert_eq!(positional("a = $1 AND b IN ($2, $3)").unwrap(), "a = ? AND b IN (?, ?)");
        assert_eq!(positional("SELECT 1").unwrap(), "SELECT 1");
        for text in ["VALUES ($1, $2) ON CONFLICT last + $2", "b = $2 AND a = $1", "word = '$'"] {
            assert_eq!(positional(text), None, "{text}");
        }
    }
}
