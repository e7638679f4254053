//! Opens another program's database to read it and nothing else.

use std::fmt::Write;
use std::fs;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ondol_base::clock;
use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::ffi;
use rustix::fs::OFlags;

use crate::databases::sqlite::MAGIC;
use crate::failure::Failure;
use crate::failure::FailureKind;

/// How long somebody else's write is waited for.
const BUSY: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// Where the header says how the database is written: 2 means by a write-ahead log.
const WRITE_VERSION: usize = 18;
/// File systems tell the time of a change no more exactly than this, in seconds. Tests can't make a file old.
const STAMP_SECONDS: i64 = if cfg!(test) { -1 } else { 2 };

/// A database, opened to be read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// How its file was, when nobody had it open: then it is read as it lies, for SQLite would leave sidecars behind.
    pub(super) settled: Option<Stamp>,
}

/// By which a change of a file is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let meta = fs::metadata(path)?;
        Ok(Self {
            inode: meta.ino(),
            size: meta.len(),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// Whether a change after now is told apart from the last one.
    fn is_old(&self) -> bool {
        clock::unix_seconds() - self.changed.0 > STAMP_SECONDS
    }
}

impl Opened {
    /// Fails when somebody began to use a settled one: then what was read is not one moment.
    pub(super) fn still_settled(&self, path: &Path) -> Result<(), Failure> {
        let Some(settled) = self.settled else {
            return Ok(());
        };
        let is_same = Stamp::of(path).is_ok_and(|now| now == settled);
        if is_same && !has_log(path) {
            return Ok(());
        }
        let sentence = format!(
            "A program began to write to the database {} while it was read.",
            path.display()
        );
        Err(Failure::new(FailureKind::Locked, sentence))
    }
}

/// Opens a database file for reading.
pub(super) fn open(path: &Path) -> Result<Opened, Failure> {
    let settled = settled(path);
    let opened = match settled {
        Some(_) => immutable(path),
        None => Connection::open_with_flags(path, flags()),
    };
    let connection = opened.map_err(|error| failure(path, &error))?;
    prepare(&connection).map_err(|error| failure(path, &error))?;
    Ok(Opened {
        connection,
        settled,
    })
}

/// Whether the first bytes of a file are those of a database.
pub(crate) fn is_database(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn immutable(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        let _ = write!(uri, "%{byte:02X}");
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags() | OpenFlags::SQLITE_OPEN_URI)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A mapped file that somebody else cuts off would end the process.
    connection.pragma_update(None, "mmap_size", 0)
}

/// A database with a write-ahead log has the log beside it as long as anybody has it open.
fn settled(path: &Path) -> Option<Stamp> {
    let stamp = Stamp::of(path).ok()?;
    let mut header = [0; 100];
    read_start(path, &mut header).ok()?;
    let has_log_at_times = is_database(&header) && header[WRITE_VERSION] == 2;
    (has_log_at_times && !has_log(path) && stamp.is_old()).then_some(stamp)
}

fn read_start(path: &Path, into: &mut [u8]) -> io::Result<()> {
    // A pipe that somebody puts there meanwhile must not hold the job.
    let mut options = fs::File::options();
    let never_waits = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = options.read(true).custom_flags(never_waits).open(path)?;
    file.read_exact(into)
}

fn has_log(path: &Path) -> bool {
    let log = beside(path, "-wal");
    fs::symlink_metadata(log).is_ok()
}

/// The path of a sidecar.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Why a database could not be read, for its owner.
pub(super) fn failure(path: &Path, error: &rusqlite::Error) -> Failure {
    let name = path.display();
    let (kind, sentence) = match (error.sqlite_error_code(), extended(error)) {
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => {
            let seconds = BUSY.as_secs();
            let sentence = format!(
                "The database {name} was locked by a program for {seconds} s. Let that program end its writes sooner, \
                 or switch the database to a write-ahead log (`PRAGMA journal_mode = wal`)."
            );
            (FailureKind::Locked, sentence)
        }
        (Some(ErrorCode::DatabaseCorrupt), _) => {
            let sentence = format!(
                "The database {name} is damaged. Its backups from before that are as they were."
            );
            (FailureKind::Damaged, sentence)
        }
        (Some(ErrorCode::NotADatabase), _) => {
            let sentence = format!("{name} is no database of SQLite, or an encrypted one.");
            (FailureKind::Damaged, sentence)
        }
        (_, ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY) => {
            let sentence = format!(
                "A write to the database {name} was cut off, and is undone when its program opens it again: start it."
            );
            (FailureKind::Here, sentence)
        }
        (Some(ErrorCode::CannotOpen), _) if !path.exists() => {
            let sentence = format!("The database {name} is not there.");
            (FailureKind::Here, sentence)
        }
        _ => {
            let sentence = format!("The database {name} could not be read: {error}.");
            (FailureKind::Here, sentence)
        }
    };
    Failure::new(kind, sentence)
}

fn extended(error: &rusqlite::Error) -> i32 {
    error.sqlite_error().map_or(0, |error| error.extended_code)
}
