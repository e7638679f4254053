//! The Unix socket that an app has made: opened to those who bring visitors.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::spec::Identity;

/// To connect is to write.
const MODE: Mode = Mode::from_raw_mode(0o660);

/// Gives the socket to the group that may connect to it. The folder is the app's, which may put anything there: what is
/// no socket of its own is left as it is.
pub(super) fn open_to_visitors(
    path: &Path,
    identity: Option<&Identity>,
    group: Option<u32>,
) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let socket = rustix::fs::open(path, flags, Mode::empty())?;
    let found = rustix::fs::fstat(&socket)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        return Err(io::Error::other("what is there is no socket"));
    }
    if identity.is_some_and(|identity| identity.uid != found.st_uid) {
        return Err(io::Error::other("the socket there is of another user"));
    }
    let Some(group) = group else {
        return Ok(());
    };
    // The descriptor stands for what was looked at; these two go by the path of it.
    let same = format!("/proc/self/fd/{}", socket.as_raw_fd());
    if found.st_gid != group {
        rustix::fs::chown(&*same, None, Some(Gid::from_raw(group)))?;
    }
    if Mode::from_raw_mode(found.st_mode).intersection(MODE) != MODE {
        rustix::fs::chmod(&*same, MODE)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_a_socket_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let group = Some(rustix::process::getegid().as_raw());
        assert!(open_to_visitors(&path, None, group).is_err());
        let _listener = UnixListener::bind(&path).unwrap();
        open_to_visitors(&path, None, group).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o660);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(open_to_visitors(&link, None, group).is_err());
        let file = folder.path().join("file");
        ondol_base::file::replace(&file, b"", 0o600).unwrap();
        assert!(open_to_visitors(&file, None, group).is_err());
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    }
}
