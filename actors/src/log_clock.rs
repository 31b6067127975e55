//! The time that is written into the log: never goes back.
//!
//! Every decision takes `now` from the log, so a center clock that is set back must not make time stand still for hosts:
//! after a step back the log goes on at the old pace from where it was and then loses the lead at half the speed of time.
//! A step forward is followed at once. After a restart the log goes on from its last record.

use std::sync::Mutex;

use anlan_domain::time::UtcMillis;

use crate::directory::Clock;

struct Reading {
    wall: i64,
    lead: i64,
    told: i64,
}

/// A clock that never goes back, over the center's wall clock.
pub struct LogClock {
    wall: Clock,
    last: Mutex<Reading>,
}

impl LogClock {
    /// A log clock that goes on from `last`, the time of the newest record there is.
    #[must_use]
    pub fn new(wall: Clock, last: Option<UtcMillis>) -> Self {
        let now = wall().0;
        let last = last.map_or(now, |t| t.0);
        let lead = (last - now).max(0);
        Self { wall, last: Mutex::new(Reading { wall: now, lead, told: last }) }
    }

    /// Now, for the log.
    pub fn now(&self) -> UtcMillis {
        let wall = (self.wall)().0;
        let mut last = self.last.lock().expect("no code panics while it holds the clock");
        let passed = wall - last.wall;
        if passed < 0 {
            last.lead -= passed;
            metrics::counter!("anlan_center_clock_steps_back_total").increment(1);
        } else {
            last.lead -= last.lead.min(passed / 2);
        }
        last.wall = wall;
        last.told = last.told.max(wall + last.lead);
        UtcMillis(last.told)
    }

    /// How far the log is ahead of the center's wall clock, as of the last reading: zero but for a while after a step back.
    #[must_use]
    pub fn lead_ms(&self) -> i64 {
        self.last.lock().expect("no code panics while it holds the clock").lead
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn a_clock_set_back_neither_stops_nor_turns_the_log() {
        let wall = Arc::new(AtomicI64::new(1_000_000));
        let source = wall.clone();
        let clock = LogClock::new(Arc::new(move || UtcMillis(source.load(Ordering::SeqCst))), None);
        assert_eq!(clock.now().0, 1_000_000);
        wall.store(400_000, Ordering::SeqCst);
        assert_eq!(clock.now().0, 1_000_000);
        wall.store(401_000, Ordering::SeqCst);
        assert_eq!(clock.now().0, 1_000_500, "goes on, at half the speed");
        wall.store(2_000_000, Ordering::SeqCst);
        assert_eq!(clock.now().0, 2_000_000, "and is caught up with");
    }

    #[test]
    fn a_restart_goes_on_from_the_last_record() {
        let clock = LogClock::new(Arc::new(|| UtcMillis(5)), Some(UtcMillis(90)));
        assert_eq!(clock.now(), UtcMillis(90));
    }
}
