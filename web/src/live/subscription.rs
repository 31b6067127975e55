//! One subscription of a stream: what it is about, whether it is allowed, and the task that carries it.

use std::sync::Arc;
use std::time::Duration;

use anlan_actors::api::Topic;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, PointId};
use anlan_domain::region::RegionCode;
use anlan_store::alarm_index::AlarmFilter;
use anlan_store::registry::Scope;
use anlan_store::registry::scoped::Filter;
use anlan_store::state::AlarmSeq;
use serde_json::{Value, json};

use super::Outbox;
use crate::cursor;
use crate::gate::{App, Places, sees};
use crate::problem::Problem;
use crate::views::alarm::enrich;

/// Most pieces of equipment of one subscription.
const EQUIPMENT_MAX: usize = 50;
/// Most points of one subscription.
const POINTS_MAX: usize = 500;
/// Open alarms in a snapshot; whoever has more open alarms than this reads the rest as a list.
const OPEN_MAX: usize = 1_000;

/// What a client wishes.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// Of the hub.
    Topic(Topic),
    /// Of the alarm log, after a place.
    Alarms(Option<AlarmSeq>),
}

impl Wish {
    /// Reads a wish.
    pub(super) fn parse(wish: &Value, resume: Option<&str>) -> Result<Self, String> {
        let Some((kind, value)) = wish.as_object().and_then(|o| o.iter().next()) else {
            return Err(
                "subscribe names one of region, enterprise, equipment, points, alarms".to_owned()
            );
        };
        let text = || value.as_str().ok_or_else(|| format!("{kind} takes one code"));
        match kind.as_str() {
            "region" => {
                let code = RegionCode::new(text()?).map_err(|e| e.to_string())?;
                Ok(Self::Topic(Topic::Region(code)))
            }
            "enterprise" => {
                let code = EnterpriseCode::new(text()?).map_err(|e| e.to_string())?;
                Ok(Self::Topic(Topic::Enterprise(code)))
            }
            "equipment" => {
                let ids = several(value, EQUIPMENT_MAX, |t| {
                    EquipmentId::new(t).map_err(|e| e.to_string())
                })?;
                Ok(Self::Topic(Topic::Equipment(ids)))
            }
            "points" => {
                let ids =
                    several(value, POINTS_MAX, |t| PointId::new(t).map_err(|e| e.to_string()))?;
                Ok(Self::Topic(Topic::Points(ids)))
            }
            "alarms" => match resume {
                None => Ok(Self::Alarms(None)),
                Some(text) => match cursor::alarm(text) {
                    Ok(seq) => Ok(Self::Alarms(Some(seq))),
                    Err(problem) => Err(problem.message),
                },
            },
            other => Err(format!("{other:?} cannot be subscribed to")),
        }
    }

    /// Whether all of it is in scope. What does not exist is not in anybody's scope.
    pub(super) fn allowed(&self, scope: &Scope, places: &Places) -> bool {
        let sees = |code: &EnterpriseCode| places.seen(code, scope).is_some();
        match self {
            Self::Alarms(_) => true,
            Self::Topic(Topic::Region(code)) => scope.covers_region(code),
            Self::Topic(Topic::Enterprise(code)) => sees(code),
            Self::Topic(Topic::Equipment(ids)) => ids.iter().all(|id| sees(&id.enterprise())),
            Self::Topic(Topic::Points(ids)) => ids.iter().all(|id| sees(&id.enterprise())),
        }
    }
}

fn several<T>(
    value: &Value,
    most: usize,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let list = value.as_array().ok_or("give a list")?;
    if list.is_empty() || list.len() > most {
        return Err(format!("give 1 to {most} of them"));
    }
    list.iter().map(|item| one(item.as_str().ok_or("give a list of texts")?)).collect()
}

/// Carries a subscription until its stream ends.
pub(super) async fn run(app: Arc<App>, scope: Scope, id: String, wish: Wish, outbox: Outbox) {
    let id_text = Value::String(id.clone()).to_string();
    match wish {
        Wish::Alarms(resume) => {
            if let Err(problem) = alarms(&app, &scope, &id_text, resume, &outbox).await {
                outbox.error(Some(&id), problem.code, &problem.message).await;
                outbox.close("resume", "Alarms could not be read; connect again").await;
            }
        }
        Wish::Topic(ref topic) => {
            let refused = hub(&app, &scope, &id_text, topic, &wish, &outbox).await;
            if let Err(problem) = refused {
                outbox.error(Some(&id), problem.code, &problem.message).await;
            }
        }
    }
}

async fn hub(
    app: &App,
    scope: &Scope,
    id: &str,
    topic: &Topic,
    wish: &Wish,
    outbox: &Outbox,
) -> Result<(), Problem> {
    loop {
        let mut messages = app.center().subscribe(topic.clone()).await?;
        while let Some(message) = messages.recv().await {
            // Whoever's scope no longer covers this gets nothing more, even before the stream is closed for it.
            if !wish.allowed(scope, &app.places()) {
                return Ok(());
            }
            if !outbox.send(format!("{{\"id\":{id},{}", message.body)).await {
                return Ok(());
            }
        }
        // The hub was restarted: a new subscription begins with a snapshot.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn alarms(
    app: &App,
    scope: &Scope,
    id: &str,
    resume: Option<AlarmSeq>,
    outbox: &Outbox,
) -> Result<(), Problem> {
    let feed = app.feed();
    let mut newest = feed.newest();
    let mut at = match resume {
        Some(seq) => seq.min(*newest.borrow_and_update()),
        None => {
            let at = *newest.borrow_and_update();
            let snapshot = app.open_alarms(scope).await?;
            let body = json!({ "type": "snapshot", "at": app.now().0, "alarms": snapshot, "cursor": cursor::of_alarm(at) });
            let body = body.to_string();
            if !outbox.send(format!("{{\"id\":{id},{}", &body[1..])).await {
                return Ok(());
            }
            at
        }
    };
    let mut undurable = app.center().undurable_changes();
    // Whoever begins while nothing can be made durable is told at once; whoever resumes, also that there is room again.
    let mut tell_undurable =
        (resume.is_some() && undurable.is_some()) || !app.undurable(scope).is_empty();
    loop {
        if std::mem::take(&mut tell_undurable) && !send_undurable(app, scope, id, outbox).await? {
            return Ok(());
        }
        let places = app.places();
        let events = feed.after(at, &places).await.map_err(|error| Problem::internal(&error))?;
        if events.is_empty() {
            tokio::select! {
                woken = newest.changed() => if woken.is_err() { return Ok(()) },
                () = changed(undurable.as_mut()) => tell_undurable = true,
            }
            continue;
        }
        // Asked again: a scope may have changed while they were read.
        let places = app.places();
        for event in events {
            at = event.seq;
            if sees(scope, &places, event.enterprise.as_ref())
                && !outbox.send(format!("{{\"id\":{id},{}", event.body)).await
            {
                return Ok(());
            }
        }
    }
}

/// Waits for what may never come.
async fn changed(changes: Option<&mut tokio::sync::watch::Receiver<u64>>) {
    if let Some(changes) = changes
        && changes.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Sends all alarms in scope that are decided and not durable, none where there is room again. `false` when the stream is over.
async fn send_undurable(
    app: &App,
    scope: &Scope,
    id: &str,
    outbox: &Outbox,
) -> Result<bool, Problem> {
    let (scoped, registry, _) = app.for_snapshot(scope);
    let alarms = enrich(app.undurable(scope), &scoped, &app.places(), &registry).await?;
    let body = json!({ "type": "undurable", "at": app.now().0, "alarms": alarms }).to_string();
    Ok(outbox.send(format!("{{\"id\":{id},{}", &body[1..])).await)
}

impl App {
    /// Every open alarm in scope, for a snapshot.
    async fn open_alarms(&self, scope: &Scope) -> Result<Vec<crate::views::alarm::Alarm>, Problem> {
        let (scoped, registry, index) = self.for_snapshot(scope);
        self.feed().catch_up().await?;
        let filter = AlarmFilter {
            enterprises: self.enterprises_in(scope, &Filter::default()),
            ..AlarmFilter::open()
        };
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = index.search(&filter, cursor.as_deref(), 500).await?;
            rows.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() || rows.len() >= OPEN_MAX {
                break;
            }
        }
        Ok(enrich(rows, &scoped, &self.places(), &registry).await?)
    }
}
