//! The simulated park: ten invented enterprises whose process models stand behind real field protocol servers.
//!
//! Nothing outside this crate knows that the plant is simulated: gateways read it over Modbus TCP and OPC UA as they would read
//! a real one, and the center learns of it through the same import as any installation. Reading order:
//! [`plant`] (what stands there), [`model`] (how it behaves).

pub mod model;
pub mod plant;

pub use model::Park;
