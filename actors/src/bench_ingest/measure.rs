//! Clocks, CPU and memory of this process, and what disk and loopback do by themselves.
//!
//! Benches are a root of their own: here, and only here below `main.rs`, the clock is read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970.
#[must_use]
pub fn wall_ms() -> i64 {
    wall_ms_exact() as i64
}

/// Milliseconds since 1970, with their fraction.
#[must_use]
pub fn wall_ms_exact() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() * 1_000.0
}

/// CPU and memory of this process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time.
    pub cpu_s: f64,
    /// Highest resident memory.
    pub peak_rss_mb: f64,
}

impl Usage {
    /// As of now, from `/proc`.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn now() -> std::io::Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        // The name in brackets may hold blanks; fields are counted after it. 100 ticks a second on every Linux.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        let status = std::fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Ok(Self { cpu_s: (ticks(11) + ticks(12)) / 100.0, peak_rss_mb: kb.unwrap_or(0.0) / 1024.0 })
    }
}

/// What the machine does by itself.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Floor {
    /// 4 kB appended and `fdatasync`.
    pub fsync_p50_ms: f64,
    /// As above.
    pub fsync_p99_ms: f64,
    /// A kilobyte over loopback TCP and back.
    pub echo_p50_ms: f64,
    /// As above.
    pub echo_p99_ms: f64,
}

/// The value below which a part of sorted values lies; NaN when there is none.
#[must_use]
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = (part * sorted.len() as f64).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}

/// Measures disk and loopback.
///
/// # Errors
/// When either cannot be used.
pub fn floor(dir: &Path) -> std::io::Result<Floor> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join("floor");
    let mut file = std::fs::File::create(&path)?;
    let block = [7u8; 4096];
    let mut syncs = timed(300, || {
        file.write_all(&block)?;
        file.sync_data()
    })?;
    std::fs::remove_file(&path)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let echo = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut block = [0u8; 1024];
        while stream.read_exact(&mut block).is_ok() {
            stream.write_all(&block)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut block = [7u8; 1024];
    let mut echoes = timed(2_000, || {
        stream.write_all(&block)?;
        stream.read_exact(&mut block)
    })?;
    drop(stream);
    drop(echo.join());
    syncs.sort_by(f64::total_cmp);
    echoes.sort_by(f64::total_cmp);
    Ok(Floor {
        fsync_p50_ms: quantile(&syncs, 0.5),
        fsync_p99_ms: quantile(&syncs, 0.99),
        echo_p50_ms: quantile(&echoes, 0.5),
        echo_p99_ms: quantile(&echoes, 0.99),
    })
}

fn timed(times: u32, mut work: impl FnMut() -> std::io::Result<()>) -> std::io::Result<Vec<f64>> {
    (0..times)
        .map(|_| {
            let begun = Instant::now();
            work()?;
            Ok(begun.elapsed().as_secs_f64() * 1_000.0)
        })
        .collect()
}
