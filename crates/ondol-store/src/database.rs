//! The file itself: opened, checked, migrated; put aside when it is broken.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::clock;
use ondol_base::file;
use ondol_model::limits;
use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;

use crate::migrate;

/// Why the store could not be opened. A broken file is no reason: see [`crate::Opened::put_aside`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be made.
    #[error("cannot make the database {}", path.display())]
    Make {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite could not open or prepare it.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A later version of Ondol wrote it; an older one must not touch what it doesn't understand.
    #[error(
        "the database {} was written by Ondol {} and this is {}: run that version or a later one, or move the database away to begin without its events",
        path.display(),
        program.as_deref().unwrap_or("of a later version"),
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of Ondol that brought it to its present form.
        program: Option<String>,
    },
    /// It belongs to another program.
    #[error(
        "{} is a database of another program (application id {application_id:#010x}): move it away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        application_id: i32,
    },
    /// It is broken, and could not be put aside.
    #[error("the database {} is broken and cannot be moved aside", path.display())]
    PutAside {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is broken although it was just made: the disk does not keep what is written to it.
    #[error("the new database {} is broken at once: look at the disk", path.display())]
    StillBroken {
        /// The database.
        path: PathBuf,
    },
    /// The store's thread could not be started.
    #[error("cannot start the store's thread")]
    Thread(#[source] io::Error),
}

/// An open database, and where the broken one before it was put.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) put_aside: Option<PathBuf>,
}

/// What is wrong with a file, as far as it decides what to do about it.
enum Fault {
    Broken,
    Other(OpenError),
}

/// Opens a database of the present schema, whatever is at the path: nothing, an older schema, rubbish.
pub(crate) fn open(path: &Path) -> Result<Database, OpenError> {
    let put_aside = match open_whole(path) {
        Ok(connection) => {
            return Ok(Database {
                connection,
                put_aside: None,
            });
        }
        Err(Fault::Broken) => put_aside(path).map_err(|source| OpenError::PutAside {
            path: path.to_owned(),
            source,
        })?,
        Err(Fault::Other(error)) => return Err(error),
    };
    match open_whole(path) {
        Ok(connection) => Ok(Database {
            connection,
            put_aside: Some(put_aside),
        }),
        Err(Fault::Other(error)) => Err(error),
        Err(Fault::Broken) => Err(OpenError::StillBroken {
            path: path.to_owned(),
        }),
    }
}

/// A database of the present schema without a file.
pub(crate) fn open_in_memory() -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Open {
        path: PathBuf::from(":memory:"),
        source,
    };
    let mut connection = Connection::open_in_memory().map_err(failed)?;
    migrate::migrate(&mut connection).map_err(failed)?;
    Ok(connection)
}

fn open_whole(path: &Path) -> Result<Connection, Fault> {
    make_private(path).map_err(|source| {
        Fault::Other(OpenError::Make {
            path: path.to_owned(),
            source,
        })
    })?;
    let fault = |source| fault(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    prepare(&connection).map_err(fault)?;
    check_owner(path, &connection)?;
    if !is_sound(&connection).map_err(fault)? {
        return Err(Fault::Broken);
    }
    migrate::migrate(&mut connection).map_err(fault)?;
    Ok(connection)
}

/// SQLite would make the file readable by everyone; its WAL takes the mode of the file.
fn make_private(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    path.parent().map_or(Ok(()), file::sync_folder)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(limits::STORE_BUSY)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;",
    )
}

fn check_owner(path: &Path, connection: &Connection) -> Result<(), Fault> {
    let fault = |source| fault(path, source);
    let application_id = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(fault)?;
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fault)?;
    let is_new = application_id == 0 && tables == 0;
    if application_id != migrate::APPLICATION_ID && !is_new {
        return Err(Fault::Other(OpenError::Foreign {
            path: path.to_owned(),
            application_id,
        }));
    }
    if migrate::version(connection).map_err(fault)? > migrate::KNOWN_VERSION {
        return Err(Fault::Other(OpenError::Newer {
            path: path.to_owned(),
            program: migrate::program(connection),
        }));
    }
    Ok(())
}

/// Reads every page; a store of this size takes milliseconds.
fn is_sound(connection: &Connection) -> rusqlite::Result<bool> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(verdict == "ok")
}

fn fault(path: &Path, source: rusqlite::Error) -> Fault {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Broken,
        _ => Fault::Other(OpenError::Open {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Renames the file and what SQLite keeps beside it; returns its new name.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let time = clock::rfc3339(clock::unix_seconds()).replace(['-', ':'], "");
    let aside = with_suffix(path, &format!(".broken-{time}"));
    for suffix in ["-wal", "-shm", ""] {
        match std::fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    path.parent().map_or(Ok(()), file::sync_folder)?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
