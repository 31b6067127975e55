//! `anlan center`: engines, tree and web put together.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anlan_actors::center::RunningCenter;
use anlan_actors::options::{CenterOptions, TlsFiles};
use anlan_web::{Limits, Parts, ServeOptions, Server};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::center_config::{self, CenterConfig};
use crate::directory::RegistryDirectory;
use crate::engines::Engines;
use crate::process::{self, Failure};

/// A center that runs.
pub struct Started {
    center: Arc<RunningCenter>,
    web: Server,
    desk_tasks: TaskTracker,
    /// Web interface.
    pub http: SocketAddr,
    /// Gateways.
    pub uplink: SocketAddr,
}

impl Started {
    /// Opens the engines, recovers, and serves.
    pub async fn new(config: &CenterConfig, stop: &CancellationToken) -> Result<Self, Failure> {
        let engines =
            Engines::open(&config.data_dir, config.reserved_disk_bytes, config.retention_days)
                .await?;
        Self::on(engines, config, stop).await
    }

    /// As [`Self::new`], on engines that are open already.
    pub async fn on(
        engines: Engines,
        config: &CenterConfig,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let Engines { ports, registry, desk, alarms } = engines;
        let metrics = crate::metrics::install()?;
        let clock: Arc<dyn Fn() -> anlan_domain::time::UtcMillis + Send + Sync> =
            Arc::new(process::now);
        let log = ports.state.clone();
        let options = CenterOptions {
            uplink_listen: Some(config.uplink_listen),
            uplink_tls: config
                .tls
                .clone()
                .map(|(certificates, key)| TlsFiles { certificates, key }),
            connections_max: config.gateways,
            ..CenterOptions::default()
        };
        let directory = Arc::new(RegistryDirectory(registry.clone()));
        let center = RunningCenter::start(options, ports, directory, clock.clone(), stop.clone())
            .await
            .map_err(|e| Failure::of(&e))?;
        let uplink = center.uplink_address().expect("an uplink address was given");
        let (desk, desk_tasks) =
            crate::desk::start(config.desk.clone(), &center, &registry, desk, clock.clone(), stop)?;
        let parts = Parts { center: center.clone(), registry, alarms, desk, log, clock, metrics };
        let serve = ServeOptions {
            listen: config.listen,
            tls: config.tls.clone(),
            simulator: config.simulator.clone(),
            enterprise_code_length: config.enterprise_code_length,
            quiet_rights: config.quiet_rights,
            overdue_ms: config.overdue_minutes.map(|minutes| i64::from(minutes) * 60_000),
            limits: Limits {
                live_streams: config.live_streams.0,
                live_streams_per_user: config.live_streams.1,
                shelve_max_ms: i64::from(config.shelve_max_minutes) * 60_000,
                ..Limits::default()
            },
        };
        let web =
            anlan_web::serve(serve, parts, stop.clone()).await.map_err(|e| Failure::of(&e))?;
        Ok(Self { center, http: web.address, web, desk_tasks, uplink })
    }

    /// Waits until the center has begun to stop, by its token or by a fatal failure.
    pub async fn failing(&self) {
        self.center.shared().stop.cancelled().await;
    }

    /// Waits for the end; a fatal failure is one.
    pub async fn stopped(self) -> Result<(), Failure> {
        let ended = self.center.stopped().await.map_err(Failure::Failed);
        self.web.finished().await;
        self.desk_tasks.wait().await;
        ended
    }
}

/// `anlan center`
pub async fn run(file: &Path, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let config = center_config::load(file).map_err(Failure::Config)?;
    let scheme = if config.tls.is_some() { "s" } else { "" };
    let started = Started::new(&config, &stop).await?;
    println!("Anlan is ready: http{scheme}://{}", started.http);
    println!("gateways connect to: ws{scheme}://{}/uplink/v1", started.uplink);
    started.stopped().await?;
    Ok(ExitCode::SUCCESS)
}
