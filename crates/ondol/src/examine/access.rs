//! Whether another user could read a folder or use a socket, as far as modes tell.
//!
//! It decides like the kernel does for a user in one group without capabilities. Where a file has an
//! access control list the mode says too little, and then it is given the benefit of the doubt.

use std::fs;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::sandbox::ServeUser;

/// What is wanted of a file: bits of one digit of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// To pass through a folder.
    Enter,
    /// To read a file.
    Read,
    /// To list a folder and open what is in it.
    ReadFolder,
    /// To connect to a socket.
    Write,
    /// To make files in a folder.
    WriteFolder,
}

/// Where on the way to a file a user is stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    /// The file or folder that does not let the user on.
    pub(super) at: PathBuf,
    /// What the user may not do there.
    pub(super) need: Need,
}

/// Looks at the last step of a path and all before it; `None` when nothing is in the way. An error
/// when this process cannot look itself.
pub(super) fn stopped(path: &Path, need: Need, user: &ServeUser) -> io::Result<Option<Stopped>> {
    let real = path.canonicalize()?;
    let above = real.ancestors().skip(1).map(|folder| (folder, Need::Enter));
    let steps: Vec<_> = std::iter::once((&*real, need)).chain(above).collect();
    for (at, need) in steps.into_iter().rev() {
        let allowed = match user {
            ServeUser::Own => may_own(at, need),
            ServeUser::Other { uid, gid, .. } => {
                may(&fs::metadata(at)?, *uid, *gid, need) || has_list(at)
            }
        };
        if !allowed {
            let at = at.to_owned();
            return Ok(Some(Stopped { at, need }));
        }
    }
    Ok(None)
}

impl Need {
    fn bits(self) -> u32 {
        match self {
            Self::Enter => 0o1,
            Self::Read => 0o4,
            Self::ReadFolder => 0o5,
            Self::Write => 0o2,
            Self::WriteFolder => 0o3,
        }
    }

    fn access(self) -> rustix::fs::Access {
        use rustix::fs::Access;
        match self {
            Self::Enter => Access::EXEC_OK,
            Self::Read => Access::READ_OK,
            Self::ReadFolder => Access::READ_OK | Access::EXEC_OK,
            Self::Write => Access::WRITE_OK,
            Self::WriteFolder => Access::WRITE_OK | Access::EXEC_OK,
        }
    }

    /// The word for `chmod`.
    pub(super) fn chmod(self) -> &'static str {
        match self {
            Self::Enter => "o+x",
            Self::Read => "o+r",
            Self::ReadFolder => "o+rx",
            Self::Write => "o+w",
            Self::WriteFolder => "o+wx",
        }
    }
}

fn may(metadata: &Metadata, uid: u32, gid: u32, need: Need) -> bool {
    let digit = if metadata.uid() == uid {
        metadata.mode() >> 6
    } else if metadata.gid() == gid {
        metadata.mode() >> 3
    } else {
        metadata.mode()
    };
    uid == 0 || digit & need.bits() == need.bits()
}

fn may_own(path: &Path, need: Need) -> bool {
    rustix::fs::access(path, need.access()).is_ok()
}

fn has_list(path: &Path) -> bool {
    let mut room = [0; 1];
    let list = rustix::fs::getxattr(path, "system.posix_acl_access", &mut room);
    list == Err(Errno::RANGE) // There is one: it has no room in a byte.
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn user(uid: u32, gid: u32) -> ServeUser {
        ServeUser::Other {
            name: "web".to_owned(),
            uid,
            gid,
        }
    }

    #[test]
    fn each_step_of_a_path_must_let_the_user_on() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let mode =
            |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let (a, b) = (folder.path().join("a"), &inner);
        let real = |path: &Path| path.canonicalize().unwrap();
        mode(folder.path(), 0o711);
        let owner = fs::metadata(b).unwrap();
        let stranger = user(owner.uid() + 1, owner.gid() + 1);
        let colleague = user(owner.uid() + 1, owner.gid());
        let cases = [
            (0o711, 0o755, &stranger, None),
            (0o710, 0o755, &stranger, Some((&a, Need::Enter))),
            (0o710, 0o755, &colleague, None),
            (0o701, 0o755, &colleague, Some((&a, Need::Enter))),
            (0o711, 0o711, &stranger, Some((b, Need::ReadFolder))),
            (0o711, 0o754, &stranger, Some((b, Need::ReadFolder))),
            (0o711, 0o750, &colleague, None),
            (0o711, 0o750, &user(owner.uid(), 0), None),
        ];
        for (a_mode, b_mode, user, expected) in cases {
            mode(&a, a_mode);
            mode(b, b_mode);
            let found = stopped(b, Need::ReadFolder, user).unwrap();
            let expected = expected.map(|(path, need)| Stopped {
                at: real(path),
                need,
            });
            assert_eq!(found, expected, "{a_mode:o} {b_mode:o} {user:?}");
        }
        mode(folder.path(), 0o700);
        let found = stopped(b, Need::ReadFolder, &stranger).unwrap().unwrap();
        assert_eq!(found.at, real(folder.path()));
        assert_eq!(stopped(b, Need::ReadFolder, &ServeUser::Own).unwrap(), None);
    }
}
