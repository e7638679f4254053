//! Tries to get certificates: written down before an issuer is asked, and how they ended.

use ondol_model::HostPattern;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;
use ondol_model::issuing::Outcome;
use ondol_model::issuing::Try;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::Row;

/// The number of a recorded try; later ones have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TryId(pub i64);

/// A try as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedTry {
    /// Its number.
    pub id: TryId,
    /// What the certificate is called.
    pub name: HostPattern,
    /// The try.
    pub tried: Try,
    /// When it ended, in seconds since the Unix epoch, and how, for people; `None` while it lasts.
    pub ended: Option<(i64, String)>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryEnd {
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// How.
    pub outcome: Outcome,
    /// How, for people.
    pub message: String,
}

/// Writes a try down that begins, forgets the oldest, and returns when both are on disk.
pub(crate) fn begin(
    connection: &mut Connection,
    name: &HostPattern,
    tried: &Try,
) -> rusqlite::Result<TryId> {
    let names: Vec<_> = tried.names.iter().map(ToString::to_string).collect();
    let transaction = connection.transaction()?;
    transaction
        .prepare_cached(
            "INSERT INTO certificate_tries (name, names, issuer, environment, at, ordered, replaces)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            name.to_string(),
            names.join(" "),
            &tried.issuer,
            tried.environment.word(),
            tried.at,
            tried.ordered,
            tried.replaces,
        ))?;
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached("DELETE FROM certificate_tries WHERE id <= ?1")?
        .execute([id - i64::from(limits::TRIES_MAX)])?;
    transaction.commit()?;
    Ok(TryId(id))
}

/// Notes that the issuer is asked for an order now; returns when that is on disk.
pub(crate) fn order(connection: &Connection, id: TryId, replaces: bool) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE certificate_tries SET ordered = 1, replaces = ?2 WHERE id = ?1")?
        .execute((id.0, replaces))?;
    Ok(())
}

/// Notes how a try ended; returns when that is on disk.
pub(crate) fn end(connection: &Connection, id: TryId, end: &TryEnd) -> rusqlite::Result<()> {
    let TryEnd {
        at,
        outcome,
        message,
    } = end;
    let (word, retry_at) = match outcome {
        Outcome::Issued => (ISSUED, None),
        Outcome::Failed { kind, retry_at } => (kind.word(), *retry_at),
    };
    let message = &message[..message.floor_char_boundary(limits::EVENT_TEXT_BYTES_MAX)];
    connection
        .prepare_cached(
            "UPDATE certificate_tries SET ended_at = ?2, outcome = ?3, retry_at = ?4, message = ?5
             WHERE id = ?1",
        )?
        .execute((id.0, at, word, retry_at, message))?;
    Ok(())
}

/// All tries, the oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<RecordedTry>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, names, issuer, environment, at, ordered, replaces, ended_at, outcome, retry_at, message
         FROM certificate_tries ORDER BY id",
    )?;
    let rows = statement.query_map((), recorded)?;
    // What a later version wrote and this one has no word for is left out.
    rows.filter_map(Result::transpose).collect()
}

/// The word of a try that ended well.
const ISSUED: &str = "issued";

fn recorded(row: &Row<'_>) -> rusqlite::Result<Option<RecordedTry>> {
    let names: String = row.get(2)?;
    let names: Vec<_> = names
        .split(' ')
        .filter_map(|name| HostPattern::parse(name).ok())
        .collect();
    let (name, environment): (String, String) = (row.get(1)?, row.get(4)?);
    let (Ok(name), Some(environment)) =
        (HostPattern::parse(&name), Environment::parse(&environment))
    else {
        return Ok(None);
    };
    let ended = match row.get::<_, Option<i64>>(8)? {
        Some(at) => Some((at, row.get::<_, Option<String>>(11)?.unwrap_or_default())),
        None => None,
    };
    let outcome = match row.get::<_, Option<String>>(9)?.as_deref() {
        None => None,
        Some(ISSUED) => Some(Outcome::Issued),
        Some(word) => Some(Outcome::Failed {
            kind: FailureKind::parse(word).unwrap_or(FailureKind::Interrupted),
            retry_at: row.get(10)?,
        }),
    };
    Ok(Some(RecordedTry {
        id: TryId(row.get(0)?),
        name,
        tried: Try {
            issuer: row.get::<_, String>(3)?.into_boxed_str(),
            environment,
            names,
            at: row.get(5)?,
            ordered: row.get(6)?,
            replaces: row.get(7)?,
            outcome,
        },
        ended,
    }))
}
