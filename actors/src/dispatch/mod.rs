//! From the log to the hosts, in the order of offsets.
//!
//! The dispatcher takes batches of durable records from the log writer, decodes each once, and sends every host one message
//! a batch with what is for it. **One slow host delays only itself**: when as much waits in front of a host as may, the
//! dispatcher lets it go, and [`catch_up`] feeds it from the journal until it is abreast again. A restarted host comes
//! back by the same way, from the offset of its checkpoint; and at start the same walk through the journal serves all hosts
//! at once. So there is one path: *the journal from some offset on*, and the live edge is only its end.

use std::collections::HashMap;
use std::sync::Arc;

use anlan_domain::log::{GatewayNo, HostNo};
use anlan_domain::uplink;
use anlan_store::journal::{Journal, JournalError, Offset, Record};
use tokio::sync::mpsc;

use crate::fatal::Fatal;
use crate::history_feed::FrameIndex;
use crate::ingest::ledger::Ledger;
use crate::log_writer::Logged;

pub mod catch_up;
pub mod feed;
pub mod input;
pub mod routes;

use catch_up::{CatchUp, Fed, give, lines};
use feed::{Feed, Lookup};
use input::{Decoded, Input, decode};

/// Records read from the journal at a time.
const READ_RECORDS: usize = 1024;
/// Bytes read from the journal at a time.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// What the tree tells the dispatcher.
pub enum Control {
    /// A host actor lives and wants the log from `feed.next` on.
    Attach(Box<Feed>),
    /// A feed that was behind has come to the end of the journal as it was.
    Abreast(Box<Feed>),
}

/// Where a host stands.
enum Place {
    /// Fed batch by batch.
    Following(Box<Feed>),
    /// Fed from the journal by a task of its own, in this life.
    Behind { life: u64 },
}

/// The dispatcher.
pub struct Dispatcher {
    journal: Arc<dyn Journal>,
    lookup: Lookup,
    index: Arc<FrameIndex>,
    control: mpsc::UnboundedReceiver<Control>,
    behind: mpsc::UnboundedSender<Box<Feed>>,
    catch_up: Option<CatchUp>,
    /// Whether the newest records could not be made durable.
    volatile: bool,
    hosts: HashMap<HostNo, Place>,
    of_gateway: HashMap<GatewayNo, Vec<HostNo>>,
    /// Offset of the next record that will come.
    at: Offset,
    fatal: Fatal,
}

impl Dispatcher {
    /// A dispatcher without hosts, and the door to it.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        lookup: Lookup,
        index: Arc<FrameIndex>,
        fatal: Fatal,
    ) -> (Self, mpsc::UnboundedSender<Control>) {
        let (tell, control) = mpsc::unbounded_channel();
        let at = journal.bounds().1;
        let (catch_up, behind) =
            CatchUp::new(journal.clone(), lookup.clone(), tell.clone(), fatal.clone());
        let dispatcher = Self {
            journal,
            lookup,
            index,
            control,
            behind,
            catch_up: Some(catch_up),
            volatile: false,
            hosts: HashMap::new(),
            of_gateway: HashMap::new(),
            at,
            fatal,
        };
        (dispatcher, tell)
    }

    /// Takes the hosts that have attached so far and brings all of them to the end of the journal, reading it once.
    /// Enters into the ledger what it does not know yet. Returns the configurations that are in force then.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn recover(
        &mut self,
        ledger: &Ledger,
        index_from: Offset,
    ) -> Result<Vec<(HostNo, Option<Arc<anlan_domain::log::HostConfig>>)>, JournalError> {
        let mut feeds: Vec<Box<Feed>> = Vec::new();
        while let Ok(control) = self.control.try_recv() {
            if let Control::Attach(feed) = control {
                feeds.retain(|other| other.host != feed.host);
                feeds.push(feed);
            }
        }
        for feed in &feeds {
            if let Some(config) = &feed.config {
                self.lookup.catalog.configured(config.clone());
            }
        }
        let (first, end) = self.journal.bounds();
        let hosts_from = feeds.iter().map(|feed| feed.next).min().unwrap_or(end);
        let mut at = hosts_from.min(ledger.complete_to()).min(index_from).max(first);
        if let Some(feed) = feeds.iter().find(|feed| feed.next < first && feed.config.is_some()) {
            return Err(JournalError::Trimmed { first, asked: feed.next });
        }
        tracing::info!(from = at.0, to = end.0, hosts = feeds.len(), "replaying the journal");
        while at < end {
            let records = read(&self.journal, at).await?;
            let Some((last, _)) = records.last() else { break };
            at = Offset(last.0 + 1);
            note_frames(ledger, &records);
            let decoded: Vec<_> = records
                .into_iter()
                .map(|(offset, record)| {
                    let decoded = decode(offset, &record);
                    if index_from <= offset {
                        self.index_frame(offset, &decoded);
                    }
                    (offset, record.received, decoded)
                })
                .collect();
            for feed in &mut feeds {
                feed_from(feed, &self.lookup, &decoded).await;
            }
            metrics::counter!("anlan_replay_records_total").increment(decoded.len() as u64);
        }
        self.at = end;
        ledger.durable([], end);
        let configs = feeds.iter().map(|feed| (feed.host, feed.config.clone())).collect();
        for feed in feeds {
            self.hosts.insert(feed.host, Place::Following(feed));
        }
        self.index_gateways();
        Ok(configs)
    }

    fn index_gateways(&mut self) {
        self.of_gateway.clear();
        for (&host, place) in &self.hosts {
            let Place::Following(feed) = place else { continue };
            let Some(config) = &feed.config else { continue };
            for (gateway, _) in &config.gateways {
                self.of_gateway.entry(*gateway).or_default().push(host);
            }
        }
    }

    fn index_frame(&self, offset: Offset, decoded: &Decoded) {
        if let Decoded::Readings { gateway, count, .. } = decoded {
            self.index.add(*gateway, offset);
            metrics::counter!("anlan_dispatch_readings_total").increment(*count as u64);
        }
    }

    /// Runs until the log writer ends.
    pub async fn run(mut self, mut logged: mpsc::Receiver<Logged>) {
        if let Some(catch_up) = self.catch_up.take() {
            tokio::spawn(self.fatal.clone().guard("feeding hosts that are behind", catch_up.run()));
        }
        loop {
            tokio::select! {
                biased;
                Some(control) = self.control.recv() => self.take(control).await,
                batch = logged.recv() => match batch {
                    Some(Logged::Durable { first, records }) => self.durable(first, records),
                    Some(Logged::Volatile(records)) => {
                        self.volatile = true;
                        self.volatile(&records);
                    }
                    Some(Logged::DurableAgain) => {
                        self.volatile = false;
                        for place in self.hosts.values() {
                            if let Place::Following(feed) = place {
                                feed.forget_volatile();
                            }
                        }
                    }
                    None => return,
                },
            }
        }
    }

    async fn take(&mut self, control: Control) {
        match control {
            Control::Attach(feed) => self.fall_behind(feed),
            Control::Abreast(mut feed) => {
                let current = self.hosts.get(&feed.host);
                if !matches!(current, Some(Place::Behind { life }) if *life == feed.life) {
                    return;
                }
                let gap = self.at.0.saturating_sub(feed.next.0);
                if gap > READ_RECORDS as u64 || !feed.has_room() {
                    return self.fall_behind(feed);
                }
                // The last few records: while they are read nothing is dispatched, so this ends. Nothing is waited for either.
                while feed.next < self.at {
                    let lines = match lines(&self.journal, feed.next).await {
                        Ok(lines) => lines,
                        Err(error) => return self.fatal.end("the journal cannot be read", &error),
                    };
                    match give(&mut feed, &self.lookup, &lines) {
                        Fed::Yes if lines.is_empty() => break,
                        Fed::Yes => {}
                        Fed::Full => return self.fall_behind(feed),
                        Fed::Ended => return drop(self.hosts.remove(&feed.host)),
                    }
                }
                if !self.volatile {
                    // While it was behind it may have missed that there is room again.
                    feed.forget_volatile();
                }
                self.hosts.insert(feed.host, Place::Following(feed));
                self.index_gateways();
            }
        }
    }

    /// Has a host fed from the journal.
    fn fall_behind(&mut self, feed: Box<Feed>) {
        self.hosts.insert(feed.host, Place::Behind { life: feed.life });
        self.index_gateways();
        metrics::counter!("anlan_dispatch_catch_ups_total").increment(1);
        // It ends only with the center.
        drop(self.behind.send(feed));
    }

    fn durable(&mut self, first: Offset, records: Vec<Record>) {
        let mut inputs: HashMap<HostNo, Vec<Input>> = HashMap::new();
        let mut configured = false;
        for (offset, record) in (first.0..).map(Offset).zip(&records) {
            let decoded = decode(offset, record);
            self.index_frame(offset, &decoded);
            configured |= self.route(offset, record, &decoded, &mut inputs);
        }
        self.at = Offset(first.0 + records.len() as u64);
        if configured {
            self.index_gateways();
        }
        for (host, inputs) in inputs {
            self.send(host, inputs);
        }
    }

    /// Adds what a record means for each host that follows; says whether a configuration changed.
    fn route(
        &mut self,
        offset: Offset,
        record: &Record,
        decoded: &Decoded,
        inputs: &mut HashMap<HostNo, Vec<Input>>,
    ) -> bool {
        let mut give = |place: &mut Place| {
            if let Place::Following(feed) = place
                && let Some(input) = feed.input(&self.lookup, offset, record.received, decoded)
            {
                inputs.entry(feed.host).or_default().push(input);
            }
        };
        match decoded {
            Decoded::Nothing => {}
            Decoded::OfHost(host, what) => {
                if let Some(place) = self.hosts.get_mut(host) {
                    give(place);
                }
                return matches!(what, input::What::Configured(_));
            }
            Decoded::OfAll(_) => self.hosts.values_mut().for_each(give),
            Decoded::OfGateway(gateway, _) | Decoded::Readings { gateway, .. } => {
                for host in self.of_gateway.get(gateway).into_iter().flatten() {
                    if let Some(place) = self.hosts.get_mut(host) {
                        give(place);
                    }
                }
            }
        }
        false
    }

    fn send(&mut self, host: HostNo, inputs: Vec<Input>) {
        let Some(Place::Following(feed)) = self.hosts.get_mut(&host) else { return };
        let from = inputs.first().map(|input| input.offset);
        if let Some(room) = feed.try_room() {
            // A host that has ended attaches anew in its next life, from its checkpoint.
            if !feed.send(inputs, self.at, room) {
                self.hosts.remove(&host);
            }
            return;
        }
        if let Some(Place::Following(mut feed)) = self.hosts.remove(&host) {
            tracing::warn!(
                host = host.0,
                "a host is slow: it is fed from the journal until it is abreast"
            );
            feed.rewind(from.unwrap_or(self.at));
            self.fall_behind(feed);
        }
    }

    fn volatile(&mut self, records: &[Record]) {
        let mut inputs: HashMap<HostNo, Vec<Input>> = HashMap::new();
        for record in records {
            // An offset beyond all: it will never be one of the log.
            let offset = Offset(u64::MAX);
            let decoded = decode(offset, record);
            if !matches!(decoded, Decoded::OfHost(..)) {
                self.route(offset, record, &decoded, &mut inputs);
            }
        }
        for (host, inputs) in inputs {
            if let Some(Place::Following(feed)) = self.hosts.get(&host) {
                feed.send_volatile(inputs);
            }
        }
    }
}

/// Reads records from `from` on, on a thread that may block.
async fn read(
    journal: &Arc<dyn Journal>,
    from: Offset,
) -> Result<Vec<(Offset, Record)>, JournalError> {
    let journal = journal.clone();
    tokio::task::spawn_blocking(move || journal.read(from, READ_RECORDS, READ_BYTES))
        .await
        .expect("reading the journal does not panic")
}

/// Gives a host what is for it of some decoded records, waiting for room; `false` when it has ended.
async fn feed_from(
    feed: &mut Feed,
    lookup: &Lookup,
    decoded: &[(Offset, anlan_domain::time::UtcMillis, Decoded)],
) -> bool {
    let inputs: Vec<Input> = decoded
        .iter()
        .filter_map(|(offset, received, decoded)| feed.input(lookup, *offset, *received, decoded))
        .collect();
    let next = decoded.last().map_or(feed.next, |(last, ..)| Offset(last.0 + 1));
    if inputs.is_empty() {
        feed.next = feed.next.max(next);
        return true;
    }
    let Some(room) = feed.room().await else { return false };
    feed.send(inputs, next, room)
}

/// Enters journalled frames into the ledger.
fn note_frames(ledger: &Ledger, records: &[(Offset, Record)]) {
    let complete_to = ledger.complete_to();
    let frames = records.iter().filter_map(|(offset, record)| {
        if *offset < complete_to || record.kind != anlan_domain::log::RecordKind::Frame {
            return None;
        }
        let (header, _) = uplink::open(&record.payload).ok()?;
        Some((GatewayNo(record.source), header.boot, header.lane, header.seq))
    });
    let frames: Vec<_> = frames.collect();
    let next = records.last().map_or(complete_to, |(last, _)| Offset(last.0 + 1));
    ledger.durable(frames, next);
}
