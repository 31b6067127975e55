//! 设备状态: whether a piece of equipment runs, as people declare it. While it does not, some of its alarms mean nothing and are
//! suppressed by design (`suppression.rs`). The national platform keeps the same as 停用记录 (stop and start, who, when, why).

use serde::{Deserialize, Serialize};

/// State of a piece of equipment. New ones go to the end: journals hold them by their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EquipmentState {
    /// 运行
    #[default]
    Running,
    /// 停用: stopped; what is in it is still in it.
    Stopped,
    /// 检修: opened, emptied, instruments taken out or calibrated.
    Maintenance,
    /// 启动: on its way to running, for a limited time.
    Starting,
}

impl EquipmentState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Running, Self::Stopped, Self::Maintenance, Self::Starting];

    /// Stable code, as in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Maintenance => "maintenance",
            Self::Starting => "starting",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}
