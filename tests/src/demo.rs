//! The real demo: started, waited for, spoken to over its public interface.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longest that a demo may take to be ready, on a machine that does other things beside.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// `anlan demo`; ended when it is dropped.
pub struct Demo {
    child: Child,
    log: PathBuf,
    /// Its web address.
    pub url: String,
    /// Address of the simulator's own control.
    pub control: String,
    /// Role, user name and password of its accounts.
    accounts: Vec<[String; 3]>,
}

impl Demo {
    /// Starts on a data folder and waits until it is ready.
    ///
    /// # Panics
    /// When it is not ready in time; with its log.
    #[must_use]
    pub fn start(binary: &Path, data: &Path, arguments: &[&str]) -> Self {
        let log = data.with_extension("log");
        let errors = fs::File::create(&log).expect("the log can be written");
        let mut child = Command::new(binary)
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("the demo starts");
        let out = child.stdout.take().expect("it is piped");
        let (told, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // Read on when nobody listens any more: a full pipe would stop the demo.
                drop(told.send(line));
            }
        });
        let mut demo =
            Self { child, log, url: String::new(), control: String::new(), accounts: Vec::new() };
        let until = Instant::now() + READY_WITHIN;
        // The tester's account is the last thing that it says.
        while demo.accounts.iter().all(|account| account[0] != "tester") {
            let left = until.saturating_duration_since(Instant::now());
            match said.recv_timeout(left) {
                Ok(line) => demo.hear(&line),
                Err(RecvTimeoutError::Timeout) => panic!("the demo is not ready:\n{}", demo.log()),
                Err(RecvTimeoutError::Disconnected) => panic!("the demo ended:\n{}", demo.log()),
            }
        }
        demo
    }

    fn hear(&mut self, line: &str) {
        if let Some(url) = line.strip_prefix("Anlan is ready: ") {
            self.url = url.to_owned();
        } else if let Some(control) = line.strip_prefix("the simulated park's control: ") {
            self.control = control.to_owned();
        } else if let ["account", role, user, password] =
            line.split(' ').collect::<Vec<_>>().as_slice()
        {
            self.accounts.push([role, user, password].map(|word| (*word).to_owned()));
        }
    }

    /// Signs in as the first account of a role.
    ///
    /// # Panics
    /// When there is none or it is not let in.
    pub async fn sign_in(&self, role: &str) -> Api {
        let [_, user, password] = self
            .accounts
            .iter()
            .find(|account| account[0] == role)
            .expect("an account of the role");
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut api = Api { client, url: self.url.clone(), token: None };
        let body = serde_json::json!({ "username": user, "password": password });
        let opened = api.ask(Method::POST, "/session", Some(&body)).await;
        api.token = Some(opened["token"].as_str().expect("a token").to_owned());
        api
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// The public interface of a center, as one person.
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: Option<String>,
}

impl Api {
    /// Asks, and gives status and JSON.
    ///
    /// # Panics
    /// When nobody answers, or not with JSON.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url))
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let bytes = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = request.body(Full::new(bytes)).expect("a request");
        let response = self.client.request(request).await.expect("the center answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("it answers wholly").to_bytes();
        (status, serde_json::from_slice(&bytes).expect("JSON"))
    }

    /// Asks for what must succeed.
    ///
    /// # Panics
    /// When it does not; with what was said.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, value) = self.try_ask(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {value}");
        value
    }
}
