//! What this process uses, as Linux tells it: resident memory and CPU time of all threads.

use std::fs;
use std::io;

use super::BenchError;

/// Resident memory in bytes.
pub(super) fn resident_bytes() -> Result<u64, BenchError> {
    let kb = fs::read_to_string("/proc/self/status")
        .and_then(|status| {
            status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))
                .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
                .ok_or_else(|| io::Error::other("/proc/self/status has no VmRSS"))
        })
        .map_err(|source| BenchError::Io { doing: "read resident memory", source })?;
    Ok(kb * 1024)
}

/// CPU time of all live threads in nanoseconds: by the scheduler's own count where the kernel keeps it, else in clock ticks
/// of 10 ms, which is why a measurement takes seconds.
pub(super) fn cpu_ns() -> Result<u64, BenchError> {
    let error = |source| BenchError::Io { doing: "read CPU time", source };
    let mut exact = 0;
    for thread in fs::read_dir("/proc/self/task").map_err(error)? {
        let path = thread.map_err(error)?.path().join("schedstat");
        // A thread may end while we look.
        let text = fs::read_to_string(path).unwrap_or_default();
        exact += text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
    }
    if 0 < exact {
        return Ok(exact);
    }
    let stat = fs::read_to_string("/proc/self/stat").map_err(error)?;
    // The name of the program is in parentheses and may hold spaces; user and system time are the 12th and 13th after it.
    let ticks = stat.rsplit_once(')').map(|(_, rest)| {
        rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum::<u64>()
    });
    ticks
        .map(|ticks| ticks * 10_000_000)
        .ok_or_else(|| error(io::Error::other("/proc/self/stat has no times")))
}
