//! A change: one transaction that checks, writes, audits, and tells which hosts it touches.
//!
//! Which hosts are touched is not reasoned out per kind of change: the desired configuration of the enterprise's hosts is
//! built before and after, and those that differ are the answer. So a new kind of change cannot forget one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anlan_domain::ids::{EnterpriseCode, PointId};
use anlan_domain::limits::Limits;
use anlan_domain::log::HostConfig;
use anlan_domain::time::UtcMillis;

use super::record::{self, Record};
use super::records::{Enterprise, HazardSource, Point};
use super::{
    Problem, Registry, RegistryError, audit, births, duty, engine, execute, homes, hosts, limits,
    number,
};
use crate::sql::{Connection, Statement};

/// Who acts, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doer {
    /// User name, or the command.
    pub name: String,
    /// Where from.
    pub address: String,
}

impl Doer {
    /// A command of this machine.
    #[must_use]
    pub fn command(name: &str) -> Self {
        Self { name: name.to_owned(), address: "local".to_owned() }
    }
}

/// What the caller believes about the object that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is none yet.
    New,
    /// It is at this version.
    Version(u32),
    /// Whatever it is: imports.
    Any,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was changed.
    Changed,
    /// It was like that already; nothing was written.
    Same,
}

/// What a committed change means for the tree.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// Desired configurations of the hosts that the change touches.
    pub hosts: Vec<HostConfig>,
}

/// A change under way. Dropped without [`Change::commit`], it never was.
pub struct Change<'a> {
    registry: &'a Registry,
    tx: Box<dyn Connection>,
    by: Doer,
    at: UtcMillis,
    /// Configurations before, of the enterprises touched; `None` for a change whose effect is computed as a whole.
    before: Option<BTreeMap<EnterpriseCode, Vec<HostConfig>>>,
    rights: bool,
    duty: bool,
    audited: bool,
}

impl Registry {
    /// Begins a change. Only one is under way at a time; others wait.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change(&self, by: Doer, at: UtcMillis) -> Result<Change<'_>, RegistryError> {
        let tx = self.writing().await?;
        let before = Some(BTreeMap::new());
        Ok(Change { registry: self, tx, by, at, before, rights: false, duty: false, audited: true })
    }
}

impl Change<'_> {
    /// One audit entry for the whole, no effect per host: for imports of thousands of objects.
    #[must_use]
    pub(crate) fn in_bulk(mut self) -> Self {
        self.before = None;
        self.audited = false;
        self
    }

    pub(crate) fn on(&mut self) -> &mut dyn Connection {
        &mut *self.tx
    }

    /// Who acts.
    pub(crate) fn by(&self) -> &str {
        &self.by.name
    }

    /// When.
    pub(crate) fn at(&self) -> UtcMillis {
        self.at
    }

    /// Marks that somebody's rights may change with this.
    pub(crate) fn touches_rights(&mut self) {
        self.rights = true;
    }

    /// Marks that who is on duty, or how they are reached, may change with this.
    pub(crate) fn touches_duty(&mut self) {
        self.duty = true;
    }

    /// Writes an audit entry of this change.
    pub(crate) async fn audit(
        &mut self,
        action: &str,
        object: &str,
        detail: &str,
    ) -> Result<(), RegistryError> {
        audit::write(&mut *self.tx, &self.by, self.at, action, object, detail).await
    }

    async fn remember(&mut self, enterprise: Option<EnterpriseCode>) -> Result<(), RegistryError> {
        let (Some(before), Some(enterprise)) = (&mut self.before, enterprise) else {
            return Ok(());
        };
        if let Entry::Vacant(entry) = before.entry(enterprise) {
            let configs = hosts::configs(&mut *self.tx, Some(entry.key())).await?;
            entry.insert(configs);
        }
        Ok(())
    }

    /// Reads an object as this change sees it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get<R: Record>(&mut self, key: &str) -> Result<Option<R>, RegistryError> {
        record::get(&mut *self.tx, key).await
    }

    /// Creates or replaces an object.
    ///
    /// # Errors
    /// When it is wrong by itself, refers to what is not there, or is not as expected.
    pub async fn put<R: Record>(
        &mut self,
        object: &R,
        expected: Expected,
    ) -> Result<Outcome, RegistryError> {
        let key = object.key();
        let present: Option<R> = record::get(&mut *self.tx, &key).await?;
        let kind = R::KIND;
        match (&present, expected) {
            (Some(_), Expected::New) => return Err(RegistryError::Taken { kind, key }),
            (None, Expected::Version(_)) => return Err(RegistryError::Missing { kind, key }),
            (Some(p), Expected::Version(version)) if p.meta().version != version => {
                let version = p.meta().version;
                return Err(RegistryError::ChangedMeanwhile { kind, key, version });
            }
            (Some(p), _) if p.same(object) => return Ok(Outcome::Same),
            _ => {}
        }
        let mut problems = object.check();
        for (field, table, to) in object.references() {
            if !exists(&mut *self.tx, table, &to).await? {
                problems.push(Problem::new(field, format!("there is no {to}")));
            }
        }
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems));
        }
        self.remember(object.enterprise()).await?;
        let (action, detail, outcome) = match &present {
            Some(before) => {
                record::update(&mut *self.tx, object, before.meta().version + 1).await?;
                ("change", object.difference(before), Outcome::Changed)
            }
            None => {
                let no = record::insert(&mut *self.tx, object).await?;
                self.new_host::<R>(&key, object.enterprise()).await?;
                if R::TABLE == Point::TABLE {
                    births::note(&mut *self.tx, no, 1, self.at).await?;
                }
                ("create", String::new(), Outcome::Created)
            }
        };
        self.rights |= R::TABLE == Enterprise::TABLE;
        self.duty |= duty::is_of_duty(R::TABLE);
        if self.audited {
            self.audit(action, &format!("{kind} {key}"), &detail).await?;
        }
        Ok(outcome)
    }

    /// An enterprise and a hazard source each have a host of their own from the start, and keep its number for ever.
    async fn new_host<R: Record>(
        &mut self,
        key: &str,
        enterprise: Option<EnterpriseCode>,
    ) -> Result<(), RegistryError> {
        let prefix = match R::TABLE {
            Enterprise::TABLE => "general",
            HazardSource::TABLE => "hazard",
            _ => return Ok(()),
        };
        let enterprise = enterprise.expect("enterprises and hazard sources belong to one");
        hosts::ensure(&mut *self.tx, &format!("{prefix}:{key}"), &enterprise).await
    }

    /// Deletes an object that nothing refers to.
    ///
    /// # Errors
    /// When it is not as expected, or something refers to it.
    pub async fn delete<R: Record>(
        &mut self,
        key: &str,
        expected: Expected,
    ) -> Result<(), RegistryError> {
        let (kind, key) = (R::KIND, key.to_owned());
        let Some(present) = record::get::<R>(&mut *self.tx, &key).await? else {
            return Err(RegistryError::Missing { kind, key });
        };
        let version = present.meta().version;
        if expected != Expected::Any && expected != Expected::Version(version) {
            return Err(RegistryError::ChangedMeanwhile { kind, key, version });
        }
        for &(table, column, dependents) in R::DEPENDENTS {
            let count = count(&mut *self.tx, table, column, &key).await?;
            if count > 0 {
                return Err(RegistryError::InUse { kind, key, count, dependents });
            }
        }
        self.remember(present.enterprise()).await?;
        let mut query = Statement::new("DELETE FROM ");
        query.push(R::TABLE).push(" WHERE ").push(R::COLUMNS[0]).push(" = ").push_bind(key.clone());
        execute(&mut *self.tx, query).await?;
        self.duty |= duty::is_of_duty(R::TABLE);
        self.audit("delete", &format!("{kind} {key}"), "").await
    }

    /// Saves a new version of a point's limits, where they differ from the newest.
    ///
    /// # Errors
    /// When the limits are out of order, the point is missing, or `expected` is not the newest version of the limits.
    pub async fn put_limits(
        &mut self,
        point: &PointId,
        new: &Limits,
        expected: Expected,
        reason: &str,
    ) -> Result<Outcome, RegistryError> {
        let (kind, key) = ("point", point.to_string());
        let Some(of) = record::get::<Point>(&mut *self.tx, &key).await? else {
            return Err(RegistryError::Missing { kind, key });
        };
        let problems = limits::problems(new, &of);
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems));
        }
        let present = limits::newest(&mut *self.tx, of.meta.no).await?;
        let version = present.version;
        match expected {
            Expected::Version(v) if v != version => {
                return Err(RegistryError::ChangedMeanwhile {
                    kind: "limits of point",
                    key,
                    version,
                });
            }
            Expected::New if version != 0 => {
                return Err(RegistryError::ChangedMeanwhile {
                    kind: "limits of point",
                    key,
                    version,
                });
            }
            _ => {}
        }
        let new = Limits { version, ..new.clone() };
        if new == present {
            return Ok(Outcome::Same);
        }
        self.remember(Some(of.enterprise.clone())).await?;
        let saved = Limits { version: version + 1, ..new };
        let (by, at) = (self.by.name.clone(), self.at);
        limits::insert(&mut *self.tx, of.meta.no, &saved, &by, at, reason).await?;
        if self.audited {
            let detail = format!(
                "{}: {}{}",
                saved.version,
                limits::in_words(&saved),
                if reason.is_empty() { String::new() } else { format!(" ({reason})") }
            );
            self.audit("limits", &format!("point {key}"), &detail).await?;
        }
        Ok(if version == 0 { Outcome::Created } else { Outcome::Changed })
    }

    /// Makes the change durable and says which hosts it touches.
    ///
    /// # Errors
    /// When it would move points away from where their alarms are numbered, or the database fails: then nothing was changed.
    pub async fn commit(mut self) -> Result<Changed, RegistryError> {
        let mut touched = Vec::new();
        let before = self.before.take();
        match &before {
            // An import of everything.
            None => homes::keep(&mut *self.tx, None).await?,
            Some(before) => {
                for enterprise in before.keys() {
                    homes::keep(&mut *self.tx, Some(enterprise)).await?;
                }
            }
        }
        for (enterprise, before) in before.unwrap_or_default() {
            for config in hosts::configs(&mut *self.tx, Some(&enterprise)).await? {
                if !before.contains(&config) {
                    touched.push(config);
                }
            }
        }
        let (rights, duty) = (self.rights, self.duty);
        self.tx.commit().await.map_err(engine("write to"))?;
        if rights {
            self.registry.note_rights_change();
        }
        if duty {
            self.registry.note_duty_change();
        }
        Ok(Changed { hosts: touched })
    }
}

/// Whether a table has a row of this key. Every table's key is its first column, named `code` or `id`.
async fn exists(
    on: &mut dyn Connection,
    table: &'static str,
    key: &str,
) -> Result<bool, RegistryError> {
    Ok(count(on, table, key_column(table), key).await? > 0)
}

pub(super) fn key_column(table: &str) -> &'static str {
    match table {
        "regions" | "enterprises" | "hazard_sources" => "code",
        "users" | "contacts" => "username",
        _ => "id",
    }
}

async fn count(
    on: &mut dyn Connection,
    table: &'static str,
    column: &'static str,
    key: &str,
) -> Result<i64, RegistryError> {
    let mut query = Statement::new("SELECT COUNT(*) AS n FROM ");
    query.push(table).push(" WHERE ").push(column).push(" = ").push_bind(key.to_owned());
    Ok(number(on, query, "n").await?.unwrap_or(0))
}
