//! Discord: a webhook of a channel.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use super::failure::SendFailure;
use super::parcel::Parcel;
use super::parcel::cut;
use super::receiver::Receiver;
use super::receiver::wait_of;

const ADVICE: &str = "make a new webhook in the settings of the channel and write its URL";
/// The service takes 2,000 letters.
const TEXT_CHARS_MAX: usize = 1900;
const TITLE_CHARS_MAX: usize = 240;
/// No previews of the sites that a message names.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

#[derive(Deserialize)]
struct Limited {
    retry_after: f64,
}

#[derive(Deserialize)]
struct Posted {
    id: String,
}

/// Posts a message.
pub(super) async fn send(url: &str, parcel: &Parcel) -> Result<(), SendFailure> {
    let receiver = Receiver::open("Discord", url, &[], ADVICE).await?;
    let title = cut(&parcel.title, TITLE_CHARS_MAX, |_| 1);
    let text = format!("**{}**\n{}", escaped(&title), escaped(&parcel.text));
    let body = json!({
        "content": cut(&text, TEXT_CHARS_MAX, char::len_utf16),
        "allowed_mentions": { "parse": [] },
        "flags": SUPPRESS_EMBEDS,
    });
    let url = waiting(url);
    let answer = receiver
        .post(&url, HeaderMap::new(), body.to_string())
        .await?;
    if !answer.status.is_success() {
        let limited = serde_json::from_slice::<Limited>(&answer.body).ok();
        let wait =
            limited.and_then(|limited| Duration::try_from_secs_f64(limited.retry_after).ok());
        return Err(receiver.not_taken(&answer, wait.or_else(|| wait_of(&answer.headers))));
    }
    if answer.body.is_empty() || !receiver.json::<Posted>(&answer)?.id.is_empty() {
        return Ok(());
    }
    Err(receiver.strange(&answer))
}

/// The URL that answers when the message is kept, and not before.
fn waiting(url: &str) -> String {
    match url.contains('?') {
        true => format!("{url}&wait=true"),
        false => format!("{url}?wait=true"),
    }
}

/// Without what the service takes for styles.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if ['*', '_', '~', '`', '|', '\\'].contains(&letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
