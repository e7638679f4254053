//! What a data plane may do on the machine: its user, its folders, its limits. It decides and enforces;
//! it does not start processes.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use landlock::ABI;
use landlock::Access;
use landlock::AccessFs;
use landlock::AccessNet;
use landlock::BitFlags;
use landlock::CompatLevel;
use landlock::Compatible;
use landlock::Ruleset;
use landlock::RulesetAttr;
use landlock::RulesetCreatedAttr;
use landlock::RulesetError;
use landlock::RulesetStatus;
use landlock::path_beneath_rules;
use ondol_model::Plan;
use ondol_model::Site;
use rustix::process::DumpableBehavior;
use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;

use crate::folders::Found;

mod releases;
mod user;

pub(crate) use user::ServeUser;
pub(crate) use user::UserError;

/// The rights that are handled. Later versions also forbid to connect to Unix sockets by path, which
/// upstreams need.
const ABI_USED: ABI = ABI::V5;

/// What looking up a name or a time zone reads. All of it is readable by every user anyway; `/etc` is
/// there as a whole because `resolv.conf` and the like are replaced when the network changes.
const PUBLIC: [&str; 9] = [
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
];

/// The folders that a plan serves files from, as they are on disk now. Missing ones are left out.
///
/// A root that leads through a symbolic link (`/srv/coffee/current`, switched by a deploy) brings the
/// folder of that link too, so that the next switch needs nothing from us; not so where that folder is at
/// the top of the disk, which would open too much. Of an app of Ondol's own it brings the releases alone.
pub(crate) fn folders_to_read(plan: &Plan, state: &Path) -> BTreeSet<Folder> {
    let roots: BTreeSet<&Path> = plan.sites.iter().flat_map(Site::folders).collect();
    let folders = roots.into_iter().flat_map(|root| {
        releases::of(&plan.apps, state, root).unwrap_or_else(|| {
            let real = root.canonicalize().ok();
            real.into_iter().chain(folders_of_links(root)).collect()
        })
    });
    folders.map(Folder::on_disk).collect()
}

fn folders_of_links(root: &Path) -> Vec<PathBuf> {
    const DEPTH_MIN: usize = 3; // "/", "srv", "coffee"
    root.ancestors()
        .filter(|path| path.is_symlink())
        .filter_map(Path::parent)
        .filter_map(|folder| folder.canonicalize().ok())
        .filter(|folder| folder.components().count() >= DEPTH_MIN)
        .collect()
}

/// A folder that may be read. What the sandbox lets in is the folder itself: another one that has taken its path is
/// another folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// What it is known by; `None` while it is not there.
    id: Option<Identity>,
}

/// What tells a folder from another at the same path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    device: u64,
    number: u64,
    /// When it was made, where the file system tells: numbers are given again.
    made_at: Option<SystemTime>,
}

impl Folder {
    /// As it is on disk now.
    pub(crate) fn on_disk(path: PathBuf) -> Self {
        let id = fs::metadata(&path).ok();
        let id = id.map(|found| Identity {
            device: found.dev(),
            number: found.ino(),
            made_at: found.created().ok(),
        });
        Self { path, id }
    }
}

/// Whether every folder of `wanted` is one of `allowed` or below one.
pub(crate) fn covers(allowed: &BTreeSet<Folder>, wanted: &BTreeSet<Folder>) -> bool {
    let is_covered = |folder: &Folder| {
        let mut allowed = allowed.iter();
        allowed.any(|one| {
            one == folder || (one.path != folder.path && folder.path.starts_with(&one.path))
        })
    };
    wanted.iter().all(is_covered)
}

/// How far a process is locked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confinement {
    /// To its folders alone.
    Full,
    /// As far as this older kernel can.
    Partial,
    /// This kernel can't.
    None,
}

/// Why a process could not be locked in, where the kernel can.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfineError {
    #[error("could not give up privileges")]
    Privileges(#[source] rustix::io::Errno),
    #[error("could not confine the process to its folders")]
    Landlock(#[from] RulesetError),
}

/// Gives up, for good, all that serving needs no more: capabilities, new privileges, being looked into,
/// and every folder but `roots` (reading) and `logs` (writing). To be called before any thread is
/// started, for it binds this thread and those started by it.
pub(crate) fn confine(roots: &[PathBuf], logs: &Path) -> Result<Confinement, ConfineError> {
    give_up_privileges().map_err(ConfineError::Privileges)?;
    let public: Vec<&str> = PUBLIC
        .into_iter()
        .filter(|path| Path::new(path).exists())
        .collect();
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write =
        read | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::Truncate | AccessFs::RemoveFile; // A rename, when a log is rotated, removes a name.
    let status = ruleset(CompatLevel::BestEffort)?
        .create()?
        .add_rules(path_beneath_rules(public, read))?
        .add_rules(path_beneath_rules(roots, read))?
        .add_rules(path_beneath_rules([logs], write))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Confinement::Full,
        RulesetStatus::PartiallyEnforced => Confinement::Partial,
        RulesetStatus::NotEnforced => Confinement::None,
    })
}

/// How far [`confine`] will lock a process in on this machine. Confines nothing.
pub(crate) fn possible() -> Confinement {
    let with = |level| ruleset(level).and_then(Ruleset::create).is_ok();
    let some_files = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .and_then(Ruleset::create)
            .is_ok()
    };
    if with(CompatLevel::HardRequirement) {
        Confinement::Full
    } else if some_files() {
        Confinement::Partial
    } else {
        Confinement::None
    }
}

/// Lets the data plane's user write the access log: gives it the log itself, and its folder where that was
/// just made for it. A folder that was there may hold others' logs, and stays whose it is.
pub(crate) fn give_log(log: &Path, folder: Found, user: &ServeUser) -> io::Result<()> {
    let ServeUser::Other { name: _, uid, gid } = user else {
        return Ok(());
    };
    if let (Found::Made, Some(folder)) = (folder, log.parent()) {
        std::os::unix::fs::chown(folder, Some(*uid), Some(*gid))?;
    }
    match fs::symlink_metadata(log) {
        // A second name of a file may be of one that is not ours to give.
        Ok(found) if found.is_file() && found.nlink() == 1 => {
            std::os::unix::fs::lchown(log, Some(*uid), Some(*gid))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn ruleset(level: CompatLevel) -> Result<Ruleset, RulesetError> {
    let files: BitFlags<AccessFs> = AccessFs::from_all(ABI_USED);
    Ruleset::default()
        .set_compatibility(level)
        .handle_access(files)?
        // No rule allows a port, so no socket of this process is ever bound: it was given its own.
        .handle_access(AccessNet::BindTcp)
}

fn give_up_privileges() -> rustix::io::Result<()> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_no_new_privs(true)?;
    rustix::thread::set_capabilities(None, none)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(test)]
mod tests;
