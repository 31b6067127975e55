//! How many messages one person gets in a while. What is over is held and goes out as one message: joined, never dropped.
//!
//! Red has an allowance of its own, so that a flood of blue cannot delay it; the rest shares one that red also uses up.
//! The state is small, belongs to one person on one channel and is kept by the caller.

use std::time::Duration;

use anlan_domain::time::UtcMillis;
use serde::{Deserialize, Serialize};

use crate::message::{Colour, MessageId};

/// How much one person may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowLimit {
    /// The while in which messages are counted.
    pub window: Duration,
    /// Messages of every colour in a window after which those that are not red are held; at least 1.
    pub messages: usize,
    /// Red messages in a window after which further red ones are held; at least 1.
    pub red_messages: usize,
}

impl Default for FlowLimit {
    /// Three messages in ten minutes, and ten red ones.
    fn default() -> Self {
        Self { window: Duration::from_secs(600), messages: 3, red_messages: 10 }
    }
}

/// One message, as far as this decision needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub id: MessageId,
    /// Its colour.
    pub colour: Colour,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Batches to send, each as one message, its members in the order in which they came. Where two go, red is first.
    pub send: Vec<Vec<Item>>,
    /// When to ask again, UTC ms; `None` while nothing is held.
    pub wake_at: Option<UtcMillis>,
}

/// What one person got lately on one channel, and what is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// When messages went out lately, UTC ms, and whether they were red.
    sent: Vec<(UtcMillis, bool)>,
    held_red: Vec<Item>,
    held: Vec<Item>,
}

impl Flow {
    /// Takes a message that has come, or none when only time has passed, and decides. A clock that steps back makes people
    /// wait no longer than one window.
    pub fn step(&mut self, limit: &FlowLimit, arrived: Option<Item>, now: UtcMillis) -> Step {
        let window_ms = i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX);
        self.sent.retain(|(at, _)| (0..window_ms).contains(&now.since(*at)));
        if let Some(item) = arrived {
            self.hold(item);
        }
        let mut send = Vec::new();
        if !self.held_red.is_empty() && self.room_at(limit, true).is_none() {
            self.sent.push((now, true));
            send.push(std::mem::take(&mut self.held_red));
        }
        if !self.held.is_empty() && self.room_at(limit, false).is_none() {
            self.sent.push((now, false));
            send.push(std::mem::take(&mut self.held));
        }
        let wake = |red, held: &[Item]| {
            let full_since = if held.is_empty() { None } else { self.room_at(limit, red) };
            full_since.map(|at| at.plus(window_ms))
        };
        let wake_at =
            [wake(true, &self.held_red), wake(false, &self.held)].into_iter().flatten().min();
        Step { send, wake_at }
    }

    /// Takes a message that has come without deciding: several that came at once go together at the next step.
    pub fn hold(&mut self, item: Item) {
        match item.colour {
            Colour::Red => self.held_red.push(item),
            _ => self.held.push(item),
        }
    }

    /// Which messages are held.
    pub fn held_ids(&self) -> impl Iterator<Item = &MessageId> {
        self.held_red.iter().chain(&self.held).map(|item| &item.id)
    }

    /// Forgets what is held: for a caller whose queue is the truth about that, and who hands it in anew.
    pub fn forget_held(&mut self) {
        self.held_red.clear();
        self.held.clear();
    }

    /// Messages that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held_red.len() + self.held.len()
    }

    /// `None` while there is room, else when that message was sent whose leaving the window makes room.
    fn room_at(&self, limit: &FlowLimit, red: bool) -> Option<UtcMillis> {
        let most = if red { limit.red_messages } else { limit.messages }.max(1);
        let mut counted: Vec<_> =
            self.sent.iter().filter(|(_, was_red)| *was_red || !red).map(|(at, _)| *at).collect();
        counted.sort_unstable();
        counted.len().checked_sub(most).map(|index| counted[index])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: FlowLimit =
        FlowLimit { window: Duration::from_secs(60), messages: 2, red_messages: 3 };

    fn item(number: usize, colour: Colour) -> Item {
        Item { id: MessageId::new(format!("m{number}")).unwrap(), colour }
    }

    /// One line a step: (second, colour of what came or none) and what goes out then.
    fn check(steps: &[(i64, Option<Colour>, &str)]) {
        let mut flow = Flow::default();
        for (number, (second, colour, expected)) in steps.iter().enumerate() {
            let now = UtcMillis(second * 1_000);
            let step = flow.step(&LIMIT, colour.map(|c| item(number, c)), now);
            let shown: Vec<_> = step
                .send
                .iter()
                .map(|batch| batch.iter().map(|i| i.id.as_str()).collect::<Vec<_>>().join("+"))
                .collect();
            let wake = step.wake_at.map_or(String::new(), |at| format!(" wake {}", at.0 / 1_000));
            assert_eq!(format!("{}{wake}", shown.join(" ")), *expected, "step {number}");
        }
        assert_eq!(flow.held(), 0, "the table ends with everything sent");
    }

    #[test]
    fn what_is_over_the_limit_goes_out_as_one_message_when_there_is_room() {
        let blue = Some(Colour::Blue);
        check(&[
            (0, blue, "m0"),
            (10, blue, "m1"),
            (20, blue, " wake 60"),
            (30, Some(Colour::Orange), " wake 60"),
            (59, None, " wake 60"),
            (60, None, "m2+m3"),
            (61, blue, " wake 70"),
            (70, None, "m6"),
        ]);
    }

    #[test]
    fn red_has_an_allowance_that_others_cannot_use_up_and_uses_up_theirs() {
        let (blue, red) = (Some(Colour::Blue), Some(Colour::Red));
        check(&[
            (0, blue, "m0"),
            (1, blue, "m1"),
            (2, blue, " wake 60"),
            (3, red, "m3 wake 61"),
            (4, red, "m4 wake 63"),
            (5, red, "m5 wake 64"),
            // The fourth red one is held too, and joined with the fifth; blue waits until red has let it through.
            (6, red, " wake 63"),
            (7, red, " wake 63"),
            (63, None, "m6+m7 wake 65"),
            (65, None, "m2"),
        ]);
    }

    #[test]
    fn a_clock_that_steps_back_holds_nothing_for_longer_than_a_window() {
        let mut flow = Flow::default();
        for number in 0..2 {
            flow.step(&LIMIT, Some(item(number, Colour::Blue)), UtcMillis(1_000_000));
        }
        let step = flow.step(&LIMIT, Some(item(2, Colour::Blue)), UtcMillis(0));
        assert_eq!(step.send.len(), 1);
    }

    proptest! {
        #[test]
        fn everything_goes_out_once_in_order_and_within_the_limit(
            arrivals in prop::collection::vec((0_i64..40_000, 0_usize..4), 1..120),
            messages in 1_usize..4, red_messages in 1_usize..4,
        ) {
            let limit = FlowLimit { window: Duration::from_secs(60), messages, red_messages };
            let mut flow = Flow::default();
            let mut now = UtcMillis(0);
            let mut out: Vec<(UtcMillis, Vec<Item>)> = Vec::new();
            let mut wake_at = None;
            for (number, (gap, colour)) in arrivals.iter().enumerate() {
                let arrives = now.plus(*gap);
                while let Some(at) = wake_at.filter(|at| *at <= arrives) {
                    let step = flow.step(&limit, None, at);
                    out.extend(step.send.into_iter().map(|batch| (at, batch)));
                    prop_assert!(step.wake_at.is_none_or(|next| next > at));
                    wake_at = step.wake_at;
                }
                now = arrives;
                let step = flow.step(&limit, Some(item(number, Colour::ALL[*colour])), now);
                prop_assert!(step.wake_at.is_some() == (flow.held() > 0));
                wake_at = step.wake_at;
                out.extend(step.send.into_iter().map(|batch| (now, batch)));
            }
            while let Some(at) = wake_at {
                let step = flow.step(&limit, None, at);
                out.extend(step.send.into_iter().map(|batch| (at, batch)));
                wake_at = step.wake_at;
            }
            let went = |red: bool| {
                out.iter()
                    .flat_map(|(_, batch)| batch)
                    .filter(|i| (i.colour == Colour::Red) == red)
                    .map(|i| i.id.as_str().to_owned())
                    .collect::<Vec<_>>()
            };
            let came = |red: bool| {
                arrivals.iter().enumerate()
                    .filter(|(_, (_, colour))| (*colour == 0) == red)
                    .map(|(number, _)| format!("m{number}"))
                    .collect::<Vec<_>>()
            };
            prop_assert_eq!(went(true), came(true));
            prop_assert_eq!(went(false), came(false));
            for (at, batch) in &out {
                let is_red = |batch: &[Item]| batch[0].colour == Colour::Red;
                let in_window = |red_alone: bool| out.iter()
                    .filter(|(other, b)| (0..60_000).contains(&at.since(*other)) && (!red_alone || is_red(b)))
                    .count();
                if is_red(batch) {
                    prop_assert!(in_window(true) <= red_messages);
                }
            }
            // Those that are not red: never more of them in a window than the limit allows.
            let others: Vec<_> = out.iter().filter(|(_, b)| b[0].colour != Colour::Red).map(|(at, _)| *at).collect();
            for at in &others {
                prop_assert!(others.iter().filter(|o| (0..60_000).contains(&at.since(**o))).count() <= messages);
            }
        }
    }
}
