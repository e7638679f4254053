//! Databases: how each kind is read whole and at one moment, while others go on to write to it.

mod address;
mod client;
mod dump;
mod mysql;
mod postgres;
mod program;
mod running;
mod saving;
mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use address::with_database;
pub(crate) use client::Client;
pub(crate) use program::Program;
pub(crate) use running::Running;
pub(crate) use saving::Ledger;
pub(crate) use saving::Saving;
pub(crate) use saving::snapshot_path;
pub(crate) use sqlite::MAGIC as SQLITE_MAGIC;
pub(crate) use sqlite::Moment;
pub(crate) use sqlite::Reader as SqliteReader;
pub(crate) use sqlite::SIDECARS as SQLITE_SIDECARS;
pub(crate) use sqlite::beside;
pub(crate) use sqlite::integrity as sqlite_integrity;
pub(crate) use sqlite::rows as sqlite_rows;
