//! Our Modbus client against pymodbus: all byte orders, illegal addresses, two units, a restart.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use anlan_domain::quality::Quality;
use anlan_drivers::driver::{DeviceNo, DeviceState, PointNo, Sample};
use anlan_drivers::modbus::{ByteOrder, DataType, Limits, ModbusDevice, ModbusPoint, ModbusTcp};
use common::{Bench, Peer, free_port, peer_python};

fn point(no: u32, register: &str, data_type: DataType, byte_order: ByteOrder) -> ModbusPoint {
    ModbusPoint { no: PointNo(no), register: register.parse().unwrap(), data_type, byte_order }
}

fn device(no: u16, unit_id: u8, points: Vec<ModbusPoint>) -> ModbusDevice {
    ModbusDevice {
        no: DeviceNo(no),
        unit_id,
        scan: Duration::from_millis(100),
        timeout: Duration::from_secs(2),
        limits: Limits { max_registers: 125, max_gap: 8, forbidden: Vec::new() },
        points,
    }
}

fn shown(samples: &[Sample]) -> Vec<Result<f64, Quality>> {
    samples.iter().map(|s| if s.quality.is_bad() { Err(s.quality) } else { Ok(s.value) }).collect()
}

#[tokio::test]
async fn pymodbus_is_read_in_every_byte_order_and_only_illegal_addresses_are_bad() {
    let Some(python) = peer_python("pymodbus_is_read_in_every_byte_order") else { return };
    use ByteOrder::{Abcd, Badc, Cdab, Dcba};
    let port = free_port();
    let _peer = Peer::start(&python, "modbus_server.py", port, &[]);
    let one = vec![
        point(0, "holding:0", DataType::F32, Abcd),
        point(1, "holding:2", DataType::F32, Cdab),
        point(2, "holding:4", DataType::F32, Badc),
        point(3, "holding:6", DataType::F32, Dcba),
        point(4, "holding:8", DataType::F64, Abcd),
        point(5, "holding:12", DataType::I16, Abcd),
        point(6, "holding:13", DataType::U16, Abcd),
        // The gap 14 to 19 is illegal: reading over it is refused, and is found out without harm.
        point(7, "holding:20", DataType::I32, Cdab),
        point(8, "holding:38", DataType::U16, Abcd),
        point(9, "holding:39", DataType::U16, Abcd),
        point(10, "holding:40", DataType::U16, Abcd),
        point(11, "holding:41", DataType::U16, Abcd),
        point(12, "holding:42", DataType::U16, Abcd),
        point(13, "input:5", DataType::U16, Abcd),
        point(14, "coil:3", DataType::Bool, Abcd),
        point(15, "coil:4", DataType::Bool, Abcd),
        point(16, "discrete:3", DataType::Bool, Abcd),
        point(17, "holding:60000", DataType::F32, Abcd),
    ];
    let two = vec![point(18, "holding:0", DataType::U16, Abcd)];
    let mut bench = Bench::start(ModbusTcp::new(
        format!("127.0.0.1:{port}"),
        vec![device(0, 1, one), device(1, 2, two)],
    ));
    let f = f64::from(123.456_f32);
    let expected = vec![
        Ok(f),
        Ok(f),
        Ok(f),
        Ok(f),
        Ok(0.1),
        Ok(-2.0),
        Ok(65535.0),
        Ok(-100_000.0),
        Ok(38.0),
        Ok(39.0),
        Err(Quality::CONFIG_ERROR),
        Ok(41.0),
        Ok(42.0),
        Ok(777.0),
        Ok(1.0),
        Ok(0.0),
        Ok(1.0),
        Err(Quality::CONFIG_ERROR),
    ];
    // The very first scan finds out what is illegal and already has everything else; later ones stay like it.
    for _ in 0..3 {
        let samples = bench.scan_where("unit 1", |device, _| device == DeviceNo(0)).await;
        assert_eq!(shown(&samples), expected);
        let samples = bench.scan_where("unit 2", |device, _| device == DeviceNo(1)).await;
        assert_eq!(shown(&samples), [Ok(2222.0)]);
    }
    assert!(bench.states.values().all(DeviceState::is_connected), "{:?}", bench.states);
    bench.stop().await;
}

#[tokio::test]
async fn a_restart_of_pymodbus_shows_as_loss_and_heals_by_itself() {
    let Some(python) = peer_python("a_restart_of_pymodbus") else { return };
    let port = free_port();
    let peer = Peer::start(&python, "modbus_server.py", port, &[]);
    let points = vec![point(0, "holding:30", DataType::U16, ByteOrder::Abcd)];
    let mut bench =
        Bench::start(ModbusTcp::new(format!("127.0.0.1:{port}"), vec![device(0, 1, points)]));
    bench.scan_where("a count", |_, s| s[0].value > 2.0).await;
    peer.kill();
    let lost = bench.scan_where("a bad value", |_, s| s[0].quality.is_bad()).await;
    assert!([Quality::COMM_FAILURE, Quality::NOT_CONNECTED].contains(&lost[0].quality), "{lost:?}");
    assert!(
        matches!(bench.states[&DeviceNo(0)], DeviceState::Lost { .. }),
        "the state is told before the scan"
    );
    let _peer = Peer::start(&python, "modbus_server.py", port, &[]);
    bench.scan_where("a value again", |_, s| !s[0].quality.is_bad()).await;
    assert!(bench.states[&DeviceNo(0)].is_connected());
    bench.stop().await;
}
