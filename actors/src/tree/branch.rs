//! The supervisor of a region, of an enterprise, or of the center itself: starts what stands below, adds up what it shows.
//!
//! One actor type serves province, city, county and park; an enterprise and the center differ only in what stands below.
//! A crashed child is started again with backoff and never takes its parent down. Roll-ups flow up only when they change.
//!
//! Where the plan changes, the whole tree is first pruned, then grown: what now stands elsewhere, an enterprise that moved to
//! another park, has ended in its old place before it starts in the new one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{
    Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent,
};

use super::boards::NodeRoll;
use super::host::{HostActor, HostMsg};
use super::nursery::Nursery;
use super::plan::{NodeFacts, NodeKey};
use crate::api::TreeNode;
use crate::ingest::session::{Session, SessionMsg};
use crate::shared::Shared;

/// What a branch is told and asked.
pub enum BranchMsg {
    /// The plan has changed: end what no longer stands here, here and below. Answered when it has ended.
    Prune(RpcReplyPort<()>),
    /// The plan has changed: start what is missing, here and below. Answered when everything below runs or has failed to.
    Grow(RpcReplyPort<()>),
    /// A child shows something else now.
    RollChanged {
        /// Which child.
        child: NodeKey,
        /// What it shows.
        roll: NodeRoll,
    },
    /// The delay of a child that ended is over.
    StartAgain(NodeKey),
    /// A child that kept failing has run for a while.
    HasLived(NodeKey),
    /// What it and everything below says of itself.
    Describe(RpcReplyPort<TreeNode>),
}

/// Address of one life of a branch.
pub type BranchRef = ActorRef<BranchMsg>;

/// How long a node that no longer stands somewhere may take to end.
const PRUNE_WITHIN: Duration = Duration::from_secs(5);

/// Shortest time between two looks at a child that may have recovered.
const HEALTH_STEP: Duration = Duration::from_secs(1);

/// What never changes about a branch.
pub struct Branch {
    /// Which node.
    pub key: NodeKey,
    /// Everything around it.
    pub shared: Arc<Shared>,
    /// Its parent; the center has none.
    pub parent: Option<BranchRef>,
}

/// The state of a branch.
#[derive(Default)]
pub struct BranchState {
    nursery: Nursery,
    rolls: BTreeMap<NodeKey, NodeRoll>,
    told: Option<NodeRoll>,
}

impl Actor for Branch {
    type Msg = BranchMsg;
    type State = BranchState;
    type Arguments = ();

    async fn pre_start(
        &self,
        myself: BranchRef,
        (): (),
    ) -> Result<BranchState, ActorProcessingErr> {
        let mut state = BranchState::default();
        self.grow(&myself, &mut state).await;
        self.tell(&mut state);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: BranchRef,
        message: BranchMsg,
        state: &mut BranchState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            BranchMsg::Prune(reply) => {
                self.prune(state).await;
                self.ask_branches(state, BranchMsg::Prune).await;
                self.tell(state);
                drop(reply.send(()));
            }
            BranchMsg::Grow(reply) => {
                self.grow(&myself, state).await;
                self.ask_branches(state, BranchMsg::Grow).await;
                self.tell(state);
                drop(reply.send(()));
            }
            BranchMsg::RollChanged { child, roll } => {
                // The last word of a child that has moved away comes after it.
                if state.nursery.children.contains_key(&child) || !self.is_pruned(&child) {
                    state.rolls.insert(child, roll);
                    self.tell(state);
                }
            }
            BranchMsg::StartAgain(key) => {
                if state.nursery.awaits_start(&key) && !self.shared.stop.is_cancelled() {
                    self.start(&myself, state, key).await;
                    self.tell(state);
                }
            }
            BranchMsg::HasLived(key) => {
                self.watch_health(&myself, state, key);
                self.tell(state);
            }
            BranchMsg::Describe(reply) => {
                let node = self.describe(state);
                let (asked, limit) = (self.children_to_ask(state), self.shared.options.ask_within);
                // Answered from a task of its own: a child that is stuck must not make its parent look stuck.
                tokio::spawn(async move {
                    let node = ask_children(node, asked, limit).await;
                    drop(reply.send(node));
                });
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: BranchRef,
        event: SupervisionEvent,
        state: &mut BranchState,
    ) -> Result<(), ActorProcessingErr> {
        let (who, why) = match event {
            SupervisionEvent::ActorFailed(who, error) => (who, error.to_string()),
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                (who, reason.unwrap_or_else(|| "ended".into()))
            }
            _ => return Ok(()),
        };
        if self.shared.stop.is_cancelled() {
            return Ok(());
        }
        let now = (self.shared.clock)();
        if let Some((key, delay)) = state.nursery.ended(who.get_id(), now) {
            tracing::warn!(node = ?key, %why, delay_ms = delay.as_millis(), "a child ended and is started again");
            myself.send_after(delay, move || BranchMsg::StartAgain(key));
            self.tell(state);
        }
        Ok(())
    }
}

impl Branch {
    async fn grow(&self, myself: &BranchRef, state: &mut BranchState) {
        for key in self.shared.tree_plan().children(&self.key) {
            if !state.nursery.children.contains_key(key) {
                self.start(myself, state, key.clone()).await;
            }
        }
    }

    /// Whether the plan no longer has a node below this one.
    fn is_pruned(&self, child: &NodeKey) -> bool {
        !self.shared.tree_plan().children(&self.key).contains(child)
    }

    async fn prune(&self, state: &mut BranchState) {
        let plan = self.shared.tree_plan();
        let wanted = plan.children(&self.key);
        let gone: Vec<NodeKey> =
            state.nursery.children.keys().filter(|key| !wanted.contains(key)).cloned().collect();
        for key in gone {
            let child = state.nursery.children.remove(&key);
            state.rolls.remove(&key);
            tracing::info!(node = ?key, "a node no longer stands here and ends");
            let Some(cell) = child.and_then(|child| child.cell) else { continue };
            let ended = cell.stop_and_wait(Some("moved or removed".into()), Some(PRUNE_WITHIN));
            if let Err(error) = ended.await {
                // Its next life fences what this one may still hand in; see the committer.
                tracing::error!(node = ?key, %error, "a node that no longer stands here has not ended in time");
                cell.kill();
            }
        }
    }

    /// Asks the branches directly below, one after the other, and waits for each.
    async fn ask_branches(
        &self,
        state: &BranchState,
        message: impl Fn(RpcReplyPort<()>) -> BranchMsg,
    ) {
        for child in state.nursery.children.values() {
            if let Some(cell) = &child.cell
                && cell.is_message_type_of::<BranchMsg>() == Some(true)
            {
                let child: BranchRef = cell.clone().into();
                let limit = Some(self.shared.options.ask_within * 10);
                // One that does not answer is seen in the tree; the others go on.
                drop(child.call(&message, limit).await);
            }
        }
    }

    async fn start(&self, myself: &BranchRef, state: &mut BranchState, key: NodeKey) {
        match self.spawn(myself, &key).await {
            Ok(cell) => {
                state.nursery.started(key.clone(), cell);
                self.watch_health(myself, state, key);
            }
            Err(error) => {
                let delay = state.nursery.failed_to_start(&key, (self.shared.clock)());
                tracing::error!(node = ?key, %error, "a child could not be started");
                myself.send_after(delay, move || BranchMsg::StartAgain(key));
            }
        }
    }

    /// Looks again when a child that kept failing may count as healthy: nothing else would tell of its recovery.
    fn watch_health(&self, myself: &BranchRef, state: &BranchState, key: NodeKey) {
        if let Some(wait) = state.nursery.healthy_in(&key, (self.shared.clock)()) {
            // The clock of the center and the timer's do not tick as one: never at once, again and again.
            let wait = wait.max(HEALTH_STEP);
            myself.send_after(wait, move || BranchMsg::HasLived(key));
        }
    }

    async fn spawn(&self, myself: &BranchRef, key: &NodeKey) -> Result<ActorCell, SpawnErr> {
        let facts = self.facts(key);
        let (shared, above) = (self.shared.clone(), myself.get_cell());
        Ok(match key {
            NodeKey::Center | NodeKey::Region(_) | NodeKey::Enterprise(_) => {
                let branch = Self { key: key.clone(), shared, parent: Some(myself.clone()) };
                // Boxed: a branch starts branches.
                let start = Box::pin(Self::spawn_linked(None, branch, (), above));
                start.await?.0.get_cell()
            }
            NodeKey::Host(host) => {
                let actor =
                    HostActor { host: *host, node: facts.id, shared, parent: myself.clone() };
                HostActor::spawn_linked(None, actor, (), above).await?.0.get_cell()
            }
            NodeKey::Gateway(no) => {
                let session = Session { no: *no, facts, shared };
                Session::spawn_linked(None, session, (), above).await?.0.get_cell()
            }
        })
    }

    fn facts(&self, key: &NodeKey) -> NodeFacts {
        self.shared.tree_plan().get(key).cloned().unwrap_or_else(|| NodeFacts {
            id: format!("{key:?}"),
            name: String::new(),
            parent: None,
            enterprise: None,
            gateway: None,
        })
    }

    /// Adds up and, where it is another sum than before, publishes it and tells the parent.
    fn tell(&self, state: &mut BranchState) {
        let mut sum = NodeRoll::default();
        state.rolls.values().for_each(|roll| sum.add(roll));
        sum.faulty += state.nursery.faulty((self.shared.clock)());
        if state.told == Some(sum) {
            return;
        }
        state.told = Some(sum);
        // Where the plan has it no longer it is about to end, and shows nothing.
        if let Some(facts) = self.shared.tree_plan().get(&self.key) {
            self.shared.rolls.publish(sum.view(&facts.id));
        }
        if let Some(parent) = &self.parent {
            let message = BranchMsg::RollChanged { child: self.key.clone(), roll: sum };
            if parent.send_message(message).is_err() {
                tracing::debug!(node = ?self.key, "a parent has ended");
            }
        }
    }

    fn describe(&self, state: &BranchState) -> TreeNode {
        let facts = self.facts(&self.key);
        let kind = match self.key {
            NodeKey::Center => "center",
            NodeKey::Region(_) => "region",
            _ => "enterprise",
        };
        let points = state.told.map_or(0, |roll| roll.roll.points());
        TreeNode {
            id: facts.id,
            kind,
            name: facts.name,
            state: "running",
            restarts: 0,
            queue: 0,
            last_activity: Some((self.shared.clock)()),
            sensors: points,
            faults: state.told.map_or(0, |roll| roll.faulty),
            children: Vec::new(),
        }
    }

    fn children_to_ask(&self, state: &BranchState) -> Vec<Asked> {
        let now = (self.shared.clock)();
        let plan = self.shared.tree_plan();
        state
            .nursery
            .children
            .iter()
            .map(|(key, child)| {
                let facts = plan.get(key);
                let id = facts.map_or_else(|| format!("{key:?}"), |facts| facts.id.clone());
                let name = facts.map_or_else(|| id.clone(), |facts| facts.name.clone());
                let (kind, pulse) = match key {
                    NodeKey::Center => ("center", None),
                    NodeKey::Region(_) => ("region", None),
                    NodeKey::Enterprise(_) => ("enterprise", None),
                    NodeKey::Gateway(_) => ("gateway_session", None),
                    NodeKey::Host(host) => ("host", self.shared.pulse(*host)),
                };
                let known = TreeNode {
                    id,
                    kind,
                    name,
                    state: state.nursery.state(key, now),
                    restarts: child.restarts,
                    queue: pulse.as_ref().map_or(0, |pulse| pulse.waiting()),
                    last_activity: pulse.and_then(|pulse| pulse.last_activity()),
                    sensors: 0,
                    faults: 0,
                    children: Vec::new(),
                };
                Asked { known, cell: child.cell.clone() }
            })
            .collect()
    }
}

/// A child to be asked, and what its parent knows of it.
struct Asked {
    known: TreeNode,
    cell: Option<ActorCell>,
}

/// Asks all children at once, each with a time limit. One that lives and does not answer is stuck: it is shown as faulty.
async fn ask_children(
    mut node: TreeNode,
    children: Vec<Asked>,
    limit: std::time::Duration,
) -> TreeNode {
    let asked = children.into_iter().map(|Asked { known, cell }| async move {
        let Some(cell) = cell else { return known };
        let answer = match known.kind {
            "host" => {
                let host: ActorRef<HostMsg> = cell.into();
                host.call(HostMsg::Describe, Some(limit)).await.ok()
            }
            "gateway_session" => {
                let session: ActorRef<SessionMsg> = cell.into();
                session.call(SessionMsg::Describe, Some(limit)).await.ok()
            }
            _ => {
                let branch: BranchRef = cell.into();
                // Its answer waits for those below it, at every rung.
                branch.call(BranchMsg::Describe, Some(limit * 8)).await.ok()
            }
        };
        match answer {
            Some(ractor::rpc::CallResult::Success(own)) => {
                let state = if known.state == "running" { own.state } else { known.state };
                TreeNode { state, restarts: known.restarts, name: known.name, ..own }
            }
            _ => {
                metrics::counter!("anlan_tree_unanswered_total").increment(1);
                TreeNode { state: "faulty", ..known }
            }
        }
    });
    node.children = futures_util::future::join_all(asked).await;
    node
}
