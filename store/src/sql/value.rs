//! What lies in a column: four shapes that every engine has.

use std::sync::Arc;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number: also times and yes or no.
    Int(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A value is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongValue {
    /// The row has no such column.
    #[error("the answer has no such column")]
    NoColumn,
    /// It has another shape.
    #[error("it is {found}, not {wanted}")]
    Shape {
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
}

/// A type that a value can be taken as.
pub trait FromValue: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// When the value has another shape.
    fn from_value(value: &Value) -> Result<Self, WrongValue>;
}

fn shape<T>(found: &Value, wanted: &'static str) -> Result<T, WrongValue> {
    Err(WrongValue::Shape { found: format!("{found:?}"), wanted })
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self, WrongValue> {
        match value {
            Value::Int(value) => Ok(*value),
            other => shape(other, "a whole number"),
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Result<Self, WrongValue> {
        match value {
            Value::Real(value) => Ok(*value),
            // Some engines keep a whole number in a column of numbers as such.
            Value::Int(value) => Ok(*value as Self),
            other => shape(other, "a number"),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, WrongValue> {
        match value {
            Value::Text(value) => Ok(value.clone()),
            other => shape(other, "text"),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, WrongValue> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// One row of an answer.
#[derive(Clone, Debug)]
pub struct Row {
    names: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// A row of values under the names of its columns, which all rows of an answer share.
    #[must_use]
    pub fn new(names: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { names, values }
    }

    /// The value of a column.
    ///
    /// # Errors
    /// When there is no such column, or it holds something else.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, WrongValue> {
        let at = self.names.iter().position(|name| name == column);
        at.and_then(|at| self.values.get(at)).map_or(Err(WrongValue::NoColumn), T::from_value)
    }
}
