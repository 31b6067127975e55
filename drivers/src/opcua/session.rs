//! One session with a server, from the first handshake to its end.
//!
//! A node that the server does not know is marked bad by itself and asked for again once a minute; a session that does not
//! come up within its time, or whose keep-alives fail twice, is given up. Nothing here retries: the driver does.

use std::sync::Arc;
use std::time::Duration;

use anlan_domain::quality::Quality;
use anlan_domain::time::UtcMillis;
use futures_util::TryStreamExt;
use opcua::client::{
    Client, DataChangeCallback, IdentityToken, Session, SessionActivity, SessionPollResult,
    SubscriptionActivity,
};
use opcua::types::{
    AttributeId, DataValue, EndpointDescription, MessageSecurityMode, MonitoredItemCreateRequest,
    MonitoringMode, MonitoringParameters, NodeId, ReadValueId, StatusCode, TimestampsToReturn,
    UserTokenPolicy, Variant,
};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::board::{Board, Latest};
use super::driver::{OpcUaServer, Security};
use super::quiet;
use crate::driver::DeviceState;

/// Failed keep-alives in a row after which the server counts as lost.
const KEEP_ALIVES_MISSED: u32 = 2;
/// The server is asked to speak at least this often, though nothing changed.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// A subscription is given up when as many keep-alives as this were due and nothing came.
const PUBLISHES_MISSED: u32 = 3;
/// A server that grants less than a word in so long is held to this all the same.
pub(super) const SILENCE_CAP: Duration = Duration::from_secs(60 * 60);
/// Nodes that the server refused are asked for again after this long.
const REFUSED_RETRY: Duration = Duration::from_secs(60);
/// Sampling and publishing take their turns before the gateway's report does: each at so small a part of a scan, a value is at
/// most half a scan old when a report may take it, and one and a half when it is reported.
const TURNS_PER_SCAN: u32 = 4;
/// Servers that keep intervals in whole milliseconds may grant so much more than the two that were asked for.
const ROUNDING: Duration = Duration::from_millis(2);
/// Nodes per request: below what small servers limit `MaxMonitoredItemsPerCall` to.
const NODES_PER_CALL: usize = 200;

/// Runs one session until it ends; says why it did.
pub(super) async fn run(
    client: &mut Client,
    server: &OpcUaServer,
    board: &Arc<Board>,
    stop: &CancellationToken,
) -> Result<(), String> {
    let (policy, mode) = match server.security {
        Security::None => ("None", MessageSecurityMode::None),
        Security::Basic256Sha256 => ("Basic256Sha256", MessageSecurityMode::SignAndEncrypt),
    };
    let identity = match &server.user {
        None => IdentityToken::Anonymous,
        Some((user, password)) => IdentityToken::UserName(user.clone(), password.clone().into()),
    };
    let endpoint: EndpointDescription =
        (server.endpoint.as_str(), policy, mode, UserTokenPolicy::anonymous()).into();
    super::pki::tidy(&server.pki_dir);
    let cannot = |what: &dyn std::fmt::Display| {
        format!("cannot open a session with {}: {what}", server.endpoint)
    };
    // Handshake, endpoints and session are several requests.
    let patience = server.timeout * 4;
    let connecting = Box::pin(client.connect_to_matching_endpoint(endpoint, identity));
    let connecting = timeout(patience, quiet::about_no_certificate(server.security, connecting));
    let (session, event_loop) = tokio::select! {
        // Nothing is open yet that would want a goodbye.
        () = stop.cancelled() => return Ok(()),
        connected = connecting => connected
            .map_err(|_| cannot(&format_args!("no answer within {patience:?}")))?
            .map_err(|e| cannot(&e))?,
    };
    session.disable_reconnects();

    let events = event_loop.enter();
    tokio::pin!(events);
    let mut keep_alives_missed = 0;
    let subscribed = async {
        session.wait_for_connection().await;
        let subscribed = subscribe(&session, server, board).await?;
        wait_for_first_values(board, server.timeout).await;
        Ok::<_, opcua::types::Error>(subscribed)
    };
    tokio::pin!(subscribed);
    let deadline = Instant::now() + patience;
    let mut up = None;
    let mut published = Instant::now();
    loop {
        let retry_at = match &up {
            Some(Subscribed { refused, retry_at, .. }) if !refused.is_empty() => *retry_at,
            _ => Instant::now() + REFUSED_RETRY,
        };
        let silence_max = up.as_ref().map_or(patience, |up: &Subscribed| up.silence_max);
        tokio::select! {
            event = events.try_next() => match event {
                Ok(Some(SessionPollResult::ConnectionLost(status))) => return Err(lost(server, status)),
                Ok(Some(SessionPollResult::ReconnectFailed(status))) => return Err(cannot(&status)),
                Ok(Some(SessionPollResult::SessionActivity(SessionActivity::KeepAliveFailed(status)))) => {
                    keep_alives_missed += 1;
                    if keep_alives_missed >= KEEP_ALIVES_MISSED {
                        return Err(lost(server, status));
                    }
                }
                Ok(Some(SessionPollResult::SessionActivity(SessionActivity::KeepAliveSucceeded))) => keep_alives_missed = 0,
                Ok(Some(SessionPollResult::Subscription(SubscriptionActivity::Publish))) => published = Instant::now(),
                Ok(Some(_)) => {}
                Ok(None) => return Err(lost(server, StatusCode::BadConnectionClosed)),
                Err(status) => return Err(cannot(&status)),
            },
            result = &mut subscribed, if up.is_none() => {
                up = Some(result.map_err(|e| cannot(&e))?);
                board.set_state(DeviceState::Connected);
                tracing::info!(driver.name = "opcua", peer = %server.endpoint, "connected");
            }
            () = sleep_until(deadline), if up.is_none() => {
                return Err(cannot(&format_args!("no session within {patience:?}")));
            }
            // The server lives but has forgotten the subscription: its values would stay as they are for ever.
            () = sleep_until(published + silence_max), if up.is_some() => {
                return Err(format!("{} has published nothing for {silence_max:?}", server.endpoint));
            }
            () = sleep_until(retry_at), if up.is_some() => {
                if let Some(known) = up.as_mut() {
                    let again = create_items(&session, server, board, known.subscription, &known.refused);
                    // The answer needs the event loop to be polled while it is waited for.
                    let polled = async { while let Ok(Some(_)) = events.try_next().await {} };
                    tokio::select! {
                        result = again => known.refused = result.map_err(|e| cannot(&e))?.refused,
                        () = polled => return Err(lost(server, StatusCode::BadConnectionClosed)),
                    }
                    known.retry_at = Instant::now() + REFUSED_RETRY;
                }
            }
            () = stop.cancelled() => {
                // Say goodbye so that the server frees the session now; do not insist.
                let goodbye = async {
                    tokio::select! {
                        _ = session.disconnect() => {}
                        () = async { while let Ok(Some(_)) = events.try_next().await {} } => {}
                    }
                };
                if timeout(Duration::from_secs(1), goodbye).await.is_err() {
                    tracing::debug!(peer = %server.endpoint, "the server did not answer the closing of the session");
                }
                return Ok(());
            }
        }
    }
}

struct Subscribed {
    subscription: u32,
    /// Points that the server refused, and when they are asked for again.
    refused: Vec<usize>,
    retry_at: Instant,
    /// A live subscription is never silent for longer.
    silence_max: Duration,
}

fn lost(server: &OpcUaServer, status: StatusCode) -> String {
    format!("lost the session with {}: {status}", server.endpoint)
}

/// Creates subscription and items.
async fn subscribe(
    session: &Session,
    server: &OpcUaServer,
    board: &Arc<Board>,
) -> Result<Subscribed, opcua::types::Error> {
    let writes = Arc::clone(board);
    let callback = DataChangeCallback::new(move |value, item| {
        // Handles are the point's index plus one; zero would let the library choose.
        if let Some(index) = (item.client_handle() as usize).checked_sub(1) {
            writes.set(index, latest(&value));
        }
    });
    // Lifetime: at least three keep-alives (Part 4, 5.13.2), and long enough for a slow network.
    let publishing = turn(server.scan);
    let keep_alives = keep_alive_count(publishing);
    let lifetime = (keep_alives * 10).max(100);
    let subscription = session
        .create_subscription(publishing, lifetime, keep_alives, 0, 0, true, callback)
        .await?;
    let all: Vec<usize> = (0..server.points.len()).collect();
    let Items { refused, sampling } =
        create_items(session, server, board, subscription, &all).await?;
    // The server may publish less often than asked, and says so in its answer.
    let granted = session
        .subscription_state()
        .lock()
        .get(subscription)
        .map_or((publishing, keep_alives), |s| (s.publishing_interval(), s.max_keep_alive_count()));
    if is_slow(server.scan, sampling, granted.0) {
        tracing::warn!(
            driver.name = "opcua", peer = %server.endpoint,
            "the server grants sampling every {sampling:?} and publishing every {:?}: a value may wait that long before the \
             scan of {:?} that reports it; lower the server's minimum intervals or lengthen the scan",
            granted.0, server.scan
        );
    }
    let silence_max = silence_max(server, granted);
    Ok(Subscribed { subscription, refused, retry_at: Instant::now() + REFUSED_RETRY, silence_max })
}

/// How long a live subscription may be silent: a few of the keep-alives that the server grants (interval and count).
fn silence_max(server: &OpcUaServer, (interval, keep_alives): (Duration, u32)) -> Duration {
    let granted = interval.saturating_mul(keep_alives.max(1));
    // One that claims to be quicker than it was asked to be is not held to it.
    let longest = granted.max(keep_alive_interval(server));
    longest.saturating_mul(PUBLISHES_MISSED).min(SILENCE_CAP) + server.timeout
}

/// Sampling and publishing interval that are asked for. The server may grant longer ones.
fn turn(scan: Duration) -> Duration {
    scan / TURNS_PER_SCAN
}

/// Whether values wait in the server for more than half a scan: with the scan in which the gateway's own report takes its turn,
/// that is more than the one and a half that are stated.
fn is_slow(scan: Duration, sampling: Duration, publishing: Duration) -> bool {
    sampling.saturating_add(publishing) > scan / 2 + ROUNDING
}

/// Publishing intervals without news after which the server says that it is still there.
fn keep_alive_count(publishing: Duration) -> u32 {
    let intervals = KEEP_ALIVE.as_millis().div_ceil(publishing.as_millis().max(1));
    u32::try_from(intervals).unwrap_or(u32::MAX).clamp(1, 1_000)
}

/// Longest time between two words of a healthy subscription.
pub(super) fn keep_alive_interval(server: &OpcUaServer) -> Duration {
    let publishing = turn(server.scan);
    publishing * keep_alive_count(publishing)
}

/// What the server made of the nodes that it was asked for.
struct Items {
    /// Points that it refused.
    refused: Vec<usize>,
    /// The longest sampling interval that it granted.
    sampling: Duration,
}

async fn create_items(
    session: &Session,
    server: &OpcUaServer,
    board: &Arc<Board>,
    subscription: u32,
    wanted: &[usize],
) -> Result<Items, opcua::types::Error> {
    let (mut refused, mut sampling) = (Vec::new(), Duration::ZERO);
    for chunk in wanted.chunks(NODES_PER_CALL) {
        // Node ids were checked with the configuration; one that is none all the same is the null node, which is refused.
        let requests = chunk.iter().map(|&i| {
            request(i, server.points[i].node_id.parse().unwrap_or_default(), server.scan)
        });
        let results = session
            .create_monitored_items(subscription, TimestampsToReturn::Source, requests.collect())
            .await?;
        for (&index, created) in chunk.iter().zip(&results) {
            let status = created.result.status_code;
            if status.is_bad() {
                tracing::warn!(
                    driver.name = "opcua", peer = %server.endpoint, node = %server.points[index].node_id,
                    "the server refuses this node: {status}; it is asked again every {REFUSED_RETRY:?}"
                );
                board.set(index, Latest::bad(refusal(status)));
                refused.push(index);
                continue;
            }
            let granted = created.result.revised_sampling_interval / 1_000.0;
            // Negative or no number: the server samples as it likes, and there is nothing to compare.
            sampling = sampling.max(Duration::try_from_secs_f64(granted).unwrap_or_default());
        }
    }
    Ok(Items { refused, sampling })
}

fn request(index: usize, node_id: NodeId, scan: Duration) -> MonitoredItemCreateRequest {
    MonitoredItemCreateRequest {
        item_to_monitor: ReadValueId {
            node_id,
            attribute_id: AttributeId::Value as u32,
            ..ReadValueId::default()
        },
        monitoring_mode: MonitoringMode::Reporting,
        requested_parameters: MonitoringParameters {
            client_handle: u32::try_from(index + 1).unwrap_or(u32::MAX),
            sampling_interval: turn(scan).as_secs_f64() * 1_000.0,
            // The newest sample only: a report takes one value a scan however often the server publishes.
            queue_size: 1,
            discard_oldest: true,
            ..MonitoringParameters::default()
        },
    }
}

/// Values of all accepted nodes follow the first publishing interval; without them the scan would begin with bad values.
async fn wait_for_first_values(board: &Board, patience: Duration) {
    let complete = async {
        loop {
            let changed = board.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if board.is_complete() {
                return;
            }
            changed.await;
        }
    };
    if timeout(patience, complete).await.is_err() {
        tracing::warn!(
            driver.name = "opcua",
            "not every node has sent a first value within {patience:?}"
        );
    }
}

/// A refused node stays bad whatever the severity of its status.
fn refusal(status: StatusCode) -> Quality {
    let quality = Quality::from_opcua(status.bits());
    if quality.is_bad() { quality } else { Quality::BAD }
}

/// Any number or truth value is a value; text and arrays cannot be judged against limits and are a mistake in the configuration.
fn latest(value: &DataValue) -> Latest {
    let quality = Quality::from_opcua(value.status.unwrap_or(StatusCode::Good).bits());
    let number = match &value.value {
        Some(Variant::Boolean(state)) => Some(f64::from(u8::from(*state))),
        Some(other) => other.as_f64(),
        None => None,
    };
    let source_time =
        value.source_timestamp.as_ref().map(|t| UtcMillis(t.as_chrono().timestamp_millis()));
    match number {
        _ if quality.is_bad() => Latest { source_time, ..Latest::bad(quality) },
        Some(number) if number.is_finite() => Latest { value: number, quality, source_time },
        Some(_) => Latest { source_time, ..Latest::bad(Quality::SENSOR_FAILURE) },
        None => Latest { source_time, ..Latest::bad(Quality::CONFIG_ERROR) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        value: Option<Variant>,
        status: Option<StatusCode>,
        number: Option<f64>,
        quality: Quality,
    ) {
        let found = latest(&DataValue { value: value.clone(), status, ..DataValue::null() });
        let found_number = (!found.quality.is_bad()).then_some(found.value);
        assert_eq!((found_number, found.quality), (number, quality), "{value:?} {status:?}");
    }

    #[test]
    fn the_server_is_asked_to_speak_every_few_seconds_however_short_or_long_the_interval() {
        for (interval_ms, count) in
            [(50, 60), (200, 15), (1_000, 3), (3_000, 1), (60_000, 1), (0, 1_000)]
        {
            let found = keep_alive_count(Duration::from_millis(interval_ms));
            assert_eq!(found, count, "{interval_ms} ms");
        }
    }

    #[test]
    fn a_value_waits_in_the_server_for_half_a_scan_at_most() {
        for scan_ms in [50, 200, 1_000, 60_000] {
            let scan = Duration::from_millis(scan_ms);
            let asked = request(0, NodeId::null(), scan).requested_parameters;
            let sampling = Duration::from_secs_f64(asked.sampling_interval / 1_000.0);
            assert!(sampling + turn(scan) <= scan / 2, "{scan_ms} ms: {sampling:?}");
            // However often it publishes, nothing is queued behind the newest value.
            assert_eq!((asked.queue_size, asked.discard_oldest), (1, true));
            assert!(!is_slow(scan, sampling, turn(scan)), "{scan_ms} ms");
            assert!(is_slow(scan, turn(scan) * 2, turn(scan)), "{scan_ms} ms");
            assert!(is_slow(scan, turn(scan), scan / 2), "{scan_ms} ms");
            assert!(is_slow(scan, Duration::ZERO, scan * 2), "{scan_ms} ms");
        }
    }

    #[test]
    fn a_server_is_silent_only_beyond_what_it_granted() {
        let server = OpcUaServer {
            no: crate::driver::DeviceNo(0),
            endpoint: String::new(),
            security: Security::None,
            pki_dir: "".into(),
            user: None,
            scan: Duration::from_millis(200),
            timeout: Duration::from_secs(5),
            points: Vec::new(),
        };
        for (interval_ms, keep_alives, seconds) in [
            // As asked: a word every 3 s.
            (50, 60, 14),
            // Every 30 s, and every 5 s with a count that was kept.
            (1_000, 30, 95),
            (5_000, 15, 230),
            // Quicker than asked, nothing at all, and without measure.
            (50, 1, 14),
            (0, 0, 14),
            (86_400_000, u32::MAX, 3_605),
        ] {
            assert_eq!(
                silence_max(&server, (Duration::from_millis(interval_ms), keep_alives)),
                Duration::from_secs(seconds),
                "{interval_ms} ms, {keep_alives}"
            );
        }
    }

    #[test]
    fn numbers_and_truth_values_are_values_and_nothing_else_is() {
        check(Some(Variant::Double(1.5)), None, Some(1.5), Quality::GOOD);
        check(Some(Variant::Int16(-3)), Some(StatusCode::Good), Some(-3.0), Quality::GOOD);
        check(Some(Variant::Boolean(true)), None, Some(1.0), Quality::GOOD);
        check(
            Some(Variant::Float(2.0)),
            Some(StatusCode::UncertainLastUsableValue),
            Some(2.0),
            Quality(68),
        );
        check(
            Some(Variant::Double(1.5)),
            Some(StatusCode::BadSensorFailure),
            None,
            Quality::SENSOR_FAILURE,
        );
        check(Some(Variant::Double(f64::NAN)), None, None, Quality::SENSOR_FAILURE);
        check(Some(Variant::String("12".into())), None, None, Quality::CONFIG_ERROR);
        check(None, None, None, Quality::CONFIG_ERROR);
    }
}
