//! A running center: how it starts, what it offers, how it stops.
//!
//! **Start is recovery.** Checkpoints are loaded, the journal is replayed from the oldest of them, what the registry wishes
//! is compared with what is in force and logged where it differs, then "center ready" is logged, and only then may gateways
//! sign in. The very first start goes the same way over an empty journal.
//!
//! ```text
//! listener ─ connection ─ Session ─► LogWriter ─► journal ─► ack
//!                                        └─► Dispatcher ─► HostActor ─► committer ─► alarm log ─► tail
//!                                                             └─► roll-ups ─► Enterprise ─ Region … ─► Hub
//! ```

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use anlan_domain::alarm::{AlarmEntry, AlarmSubject};
use anlan_domain::ids::{EquipmentId, GatewayId, PointId};
use anlan_domain::log::{Command, HostConfig, HostNo, RecordKind, configured};
use anlan_domain::time::UtcMillis;
use anlan_store::history::{DayQuality, Trend};
use anlan_store::journal::{JournalError, Offset};
use anlan_store::state::{AlarmRecord, AlarmSeq, StateError, check_agreement};
use async_trait::async_trait;
use bytes::Bytes;
use ractor::Actor;
use ractor::rpc::CallResult;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{
    Center, CenterError, GatewayView, LiveMessage, PointValue, RollupView, Topic, TreeNode,
};
use crate::catalog::Catalog;
use crate::committer::{self, AlarmTail};
use crate::directory::{Clock, Directory, DirectoryError, Outline};
use crate::dispatch::Dispatcher;
use crate::dispatch::feed::Lookup;
use crate::fatal::Fatal;
use crate::history_feed::{self, FrameIndex, LEDGER_KEY, first_unconsumed};
use crate::hub::{Hub, HubDoor};
use crate::ingest::book::SessionBook;
use crate::ingest::ledger::Ledger;
use crate::ingest::listener;
use crate::ingest::tables::Tables;
use crate::ingest::tls::{self, TlsError};
use crate::log_clock::LogClock;
use crate::log_writer::{Afterwards, LogWriter, QueueBounds};
use crate::options::{CenterOptions, Ports};
use crate::shared::Shared;
use crate::tree::branch::{Branch, BranchMsg, BranchRef};
use crate::tree::host::HostMsg;
use crate::tree::plan::{NodeKey, TreePlan};

/// How long a person's command may take before they are told that its outcome is not known.
const COMMAND_WITHIN: Duration = Duration::from_secs(10);

/// Why a center does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The registry.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The journal.
    #[error("the journal cannot be replayed")]
    Journal(#[from] JournalError),
    /// Checkpoints or documents.
    #[error("what is durable cannot be read")]
    State(#[from] StateError),
    /// TLS of the uplink.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The uplink's address.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something that must not happen did.
    #[error("the center did not start: {0}")]
    Broken(String),
}

/// A center that runs.
pub struct RunningCenter {
    shared: Arc<Shared>,
    hub: HubDoor,
    root: BranchRef,
    uplink: Option<SocketAddr>,
    tasks: TaskTracker,
    /// One configuration at a time: what is logged must be what the plan says.
    configuring: tokio::sync::Mutex<()>,
}

impl RunningCenter {
    /// Starts a center and returns once gateways may sign in. Cancelling `shutdown` stops it; a fatal failure cancels it
    /// from inside, see [`Self::stopped`].
    ///
    /// # Errors
    /// When what is durable cannot be read, the registry does not answer, or the uplink cannot be served.
    pub async fn start(
        options: CenterOptions,
        ports: Ports,
        directory: Arc<dyn Directory>,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<Arc<Self>, StartError> {
        let begun = std::time::Instant::now();
        let tls = options.uplink_tls.as_ref().map(tls::acceptor).transpose()?;
        let listener = match options.uplink_listen {
            None => None,
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(|source| StartError::Listen { address, source })?,
            ),
        };
        let uplink = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let plan = directory.plan().await?;
        let tree = TreePlan::of(&Outline::from(&plan));
        let built = Built::new(options, ports, directory, clock, shutdown, tree)?;
        let Built { shared, writer, mut dispatcher, logged, orders } = built;
        let tasks = TaskTracker::new();
        let guard = |task, work: Task| shared.fatal.clone().guard(task, work);
        let committer: Task = Box::pin(committer::run(
            orders,
            shared.ports.state.clone(),
            shared.tail.clone(),
            shared.committed.clone(),
            shared.clock.clone(),
            shared.fatal.clone(),
        ));
        tasks.spawn(guard("committing alarms and checkpoints", committer));
        let root = Branch { key: NodeKey::Center, shared: shared.clone(), parent: None };
        let (root, root_ends) = Branch::spawn(None, root, ())
            .await
            .map_err(|error| StartError::Broken(error.to_string()))?;
        // Nobody stands above the root to start it again; it takes the whole tree with it.
        tasks.spawn(guard(
            "the root of the supervision tree",
            Box::pin(async { drop(root_ends.await) }),
        ));
        // Every host has attached when the root has started: children start in their parents' `pre_start`.
        let index_from = first_unconsumed(&*shared.ports.journal, shared.ports.history.as_deref());
        let in_force = dispatcher.recover(&shared.ledger, index_from).await?;
        tasks.spawn(guard("writing the journal", Box::pin(writer.run())));
        tasks.spawn(guard("dispatching the log", Box::pin(dispatcher.run(logged))));
        let center = Arc::new(Self {
            hub: spawn_hub(&shared, &tasks),
            shared: shared.clone(),
            root,
            uplink,
            tasks,
            configuring: tokio::sync::Mutex::new(()),
        });
        center.bring_into_force(plan.hosts, &in_force.into_iter().collect()).await?;
        let ready = shared.log.append(RecordKind::CenterReady, 0, Bytes::new()).await;
        if ready.is_err() && !shared.log.is_undurable() {
            return Err(StartError::Broken("the journal took nothing".into()));
        }
        // On a full disk the writer keeps "ready" until there is room, and the center supervises in memory meanwhile.
        shared.ready.store(true, Ordering::Release);
        center.tasks.spawn(guard("the ticks of the log", Box::pin(tick(shared.clone()))));
        let house = Box::pin(history_feed::keep_house(shared.clone()));
        center.tasks.spawn(guard("keeping house", house));
        if let Some(listener) = listener {
            let listening = Box::pin(listener::run(listener, tls, shared.clone()));
            center.tasks.spawn(guard("listening for gateways", listening));
        }
        center.tasks.close();
        tracing::info!(elapsed_ms = begun.elapsed().as_millis(), "the center is ready");
        metrics::gauge!("anlan_center_start_seconds").set(begun.elapsed().as_secs_f64());
        Ok(center)
    }

    /// Where gateways connect.
    #[must_use]
    pub fn uplink_address(&self) -> Option<SocketAddr> {
        self.uplink
    }

    /// Waits until the center has stopped: after `shutdown` was cancelled, or by a fatal failure.
    ///
    /// # Errors
    /// Says what failed; the process must end then, and a restart recovers.
    pub async fn stopped(&self) -> Result<(), String> {
        self.shared.stop.cancelled().await;
        self.root.stop(Some("the center stops".into()));
        // The writer and the committer end when every door to them is closed; doors are held by tasks that end by
        // themselves now. What is not durable was not acknowledged, so nothing waits for them.
        match self.shared.fatal.reason() {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// What the parts of the center share: for tests and benches, which bring their own streams.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Logs the configurations that differ from what is in force, removals first: so a point that moves from one host to
    /// another is never with both.
    async fn bring_into_force(
        &self,
        mut wanted: Vec<HostConfig>,
        in_force: &HashMap<HostNo, Option<Arc<HostConfig>>>,
    ) -> Result<(), StartError> {
        wanted
            .retain(|config| in_force.get(&config.host).and_then(Option::as_deref) != Some(config));
        wanted.sort_by_key(|config| {
            let before = in_force.get(&config.host).and_then(Option::as_ref);
            (before.is_none_or(|b| b.points.len() <= config.points.len()), config.host)
        });
        let not_logged = || StartError::Broken("a configuration could not be made durable".into());
        // Submitted in order and awaited together: thousands of hosts share the fsyncs.
        let mut durable = Vec::with_capacity(wanted.len());
        for config in wanted {
            let bytes = configured::write(&config);
            let (tell, told) = oneshot::channel();
            let (log, then) = (&self.shared.log, Afterwards::Tell(tell));
            let submitted =
                log.submit(RecordKind::ConfiguredV2, config.host.0, bytes.into(), then).await;
            submitted.map_err(|_| not_logged())?;
            durable.push(told);
        }
        for told in durable {
            told.await.map_err(|_| not_logged())?;
        }
        Ok(())
    }

    async fn ask_values(&self, points: Vec<PointId>) -> Vec<PointValue> {
        let mut by_host: HashMap<HostNo, Vec<u32>> = HashMap::new();
        for place in points.iter().filter_map(|point| self.shared.catalog.point(point)) {
            by_host.entry(place.host).or_default().push(place.slot);
        }
        let limit = Some(self.shared.options.ask_within);
        let asked = by_host.into_iter().map(|(host, slots)| async move {
            let actor = self.shared.host_refs.get(host)?;
            match actor.call(|reply| HostMsg::Values(Some(slots), reply), limit).await {
                Ok(CallResult::Success(values)) => Some(values),
                _ => None,
            }
        });
        let answers = futures_util::future::join_all(asked).await;
        answers.into_iter().flatten().flatten().map(|(_, value)| value).collect()
    }

    /// The hosts that an alarm may belong to, the likeliest first. A point that was removed or moved leaves its alarms with the
    /// host that raised them, so the other hosts of its enterprise come after the one that has it now.
    fn hosts_of(&self, subject: &AlarmSubject) -> Vec<HostNo> {
        let catalog = &self.shared.catalog;
        let subject = &*subject.0;
        if subject == "center" {
            return vec![HostNo::CENTER];
        }
        if let Some(id) = subject.strip_prefix("equipment:") {
            let places = EquipmentId::new(id).ok().and_then(|id| catalog.equipment(&id));
            // A piece of equipment is of one hazard source or of none, so its points have one host.
            return places.iter().flatten().map(|place| place.host).take(1).collect();
        }
        let gateway = subject
            .strip_prefix("gateway:")
            .or_else(|| Some(subject.strip_prefix("device:")?.split_once('/')?.0));
        if let Some(gateway) = gateway {
            let gateway = GatewayId::new(gateway).ok();
            return gateway
                .and_then(|id| catalog.general_host(&id.enterprise()))
                .into_iter()
                .collect();
        }
        let Ok(point) = PointId::new(subject) else { return Vec::new() };
        let now = catalog.point(&point).map(|place| place.host);
        let others = catalog.enterprise(&point.enterprise());
        now.into_iter().chain(others.into_iter().filter(|host| Some(*host) != now)).collect()
    }

    /// Takes the views of nodes that stand nowhere any more off the board. Equipment that a new configuration takes out of a
    /// host that stays goes with the next one: whoever looks at it is first shown that nothing of it is left.
    fn forget_what_is_gone(&self) {
        let plan = self.shared.tree_plan();
        let nodes: HashSet<&str> = plan.nodes().map(|(_, facts)| facts.id.as_str()).collect();
        let hosts: HashSet<HostNo> = plan.hosts().collect();
        self.shared.rolls.keep(|node| match node.strip_prefix("equipment:") {
            None => nodes.contains(node),
            Some(id) => EquipmentId::new(id)
                .ok()
                .and_then(|id| self.shared.catalog.equipment(&id))
                .is_some_and(|places| places.iter().any(|place| hosts.contains(&place.host))),
        });
        self.shared.keep_pulses(|host| hosts.contains(&host));
        self.shared.host_refs.keep(|host| hosts.contains(&host));
        // What a session said last may have come after its gateway was forgotten.
        self.shared.sessions.keep(|gateway| plan.has_gateway(gateway));
    }

    /// Has one host apply a command.
    async fn command_at(&self, host: HostNo, command: Bytes) -> Result<(), CenterError> {
        let logged = self.shared.log.append(RecordKind::Command, host.0, command).await;
        let offset = logged.map_err(|_| not_durable())?;
        let outcome = async {
            self.shared.outcomes.wait(offset.0).await?;
            // So that who reads the alarm next sees what they did.
            self.shared.committed.wait(host, offset).await;
            Ok(())
        };
        match tokio::time::timeout(COMMAND_WITHIN, outcome).await {
            Ok(outcome) => outcome.map_err(CenterError::Refused),
            Err(_) => Err(CenterError::NotReady(
                "the command is durable and will take effect; the hazard source answers late"
                    .into(),
            )),
        }
    }
}

fn not_durable() -> CenterError {
    CenterError::NotReady("it could not be made durable".into())
}

/// Work of a task that the center cannot do without.
type Task = futures_util::future::BoxFuture<'static, ()>;

fn spawn_hub(shared: &Arc<Shared>, tasks: &TaskTracker) -> HubDoor {
    let (hub, door) = Hub::new(shared.clone());
    tasks.spawn(shared.fatal.clone().guard("the live hub", hub.run()));
    door
}

/// Logs that time passes, so that hosts look at their deadlines.
async fn tick(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(shared.options.tick);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let ticked =
            shared.log.submit(RecordKind::Tick, 0, Bytes::new(), Afterwards::Nothing).await;
        if ticked.is_err() {
            return;
        }
    }
}

/// The parts before anything runs.
struct Built {
    shared: Arc<Shared>,
    writer: LogWriter,
    dispatcher: Dispatcher,
    logged: mpsc::Receiver<crate::log_writer::Logged>,
    orders: mpsc::UnboundedReceiver<committer::CommitOrder>,
}

impl Built {
    fn new(
        options: CenterOptions,
        ports: Ports,
        directory: Arc<dyn Directory>,
        clock: Clock,
        stop: CancellationToken,
        plan: TreePlan,
    ) -> Result<Self, StartError> {
        let fatal = Fatal::new(stop.clone());
        let ledger = match ports.state.get(LEDGER_KEY)? {
            None => Ledger::default(),
            Some(bytes) => Ledger::from_document(&bytes).map_err(|error| StateError::Damaged {
                what: LEDGER_KEY.into(),
                why: error.to_string(),
            })?,
        };
        let ledger = Arc::new(ledger);
        check_agreement(&*ports.journal, &*ports.state)?;
        let (_, next) = ports.journal.bounds();
        let newest = match next.0.checked_sub(1) {
            Some(last) if last >= ports.journal.bounds().0.0 && last > 0 => {
                ports.journal.read(Offset(last), 1, 1)?.pop().map(|(_, record)| record.received)
            }
            _ => None,
        };
        let log_clock = Arc::new(LogClock::new(clock.clone(), newest));
        let tables = Arc::new(Tables::open(ports.state.clone(), ports.journal.clone())?);
        let catalog = Arc::new(Catalog::default());
        let index = Arc::new(FrameIndex::default());
        let sessions = Arc::new(SessionBook::default());
        let (dispatch_tx, logged) = mpsc::channel(4);
        let bounds =
            QueueBounds { queue_bytes: options.queue_bytes, append_bytes: options.append_bytes };
        let (writer, log) = LogWriter::new(
            ports.journal.clone(),
            ledger.clone(),
            sessions.clone(),
            dispatch_tx,
            log_clock,
            bounds,
            fatal.clone(),
        );
        let lookup = Lookup { tables: tables.clone(), catalog: catalog.clone() };
        let (dispatcher, dispatch) =
            Dispatcher::new(ports.journal.clone(), lookup, index.clone(), fatal.clone());
        let (commits, orders) = mpsc::unbounded_channel();
        let tail = Arc::new(AlarmTail::new(ports.state.clone()));
        let shared = Arc::new(Shared {
            options,
            ports,
            directory,
            clock,
            log,
            commits,
            dispatch,
            ledger,
            tables,
            catalog,
            sessions,
            tail,
            committed: Arc::default(),
            index,
            rolls: Default::default(),
            outcomes: Default::default(),
            undurable: Default::default(),
            host_refs: Default::default(),
            fatal,
            stop,
            plan: RwLock::new(Arc::new(plan)),
            pulses: Mutex::default(),
            lives: AtomicU64::new(1),
            ready: AtomicBool::new(false),
        });
        Ok(Self { shared, writer, dispatcher, logged, orders })
    }
}

#[async_trait]
impl Center for RunningCenter {
    fn ready(&self) -> Result<(), String> {
        self.shared.ready_for_uplink()?;
        if self.shared.log.is_undurable() {
            return Err(
                "the disk is full: nothing is acknowledged, and alarms are shown marked 未落盘 (not durable)"
                    .into(),
            );
        }
        Ok(())
    }

    async fn command(&self, command: Command) -> Result<(), CenterError> {
        self.shared.ready_for_uplink().map_err(CenterError::NotReady)?;
        let subject = command.subject();
        let hosts = self.hosts_of(&subject);
        let mut outcome = Err(CenterError::Unknown(subject.0.to_string()));
        let bytes =
            Bytes::from(postcard::to_stdvec(&command).expect("writing to memory does not fail"));
        for host in hosts {
            let at_host = self.command_at(host, bytes.clone()).await;
            // A host that does not know the alarm says "not open", as one does where it is closed: that is the answer only
            // where no other says more.
            match &at_host {
                Err(CenterError::Refused(why)) if why.is_unknown() => {}
                _ => return at_host,
            }
            outcome = at_host;
        }
        outcome
    }

    async fn configure(&self, hosts: Vec<HostNo>) -> Result<(), CenterError> {
        let _one_at_a_time = self.configuring.lock().await;
        // Read under the lock: what was saved later is never overtaken by what was saved earlier.
        let unread = |error: DirectoryError| CenterError::NotReady(error.to_string());
        let directory = &self.shared.directory;
        let outline = directory.outline().await.map_err(unread)?;
        let configs = directory.host_configs(&hosts).await.map_err(unread)?;
        let tree = Arc::new(TreePlan::of(&outline));
        *self.shared.plan.write().expect("no code panics while it holds the plan") = tree.clone();
        // Before their sessions end with the tree, also where a whole enterprise goes: they are told why.
        self.shared.sessions.keep(|gateway| tree.has_gateway(gateway));
        for ask in [BranchMsg::Prune, BranchMsg::Grow] {
            let done = self.root.call(ask, Some(COMMAND_WITHIN)).await;
            if !matches!(done, Ok(CallResult::Success(()))) {
                return Err(CenterError::NotReady("the tree does not answer".into()));
            }
        }
        self.shared.sessions.check_secrets(&outline.gateways);
        self.forget_what_is_gone();
        let in_force: HashMap<_, _> =
            hosts.into_iter().map(|host| (host, self.shared.catalog.host(host))).collect();
        self.bring_into_force(configs, &in_force)
            .await
            .map_err(|error| CenterError::NotReady(error.to_string()))
    }

    async fn values(&self, points: Vec<PointId>) -> Vec<PointValue> {
        self.ask_values(points).await
    }

    async fn rollups(&self, nodes: Vec<String>) -> Vec<RollupView> {
        nodes.iter().filter_map(|node| self.shared.rolls.get(node)).collect()
    }

    fn gateways(&self) -> Vec<GatewayView> {
        self.shared.sessions.views()
    }

    async fn tree(&self) -> TreeNode {
        let limit = Some(self.shared.options.ask_within * 10);
        let mut tree = match self.root.call(BranchMsg::Describe, limit).await {
            Ok(CallResult::Success(tree)) => tree,
            _ => part("center", "center", "faulty", 0),
        };
        let state = if self.shared.log.is_undurable() { "faulty" } else { "running" };
        tree.children.push(part("journal", "journal", state, self.shared.log.waiting()));
        tree.children.push(part("hub", "hub", "running", 0));
        tree
    }

    async fn subscribe(&self, topic: Topic) -> Result<mpsc::Receiver<LiveMessage>, CenterError> {
        self.hub.subscribe(topic).await
    }

    async fn alarms_after(
        &self,
        after: AlarmSeq,
        limit: usize,
        wait_ms: u64,
    ) -> Vec<Arc<AlarmRecord>> {
        let mut ends = self.shared.tail.watch();
        let new = ends.wait_for(|last| *last > after);
        // Nothing new in that time, or the center ends: then there is nothing.
        drop(tokio::time::timeout(Duration::from_millis(wait_ms), new).await);
        match self.shared.tail.after(after, limit).await {
            Ok(records) => records,
            Err(error) => {
                tracing::error!(%error, "the alarm log cannot be read");
                metrics::counter!("anlan_alarm_read_failures_total").increment(1);
                Vec::new()
            }
        }
    }

    fn last_alarm(&self) -> AlarmSeq {
        self.shared.tail.last()
    }

    fn undurable_alarms(&self) -> Vec<AlarmEntry> {
        self.shared.undurable.all()
    }

    fn undurable_changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        Some(self.shared.undurable.watch())
    }

    async fn trend(
        &self,
        point: PointId,
        from: UtcMillis,
        to: UtcMillis,
        pixels: usize,
    ) -> Result<Trend, CenterError> {
        history_feed::trend(&self.shared, &point, from.0, to.0, pixels).await
    }

    async fn day_quality(
        &self,
        point: PointId,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<DayQuality>, CenterError> {
        history_feed::day_quality(&self.shared, &point, from.0, to.0).await
    }
}

fn part(id: &str, kind: &'static str, state: &'static str, queue: u64) -> TreeNode {
    TreeNode {
        id: id.to_owned(),
        kind,
        name: id.to_owned(),
        state,
        restarts: 0,
        queue,
        last_activity: None,
        sensors: 0,
        faults: 0,
        children: Vec::new(),
    }
}
