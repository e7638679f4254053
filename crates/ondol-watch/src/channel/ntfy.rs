//! ntfy: JSON to the root of its server, with a button that answers into a second topic (`TOPIC-ack`).

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use ondol_model::plan::Topic;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use serde::Deserialize;
use serde_json::json;

use super::failure::SendFailure;
use super::parcel::Parcel;
use super::parcel::cut;
use super::quote;
use super::read;
use super::receiver::Receiver;

/// A server takes 4,096 bytes, and makes a file of what is longer.
const TEXT_BYTES_MAX: usize = 3800;
const TITLE_BYTES_MAX: usize = 240;
pub(crate) const ADVICE: &str = "a protected topic wants a token that may read and write it and `TOPIC-ack`: `ntfy = { url, token }`";

/// A topic, read from where it is kept, and the server that has it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The URL of the server, with a slash at its end.
    pub(crate) root: String,
    pub(crate) name: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Published {
    id: String,
}

impl Address {
    /// Reads where a topic is.
    pub(crate) async fn read(topic: &Topic) -> Result<Self, SendFailure> {
        let token = match &topic.token {
            Some(token) => Some(read(token).await?),
            None => None,
        };
        let url = read(&topic.url).await?;
        Self::of(&url, token).ok_or_else(|| {
            SendFailure::refused("the URL of ntfy has no topic: write it as `https://HOST/TOPIC`")
        })
    }

    fn of(url: &str, token: Option<String>) -> Option<Self> {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (root, name) = url.trim_end_matches('/').rsplit_once('/')?;
        let has_host = root
            .split_once("://")
            .is_some_and(|(_, host)| !host.is_empty() && host != "/");
        (has_host && !name.is_empty()).then(|| Self {
            root: format!("{root}/"),
            name: name.to_owned(),
            token,
        })
    }

    /// The name of the topic into which people answer.
    pub(crate) fn answers(&self) -> String {
        format!("{}-ack", self.name)
    }

    /// The server.
    pub(crate) async fn receiver(&self) -> Result<Receiver, SendFailure> {
        let token = self.token.as_deref().unwrap_or_default();
        Receiver::open("ntfy", &self.root, &[&self.name, token], ADVICE).await
    }

    /// What shows who asks, where that is wanted.
    pub(crate) fn headers(&self) -> Result<HeaderMap, SendFailure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| {
                SendFailure::refused(
                    "the token of ntfy has signs that none has, such as a line end",
                )
            })?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

/// Publishes a message.
pub(super) async fn send(topic: &Topic, parcel: &Parcel) -> Result<(), SendFailure> {
    let address = Address::read(topic).await?;
    let receiver = address.receiver().await?;
    let body = message(&address, parcel).to_string();
    let answer = receiver.post(&address.root, address.headers()?, body);
    let answer = answer.await?;
    receiver.taken(&answer)?;
    match receiver.json::<Published>(&answer)?.id.is_empty() {
        true => Err(receiver.strange(&answer)),
        false => Ok(()),
    }
}

fn message(address: &Address, parcel: &Parcel) -> serde_json::Value {
    let mut message = json!({
        "topic": address.name,
        "title": cut(&parcel.title, TITLE_BYTES_MAX, char::len_utf8),
        "message": cut(&parcel.text, TEXT_BYTES_MAX, char::len_utf8),
        "priority": priority(parcel),
        "tags": [tag(parcel)],
        // The end of an incident takes the place of its begin on the phone (ntfy 2.16; older ones don't look).
        "sequence_id": sequence(parcel),
    });
    if parcel.wants_answer {
        // Its token is not in the message: whoever reads a protected topic has one.
        let (root, _) = quote::without_user(&address.root);
        message["actions"] = json!([{
            "action": "http",
            "label": parcel.answer_label(),
            "url": format!("{root}{}", address.answers()),
            "method": "POST",
            "body": parcel.answer(),
            "clear": true,
        }]);
    }
    if !parcel.url.is_empty() {
        message["click"] = parcel.url.clone().into();
    }
    message
}

/// A reminder has a number of its own: what takes the place of a shown message makes no sound.
fn sequence(parcel: &Parcel) -> String {
    match (parcel.kind, parcel.thread()) {
        (NoticeKind::Problem | NoticeKind::Recovery, Some(thread)) => thread,
        _ => parcel.key(),
    }
}

fn priority(parcel: &Parcel) -> u8 {
    match (parcel.kind, parcel.severity) {
        (NoticeKind::Recovery, _) | (_, Severity::Info) => 3,
        (_, Severity::Warning) => 4,
        (_, Severity::Critical) => 5,
    }
}

/// The short code of a picture.
fn tag(parcel: &Parcel) -> &'static str {
    match (parcel.kind, parcel.severity) {
        (NoticeKind::Problem | NoticeKind::Reminder, Severity::Critical) => "rotating_light",
        (NoticeKind::Problem | NoticeKind::Reminder, _) => "warning",
        (NoticeKind::Recovery, _) => "white_check_mark",
        (NoticeKind::Summary | NoticeKind::Digest, _) => "page_facing_up",
        (NoticeKind::News, _) => "information_source",
        (NoticeKind::Test | NoticeKind::Drill, _) => "bell",
    }
}
