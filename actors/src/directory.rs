//! What the center must know of the registry, as a port that the composition root fills.
//!
//! The registry is the master of names, secrets and desired configuration; the center asks it at start, when a gateway
//! signs in, and when it is told that something changed. What is *in force* is never asked here: that is in the log.

use std::sync::Arc;

use anlan_domain::ids::{EnterpriseCode, GatewayId};
use anlan_domain::log::{GatewayNo, HostConfig, HostKey, HostNo};
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use async_trait::async_trait;

/// The one clock, handed down from the composition root; nothing in this crate reads another for wall time.
pub type Clock = Arc<dyn Fn() -> UtcMillis + Send + Sync>;

/// A gateway as the registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayEntry {
    /// Number, never re-used.
    pub no: GatewayNo,
    /// Identity by which it signs in.
    pub id: GatewayId,
    /// The enterprise whose points it may write.
    pub enterprise: EnterpriseCode,
    /// SHA-256 of its secret. A gateway's secret is random and long, so a slow hash would protect nothing.
    pub secret_sha256: [u8; 32],
}

/// An enterprise as the tree needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseEntry {
    /// Its code.
    pub code: EnterpriseCode,
    /// For a person.
    pub name: String,
    /// Park if it lies in one, else its county.
    pub region: RegionCode,
}

/// A region as the tree needs it; those above it are derived from its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionEntry {
    /// Its code.
    pub code: RegionCode,
    /// For a person.
    pub name: String,
}

/// Everything that the center runs, as the registry wishes it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Regions that have names; regions above an enterprise that are not listed run under their code.
    pub regions: Vec<RegionEntry>,
    /// Enterprises.
    pub enterprises: Vec<EnterpriseEntry>,
    /// Gateways.
    pub gateways: Vec<GatewayEntry>,
    /// Desired configuration of every host, the center's own included if it shall carry its link alarm.
    pub hosts: Vec<HostConfig>,
}

/// A host without its points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// Number, never re-used.
    pub host: HostNo,
    /// What it is the host of.
    pub key: HostKey,
    /// The enterprise that it belongs to; none for the center's own.
    pub enterprise: Option<EnterpriseCode>,
}

/// What stands where, without points: enough for the tree. A type of its own, so that hosts without points can never be
/// taken for configurations and brought into force.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// As in [`Plan`].
    pub regions: Vec<RegionEntry>,
    /// As in [`Plan`].
    pub enterprises: Vec<EnterpriseEntry>,
    /// As in [`Plan`].
    pub gateways: Vec<GatewayEntry>,
    /// Every host, the center's own included if it shall carry its link alarm.
    pub hosts: Vec<HostEntry>,
}

impl From<&Plan> for Outline {
    fn from(plan: &Plan) -> Self {
        let host = |config: &HostConfig| HostEntry {
            host: config.host,
            key: config.key.clone(),
            enterprise: config.enterprise.clone(),
        };
        Self {
            regions: plan.regions.clone(),
            enterprises: plan.enterprises.clone(),
            gateways: plan.gateways.clone(),
            hosts: plan.hosts.iter().map(host).collect(),
        }
    }
}

/// Why the registry gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("the registry does not answer: {0}")]
pub struct DirectoryError(pub String);

/// The registry, as far as the center looks into it.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// Everything that shall run, points and all: for the start. At the scale of a province that is hundreds of
    /// thousands of points, so whoever only needs the tree asks for [`Directory::outline`].
    async fn plan(&self) -> Result<Plan, DirectoryError>;

    /// What stands where, without points.
    async fn outline(&self) -> Result<Outline, DirectoryError>;

    /// Desired configuration of these hosts as it is at this moment; a host that is not there (any more) is left out.
    /// Whoever brings configurations into force calls this under the lock that puts them in order, so that what was
    /// read later is never overtaken by what was read earlier.
    async fn host_configs(&self, hosts: &[HostNo]) -> Result<Vec<HostConfig>, DirectoryError>;

    /// A gateway by the identity it states, `None` when there is none (any more).
    async fn gateway(&self, id: &GatewayId) -> Result<Option<GatewayEntry>, DirectoryError>;
}
