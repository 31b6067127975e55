//! Texts with named placeholders, in Chinese and English.
//!
//! A placeholder that nobody fills would be found in the middle of a night; so an unknown name is an error when the template
//! is read. A field that an alarm lacks is shown as `—`: the reader sees that something belongs there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;

use crate::message::{Colour, ColourWord as _, Kind, Language};

/// Every placeholder with its meaning, for manuals and errors.
pub const FIELDS: [(&str, &str); 18] = [
    ("colour", "colour of the warning, in the reader's language"),
    ("level", "level of the alarm"),
    ("enterprise", "name of the enterprise"),
    ("park", "name of the park"),
    ("hazard_source", "name of the hazard source"),
    ("equipment", "name of the equipment"),
    ("point", "name of the point"),
    ("tag", "tag of the point"),
    ("condition", "what is wrong, for example high-high"),
    ("value", "value that raised the alarm"),
    ("unit", "unit of value and limit"),
    ("limit", "limit that was passed"),
    ("raised", "when it was raised, local time"),
    ("standing", "how long it has stood"),
    ("rung", "rung of the ladder that this message belongs to"),
    ("text", "words of the sender, for messages that are no alarm"),
    ("link", "address of the page that shows it"),
    ("message_id", "id of this message"),
];

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A placeholder that nothing fills.
    #[error("{{{name}}} is no placeholder; there are {known}")]
    Unknown {
        /// Its name.
        name: String,
        /// The names that are.
        known: String,
    },
    /// A brace without its partner.
    #[error("character {at}: {brace:?} has no partner; write {brace}{brace} for a brace")]
    Unpaired {
        /// Which character, from 1.
        at: usize,
        /// `{` or `}`.
        brace: char,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Field(String),
}

/// A text with placeholders `{name}`; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

impl Template {
    /// Reads a template of an alarm: the placeholders are those of [`FIELDS`].
    ///
    /// # Errors
    /// [`TemplateError`], with the name or the place.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Self::with_fields(text, &FIELDS.map(|(name, _)| name))
    }

    /// Reads a template whose placeholders are those of `known`.
    ///
    /// # Errors
    /// [`TemplateError`], with the name or the place.
    pub fn with_fields(text: &str, known: &[&str]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut words = String::new();
        let mut characters = text.chars().enumerate().peekable();
        while let Some((at, c)) = characters.next() {
            let doubled = characters.peek().is_some_and(|(_, next)| *next == c);
            match c {
                '{' | '}' if doubled => {
                    characters.next();
                    words.push(c);
                }
                '}' => return Err(TemplateError::Unpaired { at: at + 1, brace: c }),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match characters.next() {
                            Some((_, '}')) => break,
                            Some((_, inner)) if inner != '{' => name.push(inner),
                            _ => return Err(TemplateError::Unpaired { at: at + 1, brace: c }),
                        }
                    }
                    if !known.contains(&name.as_str()) {
                        return Err(TemplateError::Unknown { name, known: known.join(", ") });
                    }
                    if !words.is_empty() {
                        pieces.push(Piece::Words(std::mem::take(&mut words)));
                    }
                    pieces.push(Piece::Field(name));
                }
                other => words.push(other),
            }
        }
        if !words.is_empty() {
            pieces.push(Piece::Words(words));
        }
        Ok(Self(pieces))
    }

    /// The text, with each placeholder replaced by what `value` says of it. Words of the template itself are never altered.
    #[must_use]
    pub fn render(&self, mut value: impl FnMut(&str) -> String) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Field(name) => text.push_str(&value(name)),
            }
        }
        text
    }

    /// Names of the placeholders that occur.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Field(name) => Some(name.as_str()),
            Piece::Words(_) => None,
        })
    }
}

/// What is known about one alarm or warning; what was never set shows as a dash, what was set to nothing (the unit of a bare number) as
/// nothing. Control characters are taken out, so that a name from a plant's file cannot
/// break a header or a modem's line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    /// Sets a field.
    ///
    /// # Panics
    /// Where `name` is not one of [`FIELDS`]: the names are written in code.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let (known, _) =
            FIELDS.iter().find(|(known, _)| *known == name).expect("the field is one of FIELDS");
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        self.0.insert(known, value.as_ref().chars().map(clean).collect());
        self
    }

    fn shown(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| "—".to_owned())
    }
}

/// Subject and text for one kind of channel in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// One line; in several joined short messages the line of each.
    pub subject: Template,
    /// What people read.
    pub text: Template,
}

/// All texts of alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    texts: BTreeMap<(Language, Kind), Texts>,
}

const SHIPPED: [(Language, Kind, &str, &str); 6] = [
    (
        Language::Zh,
        Kind::Email,
        "【{colour}预警】{enterprise} {equipment} {point} {condition}",
        "{enterprise}（{park}）{hazard_source} {equipment}\n{point}（{tag}）{condition}：{value} {unit}，限值 {limit} {unit}\n\
         报警时间：{raised}，已持续 {standing}\n级别：{level}，处置层级：{rung}\n{link}\n消息编号：{message_id}",
    ),
    (
        Language::Zh,
        Kind::Sms,
        "{enterprise}{equipment}{point}{condition} {value}{unit}",
        "【{colour}】{enterprise}{equipment}{point}{condition}，{value}{unit}，限值{limit}，{raised}",
    ),
    (
        Language::Zh,
        Kind::Webhook,
        "{enterprise} {equipment} {point} {condition}",
        "{colour} {value} {unit}，限值 {limit} {unit}，{raised}",
    ),
    (
        Language::En,
        Kind::Email,
        "[{colour} warning] {enterprise} {equipment} {point} {condition}",
        "{enterprise} ({park}), {hazard_source}, {equipment}\n{point} ({tag}) {condition}: {value} {unit}, limit {limit} {unit}\n\
         Raised {raised}, standing for {standing}\nLevel {level}, rung {rung}\n{link}\nMessage {message_id}",
    ),
    (
        Language::En,
        Kind::Sms,
        "{enterprise} {equipment} {point} {condition} {value}{unit}",
        "[{colour}] {enterprise} {equipment} {point} {condition}: {value}{unit}, limit {limit}, {raised}",
    ),
    (
        Language::En,
        Kind::Webhook,
        "{enterprise} {equipment} {point} {condition}",
        "{colour}: {value} {unit}, limit {limit} {unit}, {raised}",
    ),
];

impl Default for Templates {
    /// The texts that are shipped.
    fn default() -> Self {
        let read = |text| Template::parse(text).expect("shipped templates are read by a test");
        let texts = SHIPPED
            .iter()
            .map(|(language, kind, subject, text)| {
                ((*language, *kind), Texts { subject: read(subject), text: read(text) })
            })
            .collect();
        Self { texts }
    }
}

impl Templates {
    /// Replaces the texts of a kind in a language.
    pub fn set(&mut self, language: Language, kind: Kind, texts: Texts) {
        self.texts.insert((language, kind), texts);
    }

    /// The texts of a kind in a language.
    #[must_use]
    pub fn get(&self, language: Language, kind: Kind) -> &Texts {
        self.texts
            .get(&(language, kind))
            .expect("there is a shipped text for every language and kind")
    }

    /// Subject and text. `{colour}` is filled from `colour`, in the reader's language.
    #[must_use]
    pub fn render(
        &self,
        language: Language,
        kind: Kind,
        colour: Colour,
        fields: &Fields,
    ) -> (String, String) {
        let texts = self.get(language, kind);
        let value = |name: &str| match name {
            "colour" => colour.word(language).to_owned(),
            other => fields.shown(other),
        };
        (texts.subject.render(value), texts.text.render(value))
    }
}

/// The placeholders as a table, for the manual.
#[must_use]
pub fn fields_as_table() -> String {
    let mut table = String::from("| placeholder | meaning |\n| --- | --- |\n");
    for (name, meaning) in FIELDS {
        writeln!(table, "| `{{{name}}}` | {meaning} |").expect("writing to a string does not fail");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_that_nobody_fills_is_an_error_with_its_name() {
        for (text, expected) in [
            ("{colour} {nobody}", "{nobody} is no placeholder"),
            ("{}", "{} is no placeholder"),
            ("{ colour }", "{ colour } is no placeholder"),
            ("ab{colour", "character 3: '{' has no partner"),
            ("a{co{lour}", "character 2: '{' has no partner"),
            ("ab}", "character 3: '}' has no partner"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn placeholders_are_filled_and_what_is_missing_is_seen() {
        let fields =
            Fields::default().with("point", "压力\r\nBcc: x").with("value", "1.2").with("unit", "");
        let template = Template::parse("{{{point}}} {value}{unit} {limit}").unwrap();
        assert_eq!(template.render(|name| fields.shown(name)), "{压力  Bcc: x} 1.2 —");
        assert_eq!(template.fields().collect::<Vec<_>>(), ["point", "value", "unit", "limit"]);
    }

    #[test]
    fn there_are_texts_for_every_language_and_kind() {
        let templates = Templates::default();
        let fields = Fields::default()
            .with("enterprise", "安澜化工")
            .with("point", "储罐压力")
            .with("value", "1.25");
        for kind in [Kind::Email, Kind::Sms, Kind::Webhook] {
            for (language, word) in [(Language::Zh, "红色"), (Language::En, "Red")] {
                let (subject, text) = templates.render(language, kind, Colour::Red, &fields);
                assert!(subject.contains("安澜化工") && !subject.contains('\n'), "{subject}");
                assert!(
                    text.contains("1.25") && format!("{subject}{text}").contains(word),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_value_is_no_template() {
        let fields = Fields::default().with("point", "{value}").with("value", "1");
        assert_eq!(
            Template::parse("{point}").unwrap().render(|name| fields.shown(name)),
            "{value}"
        );
    }
}
