//! Databases of SQLite, read as one moment saw them, while their programs go on. Nothing of them is ever written: no
//! checkpoint, no sidecar, no rolled back write.

mod moment;
mod open;
mod reader;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use moment::Moment;
pub(crate) use open::beside;
pub(crate) use reader::Reader;

use crate::failure::Failure;
use crate::failure::FailureKind;

/// What the first bytes of every database are.
pub(crate) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// What the names of files beside a database end with.
pub(crate) const SIDECARS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How many rows each table of a database file has, as they are counted for a manifest. The file is not changed.
pub(crate) fn rows(path: &Path) -> Result<BTreeMap<String, u64>, Failure> {
    let opened = open::open(path)?;
    rows::count(&opened.connection).map_err(|error| open::failure(path, &error))
}

/// Whether a database file is whole, by SQLite's own check; a sentence with what is not.
pub(crate) fn integrity(path: &Path) -> Result<(), Failure> {
    let opened = open::open(path)?;
    let answer = rows::check(&opened.connection, "integrity_check")
        .map_err(|error| open::failure(path, &error))?;
    match answer {
        None => Ok(()),
        Some(fault) => Err(damaged(path, &fault)),
    }
}

fn damaged(path: &Path, fault: &str) -> Failure {
    let sentence = format!(
        "The database {} is damaged ({}). Its backups from before that are as they were.",
        path.display(),
        fault.trim()
    );
    Failure::new(FailureKind::Damaged, sentence)
}

/// The version of SQLite that reads.
pub(crate) fn engine() -> String {
    format!("SQLite {}", rusqlite::version())
}
