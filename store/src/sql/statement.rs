//! A statement: its text with numbered parameters, and their values. Values never become text, so nothing can be injected.

use std::fmt::{Display, Write as _};

use super::Value;

/// SQL with bound values.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    /// A statement, or its beginning. Parameters in it are numbered from `$1` and bound in order by [`Statement::bind`].
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Binds the next parameter of a text that names it already.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds text of the program's own: never anything that somebody typed.
    pub fn push(&mut self, text: impl Display) -> &mut Self {
        write!(self.text, "{text}").expect("writing to memory does not fail");
        self
    }

    /// Adds a parameter and binds it.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        let no = self.values.len();
        self.push(format_args!("${no}"))
    }

    /// For a list of parameters with something between them.
    pub fn separated(&mut self, by: &'static str) -> Separated<'_> {
        Separated { statement: self, by, first: true }
    }

    /// Adds `VALUES (…), (…)`: one pair of brackets for each of `rows`.
    pub fn push_values<T>(
        &mut self,
        rows: impl IntoIterator<Item = T>,
        mut row: impl FnMut(&mut Separated<'_>, T),
    ) -> &mut Self {
        self.push("VALUES ");
        for (n, of) in rows.into_iter().enumerate() {
            self.push(if n == 0 { "(" } else { ", (" });
            row(&mut self.separated(", "), of);
            self.push(")");
        }
        self
    }

    /// Text and values, for the engine.
    #[must_use]
    pub fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }
}

/// A list of parameters under way.
pub struct Separated<'a> {
    statement: &'a mut Statement,
    by: &'static str,
    first: bool,
}

impl Separated<'_> {
    /// Adds a parameter and binds it.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        if !std::mem::take(&mut self.first) {
            self.statement.push(self.by);
        }
        self.statement.push_bind(value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_the_order_of_their_values() {
        let mut statement = Statement::new("INSERT INTO t (a, b) ");
        statement.push_values([("x", 1i64), ("y", 2)], |values, (a, b)| {
            values.push_bind(a).push_bind(b);
        });
        let (text, values) = statement.into_parts();
        assert_eq!(text, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
        assert_eq!(values, ["x".into(), 1i64.into(), "y".into(), 2i64.into()]);
        let mut listed = Statement::new("SELECT a FROM t WHERE b > $1").bind(7i64);
        listed.push(" AND a IN (");
        let mut list = listed.separated(", ");
        list.push_bind("x").push_bind("'; --");
        listed.push(")");
        let (text, values) = listed.into_parts();
        assert_eq!(text, "SELECT a FROM t WHERE b > $1 AND a IN ($2, $3)");
        assert_eq!(values, [7i64.into(), "x".into(), "'; --".into()]);
    }
}
