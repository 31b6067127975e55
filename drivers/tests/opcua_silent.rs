//! An OPC UA endpoint that takes the connection and says nothing, or nonsense: the driver says so in time and goes on trying.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anlan_domain::quality::Quality;
use anlan_drivers::driver::{DeviceNo, DeviceState, PointNo};
use anlan_drivers::opcua::{OpcUa, OpcUaPoint, OpcUaServer, Security};
use common::Bench;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

async fn check(words: &'static [u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&tries);
    let server = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream.write_all(words).await);
            open.push(stream);
        }
    });
    let pki = TempDir::new().unwrap();
    let mut bench = Bench::start(OpcUa::new(OpcUaServer {
        no: DeviceNo(0),
        endpoint: format!("opc.tcp://{address}/"),
        security: Security::None,
        pki_dir: pki.path().to_owned(),
        user: None,
        scan: Duration::from_millis(50),
        timeout: Duration::from_millis(200),
        points: vec![OpcUaPoint { no: PointNo(0), node_id: "i=2258".into() }],
    }));
    let start = Instant::now();
    let (_, samples) = bench.scan().await;
    assert_eq!(samples[0].quality, Quality::NOT_CONNECTED);
    assert!(matches!(bench.states[&DeviceNo(0)], DeviceState::Lost { .. }));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    bench.scan_where("another try", |_, _| tries.load(Ordering::SeqCst) >= 2).await;
    bench.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_a_lost_device() {
    check(b"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_a_lost_device() {
    check(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_message_is_a_lost_device() {
    // ERR of OPC UA Part 6, 7.1.2.5: length 16, BadTcpServerTooBusy, no reason.
    check(b"ERRF\x10\0\0\0\0\0\x7d\x80\xff\xff\xff\xff").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_does_not_wait_for_a_server_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pki = TempDir::new().unwrap();
    let bench = Bench::start(OpcUa::new(OpcUaServer {
        no: DeviceNo(0),
        endpoint: format!("opc.tcp://{address}/"),
        security: Security::None,
        pki_dir: pki.path().to_owned(),
        user: None,
        scan: Duration::from_millis(50),
        // Connecting may take four of these.
        timeout: Duration::from_secs(30),
        points: vec![OpcUaPoint { no: PointNo(0), node_id: "i=2258".into() }],
    }));
    let _held = listener.accept().await.unwrap();
    let start = Instant::now();
    bench.stop().await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
