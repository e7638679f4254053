//! One moment of a database: a read transaction, whose pages are read one after another.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::clock;

use crate::databases::sqlite::damaged;
use crate::databases::sqlite::open;
use crate::databases::sqlite::open::Opened;
use crate::databases::sqlite::rows;
use crate::failure::Failure;

const PAGE: &str = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";

/// One moment of a database. While there is one, others write; where there is no write-ahead log, they wait.
#[derive(Debug)]
pub(crate) struct Moment {
    path: PathBuf,
    opened: Opened,
    page_bytes: u64,
    pages: u32,
    /// When it was, in seconds since the Unix epoch.
    pub(crate) as_of: i64,
    /// Whether writers wait for its end.
    pub(crate) stops_writers: bool,
}

impl Moment {
    /// Begins one.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        let opened = open::open(path)?;
        let begun = begun(&opened);
        let (page_bytes, pages, mode) = begun.map_err(|error| open::failure(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            page_bytes,
            pages,
            as_of: clock::unix_seconds(),
            stops_writers: mode != "wal",
            opened,
        })
    }

    /// How many bytes the database has.
    pub(crate) fn bytes(&self) -> u64 {
        self.page_bytes * u64::from(self.pages)
    }

    /// How many pages.
    pub(crate) fn pages(&self) -> u32 {
        self.pages
    }

    /// A page, counted from 1, after what the buffer holds already.
    pub(crate) fn read_page(&self, number: u32, into: &mut Vec<u8>) -> Result<(), Failure> {
        let connection = &self.opened.connection;
        let read = connection.prepare_cached(PAGE).and_then(|mut statement| {
            statement.query_row([number], |row| {
                into.extend_from_slice(row.get_ref(0)?.as_blob()?);
                Ok(())
            })
        });
        read.map_err(|error| open::failure(&self.path, &error))
    }

    /// How many rows each table has; an error when the database is damaged, as far as that and, where it is wanted,
    /// a look at every page show.
    pub(crate) fn rows(&self, thorough: bool) -> Result<BTreeMap<String, u64>, Failure> {
        let connection = &self.opened.connection;
        let failure = |error| open::failure(&self.path, &error);
        if thorough && let Some(fault) = rows::check(connection, "quick_check").map_err(failure)? {
            return Err(damaged(&self.path, &fault));
        }
        rows::count(connection).map_err(failure)
    }

    /// Fails when what was read was not one moment after all.
    pub(crate) fn confirm(&self) -> Result<(), Failure> {
        self.opened.still_settled(&self.path)
    }
}

/// The bytes of a page, how many there are, and how the database is written.
fn begun(opened: &Opened) -> rusqlite::Result<(u64, u32, String)> {
    let connection = &opened.connection;
    connection.execute_batch("BEGIN")?;
    // The first read is what begins it.
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let page_bytes = u64::try_from(number("page_size")?).unwrap_or(0);
    let pages = u32::try_from(number("page_count")?).unwrap_or(0);
    let mode = match opened.settled {
        // Nobody is kept from writing by a file that is only looked at.
        Some(_) => "wal".to_owned(),
        None => connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
    };
    Ok((page_bytes, pages, mode))
}
