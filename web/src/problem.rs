//! What goes back to a person when something cannot be done: a status, a stable code, and words with the next step.
//!
//! One table turns the errors of the layers below into these; causes are logged once, here, and never sent out.

use anlan_actors::api::CenterError;
use anlan_domain::log::CommandRefused;
use anlan_store::alarm_index::IndexError;
use anlan_store::registry::RegistryError;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An error as it is sent.
#[derive(Clone, Debug)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code, the front end's key.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// The field at fault.
    pub field: Option<String>,
    /// Further facts (`remaining`, `until`, `version` …).
    pub facts: Map<String, Value>,
}

/// Shape of an error, for the API description.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
#[allow(dead_code)]
pub struct ErrorBody {
    /// Stable code.
    code: String,
    /// For a person.
    message: String,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Problem {
    /// Makes one.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, facts: Map::new() }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// What is not there, or not in scope: the two look the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing, or it is not in your scope",
        )
    }

    /// A request that cannot be understood.
    pub fn bad_request(field: &str, why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", why).field(field)
    }

    /// Something of ours failed; the cause is logged, not sent.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            chain = format!("{chain}: {inner}");
            cause = inner.source();
        }
        tracing::error!(error = chain, "a request failed");
        metrics::counter!("anlan_web_internal_errors_total").increment(1);
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "This could not be done; it is in the center's log. Try again, and tell the administrator if it stays",
        )
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = self.facts.clone();
        body.insert("code".to_owned(), self.code.into());
        body.insert("message".to_owned(), self.message.clone().into());
        if let Some(field) = &self.field {
            body.insert("field".to_owned(), field.clone().into());
        }
        Value::Object(body)
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let message = error.to_string();
        match error {
            RegistryError::ChangedMeanwhile { version, .. } => {
                Self::new(StatusCode::CONFLICT, "changed_meanwhile", message)
                    .fact("version", version)
            }
            RegistryError::Missing { .. } => Self::not_found(),
            RegistryError::Taken { .. } => Self::new(StatusCode::CONFLICT, "taken", message),
            RegistryError::InUse { count, .. } => {
                Self::new(StatusCode::CONFLICT, "in_use", message).fact("count", count)
            }
            RegistryError::Refused(problems) => {
                let all: Vec<Value> = problems
                    .iter()
                    .map(|p| serde_json::json!({ "field": p.field, "message": p.why }))
                    .collect();
                let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", message);
                problem.field = problems.first().map(|p| p.field.to_owned());
                problem.fact("problems", all)
            }
            failed @ (RegistryError::Engine { .. }
            | RegistryError::Migrate(_)
            | RegistryError::Damaged { .. }) => Self::internal(&failed),
        }
    }
}

impl From<CenterError> for Problem {
    fn from(error: CenterError) -> Self {
        let message = error.to_string();
        match error {
            CenterError::Refused(why) => {
                let code = match why {
                    CommandRefused::AlreadyAcknowledged(_) => "already_acknowledged",
                    CommandRefused::NotOpen(_) => "not_open",
                    CommandRefused::Quiet { .. } => "quiet",
                    CommandRefused::AlreadySo(_) => "already_so",
                    CommandRefused::NotStanding(_) => "not_standing",
                    CommandRefused::ShelfTimePassed(_) => "time_passed",
                    CommandRefused::NotLatched(_) => "not_latched",
                    CommandRefused::AcknowledgeFirst(_) => "acknowledge_first",
                    CommandRefused::AlreadyInState { .. } => "already_so",
                    CommandRefused::StartTimePassed(_) => "time_passed",
                    CommandRefused::NoSuchAlarm(_) | CommandRefused::NoSuchEquipment(_) => {
                        return Self::not_found();
                    }
                };
                Self::new(StatusCode::CONFLICT, code, message)
            }
            CenterError::Unknown(_) => Self::not_found(),
            // The reason may name files and addresses; it is for the log.
            CenterError::NotReady(why) => {
                tracing::warn!(why, "the center could not do what was asked");
                let words = "The center cannot do this at the moment; what is shown stays valid. Try again in a while";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", words)
            }
        }
    }
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Cursor(_) => {
                Self::bad_request("cursor", "This is no cursor that was given out")
            }
            other => Self::internal(&other),
        }
    }
}
