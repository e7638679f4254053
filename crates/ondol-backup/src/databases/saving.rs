//! A database on its way into a backup: its digest is taken as it passes by, and what was saved is known at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use aws_lc_rs::digest;
use ondol_base::signature_v4;

use crate::access::DatabaseAccess;
use crate::access::DatabasePlace;
use crate::databases::Client;
use crate::databases::dump::Dump;
use crate::databases::sqlite;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::ManifestDatabase;

/// Where dumps of servers lie in snapshots.
const DUMPS: &str = "/ondol/databases";
/// So much of a dump is read before it is said to begin: one that ends within that is known to be whole, and its size
/// is. Of a larger one only the least size is known: a file of a snapshot that is larger than told is restored whole
/// by restic, one that is smaller would get zeros at its end.
const FIRST_BYTES_MAX: usize = 4 << 20;

/// What came of the databases of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    saved: BTreeMap<String, ManifestDatabase>,
    failed: BTreeMap<String, Failure>,
}

impl Ledger {
    /// What was saved, by name, and what was not.
    pub(crate) fn take(
        &self,
    ) -> (
        BTreeMap<String, ManifestDatabase>,
        BTreeMap<String, Failure>,
    ) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = std::mem::take(&mut *entries);
        (entries.saved, entries.failed)
    }

    /// One that was saved whole.
    fn saved(&self, database: ManifestDatabase) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.saved.insert(database.name.clone(), database);
    }

    /// One that was not.
    pub(crate) fn failed(&self, name: &str, failure: Failure) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.failed.insert(name.to_owned(), failure);
    }
}

/// A database on its way into a backup.
pub(crate) struct Saving {
    /// What is known of it so far.
    entry: ManifestDatabase,
    /// The start of a dump.
    first: io::Cursor<Vec<u8>>,
    from: From,
    digest: Option<digest::Context>,
    ledger: Arc<Ledger>,
}

#[derive(Debug)]
enum From {
    Sqlite(Box<sqlite::Reader>),
    Server(Box<Dump>),
}

impl Saving {
    /// Begins to read a database. `scratch` is a folder of this machine for copies.
    pub(crate) fn begin(
        access: &DatabaseAccess,
        scratch: &Path,
        ledger: Arc<Ledger>,
    ) -> Result<Self, Failure> {
        let (from, url, as_of) = match &access.place {
            DatabasePlace::Sqlite { path } => {
                let reader = sqlite::Reader::open(path, scratch)?;
                let as_of = reader.as_of();
                (From::Sqlite(Box::new(reader)), None, as_of)
            }
            DatabasePlace::Postgres { url, .. } | DatabasePlace::Mysql { url, .. } => {
                let dump = Dump::begin(&Client::of(&access.place)?)?;
                let as_of = dump.as_of();
                (From::Server(Box::new(dump)), Some(url.clone()), as_of)
            }
        };
        let mut saving = Self {
            entry: ManifestDatabase {
                name: access.name.clone(),
                kind: word(&access.place).to_owned(),
                path: snapshot_path(access),
                url,
                app: access.app.clone(),
                engine: String::new(),
                as_of,
                bytes: 0,
                digest: String::new(),
                rows: BTreeMap::new(),
            },
            first: io::Cursor::default(),
            from,
            digest: Some(digest::Context::new(&digest::SHA256)),
            ledger,
        };
        saving.read_first()?;
        Ok(saving)
    }

    /// How many bytes it has, or at least has.
    pub(crate) fn least_size(&self) -> u64 {
        match &self.from {
            From::Sqlite(reader) => reader.size(),
            From::Server(_) => self.first.get_ref().len() as u64,
        }
    }

    fn read_first(&mut self) -> Result<(), Failure> {
        let From::Server(dump) = &mut self.from else {
            return Ok(());
        };
        let mut first = Vec::new();
        let read = dump.take(FIRST_BYTES_MAX as u64).read_to_end(&mut first);
        if let Err(error) = read {
            return Err(dump.take_failure().unwrap_or_else(|| stopped(&error)));
        }
        self.first = io::Cursor::new(first);
        Ok(())
    }

    fn end(&mut self) {
        let Some(digest) = self.digest.take() else {
            return; // It has been told.
        };
        let mut entry = self.entry.clone();
        entry.digest = signature_v4::hex(digest.finish().as_ref());
        (entry.engine, entry.rows) = match &mut self.from {
            From::Sqlite(reader) => (sqlite::engine(), reader.take_rows()),
            From::Server(dump) => dump.take_end(),
        };
        self.ledger.saved(entry);
    }

    fn fail(&mut self, error: &io::Error) {
        let told = match &mut self.from {
            From::Sqlite(reader) => reader.take_failure(),
            From::Server(dump) => dump.take_failure(),
        };
        self.digest = None;
        let failure = told.unwrap_or_else(|| stopped(error));
        self.ledger.failed(&self.entry.name, failure);
    }
}

impl Read for Saving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut read = self.first.read(into);
        if matches!(read, Ok(0)) {
            self.first = io::Cursor::default();
            read = match &mut self.from {
                From::Sqlite(reader) => reader.read(into),
                From::Server(dump) => dump.read(into),
            };
        }
        match &read {
            Ok(0) if !into.is_empty() => self.end(),
            Ok(count) => {
                self.entry.bytes += *count as u64;
                if let Some(digest) = &mut self.digest {
                    digest.update(&into[..*count]);
                }
            }
            Err(error) => self.fail(error),
        }
        read
    }
}

impl fmt::Debug for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saving")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

fn stopped(error: &io::Error) -> Failure {
    let sentence = format!("It could not be read to its end: {error}.");
    Failure::new(FailureKind::Here, sentence)
}

/// The word for the kind of a database.
pub(crate) fn word(place: &DatabasePlace) -> &'static str {
    match place {
        DatabasePlace::Sqlite { .. } => "sqlite",
        DatabasePlace::Postgres { .. } => "postgres",
        DatabasePlace::Mysql { .. } => "mysql",
    }
}

/// Where a database lies in its snapshot: a file at its own place, links followed.
pub(crate) fn snapshot_path(access: &DatabaseAccess) -> PathBuf {
    let dumps = Path::new(DUMPS);
    match &access.place {
        DatabasePlace::Sqlite { path } => path.canonicalize().unwrap_or_else(|_| path.clone()),
        DatabasePlace::Postgres { .. } => dumps.join(format!("{}.pgdump", access.name)),
        DatabasePlace::Mysql { .. } => dumps.join(format!("{}.sql", access.name)),
    }
}
