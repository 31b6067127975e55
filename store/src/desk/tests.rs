//! The desk on disk: it goes on where it was, finds warnings, sends a message under one id and keeps versions of its settings.

use std::collections::BTreeSet;

use anlan_domain::alarm::{AlarmChange, AlarmEntry, AlarmPlace, Level};
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::warning::book::{Book, Settings};
use anlan_domain::warning::ladder::{Ladder, Rung, Staffed};
use anlan_domain::warning::{WarningCommand, WarningKind, WarningState, rules};

use super::*;

fn settings() -> Settings {
    Settings { rules_version: 0, rules: rules::shipped(), ladder: Ladder::shipped() }
}

fn raised(subject: &str, condition: &str, level: u8, enterprise: &str) -> AlarmEntry {
    AlarmEntry {
        alarm: AlarmId::try_from(format!("{subject}|{condition}|1")).unwrap(),
        place: AlarmPlace {
            enterprise: Some(EnterpriseCode::new(enterprise).unwrap()),
            hazard: Some(HazardCode::new(&format!("{enterprise}001")).unwrap()),
            equipment: Some(EquipmentId::new(&format!("{enterprise}.V-1")).unwrap()),
        },
        change: AlarmChange::Raised {
            value: Some(1.0),
            limit: None,
            limits_version: 1,
            level: Level::new(level).unwrap(),
            late: false,
            quiet: None,
        },
        source_time: UtcMillis(1),
        received_time: UtcMillis(1),
        log_offset: 1,
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
    store: DeskStore,
    book: Book,
    now: UtcMillis,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.db");
        let store = DeskStore::open(&path).await.unwrap();
        Self { _folder: folder, path, store, book: Book::default(), now: UtcMillis(1_000) }
    }

    async fn take(
        &mut self,
        entry: &AlarmEntry,
        signal: &str,
        seq: u64,
        messages: Vec<NewMessage>,
    ) {
        let mut entries = Vec::new();
        let signal = Some(signal.into());
        self.book.alarm_entry(
            entry,
            || signal,
            &settings(),
            &|_| Staffed::all(),
            self.now,
            &mut entries,
        );
        self.keep(entries, Some(AlarmSeq(seq)), messages).await;
    }

    async fn keep(
        &mut self,
        entries: Vec<WarningEntry>,
        cursor: Option<AlarmSeq>,
        messages: Vec<NewMessage>,
    ) {
        let touched = self.book.take_touched();
        let mut warnings: Vec<Warning> =
            touched.warnings.iter().filter_map(|no| self.book.get(*no).cloned()).collect();
        warnings.extend(touched.closed);
        let alarms = touched
            .alarms
            .into_iter()
            .map(|id| (id.clone(), self.book.alarm(&id).cloned()))
            .collect();
        let batch = Batch {
            cursor,
            last_no: self.book.last_no(),
            warnings,
            entries,
            alarms,
            messages,
            hushed: Vec::new(),
        };
        self.store.commit(&batch).await.unwrap();
    }

    async fn command(&mut self, command: &WarningCommand) {
        let mut entries = Vec::new();
        self.book
            .command(command, &settings(), &|_| Staffed::all(), self.now, &mut entries)
            .unwrap();
        self.keep(entries, None, Vec::new()).await;
    }
}

fn message(id: &str, warning: u64, means: Means, why: &'static str) -> NewMessage {
    NewMessage {
        id: id.to_owned(),
        warning: WarningNo(warning),
        person: Some("zhang".into()),
        rung: Rung::Enterprise,
        why,
        means,
        address: "13800138000".into(),
        colour: Colour::Orange,
        language: "zh".into(),
        subject: "s".into(),
        body: "b".into(),
        facts: serde_json::Map::new(),
        created_at: UtcMillis(1_000),
        not_before: UtcMillis(1_000),
    }
}

#[tokio::test]
async fn a_desk_goes_on_where_it_was() {
    let mut bench = Bench::new().await;
    bench.take(&raised("410205001.LT-1", "HH", 1, "410205001"), "level", 7, vec![]).await;
    bench.take(&raised("410205002.LT-1", "H", 3, "410205002"), "level", 9, vec![]).await;
    let again = DeskStore::open(&bench.path).await.unwrap();
    let kept = again.load().await.unwrap();
    assert_eq!((kept.cursor, kept.last_no), (Some(AlarmSeq(9)), 1));
    assert_eq!(kept.warnings, bench.book.open().cloned().collect::<Vec<_>>());
    let ids: BTreeSet<_> = kept.alarms.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(ids, BTreeSet::from(["410205001.LT-1|HH|1".into(), "410205002.LT-1|H|1".into()]));
    for (id, member) in &kept.alarms {
        assert_eq!(bench.book.alarm(id), Some(member));
    }
    assert_eq!(*again.last_entry().borrow(), 5, "raised and four rungs");
}

#[tokio::test]
async fn warnings_are_found_by_every_field_and_paged() {
    let mut bench = Bench::new().await;
    for n in 1..=5 {
        let code = format!("41020500{n}");
        let condition = if n == 2 { "H" } else { "HH" };
        let level = if n == 2 { 2 } else { 1 };
        let signal = if n < 3 { "gas_toxic" } else { "level" };
        bench.now = UtcMillis(n * 1_000);
        bench
            .take(&raised(&format!("{code}.X-1"), condition, level, &code), signal, 1, vec![])
            .await;
    }
    let (by, comment) = ("li".to_owned(), String::new());
    bench.command(&WarningCommand::Answer { warning: WarningNo(3), by, comment }).await;
    let code = |n: u32| EnterpriseCode::new(&format!("41020500{n}")).unwrap();
    let base = WarningFilter::default;
    for (filter, expected) in [
        (base(), "5 4 3 2 1"),
        (WarningFilter { enterprises: Some(vec![code(1), code(4)]), ..base() }, "4 1"),
        (WarningFilter { enterprises: Some(vec![]), ..base() }, ""),
        (WarningFilter { colours: vec![Colour::Yellow], ..base() }, "2"),
        (WarningFilter { kinds: vec![WarningKind::Gas], ..base() }, "2 1"),
        (WarningFilter { states: vec![WarningState::InHand], ..base() }, "3"),
        (WarningFilter { answered_by: Some("li".into()), ..base() }, "3"),
        (
            WarningFilter { from: Some(UtcMillis(2_000)), to: Some(UtcMillis(4_000)), ..base() },
            "3 2",
        ),
        (WarningFilter { text: Some("410205005".into()), ..base() }, "5"),
        (WarningFilter { text: Some("%".into()), ..base() }, ""),
        (WarningFilter { drill: Some(true), ..base() }, ""),
        (
            WarningFilter { equipment: Some(EquipmentId::new("410205004.V-1").unwrap()), ..base() },
            "4",
        ),
    ] {
        let page = bench.store.warnings(&filter, None, 10).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|w| w.no.0.to_string()).collect();
        assert_eq!(found.join(" "), expected, "{filter:?}");
    }
    let mut cursor: Option<String> = None;
    let mut seen = Vec::new();
    loop {
        let page = bench.store.warnings(&base(), cursor.as_deref(), 2).await.unwrap();
        seen.extend(page.items.iter().map(|warning| warning.no.0));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    for bad in ["x", "-1", "99999999999999999999"] {
        let refused = bench.store.warnings(&base(), Some(bad), 2).await;
        assert!(matches!(refused, Err(DeskError::Cursor(_))), "{bad}");
    }
    let counts = bench.store.warning_counts(&WarningFilter::open()).await.unwrap();
    let shown: Vec<_> = counts.iter().map(|c| (c.colour.code(), c.count, c.unanswered)).collect();
    let orange = |unanswered| ("orange", 1, unanswered);
    assert_eq!(shown, [orange(1), ("yellow", 1, 1), orange(0), orange(1), orange(1)]);
    let alarm = AlarmId::try_from("410205003.X-1|HH|1".to_owned()).unwrap();
    let of = bench.store.warnings_of(&alarm).await.unwrap();
    assert_eq!(of.iter().map(|warning| warning.no.0).collect::<Vec<_>>(), [3]);
    assert_eq!(bench.store.alarms_of(WarningNo(3), 10).await.unwrap(), [alarm]);
    let line = bench.store.time_line(WarningNo(3), 100).await.unwrap();
    assert!(matches!(line[0].entry.change, WarningChange::Raised { .. }));
    assert!(matches!(line.last().unwrap().entry.change, WarningChange::Answered { .. }));
    let after = bench.store.entries_after(line[0].seq, 2).await.unwrap();
    assert_eq!(after.iter().map(|e| e.seq).collect::<Vec<_>>(), [line[0].seq + 1, line[0].seq + 2]);
}

#[tokio::test]
async fn a_message_goes_out_under_one_id_until_somebody_has_it() {
    let mut bench = Bench::new().await;
    let queued = vec![
        message("w1-1-a", 1, Means::Sms, "at_once"),
        message("w1-1-b", 1, Means::Sms, "reminder"),
        message("w1-1-c", 1, Means::Page, "at_once"),
    ];
    bench.take(&raised("410205001.LT-1", "HH", 1, "410205001"), "level", 1, queued.clone()).await;
    // The same decision again, as after a crash before its answer was heard.
    bench.keep(Vec::new(), None, queued).await;
    let (store, at) = (&bench.store, UtcMillis);
    let due = |rows: Vec<MessageRow>| rows.into_iter().map(|m| m.message.id).collect::<Vec<_>>();
    assert_eq!(due(store.due_messages(at(999), 10).await.unwrap()), [""; 0]);
    assert_eq!(due(store.due_messages(at(1_000), 10).await.unwrap()), ["w1-1-a", "w1-1-b"]);
    store.batched(&["w1-1-a"], "w1-1-a").await.unwrap();
    let again = Sent::Again {
        channel: "modem".into(),
        error: "no network".into(),
        at: at(6_000),
        may_double: true,
    };
    store.tried("w1-1-a", &again, at(1_000)).await.unwrap();
    assert_eq!(due(store.due_messages(at(5_999), 10).await.unwrap()), ["w1-1-b"]);
    assert_eq!(store.next_message().await.unwrap(), Some(at(1_000)));
    let taken = Sent::Taken { channel: "provider".into(), receipt: "ok".into(), at: at(6_100) };
    store.tried("w1-1-a", &taken, at(6_000)).await.unwrap();
    // A second answer to the same try changes nothing.
    let failed = Sent::Failed { channel: None, error: "late".into() };
    store.tried("w1-1-a", &failed, at(6_200)).await.unwrap();
    let row = store.batch("w1-1-a").await.unwrap().remove(0);
    assert_eq!((row.state, row.tries, row.doubles), (MessageState::Sent, 2, 1));
    assert_eq!((row.first_try, row.sent_at), (Some(at(1_000)), Some(at(6_100))));
    assert_eq!(due(store.sent_since(at(6_000)).await.unwrap()), ["w1-1-a"]);
    // Somebody answers: the reminder that did not go out is moot.
    let hushed = Batch { hushed: vec![WarningNo(1)], last_no: 1, ..Batch::default() };
    store.commit(&hushed).await.unwrap();
    assert_eq!(store.next_message().await.unwrap(), None);
    let counts = store.message_counts().await.unwrap();
    assert_eq!(counts, BTreeMap::from([("delivered", 1), ("moot", 1), ("sent", 1)]));
    let unread = MessageFilter { person: Some("zhang".into()), unread: true, ..Default::default() };
    assert_eq!(store.messages(&unread, 10).await.unwrap().len(), 3);
    store.read(WarningNo(1), "wang", at(7_000)).await.unwrap();
    assert_eq!(store.messages(&unread, 10).await.unwrap().len(), 3);
    store.read(WarningNo(1), "zhang", at(7_000)).await.unwrap();
    assert_eq!(store.messages(&unread, 10).await.unwrap(), []);
}

#[tokio::test]
async fn of_two_who_change_the_rules_at_once_the_second_is_told() {
    let bench = Bench::new().await;
    let store = &bench.store;
    assert_eq!(store.setting::<Ladder>(What::Ladder).await.unwrap(), None);
    let saved = |version, reason: &str| Saved {
        version,
        value: Ladder::shipped(),
        by: "admin".into(),
        at: UtcMillis(5),
        reason: reason.into(),
    };
    assert_eq!(store.save(What::Ladder, &saved(0, "first")).await.unwrap(), 1);
    let second = store.save(What::Ladder, &saved(0, "second")).await;
    assert!(matches!(second, Err(DeskError::ChangedMeanwhile { version: 1, .. })));
    assert_eq!(store.save(What::Ladder, &saved(1, "third")).await.unwrap(), 2);
    let versions = store.versions::<Ladder>(What::Ladder, 10).await.unwrap();
    let reasons: Vec<_> = versions.iter().map(|v| (v.version, v.reason.as_str())).collect();
    assert_eq!(reasons, [(2, "third"), (1, "first")]);
    assert_eq!(store.setting::<Vec<rules::WarningRule>>(What::Rules).await.unwrap(), None);
}
