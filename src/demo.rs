//! `anlan demo`: the simulated park behind real protocol servers, a gateway for each enterprise, and the center, in one
//! process. Each of them is what it is in an installation: the plant comes in through the import, the gateways read over
//! Modbus and OPC UA and report over the uplink, and the tester's page drives the simulator through its HTTP control.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anlan_domain::ids::GatewayId;
use anlan_gateway::admin::GatewaySnapshot;
use anlan_gateway::config::GatewayConfig;
use anlan_gateway::run::Hooks;
use anlan_sim::plant::{Addresses, Plant};
use anlan_sim::{Options as SimOptions, SimHooks};
use anlan_store::registry::transfer::{ImportError, ImportOptions};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::accounts;
use crate::center::Started;
use crate::center_config::CenterConfig;
use crate::cli::DemoArgs;
use crate::engines::Engines;
use crate::process::{self, Failure};
use crate::sim;

/// What the simulator may do to a gateway of this process.
struct Levers {
    link_cut: watch::Sender<bool>,
    clock_offset_ms: Arc<AtomicI64>,
}

struct Gateways(HashMap<GatewayId, Levers>);

impl SimHooks for Gateways {
    fn gateway_link(&self, gateway: &GatewayId, up: bool) {
        if let Some(levers) = self.0.get(gateway) {
            levers.link_cut.send_replace(!up);
        }
    }

    fn clock_offset(&self, gateway: &GatewayId, offset_ms: i64) {
        if let Some(levers) = self.0.get(gateway) {
            levers.clock_offset_ms.store(offset_ms, Ordering::Relaxed);
        }
    }
}

/// Runs the demo until `stop`.
pub async fn run(args: DemoArgs, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let enterprises = usize::from(args.enterprises);
    sim::can_start(&args.scenario, enterprises)?;
    let plant = Plant::kaifeng_first(enterprises);
    fs::create_dir_all(&args.data).map_err(|e| {
        Failure::Failed(format!("cannot make the data folder {}: {e}", args.data.display()))
    })?;
    let data = fs::canonicalize(&args.data).map_err(|e| {
        Failure::Failed(format!("cannot use the data folder {}: {e}", args.data.display()))
    })?;

    let mut levers = HashMap::new();
    let mut hooks = Vec::new();
    for enterprise in &plant.enterprises {
        let (link_cut, cut) = watch::channel(false);
        let clock_offset_ms = Arc::new(AtomicI64::new(0));
        let snapshot = watch::Sender::new(GatewaySnapshot::default());
        hooks.push((
            enterprise.gateway.clone(),
            Hooks { clock_offset_ms: clock_offset_ms.clone(), snapshot, link_cut: cut },
        ));
        levers.insert(enterprise.gateway.clone(), Levers { link_cut, clock_offset_ms });
    }
    // The parts end one after the other: gateways, then the center, then the field they read.
    let (gateways_stop, center_stop, sim_stop) =
        (stop.child_token(), CancellationToken::new(), CancellationToken::new());
    let sim = anlan_sim::serve(
        SimOptions {
            seed: args.seed,
            enterprises,
            replay: args.play.replay.map(|file| (file, args.play.replay_enterprise)),
            speed: args.play.speed,
            hooks: Arc::new(Gateways(levers)),
            ..SimOptions::new(data.join("sim"), || process::now().0)
        },
        sim_stop.clone(),
    )
    .await
    .map_err(sim::not_started)?;

    let engines = Engines::open(&data.join("center"), 64 << 20, [400, 1830]).await?;
    let accounts = import(&engines, plant, &data).await?;
    let config = CenterConfig {
        data_dir: data.join("center"),
        listen: args.listen,
        uplink_listen: SocketAddr::new(args.listen.ip(), 0),
        enterprise_code_length: 9,
        simulator: Some(format!("http://{}", sim.control)),
        tls: None,
        retention_days: [400, 1830],
        gateways: 100,
        live_streams: (500, 20),
        reserved_disk_bytes: 64 << 20,
    };
    let center = Started::on(engines, &config, &center_stop).await?;

    let plant_dir = data.join("plant");
    let addresses = Addresses {
        servers: &sim.servers,
        uplink_url: &format!("ws://{}/uplink/v1", center.uplink),
        gateway_data: &data.join("gateways"),
    };
    anlan_sim::plant::write(plant, &plant_dir, Some(&addresses)).map_err(|e| Failure::of(&e))?;
    let mut running = JoinSet::new();
    let mut watched = Vec::new();
    for (id, hooks) in hooks {
        let file = plant_dir.join("gateways").join(format!("{id}.toml"));
        let config = GatewayConfig::load(&file).map_err(|e| Failure::Config(e.to_string()))?;
        watched.push((id.clone(), hooks.snapshot.subscribe()));
        let stop = gateways_stop.clone();
        running.spawn(async move { (id, anlan_gateway::run::run(config, hooks, stop).await) });
    }
    all_connected(&mut watched, &stop).await;
    if !stop.is_cancelled() {
        println!("the simulated park's control: http://{}", sim.control);
        println!("Anlan is ready: http://{}", center.http);
        for account in &accounts {
            println!("account {} {} {}", account.role, account.username, account.password);
        }
        // Not before: what happens while gateways still connect would be seen late, and judged so.
        sim::begin(&sim.handle, &args.scenario)?;
    }

    // A gateway that ends by itself, or a fatal failure of the center, ends the demo.
    let failed = tokio::select! {
        () = stop.cancelled() => None,
        () = center.failing() => None,
        Some(ended) = running.join_next() => Some(gateway_failure(ended)),
    };
    gateways_stop.cancel();
    while let Some(ended) = running.join_next().await {
        if let Ok((id, Err(error))) = ended {
            tracing::warn!(gateway.id = %id, %error, "a gateway ended badly");
        }
    }
    center_stop.cancel();
    let ended = center.stopped().await;
    sim_stop.cancel();
    match failed {
        Some(failure) => Err(failure),
        None => ended.map(|()| ExitCode::SUCCESS),
    }
}

type Ended = Result<(GatewayId, Result<(), anlan_gateway::run::RunError>), tokio::task::JoinError>;

fn gateway_failure(ended: Ended) -> Failure {
    match ended {
        Ok((id, Ok(()))) => Failure::Failed(format!("gateway {id} ended by itself")),
        Ok((id, Err(error))) => Failure::Failed(format!("gateway {id}: {error}")),
        Err(error) => Failure::Failed(format!("a gateway crashed: {error}")),
    }
}

/// Brings the plant in through the same import as any installation.
async fn import(
    engines: &Engines,
    plant: &Plant,
    data: &Path,
) -> Result<Vec<accounts::Account>, Failure> {
    let dir = data.join("plant");
    anlan_sim::plant::write(plant, &dir, None).map_err(|e| Failure::of(&e))?;
    let (accounts, new) = accounts::of(data)?;
    let users = dir.join("users.csv");
    if new {
        fs::write(&users, accounts::csv(&accounts))
            .map_err(|e| Failure::Failed(format!("cannot write {}: {e}", users.display())))?;
    }
    let options = ImportOptions {
        enterprise_code_length: 9,
        users: Some(&anlan_web::password::hash),
        progress: None,
        at: process::now(),
    };
    let imported = engines.registry.import(&dir, options).await;
    // Passwords stand in clear there.
    if new {
        fs::remove_file(&users)
            .map_err(|e| Failure::Failed(format!("cannot remove {}: {e}", users.display())))?;
    }
    match imported {
        Ok(_) => Ok(accounts),
        Err(ImportError::Problems(problems)) => Err(Failure::Failed(format!(
            "the demo's own plant is refused:\n{}",
            problems.join("\n")
        ))),
        Err(error) => Err(Failure::of(&error)),
    }
}

/// Ready means that every gateway reports: what a person opens first should not be a map of broken links.
async fn all_connected(
    watched: &mut [(GatewayId, watch::Receiver<GatewaySnapshot>)],
    stop: &CancellationToken,
) {
    let late = tokio::time::Instant::now() + Duration::from_secs(60);
    for (id, snapshot) in watched {
        let connected = snapshot.wait_for(|s| s.connected && s.devices.iter().all(|d| d.connected));
        tokio::select! {
            () = stop.cancelled() => return,
            waited = tokio::time::timeout_at(late, connected) => {
                if !matches!(waited, Ok(Ok(_))) {
                    tracing::warn!(gateway.id = %id, "is not fully connected yet; the map shows it");
                }
            }
        }
    }
}
