//! Which frames with readings are not yet in the history, so that a trend finds the newest minutes of its gateway in the journal
//! without searching it: eight bytes a frame.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use anlan_domain::log::GatewayNo;
use anlan_store::journal::Offset;

/// Offsets of the frames with readings that are not yet in the history, by gateway.
#[derive(Default)]
pub struct FrameIndex {
    frames: Mutex<HashMap<GatewayNo, VecDeque<Offset>>>,
    /// Readings handed over since the start.
    pub(super) fed: AtomicU64,
}

impl FrameIndex {
    /// A frame was journalled.
    pub fn add(&self, gateway: GatewayNo, offset: Offset) {
        let mut frames = self.frames.lock().expect("no code panics while it holds the index");
        frames.entry(gateway).or_default().push_back(offset);
    }

    pub(super) fn forget_before(&self, offset: Offset) {
        let mut frames = self.frames.lock().expect("no code panics while it holds the index");
        for offsets in frames.values_mut() {
            let gone = offsets.partition_point(|at| *at < offset);
            offsets.drain(..gone);
        }
    }

    pub(super) fn of(&self, gateway: GatewayNo) -> Vec<Offset> {
        let frames = self.frames.lock().expect("no code panics while it holds the index");
        frames.get(&gateway).map(|offsets| offsets.iter().copied().collect()).unwrap_or_default()
    }
}
