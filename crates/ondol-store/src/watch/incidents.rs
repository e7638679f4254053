//! What is or was wrong, and how things are.

use std::collections::BTreeMap;

use ondol_model::limits;
use ondol_model::watch::Severity;
use ondol_model::watch::State;
use rusqlite::Connection;
use rusqlite::Row;

use super::RecordedIncident;
use super::RecordedState;
use super::messages::cut;
use crate::store::Handle;
use crate::store::StoreError;

impl Handle {
    /// The newest incidents, the newest first: at most `limit`, and never more than
    /// [`limits::MESSAGES_PER_ANSWER_MAX`].
    pub async fn incidents(&self, limit: u32) -> Result<Vec<RecordedIncident>, StoreError> {
        self.read_of_watch(move |connection| newest(connection, limit))
            .await
    }

    /// When the newest [`limits::INCIDENTS_ENDED_MAX`] incidents began and ended.
    pub async fn incident_times(&self) -> Result<BTreeMap<i64, (i64, Option<i64>)>, StoreError> {
        self.read_of_watch(|connection| times(connection)).await
    }

    /// Whether an incident is over, or somebody looks after it; not of one that is not known.
    pub async fn is_incident_settled(&self, id: i64) -> Result<bool, StoreError> {
        self.read_of_watch(move |connection| is_settled(connection, id))
            .await
    }

    /// Forgets how subjects are that are not watched any more.
    pub async fn forget_states(&self, subjects: Vec<String>) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| forget_states(connection, &subjects))
            .await
    }
}

const COLUMNS: &str = "id, subject, members, severity, sentence, began_at, ended_at, acknowledged_by, acknowledged_at, memory";

/// Writes an incident down in place of what was known of it.
pub(super) fn put(connection: &Connection, incident: &RecordedIncident) -> rusqlite::Result<()> {
    let RecordedIncident {
        id,
        subject,
        members,
        severity,
        sentence,
        began_at,
        ended_at,
        acknowledged_by,
        acknowledged_at,
        memory,
    } = incident;
    let members: Vec<_> = members
        .iter()
        .map(|member| member.replace('\n', " "))
        .collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO incidents
             (id, subject, members, severity, sentence, began_at, ended_at, acknowledged_by, acknowledged_at, memory)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute((
            id,
            subject,
            members.join("\n"),
            severity.word(),
            cut(sentence, limits::EVENT_TEXT_BYTES_MAX),
            began_at,
            ended_at,
            acknowledged_by,
            acknowledged_at,
            memory,
        ))?;
    Ok(())
}

/// Writes down how something is, in place of what was known of it.
pub(super) fn put_state(connection: &Connection, state: &RecordedState) -> rusqlite::Result<()> {
    let RecordedState {
        subject,
        state,
        since,
        memory,
    } = state;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO watch_states (subject, state, since, memory) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((subject, state.word(), since, memory))?;
    Ok(())
}

/// The incidents that are open, the oldest first.
pub(super) fn open(connection: &Connection) -> rusqlite::Result<Vec<RecordedIncident>> {
    let question = format!("SELECT {COLUMNS} FROM incidents WHERE ended_at IS NULL ORDER BY id");
    connection
        .prepare_cached(&question)?
        .query_map((), recorded)?
        .collect()
}

/// A number that no incident has: the newest of them is never forgotten.
pub(super) fn next(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM incidents")?
        .query_row((), |row| row.get(0))
}

/// How things are.
pub(super) fn states(connection: &Connection) -> rusqlite::Result<Vec<RecordedState>> {
    let mut statement =
        connection.prepare_cached("SELECT subject, state, since, memory FROM watch_states")?;
    let rows = statement.query_map((), |row| {
        Ok(RecordedState {
            subject: row.get(0)?,
            // What a later version wrote and this one has no word for is not known here.
            state: State::parse(&row.get::<_, String>(1)?).unwrap_or(State::Unknown),
            since: row.get(2)?,
            memory: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Forgets the oldest incidents that are over.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM incidents WHERE ended_at IS NOT NULL AND id <= (
            SELECT id FROM incidents WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?1
         )",
        [limits::INCIDENTS_ENDED_MAX],
    )?;
    Ok(())
}

fn is_settled(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT count(*) > 0 FROM incidents
             WHERE id = ?1 AND (ended_at IS NOT NULL OR acknowledged_by IS NOT NULL)",
        )?
        .query_row([id], |row| row.get(0))
}

fn newest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<RecordedIncident>> {
    let question = format!("SELECT {COLUMNS} FROM incidents ORDER BY id DESC LIMIT ?1");
    connection
        .prepare_cached(&question)?
        .query_map([limit.min(limits::MESSAGES_PER_ANSWER_MAX)], recorded)?
        .collect()
}

fn times(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, (i64, Option<i64>)>> {
    connection
        .prepare_cached("SELECT id, began_at, ended_at FROM incidents ORDER BY id DESC LIMIT ?1")?
        .query_map([limits::INCIDENTS_ENDED_MAX], |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
        })?
        .collect()
}

fn forget_states(connection: &mut Connection, subjects: &[String]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for subject in subjects {
        transaction
            .prepare_cached("DELETE FROM watch_states WHERE subject = ?1")?
            .execute([subject])?;
    }
    transaction.commit()
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<RecordedIncident> {
    let members: String = row.get(2)?;
    Ok(RecordedIncident {
        id: row.get(0)?,
        subject: row.get(1)?,
        members: members.lines().map(str::to_owned).collect(),
        severity: Severity::parse(&row.get::<_, String>(3)?).unwrap_or(Severity::Critical),
        sentence: row.get(4)?,
        began_at: row.get(5)?,
        ended_at: row.get(6)?,
        acknowledged_by: row.get(7)?,
        acknowledged_at: row.get(8)?,
        memory: row.get(9)?,
    })
}
