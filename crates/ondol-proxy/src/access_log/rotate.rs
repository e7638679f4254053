//! Moves a log aside when it is large or old enough. Two processes may write to it at once, one of them
//! draining; one at a time looks and moves.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use ondol_model::plan::Rotation;
use rustix::fs::FlockOperation;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::rotated;

/// Whether a file should make room for a new one. It is as old as the file system says; where that knows
/// nothing, or the clock was ahead when the file was made, it is there since `opened`.
pub(super) fn is_due(
    file: &Metadata,
    rotation: &Rotation,
    opened: SystemTime,
    now: SystemTime,
) -> bool {
    let made = file.created().ok().filter(|made| *made <= now);
    let age = now
        .duration_since(made.unwrap_or(opened))
        .unwrap_or_default();
    let is_large = file.len() >= rotation.size_bytes;
    let is_old = rotation.age.is_some_and(|max| age >= max);
    file.is_file() && (is_large || is_old && file.len() > 0)
}

/// Moves the log aside if it still is due, under a name with the time; `false` when another process does,
/// or has.
pub(super) fn rotate(log: &Path, is_due: impl Fn(&Metadata) -> bool) -> io::Result<bool> {
    let Some(_turn) = turn(rotated::folder(log))? else {
        return Ok(false);
    };
    // A link is another's decision about where the log is; it is not moved.
    let found = match fs::symlink_metadata(log) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !is_due(&found) {
        return Ok(false);
    }
    fs::rename(log, rotated::next(log)?)?;
    Ok(true)
}

/// The right to move logs in a folder, until it is dropped; `None` while another process has it.
fn turn(folder: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        // On a file system without locks the rename alone must do.
        Ok(()) | Err(_) => Ok(Some(folder.into())),
    }
}
