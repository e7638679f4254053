//! The last sign of life of the box.

use rusqlite::Connection;
use rusqlite::OptionalExtension;

use crate::store::Handle;
use crate::store::StoreError;

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Which start of the machine.
    pub boot_id: String,
    /// The time of day, in seconds since the Unix epoch.
    pub wall: i64,
    /// Seconds since the machine started, asleep or not.
    pub boottime: i64,
    /// Whether what comes after it is meant.
    pub is_clean: bool,
    /// Why, as a word; empty where it is not clean.
    pub reason: String,
}

impl Handle {
    /// Writes down that the box lives, in place of what was written before; returns when it is on disk.
    pub async fn beat(&self, beat: Beat) -> Result<(), StoreError> {
        self.write_of_watch(move |connection| put(connection, &beat))
            .await
    }

    /// Brings everything into the one file, so that nothing is left to be done after a power cut that is near.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.write_of_watch(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        })
        .await
    }

    /// The last sign of life; `None` when there was none.
    pub async fn last_beat(&self) -> Result<Option<Beat>, StoreError> {
        self.read_of_watch(|connection| last(connection)).await
    }
}

fn put(connection: &Connection, beat: &Beat) -> rusqlite::Result<()> {
    let Beat {
        boot_id,
        wall,
        boottime,
        is_clean,
        reason,
    } = beat;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO watch_beat (id, boot_id, wall, boottime, is_clean, reason)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((boot_id, wall, boottime, is_clean, reason))?;
    Ok(())
}

fn last(connection: &Connection) -> rusqlite::Result<Option<Beat>> {
    connection
        .prepare_cached("SELECT boot_id, wall, boottime, is_clean, reason FROM watch_beat")?
        .query_row((), |row| {
            Ok(Beat {
                boot_id: row.get(0)?,
                wall: row.get(1)?,
                boottime: row.get(2)?,
                is_clean: row.get(3)?,
                reason: row.get(4)?,
            })
        })
        .optional()
}
