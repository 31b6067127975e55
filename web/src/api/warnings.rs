//! Warnings: lists, counts for the map, one with its time line, answering, feedback, closing, drills.

use std::collections::{BTreeSet, HashMap};

use anlan_domain::colour::Colour;
use anlan_domain::disposition::{CAUSES, MEASURES};
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode, PointId};
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::ladder::Rung;
use anlan_domain::warning::{
    Place, Warning, WarningChange, WarningCommand, WarningKind, WarningNo, WarningState,
};
use anlan_store::desk::{EntryRow, MessageRow, WarningFilter};
use anlan_store::registry::scoped::Filter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::alarms::{several, words};
use super::{PAGE, PAGE_MAX, parsed};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::Names;
use crate::views::alarm::Alarm;

/// A warning.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WarningView {
    /// Number.
    pub no: u64,
    /// `gas`, `fire`, `process`, `data`
    pub kind: &'static str,
    /// `red`, `orange`, `yellow`, `blue`
    pub colour: &'static str,
    /// `unanswered`, `in_hand`, `returned`, `closed`
    pub state: &'static str,
    /// 演练
    pub drill: bool,
    /// The rule that gave the colour; of a drill, who began it.
    pub rule: String,
    /// Enterprise.
    pub enterprise: Option<String>,
    /// Its name.
    pub enterprise_name: Option<Names>,
    /// Hazard source.
    pub hazard: Option<String>,
    /// Its name.
    pub hazard_name: Option<Names>,
    /// Equipment.
    pub equipment: Option<String>,
    /// Its name.
    pub equipment_name: Option<Names>,
    /// The leading alarm.
    pub lead: Option<String>,
    /// Condition of it.
    pub lead_condition: Option<&'static str>,
    /// Its point, or node of the data path.
    pub lead_name: Option<Names>,
    /// Tag of the point.
    pub lead_tag: Option<String>,
    /// When it began.
    pub raised_at: i64,
    /// Since when none of its alarms stands.
    pub returned_at: Option<i64>,
    /// 销警
    pub closed_at: Option<i64>,
    /// Alarms that ever belonged to it.
    pub alarms: u32,
    /// Of those: standing and annunciated.
    pub standing: u32,
    /// Of those: not acknowledged.
    pub unacknowledged: u32,
    /// Who answers for it, by user name.
    pub answered_by: Option<String>,
    /// 姓名
    pub answered_by_name: Option<String>,
    /// Since when.
    pub answered_at: Option<i64>,
    /// When somebody last said what was found and done.
    pub fed_back_at: Option<i64>,
    /// Rungs that were called in this round.
    pub called: Vec<&'static str>,
    /// The highest of them was called when.
    pub called_at: Option<i64>,
    /// Counted from 1; a graver colour begins another.
    pub round: u32,
    /// Degrees east and north, where equipment or enterprise has a place on the map.
    pub position: Option<(f64, f64)>,
    /// What happened; only where one warning is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Vec<LineView>>,
    /// Messages to people; only where one warning is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<MessageView>>,
    /// Its alarms; only where one warning is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Alarm>>,
}

/// One entry of a time line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineView {
    /// When.
    pub at: i64,
    /// `raised`, `joined`, `upgraded`, `returned`, `stands_again`, `called`, `nobody_to_call`, `reminded`, `answered`, `fed_back`, `closed`, with
    /// their fields.
    #[schema(value_type = Object)]
    pub change: Value,
    /// 姓名 of who did it.
    pub by_name: Option<String>,
}

/// A message to a person or program.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// The same at every try.
    pub id: String,
    /// Place in the order.
    pub no: u64,
    /// About which warning.
    pub warning: u64,
    /// To whom, by user name; none for programs.
    pub person: Option<String>,
    /// 姓名
    pub person_name: Option<String>,
    /// Rung of the ladder.
    pub rung: &'static str,
    /// `at_once`, `unanswered`, `no_feedback`, `reminder`
    pub why: &'static str,
    /// `page`, `sms`, `email`, `webhook`
    pub means: &'static str,
    /// Where to, shortened.
    pub address: String,
    /// Colour.
    pub colour: &'static str,
    /// One line.
    pub subject: String,
    /// When it was decided.
    pub created_at: i64,
    /// `queued`, `delivered`, `sent`, `failed`, `moot`
    pub state: &'static str,
    /// When it is next tried, while it is queued.
    pub next_at: Option<i64>,
    /// Tries so far.
    pub tries: u32,
    /// Tries that may have brought it a second time.
    pub doubles: u32,
    /// The channel that took it, or was tried last.
    pub channel: Option<String>,
    /// When it was taken.
    pub sent_at: Option<i64>,
    /// Why not.
    pub error: Option<String>,
    /// When the person opened the warning.
    pub read_at: Option<i64>,
}

impl MessageView {
    /// Of a row, with names of people.
    pub fn of(row: MessageRow, names: &HashMap<String, String>) -> Self {
        let queued = row.state == anlan_store::desk::MessageState::Queued;
        let of = row.message;
        Self {
            id: of.id,
            no: row.no,
            warning: of.warning.0,
            person_name: of.person.as_ref().and_then(|person| names.get(person).cloned()),
            person: of.person,
            rung: of.rung.code(),
            why: of.why,
            means: of.means.code(),
            address: shortened(&of.address),
            colour: of.colour.code(),
            subject: of.subject,
            created_at: of.created_at.0,
            state: row.state.code(),
            next_at: queued.then_some(row.next_at.0),
            tries: row.tries,
            doubles: row.doubles,
            channel: row.channel,
            sent_at: row.sent_at.map(|at| at.0),
            error: row.error,
            read_at: row.read_at.map(|at| at.0),
        }
    }
}

/// Numbers and mailboxes are personal data: others see that it was sent, not where to.
fn shortened(address: &str) -> String {
    if let Some((name, domain)) = address.split_once('@') {
        return format!("{}***@{domain}", name.chars().next().unwrap_or('*'));
    }
    if address.contains("://") {
        let host = address.split('/').nth(2).unwrap_or_default();
        return format!("{host}/***");
    }
    let digits: Vec<char> = address.chars().collect();
    let tail: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
    if tail.is_empty() { tail } else { format!("***{tail}") }
}

/// Counts of open warnings.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct WarningCounts {
    /// By enterprise.
    pub enterprises: Vec<EnterpriseWarnings>,
    /// Of all: red, orange, yellow, blue.
    pub open: [u64; 4],
    /// Of those: unanswered.
    pub unanswered: [u64; 4],
}

/// Open warnings of one enterprise.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EnterpriseWarnings {
    /// Which; none for the center's own.
    pub enterprise: Option<String>,
    /// Red, orange, yellow, blue.
    pub open: [u64; 4],
    /// Of those: unanswered.
    pub unanswered: [u64; 4],
}

/// What a person says when answering.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerInput {
    /// In words; may be empty.
    #[serde(default)]
    pub comment: String,
}

/// What was found and done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackInput {
    /// Code of the cause, from `/dispositions`.
    pub cause: String,
    /// Code of the measure.
    pub measure: String,
    /// In words.
    #[serde(default)]
    pub comment: String,
}

/// A drill.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillInput {
    /// At which enterprise.
    pub enterprise: String,
    /// `red`, `orange`, `yellow`, `blue`
    pub colour: String,
    /// Time limits are divided by this, 1 to 600.
    #[serde(default = "sixty")]
    pub pace: u32,
}

fn sixty() -> u32 {
    60
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WarningQuery {
    open: Option<bool>,
    region: Option<String>,
    enterprise: Option<String>,
    hazard: Option<String>,
    equipment: Option<String>,
    colour: Option<String>,
    kind: Option<String>,
    state: Option<String>,
    drill: Option<bool>,
    mine: Option<bool>,
    from: Option<i64>,
    to: Option<i64>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

impl WarningQuery {
    fn within(&self) -> Result<Filter, Problem> {
        Ok(Filter {
            region: parsed("region", self.region.as_deref(), RegionCode::new)?,
            enterprise: parsed("enterprise", self.enterprise.as_deref(), EnterpriseCode::new)?,
            ..Filter::default()
        })
    }

    fn filter(&self, me: &str) -> Result<WarningFilter, Problem> {
        let states = several("state", self.state.as_deref(), WarningState::from_code)?;
        let open = self.open.unwrap_or(states.is_empty());
        Ok(WarningFilter {
            enterprises: None,
            hazard: parsed("hazard", self.hazard.as_deref(), HazardCode::new)?,
            equipment: parsed("equipment", self.equipment.as_deref(), EquipmentId::new)?,
            colours: several("colour", self.colour.as_deref(), Colour::from_code)?,
            kinds: several("kind", self.kind.as_deref(), WarningKind::from_code)?,
            states: if open && states.is_empty() { WarningFilter::open().states } else { states },
            drill: self.drill,
            answered_by: self.mine.unwrap_or(false).then(|| me.to_owned()),
            from: self.from.map(UtcMillis),
            to: self.to.map(UtcMillis),
            text: self
                .q
                .as_deref()
                .map(|q| q.trim().chars().take(100).collect::<String>())
                .filter(|q| !q.is_empty()),
        })
    }
}

/// `GET /warnings`
pub async fn list(call: Call) -> Answer {
    let query: WarningQuery = call.query()?;
    let me = call.user()?.username.to_string();
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let cursor = query.cursor.as_deref().filter(|c| !c.is_empty());
    let page = call.warnings(query.filter(&me)?, &query.within()?, cursor, limit).await?;
    Reply::page(&views(&call, page.items).await?, page.next_cursor)
}

/// `GET /warning-counts`
pub async fn counts(call: Call) -> Answer {
    let query: WarningQuery = call.query()?;
    let mut all = WarningCounts::default();
    for count in call.warning_counts(&query.within()?).await? {
        let code = count.enterprise.map(|code| code.to_string());
        let at = count.colour.index();
        if all.enterprises.last().is_none_or(|last| last.enterprise != code) {
            let none = [0; 4];
            all.enterprises.push(EnterpriseWarnings {
                enterprise: code,
                open: none,
                unanswered: none,
            });
        }
        if let Some(last) = all.enterprises.last_mut() {
            last.open[at] += count.count;
            last.unanswered[at] += count.unanswered;
        }
        all.open[at] += count.count;
        all.unanswered[at] += count.unanswered;
    }
    Reply::json(&all)
}

fn number(call: &Call) -> Result<WarningNo, Problem> {
    // Numbers beyond those of the store are no warning's.
    let no: u64 = call.id("no")?;
    i64::try_from(no).map(|_| WarningNo(no)).map_err(|_| Problem::not_found())
}

/// `GET /warnings/{no}`
pub async fn one(call: Call) -> Answer {
    shown(&call, number(&call)?).await
}

async fn shown(call: &Call, no: WarningNo) -> Answer {
    let warning = call.warning(no).await?;
    let (line, messages) = call.warning_line(&warning).await?;
    let members = call.alarms_of_warning(&warning).await?;
    let people: BTreeSet<&str> = line
        .iter()
        .filter_map(|row| by(&row.entry.change))
        .chain(messages.iter().filter_map(|row| row.message.person.as_deref()))
        .collect();
    let people: Vec<&str> = people.into_iter().collect();
    let names = call.people_named(&people).await?;
    let mut view = views(call, vec![warning]).await?.pop().ok_or_else(Problem::not_found)?;
    view.line = Some(line.iter().map(|row| line_view(row, &names)).collect());
    view.messages = Some(messages.into_iter().map(|row| MessageView::of(row, &names)).collect());
    view.members = Some(call.with_names(members).await?);
    Reply::json(&view)
}

fn by(change: &WarningChange) -> Option<&str> {
    match change {
        WarningChange::Answered { by, .. } | WarningChange::FedBack { by, .. } => Some(by),
        WarningChange::Closed { by, .. } => by.as_deref(),
        _ => None,
    }
}

fn line_view(row: &EntryRow, names: &HashMap<String, String>) -> LineView {
    LineView {
        at: row.entry.at.0,
        change: json!(row.entry.change),
        by_name: by(&row.entry.change).and_then(|by| names.get(by).cloned()),
    }
}

/// `POST /warnings/{no}/answer`
pub async fn answer(call: Call) -> Answer {
    let AnswerInput { comment } = call.json()?;
    let comment = words("comment", &comment, false)?;
    let warning = call.warning(number(&call)?).await?.no;
    let said = comment.clone();
    call.warning_command("answer", &said, |by| WarningCommand::Answer { warning, by, comment })
        .await?;
    shown(&call, warning).await
}

fn feedback(call: &Call, comment_needed: bool) -> Result<FeedbackInput, Problem> {
    let FeedbackInput { cause, measure, comment } = call.json()?;
    let comment = words("comment", &comment, comment_needed)?;
    for (field, code, list) in [("cause", &cause, CAUSES), ("measure", &measure, MEASURES)] {
        if list.iter().all(|choice| choice.code != code) {
            return Err(Problem::bad_request(field, format!("{code:?} is none of /dispositions")));
        }
    }
    Ok(FeedbackInput { cause, measure, comment })
}

/// `POST /warnings/{no}/feedback`
pub async fn feed_back(call: Call) -> Answer {
    let FeedbackInput { cause, measure, comment } = feedback(&call, false)?;
    let warning = call.warning(number(&call)?).await?.no;
    let said = comment.clone();
    call.warning_command("feedback", &said, |by| WarningCommand::FeedBack {
        warning,
        by,
        cause,
        measure,
        comment,
    })
    .await?;
    shown(&call, warning).await
}

/// `POST /warnings/{no}/close`
pub async fn close(call: Call) -> Answer {
    // 销警 with reason and measure: the words are part of the record.
    let FeedbackInput { cause, measure, comment } = feedback(&call, true)?;
    let warning = call.warning(number(&call)?).await?.no;
    let said = comment.clone();
    call.warning_command("close", &said, |by| WarningCommand::Close {
        warning,
        by,
        cause,
        measure,
        comment,
    })
    .await?;
    shown(&call, warning).await
}

/// `POST /warnings`: a drill.
pub async fn drill(call: Call) -> Answer {
    let input: DrillInput = call.json()?;
    let code = EnterpriseCode::new(&input.enterprise)
        .map_err(|error| Problem::bad_request("enterprise", error.to_string()))?;
    let colour = Colour::from_code(&input.colour)
        .ok_or_else(|| Problem::bad_request("colour", "write red, orange, yellow or blue"))?;
    if !(1..=600).contains(&input.pace) {
        return Err(Problem::bad_request("pace", "write 1 to 600"));
    }
    let place = call.place(&code).await?;
    let said = format!("{} at {code}, {} times as fast", colour.code(), input.pace);
    let pace = input.pace;
    let no = call
        .warning_command("drill", &said, |by| WarningCommand::Drill { place, colour, by, pace })
        .await?;
    shown(&call, no).await
}

/// Views of warnings in scope, with their names.
pub async fn views(call: &Call, warnings: Vec<Warning>) -> Result<Vec<WarningView>, Problem> {
    let registry = call.registry()?;
    let places = call.places();
    let scope = call.user()?.sees();
    let points: BTreeSet<PointId> = warnings.iter().filter_map(lead_point).collect();
    let points: Vec<PointId> = points.into_iter().collect();
    let points: HashMap<PointId, Names> = registry
        .points_by_id(&points)
        .await?
        .into_iter()
        .map(|point| (point.id.clone(), Names::of(&point.name_zh, &point.name_en)))
        .collect();
    let equipment: BTreeSet<EquipmentId> =
        warnings.iter().filter_map(|warning| warning.place.equipment.clone()).collect();
    let equipment: HashMap<EquipmentId, (Names, Option<(f64, f64)>)> = registry
        .equipment_by_id(&equipment.iter().collect::<Vec<_>>())
        .await?
        .into_iter()
        .map(|e| {
            let position = e.longitude.zip(e.latitude);
            (e.id.clone(), (Names::of(&e.name_zh, &e.name_en), position))
        })
        .collect();
    let mut hazards: HashMap<HazardCode, Names> = HashMap::new();
    for code in warnings.iter().filter_map(|warning| warning.place.hazard.as_ref()) {
        if !hazards.contains_key(code)
            && let Some(hazard) = registry.hazard(code).await?
        {
            hazards.insert(code.clone(), Names::of(&hazard.name_zh, &hazard.name_en));
        }
    }
    let people: BTreeSet<&str> = warnings
        .iter()
        .filter_map(|warning| warning.climb.answered.as_ref().map(|answer| answer.by.as_str()))
        .collect();
    let people = call.people_named(&people.into_iter().collect::<Vec<_>>()).await?;
    let one = |warning: &Warning| {
        let Place { enterprise, hazard, equipment: of } = &warning.place;
        let site = enterprise.as_ref().and_then(|code| places.seen(code, &scope));
        let equipment = of.as_ref().and_then(|id| equipment.get(id));
        let lead_point = lead_point(warning);
        let answered = warning.climb.answered.as_ref();
        WarningView {
            no: warning.no.0,
            kind: warning.kind.code(),
            colour: warning.colour.code(),
            state: warning.state().code(),
            drill: warning.drill,
            rule: warning.rule.clone(),
            enterprise: enterprise.as_ref().map(ToString::to_string),
            enterprise_name: site.map(|site| Names::of(&site.name_zh, &site.name_en)),
            hazard: hazard.as_ref().map(ToString::to_string),
            hazard_name: hazard.as_ref().and_then(|code| hazards.get(code).cloned()),
            equipment: of.as_ref().map(ToString::to_string),
            equipment_name: equipment.map(|(names, _)| names.clone()),
            lead: warning.lead.as_ref().map(ToString::to_string),
            lead_condition: warning.lead.as_ref().map(|lead| lead.condition.code()),
            lead_name: match &lead_point {
                Some(point) => points.get(point).cloned(),
                None => warning.lead.as_ref().map(|l| Names::of(&l.subject.0, &l.subject.0)),
            },
            lead_tag: lead_point.as_ref().map(|point| point.tag().to_owned()),
            raised_at: warning.raised_at.0,
            returned_at: warning.returned_at.map(|at| at.0),
            closed_at: warning.closed_at.map(|at| at.0),
            alarms: warning.alarms,
            standing: warning.standing,
            unacknowledged: warning.unacknowledged,
            answered_by: answered.map(|answer| answer.by.clone()),
            answered_by_name: answered.and_then(|answer| people.get(&answer.by).cloned()),
            answered_at: answered.map(|answer| answer.at.0),
            fed_back_at: warning.climb.fed_back.map(|at| at.0),
            called: warning.climb.called.iter().map(|called| Rung::code(called.rung)).collect(),
            called_at: warning.climb.called.last().map(|called| called.at.0),
            round: warning.climb.round,
            position: equipment
                .and_then(|(_, position)| *position)
                .or_else(|| site.and_then(|site| site.position)),
            line: None,
            messages: None,
            members: None,
        }
    };
    Ok(warnings.iter().map(one).collect())
}

fn lead_point(warning: &Warning) -> Option<PointId> {
    warning.lead.as_ref().and_then(|lead| PointId::new(&lead.subject.0).ok())
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn addresses_are_shown_in_part() {
        for (address, shown) in [
            ("13800138000", "***8000"),
            ("zhang@example.cn", "z***@example.cn"),
            ("https://hook.example/t0ken", "hook.example/***"),
            ("", ""),
        ] {
            assert_eq!(shortened(address), shown);
        }
    }
}
