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

/// A node's id is `WHAT:CODE`. What it is about its kind says: by its form alone a code of eleven digits may be an enterprise's or a
/// gateway's.
fn about(node: &TreeNode) -> About {
    let code = node.id.split_once(':').map_or(node.id.as_str(), |(_, code)| code);
    let of = match node.kind {
        "region" => return RegionCode::new(code).map_or(About::Machinery, About::Region),
        "enterprise" => EnterpriseCode::new(code).ok(),
        "gateway_session" => GatewayId::new(code).ok().map(|id| id.enterprise()),
        "equipment" => EquipmentId::new(code).ok().map(|id| id.enterprise()),
        // `hazard:CODE` or `general:CODE`, and one of the center itself.
        "host" => match node.id.split_once(':') {
            Some(("hazard", code)) => HazardCode::new(code).ok().map(|code| code.enterprise()),
            Some(("general", code)) => EnterpriseCode::new(code).ok(),
            _ => None,
        },
        _ => None,
    };
    of.map_or(About::Machinery, About::Enterprise)
}

/// Takes away what is out of scope, and the counts of nodes that also count what is out of scope.
pub fn prune(node: &mut TreeNode, scope: &Scope, places: &Places) {
    if *scope == Scope::Everything {
        return;
    }
    let whole = match about(node) {
        About::Region(code) => scope.covers_region(&code),
        About::Enterprise(code) => places.seen(&code, scope).is_some(),
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
    match about(node) {
        About::Region(code) => {
            let below = matches!(scope, Scope::Region(own) if code.covers(own));
            scope.covers_region(&code)
                || below
                || node.children.iter().any(|c| keep(c, scope, places))
        }
        About::Enterprise(code) => places.seen(&code, scope).is_some(),
        About::Machinery => node.children.iter().any(|c| keep(c, scope, places)),
    }
}
