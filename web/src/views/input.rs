//! What is taken: bodies of changing requests. Unknown fields are refused, so that a typing mistake is no silence.

use anlan_domain::limits::Limits;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{LimitBody, Names, ScopeBody, State};

macro_rules! input {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    };
}

input! {
    /// Signing in.
    SignIn {
        /// User name.
        username: String,
        /// Password.
        password: String,
    }
}
input! {
    /// An enterprise to save.
    EnterpriseInput {
        /// Code.
        code: String,
        /// Unified social credit code.
        #[serde(default)] credit_code: String,
        /// Name.
        name: Names,
        /// Region.
        region: String,
        /// GB/T 4754 class.
        #[serde(default)] industry_code: String,
        /// Address.
        #[serde(default)] address: String,
        /// Responsible person.
        #[serde(default)] principal: String,
        /// Their telephone.
        #[serde(default)] phone: String,
        /// Degrees east.
        #[serde(default)] longitude: Option<f64>,
        /// Degrees north.
        #[serde(default)] latitude: Option<f64>,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// A hazard source to save.
    HazardInput {
        /// Code.
        code: String,
        /// Name.
        name: Names,
        /// 1 (gravest) to 4.
        level: u8,
        /// Kind.
        #[serde(default)] kind: String,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// A piece of equipment to save.
    EquipmentInput {
        /// Identity.
        id: String,
        /// Hazard source.
        #[serde(default)] hazard: Option<String>,
        /// Kind.
        kind: String,
        /// Name.
        name: Names,
        /// Medium.
        #[serde(default)] medium: String,
        /// CAS number.
        #[serde(default)] cas: String,
        /// Volume.
        #[serde(default)] volume_m3: Option<f64>,
        /// Degrees east.
        #[serde(default)] longitude: Option<f64>,
        /// Degrees north.
        #[serde(default)] latitude: Option<f64>,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// A point to save; its limits have a path of their own.
    PointInput {
        /// Identity.
        id: String,
        /// Equipment.
        equipment: String,
        /// Gateway.
        gateway: String,
        /// Field device.
        device: String,
        /// Name.
        name: Names,
        /// `analog` or `discrete`.
        kind: String,
        /// Signal type.
        signal: String,
        /// What it is to its equipment.
        #[serde(default)] role: String,
        /// Unit.
        #[serde(default)] unit: String,
        /// Engineering range.
        range: [f64; 2],
        /// Decimals shown.
        #[serde(default)] decimals: u8,
        /// Scan interval.
        scan_ms: u32,
        /// Scans without a reading after which it is missing.
        #[serde(default)] missing_scans: Option<u16>,
        /// Unchanged for this long is frozen; 0 watches none.
        #[serde(default)] frozen_ms: Option<u32>,
        /// States of a discrete point.
        #[serde(default)] states: Vec<State>,
        /// How long the alarm state must hold before its alarm is raised, in ms, at most a day; of a discrete point.
        #[serde(default)] on_delay_ms: u32,
        /// How long another state must hold before that alarm clears, in ms, at most a day; of a discrete point.
        #[serde(default)] off_delay_ms: u32,
        /// The state alarm calls again this long after it was acknowledged: 0 never, else a minute to a week.
        #[serde(default)] realarm_ms: u32,
        /// The state alarm stays until somebody resets it.
        #[serde(default)] latching: bool,
        /// So many raises and returns of one alarm within the window are chattering: 0 never, else 3 or more.
        #[serde(default)] chatter_transitions: u8,
        /// The window, 1 s to ten minutes; a minute where absent.
        #[serde(default)] chatter_window_ms: Option<u32>,
        /// Degrees east.
        #[serde(default)] longitude: Option<f64>,
        /// Degrees north.
        #[serde(default)] latitude: Option<f64>,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// Limits to save as a new version.
    LimitsInput {
        /// 高高报
        #[serde(default)] hh: Option<LimitBody>,
        /// 高报
        #[serde(default)] h: Option<LimitBody>,
        /// 低报
        #[serde(default)] l: Option<LimitBody>,
        /// 低低报
        #[serde(default)] ll: Option<LimitBody>,
        /// Largest rate of change, per minute.
        #[serde(default)] rate_per_min: Option<LimitBody>,
        /// While HH stands and calls people, H is kept quiet.
        #[serde(default)] exclusive_high: bool,
        /// While LL stands and calls people, L is kept quiet.
        #[serde(default)] exclusive_low: bool,
        /// Why.
        #[serde(default)] reason: String,
        /// Version that was read; 0 where there was none.
        version: u32,
    }
}
input! {
    /// A condition of a point beyond its limits, to save.
    DetectorInput {
        /// `DEVIATION`, `SPIKE`, `DRIFT`, `COUNTS`, `DISCREPANCY` or `EXPRESSION`.
        condition: String,
        /// `key=value; key=value`, or the text of an expression.
        settings: String,
        /// How long it must hold before its alarm is raised, in ms, at most a day.
        #[serde(default)] on_delay_ms: u32,
        /// How long it must be gone before the alarm clears, in ms, at most a day.
        #[serde(default)] off_delay_ms: u32,
        /// Level 1 to 4.
        #[serde(default)] level: Option<u8>,
        /// Why; not empty.
        reason: String,
        /// Version that was read; 0 where there was none.
        version: u32,
    }
}
input! {
    /// Defaults of a signal type to save.
    AlarmDefaultsInput {
        /// Signal type; `*` for every type without a row.
        signal: String,
        /// Deadband in percent of the span, 0 to 50.
        deadband_percent: f64,
        /// How long H, L and the rate of change must hold, in ms, at most a day; of gas 3000.
        on_delay_ms: u32,
        /// How long HH and LL must hold, in ms, at most a day; of gas 3000.
        urgent_on_delay_ms: u32,
        /// How long any of them must be gone, in ms, at most a day.
        off_delay_ms: u32,
        /// Why; not empty.
        reason: String,
        /// Version that was read; 0 where there was none.
        version: u32,
    }
}
input! {
    /// A camera to save.
    CameraInput {
        /// Identity.
        id: String,
        /// Equipment that it looks at.
        #[serde(default)] equipment: Option<String>,
        /// Name.
        name: Names,
        /// Stream. Left out of a change, it stays as it is.
        #[serde(default)] url: Option<String>,
        /// Degrees east.
        #[serde(default)] longitude: Option<f64>,
        /// Degrees north.
        #[serde(default)] latitude: Option<f64>,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// A gateway to save.
    GatewayInput {
        /// Identity.
        id: String,
        /// Name.
        #[serde(default)] name: String,
        /// Makes a new secret; the answer holds it once.
        #[serde(default)] new_secret: bool,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// A user to save.
    UserInput {
        /// User name.
        username: String,
        /// 姓名
        name: String,
        /// Role.
        role: String,
        /// Where; empty for an administrator of everything.
        scope: ScopeBody,
        /// New password; needed for a new user.
        #[serde(default)] password: Option<String>,
        /// Opens a locked name.
        #[serde(default)] unlock: bool,
        /// Version that was read; for PUT.
        #[serde(default)] version: Option<u32>,
    }
}
input! {
    /// Acknowledging an alarm.
    AcknowledgeInput {
        /// What the person says.
        #[serde(default)] comment: String,
    }
}
input! {
    /// Something said about an alarm.
    CommentInput {
        /// What the person says; not empty.
        comment: String,
    }
}
input! {
    /// What an alarm was and what was done.
    DisposeInput {
        /// Code of the cause, from `/dispositions`.
        cause: String,
        /// Code of the measure, from `/dispositions`.
        measure: String,
        /// In words.
        #[serde(default)] comment: String,
    }
}
input! {
    /// Keeping an alarm quiet.
    QuietInput {
        /// `SUBJECT|CONDITION`
        alarm: String,
        /// `shelved` or `out_of_service`.
        quiet: String,
        /// How long on the shelf; for `shelved`.
        #[serde(default)] minutes: Option<u32>,
        /// Until it returns to normal, and at most that long.
        #[serde(default)] one_shot: bool,
        /// Why; not empty.
        reason: String,
    }
}
input! {
    /// How a piece of equipment stands from here on.
    OperationInput {
        /// `running`, `stopped`, `maintenance`, `starting`.
        state: String,
        /// How long it starts up, at most a day; for `starting`.
        #[serde(default)] minutes: Option<u32>,
        /// Why; may be empty for `running` alone.
        #[serde(default)] reason: String,
    }
}
input! {
    /// Ending it.
    ResumeInput {
        /// `shelved` or `out_of_service`.
        quiet: String,
        /// What the person says.
        #[serde(default)] comment: String,
    }
}
input! {
    /// Map features to place or move: GeoJSON features with an `id`.
    MapInput {
        /// GeoJSON features.
        #[schema(value_type = Vec<Object>)]
        features: Vec<serde_json::Value>,
    }
}

impl LimitsInput {
    /// The limits; the version number is given when they are saved.
    pub fn limits(&self) -> Limits {
        Limits {
            version: 0,
            hh: self.hh.map(Into::into),
            h: self.h.map(Into::into),
            l: self.l.map(Into::into),
            ll: self.ll.map(Into::into),
            rate_per_min: self.rate_per_min.map(Into::into),
            exclusive_high: self.exclusive_high,
            exclusive_low: self.exclusive_low,
        }
    }
}
