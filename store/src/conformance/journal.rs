//! Conformance of a [`Journal`].

use std::sync::Arc;

use anlan_domain::log::RecordKind;
use anlan_domain::time::UtcMillis;
use bytes::Bytes;

use crate::journal::{Journal, JournalError, Offset, Record};

/// Runs every check. `open` opens the same journal, empty at first; it is called again after the engine was dropped.
pub async fn journal<J, F>(mut open: impl FnMut() -> F)
where
    J: Journal,
    F: Future<Output = J>,
{
    let engine = open().await;
    an_empty_journal_has_nothing(&engine).await;
    offsets_are_dense_from_one(&engine).await;
    drop(engine);
    let engine = open().await;
    a_reopened_journal_holds_the_same(&engine);
    limits_of_a_read_are_kept(&engine);
    segments_tile_the_journal(&engine).await;
    let engine = Arc::new(engine);
    concurrent_appends_keep_each_batch_together(&engine).await;
    readers_see_each_record_once_while_appending(&engine).await;
    let next = engine.bounds().1;
    drop(engine);
    let engine = open().await;
    assert_eq!(engine.bounds(), (Offset(1), next), "reopened");
    trimming_takes_whole_sealed_segments(&engine).await;
    let bounds = engine.bounds();
    drop(engine);
    let engine = open().await;
    assert_eq!(engine.bounds(), bounds, "what was trimmed stays trimmed");
    offsets_go_on_when_everything_was_trimmed(&engine).await;
    let bounds = engine.bounds();
    drop(engine);
    assert_eq!(open().await.bounds(), bounds, "an empty journal remembers its next offset");
}

fn record(number: u64, size: usize) -> Record {
    let kinds = [RecordKind::Frame, RecordKind::Command, RecordKind::Tick, RecordKind::CenterLink];
    let byte = |i: usize| u8::try_from((number as usize * 31 + i * 7) % 251).expect("below 251");
    Record {
        received: UtcMillis(1_700_000_000_000 + number.cast_signed() * 3),
        kind: kinds[number as usize % kinds.len()],
        source: u32::try_from(number % 1000).expect("below 1000"),
        payload: Bytes::from_iter((0..size).map(byte)),
    }
}

/// Record number `number` of the first checks; sizes from nothing to some ten kilobytes.
fn sample(number: u64) -> Record {
    record(number, [0, 1, 33, 900, 12_345][number as usize % 5])
}

const SAMPLES: u64 = 400;

fn read_all(engine: &impl Journal, from: u64) -> Vec<(Offset, Record)> {
    let mut out: Vec<(Offset, Record)> = Vec::new();
    let mut from = Offset(from);
    loop {
        let part = engine.read(from, 37, 100_000).expect("a sound journal is read");
        let Some((last, _)) = part.last() else { return out };
        from = Offset(last.0 + 1);
        out.extend(part);
    }
}

async fn an_empty_journal_has_nothing(engine: &impl Journal) {
    assert_eq!(engine.bounds(), (Offset(1), Offset(1)));
    assert_eq!(engine.read(Offset(1), 10, 1000).expect("read"), []);
    assert_eq!(engine.read(Offset(0), 10, 1000).expect("read"), []);
    assert_eq!(engine.append(Vec::new()).await.expect("append"), Offset(1));
    engine.seal().await.expect("seal");
    assert_eq!(engine.segments().len(), 1, "nothing to seal");
    engine.trim(Offset(100)).await.expect("trim");
    assert_eq!(engine.bounds(), (Offset(1), Offset(1)));
}

async fn offsets_are_dense_from_one(engine: &impl Journal) {
    let mut number = 1;
    while number <= SAMPLES {
        let count = (number % 7 + 1).min(SAMPLES + 1 - number);
        let batch = (number..number + count).map(sample).collect();
        assert_eq!(engine.append(batch).await.expect("append"), Offset(number));
        number += count;
        assert_eq!(engine.bounds(), (Offset(1), Offset(number)));
    }
    a_reopened_journal_holds_the_same(engine);
}

fn a_reopened_journal_holds_the_same(engine: &impl Journal) {
    assert_eq!(engine.bounds(), (Offset(1), Offset(SAMPLES + 1)));
    let all = read_all(engine, 0);
    assert_eq!(all.len() as u64, SAMPLES);
    for (number, (offset, read)) in (1..).zip(all) {
        assert_eq!((offset, read), (Offset(number), sample(number)));
    }
}

fn limits_of_a_read_are_kept(engine: &impl Journal) {
    let read = |from, records, bytes| engine.read(Offset(from), records, bytes).expect("read");
    assert_eq!(read(5, 3, 1 << 20).iter().map(|r| r.0.0).collect::<Vec<_>>(), [5, 6, 7]);
    assert_eq!(read(SAMPLES, 3, 1 << 20).len(), 1);
    assert_eq!(read(SAMPLES + 1, 3, 1 << 20), []);
    assert_eq!(read(SAMPLES + 1000, 3, 1 << 20), []);
    assert_eq!(read(4, 100, 1).len(), 1, "at least one record, however small the limit");
    let some: usize = read(1, 1000, 50_000).iter().map(|(_, r)| r.payload.len()).sum();
    assert!(some > 20_000 && some <= 62_345, "about so many bytes: {some}");
    for from in [1, 2, 99, 250, SAMPLES] {
        let (offset, found) = read(from, 1, 1 << 20).remove(0);
        assert_eq!((offset, found), (Offset(from), sample(from)));
    }
}

async fn segments_tile_the_journal(engine: &impl Journal) {
    engine.seal().await.expect("seal");
    let segments = engine.segments();
    assert!(segments.len() >= 2);
    let mut next = engine.bounds().0;
    for pair in segments.windows(2) {
        assert!(pair[0].id < pair[1].id);
        assert!(pair[0].sealed, "only the last is open");
    }
    for segment in &segments {
        assert_eq!(segment.first, next);
        next = segment.next;
    }
    let last = segments.last().expect("there is one");
    assert!(!last.sealed && last.first == last.next);
    assert_eq!(next, engine.bounds().1);
    engine.seal().await.expect("sealing what is empty");
    assert_eq!(engine.segments(), segments);
    a_reopened_journal_holds_the_same(engine);
}

async fn concurrent_appends_keep_each_batch_together<J: Journal>(engine: &Arc<J>) {
    let begin = engine.bounds().1.0;
    let tasks: Vec<_> = (0..16_u64)
        .map(|task| {
            let engine = Arc::clone(engine);
            tokio::spawn(async move {
                let mut places = Vec::new();
                for round in 0..10 {
                    let batch: Vec<_> =
                        (0..5).map(|i| record(task * 1000 + round * 10 + i, 50)).collect();
                    let first = engine.append(batch.clone()).await.expect("append");
                    // Durable, so visible: to everybody, and at once.
                    let read = engine.read(first, 5, 1 << 20).expect("read");
                    assert_eq!(read.into_iter().map(|(_, r)| r).collect::<Vec<_>>(), batch);
                    places.push(first.0);
                }
                assert!(places.is_sorted(), "one appender's batches stay in order");
                places
            })
        })
        .collect();
    let mut places = Vec::new();
    for task in tasks {
        places.extend(task.await.expect("appender"));
    }
    places.sort_unstable();
    assert_eq!(places, (0..160).map(|i| begin + i * 5).collect::<Vec<_>>());
}

async fn readers_see_each_record_once_while_appending<J: Journal>(engine: &Arc<J>) {
    let begin = engine.bounds().1.0;
    let end = begin + 600;
    let reader = {
        let engine = Arc::clone(engine);
        tokio::task::spawn_blocking(move || {
            let mut at = begin;
            while at < end {
                for (offset, read) in engine.read(Offset(at), 100, 1 << 20).expect("read") {
                    assert_eq!((offset, read), (Offset(at), record(at, 200)));
                    at += 1;
                }
                std::thread::yield_now();
            }
        })
    };
    for first in (begin..end).step_by(6) {
        let batch = (first..first + 6).map(|number| record(number, 200)).collect();
        engine.append(batch).await.expect("append");
        if first.is_multiple_of(90) {
            engine.seal().await.expect("seal");
        }
    }
    reader.await.expect("reader");
}

async fn trimming_takes_whole_sealed_segments(engine: &impl Journal) {
    engine.seal().await.expect("seal");
    let next = engine.bounds().1;
    engine.append((0..10).map(|i| record(i, 10)).collect()).await.expect("append");
    let segments = engine.segments();
    let second = segments[1];
    engine.trim(Offset(second.first.0 - 1)).await.expect("trim");
    assert_eq!(engine.segments(), segments, "a segment still needed stays whole");
    engine.trim(second.first).await.expect("trim");
    assert_eq!(engine.bounds().0, second.first);
    assert_eq!(engine.segments(), segments[1..]);
    match engine.read(Offset(second.first.0 - 1), 1, 1000) {
        Err(JournalError::Trimmed { first, asked }) => {
            assert_eq!((first, asked.0), (second.first, second.first.0 - 1));
        }
        other => panic!("reading what was trimmed gave {other:?}"),
    }
    engine.trim(Offset(u64::MAX)).await.expect("trim");
    assert_eq!(engine.bounds(), (next, Offset(next.0 + 10)), "the open segment stays");
    assert_eq!(read_all(engine, next.0).len(), 10);
}

async fn offsets_go_on_when_everything_was_trimmed(engine: &impl Journal) {
    let next = engine.bounds().1;
    engine.seal().await.expect("seal");
    engine.trim(next).await.expect("trim");
    assert_eq!(engine.bounds(), (next, next));
    let record = record(7, 7);
    assert_eq!(engine.append(vec![record.clone()]).await.expect("append"), next);
    assert_eq!(engine.read(next, 10, 1000).expect("read"), [(next, record)]);
    engine.seal().await.expect("seal");
    engine.trim(Offset(next.0 + 1)).await.expect("trim");
}
