//! What a host makes of its log: live lane, data path, back-fill, failures of hosted sensors, replays.

// A test that cannot set its scene up has failed.
#![allow(clippy::unwrap_used)]

mod backfill;
mod detect;
mod isolation;
mod late_device;
mod live;
mod operate;
mod path;
mod people;
mod plant;
mod replay;
mod rolls;

#[path = "../support/mod.rs"]
mod support;
