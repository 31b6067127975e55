//! The embedded history: the conformance suite, crashes at any write, and damaged bytes.
#![allow(clippy::unwrap_used)]

use anlan_store::history::{EmbeddedHistory, HistoryOptions, conformance};

#[test]
fn the_embedded_engine_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU32::new(0);
    conformance(|| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(n.to_string());
        Box::new(EmbeddedHistory::open(&path, HistoryOptions::default()).unwrap())
    });
}

#[test]
fn the_embedded_engine_conforms_with_hardly_any_memory() {
    let folder = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU32::new(0);
    let options =
        HistoryOptions { block_rows_max: 700, merge_points_max: 3, ..HistoryOptions::default() };
    conformance(|| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(n.to_string());
        Box::new(EmbeddedHistory::open(&path, options).unwrap())
    });
}
