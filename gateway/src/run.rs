//! `anlan gateway`: drivers → outbox (sealed, on disk) → uplink, until told to stop.
//!
//! Stopping goes with the stream: first the drivers end, then what they had reported is sealed, then the uplink has a few
//! seconds to have the last live frames acknowledged, then the disk is synced. Whatever is not acknowledged by then waits
//! in the spool for the next start.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anlan_domain::uplink::Lane;
use anlan_drivers::driver::Report;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::admin::GatewaySnapshot;
use crate::clock::Clock;
use crate::config::{ConfigError, GatewayConfig};
use crate::field::Field;
use crate::outbox::Outbox;
use crate::spool::Spool;
use crate::tls;
use crate::uplink::{LinkState, Uplink};

/// A status frame at least this often.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// Written frames reach the disk itself at least this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What an embedding program holds of a gateway.
#[derive(Debug)]
pub struct Hooks {
    /// Added to the gateway's wall clock, in milliseconds; may be changed while it runs.
    pub clock_offset_ms: Arc<AtomicI64>,
    /// Where the gateway shows itself.
    pub snapshot: watch::Sender<GatewaySnapshot>,
    /// While true, the link to the center is kept cut.
    pub link_cut: watch::Receiver<bool>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            clock_offset_ms: Arc::new(AtomicI64::new(0)),
            snapshot: watch::Sender::default(),
            link_cut: watch::channel(false).1,
        }
    }
}

/// Why a gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration lacks something that running needs.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// Something that the configuration names is not there.
    #[error("{0}")]
    Setup(String),
    /// Another process uses the data folder.
    #[error(
        "another gateway runs in the data folder {0}; stop it, or give this one a folder of its own"
    )]
    InUse(String),
    /// The data folder cannot be used.
    #[error(
        "cannot use the data folder {folder}; give gateway.data_dir a folder that this user may write"
    )]
    DataFolder {
        /// The folder.
        folder: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Runs a gateway until `stop`. Both `config.clock_offset_ms` and the hook's offset apply.
///
/// # Errors
/// When it cannot start. Once it runs, what goes wrong is coped with and shown.
pub async fn run(
    config: GatewayConfig,
    hooks: Hooks,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let settings = config.for_running()?;
    let tls = if settings.uplink.url.starts_with("wss://") {
        Some(tls::client_config(&settings.uplink).map_err(RunError::Setup)?)
    } else {
        None
    };
    let folder_error =
        |source| RunError::DataFolder { folder: config.data_dir.display().to_string(), source };
    let _lock = lock(&config)?;
    hooks.clock_offset_ms.fetch_add(config.clock_offset_ms, Ordering::Relaxed);
    let clock = Clock::new(Arc::clone(&hooks.clock_offset_ms));
    let (outbox, recovery) = Outbox::open(&config, clock).map_err(folder_error)?;
    let outbox = Arc::new(outbox);
    tracing::info!(
        gateway.id = %settings.id, frames = recovery.frames, damaged_bytes = recovery.damaged_bytes,
        devices = config.devices.len(), points = config.points.len(), "gateway starts"
    );

    let Field { mut reports, drivers } = Field::start(&config, &stop).map_err(RunError::Setup)?;
    let closing = CancellationToken::new();
    let state = watch::Sender::new(LinkState {
        trouble: "not connected yet".into(),
        ..LinkState::default()
    });
    let link = state.subscribe();
    let uplink = Uplink {
        settings,
        tls,
        outbox: Arc::clone(&outbox),
        state,
        cut: hooks.link_cut,
        closing: closing.clone(),
    };
    let uplink = tokio::spawn(Box::pin(uplink.run()));
    let upkeep = tokio::spawn(upkeep(
        Arc::clone(&outbox),
        link.clone(),
        hooks.snapshot.clone(),
        closing.clone(),
    ));

    collect(&outbox, &mut reports).await;
    drivers.closed().await;
    // The stream of reports has ended, so everything is sealed.
    closing.cancel();
    for (task, name) in [(uplink, "uplink"), (upkeep, "upkeep")] {
        if let Err(error) = task.await {
            tracing::error!("the {name} task failed: {error}");
        }
    }
    outbox.tidy();
    let lost = outbox.with_spool(Spool::leave);
    if lost > 0 {
        tracing::error!(
            frames = lost,
            "these frames were in memory, because the disk refused them, and are lost; free space on it or check it"
        );
    }
    sync(&outbox).await;
    show(&outbox, &link.borrow(), &hooks.snapshot);
    let waiting =
        outbox.with_spool(|spool| spool.waiting(Lane::Live).0 + spool.waiting(Lane::Backfill).0);
    tracing::info!(frames = waiting, "gateway has stopped; these frames wait for the next start");
    Ok(())
}

/// Two processes in one spool would send each other's frames.
fn lock(config: &GatewayConfig) -> Result<File, RunError> {
    let folder = || config.data_dir.display().to_string();
    let open = || {
        std::fs::create_dir_all(&config.data_dir)?;
        File::create(config.data_dir.join("lock"))
    };
    let file = open().map_err(|source| RunError::DataFolder { folder: folder(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(RunError::InUse(folder())),
        Err(std::fs::TryLockError::Error(source)) => {
            Err(RunError::DataFolder { folder: folder(), source })
        }
    }
}

/// Seals what the drivers report, until they have all ended.
async fn collect(outbox: &Outbox, reports: &mut mpsc::Receiver<Report>) {
    while let Some(report) = reports.recv().await {
        let sealed = match &report {
            Report::Device { device, state } => outbox.set_device(*device, state),
            Report::Scan { samples, .. } => outbox.seal_scan(samples),
        };
        if let Err(error) = sealed {
            metrics::counter!("anlan_gateway_frames_unwritten_total").increment(1);
            tracing::error!("a frame could not be kept and is lost: {error}");
        }
    }
}

/// Status frames, syncing and the snapshot, each at its pace.
async fn upkeep(
    outbox: Arc<Outbox>,
    mut link: watch::Receiver<LinkState>,
    snapshot: watch::Sender<GatewaySnapshot>,
    closing: CancellationToken,
) {
    let mut status = interval(STATUS_EVERY);
    let mut second = interval(SYNC_EVERY);
    status.set_missed_tick_behavior(MissedTickBehavior::Delay);
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = status.tick() => {
                if let Err(error) = outbox.seal_status() {
                    tracing::error!("a status frame could not be kept: {error}");
                }
            }
            _ = second.tick() => {
                outbox.settle();
                sync(&outbox).await;
            }
            changed = link.changed() => if changed.is_err() { return },
        }
        let state = link.borrow().clone();
        show(&outbox, &state, &snapshot);
    }
}

fn show(outbox: &Outbox, link: &LinkState, snapshot: &watch::Sender<GatewaySnapshot>) {
    let (backlog, live, dropped, refused) = outbox.with_spool(|s| {
        (s.waiting(Lane::Backfill), s.waiting(Lane::Live).0, s.dropped(), s.refused())
    });
    snapshot.send_replace(GatewaySnapshot {
        connected: link.up,
        trouble: link.trouble.clone(),
        backlog_frames: backlog.0,
        backlog_bytes: backlog.1,
        unacknowledged_frames: live,
        dropped_frames: dropped,
        refused,
        devices: outbox.devices(),
        skew_ms: link.skew_ms,
    });
}

async fn sync(outbox: &Arc<Outbox>) {
    let written = outbox.with_spool(|spool| spool.unsynced());
    let syncing = written.clone();
    let sync_all = move || {
        let synced = syncing.into_iter().map(|segment| (segment.sync(), segment));
        synced.filter_map(|(result, segment)| Some((result.err()?, segment))).collect::<Vec<_>>()
    };
    match tokio::task::spawn_blocking(sync_all).await {
        Ok(failed) => {
            if let Some((error, _)) = failed.first() {
                tracing::error!(
                    segments = failed.len(),
                    "the disk failed to sync the spool, which is tried again: {error}; check the disk"
                );
            }
            let again = failed.into_iter().map(|(_, segment)| segment);
            outbox.with_spool(|spool| again.for_each(|segment| spool.sync_failed(&segment)));
        }
        Err(error) => {
            tracing::error!("syncing the spool failed and is tried again: {error}");
            outbox
                .with_spool(|spool| written.iter().for_each(|segment| spool.sync_failed(segment)));
        }
    }
}
