//! Databases of SQLite.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::OpenFlags;

use crate::failure::Failure;
use crate::failure::FailureKind;

/// How many rows each table of a database file has, as they are counted for a manifest. The file is not changed.
pub(crate) fn rows(path: &Path) -> Result<BTreeMap<String, u64>, Failure> {
    let connection = open(path).map_err(|error| trouble(path, &error))?;
    count(&connection).map_err(|error| trouble(path, &error))
}

/// Whether a database file is whole, by SQLite's own check; a sentence with what is not.
pub(crate) fn integrity(path: &Path) -> Result<(), Failure> {
    let connection = open(path).map_err(|error| trouble(path, &error))?;
    let answer: String = connection
        .query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))
        .map_err(|error| trouble(path, &error))?;
    if answer == "ok" {
        return Ok(());
    }
    let sentence = format!("{} is damaged: {answer}.", path.display());
    Err(Failure::new(FailureKind::Damaged, sentence))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn count(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut names = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let names: Vec<String> = names
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut rows = BTreeMap::new();
    for name in names {
        let question = format!(
            "SELECT count(*) FROM main.\"{}\"",
            name.replace('"', "\"\"")
        );
        let number: i64 = connection.query_row(&question, (), |row| row.get(0))?;
        rows.insert(name, u64::try_from(number).unwrap_or(0));
    }
    Ok(rows)
}

fn trouble(path: &Path, error: &rusqlite::Error) -> Failure {
    let sentence = format!(
        "{} could not be read as a database: {error}.",
        path.display()
    );
    Failure::new(FailureKind::Here, sentence)
}
