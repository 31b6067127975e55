//! Journalled frames as rows of the history: which point each row of a table is, and when each reading was true.

use std::collections::HashMap;
use std::sync::Arc;

use anlan_domain::ids::PointId;
use anlan_domain::log::{GatewayNo, RecordKind};
use anlan_domain::uplink::{self, Kind, Lane, ReadingsView};
use anlan_store::history::ReadingRow;
use anlan_store::journal::Record;

use crate::catalog::Catalog;
use crate::ingest::tables::Tables;
use crate::shared::Shared;
use crate::tree::plan::NodeKey;

/// What the history needs to know of a row of a table.
#[derive(Clone, Copy)]
struct Column {
    point_no: u32,
    /// Which points are scanned together.
    scan: u32,
    scan_ms: i64,
}

/// Which point each row of a table is.
struct Columns {
    rows: Vec<Option<Column>>,
}

/// When a reading was true, by the device where that says more than the gateway.
///
/// A device that reports changes (OPC UA) goes on saying when the value last changed, and the gateway repeats the value with
/// that time at every scan. These repetitions are news all the same: the value still stood when it was scanned. Under the
/// time of the change they would all be one reading, a valve at rest would look like one that is no longer read, and its
/// trend like a gap. So the device's time counts for the scan that it falls into, and each later one has its own.
fn source_time(device: Option<i64>, sampled: i64, scan_ms: i64) -> i64 {
    device.filter(|at| sampled.saturating_sub(*at) < scan_ms).unwrap_or(sampled)
}

/// Decodes journalled frames to rows of the history.
pub(super) struct Decoder {
    tables: Arc<Tables>,
    catalog: Arc<Catalog>,
    shared: Arc<Shared>,
    columns: HashMap<(GatewayNo, u64), Option<Arc<Columns>>>,
}

impl Decoder {
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self {
            tables: shared.tables.clone(),
            catalog: shared.catalog.clone(),
            shared: shared.clone(),
            columns: HashMap::new(),
        }
    }

    fn columns(&mut self, gateway: GatewayNo, hash: u64) -> Option<Arc<Columns>> {
        if let Some(known) = self.columns.get(&(gateway, hash)) {
            return known.clone();
        }
        let columns = self.make_columns(gateway, hash);
        if columns.is_none() {
            metrics::counter!("anlan_history_unreadable_frames_total").increment(1);
            tracing::error!(
                gateway = gateway.0,
                hash,
                "frames of a table that is not known do not enter the history"
            );
        }
        self.columns.insert((gateway, hash), columns.clone());
        columns
    }

    fn make_columns(&self, gateway: GatewayNo, hash: u64) -> Option<Arc<Columns>> {
        let table = self.tables.get(gateway, hash).ok().flatten()?;
        let plan = self.shared.tree_plan();
        let facts = plan.get(&NodeKey::Gateway(gateway))?;
        let (enterprise, id) = (facts.enterprise.as_ref()?, facts.gateway.as_ref()?);
        let mut devices: Vec<&str> = Vec::new();
        let rows = table
            .rows
            .iter()
            .map(|row| {
                let device = devices.iter().position(|d| *d == row.device).unwrap_or_else(|| {
                    devices.push(&row.device);
                    devices.len() - 1
                });
                let point = PointId::of(enterprise, &row.tag).ok()?;
                let place = self.catalog.point(&point)?;
                let bound = self.catalog.is_bound(&point, id);
                let scan = gateway.0.wrapping_mul(4096).wrapping_add(device as u32);
                let config = self.catalog.host(place.host)?;
                let scan_ms = i64::from(config.points.get(place.slot as usize)?.settings.scan_ms);
                bound.then_some(Column { point_no: place.no.0, scan, scan_ms })
            })
            .collect();
        Some(Arc::new(Columns { rows }))
    }

    /// Adds the rows of a record; only those of `only`, where it is given.
    pub fn rows(&mut self, record: &Record, only: Option<u32>, out: &mut Vec<ReadingRow>) {
        if record.kind != RecordKind::Frame {
            return;
        }
        let Ok((header, payload)) = uplink::open(&record.payload) else { return };
        if header.kind != Kind::Readings {
            return;
        }
        let Ok(view) = ReadingsView::new(payload) else { return };
        let gateway = GatewayNo(record.source);
        let Some(columns) = self.columns(gateway, view.table) else { return };
        let late = header.lane == Lane::Backfill;
        for group in view.groups() {
            let sampled = header.wall.0.saturating_sub(i64::from(group.age_ms));
            for i in 0..group.count {
                let Some(&Some(column)) = columns.rows.get(group.handle(i) as usize) else {
                    continue;
                };
                let Column { point_no, scan, scan_ms } = column;
                if only.is_some_and(|only| only != point_no) {
                    continue;
                }
                out.push(ReadingRow {
                    point_no,
                    group: scan,
                    source_ms: source_time(group.source_wall(i), sampled, scan_ms),
                    recv_ms: record.received.0,
                    value: group.value(i),
                    quality: group.quality(i).0,
                    late,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_225_600_000;

    #[test]
    fn a_value_that_a_device_repeats_is_a_reading_of_every_scan() {
        let change = START - 400;
        let scans = [START, START + 1_000, START + 2_000, START + 3_000];
        let times = scans.map(|sampled| source_time(Some(change), sampled, 1_000));
        assert_eq!(times, [change, START + 1_000, START + 2_000, START + 3_000]);
        assert_eq!(source_time(None, START, 1_000), START);
        // A device whose clock is ahead is believed.
        assert_eq!(source_time(Some(START + 5_000), START, 1_000), START + 5_000);
    }
}
