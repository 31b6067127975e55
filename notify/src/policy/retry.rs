//! When to try again after a failure.
//!
//! The wait doubles and is capped. It has no random part: tries of one message are already spread by the moment at which
//! each message came, and a time line that can be computed can be tested and shown to the person who waits.

use std::time::Duration;

use anlan_domain::time::UtcMillis;

use crate::channel::SendError;

/// How long to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait after the first failure; it doubles with each further one.
    pub first: Duration,
    /// Longest wait between two tries, also where the other side asks for a longer one: it may be wrong, or lie.
    pub longest: Duration,
    /// From the first try on, after which there is none.
    pub give_up_after: Duration,
    /// Whether a message that may already have arrived is tried again. An alarm that comes twice is better than one that
    /// never comes, so this is on unless a provider's price says otherwise.
    pub repeat_unknown: bool,
}

impl Default for RetryPolicy {
    /// 5 s, doubling to 5 min, for an hour: after that the ladder has long taken another rung.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            longest: Duration::from_secs(300),
            give_up_after: Duration::from_secs(3_600),
            repeat_unknown: true,
        }
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again then.
    TryAt {
        /// UTC ms.
        at: UtcMillis,
        /// Whether that try may bring the message a second time, to be counted.
        may_double: bool,
    },
    /// Leave it: another channel, person or rung is to be used, and the failure is shown.
    GiveUp,
}

impl RetryPolicy {
    /// Decides after try number `tries` (from 1) of a message whose first try was at `first_tried`.
    #[must_use]
    pub fn after(
        &self,
        error: &SendError,
        tries: u32,
        first_tried: UtcMillis,
        now: UtcMillis,
    ) -> Next {
        let (asked, may_double) = match error {
            SendError::Refused { .. } => return Next::GiveUp,
            SendError::Later { retry_after, .. } => (retry_after.unwrap_or_default(), false),
            SendError::Unknown { .. } if !self.repeat_unknown => return Next::GiveUp,
            SendError::Unknown { .. } => (Duration::ZERO, true),
        };
        let doublings = tries.saturating_sub(1).min(31);
        let wait = self.first.saturating_mul(1 << doublings).max(asked).min(self.longest);
        let at = now.plus(millis(wait));
        if at.since(first_tried) > millis(self.give_up_after) {
            return Next::GiveUp;
        }
        Next::TryAt { at, may_double }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::channel::Refusal;

    const POLICY: RetryPolicy = RetryPolicy {
        first: Duration::from_secs(5),
        longest: Duration::from_secs(60),
        give_up_after: Duration::from_secs(600),
        repeat_unknown: true,
    };

    fn later(seconds: Option<u64>) -> SendError {
        SendError::Later { what: String::new(), retry_after: seconds.map(Duration::from_secs) }
    }

    fn wait(error: &SendError, tries: u32) -> Next {
        POLICY.after(error, tries, UtcMillis(0), UtcMillis(1_000))
    }

    #[test]
    fn the_wait_doubles_and_is_capped() {
        for (tries, seconds) in
            [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (u32::MAX, 60)]
        {
            assert_eq!(
                wait(&later(None), tries),
                Next::TryAt { at: UtcMillis(1_000 + seconds * 1_000), may_double: false },
                "after try {tries}"
            );
        }
    }

    #[test]
    fn a_wait_that_the_other_side_asks_for_is_kept_within_reason() {
        for (asked, seconds) in [(1, 5), (30, 30), (86_400, 60)] {
            let next = wait(&later(Some(asked)), 1);
            assert_eq!(
                next,
                Next::TryAt { at: UtcMillis(1_000 + seconds * 1_000), may_double: false }
            );
        }
    }

    #[test]
    fn refused_is_never_tried_again_and_unknown_is_counted_as_a_possible_double() {
        assert_eq!(wait(&SendError::refused(Refusal::Recipient, "no such user"), 1), Next::GiveUp);
        let unknown = SendError::unknown("the answer was lost");
        assert_eq!(wait(&unknown, 1), Next::TryAt { at: UtcMillis(6_000), may_double: true });
        let dear = RetryPolicy { repeat_unknown: false, ..POLICY };
        assert_eq!(dear.after(&unknown, 1, UtcMillis(0), UtcMillis(0)), Next::GiveUp);
    }

    proptest! {
        #[test]
        fn it_always_ends_and_waits_always(first_s in 1_u64..100, longest_s in 1_u64..1_000, end_s in 0_u64..10_000) {
            let policy = RetryPolicy {
                first: Duration::from_secs(first_s),
                longest: Duration::from_secs(longest_s),
                give_up_after: Duration::from_secs(end_s),
                repeat_unknown: true,
            };
            let mut now = UtcMillis(0);
            let mut tries = 0;
            loop {
                tries += 1;
                match policy.after(&later(None), tries, UtcMillis(0), now) {
                    Next::GiveUp => break,
                    Next::TryAt { at, .. } => {
                        prop_assert!(at > now && at.since(now) <= millis(policy.longest));
                        now = at;
                    }
                }
                prop_assert!(tries < 20_000);
            }
            prop_assert!(now.0 <= millis(policy.give_up_after));
        }
    }
}
