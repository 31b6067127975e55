//! The channels and how each does: what was sent, what failed, since when.

use std::collections::BTreeSet;
use std::sync::Mutex;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, Receipt, SendError};
use anlan_notify::message::{
    Address, Colour, Kind, Language, Mailbox, Message, MessageId, Phone, WebhookUrl,
};
use serde::Serialize;

use super::DeskFault;
use crate::directory::Clock;

/// So many failures of the channel itself in a row, and it counts as failed.
const FAILURES: u32 = 3;

/// How a channel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// Nothing was sent yet.
    Untried,
    /// The last message went out.
    Working,
    /// It fails now and then.
    Degraded,
    /// It fails every time.
    Failed,
}

/// A channel as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelView {
    /// Its name in the configuration.
    pub name: String,
    /// `email`, `sms`, `webhook`
    pub kind: Kind,
    /// How it does.
    pub state: ChannelState,
    /// Since when.
    pub since: Option<UtcMillis>,
    /// When it last took a message.
    pub last_success: Option<UtcMillis>,
    /// What it last failed with.
    pub last_error: Option<String>,
    /// Failures in a row.
    pub failures: u32,
    /// Messages that it took since the center started.
    pub sent: u64,
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// Whether it worked.
    pub ok: bool,
    /// What the other side said, or why not.
    pub said: String,
}

struct Known {
    channel: Box<dyn Channel>,
    view: Mutex<ChannelView>,
}

/// Every channel.
pub struct Channels {
    known: Vec<Known>,
    clock: Clock,
    tests: std::sync::atomic::AtomicU64,
    failed: tokio::sync::watch::Sender<BTreeSet<String>>,
}

impl Channels {
    pub fn new(channels: Vec<Box<dyn Channel>>, clock: Clock) -> Self {
        let known = channels.into_iter().map(|channel| {
            let view = ChannelView {
                name: channel.name().to_owned(),
                kind: channel.kind(),
                state: ChannelState::Untried,
                since: None,
                last_success: None,
                last_error: None,
                failures: 0,
                sent: 0,
            };
            Known { channel, view: Mutex::new(view) }
        });
        let (failed, _) = tokio::sync::watch::channel(BTreeSet::new());
        Self { known: known.collect(), clock, tests: 0.into(), failed }
    }

    pub fn kinds(&self) -> BTreeSet<Kind> {
        self.known.iter().map(|known| known.channel.kind()).collect()
    }

    pub fn views(&self) -> Vec<ChannelView> {
        self.known.iter().map(|known| lock(&known.view).clone()).collect()
    }

    /// Sends by the channels of a kind, one after the other, until one takes it; those that fail at the moment come last. What may have
    /// arrived is not given to another channel at once: that would be a double for certain.
    pub async fn send(
        &self,
        message: &Message,
    ) -> Result<(String, Receipt), (Option<String>, SendError)> {
        let mut fitting: Vec<&Known> =
            self.known.iter().filter(|known| known.channel.kind() == message.to.kind()).collect();
        fitting.sort_by_key(|known| lock(&known.view).state == ChannelState::Failed);
        let mut last = None;
        for known in fitting {
            let name = known.channel.name().to_owned();
            let outcome = known.channel.send(message).await;
            self.note(known, &outcome);
            match outcome {
                Ok(receipt) => return Ok((name, receipt)),
                Err(error @ SendError::Unknown { .. }) => return Err((Some(name), error)),
                Err(error) => last = Some((Some(name), error)),
            }
        }
        Err(last.unwrap_or_else(|| {
            let what = format!("no {} channel is configured", message.to.kind());
            (None, SendError::Later { what, retry_after: None })
        }))
    }

    fn note(&self, known: &Known, outcome: &Result<Receipt, SendError>) {
        let now = (self.clock)();
        let mut view = lock(&known.view);
        let before = view.state;
        match outcome {
            Ok(_) => {
                view.state = ChannelState::Working;
                view.failures = 0;
                view.sent += 1;
                view.last_success = Some(now);
            }
            Err(error) => {
                view.last_error = Some(error.to_string());
                let at_fault = match error {
                    SendError::Refused { reason, .. } => reason.is_the_channels_fault(),
                    SendError::Later { .. } | SendError::Unknown { .. } => true,
                };
                if at_fault {
                    view.failures = view.failures.saturating_add(1);
                    let failed = view.failures >= FAILURES;
                    view.state = if failed { ChannelState::Failed } else { ChannelState::Degraded };
                }
            }
        }
        if view.state != before {
            view.since = Some(now);
            let (name, state) = (view.name.clone(), view.state);
            if state == ChannelState::Failed {
                tracing::error!(
                    channel = name,
                    error = view.last_error,
                    "a channel to people fails"
                );
            } else if before == ChannelState::Failed {
                tracing::info!(channel = name, "a channel to people works again");
            }
            drop(view);
            self.failed.send_if_modified(|failed| match state {
                ChannelState::Failed => failed.insert(name),
                _ => failed.remove(&name),
            });
        }
        metrics::counter!("anlan_desk_sent_total", "channel" => known.channel.name().to_owned(),
            "outcome" => if outcome.is_ok() { "taken" } else { "failed" })
        .increment(1);
    }

    pub async fn test(
        &self,
        name: &str,
        to: Option<&str>,
        language: Language,
    ) -> Result<Tested, DeskFault> {
        let known = self.known.iter().find(|known| known.channel.name() == name);
        let known = known.ok_or_else(|| DeskFault::NoChannel(name.to_owned()))?;
        let to = match (to, known.channel.kind()) {
            (None, _) => None,
            (Some(to), Kind::Email) => Some(Address::Email(Mailbox::new(to)?)),
            (Some(to), Kind::Sms) => Some(Address::Phone(Phone::new(to)?)),
            (Some(to), Kind::Webhook) => Some(Address::Webhook(WebhookUrl::new(to)?)),
        };
        let Some(to) = to else {
            return Ok(match known.channel.probe().await {
                Ok(probe) => Tested { ok: true, said: probe.saw },
                Err(error) => Tested { ok: false, said: error.to_string() },
            });
        };
        let now = (self.clock)();
        let nth = self.tests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (subject, text) = match language {
            Language::Zh => ("安澜测试消息", "这是一条测试消息，没有报警，请勿处置。"),
            Language::En => {
                ("Anlan test message", "This is a test. There is no alarm; do nothing.")
            }
        };
        let message = Message {
            id: MessageId::new(format!("test-{}-{nth}", now.0)).expect("digits are taken"),
            to,
            language,
            colour: Colour::Blue,
            subject: subject.to_owned(),
            text: text.to_owned(),
            facts: serde_json::Map::from_iter([("test".to_owned(), true.into())]),
        };
        let outcome = known.channel.send(&message).await;
        self.note(known, &outcome);
        Ok(match outcome {
            Ok(receipt) => Tested { ok: true, said: receipt.said },
            Err(error) => Tested { ok: false, said: error.to_string() },
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no code panics while it holds a channel's view")
}
