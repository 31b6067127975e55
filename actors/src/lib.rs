//! The supervision tree: ingest, the hosting layer, regions and enterprises, the alarm desk and the live hub.
//!
//! Everything above talks to it through [`api::Center`]; nobody reaches into an actor.

pub mod api;
pub mod host;
