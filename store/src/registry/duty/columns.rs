//! How the parts of a roster lie in columns: as the text that they are written and read as.

use std::fmt;
use std::str::FromStr;

use anlan_domain::local_date::LocalDate;
use anlan_domain::roster::contact::{EmailAddress, Language, Quiet};
use anlan_domain::roster::pattern::{Cycle, DayKind, ShiftCode, Shifts, TeamName};
use anlan_domain::roster::{DutyRole, UnitId};
use anlan_domain::time::UtcMillis;

use crate::registry::RegistryError;
use crate::registry::column::{Column, damaged};
use crate::sql::{Row, Separated};

macro_rules! by_display {
    ($($type:ty),* $(,)?) => {$(
        impl Column for $type {
            fn bind_to(&self, to: &mut Separated<'_>) {
                to.push_bind(self.to_string());
            }
            fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
                String::read(row, column)?.parse().map_err(|error| damaged(column, error))
            }
        }
        impl Column for Option<$type> {
            fn bind_to(&self, to: &mut Separated<'_>) {
                to.push_bind(self.as_ref().map(ToString::to_string));
            }
            fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
                let text: Option<String> =
                    row.get(column).map_err(|error| damaged(column, error))?;
                text.map(|t| t.parse()).transpose().map_err(|error| damaged(column, error))
            }
        }
    )*};
}
by_display!(
    Cycle,
    DayKind,
    DutyRole,
    EmailAddress,
    Language,
    LocalDate,
    Quiet,
    ShiftCode,
    Shifts,
    TeamName,
    UnitId,
);

impl Column for UtcMillis {
    fn bind_to(&self, to: &mut Separated<'_>) {
        to.push_bind(self.0);
    }
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
        i64::read(row, column).map(Self)
    }
}

/// A short list in one column, with `;` between its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Display> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            write!(f, "{}{part}", if i == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: fmt::Display + FromStr<Err: fmt::Display>> Column for List<T> {
    fn bind_to(&self, to: &mut Separated<'_>) {
        to.push_bind(self.to_string());
    }
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
        String::read(row, column)?.parse().map_err(|error: T::Err| damaged(column, error))
    }
}
