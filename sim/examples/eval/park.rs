//! What the instruments of the simulated park show during a scenario, recorded without servers, gateways or a center.

use std::collections::BTreeMap;

use anlan_domain::limits::Limits;
use anlan_sim::Park;
use anlan_sim::world::World;

use crate::counting::Series;

/// One limited point: what it showed, what was really so, and its limits as the plant has them.
pub struct Watched {
    /// What the instrument showed.
    pub shown: Series,
    /// What was really so.
    pub truth: Series,
    /// The limits with the plant's own deadband and delays.
    pub limits: Limits,
}

/// Seconds before the scenario begins, and after its end.
const CALM_S: i64 = 60;
/// The models move on five times a second; a point is read once in its scan.
const STEP_MS: i64 = 200;

/// Runs a scenario, with the parameters that it has by itself, and reads every limited point once a scan.
///
/// # Errors
/// When the scenario cannot be started.
pub fn record(scenario: &str, seed: u64) -> Result<Vec<Watched>, String> {
    let mut world = World::new(Park::kaifeng(seed));
    let plant = world.park.plant();
    let mut watched: Vec<(usize, Watched)> = plant
        .points
        .iter()
        .enumerate()
        .filter(|(_, point)| !point.is_discrete())
        .map(|(at, point)| {
            let empty = |what: &str| Series {
                name: format!("{}{what}", point.id),
                signal: point.signal,
                range: point.range,
                scan_ms: point.scan_ms,
                samples: Vec::new(),
            };
            // The rate of change is none of the limits that are judged here.
            let limits = Limits { rate_per_min: None, ..point.limits.clone() };
            (at, Watched { shown: empty(""), truth: empty(" (truth)"), limits })
        })
        .filter(|(_, watched)| watched.limits != Limits { version: 1, ..Limits::default() })
        .collect();
    let (mut now, mut started, mut over) = (0_i64, false, None);
    while over.is_none_or(|at| now < at + CALM_S * 1_000) {
        now += STEP_MS;
        if !started && now >= CALM_S * 1_000 {
            world.start(scenario, BTreeMap::new(), now).map_err(|e| format!("{scenario}: {e}"))?;
            started = true;
        }
        #[allow(clippy::cast_precision_loss, reason = "a fifth of a second")]
        world.tick(STEP_MS as f64 / 1_000.0, now);
        if over.is_none() && world.runs().first().is_some_and(|run| run.ended_at.is_some()) {
            over = Some(now);
        }
        for (point, watched) in &mut watched {
            if now % i64::from(watched.shown.scan_ms) == 0 {
                watched.shown.samples.push((now, world.park.shown(*point)));
                watched.truth.samples.push((now, world.park.truth(*point)));
            }
        }
    }
    Ok(watched.into_iter().map(|(_, watched)| watched).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_recorded_the_same_twice() {
        let run = || record("flapping-sensor", 1).unwrap();
        let (one, other) = (run(), run());
        assert!(!one.is_empty());
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one.shown.samples, other.shown.samples, "{}", one.shown.name);
            assert!(one.shown.samples.len() > 180, "{}", one.shown.name);
        }
    }

    #[test]
    fn an_unknown_scenario_is_refused_by_name() {
        assert!(record("no-such", 1).err().unwrap().starts_with("no-such: "));
    }
}
