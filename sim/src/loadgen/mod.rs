//! A load generator that speaks the uplink protocol for any number of gateways from one process.
//!
//! It must cost little beside the center that it loads, so a frame is prepared once and its values are written anew in place:
//! 12-bit counts with binomial noise of 1.5 steps on a wandering base, as hard to compress as a real converter's. A stated
//! share of points crosses its high limit each minute; the instant at which each such frame is handed to the system is noted,
//! for latency. Frames are kept until acknowledged and sent again after a broken link; what is never acknowledged is lost.
//!
//! No TLS and no spool on disk: this is a gun, not a gateway.

mod fleet;
mod frame;
mod session;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use fleet::{Fleet, HIGH_LIMIT, POINTS_PER_EQUIPMENT};

/// What load is made. Serialisable, because the generator is a process of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadOptions {
    /// Where the center takes gateways in: `ws://127.0.0.1:8081/uplink/v1`.
    pub url: String,
    /// Who sends.
    pub fleet: Fleet,
    /// Readings a second of each point; `None` sends as fast as frames are acknowledged.
    pub rate_hz: Option<f64>,
    /// How long, after every gateway is connected.
    pub seconds: f64,
    /// Share of points that cross their limit each minute: 0.001 is one in a thousand.
    pub crossings_per_minute: f64,
    /// How long every gateway may take to be welcomed.
    pub connect_seconds: f64,
    /// How long to wait for the last acknowledgements.
    pub drain_seconds: f64,
    /// Same seed, same values.
    pub seed: u64,
}

/// A limit was crossed on the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCrossing {
    /// Identity of the point.
    pub point: String,
    /// True where the value went over its high limit, false where it came back.
    pub began: bool,
    /// Microseconds since 1970 UTC, just before the frame was handed to the system.
    pub at_us: i64,
}

/// What was done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoadReport {
    /// Gateways that were ever welcomed.
    pub gateways: u64,
    /// Readings made.
    pub offered_readings: u64,
    /// Readings whose frames were acknowledged.
    pub acked_readings: u64,
    /// Readings whose frames were not acknowledged in the end.
    pub lost_readings: u64,
    /// Frames sent again after a broken link.
    pub resent_frames: u64,
    /// Links that broke or were refused.
    pub broken_links: u64,
    /// Frames that had to wait because the window was full.
    pub held_frames: u64,
    /// Seconds of the sending itself.
    pub seconds: f64,
    /// Seconds until the last acknowledgement.
    pub durable_seconds: f64,
    /// Seconds until every gateway was welcomed.
    pub connect_seconds: f64,
    /// Microseconds since 1970 UTC at which the sending began and ended.
    pub from_us: i64,
    /// See `from_us`.
    pub to_us: i64,
    /// CPU seconds of this process over the sending; negative where the system does not tell.
    pub cpu_seconds: f64,
    /// Crossings, in the order of each gateway.
    pub crossings: Vec<SentCrossing>,
}

/// How far it has come, once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Gateways that were welcomed.
    pub welcomed: u64,
    /// Gateways in all.
    pub gateways: u64,
    /// Readings made.
    pub offered: u64,
    /// Readings acknowledged.
    pub acked: u64,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The center refuses, and trying again would not change that.
    #[error("the center refuses gateway {gateway} ({code}): {message}")]
    Refused {
        /// Which one.
        gateway: String,
        /// The protocol's code.
        code: String,
        /// The center's words.
        message: String,
    },
    /// Not all of them were let in.
    #[error(
        "{welcomed} of {gateways} gateways were taken in within {seconds} s; the last that failed: {trouble}"
    )]
    NotConnected {
        /// How many were.
        welcomed: u64,
        /// How many there are.
        gateways: u64,
        /// How long was waited.
        seconds: f64,
        /// What kept one of the others out.
        trouble: String,
    },
}

/// Refusals that stay as they are until somebody changes the center's plant or this command.
const LASTING: [&str; 3] = ["unknown_gateway", "bad_secret", "version"];
/// How long sessions may still take to end when it is over, or Ctrl-C was pressed.
const ENDING: Duration = Duration::from_secs(3);

/// Counters shared by all sessions.
#[derive(Default)]
struct Counters {
    /// What kept a gateway out last.
    trouble: Mutex<Option<Trouble>>,
    welcomed: AtomicU64,
    offered: AtomicU64,
    acked: AtomicU64,
    lost: AtomicU64,
    resent: AtomicU64,
    broken: AtomicU64,
    held: AtomicU64,
    go: AtomicBool,
}

/// What kept a gateway out.
#[derive(Clone)]
struct Trouble {
    gateway: String,
    /// The protocol's code, where the center refused.
    code: Option<String>,
    words: String,
}

impl Counters {
    fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn progress(&self, gateways: u64) -> Progress {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            welcomed: get(&self.welcomed),
            gateways,
            offered: get(&self.offered),
            acked: get(&self.acked),
        }
    }

    /// Waits until every gateway is welcomed, or for as long as that may take.
    async fn all_welcomed(&self, options: &LoadOptions) -> Result<(), LoadError> {
        let everybody = u64::from(options.fleet.gateways);
        let until = Instant::now() + Duration::from_secs_f64(options.connect_seconds);
        loop {
            let welcomed = self.welcomed.load(Ordering::Relaxed);
            if welcomed >= everybody {
                return Ok(());
            }
            let trouble = self.trouble();
            if let Some(Trouble { gateway, code: Some(code), words }) = &trouble
                && LASTING.contains(&code.as_str())
            {
                let (gateway, code, message) = (gateway.clone(), code.clone(), words.clone());
                return Err(LoadError::Refused { gateway, code, message });
            }
            if Instant::now() >= until {
                let trouble = trouble.map_or_else(
                    || "nobody answers".to_owned(),
                    |t| format!("{}: {}", t.gateway, t.words),
                );
                return Err(LoadError::NotConnected {
                    welcomed,
                    gateways: everybody,
                    seconds: options.connect_seconds,
                    trouble,
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Connects every gateway, sends for the stated time, waits for acknowledgements. `clock_us` is the wall clock in microseconds;
/// `told` hears once a second how far it is.
///
/// # Errors
/// When not every gateway is taken in in time.
pub async fn run(
    options: LoadOptions,
    clock_us: fn() -> i64,
    told: impl Fn(Progress),
    stop: CancellationToken,
) -> Result<LoadReport, LoadError> {
    let counters = Arc::new(Counters::default());
    let gateways = u64::from(options.fleet.gateways);
    let running = send(options, clock_us, &counters, stop);
    tokio::pin!(running);
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.tick().await;
    loop {
        tokio::select! {
            report = &mut running => return report,
            _ = seconds.tick() => told(counters.progress(gateways)),
        }
    }
}

async fn send(
    options: LoadOptions,
    clock_us: fn() -> i64,
    counters: &Arc<Counters>,
    stop: CancellationToken,
) -> Result<LoadReport, LoadError> {
    let (crossed, mut crossings) = mpsc::unbounded_channel();
    let began = Instant::now();
    let options = Arc::new(options);
    let finish = stop.child_token();
    let mut sessions = JoinSet::new();
    for gateway in 0..options.fleet.gateways {
        let session = session::Session::new(
            Arc::clone(&options),
            gateway,
            Arc::clone(counters),
            crossed.clone(),
            clock_us,
            began,
        );
        sessions.spawn(session.run(finish.clone()));
    }
    drop(crossed);
    tokio::select! {
        () = stop.cancelled() => {}
        // Where it fails the sessions end with their set, dropped here.
        welcomed = counters.all_welcomed(&options) => welcomed?,
    }
    let connect_seconds = began.elapsed().as_secs_f64();
    let (cpu, from_us, sending) = (cpu_seconds(), clock_us(), Instant::now());
    counters.go.store(true, Ordering::Relaxed);
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_secs_f64(options.seconds)) => {}
    }
    let (cpu, seconds, to_us) = (cpu_seconds() - cpu, sending.elapsed().as_secs_f64(), clock_us());
    // Sessions stop making frames, wait for what is under way, and count what is still missing as lost.
    finish.cancel();
    // They keep their own time for that, but a peer that says nothing at all, or a person who has waited enough, ends it here.
    let drain = Duration::from_secs_f64(options.drain_seconds) + ENDING;
    let patience = async {
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            () = async { stop.cancelled().await; tokio::time::sleep(ENDING).await } => {}
        }
    };
    let all_ended = async { while sessions.join_next().await.is_some() {} };
    let cut_off = tokio::select! {
        () = all_ended => false,
        () = patience => true,
    };
    sessions.shutdown().await;
    if cut_off {
        // Nobody was left to count: what is not known to be durable is lost.
        let progress = counters.progress(u64::from(options.fleet.gateways));
        counters.lost.store(progress.offered.saturating_sub(progress.acked), Ordering::Relaxed);
    }
    let durable_seconds = sending.elapsed().as_secs_f64();
    let mut noted = Vec::new();
    while let Some(crossing) = crossings.recv().await {
        noted.push(crossing);
    }
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(LoadReport {
        gateways: get(&counters.welcomed),
        offered_readings: get(&counters.offered),
        acked_readings: get(&counters.acked),
        lost_readings: get(&counters.lost),
        resent_frames: get(&counters.resent),
        broken_links: get(&counters.broken),
        held_frames: get(&counters.held),
        seconds,
        durable_seconds,
        connect_seconds,
        from_us,
        to_us,
        cpu_seconds: cpu,
        crossings: noted,
    })
}

/// User and system time of this process. Linux counts it in hundredths of a second.
fn cpu_seconds() -> f64 {
    let ticks = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| {
        // The second field is the name in brackets and may hold blanks: count behind it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    });
    ticks.map_or(f64::NAN, |ticks| ticks / 100.0)
}

#[cfg(test)]
mod tests;
