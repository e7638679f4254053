//! From what is written down of incidents and messages to what the API says.

use ondol_model::watch::Severity;
use ondol_store::Message;
use ondol_store::NewMessage;
use ondol_store::RecordedIncident;

use super::AlarmMessage;
use super::AlarmSeverity;
use super::Incident;
use crate::api::Time;

impl From<Severity> for AlarmSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl Incident {
    /// An incident, and who was told of it.
    pub fn new(recorded: RecordedIncident, told: Vec<String>) -> Self {
        let RecordedIncident {
            id,
            subject,
            members,
            severity,
            sentence,
            began_at,
            ended_at,
            acknowledged_by,
            acknowledged_at: _,
            memory: _,
        } = recorded;
        let also = members.into_iter().filter(|member| *member != subject);
        Self {
            id,
            also: also.collect(),
            subject,
            severity: severity.into(),
            began_at: Time::from_unix_seconds(began_at),
            ended_at: ended_at.map(Time::from_unix_seconds),
            sentence,
            acknowledged_by,
            told,
        }
    }
}

impl From<Message> for AlarmMessage {
    fn from(message: Message) -> Self {
        let Message {
            id,
            new,
            tries,
            is_begun: _,
            next_at,
            outcome,
            ended_at,
            error,
            parts: _,
        } = message;
        let NewMessage {
            incident,
            person,
            channel,
            kind,
            severity,
            subject: _,
            title,
            text,
            queued_at,
            not_before: _,
            expires_at: _,
            wants_answer: _,
        } = new;
        let waits = outcome.is_none();
        Self {
            id,
            incident,
            person,
            channel,
            kind: kind.word().to_owned(),
            severity: severity.into(),
            title,
            text,
            queued_at: Time::from_unix_seconds(queued_at),
            tries,
            next_at: waits.then(|| Time::from_unix_seconds(next_at)),
            outcome: outcome.map(|outcome| outcome.word().to_owned()),
            ended_at: ended_at.map(Time::from_unix_seconds),
            error,
        }
    }
}
