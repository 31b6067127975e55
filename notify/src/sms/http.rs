//! Short messages by a provider's HTTP interface, whichever it is: configuration says what to send and what its answers mean.
//!
//! What is sent is written as names and values, never as one text with holes in it: a value is encoded for where it stands,
//! so a quotation mark in the name of a tank cannot break a body. An answer that was not foreseen is never taken for
//! success, because a message that is believed sent is not sent again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use serde_json::Value;

use super::length::fit_beside;
use super::percent;
use crate::channel::{Channel, Clock, Probe, Receipt, Refusal, SendError};
use crate::http::{Answer, HttpClient, HttpRequest, place};
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

/// What the provider's answers mean. Places are JSON pointers (RFC 6901), as `/data/0/id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Statuses that may mean success; none stands for 200 to 299.
    pub success_status: Vec<u16>,
    /// Where the provider's code is. Without it the status alone decides.
    pub code: Option<String>,
    /// Codes that mean success; with `code` at least one.
    pub success: Vec<String>,
    /// Codes that mean too much or too busy: later.
    pub throttled: Vec<String>,
    /// Codes that mean a number that cannot be reached.
    pub bad_number: Vec<String>,
    /// Codes that mean that text, template or signature name is not accepted.
    pub content: Vec<String>,
    /// Codes that mean a wrong key.
    pub credentials: Vec<String>,
    /// Codes that mean no money or a stopped account.
    pub account: Vec<String>,
    /// Where the provider's id of the message is.
    pub id: Option<String>,
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
        let mut answer = self.http.call(request).await?;
        let judged = judge(&self.config.rules, &answer);
        // Before it is shortened: half of a key is too much as well.
        answer.body = self.without_secrets(&answer.body, phone);
        let said = answer.said();
        let what = format!("{}: {said}", place(&self.config.url.uri()));
        match judged {
            Judged::Sent { id } => {
                Ok(Receipt { provider_id: id, said, at: (self.clock)(), delivery: None })
            }
            Judged::Refused(reason) => Err(SendError::refused(reason, what)),
            Judged::Later => Err(SendError::Later { what, retry_after: answer.retry_after() }),
            Judged::Unknown(why) => Err(SendError::unknown(format!("{what} ({why})"))),
        }
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

impl HttpSms {
    /// Providers like to repeat what they were sent, and receipts and errors end in logs.
    fn without_secrets(&self, body: &[u8], phone: &Phone) -> Vec<u8> {
        let mut said = String::from_utf8_lossy(body).into_owned();
        if let Some(secret) = &self.secret {
            said = said.replace(secret.expose(), "(secret)");
        }
        said.replace(phone.national(), &format!("{phone:?}")).into_bytes()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Sent { id: Option<String> },
    Refused(Refusal),
    Later,
    Unknown(&'static str),
}

pub(super) fn judge(rules: &Rules, answer: &Answer) -> Judged {
    let status = answer.status;
    let may_succeed = match rules.success_status.as_slice() {
        [] => status.is_success(),
        some => some.contains(&status.as_u16()),
    };
    // A body that broke off may still be whole JSON by chance; then it says what it says.
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let at = |pointer: &Option<String>| {
        json.as_ref()
            .zip(pointer.as_ref())
            .and_then(|(json, pointer)| scalar(json.pointer(pointer)?))
    };
    let code = at(&rules.code);
    let is_one_of = |codes: &[String]| code.as_ref().is_some_and(|code| codes.contains(code));
    for (codes, judged) in [
        (&rules.throttled, Judged::Later),
        (&rules.bad_number, Judged::Refused(Refusal::Recipient)),
        (&rules.content, Judged::Refused(Refusal::Content)),
        (&rules.credentials, Judged::Refused(Refusal::Credentials)),
        (&rules.account, Judged::Refused(Refusal::Account)),
    ] {
        if is_one_of(codes) {
            return judged;
        }
    }
    if !may_succeed {
        return by_status(status);
    }
    match (&rules.code, code.is_some()) {
        (None, _) => Judged::Sent { id: at(&rules.id) },
        (Some(_), true) if is_one_of(&rules.success) => Judged::Sent { id: at(&rules.id) },
        // The provider says no for a reason that the configuration does not list.
        (Some(_), true) => Judged::Later,
        (Some(_), false) => Judged::Unknown("there is no code where it should be"),
    }
}

fn by_status(status: StatusCode) -> Judged {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Judged::Refused(Refusal::Credentials),
        StatusCode::PAYMENT_REQUIRED => Judged::Refused(Refusal::Account),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => {
            Judged::Later
        }
        StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => Judged::Refused(Refusal::Configuration),
        status if status.is_redirection() => Judged::Refused(Refusal::Configuration),
        status if status.is_client_error() => Judged::Refused(Refusal::Content),
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            Judged::Unknown("what stands before the provider does not know either")
        }
        status if status.is_success() => {
            Judged::Unknown("a success, but not one that is configured")
        }
        _ => Judged::Later,
    }
}

/// A text, number or boolean as text: providers write `0` and `"0"`.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
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

    #[test]
    fn nothing_but_a_configured_success_is_one() {
        let list = |codes: &[&str]| codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let rules = Rules {
            code: Some("/code".into()),
            success: list(&["0", "OK"]),
            throttled: list(&["LIMIT"]),
            bad_number: list(&["BAD"]),
            content: list(&["TEXT"]),
            credentials: list(&["KEY"]),
            account: list(&["MONEY"]),
            id: Some("/data/0/id".into()),
            ..Rules::default()
        };
        let judged = |rules: &Rules, status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let body = body.as_bytes().to_vec();
            judge(rules, &Answer { status, headers: http::HeaderMap::new(), body, broken: None })
        };
        let sent = |id: Option<&str>| Judged::Sent { id: id.map(str::to_owned) };
        for (status, body, expected) in [
            (200, r#"{"code":0,"data":[{"id":7}]}"#, sent(Some("7"))),
            (200, r#"{"code":"OK"}"#, sent(None)),
            (200, r#"{"code":"LIMIT"}"#, Judged::Later),
            (400, r#"{"code":"LIMIT"}"#, Judged::Later),
            (200, r#"{"code":"BAD"}"#, Judged::Refused(Refusal::Recipient)),
            (200, r#"{"code":"TEXT"}"#, Judged::Refused(Refusal::Content)),
            (500, r#"{"code":"KEY"}"#, Judged::Refused(Refusal::Credentials)),
            (200, r#"{"code":"MONEY"}"#, Judged::Refused(Refusal::Account)),
            (200, r#"{"code":"NEW"}"#, Judged::Later),
            // The status of success with the code of success; a code of success alone is none.
            (500, r#"{"code":"OK"}"#, Judged::Later),
            (401, "", Judged::Refused(Refusal::Credentials)),
            (302, "", Judged::Refused(Refusal::Configuration)),
            (404, "", Judged::Refused(Refusal::Configuration)),
            (422, "", Judged::Refused(Refusal::Content)),
            (503, "", Judged::Later),
        ] {
            assert_eq!(judged(&rules, status, body), expected, "{status} {body}");
        }
        for (status, body) in
            [(200, "<html>OK</html>"), (200, r#"{"code":null}"#), (200, ""), (502, ""), (504, "")]
        {
            assert!(matches!(judged(&rules, status, body), Judged::Unknown(_)), "{status} {body}");
        }
        let by_status = Rules { success_status: vec![201], ..Rules::default() };
        assert_eq!(judged(&by_status, 201, "queued"), sent(None));
        assert!(matches!(judged(&by_status, 200, "queued"), Judged::Unknown(_)));
        assert_eq!(judged(&Rules::default(), 204, ""), sent(None));
    }
}
