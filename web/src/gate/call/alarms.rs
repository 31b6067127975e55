//! Alarms through the door of a request: every read is narrowed to the person's scope, every command names who gave it.

use std::collections::{BTreeSet, HashMap, HashSet};

use anlan_domain::alarm::{AlarmId, AlarmKey, Condition, Level, default_level};
use anlan_domain::ids::{EquipmentId, GatewayId, PointId};
use anlan_domain::life_cycle::AlarmState;
use anlan_domain::log::Command;
use anlan_domain::quiet_rights::is_gas_detector;
use anlan_store::alarm_index::{
    AlarmFilter, AlarmPage, AlarmRow, AlarmSpan, EquipmentStateRow, QuietPage, QuietRow,
};
use anlan_store::registry::scoped::Filter;

use super::Call;
use crate::api::alarm_health::Subject;
use crate::api::quiet::QuietAlarm;
use crate::gate::sees;
use crate::problem::Problem;
use crate::views::alarm::{Alarm, LogEntry, doer, enrich};
use crate::views::{Names, Operation};

impl Call {
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
    pub async fn alarm(&self, id: &AlarmId) -> Result<AlarmRow, Problem> {
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

    /// Which of these alarms are in scope, of the durable ones.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn alarms_known(&self, ids: &[AlarmId]) -> Result<HashSet<AlarmId>, Problem> {
        self.app.feed.catch_up().await?;
        let (scope, places) = (self.user()?.sees(), self.app.places());
        let rows = self.app.parts.alarms.get_many(ids).await?;
        let seen = rows.into_iter().filter(|row| sees(&scope, &places, row.enterprise.as_ref()));
        Ok(seen.map(|row| row.id).collect())
    }

    /// Does something to alarms that came out of [`Call::alarms_known`], in their order, each with its own outcome, and notes it in
    /// the audit log as one deed.
    ///
    /// # Errors
    /// When the audit log cannot be written.
    pub async fn commands(
        &self,
        deed: &str,
        said: &str,
        alarms: Vec<AlarmId>,
        command: impl Fn(AlarmId, String) -> Command,
    ) -> Result<Vec<Result<(), Problem>>, Problem> {
        let by = self.doer()?;
        let commands = alarms.iter().map(|alarm| command(alarm.clone(), by.name.clone())).collect();
        let outcomes = self.app.parts.center.commands(commands).await;
        let done: Vec<&AlarmId> = alarms
            .iter()
            .zip(&outcomes)
            .filter(|(_, o)| o.is_ok())
            .map(|(alarm, _)| alarm)
            .collect();
        if let Some(first) = done.first() {
            // The alarm log names each of them.
            let object = match done.len() {
                1 => format!("alarm {first}"),
                count => format!("{count} alarms from {first} on"),
            };
            self.app.parts.registry.note(&by, self.now(), deed, &object, said).await?;
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.map_err(Problem::from)).collect())
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

    /// A page of the alarms in scope that something keeps quiet, the newest first.
    ///
    /// # Errors
    /// When the cursor was not given out, or the index fails.
    pub async fn quiet_alarms(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<QuietPage, Problem> {
        let enterprises = self.app.enterprises_in(&self.user()?.sees(), &Filter::default());
        self.app.feed.catch_up().await?;
        Ok(self.app.parts.alarms.quiet(enterprises.as_deref(), cursor, limit).await?)
    }

    /// How grave an alarm out of [`Call::alarm_key`] is, and whether a gas detector raises it: by the limits in force, and by what
    /// stands where that is graver, since it was raised before the limits were changed.
    ///
    /// # Errors
    /// When index or registry fail.
    pub async fn kind_of_alarm(&self, key: &AlarmKey) -> Result<(Level, bool), Problem> {
        let mut kind = (default_level(key.condition, "", false), false);
        if let Ok(id) = PointId::new(&key.subject.0)
            && let Some(point) = self.registry()?.point(&id).await?
        {
            let registry = self.registry()?;
            let equipment = registry.equipment_by_id(&[&point.equipment]).await?;
            let hazardous = equipment.first().is_some_and(|e| e.hazard.is_some());
            let limits = registry.limits(std::slice::from_ref(&point)).await?;
            let stated = limits.get(&point.meta.no).and_then(|version| {
                let limits = &version.limits;
                let limit = match key.condition {
                    Condition::HighHigh => &limits.hh,
                    Condition::High => &limits.h,
                    Condition::Low => &limits.l,
                    Condition::LowLow => &limits.ll,
                    Condition::RateOfChange => &limits.rate_per_min,
                    _ => &None,
                };
                limit.and_then(|limit| limit.level).and_then(Level::new)
            });
            let by_default = || default_level(key.condition, &point.signal, hazardous);
            kind = (stated.unwrap_or_else(by_default), is_gas_detector(&point.signal));
        }
        let standing = AlarmFilter {
            subject: Some(key.subject.0.to_string()),
            conditions: vec![key.condition],
            states: AlarmState::ALL.into_iter().filter(|&s| s != AlarmState::Closed).collect(),
            ..AlarmFilter::default()
        };
        self.app.feed.catch_up().await?;
        let standing = self.app.parts.alarms.search(&standing, None, 1).await?.items;
        let graver = standing.first().map_or(kind.0, |row| row.level.min(kind.0));
        Ok((graver, kind.1))
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
}
