//! Runs the bench of the hosting layer by itself, without the rest of the product: `cargo run --release -p anlan-actors --example bench_actors`.

use std::process::ExitCode;

use anlan_actors::bench_actors::{Size, run};

fn main() -> ExitCode {
    let json = std::env::args().any(|argument| argument == "--json");
    match run(Size::default(), json) {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
