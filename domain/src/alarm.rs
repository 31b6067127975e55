//! What an alarm is: its identity, condition, level, and the entries that its life leaves in the alarm log.
//!
//! The life cycle follows IEC 62682 / ISA-18.2 (`monitoring.md` §4); this first part has normal, unacknowledged,
//! acknowledged and returned-unacknowledged. Shelving, suppression and out-of-service join it with the alarm desk.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{EnterpriseCode, EquipmentId, HazardCode};
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
}

impl Condition {
    /// Every condition, in the order of display.
    pub const ALL: [Self; 14] = [
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
        }
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
/// a lost device 3; frozen, missing, bad and out of range 4; a lost center link 1.
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
        | Condition::Fault => Level::THREE,
        Condition::OutOfRange | Condition::BadQuality | Condition::Frozen | Condition::Missing => {
            Level::FOUR
        }
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
    },
    /// The alarm ended. `at` of the entry says when.
    Cleared {
        /// Why.
        reason: ClearReason,
        /// The value that ended it, where there is one.
        value: Option<f64>,
    },
    /// A person has seen it.
    Acknowledged {
        /// Who, by user name.
        by: String,
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
}

/// One entry of the alarm log: the alarm, what happened to it, and three times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmEntry {
    /// Which alarm.
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

/// State of an alarm as people see it (IEC 62682 states A to D).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// B: stands, nobody has acknowledged it.
    Unacknowledged,
    /// C: stands, acknowledged.
    Acknowledged,
    /// D: returned to normal, not acknowledged.
    ReturnedUnacknowledged,
    /// A: normal and acknowledged: over.
    Closed,
}

impl AlarmState {
    /// Next state after a change (IEC 62682 / ISA-18.2 transitions as in `monitoring.md` §4: B→C and D→A by
    /// acknowledgement, B→D and C→A by return to normal). `None` where the change does not apply.
    #[must_use]
    pub fn after(self, change: &AlarmChange) -> Option<Self> {
        match (self, change) {
            (state, AlarmChange::Amended { .. }) => Some(state),
            (Self::Unacknowledged, AlarmChange::Acknowledged { .. }) => Some(Self::Acknowledged),
            (Self::ReturnedUnacknowledged, AlarmChange::Acknowledged { .. }) => Some(Self::Closed),
            (Self::Unacknowledged, AlarmChange::Cleared { .. }) => {
                Some(Self::ReturnedUnacknowledged)
            }
            (Self::Acknowledged, AlarmChange::Cleared { .. }) => Some(Self::Closed),
            _ => None,
        }
    }

    /// Whether the condition stands.
    #[must_use]
    pub const fn stands(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }
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
