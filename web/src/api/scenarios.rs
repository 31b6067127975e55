//! The tester's page: the simulator's control passed through, and its runs compared with the alarm log.

use anlan_domain::alarm::Condition;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::{AlarmFilter, AlarmRow};
use anlan_store::registry::scoped::Filter;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;

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

/// `GET /scenarios/runs`: each expectation of each run gets `seen`, what the alarm log holds of it.
pub async fn runs(call: Call) -> Answer {
    let mut answer = pass(&call, Method::GET, "/scenarios/runs").await?;
    let Some(runs) = answer.get_mut("items").and_then(Value::as_array_mut) else {
        return Reply::json(&answer);
    };
    for run in runs {
        let from = run["started_at"].as_i64().unwrap_or(0);
        let to = run["ended_at"].as_i64();
        let Some(expected) = run.get_mut("expectations").and_then(Value::as_array_mut) else {
            continue;
        };
        for expectation in expected {
            let seen = seen(&call, expectation, from, to).await?;
            expectation["seen"] = seen;
        }
    }
    Reply::json(&answer)
}

/// Looks the expectation up: its `subject` and `condition` within the run.
async fn seen(
    call: &Call,
    expectation: &Value,
    from: i64,
    to: Option<i64>,
) -> Result<Value, Problem> {
    let subject = expectation["subject"].as_str();
    let condition = expectation["condition"].as_str().and_then(Condition::from_code);
    let (Some(subject), Some(condition)) = (subject, condition) else { return Ok(Value::Null) };
    let filter = AlarmFilter {
        subject: Some(subject.to_owned()),
        conditions: vec![condition],
        from: Some(UtcMillis(from)),
        to: to.map(|t| UtcMillis(t).plus(60_000)),
        ..AlarmFilter::default()
    };
    let page = call.alarms(filter, &Filter::default(), None, 1).await?;
    Ok(page.items.first().map_or(Value::Null, of_row))
}

fn of_row(row: &AlarmRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "level": row.level.get(),
        "raised_at": row.raised_at.0,
        "received_at": row.received_at.0,
        "decided_at": row.decided_at.0,
        "cleared_at": row.cleared_at.map(|t| t.0),
    })
}
