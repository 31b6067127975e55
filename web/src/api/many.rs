//! One answer to many alarms: acknowledge, take over, comment or dispose of all that somebody chose, in one request.

use std::collections::HashSet;

use anlan_domain::alarm::AlarmId;
use anlan_domain::log::{Command, Note};
use serde::Serialize;
use utoipa::ToSchema;

use super::alarms::{disposition, words};
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::input::AnswersInput;

/// Most alarms in one request: a flood of a whole park.
const ALARMS_MAX: usize = 10_000;

/// What came of one of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnswerOutcome {
    /// Which alarm.
    pub id: String,
    /// `done`, or the code of the refusal, as for a single alarm.
    pub outcome: String,
    /// The refusal in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What came of all of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnswersOutcome {
    /// In the order of the request, each alarm once.
    pub items: Vec<AnswerOutcome>,
    /// How many were done.
    pub done: usize,
}

/// What is wanted of each.
enum Wanted {
    Acknowledge,
    Take,
    Comment,
    Dispose { cause: String, measure: String },
}

impl Wanted {
    fn deed(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Take => "take",
            Self::Comment => "comment",
            Self::Dispose { .. } => "dispose",
        }
    }

    fn of(&self, alarm: AlarmId, by: String, text: String) -> Command {
        match self {
            Self::Acknowledge => Command::Acknowledge { alarm, by, comment: text },
            Self::Take => Command::Take { alarm, note: Note { by, text } },
            Self::Comment => Command::Comment { alarm, note: Note { by, text } },
            Self::Dispose { cause, measure } => Command::Dispose {
                alarm,
                cause: cause.clone(),
                measure: measure.clone(),
                note: Note { by, text },
            },
        }
    }
}

/// `POST /alarm-answers`
pub async fn answer(call: Call) -> Answer {
    let AnswersInput { ids, answer, comment, cause, measure } = call.json()?;
    let wanted = match answer.as_str() {
        "acknowledge" => Wanted::Acknowledge,
        "take" => Wanted::Take,
        "comment" => Wanted::Comment,
        "dispose" => {
            disposition(&cause, &measure)?;
            Wanted::Dispose { cause, measure }
        }
        _ => {
            let why = "acknowledge, take, comment or dispose";
            return Err(Problem::bad_request("answer", why));
        }
    };
    let text = words("comment", &comment, matches!(wanted, Wanted::Comment))?;
    if ids.is_empty() || ALARMS_MAX < ids.len() {
        return Err(Problem::bad_request("ids", format!("From 1 to {ALARMS_MAX} alarms")));
    }
    let mut once = HashSet::new();
    let ids: Vec<String> = ids.into_iter().filter(|id| once.insert(id.clone())).collect();
    let parsed: Vec<Option<AlarmId>> =
        ids.iter().map(|id| AlarmId::try_from(id.clone()).ok()).collect();
    let asked: Vec<AlarmId> = parsed.iter().flatten().cloned().collect();
    let known = call.alarms_known(&asked).await?;
    let asked: Vec<AlarmId> = asked.into_iter().filter(|id| known.contains(id)).collect();
    if asked.is_empty() {
        return Err(Problem::not_found());
    }
    let said = text.clone();
    let outcomes = call
        .commands(wanted.deed(), &said, asked, |alarm, by| wanted.of(alarm, by, text.clone()))
        .await?;
    let mut outcomes = outcomes.into_iter();
    let mut done = 0;
    let items = ids.into_iter().zip(parsed).map(|(id, parsed)| {
        // What is not there, or somebody else's, looks the same.
        let there = parsed.is_some_and(|id| known.contains(&id));
        let outcome = if there { outcomes.next() } else { None };
        match outcome.unwrap_or_else(|| Err(Problem::not_found())) {
            Ok(()) => {
                done += 1;
                AnswerOutcome { id, outcome: "done".to_owned(), message: None }
            }
            Err(problem) => AnswerOutcome {
                id,
                outcome: problem.code.to_owned(),
                message: Some(problem.message),
            },
        }
    });
    let items = items.collect();
    Reply::json(&AnswersOutcome { items, done })
}
