//! The doors to duty. A unit is seen by whoever sees its organisation, and kept by that organisation's own people: its manager, the
//! officers of that very region, and administrators. A contact is a person's own.

use std::collections::BTreeSet;

use anlan_domain::ids::{Role, UserName};
use anlan_domain::roster::UnitId;
use anlan_store::registry::duty::plan::not_of;
use anlan_store::registry::duty::{
    ContactRecord, DayRecord, Duties, Plan, StandInRecord, SwapRecord, may_be_of,
};
use anlan_store::registry::{Change, Expected, Record, RegistryError};
use http::StatusCode;

use super::Call;
use crate::problem::Problem;
use crate::views::Names;

impl Call {
    /// Units in scope.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn duties(&self) -> Result<Duties, Problem> {
        Ok(self.registry()?.duties().await?)
    }

    /// One unit, and its organisation's name. There may be no unit yet.
    ///
    /// # Errors
    /// 404 where the organisation is not in scope.
    pub async fn duties_of(&self, id: &UnitId) -> Result<(Duties, Names), Problem> {
        let registry = self.registry()?;
        let names = registry.organisation(id).await?.ok_or_else(Problem::not_found)?;
        Ok((registry.duties_of(id).await?, Names::of(&names.0, &names.1)))
    }

    /// Whether the person keeps the roster of a unit.
    pub fn keeps_duty(&self, id: &UnitId) -> bool {
        self.user().is_ok_and(|user| match user.role {
            Role::Administrator => true,
            Role::Officer | Role::EnterpriseManager => may_be_of(&user.sees(), id),
            Role::EnterpriseResponder | Role::Tester => false,
        })
    }

    async fn must_keep_duty(&self, id: &UnitId) -> Result<(), Problem> {
        if self.keeps_duty(id) && self.registry()?.organisation(id).await?.is_some() {
            return Ok(());
        }
        self.registry()?.organisation(id).await?.ok_or_else(Problem::not_found)?;
        let words = "A roster is kept by its own organisation; ask its manager or duty officer";
        Err(Problem::new(StatusCode::FORBIDDEN, "no_right", words))
    }

    /// Who may be made a member of a unit that the person keeps. The center's own people only an administrator names.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn duty_candidates(&self, id: &UnitId) -> Result<Vec<(UserName, String)>, Problem> {
        let all = self.user()?.role == Role::Administrator;
        Ok(self.registry()?.duty_candidates(id, all).await?)
    }

    async fn duty_change(&self, id: &UnitId) -> Result<Change<'_>, Problem> {
        self.must_keep_duty(id).await?;
        Ok(self.app.parts.registry.change(self.doer()?, self.now()).await?)
    }

    /// Saves the plan of a unit.
    ///
    /// # Errors
    /// When the person does not keep it, or the registry refuses.
    pub async fn put_duty_plan(&self, plan: &Plan, expected: Expected) -> Result<(), Problem> {
        let id = &plan.unit.id;
        self.must_keep_duty(id).await?;
        // Whoever is a member already may stay, also where an administrator put them there.
        let present = self.registry()?.duties_of(id).await?;
        let mut known: BTreeSet<UserName> = present.people.into_keys().collect();
        known.extend(self.duty_candidates(id).await?.into_iter().map(|(username, _)| username));
        let people: BTreeSet<&UserName> = plan.members.iter().map(|m| &m.username).collect();
        let strangers: Vec<_> = people.into_iter().filter(|who| !known.contains(*who)).collect();
        if !strangers.is_empty() {
            let problems = strangers.into_iter().map(|who| not_of(who, id)).collect();
            return Err(RegistryError::Refused(problems).into());
        }
        let mut change = self.duty_change(id).await?;
        change.put_duty_plan(plan, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// Deletes a unit.
    ///
    /// # Errors
    /// When the person does not keep it, or it has been changed.
    pub async fn delete_duty_unit(&self, id: &UnitId, expected: Expected) -> Result<(), Problem> {
        let mut change = self.duty_change(id).await?;
        change.delete_duty_unit(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// Saves a swap.
    ///
    /// # Errors
    /// When the person does not keep the unit, or the registry refuses.
    pub async fn put_swap(&self, swap: &SwapRecord) -> Result<(), Problem> {
        let mut change = self.duty_change(&swap.unit).await?;
        change.put_duty_swap(swap).await?;
        change.commit().await?;
        Ok(())
    }

    /// Saves a stand-in.
    ///
    /// # Errors
    /// When the person does not keep the unit, or the registry refuses.
    pub async fn put_stand_in(&self, stand_in: &StandInRecord) -> Result<(), Problem> {
        let mut change = self.duty_change(&stand_in.unit).await?;
        change.put_stand_in(stand_in).await?;
        change.commit().await?;
        Ok(())
    }

    /// Deletes an exception of a unit: its key begins with the unit's.
    ///
    /// # Errors
    /// When the person does not keep the unit, or it is not there.
    pub async fn delete_exception<R: Record>(
        &self,
        key: &str,
        expected: Expected,
    ) -> Result<(), Problem> {
        let unit = key.split('/').next().unwrap_or_default();
        let unit: UnitId = unit.parse().map_err(|_| Problem::not_found())?;
        let mut change = self.duty_change(&unit).await?;
        change.delete::<R>(key, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// Holidays and swapped working days of every unit.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn common_duty_days(&self) -> Result<Vec<DayRecord>, Problem> {
        Ok(self.registry()?.common_duty_days().await?)
    }

    /// Replaces them.
    ///
    /// # Errors
    /// When the person is no administrator, or the registry refuses.
    pub async fn put_common_days(&self, days: &[DayRecord]) -> Result<(), Problem> {
        self.administrator()?;
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.put_common_days(days).await?;
        change.commit().await?;
        Ok(())
    }

    /// How the person is reached.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn contact(&self) -> Result<ContactRecord, Problem> {
        Ok(self.app.parts.registry.contact(&self.user()?.username).await?)
    }

    /// Saves how the person is reached; never another's.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn put_contact(
        &self,
        contact: ContactRecord,
        expected: Expected,
    ) -> Result<(), Problem> {
        let own = ContactRecord { username: self.user()?.username.clone(), ..contact };
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.put(&own, expected).await?;
        change.commit().await?;
        Ok(())
    }
}
