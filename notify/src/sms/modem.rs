//! Short messages by a GSM modem on a serial port: they go out where there is no Internet, which is when they are wanted most.
//!
//! The port is claimed with the first message and kept, so that nobody else talks to the modem between two of ours; it is
//! left and opened anew whenever the conversation was lost. Every setting is given anew with every message: a modem may
//! have been reset in between, and a message handed over in the wrong mode would go to a number made of its length.
//!
//! Incoming messages, calls and status reports that come later than `report_wait` are left alone.

pub mod at;
pub mod errors;
pub mod gsm7;
pub mod pdu;
mod port;
mod ready;
pub mod report;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rand;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_serial::SerialStream;

use self::at::{At, AtError};
use self::pdu::{Submit, fit, pdus};
use self::ready::{NotReady, Pin, Ready, Wanted};
use crate::channel::{Channel, Clock, Delivery, Probe, Receipt, SendError, shortened};
use crate::message::{Address, Kind, Message, Phone};
use crate::secret::SecretSource;

/// A modem and its SIM.
#[derive(Clone, Debug, PartialEq)]
pub struct ModemConfig {
    /// Name, for logs and pages.
    pub name: String,
    /// The port, best by a name that stays: `/dev/serial/by-id/…`.
    pub port: PathBuf,
    /// Bits a second; of no effect with USB.
    pub baud: u32,
    /// Whether RTS and CTS are wired.
    pub hardware_flow: bool,
    /// The SIM's PIN, where it wants one.
    pub pin: Option<SecretSource>,
    /// Service centre in place of the SIM's.
    pub smsc: Option<Phone>,
    /// Most parts that a text may take; it is cut to them.
    pub parts_max: usize,
    /// How long the network tries to reach a handset that is off.
    pub validity: Duration,
    /// How long to wait for the handset's status report; zero asks for none.
    pub report_wait: Duration,
    /// For each answer of the modem itself.
    pub timeout: Duration,
    /// For finding the network and, anew, for the network to take each part.
    pub network_timeout: Duration,
}

/// Sends short messages by one modem.
pub struct Modem {
    config: ModemConfig,
    pin: Pin,
    /// The claimed port, while there is one. One message at a time.
    line: Mutex<Option<At<SerialStream>>>,
    /// Reference of the next message in parts.
    reference: AtomicU8,
    clock: Clock,
}

/// A text and whom it is for.
struct Text<'a> {
    to: &'a Phone,
    /// Cut to what may be sent.
    words: Cow<'a, str>,
}

/// How far a try got.
enum Failed {
    /// Nothing was handed over and the line is lost: a new one may be better.
    Before(String),
    /// Anything else, ready to be told.
    Told(SendError),
}

impl Modem {
    /// Reads the PIN. The port is opened with the first message.
    ///
    /// # Errors
    /// A sentence that names the file or variable.
    pub fn new(config: &ModemConfig, clock: Clock) -> Result<Self, String> {
        let pin = match &config.pin {
            Some(source) => Some(source.read()?),
            None => None,
        };
        let mut octet = [0];
        rand::fill(&mut octet).map_err(|_| "the system gives no random numbers".to_owned())?;
        Ok(Self {
            config: config.clone(),
            pin: Pin::new(pin)?,
            line: Mutex::new(None),
            reference: AtomicU8::new(octet[0]),
            clock,
        })
    }

    fn place(&self) -> String {
        format!("modem at {}", self.config.port.display())
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            pin: &self.pin,
            reports: !self.config.report_wait.is_zero(),
            timeout: self.config.timeout,
            network_timeout: self.config.network_timeout,
        }
    }

    /// The line, when those before have done: their number bounds the wait for each, and this bounds it for all.
    async fn turn(&self) -> Result<MutexGuard<'_, Option<At<SerialStream>>>, SendError> {
        let patience = self.config.network_timeout.saturating_mul(2);
        tokio::time::timeout(patience, self.line.lock()).await.map_err(|_| {
            SendError::later(format!("{}: busy with other messages for {patience:?}", self.place()))
        })
    }

    /// Gets the modem ready and hands over the text, if there is one; once more on a new line where the first was lost with
    /// nothing handed over.
    async fn on_line(
        &self,
        text: Option<&Text<'_>>,
    ) -> Result<(Ready, Option<Receipt>), SendError> {
        let mut slot = self.turn().await?;
        let mut lost = String::new();
        for _ in 0..2 {
            match self.once(&mut slot, text).await {
                Ok(done) => return Ok(done),
                Err(Failed::Told(error)) => return Err(error),
                Err(Failed::Before(why)) => lost = why,
            }
        }
        Err(SendError::later(format!("{}: {lost}", self.place())))
    }

    async fn once(
        &self,
        slot: &mut Option<At<SerialStream>>,
        text: Option<&Text<'_>>,
    ) -> Result<(Ready, Option<Receipt>), Failed> {
        // Taken out while it is used: where this is dropped half-way, so is the line.
        let mut at = match slot.take() {
            Some(at) => at,
            None => self.open().await.map_err(Failed::Before)?,
        };
        let result = match ready::ready(&mut at, &self.wanted()).await {
            Ok(ready) => match text {
                None => Ok((ready, None)),
                Some(text) => self.deliver(&mut at, &ready, text).await.map(|r| (ready, Some(r))),
            },
            Err(NotReady::Lost(why)) => Err(Failed::Before(why)),
            Err(NotReady::Told(meaning, what)) => {
                let what = shortened(&format!("{}: {what}", self.place()));
                // What is not known yet was not sent: nothing was handed over.
                Err(Failed::Told(match meaning {
                    errors::Meaning::Unknown => SendError::later(what),
                    meaning => meaning.error(what),
                }))
            }
        };
        match &result {
            Ok(_) | Err(Failed::Told(SendError::Refused { .. } | SendError::Later { .. })) => {
                *slot = Some(at);
            }
            Err(Failed::Before(_) | Failed::Told(SendError::Unknown { .. })) => port::leave(at),
        }
        result
    }

    async fn deliver(
        &self,
        at: &mut At<SerialStream>,
        ready: &Ready,
        text: &Text<'_>,
    ) -> Result<Receipt, Failed> {
        let references = self.hand_over(at, ready, text).await?;
        let taken_at = (self.clock)();
        let delivery =
            if ready.reports { self.delivery(at, text.to, &references).await } else { None };
        let list: Vec<String> = references.iter().map(u8::to_string).collect();
        let list = list.join(",");
        let said = format!("+CMGS: {list}; {}", ready.shown());
        Ok(Receipt { provider_id: Some(list), said, at: taken_at, delivery })
    }

    async fn open(&self) -> Result<At<SerialStream>, String> {
        let stream = port::open(&self.config).await?;
        let mut at = At::new(stream, self.config.timeout);
        match at.synchronise().await {
            Ok(()) => Ok(at),
            Err(AtError::Lost(what) | AtError::Refused { what, .. }) => {
                port::leave(at);
                Err(what)
            }
        }
    }

    async fn hand_over(
        &self,
        at: &mut At<SerialStream>,
        ready: &Ready,
        text: &Text<'_>,
    ) -> Result<Vec<u8>, Failed> {
        let submit = Submit {
            smsc: self.config.smsc.as_ref(),
            to: text.to,
            validity: self.config.validity,
            report: ready.reports,
            reference: self.reference.fetch_add(1, Ordering::Relaxed),
        };
        let pdus = pdus(&submit, &text.words);
        let mut references = Vec::new();
        at.forget_reports();
        for pdu in &pdus {
            let error = match at.submit(pdu.octets, &pdu.hex, self.config.network_timeout).await {
                Ok(reference) => {
                    references.push(reference);
                    continue;
                }
                Err(error) => error,
            };
            let sent = references.len();
            let place = self.place();
            return Err(match error {
                (false, AtError::Lost(why)) if sent == 0 => Failed::Before(why),
                (_, AtError::Refused { meaning, what }) if sent == 0 => {
                    Failed::Told(meaning.error(shortened(&format!("{place}: {what}"))))
                }
                // Part of it is on its way: whoever reads half an alarm gets all of it again.
                (_, AtError::Lost(what) | AtError::Refused { what, .. }) => {
                    Failed::Told(SendError::unknown(shortened(&format!(
                        "{place}: {sent} of {} parts were taken, then: {what}",
                        pdus.len()
                    ))))
                }
            });
        }
        Ok(references)
    }

    /// What the status reports say that come in time. The message is sent: a line that is lost now loses reports only.
    async fn delivery(
        &self,
        at: &mut At<SerialStream>,
        phone: &Phone,
        references: &[u8],
    ) -> Option<Delivery> {
        let until = Instant::now() + self.config.report_wait;
        let mut parts: Vec<Option<Delivery>> = vec![None; references.len()];
        let open = |part: &Option<Delivery>| matches!(part, None | Some(Delivery::StillTrying));
        while parts.iter().any(open) {
            let report = at
                .report(until, |report| {
                    same_number(&report.to, phone) && references.contains(&report.reference)
                })
                .await;
            let Ok(Some(report)) = report else { break };
            let part = references.iter().position(|reference| *reference == report.reference);
            if let Some(part) = part.and_then(|at| parts.get_mut(at)) {
                *part = Some(report.delivery);
            }
        }
        report::together(&parts)
    }
}

/// The network writes numbers with the country's code, and we may have dialled without it.
fn same_number(told: &str, phone: &Phone) -> bool {
    told.ends_with(phone.national()) || phone.digits().ends_with(told)
}

#[async_trait]
impl Channel for Modem {
    fn kind(&self) -> Kind {
        Kind::Sms
    }

    fn name(&self) -> &str {
        &self.config.name
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let Address::Phone(phone) = &message.to else {
            return Err(SendError::wrong_kind(Kind::Sms, message));
        };
        let text = Text { to: phone, words: fit(&message.text, self.config.parts_max) };
        let (_, receipt) = self.on_line(Some(&text)).await?;
        Ok(receipt.expect("a text that was handed over has a receipt"))
    }

    async fn probe(&self) -> Result<Probe, SendError> {
        let (ready, _) = self.on_line(None).await?;
        let saw = format!(
            "{}: SIM ready, {}; only a message shows whether the SIM may send",
            self.place(),
            ready.shown()
        );
        Ok(Probe { saw, at: (self.clock)() })
    }
}
