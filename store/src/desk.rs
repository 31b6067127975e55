//! What the alarm desk keeps: warnings with their time lines, messages to people, rules and ladder with their versions.
//!
//! It stands on the relational port and is truth, not a projection. One transaction ([`DeskStore::commit`]) holds the place in the alarm
//! log up to which it was read, the warnings that changed, what happened to them, and the messages that follow: so nothing is decided
//! twice, and no rung fires without its messages. Who may see what is not known here; the web layer passes enterprises in scope.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anlan_domain::alarm::AlarmId;
use anlan_domain::colour::Colour;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::book::Member;
use anlan_domain::warning::{Warning, WarningChange, WarningEntry, WarningNo};
use tokio::sync::watch;

use crate::sql::sqlite::{OpenError, SqliteDatabase};
use crate::sql::{Connection, Database, FromValue, Row, SqlError, Statement};
use crate::state::AlarmSeq;

mod messages;
mod search;
mod settings;
#[cfg(test)]
mod tests;

pub use messages::{Means, MessageFilter, MessageRow, MessageState, NewMessage, Sent};
pub use search::{ColourCount, WarningFilter, WarningPage};
pub use settings::{Saved, What};

/// Why the desk could not keep or read.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The database failed.
    #[error("cannot {doing} the desk's store")]
    Engine {
        /// What we were doing.
        doing: &'static str,
        /// Cause.
        #[source]
        source: SqlError,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the schema of the desk's store up to date")]
    Migrate(#[source] SqlError),
    /// What is stored cannot be understood.
    #[error("the desk's store is damaged at {what}: {why}")]
    Damaged {
        /// Which column or document.
        what: String,
        /// How.
        why: String,
    },
    /// Somebody else changed the settings meanwhile.
    #[error("the {what} have been changed meanwhile; their version is {version} now")]
    ChangedMeanwhile {
        /// Rules or ladder.
        what: &'static str,
        /// The version now.
        version: u32,
    },
    /// A page cursor that was not given out.
    #[error("{0:?} is no cursor of a list of warnings")]
    Cursor(String),
}

/// An entry of a time line with its place in the desk's own log.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryRow {
    /// Dense, from 1.
    pub seq: u64,
    /// The entry.
    pub entry: WarningEntry,
}

/// What is written at once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The alarm log is read up to here.
    pub cursor: Option<AlarmSeq>,
    /// Number of the last warning that was given out.
    pub last_no: u64,
    /// Warnings as they stand now, closed ones among them.
    pub warnings: Vec<Warning>,
    /// What happened, in order.
    pub entries: Vec<WarningEntry>,
    /// Alarms as the desk knows them now; `None` is forgotten.
    pub alarms: Vec<(AlarmId, Option<Member>)>,
    /// Messages that follow.
    pub messages: Vec<NewMessage>,
    /// Warnings whose reminders need not go out any more, because somebody answered.
    pub hushed: Vec<WarningNo>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cursor.is_none()
            && self.warnings.is_empty()
            && self.entries.is_empty()
            && self.alarms.is_empty()
            && self.messages.is_empty()
    }
}

/// What a desk goes on from.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The alarm log was read up to here; `None` before the first time.
    pub cursor: Option<AlarmSeq>,
    /// Number of the last warning.
    pub last_no: u64,
    /// Open warnings.
    pub warnings: Vec<Warning>,
    /// Alarms that matter.
    pub alarms: Vec<(AlarmId, Member)>,
}

/// The desk's store.
#[derive(Clone, Debug)]
pub struct DeskStore {
    database: Arc<dyn Database>,
    /// Place of the newest entry: whoever streams wakes with it.
    entries: watch::Sender<u64>,
}

impl DeskStore {
    /// Opens the store in a file, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or is of a newer schema.
    pub async fn open(path: &Path) -> Result<Self, DeskError> {
        let database = SqliteDatabase::open(path, &sqlx::migrate!("./migrations_desk"));
        let database = database.await.map_err(|error| match error {
            OpenError::File(source) => DeskError::Engine { doing: "open", source },
            OpenError::Schema(source) => DeskError::Migrate(source),
        })?;
        Self::over(Arc::new(database)).await
    }

    /// The store in a database of any engine that has its tables.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn over(database: Arc<dyn Database>) -> Result<Self, DeskError> {
        let store = Self { database, entries: watch::Sender::new(0) };
        let mut on = store.reading().await?;
        let last = last_entry(&mut *on).await?;
        store.entries.send_replace(last);
        Ok(store)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Place of the newest entry; wakes with each new one.
    #[must_use]
    pub fn last_entry(&self) -> watch::Receiver<u64> {
        self.entries.subscribe()
    }

    /// What a desk goes on from.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn load(&self) -> Result<Kept, DeskError> {
        let mut on = self.snapshot().await?;
        let numbers: BTreeMap<String, i64> =
            rows(&mut *on, Statement::new("SELECT name, value FROM desk_numbers"), |row| {
                Ok((get(row, "name")?, get(row, "value")?))
            })
            .await?
            .into_iter()
            .collect();
        let open = Statement::new("SELECT doc FROM warnings WHERE state <> 'closed' ORDER BY no");
        let warnings = rows(&mut *on, open, |row| doc(row, "doc", "a warning")).await?;
        let alarms = Statement::new("SELECT alarm, doc FROM desk_alarms");
        let alarms = rows(&mut *on, alarms, |row| {
            Ok((alarm(get(row, "alarm")?)?, doc(row, "doc", "an alarm")?))
        });
        let alarms = alarms.await?;
        let number = |name: &str| numbers.get(name).map(|value| value.cast_unsigned());
        Ok(Kept {
            cursor: number("alarm_cursor").map(AlarmSeq),
            last_no: number("last_warning").unwrap_or(0),
            warnings,
            alarms,
        })
    }

    /// Writes a batch: all of it or nothing.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub async fn commit(&self, batch: &Batch) -> Result<(), DeskError> {
        let mut tx = self.writing().await?;
        if let Some(cursor) = batch.cursor {
            set_number(&mut *tx, "alarm_cursor", cursor.0).await?;
        }
        if batch.last_no > 0 {
            set_number(&mut *tx, "last_warning", batch.last_no).await?;
        }
        for warning in &batch.warnings {
            write_warning(&mut *tx, warning).await?;
        }
        let before = last_entry(&mut *tx).await?;
        let numbered = || (before + 1..).zip(&batch.entries);
        for some in numbered().collect::<Vec<_>>().chunks(500) {
            let mut insert =
                Statement::new("INSERT INTO warning_entries (seq, warning, at, change) ");
            insert.push_values(some, |values, (seq, entry)| {
                values.push_bind(seq.cast_signed()).push_bind(entry.warning.0.cast_signed());
                values.push_bind(entry.at.0).push_bind(json(&entry.change));
            });
            execute(&mut *tx, insert).await?;
        }
        let members: Vec<_> = batch.entries.iter().filter_map(member).collect();
        for some in members.chunks(500) {
            let mut insert = Statement::new("INSERT INTO warning_alarms (warning, alarm) ");
            insert.push_values(some, |values, (no, alarm)| {
                values.push_bind(no.0.cast_signed()).push_bind(alarm.to_string());
            });
            insert.push(" ON CONFLICT DO NOTHING");
            execute(&mut *tx, insert).await?;
        }
        write_alarms(&mut *tx, &batch.alarms).await?;
        messages::queue(&mut *tx, &batch.messages).await?;
        messages::hush(&mut *tx, &batch.hushed).await?;
        tx.commit().await.map_err(engine("write to"))?;
        let last = before + batch.entries.len() as u64;
        self.entries.send_if_modified(|seq| std::mem::replace(seq, last) != last);
        Ok(())
    }

    async fn reading(&self) -> Result<Box<dyn Connection>, DeskError> {
        self.database.read().await.map_err(engine("read"))
    }

    async fn snapshot(&self) -> Result<Box<dyn Connection>, DeskError> {
        self.database.snapshot().await.map_err(engine("read"))
    }

    async fn writing(&self) -> Result<Box<dyn Connection>, DeskError> {
        self.database.change().await.map_err(engine("write to"))
    }
}

/// The alarm that an entry brings to its warning.
fn member(entry: &WarningEntry) -> Option<(WarningNo, &AlarmId)> {
    match &entry.change {
        WarningChange::Raised { alarm: Some(alarm), .. } | WarningChange::Joined { alarm } => {
            Some((entry.warning, alarm))
        }
        _ => None,
    }
}

async fn write_warning(on: &mut dyn Connection, warning: &Warning) -> Result<(), DeskError> {
    let text = |part: Option<String>| part;
    let place = &warning.place;
    let (enterprise, hazard) = (place.enterprise.as_ref(), place.hazard.as_ref());
    let words = format!(
        "{} {}",
        warning.place,
        warning.lead.as_ref().map(ToString::to_string).unwrap_or_default()
    );
    let answered = warning.climb.answered.as_ref().map(|answer| answer.by.clone());
    let row = Statement::new(
        "INSERT INTO warnings (no, enterprise, hazard, equipment, kind, colour, state, drill, raised_at, closed_at,
                               answered_by, words, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (no) DO UPDATE SET kind = excluded.kind, colour = excluded.colour, state = excluded.state,
             closed_at = excluded.closed_at, answered_by = excluded.answered_by, words = excluded.words,
             doc = excluded.doc",
    )
    .bind(warning.no.0.cast_signed())
    .bind(text(enterprise.map(ToString::to_string)))
    .bind(text(hazard.map(ToString::to_string)))
    .bind(text(place.equipment.as_ref().map(ToString::to_string)))
    .bind(warning.kind.code())
    .bind(colour_column(warning.colour))
    .bind(warning.state().code())
    .bind(i64::from(warning.drill))
    .bind(warning.raised_at.0)
    .bind(warning.closed_at.map(|at| at.0))
    .bind(answered)
    .bind(words)
    .bind(json(warning));
    execute(on, row).await
}

async fn write_alarms(
    on: &mut dyn Connection,
    alarms: &[(AlarmId, Option<Member>)],
) -> Result<(), DeskError> {
    let (kept, gone): (Vec<_>, Vec<_>) = alarms.iter().partition(|(_, member)| member.is_some());
    for some in kept.chunks(500) {
        let mut insert = Statement::new("INSERT INTO desk_alarms (alarm, doc) ");
        insert.push_values(some, |values, (id, member)| {
            values.push_bind(id.to_string()).push_bind(json(member));
        });
        insert.push(" ON CONFLICT (alarm) DO UPDATE SET doc = excluded.doc");
        execute(on, insert).await?;
    }
    for some in gone.chunks(500) {
        let mut delete = Statement::new("DELETE FROM desk_alarms WHERE alarm IN (");
        let mut list = delete.separated(", ");
        for (id, _) in some {
            list.push_bind(id.to_string());
        }
        delete.push(")");
        execute(on, delete).await?;
    }
    Ok(())
}

async fn set_number(on: &mut dyn Connection, name: &str, value: u64) -> Result<(), DeskError> {
    let row = Statement::new(
        "INSERT INTO desk_numbers (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    execute(on, row.bind(name).bind(value.cast_signed())).await
}

async fn last_entry(on: &mut dyn Connection) -> Result<u64, DeskError> {
    let last = Statement::new("SELECT COALESCE(MAX(seq), 0) AS last FROM warning_entries");
    let last = rows(on, last, |row| get::<i64>(row, "last")).await?;
    Ok(last.first().copied().unwrap_or(0).cast_unsigned())
}

/// Gravity of a colour as a column: the gravest is the least.
fn colour_column(colour: Colour) -> i64 {
    colour.index() as i64
}

fn colour_of(column: i64) -> Result<Colour, DeskError> {
    let found = usize::try_from(column).ok().and_then(|at| Colour::ALL.get(at).copied());
    found.ok_or_else(|| damaged("colour", format!("{column} is none")))
}

fn alarm(text: String) -> Result<AlarmId, DeskError> {
    AlarmId::try_from(text).map_err(|why| damaged("alarm", why))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own documents become text")
}

fn doc<T: serde::de::DeserializeOwned>(
    row: &Row,
    column: &str,
    what: &'static str,
) -> Result<T, DeskError> {
    let text: String = get(row, column)?;
    serde_json::from_str(&text).map_err(|error| damaged(what, error.to_string()))
}

fn get<T: FromValue>(row: &Row, column: &str) -> Result<T, DeskError> {
    row.get(column).map_err(|why| damaged(column, why.to_string()))
}

fn time(row: &Row, column: &str) -> Result<UtcMillis, DeskError> {
    get(row, column).map(UtcMillis)
}

fn time_if_any(row: &Row, column: &str) -> Result<Option<UtcMillis>, DeskError> {
    Ok(get::<Option<i64>>(row, column)?.map(UtcMillis))
}

fn damaged(what: impl Into<String>, why: impl Into<String>) -> DeskError {
    DeskError::Damaged { what: what.into(), why: why.into() }
}

fn engine(doing: &'static str) -> impl Fn(SqlError) -> DeskError {
    move |source| DeskError::Engine { doing, source }
}

async fn rows<T: Send>(
    on: &mut dyn Connection,
    statement: Statement,
    mut read: impl FnMut(&Row) -> Result<T, DeskError> + Send,
) -> Result<Vec<T>, DeskError> {
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

async fn execute(on: &mut dyn Connection, statement: Statement) -> Result<(), DeskError> {
    on.execute(statement).await.map_err(engine("write to"))
}
