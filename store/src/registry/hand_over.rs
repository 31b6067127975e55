//! 交接班: hand-overs at the change of shift. Who goes offers what is theirs to who comes; nothing changes hands before that person accepts.
//!
//! Kept here is the offer and its outcome. That an alarm has changed hands is in the alarm log, where its whole story is.

use anlan_domain::alarm::AlarmId;
use anlan_domain::ids::UserName;
use anlan_domain::time::UtcMillis;

use super::column::{Column, damaged};
use super::record::next_number;
use super::{Doer, Registry, RegistryError, audit, engine, execute, rows};
use crate::sql::{Row, Statement};

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverState {
    /// The other has not answered yet.
    Offered,
    /// The other has taken everything over.
    Accepted,
    /// The other does not take it over.
    Declined,
    /// Who offered it took it back.
    Withdrawn,
}

impl HandOverState {
    const ALL: [Self; 4] = [Self::Offered, Self::Accepted, Self::Declined, Self::Withdrawn];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Number, never used again.
    pub no: u32,
    /// Who goes, by user name.
    pub from: String,
    /// Who comes, by user name.
    pub to: String,
    /// What the one tells the other.
    pub note: String,
    /// Alarms that change hands.
    pub alarms: Vec<AlarmId>,
    /// When it was offered.
    pub made_at: UtcMillis,
    /// How far it has come.
    pub state: HandOverState,
    /// When it was answered or taken back.
    pub settled_at: Option<UtcMillis>,
    /// What was said then.
    pub answer: String,
}

/// What is offered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// To whom.
    pub to: UserName,
    /// What is told.
    pub note: String,
    /// Alarms that change hands.
    pub alarms: Vec<AlarmId>,
}

fn read(row: &Row) -> Result<HandOver, RegistryError> {
    let alarms = String::read(row, "alarms")?;
    let alarms = alarms.lines().map(|line| AlarmId::try_from(line.to_owned()));
    let code = String::read(row, "state")?;
    let state = HandOverState::ALL.into_iter().find(|state| state.code() == code);
    Ok(HandOver {
        no: u32::read(row, "no")?,
        from: String::read(row, "from_user")?,
        to: String::read(row, "to_user")?,
        note: String::read(row, "note")?,
        alarms: alarms.collect::<Result<_, _>>().map_err(|why| damaged("alarms", why))?,
        made_at: UtcMillis(i64::read(row, "made_at")?),
        state: state.ok_or_else(|| damaged("state", format!("{code:?} is no state")))?,
        settled_at: row
            .get::<Option<i64>>("settled_at")
            .map_err(|error| damaged("settled_at", error))?
            .map(UtcMillis),
        answer: String::read(row, "answer")?,
    })
}

impl Registry {
    /// Offers a hand-over, and gives its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn offer_hand_over(
        &self,
        by: &Doer,
        at: UtcMillis,
        offer: &Offer,
    ) -> Result<u32, RegistryError> {
        let mut on = self.writing().await?;
        let no = next_number(&mut *on, "hand_over").await?;
        let alarms: Vec<String> = offer.alarms.iter().map(AlarmId::to_string).collect();
        let insert = Statement::new(
            "INSERT INTO hand_overs (no, from_user, to_user, note, alarms, made_at, state)
             VALUES ($1, $2, $3, $4, $5, $6, 'offered')",
        )
        .bind(i64::from(no))
        .bind(by.name.as_str())
        .bind(offer.to.as_str())
        .bind(offer.note.as_str())
        .bind(alarms.join("\n"))
        .bind(at.0);
        execute(&mut *on, insert).await?;
        let object = format!("hand_over {no}");
        let detail = format!("to {}, {} alarms: {}", offer.to, alarms.len(), offer.note);
        audit::write(&mut *on, by, at, "hand_over", &object, &detail).await?;
        on.commit().await.map_err(engine("write to"))?;
        Ok(no)
    }

    /// Answers a hand-over or takes it back. `false` where it is not offered any more: somebody was faster.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_hand_over(
        &self,
        by: &Doer,
        at: UtcMillis,
        no: u32,
        state: HandOverState,
        answer: &str,
    ) -> Result<bool, RegistryError> {
        let mut on = self.writing().await?;
        let update = Statement::new(
            "UPDATE hand_overs SET state = $1, settled_at = $2, answer = $3
             WHERE no = $4 AND state = 'offered' RETURNING no",
        )
        .bind(state.code())
        .bind(at.0)
        .bind(answer)
        .bind(i64::from(no));
        let changed = rows(&mut *on, update, |row| u32::read(row, "no")).await?;
        if changed.is_empty() {
            return Ok(false);
        }
        let object = format!("hand_over {no}");
        audit::write(&mut *on, by, at, state.code(), &object, answer).await?;
        on.commit().await.map_err(engine("write to"))?;
        Ok(true)
    }

    /// Hand-overs from or to a person, the newest first.
    ///
    /// # Errors
    /// When the database fails, or holds what cannot be.
    pub async fn hand_overs_of(
        &self,
        user: &UserName,
        limit: u32,
    ) -> Result<Vec<HandOver>, RegistryError> {
        let query = Statement::new(
            "SELECT * FROM hand_overs WHERE from_user = $1 OR to_user = $1 ORDER BY no DESC LIMIT $2",
        )
        .bind(user.as_str())
        .bind(i64::from(limit));
        let mut on = self.reading().await?;
        rows(&mut *on, query, read).await
    }

    /// One hand-over.
    ///
    /// # Errors
    /// As [`Self::hand_overs_of`].
    pub async fn hand_over(&self, no: u32) -> Result<Option<HandOver>, RegistryError> {
        let query = Statement::new("SELECT * FROM hand_overs WHERE no = $1").bind(i64::from(no));
        let mut on = self.reading().await?;
        Ok(rows(&mut *on, query, read).await?.pop())
    }
}
