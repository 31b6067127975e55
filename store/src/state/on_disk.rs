//! How records of the alarm log and checkpoints look on disk, apart from the domain types, which may change.
//!
//! A value begins with one byte of version. Version 1 of an alarm record is postcard of [`AlarmV1`]; variants of its
//! enums are never reordered, new ones are appended. Version 1 of a checkpoint is the folded offset (8 bytes, big-endian)
//! and then the bytes of the host.

use std::sync::Arc;

use anlan_domain::alarm::{
    AlarmChange, AlarmEntry, AlarmId, AlarmPlace, AlarmSubject, ClearReason, Condition, Level,
};
use anlan_domain::equipment_state::EquipmentState;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, HazardCode};
use anlan_domain::life_cycle::{Quiet, ResumeReason, Until};
use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::journal::Offset;
use crate::state::{AlarmRecord, AlarmSeq};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct AlarmV1 {
    host: u32,
    decided_ms: i64,
    subject: String,
    /// Code of the condition (`HH`, `GATEWAY` …).
    condition: String,
    occurrence: u32,
    enterprise: Option<String>,
    hazard: Option<String>,
    equipment: Option<String>,
    change: ChangeV1,
    source_ms: i64,
    received_ms: i64,
    log_offset: u64,
}

#[derive(Serialize, Deserialize)]
enum ChangeV1 {
    Raised {
        value: Option<f64>,
        limit: Option<f64>,
        limits_version: u32,
        level: u8,
        late: bool,
    },
    Cleared {
        reason: ReasonV1,
        value: Option<f64>,
    },
    Acknowledged {
        by: String,
        comment: String,
    },
    Amended {
        raised_ms: Option<i64>,
        cleared_ms: Option<i64>,
    },
    RaisedQuietly {
        value: Option<f64>,
        limit: Option<f64>,
        limits_version: u32,
        level: u8,
        late: bool,
        quiet: QuietV1,
    },
    Quieted {
        quiet: QuietV1,
        by: Option<String>,
        reason: String,
        until: Option<UntilV1>,
    },
    Resumed {
        quiet: QuietV1,
        why: WhyV1,
        by: Option<String>,
        still: Option<QuietV1>,
    },
    Commented {
        by: String,
        comment: String,
    },
    Taken {
        by: String,
        comment: String,
    },
    Disposed {
        by: String,
        cause: String,
        measure: String,
        comment: String,
    },
    EquipmentState {
        state: EquipmentV1,
        by: Option<String>,
        reason: String,
        until: Option<i64>,
    },
    ClearedLatched {
        reason: ReasonV1,
        value: Option<f64>,
    },
    Repeated,
    Reset {
        by: Option<String>,
        comment: String,
    },
    Chattering {
        crossings: u32,
        over: bool,
    },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum EquipmentV1 {
    Running,
    Stopped,
    Maintenance,
    Starting,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum QuietV1 {
    Shelved,
    Suppressed,
    OutOfService,
}

#[derive(Serialize, Deserialize)]
enum UntilV1 {
    Time(i64),
    Returned { at_most: i64 },
}

#[derive(Serialize, Deserialize)]
enum WhyV1 {
    Person,
    Expired,
    Returned,
    EquipmentState,
    GraverOver,
    NotExcluded,
}

#[derive(Serialize, Deserialize)]
enum ReasonV1 {
    Returned,
    LimitsChanged,
    PointRemoved,
    ParentLost,
}

/// The bytes of a record. Its sequence number is the key.
pub fn encode_alarm(record: &AlarmRecord) -> Vec<u8> {
    let entry = &record.entry;
    let disk = AlarmV1 {
        host: record.host.0,
        decided_ms: record.decided_time.0,
        subject: entry.alarm.subject.0.to_string(),
        condition: entry.alarm.condition.code().to_owned(),
        occurrence: entry.alarm.occurrence,
        enterprise: entry.place.enterprise.as_ref().map(ToString::to_string),
        hazard: entry.place.hazard.as_ref().map(ToString::to_string),
        equipment: entry.place.equipment.as_ref().map(ToString::to_string),
        change: (&entry.change).into(),
        source_ms: entry.source_time.0,
        received_ms: entry.received_time.0,
        log_offset: entry.log_offset,
    };
    postcard::to_extend(&disk, vec![VERSION]).expect("memory takes any record")
}

/// Reads a record; else says why it cannot be understood.
pub fn decode_alarm(seq: AlarmSeq, bytes: &[u8]) -> Result<AlarmRecord, String> {
    let disk: AlarmV1 = postcard::from_bytes(body(bytes)?).map_err(|e| e.to_string())?;
    let condition = Condition::from_code(&disk.condition)
        .ok_or_else(|| format!("{:?} is no condition", disk.condition))?;
    let place = AlarmPlace {
        enterprise: disk
            .enterprise
            .map(|e| EnterpriseCode::new(&e))
            .transpose()
            .map_err(|e| e.to_string())?,
        hazard: disk.hazard.map(|h| HazardCode::new(&h)).transpose().map_err(|e| e.to_string())?,
        equipment: disk
            .equipment
            .map(|e| EquipmentId::new(&e))
            .transpose()
            .map_err(|e| e.to_string())?,
    };
    let entry = AlarmEntry {
        alarm: AlarmId {
            subject: AlarmSubject(Arc::from(disk.subject)),
            condition,
            occurrence: disk.occurrence,
        },
        place,
        change: disk.change.try_into()?,
        source_time: UtcMillis(disk.source_ms),
        received_time: UtcMillis(disk.received_ms),
        log_offset: disk.log_offset,
    };
    let (host, decided_time) = (HostNo(disk.host), UtcMillis(disk.decided_ms));
    Ok(AlarmRecord { seq, host, decided_time, entry })
}

/// The bytes of a checkpoint.
pub fn encode_checkpoint(folded: Offset, checkpoint: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + checkpoint.len());
    out.push(VERSION);
    out.extend_from_slice(&folded.0.to_be_bytes());
    out.extend_from_slice(checkpoint);
    out
}

/// Reads a checkpoint; else says why it cannot be understood.
pub fn decode_checkpoint(bytes: &[u8]) -> Result<(Offset, Bytes), String> {
    let body = body(bytes)?;
    let (folded, checkpoint) = body.split_first_chunk().ok_or("it ends within its offset")?;
    Ok((Offset(u64::from_be_bytes(*folded)), Bytes::copy_from_slice(checkpoint)))
}

fn body(bytes: &[u8]) -> Result<&[u8], String> {
    match bytes.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((version, _)) => Err(format!("version {version} is unknown to this program")),
        None => Err("it is empty".to_owned()),
    }
}

impl From<&AlarmChange> for ChangeV1 {
    fn from(change: &AlarmChange) -> Self {
        match change {
            AlarmChange::Raised { value, limit, limits_version, level, late, quiet } => {
                let (value, limit, limits_version) = (*value, *limit, *limits_version);
                let (level, late) = (level.get(), *late);
                match *quiet {
                    None => Self::Raised { value, limit, limits_version, level, late },
                    Some(quiet) => {
                        let quiet = quiet.into();
                        Self::RaisedQuietly { value, limit, limits_version, level, late, quiet }
                    }
                }
            }
            AlarmChange::Cleared { reason, value, latched } => {
                let (reason, value) = ((*reason).into(), *value);
                if *latched {
                    Self::ClearedLatched { reason, value }
                } else {
                    Self::Cleared { reason, value }
                }
            }
            AlarmChange::Chattering { crossings, over } => {
                Self::Chattering { crossings: *crossings, over: *over }
            }
            AlarmChange::Repeated => Self::Repeated,
            AlarmChange::Reset { by, comment } => {
                Self::Reset { by: by.clone(), comment: comment.clone() }
            }
            AlarmChange::Acknowledged { by, comment } => {
                Self::Acknowledged { by: by.clone(), comment: comment.clone() }
            }
            AlarmChange::Amended { raised_at, cleared_at } => Self::Amended {
                raised_ms: raised_at.map(|t| t.0),
                cleared_ms: cleared_at.map(|t| t.0),
            },
            AlarmChange::Quieted { quiet, by, reason, until } => Self::Quieted {
                quiet: (*quiet).into(),
                by: by.clone(),
                reason: reason.clone(),
                until: until.map(|until| match until {
                    Until::Time(at) => UntilV1::Time(at.0),
                    Until::Returned { at_most } => UntilV1::Returned { at_most: at_most.0 },
                }),
            },
            AlarmChange::Resumed { quiet, why, by, still } => Self::Resumed {
                quiet: (*quiet).into(),
                why: (*why).into(),
                by: by.clone(),
                still: still.map(Into::into),
            },
            AlarmChange::EquipmentState { state, by, reason, until } => Self::EquipmentState {
                state: (*state).into(),
                by: by.clone(),
                reason: reason.clone(),
                until: until.map(|until| until.0),
            },
            AlarmChange::Commented { by, comment } => {
                Self::Commented { by: by.clone(), comment: comment.clone() }
            }
            AlarmChange::Taken { by, comment } => {
                Self::Taken { by: by.clone(), comment: comment.clone() }
            }
            AlarmChange::Disposed { by, cause, measure, comment } => Self::Disposed {
                by: by.clone(),
                cause: cause.clone(),
                measure: measure.clone(),
                comment: comment.clone(),
            },
        }
    }
}

impl TryFrom<ChangeV1> for AlarmChange {
    type Error = String;
    fn try_from(change: ChangeV1) -> Result<Self, String> {
        Ok(match change {
            ChangeV1::Raised { value, limit, limits_version, level, late } => {
                let level = Level::try_from(level)?;
                Self::Raised { value, limit, limits_version, level, late, quiet: None }
            }
            ChangeV1::RaisedQuietly { value, limit, limits_version, level, late, quiet } => {
                let (level, quiet) = (Level::try_from(level)?, Some(quiet.into()));
                Self::Raised { value, limit, limits_version, level, late, quiet }
            }
            ChangeV1::Cleared { reason, value } => {
                Self::Cleared { reason: reason.into(), value, latched: false }
            }
            ChangeV1::ClearedLatched { reason, value } => {
                Self::Cleared { reason: reason.into(), value, latched: true }
            }
            ChangeV1::Chattering { crossings, over } => Self::Chattering { crossings, over },
            ChangeV1::Repeated => Self::Repeated,
            ChangeV1::Reset { by, comment } => Self::Reset { by, comment },
            ChangeV1::Acknowledged { by, comment } => Self::Acknowledged { by, comment },
            ChangeV1::Amended { raised_ms, cleared_ms } => Self::Amended {
                raised_at: raised_ms.map(UtcMillis),
                cleared_at: cleared_ms.map(UtcMillis),
            },
            ChangeV1::Quieted { quiet, by, reason, until } => Self::Quieted {
                quiet: quiet.into(),
                by,
                reason,
                until: until.map(|until| match until {
                    UntilV1::Time(at) => Until::Time(UtcMillis(at)),
                    UntilV1::Returned { at_most } => {
                        Until::Returned { at_most: UtcMillis(at_most) }
                    }
                }),
            },
            ChangeV1::Resumed { quiet, why, by, still } => Self::Resumed {
                quiet: quiet.into(),
                why: why.into(),
                by,
                still: still.map(Into::into),
            },
            ChangeV1::EquipmentState { state, by, reason, until } => Self::EquipmentState {
                state: state.into(),
                by,
                reason,
                until: until.map(UtcMillis),
            },
            ChangeV1::Commented { by, comment } => Self::Commented { by, comment },
            ChangeV1::Taken { by, comment } => Self::Taken { by, comment },
            ChangeV1::Disposed { by, cause, measure, comment } => {
                Self::Disposed { by, cause, measure, comment }
            }
        })
    }
}

impl From<ClearReason> for ReasonV1 {
    fn from(reason: ClearReason) -> Self {
        match reason {
            ClearReason::Returned => Self::Returned,
            ClearReason::LimitsChanged => Self::LimitsChanged,
            ClearReason::PointRemoved => Self::PointRemoved,
            ClearReason::ParentLost => Self::ParentLost,
        }
    }
}

impl From<ReasonV1> for ClearReason {
    fn from(reason: ReasonV1) -> Self {
        match reason {
            ReasonV1::Returned => Self::Returned,
            ReasonV1::LimitsChanged => Self::LimitsChanged,
            ReasonV1::PointRemoved => Self::PointRemoved,
            ReasonV1::ParentLost => Self::ParentLost,
        }
    }
}

impl From<EquipmentState> for EquipmentV1 {
    fn from(from: EquipmentState) -> Self {
        match from {
            EquipmentState::Running => Self::Running,
            EquipmentState::Stopped => Self::Stopped,
            EquipmentState::Maintenance => Self::Maintenance,
            EquipmentState::Starting => Self::Starting,
        }
    }
}

impl From<EquipmentV1> for EquipmentState {
    fn from(from: EquipmentV1) -> Self {
        match from {
            EquipmentV1::Running => Self::Running,
            EquipmentV1::Stopped => Self::Stopped,
            EquipmentV1::Maintenance => Self::Maintenance,
            EquipmentV1::Starting => Self::Starting,
        }
    }
}

impl From<Quiet> for QuietV1 {
    fn from(from: Quiet) -> Self {
        match from {
            Quiet::Shelved => Self::Shelved,
            Quiet::Suppressed => Self::Suppressed,
            Quiet::OutOfService => Self::OutOfService,
        }
    }
}

impl From<QuietV1> for Quiet {
    fn from(from: QuietV1) -> Self {
        match from {
            QuietV1::Shelved => Self::Shelved,
            QuietV1::Suppressed => Self::Suppressed,
            QuietV1::OutOfService => Self::OutOfService,
        }
    }
}

impl From<ResumeReason> for WhyV1 {
    fn from(from: ResumeReason) -> Self {
        match from {
            ResumeReason::Person => Self::Person,
            ResumeReason::Expired => Self::Expired,
            ResumeReason::Returned => Self::Returned,
            ResumeReason::EquipmentState => Self::EquipmentState,
            ResumeReason::GraverOver => Self::GraverOver,
            ResumeReason::NotExcluded => Self::NotExcluded,
        }
    }
}

impl From<WhyV1> for ResumeReason {
    fn from(from: WhyV1) -> Self {
        match from {
            WhyV1::Person => Self::Person,
            WhyV1::Expired => Self::Expired,
            WhyV1::Returned => Self::Returned,
            WhyV1::EquipmentState => Self::EquipmentState,
            WhyV1::GraverOver => Self::GraverOver,
            WhyV1::NotExcluded => Self::NotExcluded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(change: AlarmChange) -> AlarmRecord {
        AlarmRecord {
            seq: AlarmSeq(9),
            host: HostNo(300),
            decided_time: UtcMillis(1_700_000_000_900),
            entry: AlarmEntry {
                alarm: AlarmId {
                    subject: AlarmSubject("410205001.LT-1".into()),
                    condition: Condition::HighHigh,
                    occurrence: 2,
                },
                place: AlarmPlace {
                    enterprise: EnterpriseCode::new("410205001").ok(),
                    hazard: None,
                    equipment: EquipmentId::new("410205001.V-1").ok(),
                },
                change,
                source_time: UtcMillis(1_700_000_000_000),
                received_time: UtcMillis(1_700_000_000_040),
                log_offset: 77,
            },
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Alarm logs written by version 1 are read for as long as plants keep them: these bytes never change.
    #[test]
    fn version_one_stays_readable() {
        let head = "01ac0288aeabfef962";
        let place = "0e3431303230353030312e4c542d31024848020109343130323035303031\
                     00010d3431303230353030312e562d31";
        let tail = "80a0abfef962d0a0abfef9624d";
        let raised = AlarmChange::Raised {
            value: Some(1.0),
            limit: None,
            limits_version: 7,
            level: Level::ONE,
            late: true,
            quiet: None,
        };
        let raised_quietly = AlarmChange::Raised {
            value: None,
            limit: Some(1.0),
            limits_version: 7,
            level: Level::TWO,
            late: false,
            quiet: Some(Quiet::Suppressed),
        };
        let quieted = |until| AlarmChange::Quieted {
            quiet: Quiet::Shelved,
            by: Some("li".into()),
            reason: "r".into(),
            until,
        };
        let resumed = AlarmChange::Resumed {
            quiet: Quiet::Shelved,
            why: ResumeReason::Expired,
            by: None,
            still: Some(Quiet::OutOfService),
        };
        let graver_over = AlarmChange::Resumed {
            quiet: Quiet::Suppressed,
            why: ResumeReason::GraverOver,
            by: None,
            still: None,
        };
        let disposed = AlarmChange::Disposed {
            by: "li".into(),
            cause: "c".into(),
            measure: "m".into(),
            comment: String::new(),
        };
        let starting = AlarmChange::EquipmentState {
            state: EquipmentState::Starting,
            by: None,
            reason: "r".into(),
            until: Some(UtcMillis(1)),
        };
        let ended = |reason| AlarmChange::Cleared { reason, value: None, latched: false };
        let latched =
            AlarmChange::Cleared { reason: ClearReason::Returned, value: None, latched: true };
        let reset = AlarmChange::Reset { by: Some("li".into()), comment: "c".into() };
        let acknowledged = AlarmChange::Acknowledged { by: "li".into(), comment: String::new() };
        let amended = AlarmChange::Amended { raised_at: Some(UtcMillis(-1)), cleared_at: None };
        for (change, bytes) in [
            (raised, "0001000000000000f03f00070101"),
            (ended(ClearReason::Returned), "010000"),
            (ended(ClearReason::LimitsChanged), "010100"),
            (ended(ClearReason::PointRemoved), "010200"),
            (ended(ClearReason::ParentLost), "010300"),
            (acknowledged, "02026c6900"),
            (amended, "03010100"),
            (raised_quietly, "040001000000000000f03f07020001"),
            (quieted(None), "050001026c69017200"),
            (quieted(Some(Until::Time(UtcMillis(-1)))), "050001026c690172010001"),
            (quieted(Some(Until::Returned { at_most: UtcMillis(1) })), "050001026c690172010102"),
            (resumed, "060001000102"),
            (graver_over, "0601040000"),
            (AlarmChange::Commented { by: "li".into(), comment: "c".into() }, "07026c690163"),
            (AlarmChange::Taken { by: "li".into(), comment: String::new() }, "08026c6900"),
            (disposed, "09026c690163016d00"),
            (starting, "0a030001720102"),
            (latched, "0b0000"),
            (AlarmChange::Repeated, "0c"),
            (reset, "0d01026c690163"),
            (AlarmChange::Chattering { crossings: 300, over: true }, "0eac0201"),
        ] {
            let record = record(change);
            let encoded = encode_alarm(&record);
            assert_eq!(hex(&encoded), format!("{head}{place}{bytes}{tail}"));
            assert_eq!(decode_alarm(record.seq, &encoded).unwrap(), record);
        }
        let checkpoint = encode_checkpoint(Offset(258), b"ab");
        assert_eq!(hex(&checkpoint), "0100000000000001026162");
        assert_eq!(
            decode_checkpoint(&checkpoint).unwrap(),
            (Offset(258), Bytes::from_static(b"ab"))
        );
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_reason() {
        let good = encode_alarm(&record(AlarmChange::Cleared {
            reason: ClearReason::Returned,
            value: None,
            latched: false,
        }));
        let later = [&[2], &good[1..]].concat();
        assert!(decode_alarm(AlarmSeq(9), &later).unwrap_err().contains("version 2"));
        assert!(decode_alarm(AlarmSeq(9), &[]).is_err());
        for cut in 1..good.len() {
            assert!(decode_alarm(AlarmSeq(9), &good[..cut]).is_err(), "cut at {cut}");
        }
        let position = good.windows(2).position(|pair| pair == b"HH").unwrap();
        let mut unknown = good;
        unknown[position] = b'X';
        assert!(decode_alarm(AlarmSeq(9), &unknown).unwrap_err().contains("XH"));
        assert!(decode_checkpoint(&[1, 0, 0]).is_err());
        assert!(decode_checkpoint(&[9, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
