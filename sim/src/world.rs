//! The park with everything that acts on it: running scenarios, faults, speed; ticked by whoever keeps the time.
//!
//! Still no clock and no I/O: a tick is told how long it lasted and what time it is, and hands back what must be done to the
//! world outside (a server that must misbehave, a gateway's link to cut). So scenarios are tested as fast as they compute.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::field::front::ServerFault;
use crate::model::{Inputs, Park, SensorFault};
use crate::recorder::Recorder;
use crate::scenario::{Action, BadParameter, Expectation, Scenario, Step, Timeline, find};

/// What a tick asks of the outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A field server shall misbehave, or behave.
    Server(usize, Option<ServerFault>),
    /// A gateway's link to the center shall be cut (false) or joined.
    GatewayLink(usize, bool),
    /// A gateway's clock shall be wrong by so many milliseconds.
    ClockOffset(usize, i64),
}

/// A scenario that runs or ran.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Number of the run since the start, from 1.
    pub number: u64,
    /// Which scenario.
    pub scenario: &'static str,
    /// Milliseconds since 1970 UTC at which it began.
    pub started_at: i64,
    /// When it ended, by itself or stopped.
    pub ended_at: Option<i64>,
    /// Simulated seconds since it began.
    pub elapsed_s: f64,
    /// When it will be over; none where it goes on until stopped.
    pub ends_s: Option<f64>,
    /// What the center must show.
    pub expectations: Vec<Expectation>,
    /// Number of the last crossing before it began: the recorder's later ones may be its own.
    pub crossings_after: u64,
    #[serde(skip)]
    steps: Vec<Step>,
    #[serde(skip)]
    done: usize,
}

/// Why a scenario was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There is no such scenario.
    #[error("there is no scenario {0:?}")]
    Unknown(String),
    /// It runs already.
    #[error("the scenario {0} runs already")]
    Running(&'static str),
    /// A parameter cannot be.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
}

/// Runs kept for looking back.
const RUNS_KEPT: usize = 100;

/// The park and what acts on it.
pub struct World {
    /// The process models.
    pub park: Park,
    /// When each shown value crossed what.
    pub recorder: Recorder,
    inputs: Inputs,
    runs: Vec<Run>,
    speed: f64,
    next_run: u64,
    effects: Vec<Effect>,
}

impl World {
    /// A calm world.
    #[must_use]
    pub fn new(park: Park) -> Self {
        let recorder = Recorder::new(park.plant());
        Self {
            park,
            recorder,
            inputs: Inputs::default(),
            runs: Vec::new(),
            speed: 1.0,
            next_run: 1,
            effects: Vec::new(),
        }
    }

    /// Simulated seconds a second.
    #[must_use]
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// Lets time run faster or slower.
    pub const fn set_speed(&mut self, speed: f64) {
        self.speed = speed;
    }

    /// Runs, oldest first.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Every broken instrument.
    #[must_use]
    pub fn instrument_faults(&self) -> &[(usize, SensorFault)] {
        self.inputs.faults()
    }

    /// Breaks an instrument, or mends it.
    pub fn set_instrument_fault(&mut self, point: usize, fault: Option<SensorFault>) {
        self.inputs.set_fault(point, fault);
    }

    /// Starts a scenario. `calm` ends all others first.
    ///
    /// # Errors
    /// When it is unknown, runs already, or a parameter cannot be.
    pub fn start(
        &mut self,
        name: &str,
        parameters: BTreeMap<String, serde_json::Value>,
        now: i64,
    ) -> Result<&Run, StartError> {
        let scenario: &Scenario = find(name).ok_or_else(|| StartError::Unknown(name.to_owned()))?;
        if self.runs.iter().any(|run| run.ended_at.is_none() && run.scenario == scenario.name) {
            return Err(StartError::Running(scenario.name));
        }
        let Timeline { steps, expectations, ends_s } = scenario.plan(&self.park, parameters)?;
        if scenario.name == "calm" {
            self.stop_all(now);
        }
        if self.runs.len() == RUNS_KEPT {
            self.runs.remove(0);
        }
        self.runs.push(Run {
            number: self.next_run,
            scenario: scenario.name,
            started_at: now,
            ended_at: None,
            elapsed_s: 0.0,
            ends_s: ends_s.is_finite().then_some(ends_s),
            expectations,
            crossings_after: self.recorder.last_number(),
            steps,
            done: 0,
        });
        self.next_run += 1;
        Ok(self.runs.last().expect("just pushed"))
    }

    /// Stops a scenario that runs and takes back what it did. False where it does not run.
    pub fn stop(&mut self, name: &str, now: i64) -> bool {
        let Some(at) =
            self.runs.iter().position(|run| run.ended_at.is_none() && run.scenario == name)
        else {
            return false;
        };
        self.end(at, now);
        true
    }

    fn stop_all(&mut self, now: i64) {
        for at in 0..self.runs.len() {
            if self.runs[at].ended_at.is_none() {
                self.end(at, now);
            }
        }
    }

    /// Ends a run: whatever one of its steps began is taken back, whether its own last steps did so or not.
    fn end(&mut self, at: usize, now: i64) {
        self.runs[at].ended_at = Some(now);
        let done = self.runs[at].done;
        let undo: Vec<Action> = self.runs[at].steps[..done]
            .iter()
            .map(|step| match &step.action {
                Action::Disturb(equipment, _) | Action::Calm(equipment) => Action::Calm(*equipment),
                Action::Instrument(point, _) => Action::Instrument(*point, None),
                Action::Server(server, _) => Action::Server(*server, None),
                Action::GatewayLink(enterprise, _) => Action::GatewayLink(*enterprise, true),
                Action::ClockOffset(enterprise, _) => Action::ClockOffset(*enterprise, 0),
            })
            .collect();
        for action in undo {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Disturb(equipment, disturbance) => self.inputs.disturb(equipment, disturbance),
            Action::Calm(equipment) => self.inputs.calm(equipment),
            Action::Instrument(point, fault) => self.inputs.set_fault(point, fault),
            Action::Server(server, fault) => self.effects.push(Effect::Server(server, fault)),
            Action::GatewayLink(enterprise, up) => {
                self.effects.push(Effect::GatewayLink(enterprise, up))
            }
            Action::ClockOffset(enterprise, ms) => {
                self.effects.push(Effect::ClockOffset(enterprise, ms))
            }
        }
    }

    /// Moves on by `real_s` seconds of the clock, which now shows `now`. The recorder is fed by [`Self::published`], when
    /// the values can be read.
    pub fn tick(&mut self, real_s: f64, now: i64) -> Vec<Effect> {
        let dt_s = real_s * self.speed;
        let mut due = Vec::new();
        let mut over = Vec::new();
        for (at, run) in self.runs.iter_mut().enumerate().filter(|(_, run)| run.ended_at.is_none())
        {
            while let Some(step) = run.steps.get(run.done).filter(|step| step.at_s <= run.elapsed_s)
            {
                due.push(step.action.clone());
                run.done += 1;
            }
            run.elapsed_s += dt_s;
            if run.ends_s.is_some_and(|ends| run.elapsed_s > ends) && run.done == run.steps.len() {
                over.push(at);
            }
        }
        for action in due {
            self.act(action);
        }
        for at in over {
            self.end(at, now);
        }
        self.park.step(dt_s, &self.inputs);
        std::mem::take(&mut self.effects)
    }

    /// Tells that the value of a point can be read in the field since `now`.
    pub fn published(&mut self, point: usize, now: i64) {
        self.recorder.observe(self.park.plant(), point, self.park.shown(point), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{ALL, Moment};

    /// Runs a scenario to its end at 5 Hz and gives the world back.
    fn run(name: &str, seed: u64, after_s: u32) -> World {
        let mut world = World::new(Park::kaifeng(seed));
        let mut now = 0;
        for _ in 0..25 {
            tick(&mut world, &mut now);
        }
        world.start(name, BTreeMap::new(), now).unwrap();
        while world.runs()[0].ended_at.is_none() {
            tick(&mut world, &mut now);
        }
        for _ in 0..after_s * 5 {
            tick(&mut world, &mut now);
        }
        world
    }

    fn tick(world: &mut World, now: &mut i64) {
        *now += 200;
        world.tick(0.2, *now);
        for point in 0..world.park.plant().points.len() {
            world.published(point, *now);
        }
    }

    /// Every expectation that counts from a crossing has its crossing, and back; nothing is left standing.
    fn crossings_are_as_expected(world: &World) {
        let run = &world.runs()[0];
        for expected in &run.expectations {
            let of: Vec<_> = world
                .recorder
                .since(run.crossings_after)
                .filter(|c| c.point == expected.subject && c.condition == expected.condition)
                .collect();
            if !matches!(expected.raised, Some(Moment::Crossing { .. })) {
                continue;
            }
            assert!(
                of.iter().any(|c| c.began),
                "{} {} never crossed",
                expected.subject,
                expected.condition
            );
            assert!(
                !of.last().unwrap().began,
                "{} {} never came back",
                expected.subject,
                expected.condition
            );
        }
    }

    /// No crossing but those that are expected.
    fn nothing_else_crossed(world: &World) {
        let run = &world.runs()[0];
        for crossing in world.recorder.since(0) {
            assert!(
                run.expectations
                    .iter()
                    .any(|e| e.subject == crossing.point && e.condition == crossing.condition),
                "{crossing:?} was not announced"
            );
        }
    }

    #[test]
    fn an_overfill_passes_h_then_hh_within_twenty_five_seconds_and_is_over_in_about_a_minute() {
        for seed in 1..4 {
            let world = run("tank-overfill", seed, 5);
            crossings_are_as_expected(&world);
            nothing_else_crossed(&world);
            let start = world.runs()[0].started_at;
            let at = |condition: &str, began: bool| {
                let found = world.recorder.since(0).find(|c| {
                    c.point == "410205001.LT-1203A" && c.condition == condition && c.began == began
                });
                found.unwrap().at - start
            };
            assert!(
                at("H", true) + 1_000 < at("HH", true),
                "H comes first, readable one scan apart"
            );
            assert!(at("HH", true) < 25_000, "{}", at("HH", true));
            assert!(at("HH", true) + 15_000 < at("HH", false), "time to acknowledge");
            assert!(at("H", false) < 60_000, "{}", at("H", false));
        }
    }

    #[test]
    fn a_leak_crosses_what_was_foreseen() {
        for seed in 1..3 {
            let world = run("gas-leak", seed, 30);
            assert!(!world.runs()[0].expectations.is_empty(), "somebody must see it");
            crossings_are_as_expected(&world);
        }
    }

    #[test]
    fn a_runaway_crosses_temperature_and_pressure_and_comes_back() {
        let world = run("runaway-reaction", 2, 600);
        assert_eq!(world.runs()[0].expectations.len(), 4);
        crossings_are_as_expected(&world);
        nothing_else_crossed(&world);
    }

    #[test]
    fn a_flapping_sensor_crosses_again_and_again() {
        let world = run("flapping-sensor", 1, 5);
        crossings_are_as_expected(&world);
        nothing_else_crossed(&world);
        assert!(world.recorder.since(0).filter(|c| c.began).count() >= 4);
    }

    #[test]
    fn a_flood_brings_over_a_hundred_alarms_and_none_that_was_not_announced() {
        let world = run("alarm-flood", 1, 30);
        crossings_are_as_expected(&world);
        nothing_else_crossed(&world);
        assert!(world.recorder.since(0).filter(|c| c.began).count() > 100);
    }

    #[test]
    fn a_blackout_touches_servers_and_no_value_and_is_taken_back_when_stopped() {
        let mut world = World::new(Park::kaifeng(1));
        world.start("park-blackout", BTreeMap::new(), 0).unwrap();
        let servers = world.park.plant().servers.len();
        let effects = world.tick(0.2, 200);
        assert_eq!(effects.len(), servers);
        assert!(effects.iter().all(|e| matches!(e, Effect::Server(_, Some(ServerFault::Refuse)))));
        assert!(world.stop("park-blackout", 400));
        let effects = world.tick(0.2, 600);
        assert_eq!(effects.len(), servers);
        assert!(effects.iter().all(|e| matches!(e, Effect::Server(_, None))));
        assert!(!world.stop("park-blackout", 800), "it does not run any more");
    }

    #[test]
    fn a_gateway_is_cut_and_joined_and_its_clock_set_back() {
        let mut world = World::new(Park::kaifeng(1));
        let parameters = BTreeMap::from([("clock_offset_s".to_owned(), serde_json::json!(-600))]);
        world.start("gateway-offline", parameters, 0).unwrap();
        let mut effects = Vec::new();
        for k in 0..300 {
            effects.extend(world.tick(0.2, k * 200));
        }
        assert_eq!(
            effects,
            [
                Effect::GatewayLink(9, false),
                Effect::ClockOffset(9, -600_000),
                Effect::GatewayLink(9, true),
                Effect::ClockOffset(9, 0),
                // Ending takes everything back once more: harmless, and right when stopped half-way.
                Effect::GatewayLink(9, true),
                Effect::ClockOffset(9, 0),
                Effect::GatewayLink(9, true),
                Effect::ClockOffset(9, 0),
            ]
        );
    }

    #[test]
    fn a_frozen_sensor_shows_one_value() {
        let mut world = World::new(Park::kaifeng(1));
        world.start("sensor-frozen", BTreeMap::new(), 0).unwrap();
        let point = world.park.plant().point("410205009.LT-9202").unwrap();
        world.tick(0.2, 0);
        let frozen = world.park.shown(point);
        for k in 0..500 {
            world.tick(0.2, k);
            assert_eq!(world.park.shown(point).to_bits(), frozen.to_bits());
        }
    }

    #[test]
    fn parameters_are_checked_by_name_and_bounds_and_a_scenario_runs_once() {
        let mut world = World::new(Park::kaifeng(1));
        let with = |name: &str, value| BTreeMap::from([(name.to_owned(), value)]);
        for (name, value) in [
            ("colour", serde_json::json!(1)),
            ("high_after_s", serde_json::json!(1_000_000)),
            ("high_after_s", serde_json::json!("soon")),
            ("equipment", serde_json::json!("410205001.V-9999")),
        ] {
            let refused = world.start("tank-overfill", with(name, value), 0).unwrap_err();
            assert!(
                matches!(&refused, StartError::Parameter(bad) if bad.field == name),
                "{refused}"
            );
        }
        world.start("tank-overfill", BTreeMap::new(), 0).unwrap();
        assert_eq!(
            world.start("tank-overfill", BTreeMap::new(), 0).unwrap_err(),
            StartError::Running("tank-overfill")
        );
        assert!(matches!(world.start("nothing", BTreeMap::new(), 0), Err(StartError::Unknown(_))));
        world.start("calm", BTreeMap::new(), 1).unwrap();
        assert!(world.runs()[0].ended_at.is_some(), "calm ends the others");
    }

    #[test]
    fn every_scenario_plans_with_its_defaults() {
        let park = Park::kaifeng(1);
        for scenario in ALL {
            let timeline = scenario.plan(&park, BTreeMap::new()).unwrap();
            assert!(!timeline.expectations.is_empty(), "{} states nothing", scenario.name);
        }
    }
}
