//! Putting what lies beside in place of what is there: by renaming, so that at each moment one of the two is whole, and
//! what was there is kept beside it. Asking again goes on where a power cut ended it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::clock;
use ondol_base::file;
use rustix::fs::CWD;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use super::layout;
use super::server;
use crate::databases::SQLITE_MAGIC;
use crate::databases::SQLITE_SIDECARS;
use crate::databases::beside as with;
use crate::failure::Failure;
use crate::report::Found;
use crate::reporter::Reporter;
use crate::work::RestoreWork;

/// How many things may be kept of one second.
const SAME_SECOND_MAX: u32 = 100;

/// Puts everything in place that was told to lie beside.
pub(super) fn place(
    work: &RestoreWork,
    staged: &[(PathBuf, PathBuf)],
    reporter: &Reporter,
) -> Result<Found, Failure> {
    reporter.step("putting everything in place");
    let now = clock::rfc3339(clock::unix_seconds()).replace(['-', ':'], "");
    let mut faults = Vec::new();
    let mut done = 0;
    let mut all_kept = Vec::new();
    for (beside, place) in staged {
        let outcome = match server::is_server(place) {
            true => server::put_in_place(work, beside, place, &now),
            false => exchange(beside, place, &now).map_err(|error| error.to_string()),
        };
        match outcome {
            Ok(kept) => {
                done += 1;
                reporter.note(told(place, kept.as_deref()));
                all_kept.extend(kept.map(|kept| (kept, place.clone())));
            }
            Err(why) => faults.push(format!("{} is as it was: {why}", shown(place))),
        }
    }
    Ok(Found::Restored {
        run: String::new(),
        files: done,
        bytes: 0,
        faults,
        staged: all_kept,
    })
}

fn told(place: &Path, kept: Option<&Path>) -> String {
    match kept {
        Some(kept) => format!(
            "{} is restored; what was there is kept as {}.",
            shown(place),
            kept.display()
        ),
        None => format!("{} is restored; nothing was there.", shown(place)),
    }
}

fn shown(place: &Path) -> String {
    match (server::is_server(place), place.file_name()) {
        (true, Some(name)) => format!("The database {}", name.to_string_lossy()),
        _ => place.display().to_string(),
    }
}

/// Puts one in place of the other; gives back where what was there is kept.
fn exchange(beside: &Path, place: &Path, now: &str) -> io::Result<Option<PathBuf>> {
    let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let (next, is_exchanged) = begin(beside, folder, name)?;
    let kept = kept_name(folder, name, now);
    let had = match is_exchanged {
        true => {
            fs::rename(&next, &kept)?;
            true
        }
        false => take_place(&next, place, &kept)?,
    };
    file::sync_folder(folder)?;
    Ok(had.then_some(kept))
}

/// The new one under a name that tells whether it was exchanged, should this be ended in between: the number of its
/// file is part of it. Whether that happened already.
fn begin(beside: &Path, folder: &Path, name: &OsStr) -> io::Result<(PathBuf, bool)> {
    const SUFFIX: &str = "ondol-swap";
    let named = |number: u64| folder.join(layout::beside(name, &format!("{SUFFIX}-{number:020}")));
    match beside.symlink_metadata() {
        Ok(found) => {
            let next = named(found.ino());
            fs::rename(beside, &next)?;
            Ok((next, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let numbered =
                fs::read_dir(folder)?.filter_map(|entry| number_of(&entry.ok()?.file_name()));
            let begun = numbered
                .map(|number| (number, named(number)))
                .find(|(_, path)| path.exists());
            let Some((number, next)) = begun else {
                return Err(io::Error::other(format!(
                    "{} is not there any more: restore it again",
                    beside.display()
                )));
            };
            let is_exchanged = next.symlink_metadata()?.ino() != number;
            Ok((next, is_exchanged))
        }
        Err(error) => Err(error),
    }
}

/// The number at the end of a name that [`begin`] gave.
fn number_of(name: &OsStr) -> Option<u64> {
    let name = name.as_bytes();
    let at = name.len().checked_sub(20)?;
    name[..at].ends_with(b".ondol-swap-").then_some(())?;
    std::str::from_utf8(&name[at..]).ok()?.parse().ok()
}

/// Whether something was there.
fn take_place(next: &Path, place: &Path, kept: &Path) -> io::Result<bool> {
    let is_database = is_sqlite(next);
    match place.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_database {
                move_sidecars(place, kept)?;
            }
            fs::rename(next, place)?;
            return Ok(false);
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    if is_database {
        // Before the file: a log of the old one must never lie beside the new one.
        move_sidecars(place, kept)?;
    }
    match rustix::fs::renameat_with(CWD, next, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => fs::rename(next, kept)?,
        // Not every file system can exchange two.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::rename(place, kept)?;
            if let Err(error) = fs::rename(next, place) {
                fs::rename(kept, place)?;
                return Err(error);
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

fn kept_name(folder: &Path, name: &OsStr, now: &str) -> PathBuf {
    let of = |count: u32| {
        let again = if count > 1 {
            format!("-{count}")
        } else {
            String::new()
        };
        folder.join(layout::after(name, &format!("before-restore-{now}{again}")))
    };
    let free = (1..SAME_SECOND_MAX)
        .map(of)
        .find(|path| path.symlink_metadata().is_err());
    free.unwrap_or_else(|| of(SAME_SECOND_MAX))
}

/// Moves what a database that is about to be written anew has beside it, and says so.
pub(super) fn set_sidecars_aside(path: &Path, reporter: &Reporter) {
    let has_any = SQLITE_SIDECARS
        .iter()
        .any(|end| with(path, end).symlink_metadata().is_ok());
    let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), has_any) else {
        return;
    };
    let now = clock::rfc3339(clock::unix_seconds()).replace(['-', ':'], "");
    let kept = kept_name(folder, name, &now);
    if move_sidecars(path, &kept).is_ok() {
        reporter.note(format!(
            "What {} had beside it is kept as {}-wal and the like.",
            path.display(),
            kept.display()
        ));
    }
}

fn move_sidecars(of: &Path, to: &Path) -> io::Result<()> {
    for end in SQLITE_SIDECARS {
        match fs::rename(with(of, end), with(to, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_sqlite(path: &Path) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
    let mut head = [0; SQLITE_MAGIC.len()];
    let read = || fs::File::open(path)?.read_exact(&mut head);
    is_file && { read }().is_ok() && head[..] == SQLITE_MAGIC[..]
}

#[cfg(test)]
mod tests;
