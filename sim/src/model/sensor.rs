//! An instrument: shows the truth late (first-order lag), coarse (12-bit converter), noisy (1.5 steps) and with a slow drift.
//!
//! The noise is not softened anywhere: what the history store is measured on is as hard to compress as a real converter's.

use crate::plant::{ADC_STEPS, Point, Quantity};

use super::dice::Dice;
use super::{SensorFault, approach};

/// Standard deviation of the noise, in steps of the converter.
pub const NOISE_LSB: f64 = 1.5;
/// Standard deviation of the drift, in steps, and how long it remembers.
const DRIFT_LSB: f64 = 2.0;
const DRIFT_TAU_S: f64 = 7_200.0;

/// One instrument.
#[derive(Clone)]
pub struct Sensor {
    range: (f64, f64),
    discrete: bool,
    /// A compass does not stop at north.
    circular: bool,
    tau_s: f64,
    lagged: Option<f64>,
    drift_lsb: f64,
    /// Time since the drift was moved on.
    undrifted_s: f64,
    /// Live zero: detectors and flow meters do not rest on the end stop.
    zero_lsb: f64,
    shown: f64,
    clock_s: f64,
}

impl Sensor {
    pub fn new(point: &Point, rng: &mut Dice) -> Self {
        let (tau_s, live_zero) = match point.measures {
            Quantity::Gas { .. } => (3.0, true),
            Quantity::InletFlow | Quantity::OutletFlow | Quantity::CoolantFlow => (1.0, true),
            Quantity::Temperature | Quantity::BottomTemperature | Quantity::JacketTemperature => {
                (2.0, false)
            }
            Quantity::AmbientTemperature | Quantity::Humidity => (10.0, false),
            Quantity::Level | Quantity::SecondLevel => (0.5, false),
            _ => (0.3, false),
        };
        Self {
            range: point.range,
            discrete: point.is_discrete(),
            circular: point.measures == Quantity::WindDirection,
            tau_s,
            lagged: None,
            drift_lsb: DRIFT_LSB * rng.gauss(),
            undrifted_s: 0.0,
            zero_lsb: if live_zero { rng.between(8.0, 14.0) } else { 0.0 },
            shown: point.range.0,
            clock_s: 0.0,
        }
    }

    /// What the instrument shows `dt_s` after it was last asked, where `truth` is so.
    pub fn show(
        &mut self,
        dt_s: f64,
        truth: f64,
        fault: Option<SensorFault>,
        rng: &mut Dice,
    ) -> f64 {
        self.clock_s += dt_s;
        if self.discrete {
            if fault != Some(SensorFault::Frozen) {
                self.shown = match fault {
                    Some(SensorFault::Stuck { at }) => at,
                    Some(SensorFault::Flapping { by, period_s }) if self.high_half(period_s) => {
                        truth + by
                    }
                    _ => truth,
                };
            }
            return self.shown;
        }
        let lagged = match self.lagged {
            Some(before) if !self.circular => approach(before, truth, dt_s, self.tau_s),
            _ => truth,
        };
        self.lagged = Some(lagged);
        // A drift of hours need not be moved on many times a second.
        self.undrifted_s += dt_s;
        if self.undrifted_s >= 1.0 {
            let kick = DRIFT_LSB * (1.0 - (-2.0 * self.undrifted_s / DRIFT_TAU_S).exp()).sqrt();
            self.drift_lsb =
                approach(self.drift_lsb, 0.0, self.undrifted_s, DRIFT_TAU_S) + kick * rng.gauss();
            self.undrifted_s = 0.0;
        }
        let noise = NOISE_LSB * rng.gauss();
        if fault == Some(SensorFault::Frozen) {
            return self.shown;
        }
        let value = match fault {
            Some(SensorFault::Stuck { at }) => at,
            Some(SensorFault::Flapping { by, period_s }) if self.high_half(period_s) => lagged + by,
            _ => lagged,
        };
        let (low, high) = self.range;
        let lsb = (high - low) / f64::from(ADC_STEPS);
        let count = ((value - low) / lsb + self.drift_lsb + self.zero_lsb + noise).round();
        let count = if self.circular {
            count.rem_euclid(f64::from(ADC_STEPS))
        } else {
            count.clamp(0.0, f64::from(ADC_STEPS))
        };
        self.shown = low + count * lsb;
        self.shown
    }

    fn high_half(&self, period_s: f64) -> bool {
        (self.clock_s / period_s).fract() < 0.5
    }
}
