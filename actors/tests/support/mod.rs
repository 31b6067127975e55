//! A park in memory for tests of the center: ports that survive a restart, a registry, gateways over in-memory streams.
//!
//! Everything that a life of the center writes goes through doors that close when the life is ended, as a killed process
//! writes nothing more.

#![allow(dead_code)]

pub mod gateway;
pub mod losses;
pub mod memory;
pub mod plant;
pub mod reference;
