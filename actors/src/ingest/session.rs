//! The actor of one gateway: what a frame means for its gateway, and what is shown of it.
//!
//! It lives as long as the gateway is registered; connections come and go, a newer one takes over from an older one. Every
//! data frame is judged by the ledger, journalled, and acknowledged when durable. A frame whose table is not known waits,
//! and all of its lane behind it, until the gateway has sent the table: so the order within a lane is never changed.
//!
//! The end of a connection is logged after its last frame, and not at all when another connection has taken over.

use std::collections::VecDeque;
use std::sync::Arc;

use anlan_domain::ids::PointId;
use anlan_domain::log::{GatewayNo, RecordKind};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{
    self, Acks, Boot, Header, Kind, Lane, NeedTable, ReadingsView, Status, Table, Welcome,
};
use bytes::Bytes;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::OwnedSemaphorePermit;

use super::ledger::Arrival;
use super::outbox::{Outbox, control};
use super::tables::{Pin, TableError};
use crate::api::{DeviceView, GatewayView, TreeNode};
use crate::log_writer::Afterwards;
use crate::shared::Shared;
use crate::tree::plan::NodeFacts;

/// Frames that may wait for a table.
const PARKED_MAX: usize = 256;
/// Frames that may be under way while the center has no room to keep any: a day of one a second and more.
const WINDOW_UNDURABLE: u32 = 1 << 20;
/// Live frames over which the skew is the greatest: the one that was under way for the shortest time tells it best.
const SKEW_FRAMES: usize = 32;
/// What is shown of a gateway is renewed at least this often while frames come.
const PUBLISH_MS: i64 = 1_000;
/// Refused tags that are listed.
const REFUSED_TAGS_MAX: usize = 50;

/// A connection whose hello was good.
pub struct SignedIn {
    /// Number of the connection, never re-used.
    pub connection: u64,
    /// Peer address.
    pub address: String,
    /// Version that it told.
    pub software: String,
    /// Boot of the gateway process.
    pub boot: Boot,
    /// What it still holds.
    pub pending: Vec<(Boot, Lane, u64)>,
    /// SHA-256 of the secret that it showed.
    pub secret_sha256: [u8; 32],
    /// Where answers go.
    pub outbox: Arc<Outbox>,
}

/// What a session actor is told and asked.
pub enum SessionMsg {
    /// A connection signed in; answered with the welcome.
    SignedIn(Box<SignedIn>, RpcReplyPort<Welcome>),
    /// A frame arrived whose bytes were checked.
    Frame {
        /// On which connection.
        connection: u64,
        /// Its header.
        header: Header,
        /// All of it.
        bytes: Bytes,
        /// When, by the log's clock.
        received: UtcMillis,
        /// Room of the connection, given back when the frame is submitted.
        place: OwnedSemaphorePermit,
    },
    /// A frame arrived that is none; the connection ends.
    BadFrame,
    /// A connection ended.
    ConnectionEnded {
        /// Which.
        connection: u64,
    },
    /// What it says of itself.
    Describe(RpcReplyPort<TreeNode>),
    /// Crash now: for tests of supervision.
    Crash,
}

/// What never changes about a session actor.
pub struct Session {
    /// Which gateway.
    pub no: GatewayNo,
    /// Its name and place in the tree.
    pub facts: NodeFacts,
    /// Everything around it.
    pub shared: Arc<Shared>,
}

/// What a frame needs before it can be journalled.
enum Needs {
    /// Nothing, or a table that is here and is held for it.
    Nothing(Option<Pin>),
    /// A table that the gateway has to send first.
    Table(u64),
}

struct Parked {
    header: Header,
    bytes: Bytes,
    received: UtcMillis,
    _place: OwnedSemaphorePermit,
}

/// The state of a session actor.
pub struct SessionState {
    view: GatewayView,
    connection: Option<(u64, Arc<Outbox>)>,
    parked: VecDeque<Parked>,
    asked_for: Option<u64>,
    checked_table: Option<(u64, u64)>,
    skews: VecDeque<i64>,
    epoch: Option<(Boot, u32)>,
    published: UtcMillis,
    last_activity: UtcMillis,
}

impl Actor for Session {
    type Msg = SessionMsg;
    type State = SessionState;
    type Arguments = ();

    async fn pre_start(
        &self,
        myself: ActorRef<SessionMsg>,
        (): (),
    ) -> Result<SessionState, ActorProcessingErr> {
        let now = (self.shared.clock)();
        let id = self.facts.gateway.clone().ok_or("a gateway without an identity")?;
        let mut view = self.shared.sessions.view(self.no).unwrap_or_else(|| new_view(id, now));
        if let Some(outbox) = self.shared.sessions.connection(self.no) {
            // An earlier life ended with a connection open: it ends too, and the log says so.
            outbox.refuse("closed", "the session is started again", 500);
            self.log_end(true).await?;
        }
        view.connected = false;
        self.shared.sessions.publish(self.no, view.clone());
        self.shared.sessions.set_actor(self.no, myself);
        Ok(SessionState {
            view,
            connection: None,
            parked: VecDeque::new(),
            asked_for: None,
            checked_table: None,
            skews: VecDeque::new(),
            epoch: None,
            published: now,
            last_activity: now,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<SessionMsg>,
        message: SessionMsg,
        state: &mut SessionState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SessionMsg::SignedIn(signed_in, reply) => {
                let welcome = self.signed_in(state, *signed_in).await?;
                // The connection may have ended meanwhile; its end is the next message.
                drop(reply.send(welcome));
            }
            SessionMsg::Frame { connection, header, bytes, received, place } => {
                // A connection that was refused takes nothing more: a frame behind one that was not taken would overtake it. It is
                // not acknowledged, so it comes again, in its order, on the next connection.
                let current = state.connection.as_ref().filter(|(current, outbox)| {
                    *current == connection && !outbox.close.is_cancelled()
                });
                if current.is_none() {
                    return Ok(());
                }
                state.last_activity = received;
                self.observe(state, &header, received);
                self.frame(state, header, bytes, received, place).await?;
                if received.since(state.published) >= PUBLISH_MS {
                    self.publish(state, received);
                }
            }
            SessionMsg::BadFrame => {
                state.view.refused += 1;
                self.publish(state, (self.shared.clock)());
            }
            SessionMsg::ConnectionEnded { connection } => {
                if let Some((_, outbox)) =
                    state.connection.take_if(|(current, _)| *current == connection)
                {
                    state.parked.clear();
                    let now = (self.shared.clock)();
                    state.view.connected = false;
                    state.view.since = now;
                    self.publish(state, now);
                    self.log_end(outbox.close.is_cancelled()).await?;
                }
            }
            // Who asked may have stopped waiting.
            SessionMsg::Describe(reply) => drop(reply.send(self.describe(state))),
            SessionMsg::Crash => return Err("asked to crash".into()),
        }
        Ok(())
    }
}

fn new_view(id: anlan_domain::ids::GatewayId, now: UtcMillis) -> GatewayView {
    GatewayView {
        id,
        connected: false,
        since: now,
        last_reading: None,
        backlog_frames: 0,
        skew_ms: None,
        devices: Vec::new(),
        software: String::new(),
        address: String::new(),
        frames: 0,
        readings: 0,
        duplicates: 0,
        refused: 0,
        clock_epoch: 0,
        clock_steps: 0,
        refused_rows: 0,
        refused_tags: Vec::new(),
    }
}

impl Session {
    async fn signed_in(
        &self,
        state: &mut SessionState,
        signed_in: SignedIn,
    ) -> Result<Welcome, ActorProcessingErr> {
        let now = (self.shared.clock)();
        if let Some((_, older)) = state.connection.take() {
            older.refuse("replaced", "another connection of this gateway has taken over", 5_000);
        }
        state.parked.clear();
        state.asked_for = None;
        if self.shared.sessions.connected(self.no, signed_in.outbox.clone()) {
            self.log(RecordKind::CenterLink, 0, 1).await?;
        }
        self.shared.sessions.signed_in_with(self.no, signed_in.secret_sha256);
        // Awaited: then every frame of an earlier connection is either durable or given up, and none that comes now can be taken
        // for one that is still under way. Where it cannot be made durable, the writer keeps it, and the same holds.
        let up = Bytes::from_static(&[1]);
        drop(self.shared.log.append(RecordKind::Link, self.no.0, up).await);
        let acks = self.shared.ledger.signed_in(self.no, signed_in.boot, &signed_in.pending);
        state.connection = Some((signed_in.connection, signed_in.outbox));
        state.view.connected = true;
        state.view.since = now;
        state.view.address = signed_in.address;
        state.view.software = signed_in.software;
        self.publish(state, now);
        // While nothing is acknowledged a usual window would soon be full, and what happens then would not be seen at all.
        let window_frames = if self.shared.log.is_undurable() {
            WINDOW_UNDURABLE
        } else {
            self.shared.options.window_frames
        };
        Ok(Welcome { center_wall: now, acks, window_frames })
    }

    async fn log(&self, kind: RecordKind, source: u32, up: u8) -> Result<(), ActorProcessingErr> {
        let payload = Bytes::copy_from_slice(&[up]);
        self.shared.log.submit(kind, source, payload, Afterwards::Nothing).await?;
        Ok(())
    }

    /// Logs that this gateway's link ended, and that of the center where it was the last of several; not where we ended it.
    async fn log_end(&self, by_us: bool) -> Result<(), ActorProcessingErr> {
        let now = self.shared.log.clock().now();
        let center_lost = self.shared.sessions.disconnected(self.no, now, by_us);
        if self.shared.stop.is_cancelled() {
            // We go, not they: the next start counts every gateway as not connected.
            return Ok(());
        }
        self.log(RecordKind::Link, self.no.0, 0).await?;
        if center_lost {
            tracing::error!(
                "every gateway was lost within seconds: the center's own link counts as lost"
            );
            self.log(RecordKind::CenterLink, 0, 0).await?;
        }
        Ok(())
    }

    /// Measures the gateway's clock, by what it sends live: a backlog tells of earlier epochs, and its frames were under way for hours.
    fn observe(&self, state: &mut SessionState, header: &Header, received: UtcMillis) {
        state.view.frames += 1;
        metrics::counter!("anlan_ingest_frames_total").increment(1);
        if header.lane != Lane::Live || !header.kind.is_data() {
            return;
        }
        match state.epoch {
            Some((boot, epoch)) if boot == header.boot => {
                if header.epoch < epoch {
                    // Sent again after a cut: it tells of a clock that is no longer so.
                    return;
                }
                if epoch < header.epoch {
                    state.view.clock_steps += header.epoch - epoch;
                    metrics::counter!("anlan_ingest_gateway_clock_steps_total")
                        .increment(u64::from(header.epoch - epoch));
                    // What was measured before the step says nothing any more.
                    state.skews.clear();
                }
            }
            _ => state.skews.clear(),
        }
        state.epoch = Some((header.boot, header.epoch));
        state.view.clock_epoch = header.epoch;
        if state.skews.len() == SKEW_FRAMES {
            state.skews.pop_front();
        }
        // Against the center's own clock: that of the log runs on beside it for a while after a step back.
        let lead = self.shared.log.clock().lead_ms();
        state.skews.push_back(header.wall.since(received) + lead);
        state.view.skew_ms = state.skews.iter().max().copied();
    }

    async fn frame(
        &self,
        state: &mut SessionState,
        header: Header,
        bytes: Bytes,
        received: UtcMillis,
        place: OwnedSemaphorePermit,
    ) -> Result<(), ActorProcessingErr> {
        if !header.kind.is_data() {
            return Ok(());
        }
        if header.seq == 0 {
            return self.refuse_frame(state, "a data frame has number 0");
        }
        let waits = state.parked.iter().any(|parked| parked.header.lane == header.lane);
        let is_table = header.kind == Kind::Table;
        match self.needs(state, &header, &bytes)? {
            Needs::Table(hash) => {
                self.park(state, Some(hash), Parked { header, bytes, received, _place: place });
            }
            Needs::Nothing(_) if waits && !is_table => {
                self.park(state, None, Parked { header, bytes, received, _place: place });
            }
            Needs::Nothing(pin) => self.submit(state, header, bytes, received, pin).await?,
        }
        if is_table {
            self.unpark(state).await?;
        }
        Ok(())
    }

    /// What a frame needs. A table that is here is held until the frame is journalled.
    fn needs(
        &self,
        state: &mut SessionState,
        header: &Header,
        bytes: &Bytes,
    ) -> Result<Needs, ActorProcessingErr> {
        if header.kind != Kind::Readings {
            return Ok(Needs::Nothing(None));
        }
        let (_, payload) = uplink::open(bytes)?;
        let hash = ReadingsView::new(payload)?.table;
        let Some(pin) = self.shared.tables.pin(self.no, hash) else {
            return Ok(Needs::Table(hash));
        };
        if header.lane == Lane::Live {
            self.check_table(state, hash)?;
        }
        Ok(Needs::Nothing(Some(pin)))
    }

    /// Finds the rows that are bound to no point of this gateway.
    fn check_table(&self, state: &mut SessionState, hash: u64) -> Result<(), ActorProcessingErr> {
        let version = self.shared.catalog.version();
        if state.checked_table == Some((hash, version)) {
            return Ok(());
        }
        state.checked_table = Some((hash, version));
        let (Some(enterprise), Some(id)) = (&self.facts.enterprise, &self.facts.gateway) else {
            return Ok(());
        };
        let Some(table) = self.shared.tables.get(self.no, hash)? else { return Ok(()) };
        let bound = |tag: &str| {
            PointId::of(enterprise, tag).is_ok_and(|point| self.shared.catalog.is_bound(&point, id))
        };
        let refused: Vec<_> = table.rows.iter().filter(|row| !bound(&row.tag)).collect();
        state.view.refused_rows = u32::try_from(refused.len()).unwrap_or(u32::MAX);
        state.view.refused_tags =
            refused.iter().take(REFUSED_TAGS_MAX).map(|row| row.tag.clone()).collect();
        if !refused.is_empty() {
            metrics::counter!("anlan_ingest_refused_rows_total").increment(refused.len() as u64);
            tracing::warn!(gateway.id = %id, rows = refused.len(), first = %refused[0].tag, "a gateway sends points that are not bound to it; they are ignored");
        }
        Ok(())
    }

    fn park(&self, state: &mut SessionState, missing: Option<u64>, frame: Parked) {
        if let Some(hash) = missing
            && state.asked_for != Some(hash)
            && let Some((_, outbox)) = &state.connection
        {
            state.asked_for = Some(hash);
            outbox.send(control(Kind::NeedTable, (self.shared.clock)(), &NeedTable { hash }));
        }
        if state.parked.len() < PARKED_MAX {
            state.parked.push_back(frame);
            return;
        }
        // Not acknowledged, so it will be sent again, in order, on the next connection.
        metrics::counter!("anlan_ingest_parked_dropped_total").increment(1);
        if let Some((_, outbox)) = &state.connection {
            outbox.refuse("bad_frame", "the table of your readings did not come", 1_000);
        }
    }

    async fn unpark(&self, state: &mut SessionState) -> Result<(), ActorProcessingErr> {
        state.asked_for = None;
        let mut waits: Vec<Lane> = Vec::new();
        for parked in std::mem::take(&mut state.parked) {
            let Parked { header, bytes, received, _place } = parked;
            let missing = match self.needs(state, &header, &bytes)? {
                Needs::Nothing(pin) if !waits.contains(&header.lane) => {
                    self.submit(state, header, bytes, received, pin).await?;
                    continue;
                }
                Needs::Nothing(_) => None,
                Needs::Table(hash) => Some(hash),
            };
            waits.push(header.lane);
            self.park(state, missing, Parked { header, bytes, received, _place });
        }
        Ok(())
    }

    /// Gives a frame whose time has come to the journal.
    async fn submit(
        &self,
        state: &mut SessionState,
        header: Header,
        bytes: Bytes,
        received: UtcMillis,
        table: Option<Pin>,
    ) -> Result<(), ActorProcessingErr> {
        let Header { boot, lane, seq, .. } = header;
        match self.shared.ledger.arrived(self.no, boot, lane, seq) {
            Arrival::New => {}
            arrival => {
                state.view.duplicates += 1;
                metrics::counter!("anlan_ingest_duplicates_total").increment(1);
                if arrival == Arrival::Durable {
                    acknowledge(state, boot, lane, seq);
                }
                return Ok(());
            }
        }
        if let Err(why) = self.take_in(state, &header, &bytes, received).await? {
            self.shared.ledger.given_up(self.no, boot, lane, seq);
            return self.refuse_frame(state, &why);
        }
        if !matches!(header.kind, Kind::Readings | Kind::Status | Kind::Table) {
            // A kind that this version does not use is skipped, and acknowledged so that it is not sent for ever.
            metrics::counter!("anlan_ingest_skipped_frames_total").increment(1);
            self.shared
                .ledger
                .durable([(self.no, boot, lane, seq)], anlan_store::journal::Offset(0));
            acknowledge(state, boot, lane, seq);
            return Ok(());
        }
        let then = Afterwards::Acknowledge { boot, lane, seq, table };
        self.shared.log.submit_at(received, RecordKind::Frame, self.no.0, bytes, then).await?;
        Ok(())
    }

    /// What a frame says of its gateway. The inner error is the gateway's mistake.
    async fn take_in(
        &self,
        state: &mut SessionState,
        header: &Header,
        bytes: &Bytes,
        received: UtcMillis,
    ) -> Result<Result<(), String>, ActorProcessingErr> {
        let (_, payload) = uplink::open(bytes)?;
        match header.kind {
            Kind::Readings => {
                let count = ReadingsView::new(payload)?.count() as u64;
                state.view.readings += count;
                state.view.last_reading = Some(received);
                metrics::counter!("anlan_ingest_readings_total").increment(count);
            }
            Kind::Status => {
                let status: Status = match uplink::read_payload(payload) {
                    Ok(status) => status,
                    Err(error) => return Ok(Err(error.to_string())),
                };
                if header.lane == Lane::Backfill {
                    // How its devices stood then is for the hosts; here is how they stand.
                    return Ok(Ok(()));
                }
                state.view.backlog_frames = status.backlog_frames;
                state.view.devices = status
                    .devices
                    .into_iter()
                    .map(|device| DeviceView {
                        device: device.device,
                        connected: device.connected,
                        since: device.since,
                        error: device.last_error,
                    })
                    .collect();
                self.publish(state, received);
            }
            Kind::Table => {
                let table: Table = match uplink::read_payload(payload) {
                    Ok(table) => table,
                    Err(error) => return Ok(Err(error.to_string())),
                };
                match self.shared.tables.put(self.no, table).await {
                    Ok(()) => {}
                    Err(TableError::State(error)) => {
                        self.shared.fatal.end("a point table cannot be written", &error);
                        return Err(error.into());
                    }
                    Err(error @ TableError::TooMany { .. }) => {
                        tracing::warn!(gateway = %self.facts.id, "a point table is refused: {error}");
                        return Ok(Err(error.to_string()));
                    }
                }
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    fn refuse_frame(&self, state: &mut SessionState, why: &str) -> Result<(), ActorProcessingErr> {
        state.view.refused += 1;
        metrics::counter!("anlan_ingest_bad_frames_total").increment(1);
        if let Some((_, outbox)) = &state.connection {
            outbox.refuse("bad_frame", why, 5_000);
        }
        Ok(())
    }

    fn publish(&self, state: &mut SessionState, now: UtcMillis) {
        state.published = now;
        self.shared.sessions.publish(self.no, state.view.clone());
    }

    fn describe(&self, state: &SessionState) -> TreeNode {
        TreeNode {
            id: self.facts.id.clone(),
            kind: "gateway_session",
            name: self.facts.name.clone(),
            state: "running",
            restarts: 0,
            queue: state.parked.len() as u64,
            last_activity: Some(state.last_activity),
            sensors: 0,
            faults: 0,
            children: Vec::new(),
        }
    }
}

fn acknowledge(state: &SessionState, boot: Boot, lane: Lane, seq: u64) {
    if let Some((_, outbox)) = &state.connection {
        outbox.acknowledge(&Acks { ranges: vec![(boot, lane, vec![(seq, seq)])] });
    }
}
