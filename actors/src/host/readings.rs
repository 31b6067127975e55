//! The live lane: readings to sensors, in the order of the log. The hot path of the center.

use anlan_domain::log::GatewayNo;
use anlan_domain::quality::Quality;
use anlan_domain::sensor::Reading;
use anlan_domain::time::{LineMillis, UtcMillis};
use anlan_domain::uplink::{FLAG_GAP, Header, Lane};

use super::entry::{Effects, Readings, Run};
use super::state::{Gateway, State};
use super::{Evaluator, Host, Now};

/// Boots and lanes whose sequence a host remembers per gateway. The ingest filters duplicates exactly; this is a second
/// guard, and an older boot than these is let through.
const TAKEN_MAX: usize = 16;

/// What all readings of a run have in common.
#[derive(Clone, Copy)]
pub(super) struct Sampled {
    pub gateway: u16,
    pub at: LineMillis,
    pub wall: UtcMillis,
}

impl<E: Evaluator> Host<E> {
    pub(super) fn take_readings(
        &mut self,
        now: Now,
        readings: &Readings<'_>,
        effects: &mut Effects,
    ) {
        let Some(gateway) = self.state.gateway_index(readings.gateway) else {
            let lost: usize = readings.runs.iter().map(|run| run.len).sum();
            self.state.counters.misrouted_readings += lost as u64;
            return;
        };
        if !self.state.is_new(gateway, readings.header) {
            return;
        }
        match readings.header.lane {
            Lane::Live => {
                self.live_frame(now, gateway, readings.header, effects);
                let sealed = self.state.gateways[gateway].line.now(now.clock);
                for run in readings.runs {
                    self.take_run(now, gateway, sealed, readings.header.wall, run, effects);
                }
            }
            Lane::Backfill => self.take_backfill(now, gateway, readings, effects),
        }
    }

    /// What every frame of the live lane means, whatever it carries.
    pub(super) fn live_frame(
        &mut self,
        now: Now,
        gateway: usize,
        header: &Header,
        effects: &mut Effects,
    ) {
        let line = &mut self.state.gateways[gateway].line;
        let before = (header.flags & FLAG_GAP != 0).then(|| line.clone());
        line.advance(header, now.clock);
        self.proven_up(now, gateway, effects);
        if let Some(before) = before {
            self.begin_backfill(gateway, before);
            self.state.watch_anew(gateway, header.wall);
        }
    }

    fn take_run(
        &mut self,
        now: Now,
        gateway: usize,
        sealed: LineMillis,
        wall: UtcMillis,
        run: &Run<'_>,
        effects: &mut Effects,
    ) {
        let age = i64::from(run.group.age_ms);
        let sampled = Sampled {
            gateway: u16::try_from(gateway).expect("a host has few gateways"),
            at: sealed.plus(-age),
            wall: wall.plus(-age),
        };
        let room = self.state.cells.len().saturating_sub(run.slot as usize);
        let len = run.len.min(room).min(run.group.count.saturating_sub(run.start));
        self.state.counters.misrouted_readings += (run.len - len) as u64;
        self.state.counters.live_readings += len as u64;
        let mut done = 0;
        while done < len {
            if self.state.gateways[gateway].backfill.is_none() {
                done = self.calm_stretch(now, &sampled, run, done, len, &mut effects.changed);
            }
            if done < len {
                self.take_one(now, &sampled, run, done, effects);
                done += 1;
            }
        }
    }

    /// Takes readings in order up to the first that is not calm, and says how many of the run are done.
    #[inline]
    fn calm_stretch(
        &mut self,
        now: Now,
        sampled: &Sampled,
        run: &Run<'_>,
        from: usize,
        len: usize,
        changed: &mut Vec<u32>,
    ) -> usize {
        let all_good = run.group.all_good();
        let first = run.slot as usize;
        let State { cells, rules, .. } = &mut self.state;
        changed.reserve(len - from);
        for (i, cell) in (from..len).zip(&mut cells[first + from..first + len]) {
            let in_group = run.start + i;
            if cell.gateway != sampled.gateway
                || cell.fault.is_some()
                || !(all_good || run.group.quality(in_group) == Quality::GOOD)
            {
                return i;
            }
            let source = run.group.source_wall(in_group).map_or(sampled.wall, UtcMillis);
            let value = run.group.value(in_group);
            let rules = &rules[cell.rules as usize];
            if !self.evaluator.calm(&mut cell.sensor, rules, value, sampled.at, source) {
                return i;
            }
            cell.received = now.clock;
            #[allow(clippy::cast_possible_truncation)]
            changed.push(run.slot + i as u32);
        }
        len
    }

    /// Takes one reading, whatever it is.
    fn take_one(
        &mut self,
        now: Now,
        sampled: &Sampled,
        run: &Run<'_>,
        i: usize,
        effects: &mut Effects,
    ) {
        let slot = run.slot as usize + i;
        if self.state.cells[slot].gateway != sampled.gateway {
            self.state.counters.misrouted_readings += 1;
            return;
        }
        let in_group = run.start + i;
        let reading = Reading {
            value: run.group.value(in_group),
            quality: run.group.quality(in_group),
            at: sampled.at,
            source: run.group.source_wall(in_group).map_or(sampled.wall, UtcMillis),
        };
        effects.changed.push(u32::try_from(slot).expect("slots are 32 bits"));
        let gateway = usize::from(sampled.gateway);
        self.before_live(gateway, slot, &reading);
        self.take_reading(now, slot, reading, now.clock, effects);
        self.after_live(gateway, slot, &reading);
    }
}

impl State {
    pub(super) fn gateway_index(&self, no: GatewayNo) -> Option<usize> {
        self.gateways.iter().position(|gateway| gateway.no == no)
    }

    /// Whether a frame has not been taken before; takes note of it.
    pub(super) fn is_new(&mut self, gateway: usize, header: &Header) -> bool {
        let Gateway { taken, .. } = &mut self.gateways[gateway];
        match taken.iter_mut().find(|(boot, lane, _)| (*boot, *lane) == (header.boot, header.lane))
        {
            Some((_, _, last)) if header.seq <= *last => {
                self.counters.duplicate_frames += 1;
                return false;
            }
            Some((_, _, last)) => *last = header.seq,
            None => {
                if taken.len() == TAKEN_MAX {
                    taken.remove(0);
                }
                taken.push((header.boot, header.lane, header.seq));
            }
        }
        true
    }
}
