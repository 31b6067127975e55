//! The table of endpoints: method, path, who may call, what goes in and out, and the handler.
//!
//! It is the only way to an endpoint, and the API description is generated from it: an endpoint that is not described, or a
//! description without an endpoint, cannot be.

use std::collections::HashMap;

use anlan_domain::ids::Role;
use http::Method;
use percent_encoding::percent_decode_str;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::{
    alarm_defaults, alarm_health, alarms, audit, cameras, detectors, equipment, gateways, hazards,
    map, plant, points, quality, quiet, regions, scenarios, search, session, tree, users,
};
use crate::gate::Call;
use crate::gate::call::Working;
use crate::views::{self, input};

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever is signed in; what they see is their scope's.
    SignedIn,
    /// Some roles; what they see is their scope's.
    Roles(&'static [Role]),
}

/// Named schemas that a body needs, and the body itself.
pub type Shape = fn(&mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema>;

/// What goes out.
#[derive(Clone, Copy)]
pub enum Out {
    /// Nothing.
    Nothing,
    /// One object.
    One(Shape),
    /// `{items, next_cursor}`.
    List(Shape),
    /// JSON that is described in words only.
    Free,
}

/// One endpoint.
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path below `/api/v1`, with `{name}` for parameters.
    pub path: &'static str,
    /// Who.
    pub access: Access,
    /// One sentence.
    pub summary: &'static str,
    /// Query parameters.
    pub query: &'static [&'static str],
    /// Body.
    pub body: Option<Shape>,
    /// Answer.
    pub out: Out,
    /// Does it.
    pub handler: fn(Call) -> Working,
}

/// The schema of a type, collected with what it needs.
fn shape<T: ToSchema + PartialSchema>(into: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    into.push((T::name().into_owned(), T::schema()));
    T::schemas(into);
    Ref::from_schema_name(T::name()).into()
}

use Access::{Open, Roles, SignedIn};

const ADMINISTRATOR: Access = Roles(&[Role::Administrator]);
const EDITORS: Access = Roles(&[Role::Administrator, Role::EnterpriseManager]);
const ANSWERERS: Access = Roles(&[
    Role::Officer,
    Role::EnterpriseManager,
    Role::EnterpriseResponder,
    Role::Administrator,
]);
/// Who answers for what runs in an enterprise.
const OPERATORS: Access =
    Roles(&[Role::EnterpriseManager, Role::EnterpriseResponder, Role::Administrator]);
const WATCHERS: Access = Roles(&[Role::Administrator, Role::Officer]);
const TESTER: Access = Roles(&[Role::Tester]);

macro_rules! routes {
    ($( $method:ident $path:literal $access:expr, $summary:literal, [$($query:literal),*], $body:expr, $out:expr, $handler:path; )*) => {
        vec![$( Route {
            method: Method::$method,
            path: $path,
            access: $access,
            summary: $summary,
            query: &[$($query),*],
            body: $body,
            out: $out,
            handler: |call| Box::pin($handler(call)),
        } ),*]
    };
}

fn one<T: ToSchema + PartialSchema>() -> Out {
    Out::One(shape::<T>)
}
fn list<T: ToSchema + PartialSchema>() -> Out {
    Out::List(shape::<T>)
}
fn body<T: ToSchema + PartialSchema>() -> Option<Shape> {
    Some(shape::<T>)
}

/// Every endpoint below `/api/v1` but the live stream and the description itself.
#[rustfmt::skip]
fn table() -> Vec<Route> {
    use input::{
        AcknowledgeInput, AlarmDefaultsInput, CameraInput, CommentInput, DetectorInput, DisposeInput, EnterpriseInput, EquipmentInput, GatewayInput, HazardInput, LimitsInput, MapInput, OperationInput, QuietInput, ResumeInput,
        PointInput, SignIn, UserInput,
    };
    routes! {
        POST "/session" Open, "Signs in", [], body::<SignIn>(), one::<session::Opened>(), session::open;
        GET "/session" SignedIn, "Who I am", [], None, one::<session::Me>(), session::me;
        DELETE "/session" SignedIn, "Signs out", [], None, Out::Nothing, session::close;
        GET "/status" Open, "What the page of sign-in shows", [], None, one::<session::Status>(), session::status;
        GET "/regions" SignedIn, "Regions in scope, and the names of those above", [], None, list::<views::Region>(), regions::list;
        GET "/enterprises" SignedIn, "Enterprises in scope", ["region", "q", "cursor", "limit"], None, list::<views::Enterprise>(), plant::list;
        POST "/enterprises" ADMINISTRATOR, "Adds an enterprise", [], body::<EnterpriseInput>(), one::<views::Enterprise>(), plant::create;
        GET "/enterprises/{code}" SignedIn, "One enterprise", [], None, one::<views::Enterprise>(), plant::one;
        PUT "/enterprises/{code}" ADMINISTRATOR, "Changes an enterprise", [], body::<EnterpriseInput>(), one::<views::Enterprise>(), plant::change;
        GET "/hazard-sources" SignedIn, "Hazard sources in scope", ["enterprise", "region", "q", "cursor", "limit"], None, list::<views::HazardSource>(), hazards::list;
        POST "/hazard-sources" ADMINISTRATOR, "Adds a hazard source", [], body::<HazardInput>(), one::<views::HazardSource>(), hazards::create;
        GET "/hazard-sources/{code}" SignedIn, "One hazard source", [], None, one::<views::HazardSource>(), hazards::one;
        PUT "/hazard-sources/{code}" ADMINISTRATOR, "Changes a hazard source", [], body::<HazardInput>(), one::<views::HazardSource>(), hazards::change;
        GET "/equipment" SignedIn, "Equipment in scope", ["enterprise", "region", "hazard", "kind", "q", "cursor", "limit"], None, list::<views::Equipment>(), equipment::list;
        POST "/equipment" EDITORS, "Adds equipment", [], body::<EquipmentInput>(), one::<views::Equipment>(), equipment::create;
        GET "/equipment/{id}" SignedIn, "One piece of equipment, with its points", [], None, one::<views::Equipment>(), equipment::one;
        PUT "/equipment/{id}" EDITORS, "Changes equipment", [], body::<EquipmentInput>(), one::<views::Equipment>(), equipment::change;
        DELETE "/equipment/{id}" EDITORS, "Deletes equipment that has no points", ["version"], None, Out::Nothing, equipment::delete;
        POST "/equipment/{id}/state" OPERATORS, "Says whether equipment runs; while it does not, alarms that mean nothing are suppressed", [], body::<OperationInput>(), one::<views::Equipment>(), equipment::operate;
        GET "/points" SignedIn, "Points in scope", ["enterprise", "region", "equipment", "kind", "q", "cursor", "limit"], None, list::<views::Point>(), points::list;
        POST "/points" EDITORS, "Adds a point", [], body::<PointInput>(), one::<views::Point>(), points::create;
        GET "/points/{id}" SignedIn, "One point", [], None, one::<views::Point>(), points::one;
        PUT "/points/{id}" EDITORS, "Changes a point", [], body::<PointInput>(), one::<views::Point>(), points::change;
        DELETE "/points/{id}" EDITORS, "Deletes a point; versions of its limits are kept", ["version"], None, Out::Nothing, points::delete;
        GET "/points/{id}/limits" SignedIn, "Versions of the limits, newest first", [], None, list::<views::LimitsBody>(), points::limits;
        PUT "/points/{id}/limits" EDITORS, "Saves a new version of the limits", [], body::<LimitsInput>(), one::<views::LimitsBody>(), points::put_limits;
        GET "/points/{id}/detectors" SignedIn, "Conditions of a point beyond its limits", [], None, list::<detectors::DetectorBody>(), detectors::list;
        PUT "/points/{id}/detectors/{condition}" EDITORS, "Changes a condition of a point beyond its limits; version 0 adds it", [], body::<DetectorInput>(), one::<detectors::DetectorBody>(), detectors::put;
        DELETE "/points/{id}/detectors/{condition}" EDITORS, "Takes a condition of a point away; its alarm ends", ["version"], None, Out::Nothing, detectors::delete;
        GET "/points/{id}/trend" SignedIn, "Trend, down-sampled to the pixels asked for, extremes kept", ["from", "to", "pixels"], None, one::<points::TrendBody>(), points::trend;
        GET "/cameras" SignedIn, "Cameras in scope", ["enterprise", "region", "equipment", "q", "cursor", "limit"], None, list::<views::Camera>(), cameras::list;
        POST "/cameras" EDITORS, "Adds a camera", [], body::<CameraInput>(), one::<views::Camera>(), cameras::create;
        GET "/cameras/{id}" SignedIn, "One camera", [], None, one::<views::Camera>(), cameras::one;
        PUT "/cameras/{id}" EDITORS, "Changes a camera", [], body::<CameraInput>(), one::<views::Camera>(), cameras::change;
        DELETE "/cameras/{id}" EDITORS, "Deletes a camera", ["version"], None, Out::Nothing, cameras::delete;
        GET "/alarms" SignedIn, "Alarms in scope, newest first", ["open", "region", "enterprise", "hazard", "equipment", "point", "level", "state", "condition", "late", "from", "to", "q", "cursor", "limit"], None, list::<views::alarm::Alarm>(), alarms::list;
        GET "/alarms/{id}" SignedIn, "One alarm, with what happened to it", [], None, one::<views::alarm::Alarm>(), alarms::one;
        POST "/alarms/{id}/acknowledge" ANSWERERS, "Acknowledges an alarm", [], body::<AcknowledgeInput>(), one::<views::alarm::Alarm>(), alarms::acknowledge;
        POST "/alarms/{id}/comment" ANSWERERS, "Says something about an alarm", [], body::<CommentInput>(), one::<views::alarm::Alarm>(), alarms::comment;
        POST "/alarms/{id}/take" ANSWERERS, "Takes an alarm over: from here on this person answers for it", [], body::<AcknowledgeInput>(), one::<views::alarm::Alarm>(), alarms::take;
        POST "/alarms/{id}/dispose" ANSWERERS, "Says what an alarm was and what was done", [], body::<DisposeInput>(), one::<views::alarm::Alarm>(), alarms::dispose;
        POST "/alarms/{id}/reset" ANSWERERS, "Resets an alarm that has returned to normal and is latched", [], body::<AcknowledgeInput>(), one::<views::alarm::Alarm>(), alarms::reset;
        GET "/dispositions" SignedIn, "Causes and measures to choose from", [], None, one::<quiet::Dispositions>(), quiet::dispositions;
        GET "/quiet-alarms" SignedIn, "Alarms in scope that are shelved, suppressed by design or out of service", [], None, list::<quiet::QuietAlarm>(), quiet::list;
        POST "/quiet-alarms" ANSWERERS, "Shelves an alarm, or takes it out of service", [], body::<QuietInput>(), Out::Nothing, quiet::begin;
        POST "/quiet-alarms/{id}/resume" ANSWERERS, "Ends a shelf or returns an alarm to service", [], body::<ResumeInput>(), Out::Nothing, quiet::resume;
        GET "/alarm-defaults" SignedIn, "Deadband and delays that a limit gets where it was given none, by signal type", [], None, list::<alarm_defaults::AlarmDefaultsBody>(), alarm_defaults::list;
        PUT "/alarm-defaults/{signal}" ADMINISTRATOR, "Changes the defaults of a signal type; version 0 adds them", [], body::<AlarmDefaultsInput>(), one::<alarm_defaults::AlarmDefaultsBody>(), alarm_defaults::put;
        DELETE "/alarm-defaults/{signal}" ADMINISTRATOR, "Takes the defaults of a signal type away: those of all other types hold for it", ["version"], None, Out::Nothing, alarm_defaults::delete;
        GET "/alarm-health" SignedIn, "How well the alarms of a period treated the people who watch them: rates, floods, bad actors, answers", ["region", "enterprise", "from", "to"], None, one::<alarm_health::HealthBody>(), alarm_health::read;
        GET "/alarm-moments" SignedIn, "When alarms began, for the strip under the map", ["region", "enterprise", "from", "to"], None, Out::Free, alarms::moments;
        GET "/map" SignedIn, "The map as a GeoJSON FeatureCollection of at most 20000 features, with `total` and `truncated`", ["region"], None, Out::Free, map::read;
        PUT "/map/features" ADMINISTRATOR, "Places or moves features", [], body::<MapInput>(), Out::Nothing, map::put;
        GET "/search" SignedIn, "Enterprises, hazard sources, equipment, points and open alarms by text", ["q"], None, list::<search::Hit>(), search::search;
        GET "/gateways" SignedIn, "Gateways in scope", ["enterprise", "region", "q", "cursor", "limit"], None, list::<views::Gateway>(), gateways::list;
        POST "/gateways" ADMINISTRATOR, "Adds a gateway; the answer holds its secret once", [], body::<GatewayInput>(), one::<views::Gateway>(), gateways::create;
        GET "/gateways/{id}" SignedIn, "One gateway", [], None, one::<views::Gateway>(), gateways::one;
        PUT "/gateways/{id}" ADMINISTRATOR, "Changes a gateway, on wish with a new secret", [], body::<GatewayInput>(), one::<views::Gateway>(), gateways::change;
        GET "/quality" SignedIn, "Completeness and quality of data per enterprise and point", ["enterprise", "from", "to", "cursor", "limit"], None, list::<quality::EnterpriseQuality>(), quality::list;
        GET "/tree" WATCHERS, "The supervision tree", [], None, Out::Free, tree::read;
        GET "/users" ADMINISTRATOR, "Users", [], None, list::<views::User>(), users::list;
        POST "/users" ADMINISTRATOR, "Adds a user", [], body::<UserInput>(), one::<views::User>(), users::create;
        PUT "/users/{username}" ADMINISTRATOR, "Changes a user", [], body::<UserInput>(), one::<views::User>(), users::change;
        DELETE "/users/{username}" ADMINISTRATOR, "Deletes a user", ["version"], None, Out::Nothing, users::delete;
        GET "/audit" ADMINISTRATOR, "The audit log, newest first", ["from", "to", "who", "q", "cursor", "limit"], None, list::<audit::Entry>(), audit::list;
        GET "/scenarios" TESTER, "Scenarios of the simulator", [], None, Out::Free, scenarios::list;
        GET "/scenarios/runs" TESTER, "Runs: what was expected and what was seen", [], None, Out::Free, scenarios::runs;
        POST "/scenarios/{name}/start" TESTER, "Starts a scenario", [], None, Out::Free, scenarios::start;
        POST "/scenarios/{name}/stop" TESTER, "Stops a scenario", [], None, Out::Free, scenarios::stop;
        GET "/simulator" TESTER, "Speed, wind and what runs in the simulator", [], None, Out::Free, scenarios::state;
        GET "/faults" TESTER, "Faults that are injected", [], None, Out::Free, scenarios::faults;
        POST "/faults" TESTER, "Injects a fault", [], None, Out::Free, scenarios::inject;
        DELETE "/faults" TESTER, "Takes every fault away", [], None, Out::Free, scenarios::remove;
    }
}

/// Every endpoint.
pub fn all() -> &'static [Route] {
    static TABLE: std::sync::LazyLock<Vec<Route>> = std::sync::LazyLock::new(table);
    &TABLE
}

/// What a path leads to.
pub enum Found {
    /// An endpoint, with the parameters of its path.
    Route(&'static Route, HashMap<&'static str, String>),
    /// Endpoints of other methods.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// Finds the endpoint of a request. A fixed part wins over a parameter.
pub fn find(method: &Method, path: &str) -> Found {
    let mut allowed = Vec::new();
    let mut best: Option<(&'static Route, HashMap<&'static str, String>)> = None;
    for route in all() {
        let Some(parameters) = fits(route.path, path) else { continue };
        allowed.push((route.method.as_str(), parameters.len()));
        if route.method == *method && best.as_ref().is_none_or(|(_, p)| parameters.len() < p.len())
        {
            best = Some((route, parameters));
        }
    }
    match best {
        Some((route, parameters)) => Found::Route(route, parameters),
        None if allowed.is_empty() => Found::Nothing,
        None => {
            let methods: Vec<_> = allowed.into_iter().map(|(method, _)| method).collect();
            Found::OtherMethods(methods.join(", "))
        }
    }
}

fn fits(pattern: &'static str, path: &str) -> Option<HashMap<&'static str, String>> {
    let mut parameters = HashMap::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(want), Some(part)) => {
                if let Some(name) = want.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
                    let text = percent_decode_str(part).decode_utf8().ok()?;
                    if text.is_empty() {
                        return None;
                    }
                    parameters.insert(name, text.into_owned());
                } else if want != part {
                    return None;
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_part_wins_over_a_parameter_and_ids_are_decoded() {
        let Found::Route(route, _) = find(&Method::GET, "/scenarios/runs") else {
            panic!("not found")
        };
        assert_eq!(route.path, "/scenarios/runs");
        let Found::Route(route, parameters) =
            find(&Method::POST, "/alarms/410205001.LT%2F1%7CHH%7C3/acknowledge")
        else {
            panic!("not found")
        };
        assert_eq!(
            (route.path, parameters["id"].as_str()),
            ("/alarms/{id}/acknowledge", "410205001.LT/1|HH|3")
        );
        assert!(matches!(find(&Method::PATCH, "/alarms"), Found::OtherMethods(m) if m == "GET"));
        assert!(matches!(find(&Method::GET, "/alarms/"), Found::Nothing));
        assert!(matches!(find(&Method::GET, "/alarms/%FF"), Found::Nothing));
    }

    #[test]
    fn no_endpoint_stands_twice() {
        let mut seen = std::collections::HashSet::new();
        for route in all() {
            assert!(
                seen.insert((route.method.clone(), route.path)),
                "{} {}",
                route.method,
                route.path
            );
        }
    }
}
