//! How things are, what is wrong, and the messages about it: kept so that a power cut loses none.
//!
//! Texts in JSON are its users' own; nothing here looks into them.

mod beat;
mod facts;
mod history;
mod incidents;
mod messages;
mod outbox;

use std::collections::BTreeMap;

use ondol_model::watch::Severity;
use ondol_model::watch::State;
use rusqlite::Connection;

pub use beat::Beat;
pub use history::HistorySlice;
pub use history::HourSlice;
pub use messages::Message;
pub use messages::MessageOutcome;
pub use messages::NewMessage;

use crate::store::Handle;
use crate::store::StoreError;

/// What changed at once: written in one transaction, so that a message is never without its incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchChange {
    /// Incidents, as they are now.
    pub incidents: Vec<RecordedIncident>,
    /// Messages about it.
    pub messages: Vec<NewMessage>,
    /// How things are now, where that changed.
    pub states: Vec<RecordedState>,
}

/// Something that is, or was, wrong. Times are seconds since the Unix epoch, as everywhere here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedIncident {
    /// Its number, given by who watches; one that is known already is replaced.
    pub id: i64,
    /// The text of the subject that is the cause.
    pub subject: String,
    /// The texts of the subjects that are not well because of it.
    pub members: Vec<String>,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence about it.
    pub sentence: String,
    /// Since when.
    pub began_at: i64,
    /// Until when; `None` while it is open.
    pub ended_at: Option<i64>,
    /// Who looks after it.
    pub acknowledged_by: Option<String>,
    /// Since when somebody does.
    pub acknowledged_at: Option<i64>,
    /// What else is to be remembered of it, as JSON.
    pub memory: String,
}

/// How something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedState {
    /// The text of the subject.
    pub subject: String,
    /// How it is.
    pub state: State,
    /// Since when.
    pub since: i64,
    /// What else is to be remembered of it, as JSON.
    pub memory: String,
}

/// All that who watches must know after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchMemory {
    /// The incidents that are open, the oldest first.
    pub incidents: Vec<RecordedIncident>,
    /// How things were.
    pub states: Vec<RecordedState>,
    /// A number that no incident has, nor any after it.
    pub next_incident: i64,
    /// The facts that were told, by name.
    pub facts: BTreeMap<String, String>,
    /// How many messages each person got, or will get, since the time that was asked for: those by the channel with
    /// the most of them, of problems, reminders and news that are not critical.
    pub spent: Vec<(String, u32)>,
}

impl Handle {
    /// Writes down what changed, in one transaction; returns the numbers of the messages, in their order, when it is on
    /// disk. The oldest of more than [`ondol_model::limits::MESSAGES_WAITING_MAX`] messages that wait for a channel give
    /// way to the newest of their incident, where they can.
    pub async fn commit_watch(&self, change: WatchChange) -> Result<Vec<i64>, StoreError> {
        self.write_of_watch(move |connection| commit(connection, &change))
            .await
    }

    /// All that who watches must know after a restart; `since` is the last midnight.
    pub async fn watch_memory(&self, since: i64) -> Result<WatchMemory, StoreError> {
        self.read_of_watch(move |connection| memory(connection, since))
            .await
    }

    /// Moves the times of what is open or waits, because the clock was set: by so many seconds into the future.
    pub async fn shift_watch_times(&self, seconds: i64) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| shift(connection, seconds))
            .await
    }

    /// Forgets what is older, or more, than is worth keeping.
    pub async fn forget_old(&self, now: i64) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| forget(connection, now))
            .await
    }
}

fn commit(connection: &mut Connection, change: &WatchChange) -> rusqlite::Result<Vec<i64>> {
    let WatchChange {
        incidents,
        messages,
        states,
    } = change;
    let transaction = connection.transaction()?;
    for incident in incidents {
        incidents::put(&transaction, incident)?;
    }
    for state in states {
        incidents::put_state(&transaction, state)?;
    }
    let mut ids = Vec::with_capacity(messages.len());
    for message in messages {
        ids.push(messages::insert(&transaction, message, None)?);
    }
    outbox::bound(&transaction, messages)?;
    transaction.commit()?;
    Ok(ids)
}

fn memory(connection: &Connection, since: i64) -> rusqlite::Result<WatchMemory> {
    Ok(WatchMemory {
        incidents: incidents::open(connection)?,
        states: incidents::states(connection)?,
        next_incident: incidents::next(connection)?,
        facts: facts::all(connection)?,
        spent: messages::spent(connection, since)?,
    })
}

fn shift(connection: &mut Connection, seconds: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for statement in [
        "UPDATE incidents SET began_at = began_at + ?1, acknowledged_at = acknowledged_at + ?1
         WHERE ended_at IS NULL",
        "UPDATE messages SET queued_at = queued_at + ?1, not_before = not_before + ?1,
         expires_at = expires_at + ?1, next_at = next_at + ?1 WHERE outcome IS NULL",
        "UPDATE watch_states SET since = since + ?1",
    ] {
        transaction.execute(statement, [seconds])?;
    }
    transaction.commit()
}

fn forget(connection: &mut Connection, now: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    messages::forget(&transaction)?;
    incidents::forget(&transaction)?;
    history::forget(&transaction, now)?;
    transaction.commit()
}

#[cfg(test)]
mod tests;
