//! What happened on the box: writing it down, reading it back, forgetting the oldest.

use ondol_base::clock;
use ondol_model::event::EventKind;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::Row;

use crate::store::Handle;
use crate::store::StoreError;

/// The number of a recorded event; later ones have larger numbers, and none is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub i64);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What kind of thing.
    pub kind: EventKind,
    /// What it happened to: a site, a generation, a file; empty for the box itself.
    pub subject: String,
    /// A sentence for the person who runs the box.
    pub message: String,
}

/// Which events are asked for: all that every part fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventsQuestion {
    /// How many at most, and never more than [`limits::EVENTS_PER_ANSWER_MAX`].
    pub limit: u32,
    /// Only those older than this one.
    pub before: Option<EventId>,
    /// Only those with this in their subject.
    pub subject: Option<String>,
    /// Only those of this kind, or of all kinds whose words begin with it and a hyphen (`backup` of `backup-taken`).
    pub kind: Option<String>,
    /// Only those that are not older than this, in milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
}

impl Handle {
    /// The newest events that fit, the newest first.
    pub async fn find_events(&self, question: EventsQuestion) -> Result<Vec<Recorded>, StoreError> {
        self.read_of_watch(move |connection| find(connection, &question))
            .await
    }
}

impl Event {
    /// Something that happened now.
    pub fn new(kind: EventKind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            at_ms: clock::unix_milliseconds(),
            kind,
            subject: subject.into(),
            message: message.into(),
        }
    }
}

/// An event as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number.
    pub id: EventId,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The word of its [`EventKind`]; may be one of a later version.
    pub kind: String,
    /// What it happened to; empty for the box itself.
    pub subject: String,
    /// A sentence for the person who runs the box.
    pub message: String,
}

/// Writes an event, forgets those that are too old, and returns when both are on disk.
pub(crate) fn record(connection: &mut Connection, event: &Event) -> rusqlite::Result<EventId> {
    let Event {
        at_ms,
        kind,
        subject,
        message,
    } = event;
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(
            "INSERT INTO events (at_ms, kind, subject, message) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((at_ms, kind.word(), cut(subject), cut(message)))?;
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached("DELETE FROM events WHERE id <= ?1")?
        .execute([id - i64::from(limits::EVENTS_MAX)])?;
    transaction.commit()?;
    Ok(EventId(id))
}

/// The newest events, the newest first; `before` asks for those older than one.
pub(crate) fn newest(
    connection: &Connection,
    limit: u32,
    before: Option<EventId>,
) -> rusqlite::Result<Vec<Recorded>> {
    let limit = limit.min(limits::EVENTS_PER_ANSWER_MAX);
    let EventId(before) = before.unwrap_or(EventId(i64::MAX));
    connection
        .prepare_cached(
            "SELECT id, at_ms, kind, subject, message FROM events
             WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        )?
        .query_map((before, limit), recorded)?
        .collect()
}

fn find(connection: &Connection, question: &EventsQuestion) -> rusqlite::Result<Vec<Recorded>> {
    let EventsQuestion {
        limit,
        before,
        subject,
        kind,
        since_ms,
    } = question;
    let limit = (*limit).min(limits::EVENTS_PER_ANSWER_MAX);
    let EventId(before) = before.unwrap_or(EventId(i64::MAX));
    connection
        .prepare_cached(
            "SELECT id, at_ms, kind, subject, message FROM events
             WHERE id < ?1 AND (?3 IS NULL OR instr(subject, ?3) > 0)
             AND (?4 IS NULL OR kind = ?4 OR instr(kind, ?4 || '-') = 1)
             AND (?5 IS NULL OR at_ms >= ?5)
             ORDER BY id DESC LIMIT ?2",
        )?
        .query_map((before, limit, subject, kind, since_ms), recorded)?
        .collect()
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    Ok(Recorded {
        id: EventId(row.get(0)?),
        at_ms: row.get(1)?,
        kind: row.get(2)?,
        subject: row.get(3)?,
        message: row.get(4)?,
    })
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::EVENT_TEXT_BYTES_MAX)]
}
