//! `kill -9` in the middle of writing: whatever was reported as durable is there afterwards.
//!
//! Each test starts its own binary again as the writer, which reports on its standard output, and kills it. This shows
//! what the end of a process does; a power cut also takes what was not synced, which the cut and torn files of
//! `journal_faults` stand for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, Condition, Level,
};
use anlan_domain::log::{HostNo, RecordKind};
use anlan_domain::time::UtcMillis;
use anlan_store::journal::segments::{self, SegmentJournal};
use anlan_store::journal::{Journal, Offset, Record};
use anlan_store::state::fjall::{self, FjallState};
use anlan_store::state::{AlarmSeq, HostCommit, StateStore, check_agreement};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const DIR: &str = "ANLAN_TEST_KILL_DIR";
const ROUNDS: u32 = 30;

/// Runs one round: starts `test` of this binary as a writer in `dir`, kills it after a while, and returns the last number
/// that it reported.
fn run_and_kill(test: &str, dir: &Path, after: Duration) -> Option<u64> {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut reported = None;
    let mut note = |line: String| {
        if let Some(number) = line.strip_prefix("durable ") {
            reported = number.parse().ok();
        }
    };
    // It is writing once it has reported; only then does the time run.
    for line in lines.by_ref() {
        let line = line.unwrap();
        let begun = line.starts_with("durable ");
        note(line);
        if begun {
            break;
        }
    }
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    // The pipe ends when the child does. A line cut by the kill has no newline and is a number cut short: never more.
    lines.map_while(Result::ok).for_each(&mut note);
    killer.join().unwrap();
    reported
}

fn report(number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "durable {number}").unwrap();
    out.flush().unwrap();
}

fn record(offset: u64) -> Record {
    Record {
        received: UtcMillis(offset.cast_signed()),
        kind: RecordKind::Frame,
        source: 1,
        payload: vec![offset as u8; (offset * 37 % 3000) as usize].into(),
    }
}

fn open_journal(dir: &Path) -> SegmentJournal {
    let options = segments::Options {
        segment_bytes: 300_000,
        allocate_bytes: 64 << 10,
        reserved_bytes: 0,
        ..Default::default()
    };
    SegmentJournal::open(dir, options).unwrap()
}

#[tokio::test]
async fn a_killed_writer_of_the_journal_loses_nothing_that_it_reported() {
    if let Ok(dir) = std::env::var(DIR) {
        let journal = open_journal(dir.as_ref());
        let mut random = StdRng::seed_from_u64(journal.bounds().1.0);
        loop {
            let next = journal.bounds().1.0;
            let end = next + random.random_range(1..20);
            journal.append((next..end).map(record).collect()).await.unwrap();
            report(end);
            if random.random_bool(0.05) {
                journal.seal().await.unwrap();
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let mut checked = 1;
    for round in 0..ROUNDS {
        let after = Duration::from_micros(random.random_range(0..60_000));
        let name = "a_killed_writer_of_the_journal_loses_nothing_that_it_reported";
        let reported = run_and_kill(name, dir.path(), after).expect("it reported something");
        let journal = open_journal(dir.path());
        let next = journal.bounds().1.0;
        assert!(next >= reported, "round {round}: {reported} was reported, {next} comes next");
        while checked < next {
            for (offset, found) in journal.read(Offset(checked), 1000, 1 << 20).unwrap() {
                assert_eq!((offset, found), (Offset(checked), record(checked)), "round {round}");
                checked += 1;
            }
        }
        assert_eq!(journal.segments().iter().map(|s| s.next.0 - s.first.0).sum::<u64>(), next - 1);
    }
}

const HOSTS: u32 = 5;

/// Entry number `number` of one host.
fn entry(host: u32, number: u64) -> AlarmEntry {
    AlarmEntry {
        alarm: AlarmId {
            subject: AlarmSubject(format!("host {host}").into()),
            condition: Condition::High,
            occurrence: u32::try_from(number).unwrap(),
        },
        place: AlarmPlace { enterprise: None, hazard: None, equipment: None },
        change: AlarmChange::Raised {
            value: Some(number as f64),
            limit: None,
            limits_version: 1,
            level: Level::TWO,
            late: false,
            quiet: None,
        },
        source_time: UtcMillis(number.cast_signed()),
        received_time: UtcMillis(number.cast_signed()),
        log_offset: number,
    }
}

/// How many entries a host has written: its checkpoint says so, and the offset folded into it is three times that.
fn entries_of(state: &FjallState, host: u32) -> u64 {
    let Some((folded, checkpoint)) = state.checkpoint(HostNo(host)).unwrap() else { return 0 };
    let number = u64::from_le_bytes(checkpoint[..8].try_into().unwrap());
    assert!(checkpoint[8..].iter().all(|&b| b == number as u8));
    assert_eq!(folded, Offset(number * 3));
    number
}

#[tokio::test]
async fn a_killed_writer_of_alarms_leaves_entries_checkpoint_and_offset_agreeing() {
    let open = |dir: &Path| FjallState::open(dir, fjall::Options::default()).unwrap();
    if let Ok(dir) = std::env::var(DIR) {
        let state = open(dir.as_ref());
        let mut random = StdRng::seed_from_u64(state.last_alarm().0);
        let mut written: Vec<u64> = (0..HOSTS).map(|host| entries_of(&state, host)).collect();
        loop {
            let mut commit = |host: u32| {
                let begin = written[host as usize];
                let end = begin + random.random_range(0..4);
                written[host as usize] = end;
                let mut checkpoint = end.to_le_bytes().to_vec();
                checkpoint.resize(8 + (end * 91 % 9000) as usize, end as u8);
                HostCommit {
                    host: HostNo(host),
                    folded: Offset(end * 3),
                    checkpoint: checkpoint.into(),
                    entries: (begin..end).map(|number| entry(host, number)).collect(),
                }
            };
            let batch = (0..HOSTS).map(&mut commit).collect();
            state.commit(batch, UtcMillis(1)).await.unwrap();
            report(state.last_alarm().0);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(2);
    for round in 0..ROUNDS {
        let after = Duration::from_micros(random.random_range(0..60_000));
        let name = "a_killed_writer_of_alarms_leaves_entries_checkpoint_and_offset_agreeing";
        let reported = run_and_kill(name, dir.path(), after).expect("it reported something");
        let state = open(dir.path());
        assert!(state.last_alarm().0 >= reported, "round {round}");
        let mut found = [0; HOSTS as usize];
        for record in state.alarms_after(AlarmSeq(0), usize::MAX).unwrap() {
            let host = record.host.0;
            assert_eq!(record.entry, entry(host, found[host as usize]), "round {round}");
            found[host as usize] += 1;
        }
        for (host, found) in (0..).zip(found) {
            assert_eq!(entries_of(&state, host), found, "round {round}, host {host}");
        }
        assert_eq!(
            state.oldest_folded().unwrap(),
            found.iter().min().map(|least| Offset(least * 3)),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn a_journal_that_ends_before_what_is_folded_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open_journal(&dir.path().join("journal"));
    let state = FjallState::open(&dir.path().join("state"), fjall::Options::default()).unwrap();
    check_agreement(&journal, &state).unwrap();
    journal.append((1..=3).map(record).collect()).await.unwrap();
    let commit = |folded| {
        let commit = HostCommit {
            host: HostNo(1),
            folded: Offset(folded),
            checkpoint: vec![1].into(),
            entries: vec![],
        };
        state.commit(vec![commit], UtcMillis(1))
    };
    commit(3).await.unwrap();
    check_agreement(&journal, &state).unwrap();
    commit(4).await.unwrap();
    let refused = check_agreement(&journal, &state).unwrap_err().to_string();
    assert!(
        refused.contains("before offset 4") && refused.contains("offset 4 folded"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_failed_commit_ends_the_state_store_and_shows_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let writes = std::sync::atomic::AtomicU32::new(0);
    let check = move || match writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 | 1 => Ok(()),
        _ => Err(std::io::ErrorKind::StorageFull.into()),
    };
    let options =
        fjall::Options { before_write: Some(std::sync::Arc::new(check)), ..Default::default() };
    let state = FjallState::open(dir.path(), options).unwrap();
    let commit = |number| {
        let commit = HostCommit {
            host: HostNo(1),
            folded: Offset(number),
            checkpoint: vec![1].into(),
            entries: vec![entry(1, number)],
        };
        state.commit(vec![commit], UtcMillis(1))
    };
    commit(0).await.unwrap();
    state.put("key", "value".into()).await.unwrap();
    let failed = commit(1).await;
    assert!(matches!(failed, Err(anlan_store::state::StateError::Write(_))), "{failed:?}");
    for later in [commit(2).await.map(|_| ()), state.put("key", "new".into()).await] {
        assert!(matches!(later, Err(anlan_store::state::StateError::Failed)), "{later:?}");
    }
    let seen = |state: &FjallState| {
        assert_eq!(state.last_alarm(), AlarmSeq(1));
        assert_eq!(state.alarms_after(AlarmSeq(0), 10).unwrap().len(), 1);
        assert_eq!(state.checkpoint(HostNo(1)).unwrap().unwrap().0, Offset(0));
        assert_eq!(state.get("key").unwrap().unwrap(), "value");
    };
    seen(&state);
    drop(state);
    seen(&FjallState::open(dir.path(), fjall::Options::default()).unwrap());
}
