//! The port: what the center asks of a history, whoever keeps it.
//!
//! A history is fed with sealed journal segments and answers three questions: the readings themselves, a trend of any
//! length drawn in so many pixels, and how complete and how good the data of a day were. Everything is blocking: an
//! engine reads files or a database, so callers in async code go through a blocking thread. Time comes in as a value.
//! What is not yet sealed lives with the caller, who hands it in as `tail`; the engine joins it without duplicates.

use anlan_domain::quality::Quality;

/// One reading on its way into the history.
#[derive(Clone, Copy, Debug)]
pub struct ReadingRow {
    /// The point's number in the registry.
    pub point_no: u32,
    /// Which scan it belongs to (a gateway's scan list). Points of one group are expected to share their times.
    pub group: u32,
    /// When it was true, by the source's clock, in UTC milliseconds.
    pub source_ms: i64,
    /// When the center received it, in UTC milliseconds.
    pub recv_ms: i64,
    /// The value, bit for bit. Whatever stands beside a bad quality is kept as it came.
    pub value: f64,
    /// OPC quality bits.
    pub quality: u16,
    /// It came by the backfill lane.
    pub late: bool,
}

impl ReadingRow {
    /// The reading without its address.
    #[must_use]
    pub const fn reading(&self) -> RawReading {
        RawReading {
            source_ms: self.source_ms,
            recv_ms: self.recv_ms,
            value: self.value,
            quality: self.quality,
            late: self.late,
        }
    }
}

/// One stored reading of a known point.
#[derive(Clone, Copy, Debug)]
pub struct RawReading {
    /// When it was true, in UTC milliseconds.
    pub source_ms: i64,
    /// When the center received it, in UTC milliseconds.
    pub recv_ms: i64,
    /// The value, bit for bit.
    pub value: f64,
    /// OPC quality bits.
    pub quality: u16,
    /// It came by the backfill lane.
    pub late: bool,
}

impl RawReading {
    /// Whether the value may enter a minimum, a mean or a line on a screen.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.value.is_finite() && !Quality(self.quality).is_bad()
    }

    /// Same reading: same source time and same value bits. A second copy of it is a resend, not news.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.source_ms == other.source_ms && self.value.to_bits() == other.value.to_bits()
    }
}

impl PartialEq for RawReading {
    /// Bit for bit, so that a NaN equals itself and −0.0 does not equal 0.0.
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
            && self.recv_ms == other.recv_ms
            && self.quality == other.quality
            && self.late == other.late
    }
}

/// One pixel column of a trend. Columns without any reading are absent: a gap stays visible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendBucket {
    /// Start of the column, UTC milliseconds.
    pub t: i64,
    /// First usable value; NaN where the column holds only bad readings (so are the other values then).
    pub first: f64,
    /// Last usable value.
    pub last: f64,
    /// Lowest usable value.
    pub min: f64,
    /// Highest usable value.
    pub max: f64,
    /// Mean of the usable values; from roll-ups it carries 24 bits.
    pub mean: f64,
    /// When the lowest was read: exact from raw readings, to the second from roll-ups.
    pub t_min: i64,
    /// When the highest was read.
    pub t_max: i64,
    /// Readings of any quality.
    pub count: u64,
    /// Of these, of bad quality.
    pub bad: u64,
    /// Of these, received by the backfill lane.
    pub late: u64,
}

/// A trend and what it was drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// Width of every column in milliseconds.
    pub width_ms: i64,
    /// The coarsest copy that a part of it was read from. Columns not yet merged, or cut by an end, are always finer;
    /// where readings or minutes are past their retention, what is left of them decides, and the columns are as wide.
    pub source: TrendSource,
    /// The columns that hold readings, ascending.
    pub buckets: Vec<TrendBucket>,
}

/// Which copy of the data a trend was drawn from, the finest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrendSource {
    /// Every reading.
    Raw,
    /// One-minute roll-ups.
    Minutes,
    /// One-hour roll-ups.
    Hours,
}

/// Where the days of the plants begin: China has one time, eight hours ahead of UTC, and no summer time.
pub const PLANT_UTC_OFFSET_MS: i64 = 8 * 3_600_000;

/// How complete and how good the readings of one day were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayQuality {
    /// Start of the day, UTC milliseconds.
    pub day_ms: i64,
    /// Where the part of the day begins in which readings could be expected. An engine says the day's start; who knows
    /// when the point began and how far the history reaches narrows the part.
    pub due_from_ms: i64,
    /// Where that part ends; not before it begins.
    pub due_to_ms: i64,
    /// Readings of any quality.
    pub count: u64,
    /// Of good quality.
    pub good: u64,
    /// Of bad quality.
    pub bad: u64,
    /// Received by the backfill lane.
    pub late: u64,
    /// Minutes of the day with at least one reading: completeness is this over the minutes the point was due.
    pub minutes_seen: u32,
}

/// What a segment added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Readings taken over; zero when the segment had been taken over before.
    pub readings: u64,
    /// The segment was known already and nothing was done.
    pub already_applied: bool,
}

/// What one round of maintenance did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Readings merged into hour chunks.
    pub readings_merged: u64,
    /// Readings found twice (a resend, an overlap of backfill and live) and kept once.
    pub duplicates: u64,
    /// Readings that came after the raw data of their hour had been given up; they are not kept.
    pub too_late: u64,
    /// Files written.
    pub files_written: u64,
    /// Files given up: merged, or past their retention.
    pub files_removed: u64,
}

/// What was given up for want of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// Which copy of the data: readings, or one-minute roll-ups where no more readings are left to give up.
    pub source: TrendSource,
    /// Start of the day, UTC milliseconds.
    pub day_ms: i64,
    /// Bytes.
    pub bytes: u64,
}

/// Why the history could not do it.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The disk refused.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not what was written. Nothing of them is used.
    #[error("{path} is damaged at byte {offset}: {what}")]
    Damaged {
        /// Which file.
        path: String,
        /// Where.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// Fewer bytes would be left than belong to journal and alarm log: nothing was written. Whoever feeds gives up old
    /// history ([`History::shed`]) and tries again.
    #[error(
        "history takes nothing more: {free} bytes free, {least} are left to journal and alarm log"
    )]
    NoRoom {
        /// Free bytes; zero where the disk itself said that it is full.
        free: u64,
        /// Bytes that history leaves alone.
        least: u64,
    },
    /// The request makes no sense (an empty range, zero pixels).
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// A distributed engine could not be reached or refused.
    #[error("history engine: {0}")]
    Engine(String),
}

/// A history of readings.
pub trait History: Send + Sync {
    /// Takes over a sealed journal segment, durably and wholly, or not at all. The same `segment_id` again is a no-op,
    /// so a crash between this call and the caller's own note of it is harmless.
    ///
    /// # Errors
    /// When the readings could not be made durable; the caller keeps its journal and tries again.
    fn append_segment(
        &self,
        segment_id: u64,
        rows: &mut dyn Iterator<Item = ReadingRow>,
    ) -> Result<Appended, HistoryError>;

    /// Whether a segment has been taken over, so that the journal may let it go.
    fn has_segment(&self, segment_id: u64) -> bool;

    /// Merges what is due at `now_ms` into hours, writes roll-ups, and gives up what is past its retention. Cheap when
    /// nothing is due; call it every few minutes.
    ///
    /// # Errors
    /// When files could not be read or written; what was there before is untouched.
    fn maintain(&self, now_ms: i64) -> Result<Maintained, HistoryError>;

    /// Gives up the oldest day of readings before its time, or, where there is none left but the newest, the oldest day of
    /// one-minute roll-ups; hours stay. `None` where nothing can be given up: the newest day is still being gathered.
    ///
    /// # Errors
    /// When it could not be made durable; then nothing was given up.
    fn shed(&self) -> Result<Option<Shed>, HistoryError>;

    /// Readings of `point` with `from <= source time < to`, oldest first, no more than `limit`, joined with the
    /// caller's not yet sealed readings of that point.
    ///
    /// # Errors
    /// When stored bytes are unreadable.
    fn raw_with_tail(
        &self,
        point: u32,
        from: i64,
        to: i64,
        limit: usize,
        tail: &[RawReading],
    ) -> Result<Vec<RawReading>, HistoryError>;

    /// A trend of `point` over `from..to` in at most `pixels` columns (one more where the range starts inside a
    /// column), extremes kept, joined with `tail`.
    ///
    /// # Errors
    /// When the range is empty, `pixels` is zero, or stored bytes are unreadable.
    fn trend_with_tail(
        &self,
        point: u32,
        from: i64,
        to: i64,
        pixels: usize,
        tail: &[RawReading],
    ) -> Result<Trend, HistoryError>;

    /// Counts by day for every day that `from..to` touches and that has readings. Days start `offset_ms` ahead of UTC's,
    /// whole hours. What is not sealed yet is not counted.
    ///
    /// # Errors
    /// When stored bytes are unreadable.
    fn day_quality(
        &self,
        point: u32,
        from: i64,
        to: i64,
        offset_ms: i64,
    ) -> Result<Vec<DayQuality>, HistoryError>;

    /// Source time of the first reading of a point that was ever taken over, to the hour where readings of that time have
    /// been given up since; `None` where there never was one.
    ///
    /// # Errors
    /// When stored bytes are unreadable.
    fn first_reading_ms(&self, point: u32) -> Result<Option<i64>, HistoryError>;

    /// [`History::raw_with_tail`] without a tail.
    ///
    /// # Errors
    /// As there.
    fn raw(
        &self,
        point: u32,
        from: i64,
        to: i64,
        limit: usize,
    ) -> Result<Vec<RawReading>, HistoryError> {
        self.raw_with_tail(point, from, to, limit, &[])
    }

    /// [`History::trend_with_tail`] without a tail.
    ///
    /// # Errors
    /// As there.
    fn trend(&self, point: u32, from: i64, to: i64, pixels: usize) -> Result<Trend, HistoryError> {
        self.trend_with_tail(point, from, to, pixels, &[])
    }
}
