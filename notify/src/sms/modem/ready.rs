//! Brings a modem from any state to one in which it takes messages: settings, SIM, network.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::at::{At, AtError};
use super::errors::Meaning;
use crate::channel::Refusal;
use crate::secret::Secret;

/// How often SIM and network are asked whether they have got ready.
const POLL: Duration = Duration::from_millis(500);

/// The SIM's PIN. A third wrong one blocks the SIM, so one that was refused is never entered again.
pub struct Pin {
    secret: Option<Secret>,
    /// Entered, and not taken since.
    doubtful: AtomicBool,
}

impl Pin {
    /// Takes four to eight digits.
    pub fn new(secret: Option<Secret>) -> Result<Self, String> {
        let good = |pin: &str| {
            (4..=8).contains(&pin.len()) && pin.bytes().all(|octet| octet.is_ascii_digit())
        };
        if secret.as_ref().is_some_and(|secret| !good(secret.expose())) {
            return Err("the PIN is not 4 to 8 digits".to_owned());
        }
        Ok(Self { secret, doubtful: AtomicBool::new(false) })
    }
}

/// What is needed to get ready.
pub struct Wanted<'a> {
    pub pin: &'a Pin,
    /// Whether status reports are to be handed over.
    pub reports: bool,
    pub timeout: Duration,
    pub network_timeout: Duration,
}

/// A modem that takes messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// It hands over status reports.
    pub reports: bool,
    /// Registered in another network than the SIM's.
    pub roaming: bool,
    /// Signal, dBm; `None` where the modem does not know.
    pub signal_dbm: Option<i32>,
}

impl Ready {
    /// For a person.
    pub fn shown(&self) -> String {
        let network = if self.roaming { "roaming" } else { "in its own network" };
        match self.signal_dbm {
            Some(dbm) => format!("{network}, signal {dbm} dBm"),
            None => format!("{network}, signal not known"),
        }
    }
}

/// Why a modem takes no messages.
#[derive(Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The conversation was lost.
    Lost(String),
    /// Modem, SIM or network said no.
    Told(Meaning, String),
}

impl From<AtError> for NotReady {
    fn from(error: AtError) -> Self {
        match error {
            AtError::Lost(what) => Self::Lost(what),
            AtError::Refused { meaning, what } => Self::Told(meaning, what),
        }
    }
}

/// Sets the modem up, enters the PIN where one is wanted, and waits for the network.
pub async fn ready<S: AsyncRead + AsyncWrite + Unpin>(
    at: &mut At<S>,
    wanted: &Wanted<'_>,
) -> Result<Ready, NotReady> {
    at.order("ATE0").await?;
    // Numbers in place of words; and no word on registration that was not asked for.
    if_it_can(at.order("AT+CMEE=1").await)?;
    if_it_can(at.order("AT+CREG=0").await)?;
    sim(at, wanted).await?;
    // Status reports need no acknowledgement in phase 2.
    if_it_can(at.order("AT+CSMS=0").await)?;
    at.order("AT+CMGF=0").await?;
    let reports = wanted.reports && if_it_can(at.order("AT+CNMI=2,0,0,1,0").await)?;
    let roaming = network(at, wanted).await?;
    let signal_dbm = match at.ask("AT+CSQ", "+CSQ:").await {
        Ok(said) => signal_dbm(&said),
        Err(error) => {
            if_it_can(Err(error))?;
            None
        }
    };
    Ok(Ready { reports, roaming, signal_dbm })
}

/// A setting that some modems lack: whether this one took it.
fn if_it_can(result: Result<(), AtError>) -> Result<bool, NotReady> {
    match result {
        Ok(()) => Ok(true),
        Err(AtError::Refused { .. }) => Ok(false),
        Err(lost) => Err(lost.into()),
    }
}

async fn sim<S: AsyncRead + AsyncWrite + Unpin>(
    at: &mut At<S>,
    wanted: &Wanted<'_>,
) -> Result<(), NotReady> {
    let until = Instant::now() + wanted.timeout;
    let credentials =
        |what: &str| NotReady::Told(Meaning::Refused(Refusal::Credentials), what.to_owned());
    let mut entered = false;
    loop {
        match at.ask("AT+CPIN?", "+CPIN:").await {
            Ok(said) if said == "READY" => return Ok(()),
            Ok(said) if said == "SIM PIN" && !entered => {
                enter(at, wanted.pin).await?;
                entered = true;
            }
            // The SIM takes a while to say that it took the PIN.
            Ok(said) if said == "SIM PIN" && Instant::now() < until => {}
            Ok(said) if said.starts_with("SIM PUK") => {
                return Err(credentials("the SIM is blocked; enter the PUK in a telephone"));
            }
            Ok(said) => {
                let what = format!("the SIM asks for {said:?}, and there is no answer to it here");
                return Err(NotReady::Told(Meaning::Refused(Refusal::Configuration), what));
            }
            // Just after a reset the SIM is busy, or not seen yet.
            Err(AtError::Refused { .. }) if Instant::now() < until => {}
            Err(error) => return Err(error.into()),
        }
        sleep(POLL.min(wanted.timeout / 4)).await;
    }
}

async fn enter<S: AsyncRead + AsyncWrite + Unpin>(
    at: &mut At<S>,
    pin: &Pin,
) -> Result<(), NotReady> {
    let refused =
        |what: &str| Err(NotReady::Told(Meaning::Refused(Refusal::Credentials), what.to_owned()));
    let Some(secret) = &pin.secret else {
        return refused("the SIM wants its PIN; give pin_file or pin_env");
    };
    if pin.doubtful.load(Ordering::Relaxed) {
        return refused(
            "the SIM did not take the PIN, and a third wrong one would block it, so it is not entered again; \
             set it right and start anew",
        );
    }
    match at.ask("AT+CPINR=\"SIM PIN\"", "+CPINR:").await {
        Ok(said) if fewer_tries_left(&said) => {
            return refused(
                "a wrong PIN was entered before, and a third would block the SIM; enter the right one in a telephone",
            );
        }
        Ok(_) | Err(AtError::Refused { .. }) => {}
        Err(lost) => return Err(lost.into()),
    }
    pin.doubtful.store(true, Ordering::Relaxed);
    match at.order(&format!("AT+CPIN=\"{}\"", secret.expose())).await {
        Ok(()) => {
            pin.doubtful.store(false, Ordering::Relaxed);
            Ok(())
        }
        Err(AtError::Refused { what, .. }) => refused(&what),
        Err(lost) => Err(lost.into()),
    }
}

/// `SIM PIN,2,3`: two tries left of three (3GPP TS 27.007, 8.65).
fn fewer_tries_left(said: &str) -> bool {
    let mut fields = said.split(',').skip(1).map(|field| field.trim().parse::<u8>().ok());
    let left = fields.next().flatten();
    let all = fields.next().flatten().unwrap_or(3);
    left.is_some_and(|left| left < all)
}

/// Waits until the modem is registered; gives whether it roams.
async fn network<S: AsyncRead + AsyncWrite + Unpin>(
    at: &mut At<S>,
    wanted: &Wanted<'_>,
) -> Result<bool, NotReady> {
    let until = Instant::now() + wanted.network_timeout;
    loop {
        let mut status = registration(&at.ask("AT+CREG?", "+CREG:").await?);
        if roaming(status).is_none() {
            // A modem may be registered for LTE alone.
            match at.ask("AT+CEREG?", "+CEREG:").await {
                Ok(said) if roaming(registration(&said)).is_some() => status = registration(&said),
                Ok(_) | Err(AtError::Refused { .. }) => {}
                Err(lost) => return Err(lost.into()),
            }
        }
        if let Some(roaming) = roaming(status) {
            return Ok(roaming);
        }
        if Instant::now() >= until {
            let what = match status {
                Some(2) => "the modem finds no network; look at antenna and signal",
                // For a moment or for good: that it lasts shows in the channel's health.
                Some(3) => "the network does not let the SIM in",
                _ => "the modem is in no network and looks for none",
            };
            return Err(NotReady::Told(Meaning::Later, what.to_owned()));
        }
        sleep(POLL.min(wanted.network_timeout / 4)).await;
    }
}

/// `0,1` or, from modems that leave out the first, `1`.
fn registration(said: &str) -> Option<u8> {
    let mut fields = said.split(',').map(|field| field.trim().parse().ok());
    let (first, second) = (fields.next()?, fields.next());
    second.unwrap_or(first)
}

/// 1 and 5 are registered, 6 and 7 for short messages only; the second of each roams (3GPP TS 27.007, 7.2).
fn roaming(status: Option<u8>) -> Option<bool> {
    match status? {
        1 | 6 => Some(false),
        5 | 7 => Some(true),
        _ => None,
    }
}

/// `21,99`: steps of 2 dB from -113 dBm; 99 is not known (3GPP TS 27.007, 8.5).
fn signal_dbm(said: &str) -> Option<i32> {
    let steps: i32 = said.split(',').next()?.trim().parse().ok()?;
    (0..=31).contains(&steps).then_some(2 * steps - 113)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_modem_says_of_network_signal_and_tries_is_read() {
        for (said, expected) in [
            ("0,1", Some(false)),
            ("0,5", Some(true)),
            ("0,6", Some(false)),
            ("2,7,\"1A2B\",\"01C3\",7", Some(true)),
            ("1", Some(false)),
            ("0,2", None),
            ("0,3", None),
            ("0,x", None),
            ("", None),
        ] {
            assert_eq!(roaming(registration(said)), expected, "{said}");
        }
        for (said, expected) in [
            ("0,99", Some(-113)),
            ("20,0", Some(-73)),
            ("31,99", Some(-51)),
            ("99,99", None),
            ("", None),
        ] {
            assert_eq!(signal_dbm(said), expected, "{said}");
        }
        for (said, fewer) in [
            ("SIM PIN,3,3", false),
            ("SIM PIN,2,3", true),
            ("\"SIM PIN\", 1", true),
            ("SIM PIN,5,5", false),
            ("SIM PIN", false),
        ] {
            assert_eq!(fewer_tries_left(said), fewer, "{said}");
        }
    }

    #[test]
    fn a_pin_is_four_to_eight_digits() {
        for (pin, good) in [
            ("1234", true),
            ("12345678", true),
            ("123", false),
            ("12\"4", false),
            ("123456789", false),
        ] {
            assert_eq!(Pin::new(Some(Secret::new(pin))).is_ok(), good, "{pin}");
        }
        assert!(Pin::new(None).is_ok());
    }
}
