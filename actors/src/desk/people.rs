//! Whom a rung of the ladder calls: those on duty, else whoever there is, and the reason beside it.

use std::collections::{BTreeMap, BTreeSet};

use anlan_domain::alarm::AlarmId;
use anlan_domain::ids::{EnterpriseCode, UserName};
use anlan_domain::region::RegionCode;
use anlan_domain::roster::book::{DutyBook, Gap, Whom};
use anlan_domain::roster::contact::Contact;
use anlan_domain::roster::{CHINA_OFFSET_MIN, DutyRole, UnitId};
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::Place;
use anlan_domain::warning::ladder::{Rung, Staffed};
use async_trait::async_trait;

use crate::directory::DirectoryError;

/// Everybody, as far as calling them goes.
#[derive(Clone, Debug, Default)]
pub struct PeopleBook {
    /// Rosters, members, contacts.
    pub duty: DutyBook,
    /// Where enterprises lie.
    pub regions: BTreeMap<EnterpriseCode, RegionCode>,
    /// People whose scope is a unit: called where it has no roster.
    pub users: BTreeMap<UnitId, Vec<UserName>>,
    /// People who see everything: called for the center itself.
    pub administrators: Vec<UserName>,
}

/// A person to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// User name.
    pub person: UserName,
    /// How they are reached.
    pub contact: Contact,
    /// How far their clock is ahead of UTC.
    pub utc_offset_min: i32,
}

/// Names for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of the enterprise.
    pub enterprise: String,
    /// Of the park or county that it lies in.
    pub park: String,
    /// Of the hazard source.
    pub hazard_source: String,
    /// Of the equipment.
    pub equipment: String,
    /// Of the point, or of the node of the data path.
    pub point: String,
    /// Tag of the point.
    pub tag: String,
    /// Unit of the point.
    pub unit: String,
}

/// What the desk must know of the registry, as a port that the composition root fills.
#[async_trait]
pub trait DeskDirectory: Send + Sync + 'static {
    /// Everybody.
    ///
    /// # Errors
    /// When the registry cannot be read.
    async fn people(&self) -> Result<PeopleBook, DirectoryError>;

    /// Names of a place and of the point of an alarm; what is not known any more stays empty.
    ///
    /// # Errors
    /// When the registry cannot be read.
    async fn names(&self, place: &Place, alarm: Option<&AlarmId>) -> Result<Names, DirectoryError>;
}

impl PeopleBook {
    /// Rungs of a place that have anybody.
    #[must_use]
    pub fn staffed(&self, place: &Place) -> Staffed {
        let has = |rung: &Rung| {
            !self.whom(place, *rung, &[DutyRole::DutyOfficer], UtcMillis(0)).0.is_empty()
        };
        Rung::ALL
            .iter()
            .filter(|rung| has(rung))
            .fold(Staffed::default(), |all, rung| all.with(*rung))
    }

    /// Whom a rung calls in these roles at a moment, and why they are not those on duty, where they are not.
    #[must_use]
    pub fn whom(
        &self,
        place: &Place,
        rung: Rung,
        roles: &[DutyRole],
        at: UtcMillis,
    ) -> (Vec<Called>, Option<Gap>) {
        let Some(enterprise) = &place.enterprise else {
            // The center itself: whoever runs it stands on the highest rung.
            let all = if rung == Rung::Province { self.administrators.as_slice() } else { &[] };
            return (self.called(None, all), None);
        };
        let unit = match rung {
            Rung::Enterprise => Some(UnitId::Enterprise(enterprise.clone())),
            _ => self
                .regions
                .get(enterprise)
                .and_then(|region| rung.above(region))
                .map(UnitId::Region),
        };
        let Some(unit) = unit else { return (Vec::new(), None) };
        let (people, gap) = self.of_unit(&unit, roles, at);
        (self.called(Some(&unit), &people), gap)
    }

    fn of_unit(
        &self,
        id: &UnitId,
        roles: &[DutyRole],
        at: UtcMillis,
    ) -> (Vec<UserName>, Option<Gap>) {
        let mut people = BTreeSet::new();
        if let Some(unit) = self.duty.units.get(id) {
            for role in roles {
                let on_duty = unit.on_duty(at, *role);
                let rotates = unit.rotations.iter().any(|rotation| rotation.role == *role);
                if !rotates {
                    // Without shifts (a principal, a safety officer) whoever has the role has it always.
                    let members = unit.members.iter().filter(|member| member.role == *role);
                    people.extend(members.map(|member| member.username.clone()));
                }
                people.extend(on_duty);
            }
        }
        if !people.is_empty() {
            return (people.into_iter().collect(), None);
        }
        match self.duty.whom(id, roles, at) {
            Whom::OnDuty(people) => (people, None),
            Whom::AllMembers(people, gap) => (people, Some(gap)),
            // Nobody was ever put on a roster: the accounts of the place are better than nobody.
            Whom::Nobody(gap) => (self.users.get(id).cloned().unwrap_or_default(), Some(gap)),
        }
    }

    fn called(&self, unit: Option<&UnitId>, people: &[UserName]) -> Vec<Called> {
        let offset =
            unit.and_then(|unit| self.duty.units.get(unit)).map(|unit| unit.utc_offset_min);
        let called = |person: &UserName| Called {
            person: person.clone(),
            contact: self.duty.people.get(person).map(|p| p.contact.clone()).unwrap_or_default(),
            utc_offset_min: offset.unwrap_or(CHINA_OFFSET_MIN),
        };
        people.iter().map(called).collect()
    }
}
