//! What waits to be written to one gateway: acknowledgements joined into ranges, so that a gateway that reads slowly costs
//! no memory, and a few control frames.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{self, Acks, Boot, Header, Kind, Lane, Refuse};
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ledger::Ranges;

/// Seals a control frame of the center.
#[must_use]
pub fn control<T: Serialize>(kind: Kind, now: UtcMillis, payload: &T) -> Vec<u8> {
    let header = Header {
        kind,
        lane: Lane::Live,
        flags: 0,
        boot: Boot::default(),
        seq: 0,
        wall: now,
        mono: MonoMillis(0),
        epoch: 0,
    };
    uplink::seal(&header, &uplink::write_payload(payload))
}

#[derive(Default)]
struct Waiting {
    acks: BTreeMap<(Boot, Lane), Ranges>,
    frames: Vec<Vec<u8>>,
    refusal: Option<Refuse>,
}

/// The outbox of one connection.
#[derive(Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    news: Notify,
    /// Cancelled when the connection shall end.
    pub close: CancellationToken,
}

/// Control frames that may wait. A gateway that reads nothing for so long is closed by its own silence anyway.
const FRAMES_MAX: usize = 1024;

impl Outbox {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no code panics while it holds an outbox")
    }

    /// Frames are durable.
    pub fn acknowledge(&self, acks: &Acks) {
        let mut waiting = self.waiting();
        for (boot, lane, ranges) in &acks.ranges {
            let joined = waiting.acks.entry((*boot, *lane)).or_default();
            ranges.iter().for_each(|&(first, last)| joined.add(first, last));
        }
        drop(waiting);
        self.news.notify_one();
    }

    /// A control frame.
    pub fn send(&self, frame: Vec<u8>) {
        let mut waiting = self.waiting();
        if waiting.frames.len() < FRAMES_MAX {
            waiting.frames.push(frame);
        }
        drop(waiting);
        self.news.notify_one();
    }

    /// Ends the connection with a reason.
    pub fn refuse(&self, code: &str, message: impl Into<String>, retry_after_ms: u32) {
        metrics::counter!("anlan_ingest_refused_total", "code" => code.to_owned()).increment(1);
        let refusal = Refuse { code: code.to_owned(), message: message.into(), retry_after_ms };
        self.waiting().refusal.get_or_insert(refusal);
        self.close.cancel();
    }

    /// The reason for which the connection ends, if one was given.
    #[must_use]
    pub fn take_refusal(&self) -> Option<Refuse> {
        self.waiting().refusal.take()
    }

    /// Waits for something to write: frames, ready to be sent.
    pub async fn next(&self, now: impl Fn() -> UtcMillis) -> Vec<Vec<u8>> {
        loop {
            let (acks, mut frames) = {
                let mut waiting = self.waiting();
                (std::mem::take(&mut waiting.acks), std::mem::take(&mut waiting.frames))
            };
            if !acks.is_empty() {
                let ranges = acks
                    .into_iter()
                    .map(|((boot, lane), ranges)| (boot, lane, ranges.as_slice().to_vec()))
                    .collect();
                frames.push(control(Kind::Ack, now(), &Acks { ranges }));
            }
            if !frames.is_empty() {
                return frames;
            }
            self.news.notified().await;
        }
    }
}
