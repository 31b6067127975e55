//! `anlan demo`: the simulated park behind real protocol servers, a gateway for each enterprise, and the center, in one
//! process. Each of them is what it is in an installation: the plant comes in through the import, the gateways read over
//! Modbus and OPC UA and report over the uplink, and the tester's page drives the simulator through its HTTP control.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anlan_domain::ids::{GatewayId, UserName};
use anlan_gateway::admin::GatewaySnapshot;
use anlan_gateway::config::GatewayConfig;
use anlan_gateway::run::Hooks;
use anlan_sim::plant::{Addresses, Plant};
use anlan_sim::{Options as SimOptions, SimHooks};
use anlan_store::registry::people::User;
use anlan_store::registry::transfer::{ImportError, ImportOptions};
use anlan_store::registry::{Doer, Expected};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::accounts;
use crate::center::Started;
use crate::center_config::CenterConfig;
use crate::cli::DemoArgs;
use crate::demo_roster;
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
        desk: crate::desk::DeskConfig {
            page_url: Some(format!("http://{}", args.listen)),
            ..Default::default()
        },
        gateways: 100,
        live_streams: (500, 20),
        reserved_disk_bytes: 64 << 20,
        shelve_max_minutes: 720,
        overdue_minutes: anlan_web::OVERDUE_MINUTES.map(|m| u32::try_from(m).expect("small")),
        quiet_rights: anlan_domain::quiet_rights::QuietRights::default(),
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
    // Not whether the file of accounts is new decides, but whether the registry has them: a first start may have been
    // killed between the two, or `center/` deleted. Printed accounts that cannot sign in help nobody.
    let known = known(engines, &accounts).await?;
    let staff = demo_roster::staff(plant);
    // Rosters come in once: whoever changes or deletes one on its page does not meet it again.
    let book = engines.registry.duty_book().await.map_err(|e| Failure::of(&e))?;
    let rosters = book.units.is_empty();
    if rosters {
        demo_roster::write(plant, &dir, process::now())?;
    }
    if known.len() < accounts.len() || rosters {
        let shared = accounts::random_password()?;
        let text = accounts::csv(&accounts) + &demo_roster::users(&staff, &shared);
        accounts::write_private(&users, &text)?;
    }
    // Half of a hundred people share one password that nobody is told: hashed once each, they would take seconds of every first start.
    let hashed: Mutex<HashMap<String, String>> = Mutex::default();
    let hasher = move |password: &str| {
        let mut hashed = hashed.lock().expect("no panic while held");
        if let Some(hash) = hashed.get(password) {
            return Ok(hash.clone());
        }
        let hash = anlan_web::password::hash(password)?;
        hashed.insert(password.to_owned(), hash.clone());
        Ok(hash)
    };
    let options = ImportOptions {
        enterprise_code_length: 9,
        users: Some(&hasher),
        progress: None,
        at: process::now(),
    };
    let imported = engines.registry.import(&dir, options).await;
    demo_roster::remove(&dir)?;
    // Passwords stand in clear there. One may also be left by a start that was killed.
    match fs::remove_file(&users) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::Failed(format!("cannot remove {}: {e}", users.display())));
        }
        _ => {}
    }
    if new && imported.is_ok() {
        give_new_passwords(engines, &known, &accounts).await?;
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

/// Those accounts that the registry has already.
async fn known(engines: &Engines, accounts: &[accounts::Account]) -> Result<Vec<User>, Failure> {
    let mut known = Vec::new();
    for account in accounts {
        let name = UserName::new(account.username).map_err(|e| Failure::of(&e))?;
        known.extend(engines.registry.user(&name).await.map_err(|e| Failure::of(&e))?);
    }
    Ok(known)
}

/// The file of accounts was lost and made anew: those whom the registry has keep no password that nobody knows.
async fn give_new_passwords(
    engines: &Engines,
    known: &[User],
    accounts: &[accounts::Account],
) -> Result<(), Failure> {
    let change = engines.registry.change(Doer::command("demo"), process::now()).await;
    let mut change = change.map_err(|e| Failure::of(&e))?;
    for user in known {
        let of = |account: &&accounts::Account| account.username == user.username.as_str();
        let Some(account) = accounts.iter().find(of) else { continue };
        let password_hash =
            anlan_web::password::hash(&account.password).map_err(Failure::Failed)?;
        let user = User { password_hash, ..user.clone() };
        change.put_user(&user, Expected::Any).await.map_err(|e| Failure::of(&e))?;
    }
    change.commit().await.map_err(|e| Failure::of(&e)).map(drop)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use anlan_domain::roster::DutyRole;

    use super::*;

    /// Whether every account that would be printed is in the registry with its password.
    async fn all_can_sign_in(engines: &Engines, accounts: &[accounts::Account]) {
        let checker = anlan_web::password::Checker::default();
        for account in accounts {
            let name = UserName::new(account.username).unwrap();
            let user = engines.registry.user(&name).await.unwrap().expect("there is none");
            let turn = checker.turn().expect("nobody else waits");
            let fits = turn.fits(account.password.clone(), Some(user.password_hash)).await;
            assert!(fits.unwrap_or(false), "{} cannot sign in", account.username);
        }
    }

    async fn open(data: &Path) -> Engines {
        Engines::open(&data.join("center"), 0, [400, 1830]).await.unwrap()
    }

    #[tokio::test]
    async fn accounts_that_are_printed_can_sign_in_whatever_a_killed_start_left() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        // A first start that was killed after it had written the accounts, and left the clear text for all to read.
        let (accounts, _) = accounts::of(data).unwrap();
        let users = data.join("plant").join("users.csv");
        fs::create_dir(data.join("plant")).unwrap();
        fs::write(&users, accounts::csv(&accounts)).unwrap();
        fs::set_permissions(&users, fs::Permissions::from_mode(0o644)).unwrap();

        let engines = open(data).await;
        all_can_sign_in(&engines, &import(&engines, Plant::kaifeng_first(1), data).await.unwrap())
            .await;
        assert!(!users.exists(), "no password is left in clear text");
        engines.registry.close().await;
        drop(engines);

        // `center/` was deleted.
        fs::remove_dir_all(data.join("center")).unwrap();
        let engines = open(data).await;
        all_can_sign_in(&engines, &import(&engines, Plant::kaifeng_first(1), data).await.unwrap())
            .await;

        let book = engines.registry.duty_book().await.unwrap();
        // Four rungs of government and the enterprise; somebody is on duty everywhere, at any hour.
        assert_eq!(book.units.len(), 5);
        for unit in book.units.values() {
            for role in [DutyRole::DutyOfficer, DutyRole::Leader] {
                let now = process::now();
                assert_eq!(unit.gaps(now, now.plus(30 * 86_400_000), role, 9), [], "{}", unit.id);
            }
            assert_eq!(unit.problems(), []);
        }

        // The file of accounts was deleted.
        fs::remove_file(data.join("demo-accounts.txt")).unwrap();
        all_can_sign_in(&engines, &import(&engines, Plant::kaifeng_first(1), data).await.unwrap())
            .await;
    }

    #[test]
    fn what_holds_passwords_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.csv");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        accounts::write_private(&file, "new").unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, fs::read_to_string(&file).unwrap().as_str()), (0o600, "new"));
    }
}
