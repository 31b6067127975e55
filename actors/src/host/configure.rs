//! A new desired configuration: points come, go, move to other slots, and get new limits.
//!
//! The configuration is whole: what is not in it is removed. A point is known by its tag and keeps its state whatever slot
//! it is given. What it forgets is nothing that makes an identity: the book of a removed point is kept.

use anlan_domain::alarm_book::AlarmBook;
use anlan_domain::conditions::Conditions;
use anlan_domain::log::{GatewayNo, HostConfig};
use anlan_domain::point::{PointConfig, PointSettings};
use anlan_domain::sensor::{Moment, Rules, Sensor, Watch};
use anlan_domain::time::{LineMillis, UtcMillis};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::entry::Effects;
use super::line::Line;
use super::names::Names;
use super::operate::suppress;
use super::path::{device_subject, gateway_subject};
use super::state::{
    Cell, Counters, Device, DeviceState, Equipment, Gateway, Link, PastRules, State,
};
use super::{Evaluator, Host, Now};

/// Number of a gateway that a point names and the configuration does not list. No frame carries it.
const UNLISTED: GatewayNo = GatewayNo(u32::MAX);

/// Versions of settings that are remembered per point, for back-filled readings.
const PAST_RULES_MAX: usize = 4;

impl State {
    /// A host without points.
    pub(super) fn empty(config: &HostConfig, received: UtcMillis) -> Self {
        Self {
            host: config.host,
            key: config.key.clone(),
            enterprise: config.enterprise.clone(),
            gateway_grace_ms: config.gateway_grace_ms,
            folded: 0,
            clock: received,
            sweep_at: received,
            names: Names::default(),
            rules: Vec::new(),
            past_rules: Vec::new(),
            cells: Vec::new(),
            equipment: Vec::new(),
            gateways: Vec::new(),
            devices: Vec::new(),
            modes: Vec::new(),
            center_lost: None,
            center_book: AlarmBook::default(),
            retired: Vec::new(),
            set_aside: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    fn place_gateways(&mut self, config: &HostConfig, now: Now) {
        let mut old = std::mem::take(&mut self.gateways);
        for (no, id) in &config.gateways {
            let kept = old.iter().position(|gateway| gateway.id == *id);
            let mut gateway = kept.map(|at| old.remove(at)).unwrap_or_else(|| Gateway {
                no: *no,
                id: id.clone(),
                link: Link::Down { since: now.clock, told: false },
                line: Line::new(now.clock),
                taken: Vec::new(),
                book: self.returning_book(&gateway_subject(id)),
                backfill: None,
            });
            gateway.no = *no;
            self.gateways.push(gateway);
        }
        for gateway in old {
            self.retire(gateway_subject(&gateway.id).into(), gateway.book);
        }
    }

    /// What is gone keeps the numbers of its alarms.
    fn retire(&mut self, subject: Box<str>, book: AlarmBook) {
        if book != AlarmBook::default() {
            self.retired.push((subject, book));
        }
    }

    /// What comes back takes its numbers up again.
    fn returning_book(&mut self, subject: &str) -> AlarmBook {
        let at = self.retired.iter().position(|(retired, _)| **retired == *subject);
        at.map_or_else(AlarmBook::default, |at| self.retired.remove(at).1)
    }
}

/// Where the parts of a configuration are looked up while it is laid out.
struct Layout<'a> {
    equipment: HashMap<&'a str, u16>,
    gateways: HashMap<&'a str, u16>,
    devices: HashMap<(u16, &'a str), u16>,
    /// Settings that this configuration shares, by the address of the share.
    rules: HashMap<*const PointSettings, u32>,
}

impl<E: Evaluator> Host<E> {
    /// The configuration in force, put together again: whoever restores a host needs to keep none beside its checkpoint.
    #[must_use]
    pub fn config(&self) -> HostConfig {
        let state = &self.state;
        let listed = state.gateways.iter().filter(|gateway| gateway.no != UNLISTED);
        let enterprise = state.enterprise.as_ref();
        let points = state.cells.iter().enumerate().map(|(slot, cell)| PointConfig {
            no: state.names.no(slot),
            id: state.names.id(slot, enterprise.expect("a host with points has an enterprise")),
            equipment: state.equipment_of(slot),
            gateway: state.gateways[usize::from(cell.gateway)].id.clone(),
            device: state.devices[usize::from(cell.device)].name.clone(),
            settings: state.rules[cell.rules as usize].settings.clone(),
        });
        HostConfig {
            host: state.host,
            key: state.key.clone(),
            enterprise: state.enterprise.clone(),
            gateways: listed.map(|gateway| (gateway.no, gateway.id.clone())).collect(),
            points: points.collect(),
            gateway_grace_ms: state.gateway_grace_ms,
        }
    }

    pub(super) fn configure(&mut self, now: Now, config: &HostConfig, effects: &mut Effects) {
        self.remove_points(now, config, effects);
        self.remove_gateways(now, config, effects);
        let old_names = std::mem::take(&mut self.state.names);
        let old_cells = std::mem::take(&mut self.state.cells);
        let old_rules = std::mem::take(&mut self.state.rules);
        let old_gateways: Vec<_> = self.state.gateways.iter().map(|g| g.id.clone()).collect();
        let old_devices = std::mem::take(&mut self.state.devices);
        let mut kept: HashMap<String, Cell> = old_cells
            .into_iter()
            .enumerate()
            .map(|(slot, cell)| (old_names.tag(slot).to_owned(), cell))
            .collect();

        let state = &mut self.state;
        state.key = config.key.clone();
        state.enterprise = config.enterprise.clone();
        state.gateway_grace_ms = config.gateway_grace_ms;
        state.place_gateways(config, now);
        let used: HashSet<(&str, &str)> =
            config.points.iter().map(|p| (p.gateway.as_str(), &*p.device)).collect();
        let mut moved = Vec::with_capacity(old_devices.len());
        for (at, device) in old_devices.into_iter().enumerate() {
            let id = &old_gateways[usize::from(device.gateway)];
            let gateway = state.gateways.iter().position(|g| g.id == *id);
            // One without points is kept while its gateway names it, or a backlog does.
            let awaited = |gateway: usize| {
                let backfill = state.gateways[gateway].backfill.as_ref();
                backfill.is_some_and(|backfill| backfill.tells_of(at))
            };
            let wanted = |gateway: &usize| {
                used.contains(&(id.as_str(), &*device.name))
                    || device.state != DeviceState::Unknown
                    || awaited(*gateway)
            };
            if let Some(gateway) = gateway.filter(wanted) {
                let gateway = u16::try_from(gateway).expect("a host has few gateways");
                moved.push((at, state.devices.len()));
                state.devices.push(Device { gateway, ..device });
            } else {
                state.retire(device_subject(id, &device.name).into(), device.book);
            }
        }
        state.equipment.clear();
        state.names = Names::new(config.points.iter().map(|point| (point.no, &point.id)));
        let mut layout = Layout::new(config);
        let mut changed = Vec::new();
        let mut cells = Vec::with_capacity(config.points.len());
        for (slot, point) in config.points.iter().enumerate() {
            let gateway = state.gateway_of(&mut layout, point.gateway.as_str(), now);
            let device = state.device_of(&mut layout, gateway, &point.device);
            let equipment = state.equipment_index(&mut layout, point.equipment.as_str());
            let rules = state.rules_index(&mut layout, &point.settings);
            let cell = match kept.remove(point.id.tag()) {
                Some(cell) => {
                    if old_rules[cell.rules as usize].settings != point.settings {
                        changed.push((slot, old_rules[cell.rules as usize].clone()));
                    }
                    Cell { rules, equipment, gateway, device, ..cell }
                }
                None => Cell {
                    sensor: state.returning_sensor(point.id.tag()),
                    received: now.clock,
                    fault: None,
                    rules,
                    equipment,
                    gateway,
                    device,
                },
            };
            cells.push(cell);
        }
        state.cells = cells;
        let old: HashMap<u32, Rules> = changed
            .iter()
            .map(|(slot, old)| (u32::try_from(*slot).expect("slots are 32 bits"), old.clone()))
            .collect();
        state.move_backfills(&old_names, &old, &moved);
        state.equipment.shrink_to_fit();
        state.devices.shrink_to_fit();
        state.rules.shrink_to_fit();
        state.recount();
        for (slot, old) in changed {
            self.change_settings(now, slot, old, effects);
        }
        self.path_changed(now, effects);
        self.settle_suppression(now, effects);
    }

    fn remove_points(&mut self, now: Now, config: &HostConfig, effects: &mut Effects) {
        let wanted: HashSet<&str> = config.points.iter().map(|point| point.id.tag()).collect();
        for slot in 0..self.state.cells.len() {
            if wanted.contains(self.state.names.tag(slot)) {
                continue;
            }
            self.change(now, slot, effects, |host, findings| {
                let sensor = &mut host.state.cells[slot].sensor;
                sensor.remove(now.clock, findings);
                // No state of its equipment keeps quiet what is not there.
                suppress(sensor, Conditions::NONE, None, now.clock, findings);
            });
            self.remove_detectors(now, slot, effects);
            let tag: Box<str> = self.state.names.tag(slot).into();
            self.state.past_rules.retain(|past| past.tag != tag);
            if let Some(book) = self.state.cells[slot].sensor.book().cloned() {
                self.state.retire(tag, book);
            }
        }
    }

    fn change_settings(&mut self, now: Now, slot: usize, old: Rules, effects: &mut Effects) {
        let cell = &self.state.cells[slot];
        let at = self.state.gateways[usize::from(cell.gateway)].line.now(now.clock);
        let new = self.state.rules[cell.rules as usize].clone();
        self.change(now, slot, effects, |host, findings| {
            let moment = Moment { at, wall: now.clock };
            host.state.cells[slot].sensor.reconfigure(&old, &new, moment, findings);
            host.state.reconfigure_seam(slot, &old, &new, moment);
        });
        self.change_detectors(now, slot, &old, effects);
        self.state.remember_rules(self.state.names.tag(slot).into(), at, old);
    }
}

impl<'a> Layout<'a> {
    fn new(config: &'a HostConfig) -> Self {
        let gateways = config
            .gateways
            .iter()
            .enumerate()
            .map(|(at, (_, id))| (id.as_str(), u16::try_from(at).expect("a host has few gateways")))
            .collect();
        Self { equipment: HashMap::new(), gateways, devices: HashMap::new(), rules: HashMap::new() }
    }
}

impl State {
    /// Second evaluators follow their sensors and devices. `moved` says from where to where a device went.
    fn move_backfills(
        &mut self,
        old_names: &Names,
        changed: &HashMap<u32, Rules>,
        moved: &[(usize, usize)],
    ) {
        for gateway in &mut self.gateways {
            if let Some(backfill) = &mut gateway.backfill {
                backfill.move_slots(
                    old_names,
                    |tag| self.names.slot_of(tag).and_then(|slot| u32::try_from(slot).ok()),
                    |slot| changed.get(&slot).cloned(),
                );
                backfill.move_devices(moved);
            }
        }
    }

    /// The gateway of a point. One that the host's configuration does not list can never write; it is entered all the same,
    /// so that its points are seen to be without data instead of being dropped.
    fn gateway_of<'a>(&mut self, layout: &mut Layout<'a>, id: &'a str, now: Now) -> u16 {
        *layout.gateways.entry(id).or_insert_with(|| {
            let book = self.returning_book(&format!("gateway:{id}"));
            self.gateways.push(Gateway {
                no: UNLISTED,
                id: id.parse().expect("it is an identity"),
                link: Link::Down { since: now.clock, told: false },
                line: Line::new(now.clock),
                taken: Vec::new(),
                book,
                backfill: None,
            });
            u16::try_from(self.gateways.len() - 1).expect("a host has few gateways")
        })
    }

    fn device_of<'a>(&mut self, layout: &mut Layout<'a>, gateway: u16, name: &'a str) -> u16 {
        *layout.devices.entry((gateway, name)).or_insert_with(|| {
            let found = self.devices.iter().position(|d| d.gateway == gateway && *d.name == *name);
            let at = found.unwrap_or_else(|| self.add_device(gateway, name));
            u16::try_from(at).expect("a host has few devices")
        })
    }

    pub(super) fn add_device(&mut self, gateway: u16, name: &str) -> usize {
        let subject = device_subject(&self.gateways[usize::from(gateway)].id, name);
        let book = self.returning_book(&subject);
        self.devices.push(Device {
            gateway,
            name: name.into(),
            state: DeviceState::Unknown,
            stood: DeviceState::Unknown,
            parted: None,
            watch: Watch::Waiting,
            book,
        });
        self.devices.len() - 1
    }

    fn equipment_index<'a>(&mut self, layout: &mut Layout<'a>, id: &'a str) -> u16 {
        *layout.equipment.entry(id).or_insert_with(|| {
            self.equipment.push(Equipment {
                id: id.parse().expect("it is an identity"),
                roll_up: anlan_domain::rollup::RollUp::default(),
            });
            u16::try_from(self.equipment.len() - 1).expect("a host has few pieces of equipment")
        })
    }

    fn rules_index(&mut self, layout: &mut Layout<'_>, settings: &Arc<PointSettings>) -> u32 {
        *layout.rules.entry(Arc::as_ptr(settings)).or_insert_with(|| {
            let found = self.rules.iter().position(|rules| rules.settings == *settings);
            let at = found.unwrap_or_else(|| {
                self.rules.push(Rules::new(settings.clone()));
                self.rules.len() - 1
            });
            u32::try_from(at).expect("no more settings than points")
        })
    }

    /// A point that was here before takes up its numbers again.
    fn returning_sensor(&mut self, tag: &str) -> Sensor {
        let book = self.returning_book(tag);
        if book == AlarmBook::default() { Sensor::default() } else { Sensor::with_book(book) }
    }

    fn remember_rules(&mut self, tag: Box<str>, until: LineMillis, rules: Rules) {
        let known = self.past_rules.iter().filter(|past| past.tag == tag).count();
        if known >= PAST_RULES_MAX {
            let oldest = self.past_rules.iter().position(|past| past.tag == tag);
            self.past_rules.remove(oldest.expect("there are some"));
        }
        self.past_rules.push(PastRules { tag, until, rules });
    }
}
