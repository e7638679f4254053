//! Mode, owner, times and extended attributes of what is restored.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

use rustic_core::jiff::Timestamp;
use rustic_core::repofile::Metadata;
use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::owners::Owners;

/// Who may read, write and enter; the same bits in a repository as on a disk.
const RIGHTS: u32 = 0o777;
/// The bits that lend rights, and that keep others from removing: where a repository has them (as Go has), and where a
/// disk has them.
const SPECIAL: [(u32, u32); 3] = [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)];

/// Gives an opened file or folder what it had.
pub(super) fn apply(file: impl AsFd, meta: &Metadata, owners: &Owners) -> io::Result<()> {
    let file = file.as_fd();
    let (user, group) = owners.of(meta);
    forgiven(rustix::fs::fchown(file, user, group))?;
    if let Some(mode) = meta.mode {
        // After the owner: a new owner takes away the bits that lend rights.
        rustix::fs::fchmod(file, mode_of(mode))?;
    }
    // After the mode: a list of rights (ACL) says more than it does.
    for attribute in &meta.extended_attributes {
        let value = attribute.value.as_deref().unwrap_or_default();
        let set = rustix::fs::fsetxattr(file, attribute.name.as_str(), value, XattrFlags::empty());
        forgiven(set)?;
    }
    if let Some(times) = times(meta) {
        rustix::fs::futimens(file, &times)?;
    }
    Ok(())
}

/// Gives a symbolic link, a pipe or a device what it had, without following it.
pub(super) fn apply_at(
    folder: impl AsFd,
    name: &OsStr,
    meta: &Metadata,
    owners: &Owners,
) -> io::Result<()> {
    let folder = folder.as_fd();
    let (user, group) = owners.of(meta);
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    forgiven(rustix::fs::chownat(folder, name, user, group, flags))?;
    if let Some(times) = times(meta) {
        rustix::fs::utimensat(folder, name, &times, flags)?;
    }
    Ok(())
}

/// Gives a pipe or a device its mode. A link that somebody has put in its place is not followed: it could lead to any
/// file of the machine.
pub(super) fn set_mode_at(folder: impl AsFd, name: &OsStr, stored: u32) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let found = rustix::fs::fstat(&opened)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
        return Err(Errno::LOOP.into());
    }
    // By its number: the call that takes a name and follows no link is too new for some kernels.
    let by_number = format!("/proc/self/fd/{}", opened.as_raw_fd());
    Ok(rustix::fs::chmod(by_number, mode_of(stored))?)
}

/// A mode, as the disk has it.
pub(super) fn mode_of(stored: u32) -> Mode {
    let special = SPECIAL.iter().filter(|(there, _)| stored & there != 0);
    Mode::from_raw_mode(special.fold(stored & RIGHTS, |mode, (_, here)| mode | here))
}

/// Only root may give files away and set some attributes, and not every file system has all: what can't be is left,
/// as `cp -a` does.
fn forgiven(outcome: Result<(), Errno>) -> io::Result<()> {
    match outcome {
        Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::INVAL) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn times(meta: &Metadata) -> Option<Timestamps> {
    let modified = meta.mtime?;
    let accessed = meta.atime.unwrap_or(modified);
    let timespec = |at: Timestamp| {
        // Before 1970 the parts of a second count backwards there, and forwards here.
        let (mut seconds, mut nanoseconds) = (at.as_second(), at.subsec_nanosecond());
        if nanoseconds < 0 {
            seconds -= 1;
            nanoseconds += 1_000_000_000;
        }
        Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.into(),
        }
    };
    Some(Timestamps {
        last_access: timespec(accessed),
        last_modification: timespec(modified),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_goes_to_what_has_the_name_and_never_where_a_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            let found = std::fs::metadata(folder.path().join(name)).unwrap();
            std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777
        };
        ondol_base::file::replace(&folder.path().join("secret"), b"x", 0o644).unwrap();
        let before = mode("secret");
        std::os::unix::fs::symlink("secret", folder.path().join("link")).unwrap();
        let opened = std::fs::File::open(folder.path()).unwrap();
        set_mode_at(&opened, OsStr::new("link"), 0o666).unwrap_err();
        assert_eq!(mode("secret"), before);
        let pipe = FileType::Fifo;
        rustix::fs::mknodat(&opened, "pipe", pipe, Mode::RUSR, 0).unwrap();
        set_mode_at(&opened, OsStr::new("pipe"), 0o666).unwrap();
        assert_eq!(mode("pipe"), 0o666);
    }

    #[test]
    fn modes_are_those_of_the_disk() {
        assert_eq!(mode_of((1 << 23) | 0o755), Mode::from_raw_mode(0o4755));
        assert_eq!(
            mode_of((1 << 31) | (1 << 20) | 0o700),
            Mode::from_raw_mode(0o1700)
        );
        assert_eq!(mode_of(0o100_640), Mode::from_raw_mode(0o640));
    }
}
