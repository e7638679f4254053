//! A log file: appended to in whole lines, opened again when it was moved away.

use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use ondol_base::clock;
use ondol_model::plan::Rotation;
use rustix::fs::FlockOperation;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use tokio::time::Instant;

use super::AccessLogFailure;
use super::rotate;

/// How long a file is written to before its path is looked at again.
const LOOK: Duration = Duration::from_secs(2);
/// How often a file is opened that is moved away just then.
const OPENINGS: u32 = 8;

/// A file that others may rename, to rotate it, or remove.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// `None` from the moment that it is known to be elsewhere.
    file: Option<File>,
    opened_at: SystemTime,
    looked_at: Instant,
}

/// What became of some lines.
#[derive(Debug)]
pub(super) struct Appended {
    /// How much of them is in the file: whole lines, wherever a file can be cut.
    pub(super) bytes: usize,
    /// Why it is not all.
    pub(super) failure: Option<AccessLogFailure>,
}

impl LogFile {
    /// The file at a path. One that can't be opened is tried again with the first lines: a log is no
    /// reason not to serve.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            file: open(&path).ok(),
            path,
            opened_at: clock::wall(),
            looked_at: clock::now(),
        }
    }

    /// Appends lines, each with its end.
    pub(super) fn append(&mut self, lines: &[u8]) -> Appended {
        if self.looked_at.elapsed() >= LOOK {
            self.forget_moved();
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => match open(&self.path) {
                Ok(file) => {
                    self.opened_at = clock::wall();
                    file
                }
                Err(source) => {
                    let path = self.path.clone();
                    return Appended {
                        bytes: 0,
                        failure: Some(AccessLogFailure::Open { path, source }),
                    };
                }
            },
        };
        let (bytes, outcome) = write_lines(&mut file, lines);
        self.file = Some(file);
        Appended {
            bytes,
            failure: outcome.err().map(|source| AccessLogFailure::Write {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// Opens whatever the path is now.
    pub(super) fn reopen(&mut self) {
        // There at once, for those who follow it; what fails now is told with the next lines.
        self.file = open(&self.path).ok();
        self.opened_at = clock::wall();
    }

    /// Closes the file if its path leads elsewhere or nowhere.
    pub(super) fn forget_moved(&mut self) {
        self.looked_at = clock::now();
        let is_in_place = self
            .file
            .as_ref()
            .is_some_and(|file| is_at(file, &self.path));
        if !is_in_place {
            self.file = None;
        }
    }

    /// Moves the file aside when it is large or old enough; tells whether it did. What another process
    /// does to it is found out too.
    pub(super) fn rotate_if_due(&mut self, rotation: &Rotation) -> io::Result<bool> {
        let now = clock::wall();
        let is_due = |file: &Metadata| rotate::is_due(file, rotation, self.opened_at, now);
        let found = self.file.as_ref().map(File::metadata);
        if !found.is_some_and(|found| found.is_ok_and(|found| is_due(&found))) {
            return Ok(false);
        }
        let is_moved = rotate::rotate(&self.path, is_due)?;
        self.forget_moved();
        if self.file.is_none() {
            self.reopen();
        }
        Ok(is_moved)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens the file that is at the path, with a share of its lock: what was moved away is compressed when
/// no process has one any more.
fn open(path: &Path) -> io::Result<File> {
    for _ in 0..OPENINGS {
        let file = open_any(path)?;
        // Where there are no locks nothing is compressed either.
        let _ = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
        if is_at(&file, path) {
            return Ok(file);
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// A pipe without a reader is an error and nothing to wait for.
fn open_any(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mode = Mode::from_raw_mode(0o640);
    let descriptor = rustix::fs::open(path, flags | OFlags::NONBLOCK, mode)?;
    rustix::fs::fcntl_setfl(&descriptor, OFlags::APPEND)?;
    Ok(descriptor.into())
}

/// Whether a path leads to this file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    (file.dev(), file.ino()) == (there.dev(), there.ino())
}

/// As much as the disk takes, less the line that did not fit as a whole.
fn write_lines(file: &mut File, lines: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    let outcome = loop {
        let (_, rest) = lines.split_at(written);
        if rest.is_empty() {
            return (written, Ok(()));
        }
        match file.write(rest) {
            Ok(0) => break io::ErrorKind::WriteZero.into(),
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break error,
        }
    };
    let (head, _) = lines.split_at(written);
    let whole = head
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |place| place + 1);
    let torn = written - whole;
    if torn > 0 && cut_end(file, torn as u64).is_ok() {
        written = whole;
    }
    (written, Err(outcome))
}

/// Takes the last bytes back, unless another process has written after them: a data plane that is
/// draining has the same file open.
fn cut_end(file: &mut File, bytes: u64) -> io::Result<()> {
    let end = file.stream_position()?;
    if file.metadata()?.len() != end {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.set_len(end - bytes)
}
