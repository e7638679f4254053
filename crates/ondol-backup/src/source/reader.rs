//! The bytes of a file, of a database or of what is neither.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Cursor;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::databases::SQLITE_MAGIC;
use crate::databases::Saving;
use crate::databases::SqliteReader;
use crate::failure::FailureKind;
use crate::source::Scene;

/// So much is read at once; the library itself asks for 4 KiB.
const PIECE_BYTES_MAX: u64 = 256 * 1024;

/// The bytes of an entry.
#[derive(Debug)]
pub(crate) struct Reader {
    from: From,
    /// Where to tell that it could not be read to its end; what comes of databases is told elsewhere.
    told: Option<(PathBuf, Arc<Scene>)>,
}

#[derive(Debug)]
enum From {
    File(BufReader<io::Take<File>>),
    Database(Box<SqliteReader>),
    Bytes(Cursor<Vec<u8>>),
    Saving(BufReader<Box<Saving>>),
}

impl Reader {
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        let from = From::Bytes(Cursor::new(bytes));
        Self { from, told: None }
    }

    pub(super) fn of_saving(saving: Box<Saving>) -> Self {
        let from = From::Saving(BufReader::with_capacity(PIECE_BYTES_MAX as usize, saving));
        Self { from, told: None }
    }

    /// A file. One that is a database after all is read as such.
    pub(super) fn of_file(path: &Path, scene: &Arc<Scene>) -> Result<Self, ()> {
        match opened(path) {
            Ok((file, false)) => Ok(Self::told(From::File(file), path, scene)),
            Ok((file, true)) => {
                // Closing it later would end the locks that a database is read under.
                drop(file);
                Self::of_database(path, scene)
            }
            Err(error) => {
                scene.gaps.error(path, &error);
                Err(())
            }
        }
    }

    /// A file that is a database. One that is locked is not read; of a damaged one there is nothing better than its
    /// bytes.
    pub(super) fn of_database(path: &Path, scene: &Arc<Scene>) -> Result<Self, ()> {
        let failure = match SqliteReader::open(path, &scene.scratch) {
            Ok(reader) => {
                let from = From::Database(Box::new(reader));
                return Ok(Self::told(from, path, scene));
            }
            Err(failure) => failure,
        };
        if failure.kind == FailureKind::Locked {
            scene.gaps.unreadable(path, &failure.sentence);
            return Err(());
        }
        match opened(path) {
            Ok((file, _)) => {
                let sentence = format!("{} It was saved as it lies.", failure.sentence);
                scene.gaps.note(sentence);
                Ok(Self::told(From::File(file), path, scene))
            }
            Err(error) => {
                scene.gaps.error(path, &error);
                Err(())
            }
        }
    }

    fn told(from: From, path: &Path, scene: &Arc<Scene>) -> Self {
        let told = Some((path.to_owned(), Arc::clone(scene)));
        Self { from, told }
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.from {
            From::File(file) => file.read(into),
            From::Database(database) => database.read(into),
            From::Bytes(bytes) => bytes.read(into),
            From::Saving(saving) => saving.read(into),
        };
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
            && let Some((path, scene)) = self.told.take()
        {
            scene.gaps.error(&path, error);
        }
        read
    }
}

/// Whether a file begins as databases do.
pub(super) fn is_database(path: &Path) -> bool {
    opened(path).is_ok_and(|(_, is_database)| is_database)
}

/// A file as long as it is now, and whether it begins as databases do: one that somebody goes on to write has no end.
fn opened(path: &Path) -> io::Result<(BufReader<io::Take<File>>, bool)> {
    let file = File::from(open(path)?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        // Somebody has put something else in its place.
        return Err(io::ErrorKind::NotFound.into());
    }
    let size = meta.len();
    let piece = (size + 1).clamp(512, PIECE_BYTES_MAX);
    let mut file = BufReader::with_capacity(piece as usize, file.take(size));
    let is_database = file.fill_buf()?.starts_with(SQLITE_MAGIC);
    Ok((file, is_database))
}

/// Nobody's link is followed, nobody is waited for, and no time of reading is left where that is allowed.
fn open(path: &Path) -> rustix::io::Result<std::os::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::open(path, flags, Mode::empty()),
        opened => opened,
    }
}
