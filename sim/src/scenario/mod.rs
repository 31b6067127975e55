//! Scenarios: what happens in the park, when, and what the center must show for it.
//!
//! A scenario is planned on the park as it is at that moment (a tank is filled from the level that it has), into a time line of
//! actions and a list of expectations, both plain data: the tester's page shows them and the tests judge by them. Time lines
//! count simulated seconds from the start.

mod library;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use library::{ALL, DEVICE_RETRY_MS, GRACE_MS, find};

use crate::field::front::ServerFault;
use crate::model::{Disturbance, Park, SensorFault};
use crate::plant::Plant;

/// A scenario by name.
pub struct Scenario {
    /// The name by which it is started.
    pub name: &'static str,
    /// Chinese title.
    pub title_zh: &'static str,
    /// English title.
    pub title_en: &'static str,
    /// What happens, Chinese.
    pub about_zh: &'static str,
    /// What happens, English.
    pub about_en: &'static str,
    /// What can be set.
    pub parameters: &'static [Parameter],
    plan: fn(&Park, &Chosen) -> Result<Timeline, BadParameter>,
}

/// Something that can be set.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// Unit, or empty.
    pub unit: &'static str,
    /// Where nothing is given. A text where the parameter is an identity.
    pub default: Given<'static>,
    /// Smallest number.
    pub min: f64,
    /// Largest number.
    pub max: f64,
    /// Chinese label.
    pub zh: &'static str,
    /// English label.
    pub en: &'static str,
}

/// A number or an identity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Given<'a> {
    /// A number.
    Number(f64),
    /// An identity.
    Id(&'a str),
}

/// A parameter that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadParameter {
    /// Which one.
    pub field: String,
    /// Why not.
    pub why: String,
}

/// Parameters as given, checked against what the scenario declares.
pub struct Chosen {
    values: BTreeMap<String, serde_json::Value>,
    declared: &'static [Parameter],
}

impl Chosen {
    fn new(
        declared: &'static [Parameter],
        values: BTreeMap<String, serde_json::Value>,
    ) -> Result<Self, BadParameter> {
        for (name, value) in &values {
            let bad = |why: String| BadParameter { field: name.clone(), why };
            let parameter = declared
                .iter()
                .find(|p| p.name == name)
                .ok_or_else(|| bad("the scenario has no such parameter".to_owned()))?;
            let good = match parameter.default {
                Given::Number(_) => {
                    value.as_f64().is_some_and(|v| (parameter.min..=parameter.max).contains(&v))
                }
                Given::Id(_) => value.is_string(),
            };
            if !good {
                return Err(bad(match parameter.default {
                    Given::Number(_) => {
                        format!("a number from {} to {}", parameter.min, parameter.max)
                    }
                    Given::Id(_) => "a text".to_owned(),
                }));
            }
        }
        Ok(Self { values, declared })
    }

    fn number(&self, name: &str) -> f64 {
        let default = self.declared.iter().find(|p| p.name == name).map(|p| p.default);
        let default = if let Some(Given::Number(number)) = default { number } else { 0.0 };
        self.values.get(name).and_then(serde_json::Value::as_f64).unwrap_or(default)
    }

    fn id(&self, name: &str) -> &str {
        let default = self.declared.iter().find(|p| p.name == name).map(|p| p.default);
        let default = if let Some(Given::Id(id)) = default { id } else { "" };
        self.values.get(name).and_then(serde_json::Value::as_str).unwrap_or(default)
    }
}

/// One thing that a scenario does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something begins to happen to a piece of equipment.
    Disturb(usize, Disturbance),
    /// Everything that happens to a piece of equipment ends.
    Calm(usize),
    /// An instrument breaks, or is mended.
    Instrument(usize, Option<SensorFault>),
    /// A field server misbehaves, or behaves again.
    Server(usize, Option<ServerFault>),
    /// The link between a gateway and the center is cut, or joined.
    GatewayLink(usize, bool),
    /// The clock of a gateway is set wrong by so many milliseconds.
    ClockOffset(usize, i64),
}

/// An action at its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Simulated seconds after the start.
    pub at_s: f64,
    /// What is done.
    pub action: Action,
}

/// What a scenario does and what must be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Actions by time.
    pub steps: Vec<Step>,
    /// What the center must show.
    pub expectations: Vec<Expectation>,
    /// When it is over.
    pub ends_s: f64,
}

/// From what moment an expectation counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Moment {
    /// The instant at which the value in the field crossed the limit, as the recorder noted it.
    Crossing {
        /// The point's own delay, which must have passed.
        delay_ms: u32,
        /// The scan that must first read the value.
        scan_ms: u32,
        /// Then this long at most.
        within_ms: u32,
    },
    /// A moment of the time line.
    Step {
        /// Simulated seconds after the start.
        at_s: f64,
        /// How long the center, or whoever must first notice, is to wait: seconds of the clock at any speed.
        delay_ms: u32,
        /// The scan that must first meet with it, where a device must be asked.
        scan_ms: u32,
        /// Then this long at most.
        within_ms: u32,
    },
}

/// What the center must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// Subject of the alarm: a point, `gateway:ID` or `device:GATEWAY/DEVICE`; `*` ends a text that many begin with.
    pub subject: String,
    /// Code of the alarm's condition.
    pub condition: String,
    /// False where there must be no such alarm.
    pub must: bool,
    /// From when and how soon.
    pub raised: Option<Moment>,
    /// From when and how soon it clears.
    pub clears: Option<Moment>,
    /// In words, Chinese.
    pub zh: String,
    /// In words, English.
    pub en: String,
}

impl Scenario {
    /// Whether what it acts on where nothing is said stands in this plant.
    #[must_use]
    pub fn is_offered(&self, plant: &Plant) -> bool {
        self.parameters.iter().all(|parameter| match (parameter.name, parameter.default) {
            ("equipment", Given::Id(id)) => plant.equipment(id).is_some(),
            ("point", Given::Id(id)) => plant.point(id).is_some(),
            ("enterprise", Given::Id(id)) => plant.enterprise(id).is_some(),
            _ => true,
        })
    }

    /// Plans the scenario on the park as it is now.
    ///
    /// # Errors
    /// When a parameter is unknown, out of its bounds, or names what is not there.
    pub fn plan(
        &self,
        park: &Park,
        parameters: BTreeMap<String, serde_json::Value>,
    ) -> Result<Timeline, BadParameter> {
        let mut timeline = (self.plan)(park, &Chosen::new(self.parameters, parameters)?)?;
        timeline.steps.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        Ok(timeline)
    }
}
