//! Telegram: a message of a bot, with a button that answers.

use std::time::Duration;

use http::HeaderMap;
use ondol_base::https::Answer;
use ondol_model::watch::Severity;
use serde::Deserialize;
use serde_json::json;

use super::failure::SendFailure;
use super::parcel::Parcel;
use super::parcel::cut;
use super::receiver::Receiver;
use super::receiver::wait_of;

/// Where bots are asked.
pub(crate) const API: &str = "https://api.telegram.org";
pub(crate) const ADVICE: &str = "look at `alarms.telegram` (the token of @BotFather) and at the number of the chat; whoever gets messages must have written to the bot first";
/// The service counts in units of UTF-16, and takes 4,096.
const UNITS_MAX: usize = 4000;
const TITLE_UNITS_MAX: usize = 300;

/// What every answer of the service has.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    pub(crate) ok: bool,
    #[serde(default)]
    pub(crate) result: serde_json::Value,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// Sends a message to a chat.
pub(super) async fn send(
    api: &str,
    token: &str,
    chat: &str,
    parcel: &Parcel,
) -> Result<(), SendFailure> {
    let receiver = Receiver::open("Telegram", api, &[token, chat], ADVICE).await?;
    let body = message(chat, parcel);
    call(&receiver, api, token, "sendMessage", &body).await?;
    Ok(())
}

/// Calls a method of the service; returns its result.
pub(crate) async fn call(
    receiver: &Receiver,
    api: &str,
    token: &str,
    method: &str,
    body: &serde_json::Value,
) -> Result<serde_json::Value, SendFailure> {
    let url = format!("{api}/bot{token}/{method}");
    let answer = receiver
        .post(&url, HeaderMap::new(), body.to_string())
        .await?;
    result(receiver, &answer)
}

/// The result in an answer of the service.
pub(crate) fn result(
    receiver: &Receiver,
    answer: &Answer,
) -> Result<serde_json::Value, SendFailure> {
    let reply = receiver.json::<Reply>(answer);
    if answer.status.is_success() {
        let reply = reply?;
        return match reply.ok {
            true => Ok(reply.result),
            false => Err(receiver.strange(answer)),
        };
    }
    let parameters = reply.map(|reply| reply.parameters).unwrap_or_default();
    if let Some(chat) = parameters.migrate_to_chat_id {
        return Err(SendFailure::refused(format!(
            "the chat has become a larger group with another number: write `{chat}` as its number"
        )));
    }
    let wait = parameters.retry_after.map(Duration::from_secs);
    Err(receiver.not_taken(answer, wait.or_else(|| wait_of(&answer.headers))))
}

fn message(chat: &str, parcel: &Parcel) -> serde_json::Value {
    let title = cut(&parcel.title, TITLE_UNITS_MAX, char::len_utf16);
    let text = cut(
        &format!("{title}\n\n{}", parcel.text),
        UNITS_MAX,
        char::len_utf16,
    );
    let mut message = json!({
        "chat_id": chat,
        "text": text,
        "disable_notification": parcel.severity == Severity::Info && !parcel.wants_answer,
        "link_preview_options": { "is_disabled": true },
    });
    if parcel.wants_answer {
        let button = json!({ "text": parcel.answer_label(), "callback_data": parcel.answer() });
        message["reply_markup"] = json!({ "inline_keyboard": [[button]] });
    }
    message
}
