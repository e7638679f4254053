//! Pushover: what wants an answer rings until there is one, and has a receipt that tells of it.

use std::time::Duration;

use http::HeaderMap;
use http::StatusCode;
use ondol_base::clock;
use ondol_base::https::Answer;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use serde::Deserialize;
use serde_json::json;

use super::Receipt;
use super::failure::SendFailure;
use super::parcel::Parcel;
use super::parcel::cut;
use super::receiver::Receiver;
use super::receiver::wait_of;

/// Where the service is asked.
pub(crate) const API: &str = "https://api.pushover.net";
pub(crate) const ADVICE: &str =
    "look at `alarms.pushover` (the token of the application) and at the key of the user";
const TITLE_CHARS_MAX: usize = 250;
const TEXT_CHARS_MAX: usize = 1024;
/// How often what is critical rings: the service does not take less than 30 s.
const RING_EVERY_S: u32 = 60;
/// How often a drill does.
const DRILL_EVERY_S: u32 = 15 * 60;
/// For how long: the most that the service takes. Later the reminder rings.
const RING_FOR_S: u32 = 3 * 60 * 60;
/// Who is over the limit of a month is not asked for longer than that.
const LIMITED_MAX_S: u64 = 24 * 60 * 60;

#[derive(Deserialize)]
struct Taken {
    status: i64,
    #[serde(default)]
    receipt: Option<String>,
}

/// Sends a message; where it rings, its receipt comes back. The end of an incident ends its ringing.
pub(super) async fn send(
    api: &str,
    token: &str,
    user: &str,
    parcel: &Parcel,
) -> Result<Option<Receipt>, SendFailure> {
    let receiver = Receiver::open("Pushover", api, &[token, user], ADVICE).await?;
    let url = format!("{api}/1/messages.json");
    let body = message(token, user, parcel).to_string();
    let answer = receiver.post(&url, HeaderMap::new(), body).await?;
    if !answer.status.is_success() {
        return Err(receiver.not_taken(&answer, wait(&answer)));
    }
    let taken = receiver.json::<Taken>(&answer)?;
    if taken.status != 1 {
        return Err(receiver.strange(&answer));
    }
    if parcel.kind == NoticeKind::Recovery {
        silence(&receiver, api, token, parcel).await;
    }
    Ok(taken.receipt.map(|id| Receipt {
        id,
        incident: parcel.incident,
    }))
}

/// Ends the ringing for an incident. What still rings then ends by itself; the message has arrived in any case.
async fn silence(receiver: &Receiver, api: &str, token: &str, parcel: &Parcel) {
    let Some(tag) = parcel.thread() else {
        return;
    };
    let url = format!("{api}/1/receipts/cancel_by_tag/{tag}.json");
    let body = json!({ "token": token }).to_string();
    match receiver.post(&url, HeaderMap::new(), body).await {
        Ok(answer) if answer.status.is_success() => {}
        Ok(answer) => {
            tracing::warn!(status = %answer.status, "Pushover could not be told to stop ringing");
        }
        Err(failure) => {
            tracing::warn!(
                reason = failure.message,
                "Pushover could not be told to stop ringing"
            );
        }
    }
}

fn message(token: &str, user: &str, parcel: &Parcel) -> serde_json::Value {
    let mut message = json!({
        "token": token,
        "user": user,
        "title": cut(&parcel.title, TITLE_CHARS_MAX, |_| 1),
        "message": cut(&parcel.text, TEXT_CHARS_MAX, |_| 1),
        "timestamp": parcel.queued_at,
        "priority": priority(parcel),
    });
    if parcel.wants_answer {
        message["retry"] = match parcel.kind {
            NoticeKind::Drill => DRILL_EVERY_S,
            _ => RING_EVERY_S,
        }
        .into();
        message["expire"] = RING_FOR_S.into();
        message["tags"] = parcel.thread().unwrap_or_else(|| parcel.key()).into();
    }
    if !parcel.url.is_empty() {
        message["url"] = parcel.url.clone().into();
    }
    message
}

/// Only what rings until it is answered (2) tells of an answer.
fn priority(parcel: &Parcel) -> i8 {
    match (parcel.wants_answer, parcel.kind, parcel.severity) {
        (true, _, _) => 2,
        (false, NoticeKind::Recovery, _) | (false, _, Severity::Warning) => 0,
        (false, _, Severity::Critical) => 1,
        (false, _, Severity::Info) => -1,
    }
}

/// How long the service wants to be left alone: to the next month, for who has used this one up.
fn wait(answer: &Answer) -> Option<Duration> {
    let reset = answer.headers.get("x-limit-app-reset");
    let reset = reset.and_then(|reset| reset.to_str().ok()?.parse::<i64>().ok());
    let is_limited = answer.status == StatusCode::TOO_MANY_REQUESTS;
    let left = reset
        .filter(|_| is_limited)
        .map(|at| at - clock::unix_seconds());
    let left = left.and_then(|left| u64::try_from(left).ok());
    left.map(|left| Duration::from_secs(left.min(LIMITED_MAX_S)))
        .or_else(|| wait_of(&answer.headers))
}
