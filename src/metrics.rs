//! The recorder behind the `metrics` facade, rendered for `/metrics`.

use std::sync::Arc;

use anlan_web::MetricsText;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::process::Failure;

/// Buckets for what is measured in seconds: from a tenth of a millisecond to ten seconds.
const SECONDS: [f64; 12] =
    [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Installs the recorder; once a process.
pub fn install() -> Result<MetricsText, Failure> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .map_err(|e| Failure::of(&e))?
        .install_recorder()
        .map_err(|e| Failure::of(&e))?;
    Ok(Arc::new(move || {
        handle.run_upkeep();
        handle.render()
    }))
}
