//! One session with a center: connect, hello, welcome, then reading and writing side by side.

use std::io;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use anlan_domain::uplink::{
    self, Acks, Header, Hello, Kind, Lane, MAX_FRAME, NeedTable, Refuse, Welcome, read_payload,
    write_payload,
};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::in_flight::InFlight;
use super::{Ended, Uplink};

/// How long closing waits for the acknowledgement of live frames.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// Why a session ends, before it is known whether it had been welcomed.
#[derive(Debug, thiserror::Error)]
enum Loss {
    #[error("{0}")]
    Cannot(String),
    #[error("the center closed the connection")]
    Closed,
    #[error("not a word from the center for {0:?}")]
    Silence(Duration),
    #[error("the window is full and nothing was acknowledged for {0:?}")]
    Stalled(Duration),
    #[error("the center refuses us ({code}): {message}")]
    Refused { code: String, message: String, retry_after: Duration },
    #[error("the center sent what is no frame: {0}")]
    BadFrame(#[from] uplink::BadFrame),
    #[error("the connection broke: {0}")]
    Broken(#[from] tungstenite::Error),
    /// A new session, which the dropped frames are no part of, lets the center go on.
    #[error("the point table {0:016x} that the center needs is lost")]
    TableLost(u64),
    #[error("the spool failed: {0}")]
    Spool(#[from] io::Error),
}

pub(super) async fn run(link: &Uplink) -> Result<(), Ended> {
    let mut welcomed = false;
    session(link, &mut welcomed).await.map_err(|loss| {
        let retry_after = match &loss {
            Loss::Refused { retry_after, .. } => *retry_after,
            _ => Duration::ZERO,
        };
        Ended { why: loss.to_string(), welcomed, retry_after }
    })
}

/// Anything that bytes can flow over, with TLS or without.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

async fn session(link: &Uplink, welcomed: &mut bool) -> Result<(), Loss> {
    let silence = link.settings.uplink.silence_max;
    let socket = tokio::select! {
        () = link.closing.cancelled() => return Ok(()),
        opened = timeout(silence, connect(link)) => opened.map_err(|_| Loss::Silence(silence))??,
    };
    let (mut sink, mut stream) = socket.split();
    sink.send(Message::Binary(hello(link).into())).await?;
    let welcome = timeout(silence, wait_for_welcome(&mut stream))
        .await
        .map_err(|_| Loss::Silence(silence))??;
    *welcomed = true;
    let skew_ms = welcome.center_wall.since(link.outbox.look_at_clocks().wall);
    tracing::info!(gateway.id = %link.settings.id, skew_ms, "the center welcomes this gateway");
    link.outbox.link_is_up(&welcome.acks)?;
    link.state.send_modify(|state| {
        state.up = true;
        state.trouble.clear();
        state.skew_ms = Some(skew_ms);
    });
    let in_flight = Mutex::new(InFlight::new(welcome.window_frames));
    let reading = pin!(read(link, &in_flight, &mut stream));
    let writing = pin!(write(link, &in_flight, &mut sink));
    tokio::select! {
        ended = reading => ended,
        ended = writing => ended,
    }
}

async fn connect(link: &Uplink) -> Result<WebSocketStream<Box<dyn Wire>>, Loss> {
    let url = &link.settings.uplink.url;
    let cannot =
        |what: &dyn std::fmt::Display| Loss::Cannot(format!("cannot connect to {url}: {what}"));
    let request = url.into_client_request().map_err(|e| cannot(&e))?;
    let host = request.uri().host().ok_or_else(|| cannot(&"it names no host"))?.to_owned();
    let port = request.uri().port_u16().unwrap_or(if link.tls.is_some() { 443 } else { 80 });
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(|e| cannot(&e))?;
    tcp.set_nodelay(true).map_err(|e| cannot(&e))?;
    let wire: Box<dyn Wire> = match &link.tls {
        None => Box::new(tcp),
        Some(tls) => {
            let name = rustls_pki_types::ServerName::try_from(host).map_err(|e| cannot(&e))?;
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::clone(tls));
            Box::new(connector.connect(name, tcp).await.map_err(|e| cannot(&e))?)
        }
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let (socket, _) =
        client_async_with_config(request, wire, Some(config)).await.map_err(|e| cannot(&e))?;
    Ok(socket)
}

fn hello(link: &Uplink) -> Vec<u8> {
    let stamp = link.outbox.look_at_clocks();
    let hello = Hello {
        gateway: link.settings.id.to_string(),
        secret: link.settings.secret.clone(),
        software: concat!("anlan ", env!("CARGO_PKG_VERSION")).to_owned(),
        pending: link.outbox.with_spool(|spool| spool.pending()),
    };
    let header = Header {
        kind: Kind::Hello,
        lane: Lane::Live,
        flags: 0,
        boot: link.outbox.boot(),
        seq: 0,
        wall: stamp.wall,
        mono: stamp.mono,
        epoch: stamp.epoch,
    };
    uplink::seal(&header, &write_payload(&hello))
}

/// Next frame; `None` for what is no frame but belongs to the connection.
async fn next_frame(
    stream: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Result<Option<Vec<u8>>, Loss> {
    match stream.next().await {
        None | Some(Ok(Message::Close(_))) => Err(Loss::Closed),
        Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes.to_vec())),
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(error.into()),
    }
}

async fn wait_for_welcome(
    stream: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Result<Welcome, Loss> {
    loop {
        let Some(bytes) = next_frame(stream).await? else { continue };
        let (header, payload) = uplink::open(&bytes)?;
        match header.kind {
            Kind::Welcome => return Ok(read_payload(payload)?),
            Kind::Refuse => return Err(refused(payload)?),
            _ => {}
        }
    }
}

fn refused(payload: &[u8]) -> Result<Loss, uplink::BadFrame> {
    let Refuse { code, message, retry_after_ms } = read_payload(payload)?;
    Ok(Loss::Refused {
        code,
        message,
        retry_after: Duration::from_millis(u64::from(retry_after_ms)),
    })
}

async fn read(
    link: &Uplink,
    in_flight: &Mutex<InFlight>,
    stream: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Result<(), Loss> {
    let silence = link.settings.uplink.silence_max;
    loop {
        // Any word will do: the center answers our pings though it may have nothing to acknowledge.
        let next =
            timeout(silence, next_frame(stream)).await.map_err(|_| Loss::Silence(silence))?;
        let Some(bytes) = next? else { continue };
        let (header, payload) = uplink::open(&bytes)?;
        match header.kind {
            Kind::Ack => {
                let acks: Acks = read_payload(payload)?;
                in_flight.lock().expect("nobody panics while holding it").acknowledged(&acks);
                link.outbox.acknowledge(&acks)?;
            }
            Kind::NeedTable => {
                let NeedTable { hash } = read_payload(payload)?;
                if link.outbox.send_table(hash)? > 0 {
                    return Err(Loss::TableLost(hash));
                }
            }
            Kind::Refuse => return Err(refused(payload)?),
            // Control kinds of a newer center are ignored.
            _ => {}
        }
    }
}

async fn write(
    link: &Uplink,
    in_flight: &Mutex<InFlight>,
    sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin),
) -> Result<(), Loss> {
    let look = || in_flight.lock().expect("nobody panics while holding it");
    let every = link.settings.uplink.silence_max / 3;
    let mut ping = interval_at(Instant::now() + every, every);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let spacing = Duration::from_secs(1) / link.settings.uplink.backfill_frames_per_s;
    let mut backfill_at = Instant::now();
    let (mut live_sent, mut backfill_sent) = (None, None);
    let mut flush_until: Option<Instant> = None;
    let mut full_since: Option<Instant> = None;
    // An acknowledgement that got lost at the center is made up for by the welcome of the next session.
    let stall_max = link.settings.uplink.silence_max * 2;
    loop {
        let mut pending_backfill = false;
        if look().has_room() {
            full_since = None;
        } else if full_since.get_or_insert_with(Instant::now).elapsed() >= stall_max {
            return Err(Loss::Stalled(stall_max));
        }
        if let Some((waiting, bytes)) = link.outbox.out_of_turn()? {
            // Comes once more in its turn unless acknowledged by then; the center knows it by its number.
            look().sent(Lane::Live, waiting.boot, waiting.seq, waiting.len);
            sink.send(Message::Binary(bytes.into())).await?;
            continue;
        }
        if look().has_room()
            && let Some((waiting, bytes)) = link.outbox.next(Lane::Live, live_sent)?
        {
            look().sent(Lane::Live, waiting.boot, waiting.seq, waiting.len);
            live_sent = Some(waiting.place);
            sink.send(Message::Binary(bytes.into())).await?;
            continue;
        }
        if link.closing.is_cancelled() {
            let until = *flush_until.get_or_insert_with(|| Instant::now() + FLUSH_MAX);
            if look().live() == 0 || until <= Instant::now() {
                sink.send(Message::Close(None)).await?;
                return Ok(());
            }
        } else if look().has_room_for_backfill() {
            // The wait for its turn comes first, so that the next look is for a live frame again.
            if backfill_at <= Instant::now() {
                if let Some((waiting, bytes)) = link.outbox.next(Lane::Backfill, backfill_sent)? {
                    look().sent(Lane::Backfill, waiting.boot, waiting.seq, waiting.len);
                    backfill_sent = Some(waiting.place);
                    backfill_at = (backfill_at + spacing).max(Instant::now() - spacing);
                    sink.send(Message::Binary(bytes.into())).await?;
                    continue;
                }
            } else {
                pending_backfill = true;
            }
        }
        tokio::select! {
            () = link.outbox.news.notified() => {}
            _ = ping.tick() => sink.send(Message::Ping(tungstenite::Bytes::new())).await?,
            () = sleep_until(backfill_at), if pending_backfill => {}
            () = link.closing.cancelled(), if flush_until.is_none() => {}
            () = sleep_until(flush_until.unwrap_or(backfill_at)), if flush_until.is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_its_code_words_and_wait() {
        let refuse = Refuse {
            code: "bad_secret".into(),
            message: "the secret is wrong".into(),
            retry_after_ms: 60_000,
        };
        let loss = refused(&write_payload(&refuse)).unwrap();
        assert!(
            matches!(loss, Loss::Refused { retry_after, .. } if retry_after == Duration::from_secs(60))
        );
        assert!(
            loss.to_string().contains("bad_secret")
                && loss.to_string().contains("the secret is wrong")
        );
    }
}
