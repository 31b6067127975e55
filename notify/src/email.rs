//! Messages by e-mail, one connection for each.
//!
//! The conversation is led command by command, because only who knows which command failed can say what became of the
//! message: until the text is on its way nothing was sent, and when the connection ends between the text and the server's
//! answer it may have arrived. Mail that is sent to one address has one recipient, so one answer is about one person.

mod letter;
mod one_reply;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;

use self::one_reply::OneReply;
use self::verdict::Stage;
use crate::channel::{Channel, Clock, Probe, Receipt, Refusal, SendError, shortened};
use crate::message::{Address, Kind, Mailbox, Message};
use crate::secret::{Secret, SecretSource};
use crate::tls;

/// Longest wait for a farewell: the message is taken, and nobody depends on it.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// How the way to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314), usually port 465.
    Tls,
    /// TLS after `STARTTLS`, usually port 587. A server that does not offer it is left at once: whoever sits on the way
    /// could have taken the offer out.
    StartTls,
    /// None. Text and password can be read on the way.
    Plain,
}

/// One mail server and our account there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailConfig {
    /// Name, for logs and pages.
    pub name: String,
    /// The server's name, as in its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub security: Security,
    /// Name and password of the account, where the server wants one.
    pub sign_in: Option<SignIn>,
    /// Whom the mail comes from; its domain is also that of message ids.
    pub from: Mailbox,
    /// The name beside it.
    pub from_name: Option<String>,
    /// What this host calls itself; some servers want a name that can be looked up.
    pub hello: Option<String>,
    /// Authorities to trust (PEM), where they are not those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// For each step of the conversation; there are at most eight.
    pub timeout: Duration,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its name.
    pub user: String,
    /// Where its password is kept.
    pub password: SecretSource,
}

/// Sends mail through one server.
pub struct Email {
    config: EmailConfig,
    password: Option<Secret>,
    tls: Option<TlsParameters>,
    hello: ClientId,
    clock: Clock,
}

impl Email {
    /// Reads the password and the authorities.
    ///
    /// # Errors
    /// A sentence that names the file or variable.
    pub fn new(config: &EmailConfig, clock: Clock) -> Result<Self, String> {
        let password = config.sign_in.as_ref().map(|s| s.password.read()).transpose()?;
        let tls = match config.security {
            Security::Plain => None,
            Security::Tls | Security::StartTls => Some(tls_parameters(config)?),
        };
        let hello = config.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        Ok(Self { config: config.clone(), password, tls, hello, clock })
    }

    fn place(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    /// Waits for one step. `Err` when it failed or took too long, told for what it means at this stage.
    async fn step<T>(
        &self,
        stage: Stage,
        step: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<T, SendError> {
        match tokio::time::timeout(self.config.timeout, step).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(verdict::failed(stage, &self.place(), &error)),
            Err(_) => Err(verdict::silent(stage, &self.place(), self.config.timeout)),
        }
    }

    /// Connected, protected as configured, and signed in.
    async fn signed_in(&self) -> Result<AsyncSmtpConnection, SendError> {
        let mut connection = match (self.config.security, &self.tls) {
            (Security::Tls, Some(tls)) => {
                let server = (self.config.host.as_str(), self.config.port);
                let connecting = AsyncSmtpConnection::connect_tokio1(
                    server,
                    None,
                    &self.hello,
                    Some(tls.clone()),
                    None,
                );
                self.step(Stage::Greeting, connecting).await?
            }
            (_, tls) => {
                let stream = OneReply::new(self.connect().await?);
                let greeting =
                    AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello);
                let mut connection = self.step(Stage::Greeting, greeting).await?;
                if let Some(tls) = tls {
                    self.start_tls(&mut connection, tls.clone()).await?;
                }
                connection
            }
        };
        if let (Some(sign_in), Some(password)) = (&self.config.sign_in, &self.password) {
            self.sign_in(&mut connection, &sign_in.user, password).await?;
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<TcpStream, SendError> {
        let server = (self.config.host.as_str(), self.config.port);
        match tokio::time::timeout(self.config.timeout, TcpStream::connect(server)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(e)) => Err(SendError::later(format!("cannot connect to {}: {e}", self.place()))),
            Err(_) => Err(verdict::silent(Stage::Greeting, &self.place(), self.config.timeout)),
        }
    }

    async fn start_tls(
        &self,
        connection: &mut AsyncSmtpConnection,
        tls: TlsParameters,
    ) -> Result<(), SendError> {
        if !connection.can_starttls() {
            let what = format!(
                "{} does not offer STARTTLS; use security = \"tls\" with its port, or have STARTTLS switched on there",
                self.place()
            );
            return Err(SendError::refused(Refusal::Configuration, what));
        }
        self.step(Stage::StartTls, connection.starttls(tls, &self.hello)).await
    }

    async fn sign_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        user: &str,
        password: &Secret,
    ) -> Result<(), SendError> {
        if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            let what = format!(
                "{} offers neither AUTH PLAIN nor AUTH LOGIN on this connection; many servers do only under TLS",
                self.place()
            );
            return Err(SendError::refused(Refusal::Configuration, what));
        }
        let credentials = Credentials::new(user.to_owned(), password.expose().to_owned());
        self.step(Stage::SignIn, connection.auth(DEFAULT_MECHANISMS, &credentials)).await.map(drop)
    }

    /// The server's answer to the whole message.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &Mailbox,
        message: &Message,
    ) -> Result<Response, SendError> {
        let (from, letter) = letter::write(&self.config, message, to, (self.clock)())
            .map_err(|what| SendError::refused(Refusal::Content, what))?;
        let to_address =
            letter::address(to).map_err(|what| SendError::refused(Refusal::Recipient, what))?;
        let mut options = Vec::new();
        if !to.as_str().is_ascii() || !self.config.from.as_str().is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let what = format!("{} takes no addresses beyond ASCII (SMTPUTF8)", self.place());
                return Err(SendError::refused(Refusal::Recipient, what));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let sender = connection.command(Mail::new(Some(from), options));
        self.step(Stage::Sender, sender).await?;
        let recipient = connection.command(Rcpt::new(to_address, Vec::new()));
        self.step(Stage::Recipient, recipient).await?;
        let go_on = self.step(Stage::Data, connection.command(Data)).await?;
        if !go_on.has_code(354) {
            let what = format!("{} answered {} to DATA", self.place(), go_on.code());
            return Err(SendError::later(what));
        }
        let taken = self.step(Stage::Letter, connection.message(&letter)).await?;
        if u16::from(taken.code()) / 100 != 2 {
            let what = format!("{} answered {} to the message", self.place(), taken.code());
            return Err(SendError::unknown(what));
        }
        Ok(taken)
    }

    /// The message is already taken or refused: how the server answers changes nothing, and so is not looked at.
    async fn say_farewell(mut connection: AsyncSmtpConnection) {
        drop(tokio::time::timeout(FAREWELL_MAX, connection.quit()).await);
    }
}

#[async_trait]
impl Channel for Email {
    fn kind(&self) -> Kind {
        Kind::Email
    }

    fn name(&self) -> &str {
        &self.config.name
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let Address::Email(to) = &message.to else {
            return Err(SendError::wrong_kind(Kind::Email, message));
        };
        let mut connection = self.signed_in().await?;
        let taken = self
            .hand_over(&mut connection, to, message)
            .await
            .map_err(|error| verdict::without_address(error, to))?;
        let at = (self.clock)();
        Self::say_farewell(connection).await;
        Ok(receipt(&taken, at))
    }

    async fn probe(&self) -> Result<Probe, SendError> {
        let connection = self.signed_in().await?;
        let at = (self.clock)();
        Self::say_farewell(connection).await;
        let saw = match (&self.config.sign_in, self.config.security) {
            (Some(_), Security::Plain) => "greets and takes the password, which went unprotected",
            (Some(_), _) => "greets over TLS and takes the password",
            (None, Security::Plain) => "greets",
            (None, _) => "greets over TLS",
        };
        let saw =
            format!("{} {saw}; only a message shows whether it takes the sender", self.place());
        Ok(Probe { saw, at })
    }
}

fn tls_parameters(config: &EmailConfig) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(file) = &config.ca_file {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in tls::certificates(file)? {
            let certificate = Certificate::from_der(certificate.to_vec())
                .map_err(|e| format!("a certificate in {} is of no use: {e}", file.display()))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build_rustls().map_err(|e| match &config.ca_file {
        Some(file) => format!("a certificate in {} is of no use: {e}", file.display()),
        None => format!("cannot set up TLS: {e}"),
    })
}

fn receipt(taken: &Response, at: UtcMillis) -> Receipt {
    let said = taken.message().collect::<Vec<_>>().join(" ");
    Receipt {
        provider_id: queue_id(&said).map(str::to_owned),
        said: shortened(&format!("{} {said}", taken.code())),
        at,
        delivery: None,
    }
}

/// The number in the server's queue, by which its log can be searched: Postfix says `queued as X`, Exim `id=X`. There is no
/// standard for it.
fn queue_id(said: &str) -> Option<&str> {
    let after =
        said.split_once("queued as ").or_else(|| said.split_once("id=")).map(|(_, after)| after)?;
    let id = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next()?;
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_in_the_queue_is_found_where_there_is_one() {
        for (said, id) in [
            ("2.0.0 Ok: queued as 4F1B22C0A1", Some("4F1B22C0A1")),
            ("OK id=1rN2Xy-0003Kq-1A", Some("1rN2Xy-0003Kq-1A")),
            ("Message accepted for delivery", None),
            ("queued as ", None),
        ] {
            assert_eq!(queue_id(said), id, "{said}");
        }
    }
}
