//! Feeds hosts that are behind from the journal, until they are abreast.
//!
//! One task serves all of them, because hosts fall behind together: each read of the journal is decoded once and given to every
//! host whose turn it is, the one furthest back first. One that has no room is passed over and served later from where it is,
//! so it delays nobody.

use std::sync::Arc;

use anlan_domain::time::UtcMillis;
use anlan_store::journal::{Journal, JournalError, Offset};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::feed::{Feed, Lookup};
use super::input::{Decoded, Input, decode};
use super::{Control, read};
use crate::fatal::Fatal;

/// A record with its offset and its time, decoded.
pub type Line = (Offset, UtcMillis, Decoded);

/// What became of a run of records that was offered to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// It has them.
    Yes,
    /// As much waits in front of it as may; nothing was given.
    Full,
    /// It has ended.
    Ended,
}

/// The task.
pub struct CatchUp {
    journal: Arc<dyn Journal>,
    lookup: Lookup,
    joins: mpsc::UnboundedReceiver<Box<Feed>>,
    tell: mpsc::UnboundedSender<Control>,
    fatal: Fatal,
    behind: Vec<Feed>,
}

impl CatchUp {
    /// The task and the door to it; who is abreast is handed back by `tell`.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        lookup: Lookup,
        tell: mpsc::UnboundedSender<Control>,
        fatal: Fatal,
    ) -> (Self, mpsc::UnboundedSender<Box<Feed>>) {
        let (door, joins) = mpsc::unbounded_channel();
        (Self { journal, lookup, joins, tell, fatal, behind: Vec::new() }, door)
    }

    /// Runs until the dispatcher ends.
    pub async fn run(mut self) {
        loop {
            if self.behind.is_empty() {
                let Some(feed) = self.joins.recv().await else { return };
                self.join(*feed);
            }
            while let Ok(feed) = self.joins.try_recv() {
                self.join(*feed);
            }
            let end = self.journal.bounds().1;
            for feed in self.behind.extract_if(.., |feed| end <= feed.next) {
                // The dispatcher may have ended: then nobody needs this any more.
                drop(self.tell.send(Control::Abreast(Box::new(feed))));
            }
            if self.behind.is_empty() {
                continue;
            }
            let next = self.behind.iter().filter(|f| f.has_place()).map(|f| f.next).min();
            match next {
                None => self.wait_for_room().await,
                Some(from) => {
                    if let Err(error) = self.step(from).await {
                        return self.fatal.end("the journal cannot be read", &error);
                    }
                }
            }
        }
    }

    /// A newer life of a host takes the place of the one before.
    fn join(&mut self, feed: Feed) {
        self.behind.retain(|other| other.host != feed.host);
        self.behind.push(feed);
    }

    async fn wait_for_room(&mut self) {
        let mut places: FuturesUnordered<_> = self.behind.iter().map(|feed| feed.room()).collect();
        let joined = tokio::select! {
            _ = places.next() => None,
            feed = self.joins.recv() => feed,
        };
        drop(places);
        if let Some(feed) = joined {
            self.join(*feed);
        }
    }

    /// Reads on from `from` and gives what was read to all whose turn it is.
    async fn step(&mut self, from: Offset) -> Result<(), JournalError> {
        let first = self.journal.bounds().0;
        if from < first && self.behind.iter().any(|feed| feed.next < first && feed.config.is_some())
        {
            return Err(JournalError::Trimmed { first, asked: from });
        }
        let from = from.max(first);
        let lines = lines(&self.journal, from).await?;
        let Some(&(last, ..)) = lines.last() else {
            // Nothing there although the end lies behind it: looked at again when something was appended.
            tokio::task::yield_now().await;
            return Ok(());
        };
        let lookup = &self.lookup;
        self.behind.retain_mut(|feed| {
            let its_turn = from <= feed.next.max(first) && feed.next <= last;
            if its_turn && give(feed, lookup, &lines) == Fed::Ended {
                tracing::debug!(host = feed.host.0, "a host ended while it caught up");
                return false;
            }
            true
        });
        Ok(())
    }
}

/// Records from `from` on, decoded.
pub async fn lines(journal: &Arc<dyn Journal>, from: Offset) -> Result<Vec<Line>, JournalError> {
    let records = read(journal, from).await?;
    let line = |(offset, record): (Offset, anlan_store::journal::Record)| {
        (offset, record.received, decode(offset, &record))
    };
    Ok(records.into_iter().map(line).collect())
}

/// Gives a host what of some records is for it and not yet in it, without waiting.
pub fn give(feed: &mut Feed, lookup: &Lookup, lines: &[Line]) -> Fed {
    // Room first: what a feed has looked at without sending it would have to be taken back.
    let Some(room) = feed.try_room() else { return Fed::Full };
    let inputs: Vec<Input> = lines
        .iter()
        .filter_map(|(offset, received, decoded)| feed.input(lookup, *offset, *received, decoded))
        .collect();
    let next = lines.last().map_or(feed.next, |(last, ..)| Offset(last.0 + 1));
    if inputs.is_empty() {
        feed.next = feed.next.max(next);
        return Fed::Yes;
    }
    if feed.send(inputs, next, room) { Fed::Yes } else { Fed::Ended }
}
