//! Composes drivers from the configuration and keeps them running.
//!
//! Devices with the same Modbus address share one connection, since many serial gateways allow only one. Each driver is a
//! task of its own; one that panics is reported, its devices are shown as lost, it is built anew after a while, and the
//! others do not notice.

use std::collections::BTreeMap;
use std::time::Duration;

use anlan_domain::quality::Quality;
use anlan_drivers::backoff::Backoff;
use anlan_drivers::driver::{DeviceNo, DeviceState, Driver, PointNo, Report, Sample};
use anlan_drivers::modbus::{ModbusDevice, ModbusPoint, ModbusTcp};
use anlan_drivers::opcua::{OpcUa, OpcUaPoint, OpcUaServer, Security};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{GatewayConfig, OpcUaConfig, PointAddress, Protocol};

/// Reports that may wait for the reader, so that a slow disk slows the drivers down before it fills the memory.
const REPORTS_WAITING_MAX: usize = 256;

/// Running drivers and what they report.
pub struct Field {
    /// Their reports; ends when every driver has.
    pub reports: mpsc::Receiver<Report>,
    /// The tasks that run them.
    pub drivers: Drivers,
}

/// The tasks that run the drivers.
pub struct Drivers(JoinSet<()>);

impl Drivers {
    /// Waits until every driver has closed its connection. Their reports must be read or dropped meanwhile.
    pub async fn closed(self) {
        let Self(mut tasks) = self;
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a driver's keeper failed: {error}");
            }
        }
    }
}

/// A driver that can be built again and again, and the devices that it serves.
struct Kept {
    build: Box<dyn Fn() -> Box<dyn Driver> + Send>,
    devices: Vec<(DeviceNo, Vec<PointNo>)>,
}

impl Field {
    /// Starts the drivers of a configuration; they run until `stop`.
    ///
    /// # Errors
    /// A password that cannot be read.
    pub fn start(config: &GatewayConfig, stop: &CancellationToken) -> Result<Self, String> {
        let (sender, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        let mut drivers = JoinSet::new();
        for kept in kept_drivers(config)? {
            drivers.spawn(keep_running(kept, sender.clone(), stop.clone()));
        }
        Ok(Self { reports, drivers: Drivers(drivers) })
    }
}

async fn keep_running(kept: Kept, reports: mpsc::Sender<Report>, stop: CancellationToken) {
    let mut failures = 0;
    while !stop.is_cancelled() && !reports.is_closed() {
        let driver = (kept.build)();
        let name = driver.name();
        let Err(error) = tokio::spawn(driver.run(reports.clone(), stop.clone())).await else {
            return;
        };
        failures += 1;
        tracing::error!(driver.name = %name, failures, "the driver failed and is started again: {error}");
        // Nobody reads these devices now, and whoever looks at them must see that.
        for (device, points) in &kept.devices {
            let why = format!("the driver {name} failed and is started again: {error}");
            let now = Instant::now();
            let bad = points.iter().map(|&point| Sample::bad(point, Quality::COMM_FAILURE, now));
            let lost = Report::Device { device: *device, state: DeviceState::Lost { why } };
            let scan = Report::Scan { device: *device, samples: bad.collect() };
            if reports.send(lost).await.is_err() || reports.send(scan).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Backoff::DEVICE.delay(failures, 0).max(Duration::from_secs(1))) => {}
        }
    }
}

fn kept_drivers(config: &GatewayConfig) -> Result<Vec<Kept>, String> {
    let mut lines: BTreeMap<String, Vec<ModbusDevice>> = BTreeMap::new();
    let mut drivers = Vec::new();
    for (index, device) in config.devices.iter().enumerate() {
        let no = DeviceNo(u16::try_from(index).map_err(|_| "more than 65535 devices".to_owned())?);
        match &device.protocol {
            Protocol::ModbusTcp { address, unit_id, limits } => {
                let points = points_of(config, index).filter_map(|(no, address)| match *address {
                    PointAddress::Modbus { register, data_type, byte_order } => {
                        Some(ModbusPoint { no, register, data_type, byte_order })
                    }
                    PointAddress::OpcUa { .. } => None,
                });
                lines.entry(address.clone()).or_default().push(ModbusDevice {
                    no,
                    unit_id: *unit_id,
                    scan: device.scan,
                    timeout: device.timeout,
                    limits: limits.clone(),
                    points: points.collect(),
                });
            }
            Protocol::OpcUa(opcua) => {
                let points = points_of(config, index).filter_map(|(no, address)| match address {
                    PointAddress::OpcUa { node_id } => {
                        Some(OpcUaPoint { no, node_id: node_id.clone() })
                    }
                    PointAddress::Modbus { .. } => None,
                });
                let server =
                    opcua_server(no, device.scan, device.timeout, opcua, points.collect())?;
                let devices = vec![(no, server.points.iter().map(|point| point.no).collect())];
                let build =
                    Box::new(move || Box::new(OpcUa::new(server.clone())) as Box<dyn Driver>);
                drivers.push(Kept { build, devices });
            }
        }
    }
    for (address, units) in lines {
        let points = |unit: &ModbusDevice| unit.points.iter().map(|point| point.no).collect();
        let devices = units.iter().map(|unit| (unit.no, points(unit))).collect();
        let build = Box::new(move || {
            Box::new(ModbusTcp::new(address.clone(), units.clone())) as Box<dyn Driver>
        });
        drivers.push(Kept { build, devices });
    }
    Ok(drivers)
}

fn opcua_server(
    no: DeviceNo,
    scan: Duration,
    timeout: Duration,
    config: &OpcUaConfig,
    points: Vec<OpcUaPoint>,
) -> Result<OpcUaServer, String> {
    let user = match &config.user {
        None => None,
        Some((user, password)) => Some((user.clone(), password.read()?)),
    };
    Ok(OpcUaServer {
        no,
        endpoint: config.endpoint.clone(),
        security: if config.secure { Security::Basic256Sha256 } else { Security::None },
        pki_dir: config.pki_dir.clone(),
        user,
        scan,
        timeout,
        points,
    })
}

fn points_of(
    config: &GatewayConfig,
    device: usize,
) -> impl Iterator<Item = (PointNo, &PointAddress)> {
    config
        .points
        .iter()
        .zip(0u32..)
        .filter(move |(point, _)| point.device == device)
        .map(|(point, no)| (PointNo(no), &point.address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    struct Fragile(u32);

    #[async_trait]
    impl Driver for Fragile {
        fn name(&self) -> String {
            "fragile".into()
        }

        async fn run(self: Box<Self>, reports: mpsc::Sender<Report>, stop: CancellationToken) {
            assert!(self.0 > 1, "the first two lives end badly");
            drop(
                reports
                    .send(Report::Device { device: DeviceNo(0), state: DeviceState::Connected })
                    .await,
            );
            stop.cancelled().await;
        }
    }

    #[tokio::test]
    async fn a_driver_that_panics_is_built_anew_and_its_devices_are_lost_meanwhile() {
        let lives = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&lives);
        let kept = Kept {
            build: Box::new(move || Box::new(Fragile(counter.fetch_add(1, Ordering::SeqCst)))),
            devices: vec![(DeviceNo(0), vec![PointNo(3), PointNo(4)])],
        };
        let (sender, mut reports) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keep_running(kept, sender, stop.clone()));
        for life in 1..=2 {
            let Some(Report::Device { device, state: DeviceState::Lost { why } }) =
                reports.recv().await
            else {
                panic!("life {life}: its device is lost first")
            };
            assert!(device == DeviceNo(0) && why.contains("fragile"), "{why}");
            let Some(Report::Scan { samples, .. }) = reports.recv().await else {
                panic!("life {life}: then its points are bad")
            };
            assert_eq!(samples.len(), 2);
            assert!(samples.iter().all(|s| s.quality == Quality::COMM_FAILURE));
        }
        let back = reports.recv().await;
        assert!(matches!(back, Some(Report::Device { state: DeviceState::Connected, .. })));
        assert_eq!(lives.load(Ordering::SeqCst), 3);
        stop.cancel();
        keeper.await.unwrap();
    }
}
