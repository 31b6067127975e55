//! Who may keep an alarm quiet, and for how long: by the alarm's level and whether a gas detector raises it.
//!
//! IEC 62682 (and ISA-18.2) ask that shelving and removal from service are controlled by role and limited in time, and state no figures. The
//! figures here are proposals; an installation edits them in its configuration. Ending a shelf is never limited: it makes the alarm call again.

use crate::alarm::Level;
use crate::ids::Role;

/// Roles that can answer alarms, in the order of the table's columns. Testers answer none.
pub const ANSWERING: [Role; 4] =
    [Role::EnterpriseResponder, Role::EnterpriseManager, Role::Officer, Role::Administrator];

/// What one kind of alarm allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietRule {
    /// Longest shelf in minutes, by [`ANSWERING`]; 0 where the role may not shelve.
    pub shelve_minutes: [u32; 4],
    /// Whether the role may take the alarm out of service, by [`ANSWERING`].
    pub out_of_service: [bool; 4],
}

/// The whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietRights {
    /// Alarms of gas detectors, by level 1 to 4.
    pub gas: [QuietRule; 4],
    /// All others, by level 1 to 4.
    pub other: [QuietRule; 4],
}

/// What one person may do with one alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayQuiet {
    /// Longest shelf in minutes; 0 where they may not shelve it.
    pub shelve_minutes: u32,
    /// Whether they may take it out of service.
    pub out_of_service: bool,
}

impl Default for QuietRights {
    /// The proposals.
    fn default() -> Self {
        // The people of the enterprise answer for its instruments; an officer of the government watches.
        let by_enterprise = [false, true, false, true];
        let rule = |shelve_minutes| QuietRule { shelve_minutes, out_of_service: by_enterprise };
        Self {
            gas: [
                rule([0, 30, 0, 30]),
                rule([0, 60, 30, 60]),
                rule([60, 240, 60, 240]),
                rule([240, 480, 240, 480]),
            ],
            other: [
                rule([15, 60, 30, 60]),
                rule([60, 240, 60, 240]),
                rule([240, 480, 240, 480]),
                rule([720, 720, 720, 720]),
            ],
        }
    }
}

impl QuietRights {
    /// The rule for an alarm.
    #[must_use]
    pub fn rule(&self, level: Level, gas_detector: bool) -> &QuietRule {
        let table = if gas_detector { &self.gas } else { &self.other };
        &table[usize::from(level.get()) - 1]
    }

    /// What a person of a role may do with an alarm. `most_minutes` is the limit that holds for every shelf.
    #[must_use]
    pub fn may(&self, role: Role, level: Level, gas_detector: bool, most_minutes: u32) -> MayQuiet {
        let rule = self.rule(level, gas_detector);
        ANSWERING.iter().position(|&answering| answering == role).map_or(
            MayQuiet { shelve_minutes: 0, out_of_service: false },
            |column| MayQuiet {
                shelve_minutes: rule.shelve_minutes[column].min(most_minutes),
                out_of_service: rule.out_of_service[column],
            },
        )
    }
}

/// Whether a signal is that of a gas detector: combustible, toxic, or oxygen, whose lack kills as surely.
#[must_use]
pub fn is_gas_detector(signal: &str) -> bool {
    signal.starts_with("gas_") || signal == "oxygen"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proposals_keep_a_detectors_gravest_alarm_from_whoever_answers_for_less() {
        let may = |role, level, gas| QuietRights::default().may(role, level, gas, 720);
        let minutes = |role, level, gas| may(role, level, gas).shelve_minutes;
        assert_eq!(minutes(Role::EnterpriseResponder, Level::ONE, true), 0);
        assert_eq!(minutes(Role::EnterpriseManager, Level::ONE, true), 30);
        assert_eq!(minutes(Role::Officer, Level::ONE, true), 0);
        assert_eq!(minutes(Role::EnterpriseResponder, Level::THREE, false), 240);
        for level in [Level::ONE, Level::TWO, Level::THREE, Level::FOUR] {
            for gas in [true, false] {
                let out: Vec<bool> =
                    ANSWERING.iter().map(|&role| may(role, level, gas).out_of_service).collect();
                assert_eq!(out, [false, true, false, true], "{level:?} {gas}");
                let nobody = MayQuiet { shelve_minutes: 0, out_of_service: false };
                assert_eq!(may(Role::Tester, level, gas), nobody);
            }
        }
    }

    #[test]
    fn a_gas_alarm_is_never_shelved_for_longer_than_another_of_its_level_and_a_graver_never_for_longer()
     {
        let rights = QuietRights::default();
        for (gas, other) in rights.gas.iter().zip(&rights.other) {
            for column in 0..ANSWERING.len() {
                assert!(gas.shelve_minutes[column] <= other.shelve_minutes[column]);
            }
        }
        for table in [rights.gas, rights.other] {
            for pair in table.windows(2) {
                for column in 0..ANSWERING.len() {
                    assert!(pair[0].shelve_minutes[column] <= pair[1].shelve_minutes[column]);
                }
            }
        }
    }

    #[test]
    fn the_limit_of_every_shelf_holds_whatever_the_table_says() {
        let rights = QuietRights::default();
        assert_eq!(rights.may(Role::Administrator, Level::FOUR, false, 45).shelve_minutes, 45);
    }
}
