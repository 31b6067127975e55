//! What a host says of itself and of what it hosts: current values, roll-ups, faults, the data path.

use anlan_domain::alarm::Condition;
use anlan_domain::conditions::Conditions;
use anlan_domain::ids::{EquipmentId, GatewayId, PointId};
use anlan_domain::log::{GatewayNo, HostKey, HostNo};
use anlan_domain::point::{PointNo, PointSettings};
use anlan_domain::quality::Quality;
use anlan_domain::rollup::RollUp;
use anlan_domain::sensor::Watch;
use anlan_domain::time::UtcMillis;

use super::state::{Counters, DeviceState, Link, SetAside};
use super::{Evaluator, Host};

/// What a point shows now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// Number of the point in the registry.
    pub point: PointNo,
    /// The last value that was not bad; `None` before the first.
    pub value: Option<f64>,
    /// Quality of the last reading; of a missing point never good: the value stopped being written (OPC DA: last usable value).
    pub quality: Quality,
    /// Source time of the last reading; `None` before the first.
    pub source: Option<UtcMillis>,
    /// Logged time of the last reading; `None` before the first.
    pub received: Option<UtcMillis>,
    /// No reading for N scans though everything above works.
    pub missing: bool,
    /// A node above is lost: bad, whatever the last reading said.
    pub parent_lost: bool,
    /// Conditions whose alarm stands.
    pub standing: Conditions,
}

/// A gateway as a host sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayDescription {
    /// Number in the registry.
    pub no: GatewayNo,
    /// Identity.
    pub id: GatewayId,
    /// Whether its link is up; else since when it is not, in logged time.
    pub down_since: Option<UtcMillis>,
    /// Its devices: name, and whether each is connected where that is known.
    pub devices: Vec<(Box<str>, Option<bool>)>,
    /// Second evaluators that wait for back-filled readings.
    pub backfills: usize,
}

/// A hosted sensor that crashed and has not lived a while since.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultDescription {
    /// Its slot.
    pub slot: u32,
    /// Tag of its point.
    pub tag: Box<str>,
    /// Crashes in a row.
    pub failures: u32,
    /// When it is (or was) started again, in logged time.
    pub retry_at: UtcMillis,
    /// Readings that wait for it.
    pub waiting: usize,
}

/// What a host says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct HostDescription {
    /// Number in the registry.
    pub host: HostNo,
    /// What it stands for.
    pub key: HostKey,
    /// Offset of the last entry applied.
    pub folded: u64,
    /// Logged time of it.
    pub clock: UtcMillis,
    /// Hosted sensors.
    pub sensors: usize,
    /// Hosted pieces of equipment.
    pub equipment: usize,
    /// Everything below it.
    pub roll_up: RollUp,
    /// What it counts.
    pub counters: Counters,
    /// Its gateways.
    pub gateways: Vec<GatewayDescription>,
    /// Sensors that crashed lately.
    pub faults: Vec<FaultDescription>,
    /// Readings that were set aside lately.
    pub set_aside: Vec<SetAside>,
}

impl<E: Evaluator> Host<E> {
    /// Number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.state.cells.len()
    }

    /// What the point of a slot shows now.
    ///
    /// # Panics
    /// Like indexing, when there is no such slot; so do the other questions about a slot.
    #[must_use]
    pub fn value(&self, slot: usize) -> Value {
        let cell = &self.state.cells[slot];
        let sensor = &cell.sensor;
        let last = sensor.last_reading();
        let missing = sensor.standing().has(Condition::Missing);
        // Not bad (20, last known value): that is a source that was asked and did not answer, and its value is not shown. Here the
        // source stopped writing, and people see the last value with its age.
        let quality = match sensor.quality() {
            stale if missing && !stale.is_bad() => Quality::LAST_USABLE,
            other => other,
        };
        Value {
            point: self.state.names.no(slot),
            value: sensor.value(),
            quality,
            source: last.map(|moment| moment.wall),
            received: last.map(|_| cell.received),
            missing,
            parent_lost: self.state.watch(slot) == Watch::ParentLost,
            standing: sensor.standing(),
        }
    }

    /// Identity of the point of a slot; `None` for a host without an enterprise.
    #[must_use]
    pub fn point(&self, slot: usize) -> Option<PointId> {
        self.state.enterprise.as_ref().map(|enterprise| self.state.names.id(slot, enterprise))
    }

    /// Settings in force for a slot.
    #[must_use]
    pub fn settings(&self, slot: usize) -> &PointSettings {
        &self.state.rules[self.state.cells[slot].rules as usize].settings
    }

    /// The equipment that a slot's point measures.
    #[must_use]
    pub fn equipment_of(&self, slot: usize) -> &EquipmentId {
        &self.state.equipment[usize::from(self.state.cells[slot].equipment)].id
    }

    /// The slot of a point's tag. Looks at every one.
    #[must_use]
    pub fn slot_of(&self, tag: &str) -> Option<usize> {
        self.state.names.slot_of(tag)
    }

    /// Every piece of equipment with what it shows.
    pub fn equipment(&self) -> impl Iterator<Item = (&EquipmentId, &RollUp)> {
        self.state.equipment.iter().map(|equipment| (&equipment.id, &equipment.roll_up))
    }

    /// Everything below the host, the data path that it answers for included.
    #[must_use]
    pub fn roll_up(&self) -> RollUp {
        let mut sum = RollUp::merged(self.state.equipment.iter().map(|e| &e.roll_up));
        for gateway in &self.state.gateways {
            sum.count_alarms(&gateway.book);
        }
        for device in &self.state.devices {
            sum.count_alarms(&device.book);
        }
        sum.count_alarms(&self.state.center_book);
        sum
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.state.counters
    }

    /// Gateways that have been lost for longer than their grace. Cheap, unlike [`Self::describe`].
    #[must_use]
    pub fn lost_gateways(&self) -> usize {
        let lost = |link: &&Link| matches!(link, Link::Down { told: true, .. });
        self.state.gateways.iter().map(|gateway| &gateway.link).filter(lost).count()
    }

    /// Sensors that crashed and have not lived a while since.
    #[must_use]
    pub fn faulty_sensors(&self) -> usize {
        self.state.cells.iter().filter(|cell| cell.fault.is_some()).count()
    }

    /// Everything that it says of itself.
    #[must_use]
    pub fn describe(&self) -> HostDescription {
        let state = &self.state;
        let faults = (0_u32..)
            .zip(&state.cells)
            .filter_map(|(slot, cell)| {
                let fault = cell.fault.as_ref()?;
                Some(FaultDescription {
                    slot,
                    tag: state.names.tag(slot as usize).into(),
                    failures: fault.failures,
                    retry_at: fault.retry_at,
                    waiting: fault.waiting.len(),
                })
            })
            .collect();
        HostDescription {
            host: state.host,
            key: state.key.clone(),
            folded: state.folded,
            clock: state.clock,
            sensors: state.cells.len(),
            equipment: state.equipment.len(),
            roll_up: self.roll_up(),
            counters: state.counters,
            gateways: (0..state.gateways.len()).map(|at| self.describe_gateway(at)).collect(),
            faults,
            set_aside: state.set_aside.iter().cloned().collect(),
        }
    }

    fn describe_gateway(&self, at: usize) -> GatewayDescription {
        let gateway = &self.state.gateways[at];
        let devices = self
            .state
            .devices
            .iter()
            .filter(|device| usize::from(device.gateway) == at)
            .map(|device| {
                let connected = match device.state {
                    DeviceState::Unknown => None,
                    DeviceState::Connected(_) => Some(true),
                    DeviceState::Lost { .. } => Some(false),
                };
                (device.name.clone(), connected)
            })
            .collect();
        GatewayDescription {
            no: gateway.no,
            id: gateway.id.clone(),
            down_since: match gateway.link {
                Link::Up(_) => None,
                Link::Down { since, .. } => Some(since),
            },
            devices,
            backfills: gateway.backfill.as_ref().map_or(0, |backfill| backfill.waiting()),
        }
    }

    /// Bytes that the hosted sensors and equipment take, nearly: what the bench reports as hosted.
    #[must_use]
    pub fn hosted_bytes(&self) -> usize {
        let state = &self.state;
        let cells: usize =
            state.cells.iter().map(|cell| size_of_val(cell) + cell.sensor.heap_bytes()).sum();
        cells + size_of_val(&*state.equipment) + state.names.heap_bytes()
    }
}
