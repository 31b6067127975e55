//! `anlan bench`: runs a benchmark and prints its result. What is measured and how lies with what is measured.

use std::process::ExitCode;

use anlan_actors::bench_actors::{self, Size};

use crate::cli::Bench;

/// Runs one of them. Called before any runtime exists: the actor bench makes its own and counts from there.
pub fn run(bench: Bench) -> ExitCode {
    match bench {
        Bench::Actors { json } => match bench_actors::run(Size::default(), json) {
            Ok(text) => {
                println!("{}", text.trim_end());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("this benchmark is not built yet");
            ExitCode::FAILURE
        }
    }
}
