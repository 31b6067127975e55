//! Handlers, one file a subject. Each is thin: it reads the request, asks through its [`Call`], and shapes the answer.
//!
//! [`Call`]: crate::gate::Call

use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::region::RegionCode;
use anlan_store::registry::scoped::Filter;
use anlan_store::registry::{Expected, Record};
use serde::Deserialize;

use crate::cursor;
use crate::gate::Call;
use crate::problem::Problem;

pub mod alarm_defaults;
pub mod alarm_health;
pub mod alarms;
pub mod audit;
pub mod cameras;
pub mod desk;
pub mod detectors;
pub mod duty;
pub mod equipment;
pub mod export;
pub mod gateways;
pub mod hand_overs;
pub mod hazards;
pub mod many;
pub mod map;
pub mod plant;
pub mod points;
pub mod quality;
pub mod quiet;
pub mod regions;
pub mod scenarios;
pub mod search;
pub mod session;
pub mod tree;
pub mod users;
pub mod warning_settings;
pub mod warnings;

/// Objects on a page where nothing is asked for.
const PAGE: u32 = 100;
/// Most objects on a page.
const PAGE_MAX: u32 = 1_000;

/// What lists are narrowed by. An identity that cannot be narrows to nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    region: Option<String>,
    enterprise: Option<String>,
    hazard: Option<String>,
    equipment: Option<String>,
    kind: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

impl ListQuery {
    /// The filter of the registry; one object more than the page holds, to know whether there is a next one.
    fn filter(&self) -> Result<(Filter, usize), Problem> {
        let limit = self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let filter = Filter {
            region: parsed("region", self.region.as_deref(), RegionCode::new)?,
            enterprise: parsed("enterprise", self.enterprise.as_deref(), EnterpriseCode::new)?,
            hazard: parsed("hazard", self.hazard.as_deref(), HazardCode::new)?,
            equipment: parsed("equipment", self.equipment.as_deref(), EquipmentId::new)?,
            kind: self.kind.clone().filter(|k| !k.is_empty()),
            text: self.q.clone(),
            after: self
                .cursor
                .as_deref()
                .filter(|c| !c.is_empty())
                .map(cursor::text)
                .transpose()?,
            limit: limit + 1,
        };
        Ok((filter, limit as usize))
    }
}

/// Reads an optional parameter; an empty one counts as absent.
fn parsed<T, E: std::fmt::Display>(
    field: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    text.filter(|t| !t.is_empty())
        .map(|t| parse(t).map_err(|error| Problem::bad_request(field, error.to_string())))
        .transpose()
}

/// Cuts a list to its page and gives the cursor of the next one.
fn page<R: Record>(mut found: Vec<R>, limit: usize) -> (Vec<R>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| cursor::of_text(&last.key()));
    (found, next)
}

/// A part of a body as an identity or code.
fn field<T, E: std::fmt::Display>(
    name: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Problem> {
    parse(text).map_err(|error| {
        Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "refused", error.to_string())
            .field(name)
    })
}

/// The version that a changing request must state.
fn expected(version: Option<u32>) -> Result<Expected, Problem> {
    version.map(Expected::Version).ok_or_else(|| {
        Problem::bad_request(
            "version",
            "State the version that you read, so that nobody's change is lost",
        )
    })
}

/// The body speaks of the object that the path names.
fn same_object(call: &Call, parameter: &str, stated: &str) -> Result<(), Problem> {
    if call.param(parameter) == stated {
        Ok(())
    } else {
        Err(Problem::bad_request(parameter, "The body names another object than the path"))
    }
}

/// The version in the query of a DELETE.
#[derive(Debug, Deserialize)]
struct VersionQuery {
    version: Option<u32>,
}
