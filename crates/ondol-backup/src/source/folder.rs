//! A folder that is being read.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use crate::databases::SQLITE_SIDECARS;

/// A folder with this file holds what can be made again (bford.info/cachedir).
const TAG: &str = "CACHEDIR.TAG";
const TAG_START: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// What every repository of restic has.
const REPOSITORY: [&str; 5] = ["config", "data", "index", "keys", "snapshots"];

/// A folder that is being read.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The file system that it is on; `None` for one that is not there.
    pub(super) device: Option<u64>,
    /// Whether all that is in it is read, and not only what leads to destinations.
    pub(super) is_whole: bool,
    names: Vec<OsString>,
    next: usize,
    /// Databases in it: the files beside them belong to them.
    databases: BTreeSet<OsString>,
}

/// What is to be made of the names that a folder has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Plain,
    /// It holds what can be made again.
    Cache,
    /// It is a repository of backups.
    Repository,
}

impl Folder {
    pub(super) fn new(
        path: PathBuf,
        device: Option<u64>,
        is_whole: bool,
        names: BTreeSet<OsString>,
    ) -> Self {
        Self {
            path,
            device,
            is_whole,
            names: names.into_iter().collect(),
            next: 0,
            databases: BTreeSet::new(),
        }
    }

    /// The next name, in the order of their bytes.
    pub(super) fn next(&mut self) -> Option<OsString> {
        let name = self.names.get_mut(self.next)?;
        self.next += 1;
        Some(std::mem::take(name))
    }

    /// Whether it has a file of this name that ends so, after this one.
    pub(super) fn has_beside(&self, name: &OsStr, end: &str) -> bool {
        let mut beside = name.to_owned();
        beside.push(end);
        self.names[self.next..].binary_search(&beside).is_ok()
    }

    /// That a file in it is a database.
    pub(super) fn set_database(&mut self, name: &OsStr) {
        self.databases.insert(name.to_owned());
    }

    /// Whether a name is of a file that belongs to a database.
    pub(super) fn is_sidecar(&self, name: &OsStr) -> bool {
        if self.databases.is_empty() {
            return false;
        }
        let name = name.as_bytes();
        let mut bases = SQLITE_SIDECARS.iter().filter_map(|end| {
            let base = name.strip_suffix(end.as_bytes())?;
            Some(OsStr::from_bytes(base))
        });
        bases.any(|base| self.databases.contains(base))
    }
}

/// All names in a folder.
pub(super) fn list(path: &Path) -> io::Result<BTreeSet<OsString>> {
    fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect()
}

/// What a folder is, by the names in it.
pub(super) fn nature(path: &Path, names: &BTreeSet<OsString>) -> Nature {
    if names.contains(OsStr::new(TAG)) && is_tag(&path.join(TAG)) {
        return Nature::Cache;
    }
    let has = |name: &&str| names.contains(OsStr::new(*name));
    if REPOSITORY.iter().all(has) {
        return Nature::Repository;
    }
    Nature::Plain
}

/// The only name of a cache that is kept: it says what the folder was.
pub(super) fn tag() -> OsString {
    OsString::from(TAG)
}

fn is_tag(path: &Path) -> bool {
    let mut start = [0; TAG_START.len()];
    let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let read = || File::open(path)?.read_exact(&mut start);
    is_file && { read }().is_ok() && start == TAG_START
}
