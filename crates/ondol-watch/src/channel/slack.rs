//! Slack, and Mattermost, which takes the same: an incoming webhook.

use http::HeaderMap;
use serde_json::json;

use super::failure::SendFailure;
use super::parcel::Parcel;
use super::parcel::cut;
use super::quote;
use super::receiver::Receiver;

const ADVICE: &str = "make a new incoming webhook and write its URL";
/// Longer texts are cut by the service in the middle of a word, or refused.
const TEXT_CHARS_MAX: usize = 3800;
const TITLE_CHARS_MAX: usize = 240;

/// Posts a message.
pub(super) async fn send(url: &str, parcel: &Parcel) -> Result<(), SendFailure> {
    let receiver = Receiver::open("Slack", url, &[], ADVICE).await?;
    let title = escaped(&cut(&parcel.title, TITLE_CHARS_MAX, |_| 1));
    let text = escaped(&cut(&parcel.text, TEXT_CHARS_MAX, |_| 1));
    let body = json!({ "text": format!("*{title}*\n{text}"), "unfurl_links": false });
    let answer = receiver
        .post(url, HeaderMap::new(), body.to_string())
        .await?;
    receiver.taken(&answer)?;
    match quote::is_page(&answer.body) {
        true => Err(receiver.strange(&answer)),
        false => Ok(()),
    }
}

/// Without what the service takes for links and for calls to everybody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
