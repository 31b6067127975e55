//! A device that is away stands in the log once, however often it is tried and however many units are behind it.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anlan_drivers::driver::{DeviceNo, Driver, PointNo};
use anlan_drivers::modbus::{ByteOrder, DataType, Limits, ModbusDevice, ModbusPoint, ModbusTcp};
use anlan_drivers::opcua::{OpcUa, OpcUaPoint, OpcUaServer, Security};
use common::{Bench, free_port};
use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

/// Keeps warnings and errors, the library's too.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Lets a driver try for long enough that it has tried three times (at once, after 250 ms, after 500 ms more).
async fn check(driver: impl Driver, told: &str) {
    let kept = Kept::default();
    // The runtime has this thread alone, so that the tasks of the driver are heard too.
    let _heard = dispatcher::set_default(&Dispatch::new(kept.clone()));
    let mut bench = Bench::start(driver);
    let start = std::time::Instant::now();
    bench.scan_where("three tries", |_, _| start.elapsed() > Duration::from_millis(1_500)).await;
    bench.stop().await;
    let kept = kept.0.lock().unwrap();
    assert_eq!(kept.len(), 1, "{kept:#?}");
    assert!(kept[0].contains(told), "{kept:#?}");
}

#[tokio::test]
async fn a_line_that_cannot_be_opened_is_told_once_for_all_its_units() {
    let point = |no| ModbusPoint {
        no: PointNo(no),
        register: "holding:0".parse().unwrap(),
        data_type: DataType::F32,
        byte_order: ByteOrder::Abcd,
    };
    let device = |no: u16, unit_id| ModbusDevice {
        no: DeviceNo(no),
        unit_id,
        scan: Duration::from_millis(50),
        timeout: Duration::from_millis(200),
        limits: Limits { max_registers: 125, max_gap: 8, forbidden: Vec::new() },
        points: vec![point(u32::from(no))],
    };
    let address = format!("127.0.0.1:{}", free_port());
    check(ModbusTcp::new(address, vec![device(0, 1), device(1, 2)]), "cannot connect").await;
}

#[tokio::test]
async fn a_server_that_is_away_is_told_once() {
    let pki = TempDir::new().unwrap();
    let server = OpcUaServer {
        no: DeviceNo(0),
        endpoint: format!("opc.tcp://127.0.0.1:{}/", free_port()),
        security: Security::None,
        pki_dir: pki.path().to_owned(),
        user: None,
        scan: Duration::from_millis(50),
        timeout: Duration::from_millis(200),
        points: vec![OpcUaPoint { no: PointNo(0), node_id: "i=2258".into() }],
    };
    check(OpcUa::new(server), "cannot open a session").await;
}
