//! `anlan sim scenario`: a client of the simulator's HTTP control, for a park that runs in another process of this machine.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::cli::ScenarioArgs;
use crate::process::Failure;

/// Longest that the control may take: planning a leak runs the whole park ahead.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts, stops or lists.
pub async fn run(args: ScenarioArgs) -> Result<ExitCode, Failure> {
    let (method, path, body) = match &args.name {
        None => (Method::GET, "/scenarios".to_owned(), Value::Null),
        Some(name) if args.stop => (Method::POST, format!("/scenarios/{name}/stop"), Value::Null),
        Some(name) => {
            let parameters: serde_json::Map<_, _> = args.parameters.iter().cloned().collect();
            (Method::POST, format!("/scenarios/{name}/start"), json!({ "parameters": parameters }))
        }
    };
    let answer = ask(&args.control, method, &path, &body).await?;
    if args.json {
        println!("{answer}");
    } else {
        match &args.name {
            None => print!("{}", list(&answer)),
            Some(name) if args.stop => println!("{}", stopped(name, &answer)),
            Some(_) => print!("{}", started(&answer)),
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask(base: &str, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
    let base = base.trim_end_matches('/');
    let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let request = Request::builder()
        .method(method)
        .uri(format!("{base}{path}"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(bytes))
        .map_err(|e| Failure::Config(format!("--control {base}: write http://HOST:PORT: {e}")))?;
    let silent = |why: String| {
        Failure::Failed(format!(
            "no simulator answers at {base}: {why}\nanlan sim and anlan demo print where theirs listens; give it as --control"
        ))
    };
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let asked = async {
        let response = client.request(request).await.map_err(|e| silent(chain(&e)))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|e| silent(chain(&e)))?;
        let value: Value =
            serde_json::from_slice(&body.to_bytes()).map_err(|e| silent(e.to_string()))?;
        Ok::<_, Failure>((status, value))
    };
    let (status, value) = tokio::time::timeout(PATIENCE, asked)
        .await
        .map_err(|_| silent(format!("nothing for {} s", PATIENCE.as_secs())))??;
    if status.is_success() {
        return Ok(value);
    }
    let message = value["message"].as_str().unwrap_or("it refuses without a word").to_owned();
    // What the caller wrote is wrong, or it is the state of the park that does not allow it.
    Err(match status {
        StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
            Failure::Config(message)
        }
        _ => Failure::Failed(message),
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    match Failure::of(error) {
        Failure::Config(text) | Failure::Failed(text) => text,
    }
}

fn words<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn list(answer: &Value) -> String {
    let mut text = String::new();
    for scenario in items(answer, "items") {
        let running = if scenario["running"] == true { " (running)" } else { "" };
        let title = words(&scenario["title"], "en");
        text.push_str(&format!("{:<18}{title}{running}\n", words(scenario, "name")));
        for parameter in items(scenario, "parameters") {
            let default = &parameter["default"];
            let bounds = match default {
                Value::Number(_) => format!(", {} to {}", parameter["min"], parameter["max"]),
                _ => String::new(),
            };
            let (name, unit) = (words(parameter, "name"), words(parameter, "unit"));
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            let en = words(parameter, "en");
            text.push_str(&format!("    --param {name}={default}{unit}{bounds}: {en}\n"));
        }
    }
    text
}

fn started(run: &Value) -> String {
    let mut text = format!(
        "run {} of {} began; the center must show:\n",
        run["number"],
        words(run, "scenario")
    );
    for expectation in items(run, "expectations") {
        text.push_str(&format!(
            "  {} {}: {}\n",
            words(expectation, "subject"),
            words(expectation, "condition"),
            words(expectation, "en")
        ));
    }
    text
}

fn stopped(name: &str, answer: &Value) -> String {
    if answer["stopped"] == true {
        format!("{name} is stopped; what it did is taken back")
    } else {
        format!("{name} does not run")
    }
}
