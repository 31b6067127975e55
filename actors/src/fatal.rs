//! The way in which the center ends the process when going on could lose or double an alarm.

use std::sync::{Arc, Mutex};

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

    /// Why the center ended itself, if it did.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.reason.lock().expect("no code panics while it holds the reason").clone()
    }
}
