//! The book of warnings: what opens, joins, answers and closes one, by hand and by chance.

use proptest::prelude::*;

use super::super::rules::shipped;
use super::*;
use crate::alarm::{AlarmPlace, AlarmSubject, ClearReason, Condition, Level};
use crate::ids::{EnterpriseCode, EquipmentId, HazardCode};
use crate::life_cycle::{ResumeReason, Until};

fn settings() -> Settings {
    Settings { rules_version: 1, rules: shipped(), ladder: Ladder::shipped() }
}

/// A small plant: `level:1`, `gas:2` … are points; the number says which tank of which source.
struct Desk {
    book: Book,
    settings: Settings,
    now: UtcMillis,
    out: Vec<WarningEntry>,
    staffed: Staffed,
    /// What a store would keep.
    kept: (u64, BTreeMap<WarningNo, Warning>, BTreeMap<AlarmId, Member>),
}

impl Desk {
    fn new() -> Self {
        Self {
            book: Book::default(),
            settings: settings(),
            now: UtcMillis(0),
            out: Vec::new(),
            staffed: Staffed::all(),
            kept: Default::default(),
        }
    }

    fn entry(&mut self, alarm: &str, change: AlarmChange) {
        let (subject, rest) = alarm.split_once('|').expect("SUBJECT|CONDITION|N");
        let (condition, occurrence) = rest.split_once('|').expect("SUBJECT|CONDITION|N");
        let (signal, tank) = subject.split_once(':').expect("SIGNAL:TANK");
        let tank: u32 = tank.parse().unwrap();
        let data = signal == "gateway";
        let entry = AlarmEntry {
            alarm: AlarmId {
                subject: AlarmSubject(subject.into()),
                condition: Condition::from_code(condition).unwrap(),
                occurrence: occurrence.parse().unwrap(),
            },
            place: AlarmPlace {
                enterprise: Some(EnterpriseCode::new("410205001").unwrap()),
                hazard: (!data)
                    .then(|| HazardCode::new(&format!("41020500100{}", 1 + tank / 10)).unwrap()),
                equipment: (!data)
                    .then(|| EquipmentId::new(&format!("410205001.V-{tank}")).unwrap()),
            },
            change,
            source_time: self.now,
            received_time: self.now,
            log_offset: 0,
        };
        let signal = (!data).then(|| signal.replace("gas", "gas_toxic").into());
        let staffed = self.staffed;
        self.book.alarm_entry(
            &entry,
            || signal,
            &self.settings,
            &|_| staffed,
            self.now,
            &mut self.out,
        );
    }

    fn raise_as(&mut self, alarm: &str, level: u8, late: bool, quiet: Option<Quiet>) {
        let level = Level::new(level).unwrap();
        self.entry(
            alarm,
            AlarmChange::Raised { value: None, limit: None, limits_version: 1, level, late, quiet },
        );
    }

    fn raise(&mut self, alarm: &str, level: u8) {
        self.raise_as(alarm, level, false, None);
    }

    fn clear(&mut self, alarm: &str) {
        self.entry(
            alarm,
            AlarmChange::Cleared { reason: ClearReason::Returned, value: None, latched: false },
        );
    }

    fn ack(&mut self, alarm: &str) {
        self.entry(alarm, AlarmChange::Acknowledged { by: "zhang".into(), comment: String::new() });
    }

    fn shelve(&mut self, alarm: &str) {
        let until = Some(Until::Time(self.now.plus(3_600_000)));
        let (by, reason) = (Some("zhang".into()), "r".into());
        self.entry(alarm, AlarmChange::Quieted { quiet: Quiet::Shelved, by, reason, until });
    }

    fn unshelve(&mut self, alarm: &str) {
        let (why, by) = (ResumeReason::Expired, None);
        self.entry(alarm, AlarmChange::Resumed { quiet: Quiet::Shelved, why, by, still: None });
    }

    fn command(&mut self, command: &WarningCommand) -> Result<WarningNo, WarningRefused> {
        let staffed = self.staffed;
        self.book.command(command, &self.settings, &|_| staffed, self.now, &mut self.out)
    }

    fn close(&mut self, no: u64) -> Result<WarningNo, WarningRefused> {
        let text = |text: &str| text.to_owned();
        self.command(&WarningCommand::Close {
            warning: WarningNo(no),
            by: text("li"),
            cause: text("process"),
            measure: text("adjusted"),
            comment: String::new(),
        })
    }

    fn answer(&mut self, no: u64) -> Result<WarningNo, WarningRefused> {
        let (warning, by) = (WarningNo(no), "li".to_owned());
        self.command(&WarningCommand::Answer { warning, by, comment: String::new() })
    }

    /// Time passes, and everything is done when it is due.
    fn pass(&mut self, seconds: i64) {
        let until = self.now.plus(seconds * 1_000);
        let staffed = self.staffed;
        while let Some(due) = self.book.next_due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.book.tick(&self.settings, &|_| staffed, self.now, &mut self.out);
        }
        self.now = until;
    }

    /// What happened since this was last asked.
    fn told(&mut self) -> String {
        let lines = self.out.drain(..).map(|entry| {
            let what = match entry.change {
                WarningChange::Raised { colour, rule, .. } => {
                    format!("{} by {rule}", colour.code())
                }
                WarningChange::Joined { alarm } => format!("+{alarm}"),
                WarningChange::Upgraded { to, rule, .. } => format!("now {} by {rule}", to.code()),
                WarningChange::Returned => "returned".into(),
                WarningChange::StandsAgain { .. } => "again".into(),
                WarningChange::Called { rung, round, .. } => format!("{}@{round}", rung.code()),
                WarningChange::NobodyToCall { .. } => "nobody".into(),
                WarningChange::Reminded { .. } => "remind".into(),
                WarningChange::Answered { by, by_alarm, .. } => {
                    format!("answered by {by}{}", if by_alarm { " (alarm)" } else { "" })
                }
                WarningChange::FedBack { .. } => "feedback".into(),
                WarningChange::Closed { by, .. } => {
                    format!("closed by {}", by.as_deref().unwrap_or("time"))
                }
            };
            format!("{}:{what}", entry.warning.0)
        });
        lines.collect::<Vec<_>>().join(", ")
    }

    /// Keeps what was touched, as a store does.
    fn keep(&mut self) {
        let touched = self.book.take_touched();
        self.kept.0 = self.book.last_no();
        for no in touched.warnings {
            match self.book.get(no) {
                Some(warning) => drop(self.kept.1.insert(no, warning.clone())),
                None => panic!("a touched warning is open"),
            }
        }
        for warning in touched.closed {
            assert_eq!(warning.state(), WarningState::Closed);
            self.kept.1.remove(&warning.no);
        }
        for id in touched.alarms {
            match self.book.alarm(&id) {
                Some(member) => drop(self.kept.2.insert(id, member.clone())),
                None => drop(self.kept.2.remove(&id)),
            }
        }
    }

    /// The process dies and starts again from what was kept.
    fn restart(&mut self) {
        self.keep();
        let (no, warnings, alarms) = self.kept.clone();
        self.book = Book::restored(no, warnings.into_values(), alarms, &self.settings);
    }
}

#[test]
fn alarms_of_one_source_are_one_warning_which_becomes_graver() {
    let mut desk = Desk::new();
    desk.raise("gas:1|H|1", 2);
    assert_eq!(desk.told(), "1:yellow by gas-h, 1:enterprise@1, 1:park@1");
    desk.raise("gas:2|H|1", 2);
    assert_eq!(desk.told(), "1:+gas:2|H|1");
    desk.pass(60);
    desk.raise("gas:1|HH|1", 1);
    let upgraded =
        "1:+gas:1|HH|1, 1:now orange by gas-hh, 1:enterprise@2, 1:park@2, 1:county@2, 1:city@2";
    assert_eq!(desk.told(), upgraded);
    desk.raise("gas:2|HH|1", 1);
    assert!(desk.told().starts_with("1:+gas:2|HH|1, 1:now red by gas-hh-several, 1:enterprise@3"));
    let warning = desk.book.open().next().unwrap();
    assert_eq!((warning.alarms, warning.standing, warning.unacknowledged), (4, 4, 4));
    assert_eq!(warning.place.to_string(), "hazard:410205001001");
    // Another source is another warning.
    desk.raise("gas:11|H|1", 2);
    assert_eq!(desk.told(), "2:yellow by gas-h, 2:enterprise@1, 2:park@1");
}

#[test]
fn who_acknowledges_every_alarm_has_answered_and_is_not_chased() {
    let mut desk = Desk::new();
    desk.raise("level:1|HH|1", 1);
    desk.raise("level:1|LL|1", 1);
    desk.told();
    desk.ack("level:1|HH|1");
    assert_eq!(desk.told(), "");
    desk.ack("level:1|LL|1");
    assert_eq!(desk.told(), "1:answered by zhang (alarm)");
    desk.pass(290);
    assert_eq!(desk.told(), "");
    // It stands on: graver, so people are called although it was answered before.
    desk.pass(20);
    assert!(desk.told().starts_with("1:now red by level1-standing, 1:enterprise@2"));
    assert_eq!(desk.answer(1), Ok(WarningNo(1)));
    let taken = WarningRefused::AnsweredAlready { warning: WarningNo(1), by: "li".into() };
    assert_eq!(desk.answer(1), Err(taken));
    desk.told();
    desk.pass(1_799);
    assert_eq!(desk.told(), "", "feedback is due half an hour after the answer");
}

#[test]
fn a_warning_is_closed_by_a_person_once_nothing_stands() {
    let mut desk = Desk::new();
    desk.raise("level:1|HH|1", 2);
    desk.ack("level:1|HH|1");
    assert_eq!(desk.close(1), Err(WarningRefused::Stands { warning: WarningNo(1), standing: 1 }));
    desk.clear("level:1|HH|1");
    assert_eq!(desk.book.open().next().unwrap().state(), WarningState::Returned);
    desk.told();
    desk.raise("level:1|HH|2", 2);
    assert_eq!(desk.told(), "1:again, 1:+level:1|HH|2, 1:enterprise@2, 1:park@2");
    desk.shelve("level:1|HH|2");
    assert_eq!(desk.told(), "1:returned", "what is shelved holds no warning open");
    assert_eq!(desk.close(1), Ok(WarningNo(1)));
    assert_eq!(desk.close(1), Err(WarningRefused::NotOpen(WarningNo(1))));
    desk.unshelve("level:1|HH|2");
    assert_eq!(desk.told(), "1:closed by li, 2:yellow by level2, 2:enterprise@1, 2:park@1");
}

#[test]
fn a_blue_one_closes_by_itself_a_day_after_it_is_over_and_answered() {
    let mut desk = Desk::new();
    desk.raise("level:1|H|1", 3);
    desk.pass(299);
    assert_eq!(desk.told(), "");
    desk.pass(1);
    assert_eq!(desk.told(), "1:blue by level3-standing, 1:enterprise@1");
    desk.clear("level:1|H|1");
    desk.pass(60);
    desk.answer(1).unwrap();
    desk.told();
    desk.pass(86_399);
    assert!(!desk.told().contains("closed"));
    desk.pass(1);
    assert_eq!(desk.told(), "1:closed by time");
}

#[test]
fn what_is_quiet_or_long_over_wakes_nobody() {
    let mut desk = Desk::new();
    desk.raise_as("level:1|HH|1", 1, false, Some(Quiet::OutOfService));
    desk.raise_as("level:2|HH|1", 1, true, None);
    desk.clear("level:2|HH|1");
    desk.pass(3_600);
    assert_eq!(desk.told(), "");
    desk.raise_as("level:3|HH|1", 1, true, None);
    desk.pass(4);
    assert_eq!(desk.told(), "");
    desk.pass(1);
    assert!(desk.told().starts_with("1:orange by level1, 1:enterprise@1"));
}

#[test]
fn what_comes_again_and_again_is_a_warning_of_its_own() {
    let mut desk = Desk::new();
    for n in 1..=4 {
        desk.raise(&format!("level:1|H|{n}"), 3);
        desk.pass(30);
        desk.clear(&format!("level:1|H|{n}"));
        desk.pass(600);
    }
    assert_eq!(desk.told(), "");
    desk.raise("level:1|H|5", 3);
    assert_eq!(desk.told(), "1:yellow by repeated, 1:enterprise@1, 1:park@1");
    // The first four are forgotten an hour after they were over; nothing else is left behind.
    desk.clear("level:1|H|5");
    desk.ack("level:1|H|5");
    desk.pass(7_300);
    assert_eq!(desk.book.alarms(), 0);
}

#[test]
fn a_disposition_of_an_alarm_is_feedback_of_its_warning() {
    let mut desk = Desk::new();
    desk.raise("gas:1|HH|1", 1);
    desk.told();
    let (by, cause, measure) = ("wang".into(), "leak".into(), "isolated".into());
    desk.entry("gas:1|HH|1", AlarmChange::Disposed { by, cause, measure, comment: String::new() });
    assert_eq!(desk.told(), "1:answered by wang, 1:feedback");
    desk.pass(86_400);
    assert!(!desk.told().contains('@'), "nobody is called after that");
}

#[test]
fn a_drill_climbs_faster_and_stands_beside_the_real_one() {
    let mut desk = Desk::new();
    desk.raise("level:1|HH|1", 2);
    let place = desk.book.open().next().unwrap().place.clone();
    desk.told();
    let drill = WarningCommand::Drill { place, colour: Colour::Blue, by: "ceshi".into(), pace: 60 };
    assert_eq!(desk.command(&drill), Ok(WarningNo(2)));
    desk.pass(125);
    let told = desk.told();
    for rung in ["2:enterprise@1", "2:park@1", "2:county@1"] {
        assert!(told.contains(rung), "{told}");
    }
    assert!(!told.contains("1:"), "{told}");
    assert_eq!(desk.close(2), Ok(WarningNo(2)));
    assert_eq!(desk.book.open().count(), 1);
}

#[test]
fn with_nobody_to_call_it_says_so_once() {
    let mut desk = Desk::new();
    desk.staffed = Staffed::default();
    desk.raise("gas:1|HH|1", 1);
    desk.pass(86_400);
    assert_eq!(desk.told(), "1:orange by gas-hh, 1:nobody");
}

#[derive(Clone, Debug)]
enum Deed {
    Raise(u8, u8, bool, bool),
    Clear(u8),
    Ack(u8),
    Shelve(u8),
    Unshelve(u8),
    Answer(u8),
    FeedBack(u8),
    Close(u8),
    Pass(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0_u8..8, 1_u8..5, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(point, level, late, quiet)| Deed::Raise(point, level, late, quiet)),
        3 => (0_u8..8).prop_map(Deed::Clear),
        2 => (0_u8..8).prop_map(Deed::Ack),
        1 => (0_u8..8).prop_map(Deed::Shelve),
        1 => (0_u8..8).prop_map(Deed::Unshelve),
        1 => (0_u8..6).prop_map(Deed::Answer),
        1 => (0_u8..6).prop_map(Deed::FeedBack),
        1 => (0_u8..6).prop_map(Deed::Close),
        5 => (1_i64..4_000).prop_map(Deed::Pass),
    ]
}

const POINTS: [(&str, &str); 8] = [
    ("gas:1", "HH"),
    ("gas:1", "H"),
    ("gas:2", "HH"),
    ("level:1", "HH"),
    ("level:1", "H"),
    ("level:2", "H"),
    ("level:11", "LL"),
    ("gateway:0", "GATEWAY"),
];

/// Runs deeds; where `restarts` is set the process dies after each of those.
fn run(deeds: &[(Deed, bool)], restarts: bool) -> (Vec<String>, Vec<WarningEntry>, Desk) {
    let mut desk = Desk::new();
    let mut standing = [0_u32; 8];
    let mut open = [false; 8];
    let mut outcomes = Vec::new();
    for (deed, dies) in deeds {
        let name = |point: u8, occurrence: u32| {
            let (subject, condition) = POINTS[usize::from(point)];
            format!("{subject}|{condition}|{occurrence}")
        };
        match *deed {
            Deed::Raise(point, level, late, quiet) if !open[usize::from(point)] => {
                let at = usize::from(point);
                open[at] = true;
                standing[at] += 1;
                let quiet = quiet.then_some(Quiet::Shelved);
                desk.raise_as(&name(point, standing[at]), level, late, quiet);
            }
            Deed::Clear(point) if open[usize::from(point)] => {
                open[usize::from(point)] = false;
                desk.clear(&name(point, standing[usize::from(point)]));
            }
            Deed::Ack(point) => desk.ack(&name(point, standing[usize::from(point)])),
            // As such, not one occurrence of it.
            Deed::Shelve(point) => desk.shelve(&name(point, 0)),
            Deed::Unshelve(point) => desk.unshelve(&name(point, 0)),
            Deed::Answer(no) => outcomes.push(format!("{:?}", desk.answer(no.into()))),
            Deed::FeedBack(no) => {
                let done = desk.command(&WarningCommand::FeedBack {
                    warning: WarningNo(no.into()),
                    by: "li".into(),
                    cause: "process".into(),
                    measure: "adjusted".into(),
                    comment: String::new(),
                });
                outcomes.push(format!("{done:?}"));
            }
            Deed::Close(no) => outcomes.push(format!("{:?}", desk.close(no.into()))),
            Deed::Pass(seconds) => desk.pass(seconds),
            _ => {}
        }
        desk.keep();
        if restarts && *dies {
            desk.restart();
        }
    }
    desk.pass(0);
    let entries = desk.out.clone();
    (outcomes, entries, desk)
}

proptest! {
    #[test]
    fn a_process_that_dies_anywhere_comes_to_the_same_warnings(
        deeds in prop::collection::vec((deed(), prop::bool::weighted(0.3)), 1..60),
    ) {
        let (outcomes, entries, desk) = run(&deeds, false);
        let (again_outcomes, again, desk_again) = run(&deeds, true);
        prop_assert_eq!(outcomes, again_outcomes);
        // What falls due at the same moment may come in another order between warnings, never within one.
        let of_each = |entries: &[WarningEntry]| {
            let mut each: BTreeMap<WarningNo, Vec<WarningEntry>> = BTreeMap::new();
            for entry in entries {
                each.entry(entry.warning).or_default().push(entry.clone());
            }
            each
        };
        prop_assert_eq!(of_each(&entries), of_each(&again));
        let open = |desk: &Desk| desk.book.open().cloned().collect::<Vec<_>>();
        prop_assert_eq!(open(&desk), open(&desk_again));
        // A round's rung is called once, and the counts are those of the members.
        let mut called = BTreeSet::new();
        for entry in &entries {
            if let WarningChange::Called { rung, round, .. } = &entry.change {
                prop_assert!(called.insert((entry.warning, *round, *rung)));
            }
        }
        for warning in desk.book.open() {
            let members = desk.book.alarms.values().filter(|m| m.warnings.contains(&warning.no));
            let (standing, waiting) = members.fold((0, 0), |(standing, waiting), member| {
                (standing + u32::from(member.stands()), waiting + u32::from(member.waits()))
            });
            prop_assert_eq!((warning.standing, warning.unacknowledged), (standing, waiting));
            prop_assert_eq!(warning.returned_at.is_some(), warning.standing == 0);
        }
    }
}
