//! What happens to messages that wait: they are begun, tried again, ended, folded; and there is an end to their number.

use std::collections::BTreeSet;

use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::OptionalExtension;

use super::MessageOutcome;
use super::NewMessage;
use super::messages;
use super::messages::cut;
use crate::store::Handle;
use crate::store::StoreError;

impl Handle {
    /// Writes down that a message is being sent: from here on it may have arrived.
    pub async fn begin_message(&self, id: i64) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| begin(connection, id))
            .await
    }

    /// Writes down that a message did not arrive, why, and when it is tried again.
    pub async fn retry_message(
        &self,
        id: i64,
        next_at: i64,
        error: String,
    ) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| retry(connection, id, next_at, &error, false))
            .await
    }

    /// The same for a message that may have arrived all the same.
    pub async fn doubt_message(
        &self,
        id: i64,
        next_at: i64,
        error: String,
    ) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| retry(connection, id, next_at, &error, true))
            .await
    }

    /// Writes down how a message ended that waited; one that does not wait stays as it is.
    pub async fn end_message(
        &self,
        id: i64,
        outcome: MessageOutcome,
        at: i64,
        error: Option<String>,
    ) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| end(connection, id, outcome, at, error.as_deref()))
            .await
    }

    /// Puts a message in the place of several that wait, in one transaction; returns its number. `parts` is what it
    /// tells of, as JSON, for the next time that it is folded. When none of them waits any more, nothing happens, and the
    /// number is that of the message which took their place: who does not know whether it was done may ask again.
    pub async fn fold_messages(
        &self,
        ids: Vec<i64>,
        into: NewMessage,
        parts: Option<String>,
    ) -> Result<i64, StoreError> {
        self.write_of_watch(move |connection| fold(connection, &ids, &into, parts.as_deref()))
            .await
    }

    /// Ends messages that wait because another that waits tells all that they say, in one transaction.
    pub async fn fold_into_message(
        &self,
        ids: Vec<i64>,
        into: i64,
        at: i64,
    ) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| {
            let transaction = connection.transaction()?;
            give_way(&transaction, &ids, into, at)?;
            transaction.commit()
        })
        .await
    }
}

/// Keeps the number of messages that wait for a channel within its limit: the oldest that is not critical gives way to
/// the newest of its incident, or goes when there is none.
pub(super) fn bound(connection: &Connection, new: &[NewMessage]) -> rusqlite::Result<()> {
    let lanes: BTreeSet<_> = new
        .iter()
        .map(|message| (&*message.person, &*message.channel))
        .collect();
    for (person, channel) in lanes {
        let waiting: u32 = connection
            .prepare_cached(
                "SELECT count(*) FROM messages WHERE person = ?1 AND channel = ?2 AND outcome IS NULL",
            )?
            .query_row((person, channel), |row| row.get(0))?;
        for _ in limits::MESSAGES_WAITING_MAX..waiting {
            make_room(connection, person, channel)?;
        }
    }
    Ok(())
}

fn make_room(connection: &Connection, person: &str, channel: &str) -> rusqlite::Result<()> {
    let of_an_incident = "SELECT id, (
            SELECT max(id) FROM messages WHERE person = ?1 AND channel = ?2 AND outcome IS NULL
               AND incident = message.incident
         ) AS newest FROM messages AS message
         WHERE person = ?1 AND channel = ?2 AND outcome IS NULL AND severity <> 'critical' AND incident IS NOT NULL
            AND is_begun = 0 AND newest > id ORDER BY id LIMIT 1";
    let of_an_incident: Option<(i64, i64)> = connection
        .prepare_cached(of_an_incident)?
        .query_row((person, channel), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((id, into)) = of_an_incident {
        let at = "SELECT queued_at FROM messages WHERE id = ?1";
        let at = connection
            .prepare_cached(at)?
            .query_row([into], |row| row.get(0))?;
        return give_way(connection, &[id], into, at);
    }
    connection
        .prepare_cached(
            "UPDATE messages SET outcome = 'dropped', ended_at = queued_at, error = ?3 WHERE id = (
                SELECT id FROM messages WHERE person = ?1 AND channel = ?2 AND outcome IS NULL
                ORDER BY severity = 'critical', id LIMIT 1
             )",
        )?
        .execute((person, channel, NO_ROOM))?;
    Ok(())
}

/// Why a message was dropped for which there was no room.
const NO_ROOM: &str = "too many messages waited";

fn begin(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE messages SET is_begun = 1 WHERE id = ?1 AND outcome IS NULL")?
        .execute([id])?;
    Ok(())
}

fn retry(
    connection: &Connection,
    id: i64,
    next_at: i64,
    error: &str,
    may_have_arrived: bool,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE messages SET tries = tries + 1, next_at = ?2, error = ?3, is_begun = ?4
             WHERE id = ?1 AND outcome IS NULL",
        )?
        .execute((
            id,
            next_at,
            cut(error, limits::EVENT_TEXT_BYTES_MAX),
            may_have_arrived,
        ))?;
    Ok(())
}

fn end(
    connection: &Connection,
    id: i64,
    outcome: MessageOutcome,
    at: i64,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE messages SET outcome = ?2, ended_at = ?3, error = ?4 WHERE id = ?1 AND outcome IS NULL",
        )?
        .execute((
            id,
            outcome.word(),
            at,
            error.map(|error| cut(error, limits::EVENT_TEXT_BYTES_MAX)),
        ))?;
    Ok(())
}

fn fold(
    connection: &mut Connection,
    ids: &[i64],
    into: &NewMessage,
    parts: Option<&str>,
) -> rusqlite::Result<i64> {
    let transaction = connection.transaction()?;
    if let Some(before) = folded_before(&transaction, ids)? {
        return Ok(before);
    }
    let id = messages::insert(&transaction, into, parts)?;
    give_way(&transaction, ids, id, into.queued_at)?;
    transaction.commit()?;
    Ok(id)
}

/// The message that took the place of all these; `None` while one of them waits.
fn folded_before(connection: &Connection, ids: &[i64]) -> rusqlite::Result<Option<i64>> {
    let mut into = None;
    for id in ids {
        let row: Option<(bool, Option<i64>)> = connection
            .prepare_cached("SELECT outcome IS NULL, folded_into FROM messages WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match row {
            Some((true, _)) => return Ok(None),
            Some((false, folded_into)) => into = into.or(folded_into),
            None => {}
        }
    }
    Ok(into)
}

/// Ends messages in whose place another is sent.
fn give_way(connection: &Connection, ids: &[i64], into: i64, at: i64) -> rusqlite::Result<()> {
    for id in ids {
        connection
            .prepare_cached(
                "UPDATE messages SET outcome = 'folded', ended_at = ?3, folded_into = ?2
                 WHERE id = ?1 AND outcome IS NULL",
            )?
            .execute((id, into, at))?;
    }
    Ok(())
}
