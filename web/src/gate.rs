//! The gate: every request passes here, and a handler gets nothing but what its person may have.
//!
//! Handlers cannot reach the registry or the center: the fields below are private to this module and its children, and what a
//! handler receives is a [`Call`] whose reads carry the person's scope and whose writes check it. So an endpoint that forgets
//! to ask cannot be written by accident. Who may call an endpoint stands in the table of `routes.rs`, and is judged here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use anlan_domain::ids::{EnterpriseCode, Role};
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmRow;
use anlan_store::registry::people::Session;
use anlan_store::registry::scoped::Filter;
use anlan_store::registry::{Registry, RegistryError, Scope, Scoped};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::live::feed::Feed;
use crate::options::{Parts, ServeOptions};
use crate::password::Checker;
use crate::problem::Problem;
use crate::routes::{self, Access, Found, Route};
use crate::simulator::Simulator;
use crate::views::alarm::undurable;

pub mod call;
mod effective;
mod kept;
mod places;

pub use call::{Answer, Call, Download, Reply};
pub(crate) use places::{Changes, Places, Site};

/// Exports at once.
const EXPORTS_MAX: usize = 4;

/// Name of the session cookie.
pub const COOKIE: &str = "anlan_session";

/// Everything that requests share.
pub struct App {
    parts: Parts,
    options: ServeOptions,
    checker: Checker,
    sign_ins: Mutex<HashMap<IpAddr, (i64, u32)>>,
    requests: Arc<Semaphore>,
    /// Places among the large bodies that are read at once.
    bodies: Arc<Semaphore>,
    /// Exports that are made at once: each reads long lists.
    exports: Arc<Semaphore>,
    keeper: places::Keeper,
    gateways: kept::Kept<usize>,
    points_per_gateway: kept::Kept<Arc<HashMap<String, u32>>>,
    pending: effective::Pending,
    feed: Feed,
    simulator: Option<Simulator>,
    streams: Mutex<HashMap<String, usize>>,
}

/// Who asks, once known.
#[derive(Clone, Debug)]
pub struct Who {
    /// The session.
    pub session: Session,
    /// SHA-256 of its token.
    pub token_sha256: String,
}

/// A request, taken apart, before its body is read.
pub struct Head {
    /// Method.
    pub method: Method,
    /// Path below `/api/v1`, percent-encoded.
    pub path: String,
    /// Query string.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Peer.
    pub peer: IpAddr,
}

/// A request whose person may call what it calls. Its body is still to come.
pub struct Admitted {
    /// The request.
    head: Head,
    route: &'static Route,
    parameters: HashMap<&'static str, String>,
    who: Option<Who>,
    /// The session was extended: the cookie must live on with it.
    pub renewed: Option<String>,
}

impl Admitted {
    /// Whether somebody is signed in; who is not may send little.
    pub fn is_somebodys(&self) -> bool {
        self.who.is_some()
    }
}

/// How much of a session must have passed before a use extends it: writing on every request would be one fsync a click. Its cookie
/// is set again at the same time, so a request must come before a live stream, which can set none.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// A tenth.
    Request,
    /// Half.
    Stream,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub async fn new(parts: Parts, options: ServeOptions) -> Result<Arc<Self>, RegistryError> {
        let feed = Feed::new(&parts);
        let keeper = places::Keeper::new(parts.registry.clone());
        keeper.refresh().await?;
        let app = Arc::new(Self {
            checker: Checker::default(),
            sign_ins: Mutex::default(),
            requests: Arc::new(Semaphore::new(options.limits.requests)),
            bodies: Arc::new(Semaphore::new(options.limits.bodies)),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            keeper,
            gateways: kept::Kept::default(),
            points_per_gateway: kept::Kept::default(),
            pending: effective::Pending::default(),
            feed,
            simulator: options.simulator.as_deref().map(Simulator::at),
            streams: Mutex::default(),
            parts,
            options,
        });
        Ok(app)
    }

    /// Now.
    pub fn now(&self) -> UtcMillis {
        (self.parts.clock)()
    }

    /// Options.
    pub fn options(&self) -> &ServeOptions {
        &self.options
    }

    /// The running center, for the live stream and the doors that need no scope (health, sign-in page).
    pub(crate) fn center(&self) -> &Arc<dyn anlan_actors::api::Center> {
        &self.parts.center
    }

    /// What a live snapshot of alarms reads from, in a scope.
    pub(crate) fn for_snapshot(
        &self,
        scope: &Scope,
    ) -> (Scoped, Registry, Arc<anlan_store::alarm_index::AlarmIndex>) {
        let Parts { registry, alarms, .. } = &self.parts;
        (registry.scoped(scope.clone()), registry.clone(), alarms.clone())
    }

    /// Alarms in scope that are decided and not durable (未落盘); empty in normal times.
    pub(crate) fn undurable(&self, scope: &Scope) -> Vec<AlarmRow> {
        let (places, now) = (self.places(), self.now());
        let seen = |row: &AlarmRow| sees(scope, &places, row.enterprise.as_ref());
        let entries = self.parts.center.undurable_alarms();
        entries.iter().filter_map(|entry| undurable(entry, now)).filter(seen).collect()
    }

    /// Alarms for live streams.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Wakes when rights may have changed and the places are read anew.
    pub(crate) fn rights_changes(&self) -> Changes {
        self.keeper.changes()
    }

    /// The metrics text.
    pub fn metrics(&self) -> String {
        (self.parts.metrics)()
    }

    /// Whether database and center answer.
    ///
    /// # Errors
    /// With what is waited for.
    pub async fn ready(&self) -> Result<(), String> {
        self.parts.registry.ping().await.map_err(|error| error.to_string())?;
        self.parts.center.ready()
    }

    /// Where every enterprise lies.
    pub(crate) fn places(&self) -> Arc<Places> {
        self.keeper.places()
    }

    /// Whether [`Self::places`] may be relied on.
    pub(crate) fn places_are_known(&self) -> bool {
        self.keeper.is_known()
    }

    /// Enterprises that a scope covers and a filter names, for queries of the alarm index; `None` for all.
    pub(crate) fn enterprises_in(
        &self,
        scope: &Scope,
        within: &Filter,
    ) -> Option<Vec<EnterpriseCode>> {
        let Filter { region, enterprise, .. } = within;
        if *scope == Scope::Everything && region.is_none() && enterprise.is_none() {
            return None;
        }
        let places = self.places();
        let named = places.within(scope).filter(|(code, site)| {
            region.as_ref().is_none_or(|region| region.covers(&site.region))
                && enterprise.as_ref().is_none_or(|enterprise| enterprise == *code)
        });
        Some(named.map(|(code, _)| code.clone()).collect())
    }

    /// Finds who asks by the token of the request. A session that is used lives on; the flag says that it was extended now.
    pub(crate) async fn who(&self, token: &str, used: Use) -> Result<Option<(Who, bool)>, Problem> {
        let token_sha256 = hex(&Sha256::digest(token.as_bytes()));
        self.who_by_hash(token_sha256, used).await
    }

    /// As [`App::who`], by the hash of the token.
    pub(crate) async fn who_by_hash(
        &self,
        token_sha256: String,
        used: Use,
    ) -> Result<Option<(Who, bool)>, Problem> {
        let now = self.now();
        let Some(mut session) = self.parts.registry.session(&token_sha256, now).await? else {
            return Ok(None);
        };
        let length = self.options.limits.session_ms;
        let kept = match used {
            Use::Request => length - length / 10,
            Use::Stream => length / 2,
        };
        let extended = session.expires_at.since(now) < kept;
        if extended {
            session.expires_at = now.plus(length);
            self.parts.registry.extend_session(&token_sha256, session.expires_at).await?;
        }
        Ok(Some((Who { session, token_sha256 }, extended)))
    }

    /// The cookie that carries a token for as long as a session lasts from now.
    pub fn cookie(&self, token: &str) -> String {
        let secure = if self.options.tls.is_some() { "; Secure" } else { "" };
        let age = self.options.limits.session_ms / 1000;
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}")
    }

    fn begin_work(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.requests.clone().try_acquire_owned().map_err(|_| {
            metrics::counter!("anlan_web_requests_refused_total", "why" => "busy").increment(1);
            let words = "The center has too many requests in work; try again in a few seconds";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words)
        })
    }

    /// A place among the large bodies that are read at once; small ones need none.
    pub(crate) fn large_body(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.bodies.clone().try_acquire_owned().map_err(|_| {
            metrics::counter!("anlan_web_requests_refused_total", "why" => "busy").increment(1);
            let words =
                "The center reads too many large bodies at once; try again in a few seconds";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words)
        })
    }

    /// Judges a request below `/api/v1` by all but its body, which is read only for whoever may send one.
    ///
    /// # Errors
    /// When there is no such endpoint, or the person may not call it.
    pub async fn admit(&self, head: Head) -> Result<Admitted, Problem> {
        let _in_work = self.begin_work()?;
        let (route, parameters) = match routes::find(&head.method, &head.path) {
            Found::Route(route, parameters) => (route, parameters),
            Found::OtherMethods(allowed) => {
                let words = format!("This path takes {allowed}");
                return Err(Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    words,
                )
                .fact("allow", allowed));
            }
            Found::Nothing => return Err(Problem::not_found()),
        };
        let changes = !matches!(head.method, Method::GET | Method::HEAD);
        let signs_in = changes && route.access == Access::Open;
        if signs_in {
            // A page of another site must not sign somebody in as somebody else. Whoever is signed in already needs no more than
            // that: clients that keep cookies send the old one along.
            from_our_page(&head.headers)?;
        }
        let (mut who, mut renewed) = (None, None);
        if let Some((token, by_cookie)) = token_of(&head.headers)
            && let Some((person, extended)) = self.who(&token, Use::Request).await?
        {
            if by_cookie && changes && !signs_in && !head.headers.contains_key("x-anlan") {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "csrf",
                    "A changing request by cookie needs the header X-Anlan: 1",
                ));
            }
            renewed = (by_cookie && extended).then(|| self.cookie(&token));
            who = Some(person);
        }
        judge(route.access, who.as_ref())?;
        Ok(Admitted { head, route, parameters, who, renewed })
    }

    /// Answers an admitted request.
    ///
    /// What changes something runs in a task of its own: a client that goes away takes the request with it, and a change
    /// that is saved must still be put in force.
    pub async fn answer(self: Arc<Self>, admitted: Admitted, body: Vec<u8>) -> Answer {
        let in_work = self.begin_work()?;
        let Admitted { head, route, parameters, who, .. } = admitted;
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        let work = (route.handler)(Call::new(self, head, body, parameters, who));
        if reads {
            return work.await;
        }
        let task = tokio::spawn(async move {
            let answer = work.await;
            drop(in_work);
            answer
        });
        task.await.unwrap_or_else(|error| Err(Problem::internal(&error)))
    }

    /// Counts a stream of a person in, or refuses it.
    pub(crate) fn stream_begins(self: &Arc<Self>, username: &str) -> Result<StreamSeat, Problem> {
        let limits = self.options.limits;
        let mut streams = self.streams.lock().expect("no panic while held");
        let (all, own) =
            (streams.values().sum::<usize>(), streams.get(username).copied().unwrap_or(0));
        if all >= limits.live_streams || own >= limits.live_streams_per_user {
            metrics::counter!("anlan_live_streams_refused_total").increment(1);
            let words = "Too many live streams are open; close another page";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "limit", words));
        }
        *streams.entry(username.to_owned()).or_default() += 1;
        metrics::gauge!("anlan_live_streams").increment(1.0);
        Ok(StreamSeat { app: self.clone(), username: username.to_owned() })
    }

    /// Whether one more try to sign in from this address is taken.
    fn sign_in_allowed(&self, peer: IpAddr) -> bool {
        let minute = self.now().0 / 60_000;
        let mut tries = self.sign_ins.lock().expect("no panic while held");
        if tries.len() > 10_000 {
            tries.retain(|_, (at, _)| *at == minute);
        }
        let (at, count) = tries.entry(whose(peer)).or_insert((minute, 0));
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += 1;
        *count <= self.options.limits.sign_ins_per_minute
    }

    /// Long-running work beside requests: the alarm feed, where enterprises lie, and changes that the center has not taken yet.
    pub(crate) fn background(self: &Arc<Self>, stop: &tokio_util::sync::CancellationToken) {
        let (app, stopped) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! { () = app.feed.run(|| app.places()) => {}, () = stopped.cancelled() => {} }
        });
        let (app, stopped) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! { () = app.keeper.run() => {}, () = stopped.cancelled() => {} }
        });
        let (app, stopped) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! { () = app.pending.run(&app.parts) => {}, () = stopped.cancelled() => {} }
        });
    }
}

/// A place among the live streams; given back when dropped.
pub(crate) struct StreamSeat {
    app: Arc<App>,
    username: String,
}

impl Drop for StreamSeat {
    fn drop(&mut self) {
        metrics::gauge!("anlan_live_streams").decrement(1.0);
        let mut streams = self.app.streams.lock().expect("no panic while held");
        if let Some(count) = streams.get_mut(&self.username) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.username);
            }
        }
    }
}

fn judge(access: Access, who: Option<&Who>) -> Result<(), Problem> {
    let role: Option<Role> = who.map(|who| who.session.user.role);
    match (access, role) {
        (Access::Open, _) | (Access::SignedIn, Some(_)) => Ok(()),
        (Access::Roles(roles), Some(role)) if roles.contains(&role) => Ok(()),
        (Access::Roles(_), Some(_)) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "no_right",
            "Your role may not do this; ask the administrator",
        )),
        (_, None) => Err(Problem::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first")),
    }
}

/// Whether something of an enterprise may be seen; what belongs to none is the center's own.
pub(crate) fn sees(scope: &Scope, places: &Places, of: Option<&EnterpriseCode>) -> bool {
    match of {
        Some(code) => places.seen(code, scope).is_some(),
        None => *scope == Scope::Everything,
    }
}

/// Whose address it is: one customer has a whole /64 of IPv6, and counts as one.
fn whose(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}

/// Whether a request may come from a page of ours or from a program, as opposed to a page of another site.
fn from_our_page(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let own_site = matches!(text("sec-fetch-site"), None | Some("same-origin" | "none"));
    if !own_site || !same_origin(headers) {
        let words = "Another site's page may not sign anybody in here";
        return Err(Problem::new(StatusCode::FORBIDDEN, "csrf", words));
    }
    let kind = text("content-type").unwrap_or_default().to_ascii_lowercase();
    let form = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
    if form.iter().any(|form| kind.starts_with(form)) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "Send the body as Content-Type: application/json",
        ));
    }
    Ok(())
}

/// Browsers say which site a script is from; programs say nothing.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => !headers.contains_key(header::ORIGIN),
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, rest)| rest == host)
        }
        (Some(_), None) => false,
    }
}

/// The token of a request, and whether it came by cookie. A header counts before a cookie.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<(String, bool)> {
    let bearer = headers.get(http::header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    if let Some(token) = bearer.and_then(|v| v.strip_prefix("Bearer ")) {
        return Some((token.trim().to_owned(), false));
    }
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .map(|token| (token.to_owned(), true))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one_and_mapped_ones_as_what_they_are() {
        let whose = |text: &str| whose(text.parse().unwrap()).to_string();
        assert_eq!(whose("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(whose("2001:db8:1:2::9"), "2001:db8:1:2::");
        assert_eq!(whose("2001:db8:1:3::9"), "2001:db8:1:3::");
        assert_eq!(whose("::ffff:10.0.0.7"), "10.0.0.7");
        assert_eq!(whose("10.0.0.7"), "10.0.0.7");
    }
}
