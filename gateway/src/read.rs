//! `anlan gateway read`: reads the configured points with no center, for commissioning.
//!
//! The same drivers, scaling and qualities as in service, so that what is seen here is what the center will see. One JSON
//! object a line, per point and scan.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anlan_domain::quality::QualityClass;
use anlan_domain::time::UtcMillis;
use anlan_drivers::driver::{DeviceState, Report, Sample};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::GatewayConfig;
use crate::field::Field;

/// What a reading run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Lines written.
    pub lines: u64,
    /// Number of points that had a value at least once.
    pub points_read: usize,
    /// Tags of points that never had a value.
    pub never_read: Vec<String>,
    /// Devices that did not answer at the end, with the reason.
    pub lost: Vec<(String, String)>,
}

impl ReadSummary {
    /// Exit code of `anlan gateway read`: 1 where no point was ever read.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(self.points_read == 0)
    }
}

/// Why reading could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The configuration is good but something that it names is not there.
    #[error("{0}")]
    Setup(String),
    /// The lines could not be written.
    #[error("cannot write the readings")]
    Write(#[source] io::Error),
}

#[derive(Serialize)]
struct Line<'a> {
    point: &'a str,
    value: Option<f64>,
    unit: &'a str,
    quality: QualityClass,
    time: String,
}

/// Reads for `duration` (or until `stop`) and writes a line per point and scan.
///
/// # Errors
/// When a password cannot be read or a line cannot be written.
pub async fn read_points(
    config: &GatewayConfig,
    duration: Duration,
    out: &mut (dyn Write + Send),
    stop: &CancellationToken,
) -> Result<ReadSummary, ReadError> {
    let end = Instant::now() + duration;
    let clock = Clock::new(Arc::new(AtomicI64::new(config.clock_offset_ms)));
    let drivers_stop = stop.child_token();
    let Field { mut reports, drivers } =
        Field::start(config, &drivers_stop).map_err(ReadError::Setup)?;
    let mut seen = BTreeSet::new();
    let mut states = vec![DeviceState::Connecting; config.devices.len()];
    let mut lines = 0;
    let mut failed = None;
    while failed.is_none() {
        let report = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = sleep_until(end) => break,
            report = reports.recv() => report,
        };
        match report {
            None => break,
            Some(Report::Device { device, state }) => states[usize::from(device.0)] = state,
            Some(Report::Scan { samples, .. }) => {
                for sample in &samples {
                    lines += 1;
                    match write_line(config, &clock, sample, out) {
                        Ok(true) => drop(seen.insert(sample.point)),
                        Ok(false) => {}
                        Err(error) => failed = Some(error),
                    }
                }
                failed = failed.or(out.flush().err());
            }
        }
    }
    drivers_stop.cancel();
    drop(reports);
    drivers.closed().await;
    if let Some(error) = failed {
        return Err(ReadError::Write(error));
    }
    let never_read = config
        .points
        .iter()
        .zip(0u32..)
        .filter(|(_, no)| !seen.iter().any(|point| point.0 == *no))
        .map(|(point, _)| point.id.clone());
    let lost = config.devices.iter().zip(&states).filter_map(|(device, state)| match state {
        DeviceState::Connected => None,
        DeviceState::Connecting => Some((device.id.clone(), "no answer yet".to_owned())),
        DeviceState::Lost { why } => Some((device.id.clone(), why.clone())),
    });
    Ok(ReadSummary {
        lines,
        points_read: seen.len(),
        never_read: never_read.collect(),
        lost: lost.collect(),
    })
}

/// Writes one sample; `true` where it has a value.
fn write_line(
    config: &GatewayConfig,
    clock: &Clock,
    sample: &Sample,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let point = &config.points[sample.point.0 as usize];
    let (value, quality) = point.scaling.apply(sample.value, sample.quality, point.range);
    let age_ms = i64::try_from(sample.taken.elapsed().as_millis()).unwrap_or(0);
    let value = (!quality.is_bad()).then_some(value);
    let time = rfc3339(clock.wall().plus(-age_ms));
    let line = Line { point: &point.id, value, unit: &point.unit, quality: quality.class(), time };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")?;
    Ok(value.is_some())
}

fn rfc3339(time: UtcMillis) -> String {
    DateTime::<Utc>::from_timestamp_millis(time.0)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}
