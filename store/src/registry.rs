//! The registry: what exists (regions, enterprises, equipment, points, people) and what is wished of it (limits).
//!
//! It is the master of names, secrets and desired configuration; what is *in force* is in the center's log. Every change
//! is one transaction that also holds its audit entry, and tells which hosts of the supervision tree it touches, so
//! that the caller makes it effective. Reading for a person goes through [`scoped::Scoped`], which cannot be made without
//! that person's [`scope::Scope`]; the unscoped reads here are for the machine itself.
//!
//! It stands on the relational port ([`crate::sql`]); the embedded engine is SQLite. The SQL keeps to what PostgreSQL takes too; a
//! second engine proves itself with [`conformance::check`]. Nothing here reads a clock or knows about HTTP or an engine.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::sql::sqlite::{OpenError, SqliteDatabase};
use crate::sql::{Connection, Database, Row, SqlError, Statement};

pub mod alarm_defaults;
pub mod audit;
mod births;
mod bulk;
pub mod change;
pub mod column;
pub mod conformance;
pub mod detectors;
pub mod duty;
pub mod hand_over;
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
        source: SqlError,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the registry's schema up to date")]
    Migrate(#[source] SqlError),
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
pub(crate) fn engine(doing: &'static str) -> impl Fn(SqlError) -> RegistryError {
    move |source| RegistryError::Engine { doing, source }
}

/// The registry of one center.
#[derive(Clone, Debug)]
pub struct Registry {
    database: Arc<dyn Database>,
    rights: watch::Sender<u64>,
    duty: watch::Sender<u64>,
}

impl Registry {
    /// Opens the registry in a file, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or is of a newer schema.
    pub async fn open(path: &Path) -> Result<Self, RegistryError> {
        let database = SqliteDatabase::open(path, &sqlx::migrate!("./migrations"));
        let database = database.await.map_err(|error| match error {
            OpenError::File(source) => RegistryError::Engine { doing: "open", source },
            OpenError::Schema(source) => RegistryError::Migrate(source),
        })?;
        Ok(Self::over(Arc::new(database)))
    }

    /// The registry in a database of any engine that has its tables.
    #[must_use]
    pub fn over(database: Arc<dyn Database>) -> Self {
        Self { database, rights: watch::Sender::new(0), duty: watch::Sender::new(0) }
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

    /// Wakes whenever who is on duty may have changed (member, roster, exception, holiday, contact): whoever keeps a
    /// [`Registry::duty_book`] reads it anew. The number is the book's version.
    #[must_use]
    pub fn duty_changes(&self) -> watch::Receiver<u64> {
        self.duty.subscribe()
    }

    pub(crate) fn note_duty_change(&self) {
        self.duty.send_modify(|version| *version += 1);
    }

    /// For single queries.
    pub(crate) async fn reading(&self) -> Result<Box<dyn Connection>, RegistryError> {
        self.database.read().await.map_err(engine("read"))
    }

    /// For queries that must agree.
    pub(crate) async fn snapshot(&self) -> Result<Box<dyn Connection>, RegistryError> {
        self.database.snapshot().await.map_err(engine("read"))
    }

    /// For a change.
    pub(crate) async fn writing(&self) -> Result<Box<dyn Connection>, RegistryError> {
        self.database.change().await.map_err(engine("write to"))
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
        let mut on = self.database.read().await.map_err(engine("ask"))?;
        on.execute(Statement::new("SELECT 1")).await.map_err(engine("ask"))
    }

    /// Closes every connection, checkpointing the write-ahead log.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// What a query finds, read row by row: what an answer holds is many times as large as what is read from it.
pub(crate) async fn rows<T: Send>(
    on: &mut dyn Connection,
    statement: Statement,
    mut read: impl FnMut(&Row) -> Result<T, RegistryError> + Send,
) -> Result<Vec<T>, RegistryError> {
    let mut found = Vec::new();
    let mut wrong = None;
    let mut each = |row: Row| match read(&row) {
        Ok(value) => {
            found.push(value);
            ControlFlow::Continue(())
        }
        Err(error) => {
            wrong = Some(error);
            ControlFlow::Break(())
        }
    };
    on.query(statement, &mut each).await.map_err(engine("read"))?;
    wrong.map_or(Ok(found), Err)
}

/// The whole number that a query comes to; `None` where it finds no row.
pub(crate) async fn number(
    on: &mut dyn Connection,
    statement: Statement,
    column: &'static str,
) -> Result<Option<i64>, RegistryError> {
    use column::Column as _;
    Ok(rows(on, statement, |row| i64::read(row, column)).await?.pop())
}

/// Runs a statement without an answer.
pub(crate) async fn execute(
    on: &mut dyn Connection,
    statement: Statement,
) -> Result<(), RegistryError> {
    on.execute(statement).await.map_err(engine("write to"))
}
