//! The embedded engines against the suites that every engine must pass.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anlan_store::conformance;
use anlan_store::journal::segments::{self, SegmentJournal};
use anlan_store::state::fjall::{self, FjallState};

#[tokio::test(flavor = "multi_thread")]
async fn the_segment_journal_is_a_journal() {
    for segment_bytes in [1_000, 100_000, 64 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let options = || segments::Options {
            segment_bytes,
            allocate_bytes: 64 << 10,
            reserved_bytes: 0,
            ..Default::default()
        };
        conformance::journal(async || SegmentJournal::open(dir.path(), options()).unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fjall_state_is_a_state_store() {
    for tail_records in [0, 7, 50_000] {
        let dir = tempfile::tempdir().unwrap();
        let options = || fjall::Options { tail_records, ..Default::default() };
        conformance::state(async || FjallState::open(dir.path(), options()).unwrap()).await;
    }
}
