//! Modbus TCP client: plans its requests, reads several unit ids over one connection, isolates what a device refuses.
//!
//! Source: Modbus Application Protocol V1.1b3 (functions 1 to 4, exception codes in clause 7) and the Modbus Messaging
//! Implementation Guide V1.0b. The frames themselves are `tokio-modbus`'s; what is ours is what real devices make necessary:
//! joining and splitting of requests, short-read devices, holes in the register map, units that go silent behind a serial
//! gateway.

mod decode;
mod driver;
mod learned;
mod link;
mod plan;
mod register;
mod unit;

pub use decode::{ByteOrder, DataType, decode};
pub use driver::{ModbusDevice, ModbusPoint, ModbusTcp};
pub use plan::{Block, Item, Limits, Plan, plan, split};
pub use register::{BadRegister, Register, RegisterKind, RegisterRange};
