//! An alarm as it is sent: the row of the index, with names, unit and place from the registry.

use std::collections::{BTreeSet, HashMap};

use anlan_domain::alarm::{AlarmChange, AlarmEntry, ClearReason};
use anlan_domain::ids::{EquipmentId, PointId};
use anlan_domain::life_cycle::{AlarmState, Quiet};
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmRow;
use anlan_store::registry::records::{Equipment, Point};
use anlan_store::registry::{Registry, RegistryError, Scoped};
use anlan_store::state::{AlarmRecord, AlarmSeq};
use serde::Serialize;
use utoipa::ToSchema;

use super::Names;
use crate::cursor;
use crate::gate::{Places, Site};

/// Who acknowledged.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Acknowledged {
    /// User name.
    pub by: String,
    /// 姓名
    pub name: String,
    /// When.
    pub at: i64,
    /// What they said.
    pub comment: String,
}

/// 接手: who answers for an alarm.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Owner {
    /// User name.
    pub by: String,
    /// 姓名
    pub name: String,
    /// Since when.
    pub at: i64,
}

/// 处置: what an alarm was and what was done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DispositionView {
    /// Code of the cause, from `/dispositions`.
    pub cause: String,
    /// Code of the measure, from `/dispositions`.
    pub measure: String,
    /// In words.
    pub comment: String,
    /// User name.
    pub by: String,
    /// 姓名
    pub name: String,
    /// When.
    pub at: i64,
}

/// An alarm.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Alarm {
    /// `SUBJECT|CONDITION|OCCURRENCE`.
    pub id: String,
    /// Point, or `gateway:ID`, `device:GATEWAY/DEVICE`, `center`.
    pub subject: String,
    /// Condition.
    pub condition: &'static str,
    /// Occurrence.
    pub occurrence: u32,
    /// 1 (gravest) to 4.
    pub level: u8,
    /// `unacknowledged`, `acknowledged`, `returned_unacknowledged`, `latched_unacknowledged`, `latched_acknowledged`, `shelved`, `suppressed`, `out_of_service`,
    /// `closed`.
    #[schema(value_type = String)]
    pub state: AlarmState,
    /// 补传
    pub late: bool,
    /// `false` is 未落盘: decided while nothing could be made durable.
    pub durable: bool,
    /// Enterprise.
    pub enterprise: Option<String>,
    /// Its name.
    pub enterprise_name: Option<Names>,
    /// Hazard source.
    pub hazard: Option<String>,
    /// Equipment.
    pub equipment: Option<String>,
    /// Point.
    pub point: Option<String>,
    /// Tag of the point, else the node.
    pub tag: String,
    /// Name of the point, else of the node.
    pub name: Names,
    /// Signal type.
    pub signal: String,
    /// Unit.
    pub unit: String,
    /// Decimals shown.
    pub decimals: u8,
    /// Value that completed it.
    pub value: Option<f64>,
    /// Limit that it broke.
    pub limit: Option<f64>,
    /// Version of the limits.
    pub limits_version: u32,
    /// 源时间
    pub raised_at: i64,
    /// 收到
    pub received_at: i64,
    /// 判定
    pub decided_at: i64,
    /// When it ended.
    pub cleared_at: Option<i64>,
    /// Why it ended.
    #[schema(value_type = Option<String>)]
    pub clear_reason: Option<ClearReason>,
    /// Who acknowledged.
    pub acknowledged: Option<Acknowledged>,
    /// Who answers for it.
    pub owner: Option<Owner>,
    /// What it was and what was done.
    pub disposition: Option<DispositionView>,
    /// 振荡: how often it has crossed, where it was ever held up as chattering.
    pub crossings: Option<u32>,
    /// It chatters at the moment.
    pub chattering: bool,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Place of its newest entry in the alarm log.
    pub cursor: String,
    /// What happened to it; only where one alarm is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Vec<LogEntry>>,
}

/// One entry of an alarm's log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogEntry {
    /// `raised`, `cleared`, `acknowledged`, `repeated`, `reset`, `chattering`, `calm`, `amended`, `quieted`, `resumed`, `commented`, `taken`, `disposed`.
    pub kind: &'static str,
    /// When it was true.
    pub at: i64,
    /// Who, by user name.
    pub by: Option<String>,
    /// 姓名
    pub by_name: Option<String>,
    /// What keeps it quiet from here on, or no longer: `shelved`, `suppressed`, `out_of_service`.
    pub quiet: Option<&'static str>,
    /// How long it stays on the shelf at most.
    pub until: Option<i64>,
    /// Of `disposed`: code of the cause.
    pub cause: Option<String>,
    /// Of `disposed`: code of the measure.
    pub measure: Option<String>,
    /// What they said.
    pub comment: Option<String>,
    /// Why it ended.
    #[schema(value_type = Option<String>)]
    pub reason: Option<ClearReason>,
    /// Value.
    pub value: Option<f64>,
    /// Of `chattering` and `calm`: how often it has crossed.
    pub crossings: Option<u32>,
    /// Source time.
    pub source_at: i64,
    /// Receive time.
    pub received_at: i64,
    /// When the center decided.
    pub decided_at: i64,
}

/// What happened, in short, for the live stream.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    kind: &'static str,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ClearReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<&'static str>,
    /// Of `equipment_state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

impl Change {
    /// From an entry.
    pub fn of(entry: &AlarmEntry) -> Self {
        let Parts { kind, by, comment, reason, quiet, state, .. } = Parts::of(&entry.change);
        Self { kind, at: entry.source_time.0, by, comment, reason, quiet, state }
    }
}

/// What of an entry is shown.
#[derive(Default)]
struct Parts {
    kind: &'static str,
    by: Option<String>,
    comment: Option<String>,
    reason: Option<ClearReason>,
    value: Option<f64>,
    quiet: Option<&'static str>,
    until: Option<i64>,
    disposed: Option<(String, String)>,
    state: Option<&'static str>,
    crossings: Option<u32>,
}

impl Parts {
    fn of(change: &AlarmChange) -> Self {
        let said = |kind, by: &String, comment: &String| Self {
            kind,
            by: Some(by.clone()),
            comment: Some(comment.clone()),
            ..Self::default()
        };
        match change {
            AlarmChange::Raised { value, quiet, .. } => Self {
                kind: "raised",
                value: *value,
                quiet: quiet.map(Quiet::code),
                ..Self::default()
            },
            AlarmChange::Chattering { crossings, over } => Self {
                kind: if *over { "calm" } else { "chattering" },
                crossings: Some(*crossings),
                ..Self::default()
            },
            AlarmChange::Repeated => Self { kind: "repeated", ..Self::default() },
            AlarmChange::Reset { by, comment } => Self {
                kind: "reset",
                by: by.clone(),
                comment: Some(comment.clone()),
                ..Self::default()
            },
            AlarmChange::Cleared { reason, value, .. } => {
                Self { kind: "cleared", reason: Some(*reason), value: *value, ..Self::default() }
            }
            AlarmChange::Acknowledged { by, comment } => said("acknowledged", by, comment),
            AlarmChange::Amended { .. } => Self { kind: "amended", ..Self::default() },
            AlarmChange::Quieted { quiet, by, reason, until } => Self {
                kind: "quieted",
                by: by.clone(),
                comment: Some(reason.clone()),
                quiet: Some(quiet.code()),
                until: until.map(|until| until.latest().0),
                ..Self::default()
            },
            AlarmChange::Resumed { quiet, by, .. } => Self {
                kind: "resumed",
                by: by.clone(),
                quiet: Some(quiet.code()),
                ..Self::default()
            },
            // Its log is that of its equipment; only the live stream tells of it.
            AlarmChange::EquipmentState { state, by, reason, until } => Self {
                kind: "equipment_state",
                by: by.clone(),
                comment: Some(reason.clone()),
                state: Some(state.code()),
                until: until.map(|until| until.0),
                ..Self::default()
            },
            AlarmChange::Commented { by, comment } => said("commented", by, comment),
            AlarmChange::Taken { by, comment } => said("taken", by, comment),
            AlarmChange::Disposed { by, cause, measure, comment } => Self {
                disposed: Some((cause.clone(), measure.clone())),
                ..said("disposed", by, comment)
            },
        }
    }
}

impl LogEntry {
    /// From the log; `names` has the names of people by user name.
    pub fn of(record: &AlarmRecord, names: &HashMap<String, String>) -> Self {
        let parts = Parts::of(&record.entry.change);
        let (cause, measure) = parts.disposed.unzip();
        Self {
            kind: parts.kind,
            at: record.entry.source_time.0,
            by_name: parts.by.as_ref().and_then(|by| names.get(by)).cloned(),
            by: parts.by,
            quiet: parts.quiet,
            until: parts.until,
            cause,
            measure,
            comment: parts.comment,
            reason: parts.reason,
            value: parts.value,
            crossings: parts.crossings,
            source_at: record.entry.source_time.0,
            received_at: record.entry.received_time.0,
            decided_at: record.decided_time.0,
        }
    }
}

/// Who did something, by user name.
pub fn doer(change: &AlarmChange) -> Option<String> {
    Parts::of(change).by
}

/// An alarm that is decided and not durable, as a row without a place in the log. Only raising is shown this way.
pub fn undurable(entry: &AlarmEntry, decided_at: UtcMillis) -> Option<AlarmRow> {
    let AlarmChange::Raised { value, limit, limits_version, level, late, quiet } = entry.change
    else {
        return None;
    };
    Some(AlarmRow {
        id: entry.alarm.clone(),
        enterprise: entry.place.enterprise.clone(),
        hazard: entry.place.hazard.clone(),
        equipment: entry.place.equipment.clone(),
        level,
        state: AlarmState::raised(quiet),
        late,
        raised_at: entry.source_time,
        received_at: entry.received_time,
        decided_at,
        cleared_at: None,
        clear_reason: None,
        value,
        limit,
        limits_version,
        acked_by: None,
        acked_at: None,
        comment: None,
        owner: None,
        disposition: None,
        crossings: None,
        chattering: false,
        first_seq: AlarmSeq(0),
        last_seq: AlarmSeq(0),
    })
}

/// Gives rows their names, with as many queries for five hundred rows as for one. `scoped` is the reader's own, so that nothing foreign
/// can come in by a name.
pub async fn enrich(
    rows: Vec<AlarmRow>,
    scoped: &Scoped,
    places: &Places,
    registry: &Registry,
) -> Result<Vec<Alarm>, RegistryError> {
    let ids: Vec<PointId> =
        rows.iter().filter_map(|row| PointId::new(&row.id.subject.0).ok()).collect();
    let points: HashMap<PointId, Point> =
        scoped.points_by_id(&ids).await?.into_iter().map(|p| (p.id.clone(), p)).collect();
    let by: BTreeSet<&str> = rows.iter().flat_map(people_of).collect();
    let people = registry.names_of(&by.into_iter().collect::<Vec<_>>()).await?;
    let equipment = equipment_of(&rows, &points, scoped).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let point = PointId::new(&row.id.subject.0).ok();
            let of_point = point.as_ref().and_then(|id| points.get(id));
            let enterprise =
                row.enterprise.as_ref().and_then(|code| places.seen(code, scoped.scope()));
            let at = row.equipment.as_ref().and_then(|e| equipment.get(e));
            build(row, point, of_point, enterprise, at, &people)
        })
        .collect())
}

/// User names in a row.
fn people_of(row: &AlarmRow) -> impl Iterator<Item = &str> {
    let disposed = row.disposition.as_ref().map(|disposition| disposition.by.as_str());
    let owner = row.owner.as_ref().map(|(by, _)| by.as_str());
    row.acked_by.as_deref().into_iter().chain(owner).chain(disposed)
}

/// Equipment whose place an alarm is shown at, because its point has none.
async fn equipment_of(
    rows: &[AlarmRow],
    points: &HashMap<PointId, Point>,
    scoped: &Scoped,
) -> Result<HashMap<EquipmentId, Equipment>, RegistryError> {
    let mut wanted: BTreeSet<&EquipmentId> = BTreeSet::new();
    for row in rows {
        let point = PointId::new(&row.id.subject.0).ok();
        let placed = point.and_then(|id| points.get(&id)).is_some_and(|p| p.longitude.is_some());
        wanted.extend(row.equipment.as_ref().filter(|_| !placed));
    }
    let wanted: Vec<&EquipmentId> = wanted.into_iter().collect();
    let found = scoped.equipment_by_id(&wanted).await?;
    Ok(found.into_iter().map(|e| (e.id.clone(), e)).collect())
}

fn build(
    row: AlarmRow,
    id: Option<PointId>,
    point: Option<&Point>,
    enterprise: Option<&Site>,
    equipment: Option<&Equipment>,
    people: &HashMap<String, String>,
) -> Alarm {
    let subject = row.id.subject.0.to_string();
    let tag = match &id {
        Some(id) => id.tag().to_owned(),
        None => subject.split_once(':').map_or(subject.as_str(), |(_, node)| node).to_owned(),
    };
    let name = point.map_or_else(|| Names::of(&tag, &tag), |p| Names::of(&p.name_zh, &p.name_en));
    let places = [
        point.and_then(|p| p.longitude.zip(p.latitude)),
        equipment.and_then(|e| e.longitude.zip(e.latitude)),
        enterprise.and_then(|e| e.position),
    ];
    let place = places.into_iter().flatten().next();
    let name_of = |by: &String| people.get(by).unwrap_or(by).clone();
    let owner = row.owner.map(|(by, at)| Owner { name: name_of(&by), by, at: at.0 });
    let disposition = row.disposition.map(|d| DispositionView {
        name: name_of(&d.by),
        cause: d.cause,
        measure: d.measure,
        comment: d.comment,
        by: d.by,
        at: d.at.0,
    });
    let acknowledged = row.acked_by.map(|by| Acknowledged {
        name: name_of(&by),
        by,
        at: row.acked_at.map_or(0, |t| t.0),
        comment: row.comment.unwrap_or_default(),
    });
    Alarm {
        id: row.id.to_string(),
        subject,
        condition: row.id.condition.code(),
        occurrence: row.id.occurrence,
        level: row.level.get(),
        state: row.state,
        late: row.late,
        durable: row.last_seq.0 > 0,
        enterprise: row.enterprise.map(|e| e.to_string()),
        enterprise_name: enterprise.map(|e| Names::of(&e.name_zh, &e.name_en)),
        hazard: row.hazard.map(|h| h.to_string()),
        equipment: row.equipment.map(|e| e.to_string()),
        point: id.map(|p| p.to_string()),
        tag,
        name,
        signal: point.map(|p| p.signal.clone()).unwrap_or_default(),
        unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
        decimals: point.map_or(0, |p| p.decimals),
        value: row.value,
        limit: row.limit,
        limits_version: row.limits_version,
        raised_at: row.raised_at.0,
        received_at: row.received_at.0,
        decided_at: row.decided_at.0,
        cleared_at: row.cleared_at.map(|t| t.0),
        clear_reason: row.clear_reason,
        acknowledged,
        owner,
        disposition,
        crossings: row.crossings,
        chattering: row.chattering,
        longitude: place.map(|p| p.0),
        latitude: place.map(|p| p.1),
        cursor: cursor::of_alarm(row.last_seq),
        log: None,
    }
}
