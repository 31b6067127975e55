//! A small set of conditions: one bit each, so that a calm sensor is recognised by one comparison with zero.

use serde::{Deserialize, Serialize};

use crate::alarm::Condition;

/// Set of conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions(u16);

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
        self.0 & (1 << condition as u16) != 0
    }

    /// Puts `condition` in.
    pub const fn insert(&mut self, condition: Condition) {
        self.0 |= 1 << condition as u16;
    }

    /// Takes `condition` out.
    pub const fn remove(&mut self, condition: Condition) {
        self.0 &= !(1 << condition as u16);
    }

    /// In the order of display.
    pub fn iter(self) -> impl Iterator<Item = Condition> {
        Condition::ALL.into_iter().filter(move |&condition| self.has(condition))
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
}
