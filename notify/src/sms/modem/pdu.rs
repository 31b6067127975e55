//! What a modem is handed in PDU mode: SMS-SUBMIT (3GPP TS 23.040, 9.2.2.2), one for each part of a text.
//!
//! The alphabet is chosen by the text: 7 bits where every character is in it, else UCS-2 (as UTF-16, which handsets read).
//! Parts are joined by a header with an 8-bit reference, which all handsets know.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use super::gsm7::{GSM7, packed, septets};
use crate::message::Phone;
use crate::sms::length::UCS2;

/// Octets of the header that joins parts, with its length.
const HEADER_OCTETS: usize = 6;

/// What is the same for every part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit<'a> {
    /// Service centre; `None` takes the SIM's.
    pub smsc: Option<&'a Phone>,
    /// Recipient.
    pub to: &'a Phone,
    /// How long the network tries; see [`validity_octet`].
    pub validity: Duration,
    /// Whether a status report is asked for.
    pub report: bool,
    /// What the parts of this message have in common. Two messages to one handset within minutes should not share it.
    pub reference: u8,
}

/// One part, as it goes to the modem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// Hexadecimal, the service centre in front.
    pub hex: String,
    /// Octets without the service centre: what `AT+CMGS` is told.
    pub octets: usize,
}

/// The text, cut by whole characters to what fits into `parts_max` parts.
#[must_use]
pub fn fit(text: &str, parts_max: usize) -> Cow<'_, str> {
    // A beginning of a text in 7 bits, with its three dots, is in 7 bits as well.
    if septets(text).is_some() { GSM7.fit(text, parts_max) } else { UCS2.fit(text, parts_max) }
}

/// The parts of a text. It is not cut: [`fit`] comes first. At most 255 parts are made.
#[must_use]
pub fn pdus(submit: &Submit<'_>, text: &str) -> Vec<Pdu> {
    let in_septets = septets(text).is_some();
    let parts = if in_septets { GSM7.parts(text) } else { UCS2.parts(text) };
    let count = u8::try_from(parts.len()).unwrap_or(u8::MAX);
    (1..=count)
        .zip(parts)
        .map(|(number, part)| {
            let header =
                if count > 1 { vec![5, 0, 3, submit.reference, count, number] } else { Vec::new() };
            match septets(part) {
                Some(septets) if in_septets => seven_bit(submit, &header, &septets),
                _ => ucs2(submit, &header, part),
            }
        })
        .collect()
}

fn seven_bit(submit: &Submit<'_>, header: &[u8], septets: &[u8]) -> Pdu {
    // 48 bits of header take seven septets, the last of which has one bit of filling.
    let (header_septets, filling) = if header.is_empty() { (0, 0) } else { (7, 1) };
    let mut data = header.to_vec();
    data.extend(packed(septets, filling));
    whole(submit, header, 0x00, header_septets + septets.len(), &data)
}

fn ucs2(submit: &Submit<'_>, header: &[u8], text: &str) -> Pdu {
    let mut data = header.to_vec();
    data.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    whole(submit, header, 0x08, data.len(), &data)
}

/// `length` counts septets or octets, as the alphabet wants it; at most 160.
fn whole(submit: &Submit<'_>, header: &[u8], alphabet: u8, length: usize, data: &[u8]) -> Pdu {
    debug_assert!(header.is_empty() || header.len() == HEADER_OCTETS);
    let mut smsc = Vec::new();
    match submit.smsc {
        None => smsc.push(0),
        Some(number) => {
            let digits = semi_octets(number.digits());
            smsc.push(u8::try_from(digits.len() + 1).expect("a number has at most 15 digits"));
            smsc.push(kind_of(number));
            smsc.extend(digits);
        }
    }
    // SMS-SUBMIT with a relative validity period; duplicates are not rejected: that they are one is for the person to see.
    let mut tpdu = vec![0x11];
    tpdu[0] |= if submit.report { 0x20 } else { 0 };
    tpdu[0] |= if header.is_empty() { 0 } else { 0x40 };
    // The modem sets the reference.
    tpdu.push(0);
    tpdu.push(u8::try_from(submit.to.digits().len()).expect("a number has at most 15 digits"));
    tpdu.push(kind_of(submit.to));
    tpdu.extend(semi_octets(submit.to.digits()));
    tpdu.extend([0, alphabet, validity_octet(submit.validity)]);
    tpdu.push(u8::try_from(length).expect("a part is no longer than 160 septets or 140 octets"));
    tpdu.extend(data);
    Pdu { octets: tpdu.len(), hex: hex(&smsc) + &hex(&tpdu) }
}

/// Type of number and numbering plan (9.1.2.5): international, or unknown, which the network reads as people dial.
fn kind_of(number: &Phone) -> u8 {
    if number.is_international() { 0x91 } else { 0x81 }
}

/// Two digits an octet, the first in the low half; an odd last one is beside an F.
fn semi_octets(digits: &str) -> Vec<u8> {
    let digit = |octet: Option<&u8>| octet.map_or(0xF, |octet| octet - b'0');
    digits.as_bytes().chunks(2).map(|pair| digit(pair.get(1)) << 4 | digit(pair.first())).collect()
}

/// Relative validity (9.2.3.12.1): steps of 5 minutes to 12 hours, of 30 minutes to a day, of a day to 30, of a week to 63.
/// Rounded up, between 5 minutes and 63 weeks.
#[must_use]
pub fn validity_octet(validity: Duration) -> u8 {
    let minutes = validity.as_secs().div_ceil(60).max(1);
    let octet = match minutes {
        ..=720 => minutes.div_ceil(5) - 1,
        721..=1_440 => 143 + (minutes - 720).div_ceil(30),
        1_441..=43_200 => 166 + minutes.div_ceil(1_440),
        43_201.. => 192 + minutes.div_ceil(10_080),
    };
    u8::try_from(octet).unwrap_or(u8::MAX)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02X}").expect("writing to a String does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn made(to: &str, text: &str) -> Vec<(String, usize)> {
        let to = Phone::new(to).unwrap();
        let submit = Submit { smsc: None, to: &to, validity: DAY, report: true, reference: 7 };
        pdus(&submit, text).into_iter().map(|pdu| (pdu.hex, pdu.octets)).collect()
    }

    /// Made by python-gsmmodem-new 0.13.0, but for the message reference, which the modem sets (00), and national numbers,
    /// which it calls national (A1) rather than unknown (81).
    #[test]
    fn pdus_equal_those_of_another_implementation() {
        assert_eq!(
            made("+8613800138000", "Tank T-101 {high} €5 [x]~^|\\"),
            [("0031000D91683108108300F00000A725D4B07B0DA2B662B018688342A7CFE84D0AB429D7401B1E7EE3DBF436940D70F302".to_owned(), 48)]
        );
        assert_eq!(
            made("13800138000", "储罐 T-101 压力高"),
            [(
                "0031000B813108108300F00008A71850A87F5000200054002D0031003000310020538B529B9AD8"
                    .to_owned(),
                38
            )]
        );
        let parts = made("10086", &format!("{}€", "a".repeat(159)));
        assert_eq!(
            parts[1],
            ("00710005810180F60000A70F050003070202C2E170381CDE9401".to_owned(), 25)
        );
        assert_eq!(parts[0].1, 151);
        assert!(
            parts[0].0.starts_with("00710005810180F60000A7A0050003070201C2E170381C0E87C3"),
            "{parts:?}"
        );
        let parts = made("+8613800138000", &"超".repeat(80));
        assert_eq!(
            parts[1],
            (format!("0071000D91683108108300F00008A720050003070202{}", "8D85".repeat(13)), 47)
        );
        assert_eq!(
            parts[0],
            (format!("0071000D91683108108300F00008A78C050003070201{}", "8D85".repeat(67)), 155)
        );
    }

    #[test]
    fn the_service_centre_stands_in_front_and_is_not_counted() {
        let to = Phone::new("+8613800138000").unwrap();
        let smsc = Phone::new("+8613800371500").unwrap();
        let submit =
            Submit { smsc: Some(&smsc), to: &to, validity: DAY, report: false, reference: 0 };
        let pdu = &pdus(&submit, "hellohello")[0];
        assert_eq!(pdu.hex, "0891683108301705F011000D91683108108300F00000A70AE8329BFD4697D9EC37");
        assert_eq!(pdu.octets, pdu.hex.len() / 2 - 9);
    }

    #[test]
    fn validity_is_rounded_up_to_what_the_octet_can_say() {
        for (minutes, octet) in [
            (0, 0),
            (5, 0),
            (6, 1),
            (720, 143),
            (721, 144),
            (1_440, 167),
            (1_441, 168),
            (2_880, 168),
            (43_200, 196),
            (43_201, 197),
            (50_400, 197),
            (63 * 10_080, 255),
            (10_000_000, 255),
        ] {
            assert_eq!(validity_octet(Duration::from_secs(minutes * 60)), octet, "{minutes} min");
        }
    }

    #[test]
    fn one_character_that_seven_bits_lack_makes_all_of_it_ucs2() {
        assert_eq!(fit(&"a".repeat(161), 1).len(), 160);
        assert_eq!(fit(&format!("³{}", "a".repeat(70)), 1).chars().count(), 70);
        let made = made("10086", "100 m³");
        assert!(made[0].0.ends_with("0008A70C0031003000300020006D00B3"), "{made:?}");
    }
}
