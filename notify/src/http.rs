//! One HTTP request and its answer, on a connection of its own.
//!
//! What a pooled client hides is what matters here: whether a failed request has left this machine. Until the connection
//! stands (TCP and TLS) nothing was sent and another try is free; from then on the other side may have acted. Redirects are
//! not followed: a message goes where it was told to go. How much of an answer is read is bounded.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::channel::{SendError, shortened};

/// Most bytes that are read of an answer's body.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends requests, each on its own connection.
#[derive(Clone)]
pub(crate) struct HttpClient {
    tls: Arc<ClientConfig>,
    timeout: Duration,
}

/// A request, complete but for what every request has (`host`, `content-length`, `connection`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpRequest {
    pub method: Method,
    pub url: Uri,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Why the body is not whole, where it is not.
    pub broken: Option<String>,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// Nothing was sent.
    NotSent(String),
    /// Sent, at least in part.
    Unanswered(String),
}

impl From<HttpError> for SendError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotSent(what) => Self::later(what),
            HttpError::Unanswered(what) => Self::unknown(what),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl HttpClient {
    /// `timeout` is for connecting and, anew, for the answer.
    pub fn new(tls: Arc<ClientConfig>, timeout: Duration) -> Self {
        Self { tls, timeout }
    }

    /// Sends and reads the answer, whatever its status.
    pub async fn call(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let place = place(&request.url);
        let stream = self.connect(&request.url).await.map_err(HttpError::NotSent)?;
        match tokio::time::timeout(self.timeout, exchange(stream, request, &place)).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Unanswered(format!(
                "{place} took the connection and did not answer within {:?}",
                self.timeout
            ))),
        }
    }

    /// Connects, with TLS where the URL asks for it, and sends nothing.
    pub async fn reach(&self, url: &Uri) -> Result<(), SendError> {
        self.connect(url).await.map(drop).map_err(SendError::later)
    }

    async fn connect(&self, url: &Uri) -> Result<Box<dyn Stream>, String> {
        let place = place(url);
        match tokio::time::timeout(self.timeout, self.connect_for_long(url, &place)).await {
            Ok(result) => result,
            Err(_) => {
                Err(format!("cannot connect to {place}: no answer within {:?}", self.timeout))
            }
        }
    }

    async fn connect_for_long(&self, url: &Uri, place: &str) -> Result<Box<dyn Stream>, String> {
        let host = url.host().ok_or("the URL has no host")?;
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = TcpStream::connect((bare_host, port))
            .await
            .map_err(|e| format!("cannot connect to {place}: {e}"))?;
        if !is_tls {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(bare_host.to_owned())
            .map_err(|e| format!("{bare_host} is no name for TLS: {e}"))?;
        let tls = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, tcp)
            .await
            .map_err(|e| format!("TLS with {place} failed: {e}"))?;
        Ok(Box::new(tls))
    }
}

/// Scheme, host and port: a path or query may be a password.
pub(crate) fn place(url: &Uri) -> String {
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    format!("{}://{authority}", url.scheme_str().unwrap_or_default())
}

async fn exchange(
    stream: Box<dyn Stream>,
    request: HttpRequest,
    place: &str,
) -> Result<Answer, HttpError> {
    let lost = |e: &dyn std::fmt::Display| {
        HttpError::Unanswered(format!("{place} broke off before it answered: {e}"))
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| lost(&e))?;
    let request = to_hyper(request).map_err(HttpError::NotSent)?;
    // The connection is driven here rather than in a task, so that nothing of it outlives this call.
    let answer = async move {
        let answer = sender.send_request(request).await.map_err(|e| lost(&e))?;
        Ok(read(answer).await)
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection ends before the answer is read where the server closes it behind its answer.
        result = connection => match (result, answer.await) {
            (Err(e), Err(HttpError::Unanswered(_))) => Err(HttpError::Unanswered(format!("{place} broke off before it answered: {e}"))),
            (_, answer) => answer,
        },
    }
}

fn to_hyper(request: HttpRequest) -> Result<hyper::Request<Full<Bytes>>, String> {
    let HttpRequest { method, url, headers, body } = request;
    let authority = url.authority().ok_or("the URL has no host")?.as_str().to_owned();
    let target = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut builder = hyper::Request::builder().method(method).uri(target).header(HOST, authority);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder
        .header(CONTENT_LENGTH, body.len())
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| format!("cannot make the request: {e}"))
}

async fn read(answer: hyper::Response<Incoming>) -> Answer {
    let (parts, mut incoming) = answer.into_parts();
    let mut body = Vec::new();
    let mut broken = None;
    while let Some(frame) = incoming.frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| &data[..])),
            Err(e) => {
                broken = Some(format!("its answer broke off: {e}"));
                break;
            }
        }
        if body.len() > ANSWER_BYTES_MAX {
            body.truncate(ANSWER_BYTES_MAX);
            broken = Some(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
            break;
        }
    }
    Answer { status: parts.status, headers: parts.headers, body, broken }
}

impl Answer {
    /// How long the other side asks to wait (RFC 9110, 10.2.3). Only seconds are taken: a date would need a common clock.
    pub fn retry_after(&self) -> Option<Duration> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }

    /// Status and body, for a person.
    pub fn said(&self) -> String {
        let body = shortened(&String::from_utf8_lossy(&self.body));
        let broken = self.broken.as_deref().map_or(String::new(), |why| format!(" ({why})"));
        if body.is_empty() {
            format!("HTTP {}{broken}", self.status)
        } else {
            format!("HTTP {}: {body}{broken}", self.status)
        }
    }
}
