//! How long a crashed child waits before its supervisor starts it again: a pure function of failures in a row.
//!
//! The first failure costs the least delay, each further one doubles it up to a cap, and a child that has lived a while
//! starts its count anew. The same rule serves ractor actors (counted in real time) and hosted sensors (counted in the
//! times of the log, so that a replay restarts them at the same entries). It leaves out giving up: a child that keeps
//! failing is shown as faulty where people look, and tried again at the capped pace.

use serde::{Deserialize, Serialize};

/// The three numbers of a restart policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Delay after the first failure in a row.
    pub first_ms: u64,
    /// No delay is longer.
    pub most_ms: u64,
    /// A child that has lived this long since its last failure starts its count anew.
    pub healthy_after_ms: u64,
}

impl Default for RestartPolicy {
    /// A proposal: 100 ms doubling to 30 s, forgotten after a minute of health.
    fn default() -> Self {
        Self { first_ms: 100, most_ms: 30_000, healthy_after_ms: 60_000 }
    }
}

impl RestartPolicy {
    /// How long to wait after `failures` failures in a row; none after none.
    #[must_use]
    pub fn delay_ms(&self, failures: u32) -> u64 {
        let Some(doublings) = failures.checked_sub(1) else { return 0 };
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.first_ms.saturating_mul(factor).min(self.most_ms)
    }

    /// Failures in a row, counting one that happens `lived_ms` after the one before.
    #[must_use]
    pub fn failures_after(&self, failures: u32, lived_ms: u64) -> u32 {
        if lived_ms >= self.healthy_after_ms { 1 } else { failures.saturating_add(1) }
    }

    /// Whether a child that has lived `lived_ms` since its last failure counts as healthy again.
    #[must_use]
    pub fn is_healthy(&self, lived_ms: u64) -> bool {
        lived_ms >= self.healthy_after_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_the_cap_and_never_overflow() {
        let policy = RestartPolicy { first_ms: 100, most_ms: 1_000, healthy_after_ms: 60_000 };
        for (failures, delay) in [
            (0, 0),
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1_000),
            (64, 1_000),
            (u32::MAX, 1_000),
        ] {
            assert_eq!(policy.delay_ms(failures), delay, "{failures}");
        }
    }

    #[test]
    fn a_child_that_has_lived_a_while_starts_its_count_anew() {
        let policy = RestartPolicy::default();
        assert_eq!(policy.failures_after(7, 59_999), 8);
        assert_eq!(policy.failures_after(7, 60_000), 1);
        assert_eq!(policy.failures_after(u32::MAX, 0), u32::MAX);
        assert!(policy.is_healthy(60_000) && !policy.is_healthy(59_999));
    }
}
