//! Whether a channel works, judged from what became of the messages that it was given.
//!
//! Only what the channel answers for counts: an address that does not exist says nothing about the mail server that knows
//! so. One failure is weather, so states change on several; one that every message would meet (a wrong password, an account
//! without money) needs fewer. Silence is no failure either: a channel that nobody used has its last success beside it, and
//! the reader may judge. The state is small, belongs to one channel and is kept by the caller.

use std::time::Duration;

use anlan_domain::time::UtcMillis;
use serde::{Deserialize, Serialize};

use crate::channel::SendError;

/// How many of the latest tries are looked back on.
const LOOK_BACK: u32 = 10;

/// When a channel counts as degraded, failed and working again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthPolicy {
    /// Failed tries among the latest ten from which on it is degraded; at least 1.
    pub degraded_failures: u32,
    /// How long it may go without a success, from the first failure of an unbroken run, before a further failure makes it
    /// failed.
    pub failed_after: Duration,
    /// Refusals in a row that every message would meet, after which it is failed at once; at least 1.
    pub failed_refusals: u32,
    /// Successes in a row that make it work again; at least 1.
    pub recovered_successes: u32,
}

impl Default for HealthPolicy {
    /// Degraded at three failures of ten, failed after ten minutes without a success or the second refusal, working again at
    /// the second success.
    fn default() -> Self {
        Self {
            degraded_failures: 3,
            failed_after: Duration::from_secs(600),
            failed_refusals: 2,
            recovered_successes: 2,
        }
    }
}

/// How a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Messages get through.
    Working,
    /// Some do, or it has only just begun to fail or to recover.
    Degraded,
    /// None does, and messages should go another way.
    Failed,
}

/// What was seen of a channel.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A message was taken over: there is a receipt.
    Sent,
    /// A message was not, or may not have been.
    NotSent(&'a SendError),
    /// The test button reached the other side. It sends nothing, so it cannot disprove a refusal of messages.
    Probed,
    /// The test button did not.
    NotProbed(&'a SendError),
}

/// An error and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// The error's own words, without addresses or secrets.
    pub what: String,
    /// When, UTC ms.
    pub at: UtcMillis,
}

/// The channel has changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// When, UTC ms.
    pub at: UtcMillis,
    /// The error that brought it about; `None` where it was a success.
    pub why: Option<String>,
}

/// What is known of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    state: State,
    /// Since when it is in that state, UTC ms.
    since: UtcMillis,
    last_success: Option<UtcMillis>,
    last_error: Option<LastError>,
    /// The latest tries, the newest in the lowest bit: 1 failed.
    latest: u16,
    /// First failure behind the last success, UTC ms.
    failing_since: Option<UtcMillis>,
    successes_in_row: u32,
    refusals_in_row: u32,
}

impl Health {
    /// A channel of which nothing was seen yet is taken to work from `now` on.
    #[must_use]
    pub const fn new(now: UtcMillis) -> Self {
        Self {
            state: State::Working,
            since: now,
            last_success: None,
            last_error: None,
            latest: 0,
            failing_since: None,
            successes_in_row: 0,
            refusals_in_row: 0,
        }
    }

    /// How it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Since when, UTC ms.
    #[must_use]
    pub const fn since(&self) -> UtcMillis {
        self.since
    }

    /// When a message last went through, or a probe, UTC ms.
    #[must_use]
    pub const fn last_success(&self) -> Option<UtcMillis> {
        self.last_success
    }

    /// The last error that was the channel's own.
    #[must_use]
    pub const fn last_error(&self) -> Option<&LastError> {
        self.last_error.as_ref()
    }

    /// Takes what was seen at `now` and gives the change of state that follows, where one does.
    pub fn step(
        &mut self,
        policy: &HealthPolicy,
        seen: Seen<'_>,
        now: UtcMillis,
    ) -> Option<Change> {
        let error = match seen {
            Seen::Sent => None,
            // What refused messages has not been shown to take them.
            Seen::Probed if self.refusals_in_row > 0 => return None,
            Seen::Probed => None,
            Seen::NotSent(error) | Seen::NotProbed(error) => match error {
                SendError::Refused { reason, .. } if !reason.is_the_channels_fault() => {
                    return None;
                }
                error => Some(error),
            },
        };
        let to = match error {
            None => self.success(policy, now),
            Some(error) => self.failure(policy, error, now),
        };
        let from = std::mem::replace(&mut self.state, to);
        if from == to {
            return None;
        }
        self.since = now;
        Some(Change { from, to, at: now, why: error.map(ToString::to_string) })
    }

    fn success(&mut self, policy: &HealthPolicy, now: UtcMillis) -> State {
        self.last_success = Some(now);
        self.failing_since = None;
        self.refusals_in_row = 0;
        self.successes_in_row = self.successes_in_row.saturating_add(1);
        self.remember(false);
        match self.state {
            State::Working => State::Working,
            State::Degraded | State::Failed
                if self.successes_in_row >= policy.recovered_successes.max(1) =>
            {
                self.latest = 0;
                State::Working
            }
            State::Degraded | State::Failed => State::Degraded,
        }
    }

    fn failure(&mut self, policy: &HealthPolicy, error: &SendError, now: UtcMillis) -> State {
        self.last_error = Some(LastError { what: error.to_string(), at: now });
        self.successes_in_row = 0;
        self.remember(true);
        let began = *self.failing_since.get_or_insert(now);
        let refused = matches!(error, SendError::Refused { .. });
        self.refusals_in_row = if refused { self.refusals_in_row.saturating_add(1) } else { 0 };
        let failed_after_ms = i64::try_from(policy.failed_after.as_millis()).unwrap_or(i64::MAX);
        let many = self.latest.count_ones() >= policy.degraded_failures.max(1);
        let for_long = many && now.since(began) >= failed_after_ms;
        if self.refusals_in_row >= policy.failed_refusals.max(1) || for_long {
            State::Failed
        } else if self.state == State::Failed {
            // Only a success makes it better.
            State::Failed
        } else if many || refused || self.state == State::Degraded {
            State::Degraded
        } else {
            State::Working
        }
    }

    fn remember(&mut self, failed: bool) {
        self.latest = (self.latest << 1 | u16::from(failed)) & ((1 << LOOK_BACK) - 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::channel::Refusal;

    fn later() -> SendError {
        SendError::later("cannot connect")
    }

    fn refused(reason: Refusal) -> SendError {
        SendError::refused(reason, "no")
    }

    /// Steps of (second, letter, state behind it). `+` sent, `p` probed, `-` later, `n` probe failed, `?` unknown,
    /// `k` refused for the key, `a` refused for the address.
    fn check(steps: &[(i64, char, State)]) {
        let mut health = Health::new(UtcMillis(0));
        for (number, (second, letter, expected)) in steps.iter().enumerate() {
            let error = match letter {
                '-' | 'n' => later(),
                '?' => SendError::unknown("the answer was lost"),
                'k' => refused(Refusal::Credentials),
                _ => refused(Refusal::Recipient),
            };
            let seen = match letter {
                '+' => Seen::Sent,
                'p' => Seen::Probed,
                'n' => Seen::NotProbed(&error),
                _ => Seen::NotSent(&error),
            };
            let before = health.state();
            let change = health.step(&HealthPolicy::default(), seen, UtcMillis(second * 1_000));
            assert_eq!(health.state(), *expected, "step {number} of {steps:?}");
            assert_eq!(change.is_some(), before != *expected, "step {number} of {steps:?}");
            if let Some(change) = change {
                assert_eq!((change.from, change.to), (before, *expected));
                assert_eq!((change.at, health.since()), (UtcMillis(second * 1_000), change.at));
                assert_eq!(change.why.is_none(), matches!(letter, '+' | 'p'));
            }
        }
    }

    use State::{Degraded as D, Failed as F, Working as W};

    #[test]
    fn a_few_failures_degrade_and_a_long_run_of_them_fails() {
        check(&[
            (0, '-', W),
            (5, '-', W),
            (15, '-', D),
            (300, '-', D),
            (599, '?', D),
            (600, '-', F),
        ]);
        check(&[(0, '-', W), (700, '-', W), (701, '-', F)]);
        check(&[(0, 'n', W), (5, 'n', W), (15, 'n', D)]);
        // Time alone is no failure: it takes one more.
        check(&[(0, '-', W), (9_000, '+', W), (9_001, '-', W), (9_002, '-', D)]);
    }

    #[test]
    fn a_channel_that_loses_every_second_message_is_degraded_and_not_failed() {
        check(&[(0, '-', W), (1, '+', W), (2, '-', W), (3, '+', W), (4, '-', D), (5, '+', D)]);
        check(&[
            (0, '-', W),
            (1, '-', W),
            (2, '-', D),
            (900, '+', D),
            (901, '-', D),
            (902, '-', D),
        ]);
    }

    #[test]
    fn what_every_message_would_meet_fails_at_the_second_time() {
        check(&[(0, 'k', D), (1, 'k', F), (2, 'k', F)]);
        check(&[(0, 'k', D), (1, '+', D), (2, '+', W)]);
        check(&[(0, 'k', D), (1, '-', D), (2, 'k', D), (3, 'k', F)]);
    }

    #[test]
    fn what_an_address_is_to_blame_for_says_nothing_of_the_channel() {
        check(&[(0, 'a', W), (1, 'a', W), (2, 'a', W), (3, 'a', W)]);
        check(&[(0, 'k', D), (1, 'a', D), (2, 'k', F), (3, 'a', F), (4, '+', D)]);
    }

    #[test]
    fn it_works_again_at_the_second_success() {
        check(&[(0, 'k', D), (1, 'k', F), (2, '+', D), (3, '+', W), (4, '-', W), (5, '-', W)]);
        check(&[(0, 'k', D), (1, 'k', F), (2, '+', D), (3, '-', D), (4, '+', D), (5, '+', W)]);
    }

    #[test]
    fn a_probe_heals_a_lost_connection_and_no_refusal() {
        check(&[(0, '-', W), (1, '-', W), (2, '-', D), (3, 'p', D), (4, 'p', W)]);
        check(&[(0, 'k', D), (1, 'k', F), (2, 'p', F), (3, 'p', F), (4, '+', D), (5, 'p', W)]);
    }

    #[test]
    fn the_last_error_and_success_stay() {
        let mut health = Health::new(UtcMillis(0));
        let policy = HealthPolicy::default();
        health.step(&policy, Seen::NotSent(&refused(Refusal::Account)), UtcMillis(5));
        health.step(&policy, Seen::NotSent(&refused(Refusal::Recipient)), UtcMillis(6));
        health.step(&policy, Seen::Sent, UtcMillis(7));
        assert_eq!(health.last_success(), Some(UtcMillis(7)));
        let error = health.last_error().unwrap();
        assert_eq!((error.what.as_str(), error.at), ("refused (account): no", UtcMillis(5)));
        let kept = serde_json::to_string(&health).unwrap();
        assert_eq!(serde_json::from_str::<Health>(&kept).unwrap(), health);
    }

    proptest! {
        #[test]
        fn changes_link_up_and_only_a_success_makes_it_better(
            steps in prop::collection::vec((0_i64..400_000, 0_u8..5), 0..60)
        ) {
            let (mut health, mut now) = (Health::new(UtcMillis(0)), 0);
            for (wait, kind) in steps {
                now += wait;
                let error = match kind { 0 => later(), 1 => refused(Refusal::Account), _ => refused(Refusal::Content) };
                let seen = match kind { 3 => Seen::Sent, 4 => Seen::Probed, _ => Seen::NotSent(&error) };
                let before = health.state();
                let change = health.step(&HealthPolicy::default(), seen, UtcMillis(now));
                prop_assert!(health.state() >= before || kind >= 3);
                prop_assert!(kind < 3 || health.state() <= before);
                prop_assert_eq!(change.map(|c| (c.from, c.to)), (before != health.state()).then_some((before, health.state())));
                prop_assert!(health.since().0 <= now);
            }
            health.step(&HealthPolicy::default(), Seen::Sent, UtcMillis(now));
            health.step(&HealthPolicy::default(), Seen::Sent, UtcMillis(now));
            prop_assert_eq!(health.state(), State::Working);
        }
    }
}
