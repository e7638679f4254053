//! Messages on their way to people: one file for each kind of channel. Who sends decides nothing.

use std::time::Duration;

use ondol_model::plan::Alarms;
use ondol_model::plan::Channel;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;

/// A message, ready to go: its words never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Its number in the outbox; the same when it is sent again, so that receivers can tell.
    pub(crate) id: i64,
    pub(crate) incident: Option<i64>,
    pub(crate) kind: NoticeKind,
    pub(crate) severity: Severity,
    pub(crate) box_name: String,
    /// The subject's text (`site:blog.example.com`); empty where it is about none.
    pub(crate) subject: String,
    pub(crate) title: String,
    pub(crate) text: String,
    /// When it was queued, in seconds since the Unix epoch.
    pub(crate) queued_at: i64,
    /// Whether an answer stops the escalation, so that a way to give one is offered.
    pub(crate) wants_answer: bool,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SendFailure {
    pub(crate) kind: SendFailureKind,
    /// A sentence for the owner, without secrets: who was asked, what came back.
    pub(crate) message: String,
}

/// What a failure means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendFailureKind {
    /// Nobody was reached; the internet may be away.
    Unreachable,
    /// It was reached, and can't now; not before so long.
    Busy(Option<Duration>),
    /// It was refused, and will be until the configuration changes: a wrong token, an unknown address.
    Refused,
    /// What came back makes no sense; it may have been sent.
    Strange,
}

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
    let _ = (alarms, parcel);
    Err(SendFailure {
        kind: SendFailureKind::Refused,
        message: format!("nothing can be sent by {} yet", channel.word()),
    })
}
