//! The table `[[sms_aliyun]]`.

use std::time::Duration;

use super::entry::Entry;
use super::sms_http::templates;
use super::{TIMEOUT, name};
use crate::message::WebhookUrl;
use crate::sms::aliyun::{AliyunConfig, template};

pub(super) fn read(entry: Entry<'_>) -> Option<AliyunConfig> {
    let name = name(&entry);
    let endpoint = entry.text("endpoint").unwrap_or_else(|| "https://dysmsapi.aliyuncs.com".into());
    let endpoint = entry.read("endpoint", Some(endpoint), |text| match WebhookUrl::new(text) {
        Ok(url) if matches!(url.uri().path(), "/" | "") && url.uri().query().is_none() => Ok(url),
        Ok(_) => Err("has a path; write https://host".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let region = entry.text("region").unwrap_or_else(|| "cn-hangzhou".into());
    let access_key_id = entry.required("access_key_id", "\"LTAI…\"");
    let secret = entry.secret("secret_file", "secret_env");
    if !entry.has("secret_file") && !entry.has("secret_env") {
        entry.problem("secret_file", "is missing; write secret_file or secret_env");
    }
    let sign_name = entry.required("sign_name", "\"an approved 签名\"");
    let template_code = entry.required("template_code", "\"SMS_…\"");
    let params = entry.table("params").map(|table| templates(table, template)).unwrap_or_default();
    if params.is_empty() {
        entry.problem("params", "has no variable; write params = { text = \"{text}\" }");
    }
    let param_characters_max = entry.integer("param_characters_max", 35, 1..=500);
    let ca_file = entry.file("ca_file");
    let timeout = entry.duration("timeout", Duration::from_secs(10), TIMEOUT);
    entry.finish();
    Some(AliyunConfig {
        name: name?,
        endpoint: endpoint?,
        region,
        access_key_id: access_key_id?,
        secret: secret?,
        sign_name: sign_name?,
        template_code: template_code?,
        params,
        param_characters_max: param_characters_max?,
        ca_file,
        timeout: timeout?,
    })
}
