//! The alarm index against the alarm log that it is a projection of.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, ClearReason, Condition, Level,
};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::{EnterpriseCode, EquipmentId};
use anlan_domain::life_cycle::{AlarmState, Quiet, ResumeReason, Until};
use anlan_domain::log::{self, HostNo};
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::{
    AlarmFilter, AlarmIndex, AlarmRow, AlarmSpan, EquipmentStateRow, HourCount, IndexError,
};
use anlan_store::journal::Offset;
use anlan_store::state::fjall::{FjallState, Options};
use anlan_store::state::{AlarmSeq, HostCommit, StateStore};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const BEGIN: i64 = 1_700_000_000_000;

struct Setting {
    dir: tempfile::TempDir,
    log: Arc<FjallState>,
    index: AlarmIndex,
}

impl Setting {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = FjallState::open(&dir.path().join("state"), Options::default()).unwrap();
        let index = AlarmIndex::open(&dir.path().join("alarm-index.db")).await.unwrap();
        Self { dir, log: Arc::new(log), index }
    }

    async fn write(&self, entries: Vec<AlarmEntry>) {
        let commit = HostCommit {
            host: HostNo(1),
            folded: Offset(1),
            checkpoint: bytes::Bytes::new(),
            entries,
        };
        self.log.commit(vec![commit], UtcMillis(BEGIN + 99)).await.unwrap();
    }

    async fn follow(&self) {
        assert_eq!(self.index.follow(&self.log).await.unwrap(), self.log.last_alarm());
    }

    async fn all(&self, filter: &AlarmFilter) -> Vec<AlarmRow> {
        let mut out = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.index.search(filter, cursor.as_deref(), 7).await.unwrap();
            assert!(page.items.len() <= 7);
            out.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return out;
            }
        }
    }

    async fn ids(&self, filter: AlarmFilter) -> Vec<String> {
        self.all(&filter).await.into_iter().map(|row| row.id.to_string()).collect()
    }
}

fn alarm(enterprise: u32, tag: &str, condition: Condition, occurrence: u32) -> AlarmId {
    let subject = AlarmSubject(format!("41020500{enterprise}.{tag}").into());
    AlarmId { subject, condition, occurrence }
}

fn entry(alarm: &AlarmId, at_s: i64, change: AlarmChange) -> AlarmEntry {
    let point = alarm.subject.0.split_once('.');
    let place = AlarmPlace {
        enterprise: point.map(|(enterprise, _)| EnterpriseCode::new(enterprise).unwrap()),
        hazard: None,
        equipment: point.map(|(enterprise, tag)| {
            EquipmentId::new(&format!("{enterprise}.V-{}", &tag[3..])).unwrap()
        }),
    };
    AlarmEntry {
        alarm: alarm.clone(),
        place,
        change,
        source_time: UtcMillis(BEGIN + at_s * 1000),
        received_time: UtcMillis(BEGIN + at_s * 1000 + 40),
        log_offset: 1,
    }
}

fn raised(level: Level) -> AlarmChange {
    AlarmChange::Raised {
        value: Some(85.5),
        limit: Some(85.0),
        limits_version: 3,
        level,
        late: false,
        quiet: None,
    }
}

fn cleared() -> AlarmChange {
    AlarmChange::Cleared { reason: ClearReason::Returned, value: Some(80.0), latched: false }
}

fn acknowledged(by: &str, comment: &str) -> AlarmChange {
    AlarmChange::Acknowledged { by: by.into(), comment: comment.into() }
}

#[tokio::test]
async fn an_alarm_under_an_identity_that_was_used_before_is_shown_and_counted() {
    let setting = Setting::new().await;
    let (closed, standing) =
        (alarm(1, "LT-1", Condition::High, 1), alarm(1, "LT-2", Condition::High, 1));
    for id in [&closed, &standing] {
        setting.write(vec![entry(id, 10, raised(Level::TWO))]).await;
        setting.write(vec![entry(id, 20, acknowledged("park", "seen"))]).await;
    }
    setting.write(vec![entry(&closed, 30, cleared())]).await;
    setting.follow().await;
    assert_eq!(setting.ids(AlarmFilter::open()).await, [standing.to_string()]);
    assert_eq!(setting.index.raised_again(), 0);

    for id in [&closed, &standing] {
        setting.write(vec![entry(id, 50, raised(Level::ONE))]).await;
    }
    setting.follow().await;
    assert_eq!(setting.index.raised_again(), 2);
    for id in [&closed, &standing] {
        let row = setting.index.get(id).await.unwrap().unwrap();
        assert_eq!((row.state, row.level), (AlarmState::Unacknowledged, Level::ONE));
        assert_eq!(row.raised_at, UtcMillis(BEGIN + 50_000));
        assert_eq!(
            (row.cleared_at, row.clear_reason, row.acked_by, row.comment),
            (None, None, None, None)
        );
    }
    assert_eq!(setting.ids(AlarmFilter::open()).await.len(), 2, "both stand on the desk again");
    let entries = setting.index.entries(&closed, &setting.log).await.unwrap();
    assert_eq!(entries.len(), 4, "the log keeps what was before");
}

#[tokio::test]
async fn a_row_tells_the_life_of_its_alarm() {
    let setting = Setting::new().await;
    let id = alarm(1, "LT-1", Condition::HighHigh, 7);
    setting.write(vec![entry(&id, 10, raised(Level::ONE))]).await;
    setting.follow().await;
    let row = setting.index.get(&id).await.unwrap().unwrap();
    let expected = AlarmRow {
        id: id.clone(),
        enterprise: Some(EnterpriseCode::new("410205001").unwrap()),
        hazard: None,
        equipment: Some(EquipmentId::new("410205001.V-1").unwrap()),
        level: Level::ONE,
        state: AlarmState::Unacknowledged,
        late: false,
        raised_at: UtcMillis(BEGIN + 10_000),
        received_at: UtcMillis(BEGIN + 10_040),
        decided_at: UtcMillis(BEGIN + 99),
        cleared_at: None,
        clear_reason: None,
        value: Some(85.5),
        limit: Some(85.0),
        limits_version: 3,
        acked_by: None,
        acked_at: None,
        comment: None,
        owner: None,
        disposition: None,
        crossings: None,
        chattering: false,
        first_seq: AlarmSeq(1),
        last_seq: AlarmSeq(1),
    };
    assert_eq!(row, expected);

    let amended =
        AlarmChange::Amended { raised_at: Some(UtcMillis(BEGIN + 5_000)), cleared_at: None };
    setting
        .write(vec![
            entry(&id, 20, acknowledged("park", "去看")),
            entry(&id, 21, amended),
            entry(&id, 30, cleared()),
        ])
        .await;
    setting.follow().await;
    let expected = AlarmRow {
        state: AlarmState::Closed,
        raised_at: UtcMillis(BEGIN + 5_000),
        cleared_at: Some(UtcMillis(BEGIN + 30_000)),
        clear_reason: Some(ClearReason::Returned),
        acked_by: Some("park".into()),
        acked_at: Some(UtcMillis(BEGIN + 20_000)),
        comment: Some("去看".into()),
        last_seq: AlarmSeq(4),
        ..expected
    };
    assert_eq!(setting.index.get(&id).await.unwrap().unwrap(), expected);
    let log = setting.index.entries(&id, &setting.log).await.unwrap();
    assert_eq!(log.iter().map(|r| r.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let other = alarm(1, "LT-1", Condition::High, 7);
    assert_eq!(setting.index.get(&other).await.unwrap(), None);
    assert_eq!(setting.index.entries(&other, &setting.log).await.unwrap(), []);
}

#[tokio::test]
async fn a_search_keeps_to_its_filter() {
    let setting = Setting::new().await;
    let high = alarm(1, "LT-1", Condition::High, 1);
    let gas = alarm(2, "GT-2", Condition::HighHigh, 1);
    let late = alarm(2, "TT-3", Condition::Low, 1);
    let center = AlarmId {
        subject: AlarmSubject("center".into()),
        condition: Condition::CenterLink,
        occurrence: 1,
    };
    let back_filled = AlarmChange::Raised {
        value: None,
        limit: None,
        limits_version: 0,
        level: Level::FOUR,
        late: true,
        quiet: None,
    };
    setting
        .write(vec![
            entry(&high, 10, raised(Level::THREE)),
            entry(&gas, 20, raised(Level::ONE)),
            entry(&center, 30, raised(Level::ONE)),
            entry(&late, 5, back_filled),
            entry(&late, 6, cleared()),
            entry(&gas, 40, acknowledged("wang", "50%_处置\\完毕")),
            entry(&high, 41, cleared()),
            entry(&high, 42, acknowledged("li", "")),
        ])
        .await;
    setting.follow().await;
    let text = |id: &AlarmId| id.to_string();
    let (high, gas, late, center) = (text(&high), text(&gas), text(&late), text(&center));
    let enterprise = |n: u32| Some(vec![EnterpriseCode::new(&format!("41020500{n}")).unwrap()]);
    let all = [&center, &gas, &high, &late];
    let check = async |filter: AlarmFilter, expected: &[&String]| {
        assert_eq!(
            setting.ids(filter.clone()).await.iter().collect::<Vec<_>>(),
            expected,
            "{filter:?}"
        );
    };
    let any = AlarmFilter::default;
    check(any(), &all).await;
    check(AlarmFilter { enterprises: enterprise(2), ..any() }, &[&gas, &late]).await;
    check(AlarmFilter { enterprises: Some(vec![]), ..any() }, &[]).await;
    let many = (1..=100).map(|n| EnterpriseCode::new(&format!("410205{n:03}")).unwrap());
    let many = Some(many.collect::<Vec<_>>());
    check(AlarmFilter { enterprises: many.clone(), ..any() }, &[&gas, &high, &late]).await;
    check(AlarmFilter { enterprises: many, ..AlarmFilter::open() }, &[&gas, &late]).await;
    check(AlarmFilter { enterprises: enterprise(2), ..AlarmFilter::open() }, &[&gas, &late]).await;
    check(AlarmFilter::open(), &[&center, &gas, &late]).await;
    check(AlarmFilter { states: vec![AlarmState::Closed], ..any() }, &[&high]).await;
    check(AlarmFilter { levels: vec![Level::ONE, Level::FOUR], ..any() }, &[&center, &gas, &late])
        .await;
    check(AlarmFilter { conditions: vec![Condition::Low], ..any() }, &[&late]).await;
    check(AlarmFilter { late: Some(true), ..any() }, &[&late]).await;
    check(AlarmFilter { subject: Some("410205001.LT-1".into()), ..any() }, &[&high]).await;
    let equipment = EquipmentId::new("410205002.V-2").ok();
    check(AlarmFilter { equipment, ..any() }, &[&gas]).await;
    let at = |s: i64| Some(UtcMillis(BEGIN + s * 1000));
    check(AlarmFilter { from: at(10), to: at(30), ..any() }, &[&gas, &high]).await;
    for (words, expected) in [
        ("lt-1", vec![&high]),
        ("V-2", vec![&gas]),
        ("处置", vec![&gas]),
        ("50%_", vec![&gas]),
        ("\\", vec![&gas]),
        ("%", vec![&gas]),
        ("wang", vec![&gas]),
        ("  ", all.to_vec()),
        ("' or 1 --", vec![]),
    ] {
        check(AlarmFilter { text: Some(words.into()), ..any() }, &expected).await;
    }
    let wrong = setting.index.search(&any(), Some("zz"), 5).await;
    assert!(matches!(wrong, Err(IndexError::Cursor(_))), "{wrong:?}");
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_alarms_come_and_change() {
    let setting = Setting::new().await;
    // Several at the same instant, so that the instant alone cannot tell pages apart.
    let ids: Vec<_> = (0..50).map(|n| alarm(1, "LT-1", Condition::High, n)).collect();
    let entries = (0..).zip(&ids).map(|(n, id)| entry(id, n / 9, raised(Level::TWO))).collect();
    setting.write(entries).await;
    setting.follow().await;
    let filter = AlarmFilter::default();
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for round in 0.. {
        let page = setting.index.search(&filter, cursor.as_deref(), 8).await.unwrap();
        seen.extend(page.items.into_iter().map(|row| row.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        let new = alarm(1, "PT-9", Condition::High, round);
        let amended =
            AlarmChange::Amended { raised_at: Some(UtcMillis(BEGIN - 9)), cleared_at: None };
        let amended = entry(&ids[round as usize * 3], 0, amended);
        setting.write(vec![entry(&new, 1000, raised(Level::ONE)), amended]).await;
        setting.follow().await;
    }
    assert_eq!(seen, ids.into_iter().rev().collect::<Vec<_>>());
}

/// Random lives of alarms that the life cycle allows.
fn random_entries(random: &mut StdRng, count: usize) -> Vec<AlarmEntry> {
    let mut open: Vec<(AlarmId, AlarmState)> = Vec::new();
    let mut occurrence = 0;
    let mut at = 0;
    std::iter::from_fn(|| {
        at += random.random_range(0..600);
        if open.is_empty() || random.random_bool(0.4) {
            occurrence += 1;
            let condition = Condition::ALL[random.random_range(0..Condition::ALL.len())];
            let id = alarm(random.random_range(1..5), "LT-1", condition, occurrence);
            open.push((id.clone(), AlarmState::Unacknowledged));
            let level = Level::new(random.random_range(1..=4)).unwrap();
            return Some(entry(&id, at, raised(level)));
        }
        let chosen = random.random_range(0..open.len());
        let (id, state) = &mut open[chosen];
        let change = match random.random_range(0..3) {
            0 if state.stands() => cleared(),
            1 if *state != AlarmState::Acknowledged => acknowledged("park", "看到"),
            _ => AlarmChange::Amended { raised_at: Some(UtcMillis(BEGIN)), cleared_at: None },
        };
        *state = state.after(&change).unwrap();
        let entry = entry(id, at, change);
        if *state == AlarmState::Closed {
            open.swap_remove(chosen);
        }
        Some(entry)
    })
    .take(count)
    .collect()
}

#[tokio::test]
async fn rebuilding_makes_the_same_rows_as_following() {
    let setting = Setting::new().await;
    let mut random = StdRng::seed_from_u64(20);
    let mut entries = random_entries(&mut random, 5_000);
    while !entries.is_empty() {
        let some = entries.drain(..random.random_range(1..=500).min(entries.len())).collect();
        setting.write(some).await;
        setting.follow().await;
    }
    let filter = AlarmFilter::default();
    let followed = setting.all(&filter).await;
    let counts = setting.index.counts(&filter).await.unwrap();
    let hours = setting.index.hours(&filter).await.unwrap();
    assert!(followed.len() > 1_000);
    assert_eq!(counts.iter().map(|c| c.count).sum::<u64>(), followed.len() as u64);
    for count in &counts {
        let fits = |row: &&AlarmRow| {
            row.enterprise == count.enterprise
                && row.level == count.level
                && row.state == count.state
        };
        assert_eq!(followed.iter().filter(fits).count() as u64, count.count, "{count:?}");
    }
    for HourCount { hour, by_level } in &hours {
        for (level, expected) in (1..).zip(by_level) {
            let fits = |row: &&AlarmRow| {
                row.level.get() == level && (0..3_600_000).contains(&row.raised_at.since(*hour))
            };
            assert_eq!(followed.iter().filter(fits).count() as u64, *expected);
        }
    }
    assert_eq!(
        hours.iter().flat_map(|h| h.by_level).sum::<u64>(),
        followed.len() as u64,
        "every alarm is in an hour"
    );

    setting.index.rebuild(&setting.log).await.unwrap();
    assert_eq!(setting.all(&filter).await, followed);
    let fresh = AlarmIndex::open(&setting.dir.path().join("another.db")).await.unwrap();
    fresh.follow(&setting.log).await.unwrap();
    let other = Setting { index: fresh, ..setting };
    assert_eq!(other.all(&filter).await, followed);
    assert_eq!(other.index.counts(&filter).await.unwrap(), counts);
}

#[tokio::test]
async fn a_reopened_index_goes_on_and_a_damaged_one_begins_anew() {
    let setting = Setting::new().await;
    let path = setting.dir.path().join("alarm-index.db");
    let entries = random_entries(&mut StdRng::seed_from_u64(3), 100);
    setting.write(entries[..60].to_vec()).await;
    setting.follow().await;
    let Setting { dir, log, index } = setting;
    index.close().await;
    let index = AlarmIndex::open(&path).await.unwrap();
    assert_eq!(index.cursor().await, AlarmSeq(60));
    let setting = Setting { dir, log, index };
    setting.write(entries[60..].to_vec()).await;
    setting.follow().await;
    let rows = setting.all(&AlarmFilter::default()).await;

    let Setting { dir, log, index } = setting;
    index.close().await;
    std::fs::write(&path, b"this was a database").unwrap();
    let index = AlarmIndex::open(&path).await.unwrap();
    assert_eq!(index.cursor().await, AlarmSeq(0));
    let setting = Setting { dir, log, index };
    setting.follow().await;
    assert_eq!(setting.all(&AlarmFilter::default()).await, rows);
}

#[tokio::test]
async fn an_index_ahead_of_its_log_is_rebuilt() {
    let setting = Setting::new().await;
    setting.write(random_entries(&mut StdRng::seed_from_u64(4), 50)).await;
    setting.follow().await;
    let older = FjallState::open(&setting.dir.path().join("older"), Options::default()).unwrap();
    let setting = Setting { log: Arc::new(older), ..setting };
    setting.write(vec![entry(&alarm(1, "LT-1", Condition::Low, 1), 1, raised(Level::ONE))]).await;
    setting.follow().await;
    assert_eq!(setting.all(&AlarmFilter::default()).await.len(), 1);
}

#[tokio::test]
async fn spans_are_of_what_was_annunciated_and_quiet_alarms_are_listed_until_they_resume() {
    let setting = Setting::new().await;
    let loud = alarm(1, "LT-1", Condition::High, 1);
    let shelved = alarm(1, "LT-1", Condition::High, 2);
    let quieted = AlarmChange::Quieted {
        quiet: Quiet::Shelved,
        by: Some("park".into()),
        reason: "校验".into(),
        until: Some(Until::Returned { at_most: UtcMillis(BEGIN + 900_000) }),
    };
    let AlarmChange::Raised { value, limit, limits_version, level, late, .. } = raised(Level::TWO)
    else {
        unreachable!("raised() raises");
    };
    let quiet = Some(Quiet::Shelved);
    let quietly = AlarmChange::Raised { value, limit, limits_version, level, late, quiet };
    let as_such = shelved.key().occurrence(0);
    setting
        .write(vec![
            entry(&loud, 10, raised(Level::ONE)),
            entry(&loud, 12, acknowledged("park", "seen")),
            entry(&loud, 20, cleared()),
            entry(&as_such, 30, quieted),
            entry(&shelved, 40, quietly),
        ])
        .await;
    setting.follow().await;
    let spans = setting.index.spans(&AlarmFilter::default(), 10).await.unwrap();
    let expected = AlarmSpan {
        alarm: loud.key(),
        level: Level::ONE,
        raised_at: UtcMillis(BEGIN + 10_000),
        acked_at: Some(UtcMillis(BEGIN + 12_000)),
        cleared_at: Some(UtcMillis(BEGIN + 20_000)),
    };
    assert_eq!(spans, [expected]);
    let row = setting.index.get(&shelved).await.unwrap().unwrap();
    assert_eq!(row.state, AlarmState::Shelved);
    assert!(setting.ids(AlarmFilter::open()).await.is_empty(), "it calls nobody");

    let ours = [EnterpriseCode::new("410205001").unwrap()];
    let listed = setting.index.quiet(Some(&ours), None, 10).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].alarm, listed[0].quiet), (&shelved.key(), Quiet::Shelved));
    assert_eq!((listed[0].by.as_deref(), &*listed[0].reason), (Some("park"), "校验"));
    assert_eq!(listed[0].until, Some(Until::Returned { at_most: UtcMillis(BEGIN + 900_000) }));
    assert_eq!(setting.index.quiet(Some(&[]), None, 10).await.unwrap().items, []);

    let (quiet, why) = (Quiet::Shelved, ResumeReason::Expired);
    let resumed = AlarmChange::Resumed { quiet, why, by: None, still: None };
    setting.write(vec![entry(&shelved, 50, resumed)]).await;
    setting.follow().await;
    assert_eq!(setting.index.quiet(None, None, 10).await.unwrap().items, []);
    assert_eq!(setting.ids(AlarmFilter::open()).await, [shelved.to_string()]);
}

#[tokio::test]
async fn a_piece_of_equipment_is_listed_until_it_runs_and_is_no_alarm() {
    let setting = Setting::new().await;
    let tank = EquipmentId::new("410205001.V-1").unwrap();
    let subject = log::equipment_subject(&tank);
    let id = AlarmId { subject, condition: Condition::State, occurrence: 0 };
    let state = |state, until: Option<i64>| {
        let until = until.map(|s| UtcMillis(BEGIN + 1_000 * s));
        let (by, reason) = (Some("park".to_owned()), "大修".to_owned());
        let change = AlarmChange::EquipmentState { state, by, reason, until };
        let mut entry = entry(&alarm(1, "LT-1", Condition::State, 0), 10, change);
        entry.alarm = id.clone();
        entry.place.equipment = Some(tank.clone());
        entry
    };
    setting.write(vec![state(EquipmentState::Maintenance, None)]).await;
    setting.write(vec![state(EquipmentState::Starting, Some(90))]).await;
    setting.follow().await;
    let listed = setting.index.equipment_states(&["410205001.V-1", "410205001.V-2"]).await.unwrap();
    let expected = EquipmentStateRow {
        equipment: tank.clone(),
        state: EquipmentState::Starting,
        by: "park".into(),
        reason: "大修".into(),
        since: UtcMillis(BEGIN + 10_000),
        until: Some(UtcMillis(BEGIN + 90_000)),
    };
    assert_eq!(listed, [expected]);
    assert_eq!(setting.index.equipment_states(&["410205001.V-2"]).await.unwrap(), []);
    assert!(setting.all(&AlarmFilter::default()).await.is_empty());
    assert_eq!(setting.index.quiet(None, None, 10).await.unwrap().items, []);
    setting.write(vec![state(EquipmentState::Running, None)]).await;
    setting.follow().await;
    assert_eq!(setting.index.equipment_states(&["410205001.V-1"]).await.unwrap(), []);
}
