//! Suppression by design (state H of IEC 62682): which alarms of a point mean nothing while its equipment does not run.
//!
//! The configuration of a point carries one set of conditions for each state of its equipment; the host keeps these quiet while the
//! state lasts.

use serde::{Deserialize, Serialize};

use crate::conditions::Conditions;
use crate::equipment_state::EquipmentState;

/// What is suppressed in which state of the equipment. While it runs, nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// 停用
    pub stopped: Conditions,
    /// 检修
    pub maintenance: Conditions,
    /// 启动
    pub starting: Conditions,
}

impl Suppression {
    /// What is suppressed in a state.
    #[must_use]
    pub const fn during(&self, state: EquipmentState) -> Conditions {
        match state {
            EquipmentState::Running => Conditions::NONE,
            EquipmentState::Stopped => self.stopped,
            EquipmentState::Maintenance => self.maintenance,
            EquipmentState::Starting => self.starting,
        }
    }
}
