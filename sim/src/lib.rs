//! The simulated park: ten invented enterprises whose process models stand behind real field protocol servers.
//!
//! Nothing outside this crate knows that the plant is simulated: gateways read it over Modbus TCP and OPC UA as they would read
//! a real one, and the center learns of it through the same import as any installation. Reading order:
//! [`plant`] (what stands there), [`model`] (how it behaves), [`scenario`] and [`world`] (what happens to it), [`field`] (how it
//! is read), [`serve`] (all of it in real time).

mod control;
pub mod field;
pub mod loadgen;
pub mod model;
pub mod plant;
pub mod recorder;
pub mod scenario;
mod serve;
pub mod world;

pub use control::SPEED_MAX;
pub use model::Park;
pub use serve::{NoGateways, Options, REPLAYED, RunningSim, SimError, SimHandle, SimHooks, serve};
