//! The alarm desk from the alarm log to what people get: with its real store, dying and failing where it can.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anlan_actors::desk::people::{DeskDirectory, Names, PeopleBook};
use anlan_actors::desk::source::AlarmSource;
use anlan_actors::desk::{ChannelState, Desk, DeskFault, DeskParts};
use anlan_actors::directory::{Clock, DirectoryError};
use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, ClearReason, Level,
};
use anlan_domain::colour::Colour;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode, UserName};
use anlan_domain::log::HostNo;
use anlan_domain::region::RegionCode;
use anlan_domain::roster::UnitId;
use anlan_domain::roster::book::{DutyBook, Person};
use anlan_domain::roster::contact::{Contact, PhoneNumber};
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::{Place, WarningChange, WarningCommand, WarningNo, WarningRefused};
use anlan_notify::channel::{Channel, Probe, Receipt, Refusal, SendError};
use anlan_notify::message::{Kind, Message};
use anlan_notify::policy::flow::FlowLimit;
use anlan_notify::policy::retry::RetryPolicy;
use anlan_notify::template::Templates;
use anlan_store::desk::{DeskStore, MessageFilter, MessageState};
use anlan_store::state::{AlarmRecord, AlarmSeq, StateError};
use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

struct Log {
    records: Mutex<Vec<Arc<AlarmRecord>>>,
    end: watch::Sender<AlarmSeq>,
}

impl Log {
    fn new() -> Arc<Self> {
        Arc::new(Self { records: Mutex::default(), end: watch::channel(AlarmSeq(0)).0 })
    }

    fn add(&self, alarm: &str, change: AlarmChange) {
        let id = AlarmId::try_from(alarm.to_owned()).unwrap();
        let (code, _) = id.subject.0.split_once('.').unwrap();
        let mut records = self.records.lock().unwrap();
        let seq = AlarmSeq(records.len() as u64 + 1);
        let entry = AlarmEntry {
            place: AlarmPlace {
                enterprise: Some(EnterpriseCode::new(code).unwrap()),
                hazard: Some(HazardCode::new(&format!("{code}001")).unwrap()),
                equipment: Some(EquipmentId::new(&format!("{code}.V-1")).unwrap()),
            },
            alarm: id,
            change,
            source_time: UtcMillis(0),
            received_time: UtcMillis(0),
            log_offset: seq.0,
        };
        let decided_time = UtcMillis(0);
        records.push(Arc::new(AlarmRecord { seq, host: HostNo(1), decided_time, entry }));
        drop(records);
        self.end.send_replace(seq);
    }

    fn raise(&self, alarm: &str, level: u8) {
        let level = Level::new(level).unwrap();
        let (value, limit) = (Some(85.5), Some(80.0));
        self.add(
            alarm,
            AlarmChange::Raised {
                value,
                limit,
                limits_version: 1,
                level,
                late: false,
                quiet: None,
            },
        );
    }

    fn clear(&self, alarm: &str) {
        self.add(
            alarm,
            AlarmChange::Cleared { reason: ClearReason::Returned, value: None, latched: false },
        );
    }

    fn acknowledge(&self, alarm: &str) {
        self.add(alarm, AlarmChange::Acknowledged { by: "zhang".into(), comment: String::new() });
    }
}

struct Source(Arc<Log>);

#[async_trait]
impl AlarmSource for Source {
    fn ends(&self) -> watch::Receiver<AlarmSeq> {
        self.0.end.subscribe()
    }

    async fn after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError> {
        let records = self.0.records.lock().unwrap();
        Ok(records.iter().skip(after.0 as usize).take(limit).cloned().collect())
    }

    fn signal(&self, _: &AlarmSubject) -> Option<Box<str>> {
        Some("level".into())
    }
}

/// An enterprise with a responder, a park with an officer, a province; neither county nor city.
struct Town;

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

#[async_trait]
impl DeskDirectory for Town {
    async fn people(&self) -> Result<PeopleBook, DirectoryError> {
        let phone = |digits: &str| Person {
            name: digits.to_owned(),
            contact: Contact {
                phones: vec![PhoneNumber::new(digits).unwrap()],
                ..Contact::default()
            },
        };
        let code = EnterpriseCode::new("410205001").unwrap();
        let region = |code: &str| UnitId::Region(RegionCode::new(code).unwrap());
        Ok(PeopleBook {
            duty: DutyBook {
                people: BTreeMap::from([
                    (user("zhang"), phone("13800000001")),
                    (user("park"), phone("13800000002")),
                    (user("sheng"), phone("13800000003")),
                ]),
                ..DutyBook::default()
            },
            regions: BTreeMap::from([(code.clone(), RegionCode::new("410205P01").unwrap())]),
            users: BTreeMap::from([
                (UnitId::Enterprise(code), vec![user("zhang")]),
                (region("410205P01"), vec![user("park")]),
                (region("410000"), vec![user("sheng")]),
            ]),
            administrators: vec![],
        })
    }

    async fn names(&self, _: &Place, _: Option<&AlarmId>) -> Result<Names, DirectoryError> {
        Ok(Names {
            enterprise: "安澜化工".into(), point: "储罐液位".into(), ..Names::default()
        })
    }
}

/// Takes messages, or refuses as it is told.
#[derive(Default)]
struct Phones {
    got: Mutex<Vec<Message>>,
    /// This many tries fail before one succeeds.
    failing: AtomicU32,
    /// As `Unknown` rather than `Later`.
    unsure: bool,
}

struct Sms(Arc<Phones>);

#[async_trait]
impl Channel for Sms {
    fn kind(&self) -> Kind {
        Kind::Sms
    }
    fn name(&self) -> &str {
        "sms"
    }
    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let fails =
            self.0.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if fails.is_ok() {
            if self.0.unsure {
                // It arrived, and the answer was lost.
                self.0.got.lock().unwrap().push(message.clone());
                return Err(SendError::Unknown { what: "cut".into() });
            }
            return Err(SendError::Refused { reason: Refusal::Account, what: "no money".into() });
        }
        self.0.got.lock().unwrap().push(message.clone());
        let at = UtcMillis(0);
        Ok(Receipt { provider_id: None, said: "ok".into(), at, delivery: None })
    }
    async fn probe(&self) -> Result<Probe, SendError> {
        Ok(Probe { saw: "ready".into(), at: UtcMillis(0) })
    }
}

/// A desk with a clock of its own.
struct Bench {
    log: Arc<Log>,
    phones: Arc<Phones>,
    now: Arc<AtomicI64>,
    folder: tempfile::TempDir,
    desk: Arc<Desk>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

async fn start(
    log: &Arc<Log>,
    phones: &Arc<Phones>,
    now: &Arc<AtomicI64>,
    folder: &Path,
) -> (Arc<Desk>, CancellationToken, TaskTracker) {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let shown = now.clone();
    let clock: Clock = Arc::new(move || UtcMillis(shown.load(Ordering::SeqCst)));
    let parts = DeskParts {
        store: DeskStore::open(&folder.join("desk.db")).await.unwrap(),
        alarms: Arc::new(Source(log.clone())),
        directory: Arc::new(Town),
        channels: vec![Box::new(Sms(phones.clone()))],
        hooks: vec![],
        retry: RetryPolicy::default(),
        flow: FlowLimit { messages: 1_000, red_messages: 1_000, ..FlowLimit::default() },
        templates: Templates::default(),
        page: Some("https://center.example".into()),
        clock,
        stop: stop.clone(),
    };
    (Desk::start(parts, &tasks), stop, tasks)
}

impl Bench {
    async fn new(phones: Phones) -> Self {
        let (log, phones) = (Log::new(), Arc::new(phones));
        let now = Arc::new(AtomicI64::new(1_000_000));
        let folder = tempfile::tempdir().unwrap();
        let (desk, stop, tasks) = start(&log, &phones, &now, folder.path()).await;
        // It has begun, so that what comes now is not older than the desk.
        let bench = Self { log, phones, now, folder, desk, stop, tasks };
        bench.desk.settings_changed().await;
        bench
    }

    /// The desk stops in good order or not: what is not durable is gone either way.
    async fn restart(&mut self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.desk.store().close().await;
        (self.desk, self.stop, self.tasks) =
            start(&self.log, &self.phones, &self.now, self.folder.path()).await;
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Waits until `done` holds of the store.
    async fn until<T, F: Future<Output = Option<T>>>(&self, what: &str, done: impl Fn() -> F) -> T {
        for _ in 0..400 {
            if let Some(found) = done().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{what} did not come; the line: {}", self.line(1).await);
    }

    async fn line(&self, no: u64) -> String {
        let entries = self.desk.store().time_line(WarningNo(no), 1_000).await.unwrap();
        let shown = entries.iter().map(|row| match &row.entry.change {
            WarningChange::Raised { colour, .. } => colour.code().to_owned(),
            WarningChange::Called { rung, round, .. } => format!("{}@{round}", rung.code()),
            WarningChange::Answered { by, by_alarm, .. } => {
                format!("answered:{by}{}", if *by_alarm { ":alarm" } else { "" })
            }
            WarningChange::Upgraded { to, .. } => format!("now:{}", to.code()),
            WarningChange::Reminded { time } => format!("remind{time}"),
            WarningChange::Returned => "returned".into(),
            WarningChange::Closed { .. } => "closed".into(),
            other => format!("{other:?}"),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    async fn line_is(&self, no: u64, expected: &str) {
        self.until(expected, || async { (self.line(no).await == expected).then_some(()) }).await;
    }

    fn got(&self) -> BTreeSet<String> {
        self.phones.got.lock().unwrap().iter().map(|message| message.id.to_string()).collect()
    }

    async fn got_are(&self, expected: &[&str]) {
        let expected: BTreeSet<String> = expected.iter().map(|id| (*id).to_owned()).collect();
        let what = format!("{expected:?}");
        self.until(&what, || async { (self.got() == expected).then_some(()) }).await;
    }
}

const LT: &str = "410205001.LT-1";

#[tokio::test]
async fn an_alarm_calls_the_rungs_of_its_colour_and_climbs_until_somebody_answers() {
    let mut bench = Bench::new(Phones::default()).await;
    bench.log.raise(&format!("{LT}|HH|1"), 2);
    bench.line_is(1, "yellow enterprise@1 park@1").await;
    bench.got_are(&["w1-1-0-zhang-sms", "w1-1-1-park-sms"]).await;
    let text = bench.phones.got.lock().unwrap()[0].text.clone();
    assert_eq!(text, "【黄色】安澜化工—储罐液位高高报，85.5，限值80，1970-01-01 08:00:00");
    // Nobody answers; the process dies meanwhile. The county and the city are not there.
    bench.restart().await;
    bench.pass(15 * 60);
    bench.line_is(1, "yellow enterprise@1 park@1 remind1").await;
    bench.restart().await;
    bench.pass(15 * 60);
    bench.line_is(1, "yellow enterprise@1 park@1 remind1 province@1 remind2").await;
    bench
        .got_are(&[
            "w1-1-0-zhang-sms",
            "w1-1-1-park-sms",
            "w1-1-r1-zhang-sms",
            "w1-1-r1-park-sms",
            "w1-1-4-sheng-sms",
            "w1-1-r2-zhang-sms",
            "w1-1-r2-park-sms",
        ])
        .await;
    bench.log.acknowledge(&format!("{LT}|HH|1"));
    let answered = "yellow enterprise@1 park@1 remind1 province@1 remind2 answered:zhang:alarm";
    bench.line_is(1, answered).await;
    bench.pass(3_600);
    bench.restart().await;
    bench.desk.settings_changed().await;
    assert_eq!(bench.line(1).await, answered, "who answered is not chased");
    assert_eq!(bench.got().len(), bench.phones.got.lock().unwrap().len(), "nothing came twice");
    let (warning, by) = (WarningNo(1), "li".to_owned());
    let close = WarningCommand::Close {
        warning,
        by,
        cause: "process".into(),
        measure: "adjusted".into(),
        comment: String::new(),
    };
    let stands = bench.desk.command(close.clone()).await;
    assert!(matches!(stands, Err(DeskFault::Refused(WarningRefused::Stands { standing: 1, .. }))));
    bench.log.clear(&format!("{LT}|HH|1"));
    bench.line_is(1, &format!("{answered} returned")).await;
    assert_eq!(bench.desk.command(close).await.unwrap(), warning);
    assert_eq!(bench.line(1).await, format!("{answered} returned closed"));
}

#[tokio::test]
async fn what_was_over_before_the_desk_first_began_wakes_nobody() {
    let (log, phones, now) =
        (Log::new(), Arc::new(Phones::default()), Arc::new(AtomicI64::new(1_000_000)));
    for n in 1..=2_500 {
        log.raise(&format!("{LT}|HH|{n}"), 1);
        log.clear(&format!("{LT}|HH|{n}"));
    }
    log.raise(&format!("{LT}|LL|1"), 1);
    let folder = tempfile::tempdir().unwrap();
    let (desk, stop, tasks) = start(&log, &phones, &now, folder.path()).await;
    let bench = Bench { log, phones, now, folder, desk, stop, tasks };
    bench.desk.settings_changed().await;
    bench.pass(6);
    let lead = bench
        .until("the alarm that stands", || async {
            bench.desk.store().warning(WarningNo(1)).await.unwrap()
        })
        .await
        .lead;
    assert_eq!(lead.unwrap().to_string(), format!("{LT}|LL|1"));
    assert_eq!(bench.desk.store().warning(WarningNo(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_channel_that_fails_is_seen_and_its_messages_wait() {
    let bench = Bench::new(Phones { failing: AtomicU32::new(4), ..Phones::default() }).await;
    bench.log.raise(&format!("{LT}|HH|1"), 2);
    bench.line_is(1, "yellow enterprise@1 park@1").await;
    bench
        .until("two failures", || async { (bench.desk.channels()[0].failures == 2).then_some(()) })
        .await;
    assert_eq!(bench.desk.channels()[0].state, ChannelState::Degraded);
    bench.pass(6);
    bench
        .until("failed", || async {
            (bench.desk.channels()[0].state == ChannelState::Failed).then_some(())
        })
        .await;
    assert!(bench.desk.channels()[0].last_error.as_ref().unwrap().contains("no money"));
    bench.pass(60);
    bench.got_are(&["w1-1-0-zhang-sms", "w1-1-1-park-sms"]).await;
    assert_eq!(bench.desk.channels()[0].state, ChannelState::Working);
    let sent = MessageFilter { state: Some(MessageState::Sent), ..MessageFilter::default() };
    let rows = bench
        .until("both kept", || async {
            let rows = bench.desk.store().messages(&sent, 10).await.unwrap();
            (rows.len() == 2).then_some(rows)
        })
        .await;
    assert!(rows.iter().all(|row| row.tries > 1 && row.doubles == 0));
    let tested = bench.desk.test_channel("sms", None, false).await;
    assert_eq!(tested.unwrap().said, "ready");
    let missing = bench.desk.test_channel("fax", None, false).await;
    assert!(matches!(missing, Err(DeskFault::NoChannel(_))));
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_comes_again_under_the_same_id_and_is_counted() {
    let phones = Phones { failing: AtomicU32::new(1), unsure: true, ..Phones::default() };
    let mut bench = Bench::new(phones).await;
    bench.log.raise("410205001.PT-2|H|1", 3);
    // Heard of before time passes.
    bench.desk.settings_changed().await;
    bench.pass(300);
    bench.line_is(1, "blue enterprise@1").await;
    bench.until("a try", || async { (!bench.got().is_empty()).then_some(()) }).await;
    bench
        .until("the try written down", || async {
            let rows = bench.desk.store().batch("w1-1-0-zhang-sms").await.unwrap();
            (rows.len() == 1 && rows[0].tries == 1).then_some(())
        })
        .await;
    bench.restart().await;
    bench.pass(10);
    bench
        .until("the second", || async {
            (bench.phones.got.lock().unwrap().len() == 2).then_some(())
        })
        .await;
    assert_eq!(bench.got().len(), 1, "under one id");
    let rows = bench
        .until("it taken", || async {
            let rows = bench.desk.store().batch("w1-1-0-zhang-sms").await.unwrap();
            (rows[0].state == MessageState::Sent).then_some(rows)
        })
        .await;
    assert_eq!((rows[0].tries, rows[0].doubles), (2, 1));
}

#[tokio::test]
async fn a_drill_proves_every_rung_in_seconds() {
    let bench = Bench::new(Phones::default()).await;
    let place = Place {
        enterprise: Some(EnterpriseCode::new("410205001").unwrap()),
        hazard: None,
        equipment: None,
    };
    let (colour, by) = (Colour::Blue, "ceshi".to_owned());
    let drill = WarningCommand::Drill { place, colour, by, pace: 600 };
    assert_eq!(bench.desk.command(drill).await.unwrap(), WarningNo(1));
    for _ in 0..26 {
        bench.pass(1);
        bench.desk.settings_changed().await;
    }
    let rungs = bench
        .until("every rung", || async {
            let line = bench.line(1).await;
            let rungs: Vec<_> =
                line.split(' ').filter(|w| w.contains('@')).map(str::to_owned).collect();
            (rungs.len() >= 3).then_some(rungs)
        })
        .await;
    assert_eq!(rungs, ["enterprise@1", "park@1", "province@1"]);
    let texts: Vec<_> =
        bench.phones.got.lock().unwrap().iter().map(|message| message.text.clone()).collect();
    assert!(!texts.is_empty() && texts.iter().all(|text| text.contains("【演练】")), "{texts:?}");
}
