//! What a scenario stated, against what the alarm log holds of it: one verdict a statement.
//!
//! Judged here and nowhere else, so that the tester's page and the whole-system test agree. Pure: what the simulator tells of
//! a run, the alarms of that time, and now. Of the simulator it knows the form of a run as `docs/simulator.md` writes it, and
//! nothing of any one scenario.
//!
//! An alarm and the time in which its condition held are paired where they overlap, each once and in order: a signal that
//! comes again is a new occurrence with a deadline of its own. Times of decision are compared, never source times, which a
//! gateway's wrong clock may falsify.

use serde::{Deserialize, Serialize};

/// A condition that holds for no more than its delay and so many scans may be met by a scan, or slip between two.
const SCANS_OF_DOUBT: i64 = 2;
/// How long a verdict waits for what is decided to be found in the alarm index, and for the last tick of a run.
const LAG_MS: i64 = 3_000;

/// A run, as the simulator tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// Milliseconds since 1970 UTC.
    pub started_at: i64,
    /// When it ended, by itself or stopped.
    pub ended_at: Option<i64>,
    /// Ended before its time.
    #[serde(default)]
    pub stopped: bool,
    /// How wrong it sets a clock.
    #[serde(default)]
    pub clock_error_ms: i64,
    /// Moments of the time line that the clock has reached.
    #[serde(default)]
    pub moments: Vec<Reached>,
    /// What the center must show.
    pub expectations: Vec<Expectation>,
    /// What crossed a limit, oldest first.
    #[serde(default)]
    pub crossings: Vec<Crossing>,
}

/// A moment of the time line, on the clock.
#[derive(Clone, Debug, Deserialize)]
pub struct Reached {
    at_s: f64,
    at: i64,
}

/// A condition began or ended in the field.
#[derive(Clone, Debug, Deserialize)]
pub struct Crossing {
    point: String,
    condition: String,
    began: bool,
    at: i64,
    delay_ms: i64,
}

/// A statement.
#[derive(Clone, Debug, Deserialize)]
pub struct Expectation {
    /// Of what; `*` ends a text that many begin with.
    pub subject: String,
    /// Code of the condition.
    pub condition: String,
    /// False where there must be no such alarm.
    pub must: bool,
    raised: Option<Moment>,
    clears: Option<Moment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum Moment {
    Crossing { scan_ms: i64, within_ms: i64 },
    Step { at_s: f64, delay_ms: i64, scan_ms: i64, within_ms: i64 },
}

/// An alarm of the time of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Identity.
    pub id: String,
    /// Of what.
    #[serde(skip)]
    pub subject: String,
    /// Code of the condition.
    #[serde(skip)]
    pub condition: String,
    /// Severity.
    pub level: u8,
    /// When it began at the source.
    pub raised_at: i64,
    /// When the center received what completed it.
    pub received_at: i64,
    /// When the center decided.
    pub decided_at: i64,
    /// When it ended at the source.
    pub cleared_at: Option<i64>,
    /// When the center decided that.
    pub clear_decided_at: Option<i64>,
}

/// How a statement stands, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing of the kind came, as it must.
    Absent,
    /// Nothing is demanded, for the [`Reason`] that stands with it.
    Void,
    /// It came in time, and went in time where that is stated.
    Met,
    /// It came in time and has not yet had to go.
    Raised,
    /// It may still come.
    Waiting,
    /// It came or went, but too late.
    Late,
    /// It went while its condition still held.
    Early,
    /// It did not go.
    Stuck,
    /// It did not come.
    Missed,
    /// It came and must not.
    Wrong,
}

/// Why a statement is void, or wrong though it must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The run was stopped before the value passed its limit.
    Stopped,
    /// The condition did not last for its delay and the scans that may miss it.
    TooBrief,
    /// The run is over and the value never passed its limit: a wind may turn away from a detector that was foreseen in the plume.
    /// Void without an alarm; with one it is wrong, for nothing caused that alarm.
    NeverCrossed,
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// How it stands.
    pub state: State,
    /// Why nothing is demanded, where it is void; why nothing may come, where it is wrong and was stated to come.
    pub reason: Option<Reason>,
    /// Slowest raising, from the moment that condition and delay were fulfilled.
    pub latency_ms: Option<i64>,
    /// Slowest clearing, likewise.
    pub clear_latency_ms: Option<i64>,
    /// Alarms that were found.
    pub occurrences: usize,
    /// The alarm that decided it.
    #[serde(skip)]
    pub seen: Option<Seen>,
}

/// A time in which the condition held.
struct Span {
    begin: Edge,
    end: Option<Edge>,
}

#[derive(Clone, Copy)]
struct Edge {
    /// The condition began, or ended.
    at: i64,
    /// Its delay was fulfilled.
    due: i64,
    /// The scan that first meets with it, not counted against the center.
    scan_ms: i64,
    /// The center must have decided.
    deadline: i64,
}

impl Edge {
    fn new(at: i64, delay_ms: i64, scan_ms: i64, within_ms: i64) -> Self {
        let due = at + delay_ms;
        Self { at, due, scan_ms, deadline: due + scan_ms + within_ms }
    }
}

impl Span {
    /// Whether it must be seen at all: a scan may miss what hardly outlasts its delay.
    fn is_demanded(&self) -> bool {
        let sure = self.begin.due + SCANS_OF_DOUBT * self.begin.scan_ms;
        self.end.is_none_or(|end| end.at >= sure)
    }
}

/// Judges one statement of a run.
#[must_use]
pub fn judge(expectation: &Expectation, run: &Run, alarms: &[Seen], now: i64) -> Verdict {
    let over = run.ended_at.is_some_and(|ended| now > ended + LAG_MS);
    let mut of_it: Vec<&Seen> = alarms
        .iter()
        .filter(|a| a.condition == expectation.condition && expectation.speaks_of(&a.subject))
        .filter(|a| a.decided_at >= run.started_at)
        .collect();
    of_it.sort_by_key(|a| a.decided_at);
    if expectation.must {
        judge_must(expectation, run, &of_it, over, now)
    } else {
        of_it.retain(|a| run.ended_at.is_none_or(|ended| a.decided_at <= ended));
        let state = match of_it.first() {
            Some(_) => State::Wrong,
            None if over => State::Absent,
            None => State::Waiting,
        };
        Verdict {
            state,
            reason: None,
            latency_ms: None,
            clear_latency_ms: None,
            occurrences: of_it.len(),
            seen: of_it.first().map(|a| (*a).clone()),
        }
    }
}

fn judge_must(
    expectation: &Expectation,
    run: &Run,
    alarms: &[&Seen],
    over: bool,
    now: i64,
) -> Verdict {
    let spans = expectation.spans(run);
    let mut verdict = Verdict {
        state: State::Absent,
        reason: None,
        latency_ms: None,
        clear_latency_ms: None,
        occurrences: alarms.len(),
        seen: None,
    };
    let mut unused = alarms;
    for span in &spans {
        let at = unused.iter().position(|alarm| span.overlaps(alarm));
        let alarm = at.map(|at| unused[at]);
        unused = at.map_or(unused, |at| &unused[at + 1..]);
        let state = match alarm {
            Some(alarm) => {
                let latency = alarm.decided_at - span.begin.due;
                verdict.latency_ms = verdict.latency_ms.max(Some(latency));
                let cleared = expectation.clears.as_ref().map(|_| span.cleared(alarm, now));
                if let (Some(end), Some(decided)) = (&span.end, alarm.clear_decided_at) {
                    verdict.clear_latency_ms =
                        verdict.clear_latency_ms.max(Some(decided - end.due));
                }
                let raised =
                    if alarm.decided_at > span.begin.deadline { State::Late } else { State::Met };
                raised.max(cleared.unwrap_or(State::Met))
            }
            None if !span.is_demanded() => State::Void,
            None if now > span.begin.deadline + LAG_MS => State::Missed,
            None => State::Waiting,
        };
        if state > verdict.state {
            (verdict.state, verdict.seen) = (state, alarm.cloned());
        }
    }
    if spans.is_empty() {
        let uncaused = expectation.uncaused(run, alarms);
        verdict.seen = uncaused.or_else(|| alarms.first().copied()).cloned();
        let by_crossing = matches!(expectation.raised, Some(Moment::Crossing { .. }));
        (verdict.state, verdict.reason) = match (over, run.stopped) {
            (false, _) => (State::Waiting, None),
            (true, _) if uncaused.is_some() => (State::Wrong, Some(Reason::NeverCrossed)),
            (true, true) => (State::Void, Some(Reason::Stopped)),
            (true, false) if by_crossing => (State::Void, Some(Reason::NeverCrossed)),
            // A step is the simulator's own doing: a whole run that did not come to it is an error.
            (true, false) => (State::Missed, None),
        };
    } else if verdict.state == State::Void {
        verdict.reason = Some(Reason::TooBrief);
    }
    verdict
}

impl Span {
    fn overlaps(&self, alarm: &Seen) -> bool {
        self.end.is_none_or(|end| alarm.decided_at <= end.deadline)
            && alarm.clear_decided_at.is_none_or(|decided| decided >= self.begin.at)
    }

    /// How the going of an alarm stands that came.
    fn cleared(&self, alarm: &Seen, now: i64) -> State {
        match (self.end, alarm.clear_decided_at) {
            // The scan may have met with the end just before the simulator was sure of it.
            (None, Some(decided)) if now > decided + LAG_MS => State::Early,
            (None, Some(_)) => State::Met,
            (None, None) => State::Raised,
            (Some(end), Some(decided)) => {
                if decided + SCANS_OF_DOUBT * end.scan_ms < end.at {
                    State::Early
                } else if decided > end.deadline {
                    State::Late
                } else {
                    State::Met
                }
            }
            (Some(end), None) if now > end.deadline + LAG_MS => State::Stuck,
            (Some(_), None) => State::Raised,
        }
    }
}

impl Expectation {
    /// Whether it is about this subject.
    #[must_use]
    pub fn speaks_of(&self, subject: &str) -> bool {
        match self.subject.strip_suffix('*') {
            Some(beginning) => subject.starts_with(beginning),
            None => subject == self.subject,
        }
    }

    /// The first alarm of the run that no crossing caused, where none was noted. One that is decided right after the start may
    /// be of a crossing before it, and one after the end is of what came then.
    fn uncaused<'a>(&self, run: &Run, alarms: &[&'a Seen]) -> Option<&'a Seen> {
        let Some(Moment::Crossing { scan_ms, within_ms }) = self.raised else { return None };
        let sure = run.started_at + scan_ms + within_ms;
        let within = |a: &&Seen| {
            a.decided_at > sure && run.ended_at.is_none_or(|ended| a.decided_at <= ended)
        };
        alarms.iter().copied().find(within)
    }

    /// When its condition held.
    fn spans(&self, run: &Run) -> Vec<Span> {
        match &self.raised {
            Some(Moment::Crossing { scan_ms, within_ms }) => {
                self.crossed(run, *scan_ms, *within_ms)
            }
            Some(Moment::Step { at_s, delay_ms, scan_ms, within_ms }) => {
                let begin =
                    run.reached(*at_s).map(|at| Edge::new(at, *delay_ms, *scan_ms, *within_ms));
                begin.map(|begin| Span { begin, end: self.step_end(run) }).into_iter().collect()
            }
            None => Vec::new(),
        }
    }

    fn crossed(&self, run: &Run, scan_ms: i64, within_ms: i64) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let of_it = run
            .crossings
            .iter()
            .filter(|c| c.point == self.subject && c.condition == self.condition);
        for crossing in of_it {
            let edge = Edge::new(crossing.at, crossing.delay_ms, scan_ms, within_ms);
            if crossing.began {
                spans.push(Span { begin: edge, end: None });
            } else if let Some(open) = spans.last_mut().filter(|span| span.end.is_none()) {
                open.end = Some(edge);
            }
        }
        spans
    }

    fn step_end(&self, run: &Run) -> Option<Edge> {
        let Some(Moment::Step { at_s, delay_ms, scan_ms, within_ms }) = self.clears else {
            return None;
        };
        // A run that ends takes back all that it did, whether its time line had come so far or not.
        let at = run.reached(at_s).or(run.ended_at)?;
        Some(Edge::new(at, delay_ms, scan_ms, within_ms))
    }
}

impl Run {
    #[allow(clippy::float_cmp, reason = "the same number, written by the simulator twice")]
    fn reached(&self, at_s: f64) -> Option<i64> {
        self.moments.iter().find(|moment| moment.at_s == at_s).map(|moment| moment.at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const POINT: &str = "410205007.LT-7202";

    /// A statement about H of a point: no delay to come, three seconds to go, read every second.
    fn crossing_statement() -> Value {
        let moment = |delay_ms| json!({"from": "crossing", "delay_ms": delay_ms, "scan_ms": 1_000, "within_ms": 1_000});
        json!({"subject": POINT, "condition": "H", "must": true, "raised": moment(0), "clears": moment(3_000)})
    }

    fn step_statement() -> Value {
        let moment = |at_s, delay_ms| json!({"from": "step", "at_s": at_s, "delay_ms": delay_ms, "scan_ms": 0, "within_ms": 1_000});
        json!({"subject": "gateway:41020501001", "condition": "GATEWAY", "must": true,
            "raised": moment(0.0, 10_000), "clears": moment(30.0, 0)})
    }

    fn none_of(subject: &str, condition: &str) -> Value {
        json!({"subject": subject, "condition": condition, "must": false, "raised": null, "clears": null})
    }

    /// `+10` began at second ten, `-20` ended at second twenty.
    fn crossings(text: &str) -> Value {
        let of = |word: &str| {
            let (began, at) = (word.starts_with('+'), word[1..].parse::<f64>().unwrap());
            json!({"point": POINT, "condition": "H", "began": began, "at": at * 1_000.0,
                "delay_ms": if began { 0 } else { 3_000 }})
        };
        let mut list: Vec<Value> = text.split_whitespace().map(of).collect();
        for crossing in &mut list {
            crossing["at"] = json!(crossing["at"].as_f64().unwrap() as i64);
        }
        json!(list)
    }

    /// `10.5..24` decided at 10.5 s and cleared at 24 s; `10.5..` still stands.
    fn alarms(subject: &str, condition: &str, text: &str) -> Vec<Seen> {
        let ms = |text: &str| text.parse::<f64>().ok().map(|s| (s * 1_000.0) as i64);
        text.split_whitespace()
            .map(|word| {
                let (raised, cleared) = word.split_once("..").unwrap();
                Seen {
                    id: word.to_owned(),
                    subject: subject.to_owned(),
                    condition: condition.to_owned(),
                    level: 3,
                    raised_at: 0,
                    received_at: 0,
                    decided_at: ms(raised).unwrap(),
                    cleared_at: ms(cleared),
                    clear_decided_at: ms(cleared),
                }
            })
            .collect()
    }

    fn verdict(statement: &Value, run: Value, alarms: &[Seen], now_s: f64) -> Verdict {
        let mut whole = json!({"started_at": 0, "ended_at": null, "expectations": [statement]});
        for (key, value) in run.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let run: Run = serde_json::from_value(whole).unwrap();
        judge(&run.expectations[0], &run, alarms, (now_s * 1_000.0) as i64)
    }

    /// A run that ended at its sixtieth second and saw no alarm.
    fn ended(stopped: bool, crossed: &str, now_s: f64) -> (State, Option<Reason>) {
        let run = json!({"ended_at": 60_000, "stopped": stopped, "crossings": crossings(crossed)});
        let found = verdict(&crossing_statement(), run, &[], now_s);
        (found.state, found.reason)
    }

    #[track_caller]
    fn crossing(crossed: &str, seen: &str, now_s: f64, expected: State) {
        let alarms = alarms(POINT, "H", seen);
        let run = json!({ "crossings": crossings(crossed) });
        let state = verdict(&crossing_statement(), run, &alarms, now_s).state;
        assert_eq!(state, expected, "{crossed} against {seen} at {now_s}");
    }

    #[test]
    fn an_alarm_is_measured_from_its_crossing_and_its_delay_without_the_scan() {
        crossing("", "", 5.0, State::Waiting);
        crossing("+10", "", 12.0, State::Waiting);
        crossing("+10", "", 15.1, State::Missed);
        crossing("+10", "11.9..", 12.0, State::Raised);
        crossing("+10", "12.1..", 12.2, State::Late);
        // It may go once it has been gone for three seconds, within a scan and a second of that.
        crossing("+10 -20", "11..24.9", 26.0, State::Met);
        crossing("+10 -20", "11..25.1", 26.0, State::Late);
        crossing("+10 -20", "11..", 27.0, State::Raised);
        crossing("+10 -20", "11..", 28.1, State::Stuck);
        crossing("+10", "11..15", 20.0, State::Early);
        crossing("+10 -20", "11..15", 30.0, State::Early);
        // Where the simulator is about to note the end, it is no error yet.
        crossing("+10", "11..15", 16.0, State::Met);
    }

    #[test]
    fn every_occurrence_is_paired_with_its_own_crossing() {
        crossing("+10 -18 +26 -34", "11..21.5 27..37.5", 60.0, State::Met);
        crossing("+10 -18 +26 -34", "11..21.5", 31.1, State::Missed);
        crossing("+10 -18 +26 -34", "11..21.5 29..37.5", 60.0, State::Late);
        crossing("+10 -18 +26", "11..21.5 27..", 30.0, State::Raised);
        // What hardly came may slip between two scans, or be met by one.
        crossing("+10 -11 +26 -34", "27..37.5", 60.0, State::Met);
        crossing("+10 -11 +26 -34", "10.5..14.5 27..37.5", 60.0, State::Met);
        crossing("+10 -11", "", 60.0, State::Void);
    }

    #[test]
    fn a_step_counts_from_when_the_clock_reached_it_whatever_the_speed() {
        let lost = |seen: &str| alarms("gateway:41020501001", "GATEWAY", seen);
        let at = |moments: Value, seen: &str, now_s| {
            verdict(&step_statement(), json!({ "moments": moments }), &lost(seen), now_s).state
        };
        let cut = json!([{"at_s": 0.0, "at": 200}]);
        let joined = json!([{"at_s": 0.0, "at": 200}, {"at_s": 30.0, "at": 15_200}]);
        assert_eq!(at(json!([]), "", 100.0), State::Waiting);
        assert_eq!(at(cut.clone(), "", 11.0), State::Waiting);
        assert_eq!(at(cut.clone(), "11.1..", 12.0), State::Raised);
        assert_eq!(at(cut.clone(), "11.3..", 12.0), State::Late);
        assert_eq!(at(cut.clone(), "", 15.0), State::Missed);
        // At twice the speed thirty seconds are fifteen.
        assert_eq!(at(joined.clone(), "11.1..15.9", 30.0), State::Met);
        assert_eq!(at(joined, "11.1..17", 30.0), State::Late);
        // At such a speed that the grace never passed nothing is demanded.
        let brief = json!([{"at_s": 0.0, "at": 200}, {"at_s": 30.0, "at": 3_200}]);
        assert_eq!(at(brief, "", 60.0), State::Void);
        let found = verdict(&step_statement(), json!({ "moments": cut }), &lost("10.6.."), 12.0);
        assert_eq!((found.latency_ms, found.occurrences), (Some(400), 1));
    }

    #[test]
    fn a_run_that_was_stopped_demands_only_what_it_came_to() {
        assert_eq!(ended(true, "", 70.0), (State::Void, Some(Reason::Stopped)));
        assert_eq!(ended(true, "+50", 70.0), (State::Missed, None));
        let run = json!({"ended_at": 20_000, "stopped": true, "moments": [{"at_s": 0.0, "at": 0}]});
        let lost = alarms("gateway:41020501001", "GATEWAY", "10.5..20.5");
        assert_eq!(verdict(&step_statement(), run, &lost, 60.0).state, State::Met);
    }

    #[test]
    fn a_statement_whose_value_never_passed_its_limit_is_void_once_the_run_is_over() {
        assert_eq!(ended(false, "", 62.0), (State::Waiting, None));
        assert_eq!(ended(false, "", 70.0), (State::Void, Some(Reason::NeverCrossed)));
        assert_eq!(ended(false, "+10 -11", 70.0), (State::Void, Some(Reason::TooBrief)));
        assert_eq!(ended(false, "+10 -20", 70.0), (State::Missed, None));
        // What the simulator does itself must come.
        let run = json!({ "ended_at": 60_000 });
        let found = verdict(&step_statement(), run, &[], 70.0);
        assert_eq!((found.state, found.reason), (State::Missed, None));
    }

    #[test]
    fn an_alarm_of_a_value_that_never_passed_its_limit_is_wrong_once_the_run_is_over() {
        let check = |stopped: bool, seen: &str, now_s, expected| {
            let run = json!({"ended_at": 60_000, "stopped": stopped});
            let found = verdict(&crossing_statement(), run, &alarms(POINT, "H", seen), now_s);
            let named = found.seen.map(|alarm| alarm.id);
            assert_eq!((found.state, found.reason, named.as_deref()), expected, "{seen} {stopped}");
        };
        let crossed = Some(Reason::NeverCrossed);
        check(false, "20..", 62.0, (State::Waiting, None, Some("20..")));
        check(false, "20..30", 70.0, (State::Wrong, crossed, Some("20..30")));
        check(true, "20..", 70.0, (State::Wrong, crossed, Some("20..")));
        // What passed its limit right before the run, or after it, is not the run's.
        check(false, "1.9..", 70.0, (State::Void, crossed, Some("1.9..")));
        check(false, "61..", 70.0, (State::Void, crossed, Some("61..")));
        check(true, "61..", 70.0, (State::Void, Some(Reason::Stopped), Some("61..")));
        check(false, "1.9..5 20..", 70.0, (State::Wrong, crossed, Some("20..")));
        // A step needs no crossing.
        let lost = alarms("gateway:41020501001", "GATEWAY", "20..");
        let found = verdict(&step_statement(), json!({ "ended_at": 60_000 }), &lost, 70.0);
        assert_eq!((found.state, found.reason), (State::Missed, None));
    }

    #[test]
    fn what_must_not_come_is_found_by_the_beginning_of_its_name_within_the_run_alone() {
        let check = |subject: &str, of: &str, seen: &str, expected| {
            let run = json!({ "started_at": 5_000, "ended_at": 60_000 });
            let found =
                verdict(&none_of(subject, "MISSING"), run, &alarms(of, "MISSING", seen), 70.0);
            assert_eq!(found.state, expected, "{subject} against {of} {seen}");
        };
        check("*", POINT, "20..", State::Wrong);
        check("410205007.*", POINT, "20..30", State::Wrong);
        check("410205010.*", POINT, "20..", State::Absent);
        check(POINT, POINT, "20..", State::Wrong);
        check("*", POINT, "4..", State::Absent);
        check("*", POINT, "61..", State::Absent);
        let other = alarms(POINT, "H", "20..");
        let still = json!({ "started_at": 5_000 });
        assert_eq!(verdict(&none_of("*", "MISSING"), still, &other, 30.0).state, State::Waiting);
    }
}
