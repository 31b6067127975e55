//! The seam between a gap and the live readings after it: what a second evaluator and the live sensor come to together.
//!
//! Live readings come first and the backlog later, so at the end of the gap neither of the two knows what stood: the live sensor has
//! not seen the gap, and the second evaluator would need live readings that are long past. Keeping all of them until the backlog
//! is through would cost megabytes a host. But what can have stood is bounded. So beside the live sensor a supposed one runs, for
//! which *every* condition stood at the end of the gap: whatever did stand ended when it first clears there, and what it never
//! clears stands. Where alarms stood before the gap another one runs, for which *none* did at its end: what it does not raise has not
//! come again. They are dropped as soon as they agree with the live sensor, which is nearly always at the first calm reading.
//!
//! Delays that ran at the end of the gap are the one thing that it cannot know. They are over after the longest delay, so the
//! readings up to then are kept, at most [`READINGS_MAX`], and given to the second evaluator when the backlog is through. While
//! all live readings since the gap are kept, that evaluator is where a sensor without a gap would be, and its delays are carried
//! into the live sensor; so the next reading completes what began in the gap. For the same reason the live sensor drops its own
//! delays at the first reading after the gap: whether they were broken in it, the second evaluator will know.
//!
//! What this leaves: a delay of more than [`READINGS_MAX`] scans that ran at the end of the gap is counted from the first live
//! reading, and an alarm that stood before the gap keeps its own end where it came again after it.

use anlan_domain::alarm::{AlarmChange, ClearReason, Condition};
use anlan_domain::conditions::Conditions;
use anlan_domain::quality::Quality;
use anlan_domain::sensor::{Episode, Finding, Moment, Reading, Rules, Sensor, Watch, amended};
use anlan_domain::time::{LineMillis, UtcMillis};
use serde::{Deserialize, Serialize};

use super::state::{DeviceState, State};
use super::{Evaluator, Host, isolated};

/// Live readings that are kept for one second evaluator.
const READINGS_MAX: usize = 128;
/// The first two are kept always: a rate over the end of the gap shows in the first and is over in the second.
const READINGS_MIN: usize = 2;

/// Second evaluator of one sensor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Late {
    pub sensor: Sensor,
    /// The settings that it judged by last; `None` for those in force now.
    pub rules: Option<Box<Rules>>,
    /// Whether there is anything to settle: the backlog has said something about it, or a delay ran when the gap began.
    pub touched: bool,
    /// The gateway has been heard since then without a break as long as a missing point's.
    heard_since: Moment,
    before: Vec<Before>,
    /// Alarms that began in the gap and have not ended.
    open: Vec<Episode>,
    live: After,
}

/// An alarm that stood before the gap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Before {
    condition: Condition,
    number: u32,
    /// The end that this evaluator found.
    ended: Option<End>,
}

/// The end of an alarm that stood before the gap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct End {
    at: UtcMillis,
    reason: ClearReason,
    /// Within the gap, or in the live readings that were kept.
    in_gap: bool,
}

/// How an alarm ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ended {
    condition: Condition,
    at: LineMillis,
    reason: ClearReason,
    value: Option<f64>,
    source: UtcMillis,
}

/// What the live lane has shown of the sensor since the gap.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct After {
    /// Its first readings.
    readings: Vec<Kept>,
    /// Those are all of its readings.
    current: bool,
    /// The sensor for which everything stood at the end of the gap, until it agrees with the live one.
    all_standing: Option<Box<Sensor>>,
    /// When it first cleared a condition.
    ended: Vec<Ended>,
    /// The sensor for which nothing stood at the end of the gap, where alarms stood before it: until it agrees.
    none_standing: Option<Box<Sensor>>,
    /// Conditions that it has raised while the alarm from before the gap stood.
    again: Conditions,
    /// First alarm of each condition that the live sensor raised before that: it goes on with what stood.
    raised: Vec<Raised>,
}

/// A live reading that is kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kept {
    reading: Reading,
    /// A node above was lost when it came, so that it was no alarm of the point if it was bad.
    parent_lost: bool,
}

/// An alarm of the live sensor.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Raised {
    condition: Condition,
    number: u32,
    at: LineMillis,
    source: UtcMillis,
}

/// What a second evaluator comes to while it takes the live readings that were kept.
#[derive(Clone, Debug)]
struct Seam {
    /// Conditions in which it is where the live sensor is.
    settled: Conditions,
    /// Conditions of which it found an alarm of their own, and where that ended.
    noted: Vec<(Condition, LineMillis)>,
    /// Conditions that came again after a later gap, for a sensor for which none stood at its end.
    again: Conditions,
    /// How far its line is ahead of the live one.
    ahead_ms: i64,
}

impl Ended {
    fn of(finding: &Finding, at: LineMillis) -> Option<Self> {
        let AlarmChange::Cleared { reason, value, .. } = finding.change else { return None };
        let Finding { condition, source_time: source, .. } = *finding;
        Some(Self { condition, at, reason, value, source })
    }
}

impl Late {
    pub(super) fn of(sensor: &Sensor) -> Self {
        let before = sensor.book().map_or_else(Vec::new, |book| {
            let standing = book.all_standing();
            standing
                .map(|(condition, number, ..)| Before { condition, number, ended: None })
                .collect()
        });
        Self {
            sensor: sensor.clone(),
            rules: None,
            touched: !sensor.armed().is_empty(),
            heard_since: Moment { at: LineMillis::NEVER, wall: UtcMillis(0) },
            before,
            open: Vec::new(),
            live: After {
                readings: Vec::new(),
                current: true,
                all_standing: None,
                ended: Vec::new(),
                none_standing: None,
                again: Conditions::NONE,
                raised: Vec::new(),
            },
        }
    }

    /// How the path above the point stood, by what the backlog says of its device.
    pub(super) fn watch(&self, device: DeviceState) -> Watch {
        match device {
            DeviceState::Lost { .. } => Watch::ParentLost,
            DeviceState::Connected(since) if self.heard_since.at < since.at => {
                Watch::Running(since)
            }
            DeviceState::Unknown if tells_of_a_loss(self.sensor.quality()) => Watch::ParentLost,
            DeviceState::Connected(_) | DeviceState::Unknown => Watch::Running(self.heard_since),
        }
    }

    /// Whether the time up to a frame of the backlog brings something about. `silent` is how long its gateway had said nothing:
    /// a silence as long as that of a missing point is the gateway's (it stood still, or had no room), not the point's.
    pub(super) fn is_due(
        &mut self,
        current: &Rules,
        device: DeviceState,
        frame: Moment,
        silent: Option<i64>,
    ) -> bool {
        let rules = self.rules.as_deref().unwrap_or(current);
        if silent.is_none_or(|silent| rules.window_ms() <= silent) {
            self.heard_since = frame;
        }
        let deadline = self.sensor.next_deadline(rules, self.watch(device));
        deadline.is_some_and(|deadline| deadline <= frame.at)
    }

    /// Gathers what the backlog brought about. What is complete goes into the live sensor's book.
    pub(super) fn gather(&mut self, found: &[Finding], live: &mut Sensor, out: &mut Vec<Finding>) {
        for finding in found {
            let condition = finding.condition;
            if let Some(episode) = Episode::begun_by(finding) {
                self.open.push(episode);
            } else if let AlarmChange::Cleared { reason, value, .. } = finding.change {
                if let Some(episode) = self.take_open(condition) {
                    live.note_episode(&episode, reason, value, finding.source_time, out);
                } else {
                    let at = finding.source_time;
                    self.note_end(condition, End { at, reason, in_gap: true });
                }
            }
        }
    }

    fn note_end(&mut self, condition: Condition, end: End) {
        if let Some(before) = self.before.iter_mut().find(|before| before.condition == condition) {
            before.ended.get_or_insert(end);
        }
    }

    /// Gathers what a live reading brought about in this evaluator: what the live sensor has not found itself.
    fn gather_live(
        &mut self,
        found: &[Finding],
        at: LineMillis,
        seam: &mut Seam,
        live: &mut Sensor,
        out: &mut Vec<Finding>,
    ) {
        for finding in found {
            let condition = finding.condition;
            if let Some(episode) = Episode::begun_by(finding) {
                // From where everything has ended once, both evaluators are the same.
                if self.ended(condition).is_some_and(|ended| ended.at < at) {
                    seam.settled.insert(condition);
                }
                if !seam.settled.has(condition) {
                    self.open.push(episode);
                }
            } else if let AlarmChange::Cleared { reason, value, .. } = finding.change {
                let Some(episode) = self.take_open(condition) else {
                    let at = finding.source_time;
                    self.note_end(condition, End { at, reason, in_gap: false });
                    continue;
                };
                // The live sensor may still keep an alarm from before the gap. What this one raises then is not known to it.
                let before = self.before.iter().any(|before| before.condition == condition);
                if !before || self.ended_by((condition, at)) {
                    seam.settled.insert(condition);
                }
                let (raised_at, cleared_at) = (episode.raised_at, finding.source_time);
                // One that was raised after this end is another alarm: a delay of the gap made the end come earlier.
                match self.live_alarm(condition) {
                    Some(alarm) if (alarm.at, alarm.source) < (at, cleared_at) => {
                        live.amend_start(condition, alarm.number, alarm.source, raised_at, out);
                    }
                    _ => {
                        seam.noted.push((condition, at));
                        live.note_episode(&episode, reason, value, cleared_at, out);
                    }
                }
            }
        }
    }

    fn take_open(&mut self, condition: Condition) -> Option<Episode> {
        let at = self.open.iter().position(|episode| episode.condition == condition)?;
        Some(self.open.remove(at))
    }

    fn ended(&self, condition: Condition) -> Option<&Ended> {
        self.live.ended.iter().find(|ended| ended.condition == condition)
    }

    /// The live alarm that goes on with what stood at the end of the gap.
    fn live_alarm(&self, condition: Condition) -> Option<Raised> {
        self.live.raised.iter().find(|raised| raised.condition == condition).copied()
    }

    /// How far this evaluator's line is ahead of the first live reading: a wall clock that was wrong between two boots can have
    /// joined them too late. The live readings follow then, or no delay would pass in them.
    fn ahead_ms(&self) -> i64 {
        let first = self.live.readings.first().map(|kept| kept.reading.at);
        let last = self.sensor.last_reading().map(|last| last.at);
        last.zip(first).map_or(0, |(last, first)| last.since(first).max(0))
    }

    /// Settles what is left when backlog and kept live readings are through. `next` is the second evaluator of the following gap,
    /// if one began before this one was settled: it goes on where this one ends. `before` is the live sensor as it was.
    fn settle(
        &mut self,
        (live, before): (&mut Sensor, &Sensor),
        mut next: Option<&mut Self>,
        seam: &Seam,
        out: &mut Vec<Finding>,
    ) {
        for episode in std::mem::take(&mut self.open) {
            let condition = episode.condition;
            if let Some(Raised { number, source, .. }) = self.live_alarm(condition) {
                live.amend_start(condition, number, source, episode.raised_at, out);
            } else if let Some(&Ended { reason, value, source, .. }) = self.ended(condition) {
                live.note_episode(&episode, reason, value, source, out);
            } else if self.before.iter().all(|before| before.condition != condition) {
                match next.as_deref_mut() {
                    Some(next) => next.take_up(&episode),
                    None => live.adopt_episode(&episode, out),
                }
                let target = next.as_deref_mut().map_or(&mut *live, |next| &mut next.sensor);
                // Once the two agree, the live sensor is the supposed one.
                let all = self.live.all_standing.as_deref().unwrap_or(before);
                target.carry_delay(all, condition, 0);
            }
        }
        if let Some(next) = next.as_deref_mut() {
            next.touched = true;
        }
        let target = next.map_or(live, |next| &mut next.sensor);
        if self.live.current {
            target.carry_delays(&self.sensor, seam.ahead_ms);
        } else if let Some(none) = self.live.none_standing.as_deref() {
            for condition in Condition::ALL {
                if !self.sensor.standing().has(condition) {
                    target.carry_delay(none, condition, 0);
                }
            }
        }
        if let Some(first) = self.live.readings.first() {
            target.carry_unchanged(&self.sensor, first.reading.at, seam.ahead_ms);
        }
    }

    /// Alarms that stood before the gap: gives those whose end it shows. The others stand on, or ended as the live lane says.
    fn settle_before(
        &mut self,
        seam: &Seam,
        live: &mut Sensor,
        next: Option<&Self>,
        out: &mut Vec<Finding>,
    ) -> Vec<(Condition, u32, UtcMillis)> {
        let mut ends = Vec::new();
        for Before { condition, number, ended } in self.before.clone() {
            let Some(End { at: ended_at, reason, in_gap }) = ended else { continue };
            let standing = live.book().and_then(|book| book.standing(condition));
            let live_stands = standing.is_some_and(|(standing, _)| standing == number);
            let known = self.ended(condition).map(|ended| ended.source);
            let stood_on = next.map_or(live_stands, |next| next.stood(condition, number));
            let dip = if self.sensor.standing().has(condition) {
                // It came again in the gap. That is an alarm of its own if this one is over.
                stood_on
            } else if stood_on && seam.again.has(condition) {
                true
            } else if seam.noted.iter().any(|&noted| noted.0 == condition && self.ended_by(noted)) {
                // It came again, and that is an alarm of its own.
                false
            } else if in_gap {
                self.live.again.has(condition)
            } else if stood_on {
                !self.live.current
            } else {
                !self.followed_to_end(condition)
            };
            if dip {
                continue;
            }
            if live_stands {
                live.end_unseen(condition, reason, ended_at, out);
                if let Some(none) = self.live.none_standing.as_deref() {
                    live.carry_delay(none, condition, 0);
                }
            } else if known != Some(ended_at) {
                out.push(amended(condition, number, None, Some(ended_at)));
            }
            ends.push((condition, number, ended_at));
        }
        ends
    }

    /// An earlier gap shows that an alarm had ended before this one began.
    fn forget(&mut self, condition: Condition, number: u32, ended_at: UtcMillis) {
        if self.stood(condition, number) {
            self.before.retain(|before| before.condition != condition);
            // What becomes of its own copy of the alarm is no news.
            self.sensor.end_unseen(condition, ClearReason::Returned, ended_at, &mut Vec::new());
            self.touched = true;
        }
    }

    /// Whether it is known what the value did up to where the live sensor saw a condition end. Where it is not, it may have come
    /// again before, and an earlier end would hide that.
    fn followed_to_end(&self, condition: Condition) -> bool {
        let last = self.live.readings.last().map_or(LineMillis::NEVER, |kept| kept.reading.at);
        self.ended_by((condition, last))
    }

    fn ended_by(&self, (condition, at): (Condition, LineMillis)) -> bool {
        self.ended(condition).is_some_and(|ended| ended.at <= at)
    }

    fn stood(&self, condition: Condition, number: u32) -> bool {
        let mut before = self.before.iter();
        before.any(|before| (before.condition, before.number) == (condition, number))
    }

    /// Goes on with an alarm that an earlier gap left open.
    fn take_up(&mut self, episode: &Episode) {
        if !self.sensor.standing().has(episode.condition) {
            // Numbers of this book are no numbers of the log.
            self.sensor.adopt_episode(episode, &mut Vec::new());
            self.open.push(*episode);
        }
    }
}

impl After {
    /// Notes what ended in the sensor for which everything stood.
    fn note_ended(&mut self, found: &[Finding], at: LineMillis) {
        for ended in found.iter().filter_map(|finding| Ended::of(finding, at)) {
            if self.ended.iter().all(|known| known.condition != ended.condition) {
                self.ended.push(ended);
            }
        }
    }

    /// An alarm that stood before the gap is taken from the live sensor, which was `before`. So it is no longer what a sensor is
    /// for which that condition stood at the end of the gap, but what one is for which it did not.
    fn part_from(&mut self, live: &mut Sensor, before: &Sensor, condition: Condition) {
        if !self.readings.is_empty() {
            self.all_standing.get_or_insert_with(|| Box::new(before.clone()));
        }
        if let Some(none) = self.none_standing.as_deref() {
            live.carry_delay(none, condition, 0);
        }
    }

    /// Gives the two suppositions something to do, and notes what follows.
    fn suppose(&mut self, at: LineMillis, work: impl Fn(&mut Sensor, &mut Vec<Finding>)) {
        let raised = supposed(&mut self.none_standing, &work);
        for finding in raised.iter().filter(|finding| Episode::begun_by(finding).is_some()) {
            if self.ended.iter().all(|ended| ended.condition != finding.condition) {
                self.again.insert(finding.condition);
            }
        }
        let ended = supposed(&mut self.all_standing, &work);
        self.note_ended(&ended, at);
    }
}

/// Whether a reading says that its device did not answer. Then the device is what was lost, and neither that reading nor the
/// silence after it is an alarm of the point: all that can be known where the backlog does not say how the devices stood.
pub(super) fn tells_of_a_loss(quality: Quality) -> bool {
    matches!(quality, Quality::COMM_FAILURE | Quality::NOT_CONNECTED)
}

/// Gives a supposed sensor something to do. That it can crash its evaluator is dealt with where the live sensor takes the same
/// reading; here the reading is left out.
fn supposed(
    sensor: &mut Option<Box<Sensor>>,
    work: impl Fn(&mut Sensor, &mut Vec<Finding>),
) -> Vec<Finding> {
    let Some(sensor) = sensor else { return Vec::new() };
    let (mut copy, mut found) = (sensor.clone(), Vec::new());
    if !isolated(|| work(&mut copy, &mut found)) {
        return Vec::new();
    }
    *sensor = copy;
    found
}

impl<E: Evaluator> Host<E> {
    /// A live reading is about to be taken: what ends before it, has ended before what it raises.
    pub(super) fn before_live(&mut self, gateway: usize, slot: usize, reading: &Reading) {
        let State { gateways, cells, rules, .. } = &mut self.state;
        let Some(late) = gateways[gateway].backfill.as_mut().and_then(|b| b.newest(slot)) else {
            return;
        };
        let rules = &rules[cells[slot].rules as usize];
        if late.live.readings.is_empty() {
            // What ran before the gap goes on in the second evaluator, which learns whether it was broken.
            cells[slot].sensor.drop_timers();
            let sensor = &cells[slot].sensor;
            late.live.all_standing = Some(Box::new(sensor.with_all_standing(rules, reading)));
            if !late.before.is_empty() {
                late.live.none_standing = Some(Box::new(sensor.with_none_standing()));
            }
        }
        let (evaluator, at) = (&self.evaluator, reading.at.plus(-1));
        late.live.suppose(at, |sensor, found| {
            evaluator.tick(sensor, rules, at, Watch::Waiting, found);
        });
    }

    /// A live reading has been taken.
    pub(super) fn after_live(&mut self, gateway: usize, slot: usize, reading: &Reading) {
        let watch = self.state.watch(slot);
        let State { gateways, cells, rules, .. } = &mut self.state;
        let Some(late) = gateways[gateway].backfill.as_mut().and_then(|b| b.newest(slot)) else {
            return;
        };
        let cell = &cells[slot];
        let rules = &rules[cell.rules as usize];
        let (evaluator, after) = (&self.evaluator, &mut late.live);
        after.suppose(reading.at, |sensor, found| {
            evaluator.step(sensor, rules, reading, watch, found);
        });
        // A sensor that waits to be started again has not taken the reading.
        let agrees = cell.fault.is_none()
            && [&after.all_standing, &after.none_standing]
                .into_iter()
                .flatten()
                .all(|supposed| supposed.agrees_with(&cell.sensor));
        if after.current && after.readings.len() < READINGS_MAX {
            let parent_lost = watch == Watch::ParentLost;
            after.readings.push(Kept { reading: *reading, parent_lost });
            // A bad reading leaves delays as they are: they are over at a usable one.
            let mut kept = after.readings.iter().map(|kept| &kept.reading);
            let passed = kept
                .find(|reading| !reading.quality.is_bad())
                .filter(|_| !reading.quality.is_bad())
                .map_or(0, |first| reading.at.since(first.at));
            // A delay that runs may have begun in the gap, also where all agree that it does.
            let idle = agrees && cell.sensor.armed().is_empty();
            let decided = idle || rules.longest_delay_ms() < passed;
            after.current = !decided || after.readings.len() < READINGS_MIN;
        } else {
            after.current = false;
        }
        if agrees {
            (after.all_standing, after.none_standing) = (None, None);
        }
    }

    /// A second evaluator has come to the end of its backlog: it goes on with the live readings that were kept, and is settled.
    pub(super) fn settle_late(
        &mut self,
        gateway: usize,
        slot: usize,
        mut late: Late,
        out: &mut Vec<Finding>,
    ) {
        let mut seam = Seam {
            settled: Conditions::NONE,
            noted: Vec::new(),
            again: Conditions::NONE,
            ahead_ms: late.ahead_ms(),
        };
        for Kept { reading, parent_lost } in late.live.readings.clone() {
            let rules = self.state.rules_at(slot, reading.at);
            let shifted = Reading { at: reading.at.plus(seam.ahead_ms), ..reading };
            let mut found = Vec::new();
            late.follow_rules(&self.state, slot, rules, &shifted, &mut found);
            // That it crashes the evaluator was dealt with when it came live.
            let watch = if parent_lost { Watch::ParentLost } else { Watch::Waiting };
            if self.late_step(slot, &mut late, &shifted, watch, &mut found) {
                let live = &mut self.state.cells[slot].sensor;
                late.gather_live(&found, reading.at, &mut seam, live, out);
            }
        }
        let State { gateways, cells, .. } = &mut self.state;
        let (live, mut backfill) = (&mut cells[slot].sensor, gateways[gateway].backfill.as_mut());
        let before = live.clone();
        for later in backfill.iter_mut().flat_map(|backfill| backfill.all(slot)) {
            later.live.again.iter().for_each(|condition| seam.again.insert(condition));
        }
        let next = backfill.as_mut().and_then(|b| b.oldest(slot));
        for (condition, number, at) in late.settle_before(&seam, live, next.as_deref(), out) {
            let Some(backfill) = &mut backfill else { continue };
            if let Some(newest) = backfill.newest(slot).filter(|l| l.stood(condition, number)) {
                newest.live.part_from(live, &before, condition);
            }
            for later in backfill.all(slot) {
                later.forget(condition, number, at);
            }
            if let Some(next) = backfill.oldest(slot)
                && let Some(none) = late.live.none_standing.as_deref()
            {
                next.sensor.carry_delay(none, condition, 0);
            }
        }
        let next = backfill.and_then(|backfill| backfill.oldest(slot));
        late.settle((live, &before), next, &seam, out);
    }
}

impl State {
    /// Remembers what the live lane has found since a gap.
    pub(super) fn note_live_findings(&mut self, slot: usize, findings: &[Finding]) {
        let cell = &self.cells[slot];
        let gateway = &mut self.gateways[usize::from(cell.gateway)];
        let Some(late) = gateway.backfill.as_mut().and_then(|b| b.newest(slot)) else { return };
        let last = cell.sensor.last_reading().map_or(LineMillis::NEVER, |last| last.at);
        for finding in findings {
            let condition = finding.condition;
            match finding.change {
                AlarmChange::Raised { late: false, .. }
                    if late.ended(condition).is_none() && late.live_alarm(condition).is_none() =>
                {
                    late.live.raised.push(Raised {
                        condition,
                        number: finding.occurrence,
                        at: last,
                        source: finding.source_time,
                    });
                }
                AlarmChange::Cleared { .. } if late.stood(condition, finding.occurrence) => {
                    late.live.note_ended(std::slice::from_ref(finding), last);
                }
                _ => {}
            }
        }
    }

    /// New settings are in force for the live lane.
    pub(super) fn reconfigure_seam(&mut self, slot: usize, old: &Rules, new: &Rules, now: Moment) {
        let gateway = &mut self.gateways[usize::from(self.cells[slot].gateway)];
        let Some(late) = gateway.backfill.as_mut().and_then(|b| b.newest(slot)) else { return };
        let mut found = Vec::new();
        if let Some(all) = &mut late.live.all_standing {
            all.reconfigure(old, new, now, &mut found);
        }
        if let Some(none) = &mut late.live.none_standing {
            // What new settings make moot has not come again.
            none.reconfigure(old, new, now, &mut Vec::new());
        }
        late.live.note_ended(&found, now.at);
    }
}
