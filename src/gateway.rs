//! `anlan gateway`: a collector gateway, or its points without a center.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anlan_gateway::config::GatewayConfig;
use anlan_gateway::read::read_points;
use anlan_gateway::run::{Hooks, RunError};
use tokio_util::sync::CancellationToken;

use crate::process::Failure;

/// Reads and checks a configuration.
pub fn load(file: &Path) -> Result<GatewayConfig, Failure> {
    GatewayConfig::load(file).map_err(|error| Failure::Config(error.to_string()))
}

/// `anlan gateway read`
pub async fn read(
    file: &Path,
    period: Duration,
    json: bool,
    stop: CancellationToken,
) -> Result<ExitCode, Failure> {
    let config = load(file)?;
    let summary = if json {
        read_points(&config, period, &mut io::stdout(), &stop).await
    } else {
        let mut table = Table(Vec::new());
        let summary = read_points(&config, period, &mut table, &stop).await;
        table.print();
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

/// Gathers the JSON lines and prints the last of each point for a person.
struct Table(Vec<u8>);

impl io::Write for Table {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Table {
    fn print(&self) {
        let mut last = std::collections::BTreeMap::new();
        for line in self.0.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let object: serde_json::Value =
                serde_json::from_slice(line).expect("read_points writes JSON lines");
            last.insert(object["point"].as_str().unwrap_or_default().to_owned(), object);
        }
        println!("{:<24} {:>14} {:<8} {:<10} TIME", "POINT", "VALUE", "UNIT", "QUALITY");
        for (point, object) in last {
            let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
            let value =
                object["value"].as_f64().map_or_else(|| "-".to_owned(), |value| value.to_string());
            println!(
                "{point:<24} {value:>14} {:<8} {:<10} {}",
                text("unit"),
                text("quality"),
                text("time")
            );
        }
    }
}

/// `anlan gateway`
pub async fn run(file: &Path, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let config = load(file)?;
    anlan_gateway::run::run(config, Hooks::default(), stop).await.map_err(|error| match error {
        RunError::Config(problems) => Failure::Config(problems.to_string()),
        other => Failure::of(&other),
    })?;
    Ok(ExitCode::SUCCESS)
}
