//! The park as it stands: who is there, what is built, what is measured, and where in which device each value is read.
//!
//! One source of truth, `plant/kaifeng.toml`, is worked out here once; the process models, the field servers, the map, the
//! import directory and the gateway configurations are all views of this one value. Nothing here changes while
//! the simulator runs.

mod build;
mod description;
mod export;
mod frame;
mod gateway_config;
mod map;
mod media;
mod outline;
mod registers;
mod template;

use std::sync::OnceLock;

use anlan_domain::ids::{
    CameraId, CreditCode, EnterpriseCode, EquipmentId, GatewayId, HazardCode, PointId,
};
use anlan_domain::limits::Limits;
use anlan_domain::region::RegionCode;
use serde::Deserialize;

pub use description::{Measure, NumberForm, Security, WordOrder};
pub use export::{WriteError, write};
pub use frame::{Frame, Local, LonLat};
pub use gateway_config::{Addresses, ServerAddress};
pub use media::Medium;

/// Enterprises of the park.
pub const ENTERPRISES: usize = 10;
/// How often a gateway is told to ask a device.
pub const DEVICE_SCAN_MS: u32 = 1_000;
/// How long a process value may stand still: a tenth of what the center would bear by itself, so that a person who tries it need
/// not wait. Every instrument here is noisy enough, as a test says.
pub const FROZEN_S: u32 = 60;

/// The whole park.
#[derive(Debug)]
pub struct Plant {
    /// Where the park's own frame lies.
    pub frame: Frame,
    /// Province, city, county and park.
    pub regions: Vec<Region>,
    /// The ten enterprises.
    pub enterprises: Vec<Enterprise>,
    /// Major hazard sources.
    pub hazards: Vec<Hazard>,
    /// Tanks, units, warehouses and the areas around them.
    pub equipment: Vec<Equipment>,
    /// Servers of the field network, each with an address of its own.
    pub servers: Vec<Server>,
    /// Devices as a gateway sees them: a server and, for Modbus, a unit id.
    pub devices: Vec<Device>,
    /// Everything that is measured.
    pub points: Vec<Point>,
    /// Cameras.
    pub cameras: Vec<Camera>,
}

/// A division or a park.
#[derive(Debug)]
pub struct Region {
    /// GB/T 2260, or the park's own code.
    pub code: RegionCode,
    /// Chinese name.
    pub name_zh: &'static str,
    /// English name.
    pub name_en: &'static str,
}

/// An enterprise. Invented.
#[derive(Debug)]
pub struct Enterprise {
    /// 企业编码
    pub code: EnterpriseCode,
    /// 统一社会信用代码
    pub credit_code: CreditCode,
    /// Short Chinese name.
    pub name_zh: String,
    /// Short English name.
    pub name_en: String,
    /// Industry, GB/T 4754-2017.
    pub industry: String,
    /// Street address.
    pub address: String,
    /// Person in charge. Invented.
    pub principal: String,
    /// Telephone. Invented.
    pub phone: String,
    /// Its gateway.
    pub gateway: GatewayId,
    /// Centre of its plot.
    pub at: LonLat,
}

/// A major hazard source.
#[derive(Debug)]
pub struct Hazard {
    /// 危险源编码
    pub code: HazardCode,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// 1 (一级, the gravest) to 4.
    pub level: u8,
    /// `tank_farm`, `unit` or `warehouse`.
    pub kind: String,
}

/// What kind of equipment stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EquipmentKind {
    /// Atmospheric or low-pressure tank.
    Tank,
    /// Pressure sphere.
    Sphere,
    /// Horizontal pressure vessel (bullet).
    Htank,
    /// Production unit.
    Unit,
    /// Warehouse.
    Warehouse,
    /// The ground around: detectors and weather.
    Area,
}

impl EquipmentKind {
    /// The word of the import files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tank => "tank",
            Self::Sphere => "sphere",
            Self::Htank => "htank",
            Self::Unit => "unit",
            Self::Warehouse => "warehouse",
            Self::Area => "area",
        }
    }
}

/// A piece of equipment.
#[derive(Debug)]
pub struct Equipment {
    /// Identity.
    pub id: EquipmentId,
    /// Index of its enterprise.
    pub enterprise: usize,
    /// Index of its hazard source.
    pub hazard: Option<usize>,
    /// What stands there.
    pub kind: EquipmentKind,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// What it holds.
    pub medium: Option<&'static Medium>,
    /// Volume in m³; 0 for an area.
    pub volume_m3: f64,
    /// Its centre, in the park's frame.
    pub place: Local,
    /// Width (or diameter) and depth, metres.
    pub size: (f64, f64),
    /// Its centre on the earth.
    pub at: LonLat,
}

/// A server on the field network.
#[derive(Debug)]
pub struct Server {
    /// Name, unique in the park: `410205001-plc`.
    pub name: String,
    /// Index of its enterprise.
    pub enterprise: usize,
    /// What it speaks.
    pub protocol: Protocol,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Modbus TCP.
    Modbus {
        /// Longest read that it answers, in registers; beyond it exception 3.
        reads_up_to: Option<u16>,
    },
    /// OPC UA.
    OpcUa {
        /// The policy that its clients are told to use.
        security: Security,
    },
}

/// A device as a gateway knows it.
#[derive(Debug)]
pub struct Device {
    /// Name inside the gateway: `plc`, `gds`, `dcs`.
    pub id: &'static str,
    /// Index of the server that answers for it.
    pub server: usize,
    /// Modbus unit id.
    pub unit_id: u8,
}

/// Where a value is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// Registers of a Modbus device.
    Modbus {
        /// Which of the four tables.
        table: Table,
        /// Zero-based register or bit number.
        number: u16,
        /// How the value stands there.
        form: Form,
    },
    /// A node of an OPC UA server, `ns=2;s=…`.
    OpcUa {
        /// The string identifier.
        node: String,
    },
}

/// A table of a Modbus device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Holding registers, function 3.
    Holding,
    /// Input registers, function 4.
    Input,
    /// Discrete inputs, function 2.
    Discrete,
}

/// How a value stands in registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// IEEE 754 single in two registers.
    F32(WordOrder),
    /// Raw count: `value = raw × scale + offset`.
    Raw {
        /// Engineering units a count.
        scale: f64,
        /// Value at zero.
        offset: f64,
    },
    /// A state number in one register.
    State,
    /// One bit.
    Bit,
}

/// A state that a discrete point can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Its number.
    pub value: i32,
    /// Chinese word.
    pub zh: &'static str,
    /// English word.
    pub en: &'static str,
    /// Whether the state is an alarm.
    pub alarm: bool,
}

/// A monitored point.
#[derive(Debug)]
pub struct Point {
    /// Identity.
    pub id: PointId,
    /// Index of its equipment.
    pub equipment: usize,
    /// Index of its device.
    pub device: usize,
    /// Chinese name, short: the equipment says where.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Signal type.
    pub signal: &'static str,
    /// Unit; empty for a state.
    pub unit: &'static str,
    /// Engineering range.
    pub range: (f64, f64),
    /// Decimals to show.
    pub decimals: u8,
    /// Scan interval.
    pub scan_ms: u32,
    /// A signal that has not changed at all for this long is to be reported as frozen; 0 watches none.
    pub frozen_s: u32,
    /// Where it stands.
    pub at: LonLat,
    /// Where it stands, in the park's frame.
    pub place: Local,
    /// What the screen draws it as.
    pub role: &'static str,
    /// States of a discrete point; empty for an analog one.
    pub states: &'static [State],
    /// Its limits.
    pub limits: Limits,
    /// What of the process it measures.
    pub measures: Quantity,
    /// Where it is read.
    pub address: Address,
}

impl Point {
    /// Whether it carries a state.
    #[must_use]
    pub const fn is_discrete(&self) -> bool {
        !self.states.is_empty()
    }

    /// Value of one step of its 12-bit converter.
    #[must_use]
    pub fn lsb(&self) -> f64 {
        (self.range.1 - self.range.0) / f64::from(ADC_STEPS)
    }
}

/// Steps of a 12-bit converter over the whole range.
pub const ADC_STEPS: u16 = 4095;

/// What of the process a point measures.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "each name is the quantity")]
pub enum Quantity {
    Level,
    SecondLevel,
    Pressure,
    Temperature,
    BottomTemperature,
    InletFlow,
    OutletFlow,
    InletValve,
    OutletValve,
    SprayValve,
    Pump,
    Interlock,
    JacketTemperature,
    CoolantFlow,
    CoolantValve,
    Agitator,
    Humidity,
    Smoke,
    Door,
    Fan,
    WindSpeed,
    WindDirection,
    AmbientTemperature,
    /// Concentration at a detector.
    Gas {
        measure: Measure,
        /// The substance that the cell answers to.
        substance: &'static Medium,
    },
}

/// A camera.
#[derive(Debug)]
pub struct Camera {
    /// Identity.
    pub id: CameraId,
    /// Index of the equipment that it looks at.
    pub equipment: usize,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Where it stands.
    pub at: LonLat,
}

impl Plant {
    /// The Kaifeng park. Worked out once a process.
    #[must_use]
    pub fn kaifeng() -> &'static Self {
        Self::kaifeng_first(ENTERPRISES)
    }

    /// The Kaifeng park with its first enterprises alone, at least one. The others are nowhere: not in the tables, not on the map,
    /// not for a scenario.
    #[must_use]
    pub fn kaifeng_first(enterprises: usize) -> &'static Self {
        static PLANTS: [OnceLock<Plant>; ENTERPRISES] = [const { OnceLock::new() }; ENTERPRISES];
        let enterprises = enterprises.clamp(1, ENTERPRISES);
        PLANTS[enterprises - 1].get_or_init(|| {
            let mut description = description::kaifeng();
            description.enterprise.truncate(enterprises);
            build::plant(&description)
        })
    }

    /// Index of a point by its identity (`410205001.LT-1203A`).
    #[must_use]
    pub fn point(&self, id: &str) -> Option<usize> {
        self.points.iter().position(|point| point.id.as_str() == id)
    }

    /// Index of a piece of equipment by its identity (`410205001.V-1203`).
    #[must_use]
    pub fn equipment(&self, id: &str) -> Option<usize> {
        self.equipment.iter().position(|equipment| equipment.id.as_str() == id)
    }

    /// Index of an enterprise by its code.
    #[must_use]
    pub fn enterprise(&self, code: &str) -> Option<usize> {
        self.enterprises.iter().position(|enterprise| enterprise.code.as_str() == code)
    }

    /// Index of the enterprise that a point belongs to.
    #[must_use]
    pub fn enterprise_of(&self, point: usize) -> usize {
        self.equipment[self.points[point].equipment].enterprise
    }

    /// How long it may take until a gateway has read what can be read of a point in the field: one scan. Over OPC UA the server
    /// samples and publishes four times a scan, and the gateway reports once a scan, none in step with another.
    #[must_use]
    pub fn read_ms(&self, point: &Point) -> u32 {
        match self.servers[self.devices[point.device].server].protocol {
            Protocol::Modbus { .. } => point.scan_ms,
            Protocol::OpcUa { .. } => point.scan_ms + point.scan_ms / 2,
        }
    }

    /// The point of one piece of equipment that measures `quantity`.
    #[must_use]
    pub fn point_of(&self, equipment: usize, quantity: Quantity) -> Option<usize> {
        self.points.iter().position(|p| p.equipment == equipment && p.measures == quantity)
    }
}

#[cfg(test)]
mod tests;
