//! Uplink: gateways sign in, what they send is checked, journalled and acknowledged.
//!
//! | file | idea |
//! | --- | --- |
//! | [`listener`] | accepts connections, TLS and the WebSocket handshake, bounds |
//! | [`doorstep`] | how much of a connection is read before sign-in |
//! | [`connection`] | one connection: hello, frames in, acknowledgements out |
//! | [`session`] | the actor of one gateway: what a frame means for its gateway |
//! | [`book`] | who is connected; where acknowledgements go; the center's own link |
//! | [`ledger`] | which frames have been received |
//! | [`tables`] | point tables |

pub mod book;
pub mod connection;
pub mod doorstep;
pub mod ledger;
pub mod listener;
pub mod outbox;
pub mod session;
pub mod tables;
pub mod tls;
