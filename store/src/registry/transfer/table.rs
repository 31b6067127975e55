//! One CSV table: its header is checked once, its cells are read by column name, and what is wrong is collected.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use csv::StringRecord;

/// Every problem found so far, in the form that an editor can jump to.
#[derive(Default)]
pub(super) struct Problems(pub Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, file: &str, line: u64, column: &str, why: impl Display) {
        self.0.push(format!("{file}:{line}: {column}: {why}"));
    }

    pub(super) fn file(&mut self, file: &str, why: impl Display) {
        self.0.push(format!("{file}:1: {why}"));
    }
}

/// A table as it was read.
pub(super) struct Table {
    file: &'static str,
    header: HashMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
}

/// Reads a table; a file that is not there is an empty table.
pub(super) fn read(
    dir: &Path,
    file: &'static str,
    columns: &[&str],
    optional: &[&str],
    problems: &mut Problems,
) -> Table {
    let mut table = Table { file, header: HashMap::new(), rows: Vec::new() };
    let bytes = match std::fs::read(dir.join(file)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return table,
        Err(error) => {
            problems.file(file, format!("cannot be read: {error}"));
            return table;
        }
    };
    // Spreadsheets put a byte-order mark in front.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    match reader.headers() {
        Ok(header) => {
            for (place, name) in header.iter().enumerate() {
                if !columns.contains(&name) && !optional.contains(&name) {
                    let known = columns.join(",");
                    problems.add(
                        file,
                        1,
                        name,
                        format!("is no column of this table; it has {known}"),
                    );
                }
                if table.header.insert(name.to_owned(), place).is_some() {
                    problems.add(file, 1, name, "this column stands twice");
                }
            }
            for missing in columns.iter().filter(|c| !table.header.contains_key(**c)) {
                problems.add(file, 1, missing, "this column is missing; add it to the first line");
            }
        }
        Err(error) => problems.file(file, in_words(&error)),
    }
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                table.rows.push((line, record));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                problems.0.push(format!("{file}:{line}: {}", in_words(&error)));
            }
        }
    }
    table
}

fn in_words(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the table as “CSV UTF-8”".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "has {len} cells, the first line has {expected_len}; put quotes round a text with a comma"
            )
        }
        _ => error.to_string(),
    }
}

impl Table {
    /// Goes through the rows. `each` returns `None` where a cell could not be read (and has said so).
    pub(super) fn each<T>(
        &self,
        problems: &mut Problems,
        mut each: impl FnMut(&mut Row<'_>) -> Option<T>,
    ) -> Vec<(u64, T)> {
        let mut read = Vec::with_capacity(self.rows.len());
        for (line, record) in &self.rows {
            let mut row = Row { table: self, line: *line, record, problems };
            if let Some(object) = each(&mut row) {
                read.push((*line, object));
            }
        }
        read
    }
}

/// One row.
pub(super) struct Row<'t> {
    table: &'t Table,
    /// Where it stands in the file.
    pub line: u64,
    record: &'t StringRecord,
    problems: &'t mut Problems,
}

impl Row<'_> {
    /// The cell's text; empty where the column is not there.
    pub(super) fn text(&self, column: &str) -> String {
        let place = self.table.header.get(column);
        place.and_then(|place| self.record.get(*place)).unwrap_or_default().to_owned()
    }

    /// Says what is wrong with a cell.
    pub(super) fn wrong(&mut self, column: &str, why: impl Display) {
        self.problems.add(self.table.file, self.line, column, why);
    }

    /// A cell that must hold something readable.
    pub(super) fn need<T: FromStr<Err: Display>>(&mut self, column: &str) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            if self.table.header.contains_key(column) {
                self.wrong(column, "must not be blank");
            }
            return None;
        }
        self.parse(column, &text)
    }

    /// A cell that may be blank; the outer `None` says that it could not be read.
    pub(super) fn maybe<T: FromStr<Err: Display>>(&mut self, column: &str) -> Option<Option<T>> {
        let text = self.text(column);
        if text.is_empty() { Some(None) } else { self.parse(column, &text).map(Some) }
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, column: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let why = error.to_string();
                let told = if why.contains(text) { why } else { format!("{text:?}: {why}") };
                self.wrong(column, told);
                None
            }
        }
    }
}
