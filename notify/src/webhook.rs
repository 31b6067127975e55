//! Messages to a third party's program: signed JSON by POST. `docs/protocols/webhook.md` tells receivers what comes and how
//! to check it.
//!
//! One configured webhook has one secret and one place: an address outside of that place is refused, because its owner
//! would learn to sign for the other. The body is the same at every try, the time in the signature is not.

use std::path::PathBuf;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use aws_lc_rs::hmac;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use serde_json::json;

use crate::channel::{Channel, Clock, Probe, Receipt, Refusal, SendError};
use crate::http::{Answer, HttpClient, HttpRequest, place};
use crate::message::{Address, Kind, Message, WebhookUrl};
use crate::secret::{Secret, SecretSource};
use crate::tls;

/// Header with time and signature.
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-anlan-signature");
/// Header with the message's id, the same at every try.
pub const MESSAGE_ID: HeaderName = HeaderName::from_static("x-anlan-message-id");
/// How far the time of a signature may lie from the receiver's clock, in seconds: an older one is a replay.
pub const REPLAY_WINDOW_S: i64 = 300;

/// One place that takes webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Name, for logs and pages.
    pub name: String,
    /// The place: addresses at it and below it are taken, others refused.
    pub url: WebhookUrl,
    /// What the signature is made with; the receiver has the same.
    pub secret: SecretSource,
    /// Authorities to trust (PEM), where they are not those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// For connecting and, anew, for the answer.
    pub timeout: Duration,
}

/// Posts messages to one place.
pub struct Webhook {
    name: String,
    place: WebhookUrl,
    secret: Secret,
    http: HttpClient,
    clock: Clock,
}

impl Webhook {
    /// Reads the secret and the authorities.
    ///
    /// # Errors
    /// A sentence that names the file or variable.
    pub fn new(config: &WebhookConfig, clock: Clock) -> Result<Self, String> {
        let tls = tls::client_config(config.ca_file.as_deref())?;
        Ok(Self {
            name: config.name.clone(),
            place: config.url.clone(),
            secret: config.secret.read()?,
            http: HttpClient::new(tls, config.timeout),
            clock,
        })
    }
}

/// The body that is posted: the same bytes for the same message.
#[must_use]
pub fn body(message: &Message) -> Vec<u8> {
    let body = json!({
        "id": message.id,
        "colour": message.colour,
        "language": message.language,
        "subject": message.subject,
        "text": message.text,
        "facts": message.facts,
    });
    body.to_string().into_bytes()
}

/// The value of [`SIGNATURE`]: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 over `SECONDS`, a dot and the body.
#[must_use]
pub fn signature(secret: &Secret, at: UtcMillis, body: &[u8]) -> String {
    let seconds = at.0.div_euclid(1_000);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[async_trait]
impl Channel for Webhook {
    fn kind(&self) -> Kind {
        Kind::Webhook
    }

    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let Address::Webhook(url) = &message.to else {
            return Err(SendError::wrong_kind(Kind::Webhook, message));
        };
        if !lies_below(&url.uri(), &self.place.uri()) {
            let what = format!(
                "the address lies outside of {:?}, for which the secret of {} is meant",
                self.place, self.name
            );
            return Err(SendError::refused(Refusal::Recipient, what));
        }
        let body = body(message);
        let signature = signature(&self.secret, (self.clock)(), &body);
        let text = |value: &str| {
            HeaderValue::from_str(value).expect("ids and signatures are visible ASCII")
        };
        let request = HttpRequest {
            method: Method::POST,
            url: url.uri(),
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (MESSAGE_ID, text(message.id.as_str())),
                (SIGNATURE, text(&signature)),
            ],
            body,
        };
        let answer = self.http.call(request).await?;
        self.judge(&answer, &url.uri())
    }

    async fn probe(&self) -> Result<Probe, SendError> {
        let url = self.place.uri();
        self.http.reach(&url).await?;
        let saw = format!(
            "{} can be reached; only a message shows whether it takes the signature",
            place(&url)
        );
        Ok(Probe { saw, at: (self.clock)() })
    }
}

impl Webhook {
    fn judge(&self, answer: &Answer, url: &Uri) -> Result<Receipt, SendError> {
        let what = format!("{}: {}", place(url), answer.said());
        let refused = |reason| Err(SendError::refused(reason, what.clone()));
        match answer.status {
            // The status alone counts: a body that breaks off changes nothing about what was taken.
            status if status.is_success() => Ok(Receipt {
                provider_id: None,
                said: answer.said(),
                at: (self.clock)(),
                delivery: None,
            }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused(Refusal::Credentials),
            StatusCode::NOT_FOUND | StatusCode::GONE => refused(Refusal::Recipient),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => {
                Err(SendError::Later { what, retry_after: answer.retry_after() })
            }
            status if status.is_redirection() => Err(SendError::refused(
                Refusal::Configuration,
                format!("{what}; redirects are not followed, write the URL that it leads to"),
            )),
            status if status.is_client_error() => refused(Refusal::Content),
            _ => Err(SendError::Later { what, retry_after: answer.retry_after() }),
        }
    }
}

/// Whether `url` is `place` or lies below it: same scheme and authority, and its path goes on where the other ends.
pub(crate) fn lies_below(url: &Uri, place: &Uri) -> bool {
    let same = |a: Option<&str>, b: Option<&str>| match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    };
    let authority = |uri: &Uri| uri.authority().map(|a| a.as_str().to_owned());
    let folder = place.path().trim_end_matches('/');
    same(url.scheme_str(), place.scheme_str())
        && same(authority(url).as_deref(), authority(place).as_deref())
        && url
            .path()
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_outside_of_the_configured_place_is_known() {
        let place: Uri = "https://a.example/hook".parse().unwrap();
        for (url, below) in [
            ("https://a.example/hook", true),
            ("https://A.example/hook/zhang?x=1", true),
            ("https://a.example/hook?x=1", true),
            ("https://a.example/hooks", false),
            ("https://a.example/", false),
            ("http://a.example/hook", false),
            ("https://a.example:444/hook", false),
            ("https://a.example.evil/hook", false),
        ] {
            assert_eq!(lies_below(&url.parse().unwrap(), &place), below, "{url}");
        }
    }
}
