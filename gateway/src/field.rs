//! Composes drivers from the configuration and keeps them running.
//!
//! Devices with the same Modbus address share one connection, since many serial gateways allow only one. Each driver is a
//! task of its own; one that panics is reported and built anew after a while, and the others do not notice.

use std::collections::BTreeMap;
use std::time::Duration;

use anlan_drivers::backoff::Backoff;
use anlan_drivers::driver::{DeviceNo, Driver, PointNo, Report};
use anlan_drivers::modbus::{ModbusDevice, ModbusPoint, ModbusTcp};
use anlan_drivers::opcua::{OpcUa, OpcUaPoint, OpcUaServer, Security};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
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

type Build = Box<dyn Fn() -> Box<dyn Driver> + Send>;

impl Field {
    /// Starts the drivers of a configuration; they run until `stop`.
    ///
    /// # Errors
    /// A password that cannot be read.
    pub fn start(config: &GatewayConfig, stop: &CancellationToken) -> Result<Self, String> {
        let (sender, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        let mut drivers = JoinSet::new();
        for build in builders(config)? {
            drivers.spawn(keep_running(build, sender.clone(), stop.clone()));
        }
        Ok(Self { reports, drivers: Drivers(drivers) })
    }
}

async fn keep_running(build: Build, reports: mpsc::Sender<Report>, stop: CancellationToken) {
    let mut failures = 0;
    while !stop.is_cancelled() && !reports.is_closed() {
        let driver = build();
        let name = driver.name();
        let Err(error) = tokio::spawn(driver.run(reports.clone(), stop.clone())).await else {
            return;
        };
        failures += 1;
        tracing::error!(driver.name = %name, failures, "the driver failed and is started again: {error}");
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Backoff::DEVICE.delay(failures, 0).max(Duration::from_secs(1))) => {}
        }
    }
}

fn builders(config: &GatewayConfig) -> Result<Vec<Build>, String> {
    let mut lines: BTreeMap<String, Vec<ModbusDevice>> = BTreeMap::new();
    let mut builders: Vec<Build> = Vec::new();
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
                builders.push(Box::new(move || Box::new(OpcUa::new(server.clone()))));
            }
        }
    }
    for (address, devices) in lines {
        builders.push(Box::new(move || Box::new(ModbusTcp::new(address.clone(), devices.clone()))));
    }
    Ok(builders)
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

    use anlan_drivers::driver::DeviceState;
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
    async fn a_driver_that_panics_is_built_anew() {
        let lives = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&lives);
        let build: Build =
            Box::new(move || Box::new(Fragile(counter.fetch_add(1, Ordering::SeqCst))));
        let (sender, mut reports) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keep_running(build, sender, stop.clone()));
        assert!(reports.recv().await.is_some());
        assert_eq!(lives.load(Ordering::SeqCst), 3);
        stop.cancel();
        keeper.await.unwrap();
    }
}
