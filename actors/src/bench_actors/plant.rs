//! The plant of the bench: what its sensors are, and what they read.

use std::sync::Arc;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::point::{PointKind, PointSettings};
use anlan_domain::quality::Quality;
use anlan_domain::suppression::Suppression;
use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{Boot, FLAG_GAP, GroupBuilder, Header, Kind, Lane, encode_readings};

pub(super) const SENSORS_PER_EQUIPMENT: u32 = 12;
pub(super) const EQUIPMENT_PER_SOURCE: u32 = 10;
pub(super) const SOURCES: u32 = 4;
pub(super) const SENSORS_PER_SOURCE: u32 = SENSORS_PER_EQUIPMENT * EQUIPMENT_PER_SOURCE;
pub(super) const SENSORS_PER_ENTERPRISE: u32 = SENSORS_PER_SOURCE * SOURCES;
/// A province, a city, two counties and two parks.
pub(super) const REGIONS: u32 = 6;
/// Frames of so many rounds are made beforehand and used in turn.
pub(super) const ROUNDS_MADE: u32 = 8;
/// One sensor in so many crosses a limit in each round of frames: more than a plant does, so that the rare path counts.
const CROSSING: u32 = 20_000;

const START: i64 = 1_800_000_000_000;

/// The twelve signals of an equipment: settings are shared between equal points, as the registry shares them.
pub(super) fn settings() -> Vec<Arc<PointSettings>> {
    (0..SENSORS_PER_EQUIPMENT)
        .map(|kind| {
            let top = 100.0 + f64::from(kind);
            let limit = |share: f64| {
                Some(Limit {
                    value: top * share,
                    deadband: top * 0.02,
                    on_delay_ms: 0,
                    off_delay_ms: 0,
                    ..Limit::default()
                })
            };
            Arc::new(PointSettings {
                kind: PointKind::Analog,
                signal: ["level", "pressure", "temperature", "gas_toxic"][kind as usize % 4].into(),
                unit: ["%", "MPa", "°C", "ppm"][kind as usize % 4].into(),
                range: (0.0, top),
                scan_ms: 1_000,
                missing_scans: 3,
                frozen_after_ms: Some(600_000),
                limits: Limits {
                    version: 1,
                    ll: limit(0.05),
                    l: limit(0.1),
                    h: limit(0.85),
                    hh: limit(0.95),
                    ..Limits::default()
                },
                of_hazard_source: true,
                chatter: None,
                suppression: Suppression::default(),
                detectors: Box::default(),
            })
        })
        .collect()
}

pub(super) fn enterprise(n: u32) -> EnterpriseCode {
    EnterpriseCode::new(&format!("{:09}", 410_200_000 + n)).expect("nine digits")
}

/// What sensor `n` of all reads in a round: half of its range with noise, and rarely beyond H.
pub(super) fn value(n: u32, round: u32) -> f64 {
    let mix = (u64::from(n) << 32 | u64::from(round)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let noise = f64::from(u32::try_from(mix % 4_096).expect("12 bits")) / 4_096.0;
    let top = 100.0 + f64::from(n % SENSORS_PER_EQUIPMENT);
    let crosses = (n + round * 7_919).is_multiple_of(CROSSING);
    top * (if crosses { 0.9 } else { 0.5 } + noise * 0.01)
}

/// The payload of an enterprise's frame of one round: one group of 480 readings.
pub(super) fn payload(enterprise: u32, round: u32) -> Arc<[u8]> {
    let count = SENSORS_PER_ENTERPRISE;
    let group = GroupBuilder {
        age_ms: 20,
        handles: (0..count).collect(),
        qualities: vec![Quality::GOOD; count as usize],
        values: (0..count).map(|i| value(enterprise * count + i, round)).collect(),
        source_walls: Vec::new(),
    };
    encode_readings(1, &[group]).into()
}

/// Header of the frame of a round, a second after the one before.
pub(super) fn header(round: u32) -> Header {
    let at = i64::from(round) * 1_000;
    Header {
        kind: Kind::Readings,
        lane: Lane::Live,
        flags: if round == 0 { FLAG_GAP } else { 0 },
        boot: Boot([7; 16]),
        seq: u64::from(round) + 1,
        wall: UtcMillis(START + at),
        mono: MonoMillis(u64::from(round) * 1_000),
        epoch: 0,
    }
}

/// Logged time of a round.
pub(super) fn received(round: u32) -> UtcMillis {
    UtcMillis(START + i64::from(round) * 1_000 + 5)
}
