//! The example in `docs/protocols/journal.md` against the program, both ways.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::segments::{Options, SegmentJournal};
use anlan_store::journal::{Journal, Offset, Record};

/// The records that the document names.
fn records() -> Vec<Record> {
    let received = UtcMillis(1_763_884_800_000);
    vec![
        Record { received, kind: RecordKind::Link, source: 3, payload: vec![1].into() },
        Record {
            received: received.plus(250),
            kind: RecordKind::Frame,
            source: 3,
            payload: "AL".into(),
        },
    ]
}

/// Bytes of the block of hexadecimal lines (`offset  bytes  # remark`) of the document.
fn documented() -> Vec<u8> {
    let document = include_str!("../../docs/protocols/journal.md");
    let block = document.split("```hex\n").nth(1).unwrap().split("```").next().unwrap();
    let mut out = Vec::new();
    for line in block.lines() {
        let (at, rest) = line.split_once("  ").unwrap();
        assert_eq!(usize::from_str_radix(at, 16).unwrap(), out.len(), "{line}");
        let bytes = rest.split('#').next().unwrap().split_whitespace();
        out.extend(bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    out
}

fn options() -> Options {
    Options { reserved_bytes: 0, ..Options::default() }
}

#[tokio::test]
async fn the_documented_segment_is_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let journal = SegmentJournal::open(dir.path(), options()).unwrap();
    journal.append(records()).await.unwrap();
    journal.seal().await.unwrap();
    let written = std::fs::read(dir.path().join("000000000001.journal")).unwrap();
    let hex: Vec<String> = written.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(written, documented(), "written: {}", hex.join(" "));
}

#[test]
fn the_documented_segment_is_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("000000000001.journal"), documented()).unwrap();
    let journal = SegmentJournal::open(dir.path(), options()).unwrap();
    let read = journal.read(Offset(1), 10, 1000).unwrap();
    assert_eq!(read, (1..).map(Offset).zip(records()).collect::<Vec<_>>());
    assert_eq!(journal.bounds(), (Offset(1), Offset(3)));
}
