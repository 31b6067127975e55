//! `anlan sim`: the simulated park alone, for gateways and centers that run elsewhere on this machine.

use std::process::ExitCode;

use anlan_sim::plant::Addresses;
use anlan_sim::{Options, RunningSim};
use tokio_util::sync::CancellationToken;

use crate::cli::SimArgs;
use crate::process::{self, Failure};

/// Runs the park until `stop`.
pub async fn run(args: SimArgs, stop: CancellationToken) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&args.data).map_err(|e| {
        Failure::Failed(format!("cannot make the data folder {}: {e}", args.data.display()))
    })?;
    let options = Options {
        seed: args.seed,
        control: args.control,
        enterprises: usize::from(args.enterprises),
        ..Options::new(args.data.clone(), || process::now().0)
    };
    let RunningSim { servers, control, handle } =
        anlan_sim::serve(options, stop.clone()).await.map_err(|e| Failure::of(&e))?;
    let plant = args.data.join("plant");
    let gateway_data = args.data.join("gateways");
    let addresses =
        Addresses { servers: &servers, uplink_url: &args.uplink, gateway_data: &gateway_data };
    anlan_sim::plant::write(&plant, Some(&addresses)).map_err(|e| Failure::of(&e))?;
    if args.scenario != "calm" {
        handle
            .start(&args.scenario, Default::default())
            .map_err(|e| Failure::Config(format!("--scenario {}: {e}\n", args.scenario)))?;
    }
    for server in &servers {
        println!("{} {}", server.server, server.address);
    }
    println!("plant: {}", plant.display());
    println!("the simulated park is ready, control: http://{control}");
    stop.cancelled().await;
    Ok(ExitCode::SUCCESS)
}
