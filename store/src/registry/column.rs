//! How a domain type lies in a column: one trait, so that a record is read and written by its list of fields alone.
//!
//! Reading builds the domain type anew, with its checks: a value that cannot be is damage and is said to be, never
//! passed on. Identities are stored as text.

use super::RegistryError;
use crate::sql::{Row, Separated};
use anlan_domain::ids::{
    CameraId, EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId, UserName,
};
use anlan_domain::region::RegionCode;

/// A type that fits one column.
pub trait Column: Sized {
    /// Adds the value to a list of bound values.
    fn bind_to(&self, to: &mut Separated<'_>);

    /// Takes the value from a row.
    ///
    /// # Errors
    /// When what is stored cannot be.
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError>;
}

/// Says which column holds what cannot be.
pub fn damaged(column: &str, why: impl ToString) -> RegistryError {
    RegistryError::Damaged { what: format!("column {column}"), why: why.to_string() }
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn bind_to(&self, to: &mut Separated<'_>) {
                to.push_bind(self.clone());
            }
            fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
                row.get(column).map_err(|error| damaged(column, error))
            }
        }
    )*};
}
plain!(String, i64, f64, Option<f64>);

macro_rules! by_number {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn bind_to(&self, to: &mut Separated<'_>) {
                to.push_bind(i64::from(*self));
            }
            fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
                Self::try_from(i64::read(row, column)?).map_err(|error| damaged(column, error))
            }
        }
    )*};
}
by_number!(u8, u16, u32);

impl Column for bool {
    fn bind_to(&self, to: &mut Separated<'_>) {
        to.push_bind(i64::from(*self));
    }
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
        match i64::read(row, column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(damaged(column, format!("{other} is neither 0 nor 1"))),
        }
    }
}

macro_rules! by_text {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn bind_to(&self, to: &mut Separated<'_>) {
                to.push_bind(self.as_str().to_owned());
            }
            fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
                Self::new(&String::read(row, column)?).map_err(|error| damaged(column, error))
            }
        }
        impl Column for Option<$type> {
            fn bind_to(&self, to: &mut Separated<'_>) {
                to.push_bind(self.as_ref().map(|id| id.as_str().to_owned()));
            }
            fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
                let text: Option<String> =
                    row.get(column).map_err(|error| damaged(column, error))?;
                text.map(|t| <$type>::new(&t)).transpose().map_err(|error| damaged(column, error))
            }
        }
    )*};
}
by_text!(
    CameraId,
    EnterpriseCode,
    EquipmentId,
    GatewayId,
    HazardCode,
    PointId,
    RegionCode,
    UserName
);
