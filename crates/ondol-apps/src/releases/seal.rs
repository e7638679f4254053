//! Takes a release out of the hands of those who made it: nobody may change it any more, and the app can read it. But
//! for its scratch, which stays the app's.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::fs::Uid;
use rustix::io::Errno;

use super::inside;
use super::inside::Entry;
use super::work::Cancelled;
use super::work::Owner;
use crate::scratch;

/// What the system counts blocks of a file in, whatever the disk's own blocks are.
const BLOCK_BYTES: u64 = 512;

/// Makes all that the app's user owns in a folder the agent's own, with the same rights for the app's group as that
/// user had, but for writing. `None` where the agent is that user: then nothing is changed. Tells how much of the
/// disk it takes.
pub(super) fn seal(folder: &Path, of: Option<Owner>, cancelled: &Cancelled) -> io::Result<u64> {
    let opened = inside::open_folder(rustix::fs::CWD, folder, OFlags::NOFOLLOW)?;
    let stat = rustix::fs::fstat(&opened)?;
    let mut sealing = Sealing {
        of,
        us: rustix::process::geteuid(),
        bytes: bytes(&stat),
        cancelled,
    };
    sealing.top(opened.as_fd(), &stat)?;
    Ok(sealing.bytes)
}

struct Sealing<'a> {
    of: Option<Owner>,
    us: Uid,
    bytes: u64,
    cancelled: &'a Cancelled,
}

impl Sealing<'_> {
    fn top(&mut self, folder: BorrowedFd<'_>, stat: &Stat) -> io::Result<()> {
        self.take(folder, stat)?;
        let (scratch, rest): (Vec<_>, Vec<_>) =
            inside::entries(folder)?.into_iter().partition(|entry| {
                entry.kind.is_dir() && scratch::NAMES.iter().any(|it| entry.name == *it)
            });
        self.bytes += scratch.iter().map(|entry| bytes(&entry.stat)).sum::<u64>();
        self.entries(folder, rest)
    }

    /// The folder comes first: once it is ours, nobody can put another thing at a name in it.
    fn folder(&mut self, folder: BorrowedFd<'_>, stat: &Stat) -> io::Result<()> {
        self.take(folder, stat)?;
        let entries = inside::entries(folder)?;
        self.entries(folder, entries)
    }

    fn take(&self, folder: BorrowedFd<'_>, stat: &Stat) -> io::Result<()> {
        if let Some(owner) = self.owner_of(stat) {
            rustix::fs::fchown(folder, Some(self.us), Some(Gid::from_raw(owner.gid)))?;
            rustix::fs::fchmod(folder, sealed(stat))?;
        }
        Ok(())
    }

    fn entries(&mut self, folder: BorrowedFd<'_>, entries: Vec<Entry>) -> io::Result<()> {
        for entry in entries {
            self.cancelled.check()?;
            self.bytes += bytes(&entry.stat);
            if entry.kind.is_dir() {
                let inner = match inside::open_folder(folder, &entry.name, OFlags::NOFOLLOW) {
                    // Who may not read it may not know how large it is.
                    Err(Errno::ACCESS) if self.of.is_none() => continue,
                    inner => inner?,
                };
                self.folder(inner.as_fd(), &entry.stat)?;
            } else {
                self.file(folder, &entry)?;
            }
        }
        Ok(())
    }

    fn file(&self, folder: BorrowedFd<'_>, entry: &Entry) -> io::Result<()> {
        let Some(owner) = self.owner_of(&entry.stat) else {
            return Ok(());
        };
        let (name, group) = (&entry.name, Some(Gid::from_raw(owner.gid)));
        rustix::fs::chownat(
            folder,
            name,
            Some(self.us),
            group,
            AtFlags::SYMLINK_NOFOLLOW,
        )?;
        if entry.kind.is_file() {
            rustix::fs::chmodat(folder, name, sealed(&entry.stat), AtFlags::empty())?;
        }
        Ok(())
    }

    /// The app's user, where a thing is that user's. What is somebody else's is none of the release's: a link to a
    /// file elsewhere, made before that was forbidden.
    fn owner_of(&self, stat: &Stat) -> Option<Owner> {
        self.of.filter(|owner| owner.uid == stat.st_uid)
    }
}

fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK_BYTES
}

/// The rights that are left: the owner's for the app's group too, but for writing. What was open to its group, or to
/// all, is open to all who come this far, as those who serve its files; the folder of the app lets in no others.
fn sealed(stat: &Stat) -> Mode {
    let is_folder = FileType::from_raw_mode(stat.st_mode).is_dir();
    let mode = stat.st_mode & 0o777;
    let owner = if is_folder { mode | 0o700 } else { mode } & 0o700;
    let shown = owner & 0o500;
    let is_open = mode & 0o055 != 0;
    let others = if is_open { shown >> 6 } else { 0 };
    Mode::from_raw_mode(owner | shown >> 3 | others)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Of a file and a folder.
    fn sealed_modes(mode: u32) -> (u32, u32) {
        let folder = tempfile::tempdir().unwrap();
        let stat = |kind: u32| {
            let mut stat = rustix::fs::stat(folder.path()).unwrap();
            stat.st_mode = kind | mode;
            stat
        };
        let bits = |kind: u32| sealed(&stat(kind)).as_raw_mode();
        (bits(0o100_000), bits(0o040_000))
    }

    #[test]
    fn nobody_else_may_write_and_private_things_stay_private() {
        // (before, a file, a folder)
        for (before, file, folder) in [
            (0o644, 0o644, 0o755),
            (0o640, 0o644, 0o755),
            (0o600, 0o640, 0o750),
            (0o777, 0o755, 0o755),
            (0o750, 0o755, 0o755),
            (0o700, 0o750, 0o750),
            (0o444, 0o444, 0o755),
            (0o666, 0o644, 0o755),
        ] {
            assert_eq!(sealed_modes(before), (file, folder), "{before:o}");
        }
    }

    #[test]
    fn what_its_user_owns_is_sealed_and_a_link_is_not_followed() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        std::fs::create_dir(top.join("bin")).unwrap();
        std::fs::create_dir(top.join("tmp")).unwrap();
        std::fs::set_permissions(top.join("tmp"), PermissionsExt::from_mode(0o770)).unwrap();
        ondol_base::file::replace(&top.join("log"), b"no folder", 0o660).unwrap();
        ondol_base::file::replace(&top.join("bin/server"), b"#!/bin/sh\n", 0o770).unwrap();
        std::os::unix::fs::symlink(outside.path(), top.join("link")).unwrap();
        let before = outside.path().metadata().unwrap().mode();
        // The tests' own user stands for the app's.
        let owner = Owner {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        let bytes = seal(top, Some(owner), &Cancelled::default()).unwrap();
        assert!(bytes > 0);
        let mode = |path: &str| top.join(path).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("bin/server"), 0o755);
        assert_eq!(mode("tmp"), 0o770, "it stays the app's");
        assert_eq!(mode("log"), 0o644, "it is no folder");
        assert_eq!(outside.path().metadata().unwrap().mode(), before);
        let other = Owner {
            uid: 12345,
            gid: 12345,
        };
        std::fs::set_permissions(top.join("bin"), PermissionsExt::from_mode(0o777)).unwrap();
        seal(top, Some(other), &Cancelled::default()).unwrap();
        assert_eq!(mode("bin"), 0o777);
    }
}
