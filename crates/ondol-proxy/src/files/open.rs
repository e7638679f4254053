//! Opening a name beneath a folder, and never anything outside of it.
//!
//! `openat2` with `RESOLVE_BENEATH` refuses what leads out of the folder, by `..` or by symlink, at
//! the moment of opening, so that there is no gap between a check and its use.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::io::Errno;

use super::content_type;
use super::read;
use super::validators::Validators;
use crate::failure::Failure;

/// An open folder; names are looked up beneath it.
pub(super) type Folder = OwnedFd;

/// What a name stands for. Pipes, devices and sockets are nothing.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file.
    File(OpenFile),
    /// A folder.
    Folder,
}

/// A regular file, and what it was when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) descriptor: OwnedFd,
    /// In bytes.
    pub(super) size: u64,
    pub(super) validators: Validators,
    pub(super) content_type: http::HeaderValue,
}

/// Attempts where the kernel asks for another one: a rename went on meanwhile, or another process
/// has to give up its lease (as Samba's oplocks). Each waits twice as long; 127 ms in all.
const ATTEMPTS: u32 = 7;
/// The first of these waits.
const WAIT: Duration = Duration::from_millis(1);

/// Opens the folder that a path leads to now.
pub(super) async fn root(path: &Arc<Path>) -> io::Result<Folder> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let cached = ResolveFlags::CACHED;
    if let Ok(folder) = rustix::fs::openat2(CWD, &**path, flags, Mode::empty(), cached) {
        return Ok(folder);
    }
    let path = Arc::clone(path);
    read::off_thread(move || Ok(rustix::fs::open(&*path, flags, Mode::empty())?)).await
}

/// Opens a name beneath a folder: relative, with no `.` or `..` parts.
pub(super) async fn open(folder: &Arc<Folder>, name: &str) -> Result<Found, Failure> {
    let descriptor = match open_cached(folder, name) {
        Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            let (folder, name) = (Arc::clone(folder), name.to_owned());
            read::off_thread(move || Ok(open_waiting(&folder, &name)))
                .await
                .map_err(Failure::File)?
        }
        opened => opened,
    };
    let descriptor = descriptor.map_err(why)?;
    let stat = rustix::fs::fstat(&descriptor).map_err(|errno| Failure::File(errno.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(Found::File(OpenFile {
            descriptor,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            validators: Validators::new(&stat, clock::wall()),
            content_type: content_type::of(name),
        })),
        FileType::Directory => Ok(Found::Folder),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(Failure::NotFound),
    }
}

/// Without waiting for a pipe's other end, for a terminal, or for a disk.
fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

fn beneath() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS
}

fn open_cached(folder: &Folder, name: &str) -> Result<OwnedFd, Errno> {
    let resolve = beneath() | ResolveFlags::CACHED;
    rustix::fs::openat2(folder, name, flags(), Mode::empty(), resolve)
}

fn open_waiting(folder: &Folder, name: &str) -> Result<OwnedFd, Errno> {
    for attempt in 0..ATTEMPTS {
        match rustix::fs::openat2(folder, name, flags(), Mode::empty(), beneath()) {
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

/// What a failed opening means to the visitor.
fn why(errno: Errno) -> Failure {
    match errno {
        // `EXDEV` and `ELOOP`: a symlink leads out of the folder, or in circles. `ENXIO`: a socket.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::XDEV
        | Errno::LOOP
        | Errno::NXIO
        | Errno::NODEV
        | Errno::INVAL
        | Errno::NAMETOOLONG => Failure::NotFound,
        Errno::ACCESS | Errno::PERM => Failure::Unreadable(errno.into()),
        _ => Failure::File(errno.into()),
    }
}
