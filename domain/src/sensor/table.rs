//! Decision tables of the sensor: a line a case. A script is readings and ticks in seconds; the story is what it finds.
//!
//! `3=85` a good reading of 85 taken at 3 s, `3=85?` an uncertain one, `3=!` a bad one, `3~` a tick at 3 s,
//! `3=lost` the node above is lost. Scan 1 s, missing after 3 scans, range 0 to 100.

use std::sync::Arc;

use super::{Finding, Moment, Reading, Rules, Sensor, Watch};
use crate::alarm::{AlarmChange, Condition};
use crate::limits::{Limit, Limits};
use crate::point::{Chatter, PointKind, PointSettings};
use crate::quality::Quality;
use crate::suppression::Suppression;
use crate::time::{LineMillis, UtcMillis};

/// Source times run apart from the line, so that a test sees which of the two a rule uses.
const SKEW: i64 = 7_000_000;

fn limit(value: f64, deadband: f64, on_s: f64, off_s: f64) -> Option<Limit> {
    Some(Limit {
        value,
        deadband,
        on_delay_ms: ms(on_s) as u32,
        off_delay_ms: ms(off_s) as u32,
        ..Limit::default()
    })
}

fn plain(limits: Limits) -> PointSettings {
    PointSettings {
        kind: PointKind::Analog,
        signal: "pressure".into(),
        unit: "MPa".into(),
        range: (0.0, 100.0),
        scan_ms: 1_000,
        missing_scans: 3,
        frozen_after_ms: None,
        limits,
        of_hazard_source: false,
        chatter: None,
        suppression: Suppression::default(),
        detectors: Box::default(),
    }
}

fn with_h(deadband: f64, on_s: f64, off_s: f64) -> PointSettings {
    plain(Limits { version: 3, h: limit(80.0, deadband, on_s, off_s), ..Limits::default() })
}

fn with_l(deadband: f64, on_s: f64, off_s: f64) -> PointSettings {
    plain(Limits { version: 3, l: limit(20.0, deadband, on_s, off_s), ..Limits::default() })
}

fn ms(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

fn told(finding: &Finding) -> String {
    let what = match &finding.change {
        AlarmChange::Raised { .. } => "+".to_owned(),
        AlarmChange::Cleared { latched: true, .. } => "latched ".to_owned(),
        AlarmChange::Reset { .. } => format!("released {} ", finding.occurrence),
        AlarmChange::Cleared { reason, .. } => match reason {
            crate::alarm::ClearReason::Returned => "-".to_owned(),
            other => format!("-{other:?} "),
        },
        AlarmChange::Chattering { crossings, over: false } => format!("~{crossings} "),
        AlarmChange::Chattering { crossings, over: true } => format!("calm {crossings} "),
        AlarmChange::Quieted { reason, .. } => format!("quiet({reason}) "),
        AlarmChange::Resumed { why, .. } => format!("again({why:?}) "),
        other => format!("{other:?}"),
    };
    let at = (finding.source_time.0 - SKEW) as f64 / 1_000.0;
    format!("{what}{} {at}", finding.condition.code())
}

struct Script {
    rules: Rules,
    sensor: Sensor,
    findings: Vec<Finding>,
    watch: Watch,
    use_calm: bool,
}

impl Script {
    fn run(settings: &PointSettings, script: &str, use_calm: bool) -> Self {
        let start = Moment { at: LineMillis(-1_000), wall: UtcMillis(SKEW - 1_000) };
        let mut run = Self {
            rules: Rules::new(Arc::new(settings.clone())),
            sensor: Sensor::default(),
            findings: Vec::new(),
            watch: Watch::Running(start),
            use_calm,
        };
        for token in script.split_whitespace() {
            run.take(token);
        }
        run
    }

    fn take(&mut self, token: &str) {
        if let Some(at) = token.strip_suffix('~') {
            let now = LineMillis(ms(at.parse().unwrap()));
            self.sensor.tick(&self.rules, now, self.watch, &mut self.findings);
            return;
        }
        let (at, what) = token.split_once('=').unwrap();
        let at = ms(at.parse().unwrap());
        let (value, quality) = match what {
            "lost" => {
                self.watch = Watch::ParentLost;
                self.sensor.parent_lost(UtcMillis(SKEW + at), &mut self.findings);
                return;
            }
            "!" => (0.0, Quality::COMM_FAILURE),
            "nan" => (f64::NAN, Quality::GOOD),
            other => match other.strip_suffix('?') {
                Some(value) => (value.parse().unwrap(), Quality::UNCERTAIN),
                None => (other.parse().unwrap(), Quality::GOOD),
            },
        };
        let (at, source) = (LineMillis(at), UtcMillis(SKEW + at));
        let calm = self.use_calm
            && quality == Quality::GOOD
            && self.sensor.calm(&self.rules, value, at, source);
        if !calm {
            let reading = Reading { value, quality, at, source };
            self.sensor.step(&self.rules, &reading, self.watch, &mut self.findings);
        }
    }

    fn story(&self) -> String {
        self.findings.iter().map(told).collect::<Vec<_>>().join(", ")
    }
}

fn check(settings: &PointSettings, script: &str, story: &str) {
    let careful = Script::run(settings, script, false);
    assert_eq!(careful.story(), story, "{script}");
    let quick = Script::run(settings, script, true);
    assert_eq!(quick.findings, careful.findings, "the calm path differs: {script}");
    let state = |run: &Script| format!("{:?}", run.sensor);
    assert_eq!(state(&quick), state(&careful), "the calm path differs: {script}");
}

#[test]
fn a_limit_is_broken_at_equality_and_left_beyond_its_deadband() {
    let h = with_h(5.0, 0.0, 0.0);
    check(&h, "0=79.9 1=79.99", "");
    check(&h, "0=80", "+H 0");
    check(&h, "0=80 1=79 2=75 3=74.9", "+H 0, -H 3");
    check(&h, "0=80 1=75 2=80 3=75", "+H 0");
    check(&h, "0=75 1=79", "");
    check(&with_h(0.0, 0.0, 0.0), "0=80 1=79.9", "+H 0, -H 1");
    let l = with_l(5.0, 0.0, 0.0);
    check(&l, "0=20.1", "");
    check(&l, "0=20 1=21 2=25 3=25.1", "+L 0, -L 3");
    check(&with_l(0.0, 0.0, 0.0), "0=20 1=20.1", "+L 0, -L 1");
}

#[test]
fn hh_h_l_and_ll_stand_apart() {
    let all = plain(Limits {
        version: 1,
        ll: limit(10.0, 0.0, 0.0, 0.0),
        l: limit(20.0, 0.0, 0.0, 0.0),
        h: limit(80.0, 0.0, 0.0, 0.0),
        hh: limit(90.0, 0.0, 0.0, 0.0),
        ..Limits::default()
    });
    check(&all, "0=50 1=95 2=85 3=50", "+HH 1, +H 1, -HH 2, -H 3");
    check(&all, "0=50 1=5 2=15 3=50", "+L 1, +LL 1, -LL 2, -L 3");
    check(&all, "0=95 1=5", "+HH 0, +H 0, -HH 1, -H 1, +L 1, +LL 1");
}

#[test]
fn an_on_delay_asks_that_the_condition_holds_without_a_break() {
    let h = with_h(5.0, 3.0, 0.0);
    // The reading at the end of the delay completes it, and gives the time.
    check(&h, "0=85 1=85 2=85 3=85", "+H 3");
    check(&h, "0=85 1=85 2=85", "");
    check(&h, "0=85 1=85 2=85 3=50", "");
    // Within the deadband the condition does not hold; the delay begins anew.
    check(&h, "0=85 2=79 3=85 5=85", "");
    check(&h, "0=85 2=79 3=85 6=85", "+H 6");
    // A reading speaks for one scan: the delay that ends within it is completed by time, at start + delay.
    check(&h, "0=85 1=85 2.5=85 2.9~ 3~", "+H 3");
    check(&h, "0=85 1=85 2.5=85 3.4=85", "+H 3");
    check(&h, "0=85 1=85 2.5=85 3.4=50", "+H 3, -H 3.4");
    // Silence does not confirm; the reading that ends it does.
    check(&h, "0=85 1=85 3.5~ 3.9~", "");
    check(&h, "0=85 1=85 3.9=85", "+H 3.9");
    check(&h, "0=85 1=85 9~", "+MISSING 4");
    check(&h, "0=85 1=85 9~ 10=85", "+MISSING 4, -MISSING 10, +H 10");
}

#[test]
fn an_off_delay_asks_that_the_condition_is_gone_without_a_break() {
    let h = with_h(5.0, 0.0, 3.0);
    check(&h, "0=85 1=50 2=50 3=50", "+H 0");
    check(&h, "0=85 1=50 2=50 3=50 4=50", "+H 0, -H 4");
    check(&h, "0=85 1=50 2=50 3=77 4=50 6=50", "+H 0");
    check(&h, "0=85 1=50 2=50 3=77 4=50 7=50", "+H 0, -H 7");
    check(&h, "0=85 1=50 2=50 3.5=50 4.2~", "+H 0, -H 4");
    // Silence does not clear.
    check(&h, "0=85 1=50 2=50 3.8~ 4.9~", "+H 0");
    check(&h, "0=85 1=50 9~", "+H 0, +MISSING 4");
}

#[test]
fn an_uncertain_value_is_judged_and_a_bad_one_leaves_value_alarms_as_they_are() {
    let h = with_h(5.0, 2.0, 0.0);
    check(&h, "0=85? 1=85? 2=85?", "+H 2");
    check(&h, "0=85 1=85 2=85 3=! 4=! 5=50", "+H 2, -H 5");
    // A bad reading neither breaks a running delay nor completes it.
    check(&h, "0=85 1=! 2=! 2.5~", "");
    check(&h, "0=85 1=! 2=85", "+H 2");
    check(&h, "0=85 1=! 2=50", "");
    let plain_h = with_h(5.0, 0.0, 0.0);
    check(&plain_h, "0=nan 1=nan 2=nan 3=nan", "+BAD 3");
}

#[test]
fn bad_quality_is_an_alarm_after_n_scans() {
    let p = with_h(5.0, 0.0, 0.0);
    check(&p, "0=50 1=! 2=! 3=!", "");
    check(&p, "0=50 1=! 2=! 3=! 4=!", "+BAD 4");
    check(&p, "0=50 1=! 2=! 3=! 4=! 5=50", "+BAD 4, -BAD 5");
    check(&p, "0=50 1=! 2=! 3=50 4=! 5=! 6=!", "");
    check(&p, "0=50 1=! 2=! 3.5=! 4~", "+BAD 4");
    check(&p, "0=! 1=! 2=! 3=!", "+BAD 3");
    // The node above is lost: it carries the alarm.
    check(&p, "0=50 1=lost 2=! 3=! 4=! 5=! 6=! 9~", "");
    check(&p, "0=! 1=! 2=! 3=! 4=lost 5=!", "+BAD 3, -ParentLost BAD 4");
}

#[test]
fn a_point_is_missing_n_scans_after_its_last_update() {
    let p = with_h(5.0, 0.0, 0.0);
    check(&p, "0=50 2.9~", "");
    check(&p, "0=50 3~", "+MISSING 3");
    check(&p, "0=50 100~ 200~", "+MISSING 3");
    check(&p, "0=50 5~ 6=50", "+MISSING 3, -MISSING 6");
    check(&p, "0=50 5~ 6=! 7=50", "+MISSING 3, -MISSING 6");
    // Never read: N scans after everything above it began to work, at -1 s.
    check(&p, "1.9~ 2~", "+MISSING 2");
    check(&p, "0=50 1=lost 100~", "");
    check(&p, "0=50 5~ 6=lost 100~", "+MISSING 3, -ParentLost MISSING 6");
    // A limit alarm stands through it.
    check(&p, "0=85 5~ 6=50", "+H 0, +MISSING 3, -MISSING 6, -H 6");
}

#[test]
fn a_rate_counts_both_ways_between_usable_readings() {
    let rate = |deadband, on_s| {
        plain(Limits { rate_per_min: limit(60.0, deadband, on_s, 0.0), ..Limits::default() })
    };
    check(&rate(0.0, 0.0), "0=50 1=50.9 2=51.8", "");
    check(&rate(0.0, 0.0), "0=50 1=51 2=51.5", "+ROC 1, -ROC 2");
    check(&rate(0.0, 0.0), "0=50 1=49 2=48.5", "+ROC 1, -ROC 2");
    check(&rate(30.0, 0.0), "0=50 1=51 2=51.5 3=51.9", "+ROC 1, -ROC 3");
    check(&rate(0.0, 2.0), "0=50 1=52 2=54 3=56", "+ROC 3");
    check(&rate(0.0, 0.0), "0=50 1=! 2=51.9", "");
    check(&rate(0.0, 0.0), "0=50 1=! 2=52", "+ROC 2");
    // No time between, no rate.
    check(&rate(0.0, 0.0), "0=50 0=60", "");
    check(&rate(0.0, 0.0), "0=50", "");
}

#[test]
fn a_discrete_state_is_an_alarm_while_it_holds() {
    let state = |alarm_state, on_delay_ms| PointSettings {
        kind: PointKind::discrete(alarm_state, on_delay_ms, 0),
        range: (0.0, 1.0),
        ..plain(Limits::default())
    };
    check(&state(Some(1), 0), "0=0 1=1 2=1 3=0", "+STATE 1, -STATE 3");
    check(&state(Some(0), 0), "0=0 1=1", "+STATE 0, -STATE 1");
    check(&state(Some(1), 2_000), "0=1 1=1 2=1", "+STATE 2");
    check(&state(Some(1), 2_000), "0=1 1=0 2=1", "");
    check(&state(None, 0), "0=1 1=0 2=7", "");
    check(&state(Some(2), 0), "0=1 1=2 2=3", "+STATE 1, -STATE 2");
}

#[test]
fn a_discrete_state_has_an_on_delay_and_an_off_delay() {
    let state = PointSettings {
        kind: PointKind::discrete(Some(1), 2_000, 3_000),
        range: (0.0, 1.0),
        ..plain(Limits::default())
    };
    check(&state, "0=1 1=1 2=1 3=0 4=0 5=0 6=0", "+STATE 2, -STATE 6");
    check(&state, "0=1 1=0 2=1 3=1 4=1", "+STATE 4");
    check(&state, "0=1 1=1 2=1 3=0 4=0 5=1 6=0 7=0 8=0 9=0", "+STATE 2, -STATE 9");
}

#[test]
fn hh_keeps_h_quiet_where_they_exclude_each_other() {
    let pair = |off_s| {
        plain(Limits {
            l: limit(20.0, 0.0, 0.0, 0.0),
            ll: limit(10.0, 0.0, 0.0, 0.0),
            h: limit(80.0, 0.0, 0.0, 0.0),
            hh: limit(90.0, 0.0, 0.0, off_s),
            exclusive_high: true,
            exclusive_low: true,
            ..Limits::default()
        })
    };
    // H is announced first and quiet once HH calls; what is left of it afterwards calls nobody anew.
    let up_and_down = "+H 1, +HH 2, quiet(HH) H 2, -HH 3, again(GraverOver) H 3, -H 4";
    check(&pair(0.0), "0=50 1=85 2=95 3=85 4=50", up_and_down);
    // Both in one reading: H is quiet when it comes, and stays so to its end.
    let leap = "+HH 1, quiet(HH) H 1, +H 1, -HH 2, -H 2, again(GraverOver) H 2";
    check(&pair(0.0), "0=50 1=95 2=50", leap);
    // An off-delay of HH, completed by time or by a reading.
    let delayed = "+HH 1, quiet(HH) H 1, +H 1, -HH 4.5, again(GraverOver) H 4.5";
    check(&pair(2.5), "0=50 1=95 2=85 3=85 4=85 4.9~", delayed);
    check(&pair(2.5), "0=50 1=95 2=85 3=85 4=85 5=85", delayed);
    // L is judged before LL.
    let low = "+L 1, +LL 1, quiet(LL) L 1, -LL 2, again(GraverOver) L 2";
    check(&pair(0.0), "0=50 1=5 2=15", low);
}

#[test]
fn an_alarm_that_latches_stays_until_it_is_reset_or_comes_again() {
    let mut latching = with_h(0.0, 0.0, 0.0);
    latching.limits.h.as_mut().unwrap().latching = true;
    check(&latching, "0=85 1=50", "+H 0, latched H 1");
    check(&latching, "0=85 1=50 2=85 3=50", "+H 0, latched H 1, released 1 H 2, +H 2, latched H 3");
    let state = PointSettings {
        kind: PointKind::Discrete {
            alarm_state: Some(1),
            on_delay_ms: 0,
            off_delay_ms: 0,
            realarm_ms: 0,
            latching: true,
        },
        range: (0.0, 1.0),
        ..plain(Limits::default())
    };
    check(&state, "0=0 1=1 2=0", "+STATE 1, latched STATE 2");
    // A new limit that makes it moot ends it for good; one that a graver alarm keeps quiet does not latch.
    change(&latching, "0=85", &with_h(0.0, 0.0, 0.0), "");
    let higher = plain(Limits { h: limit(90.0, 0.0, 0.0, 0.0), ..Limits::default() });
    change(&latching, "0=85", &higher, "-LimitsChanged H 60");
    latching.limits.hh = limit(90.0, 0.0, 0.0, 0.0);
    latching.limits.exclusive_high = true;
    let quiet = "+HH 0, quiet(HH) H 0, +H 0, -HH 1, -H 1, again(GraverOver) H 1";
    check(&latching, "0=95 1=50", quiet);
}

#[test]
fn what_chatters_stands_as_one_occurrence_until_it_is_calm() {
    let chatter = |transitions, window_s: f64| {
        let window_ms = ms(window_s) as u32;
        let settings = with_h(0.0, 0.0, 0.0);
        PointSettings { chatter: Some(Chatter { transitions, window_ms }), ..settings }
    };
    let p = chatter(3, 10.0);
    // The third transition is a raise; from there on it stands, and returns when it has been calm for the window.
    let flaps = "0=85 1=50 2=85 3=50 4=85 5=50";
    check(&p, flaps, "+H 0, -H 1, +H 2, ~3 H 2");
    let calm = format!("{flaps} 6=50 7=50 8=50 9=50 10=50 11=50 12=50 13=50 14=50 15=50");
    check(&p, &calm, "+H 0, -H 1, +H 2, ~3 H 2, calm 6 H 15, -H 15");
    // The fourth is a return: then it does not return.
    check(&chatter(4, 10.0), "0=85 1=50 2=85 3=50 4=50", "+H 0, -H 1, +H 2, ~4 H 3");
    // Two crossings far apart, or fewer than it takes, are no chattering.
    check(&p, "0=85 1=50 12=85 13=50 24=85 25=50", "+H 0, -H 1, +H 12, -H 13, +H 24, -H 25");
    check(&p, "0=85 1=50 2=50 3=50", "+H 0, -H 1");
    // The count is told once a window.
    let long = "0=85 1=50 2=85 3=50 4=85 6=50 8=85 10=50 12=85 14=50";
    check(&p, long, "+H 0, -H 1, +H 2, ~3 H 2, ~9 H 12");
    // It stays beyond for a window: an excursion, and no chattering any more. What follows is judged as ever.
    let beyond = "0=85 1=50 2=85 3=50 4=85 6=85 8=85 10=85 12=85 14=85 15=50";
    check(&p, beyond, "+H 0, -H 1, +H 2, ~3 H 2, calm 5 H 14, -H 15");
    // Between the limit and its deadband it neither crosses nor is calm.
    let banded = PointSettings { chatter: p.chatter, ..with_h(5.0, 0.0, 0.0) };
    let between = "0=85 1=50 2=85 3=50 4=78 8=78 12=78 16=50 20=50 24=50 26=50";
    check(&banded, between, "+H 0, -H 1, +H 2, ~3 H 2, calm 4 H 26, -H 26");
    // New settings that know none end it; the alarm stands by its bare rule from there on.
    change(&p, "0=85 1=50 2=85", &with_h(0.0, 0.0, 0.0), "calm 3 H 60");
}

#[test]
fn chattering_that_was_answered_calls_again_when_it_stays_beyond() {
    let chatter = Some(Chatter { transitions: 3, window_ms: 10_000 });
    let p = PointSettings { chatter, ..with_h(0.0, 0.0, 0.0) };
    let mut run = Script::run(&p, "0=85 1=50 2=85 3=50 4=85", false);
    run.sensor.acknowledge(Condition::High, 2).unwrap();
    run.findings.clear();
    for token in ["6=85", "8=85", "10=85", "12=85", "14=85", "16=85"] {
        run.take(token);
    }
    assert_eq!(run.story(), "calm 5 H 14, RepeatedH 14");
}

#[test]
fn out_of_range_begins_beyond_the_margins_and_lasts_n_scans() {
    let p = plain(Limits::default());
    check(&p, "0=-1.25 1=-1.25 2=-1.25 3=-1.25", "");
    check(&p, "0=103.125 1=103.125 2=103.1 3=103.1", "");
    check(&p, "0=-1.3 1=-1.3 2=-1.3 3=-1.3 4=0", "+RANGE 3, -RANGE 4");
    check(&p, "0=104 1=104 2=104 3=104", "+RANGE 3");
    check(&p, "0=104 1=104 2=100 3=104", "");
}

#[test]
fn a_signal_is_frozen_when_it_has_not_changed_at_all() {
    let frozen = PointSettings { frozen_after_ms: Some(5_000), ..plain(Limits::default()) };
    check(&frozen, "0=50 1=50 2=50 3=50 4=50", "");
    check(&frozen, "0=50 1=50 2=50 3=50 4=50 5=50", "+FROZEN 5");
    check(&frozen, "0=50 2=50 4=50 5=50 6=50 7=50.001", "+FROZEN 5, -FROZEN 7");
    check(&frozen, "0=50 2=50 4=50.1 6=50.1 8=50.1", "");
    check(&frozen, "0=50 2=50 4=50.1 6=50.1 8=50.1 9=50.1", "+FROZEN 9");
    // After a silence the count begins anew; a silence does not end it either.
    check(&frozen, "0=50 2=50 6=50", "");
    check(&frozen, "0=50 2=50 6=50 8=50 10=50 11=50", "+FROZEN 11");
    check(&frozen, "0=50 2=50 4=50 5=50 15=50", "+FROZEN 5");
    check(&frozen, "0=50 1=! 2=! 3=50 5=50", "+FROZEN 5");
}

fn change(before: &PointSettings, script: &str, after: &PointSettings, story: &str) {
    let mut run = Script::run(before, script, false);
    run.findings.clear();
    let new = Rules::new(Arc::new(after.clone()));
    let now = Moment { at: LineMillis(60_000), wall: UtcMillis(SKEW + 60_000) };
    run.sensor.reconfigure(&run.rules, &new, now, &mut run.findings);
    assert_eq!(run.story(), story, "{script}: {before:?} → {after:?}");
}

#[test]
fn a_new_limit_that_makes_an_alarm_moot_ends_it() {
    let h =
        |value| plain(Limits { version: 4, h: limit(value, 5.0, 0.0, 0.0), ..Limits::default() });
    change(&h(80.0), "0=85", &h(90.0), "-LimitsChanged H 60");
    change(&h(80.0), "0=85", &h(85.0), "");
    change(&h(80.0), "0=85", &plain(Limits::default()), "-LimitsChanged H 60");
    // Within the old deadband of an unchanged limit the alarm stands on.
    change(&h(80.0), "0=85 1=78", &h(80.0), "");
    change(&h(80.0), "0=85 1=78", &h(79.0), "-LimitsChanged H 60");
    // A lower limit raises nothing by itself: the next reading does.
    change(&h(80.0), "0=75", &h(70.0), "");
    let state = |alarm_state| PointSettings {
        kind: PointKind::discrete(alarm_state, 0, 0),
        ..plain(Limits::default())
    };
    change(&state(Some(1)), "0=1", &state(Some(2)), "-LimitsChanged STATE 60");
    change(&state(Some(1)), "0=1", &state(None), "-LimitsChanged STATE 60");
    change(&state(Some(1)), "0=1", &state(Some(1)), "");
    let rate = plain(Limits { rate_per_min: limit(60.0, 0.0, 0.0, 0.0), ..Limits::default() });
    change(&rate, "0=1 1=9", &plain(Limits::default()), "-LimitsChanged ROC 60");
    let wide = PointSettings { range: (0.0, 200.0), ..plain(Limits::default()) };
    change(&plain(Limits::default()), "0=120 3=120", &wide, "-LimitsChanged RANGE 60");
    let frozen = |after| PointSettings { frozen_after_ms: after, ..plain(Limits::default()) };
    change(&frozen(Some(2_000)), "0=5 2=5", &frozen(None), "-LimitsChanged FROZEN 60");
    change(&frozen(Some(2_000)), "0=5 2=5", &frozen(Some(3_000)), "");
}

#[test]
fn a_running_delay_loses_its_ground_with_its_limit() {
    let h = |value| plain(Limits { h: limit(value, 5.0, 3.0, 0.0), ..Limits::default() });
    for (after, armed) in
        [(h(80.0), true), (h(70.0), true), (h(90.0), false), (plain(Limits::default()), false)]
    {
        let mut run = Script::run(&h(80.0), "0=85", false);
        let new = Rules::new(Arc::new(after));
        let now = Moment { at: LineMillis(500), wall: UtcMillis(SKEW) };
        run.sensor.reconfigure(&run.rules, &new, now, &mut run.findings);
        assert_eq!(!run.sensor.armed().is_empty(), armed, "{new:?}");
    }
}

#[test]
fn an_alarm_says_which_limit_it_broke_and_how_grave_it_is() {
    let settings = PointSettings { signal: "gas_toxic".into(), ..with_h(0.0, 0.0, 0.0) };
    let run = Script::run(&settings, "0=85", false);
    let AlarmChange::Raised { value, limit, limits_version, level, late, .. } =
        run.findings[0].change
    else {
        panic!("{:?}", run.findings)
    };
    assert_eq!(
        (value, limit, limits_version, level.get(), late),
        (Some(85.0), Some(80.0), 3, 2, false)
    );
    let run = Script::run(&plain(Limits::default()), "0=-9 3=-9", false);
    let AlarmChange::Raised { limit, level, .. } = run.findings[0].change else { panic!() };
    assert_eq!((limit, level.get()), (Some(0.0), 4));
}

#[test]
fn the_next_deadline_is_the_first_thing_that_a_tick_would_do() {
    for (settings, script, due) in [
        (with_h(0.0, 0.0, 0.0), "0=50", Some(3.0)),
        (with_h(0.0, 0.5, 0.0), "0=85", Some(0.5)),
        (with_h(0.0, 9.0, 0.0), "0=85", Some(3.0)),
        (with_h(0.0, 0.0, 0.5), "0=85 1=50", Some(1.5)),
        (with_h(0.0, 0.0, 0.0), "0=50 9~", None),
        (with_h(0.0, 0.0, 0.0), "0=50 1=lost", None),
    ] {
        let mut run = Script::run(&settings, script, false);
        let found = run.sensor.next_deadline(&run.rules, run.watch);
        assert_eq!(found.map(|d| d.0), due.map(ms), "{script}");
        if let Some(due) = found {
            let before = run.findings.len();
            run.sensor.tick(&run.rules, due.plus(-1), run.watch, &mut run.findings);
            assert_eq!(run.findings.len(), before, "{script}: nothing before its deadline");
            run.sensor.tick(&run.rules, due, run.watch, &mut run.findings);
            assert_eq!(run.findings.len(), before + 1, "{script}");
        }
    }
}

#[test]
fn the_hot_state_is_small() {
    assert!(size_of::<Sensor>() <= 64, "{} bytes", size_of::<Sensor>());
}
