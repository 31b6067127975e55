//! From the journal into the history, and what is not yet there for a trend.
//!
//! Every minute the open segment is sealed; sealed segments are decoded to rows and handed to the history, which takes
//! each whole or not at all and knows which it has. Then the journal may go, as far as checkpoints and the ledger have passed
//! it too, and with it the point tables that nothing in it refers to. For the newest minutes a trend reads the frames of the point's gateway straight from the journal; an index of
//! their offsets is kept for that, eight bytes a frame.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anlan_domain::ids::PointId;
use anlan_domain::log::{GatewayNo, RecordKind};
use anlan_domain::uplink::{self, Kind, Lane, ReadingsView};
use anlan_store::history::{
    DayQuality, History, HistoryError, PLANT_UTC_OFFSET_MS, RawReading, ReadingRow, Trend,
};
use anlan_store::journal::{Journal, JournalError, Offset, Record, Segment};
use bytes::Bytes;

use crate::api::CenterError;
use crate::catalog::{Catalog, PointPlace};
use crate::ingest::tables::Tables;
use crate::shared::Shared;
use crate::tree::plan::NodeKey;

/// Key of the ledger's document.
pub const LEDGER_KEY: &str = "ingest/ledger";
/// Records read at a time.
const READ_RECORDS: usize = 256;
/// Bytes read at a time.
const READ_BYTES: usize = 2 * 1024 * 1024;

/// Offsets of the frames with readings that are not yet in the history, by gateway.
#[derive(Default)]
pub struct FrameIndex {
    frames: Mutex<HashMap<GatewayNo, VecDeque<Offset>>>,
    /// Readings handed over since the start.
    fed: AtomicU64,
}

impl FrameIndex {
    /// A frame was journalled.
    pub fn add(&self, gateway: GatewayNo, offset: Offset) {
        let mut frames = self.frames.lock().expect("no code panics while it holds the index");
        frames.entry(gateway).or_default().push_back(offset);
    }

    fn forget_before(&self, offset: Offset) {
        let mut frames = self.frames.lock().expect("no code panics while it holds the index");
        for offsets in frames.values_mut() {
            let gone = offsets.partition_point(|at| *at < offset);
            offsets.drain(..gone);
        }
    }

    fn of(&self, gateway: GatewayNo) -> Vec<Offset> {
        let frames = self.frames.lock().expect("no code panics while it holds the index");
        frames.get(&gateway).map(|offsets| offsets.iter().copied().collect()).unwrap_or_default()
    }
}

/// First offset that is not yet in the history.
#[must_use]
pub fn first_unconsumed(journal: &dyn Journal, history: Option<&dyn History>) -> Offset {
    let Some(history) = history else { return journal.bounds().1 };
    journal
        .segments()
        .into_iter()
        .filter(|segment| !segment.sealed || !history.has_segment(segment.id))
        .map(|segment| segment.first)
        .min()
        .unwrap_or(journal.bounds().1)
}

/// What the history needs to know of a row of a table.
#[derive(Clone, Copy)]
struct Column {
    point_no: u32,
    /// Which points are scanned together.
    scan: u32,
    scan_ms: i64,
}

/// Which point each row of a table is.
struct Columns {
    rows: Vec<Option<Column>>,
}

/// When a reading was true, by the device where that says more than the gateway.
///
/// A device that reports changes (OPC UA) goes on saying when the value last changed, and the gateway repeats the value with
/// that time at every scan. These repetitions are news all the same: the value still stood when it was scanned. Under the
/// time of the change they would all be one reading, a valve at rest would look like one that is no longer read, and its
/// trend like a gap. So the device's time counts for the scan that it falls into, and each later one has its own.
fn source_time(device: Option<i64>, sampled: i64, scan_ms: i64) -> i64 {
    device.filter(|at| sampled.saturating_sub(*at) < scan_ms).unwrap_or(sampled)
}

/// Decodes journalled frames to rows of the history.
struct Decoder {
    tables: Arc<Tables>,
    catalog: Arc<Catalog>,
    shared: Arc<Shared>,
    columns: HashMap<(GatewayNo, u64), Option<Arc<Columns>>>,
}

impl Decoder {
    fn new(shared: &Arc<Shared>) -> Self {
        Self {
            tables: shared.tables.clone(),
            catalog: shared.catalog.clone(),
            shared: shared.clone(),
            columns: HashMap::new(),
        }
    }

    fn columns(&mut self, gateway: GatewayNo, hash: u64) -> Option<Arc<Columns>> {
        if let Some(known) = self.columns.get(&(gateway, hash)) {
            return known.clone();
        }
        let columns = self.make_columns(gateway, hash);
        if columns.is_none() {
            metrics::counter!("anlan_history_unreadable_frames_total").increment(1);
            tracing::error!(
                gateway = gateway.0,
                hash,
                "frames of a table that is not known do not enter the history"
            );
        }
        self.columns.insert((gateway, hash), columns.clone());
        columns
    }

    fn make_columns(&self, gateway: GatewayNo, hash: u64) -> Option<Arc<Columns>> {
        let table = self.tables.get(gateway, hash).ok().flatten()?;
        let plan = self.shared.tree_plan();
        let facts = plan.get(&NodeKey::Gateway(gateway))?;
        let (enterprise, id) = (facts.enterprise.as_ref()?, facts.gateway.as_ref()?);
        let mut devices: Vec<&str> = Vec::new();
        let rows = table
            .rows
            .iter()
            .map(|row| {
                let device = devices.iter().position(|d| *d == row.device).unwrap_or_else(|| {
                    devices.push(&row.device);
                    devices.len() - 1
                });
                let point = PointId::of(enterprise, &row.tag).ok()?;
                let place = self.catalog.point(&point)?;
                let bound = self.catalog.is_bound(&point, id);
                let scan = gateway.0.wrapping_mul(4096).wrapping_add(device as u32);
                let config = self.catalog.host(place.host)?;
                let scan_ms = i64::from(config.points.get(place.slot as usize)?.settings.scan_ms);
                bound.then_some(Column { point_no: place.no.0, scan, scan_ms })
            })
            .collect();
        Some(Arc::new(Columns { rows }))
    }

    /// Adds the rows of a record; only those of `only`, where it is given.
    fn rows(&mut self, record: &Record, only: Option<u32>, out: &mut Vec<ReadingRow>) {
        if record.kind != RecordKind::Frame {
            return;
        }
        let Ok((header, payload)) = uplink::open(&record.payload) else { return };
        if header.kind != Kind::Readings {
            return;
        }
        let Ok(view) = ReadingsView::new(payload) else { return };
        let gateway = GatewayNo(record.source);
        let Some(columns) = self.columns(gateway, view.table) else { return };
        let late = header.lane == Lane::Backfill;
        for group in view.groups() {
            let sampled = header.wall.0.saturating_sub(i64::from(group.age_ms));
            for i in 0..group.count {
                let Some(&Some(column)) = columns.rows.get(group.handle(i) as usize) else {
                    continue;
                };
                let Column { point_no, scan, scan_ms } = column;
                if only.is_some_and(|only| only != point_no) {
                    continue;
                }
                out.push(ReadingRow {
                    point_no,
                    group: scan,
                    source_ms: source_time(group.source_wall(i), sampled, scan_ms),
                    recv_ms: record.received.0,
                    value: group.value(i),
                    quality: group.quality(i).0,
                    late,
                });
            }
        }
    }
}

/// The rows of one sealed segment, read as they are asked for.
struct SegmentRows<'a> {
    journal: &'a dyn Journal,
    decoder: &'a mut Decoder,
    at: Offset,
    end: Offset,
    waiting: std::vec::IntoIter<ReadingRow>,
    failed: Option<JournalError>,
}

impl Iterator for SegmentRows<'_> {
    type Item = ReadingRow;

    fn next(&mut self) -> Option<ReadingRow> {
        loop {
            if let Some(row) = self.waiting.next() {
                return Some(row);
            }
            if self.at >= self.end {
                return None;
            }
            let records = match self.journal.read(self.at, READ_RECORDS, READ_BYTES) {
                Ok(records) => records,
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            };
            let (last, _) = records.last()?;
            let next = Offset(last.0 + 1);
            let mut rows = Vec::new();
            for (_, record) in records.iter().filter(|(offset, _)| *offset < self.end) {
                self.decoder.rows(record, None, &mut rows);
            }
            self.at = next;
            self.waiting = rows.into_iter();
        }
    }
}

/// Why a segment could not be handed over.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("the history does not take segment {0}")]
    History(u64, #[source] HistoryError),
    #[error("segment {0} cannot be read")]
    Journal(u64, #[source] JournalError),
    #[error("the history cannot be maintained")]
    Maintain(#[source] HistoryError),
    #[error("old history cannot be given up for new")]
    Shed(#[source] HistoryError),
}

impl FeedError {
    fn is_no_room(&self) -> bool {
        matches!(
            self,
            Self::History(_, HistoryError::NoRoom { .. })
                | Self::Maintain(HistoryError::NoRoom { .. })
        )
    }
}

/// Hands a segment over. A segment that cannot be read whole is not handed over at all: the history takes what the
/// iterator gives, so its readability is checked first.
fn hand_over(
    journal: &dyn Journal,
    history: &dyn History,
    decoder: &mut Decoder,
    segment: &Segment,
) -> Result<u64, FeedError> {
    let mut at = segment.first;
    while at < segment.next {
        let records = journal
            .read(at, READ_RECORDS, READ_BYTES)
            .map_err(|error| FeedError::Journal(segment.id, error))?;
        let Some((last, _)) = records.last() else { break };
        at = Offset(last.0 + 1);
    }
    let mut rows = SegmentRows {
        journal,
        decoder,
        at: segment.first,
        end: segment.next,
        waiting: Vec::new().into_iter(),
        failed: None,
    };
    let appended = history
        .append_segment(segment.id, &mut rows)
        .map_err(|error| FeedError::History(segment.id, error))?;
    if let Some(error) = rows.failed {
        return Err(FeedError::Journal(segment.id, error));
    }
    Ok(appended.readings)
}

/// Does what needs room on the disk. Where there is none, the oldest history is given up first, day by day: journal and
/// alarm log must never want for room that old readings take. What the error was stands where nothing is left to give up;
/// the journal keeps what was not taken, and refuses when it comes to its own reserve.
fn with_room<T>(
    history: &dyn History,
    mut attempt: impl FnMut() -> Result<T, FeedError>,
) -> Result<T, FeedError> {
    loop {
        let error = match attempt() {
            Err(error) if error.is_no_room() => error,
            other => return other,
        };
        let Some(shed) = history.shed().map_err(FeedError::Shed)? else {
            metrics::counter!("anlan_history_no_room_total").increment(1);
            return Err(error);
        };
        metrics::counter!("anlan_history_shed_bytes_total").increment(shed.bytes);
        tracing::error!(
            why = %chain(&error),
            day = shed.day_ms,
            bytes = shed.bytes,
            what = ?shed.source,
            "the disk is nearly full: the oldest day of history was given up; make room or keep history for less time"
        );
    }
}

/// Keeps house: seals, feeds the history, writes the ledger, trims the journal. Runs until the center stops.
pub async fn keep_house(shared: Arc<Shared>) {
    let options = &shared.options;
    let mut ledger_at = tokio::time::interval(options.ledger_every);
    let mut seal_at = tokio::time::interval_at(
        tokio::time::Instant::now() + options.seal_every,
        options.seal_every,
    );
    let mut maintain_at = tokio::time::interval_at(
        tokio::time::Instant::now() + options.maintain_every,
        options.maintain_every,
    );
    for timer in [&mut ledger_at, &mut seal_at, &mut maintain_at] {
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    let saved = AtomicU64::new(0);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = ledger_at.tick() => save_ledger(&shared, &saved).await,
            _ = seal_at.tick() => {
                if let Err(error) = shared.ports.journal.seal().await {
                    return shared.fatal.end("the journal cannot be sealed", &error);
                }
                _ = feed_sealed(&shared).await;
                trim(&shared, Offset(saved.load(Ordering::Relaxed))).await;
            }
            _ = maintain_at.tick() => maintain(&shared).await,
        }
    }
}

async fn save_ledger(shared: &Shared, saved: &AtomicU64) {
    let (complete_to, bytes) = shared.ledger.to_document();
    if complete_to.0 == saved.load(Ordering::Relaxed) {
        return;
    }
    match shared.ports.state.put(LEDGER_KEY, Bytes::from(bytes)).await {
        Ok(()) => saved.store(complete_to.0, Ordering::Relaxed),
        Err(error) => shared.fatal.end("the ledger of received frames cannot be written", &error),
    }
}

/// Hands over what is sealed and not yet in the history, and says how many readings there were in all since the start.
/// What fails is tried again at the next seal.
pub(crate) async fn feed_sealed(shared: &Arc<Shared>) -> u64 {
    let Some(history) = shared.ports.history.clone() else {
        shared.index.forget_before(shared.ports.journal.bounds().1);
        return 0;
    };
    let with = shared.clone();
    let fed = tokio::task::spawn_blocking(move || {
        let journal = with.ports.journal.clone();
        let mut decoder = Decoder::new(&with);
        for segment in journal.segments() {
            if !segment.sealed || history.has_segment(segment.id) || segment.first == segment.next {
                continue;
            }
            let taken =
                with_room(&*history, || hand_over(&*journal, &*history, &mut decoder, &segment));
            match taken {
                Ok(readings) => {
                    metrics::counter!("anlan_history_readings_total").increment(readings);
                    with.index.fed.fetch_add(readings, Ordering::Relaxed);
                }
                Err(error) => {
                    metrics::counter!("anlan_history_feed_failures_total").increment(1);
                    tracing::error!(segment = segment.id, error = %chain(&error), "a segment did not enter the history; it is kept and tried again");
                    break;
                }
            }
        }
        with.index.forget_before(first_unconsumed(&*journal, Some(&*history)));
    });
    if fed.await.is_err() {
        metrics::counter!("anlan_history_feed_failures_total").increment(1);
        tracing::error!("the history crashed while it took a segment; it is tried again");
    }
    shared.index.fed.load(Ordering::Relaxed)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

async fn trim(shared: &Shared, ledger_saved: Offset) {
    let journal = &shared.ports.journal;
    let history = first_unconsumed(&**journal, shared.ports.history.as_deref());
    // Every host of the plan counts, also one that could not be started: it comes back by the journal.
    let folded = shared.committed.oldest_of(shared.tree_plan().hosts());
    let folded = folded.map_or(Offset(0), |folded| Offset(folded.0.saturating_add(1)));
    let keep_from = history.min(folded).min(ledger_saved);
    if let Err(error) = journal.trim(keep_from).await {
        // What could not be deleted is only in the way.
        tracing::error!(%error, "the journal could not be trimmed");
        metrics::counter!("anlan_journal_trim_failures_total").increment(1);
    }
    let (first, next) = journal.bounds();
    if let Err(error) = shared.tables.forget_before(first).await {
        return shared.fatal.end("point tables cannot be forgotten", &error);
    }
    #[allow(clippy::cast_precision_loss)]
    metrics::gauge!("anlan_journal_kept_records").set(next.0.saturating_sub(first.0) as f64);
}

async fn maintain(shared: &Shared) {
    let Some(history) = shared.ports.history.clone() else { return };
    let now = (shared.clock)().0;
    let maintained = tokio::task::spawn_blocking(move || {
        with_room(&*history, || history.maintain(now).map_err(FeedError::Maintain))
    });
    match maintained.await {
        Ok(Ok(done)) => {
            metrics::counter!("anlan_history_too_late_total").increment(done.too_late);
        }
        Ok(Err(error)) => {
            metrics::counter!("anlan_history_maintain_failures_total").increment(1);
            tracing::error!(error = %chain(&error), "the history could not be maintained; it is tried again");
        }
        Err(_) => {
            metrics::counter!("anlan_history_maintain_failures_total").increment(1);
            tracing::error!("the history crashed while it was maintained; it is tried again");
        }
    }
}

/// Readings of a point that are not yet in the history, from the journal. Blocks.
fn tail(shared: &Arc<Shared>, place: PointPlace) -> Vec<RawReading> {
    let Some(config) = shared.catalog.host(place.host) else { return Vec::new() };
    let Some(point) = config.points.get(place.slot as usize) else { return Vec::new() };
    let gateway = config.gateways.iter().find(|(_, id)| *id == point.gateway).map(|(no, _)| *no);
    let Some(gateway) = gateway else { return Vec::new() };
    let mut decoder = Decoder::new(shared);
    let mut rows = Vec::new();
    for offset in shared.index.of(gateway) {
        // Trimmed meanwhile means that it is in the history by now.
        let Ok(records) = shared.ports.journal.read(offset, 1, usize::MAX) else { continue };
        for (_, record) in &records {
            decoder.rows(record, Some(place.no.0), &mut rows);
        }
    }
    rows.iter().map(ReadingRow::reading).collect()
}

fn place(shared: &Shared, point: &PointId) -> Result<PointPlace, CenterError> {
    shared.catalog.point(point).ok_or_else(|| CenterError::Unknown(point.to_string()))
}

fn history(shared: &Shared) -> Result<Arc<dyn History>, CenterError> {
    let none = || CenterError::NotReady("this center keeps no history".into());
    shared.ports.history.clone().ok_or_else(none)
}

/// A trend: history and what is not yet in it.
///
/// # Errors
/// When the point is not known or the history cannot be read.
pub async fn trend(
    shared: &Arc<Shared>,
    point: &PointId,
    from: i64,
    to: i64,
    pixels: usize,
) -> Result<Trend, CenterError> {
    let (place, history, shared) = (place(shared, point)?, history(shared)?, shared.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let tail = tail(&shared, place);
        history.trend_with_tail(place.no.0, from, to, pixels, &tail)
    });
    answer(asked.await)
}

/// Counts by the plant's days, for every day that `from..to` touches and that the history reaches, also those in which
/// nothing was read, each with the part in which readings were due: it ends where the history does, and on the day of the
/// point's first reading it begins with that.
///
/// # Errors
/// As [`trend`].
pub async fn day_quality(
    shared: &Arc<Shared>,
    point: &PointId,
    from: i64,
    to: i64,
) -> Result<Vec<DayQuality>, CenterError> {
    let (place, history, shared) = (place(shared, point)?, history(shared)?, shared.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let now = (shared.clock)().0;
        let until = to.min(horizon(&*shared.ports.journal, &*history, now));
        let point = place.no.0;
        let counted = history.day_quality(point, from, until, PLANT_UTC_OFFSET_MS)?;
        let first = history.first_reading_ms(point)?;
        Ok(due_days(&counted, from, until, first))
    });
    answer(asked.await)
}

/// Until when the history has everything that was received: the time of the first record that it has not.
///
/// Not the newest reading: were nothing received any more, that would stand still and hide it. The log goes on, because
/// time itself is logged.
fn horizon(journal: &dyn Journal, history: &dyn History, now: i64) -> i64 {
    // What is handed over and trimmed between the two looks is found further on at the next try.
    for _ in 0..3 {
        match journal.read(first_unconsumed(journal, Some(history)), 1, 1) {
            Ok(records) => return records.first().map_or(now, |(_, record)| record.received.0),
            Err(JournalError::Trimmed { .. }) => {}
            Err(error) => {
                // The journal itself will say so more loudly; a figure of quality is no reason to fail.
                tracing::warn!(error = %chain(&error), "how far the history reaches is not known");
                break;
            }
        }
    }
    now
}

/// A day for each that `from..until` touches, with what was counted in it and the part in which readings were due.
fn due_days(counted: &[DayQuality], from: i64, until: i64, first: Option<i64>) -> Vec<DayQuality> {
    const DAY_MS: i64 = 86_400_000;
    /// Ten years: more is asked by mistake.
    const DAYS_MAX: usize = 3_660;
    if from >= until {
        return Vec::new();
    }
    let start = from.saturating_add(PLANT_UTC_OFFSET_MS).div_euclid(DAY_MS).saturating_mul(DAY_MS);
    let days = std::iter::successors(Some(start.saturating_sub(PLANT_UTC_OFFSET_MS)), |day| {
        day.checked_add(DAY_MS)
    });
    days.take_while(|day| *day < until)
        .take(DAYS_MAX)
        .map(|day_ms| {
            let end = day_ms.saturating_add(DAY_MS);
            let nothing = DayQuality {
                day_ms,
                due_from_ms: day_ms,
                due_to_ms: end,
                count: 0,
                good: 0,
                bad: 0,
                late: 0,
                minutes_seen: 0,
            };
            let day = counted.iter().find(|day| day.day_ms == day_ms).copied().unwrap_or(nothing);
            let begins = first.filter(|first| (day_ms..end).contains(first)).unwrap_or(day_ms);
            DayQuality { due_from_ms: begins, due_to_ms: end.min(until).max(begins), ..day }
        })
        .collect()
}

fn answer<T>(
    asked: Result<Result<T, HistoryError>, tokio::task::JoinError>,
) -> Result<T, CenterError> {
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::error!(error = %chain(&error), "the history could not be read");
            Err(CenterError::NotReady(format!("the history could not be read: {error}")))
        }
        Err(_) => Err(CenterError::NotReady("the history crashed while it was read".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use anlan_store::history::disk::{Disk, RealDisk};
    use anlan_store::history::{EmbeddedHistory, HistoryOptions};

    use super::*;

    const START: i64 = 1_767_225_600_000;
    const DAY_MS: i64 = 86_400_000;

    /// A disk whose free space is what is left of `room` beside the files of the folder.
    struct SmallDisk {
        room: AtomicU64,
    }

    impl Disk for SmallDisk {
        fn create(&self, path: &Path) -> io::Result<File> {
            RealDisk.create(path)
        }
        fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
            RealDisk.write(file, bytes)
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            RealDisk.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            RealDisk.remove(path)
        }
        fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
            let mut used = 0;
            for entry in std::fs::read_dir(folder)? {
                used += entry?.metadata()?.len();
            }
            Ok(self.room.load(Ordering::Relaxed).saturating_sub(used))
        }
    }

    fn rows_of(day: i64) -> impl Iterator<Item = ReadingRow> {
        (0..86_400 / 30).map(move |i| {
            let source_ms = START + day * DAY_MS + i * 30_000;
            let bits = (source_ms as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12;
            ReadingRow {
                point_no: 1,
                group: 0,
                source_ms,
                recv_ms: source_ms + 40,
                // Digits that no codec makes small.
                value: f64::from_bits(0x3FF0_0000_0000_0000 | bits),
                quality: 192,
                late: false,
            }
        })
    }

    #[test]
    fn history_gives_up_its_oldest_days_for_new_ones_and_stops_where_none_is_left() {
        const LEAST: u64 = 1 << 20;
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(SmallDisk { room: AtomicU64::new(LEAST + 700_000) });
        let options = HistoryOptions { least_free_bytes: LEAST, ..HistoryOptions::default() };
        let history = EmbeddedHistory::open_on(disk.clone(), folder.path(), options).unwrap();
        let take = |day: i64| {
            let segment = u64::try_from(day).unwrap();
            with_room(&history, || {
                history
                    .append_segment(segment, &mut rows_of(day))
                    .map_err(|error| FeedError::History(segment, error))
            })?;
            let now = START + (day + 1) * DAY_MS + 7_200_000;
            with_room(&history, || history.maintain(now).map_err(FeedError::Maintain))
        };
        for day in 0..40 {
            take(day).unwrap();
            assert!(disk.free_bytes(folder.path()).unwrap() >= LEAST, "day {day}");
        }
        let read = |day: i64| {
            let from = START + day * DAY_MS;
            history.raw(1, from, from + DAY_MS, usize::MAX).unwrap().len()
        };
        assert_eq!((read(0), read(39)), (0, 2880), "the oldest went, the newest stayed");
        let trend = history.trend(1, START, START + 40 * DAY_MS, 40).unwrap();
        let counted: u64 = trend.buckets.iter().map(|b| b.count).sum();
        assert_eq!(counted, 40 * 2880, "hours of all of it stand");

        disk.room.store(LEAST, Ordering::Relaxed);
        let refused = take(40).unwrap_err();
        assert!(refused.is_no_room(), "{refused}");
        assert!(!history.has_segment(40));
        assert_eq!(read(39), 2880, "the newest day is not given up");
        disk.room.store(LEAST + 700_000, Ordering::Relaxed);
        take(40).unwrap();
        assert_eq!(read(40), 2880, "what was refused comes in once there is room");
    }

    #[test]
    fn a_value_that_a_device_repeats_is_a_reading_of_every_scan() {
        let change = START - 400;
        let scans = [START, START + 1_000, START + 2_000, START + 3_000];
        let times = scans.map(|sampled| source_time(Some(change), sampled, 1_000));
        assert_eq!(times, [change, START + 1_000, START + 2_000, START + 3_000]);
        assert_eq!(source_time(None, START, 1_000), START);
        // A device whose clock is ahead is believed.
        assert_eq!(source_time(Some(START + 5_000), START, 1_000), START + 5_000);
    }

    #[test]
    fn a_day_is_due_from_the_first_reading_ever_to_where_the_history_ends() {
        let midnight = START - PLANT_UTC_OFFSET_MS;
        let counted = DayQuality {
            day_ms: midnight,
            due_from_ms: midnight,
            due_to_ms: midnight + DAY_MS,
            count: 7,
            good: 7,
            bad: 0,
            late: 0,
            minutes_seen: 1,
        };
        let due = |from, until, first| -> Vec<(i64, i64, u64)> {
            due_days(&[counted], from, until, first)
                .iter()
                .map(|d| (d.due_from_ms - midnight, d.due_to_ms - midnight, d.count))
                .collect()
        };
        let noon = midnight + DAY_MS / 2;
        let half = DAY_MS / 2;
        assert_eq!(due(noon, noon + 1_000, Some(midnight - 1)), [(0, half + 1_000, 7)]);
        assert_eq!(due(noon, noon + 1_000, Some(noon)), [(half, half + 1_000, 7)]);
        assert_eq!(due(noon, noon + 1_000, Some(noon + 2_000)), [(half + 2_000, half + 2_000, 7)]);
        assert_eq!(
            due(midnight - 1, noon, Some(noon - 60_000)),
            [(-DAY_MS, 0, 0), (half - 60_000, half, 7)],
            "days without a reading are there"
        );
        assert!(due(noon, noon, None).is_empty());
        let many = due_days(&[], i64::MIN, noon, None).len();
        assert_eq!(many, 3_660, "what is asked by mistake ends");
    }
}
