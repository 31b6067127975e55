//! A record: one kind of object of the registry, with everything that reading, writing and checking it needs.
//!
//! The macro keeps the list of columns in one place, the fields themselves; queries are put together from it.

use std::fmt::Debug;

use anlan_domain::ids::EnterpriseCode;

use super::{Problem, RegistryError, execute, number, rows};
use crate::sql::{Connection, Row, Separated, Statement};

/// What the registry gives to an object: the caller never chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Small number, never re-used, for the kinds that have one; else 0.
    pub no: u32,
    /// Counted from 1 with every change.
    pub version: u32,
}

/// A reference to another record: field, table of the other, its key.
pub type Reference = (&'static str, &'static str, String);

/// One kind of object.
pub trait Record: Sized + Clone + Send + Sync + 'static {
    /// Table.
    const TABLE: &'static str;
    /// Word for it in messages and in the audit log.
    const KIND: &'static str;
    /// Columns in the order of the fields, the key first; `version` and `no` not among them.
    const COLUMNS: &'static [&'static str];
    /// Whether it has a number, taken from the sequence of this name.
    const NUMBERED: bool;
    /// Who refers to it: table, column, word.
    const DEPENDENTS: &'static [(&'static str, &'static str, &'static str)];

    /// Its key.
    fn key(&self) -> String;
    /// Number and version.
    fn meta(&self) -> Meta;
    /// Adds every column's value.
    fn bind_to(&self, to: &mut Separated<'_>);
    /// Reads it from a row.
    ///
    /// # Errors
    /// When what is stored cannot be.
    fn read(row: &Row) -> Result<Self, RegistryError>;
    /// Whether the fields are the same; number and version do not count.
    fn same(&self, other: &Self) -> bool;
    /// The enterprise that it belongs to, if any.
    fn enterprise(&self) -> Option<EnterpriseCode>;
    /// What is wrong with it by itself.
    fn check(&self) -> Vec<Problem>;
    /// What it refers to.
    fn references(&self) -> Vec<Reference>;
    /// What changed against `before`, as short text for the audit log.
    fn difference(&self, before: &Self) -> String;
}

/// Declares a record: fields, columns and conversions from one list.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident in $table:literal, $kind:literal, numbered: $numbered:literal,
        dependents: [$($dependent:expr),* $(,)?],
        { $( $(#[$field_doc:meta])* $field:ident: $type:ty, )* }
        enterprise: $enterprise:expr,
        check: $check:expr,
        references: $references:expr,
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )*
            /// Number and version, given by the registry.
            pub meta: $crate::registry::record::Meta,
        }

        impl $crate::registry::record::Record for $name {
            const TABLE: &'static str = $table;
            const KIND: &'static str = $kind;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];
            const NUMBERED: bool = $numbered;
            const DEPENDENTS: &'static [(&'static str, &'static str, &'static str)] = &[$($dependent),*];

            fn key(&self) -> String {
                let Self { $($field,)* .. } = self;
                $crate::registry::record::first_as_text!($($field),*)
            }
            fn meta(&self) -> $crate::registry::record::Meta {
                self.meta
            }
            fn bind_to(&self, to: &mut $crate::sql::Separated<'_>) {
                $( $crate::registry::column::Column::bind_to(&self.$field, to); )*
            }
            fn read(row: &$crate::sql::Row) -> Result<Self, $crate::registry::RegistryError> {
                use $crate::registry::column::Column;
                Ok(Self {
                    $( $field: <$type as Column>::read(row, stringify!($field))?, )*
                    meta: $crate::registry::record::Meta {
                        no: if $numbered { u32::read(row, "no")? } else { 0 },
                        version: u32::read(row, "version")?,
                    },
                })
            }
            fn same(&self, other: &Self) -> bool {
                $( self.$field == other.$field )&&*
            }
            fn enterprise(&self) -> Option<anlan_domain::ids::EnterpriseCode> {
                let of: fn(&Self) -> Option<anlan_domain::ids::EnterpriseCode> = $enterprise;
                of(self)
            }
            fn check(&self) -> Vec<$crate::registry::Problem> {
                let check: fn(&Self) -> Vec<$crate::registry::Problem> = $check;
                check(self)
            }
            fn references(&self) -> Vec<$crate::registry::record::Reference> {
                let references: fn(&Self) -> Vec<$crate::registry::record::Reference> = $references;
                references(self)
            }
            fn difference(&self, before: &Self) -> String {
                let mut changes: Vec<String> = Vec::new();
                $(
                    if self.$field != before.$field {
                        changes.push($crate::registry::record::told(stringify!($field), &before.$field, &self.$field));
                    }
                )*
                changes.join("; ")
            }
        }
    };
}
pub(crate) use record;

macro_rules! first_as_text {
    ($first:ident $(, $rest:ident)*) => {{
        $( let _ = $rest; )*
        $first.to_string()
    }};
}
pub(crate) use first_as_text;

/// A changed field for the audit log, which more people read than the record: what opens something is said to have changed, not how.
pub(crate) fn told(field: &str, before: &impl Debug, after: &impl Debug) -> String {
    // A camera's address may hold a password, in front of its host or behind.
    if matches!(field, "url" | "secret_sha256" | "password_hash") {
        format!("{field}: changed")
    } else {
        format!("{field}: {before:?} → {after:?}")
    }
}

/// `SELECT` of every column of a record, up to and without `WHERE`.
pub(crate) fn select<R: Record>() -> Statement {
    let mut query = Statement::new("SELECT ");
    columns::<R>(&mut query);
    query.push(" FROM ").push(R::TABLE);
    query
}

fn columns<R: Record>(query: &mut Statement) {
    for column in R::COLUMNS {
        query.push(column).push(", ");
    }
    query.push(if R::NUMBERED { "no, version" } else { "version" });
}

/// Reads one record by its key.
pub(crate) async fn get<R: Record>(
    on: &mut dyn Connection,
    key: &str,
) -> Result<Option<R>, RegistryError> {
    let mut query = select::<R>();
    query.push(" WHERE ").push(R::COLUMNS[0]).push(" = ").push_bind(key.to_owned());
    Ok(fetch(on, query).await?.pop())
}

/// Reads what a query made by [`select`] finds.
pub(crate) async fn fetch<R: Record>(
    on: &mut dyn Connection,
    query: Statement,
) -> Result<Vec<R>, RegistryError> {
    rows(on, query, R::read).await
}

/// Every record of a kind, by key.
pub(crate) async fn all<R: Record>(on: &mut dyn Connection) -> Result<Vec<R>, RegistryError> {
    let mut query = select::<R>();
    query.push(" ORDER BY ").push(R::COLUMNS[0]);
    fetch(on, query).await
}

/// Adds a record that is not there yet.
pub(crate) async fn insert<R: Record>(
    on: &mut dyn Connection,
    record: &R,
) -> Result<u32, RegistryError> {
    let no = if R::NUMBERED { next_number(on, R::TABLE).await? } else { 0 };
    let mut query = Statement::new("INSERT INTO ");
    query.push(R::TABLE).push(" (");
    columns::<R>(&mut query);
    query.push(") VALUES (");
    let mut values = query.separated(", ");
    record.bind_to(&mut values);
    if R::NUMBERED {
        values.push_bind(i64::from(no));
    }
    values.push_bind(1i64);
    query.push(")");
    execute(on, query).await?;
    Ok(no)
}

/// Adds records that are not there yet, in one statement; says the number of the first.
pub(crate) async fn insert_many<R: Record>(
    on: &mut dyn Connection,
    records: &[&R],
) -> Result<u32, RegistryError> {
    let count = u32::try_from(records.len()).expect("bounded by the values of a statement");
    if count == 0 {
        return Ok(0);
    }
    let first = if R::NUMBERED { next_numbers(on, R::TABLE, count).await? } else { 0 };
    let mut query = Statement::new("INSERT INTO ");
    query.push(R::TABLE).push(" (");
    columns::<R>(&mut query);
    query.push(") ");
    query.push_values((first..).zip(records), |values, (no, record)| {
        record.bind_to(values);
        if R::NUMBERED {
            values.push_bind(i64::from(no));
        }
        values.push_bind(1i64);
    });
    execute(on, query).await?;
    Ok(first)
}

/// Replaces a record and counts its version up.
pub(crate) async fn update<R: Record>(
    on: &mut dyn Connection,
    record: &R,
    version: u32,
) -> Result<(), RegistryError> {
    let mut query = Statement::new("UPDATE ");
    query.push(R::TABLE).push(" SET (");
    query.push(R::COLUMNS.join(", ")).push(", version) = (");
    let mut values = query.separated(", ");
    record.bind_to(&mut values);
    values.push_bind(i64::from(version));
    query.push(") WHERE ").push(R::COLUMNS[0]).push(" = ").push_bind(record.key());
    execute(on, query).await
}

/// The next number of a sequence, from 1, never given twice.
pub(crate) async fn next_number(on: &mut dyn Connection, kind: &str) -> Result<u32, RegistryError> {
    next_numbers(on, kind, 1).await
}

/// The first of the next `count` numbers of a sequence.
async fn next_numbers(
    on: &mut dyn Connection,
    kind: &str,
    count: u32,
) -> Result<u32, RegistryError> {
    let next = Statement::new(
        "INSERT INTO numbers (kind, last) VALUES ($1, $2)
         ON CONFLICT (kind) DO UPDATE SET last = numbers.last + $2 RETURNING last",
    )
    .bind(kind)
    .bind(i64::from(count));
    let last = number(on, next, "last").await?;
    let first = last.and_then(|last| u32::try_from(last - i64::from(count) + 1).ok());
    first.ok_or_else(|| RegistryError::Damaged {
        what: format!("sequence {kind}"),
        why: format!("{last:?} is out of range"),
    })
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn the_audit_log_is_told_that_a_secret_changed_and_not_what_it_is() {
        assert_eq!(told("phone", &"1", &"2"), r#"phone: "1" → "2""#);
        let (before, after) = ("rtsp://user:pw@10.0.0.9/1", "rtsp://10.0.0.9/1?password=pw");
        assert_eq!(told("url", &before, &after), "url: changed");
        assert_eq!(told("secret_sha256", &"ab", &"cd"), "secret_sha256: changed");
    }
}
