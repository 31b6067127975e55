//! Our OPC UA client against asyncua: values, wrong nodes, a restart, and Basic256Sha256 with certificates and a password.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;
use std::time::Duration;

use anlan_domain::quality::Quality;
use anlan_drivers::driver::{DeviceNo, DeviceState, PointNo, Sample};
use anlan_drivers::opcua::{OpcUa, OpcUaPoint, OpcUaServer, Security};
use common::{Bench, Peer, free_port, peer_python};
use tempfile::TempDir;

fn server(port: u16, pki: &Path, nodes: &[&str]) -> OpcUaServer {
    let points = nodes
        .iter()
        .zip(0..)
        .map(|(node, no)| OpcUaPoint { no: PointNo(no), node_id: (*node).to_owned() })
        .collect();
    OpcUaServer {
        no: DeviceNo(0),
        endpoint: format!("opc.tcp://127.0.0.1:{port}/plant/"),
        security: Security::None,
        pki_dir: pki.to_owned(),
        user: None,
        scan: Duration::from_millis(200),
        timeout: Duration::from_secs(5),
        points,
    }
}

fn good(sample: &Sample) -> bool {
    !sample.quality.is_bad()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asyncua_is_read_and_a_wrong_node_is_the_only_bad_one() {
    let Some(python) = peer_python("asyncua_is_read") else { return };
    let (port, pki) = (free_port(), TempDir::new().unwrap());
    let _peer = Peer::start(&python, "opcua_server.py", port, &[]).ready();
    let nodes = [
        "ns=2;s=Level",
        "ns=2;s=Count",
        "ns=2;s=Running",
        "ns=2;s=Nowhere",
        "ns=2;s=Name",
        "ns=2;s=Broken",
    ];
    let mut bench = Bench::start(OpcUa::new(server(port, pki.path(), &nodes)));
    let (_, first) = bench.scan().await;
    let qualities: Vec<Quality> = first.iter().map(|s| s.quality).collect();
    assert_eq!(
        qualities,
        [
            Quality::GOOD,
            Quality::GOOD,
            Quality::GOOD,
            Quality::CONFIG_ERROR,
            Quality::CONFIG_ERROR,
            Quality::SENSOR_FAILURE
        ],
        "the first scan is complete: {:?}",
        bench.states
    );
    assert!(bench.states[&DeviceNo(0)].is_connected());
    assert_eq!((first[1].value, first[2].value), (42.0, 1.0));
    assert!(first[0].source_time.is_some());
    // A value that changes goes on changing; one that does not is reported every scan all the same.
    let later = bench.scan_where("a higher level", |_, s| s[0].value > first[0].value + 1.0).await;
    assert_eq!((later[1].value, later[1].quality), (42.0, Quality::GOOD));
    assert!(later[1].taken > first[1].taken);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_asyncua_shows_as_loss_and_heals_by_itself() {
    let Some(python) = peer_python("a_restart_of_asyncua") else { return };
    let (port, pki) = (free_port(), TempDir::new().unwrap());
    let peer = Peer::start(&python, "opcua_server.py", port, &[]).ready();
    let mut bench = Bench::start(OpcUa::new(server(port, pki.path(), &["ns=2;s=Level"])));
    bench.scan_where("a level", |_, s| s[0].value > 2.0).await;
    peer.kill();
    let lost = bench.scan_where("a bad value", |_, s| !good(&s[0])).await;
    assert_eq!(lost[0].quality, Quality::NOT_CONNECTED);
    assert!(matches!(bench.states[&DeviceNo(0)], DeviceState::Lost { .. }));
    let _peer = Peer::start(&python, "opcua_server.py", port, &[]).ready();
    bench.scan_where("a level again", |_, s| good(&s[0])).await;
    assert!(bench.states[&DeviceNo(0)].is_connected());
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secure_server_is_read_once_its_certificate_is_trusted_and_only_with_the_password() {
    let Some(python) = peer_python("a_secure_server_is_read") else { return };
    let (port, dir) = (free_port(), TempDir::new().unwrap());
    let pki = dir.path().join("pki");
    let (cert, key) = server_certificate(dir.path());
    let secure = OpcUaServer {
        security: Security::Basic256Sha256,
        user: Some(("anlan".into(), "pumpe".into())),
        ..server(port, &pki, &["ns=2;s=Count"])
    };
    let mut bench = Bench::start(OpcUa::new(secure.clone()));
    // The first try makes our own certificate, which the server is then given.
    bench.scan_where("a refusal", |_, s| !good(&s[0])).await;
    let own = pki.join("own/cert.der");
    assert!(own.exists());
    let _peer =
        Peer::start(&python, "opcua_server.py", port, &[&cert, &key, own.to_str().unwrap()])
            .ready();
    // Reachable, but not trusted.
    loop {
        bench.scan().await;
        if matches!(&bench.states[&DeviceNo(0)], DeviceState::Lost { why } if why.contains("ntrusted"))
        {
            break;
        }
    }
    std::fs::copy(&cert, pki.join("trusted/any name.der")).unwrap();
    let read = bench.scan_where("the count", |_, s| good(&s[0])).await;
    assert_eq!(read[0].value, 42.0);
    bench.stop().await;
    let wrong = OpcUaServer { user: Some(("anlan".into(), "falsch".into())), ..secure };
    let mut bench = Bench::start(OpcUa::new(wrong));
    let (_, refused) = bench.scan().await;
    assert_eq!(refused[0].quality, Quality::NOT_CONNECTED, "{:?}", bench.states);
    let DeviceState::Lost { why } = &bench.states[&DeviceNo(0)] else {
        panic!("let in with a wrong password")
    };
    assert!(
        why.contains("BadUserAccessDenied") || why.contains("BadIdentityTokenRejected"),
        "{why}"
    );
    bench.stop().await;
}

/// Application instance certificate as OPC UA wants it: RSA, first name the application URI, then the host.
fn server_certificate(dir: &Path) -> (String, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![
        rcgen::SanType::URI("urn:anlan:test:server".try_into().unwrap()),
        rcgen::SanType::IpAddress([127, 0, 0, 1].into()),
        rcgen::SanType::DnsName("127.0.0.1".try_into().unwrap()),
    ];
    params.key_usages = vec![
        rcgen::KeyUsagePurpose::DigitalSignature,
        rcgen::KeyUsagePurpose::ContentCommitment,
        rcgen::KeyUsagePurpose::KeyEncipherment,
        rcgen::KeyUsagePurpose::DataEncipherment,
    ];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let cert = params.self_signed(&key).unwrap();
    let (cert_file, key_file) = (dir.join("server.der"), dir.join("server.pem"));
    std::fs::write(&cert_file, cert.der()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    (cert_file.to_str().unwrap().to_owned(), key_file.to_str().unwrap().to_owned())
}
