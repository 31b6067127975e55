//! Data quality of a reading, laid out as OPC DA does: `QQSSSSLL`, two bits of quality, four of sub-status, two of limit.
//!
//! Source: OPC Foundation, OPC UA Part 8 A.3.2.3 (`monitoring.md` §6). Only the top two bits decide between good, uncertain
//! and bad: 193 to 195 are good as well. The high byte of the 16 bits is the vendor's and is carried, never judged.

use serde::{Deserialize, Serialize};

/// Sixteen bits of OPC DA quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quality(pub u16);

/// The part of a quality that decides what may be done with the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityClass {
    /// The value may be trusted.
    Good,
    /// The value is shown with a mark; it is judged against limits.
    Uncertain,
    /// There is no value.
    Bad,
}

impl Quality {
    /// Good, nothing to add.
    pub const GOOD: Self = Self(192);
    /// Uncertain, no reason given.
    pub const UNCERTAIN: Self = Self(64);
    /// Uncertain: whatever wrote the value has stopped doing so.
    pub const LAST_USABLE: Self = Self(68);
    /// Uncertain: outside the engineering range.
    pub const OUTSIDE_RANGE: Self = Self(84);
    /// Bad, no reason given.
    pub const BAD: Self = Self(0);
    /// Bad: the configuration is wrong (an illegal address, an unknown node).
    pub const CONFIG_ERROR: Self = Self(4);
    /// Bad: the source is not connected.
    pub const NOT_CONNECTED: Self = Self(8);
    /// Bad: the device reports a failure.
    pub const DEVICE_FAILURE: Self = Self(12);
    /// Bad: the sensor reports a failure.
    pub const SENSOR_FAILURE: Self = Self(16);
    /// Bad: the device did not answer.
    pub const COMM_FAILURE: Self = Self(24);
    /// Bad: out of service.
    pub const OUT_OF_SERVICE: Self = Self(28);
    /// Bad: nothing has been read yet.
    pub const WAITING: Self = Self(32);

    /// Judges by the top two bits; the reserved pattern `10` counts as bad.
    #[must_use]
    pub const fn class(self) -> QualityClass {
        match self.0 & 0xC0 {
            0xC0 => QualityClass::Good,
            0x40 => QualityClass::Uncertain,
            _ => QualityClass::Bad,
        }
    }

    /// Whether the value may be trusted.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self.class(), QualityClass::Good)
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self.class(), QualityClass::Bad)
    }

    /// Stable word for the sub-status, the key of its translation.
    #[must_use]
    pub const fn sub_status(self) -> &'static str {
        match self.0 & 0xFC {
            192 => "good",
            216 => "good_local_override",
            64 => "uncertain",
            68 => "last_usable_value",
            80 => "sensor_not_accurate",
            84 => "outside_range",
            88 => "sub_normal",
            0 => "bad",
            4 => "config_error",
            8 => "not_connected",
            12 => "device_failure",
            16 => "sensor_failure",
            20 => "last_known_value",
            24 => "comm_failure",
            28 => "out_of_service",
            32 => "waiting_for_initial_data",
            other if other & 0xC0 == 0xC0 => "good",
            other if other & 0xC0 == 0x40 => "uncertain",
            _ => "bad",
        }
    }

    /// From an OPC UA `StatusCode`; an unlisted code keeps its severity (top two bits: 00 good, 01 uncertain, else bad).
    #[must_use]
    pub const fn from_opcua(status: u32) -> Self {
        match status & 0xFFFF_0000 {
            0x0096_0000 => Self(216),
            0x4090_0000 => Self(68),
            0x4093_0000 => Self(80),
            0x4094_0000 => Self(84),
            0x4095_0000 => Self(88),
            0x8089_0000 => Self::CONFIG_ERROR,
            // BadNodeIdInvalid and BadNodeIdUnknown: the address is wrong, not the device.
            0x8033_0000 | 0x8034_0000 => Self::CONFIG_ERROR,
            0x808A_0000 => Self::NOT_CONNECTED,
            0x808B_0000 => Self::DEVICE_FAILURE,
            0x808C_0000 => Self::SENSOR_FAILURE,
            0x8005_0000 | 0x8031_0000 => Self::COMM_FAILURE,
            0x808D_0000 => Self::OUT_OF_SERVICE,
            0x8032_0000 => Self::WAITING,
            other => match other >> 30 {
                0 => Self::GOOD,
                1 => Self::UNCERTAIN,
                _ => Self::BAD,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_top_two_bits_decide() {
        for (bits, class) in [
            (192, QualityClass::Good),
            (195, QualityClass::Good),
            (216, QualityClass::Good),
            (64, QualityClass::Uncertain),
            (84, QualityClass::Uncertain),
            (0, QualityClass::Bad),
            (24, QualityClass::Bad),
            (128, QualityClass::Bad),
            (0x01C0, QualityClass::Good),
        ] {
            assert_eq!(Quality(bits).class(), class, "{bits}");
        }
    }

    #[test]
    fn opc_ua_codes_keep_their_severity() {
        assert_eq!(Quality::from_opcua(0), Quality::GOOD);
        assert_eq!(Quality::from_opcua(0x8031_0000), Quality::COMM_FAILURE);
        assert!(Quality::from_opcua(0x80FF_0000).is_bad());
        assert_eq!(Quality::from_opcua(0x40FF_0000).class(), QualityClass::Uncertain);
    }
}
