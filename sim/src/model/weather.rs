//! Weather over the park: a day of temperature and humidity, and a wind that wanders.

use super::approach;
use super::dice::Dice;

const DAY_S: f64 = 86_400.0;

/// The weather now.
#[derive(Clone)]
pub struct Weather {
    /// ℃
    pub ambient: f64,
    /// %RH
    pub humidity: f64,
    /// m/s
    pub wind_speed: f64,
    /// Degrees that the wind comes from, 0 is north, 90 east.
    pub wind_from: f64,
    speed_drift: f64,
    turn_drift: f64,
}

impl Weather {
    pub fn new() -> Self {
        let mut weather = Self {
            ambient: 0.0,
            humidity: 0.0,
            wind_speed: 2.6,
            wind_from: 45.0,
            speed_drift: 0.0,
            turn_drift: 0.0,
        };
        weather.of_the_day(0.0);
        weather
    }

    pub fn step(&mut self, dt_s: f64, elapsed_s: f64, rng: &mut Dice) {
        self.of_the_day(elapsed_s);
        // Ornstein–Uhlenbeck: wanders, and comes back to the north-east wind of the place.
        let kick = |tau_s: f64, sd: f64| sd * (1.0 - (-2.0 * dt_s / tau_s).exp()).sqrt();
        self.speed_drift =
            approach(self.speed_drift, 0.0, dt_s, 120.0) + kick(120.0, 0.4) * rng.gauss();
        self.turn_drift =
            approach(self.turn_drift, 0.0, dt_s, 600.0) + kick(600.0, 12.0) * rng.gauss();
        self.wind_speed = (2.6 + self.speed_drift).max(0.5);
        self.wind_from = (45.0 + self.turn_drift).rem_euclid(360.0);
    }

    fn of_the_day(&mut self, elapsed_s: f64) {
        // Warmest at three in the afternoon; the simulation starts at nine in the morning.
        let hour_angle =
            ((elapsed_s + 9.0 * 3_600.0) / DAY_S - 15.0 / 24.0) * std::f64::consts::TAU;
        self.ambient = 12.0 + 6.0 * hour_angle.cos();
        self.humidity = 58.0 - 12.0 * hour_angle.cos();
    }

    /// Velocity of the air, metres a second east and north.
    pub fn wind_vector(&self) -> (f64, f64) {
        let (sin, cos) = self.wind_from.to_radians().sin_cos();
        (-self.wind_speed * sin, -self.wind_speed * cos)
    }
}
