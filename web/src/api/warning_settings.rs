//! The desk's settings and ways to people: rules, ladder, channels, messages.

use std::collections::BTreeMap;

use anlan_actors::desk::{ChannelView, Tested};
use anlan_domain::warning::ladder::Ladder;
use anlan_domain::warning::rules::{self, WarningRule};
use anlan_store::desk::{MessageFilter, Saved, What};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::PAGE_MAX;
use super::alarms::words;
use super::warnings::MessageView;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;

/// A new version of the rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesInput {
    /// The version that was changed.
    pub version: u32,
    /// Why.
    pub reason: String,
    /// In their order.
    #[schema(value_type = Vec<Object>)]
    pub rules: Vec<WarningRule>,
}

/// A new version of the ladder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LadderInput {
    /// The version that was changed.
    pub version: u32,
    /// Why.
    pub reason: String,
    /// A plan a colour.
    #[schema(value_type = Object)]
    pub ladder: Ladder,
}

/// A version of rules or ladder.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Counted from 1; 0 is what is shipped.
    pub version: u32,
    /// Who, by user name; nobody for what is shipped.
    pub by: Option<String>,
    /// When.
    pub at: Option<i64>,
    /// Why.
    pub reason: String,
    /// The rules, in their order, or the ladder.
    #[schema(value_type = Object)]
    pub value: serde_json::Value,
}

/// Versions, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionsView {
    /// In force.
    pub current: VersionView,
    /// Earlier ones.
    pub earlier: Vec<VersionView>,
}

fn versions<T: Serialize>(saved: Vec<Saved<T>>, shipped: &T) -> VersionsView {
    let view = |saved: Saved<T>| VersionView {
        version: saved.version,
        by: Some(saved.by),
        at: Some(saved.at.0),
        reason: saved.reason,
        value: json!(saved.value),
    };
    let first = VersionView {
        version: 0,
        by: None,
        at: None,
        reason: "shipped proposals".to_owned(),
        value: json!(shipped),
    };
    let mut all = saved.into_iter().map(view).chain([first]);
    let current = all.next().expect("what is shipped is always there");
    VersionsView { current, earlier: all.collect() }
}

fn refused(problems: Vec<(String, String)>) -> Problem {
    let first = problems.first().map(|(field, _)| field.clone());
    let words: Vec<String> =
        problems.iter().map(|(field, why)| format!("{field}: {why}")).collect();
    let listed: Vec<_> =
        problems.iter().map(|(field, why)| json!({ "field": field, "message": why })).collect();
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", words.join("; "));
    problem.field = first;
    problem.fact("problems", listed)
}

/// `GET /warning-rules`
pub async fn rules(call: Call) -> Answer {
    Reply::json(&versions(call.desk_versions(What::Rules).await?, &rules::shipped()))
}

/// `PUT /warning-rules`
pub async fn put_rules(call: Call) -> Answer {
    let RulesInput { version, reason, rules } = call.json()?;
    let reason = words("reason", &reason, true)?;
    if let Err(problems) = rules::check(&rules) {
        let named = problems.into_iter().map(|p| {
            let field =
                p.rule.map_or_else(|| p.field.to_owned(), |n| format!("rules[{n}].{}", p.field));
            (field, p.why)
        });
        return Err(refused(named.collect()));
    }
    call.save_desk(What::Rules, version, rules, reason).await?;
    Reply::json(&versions(call.desk_versions(What::Rules).await?, &rules::shipped()))
}

/// `GET /escalation-ladder`
pub async fn ladder(call: Call) -> Answer {
    Reply::json(&versions(call.desk_versions(What::Ladder).await?, &Ladder::shipped()))
}

/// `PUT /escalation-ladder`
pub async fn put_ladder(call: Call) -> Answer {
    let LadderInput { version, reason, ladder } = call.json()?;
    let reason = words("reason", &reason, true)?;
    if let Err(problems) = ladder.check() {
        let named =
            problems.into_iter().map(|p| (format!("{}.{}", p.colour.code(), p.field), p.why));
        return Err(refused(named.collect()));
    }
    call.save_desk(What::Ladder, version, ladder, reason).await?;
    Reply::json(&versions(call.desk_versions(What::Ladder).await?, &Ladder::shipped()))
}

/// Ways to people.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelsView {
    /// In the order in which they are tried.
    #[schema(value_type = Vec<Object>)]
    pub channels: Vec<ChannelView>,
    /// Why the desk does not work at the moment.
    pub failing: Option<String>,
    /// Messages by state: `queued`, `delivered`, `sent`, `failed`, `moot`.
    pub messages: BTreeMap<&'static str, u64>,
}

/// `GET /channels`
pub async fn channels(call: Call) -> Answer {
    let (channels, health, messages) = call.channels().await?;
    Reply::json(&ChannelsView { channels, failing: health.failing, messages })
}

/// A test.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestInput {
    /// Telephone, mailbox or URL; without one the channel is only looked at.
    pub to: Option<String>,
    /// `zh` or `en`.
    pub language: Option<String>,
}

/// What a test came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TestedView {
    /// Whether it worked.
    pub ok: bool,
    /// What the other side said, or why not.
    pub said: String,
}

/// `POST /channels/{name}/test`
pub async fn test(call: Call) -> Answer {
    let TestInput { to, language } = call.json()?;
    let name = call.param("name").to_owned();
    let to = to.as_deref().map(str::trim).filter(|to| !to.is_empty());
    let english = language.as_deref() == Some("en");
    let Tested { ok, said } = call.test_channel(&name, to, english).await?;
    Reply::json(&TestedView { ok, said })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessageQuery {
    unread: bool,
    cursor: Option<u64>,
    limit: Option<u32>,
}

/// `GET /messages`
pub async fn messages(call: Call) -> Answer {
    messages_of(&call, false).await
}

/// `GET /sent-messages`
pub async fn sent_messages(call: Call) -> Answer {
    messages_of(&call, true).await
}

async fn messages_of(call: &Call, all: bool) -> Answer {
    let query: MessageQuery = call.query()?;
    let limit = query.limit.unwrap_or(50).clamp(1, PAGE_MAX);
    let filter =
        MessageFilter { unread: query.unread, before: query.cursor, ..MessageFilter::default() };
    let mut rows = call.messages(filter, all, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.no.to_string());
    let people: std::collections::BTreeSet<&str> =
        rows.iter().filter_map(|row| row.message.person.as_deref()).collect();
    let names = call.people_named(&people.into_iter().collect::<Vec<_>>()).await?;
    let views: Vec<MessageView> =
        rows.iter().cloned().map(|row| MessageView::of(row, &names)).collect();
    Reply::page(&views, next)
}
