//! What every role shares: the runtime, logging, the TLS provider, and one way to end.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How a role ended short of done.
#[derive(Debug)]
pub enum Failure {
    /// Bad usage or configuration: exit code 2. The text names place and remedy.
    Config(String),
    /// It failed: exit code 1.
    Failed(String),
}

impl Failure {
    /// Wraps an error with its whole chain of causes.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        Self::Failed(text)
    }
}

/// Runs a role to its end, which Ctrl-C, SIGTERM or a spent `duration` brings about through the token.
pub fn run<F, Fut>(duration: Option<Duration>, role: F) -> ExitCode
where
    F: FnOnce(CancellationToken) -> Fut,
    Fut: Future<Output = Result<ExitCode, Failure>>,
{
    init_logging();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        unreachable!("the TLS provider is installed once, here");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("anlan: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let stop = CancellationToken::new();
    let ended = runtime.block_on(async {
        let watcher = tokio::spawn(end_on_signal(stop.clone(), duration));
        let ended = role(stop.clone()).await;
        watcher.abort();
        ended
    });
    // A blocking read that nobody waits for any more must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(5));
    ended.unwrap_or_else(report)
}

/// Runs work that knows nothing of ending: where the process is asked to end first, the work is dropped where it stands.
/// For commands whose effect is one transaction.
pub async fn unless_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        ended = work => ended,
        () = stop.cancelled() => Err(Failure::Failed(
            "interrupted; what the command does is done as a whole or not at all, so it can be run again".to_owned(),
        )),
    }
}

/// Says what went wrong and gives the exit code for it.
pub fn report(failure: Failure) -> ExitCode {
    match failure {
        Failure::Config(text) => {
            eprint!("{}", with_newline(text));
            ExitCode::from(2)
        }
        Failure::Failed(text) => {
            eprint!("{}", with_newline(format!("anlan: {text}")));
            ExitCode::FAILURE
        }
    }
}

fn with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

async fn end_on_signal(stop: CancellationToken, duration: Option<Duration>) {
    let spent = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = spent => {}
        () = terminated => tracing::info!("asked to end"),
        result = tokio::signal::ctrl_c() => match result {
            Ok(()) => tracing::info!("interrupted"),
            // Without signals only the duration, or the process's parent, can end us.
            Err(error) => { tracing::warn!(%error, "cannot listen for Ctrl-C"); std::future::pending::<()>().await }
        },
    }
    stop.cancel();
}

/// Logs go to standard error, so that standard output stays for results. `ANLAN_LOG` sets the level, `ANLAN_LOG_JSON=1` the form.
fn init_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ANLAN_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(
            "warn,anlan=info,opcua=error,opcua_client=error,sqlx=warn",
        )
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = std::env::var_os("ANLAN_LOG_JSON").is_some_and(|v| v == "1");
    // Only a second call in one process can fail, and `run` is called once.
    let set = if json { builder.json().try_init() } else { builder.try_init() };
    if let Err(error) = set {
        eprintln!("anlan: logging stays as it is: {error}");
    }
}

/// The clock of the whole process, milliseconds since 1970 UTC. Below `main.rs` nobody reads it but through this.
pub fn now() -> anlan_domain::time::UtcMillis {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    anlan_domain::time::UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The same clock in microseconds, for those who measure.
pub fn now_us() -> i64 {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_never_ends_is_dropped_when_the_process_is_asked_to_end() {
        let stop = CancellationToken::new();
        assert_eq!(unless_stopped(&stop, async { Ok(7) }).await.ok(), Some(7));
        let asked = stop.clone();
        tokio::spawn(async move { asked.cancel() });
        let ended = unless_stopped(&stop, std::future::pending::<Result<(), Failure>>()).await;
        assert!(matches!(ended, Err(Failure::Failed(why)) if why.starts_with("interrupted")));
    }
}
