//! The collector gateway (企业数据采集主机): reads an enterprise's field devices, brings the values to engineering units, keeps
//! them on its own disk, and sends them to a center that acknowledges what it has made durable.
//!
//! Frames are sealed the moment a scan is complete, whether or not anybody can be reached, and are written to the spool
//! before they are sent; the network only ever moves bytes that exist on disk already (or that a full disk has refused). That is why nothing is lost from the
//! first instant of a link loss, and why a killed gateway goes on where it was.
//!
//! Left out here, to come with the whole gateway: local alarms, remote configuration, the gateway's own page.

pub mod admin;
pub mod clock;
pub mod config;
pub mod field;
pub mod outbox;
pub mod read;
pub mod run;
pub mod scale;
pub mod spool;
pub mod tls;
pub mod uplink;
