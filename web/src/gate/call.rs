//! A request on its way to a handler: its parameters, its person, and the only doors to data.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anlan_actors::api::{GatewayView, TreeNode};
use anlan_domain::alarm::AlarmKey;
use anlan_domain::ids::{EnterpriseCode, EquipmentId, GatewayId, PointId, Role, UserName};
use anlan_domain::limits::Limits;
use anlan_domain::log::Command;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::{
    AlarmFilter, AlarmPage, AlarmRow, AlarmSpan, EquipmentStateRow, QuietRow,
};
use anlan_store::history::{DayQuality, Trend};
use anlan_store::registry::alarm_defaults::AlarmDefaults;
use anlan_store::registry::audit::{AuditEntry, AuditFilter};
use anlan_store::registry::detectors::Detector;
use anlan_store::registry::people::{Counted, LOCK_RULE, Opened, Try, User};
use anlan_store::registry::records::Point;
use anlan_store::registry::scoped::Filter;
use anlan_store::registry::{
    Changed, Doer, Expected, Outcome, Record, RegistryError, Scope, Scoped,
};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{App, Head, Places, Who, sees};
use crate::api::alarm_health::Subject;
use crate::api::quiet::QuietAlarm;
use crate::options::ServeOptions;
use crate::problem::Problem;
use crate::simulator::Simulator;
use crate::views::alarm::{Alarm, LogEntry, doer, enrich};
use crate::views::{Names, Operation, Rollup, Value};

/// What a handler gives.
pub type Answer = Result<Reply, Problem>;
/// A handler at work.
pub type Working = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A good answer.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// JSON, or nothing.
    pub body: Option<Vec<u8>>,
    /// Cookie to set.
    pub cookie: Option<String>,
}

impl Reply {
    /// JSON with status 200.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn json(value: &impl Serialize) -> Answer {
        Self::with(StatusCode::OK, value)
    }

    /// JSON with a status.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn with(status: StatusCode, value: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
        Ok(Self { status, body: Some(body), cookie: None })
    }

    /// A page of a list.
    ///
    /// # Errors
    /// When an item cannot be written as JSON.
    pub fn page(items: &impl Serialize, next_cursor: Option<String>) -> Answer {
        Self::json(&serde_json::json!({ "items": items, "next_cursor": next_cursor }))
    }

    /// Nothing to say.
    #[must_use]
    pub fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, cookie: None }
    }
}

/// A request on its way to a handler.
pub struct Call {
    app: Arc<App>,
    request: Head,
    body: Vec<u8>,
    parameters: HashMap<&'static str, String>,
    who: Option<Who>,
}

impl Call {
    pub(super) fn new(
        app: Arc<App>,
        request: Head,
        body: Vec<u8>,
        parameters: HashMap<&'static str, String>,
        who: Option<Who>,
    ) -> Self {
        Self { app, request, body, parameters, who }
    }

    /// A part of the path.
    pub fn param(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A part of the path as an identity: one that cannot be is not there.
    ///
    /// # Errors
    /// 404.
    pub fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.param(name).parse().map_err(|_| Problem::not_found())
    }

    /// The query.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_urlencoded::from_str(&self.request.query)
            .map_err(|error| Problem::bad_request("query", error.to_string()))
    }

    /// The body.
    ///
    /// # Errors
    /// When it is no such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request("body", error.to_string()))
    }

    /// The body as it came.
    pub fn raw_body(&self) -> &[u8] {
        &self.body
    }

    /// Now.
    pub fn now(&self) -> UtcMillis {
        self.app.now()
    }

    /// Options of this server.
    pub fn options(&self) -> &ServeOptions {
        self.app.options()
    }

    /// The person, if one is signed in.
    pub fn person(&self) -> Option<&Who> {
        self.who.as_ref()
    }

    /// The person.
    ///
    /// # Errors
    /// 401 where nobody is signed in.
    pub fn user(&self) -> Result<&User, Problem> {
        let signed_in = self.who.as_ref().map(|who| &who.session.user);
        signed_in
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first"))
    }

    fn doer(&self) -> Result<Doer, Problem> {
        Ok(Doer { name: self.user()?.username.to_string(), address: self.request.peer.to_string() })
    }

    /// The registry as the person sees it.
    ///
    /// # Errors
    /// 401 where nobody is signed in.
    pub fn registry(&self) -> Result<Scoped, Problem> {
        Ok(self.app.parts.registry.scoped(self.user()?.sees()))
    }

    /// Whether the center takes commands, for the page of sign-in.
    pub fn center_ready(&self) -> bool {
        self.app.parts.center.ready().is_ok()
    }

    /// Gateways connected and known, as counts: shown before anybody signs in, so no asker costs a query.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn gateway_counts(&self) -> Result<(usize, usize), Problem> {
        let everything = self.app.parts.registry.scoped(Scope::Everything);
        let read = async { everything.gateways(&Filter::default()).await.map(|all| all.len()) };
        let known = self.app.gateways.get(read).await?;
        let connected = self.app.parts.center.gateways().iter().filter(|g| g.connected).count();
        Ok((connected.min(known), known))
    }

    /// Points bound to gateways, by identity; to be joined with records of a scoped read.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn points_per_gateway(&self) -> Result<Arc<HashMap<String, u32>>, Problem> {
        let everything = self.app.parts.registry.scoped(Scope::Everything);
        let read = async { everything.points_per_gateway().await.map(Arc::new) };
        Ok(self.app.points_per_gateway.get(read).await?)
    }

    /// Where the enterprises lie; the scope is asked of it again with each look.
    pub fn places(&self) -> Arc<Places> {
        self.app.places()
    }

    // ---- state of the center, by records that came out of a scoped read

    /// Newest values of points.
    pub async fn values(&self, points: &[Point]) -> HashMap<PointId, Value> {
        let ids = points.iter().map(|p| p.id.clone()).collect();
        let values = self.app.parts.center.values(ids).await;
        values.iter().map(|v| (v.point.clone(), Value::from(v))).collect()
    }

    /// Roll-ups of records, by node name. The names are built from records of scoped reads.
    pub async fn rollups(&self, nodes: Vec<String>) -> HashMap<String, Rollup> {
        let found = self.app.parts.center.rollups(nodes).await;
        found.into_iter().map(|r| (r.node.clone(), r.into())).collect()
    }

    /// What the center sees of gateways, by identity; to be joined with records of a scoped read.
    pub fn gateways_seen(&self) -> HashMap<String, GatewayView> {
        self.app.parts.center.gateways().into_iter().map(|g| (g.id.to_string(), g)).collect()
    }

    /// The supervision tree, pruned to the scope.
    ///
    /// # Errors
    /// 401 where nobody is signed in.
    pub async fn tree(&self) -> Result<TreeNode, Problem> {
        let scope = self.user()?.sees();
        let places = self.app.places();
        let mut root = self.app.parts.center.tree().await;
        crate::api::tree::prune(&mut root, &scope, &places);
        Ok(root)
    }

    /// Trend of a point.
    ///
    /// # Errors
    /// When the center cannot give one.
    pub async fn trend(
        &self,
        of: &Point,
        from: UtcMillis,
        to: UtcMillis,
        pixels: usize,
    ) -> Result<Trend, Problem> {
        Ok(self.app.parts.center.trend(of.id.clone(), from, to, pixels).await?)
    }

    /// Readings of a point, counted by day.
    ///
    /// # Errors
    /// When the center cannot say.
    pub async fn day_quality(
        &self,
        of: &Point,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<DayQuality>, Problem> {
        match self.app.parts.center.day_quality(of.id.clone(), from, to).await {
            // A point that has not yet sent anything has no days.
            Err(anlan_actors::api::CenterError::Unknown(_)) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }

    // ---- alarms

    /// Searches alarms in scope. `within` narrows by region and enterprise.
    ///
    /// # Errors
    /// When the cursor was not given out, or the index fails.
    pub async fn alarms(
        &self,
        mut filter: AlarmFilter,
        within: &Filter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<AlarmPage, Problem> {
        filter.enterprises = self.app.enterprises_in(&self.user()?.sees(), within);
        self.app.feed.catch_up().await?;
        Ok(self.app.parts.alarms.search(&filter, cursor, limit).await?)
    }

    /// Alarms in scope that are decided and not durable (未落盘); empty in normal times.
    ///
    /// # Errors
    /// 401 where nobody is signed in.
    pub fn undurable(&self) -> Result<Vec<AlarmRow>, Problem> {
        Ok(self.app.undurable(&self.user()?.sees()))
    }

    /// One alarm in scope.
    ///
    /// # Errors
    /// 404 where there is none in scope.
    pub async fn alarm(&self, id: &anlan_domain::alarm::AlarmId) -> Result<AlarmRow, Problem> {
        self.app.feed.catch_up().await?;
        let scope = self.user()?.sees();
        let Some(row) = self.app.parts.alarms.get(id).await? else {
            // Shown in lists, so it must be found: what is not durable has no place in the index.
            let mut undurable = self.app.undurable(&scope).into_iter();
            return undurable.find(|row| row.id == *id).ok_or_else(Problem::not_found);
        };
        let seen = sees(&scope, &self.app.places(), row.enterprise.as_ref());
        if seen { Ok(row) } else { Err(Problem::not_found()) }
    }

    /// Names for rows that came out of the two above.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn with_names(&self, rows: Vec<AlarmRow>) -> Result<Vec<Alarm>, Problem> {
        Ok(enrich(rows, &self.registry()?, &self.app.places(), &self.app.parts.registry).await?)
    }

    /// What happened to an alarm.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn alarm_log(&self, row: &AlarmRow) -> Result<Vec<LogEntry>, Problem> {
        let entries = self.app.parts.alarms.entries(&row.id, &self.app.parts.log).await?;
        let by: BTreeSet<String> = entries.iter().filter_map(|r| doer(&r.entry.change)).collect();
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        let names = self.app.parts.registry.names_of(&by).await?;
        Ok(entries.iter().map(|record| LogEntry::of(record, &names)).collect())
    }

    /// Does something to an alarm that came out of [`Call::alarm`] or [`Call::alarm_key`], and notes it in the audit log under the
    /// word `deed`.
    ///
    /// # Errors
    /// When the center refuses.
    pub async fn command(
        &self,
        deed: &str,
        said: &str,
        command: impl FnOnce(String) -> Command,
    ) -> Result<(), Problem> {
        let by = self.doer()?;
        let command = command(by.name.clone());
        let object = command.object();
        self.app.parts.center.command(command).await?;
        // The alarm log is the record of the deed; this entry is for whoever reads the audit log alone.
        self.app.parts.registry.note(&by, self.now(), deed, &object, said).await?;
        Ok(())
    }

    /// An alarm as such, of a point or node in scope.
    ///
    /// # Errors
    /// 404 where there is none in scope.
    pub async fn alarm_key(&self, text: &str) -> Result<AlarmKey, Problem> {
        let key = AlarmKey::try_from(text.to_owned()).map_err(|_| Problem::not_found())?;
        let subject = &*key.subject.0;
        let registry = self.registry()?;
        let gateway = subject
            .strip_prefix("gateway:")
            .or_else(|| Some(subject.strip_prefix("device:")?.split_once('/')?.0));
        let known = if subject == "center" {
            sees(&self.user()?.sees(), &self.app.places(), None)
        } else if let Some(gateway) = gateway {
            let id = GatewayId::new(gateway).map_err(|_| Problem::not_found())?;
            registry.gateway(&id).await?.is_some()
        } else {
            let id = PointId::new(subject).map_err(|_| Problem::not_found())?;
            registry.point(&id).await?.is_some()
        };
        if known { Ok(key) } else { Err(Problem::not_found()) }
    }

    /// Alarms in scope that something keeps quiet, the newest first, and whether there are more.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn quiet_alarms(&self, limit: usize) -> Result<(Vec<QuietRow>, bool), Problem> {
        let enterprises = self.app.enterprises_in(&self.user()?.sees(), &Filter::default());
        self.app.feed.catch_up().await?;
        let mut rows = self.app.parts.alarms.quiet(enterprises.as_deref(), limit + 1).await?;
        let more = limit < rows.len();
        rows.truncate(limit);
        Ok((rows, more))
    }

    /// What statistics need of alarms in scope, the oldest first, at most `limit`. `within` narrows by region and enterprise.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn alarm_spans(
        &self,
        mut filter: AlarmFilter,
        within: &Filter,
        limit: usize,
    ) -> Result<Vec<AlarmSpan>, Problem> {
        filter.enterprises = self.app.enterprises_in(&self.user()?.sees(), within);
        self.app.feed.catch_up().await?;
        Ok(self.app.parts.alarms.spans(&filter, limit).await?)
    }

    /// How many alarms in scope fit.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn alarm_count(
        &self,
        mut filter: AlarmFilter,
        within: &Filter,
    ) -> Result<u64, Problem> {
        filter.enterprises = self.app.enterprises_in(&self.user()?.sees(), within);
        let counts = self.app.parts.alarms.counts(&filter).await?;
        Ok(counts.iter().map(|count| count.count).sum())
    }

    /// Names of points and nodes that alarms are about, and of their enterprises.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn subjects_named(
        &self,
        subjects: &[&str],
    ) -> Result<HashMap<String, Subject>, Problem> {
        let registry = self.registry()?;
        let ids: Vec<PointId> =
            subjects.iter().filter_map(|subject| PointId::new(subject).ok()).collect();
        let points: HashMap<PointId, _> =
            registry.points_by_id(&ids).await?.into_iter().map(|p| (p.id.clone(), p)).collect();
        let places = self.app.places();
        let named = subjects.iter().map(|&subject| {
            let point = PointId::new(subject).ok();
            let node = subject.split_once(':').map_or(subject, |(_, node)| node);
            let tag = point.as_ref().map_or(node, PointId::tag).to_owned();
            let of_gateway = GatewayId::new(node.split('/').next().unwrap_or_default());
            let code = point
                .as_ref()
                .map(PointId::enterprise)
                .or_else(|| of_gateway.ok().map(|id| id.enterprise()));
            let known = point.as_ref().and_then(|id| points.get(id));
            let site = code.as_ref().and_then(|code| places.seen(code, registry.scope()));
            let subject_named = Subject {
                name: known
                    .map_or_else(|| Names::of(&tag, &tag), |p| Names::of(&p.name_zh, &p.name_en)),
                equipment: known.map(|p| p.equipment.to_string()),
                enterprise_name: site.map(|e| Names::of(&e.name_zh, &e.name_en)),
                enterprise: code.map(|code| code.to_string()),
                tag,
            };
            (subject.to_owned(), subject_named)
        });
        Ok(named.collect())
    }

    /// Names for what came out of [`Call::quiet_alarms`], with as many queries for a thousand rows as for one.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn quiet_named(&self, rows: Vec<QuietRow>) -> Result<Vec<QuietAlarm>, Problem> {
        let by: BTreeSet<&str> = rows.iter().filter_map(|row| row.by.as_deref()).collect();
        let people = self.app.parts.registry.names_of(&by.into_iter().collect::<Vec<_>>()).await?;
        let subjects: BTreeSet<&str> = rows.iter().map(|row| &*row.alarm.subject.0).collect();
        let named = self.subjects_named(&subjects.into_iter().collect::<Vec<_>>()).await?;
        let view = |row: QuietRow| {
            let subject = named.get(&*row.alarm.subject.0).cloned().unwrap_or_default();
            let by_name = row.by.as_ref().and_then(|by| people.get(by)).cloned();
            QuietAlarm::of(row, subject, by_name)
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// How pieces of equipment stand that do not simply run. Whoever may see them is the caller's to know.
    ///
    /// # Errors
    /// When index or registry fail.
    pub async fn operations(
        &self,
        equipment: &[EquipmentId],
    ) -> Result<HashMap<EquipmentId, Operation>, Problem> {
        self.app.feed.catch_up().await?;
        let ids: Vec<&str> = equipment.iter().map(EquipmentId::as_str).collect();
        let rows = self.app.parts.alarms.equipment_states(&ids).await?;
        let by: BTreeSet<&str> = rows.iter().map(|row| row.by.as_str()).collect();
        let people = self.app.parts.registry.names_of(&by.into_iter().collect::<Vec<_>>()).await?;
        let view = |row: EquipmentStateRow| {
            let name = people.get(&row.by).cloned();
            (row.equipment.clone(), Operation::of(Some(row), name))
        };
        Ok(rows.into_iter().map(view).collect())
    }

    // ---- changes

    async fn may_change(&self, enterprise: Option<EnterpriseCode>) -> Result<(), Problem> {
        let user = self.user()?;
        match (user.role, enterprise) {
            (Role::Administrator, _) => Ok(()),
            (Role::EnterpriseManager, Some(code))
                if user.sees() == Scope::Enterprise(code.clone()) =>
            {
                Ok(())
            }
            // Somebody else's is not there.
            _ => Err(Problem::not_found()),
        }
    }

    /// Makes a saved change effective. A changing request runs in a task of its own (see [`App::answer`]), so that a client
    /// that goes away between saving and this does not leave the two apart.
    async fn in_force<R: Record>(&self, changed: Changed) -> Result<(), Problem> {
        self.app.pending.offer(&self.app.parts, changed.hosts).await;
        match R::TABLE {
            "enterprises" => self.app.keeper.refresh().await?,
            "gateways" => self.app.gateways.forget().await,
            "points" => self.app.points_per_gateway.forget().await,
            _ => {}
        }
        Ok(())
    }

    /// Creates or changes an object, if the person may, and makes it effective.
    ///
    /// # Errors
    /// When the person may not, or the registry refuses.
    pub async fn put<R: Record>(&self, object: &R, expected: Expected) -> Result<Outcome, Problem> {
        self.may_change(object.enterprise()).await?;
        // Before the registry looks at what the object refers to: whether another enterprise's thing exists is no answer for this person.
        let problems = object.check();
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems).into());
        }
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        let outcome = change.put(object, expected).await?;
        let changed = change.commit().await?;
        self.in_force::<R>(changed).await?;
        Ok(outcome)
    }

    /// Creates or changes several objects of one kind, all or none.
    ///
    /// # Errors
    /// When the person may not, or the registry refuses one.
    pub async fn put_all<R: Record>(&self, objects: &[R]) -> Result<(), Problem> {
        for object in objects {
            self.may_change(object.enterprise()).await?;
        }
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        for object in objects {
            change.put(object, Expected::Any).await?;
        }
        let changed = change.commit().await?;
        self.in_force::<R>(changed).await
    }

    /// Deletes an object that came out of a scoped read.
    ///
    /// # Errors
    /// When the person may not, or something refers to it.
    pub async fn delete<R: Record>(&self, object: &R, expected: Expected) -> Result<(), Problem> {
        self.may_change(object.enterprise()).await?;
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.delete::<R>(&object.key(), expected).await?;
        let changed = change.commit().await?;
        self.in_force::<R>(changed).await
    }

    /// Saves a detector of a point that came out of a scoped read, and makes it effective.
    ///
    /// # Errors
    /// When the person may not, or the detector is refused.
    pub async fn put_detector(
        &self,
        detector: &Detector,
        expected: Expected,
    ) -> Result<(), Problem> {
        self.may_change(Some(detector.enterprise.clone())).await?;
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.put_detector(detector, expected).await?;
        let changed = change.commit().await?;
        self.in_force::<Detector>(changed).await
    }

    /// Saves new limits of a point that came out of a scoped read, and makes them effective.
    ///
    /// # Errors
    /// When the person may not, or the limits are refused.
    pub async fn put_limits(
        &self,
        point: &Point,
        limits: &Limits,
        expected: Expected,
        reason: &str,
    ) -> Result<(), Problem> {
        self.may_change(Some(point.enterprise.clone())).await?;
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.put_limits(&point.id, limits, expected, reason).await?;
        let changed = change.commit().await?;
        self.in_force::<Point>(changed).await
    }

    /// Deadband and delays that a limit gets where it was given none; the same for everybody.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn alarm_defaults(&self) -> Result<Vec<AlarmDefaults>, Problem> {
        Ok(self.app.parts.registry.alarm_defaults().await?)
    }

    // ---- people

    fn administrator(&self) -> Result<(), Problem> {
        match self.user()?.role {
            Role::Administrator => Ok(()),
            _ => Err(Problem::not_found()),
        }
    }

    /// Every user, with the time until which the name is locked.
    ///
    /// # Errors
    /// When the person is no administrator.
    pub async fn users(&self) -> Result<Vec<(User, Option<UtcMillis>)>, Problem> {
        self.administrator()?;
        Ok(self.app.parts.registry.users(self.now()).await?)
    }

    /// Saves a user.
    ///
    /// # Errors
    /// When the person is no administrator, or the registry refuses.
    pub async fn put_user(
        &self,
        user: &User,
        expected: Expected,
        unlock: bool,
    ) -> Result<(), Problem> {
        self.administrator()?;
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.put_user(user, expected).await?;
        if unlock {
            change.unlock(&user.username).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// When the person is no administrator, or the registry refuses.
    pub async fn delete_user(
        &self,
        username: &UserName,
        expected: Expected,
    ) -> Result<(), Problem> {
        self.administrator()?;
        let mut change = self.app.parts.registry.change(self.doer()?, self.now()).await?;
        change.delete_user(username, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// The audit log.
    ///
    /// # Errors
    /// When the person is no administrator.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Problem> {
        self.administrator()?;
        Ok(self.app.parts.registry.audit(filter).await?)
    }

    // ---- sign-in

    /// Checks name and password and opens a session; gives its token.
    ///
    /// # Errors
    /// When they do not fit, the name is locked, or there are too many tries.
    pub async fn sign_in(
        &self,
        username: &str,
        password: String,
    ) -> Result<(String, UtcMillis, User), Problem> {
        let registry = &self.app.parts.registry;
        let address = self.request.peer.to_string();
        if !self.app.sign_in_allowed(self.request.peer) {
            metrics::counter!("anlan_web_sign_ins_refused_total", "why" => "rate").increment(1);
            let words = "Too many tries to sign in from this address; wait a minute";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", words));
        }
        // What is no name cannot be a user, and is counted like one: cut to a length that the table can hold.
        let typed: String = username.trim().to_lowercase().chars().take(64).collect();
        let now = self.now();
        // A place in the queue first, so that a try that is never judged is not counted.
        let turn = self.app.checker.turn()?;
        let counted = match registry.try_sign_in(&typed, LOCK_RULE, now).await? {
            Try::Counted(counted) => counted,
            Try::Locked(until) => return Err(locked(until)),
        };
        let user = match UserName::new(&typed) {
            Ok(name) => registry.user(&name).await?,
            Err(_) => None,
        };
        let hash = user.as_ref().map(|u| u.password_hash.clone());
        let fits = turn.fits(password, hash).await?;
        let Some(user) = user.filter(|_| fits) else {
            metrics::counter!("anlan_web_sign_ins_failed_total").increment(1);
            registry.sign_in_failed(&typed, &address, counted, now).await?;
            return Err(failed(counted));
        };
        let mut random = [0u8; 32];
        getrandom::fill(&mut random)
            .map_err(|error| Problem::internal(&std::io::Error::other(error.to_string())))?;
        let token = super::hex(&random);
        let expires_at = now.plus(self.options().limits.session_ms);
        use sha2::Digest;
        let token_sha256 = super::hex(&sha2::Sha256::digest(token.as_bytes()));
        let opened =
            registry.sign_in(&user, counted, &token_sha256, &address, now, expires_at).await?;
        match opened {
            Opened::Yes => Ok((token, expires_at, user)),
            Opened::Changed => Err(failed(counted)),
            Opened::Locked(until) => Err(locked(until)),
        }
    }

    /// The cookie that carries a token.
    pub fn cookie(&self, token: &str) -> String {
        self.app.cookie(token)
    }

    /// Ends the session of this request.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn sign_out(&self) -> Result<(), Problem> {
        let by = self.doer()?;
        if let Some(who) = &self.who {
            self.app.parts.registry.sign_out(&who.token_sha256, &by, self.now()).await?;
        }
        Ok(())
    }

    // ---- tester

    /// The simulator, where one is configured. It is one for the whole center and its commands act on all of it, so nobody of one
    /// enterprise drives it: a tester's scope is a park or above.
    ///
    /// # Errors
    /// 404 `no_simulator`; 403 for a tester whom an older version let have an enterprise.
    pub fn simulator(&self) -> Result<&Simulator, Problem> {
        if matches!(self.user()?.sees(), Scope::Enterprise(_)) {
            let words = "Whoever drives the simulator has a park or more as their scope";
            return Err(Problem::new(StatusCode::FORBIDDEN, "no_right", words));
        }
        self.app.simulator.as_ref().ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "no_simulator", "This center has no simulator")
        })
    }

    /// Notes a command to the simulator in the audit log.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn note(&self, action: &str, object: &str, detail: &str) -> Result<(), Problem> {
        Ok(self.app.parts.registry.note(&self.doer()?, self.now(), action, object, detail).await?)
    }
}

/// A wrong password, or no such name: the two look the same.
fn failed(counted: Counted) -> Problem {
    match counted {
        Counted::Remaining(left) => Problem::new(
            StatusCode::UNAUTHORIZED,
            "bad_credentials",
            format!("密码不对。再错 {left} 次，账号锁定 15 分钟 / Wrong password. After {left} more tries the account locks for 15 min"),
        )
        .fact("remaining", left),
        Counted::Last(until) => locked(until),
    }
}

fn locked(until: UtcMillis) -> Problem {
    let words = "账号已锁定 15 分钟 / The account is locked for 15 min";
    Problem::new(StatusCode::LOCKED, "locked", words).fact("until", until.0)
}
