//! Messages to people: queued in the transaction that decided them, sent at least once under a stable id, kept with what became of them.
//!
//! ```text
//! queued ─► sending (has a batch) ─► sent
//!    │            └─► queued again later, or failed for good
//!    └─► moot (somebody answered before a reminder went out)
//! delivered: shown on the page; needs no channel
//! ```

use std::collections::BTreeMap;

use anlan_domain::colour::Colour;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::WarningNo;
use anlan_domain::warning::ladder::Rung;

use super::{
    DeskError, DeskStore, colour_column, colour_of, damaged, engine, execute, get, rows, time,
    time_if_any,
};
use crate::sql::{Connection, Row, Statement};

/// How a message reaches its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    /// 站内消息
    Page,
    /// 短信
    Sms,
    /// 邮件
    Email,
    /// A third party's HTTP endpoint.
    Webhook,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageState {
    /// Not sent yet, or to be sent again.
    Queued,
    /// On the page.
    Delivered,
    /// A channel took it over.
    Sent,
    /// No channel took it.
    Failed,
    /// Somebody answered before it went out.
    Moot,
}

macro_rules! codes {
    ($type:ty, $what:literal, $($variant:ident = $code:literal),*) => {
        impl $type {
            /// Stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            fn of(code: &str) -> Result<Self, DeskError> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    other => Err(damaged($what, format!("{other:?} is none"))),
                }
            }
        }
    };
}
codes!(Means, "means", Page = "page", Sms = "sms", Email = "email", Webhook = "webhook");
codes!(
    MessageState,
    "state",
    Queued = "queued",
    Delivered = "delivered",
    Sent = "sent",
    Failed = "failed",
    Moot = "moot"
);

/// A message that follows from a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Stable id: the same decision gives the same one.
    pub id: String,
    /// About which warning.
    pub warning: WarningNo,
    /// To whom, by user name; `None` for programs.
    pub person: Option<String>,
    /// From which rung of the ladder.
    pub rung: Rung,
    /// `at_once`, `unanswered`, `no_feedback`, `reminder`.
    pub why: &'static str,
    /// How.
    pub means: Means,
    /// Where to; empty on the page.
    pub address: String,
    /// Colour of the warning.
    pub colour: Colour,
    /// `zh` or `en`.
    pub language: String,
    /// One line.
    pub subject: String,
    /// What people read.
    pub body: String,
    /// The same for programs, as a JSON object.
    pub facts: serde_json::Map<String, serde_json::Value>,
    /// When it was decided.
    pub created_at: UtcMillis,
    /// Not before: quiet hours.
    pub not_before: UtcMillis,
}

/// A message as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// As it was decided.
    pub message: NewMessage,
    /// Place in the order of deciding.
    pub no: u64,
    /// What became of it.
    pub state: MessageState,
    /// When it is next tried.
    pub next_at: UtcMillis,
    /// Sent together with others under this id.
    pub batch: Option<String>,
    /// Tries so far.
    pub tries: u32,
    /// When it was first tried.
    pub first_try: Option<UtcMillis>,
    /// Tries that may have brought it a second time.
    pub doubles: u32,
    /// The channel that took it, or was tried last.
    pub channel: Option<String>,
    /// When the channel took it.
    pub sent_at: Option<UtcMillis>,
    /// What the other side said.
    pub receipt: Option<String>,
    /// Why not.
    pub error: Option<String>,
    /// When the person opened the warning.
    pub read_at: Option<UtcMillis>,
}

/// What a try came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// A channel took it.
    Taken {
        /// Which.
        channel: String,
        /// What it said.
        receipt: String,
        /// When.
        at: UtcMillis,
    },
    /// To be tried again.
    Again {
        /// Which channel was tried last.
        channel: String,
        /// Why not.
        error: String,
        /// When to try again.
        at: UtcMillis,
        /// The try may have succeeded.
        may_double: bool,
    },
    /// It will not be sent.
    Failed {
        /// Which channel was tried last, if any.
        channel: Option<String>,
        /// Why not.
        error: String,
    },
}

/// Which messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// About this warning.
    pub warning: Option<WarningNo>,
    /// To this person.
    pub person: Option<String>,
    /// On the page alone.
    pub on_page: bool,
    /// Not read.
    pub unread: bool,
    /// In this state.
    pub state: Option<MessageState>,
    /// Decided before this number.
    pub before: Option<u64>,
}

const COLUMNS: &str = "id, no, warning, person, rung, why, means, address, colour, language, subject, body, facts, created_at, state, \
     next_at, batch, tries, first_try, doubles, channel, sent_at, receipt, error, read_at";

/// Queues messages; one whose id is known is left as it is.
pub(super) async fn queue(
    on: &mut dyn Connection,
    messages: &[NewMessage],
) -> Result<(), DeskError> {
    if messages.is_empty() {
        return Ok(());
    }
    let last = Statement::new("SELECT COALESCE(MAX(no), 0) AS last FROM messages");
    let last = rows(on, last, |row| get::<i64>(row, "last")).await?.first().copied().unwrap_or(0);
    let numbered: Vec<_> = (last + 1..).zip(messages).collect();
    for some in numbered.chunks(200) {
        let mut insert = Statement::new(
            "INSERT INTO messages (id, no, warning, person, rung, why, means, address, colour, language, subject, body,
                                   facts, created_at, state, next_at, sent_at) ",
        );
        insert.push_values(some, |values, (no, message)| {
            let on_page = message.means == Means::Page;
            let state = if on_page { MessageState::Delivered } else { MessageState::Queued };
            let facts = serde_json::Value::Object(message.facts.clone());
            values
                .push_bind(message.id.as_str())
                .push_bind(*no)
                .push_bind(message.warning.0.cast_signed())
                .push_bind(message.person.clone())
                .push_bind(message.rung.code())
                .push_bind(message.why)
                .push_bind(message.means.code())
                .push_bind(message.address.as_str())
                .push_bind(colour_column(message.colour))
                .push_bind(message.language.as_str())
                .push_bind(message.subject.as_str())
                .push_bind(message.body.as_str())
                .push_bind(facts.to_string())
                .push_bind(message.created_at.0)
                .push_bind(state.code())
                .push_bind(message.not_before.0)
                .push_bind(on_page.then_some(message.created_at.0));
        });
        insert.push(" ON CONFLICT (id) DO NOTHING");
        execute(on, insert).await?;
    }
    Ok(())
}

/// Takes back reminders that did not go out yet.
pub(super) async fn hush(on: &mut dyn Connection, warnings: &[WarningNo]) -> Result<(), DeskError> {
    for no in warnings {
        let moot = Statement::new(
            "UPDATE messages SET state = 'moot' WHERE warning = $1 AND state = 'queued' AND why = 'reminder' AND batch IS NULL",
        );
        execute(on, moot.bind(no.0.cast_signed())).await?;
    }
    Ok(())
}

impl DeskStore {
    /// Messages that are due, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn due_messages(
        &self,
        now: UtcMillis,
        limit: u32,
    ) -> Result<Vec<MessageRow>, DeskError> {
        let query = Statement::new(format!(
            "SELECT {COLUMNS} FROM messages WHERE state = 'queued' AND next_at <= $1 ORDER BY colour, no LIMIT $2"
        ));
        self.messages_by(query.bind(now.0).bind(i64::from(limit))).await
    }

    /// When the next message is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_message(&self) -> Result<Option<UtcMillis>, DeskError> {
        let query =
            Statement::new("SELECT MIN(next_at) AS next_at FROM messages WHERE state = 'queued'");
        let mut on = self.reading().await?;
        let found = rows(&mut *on, query, |row| time_if_any(row, "next_at")).await?;
        Ok(found.first().copied().flatten())
    }

    /// Messages that went out to people since, oldest first: what limits of flow go on from after a restart.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn sent_since(&self, since: UtcMillis) -> Result<Vec<MessageRow>, DeskError> {
        let query = Statement::new(format!(
            "SELECT {COLUMNS} FROM messages WHERE state = 'sent' AND sent_at >= $1 ORDER BY sent_at, no LIMIT 100000"
        ));
        self.messages_by(query.bind(since.0)).await
    }

    /// Says under which id messages go out together, before they do: whatever happens then, a repetition has the same id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batched(&self, ids: &[&str], batch: &str) -> Result<(), DeskError> {
        let mut update = Statement::new("UPDATE messages SET batch = ");
        update.push_bind(batch).push(" WHERE id IN (");
        let mut list = update.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        update.push(")");
        self.change(update).await
    }

    /// Holds messages back until a moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held(&self, ids: &[&str], until: UtcMillis) -> Result<(), DeskError> {
        let mut update = Statement::new("UPDATE messages SET next_at = ");
        update.push_bind(until.0).push(" WHERE state = 'queued' AND id IN (");
        let mut list = update.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        update.push(")");
        self.change(update).await
    }

    /// Messages of a batch, in order.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn batch(&self, batch: &str) -> Result<Vec<MessageRow>, DeskError> {
        let query =
            Statement::new(format!("SELECT {COLUMNS} FROM messages WHERE batch = $1 ORDER BY no"));
        self.messages_by(query.bind(batch)).await
    }

    /// Writes what a try came to, of every message of a batch. `now` is when it was tried.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tried(&self, batch: &str, sent: &Sent, now: UtcMillis) -> Result<(), DeskError> {
        let mut update = Statement::new("UPDATE messages SET tries = tries + 1");
        update.push(", first_try = COALESCE(first_try, ").push_bind(now.0).push(")");
        match sent {
            Sent::Taken { channel, receipt, at } => {
                update
                    .push(", state = 'sent', error = NULL, channel = ")
                    .push_bind(channel.as_str());
                update.push(", receipt = ").push_bind(receipt.as_str());
                update.push(", sent_at = ").push_bind(at.0);
            }
            Sent::Again { channel, error, at, may_double } => {
                update.push(", channel = ").push_bind(channel.as_str());
                update.push(", error = ").push_bind(error.as_str());
                update.push(", next_at = ").push_bind(at.0);
                update.push(", doubles = doubles + ").push_bind(i64::from(*may_double));
            }
            Sent::Failed { channel, error } => {
                update.push(", state = 'failed', channel = ").push_bind(channel.clone());
                update.push(", error = ").push_bind(error.as_str());
            }
        }
        update.push(" WHERE state = 'queued' AND batch = ").push_bind(batch);
        self.change(update).await
    }

    /// A person has opened a warning: what was sent to them about it is read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(
        &self,
        warning: WarningNo,
        person: &str,
        at: UtcMillis,
    ) -> Result<(), DeskError> {
        // Asked first: most of those who look were told nothing, or have looked before, and a change waits for others.
        let filter = MessageFilter {
            warning: Some(warning),
            person: Some(person.to_owned()),
            unread: true,
            ..MessageFilter::default()
        };
        if self.messages(&filter, 1).await?.is_empty() {
            return Ok(());
        }
        let update = Statement::new(
            "UPDATE messages SET read_at = $1 WHERE warning = $2 AND person = $3 AND read_at IS NULL",
        );
        self.change(update.bind(at.0).bind(warning.0.cast_signed()).bind(person)).await
    }

    /// Messages that fit, the newest first.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        limit: u32,
    ) -> Result<Vec<MessageRow>, DeskError> {
        let mut query = Statement::new(format!("SELECT {COLUMNS} FROM messages WHERE 1 = 1"));
        if let Some(no) = filter.warning {
            query.push(" AND warning = ").push_bind(no.0.cast_signed());
        }
        if let Some(person) = &filter.person {
            query.push(" AND person = ").push_bind(person.as_str());
        }
        if filter.on_page {
            query.push(" AND means = 'page'");
        }
        if filter.unread {
            query.push(" AND read_at IS NULL");
        }
        if let Some(state) = filter.state {
            query.push(" AND state = ").push_bind(state.code());
        }
        if let Some(before) = filter.before {
            query.push(" AND no < ").push_bind(i64::try_from(before).unwrap_or(i64::MAX));
        }
        query.push(" ORDER BY no DESC LIMIT ").push_bind(i64::from(limit));
        self.messages_by(query).await
    }

    /// How many messages are in each state.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn message_counts(&self) -> Result<BTreeMap<&'static str, u64>, DeskError> {
        let query = Statement::new("SELECT state, COUNT(*) AS n FROM messages GROUP BY state");
        let mut on = self.reading().await?;
        let counts = rows(&mut *on, query, |row| {
            let state = MessageState::of(&get::<String>(row, "state")?)?;
            Ok((state.code(), get::<i64>(row, "n")?.cast_unsigned()))
        });
        Ok(counts.await?.into_iter().collect())
    }

    async fn messages_by(&self, query: Statement) -> Result<Vec<MessageRow>, DeskError> {
        let mut on = self.reading().await?;
        rows(&mut *on, query, message).await
    }

    async fn change(&self, statement: Statement) -> Result<(), DeskError> {
        let mut tx = self.writing().await?;
        execute(&mut *tx, statement).await?;
        tx.commit().await.map_err(engine("write to"))
    }
}

fn message(row: &Row) -> Result<MessageRow, DeskError> {
    let count = |column| get::<i64>(row, column).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let rung: String = get(row, "rung")?;
    let why: String = get(row, "why")?;
    let whys = ["at_once", "unanswered", "no_feedback", "reminder"];
    let facts: String = get(row, "facts")?;
    Ok(MessageRow {
        message: NewMessage {
            id: get(row, "id")?,
            warning: WarningNo(get::<i64>(row, "warning")?.cast_unsigned()),
            person: get(row, "person")?,
            rung: Rung::from_code(&rung).ok_or_else(|| damaged("rung", rung))?,
            why: whys.into_iter().find(|w| *w == why).ok_or_else(|| damaged("why", why))?,
            means: Means::of(&get::<String>(row, "means")?)?,
            address: get(row, "address")?,
            colour: colour_of(get(row, "colour")?)?,
            language: get(row, "language")?,
            subject: get(row, "subject")?,
            body: get(row, "body")?,
            facts: serde_json::from_str(&facts).map_err(|e| damaged("facts", e.to_string()))?,
            created_at: time(row, "created_at")?,
            not_before: time(row, "next_at")?,
        },
        no: get::<i64>(row, "no")?.cast_unsigned(),
        state: MessageState::of(&get::<String>(row, "state")?)?,
        next_at: time(row, "next_at")?,
        batch: get(row, "batch")?,
        tries: count("tries")?,
        first_try: time_if_any(row, "first_try")?,
        doubles: count("doubles")?,
        channel: get(row, "channel")?,
        sent_at: time_if_any(row, "sent_at")?,
        receipt: get(row, "receipt")?,
        error: get(row, "error")?,
        read_at: time_if_any(row, "read_at")?,
    })
}
