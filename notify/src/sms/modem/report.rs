//! Status reports: what the network tells of a short message that it had taken (3GPP TS 23.040, 9.2.2.3).

use crate::channel::Delivery;

/// A status report, as far as it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The reference that the modem gave when the message was sent. It wraps at 256, so the number is compared as well.
    pub reference: u8,
    /// Digits of the recipient, as the network writes them.
    pub to: String,
    /// What became of it.
    pub delivery: Delivery,
}

/// Reads the PDU of a `+CDS`; `None` where it is no status report.
#[must_use]
pub fn read(hex: &str) -> Option<Report> {
    let octets = octets(hex)?;
    let smsc = usize::from(*octets.first()?);
    let tpdu = octets.get(1 + smsc..)?;
    // First octet: the lowest two bits tell the kind, 2 is SMS-STATUS-REPORT.
    let (kind, reference, digits) = (*tpdu.first()?, *tpdu.get(1)?, usize::from(*tpdu.get(2)?));
    if kind & 0x03 != 0x02 {
        return None;
    }
    let number = tpdu.get(4..4 + digits.div_ceil(2))?;
    let to: String = number
        .iter()
        .flat_map(|octet| [octet & 0x0F, octet >> 4])
        .take(digits)
        .map(|half| char::from_digit(half.into(), 10))
        .collect::<Option<_>>()?;
    // Seven octets of when it was sent and seven of when it was discharged stand before the status.
    let status = *tpdu.get(4 + number.len() + 14)?;
    Some(Report { reference, to, delivery: delivery(status)? })
}

/// TP-Status (9.2.3.15). Where the service centre handed the message on and cannot tell (01), nobody has confirmed it.
fn delivery(status: u8) -> Option<Delivery> {
    match status {
        0x01 | 0x20..=0x3F => Some(Delivery::StillTrying),
        0x00..=0x1F => Some(Delivery::Delivered),
        0x40..=0x7F => Some(Delivery::Failed),
        0x80.. => None,
    }
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

/// What the reports of all parts say together: failed if one did, delivered if all were.
#[must_use]
pub fn together(parts: &[Option<Delivery>]) -> Option<Delivery> {
    if parts.contains(&Some(Delivery::Failed)) {
        return Some(Delivery::Failed);
    }
    if !parts.is_empty() && parts.iter().all(|part| *part == Some(Delivery::Delivered)) {
        return Some(Delivery::Delivered);
    }
    parts.contains(&Some(Delivery::StillTrying)).then_some(Delivery::StillTrying)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "07917283010010F5062A0D91683108108300F06211251214302362112512144023";

    #[test]
    fn a_report_is_read_with_whom_it_is_about() {
        let report = |status: &str| read(&format!("{REPORT}{status}"));
        let told = |delivery| Some(Report { reference: 42, to: "8613800138000".into(), delivery });
        assert_eq!(report("00"), told(Delivery::Delivered));
        assert_eq!(report("02"), told(Delivery::Delivered));
        assert_eq!(report("01"), told(Delivery::StillTrying));
        assert_eq!(report("30"), told(Delivery::StillTrying));
        assert_eq!(report("46"), told(Delivery::Failed));
        assert_eq!(report("63"), told(Delivery::Failed));
        assert_eq!(report("FF"), None);
    }

    #[test]
    fn what_is_no_report_is_none_wherever_it_breaks_off() {
        let whole = format!("{REPORT}00");
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "{}", &whole[..end]);
        }
        // An SMS-DELIVER, and rubbish.
        assert_eq!(read(&whole.replacen("F506", "F504", 1)), None);
        assert_eq!(read("07zz"), None);
        assert_eq!(read("超超"), None);
        assert_eq!(read("FF"), None);
    }

    #[test]
    fn parts_are_delivered_together() {
        use Delivery::{Delivered, Failed, StillTrying};
        for (parts, expected) in [
            (&[Some(Delivered), Some(Delivered)][..], Some(Delivered)),
            (&[Some(Delivered), None], None),
            (&[Some(Delivered), Some(StillTrying)], Some(StillTrying)),
            (&[Some(StillTrying), Some(Failed)], Some(Failed)),
            (&[None, None], None),
            (&[], None),
        ] {
            assert_eq!(together(parts), expected, "{parts:?}");
        }
    }
}
