//! How a leak reaches a detector: a Gaussian plume along the wind, with the time the air needs.
//!
//! Ground-level continuous source with Briggs' rural coefficients for neutral air (class D). Within a few metres, where
//! the plume formula has no meaning, still-air mixing takes over, so that a detector beside a flange sees it whatever the
//! wind. Heavy and light gases spread alike: good enough to make the right detectors answer in the right order.

use crate::plant::{Measure, Medium};

use super::{answers, approach};

/// Turbulent mixing of still air, m²/s.
const MIXING: f64 = 2.0;
/// Normal oxygen, % vol.
const OXYGEN: f64 = 20.9;

/// What one detector breathes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cloud {
    /// In the unit of the detector; for oxygen the change from normal air.
    value: f64,
}

impl Cloud {
    pub const fn is_there(&self) -> bool {
        self.value.abs() > 1e-6
    }

    /// The concentration in the detector's unit.
    pub fn reading(&self, measure: Measure) -> f64 {
        if measure == Measure::Oxygen { OXYGEN + self.value } else { self.value }
    }

    /// Moves the cloud at `here` (metres east, north) on under a wind of (east, north) metres a second.
    pub fn step(
        &mut self,
        dt_s: f64,
        wind: (f64, f64),
        here: (f64, f64),
        leaks: impl Iterator<Item = ((f64, f64), &'static Medium, f64)>,
        measure: Measure,
        cell: &Medium,
    ) {
        let mut target = 0.0;
        let mut travel_s: f64 = 0.0;
        for (from, released, kg_per_s) in leaks {
            if !answers(measure, cell, released) {
                continue;
            }
            let (dx, dy) = (here.0 - from.0, here.1 - from.1);
            let mg_per_m3 = plume(kg_per_s, wind, (dx, dy)) * 1e6;
            let reading = match measure {
                Measure::Combustible => released.lel_fraction_percent(mg_per_m3),
                Measure::Toxic => mg_per_m3,
                Measure::Oxygen
                    if released.key == "hydrogen_peroxide" || released.key == "oxygen" =>
                {
                    mg_per_m3 / 32.0 * 24.45e-4
                }
                Measure::Oxygen => -OXYGEN * (mg_per_m3 / released.molar_mass * 24.45e-6).min(1.0),
            };
            target += reading;
            travel_s = travel_s.max(dx.hypot(dy) / wind.0.hypot(wind.1));
        }
        // The air brings it after the travel time, and carries it away in about ten seconds.
        self.value = approach(self.value, target, dt_s, travel_s.clamp(2.0, 120.0));
        if target == 0.0 {
            self.value = approach(self.value, 0.0, dt_s, 10.0);
        }
    }
}

/// kg/m³ at (dx, dy) from a source of `kg_per_s`.
pub fn plume(kg_per_s: f64, wind: (f64, f64), (dx, dy): (f64, f64)) -> f64 {
    let speed = wind.0.hypot(wind.1).max(0.5);
    let (ex, ey) = (wind.0 / speed, wind.1 / speed);
    let along = dx * ex + dy * ey;
    let across = dx * ey - dy * ex;
    let distance = dx.hypot(dy).max(1.0);
    // Still-air mixing, thinned upwind by the air coming against it.
    let near = kg_per_s / (4.0 * std::f64::consts::PI * MIXING * distance)
        * (-speed * (distance - along).max(0.0) / (2.0 * MIXING)).exp();
    if along < 1.0 {
        return near;
    }
    // Closer than ten metres the formula runs to infinity and a real plume is a jet. The wind meanders within a minute,
    // so the plume is twice as wide as Briggs' ten-minute puff.
    let x = along.max(10.0);
    let sigma_y = 0.16 * x / (1.0 + 0.0001 * x).sqrt();
    let sigma_z = 0.06 * x / (1.0 + 0.0015 * x).sqrt();
    let far = kg_per_s / (std::f64::consts::PI * speed * sigma_y * sigma_z)
        * (-(across * across) / (2.0 * sigma_y * sigma_y)).exp();
    far.max(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIND: (f64, f64) = (3.0, 0.0);

    #[test]
    fn downwind_sees_more_than_crosswind_and_upwind() {
        let at = |dx, dy| plume(1.0, WIND, (dx, dy));
        assert!(at(40.0, 0.0) > 3.0 * at(0.0, 40.0));
        assert!(at(40.0, 0.0) > 10.0 * at(-40.0, 0.0));
    }

    #[test]
    fn concentration_falls_with_distance_and_grows_with_the_source() {
        let along: Vec<f64> = (1..200).map(|m| plume(1.0, WIND, (f64::from(m), 0.0))).collect();
        assert!(along.windows(2).all(|w| w[1] <= w[0]));
        assert!((plume(2.0, WIND, (50.0, 5.0)) / plume(1.0, WIND, (50.0, 5.0)) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_stronger_wind_thins_the_far_plume() {
        assert!(plume(1.0, (6.0, 0.0), (150.0, 0.0)) < plume(1.0, (2.0, 0.0), (150.0, 0.0)));
    }
}
