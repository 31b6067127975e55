//! The uplink codec from outside: what goes in comes out, damage is refused and never panics, and the document's example is
//! what the code reads and writes.
#![allow(clippy::unwrap_used, missing_docs)]

use anlan_domain::quality::Quality;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    Acks, BadFrame, Boot, DeviceStatus, GroupBuilder, Header, Hello, Kind, Lane, MAX_FRAME,
    NeedTable, ReadingsView, Refuse, Status, Table, TableRow, Welcome, encode_readings, open,
    read_payload, seal, write_payload,
};
use proptest::prelude::*;

fn header() -> impl Strategy<Value = Header> {
    (
        any::<u8>(),
        any::<bool>(),
        any::<u8>(),
        any::<[u8; 16]>(),
        any::<u64>(),
        any::<i64>(),
        any::<u64>(),
        any::<u32>(),
    )
        .prop_map(|(kind, backfill, flags, boot, seq, wall, mono, epoch)| Header {
            kind: Kind::from_byte(kind),
            lane: if backfill { Lane::Backfill } else { Lane::Live },
            flags,
            boot: Boot(boot),
            seq,
            wall: UtcMillis(wall),
            mono: MonoMillis(mono),
            epoch,
        })
}

fn group() -> impl Strategy<Value = GroupBuilder> {
    let reading =
        (any::<u32>(), prop_oneof![Just(192u16), any::<u16>()], any::<u64>(), any::<i64>());
    let rows = proptest::collection::vec(reading, 0..40);
    (any::<u32>(), any::<bool>(), prop_oneof![Just(true), Just(false)], rows).prop_map(
        |(age_ms, source_times, contiguous, rows)| {
            let first = rows.first().map_or(0, |r| r.0 % 1_000_000);
            GroupBuilder {
                age_ms,
                handles: rows
                    .iter()
                    .zip(first..)
                    .map(|(r, h)| if contiguous { h } else { r.0 })
                    .collect(),
                qualities: rows.iter().map(|r| Quality(r.1)).collect(),
                values: rows.iter().map(|r| f64::from_bits(r.2)).collect(),
                source_walls: if source_times {
                    rows.iter().map(|r| r.3).collect()
                } else {
                    Vec::new()
                },
            }
        },
    )
}

proptest! {
    #[test]
    fn a_frame_comes_back_as_it_was_sealed(header in header(), payload in proptest::collection::vec(any::<u8>(), 0..600)) {
        let frame = seal(&header, &payload);
        let (read, lent) = open(&frame).unwrap();
        prop_assert_eq!(read, header);
        prop_assert_eq!(lent, &payload[..]);
    }

    #[test]
    fn readings_come_back_bit_for_bit(table in any::<u64>(), groups in proptest::collection::vec(group(), 0..6)) {
        let payload = encode_readings(table, &groups);
        let view = ReadingsView::new(&payload).unwrap();
        prop_assert_eq!(view.table, table);
        prop_assert_eq!(view.count(), groups.iter().map(|g| g.handles.len()).sum::<usize>());
        prop_assert_eq!(view.groups().count(), groups.len());
        for (read, sealed) in view.groups().zip(&groups) {
            prop_assert_eq!((read.age_ms, read.count), (sealed.age_ms, sealed.handles.len()));
            for i in 0..read.count {
                prop_assert_eq!(read.handle(i), sealed.handles[i]);
                prop_assert_eq!(read.quality(i), sealed.qualities[i]);
                prop_assert_eq!(read.value(i).to_bits(), sealed.values[i].to_bits());
                prop_assert_eq!(read.source_wall(i), sealed.source_walls.get(i).copied());
            }
        }
    }

    #[test]
    fn cut_anywhere_it_is_refused(header in header(), groups in proptest::collection::vec(group(), 1..3)) {
        let payload = encode_readings(1, &groups);
        let frame = seal(&header, &payload);
        for cut in 0..frame.len() {
            prop_assert!(open(&frame[..cut]).is_err());
        }
        for cut in 0..payload.len() {
            prop_assert!(ReadingsView::new(&payload[..cut]).is_err());
        }
        let mut longer = frame;
        longer.push(0);
        let refused = matches!(open(&longer), Err(BadFrame::Long { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn a_flipped_bit_is_refused(header in header(), payload in proptest::collection::vec(any::<u8>(), 0..80), at in any::<proptest::sample::Index>()) {
        let mut frame = seal(&header, &payload);
        let bit = at.index(frame.len() * 8);
        frame[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(open(&frame).is_err());
    }

    /// Whatever arrives, reading it ends in an answer; and whatever is accepted can be walked to its end.
    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(open(&noise));
        if let Ok(view) = ReadingsView::new(&noise) {
            for group in view.groups() {
                for i in 0..group.count {
                    let _ = (group.handle(i), group.quality(i), group.value(i), group.source_wall(i));
                }
            }
        }
        drop(read_payload::<Hello>(&noise));
        drop(read_payload::<Welcome>(&noise));
        drop(read_payload::<Refuse>(&noise));
        drop(read_payload::<Acks>(&noise));
        drop(read_payload::<NeedTable>(&noise));
        drop(read_payload::<Table>(&noise));
        drop(read_payload::<Status>(&noise));
    }

    /// Mutated payloads under a good check sum: what a faulty peer, not a faulty wire, would send.
    #[test]
    fn a_mutated_payload_never_panics(groups in proptest::collection::vec(group(), 1..4), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut payload = encode_readings(1, &groups);
        let i = at.index(payload.len());
        payload[i] = byte;
        if let Ok(view) = ReadingsView::new(&payload) {
            prop_assert!(view.groups().map(|g| g.count).sum::<usize>() == view.count());
        }
    }
}

/// Rows by the billion of which nothing is there must not be allocated for.
#[test]
fn a_count_beyond_the_payload_is_refused() {
    let mut payload = 1u64.to_le_bytes().to_vec();
    payload.extend_from_slice(&1u16.to_le_bytes());
    payload.extend_from_slice(&0u32.to_le_bytes());
    payload.push(3);
    payload.extend_from_slice(&u32::MAX.to_le_bytes());
    payload.extend_from_slice(&0u32.to_le_bytes());
    assert!(ReadingsView::new(&payload).is_err());
    assert!(open(&vec![0x41; MAX_FRAME + 1]).is_err());
}

const DOCUMENT: &str = include_str!("../../docs/protocols/uplink.md");

/// The bytes of the code block that follows the anchor `<!-- example: NAME -->`; everything after `;` is a remark.
fn example(name: &str) -> Vec<u8> {
    let block = DOCUMENT
        .split_once(&format!("<!-- example: {name} -->"))
        .unwrap_or_else(|| panic!("no example {name}"))
        .1;
    let block = block.split("```").nth(1).unwrap();
    let hex: String = block
        .lines()
        .skip(1)
        .flat_map(|line| line.split(';').next().unwrap().split_whitespace())
        .collect();
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn example_header(kind: Kind, lane: Lane, flags: u8, seq: u64) -> Header {
    Header {
        kind,
        lane,
        flags,
        boot: Boot([
            0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D,
            0x1E, 0x1F,
        ]),
        seq,
        wall: UtcMillis(1_800_000_000_000),
        mono: MonoMillis(60_000),
        epoch: 0,
    }
}

#[test]
fn the_readings_frame_of_the_document_is_what_the_code_seals_and_opens() {
    let table = Table {
        rows: vec![
            TableRow { tag: "LT-1".into(), device: "plc".into() },
            TableRow { tag: "PT-1".into(), device: "plc".into() },
        ],
    };
    let group = GroupBuilder {
        age_ms: 12,
        handles: vec![0, 1],
        qualities: vec![Quality::GOOD, Quality::COMM_FAILURE],
        values: vec![5.25, f64::NAN],
        source_walls: Vec::new(),
    };
    let sealed = seal(
        &example_header(Kind::Readings, Lane::Live, 1, 7),
        &encode_readings(table.hash(), std::slice::from_ref(&group)),
    );
    assert_eq!(hex(&example("readings")), hex(&sealed));
    let table_frame = seal(&example_header(Kind::Table, Lane::Live, 1, 5), &write_payload(&table));
    assert_eq!(hex(&example("table")), hex(&table_frame));
}

#[test]
fn the_control_and_status_payloads_of_the_document_are_what_the_code_writes() {
    let boot = Boot([
        0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E,
        0x1F,
    ]);
    let hello = Hello {
        gateway: "41020500101".into(),
        secret: "s".into(),
        software: "anlan 0.1.0".into(),
        pending: vec![(boot, Lane::Backfill, 300)],
    };
    assert_eq!(hex(&example("hello")), hex(&write_payload(&hello)));
    let acks = Acks { ranges: vec![(boot, Lane::Live, vec![(1, 6), (9, 200)])] };
    assert_eq!(hex(&example("ack")), hex(&write_payload(&acks)));
    let welcome = Welcome {
        center_wall: UtcMillis(1_800_000_000_000),
        acks: Acks::default(),
        window_frames: 256,
    };
    assert_eq!(hex(&example("welcome")), hex(&write_payload(&welcome)));
    let refuse = Refuse { code: "bad_secret".into(), message: "no".into(), retry_after_ms: 60_000 };
    assert_eq!(hex(&example("refuse")), hex(&write_payload(&refuse)));
    let status = Status {
        devices: vec![DeviceStatus {
            device: "plc".into(),
            connected: true,
            since: UtcMillis(1_800_000_000_000),
            last_error: String::new(),
        }],
        backlog_frames: 300,
        backlog_bytes: 45_000,
        spool_capacity_bytes: 1 << 31,
        dropped_frames: 0,
    };
    assert_eq!(hex(&example("status")), hex(&write_payload(&status)));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x} ")).collect()
}
