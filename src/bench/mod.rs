//! `anlan bench`: what the parts cost. What belongs to one crate is measured there; what needs a whole center runs one, in a
//! process of its own.

use std::path::Path;
use std::process::{Command, ExitCode};

use anlan_actors::bench_actors;
use anlan_store::bench_history;

use crate::cli::Bench;
use crate::process::{self, Failure};

mod floor;
mod ingest;
mod live;
mod rig;
mod start;
mod storm;

/// Runs one benchmark, or each in turn.
pub fn run(bench: Bench) -> ExitCode {
    match bench {
        // Its children measure themselves from their first instruction: before any runtime.
        Bench::Actors { json } => print(
            bench_actors::run(bench_actors::Size::default(), json).map_err(|e| Failure::of(&e)),
        ),
        Bench::Ingest { sensors, rate, period, max, json } => {
            let asked = ingest::Asked { sensors, rate, period, max };
            process::run(None, |_| async move { show(ingest::run(asked, json).await) })
        }
        Bench::History { csv, delimiter, json } => print(history(csv.as_deref(), &delimiter, json)),
        Bench::Live { json } => process::run(None, |_| async move { show(live::run(json).await) }),
        Bench::Start { json } => {
            process::run(None, |stop| async move { show(start::run(json, stop).await) })
        }
        Bench::Storm { json } => {
            process::run(None, |_| async move { show(storm::run(json).await) })
        }
        Bench::All => all(),
    }
}

fn print(result: Result<String, Failure>) -> ExitCode {
    match result {
        Ok(text) => {
            print!("{text}{}", if text.is_empty() || text.ends_with('\n') { "" } else { "\n" });
            ExitCode::SUCCESS
        }
        Err(failure) => process::report(failure),
    }
}

fn show(result: Result<String, Failure>) -> Result<ExitCode, Failure> {
    result.map(|text| print(Ok(text)))
}

/// Names to the left, figures to the right.
fn table(rows: &[(&str, String)]) -> String {
    rows.iter().map(|(name, value)| format!("{name:<40}{value:>20}\n")).collect()
}

fn history(csv: Option<&Path>, delimiter: &str, json: bool) -> Result<String, Failure> {
    let delimiter = bench_history::parse_delimiter(delimiter).ok_or_else(|| {
        Failure::Config(format!(
            "--delimiter {delimiter:?}: give one character, or `space` or `tab`\n"
        ))
    })?;
    bench_history::run(csv, delimiter, json).map(|()| String::new()).map_err(|e| Failure::of(&e))
}

/// Each in a process of its own, so that none inherits another's memory: as JSON, and the same figures as a table.
fn all() -> ExitCode {
    let mut worst = ExitCode::SUCCESS;
    let Ok(me) = std::env::current_exe() else { return ExitCode::FAILURE };
    for args in [
        &["actors"][..],
        &["history"],
        &["live"],
        &["start"],
        &["storm"],
        &["ingest", "--sensors", "440000", "--rate", "1", "--for", "60s", "--max"],
    ] {
        println!("\n== bench {} ==", args.join(" "));
        let output = Command::new(&me)
            .arg("bench")
            .args(args)
            .arg("--json")
            .stderr(std::process::Stdio::inherit())
            .output();
        match output {
            Ok(output) if output.status.success() => {
                let json = String::from_utf8_lossy(&output.stdout);
                print!("{json}");
                let mut rows = Vec::new();
                match serde_json::from_str(&json) {
                    Ok(value) => flatten("", &value, &mut rows),
                    Err(error) => eprintln!("bench {} printed no JSON: {error}", args[0]),
                }
                let rows: Vec<_> = rows.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
                print!("{}", table(&rows));
            }
            _ => {
                eprintln!("bench {} failed", args[0]);
                worst = ExitCode::FAILURE;
            }
        }
    }
    worst
}

/// Rows of a table from JSON: names of nested objects before theirs.
fn flatten(name: &str, value: &serde_json::Value, rows: &mut Vec<(String, String)>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| flatten(&below(key), value, rows));
        }
        serde_json::Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(i, value)| flatten(&below(&i.to_string()), value, rows));
        }
        serde_json::Value::Number(number) => {
            let text = match number.as_f64() {
                Some(float) if number.is_f64() => format!("{float:.3}"),
                _ => number.to_string(),
            };
            rows.push((name.to_owned(), text));
        }
        serde_json::Value::String(text) => rows.push((name.to_owned(), text.clone())),
        other => rows.push((name.to_owned(), other.to_string())),
    }
}
