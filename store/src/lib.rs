//! Persistence: ports, and beside each its engines. The embedded engines need nothing installed.
//!
//! | port | truth it keeps | embedded engine |
//! | --- | --- | --- |
//! | [`journal::Journal`] | the one ordered log: frames, configurations, commands, time | segment files |
//! | [`state::StateStore`] | alarm log, host checkpoints and offsets, in one atomic batch; small documents | fjall |
//! | [`history::History`] | every reading, trends, completeness | columnar files |
//!
//! One conformance suite a port runs against every engine. Nothing here decides anything about plants or alarms.

pub mod alarm_index;
pub mod bench_history;
pub mod conformance;
pub mod desk;
pub mod history;
pub mod journal;
pub mod registry;
pub mod sql;
pub mod state;
