//! What has been learned of one unit: which requests it answers, which it leaves unanswered, which addresses it refuses.
//!
//! Nothing here is for ever. An address that was refused or left unanswered alone is excluded and asked for again, and when
//! it answers, the requests around it are joined again. A request that was met by silence while the unit answers others is a
//! *suspect*: it is asked last, and when it is silent again, halved like one that was refused, the halves being asked so
//! seldom that they cost the neighbours on the line little. Silence of the whole unit teaches nothing.
//!
//! Pure but for the log: the scan in [`super::unit`] asks and tells what came back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_modbus::ExceptionCode;

use super::plan::{Block, Item, Limits, alone, plan, split};
use super::register::RegisterRange;
use crate::backoff::Backoff;

/// A refused address is asked for again: soon, since a program that is being loaded refuses everything for seconds, and then
/// once a minute, so that a corrected device is noticed without a restart.
const REFUSED: Backoff = Backoff { start: Duration::from_secs(1), cap: Duration::from_secs(60) };
/// An address that is left unanswered costs its line a time limit at every try.
const UNANSWERED_RETRY: Duration = Duration::from_secs(60);
/// Suspects rest for as many time limits after each silence, so that they cost the line a fifth of its time at most.
const SUSPECTS_REST: u32 = 4;
/// Refused addresses that are asked for again in one scan, so that a wrong register map does not hold the neighbours up.
const REFUSED_PER_SCAN: usize = 16;
/// Requests that were cut are tried in one piece again: a device that only takes short ones says no to that every hour.
const REJOIN: Backoff =
    Backoff { start: Duration::from_secs(60), cap: Duration::from_secs(60 * 60) };

/// A request that was met by silence while others were answered.
struct Suspect {
    block: Arc<Block>,
    /// Once only, which may be noise on the line: asked again in the next scan.
    fresh: bool,
}

/// Points of one address that is not asked for now.
struct Excluded {
    block: Arc<Block>,
    /// How often it was refused in a row; zero where it is left unanswered.
    refusals: u32,
    again_at: Instant,
}

/// The plan of a unit and how it came to differ from the one that the configuration asks for.
pub(super) struct Learned {
    limits: Limits,
    unit_id: u8,
    timeout: Duration,
    blocks: Vec<Arc<Block>>,
    suspects: Vec<Suspect>,
    suspects_rest_until: Instant,
    excluded: Vec<Excluded>,
    /// Forbidden, or beyond the table.
    impossible: Vec<usize>,
    probe: usize,
    rejoin_at: Option<Instant>,
    rejoins_in_vain: u32,
}

impl Learned {
    pub fn new(
        items: &[Item],
        limits: Limits,
        unit_id: u8,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        let plan = plan(items, &limits);
        Self {
            limits,
            unit_id,
            timeout,
            blocks: plan.blocks.into_iter().map(Arc::new).collect(),
            suspects: Vec::new(),
            suspects_rest_until: now,
            excluded: Vec::new(),
            impossible: plan.impossible,
            probe: 0,
            rejoin_at: None,
            rejoins_in_vain: 0,
        }
    }

    /// The requests of every scan.
    pub fn blocks(&self) -> Vec<Arc<Block>> {
        self.blocks.clone()
    }

    /// Refused addresses whose time has come.
    pub fn refused_due(&self, now: Instant) -> Vec<Arc<Block>> {
        let due = self.excluded.iter().filter(|e| e.refusals > 0 && e.again_at <= now);
        due.take(REFUSED_PER_SCAN).map(|e| Arc::clone(&e.block)).collect()
    }

    /// What may cost a time limit and is due all the same: to be asked after everything else.
    pub fn suspects_due(&self, now: Instant) -> Vec<Arc<Block>> {
        let rested = self.suspects_rest_until <= now;
        let suspects = self.suspects.iter().filter(|s| s.fresh || rested).map(|s| &s.block);
        let unanswered = self.excluded.iter().filter(|e| e.refusals == 0 && e.again_at <= now);
        let unanswered = unanswered.filter(|_| rested).map(|e| &e.block);
        suspects.chain(unanswered).cloned().collect()
    }

    /// Keys of points that are not asked for.
    pub fn not_asked(&self) -> impl Iterator<Item = usize> + '_ {
        let excluded = self.excluded.iter().flat_map(|e| e.block.items.iter().map(|i| i.key));
        excluded.chain(self.impossible.iter().copied())
    }

    /// A single point, to find out whether anybody is there: a request may be met by silence for one address in it.
    pub fn probe(&self) -> Option<Block> {
        let blocks = || {
            let suspects = self.suspects.iter().map(|s| &s.block);
            self.blocks.iter().chain(suspects).chain(self.excluded.iter().map(|e| &e.block))
        };
        // The first point of each request, then the second, and so on: the likeliest to differ come first.
        let longest = blocks().map(|b| b.items.len()).max()?;
        let count: usize = blocks().map(|b| b.items.len()).sum();
        (0..longest)
            .flat_map(|nth| blocks().filter_map(move |b| b.items.get(nth)))
            .nth(self.probe % count.max(1))
            .map(|item| alone(*item))
    }

    /// The probe brought no value: another address next time.
    pub fn probe_in_vain(&mut self) {
        self.probe = self.probe.wrapping_add(1);
    }

    /// The unit said nothing at all: next time another request begins.
    pub fn ask_last(&mut self, block: &Block) {
        if let Some(at) = self.blocks.iter().position(|b| **b == *block) {
            let block = self.blocks.remove(at);
            self.blocks.push(block);
        }
    }

    /// `block` was met by silence while the unit answered other requests.
    pub fn doubt(&mut self, block: &Block, now: Instant) {
        if let Some(at) = self.blocks.iter().position(|b| **b == *block) {
            let block = self.blocks.remove(at);
            self.suspects.push(Suspect { block, fresh: true });
            return;
        }
        self.suspects_rest_until = now + self.timeout * SUSPECTS_REST;
        if let Some(known) = self.excluded.iter_mut().find(|e| *e.block == *block) {
            known.refusals = 0;
            known.again_at = now + UNANSWERED_RETRY;
        } else if let Some(at) = self.suspects.iter().position(|s| *s.block == *block) {
            let suspect = self.suspects.remove(at);
            self.halve_suspect(suspect.block, now);
        }
    }

    fn halve_suspect(&mut self, block: Arc<Block>, now: Instant) {
        match split(&block) {
            Some((low, high)) => {
                tracing::info!(
                    driver.name = "modbus-tcp", unit = self.unit_id, registers = %block,
                    "the device leaves this request unanswered and answers others; it is halved to find the address"
                );
                let halves = [low, high].map(Arc::new);
                self.suspects.extend(halves.map(|block| Suspect { block, fresh: false }));
                self.rejoin_later(now);
            }
            None => {
                tracing::warn!(
                    driver.name = "modbus-tcp", unit = self.unit_id, register = %block,
                    "the device leaves this address unanswered and answers others; it is asked again every {UNANSWERED_RETRY:?}"
                );
                self.excluded.push(Excluded {
                    block,
                    refusals: 0,
                    again_at: now + UNANSWERED_RETRY,
                });
            }
        }
    }

    /// A suspect or an excluded address answered: back into the plan.
    pub fn trust(&mut self, block: &Arc<Block>, now: Instant) {
        let known = self.suspects.len() + self.excluded.len();
        self.suspects.retain(|s| s.block != *block);
        self.excluded.retain(|e| e.block != *block);
        if self.suspects.len() + self.excluded.len() < known {
            self.blocks.push(Arc::clone(block));
            self.rejoin_at = Some(now);
            self.rejoins_in_vain = 0;
        }
    }

    /// `block` was asked for again and refused: for longer where its address is excluded, and where it is a suspect that now
    /// speaks, back into the plan, to be taken apart.
    pub fn refused_again(&mut self, block: &Arc<Block>, now: Instant) {
        if let Some(known) = self.excluded.iter_mut().find(|e| e.block == *block) {
            known.refusals = known.refusals.saturating_add(1);
            known.again_at = now + REFUSED.delay(known.refusals, 0);
        } else {
            self.trust(block, now);
        }
    }

    /// `whole` was refused; `parts` is what halving left of it, and `illegal` the addresses that stand alone.
    pub fn halved(
        &mut self,
        whole: &Block,
        parts: Vec<Block>,
        illegal: Vec<(Block, ExceptionCode)>,
        now: Instant,
    ) {
        self.blocks.retain(|b| **b != *whole);
        self.blocks.extend(parts.into_iter().map(Arc::new));
        self.rejoin_later(now);
        for (block, exception) in illegal {
            tracing::warn!(
                driver.name = "modbus-tcp", unit = self.unit_id, register = %block,
                "the device refuses this address with exception {}; it is asked again after {:?}, and ever more rarely", u8::from(exception), REFUSED.start
            );
            let again_at = now + REFUSED.delay(1, 0);
            self.excluded.push(Excluded { block: Arc::new(block), refusals: 1, again_at });
        }
    }

    fn rejoin_later(&mut self, now: Instant) {
        self.rejoin_at.get_or_insert(now + REJOIN.delay(self.rejoins_in_vain + 1, 0));
    }

    /// The requests that would be sent had nothing been cut, where it is time to try them and they differ.
    pub fn rejoin_due(&mut self, now: Instant) -> Vec<Block> {
        if self.rejoin_at.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let items: Vec<Item> = self.blocks.iter().flat_map(|b| b.items.iter().copied()).collect();
        let mut limits = self.limits.clone();
        let avoided = self.suspects.iter().map(|s| &s.block);
        let avoided = avoided.chain(self.excluded.iter().map(|e| &e.block));
        limits.forbidden.extend(avoided.flat_map(|block| block.items.iter()).map(|item| {
            let Block { kind, first, count, .. } = alone(*item);
            RegisterRange { kind, first, last: first + (count - 1) }
        }));
        let mut wanted = plan(&items, &limits).blocks;
        wanted.retain(|block| !self.has(block));
        if wanted.is_empty() {
            self.rejoin_at = None;
            self.rejoins_in_vain = 0;
        } else {
            // A try may end early, so the next begins elsewhere.
            let first = self.rejoins_in_vain as usize % wanted.len();
            wanted.rotate_left(first);
        }
        wanted
    }

    pub fn has(&self, block: &Block) -> bool {
        self.blocks.iter().any(|b| **b == *block)
    }

    /// `block` was answered in one piece.
    pub fn join(&mut self, block: Block) {
        let inside = |item: &Item| block.items.iter().any(|i| i.key == item.key);
        let mut kept = Vec::with_capacity(self.blocks.len());
        for old in self.blocks.drain(..) {
            if !old.items.iter().any(inside) {
                kept.push(old);
                continue;
            }
            let mut rest = Block::clone(&old);
            rest.items.retain(|item| !inside(item));
            // Part of a request that was answered: asked for with the same registers.
            if !rest.items.is_empty() {
                kept.push(Arc::new(rest));
            }
        }
        self.blocks = kept;
        self.blocks.push(Arc::new(block));
    }

    /// A try to join is over.
    pub fn rejoined(&mut self, gained: bool, now: Instant) {
        self.rejoins_in_vain = if gained { 0 } else { self.rejoins_in_vain.saturating_add(1) };
        self.rejoin_at = Some(now + REJOIN.delay(self.rejoins_in_vain + 1, 0));
    }
}
