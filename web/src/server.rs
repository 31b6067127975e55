//! The server: connections with their limits, TLS where configured, and the warp service behind them.
//!
//! warp 0.4 brings neither TLS nor a limit of connections, so its service runs on hyper's own connections here.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming as Body;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;
use warp::Filter;
use warp::reply::Response;

use crate::gate::{App, Download, Head, Reply, Use, same_origin, token_of};
use crate::live;
use crate::options::{Parts, ServeOptions};
use crate::problem::Problem;
use crate::{openapi, ui};

/// Longest that the headers of a request may take.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Longest that its body may take.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// Largest body of whoever is not signed in: a name and a password.
const ANYBODYS_BYTES_MAX: usize = 4 * 1024;
/// Bodies up to here are read however many there are: with the limit of connections they are bounded, and an acknowledgement never
/// waits behind an import of the map.
const SMALL_BODY_BYTES: usize = 16 * 1024;
/// Longest that open connections may take to end at a shutdown.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error("cannot use the certificate {what}: {why}")]
    Tls {
        /// Which file.
        what: String,
        /// Why not.
        why: String,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] anlan_store::registry::RegistryError),
}

/// A server at work.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Waits until it has ended after `shutdown` was cancelled.
    pub async fn finished(self) {
        if self.task.await.is_err() {
            tracing::error!("the web server ended with a panic");
        }
    }
}

/// Address of the peer of a connection.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

/// Starts serving; returns once the address is bound.
///
/// # Errors
/// When the address, the certificate or the registry cannot be used.
pub async fn serve(
    options: ServeOptions,
    parts: Parts,
    shutdown: CancellationToken,
) -> Result<Server, ServeError> {
    let address = options.listen;
    let listen = |source| ServeError::Listen { address, source };
    let tls = options.tls.as_ref().map(|(cert, key)| acceptor(cert, key)).transpose()?;
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let app = App::new(parts, options).await?;
    app.background(&shutdown);
    let task = tokio::spawn(accept(app, listener, tls, shutdown));
    Ok(Server { address, task })
}

fn acceptor(cert: &std::path::Path, key: &std::path::Path) -> Result<TlsAcceptor, ServeError> {
    let bad = |path: &std::path::Path, why: String| ServeError::Tls {
        what: path.display().to_string(),
        why,
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(cert, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(cert, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| bad(cert, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(app.options().limits.connections));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others must close first.
                tracing::warn!(%error, "cannot accept a connection");
                metrics::counter!("anlan_web_accept_failures_total").increment(1);
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(seat) = connections.clone().try_acquire_owned() else {
            metrics::counter!("anlan_web_connections_refused_total").increment(1);
            tasks.spawn(refuse(stream));
            continue;
        };
        let (app, tls, stop) = (app.clone(), tls.clone(), stop.clone());
        tasks.spawn(async move {
            metrics::gauge!("anlan_web_connections").increment(1.0);
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot switch off delay");
            }
            match tls {
                None => connection(app, stream, peer.ip(), stop).await,
                Some(tls) => match tokio::time::timeout(HEADERS_WITHIN, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection(app, stream, peer.ip(), stop).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                },
            }
            metrics::gauge!("anlan_web_connections").decrement(1.0);
            drop(seat);
        });
    }
    tasks.close();
    if tokio::time::timeout(FAREWELL + Duration::from_secs(1), tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// A refusal that a browser can show, without reading a request.
async fn refuse(mut stream: TcpStream) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 70\r\n\r\n{\"code\":\"busy\",\"message\":\"Too many connections; try again in a while\"}\n";
    if let Err(error) = stream.write_all(BUSY).await {
        tracing::debug!(%error, "cannot refuse a connection politely");
    }
}

async fn connection<S>(app: Arc<App>, stream: S, peer: IpAddr, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = warp::service(routes(app, stop.clone()));
    let service = hyper::service::service_fn(move |mut request: Request<Body>| {
        request.extensions_mut().insert(Peer(peer));
        let mut service = service.clone();
        async move {
            let mut response = service.call(request).await?;
            protect(response.headers_mut());
            Ok::<Response, Infallible>(response)
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            match tokio::time::timeout(FAREWELL, served).await {
                Ok(ended) => ended,
                Err(_) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Headers that every answer carries. Workers from blobs and inline styles are what the map and the components need.
fn protect(headers: &mut HeaderMap) {
    const CSP: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
         worker-src 'self' blob:; child-src blob:; connect-src 'self' ws: wss:; media-src 'self' data: blob:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

fn routes(
    app: Arc<App>,
    stop: CancellationToken,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone {
    let (for_live, for_rest) = (app.clone(), app);
    let live =
        warp::path!("api" / "v1" / "live")
            .and(warp::get())
            .and(warp::ws())
            .and(warp::header::headers_cloned())
            .and(query())
            .then(move |upgrade: warp::ws::Ws, headers: HeaderMap, query: String| {
                let (app, stop) = (for_live.clone(), stop.clone());
                async move {
                    open_stream(app, upgrade, headers, query, stop).await.unwrap_or_else(refused)
                }
            });
    let rest = warp::method()
        .and(warp::path::full())
        .and(query())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .then(
            move |method, path: warp::path::FullPath, query, headers, peer: Option<Peer>, body| {
                let app = for_rest.clone();
                async move {
                    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |p| p.0);
                    answer(app, method, path.as_str(), query, headers, peer, body).await
                }
            },
        );
    live.or(rest).unify()
}

fn refused(problem: Problem) -> Response {
    let mut response = Response::new(problem.body().to_string().into());
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(allow) =
        problem.facts.get("allow").and_then(|a| a.as_str()).and_then(|a| a.parse().ok())
    {
        headers.insert(header::ALLOW, allow);
    }
    response
}

/// A file, sent as its parts come.
fn sent(file: Download) -> Response {
    let Download { name, media_type, mut body } = file;
    let parts = futures_util::stream::poll_fn(move |context| body.poll_recv(context));
    let mut response = warp::reply::Reply::into_response(warp::reply::stream(parts));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(disposition) = format!("attachment; filename=\"{name}\"").parse() {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

fn replied(reply: Reply) -> Response {
    if let Some(file) = reply.download {
        return sent(file);
    }
    let has_body = reply.body.is_some();
    let mut response = Response::new(reply.body.unwrap_or_default().into());
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(cookie) = reply.cookie.and_then(|c| c.parse().ok()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

fn plain(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn answer(
    app: Arc<App>,
    method: Method,
    path: &str,
    query: String,
    headers: HeaderMap,
    peer: IpAddr,
    body: impl futures_util::Stream<Item = Result<impl Buf, warp::Error>>,
) -> Response {
    let method = if method == Method::HEAD { Method::GET } else { method };
    let get = method == Method::GET;
    match path {
        "/healthz" if get => return plain(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" if get => {
            return match app.ready().await {
                Ok(()) => plain(StatusCode::OK, "ready\n".to_owned()),
                Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            };
        }
        "/metrics" if get => return plain(StatusCode::OK, app.metrics()),
        "/api/v1/openapi.json" if get => {
            let mut response = plain(StatusCode::OK, openapi::document());
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            return response;
        }
        "/api/v1/live" if get => {
            let words = "This is a WebSocket; see docs/protocols/live.md";
            return refused(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", words));
        }
        _ => {}
    }
    let Some(below) = path.strip_prefix("/api/v1") else {
        if get && !path.starts_with("/api/") {
            return ui::serve(path, &headers);
        }
        return refused(Problem::not_found());
    };
    let started = std::time::Instant::now();
    let head = Head { method, path: below.to_owned(), query, headers, peer };
    let response = respond(app, head, body).await;
    metrics::histogram!("anlan_web_request_seconds").record(started.elapsed().as_secs_f64());
    response
}

/// Judges first and reads the body then, so that nobody makes the center hold what they may not send.
async fn respond(
    app: Arc<App>,
    head: Head,
    body: impl futures_util::Stream<Item = Result<impl Buf, warp::Error>>,
) -> Response {
    let mut admitted = match app.admit(head).await {
        Ok(admitted) => admitted,
        Err(problem) => return refused(problem),
    };
    let renewed = admitted.renewed.take().and_then(|cookie| HeaderValue::from_str(&cookie).ok());
    let most =
        if admitted.is_somebodys() { app.options().limits.body_bytes } else { ANYBODYS_BYTES_MAX };
    let answered = match read_body(&app, body, most).await {
        Ok(body) => app.answer(admitted, body).await,
        Err(problem) => Err(problem),
    };
    let mut response = answered.map_or_else(refused, replied);
    if let Some(cookie) = renewed {
        // An endpoint that sets one itself (signing out) knows better.
        response.headers_mut().entry(header::SET_COOKIE).or_insert(cookie);
    }
    response
}

async fn read_body(
    app: &App,
    body: impl futures_util::Stream<Item = Result<impl Buf, warp::Error>>,
    most: usize,
) -> Result<Vec<u8>, Problem> {
    let read = async {
        let mut all = Vec::new();
        let mut large = None;
        let mut body = pin!(body);
        while let Some(part) = body.next().await {
            let mut part = part.map_err(|_| Problem::bad_request("body", "The body broke off"))?;
            if all.len() + part.remaining() > most {
                metrics::counter!("anlan_web_requests_refused_total", "why" => "body").increment(1);
                let words = format!("A body has at most {most} bytes");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words));
            }
            if large.is_none() && all.len() + part.remaining() > SMALL_BODY_BYTES {
                large = Some(app.large_body()?);
            }
            while part.has_remaining() {
                let chunk = part.chunk();
                all.extend_from_slice(chunk);
                let length = chunk.len();
                part.advance(length);
            }
        }
        Ok(all)
    };
    tokio::time::timeout(BODY_WITHIN, read).await.unwrap_or_else(|_| {
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body took too long"))
    })
}

/// Checks a stream's session before it is upgraded, so that a refusal is a plain HTTP answer.
async fn open_stream(
    app: Arc<App>,
    upgrade: warp::ws::Ws,
    headers: HeaderMap,
    query: String,
    stop: CancellationToken,
) -> Result<Response, Problem> {
    let by_query = query.split('&').find_map(|pair| pair.strip_prefix("token=")).map(str::to_owned);
    let (token, by_cookie) = match by_query {
        Some(token) => (Some(token), false),
        None => token_of(&headers).map_or((None, false), |(token, cookie)| (Some(token), cookie)),
    };
    if by_cookie && !same_origin(&headers) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "Another site may not open this stream",
        ));
    }
    let who = match token {
        Some(token) => app.who(&token, Use::Stream).await?,
        None => None,
    };
    let (who, _) = who
        .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Sign in first"))?;
    let seat = app.stream_begins(who.session.user.username.as_str())?;
    let reply = upgrade
        .max_message_size(live::READ_BYTES_MAX)
        .max_frame_size(live::READ_BYTES_MAX)
        .on_upgrade(move |socket| live::serve(app, who, seat, socket, stop));
    Ok(warp::reply::Reply::into_response(reply))
}
