//! Which backups there are at a target, as far as this box knows.

use ondol_model::backup::JobKind;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::Row;

use crate::store::Handle;
use crate::store::StoreError;

/// A backup that is at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its run; later ones sort after earlier ones.
    pub run: String,
    /// Whether it is of everything, or of the databases.
    pub kind: JobKind,
    /// When it ended, in seconds since the Unix epoch.
    pub at: i64,
    /// Whether nothing is missing in it.
    pub is_good: bool,
    /// What it holds, as JSON.
    pub manifest: String,
}

impl Handle {
    /// Adds backups to what is known of a target, or says anew what they are; returns when it is on disk. The oldest
    /// of more than [`limits::BACKUP_CATALOGUE_MAX`] are forgotten.
    pub async fn catalogue_add(
        &self,
        target: &str,
        entries: Vec<CatalogueEntry>,
    ) -> Result<(), StoreError> {
        let target = target.to_owned();
        self.write_of_backups(move |connection| add(connection, &target, &entries))
            .await
    }

    /// What is known of a target, the oldest first.
    pub async fn catalogue(&self, target: &str) -> Result<Vec<CatalogueEntry>, StoreError> {
        let target = target.to_owned();
        self.read_of_backups(move |connection| all(connection, &target))
            .await
    }

    /// Takes backups out of what is known of a target; returns when it is on disk.
    pub async fn catalogue_remove(
        &self,
        target: &str,
        runs: Vec<String>,
    ) -> Result<(), StoreError> {
        let target = target.to_owned();
        self.write_of_backups(move |connection| remove(connection, &target, &runs))
            .await
    }
}

fn add(
    connection: &mut Connection,
    target: &str,
    entries: &[CatalogueEntry],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for entry in entries {
        let CatalogueEntry {
            run,
            kind,
            at,
            is_good,
            manifest,
        } = entry;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO backup_catalogue (target, run, kind, at, is_good, manifest)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((target, run, kind.word(), at, is_good, manifest))?;
    }
    transaction
        .prepare_cached(
            "DELETE FROM backup_catalogue WHERE target = ?1 AND run <= (
                SELECT run FROM backup_catalogue WHERE target = ?1 ORDER BY run DESC LIMIT 1 OFFSET ?2
             )",
        )?
        .execute((target, limits::BACKUP_CATALOGUE_MAX))?;
    transaction.commit()
}

fn all(connection: &Connection, target: &str) -> rusqlite::Result<Vec<CatalogueEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT run, kind, at, is_good, manifest FROM backup_catalogue WHERE target = ?1 ORDER BY run",
    )?;
    super::known(statement.query_map([target], entry)?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<CatalogueEntry>> {
    let Some(kind) = JobKind::parse(&row.get::<_, String>(1)?) else {
        return Ok(None);
    };
    Ok(Some(CatalogueEntry {
        run: row.get(0)?,
        kind,
        at: row.get(2)?,
        is_good: row.get(3)?,
        manifest: row.get(4)?,
    }))
}

fn remove(connection: &mut Connection, target: &str, runs: &[String]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for run in runs {
        transaction
            .prepare_cached("DELETE FROM backup_catalogue WHERE target = ?1 AND run = ?2")?
            .execute((target, run))?;
    }
    transaction.commit()
}
