//! Alarms that are kept quiet: the list, shelving, out of service, and ending either; and what an alarm can be disposed of as.

use anlan_domain::disposition::{CAUSES, Choice, MEASURES};
use anlan_domain::life_cycle::{Quiet, Until};
use anlan_domain::log::{Command, Note};
use anlan_store::alarm_index::QuietRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::alarms::words;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::Names;
use crate::views::input::{QuietInput, ResumeInput};

/// Most that are listed. Nobody reads so many; whoever has them has another problem, and is told that there are more.
const LISTED_MAX: usize = 1_000;

/// An alarm that something keeps quiet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuietAlarm {
    /// `SUBJECT|CONDITION`
    pub alarm: String,
    /// Point, or `gateway:ID`, `device:GATEWAY/DEVICE`, `center`.
    pub subject: String,
    /// Condition.
    pub condition: &'static str,
    /// `shelved`, `suppressed`, `out_of_service`.
    pub quiet: &'static str,
    /// Enterprise.
    pub enterprise: Option<String>,
    /// Its name.
    pub enterprise_name: Option<Names>,
    /// Tag of the point, else the node.
    pub tag: String,
    /// Name of the point, else of the node.
    pub name: Names,
    /// Equipment.
    pub equipment: Option<String>,
    /// Who, by user name; none for a rule.
    pub by: Option<String>,
    /// 姓名
    pub by_name: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: i64,
    /// When it ends by itself.
    pub until: Option<i64>,
    /// It ends earlier where the alarm returns to normal.
    pub one_shot: bool,
}

/// `GET /quiet-alarms`
pub async fn list(call: Call) -> Answer {
    let (rows, more) = call.quiet_alarms(LISTED_MAX).await?;
    if more {
        tracing::warn!(shown = LISTED_MAX, "more alarms are kept quiet than are listed");
    }
    Reply::page(&call.quiet_named(rows).await?, None)
}

impl QuietAlarm {
    /// From the index, with names from the registry.
    pub fn of(
        row: QuietRow,
        tag: String,
        name: Names,
        enterprise_name: Option<Names>,
        by_name: Option<String>,
    ) -> Self {
        Self {
            alarm: row.alarm.to_string(),
            subject: row.alarm.subject.0.to_string(),
            condition: row.alarm.condition.code(),
            quiet: row.quiet.code(),
            enterprise: row.enterprise.map(|e| e.to_string()),
            enterprise_name,
            tag,
            name,
            equipment: row.equipment.map(|e| e.to_string()),
            by: row.by,
            by_name,
            reason: row.reason,
            since: row.since.0,
            until: row.until.map(|until| until.latest().0),
            one_shot: matches!(row.until, Some(Until::Returned { .. })),
        }
    }
}

fn asked_for(field: &str, code: &str) -> Result<Quiet, Problem> {
    match code {
        "shelved" => Ok(Quiet::Shelved),
        "out_of_service" => Ok(Quiet::OutOfService),
        _ => Err(Problem::bad_request(field, "shelved or out_of_service")),
    }
}

/// `POST /quiet-alarms`
pub async fn begin(call: Call) -> Answer {
    let QuietInput { alarm, quiet, minutes, one_shot, reason } = call.json()?;
    let quiet = asked_for("quiet", &quiet)?;
    let text = words("reason", &reason, true)?;
    let alarm = call.alarm_key(&alarm).await?;
    if quiet == Quiet::OutOfService {
        call.command("out_of_service", &text.clone(), |by| Command::RemoveFromService {
            alarm,
            note: Note { by, text },
        })
        .await?;
        return Ok(Reply::nothing());
    }
    let most = call.options().limits.shelve_max_ms / 60_000;
    let minutes = minutes.map(i64::from).filter(|minutes| (1..=most).contains(minutes));
    let minutes = minutes
        .ok_or_else(|| Problem::bad_request("minutes", format!("From 1 to {most} minutes")))?;
    let end = call.now().plus(minutes * 60_000);
    let until = if one_shot { Until::Returned { at_most: end } } else { Until::Time(end) };
    call.command("shelve", &text.clone(), |by| Command::Shelve {
        alarm,
        until,
        note: Note { by, text },
    })
    .await?;
    Ok(Reply::nothing())
}

/// `POST /quiet-alarms/{id}/resume`
pub async fn resume(call: Call) -> Answer {
    let ResumeInput { quiet, comment } = call.json()?;
    let quiet = asked_for("quiet", &quiet)?;
    let text = words("comment", &comment, false)?;
    let alarm = call.alarm_key(call.param("id")).await?;
    let deed = if quiet == Quiet::Shelved { "unshelve" } else { "return_to_service" };
    call.command(deed, &text.clone(), |by| {
        let note = Note { by, text };
        match quiet {
            Quiet::Shelved => Command::Unshelve { alarm, note },
            _ => Command::ReturnToService { alarm, note },
        }
    })
    .await?;
    Ok(Reply::nothing())
}

/// One choice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChoiceView {
    /// What is stored.
    pub code: &'static str,
    /// In words.
    pub name: Names,
}

/// What an alarm can be disposed of as.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dispositions {
    /// What it was.
    pub causes: Vec<ChoiceView>,
    /// What was done.
    pub measures: Vec<ChoiceView>,
}

/// `GET /dispositions`
pub async fn dispositions(_call: Call) -> Answer {
    let views = |choices: &[Choice]| {
        let view = |c: &Choice| ChoiceView { code: c.code, name: Names::of(c.zh, c.en) };
        choices.iter().map(view).collect()
    };
    Reply::json(&Dispositions { causes: views(CAUSES), measures: views(MEASURES) })
}
