//! The 7-bit alphabet of short messages with its extension table (3GPP TS 23.038, 6.2.1), and how septets are packed into
//! octets.
//!
//! National tables are left out: a handset that lacks them shows other letters, while every one knows UCS-2.

use crate::sms::length::Measure;

/// Announces that the next septet is one of the extension table.
const ESCAPE: u8 = 0x1B;

/// By septet. The escape stands where no character is.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// Behind an escape. The page break is left out: no message has one.
const EXTENSION: [(u8, char); 9] = [
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Lengths in septets. Only for texts of which [`septets`] makes something.
pub const GSM7: Measure = Measure {
    units: |c| if EXTENSION.iter().any(|(_, extended)| *extended == c) { 2 } else { 1 },
    alone: 160,
    of_several: 153,
    ellipsis: "...",
};

/// The text in septets; `None` where a character is in neither table.
#[must_use]
pub fn septets(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for c in text.chars() {
        if let Some((septet, _)) = EXTENSION.iter().find(|(_, extended)| *extended == c) {
            septets.extend([ESCAPE, *septet]);
            continue;
        }
        let at = BASIC.iter().position(|basic| *basic == c)?;
        let septet = u8::try_from(at).ok().filter(|septet| *septet != ESCAPE)?;
        septets.push(septet);
    }
    Some(septets)
}

/// Septets in octets, the first in the lowest bits, behind `offset_bits` that are left 0: below 8, to bring them to a
/// septet's border behind a header.
#[must_use]
pub fn packed(septets: &[u8], offset_bits: u32) -> Vec<u8> {
    let mut octets = Vec::with_capacity(septets.len() * 7 / 8 + 2);
    let (mut pending, mut bits) = (0_u32, offset_bits);
    for septet in septets {
        pending |= u32::from(*septet) << bits;
        bits += 7;
        while bits >= 8 {
            octets.push(pending.to_le_bytes()[0]);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push(pending.to_le_bytes()[0]);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_neither_table_is_refused() {
        assert_eq!(septets("hello"), Some(b"hello".to_vec()));
        assert_eq!(septets("@_€"), Some(vec![0, 0x11, 0x1B, 0x65]));
        for other in ["超", "³", "ç", "\t", "\u{1B}", "\u{C}", "`"] {
            assert_eq!(septets(other), None, "{other:?}");
        }
    }

    #[test]
    fn septets_are_packed_from_the_lowest_bit() {
        // The example that everybody knows.
        assert_eq!(
            packed(b"hellohello", 0),
            [0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37]
        );
        assert_eq!(packed(&[0x61], 1), [0xC2]);
        assert_eq!(packed(&[], 0), [0_u8; 0]);
        assert_eq!(packed(&[0x7F; 8], 0), [0xFF; 7]);
    }
}
