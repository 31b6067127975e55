//! Alarms that are kept quiet: the list, shelving, out of service, and ending either; and what an alarm can be disposed of as.

use anlan_domain::alarm::{AlarmKey, Level};
use anlan_domain::disposition::{CAUSES, Choice, MEASURES};
use anlan_domain::life_cycle::{Quiet, Until};
use anlan_domain::log::{Command, Note};
use anlan_store::alarm_index::QuietRow;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alarm_health::Subject;
use super::alarms::words;
use super::{PAGE, PAGE_MAX};
use crate::cursor;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::Names;
use crate::views::input::{QuietInput, ResumeInput};

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

#[derive(Deserialize)]
struct PageQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

/// `GET /quiet-alarms`
pub async fn list(call: Call) -> Answer {
    let PageQuery { cursor, limit } = call.query()?;
    let cursor = cursor.as_deref().filter(|c| !c.is_empty()).map(cursor::text).transpose()?;
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let page = call.quiet_alarms(cursor.as_deref(), limit).await?;
    let next = page.next_cursor.as_deref().map(cursor::of_text);
    Reply::page(&call.quiet_named(page.items).await?, next)
}

/// What this person may do to keep an alarm quiet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuietRightsView {
    /// 1 (gravest) to 4: of the alarm as it would be raised now, or of what stands where that is graver.
    pub level: u8,
    /// A gas detector raises it.
    pub gas_detector: bool,
    /// Longest shelf, in minutes; 0 where this person may not shelve it.
    pub shelve_minutes: u32,
    /// Whether this person may take it out of service.
    pub out_of_service: bool,
}

/// `GET /quiet-alarms/{id}/rights`
pub async fn rights(call: Call) -> Answer {
    let alarm = call.alarm_key(call.param("id")).await?;
    Reply::json(&rights_of(&call, &alarm).await?)
}

async fn rights_of(call: &Call, alarm: &AlarmKey) -> Result<QuietRightsView, Problem> {
    let (level, gas_detector) = call.kind_of_alarm(alarm).await?;
    let options = call.options();
    let most = u32::try_from(options.limits.shelve_max_ms / 60_000).unwrap_or(u32::MAX);
    let may = options.quiet_rights.may(call.user()?.role, level, gas_detector, most);
    Ok(QuietRightsView {
        level: level.get(),
        gas_detector,
        shelve_minutes: may.shelve_minutes,
        out_of_service: may.out_of_service,
    })
}

/// A refusal that says who may.
fn not_allowed(call: &Call, rights: &QuietRightsView, shelve: bool) -> Problem {
    let rule = Level::new(rights.level)
        .map(|level| *call.options().quiet_rights.rule(level, rights.gas_detector));
    let columns = [
        ("企业处置人员", "enterprise responder"),
        ("企业负责人", "enterprise manager"),
        ("值班员", "officer"),
        ("管理员", "administrator"),
    ];
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for (column, (in_zh, in_en)) in columns.iter().enumerate() {
        let Some(rule) = &rule else { continue };
        match rule.shelve_minutes[column] {
            0 if shelve => {}
            minutes if shelve => {
                zh.push(format!("{in_zh}（最长 {minutes} 分钟）"));
                en.push(format!("{in_en} ({minutes} min at most)"));
            }
            _ if rule.out_of_service[column] => {
                zh.push((*in_zh).to_owned());
                en.push((*in_en).to_owned());
            }
            _ => {}
        }
    }
    let level = rights.level;
    let (gas_zh, gas_en) = if rights.gas_detector { ("气体检测的", "gas ") } else { ("", "") };
    let (deed_zh, deed_en) =
        if shelve { ("搁置", "shelve") } else { ("停用", "take out of service") };
    let who = |names: Vec<String>, glue: &str, nobody: &str| {
        if names.is_empty() { nobody.to_owned() } else { names.join(glue) }
    };
    let (zh, en) = (who(zh, "、", "没有人"), who(en, ", ", "nobody"));
    let words = format!(
        "你的角色不能{deed_zh}{gas_zh}{level} 级报警，可以的是：{zh} / Your role may not {deed_en} a {gas_en}alarm of level {level}; who may: {en}"
    );
    Problem::new(StatusCode::FORBIDDEN, "quiet_not_allowed", words)
        .fact("shelve_minutes", rights.shelve_minutes)
        .fact("out_of_service", rights.out_of_service)
}

impl QuietAlarm {
    /// From the index, with names from the registry.
    pub fn of(row: QuietRow, subject: Subject, by_name: Option<String>) -> Self {
        Self {
            alarm: row.alarm.to_string(),
            subject: row.alarm.subject.0.to_string(),
            condition: row.alarm.condition.code(),
            quiet: row.quiet.code(),
            enterprise: row.enterprise.map(|e| e.to_string()),
            enterprise_name: subject.enterprise_name,
            tag: subject.tag,
            name: subject.name,
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
    let rights = rights_of(&call, &alarm).await?;
    if quiet == Quiet::OutOfService {
        if !rights.out_of_service {
            return Err(not_allowed(&call, &rights, false));
        }
        call.command("out_of_service", &text.clone(), |by| Command::RemoveFromService {
            alarm,
            note: Note { by, text },
        })
        .await?;
        return Ok(Reply::nothing());
    }
    let most = rights.shelve_minutes;
    if most == 0 {
        return Err(not_allowed(&call, &rights, true));
    }
    let minutes = minutes.filter(|minutes| (1..=most).contains(minutes)).map(i64::from);
    let minutes = minutes.ok_or_else(|| {
        let level = rights.level;
        let words = format!("{level} 级报警你最长可搁置 {most} 分钟 / From 1 to {most} minutes for an alarm of level {level}");
        Problem::bad_request("minutes", words).fact("shelve_minutes", most)
    })?;
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
