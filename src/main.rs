//! The composition root: the one place that names every concrete type, reads the clock, and knows the process.

use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;

mod accounts;
mod admin;
mod bench;
mod center;
mod center_config;
mod cli;
mod demo;
mod demo_roster;
mod desk;
mod desk_directory;
mod directory;
mod engines;
mod gateway;
mod metrics;
mod notify_test;
mod process;
mod scenario;
mod sim;
mod vision;

use cli::{Admin, Cli, Command, GatewayAction, SimAction};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Demo(args) => process::run(args.duration, |stop| demo::run(args, stop)),
        Command::Center(args) => {
            process::run(args.duration, |stop| async move { center::run(&args.config, stop).await })
        }
        Command::Gateway(args) => match args.action {
            Some(GatewayAction::Read { config, period, json }) => {
                process::run(None, |stop| async move {
                    gateway::read(&config, period, json, stop).await
                })
            }
            None => {
                let config = args.config.expect("clap asks for it where there is no action");
                process::run(args.duration, |stop| async move { gateway::run(&config, stop).await })
            }
        },
        Command::Vision(args) => vision::run(&args.arguments),
        Command::Sim(mut args) => match args.action.take() {
            Some(SimAction::Load(load)) => process::run(None, |stop| sim::load(load, stop)),
            Some(SimAction::Scenario(args)) => {
                process::run(None, |_| async move { scenario::run(args).await })
            }
            None => process::run(args.duration, |stop| sim::run(args, stop)),
        },
        Command::Admin(args) => process::run(None, |stop| async move {
            process::unless_stopped(&stop, admin(args.action, stop.clone())).await
        }),
        Command::CheckConfig(args) => {
            process::run(None, |_| async move { check_config(&args.file) })
        }
        Command::Bench(args) => bench::run(args.bench),
    }
}

async fn admin(action: Admin, stop: CancellationToken) -> Result<ExitCode, process::Failure> {
    match action {
        Admin::Import { dir, data, with_users, enterprise_code_length } => {
            admin::import(&dir, &data, with_users, usize::from(enterprise_code_length)).await
        }
        Admin::Export { dir, data } => admin::export(&dir, &data).await,
        Admin::AddUser { username, name, role, scope, data } => {
            admin::add_user(&username, &name, &role, scope.as_deref(), &data).await
        }
        Admin::NotifyTest(args) => notify_test::run(args, stop).await,
    }
}

/// A gateway's configuration has devices or a gateway section, that of channels has channels; everything else is taken for a
/// center's.
fn check_config(file: &std::path::Path) -> Result<ExitCode, process::Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        process::Failure::Config(format!("{}: cannot read it: {error}", file.display()))
    })?;
    let heads = |name: &str| text.lines().any(|line| line.trim_start().starts_with(name));
    if heads("[[device]]") || heads("[gateway]") || heads("[[point]]") {
        let config = gateway::load(file)?;
        println!(
            "{}: a gateway's configuration, {} devices, {} points",
            file.display(),
            config.devices.len(),
            config.points.len()
        );
    } else if notify_test::HEADS.into_iter().any(heads) {
        println!("{}", notify_test::check(file)?);
    } else {
        let config = center_config::load(file).map_err(process::Failure::Config)?;
        println!(
            "{}: a center's configuration, data in {}",
            file.display(),
            config.data_dir.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}
