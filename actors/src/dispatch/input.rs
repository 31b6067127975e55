//! What a host gets: entries of the log, decoded once and routed, that share the bytes of their record.

use std::sync::Arc;

use anlan_domain::log::{Command, GatewayNo, HostConfig, HostNo, RecordKind, configured};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{self, Header, Kind, Status};
use anlan_store::journal::{Offset, Record};
use bytes::Bytes;

use super::routes::RouteRun;

/// One entry for one host.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its place in the log.
    pub offset: Offset,
    /// Logged time.
    pub received: UtcMillis,
    /// What it is.
    pub what: What,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub enum What {
    /// Readings, with the routes of this host; none of them may be for it.
    Readings {
        /// Whose.
        gateway: GatewayNo,
        /// Of the frame.
        header: Arc<Header>,
        /// Of the frame.
        payload: Bytes,
        /// From rows to slots.
        routes: Arc<[RouteRun]>,
    },
    /// State of a gateway.
    Status {
        /// Whose.
        gateway: GatewayNo,
        /// Of the frame.
        header: Arc<Header>,
        /// What it says.
        status: Arc<Status>,
    },
    /// A gateway's session began or ended.
    Link {
        /// Whose.
        gateway: GatewayNo,
        /// Began.
        up: bool,
    },
    /// The center became ready.
    CenterReady,
    /// The center's own link was lost or is back.
    CenterLink {
        /// Back.
        up: bool,
    },
    /// A configuration.
    Configured(Arc<HostConfig>),
    /// A person's wish.
    Command(Arc<Command>),
    /// Time passes.
    Tick,
}

/// A record of the journal, decoded.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// For every host of a gateway: readings.
    Readings {
        /// Whose.
        gateway: GatewayNo,
        /// Of the frame.
        header: Arc<Header>,
        /// Hash of the table.
        table: u64,
        /// How many readings.
        count: usize,
        /// Of the frame.
        payload: Bytes,
    },
    /// For every host of a gateway.
    OfGateway(GatewayNo, What),
    /// For one host.
    OfHost(HostNo, What),
    /// For every host.
    OfAll(What),
    /// For no host.
    Nothing,
}

/// Decodes a record. What cannot be read is said, counted and for no host: it was checked when it came in, so this is our
/// own mistake or a newer version's record.
#[must_use]
pub fn decode(offset: Offset, record: &Record) -> Decoded {
    let source = record.source;
    match try_decode(record) {
        Ok(decoded) => decoded,
        Err(why) => {
            metrics::counter!("anlan_dispatch_unreadable_total").increment(1);
            tracing::error!(offset = offset.0, source, %why, "a record of the journal cannot be read and is passed over");
            Decoded::Nothing
        }
    }
}

fn try_decode(record: &Record) -> Result<Decoded, String> {
    let source = record.source;
    let postcard = |error: postcard::Error| error.to_string();
    Ok(match record.kind {
        RecordKind::Frame => decode_frame(GatewayNo(source), &record.payload)?,
        RecordKind::Configured | RecordKind::ConfiguredV2 => {
            let config = read_config(record.kind, &record.payload)?;
            Decoded::OfHost(HostNo(source), What::Configured(Arc::new(config)))
        }
        RecordKind::Command => {
            let command: Command = postcard::from_bytes(&record.payload).map_err(postcard)?;
            Decoded::OfHost(HostNo(source), What::Command(Arc::new(command)))
        }
        RecordKind::Link => {
            let gateway = GatewayNo(source);
            let up = record.payload.first() == Some(&1);
            Decoded::OfGateway(gateway, What::Link { gateway, up })
        }
        RecordKind::Tick => Decoded::OfAll(What::Tick),
        RecordKind::CenterReady => Decoded::OfAll(What::CenterReady),
        RecordKind::CenterLink => {
            Decoded::OfAll(What::CenterLink { up: record.payload.first() == Some(&1) })
        }
    })
}

fn decode_frame(gateway: GatewayNo, frame: &Bytes) -> Result<Decoded, String> {
    let (header, payload) = uplink::open(frame).map_err(|error| error.to_string())?;
    let payload = frame.slice_ref(payload);
    let header_shared = Arc::new(header);
    Ok(match header.kind {
        Kind::Readings => {
            let view = uplink::ReadingsView::new(&payload).map_err(|error| error.to_string())?;
            let (table, count) = (view.table, view.count());
            Decoded::Readings { gateway, header: header_shared, table, count, payload }
        }
        Kind::Status => {
            let status = uplink::read_payload(&payload).map_err(|error| error.to_string())?;
            let status = Arc::new(status);
            Decoded::OfGateway(gateway, What::Status { gateway, header: header_shared, status })
        }
        _ => Decoded::Nothing,
    })
}

/// Reads a configuration, and lets its points share what is equal: hundreds of thousands of points have a few kinds of settings, and
/// the first form of the record writes them out for each.
///
/// # Errors
/// When the bytes are no configuration.
pub fn read_config(kind: RecordKind, bytes: &[u8]) -> Result<HostConfig, String> {
    let mut config = configured::read(kind, bytes).map_err(|error| match error {
        configured::BadConfig::Postcard(cause) => {
            format!("the configuration cannot be read: {cause}")
        }
        other => other.to_string(),
    })?;
    let (mut settings, mut equipment) = (Vec::new(), Vec::new());
    let gateways: Vec<_> = config.gateways.iter().map(|(_, id)| id.clone()).collect();
    for point in &mut config.points {
        share(&mut settings, &mut point.settings);
        share(&mut equipment, &mut point.equipment);
        if let Some(known) = gateways.iter().find(|known| **known == point.gateway) {
            point.gateway = known.clone();
        }
    }
    Ok(config)
}

/// Kinds that are looked through; the newest are the likeliest.
const KINDS_MAX: usize = 32;

/// Puts an equal value that is known already in the place of a new one.
fn share<T: Clone + PartialEq>(known: &mut Vec<T>, value: &mut T) {
    match known.iter().rev().take(KINDS_MAX).find(|other| **other == *value) {
        Some(equal) => *value = equal.clone(),
        None => known.push(value.clone()),
    }
}
