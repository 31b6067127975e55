//! Short messages by Alibaba Cloud (阿里云短信服务), action `SendSms` of 2017-05-25.
//!
//! A request is signed over all of its values (RPC style: HMAC-SHA1 over the sorted query), so it cannot be described by
//! configuration as [`super::http`] does. What is sent equals what the provider's own Python SDK sends, byte by byte but for
//! headers, which are not signed; a test compares them. The provider takes no free text: words are those of a template that
//! it has approved, and only the values of its variables are ours.

use std::path::PathBuf;
use std::time::Duration;

use anlan_domain::time::UtcMillis;
use async_trait::async_trait;
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use http::{Method, Uri};
use serde_json::{Map, Value};

use super::answer::{Call, Rules};
use super::percent;
use crate::channel::{Channel, Clock, Probe, Receipt, SendError};
use crate::http::{HttpClient, HttpRequest, place};
use crate::message::{Address, ColourWord as _, Kind, Message, Phone, WebhookUrl};
use crate::secret::{Secret, SecretSource};
use crate::template::{Template, TemplateError};
use crate::tls;

/// The placeholders of variables, with their meaning.
pub const FIELDS: [(&str, &str); 4] = [
    ("text", "text of the message"),
    ("message_id", "id of the message, the same at every try"),
    ("colour", "红色, 橙色 and so on, in the message's language"),
    ("language", "zh or en"),
];

/// The value of a variable, with placeholders of [`FIELDS`].
///
/// # Errors
/// [`TemplateError`].
pub fn template(text: &str) -> Result<Template, TemplateError> {
    Template::with_fields(text, &FIELDS.map(|(name, _)| name))
}

/// An account with an approved signature and template.
#[derive(Clone, Debug, PartialEq)]
pub struct AliyunConfig {
    /// Name, for logs and pages.
    pub name: String,
    /// The interface: `https://dysmsapi.aliyuncs.com`, or a proxy in front of it.
    pub endpoint: WebhookUrl,
    /// `cn-hangzhou`.
    pub region: String,
    /// AccessKey ID; it names the key and is no secret.
    pub access_key_id: String,
    /// AccessKey Secret.
    pub secret: SecretSource,
    /// 短信签名.
    pub sign_name: String,
    /// 模板 CODE.
    pub template_code: String,
    /// Variables of the template with their values.
    pub params: Vec<(String, Template)>,
    /// Characters to which each value is cut: the provider refuses longer ones.
    pub param_characters_max: usize,
    /// Authorities to trust (PEM), where they are not those that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// For connecting and, anew, for the answer.
    pub timeout: Duration,
}

/// Sends short messages by one account.
pub struct Aliyun {
    config: AliyunConfig,
    secret: Secret,
    http: HttpClient,
    rules: Rules,
    clock: Clock,
}

impl Aliyun {
    /// Reads the secret and the authorities.
    ///
    /// # Errors
    /// A sentence that names the file or variable.
    pub fn new(config: &AliyunConfig, clock: Clock) -> Result<Self, String> {
        let secret = config.secret.read()?;
        let http = HttpClient::new(tls::client_config(config.ca_file.as_deref())?, config.timeout);
        Ok(Self { config: config.clone(), secret, http, rules: rules(), clock })
    }

    fn request(&self, message: &Message, phone: &Phone) -> Result<HttpRequest, String> {
        let mut octets = [0; 16];
        rand::fill(&mut octets).map_err(|_| "the system gives no random numbers".to_owned())?;
        let nonce: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let query = query(&self.config, &self.secret, message, phone, (self.clock)(), &nonce);
        let url = format!("{}/?{query}", self.config.endpoint.as_str().trim_end_matches('/'));
        let url: Uri = url.parse().map_err(|e| format!("cannot make the URL: {e}"))?;
        Ok(HttpRequest { method: Method::POST, url, headers: Vec::new(), body: Vec::new() })
    }
}

/// The signed query. The nonce may not come twice within a quarter of an hour, and the time not be off by more.
#[must_use]
pub fn query(
    config: &AliyunConfig,
    secret: &Secret,
    message: &Message,
    phone: &Phone,
    now: UtcMillis,
    nonce: &str,
) -> String {
    let values: [(&str, String); 15] = [
        ("PhoneNumbers", phone.national().to_owned()),
        ("SignName", config.sign_name.clone()),
        ("TemplateCode", config.template_code.clone()),
        ("TemplateParam", params(config, message)),
        ("OutId", message.id.to_string()),
        ("Version", "2017-05-25".to_owned()),
        ("Action", "SendSms".to_owned()),
        ("Format", "JSON".to_owned()),
        ("RegionId", config.region.clone()),
        ("Timestamp", timestamp(now)),
        ("SignatureMethod", "HMAC-SHA1".to_owned()),
        ("SignatureType", String::new()),
        ("SignatureVersion", "1.0".to_owned()),
        ("SignatureNonce", nonce.to_owned()),
        ("AccessKeyId", config.access_key_id.clone()),
    ];
    let unsigned = percent::pairs(values.iter().cloned());
    let mut sorted = values;
    sorted.sort_by_key(|(name, _)| *name);
    let to_sign = format!("POST&%2F&{}", percent::encode(&percent::pairs(sorted)));
    let key = format!("{}&", secret.expose());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, to_sign.as_bytes()));
    format!("{unsigned}&Signature={}", percent::encode(&signature))
}

/// ISO 8601 in UTC, whole seconds.
fn timestamp(at: UtcMillis) -> String {
    // Out of range only for years of five digits, with which the provider has no dealings either.
    let time = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn params(config: &AliyunConfig, message: &Message) -> String {
    let mut object = Map::new();
    for (name, template) in &config.params {
        let value = template.render(|field| match field {
            "text" => message.text.clone(),
            "message_id" => message.id.to_string(),
            "colour" => message.colour.word(message.language).to_owned(),
            _ => message.language.code().to_owned(),
        });
        object.insert(name.clone(), Value::String(cut(&value, config.param_characters_max)));
    }
    Value::Object(object).to_string()
}

fn cut(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect()
}

#[async_trait]
impl Channel for Aliyun {
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
        let request = self.request(message, phone).map_err(SendError::later)?;
        let Self { http, rules, secret, clock, .. } = self;
        Call { request, rules, phone, secret: Some(secret) }.make(http, clock).await
    }

    async fn probe(&self) -> Result<Probe, SendError> {
        let url = self.config.endpoint.uri();
        self.http.reach(&url).await?;
        let saw = format!(
            "{} can be reached; only a message shows whether it takes key, signature and template",
            place(&url)
        );
        Ok(Probe { saw, at: (self.clock)() })
    }
}

/// The codes that matter, as the provider publishes them; any other is tried again or judged by its status.
fn rules() -> Rules {
    let list = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    Rules {
        success_status: vec![200],
        code: Some("/Code".to_owned()),
        success: list(&["OK"]),
        throttled: list(&[
            "isv.BUSINESS_LIMIT_CONTROL",
            "isv.DAY_LIMIT_CONTROL",
            "Throttling",
            "Throttling.User",
            "Throttling.Api",
            "SignatureNonceUsed",
            // The clock is off; it may be set right while the message waits.
            "InvalidTimeStamp.Expired",
        ]),
        bad_number: list(&["isv.MOBILE_NUMBER_ILLEGAL"]),
        content: list(&[
            "isv.SMS_TEMPLATE_ILLEGAL",
            "isv.SMS_SIGNATURE_ILLEGAL",
            "isv.TEMPLATE_MISSING_PARAMETERS",
            "isv.TEMPLATE_PARAMS_ILLEGAL",
            "isv.PARAM_LENGTH_LIMIT",
            "isv.PARAM_NOT_SUPPORT_URL",
            "isv.BLACK_KEY_CONTROL_LIMIT",
            "isv.INVALID_PARAMETERS",
            "isv.INVALID_JSON_PARAM",
        ]),
        credentials: list(&[
            "InvalidAccessKeyId.NotFound",
            "InvalidAccessKeyId.Inactive",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "isp.RAM_PERMISSION_DENY",
        ]),
        account: list(&[
            "isv.AMOUNT_NOT_ENOUGH",
            "isv.OUT_OF_SERVICE",
            "isv.ACCOUNT_NOT_EXISTS",
            "isv.ACCOUNT_ABNORMAL",
            "isv.PRODUCT_UN_SUBSCRIPT",
            "isv.PRODUCT_UNSUBSCRIBE",
        ]),
        id: Some("/BizId".to_owned()),
    }
}
