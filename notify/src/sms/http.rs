//! Short messages by a provider's HTTP interface, whichever it is: configuration says what to send and what its answers mean.
//!
//! What is sent is written as names and values, never as one text with holes in it: a value is encoded for where it stands,
//! so a quotation mark in the name of a tank cannot break a body. What answers mean is read in [`super::answer`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Uri};
use serde_json::Value;

use super::answer::{Call, Rules};
use super::length::fit_beside;
use super::percent;
use crate::channel::{Channel, Clock, Probe, Receipt, Refusal, SendError};
use crate::http::{HttpClient, HttpRequest, place};
use crate::message::{Address, Kind, Message, Phone, WebhookUrl};
use crate::secret::{Secret, SecretSource};
use crate::template::Template;
use crate::tls;

/// The placeholders of values, with their meaning.
pub const FIELDS: [(&str, &str); 6] = [
    ("phone", "number of the recipient, as `number` says"),
    ("text", "text of the message, cut to `parts_max` parts"),
    ("message_id", "id of the message, the same at every try"),
    ("colour", "red, orange, yellow or blue"),
    ("language", "zh or en"),
    ("secret", "what `secret_file` or `secret_env` holds"),
];

/// A value with placeholders of [`FIELDS`].
///
/// # Errors
/// [`crate::template::TemplateError`].
pub fn template(text: &str) -> Result<Template, crate::template::TemplateError> {
    Template::with_fields(text, &FIELDS.map(|(name, _)| name))
}

/// What the provider's interface looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSmsConfig {
    /// Name, for logs and pages.
    pub name: String,
    /// GET, POST or PUT.
    pub method: Method,
    /// Where to, with what stays the same of the query.
    pub url: WebhookUrl,
    /// Added to the query.
    pub query: Vec<(String, Template)>,
    /// Headers.
    pub headers: Vec<(HeaderName, Template)>,
    /// What is sent behind the headers.
    pub body: Body,
    /// How the provider wants numbers.
    pub number: Number,
    /// Most parts that a text may take; it is cut to them.
    pub parts_max: usize,
    /// Key or password, where the provider wants one.
    pub secret: Option<SecretSource>,
    /// What answers mean.
    pub rules: Rules,
    /// Authorities to trust (PEM), where they are not those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// For connecting and, anew, for the answer.
    pub timeout: Duration,
}

/// A request's body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// `application/json`.
    Json(Json),
}

/// JSON whose texts have placeholders.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// A text to be filled.
    Text(Template),
    /// Number, boolean or null: stays.
    Fixed(Value),
    /// In order.
    List(Vec<Json>),
    /// By name.
    Object(BTreeMap<String, Json>),
}

/// How a provider writes a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// `13800138000`: China's without the country's code, others with it and without `+`.
    National,
    /// `+8613800138000`; a number that names no country is China's.
    International,
    /// As international, without `+`.
    Digits,
}

impl Number {
    fn write(self, phone: &Phone) -> String {
        let full = || match phone.is_international() {
            true => phone.digits().to_owned(),
            false => format!("86{}", phone.digits()),
        };
        match self {
            Self::National => phone.national().to_owned(),
            Self::International => format!("+{}", full()),
            Self::Digits => full(),
        }
    }
}

/// Sends short messages by one provider.
pub struct HttpSms {
    config: HttpSmsConfig,
    secret: Option<Secret>,
    http: HttpClient,
    clock: Clock,
}

impl HttpSms {
    /// Reads the secret and the authorities.
    ///
    /// # Errors
    /// A sentence that names the file or variable.
    pub fn new(config: &HttpSmsConfig, clock: Clock) -> Result<Self, String> {
        let secret = config.secret.as_ref().map(SecretSource::read).transpose()?;
        let http = HttpClient::new(tls::client_config(config.ca_file.as_deref())?, config.timeout);
        Ok(Self { config: config.clone(), secret, http, clock })
    }

    fn request(&self, message: &Message, phone: &Phone) -> Result<HttpRequest, String> {
        let config = &self.config;
        let fill = |template: &Template| self.filled(template, message, phone);
        let all = |pairs: &[(String, Template)]| {
            percent::pairs(pairs.iter().map(|(name, value)| (name.as_str(), fill(value))))
        };
        let mut headers = Vec::new();
        for (name, value) in &config.headers {
            let value = fill(value);
            let mut value = HeaderValue::from_str(&value)
                .ok()
                .filter(|_| value.is_ascii())
                .ok_or_else(|| format!("the header {name} takes printable ASCII only"))?;
            value.set_sensitive(true);
            headers.push((name.clone(), value));
        }
        let (kind, body) = match &config.body {
            Body::None => (None, Vec::new()),
            Body::Form(pairs) => {
                (Some("application/x-www-form-urlencoded"), all(pairs).into_bytes())
            }
            Body::Json(json) => {
                (Some("application/json"), json.fill(&fill).to_string().into_bytes())
            }
        };
        // A content type of the configuration's own goes before ours.
        if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name == CONTENT_TYPE)) {
            headers.push((CONTENT_TYPE, HeaderValue::from_static(kind)));
        }
        let url = with_query(&config.url, &all(&config.query))?;
        Ok(HttpRequest { method: config.method.clone(), url, headers, body })
    }

    fn filled(&self, template: &Template, message: &Message, phone: &Phone) -> String {
        let with_text = |text: &str| {
            template.render(|name| match name {
                "phone" => self.config.number.write(phone),
                "text" => text.to_owned(),
                "message_id" => message.id.to_string(),
                "colour" => message.colour.code().to_owned(),
                "language" => message.language.code().to_owned(),
                _ => self.secret.as_ref().map_or_else(String::new, |s| s.expose().to_owned()),
            })
        };
        // What stands around the text is sent and paid for as well.
        let around = with_text("").encode_utf16().count();
        with_text(&fit_beside(around, &message.text, self.config.parts_max))
    }
}

impl Json {
    fn fill(&self, fill: &impl Fn(&Template) -> String) -> Value {
        match self {
            Self::Text(template) => Value::String(fill(template)),
            Self::Fixed(value) => value.clone(),
            Self::List(list) => list.iter().map(|json| json.fill(fill)).collect(),
            Self::Object(object) => {
                object.iter().map(|(name, json)| (name.clone(), json.fill(fill))).collect()
            }
        }
    }
}

fn with_query(url: &WebhookUrl, query: &str) -> Result<Uri, String> {
    if query.is_empty() {
        return Ok(url.uri());
    }
    let glue = if url.uri().query().is_some() { '&' } else { '?' };
    format!("{}{glue}{query}", url.as_str())
        .parse()
        .map_err(|e| format!("the query does not fit behind the URL: {e}"))
}

#[async_trait]
impl Channel for HttpSms {
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
        let request = self
            .request(message, phone)
            .map_err(|what| SendError::refused(Refusal::Configuration, what))?;
        let Self { config, secret, http, clock } = self;
        let call = Call { request, rules: &config.rules, phone, secret: secret.as_ref() };
        call.make(http, clock).await
    }

    async fn probe(&self) -> Result<Probe, SendError> {
        let url = self.config.url.uri();
        self.http.reach(&url).await?;
        let saw = format!(
            "{} can be reached; only a message shows whether it takes the key",
            place(&url)
        );
        Ok(Probe { saw, at: (self.clock)() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_the_provider_wants_it() {
        for (given, national, international, digits) in [
            ("13800138000", "13800138000", "+8613800138000", "8613800138000"),
            ("+8613800138000", "13800138000", "+8613800138000", "8613800138000"),
            ("+85298765432", "85298765432", "+85298765432", "85298765432"),
        ] {
            let phone = Phone::new(given).unwrap();
            assert_eq!(Number::National.write(&phone), national);
            assert_eq!(Number::International.write(&phone), international);
            assert_eq!(Number::Digits.write(&phone), digits);
        }
    }
}
