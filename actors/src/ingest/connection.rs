//! One uplink connection: hello and sign-in, then frames in and acknowledgements out, side by side.
//!
//! Frames are checked here (length, check sum), where many connections do it at once; what they mean is the session
//! actor's. A connection may have a few megabytes under way between its socket and the journal; when they are used up the
//! socket is not read, and TCP tells the gateway.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use anlan_domain::ids::GatewayId;
use anlan_domain::uplink::{self, Header, Hello, Kind, MAX_FRAME, Refuse};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::doorstep::{BEFORE_SIGN_IN_MAX, Door};
use super::outbox::{Outbox, control};
use super::session::{SessionMsg, SignedIn};
use crate::directory::GatewayEntry;
use crate::shared::Shared;

/// Bytes of one connection that may be under way to the journal.
const UNDER_WAY_BYTES: usize = 2 * MAX_FRAME;

/// Why a connection ends.
struct End {
    code: &'static str,
    message: String,
    retry_after_ms: u32,
}

impl End {
    fn new(code: &'static str, message: impl Into<String>, retry_after_ms: u32) -> Self {
        Self { code, message: message.into(), retry_after_ms }
    }
}

/// Serves a connection to its end.
pub async fn serve<S>(
    socket: WebSocketStream<S>,
    door: &Door,
    peer: SocketAddr,
    shared: Arc<Shared>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sink, mut stream) = socket.split();
    let end = match hello(&mut stream, door, &shared).await {
        Ok((entry, header, hello)) => {
            door.open();
            session(&mut sink, &mut stream, peer, &shared, entry, header, hello).await
        }
        Err(end) => Some(end),
    };
    if let Some(end) = end {
        metrics::counter!("anlan_ingest_refused_total", "code" => end.code).increment(1);
        tracing::info!(%peer, code = end.code, message = %end.message, "an uplink connection is refused");
        let refuse = Refuse {
            code: end.code.to_owned(),
            message: end.message,
            retry_after_ms: end.retry_after_ms,
        };
        let frame = control(Kind::Refuse, (shared.clock)(), &refuse);
        // The peer may be gone already.
        drop(timeout(shared.options.ask_within, sink.send(Message::Binary(frame.into()))).await);
    }
    drop(timeout(shared.options.ask_within, sink.close()).await);
}

/// Waits for the hello and checks who it is.
async fn hello<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    door: &Door,
    shared: &Shared,
) -> Result<(GatewayEntry, Header, Hello), End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let silent = || End::new("no_hello", "no hello came in time", 1_000);
    let first = timeout(shared.options.hello_within, first_frame(stream, door)).await;
    let bytes = first.map_err(|_| silent())??.ok_or_else(silent)?;
    let bad = |error: uplink::BadFrame| match error {
        uplink::BadFrame::Version(_) => End::new("version", error.to_string(), 60_000),
        _ => End::new("bad_frame", error.to_string(), 5_000),
    };
    let (header, payload) = uplink::open(&bytes).map_err(bad)?;
    if header.kind != Kind::Hello {
        return Err(End::new("bad_frame", "the first frame is no hello", 5_000));
    }
    let hello: Hello = uplink::read_payload(payload).map_err(bad)?;
    // One answer for an unknown gateway and for a wrong secret would hide typing errors from the engineer on site; the
    // identities are no secret.
    let id = GatewayId::new(&hello.gateway)
        .map_err(|error| End::new("unknown_gateway", error.to_string(), 60_000))?;
    let entry = shared.directory.gateway(&id).await;
    let entry = entry.map_err(|error| End::new("not_ready", error.to_string(), 2_000))?;
    let unknown = || End::new("unknown_gateway", format!("{id} is not registered"), 60_000);
    let entry = entry.ok_or_else(unknown)?;
    let given: [u8; 32] = Sha256::digest(hello.secret.as_bytes()).into();
    if !equal(&given, &entry.secret_sha256) {
        return Err(End::new("bad_secret", format!("the secret of {id} is another one"), 60_000));
    }
    shared.ready_for_uplink().map_err(|why| End::new("not_ready", why, 1_000))?;
    Ok((entry, header, hello))
}

/// Compares without telling by its time where the difference is.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// The first frame, or a refusal where it is longer than what is read before sign-in.
async fn first_frame<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    door: &Door,
) -> Result<Option<Bytes>, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut frame = pin!(next_frame(stream));
    poll_fn(|context| match frame.as_mut().poll(context) {
        Poll::Ready(frame) => Poll::Ready(Ok(frame)),
        // Whatever was read so far is not yet a hello.
        Poll::Pending if door.is_full() => {
            let words = format!("no hello within the first {BEFORE_SIGN_IN_MAX} bytes");
            Poll::Ready(Err(End::new("bad_frame", words, 60_000)))
        }
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Next frame; `None` when the connection has ended. Pings are answered by the library.
async fn next_frame<S>(stream: &mut SplitStream<WebSocketStream<S>>) -> Option<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match stream.next().await? {
            Ok(Message::Binary(bytes)) => return Some(bytes),
            Ok(Message::Close(_)) => return None,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "an uplink connection broke");
                return None;
            }
        }
    }
}

#[allow(clippy::too_many_arguments)]
async fn session<S>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    stream: &mut SplitStream<WebSocketStream<S>>,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    entry: GatewayEntry,
    header: Header,
    hello: Hello,
) -> Option<End>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Some(actor) = shared.sessions.actor(entry.no) else {
        return Some(End::new("not_ready", "this gateway is not yet in the tree", 1_000));
    };
    let outbox = Arc::new(Outbox::default());
    let connection = shared.next_life();
    let signed_in = SignedIn {
        connection,
        address: peer.to_string(),
        software: hello.software,
        boot: header.boot,
        pending: hello.pending,
        secret_sha256: entry.secret_sha256,
        outbox: outbox.clone(),
    };
    let limit = Some(shared.options.hello_within);
    let welcome = actor.call(|reply| SessionMsg::SignedIn(Box::new(signed_in), reply), limit).await;
    let Ok(ractor::rpc::CallResult::Success(welcome)) = welcome else {
        // The session may come to the sign-in later; then this is behind it, and no connection is shown that is not there.
        if actor.send_message(SessionMsg::ConnectionEnded { connection }).is_err() {
            tracing::debug!(gateway.id = %entry.id, "a session actor ended before its connection");
        }
        return Some(End::new("not_ready", "the session could not be started", 1_000));
    };
    tracing::info!(gateway.id = %entry.id, %peer, "a gateway signed in");
    outbox.send(control(Kind::Welcome, (shared.clock)(), &welcome));
    let reading = read(stream, shared, &actor, connection, &outbox);
    let writing = write(sink, shared, &outbox);
    let end = tokio::select! {
        end = reading => end,
        () = writing => None,
        () = outbox.close.cancelled() => outbox.take_refusal().map(|refusal| {
            // The code is one of ours; `End` carries the words.
            End::new(known_code(&refusal.code), refusal.message, refusal.retry_after_ms)
        }),
        () = shared.stop.cancelled() => {
            Some(End::new("shutdown", "the center stops", 1_000))
        }
    };
    // Its mailbox is in order: this comes after every frame of the connection.
    if actor.send_message(SessionMsg::ConnectionEnded { connection }).is_err() {
        tracing::debug!(gateway.id = %entry.id, "a session actor ended before its connection");
    }
    tracing::info!(gateway.id = %entry.id, %peer, "a gateway's connection ended");
    end
}

fn known_code(code: &str) -> &'static str {
    ["replaced", "not_durable", "bad_frame", "bad_secret", "unknown_gateway", "idle"]
        .into_iter()
        .find(|known| *known == code)
        .unwrap_or("closed")
}

/// Reads frames until the connection ends.
async fn read<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    shared: &Shared,
    actor: &ractor::ActorRef<SessionMsg>,
    connection: u64,
    outbox: &Outbox,
) -> Option<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let room = Arc::new(Semaphore::new(UNDER_WAY_BYTES));
    let clock = shared.log.clock().clone();
    loop {
        let next = match timeout(shared.options.idle_after, stream.next()).await {
            Err(_) => {
                return Some(End::new("idle", "not a word for too long", 1_000));
            }
            Ok(None) => return None,
            Ok(Some(Err(error))) => {
                let too_long = matches!(error, tokio_tungstenite::tungstenite::Error::Capacity(_));
                tracing::debug!(%error, "an uplink connection broke");
                return too_long.then(|| End::new("bad_frame", error.to_string(), 5_000));
            }
            Ok(Some(Ok(message))) => message,
        };
        let bytes = match next {
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return None,
            _ => continue,
        };
        let received = clock.now();
        metrics::counter!("anlan_ingest_bytes_total").increment(bytes.len() as u64);
        let header = match check(&bytes) {
            Ok(header) => header,
            Err(error) => {
                metrics::counter!("anlan_ingest_bad_frames_total").increment(1);
                if actor.send_message(SessionMsg::BadFrame).is_err() {
                    return None;
                }
                return Some(End::new("bad_frame", error.to_string(), 5_000));
            }
        };
        let size = u32::try_from(bytes.len().clamp(1, UNDER_WAY_BYTES)).expect("below 4 GiB");
        let Ok(place) = room.clone().acquire_many_owned(size).await else { return None };
        let frame = SessionMsg::Frame { connection, header, bytes, received, place };
        if actor.send_message(frame).is_err() {
            outbox.close.cancel();
            return Some(End::new("not_ready", "the session is started again", 500));
        }
    }
}

/// Checks that bytes are a frame whose payload can be read.
fn check(bytes: &[u8]) -> Result<Header, uplink::BadFrame> {
    let (header, payload) = uplink::open(bytes)?;
    if header.kind == Kind::Readings {
        uplink::ReadingsView::new(payload)?;
    }
    Ok(header)
}

/// Writes what waits until the connection ends.
async fn write<S>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    shared: &Shared,
    outbox: &Outbox,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        for frame in outbox.next(|| (shared.clock)()).await {
            if let Err(error) = sink.send(Message::Binary(frame.into())).await {
                tracing::debug!(%error, "an uplink connection broke");
                return;
            }
        }
    }
}
