//! Writes the configuration of one enterprise's gateway, in the form that `anlan gateway --config` reads.
//!
//! A file a commissioning engineer could have written: device by device, point by point, limits for the gateway's own
//! alarm beside each point. Point ids are tags; the center puts the enterprise's code before them.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anlan_domain::limits::LimitKind;

use super::description::{Security, WordOrder};
use super::{Address, DEVICE_SCAN_MS, Form, Plant, Point, Protocol, Table};

/// Where one server of the field network listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Name of the server, as in [`super::Server::name`].
    pub server: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate (DER) that it shows, for OPC UA: a gateway must be told to trust it.
    pub certificate: Option<PathBuf>,
}

/// What the gateway configurations need to know besides the plant.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    /// The servers of the field network that run, in the order of [`Plant::servers`].
    pub servers: &'a [ServerAddress],
    /// Where the center takes gateways in: `ws://127.0.0.1:8080/uplink`.
    pub uplink_url: &'a str,
    /// Folder in which each gateway gets a folder of its own.
    pub gateway_data: &'a Path,
}

impl Addresses<'_> {
    /// How many enterprises, from the first, have servers.
    pub fn enterprises(&self, plant: &Plant) -> usize {
        plant.servers[..self.servers.len()].last().map_or(0, |server| server.enterprise + 1)
    }
}

/// Folder of the gateway of `enterprise`.
pub fn data_dir(plant: &Plant, enterprise: usize, addresses: &Addresses<'_>) -> PathBuf {
    addresses.gateway_data.join(plant.enterprises[enterprise].gateway.as_str())
}

/// The configuration of the gateway of `enterprise`.
pub fn toml(plant: &Plant, enterprise: usize, addresses: &Addresses<'_>) -> String {
    let mut text = String::new();
    let name = &plant.enterprises[enterprise];
    let data = data_dir(plant, enterprise, addresses);
    line(&mut text, format_args!("# {} {} 采集主机，由仿真园区写出", name.gateway, name.name_zh));
    line(&mut text, format_args!("[gateway]"));
    line(&mut text, format_args!("id = {}", quoted(name.gateway.as_str())));
    line(&mut text, format_args!("secret_file = \"{}.secret\"", name.gateway));
    line(&mut text, format_args!("data_dir = {}", quoted(&data.to_string_lossy())));
    line(&mut text, format_args!("\n[uplink]\nurl = {}", quoted(addresses.uplink_url)));
    for (index, device) in plant.devices.iter().enumerate() {
        let server = &plant.servers[device.server];
        if server.enterprise != enterprise {
            continue;
        }
        line(&mut text, format_args!("\n[[device]]\nid = \"{}\"", device.id));
        let address = addresses.servers[device.server].address;
        match server.protocol {
            Protocol::Modbus { reads_up_to } => {
                line(
                    &mut text,
                    format_args!(
                        "protocol = \"modbus-tcp\"\naddress = \"{address}\"\nunit_id = {}\nmax_gap = 0",
                        device.unit_id
                    ),
                );
                if let Some(most) = reads_up_to {
                    line(&mut text, format_args!("max_registers = {most}"));
                }
            }
            Protocol::OpcUa { security } => {
                line(
                    &mut text,
                    format_args!("protocol = \"opcua\"\nendpoint = \"opc.tcp://{address}\""),
                );
                if security == Security::Basic256Sha256 {
                    let pki = quoted(&data.join("pki").to_string_lossy());
                    line(&mut text, format_args!("security = \"Basic256Sha256\"\npki_dir = {pki}"));
                }
            }
        }
        line(&mut text, format_args!("scan = \"{DEVICE_SCAN_MS}ms\""));
        for point in plant.points.iter().filter(|p| p.device == index) {
            point_table(&mut text, point, device.id);
        }
    }
    text
}

fn point_table(text: &mut String, point: &Point, device: &str) {
    line(text, format_args!("\n[[point]]\nid = {}\ndevice = \"{device}\"", quoted(point.id.tag())));
    match &point.address {
        Address::OpcUa { node } => {
            line(text, format_args!("node_id = {}", quoted(&format!("ns=2;s={node}"))))
        }
        Address::Modbus { table, number, form } => {
            line(
                text,
                format_args!(
                    "register = \"{}:{number}\"\ntype = \"{}\"",
                    table.word(),
                    form.type_word()
                ),
            );
            match form {
                Form::F32(order) => line(text, format_args!("byte_order = \"{}\"", order.word())),
                Form::Raw { scale, offset } => {
                    line(text, format_args!("scale = {scale:?}\noffset = {offset:?}"))
                }
                Form::State | Form::Bit => {}
            }
        }
    }
    if !point.is_discrete() {
        line(text, format_args!("unit = {}", quoted(point.unit)));
        line(text, format_args!("range = [{:?}, {:?}]", point.range.0, point.range.1));
    }
    limits(text, point);
}

/// One deadband and one delay stand for all limits of a point here: the first high or low one's.
fn limits(text: &mut String, point: &Point) {
    for (key, kind) in [
        ("hh", LimitKind::HighHigh),
        ("h", LimitKind::High),
        ("l", LimitKind::Low),
        ("ll", LimitKind::LowLow),
    ] {
        if let Some(limit) = point.limits.get(kind) {
            line(text, format_args!("{key} = {:?}", limit.value));
        }
    }
    if let Some(limit) = point.limits.h.or(point.limits.l) {
        line(text, format_args!("deadband = {:?}", limit.deadband));
        line(
            text,
            format_args!(
                "on_delay = \"{}ms\"\noff_delay = \"{}ms\"",
                limit.on_delay_ms, limit.off_delay_ms
            ),
        );
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("writing to a string");
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Table {
    /// The word of the gateway's configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holding => "holding",
            Self::Input => "input",
            Self::Discrete => "discrete",
        }
    }
}

impl Form {
    const fn type_word(self) -> &'static str {
        match self {
            Self::F32(_) => "f32",
            Self::Raw { .. } | Self::State => "u16",
            Self::Bit => "bool",
        }
    }
}

impl WordOrder {
    const fn word(self) -> &'static str {
        match self {
            Self::ABCD => "ABCD",
            Self::CDAB => "CDAB",
            Self::BADC => "BADC",
            Self::DCBA => "DCBA",
        }
    }
}
