//! The Modbus TCP driver: one connection, the units behind it, and what to do when either misbehaves.
//!
//! A connection serves its units one request at a time, because that is what field devices and serial gateways can do. A
//! unit that is silent costs the others on the same connection one time limit per try, and is tried ever more rarely
//! ([`crate::backoff`]); devices on other connections never notice, for every connection is a task of its own.

use std::time::Duration;

use anlan_domain::quality::Quality;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::decode::{ByteOrder, DataType};
use super::link::Link;
use super::plan::Limits;
use super::register::Register;
use super::unit::{ScanEnd, Unit};
use crate::backoff::Backoff;
use crate::driver::{DeviceNo, DeviceState, Driver, PointNo, Report, next_tick};

/// A point of a Modbus device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModbusPoint {
    /// The number to report it under.
    pub no: PointNo,
    /// First register.
    pub register: Register,
    /// Encoding.
    pub data_type: DataType,
    /// Order of its bytes.
    pub byte_order: ByteOrder,
}

/// A device: one unit id behind a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModbusDevice {
    /// The number to report it under.
    pub no: DeviceNo,
    /// Unit id.
    pub unit_id: u8,
    /// Time between two scans.
    pub scan: Duration,
    /// Time limit of one request.
    pub timeout: Duration,
    /// What may be asked for.
    pub limits: Limits,
    /// The points.
    pub points: Vec<ModbusPoint>,
}

/// One connection with all units that are reached over it.
pub struct ModbusTcp {
    address: String,
    devices: Vec<ModbusDevice>,
}

impl ModbusTcp {
    /// A driver for `devices` that share the connection to `address` (`HOST:PORT`).
    #[must_use]
    pub fn new(address: String, devices: Vec<ModbusDevice>) -> Self {
        Self { address, devices }
    }
}

/// The connection and the record of its failures.
struct Line {
    address: String,
    limit: Duration,
    link: Option<Link>,
    failures: u32,
    retry_at: Instant,
    why: String,
}

impl Line {
    fn lose(&mut self, why: String) {
        // A connection that has answered earns an immediate second try; one that never did must wait.
        let answered = self.link.take().is_some_and(|link| link.answered);
        self.failures = if answered { 0 } else { self.failures.saturating_add(1) };
        self.retry_at =
            Instant::now() + Backoff::DEVICE.delay(self.failures, spread(&self.address));
        self.why = why;
    }

    /// The open link, opened now where that is due.
    async fn open(&mut self) -> Option<&mut Link> {
        if self.link.is_none() && self.retry_at <= Instant::now() {
            match Link::open(&self.address, self.limit).await {
                Ok(link) => {
                    tracing::info!(driver.name = "modbus-tcp", peer = %self.address, "connected");
                    self.link = Some(link);
                }
                Err(why) => {
                    if self.failures == 0 {
                        tracing::warn!(driver.name = "modbus-tcp", peer = %self.address, "{why}");
                    }
                    self.lose(why);
                }
            }
        }
        self.link.as_mut()
    }
}

/// Spreads the retries of different peers (FNV-1a of the address).
fn spread(address: &str) -> u64 {
    address
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

#[async_trait]
impl Driver for ModbusTcp {
    fn name(&self) -> String {
        format!("modbus-tcp {}", self.address)
    }

    async fn run(self: Box<Self>, reports: mpsc::Sender<Report>, stop: CancellationToken) {
        let this = *self;
        let forever = serve(this.address, this.devices, reports);
        tokio::select! {
            () = stop.cancelled() => {}
            () = forever => {}
        }
    }
}

/// Ends only when nobody listens any more. Dropping it anywhere is safe: it holds no state worth keeping.
async fn serve(address: String, devices: Vec<ModbusDevice>, reports: mpsc::Sender<Report>) {
    let origin = Instant::now();
    let limit = devices.iter().map(|d| d.timeout).max().unwrap_or(Duration::from_secs(1));
    let mut line =
        Line { address, limit, link: None, failures: 0, retry_at: origin, why: String::new() };
    let mut units: Vec<Unit> =
        devices.into_iter().map(|device| Unit::new(device, origin)).collect();
    loop {
        let Some(next) = units.iter_mut().min_by_key(|unit| unit.due) else { return };
        sleep_until(next.due).await;
        let reported = scan_and_report(&mut line, next, &reports).await;
        next.due = next_tick(origin, next.device.scan, Instant::now());
        if !reported {
            return;
        }
    }
}

/// One scan of one unit; `false` when nobody listens any more.
async fn scan_and_report(line: &mut Line, unit: &mut Unit, reports: &mpsc::Sender<Report>) -> bool {
    let now = Instant::now();
    let (state, samples) = if unit.rests_until > now {
        (unit.state.clone(), unit.all_bad(Quality::COMM_FAILURE))
    } else {
        ask(line, unit).await
    };
    let device = unit.device.no;
    if state != unit.state {
        match (&unit.state, &state) {
            (DeviceState::Lost { .. }, DeviceState::Lost { .. }) => {}
            (_, DeviceState::Lost { why }) => {
                tracing::warn!(driver.name = "modbus-tcp", peer = %line.address, unit = unit.device.unit_id, "{why}");
            }
            _ => {
                tracing::info!(driver.name = "modbus-tcp", peer = %line.address, unit = unit.device.unit_id, "answers")
            }
        }
        unit.state = state.clone();
        if reports.send(Report::Device { device, state }).await.is_err() {
            return false;
        }
    }
    reports.send(Report::Scan { device, samples }).await.is_ok()
}

/// Scans over the open connection, over a new one where the old one turns out to have been closed for idling.
async fn ask(line: &mut Line, unit: &mut Unit) -> (DeviceState, Vec<crate::driver::Sample>) {
    let mut second_try = false;
    loop {
        let Some(link) = line.open().await else {
            return (
                DeviceState::Lost { why: line.why.clone() },
                unit.all_bad(Quality::NOT_CONNECTED),
            );
        };
        let had_answered = link.answered;
        match unit.scan(link).await {
            ScanEnd::Answered(samples) => {
                unit.failures = 0;
                line.failures = 0;
                return (DeviceState::Connected, samples);
            }
            ScanEnd::Broken(why) if had_answered && !second_try => {
                line.lose(why);
                second_try = true;
            }
            ScanEnd::Broken(why) => {
                unit.rest();
                line.lose(why.clone());
                return (DeviceState::Lost { why }, unit.all_bad(Quality::COMM_FAILURE));
            }
            ScanEnd::Silent { why, samples } => {
                unit.rest();
                line.lose(why.clone());
                // A unit that answered in part of this scan is slow, not lost; the next scan will say.
                let state = if samples.iter().any(|s| !s.quality.is_bad()) {
                    unit.state.clone()
                } else {
                    DeviceState::Lost { why }
                };
                return (state, samples);
            }
            ScanEnd::Absent(why) => {
                unit.rest();
                return (DeviceState::Lost { why }, unit.all_bad(Quality::COMM_FAILURE));
            }
        }
    }
}
