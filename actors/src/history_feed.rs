//! From the journal into the history, and what is not yet there for a trend.
//!
//! Every minute the open segment is sealed; sealed segments are decoded to rows ([`decoder`]) and handed to the history
//! ([`hand_over`]), which takes each whole or not at all and knows which it has. Then the journal may go, as far as
//! checkpoints and the ledger have passed it too, and with it the point tables that nothing in it refers to. For the
//! newest minutes a trend reads the frames of the point's gateway straight from the journal ([`answers`]); an index of
//! their offsets is kept for that ([`frame_index`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anlan_store::history::History;
use anlan_store::journal::{Journal, Offset};
use bytes::Bytes;

use crate::shared::Shared;

mod answers;
mod decoder;
mod frame_index;
mod hand_over;

pub use answers::{day_quality, trend};
pub use frame_index::FrameIndex;
pub(crate) use hand_over::feed_sealed;
use hand_over::{FeedError, with_room};

/// Key of the ledger's document.
pub const LEDGER_KEY: &str = "ingest/ledger";

/// First offset that is not yet in the history.
#[must_use]
pub fn first_unconsumed(journal: &dyn Journal, history: Option<&dyn History>) -> Offset {
    let Some(history) = history else { return journal.bounds().1 };
    journal
        .segments()
        .into_iter()
        .filter(|segment| !segment.sealed || !history.has_segment(segment.id))
        .map(|segment| segment.first)
        .min()
        .unwrap_or(journal.bounds().1)
}

/// Keeps house: seals, feeds the history, writes the ledger, trims the journal. Runs until the center stops.
pub async fn keep_house(shared: Arc<Shared>) {
    let options = &shared.options;
    let mut ledger_at = tokio::time::interval(options.ledger_every);
    let mut seal_at = tokio::time::interval_at(
        tokio::time::Instant::now() + options.seal_every,
        options.seal_every,
    );
    let mut maintain_at = tokio::time::interval_at(
        tokio::time::Instant::now() + options.maintain_every,
        options.maintain_every,
    );
    for timer in [&mut ledger_at, &mut seal_at, &mut maintain_at] {
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    let saved = AtomicU64::new(0);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = ledger_at.tick() => save_ledger(&shared, &saved).await,
            _ = seal_at.tick() => {
                if let Err(error) = shared.ports.journal.seal().await {
                    return shared.fatal.end("the journal cannot be sealed", &error);
                }
                _ = feed_sealed(&shared).await;
                trim(&shared, Offset(saved.load(Ordering::Relaxed))).await;
            }
            _ = maintain_at.tick() => maintain(&shared).await,
        }
    }
}

async fn save_ledger(shared: &Shared, saved: &AtomicU64) {
    let (complete_to, bytes) = shared.ledger.to_document();
    if complete_to.0 == saved.load(Ordering::Relaxed) {
        return;
    }
    match shared.ports.state.put(LEDGER_KEY, Bytes::from(bytes)).await {
        Ok(()) => saved.store(complete_to.0, Ordering::Relaxed),
        Err(error) => shared.fatal.end("the ledger of received frames cannot be written", &error),
    }
}

async fn trim(shared: &Shared, ledger_saved: Offset) {
    let journal = &shared.ports.journal;
    let history = first_unconsumed(&**journal, shared.ports.history.as_deref());
    // Every host of the plan counts, also one that could not be started: it comes back by the journal.
    let folded = shared.committed.oldest_of(shared.tree_plan().hosts());
    let folded = folded.map_or(Offset(0), |folded| Offset(folded.0.saturating_add(1)));
    let keep_from = history.min(folded).min(ledger_saved);
    if let Err(error) = journal.trim(keep_from).await {
        // What could not be deleted is only in the way.
        tracing::error!(%error, "the journal could not be trimmed");
        metrics::counter!("anlan_journal_trim_failures_total").increment(1);
    }
    let (first, next) = journal.bounds();
    if let Err(error) = shared.tables.forget_before(first).await {
        return shared.fatal.end("point tables cannot be forgotten", &error);
    }
    #[allow(clippy::cast_precision_loss)]
    metrics::gauge!("anlan_journal_kept_records").set(next.0.saturating_sub(first.0) as f64);
}

async fn maintain(shared: &Shared) {
    let Some(history) = shared.ports.history.clone() else { return };
    let now = (shared.clock)().0;
    let maintained = tokio::task::spawn_blocking(move || {
        with_room(&*history, || history.maintain(now).map_err(FeedError::Maintain))
    });
    match maintained.await {
        Ok(Ok(done)) => {
            metrics::counter!("anlan_history_too_late_total").increment(done.too_late);
        }
        Ok(Err(error)) => {
            metrics::counter!("anlan_history_maintain_failures_total").increment(1);
            tracing::error!(error = %chain(&error), "the history could not be maintained; it is tried again");
        }
        Err(_) => {
            metrics::counter!("anlan_history_maintain_failures_total").increment(1);
            tracing::error!("the history crashed while it was maintained; it is tried again");
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
