//! Accepts uplink connections: TLS where configured, the WebSocket handshake on its one path, and a bound on how many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anlan_domain::uplink::MAX_FRAME;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::connection;
use super::doorstep::Doorstep;
use crate::shared::Shared;

/// Path of the uplink.
pub const PATH: &str = "/uplink/v1";

/// Connections beyond the bound that are told so at the same time.
const TELLING_MAX: usize = 16;

/// Serves the uplink until the center stops.
pub async fn run(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(shared.options.connections_max));
    let telling = Arc::new(Semaphore::new(TELLING_MAX));
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, for instance: others may close.
                tracing::warn!(%error, "an uplink connection could not be accepted");
                metrics::counter!("anlan_ingest_accept_failures_total").increment(1);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, shared) = (tls.clone(), shared.clone());
        let (place, full) = match room.clone().try_acquire_owned() {
            Ok(place) => (Some(place), false),
            Err(_) => {
                metrics::counter!("anlan_ingest_refused_total", "code" => "too_many_connections")
                    .increment(1);
                // A few at a time are told why; beyond that a connection is just closed.
                (telling.clone().try_acquire_owned().ok(), true)
            }
        };
        if let Some(place) = place {
            tokio::spawn(async move {
                let _place = place;
                accept(stream, peer, tls, shared, full).await;
            });
        }
    }
}

async fn accept(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    full: bool,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "an uplink connection ended at once");
        return;
    }
    match tls {
        None => serve(stream, peer, shared, full).await,
        Some(tls) => {
            let limit = shared.options.hello_within;
            match tokio::time::timeout(limit, tls.accept(stream)).await {
                Ok(Ok(stream)) => serve(stream, peer, shared, full).await,
                Ok(Err(error)) => {
                    metrics::counter!("anlan_ingest_handshake_failures_total").increment(1);
                    tracing::warn!(%peer, %error, "an uplink connection failed at TLS");
                }
                Err(_) => {
                    metrics::counter!("anlan_ingest_handshake_failures_total").increment(1);
                }
            }
        }
    }
}

/// Does the WebSocket handshake on any stream and serves the connection. Public for tests that bring their own streams.
pub async fn handshake<S>(stream: S, peer: SocketAddr, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    serve(stream, peer, shared, false).await;
}

/// Serves a connection, or answers its handshake with 503 where the center is `full`.
async fn serve<S>(stream: S, peer: SocketAddr, shared: Arc<Shared>, full: bool)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let (stream, door) = Doorstep::new(stream);
    // The error's size is the library's choice.
    #[allow(clippy::result_large_err)]
    let only_the_path = |request: &Request, response: Response| {
        let (status, why) = if request.uri().path() != PATH {
            (StatusCode::NOT_FOUND, format!("the uplink is at {PATH}"))
        } else if full {
            (StatusCode::SERVICE_UNAVAILABLE, "too many gateways are connected".to_owned())
        } else {
            return Ok(response);
        };
        let mut refusal = ErrorResponse::new(Some(why));
        *refusal.status_mut() = status;
        Err(refusal)
    };
    let accepting =
        tokio_tungstenite::accept_hdr_async_with_config(stream, only_the_path, Some(config));
    match tokio::time::timeout(shared.options.hello_within, accepting).await {
        Ok(Ok(socket)) => connection::serve(socket, &door, peer, shared).await,
        Ok(Err(error)) => {
            metrics::counter!("anlan_ingest_handshake_failures_total").increment(1);
            tracing::debug!(%peer, %error, "an uplink connection failed at its handshake");
        }
        Err(_) => metrics::counter!("anlan_ingest_handshake_failures_total").increment(1),
    }
}
