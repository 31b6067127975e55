//! Where scans become frames: sealed at once, put into the spool, and only then offered to the uplink.
//!
//! The lane of a frame is decided here, at the instant of its sealing, by what is believed of the link at that instant:
//! up, then it is live; down (and at the start nothing is known to be up), then it is back-fill. A frame never changes its
//! lane; one that was sealed live and then not acknowledged is sent again as live.
//!
//! After a start or a reconnect the first live frame, and it alone, carries [`FLAG_GAP`]. It is a status, so that the center
//! learns the backlog together with the gap.
//!
//! How the devices stood while the link was down is told in the backlog itself: by a status before the first readings of each
//! stretch of it, and by one when a device is lost or answers again. No others: nobody watches, and they would take room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{
    self, Acks, Boot, DeviceStatus, FLAG_GAP, GroupBuilder, Header, Kind, Lane, Status, Table,
    TableRow, encode_readings, write_payload,
};
use anlan_drivers::driver::{DeviceNo, DeviceState, Sample};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::{Clock, Stamp};
use crate::config::{GatewayConfig, PointConfig};
use crate::spool::{Place, Recovery, Spool, Waiting};

/// Readings in one frame at most: bounds a frame to half a megabyte, far below what the wire allows.
const READINGS_PER_FRAME: usize = 20_000;

/// Sealed frames on their way to disk and from there to the uplink.
pub struct Outbox {
    inner: Mutex<Inner>,
    points: Vec<PointConfig>,
    /// Rings when there may be something new to send; one listener.
    pub news: Notify,
}

struct Inner {
    spool: Spool,
    clock: Clock,
    boot: Boot,
    last_seq: BTreeMap<Lane, u64>,
    link_up: bool,
    gap: bool,
    /// The backlog says how the devices stood when this stretch of it began.
    stretch_told: bool,
    out_of_turn: Option<Waiting>,
    table: Table,
    table_hash: u64,
    /// Lanes in which this boot has sealed its table.
    table_lanes: BTreeSet<Lane>,
    tables: TableFolder,
    /// Our table is on the disk, where the next boot needs it.
    table_kept: bool,
    devices: Vec<DeviceStatus>,
}

impl Outbox {
    /// Opens the spool and prepares a new boot.
    ///
    /// # Errors
    /// When the data folder cannot be used.
    pub fn open(config: &GatewayConfig, clock: Clock) -> io::Result<(Self, Recovery)> {
        let (spool, recovery) =
            Spool::open(&config.data_dir.join("spool"), config.spool_max_bytes)?;
        let mut boot = Boot::default();
        getrandom::fill(&mut boot.0)
            .map_err(|e| io::Error::other(format!("no random number for this boot: {e}")))?;
        let rows = config.points.iter().map(|point| TableRow {
            tag: point.id.clone(),
            device: config.devices[point.device].id.clone(),
        });
        let table = Table { rows: rows.collect() };
        let table_hash = table.hash();
        let tables = TableFolder { dir: config.data_dir.join("tables") };
        let table_kept = match tables.keep(table_hash, &table) {
            Ok(()) => true,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                tracing::error!(
                    "the point table cannot be written to {}, which is tried again: {error}; free space on the disk",
                    tables.dir.display()
                );
                false
            }
            Err(error) => return Err(error),
        };
        let since = clock.wall();
        let devices = config.devices.iter().map(|device| DeviceStatus {
            device: device.id.clone(),
            connected: false,
            since,
            last_error: String::new(),
        });
        let mut inner = Inner {
            devices: devices.collect(),
            spool,
            clock,
            boot,
            last_seq: BTreeMap::new(),
            link_up: false,
            gap: true,
            stretch_told: false,
            out_of_turn: None,
            table,
            table_hash,
            table_lanes: BTreeSet::new(),
            tables,
            table_kept,
        };
        // Before the hello says what waits.
        for hash in inner.spool.tables() {
            if hash != table_hash && inner.tables.payload(hash)?.is_none() {
                inner.give_up_table(hash);
            }
        }
        Ok((
            Self { inner: Mutex::new(inner), points: config.points.clone(), news: Notify::new() },
            recovery,
        ))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while holding the outbox")
    }

    /// Seals the readings of one scan.
    ///
    /// # Errors
    /// When the spool has no place for the frame.
    pub fn seal_scan(&self, samples: &[Sample]) -> io::Result<()> {
        let mut inner = self.inner();
        for chunk in samples.chunks(READINGS_PER_FRAME) {
            inner.seal_readings(&self.points, chunk)?;
        }
        drop(inner);
        self.news.notify_one();
        Ok(())
    }

    /// Takes note of a device's state and says so in a status frame; while the link is down, only where the device is lost or
    /// answers again.
    ///
    /// # Errors
    /// When the spool has no place for the frame.
    pub fn set_device(&self, device: DeviceNo, state: &DeviceState) -> io::Result<()> {
        let mut inner = self.inner();
        let wall = inner.clock.wall();
        let status = &mut inner.devices[usize::from(device.0)];
        let changed = status.connected != state.is_connected();
        if changed {
            status.connected = state.is_connected();
            status.since = wall;
        }
        status.last_error = match state {
            DeviceState::Lost { why } => why.clone(),
            DeviceState::Connecting | DeviceState::Connected => String::new(),
        };
        if inner.link_up || changed {
            inner.seal_status()?;
        }
        drop(inner);
        self.news.notify_one();
        Ok(())
    }

    /// Seals a status frame, while the link is up.
    ///
    /// # Errors
    /// When the spool has no place for the frame.
    pub fn seal_status(&self) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.link_up {
            inner.seal_status()?;
        }
        drop(inner);
        self.news.notify_one();
        Ok(())
    }

    /// The center has welcomed us: from here on frames are live. Seals a status, marked as after a gap, and the point tables
    /// that waiting frames refer to.
    ///
    /// # Errors
    /// When the spool has no place for a frame.
    pub fn link_is_up(&self, durable: &Acks) -> io::Result<()> {
        let mut inner = self.inner();
        inner.acknowledge(durable);
        inner.link_up = true;
        inner.gap = true;
        inner.stretch_told = false;
        inner.out_of_turn = None;
        inner.seal_status()?;
        let mut tables = inner.spool.tables();
        tables.insert(inner.table_hash);
        for hash in tables {
            inner.seal_table(hash)?;
        }
        drop(inner);
        self.news.notify_one();
        Ok(())
    }

    /// The link is believed down: from here on frames are back-fill.
    pub fn link_is_down(&self) {
        self.inner().link_up = false;
    }

    /// Takes note of what is durable. When that was the last of the backlog, a status says so.
    ///
    /// # Errors
    /// When the spool has no place for the status frame.
    pub fn acknowledge(&self, durable: &Acks) -> io::Result<()> {
        let mut inner = self.inner();
        let backlog = inner.spool.waiting(Lane::Backfill).0;
        inner.acknowledge(durable);
        if backlog > 0 && inner.spool.waiting(Lane::Backfill).0 == 0 && inner.link_up {
            inner.seal_status()?;
        }
        drop(inner);
        self.news.notify_one();
        Ok(())
    }

    /// Seals a point table that the center lacks. It is sent out of turn: live frames that the center holds back for want of
    /// it may fill the window. Says how many frames had to be dropped because the table is lost; the center may hold some of
    /// them back, and everything behind them, for as long as the session lasts.
    ///
    /// # Errors
    /// When the spool has no place for the frame.
    pub fn send_table(&self, hash: u64) -> io::Result<u64> {
        let mut inner = self.inner();
        let dropped = inner.seal_table(hash)?;
        inner.out_of_turn = inner.spool.newest(inner.boot, inner.lane());
        drop(inner);
        self.news.notify_one();
        Ok(dropped)
    }

    /// A frame to be sent before all others, once.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn out_of_turn(&self) -> io::Result<Option<(Waiting, Vec<u8>)>> {
        let mut inner = self.inner();
        match inner.out_of_turn.take() {
            None => Ok(None),
            Some(waiting) => Ok(inner.spool.read(waiting.place)?.map(|bytes| (waiting, bytes))),
        }
    }

    /// The next frame of a lane after `place`, with its bytes.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn next(&self, lane: Lane, after: Option<Place>) -> io::Result<Option<(Waiting, Vec<u8>)>> {
        let inner = self.inner();
        match inner.spool.next_waiting(lane, after) {
            None => Ok(None),
            Some(waiting) => Ok(inner.spool.read(waiting.place)?.map(|bytes| (waiting, bytes))),
        }
    }

    /// Runs `look` on the spool: counts for people, files to sync.
    pub fn with_spool<R>(&self, look: impl FnOnce(&mut Spool) -> R) -> R {
        look(&mut self.inner().spool)
    }

    /// Looks at both clocks.
    pub fn look_at_clocks(&self) -> Stamp {
        self.inner().clock.look()
    }

    /// The boot of this process.
    #[must_use]
    pub fn boot(&self) -> Boot {
        self.inner().boot
    }

    /// Device states as the status frames tell them.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.inner().devices.clone()
    }

    /// Looks whether the disk takes again what it refused: to be called every second.
    pub fn settle(&self) {
        let mut inner = self.inner();
        inner.spool.settle();
        if !inner.table_kept {
            // Why it failed has been said.
            inner.table_kept = inner.tables.keep(inner.table_hash, &inner.table).is_ok();
        }
    }

    /// Forgets point tables that no waiting frame refers to.
    pub fn tidy(&self) {
        let mut inner = self.inner();
        inner.spool.tidy();
        let mut needed = inner.spool.tables();
        needed.insert(inner.table_hash);
        inner.tables.forget_all_but(&needed);
    }
}

impl Inner {
    fn acknowledge(&mut self, durable: &Acks) {
        for (boot, lane, ranges) in &durable.ranges {
            for &(from, to) in ranges {
                self.spool.acknowledge(*boot, *lane, from, to);
            }
        }
    }

    fn lane(&self) -> Lane {
        if self.link_up { Lane::Live } else { Lane::Backfill }
    }

    fn seal_readings(&mut self, points: &[PointConfig], samples: &[Sample]) -> io::Result<()> {
        if !self.table_lanes.contains(&self.lane()) {
            // First readings of this boot and lane: whoever reads the lane in order meets the table before the readings.
            self.seal_table(self.table_hash)?;
        }
        if !self.link_up && !self.stretch_told {
            self.seal_status()?;
        }
        let stamp = self.clock.look();
        let groups = group(points, samples, Instant::now(), stamp.wall);
        let payload = encode_readings(self.table_hash, &groups);
        let lane = self.lane();
        self.seal(Kind::Readings, lane, Some(self.table_hash), &payload)?;
        metrics::counter!("anlan_gateway_readings_total").increment(samples.len() as u64);
        Ok(())
    }

    fn seal_status(&mut self) -> io::Result<()> {
        let lane = self.lane();
        let (backlog_frames, backlog_bytes) = self.spool.waiting(Lane::Backfill);
        let status = Status {
            devices: self.devices.clone(),
            // One that is part of the backlog never says that there is none.
            backlog_frames: backlog_frames + u64::from(lane == Lane::Backfill),
            backlog_bytes,
            spool_capacity_bytes: self.spool.capacity(),
            dropped_frames: self.spool.dropped(),
        };
        // Where the disk refuses it, the next readings try again.
        self.stretch_told = false;
        self.seal(Kind::Status, lane, None, &write_payload(&status))?;
        self.stretch_told = lane == Lane::Backfill;
        Ok(())
    }

    /// Says how many frames had to be dropped because the table is lost.
    fn seal_table(&mut self, hash: u64) -> io::Result<u64> {
        let payload = if hash == self.table_hash {
            write_payload(&self.table)
        } else if let Some(payload) = self.tables.payload(hash)? {
            payload
        } else {
            return Ok(self.give_up_table(hash));
        };
        let lane = self.lane();
        self.seal(Kind::Table, lane, None, &payload)?;
        if hash == self.table_hash {
            self.table_lanes.insert(lane);
        }
        Ok(0)
    }

    /// Readings mean nothing without their table, and the center would wait for it with the whole lane.
    fn give_up_table(&mut self, hash: u64) -> u64 {
        let dropped = self.spool.drop_table(hash);
        if dropped > 0 {
            tracing::error!(
                frames = dropped,
                "the point table {} is missing or damaged: the readings that waited and refer to it are lost; check the disk",
                self.tables.file(hash).display()
            );
        } else {
            tracing::warn!(
                "the center asks for the point table {hash:016x}, which this gateway does not have or need"
            );
        }
        dropped
    }

    fn seal(
        &mut self,
        kind: Kind,
        lane: Lane,
        table: Option<u64>,
        payload: &[u8],
    ) -> io::Result<()> {
        let stamp = self.clock.look();
        let seq = self.last_seq.entry(lane).or_insert(0);
        *seq += 1;
        let after_gap = lane == Lane::Live && std::mem::take(&mut self.gap);
        let header = Header {
            kind,
            lane,
            flags: if after_gap { FLAG_GAP } else { 0 },
            boot: self.boot,
            seq: *seq,
            wall: stamp.wall,
            mono: stamp.mono,
            epoch: stamp.epoch,
        };
        metrics::counter!("anlan_gateway_frames_sealed_total").increment(1);
        self.spool.append(self.boot, lane, header.seq, table, &uplink::seal(&header, payload))
    }
}

/// Readings of one moment and one kind (with the device's own time or without) make a group.
fn group(
    points: &[PointConfig],
    samples: &[Sample],
    now: Instant,
    wall: UtcMillis,
) -> Vec<GroupBuilder> {
    let mut groups: BTreeMap<(u32, bool), Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        let age = now.saturating_duration_since(sample.taken).as_millis();
        let key = (u32::try_from(age).unwrap_or(u32::MAX), sample.source_time.is_some());
        groups.entry(key).or_default().push(sample);
    }
    // The oldest first: the center takes groups in the order of their moments.
    let oldest_first = groups.into_iter().rev();
    oldest_first
        .map(|((age_ms, has_source_time), mut samples)| {
            samples.sort_by_key(|sample| sample.point);
            let mut group = GroupBuilder { age_ms, ..GroupBuilder::default() };
            for sample in samples {
                let point = &points[sample.point.0 as usize];
                let (value, quality) =
                    point.scaling.apply(sample.value, sample.quality, point.range);
                group.handles.push(sample.point.0);
                group.qualities.push(quality);
                group.values.push(value);
                if has_source_time {
                    group.source_walls.push(sample.source_time.unwrap_or(wall).0);
                }
            }
            group
        })
        .collect()
}

/// Numbers of errors that say nothing about the file: out of memory, out of descriptors (Linux).
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Point tables on disk, because frames of an older configuration may outlive it in the spool.
struct TableFolder {
    dir: PathBuf,
}

impl TableFolder {
    fn file(&self, hash: u64) -> PathBuf {
        self.dir.join(format!("{hash:016x}.table"))
    }

    fn keep(&self, hash: u64, table: &Table) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let file = self.file(hash);
        if self.payload(hash)?.is_some() {
            return Ok(());
        }
        // Never half a table under its final name.
        let draft = file.with_extension("draft");
        fs::write(&draft, write_payload(table))?;
        fs::File::open(&draft)?.sync_all()?;
        fs::rename(draft, file)
    }

    /// The postcard form, where it is here and is what its name says.
    fn payload(&self, hash: u64) -> io::Result<Option<Vec<u8>>> {
        let payload = match fs::read(self.file(hash)) {
            Ok(payload) => payload,
            // The process is short of something just now; the file is well, and may be read the next time.
            Err(error) if matches!(error.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE)) => {
                return Err(error);
            }
            // Gone, or on a bad spot of the disk.
            Err(_) => return Ok(None),
        };
        let whole = uplink::read_payload::<Table>(&payload).is_ok_and(|table| table.hash() == hash);
        Ok(whole.then_some(payload))
    }

    fn forget_all_but(&self, needed: &BTreeSet<u64>) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let hash =
                path.file_stem().and_then(|stem| u64::from_str_radix(stem.to_str()?, 16).ok());
            if is_table(&path)
                && hash.is_some_and(|hash| !needed.contains(&hash))
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::debug!("cannot delete the point table {}: {error}", path.display());
            }
        }
    }
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "table")
}
