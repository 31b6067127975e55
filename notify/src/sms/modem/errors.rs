//! The numbers with which modem and network refuse, and what they mean for a message.
//!
//! `+CMS ERROR` is about short messages (3GPP TS 27.005, 3.2.5): below 128 it is the network's cause (TS 24.011, E-2), below
//! 256 the service centre's (TS 23.040, 9.2.3.22). `+CME ERROR` is about the modem itself (TS 27.007, 9.2).

use crate::channel::{Refusal, SendError};

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It will be refused again.
    Refused(Refusal),
    /// Not sent, and it may work later.
    Later,
    /// The network may have taken it.
    Unknown,
}

impl Meaning {
    /// As an error with these words.
    #[must_use]
    pub fn error(self, what: String) -> SendError {
        match self {
            Self::Refused(reason) => SendError::refused(reason, what),
            Self::Later => SendError::later(what),
            Self::Unknown => SendError::unknown(what),
        }
    }
}

use Meaning::{Later, Refused, Unknown};
use Refusal::{Account, Configuration, Content, Credentials, Recipient};

/// Words that stand in several places.
const PIN_WANTED: &str = "the SIM wants its PIN; give pin_file or pin_env";
const PUK_WANTED: &str = "the SIM is blocked; enter the PUK in a telephone";
const NO_SIM: &str = "there is no SIM in the modem";

const CMS: &[(u16, Meaning, &str)] = &[
    (1, Refused(Recipient), "there is no such number"),
    (8, Refused(Account), "barred by the operator"),
    (10, Refused(Account), "the SIM may not send"),
    (17, Later, "the network failed"),
    (21, Later, "rejected by the network"),
    (22, Later, "the network has no room"),
    (27, Later, "the recipient cannot be reached"),
    (28, Refused(Recipient), "the recipient's network does not know the number"),
    (29, Later, "the network rejected the service"),
    (30, Refused(Recipient), "the recipient's network does not know the number"),
    (38, Later, "the network is out of order"),
    (41, Later, "the network failed for a moment"),
    (42, Later, "the network is congested"),
    (47, Later, "the network has no resources"),
    (50, Refused(Account), "short messages are not part of the SIM's contract"),
    (69, Refused(Configuration), "the network has no short messages"),
    (95, Refused(Content), "the network does not accept the message's form"),
    (96, Refused(Content), "the network misses something in the message"),
    (127, Later, "the network gives no reason"),
    (144, Refused(Content), "the service centre does not read this alphabet"),
    (159, Refused(Content), "the service centre does not accept the message"),
    (176, Refused(Content), "the service centre does not accept the command"),
    (192, Later, "the service centre is busy"),
    (193, Refused(Account), "the service centre does not know the SIM's contract"),
    (194, Later, "the service centre failed"),
    (195, Refused(Recipient), "the service centre does not accept the number"),
    (196, Refused(Recipient), "the recipient is barred"),
    (197, Unknown, "the service centre says that it has this message already"),
    (198, Refused(Content), "the service centre does not take this validity"),
    (208, Later, "the SIM's memory is full"),
    (300, Later, "the modem failed"),
    (301, Later, "the modem's messages are taken by another function"),
    (302, Later, "the modem does not allow it now"),
    (303, Refused(Configuration), "the modem cannot do it"),
    (304, Refused(Content), "the modem does not accept the message's form"),
    (310, Refused(Configuration), NO_SIM),
    (311, Refused(Credentials), PIN_WANTED),
    (312, Refused(Configuration), "the modem is locked to another SIM"),
    (313, Later, "the SIM failed"),
    (314, Later, "the SIM is busy"),
    (315, Refused(Configuration), "the SIM is of a wrong kind"),
    (316, Refused(Credentials), PUK_WANTED),
    (317, Refused(Credentials), "the SIM wants its second PIN"),
    (318, Refused(Credentials), PUK_WANTED),
    (322, Later, "the memory for messages is full"),
    (330, Refused(Configuration), "the SIM names no service centre; give smsc"),
    (331, Later, "there is no network"),
    // The modem has handed it over and heard nothing.
    (332, Unknown, "the network did not answer"),
    (500, Later, "the modem gives no reason"),
];

const CME: &[(u16, Meaning, &str)] = &[
    (3, Later, "the modem does not allow it now"),
    (4, Refused(Configuration), "the modem cannot do it"),
    (5, Refused(Configuration), "the modem is locked to another SIM"),
    (10, Refused(Configuration), NO_SIM),
    (11, Refused(Credentials), PIN_WANTED),
    (12, Refused(Credentials), PUK_WANTED),
    (13, Later, "the SIM failed"),
    (14, Later, "the SIM is busy"),
    (15, Refused(Configuration), "the SIM is of a wrong kind"),
    (16, Refused(Credentials), "the PIN is wrong"),
    (17, Refused(Credentials), "the SIM wants its second PIN"),
    (18, Refused(Credentials), PUK_WANTED),
    (30, Later, "there is no network"),
    (31, Unknown, "the network did not answer"),
    (32, Refused(Account), "the network takes emergency calls only"),
    (100, Later, "the modem gives no reason"),
];

/// What `+CMS ERROR: code` means, with words; a code that is listed nowhere is tried again.
#[must_use]
pub fn cms(code: u16) -> (Meaning, &'static str) {
    find(CMS, code).unwrap_or(match code {
        // Causes of the protocol between modem and network: neither this message's fault nor for good.
        97..=111 => (Later, "modem and network misunderstand each other"),
        // Below 144 reserved; 145 to 175 are about class, alphabet and protocol of a message.
        145..=175 => (Refused(Content), "the service centre does not accept the message"),
        _ => (Later, "an unlisted code"),
    })
}

/// As [`cms`], of `+CME ERROR: code`.
#[must_use]
pub fn cme(code: u16) -> (Meaning, &'static str) {
    find(CME, code).unwrap_or((Later, "an unlisted code"))
}

fn find(table: &[(u16, Meaning, &'static str)], code: u16) -> Option<(Meaning, &'static str)> {
    let row = table.iter().find(|(listed, _, _)| *listed == code)?;
    Some((row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_listed_once_and_in_order() {
        for table in [CMS, CME] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
        }
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_refused() {
        for (code, meaning) in [
            (1, Refused(Recipient)),
            (42, Later),
            (50, Refused(Account)),
            (100, Later),
            (145, Refused(Content)),
            (310, Refused(Configuration)),
            (311, Refused(Credentials)),
            (332, Unknown),
            (500, Later),
            (512, Later),
        ] {
            assert_eq!(cms(code).0, meaning, "{code}");
        }
        for (code, meaning) in
            [(10, Refused(Configuration)), (14, Later), (16, Refused(Credentials)), (999, Later)]
        {
            assert_eq!(cme(code).0, meaning, "{code}");
        }
    }
}
