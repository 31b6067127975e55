//! Which alarms make a warning, and of which colour: data that an administrator edits.
//!
//! No public rule says which alarm is which colour (`monitoring.md` §3.4: the thresholds of the national warning model were not found).
//! What is shipped is a proposal of this project and is marked as one wherever it is shown. What goes into it (repetition, time to clear,
//! several detectors of one source) follows the model's published inputs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AlarmFacts, Place, WarningKind};
use crate::alarm::{Condition, Level};
use crate::colour::Colour;

/// Most rules of one set.
pub const RULES_MAX: usize = 100;
/// Longest time that a rule may look at, in seconds: a day.
pub const SECONDS_MAX: u32 = 86_400;
/// Most alarms that a rule may count.
pub const COUNT_MAX: u32 = 1_000;

/// How wide a warning gathers its alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gathers {
    /// One warning for each tank, unit or warehouse.
    Equipment,
    /// One for each hazard source.
    Hazard,
    /// One for the whole enterprise.
    Enterprise,
}

/// One rule. Everything that it states must hold; what is empty or zero asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarningRule {
    /// Short name that stays the same; letters, digits and `-`.
    pub id: String,
    /// For people.
    pub name: String,
    /// A rule that is off makes no warning.
    pub enabled: bool,
    /// Kind of danger.
    pub kind: WarningKind,
    /// Colour that it gives.
    pub colour: Colour,
    /// How wide it gathers.
    pub gathers: Gathers,
    /// One of these conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// One of these levels.
    #[serde(default)]
    pub levels: Vec<Level>,
    /// Of a signal type that begins with one of these: `gas_` is every gas detector.
    #[serde(default)]
    pub signals: Vec<String>,
    /// And of none that begins with one of these.
    #[serde(default)]
    pub except_signals: Vec<String>,
    /// Of equipment of a hazard source alone.
    #[serde(default)]
    pub of_hazard_source: bool,
    /// The alarm must stand for so many seconds.
    #[serde(default)]
    pub standing_s: u32,
    /// So many alarms that fit, within `within_s`; 0 and 1 are one.
    #[serde(default)]
    pub count: u32,
    /// Seconds, where `count` is more than one.
    #[serde(default)]
    pub within_s: u32,
    /// Where it comes from, or that it is a proposal.
    pub basis: String,
}

/// What is wrong with a set of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRule {
    /// Which one, from 0; `None` for the set.
    pub rule: Option<usize>,
    /// Which field.
    pub field: &'static str,
    /// What, and what would do.
    pub why: String,
}

impl WarningRule {
    /// Whether an alarm is one that the rule speaks of, whatever it says of time and number.
    #[must_use]
    pub fn fits(&self, alarm: &AlarmFacts) -> bool {
        let among = |list: &[String], signal: &str| list.iter().any(|s| signal.starts_with(&**s));
        self.enabled
            && (self.conditions.is_empty() || self.conditions.contains(&alarm.condition))
            && (self.levels.is_empty() || self.levels.contains(&alarm.level))
            && (self.signals.is_empty()
                || alarm.signal.as_deref().is_some_and(|signal| among(&self.signals, signal)))
            && !alarm.signal.as_deref().is_some_and(|signal| among(&self.except_signals, signal))
            && (!self.of_hazard_source || alarm.place.hazard.is_some())
    }

    /// The place whose warning an alarm belongs to by this rule.
    #[must_use]
    pub fn place(&self, alarm: &AlarmFacts) -> Place {
        let (enterprise, hazard) = (alarm.place.enterprise.clone(), alarm.place.hazard.clone());
        match self.gathers {
            Gathers::Equipment => {
                Place { enterprise, hazard, equipment: alarm.place.equipment.clone() }
            }
            Gathers::Hazard => Place { enterprise, hazard, equipment: None },
            Gathers::Enterprise => Place { enterprise, hazard: None, equipment: None },
        }
    }

    /// Whether it counts alarms.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.count > 1
    }
}

/// Every problem of a set of rules.
///
/// # Errors
/// All of them.
pub fn check(rules: &[WarningRule]) -> Result<(), Vec<BadRule>> {
    let mut problems = Vec::new();
    let mut bad = |rule, field, why: String| problems.push(BadRule { rule, field, why });
    if rules.len() > RULES_MAX {
        bad(None, "rules", format!("{} rules are more than {RULES_MAX}", rules.len()));
    }
    let mut ids = BTreeSet::new();
    for (n, rule) in rules.iter().enumerate() {
        let at = Some(n);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if rule.id.is_empty() || rule.id.len() > 40 || !rule.id.chars().all(plain) {
            bad(at, "id", "write 1 to 40 letters, digits or '-'".into());
        } else if !ids.insert(&rule.id) {
            bad(at, "id", format!("{:?} is the id of an earlier rule as well", rule.id));
        }
        if rule.name.trim().is_empty() || rule.name.chars().count() > 100 {
            bad(at, "name", "write 1 to 100 characters".into());
        }
        if rule.basis.chars().count() > 500 {
            bad(at, "basis", "write at most 500 characters".into());
        }
        for (field, signals) in
            [("signals", &rule.signals), ("except_signals", &rule.except_signals)]
        {
            if signals.len() > 20 || signals.iter().any(|s| s.is_empty() || s.len() > 40) {
                bad(at, field, "write at most 20 signal types or their beginnings".into());
            }
        }
        if rule.standing_s > SECONDS_MAX {
            bad(at, "standing_s", format!("write at most {SECONDS_MAX} seconds"));
        }
        if rule.count > COUNT_MAX {
            bad(at, "count", format!("write at most {COUNT_MAX} alarms"));
        }
        if rule.counts() && !(1..=SECONDS_MAX).contains(&rule.within_s) {
            bad(at, "within_s", format!("a rule that counts needs 1 to {SECONDS_MAX} seconds"));
        }
        if rule.counts() && rule.standing_s > 0 {
            bad(at, "standing_s", "a rule that counts cannot ask for a time of standing".into());
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

const PROPOSAL: &str = "建议值，待管理员核定 (proposal)";

struct Shipped {
    id: &'static str,
    name: &'static str,
    kind: WarningKind,
    colour: Colour,
    gathers: Gathers,
    conditions: &'static [Condition],
    levels: &'static [Level],
    signals: &'static [&'static str],
    except: &'static [&'static str],
    standing_s: u32,
    count: u32,
    within_s: u32,
}

const ANY: Shipped = Shipped {
    id: "",
    name: "",
    kind: WarningKind::Process,
    colour: Colour::Blue,
    gathers: Gathers::Equipment,
    conditions: &[],
    levels: &[],
    signals: &[],
    except: &[],
    standing_s: 0,
    count: 0,
    within_s: 0,
};

/// The rules that are shipped: proposals.
#[must_use]
pub fn shipped() -> Vec<WarningRule> {
    use Colour::{Blue, Orange, Red, Yellow};
    use Condition::{
        BadQuality, CenterLink, DeviceLost, Fault, Frozen, GatewayLost, High, HighHigh, Low,
        LowLow, Missing, OutOfRange, RateOfChange, State,
    };
    use Gathers::{Enterprise, Hazard};
    use WarningKind::{Data, Fire, Gas};
    let gas = Shipped { kind: Gas, gathers: Hazard, signals: &["gas_"], ..ANY };
    // What has a rule of its own above makes no second warning of the process.
    let process = Shipped { except: &["gas_", "fire", "smoke", "flame"], ..ANY };
    let data = Shipped { kind: Data, gathers: Enterprise, ..ANY };
    let rules = [
        Shipped {
            id: "gas-hh-several",
            name: "多点气体高高报",
            colour: Red,
            conditions: &[HighHigh],
            count: 2,
            within_s: 600,
            ..gas
        },
        Shipped {
            id: "gas-hh",
            name: "气体高高报",
            colour: Orange,
            conditions: &[HighHigh],
            ..gas
        },
        Shipped { id: "gas-h", name: "气体高报", colour: Yellow, conditions: &[High], ..gas },
        Shipped {
            id: "fire",
            name: "火灾、烟雾报警",
            kind: Fire,
            colour: Orange,
            conditions: &[State],
            signals: &["fire", "smoke", "flame"],
            ..ANY
        },
        Shipped {
            id: "level1-standing",
            name: "一级报警持续五分钟",
            colour: Red,
            conditions: &[HighHigh, LowLow, State],
            levels: &[Level::ONE],
            standing_s: 300,
            ..process
        },
        Shipped {
            id: "level1",
            name: "一级工艺报警",
            colour: Orange,
            conditions: &[HighHigh, LowLow, RateOfChange, State],
            levels: &[Level::ONE],
            ..process
        },
        Shipped {
            id: "level2",
            name: "二级工艺报警",
            colour: Yellow,
            conditions: &[HighHigh, LowLow, High, Low, RateOfChange, State],
            levels: &[Level::TWO],
            ..process
        },
        Shipped {
            id: "level3-standing",
            name: "三级工艺报警持续五分钟",
            colour: Blue,
            conditions: &[High, Low, RateOfChange, State],
            levels: &[Level::THREE],
            standing_s: 300,
            ..process
        },
        Shipped {
            id: "repeated",
            name: "一小时内重复报警五次",
            colour: Yellow,
            conditions: &[HighHigh, High, Low, LowLow, RateOfChange],
            count: 5,
            within_s: 3_600,
            ..process
        },
        Shipped {
            id: "center-lost",
            name: "中心链路中断",
            colour: Orange,
            conditions: &[CenterLink],
            ..data
        },
        Shipped {
            id: "gateway-lost",
            name: "采集主机断链十分钟",
            colour: Yellow,
            conditions: &[GatewayLost],
            standing_s: 600,
            ..data
        },
        Shipped {
            id: "device-lost",
            name: "仪表设备断链十分钟",
            colour: Blue,
            conditions: &[DeviceLost],
            standing_s: 600,
            ..data
        },
        Shipped {
            id: "gas-blind",
            name: "气体检测失效半小时",
            colour: Yellow,
            conditions: &[BadQuality, Missing, Frozen, Fault, OutOfRange],
            signals: &["gas_"],
            standing_s: 1_800,
            gathers: Hazard,
            ..data
        },
    ];
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    rules
        .into_iter()
        .map(|rule| WarningRule {
            id: rule.id.to_owned(),
            name: rule.name.to_owned(),
            enabled: true,
            kind: rule.kind,
            colour: rule.colour,
            gathers: rule.gathers,
            conditions: rule.conditions.to_vec(),
            levels: rule.levels.to_vec(),
            signals: own(rule.signals),
            except_signals: own(rule.except),
            of_hazard_source: false,
            standing_s: rule.standing_s,
            count: rule.count,
            within_s: rule.within_s,
            basis: PROPOSAL.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::AlarmPlace;
    use crate::ids::{EnterpriseCode, EquipmentId, HazardCode};

    fn facts(condition: Condition, level: u8, signal: Option<&str>) -> AlarmFacts {
        AlarmFacts {
            condition,
            level: Level::new(level).unwrap(),
            signal: signal.map(Into::into),
            place: AlarmPlace {
                enterprise: Some(EnterpriseCode::new("410205001").unwrap()),
                hazard: Some(HazardCode::new("410205001001").unwrap()),
                equipment: Some(EquipmentId::new("410205001.V-1203").unwrap()),
            },
            late: false,
        }
    }

    #[test]
    fn what_is_shipped_has_no_fault_and_fits_what_it_names() {
        let rules = shipped();
        assert_eq!(check(&rules), Ok(()));
        let of = |facts: &AlarmFacts| {
            let fitting = rules.iter().filter(|rule| rule.fits(facts));
            fitting.map(|rule| rule.id.as_str()).collect::<Vec<_>>().join(" ")
        };
        for (condition, level, signal, expected) in [
            (Condition::HighHigh, 1, Some("gas_toxic"), "gas-hh-several gas-hh"),
            (Condition::High, 2, Some("gas_combustible"), "gas-h"),
            (Condition::HighHigh, 1, Some("level"), "level1-standing level1 repeated"),
            (Condition::High, 3, Some("level"), "level3-standing repeated"),
            (Condition::GatewayLost, 2, None, "gateway-lost"),
            (Condition::CenterLink, 1, None, "center-lost"),
            (Condition::Frozen, 4, Some("gas_toxic"), "gas-blind"),
            (Condition::Frozen, 4, Some("level"), ""),
        ] {
            assert_eq!(
                of(&facts(condition, level, signal)),
                expected,
                "{condition:?} {level} {signal:?}"
            );
        }
    }

    #[test]
    fn every_problem_is_named_with_its_rule_and_field() {
        let mut rules = shipped();
        rules[0].within_s = 0;
        rules[1].id = rules[0].id.clone();
        rules[2].id = "a b".into();
        rules[3].name = " ".into();
        rules[4].standing_s = SECONDS_MAX + 1;
        rules[8].standing_s = 1;
        let found: Vec<_> =
            check(&rules).unwrap_err().iter().map(|p| (p.rule.unwrap(), p.field)).collect();
        let expected = [
            (0, "within_s"),
            (1, "id"),
            (2, "id"),
            (3, "name"),
            (4, "standing_s"),
            (8, "standing_s"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_rule_gathers_as_wide_as_it_says() {
        let facts = facts(Condition::High, 2, Some("gas_toxic"));
        let mut rule = shipped().remove(2);
        for (gathers, place) in [
            (Gathers::Equipment, "equipment:410205001.V-1203"),
            (Gathers::Hazard, "hazard:410205001001"),
            (Gathers::Enterprise, "enterprise:410205001"),
        ] {
            rule.gathers = gathers;
            assert_eq!(rule.place(&facts).to_string(), place);
        }
    }
}
