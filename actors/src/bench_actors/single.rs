//! The way not taken: one ractor actor per sensor, and one per equipment, hazard source, enterprise and region above it.
//!
//! The sensor's state and step are the product's own, and the frame is checked and routed in the same way, so what differs is
//! the actor alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anlan_domain::quality::Quality;
use anlan_domain::rollup::RollUp;
use anlan_domain::sensor::{Finding, Moment, Reading, Rules, Sensor, Watch};
use anlan_domain::time::LineMillis;
use anlan_domain::uplink::ReadingsView;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::Notify;

use super::hosted::Branch;
use super::process::{cpu_ns, resident_bytes};
use super::{BenchError, Measured, plant};

/// What all sensors count into; the last one of a round wakes the bench.
struct Counts {
    taken: AtomicU64,
    entries: AtomicU64,
    expected: AtomicU64,
    all_taken: Notify,
}

struct SensorActor {
    rules: Arc<Rules>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct SensorState {
    sensor: Sensor,
    findings: Vec<Finding>,
}

impl Actor for SensorActor {
    type Msg = Reading;
    type State = SensorState;
    type Arguments = ();

    async fn pre_start(
        &self,
        _: ActorRef<Reading>,
        (): (),
    ) -> Result<SensorState, ActorProcessingErr> {
        Ok(SensorState::default())
    }

    async fn handle(
        &self,
        _: ActorRef<Reading>,
        reading: Reading,
        state: &mut SensorState,
    ) -> Result<(), ActorProcessingErr> {
        let SensorState { sensor, findings } = state;
        let calm = reading.quality == Quality::GOOD
            && sensor.calm(&self.rules, reading.value, reading.at, reading.source);
        if !calm {
            let start = Moment { at: LineMillis(0), wall: plant::received(0) };
            sensor.step(&self.rules, &reading, Watch::Running(start), findings);
            self.counts.entries.fetch_add(findings.len() as u64, Ordering::Relaxed);
            findings.clear();
        }
        let taken = self.counts.taken.fetch_add(1, Ordering::AcqRel) + 1;
        if taken == self.counts.expected.load(Ordering::Acquire) {
            self.counts.all_taken.notify_one();
        }
        Ok(())
    }
}

/// Builds the tree, lets it take `rounds` readings per sensor, and says what it cost.
pub(super) fn measure(enterprises: u32, rounds: u32) -> Result<Measured, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| BenchError::Io { doing: "start threads", source })?;
    runtime.block_on(run(enterprises, rounds))
}

async fn run(enterprises: u32, rounds: u32) -> Result<Measured, BenchError> {
    let frames: Vec<Vec<_>> = (0..plant::ROUNDS_MADE)
        .map(|round| (0..enterprises).map(|e| plant::payload(e, round)).collect())
        .collect();
    let before = resident_bytes()?;
    let counts = Arc::new(Counts {
        taken: AtomicU64::new(0),
        entries: AtomicU64::new(0),
        expected: AtomicU64::new(0),
        all_taken: Notify::new(),
    });
    let rules: Vec<_> = plant::settings().into_iter().map(|s| Arc::new(Rules::new(s))).collect();
    let sensors = enterprises * plant::SENSORS_PER_ENTERPRISE;
    let mut refs = Vec::with_capacity(sensors as usize);
    for n in 0..sensors {
        let rules = rules[(n % plant::SENSORS_PER_EQUIPMENT) as usize].clone();
        let actor = SensorActor { rules, counts: counts.clone() };
        refs.push(Actor::spawn(None, actor, ()).await.expect("it starts").0);
    }
    let above = enterprises * (1 + plant::SOURCES + plant::SOURCES * plant::EQUIPMENT_PER_SOURCE);
    let mut branches = Vec::new();
    for _ in 0..above + plant::REGIONS {
        branches.push(Actor::spawn(None, Branch, ()).await.expect("it starts").0);
    }
    for round in 0..3 {
        take_round(&refs, &counts, &frames, round).await;
    }
    let cpu = cpu_ns()?;
    for round in 3..3 + rounds {
        take_round(&refs, &counts, &frames, round).await;
    }
    let cpu = cpu_ns()?.saturating_sub(cpu);
    let bytes = resident_bytes()?.saturating_sub(before);
    let measured = Measured {
        bytes_per_sensor: bytes as f64 / f64::from(sensors),
        hosted_bytes_per_sensor: None,
        ns_per_reading: cpu as f64 / (f64::from(sensors) * f64::from(rounds)),
        sensors,
        rounds,
        actors: sensors + above + plant::REGIONS,
        alarm_entries: counts.entries.load(Ordering::Relaxed),
    };
    refs.iter().for_each(|sensor| sensor.stop(None));
    branches.iter().for_each(|branch: &ActorRef<RollUp>| branch.stop(None));
    Ok(measured)
}

async fn take_round(
    sensors: &[ActorRef<Reading>],
    counts: &Counts,
    frames: &[Vec<Arc<[u8]>>],
    round: u32,
) {
    counts.expected.fetch_add(sensors.len() as u64, Ordering::AcqRel);
    let header = plant::header(round);
    let made = &frames[(round % plant::ROUNDS_MADE) as usize];
    let mut sensor = sensors.iter();
    for payload in made {
        let view = ReadingsView::new(payload).expect("we made it");
        for group in view.groups() {
            let age = i64::from(group.age_ms);
            for i in 0..group.count {
                let reading = Reading {
                    value: group.value(i),
                    quality: group.quality(i),
                    at: LineMillis(plant::received(round).0 - age),
                    source: header.wall.plus(-age),
                };
                let to = sensor.next().expect("as many readings as sensors");
                to.cast(reading).expect("the actor lives as long as the bench");
            }
        }
    }
    counts.all_taken.notified().await;
}
