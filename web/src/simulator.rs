//! The simulator's HTTP control, spoken to on behalf of a tester. Nothing here knows what a scenario is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::problem::Problem;

/// Longest that a command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const BYTES_MAX: usize = 4 << 20;

/// Alarms whose clearing is remembered.
const CLEARED_MAX: usize = 10_000;

/// A simulator at an address.
pub struct Simulator {
    base: String,
    /// When the center decided that an alarm was over, by the alarm's identity: it never changes, and runs are judged every second.
    cleared: Mutex<HashMap<String, i64>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Simulator {
    /// At `http://HOST:PORT`.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let cleared = Mutex::new(HashMap::new());
        Self { base: base.trim_end_matches('/').to_owned(), cleared, client }
    }

    /// When the center decided that an alarm was over, where that was asked for before.
    pub fn cleared(&self, alarm: &str) -> Option<i64> {
        self.cleared.lock().unwrap_or_else(PoisonError::into_inner).get(alarm).copied()
    }

    /// Keeps that.
    pub fn remember_cleared(&self, alarm: String, at: i64) {
        let mut cleared = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        if cleared.len() >= CLEARED_MAX {
            // Whatever is shown again is looked up again.
            cleared.clear();
        }
        cleared.insert(alarm, at);
    }

    /// Asks, and gives status and JSON.
    ///
    /// # Errors
    /// When the simulator does not answer, or not with JSON.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, serde_json::Value), Problem> {
        let silent = |why: String| {
            let words = format!("The simulator does not answer: {why}");
            Problem::new(StatusCode::BAD_GATEWAY, "simulator_silent", words)
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Problem::bad_request("path", error.to_string()))?;
        let asked = async {
            let response = self.client.request(request).await.map_err(|e| silent(e.to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BYTES_MAX).collect().await;
            Ok::<_, Problem>((status, body.map_err(|e| silent(e.to_string()))?.to_bytes()))
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        let (status, body) = answered.map_err(|_| silent("it took too long".to_owned()))??;
        let value = if body.is_empty() {
            serde_json::Value::Null
        } else {
            serde_json::from_slice(&body).map_err(|error| silent(error.to_string()))?
        };
        Ok((status, value))
    }
}
