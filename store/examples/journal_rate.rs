//! How fast the journal takes frames, beside a bare `fdatasync` loop on the same disk in the same run.
//!
//! `cargo run --release -p anlan-store --example journal_rate -- DIR [READINGS_PER_S] [SECONDS]`: 64 senders, each a frame
//! of 1,000 readings of 8 bytes at a time, paced to the rate (0: as fast as it goes).

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::segments::{Options, SegmentJournal};
use anlan_store::journal::{Journal, Record};

const SENDERS: u32 = 64;
const READINGS: u64 = 1_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().expect("a directory to write to"));
    let rate: u64 = arguments.next().map_or(0, |a| a.parse().expect("readings per second"));
    let seconds: u64 = arguments.next().map_or(10, |a| a.parse().expect("seconds"));
    std::fs::create_dir_all(&dir).expect("the directory can be made");
    bare_loop(&dir.join("bare"), rate, seconds.min(5));

    let options = Options { reserved_bytes: 0, ..Options::default() };
    let journal = SegmentJournal::open(&dir.join("journal"), options).expect("it opens");
    let journal = Arc::new(journal);
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let senders: Vec<_> = (0..SENDERS)
        .map(|source| tokio::spawn(send(Arc::clone(&journal), source, rate, begin, end)))
        .collect();
    let mut times = Vec::new();
    for sender in senders {
        times.extend(sender.await.expect("a sender"));
    }
    let readings = times.len() as u64 * READINGS;
    let per_s = readings as f64 / begin.elapsed().as_secs_f64();
    println!("journal: {:.2} M readings/s, {}", per_s / 1e6, quantiles(times));
}

async fn send(
    journal: Arc<SegmentJournal>,
    source: u32,
    rate: u64,
    begin: Instant,
    end: Instant,
) -> Vec<Duration> {
    let payload = bytes::Bytes::from(vec![source as u8; 8 * READINGS as usize]);
    let mut times = Vec::new();
    for nth in 0_u64.. {
        let before = (nth * u64::from(SENDERS) + u64::from(source)) * READINGS;
        if let Some(due) = (before * 1_000_000).checked_div(rate) {
            tokio::time::sleep_until((begin + Duration::from_micros(due)).into()).await;
        }
        let asked = Instant::now();
        if asked > end {
            break;
        }
        let record = Record {
            received: UtcMillis(1),
            kind: RecordKind::Frame,
            source,
            payload: payload.clone(),
        };
        journal.append(vec![record]).await.expect("appended");
        times.push(asked.elapsed());
    }
    times
}

/// Writes what the journal would write in 2 ms, and syncs, over and over.
fn bare_loop(path: &std::path::Path, rate: u64, seconds: u64) {
    let file = std::fs::File::create(path).expect("a file");
    let bytes = vec![1; (if rate == 0 { 1_500_000 } else { rate } / 500 * 8) as usize];
    let begin = Instant::now();
    let mut times = Vec::new();
    let mut at = 0;
    while begin.elapsed() < Duration::from_secs(seconds) {
        let asked = Instant::now();
        file.write_all_at(&bytes, at).expect("written");
        file.sync_data().expect("synced");
        at = (at + bytes.len() as u64) % (64 << 20);
        times.push(asked.elapsed());
    }
    println!("bare write of {} bytes and fdatasync: {}", bytes.len(), quantiles(times));
    std::fs::remove_file(path).expect("removed");
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.5), at(0.99), at(1.0))
}
