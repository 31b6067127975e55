//! The running simulator, read as gateways read it: over Modbus TCP and OPC UA, with faults, and driven over its control.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anlan_sim::plant::{Address, Form, Plant, Table, WordOrder};
use anlan_sim::{Options, RunningSim, serve};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio_modbus::client::Context;
use tokio_modbus::prelude::{Reader, Slave, SlaveContext};
use tokio_modbus::{ExceptionCode, client::tcp};
use tokio_util::sync::{CancellationToken, DropGuard};

fn clock() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

async fn running() -> (RunningSim, tempfile::TempDir, DropGuard) {
    let dir = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let sim = serve(Options::new(dir.path().to_owned(), clock), stop.clone()).await.unwrap();
    (sim, dir, stop.drop_guard())
}

/// Waits until `check` holds; the time limit only keeps a broken test from hanging.
async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !check().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connect(sim: &RunningSim, server: &str, unit: u8) -> Context {
    let address = sim.servers.iter().find(|s| s.server == server).unwrap().address;
    let mut context = tcp::connect(address).await.unwrap();
    context.set_slave(Slave(unit));
    context
}

fn single(words: &[u16], order: WordOrder) -> f32 {
    let [a, b] = words[0].to_be_bytes();
    let [c, d] = words[1].to_be_bytes();
    f32::from_be_bytes(match order {
        WordOrder::ABCD => [a, b, c, d],
        WordOrder::CDAB => [c, d, a, b],
        WordOrder::BADC => [b, a, d, c],
        WordOrder::DCBA => [d, c, b, a],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_modbus_point_reads_back_what_its_instrument_shows() {
    let (sim, _dir, _stop) = running().await;
    // Time stands still, so that what is shown and what is read are the same moment.
    sim.handle.set_speed(0.0);
    assert!(sim.servers.iter().all(|s| sim.handle.set_server_fault(&s.server, None)));
    let plant = Plant::kaifeng();
    for (index, device) in plant.devices.iter().enumerate() {
        let server = &plant.servers[device.server].name;
        let mut points = plant.points.iter().filter(|p| p.device == index).peekable();
        if !matches!(points.peek().unwrap().address, Address::Modbus { .. }) {
            continue;
        }
        let mut context = connect(&sim, server, device.unit_id).await;
        for point in points {
            let Address::Modbus { table, number, form } = point.address else {
                panic!("mixed device")
            };
            let read = match table {
                Table::Holding => context
                    .read_holding_registers(number, point.register_count())
                    .await
                    .unwrap()
                    .unwrap(),
                Table::Input => context
                    .read_input_registers(number, point.register_count())
                    .await
                    .unwrap()
                    .unwrap(),
                Table::Discrete => {
                    vec![u16::from(
                        context.read_discrete_inputs(number, 1).await.unwrap().unwrap()[0],
                    )]
                }
            };
            let value = match form {
                Form::F32(order) => f64::from(single(&read, order)),
                Form::Raw { scale, offset } => f64::from(read[0]) * scale + offset,
                Form::State | Form::Bit => f64::from(read[0]),
            };
            // Noise goes on while time stands still: the bounds are a dozen steps of the converter.
            let (_, shown) = sim.handle.value(point.id.as_str()).unwrap();
            let near = if point.is_discrete() { 0.0 } else { 14.0 * point.lsb() };
            let circular = (value - shown).abs().min(360.0 - (value - shown).abs());
            let apart = if point.unit == "°" { circular } else { (value - shown).abs() };
            assert!(apart <= near, "{}: read {value}, shown {shown}", point.id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_refuse_holes_long_reads_foreign_units_and_writing() {
    use tokio_modbus::prelude::Writer;
    let (sim, _dir, _stop) = running().await;
    let mut plain = connect(&sim, "410205001-plc", 1).await;
    // Eight singles, then a hole of six registers.
    assert!(plain.read_holding_registers(0, 16).await.unwrap().is_ok());
    assert_eq!(
        plain.read_holding_registers(0, 17).await.unwrap(),
        Err(ExceptionCode::IllegalDataAddress)
    );
    assert_eq!(
        plain.read_holding_registers(16, 1).await.unwrap(),
        Err(ExceptionCode::IllegalDataAddress)
    );
    assert_eq!(
        plain.write_single_register(0, 1).await.unwrap(),
        Err(ExceptionCode::IllegalFunction)
    );
    plain.set_slave(Slave(9));
    assert_eq!(
        plain.read_holding_registers(0, 2).await.unwrap(),
        Err(ExceptionCode::GatewayTargetDevice)
    );
    let mut short = connect(&sim, "410205008-plc", 1).await;
    assert_eq!(
        short.read_holding_registers(0, 17).await.unwrap(),
        Err(ExceptionCode::IllegalDataValue)
    );
    let mut two = connect(&sim, "410205002-plc", 1).await;
    assert!(two.read_holding_registers(0, 2).await.unwrap().is_ok());
    two.set_slave(Slave(2));
    assert!(
        two.read_input_registers(0, 2).await.unwrap().is_ok(),
        "the second unit id of the same device"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_refuse_freeze_and_garble_and_are_taken_back() {
    let (sim, _dir, _stop) = running().await;
    let control = Control(format!("http://{}", sim.control));
    let fault = |kind: Value| json!({ "server": "410205001-plc", "fault": kind });

    control.post("/faults", fault(json!({ "kind": "freeze" }))).await;
    let mut context = connect(&sim, "410205001-plc", 1).await;
    let mut read = async || context.read_holding_registers(0, 16).await.unwrap().unwrap();
    let first = read().await;
    let before = sim.handle.weather().0;
    until("time goes on", async || sim.handle.weather().0 > before + 2.0).await;
    assert_eq!(read().await, first, "frozen");

    control.post("/faults", fault(Value::Null)).await;
    until("values move again", async || read().await != first).await;

    control.post("/faults", fault(json!({ "kind": "refuse" }))).await;
    until("the open connection breaks", async || {
        context.read_holding_registers(0, 2).await.is_err()
    })
    .await;
    let address = sim.servers[0].address;
    // The device resets what it accepts: the connection may break before the first question or by it.
    if let Ok(mut refused) = tcp::connect(address).await {
        assert!(refused.read_holding_registers(0, 2).await.is_err());
    }

    control.post("/faults", fault(json!({ "kind": "garbage" }))).await;
    let mut garbled = connect(&sim, "410205001-plc", 1).await;
    let answer =
        tokio::time::timeout(Duration::from_secs(2), garbled.read_holding_registers(0, 2)).await;
    assert!(!matches!(answer, Ok(Ok(Ok(_)))), "rubbish is not a value");

    let (status, body) = control.request("DELETE", "/faults", None).await;
    assert_eq!(status, 200);
    assert!(body["servers"].as_array().unwrap().iter().all(|s| s["fault"].is_null()));
    let mut again = connect(&sim, "410205001-plc", 1).await;
    assert!(again.read_holding_registers(0, 2).await.unwrap().is_ok());
}

struct Control(String);

impl Control {
    async fn request(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let request = warp::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.0))
            .body(Full::new(bytes::Bytes::from(body)))
            .unwrap();
        let response = client.request(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.request("POST", path, Some(body)).await;
        assert_eq!(status, 200, "{body}");
        body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overfill_started_over_http_crosses_h_and_hh_as_it_announced() {
    let (sim, _dir, _stop) = running().await;
    let control = Control(format!("http://{}", sim.control));
    let run = control.post("/scenarios/tank-overfill/start", json!({})).await;
    let expected = run["expectations"].as_array().unwrap();
    assert!(
        expected.iter().any(|e| e["subject"] == "410205001.LT-1203A" && e["condition"] == "HH")
    );
    let (status, body) = control.request("POST", "/scenarios/tank-overfill/start", None).await;
    assert_eq!((status, &body["code"]), (409, &json!("already_running")));
    // The same physics, sooner.
    control.post("/speed", json!({ "speed": 5.0 })).await;
    let mut seen = json!(null);
    until("both limits are crossed", async || {
        let (_, runs) = control.request("GET", "/scenarios/runs", None).await;
        seen = runs["items"][0]["crossings"].clone();
        let crossed = |condition: &str| {
            seen.as_array()
                .unwrap()
                .iter()
                .any(|c| c["condition"] == condition && c["began"] == true)
        };
        crossed("H") && crossed("HH")
    })
    .await;
    control.post("/scenarios/tank-overfill/stop", json!({})).await;
    let (_, state) = control.request("GET", "/state", None).await;
    assert_eq!(state["running"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_a_code_and_the_field() {
    let (sim, _dir, _stop) = running().await;
    let control = Control(format!("http://{}", sim.control));
    for (method, path, body, status, code, field) in [
        ("POST", "/scenarios/nothing/start", json!({}), 404, "no_such_scenario", None),
        (
            "POST",
            "/scenarios/gas-leak/start",
            json!({ "parameters": { "kg_per_s": -1 } }),
            422,
            "invalid",
            Some("kg_per_s"),
        ),
        ("POST", "/scenarios/gas-leak/start", json!({ "colour": 1 }), 400, "bad_json", None),
        ("POST", "/speed", json!({ "speed": -1 }), 422, "invalid", Some("speed")),
        (
            "POST",
            "/faults",
            json!({ "server": "x", "fault": null }),
            422,
            "invalid",
            Some("server"),
        ),
        (
            "POST",
            "/faults",
            json!({ "point": "410205001.LT-1203A", "fault": { "kind": "x" } }),
            422,
            "invalid",
            Some("fault"),
        ),
        ("POST", "/faults", json!({ "padding": "x".repeat(100_000) }), 400, "bad_request", None),
        ("GET", "/nowhere", json!({}), 404, "not_found", None),
    ] {
        let (found, answer) = control.request(method, path, Some(body)).await;
        assert_eq!((found, answer["code"].as_str().unwrap()), (status, code), "{path}: {answer}");
        assert_eq!(answer.get("field").and_then(Value::as_str), field, "{path}");
    }
}

mod opc_ua {
    use opcua::client::{ClientBuilder, IdentityToken};
    use opcua::crypto::SecurityPolicy;
    use opcua::types::{
        AttributeId, MessageSecurityMode, NodeId, ReadValueId, TimestampsToReturn, UserTokenPolicy,
        Variant,
    };

    use super::*;

    /// A key and a certificate of the client's own. The OPC UA stack's generator takes a minute in a debug build.
    fn identity(pki: &std::path::Path) {
        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
                .unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.insert(0, rcgen::SanType::URI("urn:test".try_into().unwrap()));
        for folder in ["own", "private"] {
            std::fs::create_dir_all(pki.join(folder)).unwrap();
        }
        std::fs::write(pki.join("own/cert.der"), params.self_signed(&pair).unwrap().der()).unwrap();
        std::fs::write(pki.join("private/private.pem"), pair.serialize_pem()).unwrap();
    }

    async fn read(
        sim: &RunningSim,
        server: &str,
        node: &str,
        policy: SecurityPolicy,
        mode: MessageSecurityMode,
    ) -> Option<f64> {
        let pki = tempfile::tempdir().unwrap();
        if policy != SecurityPolicy::None {
            identity(pki.path());
        }
        let address = sim.servers.iter().find(|s| s.server == server).unwrap().address;
        let mut client = ClientBuilder::new()
            .application_name("test")
            .application_uri("urn:test")
            .pki_dir(pki.path())
            .certificate_path("own/cert.der")
            .private_key_path("private/private.pem")
            .trust_server_certs(true)
            .session_retry_limit(1)
            .client()
            .unwrap();
        let (session, event_loop) = client
            .connect_to_matching_endpoint(
                (
                    format!("opc.tcp://{address}").as_str(),
                    policy.to_str(),
                    mode,
                    UserTokenPolicy::anonymous(),
                ),
                IdentityToken::Anonymous,
            )
            .await
            .unwrap();
        let running = event_loop.spawn();
        session.wait_for_connection().await;
        let what = [ReadValueId {
            node_id: NodeId::new(2, node),
            attribute_id: AttributeId::Value as u32,
            ..Default::default()
        }];
        let values = session.read(&what, TimestampsToReturn::Both, 0.0).await.unwrap();
        let value = match values[0].value.clone() {
            Some(Variant::Double(value)) => Some(value),
            _ => None,
        };
        session.disconnect().await.unwrap();
        running.abort();
        value
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_point_reads_back_what_its_instrument_shows_and_a_wrong_node_does_not() {
        let (sim, _dir, _stop) = running().await;
        let found =
            read(&sim, "410205007-dcs", "LT-7201", SecurityPolicy::None, MessageSecurityMode::None)
                .await;
        let (_, shown) = sim.handle.value("410205007.LT-7201").unwrap();
        let found = found.expect("a value");
        assert!((found - shown).abs() < 1.0, "read {found}, shown {shown}");
        let wrong =
            read(&sim, "410205007-dcs", "LT-0000", SecurityPolicy::None, MessageSecurityMode::None)
                .await;
        assert_eq!(wrong, None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_point_can_be_read_signed_and_encrypted() {
        let (sim, _dir, _stop) = running().await;
        let policy = SecurityPolicy::Basic256Sha256;
        let found =
            read(&sim, "410205003-dcs", "PT-3201A", policy, MessageSecurityMode::SignAndEncrypt)
                .await;
        assert!(found.is_some());
    }
}
