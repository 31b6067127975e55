//! A supervisor's children: started by one path, started again with backoff, shown as faulty when they keep failing.
//!
//! What ractor leaves to us is done here: a respawn whose `pre_start` fails is only a returned error, so it counts as a
//! failure like a crash; an `ActorRef` belongs to one life, so children are known by their [`NodeKey`] and by the id of
//! their present life; and an event about an earlier life is ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use anlan_domain::restart::RestartPolicy;
use anlan_domain::time::UtcMillis;
use ractor::{ActorCell, ActorId};

use super::plan::NodeKey;

/// Failures in a row from which on a child is shown as faulty.
pub const FAULTY_AFTER: u32 = 3;

/// One child.
pub struct Child {
    /// Its present life; `None` while it waits to be started again.
    pub cell: Option<ActorCell>,
    /// Restarts ever.
    pub restarts: u32,
    failures: u32,
    last_failure: UtcMillis,
}

impl Child {
    /// `running`, `restarting` or `faulty`.
    #[must_use]
    pub fn state(&self, policy: &RestartPolicy, now: UtcMillis) -> &'static str {
        let lived = u64::try_from(now.since(self.last_failure)).unwrap_or(0);
        let healthy = self.failures == 0 || policy.is_healthy(lived);
        match (&self.cell, healthy) {
            (_, false) if self.failures >= FAULTY_AFTER => "faulty",
            (None, _) => "restarting",
            (Some(_), _) => "running",
        }
    }
}

/// The children of one supervisor.
#[derive(Default)]
pub struct Nursery {
    /// By name.
    pub children: BTreeMap<NodeKey, Child>,
    policy: RestartPolicy,
}

impl Nursery {
    /// A child lives.
    pub fn started(&mut self, key: NodeKey, cell: ActorCell) {
        let child = self.children.entry(key).or_insert(Child {
            cell: None,
            restarts: 0,
            failures: 0,
            last_failure: UtcMillis(0),
        });
        child.cell = Some(cell);
    }

    /// A child could not be started: how long to wait before the next try.
    pub fn failed_to_start(&mut self, key: &NodeKey, now: UtcMillis) -> Duration {
        let child = self.children.entry(key.clone()).or_insert(Child {
            cell: None,
            restarts: 0,
            failures: 0,
            last_failure: now,
        });
        fail(child, &self.policy, now)
    }

    /// An actor has ended. If it was the present life of a child: which, and how long to wait before it is started again.
    pub fn ended(&mut self, who: ActorId, now: UtcMillis) -> Option<(NodeKey, Duration)> {
        let (key, child) = self
            .children
            .iter_mut()
            .find(|(_, child)| child.cell.as_ref().is_some_and(|cell| cell.get_id() == who))?;
        Some((key.clone(), fail(child, &self.policy, now)))
    }

    /// Whether a child waits to be started.
    #[must_use]
    pub fn awaits_start(&self, key: &NodeKey) -> bool {
        self.children.get(key).is_some_and(|child| child.cell.is_none())
    }

    /// How a child stands now.
    #[must_use]
    pub fn state(&self, key: &NodeKey, now: UtcMillis) -> &'static str {
        self.children.get(key).map_or("stopped", |child| child.state(&self.policy, now))
    }

    /// How long a child that runs must go on doing so until it no longer counts as one that keeps failing; `None` where it does
    /// not count as one.
    #[must_use]
    pub fn healthy_in(&self, key: &NodeKey, now: UtcMillis) -> Option<Duration> {
        let child = self.children.get(key)?;
        if child.cell.is_none() || child.state(&self.policy, now) != "faulty" {
            return None;
        }
        // A clock that was set back makes it no longer than a life in health.
        let lived = u64::try_from(now.since(child.last_failure)).unwrap_or(0);
        Some(Duration::from_millis(self.policy.healthy_after_ms.saturating_sub(lived)))
    }

    /// Children that keep failing.
    #[must_use]
    pub fn faulty(&self, now: UtcMillis) -> u32 {
        let faulty = self.children.values().filter(|c| c.state(&self.policy, now) == "faulty");
        u32::try_from(faulty.count()).unwrap_or(u32::MAX)
    }
}

fn fail(child: &mut Child, policy: &RestartPolicy, now: UtcMillis) -> Duration {
    let lived = u64::try_from(now.since(child.last_failure)).unwrap_or(0);
    child.failures =
        if child.failures == 0 { 1 } else { policy.failures_after(child.failures, lived) };
    child.last_failure = now;
    child.restarts += 1;
    child.cell = None;
    metrics::counter!("anlan_tree_restarts_total").increment(1);
    Duration::from_millis(policy.delay_ms(child.failures))
}
