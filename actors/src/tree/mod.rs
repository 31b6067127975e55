//! The supervision tree: regions, enterprises, hosts and gateway sessions.
//!
//! It follows the plant, so a failing part takes nothing else with it. [`branch::Branch`] is the one kind of supervisor: it
//! serves the center, every region and every enterprise; [`host::HostActor`] holds equipment and sensors.

pub mod boards;
pub mod branch;
pub mod host;
pub mod nursery;
pub mod plan;
