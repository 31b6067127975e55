//! What has been received of each gateway: sets of sequence numbers per boot and lane.
//!
//! A frame is new, under way to the journal, or durable. Only a durable one is acknowledged, and a resend of one is
//! acknowledged again without being journalled again. The ledger is written as a document every few seconds together with
//! the journal offset up to which it is complete; what came after is read back from the journal at start, so the journal
//! stays the truth. A boot that its gateway no longer names is forgotten once newer ones are known.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use anlan_domain::log::GatewayNo;
use anlan_domain::uplink::{Acks, Boot, Lane};
use anlan_store::journal::Offset;
use serde::{Deserialize, Serialize};

/// Boots remembered per gateway beyond those that it names itself.
const BOOTS_KEPT: usize = 16;

/// A set of sequence numbers as ascending, disjoint, non-adjacent ranges, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Whether `seq` is in the set.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let after = self.0.partition_point(|&(first, _)| first <= seq);
        after > 0 && seq <= self.0[after - 1].1
    }

    /// Adds `first..=last`.
    pub fn add(&mut self, first: u64, last: u64) {
        // The usual case, one gateway counting on, touches the last range alone.
        if let Some(end) = self.0.last_mut()
            && first > end.0
            && first <= end.1.saturating_add(1)
        {
            end.1 = end.1.max(last);
            return;
        }
        let from = self.0.partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|&(start, _)| start <= last.saturating_add(1));
        let merged = self.0[from..to]
            .iter()
            .fold((first, last), |(low, high), &(a, b)| (low.min(a), high.max(b)));
        self.0.splice(from..to, [merged]);
    }

    /// The ranges.
    #[must_use]
    pub fn as_slice(&self) -> &[(u64, u64)] {
        &self.0
    }
}

/// What a received frame is to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Never seen: it goes to the journal.
    New,
    /// On its way to the journal: its acknowledgement will come by itself.
    UnderWay,
    /// Durable: acknowledge it again.
    Durable,
}

#[derive(Clone, Debug, Default)]
struct LaneBook {
    durable: Ranges,
    under_way: std::collections::HashSet<u64>,
}

#[derive(Default)]
struct Book {
    /// Boots in the order in which they were first seen; the newest last.
    boots: Vec<Boot>,
    lanes: BTreeMap<(Boot, Lane), LaneBook>,
}

impl Book {
    fn lane(&mut self, boot: Boot, lane: Lane) -> &mut LaneBook {
        if !self.boots.contains(&boot) {
            self.boots.push(boot);
        }
        self.lanes.entry((boot, lane)).or_default()
    }
}

#[derive(Default)]
struct Books {
    /// Every frame of the journal before this offset is entered.
    complete_to: Offset,
    by_gateway: HashMap<GatewayNo, Book>,
}

/// The ledger of all gateways. Shared by the sessions (who ask) and the log writer (who enters what became durable).
#[derive(Default)]
pub struct Ledger {
    books: Mutex<Books>,
}

/// The ledger on disk.
#[derive(Serialize, Deserialize)]
struct Document {
    complete_to: u64,
    gateways: Vec<(GatewayNo, Vec<(Boot, LaneRanges)>)>,
}

/// What is durable of one boot, by lane.
type LaneRanges = Vec<(Lane, Ranges)>;

impl Ledger {
    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().expect("no code panics while it holds the ledger")
    }

    /// Registers a received frame.
    pub fn arrived(&self, gateway: GatewayNo, boot: Boot, lane: Lane, seq: u64) -> Arrival {
        let mut books = self.books();
        let book = books.by_gateway.entry(gateway).or_default().lane(boot, lane);
        if book.durable.contains(seq) {
            Arrival::Durable
        } else if book.under_way.insert(seq) {
            Arrival::New
        } else {
            Arrival::UnderWay
        }
    }

    /// A frame was not journalled after all: a resend of it is new again.
    pub fn given_up(&self, gateway: GatewayNo, boot: Boot, lane: Lane, seq: u64) {
        self.books().by_gateway.entry(gateway).or_default().lane(boot, lane).under_way.remove(&seq);
    }

    /// Frames became durable; every record of the journal before `complete_to` is entered now.
    pub fn durable(
        &self,
        frames: impl IntoIterator<Item = (GatewayNo, Boot, Lane, u64)>,
        complete_to: Offset,
    ) {
        let mut books = self.books();
        for (gateway, boot, lane, seq) in frames {
            let book = books.by_gateway.entry(gateway).or_default().lane(boot, lane);
            book.under_way.remove(&seq);
            book.durable.add(seq, seq);
        }
        books.complete_to = books.complete_to.max(complete_to);
    }

    /// What is durable of the boots that a gateway names when it signs in. What it no longer names was acknowledged to
    /// it, so that old boots are forgotten here; everything below the first number it still holds counts as durable.
    pub fn signed_in(
        &self,
        gateway: GatewayNo,
        current: Boot,
        pending: &[(Boot, Lane, u64)],
    ) -> Acks {
        let mut books = self.books();
        let book = books.by_gateway.entry(gateway).or_default();
        for &(boot, lane, first_unacked) in pending {
            let lane = book.lane(boot, lane);
            if first_unacked > 1 {
                lane.durable.add(1, first_unacked - 1);
            }
        }
        let named = |boot: &Boot| *boot == current || pending.iter().any(|(b, ..)| b == boot);
        while book.boots.len() > BOOTS_KEPT {
            let Some(oldest) = book.boots.iter().position(|b| !named(b)) else { break };
            let gone = book.boots.remove(oldest);
            book.lanes.retain(|(boot, _), _| *boot != gone);
        }
        let ranges = book
            .lanes
            .iter()
            .filter(|((boot, _), lane)| named(boot) && !lane.durable.as_slice().is_empty())
            .map(|(&(boot, name), lane)| (boot, name, lane.durable.as_slice().to_vec()))
            .collect();
        Acks { ranges }
    }

    /// Offset before which every journalled frame is entered.
    #[must_use]
    pub fn complete_to(&self) -> Offset {
        self.books().complete_to
    }

    /// The ledger as a document, with the offset up to which it is complete.
    #[must_use]
    pub fn to_document(&self) -> (Offset, Vec<u8>) {
        let books = self.books();
        let gateways = books.by_gateway.iter().map(|(&gateway, book)| {
            let boots = book.boots.iter().map(|boot| {
                let lanes = [Lane::Live, Lane::Backfill].into_iter().filter_map(|lane| {
                    Some((lane, book.lanes.get(&(*boot, lane))?.durable.clone()))
                });
                (*boot, lanes.collect())
            });
            (gateway, boots.collect())
        });
        let document = Document { complete_to: books.complete_to.0, gateways: gateways.collect() };
        let bytes = postcard::to_stdvec(&document).expect("writing to memory does not fail");
        (books.complete_to, bytes)
    }

    /// Reads a document back.
    ///
    /// # Errors
    /// When the bytes are not such a document.
    pub fn from_document(bytes: &[u8]) -> Result<Self, postcard::Error> {
        let document: Document = postcard::from_bytes(bytes)?;
        let mut books = Books { complete_to: Offset(document.complete_to), ..Books::default() };
        for (gateway, boots) in document.gateways {
            let book = books.by_gateway.entry(gateway).or_default();
            for (boot, lanes) in boots {
                book.boots.push(boot);
                for (lane, durable) in lanes {
                    let under_way = std::collections::HashSet::new();
                    book.lanes.insert((boot, lane), LaneBook { durable, under_way });
                }
            }
        }
        Ok(Self { books: Mutex::new(books) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_exactly_what_was_added(adds in prop::collection::vec((0u64..60, 0u64..6), 0..40)) {
            let mut ranges = Ranges::default();
            let mut truth = std::collections::BTreeSet::new();
            for (first, more) in adds {
                ranges.add(first, first + more);
                truth.extend(first..=first + more);
            }
            for seq in 0..70 {
                prop_assert_eq!(ranges.contains(seq), truth.contains(&seq));
            }
            for pair in ranges.as_slice().windows(2) {
                prop_assert!(pair[0].1 + 1 < pair[1].0, "{:?}", ranges);
            }
        }
    }

    const G: GatewayNo = GatewayNo(7);
    const B: Boot = Boot([1; 16]);

    #[test]
    fn a_frame_is_new_once_then_under_way_then_durable() {
        let ledger = Ledger::default();
        assert_eq!(ledger.arrived(G, B, Lane::Live, 1), Arrival::New);
        assert_eq!(ledger.arrived(G, B, Lane::Live, 1), Arrival::UnderWay);
        assert_eq!(ledger.arrived(G, B, Lane::Backfill, 1), Arrival::New);
        ledger.durable([(G, B, Lane::Live, 1)], Offset(2));
        assert_eq!(ledger.arrived(G, B, Lane::Live, 1), Arrival::Durable);
        ledger.given_up(G, B, Lane::Backfill, 1);
        assert_eq!(ledger.arrived(G, B, Lane::Backfill, 1), Arrival::New);
    }

    #[test]
    fn a_document_read_back_knows_the_same_frames_and_none_under_way() {
        let ledger = Ledger::default();
        ledger.arrived(G, B, Lane::Live, 9);
        ledger.durable([(G, B, Lane::Live, 3), (G, B, Lane::Backfill, 4)], Offset(12));
        let (complete_to, bytes) = ledger.to_document();
        assert_eq!(complete_to, Offset(12));
        let read = Ledger::from_document(&bytes).unwrap();
        assert_eq!(read.complete_to(), Offset(12));
        assert_eq!(read.arrived(G, B, Lane::Live, 3), Arrival::Durable);
        assert_eq!(read.arrived(G, B, Lane::Backfill, 4), Arrival::Durable);
        assert_eq!(read.arrived(G, B, Lane::Live, 9), Arrival::New);
    }

    #[test]
    fn old_boots_that_a_gateway_no_longer_names_are_forgotten_and_the_others_kept() {
        let ledger = Ledger::default();
        let boot = |n: u8| Boot([n; 16]);
        for n in 0..40 {
            ledger.durable([(G, boot(n), Lane::Live, 5)], Offset(1));
        }
        let acks = ledger.signed_in(G, boot(39), &[(boot(0), Lane::Backfill, 4)]);
        assert!(acks.ranges.contains(&(boot(0), Lane::Backfill, vec![(1, 3)])));
        assert!(acks.ranges.contains(&(boot(39), Lane::Live, vec![(5, 5)])));
        assert_eq!(ledger.arrived(G, boot(1), Lane::Live, 5), Arrival::New, "forgotten");
        assert_eq!(ledger.arrived(G, boot(30), Lane::Live, 5), Arrival::Durable, "kept");
        assert_eq!(ledger.arrived(G, boot(0), Lane::Live, 5), Arrival::Durable, "named");
    }
}
