//! Conformance of a [`StateStore`].

use std::sync::Arc;

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, ClearReason, Condition, Level,
};
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::life_cycle::{Quiet, ResumeReason, Until};
use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use bytes::Bytes;

use crate::journal::Offset;
use crate::state::{AlarmSeq, HostCommit, StateStore};

/// Runs every check. `open` opens the same store, empty at first; it is called again after the engine was dropped.
pub async fn state<S, F>(mut open: impl FnMut() -> F)
where
    S: StateStore,
    F: Future<Output = S>,
{
    let engine = open().await;
    an_empty_store_has_nothing(&engine).await;
    entries_come_back_as_they_were_written(&engine).await;
    every_entry_has_been_kept(&engine);
    drop(engine);
    let engine = open().await;
    every_entry_has_been_kept(&engine);
    the_last_checkpoint_counts(&engine).await;
    documents_are_kept_by_name(&engine).await;
    removed_documents_are_gone_and_may_come_anew(&engine).await;
    let engine = Arc::new(engine);
    concurrent_commits_get_numbers_of_their_own(&engine).await;
    let last = engine.last_alarm();
    drop(engine);
    let engine = open().await;
    assert_eq!(engine.last_alarm(), last);
    assert_eq!(engine.get("a/2").expect("get"), Some(Bytes::from_static(b"two")));
    let kept = engine.scan("gone/").expect("scan");
    assert_eq!(kept, [("gone/2".to_owned(), Bytes::from_static(b"new"))], "after a restart too");
    assert_eq!(engine.oldest_folded().expect("oldest"), Some(Offset(50)));
    forgotten_hosts_are_gone(&engine).await;
    drop(engine);
    assert_eq!(open().await.checkpoint(HostNo(1)).expect("read"), None);
}

/// One entry of each kind and shape.
fn entry(number: u64) -> AlarmEntry {
    let time = |ms: u64| UtcMillis(1_700_000_000_000 + ms.cast_signed());
    let change = match number % 11 {
        0 => AlarmChange::Raised {
            value: Some(85.2),
            limit: Some(85.0),
            limits_version: 7,
            level: Level::ONE,
            late: false,
            quiet: Some(Quiet::Shelved),
        },
        1 => AlarmChange::Raised {
            value: None,
            limit: None,
            limits_version: 0,
            level: Level::FOUR,
            late: true,
            quiet: None,
        },
        2 => AlarmChange::Cleared {
            reason: ClearReason::LimitsChanged,
            value: Some(-0.0),
            latched: true,
        },
        3 => AlarmChange::Cleared { reason: ClearReason::ParentLost, value: None, latched: false },
        4 => {
            AlarmChange::Acknowledged { by: "park".into(), comment: "已派人 \"到场\"".into() }
        }
        5 => AlarmChange::Quieted {
            quiet: Quiet::Shelved,
            by: Some("park".into()),
            reason: "校验".into(),
            until: Some(Until::Returned { at_most: time(9) }),
        },
        6 => AlarmChange::Resumed {
            quiet: Quiet::OutOfService,
            why: ResumeReason::Person,
            by: None,
            still: Some(Quiet::Suppressed),
        },
        7 => AlarmChange::Commented { by: "park".into(), comment: "已到场".into() },
        8 => AlarmChange::Taken { by: "park".into(), comment: String::new() },
        9 => AlarmChange::Disposed {
            by: "park".into(),
            cause: "instrument".into(),
            measure: "repaired".into(),
            comment: String::new(),
        },
        _ => AlarmChange::Amended { raised_at: Some(time(3)), cleared_at: None },
    };
    let enterprise = EnterpriseCode::new("410205001").expect("a code");
    let (subject, place) = if number.is_multiple_of(2) {
        let place = AlarmPlace {
            enterprise: Some(enterprise),
            hazard: Some(HazardCode::new("410205001001").expect("a code")),
            equipment: Some(EquipmentId::new("410205001.储罐-1").expect("an id")),
        };
        ("410205001.LT-1203A", place)
    } else {
        ("center", AlarmPlace { enterprise: None, hazard: None, equipment: None })
    };
    AlarmEntry {
        alarm: AlarmId {
            subject: AlarmSubject(subject.into()),
            condition: Condition::ALL[number as usize % Condition::ALL.len()],
            occurrence: u32::try_from(number).expect("small"),
        },
        place,
        change,
        source_time: time(number * 10),
        received_time: time(number * 10 + 4),
        log_offset: number * 3,
    }
}

fn commit(host: u32, folded: u64, numbers: std::ops::Range<u64>) -> HostCommit {
    HostCommit {
        host: HostNo(host),
        folded: Offset(folded),
        checkpoint: Bytes::from(format!("host {host} at {folded}")),
        entries: numbers.map(entry).collect(),
    }
}

async fn an_empty_store_has_nothing(engine: &impl StateStore) {
    assert_eq!(engine.last_alarm(), AlarmSeq(0));
    assert_eq!(engine.alarms_after(AlarmSeq(0), 10).expect("read"), []);
    assert_eq!(engine.alarms_after(AlarmSeq(9), 10).expect("read"), []);
    assert_eq!(engine.checkpoint(HostNo(1)).expect("read"), None);
    assert_eq!(engine.oldest_folded().expect("oldest"), None);
    assert_eq!(engine.newest_folded().expect("newest"), None);
    assert_eq!(engine.get("a").expect("get"), None);
    assert_eq!(engine.scan("").expect("scan"), []);
    let nothing = engine.commit(Vec::new(), UtcMillis(5)).await.expect("commit");
    assert_eq!(nothing, (AlarmSeq(1), AlarmSeq(1)));
}

/// Host 1 writes entries 0 to 29, three at a time, host 2 one in between each.
async fn entries_come_back_as_they_were_written(engine: &impl StateStore) {
    for round in 0..10 {
        let batch = vec![
            commit(1, 100 + round, round * 3..round * 3 + 3),
            commit(2, 50, 1000 + round..1001 + round),
        ];
        let range = engine.commit(batch, UtcMillis(round.cast_signed())).await.expect("commit");
        assert_eq!(range, (AlarmSeq(round * 4 + 1), AlarmSeq(round * 4 + 5)));
        assert_eq!(engine.last_alarm(), AlarmSeq(round * 4 + 4));
    }
}

fn every_entry_has_been_kept(engine: &impl StateStore) {
    let mut after = AlarmSeq(0);
    for round in 0..10_u64 {
        let expected = (round * 3..round * 3 + 3).map(|n| (1, n)).chain([(2, 1000 + round)]);
        let read = engine.alarms_after(after, 4).expect("read");
        assert_eq!(read.len(), 4);
        for (record, (host, number)) in read.iter().zip(expected) {
            assert_eq!(record.seq.0, after.0 + 1);
            assert_eq!(record.host, HostNo(host));
            assert_eq!(record.decided_time, UtcMillis(round.cast_signed()));
            assert_eq!(record.entry, entry(number));
            after = record.seq;
        }
    }
    assert_eq!(engine.alarms_after(after, 10).expect("read"), []);
    assert_eq!(engine.alarms_after(AlarmSeq(37), usize::MAX).expect("read").len(), 3);
    assert_eq!(engine.alarms_after(AlarmSeq(0), 0).expect("read"), []);
    assert_eq!(engine.last_alarm(), AlarmSeq(40));
    let checkpoint = engine.checkpoint(HostNo(1)).expect("read");
    assert_eq!(checkpoint, Some((Offset(109), Bytes::from_static(b"host 1 at 109"))));
    assert_eq!(engine.oldest_folded().expect("oldest"), Some(Offset(50)));
    assert_eq!(engine.newest_folded().expect("newest"), Some(Offset(109)));
}

async fn the_last_checkpoint_counts(engine: &impl StateStore) {
    let batch = vec![commit(1, 200, 0..0), commit(3, 300, 0..0), commit(1, 201, 0..0)];
    engine.commit(batch, UtcMillis(1)).await.expect("commit");
    let (folded, checkpoint) = engine.checkpoint(HostNo(1)).expect("read").expect("there is one");
    assert_eq!((folded, &checkpoint[..]), (Offset(201), &b"host 1 at 201"[..]));
    assert_eq!(engine.oldest_folded().expect("oldest"), Some(Offset(50)));
    assert_eq!(engine.last_alarm(), AlarmSeq(40), "no entry, no number");
}

async fn documents_are_kept_by_name(engine: &impl StateStore) {
    for (key, value) in [("a/2", "x"), ("a/1", "one"), ("a/2", "two"), ("b", ""), ("a", "none")] {
        engine.put(key, Bytes::from_static(value.as_bytes())).await.expect("put");
    }
    assert_eq!(engine.get("b").expect("get"), Some(Bytes::new()));
    assert_eq!(engine.get("c").expect("get"), None);
    let found = engine.scan("a/").expect("scan");
    let names: Vec<_> = found.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    assert_eq!(names, [("a/1", &b"one"[..]), ("a/2", &b"two"[..])]);
    assert_eq!(engine.scan("").expect("scan").len(), 4);
}

async fn removed_documents_are_gone_and_may_come_anew(engine: &impl StateStore) {
    for key in ["gone/1", "gone/2", "gone/3"] {
        engine.put(key, Bytes::from_static(b"old")).await.expect("put");
    }
    let keys = ["gone/1", "gone/2", "never/was"].map(str::to_owned).to_vec();
    engine.remove(keys).await.expect("remove");
    assert_eq!(engine.get("gone/1").expect("get"), None);
    assert_eq!(engine.scan("gone/").expect("scan").len(), 1);
    engine.put("gone/2", Bytes::from_static(b"new")).await.expect("put");
    assert_eq!(engine.get("gone/2").expect("get"), Some(Bytes::from_static(b"new")));
    engine.remove(Vec::new()).await.expect("remove nothing");
    engine.remove(vec!["gone/3".to_owned()]).await.expect("remove");
}

async fn concurrent_commits_get_numbers_of_their_own<S: StateStore>(engine: &Arc<S>) {
    let before = engine.last_alarm().0;
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let engine = Arc::clone(engine);
            tokio::spawn(async move {
                let host = 10 + u32::try_from(task).expect("small");
                for round in 0..20 {
                    let batch = vec![commit(host, 1000 + round, 0..3)];
                    let (first, next) =
                        engine.commit(batch, UtcMillis(task.cast_signed())).await.expect("commit");
                    assert_eq!(next.0 - first.0, 3);
                    let read =
                        engine.alarms_after(AlarmSeq(first.0 - 1), 3).expect("visible at once");
                    assert!(read.iter().all(|record| record.host == HostNo(host)), "one run");
                    let checkpoint = engine.checkpoint(HostNo(host)).expect("read");
                    assert_eq!(checkpoint.expect("there").0, Offset(1000 + round));
                    engine.put("shared", Bytes::from(round.to_string())).await.expect("put");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("committer");
    }
    assert_eq!(engine.last_alarm().0, before + 8 * 20 * 3);
}

async fn forgotten_hosts_are_gone(engine: &impl StateStore) {
    engine.forget(HostNo(2)).await.expect("forget");
    assert_eq!(engine.checkpoint(HostNo(2)).expect("read"), None);
    assert_eq!(engine.oldest_folded().expect("oldest"), Some(Offset(201)));
    engine.forget(HostNo(1)).await.expect("forget");
    engine.forget(HostNo(77)).await.expect("forgetting what never was");
    assert_eq!(engine.oldest_folded().expect("oldest"), Some(Offset(300)));
}
