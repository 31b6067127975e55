//! Uplink: gateways sign in, what they send is checked, journalled and acknowledged.

pub mod ledger;
