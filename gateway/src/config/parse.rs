//! The walk over a configuration document: every key there is, with its default, its bounds and what to say when it is wrong.
//! What a key names (a secret, a certificate) is looked at in the same walk, so that a missing file is a problem with its
//! line like any other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anlan_domain::ids::PointId;
use anlan_domain::limits::{Limit, Limits};
use anlan_drivers::modbus::{self, ByteOrder, DataType, Register};
use toml::de::DeTable;

use super::duration::{parse_duration, parse_signed_millis};
use super::problem::ConfigError;
use super::section::{Document, Section};
use super::{
    DeviceConfig, GatewayConfig, Lines, OpcUaConfig, PointAddress, PointConfig, Protocol, Purpose,
    SecretSource, UplinkConfig,
};
use crate::scale::Scaling;
use crate::tls;

const MEGABYTE: u64 = 1024 * 1024;

pub(super) fn parse(
    text: &str,
    file: &Path,
    purpose: Purpose,
) -> Result<GatewayConfig, ConfigError> {
    let document = Document::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map_or(1, |span| document.line_of(span.start));
        document.problem(line, "", format!("is no TOML: {}", error.message().trim()));
    }
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let names_a_center =
        || ["gateway", "uplink"].iter().any(|key| table.get_ref().contains_key(*key));
    let purpose = match purpose {
        Purpose::Checking if names_a_center() => Purpose::Running,
        Purpose::Checking => Purpose::Reading,
        given => given,
    };
    let config = errors
        .is_empty()
        .then(|| Walk { document: &document, folder, purpose }.root(table.get_ref(), file));
    let mut problems = document.into_problems();
    if let Some(config) = config.as_ref().filter(|_| purpose == Purpose::Running)
        && let Err(missing) = config.for_running()
    {
        // What is there but wrong has been said already; it is not missing on top of that.
        let said = problems.clone();
        let news = missing.problems.into_iter().filter(|new| said.iter().all(|p| p.key != new.key));
        problems.extend(news);
    }
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(ConfigError::new(file, problems)),
    }
}

struct Walk<'a> {
    document: &'a Document<'a>,
    folder: PathBuf,
    purpose: Purpose,
}

impl<'a> Walk<'a> {
    fn root(&self, table: &'a DeTable<'a>, file: &Path) -> GatewayConfig {
        let root = Section::new(self.document, "", 1, table);
        let mut config = GatewayConfig {
            file: file.to_owned(),
            id: None,
            secret: None,
            data_dir: self.folder.join("gateway-data"),
            spool_max_bytes: 2048 * MEGABYTE,
            uplink: root.table("uplink").and_then(|section| self.uplink(section)),
            devices: Vec::new(),
            points: Vec::new(),
            clock_offset_ms: 0,
            lines: Lines { gateway: 1, secret: (1, "gateway.secret_file") },
        };
        if let Some(section) = root.table("gateway") {
            self.gateway(section, &mut config);
        }
        if let Some(section) = root.table("test") {
            if let Some(text) = section.text("clock_offset") {
                match parse_signed_millis(&text) {
                    Ok(ms) => config.clock_offset_ms = ms,
                    Err(message) => section.problem("clock_offset", message),
                }
            }
            section.finish();
        }
        let mut devices: HashMap<String, (usize, bool)> = HashMap::new();
        for section in root.tables("device") {
            let known = self.device(section, &config.data_dir, &mut config.devices, &devices);
            devices.extend(known);
        }
        if !root.has("device") {
            root.problem("device", "no device is configured; add a table [[device]]");
        }
        let mut tags: HashMap<String, usize> = HashMap::new();
        for section in root.tables("point") {
            if let Some(point) = self.point(section, &config, &devices, &mut tags) {
                config.points.push(point);
            }
        }
        if !root.has("point") {
            root.problem("point", "no point is configured; add a table [[point]]");
        }
        root.finish();
        config
    }

    fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    fn gateway(&self, section: Section<'_>, config: &mut GatewayConfig) {
        config.id = section.parsed("id");
        config.secret = self.secret(&section, "secret_file", "secret_env");
        config.lines = match &config.secret {
            Some(SecretSource::Environment(_)) => Lines {
                gateway: section.line,
                secret: (section.line_of("secret_env"), "gateway.secret_env"),
            },
            _ => Lines {
                gateway: section.line,
                secret: (section.line_of("secret_file"), "gateway.secret_file"),
            },
        };
        if let Some(text) = section.text("data_dir") {
            config.data_dir = self.path(&text);
        }
        if let Some(megabytes) = section.integer("spool_max_mb", 1..=1_000_000) {
            config.spool_max_bytes = megabytes.unsigned_abs() * MEGABYTE;
        }
        section.finish();
    }

    fn secret(
        &self,
        section: &Section<'_>,
        file: &'static str,
        env: &'static str,
    ) -> Option<SecretSource> {
        match (section.text(file), section.text(env)) {
            (Some(_), Some(_)) => {
                section.problem(file, format!("and {env} are both given; keep one"));
                None
            }
            (Some(path), None) => Some(SecretSource::File(self.path(&path))),
            (None, Some(name)) => Some(SecretSource::Environment(name)),
            (None, None) => None,
        }
    }

    fn uplink(&self, section: Section<'_>) -> Option<UplinkConfig> {
        let url = section.required_text("url", "\"wss://center.example/uplink/v1\"");
        if let Some(url) = &url
            && !url.starts_with("ws://")
            && !url.starts_with("wss://")
        {
            section.problem(
                "url",
                format!("{url:?} is no WebSocket address; begin with ws:// or, better, wss://"),
            );
        }
        let ca_file = section.text("ca_file").map(|text| self.path(&text));
        if url.as_deref().is_some_and(|url| url.starts_with("wss://")) && !section.has("ca_file") {
            section.problem("ca_file", "is missing; wss:// needs the authorities that may have signed the center's certificate");
        }
        let cert = section.text("client_cert_file").map(|text| self.path(&text));
        let key = section.text("client_key_file").map(|text| self.path(&text));
        if cert.is_some() != key.is_some() {
            section.problem(
                "client_cert_file",
                "and client_key_file belong together; give both or neither",
            );
        }
        let silence_max =
            section.duration("silence_max", Duration::from_millis(200), Duration::from_secs(300));
        let rate = section.integer("backfill_frames_per_s", 1..=1_000_000);
        let config = url.map(|url| UplinkConfig {
            url,
            ca_file,
            client_cert: cert.zip(key),
            silence_max: silence_max.unwrap_or(Duration::from_secs(5)),
            backfill_frames_per_s: rate.and_then(|r| u32::try_from(r).ok()).unwrap_or(500),
        });
        if let Some(config) = &config
            && self.purpose == Purpose::Running
            && config.url.starts_with("wss://")
        {
            let problems = tls::problems(config);
            problems.into_iter().for_each(|(key, message)| section.problem(key, message));
        }
        section.finish();
        config
    }

    /// The device's name with its index and whether its points are addressed by register.
    fn device(
        &self,
        section: Section<'_>,
        data_dir: &Path,
        devices: &mut Vec<DeviceConfig>,
        known: &HashMap<String, (usize, bool)>,
    ) -> Option<(String, (usize, bool))> {
        let id = section.required_text("id", "\"plc-1\"");
        if let Some(id) = &id {
            if known.contains_key(id) {
                section.problem(
                    "id",
                    format!("{id:?} is the name of an earlier device; names are unique"),
                );
            } else if id.trim().is_empty() {
                section.problem("id", "is empty; give the device a name");
            }
        }
        let scan = section.duration("scan", Duration::from_millis(50), Duration::from_secs(3_600));
        let timeout =
            section.duration("timeout", Duration::from_millis(10), Duration::from_secs(60));
        let protocol = section.required_text("protocol", "\"modbus-tcp\"");
        let is_modbus = protocol.as_deref() != Some("opcua");
        let protocol = match protocol.as_deref() {
            Some("modbus-tcp") => self.modbus(&section),
            Some("opcua") => self.opcua(&section, data_dir),
            Some(other) => {
                section.problem(
                    "protocol",
                    format!("{other:?} is not spoken; write \"modbus-tcp\" or \"opcua\""),
                );
                return id.map(|id| (id, (usize::MAX, is_modbus)));
            }
            None => return id.map(|id| (id, (usize::MAX, is_modbus))),
        };
        section.finish();
        let id = id?;
        let index = devices.len();
        devices.push(DeviceConfig {
            id: id.clone(),
            scan: scan.unwrap_or(Duration::from_secs(1)),
            timeout: timeout.unwrap_or(Duration::from_secs(if is_modbus { 1 } else { 3 })),
            // A device whose protocol could not be read is a problem already; points may still be checked against it.
            protocol: protocol.unwrap_or(Protocol::ModbusTcp {
                address: String::new(),
                unit_id: 1,
                limits: modbus::Limits { max_registers: 125, max_gap: 0, forbidden: Vec::new() },
            }),
        });
        Some((id, (index, is_modbus)))
    }

    fn modbus(&self, section: &Section<'_>) -> Option<Protocol> {
        let address = section.required_text("address", "\"192.168.1.10:502\"");
        let good = |address: &str| {
            address
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if let Some(bad) = address.as_deref().filter(|a| !good(a)) {
            section.problem(
                "address",
                format!("{bad:?} is no address; write \"HOST:PORT\", the port is mostly 502"),
            );
        }
        let small = |key, range, default| {
            section.integer(key, range).and_then(|n| u16::try_from(n).ok()).unwrap_or(default)
        };
        let limits = modbus::Limits {
            max_registers: small("max_registers", 1..=2000, 125),
            max_gap: small("max_gap", 0..=124, 8),
            forbidden: section.parsed_list("forbidden"),
        };
        let unit_id =
            section.integer("unit_id", 0..=255).and_then(|n| u8::try_from(n).ok()).unwrap_or(1);
        Some(Protocol::ModbusTcp { address: address?, unit_id, limits })
    }

    fn opcua(&self, section: &Section<'_>, data_dir: &Path) -> Option<Protocol> {
        let endpoint = section.required_text("endpoint", "\"opc.tcp://192.168.1.20:4840\"");
        if let Some(bad) = endpoint.as_deref().filter(|e| !e.starts_with("opc.tcp://")) {
            section.problem(
                "endpoint",
                format!("{bad:?} is no OPC UA address; write \"opc.tcp://HOST:PORT/PATH\""),
            );
        }
        let secure = match section.text("security").as_deref() {
            None | Some("None") => false,
            Some("Basic256Sha256") => true,
            Some(other) => {
                section.problem(
                    "security",
                    format!("{other:?} is not supported; write \"None\" or \"Basic256Sha256\""),
                );
                false
            }
        };
        let pki_dir =
            section.text("pki_dir").map_or_else(|| data_dir.join("pki"), |text| self.path(&text));
        let user = section.text("user");
        let password = self.secret(section, "password_file", "password_env");
        if self.purpose != Purpose::Looking
            && let Some(source) = &password
            && let Err(message) = source.read()
        {
            let key = match source {
                SecretSource::File(_) => "password_file",
                SecretSource::Environment(_) => "password_env",
            };
            section.problem(key, message);
        }
        if user.is_some() != password.is_some() {
            section.problem("user", "and a password (password_file or password_env) belong together; give both or neither");
        }
        Some(Protocol::OpcUa(OpcUaConfig {
            endpoint: endpoint?,
            secure,
            pki_dir,
            user: user.zip(password),
        }))
    }

    fn point(
        &self,
        section: Section<'_>,
        config: &GatewayConfig,
        devices: &HashMap<String, (usize, bool)>,
        tags: &mut HashMap<String, usize>,
    ) -> Option<PointConfig> {
        let id = section.required_text("id", "\"LT-1203A\"");
        if let Some(id) = &id {
            if let Some(first) = tags.insert(id.clone(), section.line) {
                section.problem(
                    "id",
                    format!(
                        "{id:?} is the id of the point in line {first} already; ids are unique"
                    ),
                );
            } else if id.trim().is_empty() {
                section.problem("id", "is empty; give the tag of the point");
            } else if let Some(Err(error)) =
                config.id.as_ref().map(|gateway| PointId::of(&gateway.enterprise(), id))
            {
                section.problem("id", error.to_string());
            }
        }
        let device = section.required_text("device", "\"plc-1\"");
        let device = device.and_then(|name| {
            let found = devices.get(&name).copied();
            if found.is_none() {
                section.problem(
                    "device",
                    format!(
                        "no device is named {name:?}; add it as [[device]] or correct the name"
                    ),
                );
            }
            found
        });
        let address = self.address(&section, device.map(|(_, is_modbus)| is_modbus));
        let scaling = Scaling {
            scale: section.number("scale").unwrap_or(1.0),
            offset: section.number("offset").unwrap_or(0.0),
        };
        if scaling.scale == 0.0 {
            section.problem(
                "scale",
                "is zero, which would make every value the same; leave it out or correct it",
            );
        }
        let unit = section.text("unit").unwrap_or_default();
        let range = section.pair("range");
        let limits = limits(&section, range);
        section.finish();
        Some(PointConfig {
            id: id?,
            device: device?.0,
            address: address?,
            scaling,
            unit,
            range,
            limits,
        })
    }

    fn address(&self, section: &Section<'_>, is_modbus: Option<bool>) -> Option<PointAddress> {
        let register = section.parsed::<Register>("register");
        let data_type = section.parsed::<DataType>("type");
        let byte_order = section.parsed::<ByteOrder>("byte_order");
        let node_id = section.text("node_id");
        match is_modbus? {
            true => {
                if section.has("node_id") {
                    section.problem(
                        "node_id",
                        "belongs to an OPC UA device; this one is asked by register",
                    );
                }
                if !section.has("register") {
                    section.problem("register", "is missing; write register = \"holding:0\"");
                }
                let register = register?;
                let bits = register.kind.is_bits();
                if bits && section.has("type") && data_type.is_some_and(|t| t != DataType::Bool) {
                    section.problem(
                        "type",
                        format!("a {} is one bit; write \"bool\"", register.kind.word()),
                    );
                }
                if !bits && !section.has("type") {
                    section
                        .problem("type", "is missing; write one of f32 i16 u16 i32 u32 f64 bool");
                }
                let data_type = if bits { DataType::Bool } else { data_type? };
                Some(PointAddress::Modbus {
                    register,
                    data_type,
                    byte_order: byte_order.unwrap_or_default(),
                })
            }
            false => {
                for key in ["register", "byte_order"] {
                    if section.has(key) {
                        section.problem(
                            key,
                            "belongs to a Modbus device; an OPC UA point has a node_id",
                        );
                    }
                }
                if !section.has("node_id") {
                    section
                        .problem("node_id", "is missing; write node_id = \"ns=2;s=Tank1.Level\"");
                }
                let node_id = node_id?;
                if let Err(message) = anlan_drivers::opcua::check_node_id(&node_id) {
                    section.problem("node_id", message);
                }
                Some(PointAddress::OpcUa { node_id })
            }
        }
    }
}

/// Limits of a point: one deadband and one pair of delays for all of them.
fn limits(section: &Section<'_>, range: Option<(f64, f64)>) -> Limits {
    let millis = |key| {
        let text = section.text(key)?;
        match parse_duration(&text).map(|d| u32::try_from(d.as_millis())) {
            Ok(Ok(ms)) => Some(ms),
            Ok(Err(_)) => {
                section.problem(key, "is longer than 49 days");
                None
            }
            Err(message) => {
                section.problem(key, message);
                None
            }
        }
    };
    let deadband = section.number("deadband").unwrap_or(0.0);
    let on_delay_ms = millis("on_delay").unwrap_or(0);
    let off_delay_ms = millis("off_delay").unwrap_or(0);
    let limit = |key| {
        section.number(key).map(|value| Limit {
            value,
            deadband,
            on_delay_ms,
            off_delay_ms,
            ..Limit::default()
        })
    };
    let limits = Limits {
        version: 0,
        ll: limit("ll"),
        l: limit("l"),
        h: limit("h"),
        hh: limit("hh"),
        ..Limits::default()
    };
    let given = range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    if let Err(problems) = limits.check(given) {
        let key = ["hh", "h", "l", "ll"].into_iter().find(|k| section.has(k)).unwrap_or("range");
        problems.iter().for_each(|problem| section.problem(key, problem.to_string()));
    }
    limits
}
