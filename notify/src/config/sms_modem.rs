//! The table `[[sms_modem]]`.

use std::time::Duration;

use super::entry::Entry;
use super::{DAY, TIMEOUT, name};
use crate::message::Phone;
use crate::sms::modem::ModemConfig;

const WEEK: Duration = Duration::from_secs(7 * 86_400);

pub(super) fn read(entry: Entry<'_>) -> Option<ModemConfig> {
    let name = name(&entry);
    let port = entry.required("port", "\"/dev/serial/by-id/…\"");
    let port = port.map(|path| entry.document.folder.join(path));
    let baud = entry.integer("baud", 115_200, 300..=4_000_000);
    let hardware_flow = entry.one_of("flow_control", &[("none", false), ("hardware", true)]);
    let pin = entry.secret("pin_file", "pin_env");
    let smsc = entry.read("smsc", entry.text("smsc"), smsc);
    let parts_max = entry.integer("parts_max", 3, 1..=10);
    let validity = entry.duration("validity", DAY, Duration::from_secs(300)..=63 * WEEK);
    let second = Duration::from_secs(1);
    let report_wait =
        entry.duration("report_wait", 5 * second, Duration::ZERO..=Duration::from_secs(120));
    let timeout = entry.duration("timeout", 10 * second, TIMEOUT);
    let network_timeout = entry.duration("network_timeout", 60 * second, TIMEOUT);
    entry.finish();
    Some(ModemConfig {
        name: name?,
        port: port?,
        baud: u32::try_from(baud?).ok()?,
        hardware_flow: hardware_flow?,
        pin,
        smsc,
        parts_max: parts_max?,
        validity: validity?,
        report_wait: report_wait?,
        timeout: timeout?,
        network_timeout: network_timeout?,
    })
}

/// A service centre's number names its country, or it is nobody's abroad.
fn smsc(text: &str) -> Result<Phone, String> {
    match Phone::new(text) {
        Ok(phone) if phone.is_international() => Ok(phone),
        Ok(_) => Err("has no country's code; write smsc = \"+8613800371500\"".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
