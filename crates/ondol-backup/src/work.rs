//! What a job is to do.

use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::access::DatabaseAccess;
use crate::manifest::Manifest;
use crate::manifest::ManifestApp;
use crate::manifest::ManifestSite;

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Take a backup; makes the repository when there is none.
    Take(TakeWork),
    /// Remove what is not to be kept.
    Prune(PruneWork),
    /// Read back a share of what is stored.
    Check(CheckWork),
    /// Take what is damaged out of the index, so that the next backup saves it anew.
    Repair(RepairWork),
    /// Restore the newest backup into a scratch folder, and compare.
    Prove(ProveWork),
    /// Say what there is.
    List(ListWork),
    /// Put something back, or beside.
    Restore(RestoreWork),
    /// Make the repository this box's.
    Claim(ClaimWork),
}

/// Taking a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeWork {
    /// The name of the run.
    pub run: String,
    /// `full` or `databases`.
    pub kind: String,
    /// The parts that are files, without that of the databases.
    pub parts: Vec<PartWork>,
    /// The databases.
    pub databases: Vec<DatabaseAccess>,
    /// Whether there has been a backup before: then a target without a repository is no place for one.
    pub is_known: bool,
    /// Whether all is read, and nothing taken for unchanged: what is stored may be damaged.
    #[serde(default)]
    pub anew: bool,
    /// What the manifest says of the box.
    pub configuration: PathBuf,
    /// The same.
    pub state: PathBuf,
    /// The same.
    pub sites: Vec<ManifestSite>,
    /// The same.
    pub apps: Vec<ManifestApp>,
}

/// A part that is files. A path belongs to it when, of the roots and of what is left out, the longest that the path is at
/// or below is a root: so a folder in a folder that is left out can be a root again, and roots may be nested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartWork {
    /// The word of the part.
    pub part: String,
    /// Absolute paths of files and folders; one that is missing is noted, and counts as nothing.
    pub roots: Vec<PathBuf>,
    /// Absolute paths that are left out, with all below them.
    pub left_out: Vec<PathBuf>,
    /// Names with `*` and `?` that are left out wherever they are.
    pub patterns: Vec<String>,
    /// Files that are not on disk, by absolute path.
    pub texts: Vec<(PathBuf, String)>,
}

/// Removing what is not to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneWork {
    /// Runs that are removed, with all their snapshots.
    pub runs: Vec<String>,
    /// Snapshots that must be in the repository; when one is missing, nothing is removed.
    pub known: Vec<String>,
}

/// Reading back a share of what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckWork {
    /// Which share of the packs: the `share`-th of `of`, counted from 1. All for 1 of 1.
    pub share: u16,
    /// Of how many.
    pub of: u16,
}

/// Taking what is damaged out of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairWork {
    /// Packs that a check has named, by their ids. Those that are missing, and those with folders, are looked for anyway.
    pub packs: Vec<String>,
    /// Whether all packs are read.
    pub everything: bool,
}

/// Restoring and comparing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProveWork {
    /// The run; `None` for the newest full one, with the newest databases.
    pub run: Option<String>,
    /// A scratch folder of its own on this machine, empty.
    pub scratch: PathBuf,
    /// How to reach database servers, for scratch databases.
    pub databases: Vec<DatabaseAccess>,
    /// Apps whose code, data and databases are kept for a drill: in the scratch folder, and beside the databases in use.
    pub keep_for: Vec<String>,
}

/// Saying what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListWork {
    /// A run, and an absolute path in it whose names are told.
    pub browse: Option<(String, PathBuf)>,
}

/// Putting something back, or beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreWork {
    /// The newest that is not younger than this, in seconds since the Unix epoch; `None` for the newest of all.
    pub at: Option<i64>,
    /// What.
    pub what: What,
    /// Where to.
    pub to: Destination,
    /// Folders that are elsewhere now: what was below the first comes back below the second. The longest counts.
    pub moved: Vec<(PathBuf, PathBuf)>,
    /// How to reach database servers.
    pub databases: Vec<DatabaseAccess>,
}

/// What is put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Files and folders, by their absolute paths; they are looked for in all parts.
    Paths(Vec<PathBuf>),
    /// Databases, by name.
    Databases(Vec<String>),
    /// Whole parts, by their words.
    Parts(Vec<String>),
}

/// Where something is put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// Below this folder, each at its whole path.
    Into(PathBuf),
    /// Beside what is there now, ready to take its place; nothing in use changes.
    Beside,
    /// In place of what is there: what lies beside takes its place, and what was there is kept beside it. Nobody
    /// uses it now.
    Place {
        /// What takes the place of what, as it was told.
        staged: Vec<(PathBuf, PathBuf)>,
    },
}

/// Making the repository this box's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimWork {
    /// Whether it may be another box's now.
    pub take_over: bool,
    /// The manifest that this box was recovered from.
    pub recovered_from: Option<Box<Manifest>>,
}
