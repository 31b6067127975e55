//! Suppression by design (state H of IEC 62682): which alarms of a point mean nothing while its equipment does not run.
//!
//! The configuration of a point carries one set of conditions for each state of its equipment; the host keeps these quiet while the
//! state lasts. [`proposed`] is where the sets come from as long as nobody has decided otherwise.

use serde::{Deserialize, Serialize};

use crate::alarm::Condition;
use crate::conditions::Conditions;
use crate::equipment_state::EquipmentState;

/// What is suppressed in which state of the equipment. While it runs, nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// 停用
    pub stopped: Conditions,
    /// 检修
    pub maintenance: Conditions,
    /// 启动
    pub starting: Conditions,
}

impl Suppression {
    /// What is suppressed in a state.
    #[must_use]
    pub const fn during(&self, state: EquipmentState) -> Conditions {
        match state {
            EquipmentState::Running => Conditions::NONE,
            EquipmentState::Stopped => self.stopped,
            EquipmentState::Maintenance => self.maintenance,
            EquipmentState::Starting => self.starting,
        }
    }
}

/// One row of the proposal.
#[derive(Clone, Copy, Debug)]
pub struct Proposal {
    /// Signal type of the point.
    pub signal: &'static str,
    /// What the point is to its equipment; empty: anything.
    pub roles: &'static [&'static str],
    /// Suppressed while the equipment is stopped.
    pub stopped: &'static [Condition],
    /// Suppressed while it is under maintenance.
    pub maintenance: &'static [Condition],
    /// Suppressed while it starts up.
    pub starting: &'static [Condition],
}

use Condition::{BadQuality, Frozen, Low, LowLow, Missing, OutOfRange, RateOfChange, State};

const AT_REST: &[Condition] = &[Low, LowLow, RateOfChange, Frozen];
const OPENED: &[Condition] = &[Low, LowLow, RateOfChange, Frozen, Missing, BadQuality, OutOfRange];
const RISING: &[Condition] = &[Low, LowLow, RateOfChange];

/// **A proposal, to be corrected by whoever knows the plant**: no standard states such a table. The thought behind each row:
///
/// - H and HH are in none. What is stopped still holds its stuff: a tank can be filled by mistake and can warm up. Whoever must silence
///   one shelves it or takes it out of service, with their name.
/// - Gas, oxygen, smoke and interlocks have no row: nothing about a detector means less because a pump stands still.
/// - What has stopped rests: low values, a signal that does not move, and the fall on the way there are no news. That its signal is lost is:
///   a hazard source is watched while it holds stuff. Of a stopped flow it is not.
/// - A rising rate of temperature is kept while stopped: a runaway reaction announces itself by it.
/// - Under maintenance the instrument itself is opened, taken out, calibrated.
/// - While starting up values rise from rest; signals must already be there.
pub const PROPOSED: &[Proposal] = &[
    Proposal {
        signal: "level",
        roles: &[],
        stopped: AT_REST,
        maintenance: OPENED,
        starting: RISING,
    },
    Proposal {
        signal: "pressure",
        roles: &[],
        stopped: AT_REST,
        maintenance: OPENED,
        starting: RISING,
    },
    Proposal {
        signal: "temperature",
        roles: &[],
        stopped: &[Low, LowLow, Frozen],
        maintenance: OPENED,
        starting: RISING,
    },
    Proposal { signal: "flow", roles: &[], stopped: OPENED, maintenance: OPENED, starting: RISING },
    Proposal {
        signal: "state",
        roles: &["pump", "agitator", "compressor", "fan"],
        stopped: &[State],
        maintenance: &[State, Missing, BadQuality],
        starting: &[State],
    },
];

/// What is proposed for a point.
#[must_use]
pub fn proposed(signal: &str, role: &str) -> Suppression {
    let row = PROPOSED
        .iter()
        .find(|row| row.signal == signal && (row.roles.is_empty() || row.roles.contains(&role)));
    row.map_or_else(Suppression::default, |row| Suppression {
        stopped: row.stopped.iter().copied().collect(),
        maintenance: row.maintenance.iter().copied().collect(),
        starting: row.starting.iter().copied().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(signal: &str, role: &str, state: EquipmentState) -> String {
        let set = proposed(signal, role).during(state);
        set.iter().map(Condition::code).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_state_suppresses_what_means_nothing_in_it() {
        use EquipmentState::{Maintenance, Running, Starting, Stopped};
        for (signal, role, state, expected) in [
            ("level", "level", Running, ""),
            ("level", "level", Stopped, "L LL ROC FROZEN"),
            ("level", "level", Maintenance, "L LL ROC RANGE BAD FROZEN MISSING"),
            ("level", "level", Starting, "L LL ROC"),
            ("temperature", "", Stopped, "L LL FROZEN"),
            ("flow", "", Stopped, "L LL ROC RANGE BAD FROZEN MISSING"),
            ("state", "pump", Stopped, "STATE"),
            ("state", "interlock", Stopped, ""),
            ("state", "smoke", Maintenance, ""),
            ("gas_toxic", "detector", Maintenance, ""),
            ("gas_combustible", "detector", Stopped, ""),
            ("oxygen", "detector", Maintenance, ""),
        ] {
            assert_eq!(codes(signal, role, state), expected, "{signal} {role} {state:?}");
        }
    }

    #[test]
    fn a_high_level_and_a_fault_of_the_path_are_never_suppressed() {
        let never = [
            Condition::HighHigh,
            Condition::High,
            Condition::DeviceLost,
            Condition::GatewayLost,
            Condition::CenterLink,
            Condition::Fault,
        ];
        for row in PROPOSED {
            assert!(!row.signal.starts_with("gas_") && row.signal != "oxygen");
            for condition in never {
                for set in [row.stopped, row.maintenance, row.starting] {
                    assert!(!set.contains(&condition), "{row:?}");
                }
            }
        }
    }
}
