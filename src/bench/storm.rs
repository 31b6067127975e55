//! `anlan bench storm`: a storm of alarms at the desk.

use std::sync::Arc;

use anlan_actors::bench_desk;

use crate::process::{self, Failure};

/// Runs it in a folder of its own.
pub async fn run(json: bool) -> Result<String, Failure> {
    let folder = std::env::temp_dir().join(format!("anlan-storm-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| Failure::of(&e))?;
    let outcome =
        bench_desk::run(&folder, Arc::new(process::now)).await.map_err(|e| Failure::of(&e));
    std::fs::remove_dir_all(&folder).map_err(|e| Failure::of(&e))?;
    let outcome = outcome?;
    if json {
        return serde_json::to_string(&outcome).map_err(|e| Failure::of(&e));
    }
    Ok(super::table(&[
        ("alarms", outcome.alarms.to_string()),
        ("within, s", format!("{:.1}", outcome.storm_s)),
        ("gravest to warning, quiet p50, ms", format!("{:.1}", outcome.quiet_p50_ms)),
        ("gravest to warning, quiet p99, ms", format!("{:.1}", outcome.quiet_p99_ms)),
        ("gravest to warning, storm p50, ms", format!("{:.1}", outcome.storm_p50_ms)),
        ("gravest to warning, storm p99, ms", format!("{:.1}", outcome.storm_p99_ms)),
        ("all decided after the storm, s", format!("{:.1}", outcome.caught_up_after_s)),
        ("open warnings", outcome.warnings.to_string()),
        ("memory before, MB", format!("{:.0}", outcome.rss_before_mb)),
        ("memory at its height, MB", format!("{:.0}", outcome.rss_peak_mb)),
        ("memory after, MB", format!("{:.0}", outcome.rss_after_mb)),
    ]))
}
