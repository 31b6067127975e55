//! Regions, for drilling down.

use std::collections::HashMap;

use anlan_domain::region::RegionCode;

use crate::gate::{Answer, Call, Reply};
use crate::views::{Names, Region};

/// `GET /regions`
pub async fn list(call: Call) -> Answer {
    let registry = call.registry()?;
    let regions = registry.regions().await?;
    let mut middles: HashMap<RegionCode, (f64, f64, f64)> = HashMap::new();
    let places = call.places();
    for (_, site) in places.within(registry.scope()) {
        let Some((east, north)) = site.position else { continue };
        for rung in std::iter::successors(Some(site.region.clone()), RegionCode::parent) {
            let (e, n, count) = middles.entry(rung).or_default();
            (*e, *n, *count) = (*e + east, *n + north, *count + 1.0);
        }
    }
    let own: Vec<_> = regions
        .iter()
        .filter(|r| registry.scope().covers_region(&r.code))
        .map(|r| format!("region:{}", r.code))
        .collect();
    let mut rollups = call.rollups(own).await;
    let items: Vec<Region> = regions
        .into_iter()
        .map(|r| {
            let middle = middles.get(&r.code).map(|(e, n, count)| (e / count, n / count));
            Region {
                level: r.code.level(),
                parent: r.code.parent().map(|p| p.to_string()),
                rollup: rollups.remove(&format!("region:{}", r.code)),
                code: r.code.to_string(),
                name: Names { zh: r.name_zh, en: r.name_en },
                longitude: middle.map(|m| m.0),
                latitude: middle.map(|m| m.1),
            }
        })
        .collect();
    Reply::page(&items, None)
}
