//! Maintenance: blocks become hours, hours get roll-ups, roll-ups become days, and what is past its time goes.
//!
//! An hour is merged group by group and some points at a time, so memory stays bounded however many points there are. A
//! chunk written for a group's hour replaces the older ones of that group and hour; backfilled readings therefore join by
//! merging the hour again. Nothing is changed in place: new files, then one new manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::block::sort_and_unite;
use super::chunk::{Chunk, ChunkKey, GridHints, encode_readings, encode_rollups};
use super::embedded::{EmbeddedHistory, View, hold};
use super::file::{FileKind, FileMeta, FileWriter, IndexEntry, StoredFile};
use super::manifest::Manifest;
use super::port::{HistoryError, Maintained, RawReading, Shed, TrendSource};
use super::rollup::{DAY_MS, HOUR_MS, MINUTE_MS, Rollup, roll_up};
use super::values::Effort;

/// Where a chunk lies.
type Place = (Arc<StoredFile>, IndexEntry);

/// Roll-ups of a day are gathered into one file this long after its end.
const DAY_GRACE_MS: i64 = 2 * HOUR_MS;

impl EmbeddedHistory {
    /// See [`super::port::History::maintain`].
    pub(super) fn maintain_at(&self, now_ms: i64) -> Result<Maintained, HistoryError> {
        let mut hints = hold(&self.maintaining);
        let mut done = Maintained::default();
        let merged = self
            .merge_blocks(now_ms, &mut hints, &mut done)
            .and_then(|()| self.gather_days(FileKind::Minutes, Effort::Thorough, now_ms, &mut done))
            .and_then(|()| self.gather_days(FileKind::Hours, Effort::Fast, now_ms, &mut done));
        // Also where there was no room to merge: it makes room.
        self.give_up(now_ms, &mut done)?;
        merged?;
        Ok(done)
    }

    /// See [`super::port::History::shed`].
    pub(super) fn shed_oldest_day(&self) -> Result<Option<Shed>, HistoryError> {
        let _no_merge_meanwhile = hold(&self.maintaining);
        let view = self.view();
        for (kind, source) in
            [(FileKind::Raw, TrendSource::Raw), (FileKind::Minutes, TrendSource::Minutes)]
        {
            let of_kind = || view.manifest.files.iter().filter(|f| f.kind == kind);
            let oldest = of_kind().map(|f| day_of(f.from_ms)).min();
            // Blocks count too: were the day of readings not yet merged given up, they would be too late.
            let newest = of_kind()
                .chain(view.manifest.files.iter().filter(|f| f.kind == FileKind::Block))
                .map(|f| day_of(f.to_ms.saturating_sub(1)))
                .max();
            let Some(day_ms) = oldest.filter(|oldest| Some(*oldest) < newest) else { continue };
            let gone = |f: &FileMeta| f.kind == kind && day_of(f.from_ms) == day_ms;
            let bytes = view.manifest.files.iter().filter(|f| gone(f)).map(|f| f.size).sum();
            let edit = |manifest: &mut Manifest| {
                manifest.files.retain(|f| !gone(f));
                if kind == FileKind::Raw {
                    let floor = day_ms.saturating_add(DAY_MS);
                    manifest.raw_floor_ms = manifest.raw_floor_ms.max(floor);
                }
            };
            self.commit(edit, None)?;
            return Ok(Some(Shed { source, day_ms, bytes }));
        }
        Ok(None)
    }

    /// Makes new files the history in place of others, or removes them where there was no room for all of it.
    fn replace_files(
        &self,
        removed: &BTreeSet<u64>,
        added: &[FileMeta],
        written: Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let edit = |manifest: &mut Manifest| {
            manifest.files.retain(|f| !removed.contains(&f.number));
            manifest.files.extend_from_slice(added);
        };
        let done = written.and_then(|()| self.commit(edit, None));
        if matches!(done, Err(HistoryError::NoRoom { .. })) {
            self.discard(added);
        }
        done
    }

    /// Merges every block that holds a finished hour; what belongs to unfinished hours is copied to a new block.
    fn merge_blocks(
        &self,
        now_ms: i64,
        hints: &mut GridHints,
        done: &mut Maintained,
    ) -> Result<(), HistoryError> {
        let view = self.view();
        let finished =
            |hour: i64| hour.saturating_add(HOUR_MS + self.options.merge_grace_ms) <= now_ms;
        let mut inputs = Vec::new();
        for file in view.files.iter().filter(|f| f.meta.kind == FileKind::Block) {
            if file.index()?.iter().any(|e| finished(e.key.start_ms)) {
                inputs.push(file.clone());
            }
        }
        if inputs.is_empty() {
            return Ok(());
        }
        let mut added = Vec::new();
        // By day: what one round merges of a day goes into one file. No file straddles two days.
        let mut days: BTreeMap<i64, BTreeMap<ChunkKey, Vec<Place>>> = BTreeMap::new();
        let mut rest: Vec<Place> = Vec::new();
        for file in &inputs {
            for entry in file.index()? {
                if finished(entry.key.start_ms) {
                    let day = days.entry(day_of(entry.key.start_ms)).or_default();
                    day.entry(entry.key).or_default().push((file.clone(), *entry));
                } else {
                    rest.push((file.clone(), *entry));
                }
            }
        }
        let mut removed: BTreeSet<u64> = inputs.iter().map(|f| f.meta.number).collect();
        let written = self.write_merged(&view, rest, days, &mut added, hints, done);
        if written.is_ok() {
            removed.extend(replaced_by(&view, &added)?);
        }
        self.replace_files(&removed, &added, written)?;
        done.files_removed += removed.len() as u64;
        Ok(())
    }

    /// Writes what a round of merging comes to: `rest` as a block, `days` as hours with their roll-ups.
    fn write_merged(
        &self,
        view: &View,
        rest: Vec<Place>,
        days: BTreeMap<i64, BTreeMap<ChunkKey, Vec<Place>>>,
        added: &mut Vec<FileMeta>,
        hints: &mut GridHints,
        done: &mut Maintained,
    ) -> Result<(), HistoryError> {
        if !rest.is_empty() {
            let mut block = self.create(FileKind::Block, HOUR_MS)?;
            for (file, entry) in rest {
                block.put(entry.key, entry.points, &file.open()?.bytes(&entry)?)?;
            }
            added.push(block.finish()?);
            done.files_written += 1;
        }
        for (day, keys) in days {
            if day < view.manifest.raw_floor_ms {
                done.too_late += count_readings(&keys)?;
                continue;
            }
            let mut outputs = [
                self.create(FileKind::Raw, HOUR_MS)?,
                self.create(FileKind::Minutes, HOUR_MS)?,
                self.create(FileKind::Hours, HOUR_MS)?,
            ];
            for (key, places) in keys {
                let old = newest_raw(view, key)?;
                self.merge_group(key, &places, &old, &mut outputs, hints, done)?;
            }
            for output in outputs {
                added.push(output.finish()?);
                done.files_written += 1;
            }
        }
        Ok(())
    }

    /// Merges one group's hour, some points at a time.
    fn merge_group(
        &self,
        key: ChunkKey,
        new: &[Place],
        old: &[Place],
        outputs: &mut [FileWriter; 3],
        hints: &mut GridHints,
        done: &mut Maintained,
    ) -> Result<(), HistoryError> {
        let mut sources = Vec::new();
        for (i, (file, entry)) in old.iter().chain(new).enumerate() {
            sources.push((LoadedChunk::load(file, entry)?, i >= old.len()));
        }
        let points: BTreeSet<u32> =
            sources.iter().flat_map(|(s, _)| s.chunk.head.points()).collect();
        let points: Vec<u32> = points.into_iter().collect();
        for slice in points.chunks(self.options.merge_points_max.max(1)) {
            let mut columns = Vec::with_capacity(slice.len());
            for point in slice {
                let mut rows: Vec<RawReading> = Vec::new();
                for (source, is_new) in &mut sources {
                    let part = source.readings(*point)?;
                    done.readings_merged += if *is_new { part.len() as u64 } else { 0 };
                    rows.extend(part);
                }
                done.duplicates += sort_and_unite(&mut rows);
                columns.push((*point, rows));
            }
            let range = (slice[0], slice[slice.len() - 1]);
            let [raw, minutes, hours] = outputs;
            raw.put(key, range, &encode_readings(key, &columns, Effort::Thorough, hints))?;
            let rolled = |width| -> Vec<(u32, Vec<Rollup>)> {
                columns.iter().map(|(p, rows)| (*p, roll_up(rows, width))).collect()
            };
            // Roll-ups are packed well when their day is gathered.
            minutes.put(key, range, &encode_rollups(key, &rolled(MINUTE_MS), Effort::Fast))?;
            hours.put(key, range, &encode_rollups(key, &rolled(HOUR_MS), Effort::Fast))?;
        }
        Ok(())
    }

    /// Gathers the roll-ups of each finished day into one file: they pack better and a long trend opens fewer files.
    fn gather_days(
        &self,
        kind: FileKind,
        effort: Effort,
        now_ms: i64,
        done: &mut Maintained,
    ) -> Result<(), HistoryError> {
        let view = self.view();
        let mut days: BTreeMap<i64, Vec<Arc<StoredFile>>> = BTreeMap::new();
        for file in view.files.iter().filter(|f| f.meta.kind == kind) {
            let day = day_of(file.meta.from_ms);
            if day.saturating_add(DAY_MS + DAY_GRACE_MS) <= now_ms {
                days.entry(day).or_default().push(file.clone());
            }
        }
        days.retain(|_, files| files.len() > 1);
        if days.is_empty() {
            return Ok(());
        }
        let mut removed: BTreeSet<u64> = BTreeSet::new();
        let mut added = Vec::new();
        let mut gather = |day: i64, files: &[Arc<StoredFile>]| {
            let mut output = self.create(kind, DAY_MS)?;
            let mut groups: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
            for file in files {
                for entry in file.index()? {
                    groups.entry(entry.key.group).or_default().push((file.clone(), *entry));
                }
            }
            for (group, places) in groups {
                let key = ChunkKey { group, start_ms: day };
                self.gather_group(key, &places, effort, &mut output)?;
            }
            removed.extend(files.iter().map(|f| f.meta.number));
            added.push(output.finish()?);
            done.files_written += 1;
            done.files_removed += files.len() as u64;
            Ok(())
        };
        let written = days.iter().try_for_each(|(day, files)| gather(*day, files));
        self.replace_files(&removed, &added, written)
    }

    fn gather_group(
        &self,
        key: ChunkKey,
        places: &[Place],
        effort: Effort,
        output: &mut FileWriter,
    ) -> Result<(), HistoryError> {
        let mut sources = Vec::new();
        for (file, entry) in places {
            sources.push(LoadedChunk::load(file, entry)?);
        }
        let points: BTreeSet<u32> = sources.iter().flat_map(|s| s.chunk.head.points()).collect();
        let points: Vec<u32> = points.into_iter().collect();
        for slice in points.chunks(self.options.merge_points_max.max(1)) {
            let mut columns = Vec::with_capacity(slice.len());
            for point in slice {
                // Files come older first: the newest roll-up of a moment wins.
                let mut by_time = BTreeMap::new();
                for source in &mut sources {
                    by_time.extend(source.rollups(*point)?.into_iter().map(|r| (r.t, r)));
                }
                columns.push((*point, by_time.into_values().collect::<Vec<_>>()));
            }
            let range = (slice[0], slice[slice.len() - 1]);
            output.put(key, range, &encode_rollups(key, &columns, effort))?;
        }
        Ok(())
    }

    /// Gives up raw readings and one-minute roll-ups that are past their time.
    fn give_up(&self, now_ms: i64, done: &mut Maintained) -> Result<(), HistoryError> {
        let view = self.view();
        // By whole days, as no file straddles two: below the floor there is no raw reading at all.
        let raw_floor = day_of(now_ms.saturating_sub(self.options.raw_keep_ms));
        let minutes_floor = now_ms.saturating_sub(self.options.minutes_keep_ms);
        let gone = |f: &FileMeta| match f.kind {
            FileKind::Raw => f.to_ms <= raw_floor,
            FileKind::Minutes => f.to_ms <= minutes_floor,
            FileKind::Block | FileKind::Hours => false,
        };
        let count = view.manifest.files.iter().filter(|f| gone(f)).count();
        if count == 0 {
            return Ok(());
        }
        done.files_removed += count as u64;
        let edit = |manifest: &mut Manifest| {
            manifest.files.retain(|f| !gone(f));
            manifest.raw_floor_ms = manifest.raw_floor_ms.max(raw_floor);
        };
        self.commit(edit, None)
    }
}

fn day_of(t: i64) -> i64 {
    t.div_euclid(DAY_MS).saturating_mul(DAY_MS)
}

/// A chunk read into memory whole, that knows where it came from.
struct LoadedChunk {
    file: Arc<StoredFile>,
    at: u64,
    chunk: Chunk<Vec<u8>>,
}

impl LoadedChunk {
    fn load(file: &Arc<StoredFile>, entry: &IndexEntry) -> Result<Self, HistoryError> {
        let bytes = file.open()?.bytes(entry)?;
        let chunk = Chunk::open(bytes, entry.size).map_err(|e| file.damaged(entry.at, &e))?;
        Ok(Self { file: file.clone(), at: entry.at, chunk })
    }

    fn readings(&mut self, point: u32) -> Result<Vec<RawReading>, HistoryError> {
        self.chunk.readings(point).map_err(|e| self.file.damaged(self.at, &e))
    }

    fn rollups(&mut self, point: u32) -> Result<Vec<Rollup>, HistoryError> {
        self.chunk.rollups(point).map_err(|e| self.file.damaged(self.at, &e))
    }
}

/// The chunks of the newest raw file that holds a group's hour.
pub fn newest_raw(view: &View, key: ChunkKey) -> Result<Vec<Place>, HistoryError> {
    let mut newest = Vec::new();
    for file in view.files_of(FileKind::Raw, key.start_ms, key.start_ms.saturating_add(HOUR_MS)) {
        let entries = file.entries(key.group, key.start_ms, key.start_ms.saturating_add(1))?;
        if !entries.is_empty() {
            newest = entries.iter().map(|e| (file.clone(), *e)).collect();
        }
    }
    Ok(newest)
}

fn count_readings(keys: &BTreeMap<ChunkKey, Vec<Place>>) -> Result<u64, HistoryError> {
    let mut count = 0;
    for (file, entry) in keys.values().flatten() {
        let mut chunk = LoadedChunk::load(file, entry)?;
        let points: Vec<u32> = chunk.chunk.head.points().collect();
        for point in points {
            count += chunk.readings(point)?.len() as u64;
        }
    }
    Ok(count)
}

/// Raw files of the view all of whose chunks newer files replace, those of `added` among them.
fn replaced_by(view: &View, added: &[FileMeta]) -> Result<BTreeSet<u64>, HistoryError> {
    let mut gone = BTreeSet::new();
    let raw: Vec<&Arc<StoredFile>> =
        view.files.iter().filter(|f| f.meta.kind == FileKind::Raw).collect();
    for new in added.iter().filter(|f| f.kind == FileKind::Raw) {
        let same_day = |f: &&&Arc<StoredFile>| day_of(f.meta.from_ms) == day_of(new.from_ms);
        let old: Vec<_> = raw.iter().filter(same_day).collect();
        let Some(folder) = old.first().and_then(|f| f.path().parent()) else { continue };
        let mut newer: BTreeSet<ChunkKey> =
            StoredFile::new(folder, *new).index()?.iter().map(|e| e.key).collect();
        for file in old.into_iter().rev() {
            let keys: BTreeSet<ChunkKey> = file.index()?.iter().map(|e| e.key).collect();
            if keys.is_subset(&newer) {
                gone.insert(file.meta.number);
            }
            newer.extend(keys);
        }
    }
    Ok(gone)
}
