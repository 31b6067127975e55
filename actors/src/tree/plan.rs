//! Which nodes the tree has, and under which parent each stands.
//!
//! An enterprise stands under its park if it has one, else its county; a rung that a place lacks is skipped
//! (`RegionCode::parent` says so). Regions that are only passed through run too, because their officers look at them.

use std::collections::{BTreeMap, BTreeSet};

use anlan_domain::ids::{EnterpriseCode, GatewayId};
use anlan_domain::log::{GatewayNo, HostKey, HostNo};
use anlan_domain::region::RegionCode;

use crate::directory::Outline;

/// A node of the tree, as a name that lasts over restarts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKey {
    /// The center itself: above every province.
    Center,
    /// A province, city, county or park.
    Region(RegionCode),
    /// An enterprise.
    Enterprise(EnterpriseCode),
    /// A host; the text is its node name in roll-ups (`hazard:CODE`, `general:CODE`, `center`).
    Host(HostNo),
    /// The session of a gateway.
    Gateway(GatewayNo),
}

/// What a node is called by people and in roll-ups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// `region:CODE`, `enterprise:CODE`, `hazard:CODE`, `general:CODE`, `gateway:ID`, `center`.
    pub id: String,
    /// For a person.
    pub name: String,
    /// Where it stands.
    pub parent: Option<NodeKey>,
    /// The enterprise that it belongs to.
    pub enterprise: Option<EnterpriseCode>,
    /// Of a gateway.
    pub gateway: Option<GatewayId>,
}

/// The nodes of the tree.
#[derive(Clone, Debug, Default)]
pub struct TreePlan {
    nodes: BTreeMap<NodeKey, NodeFacts>,
    below: BTreeMap<NodeKey, Vec<NodeKey>>,
}

impl TreePlan {
    /// The tree that serves a plan.
    #[must_use]
    pub fn of(plan: &Outline) -> Self {
        let mut tree = Self::default();
        let node = |id: String, name: &str, parent: Option<NodeKey>| {
            let name = if name.is_empty() { id.clone() } else { name.to_owned() };
            NodeFacts { id, name, parent, enterprise: None, gateway: None }
        };
        tree.nodes.insert(NodeKey::Center, node("center".into(), "center", None));
        let listed = plan.regions.iter().map(|region| region.code.clone());
        let of_enterprises = plan.enterprises.iter().map(|enterprise| enterprise.region.clone());
        let mut regions: BTreeSet<RegionCode> = BTreeSet::new();
        for region in listed.chain(of_enterprises) {
            regions.extend(std::iter::successors(Some(region), RegionCode::parent));
        }
        let names: BTreeMap<_, _> =
            plan.regions.iter().map(|r| (&r.code, r.name.as_str())).collect();
        for region in regions {
            let name = names.get(&region).copied().unwrap_or_default();
            let parent = region.parent().map_or(NodeKey::Center, NodeKey::Region);
            let facts = node(format!("region:{region}"), name, Some(parent));
            tree.nodes.insert(NodeKey::Region(region), facts);
        }
        for enterprise in &plan.enterprises {
            let parent = NodeKey::Region(enterprise.region.clone());
            let mut facts =
                node(format!("enterprise:{}", enterprise.code), &enterprise.name, Some(parent));
            facts.enterprise = Some(enterprise.code.clone());
            tree.nodes.insert(NodeKey::Enterprise(enterprise.code.clone()), facts);
        }
        for gateway in &plan.gateways {
            let parent = NodeKey::Enterprise(gateway.enterprise.clone());
            let mut facts = node(format!("gateway:{}", gateway.id), "", Some(parent));
            facts.enterprise = Some(gateway.enterprise.clone());
            facts.gateway = Some(gateway.id.clone());
            tree.nodes.insert(NodeKey::Gateway(gateway.no), facts);
        }
        for host in &plan.hosts {
            let (id, parent) = match &host.key {
                HostKey::Center => ("center-host".to_owned(), NodeKey::Center),
                HostKey::Hazard(code) => {
                    (format!("hazard:{code}"), NodeKey::Enterprise(code.enterprise()))
                }
                HostKey::General(code) => {
                    (format!("general:{code}"), NodeKey::Enterprise(code.clone()))
                }
            };
            let mut facts = node(id, "", Some(parent));
            facts.enterprise.clone_from(&host.enterprise);
            tree.nodes.insert(NodeKey::Host(host.host), facts);
        }
        // What names a parent that is not there (an enterprise not in the plan) hangs below the center, so that it runs.
        let keys: BTreeSet<NodeKey> = tree.nodes.keys().cloned().collect();
        for facts in tree.nodes.values_mut() {
            if facts.parent.as_ref().is_some_and(|parent| !keys.contains(parent)) {
                facts.parent = Some(NodeKey::Center);
            }
        }
        for (key, facts) in &tree.nodes {
            if let Some(parent) = &facts.parent {
                tree.below.entry(parent.clone()).or_default().push(key.clone());
            }
        }
        tree
    }

    /// A node.
    #[must_use]
    pub fn get(&self, key: &NodeKey) -> Option<&NodeFacts> {
        self.nodes.get(key)
    }

    /// What stands directly below a node.
    #[must_use]
    pub fn children(&self, of: &NodeKey) -> &[NodeKey] {
        self.below.get(of).map_or(&[], Vec::as_slice)
    }

    /// Whether a gateway is registered.
    #[must_use]
    pub fn has_gateway(&self, gateway: GatewayNo) -> bool {
        self.nodes.contains_key(&NodeKey::Gateway(gateway))
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeKey, &NodeFacts)> {
        self.nodes.iter()
    }

    /// Every host.
    pub fn hosts(&self) -> impl Iterator<Item = HostNo> {
        self.nodes.keys().filter_map(|key| match key {
            NodeKey::Host(host) => Some(*host),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::EnterpriseEntry;

    #[test]
    fn an_enterprise_stands_below_its_park_and_the_park_below_every_rung_above() {
        let code = EnterpriseCode::new("410205001").unwrap();
        let region = RegionCode::new("410205P01").unwrap();
        let plan = Outline {
            enterprises: vec![EnterpriseEntry { code: code.clone(), name: "a".into(), region }],
            ..Outline::default()
        };
        let tree = TreePlan::of(&plan);
        let mut at = NodeKey::Enterprise(code);
        let mut ids = Vec::new();
        while let Some(parent) = tree.get(&at).unwrap().parent.clone() {
            ids.push(tree.get(&parent).unwrap().id.clone());
            at = parent;
        }
        let expected =
            ["region:410205P01", "region:410205", "region:410200", "region:410000", "center"];
        assert_eq!(ids, expected);
    }
}
