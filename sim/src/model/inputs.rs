//! What acts on the park from outside: disturbances of the process and faults of instruments.
//!
//! Scenarios and testers speak to the models only through this value, so a run is the seed, the steps and the inputs,
//! and can be had again.

use serde::{Deserialize, Serialize};

use crate::plant::{Medium, Plant};

/// Something that happens to a piece of equipment.
#[derive(Clone, Debug, PartialEq)]
pub enum Disturbance {
    /// The feed is held open at this share of its full flow, past the level control.
    Feed {
        /// 0 to 1.
        share: f64,
    },
    /// The discharge is held open at this share of its full flow.
    Drain {
        /// 0 to 1.
        share: f64,
    },
    /// Contents change this many times faster than in truth (time compression of level, heat and reaction).
    Hurry {
        /// Times faster.
        factor: f64,
    },
    /// The overfill or temperature interlock does not act.
    InterlockBypassed,
    /// No coolant flows.
    CoolantLost,
    /// Coolant at full flow and feed shut: the operators' answer.
    EmergencyCooling,
    /// The equipment gives off its medium.
    Leak {
        /// Kilograms a second.
        kg_per_s: f64,
        /// What is given off, where it is not the medium of the equipment (a leak at the edge of an area).
        medium: Option<&'static Medium>,
    },
    /// Something smoulders in the warehouse.
    Smoulder,
}

/// A fault of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SensorFault {
    /// Shows the same count for ever.
    Frozen,
    /// A loose contact: the shown value jumps by `by` for half of each period.
    Flapping {
        /// How far it jumps, in the unit of the point.
        by: f64,
        /// Length of a period.
        period_s: f64,
    },
    /// Shows this, whatever is so.
    Stuck {
        /// The value.
        at: f64,
    },
}

/// All that acts on the park at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    disturbances: Vec<(usize, Disturbance)>,
    faults: Vec<(usize, SensorFault)>,
}

impl Inputs {
    /// Lets something happen to a piece of equipment. One of the same kind that is there already is replaced.
    pub fn disturb(&mut self, equipment: usize, disturbance: Disturbance) {
        let same = |(at, d): &(usize, Disturbance)| {
            *at == equipment && std::mem::discriminant(d) == std::mem::discriminant(&disturbance)
        };
        self.disturbances.retain(|entry| !same(entry));
        self.disturbances.push((equipment, disturbance));
    }

    /// Ends everything that happens to a piece of equipment.
    pub fn calm(&mut self, equipment: usize) {
        self.disturbances.retain(|(at, _)| *at != equipment);
    }

    /// Breaks an instrument, or mends it with `None`.
    pub fn set_fault(&mut self, point: usize, fault: Option<SensorFault>) {
        self.faults.retain(|(at, _)| *at != point);
        self.faults.extend(fault.map(|fault| (point, fault)));
    }

    /// What happens to one piece of equipment.
    #[must_use]
    pub fn on(&self, equipment: usize) -> Acting<'_> {
        Acting { all: &self.disturbances, equipment }
    }

    /// The fault of one instrument.
    #[must_use]
    pub fn sensor_fault(&self, point: usize) -> Option<SensorFault> {
        self.faults.iter().find(|(at, _)| *at == point).map(|(_, fault)| *fault)
    }

    /// Every broken instrument.
    #[must_use]
    pub fn faults(&self) -> &[(usize, SensorFault)] {
        &self.faults
    }

    /// Whether anything leaks.
    #[must_use]
    pub fn has_leak(&self) -> bool {
        self.disturbances.iter().any(|(_, d)| matches!(d, Disturbance::Leak { .. }))
    }

    /// Every leak: where (metres east and north), what, and how much (kg/s).
    pub fn leaks<'a>(
        &'a self,
        plant: &'a Plant,
    ) -> impl Iterator<Item = ((f64, f64), &'static Medium, f64)> + Clone + 'a {
        self.disturbances.iter().filter_map(|(at, disturbance)| {
            let Disturbance::Leak { kg_per_s, medium } = disturbance else { return None };
            let equipment = &plant.equipment[*at];
            let medium = medium.or(equipment.medium)?;
            Some((plant.frame.east_north(equipment.place), medium, *kg_per_s))
        })
    }
}

/// What acts on one piece of equipment.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    all: &'a [(usize, Disturbance)],
    equipment: usize,
}

impl Acting<'_> {
    fn find<T>(&self, pick: impl Fn(&Disturbance) -> Option<T>) -> Option<T> {
        self.all.iter().filter(|(at, _)| *at == self.equipment).find_map(|(_, d)| pick(d))
    }

    fn has(&self, wanted: &Disturbance) -> bool {
        self.find(|d| (d == wanted).then_some(())).is_some()
    }

    pub(super) fn feed(&self) -> Option<f64> {
        self.find(|d| if let Disturbance::Feed { share } = d { Some(*share) } else { None })
    }

    pub(super) fn drain(&self) -> Option<f64> {
        self.find(|d| if let Disturbance::Drain { share } = d { Some(*share) } else { None })
    }

    pub(super) fn hurry(&self) -> f64 {
        self.find(|d| if let Disturbance::Hurry { factor } = d { Some(*factor) } else { None })
            .unwrap_or(1.0)
    }

    pub(super) fn interlock_bypassed(&self) -> bool {
        self.has(&Disturbance::InterlockBypassed)
    }

    pub(super) fn coolant_lost(&self) -> bool {
        self.has(&Disturbance::CoolantLost)
    }

    pub(super) fn emergency_cooling(&self) -> bool {
        self.has(&Disturbance::EmergencyCooling)
    }

    pub(super) fn smoulders(&self) -> bool {
        self.has(&Disturbance::Smoulder)
    }

    pub(super) fn leak_kg_per_s(&self) -> f64 {
        self.find(
            |d| if let Disturbance::Leak { kg_per_s, .. } = d { Some(*kg_per_s) } else { None },
        )
        .unwrap_or(0.0)
    }
}
