//! The table `[[sms_http]]`.

use std::time::Duration;

use http::Method;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName};
use serde_json::Value;
use toml::de::DeValue;

use super::entry::Entry;
use super::{TIMEOUT, name};
use crate::message::WebhookUrl;
use crate::sms::answer::Rules;
use crate::sms::http::{Body, HttpSmsConfig, Json, Number, template};
use crate::template::{Template, TemplateError};

pub(super) fn read(entry: Entry<'_>) -> Option<HttpSmsConfig> {
    let name = name(&entry);
    let method = entry.one_of("method", &[("POST", 0), ("GET", 1), ("PUT", 2)]);
    let method = method.map(|m| [Method::POST, Method::GET, Method::PUT][m].clone());
    let url = entry.read("url", entry.required("url", "\"https://sms.example/send\""), |text| {
        WebhookUrl::new(text)
    });
    let query = entry.table("query").map(pairs).unwrap_or_default();
    let headers = entry.table("headers").map(headers).unwrap_or_default();
    let body = body(&entry);
    if matches!((&method, &body), (Some(method), Body::Form(_) | Body::Json(_)) if method == Method::GET)
    {
        entry.problem("method", "is GET, which has no body; write the values into query");
    }
    let number = entry.one_of(
        "number",
        &[
            ("national", Number::National),
            ("international", Number::International),
            ("digits", Number::Digits),
        ],
    );
    let parts_max = entry.integer("parts_max", 3, 1..=10);
    let secret = entry.secret("secret_file", "secret_env");
    let rules = rules(&entry);
    let ca_file = entry.file("ca_file");
    let timeout = entry.duration("timeout", Duration::from_secs(10), TIMEOUT);
    let used = used(&query, &headers, &body);
    for field in ["phone", "text"] {
        if !used.iter().any(|name| name == field) {
            entry.problem(field, format!("no value of query, form or json has {{{field}}}"));
        }
    }
    let secret_key = if entry.has("secret_env") { "secret_env" } else { "secret_file" };
    let wants_secret = used.iter().any(|name| name == "secret");
    if wants_secret != (entry.has("secret_file") || entry.has("secret_env")) {
        let message = if wants_secret {
            "is missing, and {secret} is used"
        } else {
            "is given, and no value has {secret}"
        };
        entry.problem(secret_key, message);
    }
    entry.finish();
    Some(HttpSmsConfig {
        name: name?,
        method: method?,
        url: url?,
        query,
        headers,
        body,
        number: number?,
        parts_max: parts_max?,
        secret,
        rules,
        ca_file,
        timeout: timeout?,
    })
}

fn pairs(entry: Entry<'_>) -> Vec<(String, Template)> {
    templates(entry, template)
}

/// Names with values that `read` takes; each bad one is a problem of its own.
pub(super) fn templates(
    entry: Entry<'_>,
    read: impl Fn(&str) -> Result<Template, TemplateError>,
) -> Vec<(String, Template)> {
    let mut templates = Vec::new();
    for (name, value) in entry.all() {
        let Some(text) = value.as_str() else {
            entry.problem(name, format!("is of type {}; write text in quotes", value.type_str()));
            continue;
        };
        match read(text) {
            Ok(template) => templates.push((name.to_owned(), template)),
            Err(error) => entry.problem(name, error.to_string()),
        }
    }
    templates
}

fn headers(entry: Entry<'_>) -> Vec<(HeaderName, Template)> {
    for (name, _) in entry.all() {
        match name.parse::<HeaderName>() {
            Ok(known) if [HOST, CONTENT_LENGTH, CONNECTION].contains(&known) => {
                entry.problem(name, "is set by this program");
            }
            Ok(_) => {}
            Err(_) => entry.problem(name, "is no name of a header"),
        }
    }
    // Bad names are reported above.
    pairs(entry).into_iter().filter_map(|(name, value)| Some((name.parse().ok()?, value))).collect()
}

fn body(entry: &Entry<'_>) -> Body {
    let form = entry.table("form").map(pairs);
    let json = entry.table("json").map(|table| {
        let members = table
            .all()
            .filter_map(|(name, value)| Some((name.to_owned(), json(&table, name, value)?)));
        Json::Object(members.collect())
    });
    match (form, json) {
        (Some(_), Some(_)) => {
            entry.problem("json", "is given beside form; write one of them");
            Body::None
        }
        (Some(form), None) => Body::Form(form),
        (None, Some(json)) => Body::Json(json),
        (None, None) => Body::None,
    }
}

/// Problems inside of nested values are reported under the outermost name.
fn json(entry: &Entry<'_>, name: &str, value: &DeValue<'_>) -> Option<Json> {
    let bad = |message: String| {
        entry.problem(name, message);
        None
    };
    match value {
        DeValue::String(text) => match template(text) {
            Ok(template) => Some(Json::Text(template)),
            Err(error) => bad(error.to_string()),
        },
        DeValue::Boolean(yes) => Some(Json::Fixed(Value::Bool(*yes))),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(Json::Fixed(number.into())),
            Err(error) => bad(error.to_string()),
        },
        DeValue::Float(number) => {
            match number.as_str().parse().ok().and_then(serde_json::Number::from_f64) {
                Some(number) => Some(Json::Fixed(Value::Number(number))),
                None => bad(format!("{} is no number of JSON", number.as_str())),
            }
        }
        DeValue::Array(list) => {
            let read: Vec<_> =
                list.iter().filter_map(|value| json(entry, name, value.get_ref())).collect();
            Some(Json::List(read))
        }
        DeValue::Table(table) => {
            let members = table.iter().filter_map(|(inner, value)| {
                Some((inner.get_ref().to_string(), json(entry, name, value.get_ref())?))
            });
            Some(Json::Object(members.collect()))
        }
        DeValue::Datetime(_) => bad("is a date, which JSON lacks; write text in quotes".into()),
    }
}

fn rules(entry: &Entry<'_>) -> Rules {
    let Some(table) = entry.table("answer") else { return Rules::default() };
    let pointer = |key| {
        table.text(key).filter(|pointer| {
            let good = pointer.starts_with('/');
            if !good {
                table.problem(
                    key,
                    format!("{pointer:?} is no JSON pointer; write for example \"/data/0/id\""),
                );
            }
            good
        })
    };
    let status = |code: String| match code.parse::<u16>() {
        Ok(status) if (100..=599).contains(&status) => Some(status),
        _ => {
            table.problem("success_status", format!("{code} is no HTTP status"));
            None
        }
    };
    let rules = Rules {
        success_status: table.codes("success_status").into_iter().filter_map(status).collect(),
        code: pointer("code"),
        success: table.codes("success"),
        throttled: table.codes("throttled"),
        bad_number: table.codes("bad_number"),
        content: table.codes("content"),
        credentials: table.codes("credentials"),
        account: table.codes("account"),
        id: pointer("id"),
    };
    let lists = [
        ("success", &rules.success),
        ("throttled", &rules.throttled),
        ("bad_number", &rules.bad_number),
        ("content", &rules.content),
        ("credentials", &rules.credentials),
        ("account", &rules.account),
    ];
    for (number, (key, codes)) in lists.iter().enumerate() {
        if !codes.is_empty() && !table.has("code") {
            table.problem(
                key,
                "needs code, the place where answers have theirs; write code = \"/code\"",
            );
        }
        for code in *codes {
            if let Some((other, _)) = lists[..number].iter().find(|(_, codes)| codes.contains(code))
            {
                table.problem(key, format!("{code:?} stands in {other} as well"));
            }
        }
    }
    if table.has("code") && rules.success.is_empty() {
        table.problem("success", "is missing; without it nothing is a success: success = [\"OK\"]");
    }
    table.finish();
    rules
}

fn used(
    query: &[(String, Template)],
    headers: &[(HeaderName, Template)],
    body: &Body,
) -> Vec<String> {
    fn of_json(json: &Json, used: &mut Vec<String>) {
        match json {
            Json::Text(template) => used.extend(template.fields().map(str::to_owned)),
            Json::Fixed(_) => {}
            Json::List(list) => list.iter().for_each(|json| of_json(json, used)),
            Json::Object(object) => object.values().for_each(|json| of_json(json, used)),
        }
    }
    let mut used = Vec::new();
    for (_, template) in query {
        used.extend(template.fields().map(str::to_owned));
    }
    for (_, template) in headers {
        used.extend(template.fields().map(str::to_owned));
    }
    match body {
        Body::None => {}
        Body::Form(pairs) => {
            for (_, template) in pairs {
                used.extend(template.fields().map(str::to_owned));
            }
        }
        Body::Json(json) => of_json(json, &mut used),
    }
    used
}
