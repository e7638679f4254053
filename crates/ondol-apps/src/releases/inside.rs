//! Files below an open folder, by steps that never follow a symbolic link: what is below may be of somebody who would
//! like to lead root elsewhere.

use std::ffi::CStr;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::io::Errno;
use rustix::io::Result;

/// A name in a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: FileType,
    pub(super) stat: Stat,
}

/// Opens a folder.
pub(super) fn open_folder(at: impl AsFd, path: impl AsRef<Path>, more: OFlags) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | more;
    rustix::fs::openat(at, path.as_ref(), flags, Mode::empty())
}

/// Opens a folder below an open one, step by step.
pub(super) fn below(top: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    step_by_step(top, path, |_, _| Err(Errno::NOENT))
}

/// The same, where `make` makes folders that are missing.
pub(super) fn step_by_step(
    top: BorrowedFd<'_>,
    path: &Path,
    make: impl Fn(BorrowedFd<'_>, &OsStr) -> Result<()>,
) -> Result<OwnedFd> {
    let mut folder = open_folder(top, ".", OFlags::empty())?;
    for component in path.components() {
        let Component::Normal(name) = component else {
            return Err(Errno::INVAL);
        };
        folder = match open_folder(&folder, name, OFlags::NOFOLLOW) {
            Err(Errno::NOENT) => {
                make(folder.as_fd(), name)?;
                open_folder(&folder, name, OFlags::NOFOLLOW)?
            }
            opened => opened?,
        };
    }
    Ok(folder)
}

/// What is in a folder. What vanishes meanwhile is left out.
pub(super) fn entries(folder: BorrowedFd<'_>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for found in Dir::read_from(folder)? {
        let name = found?.file_name().to_owned();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = match rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        entries.push(Entry {
            name: OsStr::from_bytes(name.to_bytes()).to_owned(),
            kind: FileType::from_raw_mode(stat.st_mode),
            stat,
        });
    }
    Ok(entries)
}

/// A path as the system tells it.
pub(super) fn path_of(text: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(text.to_bytes()))
}
