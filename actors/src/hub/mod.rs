//! The live hub: one topic is gathered and encoded once and goes to everybody who looks at it.
//!
//! Every subscriber has a bounded channel. Where it is full, changes are skipped for that subscriber and it gets a fresh
//! snapshot once there is room: so a slow client gets fewer, newer values, and costs the others nothing. Alarms do not pass
//! here: each client reads the alarm log from its own cursor.
//!
//! Hosts are asked for what changed, several times a second and only while somebody looks; a host that does not answer in
//! time is left out for a while and asked again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::log::HostNo;
use ractor::rpc::CallResult;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::api::{CenterError, GatewayView, LiveMessage, PointValue, RollupView, Topic};
use crate::shared::Shared;
use crate::tree::host::HostMsg;
use crate::tree::plan::NodeKey;

mod encode;

/// A host that did not answer is left alone for this many rounds.
const PENALTY_ROUNDS: u32 = 20;

/// A wish to subscribe.
pub struct Subscribe {
    topic: Topic,
    reply: oneshot::Sender<Result<mpsc::Receiver<LiveMessage>, CenterError>>,
}

/// The door to the hub.
#[derive(Clone)]
pub struct HubDoor(mpsc::Sender<Subscribe>);

impl HubDoor {
    /// Subscribes; the snapshot is the first message.
    ///
    /// # Errors
    /// When the topic names nothing that is known, there are too many subscriptions, or the hub has ended.
    pub async fn subscribe(
        &self,
        topic: Topic,
    ) -> Result<mpsc::Receiver<LiveMessage>, CenterError> {
        let ended = || CenterError::NotReady("the live hub has ended".into());
        let (reply, answer) = oneshot::channel();
        self.0.send(Subscribe { topic, reply }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

struct Subscriber {
    messages: mpsc::Sender<LiveMessage>,
    /// It missed something: it needs a snapshot before anything else.
    behind: bool,
}

/// Which slots of which hosts a topic shows; `None` is every slot.
type Sources = HashMap<HostNo, Option<HashSet<u32>>>;

struct Watched {
    topic: Arc<Topic>,
    subscribers: Vec<Subscriber>,
    sources: Sources,
    nodes: Vec<String>,
    enterprises: HashSet<EnterpriseCode>,
    /// Versions of catalog and tree that `sources` and `nodes` were made from.
    made_from: (u64, usize),
    rolls_seen: u64,
    gateways_seen: u64,
}

/// The hub.
pub struct Hub {
    shared: Arc<Shared>,
    wishes: mpsc::Receiver<Subscribe>,
    topics: HashMap<Topic, Watched>,
    silent: Silent,
}

impl Hub {
    /// A hub and the door to it.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> (Self, HubDoor) {
        let (door, wishes) = mpsc::channel(256);
        let hub = Self { shared, wishes, topics: HashMap::new(), silent: Silent::default() };
        (hub, HubDoor(door))
    }

    /// Runs until the center stops.
    pub async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let mut flush = tokio::time::interval(self.shared.options.flush_every);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(wish) = self.wishes.recv() => self.subscribe(wish).await,
                _ = flush.tick() => self.flush().await,
            }
        }
    }

    async fn subscribe(&mut self, wish: Subscribe) {
        let count: usize = self.topics.values().map(|w| w.subscribers.len()).sum();
        if count >= self.shared.options.subscriptions_max {
            metrics::counter!("anlan_hub_refused_subscriptions_total").increment(1);
            let full = CenterError::NotReady("too many live subscriptions".into());
            return drop(wish.reply.send(Err(full)));
        }
        let watched = match self.topics.get_mut(&wish.topic) {
            Some(watched) => watched,
            None => {
                let watched = Watched::new(&self.shared, wish.topic.clone());
                if watched.sources.is_empty() && watched.nodes.is_empty() {
                    let unknown = CenterError::Unknown(format!("{:?}", wish.topic));
                    return drop(wish.reply.send(Err(unknown)));
                }
                self.topics.entry(wish.topic).or_insert(watched)
            }
        };
        let snapshot = watched.snapshot(&self.shared, &mut self.silent).await;
        let (messages, receiver) = mpsc::channel(self.shared.options.subscriber_queue.max(1));
        let behind = messages.try_send(snapshot).is_err();
        watched.subscribers.push(Subscriber { messages, behind });
        // Who asked may have gone; the closed channel is found at the next message.
        drop(wish.reply.send(Ok(receiver)));
    }

    async fn flush(&mut self) {
        self.topics.retain(|_, watched| {
            watched.subscribers.retain(|subscriber| !subscriber.messages.is_closed());
            !watched.subscribers.is_empty()
        });
        #[allow(clippy::cast_precision_loss)]
        metrics::gauge!("anlan_hub_subscriptions")
            .set(self.topics.values().map(|w| w.subscribers.len()).sum::<usize>() as f64);
        if self.topics.is_empty() {
            return;
        }
        self.silent.round();
        let mut hosts: HashSet<HostNo> = HashSet::new();
        for watched in self.topics.values_mut() {
            watched.renew(&self.shared);
            hosts.extend(watched.sources.keys());
        }
        let changes =
            ask_hosts(&self.shared, &mut self.silent, hosts.into_iter().map(|h| (h, None)), true)
                .await;
        let back = self.silent.back(&changes);
        for watched in self.topics.values_mut() {
            if watched.sources.keys().any(|host| back.contains(host)) {
                watched.subscribers.iter_mut().for_each(|subscriber| subscriber.behind = true);
            }
            let messages = watched.changes(&self.shared, &changes);
            for message in &messages {
                watched.send(message);
            }
            if watched.subscribers.iter().any(Subscriber::wants_snapshot) {
                let snapshot = watched.snapshot(&self.shared, &mut self.silent).await;
                watched.send_snapshot(&snapshot);
            }
        }
    }
}

impl Subscriber {
    fn wants_snapshot(&self) -> bool {
        self.behind && self.messages.capacity() == self.messages.max_capacity()
    }
}

type Values = HashMap<HostNo, Vec<(u32, PointValue)>>;

/// Hosts that did not answer in time. One is not asked again for a few rounds; and what it said too late went to nobody, so
/// everybody who watches it is given all of it once it answers again.
#[derive(Default)]
struct Silent {
    rests: HashMap<HostNo, u32>,
    owes: HashSet<HostNo>,
}

impl Silent {
    fn missed(&mut self, host: HostNo) {
        self.rests.insert(host, PENALTY_ROUNDS);
        self.owes.insert(host);
    }

    fn rests(&self, host: HostNo) -> bool {
        self.rests.contains_key(&host)
    }

    fn round(&mut self) {
        self.rests.retain(|_, rounds| {
            *rounds -= 1;
            *rounds > 0
        });
    }

    /// Those that answer again.
    fn back(&mut self, answers: &Values) -> HashSet<HostNo> {
        self.owes.extract_if(|host| answers.contains_key(host)).collect()
    }
}

/// Asks hosts for values, all at once, each with a time limit.
async fn ask_hosts(
    shared: &Shared,
    silent: &mut Silent,
    hosts: impl Iterator<Item = (HostNo, Option<Vec<u32>>)>,
    only_changes: bool,
) -> Values {
    let limit = Some(shared.options.ask_within.min(Duration::from_millis(500)));
    let asked = hosts.filter(|(host, _)| !silent.rests(*host)).map(|(host, slots)| async move {
        let Some(actor) = shared.host_refs.get(host) else { return (host, None) };
        let answer = if only_changes {
            actor.call(HostMsg::Changes, limit).await
        } else {
            actor.call(|reply| HostMsg::Values(slots, reply), limit).await
        };
        match answer {
            Ok(CallResult::Success(values)) => (host, Some(values)),
            _ => (host, None),
        }
    });
    let mut values = Values::new();
    for (host, answer) in futures_util::future::join_all(asked).await {
        match answer {
            Some(answer) => drop(values.insert(host, answer)),
            None => {
                metrics::counter!("anlan_hub_unanswered_total").increment(1);
                silent.missed(host);
            }
        }
    }
    values
}

impl Watched {
    fn new(shared: &Shared, topic: Topic) -> Self {
        let mut watched = Self {
            topic: Arc::new(topic),
            subscribers: Vec::new(),
            sources: Sources::new(),
            nodes: Vec::new(),
            enterprises: HashSet::new(),
            made_from: (u64::MAX, 0),
            rolls_seen: shared.rolls.version(),
            gateways_seen: shared.sessions.views_after(u64::MAX).0,
        };
        watched.renew(shared);
        watched
    }

    /// Makes anew what the topic covers, where catalog or tree have changed.
    fn renew(&mut self, shared: &Shared) {
        let plan = shared.tree_plan();
        let from = (shared.catalog.version(), Arc::as_ptr(&plan) as usize);
        if self.made_from == from {
            return;
        }
        self.made_from = from;
        self.sources.clear();
        self.nodes.clear();
        self.enterprises.clear();
        match &*self.topic {
            Topic::Region(region) => {
                for (key, facts) in plan.nodes() {
                    let at = match (key, &facts.parent) {
                        (NodeKey::Region(code), _) => code,
                        (NodeKey::Enterprise(_), Some(NodeKey::Region(code))) => code,
                        _ => continue,
                    };
                    if region.covers(at) {
                        self.nodes.push(facts.id.clone());
                        self.enterprises.extend(facts.enterprise.clone());
                    }
                }
            }
            Topic::Enterprise(code) => {
                self.enterprises.insert(code.clone());
                if plan.get(&NodeKey::Enterprise(code.clone())).is_some() {
                    self.nodes.push(format!("enterprise:{code}"));
                }
                for host in shared.catalog.enterprise(code) {
                    self.sources.insert(host, None);
                    if let Some(facts) = plan.get(&NodeKey::Host(host)) {
                        self.nodes.push(facts.id.clone());
                    }
                    let Some(config) = shared.catalog.host(host) else { continue };
                    let equipment: HashSet<_> =
                        config.points.iter().map(|point| &point.equipment).collect();
                    self.nodes.extend(equipment.into_iter().map(|e| format!("equipment:{e}")));
                }
            }
            Topic::Equipment(equipment) => {
                for id in equipment {
                    for place in shared.catalog.equipment(id).into_iter().flatten() {
                        add_slot(&mut self.sources, place.host, place.slot);
                    }
                    self.nodes.push(format!("equipment:{id}"));
                }
            }
            Topic::Points(points) => {
                for place in points.iter().filter_map(|point| shared.catalog.point(point)) {
                    add_slot(&mut self.sources, place.host, place.slot);
                }
            }
        }
    }

    fn shows(&self, host: HostNo, slot: u32) -> bool {
        match self.sources.get(&host) {
            None => false,
            Some(None) => true,
            Some(Some(slots)) => slots.contains(&slot),
        }
    }

    fn gateways(&self, views: Vec<GatewayView>) -> Vec<GatewayView> {
        views.into_iter().filter(|view| self.enterprises.contains(&view.id.enterprise())).collect()
    }

    fn message(&self, body: String) -> LiveMessage {
        LiveMessage { topic: self.topic.clone(), body: body.into() }
    }

    async fn snapshot(&mut self, shared: &Shared, silent: &mut Silent) -> LiveMessage {
        let wanted: Vec<_> = self
            .sources
            .iter()
            .map(|(host, slots)| (*host, slots.as_ref().map(|s| s.iter().copied().collect())))
            .collect();
        let values = ask_hosts(shared, silent, wanted.into_iter(), false).await;
        let mut values: Vec<PointValue> = values.into_values().flatten().map(|(_, v)| v).collect();
        values.sort_by(|a, b| a.point.cmp(&b.point));
        let rollups: Vec<RollupView> =
            self.nodes.iter().filter_map(|node| shared.rolls.get(node)).collect();
        let gateways = self.gateways(shared.sessions.views());
        let at = (shared.clock)();
        self.message(encode::snapshot(at, &rollups, &gateways, &values))
    }

    /// What changed since the last round, encoded.
    fn changes(&mut self, shared: &Shared, changes: &Values) -> Vec<LiveMessage> {
        let at = (shared.clock)();
        let mut messages = Vec::new();
        let values: Vec<&PointValue> = changes
            .iter()
            .flat_map(|(host, values)| {
                values.iter().map(move |(slot, value)| (*host, *slot, value))
            })
            .filter(|(host, slot, _)| self.shows(*host, *slot))
            .map(|(_, _, value)| value)
            .collect();
        if !values.is_empty() {
            metrics::counter!("anlan_hub_values_total").increment(values.len() as u64);
            messages.push(self.message(encode::values(at, &values)));
        }
        let rolls_now = shared.rolls.version();
        if rolls_now != self.rolls_seen {
            let rollups: Vec<RollupView> = self
                .nodes
                .iter()
                .filter_map(|node| shared.rolls.get_after(node, self.rolls_seen))
                .collect();
            self.rolls_seen = rolls_now;
            if !rollups.is_empty() {
                messages.push(self.message(encode::rollups(at, &rollups)));
            }
        }
        if !self.enterprises.is_empty() {
            let (now, views) = shared.sessions.views_after(self.gateways_seen);
            self.gateways_seen = now;
            let gateways = self.gateways(views);
            if !gateways.is_empty() {
                messages.push(self.message(encode::gateways(at, &gateways)));
            }
        }
        messages
    }

    fn send(&mut self, message: &LiveMessage) {
        for subscriber in &mut self.subscribers {
            if subscriber.behind {
                metrics::counter!("anlan_hub_skipped_total").increment(1);
                continue;
            }
            match subscriber.messages.try_send(message.clone()) {
                Ok(()) => metrics::counter!("anlan_hub_messages_total").increment(1),
                Err(TrySendError::Full(_)) => {
                    metrics::counter!("anlan_hub_skipped_total").increment(1);
                    subscriber.behind = true;
                }
                // Found and removed at the next round.
                Err(TrySendError::Closed(_)) => {}
            }
        }
    }

    fn send_snapshot(&mut self, snapshot: &LiveMessage) {
        for subscriber in self.subscribers.iter_mut().filter(|s| s.wants_snapshot()) {
            if subscriber.messages.try_send(snapshot.clone()).is_ok() {
                metrics::counter!("anlan_hub_resnapshots_total").increment(1);
                subscriber.behind = false;
            }
        }
    }
}

fn add_slot(sources: &mut Sources, host: HostNo, slot: u32) {
    if let Some(slots) = sources.entry(host).or_insert_with(|| Some(HashSet::new())) {
        slots.insert(slot);
    }
}
