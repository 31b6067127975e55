//! Questions to the alarm index.

use std::collections::HashMap;

use anlan_domain::alarm::{AlarmId, AlarmKey, AlarmSubject, ClearReason, Condition, Level};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::{EnterpriseCode, EquipmentId};
use anlan_domain::life_cycle::{AlarmState, Quiet, Until};
use anlan_domain::time::UtcMillis;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool};

use crate::alarm_index::{
    AlarmCount, AlarmFilter, AlarmPage, AlarmRow, AlarmSpan, Disposition, EquipmentStateRow,
    HourCount, IndexError, QuietPage, QuietRow, reason_code, state_code,
};
use crate::state::AlarmSeq;

const HOUR_MS: i64 = 3_600_000;

/// A page cursor that no search gave out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cursor of an alarm search")]
pub struct BadPageCursor(pub String);

/// Place between two rows of a search: the time and number of the last row of a page.
struct PageCursor {
    sort_at: i64,
    first_seq: i64,
}

impl PageCursor {
    fn text(&self) -> String {
        format!("{:x}-{:x}", self.sort_at.cast_unsigned(), self.first_seq.cast_unsigned())
    }

    fn parse(text: &str) -> Result<Self, BadPageCursor> {
        let number = |part: &str| u64::from_str_radix(part, 16).ok().map(u64::cast_signed);
        text.split_once('-')
            .and_then(|(at, seq)| Some(Self { sort_at: number(at)?, first_seq: number(seq)? }))
            .ok_or_else(|| BadPageCursor(text.to_owned()))
    }
}

pub async fn get(pool: &SqlitePool, id: &AlarmId) -> Result<Option<AlarmRow>, IndexError> {
    sqlx::query("select * from alarm where id = ?")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await
        .map_err(sql)?
        .map(|row| alarm_of(&row))
        .transpose()
}

pub async fn get_many(pool: &SqlitePool, ids: &[AlarmId]) -> Result<Vec<AlarmRow>, IndexError> {
    let ids: Vec<String> = ids.iter().map(AlarmId::to_string).collect();
    let rows = sqlx::query("select * from alarm where id in (select value from json_each(?))")
        .bind(serde_json::json!(ids).to_string())
        .fetch_all(pool)
        .await
        .map_err(sql)?;
    rows.iter().map(alarm_of).collect()
}

pub async fn entries(pool: &SqlitePool, id: &AlarmId) -> Result<Vec<AlarmSeq>, IndexError> {
    let seqs: Vec<i64> = sqlx::query_scalar("select seq from entry where alarm = ? order by seq")
        .bind(id.to_string())
        .fetch_all(pool)
        .await
        .map_err(sql)?;
    Ok(seqs.into_iter().map(|seq| AlarmSeq(seq.cast_unsigned())).collect())
}

pub async fn search(
    pool: &SqlitePool,
    filter: &AlarmFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<AlarmPage, IndexError> {
    let mut query = QueryBuilder::new("select * from ");
    push_filter(&mut query, filter);
    if let Some(PageCursor { sort_at, first_seq }) = cursor.map(PageCursor::parse).transpose()? {
        query.push(" and (sort_at, first_seq) < (").push_bind(sort_at);
        query.push(", ").push_bind(first_seq).push(")");
    }
    // One more than asked for tells whether there is another page.
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX - 1);
    query.push(" order by sort_at desc, first_seq desc limit ").push_bind(wanted + 1);
    let rows = query.build().fetch_all(pool).await.map_err(sql)?;
    let more = rows.len() > limit;
    let rows = &rows[..rows.len().min(limit)];
    let items = rows.iter().map(alarm_of).collect::<Result<_, _>>()?;
    let next_cursor = match rows.last().filter(|_| more) {
        Some(last) => {
            let (sort_at, first_seq) =
                (last.try_get("sort_at").map_err(sql)?, last.try_get("first_seq").map_err(sql)?);
            Some(PageCursor { sort_at, first_seq }.text())
        }
        None => None,
    };
    Ok(AlarmPage { items, next_cursor })
}

pub async fn counts(
    pool: &SqlitePool,
    filter: &AlarmFilter,
) -> Result<Vec<AlarmCount>, IndexError> {
    let mut query = QueryBuilder::new("select enterprise, level, state, count(*) as n from ");
    push_filter(&mut query, filter);
    query.push(" group by enterprise, level, state order by enterprise, level, state");
    let rows = query.build().fetch_all(pool).await.map_err(sql)?;
    let count_of = |row: &SqliteRow| {
        let columns = Columns(row, "a count");
        Ok(AlarmCount {
            enterprise: columns.parsed("enterprise")?,
            level: columns.level()?,
            state: columns.state()?,
            count: columns.get::<i64>("n")?.cast_unsigned(),
        })
    };
    rows.iter().map(count_of).collect()
}

pub async fn hours(pool: &SqlitePool, filter: &AlarmFilter) -> Result<Vec<HourCount>, IndexError> {
    // SQLite divides towards zero; instants before 1970 do not occur.
    let mut query = QueryBuilder::new("select raised_at / ");
    query.push(HOUR_MS).push(" as hour, level, count(*) as n from ");
    push_filter(&mut query, filter);
    query.push(" group by hour, level order by hour");
    let mut out: Vec<HourCount> = Vec::new();
    for row in query.build().fetch_all(pool).await.map_err(sql)? {
        let columns = Columns(&row, "an hour");
        let hour = UtcMillis(columns.get::<i64>("hour")? * HOUR_MS);
        if out.last().is_none_or(|last| last.hour != hour) {
            out.push(HourCount { hour, by_level: [0; 4] });
        }
        let slot = usize::from(columns.level()?.get()) - 1;
        let last = out.last_mut().expect("pushed above");
        last.by_level[slot] = columns.get::<i64>("n")?.cast_unsigned();
    }
    Ok(out)
}

pub async fn spans(
    pool: &SqlitePool,
    filter: &AlarmFilter,
    limit: usize,
) -> Result<Vec<AlarmSpan>, IndexError> {
    let mut query = QueryBuilder::new(
        "select subject, condition, level, raised_at, acked_at, cleared_at from ",
    );
    push_filter(&mut query, filter);
    query.push(" and not quietly order by raised_at limit ");
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = query.build().fetch_all(pool).await.map_err(sql)?;
    // The same few alarms come again and again: one text each.
    let mut subjects: HashMap<String, AlarmSubject> = HashMap::new();
    let span_of = |row: &SqliteRow| {
        let subject: String = row.try_get("subject").map_err(sql)?;
        let columns = Columns(row, &subject);
        let condition = Condition::from_code(columns.get("condition")?);
        let condition = condition.ok_or_else(|| columns.damaged())?;
        let time = |column| columns.get::<Option<i64>>(column).map(|ms| ms.map(UtcMillis));
        let (acked_at, cleared_at) = (time("acked_at")?, time("cleared_at")?);
        let (level, raised_at) = (columns.level()?, UtcMillis(columns.get("raised_at")?));
        let subject = subjects
            .entry(subject)
            .or_insert_with_key(|text| AlarmSubject(text.as_str().into()))
            .clone();
        let alarm = AlarmKey { subject, condition };
        Ok(AlarmSpan { alarm, level, raised_at, acked_at, cleared_at })
    };
    rows.iter().map(span_of).collect()
}

/// From so many enterprises on, going through them one by one costs more than going through all alarms by time.
const MANY_ENTERPRISES: usize = 64;

/// Adds the table and the conditions of a filter. Lists travel as one JSON text, so that a province of ten thousand
/// enterprises is one parameter.
///
/// The planner knows nothing of how alarms are spread, so it is told: the open ones are few, whatever else is asked for
/// (`indexed by`), and a long list of enterprises is no good way in (the `+` takes its index away). Measured with
/// 400,000 alarms of 2,000 enterprises: 500 ms without, 2 ms with.
fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &AlarmFilter) {
    let open_only = !filter.states.is_empty() && !filter.states.contains(&AlarmState::Closed);
    // The index is of these rows alone and may be named only where they are asked for in the same words.
    query.push(if open_only {
        "alarm indexed by alarm_open where state <> 'closed'"
    } else {
        "alarm where 1"
    });
    let list = |query: &mut QueryBuilder<Sqlite>, column: &str, values: Vec<&str>| {
        query.push(format_args!(" and {column} in (select value from json_each("));
        query.push_bind(serde_json::json!(values).to_string()).push("))");
    };
    if let Some(enterprises) = &filter.enterprises {
        let many = enterprises.len() >= MANY_ENTERPRISES;
        let column = if many { "+enterprise" } else { "enterprise" };
        list(query, column, enterprises.iter().map(|e| e.as_str()).collect());
    }
    for (column, value) in [
        ("hazard", filter.hazard.as_ref().map(|h| h.as_str())),
        ("equipment", filter.equipment.as_ref().map(|e| e.as_str())),
        ("subject", filter.subject.as_deref()),
    ] {
        if let Some(value) = value {
            query.push(format_args!(" and {column} = ")).push_bind(value.to_owned());
        }
    }
    if !filter.levels.is_empty() {
        let levels: Vec<String> = filter.levels.iter().map(|l| l.get().to_string()).collect();
        query.push(format_args!(" and level in ({})", levels.join(",")));
    }
    if !filter.states.is_empty() {
        list(query, "state", filter.states.iter().map(|&s| state_code(s)).collect());
    }
    if !filter.conditions.is_empty() {
        list(query, "condition", filter.conditions.iter().map(|c| c.code()).collect());
    }
    if let Some(owner) = &filter.owner {
        query.push(" and owner = ").push_bind(owner.clone());
    }
    if let Some(disposed) = filter.disposed {
        query.push(if disposed {
            " and disposed_at is not null"
        } else {
            " and disposed_at is null"
        });
    }
    if let Some(late) = filter.late {
        query.push(" and late = ").push_bind(late);
    }
    if let Some(from) = filter.from {
        query.push(" and raised_at >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" and raised_at < ").push_bind(to.0);
    }
    if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = format!("%{escaped}%");
        for (glue, column) in [
            (" and (", "id"),
            (" or ", "coalesce(equipment, '')"),
            (" or ", "coalesce(comment, '')"),
            (" or ", "coalesce(acked_by, '')"),
            (" or ", "coalesce(owner, '')"),
            (" or ", "coalesce(disposed_by, '')"),
            (" or ", "coalesce(disposition, '')"),
            (" or ", "coalesce(hazard, '')"),
        ] {
            query.push(format_args!("{glue}{column} like ")).push_bind(pattern.clone());
            query.push(" escape '\\'");
        }
        query.push(")");
    }
}

fn alarm_of(row: &SqliteRow) -> Result<AlarmRow, IndexError> {
    let id: String = row.try_get("id").map_err(sql)?;
    let columns = Columns(row, &id);
    let seq = |column| columns.get::<i64>(column).map(|seq| AlarmSeq(seq.cast_unsigned()));
    let time = |column| columns.get::<Option<i64>>(column).map(|ms| ms.map(UtcMillis));
    let reason: Option<String> = columns.get("clear_reason")?;
    let reason = reason.map(|code| reason_of_code(&code).ok_or_else(|| columns.damaged()));
    Ok(AlarmRow {
        id: AlarmId::try_from(id.clone()).map_err(IndexError::Damaged)?,
        enterprise: columns.parsed("enterprise")?,
        hazard: columns.parsed("hazard")?,
        equipment: columns.parsed("equipment")?,
        level: columns.level()?,
        state: columns.state()?,
        late: columns.get("late")?,
        raised_at: UtcMillis(columns.get("raised_at")?),
        received_at: UtcMillis(columns.get("received_at")?),
        decided_at: UtcMillis(columns.get("decided_at")?),
        cleared_at: time("cleared_at")?,
        clear_reason: reason.transpose()?,
        value: columns.get("value")?,
        limit: columns.get("limit_value")?,
        limits_version: u32::try_from(columns.get::<i64>("limits_version")?)
            .map_err(|_| columns.damaged())?,
        acked_by: columns.get("acked_by")?,
        acked_at: time("acked_at")?,
        comment: columns.get("comment")?,
        owner: columns.get::<Option<String>>("owner")?.zip(time("taken_at")?),
        disposition: disposition_of(&columns)?,
        crossings: columns
            .get::<Option<i64>>("crossings")?
            .map(u32::try_from)
            .transpose()
            .map_err(|_| columns.damaged())?,
        chattering: columns.get("chattering")?,
        first_seq: seq("first_seq")?,
        last_seq: seq("last_seq")?,
    })
}

fn disposition_of(columns: &Columns) -> Result<Option<Disposition>, IndexError> {
    let Some(at) = columns.get::<Option<i64>>("disposed_at")? else { return Ok(None) };
    Ok(Some(Disposition {
        cause: columns.get("cause")?,
        measure: columns.get("measure")?,
        comment: columns.get("disposition")?,
        by: columns.get("disposed_by")?,
        at: UtcMillis(at),
    }))
}

/// Place between two rows of the list of what is quiet: the last row of a page. Newest first, and by alarm within one instant; a row
/// never changes its place but to the front, when it is put on the shelf anew.
struct QuietCursor(i64, [String; 3]);

impl QuietCursor {
    fn of(row: &QuietRow) -> Self {
        let QuietRow { alarm, quiet, since, .. } = row;
        Self(
            since.0,
            [
                alarm.subject.0.to_string(),
                alarm.condition.code().to_owned(),
                quiet.code().to_owned(),
            ],
        )
    }

    fn text(&self) -> String {
        format!("{}|{}", self.0, self.1.join("|"))
    }

    fn parse(text: &str) -> Result<Self, BadPageCursor> {
        let bad = || BadPageCursor(text.to_owned());
        let mut parts = text.splitn(4, '|').map(str::to_owned);
        let mut next = || parts.next().ok_or_else(bad);
        let since = next()?.parse().map_err(|_| bad())?;
        Ok(Self(since, [next()?, next()?, next()?]))
    }
}

pub async fn quiet(
    pool: &SqlitePool,
    enterprises: Option<&[EnterpriseCode]>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<QuietPage, IndexError> {
    let mut query = QueryBuilder::new("select * from quiet where 1");
    if let Some(enterprises) = enterprises {
        let codes: Vec<&str> = enterprises.iter().map(EnterpriseCode::as_str).collect();
        query.push(" and enterprise in (select value from json_each(");
        query.push_bind(serde_json::json!(codes).to_string()).push("))");
    }
    if let Some(QuietCursor(since, key)) = cursor.map(QuietCursor::parse).transpose()? {
        query.push(" and (since < ").push_bind(since);
        query.push(" or (since = ").push_bind(since);
        query.push(" and (subject, condition, quiet) > (");
        let mut parts = query.separated(", ");
        for part in key {
            parts.push_bind(part);
        }
        query.push(")))");
    }
    // One more than asked for tells whether there is another page.
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX - 1);
    query.push(" order by since desc, subject, condition, quiet limit ").push_bind(wanted + 1);
    let rows = query.build().fetch_all(pool).await.map_err(sql)?;
    let more = rows.len() > limit;
    let items: Vec<QuietRow> =
        rows.iter().take(limit).map(quiet_of).collect::<Result<_, IndexError>>()?;
    let next_cursor = items.last().filter(|_| more).map(|last| QuietCursor::of(last).text());
    Ok(QuietPage { items, next_cursor })
}

fn quiet_of(row: &SqliteRow) -> Result<QuietRow, IndexError> {
    let subject: String = row.try_get("subject").map_err(sql)?;
    let columns = Columns(row, &subject);
    let condition = Condition::from_code(columns.get("condition")?);
    let condition = condition.ok_or_else(|| columns.damaged())?;
    let code: &str = columns.get("quiet")?;
    let quiet = Quiet::ALL.into_iter().find(|quiet| quiet.code() == code);
    let one_shot: bool = columns.get("one_shot")?;
    let until = columns
        .get::<Option<i64>>("until")?
        .map(UtcMillis)
        .map(|at| if one_shot { Until::Returned { at_most: at } } else { Until::Time(at) });
    Ok(QuietRow {
        alarm: AlarmKey { subject: AlarmSubject(subject.as_str().into()), condition },
        quiet: quiet.ok_or_else(|| columns.damaged())?,
        enterprise: columns.parsed("enterprise")?,
        hazard: columns.parsed("hazard")?,
        equipment: columns.parsed("equipment")?,
        by: columns.get("by_user")?,
        reason: columns.get("reason")?,
        since: UtcMillis(columns.get("since")?),
        until,
    })
}

/// How these pieces of equipment stand; one that runs is left out.
pub async fn equipment_states(
    pool: &SqlitePool,
    equipment: &[&str],
) -> Result<Vec<EquipmentStateRow>, IndexError> {
    let mut query = QueryBuilder::new(
        "select * from equipment_state where equipment in (select value from json_each(",
    );
    query.push_bind(serde_json::json!(equipment).to_string()).push("))");
    let rows = query.build().fetch_all(pool).await.map_err(sql)?;
    let read = |row: &SqliteRow| {
        let id: String = row.try_get("equipment").map_err(sql)?;
        let columns = Columns(row, &id);
        let state = EquipmentState::from_code(columns.get("state")?);
        Ok(EquipmentStateRow {
            equipment: EquipmentId::new(&id).map_err(|_| columns.damaged())?,
            state: state.ok_or_else(|| columns.damaged())?,
            by: columns.get("by_user")?,
            reason: columns.get("reason")?,
            since: UtcMillis(columns.get("since")?),
            until: columns.get::<Option<i64>>("until")?.map(UtcMillis),
        })
    };
    rows.iter().map(read).collect()
}

/// Columns of a row, and what to call the row where one cannot be.
struct Columns<'a>(&'a SqliteRow, &'a str);

impl Columns<'_> {
    fn get<'r, T>(&'r self, column: &str) -> Result<T, IndexError>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.0.try_get(column).map_err(sql)
    }

    /// An identity, where there is one.
    fn parsed<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, IndexError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| self.damaged())).transpose()
    }

    fn level(&self) -> Result<Level, IndexError> {
        let level: i64 = self.get("level")?;
        u8::try_from(level).ok().and_then(Level::new).ok_or_else(|| self.damaged())
    }

    fn state(&self) -> Result<AlarmState, IndexError> {
        state_of_code(self.get("state")?).ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> IndexError {
        IndexError::Damaged(self.1.to_owned())
    }
}

fn sql(source: sqlx::Error) -> IndexError {
    IndexError::Sql { doing: "read", source }
}

/// The state of its code in the index.
pub fn state_of_code(code: &str) -> Option<AlarmState> {
    AlarmState::ALL.into_iter().find(|&state| state_code(state) == code)
}

fn reason_of_code(code: &str) -> Option<ClearReason> {
    [
        ClearReason::Returned,
        ClearReason::LimitsChanged,
        ClearReason::PointRemoved,
        ClearReason::ParentLost,
    ]
    .into_iter()
    .find(|&reason| reason_code(reason) == code)
}
