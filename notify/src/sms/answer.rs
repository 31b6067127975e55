//! What a provider's answer means, and asking for one: the same for every provider that is reached by HTTP.
//!
//! An answer that was not foreseen is never taken for success, because a message that is believed sent is not sent again.

use http::StatusCode;
use serde_json::Value;

use crate::channel::{Clock, Receipt, Refusal, SendError, shortened};
use crate::http::{Answer, HttpClient, HttpRequest, place};
use crate::message::Phone;
use crate::secret::Secret;

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

/// One request for one message, and what is known about its answer.
pub(super) struct Call<'a> {
    pub request: HttpRequest,
    pub rules: &'a Rules,
    /// Whom the message is for.
    pub phone: &'a Phone,
    /// What must not be shown though the provider repeats it.
    pub secret: Option<&'a Secret>,
}

impl Call<'_> {
    /// Sends the request and judges the answer.
    pub async fn make(self, http: &HttpClient, clock: &Clock) -> Result<Receipt, SendError> {
        let place = place(&self.request.url);
        let mut answer = http.call(self.request).await?;
        let judged = judge(self.rules, &answer);
        // Before it is shortened: half of a key is too much as well.
        answer.body = without_secrets(&answer.body, self.phone, self.secret);
        let said = answer.said();
        let what = shortened(&format!("{place}: {said}"));
        match judged {
            Judged::Sent { id } => {
                Ok(Receipt { provider_id: id, said, at: clock(), delivery: None })
            }
            Judged::Refused(reason) => Err(SendError::refused(reason, what)),
            Judged::Later => Err(SendError::Later { what, retry_after: answer.retry_after() }),
            Judged::Unknown(why) => Err(SendError::unknown(format!("{what} ({why})"))),
        }
    }
}

/// Providers like to repeat what they were sent, and receipts and errors end in logs.
fn without_secrets(body: &[u8], phone: &Phone, secret: Option<&Secret>) -> Vec<u8> {
    let mut said = String::from_utf8_lossy(body).into_owned();
    if let Some(secret) = secret {
        said = said.replace(secret.expose(), "(secret)");
    }
    said.replace(phone.national(), &format!("{phone:?}")).into_bytes()
}

#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Sent { id: Option<String> },
    Refused(Refusal),
    Later,
    Unknown(&'static str),
}

fn judge(rules: &Rules, answer: &Answer) -> Judged {
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
