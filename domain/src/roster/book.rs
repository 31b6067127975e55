//! The duty book: every unit with its members and roster, and how its people are reached, as one snapshot.
//!
//! This is what an escalation asks. It never answers with an empty list and no reason: where nobody is on duty it gives all
//! members and says why, so that the reason can be written beside the message.

use std::collections::BTreeMap;

use super::contact::Contact;
use super::{DutyRole, DutyUnit, UnitId};
use crate::ids::UserName;
use crate::time::UtcMillis;

/// A person whom a unit knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// 姓名
    pub name: String,
    /// How they are reached; empty where they never said.
    pub contact: Contact,
}

/// Why nobody is on duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// The organisation has no duty unit.
    NoUnit,
    /// It has one without a member.
    NoMembers,
    /// It has no rotation for these roles.
    NoRotation,
    /// It has, and at this time nobody stands in it: no shift, or a team without members.
    NobodyNow,
}

impl Gap {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoUnit => "no_unit",
            Self::NoMembers => "no_members",
            Self::NoRotation => "no_rotation",
            Self::NobodyNow => "nobody_now",
        }
    }
}

/// Whom to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Those on duty, in the order of the roles asked for.
    OnDuty(Vec<UserName>),
    /// Nobody is on duty: every member of the unit.
    AllMembers(Vec<UserName>, Gap),
    /// There is nobody to tell.
    Nobody(Gap),
}

impl Whom {
    /// Whoever is to be told.
    #[must_use]
    pub fn people(&self) -> &[UserName] {
        match self {
            Self::OnDuty(people) | Self::AllMembers(people, _) => people,
            Self::Nobody(_) => &[],
        }
    }

    /// Why those on duty are not the answer.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        match self {
            Self::OnDuty(_) => None,
            Self::AllMembers(_, gap) | Self::Nobody(gap) => Some(*gap),
        }
    }
}

/// Every unit in one snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DutyBook {
    /// Grows with every change; a book of the same number is the same book.
    pub version: u64,
    /// Units.
    pub units: BTreeMap<UnitId, DutyUnit>,
    /// Their members.
    pub people: BTreeMap<UserName, Person>,
}

impl DutyBook {
    /// Whom to tell at a unit: whoever is on duty in any of the roles, else all of its members and why.
    #[must_use]
    pub fn whom(&self, unit: &UnitId, roles: &[DutyRole], at: UtcMillis) -> Whom {
        let Some(unit) = self.units.get(unit) else { return Whom::Nobody(Gap::NoUnit) };
        let mut on_duty: Vec<UserName> = Vec::new();
        for role in roles {
            for person in unit.on_duty(at, *role) {
                if !on_duty.contains(&person) {
                    on_duty.push(person);
                }
            }
        }
        if !on_duty.is_empty() {
            return Whom::OnDuty(on_duty);
        }
        let mut members: Vec<UserName> = unit.members.iter().map(|m| m.username.clone()).collect();
        members.sort();
        members.dedup();
        if members.is_empty() {
            return Whom::Nobody(Gap::NoMembers);
        }
        let rotates = unit.rotations.iter().any(|rotation| roles.contains(&rotation.role));
        Whom::AllMembers(members, if rotates { Gap::NobodyNow } else { Gap::NoRotation })
    }
}
