//! One unit id and a scan of it.
//!
//! A scan asks in this order: what is known to work; what was refused, halved until the illegal address stands alone; what
//! was met by silence before, because it may cost a time limit; and, when it is time, requests that were cut, in one piece
//! again. What comes back is kept in [`super::learned`]. Two answers concern the unit rather than an address: silence to
//! everything, and a refusal of everything, which is how a controller answers while its program is being loaded. Neither
//! teaches anything about addresses.

use std::sync::Arc;

use anlan_domain::quality::Quality;
use tokio::time::Instant;
use tokio_modbus::ExceptionCode;

use super::decode::decode;
use super::driver::ModbusDevice;
use super::learned::Learned;
use super::link::{Data, Link, NoAnswer};
use super::plan::{Block, Item, split};
use crate::backoff::Backoff;
use crate::driver::{DeviceState, Sample};

/// Extra requests that isolating illegal addresses may cost in one scan; the rest waits for the next scan, so that a device
/// with a wrong register map cannot hold its neighbours up.
const SPLITS_PER_SCAN: usize = 64;

/// How a scan ended.
pub(super) enum ScanEnd {
    /// The unit answered, be it with refusals or not to every request.
    Answered {
        samples: Vec<Sample>,
        /// A request was not answered, so that the link must be dropped.
        link_spent: bool,
    },
    /// The unit answers and refuses everything.
    AllRefused(String),
    /// It said nothing at all. The link must be dropped.
    Silent(String),
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
    /// The log says already that it does not answer.
    pub loss_told: bool,
    pub rests_until: Instant,
    /// Quality of the points while it rests.
    pub rests_with: Quality,
    failures: u32,
    learned: Learned,
}

/// What a request brought.
enum Heard {
    /// Values, or an exception that says nothing about the address.
    Accepted,
    /// The address or the length is not to the unit's liking.
    Refused(ExceptionCode),
}

/// Why a scan was cut short.
enum Cut {
    Silent(String),
    Broken(String),
    Absent(String),
}

/// One scan under way.
struct Pass {
    /// By the point's index; bad until read.
    samples: Vec<Sample>,
    /// Whether the unit answered anything, and whether it did so other than by refusing an address.
    heard: bool,
    accepted: bool,
    splits: usize,
    /// Whether a broken connection is the fault of the request, as it is when it breaks there again.
    blame_breaks: bool,
    link_spent: bool,
}

impl Unit {
    pub fn new(device: ModbusDevice, now: Instant) -> Self {
        let items: Vec<Item> = device
            .points
            .iter()
            .enumerate()
            .map(|(key, point)| Item { register: point.register, kind: point.data_type, key })
            .collect();
        let learned =
            Learned::new(&items, device.limits.clone(), device.unit_id, device.timeout, now);
        Self {
            device,
            due: now,
            state: DeviceState::Connecting,
            loss_told: false,
            rests_until: now,
            rests_with: Quality::COMM_FAILURE,
            failures: 0,
            learned,
        }
    }

    /// Counts a failure and lets the unit rest, with this quality of its points.
    pub fn rest(&mut self, quality: Quality) {
        self.failures = self.failures.saturating_add(1);
        self.rests_until =
            Instant::now() + Backoff::DEVICE.delay(self.failures, u64::from(self.device.unit_id));
        self.rests_with = quality;
    }

    /// It is well.
    pub fn answers(&mut self) {
        self.failures = 0;
    }

    /// The same reason for every point.
    pub fn all_bad(&self, quality: Quality) -> Vec<Sample> {
        let now = Instant::now();
        self.device.points.iter().map(|p| Sample::bad(p.no, quality, now)).collect()
    }

    /// Reads every point once. `blame_breaks`: the connection broke a moment ago already, under the same scan.
    pub async fn scan(&mut self, link: &mut Link, blame_breaks: bool) -> ScanEnd {
        let mut pass = Pass {
            samples: self.all_bad(Quality::COMM_FAILURE),
            heard: false,
            accepted: false,
            splits: 0,
            blame_breaks,
            link_spent: false,
        };
        for key in self.learned.not_asked() {
            pass.samples[key].quality = Quality::CONFIG_ERROR;
        }
        match self.read_all(link, &mut pass).await {
            Ok(None) => ScanEnd::Answered { samples: pass.samples, link_spent: pass.link_spent },
            Ok(Some(why)) => ScanEnd::AllRefused(why),
            Err(Cut::Absent(why)) => ScanEnd::Absent(why),
            Err(cut) if pass.blames(&cut) => {
                ScanEnd::Answered { samples: pass.samples, link_spent: true }
            }
            Err(Cut::Silent(why)) => ScanEnd::Silent(why),
            Err(Cut::Broken(why)) => ScanEnd::Broken(why),
        }
    }

    /// The reason where everything was refused.
    async fn read_all(&mut self, link: &mut Link, pass: &mut Pass) -> Result<Option<String>, Cut> {
        if self.failures > 0 {
            self.probe(link, pass).await?;
        }
        let refused = self.read_blocks(link, pass).await?;
        if let Some((block, exception)) = refused.first() {
            let why = format!(
                "unit {} answers but refuses every address, {block} with exception {}: its program is being loaded, or its \
                 registers are others than configured",
                self.device.unit_id,
                u8::from(*exception)
            );
            // Having refused everything a moment ago it is not taken apart again before something is accepted.
            if (self.failures > 0 && !pass.accepted) || !self.halve(link, pass, refused).await? {
                return Ok(Some(why));
            }
        } else {
            self.rejoin(link, pass).await;
        }
        if !pass.link_spent {
            self.read_excluded(link, pass).await?;
        }
        Ok(None)
    }

    /// Asks for one point, to see whether anybody is there.
    async fn probe(&mut self, link: &mut Link, pass: &mut Pass) -> Result<(), Cut> {
        let Some(block) = self.learned.probe() else { return Ok(()) };
        let heard = self.ask(link, &block, pass).await;
        if !matches!(heard, Ok(Heard::Accepted)) {
            self.learned.probe_in_vain();
        }
        heard.map(drop)
    }

    /// Asks for what is known to work; gives back what was refused.
    async fn read_blocks(
        &mut self,
        link: &mut Link,
        pass: &mut Pass,
    ) -> Result<Vec<(Arc<Block>, ExceptionCode)>, Cut> {
        let mut refused = Vec::new();
        for block in self.learned.blocks() {
            match self.ask(link, &block, pass).await {
                Ok(Heard::Accepted) => {}
                Ok(Heard::Refused(exception)) => refused.push((block, exception)),
                Err(cut) => return Err(self.cut(&block, cut, pass)),
            }
        }
        Ok(refused)
    }

    /// Takes refused requests apart until the illegal addresses stand alone. `false` where not one request was
    /// accepted: then nothing is learned.
    async fn halve(
        &mut self,
        link: &mut Link,
        pass: &mut Pass,
        refused: Vec<(Arc<Block>, ExceptionCode)>,
    ) -> Result<bool, Cut> {
        let mut lessons = Vec::new();
        for (whole, exception) in refused {
            let mut parts = Vec::new();
            let mut illegal = Vec::new();
            let mut open = vec![(Block::clone(&whole), exception)];
            while let Some((block, exception)) = open.pop() {
                let Some((low, high)) = split(&block) else {
                    illegal.push((block, exception));
                    continue;
                };
                if pass.splits >= SPLITS_PER_SCAN {
                    pass.mark(&block, Quality::WAITING);
                    parts.extend([low, high]);
                    continue;
                }
                pass.splits += 1;
                let mut halves = [high, low].into_iter();
                while let Some(half) = halves.next() {
                    match self.ask(link, &half, pass).await {
                        Ok(Heard::Accepted) => parts.push(half),
                        Ok(Heard::Refused(exception)) => open.push((half, exception)),
                        Err(cut) => {
                            if pass.blames(&cut) {
                                // Kept in pieces, or the next scan would come to the same silence.
                                let refused =
                                    open.into_iter().chain(illegal).map(|(block, _)| block);
                                parts.extend(refused.chain(halves).chain([half.clone()]));
                                self.learned.halved(&whole, parts, Vec::new(), Instant::now());
                            }
                            return Err(self.cut(&half, cut, pass));
                        }
                    }
                }
            }
            lessons.push((whole, parts, illegal));
        }
        if pass.accepted {
            let now = Instant::now();
            for (whole, parts, illegal) in lessons {
                self.learned.halved(&whole, parts, illegal, now);
            }
        }
        Ok(pass.accepted)
    }

    /// Asks again for what was refused or met by silence, as far as it is due.
    async fn read_excluded(&mut self, link: &mut Link, pass: &mut Pass) -> Result<(), Cut> {
        for block in self.learned.refused_due(Instant::now()) {
            self.ask_again(link, &block, pass).await?;
        }
        let suspects = self.learned.suspects_due(Instant::now());
        if !pass.heard {
            // Either nothing is left but suspects, or nothing was due: is anybody there?
            self.probe(link, pass).await?;
        }
        for block in suspects {
            self.ask_again(link, &block, pass).await?;
        }
        Ok(())
    }

    async fn ask_again(
        &mut self,
        link: &mut Link,
        block: &Arc<Block>,
        pass: &mut Pass,
    ) -> Result<(), Cut> {
        match self.ask(link, block, pass).await {
            Ok(Heard::Refused(_)) => self.learned.refused_again(block, Instant::now()),
            Ok(Heard::Accepted) => self.learned.trust(block, Instant::now()),
            Err(cut) => return Err(self.cut(block, cut, pass)),
        }
        Ok(())
    }

    /// Tries requests that were cut in one piece again. Whatever comes back costs no value: every point has been read.
    async fn rejoin(&mut self, link: &mut Link, pass: &mut Pass) {
        if !pass.accepted {
            return;
        }
        let mut open = self.learned.rejoin_due(Instant::now());
        if open.is_empty() {
            return;
        }
        open.reverse();
        let mut gained = false;
        while let Some(block) = open.pop() {
            if self.learned.has(&block) {
                continue;
            }
            match link.read(self.device.unit_id, &block, self.device.timeout).await {
                Ok(_) => {
                    self.learned.join(block);
                    gained = true;
                }
                Err(NoAnswer::Refused(exception)) if is_about_the_address(exception) => {
                    if pass.splits < SPLITS_PER_SCAN {
                        pass.splits += 1;
                        open.extend(split(&block).into_iter().flat_map(|(low, high)| [high, low]));
                    }
                }
                Err(NoAnswer::Refused(_)) => break,
                Err(NoAnswer::Silent(_) | NoAnswer::Broken(_)) => {
                    pass.link_spent = true;
                    break;
                }
            }
        }
        self.learned.rejoined(gained, Instant::now());
    }

    /// Learns from a request that was not answered.
    fn cut(&mut self, block: &Block, cut: Cut, pass: &Pass) -> Cut {
        if pass.blames(&cut) {
            self.learned.doubt(block, Instant::now());
        } else if matches!(cut, Cut::Silent(_)) {
            self.learned.ask_last(block);
        }
        cut
    }

    /// One request; what it brought goes into the samples.
    async fn ask(&self, link: &mut Link, block: &Block, pass: &mut Pass) -> Result<Heard, Cut> {
        let unit = self.device.unit_id;
        let answer = link.read(unit, block, self.device.timeout).await;
        let taken = Instant::now();
        let heard = match answer {
            Ok(data) => {
                for item in &block.items {
                    pass.samples[item.key] = self.sample(block, item, &data, taken);
                }
                Heard::Accepted
            }
            Err(NoAnswer::Refused(exception)) if is_about_the_address(exception) => {
                pass.mark(block, Quality::CONFIG_ERROR);
                Heard::Refused(exception)
            }
            Err(NoAnswer::Refused(
                ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice,
            )) => return Err(Cut::Absent(format!("the gateway finds no unit {unit}"))),
            Err(NoAnswer::Refused(exception)) => {
                pass.mark(block, quality_of(exception));
                Heard::Accepted
            }
            Err(NoAnswer::Silent(limit)) => {
                return Err(Cut::Silent(format!(
                    "unit {unit} did not answer a request for {block} within {limit:?}"
                )));
            }
            Err(NoAnswer::Broken(why)) => {
                return Err(Cut::Broken(format!(
                    "connection lost while reading {block} of unit {unit}: {why}"
                )));
            }
        };
        pass.heard = true;
        pass.accepted |= matches!(heard, Heard::Accepted);
        Ok(heard)
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

impl Pass {
    /// Whether the request that was cut is to blame, rather than the unit or the line.
    fn blames(&self, cut: &Cut) -> bool {
        match cut {
            Cut::Silent(_) => self.heard,
            Cut::Broken(_) => self.heard && self.blame_breaks,
            Cut::Absent(_) => false,
        }
    }

    fn mark(&mut self, block: &Block, quality: Quality) {
        let taken = Instant::now();
        for item in &block.items {
            let sample = &mut self.samples[item.key];
            *sample = Sample::bad(sample.point, quality, taken);
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
