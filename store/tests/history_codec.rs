//! The history's codec: whatever bits come back as they went in, the written format is the one that is read, and
//! simulated data stays within its budget.
#![allow(clippy::unwrap_used)]

use anlan_store::bench_history::{measure, read_csv};
use anlan_store::history::chunk::{Chunk, ChunkKey, GridHints, encode_readings};
use anlan_store::history::{Effort, RawReading};
use proptest::prelude::*;

const KEY: ChunkKey = ChunkKey { group: 7, start_ms: 1_767_225_600_000 };

fn read_back(bytes: &[u8], points: &[u32]) -> Vec<(u32, Vec<RawReading>)> {
    let mut chunk = Chunk::open(bytes, bytes.len()).unwrap();
    points.iter().map(|p| (*p, chunk.readings(*p).unwrap())).collect()
}

/// Columns of the kinds that plants make, and of the kinds they should not.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let size = 1..120usize;
    prop_oneof![
        prop::collection::vec(any::<u64>().prop_map(f64::from_bits), size.clone()),
        prop::collection::vec(-5000i32..5000, size.clone())
            .prop_map(|v| v.into_iter().map(|k| f64::from(k) / 100.0).collect()),
        (prop::collection::vec(0u16..4096, size.clone()), 1u8..200, 0u8..3).prop_map(
            |(v, span, f)| {
                v.into_iter()
                    .map(|k| match f {
                        0 => -50.0 + f64::from(k) * (f64::from(span) / 4095.0),
                        1 => f64::from(f32::from(k) * f32::from(span) / 4096.0 + 0.3),
                        _ => f64::from(k) / 27648.0 * f64::from(span) + 1e-3,
                    })
                    .collect()
            }
        ),
        prop::collection::vec(
            prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(f64::NAN)],
            size.clone()
        ),
        prop::collection::vec(any::<f32>().prop_map(f64::from), size.clone()),
        prop::collection::vec(1u32..999_999, size).prop_map(|v| v
            .into_iter()
            .map(|k| format!("{:.4e}", f64::from(k) * 1e-3).parse().unwrap())
            .collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_values_with_any_times_come_back_bit_for_bit(
        columns in prop::collection::vec((values(), any::<u64>()), 1..4),
        thorough in any::<bool>(),
    ) {
        let mut time = KEY.start_ms;
        let points: Vec<(u32, Vec<RawReading>)> = columns.iter().enumerate().map(|(p, (values, seed))| {
            let mut rows = Vec::new();
            for (i, value) in values.iter().enumerate() {
                let jitter = seed.rotate_left(i as u32 * 7) % 4;
                let source_ms = KEY.start_ms + i as i64 * 1000 + if seed % 2 == 0 { 0 } else { jitter as i64 };
                time = time.max(source_ms);
                rows.push(RawReading {
                    source_ms,
                    recv_ms: source_ms + (seed >> 60) as i64 - 3,
                    value: *value,
                    quality: (seed.rotate_left(i as u32) & 0xC3) as u16,
                    late: seed.rotate_left(i as u32) & 16 != 0,
                });
            }
            (p as u32 * 3, rows)
        }).collect();
        let effort = if thorough { Effort::Thorough } else { Effort::Fast };
        let mut hints = GridHints::new();
        for _ in 0..2 {
            // The second time with the grids found the first time.
            let bytes = encode_readings(KEY, &points, effort, &mut hints);
            let numbers: Vec<u32> = points.iter().map(|p| p.0).collect();
            prop_assert!(read_back(&bytes, &numbers) == points);
        }
    }

    #[test]
    fn bytes_that_pass_by_chance_are_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(mut chunk) = Chunk::open(&bytes[..], bytes.len()) {
            let points: Vec<u32> = chunk.head.points().collect();
            for p in points {
                let _unread = chunk.readings(p).is_err();
            }
        }
    }
}

/// The example of the format's description: two points, four scans, one bad reading, and the same minutes made an hour.
fn example() -> Vec<(u32, Vec<RawReading>)> {
    let row = |i: i64, value, quality| RawReading {
        source_ms: KEY.start_ms + i * 1000,
        recv_ms: KEY.start_ms + i * 1000 + 40,
        value,
        quality,
        late: false,
    };
    let level = (0..4).map(|i| row(i, [20.5, 20.6, 20.6, 20.4][i as usize], 192)).collect();
    let gas =
        (0..4).map(|i| row(i, if i == 2 { f64::NAN } else { 1.5 }, if i == 2 { 24 } else { 192 }));
    vec![(11, level), (12, gas.collect())]
}

fn longer_example() -> Vec<(u32, Vec<RawReading>)> {
    let rows = (0..64).map(|i| RawReading {
        source_ms: KEY.start_ms + i * 1000 + (i * 5) % 7,
        recv_ms: KEY.start_ms + i * 1000 + 40 + (i * 3) % 11,
        value: f64::from(500 + ((i * i * 13) % 41) as i32) * 250.0 / 4095.0,
        quality: 192,
        late: i > 60,
    });
    vec![(3, rows.collect())]
}

fn hex_under(document: &str, heading: &str) -> Vec<u8> {
    let section = document.split(heading).nth(1).expect("the heading stands in the document");
    let block = section.split("```").nth(1).expect("a block of hex follows it");
    let digits: String = block
        .lines()
        .skip(1)
        .flat_map(|line| line.split('|').next().unwrap_or("").chars())
        .filter(char::is_ascii_hexdigit)
        .collect();
    digits
        .as_bytes()
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_examples_of_the_description_are_what_is_written_and_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocols/history-format.md");
    let document = std::fs::read_to_string(path).unwrap();
    for (heading, points, effort) in [
        ("### Example of a block", example(), Effort::Fast),
        ("### Example of an hour", longer_example(), Effort::Thorough),
    ] {
        let written = encode_readings(KEY, &points, effort, &mut GridHints::new());
        let described = hex_under(&document, heading);
        assert_eq!(
            hex(&described),
            hex(&written),
            "{heading}: the description shows what is written"
        );
        let numbers: Vec<u32> = points.iter().map(|p| p.0).collect();
        assert!(read_back(&described, &numbers) == points, "{heading}: and it is read as it was");
    }
}

fn csv(name: &str, text: &str) -> std::path::PathBuf {
    let path =
        std::env::temp_dir().join(format!("anlan-history-{}-{name}.csv", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn tables_of_several_manners_are_read() {
    let path = csv("manners", "datetime;a;b\n2026-01-01 00:00:01;1.5;x\n2026-01-01 00:00:00;;2\n");
    let table = read_csv(&path, ';').unwrap();
    assert!(table.has_times);
    assert_eq!(table.times, [KEY.start_ms, KEY.start_ms + 1000], "put in order of time");
    assert_eq!(table.columns[0][1], (1.5, 192));
    assert_eq!(table.columns[0][0].1, 0, "an empty cell is a bad reading");
    assert_eq!(table.columns[1][1].1, 0, "so is a word");
    let path = csv("blanks", "  3.5   1e3\n 2.5\t 7\n 9.0  8\n");
    let table = read_csv(&path, ' ').unwrap();
    assert!(!table.has_times, "a first column that falls is a value");
    assert_eq!(table.columns.len(), 2);
    let path = csv("seconds", "0,5\n0.5,6\n1,7\n");
    assert_eq!(read_csv(&path, ',').unwrap().times, [0, 500, 1000]);
    assert!(read_csv(&csv("words", "a,b\nc,d\n"), ',').is_err());
}

#[test]
fn a_table_of_noise_costs_no_more_than_pco() {
    let mut text = String::from("time,pressure,counts,free\n");
    let mut x = 7u64;
    for i in 0..1500 {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let noise = (x >> 60) as f64 + (x >> 52 & 15) as f64;
        text += &format!("{},{},{},{}\n", i, 20.0 + noise * 0.125, x >> 50, (x >> 11) as f64 / 1e9);
    }
    let result = measure(Some(&csv("noise", &text)), ',').unwrap();
    assert_eq!(result["lossless"], true);
    assert_eq!(result["readings"], 4500);
    let ratio = result["ratio_to_pco"].as_f64().unwrap();
    assert!(ratio < 1.0, "{ratio}");
}

#[test]
fn singles_of_very_different_size_come_back() {
    let rows: Vec<_> = [7.610509155394926e29, 1.2231939946430223e35]
        .into_iter()
        .enumerate()
        .map(|(i, value)| RawReading {
            source_ms: KEY.start_ms + i as i64 * 1000,
            recv_ms: KEY.start_ms + i as i64 * 1000 - 3,
            value,
            quality: 0,
            late: false,
        })
        .collect();
    let points = vec![(0, rows)];
    for effort in [Effort::Fast, Effort::Thorough] {
        let mut hints = GridHints::new();
        for _ in 0..2 {
            let bytes = encode_readings(KEY, &points, effort, &mut hints);
            assert_eq!(read_back(&bytes, &[0]), points);
        }
    }
}
