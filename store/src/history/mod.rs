//! History: every reading, bit for bit, small on disk, and quick to draw.
//!
//! Readings arrive as sealed journal segments and become cheap blocks of minutes; later these are merged to hour chunks
//! whose columns are predicted and entropy coded, with one-minute and one-hour roll-ups beside them. The formats are
//! written down byte by byte in `docs/protocols/history-format.md`; the reasons in `docs/adr/0004-history-format.md`.
//!
//! Left out on purpose: names, units and limits of points (the registry's), and any judgement of values.

pub mod port;

pub use port::{
    Appended, DayQuality, History, HistoryError, Maintained, RawReading, ReadingRow, Trend,
    TrendBucket, TrendSource,
};
