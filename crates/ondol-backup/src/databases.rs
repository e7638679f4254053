//! Databases: how each kind is read whole and at one moment, while others go on to write to it.

mod address;
mod client;
mod mysql;
mod postgres;
mod program;
mod running;
mod sqlite;

pub(crate) use client::Client;
pub(crate) use program::Program;
pub(crate) use running::Running;
pub(crate) use sqlite::integrity as sqlite_integrity;
pub(crate) use sqlite::rows as sqlite_rows;
