//! The way in which the center ends the process when going on could lose or double an alarm.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

/// Remembers the first fatal failure and stops everything.
#[derive(Clone)]
pub struct Fatal {
    reason: Arc<Mutex<Option<String>>>,
    stop: CancellationToken,
}

impl Fatal {
    /// A switch that cancels `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { reason: Arc::default(), stop }
    }

    /// Ends the center: after this nothing is acknowledged or committed any more.
    pub fn end(&self, doing: &str, error: &dyn std::error::Error) {
        let mut text = format!("{doing}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        tracing::error!(reason = %text, "the center ends itself; a restart recovers from what is durable");
        self.reason.lock().expect("no code panics while it holds the reason").get_or_insert(text);
        self.stop.cancel();
    }

    /// Runs a task that the center cannot do without: where it panics, or ends while the center does not, the center ends.
    pub async fn guard(self, task: &'static str, work: impl Future<Output = ()>) {
        let outcome = AssertUnwindSafe(work).catch_unwind().await;
        if self.stop.is_cancelled() {
            return;
        }
        let why = match outcome {
            Ok(()) => "it ended by itself".to_owned(),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                text.or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "it panicked".to_owned())
            }
        };
        self.end(task, &TaskEnded(why));
    }

    /// Why the center ended itself, if it did.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.reason.lock().expect("no code panics while it holds the reason").clone()
    }
}

/// A task that must run does not run any more.
#[derive(Debug, thiserror::Error)]
#[error("a task of the center is gone: {0}")]
struct TaskEnded(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_ends_the_center_and_one_that_is_asked_to_does_not() {
        let told = |fatal: &Fatal| fatal.reason().unwrap_or_default();
        let fatal = Fatal::new(CancellationToken::new());
        fatal.clone().guard("the committer", async { panic!("an index is out of bounds") }).await;
        assert!(told(&fatal).contains("the committer"), "{}", told(&fatal));
        assert!(told(&fatal).contains("out of bounds"), "{}", told(&fatal));
        let fatal = Fatal::new(CancellationToken::new());
        fatal.clone().guard("the hub", async {}).await;
        assert!(told(&fatal).contains("by itself"), "{}", told(&fatal));
        let stop = CancellationToken::new();
        let fatal = Fatal::new(stop.clone());
        stop.cancel();
        fatal.clone().guard("the hub", async {}).await;
        assert_eq!(fatal.reason(), None);
    }
}
