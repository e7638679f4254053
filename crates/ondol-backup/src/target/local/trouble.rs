//! What errors of a disk mean to the owner.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::super::Object;
use super::super::TargetError;
use super::super::Trouble;
use super::Local;

/// Why something could not be done with this folder or what is in it.
pub(super) fn explain(path: &Path, action: &str, error: Errno) -> TargetError {
    let (trouble, reason) = match error {
        Errno::NOENT => (Trouble::Missing, "it is not there"),
        Errno::NOSPC => (Trouble::Full, "the disk has no room left"),
        Errno::DQUOT => (Trouble::Full, "the user's share of the disk is used up"),
        Errno::FBIG => (Trouble::Full, "the file system takes no file of that size"),
        Errno::ROFS => (
            Trouble::Refused,
            "the disk is mounted read-only, which Linux also does after a fault of the disk",
        ),
        Errno::ACCESS | Errno::PERM => (
            Trouble::Refused,
            "the user that Ondol runs as may not do that",
        ),
        Errno::IO => (
            Trouble::Other,
            "the disk reports a fault: it was unplugged, or it is failing (`dmesg` says more)",
        ),
        Errno::NODEV | Errno::NXIO | Errno::STALE | Errno::NOTCONN => {
            (Trouble::NotThere, "the disk went away")
        }
        Errno::TIMEDOUT | Errno::HOSTUNREACH | Errno::HOSTDOWN => (
            Trouble::Unreachable,
            "the machine that has it does not answer",
        ),
        Errno::LOOP => (Trouble::Wrong, "a link stands in its place"),
        Errno::NOTDIR => (Trouble::Wrong, "a file stands in the place of a folder"),
        Errno::ISDIR => (Trouble::Wrong, "a folder stands in its place"),
        _ => {
            let reason = io::Error::from(error).to_string();
            return told(Trouble::Other, path, action, &reason);
        }
    };
    told(trouble, path, action, reason)
}

/// The same for an error of the standard library.
pub(super) fn explain_io(path: &Path, action: &str, error: &io::Error) -> TargetError {
    match Errno::from_io_error(error) {
        Some(error) => explain(path, action, error),
        None => told(Trouble::Other, path, action, &error.to_string()),
    }
}

fn told(trouble: Trouble, path: &Path, action: &str, reason: &str) -> TargetError {
    let what = format!("could not {action} in {}: {reason}", path.display());
    TargetError::new(trouble, what)
}

impl Local {
    pub(super) fn explain(&self, action: &str, error: Errno) -> TargetError {
        explain(&self.path, action, error)
    }

    pub(super) fn explain_io(&self, action: &str, error: &io::Error) -> TargetError {
        explain_io(&self.path, action, error)
    }

    pub(super) fn wrong(&self, object: &Object, what: &str) -> TargetError {
        let path = self.path.join(object.path());
        TargetError::new(Trouble::Wrong, format!("{}: {what}", path.display()))
    }
}
