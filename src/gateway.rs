//! `anlan gateway`: a collector gateway, or its points without a center.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anlan_gateway::config::{GatewayConfig, Purpose};
use anlan_gateway::read::read_points;
use anlan_gateway::run::{Hooks, RunError};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::process::Failure;

/// Reads and checks a configuration, and the files that it names.
pub fn load(file: &Path) -> Result<GatewayConfig, Failure> {
    load_for(file, Purpose::Checking)
}

fn load_for(file: &Path, purpose: Purpose) -> Result<GatewayConfig, Failure> {
    GatewayConfig::load_for(file, purpose).map_err(|error| Failure::Config(error.to_string()))
}

/// `anlan gateway read`
pub async fn read(
    file: &Path,
    period: Duration,
    json: bool,
    stop: CancellationToken,
) -> Result<ExitCode, Failure> {
    let config = load_for(file, Purpose::Reading)?;
    let summary = if json {
        read_points(&config, period, &mut io::stdout(), &stop).await
    } else {
        let mut table = Table::default();
        let lines = Arc::clone(&table.last);
        let summary = tokio::select! {
            summary = read_points(&config, period, &mut table, &stop) => summary,
            never = show_progress(&lines, config.points.len(), period) => match never {},
        };
        print(&lines)
            .map_err(|error| Failure::Failed(format!("cannot write the readings: {error}")))?;
        summary
    }
    .map_err(|error| Failure::of(&error))?;
    for tag in &summary.never_read {
        eprintln!("{tag}: never had a value");
    }
    for (device, why) in &summary.lost {
        eprintln!("device {device}: {why}");
    }
    Ok(ExitCode::from(summary.exit_code()))
}

/// The last line of each point.
type Lines = Mutex<BTreeMap<String, serde_json::Value>>;

fn look(lines: &Lines) -> MutexGuard<'_, BTreeMap<String, serde_json::Value>> {
    lines.lock().expect("nobody panics while holding the lines")
}

/// Takes the JSON lines and keeps the last of each point for a person: as much as there are points, however long it reads.
#[derive(Default)]
struct Table {
    last: Arc<Lines>,
    /// A line comes in pieces.
    begun: Vec<u8>,
}

impl Write for Table {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if byte != b'\n' {
                self.begun.push(byte);
                continue;
            }
            let line: serde_json::Value = serde_json::from_slice(&self.begun)?;
            self.begun.clear();
            look(&self.last).insert(line["point"].as_str().unwrap_or_default().to_owned(), line);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says on standard error how far the reading has come: on a terminal every second in one line, elsewhere every second at
/// first and then every ten, so that a log stays readable.
async fn show_progress(lines: &Lines, points: usize, period: Duration) -> std::convert::Infallible {
    let second = Duration::from_secs(1);
    let mut tick = interval_at(Instant::now() + second, second);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let terminal = io::stderr().is_terminal();
    let begun = Instant::now();
    loop {
        tick.tick().await;
        let seconds = begun.elapsed().as_secs();
        let good = look(lines).values().filter(|line| !line["value"].is_null()).count();
        let text = format!("{seconds} s of {period:?}: {good} of {points} points have a value");
        if terminal {
            eprint!("\r{text}\x1b[K\r");
        } else if seconds <= 10 || seconds.is_multiple_of(10) {
            eprintln!("{text}");
        }
    }
}

fn print(lines: &Lines) -> io::Result<()> {
    if io::stderr().is_terminal() {
        // Over the last line of progress.
        eprint!("\x1b[K");
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{:<24} {:>14} {:<8} {:<10} TIME", "POINT", "VALUE", "UNIT", "QUALITY")?;
    for (point, object) in &*look(lines) {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let value =
            object["value"].as_f64().map_or_else(|| "-".to_owned(), |value| value.to_string());
        writeln!(
            out,
            "{point:<24} {value:>14} {:<8} {:<10} {}",
            text("unit"),
            text("quality"),
            text("time")
        )?;
    }
    out.flush()
}

/// `anlan gateway`
pub async fn run(file: &Path, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let config = load_for(file, Purpose::Running)?;
    anlan_gateway::run::run(config, Hooks::default(), stop).await.map_err(|error| match error {
        RunError::Config(problems) => Failure::Config(problems.to_string()),
        other => Failure::of(&other),
    })?;
    Ok(ExitCode::SUCCESS)
}
