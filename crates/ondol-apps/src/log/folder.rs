//! The folder of the apps' logs, held open: who may write in the folder above it can't lead us elsewhere.

use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FlockOperation;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Readable for the group, as those of the web's logs are.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// The folder that a log is in.
#[derive(Debug)]
pub(super) struct Folder(File);

impl Folder {
    /// Opens the folder of this log, after making it where it is missing. One of another user's, or a link, is an
    /// error.
    pub(super) fn make(log: &Path) -> io::Result<Self> {
        let path = above(log)?;
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE).create(path)?;
        Self::open(log)
    }

    /// The same for one that is there.
    pub(super) fn open(log: &Path) -> io::Result<Self> {
        let path = above(log)?;
        let mut options = OpenOptions::new();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let folder = options.read(true).custom_flags(bits(flags)).open(path)?;
        if folder.metadata()?.uid() != rustix::process::geteuid().as_raw() {
            let message = format!("{} belongs to another user", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(Self(folder))
    }

    /// A path to the log that leads through this folder, wherever it is now.
    pub(super) fn path_of(&self, log: &Path) -> PathBuf {
        let name = log.file_name().unwrap_or_default();
        Path::new("/proc/self/fd")
            .join(self.0.as_raw_fd().to_string())
            .join(name)
    }

    /// Waits until nobody else has a turn with what lies here; it ends when this is dropped.
    pub(super) fn wait_for_turn(&self) -> io::Result<()> {
        loop {
            match rustix::fs::flock(&self.0, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Has what was renamed here written to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// How files here are opened: never through a link, and unreadable for others when new.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE).custom_flags(bits(OFlags::NOFOLLOW));
    options
}

fn bits(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn above(log: &Path) -> io::Result<&Path> {
    log.parent()
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
