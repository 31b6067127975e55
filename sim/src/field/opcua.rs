//! OPC UA servers of the enterprises, on async-opcua's server half.
//!
//! Every server offers an open endpoint (None) and a closed one (Basic256Sha256, sign and encrypt), to anonymous users: the
//! nodes can only be read. Points are variables `ns=2;s=TAG` below a folder for each piece of equipment. Values are pushed
//! in by the park's loop, as a control system's own scan does.
//!
//! Keys are kept in the data folder ([`super::identity`]).

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opcua::crypto::SecurityPolicy;
use opcua::server::address_space::Variable;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, ServerBuilder, ServerHandle};
use opcua::types::{DataValue, DateTime, MessageSecurityMode, NodeId, Variant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::plant::{Address, Plant};

use super::identity::{self, IdentityError};
use super::image::FieldImage;

/// The namespace of every server; its index is 2.
pub const NAMESPACE: &str = "urn:anlan:sim:plant";

/// Why an OPC UA server did not start.
#[derive(Debug, thiserror::Error)]
pub enum OpcUaError {
    /// No port, or no file.
    #[error("cannot prepare the OPC UA server {server}")]
    Io {
        /// Which server.
        server: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No key or certificate.
    #[error("cannot make a certificate for the OPC UA server {server}")]
    Identity {
        /// Which server.
        server: String,
        /// Why not.
        #[source]
        source: IdentityError,
    },
    /// The server refused its configuration or its address space.
    #[error("the OPC UA server {server} does not start: {why}")]
    Server {
        /// Which server.
        server: String,
        /// What the stack said.
        why: String,
    },
}

/// A running server.
pub struct OpcUaServer {
    /// Where it listens; clients go to its front.
    pub address: SocketAddr,
    /// Its certificate, DER.
    pub certificate: PathBuf,
    handle: ServerHandle,
    nodes: Arc<SimpleNodeManager>,
    points: Vec<Published>,
}

struct Published {
    point: usize,
    node: NodeId,
    last: Option<u64>,
}

/// Starts one server. `front` is the address that clients are told.
///
/// # Errors
/// When there is no port, no key, or the stack refuses.
pub async fn start(
    plant: &'static Plant,
    server: usize,
    front: SocketAddr,
    pki: &Path,
    stop: CancellationToken,
) -> Result<OpcUaServer, OpcUaError> {
    let name = plant.servers[server].name.as_str();
    let failed = |source| OpcUaError::Io { server: name.to_owned(), source };
    let refused = |why| OpcUaError::Server { server: name.to_owned(), why };
    let application = format!("urn:anlan:sim:{name}");
    let pki = pki.join(name);
    let (folder, uri) = (pki.clone(), application.clone());
    let certificate = tokio::task::spawn_blocking(move || {
        identity::make(&folder, &uri, "Anlan simulated control system")
    })
    .await
    .map_err(|e| failed(io::Error::other(e)))?
    .map_err(|source| OpcUaError::Identity { server: name.to_owned(), source })?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let anonymous = [ANONYMOUS_USER_TOKEN_ID];
    let namespace =
        NamespaceMetadata { namespace_uri: NAMESPACE.to_owned(), ..NamespaceMetadata::default() };
    let (running, handle) = ServerBuilder::new()
        .application_name(name)
        .application_uri(application)
        .product_uri("urn:anlan:sim")
        .host("127.0.0.1")
        .port(front.port())
        .pki_dir(pki)
        .certificate_path("own/cert.der")
        .private_key_path("private/private.pem")
        // A simulated control system lets any client in; that it is a simulator is said on the box.
        .trust_client_certs(true)
        .max_sessions(20)
        .subscription_poll_interval_ms(50)
        .add_endpoint(
            "none",
            ("/", SecurityPolicy::None, MessageSecurityMode::None, &anonymous[..]),
        )
        .add_endpoint(
            "secure",
            (
                "/",
                SecurityPolicy::Basic256Sha256,
                MessageSecurityMode::SignAndEncrypt,
                &anonymous[..],
            ),
        )
        .discovery_urls(vec!["/".to_owned()])
        .with_node_manager(simple_node_manager(namespace, "plant"))
        .token(stop)
        .build()
        .map_err(refused)?;
    let nodes = handle
        .node_managers()
        .get_of_type::<SimpleNodeManager>()
        .ok_or_else(|| refused("its node manager is missing".to_owned()))?;
    let points = publish_nodes(plant, server, &handle, &nodes).map_err(refused)?;
    tokio::spawn(async move {
        if let Err(why) = running.run_with(listener).await {
            tracing::error!(server = name, why, "an OPC UA server ended");
        }
    });
    // The stack advertises the port that it listens on; clients must come through the front.
    let mut waited = Duration::ZERO;
    while handle.info().port.load(Ordering::Relaxed) != address.port() {
        if waited > Duration::from_secs(10) {
            return Err(refused("it did not begin to listen within 10 s".to_owned()));
        }
        let nap = Duration::from_millis(5);
        tokio::time::sleep(nap).await;
        waited += nap;
    }
    handle.info().port.store(front.port(), Ordering::Relaxed);
    Ok(OpcUaServer { address, certificate, handle, nodes, points })
}

/// Folders by equipment, variables by point.
fn publish_nodes(
    plant: &Plant,
    server: usize,
    handle: &ServerHandle,
    nodes: &SimpleNodeManager,
) -> Result<Vec<Published>, String> {
    let ns = handle.get_namespace_index(NAMESPACE).ok_or("its namespace is missing")?;
    if ns != 2 {
        return Err(format!("its namespace has index {ns}, the gateways' configurations say 2"));
    }
    let mut space = nodes.address_space().write();
    let mut points = Vec::new();
    let mut folder = None;
    for (index, point) in plant.points.iter().enumerate() {
        let Address::OpcUa { node } = &point.address else { continue };
        if plant.devices[point.device].server != server {
            continue;
        }
        let equipment = &plant.equipment[point.equipment];
        let parent = NodeId::new(ns, equipment.id.tag());
        if folder != Some(point.equipment) {
            folder = Some(point.equipment);
            let name = format!("{} {}", equipment.id.tag(), equipment.name_en);
            space.add_folder(
                &parent,
                equipment.id.tag(),
                name.as_str(),
                &NodeId::objects_folder_id(),
            );
        }
        let node = NodeId::new(ns, node.as_str());
        let first: Variant = if point.is_discrete() { 0i32.into() } else { 0f64.into() };
        space.add_variables(
            vec![Variable::new(&node, point.id.tag(), point.name_en.as_str(), first)],
            &parent,
        );
        points.push(Published { point: index, node, last: None });
    }
    Ok(points)
}

impl OpcUaServer {
    /// Pushes in what has changed since the last time.
    pub fn publish(&mut self, plant: &Plant, image: &FieldImage) {
        let now = DateTime::now();
        let mut changed = Vec::new();
        for published in &mut self.points {
            let value = image.get(published.point);
            if published.last == Some(value.to_bits()) {
                continue;
            }
            published.last = Some(value.to_bits());
            #[allow(clippy::cast_possible_truncation, reason = "states are small whole numbers")]
            let variant: Variant = if plant.points[published.point].is_discrete() {
                (value.round() as i32).into()
            } else {
                value.into()
            };
            changed.push((&published.node, None, DataValue::new_at(variant, now)));
        }
        if let Err(status) = self.nodes.set_values(self.handle.subscriptions(), changed.into_iter())
        {
            tracing::error!(%status, "a simulated OPC UA value could not be set");
        }
    }
}
