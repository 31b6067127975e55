//! Sends what is queued: at least once, under the same id at every try, joined where one person would get too many.
//!
//! Before a message goes out its batch is written, so that a repetition after a crash is joined in the same way and has the same id.
//! Whoever was sent to by a try whose answer was lost may get it twice; that is counted on the message.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::SendError;
use anlan_notify::message::{
    Address, AddressError, Language, Mailbox, Message, MessageId, Phone, WebhookUrl,
};
use anlan_notify::policy::flow::{Flow, FlowLimit, Item, Step};
use anlan_notify::policy::join::join;
use anlan_notify::policy::retry::{Next, RetryPolicy};
use anlan_store::desk::{DeskError, DeskStore, Means, MessageRow, Sent};
use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::channels::Channels;
use super::with_causes;
use crate::directory::Clock;

/// Messages looked at in one pass.
const AT_ONCE: u32 = 500;
/// Messages on their way at the same time: a slow server must not make the others wait.
const IN_FLIGHT: usize = 16;
/// How often it looks where nothing woke it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub struct Sender {
    store: DeskStore,
    channels: Arc<Channels>,
    retry: RetryPolicy,
    limit: FlowLimit,
    clock: Clock,
    stop: CancellationToken,
    flows: BTreeMap<(String, Means), Flow>,
}

impl Sender {
    pub fn new(
        store: DeskStore,
        channels: Arc<Channels>,
        retry: RetryPolicy,
        limit: FlowLimit,
        clock: Clock,
        stop: CancellationToken,
    ) -> Self {
        Self { store, channels, retry, limit, clock, stop, flows: BTreeMap::new() }
    }

    /// Sends until it is stopped.
    pub async fn run(mut self) {
        let mut ready = false;
        let mut entries = self.store.last_entry();
        loop {
            let passed = async {
                if !ready {
                    self.remember().await?;
                    ready = true;
                }
                self.pass().await
            };
            let wait = match passed.await {
                Ok(0) => LOOK_EVERY,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::error!(error = %with_causes(&error), "messages to people cannot be read or written; trying again");
                    metrics::counter!("anlan_desk_sender_failures_total").increment(1);
                    Duration::from_secs(2)
                }
            };
            if wait.is_zero() && !self.stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                // A store that is gone ends with the process; until then the period serves.
                _ = entries.changed(), if wait == LOOK_EVERY => {}
            }
        }
    }

    /// What people got lately, so that a restart is no way around the limit.
    async fn remember(&mut self) -> Result<(), DeskError> {
        let now = (self.clock)();
        let window = i64::try_from(self.limit.window.as_millis()).unwrap_or(i64::MAX);
        let mut seen = std::collections::BTreeSet::new();
        for row in self.store.sent_since(now.plus(-window)).await? {
            let Some(batch) = row.batch.clone().filter(|batch| seen.insert(batch.clone())) else {
                continue;
            };
            let at = row.sent_at.unwrap_or(now);
            let Ok(id) = MessageId::new(batch) else { continue };
            let item = Item { id, colour: row.message.colour };
            let flow = self.flows.entry((row.message.address, row.message.means)).or_default();
            // What it says to send was sent: only its memory is wanted.
            drop(flow.step(&self.limit, Some(item), at));
        }
        // What it held in that retelling is queued still, and comes again below.
        for flow in self.flows.values_mut() {
            flow.forget_held();
        }
        Ok(())
    }

    /// Sends what is due, and says how much that was.
    async fn pass(&mut self) -> Result<usize, DeskError> {
        let now = (self.clock)();
        let due = self.store.due_messages(now, AT_ONCE).await?;
        let mut batches: Vec<String> = Vec::new();
        let mut new: BTreeMap<(String, Means), Vec<MessageRow>> = BTreeMap::new();
        for row in due {
            match row.batch {
                Some(batch) if batches.contains(&batch) => {}
                Some(batch) => batches.push(batch),
                None => {
                    let to = (row.message.address.clone(), row.message.means);
                    new.entry(to).or_default().push(row);
                }
            }
        }
        for (to, rows) in new {
            self.batch(to, rows, now, &mut batches).await?;
        }
        let count = batches.len();
        let sent: Vec<Result<(), DeskError>> = stream::iter(batches)
            .map(|batch| self.send(batch))
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
        sent.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(count)
    }

    /// Decides which of one person's messages go out now and together, and writes that down.
    async fn batch(
        &mut self,
        to: (String, Means),
        rows: Vec<MessageRow>,
        now: UtcMillis,
        batches: &mut Vec<String>,
    ) -> Result<(), DeskError> {
        let flow = self.flows.entry(to.clone()).or_default();
        if to.1 == Means::Webhook {
            // A program counts for itself and wants each fact once.
            for row in rows {
                self.store.batched(&[&row.message.id], &row.message.id).await?;
                batches.push(row.message.id);
            }
            return Ok(());
        }
        let by_id: HashMap<&str, &MessageRow> =
            rows.iter().map(|row| (row.message.id.as_str(), row)).collect();
        flow.forget_held();
        for row in &rows {
            let Ok(id) = MessageId::new(row.message.id.clone()) else { continue };
            flow.hold(Item { id, colour: row.message.colour });
        }
        let Step { send, wake_at } = flow.step(&self.limit, None, now);
        for items in send {
            let messages: Vec<Message> = items
                .iter()
                .filter_map(|item| by_id.get(item.id.as_str()))
                .filter_map(|row| message(row).ok())
                .collect();
            let Some(joined) = join(&messages) else { continue };
            let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
            self.store.batched(&ids, joined.id.as_str()).await?;
            batches.push(joined.id.as_str().to_owned());
        }
        // Held ones stay in the queue, which is durable; the flow is asked again when there is room.
        let held: Vec<&str> = flow.held_ids().map(MessageId::as_str).collect();
        if let Some(at) = wake_at.filter(|_| !held.is_empty()) {
            self.store.held(&held, at).await?;
        }
        flow.forget_held();
        Ok(())
    }

    async fn send(&self, batch: String) -> Result<(), DeskError> {
        let rows = self.store.batch(&batch).await?;
        let now = (self.clock)();
        let messages: Result<Vec<Message>, AddressError> = rows.iter().map(message).collect();
        let sent = match messages.map(|messages| join(&messages)) {
            Err(error) => Sent::Failed { channel: None, error: error.to_string() },
            Ok(None) => return Ok(()),
            Ok(Some(message)) => match self.channels.send(&message).await {
                Ok((channel, receipt)) => {
                    Sent::Taken { channel, receipt: receipt.said, at: receipt.at }
                }
                Err((channel, error)) => self.failed(&rows, channel, &error),
            },
        };
        self.store.tried(&batch, &sent, now).await
    }

    fn failed(&self, rows: &[MessageRow], channel: Option<String>, error: &SendError) -> Sent {
        let now = (self.clock)();
        let tries = rows.iter().map(|row| row.tries).max().unwrap_or(0) + 1;
        let first = rows.iter().filter_map(|row| row.first_try).min().unwrap_or(now);
        // What is wrong with the channel can be mended while the message waits; what is wrong with the message cannot.
        let later = match error {
            SendError::Refused { reason, what } if reason.is_the_channels_fault() => {
                Some(SendError::Later { what: what.clone(), retry_after: None })
            }
            _ => None,
        };
        match self.retry.after(later.as_ref().unwrap_or(error), tries, first, now) {
            Next::TryAt { at, may_double } => Sent::Again {
                channel: channel.unwrap_or_default(),
                error: error.to_string(),
                at,
                may_double,
            },
            Next::GiveUp => Sent::Failed { channel, error: error.to_string() },
        }
    }
}

fn message(row: &MessageRow) -> Result<Message, AddressError> {
    let of = &row.message;
    let to = match of.means {
        Means::Sms => Address::Phone(Phone::new(&of.address)?),
        Means::Email | Means::Page => Address::Email(Mailbox::new(&of.address)?),
        Means::Webhook => Address::Webhook(WebhookUrl::new(&of.address)?),
    };
    Ok(Message {
        id: MessageId::new(of.id.clone())?,
        to,
        language: if of.language == "en" { Language::En } else { Language::Zh },
        colour: of.colour,
        subject: of.subject.clone(),
        text: of.body.clone(),
        facts: of.facts.clone(),
    })
}
