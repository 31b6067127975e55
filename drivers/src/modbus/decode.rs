//! From registers to a number: data types and the four byte orders found in the field.
//!
//! The letters name the bytes of a 32-bit value from the most significant on, in the order in which they stand in the
//! registers. Two independent questions hide in them: are the words reversed (CDAB, DCBA), and are the bytes within a word
//! reversed (BADC, DCBA)? Asked separately, they answer for 16- and 64-bit values as well.

use std::str::FromStr;

/// How a value is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Two's complement, one register.
    I16,
    /// One register.
    U16,
    /// Two's complement, two registers.
    I32,
    /// Two registers.
    U32,
    /// A coil or discrete input, or a register that counts as true unless it is zero.
    Bool,
}

impl DataType {
    /// Number of registers that the value fills.
    #[must_use]
    pub const fn words(self) -> u16 {
        match self {
            Self::I16 | Self::U16 | Self::Bool => 1,
            Self::F32 | Self::I32 | Self::U32 => 2,
            Self::F64 => 4,
        }
    }
}

impl FromStr for DataType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "f32" => Self::F32,
            "f64" => Self::F64,
            "i16" => Self::I16,
            "u16" => Self::U16,
            "i32" => Self::I32,
            "u32" => Self::U32,
            "bool" => Self::Bool,
            _ => {
                return Err(format!(
                    "{text:?} is no type: write one of f32 i16 u16 i32 u32 f64 bool"
                ));
            }
        })
    }
}

/// Order of the bytes of a value over its registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Most significant word first, most significant byte first: what the standard says (V1.1b3, clause 4.2).
    #[default]
    Abcd,
    /// Words reversed.
    Cdab,
    /// Bytes within each word reversed.
    Badc,
    /// Both reversed.
    Dcba,
}

impl ByteOrder {
    const fn words_reversed(self) -> bool {
        matches!(self, Self::Cdab | Self::Dcba)
    }

    const fn bytes_reversed(self) -> bool {
        matches!(self, Self::Badc | Self::Dcba)
    }
}

impl FromStr for ByteOrder {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "ABCD" => Self::Abcd,
            "CDAB" => Self::Cdab,
            "BADC" => Self::Badc,
            "DCBA" => Self::Dcba,
            _ => {
                return Err(format!("{text:?} is no byte order: write one of ABCD CDAB BADC DCBA"));
            }
        })
    }
}

/// The number in `words`, or `None` where there are not as many as the type fills.
#[must_use]
pub fn decode(words: &[u16], kind: DataType, order: ByteOrder) -> Option<f64> {
    let count = usize::from(kind.words());
    let words = words.get(..count)?;
    let mut bits = 0u64;
    for i in 0..count {
        let word = words[if order.words_reversed() { count - 1 - i } else { i }];
        let word = if order.bytes_reversed() { word.swap_bytes() } else { word };
        bits = bits << 16 | u64::from(word);
    }
    let low32 = (bits & 0xFFFF_FFFF) as u32;
    let low16 = (bits & 0xFFFF) as u16;
    Some(match kind {
        DataType::F32 => f64::from(f32::from_bits(low32)),
        DataType::F64 => f64::from_bits(bits),
        DataType::I16 => f64::from(low16.cast_signed()),
        DataType::U16 => f64::from(low16),
        DataType::I32 => f64::from(low32.cast_signed()),
        DataType::U32 => f64::from(low32),
        DataType::Bool => f64::from(u8::from(low16 != 0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ByteOrder::{Abcd, Badc, Cdab, Dcba};

    fn check(words: &[u16], kind: DataType, order: ByteOrder, value: f64) {
        assert_eq!(decode(words, kind, order), Some(value), "{words:04X?} as {kind:?} {order:?}");
    }

    #[test]
    fn every_type_in_every_byte_order() {
        // 123.456 as f32 is 42 F6 E9 79.
        let f = f64::from(123.456_f32);
        check(&[0x42F6, 0xE979], DataType::F32, Abcd, f);
        check(&[0xE979, 0x42F6], DataType::F32, Cdab, f);
        check(&[0xF642, 0x79E9], DataType::F32, Badc, f);
        check(&[0x79E9, 0xF642], DataType::F32, Dcba, f);
        // -2 as i32, 4294967294 as u32.
        check(&[0xFFFF, 0xFFFE], DataType::I32, Abcd, -2.0);
        check(&[0xFFFE, 0xFFFF], DataType::I32, Cdab, -2.0);
        check(&[0xFFFF, 0xFEFF], DataType::I32, Badc, -2.0);
        check(&[0xFEFF, 0xFFFF], DataType::U32, Dcba, 4_294_967_294.0);
        // One register: the order of words says nothing, that of bytes does.
        for (order, word) in [(Abcd, 0x0102), (Cdab, 0x0102), (Badc, 0x0201), (Dcba, 0x0201)] {
            check(&[word], DataType::U16, order, 258.0);
        }
        check(&[0x8000], DataType::I16, Abcd, -32768.0);
        // 0.1 as f64 is 3F B9 99 99 99 99 99 9A.
        check(&[0x3FB9, 0x9999, 0x9999, 0x999A], DataType::F64, Abcd, 0.1);
        check(&[0x999A, 0x9999, 0x9999, 0x3FB9], DataType::F64, Cdab, 0.1);
        check(&[0xB93F, 0x9999, 0x9999, 0x9A99], DataType::F64, Badc, 0.1);
        check(&[0x9A99, 0x9999, 0x9999, 0xB93F], DataType::F64, Dcba, 0.1);
        check(&[2], DataType::Bool, Abcd, 1.0);
        check(&[0], DataType::Bool, Abcd, 0.0);
    }

    #[test]
    fn too_few_registers_are_no_value() {
        assert_eq!(decode(&[1], DataType::F32, Abcd), None);
        assert_eq!(decode(&[], DataType::Bool, Abcd), None);
    }
}
