//! Starts a program that is not ours, in Python, and listens to what it prints.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running peer; it ends with the test.
pub struct Peer {
    process: Child,
    /// What it is told, a line each.
    pub orders: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts one that needs packages of `drivers/tests/peers/requirements.txt`. `None`, said aloud, where the environment names
    /// no interpreter that has them.
    pub fn start(script: &str, arguments: &[&dyn AsRef<OsStr>]) -> Option<Self> {
        match std::env::var("ANLAN_PEER_PYTHON") {
            Ok(python) => Some(Self::run(&python, script, arguments)),
            Err(_) => {
                // Straight to the stream: what eprintln! says in a passing test is swallowed.
                let word = format!(
                    "SKIPPED: {script}: ANLAN_PEER_PYTHON names no interpreter with drivers/tests/peers/requirements.txt\n"
                );
                std::io::stderr().write_all(word.as_bytes()).unwrap();
                None
            }
        }
    }

    /// Starts one that needs nothing but Python's own library.
    pub fn start_plain(script: &str, arguments: &[&dyn AsRef<OsStr>]) -> Self {
        let python = std::env::var("ANLAN_PEER_PYTHON").unwrap_or_else(|_| "python3".into());
        Self::run(&python, script, arguments)
    }

    fn run(python: &str, script: &str, arguments: &[&dyn AsRef<OsStr>]) -> Self {
        let mut process = Command::new(python)
            .args(["-W", "ignore"])
            .arg(format!("{}/tests/peers/{script}", env!("CARGO_MANIFEST_DIR")))
            .args(arguments.iter().map(AsRef::as_ref))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // With TLS they complain of every client that leaves, and that is what these tests are about.
            .stderr(if arguments.len() > 1 { Stdio::null() } else { Stdio::inherit() })
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, orders, lines }
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next line as JSON.
    pub fn saw(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("the peer said {line:?}: {e}"))
    }
}

/// Writes a certificate for `localhost` and its key into `folder`, as files `crt` and `key`.
pub fn certificate(folder: &Path) -> [PathBuf; 2] {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let files = [folder.join("crt"), folder.join("key")];
    std::fs::write(&files[0], made.cert.pem()).unwrap();
    std::fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    files
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
