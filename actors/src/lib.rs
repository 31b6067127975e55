//! The supervision tree: ingest, the hosting layer, regions and enterprises, the alarm desk and the live hub.
//!
//! Everything above talks to it through [`api::Center`]; nobody reaches into an actor.

pub mod api;
pub mod directory;
pub mod fatal;
pub mod ingest;
pub mod log_clock;
pub mod log_writer;
pub mod options;
