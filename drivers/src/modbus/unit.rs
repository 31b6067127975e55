//! One unit id: its plan of requests, what it has refused so far, and a scan of it.
//!
//! What a device refuses is learned and kept: a block that was refused is halved until the illegal address stands alone,
//! the halves that work stay as they are, and the address that does not is asked for again only once a minute, so that a
//! corrected device configuration is noticed without a restart.

use std::time::Duration;

use anlan_domain::quality::Quality;
use tokio::time::Instant;
use tokio_modbus::ExceptionCode;

use super::decode::decode;
use super::driver::ModbusDevice;
use super::link::{Data, Link, NoAnswer};
use super::plan::{Block, Item, plan, split};
use crate::backoff::Backoff;
use crate::driver::{DeviceState, Sample};

/// An address that was refused is tried again after this long.
const REFUSED_RETRY: Duration = Duration::from_secs(60);
/// Extra requests that isolating illegal addresses may cost in one scan; the rest waits for the next scan, so that a device
/// with a wrong register map cannot hold its neighbours up.
const SPLITS_PER_SCAN: usize = 64;

/// How a scan ended.
pub(super) enum ScanEnd {
    /// The unit answered every request, be it with refusals.
    Answered(Vec<Sample>),
    /// It went silent; the samples are what there is.
    Silent { why: String, samples: Vec<Sample> },
    /// The connection broke.
    Broken(String),
    /// A gateway on the way says that the unit is not there.
    Absent(String),
}

/// A unit and everything learned about it.
pub(super) struct Unit {
    pub device: ModbusDevice,
    pub due: Instant,
    pub state: DeviceState,
    pub failures: u32,
    pub rests_until: Instant,
    blocks: Vec<Block>,
    /// Points outside the plan: forbidden, beyond the table, or refused one by one (these have a time of retry).
    excluded: Vec<(usize, Option<(Block, Instant)>)>,
}

impl Unit {
    pub fn new(device: ModbusDevice, now: Instant) -> Self {
        let items: Vec<Item> = device
            .points
            .iter()
            .enumerate()
            .map(|(key, point)| Item { register: point.register, kind: point.data_type, key })
            .collect();
        let plan = plan(&items, &device.limits);
        let excluded = plan.impossible.into_iter().map(|key| (key, None)).collect();
        let state = DeviceState::Connecting;
        Self {
            device,
            due: now,
            state,
            failures: 0,
            rests_until: now,
            blocks: plan.blocks,
            excluded,
        }
    }

    /// Counts a failure and lets the unit rest.
    pub fn rest(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.rests_until =
            Instant::now() + Backoff::DEVICE.delay(self.failures, u64::from(self.device.unit_id));
    }

    /// The same reason for every point.
    pub fn all_bad(&self, quality: Quality) -> Vec<Sample> {
        let now = Instant::now();
        self.device.points.iter().map(|p| Sample::bad(p.no, quality, now)).collect()
    }

    /// Reads every point once.
    pub async fn scan(&mut self, link: &mut Link) -> ScanEnd {
        let now = Instant::now();
        let mut open = std::mem::take(&mut self.blocks);
        self.excluded.retain_mut(|(_, retry)| match retry.take_if(|(_, at)| *at <= now) {
            Some((block, _)) => {
                open.push(block);
                false
            }
            None => true,
        });
        open.reverse();
        let mut samples = Vec::with_capacity(self.device.points.len());
        samples.extend(
            self.excluded.iter().map(|&(key, _)| {
                Sample::bad(self.device.points[key].no, Quality::CONFIG_ERROR, now)
            }),
        );
        let mut splits = 0;
        while let Some(block) = open.pop() {
            let answer = link.read(self.device.unit_id, &block, self.device.timeout).await;
            let taken = Instant::now();
            match answer {
                Ok(data) => samples
                    .extend(block.items.iter().map(|item| self.sample(&block, item, &data, taken))),
                Err(NoAnswer::Refused(exception)) if is_about_the_address(exception) => {
                    match split(&block) {
                        Some((low, high)) if splits < SPLITS_PER_SCAN => {
                            splits += 1;
                            open.extend([high, low]);
                        }
                        Some((low, high)) => {
                            samples.extend(self.bad(&block, Quality::WAITING, taken));
                            self.blocks.extend([low, high]);
                        }
                        None => {
                            samples.extend(self.bad(&block, Quality::CONFIG_ERROR, taken));
                            self.exclude(block, exception, taken);
                        }
                    }
                    continue;
                }
                Err(NoAnswer::Refused(
                    ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice,
                )) => {
                    self.put_back(block, open);
                    return ScanEnd::Absent(format!(
                        "the gateway finds no unit {}",
                        self.device.unit_id
                    ));
                }
                Err(NoAnswer::Refused(exception)) => {
                    samples.extend(self.bad(&block, quality_of(exception), taken));
                }
                Err(NoAnswer::Silent(limit)) => {
                    let why =
                        format!("unit {} did not answer within {limit:?}", self.device.unit_id);
                    for unread in std::iter::once(&block).chain(&open) {
                        samples.extend(self.bad(unread, Quality::COMM_FAILURE, taken));
                    }
                    self.put_back(block, open);
                    return ScanEnd::Silent { why, samples };
                }
                Err(NoAnswer::Broken(why)) => {
                    self.put_back(block, open);
                    return ScanEnd::Broken(format!(
                        "connection lost while reading unit {}: {why}",
                        self.device.unit_id
                    ));
                }
            }
            self.blocks.push(block);
        }
        ScanEnd::Answered(samples)
    }

    /// The blocks of a scan that was cut short stay in the plan.
    fn put_back(&mut self, block: Block, mut open: Vec<Block>) {
        open.push(block);
        self.blocks.extend(open.into_iter().rev());
    }

    fn exclude(&mut self, block: Block, exception: ExceptionCode, now: Instant) {
        tracing::warn!(
            driver.name = "modbus-tcp", unit = self.device.unit_id, register = %block.items[0].register,
            "the device refuses this address with exception {}; it is asked again every {REFUSED_RETRY:?}", u8::from(exception)
        );
        for item in &block.items {
            let alone = Block { items: vec![*item], ..block.clone() };
            self.excluded.push((item.key, Some((alone, now + REFUSED_RETRY))));
        }
    }

    fn bad<'a>(
        &'a self,
        block: &'a Block,
        quality: Quality,
        taken: Instant,
    ) -> impl Iterator<Item = Sample> + 'a {
        block
            .items
            .iter()
            .map(move |item| Sample::bad(self.device.points[item.key].no, quality, taken))
    }

    fn sample(&self, block: &Block, item: &Item, data: &Data, taken: Instant) -> Sample {
        let point = &self.device.points[item.key];
        let at = usize::from(item.register.address - block.first);
        let value = match data {
            Data::Bits(bits) => bits.get(at).map(|&bit| f64::from(u8::from(bit))),
            Data::Words(words) => {
                words.get(at..).and_then(|w| decode(w, point.data_type, point.byte_order))
            }
        };
        match value {
            // A float register that holds no number is how some devices say that a sensor is gone.
            Some(value) if value.is_nan() => Sample::bad(point.no, Quality::SENSOR_FAILURE, taken),
            Some(value) => {
                Sample { point: point.no, value, quality: Quality::GOOD, source_time: None, taken }
            }
            None => Sample::bad(point.no, Quality::COMM_FAILURE, taken),
        }
    }
}

/// Exceptions that may concern one address or the length of the request, so that asking for less may help. Devices answer
/// a request that is too long with either (V1.1b3 clause 7).
fn is_about_the_address(exception: ExceptionCode) -> bool {
    matches!(exception, ExceptionCode::IllegalDataAddress | ExceptionCode::IllegalDataValue)
}

/// Quality of points whose whole request was refused (exception codes: V1.1b3 clause 7).
fn quality_of(exception: ExceptionCode) -> Quality {
    match exception {
        ExceptionCode::IllegalFunction => Quality::CONFIG_ERROR,
        ExceptionCode::ServerDeviceFailure | ExceptionCode::MemoryParityError => {
            Quality::DEVICE_FAILURE
        }
        _ => Quality::COMM_FAILURE,
    }
}
