//! Copies a folder into a release: files, folders and symbolic links as they are, and nothing else. It never follows a
//! link, so nothing from outside of the folder is copied.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;

use super::inside;
use super::inside::Entry;
use super::work::Cancelled;
use super::work::Owner;

/// What versions are kept in is no part of a version.
const LEFT_OUT: [&str; 3] = [".git", ".hg", ".svn"];
/// More is no app: a mistaken path ends here, and not when the disk is full.
const ENTRIES_MAX: u64 = 5_000_000;

/// A copy that is made.
#[derive(Debug)]
pub(super) struct Copying<'a> {
    /// Whose the copies will be.
    pub(super) owner: Option<Owner>,
    /// What is not copied but linked to, by its path in the folder.
    pub(super) links: &'a BTreeMap<PathBuf, PathBuf>,
    /// A folder that is not copied: the one that the copy is made in.
    pub(super) never: (u64, u64),
    pub(super) cancelled: &'a Cancelled,
}

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Paths in the folder that were left out, since they are neither file, folder nor link.
    pub(super) left_out: Vec<PathBuf>,
    entries: u64,
}

/// Why a folder was not copied.
#[derive(Debug, thiserror::Error)]
#[error("could not copy {}", path.display())]
pub(crate) struct CopyError {
    /// What could not be copied, by its path in the folder.
    pub(super) path: PathBuf,
    /// Why.
    #[source]
    pub(super) source: io::Error,
}

impl Copying<'_> {
    /// Copies all that is in one folder into another one, which is empty.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> Result<Copied, CopyError> {
        let whole = |source: rustix::io::Errno| CopyError {
            path: from.to_owned(),
            source: source.into(),
        };
        let opened = inside::open_folder(rustix::fs::CWD, from, OFlags::empty()).map_err(whole)?;
        let made = inside::open_folder(rustix::fs::CWD, to, OFlags::NOFOLLOW).map_err(whole)?;
        let mut copied = Copied::default();
        self.folder(opened.as_fd(), made.as_fd(), Path::new(""), &mut copied)?;
        let found = rustix::fs::fstat(&opened).map_err(whole)?;
        self.finish(made.as_fd(), &found).map_err(whole)?;
        Ok(copied)
    }

    fn folder(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        path: &Path,
        copied: &mut Copied,
    ) -> Result<(), CopyError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| CopyError { path, source }
        };
        let entries = inside::entries(from).map_err(io::Error::from);
        for entry in entries.map_err(failed(path))? {
            let path = path.join(&entry.name);
            if entry
                .name
                .to_str()
                .is_some_and(|name| LEFT_OUT.contains(&name))
            {
                continue;
            }
            let counted = copied.count(self.cancelled);
            counted.map_err(failed(&path))?;
            let inner = self
                .entry(from, to, &entry, &path, copied)
                .map_err(failed(&path))?;
            if let Some((from, to, found)) = inner {
                self.folder(from.as_fd(), to.as_fd(), &path, copied)?;
                let finished = self.finish(to.as_fd(), &found);
                finished.map_err(|errno| failed(&path)(errno.into()))?;
            }
        }
        Ok(())
    }

    /// Copies one thing; what is in a folder is still to be copied.
    fn entry(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        entry: &Entry,
        path: &Path,
        copied: &mut Copied,
    ) -> io::Result<Option<(OwnedFd, OwnedFd, Stat)>> {
        let name = &entry.name;
        if let Some(target) = self.links.get(path) {
            self.link(to, name, target)?;
            return Ok(None);
        }
        match entry.kind {
            FileType::Directory => {
                let from = inside::open_folder(from, name, OFlags::NOFOLLOW)?;
                let found = rustix::fs::fstat(&from)?;
                if (found.st_dev, found.st_ino) == self.never {
                    return Err(io::Error::other("it holds the release that is being made"));
                }
                rustix::fs::mkdirat(to, name, Mode::RWXU)?;
                let to = inside::open_folder(to, name, OFlags::NOFOLLOW)?;
                return Ok(Some((from, to, found)));
            }
            FileType::RegularFile => {
                copied.bytes += self.file(from, to, name)?;
                copied.files += 1;
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(from, name, Vec::new())?;
                self.link(to, name, inside::path_of(&target))?;
            }
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => copied.left_out.push(path.to_owned()),
        }
        Ok(None)
    }

    fn file(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &std::ffi::OsStr,
    ) -> io::Result<u64> {
        // Were it a pipe by now, opening it would wait.
        let reading = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut from = File::from(rustix::fs::openat(from, name, reading, Mode::empty())?);
        let found = rustix::fs::fstat(&from)?;
        if !FileType::from_raw_mode(found.st_mode).is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let writing = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut to = File::from(rustix::fs::openat(to, name, writing, mode)?);
        let bytes = io::copy(&mut from, &mut to)?;
        self.finish(to.as_fd(), &found)?;
        Ok(bytes)
    }

    fn link(&self, to: BorrowedFd<'_>, name: &std::ffi::OsStr, target: &Path) -> io::Result<()> {
        rustix::fs::symlinkat(target, to, name)?;
        if let Some(owner) = self.owner {
            let (user, group) = owner.raw();
            rustix::fs::chownat(to, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Owner, permissions and time of a copy. The last of these, since writing changes the time. Rights to become
    /// somebody else are not copied.
    fn finish(&self, to: BorrowedFd<'_>, found: &Stat) -> rustix::io::Result<()> {
        if let Some(owner) = self.owner {
            let (user, group) = owner.raw();
            rustix::fs::fchown(to, user, group)?;
        }
        let mut mode = Mode::from_raw_mode(found.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        if FileType::from_raw_mode(found.st_mode).is_dir() {
            mode |= Mode::RWXU;
        }
        rustix::fs::fchmod(to, mode)?;
        let modified = Timespec {
            tv_sec: found.st_mtime as _,
            tv_nsec: found.st_mtime_nsec as _,
        };
        let times = Timestamps {
            last_access: modified,
            last_modification: modified,
        };
        rustix::fs::futimens(to, &times)
    }
}

impl Copied {
    fn count(&mut self, cancelled: &Cancelled) -> io::Result<()> {
        cancelled.check()?;
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(io::Error::other(format!(
                "the folder has more than {ENTRIES_MAX} files"
            )));
        }
        Ok(())
    }
}
