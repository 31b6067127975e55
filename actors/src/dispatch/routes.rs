//! From rows of a gateway's table to slots of a host.
//!
//! A gateway numbers its points by the row of its table, a host by slot. Where both count on together, the rows are one run
//! and a whole group of readings is routed by comparing two ranges; that is the usual case, because both sides keep the
//! points of a device together. Any other order works too, one look-up a reading.

use std::collections::HashMap;

use anlan_domain::log::HostConfig;
use anlan_domain::uplink::{ReadingsView, Table};

use crate::host::Run;

/// Consecutive rows of a table that go to consecutive slots of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRun {
    /// First row.
    pub row: u32,
    /// Slot of the first row.
    pub slot: u32,
    /// How many.
    pub len: u32,
}

/// The rows of `table` that are points of `host` and bound to `gateway`, by ascending row.
#[must_use]
pub fn routes(table: &Table, gateway: &str, host: &HostConfig) -> Vec<RouteRun> {
    let slots: HashMap<&str, u32> = (0..)
        .zip(&host.points)
        .filter(|(_, point)| point.gateway.as_str() == gateway)
        .map(|(slot, point)| (point.id.tag(), slot))
        .collect();
    let mut runs: Vec<RouteRun> = Vec::new();
    for (row, entry) in (0..).zip(&table.rows) {
        let Some(&slot) = slots.get(entry.tag.as_str()) else { continue };
        match runs.last_mut() {
            Some(run) if run.row + run.len == row && run.slot + run.len == slot => run.len += 1,
            _ => runs.push(RouteRun { row, slot, len: 1 }),
        }
    }
    runs
}

/// Splits the groups of a readings frame into runs for one host. Readings of rows without a route are left out.
pub fn split<'a>(view: &ReadingsView<'a>, routes: &[RouteRun], out: &mut Vec<Run<'a>>) {
    for group in view.groups() {
        if let Some(first) = group.contiguous_from() {
            let end = first.saturating_add(u32::try_from(group.count).unwrap_or(u32::MAX));
            let from = routes.partition_point(|r| r.row + r.len <= first);
            for route in routes[from..].iter().take_while(|r| r.row < end) {
                let low = route.row.max(first);
                let high = (route.row + route.len).min(end);
                out.push(Run {
                    group,
                    start: (low - first) as usize,
                    len: (high - low) as usize,
                    slot: route.slot + (low - route.row),
                });
            }
            continue;
        }
        let mut open: Option<Run<'a>> = None;
        for i in 0..group.count {
            let row = group.handle(i);
            let at = routes.partition_point(|r| r.row + r.len <= row);
            let slot = routes.get(at).filter(|r| r.row <= row).map(|r| r.slot + (row - r.row));
            match (&mut open, slot) {
                (Some(run), Some(slot)) if run.slot as usize + run.len == slot as usize => {
                    run.len += 1;
                }
                (_, slot) => {
                    out.extend(open.take());
                    open = slot.map(|slot| Run { group, start: i, len: 1, slot });
                }
            }
        }
        out.extend(open);
    }
}

#[cfg(test)]
mod tests {
    use anlan_domain::quality::Quality;
    use anlan_domain::uplink::{GroupBuilder, encode_readings};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_routed_reading_reaches_its_slot_and_no_other(
            rows in prop::collection::vec(prop::option::of(0u32..20), 1..20),
            handles in prop::collection::vec(0u32..24, 0..20),
            start in 0u32..10,
        ) {
            // `rows[r]` is the slot of row r; the same slot may come twice, which a real table never does.
            let mut routes: Vec<RouteRun> = Vec::new();
            for (row, slot) in (0u32..).zip(&rows) {
                let Some(slot) = *slot else { continue };
                match routes.last_mut() {
                    Some(r) if r.row + r.len == row && r.slot + r.len == slot => r.len += 1,
                    _ => routes.push(RouteRun { row, slot, len: 1 }),
                }
            }
            let consecutive: Vec<u32> = (start..start + 12).collect();
            let groups: Vec<GroupBuilder> = [handles, consecutive].into_iter().map(|handles| GroupBuilder {
                age_ms: 0,
                qualities: vec![Quality::GOOD; handles.len()],
                values: handles.iter().map(|&h| f64::from(h)).collect(),
                source_walls: vec![],
                handles,
            }).collect();
            let payload = encode_readings(1, &groups);
            let view = ReadingsView::new(&payload).unwrap();
            let mut runs = Vec::new();
            split(&view, &routes, &mut runs);
            let got: Vec<(u32, f64)> = runs.iter().flat_map(|run| {
                (0..run.len).map(|i| (run.slot + i as u32, run.group.value(run.start + i)))
            }).collect();
            let expected: Vec<(u32, f64)> = groups.iter().flat_map(|g| &g.handles).filter_map(|&h| {
                rows.get(h as usize).copied().flatten().map(|slot| (slot, f64::from(h)))
            }).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
