//! Memory and speed of the state store: `cargo run -p anlan-store --example state_rate -- DIR`.
//!
//! 500 hosts commit a checkpoint of 4 kB each in groups, with an alarm now and then; then an idle store is opened again.

use std::path::PathBuf;
use std::time::Instant;

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, Condition, Level,
};
use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::Offset;
use anlan_store::state::fjall::{FjallState, Options};
use anlan_store::state::{AlarmSeq, HostCommit, StateStore};

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = status.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4 / 1024
}

fn entry(number: u64) -> AlarmEntry {
    AlarmEntry {
        alarm: AlarmId {
            subject: AlarmSubject("410205001.LT-1203A".into()),
            condition: Condition::High,
            occurrence: u32::try_from(number).expect("small"),
        },
        place: AlarmPlace { enterprise: None, hazard: None, equipment: None },
        change: AlarmChange::Raised {
            value: Some(1.0),
            limit: Some(2.0),
            limits_version: 1,
            level: Level::TWO,
            late: false,
            quiet: None,
        },
        source_time: UtcMillis(1),
        received_time: UtcMillis(2),
        log_offset: number,
    }
}

#[tokio::main]
async fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("a directory to write to"));
    println!("before: {} MB", resident_mb());
    let state = FjallState::open(&dir, Options::default()).expect("it opens");
    println!("open and empty: {} MB", resident_mb());
    let mut times = Vec::new();
    for round in 0..200_u64 {
        let commit = |host| HostCommit {
            host: HostNo(host),
            folded: Offset(round),
            checkpoint: vec![(u64::from(host) * 31 + round) as u8; 4000].into(),
            entries: if host % 5 == 0 { vec![entry(round)] } else { Vec::new() },
        };
        let asked = Instant::now();
        state.commit((0..500).map(commit).collect(), UtcMillis(1)).await.expect("committed");
        times.push(asked.elapsed());
    }
    times.sort();
    println!(
        "200 commits of 500 checkpoints of 4 kB and 100 entries: p50 {:?}, p99 {:?}; {} MB",
        times[100],
        times[198],
        resident_mb()
    );
    drop(state);
    let begin = Instant::now();
    let state = FjallState::open(&dir, Options::default()).expect("it opens");
    println!("opened again in {:?}: {} MB", begin.elapsed(), resident_mb());
    let begin = Instant::now();
    let read = state.alarms_after(AlarmSeq(0), usize::MAX).expect("read").len();
    println!("{read} records read in {:?}: {} MB", begin.elapsed(), resident_mb());
}
