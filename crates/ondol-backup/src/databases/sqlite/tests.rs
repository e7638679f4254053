//! Databases of SQLite as their programs leave them, read.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use ondol_base::tasks;
use rusqlite::Connection;

use super::Reader;
use super::integrity;
use super::open::beside;
use super::rows;
use crate::failure::Failure;
use crate::failure::FailureKind;

const ACCOUNTS: i64 = 500;

/// A database of accounts, whose balances always come to nothing.
fn bank(folder: &Path, mode: &str) -> (PathBuf, Connection) {
    let path = folder.join("bank.db");
    let connection = Connection::open(&path).unwrap();
    let _: String = connection
        .pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0))
        .unwrap();
    connection
        .execute_batch("PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 200")
        .unwrap();
    connection
        .execute_batch(
            "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note TEXT);
             CREATE TABLE moves (id INTEGER PRIMARY KEY, what TEXT);
             CREATE INDEX notes ON accounts (note);",
        )
        .unwrap();
    for id in 0..ACCOUNTS {
        connection
            .execute(
                "INSERT INTO accounts VALUES (?1, 0, hex(randomblob(200)))",
                [id],
            )
            .unwrap();
    }
    (path, connection)
}

/// Moves money until it is told to stop.
fn move_money(connection: &Connection, stop: &AtomicBool, done: &AtomicU64) {
    connection
        .busy_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    let mut number: i64 = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let (from, to) = (number * 7 % ACCOUNTS, number * 13 % ACCOUNTS);
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 UPDATE accounts SET balance = balance - {number}, note = hex(randomblob(150)) WHERE id = {from};
                 INSERT INTO moves (what) VALUES (hex(randomblob(300)));
                 DELETE FROM moves WHERE id < {number} - 2000;
                 UPDATE accounts SET balance = balance + {number} WHERE id = {to};
                 COMMIT;"
            ))
            .unwrap();
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn read_all(path: &Path, scratch: &Path) -> Result<(Vec<u8>, Reader), Failure> {
    let mut reader = Reader::open(path, scratch)?;
    let mut bytes = Vec::new();
    match reader.read_to_end(&mut bytes) {
        Ok(_) => Ok((bytes, reader)),
        Err(_) => Err(reader.take_failure().unwrap()),
    }
}

/// A copy that is one moment: whole, balanced, and with as many rows as were told.
fn check(bytes: &[u8], reader: &mut Reader, folder: &Path) {
    assert_eq!(bytes.len() as u64, reader.size());
    let copy = folder.join("copy.db");
    fs::write(&copy, bytes).unwrap();
    integrity(&copy).unwrap();
    assert_eq!(rows(&copy).unwrap(), reader.take_rows());
    let sum: i64 = Connection::open(&copy)
        .unwrap()
        .query_row("SELECT sum(balance) FROM accounts", (), |row| row.get(0))
        .unwrap();
    assert_eq!(sum, 0, "the copy has half of a transaction");
    for end in super::SIDECARS {
        let _ = fs::remove_file(beside(&copy, end));
    }
}

fn read_while_written(mode: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), mode);
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let writer = {
        let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
        tasks::spawn_thread("writer", move || move_money(&connection, &stop, &done)).unwrap()
    };
    while done.load(Ordering::Relaxed) < 50 {
        std::thread::yield_now();
    }
    let mut copies = 0;
    while copies < 20 {
        let before = done.load(Ordering::Relaxed);
        let (bytes, mut reader) = read_all(&path, folder.path()).unwrap();
        check(&bytes, &mut reader, folder.path());
        copies += 1;
        while done.load(Ordering::Relaxed) <= before {
            std::thread::yield_now();
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn a_database_with_a_log_is_read_while_it_is_written() {
    read_while_written("wal");
}

#[test]
fn a_database_with_a_journal_is_read_while_it_is_written() {
    read_while_written("delete");
}

#[test]
fn what_is_only_in_the_log_is_read_and_the_log_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), "wal");
    connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0")
        .unwrap();
    connection
        .execute_batch("INSERT INTO moves (what) VALUES ('only in the log')")
        .unwrap();
    let log = beside(&path, "-wal");
    let before = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    let (bytes, mut reader) = read_all(&path, folder.path()).unwrap();
    assert_eq!((fs::read(&path).unwrap(), fs::read(&log).unwrap()), before);
    let text = b"only in the log";
    assert!(bytes.windows(text.len()).any(|it| it == text));
    check(&bytes, &mut reader, folder.path());
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_is_left_beside_a_database_that_nobody_uses() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), "wal");
    drop(connection);
    assert_eq!(names(folder.path()), ["bank.db"]);
    let (bytes, mut reader) = read_all(&path, folder.path()).unwrap();
    assert_eq!(bytes, fs::read(&path).unwrap());
    assert_eq!(reader.take_rows()["accounts"], 500);
    drop(reader);
    assert_eq!(names(folder.path()), ["bank.db"]);
}

#[test]
fn a_database_that_a_program_keeps_locked_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), "delete");
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let failure = read_all(&path, folder.path()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Locked);
    assert!(
        failure.sentence.contains("was locked by a program"),
        "{failure}"
    );
}

#[test]
fn a_damaged_database_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), "delete");
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    for page in 2..bytes.len() / 4096 {
        bytes[page * 4096 + 3] ^= 0x55;
    }
    fs::write(&path, bytes).unwrap();
    let failure = read_all(&path, folder.path()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Damaged, "{failure}");
}

#[test]
fn what_is_no_database_and_what_is_not_there_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let failure = read_all(&path, folder.path()).unwrap_err();
    assert!(failure.sentence.contains("is not there"), "{failure}");
    fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let failure = read_all(&path, folder.path()).unwrap_err();
    assert!(failure.sentence.contains("is no database"), "{failure}");
}

#[test]
fn a_write_that_was_cut_off_is_left_for_its_program() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), "delete");
    connection.execute_batch("PRAGMA cache_size = 2; BEGIN; UPDATE accounts SET balance = 1, note = hex(randomblob(900))").unwrap();
    // What a power cut leaves: the file and its journal in the middle of the write.
    let other = folder.path().join("other.db");
    fs::copy(&path, &other).unwrap();
    fs::copy(beside(&path, "-journal"), beside(&other, "-journal")).unwrap();
    let before = fs::read(&other).unwrap();
    let failure = read_all(&other, folder.path()).unwrap_err();
    assert!(failure.sentence.contains("was cut off"), "{failure}");
    assert_eq!(fs::read(&other).unwrap(), before);
    assert!(beside(&other, "-journal").exists());
}

#[test]
fn a_large_database_with_a_journal_does_not_stop_its_writers_while_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (path, connection) = bank(folder.path(), "delete");
    connection
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO moves (what) SELECT hex(randomblob(500)) FROM n",
        )
        .unwrap();
    let mut reader = Reader::open(&path, folder.path()).unwrap();
    assert!(reader.size() > super::reader::MEMORY_BYTES_MAX);
    connection.execute_batch("DELETE FROM moves").unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    check(&bytes, &mut reader, folder.path());
}
