//! A warehouse: the room follows the weather slowly, doors open now and then, smoke and heat where something smoulders.

use crate::plant::Quantity;

use super::approach;
use super::dice::Dice;
use super::inputs::Acting;
use super::weather::Weather;

/// How long the room takes to follow the weather, shut and with its fan running.
const SHUT_S: f64 = 8.0 * 3_600.0;
const AIRED_S: f64 = 1_800.0;

/// A room full of goods.
#[derive(Clone)]
pub struct Warehouse {
    temperature: f64,
    humidity: f64,
    smoke_s: f64,
    door_left_s: f64,
    fan: bool,
}

impl Warehouse {
    pub fn new(rng: &mut Dice) -> Self {
        Self {
            temperature: 14.0 + rng.between(-1.0, 1.0),
            humidity: 55.0 + rng.between(-4.0, 4.0),
            smoke_s: 0.0,
            door_left_s: 0.0,
            fan: false,
        }
    }

    pub fn step(&mut self, dt_s: f64, weather: &Weather, acting: Acting<'_>, rng: &mut Dice) {
        // A door opens every twenty minutes or so, for two.
        if self.door_left_s <= 0.0 && rng.unit() < dt_s / 1_200.0 {
            self.door_left_s = 120.0;
        }
        self.door_left_s -= dt_s;
        let hurried = dt_s * acting.hurry();
        self.smoke_s = if acting.smoulders() {
            self.smoke_s + dt_s
        } else {
            (self.smoke_s - dt_s).clamp(0.0, 5.0)
        };
        self.fan = self.temperature > 28.0;
        let tau_s = if self.fan || self.door_left_s > 0.0 { AIRED_S } else { SHUT_S };
        self.temperature = approach(self.temperature, weather.ambient + 2.0, hurried, tau_s);
        self.humidity = approach(self.humidity, weather.humidity - 4.0, hurried, tau_s);
        if acting.smoulders() {
            self.temperature += 0.002 * hurried;
        }
    }

    pub fn quantity(&self, quantity: Quantity) -> f64 {
        let flag = |yes: bool| if yes { 1.0 } else { 0.0 };
        match quantity {
            Quantity::Temperature => self.temperature,
            Quantity::Humidity => self.humidity,
            Quantity::Smoke => flag(self.smoke_s > 3.0),
            Quantity::Door => flag(self.door_left_s > 0.0),
            Quantity::Fan => flag(self.fan),
            _ => 0.0,
        }
    }
}
