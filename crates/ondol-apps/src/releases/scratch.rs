//! The folders that Rails writes into and does not make: a repository keeps no empty ones.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::io::Result;

use super::inside;
use super::links;
use super::work::Owner;

/// By this file Rails is known.
const RAILS: &str = "bin/rails";
const FOLDERS: [&str; 3] = ["log", "tmp/cache", "tmp/pids"];

/// Makes those that a release of Rails lacks. What stands in their place, a link too, stays.
pub(super) fn prepare(release: &Path, owner: Option<Owner>) -> Result<()> {
    if !release.join(RAILS).is_file() {
        return Ok(());
    }
    let top = inside::open_folder(rustix::fs::CWD, release, OFlags::NOFOLLOW)?;
    let made = |at: BorrowedFd<'_>, name: &OsStr| {
        rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o750))?;
        links::own(at, name, owner)
    };
    for folder in FOLDERS {
        match inside::step_by_step(top.as_fd(), Path::new(folder), made) {
            Ok(_) | Err(Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
