//! What has been sent in this session and not yet acknowledged, and whether more may follow.

use std::collections::BTreeMap;

use anlan_domain::uplink::{Acks, Boot, Lane};

/// Back-fill frames under way at most: enough to keep a link with some latency busy.
const BACKFILL_FRAMES_MAX: usize = 16;
/// Back-fill bytes under way at most: what a live frame may find before it on the wire.
const BACKFILL_BYTES_MAX: u64 = 128 * 1024;

/// Frames under way.
#[derive(Debug)]
pub(super) struct InFlight {
    window: usize,
    frames: BTreeMap<(Lane, Boot, u64), u32>,
    backfill: usize,
    backfill_bytes: u64,
}

impl InFlight {
    /// Nothing is under way; the center allows `window` frames.
    pub fn new(window: u32) -> Self {
        let window = usize::try_from(window.max(1)).unwrap_or(usize::MAX);
        Self { window, frames: BTreeMap::new(), backfill: 0, backfill_bytes: 0 }
    }

    pub fn sent(&mut self, lane: Lane, boot: Boot, seq: u64, len: u32) {
        if self.frames.insert((lane, boot, seq), len).is_none() && lane == Lane::Backfill {
            self.backfill += 1;
            self.backfill_bytes += u64::from(len);
        }
    }

    pub fn acknowledged(&mut self, acks: &Acks) {
        for (boot, lane, ranges) in &acks.ranges {
            for &(from, to) in ranges {
                if from > to {
                    continue;
                }
                let done: Vec<_> = self
                    .frames
                    .range((*lane, *boot, from)..=(*lane, *boot, to))
                    .map(|(&key, _)| key)
                    .collect();
                for key in done {
                    let len = self.frames.remove(&key).expect("just found");
                    if *lane == Lane::Backfill {
                        self.backfill -= 1;
                        self.backfill_bytes -= u64::from(len);
                    }
                }
            }
        }
    }

    /// Whether a live frame may be sent.
    pub fn has_room(&self) -> bool {
        self.frames.len() < self.window
    }

    /// Whether a back-fill frame may be sent: never into the half of the window that live frames need.
    pub fn has_room_for_backfill(&self) -> bool {
        self.frames.len() < self.window.div_ceil(2)
            && self.backfill < BACKFILL_FRAMES_MAX
            && self.backfill_bytes < BACKFILL_BYTES_MAX
    }

    pub fn live(&self) -> usize {
        self.frames.len() - self.backfill
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: Boot = Boot([1; 16]);

    #[test]
    fn backfill_leaves_half_of_the_window_to_live_frames() {
        let mut in_flight = InFlight::new(4);
        in_flight.sent(Lane::Backfill, B, 1, 100);
        assert!(in_flight.has_room_for_backfill());
        in_flight.sent(Lane::Backfill, B, 2, 100);
        assert!(!in_flight.has_room_for_backfill() && in_flight.has_room());
        in_flight.sent(Lane::Live, B, 1, 100);
        in_flight.sent(Lane::Live, B, 2, 100);
        assert!(!in_flight.has_room());
        in_flight.acknowledged(&Acks {
            ranges: vec![(B, Lane::Backfill, vec![(1, 9)]), (B, Lane::Live, vec![(2, 2)])],
        });
        assert_eq!((in_flight.live(), in_flight.backfill, in_flight.backfill_bytes), (1, 0, 0));
        // Acknowledgements of what was never sent, backwards ranges and repetitions change nothing.
        in_flight
            .acknowledged(&Acks { ranges: vec![(B, Lane::Live, vec![(7, 3), (50, 60), (2, 2)])] });
        assert_eq!(in_flight.live(), 1);
    }

    #[test]
    fn backfill_under_way_is_bounded_in_bytes() {
        let mut in_flight = InFlight::new(1_000);
        in_flight.sent(Lane::Backfill, B, 1, 128 * 1024);
        assert!(!in_flight.has_room_for_backfill() && in_flight.has_room());
    }
}
