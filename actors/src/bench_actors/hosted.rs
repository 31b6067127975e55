//! The product's way: sensors and equipment hosted by their hazard source's actor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anlan_domain::ids::{EquipmentId, GatewayId, HazardCode, PointId};
use anlan_domain::log::{GatewayNo, HostConfig, HostKey, HostNo};
use anlan_domain::point::{PointConfig, PointNo, PointSettings};
use anlan_domain::rollup::RollUp;
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{Header, ReadingsView, Status};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use super::process::{cpu_ns, resident_bytes};
use super::{BenchError, Measured, plant};
use crate::host::{Effects, Entry, Host, Readings, Run};

/// What all actors of the bench count into.
#[derive(Default)]
struct Counts {
    readings: AtomicU64,
    entries: AtomicU64,
    hosted_bytes: AtomicU64,
}

/// A run of a group: the group's number, first reading, how many, first slot.
type PlannedRun = (usize, usize, usize, u32);

enum HostMsg {
    /// A frame was logged; the runs are for this host.
    Frame {
        header: Header,
        payload: Arc<[u8]>,
        plan: Arc<[PlannedRun]>,
        offset: u64,
        received: UtcMillis,
    },
    /// Time passed.
    Tick { offset: u64, received: UtcMillis },
    /// A gateway's backlog is empty.
    Status { header: Header, offset: u64, received: UtcMillis },
    /// Everything sent before has been taken; adds up what is hosted.
    Settled(oneshot::Sender<()>),
}

struct HostActor {
    gateway: GatewayNo,
    counts: Arc<Counts>,
}

struct HostState {
    host: Host,
    effects: Effects,
}

impl Actor for HostActor {
    type Msg = HostMsg;
    type State = HostState;
    type Arguments = HostConfig;

    async fn pre_start(
        &self,
        _: ActorRef<HostMsg>,
        config: HostConfig,
    ) -> Result<HostState, ActorProcessingErr> {
        let mut effects = Effects::default();
        let host = Host::new(&config, 1, plant::received(0), &mut effects);
        Ok(HostState { host, effects: Effects::default() })
    }

    async fn handle(
        &self,
        _: ActorRef<HostMsg>,
        message: HostMsg,
        state: &mut HostState,
    ) -> Result<(), ActorProcessingErr> {
        let HostState { host, effects } = state;
        let gateway = self.gateway;
        match message {
            HostMsg::Frame { header, payload, plan, offset, received } => {
                let view = ReadingsView::new(&payload)?;
                let groups: Vec<_> = view.groups().collect();
                let runs: Vec<_> = plan
                    .iter()
                    .map(|&(group, start, len, slot)| Run {
                        group: groups[group],
                        start,
                        len,
                        slot,
                    })
                    .collect();
                let readings = Readings { gateway, header: &header, received, runs: &runs };
                host.apply(offset, &Entry::Readings(readings), effects)?;
                let changed = effects.changed.len() as u64;
                self.counts.readings.fetch_add(changed, Ordering::Relaxed);
            }
            HostMsg::Tick { offset, received } => {
                host.apply(offset, &Entry::Tick { received }, effects)?;
            }
            HostMsg::Status { header, offset, received } => {
                let status = Status::default();
                let entry = Entry::Status { gateway, header: &header, received, status: &status };
                host.apply(offset, &entry, effects)?;
            }
            HostMsg::Settled(reply) => {
                let bytes = host.hosted_bytes() as u64;
                self.counts.hosted_bytes.fetch_add(bytes, Ordering::Relaxed);
                if reply.send(()).is_err() {
                    // The bench ended early: nobody waits, and that is no failure of ours.
                }
            }
        }
        self.counts.entries.fetch_add(effects.entries.len() as u64, Ordering::Relaxed);
        effects.clear();
        Ok(())
    }
}

/// Stands for an enterprise or a region: it holds the roll-up of what is below.
pub(super) struct Branch;

impl Actor for Branch {
    type Msg = RollUp;
    type State = RollUp;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<RollUp>, (): ()) -> Result<RollUp, ActorProcessingErr> {
        Ok(RollUp::default())
    }

    async fn handle(
        &self,
        _: ActorRef<RollUp>,
        part: RollUp,
        sum: &mut RollUp,
    ) -> Result<(), ActorProcessingErr> {
        sum.add(&part);
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

struct Tree {
    hosts: Vec<ActorRef<HostMsg>>,
    branches: Vec<ActorRef<RollUp>>,
    /// By enterprise and host of it; the general-area host has none.
    plans: Vec<Arc<[PlannedRun]>>,
    counts: Arc<Counts>,
}

async fn run(enterprises: u32, rounds: u32) -> Result<Measured, BenchError> {
    let frames: Vec<Vec<_>> = (0..plant::ROUNDS_MADE)
        .map(|round| (0..enterprises).map(|e| plant::payload(e, round)).collect())
        .collect();
    let before = resident_bytes()?;
    let tree = build(enterprises).await;
    let sensors = enterprises * plant::SENSORS_PER_ENTERPRISE;
    // Three rounds to settle: the gap of a first frame, its end, a calm one.
    for round in 0..3 {
        tree.round(round, &frames);
        if round == 0 {
            tree.status();
        }
        tree.settled().await;
    }
    let cpu = cpu_ns()?;
    for round in 3..3 + rounds {
        tree.round(round, &frames);
        tree.settled().await;
    }
    let cpu = cpu_ns()?.saturating_sub(cpu);
    let bytes = resident_bytes()?.saturating_sub(before);
    tree.counts.hosted_bytes.store(0, Ordering::Relaxed);
    tree.settled().await;
    let taken = tree.counts.readings.load(Ordering::Relaxed);
    assert_eq!(taken, u64::from(sensors) * u64::from(rounds + 3), "every reading was taken");
    let per_sensor = |bytes: u64| bytes as f64 / f64::from(sensors);
    let measured = Measured {
        bytes_per_sensor: per_sensor(bytes),
        hosted_bytes_per_sensor: Some(per_sensor(tree.counts.hosted_bytes.load(Ordering::Relaxed))),
        ns_per_reading: cpu as f64 / (f64::from(sensors) * f64::from(rounds)),
        sensors,
        rounds,
        actors: u32::try_from(tree.hosts.len() + tree.branches.len()).expect("far below 4 G"),
        alarm_entries: tree.counts.entries.load(Ordering::Relaxed),
    };
    tree.stop();
    Ok(measured)
}

async fn build(enterprises: u32) -> Tree {
    let counts = Arc::new(Counts::default());
    let settings = plant::settings();
    let mut hosts = Vec::new();
    let mut branches = Vec::new();
    for _ in 0..plant::REGIONS + enterprises {
        branches.push(Actor::spawn(None, Branch, ()).await.expect("it starts").0);
    }
    for e in 0..enterprises {
        for part in 0..=plant::SOURCES {
            let config = config(e, part, &settings);
            let actor = HostActor { gateway: GatewayNo(e), counts: counts.clone() };
            hosts.push(Actor::spawn(None, actor, config).await.expect("it starts").0);
        }
    }
    let plans = (0..=plant::SOURCES)
        .map(|part| {
            let len = plant::SENSORS_PER_SOURCE as usize;
            let start = part as usize * len;
            if part == plant::SOURCES { Arc::from([]) } else { Arc::from([(0, start, len, 0)]) }
        })
        .collect();
    Tree { hosts, branches, plans, counts }
}

/// Configuration of one hazard source of an enterprise; the last part is its general area, without points.
fn config(e: u32, part: u32, settings: &[Arc<PointSettings>]) -> HostConfig {
    let code = plant::enterprise(e);
    let gateway: GatewayId = format!("{code}01").parse().expect("digits");
    let general = part == plant::SOURCES;
    let count = if general { 0 } else { plant::SENSORS_PER_SOURCE };
    let points = (0..count)
        .map(|i| {
            let n = part * plant::SENSORS_PER_SOURCE + i;
            let equipment = n / plant::SENSORS_PER_EQUIPMENT;
            PointConfig {
                no: PointNo(e * plant::SENSORS_PER_ENTERPRISE + n),
                id: PointId::of(&code, &format!("LT-{n:04}")).expect("a tag"),
                equipment: EquipmentId::new(&format!("{code}.V-{equipment:03}")).expect("a tag"),
                gateway: gateway.clone(),
                device: format!("plc-{}", part + 1).into(),
                settings: settings[(n % plant::SENSORS_PER_EQUIPMENT) as usize].clone(),
            }
        })
        .collect();
    let hazard = || HazardCode::new(&format!("{code}{:03}", part + 1)).expect("digits");
    HostConfig {
        host: HostNo(1 + e * (plant::SOURCES + 1) + part),
        key: if general { HostKey::General(code.clone()) } else { HostKey::Hazard(hazard()) },
        enterprise: Some(code.clone()),
        gateways: vec![(GatewayNo(e), gateway)],
        points,
        gateway_grace_ms: 30_000,
    }
}

impl Tree {
    fn send(&self, host: usize, message: HostMsg) {
        self.hosts[host].cast(message).expect("the actor lives as long as the bench");
    }

    /// One frame an enterprise, given to each of its hosts, and a tick.
    fn round(&self, round: u32, frames: &[Vec<Arc<[u8]>>]) {
        let made = &frames[(round % plant::ROUNDS_MADE) as usize];
        let offset = u64::from(round) * 4 + 2;
        let received = plant::received(round);
        for host in 0..self.hosts.len() {
            let part = host % self.plans.len();
            let plan = self.plans[part].clone();
            if !plan.is_empty() || round == 0 {
                let payload = made[host / self.plans.len()].clone();
                let header = plant::header(round);
                self.send(host, HostMsg::Frame { header, payload, plan, offset, received });
            }
            self.send(host, HostMsg::Tick { offset: offset + 1, received });
        }
    }

    fn status(&self) {
        let received = plant::received(0);
        for host in 0..self.hosts.len() {
            let mut header = plant::header(0);
            header.flags = 0;
            // Between the frames of round 0 and 1, which have the sequence numbers 1 and 2 of this lane.
            header.seq = 2;
            header.boot = anlan_domain::uplink::Boot([8; 16]);
            self.send(host, HostMsg::Status { header, offset: 4, received });
        }
    }

    async fn settled(&self) {
        let mut waiting = Vec::with_capacity(self.hosts.len());
        for host in 0..self.hosts.len() {
            let (done, wait) = oneshot::channel();
            self.send(host, HostMsg::Settled(done));
            waiting.push(wait);
        }
        for wait in waiting {
            wait.await.expect("the actor lives as long as the bench");
        }
    }

    fn stop(self) {
        self.hosts.iter().for_each(|host| host.stop(None));
        self.branches.iter().for_each(|branch| branch.stop(None));
    }
}
