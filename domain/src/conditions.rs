//! A small set of conditions: one bit each, so that a calm sensor is recognised by one comparison with zero.

use serde::{Deserialize, Serialize};

use crate::alarm::Condition;

/// Set of conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions(u32);

impl Conditions {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `condition` is in it.
    #[must_use]
    pub const fn has(self, condition: Condition) -> bool {
        self.0 & (1 << condition as u32) != 0
    }

    /// Puts `condition` in.
    pub const fn insert(&mut self, condition: Condition) {
        self.0 |= 1 << condition as u32;
    }

    /// Takes `condition` out.
    pub const fn remove(&mut self, condition: Condition) {
        self.0 &= !(1 << condition as u32);
    }

    /// In the order of display.
    pub fn iter(self) -> impl Iterator<Item = Condition> {
        Condition::ALL.into_iter().filter(move |&condition| self.has(condition))
    }
}

/// The conditions that a sensor's own step judges, in half the room: those of the first sixteen bits. What the detectors of a point
/// find has a state of its own (`sensor/detected.rs`) and is never in here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnConditions(u16);

impl OwnConditions {
    /// None.
    pub const NONE: Self = Self(0);

    const fn bit(condition: Condition) -> u16 {
        // A condition beyond has no bit, so it is never in the set.
        if (condition as u32) < u16::BITS { 1 << condition as u32 } else { 0 }
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `condition` is in it.
    #[must_use]
    pub const fn has(self, condition: Condition) -> bool {
        self.0 & Self::bit(condition) != 0
    }

    /// Puts `condition` in.
    ///
    /// # Panics
    /// When it is a detector's: the caller's mistake.
    pub const fn insert(&mut self, condition: Condition) {
        assert!(Self::bit(condition) != 0, "a detector's condition is no sensor's own");
        self.0 |= Self::bit(condition);
    }

    /// Takes `condition` out.
    pub const fn remove(&mut self, condition: Condition) {
        self.0 &= !Self::bit(condition);
    }

    /// In the order of display.
    pub fn iter(self) -> impl Iterator<Item = Condition> {
        Conditions::from(self).iter()
    }
}

impl From<OwnConditions> for Conditions {
    fn from(own: OwnConditions) -> Self {
        Self(u32::from(own.0))
    }
}

impl FromIterator<Condition> for Conditions {
    fn from_iter<T: IntoIterator<Item = Condition>>(conditions: T) -> Self {
        let mut set = Self::NONE;
        for condition in conditions {
            set.insert(condition);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_a_bit_of_its_own() {
        let mut set = Conditions::NONE;
        for (n, condition) in Condition::ALL.into_iter().enumerate() {
            assert!(!set.has(condition));
            set.insert(condition);
            assert_eq!(set.iter().count(), n + 1);
        }
        for condition in Condition::ALL {
            set.remove(condition);
            assert!(!set.has(condition));
        }
        assert!(set.is_empty());
    }

    #[test]
    fn a_sensor_has_room_for_all_but_the_conditions_of_detectors() {
        for condition in Condition::ALL {
            let mut own = OwnConditions::NONE;
            assert!(!own.has(condition));
            own.remove(condition);
            if condition.is_detected() {
                continue;
            }
            own.insert(condition);
            assert!(own.has(condition) && own.iter().eq([condition]), "{condition:?}");
        }
    }
}
