//! A detector of a point as it is configured: which one, its settings as a line of text, delays and level.
//!
//! The text is what an administrator writes, imports and reads in the audit log:
//!
//! ```text
//! DEVIATION    from=[PT-1203B]; limit=0.2; deadband=0.05; side=either     (or from=1.6, a fixed set-point)
//! SPIKE        window=9; k=4; least=1
//! DRIFT        target=50; sigma=0.5; k=0.5; h=5; every_s=60
//! COUNTS       state=1; at_least=5; window_s=600
//! DISCREPANCY  command=[XV-1203C]; travel_s=10; offset=0
//! EXPRESSION   [TT-1203] > 40 and [PT-1203] >= 1.2
//! ```
//!
//! A point in brackets is one of the same piece of equipment. A detector is judged with each usable reading of the point that has
//! it, with the newest usable values of the others: every point is read once a scan, so it is at most one scan late. The newest value of a
//! point that is bad or missing is none, and nothing is judged by it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::counts::{Counts, Entries};
use super::deviation::{Deviation, Side};
use super::discrepancy::{Discrepancy, Travel};
use super::drift::{Drift, Sums};
use super::expression::Expression;
use super::spike::{Recent, Spike};
use super::{BadSettings, Delays, Verdict};
use crate::alarm::Condition;
use crate::time::LineMillis;

/// A detector with what its alarm needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectorSettings {
    /// Which one, and its settings.
    pub detector: Detector,
    /// How long it must hold, and be gone.
    pub delays: Delays,
    /// Level 1 (gravest) to 4; `None` takes the default of `alarm::default_level`.
    pub level: Option<u8>,
}

/// What a deviation is measured from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reference {
    /// A fixed set-point, in the unit of the point.
    Fixed(f64),
    /// Another point of the same equipment, by its tag.
    Point(Box<str>),
}

/// A detector and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detector {
    /// 偏差
    Deviation {
        /// From what.
        from: Reference,
        /// How far.
        rule: Deviation,
    },
    /// 尖峰
    Spike(Spike),
    /// 漂移
    Drift(Drift),
    /// 计次
    Counts(Counts),
    /// 不一致
    Discrepancy {
        /// The point that carries the command, by its tag.
        command: Box<str>,
        /// How long.
        rule: Discrepancy,
    },
    /// 表达式
    Expression(Expression),
}

/// What a detector remembers between two readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Memory {
    /// Nothing.
    None,
    /// Of a spike detector.
    Spike(Recent),
    /// Of a drift detector.
    Drift(Sums),
    /// Of a counter.
    Counts(Entries),
    /// Of a discrepancy.
    Discrepancy(Travel),
}

impl Detector {
    /// The condition that it finds.
    #[must_use]
    pub const fn condition(&self) -> Condition {
        match self {
            Self::Deviation { .. } => Condition::Deviation,
            Self::Spike(_) => Condition::Spike,
            Self::Drift(_) => Condition::Drift,
            Self::Counts(_) => Condition::Counts,
            Self::Discrepancy { .. } => Condition::Discrepancy,
            Self::Expression(_) => Condition::Expression,
        }
    }

    /// Tags of the other points that it looks at. An expression may name the point that has it as well.
    #[must_use]
    pub fn points(&self) -> Vec<&str> {
        match self {
            Self::Deviation { from: Reference::Point(tag), .. } => vec![tag],
            Self::Discrepancy { command, .. } => vec![command],
            Self::Expression(expression) => expression.points().collect(),
            Self::Deviation { from: Reference::Fixed(_), .. }
            | Self::Spike(_)
            | Self::Drift(_)
            | Self::Counts(_) => Vec::new(),
        }
    }

    /// Whether it counts or compares states, so belongs to a discrete point; `None` where either will do.
    #[must_use]
    pub const fn of_states(&self) -> Option<bool> {
        match self {
            Self::Deviation { .. } | Self::Spike(_) | Self::Drift(_) => Some(false),
            Self::Counts(_) | Self::Discrepancy { .. } => Some(true),
            Self::Expression(_) => None,
        }
    }

    /// What it remembers before the first reading.
    #[must_use]
    pub fn memory(&self) -> Memory {
        match self {
            Self::Deviation { .. } | Self::Expression(_) => Memory::None,
            Self::Spike(_) => Memory::Spike(Recent::default()),
            Self::Drift(_) => Memory::Drift(Sums::default()),
            Self::Counts(_) => Memory::Counts(Entries::default()),
            Self::Discrepancy { .. } => Memory::Discrepancy(Travel::default()),
        }
    }

    /// Judges a usable reading of the point that has it. `others` gives the newest usable value of a point of the same equipment.
    /// A memory of another detector is begun anew.
    pub fn step(
        &self,
        memory: &mut Memory,
        value: f64,
        at: LineMillis,
        others: &dyn Fn(&str) -> Option<f64>,
    ) -> Verdict {
        if std::mem::discriminant(memory) != std::mem::discriminant(&self.memory()) {
            *memory = self.memory();
        }
        match (self, memory) {
            (Self::Deviation { from, rule }, _) => {
                let reference = match from {
                    Reference::Fixed(value) => Some(*value),
                    Reference::Point(tag) => others(tag),
                };
                reference.map_or(Verdict::Between, |reference| rule.judge(value, reference))
            }
            (Self::Spike(spike), Memory::Spike(recent)) => spike.step(recent, value),
            (Self::Drift(drift), Memory::Drift(sums)) => drift.step(sums, value, at),
            (Self::Counts(counts), Memory::Counts(entries)) => counts.step(entries, value, at),
            (Self::Discrepancy { command, rule }, Memory::Discrepancy(travel)) => {
                others(command).map_or(Verdict::Between, |c| rule.step(travel, c, value, at))
            }
            (Self::Expression(expression), _) => {
                let values: Vec<_> = expression.points().map(others).collect();
                expression.judge(&values)
            }
            // The memory was made to fit above.
            _ => Verdict::Between,
        }
    }

    /// Reads the settings of a detector.
    ///
    /// # Errors
    /// Every problem found, with the setting that it belongs to.
    pub fn parse(condition: Condition, text: &str) -> Result<Self, Vec<BadSettings>> {
        if condition == Condition::Expression {
            let expression = Expression::parse(text);
            let told = |bad: super::expression::BadExpression| {
                vec![BadSettings::new("settings", bad.to_string())]
            };
            return expression.map(Self::Expression).map_err(told);
        }
        let mut fields = Fields::split(text);
        let detector = match condition {
            Condition::Deviation => {
                let from = fields.reference("from");
                let (limit, deadband) =
                    (fields.number("limit", None), fields.number("deadband", Some(0.0)));
                let side = fields.side();
                from.zip(limit).zip(deadband).zip(side).map(|(((from, limit), deadband), side)| {
                    Self::Deviation { from, rule: Deviation { limit, deadband, side } }
                })
            }
            Condition::Spike => {
                let window = fields.whole("window", None);
                let (k, least) = (fields.number("k", None), fields.number("least", None));
                window
                    .zip(k)
                    .zip(least)
                    .map(|((window, k), least)| Self::Spike(Spike { window, k, least }))
            }
            Condition::Drift => {
                let (target, sigma) = (fields.number("target", None), fields.number("sigma", None));
                let (k, h) = (fields.number("k", Some(0.5)), fields.number("h", Some(5.0)));
                let every_ms = fields.seconds("every_s", Some(0.0));
                target.zip(sigma).zip(k).zip(h).zip(every_ms).map(
                    |((((target, sigma), k), h), every_ms)| {
                        Self::Drift(Drift { target, sigma, k, h, every_ms })
                    },
                )
            }
            Condition::Counts => {
                let (state, at_least) =
                    (fields.whole("state", None), fields.whole("at_least", None));
                let window_ms = fields.seconds("window_s", None);
                state.zip(at_least).zip(window_ms).map(|((state, at_least), window_ms)| {
                    Self::Counts(Counts { state, at_least, window_ms })
                })
            }
            Condition::Discrepancy => {
                let command = fields.point("command");
                let travel_ms = fields.seconds("travel_s", None);
                let offset = fields.whole("offset", Some(0));
                command.zip(travel_ms).zip(offset).map(|((command, travel_ms), offset)| {
                    Self::Discrepancy { command, rule: Discrepancy { travel_ms, offset } }
                })
            }
            other => {
                let why = format!(
                    "{} is no detector: DEVIATION, SPIKE, DRIFT, COUNTS, DISCREPANCY or EXPRESSION",
                    other.code()
                );
                return Err(vec![BadSettings::new("condition", why)]);
            }
        };
        let mut problems = fields.left_over();
        if let Some(detector) = &detector {
            let checked = match detector {
                Self::Deviation { rule, .. } => rule.check(),
                Self::Spike(rule) => rule.check(),
                Self::Drift(rule) => rule.check(),
                Self::Counts(rule) => rule.check(),
                Self::Discrepancy { rule, .. } => rule.check(),
                Self::Expression(_) => Ok(()),
            };
            problems.extend(checked.err().unwrap_or_default().into_iter().map(|problem| {
                BadSettings::new("settings", format!("{} {}", problem.field, problem.why))
            }));
        }
        match detector {
            Some(detector) if problems.is_empty() => Ok(detector),
            _ => Err(problems),
        }
    }

    /// The bound that a value has gone beyond, for the alarm log; `None` where there is no such number.
    #[must_use]
    pub fn broken_limit(&self, value: f64, others: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        let Self::Deviation { from, rule } = self else { return None };
        let reference = match from {
            Reference::Fixed(value) => *value,
            Reference::Point(tag) => others(tag)?,
        };
        Some(if value < reference { reference - rule.limit } else { reference + rule.limit })
    }
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: u32| f64::from(ms) / 1_000.0;
        match self {
            Self::Deviation { from, rule } => {
                match from {
                    Reference::Fixed(value) => write!(f, "from={value}")?,
                    Reference::Point(tag) => write!(f, "from=[{tag}]")?,
                }
                let side = match rule.side {
                    Side::Either => "either",
                    Side::Above => "above",
                    Side::Below => "below",
                };
                write!(f, "; limit={}; deadband={}; side={side}", rule.limit, rule.deadband)
            }
            Self::Spike(s) => write!(f, "window={}; k={}; least={}", s.window, s.k, s.least),
            Self::Drift(d) => write!(
                f,
                "target={}; sigma={}; k={}; h={}; every_s={}",
                d.target,
                d.sigma,
                d.k,
                d.h,
                seconds(d.every_ms)
            ),
            Self::Counts(c) => write!(
                f,
                "state={}; at_least={}; window_s={}",
                c.state,
                c.at_least,
                seconds(c.window_ms)
            ),
            Self::Discrepancy { command, rule } => write!(
                f,
                "command=[{command}]; travel_s={}; offset={}",
                seconds(rule.travel_ms),
                rule.offset
            ),
            Self::Expression(expression) => write!(f, "{expression}"),
        }
    }
}

/// `key=value; key=value`, taken apart; gathers what is wrong.
struct Fields<'a> {
    given: Vec<(&'a str, &'a str)>,
    known: Vec<&'static str>,
    problems: Vec<BadSettings>,
}

impl<'a> Fields<'a> {
    fn split(text: &'a str) -> Self {
        let (mut given, mut problems) = (Vec::<(&str, &str)>::new(), Vec::new());
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some((key, _)) if given.iter().any(|(known, _)| *known == key) => {
                    problems.push(BadSettings::new("settings", format!("{key} stands twice")));
                }
                Some(pair) => given.push(pair),
                None => {
                    let why = format!("{part:?} has no =; write key=value; key=value");
                    problems.push(BadSettings::new("settings", why));
                }
            }
        }
        Self { given, known: Vec::new(), problems }
    }

    fn wrong(&mut self, why: String) {
        self.problems.push(BadSettings::new("settings", why));
    }

    fn take(&mut self, key: &'static str) -> Option<&'a str> {
        self.known.push(key);
        self.given.iter().find(|(given, _)| *given == key).map(|(_, value)| *value)
    }

    fn read<T: std::str::FromStr>(
        &mut self,
        key: &'static str,
        default: Option<T>,
        wanted: &str,
    ) -> Option<T> {
        match (self.take(key), default) {
            (Some(text), _) => {
                let value = text.parse().ok();
                if value.is_none() {
                    self.wrong(format!("{key} is {text:?}: {wanted} is needed"));
                }
                value
            }
            (None, Some(default)) => Some(default),
            (None, None) => {
                self.wrong(format!("{key} is missing; write {key}={wanted}"));
                None
            }
        }
    }

    fn number(&mut self, key: &'static str, default: Option<f64>) -> Option<f64> {
        self.read(key, default, "a number")
    }

    fn whole<T: std::str::FromStr>(&mut self, key: &'static str, default: Option<T>) -> Option<T> {
        self.read(key, default, "a whole number that fits")
    }

    /// Seconds with up to three decimals, as milliseconds.
    fn seconds(&mut self, key: &'static str, default: Option<f64>) -> Option<u32> {
        let seconds = self.number(key, default)?;
        let ms = (seconds * 1_000.0).round();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        let fits = (0.0..=f64::from(u32::MAX)).contains(&ms).then_some(ms as u32);
        if fits.is_none() {
            self.wrong(format!("{key} is {seconds}: seconds from 0 are needed"));
        }
        fits
    }

    fn point(&mut self, key: &'static str) -> Option<Box<str>> {
        let text: String = self.read(key, None, "[TAG]")?;
        let tag = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim);
        let tag = tag.filter(|tag| !tag.is_empty());
        if tag.is_none() {
            self.wrong(format!("{key} is {text:?}: a point in brackets is needed, as [TAG]"));
        }
        tag.map(Into::into)
    }

    fn reference(&mut self, key: &'static str) -> Option<Reference> {
        if self.given.iter().any(|(given, value)| *given == key && value.starts_with('[')) {
            return self.point(key).map(Reference::Point);
        }
        let value = self.read(key, None, "a number, or a point as [TAG]")?;
        if !f64::is_finite(value) {
            self.wrong(format!("{key} is {value}: a finite number is needed"));
            return None;
        }
        Some(Reference::Fixed(value))
    }

    fn side(&mut self) -> Option<Side> {
        let side = match self.take("side") {
            None | Some("either") => Side::Either,
            Some("above") => Side::Above,
            Some("below") => Side::Below,
            Some(other) => {
                self.wrong(format!("side is {other:?}: either, above or below"));
                return None;
            }
        };
        Some(side)
    }

    /// Every problem, with the keys that mean nothing.
    fn left_over(mut self) -> Vec<BadSettings> {
        let unknown = self.given.iter().filter(|(key, _)| !self.known.contains(key));
        let told: Vec<String> = unknown
            .map(|(key, _)| {
                format!("{key} means nothing here; known are {}", self.known.join(", "))
            })
            .collect();
        told.into_iter().for_each(|why| self.wrong(why));
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: [(Condition, &str); 7] = [
        (Condition::Deviation, "from=[PT-1203B]; limit=0.2; deadband=0.05; side=above"),
        (Condition::Deviation, "from=1.6; limit=0.2; deadband=0; side=either"),
        (Condition::Spike, "window=9; k=4; least=1.5"),
        (Condition::Drift, "target=50; sigma=0.5; k=0.5; h=5; every_s=60"),
        (Condition::Counts, "state=1; at_least=5; window_s=600"),
        (Condition::Discrepancy, "command=[XV-1203C]; travel_s=2.5; offset=-1"),
        (Condition::Expression, "[TT-1203] > 40 and ([PT-1203] >= 1.2 or not [XV-1] = 1)"),
    ];

    #[test]
    fn every_detector_is_written_as_it_is_read_and_kept_as_it_is() {
        for (condition, text) in EACH {
            let detector =
                Detector::parse(condition, text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(detector.condition(), condition);
            assert!(condition.is_detected());
            assert_eq!(detector.to_string(), text);
            let bytes = postcard::to_stdvec(&detector).unwrap();
            assert_eq!(postcard::from_bytes::<Detector>(&bytes).unwrap(), detector);
        }
    }

    #[test]
    fn the_points_of_the_same_equipment_are_named() {
        let points = |at: usize| {
            let (condition, text) = EACH[at];
            Detector::parse(condition, text).unwrap().points().join(" ")
        };
        assert_eq!((points(0), points(1)), ("PT-1203B".to_owned(), String::new()));
        assert_eq!(points(5), "XV-1203C");
        assert_eq!(points(6), "TT-1203 PT-1203 XV-1");
    }

    #[test]
    fn what_is_left_out_has_a_usual_value_where_there_is_one() {
        let read = |condition, text| Detector::parse(condition, text).unwrap().to_string();
        let deviation = read(Condition::Deviation, "limit=2;from=5");
        assert_eq!(deviation, "from=5; limit=2; deadband=0; side=either");
        let drift = read(Condition::Drift, " target = 1 ; sigma = 2 ; ");
        assert_eq!(drift, "target=1; sigma=2; k=0.5; h=5; every_s=0");
    }

    #[test]
    fn a_wrong_text_is_told_with_every_problem() {
        for (condition, text, expected) in [
            (Condition::Spike, "", &["window is missing", "k is missing", "least is missing"][..]),
            (Condition::Spike, "window=300; k=x; least=1", &["window is \"300\"", "k is \"x\""]),
            (Condition::Spike, "window=4; k=3; least=1", &["window is 4: 5 to 61"]),
            (Condition::Spike, "window=9; k=3; least=1; z=1", &["z means nothing here"]),
            (
                Condition::Spike,
                "window=9; k=3; k=4; least",
                &["k stands twice", "\"least\" has no =", "least is missing"],
            ),
            (Condition::Deviation, "from=PT; limit=1", &["from is \"PT\""]),
            (
                Condition::Deviation,
                "from=[]; limit=1; side=left",
                &["from is \"[]\"", "side is \"left\""],
            ),
            (Condition::Deviation, "from=NaN; limit=1", &["from is NaN"]),
            (Condition::Counts, "state=1; at_least=3; window_s=-1", &["window_s is -1"]),
            (Condition::Discrepancy, "command=XV-1; travel_s=1", &["command is \"XV-1\""]),
            (Condition::Expression, "[A] >", &["at character 6"]),
            (Condition::High, "x=1", &["H is no detector"]),
        ] {
            let found = Detector::parse(condition, text).expect_err(text);
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.why.contains(expected), "{text}: {found}");
            }
        }
    }

    #[test]
    fn a_point_without_a_value_decides_nothing() {
        for (condition, text) in [EACH[0], EACH[5], (Condition::Expression, "[A] > 1")] {
            let detector = Detector::parse(condition, text).unwrap();
            let verdict = detector.step(&mut Memory::None, 100.0, LineMillis(0), &|_| None);
            assert_eq!(verdict, Verdict::Between, "{text}");
        }
    }
}
