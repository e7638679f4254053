//! Messages on their way to people: one file for each kind of channel. Who sends decides nothing.

use std::time::Duration;

use ondol_model::plan::Alarms;
use ondol_model::plan::Channel;
use ondol_model::plan::Value;
use tokio::time::timeout;

use crate::value;

mod discord;
mod email;
mod exec;
mod failure;
pub(crate) mod ntfy;
mod parcel;
pub(crate) mod pushover;
pub(crate) mod quote;
pub(crate) mod receiver;
mod slack;
pub(crate) mod telegram;
mod webhook;

pub(crate) use failure::SendFailure;
pub(crate) use failure::SendFailureKind;
pub(crate) use parcel::Parcel;

/// The longest that a message may take on its way; then it is tried again later.
const SENDING: Duration = Duration::from_secs(30);

/// By what a receiver can be asked whether somebody has answered; for [`crate::answers::expect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// What the receiver calls it.
    pub(crate) id: String,
    pub(crate) incident: Option<i64>,
}

/// Sends a message by a channel; returns when the receiver has taken it. Takes no longer than 30 s. Some tell how to
/// ask whether it was answered.
pub(crate) async fn send(
    channel: &Channel,
    alarms: &Alarms,
    parcel: &Parcel,
) -> Result<Option<Receipt>, SendFailure> {
    // A future of all kinds is large: those who wait would carry it in theirs.
    let sending = Box::pin(send_by(channel, alarms, parcel));
    timeout(SENDING, sending).await.unwrap_or_else(|_| {
        let seconds = SENDING.as_secs();
        Err(SendFailure::unreachable(format!(
            "{} did not take the message within {seconds} s; Ondol tries again",
            who(channel, alarms)
        )))
    })
}

async fn send_by(
    channel: &Channel,
    alarms: &Alarms,
    parcel: &Parcel,
) -> Result<Option<Receipt>, SendFailure> {
    match channel {
        Channel::Email(address) => email::send(address, alarms.smtp.as_ref(), parcel).await?,
        Channel::Ntfy(topic) => ntfy::send(topic, parcel).await?,
        Channel::Telegram(chat) => {
            let token = needed(alarms.telegram.as_ref(), "telegram").await?;
            telegram::send(telegram::API, &token, chat, parcel).await?;
        }
        Channel::Slack(url) => slack::send(&read(url).await?, parcel).await?,
        Channel::Discord(url) => discord::send(&read(url).await?, parcel).await?,
        Channel::Pushover(user) => {
            let token = needed(alarms.pushover.as_ref(), "pushover").await?;
            return pushover::send(pushover::API, &token, &read(user).await?, parcel).await;
        }
        Channel::Webhook(hook) => webhook::send(hook, parcel).await?,
        Channel::Exec(arguments) => exec::send(arguments, parcel).await?,
    }
    Ok(None)
}

/// Reads what may be a secret.
async fn read(value: &Value) -> Result<String, SendFailure> {
    value::read(value).await.map_err(SendFailure::refused)
}

async fn needed(value: Option<&Value>, key: &str) -> Result<String, SendFailure> {
    match value {
        Some(value) => read(value).await,
        None => Err(SendFailure::refused(format!(
            "`alarms.{key}` is not set, so nothing can be sent by it"
        ))),
    }
}

fn who(channel: &Channel, alarms: &Alarms) -> String {
    match (channel, &alarms.smtp) {
        (Channel::Email(_), Some(smtp)) => format!("the mail server {}:{}", smtp.host, smtp.port),
        (Channel::Exec(arguments), _) => arguments.first().cloned().unwrap_or_default(),
        _ => channel.word().to_owned(),
    }
}

#[cfg(test)]
mod tests;
