//! Folders below a base, without ever following a symbolic link there: what a backup holds can't lead a restore out of
//! the place that it was given.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// So many folders are kept open; a walk comes back to few.
const OPEN_MAX: usize = 64;

/// Folders below a base.
#[derive(Debug)]
pub(super) struct Folders {
    base: Arc<OwnedFd>,
    path: PathBuf,
    open: Mutex<HashMap<PathBuf, Arc<OwnedFd>>>,
}

impl Folders {
    /// Below this one, which is there; links that lead to it are the owner's, and followed.
    pub(super) fn below(base: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(base, flags, Mode::empty())?;
        Ok(Self {
            base: Arc::new(opened),
            path: base.to_owned(),
            open: Mutex::new(HashMap::new()),
        })
    }

    /// The base.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder at a path relative to the base.
    pub(super) fn at(&self, relative: &Path) -> io::Result<Arc<OwnedFd>> {
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return Ok(Arc::clone(&self.base));
        };
        if let Some(found) = self.known().get(relative) {
            return Ok(Arc::clone(found));
        }
        let parent = self.at(parent)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&parent, name, flags, Mode::empty());
        let opened = Arc::new(opened.map_err(explained)?);
        let mut known = self.known();
        if known.len() >= OPEN_MAX {
            known.clear();
        }
        known.insert(relative.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Makes a folder where there is none, for this user alone; whether it had to.
    pub(super) fn make(&self, relative: &Path) -> io::Result<bool> {
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return Ok(false);
        };
        let made = rustix::fs::mkdirat(self.at(parent)?, name, Mode::RWXU);
        match made {
            Ok(()) => Ok(true),
            // Whether it is a folder is found out here, not when the first file is to be written.
            Err(Errno::EXIST) => self.at(relative).map(|_| false),
            Err(error) => Err(error.into()),
        }
    }

    /// Has all that was written to the base's file system put on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.base)?)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<OwnedFd>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn explained(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::NOTDIR => {
            io::Error::other("something that is no folder is in its place")
        }
        other => other.into(),
    }
}
