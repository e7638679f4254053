//! A URL that takes JSON: Ondol's own, or what the owner's template makes of it.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use ondol_model::plan::Hook;

use super::failure::SendFailure;
use super::parcel::Parcel;
use super::receiver::Receiver;
use crate::value;

const ADVICE: &str = "look at the `url` and the `headers` of the webhook";
/// By which receivers tell that a message came before (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts a message.
pub(super) async fn send(hook: &Hook, parcel: &Parcel) -> Result<(), SendFailure> {
    let url = super::read(&hook.url).await?;
    let mut headers = HeaderMap::new();
    let mut secrets = Vec::new();
    for (name, field) in &hook.headers {
        let text = value::read(field).await.map_err(SendFailure::refused)?;
        headers.append(name_of(name)?, value_of(name, &text)?);
        secrets.extend(text.split_whitespace().map(str::to_owned));
    }
    if let Ok(key) = HeaderValue::from_str(&parcel.key()) {
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    let receiver = Receiver::open("the webhook", &url, &secrets, ADVICE).await?;
    let answer = receiver.post(&url, headers, body(hook, parcel)).await?;
    receiver.taken(&answer)
}

fn body(hook: &Hook, parcel: &Parcel) -> String {
    match &hook.template {
        None => parcel.json().to_string(),
        Some(template) => filled(template, parcel),
    }
}

/// The template with its places filled in one go, so that a text which looks like a place stays a text.
fn filled(template: &str, parcel: &Parcel) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, place) = rest.split_at(at);
        filled.push_str(before);
        let named = place[1..].split_once('}').and_then(|(name, after)| {
            let text = text_of(name, parcel)?;
            Some((text, after))
        });
        match named {
            Some((text, after)) => {
                filled.push_str(&in_json(&text));
                rest = after;
            }
            None => {
                filled.push('{');
                rest = &place[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn text_of(name: &str, parcel: &Parcel) -> Option<String> {
    Some(match name {
        "title" => parcel.title.clone(),
        "text" => parcel.text.clone(),
        "severity" => parcel.severity.word().to_owned(),
        "site" => parcel.site().to_owned(),
        "state" => parcel.state().to_owned(),
        "url" => parcel.url.clone(),
        _ => return None,
    })
}

/// As a string of JSON has it, without the quotes around it.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inside = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

fn name_of(name: &str) -> Result<HeaderName, SendFailure> {
    HeaderName::try_from(name)
        .map_err(|_| SendFailure::refused(format!("`{name}` is no name of a header field")))
}

fn value_of(name: &str, text: &str) -> Result<HeaderValue, SendFailure> {
    let value = HeaderValue::from_str(text).map_err(|_| {
        SendFailure::refused(format!(
            "the value of the header field `{name}` has signs that none has, such as a line end"
        ))
    });
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}
