//! What else is to be known of backups after a restart, by name.

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use crate::store::Handle;
use crate::store::StoreError;

impl Handle {
    /// A fact; `None` when it was never told.
    pub async fn backup_fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read_of_backups(move |connection| fact(connection, &name))
            .await
    }

    /// Writes a fact down in place of what was told before; returns when it is on disk.
    pub async fn set_backup_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write_of_backups(move |connection| set(connection, &name, &value))
            .await
    }
}

fn fact(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM backup_facts WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO backup_facts (name, value) VALUES (?1, ?2)")?
        .execute((name, value))?;
    Ok(())
}
