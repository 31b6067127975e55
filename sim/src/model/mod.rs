//! The process models: one deterministic world that moves on by `step`.
//!
//! Physically coupled rather than independent noise: flows make levels, temperature and level make pressure, a leak and the
//! wind make what a detector sees, and a sensor shows all of it late, coarse and noisy. Same seed, same inputs and same
//! steps give the same values to the last bit. No clock and no I/O: whoever runs the park says how much time has passed,
//! so it runs as much faster than real time as the processor allows.
//!
//! Left out on purpose: piping between enterprises, two-phase release, anything a control engineer would call accurate.

mod dice;
mod dispersion;
mod inputs;
mod reactor;
mod replay;
mod sensor;
mod vessel;
mod warehouse;
mod weather;

pub use inputs::{Disturbance, Inputs, SensorFault};
pub use replay::{Replay, ReplayError};

use crate::plant::{EquipmentKind, Measure, Plant, Quantity};
use dice::Dice;
use dispersion::Cloud;
use reactor::Reactor;
use sensor::Sensor;
use vessel::Vessel;
use warehouse::Warehouse;
use weather::Weather;

/// The longest time that the models take in one stride; longer steps are cut up.
const STRIDE_S: f64 = 1.0;

/// The living park. A clone runs ahead or aside without touching this one.
#[derive(Clone)]
pub struct Park {
    plant: &'static Plant,
    rng: Dice,
    /// Seconds of simulated time since the start.
    elapsed_s: f64,
    weather: Weather,
    /// One per piece of equipment.
    processes: Vec<Process>,
    /// Concentration at each detector; one per point, zero for others.
    clouds: Vec<Cloud>,
    sensors: Vec<Sensor>,
    truth: Vec<f64>,
    shown: Vec<f64>,
    replay: Option<Replay>,
}

#[derive(Clone)]
enum Process {
    Vessel(Vessel),
    Reactor(Reactor),
    Warehouse(Warehouse),
    Ground,
}

impl Park {
    /// The whole Kaifeng park in calm operation.
    #[must_use]
    pub fn kaifeng(seed: u64) -> Self {
        Self::new(Plant::kaifeng(), seed)
    }

    /// A plant in calm operation.
    #[must_use]
    pub fn new(plant: &'static Plant, seed: u64) -> Self {
        let mut rng = Dice::new(seed);
        let weather = Weather::new();
        let processes = plant
            .equipment
            .iter()
            .enumerate()
            .map(|(index, equipment)| match equipment.kind {
                EquipmentKind::Tank | EquipmentKind::Sphere | EquipmentKind::Htank => {
                    Process::Vessel(Vessel::new(plant, index, &mut rng))
                }
                EquipmentKind::Unit => Process::Reactor(Reactor::new(plant, index, &mut rng)),
                EquipmentKind::Warehouse => Process::Warehouse(Warehouse::new(&mut rng)),
                EquipmentKind::Area => Process::Ground,
            })
            .collect();
        let mut park = Self {
            plant,
            elapsed_s: 0.0,
            weather,
            processes,
            clouds: vec![Cloud::default(); plant.points.len()],
            sensors: plant.points.iter().map(|point| Sensor::new(point, &mut rng)).collect(),
            truth: vec![0.0; plant.points.len()],
            shown: vec![0.0; plant.points.len()],
            replay: None,
            rng,
        };
        park.measure(0.0, &Inputs::default());
        park
    }

    /// Lets recorded data take the place of the model of the enterprise that has only a DCS (启澄精细).
    #[must_use]
    pub fn with_replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// The plant that the park is built from.
    #[must_use]
    pub const fn plant(&self) -> &'static Plant {
        self.plant
    }

    /// Simulated seconds since the start.
    #[must_use]
    pub const fn elapsed_s(&self) -> f64 {
        self.elapsed_s
    }

    /// What is really so at a point.
    #[must_use]
    pub fn truth(&self, point: usize) -> f64 {
        self.truth[point]
    }

    /// What the instrument shows: late, coarse, noisy, or broken.
    #[must_use]
    pub fn shown(&self, point: usize) -> f64 {
        self.shown[point]
    }

    /// Everything that the instruments show, by point.
    #[must_use]
    pub fn all_shown(&self) -> &[f64] {
        &self.shown
    }

    /// Wind as (metres a second, degrees that it comes from).
    #[must_use]
    pub const fn wind(&self) -> (f64, f64) {
        (self.weather.wind_speed, self.weather.wind_from)
    }

    /// Moves the world on by `dt_s` seconds under `inputs`.
    pub fn step(&mut self, dt_s: f64, inputs: &Inputs) {
        let mut left = dt_s.max(0.0);
        while left > 0.0 {
            let stride = left.min(STRIDE_S);
            self.stride(stride, inputs);
            left -= stride;
        }
        self.measure(dt_s.max(0.0), inputs);
    }

    fn stride(&mut self, dt_s: f64, inputs: &Inputs) {
        self.elapsed_s += dt_s;
        self.weather.step(dt_s, self.elapsed_s, &mut self.rng);
        for (index, process) in self.processes.iter_mut().enumerate() {
            match process {
                Process::Vessel(vessel) => {
                    vessel.step(dt_s, &self.weather, inputs.on(index), &mut self.rng)
                }
                Process::Reactor(reactor) => reactor.step(dt_s, inputs.on(index)),
                Process::Warehouse(warehouse) => {
                    warehouse.step(dt_s, &self.weather, inputs.on(index), &mut self.rng);
                }
                Process::Ground => {}
            }
        }
        if inputs.has_leak() || self.clouds.iter().any(Cloud::is_there) {
            self.spread(dt_s, inputs);
        }
    }

    /// What each detector breathes.
    fn spread(&mut self, dt_s: f64, inputs: &Inputs) {
        let wind = self.weather.wind_vector();
        for (point, cloud) in self.plant.points.iter().zip(&mut self.clouds) {
            if let Quantity::Gas { measure, substance } = point.measures {
                let here = self.plant.frame.east_north(point.place);
                cloud.step(dt_s, wind, here, inputs.leaks(self.plant), measure, substance);
            }
        }
    }

    fn measure(&mut self, dt_s: f64, inputs: &Inputs) {
        for (index, point) in self.plant.points.iter().enumerate() {
            let replayed =
                self.replay.as_ref().and_then(|replay| replay.value(index, self.elapsed_s));
            let truth = replayed.unwrap_or_else(|| match point.measures {
                Quantity::Gas { measure, .. } => self.clouds[index].reading(measure),
                Quantity::WindSpeed => self.weather.wind_speed,
                Quantity::WindDirection => self.weather.wind_from,
                Quantity::AmbientTemperature => self.weather.ambient,
                quantity => match &self.processes[point.equipment] {
                    Process::Vessel(vessel) => vessel.quantity(quantity),
                    Process::Reactor(reactor) => reactor.quantity(quantity),
                    Process::Warehouse(warehouse) => warehouse.quantity(quantity),
                    Process::Ground => 0.0,
                },
            });
            self.truth[index] = truth;
            self.shown[index] =
                self.sensors[index].show(dt_s, truth, inputs.sensor_fault(index), &mut self.rng);
        }
    }
}

/// Moves `value` towards `target` as a first-order lag of `tau_s` does in `dt_s`.
fn approach(value: f64, target: f64, dt_s: f64, tau_s: f64) -> f64 {
    target + (value - target) * (-dt_s / tau_s).exp()
}

/// Whether a detector of this kind answers to `released` at all.
fn answers(measure: Measure, cell: &crate::plant::Medium, released: &crate::plant::Medium) -> bool {
    match measure {
        Measure::Combustible => released.lel_percent.is_some(),
        // An electrochemical cell answers to its own substance; solutions give off that of their vapour.
        Measure::Toxic => cell.key == released.key || cell.detected_as == released.detected_as,
        Measure::Oxygen => true,
    }
}

#[cfg(test)]
mod tests;
