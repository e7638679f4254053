//! A view of the disk of its own, where the process may make one: its own `/tmp`, and nothing where Ondol's own
//! folders lie in one that can't be split.

use std::path::Path;
use std::path::PathBuf;

use nix::sched::CloneFlags;
use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::mount::MountPropagationFlags;

use crate::spec::Reach;
use crate::spec::StandIn;

use super::view;

const TMP: &str = "/tmp";

/// Makes the view. `false` when this process may not; nothing has changed then. Must come before anything is given
/// up: it takes root's rights.
pub(super) fn separate(
    reach: &Reach,
    needed: &[PathBuf],
    stand_ins: &[StandIn],
) -> Result<bool, Errno> {
    let hidden = view::to_mask(reach);
    let tmp = reach.tmp.as_deref().filter(|_| !is_needed(needed));
    if tmp.is_none() && hidden.is_empty() && stand_ins.is_empty() {
        return Ok(false);
    }
    match nix::sched::unshare(CloneFlags::CLONE_NEWNS) {
        Ok(()) => {}
        // Without stand-ins it would be what is in use that is written.
        Err(nix::errno::Errno::EPERM) if stand_ins.is_empty() => return Ok(false),
        Err(error) => return Err(Errno::from_raw_os_error(error as i32)),
    }
    // What the system mounts later is seen here too, but nothing from here is seen there.
    rustix::mount::mount_change(
        "/",
        MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
    )?;
    for path in hidden {
        let flags =
            MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
        rustix::mount::mount(
            "tmpfs",
            path,
            "tmpfs",
            flags,
            c"mode=000,nr_inodes=2,size=4k",
        )?;
    }
    for StandIn { path, by } in stand_ins {
        rustix::mount::mount_bind(by, path)?;
    }
    if let Some(tmp) = tmp {
        rustix::mount::mount_bind(tmp, TMP)?;
    }
    Ok(tmp.is_some())
}

/// Whether something that the process needs lies in the machine's `/tmp`, and would be out of its sight.
fn is_needed(needed: &[PathBuf]) -> bool {
    needed.iter().any(|path| path.starts_with(Path::new(TMP)))
}
