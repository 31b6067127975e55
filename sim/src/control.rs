//! The simulator's own HTTP control, on loopback: scenarios, faults, speed, and what is true in the park.
//!
//! Described in `docs/simulator.md`. Errors are `{"code","message","field"?}`. It has no sign-in: it listens on loopback,
//! and the center, which has one, passes it on to the tester's role where configured.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use warp::http::StatusCode;
use warp::hyper::body::Bytes;
use warp::reply::{Response, json as json_reply, with_status};
use warp::{Filter, Reply};

use crate::field::front::ServerFault;
use crate::model::SensorFault;
use crate::scenario;
use crate::serve::SimHandle;
use crate::world::StartError;

/// Largest request body.
const BODY_MAX: u64 = 64 * 1024;
/// Fastest that time may run.
pub const SPEED_MAX: f64 = 1_000.0;
/// Runs that are told where no number is asked for, the newest.
const RUNS_SHOWN: usize = 10;
/// How long after a run its last conditions may still return: a heated reactor takes its time.
const RETURNS_WITHIN_MS: i64 = 900_000;

/// Listens and answers until `stop`.
pub(crate) async fn start(
    sim: SimHandle,
    listen: SocketAddr,
    stop: CancellationToken,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let server = warp::serve(routes(sim)).incoming(listener).graceful(stop.cancelled_owned());
    tokio::spawn(server.run());
    Ok(address)
}

fn routes(
    sim: SimHandle,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let sim = warp::any().map(move || sim.clone());
    // Only a body of stated, small length is read at all.
    let body = warp::header::optional::<u64>("content-length")
        .and(warp::header::optional::<String>("transfer-encoding"))
        .and_then(|length: Option<u64>, encoding: Option<String>| async move {
            let small = encoding.is_none() && length.unwrap_or(0) <= BODY_MAX;
            if small { Ok(()) } else { Err(warp::reject::reject()) }
        })
        .untuple_one()
        .and(warp::body::bytes());
    warp::method()
        .and(warp::path::full())
        .and(warp::query::<BTreeMap<String, String>>())
        .and(body)
        .and(sim)
        .map(
            |method: warp::http::Method,
             path: warp::path::FullPath,
             query,
             body: Bytes,
             sim: SimHandle| {
                let parts: Vec<&str> = path.as_str().split('/').filter(|p| !p.is_empty()).collect();
                answer(&sim, method.as_str(), &parts, &query, &body).unwrap_or_else(Refusal::reply)
            },
        )
        .recover(|_| async {
            let refusal = Refusal::new(
                StatusCode::BAD_REQUEST,
                "bad_request",
                "the request cannot be read or is too large",
            );
            Ok::<_, Infallible>(refusal.reply())
        })
        .unify()
}

struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None }
    }

    fn field(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
        }
    }

    fn reply(self) -> Response {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let Some(field) = self.field {
            body["field"] = json!(field);
        }
        with_status(json_reply(&body), self.status).into_response()
    }
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        match error {
            StartError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "no_such_scenario", message),
            StartError::Running(_) => Self::new(StatusCode::CONFLICT, "already_running", message),
            StartError::Busy { .. } => Self::new(StatusCode::CONFLICT, "busy", message),
            StartError::Parameter(bad) => Self::field(&bad.field, message),
        }
    }
}

fn ok(body: &impl Serialize) -> Response {
    json_reply(body).into_response()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "bad_json",
            format!("the body is not as described: {error}"),
        )
    })
}

fn answer(
    sim: &SimHandle,
    method: &str,
    path: &[&str],
    query: &BTreeMap<String, String>,
    body: &[u8],
) -> Result<Response, Refusal> {
    match (method, path) {
        ("GET", ["scenarios"]) => Ok(ok(&scenarios(sim))),
        ("GET", ["scenarios", "runs"]) => {
            let limit = query.get("limit").map_or(Ok(RUNS_SHOWN), |text| text.parse());
            let limit = limit.map_err(|_| Refusal::field("limit", "how many runs, the newest"))?;
            Ok(ok(&json!({ "items": runs(sim, limit) })))
        }
        ("POST", ["scenarios", name, "start"]) => {
            let start: Start = if body.is_empty() { Start::default() } else { read(body)? };
            Ok(ok(&sim.start(name, start.parameters)?))
        }
        ("POST", ["scenarios", name, "stop"]) => {
            if scenario::find(name).is_none() {
                return Err(StartError::Unknown((*name).to_owned()).into());
            }
            Ok(ok(&json!({ "stopped": sim.stop(name) })))
        }
        ("GET", ["state"]) => Ok(ok(&state(sim))),
        ("GET", ["values", point]) => {
            let (truth, shown) = sim.value(point).ok_or_else(|| no_such("point", point))?;
            Ok(ok(&json!({ "point": point, "truth": truth, "shown": shown })))
        }
        ("GET", ["crossings"]) => {
            let after = query.get("after").map_or(Ok(0), |text| text.parse());
            let after = after.map_err(|_| Refusal::field("after", "the number of a crossing"))?;
            Ok(ok(&json!({ "items": sim.crossings_since(after) })))
        }
        ("GET", ["faults"]) => Ok(ok(&faults(sim))),
        ("POST", ["faults"]) => {
            set_fault(sim, read(body)?)?;
            Ok(ok(&faults(sim)))
        }
        ("DELETE", ["faults"]) => {
            clear_faults(sim);
            Ok(ok(&faults(sim)))
        }
        ("POST", ["speed"]) => {
            let Speed { speed } = read(body)?;
            if !(0.0..=SPEED_MAX).contains(&speed) {
                return Err(Refusal::field(
                    "speed",
                    format!("{speed} is not between 0 and {SPEED_MAX}"),
                ));
            }
            sim.set_speed(speed);
            Ok(ok(&json!({ "speed": speed })))
        }
        _ => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing here; see docs/simulator.md",
        )),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speed {
    speed: f64,
}

/// `{"server":"410205001-plc","fault":{"kind":"slow","delay_ms":3000}}` or
/// `{"point":"410205001.LT-1203A","fault":{"kind":"frozen"}}`; `"fault":null` mends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    server: Option<String>,
    point: Option<String>,
    fault: Option<Value>,
}

fn no_such(what: &'static str, given: &str) -> Refusal {
    Refusal::field(what, format!("there is no {what} {given:?} in the park"))
}

fn set_fault(sim: &SimHandle, request: FaultRequest) -> Result<(), Refusal> {
    fn fault<T: DeserializeOwned>(value: Option<Value>) -> Result<Option<T>, Refusal> {
        value
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| Refusal::field("fault", format!("no fault of this kind: {error}")))
    }
    match (request.server, request.point) {
        (Some(server), None) => {
            let fault: Option<ServerFault> = fault(request.fault)?;
            sim.set_server_fault(&server, fault)
                .then_some(())
                .ok_or_else(|| no_such("server", &server))
        }
        (None, Some(point)) => {
            let fault: Option<SensorFault> = fault(request.fault)?;
            sim.set_instrument_fault(&point, fault)
                .then_some(())
                .ok_or_else(|| no_such("point", &point))
        }
        _ => Err(Refusal::field("server", "give either server or point")),
    }
}

fn clear_faults(sim: &SimHandle) {
    for (server, _, _) in sim.server_faults() {
        let known = sim.set_server_fault(&server, None);
        debug_assert!(known, "the name came from the list");
    }
    for (point, _) in sim.instrument_faults() {
        let known = sim.set_instrument_fault(&point, None);
        debug_assert!(known, "the name came from the list");
    }
}

fn faults(sim: &SimHandle) -> Value {
    let servers: Vec<Value> = sim
        .server_faults()
        .into_iter()
        .map(|(server, address, fault)| json!({ "server": server, "address": address, "fault": fault }))
        .collect();
    let points: Vec<Value> = sim
        .instrument_faults()
        .into_iter()
        .map(|(point, fault)| json!({ "point": point, "fault": fault }))
        .collect();
    json!({ "servers": servers, "points": points })
}

fn runs(sim: &SimHandle, limit: usize) -> Vec<Value> {
    let runs = sim.runs();
    runs.iter()
        .enumerate()
        .skip(runs.len().saturating_sub(limit))
        .map(|(index, run)| {
            // A run's crossings are those of the points that it speaks of, until the next run of the same scenario.
            let next = runs[index + 1..].iter().find(|later| later.scenario == run.scenario);
            let until = [
                run.ended_at.map(|end| end + RETURNS_WITHIN_MS),
                next.map(|later| later.started_at),
            ];
            let until = until.into_iter().flatten().min();
            let crossings: Vec<_> = sim
                .crossings_since(run.crossings_after)
                .into_iter()
                .filter(|c| c.at >= run.started_at && until.is_none_or(|until| c.at <= until))
                .filter(|c| {
                    run.expectations
                        .iter()
                        .any(|e| e.subject == c.point && e.condition == c.condition)
                })
                .collect();
            let mut value = json!(run);
            value["crossings"] = json!(crossings);
            value
        })
        .collect()
}

fn scenarios(sim: &SimHandle) -> Value {
    let runs = sim.runs();
    let items: Vec<Value> = scenario::ALL
        .iter()
        .filter(|s| s.is_offered(sim.plant()))
        .map(|s| {
            let last = runs.iter().rev().find(|run| run.scenario == s.name);
            json!({
                "name": s.name,
                "title": { "zh": s.title_zh, "en": s.title_en },
                "about": { "zh": s.about_zh, "en": s.about_en },
                "parameters": s.parameters,
                "running": last.is_some_and(|run| run.ended_at.is_none()),
                "last_run": last,
            })
        })
        .collect();
    json!({ "items": items })
}

fn state(sim: &SimHandle) -> Value {
    let (elapsed_s, wind_speed, wind_from) = sim.weather();
    let running: Vec<_> = sim.runs().into_iter().filter(|run| run.ended_at.is_none()).collect();
    json!({
        "elapsed_s": elapsed_s,
        "speed": sim.speed(),
        "wind": { "speed_m_s": wind_speed, "from_degrees": wind_from },
        "running": running,
        "faults": faults(sim),
    })
}
