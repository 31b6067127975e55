//! The alarm desk put together: its store, its ways to people, the center's alarms.

use std::path::Path;
use std::sync::Arc;

use anlan_actors::center::RunningCenter;
use anlan_actors::desk::{Desk, DeskParts};
use anlan_actors::directory::Clock;
use anlan_notify::config::NotifyConfig;
use anlan_notify::message::Address;
use anlan_store::desk::DeskStore;
use anlan_store::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk_directory::RegistryPeople;
use crate::process::Failure;

/// What is configured of it.
#[derive(Clone, Debug, Default)]
pub struct DeskConfig {
    /// Channels, policies, texts.
    pub notify: NotifyConfig,
    /// Address of the page, for links in messages.
    pub page_url: Option<String>,
}

/// Reads the file of channels; every problem with its line.
pub fn read_notify(file: &Path) -> Result<NotifyConfig, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
    NotifyConfig::from_toml(&text, file).map_err(|error| error.to_string())
}

/// Starts it.
pub fn start(
    config: DeskConfig,
    center: &RunningCenter,
    registry: &Registry,
    store: DeskStore,
    clock: Clock,
    stop: &CancellationToken,
) -> Result<(Arc<Desk>, TaskTracker), Failure> {
    let DeskConfig { notify, page_url } = config;
    let channels = notify.open(&clock).map_err(|problems| Failure::Config(problems.join("\n")))?;
    let hooks = notify.webhook.iter().map(|hook| Address::Webhook(hook.url.clone())).collect();
    let tasks = TaskTracker::new();
    let parts = DeskParts {
        store,
        alarms: Arc::new(center.shared().clone()),
        directory: Arc::new(RegistryPeople(registry.clone())),
        channels,
        hooks,
        retry: notify.retry,
        flow: notify.flow,
        templates: notify.templates,
        page: page_url.map(|url| url.trim_end_matches('/').to_owned()),
        clock,
        stop: stop.clone(),
    };
    let desk = Desk::start(parts, &tasks);
    tasks.close();
    Ok((desk, tasks))
}
