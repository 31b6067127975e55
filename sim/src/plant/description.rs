//! The plant description as it is written in `plant/kaifeng.toml`.
//!
//! Only the file's own shape; what follows from it (tags, points, registers, places) is worked out in [`super::build`]. The
//! file is compiled in, so a broken one is a failed test and never a failed start.

use serde::Deserialize;

use super::frame::Frame;

/// Chinese and English.
pub type Names = [String; 2];
/// x, y, width, height in metres.
pub type Rect = [f64; 4];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub frame: Frame,
    pub road: Vec<Road>,
    pub ground: Vec<Ground>,
    pub enterprise: Vec<Site>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Road {
    pub name: Names,
    pub line: Vec<[f64; 2]>,
    pub width: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    pub kind: String,
    pub name: Names,
    pub at: Rect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    pub code: String,
    pub credit_code: String,
    pub name: Names,
    pub industry: String,
    pub address: String,
    pub principal: String,
    pub phone: String,
    pub plot: Rect,
    pub link: Link,
    pub buildings: Vec<Rect>,
    pub building_names: Vec<Names>,
    pub greens: Vec<Rect>,
    pub area: Vec<Area>,
}

/// How the enterprise is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "protocol", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Link {
    ModbusTcp {
        word_order: WordOrder,
        number: NumberForm,
        servers: Servers,
        /// Longest read the device allows, in registers.
        #[serde(default)]
        reads_up_to: Option<u16>,
    },
    #[serde(rename = "opcua")]
    OpcUa { security: Security },
}

/// Order of the four bytes of a 32-bit number in two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, clippy::upper_case_acronyms, reason = "the field's own names")]
pub enum WordOrder {
    ABCD,
    CDAB,
    BADC,
    DCBA,
}

/// How an analog value stands in the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberForm {
    /// IEEE 754 single in two registers, engineering units.
    F32,
    /// The raw 12-bit count in one register; the gateway scales it.
    U16,
}

/// Control system and gas detection system: two TCP servers, or two unit ids behind one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Servers {
    One,
    Two,
}

/// Security of an OPC UA server that its clients are told to use; the server offers both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// No security: plain messages.
    None,
    /// Basic256Sha256, signed and encrypted.
    Basic256Sha256,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub number: u32,
    pub name: Names,
    #[serde(default)]
    pub hazard: Option<HazardClass>,
    pub at: Rect,
    pub equipment: Vec<Group>,
    pub detectors: Vec<Detectors>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HazardClass {
    pub level: u8,
    pub kind: String,
}

/// Equal equipment standing in a grid.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub kind: super::EquipmentKind,
    pub tag: String,
    /// Serial of the first one.
    #[serde(default = "one")]
    pub first: u32,
    pub count: u32,
    pub name: Names,
    pub medium: String,
    pub volume: f64,
    pub size: [f64; 2],
    /// Centre of the first one.
    pub at: [f64; 2],
    pub step: [f64; 2],
    pub columns: u32,
    /// An atmospheric tank with an overfill interlock; pressure vessels always have one.
    #[serde(default)]
    pub interlock: bool,
    #[serde(default)]
    pub pressure: Option<Scale>,
    pub temperature: Scale,
}

const fn one() -> u32 {
    1
}

/// Range and limits of a measured quantity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    pub range: [f64; 2],
    #[serde(default)]
    pub ll: Option<f64>,
    #[serde(default)]
    pub l: Option<f64>,
    #[serde(default)]
    pub h: Option<f64>,
    #[serde(default)]
    pub hh: Option<f64>,
    /// Largest change per minute.
    #[serde(default)]
    pub roc: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detectors {
    pub gas: String,
    pub measure: Measure,
    pub count: u32,
}

/// What a gas detector measures, and hence its unit, range and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Percent of the lower explosive limit.
    Combustible,
    /// mg/m³.
    Toxic,
    /// Percent by volume.
    Oxygen,
}

/// Reads the description that is compiled in.
pub fn kaifeng() -> Description {
    toml::from_str(include_str!("../../plant/kaifeng.toml"))
        .expect("the description compiled in is checked by a test")
}
