//! Which point is where: an index over the host configurations that are in force.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, PointId};
use anlan_domain::log::{HostConfig, HostKey, HostNo};
use anlan_domain::point::PointNo;

/// Where a point is hosted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointPlace {
    /// Its host.
    pub host: HostNo,
    /// Its slot there.
    pub slot: u32,
    /// Its number in the registry.
    pub no: PointNo,
}

#[derive(Default)]
struct Index {
    hosts: HashMap<HostNo, Arc<HostConfig>>,
    points: HashMap<PointId, PointPlace>,
    equipment: HashMap<EquipmentId, Vec<PointPlace>>,
    enterprises: HashMap<EnterpriseCode, Vec<HostNo>>,
    version: u64,
}

/// The index, shared; written when a configuration comes into force, read everywhere.
#[derive(Default)]
pub struct Catalog {
    index: RwLock<Index>,
}

impl Catalog {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().expect("no code panics while it holds the catalog")
    }

    /// A configuration came into force.
    pub fn configured(&self, config: Arc<HostConfig>) {
        let mut guard = self.index.write().expect("no code panics while it holds the catalog");
        let index = &mut *guard;
        let host = config.host;
        if let Some(old) = index.hosts.remove(&host) {
            for point in &old.points {
                // A point that moved to another host in the meantime stays there.
                if index.points.get(&point.id).is_some_and(|place| place.host == host) {
                    index.points.remove(&point.id);
                }
                if let Some(places) = index.equipment.get_mut(&point.equipment) {
                    places.retain(|place| place.host != host);
                }
            }
        }
        for (slot, point) in (0..).zip(&config.points) {
            let place = PointPlace { host, slot, no: point.no };
            index.points.insert(point.id.clone(), place);
            index.equipment.entry(point.equipment.clone()).or_default().push(place);
        }
        index.equipment.retain(|_, places| !places.is_empty());
        if let Some(enterprise) = &config.enterprise {
            let hosts = index.enterprises.entry(enterprise.clone()).or_default();
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        index.hosts.insert(host, config);
        index.version += 1;
    }

    /// Counts up with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.read().version
    }

    /// Where a point is.
    #[must_use]
    pub fn point(&self, id: &PointId) -> Option<PointPlace> {
        self.read().points.get(id).copied()
    }

    /// The points of a piece of equipment.
    #[must_use]
    pub fn equipment(&self, id: &EquipmentId) -> Option<Vec<PointPlace>> {
        self.read().equipment.get(id).cloned()
    }

    /// The hosts of an enterprise.
    #[must_use]
    pub fn enterprise(&self, code: &EnterpriseCode) -> Vec<HostNo> {
        self.read().enterprises.get(code).cloned().unwrap_or_default()
    }

    /// The configuration of a host in force.
    #[must_use]
    pub fn host(&self, host: HostNo) -> Option<Arc<HostConfig>> {
        self.read().hosts.get(&host).cloned()
    }

    /// The host that answers for the data path of a gateway: the general-area host of its enterprise.
    #[must_use]
    pub fn general_host(&self, enterprise: &EnterpriseCode) -> Option<HostNo> {
        let index = self.read();
        index.enterprises.get(enterprise)?.iter().copied().find(|host| {
            index.hosts.get(host).is_some_and(|c| matches!(c.key, HostKey::General(_)))
        })
    }

    /// Whether a point is bound to a gateway.
    #[must_use]
    pub fn is_bound(&self, id: &PointId, gateway: &GatewayId) -> bool {
        let index = self.read();
        index.points.get(id).is_some_and(|place| {
            index
                .hosts
                .get(&place.host)
                .and_then(|config| config.points.get(place.slot as usize))
                .is_some_and(|point| point.gateway == *gateway)
        })
    }
}
