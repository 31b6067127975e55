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
                process::run(None, |stop| async move { gateway::read(&config, period, json, stop).await })
            }
            None => ExitCode::FAILURE,
        },
        _ => ExitCode::FAILURE,
    }
}
