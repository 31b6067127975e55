//! The composition root: the one place that names every concrete type, reads the clock, and knows the process.

use std::process::ExitCode;

use clap::Parser;

mod center_config;
mod cli;
mod vision;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.command {
        cli::Command::Vision(args) => vision::run(&args.arguments),
        _ => ExitCode::FAILURE,
    }
}
