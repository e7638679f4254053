//! Looks whether a database file of somebody else's is whole, and changes nothing.
//!
//! Its program may open it at the same moment: what looks broken is looked at once more, in its company.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use ondol_base::clock;
use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::ffi;

/// How often, in steps of SQLite's machine, it is asked whether the time is over: some thousand times in a second.
const STEPS: i32 = 10_000;
/// How long somebody else's write is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuickCheck {
    /// It is whole.
    Whole,
    /// It is damaged: what SQLite says of it.
    Broken(String),
    /// A write to it was cut off, and is undone when its program opens it again; until then nobody can read it.
    Unfinished,
    /// It could not be looked at, or not to the end: why.
    Unknown(String),
}

/// Looks whether the database file at a path is whole, for no longer than this. Blocks.
pub fn quick_check(path: &Path, limit: Duration) -> QuickCheck {
    let until = clock::now() + limit;
    let is_file = fs::metadata(path).map(|meta| meta.is_file());
    match is_file {
        Ok(true) => {}
        Ok(false) => return QuickCheck::Unknown("it is no file".to_owned()),
        Err(error) => return QuickCheck::Unknown(error.to_string()),
    }
    if is_zeroed(path) {
        return QuickCheck::Broken("its first bytes are zeros".to_owned());
    }
    let is_alone = !has_sidecar(path);
    let found = look(path, is_alone, until);
    match (is_alone, found) {
        // Somebody may have begun to write to it meanwhile.
        (true, QuickCheck::Broken(_)) => look(path, false, until),
        (_, found) => found,
    }
}

/// One that nobody has open is read as it lies: SQLite would leave sidecars behind.
fn look(path: &Path, is_alone: bool, until: tokio::time::Instant) -> QuickCheck {
    let checked = open(path, is_alone).and_then(|mut connection| {
        connection.progress_handler(STEPS, Some(move || clock::now() >= until))?;
        connection.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0))
    });
    match checked {
        Ok(verdict) if verdict == "ok" => QuickCheck::Whole,
        Ok(verdict) => QuickCheck::Broken(verdict),
        Err(error) => unread(&error),
    }
}

fn open(path: &Path, is_alone: bool) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        let _ = write!(uri, "%{byte:02X}");
    }
    if is_alone {
        uri.push_str("?immutable=1");
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A mapped file that somebody else cuts off would end the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(connection)
}

fn unread(error: &rusqlite::Error) -> QuickCheck {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match (error.sqlite_error_code(), extended) {
        (Some(ErrorCode::DatabaseCorrupt), _) => QuickCheck::Broken(error.to_string()),
        // An encrypted one says the same, with the power never gone.
        (Some(ErrorCode::NotADatabase), _) => {
            QuickCheck::Unknown("it is no database of SQLite, or an encrypted one".to_owned())
        }
        (Some(ErrorCode::OperationInterrupted), _) => {
            QuickCheck::Unknown("it is too large to be looked at in time".to_owned())
        }
        (_, Some(ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY)) => {
            QuickCheck::Unfinished
        }
        _ => QuickCheck::Unknown(error.to_string()),
    }
}

/// What a power cut leaves of a file whose new content had not reached the disk.
fn is_zeroed(path: &Path) -> bool {
    let mut start = [1; 16];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == [0; 16]
}

fn has_sidecar(path: &Path) -> bool {
    ["-wal", "-journal"].into_iter().any(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        fs::symlink_metadata(name).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use std::io::Seek;
    use std::io::SeekFrom;
    use std::io::Write as _;
    use std::path::PathBuf;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A database with enough rows for several pages.
    fn filled(folder: &Path, mode: &str) -> (PathBuf, Connection) {
        let path = folder.join("its program's 100%.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = {mode};
                 CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                 INSERT INTO t SELECT i, hex(randomblob(100)) FROM n;"
            ))
            .unwrap();
        (path, connection)
    }

    fn damage(path: &Path) {
        let mut file = fs::File::options().write(true).open(path).unwrap();
        file.seek(SeekFrom::Start(4096 * 20)).unwrap();
        file.write_all(&[0xAA; 4096 * 3]).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_whole_one_is_whole_alone_and_in_the_company_of_its_program() {
        for mode in ["wal", "delete"] {
            let folder = tempfile::tempdir().unwrap();
            let (path, program) = filled(folder.path(), mode);
            assert_eq!(quick_check(&path, LONG), QuickCheck::Whole, "{mode}");
            drop(program);
            assert_eq!(quick_check(&path, LONG), QuickCheck::Whole, "{mode}");
            assert_eq!(names(folder.path()).len(), 1, "nothing is left behind");
        }
    }

    #[test]
    fn a_damaged_one_is_found() {
        for mode in ["wal", "delete"] {
            let folder = tempfile::tempdir().unwrap();
            let (path, program) = filled(folder.path(), mode);
            drop(program);
            damage(&path);
            let found = quick_check(&path, LONG);
            assert!(matches!(found, QuickCheck::Broken(_)), "{mode}: {found:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let zeros = folder.path().join("zeros");
        let file = fs::File::create_new(&zeros).unwrap();
        file.set_len(40_000).unwrap();
        let broken = QuickCheck::Broken("its first bytes are zeros".to_owned());
        assert_eq!(quick_check(&zeros, LONG), broken);
    }

    #[test]
    fn a_write_that_was_cut_off_is_left_to_its_program() {
        let folder = tempfile::tempdir().unwrap();
        let (path, program) = filled(folder.path(), "delete");
        program.pragma_update(None, "cache_size", 1).unwrap();
        program
            .execute_batch("BEGIN; UPDATE t SET b = hex(randomblob(100));")
            .unwrap();
        // As the power would leave it: pages of the middle of a write, and the journal to undo them.
        let cut = tempfile::tempdir().unwrap();
        for name in names(folder.path()) {
            fs::copy(folder.path().join(&name), cut.path().join(&name)).unwrap();
        }
        let copy = cut.path().join(path.file_name().unwrap());
        assert_eq!(quick_check(&copy, LONG), QuickCheck::Unfinished);
        assert_eq!(names(cut.path()).len(), 2, "the journal stays");
    }

    #[test]
    fn what_is_no_database_or_takes_too_long_is_not_called_broken() {
        let folder = tempfile::tempdir().unwrap();
        let unknown = |path: &Path, limit| match quick_check(path, limit) {
            QuickCheck::Unknown(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(unknown(folder.path(), LONG), "it is no file");
        assert!(unknown(&folder.path().join("gone"), LONG).contains("No such file"));
        let text = folder.path().join("text");
        fs::File::create_new(&text)
            .unwrap()
            .write_all(&[b'x'; 5_000])
            .unwrap();
        assert_eq!(
            unknown(&text, LONG),
            "it is no database of SQLite, or an encrypted one"
        );
        let (path, _program) = filled(folder.path(), "wal");
        assert_eq!(
            unknown(&path, Duration::ZERO),
            "it is too large to be looked at in time"
        );
    }
}
