//! History: every reading, bit for bit, small on disk, and quick to draw.
//!
//! Readings arrive as sealed journal segments and become cheap blocks of minutes; later these are merged to hour chunks
//! whose columns are predicted and entropy coded, with one-minute and one-hour roll-ups beside them. The formats are
//! written down byte by byte in `docs/protocols/history-format.md`; the reasons in `docs/adr/0004-history-format.md`.
//!
//! Read in this order: `port` (what is asked), `embedded` (the folder), `block` and `merge` (how data moves), `query`
//! and `quality` (how it is answered); then `chunk`, `values`, `grid`, `line` and `density` (how it gets small).
//!
//! Left out on purpose: names, units and limits of points (the registry's), and any judgement of values.

mod block;
mod bytes;
pub mod chunk;
pub mod conformance;
mod density;
pub mod disk;
pub mod embedded;
mod file;
mod grid;
mod line;
mod manifest;
mod merge;
pub mod port;
mod quality;
mod query;
mod range_coder;
pub mod rollup;
mod times;
mod values;

pub use conformance::conformance;
pub use embedded::{EmbeddedHistory, HistoryOptions};
pub use file::FileKind;
pub use grid::Grid;
pub use port::{
    Appended, DayQuality, History, HistoryError, Maintained, PLANT_UTC_OFFSET_MS, RawReading,
    ReadingRow, Shed, Trend, TrendBucket, TrendSource,
};
pub use values::{Effort, PCO_LEVEL};
