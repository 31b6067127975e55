//! The registry as the center looks at it: an adapter between two crates that do not know each other.

use anlan_actors::directory::{
    Directory, DirectoryError, EnterpriseEntry, GatewayEntry, Plan, RegionEntry,
};
use anlan_domain::ids::GatewayId;
use anlan_domain::log::{HostConfig, HostKey, HostNo};
use anlan_store::registry::Registry;
use anlan_store::registry::hosts::{GATEWAY_GRACE_MS, GatewayBinding};

/// The registry.
pub struct RegistryDirectory(pub Registry);

fn failed(error: impl std::fmt::Display) -> DirectoryError {
    DirectoryError(error.to_string())
}

fn entry(binding: GatewayBinding) -> GatewayEntry {
    let GatewayBinding { no, id, enterprise, secret_sha256 } = binding;
    GatewayEntry { no, id, enterprise, secret_sha256 }
}

#[async_trait::async_trait]
impl Directory for RegistryDirectory {
    async fn plan(&self) -> Result<Plan, DirectoryError> {
        let plan = self.0.plan().await.map_err(failed)?;
        let gateways: Vec<_> = plan.gateways.into_iter().map(entry).collect();
        let mut hosts = plan.hosts;
        // The center's own host carries the alarm of its link.
        hosts.push(HostConfig {
            host: HostNo::CENTER,
            key: HostKey::Center,
            enterprise: None,
            gateways: Vec::new(),
            points: Vec::new(),
            gateway_grace_ms: GATEWAY_GRACE_MS,
        });
        let regions = plan.regions.into_iter();
        let enterprises = plan.enterprises.into_iter();
        Ok(Plan {
            regions: regions.map(|r| RegionEntry { code: r.code, name: r.name_zh }).collect(),
            enterprises: enterprises
                .map(|e| EnterpriseEntry { code: e.code, name: e.name_zh, region: e.region })
                .collect(),
            gateways,
            hosts,
        })
    }

    async fn gateway(&self, id: &GatewayId) -> Result<Option<GatewayEntry>, DirectoryError> {
        Ok(self.0.gateway(id).await.map_err(failed)?.map(entry))
    }
}
