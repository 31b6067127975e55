//! What the desk knows about an alarm, and the place that a warning is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alarm::{AlarmPlace, Condition, Level};
use crate::ids::{EnterpriseCode, EquipmentId, HazardCode};

/// What rules look at. Taken when the alarm is raised; what is changed afterwards does not change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmFacts {
    /// What is wrong.
    pub condition: Condition,
    /// Severity.
    pub level: Level,
    /// Signal type of the point; `None` for nodes of the data path, and for points that are gone.
    pub signal: Option<Box<str>>,
    /// Where it belongs.
    pub place: AlarmPlace,
    /// 补传
    pub late: bool,
}

/// A place in the plant. What is `None` is not narrowed down; all `None` is the center itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The enterprise.
    pub enterprise: Option<EnterpriseCode>,
    /// The hazard source.
    pub hazard: Option<HazardCode>,
    /// The equipment.
    pub equipment: Option<EquipmentId>,
}

impl Place {
    /// The enterprise; `None` for the center itself.
    #[must_use]
    pub fn enterprise(&self) -> Option<EnterpriseCode> {
        self.enterprise.clone()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.equipment, &self.hazard, &self.enterprise) {
            (Some(equipment), ..) => write!(f, "equipment:{equipment}"),
            (None, Some(hazard), _) => write!(f, "hazard:{hazard}"),
            (None, None, Some(enterprise)) => write!(f, "enterprise:{enterprise}"),
            (None, None, None) => f.write_str("center"),
        }
    }
}
