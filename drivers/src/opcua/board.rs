//! What is known of a server right now: shared between the session that learns and the ticker that reports.

use std::sync::{Mutex, MutexGuard};

use anlan_domain::quality::Quality;
use anlan_domain::time::UtcMillis;
use tokio::sync::Notify;

use crate::driver::DeviceState;

/// Last value of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latest {
    pub value: f64,
    pub quality: Quality,
    pub source_time: Option<UtcMillis>,
}

impl Latest {
    pub const fn bad(quality: Quality) -> Self {
        Self { value: f64::NAN, quality, source_time: None }
    }
}

#[derive(Debug)]
pub(super) struct Facts {
    pub state: DeviceState,
    /// One per point; all `WAITING` when a session begins.
    pub latest: Vec<Latest>,
}

/// The facts and a bell for whoever waits for a change.
pub(super) struct Board {
    facts: Mutex<Facts>,
    pub changed: Notify,
}

impl Board {
    pub fn new(points: usize) -> Self {
        let latest = vec![Latest::bad(Quality::WAITING); points];
        Self {
            facts: Mutex::new(Facts { state: DeviceState::Connecting, latest }),
            changed: Notify::new(),
        }
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().expect("nobody panics while holding the facts")
    }

    pub fn set(&self, index: usize, latest: Latest) {
        if let Some(slot) = self.facts().latest.get_mut(index) {
            *slot = latest;
        }
        self.changed.notify_waiters();
    }

    pub fn set_state(&self, state: DeviceState) {
        self.facts().state = state;
        self.changed.notify_waiters();
    }

    /// Forgets the values of an earlier session.
    pub fn forget(&self) {
        self.facts().latest.fill(Latest::bad(Quality::WAITING));
    }

    /// Whether every node has said something, good or bad.
    pub fn is_complete(&self) -> bool {
        self.facts().latest.iter().all(|l| l.quality != Quality::WAITING)
    }
}
