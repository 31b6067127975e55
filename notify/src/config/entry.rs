//! Reads a table of TOML key by key, remembers lines, and goes on after a problem: whoever sets up a channel wants every
//! mistake at once, and a derive would stop at the first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::secret::SecretSource;

/// Keys under which people write a secret itself.
const SECRETS: [&str; 5] = ["password", "secret", "key", "token", "pin"];

/// The file being read and what is wrong with it so far.
pub(super) struct Document<'a> {
    pub text: &'a str,
    /// What relative paths are relative to.
    pub folder: &'a Path,
    pub problems: RefCell<Vec<Problem>>,
}

impl Document<'_> {
    pub fn problem(&self, at: usize, key: String, message: impl Into<String>) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = before.iter().filter(|&&octet| octet == b'\n').count() + 1;
        self.problems.borrow_mut().push(Problem { line, key, message: message.into() });
    }
}

/// One table.
pub(super) struct Entry<'a> {
    pub document: &'a Document<'a>,
    /// As shown in problems: `email[0]`.
    pub path: String,
    /// Where it begins in the file.
    at: usize,
    table: &'a DeTable<'a>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Entry<'a> {
    pub fn new(
        document: &'a Document<'a>,
        path: String,
        at: usize,
        table: &'a DeTable<'a>,
    ) -> Self {
        Self { document, path, at, table, asked: RefCell::default() }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reports a problem of `key`, at its line where it is there, else at the table's.
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        let at = self.table.get(key).map_or(self.at, |value| value.span().start);
        self.document.problem(at, self.path_of(key), message);
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&self, key: &'static str) -> Option<&'a DeValue<'a>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key).map(toml::Spanned::get_ref)
    }

    fn wrong<T>(&self, key: &str, value: &DeValue<'_>, wanted: &str) -> Option<T> {
        self.problem(key, format!("is of type {}; write {wanted}", value.type_str()));
        None
    }

    pub fn text(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?;
        match value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong(key, value, "text in quotes"),
        }
    }

    pub fn required(&self, key: &'static str, example: &str) -> Option<String> {
        if !self.has(key) {
            self.problem(key, format!("is missing; write {key} = {example}"));
        }
        self.text(key).filter(|text| {
            let filled = !text.trim().is_empty();
            if !filled {
                self.problem(key, format!("is empty; write {key} = {example}"));
            }
            filled
        })
    }

    /// What `read` makes of a text that is there.
    pub fn read<T, E: Display>(
        &self,
        key: &'static str,
        text: Option<String>,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match read(&text?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(key, error.to_string());
                None
            }
        }
    }

    /// One of a few words; the first where the key is missing.
    pub fn one_of<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        if !self.has(key) {
            self.asked.borrow_mut().insert(key);
            return words.first().map(|(_, value)| *value);
        }
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.problem(key, format!("{text:?} is none of {}", known.join(", ")));
        }
        found
    }

    pub fn integer(
        &self,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let Some(value) = self.get(key) else { return Some(default) };
        let Some(integer) = value.as_integer() else {
            return self.wrong(key, value, "a whole number");
        };
        match usize::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = (range.start(), range.end());
                self.problem(key, format!("{integer} is not between {least} and {most}"));
                None
            }
        }
    }

    pub fn yes_no(&self, key: &'static str, default: bool) -> Option<bool> {
        let Some(value) = self.get(key) else { return Some(default) };
        value.as_bool().or_else(|| self.wrong(key, value, "true or false"))
    }

    pub fn duration(
        &self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        if !self.has(key) {
            self.asked.borrow_mut().insert(key);
            return Some(default);
        }
        let duration = self.read(key, self.text(key), duration)?;
        if range.contains(&duration) {
            return Some(duration);
        }
        let (least, most) = (range.start(), range.end());
        self.problem(key, format!("{duration:?} is not between {least:?} and {most:?}"));
        None
    }

    /// A file; where its path is relative, to the folder of the configuration.
    pub fn file(&self, key: &'static str) -> Option<PathBuf> {
        self.text(key).map(|path| self.document.folder.join(path))
    }

    /// A list of texts, or of whole numbers taken as texts: codes of providers are either.
    pub fn codes(&self, key: &'static str) -> Vec<String> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let code = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.as_str().to_owned()),
            _ => None,
        };
        let read: Option<Vec<String>> =
            value.as_array().and_then(|list| list.iter().map(|v| code(v.get_ref())).collect());
        read.unwrap_or_else(|| {
            self.wrong::<()>(key, value, "a list of codes, for example [\"OK\", 0]");
            Vec::new()
        })
    }

    /// `STEM_file` or `STEM_env`: `None` where there is neither, or both.
    pub fn secret(&self, file: &'static str, environment: &'static str) -> Option<SecretSource> {
        match (self.file(file), self.text(environment)) {
            (Some(path), None) => Some(SecretSource::File(path)),
            (None, Some(name)) => Some(SecretSource::Environment(name)),
            (None, None) => None,
            (Some(_), Some(_)) => {
                self.problem(environment, format!("is given beside {file}; write one of them"));
                None
            }
        }
    }

    /// A table inside this one.
    pub fn table(&self, key: &'static str) -> Option<Entry<'a>> {
        let value = self.get(key)?;
        let at = self.table.get(key)?.span().start;
        match value.as_table() {
            Some(table) => Some(Entry::new(self.document, self.path_of(key), at, table)),
            None => self.wrong(key, value, "a table"),
        }
    }

    /// Tables headed `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<Entry<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(list) = value.as_array() else {
            self.wrong::<()>(key, value, &format!("tables headed [[{key}]]"));
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (number, entry) in list.iter().enumerate() {
            let path = format!("{}[{number}]", self.path_of(key));
            let at = entry.span().start;
            match entry.get_ref().as_table() {
                Some(table) => entries.push(Entry::new(self.document, path, at, table)),
                None => self.document.problem(at, path, format!("is no table headed [[{key}]]")),
            }
        }
        entries
    }

    /// Every key with its value, for tables whose keys are free.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, &'a DeValue<'a>)> {
        self.table.iter().map(|(key, value)| (&**key.get_ref(), value.get_ref()))
    }

    /// Reports every key that was never asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if asked.contains(name) {
                continue;
            }
            let message = if SECRETS.contains(&name) {
                "is never written here; keep it in a file or the environment, and name that".into()
            } else {
                let known: Vec<&str> = asked.iter().copied().collect();
                format!("is no key of this table; known are {}", known.join(", "))
            };
            self.document.problem(key.span().start, self.path_of(name), message);
        }
    }
}

/// `500ms`, `30s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || {
        format!(
            "{text:?} is no duration; write a whole number and ms, s, m or h, for example \"30s\""
        )
    };
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, ms) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)));
        }
        for bad in ["", "30", "s", "1.5s", "-1s", "3 s", "3d", "18446744073709551615h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
