//! The embedded engine: a folder of files, nothing to install.
//!
//! Readers work on an immutable view and never wait. Taking over a segment and maintenance have a lock each, so that an
//! hour's merge of hundreds of thousands of points does not hold up the journal; they meet only where the manifest is
//! edited. Taking over only adds blocks, maintenance alone removes files: their edits never touch the same entry. Files are
//! opened when read; where one has just been merged away the reader takes the next view and begins again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::block::BlockBuilder;
use super::bytes::{Read, Reader, corrupt, put_varint};
use super::chunk::{GridHints, checked};
use super::disk::{Disk, RealDisk, at, replace};
use super::file::{FileKind, FileMeta, FileWriter, StoredFile};
use super::manifest::Manifest;
use super::port::{
    Appended, DayQuality, History, HistoryError, Maintained, RawReading, ReadingRow, Shed, Trend,
};
use super::quality::{self, QualityCache};
use super::query::{Query, floor_to};
use super::rollup::{DAY_MS, HOUR_MS};

/// What an engine may use and how long it keeps what.
#[derive(Clone, Copy, Debug)]
pub struct HistoryOptions {
    /// Rows held in memory while a segment is taken over (16 bytes each).
    pub block_rows_max: usize,
    /// Points whose hour is held in memory at a time while hours are merged.
    pub merge_points_max: usize,
    /// An hour is merged this long after its end, so that stragglers are mostly in.
    pub merge_grace_ms: i64,
    /// Raw readings are kept this long.
    pub raw_keep_ms: i64,
    /// One-minute roll-ups are kept this long; one-hour roll-ups for ever.
    pub minutes_keep_ms: i64,
    /// Free bytes of the disk that history leaves alone: more than the journal does, so that history is what stops first
    /// and room for journal and alarm log is left. Zero for no such bound.
    pub least_free_bytes: u64,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            block_rows_max: 8 << 20,
            merge_points_max: 256,
            merge_grace_ms: 120_000,
            raw_keep_ms: 400 * DAY_MS,
            minutes_keep_ms: 5 * 366 * DAY_MS,
            least_free_bytes: 0,
        }
    }
}

/// An immutable view of the folder.
pub struct View {
    /// What the manifest says.
    pub manifest: Manifest,
    /// The files, older first.
    pub files: Vec<Arc<StoredFile>>,
    /// The groups that a point was read in.
    pub groups: Arc<HashMap<u32, Vec<u32>>>,
    /// Of each day of UTC that has one-hour roll-ups, the highest number of a file with them.
    rolled: BTreeMap<i64, u64>,
}

impl View {
    fn new(
        manifest: Manifest,
        files: Vec<Arc<StoredFile>>,
        groups: Arc<HashMap<u32, Vec<u32>>>,
    ) -> Self {
        let mut rolled = BTreeMap::new();
        // No file of roll-ups straddles two days.
        for file in files.iter().filter(|f| f.meta.kind == FileKind::Hours) {
            let newest = rolled.entry(floor_to(file.meta.from_ms, DAY_MS)).or_insert(0);
            *newest = file.meta.number.max(*newest);
        }
        Self { manifest, files, groups, rolled }
    }

    /// The groups that a point was read in.
    pub fn groups_of(&self, point: u32) -> &[u32] {
        self.groups.get(&point).map_or(&[], Vec::as_slice)
    }

    /// Starts of the days of UTC that touch `from..to` and have one-hour roll-ups, ascending.
    pub fn rolled_days(&self, from: i64, to: i64) -> impl Iterator<Item = i64> {
        self.rolled_in(from, to).map(|(day, _)| *day)
    }

    /// Highest number of a file with one-hour roll-ups of a day that touches `from..to`; zero where there is none. It
    /// grows with every change of those days.
    pub fn newest_rolled(&self, from: i64, to: i64) -> u64 {
        self.rolled_in(from, to).map(|(_, newest)| *newest).max().unwrap_or(0)
    }

    fn rolled_in(&self, from: i64, to: i64) -> impl Iterator<Item = (&i64, &u64)> {
        let first = floor_to(from, DAY_MS);
        self.rolled.range(first..to.max(first))
    }

    /// Files of a kind whose span touches `from..to`, older first.
    pub fn files_of(
        &self,
        kind: FileKind,
        from: i64,
        to: i64,
    ) -> impl Iterator<Item = &Arc<StoredFile>> {
        self.files
            .iter()
            .filter(move |f| f.meta.kind == kind && f.meta.from_ms < to && f.meta.to_ms > from)
    }
}

/// A history in a folder.
pub struct EmbeddedHistory {
    pub(super) folder: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: HistoryOptions,
    /// Grids that points were last seen on, for each of the two who write.
    appending: Mutex<GridHints>,
    pub(super) maintaining: Mutex<GridHints>,
    committing: Mutex<()>,
    next_number: AtomicU64,
    view: RwLock<Arc<View>>,
    quality: QualityCache,
}

impl EmbeddedHistory {
    /// Opens or begins a history in `folder`; what a crash left half done is removed.
    ///
    /// # Errors
    /// When the folder cannot be read, or its manifest is damaged.
    pub fn open(folder: &Path, options: HistoryOptions) -> Result<Self, HistoryError> {
        Self::open_on(Arc::new(RealDisk), folder, options)
    }

    /// [`EmbeddedHistory::open`] on a given disk.
    ///
    /// # Errors
    /// As there.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: HistoryOptions,
    ) -> Result<Self, HistoryError> {
        at("create", folder, std::fs::create_dir_all(folder))?;
        let manifest = Manifest::load(folder)?;
        let files: Vec<_> =
            manifest.files.iter().map(|meta| Arc::new(StoredFile::new(folder, *meta))).collect();
        let groups = match manifest.points_number {
            0 => HashMap::new(),
            number => load_points(&points_path(folder, number))?,
        };
        remove_strays(&*disk, folder, &manifest)?;
        if files.is_empty() {
            // Before the first file, so that files without a manifest always mean a lost one.
            manifest.store(&*disk, folder)?;
        }
        let next_number = manifest.next_number;
        let view = View::new(manifest, files, Arc::new(groups));
        Ok(Self {
            folder: folder.to_path_buf(),
            disk,
            options,
            appending: Mutex::new(GridHints::new()),
            maintaining: Mutex::new(GridHints::new()),
            committing: Mutex::new(()),
            next_number: AtomicU64::new(next_number),
            view: RwLock::new(Arc::new(view)),
            quality: QualityCache::default(),
        })
    }

    /// The current view.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of all files, by kind.
    #[must_use]
    pub fn sizes(&self) -> HashMap<FileKind, u64> {
        let mut sizes = HashMap::new();
        for file in &self.view().manifest.files {
            *sizes.entry(file.kind).or_insert(0) += file.size;
        }
        sizes
    }

    /// A file number that was never used, not even by an attempt that failed: such an attempt may have become durable
    /// after all, and its files must stay what they were.
    pub(super) fn take_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn create(
        &self,
        kind: FileKind,
        span_ms: i64,
    ) -> Result<FileWriter<'_>, HistoryError> {
        let least = self.options.least_free_bytes;
        FileWriter::create(&*self.disk, &self.folder, kind, self.take_number(), span_ms, least)
    }

    /// Removes finished files that no manifest names: there was no room for the rest of what they belong to.
    pub(super) fn discard(&self, files: &[FileMeta]) {
        for file in files {
            self.discard_path(&self.folder.join(file.name()));
        }
    }

    fn discard_path(&self, path: &Path) {
        if let Err(e) = self.disk.remove(path) {
            tracing::warn!(path = %path.display(), error = %e, "cannot remove a history file that found no room; it goes when the folder is next opened");
        }
    }

    /// Edits the manifest as it is now, makes it durable and visible, then removes the files that it no longer names.
    pub(super) fn commit(
        &self,
        edit: impl FnOnce(&mut Manifest),
        groups: Option<Arc<HashMap<u32, Vec<u32>>>>,
    ) -> Result<(), HistoryError> {
        let _one_at_a_time = hold(&self.committing);
        let old = self.view();
        let mut manifest = old.manifest.clone();
        edit(&mut manifest);
        manifest.next_number = self.next_number.load(Ordering::Relaxed);
        manifest.store(&*self.disk, &self.folder)?;
        let groups = groups.unwrap_or_else(|| old.groups.clone());
        let keep: HashMap<u64, &Arc<StoredFile>> =
            old.files.iter().map(|f| (f.meta.number, f)).collect();
        let files = manifest
            .files
            .iter()
            .map(|meta| match keep.get(&meta.number) {
                Some(file) => (*file).clone(),
                None => Arc::new(StoredFile::new(&self.folder, *meta)),
            })
            .collect();
        let listed: BTreeSet<u64> = manifest.files.iter().map(|f| f.number).collect();
        let points_number = manifest.points_number;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(View::new(manifest, files, groups));
        // The new state stands already; a file that cannot be removed now goes when the folder is next opened.
        for file in old.files.iter().filter(|f| !listed.contains(&f.meta.number)) {
            if let Err(e) = self.disk.remove(file.path()) {
                tracing::warn!(path = %file.path().display(), error = %e, "cannot remove a merged history file");
            }
        }
        if old.manifest.points_number != points_number && old.manifest.points_number != 0 {
            let path = points_path(&self.folder, old.manifest.points_number);
            if let Err(e) = self.disk.remove(&path) {
                tracing::warn!(path = %path.display(), error = %e, "cannot remove an old list of points");
            }
        }
        Ok(())
    }

    fn commit_segment(
        &self,
        segment_id: u64,
        block: Option<FileMeta>,
        groups: Arc<HashMap<u32, Vec<u32>>>,
        view: &View,
    ) -> Result<(), HistoryError> {
        let mut points_number = None;
        if !Arc::ptr_eq(&groups, &view.groups) {
            let number = self.take_number();
            replace(&*self.disk, &points_path(&self.folder, number), &encode_points(&groups))?;
            points_number = Some(number);
        }
        let edit = |manifest: &mut Manifest| {
            manifest.files.extend(block);
            manifest.points_number = points_number.unwrap_or(manifest.points_number);
            manifest.segments.insert(segment_id);
        };
        let done = self.commit(edit, Some(groups));
        if let (Err(HistoryError::NoRoom { .. }), Some(number)) = (&done, points_number) {
            self.discard_path(&points_path(&self.folder, number));
        }
        done
    }

    /// Runs a query on the current view, again where a file was merged away under it.
    fn query<T>(&self, run: impl Fn(&View) -> Result<T, HistoryError>) -> Result<T, HistoryError> {
        let mut tries = 0;
        loop {
            let view = self.view();
            match run(&view) {
                Err(HistoryError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound
                        && tries < 5
                        && !Arc::ptr_eq(&view, &self.view()) =>
                {
                    tries += 1;
                }
                other => return other,
            }
        }
    }
}

impl History for EmbeddedHistory {
    fn append_segment(
        &self,
        segment_id: u64,
        rows: &mut dyn Iterator<Item = ReadingRow>,
    ) -> Result<Appended, HistoryError> {
        let mut hints = hold(&self.appending);
        let view = self.view();
        if view.manifest.segments.contains(segment_id) {
            return Ok(Appended { readings: 0, already_applied: true });
        }
        let mut file = self.create(FileKind::Block, HOUR_MS)?;
        let mut builder = BlockBuilder::new(self.options.block_rows_max);
        let mut groups = view.groups.clone();
        let mut known = (u32::MAX, u32::MAX);
        for row in rows {
            let pair = (row.point_no, row.group);
            if pair != known {
                known = pair;
                if !groups.get(&pair.0).is_some_and(|g| g.contains(&pair.1)) {
                    Arc::make_mut(&mut groups).entry(pair.0).or_default().push(pair.1);
                }
            }
            builder.push(&row, &mut hints, &mut file)?;
        }
        builder.write_out(&mut hints, &mut file)?;
        let block = if file.is_empty() { None } else { Some(file.finish()?) };
        let committed = self.commit_segment(segment_id, block, groups, &view);
        if let (Err(HistoryError::NoRoom { .. }), Some(block)) = (&committed, block) {
            self.discard(&[block]);
        }
        committed?;
        Ok(Appended { readings: builder.taken, already_applied: false })
    }

    fn has_segment(&self, segment_id: u64) -> bool {
        self.view().manifest.segments.contains(segment_id)
    }

    fn maintain(&self, now_ms: i64) -> Result<Maintained, HistoryError> {
        self.maintain_at(now_ms)
    }

    fn shed(&self) -> Result<Option<Shed>, HistoryError> {
        self.shed_oldest_day()
    }

    fn raw_with_tail(
        &self,
        point: u32,
        from: i64,
        to: i64,
        limit: usize,
        tail: &[RawReading],
    ) -> Result<Vec<RawReading>, HistoryError> {
        self.query(|view| Query::new(view).raw(point, from, to, limit, tail))
    }

    fn trend_with_tail(
        &self,
        point: u32,
        from: i64,
        to: i64,
        pixels: usize,
        tail: &[RawReading],
    ) -> Result<Trend, HistoryError> {
        self.query(|view| Query::new(view).trend(point, from, to, pixels, tail))
    }

    fn day_quality(
        &self,
        point: u32,
        from: i64,
        to: i64,
        offset_ms: i64,
    ) -> Result<Vec<DayQuality>, HistoryError> {
        self.query(|view| quality::day_quality(view, &self.quality, point, (from, to), offset_ms))
    }

    fn first_reading_ms(&self, point: u32) -> Result<Option<i64>, HistoryError> {
        self.query(|view| quality::first_reading_ms(view, &self.quality, point))
    }
}

/// Takes a lock. What a panic left behind it is only hints, or nothing: it may be used.
pub(super) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn points_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("points-{number:010}.anp"))
}

const POINTS_MAGIC: &[u8; 4] = b"ANLP";
const POINTS_VERSION: u8 = 1;

fn encode_points(groups: &HashMap<u32, Vec<u32>>) -> Vec<u8> {
    let mut points: Vec<_> = groups.iter().collect();
    points.sort_unstable();
    let mut out = POINTS_MAGIC.to_vec();
    out.push(POINTS_VERSION);
    put_varint(&mut out, points.len() as u64);
    for (point, groups) in points {
        put_varint(&mut out, u64::from(*point));
        put_varint(&mut out, groups.len() as u64);
        groups.iter().for_each(|g| put_varint(&mut out, u64::from(*g)));
    }
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

fn decode_points(bytes: Vec<u8>) -> Read<HashMap<u32, Vec<u32>>> {
    let bytes = checked(bytes)?;
    let mut reader = Reader::new(&bytes);
    if reader.take(4)? != POINTS_MAGIC || reader.u8()? != POINTS_VERSION {
        return corrupt("not a list of points of this version");
    }
    let small = |v: u64| u32::try_from(v).unwrap_or(u32::MAX);
    let mut groups = HashMap::new();
    for _ in 0..reader.count(bytes.len())? {
        let point = small(reader.varint()?);
        let count = reader.count(bytes.len())?;
        let list: Read<Vec<u32>> = (0..count).map(|_| Ok(small(reader.varint()?))).collect();
        groups.insert(point, list?);
    }
    Ok(groups)
}

fn load_points(path: &Path) -> Result<HashMap<u32, Vec<u32>>, HistoryError> {
    let bytes = at("read", path, std::fs::read(path))?;
    decode_points(bytes).map_err(|e| HistoryError::Damaged {
        path: path.display().to_string(),
        offset: 0,
        what: e.0,
    })
}

/// Removes what the manifest does not list: files of an unfinished write or merge.
fn remove_strays(disk: &dyn Disk, folder: &Path, manifest: &Manifest) -> Result<(), HistoryError> {
    let listed: BTreeSet<String> = manifest.files.iter().map(FileMeta::name).collect();
    let points = points_path(folder, manifest.points_number);
    for entry in at("list", folder, std::fs::read_dir(folder))? {
        let path = at("list", folder, entry)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let ours = matches!(path.extension().and_then(|x| x.to_str()), Some("anh" | "anp" | "new"));
        if ours && path != points && !listed.contains(name) {
            at("remove", &path, disk.remove(&path))?;
        }
    }
    Ok(())
}
