//! Who is connected, where acknowledgements go, what is shown of each gateway, and whether the center's own link is lost.
//!
//! When every gateway falls silent at once, it is not they who failed: three or more different ones lost within five seconds,
//! and none left, count as the center's own link (design, point 6). The first one that returns ends it. A connection that the
//! center itself ended says nothing of its link.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use anlan_domain::log::GatewayNo;
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::Acks;
use ractor::ActorRef;

use super::outbox::Outbox;
use super::session::SessionMsg;
use crate::api::GatewayView;
use crate::directory::GatewayEntry;
use crate::log_writer::AckSink;

/// Gateways that must be lost together.
const LOST_TOGETHER: usize = 3;
/// Within this long, in milliseconds of the log's clock.
const TOGETHER_MS: i64 = 5_000;

#[derive(Default)]
struct Books {
    actors: HashMap<GatewayNo, ActorRef<SessionMsg>>,
    connected: HashMap<GatewayNo, Arc<Outbox>>,
    /// SHA-256 of the secret with which each connected gateway signed in.
    secrets: HashMap<GatewayNo, [u8; 32]>,
    views: HashMap<GatewayNo, (u64, GatewayView)>,
    version: u64,
    lost: VecDeque<(UtcMillis, GatewayNo)>,
    /// `None` until the first gateway is connected: then the link is logged as up, whatever was before the start.
    link_up: Option<bool>,
}

/// The book of sessions.
#[derive(Default)]
pub struct SessionBook {
    books: Mutex<Books>,
}

impl SessionBook {
    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().expect("no code panics while it holds the book")
    }

    /// A session actor lives.
    pub fn set_actor(&self, gateway: GatewayNo, actor: ActorRef<SessionMsg>) {
        self.books().actors.insert(gateway, actor);
    }

    /// Gateways that `registered` does not know are registered no longer: their connections end, and nothing is shown of them.
    pub fn keep(&self, registered: impl Fn(GatewayNo) -> bool) {
        let mut books = self.books();
        books.actors.retain(|gateway, _| registered(*gateway));
        books.views.retain(|gateway, _| registered(*gateway));
        books.secrets.retain(|gateway, _| registered(*gateway));
        books.connected.retain(|gateway, outbox| {
            let stays = registered(*gateway);
            if !stays {
                let why = "this gateway is no longer registered here";
                outbox.refuse("unknown_gateway", why, 60_000);
            }
            stays
        });
        metrics::gauge!("anlan_ingest_gateways_connected").set(books.connected.len() as f64);
    }

    /// The session actor of a gateway.
    #[must_use]
    pub fn actor(&self, gateway: GatewayNo) -> Option<ActorRef<SessionMsg>> {
        self.books().actors.get(&gateway).cloned()
    }

    /// A gateway is connected. Says whether the center's link is to be logged as back.
    pub fn connected(&self, gateway: GatewayNo, outbox: Arc<Outbox>) -> bool {
        let mut books = self.books();
        books.connected.insert(gateway, outbox);
        metrics::gauge!("anlan_ingest_gateways_connected").set(books.connected.len() as f64);
        books.link_up.replace(true) != Some(true)
    }

    /// A gateway signed in with this secret.
    pub fn signed_in_with(&self, gateway: GatewayNo, secret_sha256: [u8; 32]) {
        self.books().secrets.insert(gateway, secret_sha256);
    }

    /// Ends the connections of gateways whose secret is another one now: who took it away does not want it to last until the
    /// gateway happens to connect anew.
    pub fn check_secrets(&self, gateways: &[GatewayEntry]) {
        let books = self.books();
        for gateway in gateways {
            let signed_in_with = books.secrets.get(&gateway.no);
            if signed_in_with.is_some_and(|secret| *secret != gateway.secret_sha256)
                && let Some(outbox) = books.connected.get(&gateway.no)
            {
                outbox.refuse("bad_secret", "the secret of this gateway was changed", 1_000);
            }
        }
    }

    /// The connection of a gateway, if there is one.
    #[must_use]
    pub fn connection(&self, gateway: GatewayNo) -> Option<Arc<Outbox>> {
        self.books().connected.get(&gateway).cloned()
    }

    /// What is shown of a gateway now.
    #[must_use]
    pub fn view(&self, gateway: GatewayNo) -> Option<GatewayView> {
        self.books().views.get(&gateway).map(|(_, view)| view.clone())
    }

    /// A gateway's connection ended, `by_us` or otherwise. Says whether the center's own link is to be logged as lost.
    pub fn disconnected(&self, gateway: GatewayNo, now: UtcMillis, by_us: bool) -> bool {
        let mut books = self.books();
        books.connected.remove(&gateway);
        books.secrets.remove(&gateway);
        metrics::gauge!("anlan_ingest_gateways_connected").set(books.connected.len() as f64);
        books.lost.retain(|&(at, other)| now.since(at) <= TOGETHER_MS && other != gateway);
        if by_us {
            return false;
        }
        books.lost.push_back((now, gateway));
        let lost = books.connected.is_empty() && books.lost.len() >= LOST_TOGETHER;
        lost && books.link_up.replace(false) == Some(true)
    }

    /// Ends every connection with a reason.
    pub fn refuse_all(&self, code: &str, message: &str) {
        for outbox in self.books().connected.values() {
            outbox.refuse(code, message, 1_000);
        }
    }

    /// Publishes what is shown of a gateway.
    pub fn publish(&self, gateway: GatewayNo, view: GatewayView) {
        let mut books = self.books();
        books.version += 1;
        let version = books.version;
        books.views.insert(gateway, (version, view));
    }

    /// Every gateway that has a session actor, by identity.
    #[must_use]
    pub fn views(&self) -> Vec<GatewayView> {
        self.views_after(0).1
    }

    /// Those that changed after a version, and the version now.
    #[must_use]
    pub fn views_after(&self, version: u64) -> (u64, Vec<GatewayView>) {
        let books = self.books();
        let mut views: Vec<_> = books
            .views
            .values()
            .filter(|(at, _)| *at > version)
            .map(|(_, view)| view.clone())
            .collect();
        views.sort_by(|a, b| a.id.cmp(&b.id));
        (books.version, views)
    }
}

impl AckSink for SessionBook {
    fn durable(&self, gateway: GatewayNo, acks: Acks) {
        if let Some(outbox) = self.books().connected.get(&gateway) {
            outbox.acknowledge(&acks);
        }
    }

    fn connect_anew(&self, why: &str) {
        self.refuse_all("not_durable", why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centers_link_is_lost_when_all_gateways_are_lost_together_and_only_then() {
        let book = SessionBook::default();
        let outbox = || Arc::new(Outbox::default());
        assert!(book.connected(GatewayNo(1), outbox()), "the first says that the link is up");
        assert!(!book.connected(GatewayNo(2), outbox()));
        assert!(!book.connected(GatewayNo(3), outbox()));
        assert!(!book.disconnected(GatewayNo(1), UtcMillis(0), false));
        assert!(!book.disconnected(GatewayNo(2), UtcMillis(1_000), false));
        assert!(!book.disconnected(GatewayNo(3), UtcMillis(60_000), false), "one after the other");
        for no in 1..=3 {
            assert!(!book.connected(GatewayNo(no), outbox()));
        }
        assert!(!book.disconnected(GatewayNo(1), UtcMillis(100_000), false));
        assert!(!book.disconnected(GatewayNo(2), UtcMillis(101_000), false));
        assert!(book.disconnected(GatewayNo(3), UtcMillis(102_000), false), "together");
        assert!(book.connected(GatewayNo(2), outbox()), "back");
    }

    #[test]
    fn one_gateway_that_comes_and_goes_and_connections_that_we_end_are_not_the_centers_link() {
        let book = SessionBook::default();
        let outbox = || Arc::new(Outbox::default());
        assert!(book.connected(GatewayNo(1), outbox()));
        for at in 0..5 {
            assert!(!book.disconnected(GatewayNo(1), UtcMillis(at * 1_000), false), "flapping");
            assert!(!book.connected(GatewayNo(1), outbox()));
        }
        for no in 2..=4 {
            book.connected(GatewayNo(no), outbox());
        }
        for no in 1..=4 {
            assert!(!book.disconnected(GatewayNo(no), UtcMillis(20_000), true), "ended by us");
        }
    }
}
