//! The supervision tree, pruned to what the person may see.

use anlan_actors::api::TreeNode;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, HazardCode};
use anlan_domain::region::RegionCode;
use anlan_store::registry::Scope;

use crate::gate::{Answer, Call, Places, Reply};

/// `GET /tree`
pub async fn read(call: Call) -> Answer {
    Reply::json(&call.tree().await?)
}

/// What a node is about.
enum About {
    Region(RegionCode),
    Enterprise(EnterpriseCode),
    Machinery,
}

/// A node's id is `KIND:CODE`; the code says whose it is, whatever the kind.
fn about(id: &str) -> About {
    let code = id.split_once(':').map_or(id, |(_, code)| code);
    if let Ok(region) = RegionCode::new(code) {
        return About::Region(region);
    }
    let of = EnterpriseCode::new(code)
        .or_else(|_| EquipmentId::new(code).map(|id| id.enterprise()))
        .or_else(|_| HazardCode::new(code).map(|id| id.enterprise()))
        .or_else(|_| GatewayId::new(code).map(|id| id.enterprise()));
    of.map_or(About::Machinery, About::Enterprise)
}

/// Takes away what is out of scope, and the counts of nodes that also count what is out of scope.
pub fn prune(node: &mut TreeNode, scope: &Scope, places: &Places) {
    if *scope == Scope::Everything {
        return;
    }
    let whole = match about(&node.id) {
        About::Region(code) => scope.covers_region(&code),
        About::Enterprise(code) => {
            places.get(&code).is_some_and(|region| scope.covers(&code, region))
        }
        About::Machinery => false,
    };
    if !whole {
        (node.queue, node.sensors, node.faults, node.restarts) = (0, 0, 0, 0);
        node.last_activity = None;
    }
    node.children.retain(|child| keep(child, scope, places));
    for child in &mut node.children {
        prune(child, scope, places);
    }
}

fn keep(node: &TreeNode, scope: &Scope, places: &Places) -> bool {
    match about(&node.id) {
        About::Region(code) => {
            let below = matches!(scope, Scope::Region(own) if code.covers(own));
            scope.covers_region(&code)
                || below
                || node.children.iter().any(|c| keep(c, scope, places))
        }
        About::Enterprise(code) => {
            places.get(&code).is_some_and(|region| scope.covers(&code, region))
        }
        About::Machinery => node.children.iter().any(|c| keep(c, scope, places)),
    }
}
