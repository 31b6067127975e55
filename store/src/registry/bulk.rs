//! Writing thousands of objects within one change: what one object asks one by one, a table is asked once, and new rows go in many at a
//! time. The checks are those of [`Change::put`] and [`Change::put_limits`].
//!
//! A statement costs a hand-over to the database's thread and back, so the plant of a province would take minutes one by one.

use std::collections::{HashMap, HashSet};

use anlan_domain::ids::PointId;
use anlan_domain::limits::Limits;

use super::births;
use super::column::Column as _;
use super::limits;
use super::record::{self, Record};
use super::records::{Enterprise, HazardSource, Point};
use super::{Change, Expected, Outcome, Problem, RegistryError, rows};
use crate::sql::{Connection, Statement};

/// Bound values in one statement; SQLite takes 32,766.
const VALUES_MAX: usize = 30_000;

impl Change<'_> {
    /// Creates or replaces many objects of a kind, whatever is there; tells of each.
    ///
    /// # Errors
    /// As [`Change::put`]; the change must be given up then.
    pub(crate) async fn put_all<R: Record>(
        &mut self,
        objects: &[R],
        mut each: impl FnMut(Outcome),
    ) -> Result<(), RegistryError> {
        let hosted = R::TABLE == Enterprise::TABLE || R::TABLE == HazardSource::TABLE;
        let present: HashMap<String, R> = record::all::<R>(self.on())
            .await?
            .into_iter()
            .map(|object| (object.key(), object))
            .collect();
        let mut known: HashMap<&'static str, HashSet<String>> = HashMap::new();
        let mut new: Vec<&R> = Vec::new();
        let mut waiting = HashSet::new();
        for object in objects {
            let key = object.key();
            match present.get(&key) {
                Some(before) if before.same(object) => each(Outcome::Same),
                // One by one: changes are few, and a key that comes twice must meet what it wrote before.
                _ if hosted || present.contains_key(&key) || waiting.contains(&key) => {
                    self.insert_all(std::mem::take(&mut new)).await?;
                    each(self.put(object, Expected::Any).await?);
                    known.remove(R::TABLE);
                }
                _ => {
                    self.check_new(object, &mut known).await?;
                    waiting.insert(key);
                    new.push(object);
                    each(Outcome::Created);
                }
            }
        }
        self.insert_all(new).await
    }

    async fn check_new<R: Record>(
        &mut self,
        object: &R,
        known: &mut HashMap<&'static str, HashSet<String>>,
    ) -> Result<(), RegistryError> {
        let mut problems = object.check();
        for (field, table, to) in object.references() {
            let keys = match known.entry(table) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(keys(self.on(), table).await?)
                }
            };
            if !keys.contains(&to) {
                problems.push(Problem::new(field, format!("there is no {to}")));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(RegistryError::Refused(problems)) }
    }

    async fn insert_all<R: Record>(&mut self, objects: Vec<&R>) -> Result<(), RegistryError> {
        for objects in objects.chunks(VALUES_MAX / (R::COLUMNS.len() + 2)) {
            let first = record::insert_many(self.on(), objects).await?;
            if R::TABLE == Point::TABLE {
                let count = u32::try_from(objects.len()).expect("bounded by a statement's values");
                let at = self.at();
                births::note(self.on(), first, count, at).await?;
            }
        }
        Ok(())
    }

    /// Saves new versions of the limits of many points, where they differ from the newest; tells of each.
    ///
    /// # Errors
    /// As [`Change::put_limits`]; the change must be given up then.
    pub(crate) async fn put_all_limits(
        &mut self,
        wanted: &[(PointId, Limits)],
        mut each: impl FnMut(Outcome),
    ) -> Result<(), RegistryError> {
        let newest = limits::newest_of_all(self.on(), None).await?;
        let points: HashMap<PointId, Point> = record::all::<Point>(self.on())
            .await?
            .into_iter()
            .map(|point| (point.id.clone(), point))
            .collect();
        let mut saved: Vec<(u32, Limits)> = Vec::new();
        for (id, new) in wanted {
            let missing = || RegistryError::Missing { kind: "point", key: id.to_string() };
            let point = points.get(id).ok_or_else(missing)?;
            let problems = limits::problems(new, point);
            if !problems.is_empty() {
                return Err(RegistryError::Refused(problems));
            }
            let present = newest.get(&point.meta.no).map(|v| v.limits.clone()).unwrap_or_default();
            let version = present.version;
            if (Limits { version, ..new.clone() }) == present {
                each(Outcome::Same);
                continue;
            }
            saved.push((point.meta.no, Limits { version: version + 1, ..new.clone() }));
            each(if version == 0 { Outcome::Created } else { Outcome::Changed });
        }
        let (by, at) = (self.by().to_owned(), self.at());
        limits::insert_many(self.on(), &saved, &by, at).await
    }
}

/// Every key of a table, which is its first column.
async fn keys(
    on: &mut dyn Connection,
    table: &'static str,
) -> Result<HashSet<String>, RegistryError> {
    let column = super::change::key_column(table);
    let mut query = Statement::new("SELECT ");
    query.push(column).push(" FROM ").push(table);
    let keys = rows(on, query, |row| String::read(row, column)).await?;
    Ok(keys.into_iter().collect())
}
