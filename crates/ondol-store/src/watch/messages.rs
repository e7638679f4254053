//! Messages to people: what they say, and how they ended.

use ondol_model::limits;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use rusqlite::Connection;
use rusqlite::Row;

use crate::store::Handle;
use crate::store::StoreError;

/// A message by one channel of one person, in words that never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The incident that it is about; `None` where there is none, or several.
    pub incident: Option<i64>,
    /// The name of the person.
    pub person: String,
    /// The name of the channel among the person's (`email`, `email-2`).
    pub channel: String,
    /// Why it is sent.
    pub kind: NoticeKind,
    /// How much it matters.
    pub severity: Severity,
    /// The text of the subject; empty where it is about none.
    pub subject: String,
    /// Its first line.
    pub title: String,
    /// All of it.
    pub text: String,
    /// When it was queued.
    pub queued_at: i64,
    /// It is not sent before.
    pub not_before: i64,
    /// It is worth nothing after.
    pub expires_at: i64,
    /// Whether an answer is asked for.
    pub wants_answer: bool,
}

/// A message as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number; later ones have larger numbers, and none is given twice.
    pub id: i64,
    /// The message.
    pub new: NewMessage,
    /// How often it was tried to send it, and did not succeed.
    pub tries: u32,
    /// Whether it is being sent, or may have arrived although nobody said so.
    pub is_begun: bool,
    /// When it will be tried again.
    pub next_at: i64,
    /// How it ended; `None` while it waits.
    pub outcome: Option<MessageOutcome>,
    /// When.
    pub ended_at: Option<i64>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// What it tells of, where it took the place of several, as JSON.
    pub parts: Option<String>,
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageOutcome {
    /// Its channel took it.
    Delivered,
    /// Another took its place.
    Folded,
    /// It could not be delivered for too long.
    GivenUp,
    /// There is nobody any more to whom it could be sent, or there was no room.
    Dropped,
}

impl MessageOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Folded, Self::GivenUp, Self::Dropped];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Folded => "folded",
            Self::GivenUp => "given-up",
            Self::Dropped => "dropped",
        }
    }

    /// The outcome of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

impl Handle {
    /// The messages that wait, of all people, the oldest first.
    pub async fn waiting_messages(&self) -> Result<Vec<Message>, StoreError> {
        self.read_of_watch(|connection| waiting(connection)).await
    }

    /// The messages that wait for one channel of one person, the oldest first.
    pub async fn waiting_messages_for(
        &self,
        person: &str,
        channel: &str,
    ) -> Result<Vec<Message>, StoreError> {
        let (person, channel) = (person.to_owned(), channel.to_owned());
        self.read_of_watch(move |connection| waiting_for(connection, &person, &channel))
            .await
    }

    /// How many messages wait, and since when the oldest does.
    pub async fn count_waiting(&self) -> Result<(u64, Option<i64>), StoreError> {
        self.read_of_watch(|connection| count_waiting(connection))
            .await
    }

    /// The newest messages, the newest first: at most `limit`, and never more than
    /// [`limits::MESSAGES_PER_ANSWER_MAX`].
    pub async fn messages(&self, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.read_of_watch(move |connection| newest(connection, limit))
            .await
    }

    /// When each channel of each person last took a message: person, channel, time.
    pub async fn last_delivered(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        self.read_of_watch(|connection| last_delivered(connection))
            .await
    }

    /// Who has been told of an incident, or will be: a message about it was delivered or waits, or the one that took
    /// its place.
    pub async fn told(&self, incident: i64) -> Result<Vec<String>, StoreError> {
        self.read_of_watch(move |connection| told(connection, incident))
            .await
    }
}

const COLUMNS: &str = "id, incident, person, channel, kind, severity, subject, title, text, queued_at, not_before, \
    expires_at, wants_answer, tries, is_begun, next_at, outcome, ended_at, error, parts";

/// Puts a message into the outbox; returns its number.
pub(super) fn insert(
    connection: &Connection,
    message: &NewMessage,
    parts: Option<&str>,
) -> rusqlite::Result<i64> {
    let NewMessage {
        incident,
        person,
        channel,
        kind,
        severity,
        subject,
        title,
        text,
        queued_at,
        not_before,
        expires_at,
        wants_answer,
    } = message;
    connection
        .prepare_cached(
            "INSERT INTO messages (incident, person, channel, kind, severity, subject, title, text, queued_at,
                not_before, expires_at, wants_answer, next_at, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?10, ?13)",
        )?
        .execute((
            incident,
            person,
            channel,
            kind.word(),
            severity.word(),
            subject,
            cut(title, limits::EVENT_TEXT_BYTES_MAX),
            cut(text, limits::MESSAGE_TEXT_BYTES_MAX),
            queued_at,
            not_before,
            expires_at,
            wants_answer,
            parts,
        ))?;
    Ok(connection.last_insert_rowid())
}

/// A text, as far as there is room for it.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// How many messages each person got, or will get, since a time: see [`super::WatchMemory::spent`].
pub(super) fn spent(connection: &Connection, since: i64) -> rusqlite::Result<Vec<(String, u32)>> {
    connection
        .prepare_cached(
            "SELECT person, max(n) FROM (
                SELECT person, count(*) AS n FROM messages
                WHERE queued_at >= ?1 AND severity <> 'critical' AND kind IN ('problem', 'reminder', 'news')
                   AND (outcome IS NULL OR outcome = 'delivered')
                GROUP BY person, channel
             ) GROUP BY person",
        )?
        .query_map([since], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Forgets the oldest messages that don't wait.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM messages WHERE outcome IS NOT NULL AND id <= (
            SELECT id FROM messages WHERE outcome IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?1
         )",
        [limits::MESSAGES_ENDED_MAX],
    )?;
    Ok(())
}

fn waiting(connection: &Connection) -> rusqlite::Result<Vec<Message>> {
    let question = format!("SELECT {COLUMNS} FROM messages WHERE outcome IS NULL ORDER BY id");
    let mut statement = connection.prepare_cached(&question)?;
    known(statement.query_map((), recorded)?)
}

fn count_waiting(connection: &Connection) -> rusqlite::Result<(u64, Option<i64>)> {
    connection
        .prepare_cached("SELECT count(*), min(queued_at) FROM messages WHERE outcome IS NULL")?
        .query_row((), |row| Ok((row.get::<_, u32>(0)?.into(), row.get(1)?)))
}

fn waiting_for(
    connection: &Connection,
    person: &str,
    channel: &str,
) -> rusqlite::Result<Vec<Message>> {
    let question = format!(
        "SELECT {COLUMNS} FROM messages WHERE person = ?1 AND channel = ?2 AND outcome IS NULL ORDER BY id"
    );
    let mut statement = connection.prepare_cached(&question)?;
    known(statement.query_map((person, channel), recorded)?)
}

fn newest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<Message>> {
    let question = format!("SELECT {COLUMNS} FROM messages ORDER BY id DESC LIMIT ?1");
    let mut statement = connection.prepare_cached(&question)?;
    known(statement.query_map([limit.min(limits::MESSAGES_PER_ANSWER_MAX)], recorded)?)
}

fn last_delivered(connection: &Connection) -> rusqlite::Result<Vec<(String, String, i64)>> {
    connection
        .prepare_cached(
            "SELECT person, channel, max(ended_at) FROM messages WHERE outcome = 'delivered' GROUP BY person, channel",
        )?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

fn told(connection: &Connection, incident: i64) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            // One that was folded into a message which is forgotten already was told long ago.
            "WITH RECURSIVE way (person, outcome, target) AS (
                SELECT person, outcome, folded_into FROM messages WHERE incident = ?1
                UNION
                SELECT way.person, next.outcome, next.folded_into FROM way JOIN messages AS next ON next.id = way.target
             )
             SELECT DISTINCT person FROM way
             WHERE outcome IS NULL OR outcome = 'delivered'
                OR (outcome = 'folded' AND NOT EXISTS (SELECT 1 FROM messages WHERE id = way.target))
             ORDER BY 1",
        )?
        .query_map([incident], |row| row.get(0))?
        .collect()
}

/// What a later version wrote and this one has no word for is left out.
fn known<T>(rows: impl Iterator<Item = rusqlite::Result<Option<T>>>) -> rusqlite::Result<Vec<T>> {
    rows.filter_map(Result::transpose).collect()
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Option<Message>> {
    let (kind, severity): (String, String) = (row.get(4)?, row.get(5)?);
    let (Some(kind), Some(severity)) = (NoticeKind::parse(&kind), Severity::parse(&severity))
    else {
        return Ok(None);
    };
    let outcome: Option<String> = row.get(16)?;
    let outcome = match outcome.as_deref().map(MessageOutcome::parse) {
        None => None,
        Some(Some(outcome)) => Some(outcome),
        Some(None) => return Ok(None),
    };
    Ok(Some(Message {
        id: row.get(0)?,
        new: NewMessage {
            incident: row.get(1)?,
            person: row.get(2)?,
            channel: row.get(3)?,
            kind,
            severity,
            subject: row.get(6)?,
            title: row.get(7)?,
            text: row.get(8)?,
            queued_at: row.get(9)?,
            not_before: row.get(10)?,
            expires_at: row.get(11)?,
            wants_answer: row.get(12)?,
        },
        tries: row.get(13)?,
        is_begun: row.get(14)?,
        next_at: row.get(15)?,
        outcome,
        ended_at: row.get(17)?,
        error: row.get(18)?,
        parts: row.get(19)?,
    }))
}
