//! The registry: what exists (regions, enterprises, equipment, points, people) and what is wished of it (limits).
//!
//! It is the master of names, secrets and desired configuration; what is *in force* is in the center's log. Every change
//! is one transaction that also holds its audit entry, and tells which hosts of the supervision tree it touches, so
//! that the caller makes it effective. Reading for a person goes through [`scoped::Scoped`], which cannot be made without
//! that person's [`scope::Scope`]; the unscoped reads here are for the machine itself.
//!
//! Engine: SQLite by sqlx, in WAL mode with full fsync and one writer. The SQL keeps to what PostgreSQL takes too; a
//! second engine proves itself with [`conformance::check`]. Nothing here reads a clock or knows about HTTP.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool};
use tokio::sync::watch;

pub mod audit;
mod births;
mod bulk;
pub mod change;
pub mod column;
pub mod conformance;
mod homes;
pub mod hosts;
pub mod limits;
pub mod people;
pub mod record;
pub mod records;
pub mod scope;
pub mod scoped;
pub mod transfer;

pub use change::{Change, Changed, Doer, Expected, Outcome};
pub use record::Record;
pub use scope::Scope;
pub use scoped::Scoped;

/// Why the registry did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database failed.
    #[error("cannot {doing} the registry")]
    Engine {
        /// What we were doing.
        doing: &'static str,
        /// Cause.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the registry's schema up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// What is stored cannot be understood.
    #[error("registry: {what} is damaged: {why}")]
    Damaged {
        /// Which column.
        what: String,
        /// How.
        why: String,
    },
    /// Somebody else changed the object since it was read.
    #[error("{kind} {key} has been changed meanwhile; its version is {version} now")]
    ChangedMeanwhile {
        /// Kind of object.
        kind: &'static str,
        /// Which one.
        key: String,
        /// Its version now.
        version: u32,
    },
    /// There is no such object.
    #[error("there is no {kind} {key}")]
    Missing {
        /// Kind of object.
        kind: &'static str,
        /// Which one.
        key: String,
    },
    /// An object of that name exists.
    #[error("{kind} {key} exists already")]
    Taken {
        /// Kind of object.
        kind: &'static str,
        /// Which one.
        key: String,
    },
    /// Others still refer to it.
    #[error("{kind} {key} still has {count} {dependents}; take them out first")]
    InUse {
        /// Kind of object.
        kind: &'static str,
        /// Which one.
        key: String,
        /// How many refer to it.
        count: i64,
        /// What they are.
        dependents: &'static str,
    },
    /// The object itself is wrong: every problem, with its field.
    #[error("{}", problems_in_a_line(.0))]
    Refused(Vec<Problem>),
}

/// What is wrong with one field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which field, as the interfaces name it.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub why: String,
}

impl Problem {
    /// Names a field and what is wrong with it.
    pub fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

fn problems_in_a_line(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{}: {}", p.field, p.why)).collect::<Vec<_>>().join("; ")
}

/// Turns an engine error into ours, saying what was being done.
pub(crate) fn engine(doing: &'static str) -> impl Fn(sqlx::Error) -> RegistryError {
    move |source| RegistryError::Engine { doing, source }
}

/// The registry of one center.
#[derive(Clone, Debug)]
pub struct Registry {
    readers: SqlitePool,
    writer: SqlitePool,
    rights: watch::Sender<u64>,
}

impl Registry {
    /// Opens the registry in a file, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or is of a newer schema.
    pub async fn open(path: &Path) -> Result<Self, RegistryError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256);
        let writer = pool(1).connect_with(options.clone()).await.map_err(engine("open"))?;
        sqlx::migrate!("./migrations").run(&writer).await.map_err(RegistryError::Migrate)?;
        let readers =
            pool(4).connect_with(options.read_only(true)).await.map_err(engine("open"))?;
        Ok(Self { readers, writer, rights: watch::Sender::new(0) })
    }

    /// Wakes whenever somebody's rights may have changed (session ended, user changed, enterprise moved): whoever
    /// streams to a person checks that person again.
    #[must_use]
    pub fn rights_changes(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }

    pub(crate) fn note_rights_change(&self) {
        self.rights.send_modify(|epoch| *epoch += 1);
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Reads for one person: nothing outside `scope` can come out.
    #[must_use]
    pub fn scoped(&self, scope: Scope) -> Scoped {
        Scoped::new(self.clone(), scope)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), RegistryError> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map_err(engine("ask")).map(drop)
    }

    /// Closes every connection, checkpointing the write-ahead log.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    sqlx::pool::PoolOptions::<Sqlite>::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(15))
}
