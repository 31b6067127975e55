//! Register addresses as an integrator writes them: `holding:0`, kind and zero-based address.
//!
//! Zero-based, because that is what goes over the wire; the 40001 style of vendor sheets differs between vendors and is not
//! read here.

use std::fmt;
use std::str::FromStr;

/// The four tables of a Modbus device (Modbus Application Protocol V1.1b3, clause 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterKind {
    /// Function 3, 16-bit words.
    Holding,
    /// Function 4, 16-bit words.
    Input,
    /// Function 1, bits.
    Coil,
    /// Function 2, bits.
    Discrete,
}

impl RegisterKind {
    /// The word used in configurations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holding => "holding",
            Self::Input => "input",
            Self::Coil => "coil",
            Self::Discrete => "discrete",
        }
    }

    /// Whether one address is one bit.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// Most addresses that one request may ask for: 125 words, 2000 bits (V1.1b3 clauses 6.1 to 6.4).
    #[must_use]
    pub const fn most_per_request(self) -> u16 {
        if self.is_bits() { 2000 } else { 125 }
    }
}

/// Why a text is no register or range of registers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no register: write KIND:ADDRESS, where KIND is holding, input, coil or discrete and ADDRESS 0 to 65535"
)]
pub struct BadRegister {
    text: String,
}

/// One address in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register {
    /// Which table.
    pub kind: RegisterKind,
    /// Zero-based address, as on the wire.
    pub address: u16,
}

fn kind_and_rest(text: &str) -> Option<(RegisterKind, &str)> {
    let (kind, rest) = text.split_once(':')?;
    let kind = match kind {
        "holding" => RegisterKind::Holding,
        "input" => RegisterKind::Input,
        "coil" => RegisterKind::Coil,
        "discrete" => RegisterKind::Discrete,
        _ => return None,
    };
    Some((kind, rest))
}

impl FromStr for Register {
    type Err = BadRegister;
    fn from_str(text: &str) -> Result<Self, BadRegister> {
        kind_and_rest(text)
            .and_then(|(kind, address)| Some(Self { kind, address: address.parse().ok()? }))
            .ok_or_else(|| BadRegister { text: text.to_owned() })
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.address)
    }
}

/// Addresses that must never be asked for, as `holding:100-119`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterRange {
    /// Which table.
    pub kind: RegisterKind,
    /// First address.
    pub first: u16,
    /// Last address, included.
    pub last: u16,
}

impl FromStr for RegisterRange {
    type Err = BadRegister;
    fn from_str(text: &str) -> Result<Self, BadRegister> {
        let bad = || BadRegister { text: text.to_owned() };
        let (kind, rest) = kind_and_rest(text).ok_or_else(bad)?;
        let (first, last) = rest.split_once('-').unwrap_or((rest, rest));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self { kind, first, last }),
            _ => Err(bad()),
        }
    }
}

impl RegisterRange {
    /// Whether the addresses from `first` to `end` (not included) of `kind` touch this range.
    #[must_use]
    pub fn touches(&self, kind: RegisterKind, first: u32, end: u32) -> bool {
        self.kind == kind && first <= u32::from(self.last) && u32::from(self.first) < end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_kind_and_zero_based_address() {
        for (text, kind, address) in [
            ("holding:0", RegisterKind::Holding, 0),
            ("input:65535", RegisterKind::Input, 65535),
            ("coil:7", RegisterKind::Coil, 7),
            ("discrete:12", RegisterKind::Discrete, 12),
        ] {
            let register: Register = text.parse().unwrap();
            assert_eq!(register, Register { kind, address });
            assert_eq!(register.to_string(), text);
        }
        for bad in [
            "",
            "holding",
            "holding:",
            "holding:-1",
            "holding:65536",
            "Holding:1",
            "40001",
            "reg:1",
            "holding:1.2",
        ] {
            assert!(bad.parse::<Register>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_include_both_ends() {
        let range: RegisterRange = "holding:100-119".parse().unwrap();
        for (first, end, touches) in [
            (90, 100, false),
            (90, 101, true),
            (119, 120, true),
            (120, 125, false),
            (90, 200, true),
        ] {
            assert_eq!(range.touches(RegisterKind::Holding, first, end), touches, "{first}..{end}");
        }
        assert!(!range.touches(RegisterKind::Input, 100, 110));
        assert_eq!("coil:5".parse::<RegisterRange>().unwrap().last, 5);
        assert!("holding:9-8".parse::<RegisterRange>().is_err());
    }
}
