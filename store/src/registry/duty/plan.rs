//! Changing duty: a unit's whole plan at once, its exceptions one by one, and what follows when a person goes.
//!
//! A plan is what is edited on one page (clock, shifts, members, rotations, days), so it has one version: two who edit it at the
//! same time do not mix their halves. It is looked at as a whole before it is saved.

use std::collections::BTreeSet;

use anlan_domain::ids::UserName;
use anlan_domain::roster::{DutyUnit, UnitId};

use super::book::{Which, read};
use super::{
    ContactRecord, DayRecord, MemberRecord, RotationRecord, StandInRecord, SwapRecord, UnitRecord,
    may_be_of,
};
use crate::registry::people::User;
use crate::registry::record::{self, Record};
use crate::registry::{Change, Expected, Outcome, Problem, RegistryError, Scope, execute};
use crate::sql::Statement;

/// What is edited of a unit at once.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Clock and shifts.
    pub unit: UnitRecord,
    /// Members.
    pub members: Vec<MemberRecord>,
    /// Rotations.
    pub rotations: Vec<RotationRecord>,
    /// Days of its own.
    pub days: Vec<DayRecord>,
}

impl Change<'_> {
    /// Replaces the plan of a unit. What is not in it is deleted; swaps and stand-ins stay, and act for who is still a member.
    ///
    /// # Errors
    /// As [`Change::put`]; also when the plan does not fit together, or a member is not of the organisation.
    pub async fn put_duty_plan(
        &mut self,
        plan: &Plan,
        expected: Expected,
    ) -> Result<Outcome, RegistryError> {
        let id = plan.unit.id.clone();
        let foreign =
            plan.members.iter().map(|m| &m.unit).chain(plan.rotations.iter().map(|r| &r.unit));
        if foreign.chain(plan.days.iter().filter_map(|d| d.unit.as_ref())).any(|unit| *unit != id)
            || plan.days.iter().any(|day| day.unit.is_none())
        {
            return Err(RegistryError::Refused(vec![Problem::new(
                "id",
                "the plan is of another unit",
            )]));
        }
        for problem in [
            twice(&plan.members, "staff"),
            twice(&plan.rotations, "rotations"),
            twice(&plan.days, "days"),
        ] {
            problem.map_or(Ok(()), |problem| Err(RegistryError::Refused(vec![problem])))?;
        }
        // Before anything is looked up by its name.
        self.are_of(&id, plan.members.iter().map(|m| &m.username)).await?;
        let outcome = self.put(&plan.unit, expected).await?;
        let changed = self.replace(&id, &plan.members).await?
            | self.replace(&id, &plan.rotations).await?
            | self.replace(&id, &plan.days).await?;
        self.check_duty_unit(&id).await?;
        if outcome == Outcome::Same && changed {
            let version =
                Statement::new("UPDATE duty_units SET version = version + 1 WHERE id = $1");
            execute(self.on(), version.bind(id.to_string())).await?;
            return Ok(Outcome::Changed);
        }
        Ok(outcome)
    }

    /// Deletes a unit with all that it has.
    ///
    /// # Errors
    /// As [`Change::delete`].
    pub async fn delete_duty_unit(
        &mut self,
        id: &UnitId,
        expected: Expected,
    ) -> Result<(), RegistryError> {
        self.replace::<MemberRecord>(id, &[]).await?;
        self.replace::<RotationRecord>(id, &[]).await?;
        self.replace::<DayRecord>(id, &[]).await?;
        self.replace::<SwapRecord>(id, &[]).await?;
        self.replace::<StandInRecord>(id, &[]).await?;
        self.delete::<UnitRecord>(&id.to_string(), expected).await
    }

    /// Writes down that two people change shifts.
    ///
    /// # Errors
    /// As [`Change::put`]; also when one is no member, or a shift is not the unit's.
    pub async fn put_duty_swap(&mut self, swap: &SwapRecord) -> Result<Outcome, RegistryError> {
        let unit = self.domain_unit(&swap.unit).await?;
        let mut problems = not_members(&unit, &[("gives", &swap.gives), ("takes", &swap.takes)]);
        for (field, shift) in
            [("shift", Some(&swap.shift)), ("back_shift", swap.back_shift.as_ref())]
        {
            let unknown = shift.filter(|shift| unit.shifts.get(shift).is_none());
            problems.extend(
                unknown.map(|s| Problem::new(field, format!("{s} is no shift of this unit"))),
            );
        }
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems));
        }
        self.put(swap, Expected::New).await
    }

    /// Writes down that somebody stands in for another.
    ///
    /// # Errors
    /// As [`Change::put`]; also when one is no member, or the absent one is stood in for already at that time.
    pub async fn put_stand_in(
        &mut self,
        stand_in: &StandInRecord,
    ) -> Result<Outcome, RegistryError> {
        let unit = self.domain_unit(&stand_in.unit).await?;
        let StandInRecord { absent, deputy, .. } = stand_in;
        let mut problems = not_members(&unit, &[("absent", absent), ("deputy", deputy)]);
        let overlaps = unit.stand_ins.iter().any(|other| {
            other.absent == *absent
                && other.from < stand_in.until_at
                && stand_in.from_at < other.until
        });
        if overlaps {
            let why = "somebody stands in for this person at that time already; end that first";
            problems.push(Problem::new("absent", why));
        }
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems));
        }
        self.put(stand_in, Expected::New).await
    }

    /// Replaces the days of every unit.
    ///
    /// # Errors
    /// As [`Change::put`].
    pub async fn put_common_days(&mut self, days: &[DayRecord]) -> Result<(), RegistryError> {
        if days.iter().any(|day| day.unit.is_some()) {
            return Err(RegistryError::Refused(vec![Problem::new("days", "are of a unit")]));
        }
        twice(days, "days").map_or(Ok(()), |problem| Err(RegistryError::Refused(vec![problem])))?;
        let present = super::book::common_days(self.on()).await?;
        self.exchange(present, days).await.map(drop)
    }

    /// Takes a person out of duty: everywhere, with their contact and exceptions, or out of those units that somebody with
    /// scope `keeps` cannot be of.
    pub(crate) async fn leave_duty(
        &mut self,
        person: &UserName,
        keeps: Option<&Scope>,
    ) -> Result<(), RegistryError> {
        for member in self.rows_of::<MemberRecord>("username", person.as_str()).await? {
            if !keeps.is_some_and(|scope| may_be_of(scope, &member.unit)) {
                self.delete::<MemberRecord>(&member.id, Expected::Any).await?;
            }
        }
        if keeps.is_some() {
            return Ok(());
        }
        for column in ["gives", "takes"] {
            for swap in self.rows_of::<SwapRecord>(column, person.as_str()).await? {
                self.delete::<SwapRecord>(&swap.id, Expected::Any).await?;
            }
        }
        for column in ["absent", "deputy"] {
            for one in self.rows_of::<StandInRecord>(column, person.as_str()).await? {
                self.delete::<StandInRecord>(&one.id, Expected::Any).await?;
            }
        }
        if self.get::<ContactRecord>(person.as_str()).await?.is_some() {
            self.delete::<ContactRecord>(person.as_str(), Expected::Any).await?;
        }
        Ok(())
    }

    /// Refuses a unit whose parts do not fit together.
    pub(crate) async fn check_duty_unit(&mut self, id: &UnitId) -> Result<(), RegistryError> {
        let duties = read(self.on(), Which::One(id)).await?;
        let Some(parts) = duties.units.get(id) else { return Ok(()) };
        let found = parts.unit(&duties.days).problems().into_iter();
        let problems: Vec<Problem> = found.map(|(field, why)| Problem::new(field, why)).collect();
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems));
        }
        self.are_of(id, parts.members.iter().map(|m| &m.username)).await
    }

    /// Refuses people who cannot be of a unit.
    async fn are_of(
        &mut self,
        id: &UnitId,
        people: impl Iterator<Item = &UserName> + Send,
    ) -> Result<(), RegistryError> {
        let people: BTreeSet<UserName> = people.cloned().collect();
        let mut problems = Vec::new();
        for person in people {
            let user: Option<User> = self.get(person.as_str()).await?;
            if !user.is_some_and(|user| may_be_of(&user.sees(), id)) {
                problems.push(not_of(&person, id));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(RegistryError::Refused(problems)) }
    }

    async fn domain_unit(&mut self, id: &UnitId) -> Result<DutyUnit, RegistryError> {
        let duties = read(self.on(), Which::One(id)).await?;
        let missing = || RegistryError::Missing { kind: UnitRecord::KIND, key: id.to_string() };
        Ok(duties.units.get(id).ok_or_else(missing)?.unit(&duties.days))
    }

    async fn rows_of<R: Record>(
        &mut self,
        column: &'static str,
        value: &str,
    ) -> Result<Vec<R>, RegistryError> {
        let mut query = record::select::<R>();
        query.push(" WHERE ").push(column).push(" = ").push_bind(value.to_owned());
        record::fetch(self.on(), query).await
    }

    /// Makes the rows of a unit those given; says whether anything changed.
    async fn replace<R: Record>(
        &mut self,
        unit: &UnitId,
        wanted: &[R],
    ) -> Result<bool, RegistryError> {
        let present = self.rows_of::<R>("unit", &unit.to_string()).await?;
        self.exchange(present, wanted).await
    }

    async fn exchange<R: Record>(
        &mut self,
        present: Vec<R>,
        wanted: &[R],
    ) -> Result<bool, RegistryError> {
        let keys: BTreeSet<String> = wanted.iter().map(R::key).collect();
        let mut changed = false;
        for gone in present.iter().map(R::key).filter(|key| !keys.contains(key)) {
            self.delete::<R>(&gone, Expected::Any).await?;
            changed = true;
        }
        for one in wanted {
            changed |= self.put(one, Expected::Any).await? != Outcome::Same;
        }
        Ok(changed)
    }
}

/// One text for a person who is not there and for one who is another's: which names exist elsewhere is no answer.
#[must_use]
pub fn not_of(person: &UserName, unit: &UnitId) -> Problem {
    Problem::new("staff", format!("{person} is not among the people of {unit}; add the user first"))
}

fn not_members(unit: &DutyUnit, people: &[(&'static str, &UserName)]) -> Vec<Problem> {
    let strangers = people.iter().filter(|(_, person)| !unit.has_member(person));
    let why = |person| format!("{person} is no member of this unit; add them as one first");
    strangers.map(|(field, person)| Problem::new(field, why(person))).collect()
}

fn twice<R: Record>(rows: &[R], field: &'static str) -> Option<Problem> {
    let mut seen = BTreeSet::new();
    let again = rows.iter().map(R::key).find(|key| !seen.insert(key.clone()))?;
    Some(Problem::new(field, format!("hold {again} twice")))
}
