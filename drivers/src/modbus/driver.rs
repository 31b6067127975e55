//! The Modbus TCP driver: one connection, the units behind it, and what to do when either misbehaves.
//!
//! A connection serves its units one request at a time, because that is what field devices and serial gateways can do. A
//! unit that is silent costs the others on the same connection one time limit per try, and is tried ever more rarely
//! ([`crate::backoff`]); devices on other connections never notice, for every connection is a task of its own.
//!
//! Only the line itself can make its units wait: where it cannot be opened it is tried ever more rarely. A unit that is
//! silent, or at whose question the connection breaks, rests alone: the others get a new connection at once. Were the line
//! to rest with it, the two would wake in step, and the silent unit would be asked first for ever.

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
use crate::driver::{DeviceNo, DeviceState, Driver, PointNo, Report, Sample, next_tick};

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
    /// It could not be opened, and is tried again ever more rarely.
    fn rest(&mut self, why: String) {
        self.failures = self.failures.saturating_add(1);
        self.retry_at =
            Instant::now() + Backoff::DEVICE.delay(self.failures, spread(&self.address));
        self.why = why;
    }

    /// Whether it could not be opened when that was last tried.
    fn is_down(&self) -> bool {
        self.failures > 0
    }

    /// The connection is of no use any more; whoever asks next gets a new one.
    fn hang_up(&mut self) {
        self.link = None;
    }

    /// The open link, opened now where that is due.
    async fn open(&mut self) -> Option<&mut Link> {
        if self.link.is_none() && self.retry_at <= Instant::now() {
            match Link::open(&self.address, self.limit).await {
                Ok(link) => {
                    tracing::info!(driver.name = "modbus-tcp", peer = %self.address, "connected");
                    self.link = Some(link);
                    self.failures = 0;
                }
                Err(why) => {
                    if !self.is_down() {
                        tracing::warn!(driver.name = "modbus-tcp", peer = %self.address, "{why}");
                    }
                    self.rest(why);
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
        (unit.state.clone(), unit.all_bad(unit.rests_with))
    } else {
        ask(line, unit).await
    };
    let device = unit.device.no;
    if state != unit.state {
        match &state {
            // What the line has said is not said by each of its units again.
            DeviceState::Lost { why } if !line.is_down() && !unit.loss_told => {
                tracing::warn!(driver.name = "modbus-tcp", peer = %line.address, unit = unit.device.unit_id, "{why}");
                unit.loss_told = true;
            }
            DeviceState::Lost { .. } => {}
            _ => {
                tracing::info!(driver.name = "modbus-tcp", peer = %line.address, unit = unit.device.unit_id, "answers");
                unit.loss_told = false;
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
async fn ask(line: &mut Line, unit: &mut Unit) -> (DeviceState, Vec<Sample>) {
    let mut second_try = false;
    loop {
        let Some(link) = line.open().await else {
            return (
                DeviceState::Lost { why: line.why.clone() },
                unit.all_bad(Quality::NOT_CONNECTED),
            );
        };
        let had_answered = link.answered;
        match unit.scan(link, second_try).await {
            ScanEnd::Answered { samples, link_spent } => {
                unit.answers();
                if link_spent {
                    line.hang_up();
                }
                return (DeviceState::Connected, samples);
            }
            // It may have been closed for idling.
            ScanEnd::Broken(_) if had_answered && !second_try => {
                line.hang_up();
                second_try = true;
            }
            ScanEnd::Broken(why) | ScanEnd::Silent(why) => {
                line.hang_up();
                return lose(unit, why, Quality::COMM_FAILURE);
            }
            ScanEnd::Absent(why) => return lose(unit, why, Quality::COMM_FAILURE),
            ScanEnd::AllRefused(why) => return lose(unit, why, Quality::CONFIG_ERROR),
        }
    }
}

fn lose(unit: &mut Unit, why: String, quality: Quality) -> (DeviceState, Vec<Sample>) {
    unit.rest(quality);
    (DeviceState::Lost { why }, unit.all_bad(quality))
}
