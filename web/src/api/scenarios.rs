//! The tester's page: the simulator's control passed through, and its runs compared with the alarm log.

use anlan_domain::alarm::Condition;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::{AlarmFilter, AlarmRow};
use anlan_store::registry::scoped::Filter;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::verdict::{Run, Seen, judge};

async fn pass(call: &Call, method: Method, path: &str) -> Result<Value, Problem> {
    let (status, value) = call.simulator()?.ask(method, path, call.raw_body().to_vec()).await?;
    if status.is_success() {
        return Ok(value);
    }
    let message = value["message"]
        .as_str()
        .or(value["error"].as_str())
        .unwrap_or("The simulator refuses this");
    let status = if status.is_client_error() { status } else { StatusCode::BAD_GATEWAY };
    Err(Problem::new(status, "simulator_refuses", message))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%2D", "-").replace("%5F", "_")
}

/// `GET /scenarios`
pub async fn list(call: Call) -> Answer {
    Reply::json(&pass(&call, Method::GET, "/scenarios").await?)
}

/// `POST /scenarios/{name}/start`
pub async fn start(call: Call) -> Answer {
    let name = call.param("name").to_owned();
    let answer = pass(&call, Method::POST, &format!("/scenarios/{}/start", encoded(&name))).await?;
    call.note("scenario_start", &format!("scenario {name}"), "").await?;
    Reply::json(&answer)
}

/// `POST /scenarios/{name}/stop`
pub async fn stop(call: Call) -> Answer {
    let name = call.param("name").to_owned();
    let answer = pass(&call, Method::POST, &format!("/scenarios/{}/stop", encoded(&name))).await?;
    call.note("scenario_stop", &format!("scenario {name}"), "").await?;
    Reply::json(&answer)
}

/// `GET /faults`
pub async fn faults(call: Call) -> Answer {
    Reply::json(&pass(&call, Method::GET, "/faults").await?)
}

/// `POST /faults`
pub async fn inject(call: Call) -> Answer {
    let answer = pass(&call, Method::POST, "/faults").await?;
    call.note("fault", "simulator", &String::from_utf8_lossy(call.raw_body())).await?;
    Reply::json(&answer)
}

/// `DELETE /faults`
pub async fn remove(call: Call) -> Answer {
    let answer = pass(&call, Method::DELETE, "/faults").await?;
    call.note("faults_removed", "simulator", "").await?;
    Reply::json(&answer)
}

/// `GET /simulator`
pub async fn state(call: Call) -> Answer {
    Reply::json(&pass(&call, Method::GET, "/state").await?)
}

/// Runs that are told where no number is asked for, and at most: each costs a search of the alarm index, every second.
const RUNS_SHOWN: usize = 10;
const RUNS_MAX: usize = 20;
/// Alarms of one run that are looked at.
const ALARMS_MAX: usize = 5_000;
/// How far beside a run the source time of one of its alarms may lie: delays, and clocks that are not quite right.
const BESIDE_MS: i64 = 60_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RunsQuery {
    limit: Option<usize>,
}

/// `GET /scenarios/runs`: each expectation of each run gets its `verdict` and `seen`, the alarm that decided it.
pub async fn runs(call: Call) -> Answer {
    let RunsQuery { limit } = call.query()?;
    let limit = limit.unwrap_or(RUNS_SHOWN).clamp(1, RUNS_MAX);
    let mut answer = pass(&call, Method::GET, &format!("/scenarios/runs?limit={limit}")).await?;
    let Some(runs) = answer.get_mut("items").and_then(Value::as_array_mut) else {
        return Reply::json(&answer);
    };
    for value in runs {
        let run: Run = Run::deserialize(&*value).map_err(|error| {
            let words = format!("The simulator tells of a run in a form not known here: {error}");
            Problem::new(StatusCode::BAD_GATEWAY, "simulator_refuses", words)
        })?;
        let alarms = alarms_of(&call, &run).await?;
        let now = call.now().0;
        let Some(expected) = value.get_mut("expectations").and_then(Value::as_array_mut) else {
            continue;
        };
        for (value, expectation) in expected.iter_mut().zip(&run.expectations) {
            let verdict = judge(expectation, &run, &alarms, now);
            value["seen"] = json!(verdict.seen);
            value["verdict"] = json!(verdict);
        }
    }
    Reply::json(&answer)
}

/// The alarms of the time of a run that its expectations speak of: one search.
async fn alarms_of(call: &Call, run: &Run) -> Result<Vec<Seen>, Problem> {
    let mut conditions: Vec<Condition> =
        run.expectations.iter().filter_map(|e| Condition::from_code(&e.condition)).collect();
    conditions.sort_by_key(|condition| condition.code());
    conditions.dedup();
    if conditions.is_empty() {
        return Ok(Vec::new());
    }
    let beside = BESIDE_MS + run.clock_error_ms;
    let filter = AlarmFilter {
        conditions,
        from: Some(UtcMillis(run.started_at - beside)),
        to: run.ended_at.map(|ended| UtcMillis(ended + beside)),
        ..AlarmFilter::default()
    };
    let page = call.alarms(filter, &Filter::default(), None, ALARMS_MAX).await?;
    let mut alarms = Vec::new();
    for row in &page.items {
        let subject = row.id.subject.0.to_string();
        if run.expectations.iter().any(|e| e.speaks_of(&subject)) {
            alarms.push(of_row(call, row, subject).await?);
        }
    }
    Ok(alarms)
}

async fn of_row(call: &Call, row: &AlarmRow, subject: String) -> Result<Seen, Problem> {
    let clear_decided_at = match row.cleared_at {
        Some(cleared_at) => Some(clear_decided_at(call, row).await?.unwrap_or(cleared_at.0)),
        None => None,
    };
    Ok(Seen {
        id: row.id.to_string(),
        subject,
        condition: row.id.condition.code().to_owned(),
        level: row.level.get(),
        raised_at: row.raised_at.0,
        received_at: row.received_at.0,
        decided_at: row.decided_at.0,
        cleared_at: row.cleared_at.map(|t| t.0),
        clear_decided_at,
    })
}

/// When the center decided that an alarm is over. The index does not keep it; the log is read once an alarm.
async fn clear_decided_at(call: &Call, row: &AlarmRow) -> Result<Option<i64>, Problem> {
    let id = row.id.to_string();
    if let Some(known) = call.simulator()?.cleared(&id) {
        return Ok(Some(known));
    }
    let log = call.alarm_log(row).await?;
    let decided = log.iter().find(|entry| entry.kind == "cleared").map(|entry| entry.decided_at);
    if let Some(at) = decided {
        call.simulator()?.remember_cleared(id, at);
    }
    Ok(decided)
}
