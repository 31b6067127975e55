//! The composition root: the one place that names every concrete type, reads the clock, and knows the process.

use std::process::ExitCode;

use clap::Parser;

mod center_config;
mod cli;
mod gateway;
mod process;
mod vision;

use cli::{Cli, Command, GatewayAction};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Vision(args) => vision::run(&args.arguments),
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
        _ => ExitCode::FAILURE,
    }
}
