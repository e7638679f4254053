//! Opening a name beneath a folder, and never anything outside of it that the folder's owner does not want.
//!
//! `openat2` with `RESOLVE_BENEATH` refuses what leads out of the folder, by `..` or by symlink, at
//! the moment of opening, so that there is no gap between a check and its use.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ondol_model::plan::Symlinks;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

use super::read;
use crate::failure::Failure;

/// An open folder; names are looked up beneath it.
pub(super) type Folder = OwnedFd;

/// Whether a look at the disk may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Only what the kernel has in memory is looked at.
    None,
    /// On a blocking thread.
    Waits,
}

/// Why an opening gave nothing.
#[derive(Debug)]
pub(super) enum Stop {
    /// It must be done again, with patience.
    MustWait,
    /// It is not to be had.
    Failure(Failure),
}

/// What a name stands for. Pipes, devices and sockets are nothing.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file.
    File(Opened),
    /// A folder.
    Folder(Folder),
}

/// A regular file, and what it was when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) descriptor: OwnedFd,
    pub(super) stat: Stat,
}

/// Attempts where the kernel asks for another one: a rename went on meanwhile, or another process
/// has to give up its lease (as Samba's oplocks). Each waits twice as long; 127 ms in all.
const ATTEMPTS: u32 = 7;
/// The first of these waits.
const WAIT: Duration = Duration::from_millis(1);

/// Opens the folder that a path leads to now.
pub(super) async fn root(path: &Path) -> io::Result<Folder> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let cached = ResolveFlags::CACHED;
    if let Ok(folder) = rustix::fs::openat2(CWD, path, flags, Mode::empty(), cached) {
        return Ok(folder);
    }
    let path = path.to_owned();
    read::off_thread(move || Ok(rustix::fs::open(&path, flags, Mode::empty())?)).await
}

/// Opens a name beneath a folder: relative, with no `.` or `..` parts. `None` where nothing is.
pub(super) fn open(
    folder: &Folder,
    name: &str,
    symlinks: Symlinks,
    patience: Patience,
) -> Result<Option<Found>, Stop> {
    let opened = match patience {
        Patience::None => open_cached(folder, name, symlinks),
        Patience::Waits => open_waiting(folder, name, symlinks),
    };
    let descriptor = match (opened, patience) {
        (Ok(descriptor), _) => descriptor,
        (Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM | Errno::INVAL), Patience::None) => {
            return Err(Stop::MustWait);
        }
        (Err(errno), _) => {
            return why(errno).map_or(Ok(None), |failure| Err(Stop::Failure(failure)));
        }
    };
    let stat = rustix::fs::fstat(&descriptor)
        .map_err(|errno| Stop::Failure(Failure::File(errno.into())))?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Some(Found::File(Opened { descriptor, stat })),
        FileType::Directory => Some(Found::Folder(descriptor)),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => None,
    })
}

/// The same, without holding this thread up.
pub(super) async fn open_file(
    folder: &Arc<Folder>,
    name: &str,
    symlinks: Symlinks,
) -> Result<Option<Opened>, Failure> {
    let found = match open(folder, name, symlinks, Patience::None) {
        Err(Stop::MustWait) => {
            let (folder, name) = (Arc::clone(folder), name.to_owned());
            let opening = move || Ok(open(&folder, &name, symlinks, Patience::Waits));
            read::off_thread(opening).await.map_err(Failure::File)?
        }
        found => found,
    };
    match found {
        Ok(Some(Found::File(opened))) => Ok(Some(opened)),
        Ok(Some(Found::Folder(_)) | None) => Ok(None),
        Err(stop) => Err(stop.into_failure()),
    }
}

impl Stop {
    /// For the visitor, where there is no more to try.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::MustWait => Failure::File(Errno::AGAIN.into()),
            Self::Failure(failure) => failure,
        }
    }
}

/// Without waiting for a pipe's other end, for a terminal, or for a disk.
fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

/// What a name may lead through.
pub(super) fn resolve(symlinks: Symlinks) -> ResolveFlags {
    match symlinks {
        Symlinks::Beneath => ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
        Symlinks::None => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        Symlinks::All => ResolveFlags::NO_MAGICLINKS,
    }
}

fn open_cached(folder: &Folder, name: &str, symlinks: Symlinks) -> Result<OwnedFd, Errno> {
    let resolve = resolve(symlinks) | ResolveFlags::CACHED;
    rustix::fs::openat2(folder, name, flags(), Mode::empty(), resolve)
}

fn open_waiting(folder: &Folder, name: &str, symlinks: Symlinks) -> Result<OwnedFd, Errno> {
    for attempt in 0..ATTEMPTS {
        match rustix::fs::openat2(folder, name, flags(), Mode::empty(), resolve(symlinks)) {
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => return open_by_parts(folder, name),
            Err(Errno::AGAIN) => std::thread::sleep(WAIT * 2_u32.pow(attempt)),
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

/// For kernels before 5.6, and sandboxes that forbid `openat2`: part by part, without any symlink.
pub(super) fn open_by_parts(folder: &Folder, name: &str) -> Result<OwnedFd, Errno> {
    let (parents, last) = name.rsplit_once('/').unwrap_or(("", name));
    let parents = parents.split('/').filter(|part| !part.is_empty());
    let mut inner: Option<OwnedFd> = None;
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for part in parents {
        let at = inner.as_ref().unwrap_or(folder).as_fd();
        inner = Some(rustix::fs::openat(at, part, step, Mode::empty())?);
    }
    let at = inner.as_ref().unwrap_or(folder).as_fd();
    rustix::fs::openat(at, last, flags() | OFlags::NOFOLLOW, Mode::empty())
}

/// What a failed opening means to the visitor; `None` that nothing is there.
pub(super) fn why(errno: Errno) -> Option<Failure> {
    match errno {
        // `EXDEV` and `ELOOP`: a symlink leads out of the folder, or in circles. `ENXIO`: a socket.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::XDEV
        | Errno::LOOP
        | Errno::NXIO
        | Errno::NODEV
        | Errno::INVAL
        | Errno::NAMETOOLONG => None,
        Errno::ACCESS | Errno::PERM => Some(Failure::Unreadable(errno.into())),
        _ => Some(Failure::File(errno.into())),
    }
}
