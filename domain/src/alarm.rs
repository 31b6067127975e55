//! What an alarm is: its identity, condition, level, and the entries that its life leaves in the alarm log.
//!
//! Which states an alarm goes through stands in `life_cycle.rs`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::equipment_state::EquipmentState;
use crate::ids::{EnterpriseCode, EquipmentId, HazardCode};
use crate::life_cycle::{Quiet, ResumeReason, Until};
use crate::time::UtcMillis;

/// What is wrong. The order is the order of display within one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Condition {
    /// 高高报
    #[serde(rename = "HH")]
    HighHigh,
    /// 高报
    #[serde(rename = "H")]
    High,
    /// 低报
    #[serde(rename = "L")]
    Low,
    /// 低低报
    #[serde(rename = "LL")]
    LowLow,
    /// 变化率
    #[serde(rename = "ROC")]
    RateOfChange,
    /// 状态报警 of a discrete point
    #[serde(rename = "STATE")]
    State,
    /// 超量程
    #[serde(rename = "RANGE")]
    OutOfRange,
    /// 坏值: the source itself says that the value is bad.
    #[serde(rename = "BAD")]
    BadQuality,
    /// 信号冻结
    #[serde(rename = "FROZEN")]
    Frozen,
    /// 数据缺失: no reading though everything above the point is connected.
    #[serde(rename = "MISSING")]
    Missing,
    /// 仪表设备断链: the field device does not answer its gateway.
    #[serde(rename = "DEVICE")]
    DeviceLost,
    /// 采集主机断链
    #[serde(rename = "GATEWAY")]
    GatewayLost,
    /// 中心链路中断: every gateway lost at once, so the center's own link is.
    #[serde(rename = "CENTER")]
    CenterLink,
    /// 传感器故障: the hosted actor crashes on its readings.
    #[serde(rename = "FAULT")]
    Fault,
    /// 偏差: too far from a set-point or a sibling.
    #[serde(rename = "DEVIATION")]
    Deviation,
    /// 尖峰: a sample far from what the signal has just been.
    #[serde(rename = "SPIKE")]
    Spike,
    /// 漂移: a small shift that lasts.
    #[serde(rename = "DRIFT")]
    Drift,
    /// 计次: a state was entered too often within a window.
    #[serde(rename = "COUNTS")]
    Counts,
    /// 不一致: what was commanded has not come about in time.
    #[serde(rename = "DISCREPANCY")]
    Discrepancy,
    /// 表达式: a condition that is written down.
    #[serde(rename = "EXPRESSION")]
    Expression,
}

impl Condition {
    /// Every condition, in the order of display.
    pub const ALL: [Self; 20] = [
        Self::HighHigh,
        Self::High,
        Self::Low,
        Self::LowLow,
        Self::RateOfChange,
        Self::State,
        Self::OutOfRange,
        Self::BadQuality,
        Self::Frozen,
        Self::Missing,
        Self::DeviceLost,
        Self::GatewayLost,
        Self::CenterLink,
        Self::Fault,
        Self::Deviation,
        Self::Spike,
        Self::Drift,
        Self::Counts,
        Self::Discrepancy,
        Self::Expression,
    ];

    /// Stable code, as in identities and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HighHigh => "HH",
            Self::High => "H",
            Self::Low => "L",
            Self::LowLow => "LL",
            Self::RateOfChange => "ROC",
            Self::State => "STATE",
            Self::OutOfRange => "RANGE",
            Self::BadQuality => "BAD",
            Self::Frozen => "FROZEN",
            Self::Missing => "MISSING",
            Self::DeviceLost => "DEVICE",
            Self::GatewayLost => "GATEWAY",
            Self::CenterLink => "CENTER",
            Self::Fault => "FAULT",
            Self::Deviation => "DEVIATION",
            Self::Spike => "SPIKE",
            Self::Drift => "DRIFT",
            Self::Counts => "COUNTS",
            Self::Discrepancy => "DISCREPANCY",
            Self::Expression => "EXPRESSION",
        }
    }

    /// Whether a detector of the point finds it (`detect.rs`), and not the sensor's own step.
    #[must_use]
    pub const fn is_detected(self) -> bool {
        matches!(
            self,
            Self::Deviation
                | Self::Spike
                | Self::Drift
                | Self::Counts
                | Self::Discrepancy
                | Self::Expression
        )
    }

    /// The condition of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }
}

/// Severity: 1 is the gravest, 4 the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// 一级
    pub const ONE: Self = Self(1);
    /// 二级
    pub const TWO: Self = Self(2);
    /// 三级
    pub const THREE: Self = Self(3);
    /// 四级
    pub const FOUR: Self = Self(4);

    /// `None` for anything but 1 to 4.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level >= 1 && level <= 4 { Some(Self(level)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Level {
    type Error = String;
    fn try_from(level: u8) -> Result<Self, String> {
        Self::new(level).ok_or_else(|| format!("{level} is no alarm level: 1 (gravest) to 4"))
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

/// Default level of a condition, where its limit states none. A proposal (design, point 7), to be corrected per limit:
/// gas HH, and HH or LL of a hazard source's equipment 1; gas H, HH or LL elsewhere, a lost gateway 2; H, L, rate, state,
/// a lost device 3, also deviation, counts, discrepancy and expression; frozen, missing, bad, out of range, spike and drift 4; a lost center link 1.
#[must_use]
pub fn default_level(condition: Condition, signal: &str, of_hazard_source: bool) -> Level {
    let gas = signal.starts_with("gas_");
    match condition {
        Condition::CenterLink => Level::ONE,
        Condition::HighHigh if gas || of_hazard_source => Level::ONE,
        Condition::LowLow if of_hazard_source => Level::ONE,
        Condition::HighHigh | Condition::LowLow | Condition::GatewayLost => Level::TWO,
        Condition::High if gas => Level::TWO,
        Condition::High
        | Condition::Low
        | Condition::RateOfChange
        | Condition::State
        | Condition::DeviceLost
        | Condition::Fault
        | Condition::Deviation
        | Condition::Counts
        | Condition::Discrepancy
        | Condition::Expression => Level::THREE,
        Condition::OutOfRange
        | Condition::BadQuality
        | Condition::Frozen
        | Condition::Missing
        | Condition::Spike
        | Condition::Drift => Level::FOUR,
    }
}

/// What an alarm is about: a point by its identity, or a node of the data path (`gateway:41020500101`,
/// `device:41020500101/plc-1`, `center`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlarmSubject(pub std::sync::Arc<str>);

/// Identity of an alarm: subject, condition, and which occurrence of it. Never re-used, the same after a replay.
/// As text `SUBJECT|CONDITION|OCCURRENCE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlarmId {
    /// What it is about.
    pub subject: AlarmSubject,
    /// What is wrong.
    pub condition: Condition,
    /// Counted from 1 per subject and condition; the counter lives in the host's checkpoint.
    pub occurrence: u32,
}

/// An alarm as such, whatever its occurrences: what can be shelved or taken out of service. As text `SUBJECT|CONDITION`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlarmKey {
    /// What it is about.
    pub subject: AlarmSubject,
    /// What is wrong.
    pub condition: Condition,
}

impl AlarmKey {
    /// One occurrence of it; 0 for none.
    #[must_use]
    pub fn occurrence(&self, occurrence: u32) -> AlarmId {
        AlarmId { subject: self.subject.clone(), condition: self.condition, occurrence }
    }
}

impl fmt::Display for AlarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.subject.0, self.condition.code())
    }
}

impl From<AlarmKey> for String {
    fn from(key: AlarmKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for AlarmKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.rsplit_once('|').and_then(|(subject, condition)| {
            let condition = Condition::from_code(condition)?;
            let known = !subject.is_empty() && !subject.contains('|');
            known.then(|| Self { subject: AlarmSubject(subject.into()), condition })
        });
        parsed.ok_or_else(|| format!("{text:?} is no alarm: SUBJECT|CONDITION"))
    }
}

impl AlarmId {
    /// The alarm of which it is an occurrence.
    #[must_use]
    pub fn key(&self) -> AlarmKey {
        AlarmKey { subject: self.subject.clone(), condition: self.condition }
    }
}

impl fmt::Display for AlarmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|{}", self.subject.0, self.condition.code(), self.occurrence)
    }
}

impl From<AlarmId> for String {
    fn from(id: AlarmId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for AlarmId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, '|');
        let parsed = (|| {
            let occurrence = parts.next()?.parse().ok()?;
            let condition = Condition::from_code(parts.next()?)?;
            let subject = parts.next().filter(|s| !s.is_empty())?;
            Some(Self { subject: AlarmSubject(subject.into()), condition, occurrence })
        })();
        parsed.ok_or_else(|| format!("{text:?} is no alarm id: SUBJECT|CONDITION|OCCURRENCE"))
    }
}

/// Where an alarm belongs: decides who may see it and whose counts it enters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmPlace {
    /// The enterprise; `None` for the center's own link alone.
    pub enterprise: Option<EnterpriseCode>,
    /// The hazard source, where the equipment belongs to one.
    pub hazard: Option<HazardCode>,
    /// The equipment, where the alarm is about a point.
    pub equipment: Option<EquipmentId>,
}

/// Why an alarm ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearReason {
    /// The condition is gone.
    Returned,
    /// 限值变更: a new limit made it moot.
    LimitsChanged,
    /// The point was taken out of the configuration.
    PointRemoved,
    /// A node above is lost now and carries the alarm.
    ParentLost,
}

/// What happened to an alarm. One entry of the alarm log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmChange {
    /// The condition, its delay included, is fulfilled.
    Raised {
        /// The value that completed the condition, where there is one.
        value: Option<f64>,
        /// The limit that it broke, where there is one.
        limit: Option<f64>,
        /// The version of the limits in force.
        limits_version: u32,
        /// Severity.
        level: Level,
        /// 补传: found in back-filled data.
        late: bool,
        /// What kept it quiet when it came; `None` where people were called.
        quiet: Option<Quiet>,
    },
    /// The alarm ended. `at` of the entry says when.
    Cleared {
        /// Why.
        reason: ClearReason,
        /// The value that ended it, where there is one.
        value: Option<f64>,
        /// 闩锁: it stays until a person resets it.
        latched: bool,
    },
    /// A person has seen it.
    Acknowledged {
        /// Who, by user name.
        by: String,
        /// What they said; may be empty.
        comment: String,
    },
    /// 振荡: it is raised and returns again and again, and stands as one occurrence until it is calm.
    Chattering {
        /// How often it has crossed, so far.
        crossings: u32,
        /// It chatters no longer.
        over: bool,
    },
    /// 再次报警: it still stands, its time since it was acknowledged is over, and people are called again.
    Repeated,
    /// 复位: its latch is released.
    Reset {
        /// Who, by user name; `None` where it came again, and the newer occurrence holds the latch.
        by: Option<String>,
        /// What they said; may be empty.
        comment: String,
    },
    /// Back-filled data shows another start or end of an alarm that is known already; its identity stays.
    Amended {
        /// The start as it is known now.
        raised_at: Option<UtcMillis>,
        /// The end as it is known now.
        cleared_at: Option<UtcMillis>,
    },
    /// From here on the alarm is not annunciated; see [`AlarmEntry::alarm`] for where none stands.
    Quieted {
        /// How.
        quiet: Quiet,
        /// Who, by user name; `None` for a rule.
        by: Option<String>,
        /// Why, as a person gave it, or the state of the equipment.
        reason: String,
        /// How long, where it ends by itself.
        until: Option<Until>,
    },
    /// One of the things that kept the alarm quiet is over.
    Resumed {
        /// Which.
        quiet: Quiet,
        /// Why.
        why: ResumeReason,
        /// Who, where a person ended it.
        by: Option<String>,
        /// What still keeps it quiet. `None`: where it stands, people are called now.
        still: Option<Quiet>,
    },
    /// 设备状态: what the alarm log says of a piece of equipment as such (`log::equipment_subject`). Occurrence 0; of no alarm.
    EquipmentState {
        /// Its state from here on.
        state: EquipmentState,
        /// Who, by user name; `None` where the time of starting up is over.
        by: Option<String>,
        /// Why, as a person gave it.
        reason: String,
        /// When it runs by itself.
        until: Option<UtcMillis>,
    },
    /// A person says something about it.
    Commented {
        /// Who, by user name.
        by: String,
        /// What.
        comment: String,
    },
    /// 接手: a person answers for it from here on; at a change of shift, somebody else.
    Taken {
        /// Who, by user name.
        by: String,
        /// What they say; may be empty.
        comment: String,
    },
    /// 处置: what it was and what was done.
    Disposed {
        /// Who, by user name.
        by: String,
        /// Code of the cause, from the list in force.
        cause: String,
        /// Code of the measure, from the list in force.
        measure: String,
        /// In words; may be empty.
        comment: String,
    },
}

/// One entry of the alarm log: the alarm, what happened to it, and three times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmEntry {
    /// Which alarm. Occurrence 0 is the alarm as such, none of its occurrences: something keeps it quiet, or no longer does, while it
    /// does not stand.
    pub alarm: AlarmId,
    /// Where it belongs.
    pub place: AlarmPlace,
    /// What happened.
    pub change: AlarmChange,
    /// 源时间: when it was true at the source (computed, never "when we noticed").
    pub source_time: UtcMillis,
    /// 收到: when the center received what completed it.
    pub received_time: UtcMillis,
    /// Offset in the ordered log of the entry that completed it: makes replays comparable.
    pub log_offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_id_is_read_back_as_it_was_written() {
        for text in ["410205001.LT-1203A|HH|7", "gateway:41020500101|GATEWAY|1", "center|CENTER|2"]
        {
            assert_eq!(AlarmId::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for bad in ["", "a|HH", "|HH|1", "a|XX|1", "a|HH|x"] {
            assert!(AlarmId::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_alarm_as_such_is_read_back_as_it_was_written() {
        for text in ["410205001.LT-1203A|HH", "gateway:41020500101|GATEWAY", "center|CENTER"] {
            let key = AlarmKey::try_from(text.to_owned()).unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(key.occurrence(3).key(), key);
        }
        for bad in ["", "a", "|HH", "a|XX", "a|HH|1"] {
            assert!(AlarmKey::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn default_levels_are_those_of_the_design() {
        for (condition, signal, hazard, level) in [
            (Condition::HighHigh, "gas_toxic", false, 1),
            (Condition::HighHigh, "level", true, 1),
            (Condition::LowLow, "level", true, 1),
            (Condition::HighHigh, "level", false, 2),
            (Condition::High, "gas_combustible", false, 2),
            (Condition::High, "level", true, 3),
            (Condition::Low, "level", true, 3),
            (Condition::RateOfChange, "temperature", true, 3),
            (Condition::GatewayLost, "", false, 2),
            (Condition::Frozen, "level", true, 4),
            (Condition::Missing, "level", true, 4),
        ] {
            assert_eq!(
                default_level(condition, signal, hazard).get(),
                level,
                "{condition:?} {signal} {hazard}"
            );
        }
    }
}
