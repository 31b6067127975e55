//! The gate: every request passes here, and a handler gets nothing but what its person may have.
//!
//! Handlers cannot reach the registry or the center: the fields below are private to this module and its children, and what a
//! handler receives is a [`Call`] whose reads carry the person's scope and whose writes check it. So an endpoint that forgets
//! to ask cannot be written by accident. Who may call an endpoint stands in the table of `routes.rs`, and is judged here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, RwLock};

use anlan_domain::ids::{EnterpriseCode, Role};
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::AlarmRow;
use anlan_store::registry::people::Session;
use anlan_store::registry::scoped::Filter;
use anlan_store::registry::{Registry, RegistryError, Scope, Scoped};
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::live::feed::Feed;
use crate::options::{Parts, ServeOptions};
use crate::password::Checker;
use crate::problem::Problem;
use crate::routes::{self, Access, Found};
use crate::simulator::Simulator;
use crate::views::alarm::undurable;

pub mod call;
mod effective;

pub use call::{Answer, Call, Reply};

/// Name of the session cookie.
pub const COOKIE: &str = "anlan_session";

/// Enterprise → region, for checks that cannot wait for a query.
pub type Places = HashMap<EnterpriseCode, RegionCode>;

/// Everything that requests share.
pub struct App {
    parts: Parts,
    options: ServeOptions,
    checker: Checker,
    sign_ins: Mutex<HashMap<IpAddr, (i64, u32)>>,
    requests: Semaphore,
    places: RwLock<Arc<Places>>,
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

/// A request, taken apart.
pub struct Incoming {
    /// Method.
    pub method: Method,
    /// Path below `/api/v1`, percent-encoded.
    pub path: String,
    /// Query string.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
    /// Peer.
    pub peer: IpAddr,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub async fn new(parts: Parts, options: ServeOptions) -> Result<Arc<Self>, RegistryError> {
        let feed = Feed::new(&parts);
        let app = Arc::new(Self {
            checker: Checker::default(),
            sign_ins: Mutex::default(),
            requests: Semaphore::new(options.limits.requests),
            places: RwLock::default(),
            pending: effective::Pending::default(),
            feed,
            simulator: options.simulator.as_deref().map(Simulator::at),
            streams: Mutex::default(),
            parts,
            options,
        });
        app.refresh_places().await?;
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
        let seen = |row: &AlarmRow| match &row.enterprise {
            Some(code) => places.get(code).is_some_and(|region| scope.covers(code, region)),
            None => *scope == Scope::Everything,
        };
        let entries = self.parts.center.undurable_alarms();
        entries.iter().filter_map(|entry| undurable(entry, now)).filter(seen).collect()
    }

    /// Alarms for live streams.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Wakes when rights may have changed.
    pub(crate) fn rights_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.parts.registry.rights_changes()
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

    /// Which region every enterprise lies in.
    pub(crate) fn places(&self) -> Arc<Places> {
        self.places.read().expect("no panic while held").clone()
    }

    /// Reads the regions of all enterprises anew.
    pub(crate) async fn refresh_places(&self) -> Result<(), RegistryError> {
        let all =
            self.parts.registry.scoped(Scope::Everything).enterprises(&Filter::default()).await?;
        let places = all.into_iter().map(|e| (e.code, e.region)).collect();
        *self.places.write().expect("no panic while held") = Arc::new(places);
        Ok(())
    }

    /// Finds who asks by the token of the request. A session that is used lives on.
    pub(crate) async fn who(&self, token: &str) -> Result<Option<Who>, Problem> {
        let token_sha256 = hex(&Sha256::digest(token.as_bytes()));
        self.who_by_hash(token_sha256).await
    }

    /// As [`App::who`], by the hash of the token.
    pub(crate) async fn who_by_hash(&self, token_sha256: String) -> Result<Option<Who>, Problem> {
        let now = self.now();
        let Some(session) = self.parts.registry.session(&token_sha256, now).await? else {
            return Ok(None);
        };
        let length = self.options.limits.session_ms;
        // Writing on every request would be one fsync a click.
        if session.expires_at.since(now) < length - length / 10 {
            self.parts.registry.extend_session(&token_sha256, now.plus(length)).await?;
        }
        Ok(Some(Who { session, token_sha256 }))
    }

    /// Answers one request below `/api/v1`.
    pub async fn answer(self: Arc<Self>, request: Incoming) -> Answer {
        let Ok(_in_work) = self.requests.try_acquire() else {
            metrics::counter!("anlan_web_requests_refused_total", "why" => "busy").increment(1);
            let words = "The center has too many requests in work; try again in a few seconds";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words));
        };
        let (route, parameters) = match routes::find(&request.method, &request.path) {
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
        let who = match token_of(&request.headers) {
            Some((token, by_cookie)) => {
                let who = self.who(&token).await?;
                let changes = !matches!(request.method, Method::GET | Method::HEAD);
                if by_cookie && changes && who.is_some() && !request.headers.contains_key("x-anlan")
                {
                    return Err(Problem::new(
                        StatusCode::FORBIDDEN,
                        "csrf",
                        "A changing request by cookie needs the header X-Anlan: 1",
                    ));
                }
                who
            }
            None => None,
        };
        judge(route.access, who.as_ref())?;
        let call = Call::new(self.clone(), request, parameters, who);
        (route.handler)(call).await
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
        let (at, count) = tries.entry(peer).or_insert((minute, 0));
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += 1;
        *count <= self.options.limits.sign_ins_per_minute
    }

    /// Long-running work beside requests: the alarm feed, and changes that the center has not taken yet.
    pub(crate) fn background(self: &Arc<Self>, stop: &tokio_util::sync::CancellationToken) {
        let (app, stopped) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! { () = app.feed.run() => {}, () = stopped.cancelled() => {} }
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
