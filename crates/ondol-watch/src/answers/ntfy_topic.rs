//! Answers in a topic of ntfy (`TOPIC-ack`), into which the button of a message writes.

use std::convert::Infallible;
use std::time::Duration;

use http::Method;
use ondol_base::https::Answer as Reply;
use ondol_base::https::Ask;
use ondol_base::https::Lines;
use ondol_model::plan::Topic;
use serde::Deserialize;

use super::patience::Patience;
use super::words::Answer;
use crate::channel::SendFailure;
use crate::channel::ntfy::Address;
use crate::channel::quote::without_user;
use crate::channel::receiver::Receiver;
use crate::ground::Ground;

/// To the head of the answer.
const BEGIN: Duration = Duration::from_secs(20);
/// A server says that it lives every 45 s; one that is slower may be set up so.
const SILENCE_MAX: Duration = Duration::from_secs(3 * 60);
/// Of an answer that is none, so much is read for a sentence within that time.
const COMPLAINT: Duration = Duration::from_secs(5);

/// Who answers.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) person: String,
    /// The name of the channel.
    pub(super) channel: String,
}

/// A line of the stream (docs.ntfy.sh/subscribe/api).
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    message: String,
}

/// Reads answers without end.
pub(super) async fn read(ground: Ground, who: Who, topic: Topic) -> Infallible {
    let mut patience = Patience::new(&ground, "ntfy");
    loop {
        let read = read_stream(&ground, &who, &topic).await;
        patience.after(read).await;
    }
}

/// Reads a stream to its end, from where the last one ended.
async fn read_stream(ground: &Ground, who: &Who, topic: &Topic) -> Result<(), SendFailure> {
    let address = Address::read(topic).await?;
    let receiver = address.receiver().await?;
    let fact = format!("ntfy-since {}/{}", who.person, who.channel);
    let since = super::remembered(ground, &fact).await;
    // What was answered before anybody was told of anything here is about nothing.
    let since = since.as_deref().unwrap_or("none");
    let mut lines = open(&receiver, &address, since).await?;
    loop {
        let line = lines.next(SILENCE_MAX).await;
        let Some(line) = line.map_err(|error| receiver.unanswered(&error))? else {
            return Ok(());
        };
        let Ok(line) = serde_json::from_str::<Line>(&line) else {
            return Err(receiver.strange(&reply(&lines, line)));
        };
        if line.event != "message" {
            continue;
        }
        if let Some(answer) = Answer::parse(&line.message) {
            super::tell(ground, &who.person, answer.incident).await;
        }
        super::remember(ground, &fact, &line.id).await;
    }
}

async fn open(receiver: &Receiver, address: &Address, since: &str) -> Result<Lines, SendFailure> {
    let topic = address.answers();
    let (url, user) = without_user(&format!("{}{topic}/json?since={since}", address.root));
    let mut ask = Ask::new(Method::GET, url);
    ask.headers = address.headers()?;
    if let Some(user) = user {
        ask.headers.insert(http::header::AUTHORIZATION, user);
    }
    ask.time = BEGIN;
    let lines = receiver.https().lines(ask).await;
    let mut lines = lines.map_err(|error| receiver.unanswered(&error))?;
    if lines.status().is_success() {
        return Ok(lines);
    }
    let complaint = lines.next(COMPLAINT).await.ok().flatten();
    let reply = reply(&lines, complaint.unwrap_or_default());
    receiver.taken(&reply)?;
    Ok(lines)
}

fn reply(lines: &Lines, line: String) -> Reply {
    Reply {
        status: lines.status(),
        headers: lines.headers().clone(),
        body: line.into(),
    }
}
