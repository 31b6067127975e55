//! The configuration of a host as the journal holds it.
//!
//! A journal is read for as long as a plant keeps it, so what is on disk is not simply what the domain types happen to be:
//!
//! - [`RecordKind::Configured`], the first form: every point with its settings written out. It is read, never written any more. Its
//!   structs stand here, frozen.
//! - [`RecordKind::ConfiguredV2`]: settings once, points by index into them. Written by [`write`].
//!
//! Settings that the first form does not know are as they were before they existed: no alarm is repeated, none latches, pairs are
//! not exclusive, nothing chatters and nothing is suppressed by the state of the equipment.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{GatewayNo, HostConfig, HostKey, HostNo, RecordKind};
use crate::ids::{EnterpriseCode, EquipmentId, GatewayId, PointId};
use crate::limits::{Limit, Limits};
use crate::point::{PointConfig, PointKind, PointNo, PointSettings};
use crate::suppression::Suppression;

/// Why a configuration in the journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The bytes are no configuration of that form.
    #[error("the configuration cannot be read")]
    Postcard(#[from] postcard::Error),
    /// A point names settings that the record does not hold.
    #[error("point {point} has settings number {settings}, and the record holds {held}")]
    Settings {
        /// Which point.
        point: PointId,
        /// What it names.
        settings: u32,
        /// How many there are.
        held: usize,
    },
    /// The record is of another kind.
    #[error("a record of kind {0:?} is no configuration")]
    Kind(RecordKind),
}

/// The bytes of a configuration, for a record of the kind [`RecordKind::ConfiguredV2`].
#[must_use]
pub fn write(config: &HostConfig) -> Vec<u8> {
    let mut settings: Vec<&PointSettings> = Vec::new();
    let mut known: HashMap<*const PointSettings, u32> = HashMap::new();
    let points = config
        .points
        .iter()
        .map(|point| PointOut {
            no: point.no,
            id: &point.id,
            equipment: &point.equipment,
            gateway: &point.gateway,
            device: &point.device,
            settings: *known.entry(Arc::as_ptr(&point.settings)).or_insert_with(|| {
                settings.push(&point.settings);
                u32::try_from(settings.len() - 1).expect("no more settings than points")
            }),
        })
        .collect();
    let out = ConfiguredOut {
        host: config.host,
        key: &config.key,
        enterprise: config.enterprise.as_ref(),
        gateways: &config.gateways,
        gateway_grace_ms: config.gateway_grace_ms,
        points,
        settings,
    };
    postcard::to_stdvec(&out).expect("writing to memory does not fail")
}

/// Reads a configuration of either form. Points that had their settings in common when it was written have them in common again.
///
/// # Errors
/// When the bytes are no configuration of that form.
pub fn read(kind: RecordKind, bytes: &[u8]) -> Result<HostConfig, BadConfig> {
    match kind {
        RecordKind::Configured => {
            let first: ConfiguredV1 = postcard::from_bytes(bytes)?;
            Ok(first.into())
        }
        RecordKind::ConfiguredV2 => {
            let second: ConfiguredIn = postcard::from_bytes(bytes)?;
            second.try_into()
        }
        other => Err(BadConfig::Kind(other)),
    }
}

#[derive(Serialize)]
struct ConfiguredOut<'a> {
    host: HostNo,
    key: &'a HostKey,
    enterprise: Option<&'a EnterpriseCode>,
    gateways: &'a [(GatewayNo, GatewayId)],
    gateway_grace_ms: u32,
    points: Vec<PointOut<'a>>,
    settings: Vec<&'a PointSettings>,
}

#[derive(Serialize)]
struct PointOut<'a> {
    no: PointNo,
    id: &'a PointId,
    equipment: &'a EquipmentId,
    gateway: &'a GatewayId,
    device: &'a str,
    settings: u32,
}

#[derive(Deserialize)]
struct ConfiguredIn {
    host: HostNo,
    key: HostKey,
    enterprise: Option<EnterpriseCode>,
    gateways: Vec<(GatewayNo, GatewayId)>,
    gateway_grace_ms: u32,
    points: Vec<PointIn>,
    settings: Vec<Arc<PointSettings>>,
}

#[derive(Deserialize)]
struct PointIn {
    no: PointNo,
    id: PointId,
    equipment: EquipmentId,
    gateway: GatewayId,
    device: Box<str>,
    settings: u32,
}

impl TryFrom<ConfiguredIn> for HostConfig {
    type Error = BadConfig;
    fn try_from(from: ConfiguredIn) -> Result<Self, BadConfig> {
        let ConfiguredIn { host, key, enterprise, gateways, gateway_grace_ms, points, settings } =
            from;
        let points = points.into_iter().map(|point| {
            let of = settings.get(point.settings as usize).cloned();
            let of = of.ok_or_else(|| BadConfig::Settings {
                point: point.id.clone(),
                settings: point.settings,
                held: settings.len(),
            })?;
            let PointIn { no, id, equipment, gateway, device, .. } = point;
            Ok(PointConfig { no, id, equipment, gateway, device, settings: of })
        });
        let points = points.collect::<Result<_, BadConfig>>()?;
        Ok(Self { host, key, enterprise, gateways, points, gateway_grace_ms })
    }
}

/// The first form. Frozen, like every type below it: journals hold it field by field.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct ConfiguredV1 {
    host: HostNo,
    key: HostKey,
    enterprise: Option<EnterpriseCode>,
    gateways: Vec<(GatewayNo, GatewayId)>,
    points: Vec<PointV1>,
    gateway_grace_ms: u32,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct PointV1 {
    no: PointNo,
    id: PointId,
    equipment: EquipmentId,
    gateway: GatewayId,
    device: Box<str>,
    settings: SettingsV1,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct SettingsV1 {
    kind: KindV1,
    signal: Box<str>,
    unit: Box<str>,
    range: (f64, f64),
    scan_ms: u32,
    missing_scans: u16,
    frozen_after_ms: Option<u32>,
    limits: LimitsV1,
    of_hazard_source: bool,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
enum KindV1 {
    Analog,
    Discrete { alarm_state: Option<i32>, on_delay_ms: u32 },
    DelayedDiscrete { alarm_state: Option<i32>, on_delay_ms: u32, off_delay_ms: u32 },
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct LimitsV1 {
    version: u32,
    ll: Option<LimitV1>,
    l: Option<LimitV1>,
    h: Option<LimitV1>,
    hh: Option<LimitV1>,
    rate_per_min: Option<LimitV1>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct LimitV1 {
    value: f64,
    deadband: f64,
    on_delay_ms: u32,
    off_delay_ms: u32,
    level: Option<u8>,
}

impl From<ConfiguredV1> for HostConfig {
    fn from(from: ConfiguredV1) -> Self {
        let points = from.points.into_iter().map(|point| PointConfig {
            no: point.no,
            id: point.id,
            equipment: point.equipment,
            gateway: point.gateway,
            device: point.device,
            settings: Arc::new(point.settings.into()),
        });
        Self {
            host: from.host,
            key: from.key,
            enterprise: from.enterprise,
            gateways: from.gateways,
            points: points.collect(),
            gateway_grace_ms: from.gateway_grace_ms,
        }
    }
}

impl From<SettingsV1> for PointSettings {
    fn from(from: SettingsV1) -> Self {
        Self {
            kind: from.kind.into(),
            signal: from.signal,
            unit: from.unit,
            range: from.range,
            scan_ms: from.scan_ms,
            missing_scans: from.missing_scans,
            frozen_after_ms: from.frozen_after_ms,
            limits: from.limits.into(),
            of_hazard_source: from.of_hazard_source,
            chatter: None,
            suppression: Suppression::default(),
            detectors: Box::default(),
        }
    }
}

impl From<KindV1> for PointKind {
    fn from(from: KindV1) -> Self {
        let (alarm_state, on_delay_ms, off_delay_ms) = match from {
            KindV1::Analog => return Self::Analog,
            KindV1::Discrete { alarm_state, on_delay_ms } => (alarm_state, on_delay_ms, 0),
            KindV1::DelayedDiscrete { alarm_state, on_delay_ms, off_delay_ms } => {
                (alarm_state, on_delay_ms, off_delay_ms)
            }
        };
        Self::Discrete { alarm_state, on_delay_ms, off_delay_ms, realarm_ms: 0, latching: false }
    }
}

impl From<LimitsV1> for Limits {
    fn from(from: LimitsV1) -> Self {
        let of = |limit: Option<LimitV1>| limit.map(Limit::from);
        Self {
            version: from.version,
            ll: of(from.ll),
            l: of(from.l),
            h: of(from.h),
            hh: of(from.hh),
            rate_per_min: of(from.rate_per_min),
            ..Self::default()
        }
    }
}

impl From<LimitV1> for Limit {
    fn from(from: LimitV1) -> Self {
        Self {
            value: from.value,
            deadband: from.deadband,
            on_delay_ms: from.on_delay_ms,
            off_delay_ms: from.off_delay_ms,
            level: from.level,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::Conditions;
    use crate::point::Chatter;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn first() -> ConfiguredV1 {
        let limit = |value, level| LimitV1 {
            value,
            deadband: 1.0,
            on_delay_ms: 500,
            off_delay_ms: 2_000,
            level,
        };
        let point = |no, tag: &str, kind| PointV1 {
            no: PointNo(no),
            id: PointId::new(&format!("410205001.{tag}")).unwrap(),
            equipment: EquipmentId::new("410205001.T-1").unwrap(),
            gateway: GatewayId::new("41020500101").unwrap(),
            device: "plc".into(),
            settings: SettingsV1 {
                kind,
                signal: "level".into(),
                unit: "%".into(),
                range: (0.0, 100.0),
                scan_ms: 1_000,
                missing_scans: 3,
                frozen_after_ms: Some(60_000),
                limits: LimitsV1 {
                    version: 2,
                    ll: None,
                    l: None,
                    h: Some(limit(80.0, None)),
                    hh: Some(limit(85.0, Some(1))),
                    rate_per_min: None,
                },
                of_hazard_source: true,
            },
        };
        ConfiguredV1 {
            host: HostNo(3),
            key: HostKey::General(EnterpriseCode::new("410205001").unwrap()),
            enterprise: EnterpriseCode::new("410205001").ok(),
            gateways: vec![(GatewayNo(1), GatewayId::new("41020500101").unwrap())],
            points: vec![
                point(1, "LT-1", KindV1::Analog),
                point(2, "XA-1", KindV1::Discrete { alarm_state: Some(1), on_delay_ms: 300 }),
                point(
                    3,
                    "XA-2",
                    KindV1::DelayedDiscrete {
                        alarm_state: None,
                        on_delay_ms: 300,
                        off_delay_ms: 400,
                    },
                ),
            ],
            gateway_grace_ms: 10_000,
        }
    }

    /// Bytes that the program wrote before there was a second form.
    #[test]
    fn the_first_form_stays_readable() {
        let bytes = postcard::to_stdvec(&first()).unwrap();
        assert_eq!(hex(&bytes), FIRST_FORM, "the frozen structs have changed");
        let config = read(RecordKind::Configured, &bytes).unwrap();
        assert_eq!(config.points.len(), 3);
        let settings = &config.points[0].settings;
        let hh = settings.limits.hh.unwrap();
        assert_eq!((hh.value, hh.level, hh.realarm_ms, hh.latching), (85.0, Some(1), 0, false));
        assert!(!settings.limits.exclusive_high && settings.chatter.is_none());
        assert_eq!(settings.suppression, Suppression::default());
        let delays = |at: usize| config.points[at].settings.kind.state_delays_ms();
        assert_eq!((delays(1), delays(2)), ((300, 0), (300, 400)));
        assert_eq!(config.points[1].settings.kind.alarm_state(), Some(1));
    }

    #[test]
    fn a_configuration_is_read_back_as_it_was_written_and_shares_what_it_shared() {
        let mut config = HostConfig::from(first());
        let mut settings = (*config.points[0].settings).clone();
        settings.limits.exclusive_high = true;
        settings.limits.hh.as_mut().unwrap().latching = true;
        settings.chatter = Some(Chatter { transitions: 3, window_ms: 60_000 });
        settings.suppression.stopped = {
            let mut set = Conditions::NONE;
            set.insert(crate::alarm::Condition::Low);
            set
        };
        let shared = Arc::new(settings);
        config.points[0].settings = shared.clone();
        config.points[2].settings = shared;
        let bytes = write(&config);
        let read_back = read(RecordKind::ConfiguredV2, &bytes).unwrap();
        assert_eq!(read_back, config);
        assert!(Arc::ptr_eq(&read_back.points[0].settings, &read_back.points[2].settings));
        for cut in 0..bytes.len() {
            assert!(read(RecordKind::ConfiguredV2, &bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(matches!(read(RecordKind::Tick, &bytes), Err(BadConfig::Kind(RecordKind::Tick))));
    }

    #[test]
    fn settings_that_are_not_there_are_refused_by_name() {
        let config = HostConfig::from(first());
        let bytes = write(&HostConfig { points: config.points[..1].to_vec(), ..config });
        let mut read: ConfiguredInOut = postcard::from_bytes(&bytes).unwrap();
        read.settings.clear();
        let bytes = postcard::to_stdvec(&read).unwrap();
        let why = super::read(RecordKind::ConfiguredV2, &bytes).unwrap_err().to_string();
        assert_eq!(why, "point 410205001.LT-1 has settings number 0, and the record holds 0");
    }

    /// The second form in both directions, to damage it on purpose.
    #[derive(Serialize, Deserialize)]
    struct ConfiguredInOut {
        host: HostNo,
        key: HostKey,
        enterprise: Option<EnterpriseCode>,
        gateways: Vec<(GatewayNo, GatewayId)>,
        gateway_grace_ms: u32,
        points: Vec<(PointNo, PointId, EquipmentId, GatewayId, String, u32)>,
        settings: Vec<PointSettings>,
    }

    const FIRST_FORM: &str = "030209343130323035303031010934313032303530303101010b343130323035303031303103010e3431303230353030\
        312e4c542d310d3431303230353030312e542d310b343130323035303031303103706c6300056c6576656c0125000000\
        00000000000000000000005940e8070301e0d403020000010000000000005440000000000000f03ff403d00f00010000\
        000000405540000000000000f03ff403d00f01010001020e3431303230353030312e58412d310d343130323035303031\
        2e542d310b343130323035303031303103706c63010102ac02056c6576656c0125000000000000000000000000000059\
        40e8070301e0d403020000010000000000005440000000000000f03ff403d00f00010000000000405540000000000000\
        f03ff403d00f01010001030e3431303230353030312e58412d320d3431303230353030312e542d310b34313032303530\
        3031303103706c630200ac029003056c6576656c012500000000000000000000000000005940e8070301e0d403020000\
        010000000000005440000000000000f03ff403d00f00010000000000405540000000000000f03ff403d00f0101000190\
        4e";
}
