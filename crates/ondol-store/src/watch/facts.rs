//! What else is to be known of watching after a restart, by name.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use crate::store::Handle;
use crate::store::StoreError;

impl Handle {
    /// A fact; `None` when it was never told.
    pub async fn watch_fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read_of_watch(move |connection| fact(connection, &name))
            .await
    }

    /// The facts whose names begin so, by name.
    pub async fn watch_facts(&self, prefix: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let prefix = prefix.to_owned();
        self.read_of_watch(move |connection| with_prefix(connection, &prefix))
            .await
    }

    /// Writes a fact down in place of what was told before; returns when it is on disk. An empty one is forgotten.
    pub async fn set_watch_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write_of_watch(move |connection| set(connection, &name, &value))
            .await
    }
}

/// All facts.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    connection
        .prepare_cached("SELECT name, value FROM watch_facts")?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn with_prefix(
    connection: &Connection,
    prefix: &str,
) -> rusqlite::Result<BTreeMap<String, String>> {
    connection
        .prepare_cached(
            "SELECT name, value FROM watch_facts WHERE substr(name, 1, length(?1)) = ?1",
        )?
        .query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn fact(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM watch_facts WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    if value.is_empty() {
        connection
            .prepare_cached("DELETE FROM watch_facts WHERE name = ?1")?
            .execute([name])?;
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO watch_facts (name, value) VALUES (?1, ?2)")?
        .execute((name, value))?;
    Ok(())
}
