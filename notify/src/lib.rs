//! Channels to people: what takes one message to one address, and says truly what became of it.
//!
//! A [`channel::Channel`] knows how to send; it does not know when, to whom or how often. The alarm desk and the gateway own
//! the durable queue, the ladder and the rosters, and ask the pure policies of [`policy`] when to try again, what to join
//! and whom to leave asleep. Nothing here keeps state between two messages but a modem's claim on its port, and nothing
//! here reads a clock: receipts and signatures take their time from the [`channel::Clock`] that was handed in.

pub mod channel;
pub mod config;
pub mod email;
mod http;
pub mod message;
pub mod policy;
pub mod secret;
pub mod sms;
pub mod template;
mod tls;
pub mod webhook;
