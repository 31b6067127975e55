//! Field protocols behind one trait.
//!
//! A driver owns one connection to the field and whatever queue, timeout and reconnect logic its protocol needs. All drivers
//! look alike from above ([`driver::Driver`]): every scan they report one sample for every point, read or not, so that the
//! layers above never have to guess whether silence means "unchanged" or "lost".
//!
//! Left out on purpose: scaling and engineering ranges (the gateway's), wall-clock time (a sample carries the monotonic
//! instant at which it was taken; the gateway alone knows what o'clock that was), and writing to devices.

pub mod backoff;
pub mod driver;
pub mod modbus;
pub mod opcua;
