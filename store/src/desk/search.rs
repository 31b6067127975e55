//! Questions about warnings.

use anlan_domain::alarm::AlarmId;
use anlan_domain::colour::Colour;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::{Warning, WarningEntry, WarningKind, WarningNo, WarningState};

use super::{
    DeskError, DeskStore, EntryRow, alarm, colour_column, colour_of, damaged, doc, get, rows, time,
};
use crate::sql::Statement;

/// Which warnings. What is empty or `None` asks for nothing; everything that is stated must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WarningFilter {
    /// Of these enterprises. `None`: of all, and the center's own; an empty list: of none.
    pub enterprises: Option<Vec<EnterpriseCode>>,
    /// Of this hazard source.
    pub hazard: Option<HazardCode>,
    /// Of this equipment.
    pub equipment: Option<EquipmentId>,
    /// Of these colours.
    pub colours: Vec<Colour>,
    /// Of these kinds.
    pub kinds: Vec<WarningKind>,
    /// In these states.
    pub states: Vec<WarningState>,
    /// Drills only, or real ones only.
    pub drill: Option<bool>,
    /// Answered by this person.
    pub answered_by: Option<String>,
    /// Begun at or after.
    pub from: Option<UtcMillis>,
    /// Begun before.
    pub to: Option<UtcMillis>,
    /// Text within place or leading alarm.
    pub text: Option<String>,
}

/// One page.
#[derive(Clone, Debug, PartialEq)]
pub struct WarningPage {
    /// Newest first.
    pub items: Vec<Warning>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// How many open warnings of one enterprise have a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourCount {
    /// The enterprise; `None` for the center's own.
    pub enterprise: Option<EnterpriseCode>,
    /// Colour.
    pub colour: Colour,
    /// How many.
    pub count: u64,
    /// Of those: unanswered.
    pub unanswered: u64,
}

impl WarningFilter {
    /// Open ones.
    #[must_use]
    pub fn open() -> Self {
        use WarningState::{InHand, Returned, Unanswered};
        Self { states: vec![Unanswered, InHand, Returned], ..Self::default() }
    }

    fn push_to(&self, query: &mut Statement) {
        fn one_of<T>(
            query: &mut Statement,
            column: &str,
            of: &[T],
            bind: impl Fn(&T) -> crate::sql::Value,
        ) {
            query.push(format_args!(" AND {column} IN ("));
            let mut list = query.separated(", ");
            for item in of {
                list.push_bind(bind(item));
            }
            query.push(")");
        }
        query.push(" WHERE 1 = 1");
        match self.enterprises.as_deref() {
            None => {}
            Some([]) => {
                query.push(" AND 1 = 0");
            }
            Some(some) => one_of(query, "enterprise", some, |code| code.as_str().into()),
        }
        if !self.colours.is_empty() {
            one_of(query, "colour", &self.colours, |colour| colour_column(*colour).into());
        }
        if !self.kinds.is_empty() {
            one_of(query, "kind", &self.kinds, |kind| kind.code().into());
        }
        if !self.states.is_empty() {
            one_of(query, "state", &self.states, |state| state.code().into());
        }
        let equal = [
            ("hazard", self.hazard.as_ref().map(|code| code.to_string())),
            ("equipment", self.equipment.as_ref().map(|id| id.to_string())),
            ("answered_by", self.answered_by.clone()),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                query.push(format_args!(" AND {column} = ")).push_bind(value);
            }
        }
        if let Some(drill) = self.drill {
            query.push(" AND drill = ").push_bind(i64::from(drill));
        }
        if let Some(from) = self.from {
            query.push(" AND raised_at >= ").push_bind(from.0);
        }
        if let Some(to) = self.to {
            query.push(" AND raised_at < ").push_bind(to.0);
        }
        if let Some(text) = &self.text {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            query.push(" AND words LIKE ").push_bind(format!("%{escaped}%")).push(" ESCAPE '\\'");
        }
    }
}

impl DeskStore {
    /// One warning, open or closed.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn warning(&self, no: WarningNo) -> Result<Option<Warning>, DeskError> {
        let mut on = self.reading().await?;
        let query = Statement::new("SELECT doc FROM warnings WHERE no = $1");
        let found =
            rows(&mut *on, query.bind(no.0.cast_signed()), |row| doc(row, "doc", "a warning"));
        Ok(found.await?.pop())
    }

    /// Warnings that fit, the newest first.
    ///
    /// # Errors
    /// When the cursor was not given out, or the database fails.
    pub async fn warnings(
        &self,
        filter: &WarningFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<WarningPage, DeskError> {
        let mut query = Statement::new("SELECT doc FROM warnings");
        filter.push_to(&mut query);
        if let Some(text) = cursor {
            // Numbers are given out in the order of beginning, so they are the cursor.
            let no = text.parse::<u64>().ok().and_then(|no| i64::try_from(no).ok());
            let no = no.ok_or_else(|| DeskError::Cursor(text.to_owned()))?;
            query.push(" AND no < ").push_bind(no);
        }
        query.push(" ORDER BY no DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let mut on = self.reading().await?;
        let mut items: Vec<Warning> =
            rows(&mut *on, query, |row| doc(row, "doc", "a warning")).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items.last().filter(|_| more).map(|last| last.no.0.to_string());
        Ok(WarningPage { items, next_cursor })
    }

    /// How many warnings fit, by enterprise and colour.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn warning_counts(
        &self,
        filter: &WarningFilter,
    ) -> Result<Vec<ColourCount>, DeskError> {
        let mut query = Statement::new(
            "SELECT enterprise, colour, COUNT(*) AS n,
                    SUM(CASE WHEN state = 'unanswered' THEN 1 ELSE 0 END) AS unanswered FROM warnings",
        );
        filter.push_to(&mut query);
        query.push(" GROUP BY enterprise, colour ORDER BY enterprise, colour");
        let mut on = self.reading().await?;
        rows(&mut *on, query, |row| {
            let enterprise = get::<Option<String>>(row, "enterprise")?;
            let enterprise = enterprise.map(|code| EnterpriseCode::new(&code)).transpose();
            Ok(ColourCount {
                enterprise: enterprise.map_err(|bad| damaged("enterprise", bad.to_string()))?,
                colour: colour_of(get(row, "colour")?)?,
                count: get::<i64>(row, "n")?.cast_unsigned(),
                unanswered: get::<i64>(row, "unanswered")?.cast_unsigned(),
            })
        })
        .await
    }

    /// The time line of a warning, oldest first, at most `limit` of its newest entries.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn time_line(&self, no: WarningNo, limit: u32) -> Result<Vec<EntryRow>, DeskError> {
        let query = Statement::new(
            "SELECT seq, warning, at, change FROM warning_entries WHERE warning = $1 ORDER BY seq DESC LIMIT $2",
        );
        let query = query.bind(no.0.cast_signed()).bind(i64::from(limit));
        let mut entries = self.entries_of(query).await?;
        entries.reverse();
        Ok(entries)
    }

    /// Entries after a place in the desk's log, in order.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn entries_after(&self, seq: u64, limit: u32) -> Result<Vec<EntryRow>, DeskError> {
        let query = Statement::new(
            "SELECT seq, warning, at, change FROM warning_entries WHERE seq > $1 ORDER BY seq LIMIT $2",
        );
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        self.entries_of(query.bind(seq).bind(i64::from(limit))).await
    }

    async fn entries_of(&self, query: Statement) -> Result<Vec<EntryRow>, DeskError> {
        let mut on = self.reading().await?;
        rows(&mut *on, query, |row| {
            Ok(EntryRow {
                seq: get::<i64>(row, "seq")?.cast_unsigned(),
                entry: WarningEntry {
                    warning: WarningNo(get::<i64>(row, "warning")?.cast_unsigned()),
                    at: time(row, "at")?,
                    change: doc(row, "change", "an entry")?,
                },
            })
        })
        .await
    }

    /// Alarms of a warning, at most `limit`.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn alarms_of(&self, no: WarningNo, limit: u32) -> Result<Vec<AlarmId>, DeskError> {
        let query = Statement::new("SELECT alarm FROM warning_alarms WHERE warning = $1 LIMIT $2");
        let mut on = self.reading().await?;
        let query = query.bind(no.0.cast_signed()).bind(i64::from(limit));
        rows(&mut *on, query, |row| alarm(get(row, "alarm")?)).await
    }

    /// Warnings that an alarm belongs to or belonged to, the newest first.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn warnings_of(&self, alarm: &AlarmId) -> Result<Vec<Warning>, DeskError> {
        let query = Statement::new(
            "SELECT w.doc AS doc FROM warning_alarms a JOIN warnings w ON w.no = a.warning
             WHERE a.alarm = $1 ORDER BY w.no DESC LIMIT 100",
        );
        let mut on = self.reading().await?;
        rows(&mut *on, query.bind(alarm.to_string()), |row| doc(row, "doc", "a warning")).await
    }
}
