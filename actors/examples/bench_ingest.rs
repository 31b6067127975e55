//! `cargo run --release -p anlan-actors --example bench_ingest -- SENSORS RATE SECONDS [max]`: the bench without the binary.

use std::time::Duration;

use anlan_actors::bench_ingest::{Asked, run};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, or: f64| arguments.get(i).and_then(|a| a.parse().ok()).unwrap_or(or);
    let asked = Asked {
        sensors: number(0, 44_000.0) as u32,
        rate: number(1, 1.0),
        period: Duration::from_secs_f64(number(2, 10.0)),
        max: arguments.iter().any(|a| a == "max"),
    };
    let dir = std::env::temp_dir().join(format!("anlan-bench-ingest-{}", std::process::id()));
    match run(asked, &dir, true).await {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("{error}"),
    }
    drop(std::fs::remove_dir_all(&dir));
}
