//! `anlan bench start`: cold start to ready of a center with the park's plant, and the memory that it holds when nothing
//! happens.

use std::time::Duration;

use anlan_sim::plant::Plant;
use tokio_util::sync::CancellationToken;

use super::rig::{Scratch, Usage, cannot, start};
use crate::process::Failure;

/// Gives what is to be printed.
pub async fn run(json: bool, stop: CancellationToken) -> Result<String, Failure> {
    let dir = Scratch::new("start")?;
    let plant = dir.0.join("plant");
    anlan_sim::plant::write(Plant::kaifeng(), &plant, None).map_err(|e| Failure::of(&e))?;
    crate::admin::bring_in(&plant, &dir.0.join("center"), false, 9).await?;
    let (mut center, _, _, ready) = start(&dir).await?;
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_secs(5)) => {}
    }
    let pid = center.id().ok_or_else(|| Failure::Failed("the center has ended".to_owned()))?;
    let rss_mb = Usage::of(pid)?.rss_mb;
    center.kill().await.map_err(cannot("end the center"))?;
    let (ready_ms, points) = (ready.as_millis(), Plant::kaifeng().points.len());
    if json {
        let found = serde_json::json!({ "cold_start_ms": ready_ms, "idle_rss_mb": rss_mb, "points": points });
        return Ok(found.to_string());
    }
    Ok(super::table(&[
        ("points", points.to_string()),
        ("cold start to ready, ms", ready_ms.to_string()),
        ("idle memory, MB", format!("{rss_mb:.1}")),
    ]))
}
