//! The field network: real Modbus TCP and OPC UA servers on loopback, the only way to the values of the park.
//!
//! [`image::FieldImage`] is what the instruments show now; the servers answer from it. In front of every server stands
//! [`front::Front`], a relay that can refuse, delay, garble or swallow: faults then look the same to every protocol, and a
//! port, once given, is never lost to somebody else while its server is "down".

pub mod front;
pub mod identity;
pub mod image;
pub mod modbus;
pub mod opcua;
