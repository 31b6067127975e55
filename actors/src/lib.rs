//! The supervision tree: ingest, the hosting layer, regions and enterprises, the alarm desk and the live hub.
//!
//! Everything above talks to it through [`api::Center`]; nobody reaches into an actor. In reading order: [`center`] (how it
//! starts), [`ingest`], [`log_writer`], [`dispatch`], [`tree`], [`host`], [`committer`], [`hub`], [`history_feed`].

pub mod api;
pub mod bench_actors;
pub mod bench_desk;
pub mod catalog;
pub mod center;
pub mod committer;
pub mod desk;
pub mod directory;
pub mod dispatch;
pub mod fatal;
pub mod given_up;
pub mod history_feed;
pub mod host;
pub mod hub;
pub mod ingest;
pub mod log_clock;
pub mod log_writer;
pub mod options;
pub mod shared;
pub mod tree;
