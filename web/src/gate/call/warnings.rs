//! Warnings through the door of a request: narrowed to the person's scope, and every command names who gave it.

use std::collections::BTreeMap;

use anlan_actors::desk::{ChannelView, Desk, DeskHealth, Tested};
use anlan_domain::alarm::AlarmId;
use anlan_domain::ids::{EnterpriseCode, Role};
use anlan_domain::warning::{Place, Warning, WarningCommand, WarningNo};
use anlan_store::alarm_index::AlarmRow;
use anlan_store::desk::{
    ColourCount, DeskStore, EntryRow, MessageFilter, MessageRow, Saved, WarningFilter, WarningPage,
    What,
};
use anlan_store::registry::scoped::Filter;
use serde::Serialize;

use super::Call;
use crate::gate::sees;
use crate::problem::Problem;

/// Entries and messages shown of one warning.
const LINE_MAX: u32 = 2_000;
/// Alarms shown of one warning.
const ALARMS_MAX: u32 = 500;

impl Call {
    fn desk(&self) -> &Desk {
        &self.app.parts.desk
    }

    fn desk_store(&self) -> &DeskStore {
        self.desk().store()
    }

    /// Whether the person sees what is of an enterprise, or of the center itself.
    ///
    /// # Errors
    /// 401 where nobody is signed in.
    pub fn sees(&self, enterprise: Option<&EnterpriseCode>) -> Result<bool, Problem> {
        Ok(sees(&self.user()?.sees(), &self.app.places(), enterprise))
    }

    /// Warnings in scope, newest first. `within` narrows by region and enterprise.
    ///
    /// # Errors
    /// When the cursor was not given out, or the store fails.
    pub async fn warnings(
        &self,
        mut filter: WarningFilter,
        within: &Filter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<WarningPage, Problem> {
        filter.enterprises = self.app.enterprises_in(&self.user()?.sees(), within);
        Ok(self.desk_store().warnings(&filter, cursor, limit).await?)
    }

    /// Open warnings in scope, counted by enterprise and colour.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn warning_counts(&self, within: &Filter) -> Result<Vec<ColourCount>, Problem> {
        let enterprises = self.app.enterprises_in(&self.user()?.sees(), within);
        let filter = WarningFilter { enterprises, drill: Some(false), ..WarningFilter::open() };
        Ok(self.desk_store().warning_counts(&filter).await?)
    }

    /// One warning in scope.
    ///
    /// # Errors
    /// 404 where there is none in scope.
    pub async fn warning(&self, no: WarningNo) -> Result<Warning, Problem> {
        let found = self.desk_store().warning(no).await?.ok_or_else(Problem::not_found)?;
        let seen = self.sees(found.place.enterprise.as_ref())?;
        if seen { Ok(found) } else { Err(Problem::not_found()) }
    }

    /// Time line and messages of a warning that came out of [`Call::warning`]; the person has read what was sent to them about it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn warning_line(
        &self,
        of: &Warning,
    ) -> Result<(Vec<EntryRow>, Vec<MessageRow>), Problem> {
        let store = self.desk_store();
        store.read(of.no, self.user()?.username.as_str(), self.now()).await?;
        let line = store.time_line(of.no, LINE_MAX).await?;
        let filter = MessageFilter { warning: Some(of.no), ..MessageFilter::default() };
        let mut messages = store.messages(&filter, LINE_MAX).await?;
        messages.reverse();
        Ok((line, messages))
    }

    /// Alarms of a warning that came out of [`Call::warning`].
    ///
    /// # Errors
    /// When store or index fail.
    pub async fn alarms_of_warning(&self, of: &Warning) -> Result<Vec<AlarmRow>, Problem> {
        let ids = self.desk_store().alarms_of(of.no, ALARMS_MAX).await?;
        self.app.feed.catch_up().await?;
        let mut rows = Vec::with_capacity(ids.len());
        for id in &ids {
            rows.extend(self.app.parts.alarms.get(id).await?);
        }
        rows.sort_by_key(|row| (row.raised_at, row.first_seq));
        Ok(rows)
    }

    /// Warnings of an alarm that came out of [`Call::alarm`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn warnings_of_alarm(&self, id: &AlarmId) -> Result<Vec<Warning>, Problem> {
        Ok(self.desk_store().warnings_of(id).await?)
    }

    /// Names of people by user name.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn people_named(
        &self,
        of: &[&str],
    ) -> Result<std::collections::HashMap<String, String>, Problem> {
        Ok(self.app.parts.registry.names_of(of).await?)
    }

    /// Does something to a warning that came out of [`Call::warning`], or begins a drill at a place in scope, and notes it in the audit
    /// log under the word `deed`.
    ///
    /// # Errors
    /// When the desk refuses.
    pub async fn warning_command(
        &self,
        deed: &str,
        said: &str,
        command: impl FnOnce(String) -> WarningCommand,
    ) -> Result<WarningNo, Problem> {
        let by = self.doer()?;
        let no = self.desk().command(command(by.name.clone())).await?;
        let object = format!("warning {}", no.0);
        self.app.parts.registry.note(&by, self.now(), deed, &object, said).await?;
        Ok(no)
    }

    /// Whether a place is in scope and there: for drills.
    ///
    /// # Errors
    /// 404 where it is not.
    pub async fn place(&self, enterprise: &EnterpriseCode) -> Result<Place, Problem> {
        let found =
            self.registry()?.enterprise(enterprise).await?.ok_or_else(Problem::not_found)?;
        Ok(Place { enterprise: Some(found.code), hazard: None, equipment: None })
    }

    /// Versions of rules or ladder, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn desk_versions<T: serde::de::DeserializeOwned + Send>(
        &self,
        what: What,
    ) -> Result<Vec<Saved<T>>, Problem> {
        Ok(self.desk_store().versions(what, 50).await?)
    }

    /// Saves rules or ladder and puts them in force.
    ///
    /// # Errors
    /// When somebody was faster, or the store fails.
    pub async fn save_desk<T: Serialize + Sync>(
        &self,
        what: What,
        version: u32,
        value: T,
        reason: String,
    ) -> Result<u32, Problem> {
        let by = self.doer()?;
        let (at, name) = (self.now(), by.name.clone());
        let saved = Saved { version, value, by: name, at, reason };
        let version = self.desk_store().save(what, &saved).await?;
        self.desk().settings_changed().await;
        let object = format!("warning {} version {version}", what.code());
        self.app.parts.registry.note(&by, at, "change", &object, &saved.reason).await?;
        Ok(version)
    }

    /// Messages to this person on the page, or, for an administrator who asks so, all that were sent.
    ///
    /// # Errors
    /// 404 where the person may not see those of others.
    pub async fn messages(
        &self,
        mut filter: MessageFilter,
        all: bool,
        limit: u32,
    ) -> Result<Vec<MessageRow>, Problem> {
        let user = self.user()?;
        if !all {
            filter.person = Some(user.username.to_string());
            filter.on_page = true;
        } else if user.role != Role::Administrator {
            // The table of endpoints lets nobody else come here; what is everybody's is asked for twice.
            return Err(Problem::not_found());
        }
        Ok(self.desk_store().messages(&filter, limit).await?)
    }

    /// Ways to people, how they do, and how many messages are in which state.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn channels(
        &self,
    ) -> Result<(Vec<ChannelView>, DeskHealth, BTreeMap<&'static str, u64>), Problem> {
        let counts = self.desk_store().message_counts().await?;
        Ok((self.desk().channels(), self.desk().health(), counts))
    }

    /// Tests a channel.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn test_channel(
        &self,
        name: &str,
        to: Option<&str>,
        english: bool,
    ) -> Result<Tested, Problem> {
        let said = if to.is_some() { "sent" } else { "looked" };
        let tested = self.desk().test_channel(name, to, english).await?;
        let by = self.doer()?;
        let object = format!("channel {name}");
        self.app.parts.registry.note(&by, self.now(), "test", &object, said).await?;
        Ok(tested)
    }
}
