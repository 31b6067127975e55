//! Configuration of a gateway: a TOML file, read into types that cannot be wrong any more.
//!
//! `examples/gateway.toml` shows and explains every key and is read by a test that fails when a key is missing there. Limits
//! (`hh h l ll`) are accepted and checked but not acted upon yet: the center is their master (design, point 7), and the
//! gateway's local alarms come with a later issue.

mod duration;
mod parse;
mod problem;
mod section;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anlan_domain::ids::GatewayId;
use anlan_domain::limits::Limits;
use anlan_drivers::modbus;

pub use duration::{parse_duration, parse_signed_millis};
pub use problem::{ConfigError, Problem};

use crate::scale::Scaling;

/// What a configuration is loaded for. It decides which of the files and secrets that it names must be there and good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look at it: nothing that it names is opened.
    Looking,
    /// To read the points: passwords.
    Reading,
    /// To run: everything, and what running needs must be given.
    Running,
    /// To check it: as for running where it has a table `[gateway]` or `[uplink]`, else as for reading.
    Checking,
}

/// A validated configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayConfig {
    /// The file it came from, for messages.
    pub file: PathBuf,
    /// Who this gateway is. Needed to run, not to read.
    pub id: Option<GatewayId>,
    /// Where its secret is kept. Needed to run, not to read.
    pub secret: Option<SecretSource>,
    /// Folder of the spool and of certificates.
    pub data_dir: PathBuf,
    /// Most bytes that the spool may hold.
    pub spool_max_bytes: u64,
    /// The way to the center. Needed to run, not to read.
    pub uplink: Option<UplinkConfig>,
    /// Field devices; a point's `device` is an index into this.
    pub devices: Vec<DeviceConfig>,
    /// Points; the index is the point's row in the point table.
    pub points: Vec<PointConfig>,
    /// Milliseconds by which this gateway's wall clock is set wrong on purpose (`[test] clock_offset`).
    pub clock_offset_ms: i64,
    /// Where in the file the gateway says who it is.
    lines: Lines,
}

/// Lines for problems that are found after parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lines {
    gateway: usize,
    /// Of the secret, with its key.
    secret: (usize, &'static str),
}

/// Where a secret is kept: never in the configuration itself, never on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// First line of a file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// A sentence for the person who starts the program, without the secret.
    pub fn read(&self) -> Result<String, String> {
        let (text, place) = match self {
            Self::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| format!("cannot read the secret file {}: {e}", path.display()))?;
                (text, format!("the secret file {}", path.display()))
            }
            Self::Environment(name) => {
                let text = std::env::var(name).map_err(|_| {
                    format!(
                        "the environment variable {name}, which should hold a secret, is not set"
                    )
                })?;
                (text, format!("the environment variable {name}"))
            }
        };
        let secret = text.lines().next().unwrap_or("").trim().to_owned();
        if secret.is_empty() { Err(format!("{place} is empty")) } else { Ok(secret) }
    }
}

/// The way to the center.
#[derive(Clone, Debug, PartialEq)]
pub struct UplinkConfig {
    /// `ws://HOST:PORT/uplink/v1` or `wss://…`.
    pub url: String,
    /// Certificates of authorities that may have signed the center's (PEM); without it the system's are not consulted.
    pub ca_file: Option<PathBuf>,
    /// Own certificate and key (PEM), where the center asks for one.
    pub client_cert: Option<(PathBuf, PathBuf)>,
    /// Without a word from the center for this long the link is believed down.
    pub silence_max: Duration,
    /// Most back-fill frames sent in a second, so that a backlog leaves the link to live data.
    pub backfill_frames_per_s: u32,
}

/// A field device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceConfig {
    /// Name, unique in the file.
    pub id: String,
    /// Time between two scans.
    pub scan: Duration,
    /// Time limit of one request.
    pub timeout: Duration,
    /// How it is spoken to.
    pub protocol: Protocol,
}

/// How a device is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub enum Protocol {
    /// Modbus TCP.
    ModbusTcp {
        /// `HOST:PORT`; devices with the same address share one connection.
        address: String,
        /// Unit id.
        unit_id: u8,
        /// What may be asked for.
        limits: modbus::Limits,
    },
    /// OPC UA.
    OpcUa(OpcUaConfig),
}

/// How an OPC UA server is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct OpcUaConfig {
    /// `opc.tcp://HOST:PORT/…`.
    pub endpoint: String,
    /// Sign and encrypt with Basic256Sha256, or neither.
    pub secure: bool,
    /// Own certificate and the certificates that are trusted.
    pub pki_dir: PathBuf,
    /// User name and where the password is kept; anonymous without.
    pub user: Option<(String, SecretSource)>,
}

/// A point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointConfig {
    /// Tag, unique in the file.
    pub id: String,
    /// Index into the devices.
    pub device: usize,
    /// Where its value is found.
    pub address: PointAddress,
    /// From raw value to engineering units.
    pub scaling: Scaling,
    /// Engineering unit.
    pub unit: String,
    /// Engineering range.
    pub range: Option<(f64, f64)>,
    /// Limits, for local alarms to come.
    pub limits: Limits,
}

/// Where the value of a point is found.
#[derive(Clone, Debug, PartialEq)]
pub enum PointAddress {
    /// In Modbus registers.
    Modbus {
        /// First register.
        register: modbus::Register,
        /// Encoding.
        data_type: modbus::DataType,
        /// Order of its bytes.
        byte_order: modbus::ByteOrder,
    },
    /// In an OPC UA node; the server says the type.
    OpcUa {
        /// The node, as text: `ns=2;s=Tank1.Level`.
        node_id: String,
    },
}

/// Why a gateway cannot be started from a configuration that is otherwise good.
pub struct RunSettings {
    /// Who this gateway is.
    pub id: GatewayId,
    /// Its secret.
    pub secret: String,
    /// The way to the center.
    pub uplink: UplinkConfig,
}

impl GatewayConfig {
    /// Reads and checks a file, but nothing that it names.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_for(file, Purpose::Looking)
    }

    /// Reads and checks a file, and what it names as far as `purpose` needs it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load_for(file: &Path, purpose: Purpose) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(file) {
            Ok(text) => parse::parse(&text, file, purpose),
            Err(e) => {
                let message =
                    format!("cannot be read: {e}; give the path of a gateway configuration");
                Err(ConfigError {
                    file: file.to_owned(),
                    problems: vec![Problem { line: 1, key: String::new(), message }],
                })
            }
        }
    }

    /// Reads and checks a text, but nothing that it names; `file` is shown in problems, and relative paths begin at its folder.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn from_toml(text: &str, file: &Path) -> Result<Self, ConfigError> {
        parse::parse(text, file, Purpose::Looking)
    }

    /// What running needs beyond reading: identity, secret, the way to the center.
    ///
    /// # Errors
    /// Everything that is missing, at once.
    pub fn for_running(&self) -> Result<RunSettings, ConfigError> {
        let mut problems = Vec::new();
        let mut missing = |line: usize, key: &str, message: &str| {
            problems.push(Problem { line, key: key.to_owned(), message: message.to_owned() });
        };
        if self.id.is_none() {
            missing(
                self.lines.gateway,
                "gateway.id",
                "is missing; a gateway that runs needs its id, write [gateway] id = \"41020500101\"",
            );
        }
        if self.uplink.is_none() {
            missing(
                1,
                "uplink.url",
                "is missing; write [uplink] url = \"wss://center.example/uplink/v1\"",
            );
        }
        let secret = match &self.secret {
            None => {
                missing(
                    self.lines.gateway,
                    "gateway.secret_file",
                    "is missing; write secret_file = \"PATH\" or secret_env = \"NAME\"",
                );
                None
            }
            Some(source) => {
                let (line, key) = self.lines.secret;
                source.read().map_err(|message| missing(line, key, &message)).ok()
            }
        };
        match (&self.id, secret, &self.uplink) {
            (Some(id), Some(secret), Some(uplink)) => {
                Ok(RunSettings { id: id.clone(), secret, uplink: uplink.clone() })
            }
            _ => Err(ConfigError::new(&self.file, problems)),
        }
    }
}
