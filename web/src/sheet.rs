//! Tables for people's own programs: CSV that Excel opens in the right letters, and Excel's own format.
//!
//! A text that begins with `=`, `+`, `-`, `@`, a tab or a line end would be taken for a formula by the program that opens a CSV file, and
//! comments are written by anybody: such a text gets an apostrophe in front. In an Excel file a text is a text. Numbers are ours and stay numbers.

use anlan_domain::time::UtcMillis;
use bytes::Bytes;
use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words, of whomever.
    Text(String),
    /// A number.
    Number(f64),
    /// Nothing.
    Empty,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A text, where there is one.
    pub fn maybe(text: Option<String>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }

    /// A number, where there is one.
    pub fn number(number: Option<f64>) -> Self {
        number.filter(|n| n.is_finite()).map_or(Self::Empty, Self::Number)
    }

    /// An instant as the plants' clocks show it (UTC+8): `2026-11-25 14:30:05`.
    pub fn time(at: Option<UtcMillis>) -> Self {
        at.map_or(Self::Empty, |at| Self::Text(local_time(at)))
    }
}

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Comma-separated values, UTF-8 with a byte order mark.
    Csv,
    /// Office Open XML.
    Xlsx,
}

impl Kind {
    /// The form of its code.
    pub fn of(code: &str) -> Option<Self> {
        match code {
            "csv" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// End of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// `Content-Type`
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// What tells Excel that a CSV file is UTF-8; without it Chinese comes out as noise.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Rows as lines of CSV (RFC 4180).
pub fn csv_lines(rows: &[Vec<Cell>]) -> Bytes {
    let mut out = String::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            match cell {
                Cell::Empty => {}
                Cell::Number(number) => out.push_str(&number.to_string()),
                Cell::Text(text) => push_text(&mut out, text),
            }
        }
        out.push_str("\r\n");
    }
    out.into()
}

fn push_text(out: &mut String, text: &str) {
    let guarded = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = guarded || text.contains([',', '"', '\r', '\n']);
    if quoted {
        out.push('"');
    }
    if guarded {
        out.push('\'');
    }
    out.push_str(&if quoted { text.replace('"', "\"\"") } else { text.to_owned() });
    if quoted {
        out.push('"');
    }
}

/// An Excel file that grows row by row, with what is written on the disk and not in memory.
pub struct Xlsx {
    workbook: Workbook,
    rows: u32,
}

/// Longest text that a cell of Excel holds.
const CELL_CHARS_MAX: usize = 32_767;

impl Xlsx {
    /// An empty one with a name for its sheet.
    ///
    /// # Errors
    /// When the name cannot be one, or the disk fails.
    pub fn new(name: &str) -> Result<Self, XlsxError> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        Ok(Self { workbook, rows: 0 })
    }

    /// Adds rows; the very first is the head.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn push(&mut self, rows: &[Vec<Cell>]) -> Result<(), XlsxError> {
        let bold = Format::new().set_bold();
        let sheet = self.workbook.worksheet_from_index(0)?;
        for row in rows {
            for (column, cell) in (0u16..).zip(row) {
                match cell {
                    Cell::Empty => {}
                    Cell::Number(number) => {
                        sheet.write_number(self.rows, column, *number)?;
                    }
                    Cell::Text(text) => {
                        let text: String = text.chars().take(CELL_CHARS_MAX).collect();
                        if self.rows == 0 {
                            sheet.write_string_with_format(self.rows, column, text, &bold)?;
                        } else {
                            sheet.write_string(self.rows, column, text)?;
                        }
                    }
                }
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// When it cannot be put together.
    pub fn finish(mut self) -> Result<Bytes, XlsxError> {
        Ok(self.workbook.save_to_buffer()?.into())
    }
}

/// Hours that the plants' clocks are ahead of UTC.
const ZONE_MS: i64 = 8 * 3_600_000;

/// `2026-11-25 14:30:05`, UTC+8.
pub fn local_time(at: UtcMillis) -> String {
    let seconds = at.0.saturating_add(ZONE_MS).div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a number of days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_looks_like_a_formula_is_made_harmless_and_a_number_is_not_touched() {
        let row = vec![
            Cell::text("=HYPERLINK(\"http://x\",\"y\")"),
            Cell::text("+1"),
            Cell::text("-2+3"),
            Cell::text("@SUM(A1)"),
            Cell::text("\t=1"),
            Cell::Number(-5.25),
            Cell::Empty,
            Cell::text("正常, \"引号\"\n两行"),
            Cell::text("LT-1203A"),
        ];
        let lines = csv_lines(&[row]);
        assert_eq!(
            std::str::from_utf8(&lines).unwrap(),
            "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",\"'+1\",\"'-2+3\",\"'@SUM(A1)\",\"'\t=1\",-5.25,,\"正常, \"\"引号\"\"\n两行\",LT-1203A\r\n"
        );
    }

    #[test]
    fn an_excel_file_holds_texts_as_texts() {
        let mut sheet = Xlsx::new("报警").unwrap();
        sheet.push(&[vec![Cell::text("编号"), Cell::text("值")]]).unwrap();
        sheet.push(&[vec![Cell::text("=1+1"), Cell::Number(85.2)], vec![Cell::Empty]]).unwrap();
        let file = sheet.finish().unwrap();
        assert_eq!(&file[..4], b"PK\x03\x04");
    }

    #[test]
    fn instants_are_shown_as_the_plants_clocks_show_them() {
        for (at, shown) in [
            (0, "1970-01-01 08:00:00"),
            (1_795_617_336_654, "2026-11-25 22:35:36"),
            (951_782_400_000, "2000-02-29 08:00:00"),
            (1_709_222_399_000, "2024-02-29 23:59:59"),
            (-1, "1970-01-01 07:59:59"),
        ] {
            assert_eq!(local_time(UtcMillis(at)), shown);
        }
        // Nothing that a reading may claim ends a request.
        local_time(UtcMillis(i64::MAX));
        local_time(UtcMillis(i64::MIN));
    }
}
