//! The relational port: statements in, rows out, and two kinds of transaction. The registry stands on it and names no engine.
//!
//! Cut here, and not at the registry's own methods: what the registry knows (checks, scopes, versions, numbers that are never used
//! again, the audit entry in the same transaction) is written once above, in SQL that SQLite and PostgreSQL both take, and an engine is
//! a page that prepares, binds and reads. Parameters are `$1`, `$2` …; text is UTF-8; times are whole numbers. An engine brings its own
//! migrations and proves itself with [`conformance::check`] and [`crate::registry::conformance::check`].

use std::error::Error as StdError;
use std::fmt::{self, Debug};
use std::ops::ControlFlow;

use async_trait::async_trait;

pub mod conformance;
pub mod sqlite;
mod statement;
mod value;

pub use statement::{Separated, Statement};
pub use value::{FromValue, Row, Value, WrongValue};

/// What an engine failed with.
#[derive(Debug)]
pub struct SqlError(Box<dyn StdError + Send + Sync>);

impl SqlError {
    /// Wraps an engine's own error.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for SqlError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// What is told of each row: whether to go on.
pub type Each<'a> = dyn FnMut(Row) -> ControlFlow<()> + Send + 'a;

/// A connection in use, or a transaction under way. One that is dropped without [`Connection::commit`] never was.
#[async_trait]
pub trait Connection: Send {
    /// Runs a query and hands over its rows as they come, so that a large answer is never in memory as a whole.
    ///
    /// # Errors
    /// When the engine refuses the statement or fails.
    async fn query(&mut self, statement: Statement, each: &mut Each<'_>) -> Result<(), SqlError>;

    /// Runs a statement without an answer.
    ///
    /// # Errors
    /// As [`Connection::query`].
    async fn execute(&mut self, statement: Statement) -> Result<(), SqlError>;

    /// Makes a change durable. Of what only reads, it is the end.
    ///
    /// # Errors
    /// When the engine fails: then nothing was changed.
    async fn commit(self: Box<Self>) -> Result<(), SqlError>;
}

/// An opened database.
#[async_trait]
pub trait Database: Debug + Send + Sync {
    /// For single queries: each sees the newest state.
    ///
    /// # Errors
    /// When no connection can be had.
    async fn read(&self) -> Result<Box<dyn Connection>, SqlError>;

    /// For several queries that must agree: all see the same state. A change through it is refused by the engine.
    ///
    /// # Errors
    /// As [`Database::read`].
    async fn snapshot(&self) -> Result<Box<dyn Connection>, SqlError>;

    /// For a change. What it read stays true until it ends: others that change wait, or are refused by the engine.
    ///
    /// # Errors
    /// As [`Database::read`].
    async fn change(&self) -> Result<Box<dyn Connection>, SqlError>;

    /// Closes every connection, in good order.
    async fn close(&self);
}
