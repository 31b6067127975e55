//! The conversation with a modem (3GPP TS 27.007 and 27.005, ITU-T V.250): commands, answers, and what comes unasked between
//! them.
//!
//! A modem says more than it was asked: it repeats commands, tells of calls and signal, hands over status reports, and after
//! a reset it greets. So nothing is believed that was not asked for: where a command has an answer of its own, an `OK`
//! without it is one that came too late for an earlier command. Whoever sees an [`AtError::Lost`] must leave the line, for
//! answers may still be on their way.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::errors::{self, Meaning};
use super::report::{self, Report};

/// Longest line that is kept; a longer one is noise.
const LINE_OCTETS_MAX: usize = 2_048;
/// Reports that are kept until somebody asks for them.
const REPORTS_MAX: usize = 64;
/// Cancels a message that a modem waits for, left by whoever held the line before.
const ESCAPE: &[u8] = b"\x1B";
/// Ends a message.
const SUBSTITUTE: &str = "\x1A";
/// How long a line must be silent to be taken for settled.
const SETTLED: Duration = Duration::from_millis(150);

/// Why a command came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtError {
    /// The modem answered with an error.
    Refused {
        /// What to do about it.
        meaning: Meaning,
        /// Command and answer, for a person.
        what: String,
    },
    /// No answer, or no modem any more: what it did with the command is not known.
    Lost(String),
}

/// A modem at the other end of a stream.
#[derive(Debug)]
pub struct At<S> {
    stream: S,
    /// Octets of a line that is not whole yet.
    buffer: Vec<u8>,
    reports: VecDeque<Report>,
    /// The next line is a report's PDU.
    report_follows: bool,
    /// For each answer.
    timeout: Duration,
}

enum Heard {
    Line(String),
    /// The modem waits for a message.
    Prompt,
    /// A status report has come and is kept.
    Report,
}

impl<S: AsyncRead + AsyncWrite + Unpin> At<S> {
    /// Takes a stream; nothing is sent. `timeout` is for each answer of the modem itself.
    pub fn new(stream: S, timeout: Duration) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            reports: VecDeque::new(),
            report_follows: false,
            timeout,
        }
    }

    /// Finds out whether a modem listens, whatever state it was left in, and lets what it still had to say pass by.
    ///
    /// # Errors
    /// [`AtError::Lost`].
    pub async fn synchronise(&mut self) -> Result<(), AtError> {
        let give_up = Instant::now() + self.timeout;
        self.write(ESCAPE).await?;
        loop {
            self.write(b"AT\r").await?;
            let until = give_up.min(Instant::now() + self.timeout / 4);
            match timeout_at(until, self.final_ok()).await {
                Ok(Ok(())) => break,
                Ok(Err(AtError::Lost(why))) => return Err(AtError::Lost(why)),
                // An error of an earlier command, or silence: ask again.
                Ok(Err(AtError::Refused { .. })) | Err(_) if Instant::now() < give_up => {}
                Ok(Err(_)) | Err(_) => {
                    return Err(AtError::Lost(format!(
                        "no modem answers AT within {:?}; look at port and baud",
                        self.timeout
                    )));
                }
            }
        }
        let end = Instant::now() + self.timeout;
        while Instant::now() < end {
            match timeout_at(Instant::now() + SETTLED, self.hear(false)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => break,
            }
        }
        self.buffer.clear();
        Ok(())
    }

    async fn final_ok(&mut self) -> Result<(), AtError> {
        loop {
            if let Heard::Line(line) = self.hear(false).await?
                && let Some(result) = final_result("AT", &line)
            {
                return result;
            }
        }
    }

    /// Sends a command whose only answer is `OK`.
    ///
    /// # Errors
    /// [`AtError`]. Secrets in the command are not shown in it.
    pub async fn order(&mut self, command: &str) -> Result<(), AtError> {
        self.exchange(command, None, self.timeout).await.map(drop)
    }

    /// Sends a command whose answer begins with `prefix`, and gives what stands behind it.
    ///
    /// # Errors
    /// [`AtError`].
    pub async fn ask(&mut self, command: &str, prefix: &str) -> Result<String, AtError> {
        self.exchange(command, Some(prefix), self.timeout).await
    }

    /// Hands over a message: the command, the prompt, the PDU. Gives the reference of the message.
    ///
    /// # Errors
    /// `false` beside the error: the PDU was not handed over, so nothing was sent.
    pub async fn submit(
        &mut self,
        octets: usize,
        hex: &str,
        network_timeout: Duration,
    ) -> Result<u8, (bool, AtError)> {
        let command = format!("AT+CMGS={octets}");
        self.write(format!("{command}\r").as_bytes()).await.map_err(|e| (false, e))?;
        if let Err(error) = self.prompt(&command).await {
            // Where the prompt is only late, the modem must not take the next command for the message.
            if matches!(error, AtError::Lost(_)) {
                drop(self.write(ESCAPE).await);
            }
            return Err((false, error));
        }
        self.write(format!("{hex}{SUBSTITUTE}").as_bytes()).await.map_err(|e| (true, e))?;
        let said =
            self.answer(&command, Some("+CMGS:"), network_timeout).await.map_err(|e| (true, e))?;
        // Some modems add the service centre's time behind it.
        let reference = said.split(',').next().unwrap_or_default().trim();
        // Without a reference it is sent all the same, and no report will fit.
        Ok(reference.parse().unwrap_or_default())
    }

    async fn prompt(&mut self, command: &str) -> Result<(), AtError> {
        let until = Instant::now() + self.timeout;
        loop {
            match timeout_at(until, self.hear(true)).await {
                Ok(Ok(Heard::Prompt)) => return Ok(()),
                // An OK before the prompt belongs to an earlier command.
                Ok(Ok(Heard::Line(line))) => {
                    if let Some(Err(refused)) = final_result(command, &line) {
                        return Err(refused);
                    }
                }
                Ok(Ok(Heard::Report)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(silent(command, self.timeout)),
            }
        }
    }

    async fn exchange(
        &mut self,
        command: &str,
        prefix: Option<&str>,
        timeout: Duration,
    ) -> Result<String, AtError> {
        self.write(format!("{command}\r").as_bytes()).await?;
        self.answer(command, prefix, timeout).await
    }

    async fn answer(
        &mut self,
        command: &str,
        prefix: Option<&str>,
        timeout: Duration,
    ) -> Result<String, AtError> {
        let until = Instant::now() + timeout;
        let mut said: Option<String> = None;
        loop {
            let line = match timeout_at(until, self.hear(false)).await {
                Ok(Ok(Heard::Line(line))) => line,
                Ok(Ok(Heard::Prompt | Heard::Report)) => continue,
                Ok(Err(error)) => return Err(error),
                // The answer itself is here; only the word that ends it is missing.
                Err(_) => return Err(silent(command, timeout)),
            };
            if let Some(rest) = prefix.and_then(|prefix| line.strip_prefix(prefix)) {
                said.get_or_insert_with(|| rest.trim().to_owned());
                continue;
            }
            match final_result(command, &line) {
                Some(Err(refused)) => return Err(refused),
                Some(Ok(())) if prefix.is_none() => return Ok(String::new()),
                Some(Ok(())) => {
                    if let Some(said) = said {
                        return Ok(said);
                    }
                }
                None => {}
            }
        }
    }

    /// The next status report for which `wanted` holds, until `until`; others are dropped.
    ///
    /// # Errors
    /// [`AtError::Lost`].
    pub async fn report(
        &mut self,
        until: Instant,
        wanted: impl Fn(&Report) -> bool,
    ) -> Result<Option<Report>, AtError> {
        loop {
            while let Some(report) = self.reports.pop_front() {
                if wanted(&report) {
                    return Ok(Some(report));
                }
            }
            match timeout_at(until, self.hear(false)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => return Ok(None),
            }
        }
    }

    /// Forgets reports of earlier messages.
    pub fn forget_reports(&mut self) {
        self.reports.clear();
    }

    async fn write(&mut self, octets: &[u8]) -> Result<(), AtError> {
        let write = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(self.timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(AtError::Lost(format!("the port failed: {error}"))),
            Err(_) => Err(AtError::Lost(format!("the port takes nothing for {:?}", self.timeout))),
        }
    }

    /// The next line that is not empty, or a prompt where one may come. It can be dropped between two octets without loss.
    async fn hear(&mut self, prompt: bool) -> Result<Heard, AtError> {
        loop {
            while let Some(end) =
                self.buffer.iter().position(|octet| matches!(octet, b'\r' | b'\n'))
            {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if let Some(heard) = self.line(&line)? {
                    return Ok(heard);
                }
            }
            if prompt && self.buffer.trim_ascii_end().last() == Some(&b'>') {
                self.buffer.clear();
                return Ok(Heard::Prompt);
            }
            if self.buffer.len() > LINE_OCTETS_MAX {
                self.buffer.clear();
            }
            let mut octets = [0; 512];
            match self.stream.read(&mut octets).await {
                Ok(0) => return Err(AtError::Lost("the modem is gone".to_owned())),
                Ok(count) => self.buffer.extend_from_slice(&octets[..count]),
                Err(error) => return Err(AtError::Lost(format!("the port failed: {error}"))),
            }
        }
    }

    /// What a line means for whoever waits; reports are kept aside.
    fn line(&mut self, octets: &[u8]) -> Result<Option<Heard>, AtError> {
        let text = String::from_utf8_lossy(octets);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        if text.is_empty() {
            return Ok(None);
        }
        if std::mem::take(&mut self.report_follows)
            && let Some(report) = report::read(text)
        {
            if self.reports.len() == REPORTS_MAX {
                self.reports.pop_front();
            }
            self.reports.push_back(report);
            return Ok(Some(Heard::Report));
        }
        if text.starts_with("+CDS:") {
            self.report_follows = true;
            return Ok(None);
        }
        if GREETINGS.contains(&text) {
            return Err(AtError::Lost(format!("the modem has started anew ({text})")));
        }
        Ok(Some(Heard::Line(text.to_owned())))
    }
}

/// What modems say after a reset: every setting is gone.
const GREETINGS: [&str; 4] = ["RDY", "^SYSSTART", "START", "APP RDY"];

fn silent(command: &str, timeout: Duration) -> AtError {
    AtError::Lost(format!("no answer to {} within {timeout:?}", shown(command)))
}

/// The result that ends an answer, where the line is one.
fn final_result(command: &str, line: &str) -> Option<Result<(), AtError>> {
    let refused = |meaning, words: &str| {
        let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
        let what = format!("{}: {line}{words}", shown(command));
        Some(Err(AtError::Refused { meaning, what }))
    };
    if line == "OK" {
        return Some(Ok(()));
    }
    if line == "ERROR" || line.starts_with("COMMAND NOT SUPPORT") {
        return refused(Meaning::Later, "");
    }
    let (code, of_messages) = line
        .strip_prefix("+CMS ERROR:")
        .map(|code| (code, true))
        .or_else(|| line.strip_prefix("+CME ERROR:").map(|code| (code, false)))?;
    match code.trim().parse() {
        Ok(code) => {
            let (meaning, words) = if of_messages { errors::cms(code) } else { errors::cme(code) };
            refused(meaning, words)
        }
        // Words in place of a number: they are for a person.
        Err(_) => refused(Meaning::Later, ""),
    }
}

/// A command without the PIN that may stand in it.
fn shown(command: &str) -> &str {
    command
        .split_once("=\"")
        .filter(|(name, _)| *name == "AT+CPIN")
        .map_or(command, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::channel::Refusal;

    const SHORT: Duration = Duration::from_millis(200);

    /// A line on which the modem has already said `said`, and the modem's end of it.
    async fn line(said: &[u8]) -> (At<DuplexStream>, DuplexStream) {
        let (ours, mut theirs) = duplex(4_096);
        theirs.write_all(said).await.unwrap();
        (At::new(ours, SHORT), theirs)
    }

    #[tokio::test]
    async fn what_was_not_asked_for_is_passed_over() {
        let said = b"AT+CSQ\r\r\nRING\r\n\r\nOK\r\n\0\xFF\r\n+CREG: 1\r\n+CSQ: 21,99\r\n+CMTI: \"SM\",3\r\n\r\nOK\r\n";
        let (mut at, _modem) = line(said).await;
        assert_eq!(at.ask("AT+CSQ", "+CSQ:").await, Ok("21,99".to_owned()));
        let (mut at, _modem) = line(b"\r\nRING\r\n").await;
        assert!(matches!(at.order("ATE0").await, Err(AtError::Lost(_))));
    }

    #[tokio::test]
    async fn an_answer_may_come_in_any_pieces() {
        let said = b"\r\n+CSQ: 9,99\r\n\r\nOK\r\n";
        for cut in 0..said.len() {
            let (mut at, mut modem) = line(&said[..cut]).await;
            let rest = async {
                tokio::time::sleep(SHORT / 10).await;
                modem.write_all(&said[cut..]).await.unwrap();
                modem
            };
            let (answer, _modem) = tokio::join!(at.ask("AT+CSQ", "+CSQ:"), rest);
            assert_eq!(answer, Ok("9,99".to_owned()), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_message_is_handed_over_behind_the_prompt_only() {
        let (mut at, mut modem) = line(b"\r\nOK\r\n\r\n> ").await;
        let answer = async {
            let mut taken = vec![0; 11 + 5];
            modem.read_exact(&mut taken).await.unwrap();
            assert_eq!(taken, b"AT+CMGS=18\r0011\x1A");
            modem.write_all(b"0011\r\nOK\r\n+CMGS: 42\r\n\r\nOK\r\n").await.unwrap();
            modem
        };
        let (reference, _modem) = tokio::join!(at.submit(18, "0011", SHORT), answer);
        assert_eq!(reference, Ok(42));

        let (mut at, mut modem) = line(b"\r\n+CMS ERROR: 500\r\n> ").await;
        let Err((false, AtError::Refused { meaning: Meaning::Later, what })) =
            at.submit(18, "0011", SHORT).await
        else {
            panic!("it was taken");
        };
        assert_eq!(what, "AT+CMGS=18: +CMS ERROR: 500 (the modem gives no reason)");
        drop(at);
        let mut all = Vec::new();
        modem.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"AT+CMGS=18\r");
    }

    #[tokio::test]
    async fn a_late_prompt_is_cancelled() {
        let (mut at, mut modem) = line(b"").await;
        assert!(matches!(at.submit(18, "0011", SHORT).await, Err((false, AtError::Lost(_)))));
        drop(at);
        let mut all = Vec::new();
        modem.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"AT+CMGS=18\r\x1B");
    }

    #[tokio::test]
    async fn silence_after_the_message_is_told_apart_from_silence_before() {
        let (mut at, _modem) = line(b"> ").await;
        assert!(matches!(at.submit(18, "0011", SHORT).await, Err((true, AtError::Lost(_)))));
        // An OK alone confirms nothing.
        let (mut at, mut modem) = line(b"> ").await;
        let answer = async {
            tokio::time::sleep(SHORT / 10).await;
            modem.write_all(b"\r\nOK\r\n").await.unwrap();
            modem
        };
        let (result, _modem) = tokio::join!(at.submit(18, "0011", SHORT), answer);
        assert!(matches!(result, Err((true, AtError::Lost(_)))), "{result:?}");
    }

    #[tokio::test]
    async fn reports_in_the_middle_are_kept_and_sorted_out() {
        let report = "07917283010010F5062A0D91683108108300F0621125121430236211251214402300";
        let said = format!("+CDS: 25\r\n{report}\r\n+CSQ: 9,99\r\n+CDS: 25\r\nrubbish\r\nOK\r\n");
        let (mut at, _modem) = line(said.as_bytes()).await;
        at.ask("AT+CSQ", "+CSQ:").await.unwrap();
        let until = Instant::now() + SHORT;
        assert_eq!(at.report(until, |report| report.reference == 1).await, Ok(None));
        let (mut at, _modem) = line(format!("+CDS: 25\r\n\r\n{report}\r\n").as_bytes()).await;
        let found = at.report(until + SHORT, |report| report.reference == 42).await.unwrap();
        assert_eq!(found.unwrap().to, "8613800138000");
    }

    #[tokio::test]
    async fn endless_noise_and_a_reset_end_the_wait() {
        let (mut at, mut modem) = line(b"").await;
        let noise = async {
            while modem.write_all(&[b'x'; 1_000]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let ordered = async {
            let result = at.order("ATE0").await;
            assert!(at.buffer.len() <= LINE_OCTETS_MAX + 512);
            drop(at);
            result
        };
        let (result, ()) = tokio::join!(ordered, noise);
        assert!(matches!(result, Err(AtError::Lost(_))));
        let (mut at, _modem) = line(b"\r\nRDY\r\n").await;
        let Err(AtError::Lost(why)) = at.order("ATE0").await else { panic!("it was taken") };
        assert!(why.contains("started anew"), "{why}");
    }

    #[tokio::test]
    async fn errors_have_words_and_no_pin() {
        for (line_, command, meaning, words) in [
            (
                "+CME ERROR: 16",
                "AT+CPIN=\"1234\"",
                Meaning::Refused(Refusal::Credentials),
                "AT+CPIN: +CME ERROR: 16 (the PIN is wrong)",
            ),
            ("+CME ERROR: SIM busy", "AT+CPIN?", Meaning::Later, "AT+CPIN?: +CME ERROR: SIM busy"),
            ("ERROR", "AT+CSMS=0", Meaning::Later, "AT+CSMS=0: ERROR"),
        ] {
            let (mut at, _modem) = line(format!("\r\n{line_}\r\n").as_bytes()).await;
            let what = words.to_owned();
            assert_eq!(at.order(command).await, Err(AtError::Refused { meaning, what }));
        }
    }
}
