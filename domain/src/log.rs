//! What enters the one ordered log that every host's state is a fold over.
//!
//! A host (the actor of a hazard source, or of an enterprise's general area) holds equipment and sensors. It changes
//! its state for nothing but an entry of this log, and takes `now` from the entry: so a replay after a crash raises the
//! same alarms, with the same numbers and times. The log is the center's journal; each entry names whom it is for.

use serde::{Deserialize, Serialize};

use crate::alarm::{AlarmId, AlarmKey, AlarmSubject};
use crate::equipment_state::EquipmentState;
use crate::ids::{EnterpriseCode, EquipmentId, GatewayId, HazardCode};
use crate::life_cycle::{Quiet, Until};
use crate::point::PointConfig;
use crate::time::UtcMillis;

pub mod configured;

/// Number of a host in the registry; 0 is the center's own host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostNo(pub u32);

impl HostNo {
    /// The host of the center itself: carries the alarm of the center's own link.
    pub const CENTER: Self = Self(0);
}

/// Number of a gateway in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayNo(pub u32);

/// What a host stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostKey {
    /// The center itself.
    Center,
    /// A hazard source.
    Hazard(HazardCode),
    /// What belongs to no hazard source of an enterprise; also carries the alarms of its gateways and devices.
    General(EnterpriseCode),
}

/// Desired configuration of a host, whole: what is not in it is removed. Effective at its offset in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct HostConfig {
    /// Which host.
    pub host: HostNo,
    /// What it stands for.
    pub key: HostKey,
    /// Enterprise that it belongs to; `None` for the center's host.
    pub enterprise: Option<EnterpriseCode>,
    /// Gateways that write to this host; the general-area host lists all of its enterprise.
    pub gateways: Vec<(GatewayNo, GatewayId)>,
    /// Points, in the order of their slots. A point keeps its state when its slot moves.
    pub points: Vec<PointConfig>,
    /// A lost gateway is alarmed after this long.
    pub gateway_grace_ms: u32,
}

/// What a person wishes, already authorised. Its outcome is decided by the fold. New ones
/// go to the end: journals hold them by their place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// 确认
    Acknowledge {
        /// Which alarm.
        alarm: AlarmId,
        /// User name.
        by: String,
        /// What they say; may be empty.
        comment: String,
    },
    /// 搁置, or another time on the shelf.
    Shelve {
        /// Which alarm.
        alarm: AlarmKey,
        /// How long.
        until: Until,
        /// Who and why.
        note: Note,
    },
    /// 取消搁置
    Unshelve {
        /// Which alarm.
        alarm: AlarmKey,
        /// Who and why.
        note: Note,
    },
    /// 停用, until somebody ends it.
    RemoveFromService {
        /// Which alarm.
        alarm: AlarmKey,
        /// Who and why.
        note: Note,
    },
    /// 恢复使用
    ReturnToService {
        /// Which alarm.
        alarm: AlarmKey,
        /// Who and why.
        note: Note,
    },
    /// Something is said about an occurrence, open or long closed.
    Comment {
        /// Which.
        alarm: AlarmId,
        /// Who and what.
        note: Note,
    },
    /// 接手: from here on this person answers for it.
    Take {
        /// Which.
        alarm: AlarmId,
        /// Who.
        note: Note,
    },
    /// 处置
    Dispose {
        /// Which.
        alarm: AlarmId,
        /// Code of the cause.
        cause: String,
        /// Code of the measure.
        measure: String,
        /// Who, and in words.
        note: Note,
    },
    /// 设备状态: a piece of equipment runs, is stopped, under maintenance, or starts up.
    Operate {
        /// Which.
        equipment: EquipmentId,
        /// Its state from here on.
        state: EquipmentState,
        /// When it runs by itself: of starting up.
        until: Option<UtcMillis>,
        /// Who and why.
        note: Note,
    },
    /// 复位 of an alarm that latched.
    Reset {
        /// Which.
        alarm: AlarmId,
        /// Who, and what they say.
        note: Note,
    },
}

/// Subject of what the alarm log says of a piece of equipment as such. No tag has a colon, so it is no point's.
#[must_use]
pub fn equipment_subject(equipment: &EquipmentId) -> AlarmSubject {
    AlarmSubject(format!("equipment:{equipment}").into())
}

impl Command {
    /// What the command is about.
    #[must_use]
    pub fn subject(&self) -> AlarmSubject {
        match self {
            Self::Acknowledge { alarm, .. }
            | Self::Comment { alarm, .. }
            | Self::Take { alarm, .. }
            | Self::Dispose { alarm, .. }
            | Self::Reset { alarm, .. } => alarm.subject.clone(),
            Self::Shelve { alarm, .. }
            | Self::Unshelve { alarm, .. }
            | Self::RemoveFromService { alarm, .. }
            | Self::ReturnToService { alarm, .. } => alarm.subject.clone(),
            Self::Operate { equipment, .. } => equipment_subject(equipment),
        }
    }

    /// What it is done to, in words: `alarm SUBJECT|CONDITION`, with the occurrence where it is about one, or `equipment ID`.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            Self::Acknowledge { alarm, .. }
            | Self::Comment { alarm, .. }
            | Self::Take { alarm, .. }
            | Self::Dispose { alarm, .. }
            | Self::Reset { alarm, .. } => format!("alarm {alarm}"),
            Self::Shelve { alarm, .. }
            | Self::Unshelve { alarm, .. }
            | Self::RemoveFromService { alarm, .. }
            | Self::ReturnToService { alarm, .. } => format!("alarm {alarm}"),
            Self::Operate { equipment, .. } => format!("equipment {equipment}"),
        }
    }
}

/// Who does something, and what they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// User name.
    pub by: String,
    /// What they say; may be empty where nothing asks for a reason.
    pub text: String,
}

impl CommandRefused {
    /// The host does not know the alarm: another one may.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::NotOpen(_)
                | Self::NoSuchAlarm(_)
                | Self::NoSuchEquipment(_)
                | Self::NotLatched(_)
        )
    }
}

/// Why a command had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefused {
    /// No such alarm stands or waits for acknowledgement.
    #[error("alarm {0} is not open any more")]
    NotOpen(AlarmId),
    /// Somebody was faster.
    #[error("alarm {0} is already acknowledged")]
    AlreadyAcknowledged(AlarmId),
    /// Nobody was called, so there is nothing to acknowledge.
    #[error("alarm {alarm} is kept quiet ({})", .quiet.code())]
    Quiet {
        /// Which alarm.
        alarm: AlarmId,
        /// How.
        quiet: Quiet,
    },
    /// There never was such an occurrence, or no such subject.
    #[error("there is no alarm {0}")]
    NoSuchAlarm(String),
    /// It is so already.
    #[error("alarm {0} is already as you want it")]
    AlreadySo(AlarmKey),
    /// It is to be shelved until it returns to normal, and is normal.
    #[error("alarm {0} does not stand, so it cannot be shelved until it returns to normal")]
    NotStanding(AlarmKey),
    /// It is not latched.
    #[error("alarm {0} is not latched")]
    NotLatched(AlarmId),
    /// Who resets has seen it first.
    #[error("alarm {0} must be acknowledged before it is reset")]
    AcknowledgeFirst(AlarmId),
    /// The time on the shelf is over already.
    #[error("alarm {0} cannot be shelved until a moment that has passed")]
    ShelfTimePassed(AlarmKey),
    /// No point of it is supervised here.
    #[error("there is no equipment {0} with points")]
    NoSuchEquipment(EquipmentId),
    /// It is in that state already.
    #[error("equipment {equipment} is {} already", .state.code())]
    AlreadyInState {
        /// Which.
        equipment: EquipmentId,
        /// Its state.
        state: EquipmentState,
    },
    /// Starting up must end, and in the future.
    #[error("equipment {0} can start up only until a moment that is still to come")]
    StartTimePassed(EquipmentId),
}

/// Kinds of records in the journal, by their byte on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// An uplink frame, whole; `source` is the gateway's number.
    Frame,
    /// A [`HostConfig`] in its first form, see [`configured`]; `source` is the host's number. Read, no longer written.
    Configured,
    /// A [`Command`] in postcard; `source` is the host's number.
    Command,
    /// A gateway's session began (payload `[1]`) or ended (`[0]`); `source` is the gateway's number.
    Link,
    /// Time passes: hosts look at their deadlines.
    Tick,
    /// The center became ready: every gateway counts as not connected, and its grace begins anew.
    CenterReady,
    /// The center's own link was lost (payload `[0]`) or is back (`[1]`).
    CenterLink,
    /// A [`HostConfig`] in its second form, see [`configured`]; `source` is the host's number.
    ConfiguredV2,
}

impl RecordKind {
    /// The byte on disk.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Frame => 1,
            Self::Configured => 2,
            Self::Command => 3,
            Self::Link => 4,
            Self::Tick => 5,
            Self::CenterReady => 6,
            Self::CenterLink => 7,
            Self::ConfiguredV2 => 8,
        }
    }

    /// From the byte on disk.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Frame,
            2 => Self::Configured,
            3 => Self::Command,
            4 => Self::Link,
            5 => Self::Tick,
            6 => Self::CenterReady,
            7 => Self::CenterLink,
            8 => Self::ConfiguredV2,
            _ => return None,
        })
    }
}
