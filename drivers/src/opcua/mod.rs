//! OPC UA client: subscribes to nodes and keeps their last values, so that a scan can be reported every period though the
//! server speaks only when something changes.
//!
//! Source: OPC UA Part 4 (sessions 5.6, monitored items 5.12, subscriptions 5.13). Encoding, secure channel and certificates
//! are `async-opcua`'s. Its own reconnecting is switched off: after a loss we build session, subscription and items anew,
//! which is the one path that is right whether the server forgot us or not.

mod board;
mod driver;
mod pki;
mod quiet;
mod session;

pub use driver::{OpcUa, OpcUaPoint, OpcUaServer, Security};

/// Whether a text is a node id (`ns=2;s=Tank1.Level`, `i=2258`, …), with a sentence where it is none.
///
/// # Errors
/// Says how a node id is written.
pub fn check_node_id(text: &str) -> Result<(), String> {
    match text.parse::<opcua::types::NodeId>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "{text:?} is no node id; write it as \"ns=2;s=Tank1.Level\", \"ns=2;i=1001\" or with g= or b="
        )),
    }
}
