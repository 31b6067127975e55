//! `anlan bench actors`: what a live sensor costs in memory and a reading in CPU time, hosted and as a ractor actor of its
//! own, in the same run.
//!
//! The shape is that of the contracts: 12 sensors an equipment, 10 equipment a hazard source, 4 hazard sources an
//! enterprise. Every actor counts: the hosted sensors and equipment, the ractor actor of each host (the general-area host of
//! each enterprise included), of each enterprise and of each region. Memory is what the process grows by (resident pages)
//! from before the first actor to after the last round, so it includes what the allocator wastes. CPU time is that of all
//! threads, from the frame as it lies in the journal (check of its columns, routing, message, decision) to the list of changed
//! values. What is left out is what both ways share: network, journal, history.
//!
//! Each way runs in a child process, so that neither inherits the other's heap.

use std::io;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

mod hosted;
mod plant;
mod process;
mod single;

/// Environment variable by which the bench tells its child which way to run.
const PART: &str = "ANLAN_BENCH_ACTORS_PART";

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Enterprises of 480 sensors with hosted sensors.
    pub hosted_enterprises: u32,
    /// Enterprises of 480 sensors with one ractor actor per sensor; fewer, because they are large.
    pub single_enterprises: u32,
    /// Readings per sensor.
    pub rounds: u32,
}

impl Default for Size {
    /// 192,000 hosted sensors and 48,000 as actors of their own: half a minute on two cores.
    fn default() -> Self {
        Self { hosted_enterprises: 400, single_enterprises: 100, rounds: 40 }
    }
}

/// What one way costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Growth of the process, all actors counted, a sensor.
    pub bytes_per_sensor: f64,
    /// Of it what hosted sensors and equipment hold, as they count it themselves; none where nothing is hosted.
    pub hosted_bytes_per_sensor: Option<f64>,
    /// CPU time of all threads.
    pub ns_per_reading: f64,
    /// How many sensors.
    pub sensors: u32,
    /// How many readings each took while CPU time was measured.
    pub rounds: u32,
    /// Ractor actors in all.
    pub actors: u32,
    /// Alarm entries that came of it: the readings are not all calm.
    pub alarm_entries: u64,
}

/// Both ways side by side, as in the contracts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The hosted tree.
    #[serde(flatten)]
    pub hosted: Measured,
    /// One ractor actor per sensor.
    pub ractor_per_sensor: Measured,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A child could not be run, or `/proc` not be read.
    #[error("cannot {doing}")]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A child ended without a result.
    #[error("the child for {part:?} ended with {status} and said: {said}")]
    Child {
        /// Which way it was to run.
        part: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it printed.
        said: String,
    },
}

/// Runs the bench, or in a child of the bench the part that is asked of it, and gives what is to be printed.
/// Blocks for half a minute and makes threads of its own: to be called from outside any runtime, as the first thing of the
/// process, since what the process holds before is counted as its ground.
///
/// # Errors
/// When a child cannot be run or `/proc` cannot be read.
pub fn run(size: Size, json: bool) -> Result<String, BenchError> {
    let measured = match std::env::var(PART).as_deref() {
        Ok("hosted") => hosted::measure(size.hosted_enterprises, size.rounds)?,
        Ok("single") => single::measure(size.single_enterprises, size.rounds)?,
        _ => {
            let report = Report { hosted: child("hosted")?, ractor_per_sensor: child("single")? };
            return Ok(if json { to_json(&report) } else { table(&report) });
        }
    };
    Ok(to_json(&measured))
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain numbers become JSON")
}

/// Runs this program again, with the same arguments, for one part.
fn child(part: &'static str) -> Result<Measured, BenchError> {
    let io = |doing| move |source| BenchError::Io { doing, source };
    let program = std::env::current_exe().map_err(io("find this program"))?;
    let output = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(PART, part)
        .stderr(Stdio::inherit())
        .output()
        .map_err(io("start a child of the bench"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match serde_json::from_str(said.trim()) {
        Ok(measured) if output.status.success() => Ok(measured),
        _ => Err(BenchError::Child { part, status: output.status, said }),
    }
}

fn table(report: &Report) -> String {
    let row = |name: &str, m: &Measured| {
        let hosted =
            m.hosted_bytes_per_sensor.map_or("-".to_owned(), |bytes| format!("{bytes:.0}"));
        format!(
            "{name:<18} {:>16.0} {hosted:>14} {:>14.1} {:>10} {:>8}\n",
            m.bytes_per_sensor, m.ns_per_reading, m.sensors, m.actors
        )
    };
    let head = format!(
        "{:<18} {:>16} {:>14} {:>14} {:>10} {:>8}\n",
        "", "bytes/sensor", "hosted bytes", "ns/reading", "sensors", "actors"
    );
    let rows = row("hosted", &report.hosted) + &row("ractor per sensor", &report.ractor_per_sensor);
    head + &rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_take_every_reading_and_come_to_the_same_alarms() {
        let hosted = hosted::measure(2, 8).unwrap();
        let single = single::measure(2, 8).unwrap();
        assert_eq!((hosted.sensors, single.sensors), (960, 960));
        assert_eq!(hosted.actors, 2 * (1 + 5) + plant::REGIONS);
        assert_eq!(single.actors, 2 * (1 + 4 + 40 + 480) + plant::REGIONS);
        assert!(0 < hosted.alarm_entries, "not all readings are calm");
        assert_eq!(hosted.alarm_entries, single.alarm_entries);
    }

    #[test]
    fn the_report_has_the_keys_of_the_contract() {
        let measured = hosted::measure(1, 2).unwrap();
        let report = Report { hosted: measured.clone(), ractor_per_sensor: measured };
        let json: serde_json::Value = serde_json::from_str(&to_json(&report)).unwrap();
        for key in ["bytes_per_sensor", "hosted_bytes_per_sensor", "ns_per_reading"] {
            assert!(json[key].is_number(), "{key}: {json}");
            assert!(json["ractor_per_sensor"][key].is_number(), "{key}: {json}");
        }
    }
}
