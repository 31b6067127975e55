//! The figures of EEMUA 191 and IEC 62682 over a period, for a region or an enterprise.

use std::collections::HashMap;

use anlan_domain::alarm::AlarmKey;
use anlan_domain::alarm_health::{Flood, Health, Occurrence, STALE_AFTER_MS, Took};
use anlan_domain::ids::EnterpriseCode;
use anlan_domain::life_cycle::AlarmState;
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::{AlarmFilter, AlarmSpan};
use anlan_store::registry::scoped::Filter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parsed;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;
use crate::views::Names;

/// Most alarms that one answer is made of.
const ALARMS_MAX: usize = 500_000;
/// Longest period.
const PERIOD_MAX_MS: i64 = 366 * 86_400_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HealthQuery {
    region: Option<String>,
    enterprise: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
}

/// What an alarm is about, by name.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Subject {
    /// Tag of the point, else the node.
    pub tag: String,
    /// Name of the point, else of the node.
    pub name: Names,
    /// Equipment.
    pub equipment: Option<String>,
    /// Enterprise.
    pub enterprise: Option<String>,
    /// Its name.
    pub enterprise_name: Option<Names>,
}

/// An alarm that comes too often.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BadActor {
    /// `SUBJECT|CONDITION`
    pub alarm: String,
    /// Condition.
    pub condition: &'static str,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// How often: in the period; of one that chatters, within a minute.
    pub count: usize,
}

/// A time in which nobody can read what comes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct FloodBody {
    /// When it began.
    pub from: i64,
    /// When it ended.
    pub to: i64,
    /// How many alarms came in it.
    pub alarms: usize,
}

/// Median and 95 % quantile.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct TookBody {
    /// Milliseconds.
    pub median_ms: i64,
    /// Milliseconds.
    pub p95_ms: i64,
}

/// The figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HealthBody {
    /// Begin of the period.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// Annunciated alarms.
    pub alarms: usize,
    /// On average in ten minutes; 1 is manageable (EEMUA 191).
    pub per_ten_minutes: f64,
    /// On average a day; 144 is manageable (IEC 62682:2014).
    pub per_day: f64,
    /// Most in any ten minutes.
    pub peak: usize,
    /// When those ended.
    pub peak_at: Option<i64>,
    /// Floods, oldest first: more than 10 alarms in 10 minutes until there are fewer than 5.
    pub floods: Vec<FloodBody>,
    /// Share of the period in flood, 0 to 1.
    pub flood_share: f64,
    /// How many of level 1, 2, 3, 4.
    pub by_level: [usize; 4],
    /// The most frequent ones, at most ten.
    pub top: Vec<BadActor>,
    /// Share of those in all, 0 to 1.
    pub top_share: f64,
    /// Raised three times or more within a minute.
    pub chattering: Vec<BadActor>,
    /// Standing now.
    pub standing: u64,
    /// Standing now for more than a day.
    pub stale: u64,
    /// Standing now and kept quiet.
    pub quiet: u64,
    /// Of the period, and not acknowledged.
    pub unanswered: usize,
    /// From the beginning to the acknowledgement.
    pub to_acknowledge: Option<TookBody>,
    /// From the beginning to the end.
    pub to_clear: Option<TookBody>,
}

/// `GET /alarm-health`
pub async fn read(call: Call) -> Answer {
    Reply::json(&figures(&call, call.query()?).await?)
}

/// The figures of a period.
pub(super) async fn figures(call: &Call, query: HealthQuery) -> Result<HealthBody, Problem> {
    let now = call.now();
    let to = UtcMillis(query.to.unwrap_or(now.0)).min(now);
    let from = UtcMillis(query.from.unwrap_or_else(|| to.0.saturating_sub(86_400_000)));
    if to <= from || PERIOD_MAX_MS < to.0.saturating_sub(from.0) {
        return Err(Problem::bad_request("from", "A period of at most 366 days, before `to`"));
    }
    let within = Filter {
        region: parsed("region", query.region.as_deref(), RegionCode::new)?,
        enterprise: parsed("enterprise", query.enterprise.as_deref(), EnterpriseCode::new)?,
        ..Filter::default()
    };
    let of_period = AlarmFilter { from: Some(from), to: Some(to), ..AlarmFilter::default() };
    let spans = call.alarm_spans(of_period, &within, ALARMS_MAX + 1).await?;
    if ALARMS_MAX < spans.len() {
        let why = format!("More than {ALARMS_MAX} alarms: ask for a shorter period or a region");
        return Err(Problem::bad_request("from", why));
    }
    let (alarms, occurrences) = numbered(&spans);
    let health = Health::of(&occurrences, from, to);
    let standing = AlarmFilter {
        states: vec![AlarmState::Unacknowledged, AlarmState::Acknowledged],
        ..AlarmFilter::default()
    };
    let stale = AlarmFilter { to: Some(now.plus(-STALE_AFTER_MS)), ..standing.clone() };
    let quiet = AlarmFilter {
        states: vec![AlarmState::Shelved, AlarmState::Suppressed, AlarmState::OutOfService],
        ..AlarmFilter::default()
    };
    let bad: Vec<&str> = (health.top.iter().chain(&health.chattering))
        .map(|&(alarm, _)| &*alarms[alarm].subject.0)
        .collect();
    let named = call.subjects_named(&bad).await?;
    let actor = |&(alarm, count): &(usize, usize)| BadActor {
        alarm: alarms[alarm].to_string(),
        condition: alarms[alarm].condition.code(),
        subject: named.get(&*alarms[alarm].subject.0).cloned().unwrap_or_default(),
        count,
    };
    Ok(HealthBody {
        from: from.0,
        to: to.0,
        alarms: health.alarms,
        per_ten_minutes: health.per_ten_minutes,
        per_day: health.per_day,
        peak: health.peak.map_or(0, |(most, _)| most),
        peak_at: health.peak.map(|(_, at)| at.0),
        floods: health.floods.iter().map(flood).collect(),
        flood_share: health.flood_share,
        by_level: health.by_level,
        top: health.top.iter().map(actor).collect(),
        top_share: health.top_share,
        chattering: health.chattering.iter().map(actor).collect(),
        standing: call.alarm_count(standing, &within).await?,
        stale: call.alarm_count(stale, &within).await?,
        quiet: call.alarm_count(quiet, &within).await?,
        unanswered: health.unanswered,
        to_acknowledge: health.to_acknowledge.map(took),
        to_clear: health.to_clear.map(took),
    })
}

/// Gives each alarm as such a number.
fn numbered(spans: &[AlarmSpan]) -> (Vec<AlarmKey>, Vec<Occurrence>) {
    let mut alarms: Vec<AlarmKey> = Vec::new();
    let mut numbers: HashMap<&AlarmKey, usize> = HashMap::new();
    let occurrences = spans
        .iter()
        .map(|span| {
            let alarm = *numbers.entry(&span.alarm).or_insert_with(|| {
                alarms.push(span.alarm.clone());
                alarms.len() - 1
            });
            Occurrence {
                alarm,
                level: span.level,
                raised: span.raised_at,
                acknowledged: span.acked_at,
                cleared: span.cleared_at,
            }
        })
        .collect();
    (alarms, occurrences)
}

fn flood(flood: &Flood) -> FloodBody {
    FloodBody { from: flood.from.0, to: flood.to.0, alarms: flood.alarms }
}

fn took(took: Took) -> TookBody {
    TookBody { median_ms: took.median_ms, p95_ms: took.p95_ms }
}
