//! The folder of a local target: opened once, made when it is not there, and always on the same file system.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::super::TargetError;
use super::super::Trouble;
use super::super::file_system::FileSystem;
use super::trouble;
use super::write::sync_folder;

/// Where the repository is.
#[derive(Debug)]
pub(super) struct Base {
    path: PathBuf,
    /// What it must be on; `None` before it was ever used.
    file_system: Option<FileSystem>,
    opened: Mutex<Option<Arc<OwnedFd>>>,
}

impl Base {
    pub(super) fn new(path: &Path, file_system: Option<&str>) -> Self {
        Self {
            path: path.to_owned(),
            file_system: file_system.map(FileSystem::parse),
            opened: Mutex::default(),
        }
    }

    /// The folder; `Missing` when it is not made yet.
    pub(super) fn folder(&self) -> Result<Arc<OwnedFd>, TargetError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*opened {
            return Ok(Arc::clone(folder));
        }
        let folder = open(&self.path).map_err(|error| match error {
            Errno::NOENT => self.missing(),
            error => trouble::explain(&self.path, "open it", error),
        })?;
        self.check(&folder)?;
        let folder = Arc::new(folder);
        *opened = Some(Arc::clone(&folder));
        Ok(folder)
    }

    /// Makes the folder where it is missing; what is above it must be there.
    pub(super) fn create(&self) -> Result<(), TargetError> {
        match self.folder() {
            Err(error) if error.trouble == Trouble::Missing => {}
            found => return found.map(drop),
        }
        self.check_above()?;
        self.make()
            .map_err(|error| trouble::explain(&self.path, "make it", error))
    }

    /// Whether the folder may be made where it is missing. An error when the disk is not there: the folder above is
    /// missing too, or on another file system.
    pub(super) fn check_above(&self) -> Result<(), TargetError> {
        let above = self.path.parent().unwrap_or(Path::new("/"));
        match open(above) {
            Ok(above) => self.check(&above),
            Err(Errno::NOENT) => Err(self.not_there(&format!("there is no {}", above.display()))),
            Err(error) => Err(trouble::explain(above, "open it", error)),
        }
    }

    fn make(&self) -> rustix::io::Result<()> {
        match rustix::fs::mkdir(&self.path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        let above = self.path.parent().unwrap_or(Path::new("/"));
        sync_folder(&open(above)?)
    }

    fn check(&self, folder: &OwnedFd) -> Result<(), TargetError> {
        let Some(expected) = &self.file_system else {
            return Ok(());
        };
        let found = FileSystem::of(folder).map_err(|error| {
            trouble::explain_io(&self.path, "find out which file system it is on", &error)
        })?;
        if found.is_same(expected) {
            return Ok(());
        }
        Err(self.not_there(&format!(
            "{} is on another file system now (`{found}`) than when it was first used (`{expected}`)",
            self.path.display()
        )))
    }

    fn missing(&self) -> TargetError {
        let what = format!("there is no folder {}", self.path.display());
        TargetError::new(Trouble::Missing, what)
    }

    fn not_there(&self, what: &str) -> TargetError {
        TargetError::new(
            Trouble::NotThere,
            format!(
                "{what}, so its disk is not there, and nothing is written: plug it in and mount it (a new disk needs a \
                 target of another name)"
            ),
        )
    }
}

fn open(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}
