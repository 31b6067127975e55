//! The gateway's two clocks and the epochs of the wall clock.
//!
//! Delays and rates count on the monotonic clock; the wall clock says what o'clock people believe it was, and can be wrong.
//! When it steps against the monotonic clock by more than [`STEP_MS`], a new epoch begins: times of one epoch may be
//! compared with each other, times of two may not. Slow correction by NTP never comes near a step.
//!
//! The offset lets tests and the simulator give a gateway a wrong or stepping clock without touching the machine's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use anlan_domain::time::{MonoMillis, UtcMillis};
use tokio::time::Instant;

/// A wall clock that moved by more than this against the monotonic one between two looks has been set.
pub const STEP_MS: i64 = 1_000;

/// One look at both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Wall clock.
    pub wall: UtcMillis,
    /// Monotonic clock since this process began to count.
    pub mono: MonoMillis,
    /// Epoch of the wall clock, from 0.
    pub epoch: u32,
}

/// The clocks of one gateway process.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    offset_ms: Arc<AtomicI64>,
    epochs: Epochs,
}

impl Clock {
    /// The machine's clocks; `offset_ms` is added to the wall clock and may be changed at any time.
    #[must_use]
    pub fn new(offset_ms: Arc<AtomicI64>) -> Self {
        Self { origin: Instant::now(), offset_ms, epochs: Epochs::default() }
    }

    /// Milliseconds of the wall clock.
    #[must_use]
    pub fn wall(&self) -> UtcMillis {
        let since_1970 = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        UtcMillis(since_1970).plus(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Looks at both clocks; a step found now begins a new epoch.
    pub fn look(&mut self) -> Stamp {
        let wall = self.wall();
        let mono = self.mono_of(Instant::now());
        Stamp { wall, mono, epoch: self.epochs.after(wall, mono) }
    }

    /// An instant on this gateway's monotonic scale.
    #[must_use]
    pub fn mono_of(&self, instant: Instant) -> MonoMillis {
        let ms = instant.saturating_duration_since(self.origin).as_millis();
        MonoMillis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

/// Counts the steps of a wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    epoch: u32,
    last: Option<(UtcMillis, MonoMillis)>,
}

impl Epochs {
    /// The epoch that a look at both clocks belongs to.
    pub fn after(&mut self, wall: UtcMillis, mono: MonoMillis) -> u32 {
        if let Some((last_wall, last_mono)) = self.last {
            let by_mono = i64::try_from(mono.since(last_mono)).unwrap_or(i64::MAX);
            let moved = wall.since(last_wall).saturating_sub(by_mono);
            if moved.saturating_abs() > STEP_MS {
                self.epoch = self.epoch.wrapping_add(1);
            }
        }
        self.last = Some((wall, mono));
        self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_wall_clock_begins_an_epoch_and_a_drift_does_not() {
        let mut epochs = Epochs::default();
        for (wall, mono, epoch) in [
            (1_000_000, 0, 0),
            (1_001_000, 1_000, 0),
            (1_002_900, 2_000, 0),
            (1_003_900, 3_000, 0),
            (4_604_900, 4_000, 1),
            (4_605_900, 5_000, 1),
            (4_606_900, 60_000, 2),
            (1_006_900, 61_000, 3),
        ] {
            assert_eq!(epochs.after(UtcMillis(wall), MonoMillis(mono)), epoch, "{wall} {mono}");
        }
    }

    #[test]
    fn the_offset_moves_the_wall_clock_alone() {
        let offset = Arc::new(AtomicI64::new(0));
        let mut clock = Clock::new(Arc::clone(&offset));
        let before = clock.look();
        offset.store(3_600_000, Ordering::Relaxed);
        let after = clock.look();
        assert!(after.wall.since(before.wall) >= 3_600_000);
        assert!(after.mono.since(before.mono) < 60_000);
        assert_eq!((before.epoch, after.epoch), (0, 1));
    }
}
