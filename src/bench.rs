//! `anlan bench`: what the parts cost, each measured in the crate that it belongs to. This file runs them and prints.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anlan_actors::{bench_actors, bench_ingest, bench_live};
use anlan_store::bench_history;
use tokio_util::sync::CancellationToken;

use crate::cli::Bench;
use crate::process::{self, Failure};

/// Runs one benchmark, or each in turn.
pub fn run(bench: Bench) -> ExitCode {
    match bench {
        // Its children measure themselves from their first instruction: before any runtime.
        Bench::Actors { json } => print(
            bench_actors::run(bench_actors::Size::default(), json).map_err(|e| Failure::of(&e)),
        ),
        Bench::Ingest { sensors, rate, period, max, json } => {
            let asked = bench_ingest::Asked { sensors, rate, period, max };
            process::run(None, |_| async move {
                let dir = Scratch::new("ingest")?;
                show(bench_ingest::run(asked, &dir.0, json).await.map_err(|e| Failure::of(&e)))
            })
        }
        Bench::History { csv, delimiter, json } => print(history(csv.as_deref(), &delimiter, json)),
        Bench::Live { json } => process::run(None, |_| async move {
            let dir = Scratch::new("live")?;
            let asked = bench_live::Asked { subscribers: 200, period: Duration::from_secs(20) };
            show(bench_live::run(asked, &dir.0, json).await.map_err(|e| Failure::of(&e)))
        }),
        Bench::Start { json } => process::run(None, |stop| start(json, stop)),
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

fn history(csv: Option<&Path>, delimiter: &str, json: bool) -> Result<String, Failure> {
    let delimiter = bench_history::parse_delimiter(delimiter).ok_or_else(|| {
        Failure::Config(format!(
            "--delimiter {delimiter:?}: give one character, or `space` or `tab`\n"
        ))
    })?;
    bench_history::run(csv, delimiter, json).map(|()| String::new()).map_err(|e| Failure::of(&e))
}

/// A folder on the disk of the working directory's machine, removed at the end: benchmarks measure a disk, not memory.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self, Failure> {
        let dir = std::env::current_dir()
            .map_err(|e| Failure::Failed(format!("there is no working directory: {e}")))?
            .join(format!(".anlan-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir)
            .map_err(|e| Failure::Failed(format!("cannot make {}: {e}", dir.display())))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Cold start to ready of a center with the park's plant, and the memory that it holds when nothing happens.
async fn start(json: bool, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let dir = Scratch::new("start")?;
    let plant = dir.0.join("plant");
    anlan_sim::plant::write(&plant, None).map_err(|e| Failure::of(&e))?;
    let data = dir.0.join("center");
    crate::admin::import(&plant, &data, false, 9).await?;
    let config = dir.0.join("center.toml");
    let text = format!(
        "data_dir = {:?}\nlisten = \"127.0.0.1:0\"\nuplink_listen = \"127.0.0.1:0\"\n[limits]\nreserved_disk_mb = 0\n",
        data.display().to_string()
    );
    std::fs::write(&config, text)
        .map_err(|e| Failure::Failed(format!("cannot write {}: {e}", config.display())))?;
    let me =
        std::env::current_exe().map_err(|e| Failure::Failed(format!("cannot find myself: {e}")))?;
    let begun = Instant::now();
    let mut child = tokio::process::Command::new(me)
        .args(["center", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Failure::Failed(format!("cannot start a center: {e}")))?;
    let out = child.stdout.take().expect("it is piped");
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(out));
    loop {
        match lines.next_line().await {
            Ok(Some(line)) if line.starts_with("Anlan is ready") => break,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                return Err(Failure::Failed("the center ended before it was ready".to_owned()));
            }
        }
    }
    let ready = begun.elapsed();
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_secs(5)) => {}
    }
    let rss = child
        .id()
        .and_then(resident_mb)
        .ok_or_else(|| Failure::Failed("the center's memory cannot be read".into()))?;
    child.kill().await.map_err(|e| Failure::Failed(format!("cannot end the center: {e}")))?;
    let ready_ms = ready.as_millis();
    if json {
        println!(
            "{}",
            serde_json::json!({ "cold_start_ms": ready_ms, "idle_rss_mb": rss, "points": 1128 })
        );
    } else {
        println!("{:<34} {ready_ms}\n{:<34} {rss:.1}", "cold_start_ms", "idle_rss_mb");
    }
    Ok(ExitCode::SUCCESS)
}

/// Resident memory of a process, from `/proc`.
fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kb: f64 = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))?
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()?;
    Some(kb / 1024.0)
}

/// Each as a table and as JSON, in a process of its own, so that none inherits another's memory.
fn all() -> ExitCode {
    let mut worst = ExitCode::SUCCESS;
    let Ok(me) = std::env::current_exe() else { return ExitCode::FAILURE };
    for args in [
        &["actors"][..],
        &["history"],
        &["live"],
        &["start"],
        &["ingest", "--sensors", "440000", "--rate", "1", "--for", "60s", "--max"],
    ] {
        println!("\n== bench {} ==", args.join(" "));
        let status = Command::new(&me).arg("bench").args(args).arg("--json").status();
        if !status.is_ok_and(|s| s.success()) {
            eprintln!("bench {} failed", args[0]);
            worst = ExitCode::FAILURE;
        }
    }
    worst
}
