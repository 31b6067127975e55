//! The registry as the center looks at it: an adapter between two crates that do not know each other.

use anlan_actors::directory::{
    Directory, DirectoryError, EnterpriseEntry, GatewayEntry, HostEntry, Outline, Plan, RegionEntry,
};
use anlan_domain::ids::GatewayId;
use anlan_domain::log::{HostConfig, HostKey, HostNo};
use anlan_store::registry::Registry;
use anlan_store::registry::hosts::{GATEWAY_GRACE_MS, GatewayBinding};
use anlan_store::registry::records::{Enterprise, Region};

/// The registry.
pub struct RegistryDirectory(pub Registry);

fn failed(error: impl std::fmt::Display) -> DirectoryError {
    DirectoryError(error.to_string())
}

fn entry(binding: GatewayBinding) -> GatewayEntry {
    let GatewayBinding { no, id, enterprise, secret_sha256 } = binding;
    GatewayEntry { no, id, enterprise, secret_sha256 }
}

fn region(region: Region) -> RegionEntry {
    RegionEntry { code: region.code, name: region.name_zh }
}

fn enterprise(enterprise: Enterprise) -> EnterpriseEntry {
    EnterpriseEntry { code: enterprise.code, name: enterprise.name_zh, region: enterprise.region }
}

/// The center's own host, which carries the alarm of its link: the registry does not know it.
fn center() -> HostConfig {
    HostConfig {
        host: HostNo::CENTER,
        key: HostKey::Center,
        enterprise: None,
        gateways: Vec::new(),
        points: Vec::new(),
        gateway_grace_ms: GATEWAY_GRACE_MS,
    }
}

#[async_trait::async_trait]
impl Directory for RegistryDirectory {
    async fn plan(&self) -> Result<Plan, DirectoryError> {
        let plan = self.0.plan().await.map_err(failed)?;
        let mut hosts = plan.hosts;
        hosts.push(center());
        Ok(Plan {
            regions: plan.regions.into_iter().map(region).collect(),
            enterprises: plan.enterprises.into_iter().map(enterprise).collect(),
            gateways: plan.gateways.into_iter().map(entry).collect(),
            hosts,
        })
    }

    async fn outline(&self) -> Result<Outline, DirectoryError> {
        let outline = self.0.outline().await.map_err(failed)?;
        let known = outline.hosts.into_iter().map(|known| HostEntry {
            host: known.host,
            key: known.key,
            enterprise: Some(known.enterprise),
        });
        let own = HostEntry { host: HostNo::CENTER, key: HostKey::Center, enterprise: None };
        Ok(Outline {
            regions: outline.regions.into_iter().map(region).collect(),
            enterprises: outline.enterprises.into_iter().map(enterprise).collect(),
            gateways: outline.gateways.into_iter().map(entry).collect(),
            hosts: known.chain([own]).collect(),
        })
    }

    async fn host_configs(&self, hosts: &[HostNo]) -> Result<Vec<HostConfig>, DirectoryError> {
        let mut configs = self.0.host_configs_by_no(hosts).await.map_err(failed)?;
        if hosts.contains(&HostNo::CENTER) {
            configs.push(center());
        }
        Ok(configs)
    }

    async fn gateway(&self, id: &GatewayId) -> Result<Option<GatewayEntry>, DirectoryError> {
        Ok(self.0.gateway(id).await.map_err(failed)?.map(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anlan_store::registry::conformance::{sample_options, sample_plant};

    #[tokio::test]
    async fn the_outline_is_the_plan_without_its_points() {
        let folder = tempfile::tempdir().unwrap();
        sample_plant(folder.path());
        let registry = Registry::open(&folder.path().join("registry.db")).await.unwrap();
        registry.import(folder.path(), sample_options()).await.unwrap();
        let directory = RegistryDirectory(registry);
        let plan = directory.plan().await.unwrap();
        let (outline, expected) = (directory.outline().await.unwrap(), Outline::from(&plan));
        assert_eq!(outline.regions, expected.regions);
        assert_eq!(outline.enterprises, expected.enterprises);
        assert_eq!(outline.gateways, expected.gateways);
        assert_eq!(outline.hosts, expected.hosts);
        let all: Vec<_> = plan.hosts.iter().map(|h| h.host).collect();
        assert_eq!(directory.host_configs(&all).await.unwrap(), plan.hosts);
        assert!(directory.host_configs(&[HostNo(9_999)]).await.unwrap().is_empty());
    }
}
