//! What a driver is, seen from above: something that runs until told to stop and reports, once per scan, a sample of every
//! point of a device, and, whenever it changes, whether that device can be reached.
//!
//! Polled and subscribed protocols report alike. A subscription that has been silent because nothing changed still reports
//! its last value every scan, because it knows that the connection under it is alive; when it is not, the samples are bad.

use std::time::Duration;

use anlan_domain::quality::Quality;
use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A device, by its place in the configuration that built the drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNo(pub u16);

/// A point, by its place in the configuration that built the drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointNo(pub u32);

/// One raw value of one point: as the device gave it, before scaling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which point.
    pub point: PointNo,
    /// The raw value; meaningless where the quality is bad.
    pub value: f64,
    /// What the source says about it.
    pub quality: Quality,
    /// The device's own time of the value, where the protocol has one. Device clocks are often wrong: this is kept for
    /// diagnosis and never decides anything.
    pub source_time: Option<UtcMillis>,
    /// When this process took the value (or, unchanged, found that it still holds).
    pub taken: Instant,
}

impl Sample {
    /// A sample that says only why there is no value.
    #[must_use]
    pub const fn bad(point: PointNo, quality: Quality, taken: Instant) -> Self {
        Self { point, value: f64::NAN, quality, source_time: None, taken }
    }
}

/// Whether a device can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nothing has been tried yet.
    Connecting,
    /// It answers. An answer that refuses an address is an answer.
    Connected,
    /// It does not answer.
    Lost {
        /// Why, for a person: what was tried, on what, and what came back.
        why: String,
    },
}

impl DeviceState {
    /// Whether it answers.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }
}

/// What a driver tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The state of a device changed. Always sent before the scan that shows it.
    Device {
        /// Which device.
        device: DeviceNo,
        /// Its state now.
        state: DeviceState,
    },
    /// One sample for every point of a device.
    Scan {
        /// Which device.
        device: DeviceNo,
        /// One per configured point, in no particular order.
        samples: Vec<Sample>,
    },
}

/// One connection to the field with the devices behind it.
#[async_trait]
pub trait Driver: Send + 'static {
    /// Protocol and peer, for logs: `modbus-tcp 10.0.0.5:502`.
    fn name(&self) -> String;

    /// Runs until `stop`, then closes its connection and returns. Never fails: what goes wrong is a [`DeviceState`] and a
    /// quality. Each driver is run as a task of its own, so that a slow one waits for nobody and nobody waits for it;
    /// `reports` is bounded, and a driver that finds it full waits, because its reader writes them to disk.
    async fn run(self: Box<Self>, reports: mpsc::Sender<Report>, stop: CancellationToken);
}

/// Next instant of a grid of `period` that began at `origin`, strictly after `now`: missed ticks are skipped, never made up,
/// so that a device that was slow for a minute is not asked sixty times at once.
#[must_use]
pub fn next_tick(origin: Instant, period: Duration, now: Instant) -> Instant {
    let elapsed = now.saturating_duration_since(origin).as_nanos();
    let period_ns = period.as_nanos().max(1);
    let ticks = elapsed / period_ns + 1;
    origin + Duration::from_nanos(u64::try_from(ticks * period_ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_skipped_and_the_grid_is_kept() {
        let origin = Instant::now();
        let s = Duration::from_secs(1);
        for (now_ms, next_ms) in
            [(0, 1_000), (1, 1_000), (999, 1_000), (1_000, 2_000), (7_500, 8_000)]
        {
            assert_eq!(
                next_tick(origin, s, origin + Duration::from_millis(now_ms)),
                origin + Duration::from_millis(next_ms)
            );
        }
    }
}
