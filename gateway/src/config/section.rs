//! Reads TOML tables key by key, remembers the line of each, and goes on after a problem.
//!
//! A derive would stop at the first key that it does not know or cannot read. An engineer who commissions a plant wants
//! every mistake in one go, so tables are walked by hand over the parsed document, and at the end of a table whatever was
//! not asked for is reported as unknown.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::parse_duration;
use super::problem::Problem;

/// The document being read and what is wrong with it so far.
pub(super) struct Document<'a> {
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Document<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    pub fn line_of(&self, byte: usize) -> usize {
        self.text.as_bytes()[..byte.min(self.text.len())].iter().filter(|&&b| b == b'\n').count()
            + 1
    }

    pub fn problem(&self, line: usize, key: impl Into<String>, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { line, key: key.into(), message: message.into() });
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// One table being read.
pub(super) struct Section<'a> {
    pub document: &'a Document<'a>,
    /// As shown in problems: `device[0]`.
    pub name: String,
    /// Line of its header.
    pub line: usize,
    table: &'a DeTable<'a>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub fn new(
        document: &'a Document<'a>,
        name: &str,
        line: usize,
        table: &'a DeTable<'a>,
    ) -> Self {
        Self { document, name: name.to_owned(), line, table, asked: RefCell::default() }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// The line of `key` where it is there, else the table's.
    pub fn line_of(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.line, |v| self.document.line_of(v.span().start))
    }

    /// Reports a problem of `key`, at its line where it is there, else at the table's.
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        self.document.problem(self.line_of(key), self.path(key), message);
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&self, key: &'static str) -> Option<(&'a Spanned<DeValue<'a>>, usize)> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key).map(|v| (v, self.document.line_of(v.span().start)))
    }

    fn wrong_type<T>(&self, key: &str, value: &DeValue<'_>, wanted: &str) -> Option<T> {
        self.problem(key, format!("is a {}; write {wanted}", value.type_str()));
        None
    }

    pub fn text(&self, key: &'static str) -> Option<String> {
        let (value, _) = self.get(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong_type(key, value.get_ref(), "text in quotes"),
        }
    }

    pub fn required_text(&self, key: &'static str, example: &str) -> Option<String> {
        let found = self.text(key);
        if !self.has(key) {
            self.problem(key, format!("is missing; write {key} = {example}"));
        }
        found
    }

    /// A text that a type of ours reads.
    pub fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(key, error.to_string());
                None
            }
        }
    }

    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let (value, _) = self.get(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            return self.wrong_type(key, value.get_ref(), "a whole number");
        };
        let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
        match parsed {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                self.problem(
                    key,
                    format!("{integer} is not between {} and {}", range.start(), range.end()),
                );
                None
            }
        }
    }

    pub fn number(&self, key: &'static str) -> Option<f64> {
        let (value, _) = self.get(key)?;
        match number(value.get_ref()) {
            Some(number) if number.is_finite() => Some(number),
            Some(_) => {
                self.problem(key, "is not a finite number");
                None
            }
            None => self.wrong_type(key, value.get_ref(), "a number"),
        }
    }

    pub fn duration(&self, key: &'static str, least: Duration, most: Duration) -> Option<Duration> {
        let text = self.text(key)?;
        match parse_duration(&text) {
            Ok(duration) if (least..=most).contains(&duration) => Some(duration),
            Ok(_) => {
                self.problem(key, format!("{:?} is not between {least:?} and {most:?}", text));
                None
            }
            Err(message) => {
                self.problem(key, message);
                None
            }
        }
    }

    /// `[low, high]`.
    pub fn pair(&self, key: &'static str) -> Option<(f64, f64)> {
        let (value, _) = self.get(key)?;
        let numbers: Option<Vec<f64>> = value
            .get_ref()
            .as_array()
            .map(|a| a.iter().filter_map(|v| number(v.get_ref())).collect());
        match numbers.as_deref() {
            Some(&[low, high]) if low < high && low.is_finite() && high.is_finite() => {
                Some((low, high))
            }
            _ => {
                self.problem(
                    key,
                    "is not a range; write two numbers, the lower first: [0.0, 100.0]",
                );
                None
            }
        }
    }

    /// A list of texts that a type of ours reads; each bad one is a problem of its own.
    pub fn parsed_list<T: FromStr<Err: Display>>(&self, key: &'static str) -> Vec<T> {
        let Some((value, _)) = self.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type::<()>(key, value.get_ref(), "a list of texts");
            return Vec::new();
        };
        let mut read = Vec::new();
        for entry in list.iter() {
            let line = self.document.line_of(entry.span().start);
            match entry.get_ref().as_str().map(str::parse::<T>) {
                Some(Ok(value)) => read.push(value),
                Some(Err(error)) => self.document.problem(line, self.path(key), error.to_string()),
                None => self.document.problem(line, self.path(key), "is a list of texts in quotes"),
            }
        }
        read
    }

    /// A table inside this one.
    pub fn table(&self, key: &'static str) -> Option<Section<'a>> {
        let (value, line) = self.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.document, &self.path(key), line, table)),
            None => self.wrong_type(key, value.get_ref(), &format!("a table headed [{key}]")),
        }
    }

    /// Tables headed `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some((value, _)) = self.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type::<()>(key, value.get_ref(), &format!("tables headed [[{key}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (i, entry) in list.iter().enumerate() {
            let line = self.document.line_of(entry.span().start);
            match entry.get_ref().as_table() {
                Some(table) => {
                    sections.push(Section::new(self.document, &format!("{key}[{i}]"), line, table))
                }
                None => self.document.problem(
                    line,
                    self.path(key),
                    format!("write tables headed [[{key}]]"),
                ),
            }
        }
        sections
    }

    /// Reports every key that was never asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !asked.contains(name) {
                let known: Vec<&str> = asked.iter().copied().collect();
                self.document.problem(
                    self.document.line_of(key.span().start),
                    self.path(name),
                    format!("is no key of this table; known are {}", known.join(", ")),
                );
            }
        }
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) =>
        {
            #[expect(clippy::cast_precision_loss, reason = "engineering values are far below 2^53")]
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|i| i as f64)
        }
        _ => None,
    }
}
