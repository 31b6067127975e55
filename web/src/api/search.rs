//! Search over everything that has a name or a tag.

use anlan_store::alarm_index::AlarmFilter;
use anlan_store::registry::scoped::Filter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::gate::{Answer, Call, Reply};
use crate::views::Names;

/// Something found.
#[derive(Serialize, ToSchema)]
pub struct Hit {
    /// `enterprise`, `hazard`, `equipment`, `point`, `alarm`.
    kind: &'static str,
    /// Identity.
    id: String,
    /// Name.
    name: Names,
    /// The enterprise or equipment that it is of.
    #[serde(rename = "where")]
    place: String,
    /// Degrees east.
    longitude: Option<f64>,
    /// Degrees north.
    latitude: Option<f64>,
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// Most hits.
const HITS_MAX: usize = 30;

/// `GET /search`
pub async fn search(call: Call) -> Answer {
    let SearchQuery { q } = call.query()?;
    let mut hits: Vec<Hit> = Vec::new();
    if !q.trim().is_empty() {
        let registry = call.registry()?;
        let filter = Filter { text: Some(q.clone()), limit: 10, ..Filter::default() };
        hits.extend(registry.enterprises(&filter).await?.into_iter().map(|e| Hit {
            kind: "enterprise",
            id: e.code.to_string(),
            name: Names { zh: e.name_zh, en: e.name_en },
            place: e.region.to_string(),
            longitude: e.longitude,
            latitude: e.latitude,
        }));
        hits.extend(registry.hazards(&filter).await?.into_iter().map(|h| Hit {
            kind: "hazard",
            id: h.code.to_string(),
            name: Names { zh: h.name_zh, en: h.name_en },
            place: h.enterprise.to_string(),
            longitude: None,
            latitude: None,
        }));
        hits.extend(registry.equipment(&filter).await?.into_iter().map(|e| Hit {
            kind: "equipment",
            id: e.id.to_string(),
            name: Names { zh: e.name_zh, en: e.name_en },
            place: e.enterprise.to_string(),
            longitude: e.longitude,
            latitude: e.latitude,
        }));
        hits.extend(registry.points(&filter).await?.into_iter().map(|p| Hit {
            kind: "point",
            id: p.id.to_string(),
            name: Names { zh: p.name_zh, en: p.name_en },
            place: p.equipment.to_string(),
            longitude: p.longitude,
            latitude: p.latitude,
        }));
        let text = q.trim().chars().take(100).collect();
        let open = AlarmFilter { text: Some(text), ..AlarmFilter::open() };
        let alarms = call.alarms(open, &Filter::default(), None, 10).await?;
        hits.extend(call.with_names(alarms.items).await?.into_iter().map(|a| Hit {
            kind: "alarm",
            id: a.id,
            name: a.name,
            place: a.equipment.or(a.enterprise).unwrap_or_default(),
            longitude: a.longitude,
            latitude: a.latitude,
        }));
        hits.truncate(HITS_MAX);
    }
    Reply::page(&hits, None)
}
