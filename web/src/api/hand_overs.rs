//! 交接班: offering what is mine to who comes, accepting it, and the list of what was handed over.

use std::collections::{HashMap, HashSet};

use anlan_domain::alarm::AlarmId;
use anlan_store::registry::hand_over::HandOver;
use anlan_store::registry::people::role_code;
use serde::Serialize;
use utoipa::ToSchema;

use super::alarms::words;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::alarm::Alarm;
use crate::views::input::{AcknowledgeInput, HandOverInput};

/// Somebody to hand over to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Colleague {
    /// User name.
    pub username: String,
    /// 姓名
    pub name: String,
    /// Role.
    pub role: &'static str,
}

/// A hand-over.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HandOverView {
    /// Number.
    pub no: u32,
    /// Who goes, by user name.
    pub from: String,
    /// 姓名
    pub from_name: String,
    /// Who comes, by user name.
    pub to: String,
    /// 姓名
    pub to_name: String,
    /// What the one tells the other.
    pub note: String,
    /// Number of alarms in it.
    pub count: usize,
    /// When it was offered.
    pub made_at: i64,
    /// `offered`, `accepted`, `declined`, `withdrawn`.
    pub state: &'static str,
    /// When it was answered or taken back.
    pub settled_at: Option<i64>,
    /// What was said then.
    pub answer: String,
    /// Its alarms as they are now; only where one hand-over is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<Alarm>>,
}

impl HandOverView {
    fn of(of: HandOver, names: &HashMap<String, String>) -> Self {
        let name = |by: &str| names.get(by).cloned().unwrap_or_else(|| by.to_owned());
        Self {
            no: of.no,
            from_name: name(&of.from),
            to_name: name(&of.to),
            from: of.from,
            to: of.to,
            note: of.note,
            count: of.alarms.len(),
            made_at: of.made_at.0,
            state: of.state.code(),
            settled_at: of.settled_at.map(|at| at.0),
            answer: of.answer,
            alarms: None,
        }
    }
}

/// `GET /hand-overs/colleagues`
pub async fn colleagues(call: Call) -> Answer {
    let found = call.colleagues().await?;
    let items: Vec<Colleague> = found
        .into_iter()
        .map(|user| Colleague {
            username: user.username.to_string(),
            name: user.name,
            role: role_code(user.role),
        })
        .collect();
    Reply::page(&items, None)
}

/// `GET /hand-overs`
pub async fn list(call: Call) -> Answer {
    let found = call.hand_overs().await?;
    let names = call.names_of_people(&found).await?;
    let items: Vec<_> = found.into_iter().map(|of| HandOverView::of(of, &names)).collect();
    Reply::page(&items, None)
}

/// `POST /hand-overs`
pub async fn offer(call: Call) -> Answer {
    let HandOverInput { to, note, ids } = call.json()?;
    let note = words("note", &note, false)?;
    let named = ids.map(|ids| {
        ids.into_iter().filter_map(|id| AlarmId::try_from(id).ok()).collect::<HashSet<_>>()
    });
    let no = call.offer_hand_over(&to, note, named).await?;
    shown(&call, no).await
}

/// `GET /hand-overs/{no}`
pub async fn one(call: Call) -> Answer {
    shown(&call, number(&call)?).await
}

fn number(call: &Call) -> Result<u32, Problem> {
    call.param("no").parse().map_err(|_| Problem::not_found())
}

async fn shown(call: &Call, no: u32) -> Answer {
    let found = call.hand_over(no).await?;
    let alarms = call.with_names(call.alarms_of(&found).await?).await?;
    let names = call.names_of_people(std::slice::from_ref(&found)).await?;
    let mut view = HandOverView::of(found, &names);
    view.alarms = Some(alarms);
    Reply::json(&view)
}

/// `POST /hand-overs/{no}/accept`
pub async fn accept(call: Call) -> Answer {
    let (found, answer) = asked(&call).await?;
    call.accept_hand_over(&found, &answer).await?;
    shown(&call, found.no).await
}

/// `POST /hand-overs/{no}/decline`
pub async fn decline(call: Call) -> Answer {
    let (found, answer) = asked(&call).await?;
    call.decline_hand_over(&found, &answer).await?;
    shown(&call, found.no).await
}

/// `POST /hand-overs/{no}/withdraw`
pub async fn withdraw(call: Call) -> Answer {
    let (found, answer) = asked(&call).await?;
    call.withdraw_hand_over(&found, &answer).await?;
    shown(&call, found.no).await
}

async fn asked(call: &Call) -> Result<(HandOver, String), Problem> {
    let AcknowledgeInput { comment } = call.json()?;
    let answer = words("comment", &comment, false)?;
    Ok((call.hand_over(number(call)?).await?, answer))
}
