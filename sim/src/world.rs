//! The park with everything that acts on it: running scenarios, faults, speed; ticked by whoever keeps the time.
//!
//! Still no clock and no I/O: a tick is told how long it lasted and what time it is, and hands back what must be done to the
//! world outside (a server that must misbehave, a gateway's link to cut). So scenarios are tested as fast as they compute.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::field::front::ServerFault;
use crate::model::{Inputs, Park, SensorFault};
use crate::plant::Plant;
use crate::recorder::Recorder;
use crate::scenario::{Action, BadParameter, Expectation, Moment, Scenario, Step, Timeline, find};

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
    /// True where it was ended before its time: what had not happened by then is not demanded.
    pub stopped: bool,
    /// When the clock reached the moments that its expectations count from. Simulated time may run at any speed.
    pub moments: Vec<Reached>,
    /// How wrong it sets a clock: source times of alarms may lie as far beside the run.
    pub clock_error_ms: i64,
    /// Number of the last crossing before it began: the recorder's later ones may be its own.
    pub crossings_after: u64,
    /// Moments that its expectations count from; the first ones are reached.
    #[serde(skip)]
    awaited: Vec<f64>,
    #[serde(skip)]
    steps: Vec<Step>,
    #[serde(skip)]
    done: usize,
}

/// A moment of a time line, on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Simulated seconds after the start.
    pub at_s: f64,
    /// Milliseconds since 1970 UTC.
    pub at: i64,
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
    /// Another scenario acts on the same thing: neither could keep what it states, and the first to end would undo the other.
    #[error("{what} is in the hands of {scenario}, which still runs")]
    Busy {
        /// Equipment, server or gateway.
        what: String,
        /// Who has it.
        scenario: &'static str,
    },
    /// A parameter cannot be.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
}

/// Runs kept for looking back.
const RUNS_KEPT: usize = 100;
/// The scenario in which nothing happens.
const CALM: &str = "calm";

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

    /// Starts a scenario. `calm` ends all others first and is itself ended by any of them.
    ///
    /// # Errors
    /// When it is unknown, runs already, acts on what another one has in hands, or a parameter cannot be.
    pub fn start(
        &mut self,
        name: &str,
        parameters: BTreeMap<String, serde_json::Value>,
        now: i64,
    ) -> Result<&Run, StartError> {
        let scenario: &Scenario = find(name).ok_or_else(|| StartError::Unknown(name.to_owned()))?;
        let calm = scenario.name == CALM;
        if !calm
            && self.runs.iter().any(|run| run.ended_at.is_none() && run.scenario == scenario.name)
        {
            return Err(StartError::Running(scenario.name));
        }
        let Timeline { steps, expectations, ends_s } = scenario.plan(&self.park, parameters)?;
        if calm {
            self.stop_all(now);
        } else {
            self.free_for(&steps)?;
            // It is not calm any more; what calm states holds until here.
            self.stop(CALM, now);
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
            stopped: false,
            moments: Vec::new(),
            clock_error_ms: clock_error_ms(&steps),
            awaited: awaited(&expectations),
            expectations,
            crossings_after: self.recorder.last_number(),
            steps,
            done: 0,
        });
        self.next_run += 1;
        Ok(self.runs.last().expect("just pushed"))
    }

    /// Whether nothing that `steps` act on is in the hands of a scenario that runs.
    fn free_for(&self, steps: &[Step]) -> Result<(), StartError> {
        let plant = self.park.plant();
        let targets = |step: &Step| Target::of(&step.action, plant);
        let wanted: BTreeSet<Target> = steps.iter().flat_map(targets).collect();
        for run in self.runs.iter().filter(|run| run.ended_at.is_none()) {
            let mut taken = run.steps.iter().flat_map(targets);
            if let Some(both) = taken.find(|target| wanted.contains(target)) {
                let what = both.name(plant);
                return Err(StartError::Busy { what, scenario: run.scenario });
            }
        }
        Ok(())
    }

    /// Stops a scenario that runs and takes back what it did. False where it does not run.
    pub fn stop(&mut self, name: &str, now: i64) -> bool {
        let Some(at) =
            self.runs.iter().position(|run| run.ended_at.is_none() && run.scenario == name)
        else {
            return false;
        };
        self.runs[at].stopped = true;
        self.end(at, now);
        true
    }

    fn stop_all(&mut self, now: i64) {
        for at in 0..self.runs.len() {
            if self.runs[at].ended_at.is_none() {
                self.runs[at].stopped = true;
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
            while let Some(&at_s) =
                run.awaited.get(run.moments.len()).filter(|at_s| **at_s <= run.elapsed_s)
            {
                run.moments.push(Reached { at_s, at: now });
            }
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

/// What an action acts on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Equipment(usize),
    Server(usize),
    Gateway(usize),
}

impl Target {
    fn of(action: &Action, plant: &Plant) -> Vec<Self> {
        match *action {
            Action::Disturb(equipment, _) | Action::Calm(equipment) => {
                vec![Self::Equipment(equipment)]
            }
            // Who fills a tank could not see it through an instrument that is broken.
            Action::Instrument(point, _) => vec![Self::Equipment(plant.points[point].equipment)],
            // Nor behind a server that is down; and what its gateway shows of it is the server's doing.
            Action::Server(server, _) => {
                let enterprise = plant.servers[server].enterprise;
                let behind = plant.equipment.iter().enumerate();
                let behind = behind.filter(|(_, equipment)| equipment.enterprise == enterprise);
                [Self::Server(server), Self::Gateway(enterprise)]
                    .into_iter()
                    .chain(behind.map(|(equipment, _)| Self::Equipment(equipment)))
                    .collect()
            }
            Action::GatewayLink(enterprise, _) | Action::ClockOffset(enterprise, _) => {
                vec![Self::Gateway(enterprise)]
            }
        }
    }

    fn name(self, plant: &Plant) -> String {
        match self {
            Self::Equipment(equipment) => plant.equipment[equipment].id.to_string(),
            Self::Server(server) => plant.servers[server].name.clone(),
            Self::Gateway(enterprise) => plant.enterprises[enterprise].gateway.to_string(),
        }
    }
}

/// The moments that expectations count from, each once, in order.
fn awaited(expectations: &[Expectation]) -> Vec<f64> {
    let moments = expectations.iter().flat_map(|e| [&e.raised, &e.clears]);
    let mut seconds: Vec<f64> = moments
        .filter_map(|moment| match moment {
            Some(Moment::Step { at_s, .. }) => Some(*at_s),
            _ => None,
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds.dedup();
    seconds
}

fn clock_error_ms(steps: &[Step]) -> i64 {
    let offsets = steps.iter().map(|step| match step.action {
        Action::ClockOffset(_, ms) => ms.abs(),
        _ => 0,
    });
    offsets.max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
