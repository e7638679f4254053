//! Compresses one rotated log. Whenever the power goes, the lines are in the file as it was, or in the
//! compressed one, or in both.

use std::fs;
use std::fs::File;
use std::fs::FileTimes;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::write::GzEncoder;
use ondol_base::file::sync_folder;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::file::is_at;
use super::rotated;

/// Read at once; between two parts it is asked whether to stop.
const PART_BYTES: usize = 128 * 1024;
/// As `gzip` itself has it.
const GZIP_LEVEL: u32 = 6;
/// As `zstd` itself has it.
const ZSTD_LEVEL: i32 = 3;

/// The ways to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Gzip,
    Zstd,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is compressed, by this process or another.
    Done,
    /// A process still writes to it, or compresses it.
    InUse,
    /// It was told to stop.
    Stopped,
}

/// Puts a compressed file in the place of a plain one that nobody writes to any more.
pub(super) fn compress(
    plain: &Path,
    method: Method,
    must_stop: impl Fn() -> bool,
) -> io::Result<Outcome> {
    let source = File::open(plain)?;
    // Each process that writes to a log shares a lock of it.
    match rustix::fs::flock(&source, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(Outcome::InUse),
        Err(error) => return Err(error.into()),
    }
    if !is_at(&source, plain) {
        return Ok(Outcome::Done);
    }
    let compressed = rotated::with_end(plain, method.end());
    let unfinished = rotated::with_end(&compressed, rotated::UNFINISHED);
    let outcome = write(&source, &unfinished, method, must_stop);
    if !matches!(outcome, Ok(Outcome::Done)) {
        // The outcome is what matters; what is left is found at the next start.
        let _ = fs::remove_file(&unfinished);
        return outcome;
    }
    fs::rename(&unfinished, &compressed)?;
    sync_folder(rotated::folder(plain))?;
    fs::remove_file(plain)?;
    outcome
}

impl Method {
    fn end(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

fn write(
    source: &File,
    path: &Path,
    method: Method,
    must_stop: impl Fn() -> bool,
) -> io::Result<Outcome> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o640);
    let target = options.open(path)?;
    let written = match method {
        Method::Gzip => {
            let level = flate2::Compression::new(GZIP_LEVEL);
            let mut encoder = GzEncoder::new(&target, level);
            copy(source, &mut encoder, must_stop)?.map(|()| encoder.finish().map(drop))
        }
        Method::Zstd => {
            let mut encoder = zstd::Encoder::new(&target, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            copy(source, &mut encoder, must_stop)?.map(|()| encoder.finish().map(drop))
        }
    };
    let Some(finished) = written else {
        return Ok(Outcome::Stopped);
    };
    finished?;
    // It is as old as its lines, for those who look for a day.
    let changed = source.metadata()?.modified()?;
    target.set_times(FileTimes::new().set_modified(changed))?;
    target.sync_all()?;
    Ok(Outcome::Done)
}

/// `None` when it was told to stop.
fn copy(
    mut source: &File,
    target: &mut impl Write,
    must_stop: impl Fn() -> bool,
) -> io::Result<Option<()>> {
    let mut part = vec![0; PART_BYTES];
    loop {
        if must_stop() {
            return Ok(None);
        }
        let bytes = match source.read(&mut part) {
            Ok(0) => return Ok(Some(())),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        target.write_all(&part[..bytes])?;
    }
}
