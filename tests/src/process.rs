//! Real processes of the real binary: started, waited for, killed without warning.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The binary under test: `ANLAN_BIN`, or `anlan` beside the test's own binary. `None` where it is not built.
#[must_use]
pub fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ANLAN_BIN") {
        return Some(PathBuf::from(named));
    }
    let me = std::env::current_exe().ok()?;
    let beside = me.parent()?.parent()?.join("anlan");
    beside.is_file().then_some(beside)
}

/// An address on loopback that was free a moment ago.
///
/// # Panics
/// When the machine has no free port.
#[must_use]
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port")
}

/// Runs the binary to its end.
///
/// # Panics
/// When it fails; with what it said.
pub fn run(binary: &Path, args: &[&str]) {
    let out = Command::new(binary).args(args).output().expect("the binary starts");
    assert!(
        out.status.success(),
        "anlan {args:?} ended with {}:\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

/// A center on a data folder; killed without warning when it is dropped.
pub struct Center {
    child: Child,
    log: PathBuf,
    /// Its web address.
    pub http: SocketAddr,
    /// Where gateways connect.
    pub uplink: SocketAddr,
}

impl Center {
    /// Writes a configuration for `data` and starts; the same addresses every time.
    ///
    /// # Panics
    /// When it is not ready within a minute; with its log.
    #[must_use]
    pub fn start(binary: &Path, data: &Path, http: SocketAddr, uplink: SocketAddr) -> Self {
        let config = data.with_extension("toml");
        fs::write(
            &config,
            format!(
                "data_dir = {:?}\nlisten = \"{http}\"\nuplink_listen = \"{uplink}\"\n[limits]\nreserved_disk_mb = 0\n",
                data.display().to_string()
            ),
        )
        .expect("the configuration can be written");
        let log = data.with_extension("log");
        let errors = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the log can be written");
        let mut child = Command::new(binary)
            .args(["center", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("the center starts");
        let out = child.stdout.take().expect("it is piped");
        let (told, ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if line.starts_with("Anlan is ready: ") && told.send(()).is_err() {
                    return;
                }
            }
        });
        let center = Self { child, log, http, uplink };
        assert!(
            ready.recv_timeout(Duration::from_secs(60)).is_ok(),
            "the center is not ready:\n{}",
            center.last_log()
        );
        center
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// When it had ended by itself before.
    pub fn kill(mut self) {
        let ended = self.child.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "the center ended by itself with {ended:?}:\n{}", self.last_log());
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// Asks it to end and waits for that.
    ///
    /// # Panics
    /// When it does not end well within twenty seconds.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                assert!(status.success(), "the center ended with {status}:\n{}", self.last_log());
                return;
            }
            assert!(Instant::now() < until, "the center does not end:\n{}", self.last_log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn last_log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        // Already gone after `kill` and `stop`; then neither has anything to do.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}
