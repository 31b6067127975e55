//! The alarm desk: makes warnings of alarms, climbs the ladder, and sends what follows from it.
//!
//! It reads the alarm log by cursor, like every other reader, and keeps what it decides in a store of its own (ADR 10): a slow mail server,
//! a full disk under its store or a fault in it never touches the alarm path. Where its store fails it says so, forgets what it had in
//! memory, and goes on from what is durable.
//!
//! ```text
//! alarm log ─cursor─► desk task ─one transaction─► store::desk ─► sender ─► channels of notify
//!                       ▲  ▲                          └─► live stream (by cursor)
//!                 people┘  └time
//! ```

use std::sync::{Arc, Mutex};

use anlan_domain::warning::book::Settings;
use anlan_domain::warning::ladder::Ladder;
use anlan_domain::warning::rules::{self, WarningRule};
use anlan_domain::warning::{WarningCommand, WarningNo, WarningRefused};
use anlan_notify::channel::Channel;
use anlan_notify::message::{Address, AddressError, Language};
use anlan_notify::policy::flow::FlowLimit;
use anlan_notify::policy::retry::RetryPolicy;
use anlan_notify::template::Templates;
use anlan_store::desk::{DeskError, DeskStore, What};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::directory::Clock;

mod channels;
mod letters;
pub mod people;
mod sender;
pub mod source;
mod task;
mod words;

use channels::Channels;
pub use channels::{ChannelState, ChannelView, Tested};
use people::DeskDirectory;
use source::AlarmSource;

/// What a desk works with.
pub struct DeskParts {
    /// Warnings, messages, settings.
    pub store: DeskStore,
    /// Alarms.
    pub alarms: Arc<dyn AlarmSource>,
    /// Who is on duty, and names.
    pub directory: Arc<dyn DeskDirectory>,
    /// Ways to people, in the order in which they are tried.
    pub channels: Vec<Box<dyn Channel>>,
    /// Addresses that get every call: programs of third parties.
    pub hooks: Vec<Address>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How much one person gets.
    pub flow: FlowLimit,
    /// What messages say.
    pub templates: Templates,
    /// Address of the page (`https://center.example`), for links in messages.
    pub page: Option<String>,
    /// The clock.
    pub clock: Clock,
    /// Ends it.
    pub stop: CancellationToken,
}

/// Why the desk did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskFault {
    /// It has no effect.
    #[error(transparent)]
    Refused(#[from] WarningRefused),
    /// There is no channel of that name.
    #[error("there is no channel {0:?}")]
    NoChannel(String),
    /// No address of the channel's kind.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// Its store fails; it tries again.
    #[error("the alarm desk is not ready: {0}")]
    NotReady(String),
}

/// How the desk does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskHealth {
    /// Why it does not work at the moment.
    pub failing: Option<String>,
    /// Times that it had to begin anew.
    pub restarts: u32,
}

enum Ask {
    Command(WarningCommand, oneshot::Sender<Result<WarningNo, DeskFault>>),
    Settings(oneshot::Sender<()>),
}

/// The door to a running desk.
pub struct Desk {
    store: DeskStore,
    asks: mpsc::Sender<Ask>,
    channels: Arc<Channels>,
    health: Arc<Mutex<DeskHealth>>,
}

impl Desk {
    /// Starts a desk: what it left undone is done, what was not sent is sent.
    #[must_use]
    pub fn start(parts: DeskParts, tasks: &TaskTracker) -> Arc<Self> {
        let (asks, asked) = mpsc::channel(256);
        let health = Arc::<Mutex<DeskHealth>>::default();
        let DeskParts { store, alarms, directory, channels, hooks, .. } = parts;
        let (clock, stop) = (parts.clock, parts.stop);
        let channels = Arc::new(Channels::new(channels, clock.clone()));
        let writer = letters::Writer {
            templates: parts.templates,
            hooks,
            page: parts.page,
            kinds: channels.kinds(),
        };
        let sender = sender::Sender::new(
            store.clone(),
            channels.clone(),
            parts.retry,
            parts.flow,
            clock.clone(),
            stop.clone(),
        );
        let task = task::Task::new(
            task::Parts { store: store.clone(), alarms, directory, writer, clock, stop },
            asked,
            health.clone(),
        );
        tasks.spawn(task.run());
        tasks.spawn(sender.run());
        Arc::new(Self { store, asks, channels, health })
    }

    /// What it keeps.
    #[must_use]
    pub fn store(&self) -> &DeskStore {
        &self.store
    }

    /// Does what a person wishes; durable when this returns.
    ///
    /// # Errors
    /// When it has no effect, or cannot be made durable.
    pub async fn command(&self, command: WarningCommand) -> Result<WarningNo, DeskFault> {
        let ended = || DeskFault::NotReady("it has ended".into());
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Command(command, reply)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Rules or ladder were saved: returns when they are in force.
    pub async fn settings_changed(&self) {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(Ask::Settings(reply)).await.is_ok() {
            // A desk that fails at this moment reads them when it begins anew.
            drop(answer.await);
        }
    }

    /// How it does.
    #[must_use]
    pub fn health(&self) -> DeskHealth {
        self.health.lock().expect("no code panics while it holds the health").clone()
    }

    /// Ways to people and how they do.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelView> {
        self.channels.views()
    }

    /// Sends a marked test message by a channel, or looks whether one could be sent where no address is given.
    ///
    /// # Errors
    /// When there is no such channel, or it takes no such address.
    pub async fn test_channel(
        &self,
        name: &str,
        to: Option<&str>,
        english: bool,
    ) -> Result<Tested, DeskFault> {
        let language = if english { Language::En } else { Language::Zh };
        self.channels.test(name, to, language).await
    }
}

/// Rules and ladder in force: the newest saved, else what is shipped.
///
/// # Errors
/// When the store cannot be read.
pub async fn settings(store: &DeskStore) -> Result<Settings, DeskError> {
    let rules = store.setting::<Vec<WarningRule>>(What::Rules).await?;
    let ladder = store.setting::<Ladder>(What::Ladder).await?;
    let (rules_version, rules) =
        rules.map_or_else(|| (0, rules::shipped()), |saved| (saved.version, saved.value));
    let ladder = ladder.map_or_else(Ladder::shipped, |saved| saved.value);
    Ok(Settings { rules_version, rules, ladder })
}

/// An error with its causes, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
