//! A tank, sphere or bullet: mass balance, heat balance, pressure, level control, shut-off valves and the overfill interlock.
//!
//! Pressure of a liquefied gas is its vapour pressure plus the inert gas that the liquid squeezes into what room is left; that
//! of a blanketed tank breathes with the flows; that of a compressed gas is the gas law. Level control fills and empties
//! in turns between a third and two thirds, as stock is moved.

use crate::plant::{EquipmentKind, Medium, Plant, Quantity};

use super::approach;
use super::dice::Dice;
use super::inputs::Acting;
use super::weather::Weather;

/// Atmosphere, MPa.
const ATMOSPHERE: f64 = 0.101_325;
/// Molar gas constant, J/(mol·K).
const GAS_CONSTANT: f64 = 8.314;
/// How long a shut-off valve travels.
const TRAVEL_S: f64 = 3.0;
/// Level control turns round here, percent.
const TURN_LOW: f64 = 36.0;
const TURN_HIGH: f64 = 64.0;
/// The interlock trips here (percent full, or of the pressure range) and resets below.
const TRIP: f64 = 85.0;
const RESET: f64 = 78.0;
/// How long the interlock looks before it trips.
const TRIP_AFTER_S: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Holding {
    /// Vapour over liquid with some inert gas: shut in, or a pad whose pressure a regulator holds.
    Liquefied { inert_mpa: f64, regulated: bool },
    /// Liquid under a nitrogen blanket near atmospheric pressure.
    Blanketed,
    /// Compressed gas.
    Compressed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    Filling,
    Emptying,
    Resting { left_s: f64 },
}

/// A vessel and what is in it.
#[derive(Clone)]
pub struct Vessel {
    medium: &'static Medium,
    holding: Holding,
    volume_m3: f64,
    /// Full scale of its flow meters, m³/h.
    flow_top: f64,
    /// Held at this temperature by refrigeration, where it is.
    refrigerated: Option<f64>,
    has_interlock: bool,
    /// m³ of liquid; for a compressed gas m³ at its nominal density.
    content_m3: f64,
    temperature: f64,
    blanket_kpa: f64,
    inflow: f64,
    outflow: f64,
    inlet: Valve,
    outlet: Valve,
    spray: Valve,
    pump: bool,
    tripped: bool,
    over_s: f64,
    turn: Turn,
    /// Share of full flow that the level control asks for.
    pace: f64,
}

/// A shut-off valve that takes its time.
#[derive(Clone)]
struct Valve {
    opening: f64,
}

impl Valve {
    fn drive(&mut self, open: bool, dt_s: f64) {
        let step = dt_s / TRAVEL_S;
        self.opening =
            if open { (self.opening + step).min(1.0) } else { (self.opening - step).max(0.0) };
    }

    /// 0 closed, 1 open, 2 moving.
    fn state(&self) -> f64 {
        match self.opening {
            x if x <= 0.0 => 0.0,
            x if x >= 1.0 => 1.0,
            _ => 2.0,
        }
    }
}

impl Vessel {
    pub fn new(plant: &Plant, equipment: usize, rng: &mut Dice) -> Self {
        let what = &plant.equipment[equipment];
        let medium = what.medium.expect("a vessel has a medium");
        let holding = match what.kind {
            EquipmentKind::Tank => Holding::Blanketed,
            _ if medium.antoine.is_none() => Holding::Compressed,
            _ if medium.key == "ethylene_oxide" => {
                Holding::Liquefied { inert_mpa: 0.22, regulated: true }
            }
            _ => Holding::Liquefied { inert_mpa: 0.02, regulated: false },
        };
        let top_of =
            |quantity| plant.point_of(equipment, quantity).map(|p| plant.points[p].range.1);
        let hottest = plant
            .point_of(equipment, Quantity::Temperature)
            .and_then(|p| plant.points[p].limits.h)
            .map_or(f64::INFINITY, |limit| limit.value);
        let refrigerated = (hottest < 20.0).then_some(hottest - 6.0);
        let full = rng.between(0.40, 0.60);
        let filling = rng.coin();
        Self {
            medium,
            holding,
            volume_m3: what.volume_m3,
            flow_top: top_of(Quantity::InletFlow).unwrap_or(what.volume_m3 / 4.0),
            refrigerated,
            has_interlock: plant.point_of(equipment, Quantity::Interlock).is_some(),
            content_m3: full * what.volume_m3,
            temperature: refrigerated.unwrap_or(12.0 + rng.between(-1.0, 1.0)),
            blanket_kpa: 0.9,
            inflow: 0.0,
            outflow: 0.0,
            inlet: Valve { opening: if filling { 1.0 } else { 0.0 } },
            outlet: Valve { opening: if filling { 0.0 } else { 1.0 } },
            spray: Valve { opening: 0.0 },
            pump: !filling,
            tripped: false,
            over_s: 0.0,
            turn: if filling { Turn::Filling } else { Turn::Emptying },
            pace: rng.between(0.15, 0.45),
        }
    }

    pub fn step(&mut self, dt_s: f64, weather: &Weather, acting: Acting<'_>, rng: &mut Dice) {
        self.control(dt_s, acting, rng);
        let hurry = acting.hurry();
        self.balance(dt_s * hurry, acting);
        self.heat(dt_s * hurry, weather);
        self.breathe(dt_s);
        self.interlock(dt_s, acting);
    }

    /// Percent full; for a compressed gas percent of its nominal density, which may pass 100.
    pub fn level(&self) -> f64 {
        self.content_m3 / self.volume_m3 * 100.0
    }

    /// MPa gauge, or kPa for a blanketed tank.
    pub fn pressure(&self) -> f64 {
        let kelvin = self.temperature + 273.15;
        match self.holding {
            Holding::Blanketed => self.blanket_kpa,
            Holding::Liquefied { inert_mpa, regulated } => {
                let room = (1.0 - self.content_m3 / self.volume_m3).max(0.02);
                // The inert gas was let in at half full and 15 ℃.
                let inert =
                    if regulated { inert_mpa } else { inert_mpa * 0.5 / room * kelvin / 288.15 };
                (self.medium.saturation_mpa(self.temperature) + inert - ATMOSPHERE).max(0.0)
            }
            Holding::Compressed => {
                let mol_per_m3 = self.content_m3 / self.volume_m3 * self.medium.density
                    / self.medium.molar_mass
                    * 1e3;
                (mol_per_m3 * GAS_CONSTANT * kelvin * 1e-6 - ATMOSPHERE).max(0.0)
            }
        }
    }

    pub fn quantity(&self, quantity: Quantity) -> f64 {
        let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
        match quantity {
            Quantity::Level | Quantity::SecondLevel => self.level(),
            Quantity::Pressure => self.pressure(),
            Quantity::Temperature => self.temperature,
            Quantity::BottomTemperature => self.temperature - 0.4,
            Quantity::InletFlow => self.inflow,
            Quantity::OutletFlow => self.outflow,
            Quantity::InletValve => self.inlet.state(),
            Quantity::OutletValve => self.outlet.state(),
            Quantity::SprayValve => self.spray.state(),
            Quantity::Pump => flag(self.pump),
            Quantity::Interlock => flag(self.tripped),
            _ => 0.0,
        }
    }

    /// Decides valves and pump, and lets the flows follow.
    fn control(&mut self, dt_s: f64, acting: Acting<'_>, rng: &mut Dice) {
        let level = self.level();
        self.turn = match self.turn {
            Turn::Filling if level >= TURN_HIGH => {
                Turn::Resting { left_s: rng.between(300.0, 1_800.0) }
            }
            Turn::Emptying if level <= TURN_LOW => {
                Turn::Resting { left_s: rng.between(300.0, 1_800.0) }
            }
            Turn::Resting { left_s } if left_s <= dt_s => {
                self.pace = rng.between(0.15, 0.45);
                if level > 50.0 { Turn::Emptying } else { Turn::Filling }
            }
            Turn::Resting { left_s } => Turn::Resting { left_s: left_s - dt_s },
            same => same,
        };
        let wobble = 1.0 + 0.01 * rng.gauss();
        let feed =
            acting.feed().or((self.turn == Turn::Filling).then_some(self.pace)).unwrap_or(0.0);
        let drain =
            acting.drain().or((self.turn == Turn::Emptying).then_some(self.pace)).unwrap_or(0.0);
        // Held open or shut from outside, the other side stands still unless it is held too.
        let feed = if acting.drain().is_some() && acting.feed().is_none() { 0.0 } else { feed };
        let drain = if acting.feed().is_some() && acting.drain().is_none() { 0.0 } else { drain };
        self.inlet.drive(feed > 0.0 && !self.tripped, dt_s);
        self.outlet.drive(drain > 0.0, dt_s);
        self.spray.drive(self.temperature > 45.0, dt_s);
        self.pump = if self.holding == Holding::Compressed {
            feed > 0.0 && !self.tripped
        } else {
            drain > 0.0
        };
        self.inflow =
            approach(self.inflow, feed * self.flow_top * self.inlet.opening * wobble, dt_s, 1.0);
        self.outflow =
            approach(self.outflow, drain * self.flow_top * self.outlet.opening * wobble, dt_s, 1.0);
    }

    fn balance(&mut self, dt_s: f64, acting: Acting<'_>) {
        let lost = acting.leak_kg_per_s() / self.medium.density;
        let change = ((self.inflow - self.outflow) / 3_600.0 - lost) * dt_s;
        self.content_m3 = (self.content_m3 + change).clamp(0.0, self.volume_m3 * 1.6);
        if self.holding != Holding::Compressed {
            self.content_m3 = self.content_m3.min(self.volume_m3);
        }
    }

    fn heat(&mut self, dt_s: f64, weather: &Weather) {
        // Surface to volume: a large tank takes days, a small one hours.
        let tau_s = match self.holding {
            Holding::Compressed => 3_600.0,
            _ => 6.0 * 3_600.0 * (self.volume_m3 / 100.0).cbrt(),
        };
        self.temperature = approach(self.temperature, weather.ambient + 1.5, dt_s, tau_s);
        if let Some(setpoint) = self.refrigerated {
            self.temperature = approach(self.temperature, setpoint, dt_s, tau_s / 40.0);
        }
        // Feed comes in at ambient and mixes.
        let fresh = self.inflow / 3_600.0 * dt_s / self.content_m3.max(self.volume_m3 * 0.02);
        let feed_temperature = self.refrigerated.unwrap_or(weather.ambient);
        self.temperature += (feed_temperature - self.temperature) * fresh.min(1.0);
    }

    /// The blanket breathes: liquid in squeezes it, liquid out lets it fall; regulator and vent bring it back.
    fn breathe(&mut self, dt_s: f64) {
        let squeeze = (self.inflow - self.outflow) / self.flow_top;
        self.blanket_kpa = approach(self.blanket_kpa, 0.9 + 0.5 * squeeze, dt_s, 15.0);
    }

    fn interlock(&mut self, dt_s: f64, acting: Acting<'_>) {
        if !self.has_interlock {
            return;
        }
        let at = if self.holding == Holding::Compressed {
            self.pressure() / 25.0 * 100.0
        } else {
            self.level()
        };
        self.over_s = if at >= TRIP { self.over_s + dt_s } else { 0.0 };
        if self.over_s >= TRIP_AFTER_S && !acting.interlock_bypassed() {
            self.tripped = true;
        } else if at < RESET {
            self.tripped = false;
        }
    }
}

#[cfg(test)]
impl Vessel {
    pub fn set_for_test(&mut self, temperature: f64, level: f64) {
        self.temperature = temperature;
        self.content_m3 = level / 100.0 * self.volume_m3;
    }
}
