//! One live stream: a WebSocket of a signed-in person, with subscriptions that are checked against their scope on every
//! batch. `docs/protocols/live.md` describes it.
//!
//! Everything goes out through one short queue with one writer; a subscription that finds it full waits, which is what makes the
//! hub conflate its values. A client that takes nothing for a while is closed with `resume`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warp::ws::{Message, WebSocket};

use crate::gate::{App, StreamSeat, Use, Who};

pub mod feed;
mod subscription;

use subscription::Wish;

/// Messages that may wait for the writer.
const QUEUE: usize = 32;
/// Messages of a client within a second.
const MESSAGES_PER_SECOND_MAX: u32 = 50;
/// Largest message of a client.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// What the reader itself takes at most. Beyond, it can only give up; up to here, a client is told what it did.
pub const READ_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// Whether the reader gave up because of [`READ_BYTES_MAX`]. The error's type belongs to the WebSocket library below warp, so its words
/// are all there is.
fn is_too_large(error: &warp::Error) -> bool {
    let words = error.to_string();
    words.contains("too long") || words.contains("too big")
}

/// What goes to the writer.
#[derive(Debug)]
enum Out {
    Text(String),
    Closing(&'static str, &'static str),
}

/// The queue to the writer.
#[derive(Clone)]
struct Outbox {
    queue: mpsc::Sender<Out>,
    /// Something was sent since the last tick, so no heartbeat is due.
    busy: Arc<AtomicBool>,
}

impl Outbox {
    /// Waits for room. `false` when the stream is over.
    async fn send(&self, text: String) -> bool {
        self.queue.send(Out::Text(text)).await.is_ok()
    }

    async fn close(&self, code: &'static str, words: &'static str) {
        // A stream that is over needs no closing.
        drop(self.queue.send(Out::Closing(code, words)).await);
    }

    async fn error(&self, id: Option<&str>, code: &str, message: &str) -> bool {
        let mut body = json!({ "type": "error", "code": code, "message": message });
        if let Some(id) = id {
            body["id"] = id.into();
        }
        self.send(body.to_string()).await
    }
}

/// A task that ends with the stream.
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves one stream until it ends.
pub(crate) async fn serve(
    app: Arc<App>,
    who: Who,
    seat: StreamSeat,
    socket: WebSocket,
    stop: CancellationToken,
) {
    let (sink, mut incoming) = socket.split();
    let (queue, waiting) = mpsc::channel(QUEUE);
    let outbox = Outbox { queue, busy: Arc::default() };
    let over = CancellationToken::new();
    let patience = Duration::from_millis(app.options().limits.slow_client_ms);
    let writer = tokio::spawn(write(sink, waiting, outbox.busy.clone(), patience, over.clone()));
    let mut stream = Stream { app, who, outbox, subscriptions: HashMap::new(), messages: 0 };
    let mut rights = stream.app.rights_changes();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ticks = 0u32;
    loop {
        let goes_on = tokio::select! {
            () = over.cancelled() => false,
            () = stop.cancelled() => {
                stream.outbox.close("shutdown", "The center stops").await;
                false
            }
            message = incoming.next() => match message {
                Some(Ok(message)) => stream.on_message(&message).await,
                Some(Err(error)) => stream.on_broken(&error).await,
                None => false,
            },
            changed = rights.next() => changed && stream.still_allowed().await,
            _ = tick.tick() => {
                ticks += 1;
                stream.messages = 0;
                let session_due = ticks.is_multiple_of(30);
                stream.heartbeat() && (!session_due || stream.still_allowed().await)
            }
        };
        if !goes_on {
            break;
        }
    }
    drop(stream);
    if tokio::time::timeout(patience + Duration::from_secs(3), writer).await.is_err() {
        tracing::debug!("a live stream's writer did not end in time");
    }
    drop(seat);
}

/// Writes what waits. The one place that touches the socket's sending half.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::Receiver<Out>,
    busy: Arc<AtomicBool>,
    patience: Duration,
    over: CancellationToken,
) {
    let mut farewell = None;
    while let Some(out) = waiting.recv().await {
        match out {
            Out::Text(text) => {
                busy.store(true, Ordering::Relaxed);
                metrics::counter!("anlan_live_messages_total").increment(1);
                match tokio::time::timeout(patience, sink.send(Message::text(text))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => break,
                    Err(_) => {
                        metrics::counter!("anlan_live_streams_slow_total").increment(1);
                        farewell = Some(("resume", "Too slow; take up again with the last cursor"));
                        break;
                    }
                }
            }
            Out::Closing(code, words) => {
                farewell = Some((code, words));
                break;
            }
        }
    }
    over.cancel();
    let last_words = async {
        if let Some((code, message)) = farewell {
            let text = json!({ "type": "closing", "code": code, "message": message }).to_string();
            sink.send(Message::text(text)).await?;
        }
        sink.send(Message::close()).await?;
        sink.close().await
    };
    // The peer may be gone or stuck: two seconds are enough for a farewell.
    if !matches!(tokio::time::timeout(Duration::from_secs(2), last_words).await, Ok(Ok(()))) {
        tracing::debug!("a live stream ended without a farewell");
    }
}

struct Stream {
    app: Arc<App>,
    who: Who,
    outbox: Outbox,
    subscriptions: HashMap<String, (Wish, Task)>,
    messages: u32,
}

impl Stream {
    /// Sends a heartbeat where nothing else was sent. `false` when the stream is over.
    fn heartbeat(&self) -> bool {
        if self.outbox.busy.swap(false, Ordering::Relaxed) {
            return true;
        }
        let text = json!({ "type": "heartbeat", "at": self.app.now().0 }).to_string();
        match self.outbox.queue.try_send(Out::Text(text)) {
            // What waits in a full queue is a sign of life itself.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Looks at session and scope again. Ends the stream where they are not what they were.
    async fn still_allowed(&mut self) -> bool {
        if !self.app.places_are_known() {
            self.outbox.close("resume", "The rights could not be checked; connect again").await;
            return false;
        }
        match self.app.who_by_hash(self.who.token_sha256.clone(), Use::Stream).await {
            Ok(Some((now, _)))
                if now.session.user.sees() == self.who.session.user.sees()
                    && now.session.user.role == self.who.session.user.role =>
            {
                let places = self.app.places();
                let scope = now.session.user.sees();
                if self.subscriptions.values().all(|(wish, _)| wish.allowed(&scope, &places)) {
                    return true;
                }
                self.outbox.close("scope", "Your scope has changed; connect again").await;
            }
            Ok(Some(_)) => {
                self.outbox.close("scope", "Your rights have changed; connect again").await
            }
            Ok(None) => self.outbox.close("session", "The session has ended; sign in again").await,
            Err(_) => {
                self.outbox.close("resume", "The session could not be checked; connect again").await
            }
        }
        false
    }

    /// Ends the stream. A message that is too large for the reader to take is a limit like the others; else the connection broke.
    async fn on_broken(&self, error: &warp::Error) -> bool {
        if is_too_large(error) {
            self.too_much("A message has at most 64 KiB").await;
        } else {
            tracing::debug!(%error, "a live stream broke off");
        }
        false
    }

    /// Closes with `limit`, counted.
    async fn too_much(&self, words: &'static str) {
        metrics::counter!("anlan_live_streams_refused_total").increment(1);
        self.outbox.close("limit", words).await;
    }

    async fn on_message(&mut self, message: &Message) -> bool {
        if message.is_close() {
            return false;
        }
        if message.as_bytes().len() > MESSAGE_BYTES_MAX {
            self.too_much("A message has at most 64 KiB").await;
            return false;
        }
        let Ok(text) = message.to_str() else { return true };
        self.messages += 1;
        if self.messages > MESSAGES_PER_SECOND_MAX {
            self.too_much("Too many messages in a second").await;
            return false;
        }
        let Ok(Value::Object(body)) = serde_json::from_str(text) else {
            return self.outbox.error(None, "bad_request", "Each message is one JSON object").await;
        };
        let id = body.get("id").and_then(Value::as_str).unwrap_or("").to_owned();
        if id.len() > 64 {
            return self.outbox.error(None, "bad_request", "id has at most 64 bytes").await;
        }
        if let Some(wish) = body.get("subscribe") {
            let resume = body.get("resume").and_then(Value::as_str);
            return self.subscribe(id, wish, resume).await;
        }
        if let Some(id) = body.get("unsubscribe").and_then(Value::as_str) {
            self.subscriptions.remove(id);
            return true;
        }
        self.outbox.error(Some(&id), "bad_request", "Give `subscribe` or `unsubscribe`").await
    }

    async fn subscribe(&mut self, id: String, wish: &Value, resume: Option<&str>) -> bool {
        let wish = match Wish::parse(wish, resume) {
            Ok(wish) => wish,
            Err(why) => return self.outbox.error(Some(&id), "bad_request", &why).await,
        };
        if !wish.allowed(&self.who.session.user.sees(), &self.app.places()) {
            let words = "There is no such thing, or it is not in your scope";
            return self.outbox.error(Some(&id), "not_found", words).await;
        }
        self.subscriptions.remove(&id);
        if self.subscriptions.len() >= self.app.options().limits.subscriptions {
            metrics::counter!("anlan_live_subscriptions_refused_total").increment(1);
            let words = "Too many subscriptions on this stream";
            return self.outbox.error(Some(&id), "limit", words).await;
        }
        let scope = self.who.session.user.sees();
        let work = subscription::run(
            self.app.clone(),
            scope,
            id.clone(),
            wish.clone(),
            self.outbox.clone(),
        );
        self.subscriptions.insert(id, (wish, Task(tokio::spawn(work))));
        true
    }
}
