//! A production unit: a stirred, cooled, exothermic reactor.
//!
//! Mass, heat and jacket balances of the textbook continuous stirred tank, with Arrhenius kinetics, in temperatures relative
//! to its set point so that one set of numbers serves every unit of the park. In control the coolant takes the heat away;
//! without coolant the reaction feeds itself until the reactant is gone. The high-high interlock shuts the feed.

use crate::plant::{Plant, Quantity};

use super::approach;
use super::dice::Dice;
use super::inputs::Acting;

/// Residence time, s.
const RESIDENCE_S: f64 = 1_200.0;
/// Rate constant at the set point, 1/s.
const RATE: f64 = 1.0 / 600.0;
/// Activation energy over the gas constant, K.
const ACTIVATION_K: f64 = 6_000.0;
/// Rise if all reactant of the feed reacted at once, K.
const ADIABATIC_K: f64 = 160.0;
/// Feed, and cooling water, below the set point, K.
const FEED_BELOW: f64 = 50.0;
const WATER_BELOW: f64 = 40.0;
/// Heat exchange to the jacket seen from the contents, 1/s.
const EXCHANGE: f64 = 1.0 / 300.0;
/// Jacket: hold-up time at full coolant, s, and heat exchange seen from it, 1/s.
const JACKET_S: f64 = 60.0;
const JACKET_EXCHANGE: f64 = 0.0155;
/// Coolant control: share of full flow a kelvin, and a kelvin-second.
const GAIN: f64 = 0.06;
const RESET: f64 = 0.000_4;
/// Longest stride of the balances, s.
const STRIDE_S: f64 = 0.25;

/// A reactor and its control.
#[derive(Clone)]
pub struct Reactor {
    /// Set point of the temperature, ℃.
    set: f64,
    /// Where the interlock trips, ℃.
    trip: f64,
    /// MPa gauge at the set point.
    base_mpa: f64,
    feed_flow: f64,
    /// Temperature and jacket temperature, K above the set point.
    above: f64,
    jacket: f64,
    /// Reactant, share of its concentration in the feed.
    reactant: f64,
    coolant: f64,
    integral: f64,
    feed: f64,
    level: f64,
    agitator: bool,
    tripped: bool,
}

impl Reactor {
    pub fn new(plant: &Plant, equipment: usize, rng: &mut Dice) -> Self {
        let limits_of = |quantity| {
            let point = plant.point_of(equipment, quantity).expect("a unit has this point");
            plant.points[point].limits.clone()
        };
        let temperature = limits_of(Quantity::Temperature);
        let high = temperature.h.expect("a unit has a high temperature limit").value;
        let trip = temperature.hh.expect("a unit has a high-high temperature limit").value;
        let pressure_high =
            limits_of(Quantity::Pressure).h.expect("a unit has a high pressure limit").value;
        let mut reactor = Self {
            set: high - 14.0,
            trip,
            base_mpa: 0.55 * pressure_high,
            feed_flow: rng.between(9.0, 14.0),
            above: 0.0,
            jacket: 0.0,
            reactant: 1.0 / (1.0 + RATE * RESIDENCE_S),
            coolant: 0.5,
            integral: 0.0,
            feed: 1.0,
            level: rng.between(52.0, 64.0),
            agitator: true,
            tripped: false,
        };
        reactor.settle();
        reactor
    }

    /// Puts jacket and coolant where the balances are still at the set point.
    fn settle(&mut self) {
        let made = ADIABATIC_K * RATE * self.reactant;
        let taken = made - FEED_BELOW / RESIDENCE_S;
        self.jacket = -taken / EXCHANGE;
        self.coolant = JACKET_EXCHANGE * -self.jacket * JACKET_S / (self.jacket + WATER_BELOW);
        self.integral = self.coolant;
    }

    pub fn step(&mut self, dt_s: f64, acting: Acting<'_>) {
        let mut left = dt_s * acting.hurry();
        while left > 0.0 {
            let stride = left.min(STRIDE_S);
            self.stride(stride, acting);
            left -= stride;
        }
    }

    fn stride(&mut self, dt_s: f64, acting: Acting<'_>) {
        self.control(dt_s, acting);
        let kelvin = self.set + 273.15;
        let rate = RATE * (ACTIVATION_K * (1.0 / kelvin - 1.0 / (kelvin + self.above))).exp();
        // The reaction is taken exactly over the stride, so that even a runaway cannot use more than there is.
        let reacted = self.reactant * (1.0 - (-rate * dt_s).exp());
        let exchanged = self.feed * dt_s / RESIDENCE_S;
        self.reactant += (1.0 - self.reactant) * exchanged - reacted;
        let stirred = if self.agitator { 1.0 } else { 0.3 };
        let to_jacket = EXCHANGE * stirred * (self.above - self.jacket) * dt_s;
        self.above += ADIABATIC_K * reacted + (-FEED_BELOW - self.above) * exchanged - to_jacket;
        self.jacket += self.coolant / JACKET_S * (-WATER_BELOW - self.jacket) * dt_s
            + JACKET_EXCHANGE * (self.above - self.jacket) * dt_s;
    }

    fn control(&mut self, dt_s: f64, acting: Acting<'_>) {
        if self.set + self.above >= self.trip && !acting.interlock_bypassed() {
            self.tripped = true;
        } else if self.above < 3.0 {
            self.tripped = false;
        }
        // A restart after a trip is careful: the feed comes back over minutes, so that reactant cannot pile up.
        let wanted = if self.tripped || acting.emergency_cooling() { 0.0 } else { 1.0 };
        let tau_s = if wanted > self.feed { 600.0 } else { 2.0 };
        self.feed = approach(self.feed, wanted, dt_s, tau_s);
        self.integral = (self.integral + RESET * self.above * dt_s).clamp(0.0, 1.0);
        let asked = if acting.coolant_lost() {
            0.0
        } else if acting.emergency_cooling() {
            1.0
        } else {
            (self.integral + GAIN * self.above).clamp(0.0, 1.0)
        };
        self.coolant = approach(self.coolant, asked, dt_s, 2.0);
        self.agitator = !acting.coolant_lost();
    }

    pub fn quantity(&self, quantity: Quantity) -> f64 {
        let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
        match quantity {
            Quantity::Temperature => self.set + self.above,
            Quantity::JacketTemperature => self.set + self.jacket,
            // Vapour and gas made by the reaction: pressure follows temperature, steeply.
            Quantity::Pressure => self.base_mpa * (self.above / 32.0).exp(),
            Quantity::Level => self.level,
            Quantity::InletFlow => self.feed_flow * self.feed,
            Quantity::CoolantFlow => 160.0 * self.coolant,
            Quantity::InletValve => flag(self.feed > 0.02),
            Quantity::CoolantValve => flag(self.coolant > 0.01),
            Quantity::Agitator => flag(self.agitator),
            Quantity::Interlock => flag(self.tripped),
            _ => 0.0,
        }
    }
}
