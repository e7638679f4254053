//! A database as a stream of bytes: the file that SQLite would have, if all that was written were in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Cursor;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::databases::sqlite::Moment;
use crate::failure::Failure;
use crate::failure::FailureKind;

/// A database that writers wait for is read at once: into memory up to this many bytes, else into a file.
pub(super) const MEMORY_BYTES_MAX: u64 = 4 << 20;
/// Every page of a database up to this size is looked at each time; it takes a second or two. Larger ones are looked
/// at when a backup is proven.
const LOOK_BYTES_MAX: u64 = 256 << 20;

/// A database as a stream of bytes.
#[derive(Debug)]
pub(crate) struct Reader {
    size: u64,
    as_of: i64,
    from: From,
    rows: Option<BTreeMap<String, u64>>,
    failure: Option<Failure>,
}

#[derive(Debug)]
enum From {
    Pages(Box<Pages>),
    Memory(Cursor<Vec<u8>>),
    File(File),
}

/// A moment that is read page by page.
#[derive(Debug)]
struct Pages {
    moment: Moment,
    /// The next page.
    next: u32,
    page: Vec<u8>,
    /// How much of the page has been given.
    at: usize,
}

impl Reader {
    /// A database at this moment. `scratch` is a folder of this machine for what writers must not wait for.
    pub(crate) fn open(path: &Path, scratch: &Path) -> Result<Self, Failure> {
        let moment = Moment::begin(path)?;
        let (size, as_of) = (moment.bytes(), moment.as_of);
        if !moment.stops_writers {
            return Ok(Self::of_moment(moment));
        }
        let (from, rows) = if size <= MEMORY_BYTES_MAX {
            let mut copy = Vec::new();
            let rows = copied(&moment, &mut copy)?;
            (From::Memory(Cursor::new(copy)), rows)
        } else if has_room(scratch, size) {
            let mut copy = nameless_in(scratch).map_err(|error| not_copied(path, &error))?;
            let rows = copied(&moment, &mut copy)?;
            copy.rewind().map_err(|error| not_copied(path, &error))?;
            (From::File(copy), rows)
        } else {
            return Ok(Self::of_moment(moment));
        };
        Ok(Self {
            size,
            as_of,
            from,
            rows: Some(rows),
            failure: None,
        })
    }

    fn of_moment(moment: Moment) -> Self {
        Self {
            size: moment.bytes(),
            as_of: moment.as_of,
            from: From::Pages(Box::new(Pages {
                moment,
                next: 1,
                page: Vec::new(),
                at: 0,
            })),
            rows: None,
            failure: None,
        }
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The moment, in seconds since the Unix epoch.
    pub(crate) fn as_of(&self) -> i64 {
        self.as_of
    }

    /// How many rows each table has; known when all is read.
    pub(crate) fn take_rows(&mut self) -> BTreeMap<String, u64> {
        self.rows.take().unwrap_or_default()
    }

    /// Why it could not be read to its end.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let pages = match &mut self.from {
            From::Memory(copy) => return copy.read(into),
            From::File(copy) => return copy.read(into),
            From::Pages(pages) => pages,
        };
        let read = pages.next_page();
        read.map_err(|failure| told(&mut self.failure, failure))?;
        if pages.has_ended() && self.rows.is_none() {
            let moment = &pages.moment;
            let rows = moment.rows(self.size <= LOOK_BYTES_MAX);
            let rows = rows.and_then(|rows| moment.confirm().map(|()| rows));
            self.rows = Some(rows.map_err(|failure| told(&mut self.failure, failure))?);
        }
        let count = (&pages.page[pages.at..]).read(into)?;
        pages.at += count;
        Ok(count)
    }
}

impl Pages {
    /// Reads the next page when the last one has been given.
    fn next_page(&mut self) -> Result<(), Failure> {
        if self.at == self.page.len() && self.next <= self.moment.pages() {
            self.page.clear();
            self.at = 0;
            self.moment.read_page(self.next, &mut self.page)?;
            self.next += 1;
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.at == self.page.len()
    }
}

fn told(place: &mut Option<Failure>, failure: Failure) -> io::Error {
    let error = io::Error::other(failure.sentence.clone());
    *place = Some(failure);
    error
}

/// Copies all pages at once, and counts the rows of the same moment.
fn copied(moment: &Moment, out: &mut impl Write) -> Result<BTreeMap<String, u64>, Failure> {
    let mut page = Vec::new();
    for number in 1..=moment.pages() {
        page.clear();
        moment.read_page(number, &mut page)?;
        out.write_all(&page).map_err(|error| {
            let sentence = format!("The copy of a database could not be written: {error}.");
            Failure::new(FailureKind::Here, sentence)
        })?;
    }
    moment.rows(moment.bytes() <= LOOK_BYTES_MAX)
}

/// Whether a folder has room for a copy, and for as much again.
fn has_room(folder: &Path, bytes: u64) -> bool {
    let Ok(room) = rustix::fs::statvfs(folder) else {
        return false;
    };
    room.f_bavail.saturating_mul(room.f_frsize) / 2 > bytes
}

/// A file without a name: it is gone when it is closed, however that happens.
fn nameless_in(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(File::from(file))
}

fn not_copied(path: &Path, error: &io::Error) -> Failure {
    let sentence = format!(
        "The database {} could not be copied: {error}.",
        path.display()
    );
    Failure::new(FailureKind::Here, sentence)
}
