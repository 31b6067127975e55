//! `anlan sim`: the simulated park alone, for gateways and centers that run elsewhere on this machine.

use std::cell::Cell;
use std::process::ExitCode;

use anlan_sim::loadgen::{self, Fleet, LoadOptions, LoadReport, Progress};
use anlan_sim::plant::{Addresses, Plant};
use anlan_sim::{Options, RunningSim, SimError, SimHandle, scenario};
use tokio_util::sync::CancellationToken;

use crate::cli::{LoadArgs, SimArgs};
use crate::process::{self, Failure};

/// Environment variable with the secret of every gateway of `anlan sim load`.
pub const LOAD_SECRET: &str = "ANLAN_LOAD_SECRET";
/// How long the last acknowledgements are waited for.
const DRAIN_SECONDS: f64 = 60.0;

/// `anlan sim load`
pub async fn load(args: LoadArgs, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let secret = std::env::var(LOAD_SECRET).unwrap_or_else(|_| "anlan-load".to_owned());
    let fleet = match args.enterprises {
        Some(gateways) => Fleet { gateways, points_each: args.points_each, secret },
        None => Fleet::of_sensors(args.sensors, secret),
    };
    if let Some(dir) = args.write_plant {
        fleet
            .write_plant(&dir)
            .map_err(|e| Failure::Failed(format!("cannot write {}: {e}", dir.display())))?;
        println!("{} points of {} gateways: {}", fleet.points(), fleet.gateways, dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    let options = LoadOptions {
        url: args.uplink,
        fleet,
        rate_hz: args.rate,
        seconds: args.period.as_secs_f64(),
        crossings_per_minute: args.crossings,
        connect_seconds: args.connect.as_secs_f64(),
        drain_seconds: DRAIN_SECONDS,
        seed: args.seed,
    };
    if !args.json {
        eprintln!("{} gateways send to {}", options.fleet.gateways, options.url);
    }
    let told = Told::default();
    let report = loadgen::run(options, process::now_us, |progress| told.tell(progress), stop)
        .await
        .map_err(|e| Failure::of(&e))?;
    if args.json {
        let json = serde_json::to_string(&report).map_err(|e| Failure::of(&e))?;
        println!("{json}");
    } else {
        print!("{}", load_table(&report));
    }
    Ok(if report.lost_readings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says on standard error how far it is: every second while gateways are missing, then every ten.
#[derive(Default)]
struct Told {
    seconds: Cell<u32>,
}

impl Told {
    fn tell(&self, progress: Progress) {
        let Progress { welcomed, gateways, offered, acked } = progress;
        if welcomed < gateways {
            eprintln!("{welcomed} of {gateways} gateways are taken in");
            return;
        }
        self.seconds.set(self.seconds.get() + 1);
        if self.seconds.get().is_multiple_of(10) {
            eprintln!("{offered} readings sent, {acked} acknowledged");
        }
    }
}

fn load_table(report: &LoadReport) -> String {
    let per_s = |count: u64| format!("{:.0}", count as f64 / report.seconds);
    [
        ("gateways connected", report.gateways.to_string()),
        ("offered, readings/s", per_s(report.offered_readings)),
        ("acknowledged, readings/s", per_s(report.acked_readings)),
        ("never acknowledged, readings", report.lost_readings.to_string()),
        ("links broken or refused", report.broken_links.to_string()),
        ("frames sent again", report.resent_frames.to_string()),
        ("frames held back, window full", report.held_frames.to_string()),
        ("limits crossed", report.crossings.iter().filter(|c| c.began).count().to_string()),
        ("CPU of the generator, s", format!("{:.1}", report.cpu_seconds)),
    ]
    .iter()
    .map(|(name, value)| format!("{name:<36}{value:>14}\n"))
    .collect()
}

/// Whether what a scenario acts on stands among the first enterprises.
pub fn can_start(scenario: &str, enterprises: usize) -> Result<(), Failure> {
    let plant = Plant::kaifeng_first(enterprises);
    let offered: Vec<_> =
        scenario::ALL.iter().filter(|s| s.is_offered(plant)).map(|s| s.name).collect();
    if offered.contains(&scenario) {
        return Ok(());
    }
    Err(Failure::Config(format!(
        "--scenario {scenario}: what it acts on is not among the first {enterprises} enterprises; there are {}\n",
        offered.join(", ")
    )))
}

/// Starts the scenario of the command line. Calm is how a park is anyway.
pub fn begin(handle: &SimHandle, scenario: &str) -> Result<(), Failure> {
    if scenario != "calm" {
        handle
            .start(scenario, Default::default())
            .map_err(|e| Failure::Config(format!("--scenario {scenario}: {e}\n")))?;
    }
    Ok(())
}

/// A recording that cannot be played is the caller's to mend.
pub fn not_started(error: SimError) -> Failure {
    let wrong_usage = matches!(
        error,
        SimError::Replay(_) | SimError::ReplayedEnterprise(_) | SimError::NotLoopback(_)
    );
    match Failure::of(&error) {
        Failure::Failed(text) if wrong_usage => Failure::Config(text),
        failure => failure,
    }
}

/// Runs the park until `stop`.
pub async fn run(args: SimArgs, stop: CancellationToken) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&args.data).map_err(|e| {
        Failure::Failed(format!("cannot make the data folder {}: {e}", args.data.display()))
    })?;
    let enterprises = usize::from(args.enterprises);
    can_start(&args.scenario, enterprises)?;
    let options = Options {
        seed: args.seed,
        control: args.control,
        replay: args.play.replay.map(|file| (file, args.play.replay_enterprise)),
        speed: args.play.speed,
        enterprises,
        ..Options::new(args.data.clone(), || process::now().0)
    };
    let RunningSim { plant: stands, servers, control, handle } =
        anlan_sim::serve(options, stop.clone()).await.map_err(not_started)?;
    let plant = args.data.join("plant");
    let gateway_data = args.data.join("gateways");
    let addresses =
        Addresses { servers: &servers, uplink_url: &args.uplink, gateway_data: &gateway_data };
    anlan_sim::plant::write(stands, &plant, Some(&addresses)).map_err(|e| Failure::of(&e))?;
    for server in &servers {
        println!("{} {}", server.server, server.address);
    }
    println!("plant: {}", plant.display());
    println!("the simulated park is ready, control: http://{control}");
    begin(&handle, &args.scenario)?;
    stop.cancelled().await;
    Ok(ExitCode::SUCCESS)
}
