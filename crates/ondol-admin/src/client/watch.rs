//! What is asked about how everything is, and about alarms.

use super::Client;
use super::ClientError;
use crate::api;

impl Client {
    /// How everything is.
    pub async fn watch(&self) -> Result<api::Watch, ClientError> {
        self.read("/watch").await
    }

    /// What is wrong, and what becomes of the messages about it.
    pub async fn alarms(&self, query: api::AlarmsQuery) -> Result<api::Alarms, ClientError> {
        let api::AlarmsQuery { all, limit } = query;
        let limit = limit.map_or_else(String::new, |limit| format!("&limit={limit}"));
        self.read(&format!("/alarms?all={all}{limit}")).await
    }

    /// Has messages sent to see whether they arrive; a refusal is an answer too.
    pub async fn test_alarm(
        &self,
        question: &api::AlarmTestQuestion,
    ) -> Result<api::AlarmTestAnswer, ClientError> {
        self.command("/alarms/test", question).await
    }

    /// Has it written down that somebody looks after an incident; a refusal is an answer too.
    pub async fn acknowledge(
        &self,
        question: &api::AlarmAckQuestion,
    ) -> Result<api::AlarmAnswer, ClientError> {
        self.command("/alarms/ack", question).await
    }

    /// Has nobody told of something for a while; a refusal is an answer too.
    pub async fn silence(
        &self,
        question: &api::AlarmSilenceQuestion,
    ) -> Result<api::AlarmAnswer, ClientError> {
        self.command("/alarms/silence", question).await
    }
}
