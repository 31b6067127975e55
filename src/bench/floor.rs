//! What the disk and the loopback do by themselves, measured in the run whose figures stand beside them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

/// What the machine does by itself.
#[derive(Clone, Copy, Debug, Serialize)]
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

/// The value below which a part of sorted values lies; `None` when there is none.
#[must_use]
pub fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let at = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(at.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Measures disk and loopback.
pub fn measure(dir: &Path) -> std::io::Result<Floor> {
    let path = dir.join("floor");
    let mut file = std::fs::File::create(&path)?;
    let block = [7u8; 4096];
    let syncs = timed(300, || {
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
    let echoes = timed(2_000, || {
        stream.write_all(&block)?;
        stream.read_exact(&mut block)
    })?;
    drop(stream);
    echo.join().map_err(|_| std::io::Error::other("the echo crashed"))??;
    let at = |sorted: &[f64], part| quantile(sorted, part).unwrap_or(f64::NAN);
    Ok(Floor {
        fsync_p50_ms: at(&syncs, 0.5),
        fsync_p99_ms: at(&syncs, 0.99),
        echo_p50_ms: at(&echoes, 0.5),
        echo_p99_ms: at(&echoes, 0.99),
    })
}

/// Milliseconds that each took, ascending.
fn timed(times: u32, mut work: impl FnMut() -> std::io::Result<()>) -> std::io::Result<Vec<f64>> {
    let mut took = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        work()?;
        took.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}
